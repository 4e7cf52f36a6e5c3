//! The exit codes of `hga`, all of them, and the one function that picks among those of a job.

use crate::domain::{CleanupVerdict, WorkVerdict};

/// What was asked was done; tests, if any, passed.
pub const OK: i32 = 0;
/// Tests failed, or prices differ.
pub const DIFFERS: i32 = 1;
/// The command line made no sense, or names something that is not there.
pub const USAGE: i32 = 2;
/// An error before or around the work.
pub const ERROR: i32 = 100;
/// The job goes on without us.
pub const DETACHED: i32 = 102;
/// A person stopped the job, or its cap did.
pub const CANCELLED: i32 = 103;
/// Something remains that should be gone.
pub const REMAINS: i32 = 104;
/// The machine went away before the work was over.
pub const MACHINE_LOST: i32 = 105;
/// There was nothing to do.
pub const NOTHING: i32 = 106;

/// Every code with its meaning, as `hga help exit-codes` and the man page show them.
pub const TABLE: [(&str, &str); 10] = [
    ("0", "what was asked was done; tests, if any, passed"),
    (
        "1",
        "the tests ran and some failed (the tests' own exit status, whatever it is, is passed on); a `prices check` \
             that found a price that differs",
    ),
    ("2", "the command line made no sense, or names something that is not there"),
    (
        "100",
        "an error before or around the work: no image, no machine, no such revision; a `machines check` or a \
             `doctor` that found something missing; a list that could not look everywhere",
    ),
    ("101", "a bug in hga itself (a panic)"),
    ("102", "hga let go of the job and the job goes on: `hga jobs attach JOB` takes it up again"),
    ("103", "the job was stopped: by a person, or by its cap"),
    (
        "104",
        "the work is over but something remains that should be gone, or could not be looked for; wins over all others",
    ),
    ("105", "the machine was lost before the work was over"),
    ("106", "there was nothing to do: nothing of ours was there to be ended or removed"),
];

/// The code of a job that is over. What remains of it outweighs what became of the work.
#[must_use]
pub fn of(work: &WorkVerdict, cleanup: &CleanupVerdict) -> i32 {
    match (cleanup, work) {
        (CleanupVerdict::Remains { .. }, _) => REMAINS,
        (_, WorkVerdict::Done) => OK,
        (_, WorkVerdict::Nothing) => NOTHING,
        // a status of 0 with failed tests would lie, and the codes from 100 on are ours
        (_, WorkVerdict::TestsFailed { status }) => {
            if (1..=99).contains(status) || (107..=255).contains(status) {
                *status
            } else {
                1
            }
        }
        (_, WorkVerdict::Error { .. }) => ERROR,
        (_, WorkVerdict::MachineLost { .. }) => MACHINE_LOST,
        (_, WorkVerdict::Cancelled) => CANCELLED,
    }
}

/// The meaning of a code in a few words, for the summary.
#[must_use]
pub fn meaning(code: i32) -> &'static str {
    match code {
        OK => "done",
        USAGE => "usage",
        ERROR => "error",
        DETACHED => "detached, the job goes on",
        CANCELLED => "stopped",
        REMAINS => "something remains that should be gone",
        MACHINE_LOST => "machine lost",
        NOTHING => "nothing to do",
        _ => "the tests' own",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MachineId, ProviderKind, Remaining};

    #[test]
    fn every_pair_of_verdicts_has_its_code() {
        let machine = MachineId::new("m-abc234").unwrap();
        let clean = CleanupVerdict::Clean;
        let kept = CleanupVerdict::Kept { machine, provider: ProviderKind::Local };
        let remains =
            CleanupVerdict::Remains { items: vec![Remaining { what: "machine".into(), why: "stuck".into() }] };
        let failed = |status| WorkVerdict::TestsFailed { status };
        let works = [
            (WorkVerdict::Done, 0),
            (WorkVerdict::Nothing, 106),
            (failed(1), 1),
            (failed(80), 80),
            (failed(2), 2),
            (failed(137), 137),
            (failed(0), 1),
            (failed(-1), 1),
            (failed(104), 1),
            (failed(106), 1),
            (failed(256), 1),
            (WorkVerdict::Error { message: "x".into(), hints: vec![] }, 100),
            (WorkVerdict::MachineLost { message: "x".into() }, 105),
            (WorkVerdict::Cancelled, 103),
        ];
        for (work, code) in works {
            assert_eq!(of(&work, &clean), code, "{work:?}");
            assert_eq!(of(&work, &kept), code, "{work:?}");
            assert_eq!(of(&work, &remains), 104, "{work:?}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_names_every_constant() {
        let codes: Vec<i32> = TABLE.iter().map(|(code, _)| code.parse().unwrap()).collect();
        assert!(codes.is_sorted());
        for code in [OK, DIFFERS, USAGE, ERROR, DETACHED, CANCELLED, REMAINS, MACHINE_LOST, NOTHING] {
            assert!(codes.contains(&code), "{code}");
        }
    }
}
