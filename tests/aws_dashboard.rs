//! The dashboard over an AWS that behaves, as a person drives it: machines marked, the plan opened, left, opened again,
//! confirmed, and watched as they go; and what it shows where no account is set up, or none answers.

#![cfg(all(target_os = "linux", feature = "aws"))]
#![expect(clippy::unwrap_used, reason = "a test says what it lacks and stops where it fails")]

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/terminal.rs"]
mod terminal;

use fleet::Fleet;
use lab::{AT_ONCE, Lab};
use pty_process::blocking::Command;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use terminal::{LIMIT, Terminal};

fn dashboard(fleet: &Fleet, env: &[(&'static str, String)]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hga")).env_clear();
    for name in ["PATH", "LANG"] {
        if let Some(value) = std::env::var_os(name) {
            command = command.env(name, value);
        }
    }
    command = command.env("TERM", "xterm-256color").env("TZ", "UTC").env("HOME", fleet.folder.path());
    command = command.env("HGA_STATE_PATH", fleet.folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
    for (name, value) in env {
        command = command.env(name, value);
    }
    Terminal::start(command, 100, 30)
}

fn ids(made: &Value) -> Vec<String> {
    made.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn three_marked_machines_are_ended_by_a_plan_and_seen_to_go() {
    let lab = Lab::start(&["--boot", "0", "--end", "3600"]);
    let fleet = Fleet::new();
    let ours = ids(&lab.boto("done(run(3, TagSpecifications=[tags('instance', Name='hg-x')]))"));
    lab.boto("run(1, TagSpecifications=[tags('instance', Name='hgx-web')])");
    let bens = ids(&lab.boto("done(run(1, TagSpecifications=[{'ResourceType': 'instance', 'Tags': [{'Key': 'hg-owner', 'Value': 'ben'}]}]))"));
    let mut seen = dashboard(&fleet, &lab.env());
    // strangers' machines are not there; another owner's come last
    seen.wait_for("1 Machines 4");
    for id in &ours {
        seen.wait_for(id);
    }
    seen.send("g<space><space><space>");
    seen.wait_for("3 marked");
    seen.press("<ctrl-d>", "End 3 machines");
    for id in &ours {
        assert!(seen.text().contains(&format!("{id} `hg-x`")), "{}", seen.text());
    }
    assert!(seen.text().contains("ours: its Name `hg-x` begins with `hg-`"), "{}", seen.text());
    // Enter presses Cancel
    seen.send("<enter>");
    seen.wait_without("End 3 machines");
    assert!(!lab.actions().contains(&"TerminateInstances".to_owned()));
    seen.press("<ctrl-d>", "End 3 machines");
    seen.press("terminate 3", "> terminate 3");
    seen.send("<enter>");
    for id in &ours {
        seen.until("a machine that is ending", LIMIT, |screen| Terminal::row_with(screen, &[id, "ending"]));
    }
    lab.sooner(3600);
    for id in &ours {
        seen.until("a machine that has ended", LIMIT, |screen| {
            Terminal::row_with(screen, &[id, "ended"]) || !screen.contains(id.as_str())
        });
    }
    assert!(Terminal::row_with(&seen.text(), &[&bens[0], "running", "ben"]), "{}", seen.text());
    seen.send("q");
    assert!(seen.end().success());
    let query = "Reservations[].Instances[?State.Name==`running`][].Tags[0].Value";
    let mut alive = lab.aws(&["ec2", "describe-instances", "--query", query]);
    alive.as_array_mut().unwrap().sort_by_key(Value::to_string);
    assert_eq!(alive, json!(["ben", "hgx-web"]));
}

#[test]
fn everything_is_purged_from_its_pane() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.boto(
        "ec2.create_key_pair(KeyName='hg-automation'); run(1, TagSpecifications=[tags('instance', Name='hg-x')])",
    );
    let mut seen = dashboard(&fleet, &lab.env());
    seen.wait_for("1 Machines 1");
    seen.press("5", "hg-automation");
    seen.press("P", "Remove 1 machine, 1 key pair");
    seen.press("purge 2", "> purge 2");
    seen.send("<enter>");
    seen.wait_without("hg-automation");
    assert_eq!(lab.aws(&["ec2", "describe-key-pairs", "--query", "KeyPairs"]), json!([]));
    seen.send("q");
    assert!(seen.end().success());
}

#[test]
fn what_does_not_end_by_itself_is_marked() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let one = |lease: &str| {
        let tags = format!("{{'Key': 'hg-owner', 'Value': 'anna'}}, {{'Key': 'hg-lease', 'Value': '{lease}'}}");
        let run = format!("run(1, TagSpecifications=[{{'ResourceType': 'instance', 'Tags': [{tags}]}}])");
        ids(&lab.boto(&format!("done({run})"))).remove(0)
    };
    let (over, later) = (one("2026-01-01T00:00:00Z"), one("2999-01-01T00:00:00Z"));
    let none = ids(&lab.boto("done(run(1, TagSpecifications=[tags('instance', Name='hg-x')]))")).remove(0);
    let mut seen = dashboard(&fleet, &lab.env());
    for words in [[&over, "! running", "lease over"], [&none, "! running", "no lease"], [&later, "● running", "d "]]
    {
        seen.until("its lease", LIMIT, |screen| Terminal::row_with(screen, &words));
    }
    // it cannot be told, so nothing is asked of anybody
    seen.press("+", "cannot be told");
    assert!(!lab.actions().contains(&"CreateTags".to_owned()));
    // they cost, and no job uses them
    seen.press("q", "Leave while");
    seen.send("<tab><enter>");
    assert!(seen.end().success());
}

#[test]
fn a_machine_is_launched_by_the_form_and_its_lease_is_moved() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT TESTED: machines of the lab need root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::start(&["--boot", "1", "--end", "0", "--machines", folder.path().to_str().unwrap()]);
    let fleet = Fleet::new();
    std::fs::write(fleet.path("config.toml"), "[aws]\nowner = \"anna\"\ncidr = [\"127.0.0.1\"]\n").unwrap();
    let mut seen = dashboard(&fleet, &lab.env());
    seen.wait_for("1 Machines 0");
    seen.press("n", "Launch a machine");
    seen.press("<up><up><right>", "a new one on EC2");
    seen.press("<enter>", "us-west-2)");
    seen.press("4", "Verdicts");
    // each step of its way up, with its time
    for step in ["running", "address", "answers", "login", "interface", "✓ done"] {
        seen.wait_for(step);
    }
    seen.press("q", "3 Jobs 1");
    seen.press("1", "1h 5");
    let listed = fleet.hga(&lab, &["machines", "list", "--json"]).json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    seen.press("+", "ends itself in 2h 2");
    let query = "Reservations[0].Instances[0].Tags[?Key==`hg-lease`]|[0].Value";
    let noted = lab.aws(&["ec2", "describe-instances", "--instance-ids", &id, "--query", query]);
    let noted: jiff::Timestamp = noted.as_str().unwrap().parse().unwrap();
    assert!(noted.duration_since(jiff::Timestamp::now()).as_secs() > 8_400, "{noted}");
    // the machine counts for itself
    let counts = "read -r now rest </proc/uptime; echo $(($(sudo -n cat /run/hga/lease) - ${now%.*}))";
    let left = fleet.hga(&lab, &["ssh", &id, "--", counts]);
    assert!(left.out.trim().parse::<u64>().unwrap() > 8_400, "{left:?}");
    let shorter = fleet.hga(&lab, &["machines", "extend", &id, "--lease", "20m", "--json"]);
    assert_eq!((shorter.code, &shorter.json()[0]["machine"]), (0, &json!(id)), "{shorter:?}");
    let left = fleet.hga(&lab, &["ssh", &id, "--", counts]);
    assert!((900..=1_200).contains(&left.out.trim().parse::<u64>().unwrap()), "{left:?}");
    seen.send("<ctrl-r>");
    seen.until("its shorter lease", LIMIT, |screen| {
        (15..20).any(|minutes| Terminal::row_with(screen, &[&id, &format!(" {minutes}m ")]))
    });
    // nothing ends within a minute without a question, whose first answer is no
    seen.press("-", "End machines within a minute");
    seen.send("<enter>");
    seen.wait_without("End machines within a minute");
    // they cost, and no job uses them
    seen.press("q", "Leave while");
    seen.send("<tab><enter>");
    assert!(seen.end().success());
    assert_eq!(fleet.hga(&lab, &["machines", "terminate", &id, "--yes"]).code, 0);
}

#[test]
fn without_an_account_it_opens_at_once_and_says_how_to_add_one() {
    let fleet = Fleet::new();
    let mut seen = dashboard(&fleet, &[]);
    seen.wait_for("aws configure");
    seen.send("q");
    assert!(seen.end().success());
}

#[test]
fn an_account_that_does_not_answer_holds_nothing_up() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.faults(&json!([{"kind": "hang"}]));
    let start = Instant::now();
    let mut seen = dashboard(&fleet, &lab.env());
    seen.wait_for("1 Machines");
    seen.press("3", "No jobs");
    seen.press("1", "1 Machines");
    seen.send("q");
    assert!(seen.end().success());
    assert!(start.elapsed() < Duration::from_secs(29), "a call that hangs is given up after 30 s: it was waited for");
}
