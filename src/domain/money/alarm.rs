//! Machines that should be gone: they outlive their jobs, or their leases. Whoever asks tells the time.

use super::{Ledger, PriceBook};
use crate::domain::{Claim, JobId, Machine, MachineId, Region, ResourceRef, Timestamp, words};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a job stands, as far as its machine goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A process drives it.
    Driven,
    /// It is not over, and nobody drives it: its machine waits for its lease to run out, or for somebody to take the job up.
    Alone,
    /// It ended then.
    Ended {
        /// When.
        at: Timestamp,
        /// Whether it left its machines on purpose, to their leases: because it failed and was asked to, or because that is
        /// what it was for.
        kept: bool,
    },
}

/// What a machine outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlived {
    /// Its job.
    Job,
    /// Its lease: it should have ended itself.
    Lease,
}

/// A machine that should be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The machine.
    pub machine: MachineId,
    /// The same, as the ledger knows it.
    pub thing: ResourceRef,
    /// Its job.
    pub job: JobId,
    /// What it outlives.
    pub outlived: Outlived,
    /// Since when.
    pub since: Timestamp,
}

/// The machines of ours that should be gone for longer than `grace`. `fates` holds what is known of their jobs: of one that
/// was forgotten, or was begun elsewhere, nothing is, and its machine has its lease alone to outlive.
///
/// | its job                  | its lease is over | it outlives |
/// |--------------------------|-------------------|-------------|
/// | is driven                | –                 | nothing     |
/// | ended, left nothing ¹    | –                 | its job     |
/// | ended, left it on purpose| yes               | its lease   |
/// | is driven by nobody      | yes               | its lease   |
/// | is not known             | yes               | its lease   |
///
/// ¹ Or meant to: what could not be cleaned up is alarming too. A machine that a person has marked to be kept never is.
#[must_use]
pub fn outlived(machines: &[Machine], fates: &BTreeMap<JobId, Fate>, grace: Duration, now: Timestamp) -> Vec<Alarm> {
    let late = |since: Timestamp| Duration::try_from(now.duration_since(since)).is_ok_and(|age| age > grace);
    let alarm = |machine: &Machine| {
        let cloud = machine.cloud.as_deref();
        let ours = cloud.is_none_or(|cloud| matches!(cloud.claim, Claim::Ours { .. }));
        let kept = cloud.and_then(|cloud| cloud.keep.as_ref()).is_some_and(|keep| keep.forbids(now).is_some());
        if !machine.state.is_alive() || !machine.is_ephemeral() || !ours || kept {
            return None;
        }
        let job = machine.job.as_ref()?;
        let (outlived, since) = match fates.get(job) {
            Some(Fate::Driven) => return None,
            Some(Fate::Ended { at, kept: false }) => (Outlived::Job, *at),
            Some(Fate::Ended { kept: true, .. } | Fate::Alone) | None => (Outlived::Lease, machine.lease?.ends()),
        };
        let (machine, thing) = (machine.id.clone(), machine.resource().at);
        late(since).then(|| Alarm { machine, thing, job: job.clone(), outlived, since })
    };
    machines.iter().filter_map(alarm).collect()
}

impl Alarm {
    /// What is told of it: what it is, what it has cost since, and what ends it. One line without a full stop.
    #[must_use]
    pub fn words(&self, ledger: &Ledger, book: &PriceBook, now: Timestamp) -> String {
        let Self { machine, job, since, .. } = self;
        let late = words::span(Duration::try_from(now.duration_since(*since)).unwrap_or_default());
        let what = match self.outlived {
            Outlived::Job => format!("machine {machine} outlives its job {job} by {late}"),
            Outlived::Lease => format!("machine {machine} of job {job} outlives its lease by {late}"),
        };
        let cost = match ledger.run(&self.thing) {
            Some(run) if run.hourly(book, now).is_none() => ": its price is unknown".to_owned(),
            Some(run) => match run.total(book, now) - run.total(book, *since) {
                nothing if nothing.is_zero() => String::new(),
                cost => format!(": {cost} since"),
            },
            None => String::new(),
        };
        let place = self.thing.region.as_ref().filter(|region| **region != Region::usual());
        let place = place.map_or(String::new(), |region| format!(" --aws-region {region}"));
        format!("{what}{cost}; `hga machines terminate {machine}{place}` ends it")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bill, Labels, LedgerEntry, Platform};
    use super::*;
    use crate::domain::{CloudFacts, Keep, Layout, Lease, MachineState, Metered, ProviderKind};

    const GRACE: Duration = Duration::from_secs(300);

    fn at(text: &str) -> Timestamp {
        format!("2026-05-04T{text}Z").parse().unwrap()
    }

    fn job() -> JobId {
        JobId::new("j-abc234").unwrap()
    }

    fn machine(lease: &str) -> Machine {
        let why = "its tag hg-owner".to_owned();
        Machine {
            id: MachineId::new("i-0abc").unwrap(),
            provider: ProviderKind::Aws,
            state: MachineState::Running,
            image: None,
            launched: Some(at("09:00:00")),
            lease: Some(Lease::until(at(lease))),
            job: Some(job()),
            endpoint: None,
            layout: Layout::interface(),
            sudo: true,
            cloud: Some(Box::new(CloudFacts {
                region: Region::usual(),
                zone: None,
                instance_type: "c5.9xlarge".to_owned(),
                name: None,
                image_id: None,
                address: None,
                claim: Claim::Ours { why },
                keep: None,
                reason: None,
                metered: Metered::default(),
            })),
        }
    }

    fn of(machine: &Machine, fate: Option<Fate>, now: &str) -> Option<(Outlived, Timestamp)> {
        let fates = fate.into_iter().map(|fate| (job(), fate)).collect();
        let found = outlived(std::slice::from_ref(machine), &fates, GRACE, at(now));
        found.first().map(|alarm| (alarm.outlived, alarm.since))
    }

    #[test]
    fn every_row_of_the_table_before_and_after_the_grace() {
        let (ended, lease) = (at("10:00:00"), at("11:00:00"));
        let machine = machine("11:00:00");
        let ended = |kept| Some(Fate::Ended { at: ended, kept });
        let (by_job, by_lease) = (Some((Outlived::Job, at("10:00:00"))), Some((Outlived::Lease, lease)));
        for (fate, times) in [
            (Some(Fate::Driven), [None, None, None, None, None]),
            (ended(false), [None, None, by_job, by_job, by_job]),
            (ended(true), [None, None, None, None, by_lease]),
            (Some(Fate::Alone), [None, None, None, None, by_lease]),
            (None, [None, None, None, None, by_lease]),
        ] {
            let now = ["09:30:00", "10:05:00", "10:05:01", "11:05:00", "11:05:01"];
            assert_eq!(now.map(|now| of(&machine, fate, now)), times, "{fate:?}");
        }
        // without a lease there is none to outlive
        let endless = Machine { lease: None, ..machine.clone() };
        assert_eq!(of(&endless, ended(true), "23:00:00"), None);
        assert_eq!(of(&endless, ended(false), "23:00:00"), by_job);
    }

    #[test]
    fn what_is_not_ours_or_not_there_or_marked_to_stay_alarms_nobody() {
        let fate = Some(Fate::Ended { at: at("10:00:00"), kept: false });
        let now = "12:00:00";
        let mut machine = machine("11:00:00");
        assert!(of(&machine, fate, now).is_some());
        for state in [MachineState::ShuttingDown, MachineState::Terminated, MachineState::Stopped] {
            assert_eq!(of(&Machine { state, ..machine.clone() }, fate, now), None, "{state}");
        }
        assert_eq!(of(&Machine { job: None, ..machine.clone() }, fate, now), None, "it has no job");
        let host = Machine { provider: ProviderKind::Hosts, cloud: None, ..machine.clone() };
        assert_eq!(of(&host, fate, now), None);
        let local = Machine { provider: ProviderKind::Local, cloud: None, ..machine.clone() };
        assert!(of(&local, fate, now).is_some());
        let cloud = machine.cloud.as_mut().unwrap();
        cloud.keep = Some(Keep::Until(at("13:00:00")));
        assert_eq!(of(&machine, fate, now), None, "a person keeps it");
        assert!(of(&machine, fate, "13:30:00").is_some(), "no longer");
        let cloud = machine.cloud.as_mut().unwrap();
        cloud.keep = None;
        cloud.claim = Claim::OtherOwner { owner: "bert".to_owned(), why: "its tag hg-owner".to_owned() };
        assert_eq!(of(&machine, fate, now), None, "it is somebody else's to end");
    }

    #[test]
    fn the_line_tells_how_long_how_much_and_what_ends_it() {
        let machine = machine("11:00:00");
        let now = at("10:12:00");
        let fates = [(job(), Fate::Ended { at: at("10:00:00"), kept: false })].into();
        let alarm = outlived(std::slice::from_ref(&machine), &fates, GRACE, now).remove(0);
        let book = PriceBook::bundled();
        let ends = "`hga machines terminate i-0abc` ends it";
        let mut ledger = Ledger::default();
        let says = |alarm: &Alarm, ledger: &Ledger| alarm.words(ledger, book, now);
        assert_eq!(says(&alarm, &ledger), format!("machine i-0abc outlives its job j-abc234 by 12m 00s; {ends}"));
        let open = |bill: Bill| LedgerEntry::Opened {
            thing: alarm.thing.clone(),
            at: at("09:00:00"),
            bill,
            labels: Labels::default(),
            lease: None,
        };
        ledger.apply(&open(Bill::of(book, &machine)));
        // 12 min at $1.53 an hour: $0.306
        let line = format!("machine i-0abc outlives its job j-abc234 by 12m 00s: $0.31 since; {ends}");
        assert_eq!(says(&alarm, &ledger), line);
        let lease = Alarm { outlived: Outlived::Lease, ..alarm.clone() };
        assert!(
            says(&lease, &ledger).starts_with("machine i-0abc of job j-abc234 outlives its lease by 12m 00s: $0.31")
        );
        let mut unknown = Ledger::default();
        let bill = Bill::of_machine(book, &Region::usual(), "x9.huge", Platform::Linux, false, (None, 0));
        unknown.apply(&open(bill));
        assert!(says(&alarm, &unknown).contains("by 12m 00s: its price is unknown; `hga"));
        let mut free = Ledger::default();
        free.apply(&open(Bill::free()));
        assert!(says(&alarm, &free).contains("by 12m 00s; `hga"));
        let mut far = alarm.clone();
        far.thing.region = Region::new("eu-west-1").ok();
        assert!(says(&far, &ledger).contains("`hga machines terminate i-0abc --aws-region eu-west-1` ends it"));
    }
}
