//! The quick tests of `hga demo`, and the few that an image has to pass.

use crate::domain::escape_line;

const DEMO: &str = include_str!("../../assets/demo-tests.txt");

/// Names of the quick tests, about a minute of them on two cores.
pub fn demo_tests() -> impl Iterator<Item = &'static str> {
    DEMO.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The tests of these that an image has to pass: some in Python, some of commands, none with a server.
const SMOKE: [&str; 4] = ["test-abort-checkin.t", "test-backwards-remove.t", "test-bdiff.py", "test-merge5.t"];

/// The quick tests that an image has to pass, as far as the source has them; `known` are its tests' names.
#[must_use]
pub fn smoke_tests(known: &[String]) -> Vec<String> {
    SMOKE.into_iter().map(str::to_owned).filter(|name| known.contains(name)).collect()
}

/// The tests that failed, by the last lines that `run-tests.py` printed.
#[must_use]
pub fn tests_failed(output: &str) -> Vec<String> {
    let failed = output.lines().filter_map(|line| line.strip_prefix("Failed ")?.split_once(": "));
    failed.map(|(name, _)| escape_line(name)).collect()
}

/// How many tests ran and were not skipped, by the last lines that `run-tests.py` printed.
#[must_use]
pub fn tests_run(output: &str) -> Option<u32> {
    let line = output.lines().rev().find_map(|line| line.strip_prefix("# Ran "))?;
    let (ran, rest) = line.split_once(" tests, ")?;
    let (skipped, _) = rest.split_once(" skipped")?;
    ran.parse::<u32>().ok()?.checked_sub(skipped.parse().ok()?)
}

/// What a demo passes to `run-tests.py` before the tests: the image's own installation of the same version is tested,
/// so that nothing has to be built or installed first (15 to 20 s). The path starts at the tests' folder.
#[must_use]
pub fn demo_flags() -> Vec<String> {
    vec!["--with-hg=../../../hgdev/venv-bootstrap/bin/hg".to_owned()]
}

/// The Python of the image's virtual environment, which has Mercurial's modules.
#[must_use]
pub fn demo_python() -> String {
    super::command::BOOTSTRAP_PYTHON.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_thirty_different_tests() {
        let mut names: Vec<_> = demo_tests().collect();
        assert!((28..=34).contains(&names.len()));
        assert!(names.iter().all(|name| name.starts_with("test-")));
        names.dedup();
        assert_eq!(names.len(), demo_tests().count());
    }

    #[test]
    fn what_ran_is_told_from_what_was_skipped() {
        assert_eq!(tests_run("....\n# Ran 4 tests, 1 skipped, 0 failed.\npython hash seed: 1\n"), Some(3));
        assert_eq!(tests_run("x\n"), None);
        let known = ["test-zzz.t", "test-ancestor.py", "test-bdiff.py"].map(str::to_owned);
        assert_eq!(smoke_tests(&known), ["test-bdiff.py"]);
        assert!(SMOKE.iter().all(|name| demo_tests().any(|quick| quick == *name)));
        let said =
            "Failed test-a.t: output changed\nFailed test-b.t#x: timed out\n# Ran 2 tests, 0 skipped, 2 failed.\n";
        assert_eq!(tests_failed(said), ["test-a.t", "test-b.t#x"]);
    }
}
