//! Every screen at every size: none may panic, down to one cell.

use super::fixture::Desk;
use super::snapshots::SCREENS;
use crate::tui::theme::ThemeName;

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    for (name, open) in SCREENS {
        let mut desk = open(80, 24, ThemeName::Dark);
        // odd sizes one by one, the rest in steps: they differ by more of the same
        for columns in (1..=40).chain((41..=100).step_by(7)).chain([100]) {
            for rows in (1..=12).chain((13..=30).step_by(5)) {
                desk.app.model.size = (columns, rows);
                let frame = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| desk.frame()));
                assert!(frame.is_ok(), "{name} at {columns}×{rows}");
            }
        }
    }
}

#[test]
fn a_screen_that_shrank_and_grew_is_as_it_was() {
    for (name, open) in SCREENS {
        let mut desk = open(80, 24, ThemeName::Dark);
        let before = desk.text();
        desk.app.model.notice = None;
        for (columns, rows) in [(10, 3), (1, 1), (200, 50), (80, 24)] {
            desk.resize(columns, rows);
        }
        desk.settle_output(&before);
        similar(name, &before, &desk.text());
    }
}

/// The same head: which rows a list shows may have moved.
fn similar(name: &str, before: &str, after: &str) {
    let head = |text: &str| text.lines().next().map(str::to_owned);
    assert_eq!(head(before), head(after), "{name}\n{before}\n{after}");
}

impl Desk {
    /// Takes in what the reader says until the screen is such, or it says nothing more.
    fn settle_output(&mut self, wanted: &str) {
        for _ in 0..3 {
            self.read();
            if self.text() == wanted {
                return;
            }
        }
    }
}
