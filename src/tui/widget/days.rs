//! A bar for each day of a month, in eighths of a row, with days below and the largest amount beside it.

use super::text::{put, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Every so many days one is numbered.
const NUMBERED: u16 = 5;
/// No bar is wider.
const WIDEST: u16 = 4;

/// The bars.
#[derive(Debug, Clone, Copy)]
pub struct DayBars<'a> {
    /// An amount for each day up to today, which is the last.
    pub days: &'a [f64],
    /// How many days the month has.
    pub length: u16,
    /// The largest amount, in words.
    pub most: &'a str,
    /// The month.
    pub name: &'a str,
    /// The style of days that are over,
    pub past: Style,
    /// of today,
    pub today: Style,
    /// of numbers and names,
    pub axis: Style,
    /// and of days without an amount.
    pub none: Style,
}

impl DayBars<'_> {
    /// Draws them; the last row of the area holds the days' numbers.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let gutter = u16::try_from(width(self.most).max(width(self.name)) + 1).unwrap_or(u16::MAX);
        let Some(room) = area.width.checked_sub(gutter).filter(|room| *room >= self.length && area.height >= 2)
        else {
            return;
        };
        let each = (room / self.length.max(1)).clamp(1, WIDEST + 1);
        // days are told apart by a gap where there is room for one
        let bar = if each > 1 { each - 1 } else { 1 };
        let high = area.height - 1;
        let most = self.days.iter().copied().fold(0.0, f64::max);
        let right = |text: &str| gutter.saturating_sub(u16::try_from(width(text) + 1).unwrap_or(gutter));
        put(buffer, area, right(self.most), 0, self.most, self.axis);
        if high > 2 {
            put(buffer, area, right("0"), high - 1, "0", self.axis);
        }
        put(buffer, area, right(self.name), high, self.name, self.axis);
        let today = u16::try_from(self.days.len()).unwrap_or(self.length);
        for day in 1..=self.length {
            let at = gutter + (day - 1) * each;
            let style = if day == today { self.today } else { self.past };
            let amount = self.days.get(usize::from(day - 1)).copied().unwrap_or(0.0);
            let eighths = eighths(amount, most, high);
            for row in 0..high {
                let filled = eighths.saturating_sub(8 * u32::from(high - 1 - row)).min(8);
                let (sign, style) = match filled {
                    0 if row + 1 == high && eighths == 0 => ("·", self.none),
                    0 => continue,
                    filled => (EIGHTHS[usize::try_from(filled).unwrap_or(8)], style),
                };
                put(buffer, area, at, row, &sign.repeat(usize::from(bar)), style);
            }
        }
        self.numbers(area, gutter, each, high, today, buffer);
    }

    /// Numbers below: today's always, with a mark, others where they leave it alone.
    fn numbers(&self, area: Rect, gutter: u16, each: u16, row: u16, today: u16, buffer: &mut Buffer) {
        let place = |day: u16| gutter + (day - 1) * each;
        let mut taken: Vec<(u16, u16)> = Vec::new();
        if (1..=self.length).contains(&today) {
            let text = format!("▲{today}");
            let wide = u16::try_from(width(&text)).unwrap_or(0);
            let mut at = place(today);
            let mut shown = text;
            if at + wide > area.width {
                // the number goes before the mark
                at = at.saturating_sub(wide - 1);
                shown = format!("{today}▲");
            }
            put(buffer, area, at, row, &shown, self.today);
            taken.push((at, at + wide));
        }
        for day in (1..=self.length).filter(|day| *day == 1 || day % NUMBERED == 0) {
            let text = day.to_string();
            let (from, to) = (place(day), place(day) + u16::try_from(text.len()).unwrap_or(0));
            // one column between two numbers
            let free = taken.iter().all(|(begin, end)| to < *begin || from > *end);
            if free && to <= area.width {
                put(buffer, area, from, row, &text, self.axis);
                taken.push((from, to));
            }
        }
    }
}

/// How many eighths of a row a bar is high; what is there is seen.
fn eighths(amount: f64, most: f64, high: u16) -> u32 {
    if amount <= 0.0 || most <= 0.0 || !amount.is_finite() || !most.is_finite() {
        return 0;
    }
    let whole = f64::from(high) * 8.0;
    // between 0 and 8 times as many rows as a terminal has
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and within its bounds")]
    let eighths = (amount / most * whole).round().clamp(1.0, whole) as u32;
    eighths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(days: &[f64], length: u16, columns: u16, rows: u16) -> Vec<String> {
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        let plain = Style::new();
        let bars =
            DayBars { days, length, most: "$9.00", name: "Feb", past: plain, today: plain, axis: plain, none: plain };
        bars.draw(area, &mut buffer);
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..rows).map(row).collect()
    }

    #[test]
    fn every_day_has_its_bar_and_today_its_mark() {
        let days = [9.0, 0.0, 0.001, 4.5, 6.75];
        assert_eq!(
            drawn(&days, 28, 34, 3),
            ["$9.00 █   ▄", "      █·▁██·······················", "  Feb 1   ▲5   10   15   20   25"]
        );
        // with room each is wider, and there is a gap
        assert_eq!(
            drawn(&days, 28, 92, 4)[2..],
            [
                "    0 ██ ·· ▁▁ ██ ██ ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ·· ··",
                "  Feb 1           ▲5             10             15             20             25",
            ]
        );
    }

    #[test]
    fn a_month_just_begun_and_one_at_its_end_look_right() {
        assert_eq!(
            drawn(&[0.0], 31, 40, 2),
            ["$9.00 ·······························", "  Feb ▲1  5    10   15   20   25   30"]
        );
        assert_eq!(drawn(&[9.0], 31, 37, 2)[0], "$9.00 █······························");
        let whole = [9.0; 31];
        assert_eq!(drawn(&whole, 31, 37, 2)[1], "  Feb 1   5    10   15   20   25  31▲");
        // where there is no room for all of them there are none
        assert_eq!(drawn(&whole, 31, 36, 2), ["", ""]);
        assert_eq!(drawn(&whole, 31, 80, 1), [""]);
    }

    #[test]
    fn bars_are_never_too_high_and_never_out_of_sight() {
        for (amount, most, high, expected) in [
            (0.0, 1.0, 3, 0),
            (1.0, 1.0, 3, 24),
            (0.5, 1.0, 3, 12),
            (1e-9, 1.0, 3, 1),
            (f64::NAN, 1.0, 3, 0),
            (1.0, 0.0, 3, 0),
        ] {
            assert_eq!(eighths(amount, most, high), expected);
        }
    }
}
