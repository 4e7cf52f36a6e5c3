//! `hga doctor`: is everything there that hga needs, and is anything there that ought not to be?

use super::super::args::Doctor;
use super::super::error::{Outcome, Stop};
use super::super::exit;
use super::super::printer::Printer;
use crate::domain::words;
use crate::session::{CheckItem, CheckOutcome, Session};

/// The least that AWS has to allow; `tests/iam_policy.rs` holds it to the calls that are made.
const POLICY: &str = include_str!("../../../assets/iam-policy.json");

/// Prints the policy; needs nothing.
pub(super) fn policy(printer: &mut Printer) -> Outcome {
    if printer.is_json() {
        let policy: serde_json::Value =
            serde_json::from_str(POLICY).map_err(|error| Stop::error(format!("the policy is no JSON: {error}")))?;
        printer.out(&format!("{policy}\n"))?;
    } else {
        printer.out(POLICY)?;
    }
    Ok(exit::OK)
}

pub(super) async fn run(args: &Doctor, session: &Session, printer: &mut Printer) -> Outcome {
    if args.iam {
        return policy(printer);
    }
    let items = session.doctor(terminal(printer)).await;
    let count = |outcome| items.iter().filter(|item| item.outcome == outcome).count() as u64;
    let (missing, warnings) = (count(CheckOutcome::Missing), count(CheckOutcome::Warning));
    let code = if missing > 0 { exit::ERROR } else { exit::OK };
    if printer.is_json() {
        super::json_lines(printer, &items)?;
        return Ok(code);
    }
    let text = super::checked(&items, printer.out_paint());
    printer.out(&text)?;
    let mut verdict = match missing {
        0 => "nothing is missing".to_owned(),
        1 => "1 thing is missing".to_owned(),
        more => format!("{more} things are missing"),
    };
    if warnings > 0 {
        verdict = format!("{verdict}, {}", words::count(warnings, "warning"));
    }
    printer.err(&format!("\n{verdict}\n"))?;
    Ok(code)
}

/// What standard output is, and what can be shown on it.
fn terminal(printer: &Printer) -> Vec<CheckItem> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_else(|| "not set".to_owned());
    let seen = match printer.size() {
        Some((width, height)) => {
            let depth = match set("COLORTERM").as_deref() {
                Some("truecolor" | "24bit") => "24-bit colour",
                _ if set("NO_COLOR").is_some() => "no colour: `NO_COLOR` is set",
                _ if term.contains("256") => "256 colours",
                _ if term == "dumb" || term == "not set" => "no colour",
                _ => "16 colours",
            };
            format!("{width}×{height}, TERM {term}, {depth}")
        }
        None => "standard output is none: lines are printed, without colour".to_owned(),
    };
    vec![CheckItem::new("terminal", CheckOutcome::Ok, seen), locale(set)]
}

/// Whether characters beyond ASCII come out as they are meant.
fn locale(set: impl Fn(&str) -> Option<String>) -> CheckItem {
    let what = "the locale has UTF-8";
    let found = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, set(name)?)));
    let (seen, fits) = match &found {
        Some((name, value)) => {
            let lower = value.to_ascii_lowercase();
            (format!("{name}={value}"), lower.contains("utf-8") || lower.contains("utf8"))
        }
        None => ("neither LC_ALL nor LC_CTYPE nor LANG is set".to_owned(), false),
    };
    if fits {
        return CheckItem::new(what, CheckOutcome::Ok, seen);
    }
    let name = found.map_or("LC_CTYPE", |(name, _)| name);
    CheckItem::new(what, CheckOutcome::Warning, seen)
        .hint(format!("`export {name}=C.UTF-8`; hga writes UTF-8 whatever it says"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_is_the_first_that_is_set() {
        type Set<'a> = &'a [(&'a str, &'a str)];
        let table: [(Set, CheckOutcome, &str); 5] = [
            (&[("LANG", "en_GB.UTF-8")], CheckOutcome::Ok, "LANG=en_GB.UTF-8"),
            (&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], CheckOutcome::Warning, "LC_ALL=C"),
            (&[("LC_CTYPE", "C.utf8"), ("LANG", "C")], CheckOutcome::Ok, "LC_CTYPE=C.utf8"),
            (&[("LANG", "POSIX")], CheckOutcome::Warning, "LANG=POSIX"),
            (&[], CheckOutcome::Warning, "neither LC_ALL nor LC_CTYPE nor LANG is set"),
        ];
        for (set, outcome, seen) in table {
            let point = locale(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into()));
            assert_eq!((point.outcome, point.seen.as_str()), (outcome, seen));
        }
    }

    #[test]
    fn the_policy_is_an_iam_policy() {
        let policy: serde_json::Value = serde_json::from_str(POLICY).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        let compact = policy.to_string();
        assert!(compact.len() <= 6144, "AWS takes no longer one: {}", compact.len());
    }
}
