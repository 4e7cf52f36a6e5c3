//! What dialogs say: what will happen, to what and why, and the buttons.

use super::money::{self, GoingOn};
use super::working;
use crate::domain::money::say;
use crate::domain::{
    CancelLevel, Claim, CleanupVerdict, JobId, JobState, Machine, MachineId, Operation, Plan, PlanItem, PlanVerb,
    ProviderKind, Region, ResourceKind, escape_line, users_of, words,
};
use crate::session::LeaseMove;
use crate::store::Store;
use crate::tui::model::{Dialog, DialogKind, LineTone as L, Model};
use std::collections::BTreeSet;
use tui_input::Input;

/// What a dialog of that kind says now.
pub(super) fn make(model: &Model, store: &Store, kind: DialogKind) -> Dialog {
    let (title, lines, buttons, demand, danger) = match &kind {
        DialogKind::Terminate(_, plan) => say_plan(model, plan, &[]),
        DialogKind::Plan(plan, troubles) => say_plan(model, plan, troubles),
        DialogKind::Planning(request, _) => say_planning(request.verb),
        DialogKind::Bootstrap(_) => say_bootstrap(model),
        DialogKind::Shorten(moves) => say_shorten(model, store, moves),
        DialogKind::Stop(id, level) => say_stop(model, store, id, *level),
        DialogKind::Quit(jobs) => say_quit(model, store, jobs),
        DialogKind::Leave(idle) => say_leave(model, store, idle),
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

fn title(verb: PlanVerb) -> &'static str {
    match verb {
        PlanVerb::Terminate => "End machines",
        PlanVerb::TerminateEc2 => "End all machines of yours on EC2",
        PlanVerb::Purge => "Remove everything of yours on AWS",
        PlanVerb::RemoveImages => "Remove images",
        PlanVerb::Remove => "Remove things",
    }
}

fn say_planning(verb: PlanVerb) -> Says {
    let lines = vec![
        (L::Plain, "Making the plan: everything it is about is looked at anew…".to_owned()),
        (L::Less, "Nothing is done before you have seen it.".to_owned()),
    ];
    (title(verb).to_owned(), lines, vec!["Cancel"], None, false)
}

fn say_plan(model: &Model, plan: &Plan, troubles: &[String]) -> Says {
    let ends = plan.verb.only_ends();
    let mut lines = Vec::new();
    for trouble in troubles {
        lines.push((L::Warning, format!("not looked at, there may be more: {trouble}")));
    }
    let kinds: BTreeSet<ResourceKind> = plan.items.iter().map(|item| item.at.kind).collect();
    let many = kinds.len() > 2;
    if many {
        lines.push((L::Plain, format!("{}:", plan.count())));
    }
    for item in &plan.items {
        lines.push((L::What, what(model, plan, item)));
        for job in &item.jobs {
            lines.push((L::Warning, format!("  job {job} is under way there and loses it")));
        }
        lines.push((L::Less, format!("  {}: {}", item.whose(), item.why)));
        if item.at.kind == ResourceKind::Image {
            lines.push((L::Less, format!("  {}", used(model, item))));
        }
        lines.extend(money::of_item(model, item).map(|said| (L::Plain, format!("  {said}"))));
    }
    if plan.items.is_empty() {
        lines.push((L::Plain, if ends { "Nothing to end." } else { "Nothing to remove." }.to_owned()));
    } else {
        if let Some(why) = &plan.unknown {
            lines.push((L::Warning, format!("which jobs run there is not known: {why}")));
        }
        let of_here =
            |item: &PlanItem| item.at.kind == ResourceKind::Image && item.at.provider == ProviderKind::Local;
        let said = if ends {
            "Everything on it goes too; nothing brings it back."
        } else if plan.items.iter().any(of_here) {
            "The next run of tests makes the development image anew."
        } else {
            "Nothing brings it back."
        };
        lines.extend(money::of_plan(plan).map(|said| (L::What, said)));
        lines.push((L::Plain, said.to_owned()));
    }
    for skipped in &plan.skipped {
        lines.push((L::Less, format!("left alone: {}: {}", skipped.name, skipped.why)));
    }
    if plan.foreign > 0 {
        let others = words::count(plan.foreign as u64, "other thing");
        lines.push((L::Less, format!("left alone: {others}, nothing to do with us")));
    }
    if plan.items.is_empty() {
        return (title(plan.verb).to_owned(), lines, vec!["Close"], None, false);
    }
    let in_cloud = plan.items.iter().any(|item| item.at.provider == ProviderKind::Aws);
    let account = plan.account.as_ref().filter(|_| in_cloud);
    let place = account.map_or_else(String::new, |account| format!(" in account {account}"));
    let count = if many { words::count(plan.items.len() as u64, "thing") } else { plan.count() };
    let title = format!("{} {count}{place}", if ends { "End" } else { "Remove" });
    let demand = plan.demand();
    lines.push(confirm(demand.as_ref()));
    let button = match (ends, plan.items.len()) {
        (true, 1) => "End it",
        (true, _) => "End them",
        (false, 1) => "Remove it",
        (false, _) => "Remove them",
    };
    (title, lines, vec!["Cancel", button], demand, true)
}

/// Which thing, and what there is to tell it from others by.
fn what(model: &Model, plan: &Plan, item: &PlanItem) -> String {
    let machine = item.at.kind == ResourceKind::Machine;
    // a list of machines needs not say of each that it is one
    let called = match &item.name {
        Some(name) if machine && plan.verb.only_ends() => format!("{} `{name}`", item.at.id),
        None if machine && plan.verb.only_ends() => item.at.id.clone(),
        _ => item.called(),
    };
    let mut about = vec![item.at.region.as_ref().map_or(item.at.provider.as_str(), Region::as_str).to_owned()];
    about.extend(item.detail.clone());
    // that a machine runs, or an image can be used, is what one thinks anyway
    let state = item.state.clone().filter(|state| !matches!(state.as_str(), "running" | "available" | "completed"));
    about.extend(state);
    let made = if machine { "launched" } else { "made" };
    about.extend(item.created.map(|at| format!("{made} {}", words::age(at, model.now))));
    format!("{called} ({})", about.join(", "))
}

/// Who uses an image.
fn used(model: &Model, item: &PlanItem) -> String {
    let image = model.images.value.iter().find(|image| image.resource().at == item.at);
    let users = image.map_or_else(Vec::new, |image| users_of(image, &model.machines.value));
    let users: Vec<String> = users.iter().map(|machine| machine.id.to_string()).collect();
    if users.is_empty() {
        "no machine uses it".to_owned()
    } else {
        format!("used by {}: they have copies and go on", users.join(", "))
    }
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

fn say_shorten(model: &Model, store: &Store, moves: &[(MachineId, LeaseMove)]) -> Says {
    let busy = working(model, store);
    let mut lines = Vec::new();
    for machine in model.machines.value.iter().filter(|one| moves.iter().any(|(id, _)| *id == one.id)) {
        lines.push((L::What, ends_itself(model, machine)));
        for work in busy.iter().filter(|work| work.is_on(machine)) {
            lines.push((L::Warning, format!("  job {} is under way there and may lose it", work.job)));
        }
    }
    lines.push((L::Plain, "Less than 31 minutes are left: what would be over is given one minute.".to_owned()));
    lines.push(confirm(None));
    ("End machines within a minute".to_owned(), lines, vec!["Cancel", "Let them end"], None, true)
}

fn say_stop(model: &Model, store: &Store, id: &JobId, level: CancelLevel) -> Says {
    let verb = model.summary(id).map_or("", |row| row.operation.verb());
    let mut lines = vec![(L::What, format!("{id} {verb}").trim_end().to_owned())];
    let costs = money::of_job(model, store, id).map(|said| (L::Plain, format!("{said}.")));
    let driven = model.ours.contains(id) || model.summary(id).is_some_and(|row| row.driven);
    if level != CancelLevel::None && !driven {
        lines.push((
            L::Plain,
            "No process drives it. It is taken up here for its clean-up only: its tests are".to_owned(),
        ));
        lines.push((L::Plain, "not waited for.".to_owned()));
        lines.push((L::Plain, fate(model, store, id)));
        lines.extend(costs);
        lines.push(confirm(None));
        return ("Stop job".to_owned(), lines, vec!["Cancel", "Clean it up"], None, true);
    }
    let operation = model.operation_of(store, id);
    if let Some(Operation::Terminate { .. } | Operation::Apply { .. }) = operation
        && level != CancelLevel::None
    {
        lines.push((L::Plain, "Nothing more is begun; what is in use is not waited for.".to_owned()));
        lines.push((L::Plain, fate(model, store, id)));
        lines.push(confirm(None));
        return ("Stop job".to_owned(), lines, vec!["Cancel", "Stop it"], None, true);
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
            lines.extend(costs);
            lines.push(confirm(None));
            ("Stop job".to_owned(), lines, vec!["Cancel", "Stop it"], None, true)
        }
        CancelLevel::Kill => {
            lines.push((L::Plain, "It is stopping already: its tests were asked to end.".to_owned()));
            lines.push((L::Plain, "Cut short: they are not waited for, their results may be lost.".to_owned()));
            lines.push((L::Plain, fate(model, store, id)));
            lines.extend(costs);
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
        Some(Operation::Terminate { .. } | Operation::Apply { .. }) => {
            "What it has begun to end goes on ending.".to_owned()
        }
        _ => "The machine that was launched for it is ended.".to_owned(),
    }
}

/// Which machine, what it costs and until when; nothing of a listed host.
pub(in super::super) fn ends_itself(model: &Model, machine: &Machine) -> String {
    if machine.provider == ProviderKind::Hosts {
        return String::new();
    }
    let said = goes_on(model, machine);
    // a sum needs a mark before it, a verb none
    let mark = if said.starts_with("ends") || said.starts_with("stays") { "" } else { ":" };
    format!("{}{mark} {said}", machine.id)
}

fn goes_on(model: &Model, machine: &Machine) -> String {
    say::goes_on(model.money.hourly(machine, model.now), machine.lease.map(|lease| lease.left(model.now)))
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
        let works =
            !matches!(model.operation_of(store, id), Some(Operation::Terminate { .. } | Operation::Apply { .. }));
        let machine = model.machine_of(store, id).filter(|_| works);
        let machine = machine.map(|machine| ends_itself(model, machine)).unwrap_or_default();
        let machine = if machine.is_empty() { machine } else { format!("; {machine}") };
        lines.push((L::Plain, format!("  left running: {fate}{machine}")));
        let then = if works { "collects the results" } else { "goes on with it" };
        lines.push((L::Less, format!("  taken up again by `hga jobs attach {id}`, which {then}")));
    }
    let busy = working(model, store);
    let idle = model.machines.value.iter().filter(|machine| {
        let used = busy.iter().any(|work| work.is_on(machine));
        matches!(machine.resource().claim, Claim::Ours { .. }) && machine.state.is_alive() && !used
    });
    let idle: Vec<&Machine> = idle.collect();
    for machine in &idle {
        lines.push((L::Less, format!("no job uses {}: {}", machine.id, goes_on(model, machine))));
    }
    // each choice with its money, where there is any
    let works = |id: &&JobId| {
        !matches!(model.operation_of(store, id), Some(Operation::Terminate { .. } | Operation::Apply { .. }))
    };
    let used = || jobs.iter().filter(works).filter_map(|id| Some((id, model.machine_of(store, id)?)));
    let all = GoingOn::of(model, used().map(|(_, machine)| machine).chain(idle.iter().copied()));
    let (end, stay): (Vec<_>, Vec<_>) = used().partition(|(id, _)| money::ends_with(model.operation_of(store, id)));
    let ended = GoingOn::of(model, end.into_iter().map(|(_, machine)| machine));
    let left = GoingOn::of(model, stay.into_iter().map(|(_, machine)| machine).chain(idle.iter().copied()));
    if !all.is_nothing() {
        lines.push((L::Plain, format!("Leave running: {}.", all.said())));
    }
    let saves = if ended.is_nothing() { String::new() } else { format!(" That saves {}.", ended.said()) };
    let others = if left.is_nothing() { String::new() } else { format!(" Others go on: {}.", left.per_hour()) };
    lines.push((
        L::Plain,
        format!("End everything: these jobs are stopped and the machines launched for them ended.{saves}{others}"),
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

fn say_leave(model: &Model, store: &Store, idle: &[(ProviderKind, MachineId)]) -> Says {
    let machines: Vec<&Machine> = idle.iter().filter_map(|(provider, id)| model.machine(*provider, id)).collect();
    let busy = working(model, store);
    let mut lines = Vec::new();
    for machine in &machines {
        lines.push((L::Warning, format!("{}: {}", machine.id, goes_on(model, machine))));
        let left = busy.iter().find(|work| work.is_on(machine));
        let why = left.map_or("no job uses it".to_owned(), |work| {
            format!("its job was left: `hga jobs attach {}` takes it up, and collects the results", work.job)
        });
        lines.push((L::Less, format!("  {why}")));
    }
    if machines.len() > 1 {
        let all = GoingOn::of(model, machines.iter().copied());
        lines.push((L::Plain, format!("Leave running: {}.", all.said())));
    }
    lines.push((L::Less, "End shows first what would be ended. Tab chooses, Enter does it.".to_owned()));
    let title = format!(
        "Leave while {}?",
        match machines.len() {
            1 => "a machine costs".to_owned(),
            count => format!("{count} machines cost"),
        }
    );
    (title, lines, vec!["Stay", "Leave running", "End"], None, true)
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
