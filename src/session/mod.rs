//! The one handle a front end holds: submit, attach, cancel, watch, list. Whatever a front end shows comes from
//! here as domain words and events; whatever it does goes through here.

mod error;
mod types;

pub use crate::remote::{Chunk, Command, Exec, ExitStatus, PtySize, Shell, Signal};
pub use error::{Error, ErrorKind};
pub use types::{Attachment, CheckItem, CheckOutcome, JobFiles, JobSummary};

use crate::domain::{CancelLevel, Image, ImageName, JobId, Machine, MachineId, Operation, ProviderKind};
use crate::event::Event;
use std::sync::Arc;

/// What calls of the session give back.
pub type Result<T> = std::result::Result<T, Error>;

/// The one handle to jobs, machines and images of a state directory. Several processes may each hold one.
pub struct Session {
    _private: (),
}

/// All events of the state directory after a certain one, in order, whichever process made them; goes on for ever.
pub struct Events {
    _private: (),
}

impl Events {
    /// The next event; waits for it. Cancel-safe.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn next(&mut self) -> Result<Event> {
        unimplemented!()
    }
}

impl Session {
    /// Writes the job down and begins it in this process. Comes back at once; what happens is told by events.
    ///
    /// # Errors
    /// When the operation makes no sense or the journal cannot be written.
    pub async fn submit(&self, operation: Operation) -> Result<JobId> {
        let _ = operation;
        unimplemented!()
    }

    /// Takes a job up where its last process left it, unless one drives it or it is over.
    ///
    /// # Errors
    /// `NotFound` for an unknown job.
    pub async fn attach(&self, job: &JobId) -> Result<Attachment> {
        let _ = job;
        unimplemented!()
    }

    /// Tells a job to stop. One driven by another process is told through the journal; one that nobody drives is
    /// taken up here for its clean-up only.
    ///
    /// # Errors
    /// `NotFound` for an unknown job.
    pub async fn cancel(&self, job: &JobId, level: CancelLevel) -> Result<()> {
        let _ = (job, level);
        unimplemented!()
    }

    /// Lets go of a job this process drives, without ending anything on its machine; `job.detached` is its last event.
    ///
    /// # Errors
    /// `NotFound` when this process does not drive it.
    pub async fn detach(&self, job: &JobId) -> Result<()> {
        let _ = job;
        unimplemented!()
    }

    /// All events after `after` (0 for all there are), then new ones as they come, of `job` alone or of all.
    #[must_use]
    pub fn events(&self, job: Option<&JobId>, after: u64) -> Events {
        let _ = (job, after);
        unimplemented!()
    }

    /// All events a job has had so far.
    ///
    /// # Errors
    /// `NotFound` for an unknown job.
    pub async fn history(&self, job: &JobId) -> Result<Vec<Event>> {
        let _ = job;
        unimplemented!()
    }

    /// The newest jobs, newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn jobs(&self, limit: u32) -> Result<Vec<JobSummary>> {
        let _ = limit;
        unimplemented!()
    }

    /// Where a job keeps its files.
    #[must_use]
    pub fn files(&self, job: &JobId) -> JobFiles {
        let _ = job;
        unimplemented!()
    }

    /// Machines of every provider, or of one.
    ///
    /// # Errors
    /// When a provider cannot be asked.
    pub async fn machines(&self, provider: Option<ProviderKind>) -> Result<Vec<Machine>> {
        let _ = provider;
        unimplemented!()
    }

    /// One machine, by id, whoever provides it.
    ///
    /// # Errors
    /// `NotFound`, with the ids there are as a hint.
    pub async fn machine(&self, id: &MachineId) -> Result<Machine> {
        let _ = id;
        unimplemented!()
    }

    /// A shell on a machine; connects with the first call.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn shell(&self, id: &MachineId) -> Result<Arc<dyn Shell>> {
        let _ = id;
        unimplemented!()
    }

    /// Walks the remote machine interface point by point.
    ///
    /// # Errors
    /// `NotFound`; what the machine lacks is no error but an item.
    pub async fn check(&self, id: &MachineId) -> Result<Vec<CheckItem>> {
        let _ = id;
        unimplemented!()
    }

    /// The host key that a listed host shows now, as one OpenSSH line and its SHA-256 fingerprint, for a person to
    /// confirm.
    ///
    /// # Errors
    /// `NotFound`; `Remote` when it does not answer.
    pub async fn host_key(&self, id: &MachineId) -> Result<(String, String)> {
        let _ = id;
        unimplemented!()
    }

    /// Pins a host key that a person has confirmed.
    ///
    /// # Errors
    /// `NotFound`; `State` when it cannot be written.
    pub async fn pin_host_key(&self, id: &MachineId, line: &str) -> Result<()> {
        let _ = (id, line);
        unimplemented!()
    }

    /// Images of every provider, or of one, with whether each is current.
    ///
    /// # Errors
    /// When a provider cannot be asked.
    pub async fn images(&self, provider: Option<ProviderKind>) -> Result<Vec<Image>> {
        let _ = provider;
        unimplemented!()
    }

    /// Removes an image.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_image(&self, provider: ProviderKind, name: &ImageName) -> Result<()> {
        let _ = (provider, name);
        unimplemented!()
    }

    /// Ends the session: detaches what it still drives and waits until everything is written.
    pub async fn shutdown(self) {}
}
