//! What dialogs say of money: what ending or removing a thing saves, what a job has cost, what goes on when hga is left.

use crate::domain::money::{Item, Outlook, Usd, say};
use crate::domain::{Machine, Operation, Plan, PlanItem, ProviderKind, ResourceKind, words};
use crate::store::Store;
use crate::tui::model::Model;

/// A GB, as volumes and snapshots are counted.
const GB: u64 = 1 << 30;

/// What is spent no more when a thing has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saving {
    /// So much an hour.
    Hour(Usd),
    /// So much a month.
    Month(Usd),
    /// So much a month at most: of snapshots only what differs is stored.
    MonthAtMost(Usd),
    /// It costs, and how much is not known.
    Unknown,
}

/// What ending or removing a thing of a plan saves; none of what costs nothing.
fn saving(model: &Model, plan: &Plan, item: &PlanItem) -> Option<Saving> {
    if item.at.provider != ProviderKind::Aws {
        return None;
    }
    let money = &model.money;
    let stored = |item_of: Item| {
        let bytes = model.resources.value.iter().find(|one| one.at == item.at)?.bytes?;
        let quote = money.book().quote(item.at.region.as_ref()?, &item_of)?;
        Some(quote.usd.times(bytes.div_ceil(GB), 1))
    };
    let saving = match item.at.kind {
        ResourceKind::Machine => {
            let known = match machine(model, item) {
                Some(machine) => money.hourly(machine, model.now),
                None => money.run(&item.at).and_then(|run| run.hourly(money.book(), model.now)),
            };
            known.map(Saving::Hour)
        }
        ResourceKind::Image | ResourceKind::Snapshot => {
            let thing = model.resources.value.iter().find(|one| one.at == item.at);
            let of_image = thing.is_some_and(|one| {
                item.at.kind == ResourceKind::Snapshot
                    && one.used_by.iter().any(|image| plan.items.iter().any(|other| other.at == *image))
            });
            if of_image {
                // it is counted with the image that goes too
                return None;
            }
            let monthly = money.run(&item.at).map(|run| Outlook::monthly(run, money.book()));
            monthly.unwrap_or_else(|| stored(Item::Snapshot)).map(Saving::MonthAtMost)
        }
        ResourceKind::Volume => stored(Item::Disk).map(Saving::Month),
        _ => return None,
    };
    match saving {
        Some(Saving::Hour(usd) | Saving::Month(usd) | Saving::MonthAtMost(usd)) if usd.is_zero() => None,
        known => Some(known.unwrap_or(Saving::Unknown)),
    }
}

fn machine<'a>(model: &'a Model, item: &PlanItem) -> Option<&'a Machine> {
    model.machines.value.iter().find(|machine| machine.resource().at == item.at)
}

/// What a thing of a plan costs no more, and has cost; none of what costs nothing.
pub(super) fn of_item(model: &Model, plan: &Plan, item: &PlanItem) -> Option<String> {
    let saves = match saving(model, plan, item)? {
        Saving::Hour(usd) => format!("stops {}", say::per_hour(Some(usd))),
        Saving::Month(usd) => format!("saves {usd} a month"),
        Saving::MonthAtMost(usd) => format!("saves at most {usd} a month"),
        Saving::Unknown => "what it costs is unknown".to_owned(),
    };
    let so_far = machine(model, item).and_then(|machine| model.money.so_far(machine, model.now));
    Some(match so_far {
        Some(usd) => format!("{saves}; has cost {usd} so far"),
        None => saves,
    })
}

/// What all things of a plan together cost no more; none of fewer than two that cost.
pub(super) fn of_plan(model: &Model, plan: &Plan) -> Option<String> {
    let (mut hour, mut month, mut bound, mut unknown) = (Usd::ZERO, Usd::ZERO, false, 0_u64);
    let savings: Vec<Saving> = plan.items.iter().filter_map(|item| saving(model, plan, item)).collect();
    if savings.len() < 2 {
        return None;
    }
    for saving in savings {
        match saving {
            Saving::Hour(usd) => hour += usd,
            Saving::Month(usd) => month += usd,
            Saving::MonthAtMost(usd) => {
                month += usd;
                bound = true;
            }
            Saving::Unknown => unknown += 1,
        }
    }
    let mut parts = Vec::new();
    if !hour.is_zero() {
        parts.push(format!("stops {}", say::per_hour(Some(hour))));
    }
    if !month.is_zero() {
        parts.push(format!("saves {}{month} a month", if bound { "at most " } else { "" }));
    }
    if unknown > 0 {
        parts.push(format!("what {} costs is unknown", words::count(unknown, "thing")));
    }
    Some(format!("In all: {}.", parts.join("; ")))
}

/// What a job's machine costs, and what the job has cost; nothing where it costs nothing.
pub(super) fn of_job(model: &Model, store: &Store, id: &crate::domain::JobId) -> Option<String> {
    let machine = model.machine_of(store, id).filter(|machine| machine.provider == ProviderKind::Aws);
    let hourly = machine.map(|machine| format!("{} costs {}", machine.id, per_hour(model, machine)));
    let spent = model.money.spent_by(id, model.now).filter(|usd| !usd.is_zero());
    let spent = spent.map(|usd| format!("the job has cost {usd} so far"));
    let parts: Vec<String> = hourly.into_iter().chain(spent).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn per_hour(model: &Model, machine: &Machine) -> String {
    match model.money.hourly(machine, model.now) {
        Some(usd) => say::per_hour(Some(usd)),
        None => "an unknown amount".to_owned(),
    }
}

/// What machines that go on cost together: an hour of them, and at most. Nothing where none costs.
#[derive(Debug, Default)]
pub(super) struct GoingOn {
    hourly: Usd,
    /// What they come to until they have ended themselves; none when one of them does not.
    at_most: Option<Usd>,
    unknown: u64,
}

impl GoingOn {
    /// What these machines cost together.
    pub(super) fn of<'a>(model: &Model, machines: impl Iterator<Item = &'a Machine>) -> Self {
        let mut all = Self { at_most: Some(Usd::ZERO), ..Self::default() };
        for machine in machines.filter(|machine| machine.provider == ProviderKind::Aws) {
            let Some(hourly) = model.money.hourly(machine, model.now) else {
                all.unknown += 1;
                continue;
            };
            all.hourly += hourly;
            let most = machine.lease.map(|lease| say::within(hourly, lease.left(model.now)));
            if !hourly.is_zero() {
                all.at_most = all.at_most.zip(most).map(|(sum, one)| sum + one);
            }
        }
        all
    }

    /// Whether nothing is spent.
    pub(super) fn is_nothing(&self) -> bool {
        self.hourly.is_zero() && self.unknown == 0
    }

    /// An hour of them.
    pub(super) fn per_hour(&self) -> String {
        match (self.hourly.is_zero(), self.unknown) {
            (true, 1..) => say::per_hour(None),
            (false, 1..) => {
                format!("{}, {} unknown", say::per_hour(Some(self.hourly)), words::count(self.unknown, "price"))
            }
            _ => say::per_hour(Some(self.hourly)),
        }
    }

    /// An hour of them, and what that comes to.
    pub(super) fn said(&self) -> String {
        match self.at_most.filter(|_| self.unknown == 0) {
            Some(most) => format!("{}, at most {most} from now", self.per_hour()),
            None => format!("{}, until they are ended", self.per_hour()),
        }
    }
}

/// Whether a job that is stopped ends its machine: one that it launched.
pub(super) fn ends_with(operation: Option<&Operation>) -> bool {
    match operation {
        Some(Operation::RunTests(spec)) => spec.machine.is_none(),
        Some(Operation::BootstrapLinux(_) | Operation::Launch(_)) => true,
        Some(Operation::Terminate { .. } | Operation::Apply { .. }) | None => false,
    }
}
