//! When it is too much: caps on a job and on a day. Whoever asks tells the time.

use super::{Estimate, Usd};
use crate::domain::{Lease, Operation, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// From so much of a cap on, in percent, a person is warned.
const NEAR: u64 = 80;
/// A job is stopped so long before its cap is reached: as long as tests are given to end, results to be collected, and the
/// machine to be asked to end. Its lease ends it at the cap, whatever becomes of that.
pub const ENDING: Duration = Duration::from_secs(45);
/// How far ahead is looked for the moment at which a cap is reached. No lease is longer.
const AHEAD: i64 = 8 * 24 * 60 * 60;

/// The limits that the configuration sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// What a job's machines may cost.
    pub job: Option<Usd>,
    /// What a day (UTC) may cost, all in all, before no more machines are launched.
    pub day: Option<Usd>,
    /// How long a machine may outlive its job before it is told.
    pub alarm_after: Duration,
}

/// The most that a job may cost, as a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cap {
    /// No limit.
    None,
    /// So much.
    At(Usd),
}

impl std::str::FromStr for Cap {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        match text.parse::<Usd>() {
            Ok(usd) if usd > Usd::ZERO => Ok(Self::At(usd)),
            _ => Err("write an amount of US dollars such as 5 or 1.50, or none".to_owned()),
        }
    }
}

/// What an operation may cost, where that is not as the configuration says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// The job's cap; none takes that of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// Whether it is launched though the day's cap is used up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_day_cap: bool,
}

impl Allowance {
    /// Whether all is as the configuration says.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The cap that holds.
    #[must_use]
    pub fn cap(&self, budget: &Budget) -> Option<Usd> {
        match self.cap {
            Some(Cap::At(usd)) => Some(usd),
            Some(Cap::None) => None,
            None => budget.job,
        }
    }
}

/// How what was spent stands to a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Well below.
    Fine,
    /// Four fifths of it or more.
    Near,
    /// All of it or more.
    Over,
}

/// Judges what was spent.
#[must_use]
pub fn judge(spent: Usd, cap: Usd) -> Verdict {
    match spent.percent_of(cap) {
        None => Verdict::Over,
        Some(percent) if percent >= 100 => Verdict::Over,
        Some(percent) if percent >= NEAR => Verdict::Near,
        Some(_) => Verdict::Fine,
    }
}

/// What all machines of an operation are expected to cost, of which the estimate is of one; none where that is not known. One
/// that is left to its lease is expected to last until then.
#[must_use]
pub fn expected(estimate: &Estimate, operation: &Operation) -> Option<Usd> {
    let left = matches!(operation, Operation::Launch(_));
    Some(if left { estimate.at_most? } else { estimate.usd? }.times(operation.machines(), 1))
}

/// Why a job's cap lets it launch nothing; none when it does.
#[must_use]
pub fn cap_refuses(estimate: &Estimate) -> Option<String> {
    let (cap, least) = (estimate.work.cap?, estimate.least?);
    let name = &estimate.work.instance_type;
    (cap < least).then(|| {
        format!(
            "its cap of {} does not pay for the first minute of a {name}, which costs {}",
            cap.price(),
            least.price()
        )
    })
}

/// Why no more is launched today; none when it may be. What the launch is expected to cost counts, where that is known.
#[must_use]
pub fn day_refuses(budget: &Budget, today: Usd, expected: Option<Usd>) -> Option<String> {
    let cap = budget.day?;
    if today >= cap {
        return Some(format!("today has cost {today}, and the cap of a day is {cap}"));
    }
    let expected = expected.filter(|expected| today + *expected > cap)?;
    Some(format!("today has cost {today}, this would cost about {expected}, and the cap of a day is {cap}"))
}

/// What the guard of a job does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing before then; none: never, as things stand.
    Wait(Option<Timestamp>),
    /// It tells that so much is most of the cap.
    Warn(Usd),
    /// It stops the job, whose machines have cost so much.
    Stop(Usd),
}

/// What the guard of a job with a cap does. `spent` is what its machines have cost by a moment, or will have if all stays as
/// it is: it never falls with time. A job is stopped [`ENDING`] before its cap is reached, as then it is while it ends.
#[must_use]
pub fn next_step(spent: impl Fn(Timestamp) -> Usd, cap: Usd, warned: bool, now: Timestamp) -> Step {
    let over = |at| judge(spent(Lease::starting(at, ENDING).ends()), cap) == Verdict::Over;
    let near = |at| !warned && judge(spent(at), cap) >= Verdict::Near;
    if over(now) {
        return Step::Stop(spent(now));
    }
    if near(now) {
        return Step::Warn(spent(now));
    }
    Step::Wait(first(now, |at| over(at) || near(at)))
}

/// Until when a cap pays for machines: the last moment, now at the earliest, by which no more than it will have been spent. None
/// when that is further away than any lease.
#[must_use]
pub fn pays_until(spent: impl Fn(Timestamp) -> Usd, cap: Usd, now: Timestamp) -> Option<Timestamp> {
    if spent(now) > cap {
        return Some(now);
    }
    let too_much = first(now, |at| spent(at) > cap)?;
    Some(too_much.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(now).max(now))
}

/// The first moment after another, in whole seconds from there, at which something holds that then holds for ever.
fn first(from: Timestamp, holds: impl Fn(Timestamp) -> bool) -> Option<Timestamp> {
    let at = |seconds: i64| from.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    let (mut before, mut then) = (0, AHEAD);
    if !holds(at(then)) {
        return None;
    }
    while then - before > 1 {
        let middle = i64::midpoint(before, then);
        if holds(at(middle)) { then = middle } else { before = middle }
    }
    Some(at(then))
}

#[cfg(test)]
#[path = "guard_steps_test.rs"]
mod steps;
#[cfg(test)]
#[path = "guard_test.rs"]
mod tests;
