//! What a form's operation would cost, in words: made anew from the form, the ledger and the prices whenever one of them
//! changes.

use super::form::Form;
use super::{FieldId, Money, Setup};
use crate::domain::money::{
    Alternative, Cap, Estimate, Platform, PriceSource, Quote, Usd, cap_refuses, day_refuses, expected, say,
};
use crate::domain::{KeepMachine, Machine, Operation, ProviderKind, Timestamp};

/// What a form's operation would cost, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormCosts {
    /// All that is to be known first: price, what it comes to, what it comes to at most.
    pub parts: Vec<String>,
    /// The same in fewer words, for little room, the fullest first.
    pub brief: Vec<String>,
    /// What a person has to know before.
    pub warnings: Vec<String>,
    /// Limits, and what is kept.
    pub limits: Vec<String>,
    /// What other types would cost.
    pub types: Option<TypeTable>,
    /// What is in it, and what is not.
    pub excluded: Option<String>,
    /// Whether it costs nothing.
    pub free: bool,
    /// Whether no more is launched today unless a person says so.
    pub refused: bool,
    /// The types that can be proposed, the cheapest for this work first.
    pub choices: Vec<TypeChoice>,
}

/// Other types for the same work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeTable {
    /// What they are compared by.
    pub title: String,
    /// The one that was asked for, then the others.
    pub rows: Vec<TypeRow>,
    /// What there is to know of those of the Spot market, where any is.
    pub foot: Option<&'static str>,
}

/// A type, as a row of a table: its name, processors, price for an hour, time, cost, in percent of the first.
pub type TypeRow = [String; 6];

/// A type that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeChoice {
    /// Its name.
    pub name: String,
    /// What it costs, in a line whose columns stand below each other.
    pub said: String,
}

impl FormCosts {
    /// What a form's operation would cost.
    #[must_use]
    pub fn of(form: &Form, money: &Money, setup: &Setup, machines: &[Machine], now: Timestamp) -> Self {
        let place = form.place();
        if let Some(id) = &place.machine {
            let machine = machines.iter().find(|machine| machine.provider == place.provider && machine.id == *id);
            return machine.map_or_else(Self::default, |machine| Self::of_standing(machine, money, now));
        }
        if place.provider != ProviderKind::Aws {
            return Self::nothing(place.provider);
        }
        let (operation, wrong) = form.draft();
        let Some(estimate) = money.estimate(&operation, setup) else {
            let why = match (&money.told, &money.error) {
                (Some(_), _) => "price unknown: no region is set".to_owned(),
                (None, Some(error)) => format!("price unknown: {error}"),
                (None, None) => "what it costs is being looked up…".to_owned(),
            };
            return Self::said(vec![why]);
        };
        let is_wrong = |id: FieldId| wrong.iter().any(|(field, _)| *field == id);
        let kept = matches!(&operation, Operation::RunTests(spec) if spec.keep == KeepMachine::OnFailure);
        let mut costs = Self::default();
        let most = estimate.say_most().filter(|_| !is_wrong(FieldId::Lease));
        costs.parts.push(estimate.say_price(now));
        costs.parts.extend(estimate.say_expected(&operation));
        costs.parts.extend(most.clone());
        costs.brief = brief(&estimate, most.is_some(), now);
        costs.judge(&estimate, &operation, money, setup);
        if let Some(most) = estimate.at_most.filter(|_| kept && most.is_some()) {
            costs.limits.push(format!("kept when tests fail: up to {most}, until its lease ends it"));
        }
        let burstable = money.book().facts(&estimate.work.instance_type).is_some_and(|facts| facts.burstable);
        let builds = matches!(&operation, Operation::RunTests(spec) if spec.build_image);
        costs.exclude(&estimate, burstable, builds);
        costs.types = table(&estimate, money, now);
        costs.choices = choices(&estimate, money);
        costs
    }

    fn said(parts: Vec<String>) -> Self {
        Self { brief: parts.clone(), parts, ..Self::default() }
    }

    fn nothing(provider: ProviderKind) -> Self {
        let why = if provider == ProviderKind::Hosts { "a listed host" } else { "on this computer" };
        Self { free: true, ..Self::said(vec![format!("costs nothing: it is {why}")]) }
    }

    /// What a machine costs that is there already.
    fn of_standing(machine: &Machine, money: &Money, now: Timestamp) -> Self {
        if machine.provider != ProviderKind::Aws {
            return Self::nothing(machine.provider);
        }
        let hourly = money.hourly(machine, now);
        let goes_on = say::goes_on(hourly, machine.lease.map(|lease| lease.left(now)));
        Self::said(vec![format!("{goes_on}: it runs already")])
    }

    /// The limits that hold, and whether they refuse it or would end it early.
    fn judge(&mut self, estimate: &Estimate, operation: &Operation, money: &Money, setup: &Setup) {
        let allowance = operation.wish().map(|wish| wish.allowance).unwrap_or_default();
        let whose = match allowance.cap {
            Some(Cap::At(_)) => " for this job",
            Some(Cap::None) => ", as asked",
            None => " (configured)",
        };
        match allowance.cap(&setup.budget) {
            Some(cap) => {
                self.limits.push(format!("cap {cap}{whose}"));
                if let Some(usd) = estimate.usd.filter(|usd| *usd > cap) {
                    self.warnings.push(format!("about {usd} is more than the cap of {cap}: it would be cut short"));
                }
            }
            None if allowance.cap.is_some() => self.limits.push(format!("no cap{whose}")),
            None => self.limits.push("no cap".to_owned()),
        }
        self.warnings.extend(cap_refuses(estimate).map(|why| format!("refused: {why}")));
        let Some(today) = money.outlook.as_ref().map(|outlook| outlook.today) else { return };
        if let Some(cap) = setup.budget.day {
            self.limits.push(format!("{today} of {cap} a day spent"));
        }
        if let Some(why) = day_refuses(&setup.budget, today, expected(estimate, operation)) {
            self.refused = true;
            let then = if allowance.over_day_cap {
                "launched all the same, as asked"
            } else {
                "refused, unless `Day's cap` is ticked"
            };
            self.warnings.insert(0, format!("{then}: {why}"));
        }
    }

    /// What is in the sums, and what is not.
    fn exclude(&mut self, estimate: &Estimate, burstable: bool, builds: bool) {
        let name = &estimate.work.instance_type;
        let (surplus, mut not_included): (Vec<String>, Vec<String>) =
            estimate.not_included.iter().cloned().partition(|line| burstable && line.contains(name.as_str()));
        self.warnings.extend(surplus);
        if builds {
            not_included.insert(0, "the image that may have to be made first".to_owned());
        }
        let all = estimate.hourly.filter(|hourly| estimate.machine.is_some_and(|quote| quote.usd != *hourly));
        let included = all.map_or_else(String::new, |hourly| {
            format!("{} with its {}; ", say::per_hour(Some(hourly)), estimate.included().join(" and "))
        });
        self.excluded = Some(format!("{included}not included: {}", not_included.join("; ")));
    }
}

/// The first line, in less and less words.
fn brief(estimate: &Estimate, with_most: bool, now: Timestamp) -> Vec<String> {
    let Some(quote) = estimate.machine else { return vec![estimate.say_price(now), "price unknown".to_owned()] };
    let about = estimate.usd.map(|usd| format!("about {usd}"));
    let time = estimate.usd.zip(estimate.seconds).map(|(usd, taken)| format!("about {usd}, {}", say::roughly(taken)));
    let most = estimate.at_most.filter(|_| with_most).map(|usd| format!("at most {usd}"));
    let bare = format!("{}/h", quote.usd.price());
    let joined = |parts: [Option<String>; 3]| parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let sourced = Some(estimate.say_price(now));
    vec![
        joined([sourced.clone(), time, most.clone()]),
        joined([sourced, about.clone(), most.clone()]),
        joined([Some(bare.clone()), about.clone(), most]),
        joined([Some(bare.clone()), about, None]),
        bare,
    ]
}

/// What other types would cost, the one that was asked for first.
fn table(estimate: &Estimate, money: &Money, now: Timestamp) -> Option<TypeTable> {
    let quote = estimate.machine.filter(|_| !estimate.alternatives.is_empty())?;
    let name = &estimate.work.instance_type;
    let vcpus = money.book().facts(name)?.vcpus;
    let known = estimate.seconds.is_some();
    // alternatives are compared by what the machines cost alone
    let own = estimate.seconds.map(|seconds| quote.usd.times(seconds.max(60), 3600));
    let mut rows = vec![row(format!("{name} (as asked)"), vcpus, quote.usd, estimate.seconds, own, 100)];
    for other in &estimate.alternatives {
        let name = match (&other.spot_zone, other.hourly.source) {
            (Some(zone), PriceSource::Spot { .. }) => {
                format!("{}, {} in {zone}", other.instance_type, other.hourly.source.words(now))
            }
            (Some(zone), _) => format!("{}, spot in {zone}", other.instance_type),
            (None, _) => other.instance_type.clone(),
        };
        rows.push(row(name, other.vcpus, other.hourly.usd, other.seconds, other.usd, other.percent));
    }
    let title = if known {
        "For as much money or less, if twice the processors halve the tests' time"
    } else {
        "For as much money or less a processor; how long it takes is not known yet"
    };
    let spot = estimate.alternatives.iter().any(|other| other.spot_zone.is_some());
    let foot = spot.then_some("Spot machines may be taken away at any time: hga launches on demand");
    Some(TypeTable { title: title.to_owned(), rows, foot })
}

fn row(name: String, vcpus: u32, hourly: Usd, seconds: Option<u64>, usd: Option<Usd>, percent: u64) -> TypeRow {
    [
        name,
        vcpus.to_string(),
        format!("{}/h", hourly.price()),
        seconds.map_or_else(String::new, say::roughly),
        usd.map_or_else(String::new, |usd| usd.to_string()),
        format!("{percent} %"),
    ]
}

/// The types that a machine can be of: first those that do the work for as much or less, the others by name.
fn choices(estimate: &Estimate, money: &Money) -> Vec<TypeChoice> {
    let (book, region) = (money.book(), &estimate.work.region);
    let on_demand = estimate.alternatives.iter().filter(|other| other.spot_zone.is_none());
    let mut choices: Vec<TypeChoice> =
        on_demand.map(|other| choice(&other.instance_type, other.vcpus, other.hourly, Some(other))).collect();
    for (name, facts) in book.types().filter(|(_, facts)| !facts.arm) {
        let Some(quote) = book.machine(region, name, Platform::Linux) else { continue };
        if !choices.iter().any(|choice| choice.name == name) {
            choices.push(choice(name, facts.vcpus, quote, None));
        }
    }
    choices
}

fn choice(name: &str, vcpus: u32, hourly: Quote, other: Option<&Alternative>) -> TypeChoice {
    let beside = other.map_or_else(String::new, |other| {
        let time = other.seconds.map_or_else(String::new, say::roughly);
        let usd = other.usd.map_or_else(String::new, |usd| usd.to_string());
        format!(" {time:>7} {usd:>7} {:>4} %", other.percent)
    });
    let said = format!("{vcpus:>3} vCPU {:>8}/h{beside}", hourly.usd.price());
    TypeChoice { name: name.to_owned(), said }
}
