//! What a person means on the costs that is not meant on any list: the selected thing is ended or removed, by the same plans as
//! where it is listed itself.

use super::dialog;
use crate::domain::{PlanVerb, ResourceKind};
use crate::store::Store;
use crate::tui::effect::Effect;
use crate::tui::model::Model;

/// Ends the selected machine, or has it planned what removing the selected image or snapshot would do.
pub(super) fn remove(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some(at) = model.cost_here().cloned() else { return Vec::new() };
    if at.kind == ResourceKind::Machine && model.machine_here(store).is_some() {
        return dialog::terminate(model, store);
    }
    dialog::plan_of(model, store, PlanVerb::Remove, &[at.provider], vec![at.id.clone()], Vec::new())
}
