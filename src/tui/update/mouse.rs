//! The mouse: a click is what lies under it, a second one on the same row opens it, the wheel moves the list or text.

use super::{act, command, home, item, job};
use crate::store::Store;
use crate::tui::action::{Action, LogMove};
use crate::tui::effect::Effect;
use crate::tui::model::{Hit, List, Modal, Model, Pane};
use crate::tui::msg::Mouse;
use ratatui::layout::Position;

/// Rows that one notch of the wheel moves.
const NOTCH: usize = 3;

/// Takes the mouse in.
pub(super) fn update(model: &mut Model, store: &Store, mouse: Mouse, column: u16, row: u16) -> Vec<Effect> {
    match mouse {
        Mouse::ScrollUp => wheel(model, store, Action::Up, LogMove::PageUp),
        Mouse::ScrollDown => wheel(model, store, Action::Down, LogMove::PageDown),
        Mouse::Click => {
            let at = Position::new(column, row);
            let hit = model.painted.hits.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, hit)| *hit);
            hit.map_or_else(Vec::new, |hit| click(model, store, hit))
        }
    }
}

/// The wheel moves what lies uppermost, and nothing below it.
fn wheel(model: &mut Model, store: &Store, action: Action, log: LogMove) -> Vec<Effect> {
    match model.modals.last() {
        Some(Modal::Form(_) | Modal::Dialog(_)) => return Vec::new(),
        None if model.job.is_none() && model.home.pane == Pane::Log => return vec![Effect::Log(log)],
        _ => {}
    }
    let mut effects = Vec::new();
    for _ in 0..NOTCH {
        // while a filter is typed, the list below it is what moves
        let more = if model.modals.is_empty() { command(model, store, action) } else { act(model, store, action) };
        effects.extend(more.into_iter().filter(|effect| !effects.contains(effect)).collect::<Vec<_>>());
    }
    effects
}

fn click(model: &mut Model, store: &Store, hit: Hit) -> Vec<Effect> {
    if model.modals.is_empty() && !matches!(hit, Hit::Do(Action::Open | Action::Back)) {
        // whoever clicks elsewhere is done with typing
        model.line = None;
    }
    match (model.modals.last_mut(), hit) {
        (_, Hit::Do(action)) => act(model, store, action),
        (None, Hit::Row(_) | Hit::Head(_)) if model.job.is_some() => job::click(model, store, hit),
        (None, Hit::Row(place)) => row(model, store, place),
        (None, Hit::Head(column)) => {
            home::sort_by(model, column);
            Vec::new()
        }
        (Some(_), Hit::Item(place) | Hit::Row(place)) => item(model, store, place),
        _ => Vec::new(),
    }
}

/// Selects a row; the selected one is opened.
fn row(model: &mut Model, store: &Store, place: usize) -> Vec<Effect> {
    fn select<K: Ord + Clone>(list: &mut List<K>, keys: &[K], place: usize) -> bool {
        let again = keys.get(place).is_some_and(|key| list.selected.as_ref() == Some(key));
        list.select(keys, place);
        again
    }
    let again = match model.home.pane {
        Pane::Machines => {
            let keys = home::machine_keys(model, store);
            select(&mut model.home.machines, &keys, place)
        }
        Pane::Images => {
            let keys = home::image_keys(model);
            select(&mut model.home.images, &keys, place)
        }
        Pane::Jobs => {
            let keys = home::job_keys(model, store);
            select(&mut model.home.jobs, &keys, place)
        }
        Pane::Log => false,
        Pane::Resources => {
            let keys = home::resource_keys(model);
            select(&mut model.home.resources, &keys, place)
        }
        Pane::Costs if model.money.by() == crate::domain::money::Grouping::Thing => {
            let keys = home::cost_keys(model);
            select(&mut model.home.costs, &keys, place)
        }
        Pane::Costs => {
            let keys = home::group_keys(model);
            select(&mut model.home.cost_groups, &keys, place)
        }
    };
    // what Enter does on that row
    let open = match (&model.job, model.home.pane) {
        (None, Pane::Machines | Pane::Images | Pane::Resources | Pane::Costs) => Action::Describe,
        _ => Action::Open,
    };
    if again { act(model, store, open) } else { Vec::new() }
}
