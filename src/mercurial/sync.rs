//! Getting one revision, and if wanted the uncommitted changes, into a machine's work clone.

use super::repo::{Repository, hg_failed};
use super::{Error, ErrorKind, Result, server};
use crate::domain::{Endpoint, Layout, escape_line};
use crate::remote::spool::{quote, words};
use crate::remote::{Captured, PutOptions, Shell};
use bytes::Bytes;
use std::fmt::Write as _;
use std::path::Path;

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
    let revset = with_tags(node);
    let args = ["push", "--force", "--config", &ssh, "--remotecmd", &hg, "--rev", &revset, &url];
    let said = repository.hg().run(repository.root(), &args, line).await?;
    for text in String::from_utf8_lossy(&said.stdout).lines() {
        line(text);
    }
    // 1: nothing to push
    if matches!(said.code, 0 | 1) { Ok(()) } else { Err(hg_failed(&args, &said)) }
}

/// What a push of `node` takes along: versions are made from tags, so the changesets that carry them go with it.
fn with_tags(node: &str) -> String {
    format!("{node} + (file('path:.hgtags') and not secret())")
}

/// Bundles a changeset with its ancestors, and those that hold the tags, as far as the machine lacks them, and adds them
/// to its work clone: what [`push`] does where there is no SSH. `scratch` is a private folder. `line` gets what `hg` says
/// meanwhile.
///
/// # Errors
/// `Hg` with its words; `Remote` with those of the machine's `hg`; those of the shell.
pub async fn send_bundle(
    repository: &Repository,
    node: &str,
    shell: &dyn Shell,
    layout: &Layout,
    scratch: &Path,
    line: &mut (dyn FnMut(&str) + Send),
) -> Result<()> {
    let common = common(repository, shell, layout).await?;
    let bases = if common.is_empty() { "null".to_owned() } else { common.join("+") };
    let all = format!("({}) and not secret()", with_tags(node));
    let missing = format!("only({all}, {bases})");
    let root = repository.root();
    let missing = repository.hg().must(root, &["log", "--rev", &missing, "--template", "x"]).await?.stdout.len();
    if missing == 0 {
        line("no changes found");
        return Ok(());
    }
    let name = format!("hga-{:032x}.hg", rand::random::<u128>());
    let file = scratch.join(&name);
    let text = file.to_string_lossy();
    // with phases, as a push has them: what is public here is so there, and drafts stay drafts
    let args = ["bundle", "--type", "gzip-v2;phases=yes", "--base", &bases, "--rev", &all, &text];
    let there = format!("{}/{name}", layout.hgwork);
    let sent = async {
        repository.hg().must(root, &args).await?;
        line(&format!("sending {missing} changesets"));
        let options = PutOptions { mode: 0o600, resume: false };
        shell.put(&file, &there, options, &|_, _| {}).await?;
        let (hg, source, there) = (quote(&layout.hg()), quote(&layout.work_source()), quote(&there));
        let unbundle =
            format!("HGPLAIN=1 HGRCPATH= {hg} -y -R {source} unbundle {there}; s=$?; rm -f {there}; exit $s");
        let said = shell.capture(&unbundle, Bytes::new()).await?;
        for text in String::from_utf8_lossy(&said.stdout).lines() {
            line(text);
        }
        if said.status.is_success() { Ok(()) } else { Err(failed("unbundle", &said)) }
    };
    let sent = sent.await;
    // a private copy of what is in the repository anyway
    let _ = std::fs::remove_file(&file);
    sent
}

/// Changesets that both have, as far up as can be told in one question: the machine names its heads, its latest, and some
/// further and further back, for what is newest there need not be known here.
async fn common(repository: &Repository, shell: &dyn Shell, layout: &Layout) -> Result<Vec<String>> {
    /// Most of the machine's changesets that are looked at: all go into one argument.
    const MOST: usize = 1500;
    let further = (8..24).map(|power| format!(" + first(last(all(), {}))", 1_u32 << power));
    let revset = format!("last(all(), 200) + heads(all()){}", further.collect::<String>());
    let (hg, source) = (quote(&layout.hg()), quote(&layout.work_source()));
    let ask =
        format!("HGPLAIN=1 HGRCPATH= {hg} -y -R {source} log --rev {} --template '{{node}}\\n'", quote(&revset));
    let said = shell.capture(&ask, Bytes::new()).await?;
    if !said.status.is_success() {
        return Err(failed("log", &said));
    }
    let text = String::from_utf8_lossy(&said.stdout);
    let is_node = |line: &&str| line.len() == 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let known: Vec<String> = text.lines().filter(is_node).take(MOST).map(|node| format!("present({node})")).collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let revset = format!("heads(::({}))", known.join("+"));
    let said = repository.hg().must(repository.root(), &["log", "--rev", &revset, "--template", "{node}\n"]).await?;
    Ok(String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect())
}

/// Makes the machine's working copy exactly that changeset, with nothing else in it, in one round trip.
///
/// # Errors
/// `Remote` with the words of the machine's `hg`, or when the working copy is elsewhere afterwards.
pub async fn update(shell: &dyn Shell, layout: &Layout, node: &str) -> Result<()> {
    if update_by_one(shell, layout, node).await? {
        return Ok(());
    }
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

/// The same by one `hg` that is started once, as far as nothing stands in the way; whether the working copy is there.
async fn update_by_one(shell: &dyn Shell, layout: &Layout, node: &str) -> Result<bool> {
    let line = format!(
        "HGPLAIN=1 HGRCPATH= {} -R {} --config extensions.purge= serve --cmdserver pipe",
        quote(&layout.hg()),
        quote(&layout.work_source())
    );
    let commands: [&[&str]; 3] = [
        &["update", "-y", "--quiet", "--clean", "--rev", node],
        &["purge", "-y", "--all"],
        &["log", "-y", "--rev", ".", "--template", "{node}"],
    ];
    let said = shell.capture(&line, Bytes::from(server::requests(&commands))).await?;
    let answers = server::answers(&said.stdout).unwrap_or_default();
    let done = answers.len() == commands.len() && answers.iter().all(|answer| answer.status == 0);
    Ok(done && answers.last().is_some_and(|log| log.stdout == node.as_bytes()))
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
