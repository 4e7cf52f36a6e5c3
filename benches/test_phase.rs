//! What running tests through a job costs: the test phase of `hga run-tests-linux` on a local machine, against
//! `run-tests.py` run by hand with the same flags on the same tests. Prints the ratio of the medians (goal: at most
//! 1.03).
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench's output is its result")]

#[path = "../tests/support/ssh_host.rs"]
mod ssh_host;

use ssh_host::{Client, Lab, Owner, hg};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 3;

/// Quick, and not fussy about where they run.
const TESTS: [&str; 15] = [
    "test-abort-checkin.t",
    "test-backwards-remove.t",
    "test-branch-tag-confict.t",
    "test-diff-newlines.t",
    "test-diff-reverse.t",
    "test-empty-dir.t",
    "test-encode.t",
    "test-import-unknown.t",
    "test-issue1993.t",
    "test-issue4074.t",
    "test-known.t",
    "test-merge2.t",
    "test-merge5.t",
    "test-nested-repo.t",
    "test-update-dest.t",
];

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let lab = Lab::owned_by(Owner::Oneself);
    let real = hg::real_hg();
    let tests: Vec<_> = TESTS
        .iter()
        .map(|name| ((*name).to_owned(), fs::read_to_string(real.source.join("tests").join(name)).unwrap()))
        .collect();
    let repository = lab.repository(&tests);
    let with_hg = format!("--with-hg={}", real.hg.display());
    let source = repository.display().to_string();
    let mut words = vec!["--json", "run-tests-linux", "--provider", "local", "--source", &source];
    let flags = ["-j2", &with_hg];
    words.extend(flags);
    words.extend(TESTS);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut client = Client::start(lab.hga(&words));
        let (code, said) = client.ended().await;
        assert_eq!(code, 0, "{said} {:#?}", client.events);
        assert_eq!(client.tests("ended").len(), TESTS.len());
        let phase =
            client.events.iter().rfind(|event| event["event"] == "phase.ended" && event["phase"] == "test").unwrap();
        ours.push(phase["seconds"].as_f64().unwrap());

        let started = Instant::now();
        let status = Command::new("/usr/bin/python3")
            .args(["run-tests.py", "--json"])
            .args(flags)
            .args(TESTS)
            .current_dir(repository.join("tests"))
            .stdin(Stdio::null())
            .stdout(fs::File::create(lab.path("by-hand")).unwrap())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        theirs.push(started.elapsed().as_secs_f64());
        assert!(status.success());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "test phase, {} tests: ours {ours:.2} s, run-tests.py by hand {theirs:.2} s, ratio {:.3} (goal 1.03)",
        TESTS.len(),
        ours / theirs
    );
}
