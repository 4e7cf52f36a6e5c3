//! What a job's machines have come to, and in which of its phases.

use super::report::{Grouping, Range, report};
use super::{Ledger, PriceBook, Usd};
use crate::domain::{JobId, Phase, ResourceKind, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// What a job's machines have come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobCost {
    /// All of it, as far as prices are known.
    pub total: Usd,
    /// In which phase, the dearest first; together with `between` the whole.
    pub phases: Vec<PhaseCost>,
    /// While no phase was under way: between two of them, or after the last.
    pub between: Usd,
    /// How many machines have a price that is not known: they come on top.
    pub unknown: usize,
    /// How the prices in it are known.
    pub sources: BTreeSet<String>,
}

/// What a phase came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseCost {
    /// Which.
    pub phase: Phase,
    /// What it came to.
    pub usd: Usd,
}

impl JobCost {
    /// What a job's machines have come to by `now`; none where it had none that cost.
    #[must_use]
    pub fn of(ledger: &Ledger, book: &PriceBook, job: &JobId, now: Timestamp) -> Option<Self> {
        let mut machines = ledger.of_job(job).filter(|run| run.thing.kind == ResourceKind::Machine).peekable();
        machines.peek()?;
        if machines.all(|run| run.is_free(book)) {
            return None;
        }
        let own =
            ledger.filtered(|run| run.thing.kind == ResourceKind::Machine && run.labels.job.as_ref() == Some(job));
        let report = report(&own, book, Range::all(), Grouping::Phase, now);
        let phase_of = |key: &str| Phase::ALL.into_iter().find(|phase| phase.as_str() == key);
        let mut cost = Self {
            total: report.total.total(),
            phases: Vec::new(),
            between: Usd::ZERO,
            unknown: report.total.unknown,
            sources: report.sources,
        };
        for row in &report.rows {
            match phase_of(&row.key) {
                Some(phase) => cost.phases.push(PhaseCost { phase, usd: row.total() }),
                None => cost.between += row.total(),
            }
        }
        Some(cost)
    }

    /// All of it, and whether a price of it is not known; none where the job had no machine that costs. For lists of jobs.
    #[must_use]
    pub fn total_of(ledger: &Ledger, book: &PriceBook, job: &JobId, now: Timestamp) -> Option<(Usd, bool)> {
        let machines = ledger.of_job(job).filter(|run| run.thing.kind == ResourceKind::Machine && !run.is_free(book));
        machines
            .map(|run| (run.total(book, now), run.is_unknown(book)))
            .reduce(|(a, unknown), (b, more)| (a + b, unknown || more))
    }

    /// What a phase came to; none where it came to nothing.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<Usd> {
        self.phases.iter().find(|known| known.phase == phase).map(|known| known.usd)
    }

    /// For people: `$0.80`, `unknown`, `$0.80 and what is unknown`.
    #[must_use]
    pub fn words(&self) -> String {
        known(self.total, self.unknown > 0)
    }
}

/// An amount of which something may not be known: never told as if that were nothing.
#[must_use]
pub fn known(usd: Usd, unknown: bool) -> String {
    // what is shown as no cent at all and something that is not known are together not known
    match (unknown, usd.with_cents() == "0.00") {
        (false, _) => usd.to_string(),
        (true, true) => super::phrase::UNKNOWN.to_owned(),
        (true, false) => format!("≥ {usd}"),
    }
}
