//! Dialogs: the plan before anything is ended, and the question when leaving. The first button does nothing and is marked
//! to begin with; what a dialog says is made anew when what it is about changes, and then the first button is marked again.

mod money;
mod words;

use super::{line, say};
use crate::domain::{
    BootstrapSpec, CancelLevel, CleanupVerdict, CloudWish, JobId, JobState, MachineId, OnError, Operation, Owners,
    Plan, PlanVerb, ProviderKind, ResourceRef, TestSource, Working, escape_line,
};
use crate::session::{Error, PlanRequest, Proposal};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Leave};
use crate::tui::model::{Dialog, DialogKind, LineTone as L, Modal, Model, Page, Pane, Tone, wrapped};
pub(super) use words::ends_itself;
use words::make;

/// Shows what ending the chosen machines would do.
pub(super) fn terminate(model: &mut Model, store: &Store) -> Vec<Effect> {
    let chosen = if model.job.is_none() && model.home.pane == Pane::Machines {
        model.home.machines.chosen()
    } else {
        model.machine_here(store).map(|machine| (machine.provider, machine.id.clone())).into_iter().collect()
    };
    if chosen.is_empty() {
        return Vec::new();
    }
    let plan = plan(model, store, &chosen);
    push(model, store, DialogKind::Terminate(chosen, plan))
}

/// Has it planned what removing the chosen images would do: they go with what they consist of.
pub(super) fn remove_images(model: &mut Model, store: &Store) -> Vec<Effect> {
    let chosen = model.home.images.chosen();
    let providers: Vec<ProviderKind> = chosen.iter().map(|(provider, _)| *provider).collect();
    let ids = chosen.into_iter().map(|(_, id)| id).collect();
    plan_of(model, store, PlanVerb::RemoveImages, &providers, ids, Vec::new())
}

/// Has it planned what removing the chosen things would do.
pub(super) fn remove(model: &mut Model, store: &Store) -> Vec<Effect> {
    let chosen = model.home.resources.chosen();
    let providers: Vec<ProviderKind> = chosen.iter().map(|at| at.provider).collect();
    let ids = chosen.iter().map(|at| at.id.clone()).collect();
    plan_of(model, store, PlanVerb::Remove, &providers, ids, chosen)
}

pub(super) fn plan_of(
    model: &mut Model,
    store: &Store,
    verb: PlanVerb,
    providers: &[ProviderKind],
    ids: Vec<String>,
    chosen: Vec<ResourceRef>,
) -> Vec<Effect> {
    let Some(first) = providers.first() else { return Vec::new() };
    // nobody waits for a cloud to remove what is on this computer
    let provider = providers.iter().all(|other| other == first).then_some(*first);
    begin_planning(model, store, PlanRequest { verb, owners: Owners::Mine, provider, chosen: Some(ids) }, chosen)
}

/// Has it planned what a sweep of all that is ours on AWS would do.
pub(super) fn sweep(model: &mut Model, store: &Store, verb: PlanVerb) -> Vec<Effect> {
    let request = PlanRequest { verb, owners: Owners::Mine, provider: Some(ProviderKind::Aws), chosen: None };
    begin_planning(model, store, request, Vec::new())
}

fn begin_planning(model: &mut Model, store: &Store, request: PlanRequest, chosen: Vec<ResourceRef>) -> Vec<Effect> {
    push(model, store, DialogKind::Planning(request.clone(), chosen));
    vec![Effect::Plan(request)]
}

/// A plan is there, or cannot be made: shown in place of the dialog that waits for it. One that nobody waits for any more
/// is not shown.
pub(super) fn planned(model: &mut Model, store: &Store, request: &PlanRequest, answer: Result<Proposal, Error>) {
    let waits = |modal: &Modal| match modal {
        Modal::Dialog(dialog) => match &dialog.kind {
            DialogKind::Planning(asked, chosen) if asked == request => Some(chosen.clone()),
            _ => None,
        },
        _ => None,
    };
    let Some((place, chosen)) = model.modals.iter().map(waits).enumerate().find_map(|(at, of)| Some((at, of?)))
    else {
        return;
    };
    model.modals[place] = match answer {
        Ok(Proposal { mut plan, troubles }) => {
            // the same id may stand for something else in another region
            plan.items.retain(|item| chosen.is_empty() || chosen.contains(&item.at));
            let troubles = troubles.iter().map(ToString::to_string).collect();
            Modal::Dialog(Box::new(make(model, store, DialogKind::Plan(plan, troubles))))
        }
        Err(error) => {
            let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
            let said = std::iter::once(crate::diag::chain(&error)).chain(hints);
            // a page is 100 columns wide at most, and has a frame
            let room = usize::from(model.size.0.min(100)).saturating_sub(2).max(8);
            let lines = said.flat_map(|text| wrapped(&escape_line(&text), room)).map(|line| (line, false)).collect();
            Modal::Page(Page { title: "No plan could be made".to_owned(), lines, top: 0 })
        }
    };
}

/// Asks whether the development image is to be made.
pub(super) fn bootstrap(model: &mut Model, store: &Store) -> Vec<Effect> {
    let spec = BootstrapSpec {
        distros: Vec::new(),
        parallel: false,
        on_error: OnError::default(),
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        source: TestSource::Pypi,
        lease: model.setup.lease,
        rebuild: false,
    };
    push(model, store, DialogKind::Bootstrap(spec))
}

/// Asks whether a job is to be stopped, or cut short when it is stopping already.
pub(super) fn stop_job(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some(id) = model.job_here().cloned() else { return Vec::new() };
    let level = next_level(model, store, &id);
    push(model, store, DialogKind::Stop(id, level))
}

/// Takes a job up that nobody drives.
pub(super) fn attach(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some(id) = model.job_here().cloned() else {
        say(model, Tone::Info, "no job here to take up");
        return Vec::new();
    };
    let refusal = if model.state_of(store, &id) == Some(JobState::Ended) {
        format!("job {id} is over: there is nothing to take up")
    } else if model.ours.contains(&id) {
        format!("job {id} is driven from here already")
    } else {
        return vec![Effect::Attach(id)];
    };
    say(model, Tone::Info, &refusal);
    Vec::new()
}

/// Leaves, or asks what becomes of the jobs first.
pub(super) fn quit(model: &mut Model, store: &Store) -> Vec<Effect> {
    if model.asked > 0 {
        // what it leads to may be a job of ours
        say(model, Tone::Info, "what you asked for has just been sent off; press `q` again in a moment");
        return Vec::new();
    }
    if !model.ours.is_empty() {
        let ours = model.ours.iter().cloned().collect();
        return push(model, store, DialogKind::Quit(ours));
    }
    let idle = idle(model, store);
    if idle.is_empty() {
        return vec![Effect::Leave(Leave::Quietly)];
    }
    push(model, store, DialogKind::Leave(idle))
}

/// The machines of ours that cost while no job uses them, or one that nobody drives.
fn idle(model: &Model, store: &Store) -> Vec<(ProviderKind, MachineId)> {
    super::idle::idle(model, store, true).map(|(machine, _)| (machine.provider, machine.id.clone())).collect()
}

/// What is under way on which machine, as far as anything here tells.
pub(super) fn working(model: &Model, store: &Store) -> Vec<Working> {
    let mut working = Vec::new();
    for summary in &model.jobs.value {
        if model.state_of(store, &summary.id) == Some(JobState::Ended) {
            continue;
        }
        if matches!(summary.operation, Operation::Terminate { .. } | Operation::Apply { .. }) {
            continue;
        }
        let there = || model.machine_of(store, &summary.id).map(|machine| (machine.provider, machine.id.clone()));
        let (provider, machine) = model
            .machine_told(store, &summary.id)
            .or_else(there)
            .unwrap_or_else(|| (summary.operation.provider(), MachineId::for_job(&summary.id)));
        working.push(Working { job: summary.id.clone(), provider, machine });
    }
    // a job that is not among the listed ones yet
    for id in &model.ours {
        let machine = store.job(id).and_then(|view| view.machine.as_ref());
        if let Some(machine) = machine.filter(|machine| !machine.ended)
            && !working.iter().any(|work: &Working| work.job == *id)
            && model.state_of(store, id) != Some(JobState::Ended)
        {
            working.push(Working { job: id.clone(), provider: machine.provider, machine: machine.id.clone() });
        }
    }
    working
}

fn plan(model: &Model, store: &Store, chosen: &[(ProviderKind, MachineId)]) -> Plan {
    let mut plan = Plan::terminate(chosen, &model.machines.value, &working(model, store), model.now);
    let provider = plan.items.iter().map(|item| item.at.provider).max();
    plan.account = provider.and_then(|provider| model.machines.account(provider)).map(str::to_owned);
    plan.unknown = match &model.jobs.error {
        Some(error) => Some(error.clone()),
        None if !model.jobs.here => Some("they are still being read".to_owned()),
        None => None,
    };
    model.money.priced(plan, &model.machines.value, &model.resources.value, model.now)
}

/// How firmly a job can be told to stop next; not at all when it is being cut short.
fn next_level(model: &Model, store: &Store, id: &JobId) -> CancelLevel {
    let told = store.job(id).map_or(CancelLevel::None, |job| job.cancel);
    match (told, model.state_of(store, id)) {
        (CancelLevel::Kill, _) => CancelLevel::None,
        (CancelLevel::Stop, _) | (CancelLevel::None, Some(JobState::Cancelling)) => CancelLevel::Kill,
        (CancelLevel::None, _) => CancelLevel::Stop,
    }
}

pub(super) fn push(model: &mut Model, store: &Store, kind: DialogKind) -> Vec<Effect> {
    let dialog = make(model, store, kind);
    model.modals.push(Modal::Dialog(Box::new(dialog)));
    Vec::new()
}

/// Brings open dialogs in line with jobs and machines: one that would do something else now is made anew, with its first
/// button marked; one that has nothing left to ask is closed.
pub(super) fn refresh(model: &mut Model, store: &Store) {
    let mut place = 0;
    while place < model.modals.len() {
        let Some(Modal::Dialog(dialog)) = model.modals.get(place) else {
            place += 1;
            continue;
        };
        let kind = match &dialog.kind {
            DialogKind::Terminate(chosen, _) => {
                Some(DialogKind::Terminate(chosen.clone(), plan(model, store, chosen)))
            }
            DialogKind::Stop(id, _) if model.state_of(store, id) == Some(JobState::Ended) => None,
            DialogKind::Stop(id, _) => Some(DialogKind::Stop(id.clone(), next_level(model, store, id))),
            DialogKind::Quit(_) if model.ours.is_empty() => None,
            DialogKind::Leave(_) => Some(idle(model, store)).filter(|idle| !idle.is_empty()).map(DialogKind::Leave),
            DialogKind::Quit(_) => Some(DialogKind::Quit(model.ours.iter().cloned().collect())),
            kind => Some(kind.clone()),
        };
        let Some(kind) = kind else {
            let text = match &dialog.kind {
                DialogKind::Stop(id, _) => format!("job {id} is over: nothing to stop"),
                DialogKind::Leave(_) => {
                    "no machine costs for nothing any more: `q` leaves without a question".to_owned()
                }
                _ if idle(model, store).is_empty() => "your jobs are over: `q` leaves without a question".to_owned(),
                _ => "your jobs are over: `q` asks about machines that cost all the same".to_owned(),
            };
            // in the dialog's place, so that the next key closes this and means nothing else
            let lines = vec![(escape_line(&text), false)];
            model.modals[place] = Modal::Page(Page { title: "It is over".to_owned(), lines, top: 0 });
            place += 1;
            continue;
        };
        let mut fresh = make(model, store, kind);
        if let Some(Modal::Dialog(dialog)) = model.modals.get_mut(place) {
            let same = fresh.kind == dialog.kind && fresh.buttons == dialog.buttons && fresh.demand == dialog.demand;
            let warning = (L::Warning, "This has just changed:".to_owned());
            if same {
                fresh.focus = dialog.focus;
                fresh.input = dialog.input.clone();
                fresh.top = dialog.top;
                // said until it is answered: whoever looked away for a second has to see it
                if dialog.lines.first() == Some(&warning) {
                    fresh.lines.insert(0, warning);
                }
            } else if fresh.danger {
                tracing::debug!("a dialog is made anew: it was {:?}, is {:?}", dialog.kind, fresh.kind);
                fresh.lines.insert(0, warning);
            }
            if fresh.lines != dialog.lines || !same {
                **dialog = fresh;
            }
        }
        place += 1;
    }
}

/// What is to be done once none of our jobs is left, when a person waits for that: leave, unless something remains.
pub(super) fn left(model: &mut Model, store: &Store) -> Option<Effect> {
    if !model.ours.is_empty() {
        return None;
    }
    let ended = model.leaving.take()?;
    let remains = ended
        .iter()
        .any(|id| store.job(id).is_some_and(|job| matches!(job.cleanup, Some(CleanupVerdict::Remains { .. }))));
    if remains {
        refresh(model, store);
        return None;
    }
    Some(Effect::Leave(Leave::Quietly))
}

/// Does what a person means in a dialog.
pub(super) fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    let page = model.painted.height.max(1);
    let last = model.painted.last_top;
    let Some(Modal::Dialog(dialog)) = model.modals.last_mut() else { return Vec::new() };
    let count = dialog.buttons.len().max(1);
    match action {
        Action::Next => dialog.focus = (dialog.focus + 1) % count,
        Action::Previous => dialog.focus = (dialog.focus + count - 1) % count,
        Action::PageUp => dialog.top = dialog.top.saturating_sub(page),
        Action::PageDown => dialog.top = (dialog.top + page).min(last),
        Action::Back => close(model),
        Action::Edit(chord) => {
            line::edit(&mut dialog.input, chord);
            typed(dialog);
        }
        Action::Open if dialog.focus == 0 => close(model),
        Action::Open if dialog.may_press() => {
            let (kind, focus) = (dialog.kind.clone(), dialog.focus);
            model.modals.pop();
            return press(model, store, kind, focus);
        }
        Action::Open => {
            let demand = dialog.demand.clone().unwrap_or_default();
            say(model, Tone::Info, &format!("type `{demand}` first; Esc cancels"));
        }
        _ => {}
    }
    Vec::new()
}

/// A click on a button: marks it, and presses it when it was marked.
pub(super) fn click(model: &mut Model, store: &Store, item: usize) -> Vec<Effect> {
    let Some(Modal::Dialog(dialog)) = model.modals.last_mut() else { return Vec::new() };
    if item >= dialog.buttons.len() {
        return Vec::new();
    }
    if item > 0 && dialog.focus != item {
        dialog.focus = item;
        return Vec::new();
    }
    dialog.focus = item;
    act(model, store, Action::Open)
}

/// Pasted text, as one edit; what has to be typed is not taken from it.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(Modal::Dialog(dialog)) = model.modals.last_mut()
        && dialog.demand.is_some()
    {
        line::insert(&mut dialog.input, text);
        typed(dialog);
    }
    Vec::new()
}

/// Marks the button once what has to be typed is, and the first one when it is not any more.
fn typed(dialog: &mut Dialog) {
    let whole = dialog.demand.as_deref() == Some(dialog.input.value().trim());
    dialog.focus = usize::from(whole && dialog.buttons.len() > 1);
}

fn close(model: &mut Model) {
    if let Some(Modal::Dialog(dialog)) = model.modals.pop()
        && matches!(dialog.kind, DialogKind::Ending(_))
    {
        model.leaving = None;
    }
}

fn press(model: &mut Model, store: &Store, kind: DialogKind, button: usize) -> Vec<Effect> {
    match kind {
        DialogKind::Terminate(chosen, shown) => {
            let now = plan(model, store, &chosen);
            if now != shown {
                // never anything but what was shown
                return push(model, store, DialogKind::Terminate(chosen, now));
            }
            model.home.machines.marks.clear();
            let operations = shown.operations();
            model.aside += operations.len();
            operations.into_iter().map(|operation| Effect::Submit(Box::new(operation))).collect()
        }
        DialogKind::Plan(plan, _) => {
            // each thing is looked at anew by the job, and left alone when it is not as it was shown
            model.home.images.marks.clear();
            model.home.resources.marks.clear();
            let operations = plan.operations();
            model.aside += operations.len();
            operations.into_iter().map(|operation| Effect::Submit(Box::new(operation))).collect()
        }
        DialogKind::Planning(..) => Vec::new(),
        DialogKind::Bootstrap(spec) => {
            let spec = BootstrapSpec { rebuild: button == 2, ..spec };
            vec![Effect::Submit(Box::new(Operation::BootstrapLinux(spec)))]
        }
        DialogKind::Shorten(moves) => super::lease::go(model, moves),
        DialogKind::Stop(id, level) => vec![Effect::Cancel(id, level)],
        DialogKind::Quit(_) if button == 1 => vec![Effect::Leave(Leave::LettingGo)],
        DialogKind::Leave(_) if button == 1 => vec![Effect::Leave(Leave::Quietly)],
        DialogKind::Leave(idle) => {
            let plan = plan(model, store, &idle);
            push(model, store, DialogKind::Terminate(idle, plan))
        }
        DialogKind::Quit(_) => {
            let ours: Vec<JobId> = model.ours.iter().cloned().collect();
            model.leaving = Some(ours.clone());
            push(model, store, DialogKind::Ending(ours.clone()));
            ours.into_iter().map(|id| Effect::Cancel(id, CancelLevel::Stop)).collect()
        }
        DialogKind::Ending(jobs) if button == 1 && !model.ours.is_empty() => {
            push(model, store, DialogKind::Ending(jobs.clone()));
            jobs.into_iter()
                .filter(|id| model.ours.contains(id))
                .map(|id| Effect::Cancel(id, CancelLevel::Kill))
                .collect()
        }
        DialogKind::Ending(_) => vec![Effect::Leave(Leave::LettingGo)],
    }
}

#[cfg(test)]
#[path = "dialog_test.rs"]
mod tests;
