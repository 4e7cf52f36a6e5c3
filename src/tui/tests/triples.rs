//! Every row of the key table as *(screen, key, screen)*: where it holds, each of its keys does what the row says. A row
//! that no triple is about fails the test.

use super::fixture::{Desk, FAILED, LEFT, MACHINE, UNDER_WAY};
use crate::tui::keys::{Scope, TABLE, row};
use crate::tui::theme::ThemeName;
use std::collections::BTreeSet;

/// What is so afterwards.
enum Then {
    /// This text is on the screen, which it was not.
    Shows(&'static str),
    /// This text is no longer on the screen.
    Hides(&'static str),
    /// This is asked of the world: the beginning of an effect.
    Asks(&'static str),
    /// The screen is another: a selection, an order, a place in a text.
    Changes,
}

use Scope as S;
use Then::{Asks, Changes, Hides, Shows};

/// Where, which row, from which screen (a name below and keys from there on), what is so afterwards.
type Triple = (Scope, &'static str, &'static str, &'static str, Then);

const TRIPLES: &[Triple] = &[
    (S::Anywhere, "help", "machines", "", Shows("Any list")),
    (S::Anywhere, "palette", "jobs", "", Changes),
    (S::Anywhere, "refresh", "jobs", "", Asks("Machines")),
    (S::Anywhere, "theme", "jobs", "", Shows("theme: light")),
    (S::Anywhere, "suspend", "jobs", "", Asks("Suspend")),
    (S::Anywhere, "interrupt", "jobs", "", Shows("Ctrl-C")),
    (S::Panes, "machines", "jobs", "", Shows("build2")),
    (S::Panes, "images", "jobs", "", Shows("linux-dev-old")),
    (S::Panes, "jobs", "machines", "", Shows(FAILED)),
    (S::Panes, "log", "machines", "", Hides("build2")),
    (S::Panes, "resources", "machines", "", Shows("snap-0123456789abcdef0")),
    (S::Panes, "terminate-ec2-instances", "machines", "", Shows("Cancel")),
    (S::Resources, "describe", "resources", "", Shows("known by")),
    (S::Resources, "remove", "resources", "", Shows("Cancel")),
    (S::Resources, "purge-ec2-resources", "resources", "", Shows("Cancel")),
    (S::Resources, "mark", "resources", "", Shows("1 marked")),
    (S::Resources, "mark-range", "resources", "<space>jj", Shows("4 marked")),
    (S::Resources, "mark-clear", "resources", "<space>", Hides("1 marked")),
    (S::Panes, "costs", "machines", "", Shows("Asking what it costs")),
    (S::Costs, "explain", "costs", "", Shows("linux-per-second")),
    (S::Costs, "by-next", "costs", "", Shows("ADDRESS")),
    (S::Costs, "by-previous", "costs", "", Shows("2026-01-01")),
    (S::Costs, "end-or-remove", "costs", "", Shows("Cancel")),
    (S::Costs, "end-or-remove", "stored", "", Shows("Cancel")),
    (S::Costs, "go-to-machine", "costs", "", Shows("build2")),
    (S::Costs, "go-to-job", "costs", "", Shows("1 Tests")),
    (S::List, "sort-cost", "costs", "", Shows("MONTH▾")),
    (S::List, "sort-cost", "spending", "", Shows("$/H▾")),
    (S::Panes, "next-pane", "machines", "", Shows("linux-dev-old")),
    (S::Panes, "previous-pane", "images", "", Shows("build2")),
    (S::Panes, "run-tests", "images", "", Changes),
    (S::Panes, "quit", "images", "", Shows("Stay")),
    (S::Panes, "stay", "images", "", Shows("`q` leaves hga")),
    (S::Panes, "unfilter", "jobs", "/fail<enter>", Shows("j-pass22")),
    (S::Panes, "demo", "images", "", Asks("Submit")),
    (S::Machines, "describe", "machine", "", Changes),
    (S::Machines, "shell", "machine", "", Asks("Shell(")),
    (S::Machines, "terminate", "machine", "", Shows("Cancel")),
    (S::Machines, "launch", "machine", "", Changes),
    (S::Machines, "extend", "machine", "", Asks("Extend(")),
    (S::Machines, "shorten", "machine", "", Asks("Extend(")),
    (S::Machines, "go-to-job", "machine", "", Shows("1 Tests")),
    (S::Images, "describe", "images", "", Changes),
    (S::Images, "bootstrap", "images", "", Changes),
    (S::Images, "launch", "images", "", Changes),
    (S::Images, "remove-image", "images", "", Shows("Cancel")),
    (S::Jobs, "open", "under way", "", Shows("1 Tests")),
    (S::Jobs, "output", "under way", "", Asks("Output(")),
    (S::Jobs, "describe", "under way", "", Shows("run-tests-linux")),
    (S::Jobs, "stop", "under way", "", Shows("Cancel")),
    (S::Jobs, "attach", "left", "", Asks("Attach(")),
    (S::Jobs, "go-to-machine", "under way", "", Shows("build2")),
    (S::Jobs, "shell", "under way", "", Asks("Shell(")),
    (S::Log, "log-targets", "log", "", Shows("TARGETS")),
    (S::Log, "log-up", "log", "", Asks("Log(Up")),
    (S::Log, "log-down", "log", "", Asks("Log(Down")),
    (S::Log, "log-less", "log", "", Asks("Log(Less")),
    (S::Log, "log-more", "log", "", Asks("Log(More")),
    (S::Log, "log-capture-less", "log", "", Asks("Log(CaptureLess")),
    (S::Log, "log-capture-more", "log", "", Asks("Log(CaptureMore")),
    (S::Log, "log-back", "log", "", Asks("Log(PageUp")),
    (S::Log, "log-on", "log", "", Asks("Log(PageDown")),
    (S::Log, "log-newest", "log", "", Asks("Log(Newest")),
    (S::Log, "log-focus", "log", "", Asks("Log(Focus")),
    (S::Log, "log-hide", "log", "", Asks("Log(Hide")),
    (S::Job, "unfilter", "tests", "/copy<enter>", Shows("test-add.t")),
    (S::Job, "tests", "output", "", Shows("test-add.t")),
    (S::Job, "failures", "tests", "", Hides("test-add.t")),
    (S::Job, "output", "tests", "", Hides("test-add.t")),
    (S::Job, "summary", "tests", "", Changes),
    (S::Job, "next-tab", "tests", "", Hides("test-add.t")),
    (S::Job, "previous-tab", "failures", "", Shows("test-add.t")),
    (S::Job, "next-failure", "tests", "", Changes),
    (S::Job, "previous-failure", "tests", "", Changes),
    (S::Job, "stop", "tests", "", Shows("Cancel")),
    (S::Job, "attach", "left", "<enter>", Asks("Attach(")),
    (S::Job, "shell", "tests", "", Asks("Shell(")),
    (S::Job, "go-to-machine", "tests", "", Shows("build2")),
    (S::Job, "describe", "tests", "", Changes),
    (S::Job, "rerun", "tests", "", Changes),
    (S::Job, "back", "tests", "", Shows("3 Jobs")),
    (S::Tests, "open-test", "tests", "e", Changes),
    (S::Tests, "test-output", "tests", "e", Asks("Output(")),
    (S::Failures, "open-diff", "failures", "", Changes),
    (S::Failures, "failure-output", "failures", "", Asks("Output(")),
    (S::Failures, "diff-page-up", "short failures", "<pagedown>", Changes),
    (S::Failures, "diff-page-down", "short failures", "", Changes),
    (S::Failures, "diff-left", "narrow failures", "<right>", Changes),
    (S::Failures, "diff-right", "narrow failures", "", Changes),
    (S::Output, "follow", "output", "g", Asks("Output(")),
    (S::List, "up", "jobs", "G", Changes),
    (S::List, "down", "jobs", "<home>", Changes),
    (S::List, "page-up", "short jobs", "G", Changes),
    (S::List, "page-down", "short jobs", "<home>", Changes),
    (S::List, "first", "jobs", "G", Changes),
    (S::List, "last", "jobs", "<home>", Changes),
    (S::List, "filter", "jobs", "", Changes),
    (S::List, "sort-name", "jobs", "", Changes),
    (S::List, "sort-age", "jobs", "", Changes),
    (S::List, "sort-state", "jobs", "", Changes),
    (S::List, "sort-time", "jobs", "", Changes),
    (S::List, "sort-left", "jobs", "N", Changes),
    (S::List, "sort-right", "jobs", "N", Changes),
    (S::List, "sort-flip", "jobs", "N", Changes),
    (S::Images, "mark", "images", "<home>", Shows("1 marked")),
    (S::Images, "mark-range", "images", "<home><space>", Shows("2 marked")),
    (S::Images, "mark-clear", "images", "<home><space>", Hides("1 marked")),
    (S::Machines, "mark", "machines", "<home>", Shows("1 marked")),
    (S::Machines, "mark-range", "machines", "<home><space>jj", Changes),
    (S::Machines, "mark-clear", "machines", "<home><space>", Hides("1 marked")),
    (S::List, "copy", "under way", "", Asks("Copy(")),
    (S::Help, "find", "help", "", Changes),
    (S::Text, "line-up", "help", "<down>", Changes),
    (S::Text, "line-down", "help", "", Changes),
    (S::Output, "scroll-left", "narrow output", "<right><right>", Changes),
    (S::Output, "scroll-right", "narrow output", "", Changes),
    (S::Text, "text-page-up", "help", "<end>", Changes),
    (S::Text, "text-page-down", "help", "", Changes),
    (S::Text, "half-up", "help", "<end>", Changes),
    (S::Text, "half-down", "help", "", Changes),
    (S::Text, "top", "help", "<end>", Changes),
    (S::Text, "bottom", "help", "", Changes),
    (S::Output, "search", "output", "", Changes),
    (S::Output, "next-hit", "output", "/said<enter>", Asks("Output(")),
    (S::Output, "previous-hit", "output", "/said<enter>", Asks("Output(")),
    (S::Output, "wrap", "narrow output", "", Changes),
    (S::Output, "copy-line", "output", "", Asks("Copy(")),
    (S::Line, "accept", "jobs", "/fail", Changes),
    (S::Line, "drop", "jobs", "/fail", Shows("j-pass22")),
    (S::Form, "next-field", "form", "", Changes),
    (S::Form, "previous-field", "form", "", Changes),
    (S::Form, "next-choice", "form", "<tab><tab><tab>", Changes),
    (S::Form, "previous-choice", "form", "<tab><tab><tab>", Changes),
    (S::Form, "complete-back", "form", "<ctrl-u>test-c", Changes),
    (S::Form, "complete", "form", "<ctrl-u>test-c", Changes),
    (S::Form, "submit", "form", "<ctrl-u>test-add.t<tab>", Asks("Submit(")),
    (S::Form, "close-form", "form", "", Changes),
    (S::Dialog, "next-button", "dialog", "", Changes),
    (S::Dialog, "previous-button", "dialog", "<tab>", Changes),
    (S::Dialog, "dialog-up", "short dialog", "<pagedown>", Changes),
    (S::Dialog, "dialog-down", "short dialog", "", Changes),
    (S::Dialog, "press", "dialog", "<tab>", Asks("Submit(")),
    (S::Dialog, "cancel", "dialog", "<tab>", Hides("Cancel")),
    (S::Palette, "line-before", "palette", "<down>", Changes),
    (S::Palette, "line-after", "palette", "", Changes),
    (S::Palette, "run", "palette", "theme", Shows("theme: light")),
    (S::Palette, "close-palette", "palette", "", Changes),
    (S::Page, "close", "help", "", Hides("Keys that hold here")),
];

/// The screens that triples begin from.
fn open(name: &str) -> Desk {
    let sized = |columns, rows, keys: &str| {
        let mut desk = Desk::full(columns, rows, ThemeName::Dark);
        desk.keys(keys);
        desk
    };
    let at = |columns, rows, job: &str, keys: &str| {
        let mut desk = Desk::full(columns, rows, ThemeName::Dark);
        desk.choose_job(job);
        desk.keys(keys);
        desk
    };
    let machine = |keys: &str| {
        let mut desk = Desk::full(80, 24, ThemeName::Dark);
        desk.choose_machine(MACHINE);
        desk.keys(keys);
        desk
    };
    let output = |columns, rows| {
        let mut desk = at(columns, rows, UNDER_WAY, "<enter>3");
        desk.wait_for("the last line");
        desk
    };
    match name {
        "machines" => sized(80, 24, "1"),
        "machine" => machine(""),
        "images" => sized(80, 24, "2<home>"),
        "jobs" => sized(80, 24, "3"),
        "short jobs" => sized(80, 8, "3"),
        "resources" => sized(80, 24, "5<home>j"),
        "log" => sized(80, 24, "4"),
        "costs" | "stored" | "spending" => {
            let mut desk = Desk::charged(80, 24, ThemeName::Dark);
            desk.keys(match name {
                "stored" => "6/ami-<enter>",
                "spending" => "1",
                _ => "6<home>",
            });
            desk
        }
        "under way" => at(80, 24, UNDER_WAY, ""),
        "left" => at(80, 24, LEFT, ""),
        "tests" => at(80, 24, UNDER_WAY, "<enter>1"),
        "failures" => at(80, 24, UNDER_WAY, "<enter>2"),
        "short failures" => at(80, 16, UNDER_WAY, "<enter>2"),
        "narrow failures" => at(20, 24, UNDER_WAY, "<enter>2"),
        "output" => output(80, 24),
        "narrow output" => output(40, 12),
        "form" => sized(80, 24, "2r"),
        "dialog" => {
            let mut desk = Desk::full(80, 24, ThemeName::Dark);
            desk.choose_machine("m-begin2");
            desk.keys("<ctrl-d>");
            desk
        }
        "short dialog" => sized(80, 9, "1<home><space><space><space><space><ctrl-d>"),
        "palette" => sized(80, 24, "2:"),
        "help" => sized(80, 12, "2<f1>"),
        _ => panic!("no screen `{name}`"),
    }
}

#[test]
fn every_row_of_the_table_has_a_triple() {
    let told: BTreeSet<(Scope, &str)> = TRIPLES.iter().map(|(scope, name, ..)| (*scope, *name)).collect();
    let rows: BTreeSet<(Scope, &str)> = TABLE.iter().map(|row| (row.scope, row.name)).collect();
    assert_eq!(rows.difference(&told).collect::<Vec<_>>(), Vec::<&(Scope, &str)>::new(), "rows without a triple");
}

#[test]
fn every_key_does_what_its_row_says() {
    let mut wrong = Vec::new();
    for (scope, name, screen, keys, then) in TRIPLES {
        let Some(row) = row(*scope, name) else { continue };
        // a command without a key is done in the palette
        let by_name = format!(":{name}<enter>");
        let pressed: Vec<String> = match row.keys {
            [] => vec![by_name],
            keys => keys.iter().map(|key| format!("<{key}>")).collect(),
        };
        for key in pressed {
            let mut desk = open(screen);
            desk.keys(keys);
            desk.quiet();
            let before = desk.text();
            desk.asked.clear();
            desk.keys(&key);
            if !desk.asked.is_empty() && matches!(then, Changes) {
                desk.settle(&before);
            }
            let after = desk.text();
            let held = match then {
                Shows(text) => !before.contains(text) && after.contains(text),
                Hides(text) => before.contains(text) && !after.contains(text),
                Asks(effect) => desk.asked.iter().any(|asked| format!("{asked:?}").starts_with(effect)),
                // a notice that the key was refused is no change
                Changes => {
                    let refused = desk
                        .app
                        .model
                        .notice
                        .as_ref()
                        .is_some_and(|notice| notice.text.starts_with(&format!("{name}: ")));
                    before != after && !refused
                }
            };
            if !held {
                wrong.push(format!("{scope:?} {name} ({key} on {screen}, {keys}), asked: {:?}\n{after}", desk.asked));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the keys do not do what their rows say:\n{}", wrong.len(), wrong.join("\n"));
}
