//! Getting one revision, and if wanted the uncommitted changes, into a machine's work clone.

use super::repo::{Repository, hg_failed};
use super::{Error, ErrorKind, Result};
use crate::domain::{Endpoint, Layout, escape_line};
use crate::remote::spool::{quote, words};
use crate::remote::{Captured, Shell};
use bytes::Bytes;
use std::fmt::Write as _;

/// The machine to push to.
#[derive(Debug, Clone, Copy)]
pub struct Remote<'a> {
    /// Where it answers.
    pub endpoint: &'a Endpoint,
    /// Where it keeps its folders.
    pub layout: &'a Layout,
    /// The words of a command that behaves like `ssh` towards it.
    pub ssh: &'a [String],
}

/// The URL of the work clone, its path percent-encoded.
#[must_use]
pub fn repository_url(endpoint: &Endpoint, layout: &Layout) -> String {
    let host = &endpoint.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let mut url = format!("ssh://{}@{host}:{}/", endpoint.user, endpoint.port);
    for byte in layout.work_source().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(url, "%{byte:02x}");
        }
    }
    url
}

/// Pushes a changeset with its ancestors, and those that hold the tags, to the machine's work clone. `line` gets what
/// `hg` says meanwhile.
///
/// # Errors
/// `Hg` with its words.
pub async fn push(
    repository: &Repository,
    node: &str,
    remote: Remote<'_>,
    line: &mut (dyn FnMut(&str) + Send),
) -> Result<()> {
    let url = repository_url(remote.endpoint, remote.layout);
    let ssh = format!("ui.ssh={}", words(remote.ssh));
    let hg = remote.layout.hg();
    // versions are made from tags, so the changesets that carry them go along
    let revset = format!("{node} + (file('path:.hgtags') and not secret())");
    let args = ["push", "--force", "--config", &ssh, "--remotecmd", &hg, "--rev", &revset, &url];
    let said = repository.hg().run(repository.root(), &args, line).await?;
    for text in String::from_utf8_lossy(&said.stdout).lines() {
        line(text);
    }
    // 1: nothing to push
    if matches!(said.code, 0 | 1) { Ok(()) } else { Err(hg_failed(&args, &said)) }
}

/// Makes the machine's working copy exactly that changeset, with nothing else in it.
///
/// # Errors
/// `Remote` with the words of the machine's `hg`.
pub async fn update(shell: &dyn Shell, layout: &Layout, node: &str) -> Result<()> {
    on_machine(shell, layout, &["--config", "extensions.purge=", "purge", "--all"], Bytes::new()).await?;
    on_machine(shell, layout, &["update", "--clean", "--rev", node], Bytes::new()).await?;
    let said = on_machine(shell, layout, &["log", "--rev", ".", "--template", "{node}"], Bytes::new()).await?;
    let there = String::from_utf8_lossy(&said.stdout);
    if there == node {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Remote, format!("the machine is at `{}`, not at `{node}`", escape_line(&there))))
}

/// Applies uncommitted changes, a Git-style diff, to the machine's working copy.
///
/// # Errors
/// `Remote` with the words of the machine's `hg`.
pub async fn apply_diff(shell: &dyn Shell, layout: &Layout, diff: Vec<u8>) -> Result<()> {
    if diff.is_empty() {
        return Ok(());
    }
    on_machine(shell, layout, &["import", "--no-commit", "-"], Bytes::from(diff)).await.map(drop).map_err(|error| {
        Error::new(ErrorKind::Remote, "the uncommitted changes could not be applied on the machine")
            .hint("test the revision that the working folder is based on, or commit the changes")
            .caused_by(error)
    })
}

async fn on_machine(shell: &dyn Shell, layout: &Layout, args: &[&str], stdin: Bytes) -> Result<Captured> {
    let (hg, source) = (layout.hg(), layout.work_source());
    // no configuration of the machine's, no prompts
    let line = format!("HGPLAIN=1 HGRCPATH= {} -y -R {} {}", quote(&hg), quote(&source), words(args));
    let said = shell.capture(&line, stdin).await?;
    if said.status.is_success() {
        return Ok(said);
    }
    let why = String::from_utf8_lossy(&said.stderr).into_owned();
    let verb = args.iter().rev().find(|arg| ["purge", "update", "log", "import"].contains(arg)).unwrap_or(&"");
    let message =
        format!("`hg {verb}` failed on the machine (status {}): {}", said.status.code(), escape_line(why.trim()));
    Err(Error::new(ErrorKind::Remote, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HostKeys;

    #[test]
    fn urls_carry_any_path_and_host() {
        let mut endpoint = Endpoint {
            host: "127.0.0.1".into(),
            port: 2222,
            user: "hg".into(),
            key: "/k".into(),
            host_keys: HostKeys::Unknown,
            proxy_command: None,
        };
        let layout = Layout { hgdev: "/hgdev".into(), hgwork: "/a b/é%".into() };
        assert_eq!(repository_url(&endpoint, &layout), "ssh://hg@127.0.0.1:2222//a%20b/%c3%a9%25/src");
        endpoint.host = "::1".into();
        assert_eq!(repository_url(&endpoint, &Layout::interface()), "ssh://hg@[::1]:2222//hgwork/src");
    }
}
