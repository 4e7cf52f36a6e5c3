//! Money in words, the same on every front end: what an hour costs, what is left running and until when, what a launch would
//! come to.

use super::{Estimate, Usd};
use crate::domain::{Timestamp, words};
use std::time::Duration;

/// What stands in place of an amount that nobody knows.
pub const UNKNOWN: &str = "unknown";

/// What an hour costs: `$1.53/h`; what is cheap with more digits, what is not known said to be so.
#[must_use]
pub fn per_hour(hourly: Option<Usd>) -> String {
    match hourly {
        None => "price unknown".to_owned(),
        Some(hourly) if !hourly.is_zero() && hourly < Usd::cents(10) => format!("{}/h", hourly.price()),
        Some(hourly) => format!("{hourly}/h"),
    }
}

/// What it costs to leave a machine running: `$1.53/h; ends itself in 41m 00s, at most $1.05 from now`.
#[must_use]
pub fn left_running(hourly: Option<Usd>, ends: Option<Timestamp>, now: Timestamp) -> String {
    let price = per_hour(hourly);
    let Some(ends) = ends else { return format!("{price}; does not end itself") };
    let left = Duration::try_from(ends.duration_since(now)).unwrap_or_default();
    // what has begun of a second is told, and charged
    let left = Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0));
    let span = words::span(left);
    match hourly {
        Some(hourly) => {
            let most = hourly.times(left.as_secs(), 3600);
            format!("{price}; ends itself in {span}, at most {most} from now")
        }
        None => format!("{price}; ends itself in {span}"),
    }
}

/// How many earlier runs something is known from: `the last 3 runs took`.
fn took(runs: u32) -> String {
    if runs == 1 { "the last run took".to_owned() } else { format!("the last {runs} runs took") }
}

impl Estimate {
    /// What it would come to, in one line: `$1.53/h, about $0.80 as the last 3 runs took; at most $3.06`. Without earlier runs
    /// of the same the time is not known, and no amount is made up for it.
    #[must_use]
    pub fn line(&self) -> String {
        let about = match (self.usd, self.seconds) {
            (Some(usd), _) => format!(", about {usd} as {}", took(self.runs)),
            (None, Some(seconds)) => {
                format!(", {} as {}", words::span(Duration::from_secs(seconds)), took(self.runs))
            }
            (None, None) => String::new(),
        };
        let most = self.at_most.map_or(String::new(), |most| format!("; at most {most}"));
        format!("{}{about}{most}", per_hour(self.hourly))
    }

    /// The time and where it is known from: `31m 20s as the last 3 runs took`.
    #[must_use]
    pub fn time(&self) -> String {
        match self.seconds {
            Some(seconds) => format!("{} as {}", words::span(Duration::from_secs(seconds)), took(self.runs)),
            None => "not known: the same has not been done yet".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_on_is_told_with_its_price_and_its_end() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let later = |seconds| Some(now + jiff::SignedDuration::from_secs(seconds));
        let usd = |text: &str| text.parse::<Usd>().ok();
        for (hourly, ends, said) in [
            (usd("1.53"), later(41 * 60), "$1.53/h; ends itself in 41m 00s, at most $1.05 from now"),
            (usd("1.53"), later(-5), "$1.53/h; ends itself in 0s, at most $0.00 from now"),
            (usd("1.53"), None, "$1.53/h; does not end itself"),
            (None, later(60), "price unknown; ends itself in 1m 00s"),
            (usd("0.0104"), later(60), "$0.0104/h; ends itself in 1m 00s, at most <$0.01 from now"),
        ] {
            assert_eq!(left_running(hourly, ends, now), said);
        }
        assert_eq!(per_hour(Some(Usd::ZERO)), "$0.00/h");
    }
}
