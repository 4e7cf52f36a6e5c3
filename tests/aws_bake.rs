//! `bootstrap-linux-dev` for EC2, against the lab with real machines: images from nothing, what keeps one from being made,
//! what is left then, and which older ones go. Needs root, PyPI and the distribution's mirror.
#![cfg(feature = "aws")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

#[path = "support/hg.rs"]
mod hg;
#[path = "support/lab.rs"]
mod lab;

use lab::{Lab, REGION};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A lab whose instances are machines, a state directory, and repositories to make images with.
struct Place {
    lab: Lab,
    folder: tempfile::TempDir,
}

/// None where there are no machines to be had.
fn place() -> Option<Place> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT TESTED: machines of the lab need root");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("m")).unwrap();
    let lab = Lab::start(&["--machines", folder.path().join("m").to_str().unwrap()]);
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("config.toml"), "[aws]\nowner = \"anna\"\ncidr = [\"127.0.0.1\"]\n").unwrap();
    Some(Place { lab, folder })
}

impl Place {
    /// Mercurial's source as a repository.
    fn source(&self) -> PathBuf {
        let to = self.folder.path().join("hg");
        let copied = Command::new("cp").arg("-r").arg(hg::real_hg().source).arg(&to).status().unwrap();
        assert!(copied.success());
        for args in [&["init"][..], &["addremove", "-q", "-s", "0"], &["commit", "-q", "-m", "source"]] {
            assert!(hg::command().args(args).current_dir(&to).status().unwrap().success(), "{args:?}");
        }
        to
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
        self.lab.lead(&mut command);
        command.arg("--state-path").arg(self.folder.path().join("state")).args(args).stdin(Stdio::null());
        command
    }

    fn hga(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn begin(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Names of the account's images.
    fn images(&self) -> Vec<String> {
        let names = self.lab.aws(&["ec2", "describe-images", "--owners", "self", "--query", "Images[].Name"]);
        let mut names: Vec<String> =
            names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// The machines that live.
    fn alive(&self) -> Vec<Value> {
        let query = "Reservations[].Instances[?State.Name!='terminated' && State.Name!='shutting-down'][].InstanceId";
        self.lab.aws(&["ec2", "describe-instances", "--query", query]).as_array().unwrap().clone()
    }

    /// Waits until a machine of this system is up; gives its file system.
    fn machine(&self, system: &str) -> PathBuf {
        let since = Instant::now();
        let id = format!("ID={system}\n");
        loop {
            let up = self.lab.machines().into_iter().find_map(|machine| {
                let root = PathBuf::from(machine["root"].as_str()?);
                let is = std::fs::read_to_string(root.join("etc/os-release")).is_ok_and(|text| text.contains(&id));
                (is && root.join("etc/ssh/ssh_host_ed25519_key").exists()).then_some(root)
            });
            if let Some(root) = up {
                return root;
            }
            assert!(since.elapsed() < Duration::from_secs(180), "no machine came up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Images of a family, and those that others made, that were there before.
const EARLIER: &str = r#"
machine = run()[0]
import time
while ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]["State"]["Name"] != "running":
    time.sleep(0.1)
def image(name, owner, **more):
    pairs = {"hg-owner": owner, **more}
    ec2.create_image(InstanceId=machine, Name=name, TagSpecifications=[
        {"ResourceType": kind, "Tags": [{"Key": key.replace("_", "-"), "Value": value} for key, value in pairs.items()]}
        for kind in ("image", "snapshot")])
    time.sleep(1.1)
image("hg-linux-dev-debian12-kept", "anna", hg_keep_until="2999-01-01")
image("hg-linux-dev-debian12-bens", "ben")
image("hg-linux-dev-debian12-old", "anna")
image("hg-linux-dev-debian12-last", "anna")
image("hg-linux-dev-debian120", "anna")
ec2.terminate_instances(InstanceIds=[machine])
"#;

#[test]
fn from_nothing_to_two_images_side_by_side_and_tests_on_one() {
    let Some(place) = place() else { return };
    let source = place.source();
    let source = source.to_str().unwrap();
    let test = ["run-tests-linux", "--provider", "aws", "--source", source, "--python-version", "bootstrap"];
    let names = ["--", "--with-hg=../../../hgdev/venv-bootstrap/bin/hg", "test-bdiff.py"];
    let run = || place.hga(&[&test[..], &names[..]].concat());

    let none = run();
    let told = said(&none);
    assert_eq!(none.status.code(), Some(100), "{told}");
    assert!(told.contains("there is no image of Debian 12 (bookworm) yet"), "{told}");
    let command = format!("`hga bootstrap-linux-dev --provider aws --distros debian12 --source {source}` makes one");
    assert!(told.contains(&command), "{told}");
    assert!(!place.lab.actions().iter().any(|action| action == "RunInstances"), "nothing is launched for that");

    place.lab.boto(EARLIER);
    let two = ["bootstrap-linux-dev", "--provider", "aws", "--distros", "debian12,ubuntu24.04", "--source", source];
    let made = place.hga(&[&two[..], &["--parallel"]].concat());
    let told = said(&made);
    assert!(made.status.success(), "{told}");
    for distro in ["debian12", "ubuntu24.04"] {
        for step in ["packages", "check the interface", "run a few tests", "make the image"] {
            assert!(told.contains(&format!("{distro}: {step}")), "{told}");
        }
        assert!(told.contains(&format!("{distro}: the interface is complete (20 points), 4 tests passed")), "{told}");
    }
    assert_eq!(place.alive(), [] as [Value; 0], "{told}");
    // the newest two of a family stay, and what is not ours to remove
    let images = place.images();
    let new =
        |distro: &str| images.iter().filter(|name| name.starts_with(&format!("hg-linux-dev-{distro}-2"))).count();
    assert_eq!((new("debian12"), new("ubuntu24.04"), images.len()), (1, 1, 6), "{images:?}");
    assert!(!images.contains(&"hg-linux-dev-debian12-old".to_owned()), "{images:?}");
    let query = "Snapshots[?contains(Description, 'CreateImage')].SnapshotId";
    let left = place.lab.aws(&["ec2", "describe-snapshots", "--owner-ids", "self", "--query", query]);
    assert_eq!(left.as_array().unwrap().len(), 6, "an image goes with its snapshot: {told}");

    // nothing is launched for what is current
    place.lab.forget_calls();
    let again = place.hga(&two);
    assert!(again.status.success() && said(&again).contains("is current"), "{}", said(&again));
    assert!(!place.lab.actions().iter().any(|action| action == "RunInstances"));
    let listed = said(&place.hga(&["images", "list"]));
    assert_eq!(listed.matches(" current ").count(), 2, "{listed}");

    let passed = run();
    assert!(passed.status.success(), "{}", said(&passed));
    assert_eq!(place.alive(), [] as [Value; 0]);
}

/// What is done to a machine's file system while it is at its first steps.
type ToMachine = fn(&Path);

/// Distributions, what is done to their machines, the source, and what is said.
type Row<'a> = (&'a str, &'a [(&'a str, ToMachine)], &'a Path, &'a [&'a str]);

/// Python makes no virtual environment.
fn no_venv(root: &Path) {
    let python = root.join("usr/bin/python3");
    std::fs::remove_file(&python).unwrap();
    let text =
        "#!/bin/sh\ncase \"$*\" in *venv*) echo no room today >&2; exit 7 ;; esac\nexec /usr/bin/python3.11 \"$@\"\n";
    std::fs::write(&python, text).unwrap();
    std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// A package's file is missing.
fn no_zip(root: &Path) {
    std::fs::remove_file(root.join("usr/bin/zip")).unwrap();
}

#[test]
fn an_image_that_fails_leaves_the_last_good_one_and_no_machine() {
    let Some(place) = place() else { return };
    let good = place.source();
    let broken = place.folder.path().join("broken");
    assert!(Command::new("cp").arg("-r").args([&good, &broken]).status().unwrap().success());
    std::fs::write(broken.join("tests/test-abort-checkin.t"), "  $ echo a\n  b\n").unwrap();
    assert!(hg::command().args(["commit", "-qm", "broken"]).current_dir(&broken).status().unwrap().success());
    place.lab.boto(EARLIER);
    let before = place.images();

    let rows: [Row<'_>; 2] = [
        (
            "debian12,ubuntu24.04",
            &[("debian", no_venv), ("ubuntu", no_zip)],
            &good,
            &[
                "2 of 2 images could not be made",
                "debian12: the bootstrap script ended with status 7: no room today",
                "ubuntu24.04: check the interface: the machine is not as it should be; wrong are: \
                 tools that some tests use are there (without zip",
            ],
        ),
        ("debian12", &[], &broken, &["run a few tests: test-abort-checkin.t failed"]),
    ];
    for (distros, wrong, source, says) in rows {
        let source = source.to_str().unwrap();
        let args =
            ["bootstrap-linux-dev", "--provider", "aws", "--parallel", "--distros", distros, "--source", source];
        let run = place.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for (system, to_machine) in wrong {
            to_machine(&place.machine(system));
        }
        let ended = run.wait_with_output().unwrap();
        let told = said(&ended);
        assert_eq!(ended.status.code(), Some(100), "{told}");
        for words in says {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(told.contains("nothing is left behind"), "{told}");
        assert_eq!(place.images(), before, "{told}");
        assert_eq!(place.alive(), [] as [Value; 0], "{told}");
    }

    // EC2 refuses it, and the machine is kept to be looked at: with a short lease
    place.lab.faults(&json!([{"kind": "denied", "action": "CreateImage"}]));
    let args = ["bootstrap-linux-dev", "--provider", "aws", "--distros", "debian12", "--source"];
    let kept = place.hga(&[&args[..], &[good.to_str().unwrap(), "--on-error", "keep", "--lease", "3h"]].concat());
    let told = said(&kept);
    assert!(!kept.status.success() && told.contains("make the image: "), "{told}");
    assert!(told.contains("is kept for at most 1h"), "{told}");
    let alive = place.alive();
    assert_eq!(alive.len(), 1, "{told}");
    let id = alive[0].as_str().unwrap();
    assert!(told.contains(&format!("`hga ssh {id}`")), "{told}");
    let left = said(&place.hga(&["ssh", id, "--", "cat", "/run/hga/lease", "/proc/uptime"]));
    let mut words = left.split_whitespace();
    let until: f64 = words.next().unwrap().parse().unwrap();
    let now: f64 = words.next().unwrap().parse().unwrap();
    assert!((3000.0..3700.0).contains(&(until - now)), "{left}");
    assert_eq!(place.images(), before);
}

#[test]
fn a_client_that_is_killed_or_stopped_leaves_no_machine() {
    let Some(place) = place() else { return };
    let source = place.source();
    let source = source.to_str().unwrap();
    let two = ["bootstrap-linux-dev", "--provider", "aws", "--distros", "debian12,ubuntu24.04", "--source", source];
    let two = [&two[..], &["--parallel"]].concat();
    let both_up = |count: usize| {
        let since = Instant::now();
        while place.lab.machines().iter().filter(|machine| !machine["root"].is_null()).count() < count {
            assert!(since.elapsed() < Duration::from_secs(180));
            std::thread::sleep(Duration::from_millis(100));
        }
        std::thread::sleep(Duration::from_secs(2));
    };

    // stopped, with one press more than it needs
    let heard = place.folder.path().join("heard");
    let mut run =
        place.command(&two).stdout(Stdio::null()).stderr(std::fs::File::create(&heard).unwrap()).spawn().unwrap();
    both_up(2);
    let pid = Pid::from_raw(run.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    // of two signals that wait, one is delivered
    let since = Instant::now();
    while !std::fs::read_to_string(&heard).unwrap().contains("press Ctrl-C again to stop") {
        assert!(since.elapsed() < Duration::from_secs(180), "Ctrl-C is not heard");
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..2 {
        // it may be gone by the third
        let _ = kill(pid, Signal::SIGINT);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(run.wait().unwrap().code(), Some(103));
    assert_eq!((place.alive(), place.images()), (Vec::new(), Vec::new()));

    // killed, and taken up again: what was launched is found by its id
    let mut run = place.begin(&two);
    both_up(2);
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(place.alive().len(), 2, "in {REGION}");
    let jobs = place.hga(&["jobs", "list", "--json"]);
    let newest: Value = serde_json::from_slice(jobs.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    let job = newest["id"].as_str().unwrap();
    place.lab.forget_calls();
    let on = place.hga(&["jobs", "attach", job]);
    assert!(on.status.success(), "{}", said(&on));
    assert!(!place.lab.actions().iter().any(|action| action == "RunInstances"), "{}", said(&on));
    assert_eq!((place.alive(), place.images().len()), (Vec::new(), 2), "{}", said(&on));
}
