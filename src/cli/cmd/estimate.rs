//! Before the act: what would be launched and what that is expected to cost, for `--dry-run`, and in one line before a launch.

use super::super::error::{Outcome, Stop};
use super::super::paint::{Paint, Tone};
use super::super::printer::Printer;
use super::super::table::sums;
use super::super::{exit, words};
use crate::domain::money::{
    Estimate, Quote, Range, Run, UNKNOWN, Usd, cap_refuses, day_refuses, expected, per_hour, spent,
};
use crate::domain::{Operation, ProviderKind, Timestamp, escape_line};
use crate::session::Session;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// How long a price list may take; then older prices hold.
const PRICES: Duration = Duration::from_secs(10);

/// What is known of an operation before it is asked for.
struct Known {
    estimate: Estimate,
    /// How many machines like that: an image for each distribution.
    machines: u64,
    /// Types that are taken where there is no capacity for the first.
    others: Vec<String>,
    cap: Option<Usd>,
    day: Day,
    now: Timestamp,
    /// The chosen type's processors.
    vcpus: Option<u32>,
}

/// The cap of a day and how the day stands to it.
struct Day {
    cap: Option<Usd>,
    today: Usd,
    refuses: Option<String>,
    overridden: bool,
}

impl Known {
    /// None where nothing is launched that costs.
    async fn of(operation: &Operation, session: &Session) -> Result<Option<Self>, Stop> {
        let Some(estimate) = session.estimate(operation).await? else { return Ok(None) };
        let now = Timestamp::now();
        let (ledger, book, budget) = (session.ledger().await?, session.prices(), session.budget());
        let machines = operation.machines();
        let allowance = operation.wish().map(|wish| wish.allowance).unwrap_or_default();
        let today = spent(&ledger, &book, Range::day(now), now);
        let day = Day {
            cap: budget.day,
            today,
            refuses: day_refuses(&budget, today, expected(&estimate, operation)),
            overridden: allowance.over_day_cap,
        };
        let vcpus = book.facts(&estimate.work.instance_type).map(|facts| facts.vcpus);
        let others = session.types_of(operation).iter().skip(1).cloned().collect();
        Ok(Some(Self { machines, others, cap: allowance.cap(&budget), day, now, vcpus, estimate }))
    }
}

/// Says in one line what a launch on EC2 is expected to cost, to people.
pub(super) async fn before(operation: &Operation, session: &Session, printer: &mut Printer) -> Result<(), Stop> {
    if printer.is_json() {
        return Ok(());
    }
    let Some(Known { estimate, machines, .. }) = Known::of(operation, session).await? else { return Ok(()) };
    let (work, line) = (&estimate.work, estimate.line());
    let lease = if estimate.at_most.is_some() && !estimate.ends_at_cap {
        format!(" until its lease of {} ends it, without renewal", words_exact(work.lease))
    } else {
        String::new()
    };
    let each = if machines > 1 { format!("up to {machines} machines, each: ") } else { String::new() };
    let what = escape_line(&format!("{} in {}: {each}{line}{lease}", work.instance_type, work.region));
    printer.err(&format!("{what}\n"))?;
    Ok(())
}

fn words_exact(seconds: u64) -> String {
    crate::domain::words::exact(Duration::from_secs(seconds))
}

/// Says what an operation would launch and cost; launches nothing.
pub(super) async fn dry_run(operation: &Operation, session: &Session, printer: &mut Printer) -> Outcome {
    if operation.provider() == ProviderKind::Aws {
        // what the Spot market asks now is known by asking alone
        let _ = tokio::time::timeout(PRICES, session.keep_prices_fresh(Some(operation))).await;
    }
    let Some(known) = Known::of(operation, session).await? else {
        return costs_nothing(operation, session, printer).await;
    };
    if printer.is_json() {
        super::json_lines(printer, &[known.json(operation)])?;
    } else {
        let text = known.text(operation, printer.width(), printer.out_paint());
        printer.out(&text)?;
        printer.err("nothing was launched\n")?;
    }
    Ok(exit::OK)
}

/// What launches no machine of EC2.
async fn costs_nothing(operation: &Operation, session: &Session, printer: &mut Printer) -> Outcome {
    let named = match operation {
        Operation::RunTests(spec) => spec.machine.as_ref(),
        _ => None,
    };
    let (mut hourly, mut known) = (Some(Usd::ZERO), true);
    let said = match (operation.provider(), named) {
        (ProviderKind::Local, None) => "the machine would be one of this computer, which costs nothing".to_owned(),
        (ProviderKind::Aws, Some(id)) => {
            let machine = session.machine(id).await?;
            let now = Timestamp::now();
            let run = Run::of_machine(&*session.ledger().await?, &session.prices(), &machine, now);
            hourly = run.hourly(&session.prices(), now);
            format!("no machine would be launched; {id} costs what it does: {}", per_hour(hourly))
        }
        (ProviderKind::Aws, None) => {
            (hourly, known) = (None, false);
            "what it would cost is not known: AWS is not set up, or no region or type is known".to_owned()
        }
        (_, Some(id)) => format!("no machine would be launched; {id} costs nothing that hga counts"),
        (provider, None) => format!("a machine of provider `{provider}` costs nothing that hga counts"),
    };
    if printer.is_json() {
        let object = json!({
            "event": "dry-run", "operation": operation.verb(), "provider": operation.provider(), "launches": false,
            "machine": named, "hourly": hourly, "said": said,
        });
        printer.out(&format!("{object}\n"))?;
    } else {
        printer.out(&format!("{}\n", escape_line(&said)))?;
        printer.err("nothing was launched\n")?;
    }
    Ok(if known { exit::OK } else { exit::ERROR })
}

/// The heads of the table of alternatives.
const HEADS: [&str; 6] = ["TYPE", "VCPUS", "$/H", "TIME", "COST", "VERSUS"];

impl Known {
    fn json(&self, operation: &Operation) -> serde_json::Value {
        let Self { estimate, day, .. } = self;
        let work = &estimate.work;
        json!({
            "event": "dry-run",
            "operation": operation.verb(),
            "provider": operation.provider(),
            "launches": true,
            "machines": self.machines,
            "region": work.region,
            "instance_type": work.instance_type,
            "vcpus": self.vcpus,
            "otherwise": self.others,
            "lease_seconds": work.lease,
            "disk_gb": work.disk_gb,
            "addresses": work.addresses,
            "currency": "USD",
            "price": estimate.machine,
            "price_source": estimate.machine.map(|quote| quote.source.words(self.now)),
            "hourly": estimate.hourly,
            "seconds": estimate.seconds,
            "runs": estimate.runs,
            "usd": estimate.usd,
            "at_most": estimate.at_most,
            "not_included": estimate.not_included,
            "alternatives": estimate.alternatives,
            "compared_by": if estimate.seconds.is_some() { "the same work" } else { "a processor and hour" },
            "cap": self.cap,
            "day": { "cap": day.cap, "today": day.today, "refuses": day.refuses, "overridden": day.overridden },
        })
    }

    fn text(&self, operation: &Operation, width: Option<usize>, paint: Paint) -> String {
        let Self { estimate, day, .. } = self;
        let work = &estimate.work;
        let mut text = String::new();
        let mut row = |name: &str, value: &str| {
            // writing to a String cannot fail
            let _ = writeln!(text, "{name:<12} {}", escape_line(value));
        };
        let what = match operation {
            Operation::RunTests(_) => "for a run of tests",
            Operation::BootstrapLinux(_) if self.machines > 1 => "for each image that is not current",
            Operation::BootstrapLinux(_) => "for the image, unless it is current",
            _ => "left to its lease",
        };
        let each = if self.machines > 1 { format!("{} × ", self.machines) } else { String::new() };
        row("Launches", &format!("{each}{} in {}, {what}", work.instance_type, work.region));
        if !self.others.is_empty() {
            row("", &format!("where there is no capacity for it: {}", self.others.join(", ")));
        }
        row("Price", &price(estimate.machine, self.now));
        if let (Some(hourly), true) = (estimate.hourly, estimate.hourly != estimate.machine.map(|quote| quote.usd)) {
            let mut parts = Vec::new();
            if estimate.with_addresses {
                parts.push("its public address".to_owned());
            }
            parts.extend(work.disk_gb.filter(|_| estimate.with_volumes).map(|gb| format!("{gb} GB of disk")));
            row("", &format!("with {}: {}", parts.join(" and "), per_hour(Some(hourly))));
        }
        row("Time", &estimate.time());
        let each = if self.machines > 1 { " for each machine" } else { "" };
        row(
            "Cost",
            &match (estimate.usd, estimate.hourly) {
                (Some(usd), _) if self.machines > 1 => {
                    format!("about {usd} for each machine, {} together", usd.times(self.machines, 1))
                }
                (Some(usd), _) => format!("about {usd}"),
                (None, Some(hourly)) => format!("{hourly} an hour{each}"),
                (None, None) => UNKNOWN.to_owned(),
            },
        );
        let lease = words_exact(work.lease);
        row(
            "At most",
            &match estimate.at_most {
                Some(most) if estimate.ends_at_cap => {
                    format!("{most}, when its cap ends it, before its lease of {lease}")
                }
                Some(most) => format!("{most}{each} until its lease of {lease} ends it, if nobody renews that"),
                None => format!("{UNKNOWN}, until its lease of {lease} ends it"),
            },
        );
        let cap = self.cap.map_or("none for this job".to_owned(), |cap| format!("{cap} for this job"));
        row("Cap", &cap_refuses(estimate).map_or(cap, |why| format!("it would be refused: {why}")));
        if let Some(cap) = day.cap {
            let stands = match (&day.refuses, day.overridden) {
                (None, _) => format!("{cap}, of which {} are used: it may be launched", day.today),
                (Some(why), true) => format!("{why}; `--over-day-cap` launches it all the same"),
                (Some(why), false) => {
                    format!("it would be refused: {why}; `--over-day-cap` launches it all the same")
                }
            };
            row("Day's cap", &stands);
        }
        for (index, line) in estimate.not_included.iter().enumerate() {
            row(if index == 0 { "Not in it" } else { "" }, line);
        }
        if matches!(operation, Operation::RunTests(spec) if spec.build_image) {
            row("", "the machine on which the image is made, if there is no current one");
        }
        text.push_str(&self.table(width, paint));
        text
    }

    fn table(&self, width: Option<usize>, paint: Paint) -> String {
        let estimate = &self.estimate;
        let Some(own) = estimate.machine else {
            return "\nWithout its price nothing can be compared with it\n".to_owned();
        };
        let dash = || "-".to_owned();
        let span = |seconds: Option<u64>| seconds.map_or_else(dash, |s| words::span(Duration::from_secs(s)));
        let same = estimate.seconds.is_some();
        let chosen = [
            format!("{} (chosen)", estimate.work.instance_type),
            self.vcpus.map_or_else(dash, |vcpus| vcpus.to_string()),
            own.usd.price(),
            span(estimate.seconds),
            estimate.seconds.map_or_else(dash, |seconds| own.usd.times(seconds.max(60), 3600).to_string()),
            "100 %".to_owned(),
        ];
        let rows: Vec<[String; 6]> = estimate
            .alternatives
            .iter()
            .map(|other| {
                let market = other.spot_zone.as_ref().map_or(String::new(), |zone| format!(" spot {zone}"));
                [
                    format!("{}{market}", other.instance_type),
                    other.vcpus.to_string(),
                    other.hourly.usd.price(),
                    span(other.seconds),
                    other.usd.map_or_else(dash, |usd| usd.to_string()),
                    format!("{} %", other.percent),
                ]
            })
            .collect();
        if rows.is_empty() {
            return "\nNo other type is known to do the same for that money or less\n".to_owned();
        }
        let by = if same {
            "Others for the same work, the machine alone, if tests scale with processors"
        } else {
            "Others by the price of a processor: how long the work takes is not known"
        };
        let mut text = format!("\n{}\n", paint.tone(Tone::Strong, by));
        text.push_str(&sums(HEADS, &rows, chosen, width, paint));
        if let Some(spot) = estimate.alternatives.iter().find(|other| other.spot_zone.is_some()) {
            let source = spot.hourly.source.words(self.now);
            let _ = writeln!(text, "{source}: may be taken away at any time; hga launches on demand only");
        }
        text
    }
}

fn price(quote: Option<Quote>, now: Timestamp) -> String {
    match quote {
        Some(quote) => format!("{}/h ({})", quote.usd.price(), quote.source.words(now)),
        None => format!("{UNKNOWN}: neither the bundled book nor what AWS's list told last has it"),
    }
}
