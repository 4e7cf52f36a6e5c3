//! SFTP, version 3 (draft-ietf-secsh-filexfer-02) with the extensions OpenSSH's clients use. Names are bytes
//! throughout, as the file system has them. Each session has a thread of its own, so that a slow disk holds up nobody
//! else and reading or writing 32 KiB costs no hop between threads.

mod attrs;
mod ops;
mod wire;

use super::inbox::Inbox;
use super::process::Control;
use bytes::{Buf, Bytes, BytesMut};
use ops::Files;
use russh::ChannelWriteHalf;
use russh::server::Msg;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// The largest packet taken, as OpenSSH's.
const MAX_PACKET: usize = 256 << 10;

pub(super) fn start(
    home: &Path,
    inbox: Arc<Inbox>,
    writer: ChannelWriteHalf<Msg>,
    closed: mpsc::Receiver<Control>,
) -> io::Result<()> {
    let files = Files::new(home);
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("sftp".into())
        .spawn(move || {
            let mut link = Link { runtime, inbox, writer, closed, pending: BytesMut::new() };
            if let Err(error) = link.answer(files) {
                tracing::debug!(%error, "an SFTP session broke");
            }
            link.end();
        })
        .map(drop)
}

/// The channel, seen from a thread that may wait.
struct Link {
    runtime: Handle,
    inbox: Arc<Inbox>,
    writer: ChannelWriteHalf<Msg>,
    closed: mpsc::Receiver<Control>,
    pending: BytesMut,
}

impl Link {
    fn answer(&mut self, mut files: Files) -> io::Result<()> {
        while let Some(packet) = self.packet()? {
            let reply = files.reply(&packet)?;
            self.send(reply)?;
        }
        Ok(())
    }

    /// The next whole packet, or `None` when the client has ended its side.
    fn packet(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(head) = self.pending.first_chunk::<4>() {
                let length = u32::from_be_bytes(*head) as usize;
                if length == 0 || length > MAX_PACKET {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of a forbidden length"));
                }
                if self.pending.len() >= 4 + length {
                    self.pending.advance(4);
                    return Ok(Some(self.pending.split_to(length).freeze()));
                }
            }
            match self.runtime.block_on(self.inbox.next())? {
                Some(bytes) => self.pending.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }

    fn send(&mut self, reply: Vec<u8>) -> io::Result<()> {
        let (writer, closed) = (&self.writer, &mut self.closed);
        self.runtime.block_on(async {
            tokio::select! {
                sent = writer.data_bytes(reply) => sent.map_err(io::Error::other),
                // Nothing but the channel's close ends this; a window that never opens would hold the thread else.
                () = async { while closed.recv().await.is_some() {} } => Err(io::ErrorKind::BrokenPipe.into()),
            }
        })
    }

    fn end(&self) {
        self.runtime.block_on(async {
            let _ = self.writer.eof().await;
            let _ = self.writer.exit_status(0).await;
            let _ = self.writer.close().await;
        });
    }
}
