//! The inventory as a provider: it lists and describes, and refuses to launch or end what is not ours.

use super::pins::{self, PinError};
use crate::cloud::{Cloud, Error, ErrorKind, ImageRequest, LaunchRequest, Listing, Result};
use crate::config::Host;
use crate::diag::Hinted;
use crate::domain::{Endpoint, HostKeys, Image, ImageName, Lease, Machine, MachineId, MachineState, ProviderKind};
use async_trait::async_trait;
use std::path::PathBuf;

/// The machines listed in the configuration.
#[derive(Debug, Clone)]
pub struct HostsCloud {
    hosts: Vec<Host>,
    pins: PathBuf,
    key: PathBuf,
}

impl HostsCloud {
    /// The inventory `hosts`, with the folder of pinned host keys and the private key of hosts that name none.
    #[must_use]
    pub fn new(hosts: Vec<Host>, pins: PathBuf, key: PathBuf) -> Self {
        Self { hosts, pins, key }
    }

    /// The host of that name.
    fn host(&self, id: &MachineId) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == *id)
    }

    /// Adds a host key to a listed host's pins, after a person has confirmed it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the configuration pins its keys itself; `Other` when the line is no host key or
    /// the pins cannot be written.
    pub fn pin(&self, id: &MachineId, line: &str) -> Result<()> {
        let host = self.host(id).ok_or_else(|| self.not_found(id))?;
        if !host.host_keys.is_empty() {
            return Err(Error::new(ErrorKind::Conflict, format!("the configuration names the host keys of `{id}`"))
                .hint("change its `host_key` there"));
        }
        pins::pin(&self.pins, id, line).map_err(|error| from_pin(id, error))
    }

    fn not_found(&self, id: &MachineId) -> Error {
        let error = Error::new(ErrorKind::NotFound, format!("there is no host `{id}` in the configuration"));
        if self.hosts.is_empty() {
            return error.hint("add a `[[hosts]]` table to `config.toml`; `hga config --sample` shows one");
        }
        let names: Vec<_> = self.hosts.iter().map(|host| format!("`{}`", host.name)).collect();
        error.hint(format!("hosts in the configuration: {}", names.join(", ")))
    }

    /// The keys to accept from a host: the configuration's, else those that were pinned.
    fn keys(&self, host: &Host) -> Result<Vec<String>> {
        if host.host_keys.is_empty() {
            return pins::pinned(&self.pins, &host.name).map_err(|error| from_pin(&host.name, error));
        }
        Ok(host.host_keys.clone())
    }

    fn describe(&self, host: &Host, keys: Vec<String>) -> Machine {
        Machine {
            id: host.name.clone(),
            provider: ProviderKind::Hosts,
            // Not asked: a host that does not answer must not hold a list up. `walk` is there to find out.
            state: MachineState::Running,
            image: None,
            launched: None,
            lease: None,
            job: None,
            endpoint: Some(Endpoint {
                host: host.address.clone(),
                port: host.port,
                user: host.user.clone(),
                key: host.key.clone().unwrap_or_else(|| self.key.clone()),
                host_keys: if keys.is_empty() { HostKeys::Unknown } else { HostKeys::Pinned(keys) },
                proxy_command: host.proxy_command.clone(),
                managed: None,
            }),
            layout: host.layout.clone(),
            sudo: host.sudo,
            cloud: None,
        }
    }
}

fn from_pin(id: &MachineId, error: PinError) -> Error {
    let hints = error.hints();
    let mut wrapped =
        Error::new(ErrorKind::Other, format!("the host keys of `{id}` cannot be used")).caused_by(error);
    wrapped.hints = hints;
    wrapped
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("provider `hosts` cannot {what}"))
}

#[async_trait]
impl Cloud for HostsCloud {
    fn provider(&self) -> ProviderKind {
        ProviderKind::Hosts
    }

    /// A host whose pins are damaged is listed as one of unknown key, which nothing connects to, so that the others
    /// can be seen; asking for that machine by name tells the error.
    async fn machines(&self) -> Listing<Machine> {
        let machines = self.hosts.iter().map(|host| {
            let keys = self.keys(host).unwrap_or_else(|error| {
                tracing::warn!(host = %host.name, error = crate::diag::chain(&error), "listed without its pins");
                Vec::new()
            });
            self.describe(host, keys)
        });
        Ok(machines.collect()).into()
    }

    async fn machine(&self, id: &MachineId) -> Result<Option<Machine>> {
        let Some(host) = self.host(id) else { return Ok(None) };
        Ok(Some(self.describe(host, self.keys(host)?)))
    }

    async fn launch(&self, _: &LaunchRequest) -> Result<Machine> {
        let error = unsupported("launch machines: it uses those that are listed in the configuration");
        Err(match self.hosts.first() {
            Some(host) => error.hint(format!("name one, for example `--machine {}`", host.name)),
            None => error.hint("add a `[[hosts]]` table to `config.toml`; `hga config --sample` shows one"),
        }
        .hint("`--provider local` launches one on this computer"))
    }

    async fn renew(&self, id: &MachineId, _: Lease) -> Result<()> {
        Err(unsupported(&format!("move the lease of `{id}`: listed hosts have none and stay")))
    }

    async fn terminate(&self, id: &MachineId) -> Result<()> {
        Err(unsupported(&format!("end `{id}`: it is listed in the configuration and not ours"))
            .hint("take its `[[hosts]]` table out of `config.toml` to stop using it"))
    }

    async fn images(&self) -> Listing<Image> {
        Listing::default()
    }

    async fn create_image(&self, _: &ImageRequest) -> Result<Image> {
        Err(unsupported("make images").hint("`--provider local` makes one on this computer"))
    }

    async fn remove_image(&self, name: &ImageName) -> Result<()> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no image `{name}`: provider `hosts` has none")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CloudWish, JobId, Layout, Timestamp};
    use std::path::Path;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJsWri7taHCrWsyHNfTr0Svxuog6uuDMT0RlHJmGGe82";

    fn id(name: &str) -> MachineId {
        MachineId::new(name).unwrap()
    }

    fn cloud(pins: &Path) -> HostsCloud {
        let free = Host {
            name: id("free"),
            address: "10.0.0.4".into(),
            port: 22,
            user: "hg".into(),
            key: None,
            host_keys: Vec::new(),
            proxy_command: None,
            layout: Layout::interface(),
            sudo: true,
        };
        let fixed = Host {
            name: id("fixed"),
            host_keys: vec![KEY.into()],
            key: Some("/k".into()),
            sudo: false,
            ..free.clone()
        };
        HostsCloud::new(vec![free, fixed], pins.into(), "/state/keys/keypair-automation".into())
    }

    fn host_keys(machine: &Machine) -> &HostKeys {
        &machine.endpoint.as_ref().unwrap().host_keys
    }

    #[tokio::test]
    async fn the_configuration_pins_before_the_file_does() {
        let pins = tempfile::tempdir().unwrap();
        let cloud = cloud(pins.path());
        let machines = cloud.machines().await.whole().unwrap();
        assert_eq!(machines.iter().map(|machine| machine.id.as_str()).collect::<Vec<_>>(), ["free", "fixed"]);
        assert_eq!(host_keys(&machines[0]), &HostKeys::Unknown);
        assert_eq!(host_keys(&machines[1]), &HostKeys::Pinned(vec![KEY.into()]));
        assert_eq!(machines[0].endpoint.as_ref().unwrap().key, Path::new("/state/keys/keypair-automation"));
        assert_eq!(machines[1].endpoint.as_ref().unwrap().key, Path::new("/k"));
        assert!(!machines[1].sudo && !machines[1].is_ephemeral());

        cloud.pin(&id("free"), KEY).unwrap();
        let free = cloud.machine(&id("free")).await.unwrap().unwrap();
        assert_eq!(host_keys(&free), &HostKeys::Pinned(vec![KEY.into()]));
        assert_eq!(cloud.pin(&id("fixed"), KEY).unwrap_err().kind, ErrorKind::Conflict);
        assert_eq!(
            cloud.pin(&id("none"), KEY).unwrap_err().hints()[0].0,
            "hosts in the configuration: `free`, `fixed`"
        );
        assert_eq!(cloud.pin(&id("free"), "x").unwrap_err().kind, ErrorKind::Other);
        assert_eq!(cloud.machine(&id("none")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn damaged_pins_hide_no_other_host_and_are_never_taken_for_none() {
        let pins = tempfile::tempdir().unwrap();
        let cloud = cloud(pins.path());
        std::fs::write(pins.path().join("free"), "garbage\n").unwrap();
        let machines = cloud.machines().await.whole().unwrap();
        assert_eq!(machines.len(), 2);
        assert_eq!(host_keys(&machines[0]), &HostKeys::Unknown);
        let error = cloud.machine(&id("free")).await.unwrap_err();
        let file = pins.path().join("free");
        assert_eq!(
            crate::diag::chain(&error),
            format!(
                "the host keys of `free` cannot be used: `{}`, line 1: no host key: it is not of the form `TYPE BASE64`",
                file.display()
            )
        );
        assert_eq!(error.hints()[0].0, format!("remove `{}` to confirm the host key anew", file.display()));
    }

    #[tokio::test]
    async fn what_is_not_ours_is_neither_launched_nor_ended() {
        let cloud = cloud(Path::new("/nowhere"));
        let lease = Lease::until(Timestamp::UNIX_EPOCH);
        let request = LaunchRequest {
            machine: id("x"),
            job: JobId::random(),
            image: None,
            lease,
            purpose: "test".to_owned(),
            spare_disk: false,
            for_image: false,
            wish: CloudWish::default(),
        };
        for error in [
            cloud.launch(&request).await.unwrap_err(),
            cloud.terminate(&id("free")).await.unwrap_err(),
            cloud.renew(&id("free"), lease).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Unsupported);
        }
        let error = cloud.terminate(&id("free")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "provider `hosts` cannot end `free`: it is listed in the configuration and not ours"
        );
        assert_eq!(cloud.images().await.whole().unwrap(), []);
    }
}
