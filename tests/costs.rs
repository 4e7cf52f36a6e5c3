//! `hga costs` as a person and a script have it: a ledger of machines and images, filled by the journal's own calls; the table,
//! the CSV, and the JSON held against `assets/costs.schema.json`.

#![expect(clippy::unwrap_used, reason = "a test says what it lacks and stops where it fails")]

use boon::{Compiler, Schemas};
use hgautomation::domain::money::{Bill, Labels, LedgerEntry, Platform, PriceBook, Usd};
use hgautomation::domain::{JobId, Phase, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp};
use hgautomation::journal::Journal;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const SCHEMA: &str = include_str!("../assets/costs.schema.json");

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn thing(kind: ResourceKind, id: &str) -> ResourceRef {
    ResourceRef { kind, provider: ProviderKind::Aws, region: Some(Region::usual()), id: id.to_owned() }
}

fn labels(owner: &str, job: &str) -> Labels {
    Labels {
        account: None,
        owner: Some(owner.to_owned()),
        job: Some(JobId::new(job).unwrap()),
        operation: Some("run-tests-linux".to_owned()),
        about: Some("all".to_owned()),
    }
}

/// A state directory whose ledger has a machine that ran for two hours on the 10th of October (c5.9xlarge, an address, no volume),
/// one of a type that nobody has a price of, one whose end was missed, an image of 10 GB that stays, and a machine of this
/// computer. Nobody's account is asked.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "[aws]\nenabled = false\n").unwrap();
    let book = PriceBook::bundled();
    let bill = |name: &str| Bill::of_machine(book, &Region::usual(), name, Platform::Linux, false, (None, 1));
    let open = |thing: &ResourceRef, from: &str, bill, labels| LedgerEntry::Opened {
        thing: thing.clone(),
        at: at(from),
        bill,
        labels,
        lease: None,
    };
    let end = |thing: &ResourceRef, to: &str, bound| LedgerEntry::Ended { thing: thing.clone(), at: at(to), bound };
    let (big, odd) = (thing(ResourceKind::Machine, "i-0big"), thing(ResourceKind::Machine, "i-0odd"));
    let (lost, image) = (thing(ResourceKind::Machine, "i-0lost"), thing(ResourceKind::Image, "ami-0image"));
    let local = ResourceRef {
        kind: ResourceKind::Machine,
        provider: ProviderKind::Local,
        region: None,
        id: "m-abc234".to_owned(),
    };
    let job = JobId::new("j-abc234").unwrap();
    let entries = [
        open(&big, "2026-10-10T22:30:00Z", bill("c5.9xlarge"), labels("anna", "j-abc234")),
        LedgerEntry::PhaseBegan { job: job.clone(), phase: Phase::Test, at: at("2026-10-10T23:00:00Z") },
        LedgerEntry::PhaseEnded { job, phase: Phase::Test, at: at("2026-10-11T00:00:00Z"), ok: true },
        end(&big, "2026-10-11T00:30:00Z", false),
        open(&odd, "2026-10-12T10:00:00Z", bill("zz9.plural"), labels("=ben,s", "j-def567")),
        end(&odd, "2026-10-12T11:00:00Z", false),
        open(&lost, "2026-10-12T10:00:00Z", bill("m6i.large"), labels("anna", "j-xyz234")),
        end(&lost, "2026-10-12T12:00:00Z", true),
        open(&image, "2026-10-01T00:00:00Z", Bill::of_snapshots(book, &Region::usual(), 10), Labels::default()),
        open(&local, "2026-10-12T10:00:00Z", Bill::free(), labels("anna", "j-abc234")),
        end(&local, "2026-10-12T11:00:00Z", false),
    ];
    Journal::open(folder.path().join("journal.sqlite")).unwrap().enter(&entries).unwrap();
    folder
}

fn hga(state: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
    command.arg("--state-path").arg(state).args(args).env_remove("HGA_STATE_PATH");
    command.output().unwrap()
}

#[track_caller]
fn good(state: &Path, args: &[&str]) -> String {
    let ran = hga(state, args);
    assert_eq!(ran.status.code(), Some(0), "{args:?}: {ran:?}");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "", "{args:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[track_caller]
fn document(state: &Path, args: &[&str]) -> Value {
    let out = good(state, &[&["costs", "--json"], args].concat());
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).unwrap()
}

/// What is wrong with a document, as the schema has it.
fn wrong(document: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("costs.json", serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let schema = compiler.compile("costs.json", &mut schemas).unwrap();
    schemas.validate(document, schema).err().map(|error| error.to_string())
}

fn usd(value: &Value) -> Usd {
    value.as_str().unwrap().parse().unwrap()
}

const OCTOBER: &[&str] = &["--month", "2026-10"];

#[test]
fn what_is_printed_is_what_the_schema_says() {
    let state = filled();
    let groups = ["machine", "job", "phase", "owner", "region", "operation", "type", "charge", "day", "month"];
    let ranges: [&[&str]; 7] = [
        OCTOBER,
        &["--all"],
        &["--today"],
        &["--last", "12h"],
        &[],
        &["--from", "2026-10-10", "--to", "2026-10-12"],
        &["--all", "--owner", "anna", "--job", "j-abc234"],
    ];
    for range in ranges {
        for by in groups {
            let document = document(state.path(), &[range, &["--by", by]].concat());
            assert_eq!(wrong(&document), None, "{document:#}");
            // the rows are the total, to the last digit
            for part in ["compute", "address", "disk", "snapshot", "total"] {
                let rows: Usd = document["rows"].as_array().unwrap().iter().map(|row| usd(&row[part])).sum();
                assert_eq!(rows, usd(&document["total"][part]), "{range:?} {by} {part}");
            }
        }
    }
    assert_eq!(good(state.path(), &["costs", "--schema"]), SCHEMA);
}

/// What makes a document wrong.
type Breaks = fn(&mut Value);

#[test]
fn a_document_that_is_wrong_does_not_pass() {
    let state = filled();
    let right = document(state.path(), OCTOBER);
    assert_eq!(wrong(&right), None);
    let broken: [(&str, Breaks); 12] = [
        ("a number for money", |it| it["total"]["total"] = json!(3.07)),
        ("an exponent", |it| it["total"]["total"] = json!("1e3")),
        ("a dollar sign", |it| it["today"] = json!("$1.00")),
        ("a debt", |it| it["forecast"] = json!("-1")),
        ("needless zeros", |it| it["rows"][0]["compute"] = json!("1.50")),
        ("another currency", |it| it["currency"] = json!("EUR")),
        ("another version", |it| it["hga-costs"] = json!(2)),
        ("something more", |it| it["more"] = json!(1)),
        ("something more in a row", |it| it["rows"][0]["more"] = json!(1)),
        ("no total", |it| drop(it.as_object_mut().unwrap().remove("total"))),
        ("no time", |it| it["now"] = json!("yesterday")),
        ("a source of no known form", |it| it["sources"] = json!(["a friend"])),
    ];
    for (what, breaks) in broken {
        let mut document = right.clone();
        breaks(&mut document);
        assert!(wrong(&document).is_some(), "{what}");
    }
}

#[test]
fn machines_images_and_what_is_unknown_come_to_what_they_cost() {
    let state = filled();
    let told = document(state.path(), OCTOBER);
    let row = |id: &str| {
        let rows = told["rows"].as_array().unwrap();
        rows.iter().find(|row| row["key"] == id).unwrap_or_else(|| panic!("{id}: {told:#}")).clone()
    };
    // two hours at $1.53 and at $0.005
    let big = row("i-0big");
    assert_eq!(
        (&big["seconds"], &big["compute"], &big["address"], &big["total"]),
        (&json!(7200), &json!("3.06"), &json!("0.01"), &json!("3.07"))
    );
    // a price that nobody has is told as such, its address counted
    let odd = row("i-0odd");
    assert_eq!((&odd["compute"], &odd["address"], &odd["unknown"]), (&json!("0"), &json!("0.005"), &json!(1)));
    assert_eq!(odd["missing"], json!(["compute"]));
    assert_eq!((&told["unknown"], &told["bounded"]), (&json!(["i-0odd"]), &json!(["i-0lost"])));
    // 10 GB at $0.05 for the whole of October
    assert_eq!(row("ami-0image")["snapshot"], "0.5");
    assert_eq!(row("m-abc234")["total"], "0");
    // a day ends at midnight, in UTC
    let days = document(state.path(), &["--month", "2026-10", "--by", "day", "--job", "j-abc234"]);
    let days: Vec<_> = days["rows"].as_array().unwrap().iter().map(|row| (&row["key"], &row["compute"])).collect();
    let told = days.iter().map(|(day, usd)| format!("{day} {usd}")).collect::<Vec<_>>();
    assert_eq!(told, ["\"2026-10-10\" \"2.295\"", "\"2026-10-11\" \"0.765\"", "\"2026-10-12\" \"0\""]);
    let phases = document(state.path(), &["--all", "--by", "phase", "--job", "j-abc234"]);
    let test = phases["rows"].as_array().unwrap().iter().find(|row| row["key"] == "test").unwrap();
    assert_eq!((&test["compute"], &test["seconds"]), (&json!("1.53"), &json!(3600)));
}

#[test]
fn the_table_lines_up_and_says_what_is_not_known() {
    let state = filled();
    let out = good(state.path(), &["costs", "--month", "2026-10"]);
    let table: Vec<&str> = out.lines().take_while(|line| !line.starts_with("Time ")).collect();
    let ends: Vec<usize> = table.iter().map(|line| line.chars().count()).collect();
    assert!(ends.iter().all(|end| *end == ends[0]) && table.len() == 7, "{out}");
    assert!(table[1].starts_with("i-0big") && table[1].ends_with("$3.07"), "{out}");
    let odd = table.iter().find(|line| line.starts_with("i-0odd")).unwrap();
    assert!(odd.contains("unknown") && odd.ends_with("≥ $0.01"), "{odd}");
    assert!(table[6].starts_with("total") && table[6].ends_with("≥ $3.78"), "{out}");
    for note in [
        "Prices     bundled estimate of ",
        "Unknown    the price of i-0odd",
        "Bounded    i-0lost: ",
        "Snapshots  at most",
    ] {
        assert!(out.contains(note), "{note}: {out}");
    }
    // a month that is over has neither a burn nor a forecast
    assert!(!out.contains("Forecast"), "{out}");
    assert!(good(state.path(), &["costs"]).contains("\nForecast   "));
}

#[test]
fn a_spreadsheet_gets_every_digit_and_no_formula() {
    let state = filled();
    let out = good(state.path(), &["costs", "--month", "2026-10", "--by", "owner", "--csv"]);
    let lines: Vec<&str> = out.split_terminator("\r\n").collect();
    assert_eq!(
        lines,
        [
            "owner,seconds,compute_usd,address_usd,disk_usd,snapshot_usd,total_usd,things,open,unknown",
            "anna,18000,3.252,0.02,0,0,3.272,3,0,0",
            "(none),0,0,0,0,0.5,0.5,1,1,0",
            "\"'=ben,s\",3600,0,0.005,0,0,0.005,1,0,1",
        ]
    );
    let empty = good(state.path(), &["costs", "--month", "2026-09", "--csv"]);
    assert_eq!(empty.lines().count(), 1, "{empty}");
}

#[test]
fn what_makes_no_sense_is_said_with_what_to_write_instead() {
    let state = filled();
    for (args, said) in [
        (&["--from", "yesterday"][..], "write a day such as 2026-11-25"),
        (&["--month", "2026-13"], "write a month such as 2026-11"),
        (
            &["--from", "2026-10-10", "--to", "2026-10-10"],
            "hint: `--to` is the first moment that is not in it any more",
        ),
        (&["--today", "--all"], "cannot be used with"),
        (&["--csv", "--json"], "exclude each other"),
    ] {
        let ran = hga(state.path(), &[&["costs"], args].concat());
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    for (args, said) in [
        (&["--month", "2026-09"][..], "for that time"),
        (&["--month", "2026-09", "--owner", "anna"], "for that time"),
        (&["--all", "--owner", "nobody"], "of owner `nobody`, at any time"),
        (&["--job", "j-nosuch"], "of job `j-nosuch`, at any time"),
        (&["--job", "j-def567", "--owner", "anna"], "of job `j-def567` and owner `anna`, at any time"),
    ] {
        let ran = hga(state.path(), &[&["costs"], args].concat());
        assert_eq!(ran.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8(ran.stderr).unwrap(), format!("nothing in the ledger {said}\n"), "{args:?}");
    }
}

#[test]
fn a_machine_that_nobody_can_look_at_is_counted_and_said() {
    let state = filled();
    let open = LedgerEntry::Opened {
        thing: ResourceRef {
            region: Some(Region::new("eu-west-1").unwrap()),
            ..thing(ResourceKind::Machine, "i-0left")
        },
        at: at("2026-10-12T10:00:00Z"),
        bill: Bill::of_machine(
            PriceBook::bundled(),
            &Region::usual(),
            "zz9.plural",
            Platform::Linux,
            false,
            (None, 1),
        ),
        labels: labels("anna", "j-abc234"),
        lease: None,
    };
    Journal::open(state.path().join("journal.sqlite")).unwrap().enter(&[open]).unwrap();
    let ran = hga(state.path(), &["costs", "--json"]);
    let err = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(100), "{err}");
    assert!(err.contains("not looked at: aws: provider `aws` is not there"), "{err}");
    let document: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(wrong(&document), None, "{document:#}");
    assert_eq!((&document["troubles"][0]["provider"], &document["burn"]["machines"]), (&json!("aws"), &json!(1)));
    assert_eq!(document["today_unknown"], 1, "{document:#}");
    assert!(document["month_to_date_unknown"].as_u64() >= Some(1), "{document:#}");
    // what is known is not all
    let text = good(state.path(), &["costs", "--offline"]);
    assert!(text.contains(" 1 machine running; today ≥ $0."), "{text}");
}
