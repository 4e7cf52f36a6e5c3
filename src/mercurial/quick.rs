//! The quick tests of `hga demo`, and the script that makes a bare machine conform.

use crate::domain::Fingerprint;
use std::collections::BTreeMap;

const DEMO: &str = include_str!("../../assets/demo-tests.txt");

/// The script for the spool that lays out the remote machine interface; see its head for the environment it takes.
pub const LOCAL_BOOTSTRAP: &str = include_str!("../../assets/bootstrap/local.sh");

/// What the bootstrap script installs.
const REQUIREMENT: &str = "mercurial";

/// The script's environment beside `HGDEV`.
#[must_use]
pub fn bootstrap_environment() -> Vec<(String, String)> {
    vec![("MERCURIAL".to_owned(), REQUIREMENT.to_owned())]
}

/// What the script's result depends on, for an image's fingerprint.
#[must_use]
pub fn bootstrap_inputs() -> BTreeMap<String, String> {
    let script = Fingerprint::of_text(LOCAL_BOOTSTRAP).as_str().to_owned();
    BTreeMap::from([("bootstrap script".to_owned(), script), ("mercurial".to_owned(), REQUIREMENT.to_owned())])
}

/// Names of the quick tests, about a minute of them on two cores.
pub fn demo_tests() -> impl Iterator<Item = &'static str> {
    DEMO.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
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
}
