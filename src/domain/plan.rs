//! A plan: what ending machines or removing images would do, to what and why, before any of it is done. Pure; made anew
//! whenever the machines or jobs it was made from change.

use super::{Image, JobId, Machine, MachineId, MachineState, Operation, ProviderKind, Timestamp};

/// A job that is under way on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Working {
    /// Which job.
    pub job: JobId,
    /// Whose machine.
    pub provider: ProviderKind,
    /// Which machine.
    pub machine: MachineId,
}

/// A machine that would be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanItem {
    /// Which.
    pub machine: MachineId,
    /// Whose.
    pub provider: ProviderKind,
    /// Why it is ours to end.
    pub why: String,
    /// When it was launched.
    pub launched: Option<Timestamp>,
    /// The jobs under way there, which would lose it.
    pub jobs: Vec<JobId>,
}

/// Something that was chosen and would be left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What it is called.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

/// What would be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What would be ended.
    pub items: Vec<PlanItem>,
    /// What would not.
    pub skipped: Vec<Skipped>,
    /// Why it is not known which jobs run there, when it is not.
    pub unknown: Option<String>,
}

impl Plan {
    /// What ending the chosen machines would do.
    #[must_use]
    pub fn terminate(chosen: &[(ProviderKind, MachineId)], machines: &[Machine], working: &[Working]) -> Self {
        let mut plan = Self::default();
        for (provider, id) in chosen {
            let found = machines.iter().find(|machine| machine.provider == *provider && machine.id == *id);
            let skip = match found {
                None => Some("it is gone"),
                Some(machine) if !machine.is_ephemeral() => Some("a listed host: not ours to end"),
                Some(machine) => match machine.state {
                    MachineState::ShuttingDown => Some("it is ending already"),
                    MachineState::Terminated => Some("it has ended"),
                    MachineState::Pending | MachineState::Running | MachineState::Unreachable => None,
                },
            };
            match (skip, found) {
                (None, Some(machine)) => plan.items.push(PlanItem {
                    machine: id.clone(),
                    provider: *provider,
                    why: match &machine.job {
                        Some(job) => format!("launched by job {job}, its folder is in the state directory"),
                        None => "its folder is in the state directory".to_owned(),
                    },
                    launched: machine.launched,
                    jobs: working
                        .iter()
                        .filter(|work| work.provider == *provider && work.machine == *id)
                        .map(|work| work.job.clone())
                        .collect(),
                }),
                (why, _) => {
                    plan.skipped.push(Skipped { name: id.to_string(), why: why.unwrap_or("it is gone") });
                }
            }
        }
        plan
    }

    /// What has to be typed before it is done: nothing for a single machine that is idle.
    #[must_use]
    pub fn demand(&self) -> Option<String> {
        match self.items.as_slice() {
            [] => None,
            [item] if item.jobs.is_empty() && self.unknown.is_none() => None,
            [item] => Some(item.machine.to_string()),
            items => Some(format!("terminate {}", items.len())),
        }
    }

    /// The operations that do it: one for each provider.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations: Vec<Operation> = Vec::new();
        for item in &self.items {
            let known = operations.iter_mut().find_map(|operation| match operation {
                Operation::Terminate { provider, machines } if *provider == item.provider => Some(machines),
                _ => None,
            });
            match known {
                Some(machines) => machines.push(item.machine.clone()),
                None => operations
                    .push(Operation::Terminate { provider: item.provider, machines: vec![item.machine.clone()] }),
            }
        }
        operations
    }
}

/// The machines that were launched from an image and have not ended.
#[must_use]
pub fn users_of<'a>(image: &Image, machines: &'a [Machine]) -> Vec<&'a Machine> {
    machines
        .iter()
        .filter(|machine| machine.provider == image.provider && machine.image.as_ref() == Some(&image.name))
        .filter(|machine| machine.state != MachineState::Terminated)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Layout;

    fn machine(id: &str, provider: ProviderKind, state: MachineState) -> Machine {
        Machine {
            id: MachineId::new(id).unwrap(),
            provider,
            state,
            image: None,
            launched: None,
            lease: None,
            job: None,
            endpoint: None,
            layout: Layout::interface(),
            sudo: false,
        }
    }

    fn key(id: &str, provider: ProviderKind) -> (ProviderKind, MachineId) {
        (provider, MachineId::new(id).unwrap())
    }

    #[test]
    fn only_what_is_ours_and_stands_is_ended() {
        use MachineState as S;
        use ProviderKind as P;
        let table = [
            (P::Local, S::Running, None),
            (P::Local, S::Pending, None),
            (P::Local, S::ShuttingDown, Some("it is ending already")),
            (P::Local, S::Terminated, Some("it has ended")),
            (P::Hosts, S::Running, Some("a listed host: not ours to end")),
            (P::Hosts, S::Unreachable, Some("a listed host: not ours to end")),
        ];
        for (provider, state, skipped) in table {
            let plan = Plan::terminate(&[key("m-abc234", provider)], &[machine("m-abc234", provider, state)], &[]);
            assert_eq!(plan.items.is_empty(), skipped.is_some(), "{provider} {state}");
            assert_eq!(plan.skipped.first().map(|skipped| skipped.why), skipped, "{provider} {state}");
        }
        // the same name at another provider is another machine
        let plan = Plan::terminate(&[key("box", P::Local)], &[machine("box", P::Hosts, S::Running)], &[]);
        assert_eq!((plan.items.len(), plan.skipped[0].why), (0, "it is gone"));
        assert!(plan.operations().is_empty());
    }

    #[test]
    fn what_matters_has_to_be_typed() {
        use ProviderKind::Local;
        let machines: Vec<Machine> =
            ["m-aaa", "m-bbb", "m-ccc"].map(|id| machine(id, Local, MachineState::Running)).into();
        let busy = Working { job: JobId::new("j-bbb").unwrap(), provider: Local, machine: machines[1].id.clone() };
        let table: [(&[&str], Option<&str>); 4] = [
            (&["m-aaa"], None),
            (&["m-bbb"], Some("m-bbb")),
            (&["m-aaa", "m-bbb"], Some("terminate 2")),
            (&["m-aaa", "gone"], None),
        ];
        for (ids, demand) in table {
            let chosen: Vec<_> = ids.iter().map(|id| key(id, Local)).collect();
            let plan = Plan::terminate(&chosen, &machines, std::slice::from_ref(&busy));
            assert_eq!(plan.demand().as_deref(), demand, "{ids:?}");
            assert_eq!(plan.operations().len(), 1, "{ids:?}");
        }
        let plan = Plan::terminate(&[key("m-aaa", Local)], &machines, &[]);
        let plan = Plan { unknown: Some("locked".to_owned()), ..plan };
        assert_eq!(plan.demand().as_deref(), Some("m-aaa"));
    }
}
