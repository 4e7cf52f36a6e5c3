//! Local machines, used with OpenSSH's own clients, and ended in every way there is.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it lacks and stops where it fails")]

use hgautomation::cloud::{Cloud, ErrorKind, ImageRequest, LaunchRequest};
use hgautomation::domain::{
    CloudWish, Fingerprint, HostKeys, ImageName, JobId, Lease, Machine, MachineId, MachineState, Timestamp,
};
use hgautomation::local::{LocalCloud, LocalConfig};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whether the programs are here; says so when not, and fails where everything has to be.
fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing: Vec<_> =
        programs.iter().filter(|name| !std::env::split_paths(&path).any(|dir| dir.join(name).exists())).collect();
    assert!(missing.is_empty() || std::env::var("CI").as_deref() != Ok("true"), "missing: {missing:?}");
    if !missing.is_empty() {
        eprintln!("NOT TESTED: {missing:?} are missing (Debian: openssh-client)");
    }
    missing.is_empty()
}

/// A state directory with a key, and what is launched in it. Machines end with it, whatever the test did.
struct Lab {
    dir: TempDir,
    cloud: LocalCloud,
}

impl Lab {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let key = dir.path().join("key");
        keygen(&key);
        let line = fs::read_to_string(dir.path().join("key.pub")).unwrap();
        let cloud = LocalCloud::new(LocalConfig {
            exe: env!("CARGO_BIN_EXE_hga").into(),
            machines: dir.path().join("machines"),
            images: dir.path().join("images"),
            key,
            public_key: Arc::new(move || Ok(line.clone())),
            inherit: Vec::new(),
        });
        Self { dir, cloud }
    }

    fn request(id: &str, lease: Duration, image: Option<&str>) -> LaunchRequest {
        LaunchRequest {
            machine: MachineId::new(id).unwrap(),
            job: JobId::random(),
            image: image.map(|name| ImageName::new(name).unwrap()),
            lease: Lease::starting(Timestamp::now(), lease),
            purpose: "test".to_owned(),
            spare_disk: false,
            for_image: false,
            wish: CloudWish::default(),
        }
    }

    async fn launch(&self, id: &str) -> Box_ {
        let machine = self.cloud.launch(&Self::request(id, Duration::from_secs(600), None)).await.unwrap();
        self.boxed(machine)
    }

    fn boxed(&self, machine: Machine) -> Box_ {
        assert_eq!(machine.state, MachineState::Running);
        let endpoint = machine.endpoint.clone().unwrap();
        let HostKeys::Pinned(keys) = &endpoint.host_keys else { panic!("no host key") };
        let known = self.dir.path().join(format!("known-{}", machine.id));
        fs::write(&known, format!("[127.0.0.1]:{} {}\n", endpoint.port, keys[0])).unwrap();
        Box_ { folder: self.dir.path().join("machines").join(machine.id.as_str()), machine, known }
    }

    /// No folder and no process of that machine is left.
    fn assert_gone(&self, folder: &Path) {
        assert!(!folder.exists());
        let left: Vec<_> = fs::read_dir(self.dir.path().join("machines")).unwrap().flatten().collect();
        assert!(left.iter().all(|entry| entry.path() != folder), "{left:?}");
        assert_eq!(marked(folder), Vec::<i32>::new());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.dir.path().join("machines")).into_iter().flatten().flatten() {
            let _ = fs::write(entry.path().join("end"), "");
        }
        until("machines are gone", || {
            fs::read_dir(self.dir.path().join("machines")).into_iter().flatten().count() == 0
        });
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success());
}

/// A machine and how to reach it.
struct Box_ {
    machine: Machine,
    folder: PathBuf,
    known: PathBuf,
}

impl Box_ {
    fn client(&self, program: &str) -> Command {
        let endpoint = self.machine.endpoint.as_ref().unwrap();
        self.client_with(program, &endpoint.key)
    }

    fn client_with(&self, program: &str, key: &Path) -> Command {
        let endpoint = self.machine.endpoint.as_ref().unwrap();
        let mut command = Command::new(program);
        command.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
        command.args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.known.display()));
        command.arg("-o").arg(format!("Port={}", endpoint.port)).arg("-i").arg(key);
        command.env_remove("SSH_AUTH_SOCK");
        command
    }

    fn ssh(&self) -> Command {
        let mut command = self.client("ssh");
        command.arg("hg@127.0.0.1");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.ssh().arg(line).stdin(Stdio::null()).output().unwrap()
    }

    fn sftp(&self, batch: &str) -> Output {
        let mut command = self.client("sftp");
        command.args(["-q", "-b", "-", "hg@127.0.0.1"]);
        feed(command, batch.as_bytes())
    }

    fn home(&self) -> PathBuf {
        self.folder.join("root/home")
    }

    fn pid_of(&self, word: &str) -> i32 {
        let wanted = self.folder.to_str().unwrap().to_owned();
        processes()
            .into_iter()
            .find(|pid| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
                words.iter().any(|w| w == word) && words.iter().any(|w| *w == wanted)
            })
            .unwrap()
    }
}

fn feed(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

fn processes() -> Vec<i32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn marked(folder: &Path) -> Vec<i32> {
    let wanted = format!("HGA_MACHINE_FOLDER={}", folder.display()).into_bytes();
    let carries = |pid: &i32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == wanted)
    };
    processes().into_iter().filter(carries).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(180);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_end_as_they_ended_there() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-exec").await;
    let out = m.run("echo out; echo err >&2; exit 7");
    assert_eq!((out.status.code(), text(&out.stdout), text(&out.stderr)), (Some(7), "out\n".into(), "err\n".into()));
    assert_eq!(m.run("true").status.code(), Some(0));
    // OpenSSH's client shows a death by signal as 255.
    let killed = m.ssh().args(["-v", "kill -SEGV $$"]).output();
    assert_eq!(killed.unwrap().status.code(), Some(255));
    let environment = text(&m.run("env; pwd; umask").stdout);
    let home = m.home();
    for wanted in [format!("HOME={}", home.display()), "USER=hg".into(), "HGA_MACHINE=m-exec".into()] {
        assert!(environment.lines().any(|line| line == wanted), "{wanted}: {environment}");
    }
    assert!(environment.lines().any(|line| Path::new(line) == home), "{environment}");
    assert!(!environment.contains("CARGO"), "the caller's variables stay with the caller: {environment}");
    let set = m.client("ssh").args(["-o", "SetEnv=FRUIT=pear", "hg@127.0.0.1", "echo $FRUIT"]).output().unwrap();
    assert_eq!(text(&set.stdout), "pear\n");
    lab.cloud.terminate(&m.machine.id).await.unwrap();
    lab.assert_gone(&m.folder);
    lab.cloud.terminate(&m.machine.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_megabytes_go_through_unchanged_both_ways() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-bytes").await;
    let sent = noise(20 << 20);
    let mut cat = m.ssh();
    cat.arg("cat");
    let out = feed(cat, &sent);
    assert!(out.status.success() && out.stdout == sent, "{} bytes came back", out.stdout.len());
    let mut slow = m.ssh();
    slow.arg("head -c 5 | od -c | head -1; cat >/dev/null; echo all read");
    let out = feed(slow, &sent);
    assert!(text(&out.stdout).ends_with("all read\n"));
    // A command that never reads: what was sent is no hindrance to its end.
    let mut deaf = m.ssh();
    deaf.arg("exec 0<&-; echo deaf");
    assert_eq!(text(&feed(deaf, &sent).stdout), "deaf\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_has_the_size_and_type_it_was_asked_for() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-pty").await;
    let (pty, pts) = pty_process::blocking::open().unwrap();
    pty.resize(pty_process::Size::new(37, 91)).unwrap();
    let mut ssh = pty_process::blocking::Command::new("ssh");
    let plain = m.client("ssh");
    for word in plain.get_args() {
        ssh = ssh.arg(word);
    }
    // the new size may come after the key that was pressed after it
    let line = "test -t 0 && test -t 1 && stty size; echo $TERM; read x; n=0; \
                while [ \"$(stty size)\" = '37 91' ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; stty size";
    let mut child = ssh.args(["-tt", "hg@127.0.0.1", line]).env("TERM", "vt220").spawn(pts).unwrap();
    let mut seen = Vec::new();
    let mut resized = false;
    let mut buffer = [0; 4096];
    loop {
        match std::io::Read::read(&mut &pty, &mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
        if !resized && text(&seen).contains("vt220") {
            resized = true;
            pty.resize(pty_process::Size::new(50, 120)).unwrap();
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(child.id().try_into().unwrap()),
                nix::sys::signal::Signal::SIGWINCH,
            )
            .unwrap();
            (&pty).write_all(b"\n").unwrap();
        }
    }
    assert!(child.wait().unwrap().success());
    let seen = text(&seen);
    assert!(seen.contains("37 91") && seen.contains("vt220") && seen.contains("50 120"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_connection_ends_a_command_but_not_a_detached_one() {
    if !have(&["ssh", "ssh-keygen", "setsid"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-hangup").await;
    let line = "setsid sleep 1001 </dev/null >/dev/null 2>&1 & sleep 1002 & echo $! > group; echo ready; wait";
    let mut ssh = m.ssh().arg(line).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    until("the command runs", || fs::read_to_string(m.home().join("group")).is_ok_and(|text| text.ends_with('\n')));
    let inner: i32 = fs::read_to_string(m.home().join("group")).unwrap().trim().parse().unwrap();
    let sleeper = |length: &str| {
        marked(&m.folder).into_iter().find(|pid| {
            fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default() == format!("sleep\0{length}\0").into_bytes()
        })
    };
    until("both run", || sleeper("1001").is_some() && sleeper("1002").is_some());
    ssh.kill().unwrap();
    ssh.wait().unwrap();
    until("the group ended", || !lives(inner));
    assert!(sleeper("1001").is_some(), "what made itself a session of its own lives on");
    lab.cloud.terminate(&m.machine.id).await.unwrap();
    lab.assert_gone(&m.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_comes_in() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-door").await;
    let other = lab.dir.path().join("other");
    keygen(&other);
    let wrong_key = m.client_with("ssh", &other).args(["hg@127.0.0.1", "true"]).output().unwrap();
    assert_eq!(wrong_key.status.code(), Some(255));
    assert!(text(&wrong_key.stderr).contains("Permission denied (publickey)"), "{}", text(&wrong_key.stderr));
    let wrong_user = m.client("ssh").args(["root@127.0.0.1", "true"]).output().unwrap();
    assert_eq!(wrong_user.status.code(), Some(255));
    assert!(text(&wrong_user.stderr).contains("Permission denied (publickey)"), "{}", text(&wrong_user.stderr));
    assert_eq!(fs::metadata(m.folder.join("host_key")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&m.folder).unwrap().mode() & 0o777, 0o700);
    // Rubbish instead of a protocol ends that connection and nothing else.
    let port = m.machine.endpoint.as_ref().unwrap().port;
    let mut rude = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    rude.write_all(b"SSH-2.0-x\r\n").unwrap();
    rude.write_all(&noise(100_000)).ok();
    assert!(m.run("true").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_does_what_its_client_asks() {
    if !have(&["sftp", "ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-sftp").await;
    let local = lab.dir.path().join("local file");
    let data = noise(3_000_001);
    fs::write(&local, &data).unwrap();
    let back = lab.dir.path().join("back");
    let batch = format!(
        "mkdir d\nput \"{0}\" d/one\nchmod 640 d/one\nrename d/one d/two\nln -s two d/link\nls -l d\nget d/two \"{1}\"\n\
         df\npwd\nmkdir e\nrmdir e\n",
        local.display(),
        back.display()
    );
    let out = m.sftp(&batch);
    assert!(out.status.success(), "{}{}", text(&out.stdout), text(&out.stderr));
    assert!(text(&out.stdout).contains("-rw-r-----"), "{}", text(&out.stdout));
    assert!(fs::read(&back).unwrap() == data);
    assert_eq!(fs::read_link(m.home().join("d/link")).unwrap(), Path::new("two"));
    assert!(!m.home().join("e").exists());

    for (batch, complaint) in [
        ("get nothing\n", "not found"),
        ("rmdir d\n", "Failure"),
        ("mkdir /proc/x\n", "No such file"),
        ("cd d/two\n", "not a directory"),
    ] {
        let out = m.sftp(batch);
        assert_eq!(out.status.code(), Some(1), "{batch}");
        assert!(text(&out.stderr).contains(complaint), "{batch}: {}", text(&out.stderr));
    }
    assert!(m.sftp("rm d/two\nrm d/link\nrmdir d\n").status.success());
    // Resuming needs offsets, appending and sizes.
    fs::write(m.home().join("part"), &data[..1_000_000]).unwrap();
    let out = m.sftp(&format!("reput \"{}\" part\n", local.display()));
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(fs::read(m.home().join("part")).unwrap() == data);
}

#[tokio::test(flavor = "multi_thread")]
async fn scp_copies_trees_both_ways() {
    if !have(&["scp", "ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-scp").await;
    let tree = lab.dir.path().join("tree");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    for number in 0..300 {
        fs::write(tree.join(format!("a/f{number}")), noise(number * 37)).unwrap();
    }
    fs::write(tree.join("a/b/big"), noise(2_000_000)).unwrap();
    fs::write(tree.join("a/b").join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "latin").unwrap();
    fs::set_permissions(tree.join("a/f7"), fs::Permissions::from_mode(0o711)).unwrap();
    let there = m.client("scp").args(["-q", "-r", "-p"]).arg(&tree).arg("hg@127.0.0.1:there").output().unwrap();
    assert!(there.status.success(), "{}", text(&there.stderr));
    let back = lab.dir.path().join("back");
    let out = m.client("scp").args(["-q", "-r", "-p"]).arg("hg@127.0.0.1:there").arg(&back).output().unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
    let same = Command::new("diff").arg("-r").arg(&tree).arg(&back).output().unwrap();
    assert!(same.status.success(), "{}", text(&same.stdout));
    assert_eq!(fs::metadata(back.join("a/f7")).unwrap().mode() & 0o777, 0o711);
    assert_eq!(fs::metadata(back.join("a/f7")).unwrap().mtime(), fs::metadata(tree.join("a/f7")).unwrap().mtime());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_ends_everything_with_no_client() {
    if !have(&["ssh", "ssh-keygen", "setsid"]) {
        return;
    }
    let lab = Lab::new();
    let request = Lab::request("m-lease", Duration::from_secs(600), None);
    let machine = lab.cloud.launch(&request).await.unwrap();
    let m = lab.boxed(machine);
    assert!(m.run("env -i setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo ok").status.success());
    assert!(m.run("mkdir locked; touch locked/f; chmod 555 locked").status.success());
    let mut sleeper = None;
    until("the detached command runs, without the machine's mark", || {
        sleeper = processes().into_iter().find(|pid| {
            fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default() == b"sleep\x001000\0"
                && fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&m.folder))
        });
        sleeper.is_some()
    });
    let renewed = Instant::now();
    lab.cloud.renew(&m.machine.id, Lease::starting(Timestamp::now(), Duration::from_secs(10))).await.unwrap();
    assert_eq!(lab.cloud.machine(&m.machine.id).await.unwrap().unwrap().state, MachineState::Running);
    until("the machine is gone", || !m.folder.exists());
    assert!(renewed.elapsed() > Duration::from_millis(9900), "{:?}", renewed.elapsed());
    assert!(!lives(sleeper.unwrap()));
    lab.assert_gone(&m.folder);
    assert_eq!(lab.cloud.machine(&m.machine.id).await.unwrap(), None);
    let late = lab.cloud.renew(&m.machine.id, request.lease).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ignores_being_asked_is_killed() {
    if !have(&["ssh", "ssh-keygen", "setsid"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-stubborn").await;
    let line =
        "setsid bash -c 'trap \"\" TERM HUP; touch deaf; while :; do sleep 1000; done' </dev/null >/dev/null 2>&1 &";
    assert!(m.run(line).status.success());
    until("it ignores", || m.home().join("deaf").exists());
    lab.cloud.terminate(&m.machine.id).await.unwrap();
    lab.assert_gone(&m.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_supervisor_is_noticed_and_cleared_away() {
    if !have(&["ssh", "ssh-keygen", "setsid"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-crash").await;
    assert!(m.run("setsid sleep 1000 </dev/null >/dev/null 2>&1 & mkdir -p x/y; chmod 500 x").status.success());
    let (supervisor, server) = (m.pid_of("supervise"), m.pid_of("serve"));
    kill(supervisor);
    until("the server dies with it", || !Path::new(&format!("/proc/{server}")).exists());
    assert!(!marked(&m.folder).is_empty(), "the detached command is left");
    assert_eq!(lab.cloud.machines().await.whole().unwrap(), Vec::new());
    lab.assert_gone(&m.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_ends_its_machine() {
    if !have(&["ssh", "ssh-keygen", "setsid"]) {
        return;
    }
    let lab = Lab::new();
    let m = lab.launch("m-server").await;
    assert!(m.run("setsid sleep 1000 </dev/null >/dev/null 2>&1 &").status.success());
    kill(m.pid_of("serve"));
    until("the machine is gone", || !m.folder.exists());
    lab.assert_gone(&m.folder);
}

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_launch_twice_is_one_machine() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let request = Lab::request("m-twice", Duration::from_secs(600), None);
    let (one, two, three) =
        tokio::join!(lab.cloud.launch(&request), lab.cloud.launch(&request), lab.cloud.launch(&request));
    let launched = [one.unwrap(), two.unwrap(), three.unwrap()].map(|machine| machine.launched);
    assert!(launched[0] == launched[1] && launched[1] == launched[2]);
    assert_eq!(lab.cloud.machines().await.whole().unwrap().len(), 1);
    let again = lab.cloud.launch(&request).await.unwrap();
    assert_eq!((again.launched, again.state), (launched[0], MachineState::Running));
    assert_eq!(fs::read_dir(lab.dir.path().join("machines")).unwrap().count(), 1, "no half-made folder is left");
}

/// As a launch or a removal leaves it that is killed half way: before its lock, or after.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_launch_left_goes_with_its_machine() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let machines = lab.dir.path().join("machines");
    let leave = |name: &str| {
        let folder = machines.join(name);
        fs::create_dir_all(folder.join("root")).unwrap();
        fs::File::create(folder.join("alive")).unwrap()
    };
    let left = || {
        let mut names: Vec<_> =
            fs::read_dir(&machines).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let (of_another, held) = (".new-m-killed-2-00000000000000aa", ".new-m-killed-00000000000000ab");
    drop(leave(of_another));
    let lock = leave(held);
    lock.lock().unwrap();

    drop(leave(".new-m-killed-00000000000000ac"));
    fs::create_dir(machines.join(".new-m-killed-00000000000000ad")).unwrap();
    lab.launch("m-killed").await;
    assert_eq!(left(), [held, of_another, "m-killed"], "only what nobody holds, and only of this machine");

    drop(leave(".gone-m-killed-00000000000000ae"));
    lab.cloud.terminate(&MachineId::new("m-killed").unwrap()).await.unwrap();
    assert_eq!(left(), [held, of_another]);
    // ended though it never came to be
    drop(lock);
    lab.cloud.terminate(&MachineId::new("m-killed").unwrap()).await.unwrap();
    assert_eq!(left(), [of_another]);
    fs::remove_dir_all(machines.join(of_another)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_carries_a_machine_over() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let lab = Lab::new();
    let first = lab.launch("m-first").await;
    let hgdev = PathBuf::from(&first.machine.layout.hgdev);
    fs::create_dir_all(hgdev.join("bin")).unwrap();
    fs::write(hgdev.join("bin/tool"), "#!/bin/sh\necho one\n").unwrap();
    fs::set_permissions(hgdev.join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(hgdev.join("bin"), fs::Permissions::from_mode(0o555)).unwrap();
    let inputs = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let wanted = ImageRequest {
        machine: first.machine.id.clone(),
        name: ImageName::new("dev").unwrap(),
        fingerprint: Fingerprint::of(&inputs),
        inputs,
    };
    let unknown = lab.cloud.launch(&Lab::request("m-none", Duration::from_secs(60), Some("dev"))).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    let image = lab.cloud.create_image(&wanted).await.unwrap();
    assert_eq!(image.bytes, 19);
    assert_eq!(lab.cloud.images().await.whole().unwrap(), vec![image.clone()]);
    let request = Lab::request("m-second", Duration::from_secs(600), Some("dev"));
    let second = lab.boxed(lab.cloud.launch(&request).await.unwrap());
    let out = second.run(&format!("{}/bin/tool", second.machine.layout.hgdev));
    assert_eq!(text(&out.stdout), "one\n");
    assert_eq!(second.machine.image, Some(image.name.clone()));

    // Replaced while two machines are launched from it: each gets the one or the other, whole.
    fs::set_permissions(hgdev.join("bin"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(hgdev.join("bin/tool"), "#!/bin/sh\necho two\n").unwrap();
    let requests = ["m-third", "m-fourth"].map(|id| Lab::request(id, Duration::from_secs(600), Some("dev")));
    let (made, third, fourth) =
        tokio::join!(lab.cloud.create_image(&wanted), lab.cloud.launch(&requests[0]), lab.cloud.launch(&requests[1]));
    made.unwrap();
    for machine in [third.unwrap(), fourth.unwrap()] {
        let said = fs::read_to_string(Path::new(&machine.layout.hgdev).join("bin/tool")).unwrap();
        assert!(said.ends_with("one\n") || said.ends_with("two\n"));
    }
    lab.cloud.remove_image(&image.name).await.unwrap();
    assert_eq!(lab.cloud.remove_image(&image.name).await.unwrap_err().kind, ErrorKind::NotFound);
    let left: Vec<_> =
        fs::read_dir(lab.dir.path().join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    for id in ["m-first", "m-second", "m-third", "m-fourth"] {
        lab.cloud.terminate(&MachineId::new(id).unwrap()).await.unwrap();
    }
    assert_eq!(fs::read_dir(lab.dir.path().join("machines")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_cannot_be_leaves_nothing() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("machines"), "a file").unwrap();
    let config = |machines: &str, exe: &str| LocalConfig {
        exe: exe.into(),
        machines: dir.path().join(machines),
        images: dir.path().join("images"),
        key: dir.path().join("key"),
        public_key: Arc::new(|| Ok("ssh-ed25519 AAAA".into())),
        inherit: Vec::new(),
    };
    let request = Lab::request("m-x", Duration::from_secs(60), None);
    let blocked = LocalCloud::new(config("machines", env!("CARGO_BIN_EXE_hga")));
    assert!(blocked.launch(&request).await.is_err());
    let no_program = LocalCloud::new(config("others", "/nonexistent/hga"));
    assert!(no_program.launch(&request).await.is_err());
    assert_eq!(fs::read_dir(dir.path().join("others")).unwrap().count(), 0);
    // The key is no key, so the server ends at once; its reason reaches the reader.
    let bad_key = LocalCloud::new(config("others", env!("CARGO_BIN_EXE_hga")));
    let _ = bad_key.launch(&request).await;
    until("nothing is left", || fs::read_dir(dir.path().join("others")).unwrap().count() == 0);
}
