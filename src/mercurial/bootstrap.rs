//! The scripts that make a bare machine conform to the remote machine interface, what they take, and what their result
//! depends on.

use crate::domain::{Distro, Fingerprint};
use std::collections::BTreeMap;

/// The script for a machine of this computer; see its head for the environment it takes.
pub const LOCAL_BOOTSTRAP: &str = include_str!("../../assets/bootstrap/local.sh");

/// The script for a real Linux machine; see its head for the environment it takes.
pub const LINUX_BOOTSTRAP: &str = include_str!("../../assets/bootstrap/linux.sh");

/// What is done as root before a machine becomes an image.
pub const LINUX_CLEAN: &str = include_str!("../../assets/bootstrap/clean.sh");

/// What the script for this computer installs.
const REQUIREMENT: &str = "mercurial";

/// What the script for real machines installs: pinned.
const REQUIREMENTS: &str = include_str!("../../assets/bootstrap/requirements.txt");

/// The environment of [`LOCAL_BOOTSTRAP`] beside `HGDEV`.
#[must_use]
pub fn bootstrap_environment() -> Vec<(String, String)> {
    vec![("MERCURIAL".to_owned(), REQUIREMENT.to_owned())]
}

/// What the result of [`LOCAL_BOOTSTRAP`] depends on, for an image's fingerprint.
#[must_use]
pub fn bootstrap_inputs() -> BTreeMap<String, String> {
    let script = Fingerprint::of_text(LOCAL_BOOTSTRAP).as_str().to_owned();
    BTreeMap::from([("bootstrap script".to_owned(), script), ("mercurial".to_owned(), REQUIREMENT.to_owned())])
}

/// The environment of [`LINUX_BOOTSTRAP`] beside `HGDEV`.
#[must_use]
pub fn linux_environment(distro: &Distro) -> Vec<(String, String)> {
    let all =
        [("NEEDS", distro.needs.join(" ")), ("WANTS", distro.wants.join(" ")), ("REQUIREMENTS", requirements())];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// What the result of [`LINUX_BOOTSTRAP`] depends on, for an image's fingerprint.
#[must_use]
pub fn linux_inputs(distro: &Distro) -> BTreeMap<String, String> {
    let all = [
        ("base", format!("{} {}", distro.owner, distro.pattern)),
        ("mercurial", requirements()),
        ("packages", format!("{}; {}", distro.needs.join(" "), distro.wants.join(" "))),
        ("script", format!("{LINUX_BOOTSTRAP}{LINUX_CLEAN}")),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The requirements without what is said about them.
fn requirements() -> String {
    let lines = REQUIREMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_installed_without_a_checksum() {
        let text = requirements().replace("\\\n", "");
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert!(words[0].split_once("==").is_some(), "{line}");
            assert!(words.len() > 1, "{line}");
            for hash in &words[1..] {
                let digits = hash.strip_prefix("--hash=sha256:").unwrap();
                assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
            }
        }
    }

    #[test]
    fn every_input_counts() {
        let one = linux_inputs(Distro::usual());
        let mut other = Distro::usual().clone();
        other.wants.push("more".to_owned());
        assert_ne!(Fingerprint::of(&one), Fingerprint::of(&linux_inputs(&other)));
        assert!(one["script"].contains("machine-id"));
    }
}
