//! Answers to effects, events of jobs, signals.

use super::{dialog, job, say};
use crate::domain::{Claim, JobState, Operation, ProviderKind, Timestamp};
use crate::event::EventKind;
use crate::session::{Attachment, Error, Listed};
use crate::store::Store;
use crate::tui::effect::{Effect, Leave};
use crate::tui::model::{Fleet, JobTab, Known, Modal, Model, PlaceError, Placed, Tone};
use crate::tui::msg::Msg;

/// Takes an answer or an event in.
pub(super) fn update(model: &mut Model, store: &Store, msg: Msg) -> Vec<Effect> {
    if matches!(msg, Msg::Submitted(_) | Msg::Attached(..) | Msg::Stopped(..)) {
        model.asked = model.asked.saturating_sub(1);
    }
    match msg {
        Msg::Events(events) => {
            let mut effects = Vec::new();
            let mut want = |effect: Effect| {
                if !effects.contains(&effect) {
                    effects.push(effect);
                }
            };
            for event in &events {
                match &event.kind {
                    EventKind::Submitted { .. } | EventKind::Started { .. } | EventKind::Detached => {
                        want(Effect::Jobs);
                    }
                    EventKind::Ended { .. } => {
                        want(Effect::Jobs);
                        want(Effect::Machines);
                        want(Effect::Images);
                        want(Effect::Durations);
                        // what it launched or removed; asked for as soon as it is shown
                        model.home.resources_asked = None;
                        model.ours.remove(&event.job);
                        model.counts_asked.remove(&event.job);
                        job::ended(model, store, &event.job);
                        model.counts.remove(&event.job);
                    }
                    EventKind::Launching { .. }
                    | EventKind::Launched { .. }
                    | EventKind::MachineReady { .. }
                    | EventKind::MachineEnding { .. }
                    | EventKind::MachineEnded { .. }
                    | EventKind::Removing { .. } => {
                        want(Effect::Machines);
                        want(Effect::Money);
                    }
                    EventKind::ImageMade { .. } => want(Effect::Money),
                    EventKind::Removed { .. } | EventKind::Left { .. } => {
                        want(Effect::Machines);
                        want(Effect::Money);
                        want(Effect::Images);
                        model.home.resources_asked = None;
                    }
                    _ => {}
                }
            }
            dialog::refresh(model, store);
            effects.extend(dialog::left(model, store));
            effects
        }
        Msg::Jobs(answer) => {
            keep(&mut model.jobs, answer, &mut model.home.answered.jobs, model.now);
            model.look_for_alarms();
            if model.last_run.is_none() {
                model.last_run = model.jobs.value.iter().find_map(|row| match &row.operation {
                    Operation::RunTests(spec) => Some(spec.clone()),
                    _ => None,
                });
            }
            dialog::refresh(model, store);
            Vec::new()
        }
        Msg::Providers(asked, missing) => {
            model.providers = asked;
            model.missing = missing;
            Vec::new()
        }
        Msg::Machines(provider, mut listed) => {
            // a stranger's machines are nobody's business here
            listed.items.retain(|machine| machine.cloud.as_ref().is_none_or(|cloud| cloud.claim.is_tools()));
            take(&mut model.machines, provider, listed, model.now);
            model.look_for_alarms();
            dialog::refresh(model, store);
            Vec::new()
        }
        Msg::Images(provider, mut listed) => {
            listed.items.retain(|image| image.claim.as_ref().is_none_or(Claim::is_tools));
            take(&mut model.images, provider, listed, model.now);
            dialog::refresh(model, store);
            Vec::new()
        }
        Msg::Resources(provider, mut listed) => {
            // what looks like ours and is not is told too: somebody will wonder about it
            listed.items.retain(|one| one.claim != Claim::Foreign { why: None });
            take(&mut model.resources, provider, listed, model.now);
            Vec::new()
        }
        Msg::Planned(request, answer) => {
            dialog::planned(model, store, &request, answer);
            Vec::new()
        }
        Msg::Loaded(id, answer) => {
            if let Some(screen) = model.job.as_mut().filter(|screen| screen.id == id) {
                match answer {
                    Ok(()) => screen.loaded = true,
                    Err(error) => screen.error = Some(crate::diag::chain(&error)),
                }
            }
            Vec::new()
        }
        Msg::Counts(counts) => {
            model.counts.extend(counts);
            Vec::new()
        }
        Msg::Money(Ok(told)) => {
            model.money.take(*told, model.now);
            dialog::refresh(model, store);
            Vec::new()
        }
        Msg::Money(Err(error)) => {
            model.money.error = Some(crate::diag::chain(&error));
            Vec::new()
        }
        Msg::Durations(durations) => {
            model.durations = durations;
            if let Some(screen) = &mut model.job {
                screen.made = None;
            }
            Vec::new()
        }
        Msg::TestNames(source, rev, names) => super::form::names(model, &source, &rev, &names),
        Msg::Output(answer) => super::output::answered(model, answer),
        Msg::Submitted(Ok(id)) => {
            if !is_over(model, store, &id) {
                // its events may have overtaken the answer
                model.ours.insert(id.clone());
            }
            if model.aside > 0 {
                // machines are ended: what they are doing is in sight already
                model.aside -= 1;
                say(model, Tone::Info, &format!("job {id} does it: it is in the Jobs pane"));
                return vec![Effect::Jobs, Effect::Machines];
            }
            // the form that asked for it has done its work; what else is open stays
            model.modals.retain(|modal| !matches!(modal, Modal::Form(form) if form.pending));
            if !model.modals.is_empty() || model.line.is_some() {
                say(model, Tone::Info, &format!("job {id} has begun: it is in the Jobs pane"));
                return vec![Effect::Jobs];
            }
            let open = job::open(model, store, id, JobTab::Tests);
            [open, vec![Effect::Jobs]].concat()
        }
        Msg::Attached(id, Ok(how)) => {
            if how == Attachment::Driving && !is_over(model, store, &id) {
                model.ours.insert(id.clone());
            }
            let text = match how {
                Attachment::Driving => format!("job {id} is driven from here now"),
                Attachment::Watching => format!("job {id} is driven by another process; you are watching"),
                Attachment::Ended => format!("job {id} is over"),
            };
            let machine = model.machine_of(store, &id).filter(|_| how != Attachment::Ended);
            let costs = machine.filter(|machine| machine.provider == ProviderKind::Aws);
            let costs =
                costs.map_or_else(String::new, |machine| format!("; {}", dialog::ends_itself(model, machine)));
            say(model, Tone::Info, &(text + &costs));
            vec![Effect::Jobs]
        }
        Msg::Submitted(Err(error)) => {
            if !super::form::refused(model, &words_of(&error)) {
                model.aside = model.aside.saturating_sub(1);
                return told(model, &error);
            }
            Vec::new()
        }
        Msg::Stopped(id, Ok(driving)) => {
            if driving && !is_over(model, store, &id) {
                model.ours.insert(id.clone());
            }
            say(model, Tone::Info, &format!("job {id} was told to stop"));
            vec![Effect::Jobs]
        }
        Msg::Attached(_, Err(error)) | Msg::Stopped(_, Err(error)) | Msg::Told(Err(error)) => told(model, &error),
        Msg::Extended(moved) => super::lease::moved(model, store, &moved),
        Msg::Told(Ok(text)) => {
            say(model, Tone::Info, &text);
            vec![Effect::Images, Effect::Machines]
        }
        Msg::ShellEnded(machine, how) => {
            match how {
                Ok(0) => say(model, Tone::Info, &format!("back from machine {machine}")),
                Ok(status) => {
                    say(model, Tone::Info, &format!("back from machine {machine}; the shell ended with {status}"));
                }
                Err(why) => say(model, Tone::Error, &format!("could not open a shell on {machine}: {why}")),
            }
            vec![Effect::Machines]
        }
        Msg::Hangup => vec![Effect::Leave(Leave::LettingGo)],
        _ => Vec::new(),
    }
}

fn keep<T>(known: &mut Known<T>, answer: Result<T, Error>, at: &mut Option<Timestamp>, now: Timestamp) {
    match answer {
        Ok(value) => {
            known.value = value;
            known.here = true;
            known.error = None;
            *at = Some(now);
        }
        Err(error) => known.error = Some(crate::diag::chain(&error)),
    }
}

/// Takes what a provider told in.
fn take<T: Placed>(fleet: &mut Fleet<T>, provider: ProviderKind, listed: Listed<T>, now: Timestamp) {
    let errors = listed.troubles.into_iter().map(|trouble| PlaceError {
        provider: trouble.provider,
        region: trouble.region,
        text: crate::diag::chain(&trouble.error),
        hints: trouble.error.hints.iter().map(ToString::to_string).collect(),
        as_of: None,
    });
    fleet.take(provider, listed.items, errors.collect(), listed.account, now);
}

fn told(model: &mut Model, error: &Error) -> Vec<Effect> {
    say(model, Tone::Error, &words_of(error));
    Vec::new()
}

pub(super) fn words_of(error: &Error) -> String {
    let hint = error.hints.first().map_or_else(String::new, |hint| format!(" (hint: {hint})"));
    format!("{}{hint}", crate::diag::chain(error))
}

/// Whether a job is over, as far as anything tells.
pub(super) fn is_over(model: &Model, store: &Store, id: &crate::domain::JobId) -> bool {
    model.state_of(store, id) == Some(JobState::Ended)
}
