//! A job's screen as a person sees it.

use crate::diag::Hint;
use crate::domain::TestOutcome::{Failed, Passed, Skipped};
use crate::domain::{CleanupVerdict, Phase, ProviderKind, Remaining, WorkVerdict};
use crate::event::{EventKind, Unit};
use crate::tui::fixtures::{ended, failed, id, opened, planned, press, shown, started, submitted};
use crate::tui::msg::Msg;
use std::collections::BTreeMap;

fn phase(from: i64, to: i64, phase: Phase) -> [(i64, EventKind); 2] {
    let seconds = f64::from(i32::try_from(to - from).unwrap());
    [(from, EventKind::PhaseStarted { phase }), (to, EventKind::PhaseEnded { phase, seconds, ok: true })]
}

fn run() -> Vec<(i64, EventKind)> {
    let machine = || crate::domain::MachineId::new("m-abc234").unwrap();
    let mut kinds = vec![(0, submitted()), (0, EventKind::Started { pid: 1, resumed: false })];
    for (place, name) in (0..).zip(&Phase::ALL[1..7]) {
        kinds.extend(phase(place * 10, place * 10 + 10, *name));
    }
    kinds.extend([
        (60, EventKind::Launching { machine: machine(), provider: ProviderKind::Local }),
        (60, EventKind::SourceResolved { node: "0123456789abcdef".repeat(3), summary: "rebase: speed up".into() }),
        (60, EventKind::PhaseStarted { phase: Phase::Test }),
        (60, planned(10)),
        (60, started("test-slow.t")),
        (62, started("test-run.t")),
        (70, ended("test-good.t", Passed, 8.0, None)),
        (71, ended("test-skip.t", Skipped, 0.1, Some("missing feature: xdiff"))),
        (
            72,
            failed(
                "test-bad.t",
                Failed,
                2.0,
                Some("output changed"),
                Some("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n"),
            ),
        ),
    ]);
    kinds
}

fn durations() -> Msg {
    Msg::Durations(BTreeMap::from([("test-slow.t".to_owned(), 4.0), ("test-run.t".to_owned(), 8.0)]))
}

#[test]
fn a_run_under_way_is_told_at_a_glance() {
    let mut app = opened(75, run());
    app.handle(durations());
    let text = shown(&mut app, 80, 24);
    for part in [
        "j-abc234  ▶ running",
        "m-abc234 (local)",
        "1m 15s",
        "revision 0123456789ab  rebase: speed up",
        "✓ source ✓ image ✓ launch ✓ ready ✓ prepare ✓ sync ▶ test · collect · end",
        "10s",
        "3/10  1 failed  1 skipped  ~",
        "1 Tests 5  2 Failures 1  3 Output  4 Summary",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.contains("OUTCOME")).collect();
    let table = [
        ("test-slow.t", "! slow"),
        ("test-run.t", "▶ running"),
        ("test-bad.t", "✗ failed"),
        ("test-good.t", "✓ passed"),
    ];
    for ((name, word), row) in table.iter().zip(&rows[1..]) {
        assert!(row.contains(name) && row.contains(word), "{row}");
    }
    assert!(rows[1].contains("15s"), "{}", rows[1]);
    assert!(rows[3].contains("output changed"), "{}", rows[3]);

    let narrow = shown(&mut app, 40, 12);
    for part in ["j-abc234  ▶ running", "✓✓✓✓✓✓▶·· test 15s (7 of 9)", "3/10", "test-slow.t", "! slow"]
    {
        assert!(narrow.contains(part), "{part}\n{narrow}");
    }
    press(&mut app, &["down", "down"]);
    let wide = shown(&mut app, 200, 50);
    for part in ["✓ source 10s  ✓ image 10s", "· collect  · end", "│ -old", "│ +new", "│ why: output changed"]
    {
        assert!(wide.contains(part), "{part}\n{wide}");
    }
    assert!(wide.contains("4.00s"), "{wide}");
}

#[test]
fn names_of_tests_show_whole_at_80_columns() {
    let names = ["test-branch-tag-confict.t", "test-diff-antipatience.t#bdiff"];
    let mut kinds = vec![(0, submitted()), (0, EventKind::PhaseStarted { phase: Phase::Test })];
    kinds.extend(names.map(|name| (1, ended(name, Failed, 1.0, Some("output changed, as it did before that")))));
    let mut app = opened(2, kinds);
    let text = shown(&mut app, 80, 24);
    assert!(names.iter().all(|name| text.contains(name)) && text.contains("output changed"), "{text}");
    let narrow = shown(&mut app, 60, 24);
    assert!(names.iter().all(|name| narrow.contains(name)), "{narrow}");
}

#[test]
fn a_lost_connection_and_a_resume_are_told() {
    let mut kinds = run();
    kinds.push((73, EventKind::LinkLost { reason: "reset\x1b[31m".into() }));
    let mut app = opened(85, kinds.clone());
    for size in [(80, 24), (40, 12)] {
        let text = shown(&mut app, size.0, size.1);
        assert!(text.contains("! connection lost 12s ago, reconnecting"), "{text}");
        assert!(!text.contains('\x1b'));
    }
    kinds.extend([
        (90, EventKind::Started { pid: 2, resumed: true }),
        (90, EventKind::PhaseStarted { phase: Phase::Test }),
    ]);
    let text = shown(&mut opened(100, kinds), 200, 50);
    assert!(text.contains("▶ test 23s ×2"), "{text}");
}

#[test]
fn other_phases_tell_how_far_they_are() {
    let progress = |done, total, unit| {
        let kinds = vec![
            (0, submitted()),
            (0, EventKind::PhaseStarted { phase: Phase::Sync }),
            (1, EventKind::Progress { phase: Phase::Sync, done, total, unit }),
        ];
        shown(&mut opened(2, kinds), 80, 24)
    };
    assert!(progress(1 << 20, 4 << 20, Unit::Bytes).contains("sync: 1.0 MiB of 4.0 MiB"));
    assert!(progress(3, 0, Unit::Files).contains("sync: 3 files so far"));
    let text =
        shown(&mut opened(2, vec![(0, submitted()), (0, EventKind::PhaseStarted { phase: Phase::Ready })]), 80, 24);
    assert!(text.contains("waiting until the machine answers"), "{text}");
    assert!(text.contains("No test runs yet."), "{text}");
}

#[test]
fn failures_stand_with_their_diffs() {
    let mut app = opened(75, run());
    press(&mut app, &["2"]);
    let text = shown(&mut app, 80, 24);
    for part in ["test-bad.t", "@@ -1 +1 @@", "-old", "+new"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let wide = shown(&mut app, 160, 40);
    assert!(wide.contains("│ -old"), "{wide}");
    let mut kinds = run();
    kinds.truncate(kinds.len() - 1);
    kinds.push((72, failed("test-long.t#case", Failed, 1.0, None, Some(&"+x\n".repeat(1000)))));
    let mut app = opened(75, kinds);
    press(&mut app, &["2", "enter", "G"]);
    let text = shown(&mut app, 80, 24);
    for part in ["200 of 1000 lines", "hga jobs output j-abc234", "/state/jobs/j-abc234/results/test-long.t#case.err"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let mut kinds = run();
    kinds.truncate(kinds.len() - 1);
    let mut app = opened(75, kinds);
    app.handle(durations());
    press(&mut app, &["2"]);
    let text = shown(&mut app, 80, 24);
    assert!(
        text.contains("No test has failed so far.") && text.contains("test-run.t runs for 13s, usually 8.00s"),
        "{text}"
    );
}

#[test]
fn the_summary_tells_all() {
    let mut kinds = run();
    kinds.extend([
        (80, EventKind::warning("disk is nearly full")),
        (81, EventKind::PhaseEnded { phase: Phase::Test, seconds: 21.0, ok: false }),
        (
            90,
            EventKind::Ended {
                work: WorkVerdict::Error { message: "no room".into(), hints: vec![Hint::new("make room")] },
                cleanup: CleanupVerdict::Remains {
                    items: vec![Remaining { what: "machine m-abc234".into(), why: "no answer".into() }],
                },
            },
        ),
    ]);
    let mut app = opened(500, kinds);
    press(&mut app, &["4"]);
    let text = shown(&mut app, 120, 80);
    for part in [
        "! left things behind",
        "✗ error: no room",
        "hint: make room",
        "REMAINS machine m-abc234: no answer",
        "3 of 10  ✓ 1 passed  ✗ 1 failed  - 1 skipped  7 not run",
        "✗ test-bad.t  output changed",
        "8.00s  test-good.t",
        "1  missing feature: xdiff  test-skip.t",
        "✗ failed",
        "overhead 74.1 %",
        "00:01:20  ! disk is nearly full",
        "/state/jobs/j-abc234/output",
        "hga run-tests-linux --provider local --source '/home/a person/hg' --rev tip",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // scrolled to its end on a small screen
    shown(&mut app, 80, 24);
    press(&mut app, &["G"]);
    let end = shown(&mut app, 80, 24);
    assert!(end.contains("hga run-tests-linux") && end.contains("test-a.t"), "long lines go on below: {end}");
    press(&mut app, &["g"]);
    assert!(shown(&mut app, 80, 24).contains("Verdicts"));
}

#[test]
fn ten_thousand_tests_with_hostile_names_fit_any_size() {
    let mut kinds = vec![(0, submitted()), (0, EventKind::PhaseStarted { phase: Phase::Test }), (0, planned(10_000))];
    for n in 0..10_000 {
        let name = match n % 4 {
            0 => format!("test-\x1b[2J{n}\u{202e}.t"),
            1 => format!("test-日本語-{n}-e\u{301}🦀.t"),
            2 => format!("{}{n}", "very-long-".repeat(30)),
            _ => format!("test-{n}.t\n"),
        };
        let outcome = if n % 100 == 0 { Failed } else { Passed };
        kinds.push((1, failed(&name, outcome, 1.0, Some("why\x07\u{9b}"), Some("+a\x1b]0;x\x07\n-日本語\n"))));
    }
    kinds.push((2, started("日本\x1b")));
    let mut app = opened(100, kinds);
    for tab in ["1", "2", "3", "4"] {
        press(&mut app, &[tab, "G", "down", "right"]);
        for size in [(80, 24), (200, 50), (40, 12), (10, 3), (1, 1), (3, 30), (130, 2), (121, 7), (120, 6)] {
            let text = shown(&mut app, size.0, size.1);
            assert!(!text.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']), "{tab} {size:?}");
        }
    }
}

#[test]
fn a_job_that_cannot_be_read_says_why_and_the_way_back() {
    let mut app = opened(0, vec![]);
    assert!(shown(&mut app, 80, 24).contains("Reading the job's history."));
    let error = crate::session::Error::new(crate::session::ErrorKind::State, "written by a newer version");
    app.handle(Msg::Loaded(id(), Err(error)));
    let text = shown(&mut app, 80, 24);
    assert!(text.contains("a newer version") && text.contains("Esc goes back"), "{text}");
    press(&mut app, &["esc"]);
    assert!(app.model.job.is_none());
}
