//! The bundled book: every price that it was made from, copied as it was found; and that it is whole.

use super::super::fixtures::{at, listed, region, usd};
use super::*;

const SAME: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

/// An hour on demand: Linux and Windows, in us-east-1, us-east-2 and us-west-2 alike, then in eu-west-1.
const PRICES: &[[&str; 5]] = &[
    ["t3.medium", "0.0416", "0.0600", "0.0456", "0.0640"],
    ["t3.2xlarge", "0.3328", "0.4800", "0.3648", "0.5120"],
    ["m6i.large", "0.0960", "0.1880", "0.1070", "0.1990"],
    ["c5.4xlarge", "0.6800", "1.4160", "0.7680", "1.5040"],
    ["c5.9xlarge", "1.5300", "3.1860", "1.7280", "3.3840"],
    ["c6i.4xlarge", "0.6800", "1.4160", "0.7296", "1.4656"],
    ["c7i.4xlarge", "0.7140", "1.4500", "0.76608", "1.50208"],
    ["c7i.8xlarge", "1.4280", "2.9000", "1.53216", "3.00416"],
    ["c7a.4xlarge", "0.82112", "1.55712", "0.88096", "1.61696"],
];

/// Of those that are known in us-east-1 alone: Linux.
const EAST_ALONE: &[(&str, &str)] = &[
    ("c8i.4xlarge", "0.74968"),
    ("c8a.4xlarge", "0.86216"),
    ("c7i-flex.4xlarge", "0.6783"),
    ("c7g.4xlarge", "0.58"),
    ("c6a.4xlarge", "0.612"),
    ("m7i.large", "0.1008"),
    ("m8i.large", "0.10584"),
    ("m7a.large", "0.11592"),
    ("t4g.medium", "0.0336"),
    ("t3a.medium", "0.0376"),
];

/// What a Windows licence adds to a processor and hour.
const LICENCE: &str = "0.046";
const LICENCE_OF_T3: &[(&str, u32, &str)] = &[
    ("t3.micro", 2, "0.0046"),
    ("t3.small", 2, "0.0092"),
    ("t3.medium", 2, "0.0092"),
    ("t3.large", 2, "0.0138"),
    ("t3.xlarge", 4, "0.0184"),
    ("t3.2xlarge", 8, "0.0184"),
];

fn book() -> &'static PriceBook {
    PriceBook::bundled()
}

#[track_caller]
fn hour(place: &str, name: &str, platform: Platform) -> Option<Usd> {
    book().machine(&region(place), name, platform).map(|quote| quote.usd)
}

#[test]
fn every_price_is_in_the_book_as_it_was_found() {
    for [name, linux, windows, linux_eu, windows_eu] in PRICES {
        for place in SAME {
            assert_eq!(hour(place, name, Platform::Linux), Some(usd(linux)), "{name} in {place}");
            assert_eq!(hour(place, name, Platform::Windows), Some(usd(windows)), "{name} in {place}, Windows");
        }
        assert_eq!(hour("eu-west-1", name, Platform::Linux), Some(usd(linux_eu)), "{name} in eu-west-1");
        assert_eq!(hour("eu-west-1", name, Platform::Windows), Some(usd(windows_eu)), "{name} in eu-west-1, Windows");
    }
    // for Graviton there is no Windows, and its price is not the same everywhere
    for (place, linux) in
        [("us-east-1", "0.63808"), ("us-east-2", "0.63584"), ("us-west-2", "0.63808"), ("eu-west-1", "0.68224")]
    {
        assert_eq!(hour(place, "c8g.4xlarge", Platform::Linux), Some(usd(linux)), "{place}");
        assert_eq!(hour(place, "c8g.4xlarge", Platform::Windows), None, "{place}");
    }
    for (name, linux) in EAST_ALONE {
        assert_eq!(hour("us-east-1", name, Platform::Linux), Some(usd(linux)), "{name}");
        for place in ["us-east-2", "us-west-2", "eu-west-1"] {
            assert_eq!(hour(place, name, Platform::Linux), None, "{name} is not known in {place}");
        }
    }
}

#[test]
fn what_goes_with_a_machine_is_priced() {
    for (item, price, places) in [
        (Item::Disk, "0.08", &SAME[..]),
        (Item::Snapshot, "0.05", &SAME[..]),
        (Item::Address, "0.005", &["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"][..]),
        (Item::Transfer, "0.09", &["us-east-1", "us-east-2", "us-west-2", "eu-west-1"][..]),
        (Item::Surplus { platform: Platform::Linux }, "0.05", &["us-west-2", "eu-west-1"][..]),
        (Item::Surplus { platform: Platform::Windows }, "0.096", &["us-west-2", "eu-west-1"][..]),
    ] {
        for place in places {
            let quote = book().quote(&region(place), &item);
            assert_eq!(quote.map(|quote| quote.usd), Some(usd(price)), "{item} in {place}");
        }
    }
    // nobody said what these cost there: unknown, not nothing
    assert_eq!(book().quote(&region("eu-west-1"), &Item::Disk), None);
    assert_eq!(book().quote(&region("eu-west-1"), &Item::Snapshot), None);
    assert_eq!(hour("us-west-2", "x99.gigantic", Platform::Linux), None);
    assert_eq!(hour("us-west-2", "c5.9xlarge", Platform::LicensedLinux), None);
}

#[test]
fn windows_is_linux_and_a_licence_for_each_processor() {
    assert_eq!(book().licence.per_vcpu, usd(LICENCE));
    for (name, vcpus, each) in LICENCE_OF_T3 {
        assert_eq!(book().licence.exceptions.get(*name), Some(&usd(each)), "{name}");
        if let Some(facts) = book().facts(name) {
            assert_eq!(facts.vcpus, *vcpus, "{name}");
        }
    }
    for (name, facts) in book().types() {
        let Some((linux, windows)) =
            hour("us-east-1", name, Platform::Linux).zip(hour("us-east-1", name, Platform::Windows))
        else {
            assert!(facts.arm, "{name} has a price of Windows");
            continue;
        };
        let each = book().licence.exceptions.get(name).copied().unwrap_or(usd(LICENCE));
        assert_eq!(windows - linux, each.times(u64::from(facts.vcpus), 1), "{name}");
        assert!(!facts.arm && (!facts.burstable || each != usd(LICENCE)), "{name}");
    }
}

#[test]
fn the_book_is_whole() {
    let file: File = toml::from_str(TEXT).unwrap();
    // the day of the newest facts that it was made from
    let newest = jiff::civil::date(2026, 11, 22);
    for list in &file.list {
        assert!(list.as_of <= newest, "{:?}: {}", list.as_of, list.regions.len());
        assert!(!list.items().is_empty());
        for (item, usd) in list.items() {
            assert!(usd > Usd::ZERO, "{item}");
        }
        for name in list.linux.keys() {
            assert!(file.types.contains_key(name), "{name} has a price and no processors");
        }
    }
    let priced = |name: &str| file.list.iter().any(|list| list.linux.contains_key(name));
    for name in file.types.keys() {
        assert!(priced(name), "{name} is known and has no price anywhere");
    }
    for rule in &file.rule {
        assert!(rule.since.is_none_or(|since| since <= newest), "{}", rule.name);
    }
    for known in book().bundled.values() {
        assert!(matches!(known.source, PriceSource::Bundled { .. }));
    }
}

#[test]
fn two_prices_of_one_thing_are_refused() {
    let more = "\n[[list]]\nregions = [\"eu-west-1\", \"us-west-2\"]\nas-of = \"2026-01-01\"\nsource = \"x\"\n";
    let twice = format!("{TEXT}{more}linux = {{ \"c5.9xlarge\" = \"1.53\" }}\n");
    assert!(PriceBook::read(&twice).unwrap_err().starts_with("two prices of c5.9xlarge linux in"));
    for bad in ["colour = \"red\"\n", "disk-gb-month = \"dear\"\n", "disk-gb-month = 0.08\n"] {
        assert!(PriceBook::read(&format!("{TEXT}{more}{bad}")).is_err(), "{bad}");
    }
    assert!(PriceBook::read(TEXT).is_ok());
}

#[test]
fn a_price_list_goes_before_the_book_and_nothing_is_no_price() {
    let west = region("us-west-2");
    let item = |name: &str| Item::Machine { instance_type: name.to_owned(), platform: Platform::Linux };
    let tag = |item: Item, price: &str| PriceTag { region: west.clone(), item, quote: listed(price), facts: None };
    let spot = |zone: &str| Item::Spot {
        instance_type: "c5.9xlarge".to_owned(),
        platform: Platform::Linux,
        zone: zone.to_owned(),
    };
    let sheet = PriceSheet {
        asked: at("2026-11-25"),
        prices: vec![
            tag(item("c5.9xlarge"), "1.6"),
            tag(item("c5.4xlarge"), "0"),
            tag(item("c6i.4xlarge"), "-1"),
            tag(item("x99.gigantic"), "99"),
            tag(spot("us-west-2b"), "0.6"),
            tag(spot("us-west-2a"), "0.5"),
        ],
    };
    let book = book().with(&sheet);
    let hour = |name: &str| book.quote(&west, &item(name)).map(|quote| quote.usd.exact());
    assert_eq!(hour("c5.9xlarge").as_deref(), Some("1.6"));
    assert_eq!(hour("c5.4xlarge").as_deref(), Some("0.68"));
    assert_eq!(hour("c6i.4xlarge").as_deref(), Some("0.68"));
    assert_eq!(hour("x99.gigantic").as_deref(), Some("99"));
    assert_eq!(book.bundled_quote(&west, &item("c5.9xlarge")).unwrap().usd, usd("1.53"));
    assert_eq!(book.spot(&west, "c5.9xlarge", Platform::Linux).unwrap(), (listed("0.5"), "us-west-2a"));
    assert_eq!(book.asked(), Some(at("2026-11-25")));
    // elsewhere nothing has changed
    assert_eq!(
        book.quote(&region("us-east-1"), &item("c5.9xlarge")),
        PriceBook::bundled().quote(&region("us-east-1"), &item("c5.9xlarge"))
    );
}

#[test]
fn what_cannot_be_in_a_price_list_is_left_out() {
    let west = region("us-west-2");
    let item = |name: &str| Item::Machine { instance_type: name.to_owned(), platform: Platform::Linux };
    for (price, facts, priced, typed) in [
        ("10000", Some((2048, 1)), true, true),
        ("10000.01", Some((4, 8192)), false, false),
        ("0", Some((4, 8192)), false, false),
        ("1", None, true, false),
        ("1", Some((0, 8192)), true, false),
        ("1", Some((2049, 8192)), true, false),
        ("1", Some((u32::MAX, 8192)), true, false),
        ("1", Some((4, 0)), true, false),
    ] {
        let own = facts.map(|(vcpus, memory_mib)| TypeFacts { vcpus, memory_mib, arm: false, burstable: false });
        let tag = PriceTag { region: west.clone(), item: item("x99.gigantic"), quote: listed(price), facts: own };
        let book = book().with(&PriceSheet { asked: at("2026-11-25"), prices: vec![tag] });
        let known = (book.quote(&west, &item("x99.gigantic")).is_some(), book.facts("x99.gigantic").is_some());
        assert_eq!(known, (priced, typed), "{price} {facts:?}");
    }
}

#[test]
fn sources_are_told_in_words() {
    let day = jiff::civil::date(2026, 11, 1);
    let now = at("2026-11-25T12:00:00");
    for (source, words) in [
        (PriceSource::Bundled { as_of: day }, "bundled estimate of 2026-11-01"),
        (PriceSource::Listed { as_of: day }, "list price of 2026-11-01"),
        (PriceSource::Spot { at: at("2026-11-25T11:45:01") }, "spot now"),
        (PriceSource::Spot { at: at("2026-11-25T11:45:00") }, "spot of 2026-11-25 11:45 UTC"),
        // a clock that is a little behind, and one that was set back
        (PriceSource::Spot { at: at("2026-11-25T12:01:00") }, "spot now"),
        (PriceSource::Spot { at: at("2026-11-25T12:01:01") }, "spot of 2026-11-25 12:01 UTC"),
        (PriceSource::Free, "free"),
    ] {
        assert_eq!(source.words(now), words);
    }
}
