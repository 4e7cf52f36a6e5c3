//! Sentences about money that every front end says alike: what an hour costs, until when, what that comes to.

use super::{Estimate, Usd};
use crate::domain::{Operation, Timestamp, words};
use std::time::Duration;

/// What stands in place of an amount that nobody knows.
pub const UNKNOWN: &str = "unknown";
/// Prices below this are shown with all their digits.
const SMALL: i64 = 10;

/// What is spent for an hour: `$1.53/h`; `price unknown`.
#[must_use]
pub fn per_hour(hourly: Option<Usd>) -> String {
    match hourly {
        Some(usd) if usd >= Usd::cents(SMALL) || usd.is_zero() => format!("{usd}/h"),
        Some(usd) => format!("{}/h", usd.price()),
        None => "price unknown".to_owned(),
    }
}

/// The same where something of it is not known besides: `≥ $1.53/h`.
#[must_use]
pub fn per_hour_at_least(hourly: Option<Usd>, more: bool) -> String {
    let mark = if more && hourly.is_some() { "≥ " } else { "" };
    format!("{mark}{}", per_hour(hourly))
}

/// What so much an hour comes to until then, in so long.
#[must_use]
pub fn within(hourly: Usd, left: Duration) -> Usd {
    hourly.times(left.as_secs(), 3600)
}

/// Until when something costs, and what that comes to: `ends itself in 41m 00s, at most $1.05 from now`. Of what costs
/// nothing only the time is said.
#[must_use]
pub fn ends(hourly: Option<Usd>, left: Option<Duration>) -> String {
    let free = hourly.is_some_and(Usd::is_zero);
    match (hourly, left) {
        (_, Some(left)) if free => format!("ends itself in {}", words::span(left)),
        (_, None) if free => "stays until it is ended".to_owned(),
        (Some(hourly), Some(left)) => {
            format!("ends itself in {}, at most {} from now", words::span(left), within(hourly, left))
        }
        (None, Some(left)) => format!("ends itself in {}, its price is unknown", words::span(left)),
        (_, None) => "costs until it is ended".to_owned(),
    }
}

/// What an hour costs and until when: `$1.53/h; ends itself in 41m 00s, at most $1.05 from now`. Of what costs nothing
/// only the time is said.
#[must_use]
pub fn goes_on(hourly: Option<Usd>, left: Option<Duration>) -> String {
    if hourly.is_some_and(Usd::is_zero) || (hourly.is_none() && left.is_some()) {
        return ends(hourly, left);
    }
    format!("{}; {}", per_hour(hourly), ends(hourly, left))
}

/// The same of what ends at a moment; a second that has begun is told, and charged.
#[must_use]
pub fn left_running(hourly: Option<Usd>, ends: Option<Timestamp>, now: Timestamp) -> String {
    let left = ends.map(|ends| {
        let left = Duration::try_from(ends.duration_since(now)).unwrap_or_default();
        Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    });
    goes_on(hourly, left)
}

/// How many earlier runs something is known from: `the last 3 runs took`.
fn took(runs: u32) -> String {
    if runs == 1 { "the last run took".to_owned() } else { format!("the last {runs} runs took") }
}

/// A time that is not known exactly: `50 s`, `31 min`, `2h 05m`.
#[must_use]
pub fn roughly(seconds: u64) -> String {
    let minutes = (seconds + 30) / 60;
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{minutes} min"),
        _ => words::span(Duration::from_secs(minutes * 60)),
    }
}

impl Estimate {
    /// The price of the machine and how it is known: `$1.53/h (bundled estimate of 2026-07-20)`.
    #[must_use]
    pub fn say_price(&self, now: Timestamp) -> String {
        match self.machine {
            Some(quote) => format!("{}/h ({})", quote.usd.price(), quote.source.words(now)),
            None => format!("price of {} in {} unknown", self.work.instance_type, self.work.region),
        }
    }

    /// What it would come to: `about $0.80, 31 min as the last 3 runs took`. Nothing where its price is not known, nor of a
    /// machine that is launched for nobody knows what.
    #[must_use]
    pub fn say_expected(&self, operation: &Operation) -> Option<String> {
        self.hourly?;
        let before = format!("as {}", took(self.runs));
        match (self.usd, self.seconds) {
            (Some(usd), Some(seconds)) => Some(format!("about {usd}, {} {before}", roughly(seconds))),
            _ if matches!(operation, Operation::Launch(_)) => None,
            _ => Some("no run like this yet".to_owned()),
        }
    }

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
        let cap = if self.ends_at_cap { ", its cap" } else { "" };
        format!("{}{about}{most}{cap}", per_hour(self.hourly))
    }

    /// The time and where it is known from: `31m 20s as the last 3 runs took`.
    #[must_use]
    pub fn time(&self) -> String {
        match self.seconds {
            Some(seconds) => format!("{} as {}", words::span(Duration::from_secs(seconds)), took(self.runs)),
            None => "not known: the same has not been done yet".to_owned(),
        }
    }

    /// What it would come to at most: `at most $3.06 until its lease ends it`, `at most $1.00, when its cap ends it`.
    #[must_use]
    pub fn say_most(&self) -> Option<String> {
        let until = if self.ends_at_cap { ", when its cap ends it" } else { " until its lease ends it" };
        Some(format!("at most {}{until}", self.at_most?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_says_its_hour_its_end_and_what_that_comes_to() {
        let usd = |text: &str| Some(text.parse::<Usd>().unwrap());
        let left = Some(Duration::from_secs(41 * 60));
        for (hourly, left, said) in [
            (usd("1.53"), left, "$1.53/h; ends itself in 41m 00s, at most $1.05 from now"),
            (usd("1.53"), None, "$1.53/h; costs until it is ended"),
            (usd("0.0416"), left, "$0.0416/h; ends itself in 41m 00s, at most $0.03 from now"),
            (usd("0.0416"), Some(Duration::ZERO), "$0.0416/h; ends itself in 0s, at most $0.00 from now"),
            (usd("0"), left, "ends itself in 41m 00s"),
            (usd("0"), None, "stays until it is ended"),
            (None, left, "ends itself in 41m 00s, its price is unknown"),
            (None, None, "price unknown; costs until it is ended"),
        ] {
            assert_eq!(goes_on(hourly, left), said);
        }
    }

    #[test]
    fn times_are_as_rough_as_they_are_known() {
        for (seconds, said) in [
            (0, "0 s"),
            (89, "89 s"),
            (90, "2 min"),
            (1860, "31 min"),
            (5399, "90 min"),
            (5400, "1h 30m"),
            (7529, "2h 05m"),
        ] {
            assert_eq!(roughly(seconds), said);
        }
    }

    #[test]
    fn what_runs_on_is_told_with_its_price_and_its_end() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let later = |seconds| Some(now + jiff::SignedDuration::from_secs(seconds));
        let usd = |text: &str| text.parse::<Usd>().ok();
        for (hourly, ends, said) in [
            (usd("1.53"), later(41 * 60), "$1.53/h; ends itself in 41m 00s, at most $1.05 from now"),
            (usd("1.53"), later(-5), "$1.53/h; ends itself in 0s, at most $0.00 from now"),
            (usd("1.53"), None, "$1.53/h; costs until it is ended"),
            (None, later(60), "ends itself in 1m 00s, its price is unknown"),
            (usd("0.0104"), later(60), "$0.0104/h; ends itself in 1m 00s, at most <$0.01 from now"),
        ] {
            assert_eq!(left_running(hourly, ends, now), said);
        }
        assert_eq!(per_hour(Some(Usd::ZERO)), "$0.00/h");
        assert_eq!(per_hour_at_least(usd("1.53"), true), "≥ $1.53/h");
        assert_eq!(per_hour_at_least(usd("1.53"), false), "$1.53/h");
        assert_eq!(per_hour_at_least(None, true), "price unknown");
    }
}
