//! `hga resources`.

use super::super::args::{Global, Resources};
use super::super::error::Outcome;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::{exit, words};
use super::plans;
use crate::domain::money::Saving;
use crate::domain::{Claim, PlanVerb, Resource, ResourceKind, Timestamp};
use crate::session::Session;

pub(super) async fn run(verb: &Resources, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    match verb {
        Resources::List { provider, all } => {
            let listed = session.resources(*provider, &ResourceKind::ALL).await;
            // what looks like ours and is not is told too: somebody will wonder about it
            let shown = |one: &&Resource| *all || one.claim != Claim::Foreign { why: None };
            let mut items: Vec<Resource> = listed.items.iter().filter(shown).cloned().collect();
            items.sort_by(|a, b| a.at.cmp(&b.at));
            let (ledger, book, now) = (super::ledger(session, printer).await?, session.prices(), Timestamp::now());
            let saving = |one: &Resource| Saving::of(one, &listed.items, &ledger, &book, now);
            if printer.is_json() {
                let told = items.iter().map(|thing| Told { thing, cost: saving(thing) });
                super::json_lines(printer, &told.collect::<Vec<_>>())?;
            } else if items.is_empty() {
                printer.err(&plans::none("nothing of ours", "nothing of ours", &listed.troubles))?;
                super::how_to_add(session, *provider, printer)?;
            } else {
                let text = table(HEADS, &rows(&items, saving), printer.width(), printer.out_paint());
                printer.out(&text)?;
            }
            plans::unseen(&listed.troubles, printer)?;
            Ok(if listed.troubles.is_empty() { exit::OK } else { exit::ERROR })
        }
        Resources::Remove { ids, planned } => {
            plans::run(PlanVerb::Remove, None, Some(ids.clone()), planned, global, session, printer).await
        }
    }
}

/// A thing in JSON: what is known of it, and what it costs.
#[derive(serde::Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    thing: &'a Resource,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Saving>,
}

const HEADS: [&str; 10] = ["KIND", "ID", "NAME", "PLACE", "STATE", "AGE", "SIZE", "COST", "OWNER", "WHY"];

fn rows(items: &[Resource], saving: impl Fn(&Resource) -> Option<Saving>) -> Vec<[String; 10]> {
    let now = Timestamp::now();
    let dash = || "-".to_owned();
    let row = |one: &Resource| {
        [
            one.at.kind.to_string(),
            one.at.id.clone(),
            one.name.clone().unwrap_or_else(dash),
            one.at.region.as_ref().map_or(one.at.provider.to_string(), ToString::to_string),
            one.state.clone().unwrap_or_else(dash),
            one.created.map_or_else(dash, |at| words::age(at, now)),
            one.bytes.map_or_else(dash, words::bytes),
            saving(one).map_or_else(dash, |saving| saving.price_with_unit()),
            one.claim.word().to_owned(),
            match one.keep.as_ref().and_then(|keep| keep.forbids(now)) {
                Some(kept) => format!("{kept}; {}", one.claim.why()),
                None => one.claim.why().to_owned(),
            },
        ]
    };
    items.iter().map(row).collect()
}
