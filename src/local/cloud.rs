//! The provider itself. Every call works on folders and locks alone, so that any number of processes may make any of
//! them at the same time; each runs on a thread that may wait.

use super::copy::{CopyError, copy_tree};
use super::folder::{ALIVE, Folder, Record, beside, is_hidden, make_private, write_whole};
use super::images::Images;
use super::remove::{reap, remove_machine, remove_tree, sweep, sweep_of};
use crate::cloud::{Cloud, Error, ErrorKind, ImageRequest, LaunchRequest, Listing, Result};
use crate::domain::{
    Endpoint, HostKeys, Image, ImageName, Lease, Machine, MachineId, MachineState, ProviderKind, Timestamp,
};
use crate::remote;
use async_trait::async_trait;
use std::ffi::OsString;
use std::fmt;
use std::fs::TryLockError;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to answer after its machine's files are there.
const START: Duration = Duration::from_secs(30);
/// How long a machine may take to go.
const END: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(3);
/// What machines take over from whoever launches them, besides `LC_*`; nothing that could carry a credential or change
/// what Mercurial and Python do.
const INHERITED: [&str; 3] = ["PATH", "LANG", "TZ"];

/// What the provider needs to know.
#[derive(Clone)]
pub struct LocalConfig {
    /// This program; it is started again with the words `local-machine supervise DIR`.
    pub exe: PathBuf,
    /// The folder that holds a folder for each machine.
    pub machines: PathBuf,
    /// The folder that holds a folder for each image.
    pub images: PathBuf,
    /// The file of the private key that endpoints name.
    pub key: PathBuf,
    /// Its public half in OpenSSH's one-line form, asked for at each launch.
    pub public_key: PublicKey,
    /// Names of variables that machines take over besides `PATH`, `LANG`, `TZ` and `LC_*`, for example a proxy's.
    pub inherit: Vec<String>,
}

/// Gives the public key that machines let in.
pub type PublicKey = Arc<dyn Fn() -> remote::Result<String> + Send + Sync>;

impl fmt::Debug for LocalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalConfig")
            .field("exe", &self.exe)
            .field("machines", &self.machines)
            .field("images", &self.images)
            .field("key", &self.key)
            .field("inherit", &self.inherit)
            .finish_non_exhaustive()
    }
}

/// Machines on this computer.
#[derive(Debug, Clone)]
pub struct LocalCloud {
    config: Arc<LocalConfig>,
}

fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Capacity,
        _ => ErrorKind::Other,
    }
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |error| {
        let made = Error::new(io_kind(&error), what);
        let made = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                made.hint("make room there, or choose another folder with `--state-path`")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                made.hint("make the folder writable, or choose another one with `--state-path`")
            }
            _ => made,
        };
        made.caused_by(error)
    }
}

fn copying(what: impl Into<String>) -> impl FnOnce(CopyError) -> Error {
    let what = what.into();
    move |error| {
        let made = Error::new(io_kind(&error.source), what);
        let full = made.kind == ErrorKind::Capacity;
        let made = made.caused_by(error);
        if full { made.hint("make room there, or choose another folder with `--state-path`") } else { made }
    }
}

fn no_machine(id: &MachineId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no machine `{id}`"))
}

/// Tells the thread that launches a machine that whoever asked for it has gone.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs something that may wait on a thread of its own.
async fn waiting<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            Err(Error::new(ErrorKind::Other, "a task of the local provider was cut short").caused_by(error))
        }
    }
}

impl LocalCloud {
    /// A provider with this configuration; touches nothing yet.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    fn images_folder(&self) -> Images {
        Images::at(self.config.images.clone())
    }

    fn folder(&self, id: &MachineId) -> Folder {
        Folder::of(&self.config.machines, id)
    }

    /// The machine in a folder; what a dead one left behind is removed and is no machine.
    fn look(&self, folder: &Folder) -> Result<Option<Machine>> {
        let reading = || failed(format!("could not read `{}`", folder.path().display()));
        let Some(record) = folder.record().map_err(reading())? else { return Ok(None) };
        if !folder.is_alive() {
            let name = folder.path().display();
            reap(folder).map_err(failed(format!("could not remove what is left of `{name}`")))?;
            return Ok(None);
        }
        let Ok(lease) = folder.lease() else { return Ok(None) };
        let ending = folder.is_asked_to_end() || lease.is_over(Timestamp::now());
        let state = match &record.answers {
            _ if ending => MachineState::ShuttingDown,
            Some(_) => MachineState::Running,
            None => MachineState::Pending,
        };
        let endpoint = record.answers.map(|answers| Endpoint {
            host: "127.0.0.1".to_owned(),
            port: answers.port,
            user: "hg".to_owned(),
            key: self.config.key.clone(),
            host_keys: HostKeys::Pinned(vec![answers.host_key]),
            proxy_command: None,
            managed: None,
        });
        Ok(Some(Machine {
            id: record.id,
            provider: ProviderKind::Local,
            state,
            image: record.image,
            launched: Some(record.launched),
            lease: Some(lease),
            job: Some(record.job),
            endpoint,
            layout: folder.layout(),
            sudo: false,
            cloud: None,
        }))
    }

    fn list(&self) -> Result<Vec<Machine>> {
        let path = &self.config.machines;
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed(format!("could not read `{}`", path.display())))?,
        };
        sweep(path, ALIVE);
        let mut machines = Vec::new();
        for entry in entries.flatten().filter(|entry| !is_hidden(&entry.file_name())) {
            match self.look(&Folder::at(entry.path())) {
                Ok(machine) => machines.extend(machine),
                // One machine in trouble must not hide the others.
                Err(error) => tracing::warn!(error = crate::diag::chain(&error), "could not look at a machine"),
            }
        }
        machines.sort_by(|a, b| a.launched.cmp(&b.launched).then_with(|| a.id.cmp(&b.id)));
        Ok(machines)
    }

    /// `given_up` turns true when nobody waits for the machine any more. It is looked at once the machine can be seen by
    /// others: who ended it before that found nothing to end.
    fn launch_here(&self, request: &LaunchRequest, given_up: &AtomicBool) -> Result<Machine> {
        let folder = self.folder(&request.machine);
        let what = || format!("could not launch machine `{}`", request.machine);
        make_private(&self.config.machines).map_err(failed(what()))?;
        sweep_of(folder.path(), ALIVE).map_err(failed(what()))?;
        loop {
            if let Some(machine) = self.look(&folder)? {
                return Ok(machine);
            }
            let image = match &request.image {
                Some(name) => Some(self.images_folder().hold(name).map_err(failed(what()))?.ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, format!("there is no local image `{name}`"))
                        .hint("make it with `hga bootstrap-linux-dev`, or see `hga images list`")
                })?),
                None => None,
            };
            // All but the large part is made beside and appears at once, under lock: others see a pending machine or
            // none, and of two who launch the same one, one wins.
            let Some(lock) = self.claim(&folder, request)? else {
                std::thread::sleep(STEP);
                continue;
            };
            if given_up.load(Ordering::SeqCst) {
                let _ = folder.ask_to_end();
            }
            let done = self.fill(&folder, image.as_ref().map(super::images::Held::hgdev).as_deref(), lock);
            drop(image);
            return match done.and_then(|()| self.await_answer(&folder)) {
                Ok(machine) => Ok(machine),
                Err(error) => {
                    let _ = self.end(&request.machine);
                    Err(error)
                }
            };
        }
    }

    /// Makes the machine's folder, locked; `None` when somebody else has made it or cleared away what we began.
    fn claim(&self, folder: &Folder, request: &LaunchRequest) -> Result<Option<File>> {
        let what = || format!("could not launch machine `{}`", request.machine);
        let key =
            (self.config.public_key)().map_err(|error| Error::new(ErrorKind::Other, what()).caused_by(error))?;
        let new = Folder::at(beside(folder.path(), "new"));
        let made = (|| {
            make_private(new.path())?;
            let lock = new.take_over()?.ok_or(io::ErrorKind::WouldBlock)?;
            new.write_record(&Record {
                id: request.machine.clone(),
                image: request.image.clone(),
                job: request.job.clone(),
                launched: Timestamp::now(),
                answers: None,
            })?;
            new.write_lease(request.lease)?;
            write_whole(&new.file("authorized_key"), key.trim().as_bytes())?;
            for path in [new.root(), new.root().join("hgwork"), new.home(), new.tmp()] {
                fs::DirBuilder::new().mode(0o755).create(path)?;
            }
            match fs::rename(new.path(), folder.path()) {
                Ok(()) => Ok(Some(lock)),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::AlreadyExists
                            | io::ErrorKind::DirectoryNotEmpty
                            | io::ErrorKind::NotADirectory
                    ) && folder.record().is_ok_and(|record| record.is_some()) =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })();
        let made = match made {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotFound) => Ok(None),
            made => made,
        };
        if !matches!(made, Ok(Some(_))) {
            let _ = remove_tree(new.path());
        }
        made.map_err(failed(what()))
    }

    /// Copies the image in and starts the supervisor, which takes the lock over.
    fn fill(&self, folder: &Folder, image: Option<&Path>, lock: File) -> Result<()> {
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let what = || format!("could not launch machine `{name}`");
        let filled = match image {
            Some(hgdev) => {
                copy_tree(hgdev, &folder.hgdev(), &|| folder.is_asked_to_end()).map(drop).map_err(copying(what()))
            }
            None => fs::DirBuilder::new().mode(0o755).create(folder.hgdev()).map_err(failed(what())),
        };
        // Whoever cannot launch clears up while the lock is still held.
        let started = filled.and_then(|()| {
            if folder.is_asked_to_end() {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("machine `{name}` was ended while it was launched"),
                ));
            }
            lock.try_clone().and_then(|lock| self.start_supervisor(folder, lock)).map_err(failed(what()))
        });
        if started.is_err() {
            let _ = folder.ask_to_end();
            if let Err(error) = remove_machine(folder) {
                tracing::warn!(%error, machine = name, "could not remove a machine that was not launched");
            }
        }
        drop(lock);
        started
    }

    #[expect(unsafe_code, reason = "a new session can only be made between fork and exec")]
    fn start_supervisor(&self, folder: &Folder, lock: File) -> io::Result<()> {
        use std::os::unix::process::CommandExt;
        let log = File::options().append(true).create(true).mode(0o600).open(folder.file("log"))?;
        let inherited = std::env::vars_os().filter(|(name, _)| {
            name.to_str().is_some_and(|name| {
                INHERITED.contains(&name) || name.starts_with("LC_") || self.config.inherit.iter().any(|n| n == name)
            })
        });
        let mut command = std::process::Command::new(&self.config.exe);
        command
            .args(["local-machine".into(), "supervise".into(), OsString::from(folder.path())])
            .env_clear()
            .envs(inherited)
            .current_dir("/")
            .stdin(lock)
            .stdout(log.try_clone()?)
            .stderr(log);
        // SAFETY: setsid(2) is async-signal-safe and nothing else happens here.
        unsafe {
            command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
        }
        let mut supervisor = command.spawn()?;
        // It outlives us, or we it; in that case somebody has to take note of its end.
        std::thread::Builder::new()
            .name("supervisor".into())
            .stack_size(64 << 10)
            .spawn(move || drop(supervisor.wait()))?;
        Ok(())
    }

    fn await_answer(&self, folder: &Folder) -> Result<Machine> {
        let deadline = Instant::now() + START;
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        loop {
            let log = fs::read_to_string(folder.file("log")).unwrap_or_default();
            match self.look(folder)? {
                Some(machine) if machine.state != MachineState::Pending => return Ok(machine),
                Some(_) if Instant::now() < deadline => std::thread::sleep(STEP),
                gone => {
                    let why = if gone.is_none() { "it ended at once" } else { "its server does not answer" };
                    let error = Error::new(ErrorKind::Other, format!("could not launch machine `{name}`: {why}"));
                    return Err(match log.trim().lines().last() {
                        Some(line) => error.hint(format!("the last line of its log: {line}")),
                        None => error,
                    });
                }
            }
        }
    }

    fn end(&self, id: &MachineId) -> Result<()> {
        let folder = self.folder(id);
        let what = || format!("could not end machine `{id}`");
        let deadline = Instant::now() + END;
        let lock = File::open(folder.file(ALIVE)).ok();
        loop {
            if folder.record().map_err(failed(what()))?.is_none() {
                // Its name is gone; whoever removes the rest of it holds the lock until the last of it is.
                let held = |lock: &File| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock));
                while lock.as_ref().is_some_and(held) && Instant::now() < deadline {
                    std::thread::sleep(STEP);
                }
                break;
            }
            match folder.ask_to_end() {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(what())(error)),
                _ => {}
            }
            if !folder.is_alive() && reap(&folder).map_err(failed(what()))? {
                break;
            }
            if Instant::now() > deadline {
                return Err(Error::new(ErrorKind::Other, format!("{}: it is still there after a minute", what()))
                    .hint(format!("its log is `{}`", folder.file("log").display())));
            }
            std::thread::sleep(STEP);
        }
        // Nor may anything be left of a launch or a removal that was broken off.
        sweep_of(folder.path(), ALIVE).map_err(failed(what()))
    }

    fn renew_here(&self, id: &MachineId, lease: Lease) -> Result<()> {
        let folder = self.folder(id);
        match self.look(&folder)? {
            Some(machine) if machine.state.is_alive() => {}
            _ => return Err(no_machine(id)),
        }
        let lease = lease.max(Lease::until(Timestamp::now()));
        match folder.write_lease(lease) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_machine(id)),
            written => written.map_err(failed(format!("could not renew the lease of machine `{id}`"))),
        }
    }

    fn bake(&self, request: &ImageRequest) -> Result<Image> {
        let folder = self.folder(&request.machine);
        let machine = self.look(&folder)?.filter(|machine| machine.state.is_alive());
        if machine.is_none() {
            return Err(no_machine(&request.machine));
        }
        let image = Image {
            name: request.name.clone(),
            provider: ProviderKind::Local,
            fingerprint: Some(request.fingerprint.clone()),
            inputs: request.inputs.clone(),
            created: Timestamp::now(),
            bytes: 0,
            id: None,
            region: None,
            claim: None,
        };
        self.images_folder()
            .create(image, &folder.hgdev(), &|| folder.is_asked_to_end() || !folder.exists())
            .map_err(copying(format!("could not make image `{}` of machine `{}`", request.name, request.machine)))
    }

    fn unmake(&self, name: &ImageName) -> Result<()> {
        match self.images_folder().remove(name) {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(Error::new(ErrorKind::NotFound, format!("there is no local image `{name}`"))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(Error::new(ErrorKind::Conflict, format!("image `{name}` is being copied"))
                    .hint("a machine is being launched from it; try again in a moment"))
            }
            Err(error) => Err(failed(format!("could not remove image `{name}`"))(error)),
        }
    }
}

#[async_trait]
impl Cloud for LocalCloud {
    fn provider(&self) -> ProviderKind {
        ProviderKind::Local
    }

    fn grants_sudo(&self) -> bool {
        false
    }

    async fn machines(&self) -> Listing<Machine> {
        let cloud = self.clone();
        waiting(move || cloud.list()).await.into()
    }

    async fn machine(&self, id: &MachineId) -> Result<Option<Machine>> {
        let (cloud, folder) = (self.clone(), self.folder(id));
        waiting(move || cloud.look(&folder)).await
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<Machine> {
        let (cloud, request) = (self.clone(), request.clone());
        let given_up = Arc::new(AtomicBool::new(false));
        let guard = GiveUp(Arc::clone(&given_up));
        let launched = waiting(move || cloud.launch_here(&request, &given_up)).await;
        // nobody can end it unseen any more
        drop(guard);
        launched
    }

    async fn renew(&self, id: &MachineId, lease: Lease) -> Result<()> {
        let (cloud, id) = (self.clone(), id.clone());
        waiting(move || cloud.renew_here(&id, lease)).await
    }

    async fn terminate(&self, id: &MachineId) -> Result<()> {
        let (cloud, id) = (self.clone(), id.clone());
        waiting(move || cloud.end(&id)).await
    }

    async fn images(&self) -> Listing<Image> {
        let cloud = self.clone();
        let what = format!("could not read `{}`", self.config.images.display());
        waiting(move || cloud.images_folder().list().map_err(failed(what))).await.into()
    }

    async fn create_image(&self, request: &ImageRequest) -> Result<Image> {
        let (cloud, request) = (self.clone(), request.clone());
        waiting(move || cloud.bake(&request)).await
    }

    async fn remove_image(&self, name: &ImageName) -> Result<()> {
        let (cloud, name) = (self.clone(), name.clone());
        waiting(move || cloud.unmake(&name)).await
    }
}
