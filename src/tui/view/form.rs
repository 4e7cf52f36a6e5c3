//! Forms: a row for each field, why it cannot stay like that below it, proposals over the rows below, and at the bottom
//! what the field is for, what the whole would cost and what it is as a command line.

use super::costs;
use super::modal::{Boxed, cells, wrapped};
use crate::domain::escape_line;
use crate::tui::model::{Field, FieldId, FieldValue, Form, FormKind, Hit, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::{cut, put, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

/// So many proposals are shown at once.
const SHOWN: usize = 5;
/// Where values begin.
const VALUES: u16 = 14;

/// Draws it.
pub(super) fn draw(form: &Form, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let title = match &form.kind {
        FormKind::RunTests => "Run tests".to_owned(),
        FormKind::Launch => "Launch a machine".to_owned(),
        FormKind::Rerun(job) => format!("Run again what {job} ran"),
    };
    let room = usize::from(area.width.min(96).saturating_sub(4));
    let command = match (&form.refused, form.operation()) {
        (Some(why), _) => wrapped(&format!("not started: {why}"), room),
        (None, Ok(operation)) => wrapped(&format!("$ {}", escape_line(&operation.command_line())), room),
        (None, Err(_)) => vec!["$ (something above is not right yet)".to_owned()],
    };
    let command: Vec<String> = command.into_iter().take(4).collect();
    // every field's rows: its own, and some where it cannot stay like that
    let mut rows = Vec::new();
    for (place, field) in form.fields.iter().enumerate().filter(|(_, field)| form.shows(field.id)) {
        rows.push((place, None));
        if let Some(why) = &field.error {
            let lines = wrapped(&format!("✗ {why}"), room.saturating_sub(usize::from(VALUES)).max(8));
            rows.extend(lines.into_iter().take(3).map(|line| (place, Some(line))));
        }
    }
    let all = costs::lines(&form.costs, theme, room).len();
    let wanted = cells(rows.len() + 1 + 1 + all + command.len() + 1).saturating_add(2);
    let boxed = Boxed { title: &title, style: theme.accent, columns: cells(room + 4), rows: wanted };
    let inside = boxed.draw(theme, area, buffer, painted);
    let inside = Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside };
    // where there is little room the focused field and its words matter most
    let spare = usize::from(inside.height);
    let help = usize::from(spare >= 3);
    let button = usize::from(spare >= 6);
    // its price in one line, and why it is refused; the rest of it where there is room
    let money = all.min(match spare {
        ..5 => 0,
        ..12 if form.costs.free => 0,
        5..10 => 1,
        _ => 1 + form.costs.warnings.len().min(2),
    });
    let fixed = rows.len() + help + button;
    let below = if spare >= fixed + money + command.len() { command.len() } else { usize::from(spare >= 9) };
    let money = all.min(money + spare.saturating_sub(fixed + money + below));
    let money = costs::fitting(&form.costs, theme, usize::from(inside.width), money);
    let list = Rect { height: cells(spare - help - button - below - money.len()), ..inside };
    let shown = usize::from(list.height);
    let focus = rows.iter().rposition(|(place, _)| *place == form.focus).unwrap_or(0);
    let top = (focus + 1).saturating_sub(shown).min(rows.len().saturating_sub(shown));
    painted.height = shown;
    let mut under = 0;
    for (row, (place, error)) in rows.iter().skip(top).take(shown).enumerate() {
        let (field, line) = (&form.fields[*place], cells(row));
        if let Some(why) = error {
            put(buffer, list, VALUES, line, why, theme.bad);
        } else {
            draw_field(form, field, *place == form.focus, theme, list, line, buffer);
            painted.hits.push((Rect::new(list.x, list.y + line, list.width, 1), Hit::Item(*place)));
        }
        if *place == form.focus {
            under = line + 1;
        }
    }
    let mut row = list.height;
    if help > 0 {
        let said = form.focused().map_or("", |field| field.id.help());
        put(buffer, inside, 0, row, said, theme.info);
        row += 1;
    }
    costs::draw(&money, theme, Rect { y: inside.y + row, height: cells(money.len()), ..inside }, buffer);
    row += cells(money.len());
    for line in command.iter().take(below) {
        put(buffer, inside, 0, row, line, if form.refused.is_some() { theme.bad } else { theme.dim });
        row += 1;
    }
    if button > 0 {
        let words = if form.pending { "[ starting … ]" } else { "[ Start: Enter ]" };
        let taken = put(buffer, inside, 0, row, words, theme.key);
        painted.hits.push((Rect::new(inside.x, inside.y + row, taken, 1), Hit::Item(form.fields.len())));
        put(buffer, inside, taken + 2, row, "Tab: next field   Esc: cancel", theme.dim);
    }
    propose(form, theme, list, under, area, buffer, painted);
}

fn draw_field(form: &Form, field: &Field, focused: bool, theme: &Theme, list: Rect, row: u16, buffer: &mut Buffer) {
    put(buffer, list, 0, row, if focused { "▶" } else { " " }, theme.accent);
    put(buffer, list, 2, row, field.id.label(), if focused { theme.title } else { theme.dim });
    let place = Rect { x: list.x + VALUES.min(list.width), width: list.width.saturating_sub(VALUES), ..list };
    match &field.value {
        FieldValue::Text(input) => {
            let room = usize::from(place.width).saturating_sub(1);
            let style = if focused { theme.title } else { theme.base };
            if focused {
                buffer.set_style(Rect { y: place.y + row, height: 1, ..place }.intersection(list), theme.raised);
                let before: String = input.value().chars().take(input.cursor()).collect();
                let after: String = input.value().chars().skip(input.cursor()).collect();
                let before = tail(&escape_line(&before), room);
                let at = put(buffer, place, 0, row, &before, style);
                put(buffer, place, at, row, "▏", theme.accent);
                put(buffer, place, at + 1, row, &escape_line(&after), style);
            } else if input.value().is_empty() {
                let usual = match field.id {
                    FieldId::Tests => "all",
                    FieldId::Types => &form.usual_types,
                    FieldId::Cap => "as configured",
                    _ => "",
                };
                put(buffer, place, 0, row, usual, theme.dim);
            } else {
                put(buffer, place, 0, row, &escape_line(input.value()), style);
            }
        }
        FieldValue::Choice { options, index } => {
            let text = options.get(*index).map_or("", String::as_str);
            choice(&escape_line(text), Some((index + 1, options.len())), focused, theme, place, row, buffer);
        }
        FieldValue::Switch(on, words) => {
            let mark = if *on { "[x]" } else { "[ ]" };
            choice(&format!("{mark} {}", words[usize::from(*on)]), None, focused, theme, place, row, buffer);
        }
    }
}

fn choice(
    text: &str,
    of: Option<(usize, usize)>,
    focused: bool,
    theme: &Theme,
    place: Rect,
    row: u16,
    buffer: &mut Buffer,
) {
    if !focused {
        put(buffer, place, 0, row, text, theme.base);
        return;
    }
    let count = of.map_or_else(String::new, |(at, all)| format!(" ({at} of {all})"));
    let room = usize::from(place.width).saturating_sub(4 + width(&count));
    let text = cut(text, room);
    put(buffer, place, 0, row, &format!("◂ {text} ▸{count}"), theme.title);
}

/// The end of a text that fits, with a `…` where its beginning does not.
fn tail(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let start =
        text.char_indices().map(|(byte, _)| byte).find(|byte| width(&text[*byte..]) < room).unwrap_or(text.len());
    format!("…{}", &text[start..])
}

/// What a proposal costs, where it is a type.
fn cost<'a>(form: &'a Form, name: &str) -> &'a str {
    if form.focused().is_none_or(|field| field.id != FieldId::Types) {
        return "";
    }
    form.costs.choices.iter().find(|choice| choice.name == name).map_or("", |choice| choice.said.as_str())
}

fn propose(
    form: &Form,
    theme: &Theme,
    list: Rect,
    under: u16,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    if form.proposals.is_empty() || list.width <= VALUES {
        return;
    }
    let first = (form.chosen + 1).saturating_sub(SHOWN);
    let names: Vec<&String> = form.proposals.iter().skip(first).take(SHOWN).collect();
    // of a type it is told what it costs
    let costs: Vec<&str> = names.iter().map(|name| cost(form, name)).collect();
    let longest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let beside = costs.iter().map(|said| width(said) + 2).max().unwrap_or(0);
    let wide = cells(longest + beside + 14).min(list.width - VALUES);
    let place = Rect::new(list.x + VALUES, list.y + under, wide, cells(names.len())).intersection(area);
    Clear.render(place, buffer);
    buffer.set_style(place, theme.base.patch(theme.raised));
    for (row, name) in names.into_iter().enumerate() {
        let at = first + row;
        let line = Rect { y: place.y + cells(row), height: 1, ..place }.intersection(place);
        if line.is_empty() {
            break;
        }
        let mark = if at == form.chosen { "▶ " } else { "  " };
        let taken = put(buffer, place, 0, cells(row), mark, theme.accent);
        put(buffer, place, taken, cells(row), &escape_line(name), theme.base);
        put(buffer, place, taken + cells(longest) + 2, cells(row), costs[row], theme.info);
        if at == form.chosen {
            buffer.set_style(line, theme.selected);
            let count = format!("{}/{}", at + 1, form.proposals.len());
            crate::tui::widget::put_right(buffer, line, 0, &count, theme.dim);
        }
        painted.hits.push((line, Hit::Item(form.fields.len() + 1 + at)));
    }
}
