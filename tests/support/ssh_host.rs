//! A host of the inventory: a real OpenSSH server with the remote machine interface behind it, a repository with
//! `run-tests.py` and a few tests of its own, and the real program in a state directory of its own.
//!
//! As root, where `make-openssh-machine.sh` has laid out user `hg` and `/hgdev`, it is that user's machine, sudo
//! included; with `CI=true` the script is run if need be. Else it is a machine of the current user without sudo, below
//! a temporary folder.

#![allow(dead_code, reason = "each test file uses its part")]

#[path = "hg.rs"]
pub(crate) mod hg;
#[path = "sshd.rs"]
pub(crate) mod sshd;

use serde_json::Value;
use sshd::Sshd;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Who owns the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// User `hg` of this computer, with sudo and `/hgdev`.
    Hg,
    /// Whoever runs the tests, without sudo.
    Oneself,
}

/// Whether user `hg` and `/hgdev` are here. With `CI=true`, root has them made.
pub(crate) fn laid_out() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(|| {
        if !nix::unistd::geteuid().is_root() {
            return false;
        }
        if std::env::var("CI").as_deref() == Ok("true") {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/make-openssh-machine.sh");
            let made = Command::new("bash").arg(script).output().unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        Path::new("/hgdev/venv-bootstrap/bin/hg").exists()
            && Path::new("/hgdev/src/.hg").exists()
            && matches!(nix::unistd::User::from_name("hg"), Ok(Some(_)))
    })
}

/// The machine, the repository and the state directory. What it mounted or left goes with it.
pub(crate) struct Lab {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) server: Sshd,
    pub(crate) owner: Owner,
    hosts: Mutex<String>,
}

impl Lab {
    /// The best machine there can be here.
    pub(crate) fn new() -> Self {
        Self::owned_by(if laid_out() { Owner::Hg } else { Owner::Oneself })
    }

    /// A machine of that owner.
    pub(crate) fn owned_by(owner: Owner) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Sshd::start();
        let lab = Self { dir, server, owner, hosts: Mutex::default() };
        for name in ["gates", "place", "kept", "state"] {
            fs::create_dir(lab.path(name)).unwrap();
        }
        if owner == Owner::Hg {
            // `hg` reads the authorized keys and the gates, and makes the work folder
            for open in [lab.dir.path(), lab.server.home.path()] {
                fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
            }
            fs::set_permissions(lab.server.home.path().join("authorized_keys"), fs::Permissions::from_mode(0o644))
                .unwrap();
            let hg = nix::unistd::User::from_name("hg").unwrap().unwrap();
            nix::unistd::chown(&lab.path("place"), Some(hg.uid), Some(hg.gid)).unwrap();
        } else {
            lab.lay_out();
        }
        fs::set_permissions(lab.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
        let key = fs::read_to_string(lab.server.home.path().join("host_ed25519.pub")).unwrap();
        lab.host("box", lab.server.port, &format!("host_key = [{:?}]", key.trim()));
        lab
    }

    /// The interface below the temporary folder.
    fn lay_out(&self) {
        let real = hg::real_hg();
        let dev = self.path("hgdev");
        fs::create_dir_all(dev.join("pyenv/shims")).unwrap();
        let venv = real.hg.parent().unwrap().parent().unwrap();
        std::os::unix::fs::symlink(venv, dev.join("venv-bootstrap")).unwrap();
        let shim = dev.join("pyenv/shims/python3");
        fs::write(&shim, "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n").unwrap();
        fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
        let made = hg::command().arg("init").arg(dev.join("src")).status().unwrap();
        assert!(made.success());
        fs::write(dev.join("src/.hg/hgrc"), "[phases]\npublish = false\n").unwrap();
    }

    /// A path in the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn hgdev(&self) -> PathBuf {
        if self.owner == Owner::Hg { "/hgdev".into() } else { self.path("hgdev") }
    }

    pub(crate) fn hgwork(&self) -> PathBuf {
        self.path("place/hgwork")
    }

    pub(crate) fn user(&self) -> String {
        if self.owner == Owner::Hg { "hg".into() } else { sshd::user() }
    }

    /// The flag that spares `run-tests.py` its own installation.
    pub(crate) fn with_hg(&self) -> String {
        format!("--with-hg={}/venv-bootstrap/bin/hg", self.hgdev().display())
    }

    /// Adds a host to the configuration: the same machine through this port, with these lines of its own.
    pub(crate) fn host(&self, name: &str, port: u16, lines: &str) {
        let mut hosts = self.hosts.lock().unwrap();
        let key = if lines.contains("key = \"") {
            String::new()
        } else {
            format!("key = {:?}\n", self.server.client_key().display().to_string())
        };
        let added = format!(
            "[[hosts]]\nname = {name:?}\naddress = \"127.0.0.1\"\nport = {port}\nuser = {:?}\n{key}hgdev = {:?}\n\
             hgwork = {:?}\nsudo = {}\n{lines}\n",
            self.user(),
            self.hgdev().display().to_string(),
            self.hgwork().display().to_string(),
            self.owner == Owner::Hg,
        );
        hosts.push_str(&added);
        let config = format!("hg = {:?}\n[aws]\nenabled = false\n{hosts}", hg::real_hg().hg.display().to_string());
        fs::write(self.path("state/config.toml"), config).unwrap();
    }

    /// A repository whose `tests` hold the real runner and these tests.
    pub(crate) fn repository(&self, tests: &[(String, String)]) -> PathBuf {
        let repository = self.path("repository");
        let folder = repository.join("tests");
        fs::create_dir_all(&folder).unwrap();
        for entry in fs::read_dir(hg::real_hg().source.join("tests")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with("test-") && entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.join(name)).unwrap();
            }
        }
        for (name, text) in tests {
            fs::write(folder.join(name), text).unwrap();
        }
        self.commit();
        repository
    }

    /// Commits whatever the repository holds.
    pub(crate) fn commit(&self) {
        let repository = self.path("repository");
        for words in [vec!["init"], vec!["commit", "-qAm", "tests"]] {
            if words[0] == "init" && repository.join(".hg").exists() {
                continue;
            }
            let made = hg::command().args(words).current_dir(&repository).output().unwrap();
            assert!(made.status.success(), "{made:?}");
        }
    }

    /// A test that prints so many lines nobody expects, after its gate was opened. Gates are named after tests.
    pub(crate) fn gated(&self, name: &str, lines: u32) -> (String, String) {
        let gate = self.path("gates").join(name);
        let gate = gate.display();
        let text =
            format!("  $ while [ ! -e '{gate}' ]; do sleep 0.05; done\n  $ seq {lines} | sed 's/$/ of {name}/'\n");
        (name.to_owned(), text)
    }

    /// Opens the gate of a test.
    pub(crate) fn open(&self, test: &str) {
        fs::write(self.path("gates").join(test), "").unwrap();
    }

    /// The program, in the state directory.
    pub(crate) fn hga(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
        command.env("HGA_STATE_PATH", self.path("state")).env_remove("SSH_AUTH_SOCK").args(words);
        command.env("HGRCPATH", "").stdin(Stdio::null());
        command
    }

    /// The program, run to its end.
    pub(crate) fn said(&self, words: &[&str]) -> Said {
        Said::from(self.hga(words).output().unwrap())
    }

    /// The words that run tests on a host.
    pub(crate) fn run_words(&self, host: &str, more: &[&str]) -> Vec<String> {
        let source = self.path("repository").display().to_string();
        let fixed = ["run-tests-linux", "--provider", "hosts", "--machine", host, "--source", &source];
        fixed.iter().chain(more).map(|word| (*word).to_owned()).chain([self.with_hg()]).collect()
    }

    /// Runs tests on a host, to the end.
    pub(crate) fn run(&self, host: &str, more: &[&str]) -> Said {
        let words = self.run_words(host, more);
        self.said(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Begins to run tests on a host, with events as JSON.
    pub(crate) fn begin(&self, host: &str, more: &[&str]) -> Client {
        let words = self.run_words(host, more);
        let mut command = self.hga(&["--json"]);
        command.args(words);
        Client::start(command)
    }

    /// Keeps what the spool's files of a job hold beyond their removal: a second name for each.
    pub(crate) fn keep_spool(&self, job: &str) {
        let spool = self.hgwork().join(format!("spool/{job}-test"));
        let spool = if spool.exists() {
            spool
        } else {
            let all: Vec<_> = fs::read_dir(self.hgwork().join("spool")).unwrap().flatten().collect();
            assert_eq!(all.len(), 1, "{all:?}");
            all[0].path()
        };
        for name in ["output", "events"] {
            fs::hard_link(spool.join(name), self.path("kept").join(name)).unwrap();
        }
    }

    /// The exit status of the one run there is.
    pub(crate) fn status_file(&self) -> PathBuf {
        let runs = fs::read_dir(self.hgwork().join("spool")).into_iter().flatten().flatten();
        runs.map(|run| run.path().join("status")).next().unwrap_or_default()
    }

    /// What was kept.
    pub(crate) fn kept(&self, name: &str) -> Vec<u8> {
        fs::read(self.path("kept").join(name)).unwrap()
    }

    /// The job's output file.
    pub(crate) fn output_of(&self, job: &str) -> Vec<u8> {
        fs::read(self.path("state/jobs").join(job).join("output")).unwrap()
    }

    /// Nothing of ours is left on the machine.
    pub(crate) fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.hgwork()).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        assert!(!mounts.contains(self.hgwork().to_str().unwrap()), "{mounts}");
        let marked = self.hgwork().display().to_string().into_bytes();
        let is_marked = |pid: &str| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.windows(marked.len()).any(|window| window == marked)
        };
        let processes: Vec<_> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && is_marked(name))
            .collect();
        assert!(processes.is_empty(), "still alive: {processes:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // a test that failed may leave tests that wait
        for entry in fs::read_dir(self.path("repository/tests")).into_iter().flatten().flatten() {
            let _ = fs::write(self.path("gates").join(entry.file_name()), "");
        }
        let work = self.hgwork();
        if fs::read_to_string("/proc/mounts").unwrap_or_default().contains(work.to_str().unwrap()) {
            let _ = Command::new("umount").arg("-l").arg(&work).status();
        }
    }
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The running program, with its events.
pub(crate) struct Client {
    child: Child,
    lines: mpsc::UnboundedReceiver<Value>,
    said: Option<std::thread::JoinHandle<String>>,
    /// All events so far.
    pub(crate) events: Vec<Value>,
}

impl Client {
    /// Starts a command that prints events.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let said = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, lines, said: Some(said), events: Vec::new() }
    }

    /// Waits for the next event that fits.
    pub(crate) async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let end = tokio::time::Instant::now() + LIMIT;
        loop {
            match tokio::time::timeout_at(end, self.lines.recv()).await {
                Ok(Some(event)) => {
                    self.events.push(event.clone());
                    if fits(&event) {
                        return event;
                    }
                }
                Ok(None) => {
                    let said = self.said.take().map(|said| said.join().unwrap());
                    panic!("it ended before {what}: {said:?} {:#?}", self.events);
                }
                Err(_) => {
                    let _ = self.child.kill();
                    let said = self.said.take().map(|said| said.join().unwrap());
                    panic!("waited in vain for {what}: {said:?} {:#?}", self.events);
                }
            }
        }
    }

    /// Waits until a test has started; gives its name.
    pub(crate) async fn started(&mut self) -> String {
        let event = self.until("a test's start", |event| event["test"] == "started").await;
        event["name"].as_str().unwrap().to_owned()
    }

    /// Its job.
    pub(crate) fn job(&self) -> String {
        self.events[0]["job"].as_str().unwrap().to_owned()
    }

    /// The most memory that it has had resident.
    pub(crate) fn peak_kilobytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; gives its exit status and what it said on standard error.
    pub(crate) async fn ended(&mut self) -> (i32, String) {
        let end = tokio::time::Instant::now() + LIMIT;
        while let Some(event) =
            tokio::time::timeout_at(end, self.lines.recv()).await.unwrap_or_else(|_| panic!("{:#?}", self.events))
        {
            self.events.push(event);
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.said.take().unwrap().join().unwrap())
    }

    /// How often an event of this name came.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event["event"] == name).count()
    }

    /// The names of tests that started, or ended.
    pub(crate) fn tests(&self, what: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .events
            .iter()
            .filter(|event| event["event"] == "test" && event["test"] == what)
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
