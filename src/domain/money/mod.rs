//! Money: what things cost, why, and what they have cost. Pure: prices and rules are data, whoever calls tells the time.
//!
//! `usd` is an amount, `billing` how AWS counts time, `book` what an hour or a month costs and how that is known, `ledger`
//! what ran from when to when, `observe` what a look at a provider adds to it, `report` what that comes to, `outlook` what
//! is being spent and will be, `estimate` what an operation would cost, `guard` when it is too much, `alarm` what should be
//! gone, `job` what a job came to, `saving` what an end saves, `say` how all that is said.

mod alarm;
mod billing;
mod book;
mod estimate;
mod explain;
#[cfg(test)]
mod fixtures;
mod guard;
mod job;
mod ledger;
mod observe;
mod outlook;
mod report;
mod saving;
pub mod say;
mod usd;

pub use alarm::{Alarm, Fate, Outlived, outlived};
pub use billing::{Platform, Rule, Subject, accrued, billed_seconds, rule, rules, stored};
pub use book::{Item, PriceBook, PriceSheet, PriceSource, PriceTag, Quote, TypeFacts};
pub use estimate::{Alternative, Estimate, History, UsualTypes, Work, alternatives, estimate};
pub use explain::{Billed, Explained, known_by};
pub use guard::{
    Allowance, Budget, Cap, ENDING, Step, Verdict, cap_refuses, day_refuses, expected, judge, next_step, pays_until,
};
pub use job::{JobCost, PhaseCost, known};
pub use ledger::{Bill, Charge, ChargeKind, Labels, Ledger, LedgerEntry, Run, Stretch, gb};
pub use observe::{Looker, observe_machines, observe_stored};
pub use outlook::{Burn, Outlook, outlook};
pub use report::{Grouping, Range, Report, Row, report, spent};
pub use saving::Saving;
pub use say::{UNKNOWN, left_running, per_hour, per_hour_at_least};
pub use usd::Usd;
