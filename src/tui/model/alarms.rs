//! Machines that cost more than anybody asked for: those that should be gone, and those of a cloud that do not end by themselves.

use super::Model;
use crate::domain::money::{Alarm, Fate, Ledger, outlived};
use crate::domain::{Claim, JobId, Machine, MachineId, ProviderKind};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    /// Looks for machines that should be gone.
    pub fn look_for_alarms(&mut self) {
        let alive = self.machines.value.iter().filter(|machine| machine.state.is_alive());
        let named: BTreeSet<&JobId> = alive.filter_map(|machine| machine.job.as_ref()).collect();
        if named.is_empty() || !self.jobs.here {
            self.alarms.clear();
            return;
        }
        let fates: BTreeMap<JobId, Fate> = self
            .jobs
            .value
            .iter()
            .filter(|job| named.contains(&job.id))
            .map(|job| {
                let fate = match job.fate() {
                    // that may not have been listed yet
                    Fate::Alone if self.ours.contains(&job.id) => Fate::Driven,
                    fate => fate,
                };
                (job.id.clone(), fate)
            })
            .collect();
        self.alarms = outlived(&self.machines.value, &fates, self.setup.budget.alarm_after, self.now);
    }

    /// The alarm about a machine.
    #[must_use]
    pub fn alarm_of(&self, machine: &MachineId) -> Option<&Alarm> {
        self.alarms.iter().find(|alarm| alarm.machine == *machine)
    }

    /// An alarm in a sentence.
    #[must_use]
    pub fn alarm_words(&self, alarm: &Alarm) -> String {
        match &self.money.told {
            Some(told) => alarm.words(&told.ledger, &told.book, self.now),
            None => alarm.words(&Ledger::default(), self.money.book(), self.now),
        }
    }

    /// Whether money runs out of sight: a machine of a cloud should be gone, or one of ours does not end by itself.
    #[must_use]
    pub fn spends_unwatched(&self) -> bool {
        let unbound = |machine: &Machine| {
            machine.provider == ProviderKind::Aws
                && machine.state.is_alive()
                && machine.cloud.as_ref().is_some_and(|cloud| matches!(cloud.claim, Claim::Ours { .. }))
                && machine.lease.is_none_or(|lease| lease.is_over(self.now))
        };
        let costs = |alarm: &Alarm| alarm.thing.provider == ProviderKind::Aws;
        self.alarms.iter().any(costs) || self.machines.value.iter().any(unbound)
    }
}
