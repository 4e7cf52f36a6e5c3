//! What the machine said about itself, turned into the points of the remote machine interface. Pure: the machine's
//! words are hostile until they are read here.

use crate::domain::{CheckItem, CheckOutcome, Layout, escape_line};
use std::collections::BTreeMap;

/// What `check.sh` printed, by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report(BTreeMap<String, String>);

/// Longest value that is kept, in characters.
const LONGEST: usize = 200;

impl Report {
    /// Takes the lines of the form `hga:KEY=VALUE`, the first of each key, and passes over all others (a login shell
    /// may greet). No control character survives.
    pub(super) fn read(output: &[u8]) -> Self {
        let text = String::from_utf8_lossy(output);
        let mut values = BTreeMap::new();
        for line in text.lines() {
            let Some((key, value)) = line.strip_prefix("hga:").and_then(|line| line.split_once('=')) else {
                continue;
            };
            let value: String = escape_line(value.trim()).chars().take(LONGEST).collect();
            values.entry(key.to_owned()).or_insert(value);
        }
        Self(values)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether the script ran to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.get("end") == Some("1")
    }

    /// Whom the script was run as.
    pub(super) fn user(&self) -> Option<&str> {
        self.get("user")
    }
}

/// What one point comes to: outcome, what was seen, what to do.
type Finding = (CheckOutcome, String, Option<String>);

fn ok(seen: impl Into<String>) -> Finding {
    (CheckOutcome::Ok, seen.into(), None)
}

fn warning(seen: impl Into<String>, hint: impl Into<String>) -> Finding {
    (CheckOutcome::Warning, seen.into(), Some(hint.into()))
}

fn missing(seen: impl Into<String>, hint: impl Into<String>) -> Finding {
    (CheckOutcome::Missing, seen.into(), Some(hint.into()))
}

/// Space below which Mercurial's whole suite does not fit, in KiB: its tree, build and temporary files.
const ENOUGH_KIB: u64 = 2 << 20;

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((major, minor))
}

/// The points that the script answers, in the interface's order. A key it left out makes its point `Unknown`.
/// `want_sudo` is false where the configuration says that there is none: then it is no reason to turn a machine down.
pub(super) fn items(report: &Report, layout: &Layout, user: &str, want_sudo: bool) -> Vec<CheckItem> {
    let (dev, work, src, hg) = (&layout.hgdev, &layout.hgwork, layout.template_source(), layout.hg());
    let mut items = Vec::new();
    let mut point = |what: String, key: &str, judge: &dyn Fn(&str) -> Finding| {
        let unknown = || (CheckOutcome::Unknown, "the machine did not say".to_owned(), None);
        let (outcome, seen, hint) = report.get(key).map_or_else(unknown, judge);
        items.push(CheckItem { what, outcome, seen, hint });
    };
    point(format!("commands run as user `{user}`"), "user", &|seen| {
        if seen == user { ok(seen) } else { missing(seen, format!("log in as `{user}`, or set `user` of this host")) }
    });
    point(format!("it is in group `{user}`"), "groups", &|seen| {
        if seen.split(' ').any(|group| group == user) {
            return ok(seen);
        }
        missing(seen, format!("on the machine: `sudo groupadd -f {user} && sudo usermod -g {user} {user}`"))
    });
    point("`sudo` works without a password".to_owned(), "sudo", &|seen| match seen {
        "yes" => ok("it does"),
        seen if !want_sudo => (
            CheckOutcome::Warning,
            format!("{}; the configuration says `sudo = false`", or(seen, "it does not")),
            Some("only `--filesystem default` can be used".to_owned()),
        ),
        seen => missing(
            or(seen, "it does not"),
            format!("on the machine, as root: `echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{user}`"),
        ),
    });
    point("`/bin/bash` is executable".to_owned(), "bash", &|seen| match seen {
        "" => missing("not there", "on the machine: `sudo apt-get install bash`"),
        seen => ok(seen),
    });
    point(format!("`{dev}` exists"), "hgdev", &|seen| match seen {
        "yes" => ok("it does"),
        _ => missing("not there", format!("on the machine: `sudo install -d -o {user} -g {user} {dev}`")),
    });
    point(format!("all of `{dev}` belongs to `{user}:{user}`"), "strange", &|seen| match seen {
        "" => ok("it does"),
        seen => missing(seen, format!("on the machine: `sudo chown -R {user}:{user} {dev}`")),
    });
    point(format!("`{dev}/pyenv/shims` is filled"), "shims", &|seen| {
        let hint =
            format!("needed for other Pythons than `system3`: install pyenv in `{dev}/pyenv`, run `pyenv global`");
        if seen.parse::<u32>().is_ok_and(|count| count > 0) {
            return ok(format!("{seen} shims"));
        }
        warning(if seen.is_empty() { "not there" } else { "empty" }, hint)
    });
    if report.get("shims").is_some_and(|shims| !shims.is_empty()) {
        point(format!("`{dev}/pyenv/shims/python3` works"), "shim_python", &|seen| match version(seen) {
            Some(_) => ok(seen),
            None => {
                warning(or(seen, "it does not"), format!("on the machine: `{dev}/pyenv/bin/pyenv global VERSION`"))
            }
        });
    }
    point(format!("`{hg}` runs"), "hg", &|seen| {
        if seen.starts_with("Mercurial") {
            return ok(seen);
        }
        let venv = format!("{dev}/venv-bootstrap");
        missing(
            or(seen, "it does not"),
            format!("on the machine, as `{user}`: `python3 -m venv {venv} && {venv}/bin/pip install mercurial`"),
        )
    });
    point(format!("`{src}` is a Mercurial repository"), "src", &|seen| {
        if seen == src {
            return ok("it is");
        }
        missing(
            or(seen, "it is not"),
            format!("on the machine, as `{user}`: `{hg} clone https://repo.mercurial-scm.org/hg {src}`"),
        )
    });
    point(format!("`{src}` is non-publishing"), "publish", &|seen| match seen.to_ascii_lowercase().as_str() {
        "false" | "no" | "off" | "0" | "never" => ok("it is"),
        _ => warning(
            or(seen, "it is publishing"),
            format!(
                "drafts become public when they are tested; on the machine: `printf '[phases]\\npublish = false\\n' >> {src}/.hg/hgrc`"
            ),
        ),
    });
    let sudo = report.get("sudo") == Some("yes");
    point(format!("`{work}` can be made and written to"), "hgwork", &|seen| match seen {
        "writable" => ok("it is there"),
        "makeable" => ok("it can be made"),
        "closed" if sudo => ok("it is there, `sudo` can give it to us"),
        _ if sudo => ok("`sudo` can make it"),
        "closed" => {
            missing("it is there and not ours", format!("on the machine, as root: `chown {user}:{user} {work}`"))
        }
        _ => missing("it cannot", format!("on the machine, as root: `install -d -o {user} -g {user} {work}`")),
    });
    point(format!("2 GiB are free for `{work}`"), "free", &|seen| match seen.parse::<u64>() {
        Ok(kib) if kib >= ENOUGH_KIB => ok(format!("{} GiB", kib >> 20)),
        Ok(kib) => warning(format!("{} MiB", kib >> 10), format!("free some space where `{work}` lies")),
        Err(_) => (CheckOutcome::Unknown, or(seen, "the machine did not say"), None),
    });
    point("`python3` is 3.8 or newer".to_owned(), "python", &|seen| {
        if version(seen).is_some_and(|version| version >= (3, 8)) {
            return ok(seen);
        }
        missing(or(seen, "not there"), "on the machine: `sudo apt-get install python3`")
    });
    point("`setsid` and `tail` are there".to_owned(), "spool", &|seen| match seen.trim() {
        "" => ok("they are"),
        lacking => {
            missing(format!("without {lacking}"), "on the machine: `sudo apt-get install util-linux coreutils`")
        }
    });
    point("file systems for `--filesystem` can be made".to_owned(), "mkfs", &|seen| match seen.trim() {
        "" => {
            warning("no `mkfs.*`", "on the machine: `sudo apt-get install btrfs-progs e2fsprogs jfsutils xfsprogs`")
        }
        seen => ok(seen),
    });
    let headers = report.get("headers").unwrap_or_default();
    point("a C compiler and Python's headers are there".to_owned(), "compiler", &|seen| {
        let hint = "needed unless tests run with `--pure`; on the machine: `sudo apt-get install gcc python3-dev`";
        match (seen, headers) {
            ("", _) => warning("no compiler", hint),
            (_, "") => warning(format!("{seen}, no `Python.h`"), hint),
            _ => ok(seen),
        }
    });
    point("tools that some tests use are there".to_owned(), "tools", &|seen| match seen.trim() {
        "" => ok("they are"),
        lacking => {
            let packages = lacking.replace("diff", "diffutils").replace("gpg", "gnupg");
            let hint = format!("tests that need them are skipped; on the machine: `sudo apt-get install {packages}`");
            warning(format!("without {lacking}"), hint)
        }
    });
    items
}

fn or(seen: &str, otherwise: &str) -> String {
    if seen.is_empty() { otherwise.to_owned() } else { seen.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "hga:user=hg\nhga:groups=hg docker\nhga:sudo=yes\nhga:bash=5.2.15(1)-release\nhga:hgdev=yes\n\
        hga:strange=\nhga:shims=12\nhga:shim_python=3.12.1\nhga:hg=Mercurial Distributed SCM (version 7.2.4)\n\
        hga:src=/hgdev/src\nhga:publish=False\nhga:hgwork=makeable\nhga:free=9000000\nhga:python=3.11.2\nhga:spool=\n\
        hga:mkfs=mkfs.ext4 mkfs.xfs \nhga:compiler=cc\nhga:headers=/usr/include/python3.11\nhga:tools=\nhga:end=1\n";

    fn walked(output: &str) -> Vec<CheckItem> {
        items(&Report::read(output.as_bytes()), &Layout::interface(), "hg", true)
    }

    #[test]
    fn a_machine_that_has_everything_has_everything() {
        let items = walked(GOOD);
        assert_eq!(
            items.iter().filter(|item| item.outcome != CheckOutcome::Ok).collect::<Vec<_>>(),
            [] as [&CheckItem; 0]
        );
        assert!(items.iter().all(|item| item.hint.is_none()));
        assert!(Report::read(GOOD.as_bytes()).is_whole());
        assert_eq!(items.len(), 18);
    }

    /// (the line that differs, which point it breaks, how, what was seen)
    #[test]
    fn each_lack_is_found_and_says_what_to_do() {
        use CheckOutcome::{Missing, Ok, Unknown, Warning};
        let table = [
            ("hga:hgwork=none", "`/hgwork` can be made and written to", Ok, "`sudo` can make it"),
            ("hga:user=root", "commands run as user `hg`", Missing, "root"),
            ("hga:groups=users", "it is in group `hg`", Missing, "users"),
            (
                "hga:sudo=sudo: a password is required",
                "`sudo` works without a password",
                Missing,
                "sudo: a password is required",
            ),
            ("hga:sudo=", "`sudo` works without a password", Missing, "it does not"),
            ("hga:bash=", "`/bin/bash` is executable", Missing, "not there"),
            ("hga:hgdev=", "`/hgdev` exists", Missing, "not there"),
            ("hga:strange=/hgdev/x", "all of `/hgdev` belongs to `hg:hg`", Missing, "/hgdev/x"),
            ("hga:shims=0", "`/hgdev/pyenv/shims` is filled", Warning, "empty"),
            (
                "hga:shim_python=pyenv: python3: command not found",
                "`/hgdev/pyenv/shims/python3` works",
                Warning,
                "pyenv: python3: command not found",
            ),
            ("hga:hg=sh: 1: not found", "`/hgdev/venv-bootstrap/bin/hg` runs", Missing, "sh: 1: not found"),
            (
                "hga:src=abort: repository /hgdev/src not found",
                "`/hgdev/src` is a Mercurial repository",
                Missing,
                "abort: repository /hgdev/src not found",
            ),
            ("hga:publish=", "`/hgdev/src` is non-publishing", Warning, "it is publishing"),
            ("hga:publish=True", "`/hgdev/src` is non-publishing", Warning, "True"),
            (
                "hga:hgwork=closed",
                "`/hgwork` can be made and written to",
                Ok,
                "it is there, `sudo` can give it to us",
            ),
            ("hga:free=1024", "2 GiB are free for `/hgwork`", Warning, "1 MiB"),
            ("hga:free=lots", "2 GiB are free for `/hgwork`", Unknown, "lots"),
            ("hga:python=3.7.9", "`python3` is 3.8 or newer", Missing, "3.7.9"),
            ("hga:python=sh: python3: not found", "`python3` is 3.8 or newer", Missing, "sh: python3: not found"),
            ("hga:spool=setsid ", "`setsid` and `tail` are there", Missing, "without setsid"),
            ("hga:mkfs=", "file systems for `--filesystem` can be made", Warning, "no `mkfs.*`"),
            ("hga:headers=", "a C compiler and Python's headers are there", Warning, "cc, no `Python.h`"),
            ("hga:tools=gpg zip ", "tools that some tests use are there", Warning, "without gpg zip"),
        ];
        for (line, what, outcome, seen) in table {
            let key = line.split('=').next().unwrap();
            let output: String = GOOD
                .lines()
                .map(|good| if good.starts_with(&format!("{key}=")) { line } else { good })
                .flat_map(|line| [line, "\n"])
                .collect();
            let items = walked(&output);
            let item = items.iter().find(|item| item.what == what).expect(what);
            assert_eq!((item.outcome, item.seen.as_str()), (outcome, seen), "{line}");
            assert_eq!(item.hint.is_some(), matches!(outcome, Missing | Warning), "{line}");
            let others = items.iter().filter(|item| item.what != what && item.outcome != Ok).count();
            assert_eq!(others, 0, "{line}");
        }
    }

    #[test]
    fn without_sudo_the_work_folder_must_be_ours_to_make() {
        let bare = GOOD.replace("hga:sudo=yes", "hga:sudo=no");
        for (seen, outcome) in [
            ("writable", CheckOutcome::Ok),
            ("makeable", CheckOutcome::Ok),
            ("none", CheckOutcome::Missing),
            ("closed", CheckOutcome::Missing),
        ] {
            let items = walked(&bare.replace("hgwork=makeable", &format!("hgwork={seen}")));
            let item = items.iter().find(|item| item.what.starts_with("`/hgwork`")).unwrap();
            assert_eq!(item.outcome, outcome, "{seen}");
        }
    }

    #[test]
    fn hostile_output_is_made_harmless_and_what_is_lacking_is_unknown() {
        let long = format!("hga:groups={}", "x".repeat(100_000));
        let output = [
            "Welcome! hga:user=liar\r\n=\nhga:\nhga:user\nnoise\n".as_bytes(),
            b"hga:user=hg\x1b]0;owned\x07\nhga:user=hg\n",
            b"hga:bash=\xff\xfe\nhga:unheard=of\nhga:sudo=yes=no\n",
            long.as_bytes(),
        ]
        .concat();
        let report = Report::read(&output);
        assert!(!report.is_whole());
        let items = items(&report, &Layout::interface(), "hg", true);
        assert_eq!(items[0].seen, "hg␛]0;owned␇");
        assert_eq!(items[0].outcome, CheckOutcome::Missing);
        assert_eq!(items[1].seen.len(), LONGEST);
        assert_eq!(items[2].seen, "yes=no");
        assert_eq!(items[3].seen, "\u{fffd}\u{fffd}");
        assert!(items[4..].iter().all(|item| item.outcome == CheckOutcome::Unknown));
        assert!(items.iter().all(|item| !item.seen.chars().any(char::is_control)));
        assert!(walked("").iter().all(|item| item.outcome == CheckOutcome::Unknown));
    }

    proptest::proptest! {
        #[test]
        fn no_output_makes_it_panic(output: Vec<u8>) {
            let _ = items(&Report::read(&output), &Layout::interface(), "hg", true);
        }
    }
}
