//! `hga prices`: what is known of prices and how, AWS's own list asked, and the bundled book held against that.

use super::super::args::{Global, Prices};
use super::super::error::{Outcome, Stop};
use super::super::paint::Tone;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::{exit, words};
use crate::domain::money::{Item, Platform, PriceBook, PriceSource, PriceTag, Quote, Usd};
use crate::domain::{Region, Timestamp, escape_line};
use crate::session::{PriceAsk, Session, Trouble};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn run(verb: &Prices, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    match verb {
        Prices::List { types } => list(types, global, session, printer),
        Prices::Refresh => refresh(global, session, printer).await,
        Prices::Check => check(global, session, printer).await,
    }
}

/// What a price is of, without its unit.
fn name(item: &Item) -> String {
    match item {
        Item::Machine { .. } | Item::Spot { .. } => item.to_string(),
        Item::Disk => "gp3 volume".to_owned(),
        Item::Snapshot => "snapshot, at most".to_owned(),
        Item::Address => "public IPv4 address".to_owned(),
        Item::Transfer => "data out to the internet".to_owned(),
        Item::Surplus { platform } => format!("surplus processor, burstable, {}", platform.as_str()),
    }
}

/// A price as a line of JSON.
#[derive(Serialize)]
struct Told<'a> {
    region: &'a Region,
    #[serde(flatten)]
    item: &'a Item,
    unit: &'static str,
    /// Null where it is not known.
    usd: Option<Usd>,
    #[serde(flatten)]
    source: Option<PriceSource>,
    /// The same in words.
    known: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpus: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_vcpu_hour: Option<Usd>,
}

impl<'a> Told<'a> {
    fn of(book: &PriceBook, region: &'a Region, item: &'a Item, now: Timestamp) -> Self {
        let quote = book.quote(region, item);
        let vcpus = item.instance_type().and_then(|name| book.facts(name)).map(|facts| facts.vcpus);
        let each = quote.zip(vcpus).filter(|(_, vcpus)| *vcpus > 0);
        Self {
            region,
            item,
            unit: item.unit(),
            usd: quote.map(|quote| quote.usd),
            source: quote.map(|quote| quote.source),
            known: quote.map_or_else(|| "unknown".to_owned(), |quote| quote.source.words(now)),
            vcpus,
            usd_per_vcpu_hour: each.map(|(quote, vcpus)| quote.usd.times(1, u64::from(vcpus))),
        }
    }

    fn row(&self) -> [String; 7] {
        let dash = || "-".to_owned();
        [
            name(self.item),
            self.region.to_string(),
            self.usd.map_or_else(|| "unknown".to_owned(), Usd::price),
            self.unit.to_owned(),
            self.vcpus.map_or_else(dash, |vcpus| vcpus.to_string()),
            self.usd_per_vcpu_hour.map_or_else(dash, Usd::price),
            self.known.clone(),
        ]
    }
}

/// What is shown of a region: everything with the cheapest zone of the Spot market, or all of a few types, also where nothing
/// is known of them.
fn shown(book: &PriceBook, region: &Region, types: &[String]) -> BTreeSet<Item> {
    let mut items = book.items(region);
    if types.is_empty() {
        items.retain(|item| match item {
            Item::Spot { instance_type, platform, zone } => {
                book.spot(region, instance_type, *platform).is_some_and(|(_, cheapest)| cheapest == zone)
            }
            _ => true,
        });
        return items;
    }
    items.retain(|item| item.instance_type().is_some_and(|name| types.iter().any(|wanted| wanted == name)));
    for instance_type in types {
        let arm = book.facts(instance_type).is_some_and(|facts| facts.arm);
        for platform in [Platform::Linux, Platform::Windows] {
            // there is no Windows for ARM
            if platform == Platform::Linux || !arm {
                items.insert(Item::Machine { instance_type: instance_type.clone(), platform });
            }
        }
    }
    items
}

fn list(types: &[String], global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    let book = session.prices();
    let regions: Vec<Region> = if global.all_regions {
        book.regions().into_iter().collect()
    } else if global.aws_region.is_empty() {
        vec![session.home().unwrap_or_else(Region::usual)]
    } else {
        global.aws_region.clone()
    };
    let now = Timestamp::now();
    let items: Vec<(Region, BTreeSet<Item>)> =
        regions.into_iter().map(|region| (region.clone(), shown(&book, &region, types))).collect();
    let told: Vec<Told<'_>> = items
        .iter()
        .flat_map(|(region, items)| items.iter().map(|item| Told::of(&book, region, item, now)))
        .collect();
    if printer.is_json() {
        return super::json_lines(printer, &told);
    }
    let heads = ["ITEM", "REGION", "PRICE", "UNIT", "VCPUS", "PER VCPU", "KNOWN BY"];
    let rows: Vec<[String; 7]> = told.iter().map(Told::row).collect();
    printer.out(&table(heads, &rows, printer.width(), printer.out_paint()))?;
    match book.asked() {
        Some(asked) => printer.err(&format!("\nAWS was asked {}\n", words::age(asked, now)))?,
        None => printer.err("\nAWS was never asked\nhint: `hga prices refresh` asks it\n")?,
    }
    Ok(exit::OK)
}

/// Names what could not be asked, or was answered with nonsense; a hint that several share once.
fn unanswered(troubles: &[Trouble], printer: &mut Printer) -> Result<(), Stop> {
    let mut said: BTreeSet<&str> = BTreeSet::new();
    for trouble in troubles {
        let paint = printer.err_paint();
        let text = escape_line(&trouble.to_string());
        printer.err(&format!("{} {text}\n", paint.tone(Tone::Warn, "warning:")))?;
    }
    for hint in troubles.iter().flat_map(|trouble| &trouble.error.hints) {
        if said.insert(&hint.0) {
            printer.err(&format!("hint: {hint}\n"))?;
        }
    }
    Ok(())
}

/// A price that is another one than before, as a line of JSON.
#[derive(Serialize)]
struct Changed<'a> {
    event: &'static str,
    region: &'a Region,
    #[serde(flatten)]
    item: &'a Item,
    /// Null where it was not known.
    before: Option<Quote>,
    after: Quote,
}

async fn refresh(global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    let mut ask = session.price_ask().await?;
    let before = session.prices();
    let bundled = global.all_regions.then(|| before.regions()).into_iter().flatten();
    let more: BTreeSet<Region> = global.aws_region.iter().cloned().chain(bundled).collect();
    ask.regions.extend(more);
    ask.regions.sort();
    ask.regions.dedup();
    let refreshed = session.refresh_prices(&ask).await?;
    let after = session.prices();
    let items: Vec<(&Region, Item)> = ask
        .regions
        .iter()
        .flat_map(|region| after.items(region).into_iter().map(move |item| (region, item)))
        // Spot prices are others each time
        .filter(|(_, item)| !matches!(item, Item::Spot { .. }))
        .collect();
    let changed: Vec<Changed<'_>> = items
        .iter()
        .filter_map(|(region, item)| {
            let (before, after) = (before.quote(region, item), after.quote(region, item)?);
            let same = before.is_some_and(|before| before.usd == after.usd);
            (!same).then_some(Changed { event: "price", region, item, before, after })
        })
        .collect();
    let code = if refreshed.troubles.is_empty() { exit::OK } else { exit::ERROR };
    let prices = refreshed.prices;
    if printer.is_json() {
        super::json_lines(printer, &changed)?;
        let troubles: Vec<String> = refreshed.troubles.iter().map(ToString::to_string).collect();
        let summary = serde_json::json!({"event": "refreshed", "prices": prices, "changed": changed.len(), "regions": ask.regions, "unanswered": troubles});
        printer.out(&format!("{summary}\n"))?;
    } else {
        if !changed.is_empty() {
            let rows: Vec<[String; 4]> = changed
                .iter()
                .map(|changed| {
                    let before = changed.before.map_or_else(|| "unknown".to_owned(), |before| before.usd.price());
                    [name(changed.item), changed.region.to_string(), before, changed.after.usd.price()]
                })
                .collect();
            printer.out(&table(["ITEM", "REGION", "BEFORE", "NOW"], &rows, printer.width(), printer.out_paint()))?;
        }
        let places: Vec<&str> = ask.regions.iter().map(Region::as_str).collect();
        let told = words::count(prices as u64, "price");
        printer.err(&format!("{told} told for {}, {} changed\n", places.join(", "), changed.len()))?;
    }
    unanswered(&refreshed.troubles, printer)?;
    Ok(code)
}

/// What came of holding a bundled price against the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcomes {
    Agrees,
    Differs,
    /// The list was asked and does not have it.
    Missing,
    /// It was not asked for, or there was no answer.
    NotAsked,
}

/// A bundled price and what the list says, as a line of JSON.
#[derive(Debug, Serialize)]
struct Held {
    region: Region,
    #[serde(flatten)]
    item: Item,
    outcome: Outcomes,
    bundled: Quote,
    listed: Option<Quote>,
}

/// Holds every bundled price of these regions against what was told.
fn held(
    book: &PriceBook,
    regions: &[Region],
    tags: &[PriceTag],
    unanswered: &BTreeSet<Option<&Region>>,
) -> Vec<Held> {
    let told: BTreeMap<(&Region, &Item), Quote> =
        tags.iter().map(|tag| ((&tag.region, &tag.item), tag.quote)).collect();
    let mut all = Vec::new();
    for region in regions {
        for item in book.bundled_items(region).into_iter().collect::<BTreeSet<Item>>() {
            let Some(bundled) = book.bundled_quote(region, &item) else { continue };
            let listed = told.get(&(region, &item)).copied();
            let silent = unanswered.contains(&None) || unanswered.contains(&Some(region));
            let outcome = match listed {
                Some(listed) if listed.usd == bundled.usd => Outcomes::Agrees,
                Some(_) => Outcomes::Differs,
                None if silent || matches!(item, Item::Transfer | Item::Surplus { .. }) => Outcomes::NotAsked,
                None => Outcomes::Missing,
            };
            all.push(Held { region: region.clone(), item, outcome, bundled, listed });
        }
    }
    all
}

/// The list's day or the book's.
fn day(source: PriceSource) -> String {
    match source {
        PriceSource::Bundled { as_of } | PriceSource::Listed { as_of } => as_of.to_string(),
        PriceSource::Spot { .. } | PriceSource::Free => "-".to_owned(),
    }
}

impl Held {
    fn row(&self) -> [String; 6] {
        let (listed, of) = match self.listed {
            Some(listed) => (format!("${}", listed.usd.exact()), day(listed.source)),
            None => ("not in the list".to_owned(), "-".to_owned()),
        };
        let bundled = format!("${}", self.bundled.usd.exact());
        [name(&self.item), self.region.to_string(), bundled, day(self.bundled.source), listed, of]
    }
}

async fn check(global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    let book = PriceBook::bundled();
    let regions: Vec<Region> =
        if global.aws_region.is_empty() { book.regions().into_iter().collect() } else { global.aws_region.clone() };
    let ask = PriceAsk {
        regions: regions.clone(),
        types: book.types().map(|(name, _)| name.to_owned()).collect(),
        platforms: vec![Platform::Linux, Platform::Windows],
        spot: false,
    };
    let (tags, troubles) = session.ask_prices(&ask).await.map_err(|error| match Stop::from(error) {
        Stop::Error { message, hints, .. } => Stop::Error { code: exit::ERROR, message, hints },
        stop @ Stop::NoReader(_) => stop,
    })?;
    let silent: BTreeSet<Option<&Region>> = troubles.iter().map(|trouble| trouble.region.as_ref()).collect();
    let held = held(book, &regions, &tags, &silent);
    let count = |outcome| held.iter().filter(|one| one.outcome == outcome).count() as u64;
    let (differ, missing) = (count(Outcomes::Differs), count(Outcomes::Missing));
    let code = match (differ + missing, troubles.is_empty()) {
        (0, true) => exit::OK,
        (0, false) => exit::ERROR,
        _ => exit::DIFFERS,
    };
    if printer.is_json() {
        super::json_lines(printer, &held)?;
        unanswered(&troubles, printer)?;
        return Ok(code);
    }
    let wrong = held.iter().filter(|one| matches!(one.outcome, Outcomes::Differs | Outcomes::Missing));
    let rows: Vec<[String; 6]> = wrong.map(Held::row).collect();
    if !rows.is_empty() {
        let heads = ["ITEM", "REGION", "BUNDLED", "OF", "LIST", "OF"];
        printer.out(&table(heads, &rows, printer.width(), printer.out_paint()))?;
    }
    let agree = words::count(count(Outcomes::Agrees), "bundled price");
    let mut verdict = format!("{agree} agree with AWS's price list");
    for (many, what) in
        [(differ, "differ"), (missing, "are not in the list"), (count(Outcomes::NotAsked), "were not asked for")]
    {
        if many > 0 {
            verdict = format!("{verdict}, {many} {what}");
        }
    }
    unanswered(&troubles, printer)?;
    printer.err(&format!("{verdict}\n"))?;
    Ok(code)
}
