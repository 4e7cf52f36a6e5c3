//! The rows of each list, sorted and filtered, as plain values: update and view both go by them.

use super::spending::at_most;
use super::{Filter, Model, Order, Placed, Standing, machine_word};
use crate::domain::money::{Usd, known};
use crate::domain::{
    Claim, Image, JobState, Machine, Operation, Phase, ProviderKind, Resource, ResourceKind, TestCounts, Timestamp,
    escape_line, users_of, words,
};
use crate::session::{JobSummary, changed_inputs};
use crate::store::{JobView, Store};
use std::cmp::Ordering;

/// The heads of the machines' columns; sorting and filtering go by them.
pub const MACHINE_COLUMNS: [&str; 14] = [
    "MACHINE", "PLACE", "STATE", "AGE", "ENDS IN", "$/H", "SO FAR", "TYPE", "NAME", "OWNER", "JOB", "DOES",
    "ADDRESS", "IMAGE",
];
/// The heads of the images' columns.
pub const IMAGE_COLUMNS: [&str; 8] = ["IMAGE", "PLACE", "STATE", "MADE", "SIZE", "$/MO", "USED BY", "ID"];
/// The heads of the columns of everything.
pub const RESOURCE_COLUMNS: [&str; 10] =
    ["KIND", "ID", "NAME", "PLACE", "STATE", "AGE", "SIZE", "$/MO", "OWNER", "WHY"];
/// The heads of the jobs' columns.
pub const JOB_COLUMNS: [&str; 11] =
    ["JOB", "STATE", "PHASE", "TESTS", "PROGRESS", "FAILED", "TIME", "COST", "WHAT", "ON", "ASKED"];

/// What a cell sorts by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Nothing: last, whichever way the list is sorted.
    Nothing,
}

impl SortKey {
    fn usd(value: Option<Usd>) -> Self {
        Self::number(value.map(Usd::approximately))
    }

    fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Nothing, Self::Number)
    }

    pub(super) fn text(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.to_lowercase()) }
    }

    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let turned = |order: Ordering| if descending { order.reverse() } else { order };
        match (self, other) {
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Number(a), Self::Number(b)) => turned(a.total_cmp(b)),
            (Self::Text(a), Self::Text(b)) => turned(a.cmp(b)),
            (_, Self::Nothing) | (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Nothing, _) | (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// A row of a list with columns.
pub trait Row {
    /// The heads of the columns.
    const COLUMNS: &'static [&'static str];
    /// What a cell says, as filters see it.
    fn text(&self, column: usize) -> String;
    /// What filters find in a cell, where that is more than it says.
    fn found(&self, column: usize) -> String {
        self.text(column)
    }
    /// What a cell sorts by.
    fn key(&self, column: usize) -> SortKey;
}

/// Rows as a person wants them: filtered, then sorted; equal ones stay in the list's own order.
pub(super) fn arranged<R: Row>(rows: Vec<R>, order: Order, filter: &str) -> Vec<R> {
    let filter = Filter::of(filter, R::COLUMNS);
    let kept = rows.into_iter().filter(|row| filter.takes(R::COLUMNS.len(), &|column| row.found(column).into()));
    let Some(column) = order.column else { return kept.collect() };
    let mut keyed: Vec<(SortKey, R)> = kept.map(|row| (row.key(column), row)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.compare(b, order.descending));
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// A row of the machines.
#[derive(Debug, Clone, Copy)]
pub struct MachineRow<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The job it was launched for, where it is known.
    pub job: Option<JobRow<'a>>,
    /// What it costs for an hour, and whether a price is not known, so that it costs more; none where that is not known at all.
    pub hourly: Option<(Usd, bool)>,
    /// What it has cost; none where that is not known.
    pub so_far: Option<Usd>,
    /// Whether the ledger has it.
    pub entered: bool,
    /// Whether it outlives its job.
    pub outlives: bool,
    /// Whether it could not be looked at anew.
    pub old: bool,
    now: Timestamp,
}

impl MachineRow<'_> {
    /// Whether it is ours and will not end by itself, as far as anything tells: its lease is over, or it has none.
    #[must_use]
    pub fn is_unbound(&self) -> bool {
        let ours = self.machine.is_ephemeral() && !self.is_others();
        ours && self.machine.state.is_alive() && self.machine.lease.is_none_or(|lease| lease.is_over(self.now))
    }

    /// Whether it is another owner's.
    #[must_use]
    pub fn is_others(&self) -> bool {
        self.machine.cloud.as_ref().is_some_and(|cloud| matches!(cloud.claim, Claim::OtherOwner { .. }))
    }
}

/// Where something is: its region, else its provider.
fn place(thing: &impl Placed) -> String {
    thing.region().map_or_else(|| thing.provider().to_string(), ToString::to_string)
}

/// The same with the provider, so that `place:aws` finds all of its regions.
fn places(thing: &impl Placed) -> String {
    thing.region().map_or_else(|| thing.provider().to_string(), |region| format!("{} {region}", thing.provider()))
}

impl Row for MachineRow<'_> {
    const COLUMNS: &'static [&'static str] = &MACHINE_COLUMNS;

    fn text(&self, column: usize) -> String {
        let machine = self.machine;
        match column {
            0 => machine.id.to_string(),
            1 => place(machine),
            2 => machine_word(machine.state).to_owned(),
            3 => machine.launched.map_or_else(String::new, |at| words::age(at, self.now)),
            4 => match machine.lease {
                _ if !machine.state.is_alive() => String::new(),
                Some(lease) if lease.is_over(self.now) => "lease over".to_owned(),
                Some(lease) => words::span(lease.left(self.now)),
                None if self.is_unbound() => "no lease".to_owned(),
                None => String::new(),
            },
            5 if !machine.state.is_alive() && self.hourly.is_none_or(|(usd, _)| usd.is_zero()) => String::new(),
            5 => self.hourly.map_or_else(|| "unknown".to_owned(), |(usd, more)| known(usd, more)),
            6 if self.so_far.is_none() && !machine.state.is_alive() && !self.entered => String::new(),
            6 => self.so_far.map_or_else(|| "unknown".to_owned(), |usd| usd.to_string()),
            7 => machine.cloud.as_ref().map_or_else(String::new, |cloud| escape_line(&cloud.instance_type)),
            8 => {
                let name = machine.cloud.as_ref().and_then(|cloud| cloud.name.as_deref());
                name.map_or_else(String::new, escape_line)
            }
            9 => machine.cloud.as_ref().map_or_else(String::new, |cloud| escape_line(cloud.claim.word())),
            10 => machine.job.as_ref().map_or_else(String::new, ToString::to_string),
            11 => self.job.map_or_else(String::new, |job| job.does()),
            12 => match (&machine.endpoint, &machine.cloud) {
                (Some(at), _) => {
                    let host = escape_line(&at.host);
                    if host.contains(':') { format!("[{host}]:{}", at.port) } else { format!("{host}:{}", at.port) }
                }
                (None, Some(cloud)) => cloud.address.as_deref().map_or_else(String::new, escape_line),
                (None, None) => String::new(),
            },
            13 => machine.image.as_ref().map_or_else(String::new, ToString::to_string),
            _ => String::new(),
        }
    }

    fn found(&self, column: usize) -> String {
        if column == 1 { places(self.machine) } else { self.text(column) }
    }

    fn key(&self, column: usize) -> SortKey {
        match column {
            2 => SortKey::Number(f64::from(self.machine.state as u8)),
            3 => SortKey::number(self.machine.launched.map(|at| self.now.duration_since(at).as_secs_f64())),
            4 => SortKey::number(self.machine.lease.map(|lease| lease.left(self.now).as_secs_f64())),
            5 => SortKey::usd(self.hourly.map(|(usd, _)| usd)),
            6 => SortKey::usd(self.so_far),
            _ => SortKey::text(&self.text(column)),
        }
    }
}

/// A row of the images.
#[derive(Debug, Clone)]
pub struct ImageRow<'a> {
    /// The image.
    pub image: &'a Image,
    /// What it is made from that has changed since; none for a current one.
    pub changed: Vec<String>,
    /// How many machines were launched from it.
    pub machines: usize,
    /// What it costs for a month at most; none where that is not known.
    pub monthly: Option<Usd>,
    /// Whether it could not be looked at anew.
    pub old: bool,
    now: Timestamp,
}

/// Whether an image is what would be made today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Current,
    /// Something it was made from has changed since.
    Stale,
    /// What it was made from was not recorded.
    Unknown,
}

impl ImageRow<'_> {
    /// Whether it is another owner's.
    #[must_use]
    pub fn is_others(&self) -> bool {
        matches!(self.image.claim, Some(Claim::OtherOwner { .. }))
    }

    /// Whether it is what would be made today.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        match (self.image.inputs.is_empty() && self.image.provider == ProviderKind::Aws, self.changed.is_empty()) {
            (true, _) => Freshness::Unknown,
            (false, true) => Freshness::Current,
            (false, false) => Freshness::Stale,
        }
    }
}

/// What an image is known by: its id, or its name where it has none.
#[must_use]
pub fn image_key(image: &Image) -> (ProviderKind, String) {
    (image.provider, image.id.clone().unwrap_or_else(|| image.name.to_string()))
}

impl Row for ImageRow<'_> {
    const COLUMNS: &'static [&'static str] = &IMAGE_COLUMNS;

    fn text(&self, column: usize) -> String {
        match column {
            0 => self.image.name.to_string(),
            1 => place(self.image),
            2 => match (&self.image.claim, self.freshness()) {
                (Some(Claim::OtherOwner { owner, .. }), _) => escape_line(&format!("{owner}'s")),
                (_, Freshness::Current) => "current".to_owned(),
                (_, Freshness::Stale) => "stale".to_owned(),
                (_, Freshness::Unknown) => "not known".to_owned(),
            },
            3 => words::age(self.image.created, self.now),
            4 => words::bytes(self.image.bytes),
            5 => monthly(self.image.provider, self.monthly, true),
            6 if self.machines > 0 => words::count(self.machines as u64, "machine"),
            7 => self.image.id.as_deref().map_or_else(String::new, escape_line),
            _ => String::new(),
        }
    }

    fn found(&self, column: usize) -> String {
        if column == 1 { places(self.image) } else { self.text(column) }
    }

    fn key(&self, column: usize) -> SortKey {
        match column {
            3 => SortKey::Number(self.now.duration_since(self.image.created).as_secs_f64()),
            4 => SortKey::Number(self.image.bytes as f64),
            5 => SortKey::usd(self.monthly),
            6 => SortKey::Number(self.machines as f64),
            _ => SortKey::text(&self.text(column)),
        }
    }
}

/// What is paid for a month of storing something; `bound` where only so much is known.
fn monthly(provider: ProviderKind, usd: Option<Usd>, bound: bool) -> String {
    match usd {
        Some(usd) if bound => at_most(usd),
        Some(usd) => usd.to_string(),
        None if provider == ProviderKind::Aws => String::new(),
        None => Usd::ZERO.to_string(),
    }
}

/// A row of everything.
#[derive(Debug, Clone, Copy)]
pub struct ResourceRow<'a> {
    /// What it is about.
    pub resource: &'a Resource,
    /// What it costs for a month of storing it; none where it is another's part, or that is not known.
    pub monthly: Option<Usd>,
    /// Whether it could not be looked at anew.
    pub old: bool,
    now: Timestamp,
}

impl Row for ResourceRow<'_> {
    const COLUMNS: &'static [&'static str] = &RESOURCE_COLUMNS;

    fn text(&self, column: usize) -> String {
        let one = self.resource;
        match column {
            0 => one.at.kind.to_string(),
            1 => escape_line(&one.at.id),
            2 => one
                .name
                .as_ref()
                .filter(|name| **name != one.at.id)
                .map_or_else(String::new, |name| escape_line(name)),
            3 => place(one),
            4 => match one.state.as_deref() {
                // as the list of machines says it
                Some("shutting-down") => "ending".to_owned(),
                Some("terminated") => "ended".to_owned(),
                state => state.map_or_else(String::new, escape_line),
            },
            5 => one.created.map_or_else(String::new, |at| words::age(at, self.now)),
            6 => one.bytes.map_or_else(String::new, words::bytes),
            7 if one.at.provider != ProviderKind::Aws => String::new(),
            7 => {
                let bound = matches!(one.at.kind, ResourceKind::Image | ResourceKind::Snapshot);
                monthly(one.at.provider, self.monthly, bound)
            }
            8 => escape_line(one.claim.word()),
            9 => match one.keep.as_ref().and_then(|keep| keep.forbids(self.now)) {
                Some(kept) => escape_line(&format!("{kept}; {}", one.claim.why())),
                None => escape_line(one.claim.why()),
            },
            _ => String::new(),
        }
    }

    fn found(&self, column: usize) -> String {
        if column == 3 { places(self.resource) } else { self.text(column) }
    }

    fn key(&self, column: usize) -> SortKey {
        let one = self.resource;
        match column {
            0 => SortKey::Number(f64::from(one.at.kind as u8)),
            5 => SortKey::number(one.created.map(|at| self.now.duration_since(at).as_secs_f64())),
            6 => SortKey::number(one.bytes.map(|bytes| bytes as f64)),
            7 => SortKey::usd(self.monthly),
            _ => SortKey::text(&self.text(column)),
        }
    }
}

/// A row of the jobs.
#[derive(Debug, Clone, Copy)]
pub struct JobRow<'a> {
    /// What the journal says of it.
    pub summary: &'a JobSummary,
    /// What its events say, where they are here.
    pub view: Option<&'a JobView>,
    /// How many of its tests ended how, where that is known.
    pub counts: Option<TestCounts>,
    /// What its machines have cost, and whether something of unknown price comes on top; none where it had none that cost.
    pub cost: Option<(Usd, bool)>,
    /// Whether a process drives it.
    pub driven: bool,
    now: Timestamp,
}

impl<'a> JobRow<'a> {
    fn of(model: &Model, store: &'a Store, summary: &'a JobSummary) -> Self {
        let view = store.job(&summary.id).filter(|view| view.is_whole());
        let counts = view.map(|view| view.tests.counts).or_else(|| model.counts.get(&summary.id).copied());
        Self {
            summary,
            view,
            counts: counts.filter(|counts| counts.total.max(counts.done()) > 0),
            cost: model.money.job(&summary.id),
            driven: summary.driven || model.ours.contains(&summary.id),
            now: model.now,
        }
    }

    /// How far it is: events tell it before the journal's list does.
    #[must_use]
    pub fn state(&self) -> JobState {
        self.view.map_or(self.summary.state, |view| view.state)
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let (work, cleanup) = match self.view {
            Some(view) => (view.work.as_ref(), view.cleanup.as_ref()),
            None => (self.summary.work.as_ref(), self.summary.cleanup.as_ref()),
        };
        match Standing::of(self.state(), self.driven, work, cleanup) {
            Standing::Passed if !matches!(self.summary.operation, Operation::RunTests(_)) => Standing::Done,
            standing => standing,
        }
    }

    /// So much is done of so much, of tests or of what the phase under way counts; none where nothing is counted.
    #[must_use]
    pub fn progress(&self) -> Option<(u64, u64)> {
        if self.state() == JobState::Ended {
            return None;
        }
        let view = self.view?;
        let phase = view.progress.filter(|progress| progress.total > 0).map(|at| (at.done.min(at.total), at.total));
        let tests = self.counts.map(|counts| {
            let done = u64::from(counts.done());
            (done, u64::from(counts.total).max(done))
        });
        if view.phase == Some(Phase::Test) { tests.or(phase) } else { phase }
    }

    /// What it does now, or how it stands.
    fn does(&self) -> String {
        let phase = if self.state() == JobState::Ended { None } else { self.view.and_then(|view| view.phase) };
        match (phase, self.progress()) {
            (Some(phase), Some((done, total))) if phase == Phase::Test => format!("{phase} {done}/{total}"),
            (Some(phase), _) => phase.to_string(),
            (None, _) => self.standing().word().to_owned(),
        }
    }

    /// How long it took, or has taken so far, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let ended = self.view.and_then(|view| view.ended).or(self.summary.ended).unwrap_or(self.now);
        ended.duration_since(self.summary.created).as_secs_f64().max(0.0)
    }
}

impl Row for JobRow<'_> {
    const COLUMNS: &'static [&'static str] = &JOB_COLUMNS;

    fn text(&self, column: usize) -> String {
        match column {
            0 => self.summary.id.to_string(),
            1 => self.standing().word().to_owned(),
            2 => self.view.and_then(|view| view.phase).map_or_else(String::new, |phase| phase.to_string()),
            3 => self.counts.map_or_else(String::new, |c| {
                if self.state() == JobState::Ended && c.total <= c.done() {
                    c.done().to_string()
                } else {
                    format!("{}/{}", c.done(), c.total.max(c.done()))
                }
            }),
            4 => self.progress().map_or_else(String::new, |(done, total)| format!("{}%", done * 100 / total.max(1))),
            5 => self.counts.map_or_else(String::new, |counts| counts.failed.to_string()),
            6 => words::seconds(self.seconds()),
            7 => self.cost.map_or_else(String::new, |(usd, unknown)| known(usd, unknown)),
            8 => what(&self.summary.operation),
            9 => on(self),
            10 => words::age(self.summary.created, self.now),
            _ => String::new(),
        }
    }

    fn key(&self, column: usize) -> SortKey {
        match column {
            1 => SortKey::Number(f64::from(self.standing() as u8)),
            2 => SortKey::number(self.view.and_then(|view| view.phase).map(|phase| f64::from(phase as u8))),
            3 => SortKey::number(self.counts.map(|counts| f64::from(counts.total.max(counts.done())))),
            4 => SortKey::number(self.progress().map(|(done, total)| done as f64 / total.max(1) as f64)),
            5 => SortKey::number(self.counts.map(|counts| f64::from(counts.failed))),
            6 => SortKey::Number(self.seconds()),
            7 => SortKey::usd(self.cost.map(|(usd, _)| usd)),
            10 => SortKey::Number(self.now.duration_since(self.summary.created).as_secs_f64()),
            _ => SortKey::text(&self.text(column)),
        }
    }
}

/// What an operation is about, short: the tests, the image, the machines.
#[must_use]
pub fn what(operation: &Operation) -> String {
    match operation {
        Operation::RunTests(spec) => {
            let tests: Vec<&str> =
                spec.test_args.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
            match tests[..] {
                [] => "all tests".to_owned(),
                [test] => escape_line(test),
                // a row shows a few of them at most
                _ => escape_line(&format!("{} tests: {}", tests.len(), tests[..tests.len().min(12)].join(" "))),
            }
        }
        Operation::BootstrapLinux(_) => "make the development image".to_owned(),
        Operation::Launch(spec) => match &spec.image {
            Some(image) => format!("launch from {image}"),
            None => "launch a machine".to_owned(),
        },
        Operation::Terminate { machines, .. } => {
            let ids: Vec<&str> = machines.iter().map(crate::domain::MachineId::as_str).collect();
            format!("end {}", ids.join(" "))
        }
        Operation::Apply { plan, .. } => {
            let does = if plan.verb.only_ends() { "end" } else { "remove" };
            match plan.items.as_slice() {
                [item] => escape_line(&format!("{does} {}", item.called())),
                _ => format!("{does} {}", plan.count()),
            }
        }
    }
}

/// Which machine it works on, or at least whose.
fn on(row: &JobRow<'_>) -> String {
    let named = match &row.summary.operation {
        Operation::RunTests(spec) => spec.machine.as_ref(),
        _ => None,
    };
    let machine = named.or_else(|| row.view.and_then(|view| view.machine.as_ref()).map(|machine| &machine.id));
    machine.map_or_else(|| row.summary.operation.provider().to_string(), ToString::to_string)
}

/// The machines to show, the newest first, other owners' after ours.
#[must_use]
pub fn machine_rows<'a>(model: &'a Model, store: &'a Store) -> Vec<MachineRow<'a>> {
    let mut rows: Vec<MachineRow<'a>> = model
        .machines
        .value
        .iter()
        .map(|machine| MachineRow {
            machine,
            job: machine
                .job
                .as_ref()
                .and_then(|id| model.summary(id))
                .map(|summary| JobRow::of(model, store, summary)),
            hourly: model
                .money
                .hourly(machine, model.now)
                .map(|usd| (usd, model.money.costs_more(machine, model.now))),
            so_far: model.money.so_far(machine, model.now),
            entered: model.money.run(&machine.resource().at).is_some(),
            outlives: model.alarm_of(&machine.id).is_some(),
            old: model.machines.old(machine).is_some(),
            now: model.now,
        })
        .collect();
    rows.sort_by(|a, b| {
        let launched = |row: &MachineRow<'_>| row.machine.launched;
        let others = a.is_others().cmp(&b.is_others());
        others.then_with(|| launched(b).cmp(&launched(a))).then_with(|| a.machine.id.cmp(&b.machine.id))
    });
    arranged(rows, model.home.machines.order, &model.home.machines.filter)
}

/// The images to show, the newest first, other owners' after ours.
#[must_use]
pub fn image_rows(model: &Model) -> Vec<ImageRow<'_>> {
    let mut rows: Vec<ImageRow<'_>> = model
        .images
        .value
        .iter()
        .map(|image| ImageRow {
            image,
            changed: changed_inputs(image),
            machines: users_of(image, &model.machines.value).len(),
            monthly: model.money.image_monthly(image).filter(|_| image.provider == ProviderKind::Aws),
            old: model.images.old(image).is_some(),
            now: model.now,
        })
        .collect();
    rows.sort_by(|a, b| {
        let others = a.is_others().cmp(&b.is_others());
        let newest = || b.image.created.cmp(&a.image.created);
        others.then_with(newest).then_with(|| image_key(a.image).cmp(&image_key(b.image)))
    });
    arranged(rows, model.home.images.order, &model.home.images.filter)
}

/// Everything to show: what is ours, then other owners', then strangers'; each in the order in which it can be removed.
#[must_use]
pub fn resource_rows(model: &Model) -> Vec<ResourceRow<'_>> {
    let mut rows: Vec<ResourceRow<'_>> = model
        .resources
        .value
        .iter()
        .map(|resource| ResourceRow {
            resource,
            monthly: model.money.monthly(resource).filter(|_| resource.at.provider == ProviderKind::Aws),
            old: model.resources.old(resource).is_some(),
            now: model.now,
        })
        .collect();
    rows.sort_by_key(|row| {
        let whose = match row.resource.claim {
            Claim::Ours { .. } => 0,
            Claim::OtherOwner { .. } => 1,
            Claim::Foreign { .. } => 2,
        };
        (whose, &row.resource.at)
    });
    arranged(rows, model.home.resources.order, &model.home.resources.filter)
}

/// The jobs to show, those under way first, then the newest.
#[must_use]
pub fn job_rows<'a>(model: &'a Model, store: &'a Store) -> Vec<JobRow<'a>> {
    let mut rows: Vec<JobRow<'a>> =
        model.jobs.value.iter().map(|summary| JobRow::of(model, store, summary)).collect();
    rows.sort_by_key(|row| row.state() == JobState::Ended);
    arranged(rows, model.home.jobs.order, &model.home.jobs.filter)
}

/// One job's row, whatever is filtered for.
#[must_use]
pub fn job_row<'a>(model: &'a Model, store: &'a Store, id: &crate::domain::JobId) -> Option<JobRow<'a>> {
    model.summary(id).map(|summary| JobRow::of(model, store, summary))
}
