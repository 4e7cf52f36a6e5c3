//! Forms: filled in from what was asked last, checked, and made an operation.

use super::line;
use crate::domain::TestSource;
use crate::session::Error;
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{FieldValue, Modal, Model};

/// Opens the form that runs tests.
pub(super) fn run_tests(_model: &mut Model, _store: &Store) -> Vec<Effect> {
    Vec::new()
}

/// Opens the form that runs a job's tests again.
pub(super) fn rerun(_model: &mut Model, _store: &Store) -> Vec<Effect> {
    Vec::new()
}

/// Opens the form that launches a machine.
pub(super) fn launch(_model: &mut Model) -> Vec<Effect> {
    Vec::new()
}

/// Makes the development image.
pub(super) fn bootstrap(_model: &mut Model) -> Vec<Effect> {
    Vec::new()
}

/// Takes the names of a source's tests in.
pub(super) fn names(_model: &mut Model, _source: &TestSource, _names: Result<Vec<String>, Error>) -> Vec<Effect> {
    Vec::new()
}

/// Does what a person means in a form.
pub(super) fn act(model: &mut Model, _store: &Store, action: Action) -> Vec<Effect> {
    let Some(Modal::Form(form)) = model.modals.last_mut() else { return Vec::new() };
    match action {
        Action::Back => {
            model.modals.pop();
        }
        Action::Edit(chord) => {
            if let Some(FieldValue::Text(input)) = form.fields.get_mut(form.focus).map(|field| &mut field.value) {
                line::edit(input, chord);
            }
        }
        _ => {}
    }
    Vec::new()
}
