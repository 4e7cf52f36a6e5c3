//! Dialogs: the plan before anything is ended, and the question when leaving. The first button does nothing and is marked
//! to begin with.

use super::line;
use crate::domain::{CancelLevel, Operation};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Leave};
use crate::tui::model::{Dialog, DialogKind, Modal, Model};
use tui_input::Input;

/// Shows what ending the chosen machines would do.
pub(super) fn terminate(model: &mut Model, _store: &Store) -> Vec<Effect> {
    let Some(machine) = model.machine_here() else { return Vec::new() };
    let (provider, id) = (machine.provider, machine.id.clone());
    push(
        model,
        DialogKind::Terminate(vec![(provider, vec![id.clone()])]),
        "End machine",
        vec![format!("{id} ({provider})")],
        vec!["Cancel", "End it"],
    )
}

/// Shows what removing the image would do.
pub(super) fn remove_image(model: &mut Model) -> Vec<Effect> {
    let Some((provider, name)) = model.home.images.selected.clone() else { return Vec::new() };
    let lines = vec![format!("{name} ({provider})")];
    push(model, DialogKind::RemoveImage(provider, name), "Remove image", lines, vec!["Cancel", "Remove it"])
}

/// Asks whether a job is to be stopped.
pub(super) fn stop_job(model: &mut Model, _store: &Store) -> Vec<Effect> {
    let Some(id) = model.job_here().cloned() else { return Vec::new() };
    let lines = vec![format!("Job {id}: its tests are asked to end, its machine is ended.")];
    push(model, DialogKind::Stop(id), "Stop job", lines, vec!["Cancel", "Stop it"])
}

/// Leaves, or asks what becomes of the jobs first.
pub(super) fn quit(model: &mut Model, _store: &Store) -> Vec<Effect> {
    if model.ours.is_empty() {
        return vec![Effect::Leave(Leave::Quietly)];
    }
    let lines = model.ours.iter().map(|id| format!("Job {id} runs.")).collect();
    push(model, DialogKind::Quit, "Leave hga", lines, vec!["Stay", "Leave running", "End everything"])
}

fn push(
    model: &mut Model,
    kind: DialogKind,
    title: &str,
    lines: Vec<String>,
    buttons: Vec<&'static str>,
) -> Vec<Effect> {
    let dialog =
        Dialog { kind, title: title.to_owned(), lines, buttons, focus: 0, demand: None, input: Input::default() };
    model.modals.push(Modal::Dialog(Box::new(dialog)));
    Vec::new()
}

/// Does what a person means in a dialog.
pub(super) fn act(model: &mut Model, _store: &Store, action: Action) -> Vec<Effect> {
    let Some(Modal::Dialog(dialog)) = model.modals.last_mut() else { return Vec::new() };
    let count = dialog.buttons.len().max(1);
    match action {
        Action::Next => dialog.focus = (dialog.focus + 1) % count,
        Action::Previous => dialog.focus = (dialog.focus + count - 1) % count,
        Action::Back => {
            model.modals.pop();
        }
        Action::Edit(chord) => line::edit(&mut dialog.input, chord),
        Action::Open if dialog.may_press() => {
            let (kind, focus) = (dialog.kind.clone(), dialog.focus);
            model.modals.pop();
            if focus > 0 {
                return press(model, kind, focus);
            }
        }
        _ => {}
    }
    Vec::new()
}

fn press(model: &mut Model, kind: DialogKind, button: usize) -> Vec<Effect> {
    match kind {
        DialogKind::Terminate(machines) => machines
            .into_iter()
            .map(|(provider, machines)| Effect::Submit(Box::new(Operation::Terminate { provider, machines })))
            .collect(),
        DialogKind::RemoveImage(provider, name) => vec![Effect::RemoveImage(provider, name)],
        DialogKind::Stop(id) => vec![Effect::Cancel(id, CancelLevel::Stop)],
        DialogKind::Quit if button == 1 => vec![Effect::Leave(Leave::LettingGo)],
        DialogKind::Quit => {
            model.leaving = true;
            model.ours.iter().map(|id| Effect::Cancel(id.clone(), CancelLevel::Stop)).collect()
        }
    }
}
