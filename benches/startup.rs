//! How long the program takes from nothing to `hga --help` printed, beside a process that does nothing (`true`). Prints
//! the medians (goal for `--help`: below 15 ms) and their ratio.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench's output is its result")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;

fn took(program: &str, words: &[&str]) -> Duration {
    let started = Instant::now();
    let status = Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    started.elapsed()
}

fn median(mut all: Vec<Duration>) -> f64 {
    all.sort();
    all[all.len() / 2].as_secs_f64() * 1000.0
}

fn main() {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(took(env!("CARGO_BIN_EXE_hga"), &["--help"]));
        theirs.push(took("true", &[]));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("start: hga --help {ours:.1} ms (goal 15), true {theirs:.1} ms, ratio {:.1}", ours / theirs);
}
