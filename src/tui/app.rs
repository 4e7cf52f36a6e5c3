//! The dashboard without a terminal: messages in, effects and frames out. The loop, the tests and the benches all drive
//! this.

use super::effect::Effect;
use super::keys::Situation;
use super::model::{Model, Setup};
use super::msg::Msg;
use super::theme::Theme;
use super::{update, view};
use crate::domain::Timestamp;
use crate::store::Store;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The dashboard without a terminal.
#[derive(Debug)]
pub struct App {
    /// What it knows of where a person is.
    pub model: Model,
    /// What it knows of jobs.
    pub store: Store,
    theme: Theme,
}

impl App {
    /// A dashboard, and what it asks for to begin with.
    #[must_use]
    pub fn new(setup: Setup, now: Timestamp, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let theme = Theme::named(setup.theme);
        let app = Self { model: Model::new(setup, now, size), store: Store::new(), theme };
        (app, update::begin())
    }

    /// Takes a message in; gives what is to be done.
    pub fn handle(&mut self, msg: Msg) -> Vec<Effect> {
        let msg = match msg {
            Msg::Events(events) => {
                for event in &events {
                    self.store.apply(event);
                }
                Msg::Events(events)
            }
            Msg::History(view) => {
                let job = view.id.clone();
                self.store.put(*view);
                Msg::Loaded(job, Ok(()))
            }
            msg => msg,
        };
        let theme = self.model.theme;
        let effects = update::update(&mut self.model, &self.store, msg);
        for job in update::forgotten(&self.model, &self.store) {
            self.store.forget(&job);
        }
        if theme != self.model.theme {
            self.theme = Theme::named(self.model.theme);
        }
        effects
    }

    /// Draws a frame. What it laid out is kept for the next messages.
    pub fn draw(&mut self, area: Rect, buffer: &mut Buffer) {
        update::settle(&mut self.model, &self.store);
        self.model.painted = view::view(&self.model, &self.store, &self.theme, area, buffer);
        update::fed_back(&mut self.model);
    }

    /// Where a person is.
    #[must_use]
    pub fn situation(&self) -> Situation {
        self.model.situation(&self.store)
    }
}
