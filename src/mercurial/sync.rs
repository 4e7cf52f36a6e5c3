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

/// Makes the machine's working copy exactly that changeset, with nothing else in it, in one round trip.
///
/// # Errors
/// `Remote` with the words of the machine's `hg`, or when the working copy is elsewhere afterwards.
pub async fn update(shell: &dyn Shell, layout: &Layout, node: &str) -> Result<()> {
    // First the update: it forgets added files, which only then count as untracked. It fails where an untracked file
    // is in the way of a folder, hence the second try.
    let line = format!(
        "export HGPLAIN=1 HGRCPATH=; hg() {{ {} -y -R {} \"$@\"; }}; \
         update() {{ hg update --quiet --clean --rev {} >&2; }}; \
         purge() {{ hg --config extensions.purge= purge --all >&2; }}; \
         update || {{ purge && update; }} || exit 72; purge || exit 71; hg log --rev . --template '{{node}}' || exit 73",
        quote(&layout.hg()),
        quote(&layout.work_source()),
        quote(node)
    );
    let said = shell.capture(&line, Bytes::new()).await?;
    let verb = match said.status.code() {
        0 => {
            let there = String::from_utf8_lossy(&said.stdout);
            if there == node {
                return Ok(());
            }
            let message = format!("the machine is at `{}`, not at `{node}`", escape_line(&there));
            return Err(Error::new(ErrorKind::Remote, message));
        }
        71 => "purge",
        72 => "update",
        _ => "log",
    };
    let error = failed(verb, &said);
    Err(if error.message.contains("unknown revision") {
        error.hint("a secret changeset is not pushed; make it a draft with `hg phase --draft --force REV`")
    } else {
        error
    })
}

fn failed(verb: &str, said: &Captured) -> Error {
    let why = String::from_utf8_lossy(&said.stderr);
    let status = said.status.code();
    Error::new(
        ErrorKind::Remote,
        format!("`hg {verb}` failed on the machine (status {status}): {}", escape_line(why.trim())),
    )
}

/// Applies uncommitted changes, a Git-style diff, to the machine's working copy.
///
/// # Errors
/// `Remote` with the words of the machine's `hg`.
pub async fn apply_diff(shell: &dyn Shell, layout: &Layout, diff: Vec<u8>) -> Result<()> {
    if diff.is_empty() {
        return Ok(());
    }
    let (hg, source) = (quote(&layout.hg()), quote(&layout.work_source()));
    let line = format!("HGPLAIN=1 HGRCPATH= {hg} -y -R {source} import --no-commit -");
    let said = shell.capture(&line, Bytes::from(diff)).await?;
    if said.status.is_success() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Remote, "the uncommitted changes could not be applied on the machine")
        .hint("test the revision that the working folder is based on, or commit the changes")
        .caused_by(failed("import", &said)))
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
            managed: None,
        };
        let layout = Layout { hgdev: "/hgdev".into(), hgwork: "/a b/é%".into() };
        assert_eq!(repository_url(&endpoint, &layout), "ssh://hg@127.0.0.1:2222//a%20b/%c3%a9%25/src");
        endpoint.host = "::1".into();
        assert_eq!(repository_url(&endpoint, &Layout::interface()), "ssh://hg@[::1]:2222//hgwork/src");
    }
}
