//! Forms: filled in from what was asked last, checked, and made an operation.

use super::{line, say};
use crate::domain::{
    CloudWish, DirtyTree, Filesystem, ImageName, JobId, KeepMachine, Machine, MachineId, Operation, ProviderKind,
    RunTestsSpec, TestSource, words,
};
use crate::session::Error;
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::keys::{Chord, Code};
use crate::tui::model::{
    FieldId, FieldValue, Form, FormKind, JobTab, Modal, Model, Place, TestKey, Tone, proposals, taken,
};
use tui_input::Input;

/// Opens the form that runs tests: as the last time, on the selected machine where it is free.
pub(super) fn run_tests(model: &mut Model, store: &Store) -> Vec<Effect> {
    let mut spec = model.last_run.clone().unwrap_or_else(|| plain(model));
    if spec.source == TestSource::Pypi && model.last_run.as_ref().is_none_or(|last| is_demo(model, last)) {
        // the demo says nothing of what a person wants to test
        spec = plain(model);
    }
    // to keep a machine costs something: it is asked for each time
    spec.keep = KeepMachine::Never;
    let busy = super::dialog::working(model, store);
    let free = |machine: &&Machine| {
        can_work(machine) && !busy.iter().any(|work| work.machine == machine.id && work.provider == machine.provider)
    };
    let here = if model.job.is_none() { model.machine_here(store).filter(free) } else { None };
    let standing = |id: &MachineId| model.machines.value.iter().filter(free).find(|machine| machine.id == *id);
    match here.or_else(|| spec.machine.as_ref().and_then(standing)) {
        Some(machine) => {
            spec.provider = machine.provider;
            spec.machine = Some(machine.id.clone());
        }
        None => spec.machine = None,
    }
    open(model, store, FormKind::RunTests, spec)
}

/// Opens the form that runs a job's tests again; on a failure, with that test alone.
pub(super) fn rerun(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some(id) = model.job_here().cloned() else { return Vec::new() };
    let known = store.job(&id).and_then(|job| job.operation.as_ref());
    let operation = known.or_else(|| model.summary(&id).map(|row| &row.operation));
    let Some(Operation::RunTests(spec)) = operation else {
        say(model, Tone::Info, "only a run of tests can be run again");
        return Vec::new();
    };
    let mut spec = spec.clone();
    if let Some(test) = failure_here(model, store, &id) {
        spec.test_args.retain(|word| word.starts_with('-') || !word.starts_with("test-"));
        spec.test_args.push(test);
    }
    // the machine that was kept, else the one that was named
    let kept = model.machines.value.iter().find(|machine| machine.job.as_ref() == Some(&id) && can_work(machine));
    if let Some(machine) = kept {
        spec.provider = machine.provider;
        spec.machine = Some(machine.id.clone());
    }
    open(model, store, FormKind::Rerun(id), spec)
}

fn failure_here(model: &Model, store: &Store, id: &JobId) -> Option<String> {
    let (screen, job) = (model.job.as_ref()?, store.job(id)?);
    let index = match screen.tab {
        JobTab::Failures => screen.failures.selected?,
        JobTab::Tests => match screen.tests.selected.as_ref()? {
            TestKey::Ended(index) => *index,
            TestKey::Running(_) => return None,
        },
        JobTab::Output | JobTab::Summary => return None,
    };
    job.tests.ended.get(index).filter(|test| test.outcome.is_failure()).map(|test| test.name.clone())
}

/// Whether tests may be run on a machine: one of a cloud has to be reachable from here.
fn can_work(machine: &Machine) -> bool {
    machine.state.is_alive() && (machine.cloud.is_none() || machine.endpoint.is_some())
}

fn is_demo(model: &Model, spec: &RunTestsSpec) -> bool {
    matches!(&model.setup.demo, Operation::RunTests(demo) if demo.test_args == spec.test_args)
}

/// A run of all tests of the folder hga was called in.
fn plain(model: &Model) -> RunTestsSpec {
    RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: model.setup.provider,
        machine: None,
        image: None,
        source: TestSource::Directory(model.setup.current_dir.clone()),
        rev: ".".to_owned(),
        dirty: DirtyTree::Ignore,
        filesystem: Filesystem::Default,
        python: model.setup.python.clone(),
        test_args: Vec::new(),
        keep: KeepMachine::Never,
        lease: model.setup.lease,
        results: None,
    }
}

fn open(model: &mut Model, store: &Store, kind: FormKind, mut spec: RunTestsSpec) -> Vec<Effect> {
    let places = places(model, store);
    let named = |(place, _): &&(Place, String)| place.machine.is_some() && place.machine == spec.machine;
    if !places.iter().any(|place| named(&place)) {
        spec.machine = None;
    }
    if spec.machine.is_none() && spec.provider == ProviderKind::Hosts {
        // hosts cannot be launched: the first one listed
        let host = places.iter().find(|(place, _)| place.provider == ProviderKind::Hosts);
        spec.machine = host.and_then(|(place, _)| place.machine.clone());
    }
    let form = Form::run_tests(kind, spec, places, images(model), model.setup.current_dir.clone());
    model.modals.push(Modal::Form(Box::new(form)));
    ask_names(model)
}

/// A new machine, the listed hosts and the machines that stand; none that another job works on.
fn places(model: &Model, store: &Store) -> Vec<(Place, String)> {
    let busy = super::dialog::working(model, store);
    let new = Place { provider: ProviderKind::Local, machine: None };
    let mut places = vec![(new, "a new one on this computer (local)".to_owned())];
    for machine in &model.machines.value {
        let taken = busy.iter().any(|work| work.machine == machine.id && work.provider == machine.provider);
        if taken || !(can_work(machine) || machine.provider == ProviderKind::Hosts) {
            continue;
        }
        let left = machine
            .lease
            .map_or_else(String::new, |lease| format!(", ends itself in {}", words::span(lease.left(model.now))));
        let place = Place { provider: machine.provider, machine: Some(machine.id.clone()) };
        places.push((place, format!("{} ({}, {}{left})", machine.id, machine.provider, machine.state)));
    }
    places
}

fn images(model: &Model) -> Vec<ImageName> {
    let mut images: Vec<_> =
        model.images.value.iter().filter(|image| image.provider == ProviderKind::Local).collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    images.iter().map(|image| image.name.clone()).collect()
}

/// Opens the form that launches a machine.
pub(super) fn launch(model: &mut Model) -> Vec<Effect> {
    use crate::tui::model::Pane;
    let on_image = model.job.is_none() && model.home.pane == Pane::Images;
    let image = model.image_here().filter(|_| on_image);
    if image.is_some_and(|image| image.provider != ProviderKind::Local) {
        say(model, Tone::Info, "machines are launched on this computer so far: choose a local image");
        return Vec::new();
    }
    let image = image.map(|image| image.name.clone());
    let form = Form::launch(image.as_ref(), images(model), plain(model), model.setup.current_dir.clone());
    model.modals.push(Modal::Form(Box::new(form)));
    Vec::new()
}

/// Takes the names of the tests of a source's revision in; why there are none is said below the source.
pub(super) fn names(
    model: &mut Model,
    source: &TestSource,
    rev: &str,
    names: &Result<Vec<String>, Error>,
) -> Vec<Effect> {
    for modal in &mut model.modals {
        let Modal::Form(form) = modal else { continue };
        if form.tests_of.as_ref().is_none_or(|(asked, at)| asked != source || at != rev) {
            continue;
        }
        match names {
            Ok(names) => form.tests.clone_from(names),
            Err(error) => {
                form.tests.clear();
                let why = crate::domain::escape_line(&crate::diag::chain(error));
                form.unreadable = Some(((source.clone(), rev.to_owned()), why.clone()));
                if let Some(field) = form.fields.iter_mut().find(|field| field.id == FieldId::Source) {
                    field.error = Some(why);
                }
            }
        }
        propose(form);
    }
    Vec::new()
}

/// Asks for the names of the tests there are, when the source or revision is another one.
fn ask_names(model: &mut Model) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    if form.kind == FormKind::Launch || form.field(FieldId::Source).is_none() {
        return Vec::new();
    }
    let now = form.source();
    if form.tests_of.as_ref() == Some(&now) || now.1.is_empty() {
        return Vec::new();
    }
    form.tests.clear();
    if let Some(field) = form.fields.iter_mut().find(|field| field.id == FieldId::Source) {
        // what was wrong with another one is not wrong with this
        field.error = None;
    }
    form.tests_of = Some(now.clone());
    vec![Effect::TestNames(now.0, now.1)]
}

/// Does what a person means in a form.
pub(super) fn act(model: &mut Model, _store: &Store, action: Action) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    let count = form.fields.len().max(1);
    match action {
        Action::Back if !form.proposals.is_empty() => form.proposals.clear(),
        Action::Back => {
            model.modals.pop();
        }
        Action::Next => return go(model, |focus| (focus + 1) % count),
        Action::Previous => return go(model, |focus| (focus + count - 1) % count),
        Action::Left => turn(form, false),
        Action::Right => turn(form, true),
        Action::Complete(by) => complete(form, by),
        Action::Edit(chord) => {
            if let Some(input) = input(form) {
                line::edit(input, chord);
                edited(form);
            }
        }
        Action::Open if !form.proposals.is_empty() => take(form),
        Action::Open => return submit(model),
        _ => {}
    }
    Vec::new()
}

/// A click on something of the form: a field, the button below them, or a proposal.
pub(super) fn click(model: &mut Model, store: &Store, item: usize) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    let count = form.fields.len();
    if item == count {
        form.proposals.clear();
        return act(model, store, Action::Open);
    }
    if item > count {
        let chosen = item - count - 1;
        if chosen < form.proposals.len() {
            form.chosen = chosen;
            take(form);
        }
        return Vec::new();
    }
    if item == form.focus {
        turn(form, true);
        return Vec::new();
    }
    go(model, |_| item)
}

/// Pasted text, as one edit.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(Modal::Form(form)) = model.modals.last_mut()
        && let Some(input) = input(form)
    {
        line::insert(input, text);
        edited(form);
    }
    Vec::new()
}

fn input(form: &mut Form) -> Option<&mut Input> {
    match form.fields.get_mut(form.focus).map(|field| &mut field.value) {
        Some(FieldValue::Text(input)) => Some(input),
        _ => None,
    }
}

fn edited(form: &mut Form) {
    form.refused = None;
    if let Some(field) = form.fields.get_mut(form.focus) {
        field.error = None;
    }
    propose(form);
}

fn go(model: &mut Model, to: impl Fn(usize) -> usize) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    form.proposals.clear();
    let left = form.focused().map(|field| field.id);
    form.focus = to(form.focus);
    if matches!(left, Some(FieldId::Source | FieldId::Revision)) {
        return ask_names(model);
    }
    Vec::new()
}

/// To the right or left: another choice, the other side of a switch, or a character on.
fn turn(form: &mut Form, right: bool) {
    form.refused = None;
    let Some(field) = form.fields.get_mut(form.focus) else { return };
    match &mut field.value {
        FieldValue::Choice { options, index } => {
            let count = options.len().max(1);
            *index = (*index + if right { 1 } else { count - 1 }) % count;
        }
        FieldValue::Switch(on, _) => *on = !*on,
        FieldValue::Text(input) => {
            line::edit(input, Chord::plain(if right { Code::Right } else { Code::Left }));
            propose(form);
            return;
        }
    }
    field.error = None;
}

/// The proposals for where the cursor is.
fn propose(form: &mut Form) {
    form.chosen = 0;
    form.proposals = match form.focused() {
        Some(field) if field.id == FieldId::Tests => match &field.value {
            FieldValue::Text(input) => proposals(&form.tests, input.value(), input.cursor()),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
}

fn complete(form: &mut Form, by: i8) {
    let count = form.proposals.len();
    if count == 0 {
        propose(form);
        return;
    }
    form.chosen = (form.chosen + if by < 0 { count - 1 } else { 1 }) % count;
}

fn take(form: &mut Form) {
    let Some(proposal) = form.proposals.get(form.chosen).cloned() else { return };
    if let Some(input) = input(form) {
        let (text, cursor) = taken(input.value(), input.cursor(), &proposal);
        *input = Input::new(text).with_cursor(cursor);
    }
    form.proposals.clear();
}

fn submit(model: &mut Model) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    if form.pending {
        return Vec::new();
    }
    for field in &mut form.fields {
        field.error = None;
    }
    form.refused = None;
    let unreadable = form.unreadable.clone().filter(|(of, _)| form.kind != FormKind::Launch && *of == form.source());
    if let Some((_, why)) = unreadable
        && let Some(place) = form.fields.iter().position(|field| field.id == FieldId::Source)
    {
        form.fields[place].error = Some(why);
        form.focus = place;
        return Vec::new();
    }
    match form.operation() {
        Ok(operation) => {
            form.pending = true;
            if let Operation::RunTests(spec) = &operation {
                model.last_run = Some(spec.clone());
            }
            vec![Effect::Submit(Box::new(operation))]
        }
        Err(wrong) => {
            for (id, why) in wrong.into_iter().rev() {
                if let Some(place) = form.fields.iter().position(|field| field.id == id) {
                    form.fields[place].error = Some(why);
                    form.focus = place;
                }
            }
            Vec::new()
        }
    }
}

/// What was submitted was refused: the form stays open and says why. Whether there was such a form.
pub(super) fn refused(model: &mut Model, why: &str) -> bool {
    for modal in &mut model.modals {
        if let Modal::Form(form) = modal
            && form.pending
        {
            form.pending = false;
            form.refused = Some(crate::domain::escape_line(why));
            return true;
        }
    }
    false
}

#[cfg(test)]
#[path = "form_test.rs"]
mod tests;
