//! All that is known of a machine, an image or a job, as names and values for people. The page and the panel beside a
//! list show the same.

use super::spending::{cost_details, machine_charges, machine_costs, stored_costs};
use super::{JobRow, Model, Pane, PlaceError, Row, job_row, machine_word};
use crate::config::{StatePaths, host_key_fingerprint};
use crate::domain::{
    Claim, CleanupVerdict, CloudFacts, Fingerprint, HostKeys, Image, ImageName, JobId, Keep, Machine, MachineState,
    Operation, ProviderKind, Region, Resource, TestSource, Timestamp, WorkVerdict, escape_line, users_of, words,
};
use crate::session::changed_inputs;
use crate::store::Store;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Columns that names take, the space after them counted.
const NAMES: usize = 13;

/// One thing that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// What the next ones are about.
    Heading(&'static str),
    /// A name and a value.
    Value(String, String),
}

/// A line of a description in a certain width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// What stands at the left: a heading, a name, or nothing on lines that go on.
    pub name: String,
    /// The value, or a part of it.
    pub value: String,
    /// Whether it is a heading.
    pub heading: bool,
}

impl Laid {
    /// It as one text, names padded so that values line up.
    #[must_use]
    pub fn text(&self) -> String {
        if self.heading { self.name.clone() } else { format!("{:<NAMES$}{}", self.name, self.value) }
    }
}

#[derive(Default)]
pub(super) struct Details(Vec<Detail>);

impl Details {
    pub(super) fn heading(&mut self, text: &'static str) {
        self.0.push(Detail::Heading(text));
    }

    pub(super) fn value(&mut self, name: &str, value: impl AsRef<str>) {
        let value = value.as_ref();
        if !value.is_empty() {
            self.0.push(Detail::Value(escape_line(name), escape_line(value)));
        }
    }
}

impl From<Details> for Vec<Detail> {
    fn from(details: Details) -> Self {
        details.0
    }
}

/// All that is known of what commands are about here, with a title.
#[must_use]
pub fn details(model: &Model, store: &Store) -> Option<(String, Vec<Detail>)> {
    if model.job.is_none() && model.home.pane == Pane::Images {
        let image = model.image_here()?;
        return Some((format!("Image {}", image.name), image_details(model, image)));
    }
    if model.job.is_none() && model.home.pane == Pane::Costs {
        return cost_details(model);
    }
    if model.job.is_none() && model.home.pane == Pane::Resources {
        let one = model.resource_here()?;
        let kind = one.at.kind.as_str();
        let (first, rest) = kind.split_at(1);
        let title = escape_line(&format!("{}{rest} {}", first.to_uppercase(), one.at.id));
        return Some((title, resource_details(model, one)));
    }
    if model.job.is_none() && model.home.pane == Pane::Machines {
        let machine = model.machine_here(store)?;
        return Some((format!("Machine {}", machine.id), machine_details(model, store, machine)));
    }
    let id = model.job_here()?;
    Some((format!("Job {id}"), job_details(model, store, id)))
}

fn moment(model: &Model, at: Timestamp) -> String {
    let there = at.to_zoned(model.setup.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    format!("{there}, {}", words::age(at, model.now))
}

/// What cannot be looked at anew says so, whole.
fn old(all: &mut Details, model: &Model, error: Option<&PlaceError>) {
    let Some(error) = error else { return };
    let age = error.as_of.map_or_else(String::new, |at| format!(" (this is as of {})", words::age(at, model.now)));
    all.value("not seen now", format!("{} could not be asked{age}: {}", error.place(), error.text));
    for hint in &error.hints {
        all.value("hint", hint);
    }
}

/// Whose it is, and how that is known.
fn claimed(all: &mut Details, claim: &Claim, keep: Option<&Keep>, now: Timestamp) {
    match claim {
        Claim::Ours { .. } => all.value("owner", "ours"),
        Claim::OtherOwner { owner, .. } => all.value("owner", format!("{owner}: left alone")),
        Claim::Foreign { .. } => all.value("owner", "not ours: left alone"),
    }
    all.value("known by", claim.why());
    if let Some(keep) = keep {
        all.value("keep tag", keep.forbids(now).unwrap_or_else(|| "no longer: its keep tag is over".to_owned()));
    }
}

fn cloud_details(all: &mut Details, model: &Model, cloud: &CloudFacts) {
    all.value("name", cloud.name.as_deref().unwrap_or_default());
    all.value("type", &cloud.instance_type);
    let zone = cloud.zone.as_ref().map_or_else(String::new, |zone| format!(", zone {zone}"));
    let account = model.machines.account(ProviderKind::Aws).map_or_else(String::new, |id| format!(", account {id}"));
    all.value("place", format!("{}{zone}{account}", cloud.region));
    claimed(all, &cloud.claim, cloud.keep.as_ref(), model.now);
}

fn machine_details(model: &Model, store: &Store, machine: &Machine) -> Vec<Detail> {
    let mut all = Details::default();
    let cloud = machine.cloud.as_deref();
    all.value("machine", machine.id.as_str());
    all.value("provider", machine.provider.as_str());
    let reason = cloud.and_then(|cloud| cloud.reason.as_ref()).map_or_else(String::new, |why| format!(": {why}"));
    all.value("state", format!("{}{reason}", machine_word(machine.state)));
    old(&mut all, model, model.machines.old(machine));
    if let Some(cloud) = cloud {
        cloud_details(&mut all, model, cloud);
    }
    let image = machine.image.as_ref().map(ImageName::as_str);
    all.value(
        "image",
        match (image, cloud.and_then(|cloud| cloud.image_id.as_deref())) {
            (Some(name), Some(id)) => format!("{name} ({id})"),
            (name, id) => name.or(id).unwrap_or_default().to_owned(),
        },
    );
    if let Some(at) = machine.launched {
        all.value("launched", moment(model, at));
    }
    match machine.lease {
        Some(lease) if lease.is_over(model.now) => {
            all.value("ends in", "! lease over: it should have ended itself; ^d ends it");
        }
        Some(lease) => {
            let at = lease.ends().to_zoned(model.setup.zone.clone()).strftime("%H:%M:%S").to_string();
            all.value("ends in", format!("{}, at {at}; + and - move it", words::span(lease.left(model.now))));
        }
        None if machine.provider == ProviderKind::Hosts => {
            all.value("ends in", "never: a listed host is not ours to end");
        }
        None if matches!(machine.state, MachineState::ShuttingDown | MachineState::Terminated) => {}
        None => all.value("ends in", "! no lease: it does not end by itself, and costs until it is ended"),
    }
    if let Some(id) = &machine.job {
        let row = job_row(model, store, id);
        let stands = row.map_or_else(String::new, |row| format!(" ({}, {})", row.text(8), row.standing().word()));
        all.value("job", format!("{id}{stands}"));
    }
    if let Some(cloud) = cloud
        && machine.endpoint.is_none()
    {
        all.value("address", cloud.address.as_deref().unwrap_or_default());
        machine_costs(&mut all, model, machine);
        machine_charges(&mut all, model, machine);
        return all.0;
    }
    machine_costs(&mut all, model, machine);
    all.heading("Reaching it");
    all.value("by hga", format!("hga ssh {}", machine.id));
    if let Some(at) = &machine.endpoint {
        all.value("transport", at.transport().as_str());
        all.value("address", format!("{}, port {}", at.host, at.port));
        all.value("user", &at.user);
        all.value("key file", at.key.to_string_lossy());
        all.value("by hand", by_hand(at));
        all.value(
            "host key",
            match &at.host_keys {
                HostKeys::Pinned(keys) => {
                    let shown = keys.iter().map(|key| match host_key_fingerprint(key) {
                        Ok(fingerprint) => format!("{key} ({fingerprint})"),
                        Err(_) => key.clone(),
                    });
                    shown.collect::<Vec<_>>().join("; ")
                }
                HostKeys::Unknown => format!("not pinned yet: `hga machines check {}` shows it", machine.id),
            },
        );
    } else {
        all.value("address", "not known yet");
    }
    all.heading("Folders");
    all.value("hgdev", &machine.layout.hgdev);
    all.value("hgwork", &machine.layout.hgwork);
    all.value("sudo", if machine.sudo { "yes" } else { "no" });
    machine_charges(&mut all, model, machine);
    all.0
}

/// The line of OpenSSH that logs in.
fn by_hand(at: &crate::domain::Endpoint) -> String {
    let mut line = vec!["ssh".to_owned(), "-i".to_owned(), at.key.to_string_lossy().into_owned()];
    line.extend(["-p".to_owned(), at.port.to_string()]);
    if let Some(command) = &at.proxy_command {
        line.extend(["-o".to_owned(), format!("ProxyCommand={command}")]);
    }
    line.push(format!("{}@{}", at.user, at.host));
    shlex::Quoter::new().allow_nul(true).join(line.iter().map(String::as_str)).unwrap_or_default()
}

fn image_details(model: &Model, image: &Image) -> Vec<Detail> {
    let mut all = Details::default();
    all.value("image", image.name.as_str());
    all.value("provider", image.provider.as_str());
    let changed = changed_inputs(image);
    all.value("id", image.id.as_deref().unwrap_or_default());
    all.value("place", image.region.as_ref().map_or("", Region::as_str));
    old(&mut all, model, model.images.old(image));
    if let Some(claim) = &image.claim {
        claimed(&mut all, claim, None, model.now);
    }
    all.value(
        "state",
        if image.provider == ProviderKind::Aws && image.inputs.is_empty() {
            "not known: what it was made from was not recorded".to_owned()
        } else if changed.is_empty() {
            "current".to_owned()
        } else {
            format!("stale, changed: {}; the next run makes it anew", changed.join(", "))
        },
    );
    all.value("made", moment(model, image.created));
    all.value("size", words::bytes(image.bytes));
    stored_costs(&mut all, model, &image.resource());
    let users: Vec<&str> = users_of(image, &model.machines.value).iter().map(|machine| machine.id.as_str()).collect();
    all.value("used by", if users.is_empty() { "no machine".to_owned() } else { users.join(", ") });
    all.heading("What it was made from");
    all.value("fingerprint", image.fingerprint.as_ref().map_or("not recorded", Fingerprint::as_str));
    for (name, value) in &image.inputs {
        all.value(name, value);
    }
    all.0
}

fn resource_details(model: &Model, one: &Resource) -> Vec<Detail> {
    let mut all = Details::default();
    all.value("kind", one.at.kind.as_str());
    all.value("id", &one.at.id);
    all.value("name", one.name.as_deref().unwrap_or_default());
    let account = model.resources.account(one.at.provider).map_or_else(String::new, |id| format!(", account {id}"));
    let region = one.at.region.as_ref().map_or_else(String::new, |region| format!(" {region}"));
    all.value("place", format!("{}{region}{account}", one.at.provider));
    all.value("state", one.state.as_deref().unwrap_or_default());
    old(&mut all, model, model.resources.old(one));
    claimed(&mut all, &one.claim, one.keep.as_ref(), model.now);
    if let Some(at) = one.created {
        all.value("made", moment(model, at));
    }
    all.value("size", one.bytes.map_or_else(String::new, words::bytes));
    stored_costs(&mut all, model, one);
    all.value("details", one.detail.as_deref().unwrap_or_default());
    all.value("job", one.job.as_ref().map_or("", JobId::as_str));
    all.value("fingerprint", one.fingerprint.as_ref().map_or("", Fingerprint::as_str));
    for user in &one.used_by {
        all.value("used by", user.to_string());
    }
    all.0
}

fn job_details(model: &Model, store: &Store, id: &JobId) -> Vec<Detail> {
    let mut all = Details::default();
    let view = store.job(id);
    let summary = model.summary(id);
    let row = job_row(model, store, id);
    let operation = summary.map(|row| &row.operation).or_else(|| view.and_then(|view| view.operation.as_ref()));
    all.value("job", id.as_str());
    if let Some(row) = &row {
        all.value("state", stands(row));
        all.value("asked", moment(model, row.summary.created));
        if let Some(ended) = view.and_then(|view| view.ended).or(row.summary.ended) {
            all.value("ended", moment(model, ended));
        }
        all.value("took", words::seconds(row.seconds()));
        if let Some(counts) = row.counts {
            let parts = [(counts.failed, "failed"), (counts.skipped, "skipped"), (counts.passed, "passed")];
            let parts: Vec<String> =
                std::iter::once(format!("{} of {}", counts.done(), counts.total.max(counts.done())))
                    .chain(
                        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")),
                    )
                    .collect();
            all.value("tests", parts.join(", "));
        }
    }
    if let Some(machine) = view.and_then(|view| view.machine.as_ref()) {
        let ended = if machine.ended { ", ended" } else { "" };
        all.value("machine", format!("{} ({}{ended})", machine.id, machine.provider));
    } else if let Some(machine) = model.machine_of(store, id) {
        all.value("machine", format!("{} ({})", machine.id, machine.provider));
    }
    if let Some(source) = view.and_then(|view| view.source.as_ref()) {
        all.value("revision", format!("{} {}", source.node.get(..12).unwrap_or(&source.node), source.summary));
    }
    if let Some(operation) = operation {
        all.heading("What was asked");
        all.value("command", model.command_line(operation));
        if matches!(operation, Operation::RunTests(spec) if spec.source == TestSource::Pypi) {
            let folder = model.setup.state_dir.join("sources");
            all.value("source", format!("the newest Mercurial on PyPI, fetched to {}", folder.display()));
        }
    }
    all.heading("What became of it");
    let work = view.and_then(|view| view.work.as_ref()).or_else(|| summary.and_then(|row| row.work.as_ref()));
    all.value("work", work.map_or_else(|| "not over".to_owned(), work_words));
    if let Some(WorkVerdict::Error { hints, .. }) = work {
        for hint in hints {
            all.value("hint", &hint.0);
        }
    }
    let cleanup =
        view.and_then(|view| view.cleanup.as_ref()).or_else(|| summary.and_then(|row| row.cleanup.as_ref()));
    match cleanup {
        None => all.value("clean-up", "not over"),
        Some(CleanupVerdict::Clean) => all.value("clean-up", "nothing is left"),
        Some(CleanupVerdict::Kept { machine, provider }) => {
            all.value("clean-up", format!("machine {machine} ({provider}) is kept until its lease runs out"));
        }
        Some(CleanupVerdict::Remains { items }) => {
            for item in items {
                all.value("left behind", format!("{}: {}", item.what, item.why));
            }
        }
    }
    if let Ok(paths) = StatePaths::at(&model.setup.state_dir) {
        let files = paths.job(id);
        all.heading("Files");
        all.value("output", files.output.to_string_lossy());
        all.value("results", files.results.to_string_lossy());
    }
    all.0
}

fn stands(row: &JobRow<'_>) -> String {
    match row.view.and_then(|view| view.phase) {
        Some(phase) => format!("{}, phase {phase}", row.standing().word()),
        None => row.standing().word().to_owned(),
    }
}

fn work_words(work: &WorkVerdict) -> String {
    match work {
        WorkVerdict::Done => "done".to_owned(),
        WorkVerdict::Nothing => "nothing to do".to_owned(),
        WorkVerdict::TestsFailed { status } => format!("tests failed; the runner ended with status {status}"),
        WorkVerdict::Error { message, .. } => format!("error: {message}"),
        WorkVerdict::MachineLost { message } => format!("the machine went away: {message}"),
        WorkVerdict::Cancelled => "cancelled".to_owned(),
    }
}

/// A description in so many columns: values that are too long go on below themselves.
#[must_use]
pub fn laid(details: &[Detail], width: usize) -> Vec<Laid> {
    let mut lines = Vec::new();
    for detail in details {
        match detail {
            Detail::Heading(text) => {
                lines.push(Laid { name: String::new(), value: String::new(), heading: true });
                lines.push(Laid { name: (*text).to_owned(), value: String::new(), heading: true });
            }
            Detail::Value(name, value) => {
                let wide = name.width() + 1 > NAMES;
                let mut first = name.clone();
                if wide {
                    lines.push(Laid { name: std::mem::take(&mut first), value: String::new(), heading: false });
                }
                for part in wrapped(value, width.saturating_sub(NAMES).max(8)) {
                    lines.push(Laid { name: std::mem::take(&mut first), value: part, heading: false });
                }
            }
        }
    }
    lines
}

/// A text in lines of so many columns, broken at spaces where there are any.
#[must_use]
pub fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ').flat_map(|word| {
        // a word that fits no line is taken apart
        if word.trim_end().width() > room { word.graphemes(true).collect::<Vec<_>>() } else { vec![word] }
    }) {
        let wide = word.width();
        if used + word.trim_end().width() > room && used > 0 {
            lines.push(String::new());
            used = 0;
            if word.trim().is_empty() {
                continue;
            }
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
        used += wide;
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_go_on_below_themselves() {
        let details = [
            Detail::Value("name".into(), "one two three four".into()),
            Detail::Heading("More"),
            Detail::Value("a name too long".into(), "abcdefghijklmnop".into()),
        ];
        let lines: Vec<String> = laid(&details, 23).iter().map(Laid::text).collect();
        assert_eq!(
            lines,
            [
                "name         one two",
                "             three four",
                "",
                "More",
                "a name too long",
                "             abcdefghij",
                "             klmnop",
            ]
        );
        for width in 0..40 {
            assert!(laid(&details, width).iter().all(|line| line.value.width() <= width.saturating_sub(13).max(8)));
        }
    }
}
