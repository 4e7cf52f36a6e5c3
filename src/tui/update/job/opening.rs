//! From a test to what there is to read of it: its diff, its place in the output, what is known of it.

use super::super::{output, say};
use crate::domain::escape_line;
use crate::store::Store;
use crate::tui::effect::Effect;
use crate::tui::model::{JobTab, Modal, Model, Page, TestKey, TestRow, Tone, failure_keys, test_facts, test_row};

/// Opens the selected test: a failure's diff, the output so far of one that runs, what is known of any other.
pub(super) fn open(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some(screen) = &mut model.job else { return Vec::new() };
    let (Some(key), Some(job)) = (screen.tests.selected, store.job(&screen.id)) else { return Vec::new() };
    let Some(row) = test_row(job, key) else { return Vec::new() };
    match (row, key) {
        (TestRow::Ended(test), TestKey::Ended(place)) if test.outcome.is_failure() => {
            if !screen.failure_rows.contains(&place) {
                screen.failures.filter.clear();
                screen.failure_rows = failure_keys(&screen.failures, job, &model.durations);
            }
            let row = screen.failure_rows.iter().position(|other| *other == place).unwrap_or(0);
            screen.failures.select(&screen.failure_rows, row);
            screen.tab = JobTab::Failures;
            Vec::new()
        }
        (TestRow::Running(test), _) => {
            let facts = test_facts(row, &model.durations, model.now).join(", ");
            let text = format!("{}: {facts}; what was printed since it began follows", test.name);
            let effects = output_of_test(model, store);
            say(model, Tone::Info, &text);
            effects
        }
        _ => {
            let facts = test_facts(row, &model.durations, model.now);
            let mut lines: Vec<(String, bool)> = facts.into_iter().map(|line| (line, false)).collect();
            let runs = job.tests.ended.iter().filter(|test| test.name == row.name()).count();
            if runs > 1 {
                lines.push((format!("one of {runs} runs of this test in this job"), false));
            }
            lines.push((String::new(), false));
            lines.push(("`l` on the test goes to its place in the output".to_owned(), false));
            model.modals.push(Modal::Page(Page { title: escape_line(row.name()), lines, top: 0 }));
            Vec::new()
        }
    }
}

/// To where the selected test shows in the output.
pub(super) fn output_of_test(model: &mut Model, store: &Store) -> Vec<Effect> {
    let key = model.job.as_ref().and_then(|screen| screen.tests.selected);
    key.map_or_else(Vec::new, |key| output_of(model, store, key))
}

/// To where the selected failure shows in the output.
pub(super) fn output_of_failure(model: &mut Model, store: &Store) -> Vec<Effect> {
    let key = model.job.as_ref().and_then(|screen| screen.failures.selected);
    key.map_or_else(Vec::new, |place| output_of(model, store, TestKey::Ended(place)))
}

fn output_of(model: &mut Model, store: &Store, key: TestKey) -> Vec<Effect> {
    let Some(screen) = &mut model.job else { return Vec::new() };
    let Some(row) = store.job(&screen.id).and_then(|job| test_row(job, key)) else { return Vec::new() };
    screen.tab = JobTab::Output;
    if let (TestRow::Ended(test), TestKey::Ended(place)) = (row, key)
        && test.outcome.is_failure()
    {
        screen.failure_in_output = Some(place);
    }
    output::go_to_byte(model, row.output())
}

/// To the next failure or the one before: its diff, or in the output its place there.
pub(super) fn failure(model: &mut Model, store: &Store, by: isize) -> Vec<Effect> {
    let Some(screen) = &mut model.job else { return Vec::new() };
    // the first key shows the one that is selected
    let shown = match screen.tab {
        JobTab::Failures => true,
        JobTab::Output => screen.failure_in_output == screen.failures.selected,
        JobTab::Tests => {
            let place = screen.tests.selected.and_then(|key| match key {
                TestKey::Ended(place) => screen.failure_rows.iter().position(|other| *other == place),
                TestKey::Running(_) => None,
            });
            if let Some(place) = place {
                screen.failures.select(&screen.failure_rows, place);
            }
            false
        }
        JobTab::Summary => false,
    };
    let before = screen.failures.selected;
    if shown {
        screen.failures.step(&screen.failure_rows, by);
    }
    let Some(place) = screen.failures.selected else {
        say(model, Tone::Info, "no failure is shown with this filter");
        return Vec::new();
    };
    let (number, all) = (screen.failures.index + 1, screen.failure_rows.len());
    let end = shown && before == Some(place);
    if end {
        let which = if by > 0 { "last" } else { "first" };
        say(model, Tone::Info, &format!("this is the {which} of {all} failures"));
        return Vec::new();
    }
    if screen.tab == JobTab::Output {
        let name = store.job(&screen.id).and_then(|job| job.tests.ended.get(place)).map(|test| test.name.clone());
        let effects = output_of(model, store, TestKey::Ended(place));
        say(model, Tone::Info, &format!("failure {number} of {all}: {}", name.unwrap_or_default()));
        return effects;
    }
    screen.tab = JobTab::Failures;
    Vec::new()
}
