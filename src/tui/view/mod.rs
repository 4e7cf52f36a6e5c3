//! What a frame shows: `(&Model, &Store, &Theme, Rect, &mut Buffer) -> Painted`. Reads no clock and changes nothing. A
//! file for each pane and each thing over it.

mod dialog;
mod form;
mod form_costs;
mod frame;
mod home;
mod images;
mod job;
mod jobs;
mod log;
mod machines;
mod modal;
mod output;
mod page;
mod palette;
mod resources;
mod spending;
mod states;

use super::model::{Modal, Model, Painted};
use super::theme::Theme;
use crate::store::Store;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the dashboard.
pub(super) fn view(model: &Model, store: &Store, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Painted {
    let mut painted = Painted::default();
    buffer.set_style(area, theme.base);
    let body = frame::draw(model, store, theme, area, buffer, &mut painted);
    match &model.job {
        Some(screen) => job::draw(model, store, screen, theme, body, buffer, &mut painted),
        None => home::draw(model, store, theme, body, buffer, &mut painted),
    }
    for modal in &model.modals {
        match modal {
            Modal::Page(page) => page::draw(page, theme, area, buffer, &mut painted),
            Modal::Help(help) => page::help(help, theme, area, buffer, &mut painted),
            Modal::Palette(palette) => palette::draw(model, store, palette, theme, area, buffer, &mut painted),
            Modal::Form(form) => form::draw(form, theme, area, buffer, &mut painted),
            Modal::Dialog(dialog) => dialog::draw(dialog, theme, area, buffer, &mut painted),
        }
    }
    painted
}
