//! Walking the remote machine interface on one machine, point by point: one script in one command, and one small file
//! there and back.

use super::report::{Report, items};
use crate::domain::{CheckItem, CheckOutcome};
use crate::domain::{Layout, escape_line};
use crate::remote::{Error, PutOptions, Shell};
use bytes::Bytes;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

const SCRIPT: &str = include_str!("../../assets/check.sh");

/// What the machine has and lacks of the interface, in the interface's order; `user` is whom we mean to log in as
/// (`hg` on the interface's machines), `want_sudo` whether we mean to use `sudo`. Never an error: what cannot be asked
/// is an item too.
pub async fn walk(shell: &dyn Shell, layout: &Layout, user: &str, want_sudo: bool) -> Vec<CheckItem> {
    let what = format!("`{user}` logs in with the key");
    let line = match shlex::try_join(["sh", "-s", "--", &layout.hgdev, &layout.hgwork]) {
        Ok(line) => line,
        Err(error) => return unanswered(what, error.to_string(), None, layout, user, want_sudo),
    };
    let answer = match shell.capture(&line, Bytes::from_static(SCRIPT.as_bytes())).await {
        Ok(answer) => answer,
        Err(error) => return unanswered(what, told(&error), hint(&error), layout, user, want_sudo),
    };
    let report = Report::read(&answer.stdout);
    if report.user().is_none() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        let seen =
            format!("the login shell runs no script: {}", escape_line(first).chars().take(200).collect::<String>());
        let todo = format!("give `{user}` a POSIX shell: `sudo chsh -s /bin/bash {user}`");
        return unanswered(what, seen, Some(todo), layout, user, want_sudo);
    }
    let mut all = vec![CheckItem { what, outcome: CheckOutcome::Ok, seen: "it does".to_owned(), hint: None }];
    all.extend(items(&report, layout, user, want_sudo));
    // The interface names SFTP after `sudo`.
    let place = all.len().min(4);
    all.insert(place, sftp(shell).await);
    if !report.is_whole() {
        all.push(CheckItem {
            what: "the check ran to its end".to_owned(),
            outcome: CheckOutcome::Unknown,
            seen: format!("it ended with status {}", answer.status.code()),
            hint: Some("try again; what the machine did not say is unknown".to_owned()),
        });
    }
    all
}

/// Login failed, so nothing else could be asked.
fn unanswered(
    what: String,
    seen: String,
    hint: Option<String>,
    layout: &Layout,
    user: &str,
    want_sudo: bool,
) -> Vec<CheckItem> {
    let mut all = vec![CheckItem { what, outcome: CheckOutcome::Missing, seen, hint }];
    let unasked = |item: CheckItem| CheckItem { seen: "not asked".to_owned(), ..item };
    all.extend(items(&Report::default(), layout, user, want_sudo).into_iter().map(unasked));
    let sftp =
        CheckItem { what: SFTP.to_owned(), outcome: CheckOutcome::Unknown, seen: "not asked".into(), hint: None };
    all.insert(4, sftp);
    all
}

const SFTP: &str = "SFTP carries a file there and back";

fn told(error: &Error) -> String {
    escape_line(&crate::diag::chain(error))
}

fn hint(error: &Error) -> Option<String> {
    error.hints.first().map(|hint| hint.0.clone())
}

/// A private folder here that goes when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "could not remove a temporary folder");
        }
    }
}

async fn sftp(shell: &dyn Shell) -> CheckItem {
    let (outcome, seen, hint) = match there_and_back(shell).await {
        Ok(()) => (CheckOutcome::Ok, "it does".to_owned(), None),
        Err(error) => {
            let otherwise = "the SSH server needs `Subsystem sftp internal-sftp` in `/etc/ssh/sshd_config`";
            (CheckOutcome::Missing, told(&error), hint(&error).or_else(|| Some(otherwise.to_owned())))
        }
    };
    CheckItem { what: SFTP.to_owned(), outcome, seen, hint }
}

async fn there_and_back(shell: &dyn Shell) -> crate::remote::Result<()> {
    let local = |error: std::io::Error| {
        Error::new(crate::remote::ErrorKind::Local, "could not use a temporary folder here").caused_by(error)
    };
    let name = format!("hga-check-{:016x}", rand::random::<u64>());
    let folder = Folder::new(&name).map_err(local)?;
    // Another name than the folder here: the machine may be this computer.
    let (there, sent, back) = (format!("/tmp/{name}.there"), folder.0.join("sent"), folder.0.join("back"));
    // Every byte value once: whoever translates line ends or characters is found out.
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    std::fs::write(&sent, &bytes).map_err(local)?;
    let options = PutOptions { mode: 0o600, resume: false };
    let moved = async {
        shell.put(&sent, &there, options, &|_, _| {}).await?;
        shell.get(&there, &back, &|_, _| {}).await
    };
    let moved = moved.await;
    // Whatever became of it, nothing of ours stays there.
    let removed = shell.capture(&format!("rm -f {there}"), Bytes::new()).await;
    moved?;
    removed?;
    if std::fs::read(&back).map_err(local)? == bytes {
        return Ok(());
    }
    Err(Error::new(crate::remote::ErrorKind::Protocol, "the file came back changed"))
}
