//! The accept loop: what the server is told, its host key, and how many connections it bears.

use super::connection::Connection;
use super::{Error, Result};
use russh::MethodKind;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{PrivateKey, PublicKey};
use std::borrow::Cow;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at a time; the next one waits in the socket's backlog until one ends.
const CONNECTIONS: usize = 256;
/// How long a connection may take to log in.
const LOGIN_GRACE: Duration = Duration::from_secs(60);

/// What the server answers with.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The only user who may log in.
    pub user: String,
    /// The only key that lets them in, as one OpenSSH line.
    pub authorized_key: String,
    /// The key the server proves itself with.
    pub host_key: HostKey,
    /// Where commands start, and what relative paths of SFTP start from.
    pub home: PathBuf,
    /// The shell that runs lines (`-c`) and logins.
    pub shell: OsString,
    /// A folder for input that a command does not read yet; only for what exceeds a few MiB.
    pub scratch: PathBuf,
}

/// The key a server proves itself with.
#[derive(Debug, Clone)]
pub struct HostKey(PrivateKey);

impl HostKey {
    /// A new ed25519 key.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn generate() -> Result<Self> {
        let mut seed = [0_u8; 32];
        rand::fill(&mut seed);
        let pair = russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&seed);
        Ok(Self(PrivateKey::from(pair)))
    }

    /// Its public half as one OpenSSH line, without a comment.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn public_line(&self) -> Result<String> {
        self.0.public_key().to_openssh().map_err(Error::HostKey)
    }

    /// Writes it in OpenSSH's format, readable by its owner alone; the file must not exist.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn save(&self, path: &Path) -> Result<()> {
        let pem = self.0.to_openssh(LineEnding::LF).map_err(Error::HostKey)?;
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(pem.as_bytes()))
            .map_err(|source| Error::Write { path: path.to_owned(), source })
    }
}

/// Answers connections until the listener breaks. Whatever a client does ends its own connection at most.
///
/// # Errors
/// A bad authorized key; a listener that can accept no more.
pub async fn serve(listener: TcpListener, config: ServerConfig) -> Result<()> {
    let authorized = PublicKey::from_openssh(&config.authorized_key).map_err(Error::AuthorizedKey)?;
    let protocol = Arc::new(russh::server::Config {
        server_id: russh::SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-hga_", env!("CARGO_PKG_VERSION")))),
        methods: (&[MethodKind::PublicKey][..]).into(),
        auth_rejection_time: Duration::from_millis(200),
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 20,
        keys: vec![config.host_key.0.clone()],
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        keepalive_max: 10,
        event_buffer_size: 32,
        ..russh::server::Config::default()
    });
    let shared = Arc::new(config);
    let authorized = Arc::new(authorized);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => return Err(Error::Accept(error)),
        };
        let _ = stream.set_nodelay(true);
        let logged_in = Arc::new(AtomicBool::new(false));
        let stream = Graced {
            stream,
            logged_in: Arc::clone(&logged_in),
            deadline: Some(Box::pin(tokio::time::sleep(LOGIN_GRACE))),
        };
        let handler = Connection::new(Arc::clone(&shared), Arc::clone(&authorized), logged_in);
        let protocol = Arc::clone(&protocol);
        tokio::spawn(async move {
            let _permit = permit;
            let ended = match russh::server::run_stream(protocol, stream, handler).await {
                Ok(session) => session.await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => tracing::debug!(%peer, "connection ended"),
                Err(error) => tracing::debug!(%peer, %error, "connection broke"),
            }
        });
    }
}

/// Errors of `accept` that say nothing about the listener (accept(2): the peer gave up, or no descriptor is free).
fn is_passing(error: &std::io::Error) -> bool {
    use nix::errno::Errno;
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
    matches!(
        errno,
        Errno::ECONNABORTED
            | Errno::EINTR
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::ENOBUFS
            | Errno::ENOMEM
            | Errno::EPROTO
            | Errno::EPERM
    )
}

/// A connection that reads as ended when nobody has logged in within the grace time.
struct Graced {
    stream: TcpStream,
    logged_in: Arc<AtomicBool>,
    deadline: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl AsyncRead for Graced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.deadline.is_some() && self.logged_in.load(Ordering::Relaxed) {
            self.deadline = None;
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            if !self.logged_in.load(Ordering::Relaxed) {
                return Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()));
            }
            self.deadline = None;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Graced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
