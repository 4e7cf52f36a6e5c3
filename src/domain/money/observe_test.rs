//! What a look at the provider adds to the ledger, as AWS words it; each case is a life told by looks alone.

use super::super::fixtures::*;
use super::super::{Charge, ChargeKind, Platform};
use super::*;
use crate::domain::{CloudFacts, Layout, Lease, MachineId, Metered, Phase, ResourceRef};
use proptest::prelude::*;

fn time(text: &str) -> Timestamp {
    at(&format!("2026-11-25T{text}"))
}

fn ours() -> Claim {
    Claim::Ours { why: "its tag".to_owned() }
}

/// A machine as EC2 describes it.
fn seen(id: &str, state: MachineState, launched: &str, changed: Option<&str>) -> Machine {
    Machine {
        id: MachineId::new(id).unwrap(),
        provider: ProviderKind::Aws,
        state,
        image: None,
        launched: Some(time(launched)),
        lease: None,
        job: None,
        endpoint: None,
        layout: Layout::interface(),
        sudo: true,
        cloud: Some(Box::new(CloudFacts {
            region: region("us-west-2"),
            zone: None,
            instance_type: "c5.9xlarge".to_owned(),
            name: None,
            image_id: None,
            address: None,
            claim: ours(),
            keep: None,
            reason: None,
            metered: Metered { changed: changed.map(time), ..Metered::default() },
        })),
    }
}

/// Looks at the west; gives how many entries that made.
fn look(ledger: &mut Ledger, machines: &[Machine], now: &str) -> usize {
    look_at(ledger, machines, &["us-west-2"], now)
}

fn look_at(ledger: &mut Ledger, machines: &[Machine], regions: &[&str], now: &str) -> usize {
    let regions: Vec<Region> = regions.iter().map(|name| region(name)).collect();
    let entries = observe_machines(ledger, PriceBook::bundled(), machines, &regions, anna(), time(now));
    for entry in &entries {
        ledger.apply(entry);
    }
    entries.len()
}

/// A run's stretches and end, as times of the day.
fn told(ledger: &Ledger, id: &str) -> String {
    let text = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%H:%M").to_string();
    let run = ledger.run(&machine(id)).unwrap();
    let stretches =
        run.stretches.iter().map(|one| format!("{}-{}", text(one.from), one.to.map_or_else(String::new, text)));
    let mut all: Vec<String> = stretches.collect();
    all.extend(run.ended.map(|ended| format!("{} {}", if run.bound { "at most" } else { "ended" }, text(ended))));
    all.join(", ")
}

/// A thing of ours, made at ten, of which nothing else is known.
fn resource(kind: ResourceKind, id: &str) -> Resource {
    Resource {
        at: thing(kind, id),
        name: None,
        state: None,
        claim: ours(),
        created: Some(time("10:00")),
        bytes: None,
        keep: None,
        job: None,
        detail: None,
        fingerprint: None,
        ends_with: None,
        used_by: Vec::new(),
        metered: None,
    }
}

fn anna() -> Looker<'static> {
    Looker { owner: Some("anna"), account: None }
}

#[test]
fn a_life_is_told_by_looks() {
    use MachineState::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};
    type Look<'a> = (&'a str, MachineState, &'a str, Option<&'a str>);
    let lives: &[(&[Look<'_>], &str)] = &[
        // charges stop at shutting-down, whenever somebody looks
        (
            &[
                ("10:01", Pending, "10:00", None),
                ("11:00", Running, "10:00", None),
                ("12:05", ShuttingDown, "10:00", Some("12:00")),
                ("12:30", Terminated, "10:00", Some("12:00")),
            ],
            "10:00-, ended 12:00",
        ),
        (&[("12:30", Terminated, "10:00", Some("12:00"))], "10:00-, ended 12:00"),
        (
            &[
                ("10:30", Running, "10:00", None),
                ("11:05", Stopping, "10:00", Some("11:00")),
                ("11:30", Stopped, "10:00", Some("11:00")),
                ("13:01", Running, "13:00", None),
                ("14:30", Terminated, "13:00", Some("14:00")),
            ],
            "10:00-11:00, 13:00-, ended 14:00",
        ),
        // stopped, and terminated so
        (
            &[("11:30", Stopped, "10:00", Some("11:00")), ("15:00", Terminated, "10:00", Some("14:00"))],
            "10:00-11:00, ended 14:00",
        ),
        // no word of when: when it was seen
        (&[("10:30", Running, "10:00", None), ("11:30", Terminated, "10:00", None)], "10:00-, at most 11:30"),
        (&[("10:30", Running, "10:00", None), ("11:30", Stopped, "10:00", None)], "10:00-11:30"),
        // a list that is late, of one that was stopped and of one that ended
        (&[("11:00", Stopped, "10:00", Some("10:59")), ("11:01", Running, "10:00", None)], "10:00-10:59"),
        (&[("11:00", Terminated, "10:00", Some("10:59")), ("11:01", Running, "10:00", None)], "10:00-, ended 10:59"),
    ];
    for (looks, expected) in lives {
        let mut ledger = Ledger::default();
        for (now, state, launched, changed) in *looks {
            let machines = [seen("i-1", *state, launched, *changed)];
            look(&mut ledger, &machines, now);
            assert_eq!(look(&mut ledger, &machines, now), 0, "the same look again: {looks:?} at {now}");
        }
        assert_eq!(told(&ledger, "i-1"), *expected, "{looks:?}");
    }
}

#[test]
fn what_was_thought_gone_comes_back() {
    use MachineState::{Running, Stopped, Terminated};
    let before = [
        seen("i-1", Running, "10:00", None),
        seen("i-2", Stopped, "10:00", Some("10:30")),
        seen("i-3", Running, "10:00", None),
    ];
    let after = [
        seen("i-1", Running, "10:00", None),
        seen("i-2", Stopped, "10:00", Some("10:30")),
        seen("i-3", Terminated, "10:00", Some("12:30")),
    ];
    let mut ledger = Ledger::default();
    look(&mut ledger, &before, "11:00");
    // another account has none of them; another region was not looked at; an answer did not come
    assert_eq!(look_at(&mut ledger, &[], &["eu-west-1"], "11:30"), 0);
    assert_eq!(look_at(&mut ledger, &[], &[], "11:30"), 0);
    assert_eq!(look(&mut ledger, &[], "12:00"), 3);
    assert_eq!(look(&mut ledger, &[], "12:10"), 0);
    assert_eq!(told(&ledger, "i-1"), "10:00-, at most 12:00");
    assert_eq!(told(&ledger, "i-2"), "10:00-10:30, at most 12:00");
    look(&mut ledger, &after, "13:00");
    assert_eq!(look(&mut ledger, &after, "13:01"), 0);
    let lives = ["i-1", "i-2", "i-3"].map(|id| told(&ledger, id));
    assert_eq!(lives, ["10:00-", "10:00-10:30", "10:00-, ended 12:30"]);
}

#[test]
fn what_was_launched_a_moment_ago_may_not_be_listed_yet() {
    let mut ledger = fold(&[opened(machine("i-1"), time("10:00"), compute("1.53"))]);
    assert_eq!(look(&mut ledger, &[], "10:10"), 0);
    assert_eq!(look(&mut ledger, &[], "10:11"), 1);
}

#[test]
fn two_clocks_make_no_entry_at_every_look() {
    // by the clock here it was launched after it was stopped there
    let mut ledger = fold(&[opened(machine("i-1"), time("12:00"), compute("1.53"))]);
    let machines = [seen("i-1", MachineState::Stopped, "10:00", Some("11:00"))];
    assert_eq!(look(&mut ledger, &machines, "12:10"), 1);
    assert_eq!(look(&mut ledger, &machines, "12:11"), 0);
    assert_eq!(told(&ledger, "i-1"), "12:00-12:00");
}

#[test]
fn what_is_gone_ended_with_its_lease_at_the_latest() {
    let launched = |lease: Option<&str>| {
        let mut open = opened(machine("i-1"), time("10:00"), compute("1.53"));
        if let LedgerEntry::Opened { lease: known, labels, .. } = &mut open {
            (*known, labels.job) = (lease.map(time), Some(job("j-1")));
        }
        open
    };
    let began = |text| LedgerEntry::PhaseBegan { job: job("j-1"), phase: Phase::Test, at: time(text) };
    let over = |text| LedgerEntry::PhaseEnded { job: job("j-1"), phase: Phase::Test, at: time(text), ok: true };
    let moved = LedgerEntry::Lease { thing: machine("i-1"), ends: time("14:00") };
    for (entries, expected) in [
        (vec![launched(None)], "at most 20:00"),
        (vec![launched(Some("11:00"))], "at most 11:00"),
        (vec![launched(Some("11:00")), moved], "at most 14:00"),
        // each renewal is entered, so what a job did says nothing of its machine's end
        (vec![launched(Some("11:00")), began("10:10"), over("15:30")], "at most 11:00"),
    ] {
        let mut ledger = fold(&entries);
        look(&mut ledger, &[], "20:00");
        assert_eq!(told(&ledger, "i-1"), format!("10:00-, {expected}"), "{entries:?}");
    }
}

#[test]
fn strangers_machines_are_not_entered_and_others_are_theirs() {
    let mut machines = [
        seen("i-1", MachineState::Running, "10:00", None),
        seen("i-2", MachineState::Running, "10:00", None),
        seen("i-3", MachineState::Running, "10:00", None),
    ];
    let claims = [
        ours(),
        Claim::OtherOwner { owner: "ben".to_owned(), why: "its tag".to_owned() },
        Claim::Foreign { why: None },
    ];
    for (machine, claim) in machines.iter_mut().zip(claims) {
        machine.cloud.as_mut().unwrap().claim = claim;
    }
    let mut ledger = Ledger::default();
    look(&mut ledger, &machines, "11:00");
    let owners: Vec<_> = ledger.runs().map(|run| (run.thing.id.as_str(), run.labels.owner.as_deref())).collect();
    assert_eq!(owners, [("i-1", Some("anna")), ("i-2", Some("ben"))]);
}

#[test]
fn what_is_told_later_is_entered_once() {
    let mut machine = seen("i-1", MachineState::Pending, "10:00", None);
    let mut ledger = Ledger::default();
    look(&mut ledger, std::slice::from_ref(&machine), "10:00");
    // it has got its address, its volumes are known, its lease was moved; the second time by less than a minute
    machine.state = MachineState::Running;
    machine.job = Some(job("j-1"));
    machine.lease = Some(Lease::until(time("11:00:10")));
    let metered = &mut machine.cloud.as_mut().unwrap().metered;
    (metered.addresses, metered.disk_gb) = (1, Some(8));
    assert_eq!(look(&mut ledger, std::slice::from_ref(&machine), "10:01"), 1);
    assert_eq!(look(&mut ledger, std::slice::from_ref(&machine), "10:02"), 0);
    machine.lease = Some(Lease::until(time("11:01")));
    assert_eq!(look(&mut ledger, std::slice::from_ref(&machine), "10:03"), 0);
    machine.lease = Some(Lease::until(time("11:01:10")));
    assert_eq!(look(&mut ledger, std::slice::from_ref(&machine), "10:04"), 1);
    let run = ledger.run(&super::super::fixtures::machine("i-1")).unwrap();
    let kinds: Vec<ChargeKind> = run.bill.charges.iter().map(|charge| charge.what).collect();
    assert_eq!(kinds, [ChargeKind::Compute, ChargeKind::Address, ChargeKind::Disk]);
    assert_eq!((run.labels.job.as_ref(), run.lease), (Some(&job("j-1")), Some(time("11:01:10"))));
    assert_eq!(told(&ledger, "i-1"), "10:00-");
}

#[test]
fn images_and_lonely_snapshots_are_entered_and_end_when_they_are_missed() {
    let stored = |kind, id: &str, bytes: Option<u64>| Resource { bytes, ..resource(kind, id) };
    let snapshot_of = |image: &ResourceRef| Resource {
        used_by: vec![image.clone()],
        ..stored(ResourceKind::Snapshot, "snap-1", Some(8 << 30))
    };
    let image = stored(ResourceKind::Image, "ami-1", Some((8 << 30) + 1));
    let mut ledger = Ledger::default();
    let mut look = |things: &[Resource], now| {
        let entries =
            observe_stored(&ledger, PriceBook::bundled(), things, &[region("us-west-2")], anna(), time(now));
        for entry in &entries {
            ledger.apply(entry);
        }
        (entries.len(), ledger.clone())
    };
    // a machine's volume is charged as the machine's
    let of_machine = Resource {
        ends_with: Some(thing(ResourceKind::Machine, "i-1")),
        ..stored(ResourceKind::Volume, "vol-1", Some(1 << 30))
    };
    let all = [
        image.clone(),
        snapshot_of(&image.at),
        stored(ResourceKind::Snapshot, "snap-2", Some(1 << 30)),
        of_machine,
        Resource { claim: Claim::Foreign { why: None }, ..stored(ResourceKind::Image, "ami-9", Some(1 << 30)) },
    ];
    assert_eq!(look(&all, "10:30").0, 2);
    assert_eq!(look(&all, "10:31").0, 0);
    // a size that is not told is no end
    assert_eq!(look(&[Resource { bytes: None, ..image.clone() }, all[2].clone()], "11:00").0, 0);
    let (new, known) = look(&all[2..3], "12:00");
    assert_eq!(new, 1);
    let run = known.run(&image.at).unwrap();
    // a begun GB is a GB
    let expected = Charge { what: ChargeKind::Snapshot, amount: 9, price: run.bill.charges[0].price };
    assert_eq!(
        (run.bill.charges.as_slice(), run.opened(), run.ended),
        (&[expected][..], time("10:00"), Some(time("12:00")))
    );
    assert!(run.bound);
    // another account was looked at
    let (new, known) = look(&all, "13:00");
    assert_eq!((new, known.run(&image.at).unwrap().is_open()), (1, true));
    assert_eq!(look(&all, "13:01").0, 0);
}

#[test]
fn volumes_are_charged_as_their_machines_where_they_end_with_them() {
    let volume = |id: &str, ends_with: Option<ResourceRef>| Resource {
        created: Some(time("09:00")),
        bytes: Some(20 << 30),
        ends_with,
        ..resource(ResourceKind::Volume, id)
    };
    let machine = thing(ResourceKind::Machine, "i-1");
    let mut ledger = Ledger::default();
    ledger.apply(&LedgerEntry::Opened {
        thing: machine.clone(),
        at: time("10:00"),
        bill: Bill::of_machine(
            PriceBook::bundled(),
            &region("us-west-2"),
            "c5.9xlarge",
            Platform::Linux,
            false,
            (None, 1),
        ),
        labels: Labels::default(),
        lease: None,
    });
    let things =
        [volume("vol-1", Some(machine.clone())), volume("vol-2", Some(machine.clone())), volume("vol-3", None)];
    let looked_at = [region("us-west-2")];
    let entries =
        observe_stored(&ledger, PriceBook::bundled(), &things, &looked_at, Looker::default(), time("11:00"));
    assert_eq!(entries.len(), 2, "{entries:?}");
    for entry in &entries {
        ledger.apply(entry);
    }
    let disk =
        |run: &Run| run.bill.charges.iter().find(|charge| charge.what == ChargeKind::Disk).map(|one| one.amount);
    assert_eq!(ledger.run(&machine).and_then(disk), Some(40));
    let alone = ledger.run(&thing(ResourceKind::Volume, "vol-3")).unwrap();
    assert_eq!((disk(alone), alone.opened()), (Some(20), time("09:00")));
    assert_eq!(
        observe_stored(&ledger, PriceBook::bundled(), &things, &looked_at, Looker::default(), time("11:01")),
        []
    );
}

#[test]
fn what_was_an_images_or_a_machines_is_not_charged_twice_when_it_is_left() {
    let thing_of = |kind, id: &str, made: &str, state: Option<&str>| Resource {
        state: state.map(str::to_owned),
        created: Some(time(made)),
        bytes: Some(8 << 30),
        ..resource(kind, id)
    };
    let opened = |thing: ResourceRef, at| LedgerEntry::Opened {
        thing,
        at: time(at),
        bill: Bill::default(),
        labels: Labels::default(),
        lease: None,
    };
    let ended = |thing: ResourceRef, at| LedgerEntry::Ended { thing, at: time(at), bound: false };
    let (image, machine) = (thing(ResourceKind::Image, "ami-1"), thing(ResourceKind::Machine, "i-1"));
    let known = fold(&[
        opened(image.clone(), "10:20"),
        ended(image, "15:00"),
        opened(machine.clone(), "11:00"),
        ended(machine, "16:00"),
    ]);
    let look = |things: &[Resource]| {
        let entries = observe_stored(&known, PriceBook::bundled(), things, &[], Looker::default(), time("18:00"));
        let at = |entry: &LedgerEntry| match entry {
            LedgerEntry::Opened { thing, at, .. } => (thing.id.clone(), *at),
            other => panic!("{other:?}"),
        };
        entries.iter().map(at).collect::<Vec<_>>()
    };
    let found = look(&[
        // of the image, and since then alone
        thing_of(ResourceKind::Snapshot, "snap-1", "10:00", Some("completed")),
        // nobody's
        thing_of(ResourceKind::Snapshot, "snap-2", "12:30", Some("completed")),
        thing_of(ResourceKind::Snapshot, "snap-3", "17:59", Some("pending")),
        // of the machine
        thing_of(ResourceKind::Volume, "vol-1", "11:00", Some("available")),
        thing_of(ResourceKind::Volume, "vol-2", "11:00", Some("deleting")),
        thing_of(ResourceKind::Volume, "vol-3", "12:00", Some("available")),
    ]);
    let expected = [("snap-1", "15:00"), ("snap-2", "12:30"), ("vol-1", "16:00"), ("vol-3", "12:00")];
    assert_eq!(found, expected.map(|(id, at)| (id.to_owned(), time(at))));
}

#[test]
fn another_accounts_list_ends_nothing() {
    let seen_in = |account| Looker { owner: Some("anna"), account };
    let mut ledger = Ledger::default();
    let mut look = |machines: &[Machine], account, now: &str| {
        let regions = [region("us-west-2")];
        let entries =
            observe_machines(&ledger, PriceBook::bundled(), machines, &regions, seen_in(account), time(now));
        for entry in &entries {
            ledger.apply(entry);
        }
        let run = ledger.run(&machine("i-1")).unwrap();
        (run.is_open(), entries.len())
    };
    let running = [seen("i-1", MachineState::Running, "10:00", None)];
    assert_eq!(look(&running, None, "10:30"), (true, 1));
    // whose it is was not known at first
    assert_eq!(look(&running, Some("111"), "10:31"), (true, 1));
    assert_eq!(look(&running, Some("111"), "10:32"), (true, 0));
    assert_eq!(look(&[], Some("222"), "11:00"), (true, 0));
    // a list of nothing says nothing of accounts, and this one has no lease that would have ended it
    assert_eq!(look(&[], None, "11:00"), (true, 0));
    assert_eq!(look(&[], Some("111"), "12:00"), (false, 1));
}

#[test]
fn what_has_lost_its_tags_is_there_all_the_same() {
    let mut ledger = Ledger::default();
    let mut one = seen("i-1", MachineState::Running, "10:00", None);
    look(&mut ledger, std::slice::from_ref(&one), "10:30");
    one.cloud.as_mut().unwrap().claim = Claim::Foreign { why: None };
    look(&mut ledger, &[one], "12:00");
    assert!(ledger.run(&machine("i-1")).unwrap().is_open());
}

fn machines() -> impl Strategy<Value = Vec<Machine>> {
    use MachineState::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated, Unreachable};
    let states = vec![Pending, Running, Stopping, Stopped, ShuttingDown, Terminated, Unreachable];
    let moment = moments;
    let one = (
        0..3,
        prop::sample::select(states),
        prop::option::of(moment()),
        prop::option::of(moment()),
        prop::option::of(moment()),
        any::<bool>(),
    );
    let one = one.prop_map(|(number, state, launched, changed, lease, windows)| {
        let mut machine = seen(&format!("i-{number}"), state, "10:00", None);
        machine.launched = launched;
        machine.lease = lease.map(Lease::until);
        let metered = &mut machine.cloud.as_mut().unwrap().metered;
        metered.changed = changed;
        metered.platform = if windows { Platform::Windows } else { Platform::Linux };
        machine
    });
    prop::collection::vec(one, 0..4).prop_map(|mut all| {
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.dedup_by(|a, b| a.id == b.id);
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever a list says, the second look at it finds nothing new: the journal does not grow by looking.
    #[test]
    fn a_second_look_finds_nothing(
        before in any_entries(|| any_moments().boxed()), looks in prop::collection::vec((machines(), moments()), 1..4),
    ) {
        let mut ledger = fold(&before);
        for (machines, now) in looks {
            let look = |ledger: &Ledger| {
                observe_machines(ledger, PriceBook::bundled(), &machines, &[region("us-west-2")], anna(), now)
            };
            let new = look(&ledger);
            for entry in &new {
                ledger.apply(entry);
            }
            prop_assert_eq!(look(&ledger), Vec::new(), "after {:?}", new);
        }
    }
}
