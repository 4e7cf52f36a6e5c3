//! Telling our own flags of `run-tests-linux` from those of `run-tests.py`, wherever they stand before a `--`. The
//! predecessor let both be mixed, so scripts do. clap alone cannot: it gives everything after the first unknown word
//! away. So the words are sorted here, by clap's own definition of our flags, before clap sees them.

use clap::{ArgAction, Command};
use std::ffi::{OsStr, OsString};

/// The verb whose unknown flags are passed on.
pub(super) const VERB: &str = "run-tests-linux";

/// Long flags of run-tests.py that lie near ours and are no typing errors.
const THEIRS: &[&str] = &[
    "allow-slow-tests",
    "annotate",
    "blacklist",
    "changed",
    "chg",
    "chg-debug",
    "color",
    "cover",
    "debug",
    "exceptions",
    "extra-config-opt",
    "first",
    "forbid-skip",
    "help",
    "hg-wheel",
    "htmlcov",
    "interactive",
    "ipv6",
    "jobs",
    "json",
    "keep-tmpdir",
    "keywords",
    "list-tests",
    "local",
    "loop",
    "no-rust",
    "nodiff",
    "noskips",
    "order-by-runtime",
    "outputdir",
    "port",
    "profile-runner",
    "pure",
    "pyoxidized",
    "random",
    "restart",
    "retest",
    "rhg",
    "runs-per-test",
    "rust",
    "shard-index",
    "shard-total",
    "shell",
    "showchannels",
    "slowtimeout",
    "tail-report",
    "test-list",
    "time",
    "timeout",
    "tmpdir",
    "verbose",
    "view",
    "whitelist",
    "with-chg",
    "with-hg",
    "with-rhg",
    "xunit",
];

/// One of our flags.
struct Flag {
    long: String,
    value: bool,
    /// Whether its value may begin with a dash.
    dashes: bool,
}

/// A flag that is nobody's but looks like one of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typo {
    /// What was typed.
    pub typed: String,
    /// What was probably meant.
    pub meant: String,
}

/// The command line with run-tests.py's words put behind a `--`; unchanged for any other verb.
///
/// # Errors
/// [`Typo`] when a word looks like one of our flags mistyped.
pub(super) fn split(command: &Command, argv: Vec<OsString>) -> Result<Vec<OsString>, Typo> {
    let globals: Vec<Flag> = flags(command).collect();
    let Some(verb) = verb(&globals, &argv) else { return Ok(argv) };
    let Some(sub) = (argv[verb] == VERB).then(|| command.find_subcommand(VERB)).flatten() else { return Ok(argv) };
    let ours: Vec<Flag> = globals.into_iter().chain(flags(sub)).chain([help()]).collect();

    let mut head: Vec<OsString> = argv[..=verb].to_vec();
    let mut theirs: Vec<OsString> = Vec::new();
    let mut words = argv[verb + 1..].iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            theirs.extend(words.cloned());
            break;
        }
        if word == "-h" {
            head.push(word.clone());
            continue;
        }
        let bytes = word.as_encoded_bytes();
        let name = bytes.strip_prefix(b"--").map(|rest| rest.split(|b| *b == b'=').next().unwrap_or(rest));
        let Some(name) = name.and_then(|name| std::str::from_utf8(name).ok()) else {
            theirs.push(word.clone());
            continue;
        };
        match ours.iter().find(|flag| flag.long == name) {
            Some(flag) if flag.value && !bytes.contains(&b'=') => {
                let fits =
                    |next: &&OsString| *next != "--" && (flag.dashes || !starts_with_dash(next) || *next == "-");
                match words.next_if(fits) {
                    Some(value) => head.push(joined(word, value)),
                    None => head.push(word.clone()),
                }
            }
            Some(_) => head.push(word.clone()),
            None => {
                if let Some(meant) = near(name, &ours) {
                    return Err(Typo { typed: format!("--{name}"), meant: format!("--{meant}") });
                }
                theirs.push(word.clone());
            }
        }
    }
    if !theirs.is_empty() {
        head.push("--".into());
        head.extend(theirs);
    }
    Ok(head)
}

/// The place of the verb: the first word that is neither a global flag nor its value.
fn verb(globals: &[Flag], argv: &[OsString]) -> Option<usize> {
    let mut skip = false;
    for (place, word) in argv.iter().enumerate().skip(1) {
        if std::mem::take(&mut skip) {
            continue;
        }
        if !starts_with_dash(word) {
            return Some(place);
        }
        skip = globals.iter().any(|flag| flag.value && *word == *format!("--{}", flag.long));
    }
    None
}

fn flags(command: &Command) -> impl Iterator<Item = Flag> + '_ {
    command.get_arguments().filter_map(|arg| {
        Some(Flag {
            long: arg.get_long()?.to_owned(),
            value: matches!(arg.get_action(), ArgAction::Set | ArgAction::Append),
            dashes: arg.is_allow_hyphen_values_set(),
        })
    })
}

fn help() -> Flag {
    Flag { long: "help".into(), value: false, dashes: false }
}

fn starts_with_dash(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

fn joined(flag: &OsStr, value: &OsStr) -> OsString {
    let mut word = flag.to_owned();
    word.push("=");
    word.push(value);
    word
}

/// Which of our flags a word nobody knows was probably meant to be.
fn near<'a>(name: &str, ours: &'a [Flag]) -> Option<&'a str> {
    if name.len() < 3 || THEIRS.contains(&name) || THEIRS.iter().any(|their| their.starts_with(name)) {
        return None;
    }
    let swapped = |flag: &str| flag.replace('-', "") == name.replace(['-', '_'], "");
    let begun = |flag: &str| name.len() >= 4 && flag.starts_with(name);
    ours.iter()
        .map(|flag| flag.long.as_str())
        .filter(|flag| {
            let allowed = if flag.len() >= 8 { 2 } else { usize::from(flag.len() >= 4) };
            begun(flag) || swapped(flag) || distance(name, flag) <= allowed
        })
        .min_by_key(|flag| distance(name, flag))
}

/// How many characters must be added, taken away, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swap =
                    (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]).then(|| rows[i - 2][j - 2] + 1);
                let edit = rows[i - 1][j].min(rows[i][j - 1]) + 1;
                change.min(edit).min(swap.unwrap_or(usize::MAX))
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn words(line: &str) -> Vec<OsString> {
        shlex::split(line).unwrap().into_iter().map(OsString::from).collect()
    }

    fn sorted(line: &str) -> Result<Vec<OsString>, Typo> {
        split(&crate::cli::args::Cli::command(), words(line))
    }

    #[test]
    fn ours_and_theirs_are_told_apart_wherever_they_stand() {
        let table = [
            ("hga run-tests-linux", "hga run-tests-linux"),
            ("hga run-tests-linux test-add.t", "hga run-tests-linux -- test-add.t"),
            (
                "hga run-tests-linux --filesystem tmpfs -j4 --pure test-add.t",
                "hga run-tests-linux --filesystem=tmpfs -- -j4 --pure test-add.t",
            ),
            (
                "hga run-tests-linux -j 4 test-add.t --filesystem tmpfs --pure --dirty",
                "hga run-tests-linux --filesystem=tmpfs --dirty -- -j 4 test-add.t --pure",
            ),
            ("hga run-tests-linux --filesystem=xfs -k 'a b'", "hga run-tests-linux --filesystem=xfs -- -k 'a b'"),
            ("hga run-tests-linux a -- --rev b -- c", "hga run-tests-linux -- a --rev b -- c"),
            ("hga run-tests-linux -- --json", "hga run-tests-linux -- --json"),
            ("hga run-tests-linux --", "hga run-tests-linux"),
            ("hga run-tests-linux --json a", "hga run-tests-linux --json -- a"),
            ("hga run-tests-linux --rev -1 a", "hga run-tests-linux --rev=-1 -- a"),
            ("hga run-tests-linux --rev --pure", "hga run-tests-linux --rev=--pure"),
            // a value that is missing is clap's to complain of; the next flag is not taken for it
            ("hga run-tests-linux --machine --dirty", "hga run-tests-linux --machine --dirty"),
            ("hga run-tests-linux --machine -- a", "hga run-tests-linux --machine -- a"),
            ("hga run-tests-linux -v a", "hga run-tests-linux -- -v a"),
            ("hga run-tests-linux --verbose a", "hga run-tests-linux --verbose -- a"),
            ("hga -v run-tests-linux -h", "hga -v run-tests-linux -h"),
            ("hga run-tests-linux --help a", "hga run-tests-linux --help -- a"),
            ("hga --color never run-tests-linux -l", "hga --color never run-tests-linux -- -l"),
            ("hga --state-path run-tests-linux jobs list -v", "hga --state-path run-tests-linux jobs list -v"),
            ("hga --state-path=x --json run-tests-linux -i", "hga --state-path=x --json run-tests-linux -- -i"),
            ("hga run-tests-linux --state-path x --retest", "hga run-tests-linux --state-path=x -- --retest"),
            (
                "hga run-tests-linux -r --xunit out.xml --no-rust",
                "hga run-tests-linux -- -r --xunit out.xml --no-rust",
            ),
            ("hga run-tests-linux 'test-x.t#case a'", "hga run-tests-linux -- 'test-x.t#case a'"),
            ("hga run-tests-linux ''", "hga run-tests-linux -- ''"),
            ("hga run-tests-linux - a", "hga run-tests-linux -- - a"),
            ("hga run-tests-linux --time --debug --local", "hga run-tests-linux -- --time --debug --local"),
            ("hga run-tests-linux --some-new-flag=3 a", "hga run-tests-linux -- --some-new-flag=3 a"),
            ("hga jobs show --nonsense", "hga jobs show --nonsense"),
            ("hga help run-tests-linux", "hga help run-tests-linux"),
            ("hga", "hga"),
        ];
        for (typed, want) in table {
            assert_eq!(sorted(typed).unwrap(), words(want), "{typed}");
        }
    }

    #[test]
    fn a_flag_that_looks_like_ours_is_not_passed_on() {
        let table = [
            ("--filesytem", "--filesystem"),
            ("--filesys=tmpfs", "--filesystem"),
            ("--file-system", "--filesystem"),
            ("--keep_on_failure", "--keep-on-failure"),
            ("--machin", "--machine"),
            ("--leese", "--lease"),
            ("--pyhton-version", "--python-version"),
            ("--detatch", "--detach"),
            ("--instance-typ", "--instance-type"),
            ("--dity", "--dirty"),
        ];
        for (typed, meant) in table {
            let typo = sorted(&format!("hga run-tests-linux -j4 {typed} x")).unwrap_err();
            assert_eq!(typo.meant, meant, "{typed}");
            // behind a `--` it is nobody's business
            assert!(sorted(&format!("hga run-tests-linux -j4 -- {typed} x")).is_ok());
        }
    }

    #[test]
    fn every_flag_of_the_runner_is_passed_on_unless_it_is_ours_too() {
        let shared = ["color", "help", "json", "verbose"];
        for flag in THEIRS.iter().filter(|flag| !shared.contains(flag)) {
            let sorted = sorted(&format!("hga run-tests-linux --{flag}")).unwrap();
            assert_eq!(sorted, words(&format!("hga run-tests-linux -- --{flag}")));
        }
    }

    #[cfg(unix)]
    #[test]
    fn words_that_are_no_text_are_kept() {
        use std::os::unix::ffi::OsStringExt as _;
        let mut argv = words("hga run-tests-linux --results");
        argv.push(OsString::from_vec(b"/tmp/\xff".to_vec()));
        argv.push(OsString::from_vec(b"--\xff".to_vec()));
        let sorted = split(&crate::cli::args::Cli::command(), argv).unwrap();
        assert_eq!(sorted[2], OsString::from_vec(b"--results=/tmp/\xff".to_vec()));
        assert_eq!(sorted[4], OsString::from_vec(b"--\xff".to_vec()));
    }

    proptest::proptest! {
        #[test]
        fn no_word_is_lost(words in proptest::collection::vec("(--)?[a-z=-]{0,12}", 0..8)) {
            let argv: Vec<OsString> =
                ["hga", VERB].into_iter().map(str::to_owned).chain(words.clone()).map(OsString::from).collect();
            if let Ok(sorted) = split(&crate::cli::args::Cli::command(), argv) {
                let letters = |words: &mut dyn Iterator<Item = String>| {
                    let mut letters: Vec<char> =
                        words.flat_map(|word| word.chars().collect::<Vec<_>>()).filter(char::is_ascii_lowercase).collect();
                    letters.sort_unstable();
                    letters
                };
                let after = letters(&mut sorted.into_iter().skip(2).map(|word| word.into_string().unwrap()));
                proptest::prop_assert_eq!(letters(&mut words.into_iter()), after);
            }
        }
    }
}
