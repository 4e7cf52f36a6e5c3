//! `hga costs`: what the ledger comes to, as a table, as JSON (`assets/costs.schema.json` is its form) or as CSV.

use super::super::args::Costs;
use super::super::error::{Outcome, Stop};
use super::super::paint::Tone;
use super::super::printer::Printer;
use super::super::table::sums;
use super::super::{exit, words};
use super::plans;
use crate::domain::money::{ChargeKind, Grouping, Ledger, Outlook, Range, Report, Row, Usd, known, outlook, report};
use crate::domain::{JobId, ProviderKind, Region, Timestamp, escape_line};
use crate::session::{Session, Settled, Trouble};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// The form of the JSON; `tests/costs.rs` holds it to what is printed.
const SCHEMA: &str = include_str!("../../../assets/costs.schema.json");

/// Prints the schema; needs nothing.
pub(super) fn schema(printer: &mut Printer) -> Outcome {
    printer.out(SCHEMA)?;
    Ok(exit::OK)
}

pub(super) async fn run(args: &Costs, session: &Session, printer: &mut Printer) -> Outcome {
    if args.schema {
        return schema(printer);
    }
    if args.csv && printer.is_json() {
        return Err(Stop::usage("`--csv` and `--json` exclude each other"));
    }
    let now = Timestamp::now();
    let range = range(args, now)?;
    let Settled { troubles, others } = if args.offline { Settled::default() } else { session.settle().await? };
    // what the look told is in it
    let ledger = chosen(&*session.ledger().await?, args);
    let book = session.prices();
    let now = Timestamp::now();
    let told = Told {
        report: report(&ledger, &book, range, args.by, now),
        outlook: outlook(&ledger, &book, now),
        today_unknown: report(&ledger, &book, Range::day(now), Grouping::Charge, now).total.unknown,
        now,
        args,
        troubles: &troubles,
    };
    if printer.is_json() {
        super::json_lines(printer, &[told.document()])?;
    } else if args.csv {
        printer.out(&csv(&told.report))?;
    } else {
        let (width, paint) = (printer.width(), printer.out_paint());
        if told.report.rows.is_empty() {
            printer.err(&nothing(&ledger, args))?;
        } else {
            printer.out(&sums(heads(args.by), &rows(&told.report.rows), cells(&told.report.total), width, paint))?;
        }
        printer.out(&told.notes())?;
    }
    plans::unseen(&troubles, printer)?;
    plans::unseen(&others, printer)?;
    if !troubles.is_empty() && !printer.is_json() {
        let paint = printer.err_paint();
        let text = "machines that could not be looked at are counted as running";
        printer.err(&format!("{} {text}\n", paint.tone(Tone::Warn, "warning:")))?;
    }
    Ok(if troubles.is_empty() { exit::OK } else { exit::ERROR })
}

/// The time that is asked for.
fn range(args: &Costs, now: Timestamp) -> Result<Range, Stop> {
    let range = match (args.last, args.month) {
        _ if args.all => Range::all(),
        _ if args.today => Range::day(now),
        (Some(length), _) => Range { from: now.checked_sub(length).unwrap_or(Timestamp::MIN), to: Timestamp::MAX },
        (None, Some(Some(month))) => Range::month(month),
        (None, None) if args.from.is_some() || args.to.is_some() => {
            Range { from: args.from.unwrap_or(Timestamp::MIN), to: args.to.unwrap_or(Timestamp::MAX) }
        }
        (None, Some(None) | None) => Range::month(now),
    };
    if range.from >= range.to {
        return Err(Stop::usage(format!("the time from {:.0} to {:.0} has no length", range.from, range.to))
            .hint("`--to` is the first moment that is not in it any more: for one day name the next one"));
    }
    if range.from > now {
        return Err(Stop::usage(format!("{:.0} lies ahead: nothing has been spent yet", range.from))
            .hint("`hga costs` ends with a forecast of this month"));
    }
    Ok(range)
}

/// What of the ledger is asked for.
fn chosen(ledger: &Ledger, args: &Costs) -> Ledger {
    ledger.filtered(|run| {
        args.owner.as_ref().is_none_or(|owner| run.labels.owner.as_ref() == Some(owner))
            && args.job.as_ref().is_none_or(|job| run.labels.job.as_ref() == Some(job))
    })
}

/// What is said where there is nothing to tell: of that time, or of what was asked for at any time.
fn nothing(chosen: &Ledger, args: &Costs) -> String {
    let job = args.job.as_ref().map(|job| format!("job `{job}`"));
    let owner = args.owner.as_ref().map(|owner| format!("owner `{}`", escape_line(owner)));
    let of: Vec<String> = job.into_iter().chain(owner).collect();
    if of.is_empty() || chosen.runs().next().is_some() {
        return "nothing in the ledger for that time\n".to_owned();
    }
    format!("nothing in the ledger of {}, at any time\n", of.join(" and "))
}

/// All that is told.
struct Told<'a> {
    report: Report,
    outlook: Outlook,
    /// How many things of today have a price that is not known.
    today_unknown: usize,
    now: Timestamp,
    args: &'a Costs,
    troubles: &'a [Trouble],
}

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "hga-costs")]
    version: u32,
    now: Timestamp,
    range: Span,
    by: Grouping,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a JobId>,
    currency: &'static str,
    rows: Vec<Line<'a>>,
    total: Amounts<'a>,
    burn: BurnLine,
    today: Usd,
    today_unknown: usize,
    month_to_date: Usd,
    month_to_date_unknown: usize,
    forecast: Usd,
    forecast_unknown: usize,
    sources: &'a BTreeSet<String>,
    unknown: &'a BTreeSet<String>,
    bounded: &'a BTreeSet<String>,
    troubles: Vec<Unseen<'a>>,
}

#[derive(Serialize)]
struct Span {
    /// None is from the beginning.
    from: Option<Timestamp>,
    to: Timestamp,
}

#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    #[serde(flatten)]
    amounts: Amounts<'a>,
}

#[derive(Serialize)]
struct Amounts<'a> {
    seconds: u64,
    compute: Usd,
    address: Usd,
    disk: Usd,
    snapshot: Usd,
    total: Usd,
    things: usize,
    open: usize,
    unknown: usize,
    missing: &'a BTreeSet<ChargeKind>,
}

#[derive(Serialize)]
struct BurnLine {
    hourly: Usd,
    machines: usize,
    unknown: usize,
}

#[derive(Serialize)]
struct Unseen<'a> {
    provider: ProviderKind,
    region: Option<&'a Region>,
    message: String,
}

fn amounts(row: &Row) -> Amounts<'_> {
    Amounts {
        seconds: row.seconds,
        compute: row.compute,
        address: row.address,
        disk: row.disk,
        snapshot: row.snapshot,
        total: row.total(),
        things: row.things,
        open: row.open,
        unknown: row.unknown,
        missing: &row.missing,
    }
}

impl Told<'_> {
    fn document(&self) -> Document<'_> {
        let (report, outlook) = (&self.report, &self.outlook);
        let unseen = |trouble: &'_ Trouble| trouble.error.to_string();
        Document {
            version: 1,
            now: self.now,
            range: Span {
                from: (report.range.from > Timestamp::MIN).then_some(report.range.from),
                to: report.range.to,
            },
            by: report.by,
            owner: self.args.owner.as_deref(),
            job: self.args.job.as_ref(),
            currency: "USD",
            rows: report.rows.iter().map(|row| Line { key: &row.key, amounts: amounts(row) }).collect(),
            total: amounts(&report.total),
            burn: BurnLine {
                hourly: outlook.burn.hourly,
                machines: outlook.burn.machines,
                unknown: outlook.burn.unknown,
            },
            today: outlook.today,
            today_unknown: self.today_unknown,
            month_to_date: outlook.month,
            month_to_date_unknown: outlook.unknown,
            forecast: outlook.forecast,
            forecast_unknown: outlook.unknown,
            sources: &report.sources,
            unknown: &report.unknown,
            bounded: &report.bounded,
            troubles: self
                .troubles
                .iter()
                .map(|trouble| Unseen {
                    provider: trouble.provider,
                    region: trouble.region.as_ref(),
                    message: unseen(trouble),
                })
                .collect(),
        }
    }

    /// What there is to know of the numbers.
    fn notes(&self) -> String {
        let (report, outlook) = (&self.report, &self.outlook);
        let mut text = String::new();
        let mut note = |name: &str, said: &str| {
            // writing to a String cannot fail
            let _ = writeln!(text, "{name:<10} {}", escape_line(said));
        };
        let moment = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string();
        let from =
            if report.range.from > Timestamp::MIN { moment(report.range.from) } else { "the first".to_owned() };
        note("Time", &format!("{from} to {} (UTC)", moment(report.range.to)));
        let this_month = Range::month(self.now);
        let partly = outlook.unknown > 0;
        if report.range.from == this_month.from && report.range.to == self.now {
            let burn = outlook.burn;
            let hourly = known(burn.hourly, burn.unknown > 0);
            let machines = words::count(burn.machines as u64, "machine");
            let today = known(outlook.today, self.today_unknown > 0);
            note("Now", &format!("{hourly}/h, {machines} running; today {today}"));
            note(
                "Forecast",
                &format!(
                    "{} by the end of {}: what runs until its lease ends, what is stored, and days as the last 30",
                    known(outlook.forecast, partly),
                    self.now.to_zoned(TimeZone::UTC).strftime("%B")
                ),
            );
        }
        if !report.sources.is_empty() {
            note("Prices", &report.sources.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
        }
        if !report.unknown.is_empty() {
            note("Unknown", &format!("the price of {}: it comes on top", few(&report.unknown)));
        }
        if !report.bounded.is_empty() {
            let said = "when it ended is not known, and counted as late as it can have been";
            note("Bounded", &format!("{}: {said}", few(&report.bounded)));
        }
        if !report.total.snapshot.is_zero() {
            note("Snapshots", "at most so much: AWS charges for blocks that differ alone");
        }
        if !report.rows.is_empty() {
            note("Not in it", "data sent out, credits of burstable types, taxes, discounts, free tiers");
        }
        text
    }
}

/// The first of some ids, and how many more there are.
fn few(ids: &BTreeSet<String>) -> String {
    const FEW: usize = 4;
    let told: Vec<&str> = ids.iter().take(FEW).map(String::as_str).collect();
    let more = ids.len().saturating_sub(FEW);
    if more > 0 { format!("{} and {more} more", told.join(", ")) } else { told.join(", ") }
}

fn heads(by: Grouping) -> [&'static str; 7] {
    let key = by.head("MACHINE OR IMAGE");
    [key, "TIME RUN", "COMPUTE", "ADDRESSES", "DISK", "SNAPSHOTS", "TOTAL"]
}

fn rows(rows: &[Row]) -> Vec<[String; 7]> {
    rows.iter().map(cells).collect()
}

fn cells(row: &Row) -> [String; 7] {
    let amount = |what| {
        let usd = row.of(what);
        let unknown = row.missing.contains(&what);
        if usd.is_zero() && !unknown { "-".to_owned() } else { known(usd, unknown) }
    };
    let time = if row.seconds > 0 { words::span(Duration::from_secs(row.seconds)) } else { "-".to_owned() };
    [
        row.key.clone(),
        time,
        amount(ChargeKind::Compute),
        amount(ChargeKind::Address),
        amount(ChargeKind::Disk),
        amount(ChargeKind::Snapshot),
        known(row.total(), row.unknown > 0),
    ]
}

/// RFC 4180. Amounts have all their digits, so that sums in a spreadsheet are what they are here; what has a price that is not
/// known says in `unknown` how many things that are.
fn csv(report: &Report) -> String {
    let mut text = format!(
        "{},seconds,compute_usd,address_usd,disk_usd,snapshot_usd,total_usd,things,open,unknown\r\n",
        report.by.as_str()
    );
    for row in &report.rows {
        // writing to a String cannot fail
        let _ = write!(text, "{},{}", field(&row.key), row.seconds);
        for usd in [row.compute, row.address, row.disk, row.snapshot, row.total()] {
            let _ = write!(text, ",{}", usd.exact());
        }
        let _ = write!(text, ",{},{},{}\r\n", row.things, row.open, row.unknown);
    }
    text
}

/// A field. What a spreadsheet would take for a formula is given an apostrophe: names come from tags that others write.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Verb;
    use crate::cli::parse::read;
    use std::ffi::OsString;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn asked(line: &str) -> Result<Range, Stop> {
        let words = ["hga", "costs"].into_iter().map(str::to_owned).chain(shlex::split(line).unwrap());
        let cli = read(words.map(OsString::from).collect()).unwrap();
        let Some(Verb::Costs(args)) = cli.verb else { panic!() };
        range(&args, at("2026-11-25T12:00:00Z"))
    }

    #[test]
    fn ranges_are_whole_days_and_months_of_utc() {
        let (first, last) = (Timestamp::MIN, Timestamp::MAX);
        for (line, from, to) in [
            ("", at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")),
            ("--month", at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")),
            ("--month 2024-02", at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z")),
            ("--today", at("2026-11-25T00:00:00Z"), at("2026-11-26T00:00:00Z")),
            ("--last 7d", at("2026-11-18T12:00:00Z"), last),
            ("--from 2026-11-10", at("2026-11-10T00:00:00Z"), last),
            ("--to 2026-11-10", first, at("2026-11-10T00:00:00Z")),
            ("--from 2026-11-10 --to 2026-11-11T06:00Z", at("2026-11-10T00:00:00Z"), at("2026-11-11T06:00:00Z")),
            ("--all", first, last),
        ] {
            assert_eq!(asked(line).unwrap(), Range { from, to }, "{line}");
        }
        for (line, said) in [
            ("--from 2026-11-10 --to 2026-11-10", "has no length"),
            ("--from 2026-11-11 --to 2026-11-10", "has no length"),
            ("--month 2026-12", "lies ahead"),
            ("--from 2027-01-01", "lies ahead"),
        ] {
            let Err(Stop::Error { code, message, hints }) = asked(line) else { panic!("{line}") };
            assert_eq!((code, hints.len()), (exit::USAGE, 1), "{line}");
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn no_field_of_a_spreadsheet_is_a_formula_or_breaks_its_line() {
        for (text, said) in [
            ("i-0abc", "i-0abc"),
            ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1,2", "\"'=1,2\""),
            ("\r\n", "\"'\r\n\""),
            ("(none)", "(none)"),
        ] {
            assert_eq!(field(text), said);
        }
    }

    #[test]
    fn what_is_not_known_is_never_nothing() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let row = Row {
            key: "i-1".to_owned(),
            address: usd("0.005"),
            seconds: 3600,
            things: 1,
            open: 1,
            unknown: 1,
            missing: [ChargeKind::Compute, ChargeKind::Address].into(),
            ..Row::default()
        };
        assert_eq!(cells(&row), ["i-1", "1h 00m", "unknown", "≥ $0.01", "-", "-", "≥ $0.01"]);
    }
}
