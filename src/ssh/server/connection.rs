//! One connection: who may come in, and what the requests on its channels mean. Requests are answered here, in order;
//! commands and SFTP then run on their own and never hold the connection up.

use super::inbox::Inbox;
use super::listen::ServerConfig;
use super::process::{self, Control, PtyRequest, Start};
use super::sftp;
use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Pty, Sig};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Channels open at a time on one connection.
const CHANNELS: usize = 512;
/// Variables a client may set for one command.
const VARIABLES: usize = 256;
/// Signals and sizes waiting for one command; more are dropped.
const CONTROLS: usize = 64;

pub(super) struct Connection {
    config: Arc<ServerConfig>,
    authorized: Arc<PublicKey>,
    logged_in: Arc<AtomicBool>,
    channels: HashMap<ChannelId, Open>,
}

/// A session channel. Dropping it, when the channel or the connection closes, hangs its command up.
struct Open {
    writer: Option<ChannelWriteHalf<Msg>>,
    inbox: Arc<Inbox>,
    environment: Vec<(String, String)>,
    pty: Option<PtyRequest>,
    control: Option<mpsc::Sender<Control>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.inbox.end();
    }
}

impl Connection {
    pub(super) fn new(config: Arc<ServerConfig>, authorized: Arc<PublicKey>, logged_in: Arc<AtomicBool>) -> Self {
        Self { config, authorized, logged_in, channels: HashMap::new() }
    }

    fn lets_in(&self, user: &str, key: &PublicKey) -> bool {
        user == self.config.user && key.key_data() == self.authorized.key_data()
    }

    fn start(&mut self, id: ChannelId, line: Option<Vec<u8>>, session: &mut Session) -> Result<(), russh::Error> {
        let Some(open) = self.channels.get_mut(&id) else { return session.channel_failure(id) };
        let Some(writer) = open.writer.take() else { return session.channel_failure(id) };
        let (control, controls) = mpsc::channel(CONTROLS);
        let start =
            Start { line, pty: open.pty.take(), environment: std::mem::take(&mut open.environment), controls };
        match process::start(&self.config, start, Arc::clone(&open.inbox), writer, session.handle()) {
            Ok(()) => {
                open.control = Some(control);
                session.channel_success(id)
            }
            Err(error) => {
                tracing::warn!(%error, "could not start a command");
                session.channel_failure(id)?;
                session.close(id)
            }
        }
    }

    fn control(&self, id: ChannelId, control: Control) -> bool {
        self.channels
            .get(&id)
            .and_then(|open| open.control.as_ref())
            .is_some_and(|sender| sender.try_send(control).is_ok())
    }
}

fn size(cells: u32) -> u16 {
    u16::try_from(cells).unwrap_or(u16::MAX)
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(if self.lets_in(user, offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        if !self.lets_in(user, key.public_key) {
            return Ok(Auth::reject());
        }
        self.logged_in.store(true, Ordering::Relaxed);
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.channels.len() >= CHANNELS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        // The reading half goes: data comes through `data` below, so that it can never hold the connection up.
        let (_, writer) = channel.split();
        let inbox = Arc::new(Inbox::new(&self.config.scratch));
        let open = Open { writer: Some(writer), inbox, environment: Vec::new(), pty: None, control: None };
        self.channels.insert(id, open);
        reply.accept().await;
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Self::Error> {
        match self.channels.get(&id) {
            Some(open) => open.inbox.push(data).map_err(russh::Error::IO),
            None => Ok(()),
        }
    }

    async fn channel_eof(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(open) = self.channels.get(&id) {
            open.inbox.end();
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&id);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        cols: u32,
        rows: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(open) = self.channels.get_mut(&id).filter(|open| open.writer.is_some()) else {
            return session.channel_failure(id);
        };
        open.pty = Some(PtyRequest { term: term.to_owned(), cols: size(cols), rows: size(rows) });
        session.channel_success(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // The server's own marks are how a machine finds its processes.
        let fit = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        match self.channels.get_mut(&id) {
            Some(open) if fit && !name.starts_with("HGA_") && open.environment.len() < VARIABLES => {
                open.environment.push((name.to_owned(), value.to_owned()));
                session.channel_success(id)
            }
            _ => session.channel_failure(id),
        }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.start(id, None, session)
    }

    async fn exec_request(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.start(id, Some(data.to_vec()), session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(open) = self.channels.get_mut(&id) else { return session.channel_failure(id) };
        if name != "sftp" {
            return session.channel_failure(id);
        }
        let Some(writer) = open.writer.take() else { return session.channel_failure(id) };
        let (control, controls) = mpsc::channel(1);
        open.control = Some(control);
        match sftp::start(&self.config.home, Arc::clone(&open.inbox), writer, controls) {
            Ok(()) => session.channel_success(id),
            Err(error) => {
                tracing::warn!(%error, "could not start SFTP");
                session.channel_failure(id)
            }
        }
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        cols: u32,
        rows: u32,
        _pix_width: u32,
        _pix_height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.control(id, Control::Resize { cols: size(cols), rows: size(rows) }) {
            session.channel_success(id)
        } else {
            session.channel_failure(id)
        }
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, _session: &mut Session) -> Result<(), Self::Error> {
        self.control(id, Control::Signal(signal));
        Ok(())
    }
}
