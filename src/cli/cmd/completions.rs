//! `hga completions`.

use super::super::args::{Cli, Completions};
use super::super::error::Outcome;
use super::super::exit;
use super::super::printer::Printer;
use clap::CommandFactory as _;

pub(super) fn run(args: &Completions, printer: &mut Printer) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hga", &mut script);
    printer.out(&String::from_utf8_lossy(&script))?;
    Ok(exit::OK)
}
