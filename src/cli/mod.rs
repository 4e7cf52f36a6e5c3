//! The command line: what is typed becomes an operation or a question, what happens becomes lines of text or JSON.
//! The only home of clap and indicatif, and of printing. [`parse`] touches nothing but the words; commands that need
//! no session run without one ([`run_alone`]), all others get theirs from the composition root ([`run`]).

mod args;
mod cmd;
mod error;
pub mod exit;
mod farewell;
mod follow;
mod help;
mod interrupt;
mod lines;
mod ndjson;
mod paint;
mod parse;
mod printer;
mod progress;
mod split;
mod summary;
mod table;
mod tail;
mod words;

#[cfg(test)]
mod snapshots;

pub use args::{Cli, ColorWhen, Global, Verb};
pub use error::fail;
pub use farewell::{Farewell, farewell};
pub use parse::{Need, Parsed, parse};

use crate::domain::{Operation, ProviderKind, Transport};
use crate::session::Session;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

/// What the commands need from the composition root besides a session, as plain values.
#[derive(Debug, Clone)]
pub struct CliContext {
    /// The state directory, whether it exists or not.
    pub state_dir: PathBuf,
    /// Where `config.toml` is looked for.
    pub config_path: PathBuf,
    /// The configuration in force, as TOML; empty when it was not read.
    pub config_in_force: String,
    /// The documented sample of `config.toml`.
    pub config_sample: &'static str,
    /// The folder hga was called in.
    pub current_dir: PathBuf,
    /// The provider when none is named.
    pub provider: ProviderKind,
    /// The lease when none is named.
    pub lease: Duration,
    /// How an EC2 machine is reached when nothing is said.
    pub transport: Transport,
    /// Whether everybody may be let in to an EC2 machine's SSH port.
    pub open_ingress: bool,
    /// The Python when none is named.
    pub python: String,
    /// Flags for `run-tests.py` that the demo always uses.
    pub demo_flags: Vec<String>,
    /// The Python of the demo.
    pub demo_python: String,
    /// Tests of the demo when none are named.
    pub demo_tests: Vec<String>,
}

/// What the composition root opens for a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Front {
    /// Lines: [`run`] or [`run_alone`].
    Lines,
    /// The dashboard, with an operation to begin with or none.
    Dashboard(Option<Box<Operation>>),
}

impl Cli {
    /// Which front end a command wants: the dashboard needs a terminal to read from and to draw on.
    #[must_use]
    pub fn front(&self, context: &CliContext) -> Front {
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        self.front_on(terminal, context)
    }

    fn front_on(&self, terminal: bool, context: &CliContext) -> Front {
        if !terminal || self.global.json {
            return Front::Lines;
        }
        match &self.verb {
            None => Front::Dashboard(None),
            Some(Verb::Demo(demo)) if !demo.no_tui => {
                Front::Dashboard(Some(Box::new(cmd::demo_operation(demo, context))))
            }
            _ => Front::Lines,
        }
    }
}

/// What `hga demo` does when nothing else is said.
#[must_use]
pub fn demo(context: &CliContext) -> Operation {
    cmd::demo_operation(&args::Demo::plain(), context)
}

/// Runs a command for which [`Cli::need`] said that it needs no session; gives the exit code.
#[must_use]
pub fn run_alone(cli: &Cli, context: &CliContext) -> i32 {
    let mut printer = printer::Printer::of_process(&cli.global);
    let outcome = cmd::alone(cli, context, &mut printer);
    error::settle(outcome, &mut printer)
}

/// Runs a command with a session, which it shuts down at the end; gives the exit code.
pub async fn run(cli: Cli, session: Session, context: CliContext) -> i32 {
    let mut printer = printer::Printer::of_process(&cli.global);
    let outcome = cmd::dispatch(&cli, &session, &context, &mut printer).await;
    let code = error::settle(outcome, &mut printer);
    session.shutdown().await;
    code
}
