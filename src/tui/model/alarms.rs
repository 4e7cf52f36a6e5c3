//! Machines that cost more than anybody asked for: those that outlive their job, and those of a cloud that do not end by
//! themselves.

use super::Model;
use crate::domain::money::{Alarm, outlived};
use crate::domain::{Claim, CleanupVerdict, JobId, JobState, Machine, MachineId, Operation, ProviderKind, words};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    /// Looks for machines that outlive their job.
    pub fn look_for_alarms(&mut self) {
        let mine = |machine: &&Machine| {
            machine.state.is_alive()
                && !machine.cloud.as_ref().is_some_and(|cloud| matches!(cloud.claim, Claim::OtherOwner { .. }))
        };
        let named: BTreeSet<&JobId> =
            self.machines.value.iter().filter(mine).filter_map(|machine| machine.job.as_ref()).collect();
        if named.is_empty() {
            self.alarms.clear();
            return;
        }
        let ended: BTreeMap<JobId, _> = self
            .jobs
            .value
            .iter()
            .filter(|job| job.state == JobState::Ended && named.contains(&job.id))
            .filter_map(|job| {
                let kept = matches!(job.operation, Operation::Launch(_))
                    || matches!(job.cleanup, Some(CleanupVerdict::Kept { .. }));
                Some((job.id.clone(), (job.ended?, kept)))
            })
            .collect();
        self.alarms = outlived(&self.machines.value, &ended, self.setup.budget.alarm_after, self.now);
    }

    /// The alarm about a machine.
    #[must_use]
    pub fn alarm_of(&self, machine: &MachineId) -> Option<&Alarm> {
        self.alarms.iter().find(|alarm| alarm.machine == *machine)
    }

    /// An alarm in a sentence.
    #[must_use]
    pub fn alarm_words(&self, alarm: &Alarm) -> String {
        let since = std::time::Duration::try_from(self.now.duration_since(alarm.since)).unwrap_or_default();
        format!("machine {} outlives its job {} by {}: ^d ends it", alarm.machine, alarm.job, words::span(since))
    }

    /// Whether money runs out of sight: a machine outlives its job, or one of ours in a cloud does not end by itself.
    #[must_use]
    pub fn spends_unwatched(&self) -> bool {
        let unbound = |machine: &Machine| {
            machine.provider == ProviderKind::Aws
                && machine.state.is_alive()
                && machine.cloud.as_ref().is_some_and(|cloud| matches!(cloud.claim, Claim::Ours { .. }))
                && machine.lease.is_none_or(|lease| lease.is_over(self.now))
        };
        !self.alarms.is_empty() || self.machines.value.iter().any(unbound)
    }
}
