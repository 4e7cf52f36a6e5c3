//! Runs of tests on EC2, in a lab whose instances are real machines: what a person sees live, what is left afterwards, and
//! what becomes of machines when something goes wrong. Every row is looked at with the AWS CLI.

#![cfg(all(target_os = "linux", feature = "aws"))]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it lacks and stops where it fails")]

#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/hg.rs"]
mod hg;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/state.rs"]
mod support;

use cloud::{Cloud, IMAGE, can_have_machines};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use support::{Client, ended, eventually};

/// The lease of machines whose client vanishes; each has to come as far as its client vanishes before it ends.
const LEASE: &str = "75s";
/// As AWS would, but quicker: late addresses, a pause before SSH answers.
const LATE: &[&str] = &["--boot", "0.3", "--address", "0.4", "--ssh", "0.3", "--end", "0.2", "--consistent", "0.5"];

fn outcomes(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, outcome)| ((*name).to_owned(), (*outcome).to_owned())).collect()
}

/// A machine that is nobody's of ours, and must outlive everything here.
fn stranger(cloud: &Cloud) -> String {
    let made = cloud.lab.boto("done(run(1, TagSpecifications=[tags('instance', Name='db-prod')])[0])");
    made.as_str().unwrap().to_owned()
}

/// Checks that nothing of ours costs anything any more, and that the stranger's machine stands.
#[track_caller]
fn nothing_but(cloud: &Cloud, stranger: &str, what: &str) {
    let alive: Vec<String> = cloud.alive().into_iter().map(|(id, _)| id).collect();
    assert_eq!(alive, [stranger], "{what}");
}

#[test]
fn a_run_is_seen_live_and_leaves_the_image_and_what_belongs_to_the_account() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::start(LATE);
    let stranger = stranger(&cloud);
    let before = cloud.left();

    // seen live: the first test's end is told while the second waits
    let mut client = cloud.run(&["--keep-on-failure"], &["test-also-pass.t", "test-wait.t", "test-fail.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    let told = ended(&client.events());
    assert!(told.is_empty() || told == outcomes(&[("test-also-pass.t", "passed")]), "{told:?}");
    cloud.open_gate(&job);
    let ran = client.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    let wanted = [("test-also-pass.t", "passed"), ("test-fail.t", "failed"), ("test-wait.t", "passed")];
    assert_eq!(ended(&ran.json()), outcomes(&wanted));
    let steps: Vec<Value> = ran.json().into_iter().filter(|event| event["event"] == "step.ended").collect();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["running", "address", "answers", "login", "interface"]);

    // the machine was kept, since a test failed: both sides hold the same bytes
    assert_eq!(cloud.output(&job), cloud.spool(&job));
    let id = cloud.instance_of(&job);
    let tags = cloud.lab.aws(&[
        "ec2",
        "describe-instances",
        "--instance-ids",
        &id,
        "--query",
        "Reservations[0].Instances[0]",
    ]);
    let tag = |key: &str| {
        let all = tags["Tags"].as_array().unwrap();
        all.iter().find(|tag| tag["Key"] == key).map(|tag| tag["Value"].as_str().unwrap().to_owned())
    };
    assert_eq!(tag("Name").unwrap(), format!("hg-run-tests-linux-{}", job.trim_start_matches("j-")));
    assert_eq!((tag("hg-owner"), tag("hg-job")), (Some("anna".to_owned()), Some(job.clone())));
    assert_eq!(tags["MetadataOptions"]["HttpTokens"], "required");
    assert_eq!(tags["InstanceType"], "c5.9xlarge");
    assert_eq!(tags.get("IamInstanceProfile"), None, "only for Systems Manager");
    let behaviour = cloud.lab.aws(&[
        "ec2",
        "describe-instance-attribute",
        "--instance-id",
        &id,
        "--attribute",
        "instanceInitiatedShutdownBehavior",
        "--query",
        "InstanceInitiatedShutdownBehavior.Value",
    ]);
    assert_eq!(behaviour, "terminate");
    for (what, query) in [("describe-volumes", "Volumes"), ("describe-network-interfaces", "NetworkInterfaces")] {
        let all = cloud.lab.aws(&["ec2", what, "--query", query]);
        let ours = all.as_array().unwrap().iter().filter(|thing| {
            let tags = thing["Tags"].as_array().or(thing["TagSet"].as_array()).cloned().unwrap_or_default();
            tags.iter().any(|tag| tag["Key"] == "hg-job" && tag["Value"] == job.as_str())
        });
        let ours: Vec<&Value> = ours.collect();
        assert_eq!(ours.len(), 1, "{what}: {all}");
        if query == "Volumes" {
            assert_eq!((&ours[0]["VolumeType"], &ours[0]["Encrypted"]), (&json!("gp3"), &json!(true)));
        }
    }
    // the host key is not the one of the user data any more
    let user_data = cloud.lab.boto(&format!(
        "import base64\nd = ec2.describe_instance_attribute(InstanceId='{id}', Attribute='userData')\n\
         done(base64.b64decode(d['UserData']['Value']).decode())"
    ));
    let user_data = user_data.as_str().unwrap();
    let pinned = tag("hg-host-key").unwrap();
    assert!(!pinned.contains(' ') && !user_data.contains(&pinned), "rotated after the first login");
    let mut ssh = cloud.command(&["ssh", &id, "--", "cat /etc/ssh/ssh_host_ed25519_key.pub"]);
    let said = String::from_utf8(ssh.output().unwrap().stdout).unwrap();
    assert!(said.contains(&pinned), "{said}");

    // no secret is anywhere that the program writes
    let config: Value = serde_json::from_str(user_data.strip_prefix("#cloud-config\n").unwrap()).unwrap();
    let host_key = config["ssh_keys"]["ed25519_private"].as_str().unwrap();
    let private = std::fs::read_to_string(cloud.state().join("keys/keypair-automation")).unwrap();
    let secrets = [
        host_key.lines().nth(1).unwrap(),
        private.lines().nth(1).unwrap(),
        lab::SECRET,
        "ed25519_private",
        "bootcmd",
    ];
    let mut written = cloud.written();
    written.retain(|(path, _)| !path.ends_with("keys/keypair-automation"));
    written.push(("stdout".into(), ran.raw.clone()));
    written.push(("stderr".into(), ran.err.clone().into_bytes()));
    assert!(written.len() > 8);
    for secret in secrets {
        for (path, bytes) in &written {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "`{}…` is in {}", &secret[..8], path.display());
        }
    }

    let ended = cloud.hga(&["machines", "terminate", "--yes", "--wait", &id]);
    assert_eq!(ended.code, 0, "{ended:?}");
    nothing_but(&cloud, &stranger, "after the end");
    let after = cloud.left();
    let names = |of: &Value, what: &str| -> BTreeSet<String> {
        of[what].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for what in ["images", "volumes", "interfaces", "roles", "profiles"] {
        assert_eq!(names(&after, what), names(&before, what), "{what}");
    }
    let new = |what: &str| &names(&after, what) - &names(&before, what);
    assert_eq!(new("groups"), BTreeSet::from(["hg-linux-dev-1".to_owned()]));
    assert_eq!(new("pairs"), BTreeSet::from(["hg-automation".to_owned()]));
    let rules = cloud.lab.aws(&[
        "ec2",
        "describe-security-groups",
        "--group-names",
        "hg-linux-dev-1",
        "--query",
        "SecurityGroups[0].IpPermissions[].IpRanges[].CidrIp",
    ]);
    assert_eq!(rules, json!(["127.0.0.1/32"]));
}

/// Faults that a run gets over, or ends with, by itself: how it is asked for, what is done, its exit code, what it says.
#[test]
fn what_goes_wrong_leaves_no_machine_and_says_why() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::start(&["--boot", "0.2", "--end", "0.2"]);
    let stranger = stranger(&cloud);
    let row = |what: &str, since: Instant, code: i32| {
        eprintln!("| {what} | exit {code} | {:.1} s |", since.elapsed().as_secs_f64());
    };
    let zones = cloud.lab.aws(&["ec2", "describe-availability-zones", "--query", "AvailabilityZones[].ZoneName"]);
    let zones: Vec<String> = zones.as_array().unwrap().iter().map(|zone| zone.as_str().unwrap().to_owned()).collect();

    // a third of all calls throttled
    let since = Instant::now();
    cloud.lab.faults(&json!([{"kind": "throttle", "rate": 0.3, "seed": 5}]));
    let ran = cloud.run(&[], &["test-pass.t"]).wait();
    cloud.lab.faults(&json!([]));
    assert_eq!(ran.code, 0, "{ran:?}");
    nothing_but(&cloud, &stranger, "throttled");
    row("30 % of calls throttled", since, ran.code);

    // the launch carried out, its answer lost
    let since = Instant::now();
    cloud.lab.forget_calls();
    cloud.lab.faults(&json!([{"kind": "lost", "action": "RunInstances", "times": 2}]));
    let mut client = cloud.run(&[], &["test-pass.t"]);
    let job = client.job();
    let ran = client.wait();
    cloud.lab.faults(&json!([]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(cloud.lab.actions().iter().filter(|action| *action == "RunInstances").count(), 3);
    cloud.instance_of(&job);
    nothing_but(&cloud, &stranger, "answer lost");
    row("answer of RunInstances lost twice", since, ran.code);

    // and never answered at all: whatever was made is found and ended
    let since = Instant::now();
    cloud.lab.faults(&json!([{"kind": "lost", "action": "RunInstances"}]));
    let ran = cloud.run(&[], &["test-pass.t"]).wait();
    cloud.lab.faults(&json!([]));
    assert_eq!(ran.code, 100, "{ran:?}");
    nothing_but(&cloud, &stranger, "never answered");
    row("answer of RunInstances always lost", since, ran.code);

    // no capacity in a zone, then for a type, then at all
    let since = Instant::now();
    cloud
        .lab
        .no_capacity(&json!([{"zone": zones[0], "type": "c5.9xlarge"}, {"zone": zones[1], "type": "c5.9xlarge"}]));
    let ran = cloud.run(&[], &["test-pass.t"]).wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    row("no capacity in two zones", since, ran.code);
    let since = Instant::now();
    cloud.lab.no_capacity(&json!([{"type": "c5.9xlarge"}]));
    let ran = cloud.run(&["--instance-type", "c5.9xlarge,c6i.4xlarge"], &["test-pass.t"]).wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    let launched = ran.json().into_iter().find(|event| event["event"] == "machine.launched").unwrap();
    assert_eq!(launched["instance_type"], "c6i.4xlarge");
    row("no capacity for a type, another listed", since, ran.code);
    let since = Instant::now();
    cloud.lab.no_capacity(&json!([{}]));
    let ran = cloud.run(&["--instance-type", "c5.9xlarge"], &["test-pass.t"]).wait();
    cloud.lab.no_capacity(&json!([]));
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.out.contains("no capacity") && ran.out.contains("c5.9xlarge in us-west-2"), "{ran:?}");
    nothing_but(&cloud, &stranger, "no capacity");
    row("no capacity at all", since, ran.code);

    // a port that never answers; the reason as far as EC2 tells
    let since = Instant::now();
    cloud.configure("ready_timeout = \"20s\"");
    cloud.machine_fault("*", "no-ssh");
    let ran = cloud.run(&[], &["test-pass.t"]).wait();
    cloud.configure("");
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.out.contains("was not ready within 20 s") && ran.out.contains("status checks: system ok"), "{ran:?}");
    cloud.machine_fault("*", "normal");
    nothing_but(&cloud, &stranger, "no answer");
    row("SSH port never answers (ready_timeout 20 s)", since, ran.code);

    // somebody else answers
    let since = Instant::now();
    cloud.machine_fault("*", "impostor");
    let ran = cloud.run(&[], &["test-pass.t"]).wait();
    cloud.machine_fault("*", "normal");
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.out.contains("host key"), "{ran:?}");
    nothing_but(&cloud, &stranger, "another host key");
    row("another host key", since, ran.code);

    // the connection is cut: nothing lost, nothing doubled
    let since = Instant::now();
    let mut client = cloud.run(&["--keep-on-failure"], &["test-also-pass.t", "test-wait.t", "test-fail.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    let id = cloud.instance_of(&job);
    cloud.machine_fault(&id, "cut");
    client.until("the loss", |event| event["event"] == "link.lost");
    cloud.open_gate(&job);
    let ran = client.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(cloud.output(&job), cloud.spool(&job));
    assert_eq!(cloud.hga(&["machines", "terminate", "--yes", &id]).code, 0);
    nothing_but(&cloud, &stranger, "cut");
    row("connection cut in the tests", since, ran.code);

    // the machine loses its power in the tests
    let since = Instant::now();
    let mut client = cloud.run(&[], &["test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    cloud.machine_fault(&cloud.instance_of(&job), "kill");
    let ran = client.wait();
    assert_eq!(ran.summary()["work"], "machine-lost", "{ran:?}");
    nothing_but(&cloud, &stranger, "power");
    row("machine gone in the tests", since, ran.code);

    // the machine hangs, and the person gives up
    let since = Instant::now();
    let mut client = cloud.run(&[], &["test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    cloud.machine_fault(&cloud.instance_of(&job), "hang");
    client.interrupt_twice();
    let ran = client.wait();
    nothing_but(&cloud, &stranger, "hung");
    row("guest hung, Ctrl-C twice", since, ran.code);
}

/// Clients killed in every phase: nobody takes the jobs up, and yet no machine outlives its lease. Beside them one whose
/// credentials expire while its tests run: it can end nothing any more, says so, and the machine ends itself.
#[test]
fn a_machine_whose_client_vanished_ends_itself() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::start(&["--boot", "0.5", "--ssh", "0.5", "--end", "0.2"]);
    let stranger = stranger(&cloud);
    let since = Instant::now();
    let phases = ["launch", "ready", "prepare", "sync", "test"];
    let mut jobs = Vec::new();
    let lease = ["--lease", LEASE];
    cloud.lab.forget_calls();
    for phase in phases {
        let mut client = cloud.run(&lease, &["test-wait.t"]);
        let job = client.job();
        client.until_phase(phase);
        if phase == "test" {
            client.until_test("test-wait.t");
        }
        client.kill();
        jobs.push(job);
    }
    // Ctrl-C once: the client goes, the job stands where it is
    for phase in ["ready", "test"] {
        let mut client = cloud.run(&lease, &["test-wait.t"]);
        client.job();
        client.until_phase(phase);
        client.signal(Signal::SIGINT);
        let ran = client.wait();
        assert_eq!(ran.code, 102, "{ran:?}");
    }
    let mut client = cloud.run(&lease, &["test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    cloud.lab.faults(&json!([{"kind": "expired"}]));
    Cloud::open_gate_of(&job, &cloud.lab.machines());
    let ran = client.wait();
    cloud.lab.faults(&json!([]));
    assert_eq!(ran.code, 104, "{ran:?}");
    assert_eq!(ended(&ran.json()), outcomes(&[("test-wait.t", "passed")]));
    assert!(ran.out.contains("RequestExpired") && ran.out.contains("AWS_ACCESS_KEY_ID"), "{ran:?}");
    // a launch that was killed before its call made none; on a slow computer the first may have ended already
    let query = "Reservations[].Instances[?Tags[?Key=='hg-job']][].InstanceId";
    let all = cloud.lab.aws(&["ec2", "describe-instances", "--query", query]);
    let left = all.as_array().unwrap().len();
    assert!((6..=8).contains(&left), "{left} of 8 machines: {all}");
    // the later of them were asked for a moment ago, and EC2 takes its time to tell
    eventually("the leases run out", Duration::from_secs(75 + 45), || cloud.alive().len() == 1);
    nothing_but(&cloud, &stranger, "vanished");
    let ended = cloud.lab.calls().into_iter().filter(|call| call["action"] == "TerminateInstances");
    let ended: Vec<Value> = ended.filter(|call| call["status"] == 200).collect();
    assert_eq!(ended, [] as [Value; 0], "they ended themselves");
    eprintln!(
        "| client killed in {} | {left} machines ended themselves | {:.0} s |",
        phases.join(", "),
        since.elapsed().as_secs_f64()
    );

    // what was killed early can be taken up again; what is gone is told so
    let again = cloud.hga(&["jobs", "attach", jobs.last().unwrap(), "--json"]);
    assert_eq!(again.summary()["work"], "machine-lost", "{again:?}");
}

/// A client killed in each phase is taken up where it was, with one machine in all; Ctrl-C, twice and thrice, ends it.
#[test]
fn killed_clients_are_taken_up_and_interrupted_ones_clean_up() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::start(&["--boot", "0.4", "--ssh", "0.4", "--end", "0.2"]);
    let stranger = stranger(&cloud);
    for phase in ["launch", "ready", "prepare", "sync", "test", "collect"] {
        let mut client = cloud.run(&[], &["test-pass.t"]);
        let job = client.job();
        client.until_phase(phase);
        client.kill();
        let again = cloud.hga(&["jobs", "attach", &job, "--json"]);
        assert_eq!(again.code, 0, "{phase}: {again:?}");
        assert_eq!(ended(&again.json()), outcomes(&[("test-pass.t", "passed")]), "{phase}");
        cloud.instance_of(&job);
        nothing_but(&cloud, &stranger, phase);
    }
    // in another region, and taken up by a process that was not told of it
    let there = "eu-west-1";
    let bare = ["machines", "launch", "--provider", "aws", "--aws-region", there, "--lease", "2m", "--json"];
    let mut client = Client::of(cloud.command(&bare));
    let job = client.job();
    client.until_phase("ready");
    client.kill();
    let again = cloud.hga(&["jobs", "attach", &job, "--json"]);
    assert_eq!((again.code, &again.summary()["cleanup"]), (0, &json!("kept")), "{again:?}");
    let launched = again.json().into_iter().rfind(|event| event["event"] == "machine.launched");
    let id = launched.unwrap_or_else(|| panic!("{again:?}"))["machine"].as_str().unwrap().to_owned();
    let state = || {
        let query = "Reservations[].Instances[].[InstanceId,State.Name]";
        cloud.lab.aws_in(there, &["ec2", "describe-instances", "--query", query])
    };
    assert_eq!(state(), json!([[id, "running"]]));
    // it is known by its id alone
    let said = cloud.command(&["ssh", &id, "--", "echo here"]).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "here\n");
    let ended = cloud.hga(&["machines", "terminate", "--yes", "--wait", "--aws-region", there, &id]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(state(), json!([[id, "terminated"]]));

    let mut clients: Vec<(String, u32, Client)> = Vec::new();
    for phase in ["launch", "ready", "prepare", "sync", "test"] {
        // once lets the job stand where it is; that is the vanished client's case
        for times in [2, 3] {
            let mut client = cloud.run(&[], &["test-wait.t"]);
            client.job();
            client.until_phase(phase);
            client.interrupt_twice();
            if times == 3 {
                std::thread::sleep(Duration::from_millis(150));
                client.signal(Signal::SIGINT);
            }
            clients.push((phase.to_owned(), times, client));
        }
    }
    for (phase, times, client) in clients {
        let ran = client.wait();
        assert_eq!(ran.code, 103, "{phase} {times}: {ran:?}");
        assert_eq!(ran.summary()["cleanup"], "clean", "{phase} {times}: {ran:?}");
    }
    nothing_but(&cloud, &stranger, "Ctrl-C");
    assert!(cloud.left()["images"].as_array().unwrap().contains(&json!(IMAGE)));
}

/// The same over Systems Manager: no port is open, no key pair's login is needed; what is told and kept is the same.
#[test]
fn a_run_over_systems_manager_needs_no_open_port() {
    if !can_have_machines() {
        return;
    }
    let cloud =
        Cloud::start(&["--boot", "0.2", "--end", "0.2", "--iam", "1", "--ssm-unseen", "0.1", "--iam-policies"]);
    let stranger = stranger(&cloud);
    let package = cloud.lab.boto(
        "import hashlib, os, urllib.request\nurl = os.environ['AWS_ENDPOINT_URL'] + '/lab/amazon-ssm-agent.deb'\n\
         done([url, hashlib.sha256(urllib.request.urlopen(url).read()).hexdigest()])",
    );
    let agent = format!("ssm_agent_url = {}\nssm_agent_sha256 = {}\nready_timeout = \"1m\"", package[0], package[1]);
    cloud.configure(&agent);
    cloud.machine_fault("*", "no-ssh");

    let mut client =
        cloud.run(&["--transport", "ssm", "--keep-on-failure"], &["test-also-pass.t", "test-wait.t", "test-fail.t"]);
    let job = client.job();
    // live: it is told that the test began while it waits
    client.until_test("test-wait.t");
    let id = cloud.instance_of(&job);
    cloud.open_gate(&job);
    let ran = client.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    let wanted = [("test-also-pass.t", "passed"), ("test-fail.t", "failed"), ("test-wait.t", "passed")];
    assert_eq!(ended(&ran.json()), outcomes(&wanted));
    assert_eq!(cloud.output(&job), cloud.spool(&job));
    assert!(cloud.state().join("jobs").join(&job).join("results/report.json").exists(), "results come the same way");
    let rules =
        cloud.lab.aws(&["ec2", "describe-security-groups", "--query", "SecurityGroups[].[GroupName,IpPermissions]"]);
    let open = rules.as_array().unwrap().iter().filter(|group| group[1] != json!([])).count();
    assert_eq!(open, 0, "{rules}");
    let left = cloud.hga(&["machines", "extend", &id, "--by", "5m"]);
    assert_eq!(left.code, 0, "{left:?}");
    assert_eq!(cloud.hga(&["machines", "terminate", "--yes", &id]).code, 0);
    nothing_but(&cloud, &stranger, "over Systems Manager");
    let left = cloud.left();
    assert_eq!(left["roles"], json!(["hg-ephemeral-ec2-role-1"]));
    assert_eq!(left["profiles"], json!(["hg-ephemeral-ec2-1"]));

    // `auto` begins with SSH, and goes on without when the port is silent
    let ran = cloud.run(&["--transport", "auto", "--lease", "3m"], &["test-pass.t"]).wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("going on through Systems Manager"), "{ran:?}");
    nothing_but(&cloud, &stranger, "auto");
}
