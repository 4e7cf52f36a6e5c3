//! One SFTP session: many requests under way at once, replies matched by their ids.

use super::wire::{self, Attrs, Code, Entry, Reply, Request, kind};
use crate::remote::{Error, ErrorKind, Result};
use crate::ssh::client::error::{lost, lost_by};
use crate::ssh::client::handshake::{Closed, Connection};
use bytes::{Bytes, BytesMut};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

/// Bytes asked for or written at once. Every server takes this much (draft, section 3).
pub(crate) const PIECE: usize = 32 << 10;
/// Pieces of data under way in a whole session; what bounds memory.
const PIECES_UNDER_WAY: usize = 128;
/// Requests waiting for the channel.
const QUEUE: usize = 64;
/// The largest reply taken. OpenSSH's own limit is 256 KiB.
const LARGEST: usize = 1 << 20;

const RENAME_OVER: &str = "posix-rename@openssh.com";
const SPACE: &str = "statvfs@openssh.com";

/// Who waits for which reply; `None` once no more will come.
type Waiting = Arc<Mutex<Option<HashMap<u32, oneshot::Sender<Reply>>>>>;

fn locked(waiting: &Waiting) -> MutexGuard<'_, Option<HashMap<u32, oneshot::Sender<Reply>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session.
pub(crate) struct Sftp {
    requests: mpsc::Sender<Bytes>,
    waiting: Waiting,
    next: AtomicU32,
    extensions: Vec<String>,
    pieces: Semaphore,
    tasks: [AbortHandle; 2],
    channel: Arc<ChannelWriteHalf<Msg>>,
    connection: Arc<Connection>,
}

impl Sftp {
    /// Opens a channel and greets the server on it.
    ///
    /// # Errors
    /// `Lost`; `Protocol` when the machine has no SFTP.
    pub(crate) async fn open(connection: Arc<Connection>) -> Result<Self> {
        let mut closed = connection.closed();
        let channel = tokio::select! {
            opened = connection.handle.channel_open_session() => opened.map_err(lost_by)?,
            () = closed.wait() => return Err(lost()),
        };
        let (read, write) = channel.split();
        let write = Arc::new(write);
        write.request_subsystem(true, "sftp").await.map_err(lost_by)?;
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let (requests, queue) = mpsc::channel(QUEUE);
        let (greeting, greeted) = oneshot::channel();
        if let Some(map) = locked(&waiting).as_mut() {
            map.insert(0, greeting);
        }
        let sender = tokio::spawn(send(Arc::clone(&write), queue, closed)).abort_handle();
        let receiver = tokio::spawn(receive(read, Arc::clone(&waiting))).abort_handle();
        let mut sftp = Self {
            requests,
            waiting,
            next: AtomicU32::new(1),
            extensions: Vec::new(),
            pieces: Semaphore::new(PIECES_UNDER_WAY),
            tasks: [sender, receiver],
            channel: write,
            connection,
        };
        // INIT has a version where other requests have their id.
        sftp.requests.send(Request::new(kind::INIT, 3).finish()).await.map_err(|_| lost())?;
        match greeted.await {
            Ok(Reply::Version { extensions }) => {
                sftp.extensions =
                    extensions.into_iter().map(|(name, _)| String::from_utf8_lossy(&name).into_owned()).collect();
                Ok(sftp)
            }
            Ok(_) => Err(no_sense()),
            Err(_) if sftp.connection.is_closed() => Err(lost()),
            Err(_) => Err(Error::new(ErrorKind::Protocol, "the machine offers no SFTP")
                .hint("its SSH server needs the subsystem `sftp`")),
        }
    }

    /// Whether no more replies will come.
    pub(crate) fn is_closed(&self) -> bool {
        self.connection.is_closed() || locked(&self.waiting).is_none()
    }

    fn request(&self, kind: u8) -> (u32, Request) {
        let mut id = self.next.fetch_add(1, Ordering::Relaxed);
        if id == 0 {
            // 0 is the greeting's.
            id = self.next.fetch_add(1, Ordering::Relaxed);
        }
        (id, Request::new(kind, id))
    }

    async fn ask(&self, (id, request): (u32, Request)) -> Result<Reply> {
        let (sender, answer) = oneshot::channel();
        match locked(&self.waiting).as_mut() {
            Some(map) => map.insert(id, sender),
            None => return Err(self.broken()),
        };
        self.requests.send(request.finish()).await.map_err(|_| self.broken())?;
        answer.await.map_err(|_| self.broken())
    }

    fn broken(&self) -> Error {
        if self.connection.is_closed() {
            self.connection.complaints.explain(lost())
        } else {
            Error::new(ErrorKind::Lost, "the machine ended the SFTP session")
        }
    }

    async fn ask_status(&self, request: (u32, Request)) -> Result<Refusal> {
        match self.ask(request).await? {
            Reply::Status { code, text } => Ok(Refusal { code, text }),
            _ => Err(no_sense()),
        }
    }

    /// Opens a file; the inner error is the server's refusal.
    pub(crate) async fn open_file(&self, path: &[u8], flags: u32, attrs: &Attrs) -> Result<Answer<Bytes>> {
        let (id, request) = self.request(kind::OPEN);
        self.handle((id, request.string(path).number(flags).attrs(attrs))).await
    }

    pub(crate) async fn open_folder(&self, path: &[u8]) -> Result<Answer<Bytes>> {
        let (id, request) = self.request(kind::OPENDIR);
        self.handle((id, request.string(path))).await
    }

    async fn handle(&self, request: (u32, Request)) -> Result<Answer<Bytes>> {
        match self.ask(request).await? {
            Reply::Handle(handle) => Ok(Ok(handle)),
            Reply::Status { code, text } => Ok(Err(Refusal { code, text })),
            _ => Err(no_sense()),
        }
    }

    /// Closes a handle and tells what the server says to it.
    pub(crate) async fn close(&self, handle: &[u8]) -> Result<Answer<()>> {
        let (id, request) = self.request(kind::CLOSE);
        Ok(self.ask_status((id, request.string(handle))).await?.ok())
    }

    /// Closes a handle without waiting for an answer.
    pub(crate) async fn close_quietly(&self, handle: &[u8]) {
        let (_, request) = self.request(kind::CLOSE);
        let _ = self.requests.send(request.string(handle).finish()).await;
    }

    /// Entries of an open folder; empty at its end.
    pub(crate) async fn read_folder(&self, handle: &[u8]) -> Result<Answer<Vec<Entry>>> {
        let (id, request) = self.request(kind::READDIR);
        match self.ask((id, request.string(handle))).await? {
            Reply::Names(entries) => Ok(Ok(entries)),
            Reply::Status { code: Code::Eof, .. } => Ok(Ok(Vec::new())),
            Reply::Status { code, text } => Ok(Err(Refusal { code, text })),
            _ => Err(no_sense()),
        }
    }

    /// Bytes at an offset; empty at the end of the file.
    pub(crate) async fn read(&self, handle: &[u8], offset: u64, length: usize) -> Result<Answer<Bytes>> {
        let _piece = self.pieces.acquire().await.map_err(|_| self.broken())?;
        let (id, request) = self.request(kind::READ);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        match self.ask((id, request.string(handle).long(offset).number(length))).await? {
            Reply::Data(bytes) => Ok(Ok(bytes)),
            Reply::Status { code: Code::Eof, .. } => Ok(Ok(Bytes::new())),
            Reply::Status { code, text } => Ok(Err(Refusal { code, text })),
            _ => Err(no_sense()),
        }
    }

    pub(crate) async fn write(&self, handle: &[u8], offset: u64, bytes: &[u8]) -> Result<Answer<()>> {
        let _piece = self.pieces.acquire().await.map_err(|_| self.broken())?;
        let (id, request) = self.request(kind::WRITE);
        Ok(self.ask_status((id, request.string(handle).long(offset).string(bytes))).await?.ok())
    }

    async fn attrs(&self, request: (u32, Request)) -> Result<Answer<Attrs>> {
        match self.ask(request).await? {
            Reply::Attrs(attrs) => Ok(Ok(attrs)),
            Reply::Status { code, text } => Ok(Err(Refusal { code, text })),
            _ => Err(no_sense()),
        }
    }

    pub(crate) async fn stat(&self, path: &[u8]) -> Result<Answer<Attrs>> {
        let (id, request) = self.request(kind::STAT);
        self.attrs((id, request.string(path))).await
    }

    pub(crate) async fn lstat(&self, path: &[u8]) -> Result<Answer<Attrs>> {
        let (id, request) = self.request(kind::LSTAT);
        self.attrs((id, request.string(path))).await
    }

    pub(crate) async fn fstat(&self, handle: &[u8]) -> Result<Answer<Attrs>> {
        let (id, request) = self.request(kind::FSTAT);
        self.attrs((id, request.string(handle))).await
    }

    pub(crate) async fn set_mode(&self, handle: &[u8], mode: u32) -> Result<Answer<()>> {
        let (id, request) = self.request(kind::FSETSTAT);
        Ok(self.ask_status((id, request.string(handle).attrs(&Attrs::mode(mode)))).await?.ok())
    }

    pub(crate) async fn set_mode_of(&self, path: &[u8], mode: u32) -> Result<Answer<()>> {
        let (id, request) = self.request(kind::SETSTAT);
        Ok(self.ask_status((id, request.string(path).attrs(&Attrs::mode(mode)))).await?.ok())
    }

    pub(crate) async fn make_folder(&self, path: &[u8], mode: u32) -> Result<Answer<()>> {
        let (id, request) = self.request(kind::MKDIR);
        Ok(self.ask_status((id, request.string(path).attrs(&Attrs::mode(mode)))).await?.ok())
    }

    pub(crate) async fn remove(&self, path: &[u8]) -> Result<Answer<()>> {
        let (id, request) = self.request(kind::REMOVE);
        Ok(self.ask_status((id, request.string(path))).await?.ok())
    }

    /// Renames over an existing file: atomically where the server can, otherwise the old file goes first.
    pub(crate) async fn rename(&self, from: &[u8], to: &[u8]) -> Result<Answer<()>> {
        if self.extensions.iter().any(|name| name == RENAME_OVER) {
            let (id, request) = self.request(kind::EXTENDED);
            let request = request.string(RENAME_OVER.as_bytes()).string(from).string(to);
            return Ok(self.ask_status((id, request)).await?.ok());
        }
        let plain = || {
            let (id, request) = self.request(kind::RENAME);
            self.ask_status((id, request.string(from).string(to)))
        };
        let first = plain().await?.ok();
        if first.is_ok() {
            return Ok(first);
        }
        // Best effort: what cannot be removed shows in the second rename's answer.
        let _ = self.remove(to).await?;
        Ok(plain().await?.ok())
    }

    pub(crate) async fn read_link(&self, path: &[u8]) -> Result<Answer<Bytes>> {
        let (id, request) = self.request(kind::READLINK);
        match self.ask((id, request.string(path))).await? {
            Reply::Names(entries) => entries.into_iter().next().map(|entry| Ok(entry.name)).ok_or_else(no_sense),
            Reply::Status { code, text } => Ok(Err(Refusal { code, text })),
            _ => Err(no_sense()),
        }
    }

    /// Makes a link. OpenSSH takes target and link the other way round than the draft says, and so do all who want to be
    /// understood by it.
    pub(crate) async fn make_link(&self, target: &[u8], link: &[u8]) -> Result<Answer<()>> {
        let (id, request) = self.request(kind::SYMLINK);
        Ok(self.ask_status((id, request.string(target).string(link))).await?.ok())
    }

    /// Whether the file system of `path` is full, as far as the machine tells: OpenSSH itself says only "Failure".
    pub(crate) async fn is_full(&self, path: &[u8]) -> bool {
        if !self.extensions.iter().any(|name| name == SPACE) {
            return false;
        }
        let (id, request) = self.request(kind::EXTENDED);
        let answer = self.ask((id, request.string(SPACE.as_bytes()).string(path))).await;
        let Ok(Reply::Extended(bytes)) = answer else { return false };
        let word = |index: usize| {
            bytes.get(index * 8..index * 8 + 8).and_then(|eight| eight.try_into().ok()).map(u64::from_be_bytes)
        };
        // bsize, frsize, blocks, bfree, bavail
        let (Some(fragment), Some(available)) = (word(1), word(4)) else { return false };
        available.saturating_mul(fragment) < PIECE as u64
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        let channel = Arc::clone(&self.channel);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { channel.close().await });
        }
    }
}

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) text: String,
}

/// What a server answers: the thing asked for, or its refusal.
pub(crate) type Answer<T> = std::result::Result<T, Refusal>;

impl Refusal {
    fn ok(self) -> Answer<()> {
        if self.code == Code::Ok { Ok(()) } else { Err(self) }
    }

    /// As an error about a path.
    pub(crate) fn error(&self, what: &str, path: &[u8]) -> Error {
        let path = String::from_utf8_lossy(path);
        let text = self.text.trim().trim_end_matches('.').to_lowercase();
        let full = text.contains("no space") || text.contains("quota") || text.contains("disk full");
        let kind = match self.code {
            Code::NoSuchFile => ErrorKind::NotFound,
            Code::Denied => ErrorKind::Denied,
            _ if full => ErrorKind::DiskFull,
            _ => ErrorKind::Protocol,
        };
        let reason = match (self.code, text.is_empty()) {
            (Code::NoSuchFile, _) => "it does not exist".to_owned(),
            (Code::Denied, _) => "permission denied".to_owned(),
            (_, true) => "the machine says no more than that it failed".to_owned(),
            (_, false) => text,
        };
        Error::new(kind, format!("could not {what} `{path}` on the machine: {reason}"))
    }
}

/// The error for a reply that is none.
pub(crate) fn no_sense() -> Error {
    Error::new(ErrorKind::Protocol, "the machine's SFTP answer makes no sense")
}

/// Sends requests, several small ones in one packet.
async fn send(channel: Arc<ChannelWriteHalf<Msg>>, mut queue: mpsc::Receiver<Bytes>, mut closed: Closed) {
    let sending = async {
        while let Some(first) = queue.recv().await {
            let mut bytes = first;
            if let Ok(second) = queue.try_recv() {
                let mut both = BytesMut::with_capacity(PIECE);
                both.extend_from_slice(&bytes);
                both.extend_from_slice(&second);
                while both.len() < PIECE / 2 {
                    match queue.try_recv() {
                        Ok(more) => both.extend_from_slice(&more),
                        Err(_) => break,
                    }
                }
                bytes = both.freeze();
            }
            if channel.data_bytes(bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = closed.wait() => {}
    }
}

/// Hands replies to those who wait for them.
async fn receive(mut channel: ChannelReadHalf, waiting: Waiting) {
    let mut buffer = BytesMut::new();
    'reading: while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => buffer.extend_from_slice(&data),
            ChannelMsg::Failure | ChannelMsg::Eof | ChannelMsg::Close => break,
            _ => continue,
        }
        while let Some(head) = buffer.first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            if length > LARGEST {
                tracing::warn!(length, "an SFTP reply is too long");
                break 'reading;
            }
            if buffer.len() < length + 4 {
                break;
            }
            let packet = buffer.split_to(length + 4).freeze().slice(4..);
            let Ok((id, reply)) = wire::reply(packet) else {
                tracing::warn!("an SFTP reply makes no sense");
                break 'reading;
            };
            let waiter = locked(&waiting).as_mut().and_then(|map| map.remove(&id));
            if let Some(waiter) = waiter {
                // Who waited may have been cancelled.
                let _ = waiter.send(reply);
            }
        }
    }
    *locked(&waiting) = None;
}
