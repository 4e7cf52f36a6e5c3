//! 500 MB of `cat FILE` on an OpenSSH server to a local file: our exec stream against `ssh host cat FILE > file`.
//! Prints the ratio of the medians of wall time (goal: at most 1.1) and our resident memory (goal: below 80 MB).
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench's output is its result")]

#[path = "../tests/support/sshd.rs"]
mod sshd;

use hgautomation::remote::{Chunk, Command, Shell};
use hgautomation::ssh::SshShell;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

const SIZE: usize = 500_000_000;
const ROUNDS: usize = 5;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Most memory this process has had resident, in MB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default() / 1000
}

async fn ours(shell: &SshShell, from: &str, to: &std::path::Path) {
    let mut exec = shell.exec(Command::line(format!("cat {from}"))).await.unwrap();
    let mut file = fs::File::create(to).unwrap();
    while let Some(chunk) = exec.next().await.unwrap() {
        let Chunk::Stdout(bytes) = chunk else { panic!("{chunk:?}") };
        file.write_all(&bytes).unwrap();
    }
    assert!(exec.exit().unwrap().is_success());
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let server = sshd::Sshd::start();
    let ssh = sshd::find("ssh");
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (home.path().join("from"), home.path().join("to"));
    {
        let mut file = fs::File::create(&from).unwrap();
        let piece: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for _ in 0..SIZE / piece.len() {
            file.write_all(&piece).unwrap();
        }
    }
    let shell = SshShell::new(server.endpoint());
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        ours(&shell, from.to_str().unwrap(), &to).await;
        times.0.push(started.elapsed());
        assert_eq!(fs::metadata(&to).unwrap().len(), SIZE as u64);

        let started = Instant::now();
        let status = std::process::Command::new(&ssh)
            .args(server.openssh_options())
            .arg("-p")
            .arg(server.port.to_string())
            .arg(format!("{}@127.0.0.1", sshd::user()))
            .arg(format!("cat {}", from.display()))
            .stdout(fs::File::create(&to).unwrap())
            .status()
            .unwrap();
        times.1.push(started.elapsed());
        assert!(status.success());
        assert_eq!(fs::metadata(&to).unwrap().len(), SIZE as u64);
    }
    let (ours, theirs) = (median(times.0), median(times.1));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!(
        "stream 500 MB: ours {:.2} s, ssh {:.2} s, ratio {ratio:.2} (goal 1.10), resident {} MB (goal 80)",
        ours.as_secs_f64(),
        theirs.as_secs_f64(),
        peak()
    );
}
