//! From launch to the first test on EC2: what `hga run-tests-linux` needs besides the time that AWS takes, by phase and
//! step, beside the predecessor's own `run-tests-linux`, in one lab whose instances are real machines. Launch and boot take
//! five seconds in it, then none. Prints tables (goal: less than 2 s of ours). Needs root.
//!
//! `cargo bench --bench aws_run`, with `--profile dev` for a debug build; `ROUNDS=9` asks for more runs, `OURS_ALONE=1` leaves
//! the predecessor out.
#![expect(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "a bench's output is its result")]

#[path = "../tests/support/cloud.rs"]
mod cloud;
#[path = "../tests/support/hg.rs"]
mod hg;
#[path = "../tests/support/lab.rs"]
mod lab;
#[path = "../tests/support/state.rs"]
mod support;

use cloud::{Cloud, IMAGE, can_have_machines};
use lab::Lab;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::Client;

/// Tells when it begins, and waits.
const BEGUN: &str = "  $ date +%s.%N >\"$TESTDIR/begun.new\"; mv \"$TESTDIR/begun.new\" \"$TESTDIR/begun\"\n  $ while [ ! -e \"$TESTDIR/gate\" ]; do sleep 0.05; done\n";
const FLAGS: [&str; 2] = ["-j1", "--with-hg=/hgdev/venv-bootstrap/bin/hg"];
const BOTH: [&str; 2] = ["test-pass.t", "test-also-pass.t"];
const PHASES: [&str; 6] = ["source", "image", "launch", "ready", "prepare", "sync"];

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// When something happened, in seconds since 1970.
fn at(event: &Value) -> f64 {
    let at: jiff::Timestamp = event["at"].as_str().unwrap().parse().unwrap();
    at.as_duration().as_secs_f64()
}

/// Waits until the test has begun on the one machine that runs, tells when that was, and lets it end.
fn begun(cloud: &Cloud) -> f64 {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let machines = cloud.lab.machines();
        let roots = machines.iter().filter_map(|machine| machine["root"].as_str()).map(PathBuf::from);
        for tests in roots.map(|root| root.join("hgwork/src/tests")) {
            // one that has its gate already is that of the run before
            if let (false, Ok(time)) = (tests.join("gate").exists(), fs::read_to_string(tests.join("begun"))) {
                fs::write(tests.join("gate"), "").unwrap();
                return time.trim().parse().unwrap();
            }
        }
        assert!(Instant::now() < deadline, "no test began");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The calls of AWS since they were forgotten last, those of one who looks on left out.
fn calls(cloud: &Cloud) -> usize {
    cloud.lab.calls().len()
}

fn ours(cloud: &Cloud, tests: &[&str]) -> Client {
    let repo = cloud.repo();
    let mut args = vec!["run-tests-linux", "--provider", "aws", "--source", repo.to_str().unwrap(), "--json"];
    args.extend(["--image", IMAGE, "--"]);
    args.extend(FLAGS);
    args.extend(tests);
    Client::of(cloud.command(&args))
}

/// One run's times: by phase and step, and under other names what is between them.
type Times = BTreeMap<String, f64>;

fn one_of_ours(cloud: &Cloud) -> Times {
    let mut times = Times::new();
    cloud.lab.forget_calls();
    let started = now();
    let client = ours(cloud, &["test-begun.t"]);
    let test = begun(cloud);
    let ran = client.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    times.insert("calls".to_owned(), calls(cloud) as f64);
    let events = ran.json();
    let find = |is: &dyn Fn(&Value) -> bool| at(events.iter().find(|event| is(event)).unwrap());
    let submitted = find(&|event| event["event"] == "job.submitted");
    let testing = find(&|event| event["event"] == "phase.started" && event["phase"] == "test");
    let told = find(&|event| event["test"] == "started");
    for event in &events {
        let seconds = event["seconds"].as_f64().unwrap_or_default();
        match event["event"].as_str().unwrap_or_default() {
            "phase.ended" => times.insert(event["phase"].as_str().unwrap().to_owned(), seconds),
            "step.ended" => times.insert(format!("ready: {}", event["step"].as_str().unwrap()), seconds),
            _ => None,
        };
    }
    times.insert("before the job".to_owned(), submitted - started);
    times.insert("test: until it begins".to_owned(), test - testing);
    times.insert("job to first test".to_owned(), test - submitted);
    times.insert("job to first test told".to_owned(), told - submitted);
    times.insert("start to first test".to_owned(), test - started);
    times
}

/// The predecessor, ready to run in a lab: a repository of its own that carries it, and its image.
struct Predecessor<'a> {
    cloud: &'a Cloud,
    root: PathBuf,
}

impl<'a> Predecessor<'a> {
    fn new(cloud: &'a Cloud) -> Self {
        let root = cloud.folder.path().join("predecessor");
        let real = hg::real_hg();
        let copied = Command::new("cp").arg("-a").args([&cloud.repo(), &root]).status().unwrap();
        assert!(copied.success());
        let own = real.source.join("contrib/automation");
        fs::create_dir_all(root.join("contrib")).unwrap();
        assert!(Command::new("cp").arg("-a").arg(own).arg(root.join("contrib")).status().unwrap().success());
        // it opens this file, which its source distribution forgot
        fs::write(root.join("contrib/automation/linux-requirements-py3.5.txt"), "").unwrap();
        // a clone has been built where it is; here another `hg` of the same version serves
        let hg = json!(real.hg.to_str().unwrap());
        fs::write(root.join("hg"), format!("import os, sys\nos.execv({hg}, [{hg}, *sys.argv[1:]])\n")).unwrap();
        let all = Self { cloud, root };
        all.make_image();
        all
    }

    fn state(&self) -> PathBuf {
        self.cloud.folder.path().join("predecessor-state")
    }

    /// The image that tests of ours run on, under the name and with the fingerprint that it looks for. Its machines have no
    /// user data: who is let in is part of the image.
    fn make_image(&self) {
        let (source, state) = (hg::real_hg().source, self.state());
        let words = [source.to_str().unwrap(), "fingerprint", "--state-path", state.to_str().unwrap()];
        let said = self.cloud.lab.python("predecessor.py", &words);
        let said: Value = serde_json::from_slice(&said.stdout).unwrap();
        assert!(said["error"].is_null(), "{said}");
        let (name, fingerprint) = (said["image"].as_str().unwrap(), said["fingerprint"].as_str().unwrap());
        let key = fs::read_to_string(state.join("keys/keypair-automation.pub")).unwrap();
        let script = format!(
            "#!/bin/sh\nset -e\nmkdir -p /home/hg/.ssh\necho '{}' >>/home/hg/.ssh/authorized_keys\n\
             chown -R hg:hg /home/hg/.ssh\nchmod 700 /home/hg/.ssh\nchmod 600 /home/hg/.ssh/authorized_keys\n\
             echo 'hg ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-hg\nchmod 440 /etc/sudoers.d/90-hg\n\
             command -v rsync || {{ printf '#!/bin/sh\\nexec cp -a \"$2\" \"$3\"\\n' >/usr/local/bin/rsync\n\
             chmod 755 /usr/local/bin/rsync; }}\ntouch /done-too\n",
            key.trim()
        );
        let made = self.cloud.lab.boto(&format!(
            "base = ec2.describe_images(Filters=[{{'Name': 'name', 'Values': ['{IMAGE}']}}])['Images'][0]['ImageId']\n\
             done(run(1, ImageId=base, UserData={})[0])",
            json!(script)
        ));
        let id = made.as_str().unwrap();
        support::eventually("its image", Duration::from_secs(60), || {
            self.cloud.root_of(id).is_some_and(|root| root.join("done-too").exists())
        });
        self.cloud.lab.boto(&format!(
            "image = ec2.create_image(InstanceId='{id}', Name='{name}')['ImageId']\n\
             ec2.get_waiter('image_available').wait(ImageIds=[image])\n\
             ec2.create_tags(Resources=[image], Tags=[{{'Key': 'HGIMAGEFINGERPRINT', 'Value': '{fingerprint}'}}])\n\
             ec2.terminate_instances(InstanceIds=['{id}'])"
        ));
    }

    fn start(&self, tests: &[&str]) -> (Child, BufReader<ChildStdout>) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/predecessor.py");
        let mut command = Command::new(Lab::venv().join("bin/python"));
        self.cloud.lab.lead(&mut command).arg("-B").arg(script).arg(&self.root);
        command.args(["run", "--state-path"]).arg(self.state()).arg("--").args(FLAGS).args(tests);
        command.env("HGRCPATH", "").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (child, out)
    }

    /// Runs tests to the end: each line with when it was seen, seconds in all, exit code.
    fn run(&self, tests: &[&str]) -> (Vec<(f64, String)>, f64, Option<i32>) {
        let started = Instant::now();
        let (mut child, out) = self.start(tests);
        let lines = out.lines().map(|line| (started.elapsed().as_secs_f64(), line.unwrap())).collect();
        let status = child.wait().unwrap();
        (lines, started.elapsed().as_secs_f64(), status.code())
    }

    /// Seconds from its start until the first test begins.
    fn to_first_test(&self) -> f64 {
        let started = now();
        let (mut child, out) = self.start(&["test-begun.t"]);
        let reads = std::thread::spawn(move || out.lines().count());
        let test = begun(self.cloud);
        child.wait().unwrap();
        reads.join().unwrap();
        test - started
    }

    /// Runs a test that waits, and is killed in it.
    fn killed(&self) {
        let (mut child, out) = self.start(&["test-wait.t"]);
        // read on to the end: a pipe that nobody reads would end it before it is killed
        let mut lines = out.lines();
        assert!(lines.any(|line| line.unwrap().starts_with("running tests")));
        std::thread::sleep(Duration::from_secs(1));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// How many machines each leaves that is killed in the tests, once every lease has run out: ours, the predecessor's.
fn strays(theirs: &Predecessor<'_>) -> (usize, usize) {
    let cloud = theirs.cloud;
    let mut client = ours(cloud, &["test-wait.t"]);
    client.until_test("test-wait.t");
    client.kill();
    theirs.killed();
    std::thread::sleep(Duration::from_secs(75));
    let (ours, others) = cloud.alive().into_iter().partition::<Vec<_>, _>(|(_, job)| job.starts_with("j-"));
    (ours.len(), others.len())
}

/// A run of both tests: seconds in all and calls.
fn whole_of_ours(cloud: &Cloud) -> (f64, usize) {
    cloud.lab.forget_calls();
    let started = Instant::now();
    let ran = ours(cloud, &BOTH).wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    (started.elapsed().as_secs_f64(), calls(cloud))
}

fn table(delays: f64, first: &Times, rounds: &[Times]) -> f64 {
    let middle = |name: &str| median(rounds.iter().filter_map(|times| times.get(name)).copied().collect());
    let best = |name: &str| rounds.iter().filter_map(|times| times.get(name)).copied().fold(f64::INFINITY, f64::min);
    let row = |name: &str| println!("| {name} | {:.2} | {:.2} | {:.2} |", first[name], middle(name), best(name));
    println!("| seconds | first in an account | median of {} | best |\n|---|---|---|---|", rounds.len());
    row("before the job");
    for phase in PHASES {
        row(phase);
        if phase == "ready" {
            for step in ["running", "address", "answers", "login", "interface"] {
                row(&format!("ready: {step}"));
            }
        }
    }
    row("test: until it begins");
    row("job to first test");
    row("job to first test told");
    let ours = middle("job to first test") - delays;
    println!(
        "| **ours** (the lab's {delays} s taken off) | {:.2} | **{ours:.2}** | {:.2} |",
        first["job to first test"] - delays,
        best("job to first test") - delays
    );
    println!("| calls of AWS, the whole run | {} | {} | {} |\n", first["calls"], middle("calls"), best("calls"));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("Load of the computer: {}\n", load.trim());
    middle("start to first test")
}

fn measure(what: &str, delays: f64, flags: &[&str]) {
    println!("## {what}\n");
    let cloud = Cloud::start(&[flags, &["--end", "0.2", "--iam-policies"]].concat());
    fs::write(cloud.repo().join("tests/test-begun.t"), BEGUN).unwrap();
    let committed = hg::command().current_dir(cloud.repo()).args(["commit", "-qAm", "a test that waits"]).status();
    assert!(committed.unwrap().success());

    let rounds = std::env::var("ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let first = one_of_ours(&cloud);
    let rounds: Vec<Times> = (0..rounds).map(|_| one_of_ours(&cloud)).collect();
    let our_start = table(delays, &first, &rounds);
    let (our_whole, our_calls) = whole_of_ours(&cloud);
    if std::env::var_os("OURS_ALONE").is_some() {
        return;
    }

    let theirs = Predecessor::new(&cloud);
    let their_start = median((0..3).map(|_| theirs.to_first_test()).collect());
    cloud.lab.forget_calls();
    let (lines, their_whole, _) = theirs.run(&BOTH);
    let their_calls = calls(&cloud);
    let failing = theirs.run(&["test-fail.t"]).2;
    println!("| the predecessor beside it | hga | predecessor | ratio |\n|---|---|---|---|");
    let row = |what: &str, ours: f64, theirs: f64| {
        println!("| {what} | {ours:.2} | {theirs:.2} | {:.2} |", ours / theirs);
    };
    row("start to first test, s", our_start, their_start);
    row("the same without the lab's delays, s", our_start - delays, their_start - delays);
    row("run of two tests, s", our_whole, their_whole);
    println!("| calls of AWS | {our_calls} | {their_calls} | |");
    let ran = ours(&cloud, &["test-fail.t"]).wait();
    println!("| exit code with a failing test | {} | {} | |", ran.code, failing.unwrap_or(-1));
    if delays > 0.0 {
        let (our_strays, their_strays) = strays(&theirs);
        println!(
            "| machines left by kill -9 in the tests, when all leases have run out | {our_strays} | {their_strays} | |"
        );
    }
    println!("\nWhat one sees of the predecessor, with seconds since its start:\n");
    for (seen, line) in lines {
        println!("    {seen:5.1}  {line}");
    }
    println!();
}

fn main() {
    if !can_have_machines() {
        eprintln!("nothing measured");
        return;
    }
    println!("# {} build\n", if cfg!(debug_assertions) { "debug" } else { "release" });
    measure("launch and boot take 5 s", 5.0, &["--boot", "3", "--ssh", "2"]);
    measure("they take no time", 0.0, &["--boot", "0", "--ssh", "0"]);
}
