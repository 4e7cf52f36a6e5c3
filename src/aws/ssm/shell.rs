//! [`SsmShell`]: a machine reached by AWS Systems Manager. There is no connection to keep; each command stands alone.

use super::super::client::Clients;
use super::command::Runner;
use super::exec::{Forgotten, SsmExec, Task};
use super::files;
use crate::domain::Managed;
use crate::remote::{Command, Error, ErrorKind, Exec, PutOptions, Result, Shell, Transfer};
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;

/// A machine whose commands go through AWS Systems Manager.
#[derive(Debug)]
pub struct SsmShell {
    runner: Runner,
    user: String,
    forgotten: Forgotten,
}

impl SsmShell {
    /// A shell of this user on that machine; asks nobody yet.
    pub(in super::super) fn new(clients: Arc<Clients>, at: Managed, user: String) -> Self {
        Self { runner: Runner::new(clients, at), user, forgotten: Forgotten::default() }
    }

    fn start(&self, line: String, plain: bool) -> Result<SsmExec> {
        let task = Task { user: self.user.clone(), plain, line };
        SsmExec::start(self.runner.clone(), task, Arc::clone(&self.forgotten))
    }

    /// A command of `/bin/sh` without what a login shell says.
    pub(super) fn plain(&self, line: String) -> Result<Exec> {
        Ok(Box::new(self.start(line, true)?))
    }
}

#[async_trait]
impl Shell for SsmShell {
    async fn exec(&self, command: Command) -> Result<Exec> {
        if command.pty.is_some() {
            return Err(Error::new(ErrorKind::Local, "Systems Manager's commands have no terminal")
                .hint("`hga ssh MACHINE` opens one, by SSH through Session Manager"));
        }
        Ok(Box::new(self.start(command.line.unwrap_or_default(), false)?))
    }

    async fn put(&self, from: &Path, to: &str, options: PutOptions, progress: Transfer<'_>) -> Result<()> {
        files::put(self, from, to, options, progress).await
    }

    async fn get(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
        files::get(self, from, to, progress).await
    }

    async fn get_tree(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
        files::get_tree(self, from, to, progress).await
    }

    async fn put_tree(&self, from: &Path, to: &str, progress: Transfer<'_>) -> Result<u64> {
        files::put_tree(self, from, to, progress).await
    }

    async fn disconnect(&self) {}
}
