//! The shell over AWS Systems Manager against a lab whose commands really run, on this computer: streams byte for byte and
//! live, input, signals, the spool, files and folders, through all that AWS does to calls.

#![cfg(all(target_os = "linux", feature = "aws"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests, and what they measure"
)]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/sshd.rs"]
mod sshd;

use async_trait::async_trait;
use bytes::Bytes;
use hgautomation::aws::{AwsCloud, AwsOptions, LaunchOptions, Regions};
use hgautomation::domain::{Endpoint, HostKeys, Managed, Region, RunId};
use hgautomation::remote::spool::{Ended, Offsets, RunSpec, Sink, Spool, Started};
use hgautomation::remote::{
    Chunk, Command, Connector, Error, ErrorKind, ExitStatus, PtySize, PutOptions, Result, Shell, Signal,
};
use hgautomation::ssh::SshConnector;
use lab::Lab;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const INSTANCE: &str = "HGA_TEST_INSTANCE";
/// A role whose machines Systems Manager knows, one machine with it and one without.
const MACHINES: &str = r#"
document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:*","Resource":"*"}}'
policy = iam.create_policy(PolicyName="AmazonSSMManagedInstanceCore", PolicyDocument=document)["Policy"]["Arn"]
iam.create_role(RoleName="r", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
iam.create_instance_profile(InstanceProfileName="p")
iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
iam.attach_role_policy(RoleName="r", PolicyArn=policy)
done(run(1, IamInstanceProfile={"Name": "p"}) + run(1))
"#;

/// Runs a test's body in a process of its own, whose environment leads the SDK to a fresh lab: this process's may not be
/// changed.
#[track_caller]
fn in_lab(test: &str, flags: &[&str], faults: &Value, body: impl AsyncFnOnce(Vec<String>)) {
    if let Ok(machines) = std::env::var(INSTANCE) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let body = body(machines.split(' ').map(str::to_owned).collect());
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(300), body).await.unwrap() });
        return;
    }
    let all = [lab::AT_ONCE, &["--ssm-here"], flags].concat();
    let lab = Lab::start(&all);
    let machines: Vec<String> = serde_json::from_value(lab.boto(MACHINES)).unwrap();
    lab.faults(faults);
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    lab.lead(&mut again).args(["--exact", test, "--nocapture"]).env(INSTANCE, machines.join(" "));
    let ran = again.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}\n{} calls", lab.calls().len());
}

/// The provider, which launches nothing here.
fn cloud() -> AwsCloud {
    let launch = LaunchOptions {
        key: "/nowhere".into(),
        client_key: String::new(),
        host_key: Arc::new(|| Err("none is made".to_owned())),
        host: "here".into(),
        types: hgautomation::domain::money::UsualTypes::default(),
        cidr: Vec::new(),
        open: false,
        address_from: String::new(),
        ssm_agent: None,
    };
    AwsCloud::new(AwsOptions { owner: "t".into(), regions: Regions::All, home: None, launch })
}

fn shell(instance: &str) -> Arc<dyn Shell> {
    let keys = std::env::temp_dir();
    let connector = cloud().connector(Arc::new(SshConnector::new(&keys, "/nowhere")));
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective()).unwrap().unwrap().name;
    let endpoint = Endpoint {
        host: "unused".into(),
        port: 22,
        user,
        key: keys,
        host_keys: HostKeys::Unknown,
        proxy_command: None,
        managed: Some(Managed { region: Region::new(lab::REGION).unwrap(), instance: instance.to_owned() }),
    };
    assert!(connector.ssh_command(&endpoint, Path::new("/")).unwrap_err().to_string().contains("bundles"));
    connector.shell(&endpoint)
}

async fn whole(shell: &dyn Shell, line: &str, input: Bytes) -> (Vec<u8>, Vec<u8>, ExitStatus) {
    let mut exec = shell.exec(Command::line(line)).await.unwrap();
    // in small pieces, as callers do
    for piece in input.chunks(50_000) {
        exec.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    exec.close_stdin().await.unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(chunk) = exec.next().await.unwrap() {
        match chunk {
            Chunk::Stdout(bytes) => out.extend_from_slice(&bytes),
            Chunk::Stderr(bytes) => err.extend_from_slice(&bytes),
        }
    }
    (out, err, exec.exit().unwrap())
}

/// What does not shrink, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(length).collect()
}

/// Processes of which a word of the command line is this.
fn processes(word: &str) -> usize {
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|one| one == word.as_bytes())).count()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn commands_are_live_and_exact() {
    in_lab("commands_are_live_and_exact", &[], &json!([]), async |machines| {
        let shell = shell(&machines[0]);
        let said = shell.capture("echo out; echo err >&2; cat; exit 7", Bytes::from_static(b"in")).await.unwrap();
        assert_eq!((said.stdout.as_slice(), said.stderr.as_slice()), (&b"out\nin"[..], &b"err\n"[..]));
        assert_eq!(said.status, ExitStatus::Code(7));
        let began = Instant::now();
        for _ in 0..5 {
            assert!(shell.capture("true", Bytes::new()).await.unwrap().status.is_success());
        }
        println!("a short command takes {} ms", began.elapsed().as_millis() / 5);

        // a stream that a command opens anew is not emptied by that
        let (out, _, _) = whole(&*shell, "echo one; echo two >/dev/stdout; echo three", Bytes::new()).await;
        assert_eq!(out, b"one\ntwo\nthree\n");

        // the first bytes come before the end, a signal is heard, and a status is told
        let mut exec = shell
            .exec(Command::line("trap 'echo bye; exit 3' INT; echo begun; while :; do sleep 0.05; done"))
            .await
            .unwrap();
        assert_eq!(exec.next().await.unwrap(), Some(Chunk::Stdout(Bytes::from_static(b"begun\n"))));
        assert_eq!(exec.exit(), None);
        exec.signal(Signal::Int).await.unwrap();
        assert_eq!(exec.next().await.unwrap(), Some(Chunk::Stdout(Bytes::from_static(b"bye\n"))));
        assert_eq!(exec.next().await.unwrap(), None);
        assert_eq!(exec.exit(), Some(ExitStatus::Code(3)));

        // input goes there bit by bit, and is answered
        let mut exec =
            shell.exec(Command::line("while read -r line; do echo \"got $line\"; done; echo end")).await.unwrap();
        for word in ["a", "b"] {
            exec.write(Bytes::from(format!("{word}\n"))).await.unwrap();
            assert_eq!(exec.next().await.unwrap(), Some(Chunk::Stdout(Bytes::from(format!("got {word}\n")))));
        }
        exec.close_stdin().await.unwrap();
        assert_eq!(exec.next().await.unwrap(), Some(Chunk::Stdout(Bytes::from_static(b"end\n"))));
        assert_eq!(exec.next().await.unwrap(), None);

        let pty = Command { line: None, pty: Some(("xterm".into(), PtySize { cols: 80, rows: 24 })) };
        assert_eq!(shell.exec(pty).await.err().unwrap().kind, ErrorKind::Local);
        let mut exec = shell.exec(Command::default()).await.unwrap();
        exec.write(Bytes::from_static(b"echo \"$0\"; exit 4\n")).await.unwrap();
        let mut out = Vec::new();
        while let Some(chunk) = exec.next().await.unwrap() {
            if let Chunk::Stdout(bytes) = chunk {
                out.extend_from_slice(&bytes);
            }
        }
        assert!(out.ends_with(b"sh\n"), "{}", String::from_utf8_lossy(&out));
        assert_eq!(exec.exit(), Some(ExitStatus::Code(4)));

        // what is let go ends there, with all it started
        let word = format!("6{}.5", std::process::id());
        let mut exec = shell.exec(Command::line(format!("sleep {word} & echo up; sleep {word}"))).await.unwrap();
        exec.next().await.unwrap();
        until("both sleep", || processes(&word) == 2).await;
        drop(exec);
        until("none is left", || processes(&word) == 0).await;
    });
}

#[test]
fn megabytes_come_as_they_were_said() {
    in_lab("megabytes_come_as_they_were_said", &["--ssm-delay", "0.01"], &json!([]), async |machines| {
        let shell = shell(&machines[0]);
        let folder = tempfile::tempdir().unwrap();
        let (text, binary) = (folder.path().join("text"), folder.path().join("binary"));
        let lines = (0..80_000).map(|n| format!("line {n}: what a test says, with a number {}", n * 7919));
        let lines = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(&text, &lines).unwrap();
        let bytes = noise(400_000);
        std::fs::write(&binary, &bytes).unwrap();
        for (file, expected) in [(&text, lines.as_bytes()), (&binary, bytes.as_slice())] {
            let began = Instant::now();
            let line = format!("cat '{}'; head -c 3000 '{}' >&2", file.display(), text.display());
            let (out, err, status) = whole(&*shell, &line, Bytes::new()).await;
            assert!(out == expected && err == lines.as_bytes()[..3000] && status.is_success());
            println!("{:.2} MB/s of {}", expected.len() as f64 / 1e6 / began.elapsed().as_secs_f64(), file.display());
        }
        let began = Instant::now();
        let (out, ..) = whole(&*shell, "sha256sum; cat", Bytes::from(bytes.clone())).await;
        let sum =
            std::process::Command::new("sha256sum").stdin(std::fs::File::open(&binary).unwrap()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&sum.stdout));
        println!("{:.2} MB/s of input", bytes.len() as f64 / 1e6 / began.elapsed().as_secs_f64());
    });
}

#[derive(Default)]
struct Taken {
    output: Vec<u8>,
    events: Vec<u8>,
    /// Breaks off after so many bytes, once.
    limit: Option<usize>,
}

#[async_trait]
impl Sink for Taken {
    async fn output(&mut self, bytes: &[u8]) -> Result<()> {
        if self.limit.is_some_and(|limit| self.output.len() + bytes.len() > limit) {
            self.limit = None;
            return Err(Error::new(ErrorKind::Lost, "that is enough"));
        }
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    async fn events(&mut self, bytes: &[u8]) -> Result<()> {
        self.events.extend_from_slice(bytes);
        Ok(())
    }
}

/// The spool through throttling, lost answers, and commands that are unseen at first.
#[test]
fn a_run_is_followed_through_trouble() {
    let faults = json!([
        {"kind": "throttle", "service": "ssm", "rate": 0.3, "seed": 3},
        {"kind": "lost", "action": "SendCommand", "rate": 0.1, "seed": 5},
    ]);
    let flags = ["--ssm-unseen", "0.15", "--ssm-delay", "0.02"];
    in_lab("a_run_is_followed_through_trouble", &flags, &faults, async |machines| {
        let shell = shell(&machines[0]);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("hg work/spool").to_str().unwrap().to_owned();
        let spool = Spool::new(&*shell, &place);
        let run = RunId::new("one").unwrap();
        let line =
            "for n in 1 2 3; do seq 20000; echo \"{\\\"n\\\": $n}\" >>\"$HGA_EVENTS\"; sleep 0.5; done; exit 5";
        let spec = RunSpec { run: run.clone(), line: line.into(), cwd: "/".into(), env: Vec::new() };
        assert_eq!(spool.start(&spec).await.unwrap(), Started::New);
        assert_eq!(spool.start(&spec).await.unwrap(), Started::Already);
        let (mut offsets, mut taken) = (Offsets::default(), Taken { limit: Some(150_000), ..Taken::default() });
        let broken = spool.follow(&run, &mut offsets, &mut taken).await.unwrap_err();
        assert_eq!(broken.to_string(), "that is enough");
        assert_eq!(spool.follow(&run, &mut offsets, &mut taken).await.unwrap(), Ended::Status(5));
        let expected = (1..=20_000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let expected = expected.repeat(3);
        assert!(taken.output == expected.as_bytes());
        assert_eq!(taken.events, b"{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n");
        // nobody follows any longer
        until("no follower is left", || processes(&place) == 0).await;

        // a run outlives whoever follows it
        let run = RunId::new("two").unwrap();
        let word = format!("7{}.5", std::process::id());
        let spec = RunSpec { run: run.clone(), line: format!("echo up; sleep {word}"), ..spec };
        spool.start(&spec).await.unwrap();
        let mut offsets = Offsets::default();
        let following = spool.follow(&run, &mut offsets, &mut taken);
        assert!(tokio::time::timeout(Duration::from_secs(2), following).await.is_err());
        until("no follower is left", || processes(&place) == 0).await;
        until("it runs on", || processes(&word) == 1).await;
        spool.signal(&run, Signal::Kill).await.unwrap();
        assert_eq!(spool.follow(&run, &mut offsets, &mut taken).await.unwrap(), Ended::Status(137));
    });
}

#[test]
fn files_and_folders_go_both_ways() {
    in_lab("files_and_folders_go_both_ways", &["--ssm-delay", "0.01"], &json!([]), async |machines| {
        let shell = shell(&machines[0]);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = |name: &str| path(name).to_str().unwrap().to_owned();
        let quiet = &|_, _| {};
        let bytes = noise(200_000);
        std::fs::write(path("from"), &bytes).unwrap();
        let last = std::sync::Mutex::new((0, 0));
        let progress = |done, all| *last.lock().unwrap() = (done, all);
        let options = PutOptions { mode: 0o640, resume: false };
        shell.put(&path("from"), &text("it's there"), options, &progress).await.unwrap();
        assert_eq!(*last.lock().unwrap(), (200_000, 200_000));
        assert!(std::fs::read(path("it's there")).unwrap() == bytes);
        assert_eq!(std::fs::metadata(path("it's there")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(shell.get(&text("it's there"), &path("back"), &progress).await.unwrap(), 200_000);
        assert_eq!(*last.lock().unwrap(), (200_000, 200_000));
        assert!(std::fs::read(path("back")).unwrap() == bytes);
        assert_eq!(std::fs::metadata(path("back")).unwrap().permissions().mode() & 0o777, 0o640);
        // what an earlier try left is gone on with
        let seconds = {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::metadata(path("from")).unwrap().mtime()
        };
        let part = format!(".{{}}.{:x}-{seconds:x}.part", bytes.len());
        for name in ["here", "over"] {
            std::fs::write(path(&part.replace("{}", name)), &bytes[..150_000]).unwrap();
        }
        let first = std::sync::Mutex::new(None);
        let progress = |done, _| _ = first.lock().unwrap().get_or_insert(done);
        shell.get(&text("from"), &path("here"), &progress).await.unwrap();
        assert!(first.lock().unwrap().take().unwrap() >= 150_000);
        shell.put(&path("from"), &text("over"), PutOptions { mode: 0o600, resume: true }, &progress).await.unwrap();
        assert_eq!(first.lock().unwrap().take(), Some(150_000));
        for name in ["here", "over"] {
            assert!(std::fs::read(path(name)).unwrap() == bytes, "{name}");
        }
        let missing = shell.get(&text("nowhere"), &path("x"), quiet).await.unwrap_err();
        assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
        let missing = shell.put(&path("from"), &text("no/where"), options, quiet).await.unwrap_err();
        assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
        assert_eq!(shell.get_tree(&text("nowhere"), &path("x"), quiet).await.unwrap_err().kind, ErrorKind::NotFound);

        std::fs::create_dir_all(path("tree/a/b")).unwrap();
        std::fs::write(path("tree/a/b/file"), &bytes[..5000]).unwrap();
        std::fs::write(path("tree/a/run"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path("tree/a/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("../nowhere", path("tree/a/link")).unwrap();
        assert_eq!(shell.get_tree(&text("tree"), &path("got"), quiet).await.unwrap(), 3);
        assert_eq!(shell.put_tree(&path("got"), &text("put it"), &progress).await.unwrap(), 3);
        let same = std::process::Command::new("diff")
            .args(["-r", "--no-dereference"])
            .args([path("tree"), path("put it")])
            .output()
            .unwrap();
        assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
        assert_eq!(std::fs::metadata(path("put it/a/run")).unwrap().permissions().mode() & 0o777, 0o755);
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
    });
}

#[test]
fn trouble_is_named_and_says_what_helps() {
    in_lab("trouble_is_named_and_says_what_helps", &[], &json!([]), async |machines| {
        let other = shell(&machines[1]);
        let error = other.capture("echo secret-word", Bytes::new()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert!(error.hints[0].0.contains("AmazonSSMManagedInstanceCore"), "{error:?}");
        assert!(!format!("{error:?}").contains("secret-word"));
        let long: String = noise(80_000).iter().map(|byte| char::from(byte % 64 + 48)).collect();
        assert_eq!(other.exec(Command::line(long)).await.err().unwrap().kind, ErrorKind::Local);
    });
}

#[test]
fn what_is_not_allowed_is_named() {
    let denied = json!([{"kind": "denied", "action": "SendCommand"}]);
    in_lab("what_is_not_allowed_is_named", &[], &denied, async |machines| {
        let error = shell(&machines[0]).capture("true", Bytes::new()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.to_string().contains("ssm:SendCommand"), "{error}");
        assert!(error.hints[0].0.contains("hga doctor --iam"), "{error:?}");
    });
}

/// `aws` of this test checks how it is called, and leads to a real sshd as Session Manager would to a machine's.
const AWS: &str = r#"#!/usr/bin/env python3
import os, socket, sys, threading
wanted = "ssm start-session --target i-0123456789abcdef0 --document-name AWS-StartSSHSession --parameters portNumber=22 --region us-west-2"
if " ".join(sys.argv[1:]) != wanted:
    sys.exit(f"called with {sys.argv}")
s = socket.create_connection(("127.0.0.1", int(os.environ["HGA_TEST_PORT"])))
def up():
    while data := os.read(0, 65536):
        s.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(65536):
    os.write(1, data)
"#;

#[test]
fn live_sessions_go_by_ssh_through_session_manager() {
    let server = sshd::Sshd::start();
    let port = server.port;
    let managed = Managed { region: Region::new(lab::REGION).unwrap(), instance: "i-0123456789abcdef0".into() };
    let proxy = "aws ssm start-session --target i-0123456789abcdef0 --document-name AWS-StartSSHSession \
                 --parameters portNumber=%p --region us-west-2";
    let endpoint =
        Endpoint { port: 22, proxy_command: Some(proxy.into()), managed: Some(managed), ..server.endpoint() };
    if let Ok(expected) = std::env::var(INSTANCE) {
        let endpoint: Endpoint = serde_json::from_str(&std::env::var("HGA_TEST_ENDPOINT").unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let connector = cloud().connector(Arc::new(SshConnector::new("/nowhere", "/nowhere")));
        let shell = connector.shell(&endpoint.live());
        let said = runtime.block_on(shell.capture("echo through", Bytes::new()));
        match expected.as_str() {
            "works" => assert_eq!(said.unwrap().stdout, b"through\n"),
            hint => {
                let error = said.unwrap_err();
                assert!(error.hints.iter().any(|given| given.0.contains(hint)), "{error:?}");
            }
        }
        return;
    }
    let bin = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let attempt = |aws: Option<&str>, path: &str, expected: &str| {
        let file = bin.path().join("aws");
        if let Some(aws) = aws {
            std::fs::write(&file, aws).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            std::fs::remove_file(&file).unwrap();
        }
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "live_sessions_go_by_ssh_through_session_manager", "--nocapture"]);
        again.env("HGA_TEST_ENDPOINT", serde_json::to_string(&endpoint).unwrap());
        again.env("HGA_TEST_PORT", port.to_string()).env(INSTANCE, expected).env("PATH", path);
        let ran = again.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    };
    attempt(Some(AWS), &path, "works");
    attempt(
        Some("#!/bin/sh\necho 'SessionManagerPlugin is not found.' >&2; exit 255\n"),
        &path,
        "Session Manager plugin",
    );
    attempt(None, "/usr/sbin:/usr/bin:/bin", "AWS CLI");
}
