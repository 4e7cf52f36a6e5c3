//! One job as its events tell it.

use super::tests_view::TestsView;
use crate::domain::money::Usd;
use crate::domain::{
    CancelLevel, CleanupVerdict, JobId, JobState, MachineId, Operation, Phase, ProviderKind, Region, ResourceRef,
    RunId, Timestamp, WorkVerdict,
};
use crate::event::{Event, EventKind, Level, Unit};
use std::collections::{BTreeSet, VecDeque};

/// How many notes a job keeps; older ones are dropped and counted.
const NOTES: usize = 200;

/// How many steps a job keeps.
const STEPS: usize = 200;

/// One phase of a job; attempts after a resume add up.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseView {
    /// Which.
    pub phase: Phase,
    /// When it first began.
    pub first_started: Timestamp,
    /// When the attempt under way began; none when no attempt is under way.
    pub running_since: Option<Timestamp>,
    /// Seconds of all attempts that are over. One that was broken off counts up to the last thing heard of it.
    pub seconds: f64,
    /// How often it was begun.
    pub attempts: u32,
    /// Whether the last attempt did what it was for; none while it runs or when it was broken off.
    pub ok: Option<bool>,
}

impl PhaseView {
    /// Seconds spent in it up to `now`, the attempt under way counted in.
    #[must_use]
    pub fn seconds_at(&self, now: Timestamp) -> f64 {
        self.seconds + self.running_since.map_or(0.0, |since| between(since, now))
    }
}

/// How far something countable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressView {
    /// In which phase.
    pub phase: Phase,
    /// So much is done,
    pub done: u64,
    /// of so much; zero when unknown.
    pub total: u64,
    /// of what.
    pub unit: Unit,
}

/// A step of a phase that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// The phase that was under way.
    pub phase: Option<Phase>,
    /// Which step, in a word or two.
    pub step: String,
    /// The seconds it took.
    pub seconds: f64,
    /// When it was over.
    pub at: Timestamp,
}

/// The machine a job works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineView {
    /// Its id.
    pub id: MachineId,
    /// Whose.
    pub provider: ProviderKind,
    /// Its address and port, once it answers.
    pub address: Option<String>,
    /// Its type, where it has one.
    pub instance_type: Option<String>,
    /// In which region it is, where it has one.
    pub region: Option<Region>,
    /// Whether its end has been asked for.
    pub ending: bool,
    /// Whether it has ended.
    pub ended: bool,
}

/// How many things of a job's plan are told one by one.
const LEFT: usize = 200;

/// What a job ended and removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemovalView {
    /// How many things are gone, or going.
    pub removed: u64,
    /// Which ones.
    pub gone: BTreeSet<ResourceRef>,
    /// The first of those that are still there, each with the reason.
    pub left: Vec<(ResourceRef, String)>,
    /// How many are still there in all.
    pub left_count: u64,
}

impl RemovalView {
    fn leave(&mut self, thing: &ResourceRef, why: &str) {
        self.left_count += 1;
        if self.left.len() < LEFT {
            self.left.push((thing.clone(), why.to_owned()));
        }
    }
}

/// A detached run on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    /// Which.
    pub id: RunId,
    /// Its command line.
    pub command: String,
    /// Its exit status, once it is over.
    pub status: Option<i32>,
}

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceView {
    /// Full node.
    pub node: String,
    /// First line of its description.
    pub summary: String,
}

/// A line a person may want to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteView {
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub level: Level,
    /// The line.
    pub text: String,
}

/// The connection to the machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LinkState {
    /// Nothing is known to be wrong with it.
    #[default]
    Fine,
    /// It is lost.
    Lost {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// What was asked; none until its first event has been seen.
    pub operation: Option<Operation>,
    /// How far it is.
    pub state: JobState,
    /// When the first event of it came.
    pub created: Timestamp,
    /// When the last event of it came.
    pub updated: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The process that drives it, or last did.
    pub pid: Option<u32>,
    /// How often it was taken up again.
    pub resumes: u32,
    /// How firmly it was told to stop.
    pub cancel: CancelLevel,
    /// Its phases in the order they first began.
    pub phases: Vec<PhaseView>,
    /// The phase under way.
    pub phase: Option<Phase>,
    /// How far the phase under way is, where that can be counted.
    pub progress: Option<ProgressView>,
    /// Its machine.
    pub machine: Option<MachineView>,
    /// What it ended and removed, where that is what it is for.
    pub removal: RemovalView,
    /// Its run on the machine.
    pub run: Option<RunView>,
    /// What is tested.
    pub source: Option<SourceView>,
    /// The connection to the machine.
    pub link: LinkState,
    /// How often the connection was lost.
    pub links_lost: u32,
    /// The steps that were told, in their order; at most 200, the newest.
    pub steps: VecDeque<StepView>,
    /// The last notes and warnings, oldest first; at most 200.
    pub notes: VecDeque<NoteView>,
    /// How many older notes were dropped.
    pub notes_dropped: u64,
    /// Its tests.
    pub tests: TestsView,
    /// How far the machine's events file has been read.
    pub events_offset: u64,
    /// How far the output file had grown when the last test event came, in bytes.
    pub output_seen: u64,
    /// The cap that it was stopped for.
    pub capped: Option<Usd>,
    /// The work's verdict.
    pub work: Option<WorkVerdict>,
    /// The clean-up's verdict.
    pub cleanup: Option<CleanupVerdict>,
    /// The number of the last event folded in.
    last_seq: Option<u64>,
}

impl JobView {
    /// A job that nothing but its name is known of.
    #[must_use]
    pub fn new(id: JobId, created: Timestamp) -> Self {
        Self {
            id,
            operation: None,
            state: JobState::Queued,
            created,
            updated: created,
            ended: None,
            pid: None,
            resumes: 0,
            cancel: CancelLevel::None,
            phases: Vec::new(),
            phase: None,
            progress: None,
            machine: None,
            removal: RemovalView::default(),
            run: None,
            source: None,
            link: LinkState::Fine,
            links_lost: 0,
            steps: VecDeque::new(),
            notes: VecDeque::new(),
            notes_dropped: 0,
            tests: TestsView::default(),
            events_offset: 0,
            output_seen: 0,
            capped: None,
            work: None,
            cleanup: None,
            last_seq: None,
        }
    }

    /// The number of the last event folded in.
    #[must_use]
    pub fn last_seq(&self) -> Option<u64> {
        self.last_seq
    }

    /// The steps of a phase, in their order.
    pub fn steps_of(&self, phase: Phase) -> impl DoubleEndedIterator<Item = &StepView> {
        self.steps.iter().filter(move |step| step.phase == Some(phase))
    }

    /// Whether something goes on without a client: somebody drives it, or its run is on the machine.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        let driven = !matches!(self.state, JobState::Detached | JobState::Ended);
        driven || self.run.as_ref().is_some_and(|run| run.status.is_none())
    }

    /// Whether it is known from its first event on.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.operation.is_some()
    }

    /// Folds an event of this job in.
    pub(super) fn apply(&mut self, event: &Event) {
        if self.last_seq.is_some_and(|last| event.seq <= last) {
            return;
        }
        self.last_seq = Some(event.seq);
        let before = self.updated;
        self.updated = self.updated.max(event.at);
        self.fold(event, before);
    }

    fn note(&mut self, at: Timestamp, level: Level, text: String) {
        if self.notes.len() == NOTES {
            self.notes.pop_front();
            self.notes_dropped = self.notes_dropped.saturating_add(1);
        }
        self.notes.push_back(NoteView { at, level, text });
    }

    fn fold(&mut self, event: &Event, before: Timestamp) {
        let at = event.at;
        match &event.kind {
            EventKind::Submitted { operation } => self.operation = Some(operation.clone()),
            EventKind::Started { pid, resumed } => {
                self.break_off(before);
                self.pid = Some(*pid);
                self.resumes = self.resumes.saturating_add(u32::from(*resumed));
                self.state = if self.cancel == CancelLevel::None { JobState::Running } else { JobState::Cancelling };
                self.ended = None;
                self.work = None;
                self.cleanup = None;
            }
            EventKind::PhaseStarted { phase } => self.phase_started(*phase, at, before),
            EventKind::PhaseEnded { phase, seconds, ok } => self.phase_ended(*phase, at, *seconds, *ok),
            EventKind::Note { level, text } => self.note(at, *level, text.clone()),
            EventKind::Progress { phase, done, total, unit } => {
                self.progress = Some(ProgressView { phase: *phase, done: *done, total: *total, unit: *unit });
            }
            EventKind::Cancelling { level } => {
                self.cancel = self.cancel.max(*level);
                if self.state != JobState::Ended {
                    self.state = JobState::Cancelling;
                }
            }
            EventKind::Detached => {
                self.break_off(at);
                if self.state != JobState::Ended {
                    self.state = JobState::Detached;
                }
                self.pid = None;
            }
            EventKind::Ended { work, cleanup } => {
                self.break_off(at);
                self.tests.end_of_run();
                self.state = JobState::Ended;
                self.ended = Some(at);
                self.pid = None;
                self.work = Some(work.clone());
                self.cleanup = Some(cleanup.clone());
                self.link = LinkState::Fine;
            }
            EventKind::Launching { machine, provider } => {
                self.machine(machine, *provider);
            }
            EventKind::Launched { machine, provider, instance_type, region, .. } => {
                let known = self.machine(machine, *provider);
                known.instance_type.clone_from(instance_type);
                known.region.clone_from(region);
            }
            EventKind::Step { step, seconds } => {
                if self.steps.len() == STEPS {
                    self.steps.pop_front();
                }
                self.steps.push_back(StepView { phase: self.phase, step: step.clone(), seconds: sane(*seconds), at });
            }
            EventKind::MachineReady { machine, provider, address } => {
                self.machine(machine, *provider).address = Some(address.clone());
            }
            EventKind::MachineEnding { machine, provider } => self.machine(machine, *provider).ending = true,
            EventKind::MachineEnded { machine, provider, .. } => {
                let machine = self.machine(machine, *provider);
                machine.ending = true;
                machine.ended = true;
            }
            EventKind::Removing { .. } | EventKind::ImageMade { .. } => {}
            EventKind::NearCap { spent, cap } => {
                self.note(at, Level::Warning, format!("it has cost {spent} so far, its cap is {cap}"));
            }
            EventKind::Capped { spent, cap } => {
                self.capped = Some(*cap);
                self.note(at, Level::Warning, format!("it has cost {spent}, its cap is {cap}: it is stopped"));
            }
            EventKind::Removed { things } => {
                self.removal.removed += things.len() as u64;
                self.removal.gone.extend(things.iter().cloned());
            }
            EventKind::Left { thing, why } => self.removal.leave(thing, why),
            EventKind::SourceResolved { node, summary } => {
                self.source = Some(SourceView { node: node.clone(), summary: summary.clone() });
            }
            EventKind::RunStarted { run, command } => {
                self.run = Some(RunView { id: run.clone(), command: command.clone(), status: None });
            }
            EventKind::RunEnded { run, status } => {
                if let Some(known) = self.run.as_mut().filter(|known| known.id == *run) {
                    known.status = Some(*status);
                } else {
                    self.run = Some(RunView { id: run.clone(), command: String::new(), status: Some(*status) });
                }
                self.tests.end_of_run();
            }
            EventKind::LinkLost { reason } => {
                if self.link == LinkState::Fine {
                    self.links_lost = self.links_lost.saturating_add(1);
                    self.link = LinkState::Lost { since: at, reason: reason.clone() };
                }
            }
            EventKind::LinkRestored { .. } => self.link = LinkState::Fine,
            EventKind::Test { test, output } => {
                self.tests.apply(test, at, *output);
                self.output_seen = self.output_seen.max(*output);
            }
            EventKind::EventsRead { offset } => self.events_offset = self.events_offset.max(*offset),
        }
    }

    /// The job's machine, a new one when another id is told: a job has one at a time (`terminate` has several).
    fn machine(&mut self, id: &MachineId, provider: ProviderKind) -> &mut MachineView {
        let fresh = MachineView {
            id: id.clone(),
            provider,
            address: None,
            instance_type: None,
            region: None,
            ending: false,
            ended: false,
        };
        let slot = self.machine.get_or_insert_with(|| fresh.clone());
        if slot.id != *id {
            *slot = fresh;
        }
        slot
    }

    fn phase_started(&mut self, phase: Phase, at: Timestamp, before: Timestamp) {
        if let Some(known) = self.phases.iter_mut().find(|known| known.phase == phase) {
            if let Some(since) = known.running_since {
                known.seconds += between(since, before);
            }
            known.running_since = Some(at);
            known.attempts = known.attempts.saturating_add(1);
            known.ok = None;
        } else {
            self.phases.push(PhaseView {
                phase,
                first_started: at,
                running_since: Some(at),
                seconds: 0.0,
                attempts: 1,
                ok: None,
            });
        }
        self.phase = Some(phase);
        self.progress = None;
    }

    fn phase_ended(&mut self, phase: Phase, at: Timestamp, seconds: f64, ok: bool) {
        let seconds = sane(seconds);
        if let Some(known) = self.phases.iter_mut().find(|known| known.phase == phase) {
            known.running_since = None;
            known.seconds += seconds;
            known.ok = Some(ok);
        } else {
            self.phases.push(PhaseView {
                phase,
                first_started: at,
                running_since: None,
                seconds,
                attempts: 1,
                ok: Some(ok),
            });
        }
        if self.phase == Some(phase) {
            self.phase = None;
            self.progress = None;
        }
    }

    /// No phase is under way any more: what had begun counts up to `at`.
    fn break_off(&mut self, at: Timestamp) {
        for phase in &mut self.phases {
            if let Some(since) = phase.running_since.take() {
                phase.seconds += between(since, at);
            }
        }
        self.phase = None;
        self.progress = None;
    }
}

/// Seconds from one moment to a later one, zero when it is not later.
pub(super) fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// A number of seconds as one may add it: finite and not negative.
pub(super) fn sane(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }
}
