//! What an hour of a machine, or a month of what is stored, costs, and how that is known: the bundled book
//! (`assets/prices.toml`), and over it what the provider's own price list said last. What is in neither is unknown, which
//! is not nothing.

use super::{Platform, Rule, Usd};
use crate::domain::{Region, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

const TEXT: &str = include_str!("../../../assets/prices.toml");
/// How many seconds a Spot price is called the present one.
const SPOT_HOLDS: i64 = 15 * 60;
/// How many seconds it may be ahead, for two clocks are never the same.
const CLOCKS_DIFFER: i64 = 60;

/// How a price is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "known-by", rename_all = "kebab-case")]
pub enum PriceSource {
    /// It came with this program.
    Bundled {
        /// Of which day it is.
        as_of: Date,
    },
    /// The provider's price list said so.
    Listed {
        /// On which day.
        as_of: Date,
    },
    /// The Spot market's price.
    Spot {
        /// When it was asked.
        at: Timestamp,
    },
    /// Nothing is charged: this computer, a listed host.
    Free,
}

impl PriceSource {
    /// In words, as they stand beside a number.
    #[must_use]
    pub fn words(self, now: Timestamp) -> String {
        match self {
            Self::Bundled { as_of } => format!("bundled estimate of {as_of}"),
            Self::Listed { as_of } => format!("list price of {as_of}"),
            Self::Spot { at } if (-CLOCKS_DIFFER..SPOT_HOLDS).contains(&now.duration_since(at).as_secs()) => {
                "spot now".to_owned()
            }
            Self::Spot { at } => format!("spot of {}", at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC")),
            Self::Free => "free".to_owned(),
        }
    }
}

/// A price and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quote {
    /// The price.
    pub usd: Usd,
    /// How it is known.
    #[serde(flatten)]
    pub source: PriceSource,
}

impl Quote {
    /// What costs nothing.
    pub const FREE: Self = Self { usd: Usd::ZERO, source: PriceSource::Free };
}

/// What has a price.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "kebab-case")]
pub enum Item {
    /// An hour of a machine, on demand, on shared hardware.
    Machine {
        /// Its type.
        instance_type: String,
        /// What it runs.
        platform: Platform,
    },
    /// An hour of a machine on the Spot market.
    Spot {
        /// Its type.
        instance_type: String,
        /// What it runs.
        platform: Platform,
        /// In which zone.
        zone: String,
    },
    /// A GB of a gp3 volume for a month, with what performance is included.
    Disk,
    /// A GB of snapshots for a month.
    Snapshot,
    /// An hour of a public IPv4 address.
    Address,
    /// A GB that goes out to the internet, beyond what is free.
    Transfer,
    /// An hour of a processor above its baseline, of a burstable type.
    Surplus {
        /// What the machine runs.
        platform: Platform,
    },
}

impl Item {
    /// Of what the price is.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Machine { .. } | Self::Spot { .. } | Self::Address => "hour",
            Self::Disk | Self::Snapshot => "GB-month",
            Self::Transfer => "GB",
            Self::Surplus { .. } => "vCPU-hour",
        }
    }

    /// The type of a machine, where it is of one.
    #[must_use]
    pub fn instance_type(&self) -> Option<&str> {
        match self {
            Self::Machine { instance_type, .. } | Self::Spot { instance_type, .. } => Some(instance_type),
            _ => None,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine { instance_type, platform } => write!(f, "{instance_type} {}", platform.as_str()),
            Self::Spot { instance_type, platform, zone } => {
                write!(f, "{instance_type} {} spot {zone}", platform.as_str())
            }
            Self::Disk => f.write_str("gp3 volume, GB-month"),
            Self::Snapshot => f.write_str("snapshot, GB-month"),
            Self::Address => f.write_str("public IPv4 address, hour"),
            Self::Transfer => f.write_str("data out to the internet, GB"),
            Self::Surplus { platform } => {
                write!(f, "surplus processor of a burstable type, hour, {}", platform.as_str())
            }
        }
    }
}

/// A price as a provider tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTag {
    /// Where it holds.
    pub region: Region,
    /// Of what.
    #[serde(flatten)]
    pub item: Item,
    /// The price.
    #[serde(flatten)]
    pub quote: Quote,
    /// What the price list says of the type, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<TypeFacts>,
}

/// What a provider's price list said, as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSheet {
    /// When it was asked last; the epoch when never.
    pub asked: Timestamp,
    /// The prices.
    pub prices: Vec<PriceTag>,
}

/// What is known of a type of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TypeFacts {
    /// Its virtual processors.
    pub vcpus: u32,
    /// Its memory, MiB.
    pub memory_mib: u64,
    /// Whether it is of the ARM family, for which there are no images of ours.
    #[serde(default)]
    pub arm: bool,
    /// Whether its processors are throttled, or charged extra, above a baseline.
    #[serde(default)]
    pub burstable: bool,
}

impl TypeFacts {
    /// More processors than any machine has: the largest have not half as many.
    const MOST_VCPUS: u32 = 2048;

    /// Whether a machine can be so.
    fn are_likely(&self) -> bool {
        (1..=Self::MOST_VCPUS).contains(&self.vcpus) && self.memory_mib > 0
    }
}

/// Prices and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBook {
    pub(super) rules: Vec<Rule>,
    types: BTreeMap<String, TypeFacts>,
    licence: Licence,
    /// Where no region is said it holds in all.
    bundled: BTreeMap<(Option<Region>, Item), Quote>,
    listed: BTreeMap<(Region, Item), Quote>,
    asked: Option<Timestamp>,
}

/// What Windows costs besides, for a processor and an hour.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Licence {
    per_vcpu: Usd,
    #[serde(default)]
    exceptions: BTreeMap<String, Usd>,
    /// For the reader of the file.
    source: String,
}

/// The file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
    #[serde(rename = "type")]
    types: BTreeMap<String, TypeFacts>,
    windows: Licence,
    list: Vec<List>,
}

/// Prices from one place of one day.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct List {
    /// Where they hold; none for everywhere.
    #[serde(default)]
    regions: Vec<Region>,
    as_of: Date,
    #[expect(dead_code, reason = "for the reader of the file")]
    source: String,
    #[serde(default)]
    linux: BTreeMap<String, Usd>,
    #[serde(default)]
    disk_gb_month: Option<Usd>,
    #[serde(default)]
    snapshot_gb_month: Option<Usd>,
    #[serde(default)]
    address_hour: Option<Usd>,
    #[serde(default)]
    transfer_gb: Option<Usd>,
    #[serde(default)]
    surplus_vcpu_hour_linux: Option<Usd>,
    #[serde(default)]
    surplus_vcpu_hour_windows: Option<Usd>,
}

impl List {
    fn items(&self) -> Vec<(Item, Usd)> {
        let surplus = |platform| Item::Surplus { platform };
        let machines = self.linux.iter().map(|(name, usd)| {
            (Item::Machine { instance_type: name.clone(), platform: Platform::Linux }, Some(*usd))
        });
        let others = [
            (Item::Disk, self.disk_gb_month),
            (Item::Snapshot, self.snapshot_gb_month),
            (Item::Address, self.address_hour),
            (Item::Transfer, self.transfer_gb),
            (surplus(Platform::Linux), self.surplus_vcpu_hour_linux),
            (surplus(Platform::Windows), self.surplus_vcpu_hour_windows),
        ];
        machines.chain(others).filter_map(|(item, usd)| Some((item, usd?))).collect()
    }
}

impl PriceBook {
    fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut bundled = BTreeMap::new();
        for list in &file.list {
            let regions: Vec<Option<Region>> =
                if list.regions.is_empty() { vec![None] } else { list.regions.iter().cloned().map(Some).collect() };
            for (item, usd) in list.items() {
                for region in &regions {
                    let quote = Quote { usd, source: PriceSource::Bundled { as_of: list.as_of } };
                    if bundled.insert((region.clone(), item.clone()), quote).is_some() {
                        return Err(format!("two prices of {item} in {region:?}"));
                    }
                }
            }
        }
        Ok(Self {
            rules: file.rule,
            types: file.types,
            licence: file.windows,
            bundled,
            listed: BTreeMap::new(),
            asked: None,
        })
    }

    /// The book that comes with the program.
    ///
    /// # Panics
    /// Never: a test reads the file, which is part of the program.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
    pub fn bundled() -> &'static Arc<Self> {
        static BOOK: LazyLock<Arc<PriceBook>> =
            LazyLock::new(|| Arc::new(PriceBook::read(TEXT).expect("assets/prices.toml can be read")));
        &BOOK
    }

    /// The same with what a price list said over it. A price that is nothing, less, or more than anything costs is none, and
    /// nor is a type believed that no machine could be of.
    #[must_use]
    pub fn with(&self, sheet: &PriceSheet) -> Self {
        let mut book = self.clone();
        book.asked = Some(sheet.asked).filter(|asked| *asked > Timestamp::UNIX_EPOCH);
        for tag in &sheet.prices {
            if !tag.quote.usd.is_price() {
                continue;
            }
            let facts = tag.facts.as_ref().filter(|facts| facts.are_likely());
            if let (Item::Machine { instance_type, .. }, Some(facts)) = (&tag.item, facts) {
                book.types.entry(instance_type.clone()).or_insert_with(|| facts.clone());
            }
            book.listed.insert((tag.region.clone(), tag.item.clone()), tag.quote);
        }
        book
    }

    /// When the provider's price list was asked last; none when never.
    #[must_use]
    pub fn asked(&self) -> Option<Timestamp> {
        self.asked
    }

    /// A price: what the price list said last, else what came with the program; none when neither knows.
    #[must_use]
    pub fn quote(&self, region: &Region, item: &Item) -> Option<Quote> {
        self.listed.get(&(region.clone(), item.clone())).copied().or_else(|| self.bundled_quote(region, item))
    }

    /// What the bundled book says, whatever the price list said.
    #[must_use]
    pub fn bundled_quote(&self, region: &Region, item: &Item) -> Option<Quote> {
        let found = |region: Option<&Region>| self.bundled.get(&(region.cloned(), item.clone())).copied();
        if let Some(quote) = found(Some(region)).or_else(|| found(None)) {
            return Some(quote);
        }
        let Item::Machine { instance_type, platform: Platform::Windows } = item else { return None };
        let linux = Item::Machine { instance_type: instance_type.clone(), platform: Platform::Linux };
        let (linux, licence) = (self.bundled_quote(region, &linux)?, self.licence(instance_type)?);
        Some(Quote { usd: linux.usd + licence, ..linux })
    }

    /// What Windows adds to an hour of that type; none where it does not run.
    fn licence(&self, instance_type: &str) -> Option<Usd> {
        let facts = self.types.get(instance_type).filter(|facts| !facts.arm)?;
        let each = self.licence.exceptions.get(instance_type).copied().unwrap_or(self.licence.per_vcpu);
        Some(each.times(u64::from(facts.vcpus), 1))
    }

    /// An hour of a machine on demand.
    #[must_use]
    pub fn machine(&self, region: &Region, instance_type: &str, platform: Platform) -> Option<Quote> {
        self.quote(region, &Item::Machine { instance_type: instance_type.to_owned(), platform })
    }

    /// An hour of a machine on the Spot market, in the zone where it is cheapest.
    #[must_use]
    pub fn spot(&self, region: &Region, instance_type: &str, platform: Platform) -> Option<(Quote, &str)> {
        let of_type = self.listed.iter().filter_map(|((known, item), quote)| match item {
            Item::Spot { instance_type: name, platform: runs, zone }
                if known == region && name == instance_type && *runs == platform =>
            {
                Some((*quote, zone.as_str()))
            }
            _ => None,
        });
        of_type.min_by_key(|(quote, _)| quote.usd)
    }

    /// What is known of a type.
    #[must_use]
    pub fn facts(&self, instance_type: &str) -> Option<&TypeFacts> {
        self.types.get(instance_type)
    }

    /// All types that anything is known of, by name.
    pub fn types(&self) -> impl Iterator<Item = (&str, &TypeFacts)> {
        self.types.iter().map(|(name, facts)| (name.as_str(), facts))
    }

    /// The items that there is a price of in a region, by name: bundled, told by the price list, or both.
    #[must_use]
    pub fn items(&self, region: &Region) -> BTreeSet<Item> {
        let listed = self.listed.keys().filter(|(known, _)| known == region).map(|(_, item)| item.clone());
        self.bundled_items(region).into_iter().chain(listed).collect()
    }

    /// The regions that the bundled book has prices of machines for.
    #[must_use]
    pub fn regions(&self) -> BTreeSet<Region> {
        self.bundled.keys().filter_map(|(region, _)| region.clone()).collect()
    }

    /// The items that there is a bundled price of in a region, those of Windows among them.
    #[must_use]
    pub fn bundled_items(&self, region: &Region) -> Vec<Item> {
        let mut items: Vec<Item> = self
            .bundled
            .keys()
            .filter(|(known, _)| known.as_ref().is_none_or(|known| known == region))
            .map(|(_, item)| item.clone())
            .collect();
        let windows: Vec<Item> = items
            .iter()
            .filter_map(|item| match item {
                Item::Machine { instance_type, .. } => {
                    Some(Item::Machine { instance_type: instance_type.clone(), platform: Platform::Windows })
                }
                _ => None,
            })
            .filter(|item| self.bundled_quote(region, item).is_some())
            .collect();
        items.extend(windows);
        items
    }
}

#[cfg(test)]
#[path = "book_test.rs"]
mod tests;
