//! What russh and the sockets say, in the words of [`remote::Error`](crate::remote::Error).

use crate::domain::Endpoint;
use crate::remote::{Error, ErrorKind};
use std::io;

/// `host:port` of an endpoint, with brackets where IPv6 needs them.
pub(crate) fn place(endpoint: &Endpoint) -> String {
    if endpoint.host.contains(':') {
        format!("[{}]:{}", endpoint.host, endpoint.port)
    } else {
        format!("{}:{}", endpoint.host, endpoint.port)
    }
}

/// A connection that could not be made.
pub(crate) fn unreachable(endpoint: &Endpoint, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Unreachable,
    };
    Error::new(kind, format!("could not reach `{}`", place(endpoint))).caused_by(error)
}

/// A connection that broke before it let us in.
pub(crate) fn handshake(endpoint: &Endpoint, error: russh::Error) -> Error {
    let kind = match &error {
        russh::Error::ConnectionTimeout
        | russh::Error::KeepaliveTimeout
        | russh::Error::InactivityTimeout
        | russh::Error::Elapsed(_) => ErrorKind::Timeout,
        russh::Error::Version
        | russh::Error::NoCommonAlgo { .. }
        | russh::Error::KexInit
        | russh::Error::Kex
        | russh::Error::WrongServerSig
        | russh::Error::PacketSize(_)
        | russh::Error::PacketAuth
        | russh::Error::Inconsistent => ErrorKind::Protocol,
        _ => ErrorKind::Unreachable,
    };
    Error::new(kind, format!("`{}` answers, but no SSH connection comes about", place(endpoint))).caused_by(error)
}

/// A connection that broke after it stood.
pub(crate) fn lost() -> Error {
    Error::new(ErrorKind::Lost, "the connection to the machine was lost")
}

/// The same, with what russh said.
pub(crate) fn lost_by(error: russh::Error) -> Error {
    match error {
        russh::Error::ChannelOpenFailure(reason) => {
            Error::new(ErrorKind::Lost, format!("the machine opens no further channel ({reason:?})"))
        }
        other => lost().caused_by(other),
    }
}

/// A file or folder of this computer.
pub(crate) fn local(what: &str, path: &std::path::Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::DiskFull
        }
        _ => ErrorKind::Local,
    };
    let whole = Error::new(kind, format!("could not {what} `{}` here", path.display())).caused_by(error);
    if kind == ErrorKind::DiskFull { whole.hint("make room on this computer's disk and try again") } else { whole }
}
