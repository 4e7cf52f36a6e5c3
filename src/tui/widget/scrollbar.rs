//! A scrollbar of one column, with ticks for places worth going to.

use super::text::put;
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Where one is in a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrollbar {
    /// The whole.
    pub total: u64,
    /// The first of what is seen.
    pub from: u64,
    /// What comes after the last of it.
    pub to: u64,
}

impl Scrollbar {
    /// The row of a track of so many rows where a place is.
    #[must_use]
    pub fn row(&self, at: u64, high: u16) -> u16 {
        let row = u128::from(at) * u128::from(high) / u128::from(self.total.max(1));
        u16::try_from(row).unwrap_or(u16::MAX).min(high.saturating_sub(1))
    }

    /// Draws it over the rows of an area's first column. Each kind of tick has a mark of its own; later kinds lie over
    /// earlier ones.
    pub fn draw(&self, ticks: &[(&[u64], &str, Style)], area: Rect, buffer: &mut Buffer, theme: &Theme) {
        if area.is_empty() {
            return;
        }
        let (first, last) = (self.row(self.from, area.height), self.row(self.to.saturating_sub(1), area.height));
        for row in 0..area.height {
            let (mark, style) =
                if (first..=last).contains(&row) { ("┃", theme.accent) } else { ("│", theme.faint) };
            put(buffer, area, 0, row, mark, style);
        }
        for (places, mark, style) in ticks {
            let mut drawn = None;
            for place in *places {
                let row = self.row(*place, area.height);
                if drawn != Some(row) {
                    put(buffer, area, 0, row, mark, *style);
                    drawn = Some(row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::ThemeName;

    #[test]
    fn the_thumb_is_where_one_is_and_ticks_lie_over_it() {
        let theme = Theme::named(ThemeName::Mono);
        let area = Rect::new(0, 0, 1, 10);
        let mut buffer = Buffer::empty(area);
        let bar = Scrollbar { total: 1000, from: 200, to: 400 };
        bar.draw(&[(&[0, 10, 999, 5000], "✗", theme.bad)], area, &mut buffer, &theme);
        let text: String = (0..10).map(|row| buffer[(0, row)].symbol().to_owned()).collect();
        assert_eq!(text, "✗│┃┃│││││✗");
        // nothing to show, nowhere to show it
        Scrollbar { total: 0, from: 0, to: 0 }.draw(&[], area, &mut buffer, &theme);
        bar.draw(&[], Rect::new(0, 0, 0, 0), &mut buffer, &theme);
    }
}
