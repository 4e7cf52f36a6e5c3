//! A job's screen: tabs, tests, failures, summary. Its output has a file of its own.

use super::{arrive, home, output};
use crate::domain::JobId;
use crate::store::{JobView, Store};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{JobScreen, JobTab, Model};
use crate::tui::output::OutputRequest;

/// Opens a job's screen at a tab.
pub(super) fn open(model: &mut Model, store: &Store, id: JobId, tab: JobTab) -> Vec<Effect> {
    model.modals.clear();
    model.line = None;
    let mut effects = vec![Effect::Output(OutputRequest::Open(id.clone()))];
    let here = store.job(&id).is_some_and(JobView::is_whole);
    if !here || arrive::is_over(model, store, &id) {
        effects.push(Effect::Load(id.clone()));
    }
    let mut screen = JobScreen::new(id, tab);
    screen.loaded = here;
    model.job = Some(Box::new(screen));
    effects.extend(output::shown(model));
    effects
}

/// Goes back to the panes.
pub(super) fn close(model: &mut Model) -> Vec<Effect> {
    match model.job.take() {
        Some(screen) => {
            model.home.jobs.selected = Some(screen.id);
            vec![Effect::Output(OutputRequest::Close)]
        }
        None => Vec::new(),
    }
}

/// Does what a person means on a job's screen.
pub(super) fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    let page = model.painted.height.max(1);
    let Some(screen) = &mut model.job else { return Vec::new() };
    match action {
        Action::Back => return close(model),
        Action::Next | Action::Previous => {
            let place = JobTab::ALL.iter().position(|tab| *tab == screen.tab).unwrap_or(0);
            let by = if action == Action::Next { 1 } else { JobTab::ALL.len() - 1 };
            screen.tab = JobTab::ALL[(place + by) % JobTab::ALL.len()];
        }
        Action::Tab(number) => {
            if let Some(tab) = JobTab::ALL.get(usize::from(number).saturating_sub(1)) {
                screen.tab = *tab;
            }
        }
        action => match screen.tab {
            JobTab::Tests => {
                let rows = std::mem::take(&mut screen.test_rows);
                let effects = home::list(&mut screen.tests, &rows, page, action, |_| String::new());
                screen.test_rows = rows;
                return effects;
            }
            JobTab::Failures => {
                let keys = store.job(&screen.id).map(failures).unwrap_or_default();
                return home::list(&mut screen.failures, &keys, page, action, ToString::to_string);
            }
            JobTab::Output => return output::act(model, action),
            JobTab::Summary => {}
        },
    }
    Vec::new()
}

/// The failures of a job, by their place among the ended tests.
pub(super) fn failures(job: &JobView) -> Vec<usize> {
    (0..job.tests.ended.len()).filter(|index| job.tests.ended[*index].outcome.is_failure()).collect()
}

/// Takes back which row the frame showed first.
pub(super) fn fed_back(screen: &mut JobScreen, offset: usize) {
    match screen.tab {
        JobTab::Tests => screen.tests.offset = offset,
        JobTab::Failures => screen.failures.offset = offset,
        JobTab::Output | JobTab::Summary => {}
    }
}
