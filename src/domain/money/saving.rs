//! What ending or removing a thing saves.

use super::say::{per_hour, per_hour_at_least};
use super::{Bill, Item, Ledger, Outlook, PriceBook, Usd, gb};
use crate::domain::{ProviderKind, Resource, ResourceKind, Timestamp, words};
use serde::{Deserialize, Serialize};

/// What is not charged any more once a thing is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Saving {
    /// For an hour: what runs, with all that goes with it.
    #[serde(default, skip_serializing_if = "Usd::is_nothing")]
    pub hourly: Usd,
    /// For a month: what is stored.
    #[serde(default, skip_serializing_if = "Usd::is_nothing")]
    pub monthly: Usd,
    /// Whether the month's amount is the most it can be, for of snapshots only blocks that differ are charged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most: bool,
    /// How many prices are not known: they come on top.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unknown: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Saving {
    /// What is saved by ending or removing a thing; none where nothing is charged for it. `there` is all that is there: a
    /// machine's volumes go with it.
    #[must_use]
    pub fn of(
        thing: &Resource,
        there: &[Resource],
        ledger: &Ledger,
        book: &PriceBook,
        now: Timestamp,
    ) -> Option<Self> {
        if thing.at.provider != ProviderKind::Aws || thing.is_over() {
            return None;
        }
        let unknown = Some(Self { unknown: 1, ..Self::default() });
        let monthly = |item: Item, at_most: bool| {
            // what has no size yet is not charged for
            let size = gb(thing.bytes.filter(|bytes| *bytes > 0)?);
            match thing.at.region.as_ref().and_then(|region| book.quote(region, &item)) {
                Some(quote) => Some(Self { monthly: quote.usd.times(size, 1), at_most, ..Self::default() }),
                None => unknown,
            }
        };
        match thing.at.kind {
            ResourceKind::Machine => {
                if let Some(run) = ledger.run(&thing.at).filter(|run| run.is_open()) {
                    let hourly = run.hourly(book, now);
                    if run.is_running() {
                        let more = u64::from(run.costs_more(book));
                        return hourly
                            .map_or(unknown, |hourly| Some(Self { hourly, unknown: more, ..Self::default() }));
                    }
                    return Outlook::monthly(run, book).map_or(unknown, |monthly| {
                        (!monthly.is_zero()).then(|| Self { monthly, ..Self::default() })
                    });
                }
                let (Some(region), Some(instance_type), Some(metered)) =
                    (&thing.at.region, &thing.detail, &thing.metered)
                else {
                    return unknown;
                };
                let disks = there.iter().filter(|disk| disk.ends_with.as_ref() == Some(&thing.at));
                let disk_gb = gb(disks.filter_map(|disk| disk.bytes).sum());
                let parts = (Some(disk_gb), metered.addresses);
                let bill = Bill::of_machine(book, region, instance_type, metered.platform, metered.spot, parts);
                let stopped = matches!(thing.state.as_deref(), Some("stopped" | "stopping"));
                let run = bill.run(thing.at.clone(), thing.created.unwrap_or(now), stopped.then_some(now));
                if stopped {
                    let monthly = Outlook::monthly(&run, book);
                    return monthly.map_or(unknown, |monthly| {
                        (!monthly.is_zero()).then(|| Self { monthly, ..Self::default() })
                    });
                }
                let more = u64::from(run.costs_more(book));
                run.hourly(book, now)
                    .map_or(unknown, |hourly| Some(Self { hourly, unknown: more, ..Self::default() }))
            }
            // what is stored for an image is charged as the image's
            ResourceKind::Snapshot if !thing.used_by.is_empty() => None,
            ResourceKind::Image | ResourceKind::Snapshot => monthly(Item::Snapshot, true),
            ResourceKind::Volume => monthly(Item::Disk, false),
            ResourceKind::Group | ResourceKind::KeyPair | ResourceKind::Profile | ResourceKind::Role => None,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            hourly: self.hourly + other.hourly,
            monthly: self.monthly + other.monthly,
            at_most: self.at_most || other.at_most,
            unknown: self.unknown + other.unknown,
        }
    }

    /// The amount alone, for a column: `$1.53`, `≤ $0.60`, `unknown`.
    #[must_use]
    pub fn price(&self) -> String {
        let usd = if self.monthly.is_zero() { self.hourly } else { self.monthly };
        match (self.unknown > 0, self.at_most) {
            (true, _) => super::known(usd, true),
            (false, true) => format!("≤ {usd}"),
            (false, false) => usd.to_string(),
        }
    }

    /// The same with what it is for: `$1.53/h`, `≤ $0.60/month`.
    #[must_use]
    pub fn price_with_unit(&self) -> String {
        match (self.hourly.is_zero(), self.monthly.is_zero()) {
            (false, true) => per_hour_at_least(Some(self.hourly), self.unknown > 0),
            (_, false) => format!("{}/month", self.price()),
            _ => self.price(),
        }
    }

    /// For people: `ends $1.53/h`, `saves ≤ $0.40 a month`, `its price is unknown`; nothing where nothing is saved.
    #[must_use]
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        if !self.hourly.is_zero() {
            parts.push(format!("ends {}", per_hour(Some(self.hourly))));
        }
        if !self.monthly.is_zero() {
            let most = if self.at_most { "≤ " } else { "" };
            parts.push(format!("saves {most}{} a month", self.monthly));
        }
        if self.unknown > 0 {
            parts.push(match (parts.is_empty(), self.unknown) {
                (true, 1) => "its price is unknown".to_owned(),
                (true, _) => format!("{} are unknown", words::count(self.unknown, "price")),
                (false, 1) => "1 price is unknown and comes on top".to_owned(),
                (false, more) => format!("{more} prices are unknown and come on top"),
            });
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saving_is_told_in_words_and_never_as_nothing_when_it_is_not_known() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let machine = Saving { hourly: usd("1.53"), ..Saving::default() };
        let image = Saving { monthly: usd("0.6"), at_most: true, ..Saving::default() };
        let volume = Saving { monthly: usd("0.4"), ..Saving::default() };
        let unknown = Saving { unknown: 1, ..Saving::default() };
        for (saving, said) in [
            (machine, "ends $1.53/h"),
            (image, "saves ≤ $0.60 a month"),
            (volume, "saves $0.40 a month"),
            (unknown, "its price is unknown"),
            (unknown.and(unknown), "2 prices are unknown"),
            (machine.and(image).and(volume), "ends $1.53/h, saves ≤ $1.00 a month"),
            (machine.and(unknown), "ends $1.53/h, 1 price is unknown and comes on top"),
            (Saving::default(), ""),
        ] {
            assert_eq!(saving.words(), said);
            let text = serde_json::to_string(&saving).unwrap();
            assert_eq!(serde_json::from_str::<Saving>(&text).unwrap(), saving, "{text}");
        }
    }
}
