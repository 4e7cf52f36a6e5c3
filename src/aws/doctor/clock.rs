//! How far this computer's clock is from that of AWS, which takes no signature made more than five minutes away from it.
//! Read from the `Date` of an answer, a refusal too: a wrong clock is often why there is nothing else.

use crate::domain::{CheckItem, CheckOutcome, words};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// From here on it is told.
const OFF: u64 = 60;
/// From here on AWS refuses.
const REFUSED: u64 = 5 * 60;

/// Notes how many seconds this computer is ahead of whoever answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<i64>>>);

impl Watch {
    /// The seconds this computer is ahead, as of the last answer.
    pub(super) fn ahead(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        if let Some(date) = date {
            let ahead = DateTime::from(SystemTime::now()).secs() - date.secs();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        Ok(())
    }
}

/// Whether AWS refuses what is signed so far away from its own time.
pub(super) fn is_refused(ahead: Option<i64>) -> bool {
    ahead.is_some_and(|ahead| ahead.unsigned_abs() >= REFUSED)
}

/// The point.
pub(super) fn point(ahead: Option<i64>) -> CheckItem {
    let what = "the clock agrees with that of AWS";
    let Some(ahead) = ahead else {
        return CheckItem::new(what, CheckOutcome::Unknown, "no answer to compare it with");
    };
    let off = ahead.unsigned_abs();
    let seen = match (off, ahead > 0) {
        (0..=1, _) => "to the second".to_owned(),
        (_, true) => format!("{} ahead", words::span(Duration::from_secs(off))),
        (_, false) => format!("{} behind", words::span(Duration::from_secs(off))),
    };
    let outcome = match off {
        _ if is_refused(Some(ahead)) => CheckOutcome::Missing,
        off if off > OFF => CheckOutcome::Warning,
        _ => return CheckItem::new(what, CheckOutcome::Ok, seen),
    };
    CheckItem::new(what, outcome, seen).hint(
        "`timedatectl set-ntp true` lets Linux keep it right; AWS refuses calls from a clock that is off by 5 minutes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let table = [
            (None, CheckOutcome::Unknown, "no answer to compare it with"),
            (Some(0), CheckOutcome::Ok, "to the second"),
            (Some(-1), CheckOutcome::Ok, "to the second"),
            (Some(60), CheckOutcome::Ok, "1m 00s ahead"),
            (Some(-61), CheckOutcome::Warning, "1m 01s behind"),
            (Some(299), CheckOutcome::Warning, "4m 59s ahead"),
            (Some(300), CheckOutcome::Missing, "5m 00s ahead"),
            (Some(-90_000), CheckOutcome::Missing, "1d 01h behind"),
            (Some(i64::MIN), CheckOutcome::Missing, "106751991167300d 15h behind"),
        ];
        for (ahead, outcome, seen) in table {
            let point = point(ahead);
            assert_eq!((point.outcome, point.seen.as_str()), (outcome, seen), "{ahead:?}");
            assert_eq!(point.hint.is_some(), matches!(outcome, CheckOutcome::Warning | CheckOutcome::Missing));
        }
    }
}
