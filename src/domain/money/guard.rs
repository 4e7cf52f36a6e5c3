//! When it is too much: caps on a job and on a day, and machines that outlive their job. Whoever asks tells the time.

use super::Usd;
use crate::domain::{JobId, Machine, MachineId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// From so much of a cap on, in percent, a person is warned.
const NEAR: u64 = 80;

/// The limits that the configuration sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// What a job's machines may cost.
    pub job: Option<Usd>,
    /// What all machines of a day (UTC) may cost before no more are launched.
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

/// Why no more is launched today; none when it may be. What the launch is expected to cost counts, where that is known.
#[must_use]
pub fn day_refuses(budget: &Budget, today: Usd, expected: Option<Usd>) -> Option<String> {
    let cap = budget.day?;
    if today >= cap {
        return Some(format!("today's machines have cost {today}, and the cap of a day is {cap}"));
    }
    let expected = expected.filter(|expected| today + *expected > cap)?;
    Some(format!(
        "today's machines have cost {today}, this would cost about {expected}, and the cap of a day is {cap}"
    ))
}

/// A machine that outlives its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The machine.
    pub machine: MachineId,
    /// Its job.
    pub job: JobId,
    /// When that ended.
    pub since: Timestamp,
}

/// The machines that are alive though their job has ended, longer ago than `grace`, and did not leave them on purpose.
/// `ended` holds, of each job that is over, when it ended and whether it left its machine on purpose; of other jobs nothing
/// is known, and nothing told.
#[must_use]
pub fn outlived(
    machines: &[Machine],
    ended: &BTreeMap<JobId, (Timestamp, bool)>,
    grace: Duration,
    now: Timestamp,
) -> Vec<Alarm> {
    let alarm = |machine: &Machine| {
        let job = machine.job.as_ref().filter(|_| machine.state.is_alive() && machine.is_ephemeral())?;
        let (since, kept) = ended.get(job)?;
        let late = Duration::try_from(now.duration_since(*since)).is_ok_and(|age| age > grace);
        (late && !kept).then(|| Alarm { machine: machine.id.clone(), job: job.clone(), since: *since })
    };
    machines.iter().filter_map(alarm).collect()
}

#[cfg(test)]
#[path = "guard_test.rs"]
mod tests;
