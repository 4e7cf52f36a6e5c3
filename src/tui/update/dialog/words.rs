//! What dialogs say: what will happen, to what and why, and the buttons.

use super::working;
use crate::domain::{
    CancelLevel, CleanupVerdict, JobId, JobState, Machine, Operation, Plan, ProviderKind, escape_line, users_of,
    words,
};
use crate::store::Store;
use crate::tui::model::{Dialog, DialogKind, LineTone as L, Model};
use tui_input::Input;

/// What a dialog of that kind says now.
pub(super) fn make(model: &Model, store: &Store, kind: DialogKind) -> Dialog {
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
        let age = item.created.map_or_else(String::new, |at| format!(", launched {}", words::age(at, model.now)));
        lines.push((L::What, format!("{} ({}{age})", item.at.id, item.at.provider)));
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
    match model.operation_of(store, id) {
        Some(Operation::RunTests(spec)) if let Some(machine) = &spec.machine => {
            format!("{machine} is left as it is: it was not launched for this job.")
        }
        Some(Operation::Terminate { .. }) => "What it has begun to end goes on ending.".to_owned(),
        _ => "The machine that was launched for it is ended.".to_owned(),
    }
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
        let verb = model.operation_of(store, id).map_or("", Operation::verb);
        let far = match view.and_then(|view| view.phase) {
            Some(phase) => format!(": phase {}", phase.as_str()),
            None => String::new(),
        };
        lines.push((L::What, format!("{id} {verb}{far}")));
        if model.state_of(store, id) == Some(JobState::Cancelling) {
            lines.push((L::Plain, "  it is stopping; hga waits for its clean-up".to_owned()));
            continue;
        }
        let runs = view.is_some_and(|view| view.run.as_ref().is_some_and(|run| run.status.is_none()));
        let fate = if runs { "its tests run on" } else { "it waits where it is" };
        // what is being ended is not what a job works on
        let works = !matches!(model.operation_of(store, id), Some(Operation::Terminate { .. }));
        let machine = model.machine_of(store, id).filter(|_| works);
        let machine = machine.map(|machine| ends_itself(model, machine)).unwrap_or_default();
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
