//! What a form's operation would cost: as many lines of it as there is room for, the most important first.

use super::modal::{cells, wrapped};
use crate::tui::model::{Costs, TypeRow, TypeTable};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Between parts that stand in one line.
const BETWEEN: &str = " · ";
/// Columns that the numbers of a table of types take: processors, price, time, cost, percent.
const NUMBERS: [u16; 5] = [7, 13, 9, 10, 9];

/// So wide is a table at most: a row is read across.
const WIDEST: u16 = 84;

/// A line of it.
pub(super) enum Line<'a> {
    /// A text.
    Text(String, Style),
    /// What stands above or below a table of types.
    Note(&'a str),
    /// A row of such a table; whether it is the one that was asked for.
    Type(&'a TypeRow, bool),
}

/// All of it, in lines of a width; without the table where that has no room.
pub(super) fn lines<'a>(costs: &'a Costs, theme: &Theme, room: usize) -> Vec<Line<'a>> {
    let text = |lines: Vec<String>, style: Style| lines.into_iter().map(move |line| Line::Text(line, style));
    let mut all: Vec<Line<'a>> = text(joined(costs.parts.iter().chain(&costs.limits), room), theme.info).collect();
    for warning in &costs.warnings {
        all.extend(text(wrapped(&format!("! {warning}"), room), theme.warn));
    }
    if let Some(types) = costs.types.as_ref().filter(|_| room >= usize::from(NUMBERS.iter().sum::<u16>()) + 20) {
        all.extend(table(types));
    }
    if let Some(excluded) = &costs.excluded {
        all.extend(text(wrapped(excluded, room), theme.dim));
    }
    all
}

/// So many lines of it as have room: all; or what is in it and what is not left out; or the table left out; or else the first
/// line in few words, what a person has to know, and what comes next as far as it goes. Never a part of a table.
pub(super) fn fitting<'a>(costs: &'a Costs, theme: &Theme, room: usize, rows: usize) -> Vec<Line<'a>> {
    let mut all = lines(costs, theme, room);
    let excluded = costs.excluded.as_ref().map_or(0, |text| wrapped(text, room).len());
    if all.len() <= rows {
        return all;
    }
    if all.len() - excluded <= rows {
        all.truncate(all.len() - excluded);
        return all;
    }
    all.retain(|line| matches!(line, Line::Text(..)));
    if all.len() <= rows {
        return all;
    }
    let short = costs.brief.iter().find(|text| width(text) <= room).or(costs.brief.last());
    let mut some: Vec<Line<'a>> = short.map(|text| Line::Text(text.clone(), theme.info)).into_iter().collect();
    let warnings = costs.warnings.iter().flat_map(|warning| wrapped(&format!("! {warning}"), room));
    some.extend(warnings.map(|line| Line::Text(line, theme.warn)));
    some.extend(joined(&costs.limits, room).into_iter().map(|line| Line::Text(line, theme.info)));
    some.truncate(rows);
    some
}

fn table(types: &TypeTable) -> Vec<Line<'_>> {
    let mut all = vec![Line::Note(&types.title)];
    all.extend(types.rows.iter().enumerate().map(|(place, row)| Line::Type(row, place == 0)));
    all.extend(types.foot.map(Line::Note));
    all
}

/// Parts in lines, as many in each as have room.
fn joined<'a>(parts: impl IntoIterator<Item = &'a String>, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if width(line) + width(BETWEEN) + width(part) <= room => {
                line.push_str(BETWEEN);
                line.push_str(part);
            }
            _ => lines.extend(wrapped(part, room)),
        }
    }
    lines
}

/// Draws lines of it.
pub(super) fn draw(lines: &[Line<'_>], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for (row, line) in lines.iter().enumerate() {
        let row = cells(row);
        match line {
            Line::Text(text, style) => {
                put(buffer, area, 0, row, text, *style);
            }
            Line::Note(text) => {
                put(buffer, area, 0, row, text, theme.dim);
            }
            Line::Type(columns, asked) => {
                let style = if *asked { theme.title } else { theme.base };
                let mut end = area.width.min(WIDEST);
                for (text, wide) in columns[1..].iter().zip(NUMBERS).rev() {
                    put_right(buffer, Rect { width: end, ..area }, row, text, style);
                    end = end.saturating_sub(wide);
                }
                put(buffer, Rect { width: end, ..area }, 2, row, &columns[0], style);
            }
        }
    }
}
