//! What tests of money share: short ways to write moments, prices and entries, and histories made at random.

use super::{Bill, Charge, ChargeKind, Labels, Ledger, LedgerEntry, Platform, PriceSource, Quote, Usd};
use crate::domain::{JobId, Phase, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn at(text: &str) -> Timestamp {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{text}Z") };
    whole.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

pub(super) fn later(from: Timestamp, seconds: i64) -> Timestamp {
    from + SignedDuration::from_secs(seconds)
}

pub(super) fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

pub(super) fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

pub(super) fn job(name: &str) -> JobId {
    JobId::new(name).unwrap()
}

pub(super) fn listed(text: &str) -> Quote {
    Quote { usd: usd(text), source: PriceSource::Listed { as_of: jiff::civil::date(2026, 11, 1) } }
}

pub(super) fn thing(kind: ResourceKind, id: &str) -> ResourceRef {
    ResourceRef { kind, provider: ProviderKind::Aws, region: Some(region("us-west-2")), id: id.to_owned() }
}

pub(super) fn machine(id: &str) -> ResourceRef {
    thing(ResourceKind::Machine, id)
}

pub(super) fn charge(what: ChargeKind, amount: u64, price: &str) -> Charge {
    Charge { what, amount, price: Some(listed(price)) }
}

/// What a machine is charged for: an hour of it, of its address, and a GB and month of its volume.
pub(super) fn bill(platform: Platform, hour: &str, address: &str, disk: (u64, &str)) -> Bill {
    let charges = vec![
        charge(ChargeKind::Compute, 1, hour),
        charge(ChargeKind::Address, 1, address),
        charge(ChargeKind::Disk, disk.0, disk.1),
    ];
    Bill { instance_type: Some("c5.9xlarge".to_owned()), platform, spot: false, charges }
}

pub(super) fn compute(hour: &str) -> Bill {
    let charges = vec![charge(ChargeKind::Compute, 1, hour)];
    Bill { instance_type: Some("c5.9xlarge".to_owned()), charges, ..Bill::default() }
}

pub(super) fn opened(thing: ResourceRef, at: Timestamp, bill: Bill) -> LedgerEntry {
    LedgerEntry::Opened { thing, at, bill, labels: Labels::default(), lease: None }
}

pub(super) fn stopped(thing: ResourceRef, at: Timestamp) -> LedgerEntry {
    LedgerEntry::Stopped { thing, at }
}

pub(super) fn ended(thing: ResourceRef, at: Timestamp) -> LedgerEntry {
    LedgerEntry::Ended { thing, at, bound: false }
}

pub(super) fn bounded(thing: ResourceRef, at: Timestamp) -> LedgerEntry {
    LedgerEntry::Ended { thing, at, bound: true }
}

pub(super) fn fold<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> Ledger {
    let mut ledger = Ledger::default();
    entries.into_iter().for_each(|entry| ledger.apply(entry));
    ledger
}

/// Moments of two years, to the nanosecond; some on the second, some at midnight.
pub(super) fn moments() -> impl Strategy<Value = Timestamp> {
    let of = |second: i64, nano: i32| later(at("2026-01-01"), second) + SignedDuration::new(0, nano);
    let span = 2 * 366 * 86_400_i64;
    prop_oneof![
        (0..span, 0..1_000_000_000).prop_map(move |(second, nano)| of(second, nano)),
        (0..span).prop_map(move |second| of(second, 0)),
        (0..span / 86_400).prop_map(move |day| of(day * 86_400, 0)),
    ]
}

/// The same, and moments that no clock should show.
pub(super) fn any_moments() -> impl Strategy<Value = Timestamp> {
    let odd = [Timestamp::MIN, Timestamp::UNIX_EPOCH, at("1999-12-31T23:59:59"), at("2200-02-28"), Timestamp::MAX];
    prop_oneof![9 => moments(), 1 => select(odd.to_vec())]
}

fn prices() -> impl Strategy<Value = Option<Quote>> {
    let known = ["0.0416", "1.53", "0.76608", "0.000000000001", "0.123456789012", "999999999.999999999999", "0"];
    prop_oneof![6 => select(known.to_vec()).prop_map(|text| Some(listed(text))), 1 => Just(None)]
}

fn charges() -> impl Strategy<Value = Charge> {
    let amounts = select(vec![0, 1, 2, 8, 2_000, u64::from(u32::MAX), u64::MAX]);
    (select(ChargeKind::ALL.to_vec()), amounts, prices()).prop_map(|(what, amount, price)| Charge {
        what,
        amount,
        price,
    })
}

pub(super) fn bills() -> impl Strategy<Value = Bill> {
    let types = select(vec![None, Some("c5.9xlarge"), Some("t3.medium"), Some("x99.gigantic")]);
    let platforms = select(vec![Platform::Linux, Platform::Windows, Platform::LicensedLinux]);
    (types, platforms, any::<bool>(), prop::collection::vec(charges(), 0..5)).prop_map(
        |(name, platform, spot, charges)| Bill { instance_type: name.map(str::to_owned), platform, spot, charges },
    )
}

fn things() -> impl Strategy<Value = ResourceRef> {
    let kinds =
        select(vec![ResourceKind::Machine, ResourceKind::Machine, ResourceKind::Image, ResourceKind::Snapshot]);
    let providers = select(vec![ProviderKind::Aws, ProviderKind::Aws, ProviderKind::Local]);
    let regions = select(vec![None, Some("us-west-2"), Some("eu-west-1"), Some("mars-north-1")]);
    (kinds, providers, regions, 0..4).prop_map(|(kind, provider, place, number)| ResourceRef {
        kind,
        provider,
        region: place.map(region),
        id: format!("x-{number}"),
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    (0..3, 0..3, 0..3).prop_map(|(owner, number, verb)| Labels {
        account: None,
        owner: (owner > 0).then(|| format!("owner{owner}")),
        job: (number > 0).then(|| job(&format!("j-{number}"))),
        operation: (verb > 0).then(|| format!("verb-{verb}")),
        about: None,
    })
}

/// Entries of any kind in any order.
pub(super) fn any_entries(moment: fn() -> BoxedStrategy<Timestamp>) -> impl Strategy<Value = Vec<LedgerEntry>> {
    let phases = || select(Phase::ALL.to_vec());
    let jobs = || (1..3).prop_map(|number| job(&format!("j-{number}")));
    let open = (things(), moment(), bills(), labels(), prop::option::of(moment()))
        .prop_map(|(thing, at, bill, labels, lease)| LedgerEntry::Opened { thing, at, bill, labels, lease });
    let one = prop_oneof![
        4 => open,
        2 => (things(), moment()).prop_map(|(thing, at)| LedgerEntry::Stopped { thing, at }),
        2 => (things(), moment(), any::<bool>()).prop_map(|(thing, at, bound)| LedgerEntry::Ended { thing, at, bound }),
        1 => (things(), moment()).prop_map(|(thing, ends)| LedgerEntry::Lease { thing, ends }),
        2 => (jobs(), phases(), moment()).prop_map(|(job, phase, at)| LedgerEntry::PhaseBegan { job, phase, at }),
        2 => (jobs(), phases(), moment(), any::<bool>())
            .prop_map(|(job, phase, at, ok)| LedgerEntry::PhaseEnded { job, phase, at, ok }),
    ];
    prop::collection::vec(one, 0..24)
}

/// What became of a machine, in the order in which it did: begun, stopped and started again so often, ended or not, perhaps
/// missed and found again; each step so many nanoseconds after the one before. Phases of its job go with it.
pub(super) fn lives() -> impl Strategy<Value = Vec<LedgerEntry>> {
    let step = || prop_oneof![Just(0_i64), 1..2_000_000_000_i64, 1..10_000_000_000_000_000_i64];
    let life = (moments(), bills(), labels(), prop::collection::vec((0..5, step()), 0..8));
    let one = life.prop_map(|(begin, mut bill, labels, steps)| {
        // no bill of ours names a kind twice
        bill.charges.sort_by_key(|charge| charge.what);
        bill.charges.dedup_by_key(|charge| charge.what);
        let thing = machine("");
        let mut entries = vec![LedgerEntry::Opened { thing, at: begin, bill, labels: labels.clone(), lease: None }];
        let (mut now, mut running, mut gone) = (begin, true, false);
        let mut phases: Vec<Phase> = Vec::new();
        for (what, nanos) in steps {
            now += SignedDuration::from_nanos(nanos);
            let thing = machine("");
            let bill = Bill::default();
            let open =
                LedgerEntry::Opened { thing: thing.clone(), at: now, bill, labels: Labels::default(), lease: None };
            match (what, gone) {
                (_, true) => {
                    entries.push(LedgerEntry::Opened {
                        thing,
                        at: begin,
                        bill: Bill::default(),
                        labels: Labels::default(),
                        lease: None,
                    });
                    gone = false;
                }
                (0, _) if running => {
                    // nothing stops at the very moment at which it starts; it may be started at the one at which it stopped
                    now += SignedDuration::from_nanos(1);
                    entries.push(stopped(thing, now));
                    running = false;
                }
                (0, _) => {
                    entries.push(open);
                    running = true;
                }
                (1, _) => {
                    entries.push(bounded(thing, now));
                    gone = true;
                }
                (2, _) => {
                    entries.push(ended(thing, now));
                    break;
                }
                (what, _) => {
                    let Some(job) = labels.job.clone() else { continue };
                    let phase = Phase::ALL[usize::try_from(nanos % 3).unwrap_or(0)];
                    if what == 3 {
                        // nor does a phase begin at the very moment at which one ended
                        now += SignedDuration::from_nanos(1);
                        phases.push(phase);
                        entries.push(LedgerEntry::PhaseBegan { job, phase, at: now });
                    } else if let Some(phase) = phases.pop() {
                        entries.push(LedgerEntry::PhaseEnded { job, phase, at: now, ok: true });
                    }
                }
            }
        }
        entries
    });
    prop::collection::vec(one, 1..4).prop_map(|lives| {
        let mut all: Vec<LedgerEntry> = Vec::new();
        for (number, mut life) in lives.into_iter().enumerate() {
            for entry in &mut life {
                if let LedgerEntry::Opened { labels: Labels { job: Some(job), .. }, .. }
                | LedgerEntry::PhaseBegan { job, .. }
                | LedgerEntry::PhaseEnded { job, .. } = entry
                {
                    *job = super::fixtures::job(&format!("j-{number}"));
                }
                if let LedgerEntry::Opened { thing, .. }
                | LedgerEntry::Stopped { thing, .. }
                | LedgerEntry::Ended { thing, .. } = entry
                {
                    thing.id = format!("i-{number}");
                }
            }
            all.extend(life);
        }
        all
    })
}
