//! Plan, confirm, apply: what every command that ends or removes has in common.

use super::super::args::{Global, Planned, Sweep};
use super::super::error::{Outcome, Stop};
use super::super::follow::{self, Until};
use super::super::paint::Tone;
use super::super::printer::{Printer, Reader};
use super::super::{exit, words};
use super::Answer;
use crate::domain::{
    Checked, Operation, Owners, Plan, PlanItem, PlanVerb, ProviderKind, SavedPlan, Timestamp, escape_line,
};
use crate::session::{PlanRequest, Proposal, Session, Trouble};
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

/// `terminate-ec2-instances` and `purge-ec2-resources`.
pub(super) async fn sweep(
    verb: PlanVerb,
    args: &Sweep,
    global: &Global,
    session: &Session,
    printer: &mut Printer,
) -> Outcome {
    run(verb, None, None, &args.planned, global, session, printer).await
}

/// Makes the plan, or reads it, and does with it what was asked.
pub(super) async fn run(
    verb: PlanVerb,
    provider: Option<ProviderKind>,
    chosen: Option<Vec<String>>,
    planned: &Planned,
    global: &Global,
    session: &Session,
    printer: &mut Printer,
) -> Outcome {
    if let Some(file) = &planned.apply {
        return apply(verb, file, planned, global, session, printer).await;
    }
    let owners = match (planned.all_owners, planned.owner.is_empty()) {
        (true, _) => Owners::All,
        (false, true) => Owners::Mine,
        (false, false) => Owners::Also(planned.owner.iter().cloned().collect()),
    };
    // what was named was found: what else there may be does not matter then
    let sweeping = chosen.is_none();
    let Proposal { plan, troubles } = session.plan(PlanRequest { verb, owners, provider, chosen }).await?;
    if planned.dry_run || planned.plan.is_some() {
        return keep(plan, &troubles, planned, printer);
    }
    unseen(&troubles, printer)?;
    let unseen = sweeping && !troubles.is_empty();
    if plan.items.is_empty() {
        printer.err(&text(&plan, Timestamp::now()))?;
        let word = if unseen { "nothing to do where it could be looked" } else { "nothing to do" };
        printer.err(&format!("{word}\n"))?;
        return Ok(if unseen { exit::REMAINS } else { exit::NOTHING });
    }
    let code = act(plan, planned.wait, global, session, printer).await?;
    Ok(if unseen && matches!(code, exit::OK | exit::NOTHING) { exit::REMAINS } else { code })
}

/// Shows the plan, or saves it.
fn keep(plan: Plan, troubles: &[Trouble], planned: &Planned, printer: &mut Printer) -> Outcome {
    let now = Timestamp::now();
    let nothing = plan.items.is_empty();
    let saved = SavedPlan::new(plan, now);
    if let Some(file) = &planned.plan {
        let json = serde_json::to_string_pretty(&saved).map_err(|error| Stop::error(error.to_string()))?;
        std::fs::write(file, json + "\n")
            .map_err(|error| Stop::error(format!("could not write `{}`: {error}", file.display())))?;
    }
    if printer.is_json() {
        super::json_lines(printer, std::slice::from_ref(&saved))?;
    } else {
        printer.out(&text(&saved.plan, now))?;
    }
    unseen(troubles, printer)?;
    if let Some(file) = &planned.plan {
        let verb = saved.plan.verb.as_str();
        printer.err(&format!("saved in {0}; `hga {verb} --apply {0}` carries it out\n", file.display()))?;
    }
    let code = if nothing { exit::NOTHING } else { exit::OK };
    Ok(if troubles.is_empty() { code } else { exit::REMAINS })
}

/// The line of a list that has nothing in it: `all` where everything was looked at; where not, nothing is claimed of the rest.
pub(super) fn none(what: &str, all: &str, troubles: &[Trouble]) -> String {
    if troubles.is_empty() {
        format!("{all}\n")
    } else {
        format!("{what} where it could be looked; not everything could be\n")
    }
}

/// Says what could not be looked at.
pub(super) fn unseen(troubles: &[Trouble], printer: &mut Printer) -> Result<(), Stop> {
    for trouble in troubles {
        let paint = printer.err_paint();
        let text = escape_line(&trouble.to_string());
        printer.err(&format!("{} not looked at: {text}\n", paint.tone(Tone::Warn, "warning:")))?;
    }
    let mut said: Vec<&str> = Vec::new();
    for hint in troubles.iter().flat_map(|trouble| &trouble.error.hints) {
        if !said.contains(&hint.0.as_str()) {
            said.push(&hint.0);
            printer.err(&format!("hint: {hint}\n"))?;
        }
    }
    Ok(())
}

/// Carries a saved plan out.
async fn apply(
    verb: PlanVerb,
    file: &Path,
    planned: &Planned,
    global: &Global,
    session: &Session,
    printer: &mut Printer,
) -> Outcome {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Stop::usage(format!("could not read `{name}`: {error}")).hint("`--plan FILE` makes one"))?;
    let saved = SavedPlan::read(&text).map_err(|why| {
        Stop::usage(format!("`{name}` is no plan: {}", escape_line(&why))).hint("`--plan FILE` makes one")
    })?;
    if saved.plan.verb != verb {
        let made = saved.plan.verb.as_str();
        return Err(Stop::usage(format!("the plan in `{name}` was made by `hga {made}`"))
            .hint(format!("`hga {made} --apply {name}` carries it out")));
    }
    let checked = session.check_plan(&saved.plan).await?;
    let age = words::age(saved.made, Timestamp::now());
    printer.err(&format!("plan of {}, made {age}\n", words::count(saved.plan.items.len() as u64, "thing")))?;
    let Checked { go, gone, refused } = checked;
    if !gone.is_empty() {
        printer.err(&format!("{} gone already\n", words::count(gone.len() as u64, "thing")))?;
    }
    for (item, why) in &refused {
        let paint = printer.err_paint();
        let line = escape_line(&format!("{}: left alone: {why}", item.called()));
        printer.err(&format!("{} {line}\n", paint.tone(Tone::Warn, "warning:")))?;
    }
    let plan = Plan { items: go, skipped: Vec::new(), ..saved.plan };
    let nothing = plan.items.is_empty();
    if planned.dry_run {
        let code = keep(plan, &[], planned, printer)?;
        return Ok(if refused.is_empty() { code } else { exit::REMAINS });
    }
    let code = if nothing {
        printer.err("nothing to do\n")?;
        exit::NOTHING
    } else {
        act(plan, planned.wait, global, session, printer).await?
    };
    // what was refused is still there
    let remains = !refused.is_empty() && matches!(code, exit::OK | exit::NOTHING);
    Ok(if remains { exit::REMAINS } else { code })
}

/// Asks, then does it.
async fn act(plan: Plan, wait: bool, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    if !global.yes {
        printer.err(&text(&plan, Timestamp::now()))?;
        let ends = plan.verb == PlanVerb::Terminate || plan.verb == PlanVerb::TerminateEc2;
        let doing = if ends { "ending machines" } else { "removing things" };
        let answer = match plan.demand() {
            None => super::confirm(printer, false, doing, "Nothing brings it back. Go on?")?,
            Some(demand) => typed(printer, doing, &demand)?,
        };
        if let Answer::No = answer {
            printer.err(if ends { "nothing was ended\n" } else { "nothing was removed\n" })?;
            return Ok(exit::CANCELLED);
        }
    }
    for line in left_alone(&plan).lines().filter(|_| global.yes) {
        printer.err(&format!("{line}\n"))?;
    }
    let mut all = exit::NOTHING;
    for operation in plan.operations() {
        let operation = match operation {
            Operation::Apply { plan, .. } => Operation::Apply { plan, wait },
            operation => operation,
        };
        let code = follow::submit(session, printer, operation, Until::Ended, false).await?;
        all = match (all, code) {
            (exit::REMAINS, exit::OK | exit::NOTHING | exit::REMAINS) => exit::REMAINS,
            (exit::OK, exit::NOTHING) => exit::OK,
            (_, exit::OK | exit::NOTHING | exit::REMAINS) => code,
            // told to stop, let go of, or it could not be done: nothing more is begun
            _ => return Ok(code),
        };
    }
    Ok(all)
}

/// Asks a person to type a word, as what matters more than a single letter wants.
fn typed(printer: &mut Printer, doing: &str, demand: &str) -> Result<Answer, Stop> {
    if printer.reader() != Reader::Person || !std::io::stdin().is_terminal() {
        return Err(Stop::usage(format!("{doing} needs a confirmation, and there is no terminal to ask on"))
            .hint("give `--yes` to confirm, or look first with `--dry-run`"));
    }
    printer.err(&format!("Nothing brings it back. To go on, type `{demand}`: "))?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_err() || line.is_empty() {
        printer.err("\n")?;
    }
    Ok(if line.trim() == demand { Answer::Yes } else { Answer::No })
}

/// A plan as text: what, why it is ours, how old; what is left alone, and why.
fn text(plan: &Plan, now: Timestamp) -> String {
    let mut text = String::new();
    if !plan.items.is_empty() {
        let place =
            plan.account.as_ref().map_or(String::new(), |account| format!(" in account {}", escape_line(account)));
        let _ = writeln!(text, "This ends {}{place}:", plan.count());
    }
    for item in &plan.items {
        let _ = writeln!(text, "  {}", escape_line(&line(item, now)));
        for job in &item.jobs {
            let _ = writeln!(text, "      job {job} is under way there and loses it");
        }
        let _ = writeln!(text, "      {}: {}", escape_line(&item.whose()), escape_line(&item.why));
        if let Some(saving) = &item.saving {
            let _ = writeln!(text, "      {}", saving.words());
        }
    }
    if let Some(saving) = plan.saving().filter(|_| plan.items.len() > 1) {
        let _ = writeln!(text, "In all this {}", saving.words());
    }
    text.push_str(&left_alone(plan));
    text
}

/// What a plan leaves alone, and why.
fn left_alone(plan: &Plan) -> String {
    let mut text = String::new();
    for skipped in &plan.skipped {
        let _ = writeln!(text, "Left alone: {}: {}", escape_line(&skipped.name), escape_line(&skipped.why));
    }
    if plan.foreign > 0 {
        let what = words::count(plan.foreign as u64, "other thing");
        let _ = writeln!(
            text,
            "Left alone: {what} that {} nothing to do with us",
            if plan.foreign == 1 { "has" } else { "have" }
        );
    }
    text
}

fn line(item: &PlanItem, now: Timestamp) -> String {
    let place = item.at.region.as_ref().map_or(item.at.provider.as_str(), crate::domain::Region::as_str);
    let mut about = vec![place.to_owned()];
    about.extend(item.detail.clone().filter(|_| item.at.kind != crate::domain::ResourceKind::Snapshot));
    about.extend(item.state.clone());
    about.extend(item.created.map(|at| words::age(at, now)));
    format!("{} ({})", item.called(), about.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Error, ErrorKind};

    #[test]
    fn an_empty_list_claims_nothing_of_what_could_not_be_looked_at() {
        let error = Error::new(ErrorKind::Remote, "the token has expired");
        let trouble = Trouble { provider: ProviderKind::Aws, region: None, error };
        assert_eq!(none("no machines", "no machines: nothing is running", &[]), "no machines: nothing is running\n");
        assert_eq!(
            none("no machines", "no machines: nothing is running", &[trouble]),
            "no machines where it could be looked; not everything could be\n"
        );
    }
}
