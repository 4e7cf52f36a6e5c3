//! What a verb may touch, and what an earlier process of the same job has told.

use crate::cloud::Cloud;
use crate::diag::Hinted;
use crate::domain::money::PriceBook;
use crate::domain::{CheckItem, Endpoint, Lease, Machine, MachineId, ProviderKind, RunId, Timestamp};
use crate::engine::Failure;
use crate::remote::{Connector, Shell};
use async_trait::async_trait;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The folders and files of one job on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFolders {
    /// Every byte the job's run printed, appended to; its length is the offset reading goes on from.
    pub output: PathBuf,
    /// What making an image printed.
    pub image_log: PathBuf,
    /// What was collected.
    pub results: PathBuf,
    /// For files that only this job needs, private.
    pub scratch: PathBuf,
}

/// The shells of a job, by endpoint.
pub(crate) type Shells = Arc<Mutex<Vec<(Endpoint, Arc<dyn Shell>)>>>;

/// Walks the remote machine interface on a machine.
pub type Check = Arc<dyn Fn(Arc<dyn Shell>, Machine) -> BoxFuture<'static, Vec<CheckItem>> + Send + Sync>;

/// What a job's cap still pays for.
#[async_trait]
pub trait Purse: Send + Sync {
    /// Until when it pays for the machines there are; none when that is further away than any lease, or not known.
    async fn lasts(&self) -> Option<Timestamp>;

    /// The same with one machine more, launched now.
    async fn lasts_with_one_more(&self) -> Option<Timestamp>;
}

/// Is told of a machine whose lease was moved.
pub type LeaseMoved = Arc<dyn Fn(&Machine, Lease) + Send + Sync>;

/// Everything a verb may touch.
#[derive(Clone)]
pub struct World {
    /// Providers by kind.
    pub clouds: BTreeMap<ProviderKind, Arc<dyn Cloud>>,
    /// Makes shells.
    pub connector: Arc<dyn Connector>,
    /// Walks the interface.
    pub check: Check,
    /// The client's `hg`, when the configuration names one.
    pub hg: Option<String>,
    /// Where downloaded sources are kept.
    pub sources: PathBuf,
    /// Where tools of our own (a virtualenv with Mercurial) are kept.
    pub tools: PathBuf,
    /// How many images of one kind are kept.
    pub keep_images: usize,
    /// How long a cloud's machine may take from its launch to the first login.
    pub ready_timeout: Duration,
    /// What things cost, as it was known when the job was taken up.
    pub prices: Arc<PriceBook>,
    /// What the job's cap still pays for; none without a cap.
    pub purse: Option<Arc<dyn Purse>>,
    /// Is told when a machine's lease was moved; writes it down aside.
    pub lease_moved: LeaseMoved,
    /// The job's folders.
    pub folders: JobFolders,
    /// Shells made so far: one connection serves all the steps of a job.
    pub shells: Shells,
}

impl World {
    /// The provider of that kind.
    ///
    /// # Errors
    /// When it is not set up here.
    pub fn cloud(&self, kind: ProviderKind) -> Result<Arc<dyn Cloud>, Failure> {
        self.clouds.get(&kind).cloned().ok_or_else(|| Failure::new(format!("provider `{kind}` is not set up")))
    }

    /// A shell on a machine.
    ///
    /// # Errors
    /// When the machine has no address.
    pub fn shell(&self, machine: &Machine) -> Result<Arc<dyn Shell>, Failure> {
        let endpoint = machine
            .endpoint
            .as_ref()
            .ok_or_else(|| Failure::new(format!("machine `{}` has no address", machine.id)))?;
        let mut shells = self.shells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shell)) = shells.iter().find(|(known, _)| known == endpoint) {
            return Ok(Arc::clone(shell));
        }
        let shell = self.connector.shell(endpoint);
        shells.push((endpoint.clone(), Arc::clone(&shell)));
        Ok(shell)
    }
}

/// A machine that an earlier process of the job launched, or was about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorMachine {
    /// Where.
    pub provider: ProviderKind,
    /// The id it was asked for with: whoever takes the job up asks with the same.
    pub asked: MachineId,
    /// Its own id, once that is known.
    pub id: MachineId,
}

/// What earlier processes of the same job have told through events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prior {
    /// Some process has driven the job before.
    pub resumed: bool,
    /// The machine that was being launched or worked on.
    pub machine: Option<(ProviderKind, MachineId)>,
    /// Machines of the job's own that may still be there: launched, or about to be, and not seen to their end.
    pub launched: Vec<PriorMachine>,
    /// The run that was started, or was about to be.
    pub run: Option<RunId>,
    /// The exit status of the run, when it was seen to its end.
    pub run_ended: Option<i32>,
    /// What the run left was fetched.
    pub collected: bool,
    /// How many test events have been journalled.
    pub tests_told: u64,
    /// How much of the machine's events file has been journalled.
    pub events_read: u64,
    /// The job had been told to stop, and is taken up for its clean-up only.
    pub only_clean_up: bool,
}

/// Turns any hinted error into a failure of the job.
#[expect(clippy::needless_pass_by_value, reason = "so that it can be named in map_err")]
pub(super) fn fail<E: Hinted + 'static>(error: E) -> Failure {
    Failure::from_error(&error)
}

/// The last line of a file that says anything, made visible.
pub(super) fn last_line(path: &Path) -> String {
    const END: u64 = 4096;
    let read = || {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(END)))?;
        let mut bytes = Vec::new();
        file.take(END).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    crate::domain::escape_line(text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing"))
}
