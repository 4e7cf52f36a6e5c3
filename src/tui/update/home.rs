//! The panes: moving, sorting, marking, opening.

use super::{job, turned};
use crate::domain::money::Grouping;
use crate::domain::{JobId, JobState, Operation, ResourceRef};
use crate::store::Store;
use crate::tui::action::{Action, SortBy};
use crate::tui::effect::Effect;
use crate::tui::model::{
    GROUPINGS, Hit, JobTab, List, Model, Order, Pane, cost_rows, group_rows, image_key, image_rows, job_rows,
    machine_rows, resource_rows,
};

/// How often everything is asked for while it is shown, in seconds.
const RESOURCES: i64 = 30;

/// Does what a person means on the panes.
pub(super) fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    match action {
        Action::Next | Action::Previous => {
            model.home.pane = turned(&Pane::ALL, model.home.pane, action == Action::Next);
        }
        Action::Tab(number) => {
            if let Some(pane) = Pane::ALL.get(usize::from(number).saturating_sub(1)) {
                model.home.pane = *pane;
            }
        }
        Action::Open | Action::GoToJob | Action::GoToOutput => {
            let job: Option<JobId> = model.job_here().cloned();
            // what ends and removes things has no tests to show
            let removes = job.as_ref().and_then(|id| model.operation_of(store, id));
            let removes = matches!(removes, Some(Operation::Apply { .. }));
            let tab = match action {
                Action::GoToOutput => JobTab::Output,
                _ if removes => JobTab::Summary,
                _ => JobTab::Tests,
            };
            return job.map_or_else(Vec::new, |id| job::open(model, store, id, tab));
        }
        Action::TellApart(by) => {
            let by = turned(&GROUPINGS, model.money.by(), by > 0);
            let now = model.now;
            model.money.turn(by, now);
        }
        Action::Sort(by) => sort(model, by),
        action => {
            let page = model.painted.height.max(1);
            match model.home.pane {
                Pane::Machines => {
                    let keys = machine_keys(model, store);
                    return list(&mut model.home.machines, &keys, page, action, |(_, id)| id.to_string());
                }
                Pane::Images => {
                    let keys = image_keys(model);
                    return list(&mut model.home.images, &keys, page, action, |(_, id)| id.clone());
                }
                Pane::Jobs => {
                    let keys = job_keys(model, store);
                    return list(&mut model.home.jobs, &keys, page, action, ToString::to_string);
                }
                Pane::Resources => {
                    let keys = resource_keys(model);
                    return list(&mut model.home.resources, &keys, page, action, |at| at.id.clone());
                }
                Pane::Costs if model.money.by() == Grouping::Thing => {
                    let keys = cost_keys(model);
                    return list(&mut model.home.costs, &keys, page, action, |at| at.id.clone());
                }
                Pane::Costs => {
                    let keys = group_keys(model);
                    return list(&mut model.home.cost_groups, &keys, page, action, Clone::clone);
                }
                Pane::Log => {}
            }
        }
    }
    Vec::new()
}

/// The keys of the rows, in their order.
pub(super) fn machine_keys(
    model: &Model,
    store: &Store,
) -> Vec<(crate::domain::ProviderKind, crate::domain::MachineId)> {
    machine_rows(model, store).iter().map(|row| (row.machine.provider, row.machine.id.clone())).collect()
}

/// The keys of the rows, in their order.
pub(super) fn image_keys(model: &Model) -> Vec<(crate::domain::ProviderKind, String)> {
    image_rows(model).iter().map(|row| image_key(row.image)).collect()
}

/// The keys of the rows, in their order.
pub(super) fn resource_keys(model: &Model) -> Vec<ResourceRef> {
    resource_rows(model).iter().map(|row| row.resource.at.clone()).collect()
}

/// The keys of the rows, in their order.
pub(super) fn cost_keys(model: &Model) -> Vec<ResourceRef> {
    cost_rows(model).iter().map(|row| row.at.clone()).collect()
}

/// The keys of the rows, in their order.
pub(super) fn group_keys(model: &Model) -> Vec<String> {
    group_rows(model).iter().map(|row| row.sum.key.clone()).collect()
}

/// The keys of the rows, in their order.
pub(super) fn job_keys(model: &Model, store: &Store) -> Vec<JobId> {
    job_rows(model, store).iter().map(|row| row.summary.id.clone()).collect()
}

/// How the list shown is sorted.
fn order(model: &mut Model) -> Option<&mut Order> {
    let home = &mut model.home;
    match home.pane {
        Pane::Machines => Some(&mut home.machines.order),
        Pane::Images => Some(&mut home.images.order),
        Pane::Jobs => Some(&mut home.jobs.order),
        Pane::Resources => Some(&mut home.resources.order),
        Pane::Costs if model.money.by() == Grouping::Thing => Some(&mut home.costs.order),
        Pane::Costs => Some(&mut home.cost_groups.order),
        Pane::Log => None,
    }
}

fn sort(model: &mut Model, by: SortBy) {
    let column = if model.home.pane == Pane::Costs && model.money.by() != Grouping::Thing {
        // a group has a name, an amount and a time
        match by {
            SortBy::Name => Some(0),
            SortBy::Cost => Some(1),
            SortBy::Time => Some(7),
            _ => None,
        }
    } else {
        model.home.pane.column(by)
    };
    let heads = model.painted.hits.iter().filter_map(|(_, hit)| match hit {
        Hit::Head(column) => Some(*column),
        _ => None,
    });
    let shown: Vec<usize> = heads.collect();
    let Some(order) = order(model) else { return };
    match (by, column) {
        (SortBy::Step(by), _) => order.step(&shown, by > 0),
        (SortBy::Flip, _) => order.descending = !order.descending,
        // the dearest first
        (SortBy::Cost, Some(column)) if order.column != Some(column) => {
            *order = Order { column: Some(column), descending: true };
        }
        (_, Some(column)) => order.by(column),
        (_, None) => {}
    }
}

/// Sorts the list shown by a column, as a click on its head means.
pub(super) fn sort_by(model: &mut Model, column: usize) {
    if let Some(order) = order(model) {
        order.by(column);
    }
}

/// What the pane shown wants to know more of: the counts of jobs in sight that are over and not in the store, asked
/// for once each.
pub(super) fn wanted(model: &mut Model, store: &Store) -> Option<Effect> {
    if model.job.is_some() || model.home.pane != Pane::Jobs || !model.modals.is_empty() {
        return None;
    }
    let height = if model.painted.height == 0 { usize::from(model.size.1) } else { model.painted.height };
    let jobs: Vec<JobId> = job_rows(model, store)
        .iter()
        .skip(model.home.jobs.offset)
        .take(height)
        .filter(|row| row.view.is_none() && row.state() == JobState::Ended)
        .map(|row| row.summary.id.clone())
        .filter(|id| !model.counts_asked.contains(id))
        .collect();
    model.counts_asked.extend(jobs.iter().cloned());
    (!jobs.is_empty()).then_some(Effect::Count(jobs))
}

/// Everything is asked for when its pane is opened, and now and then while it is: a lot has to be asked for it.
pub(super) fn watched(model: &mut Model) -> Option<Effect> {
    if model.job.is_some() || !matches!(model.home.pane, Pane::Resources | Pane::Costs) {
        return None;
    }
    let due = model.home.resources_asked.is_none_or(|at| model.now.duration_since(at).as_secs() >= RESOURCES);
    due.then(|| {
        model.home.resources_asked = Some(model.now);
        Effect::Resources
    })
}

/// What moves, sorts and marks any list; `text` is what copying a row gives.
pub(super) fn list<K: Ord + Clone>(
    list: &mut List<K>,
    keys: &[K],
    page: usize,
    action: Action,
    text: impl Fn(&K) -> String,
) -> Vec<Effect> {
    let page = isize::try_from(page).unwrap_or(1);
    match action {
        Action::Up => list.step(keys, -1),
        Action::Down => list.step(keys, 1),
        Action::PageUp => list.step(keys, -page),
        Action::PageDown => list.step(keys, page),
        Action::Top => list.select(keys, 0),
        Action::Bottom => list.select(keys, keys.len()),
        Action::Mark => list.mark(keys),
        Action::MarkRange => list.mark_range(keys),
        Action::MarkClear => list.marks.clear(),
        Action::Copy => return list.selected.iter().map(|key| Effect::Copy(text(key))).collect(),
        _ => {}
    }
    Vec::new()
}

/// Brings the list shown in line with what there is.
pub(super) fn settle(model: &mut Model, store: &Store) {
    if model.job.is_some() {
        return;
    }
    match model.home.pane {
        Pane::Machines => {
            let keys = machine_keys(model, store);
            model.home.machines.settle(&keys);
        }
        Pane::Images => {
            let keys = image_keys(model);
            model.home.images.settle(&keys);
        }
        Pane::Jobs => {
            let keys = job_keys(model, store);
            model.home.jobs.settle(&keys);
        }
        Pane::Resources => {
            let keys = resource_keys(model);
            model.home.resources.settle(&keys);
        }
        Pane::Costs if model.money.by() == Grouping::Thing => {
            let keys = cost_keys(model);
            model.home.costs.settle(&keys);
        }
        Pane::Costs => {
            let keys = group_keys(model);
            model.home.cost_groups.settle(&keys);
        }
        Pane::Log => {}
    }
}

/// Takes back which row the frame showed first.
pub(super) fn fed_back(model: &mut Model, offset: usize) {
    let home = &mut model.home;
    match home.pane {
        Pane::Machines => home.machines.offset = offset,
        Pane::Images => home.images.offset = offset,
        Pane::Jobs => home.jobs.offset = offset,
        Pane::Resources => home.resources.offset = offset,
        Pane::Costs if model.money.by() == Grouping::Thing => home.costs.offset = offset,
        Pane::Costs => home.cost_groups.offset = offset,
        Pane::Log => {}
    }
}
