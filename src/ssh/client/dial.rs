//! Byte streams to a machine: TCP, or a proxy command.

use super::error::{place, unreachable};
use super::proxy::{self, Complaints, ProxyStream};
use crate::domain::Endpoint;
use crate::remote::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long TCP may take to connect, and the handshake up to the host's key after it.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long bytes may stay unacknowledged before the system gives a connection up.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(18);

/// What SSH is spoken over.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Straight to the machine.
    Tcp(TcpStream),
    /// Through a command.
    Proxy(Box<ProxyStream>),
}

/// Opens one, trying once.
///
/// # Errors
/// `Unreachable`, `Timeout`; `Local` when a proxy command cannot be started.
pub(crate) async fn dial(endpoint: &Endpoint) -> Result<(Wire, Complaints)> {
    if let Some(template) = &endpoint.proxy_command {
        let (stream, complaints) = proxy::start(template, endpoint)?;
        return Ok((Wire::Proxy(Box::new(stream)), complaints));
    }
    let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let stream = match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable(endpoint, error)),
        Err(_) => return Err(too_slow(endpoint)),
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    // Keepalives notice silence while we only read; a write that nobody acknowledges would outwait them in the socket.
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::socket::setsockopt(
        &stream,
        nix::sys::socket::sockopt::TcpUserTimeout,
        &u32::try_from(UNACKNOWLEDGED_LIMIT.as_millis()).unwrap_or(u32::MAX),
    ) {
        tracing::debug!(%error, "no TCP_USER_TIMEOUT");
    }
    Ok((Wire::Tcp(stream), Complaints::default()))
}

/// The error for a machine that takes longer than [`CONNECT_LIMIT`].
pub(crate) fn too_slow(endpoint: &Endpoint) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("`{}` did not answer within {} s", place(endpoint), CONNECT_LIMIT.as_secs()),
    )
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Proxy(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Proxy(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Proxy(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Proxy(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
