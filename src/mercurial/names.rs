//! Which of the words for `run-tests.py` name tests: checked against the tests that the revision has, before anything
//! is launched; and put as `run-tests.py` and the machine's shell take them.

use super::{Error, ErrorKind, Result};
use crate::diag::suggest;
use crate::domain::{TestWord, escape_line, test_file, test_is_pattern, test_relative};
use crate::remote::spool::quote;

/// Flags of `run-tests.py` whose value is the next word. A flag that is missing here costs no more than a look at a
/// word that is no test.
const VALUED: &[&str] = &[
    "-j",
    "-k",
    "-p",
    "-t",
    "--blacklist",
    "--changed",
    "--color",
    "--extra-config-opt",
    "--hg-wheel",
    "--jobs",
    "--keywords",
    "--outputdir",
    "--port",
    "--py-installer",
    "--runs-per-test",
    "--shard-index",
    "--shard-total",
    "--shell",
    "--slowtimeout",
    "--test-list",
    "--timeout",
    "--tmpdir",
    "--view",
    "--whitelist",
    "--with-chg",
    "--with-hg",
    "--with-rhg",
    "--xunit",
];

/// For each word, whether it is one that `run-tests.py` takes as a test.
fn are_names(args: &[String]) -> Vec<bool> {
    let mut value = false;
    let mut only_names = false;
    args.iter()
        .map(|arg| {
            if only_names {
                return true;
            }
            if std::mem::take(&mut value) {
                return false;
            }
            only_names = arg == "--";
            value = VALUED.contains(&arg.as_str());
            !arg.starts_with('-')
        })
        .collect()
}

/// The words as a line for a POSIX shell in the tests' folder, which fills in patterns of test names.
pub(super) fn line(args: &[String]) -> Vec<String> {
    let names = are_names(args);
    args.iter()
        .zip(names)
        .map(|(arg, is_name)| match test_relative(arg) {
            _ if !is_name => quote(arg),
            "" => ".".to_owned(),
            name if test_is_pattern(name) && name.is_ascii() && !name.contains(['\n', '\'']) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "*?[]-_./".contains(c);
                name.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
            }
            name => quote(name),
        })
        .collect()
}

/// Looks whether the tests that are named exist. Gives warnings about names that cannot be judged.
///
/// # Errors
/// `Input` for a test that is not among `known`, with those like it.
pub fn check_names(args: &[String], known: &[String]) -> Result<Vec<String>> {
    let mut doubts = Vec::new();
    if known.is_empty() {
        return Ok(vec!["this revision has no tests in its `tests` folder".to_owned()]);
    }
    for (arg, is_name) in args.iter().zip(are_names(args)) {
        let name = test_relative(arg);
        if !is_name || name.is_empty() || name == "." {
            continue;
        }
        let shown = escape_line(arg);
        match TestWord::of(arg, known) {
            TestWord::Known => {}
            TestWord::MatchesNone => {
                return Err(Error::new(
                    ErrorKind::Input,
                    format!("no test of this revision is called like `{shown}`"),
                )
                .hint("`--list-tests` behind `--` lists the tests there are"));
            }
            TestWord::Unknown => return Err(unknown(&shown, test_file(arg), known)),
            TestWord::Doubtful => doubts.push(format!("`{shown}` is not among the tests of this revision")),
        }
    }
    Ok(doubts)
}

fn unknown(shown: &str, file: &str, known: &[String]) -> Error {
    let stem = |name: &str| {
        let name = name.strip_prefix("test-").unwrap_or(name);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
    };
    let stems: Vec<String> = known.iter().map(|test| stem(test)).collect();
    let stems: Vec<&str> = stems.iter().map(String::as_str).collect();
    let near = suggest::near(&stem(file), &stems);
    let near: Vec<&str> = near
        .iter()
        .filter_map(|one| stems.iter().position(|stem| stem == one).map(|at| known[at].as_str()))
        .collect();
    let error = Error::new(ErrorKind::Input, format!("this revision has no test `{shown}`"));
    if near.is_empty() {
        error.hint("`--list-tests` behind `--` lists the tests there are")
    } else {
        error.hint(format!("did you mean {}?", suggest::list(&near)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn names_are_checked_and_nothing_else_is() {
        let known = strings(&["test-add.t", "test-addremove.t", "test-ancestor.py", "test-pull.t"]);
        let check = |args: &[&str]| check_names(&strings(args), &known);
        for good in [
            &["-j2", "-k", "test-nonsense.t", "test-add.t"][..],
            &["--blacklist", "test-none", "tests/test-pull.t"],
            &["test-add.t#case", "./tests/test-ancestor.py"],
            &["test-add*.t", "test-[ap]*", "tests/test-?ull.t"],
            &["--with-hg=/x", ".", "tests/"],
            &[],
        ] {
            assert_eq!(check(good).unwrap(), Vec::<String>::new(), "{good:?}");
        }
        for doubtful in [&["../contrib/test-x.t"][..], &["tests/evolve/test-x.t"], &["mytest.t"]] {
            assert_eq!(check(doubtful).unwrap().len(), 1, "{doubtful:?}");
        }
        for (bad, hint) in [
            ("test-addd.t", "did you mean `test-add.t`?"),
            ("test-pull", "did you mean `test-pull.t`?"),
            ("tests/test-addremov.t#c", "did you mean `test-addremove.t`, `test-add.t`?"),
            ("test-zzzzzz.t", "--list-tests"),
            ("test-z*.t", "--list-tests"),
        ] {
            let error = check(&["--", bad]).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
            assert!(error.hints[0].0.contains(hint), "{bad}: {:?}", error.hints);
        }
    }

    #[test]
    fn only_patterns_of_names_are_left_to_the_shell() {
        let args = strings(&["-k", "a*", "test-a*.t", "tests/test-[bc]$(x).t", "tests/test-x.t#a b", "tests/"]);
        assert_eq!(line(&args), ["-k", "'a*'", "test-a*.t", r"test-[bc]\$\(x\).t", "'test-x.t#a b'", "."]);
    }
}
