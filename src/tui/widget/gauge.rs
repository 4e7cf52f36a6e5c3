//! A bar that fills: parts of a whole, each with a sign of its own, so that it reads without colour.

use super::text::put;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A part of a gauge.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// How much.
    pub amount: u64,
    /// The sign it is drawn with, one column wide.
    pub sign: &'static str,
    /// Its style.
    pub style: Style,
}

/// A gauge.
#[derive(Debug, Clone, Copy)]
pub struct Gauge<'a> {
    /// Its parts, from the left.
    pub parts: &'a [Part],
    /// The whole; nothing is drawn when it is 0.
    pub whole: u64,
    /// The style of what is not filled.
    pub rest: Style,
}

impl Gauge<'_> {
    /// Draws it into the first row of an area.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        if self.whole == 0 {
            return;
        }
        let mut column = 0;
        for (part, cells) in self.parts.iter().zip(self.cells(area.width)) {
            column += put(buffer, area, column, 0, &part.sign.repeat(usize::from(cells)), part.style);
        }
        let rest = usize::from(area.width.saturating_sub(column));
        put(buffer, area, column, 0, &"░".repeat(rest), self.rest);
    }

    /// How many columns each part takes: no part that is there is left out while there is room, and only a whole is
    /// full.
    fn cells(&self, width: u16) -> Vec<u16> {
        let filled: u64 = self.parts.iter().map(|part| part.amount).fold(0, u64::saturating_add);
        let whole = u128::from(self.whole.max(filled));
        let share =
            |amount: u64| u16::try_from(u128::from(amount) * u128::from(width) / whole.max(1)).unwrap_or(width);
        let room = if u128::from(filled) >= whole { width } else { share(filled).max(u16::from(filled > 0)) };
        let mut cells: Vec<u16> =
            self.parts.iter().map(|part| share(part.amount).max(u16::from(part.amount > 0))).collect();
        // rounding goes to or comes from the largest part
        while let Some(most) = (0..cells.len()).max_by_key(|place| cells[*place]) {
            let sum: u16 = cells.iter().fold(0, |sum, cells| sum.saturating_add(*cells));
            if sum == room || cells[most] == 0 {
                break;
            }
            cells[most] = if sum < room { cells[most] + (room - sum) } else { cells[most] - 1 };
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(parts: &[(u64, &'static str)], whole: u64, width: u16) -> String {
        let parts: Vec<Part> =
            parts.iter().map(|(amount, sign)| Part { amount: *amount, sign, style: Style::new() }).collect();
        let area = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(area);
        Gauge { parts: &parts, whole, rest: Style::new() }.draw(area, &mut buffer);
        (0..width).map(|x| buffer[(x, 0)].symbol()).collect()
    }

    #[test]
    fn every_part_is_seen_and_only_a_whole_is_full() {
        for (parts, whole, width, text) in [
            (&[(5, "█"), (5, "x")][..], 20, 8, "██xx░░░░"),
            (&[(999, "█"), (1, "x")], 1000, 6, "█████x"),
            (&[(998, "█"), (1, "x")], 1000, 6, "████x░"),
            (&[(0, "█"), (0, "x")], 10, 4, "░░░░"),
            (&[(0, "█")], 0, 4, "    "),
            (&[(3, "█")], 2, 4, "████"),
            (&[(u64::MAX, "█"), (u64::MAX, "x")], u64::MAX, 4, "██xx"),
            (&[(1, "a"), (1, "b"), (1, "c")], 3, 2, "ab"),
            (&[(1, "a")], 2, 0, ""),
        ] {
            let shown = drawn(parts, whole, width);
            assert_eq!(shown.chars().count(), usize::from(width));
            assert_eq!(shown, text);
        }
    }
}
