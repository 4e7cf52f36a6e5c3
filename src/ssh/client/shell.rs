//! [`SshShell`]: keeps a connection for all calls on a machine, and makes a new one for the next call when it was lost.

use super::error::lost_by;
use super::exec::SshExec;
use super::handshake::{Connection, connect};
use super::sftp::{Sftp, transfer, tree};
use crate::domain::Endpoint;
use crate::remote::{Command, Error, Exec, PutOptions, Result, Shell, Transfer};
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What a shell has of a connection.
#[derive(Default)]
enum State {
    /// None, or one that was lost.
    #[default]
    Down,
    /// One that stood when it was last looked at, with its SFTP session once that was needed.
    Up { connection: Arc<Connection>, sftp: Option<Arc<Sftp>> },
}

/// A machine reached by SSH. Calls share one connection; only while a reader of its output is so far behind that the
/// connection stands still, further calls get a connection of their own.
pub struct SshShell {
    endpoint: Endpoint,
    state: Mutex<State>,
}

impl SshShell {
    /// A shell on that machine; connects with the first call.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, state: Mutex::default() }
    }

    /// Starts a command, as [`Shell::exec`] does, with the concrete type.
    ///
    /// # Errors
    /// As [`Shell::exec`].
    pub async fn start(&self, command: Command) -> Result<SshExec> {
        let connection = self.connection().await?;
        SshExec::start(connection, command).await
    }

    /// The connection for a new call. Two calls at once wait for the same one.
    async fn connection(&self) -> Result<Arc<Connection>> {
        let mut state = self.state.lock().await;
        Ok(Arc::clone(self.usable(&mut state).await?))
    }

    async fn usable<'a>(&self, state: &'a mut State) -> Result<&'a Arc<Connection>> {
        let fresh = match state {
            State::Up { connection, .. } => !connection.is_closed() && !connection.backlog.is_stalled(),
            State::Down => false,
        };
        if !fresh {
            // One that stands still lives on with the calls that use it.
            *state = State::Down;
            let connection = Arc::new(connect(&self.endpoint).await?);
            *state = State::Up { connection, sftp: None };
        }
        match state {
            State::Up { connection, .. } => Ok(connection),
            State::Down => Err(super::error::lost()),
        }
    }

    /// The SFTP session, opened with its first use.
    async fn sftp(&self) -> Result<Arc<Sftp>> {
        let mut state = self.state.lock().await;
        let connection = Arc::clone(self.usable(&mut state).await?);
        if let State::Up { sftp: Some(sftp), .. } = &*state
            && !sftp.is_closed()
        {
            return Ok(Arc::clone(sftp));
        }
        let opened = Arc::new(Sftp::open(connection).await?);
        if let State::Up { sftp, .. } = &mut *state {
            *sftp = Some(Arc::clone(&opened));
        }
        Ok(opened)
    }

    fn explain(&self, error: Error) -> Error {
        tracing::debug!(host = %self.endpoint.host, port = self.endpoint.port, %error, "transfer failed");
        error
    }
}

#[async_trait]
impl Shell for SshShell {
    async fn exec(&self, command: Command) -> Result<Exec> {
        Ok(Box::new(self.start(command).await?))
    }

    async fn put(&self, from: &Path, to: &str, options: PutOptions, progress: Transfer<'_>) -> Result<()> {
        let sftp = self.sftp().await?;
        transfer::put(&sftp, from, to, options, progress).await.map_err(|error| self.explain(error))
    }

    async fn get(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
        let sftp = self.sftp().await?;
        transfer::get(&sftp, from, to, progress).await.map_err(|error| self.explain(error))
    }

    async fn get_tree(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
        let sftp = self.sftp().await?;
        tree::get(&sftp, from, to, progress).await.map_err(|error| self.explain(error))
    }

    async fn put_tree(&self, from: &Path, to: &str, progress: Transfer<'_>) -> Result<u64> {
        let sftp = self.sftp().await?;
        tree::put(&sftp, from, to, progress).await.map_err(|error| self.explain(error))
    }

    async fn disconnect(&self) {
        let state = std::mem::take(&mut *self.state.lock().await);
        if let State::Up { connection, .. } = state {
            let ended = connection.handle.disconnect(russh::Disconnect::ByApplication, "", "en").await;
            if let Err(error) = ended.map_err(lost_by) {
                tracing::debug!(%error, "disconnecting");
            }
        }
    }
}
