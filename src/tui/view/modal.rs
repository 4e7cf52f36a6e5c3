//! What lies over the screen: pages, the palette, forms, dialogs.

use crate::store::Store;
use crate::tui::model::{Dialog, Form, Hit, Model, Page, Painted, Palette};
use crate::tui::theme::Theme;
use crate::tui::widget::put;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget as _};

/// A box of so many columns and rows in the middle, or as much of it as fits; gives its inside.
fn boxed(
    title: &str,
    columns: u16,
    rows: u16,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) -> Rect {
    let (columns, rows) = (columns.min(area.width), rows.min(area.height));
    let place = Rect::new(area.x + (area.width - columns) / 2, area.y + (area.height - rows) / 2, columns, rows);
    Clear.render(place, buffer);
    buffer.set_style(place, theme.base);
    let block = Block::bordered().border_style(theme.accent).title(format!(" {title} "));
    let inside = block.inner(place);
    block.render(place, buffer);
    painted.hits.clear();
    painted.height = usize::from(inside.height);
    painted.width = usize::from(inside.width);
    inside
}

/// A page.
pub(super) fn page(page: &Page, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = u16::try_from(page.lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inside = boxed(&page.title, 100, rows, theme, area, buffer, painted);
    painted.last_top = page.lines.len().saturating_sub(painted.height);
    for (row, (line, heading)) in page.lines.iter().skip(page.top).take(painted.height).enumerate() {
        let style = if *heading { theme.accent } else { theme.base };
        put(buffer, inside, 0, u16::try_from(row).unwrap_or(0), line, style);
    }
}

/// The palette.
pub(super) fn palette(
    _model: &Model,
    _store: &Store,
    palette: &Palette,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let inside = boxed("Commands", 60, 16, theme, area, buffer, painted);
    put(buffer, inside, 0, 0, &format!(": {}", palette.input.value()), theme.title);
}

/// A form.
pub(super) fn form(form: &Form, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let inside = boxed("Form", 72, 20, theme, area, buffer, painted);
    for (row, field) in form.fields.iter().enumerate() {
        put(buffer, inside, 0, u16::try_from(row).unwrap_or(0), field.name, theme.base);
    }
}

/// A dialog.
pub(super) fn dialog(dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = u16::try_from(dialog.lines.len()).unwrap_or(u16::MAX).saturating_add(6);
    let inside = boxed(&dialog.title, 70, rows, theme, area, buffer, painted);
    for (row, line) in dialog.lines.iter().enumerate() {
        put(buffer, inside, 1, u16::try_from(row).unwrap_or(u16::MAX), line, theme.base);
    }
    let row = inside.height.saturating_sub(1);
    let mut column = 1;
    for (place, button) in dialog.buttons.iter().enumerate() {
        let style = if place == dialog.focus { theme.selected } else { theme.base };
        let start = column;
        column += put(buffer, inside, column, row, &format!("[ {button} ]"), style);
        painted.hits.push((Rect::new(inside.x + start, inside.y + row, column - start, 1), Hit::Item(place)));
        column += 2;
    }
}
