//! The walk through the remote machine interface over a real shell, on layouts made in temporary folders.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

#[path = "support/local_shell.rs"]
mod local_shell;

use async_trait::async_trait;
use hgautomation::domain::Layout;
use hgautomation::domain::{CheckItem, CheckOutcome};
use hgautomation::hosts::walk;
use hgautomation::remote::{Command, Error, ErrorKind, Exec, PutOptions, Result, Shell, Transfer};
use local_shell::LocalShell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A layout below a folder, with an `hg` that answers as Mercurial does.
fn layout(root: &Path) -> Layout {
    let dev = root.join("hg dev");
    script(
        &dev.join("venv-bootstrap/bin/hg"),
        r#"case "$*" in
"version -q") echo "Mercurial Distributed SCM (version 7.2.4)" ;;
*" root") echo "$2" ;;
*" config phases.publish") echo False ;;
esac"#,
    );
    script(&dev.join("pyenv/shims/python3"), "exec python3 \"$@\"");
    fs::create_dir_all(dev.join("src")).unwrap();
    Layout { hgdev: dev.to_str().unwrap().into(), hgwork: root.join("hgwork").to_str().unwrap().into() }
}

fn user() -> String {
    let name = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    String::from_utf8(name).unwrap().trim().to_owned()
}

fn find<'a>(items: &'a [CheckItem], what: &str) -> &'a CheckItem {
    items.iter().find(|item| item.what.contains(what)).unwrap_or_else(|| panic!("no point `{what}` in {items:#?}"))
}

/// This computer, remembering where files were put.
#[derive(Default)]
struct Watched {
    put: std::sync::Mutex<Vec<String>>,
}

#[async_trait]
impl Shell for Watched {
    async fn exec(&self, command: Command) -> Result<Exec> {
        LocalShell::new().exec(command).await
    }

    async fn put(&self, from: &Path, to: &str, options: PutOptions, progress: Transfer<'_>) -> Result<()> {
        self.put.lock().unwrap().push(to.to_owned());
        LocalShell::new().put(from, to, options, progress).await
    }

    async fn get(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
        LocalShell::new().get(from, to, progress).await
    }

    async fn get_tree(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
        LocalShell::new().get_tree(from, to, progress).await
    }

    async fn put_tree(&self, from: &Path, to: &str, progress: Transfer<'_>) -> Result<u64> {
        LocalShell::new().put_tree(from, to, progress).await
    }

    async fn disconnect(&self) {}
}

#[tokio::test]
async fn a_laid_out_machine_is_seen_as_one() {
    let root = tempfile::tempdir().unwrap();
    let shell = Watched::default();
    let items = walk(&shell, &layout(root.path()), &user(), true).await;
    for what in [
        "logs in",
        "run as user",
        "SFTP",
        "/bin/bash",
        "hg dev` exists",
        "shims` is filled",
        "python3` works",
        "bin/hg` runs",
        "is a Mercurial repository",
        "non-publishing",
        "can be made and written to",
        "3.8 or newer",
        "`setsid` and `tail`",
    ] {
        assert_eq!(find(&items, what).outcome, CheckOutcome::Ok, "{:?}", find(&items, what));
    }
    // A group of the user's own name is usual, not certain.
    let alone = find(&items, "is in group").outcome == CheckOutcome::Ok;
    assert_eq!(find(&items, "belongs to").outcome == CheckOutcome::Ok, alone);
    assert!(!items.iter().any(|item| item.what.contains("to its end")), "{items:#?}");
    let put = shell.put.into_inner().unwrap();
    assert_eq!(put.len(), 1);
    assert!(!Path::new(&put[0]).exists(), "`{}` is left there", put[0]);
}

#[tokio::test]
async fn a_bare_machine_lacks_what_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let place = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let items =
        walk(&LocalShell::new(), &Layout { hgdev: place("none"), hgwork: place("a/b/c") }, "nobody-we-know", true)
            .await;
    assert_eq!(find(&items, "logs in").outcome, CheckOutcome::Ok);
    for what in ["run as user", "is in group", "none` exists", "bin/hg` runs", "is a Mercurial repository"] {
        let item = find(&items, what);
        assert_eq!(item.outcome, CheckOutcome::Missing, "{item:?}");
        assert!(item.hint.is_some(), "{item:?}");
    }
    assert_eq!(find(&items, "belongs to").outcome, CheckOutcome::Unknown);
    assert_eq!(find(&items, "shims` is filled").outcome, CheckOutcome::Warning);
    assert!(!root.path().join("none").exists(), "the check changes nothing");
}

#[tokio::test]
async fn a_link_to_another_users_file_is_the_links_own_owner() {
    let root = tempfile::tempdir().unwrap();
    let layout = layout(root.path());
    std::os::unix::fs::symlink("/", Path::new(&layout.hgdev).join("link")).unwrap();
    let items = walk(&LocalShell::new(), &layout, &user(), true).await;
    assert_eq!(find(&items, "is a Mercurial repository").outcome, CheckOutcome::Ok);
    let owned = find(&items, "belongs to");
    assert!(owned.outcome == CheckOutcome::Ok || !owned.seen.ends_with("/link"), "{owned:?}");
}

/// A machine that does not let us in, or whose login shell prints something of its own instead.
struct Broken(Option<&'static str>);

#[async_trait]
impl Shell for Broken {
    async fn exec(&self, _: Command) -> Result<Exec> {
        match self.0 {
            Some(line) => LocalShell::new().exec(Command::line(line)).await,
            None => {
                Err(Error::new(ErrorKind::Auth, "the key is\x1b[31m refused").hint("add it to `authorized_keys`"))
            }
        }
    }

    async fn put(&self, _: &Path, _: &str, _: PutOptions, _: Transfer<'_>) -> Result<()> {
        Err(Error::new(ErrorKind::Protocol, "no such subsystem"))
    }

    async fn get(&self, _: &str, _: &Path, _: Transfer<'_>) -> Result<u64> {
        Err(Error::new(ErrorKind::Protocol, "no such subsystem"))
    }

    async fn get_tree(&self, _: &str, _: &Path, _: Transfer<'_>) -> Result<u64> {
        unimplemented!("not asked")
    }

    async fn put_tree(&self, _: &Path, _: &str, _: Transfer<'_>) -> Result<u64> {
        unimplemented!("not asked")
    }

    async fn disconnect(&self) {}
}

#[tokio::test]
async fn without_a_login_every_other_point_is_unknown() {
    let items = walk(&Broken(None), &Layout::interface(), "hg", true).await;
    let login = &items[0];
    assert_eq!((login.outcome, login.seen.as_str()), (CheckOutcome::Missing, "the key is␛[31m refused"));
    assert_eq!(login.hint.as_deref(), Some("add it to `authorized_keys`"));
    assert!(items.len() > 15);
    assert!(items[1..].iter().all(|item| item.outcome == CheckOutcome::Unknown && item.seen == "not asked"));

    let items = walk(
        &Broken(Some("cat >/dev/null; printf 'This account\\033[2J is closed\\n' >&2; exit 1")),
        &Layout::interface(),
        "hg",
        true,
    )
    .await;
    assert_eq!(items[0].seen, "the login shell runs no script: This account␛[2J is closed");
}

#[tokio::test]
async fn a_check_that_breaks_off_says_so_and_names_what_it_learned() {
    let line = "cat >/dev/null; echo hga:user=hg; echo hga:groups=hg; kill -9 $$";
    let items = walk(&Broken(Some(line)), &Layout::interface(), "hg", true).await;
    assert_eq!(find(&items, "run as user").outcome, CheckOutcome::Ok);
    assert_eq!(find(&items, "`/bin/bash`").outcome, CheckOutcome::Unknown);
    let sftp = find(&items, "SFTP");
    assert_eq!((sftp.outcome, sftp.seen.as_str()), (CheckOutcome::Missing, "no such subsystem"));
    assert_eq!(items.last().unwrap().what, "the check ran to its end");
}
