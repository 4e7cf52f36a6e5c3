//! Dialogs: the plan before anything is ended, and the question when leaving. The first button does nothing and is marked
//! to begin with; what a dialog says is made anew when what it is about changes, and then the first button is marked again.

use super::{line, say};
use crate::domain::{
    BootstrapSpec, CancelLevel, CleanupVerdict, JobId, JobState, Machine, MachineId, Operation, Plan, ProviderKind,
    TestSource, Working, escape_line, users_of, words,
};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Leave};
use crate::tui::model::{Dialog, DialogKind, LineTone as L, Modal, Model, Page, Pane, Tone};
use tui_input::Input;

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

/// Shows what removing the chosen images would do.
pub(super) fn remove_image(model: &mut Model, store: &Store) -> Vec<Effect> {
    let chosen = model.home.images.chosen();
    if chosen.is_empty() {
        return Vec::new();
    }
    push(model, store, DialogKind::RemoveImages(chosen))
}

/// Asks whether the development image is to be made.
pub(super) fn bootstrap(model: &mut Model, store: &Store) -> Vec<Effect> {
    let spec = BootstrapSpec {
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
    let refusal = if state(model, store, &id) == Some(JobState::Ended) {
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
    if model.ours.is_empty() {
        return vec![Effect::Leave(Leave::Quietly)];
    }
    let ours = model.ours.iter().cloned().collect();
    push(model, store, DialogKind::Quit(ours))
}

/// What is under way on which machine, as far as anything here tells.
pub(super) fn working(model: &Model, store: &Store) -> Vec<Working> {
    let mut working = Vec::new();
    for summary in &model.jobs.value {
        if state(model, store, &summary.id) == Some(JobState::Ended) {
            continue;
        }
        let view = store.job(&summary.id);
        if matches!(summary.operation, Operation::Terminate { .. }) {
            continue;
        }
        let told = view.and_then(|view| view.machine.as_ref()).map(|machine| (machine.provider, machine.id.clone()));
        let (provider, machine) = told.unwrap_or_else(|| {
            let named = match &summary.operation {
                Operation::RunTests(spec) => spec.machine.clone(),
                _ => None,
            };
            (summary.operation.provider(), named.unwrap_or_else(|| MachineId::for_job(&summary.id)))
        });
        working.push(Working { job: summary.id.clone(), provider, machine });
    }
    // a job that is not among the listed ones yet
    for id in &model.ours {
        let machine = store.job(id).and_then(|view| view.machine.as_ref());
        if let Some(machine) = machine.filter(|machine| !machine.ended)
            && !working.iter().any(|work: &Working| work.job == *id)
            && state(model, store, id) != Some(JobState::Ended)
        {
            working.push(Working { job: id.clone(), provider: machine.provider, machine: machine.id.clone() });
        }
    }
    working
}

fn plan(model: &Model, store: &Store, chosen: &[(ProviderKind, MachineId)]) -> Plan {
    let mut plan = Plan::terminate(chosen, &model.machines.value, &working(model, store));
    plan.unknown = match &model.jobs.error {
        Some(error) => Some(error.clone()),
        None if !model.jobs.here => Some("they are still being read".to_owned()),
        None => None,
    };
    plan
}

fn state(model: &Model, store: &Store, id: &JobId) -> Option<JobState> {
    store.job(id).map(|job| job.state).or_else(|| model.summary(id).map(|row| row.state))
}

/// How firmly a job can be told to stop next; not at all when it is being cut short.
fn next_level(model: &Model, store: &Store, id: &JobId) -> CancelLevel {
    let told = store.job(id).map_or(CancelLevel::None, |job| job.cancel);
    match (told, state(model, store, id)) {
        (CancelLevel::Kill, _) => CancelLevel::None,
        (CancelLevel::Stop, _) | (CancelLevel::None, Some(JobState::Cancelling)) => CancelLevel::Kill,
        (CancelLevel::None, _) => CancelLevel::Stop,
    }
}

fn push(model: &mut Model, store: &Store, kind: DialogKind) -> Vec<Effect> {
    let dialog = make(model, store, kind);
    model.modals.push(Modal::Dialog(Box::new(dialog)));
    Vec::new()
}

/// What a dialog of that kind says now.
fn make(model: &Model, store: &Store, kind: DialogKind) -> Dialog {
    let (title, lines, buttons, demand, danger) = match &kind {
        DialogKind::Terminate(_, plan) => say_plan(model, plan),
        DialogKind::RemoveImages(images) => say_images(model, images),
        DialogKind::Bootstrap(_) => say_bootstrap(model),
        DialogKind::Stop(id, level) => say_stop(model, store, id, *level),
        DialogKind::Quit(jobs) => say_quit(model, store, jobs),
        DialogKind::Ending(jobs) => say_ending(store, jobs),
    };
    let lines = lines.into_iter().map(|(tone, text): (L, String)| (tone, escape_line(&text))).collect();
    Dialog { kind, title, lines, top: 0, buttons, focus: 0, demand, input: Input::default(), danger }
}

type Says = (String, Vec<(L, String)>, Vec<&'static str>, Option<String>, bool);

fn confirm(demand: Option<&String>) -> (L, String) {
    let how = match demand {
        Some(demand) => format!("To confirm, type `{demand}`, then Enter."),
        None => "To confirm: Tab, then Enter.".to_owned(),
    };
    (L::Warning, how)
}

fn say_plan(model: &Model, plan: &Plan) -> Says {
    let mut lines = Vec::new();
    for item in &plan.items {
        let age = item.launched.map_or_else(String::new, |at| format!(", launched {}", words::age(at, model.now)));
        lines.push((L::What, format!("{} ({}{age})", item.machine, item.provider)));
        for job in &item.jobs {
            lines.push((L::Warning, format!("  job {job} is under way there and loses it")));
        }
        lines.push((L::Less, format!("  ours: {}", item.why)));
    }
    if plan.items.is_empty() {
        lines.push((L::Plain, "Nothing to end.".to_owned()));
    } else {
        if let Some(why) = &plan.unknown {
            lines.push((L::Warning, format!("which jobs run there is not known: {why}")));
        }
        lines.push((L::Plain, "Everything on it goes too; nothing brings it back.".to_owned()));
    }
    for skipped in &plan.skipped {
        lines.push((L::Less, format!("left alone: {}: {}", skipped.name, skipped.why)));
    }
    let demand = plan.demand();
    let title = match plan.items.len() {
        0 => "End machines".to_owned(),
        count => format!("End {}", words::count(count as u64, "machine")),
    };
    if plan.items.is_empty() {
        return (title, lines, vec!["Close"], None, false);
    }
    lines.push(confirm(demand.as_ref()));
    (title, lines, vec!["Cancel", if plan.items.len() == 1 { "End it" } else { "End them" }], demand, true)
}

fn say_images(model: &Model, images: &[(ProviderKind, crate::domain::ImageName)]) -> Says {
    let mut lines = Vec::new();
    let mut there = 0_u64;
    for (provider, name) in images {
        let found = model.images.value.iter().find(|image| image.provider == *provider && image.name == *name);
        let Some(image) = found else {
            lines.push((L::Less, format!("left alone: {name}: it is gone")));
            continue;
        };
        there += 1;
        let age = words::age(image.created, model.now);
        lines.push((L::What, format!("{name} ({provider}, made {age}, {})", words::bytes(image.bytes))));
        let users: Vec<String> =
            users_of(image, &model.machines.value).iter().map(|machine| machine.id.to_string()).collect();
        let used = if users.is_empty() {
            "no machine uses it".to_owned()
        } else {
            format!("used by {}: they have copies and go on", users.join(", "))
        };
        lines.push((L::Less, format!("  {used}")));
    }
    if there == 0 {
        lines.push((L::Plain, "Nothing to remove.".to_owned()));
        return ("Remove images".to_owned(), lines, vec!["Close"], None, false);
    }
    lines.push((L::Plain, "The next run of tests makes the development image anew.".to_owned()));
    let demand = (there > 1).then(|| format!("remove {there}"));
    lines.push(confirm(demand.as_ref()));
    let button = if there == 1 { "Remove it" } else { "Remove them" };
    (format!("Remove {}", words::count(there, "image")), lines, vec!["Cancel", button], demand, true)
}

fn say_bootstrap(model: &Model) -> Says {
    let made =
        model.images.value.iter().filter(|image| image.provider == ProviderKind::Local).max_by_key(|i| i.created);
    let there = made.map_or_else(
        || "There is none yet.".to_owned(),
        |image| format!("There is {}, made {}.", image.name, words::age(image.created, model.now)),
    );
    let lines = vec![
        (L::What, "The development image of this computer (local)".to_owned()),
        (
            L::Plain,
            "Made from the newest Mercurial release on PyPI, which is downloaded if it is not here.".to_owned(),
        ),
        (L::Plain, "A machine is launched for it, made ready, kept as the image, and ended.".to_owned()),
        (L::Plain, there),
        (L::Less, "Make it: does nothing when it is current. Make it anew: in any case.".to_owned()),
        (L::Less, "To begin: Tab, then Enter.".to_owned()),
    ];
    ("Make the image".to_owned(), lines, vec!["Cancel", "Make it", "Make it anew"], None, false)
}

fn say_stop(model: &Model, store: &Store, id: &JobId, level: CancelLevel) -> Says {
    let verb = model.summary(id).map_or("", |row| row.operation.verb());
    let mut lines = vec![(L::What, format!("{id} {verb}").trim_end().to_owned())];
    let driven = model.ours.contains(id) || model.summary(id).is_some_and(|row| row.driven);
    if level != CancelLevel::None && !driven {
        lines.push((
            L::Plain,
            "No process drives it. It is taken up here for its clean-up only: its tests are".to_owned(),
        ));
        lines.push((L::Plain, "not waited for.".to_owned()));
        lines.push((L::Plain, fate(model, store, id)));
        lines.push(confirm(None));
        return ("Stop job".to_owned(), lines, vec!["Cancel", "Clean it up"], None, true);
    }
    match level {
        CancelLevel::None => {
            lines.push((L::Plain, "It is being cut short already; its clean-up is under way.".to_owned()));
            ("Stop job".to_owned(), lines, vec!["Close"], None, false)
        }
        CancelLevel::Stop => {
            lines.push((L::Plain, "1. Its tests are asked to end.".to_owned()));
            lines.push((L::Plain, "2. What results there are by then are collected.".to_owned()));
            lines.push((L::Plain, format!("3. {}", fate(model, store, id))));
            lines.push(confirm(None));
            ("Stop job".to_owned(), lines, vec!["Cancel", "Stop it"], None, true)
        }
        CancelLevel::Kill => {
            lines.push((L::Plain, "It is stopping already: its tests were asked to end.".to_owned()));
            lines.push((L::Plain, "Cut short: they are not waited for, their results may be lost.".to_owned()));
            lines.push((L::Plain, fate(model, store, id)));
            lines.push(confirm(None));
            ("Cut job short".to_owned(), lines, vec!["Cancel", "Cut it short"], None, true)
        }
    }
}

/// What becomes of a job's machine when the job is stopped: one that was named stays, one launched for it goes.
fn fate(model: &Model, store: &Store, id: &JobId) -> String {
    let told = store.job(id).and_then(|job| job.operation.as_ref());
    match told.or_else(|| model.summary(id).map(|row| &row.operation)) {
        Some(Operation::RunTests(spec)) if let Some(machine) = &spec.machine => {
            format!("{machine} is left as it is: it was not launched for this job.")
        }
        Some(Operation::Terminate { .. }) => "What it has begun to end goes on ending.".to_owned(),
        _ => "The machine that was launched for it is ended.".to_owned(),
    }
}

fn machine_of<'a>(model: &'a Model, store: &Store, id: &JobId) -> Option<&'a Machine> {
    let work = working(model, store).into_iter().find(|work| work.job == *id)?;
    model.machines.value.iter().find(|machine| machine.id == work.machine && machine.provider == work.provider)
}

fn ends_itself(model: &Model, machine: &Machine) -> String {
    machine.lease.map_or_else(String::new, |lease| {
        format!("{} ends itself in {}", machine.id, words::span(lease.left(model.now)))
    })
}

fn say_quit(model: &Model, store: &Store, jobs: &[JobId]) -> Says {
    let mut lines = Vec::new();
    for id in jobs {
        let view = store.job(id);
        let verb = view
            .and_then(|view| view.operation.as_ref())
            .or_else(|| model.summary(id).map(|row| &row.operation))
            .map_or("", Operation::verb);
        let far = match view.and_then(|view| view.phase) {
            Some(phase) => format!(": phase {}", phase.as_str()),
            None => String::new(),
        };
        lines.push((L::What, format!("{id} {verb}{far}")));
        if state(model, store, id) == Some(JobState::Cancelling) {
            lines.push((L::Plain, "  it is stopping; hga waits for its clean-up".to_owned()));
            continue;
        }
        let runs = view.is_some_and(|view| view.run.as_ref().is_some_and(|run| run.status.is_none()));
        let fate = if runs { "its tests run on" } else { "it waits where it is" };
        let machine = machine_of(model, store, id).map(|machine| ends_itself(model, machine)).unwrap_or_default();
        let machine = if machine.is_empty() { machine } else { format!("; {machine}") };
        lines.push((L::Plain, format!("  left running: {fate}{machine}")));
        lines.push((L::Less, format!("  taken up again by `hga jobs attach {id}`, which collects the results")));
    }
    let busy = working(model, store);
    let idle = model.machines.value.iter().filter(|machine| {
        let used = busy.iter().any(|work| work.machine == machine.id && work.provider == machine.provider);
        machine.is_ephemeral() && machine.state.is_alive() && !used
    });
    for machine in idle {
        lines.push((L::Less, format!("no job uses machine {}; {}", machine.id, ends_itself(model, machine))));
    }
    lines.push((
        L::Plain,
        "End everything: these jobs are stopped and the machines launched for them ended.".to_owned(),
    ));
    lines.push((L::Less, "Tab chooses, Enter does it.".to_owned()));
    let title = format!(
        "Leave while {}?",
        match jobs.len() {
            1 => "a job runs".to_owned(),
            count => format!("{count} jobs run"),
        }
    );
    (title, lines, vec!["Stay", "Leave running", "End everything"], None, true)
}

fn say_ending(store: &Store, jobs: &[JobId]) -> Says {
    let mut lines = Vec::new();
    let mut open = false;
    for id in jobs {
        let view = store.job(id);
        let (tone, said) = match view.map(|view| (view.state, view.cleanup.as_ref())) {
            Some((JobState::Ended, Some(CleanupVerdict::Remains { items }))) => {
                for item in items {
                    lines.push((L::Warning, format!("{} is still there: {}", item.what, item.why)));
                }
                (L::Warning, "is over and left things behind".to_owned())
            }
            Some((JobState::Ended, Some(CleanupVerdict::Kept { machine, .. }))) => {
                (L::Plain, format!("is over; machine {machine} was kept, as asked"))
            }
            Some((JobState::Ended, _)) => (L::Less, "is over, nothing is left of it".to_owned()),
            _ => {
                open = true;
                let phase = view.and_then(|view| view.phase).map_or("stopping", crate::domain::Phase::as_str);
                (L::Plain, format!("is ending (phase {phase})"))
            }
        };
        lines.push((tone, format!("job {id} {said}")));
    }
    if open {
        lines.push((L::Less, "hga leaves by itself when all is clean.".to_owned()));
        return ("Ending everything".to_owned(), lines, vec!["Stay here", "Cut short", "Leave now"], None, false);
    }
    lines.push((L::Less, "hga stayed, so that you see it.".to_owned()));
    ("Not everything could be removed".to_owned(), lines, vec!["Stay here", "Leave"], None, true)
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
            DialogKind::Stop(id, _) if state(model, store, id) == Some(JobState::Ended) => None,
            DialogKind::Stop(id, _) => Some(DialogKind::Stop(id.clone(), next_level(model, store, id))),
            DialogKind::Quit(_) if model.ours.is_empty() => None,
            DialogKind::Quit(_) => Some(DialogKind::Quit(model.ours.iter().cloned().collect())),
            kind => Some(kind.clone()),
        };
        let Some(kind) = kind else {
            let text = match &dialog.kind {
                DialogKind::Stop(id, _) => format!("job {id} is over: nothing to stop"),
                _ => "your jobs are over: `q` leaves without a question".to_owned(),
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
            if same {
                fresh.focus = dialog.focus;
                fresh.input = dialog.input.clone();
                fresh.top = dialog.top;
            } else if fresh.danger {
                fresh.lines.insert(0, (L::Warning, "This has just changed:".to_owned()));
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
        DialogKind::RemoveImages(images) => {
            model.home.images.marks.clear();
            images.into_iter().map(|(provider, name)| Effect::RemoveImage(provider, name)).collect()
        }
        DialogKind::Bootstrap(spec) => {
            let spec = BootstrapSpec { rebuild: button == 2, ..spec };
            vec![Effect::Submit(Box::new(Operation::BootstrapLinux(spec)))]
        }
        DialogKind::Stop(id, level) => vec![Effect::Cancel(id, level)],
        DialogKind::Quit(_) if button == 1 => vec![Effect::Leave(Leave::LettingGo)],
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
