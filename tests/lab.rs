//! The lab itself: its own tests, by the boto3 of its environment, and the helper that other tests use it by.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests, which say what they lack")]

#[path = "support/hg.rs"]
mod hg;
#[path = "support/lab.rs"]
mod support;

use serde_json::{Value, json};
use std::process::Command;
use support::{AT_ONCE, Lab};

/// `tests/lab/test_lab.py` holds the lab to what AWS does, a test a behaviour.
#[test]
fn the_lab_behaves_as_aws_does() {
    run_tests("test_lab.py", &[]);
}

/// The same of Systems Manager.
#[test]
fn the_labs_systems_manager_behaves_as_that_of_aws_does() {
    run_tests("test_ssm.py", &[]);
}

/// The same of the Price List and of Spot prices.
#[test]
fn the_labs_price_list_behaves_as_that_of_aws_does() {
    run_tests("test_prices.py", &[]);
}

/// `tests/lab/test_machines.py` does so for machines, which need root; in two parts, for it waits for most of its time.
#[test]
fn the_labs_machines_boot_as_instances_do() {
    run_machine_tests(&["Booting", "Late", "Doors", "Ending"]);
}

#[test]
fn the_labs_machines_live_as_instances_do() {
    run_machine_tests(&["Lives", "Images"]);
}

fn run_machine_tests(parts: &[&str]) {
    if nix::unistd::geteuid().is_root() {
        run_tests("test_machines.py", parts);
    } else {
        eprintln!("NOT TESTED: machines of the lab need root");
    }
}

#[track_caller]
fn run_tests(script: &str, parts: &[&str]) {
    let python = Lab::venv().join("bin/python");
    let script = format!("{}/tests/lab/{script}", env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(python).arg("-B").arg(script).args(parts).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_helper_makes_sees_and_breaks_things() {
    let lab = Lab::start(AT_ONCE);
    let made = lab.boto("done(run(2, TagSpecifications=[tags('instance', Name='hg-x')]))");
    assert_eq!(made.as_array().unwrap().len(), 2);

    let query = "Reservations[].Instances[].InstanceId";
    assert_eq!(lab.aws(&["ec2", "describe-instances", "--query", query]), made);
    assert_eq!(lab.aws_in("eu-west-1", &["ec2", "describe-instances", "--query", query]), json!([]));
    assert_eq!(lab.actions(), ["RunInstances", "DescribeInstances", "DescribeInstances"]);
    assert_eq!(lab.calls()[2]["region"], "eu-west-1");

    lab.faults(&json!([{"kind": "denied", "action": "DescribeInstances"}]));
    let code = "try:\n ec2.describe_instances()\nexcept Exception as why: done(why.response['Error']['Code'])";
    assert_eq!(lab.boto(code), "UnauthorizedOperation");

    lab.reset();
    assert_eq!(lab.calls(), Vec::<Value>::new());
    assert_eq!(lab.boto("done(ec2.describe_instances()['Reservations'])"), json!([]));
}

/// Mercurial's own automation, on a lab: what it leaves behind when it is killed, and what its own clean-up misses.
#[test]
fn the_predecessor_works_on_the_lab() {
    let lab = Lab::start(&["--iam-policies"]);
    let folder = tempfile::tempdir().unwrap();
    let source = hg::real_hg().source;
    let told = |what: &str| -> Value {
        let state = folder.path().to_str().unwrap();
        let ran = lab.python("predecessor.py", &[source.to_str().unwrap(), what, "--state-path", state]);
        serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&ran.stderr)))
    };
    let made = told("state");
    assert_eq!(made["error"], json!(null));
    assert_eq!(made["instances"].as_array().unwrap().len(), 3);
    assert_eq!(made["images"][0]["name"], "hg-linux-dev-debian10");
    assert_eq!(made["roles"], json!(["hg-ephemeral-ec2-role-1"]));
    // its Linux instances have no name, so that it does not know them again
    let ended = told("terminate");
    assert_eq!(ended["instances"].as_array().unwrap().len(), 2);
    assert!(told("purge")["error"].as_str().unwrap().contains("DependencyViolation"));
}
