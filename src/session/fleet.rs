//! Machines and images of every provider, and shells on machines.

use super::{Error, ErrorKind, Result, Session};
use crate::cloud::Cloud;
use crate::diag::{Hinted, chain};
use crate::domain::{CheckItem, Image, ImageName, Machine, MachineId, ProviderKind};
use crate::remote::Shell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

fn told<E: Hinted + 'static>(kind: ErrorKind, error: &E) -> Error {
    let mut told = Error::new(kind, chain(error));
    told.hints = error.hints();
    told
}

fn cloud_error(error: &crate::cloud::Error) -> Error {
    let kind = match error.kind {
        crate::cloud::ErrorKind::NotFound | crate::cloud::ErrorKind::Unsupported => ErrorKind::Usage,
        _ => ErrorKind::Remote,
    };
    told(kind, error)
}

/// The names of an image's inputs that are not what they would be today; none for a current image.
#[must_use]
pub fn changed_inputs(image: &Image) -> Vec<String> {
    static TODAY: LazyLock<BTreeMap<String, String>> = LazyLock::new(crate::mercurial::bootstrap_inputs);
    let known = TODAY.iter().filter(|(name, value)| image.inputs.get(*name) != Some(value)).map(|(name, _)| name);
    // the repository is the image's own; what else it was made from is asked for no more
    let gone = image.inputs.keys().filter(|name| name.as_str() != "repository" && !TODAY.contains_key(*name));
    known.chain(gone).cloned().collect()
}

impl Session {
    fn clouds(&self, provider: Option<ProviderKind>) -> impl Iterator<Item = &Arc<dyn Cloud>> {
        self.parts.clouds.values().filter(move |cloud| provider.is_none_or(|kind| cloud.provider() == kind))
    }

    /// Machines of every provider, or of one.
    ///
    /// # Errors
    /// When a provider cannot be asked.
    pub async fn machines(&self, provider: Option<ProviderKind>) -> Result<Vec<Machine>> {
        let mut all = Vec::new();
        for cloud in self.clouds(provider) {
            all.extend(cloud.machines().await.map_err(|error| cloud_error(&error))?);
        }
        Ok(all)
    }

    /// One machine, by id, whoever provides it.
    ///
    /// # Errors
    /// `Usage` when there is none, with the ids there are as a hint.
    pub async fn machine(&self, id: &MachineId) -> Result<Machine> {
        for cloud in self.clouds(None) {
            if let Some(machine) = cloud.machine(id).await.map_err(|error| cloud_error(&error))? {
                return Ok(machine);
            }
        }
        let known = self.machines(None).await?;
        let known: Vec<_> = known.iter().map(|machine| format!("`{}`", machine.id)).collect();
        let hint = if known.is_empty() {
            "there are no machines; `hga machines launch` makes one".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        Err(Error::new(ErrorKind::Usage, format!("there is no machine `{id}`")).hint(hint))
    }

    /// A shell on a machine; connects with the first call.
    ///
    /// # Errors
    /// `Usage` when there is no such machine, `Remote` when it has no address yet.
    pub async fn shell(&self, id: &MachineId) -> Result<Arc<dyn Shell>> {
        let machine = self.machine(id).await?;
        self.shell_of(&machine)
    }

    fn shell_of(&self, machine: &Machine) -> Result<Arc<dyn Shell>> {
        let endpoint = machine.endpoint.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Remote, format!("machine `{}` is {} and has no address", machine.id, machine.state))
        })?;
        Ok(self.parts.connector.shell(endpoint))
    }

    /// Walks the remote machine interface point by point.
    ///
    /// # Errors
    /// `Usage` when there is no such machine; what it lacks is no error but an item.
    pub async fn check(&self, id: &MachineId) -> Result<Vec<CheckItem>> {
        let machine = self.machine(id).await?;
        let shell = self.shell_of(&machine)?;
        Ok((self.parts.check)(shell, machine).await)
    }

    /// The host key that a machine shows now, as one OpenSSH line and its SHA-256 fingerprint, for a person to
    /// confirm.
    ///
    /// # Errors
    /// `Usage` when there is no such machine; `Remote` when it does not answer.
    pub async fn host_key(&self, id: &MachineId) -> Result<(String, String)> {
        let machine = self.machine(id).await?;
        let endpoint = machine
            .endpoint
            .ok_or_else(|| Error::new(ErrorKind::Remote, format!("machine `{id}` has no address")))?;
        self.parts.connector.offered_host_key(&endpoint).await.map_err(|error| told(ErrorKind::Remote, &error))
    }

    /// Pins a host key that a person has confirmed.
    ///
    /// # Errors
    /// `Usage` when there is no such host; `State` when it cannot be written.
    #[expect(clippy::unused_async, reason = "one file is written now, a service may be asked one day")]
    pub async fn pin_host_key(&self, id: &MachineId, line: &str) -> Result<()> {
        (self.parts.pin)(id, line).map_err(|error| cloud_error(&error))
    }

    /// Images of every provider, or of one.
    ///
    /// # Errors
    /// When a provider cannot be asked.
    pub async fn images(&self, provider: Option<ProviderKind>) -> Result<Vec<Image>> {
        let mut all = Vec::new();
        for cloud in self.clouds(provider) {
            all.extend(cloud.images().await.map_err(|error| cloud_error(&error))?);
        }
        Ok(all)
    }

    /// Removes an image.
    ///
    /// # Errors
    /// `Usage` when there is none of that name.
    pub async fn remove_image(&self, provider: ProviderKind, name: &ImageName) -> Result<()> {
        let cloud = self
            .clouds(Some(provider))
            .next()
            .ok_or_else(|| Error::new(ErrorKind::Usage, format!("provider `{provider}` is not set up")))?;
        cloud.remove_image(name).await.map_err(|error| cloud_error(&error))
    }
}
