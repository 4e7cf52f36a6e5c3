//! The Mercurial room against the real Mercurial.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/hg.rs"]
mod hg;
#[path = "support/local_shell.rs"]
mod local_shell;

use hg::{RealHg, real_hg};
use hgautomation::diag::Hinted;
use hgautomation::domain::{Endpoint, HostKeys, Layout, TestEvent, TestOutcome, TestResult};
use hgautomation::mercurial::{
    ErrorKind, EventDecoder, HOOK_SOURCE, HgCommand, Remote, Repository, TextDecoder, apply_diff, find_hg, push,
    send_bundle, update,
};
use local_shell::LocalShell;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn command(real: &RealHg) -> HgCommand {
    HgCommand::new(vec![real.hg.to_str().unwrap().to_owned()])
}

fn sh(folder: &Path, real: &RealHg, script: &str) -> String {
    let path = format!("{}:{}", real.hg.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let out = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("HGUSER", "t")
        .env("HGPLAIN", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test]
async fn revisions_are_resolved_to_exactly_one() {
    let real = real_hg();
    let folder = tempfile::tempdir().unwrap();
    let script = "hg init r; cd r; mkdir tests; echo a >tests/test-a.t; echo b >tests/test-b.py; echo c >tests/x.sh; \
                  hg commit -qAm 'first line\nsecond'; echo z >z; hg commit -qAm two";
    sh(folder.path(), &real, script);
    let repository = Repository::open(command(&real), &folder.path().join("r/tests")).await.unwrap();
    assert!(repository.root().ends_with("r"));
    let first = repository.resolve("0").await.unwrap();
    assert_eq!((first.node.len(), first.summary.as_str()), (40, "first line"));
    for (rev, part) in [
        ("nosuch", "unknown revision 'nosuch'"),
        ("all()", "more than one"),
        ("none()", "no changeset"),
        ("null", "empty revision"),
        ("--config", "--config"),
    ] {
        let error = repository.resolve(rev).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Revision);
        assert!(error.to_string().contains(part), "{rev}: {error}");
    }
    assert_eq!(repository.tests(&first.node).await.unwrap(), ["test-a.t", "test-b.py"]);
    assert!(!repository.is_dirty().await.unwrap());
    std::fs::write(folder.path().join("r/z"), "changed\n").unwrap();
    assert!(repository.is_dirty().await.unwrap());
    assert!(String::from_utf8(repository.dirty_diff().await.unwrap()).unwrap().contains("+changed"));
}

#[tokio::test]
async fn what_is_no_repository_is_told_with_a_hint() {
    let real = real_hg();
    let folder = tempfile::tempdir().unwrap();
    let error = Repository::open(command(&real), folder.path()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoRepository);
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let error = Repository::open(command(&real), folder.path()).await.unwrap_err();
    assert!(error.hints()[0].0.contains("Git repository"));
    let missing = HgCommand::new(vec!["/no/such/hg".into()]);
    assert_eq!(Repository::open(missing, folder.path()).await.unwrap_err().kind, ErrorKind::MissingTool);
    let bin = real.hg.parent().unwrap();
    assert_eq!(find_hg(None, None, Some(bin)).unwrap().words(), [real.hg.to_str().unwrap()]);
    assert_eq!(find_hg(None, None, None).unwrap_err().kind, ErrorKind::MissingTool);
    assert_eq!(find_hg(Some("a 'b c'"), None, None).unwrap().words(), ["a", "b c"]);
}

/// `ssh` of this test drops the destination and runs the rest here, as `sshd` would have the login shell do.
#[tokio::test]
async fn a_revision_and_uncommitted_changes_get_to_a_machine_whose_paths_have_spaces() {
    let real = real_hg();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a machine's");
    let layout = Layout {
        hgdev: root.join("hg dev").to_str().unwrap().to_owned(),
        hgwork: root.join("hg work").to_str().unwrap().to_owned(),
    };
    std::fs::create_dir_all(root.join("hg dev/venv-bootstrap/bin")).unwrap();
    std::fs::create_dir_all(&layout.hgwork).unwrap();
    std::os::unix::fs::symlink(&real.hg, layout.hg()).unwrap();
    let ssh = root.join("fake ssh");
    std::fs::write(&ssh, "#!/bin/sh\nfor last; do :; done\nexec sh -c \"$last\"\n").unwrap();
    std::fs::set_permissions(&ssh, PermissionsExt::from_mode(0o755)).unwrap();
    sh(
        folder.path(),
        &real,
        "hg init src; cd src; echo a >f; hg commit -qAm one; echo b >f; hg commit -qm two; hg init there",
    );
    sh(Path::new(&layout.hgwork), &real, "hg init src; echo junk >src/junk");
    let source = Repository::open(command(&real), &folder.path().join("src")).await.unwrap();
    let node = source.resolve(".").await.unwrap().node;
    let endpoint = Endpoint {
        host: "localhost".into(),
        port: 2222,
        user: "hg".into(),
        key: "/nowhere".into(),
        host_keys: HostKeys::Unknown,
        proxy_command: None,
        managed: None,
    };
    let words = [ssh.to_str().unwrap().to_owned()];
    let remote = Remote { endpoint: &endpoint, layout: &layout, ssh: &words };
    let mut said = Vec::new();
    push(&source, &node, remote, &mut |line| said.push(line.to_owned())).await.unwrap();
    assert!(!said.is_empty());
    // nothing to push is fine
    push(&source, &node, remote, &mut |_| ()).await.unwrap();
    let shell = LocalShell::new();
    update(&shell, &layout, &node).await.unwrap();
    let work = Path::new(&layout.hgwork).join("src");
    assert!(!work.join("junk").exists());
    assert_eq!(std::fs::read_to_string(work.join("f")).unwrap(), "b\n");
    std::fs::write(folder.path().join("src/f"), "dirty\n").unwrap();
    let diff = source.dirty_diff().await.unwrap();
    apply_diff(&shell, &layout, diff.clone()).await.unwrap();
    assert_eq!(std::fs::read_to_string(work.join("f")).unwrap(), "dirty\n");
    assert_eq!(apply_diff(&shell, &layout, diff).await.unwrap_err().kind, ErrorKind::Remote);
    update(&shell, &layout, &node).await.unwrap();
    assert_eq!(std::fs::read_to_string(work.join("f")).unwrap(), "b\n");
    assert_eq!(update(&shell, &layout, &"f".repeat(40)).await.unwrap_err().kind, ErrorKind::Remote);
}

/// What a push does, without SSH: also where the machine has something that is not here.
#[tokio::test]
async fn a_bundle_brings_what_a_push_would() {
    let real = real_hg();
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout {
        hgdev: folder.path().join("hg dev").to_str().unwrap().to_owned(),
        hgwork: folder.path().join("hg work's").to_str().unwrap().to_owned(),
    };
    std::fs::create_dir_all(folder.path().join("hg dev/venv-bootstrap/bin")).unwrap();
    std::os::unix::fs::symlink(&real.hg, layout.hg()).unwrap();
    std::fs::create_dir(&layout.hgwork).unwrap();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let make =
        "hg init src; cd src; for n in 1 2 3; do echo $n >f; hg commit -qAm \"change $n\"; done; hg phase --public .";
    sh(folder.path(), &real, make);
    let work = Path::new(&layout.hgwork).join("src");
    let there = |script: &str| sh(&work, &real, script);
    // an image that is older, and has a changeset of its own on top
    sh(Path::new(&layout.hgwork), &real, "hg clone -qr 1 ../src src");
    there("printf '[phases]\\npublish = False\\n' >>.hg/hgrc; echo own >own; hg commit -qAm own");
    let here = "cd src; echo 4 >f; hg commit -qm 'change 4'; hg tag -q v4; hg update -q 'desc(\"change 4\")'; \
                echo 5 >f; hg commit -qm 'change 5'";
    sh(folder.path(), &real, here);
    let source = Repository::open(command(&real), &folder.path().join("src")).await.unwrap();
    let node = source.resolve(".").await.unwrap().node;
    let shell = LocalShell::with_prefix("echo welcome; ");
    let mut said = Vec::new();
    send_bundle(&source, &node, &shell, &layout, &scratch, &mut |line| said.push(line.to_owned())).await.unwrap();
    // changes 3, 4 and 5, and the one with the tag
    assert_eq!(said[0], "sending 4 changesets", "{said:?}");
    update(&LocalShell::new(), &layout, &node).await.unwrap();
    assert_eq!(
        there("hg log -r 'desc(\"re:^change\")' -T '{desc}:{phase} '"),
        "change 1:public change 2:public change 3:public change 4:draft change 5:draft "
    );
    assert!(there("hg tags").contains("v4 "));
    // nothing is left, and nothing is to be sent again
    said.clear();
    send_bundle(&source, &node, &shell, &layout, &scratch, &mut |line| said.push(line.to_owned())).await.unwrap();
    assert_eq!(said, ["no changes found"]);
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(&layout.hgwork).unwrap().count(), 1);
    // an empty clone gets all; secrets do not go
    there("cd ..; rm -r src; hg init src");
    sh(&folder.path().join("src"), &real, "echo s >s; hg commit -qAm hush --secret");
    send_bundle(&source, &node, &shell, &layout, &scratch, &mut |_| ()).await.unwrap();
    assert_eq!(there("hg log -T x").len(), 6);
    let secret = source.resolve(".").await.unwrap().node;
    send_bundle(&source, &secret, &shell, &layout, &scratch, &mut |_| ()).await.unwrap();
    assert!(update(&LocalShell::new(), &layout, &secret).await.unwrap_err().hints()[0].0.contains("secret"));
}

/// The real runner, every kind of outcome: the hook's events, the text's events and the exit status agree.
#[test]
fn hook_and_text_tell_the_same_about_a_real_run() {
    let real = real_hg();
    let folder = tempfile::tempdir().unwrap();
    sh(folder.path(), &real, &format!("cp -r '{}/tests' tests", real.source.display()));
    let tests = folder.path().join("tests");
    for (name, text) in [
        ("test-zz-fail.t", "  $ echo a\n  b\n"),
        ("test-zz-slow.t", "  $ sleep 40\n"),
        ("test-zz-skip.t", "  $ exit 80\n"),
        ("test-zz-case.t", "#testcases case-a case-b\n\n  $ echo a\n  a\n"),
    ] {
        std::fs::write(tests.join(name), text).unwrap();
    }
    std::fs::create_dir(folder.path().join("hook")).unwrap();
    std::fs::write(folder.path().join("hook/test_events.py"), HOOK_SOURCE).unwrap();
    let run = |hook: bool, extra: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command.args([
            "-c",
            "exec \"$@\" 2>&1",
            "sh",
            real.python.to_str().unwrap(),
            "run-tests.py",
            "-j2",
            "--json",
        ]);
        command.arg(format!("--with-hg={}", real.hg.display()));
        command.args(extra).current_dir(&tests).env_remove("HGA_EVENTS");
        if hook {
            command.env("HGA_EVENTS", folder.path().join("events"));
            command.env("CUSTOM_TEST_RESULT", "test_events").env("PYTHONPATH", folder.path().join("hook"));
        }
        command.output().unwrap()
    };
    let names =
        ["test-zz-fail.t", "test-zz-slow.t", "test-zz-skip.t", "test-zz-case.t", "test-bdiff.py", "test-nope.t"];
    let mut args = vec!["--timeout", "20", "--slowtimeout", "20"];
    args.extend(names);
    let out = run(true, &args);
    assert_eq!(out.status.code(), Some(1));
    let file = std::fs::read(folder.path().join("events")).unwrap();
    let mut decoder = EventDecoder::new(0);
    let events = decoder.feed(&file);
    assert_eq!((decoder.garbage(), decoder.trouble(), decoder.offset()), (0, None, file.len() as u64));
    let ended: BTreeMap<String, TestResult> = events
        .iter()
        .filter_map(|event| match event {
            TestEvent::Ended(result) => Some((result.name.clone(), result.clone())),
            _ => None,
        })
        .collect();
    let outcome = |name: &str| ended[name].outcome;
    assert_eq!(ended.len(), 7);
    assert_eq!(outcome("test-zz-fail.t"), TestOutcome::Failed);
    assert!(ended["test-zz-fail.t"].diff.as_ref().unwrap().contains("-  b\n+  a\n"));
    assert_eq!(outcome("test-zz-slow.t"), TestOutcome::TimedOut);
    assert_eq!(outcome("test-zz-skip.t"), TestOutcome::Skipped);
    assert_eq!(outcome("test-nope.t"), TestOutcome::Skipped);
    assert_eq!(ended["test-nope.t"].seconds, None);
    for name in ["test-zz-case.t#case-a", "test-zz-case.t#case-b", "test-bdiff.py"] {
        assert_eq!(outcome(name), TestOutcome::Passed, "{name}");
        assert!(ended[name].seconds.is_some());
    }

    let mut text = TextDecoder::new();
    let told = text.feed(&out.stdout);
    let summary = text.summary().unwrap();
    assert_eq!((summary.ran, summary.skipped, summary.failed), (5, 2, 2));
    assert!(summary.hash_seed.is_some());
    let count = |events: &[TestEvent], wanted| {
        events.iter().filter(|event| matches!(event, TestEvent::Ended(result) if result.outcome == wanted)).count()
    };
    for kind in [TestOutcome::Passed, TestOutcome::Failed, TestOutcome::TimedOut] {
        assert_eq!(count(&told, kind), count(&events, kind), "{kind:?}");
    }
    let named = told.iter().any(|event| matches!(event, TestEvent::Ended(result) if result.name == "test-zz-fail.t" && result.diff == ended["test-zz-fail.t"].diff));
    assert!(named, "{told:?}");

    // an events file that cannot be written does not disturb the run
    std::fs::remove_file(folder.path().join("events")).unwrap();
    std::fs::create_dir(folder.path().join("events")).unwrap();
    let out = run(true, &["test-bdiff.py"]);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stdout));
}

#[tokio::test]
async fn the_source_from_pypi_becomes_a_repository_once_and_always_the_same() {
    use hgautomation::mercurial::fetch_source;
    let real = real_hg();
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    // leftovers of a killed call
    std::fs::create_dir_all(one.join(".new/mercurial-0")).unwrap();
    let hg = command(&real);
    let silent = |_: &str, _: u32, _: u32| ();
    let (first, second) = tokio::join!(fetch_source(&one, &hg, &silent), fetch_source(&one, &hg, &silent));
    let first = first.unwrap();
    assert_eq!(first, second.unwrap());
    assert!(first.folder.join("tests/run-tests.py").exists());
    let other = fetch_source(&two, &hg, &silent).await.unwrap();
    let node = async |source: &hgautomation::mercurial::Source| {
        let repository = Repository::open(hg.clone(), &source.folder).await.unwrap();
        assert!(!repository.is_dirty().await.unwrap());
        let revision = repository.resolve(".").await.unwrap();
        let tests = repository.tests(&revision.node).await.unwrap();
        for name in hgautomation::mercurial::demo_tests() {
            assert!(tests.iter().any(|test| test == name), "{name}");
        }
        revision.node
    };
    assert_eq!(node(&first).await, node(&other).await);
    let mut names: Vec<_> = std::fs::read_dir(&one).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", format!("mercurial-{}", first.version).as_str()]);
}
