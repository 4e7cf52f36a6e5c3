//! What happened to a job, stamped and ordered. The journal holds events, every front end folds them; nothing else
//! passes between the engine and a front end. Output bytes are not events: they are in the job's `output` file, which
//! every reader follows by offset.

use crate::domain::money::{Bill, Usd};
use crate::domain::{
    CancelLevel, CleanupVerdict, JobId, MachineId, Operation, Phase, ProviderKind, Region, ResourceRef, RunId,
    TestEvent, Timestamp, WorkVerdict,
};
use serde::{Deserialize, Serialize};

/// One event as the journal numbers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the journal: rises over all jobs of a state directory, never repeats, may have gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// To which job.
    pub job: JobId,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// An event before the journal has numbered it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Which job.
    pub job: JobId,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

impl Draft {
    /// As an event, under the number the journal gave it.
    #[must_use]
    pub fn numbered(self, seq: u64) -> Event {
        Event { seq, at: self.at, job: self.job, kind: self.kind }
    }
}

/// How loud a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
}

/// What is counted by a progress event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files.
    Files,
    /// Steps of a list.
    Steps,
}

/// What happened. In JSON the field `event` holds the name in the `rename`s below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum EventKind {
    // lifecycle
    /// The job was asked for; always its first event.
    #[serde(rename = "job.submitted")]
    Submitted {
        /// What was asked.
        operation: Operation,
    },
    /// A process began to drive it (again, when `resumed`).
    #[serde(rename = "job.started")]
    Started {
        /// That process.
        pid: u32,
        /// Whether it had been begun before.
        resumed: bool,
    },
    /// A phase began.
    #[serde(rename = "phase.started")]
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase is over.
    #[serde(rename = "phase.ended")]
    PhaseEnded {
        /// Which.
        phase: Phase,
        /// Wall seconds since it (last) started.
        seconds: f64,
        /// Whether it did what it was for.
        ok: bool,
    },
    /// Something a person may want to read, one line.
    #[serde(rename = "job.note")]
    Note {
        /// How loud.
        level: Level,
        /// The line, free of control characters.
        text: String,
    },
    /// How far something countable is.
    #[serde(rename = "job.progress")]
    Progress {
        /// In which phase.
        phase: Phase,
        /// So much is done,
        done: u64,
        /// of so much; zero when unknown.
        total: u64,
        /// of what.
        unit: Unit,
    },
    /// The job was told to stop.
    #[serde(rename = "job.cancelling")]
    Cancelling {
        /// How firmly.
        level: CancelLevel,
    },
    /// Its client let go of it; whatever runs on the machine runs on.
    #[serde(rename = "job.detached")]
    Detached,
    /// The job is over.
    #[serde(rename = "job.ended")]
    Ended {
        /// The work's verdict.
        #[serde(flatten)]
        work: WorkVerdict,
        /// The clean-up's verdict.
        #[serde(flatten)]
        cleanup: CleanupVerdict,
    },

    // cloud: each intent is written before the act
    /// A machine is about to be launched.
    #[serde(rename = "machine.launching")]
    Launching {
        /// The id it will have, or the client token it is asked for with.
        machine: MachineId,
        /// By whom.
        provider: ProviderKind,
    },
    /// A machine exists, and costs from now on. Its id may differ from the one it was asked for with.
    #[serde(rename = "machine.launched")]
    Launched {
        /// The id, or client token, that [`EventKind::Launching`] told.
        asked: MachineId,
        /// Its id from now on.
        machine: MachineId,
        /// By whom.
        provider: ProviderKind,
        /// Its type, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance_type: Option<String>,
        /// In which region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Region>,
        /// What it is charged for; none of what an older version launched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bill: Option<Box<Bill>>,
        /// Whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// When it ends itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<Timestamp>,
    },
    /// An image was made, and is stored from now on.
    #[serde(rename = "image.made")]
    ImageMade {
        /// Which.
        image: ResourceRef,
        /// What is charged for it at most.
        bill: Box<Bill>,
        /// Whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    },
    /// A step of something longer is over.
    #[serde(rename = "step.ended")]
    Step {
        /// Which, in a word or two.
        step: String,
        /// Wall seconds it took.
        seconds: f64,
    },
    /// The job works on this machine.
    #[serde(rename = "machine.ready")]
    MachineReady {
        /// Which.
        machine: MachineId,
        /// Whose.
        provider: ProviderKind,
        /// Its address and port, as text.
        address: String,
    },
    /// A machine is about to be ended.
    #[serde(rename = "machine.ending")]
    MachineEnding {
        /// Which.
        machine: MachineId,
        /// Whose.
        provider: ProviderKind,
    },
    /// A machine has ended.
    #[serde(rename = "machine.ended")]
    MachineEnded {
        /// Which.
        machine: MachineId,
        /// Whose.
        provider: ProviderKind,
        /// Whether it had ended before anybody ended it here: when is not known.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        already: bool,
    },

    /// Things of one kind and place are about to be ended or removed.
    #[serde(rename = "resources.removing")]
    Removing {
        /// Which.
        things: Vec<ResourceRef>,
    },
    /// Things are gone, or going and cost nothing any more.
    #[serde(rename = "resources.removed")]
    Removed {
        /// Which.
        things: Vec<ResourceRef>,
    },
    /// Something that should be gone is still there.
    #[serde(rename = "resource.left")]
    Left {
        /// Which.
        thing: ResourceRef,
        /// Why.
        why: String,
    },

    // cost
    /// The job's machines have cost most of what they may.
    #[serde(rename = "cost.near-cap")]
    NearCap {
        /// So much so far,
        spent: Usd,
        /// of so much.
        cap: Usd,
    },
    /// The job's machines have cost what they may: it is stopped.
    #[serde(rename = "cost.capped")]
    Capped {
        /// So much so far,
        spent: Usd,
        /// of so much.
        cap: Usd,
    },

    // run
    /// The revision to test is known.
    #[serde(rename = "source.resolved")]
    SourceResolved {
        /// Full 40-digit node.
        node: String,
        /// First line of its description.
        summary: String,
    },
    /// A detached run is about to be started on the machine.
    #[serde(rename = "run.started")]
    RunStarted {
        /// Which.
        run: RunId,
        /// Its command line, as a person would type it.
        command: String,
    },
    /// A detached run is over.
    #[serde(rename = "run.ended")]
    RunEnded {
        /// Which.
        run: RunId,
        /// Its exit status, 128 + signal where a signal ended it.
        status: i32,
    },
    /// The connection to the machine was lost; reading goes on from where it stopped.
    #[serde(rename = "link.lost")]
    LinkLost {
        /// Why.
        reason: String,
    },
    /// The connection is back.
    #[serde(rename = "link.restored")]
    LinkRestored {
        /// Seconds without it.
        seconds: f64,
    },

    // test
    /// A test began or ended, or the plan is known.
    #[serde(rename = "test")]
    Test {
        /// What.
        #[serde(flatten)]
        test: TestEvent,
        /// Length of the job's output file when it was read: where to look for what was printed.
        output: u64,
    },
    /// The machine's events file has been read, and journalled, up to here.
    #[serde(rename = "run.read")]
    EventsRead {
        /// Byte offset in the machine's events file.
        offset: u64,
    },
}

impl EventKind {
    /// A note at level info.
    pub fn info(text: impl AsRef<str>) -> Self {
        Self::Note { level: Level::Info, text: crate::domain::escape_line(text.as_ref()) }
    }

    /// A note at level warning.
    pub fn warning(text: impl AsRef<str>) -> Self {
        Self::Note { level: Level::Warning, text: crate::domain::escape_line(text.as_ref()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_json_object_and_comes_back() {
        let event = Event {
            seq: 7,
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            job: JobId::new("j-abc234").unwrap(),
            kind: EventKind::Ended { work: WorkVerdict::TestsFailed { status: 1 }, cleanup: CleanupVerdict::Clean },
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"seq":7,"at":"2026-01-01T00:00:00Z","job":"j-abc234","event":"job.ended","work":"tests-failed","status":1,"cleanup":"clean"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
