//! What dialogs say of money: what ending or removing a thing saves, what a job has cost, what goes on when hga is left.

use crate::domain::money::{Usd, say};
use crate::domain::{Machine, Operation, Plan, PlanItem, ProviderKind, words};
use crate::store::Store;
use crate::tui::model::Model;

fn machine<'a>(model: &'a Model, item: &PlanItem) -> Option<&'a Machine> {
    model.machines.value.iter().find(|machine| machine.resource().at == item.at)
}

/// What ending a thing of a plan saves, and what it has cost; none of what costs nothing.
pub(super) fn of_item(model: &Model, item: &PlanItem) -> Option<String> {
    let saves = item.saving?.words();
    let so_far = machine(model, item).and_then(|machine| model.money.so_far(machine, model.now));
    Some(match so_far {
        Some(usd) => format!("{saves}; has cost {usd} so far"),
        None => saves,
    })
}

/// What all things of a plan together save; none of fewer than two that cost.
pub(super) fn of_plan(plan: &Plan) -> Option<String> {
    let several = plan.items.iter().filter(|item| item.saving.is_some()).count() > 1;
    plan.saving().filter(|_| several).map(|saving| format!("In all this {}.", saving.words()))
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
    /// What they come to until they have ended themselves, as far as prices are known; none when one of them does not.
    at_most: Option<Usd>,
    /// How many of them cost more than is known.
    unknown: u64,
}

impl GoingOn {
    /// What these machines cost together.
    pub(super) fn of<'a>(model: &Model, machines: impl Iterator<Item = &'a Machine>) -> Self {
        let mut all = Self { at_most: Some(Usd::ZERO), ..Self::default() };
        for machine in machines.filter(|machine| machine.provider == ProviderKind::Aws) {
            let hourly = model.money.hourly(machine, model.now).unwrap_or_default();
            let more = model.money.costs_more(machine, model.now);
            all.hourly += hourly;
            all.unknown += u64::from(more);
            if more || !hourly.is_zero() {
                let most = machine.lease.map(|lease| say::within(hourly, lease.left(model.now)));
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
        match self.at_most {
            Some(most) if self.unknown == 0 => format!("{}, at most {most} from now", self.per_hour()),
            Some(_) => format!("{}, until their leases end them", self.per_hour()),
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
