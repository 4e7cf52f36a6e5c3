//! `hga config`.

use super::super::CliContext;
use super::super::args::Config;
use super::super::error::Outcome;
use super::super::exit;
use super::super::printer::Printer;
use serde_json::json;

pub(super) fn run(args: &Config, context: &CliContext, printer: &mut Printer) -> Outcome {
    let path = context.config_path.display().to_string();
    let json = printer.is_json();
    let text = match (args.sample, args.path) {
        (true, _) => context.config_sample.to_owned(),
        (_, true) if json => format!("{}\n", json!({"path": path})),
        (_, true) => format!("{path}\n"),
        _ if json => {
            format!("{}\n", json!({"path": path, "state": context.state_dir, "config": context.config_in_force}))
        }
        _ => {
            printer.err(&format!("state directory: {}\n", context.state_dir.display()))?;
            let missing = if context.config_path.exists() { "" } else { " (not there: these are the defaults)" };
            printer.err(&format!("configuration: {path}{missing}\n\n"))?;
            format!("{}\n", context.config_in_force.trim_end())
        }
    };
    printer.out(&text)?;
    Ok(exit::OK)
}
