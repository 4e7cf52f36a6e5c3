//! `hga prices`: what is known of prices and how, AWS's own list asked, and the bundled book held against that.

use super::super::args::{Global, Prices};
use super::super::error::{Outcome, Stop};
use super::super::paint::Tone;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::{exit, words};
use crate::domain::money::{Item, Platform, PriceBook, PriceSource, Quote, Usd};
use crate::domain::{Region, Timestamp, escape_line};
use crate::session::{PriceAsk, PricesTold, Session, Trouble};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn run(verb: &Prices, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    match verb {
        Prices::List { types } => list(types, global, session, printer),
        Prices::Refresh => refresh(global, session, printer).await,
        Prices::Check => check(global, session, printer).await,
    }
}

/// Below so many columns what a processor costs is left out, or it could not be read how prices are known.
const WIDE: usize = 100;

/// What a price is of, without its unit and its place.
fn name(item: &Item) -> String {
    match item {
        Item::Machine { instance_type, platform } => format!("{instance_type} {}", platform.as_str()),
        Item::Spot { instance_type, platform, .. } => format!("{instance_type} {} spot", platform.as_str()),
        Item::Disk => "gp3 volume".to_owned(),
        Item::Snapshot => "snapshot, at most".to_owned(),
        Item::Address => "public IPv4 address".to_owned(),
        Item::Transfer => "data out to internet".to_owned(),
        Item::Surplus { platform } => format!("surplus vCPU {}", platform.as_str()),
    }
}

/// The zone, where a price is of one.
fn place(region: &Region, item: &Item) -> String {
    if let Item::Spot { zone, .. } = item { zone.clone() } else { region.to_string() }
}

/// A price with its unit.
fn by_unit(usd: Option<Usd>, item: &Item) -> String {
    let unit = match item.unit() {
        "hour" => "h",
        "vCPU-hour" => "vCPU-h",
        "GB-month" => "GB-mo",
        other => other,
    };
    usd.map_or_else(|| "unknown".to_owned(), |usd| format!("{}/{unit}", usd.price()))
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

    fn row(&self) -> [String; 6] {
        let dash = || "-".to_owned();
        [
            name(self.item),
            place(self.region, self.item),
            by_unit(self.usd, self.item),
            self.known.clone(),
            self.vcpus.map_or_else(dash, |vcpus| vcpus.to_string()),
            self.usd_per_vcpu_hour.map_or_else(dash, Usd::price),
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
    let rows: Vec<[String; 6]> = told.iter().map(Told::row).collect();
    let (width, paint) = (printer.width(), printer.out_paint());
    let text = if width.is_none_or(|width| width >= WIDE) {
        table(["ITEM", "PLACE", "PRICE", "KNOWN BY", "VCPUS", "PER VCPU"], &rows, width, paint)
    } else {
        let rows: Vec<[String; 4]> =
            rows.into_iter().map(|[item, place, price, known, ..]| [item, place, price, known]).collect();
        table(["ITEM", "PLACE", "PRICE", "KNOWN BY"], &rows, width, paint)
    };
    printer.out(&text)?;
    let sources = told.iter().filter_map(|one| one.source);
    printer.err(&asked(sources, book.asked().is_some(), global))?;
    Ok(exit::OK)
}

/// When AWS was asked for what is shown; nothing else is said of when it was asked for other things.
fn asked(sources: impl Iterator<Item = PriceSource>, ever: bool, global: &Global) -> String {
    let days = sources.filter_map(|source| match source {
        PriceSource::Listed { as_of } => Some(as_of),
        PriceSource::Spot { at } => Some(at.to_zoned(TimeZone::UTC).date()),
        PriceSource::Bundled { .. } | PriceSource::Free => None,
    });
    if let Some(day) = days.max() {
        return format!("\nAWS was asked for these last on {day}\n");
    }
    let said = if ever { "AWS was not asked for any of these" } else { "AWS was never asked" };
    let more = match global.aws_region.as_slice() {
        _ if global.all_regions => " --all-regions".to_owned(),
        [] => String::new(),
        named => format!(" --aws-region {}", named.iter().map(Region::as_str).collect::<Vec<_>>().join(",")),
    };
    format!("\n{said}\n\nhint: `hga prices refresh{more}` asks it\n")
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
                    let by = |quote: Option<Quote>| by_unit(quote.map(|quote| quote.usd), changed.item);
                    [name(changed.item), changed.region.to_string(), by(changed.before), by(Some(changed.after))]
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
    /// It was asked for, and what was answered is no price.
    Garbled,
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
fn held(book: &PriceBook, regions: &[Region], answer: &PricesTold) -> Vec<Held> {
    let told: BTreeMap<(&Region, &Item), Quote> =
        answer.tags.iter().map(|tag| ((&tag.region, &tag.item), tag.quote)).collect();
    let unanswered: BTreeSet<Option<&Region>> =
        answer.troubles.iter().map(|trouble| trouble.region.as_ref()).collect();
    let garbled: BTreeSet<(Option<&Region>, &Item)> =
        answer.garbled.iter().map(|(item, trouble)| (trouble.region.as_ref(), item)).collect();
    let mut all = Vec::new();
    for region in regions {
        for item in book.bundled_items(region).into_iter().collect::<BTreeSet<Item>>() {
            let Some(bundled) = book.bundled_quote(region, &item) else { continue };
            let listed = told.get(&(region, &item)).copied();
            let silent = unanswered.contains(&None) || unanswered.contains(&Some(region));
            let outcome = match listed {
                Some(listed) if listed.usd == bundled.usd => Outcomes::Agrees,
                Some(_) => Outcomes::Differs,
                None if garbled.contains(&(Some(region), &item)) => Outcomes::Garbled,
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
    let known = book.regions();
    if let Some(region) = regions.iter().find(|region| !known.contains(region)) {
        let known: Vec<&str> = known.iter().map(Region::as_str).collect();
        return Err(Stop::usage(format!("there are no bundled prices of `{region}`"))
            .hint(format!("there are some of {}", known.join(", "))));
    }
    let ask = PriceAsk {
        regions: regions.clone(),
        types: book.types().map(|(name, _)| name.to_owned()).collect(),
        platforms: vec![Platform::Linux, Platform::Windows],
        spot: false,
    };
    let told = session.ask_prices(&ask).await.map_err(|error| match Stop::from(error) {
        Stop::Error { message, hints, .. } => Stop::Error { code: exit::ERROR, message, hints },
        stop @ Stop::NoReader(_) => stop,
    })?;
    let held = held(book, &regions, &told);
    let troubles: Vec<Trouble> =
        told.troubles.into_iter().chain(told.garbled.into_iter().map(|(_, trouble)| trouble)).collect();
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
    let counted = [
        ("as AWS's price list has them", count(Outcomes::Agrees)),
        ("different", differ),
        ("not in the list", missing),
        ("answered with no price", count(Outcomes::Garbled)),
        ("not asked for", count(Outcomes::NotAsked)),
    ];
    let said = counted.iter().filter(|(_, many)| *many > 0).map(|(what, many)| format!("{many} {what}"));
    let verdict = format!("bundled prices: {}", said.collect::<Vec<_>>().join(", "));
    unanswered(&troubles, printer)?;
    printer.err(&format!("{verdict}\n"))?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProviderKind;
    use crate::domain::money::PriceTag;
    use crate::session::{Error, ErrorKind};

    #[test]
    fn when_aws_was_asked_is_said_of_what_is_shown() {
        let cli =
            crate::cli::parse::read(["hga", "prices", "list", "--aws-region", "us-east-1"].map(Into::into).into());
        let global = cli.unwrap().global;
        let day = |day| jiff::civil::date(2026, 11, day);
        let bundled = PriceSource::Bundled { as_of: day(30) };
        let listed = |of| PriceSource::Listed { as_of: day(of) };
        let spot = PriceSource::Spot { at: "2026-11-28T23:30:00Z".parse().unwrap() };
        let said = |sources: &[PriceSource], ever| asked(sources.iter().copied(), ever, &global);
        assert_eq!(said(&[bundled, listed(22), listed(21)], true), "\nAWS was asked for these last on 2026-11-22\n");
        assert_eq!(said(&[listed(22), spot], true), "\nAWS was asked for these last on 2026-11-28\n");
        let hint = "\n\nhint: `hga prices refresh --aws-region us-east-1` asks it\n";
        assert_eq!(said(&[bundled], true), format!("\nAWS was not asked for any of these{hint}"));
        assert_eq!(said(&[bundled], false), format!("\nAWS was never asked{hint}"));
    }

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    fn tag(item: &Item, usd: &str) -> PriceTag {
        let source = PriceSource::Listed { as_of: jiff::civil::date(2026, 11, 22) };
        let quote = Quote { usd: usd.parse().unwrap(), source };
        PriceTag { region: region("us-west-2"), item: item.clone(), quote, facts: None }
    }

    #[test]
    fn what_nobody_answered_is_not_missing() {
        let book = PriceBook::bundled();
        let regions = [region("us-west-2"), region("us-east-2")];
        let of = |name: &str, platform| Item::Machine { instance_type: name.to_owned(), platform };
        let same = of("c5.9xlarge", Platform::Linux);
        let other = of("c5.9xlarge", Platform::Windows);
        let gone = of("c5.4xlarge", Platform::Linux);
        let outcome = |all: &[Held], region: &Region, item: &Item| {
            all.iter().find(|one| one.region == *region && one.item == *item).unwrap().outcome
        };
        let trouble = |region: Option<&Region>| Trouble {
            provider: ProviderKind::Aws,
            region: region.cloned(),
            error: Error::new(ErrorKind::Remote, "no answer"),
        };
        let garbled = of("c6i.4xlarge", Platform::Linux);
        let mut told = PricesTold {
            tags: vec![tag(&same, "1.53"), tag(&other, "3.2")],
            troubles: vec![trouble(Some(&regions[1]))],
            garbled: vec![(garbled.clone(), trouble(Some(&regions[0])))],
        };
        let all = held(book, &regions, &told);
        let west = |item| outcome(&all, &regions[0], item);
        assert_eq!(
            [west(&same), west(&other), west(&gone), west(&garbled)],
            [Outcomes::Agrees, Outcomes::Differs, Outcomes::Missing, Outcomes::Garbled]
        );
        assert_eq!(west(&Item::Transfer), Outcomes::NotAsked);
        // the other region gave no answer
        assert_eq!(outcome(&all, &regions[1], &same), Outcomes::NotAsked);
        // and where it is not known which, none is missing
        told.troubles.push(trouble(None));
        let all = held(book, &regions, &told);
        assert_eq!(outcome(&all, &regions[0], &gone), Outcomes::NotAsked);
        assert_eq!(outcome(&all, &regions[0], &other), Outcomes::Differs);
    }

    #[test]
    fn of_what_is_asked_for_by_name_what_is_not_known_is_shown_too() {
        let book = PriceBook::bundled();
        let types = ["x9.large", "c8g.4xlarge"].map(str::to_owned);
        let here = region("us-west-2");
        let items = shown(book, &here, &types);
        let rows: Vec<String> = items
            .iter()
            .map(|item| Told::of(book, &here, item, Timestamp::UNIX_EPOCH).row()[..3].join(" "))
            .collect();
        // there is no Windows for ARM
        assert_eq!(
            rows,
            [
                "c8g.4xlarge linux us-west-2 $0.63808/h",
                "x9.large linux us-west-2 unknown",
                "x9.large windows us-west-2 unknown"
            ]
        );
    }
}
