//! What several providers tell, each for itself: one that fails, or has not answered yet, hides nothing of the others, and
//! what was known of a place that cannot be asked now stays, known to be old.

use crate::domain::{Image, Machine, ProviderKind, Region, Resource, Timestamp};
use std::collections::BTreeMap;

/// Something that is somewhere.
pub trait Placed {
    /// Whose it is.
    fn provider(&self) -> ProviderKind;
    /// In which region.
    fn region(&self) -> Option<&Region>;
}

impl Placed for Machine {
    fn provider(&self) -> ProviderKind {
        self.provider
    }
    fn region(&self) -> Option<&Region> {
        self.cloud.as_ref().map(|cloud| &cloud.region)
    }
}

impl Placed for Image {
    fn provider(&self) -> ProviderKind {
        self.provider
    }
    fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }
}

impl Placed for Resource {
    fn provider(&self) -> ProviderKind {
        self.at.provider
    }
    fn region(&self) -> Option<&Region> {
        self.at.region.as_ref()
    }
}

/// A place that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceError {
    /// Whose.
    pub provider: ProviderKind,
    /// Which region; none for a provider without regions, and for what has none.
    pub region: Option<Region>,
    /// Why, with its causes.
    pub text: String,
    /// What can be done about it.
    pub hints: Vec<String>,
    /// When it was last asked well; none when it never was.
    pub as_of: Option<Timestamp>,
}

impl PlaceError {
    /// Which place: `aws eu-west-1`, `local`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.region {
            Some(region) => format!("{} {region}", self.provider),
            None => self.provider.to_string(),
        }
    }
}

/// What one provider told last.
#[derive(Debug, Clone, Default)]
struct Part {
    at: Option<Timestamp>,
    errors: Vec<PlaceError>,
    /// Not even one place could be asked.
    nothing: bool,
    account: Option<String>,
}

/// A list that several providers tell.
#[derive(Debug, Clone)]
pub struct Fleet<T> {
    /// What there is, of all of them.
    pub value: Vec<T>,
    parts: BTreeMap<ProviderKind, Part>,
}

impl<T> Default for Fleet<T> {
    fn default() -> Self {
        Self { value: Vec::new(), parts: BTreeMap::new() }
    }
}

impl<T: Placed> Fleet<T> {
    /// Takes what a provider told. What it told before of a place that it could not ask now stays.
    pub fn take(
        &mut self,
        provider: ProviderKind,
        items: Vec<T>,
        mut errors: Vec<PlaceError>,
        account: Option<String>,
        now: Timestamp,
    ) {
        let before = self.parts.remove(&provider).unwrap_or_default();
        for error in &mut errors {
            let known = before.errors.iter().find(|known| known.region == error.region);
            error.as_of = known.map_or(before.at, |known| known.as_of);
        }
        let nothing = items.is_empty() && errors.iter().any(|error| error.region.is_none());
        let part = Part {
            at: if nothing { before.at } else { Some(now) },
            nothing,
            account: account.or(before.account),
            errors,
        };
        self.value.retain(|item| item.provider() != provider || part.error_of(item).is_some());
        self.value.extend(items);
        self.parts.insert(provider, part);
    }

    /// Whether anything is known: some place was asked well.
    #[must_use]
    pub fn here(&self) -> bool {
        self.parts.values().any(|part| part.at.is_some())
    }

    /// Whether a provider has answered, well or not.
    #[must_use]
    pub fn answered(&self, provider: ProviderKind) -> bool {
        self.parts.contains_key(&provider)
    }

    /// When a provider last told anything; none where it never did.
    #[must_use]
    pub fn at(&self, provider: ProviderKind) -> Option<Timestamp> {
        self.parts.get(&provider)?.at
    }

    /// The places that could not be asked.
    pub fn errors(&self) -> impl Iterator<Item = &PlaceError> {
        self.parts.values().flat_map(|part| &part.errors)
    }

    /// Why a thing could not be looked at anew; none for one that is known to be so now.
    #[must_use]
    pub fn old(&self, item: &T) -> Option<&PlaceError> {
        self.parts.get(&item.provider())?.error_of(item)
    }

    /// The account of a provider, where it said so.
    #[must_use]
    pub fn account(&self, provider: ProviderKind) -> Option<&str> {
        self.parts.get(&provider)?.account.as_deref()
    }
}

impl Part {
    fn error_of<T: Placed>(&self, item: &T) -> Option<&PlaceError> {
        self.errors
            .iter()
            .find(|error| error.region.as_ref() == item.region() || (self.nothing && error.region.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Claim, ResourceKind, ResourceRef};

    fn thing(provider: ProviderKind, region: Option<&str>, id: &str) -> Resource {
        let region = region.map(|region| Region::new(region).unwrap());
        Resource {
            at: ResourceRef { kind: ResourceKind::Machine, provider, region, id: id.to_owned() },
            name: None,
            state: None,
            claim: Claim::Foreign { why: None },
            created: None,
            bytes: None,
            keep: None,
            job: None,
            detail: None,
            fingerprint: None,
            ends_with: None,
            metered: None,
            used_by: Vec::new(),
        }
    }

    fn error(provider: ProviderKind, region: Option<&str>) -> PlaceError {
        let region = region.map(|region| Region::new(region).unwrap());
        PlaceError { provider, region, text: "no".to_owned(), hints: Vec::new(), as_of: None }
    }

    #[test]
    fn what_fails_hides_nothing_and_keeps_what_was_known_of_it() {
        use ProviderKind::{Aws, Local};
        let at = |second| Timestamp::from_second(second).unwrap();
        let ids = |fleet: &Fleet<Resource>| {
            let mut ids: Vec<(String, bool)> =
                fleet.value.iter().map(|one| (one.at.id.clone(), fleet.old(one).is_some())).collect();
            ids.sort();
            ids.into_iter().map(|(id, old)| if old { id + "?" } else { id }).collect::<Vec<_>>().join(" ")
        };
        let (west, east) = (Some("us-west-2"), Some("us-east-1"));
        let mut fleet = Fleet::default();
        fleet.take(Aws, Vec::new(), vec![error(Aws, None)], None, at(1));
        assert!(!fleet.here() && fleet.answered(Aws) && !fleet.answered(Local));
        fleet.take(Local, vec![thing(Local, None, "m-1")], Vec::new(), None, at(2));
        assert!(fleet.here());
        assert_eq!((ids(&fleet), fleet.errors().count()), ("m-1".to_owned(), 1));
        let all = || vec![thing(Aws, west, "i-w"), thing(Aws, east, "i-e"), thing(Aws, None, "role")];
        fleet.take(Aws, all(), Vec::new(), Some("12".to_owned()), at(3));
        assert_eq!((ids(&fleet).as_str(), fleet.account(Aws)), ("i-e i-w m-1 role", Some("12")));
        // one region fails, twice: as of the last time that it was asked well
        for second in [4, 5] {
            let seen = vec![thing(Aws, west, "i-w"), thing(Aws, None, "role")];
            fleet.take(Aws, seen, vec![error(Aws, east)], None, at(second));
            assert_eq!(ids(&fleet), "i-e? i-w m-1 role");
            assert_eq!(fleet.errors().next().unwrap().as_of, Some(at(3)));
        }
        // nothing of it can be asked
        fleet.take(Aws, Vec::new(), vec![error(Aws, None)], None, at(6));
        assert_eq!(ids(&fleet), "i-e? i-w? m-1 role?");
        // what has no region fails alone
        fleet.take(Aws, vec![thing(Aws, west, "i-w")], vec![error(Aws, None)], None, at(7));
        assert_eq!(ids(&fleet), "i-w m-1 role?");
        fleet.take(Aws, Vec::new(), Vec::new(), None, at(8));
        assert_eq!(ids(&fleet), "m-1");
        assert_eq!(fleet.errors().count(), 0);
    }
}
