//! The commands, a file each: words in, operation or answer out. Thin on purpose.

mod bootstrap;
mod completions;
mod config;
mod costs;
mod demo;
mod doctor;
mod estimate;
mod images;
mod jobs;
mod machines;
mod man;
mod plans;
mod prices;
mod resources;
mod run_tests;
mod ssh;

pub(super) use demo::operation as demo_operation;

use super::args::{Cli, Verb, Wish};
use super::error::{Outcome, Stop};
use super::paint::{Paint, Tone};
use super::printer::{Printer, Reader};
use super::{CliContext, exit};
use crate::diag::Hinted as _;
use crate::domain::money::{Allowance, Ledger};
use crate::domain::{CloudWish, Distro, PlanVerb, ProviderKind, Transport, escape_line, is_everybody};
use crate::session::{CheckItem, CheckOutcome, Session};
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

/// The ledger for what only lists: an empty one, and a warning, when it cannot be read.
async fn ledger(session: &Session, printer: &mut Printer) -> Result<Arc<Ledger>, Stop> {
    let (ledger, error) = session.ledger_if_any().await;
    if let Some(error) = error {
        let (paint, text) = (printer.err_paint(), escape_line(&format!("what it has cost is not known: {error}")));
        printer.err(&format!("{} {text}\n", paint.tone(Tone::Warn, "warning:")))?;
    }
    Ok(ledger)
}

/// A command that needs no session.
pub(super) fn alone(cli: &Cli, context: &CliContext, printer: &mut Printer) -> Outcome {
    match &cli.verb {
        Some(Verb::Doctor(args)) if args.iam => doctor::policy(printer),
        Some(Verb::Costs(args)) if args.schema => costs::schema(printer),
        Some(Verb::Config(args)) => config::run(args, context, printer),
        Some(Verb::Completions(args)) => completions::run(args, printer),
        Some(Verb::Man(args)) => man::run(args, printer),
        _ => Err(Stop::error("this command needs a session")),
    }
}

/// Any command.
pub(super) async fn dispatch(cli: &Cli, session: &Session, context: &CliContext, printer: &mut Printer) -> Outcome {
    let Some(verb) = &cli.verb else {
        return Err(Stop::usage("the dashboard needs a terminal, on standard input and output")
            .hint("`hga --help` lists the commands, which need none"));
    };
    match verb {
        Verb::Demo(args) => demo::run(args, session, context, printer).await,
        Verb::RunTestsLinux(args) => run_tests::run(args, session, context, printer).await,
        Verb::BootstrapLinuxDev(args) => bootstrap::run(args, session, context, printer).await,
        Verb::Machines(verb) => machines::run(verb, &cli.global, session, context, printer).await,
        Verb::Images(verb) => images::run(verb, &cli.global, session, printer).await,
        Verb::Resources(verb) => resources::run(verb, &cli.global, session, printer).await,
        Verb::TerminateEc2Instances(args) => {
            plans::sweep(PlanVerb::TerminateEc2, args, &cli.global, session, printer).await
        }
        Verb::PurgeEc2Resources(args) => plans::sweep(PlanVerb::Purge, args, &cli.global, session, printer).await,
        Verb::Jobs(verb) => jobs::run(verb, &cli.global, session, printer).await,
        Verb::Prices(verb) => prices::run(verb, &cli.global, session, printer).await,
        Verb::Doctor(args) => doctor::run(args, session, printer).await,
        Verb::Costs(args) => costs::run(args, session, printer).await,
        Verb::Ssh(args) => ssh::run(args, session).await,
        Verb::Config(_) | Verb::Completions(_) | Verb::Man(_) => alone(cli, context, printer),
    }
}

/// What a question was answered with.
enum Answer {
    Yes,
    No,
}

/// Asks a person, with No as what Enter means; without a terminal `--yes` has to have said it already.
fn confirm(printer: &mut Printer, yes: bool, what: &str, question: &str) -> Result<Answer, Stop> {
    if yes {
        return Ok(Answer::Yes);
    }
    if printer.reader() != Reader::Person || !std::io::stdin().is_terminal() {
        return Err(Stop::usage(format!("{what} needs a confirmation, and there is no terminal to ask on"))
            .hint("give `--yes` to confirm"));
    }
    printer.err(&format!("{question} [y/N] "))?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_err() || line.is_empty() {
        printer.err("\n")?;
    }
    let said_yes = matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    Ok(if said_yes { Answer::Yes } else { Answer::No })
}

/// Prints things one JSON object a line.
fn json_lines<T: serde::Serialize>(printer: &mut Printer, things: &[T]) -> Outcome {
    for thing in things {
        let line =
            serde_json::to_string(thing).map_err(|error| Stop::error(format!("could not write JSON: {error}")))?;
        printer.out(&format!("{line}\n"))?;
    }
    Ok(exit::OK)
}

/// Points that were looked at, a line each and its hint below; a hint that several in a row share stands below the last.
fn checked(items: &[CheckItem], paint: Paint) -> String {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        let (word, tone) = match item.outcome {
            CheckOutcome::Ok => ("ok", Tone::Good),
            CheckOutcome::Warning => ("warning", Tone::Warn),
            CheckOutcome::Missing => ("MISSING", Tone::Bad),
            CheckOutcome::Unknown => ("unknown", Tone::Dim),
        };
        // writing to a String cannot fail
        let _ = write!(text, "{} {}", paint.tone(tone, &format!("{word:<8}")), escape_line(&item.what));
        if !item.seen.is_empty() {
            let _ = write!(text, "  ({})", escape_line(&item.seen));
        }
        text.push('\n');
        let next = items.get(index + 1).and_then(|next| next.hint.as_ref());
        if let Some(hint) = item.hint.as_ref().filter(|hint| next != Some(*hint)) {
            let _ = writeln!(text, "         {} {}", paint.tone(Tone::Place, "hint:"), escape_line(hint));
        }
    }
    text
}

/// Says how a provider that is not set up can be, where nothing was found and it may be looked for.
fn how_to_add(session: &Session, of: Option<ProviderKind>, printer: &mut Printer) -> Result<(), Stop> {
    for (_, how) in session.missing().iter().filter(|(provider, _)| of.is_none_or(|of| of == *provider)) {
        printer.err(&format!("hint: {how}\n"))?;
    }
    Ok(())
}

/// What is said of flags that only new EC2 machines know.
fn unused<'a>(
    printer: &mut Printer,
    flags: impl IntoIterator<Item = (&'a str, bool)>,
    place: &str,
) -> Result<(), Stop> {
    for (flag, _) in flags.into_iter().filter(|(_, given)| *given) {
        printer.err(&format!("note: `{flag}` is for new EC2 machines and has no effect {place}\n"))?;
    }
    Ok(())
}

impl Wish {
    /// Its flags, and whether each was given.
    fn told(&self, distro: Option<&String>) -> [(&'static str, bool); 4] {
        [
            ("--distro", distro.is_some()),
            ("--instance-type", !self.instance_type.is_empty()),
            ("--transport", self.transport.is_some()),
            ("--cidr", !self.cidr.is_empty()),
        ]
    }

    /// What is wished for, the configuration's word taken where nothing was said.
    fn of(&self, distro: Option<&String>, provider: ProviderKind, context: &CliContext) -> Result<CloudWish, Stop> {
        let aws = provider == ProviderKind::Aws;
        // scripts that name another provider may name what only the predecessor knew
        if let Some(Err(error)) = distro.filter(|_| aws).map(|name| Distro::find(name)) {
            let hints = error.hints();
            return Err(hints.into_iter().fold(Stop::usage(error.to_string()), |stop, hint| stop.hint(hint.0)));
        }
        if let Some(block) = self.cidr.iter().find(|block| aws && !context.open_ingress && is_everybody(block)) {
            return Err(Stop::usage(format!("`--cidr {block}` lets everybody connect"))
                .hint("name your own network, or write `ingress = \"open\"` below `[aws]` in config.toml"));
        }
        Ok(CloudWish {
            // where the provider looks first, which `--aws-region` says
            region: None,
            instance_types: self.instance_type.clone(),
            distro: distro.cloned(),
            transport: self.transport.unwrap_or(if aws { context.transport } else { Transport::default() }),
            cidr: self.cidr.clone(),
            allowance: Allowance { cap: self.cap, over_day_cap: self.over_day_cap },
        })
    }
}
