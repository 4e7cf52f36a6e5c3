//! What AWS's Price List says of machines, volumes, snapshots and addresses, and what the Spot market costs now. A price is
//! taken only where the list has one for what was asked, in dollars and more than nothing; what is in doubt is left out and
//! named.

use super::client::Clients;
use super::error::told;
use crate::cloud::{Error, ErrorKind, PriceAsk, Priced, Result, Unseen};
use crate::domain::money::{Item, Platform, PriceSource, PriceTag, Quote, TypeFacts, Usd};
use crate::domain::{Region, Timestamp, escape_line, escape_short};
use aws_sdk_ec2::types::SpotPrice;
use aws_sdk_pricing::types::{Filter, FilterType};
use futures::StreamExt as _;
use futures::future::join;
use futures::stream;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// The most that the Price List puts into one page.
const PAGE: i32 = 100;
/// The longest value that a filter may have (its service model says 1024).
const LONGEST: usize = 1000;
/// How many questions are asked at once: the service takes few calls a second.
const AT_ONCE: usize = 4;
/// How many types are asked for at once on the Spot market.
const SPOT_TYPES: usize = 100;

/// Where the Price List is asked for what is looked at from `home`: it has endpoints in a few regions only, and each of them
/// knows the prices of all regions of its partition.
pub(super) fn endpoint(home: &Region) -> Region {
    let near = match home.as_str().split('-').next() {
        Some("eu" | "af" | "me" | "il") => "eu-central-1",
        Some("ap") => "ap-south-1",
        Some("cn") => "cn-northwest-1",
        _ => "us-east-1",
    };
    // a constant that is a region
    Region::new(near).unwrap_or_else(|_| Region::usual())
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    /// Hours of these types.
    Machines(Platform, Vec<String>),
    /// What is not of a type; the ending of its usage type tells it from its kin.
    Other(Item, &'static str),
}

/// What a question came to.
#[derive(Debug, Default)]
struct Answer {
    tags: Vec<PriceTag>,
    /// What has no price that can be taken, and why.
    garbled: Vec<(Item, Error)>,
    /// What else is wrong.
    errors: Vec<Error>,
}

/// One question to the Price List.
#[derive(Debug, Clone, PartialEq)]
struct Question {
    region: Region,
    service: &'static str,
    /// Fields that have to have these values.
    terms: Vec<(&'static str, String)>,
    wanted: Wanted,
    unit: &'static str,
}

impl Question {
    /// The filters that leave one product an item: on demand, shared hardware, nothing installed, and the licence, if any,
    /// in the price. Without the last, Windows with a licence of one's own comes too, at the price of Linux; without
    /// `capacitystatus`, reserved capacity at nothing.
    fn machines(region: &Region, platform: Platform, types: &[String]) -> Option<Self> {
        let system = match platform {
            Platform::Linux => "Linux",
            Platform::Windows => "Windows",
            Platform::LicensedLinux => return None,
        };
        let terms = [
            ("regionCode", region.as_str()),
            ("productFamily", "Compute Instance"),
            ("tenancy", "Shared"),
            ("operatingSystem", system),
            ("preInstalledSw", "NA"),
            ("licenseModel", "No License required"),
            ("capacitystatus", "Used"),
            ("marketoption", "OnDemand"),
        ];
        Some(Self {
            region: region.clone(),
            service: "AmazonEC2",
            terms: terms.map(|(field, value)| (field, value.to_owned())).to_vec(),
            wanted: Wanted::Machines(platform, types.to_vec()),
            unit: "Hrs",
        })
    }

    fn others(region: &Region) -> [Self; 3] {
        let ask = |service, family: (&'static str, &str), item, usage, unit| Self {
            region: region.clone(),
            service,
            terms: vec![("regionCode", region.to_string()), (family.0, family.1.to_owned())],
            wanted: Wanted::Other(item, usage),
            unit,
        };
        let mut disk = ask("AmazonEC2", ("productFamily", "Storage"), Item::Disk, "EBS:VolumeUsage.gp3", "GB-Mo");
        disk.terms.push(("volumeApiName", "gp3".to_owned()));
        [
            disk,
            // archived ones and others are in the same family
            ask("AmazonEC2", ("productFamily", "Storage Snapshot"), Item::Snapshot, "EBS:SnapshotUsage", "GB-Mo"),
            // these have no family
            ask("AmazonVPC", ("group", "VPCPublicIPv4Address"), Item::Address, "PublicIPv4:InUseAddress", "Hrs"),
        ]
    }

    /// All questions of what is asked, a few types in one.
    fn all(ask: &PriceAsk) -> Vec<Self> {
        // what is no name of a type would be several values
        let named = |name: &&String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        };
        let mut some: Vec<Vec<String>> = Vec::new();
        let mut length = LONGEST;
        for name in ask.types.iter().filter(named) {
            length += name.len() + 1;
            if length > LONGEST {
                some.push(Vec::new());
                length = name.len();
            }
            if let Some(last) = some.last_mut() {
                last.push(name.clone());
            }
        }
        let mut all = Vec::new();
        for region in &ask.regions {
            for platform in &ask.platforms {
                all.extend(some.iter().filter_map(|types| Self::machines(region, *platform, types)));
            }
            all.extend(Self::others(region));
        }
        all
    }

    fn filters(&self) -> Result<Vec<Filter>> {
        let mut fields: Vec<(FilterType, &str, String)> =
            self.terms.iter().map(|(field, value)| (FilterType::TermMatch, *field, value.clone())).collect();
        if let Wanted::Machines(_, types) = &self.wanted {
            fields.push((FilterType::AnyOf, "instanceType", types.join(",")));
        }
        let built = fields
            .into_iter()
            .map(|(kind, field, value)| Filter::builder().r#type(kind).field(field).value(value).build());
        built
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| Error::new(ErrorKind::Other, format!("could not ask the price list: {error}")))
    }

    /// Every product that the list has for it, as text.
    async fn ask(&self, client: &aws_sdk_pricing::Client) -> Result<Vec<String>> {
        let call = client.get_products().service_code(self.service).format_version("aws_v1").max_results(PAGE);
        let mut pages = call.set_filters(Some(self.filters()?)).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let error = told(&format!("ask the price list for `{}`", self.region), error);
                if error.kind == ErrorKind::Denied {
                    error.hint(
                        "the permission `pricing:GetProducts` is missing, which AWS grants for all resources alone; \
                         without it the prices that came with hga hold",
                    )
                } else {
                    error
                }
            })?;
            all.extend(page.price_list.unwrap_or_default());
        }
        Ok(all)
    }

    /// Which item a product is; none where it is another one than was asked for.
    fn item(&self, product: &Product) -> Option<Item> {
        let about = |field: &str| match field {
            "productFamily" => product.product.family.as_deref(),
            field => product.product.attributes.get(field).map(String::as_str),
        };
        if !self.terms.iter().all(|(field, value)| about(field) == Some(value)) {
            return None;
        }
        match &self.wanted {
            Wanted::Machines(platform, types) => {
                let name = about("instanceType").filter(|name| types.iter().any(|wanted| wanted == name))?;
                Some(Item::Machine { instance_type: name.to_owned(), platform: *platform })
            }
            // most begin with a short name of the region and a dash, those of EC2 in us-east-1 do not
            Wanted::Other(item, usage) => {
                let before = about("usagetype")?.strip_suffix(usage)?;
                (before.is_empty() || before.ends_with('-')).then(|| item.clone())
            }
        }
    }

    /// The prices among products, and what is wrong with others.
    fn read(&self, products: &[String], as_of: Date) -> Answer {
        let wrong = |what: &dyn fmt::Display, why: &str| {
            let what = escape_line(&what.to_string());
            Error::new(ErrorKind::Other, format!("the price of {what} in `{}` is left out: {why}", self.region))
        };
        let mut answer = Answer::default();
        let mut found: BTreeMap<Item, Vec<Offered>> = BTreeMap::new();
        for text in products {
            match serde_json::from_str::<Product>(text) {
                Ok(product) => {
                    if let Some(item) = self.item(&product) {
                        found.entry(item).or_default().push((product.usd(self.unit), product.facts()));
                    }
                }
                Err(error) => {
                    let why = format!("it cannot be read: {}", escape_short(&error.to_string()));
                    answer.errors.push(wrong(&"a product", &why));
                }
            }
        }
        for (item, mut products) in found {
            let Some((price, facts)) = products.pop() else { continue };
            let usd = match price {
                // which of several would be charged cannot be known
                Ok(usd) if products.iter().all(|(other, _)| other.as_ref() == Ok(&usd)) => usd,
                Ok(_) => {
                    let many = products.len() + 1;
                    let error = wrong(&item, &format!("the list has {many} products for it, which cost differently"));
                    answer.garbled.push((item, error));
                    continue;
                }
                Err(why) => {
                    let error = wrong(&item, &why);
                    answer.garbled.push((item, error));
                    continue;
                }
            };
            let quote = Quote { usd, source: PriceSource::Listed { as_of } };
            answer.tags.push(PriceTag { region: self.region.clone(), item, quote, facts });
        }
        answer
    }
}

/// What a product costs, or why that is no price, and what is said of its type.
type Offered = (std::result::Result<Usd, String>, Option<TypeFacts>);

/// A product of the list, as much of it as matters.
#[derive(Debug, Deserialize)]
struct Product {
    product: About,
    #[serde(default)]
    terms: Terms,
}

#[derive(Debug, Deserialize)]
struct About {
    #[serde(rename = "productFamily", default)]
    family: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

impl Product {
    /// What a unit costs on demand.
    fn usd(&self, unit: &str) -> std::result::Result<Usd, String> {
        let dimensions: Vec<&Dimension> =
            self.terms.on_demand.values().flat_map(|term| term.price_dimensions.values()).collect();
        let [dimension] = dimensions.as_slice() else {
            return Err(format!("it has {} prices on demand", dimensions.len()));
        };
        if dimension.unit != unit {
            return Err(format!("it is by `{}`, not by `{unit}`", escape_short(&dimension.unit)));
        }
        let Some(text) = dimension.price_per_unit.get("USD") else {
            let others: Vec<&str> = dimension.price_per_unit.keys().map(String::as_str).collect();
            return Err(format!("it is in {}, not in US dollars", escape_short(&others.join(", "))));
        };
        price(text)
    }

    /// What the list says of a type. It tells the family of a processor by its name alone, and nothing of credits.
    fn facts(&self) -> Option<TypeFacts> {
        let about = |field: &str| self.product.attributes.get(field).map(String::as_str);
        let name = about("instanceType")?;
        let architecture = about("processorArchitecture").unwrap_or_default().to_ascii_lowercase();
        let after =
            |text: &str| text.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        Some(TypeFacts {
            vcpus: about("vcpu")?.parse().ok()?,
            memory_mib: mebibytes(about("memory")?)?,
            arm: architecture.contains("arm")
                || about("physicalProcessor").is_some_and(|name| name.contains("Graviton")),
            burstable: after(name),
        })
    }
}

/// `72 GiB`, `0.5 GiB`, `1,952 GiB`.
fn mebibytes(text: &str) -> Option<u64> {
    let number = text.strip_suffix("GiB")?.trim().replace(',', "");
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    let whole: u64 = whole.parse().ok()?;
    let part = format!("{part:0<3}").get(..3)?.parse::<u64>().ok()?;
    Some(whole.checked_mul(1024)? + part * 1024 / 1000)
}

/// A price as a service tells it.
fn price(text: &str) -> std::result::Result<Usd, String> {
    let usd: Usd = text.parse()?;
    if !usd.is_price() {
        return Err(format!("`{}` is no price", escape_short(text)));
    }
    Ok(usd)
}

/// A system as the Spot market calls it, either way.
fn systems(platform: Platform) -> &'static [&'static str] {
    match platform {
        Platform::Linux => &["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
        Platform::Windows => &["Windows", "Windows (Amazon VPC)"],
        Platform::LicensedLinux => &[],
    }
}

/// The present prices of a region's Spot market. From now on, the history begins with the last change before: what holds.
async fn spot(clients: &Clients, region: &Region, ask: &PriceAsk, now: Timestamp) -> Result<Vec<SpotPrice>> {
    let client = clients.ec2(region).await;
    let names: Vec<String> =
        ask.platforms.iter().flat_map(|platform| systems(*platform)).map(|name| (*name).to_owned()).collect();
    let mut all = Vec::new();
    for types in ask.types.chunks(SPOT_TYPES) {
        let call = client
            .describe_spot_price_history()
            .set_instance_types(Some(types.iter().map(|name| name.as_str().into()).collect()))
            .set_product_descriptions(Some(names.clone()))
            .start_time(aws_sdk_ec2::primitives::DateTime::from_secs(now.as_second()));
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| told(&format!("ask for Spot prices in `{region}`"), error))?;
            all.extend(page.spot_price_history.unwrap_or_default());
        }
    }
    Ok(all)
}

/// Spot prices in our words: of each zone the newest, for a change may come while it is asked. They are of when they were
/// asked, not of the last change, which may be days ago.
fn read_spot(region: &Region, told: &[SpotPrice], now: Timestamp) -> Answer {
    let mut newest: BTreeMap<Item, (i64, &str)> = BTreeMap::new();
    for one in told {
        let system = one.product_description().map(aws_sdk_ec2::types::RiProductDescription::as_str);
        let of = |platform: &&Platform| system.is_some_and(|system| systems(**platform).contains(&system));
        let platform = [Platform::Linux, Platform::Windows].iter().find(of).copied();
        let (Some(platform), Some(kind), Some(zone)) = (platform, one.instance_type(), one.availability_zone())
        else {
            continue;
        };
        let item = Item::Spot { instance_type: kind.as_str().to_owned(), platform, zone: zone.to_owned() };
        let since = one.timestamp().map_or(0, aws_sdk_ec2::primitives::DateTime::secs);
        let text = one.spot_price().unwrap_or_default();
        let known = newest.entry(item).or_insert((since, text));
        if since > known.0 {
            *known = (since, text);
        }
    }
    let mut answer = Answer::default();
    for (item, (_, text)) in newest {
        match price(text) {
            Ok(usd) => {
                let quote = Quote { usd, source: PriceSource::Spot { at: now } };
                answer.tags.push(PriceTag { region: region.clone(), item, quote, facts: None });
            }
            Err(why) => {
                let what = escape_line(&item.to_string());
                let error = Error::new(ErrorKind::Other, format!("the price of {what} is left out: {why}"));
                answer.garbled.push((item, error));
            }
        }
    }
    answer
}

/// Adds what one question came to; what several of a region have in common is named once.
fn add(all: &mut Priced, region: &Region, answer: Result<Answer>) {
    let answer = answer.unwrap_or_else(|error| Answer { errors: vec![error], ..Answer::default() });
    let unseen = |error| Unseen { region: Some(region.clone()), error };
    all.listing.items.extend(answer.tags);
    all.garbled.extend(answer.garbled.into_iter().map(|(item, error)| (item, unseen(error))));
    for error in answer.errors {
        let named = |known: &Unseen| known.region.as_ref() == Some(region) && known.error.message == error.message;
        if !all.listing.unseen.iter().any(named) {
            all.listing.unseen.push(unseen(error));
        }
    }
}

/// All that is asked for: the Price List near `home`, and the Spot market of each region.
pub(super) async fn prices(clients: &Clients, home: &Region, ask: &PriceAsk) -> Priced {
    let now = Timestamp::now();
    let today = now.to_zoned(TimeZone::UTC).date();
    let client = clients.pricing(&endpoint(home)).await;
    let listed = stream::iter(Question::all(ask))
        .map(async |question| {
            let answer = question.ask(&client).await.map(|products| question.read(&products, today));
            (question.region, answer)
        })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>();
    let wanted = if ask.spot && !ask.types.is_empty() { ask.regions.clone() } else { Vec::new() };
    let spot = stream::iter(wanted)
        .map(async |region| {
            let answer = spot(clients, &region, ask, now).await.map(|told| read_spot(&region, &told, now));
            (region, answer)
        })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>();
    let (listed, spot) = join(listed, spot).await;
    let mut all = Priced::default();
    for (region, answer) in listed.into_iter().chain(spot) {
        add(&mut all, &region, answer);
    }
    let unseen: Vec<&Unseen> =
        all.listing.unseen.iter().chain(all.garbled.iter().map(|(_, unseen)| unseen)).collect();
    let whole = |region: &&Region| !unseen.iter().any(|unseen| unseen.region.as_ref() == Some(*region));
    all.listing.looked_at = ask.regions.iter().filter(whole).cloned().collect();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    fn day() -> Date {
        Date::constant(2026, 11, 22)
    }

    /// As the Price List has it: text within which is JSON.
    fn product(change: impl FnOnce(&mut Value)) -> String {
        let mut product = json!({
            "serviceCode": "AmazonEC2",
            "product": {"sku": "A", "productFamily": "Compute Instance", "attributes": {
                "regionCode": "us-west-2", "instanceType": "c5.9xlarge", "tenancy": "Shared", "operatingSystem": "Linux",
                "preInstalledSw": "NA", "licenseModel": "No License required", "capacitystatus": "Used",
                "marketoption": "OnDemand", "vcpu": "36", "memory": "72 GiB", "processorArchitecture": "64-bit",
                "physicalProcessor": "Intel Xeon Platinum 8124M", "usagetype": "USW2-BoxUsage:c5.9xlarge"}},
            "terms": {
                "OnDemand": {"A.B": {"priceDimensions": {"A.B.C":
                    {"unit": "Hrs", "beginRange": "0", "pricePerUnit": {"USD": "1.5300000000"}}}}},
                "Reserved": {"A.D": {"priceDimensions": {"A.D.C": {"unit": "Hrs", "pricePerUnit": {"USD": "0.9"}}}}}}
        });
        change(&mut product);
        product.to_string()
    }

    fn costs(product: &mut Value, usd: &str) {
        product["terms"]["OnDemand"]["A.B"]["priceDimensions"]["A.B.C"]["pricePerUnit"] = json!({ "USD": usd });
    }

    fn linux() -> Question {
        let types = ["c5.9xlarge", "c8g.4xlarge"].map(str::to_owned);
        Question::machines(&region("us-west-2"), Platform::Linux, &types).unwrap()
    }

    /// The prices, and all that is wrong.
    fn parts(answer: Answer) -> (Vec<PriceTag>, Vec<Error>) {
        let garbled = answer.garbled.into_iter().map(|(_, error)| error);
        (answer.tags, garbled.chain(answer.errors).collect())
    }

    #[test]
    fn what_is_asked_and_no_price_is_told_apart_and_not_quoted_whole() {
        let long = "9".repeat(400);
        let answer = linux().read(&[product(|product| costs(product, &long)), "{no json".to_owned()], day());
        let [(item, error)] = answer.garbled.as_slice() else { panic!("{answer:?}") };
        assert_eq!(item.instance_type(), Some("c5.9xlarge"));
        assert!(error.message.contains("9…") && error.message.len() < 250, "{}", error.message);
        assert_eq!((answer.tags.len(), answer.errors.len()), (0, 1));
    }

    #[test]
    fn a_product_is_a_price_with_its_day_and_facts() {
        let (tags, errors) = parts(linux().read(&[product(|_| ())], day()));
        assert!(errors.is_empty(), "{errors:?}");
        let facts = TypeFacts { vcpus: 36, memory_mib: 73_728, arm: false, burstable: false };
        let quote = Quote { usd: "1.53".parse().unwrap(), source: PriceSource::Listed { as_of: day() } };
        let item = Item::Machine { instance_type: "c5.9xlarge".to_owned(), platform: Platform::Linux };
        assert_eq!(tags, [PriceTag { region: region("us-west-2"), item, quote, facts: Some(facts) }]);
    }

    #[test]
    fn what_is_no_price_is_left_out_and_named_and_loses_nothing_else() {
        let other = product(|product| {
            product["product"]["attributes"]["instanceType"] = json!("c8g.4xlarge");
            product["product"]["attributes"]["physicalProcessor"] = json!("AWS Graviton4 Processor");
        });
        let with = |usd: &'static str| product(move |product| costs(product, usd));
        let table = [
            (with("0.0000000000"), "`0.0000000000` is no price"),
            (with("-1.53"), "`-1.53` is no price"),
            (with("NaN"), "`NaN` is no amount"),
            (with(""), "`` is no amount"),
            (with("10000.01"), "`10000.01` is no price"),
            (with("1e300"), "is no amount"),
            ("{no json".to_owned(), "cannot be read"),
            (r#"{"product": 3}"#.to_owned(), "cannot be read"),
            (
                product(|product| {
                    product["terms"]["OnDemand"]["A.B"]["priceDimensions"]["A.B.C"]["pricePerUnit"] =
                        json!({"CNY": "9.2"});
                }),
                "it is in CNY, not in US dollars",
            ),
            (
                product(|product| {
                    product["terms"]["OnDemand"]["A.B"]["priceDimensions"]["A.B.C"]["unit"] = json!("Quantity");
                }),
                "by `Quantity`, not by `Hrs`",
            ),
            (product(|product| product["terms"]["OnDemand"] = json!({})), "0 prices on demand"),
        ];
        for (text, why) in table {
            let (tags, errors) = parts(linux().read(&[text, other.clone()], day()));
            assert_eq!(tags.len(), 1, "{why}: {tags:?}");
            assert!(tags[0].facts.as_ref().is_some_and(|facts| facts.arm), "{tags:?}");
            let [error] = errors.as_slice() else { panic!("{why}: {errors:?}") };
            assert!(error.message.contains(why) && error.message.contains("us-west-2"), "{}", error.message);
        }
    }

    #[test]
    fn of_several_products_none_is_guessed() {
        let dearer = product(|product| costs(product, "1.683"));
        let (tags, errors) = parts(linux().read(&[product(|_| ()), dearer], day()));
        assert_eq!(tags, []);
        assert!(errors[0].message.contains("c5.9xlarge linux in `us-west-2`"), "{}", errors[0].message);
        assert!(errors[0].message.contains("2 products for it, which cost differently"), "{}", errors[0].message);
        // where they agree there is nothing to guess
        let (tags, errors) = parts(linux().read(&[product(|_| ()), product(|_| ())], day()));
        assert_eq!((tags.len(), errors.len()), (1, 0));
    }

    #[test]
    fn a_product_that_was_not_asked_for_is_passed_over() {
        let with = |field: &'static str, value: &'static str| {
            product(move |product| product["product"]["attributes"][field] = json!(value))
        };
        for (field, value) in [
            ("regionCode", "us-east-1"),
            ("instanceType", "c5.4xlarge"),
            ("tenancy", "Dedicated"),
            ("operatingSystem", "RHEL"),
            ("preInstalledSw", "SQL Web"),
            ("licenseModel", "Bring your own license"),
            ("capacitystatus", "UnusedCapacityReservation"),
            ("marketoption", "CapacityBlock"),
        ] {
            let (tags, errors) = parts(linux().read(&[with(field, value)], day()));
            assert!(tags.is_empty() && errors.is_empty(), "{field}: {tags:?} {errors:?}");
        }
    }

    #[test]
    fn usage_types_tell_volumes_snapshots_and_addresses_from_their_kin() {
        let questions = Question::others(&region("us-east-1"));
        let table = [
            ("EBS:VolumeUsage.gp3", Some(Item::Disk)),
            ("EBS:VolumeUsage.gp3.outposts", None),
            ("EBS:SnapshotUsage", Some(Item::Snapshot)),
            ("USE1-EBS:SnapshotUsage", Some(Item::Snapshot)),
            ("EBS:SnapshotUsageUnderBilling", None),
            ("EBS:SnapshotUsage.outposts", None),
            ("EBS:SnapshotArchiveStorage", None),
            ("USE1-PublicIPv4:InUseAddress", Some(Item::Address)),
            ("USE1-PublicIPv4:IdleAddress", None),
            ("USE1-NotPublicIPv4:InUseAddress", None),
        ];
        for (usage, expected) in table {
            let found: Vec<Item> = questions
                .iter()
                .filter_map(|question| {
                    let mut attributes: BTreeMap<String, String> =
                        question.terms.iter().map(|(field, value)| ((*field).to_owned(), value.clone())).collect();
                    attributes.insert("usagetype".to_owned(), usage.to_owned());
                    let family = attributes.remove("productFamily");
                    question.item(&Product { product: About { family, attributes }, terms: Terms::default() })
                })
                .collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{usage}");
        }
    }

    #[test]
    fn many_types_are_few_questions_of_a_length_that_the_service_takes() {
        let mut types: Vec<String> = (0..200).map(|number| format!("c5d.{number}xlarge")).collect();
        types.extend(["a,b".to_owned(), String::new()]);
        let platforms = vec![Platform::Linux, Platform::LicensedLinux];
        let ask = PriceAsk { regions: vec![region("us-west-2")], types, platforms, spot: false };
        let all = Question::all(&ask);
        let mut asked = Vec::new();
        for question in &all {
            for filter in question.filters().unwrap() {
                assert!((1..=1024).contains(&filter.value().len()), "{filter:?}");
            }
            if let Wanted::Machines(_, types) = &question.wanted {
                asked.extend(types.clone());
            }
        }
        assert_eq!(asked, ask.types[..200]);
        assert!(all.len() <= 6, "{}", all.len());
        let none = PriceAsk { types: Vec::new(), ..ask };
        assert_eq!(Question::all(&none).len(), 3);
    }

    #[test]
    fn the_endpoint_is_one_of_those_there_are() {
        for (home, near) in [
            ("us-west-2", "us-east-1"),
            ("ca-central-1", "us-east-1"),
            ("sa-east-1", "us-east-1"),
            ("eu-north-1", "eu-central-1"),
            ("af-south-1", "eu-central-1"),
            ("ap-southeast-2", "ap-south-1"),
            ("cn-north-1", "cn-northwest-1"),
        ] {
            assert_eq!(endpoint(&region(home)).as_str(), near, "{home}");
        }
    }

    #[test]
    fn memory_is_read_as_the_list_writes_it() {
        for (text, mib) in [
            ("72 GiB", Some(73_728)),
            ("0.5 GiB", Some(512)),
            ("1,952 GiB", Some(1_998_848)),
            ("30.5 GiB", Some(31_232)),
            ("NA", None),
            ("x GiB", None),
            ("99999999999999999999 GiB", None),
        ] {
            assert_eq!(mebibytes(text), mib, "{text}");
        }
    }

    #[test]
    fn of_a_zone_the_newest_price_holds() {
        let at = |seconds| aws_sdk_ec2::primitives::DateTime::from_secs(seconds);
        let one = |zone: &str, system: &str, usd: &str, since| {
            SpotPrice::builder()
                .availability_zone(zone)
                .product_description(system.into())
                .instance_type("c5.9xlarge".into())
                .spot_price(usd)
                .timestamp(at(since))
                .build()
        };
        let told = [
            one("us-west-2a", "Linux/UNIX", "0.5", 10),
            one("us-west-2a", "Linux/UNIX (Amazon VPC)", "0.6", 20),
            one("us-west-2b", "Windows", "2.1", 10),
            one("us-west-2c", "Linux/UNIX", "0.000000", 10),
            one("us-west-2d", "SUSE Linux", "0.1", 10),
        ];
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (tags, errors) = parts(read_spot(&region("us-west-2"), &told, now));
        let shown: Vec<String> = tags.iter().map(|tag| format!("{} {}", tag.item, tag.quote.usd.exact())).collect();
        assert_eq!(shown, ["c5.9xlarge linux spot us-west-2a 0.6", "c5.9xlarge windows spot us-west-2b 2.1"]);
        assert!(tags.iter().all(|tag| tag.quote.source == PriceSource::Spot { at: now }));
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("us-west-2c"), "{}", errors[0].message);
    }
}
