//! A ledger of 2,000 machines and 20,000 ends of phases: folding it against decoding its lines, which must be done anyway
//! (goal: at most 0.5 of that); reports and the outlook of ten times as many against those of one (goal: at most 40 times,
//! what is quadratic takes 100); and what the outlook takes, for the dashboard has it made anew each second (goal: at most
//! 50 ms).
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench's output is its result")]

use hgautomation::domain::money::{
    Bill, Grouping, Labels, Ledger, LedgerEntry, Platform, PriceBook, Range, outlook, report,
};
use hgautomation::domain::{JobId, Phase, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp};
use jiff::SignedDuration;
use std::hint::black_box;
use std::time::Instant;

const RUNS: i64 = 2_000;
const ROUNDS: usize = 7;
/// Over so many days.
const DAYS: i64 = 60;

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// The lines of a ledger: each machine is launched, goes through five phases, and ends after an hour and a half.
fn lines(runs: i64) -> Vec<String> {
    let book = PriceBook::bundled();
    let region = Region::new("us-west-2").unwrap();
    let phases = [Phase::Launch, Phase::Ready, Phase::Prepare, Phase::Test, Phase::Collect];
    let mut all = Vec::new();
    for run in 0..runs {
        let begin = now() - SignedDuration::from_secs(DAYS * 86_400 * (runs - run) / runs);
        let after = |minutes: i64| begin + SignedDuration::from_mins(minutes);
        let letters = b"abcdefghijkmnpqrstuvwxyz";
        let name: String =
            (0..6).map(|at| char::from(letters[usize::try_from(run / 24_i64.pow(at) % 24).unwrap()])).collect();
        let job = JobId::new(format!("j-{name}")).unwrap();
        let id = format!("i-{run:017x}");
        let thing = ResourceRef {
            kind: ResourceKind::Machine,
            provider: ProviderKind::Aws,
            region: Some(region.clone()),
            id,
        };
        let bill = Bill::of_machine(book, &region, "c5.9xlarge", Platform::Linux, false, (Some(73), 1));
        let labels = Labels { owner: Some("anna".to_owned()), job: Some(job.clone()), ..Labels::default() };
        all.push(LedgerEntry::Opened { thing: thing.clone(), at: begin, bill, labels, lease: Some(after(120)) });
        for (number, phase) in (0..).zip(phases) {
            all.push(LedgerEntry::PhaseBegan { job: job.clone(), phase, at: after(number * 15) });
            all.push(LedgerEntry::PhaseEnded { job: job.clone(), phase, at: after(number * 15 + 14), ok: true });
        }
        if after(90) < now() {
            all.push(LedgerEntry::Ended { thing, at: after(90), bound: false });
        }
    }
    all.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect()
}

fn decode(lines: &[String]) -> Vec<LedgerEntry> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn fold(entries: &[LedgerEntry]) -> Ledger {
    let mut ledger = Ledger::default();
    for entry in entries {
        ledger.apply(entry);
    }
    ledger
}

/// The middle of several times, in milliseconds.
fn milliseconds<T>(work: impl Fn() -> T) -> f64 {
    let mut all: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            black_box(work());
            began.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all[ROUNDS / 2]
}

fn main() {
    let (few, many) = (lines(RUNS), lines(10 * RUNS));
    let (entries, more) = (decode(&few), decode(&many));
    let decoding = milliseconds(|| decode(&few));
    let folding = milliseconds(|| fold(&entries));
    println!(
        "{} lines: decoded in {decoding:.1} ms, folded in {folding:.1} ms: {:.2} of that",
        few.len(),
        folding / decoding
    );
    let (small, large) = (fold(&entries), fold(&more));
    let book = PriceBook::bundled();
    for by in Grouping::ALL {
        let all = |ledger: &Ledger| report(ledger, book, Range::all(), by, now());
        let (one, ten) = (milliseconds(|| all(&small)), milliseconds(|| all(&large)));
        println!("report by {}: {one:.1} ms, of ten times as many {ten:.1} ms: {:.1} times", by.as_str(), ten / one);
    }
    let (one, ten) = (milliseconds(|| outlook(&small, book, now())), milliseconds(|| outlook(&large, book, now())));
    println!("outlook: {one:.1} ms, of ten times as many {ten:.1} ms: {:.1} times", ten / one);
    println!("an outlook each second takes {:.1} % of a processor", one / 10.0);
}
