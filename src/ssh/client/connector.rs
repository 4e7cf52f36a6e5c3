//! [`SshConnector`]: shells for endpoints, and the command that stands in for `ssh` towards them.

use super::error::local;
use super::shell::SshShell;
use crate::domain::Endpoint;
use crate::remote::{Connector, Error, ErrorKind, Result, Shell};
use crate::ssh::{keys, transport};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes [`SshShell`]s.
#[derive(Debug, Clone)]
pub struct SshConnector {
    keys: PathBuf,
    our_exe: PathBuf,
}

impl SshConnector {
    /// With the folder of the key pair, and this program's own file, which `ssh_command` names.
    pub fn new(keys: impl Into<PathBuf>, our_exe: impl Into<PathBuf>) -> Self {
        Self { keys: keys.into(), our_exe: our_exe.into() }
    }
}

#[async_trait::async_trait]
impl Connector for SshConnector {
    async fn offered_host_key(&self, endpoint: &Endpoint) -> Result<(String, String)> {
        super::offered_host_key(endpoint).await
    }

    fn shell(&self, endpoint: &Endpoint) -> Arc<dyn Shell> {
        Arc::new(SshShell::new(endpoint.clone()))
    }

    fn ssh_command(&self, endpoint: &Endpoint, scratch: &Path) -> Result<Vec<String>> {
        let file = transport::write_target(endpoint, scratch)
            .map_err(|error| local("describe a machine in", scratch, error))?;
        let words = [self.our_exe.as_path(), file.as_path()].map(|path| {
            path.to_str().map(str::to_owned).ok_or_else(|| {
                Error::new(ErrorKind::Local, format!("the path `{}` is not UTF-8", path.display()))
                    .hint("choose a folder with a plain name")
            })
        });
        let [exe, file] = words;
        Ok(vec![exe?, transport::COMMAND.to_owned(), "--target".to_owned(), file?])
    }

    fn public_key(&self) -> Result<String> {
        keys::ensure(&self.keys).map(|key| key.public)
    }

    fn private_key(&self) -> PathBuf {
        self.keys.join(keys::FILE_NAME)
    }
}
