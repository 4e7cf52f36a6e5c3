//! 500 MB that a run prints on a listed host (an OpenSSH server), through the whole job to its output file, against
//! `ssh host cat FILE > file`. Prints the ratio of the medians of wall time (goal: at most 1.1; ours is the test phase
//! as the job tells it: start in the spool, reading, the journal) and the client's peak of resident memory (goal: below
//! 80 MB).
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench's output is its result")]

#[path = "../tests/support/ssh_host.rs"]
mod ssh_host;

use ssh_host::{Lab, Owner, sshd};
use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::Instant;

const SIZE: usize = 500_000_000;
const ROUNDS: usize = 5;

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let lab = Lab::owned_by(Owner::Oneself);
    let (big, to) = (lab.path("big"), lab.path("to"));
    {
        let mut file = fs::File::create(&big).unwrap();
        let piece: String =
            (0..10_000).map(|n| format!("{n:09} {}\n", "abcdefghi ".repeat(9))).take(10_000).collect();
        let piece = &piece.as_bytes()[..1_000_000];
        for _ in 0..SIZE / piece.len() {
            file.write_all(piece).unwrap();
        }
    }
    // What stands for the runner: its result hook speaks first, as the real one does.
    let tests = lab.path("repository/tests");
    fs::create_dir_all(&tests).unwrap();
    let big = big.display();
    let runner = format!(
        "import os\nwith open(os.environ['HGA_EVENTS'], 'a') as events:\n    \
         events.write('{{\"event\": \"planned\", \"total\": 1}}\\n')\nos.execvp('cat', ['cat', '{big}'])\n"
    );
    fs::write(tests.join("run-tests.py"), runner).unwrap();
    lab.commit();

    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut client = lab.begin("box", &[]);
        client
            .until("the end of the test phase", |event| {
                event["event"] == "phase.ended" && event["phase"] == "test" && event["ok"] == true
            })
            .await;
        peak = peak.max(client.peak_kilobytes());
        ours.push(client.events.last().unwrap()["seconds"].as_f64().unwrap());
        let (code, said) = client.ended().await;
        assert_eq!(code, 0, "{said}");
        let output = lab.path("state/jobs").join(client.job()).join("output");
        assert_eq!(fs::metadata(&output).unwrap().len(), SIZE as u64);
        fs::remove_file(output).unwrap();

        let started = Instant::now();
        let status = Command::new(sshd::find("ssh"))
            .args(lab.server.openssh_options())
            .arg("-p")
            .arg(lab.server.port.to_string())
            .arg(format!("{}@127.0.0.1", lab.user()))
            .arg(format!("cat {big}"))
            .stdout(fs::File::create(&to).unwrap())
            .status()
            .unwrap();
        theirs.push(started.elapsed().as_secs_f64());
        assert!(status.success());
        assert_eq!(fs::metadata(&to).unwrap().len(), SIZE as u64);
        fs::remove_file(&to).unwrap();
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "500 MB through a job: ours {ours:.2} s, ssh {theirs:.2} s, ratio {:.2} (goal 1.10), resident {} MB (goal 80)",
        ours / theirs,
        peak / 1000
    );
}
