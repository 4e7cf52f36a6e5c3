//! Forms: typed in, checked, and made an operation.

use super::line;
use crate::domain::{Operation, TestSource};
use crate::session::Error;
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::keys::{Chord, Code};
use crate::tui::model::{
    Costs, FieldId, FieldValue, Form, FormKind, Modal, Model, proposals, replaced, taken, type_at, type_proposals,
};
use tui_input::Input;

/// Says anew what open forms would cost.
pub(super) fn price(model: &mut Model) {
    let Model { modals, money, setup, machines, now, .. } = model;
    for modal in modals {
        let Modal::Form(form) = modal else { continue };
        form.costs = Costs::of(form, money, setup, &machines.value, *now);
        // a field that is asked no more has not the focus
        if form.focused().is_some_and(|field| !form.shows(field.id)) {
            form.focus = next(form, true);
        }
    }
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
pub(super) fn ask_names(model: &mut Model) -> Vec<Effect> {
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
    match action {
        Action::Back if !form.proposals.is_empty() => form.proposals.clear(),
        Action::Back => {
            model.modals.pop();
        }
        Action::Next | Action::Previous => {
            let to = next(form, action == Action::Next);
            return go(model, to);
        }
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
    go(model, item)
}

/// The field after the one that has the focus, or before it, of those that are shown.
fn next(form: &Form, forward: bool) -> usize {
    let shown = |place: &usize| form.fields.get(*place).is_some_and(|field| form.shows(field.id));
    let after = (form.focus + 1..form.fields.len()).chain(0..form.focus);
    let found = if forward { after.into_iter().find(shown) } else { after.rev().find(shown) };
    found.unwrap_or(form.focus)
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

fn go(model: &mut Model, to: usize) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    form.proposals.clear();
    let left = form.focused().map(|field| field.id);
    form.focus = to;
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
    form.settle();
}

/// The proposals for where the cursor is.
fn propose(form: &mut Form) {
    form.chosen = 0;
    form.proposals = match form.focused() {
        Some(field) if field.id == FieldId::Tests => match &field.value {
            FieldValue::Text(input) => proposals(&form.tests, input.value(), input.cursor()),
            _ => Vec::new(),
        },
        Some(field) if field.id == FieldId::Types => match &field.value {
            FieldValue::Text(input) => type_proposals(&form.costs.choices, input.value(), input.cursor()),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
}

fn complete(form: &mut Form, by: i8) {
    let count = form.proposals.len();
    if count == 0 {
        propose(form);
        if form.proposals.is_empty() && form.focused().is_some_and(|field| field.id == FieldId::Types) {
            // asked for in so many words: all there are
            form.proposals = form.costs.choices.iter().map(|choice| choice.name.clone()).collect();
        }
        return;
    }
    form.chosen = (form.chosen + if by < 0 { count - 1 } else { 1 }) % count;
}

fn take(form: &mut Form) {
    let Some(proposal) = form.proposals.get(form.chosen).cloned() else { return };
    let is_type = form.focused().is_some_and(|field| field.id == FieldId::Types);
    if let Some(input) = input(form) {
        let (text, cursor) = if is_type {
            replaced(input.value(), type_at(input.value(), input.cursor()), &proposal)
        } else {
            taken(input.value(), input.cursor(), &proposal)
        };
        *input = Input::new(text).with_cursor(cursor);
    }
    form.proposals.clear();
    form.refused = None;
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
