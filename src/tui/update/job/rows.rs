//! Brings a job's screen in line with what the store has: rows are made anew only when the tests, the order or the filter
//! changed, so that a frame costs the same with ten tests and with ten thousand.

use crate::store::{JobView, Store, eta};
use crate::tui::model::{JobScreen, JobTab, List, MadeFrom, Model, failure_keys, summary, test_keys, test_now};

/// Brings the job shown in line with the store.
pub(in crate::tui::update) fn settle(model: &mut Model, store: &Store) {
    let Some(mut screen) = model.job.take() else { return };
    if let Some(job) = store.job(&screen.id) {
        if let Some(key) = &mut screen.tests.selected {
            *key = test_now(job, *key);
        }
        make(model, &mut screen, job);
        stay(&mut screen.tests, &screen.test_rows);
        stay(&mut screen.failures, &screen.failure_rows);
        if screen.diff_of != screen.failures.selected {
            screen.diff_of = screen.failures.selected;
            screen.diff_top = 0;
            screen.diff_left = 0;
        }
        if screen.failures.selected.is_none() {
            screen.reading = false;
        }
        // once a second is often enough to reckon with every test
        if screen.eta.is_none_or(|(at, left)| at != model.now || left.is_none()) {
            screen.eta = Some((model.now, eta(job, &model.durations, model.now)));
        }
        if screen.costs_at != Some(model.now) {
            screen.phase_costs = model.money.phases(&screen.id, model.now);
            screen.costs_at = Some(model.now);
        }
        let of = Some((job.last_seq(), model.now));
        if screen.tab == JobTab::Summary && screen.summary_of != of {
            screen.summary = summary(model, &screen, job);
            screen.summary_of = of;
        }
    }
    model.job = Some(screen);
}

fn make(model: &Model, screen: &mut JobScreen, job: &JobView) {
    let same = screen.made.as_ref().is_some_and(|made| {
        made.version == job.tests.version
            && made.whole == job.is_whole()
            && made.tests.1 == screen.tests.order
            && made.failures.1 == screen.failures.order
            && made.tests.0 == screen.tests.filter
            && made.failures.0 == screen.failures.filter
    });
    if same {
        return;
    }
    screen.test_rows = test_keys(&screen.tests, job, &model.durations);
    screen.failure_rows = failure_keys(&screen.failures, job, &model.durations);
    screen.times_made += 1;
    screen.made = Some(MadeFrom {
        version: job.tests.version,
        whole: job.is_whole(),
        tests: (screen.tests.filter.clone(), screen.tests.order),
        failures: (screen.failures.filter.clone(), screen.failures.order),
    });
}

/// The selection stays with its row; a look at its place is enough while nothing moved.
fn stay<K: Ord + Clone>(list: &mut List<K>, rows: &[K]) {
    if list.selected.is_none() || list.selected.as_ref() != rows.get(list.index) {
        list.settle(rows);
    }
}
