//! The rows of the costs: things one by one, or the month told apart by something else; and why each number is what it is.

use super::describe::Details;
use super::money::CostItem;
use super::rows::{Row, SortKey, arranged};
use super::{Detail, Model};
use crate::domain::money::{
    Billed, ChargeKind, Explained, Grouping, PriceBook, Row as Sum, Run, Usd, known, known_by,
};
use crate::domain::{
    JobId, Machine, MachineState, ProviderKind, ResourceKind, ResourceRef, Timestamp, escape_line, words,
};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many stretches of a charge are told one by one, the last ones.
const STRETCHES: usize = 20;
/// So many things of a group are told one by one.
const THINGS: usize = 100;

/// The heads of the things' columns.
pub const COST_COLUMNS: [&str; 14] = [
    "WHAT", "STATE", "RATE", "SO FAR", "MONTH", "ENDS IN", "BY THEN", "USED BY", "TYPE", "NAME/ID", "PLACE", "JOB",
    "OWNER", "SINCE",
];
/// The heads of the columns of whatever else the month is told apart by; the first one's is put in its place.
pub const GROUP_COLUMNS: [&str; 9] =
    ["WHAT", "MONTH", "SHARE", "COMPUTE", "ADDRESS", "DISK", "SNAPSHOT", "TIME", "THINGS"];

/// What the month can be told apart by here, in the order of its key.
pub const GROUPINGS: [Grouping; 9] = [
    Grouping::Thing,
    Grouping::Job,
    Grouping::Operation,
    Grouping::Phase,
    Grouping::Type,
    Grouping::Charge,
    Grouping::Region,
    Grouping::Owner,
    Grouping::Day,
];

/// Its word for people, for several.
#[must_use]
pub fn grouping_word(by: Grouping) -> &'static str {
    match by {
        Grouping::Thing => "things",
        Grouping::Job => "jobs",
        Grouping::Phase => "phases",
        Grouping::Owner => "owners",
        Grouping::Region => "regions",
        Grouping::Operation => "operations",
        Grouping::Type => "types",
        Grouping::Charge => "charges",
        Grouping::Day => "days",
        Grouping::Month => "months",
    }
}

/// How a thing stands that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CostState {
    /// It runs.
    Running,
    /// It was stopped: what it keeps is charged for.
    Stopped,
    /// It is stored.
    Stored,
    /// It has ended.
    Ended,
}

impl CostState {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Stored => "stored",
            Self::Ended => "ended",
        }
    }
}

/// A row of the things.
#[derive(Debug, Clone)]
pub struct CostRow<'a> {
    /// What the ledger has of it; none for a machine that costs nothing and is not in it.
    pub item: Option<&'a CostItem>,
    /// The machine, where it is listed.
    pub machine: Option<&'a Machine>,
    /// Which.
    pub at: ResourceRef,
    /// What it is called, where that is not its id.
    name: Option<String>,
    /// How many machines use it, of what is stored; none where that is not known.
    users: Option<usize>,
    /// Whether it outlives its job.
    pub outlives: bool,
    now: Timestamp,
}

impl CostRow<'_> {
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> CostState {
        let Some(item) = self.item else { return CostState::Running };
        match (item.run.is_open(), item.run.thing.kind == ResourceKind::Machine, item.run.is_running()) {
            (false, ..) => CostState::Ended,
            (true, true, true) => CostState::Running,
            (true, true, false) => CostState::Stopped,
            (true, false, _) => CostState::Stored,
        }
    }

    /// Whether it is stored, and no machine uses it.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.state() == CostState::Stored && self.users == Some(0)
    }

    /// Whether it runs in a cloud and does not end by itself.
    #[must_use]
    pub fn is_unbound(&self) -> bool {
        let cloud = self.at.provider == ProviderKind::Aws && self.at.kind == ResourceKind::Machine;
        cloud && self.state() == CostState::Running && self.left().is_none_or(|left| left.is_zero())
    }

    /// Whether it ends itself within so many seconds.
    #[must_use]
    pub fn ends_within(&self, seconds: u64) -> bool {
        self.left().is_some_and(|left| left.as_secs() < seconds)
    }

    /// How long until it ends itself.
    fn left(&self) -> Option<Duration> {
        let ends = self.machine.and_then(|machine| machine.lease).map(crate::domain::Lease::ends);
        let ends = ends.or_else(|| self.item.and_then(|item| item.run.lease))?;
        (self.state() == CostState::Running)
            .then(|| Duration::try_from(ends.duration_since(self.now)).unwrap_or_default())
    }

    /// The job it was launched or made for.
    #[must_use]
    pub fn job(&self) -> Option<&JobId> {
        let told = self.machine.and_then(|machine| machine.job.as_ref());
        told.or_else(|| self.item.and_then(|item| item.run.labels.job.as_ref()))
    }

    fn amount(&self, of: impl Fn(&CostItem) -> Usd) -> String {
        match self.item {
            None => Usd::ZERO.to_string(),
            Some(item) => known(of(item), item.unknown),
        }
    }
}

/// An amount that is a bound, for what is stored of snapshots.
#[must_use]
pub(super) fn at_most(usd: Usd) -> String {
    format!("≤{usd}")
}

impl Row for CostRow<'_> {
    const COLUMNS: &'static [&'static str] = &COST_COLUMNS;

    fn text(&self, column: usize) -> String {
        let run = self.item.map(|item| &item.run);
        match column {
            // people know images by their names
            0 if self.at.kind == ResourceKind::Image => escape_line(self.name.as_deref().unwrap_or(&self.at.id)),
            0 => escape_line(&self.at.id),
            1 => self.state().word().to_owned(),
            2 => match self.item {
                None => "$0.00/h".to_owned(),
                Some(item) => match (self.state(), item.hourly, item.monthly) {
                    (CostState::Ended, ..) => String::new(),
                    (CostState::Stored, _, Some(monthly)) if self.at.kind != ResourceKind::Volume => {
                        format!("{}/mo", at_most(monthly))
                    }
                    (CostState::Stored | CostState::Stopped, _, Some(monthly)) => format!("{monthly}/mo"),
                    (CostState::Running, Some(hourly), _) => format!("{}/h", known(hourly, item.more)),
                    _ => "unknown".to_owned(),
                },
            },
            3 => self.amount(|item| item.so_far),
            4 => self.amount(|item| item.month),
            5 => match (self.state(), self.left()) {
                (CostState::Running, Some(left)) if left.is_zero() => "overdue".to_owned(),
                (CostState::Running, Some(left)) => words::span(left),
                (CostState::Running, None) if self.is_unbound() => "no lease".to_owned(),
                _ => String::new(),
            },
            6 => match self.item {
                Some(item) if item.unknown && item.by_then.is_some() => "unknown".to_owned(),
                Some(item) => item.by_then.map_or_else(String::new, |usd| usd.to_string()),
                None => String::new(),
            },
            7 => match (self.state(), self.users) {
                (CostState::Stored, Some(0)) => "nothing".to_owned(),
                (CostState::Stored, Some(users)) => words::count(users as u64, "machine"),
                _ => String::new(),
            },
            8 => match (run, self.at.kind) {
                (Some(run), ResourceKind::Machine) => {
                    let spot = if run.bill.spot { " spot" } else { "" };
                    let name = run.bill.instance_type.as_deref().map_or_else(String::new, escape_line);
                    format!("{name}{spot}")
                }
                (_, ResourceKind::Machine) => String::new(),
                (Some(run), kind) => {
                    let gb: u64 = run.bill.charges.iter().map(|charge| charge.amount).sum();
                    format!("{} {gb} GB", kind.as_str())
                }
                (None, kind) => kind.as_str().to_owned(),
            },
            9 if self.at.kind == ResourceKind::Image => escape_line(&self.at.id),
            9 => self.name.as_deref().map_or_else(String::new, escape_line),
            10 => self.at.region.as_ref().map_or_else(|| self.at.provider.to_string(), ToString::to_string),
            11 => self.job().map_or_else(String::new, ToString::to_string),
            12 => run.and_then(|run| run.labels.owner.as_deref()).map_or_else(String::new, escape_line),
            13 => run
                .map(Run::opened)
                .or_else(|| self.machine.and_then(|machine| machine.launched))
                .map_or_else(String::new, |at| words::age(at, self.now)),
            _ => String::new(),
        }
    }

    fn found(&self, column: usize) -> String {
        match column {
            0 => format!("{} {}", self.at.id, self.text(0)),
            10 => format!("{} {}", self.at.provider, self.text(10)),
            _ => self.text(column),
        }
    }

    fn key(&self, column: usize) -> SortKey {
        let usd = |of: &dyn Fn(&CostItem) -> Option<Usd>| match self.item {
            None => SortKey::Number(0.0),
            Some(item) if item.unknown => SortKey::Nothing,
            Some(item) => of(item).map_or(SortKey::Nothing, |usd| SortKey::Number(usd.approximately())),
        };
        match column {
            1 => SortKey::Number(f64::from(self.state() as u8)),
            2 if self.state() == CostState::Ended => SortKey::Nothing,
            2 => usd(&|item| item.hourly),
            3 => usd(&|item| Some(item.so_far)),
            4 => usd(&|item| Some(item.month)),
            5 => self.left().map_or(SortKey::Nothing, |left| SortKey::Number(left.as_secs_f64())),
            6 => self
                .item
                .and_then(|item| item.by_then)
                .map_or(SortKey::Nothing, |usd| SortKey::Number(usd.approximately())),
            7 => match (self.state(), self.users) {
                (CostState::Stored, Some(users)) => SortKey::Number(users as f64),
                _ => SortKey::Nothing,
            },
            13 => match self.item.map(|item| item.run.opened()).or_else(|| self.machine?.launched) {
                Some(at) => SortKey::Number(self.now.duration_since(at).as_secs_f64()),
                None => SortKey::Nothing,
            },
            _ => SortKey::text(&self.text(column)),
        }
    }
}

/// A row of whatever else the month is told apart by.
#[derive(Debug, Clone, Copy)]
pub struct GroupRow<'a> {
    /// What it came to.
    pub sum: &'a Sum,
    by: Grouping,
    whole: Usd,
}

impl GroupRow<'_> {
    /// Its share of the month, in percent.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.sum.total().percent_of(self.whole).unwrap_or(0)
    }
}

impl Row for GroupRow<'_> {
    const COLUMNS: &'static [&'static str] = &GROUP_COLUMNS;

    fn text(&self, column: usize) -> String {
        let sum = self.sum;
        let amount = |usd: Usd| if usd.is_zero() { String::new() } else { usd.to_string() };
        match column {
            0 => escape_line(&sum.key),
            1 => known(sum.total(), sum.unknown > 0),
            2 => format!("{}%", self.percent()),
            3 => amount(sum.compute),
            4 => amount(sum.address),
            5 => amount(sum.disk),
            6 if sum.snapshot.is_zero() => String::new(),
            6 => at_most(sum.snapshot),
            7 if sum.seconds == 0 => String::new(),
            7 => words::span(Duration::from_secs(sum.seconds)),
            8 => sum.things.to_string(),
            _ => String::new(),
        }
    }

    fn key(&self, column: usize) -> SortKey {
        let sum = self.sum;
        let usd = |usd: Usd| SortKey::Number(usd.approximately());
        match column {
            1 => usd(sum.total()),
            2 => SortKey::Number(self.percent() as f64),
            3 => usd(sum.compute),
            4 => usd(sum.address),
            5 => usd(sum.disk),
            6 => usd(sum.snapshot),
            7 => SortKey::Number(sum.seconds as f64),
            8 => SortKey::Number(sum.things as f64),
            _ => SortKey::text(&self.text(column)),
        }
    }
}

/// The things to show: what runs, what is stored, what has ended this month; each the dearest first. Machines of this computer
/// are among them, at nothing.
#[must_use]
pub fn cost_rows(model: &Model) -> Vec<CostRow<'_>> {
    let machines: BTreeMap<(ProviderKind, &str), &Machine> =
        model.machines.value.iter().map(|machine| ((machine.provider, machine.id.as_str()), machine)).collect();
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for machine in model.machines.value.iter().filter(|machine| machine.state != MachineState::Terminated) {
        if let Some(image) = machine.cloud.as_ref().and_then(|cloud| cloud.image_id.as_deref()) {
            *users.entry(image).or_default() += 1;
        }
    }
    let names: BTreeMap<&str, &str> =
        model.images.value.iter().filter_map(|image| Some((image.id.as_deref()?, image.name.as_str()))).collect();
    let alarms: BTreeSet<&str> = model.alarms.iter().map(|alarm| alarm.machine.as_str()).collect();
    let mut here = BTreeSet::new();
    let mut rows = Vec::new();
    for item in &model.money.items {
        let at = &item.run.thing;
        let machine = machines.get(&(at.provider, at.id.as_str())).copied();
        here.insert((at.provider, at.id.as_str()));
        let machine = machine.filter(|_| at.kind == ResourceKind::Machine);
        rows.push(CostRow {
            item: Some(item),
            machine,
            at: at.clone(),
            name: machine
                .and_then(|machine| machine.cloud.as_ref()?.name.clone())
                .or_else(|| names.get(at.id.as_str()).map(|name| (*name).to_owned())),
            users: match at.kind {
                // whether a machine was launched from it is only known once machines are
                ResourceKind::Image if model.machines.answered(at.provider) => {
                    Some(users.get(at.id.as_str()).copied().unwrap_or(0))
                }
                // what belongs to something is charged with that
                ResourceKind::Snapshot | ResourceKind::Volume => Some(0),
                _ => None,
            },
            outlives: alarms.contains(at.id.as_str()),
            now: model.now,
        });
    }
    let free = model.machines.value.iter().filter(|machine| {
        machine.provider == ProviderKind::Local
            && machine.state.is_alive()
            && !here.contains(&(machine.provider, machine.id.as_str()))
    });
    if model.money.told.is_none() {
        return Vec::new();
    }
    let ended = rows.iter().position(|row| row.state() != CostState::Running).unwrap_or(rows.len());
    let free: Vec<CostRow<'_>> = free
        .map(|machine| CostRow {
            item: None,
            machine: Some(machine),
            at: machine.resource().at,
            name: None,
            users: None,
            outlives: alarms.contains(machine.id.as_str()),
            now: model.now,
        })
        .collect();
    rows.splice(ended..ended, free);
    arranged(rows, model.home.costs.order, &model.home.costs.filter)
}

/// The month told apart, as rows; none where it is told thing by thing.
#[must_use]
pub fn group_rows(model: &Model) -> Vec<GroupRow<'_>> {
    let Some(report) = &model.money.groups else { return Vec::new() };
    let whole = report.total.total();
    let rows: Vec<GroupRow<'_>> = report.rows.iter().map(|sum| GroupRow { sum, by: report.by, whole }).collect();
    arranged(rows, model.home.cost_groups.order, &model.home.cost_groups.filter)
}

/// How many rows there are, whatever is filtered for.
#[must_use]
pub fn costs_count(model: &Model) -> usize {
    if let Some(report) = &model.money.groups {
        return report.rows.len();
    }
    let here: BTreeSet<&str> = model.money.items.iter().map(|item| item.run.thing.id.as_str()).collect();
    let free = model.machines.value.iter().filter(|machine| {
        machine.provider == ProviderKind::Local && machine.state.is_alive() && !here.contains(machine.id.as_str())
    });
    model.money.items.len() + free.count()
}

/// Why the number that is selected is what it is, with a title.
pub(super) fn cost_details(model: &Model) -> Option<(String, Vec<Detail>)> {
    if model.money.by() != Grouping::Thing {
        let key = model.home.cost_groups.selected.as_ref()?;
        let rows = group_rows(model);
        let row = rows.iter().find(|row| row.sum.key == *key)?;
        return Some((escape_line(&format!("This month, {}", row.sum.key)), group_details(model, row)));
    }
    let at = model.home.costs.selected.as_ref()?;
    let rows = cost_rows(model);
    let row = rows.iter().find(|row| row.at == *at)?;
    let title = escape_line(&format!("What {} {} costs", at.kind.as_str(), at.id));
    let mut all = Details::default();
    all.value("what", format!("{} {}", at.kind.as_str(), at.id));
    all.value("name", row.name.as_deref().unwrap_or_default());
    all.value("type", row.text(8));
    all.value("place", row.text(10));
    all.value("state", row.text(1));
    if let Some(alarm) = model.alarms.iter().find(|alarm| alarm.machine.as_str() == at.id) {
        all.value("alarm", format!("! {}", model.alarm_words(alarm)));
    }
    match row.item {
        None => {
            all.value("price", "$0.00: nothing is charged for this computer");
        }
        Some(item) => {
            all.value("used by", row.text(7));
            all.value("ends in", ends_in(row, item));
            all.value("job", row.text(11));
            all.value("owner", row.text(12));
            money_details(&mut all, model, item);
        }
    }
    Some((title, all.into()))
}

fn ends_in(row: &CostRow<'_>, item: &CostItem) -> String {
    let text = row.text(5);
    match (item.by_then, item.unknown) {
        _ if row.is_unbound() => format!("! {text}: it costs until it is ended"),
        (Some(usd), false) => format!("{text}: {usd} by then"),
        _ => text,
    }
}

/// What a machine costs and has cost, in a few lines.
pub(super) fn machine_costs(all: &mut Details, model: &Model, machine: &Machine) {
    if let Some(alarm) = model.alarm_of(&machine.id) {
        all.value("alarm", format!("! {}", model.alarm_words(alarm)));
    }
    if machine.provider != ProviderKind::Aws {
        all.value("costs", "$0.00: nothing is charged for it");
        return;
    }
    let known = |usd: Option<Usd>| usd.map_or_else(|| "unknown".to_owned(), Usd::price);
    if machine.state.is_alive() {
        let price = model.money.price_of(machine, model.now);
        let price = price.map_or_else(
            || "the price of its type is unknown".to_owned(),
            |price| format!("the machine alone {}, {}", price.usd.price(), price.source.words(model.now)),
        );
        let hourly = known(model.money.hourly(machine, model.now));
        all.value("costs", format!("{hourly} an hour with all that goes with it; {price}"));
    }
    let Some(run) = model.money.run(&machine.resource().at) else { return };
    let book = model.money.book();
    all.value("so far", told_exactly(run.total(book, model.now), run.is_unknown(book)));
    if let Some(lease) = machine.lease.filter(|lease| machine.state.is_alive() && !lease.is_over(model.now))
        && !run.is_unknown(book)
    {
        all.value("by its end", run.total(book, lease.ends()).to_string());
    }
}

/// The same charge by charge.
pub(super) fn machine_charges(all: &mut Details, model: &Model, machine: &Machine) {
    let Some(run) = model.money.run(&machine.resource().at) else { return };
    if machine.provider == ProviderKind::Aws {
        charges(all, run, model.money.book(), model.now);
    }
}

/// What storing something costs for a month.
pub(super) fn stored_costs(all: &mut Details, model: &Model, one: &crate::domain::Resource) {
    if one.at.provider != ProviderKind::Aws {
        return;
    }
    let Some(monthly) = model.money.monthly(one) else { return };
    let bound = matches!(one.at.kind, ResourceKind::Image | ResourceKind::Snapshot);
    let run = model.money.run(&one.at).filter(|run| run.is_open());
    let book = model.money.book();
    let sources =
        run.into_iter().flat_map(|run| &run.bill.charges).filter_map(|charge| Some(run?.price(charge, book)?.source));
    let known = known_by(sources, model.now);
    let known = if known.is_empty() { String::new() } else { format!(", {known}") };
    all.value("for a month", format!("{}{known}", if bound { at_most(monthly) } else { monthly.to_string() }));
    if let Some(run) = run {
        all.value("so far", run.total(book, model.now).to_string());
    }
}

/// What a thing costs and has cost, charge by charge.
pub(super) fn money_details(all: &mut Details, model: &Model, item: &CostItem) {
    let (run, now) = (&item.run, model.now);
    let book = model.money.book();
    if run.is_running() && run.thing.kind == ResourceKind::Machine {
        let hourly = item.hourly.map_or_else(|| "unknown".to_owned(), Usd::price);
        all.value("for an hour", hourly);
    }
    if let Some(monthly) = item.monthly {
        let bound = if matches!(run.thing.kind, ResourceKind::Machine | ResourceKind::Volume) { "" } else { "≤" };
        all.value("for a month", format!("{bound}{}", monthly.price()));
    }
    all.value("so far", told_exactly(item.so_far, item.unknown));
    all.value("this month", told_exactly(item.month, item.unknown));
    if run.bound {
        all.value("ended", "at the latest then: nobody saw it end");
    }
    charges(all, run, book, now);
}

fn charges(all: &mut Details, run: &Run, book: &PriceBook, now: Timestamp) {
    for explained in run.explained(book, now) {
        charge_details(all, run, &explained, now);
    }
    all.heading("Not in it");
    if run.thing.kind == ResourceKind::Machine {
        all.value("transfer", "data that goes out to the internet, beyond 100 GB a month");
        burstable(all, run, book);
    } else if run.thing.kind != ResourceKind::Volume {
        all.value("less", "only blocks that differ are stored: the size of the volume is the most it can be");
    }
    all.value("besides", "taxes, discounts, free tiers");
}

fn burstable(all: &mut Details, run: &Run, book: &PriceBook) {
    let facts = run.bill.instance_type.as_ref().and_then(|name| book.facts(name));
    if facts.is_some_and(|facts| facts.burstable) {
        all.value("surplus", "processors above the baseline, which a burstable type is charged extra for");
    }
}

fn told_exactly(usd: Usd, unknown: bool) -> String {
    let exact = if usd.is_zero() { String::new() } else { format!(" (${})", usd.exact()) };
    format!("{}{exact}", known(usd, unknown))
}

fn charge_details(all: &mut Details, run: &Run, explained: &Explained, now: Timestamp) {
    let Explained { charge, price, billed } = explained;
    all.heading(match charge.what {
        ChargeKind::Compute => "Machine",
        ChargeKind::Address => "Addresses",
        ChargeKind::Disk => "Volumes",
        ChargeKind::Snapshot => "Snapshots",
    });
    let (amount, of) = match charge.what {
        ChargeKind::Compute if run.bill.spot => ("1 machine, on the Spot market".to_owned(), "an hour"),
        ChargeKind::Compute => ("1 machine, on demand".to_owned(), "an hour"),
        ChargeKind::Address => (words::count(charge.amount, "public address"), "an hour"),
        ChargeKind::Disk => (format!("{} GB", charge.amount), "a GB and month"),
        ChargeKind::Snapshot => (format!("{} GB at most", charge.amount), "a GB and month"),
    };
    all.value("charged for", amount);
    let price = price.map_or_else(
        || "unknown: in no price list that was read".to_owned(),
        |price| format!("{} {of}, {}", price.usd.price(), price.source.words(now)),
    );
    all.value("price", price);
    if let Some(first) = billed.last() {
        let rule = first.rule;
        all.value("rule", format!("{}: {}", rule.name, rule.source));
    }
    if billed.len() > STRETCHES {
        all.value("earlier", format!("{} stretches are not shown", billed.len() - STRETCHES));
    }
    let part = |stretch: &Billed| {
        let usd = stretch.usd.map_or_else(|| "unknown".to_owned(), |usd| format!("${}", usd.exact()));
        let clock = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let end = if stretch.open { "now".to_owned() } else { clock(stretch.to) };
        let seconds = if charge.what.is_monthly() {
            format!("{} s ÷ the seconds of the month", stretch.seconds)
        } else {
            format!("{} s ÷ 3600", stretch.seconds)
        };
        format!("{} to {end} UTC, {seconds}: {usd}", clock(stretch.from))
    };
    for (place, stretch) in billed.iter().skip(billed.len().saturating_sub(STRETCHES)).enumerate() {
        all.value(if place == 0 { "counted" } else { " " }, part(stretch));
    }
    if billed.len() > 1 {
        all.value("sum", explained.usd().map_or_else(|| "unknown".to_owned(), |usd| format!("${}", usd.exact())));
    }
}

fn group_details(model: &Model, row: &GroupRow<'_>) -> Vec<Detail> {
    let sum = row.sum;
    let mut all = Details::default();
    all.value(row.by.as_str(), &sum.key);
    all.value("this month", told_exactly(sum.total(), sum.unknown > 0));
    all.value("share", format!("{} % of the month", row.percent()));
    all.value("time", row.text(7));
    let open = if sum.open > 0 { format!(", {} there now", sum.open) } else { String::new() };
    all.value("things", format!("{}{open}", sum.things));
    if sum.unknown > 0 {
        all.value("unknown", format!("the price of {}: they come on top", words::count(sum.unknown as u64, "thing")));
    }
    all.heading("What for");
    for (name, usd) in [("machines", sum.compute), ("addresses", sum.address), ("volumes", sum.disk)] {
        if !usd.is_zero() {
            all.value(name, told_exactly(usd, false));
        }
    }
    if !sum.snapshot.is_zero() {
        all.value("snapshots", format!("at most {}", told_exactly(sum.snapshot, false)));
    }
    let things: Vec<&CostItem> = model.money.items.iter().filter(|item| is_in(&item.run, row)).collect();
    if !things.is_empty() {
        all.heading("This month's things");
        for item in things.iter().take(THINGS) {
            let what = item.run.bill.instance_type.as_deref().unwrap_or_else(|| item.run.thing.kind.as_str());
            all.value(&known(item.month, item.unknown), format!("{} ({what})", item.run.thing.id));
        }
        if things.len() > THINGS {
            all.value("more", (things.len() - THINGS).to_string());
        }
    }
    all.heading("How that is known");
    all.value("prices", &model.money.known);
    all.into()
}

/// Whether all of a thing is in a group; not told of those that take a part of a thing.
fn is_in(run: &Run, row: &GroupRow<'_>) -> bool {
    let key = row.sum.key.as_str();
    let is = |text: Option<&str>| text.unwrap_or("(none)") == key;
    match row.by {
        Grouping::Job => is(run.labels.job.as_ref().map(JobId::as_str)),
        Grouping::Owner => is(run.labels.owner.as_deref()),
        Grouping::Operation => is(run.labels.operation.as_deref()),
        Grouping::Type => is(run.bill.instance_type.as_deref()),
        Grouping::Region => {
            let place = run.thing.region.as_ref();
            place.map_or(run.thing.provider.as_str() == key, |region| region.as_str() == key)
        }
        Grouping::Thing | Grouping::Phase | Grouping::Charge | Grouping::Day | Grouping::Month => false,
    }
}
