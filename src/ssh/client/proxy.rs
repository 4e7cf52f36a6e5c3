//! A connection through a command's standard input and output (`proxy_command`).

use super::error::place;
use crate::domain::Endpoint;
use crate::remote::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The last of what a proxy command wrote to its standard error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaints(Arc<Mutex<Vec<u8>>>);

impl Complaints {
    const KEPT: usize = 4 << 10;

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let over = kept.len().saturating_sub(Self::KEPT);
        kept.drain(..over);
    }

    /// As one line of text; empty when it said nothing.
    pub(crate) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept)
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Adds it to an error.
    pub(crate) fn explain(&self, mut error: Error) -> Error {
        let said = self.text();
        if !said.is_empty() {
            error.message = format!("{} (its proxy command says: {said})", error.message);
            if said.contains("aws: not found") || said.contains("aws: command not found") {
                error = error.hint("install the AWS CLI and its Session Manager plugin (`session-manager-plugin`)");
            } else if said.contains("SessionManagerPlugin is not found") {
                error = error.hint("install the AWS CLI's Session Manager plugin (`session-manager-plugin`)");
            }
        }
        error
    }
}

/// A running proxy command as a byte stream; dropping it kills the command and what it started.
#[derive(Debug)]
pub(crate) struct ProxyStream {
    stdin: ChildStdin,
    stdout: ChildStdout,
    child: Child,
}

/// Fills `%h`, `%p`, `%r` and `%%` in.
fn fill(template: &str, endpoint: &Endpoint) -> Result<String> {
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "._:@%+-".contains(c));
    for word in [&endpoint.host, &endpoint.user] {
        if !plain(word) || word.starts_with('-') {
            return Err(Error::new(ErrorKind::Local, format!("`{word}` cannot be given to a proxy command")));
        }
    }
    let mut filled = String::with_capacity(template.len());
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            filled.push(letter);
            continue;
        }
        match letters.next() {
            Some('h') => filled.push_str(&endpoint.host),
            Some('p') => filled.push_str(&endpoint.port.to_string()),
            Some('r') => filled.push_str(&endpoint.user),
            Some('%') => filled.push('%'),
            other => {
                let shown = other.map_or_else(|| "%".to_owned(), |c| format!("%{c}"));
                return Err(Error::new(ErrorKind::Local, format!("unknown `{shown}` in proxy command `{template}`"))
                    .hint("`%h` is the host, `%p` the port, `%r` the user, `%%` a percent sign"));
            }
        }
    }
    Ok(filled)
}

/// Starts it.
///
/// # Errors
/// `Local` when it cannot be filled in or started.
pub(crate) fn start(template: &str, endpoint: &Endpoint) -> Result<(ProxyStream, Complaints)> {
    let line = fill(template, endpoint)?;
    let mut command = Command::new("sh");
    command.arg("-c").arg(&line).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: Ctrl-C in the terminal is for us, and ending it ends all it started.
    command.process_group(0).kill_on_drop(true);
    let failed = || format!("could not start the proxy command of `{}`", place(endpoint));
    let mut child = command.spawn().map_err(|error| Error::new(ErrorKind::Local, failed()).caused_by(error))?;
    let (Some(stdin), Some(stdout), Some(mut stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Error::new(ErrorKind::Local, failed()));
    };
    let complaints = Complaints::default();
    let kept = complaints.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(read) = stderr.read(&mut buffer).await {
            if read == 0 {
                break;
            }
            tracing::debug!(text = %String::from_utf8_lossy(&buffer[..read]), "proxy command");
            kept.add(&buffer[..read]);
        }
    });
    Ok((ProxyStream { stdin, stdout, child }, complaints))
}

impl Drop for ProxyStream {
    fn drop(&mut self) {
        // Only while it is not yet waited for does its id still name our group.
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

impl AsyncRead for ProxyStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buf)
    }
}

impl AsyncWrite for ProxyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stdin).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HostKeys;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint {
            host: host.into(),
            port: 2222,
            user: "hg".into(),
            key: "k".into(),
            host_keys: HostKeys::Unknown,
            proxy_command: None,
            managed: None,
        }
    }

    #[test]
    fn letters_are_filled_in() {
        let good = endpoint("box.example.org");
        for (template, filled) in [
            ("nc %h %p", "nc box.example.org 2222"),
            ("x -l %r 100%%", "x -l hg 100%"),
            ("%%h", "%h"),
            ("plain", "plain"),
        ] {
            assert_eq!(fill(template, &good).unwrap(), filled);
        }
        assert!(fill("nc %x", &good).is_err());
        assert!(fill("nc %", &good).is_err());
        assert!(fill("nc %h", &endpoint("a;rm -rf b")).is_err());
        assert!(fill("nc %h", &endpoint("-oProxy")).is_err());
    }
}
