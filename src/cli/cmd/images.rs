//! `hga images`.

use super::super::args::{Global, Images};
use super::super::error::Outcome;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::{exit, words};
use super::plans;
use crate::domain::money::Saving;
use crate::domain::{Claim, Fingerprint, Image, Machine, PlanVerb, ProviderKind, Timestamp};
use crate::session::{Session, changed_inputs};

pub(super) async fn run(verb: &Images, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    match verb {
        Images::List { provider, all } => list(*provider, *all, session, printer).await,
        Images::Remove { names, provider, planned } => {
            plans::run(PlanVerb::RemoveImages, *provider, Some(names.clone()), planned, global, session, printer)
                .await
        }
    }
}

async fn list(provider: Option<ProviderKind>, all: bool, session: &Session, printer: &mut Printer) -> Outcome {
    let mut listed = session.images(provider).await;
    listed.items.retain(|image| all || image.claim.as_ref().is_none_or(Claim::is_tools));
    let images = listed.items;
    let (ledger, book, now) = (super::ledger(session, printer).await?, session.prices(), Timestamp::now());
    let saving = |image: &Image| Saving::of(&image.resource(), &[], &ledger, &book, now);
    if printer.is_json() {
        let told = images.iter().map(|image| Told { image, cost: saving(image) });
        super::json_lines(printer, &told.collect::<Vec<_>>())?;
    } else if images.is_empty() {
        printer.err(&plans::none("no images", "no images", &listed.troubles))?;
        printer.err("\nhint: `hga bootstrap-linux-dev` makes one; so does the first test run\n")?;
        super::how_to_add(session, provider, printer)?;
    } else {
        let machines = session.machines(provider).await.items;
        let rows: Vec<[String; 9]> = images.iter().map(|image| row(image, saving(image), &machines, now)).collect();
        let heads = ["IMAGE", "PLACE", "MADE", "SIZE", "$/MONTH", "STATE", "FINGERPRINT", "USED BY", "ID"];
        printer.out(&table(heads, &rows, printer.width(), printer.out_paint()))?;
    }
    plans::unseen(&listed.troubles, printer)?;
    Ok(if listed.troubles.is_empty() { exit::OK } else { exit::ERROR })
}

/// An image in JSON: what is known of it, and what keeping it costs at most.
#[derive(serde::Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    image: &'a Image,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Saving>,
}

fn row(image: &Image, saving: Option<Saving>, machines: &[Machine], now: Timestamp) -> [String; 9] {
    let dash = || "-".to_owned();
    let users = crate::domain::users_of(image, machines);
    [
        image.name.to_string(),
        image.region.as_ref().map_or_else(|| image.provider.to_string(), ToString::to_string),
        words::age(image.created, now),
        words::bytes(image.bytes),
        match saving {
            _ if image.provider != ProviderKind::Aws => "free".to_owned(),
            None => dash(),
            Some(saving) => saving.price(),
        },
        standing(image),
        image.fingerprint.as_ref().map_or("-", Fingerprint::short).to_owned(),
        match users.as_slice() {
            [] => dash(),
            [one] => one.id.to_string(),
            many => words::count(many.len() as u64, "machine"),
        },
        image.id.clone().unwrap_or_else(dash),
    ]
}

/// Whether an image is what would be made today; only the inputs of those that hga made are known.
fn standing(image: &Image) -> String {
    match (&image.claim, image.inputs.is_empty()) {
        (Some(Claim::OtherOwner { owner, .. }), _) => format!("{owner}'s"),
        (Some(Claim::Foreign { .. }), _) => "foreign".to_owned(),
        (_, true) => "not known".to_owned(),
        (_, false) if changed_inputs(image).is_empty() => "current".to_owned(),
        (_, false) => "stale".to_owned(),
    }
}
