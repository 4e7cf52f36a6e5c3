//! The quick tests of `hga demo`, and the script that makes a bare machine conform.

use crate::domain::Layout;

const DEMO: &str = include_str!("../../assets/demo-tests.txt");

/// The script for the spool that lays out the remote machine interface; see its head for the environment it takes.
pub const LOCAL_BOOTSTRAP: &str = include_str!("../../assets/bootstrap/local.sh");

/// The `python` of a demo's `RunTestsSpec`: the one that has Mercurial's modules.
pub const DEMO_PYTHON: &str = super::command::BOOTSTRAP_PYTHON;

/// Names of the quick tests, about a minute of them on two cores.
pub fn demo_tests() -> impl Iterator<Item = &'static str> {
    DEMO.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// What a demo passes to `run-tests.py`: the Mercurial of the image is tested, which is of the same version, so that
/// nothing has to be installed first (15 to 20 s with `--pure`).
#[must_use]
pub fn demo_arguments(layout: &Layout) -> Vec<String> {
    let with = format!("--with-hg={}", layout.hg());
    std::iter::once(with).chain(demo_tests().map(str::to_owned)).collect()
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
