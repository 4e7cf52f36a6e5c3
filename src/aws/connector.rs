//! [`AwsConnector`]: machines that Systems Manager knows get an [`SsmShell`], all others what they always get.

use super::client::Clients;
use super::ssm::SsmShell;
use crate::domain::Endpoint;
use crate::remote::{Connector, Error, ErrorKind, Result, Shell};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes shells for managed machines, and leaves all others to another connector.
pub struct AwsConnector {
    inner: Arc<dyn Connector>,
    clients: Arc<Clients>,
}

impl AwsConnector {
    pub(super) fn new(inner: Arc<dyn Connector>, clients: Arc<Clients>) -> Self {
        Self { inner, clients }
    }
}

#[async_trait]
impl Connector for AwsConnector {
    fn shell(&self, endpoint: &Endpoint) -> Arc<dyn Shell> {
        match &endpoint.managed {
            Some(at) => Arc::new(SsmShell::new(Arc::clone(&self.clients), at.clone(), endpoint.user.clone())),
            None => self.inner.shell(endpoint),
        }
    }

    fn ssh_command(&self, endpoint: &Endpoint, scratch: &Path) -> Result<Vec<String>> {
        match &endpoint.managed {
            Some(at) => Err(Error::new(
                ErrorKind::Local,
                format!(
                    "`{}` is reached by Systems Manager, not by SSH: changesets go there in bundles",
                    at.instance
                ),
            )),
            None => self.inner.ssh_command(endpoint, scratch),
        }
    }

    async fn offered_host_key(&self, endpoint: &Endpoint) -> Result<(String, String)> {
        self.inner.offered_host_key(endpoint).await
    }

    fn public_key(&self) -> Result<String> {
        self.inner.public_key()
    }

    fn private_key(&self) -> PathBuf {
        self.inner.private_key()
    }
}
