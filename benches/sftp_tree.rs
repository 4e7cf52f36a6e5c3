//! A tree of 6,000 files from an OpenSSH server: our `get_tree` against `sftp -r`. Prints the ratio of the medians of
//! wall time (goal: at most 0.5). The files are those of Mercurial's own source, twice over, made up to the number with
//! files whose sizes are spread in the same way.
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench's output is its result")]

#[path = "../tests/support/hg.rs"]
mod hg;
#[path = "../tests/support/sshd.rs"]
mod sshd;

use hgautomation::remote::Shell;
use hgautomation::ssh::SshShell;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const FILES: usize = 6000;
const ROUNDS: usize = 3;

/// Size of file `n`: most are a few kilobytes, one in 200 is a hundred or more; 50 MB in all.
fn size(n: usize) -> usize {
    let spread = (n.wrapping_mul(2_654_435_761) >> 7) % 1000;
    match spread {
        0..500 => 200 + spread * 5,
        500..850 => 2_500 + (spread - 500) * 20,
        850..995 => 9_500 + (spread - 850) * 150,
        _ => 100_000 + (spread - 995) * 90_000,
    }
}

/// Copies the regular files of a folder; gives how many, and their bytes.
fn copy(from: &Path, to: &Path) -> (usize, u64) {
    fs::create_dir_all(to).unwrap();
    let mut all = (0, 0);
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            let more = copy(&entry.path(), &to);
            all = (all.0 + more.0, all.1 + more.1);
        } else if kind.is_file() {
            all = (all.0 + 1, all.1 + fs::copy(entry.path(), to).unwrap());
        }
    }
    all
}

fn generate(root: &Path) -> u64 {
    let source = hg::real_hg().source;
    let (mut files, mut total) = (0, 0);
    for name in ["one", "two"] {
        let copied = copy(&source, &root.join(name));
        files += copied.0;
        total += copied.1;
    }
    for n in files..FILES {
        let folder = root.join(format!("d{}/e{}", n % 17, n % 11));
        fs::create_dir_all(&folder).unwrap();
        total += size(n) as u64;
        fs::write(folder.join(format!("file-{n}.py")), vec![b"abcdefghijklmnopqrstuvwxyz"[n % 26]; size(n)]).unwrap();
    }
    total
}

fn count(root: &Path) -> usize {
    fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { count(&path) } else { 1 })
        .sum()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let server = sshd::Sshd::start();
    let sftp = sshd::find("sftp");
    let home = tempfile::tempdir().unwrap();
    let from = home.path().join("from");
    let total = generate(&from);
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let to = home.path().join("ours");
        let started = Instant::now();
        // A connection of its own each time, as sftp has.
        let files = SshShell::new(server.endpoint()).get_tree(from.to_str().unwrap(), &to, &|_, _| {}).await.unwrap();
        times.0.push(started.elapsed());
        assert_eq!(files, FILES as u64);
        assert_eq!(count(&to), FILES);
        fs::remove_dir_all(&to).unwrap();

        let to = home.path().join("theirs");
        let started = Instant::now();
        let output = std::process::Command::new(&sftp)
            .args(server.openssh_options())
            .args(["-q", "-r", "-P"])
            .arg(server.port.to_string())
            .arg(format!("{}@127.0.0.1:{}", sshd::user(), from.display()))
            .arg(&to)
            .output()
            .unwrap();
        times.1.push(started.elapsed());
        assert!(output.status.success(), "{output:?}");
        assert_eq!(count(&to), FILES);
        fs::remove_dir_all(&to).unwrap();
    }
    let (ours, theirs) = (median(times.0), median(times.1));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!(
        "sftp tree, {FILES} files, {} MB: ours {:.2} s, sftp -r {:.2} s, ratio {ratio:.2} (goal 0.50)",
        total / 1_000_000,
        ours.as_secs_f64(),
        theirs.as_secs_f64()
    );
}
