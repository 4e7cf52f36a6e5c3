//! The SSH client against a real OpenSSH server.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

#[path = "support/cut.rs"]
mod cut;
#[path = "support/hg.rs"]
mod hg;
#[path = "support/sshd.rs"]
mod sshd;

use bytes::Bytes;
use cut::Cut;
use hgautomation::domain::{Endpoint, HostKeys};
use hgautomation::remote::{
    Chunk, Command, Connector, ErrorKind, Exec, ExitStatus, PtySize, PutOptions, Shell, Signal,
};
use hgautomation::ssh::{SshConnector, SshShell, keys, offered_host_key};
use sshd::Sshd;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

const QUIET: &(dyn Fn(u64, u64) + Send + Sync) = &|_, _| {};

fn shell(endpoint: &Endpoint) -> SshShell {
    SshShell::new(endpoint.clone())
}

async fn drain(exec: &mut Exec) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(chunk) = exec.next().await.unwrap() {
        match chunk {
            Chunk::Stdout(bytes) => out.extend_from_slice(&bytes),
            Chunk::Stderr(bytes) => err.extend_from_slice(&bytes),
        }
    }
    (out, err)
}

/// Bytes that repeat late, so that a shift shows.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_say_all_and_how_they_end() {
    let server = Sshd::start();
    let shell = shell(&server.endpoint());
    let said = shell.capture("cat; echo problem >&2; exit 3", Bytes::from_static(b"in")).await.unwrap();
    assert_eq!((said.stdout, said.stderr, said.status), (b"in".into(), b"problem\n".into(), ExitStatus::Code(3)));

    let mut exec = shell.exec(Command::line("echo up; read x; kill -TERM $$")).await.unwrap();
    assert_eq!(exec.next().await.unwrap(), Some(Chunk::Stdout(Bytes::from_static(b"up\n"))));
    assert_eq!(exec.exit(), None);
    exec.write(Bytes::from_static(b"\n")).await.unwrap();
    assert_eq!(exec.next().await.unwrap(), None);
    assert_eq!(exec.exit(), Some(ExitStatus::Signal("TERM".into())));
    assert_eq!(exec.exit().unwrap().code(), 143);

    // OpenSSH passes no signals on to root's commands ("requires privilege separation").
    if !nix::unistd::geteuid().is_root() {
        let mut exec = shell.exec(Command::line("echo up; exec sleep 100")).await.unwrap();
        assert!(exec.next().await.unwrap().is_some());
        exec.signal(Signal::Int).await.unwrap();
        assert_eq!(exec.next().await.unwrap(), None);
        assert_eq!(exec.exit(), Some(ExitStatus::Signal("INT".into())));
    }

    let pty = Some(("xterm".to_owned(), PtySize { cols: 91, rows: 37 }));
    let mut exec = shell.exec(Command { line: Some("stty size; read x; stty size".into()), pty }).await.unwrap();
    let Some(Chunk::Stdout(first)) = exec.next().await.unwrap() else { panic!("no size") };
    assert_eq!(&first[..], b"37 91\r\n");
    exec.resize(PtySize { cols: 100, rows: 40 }).await.unwrap();
    exec.write(Bytes::from_static(b"\n")).await.unwrap();
    let (rest, _) = drain(&mut exec).await;
    assert!(String::from_utf8_lossy(&rest).contains("40 100"), "{rest:?}");

    let mut exec = shell.exec(Command { line: None, pty: None }).await.unwrap();
    exec.write(Bytes::from_static(b"echo $((6 * 7)); exit 5\n")).await.unwrap();
    let (out, _) = drain(&mut exec).await;
    assert!(out.ends_with(b"42\n"), "{out:?}");
    assert_eq!(exec.exit(), Some(ExitStatus::Code(5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_megabytes_go_through_cat_unchanged() {
    let server = Sshd::start();
    let shell = shell(&server.endpoint());
    let exec = shell.start(Command::line("cat")).await.unwrap();
    let all = Bytes::from(noise(20 << 20));
    let stdin = exec.stdin();
    let sent = all.clone();
    let writer = tokio::task::spawn_blocking(move || {
        for start in (0..sent.len()).step_by(100_000) {
            stdin.write_blocking(sent.slice(start..(start + 100_000).min(sent.len()))).unwrap();
        }
        stdin.close_blocking().unwrap();
    });
    let mut exec: Exec = Box::new(exec);
    let (out, err) = drain(&mut exec).await;
    writer.await.unwrap();
    assert!(out == all, "{} bytes came back of {}", out.len(), all.len());
    assert!(err.is_empty());
    assert_eq!(exec.exit(), Some(ExitStatus::Code(0)));
    // Who first writes all and then reads gets through too, within reason.
    let said = shell.capture("cat", all.slice(..3 << 20)).await.unwrap();
    assert!(said.stdout == all[..3 << 20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_machine_and_not_other_calls() {
    let server = Sshd::start();
    let proxy = Cut::before(server.port).await;
    let shell = shell(&Endpoint { port: proxy.port, ..server.endpoint() });
    let mut exec = shell.exec(Command::line("head -c 60000000 /dev/zero")).await.unwrap();
    let mut read = 0;
    let Some(Chunk::Stdout(first)) = exec.next().await.unwrap() else { panic!("no output") };
    read += first.len();
    // Until nothing comes any more.
    let end = Instant::now() + Duration::from_secs(120);
    let mut before = (0, Instant::now());
    while before.1.elapsed() < Duration::from_millis(700) {
        assert!(Instant::now() < end, "it does not stand still");
        if proxy.down() != before.0 {
            before = (proxy.down(), Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // 2 MiB of queue, and what the sockets hold.
    assert!(proxy.down() < 20_000_000, "{} bytes came although nobody reads", proxy.down());
    let said = tokio::time::timeout(Duration::from_secs(60), shell.capture("echo here", Bytes::new())).await;
    assert_eq!(said.expect("another call waits for the slow reader").unwrap().stdout, b"here\n");
    while let Some(chunk) = exec.next().await.unwrap() {
        let Chunk::Stdout(bytes) = chunk else { panic!("{chunk:?}") };
        read += bytes.len();
    }
    assert_eq!(read, 60_000_000);
    assert_eq!(exec.exit(), Some(ExitStatus::Code(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pinned_host_keys_are_accepted() {
    let server = Sshd::with_host_keys(&["ed25519", "rsa", "ecdsa"]);
    let endpoint = server.endpoint();
    let HostKeys::Pinned(lines) = &endpoint.host_keys else { panic!() };
    // Each of them alone is asked for by its type.
    for line in lines {
        let alone = Endpoint { host_keys: HostKeys::Pinned(vec![line.clone()]), ..endpoint.clone() };
        shell(&alone).capture("true", Bytes::new()).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let other = keys::new_host_key().unwrap();
    let other = keys::one_line(other.public_key()).unwrap();
    let wrong = Endpoint { host_keys: HostKeys::Pinned(vec![other.clone()]), ..endpoint.clone() };
    let error = shell(&wrong).capture("true", Bytes::new()).await.unwrap_err();
    let (line, fingerprint) = offered_host_key(&wrong).await.unwrap();
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert!(error.message.contains(&fingerprint), "{error}");
    assert!(error.message.contains(&keys::fingerprint_of_line(&other).unwrap()), "{error}");
    assert!(lines.iter().any(|known| known.starts_with(&line)), "{line}");

    let unknown = Endpoint { host_keys: HostKeys::Unknown, ..endpoint.clone() };
    let error = shell(&unknown).capture("true", Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert!(error.message.contains(&fingerprint), "{error}");
    assert!(error.hints.iter().any(|hint| hint.0.contains("hga machines check")), "{:?}", error.hints);

    // A type that the server does not have.
    let only_rsa = Sshd::with_host_keys(&["rsa"]);
    let wrong = Endpoint { host_keys: HostKeys::Pinned(vec![other.clone()]), ..only_rsa.endpoint() };
    let error = shell(&wrong).capture("true", Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert_eq!(error.message.matches("SHA256:").count(), 2, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_learns_why() {
    let server = Sshd::start();
    let home = tempfile::tempdir().unwrap();
    let key = keys::ensure(&home.path().join("keys")).unwrap();
    let endpoint = Endpoint { key: key.private.clone(), ..server.endpoint() };
    let error = shell(&endpoint).capture("true", Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains(&keys::fingerprint_of_line(&key.public).unwrap()), "{error}");
    assert!(error.message.contains(&endpoint.user), "{error}");
    // The key as we make it is let in once it is listed.
    fs::write(server.home.path().join("authorized_keys"), &key.public).unwrap();
    assert!(shell(&endpoint).capture("true", Bytes::new()).await.unwrap().status.is_success());

    // taken, so that nobody else can listen there either
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = Endpoint { port: deaf.local_addr().unwrap().port(), ..endpoint.clone() };
    assert_eq!(shell(&nobody).capture("true", Bytes::new()).await.unwrap_err().kind, ErrorKind::Unreachable);
    let nowhere = Endpoint { host: "machine.invalid".into(), ..endpoint };
    assert_eq!(shell(&nowhere).capture("true", Bytes::new()).await.unwrap_err().kind, ErrorKind::Unreachable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_command_carries_the_connection_and_ends_with_it() {
    let server = Sshd::start();
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("pipe.py");
    fs::write(
        &script,
        "import os, socket, sys, threading\n\
         open(sys.argv[3], 'w').write(str(os.getpid()))\n\
         s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n\
         def up():\n\
         \x20   while True:\n\
         \x20       b = os.read(0, 65536)\n\
         \x20       if not b: break\n\
         \x20       s.sendall(b)\n\
         threading.Thread(target=up, daemon=True).start()\n\
         while True:\n\
         \x20   b = s.recv(65536)\n\
         \x20   if not b: break\n\
         \x20   os.write(1, b)\n",
    )
    .unwrap();
    let pid = home.path().join("pid");
    let line = format!("true && python3 {} %h %p {}", script.display(), pid.display());
    let endpoint = Endpoint { proxy_command: Some(line), ..server.endpoint() };
    let through = shell(&endpoint);
    let said = through.capture("cat", Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(said.stdout, b"hello");
    let pid = fs::read_to_string(pid).unwrap();
    let process = Path::new("/proc").join(pid);
    assert!(process.exists());
    through.disconnect().await;
    drop(through);
    let end = Instant::now() + Duration::from_secs(60);
    while process.exists() && !fs::read_to_string(process.join("stat")).unwrap_or_default().contains(") Z ") {
        assert!(Instant::now() < end, "the proxy command lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let broken = Endpoint { proxy_command: Some("echo no way through >&2; exit 1".into()), ..endpoint };
    let error = shell(&broken).capture("true", Bytes::new()).await.unwrap_err();
    assert!(error.message.contains("no way through"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_noticed_and_the_next_call_connects_anew() {
    let server = Sshd::start();
    let proxy = Cut::before(server.port).await;
    let shell = shell(&Endpoint { port: proxy.port, ..server.endpoint() });
    let mut exec = shell.exec(Command::line("echo up; sleep 600")).await.unwrap();
    assert!(exec.next().await.unwrap().is_some());
    assert!(shell.capture("true", Bytes::new()).await.unwrap().status.is_success());
    assert_eq!(proxy.accepted(), 1, "calls share one connection");
    proxy.cut();
    assert_eq!(exec.next().await.unwrap_err().kind, ErrorKind::Lost);
    assert_eq!(exec.exit(), None);
    assert!(shell.capture("true", Bytes::new()).await.unwrap().status.is_success());
    assert_eq!(proxy.accepted(), 2);

    // Silence is a cut too.
    let mut exec = shell.exec(Command::line("echo up; sleep 600")).await.unwrap();
    assert!(exec.next().await.unwrap().is_some());
    proxy.freeze(true);
    // without a question now and then TCP would take a quarter of an hour
    let noticed = tokio::time::timeout(Duration::from_secs(90), exec.next()).await;
    assert_eq!(noticed.expect("silence is not noticed").unwrap_err().kind, ErrorKind::Lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_on_after_a_cut_and_arrive_whole() {
    let server = Sshd::start();
    let proxy = Cut::before(server.port).await;
    let shell = shell(&Endpoint { port: proxy.port, ..server.endpoint() });
    let home = tempfile::tempdir().unwrap();
    let (here, there, back) = (home.path().join("here"), home.path().join("there"), home.path().join("back"));
    let bytes = noise((20 << 20) + 77);
    fs::write(&here, &bytes).unwrap();
    fs::write(&there, "old").unwrap();
    let options = PutOptions { mode: 0o750, resume: true };

    // what the sockets hold is lost with them, which may be some megabytes
    proxy.cut_after(16 << 20);
    let error = shell.put(&here, there.to_str().unwrap(), options, QUIET).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Lost, "{error}");
    assert_eq!(fs::read(&there).unwrap(), b"old", "not atomic");
    let before = proxy.bytes();
    shell.put(&here, there.to_str().unwrap(), options, QUIET).await.unwrap();
    assert!(proxy.bytes() - before < 16 << 20, "it began anew: {}", proxy.bytes() - before);
    assert!(fs::read(&there).unwrap() == bytes);
    assert_eq!(fs::metadata(&there).unwrap().mode() & 0o777, 0o750);

    fs::write(&back, "old").unwrap();
    proxy.cut_after(10 << 20);
    let error = shell.get(there.to_str().unwrap(), &back, QUIET).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Lost, "{error}");
    assert_eq!(fs::read(&back).unwrap(), b"old", "not atomic");
    let before = proxy.bytes();
    let size = shell.get(there.to_str().unwrap(), &back, QUIET).await.unwrap();
    assert!(proxy.bytes() - before < 16 << 20, "it began anew: {}", proxy.bytes() - before);
    assert_eq!(size, bytes.len() as u64);
    assert!(fs::read(&back).unwrap() == bytes);
    assert_eq!(fs::metadata(&back).unwrap().mode() & 0o777, 0o750);
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");

    let missing = shell.get("/does/not/exist", &back, QUIET).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
    assert_eq!(shell.put(&here, "/does/not/exist", options, QUIET).await.unwrap_err().kind, ErrorKind::NotFound);
    let nothing = home.path().join("nothing");
    assert_eq!(shell.put(&nothing, "/tmp/x", options, QUIET).await.unwrap_err().kind, ErrorKind::Local);
    fs::write(&nothing, "").unwrap();
    shell.put(&nothing, there.to_str().unwrap(), options, QUIET).await.unwrap();
    assert_eq!(shell.get(there.to_str().unwrap(), &back, QUIET).await.unwrap(), 0);
    assert_eq!(fs::read(&back).unwrap(), b"");
}

fn listing(root: &Path) -> Vec<(Vec<u8>, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            let bytes = if metadata.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else {
                fs::read(&path).unwrap()
            };
            all.push((name, metadata.mode(), bytes));
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trees_go_both_ways_with_links_modes_and_odd_names() {
    let server = Sshd::start();
    let shell = shell(&server.endpoint());
    let home = tempfile::tempdir().unwrap();
    let here = home.path().join("here");
    for index in 0..300_usize {
        let folder = here.join(format!("d{}/e{}", index % 7, index % 3));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("f{index}"));
        fs::write(&file, noise(index * index)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode([0o644, 0o755, 0o600][index % 3])).unwrap();
    }
    fs::create_dir(here.join("empty")).unwrap();
    fs::write(here.join(std::ffi::OsStr::from_bytes(b"odd \xff\n'name")), "odd").unwrap();
    std::os::unix::fs::symlink("d1/e1", here.join("link")).unwrap();
    std::os::unix::fs::symlink("/nowhere\n", here.join("dangling")).unwrap();
    let (there, back) = (home.path().join("there"), home.path().join("back"));
    let whole = std::sync::Mutex::new((0, 0));
    let watch = |done: u64, all: u64| {
        let mut last = whole.lock().unwrap();
        *last = (last.0.max(done), last.1.max(all));
    };
    // Twice, the second over what the first left.
    for _ in 0..2 {
        assert_eq!(shell.put_tree(&here, there.to_str().unwrap(), &watch).await.unwrap(), 303);
        assert_eq!(shell.get_tree(there.to_str().unwrap(), &back, &watch).await.unwrap(), 303);
    }
    let expected = listing(&here);
    assert_eq!(expected.len(), 303 + 1 + 7 + 21);
    assert!(listing(&there) == expected, "what was put differs");
    assert!(listing(&back) == expected, "what came back differs");
    let bytes: u64 = (0..300_u64).map(|index| index * index).sum::<u64>() + 3;
    assert_eq!(*whole.lock().unwrap(), (bytes, bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mercurial_clones_and_pushes_through_the_transport() {
    let server = Sshd::start();
    let home = tempfile::tempdir().unwrap();
    let connector = SshConnector::new(home.path().join("keys"), env!("CARGO_BIN_EXE_hga"));
    let words = connector.ssh_command(&server.endpoint(), home.path()).unwrap();
    assert_eq!(fs::metadata(&words[3]).unwrap().mode() & 0o777, 0o600);
    let ssh = words.iter().map(|word| shlex::try_quote(word).unwrap().into_owned()).collect::<Vec<_>>().join(" ");
    let path = home.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let run = |command: &mut std::process::Command| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let repo = path.join("repo");
        run(hg::command().arg("init").arg(&repo));
        fs::write(repo.join("big"), noise(30 << 20)).unwrap();
        run(hg::command().arg("-R").arg(&repo).args(["commit", "-A", "-m", "one"]));
        let url = format!("ssh://{}@ignored:2/{}", sshd::user(), repo.display());
        let config = [
            format!("--config=ui.ssh={ssh}"),
            format!("--config=ui.remotecmd={}", hg::real_hg().hg.display()),
            "--config=ui.timeout=30".into(),
        ];
        let clone = path.join("clone");
        run(hg::command().args(&config).arg("clone").arg(&url).arg(&clone));
        assert!(fs::read(clone.join("big")).unwrap() == fs::read(repo.join("big")).unwrap());
        fs::write(clone.join("big"), noise(31 << 20)).unwrap();
        run(hg::command().arg("-R").arg(&clone).args(["commit", "-m", "two"]));
        run(hg::command().args(&config).arg("-R").arg(&clone).arg("push"));
        let tip = |folder: &Path| run(hg::command().arg("-R").arg(folder).args(["log", "-r", "tip", "-T", "{node}"]));
        assert_eq!(tip(&repo), tip(&clone));
    })
    .await
    .unwrap();

    let call = |target: &str, line: &str| {
        std::process::Command::new(&words[0])
            .args([&words[1], "--target", target, "x@y", "-p", "1", line])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    };
    let said = call(&words[3], "echo out; echo err >&2; exit 7");
    assert_eq!((&said.stdout[..], &said.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(said.status.code(), Some(7));
    let said = call("/does/not/exist", "true");
    assert_eq!(said.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&said.stderr).contains("target file"), "{said:?}");
}
