//! The snapshot that the keymap's rules are judged on.

use super::{Dialog, FieldValue, JobTab, Modal, Model, Pane, image_key};
use crate::domain::money::{Grouping, Run};
use crate::domain::{
    Image, JobId, JobState, Machine, MachineId, Operation, ProviderKind, Resource, ResourceKind, ResourceRef,
};
use crate::store::Store;
use crate::tui::keys::{Fact, Scope, Situation};
use std::collections::BTreeSet;

impl Model {
    /// The job that commands are about: the one shown, or the selected one.
    #[must_use]
    pub fn job_here(&self) -> Option<&JobId> {
        match (&self.job, self.home.pane) {
            (Some(screen), _) => Some(&screen.id),
            (None, Pane::Jobs) => self.home.jobs.selected.as_ref(),
            (None, Pane::Machines) => self.machine_selected().and_then(|machine| machine.job.as_ref()),
            (None, Pane::Costs) => self.job_of_cost(),
            (None, _) => None,
        }
    }

    /// The machine selected in the list of machines.
    #[must_use]
    pub fn machine_selected(&self) -> Option<&Machine> {
        let (provider, id) = self.home.machines.selected.as_ref()?;
        self.machine(*provider, id)
    }

    /// A machine as it was listed.
    #[must_use]
    pub fn machine(&self, provider: ProviderKind, id: &MachineId) -> Option<&Machine> {
        self.machines.value.iter().find(|machine| machine.id == *id && machine.provider == provider)
    }

    /// The image selected in the list of images.
    #[must_use]
    pub fn image_here(&self) -> Option<&Image> {
        let key = self.home.images.selected.as_ref()?;
        self.images.value.iter().find(|image| image_key(image) == *key)
    }

    /// The thing selected in the list of everything.
    #[must_use]
    pub fn resource_here(&self) -> Option<&Resource> {
        let at = self.home.resources.selected.as_ref()?;
        self.resources.value.iter().find(|one| one.at == *at)
    }

    /// The thing selected among what costs.
    #[must_use]
    pub fn cost_here(&self) -> Option<&ResourceRef> {
        self.home.costs.selected.as_ref().filter(|_| self.money.by() == Grouping::Thing)
    }

    /// The job that the selected thing was launched or made for, or that is selected itself.
    fn job_of_cost(&self) -> Option<&JobId> {
        if self.money.by() == Grouping::Job {
            let key = self.home.cost_groups.selected.as_ref()?;
            return self.jobs.value.iter().map(|job| &job.id).find(|id| id.as_str() == key);
        }
        let at = self.cost_here()?;
        let machine = self.machine_of_cost().and_then(|machine| machine.job.as_ref());
        machine.or_else(|| self.money.run(at)?.labels.job.as_ref())
    }

    fn machine_of_cost(&self) -> Option<&Machine> {
        let at = self.cost_here().filter(|at| at.kind == ResourceKind::Machine)?;
        self.machines.value.iter().find(|machine| machine.id.as_str() == at.id && machine.provider == at.provider)
    }

    /// The machine that commands are about, as its provider last told.
    #[must_use]
    pub fn machine_here(&self, store: &Store) -> Option<&Machine> {
        if self.job.is_none() && self.home.pane == Pane::Machines {
            return self.machine_selected();
        }
        if self.job.is_none() && self.home.pane == Pane::Costs {
            return self.machine_of_cost();
        }
        let job = match (&self.job, self.home.pane) {
            (Some(screen), _) => &screen.id,
            (None, Pane::Jobs) => self.home.jobs.selected.as_ref()?,
            _ => return None,
        };
        self.machine_of(store, job)
    }

    /// The machine that a job works on: the one its events name, else the one it was asked to use, else the one that was
    /// launched for it.
    #[must_use]
    pub fn machine_of(&self, store: &Store, job: &JobId) -> Option<&Machine> {
        let machines = &self.machines.value;
        if let Some((provider, id)) = self.machine_told(store, job) {
            return machines.iter().find(|machine| machine.id == id && machine.provider == provider);
        }
        let launched = MachineId::for_job(job);
        machines.iter().find(|machine| machine.job.as_ref() == Some(job) || machine.id == launched)
    }

    /// The machine that a job's events name, else the one it was asked to use; none for one that is to be launched.
    #[must_use]
    pub fn machine_told(&self, store: &Store, job: &JobId) -> Option<(ProviderKind, MachineId)> {
        if let Some(known) = store.job(job).and_then(|view| view.machine.as_ref()) {
            return Some((known.provider, known.id.clone()));
        }
        match self.operation_of(store, job) {
            Some(Operation::RunTests(spec)) => spec.machine.clone().map(|named| (spec.provider, named)),
            _ => None,
        }
    }

    /// What was asked of a job.
    #[must_use]
    pub fn operation_of<'a>(&'a self, store: &'a Store, job: &JobId) -> Option<&'a Operation> {
        let told = store.job(job).and_then(|view| view.operation.as_ref());
        told.or_else(|| self.summary(job).map(|row| &row.operation))
    }

    /// How far a job is: events tell it before the journal's list does.
    #[must_use]
    pub fn state_of(&self, store: &Store, job: &JobId) -> Option<JobState> {
        store.job(job).map(|view| view.state).or_else(|| self.summary(job).map(|row| row.state))
    }

    /// The line that asks for an operation: the demo has a short one of its own.
    #[must_use]
    pub fn command_line(&self, operation: &Operation) -> String {
        if *operation == self.setup.demo { "hga demo".to_owned() } else { operation.command_line() }
    }

    /// Where a person is.
    #[must_use]
    pub fn situation(&self, store: &Store) -> Situation {
        let (scopes, typing) = self.scopes(self.modals.last());
        Situation { scopes, typing, facts: self.facts(store) }
    }

    /// Where a person is below what lies uppermost: where the palette's commands are done.
    #[must_use]
    pub fn situation_below(&self, store: &Store) -> Situation {
        let (scopes, typing) = self.scopes(self.modals.iter().rev().nth(1));
        Situation { scopes, typing, facts: self.facts(store) }
    }

    fn scopes(&self, modal: Option<&Modal>) -> (Vec<Scope>, bool) {
        if let Some(modal) = modal {
            return match modal {
                Modal::Help(help) if help.typing => (vec![Scope::Line, Scope::Anywhere], true),
                Modal::Page(_) => (vec![Scope::Page, Scope::Text, Scope::Anywhere], false),
                Modal::Help(_) => (vec![Scope::Help, Scope::Page, Scope::Text, Scope::Anywhere], false),
                Modal::Palette(_) => (vec![Scope::Palette, Scope::Anywhere], true),
                Modal::Form(form) => {
                    let text =
                        form.fields.get(form.focus).is_some_and(|field| matches!(field.value, FieldValue::Text(_)));
                    (vec![Scope::Form, Scope::Anywhere], text)
                }
                Modal::Dialog(dialog) => (vec![Scope::Dialog, Scope::Anywhere], Dialog::types(dialog)),
            };
        }
        if self.line.is_some() {
            return (vec![Scope::Line, Scope::Anywhere], true);
        }
        let scopes = match &self.job {
            Some(screen) => match screen.tab {
                JobTab::Tests => vec![Scope::Tests, Scope::List, Scope::Job],
                JobTab::Failures => vec![Scope::Failures, Scope::List, Scope::Job],
                JobTab::Output => vec![Scope::Output, Scope::Text, Scope::Job],
                JobTab::Summary => vec![Scope::Summary, Scope::Text, Scope::Job],
            },
            None => match self.home.pane {
                Pane::Machines => vec![Scope::Machines, Scope::List, Scope::Panes],
                Pane::Images => vec![Scope::Images, Scope::List, Scope::Panes],
                Pane::Jobs => vec![Scope::Jobs, Scope::List, Scope::Panes],
                Pane::Log => vec![Scope::Log, Scope::Panes],
                Pane::Resources => vec![Scope::Resources, Scope::List, Scope::Panes],
                Pane::Costs => vec![Scope::Costs, Scope::List, Scope::Panes],
            },
        };
        (scopes.into_iter().chain([Scope::Anywhere]).collect(), false)
    }

    /// The filter of the list shown; empty where there is none.
    #[must_use]
    pub fn filter(&self) -> &str {
        match &self.job {
            Some(screen) => match screen.tab {
                JobTab::Tests => &screen.tests.filter,
                JobTab::Failures => &screen.failures.filter,
                JobTab::Output | JobTab::Summary => "",
            },
            None => match self.home.pane {
                Pane::Machines => &self.home.machines.filter,
                Pane::Images => &self.home.images.filter,
                Pane::Jobs => &self.home.jobs.filter,
                Pane::Log => "",
                Pane::Resources => &self.home.resources.filter,
                Pane::Costs if self.money.by() == Grouping::Thing => &self.home.costs.filter,
                Pane::Costs => &self.home.cost_groups.filter,
            },
        }
    }

    fn facts(&self, store: &Store) -> BTreeSet<Fact> {
        let mut facts = BTreeSet::new();
        let mut is = |fact, so| {
            if so {
                facts.insert(fact);
            }
        };
        let machine = self.machine_here(store);
        is(Fact::Machine, machine.is_some());
        is(Fact::MachineOurs, machine.is_some_and(Machine::is_ephemeral));
        is(
            Fact::MachineAnswers,
            machine.is_some_and(|machine| machine.endpoint.is_some() && machine.state.is_alive()),
        );
        if let Some(id) = self.job_here() {
            let live = self.state_of(store, id).is_some_and(|state| state != JobState::Ended);
            let driven = self.ours.contains(id) || self.summary(id).is_some_and(|row| row.driven);
            is(Fact::Job, true);
            is(Fact::JobLive, live);
            is(Fact::JobLeft, live && !driven);
        }
        // what the ledger has and is gone cannot be removed
        let there =
            self.cost_here().is_some_and(|at| machine.is_some() || self.money.run(at).is_some_and(Run::is_open));
        is(Fact::There, self.job.is_none() && self.home.pane == Pane::Costs && there);
        is(Fact::Filtered, !self.filter().is_empty());
        is(Fact::Image, self.job.is_none() && self.home.pane == Pane::Images && self.home.images.selected.is_some());
        match &self.job {
            Some(screen) => {
                let failed = store.job(&screen.id).is_some_and(|job| job.tests.counts.failed > 0);
                is(Fact::Failures, failed);
                is(Fact::Pattern, screen.output.searching());
                is(
                    Fact::Row,
                    match screen.tab {
                        JobTab::Tests => screen.tests.selected.is_some(),
                        JobTab::Failures => screen.failures.selected.is_some(),
                        JobTab::Output | JobTab::Summary => false,
                    },
                );
            }
            None => is(
                Fact::Row,
                match self.home.pane {
                    Pane::Machines => self.home.machines.selected.is_some(),
                    Pane::Images => self.home.images.selected.is_some(),
                    Pane::Jobs => self.home.jobs.selected.is_some(),
                    Pane::Log => false,
                    Pane::Resources => self.home.resources.selected.is_some(),
                    Pane::Costs if self.money.by() == Grouping::Thing => self.home.costs.selected.is_some(),
                    Pane::Costs => self.home.cost_groups.selected.is_some(),
                },
            ),
        }
        facts
    }
}

impl Dialog {
    /// Whether characters go into its field.
    #[must_use]
    pub fn types(&self) -> bool {
        self.demand.is_some()
    }

    /// Whether what has to be typed is.
    #[must_use]
    pub fn may_press_now(&self) -> bool {
        self.demand.as_ref().is_none_or(|demand| self.input.value().trim() == demand)
    }

    /// Whether its marked button may be pressed.
    #[must_use]
    pub fn may_press(&self) -> bool {
        self.focus == 0 || self.may_press_now()
    }
}
