//! What the palette lists: every command of the key table that holds where it was opened, by name.

use super::{Model, Palette};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::keys::{Fact, Row, Situation, TABLE};

/// A line of the palette.
#[derive(Debug, Clone, Copy)]
pub struct CommandRow {
    /// The command.
    pub row: &'static Row,
    /// What it needs and lacks here.
    pub unmet: Option<Fact>,
}

/// Commands that hold on every screen, whichever pane has a key for them.
fn anywhere(action: Action) -> bool {
    matches!(
        action,
        Action::Demo
            | Action::RunTests
            | Action::Launch
            | Action::Bootstrap
            | Action::Quit
            | Action::Purge
            | Action::TerminateEc2
    )
}

/// The commands that match what is typed: by what stands at the beginning of a name first, then anywhere in it, then
/// by its letters in their order, then by the words of what it does; of equals those that cannot be done now last.
#[must_use]
pub fn command_rows(model: &Model, store: &Store, palette: &Palette) -> Vec<CommandRow> {
    let situation = model.situation_below(store);
    let wanted = palette.input.value().trim().to_lowercase();
    let mut rows: Vec<(bool, u8, CommandRow)> = here(model, &situation)
        .into_iter()
        .filter(|row| row.action != Action::Palette)
        .filter_map(|row| {
            let unmet = row.unmet(&situation);
            rank(row, &wanted).map(|rank| (unmet.is_some(), rank, CommandRow { row, unmet }))
        })
        .collect();
    rows.sort_by_key(|(unmet, rank, _)| (*rank, *unmet));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

fn here(model: &Model, situation: &Situation) -> Vec<&'static Row> {
    let mut rows: Vec<&'static Row> = Vec::new();
    let bare = model.modals.len() <= 1;
    let held = situation.scopes.iter().flat_map(|scope| TABLE.iter().filter(move |row| row.scope == *scope));
    let others = TABLE.iter().filter(|row| bare && anywhere(row.action));
    for row in held.chain(others) {
        // of two rows for one thing the one that can be done counts, else the innermost
        match rows.iter().position(|known| known.action == row.action) {
            Some(place) if rows[place].unmet(situation).is_some() && row.unmet(situation).is_none() => {
                rows[place] = row;
            }
            Some(_) => {}
            None => rows.push(row),
        }
    }
    rows
}

/// How well a command matches, 0 the best; none when it does not.
fn rank(row: &Row, wanted: &str) -> Option<u8> {
    let mut letters = row.name.chars();
    if row.name.starts_with(wanted) {
        Some(0)
    } else if row.name.contains(wanted) {
        Some(1)
    } else if wanted.chars().all(|c| letters.any(|letter| letter == c)) {
        Some(2)
    } else if row.doc.to_lowercase().contains(wanted) {
        Some(3)
    } else {
        None
    }
}
