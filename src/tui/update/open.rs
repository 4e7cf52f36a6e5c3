//! Forms are opened: filled in from what was asked last, from what is selected, and from the configuration.

use super::say;
use crate::domain::{
    Claim, CloudFacts, CloudWish, DirtyTree, Filesystem, Image, JobId, KeepMachine, Machine, MachineId, Operation,
    ProviderKind, RunTestsSpec, TestSource, words,
};
use crate::store::Store;
use crate::tui::effect::Effect;
use crate::tui::model::{Form, FormKind, JobTab, Modal, Model, Pane, Place, Stock, TestKey, Tone};

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
    let free = |machine: &&Machine| can_work(machine) && !busy.iter().any(|work| work.is_on(machine));
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

/// Whether tests may be run on a machine: one of a cloud has to be ours and reachable from here.
fn can_work(machine: &Machine) -> bool {
    let reachable = |cloud: &CloudFacts| matches!(cloud.claim, Claim::Ours { .. }) && machine.endpoint.is_some();
    machine.state.is_alive() && machine.cloud.as_deref().is_none_or(reachable)
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
    if spec.provider != ProviderKind::Aws {
        spec.wish.transport = model.setup.transport;
    }
    // what a day may cost is passed over once, not from then on
    spec.wish.allowance.over_day_cap = false;
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
    let form = Form::run_tests(kind, spec, places, stock(model), model.setup.current_dir.clone());
    show(model, form);
    super::form::ask_names(model)
}

fn show(model: &mut Model, form: Form) {
    let usual_types = model.setup.types.machines.join(", ");
    model.modals.push(Modal::Form(Box::new(Form { usual_types, ..form })));
}

/// New machines, of this computer and of EC2 where that is set up.
fn new_places(model: &Model) -> Vec<(Place, String)> {
    let new = |provider, name: &str| (Place { provider, machine: None }, name.to_owned());
    let mut places = vec![new(ProviderKind::Local, "a new one on this computer (local)")];
    if model.providers.contains(&ProviderKind::Aws) {
        places.push(new(ProviderKind::Aws, "a new one on EC2 (aws)"));
    }
    places
}

/// New machines, the listed hosts and the machines that stand; none that another job works on.
fn places(model: &Model, store: &Store) -> Vec<(Place, String)> {
    let busy = super::dialog::working(model, store);
    let mut places = new_places(model);
    for machine in &model.machines.value {
        let taken = busy.iter().any(|work| work.is_on(machine));
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

/// The images of ours that machines can be launched from, the newest first.
fn stock(model: &Model) -> Vec<Stock> {
    let ours = |image: &&Image| image.claim.as_ref().is_none_or(|claim| matches!(claim, Claim::Ours { .. }));
    let mut images: Vec<_> = model.images.value.iter().filter(ours).collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let label = |image: &Image| match &image.region {
        Some(region) => format!("{} ({region})", image.name),
        None => image.name.to_string(),
    };
    let stock = images.into_iter();
    stock.map(|image| Stock { provider: image.provider, name: image.name.clone(), label: label(image) }).collect()
}

/// Opens the form that launches a machine; on an image, from that one.
pub(super) fn launch(model: &mut Model) -> Vec<Effect> {
    let on_image = model.job.is_none() && model.home.pane == Pane::Images;
    let mut base = plain(model);
    base.wish.transport = model.setup.transport;
    if let Some(image) = model.image_here().filter(|_| on_image) {
        base.provider = image.provider;
        base.image = Some(image.name.clone());
    }
    let form = Form::launch(new_places(model), stock(model), base, model.setup.current_dir.clone());
    show(model, form);
    Vec::new()
}
