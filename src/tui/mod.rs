//! The dashboard: messages in, a pure update, effects out, a pure view. No key waits for anything.
//!
//! | part | what it is | may import |
//! |---|---|---|
//! | `keys`, `action` | what a person can mean, and which key means it where | – |
//! | `theme`, `widget` | drawing that knows nothing of ours | – |
//! | `output` | a job's output as lines; its protocol is data | – |
//! | `model` | where a person is | keys, action, theme, output's data |
//! | `msg`, `effect` | what wakes the loop, what it asks of the world | keys, output's data |
//! | `update` | `(&mut Model, &Store, Msg) -> Vec<Effect>` | model, msg, effect, keys |
//! | `view` | `(&Model, &Store, &Theme, …) -> Painted` | model, keys, theme, widget |
//! | `app` | update and view put together, without a terminal | all of these |
//! | `run`, `feed`, `perform`, `guard`, `input`, `log` | the loop, the session, the terminal | all |

pub mod action;
mod app;
#[cfg(test)]
mod costs_test;
pub mod effect;
mod feed;
#[cfg(test)]
mod fixtures;
mod guard;
mod input;
pub mod keys;
mod log;
pub mod model;
pub mod msg;
pub mod output;
#[cfg(test)]
mod panes_test;
mod perform;
mod run;
#[cfg(test)]
mod tests;
pub mod theme;
mod update;
mod view;
pub mod widget;

pub use app::App;
pub use model::Setup;
pub use run::{Dashboard, Left, run};
pub use theme::ThemeName;
