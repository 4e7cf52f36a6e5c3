//! Mercurial's tests on a listed host, which is a real OpenSSH server, through the whole program: first contact,
//! passing and failing runs, cut and frozen connections, killed clients, wrong keys, filesystems, busy hosts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test says what it lacks and stops where it fails"
)]

#[path = "support/cut.rs"]
mod cut;
#[path = "support/ssh_host.rs"]
mod ssh_host;

use cut::Cut;
use ssh_host::{Client, Lab, Owner, laid_out, sshd, until};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

const PASSING: &str = "  $ echo hello\n  hello\n";

/// Fails; leaves a daemon with a session of its own, and a folder that cannot be written to.
const BAD: &str = "  $ setsid sleep 600 </dev/null >/dev/null 2>&1 &
  $ mkdir \"$TESTDIR/../closed\" && touch \"$TESTDIR/../closed/x\" && chmod 555 \"$TESTDIR/../closed\"
  $ echo apples
  pears
";

fn test(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// Skips what only root can have, loudly; never where everything has to be tested.
fn have_hg(what: &str) -> bool {
    let have = laid_out();
    assert!(have || std::env::var("CI").as_deref() != Ok("true") || !nix::unistd::geteuid().is_root());
    if !have {
        eprintln!("NOT TESTED: {what}: needs root and tests/support/make-openssh-machine.sh");
    }
    have
}

fn fingerprint(public: &std::path::Path) -> String {
    let said = Command::new(sshd::find("ssh-keygen")).arg("-lf").arg(public).output().unwrap();
    String::from_utf8(said.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn an_unknown_host_is_shown_pinned_and_checked() {
    let lab = Lab::new();
    lab.host("new", lab.server.port, "");
    let shown = fingerprint(&lab.server.home.path().join("host_ed25519.pub"));
    // nobody to ask
    let said = lab.said(&["machines", "check", "new"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.err.contains(&shown), "{said:?}");
    let said = lab.said(&["run-tests-linux", "--machine", "new", "--source", "/"]);
    assert_eq!(said.code, 100, "{said:?}");
    let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let said = lab.said(&["machines", "check", "new", "--pin", wrong]);
    assert_eq!(said.code, 100, "{said:?}");
    assert!(said.err.contains(&shown) && said.err.contains(wrong), "{said:?}");
    assert!(!lab.path("state/host-keys/new").exists());

    let said = lab.said(&["machines", "check", "new", "--pin", &shown]);
    assert!(lab.path("state/host-keys/new").exists());
    assert!(said.err.contains(&format!("pinned the host key {shown}")), "{said:?}");
    if lab.owner == Owner::Hg {
        assert!(!said.out.contains("MISSING") && !said.out.contains("unknown"), "{said:?}");
        assert_eq!(said.code, 0, "{said:?}");
    }
    // once pinned, nothing is asked
    assert_eq!(lab.said(&["machines", "check", "new"]).code, said.code);

    if lab.owner == Owner::Oneself {
        fs::rename(lab.path("hgdev/src"), lab.path("hgdev/gone")).unwrap();
        let said = lab.said(&["machines", "check", "new"]);
        assert_eq!(said.code, 100);
        let line = said.out.lines().find(|line| line.contains("is a Mercurial repository")).unwrap();
        assert!(line.starts_with("MISSING"), "{said:?}");
    }
}

#[test]
fn a_missing_point_is_named() {
    let lab = Lab::owned_by(Owner::Oneself);
    fs::rename(lab.path("hgdev/src"), lab.path("hgdev/gone")).unwrap();
    let said = lab.said(&["machines", "check", "box"]);
    assert_eq!(said.code, 100, "{said:?}");
    let line = said.out.lines().find(|line| line.contains("is a Mercurial repository")).unwrap();
    assert!(line.starts_with("MISSING"), "{said:?}");
    // that it has no sudo was said in the configuration
    let line = said.out.lines().find(|line| line.contains("`sudo`")).unwrap();
    assert!(!line.starts_with("MISSING"), "{said:?}");
}

#[test]
fn tests_pass_and_fail_and_nothing_is_left() {
    let lab = Lab::new();
    lab.repository(&[test("test-good.t", PASSING), test("test-bad.t", BAD)]);
    let said = lab.run("box", &["test-good.t"]);
    assert_eq!(said.code, 0, "{said:?}");
    lab.assert_clean();
    let results = lab.path("results");
    let said = lab.run("box", &["--results", results.to_str().unwrap()]);
    assert_eq!(said.code, 1, "{said:?}");
    for part in ["-  pears", "+  apples", "test-bad.t"] {
        assert!(said.out.contains(part) || said.err.contains(part), "{part}: {said:?}");
    }
    for file in ["report.json", "test-bad.t.err", "output.txt"] {
        assert!(results.join(file).exists(), "{file}");
    }
    lab.assert_clean();
}

/// The same bytes as on the machine, every test told once, and the tests' own exit status.
fn assert_whole(lab: &Lab, client: &Client, code: i32, tests: &[(String, String)]) {
    assert_eq!(code, 1, "{:#?}", client.events);
    let output = lab.output_of(&client.job());
    assert!(output == lab.kept("output"), "{}", String::from_utf8_lossy(&output));
    let mut names: Vec<_> = tests.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(client.tests("started"), names);
    assert_eq!(client.tests("ended"), names);
    let last = tests.last().unwrap();
    assert!(String::from_utf8_lossy(&output).contains(&format!("+  900 of {}", last.0)));
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_cuts_lose_and_repeat_nothing() {
    let lab = Lab::new();
    let proxy = Cut::before(lab.server.port).await;
    let pin = fs::read_to_string(lab.server.home.path().join("host_ed25519.pub")).unwrap();
    lab.host("far", proxy.port, &format!("host_key = [{:?}]", pin.trim()));
    let tests: Vec<_> = (0..11).map(|n| lab.gated(&format!("test-{n:02}.t"), 900)).collect();
    lab.repository(&tests);
    let mut client = lab.begin("far", &["-j1"]);
    for cuts in 0..11 {
        let name = client.started().await;
        if cuts == 0 {
            lab.keep_spool(&client.job());
        }
        if cuts < 10 {
            proxy.cut();
            // every other time much is printed while nobody listens
            if cuts % 2 == 0 {
                lab.open(&name);
            }
            client.until("the connection is back", |event| event["event"] == "link.restored").await;
        }
        lab.open(&name);
    }
    let (code, _) = client.ended().await;
    assert_eq!((client.count("link.lost"), client.count("link.restored")), (10, 10));
    assert_whole(&lab, &client, code, &tests);
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_that_stands_still_is_noticed_and_survived() {
    let lab = Lab::new();
    let proxy = Cut::before(lab.server.port).await;
    let pin = fs::read_to_string(lab.server.home.path().join("host_ed25519.pub")).unwrap();
    lab.host("far", proxy.port, &format!("host_key = [{:?}]", pin.trim()));
    let tests: Vec<_> = (0..3).map(|n| lab.gated(&format!("test-{n:02}.t"), 900)).collect();
    lab.repository(&tests);
    let mut client = lab.begin("far", &["-j1"]);
    let first = client.started().await;
    lab.keep_spool(&client.job());
    proxy.freeze(true);
    lab.open(&first);
    client.until("the silence is noticed", |event| event["event"] == "link.lost").await;
    proxy.freeze(false);
    client.until("the connection is back", |event| event["event"] == "link.restored").await;
    for _ in 0..2 {
        let name = client.started().await;
        lab.open(&name);
    }
    let (code, _) = client.ended().await;
    assert_whole(&lab, &client, code, &tests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_client_is_followed_by_another() {
    let lab = Lab::new();
    let tests: Vec<_> = (0..4).map(|n| lab.gated(&format!("test-{n:02}.t"), 900)).collect();
    lab.repository(&tests);
    let mut client = lab.begin("box", &["-j1"]);
    let first = client.started().await;
    let job = client.job();
    lab.keep_spool(&job);
    lab.open(&first);
    let second = client.started().await;
    client.kill();
    // runs on by itself
    lab.open(&second);
    let mut client = Client::start(lab.hga(&["--json", "jobs", "attach", &job]));
    for _ in 0..4 {
        let name = client.started().await;
        lab.open(&name);
    }
    let (code, _) = client.ended().await;
    assert_eq!(client.job(), job);
    assert_whole(&lab, &client, code, &tests);
    // killed in its second life too, when all is over on the machine
    let mut client = lab.begin("box", &["-j1"]);
    let first = client.started().await;
    client.kill();
    lab.open(&first);
    until("the run has ended by itself", || lab.status_file().exists());
    let mut client = Client::start(lab.hga(&["--json", "jobs", "attach", &client.job()]));
    assert_eq!(client.ended().await.0, 1);
    assert_eq!(client.tests("ended").len(), 4);
    lab.assert_clean();
}

#[test]
fn wrong_keys_are_refused_and_explained() {
    let lab = Lab::new();
    lab.repository(&[test("test-good.t", PASSING)]);
    let other = lab.path("other");
    sshd::keygen("ed25519", &other);
    let public = other.with_extension("pub");
    let pin = fs::read_to_string(&public).unwrap();
    lab.host("impostor", lab.server.port, &format!("host_key = [{:?}]", pin.trim()));
    let said = lab.run("impostor", &["test-good.t"]);
    assert_eq!(said.code, 100, "{said:?}");
    let shown = fingerprint(&lab.server.home.path().join("host_ed25519.pub"));
    for part in [&shown, &fingerprint(&public)] {
        assert!(said.err.contains(part.as_str()), "{part}: {said:?}");
    }
    let right = fs::read_to_string(lab.server.home.path().join("host_ed25519.pub")).unwrap();
    let lines = format!("host_key = [{:?}]\nkey = {:?}", right.trim(), other.display().to_string());
    lab.host("locked", lab.server.port, &lines);
    let said = lab.run("locked", &["test-good.t"]);
    assert_eq!(said.code, 100, "{said:?}");
    for part in ["does not let user", &fingerprint(&public), "authorized_keys"] {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
    lab.assert_clean();
}

#[test]
fn a_proxy_command_leads_to_a_host() {
    let lab = Lab::new();
    lab.repository(&[test("test-good.t", PASSING)]);
    let pin = fs::read_to_string(lab.server.home.path().join("host_ed25519.pub")).unwrap();
    // OpenSSH's own `ssh -W` through the same server; the address that the configuration names leads nowhere
    let ssh = sshd::find("ssh");
    let words = lab.server.openssh_options().join(" ");
    let command = format!(
        "{} {words} -p {} -W 127.0.0.1:{} {}@127.0.0.1",
        ssh.display(),
        lab.server.port,
        lab.server.port,
        lab.user()
    );
    lab.host("hidden", 1, &format!("host_key = [{:?}]\nproxy_command = {command:?}", pin.trim()));
    let said = lab.run("hidden", &["test-good.t"]);
    assert_eq!(said.code, 0, "{said:?}");
    lab.assert_clean();
}

#[test]
fn filesystems_need_sudo() {
    let lab = Lab::owned_by(Owner::Oneself);
    lab.repository(&[test("test-good.t", PASSING)]);
    let said = lab.run("box", &["--filesystem", "tmpfs", "test-good.t"]);
    assert_eq!(said.code, 100, "{said:?}");
    assert!(said.err.contains("needs a machine that allows `sudo`"), "{said:?}");
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn filesystems_are_made_and_removed() {
    if !have_hg("filesystems") {
        return;
    }
    let lab = Lab::owned_by(Owner::Hg);
    let (name, text) = lab.gated("test-good.t", 0);
    lab.repository(&[(name, format!("{text}  $ setsid sleep 600 </dev/null >/dev/null 2>&1 &\n"))]);
    for kind in ["tmpfs", "ext4"] {
        let _ = fs::remove_file(lab.path("gates/test-good.t"));
        let mut client = lab.begin("box", &["--filesystem", kind]);
        client.started().await;
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let work = lab.hgwork();
        let line = mounts.lines().find(|line| line.contains(work.to_str().unwrap())).unwrap();
        assert_eq!(line.split(' ').nth(2), Some(kind), "{line}");
        lab.open("test-good.t");
        let (code, said) = client.ended().await;
        assert_eq!(code, 0, "{said} {:#?}", client.events);
        lab.assert_clean();
        assert_no_image(&client.job());
    }
    // what cannot be had leaves nothing either
    let said = lab.run("box", &["--filesystem", "jfs", "test-good.t"]);
    if sshd_has("mkfs.jfs") {
        eprintln!("NOT TESTED: a filesystem that is not there, since jfs is");
    } else {
        assert_eq!(said.code, 100, "{said:?}");
        assert!(said.err.contains("mkfs.jfs is not installed"), "{said:?}");
    }
    lab.assert_clean();
}

fn sshd_has(program: &str) -> bool {
    ["/sbin", "/usr/sbin", "/usr/local/sbin"].iter().any(|folder| std::path::Path::new(folder).join(program).exists())
}

fn assert_no_image(job: &str) {
    let images: Vec<_> = fs::read_dir("/var/tmp")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains(job))
        .collect();
    assert!(images.is_empty(), "{images:?}");
    let loops = Command::new("losetup").arg("-a").output().map(|said| said.stdout).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&loops).contains(job));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_host_names_its_job_and_is_taken_over_once_that_is_over() {
    let lab = Lab::new();
    lab.repository(&[lab.gated("test-long.t", 0), test("test-good.t", PASSING)]);
    let mut client = lab.begin("box", &["test-long.t"]);
    client.started().await;
    let job = client.job();
    let said = lab.run("box", &["test-good.t"]);
    assert!(said.code == 100 && said.err.contains(&format!("busy with job {job}")), "{said:?}");
    client.kill();
    // the client is gone, its run is not
    let said = lab.run("box", &["test-good.t"]);
    assert!(said.code == 100 && said.err.contains(&format!("busy with job {job}")), "{said:?}");
    lab.open("test-long.t");
    until("the run has ended", || lab.status_file().exists());
    // its results may still be fetched for a while
    let said = lab.run("box", &["test-good.t"]);
    assert!(said.code == 100 && said.err.contains(&format!("busy with job {job}")), "{said:?}");
    let aged = Command::new("touch").args(["-d", "1 hour ago"]).arg(lab.status_file()).status().unwrap();
    assert!(aged.success());
    let said = lab.run("box", &["test-good.t"]);
    assert_eq!(said.code, 0, "{said:?}");
    lab.assert_clean();
    // the first job finds nothing of its own, and disturbs nobody
    let said = lab.said(&["jobs", "attach", &job]);
    assert_eq!(said.code, 105, "{said:?}");
    assert!(said.out.contains("another job has taken it over"), "{said:?}");
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_has_begun_no_run_yet_keeps_others_out() {
    let lab = Lab::new();
    lab.repository(&[test("test-good.t", PASSING)]);
    let folder = lab.hgwork();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(".hga-job"), "j-abc234\n").unwrap();
    let owner = fs::metadata(lab.path("place")).unwrap();
    std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    let said = lab.run("box", &["test-good.t"]);
    assert!(said.code == 100 && said.err.contains("busy with job j-abc234"), "{said:?}");
    let aged = Command::new("touch").args(["-d", "1 hour ago"]).arg(folder.join(".hga-job")).status().unwrap();
    assert!(aged.success());
    let said = lab.run("box", &["test-good.t"]);
    assert_eq!(said.code, 0, "{said:?}");
    lab.assert_clean();
}
