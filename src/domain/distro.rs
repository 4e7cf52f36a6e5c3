//! Linux distributions that a cloud's machines are made of, as `assets/distros.toml` tells them.

use crate::diag::{Hint, Hinted, suggest};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const FAMILY: &str = "hg-linux-dev-";
const TEXT: &str = include_str!("../../assets/distros.toml");

/// A distribution, for `x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Distro {
    /// The word on the command line and in an image's name: `debian12`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Public SSM parameters that hold the id of the newest base image, in order of trial.
    pub parameters: Vec<String>,
    /// The AWS account that publishes the base images.
    pub owner: String,
    /// The names of base images; the newest wins.
    pub pattern: String,
    /// Whom a base image lets in before there is a user `hg`.
    pub login: String,
    /// Whether a base image comes with an SSM agent.
    pub ssm_agent: bool,
    /// Packages a machine must have.
    pub needs: Vec<String>,
    /// Packages more tests run with, as far as the distribution has them.
    pub wants: Vec<String>,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    distro: Vec<Distro>,
    packages: BTreeMap<String, Vec<String>>,
}

impl Table {
    fn read(text: &str) -> Result<Vec<Distro>, toml::de::Error> {
        let Self { distro: mut all, packages } = toml::from_str(text)?;
        let whole = |words: &mut Vec<String>| {
            let lists =
                words.iter().flat_map(|word| packages.get(word).cloned().unwrap_or_else(|| vec![word.clone()]));
            *words = lists.collect();
        };
        all.iter_mut().flat_map(|distro| [&mut distro.needs, &mut distro.wants]).for_each(whole);
        Ok(all)
    }
}

/// A name that no distribution has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no distribution `{}`", super::escape_line(.0))]
pub struct UnknownDistro(String);

impl Hinted for UnknownDistro {
    fn hints(&self) -> Vec<Hint> {
        vec![Hint::new(suggest::hint(&self.0, &Distro::names()))]
    }
}

impl Distro {
    /// All of them, the usual one first.
    #[must_use]
    pub fn all() -> &'static [Self] {
        // the file is part of the program; a test reads it
        static ALL: LazyLock<Vec<Distro>> = LazyLock::new(|| Table::read(TEXT).unwrap_or_default());
        &ALL
    }

    /// Their names.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::all().iter().map(|distro| distro.name.as_str()).collect()
    }

    /// The one of that name.
    ///
    /// # Errors
    /// When there is none; the error's hint names those there are.
    pub fn find(name: &str) -> Result<&'static Self, UnknownDistro> {
        let found = Self::all().iter().find(|distro| distro.name == name);
        found.ok_or_else(|| UnknownDistro(name.to_owned()))
    }

    /// What its images' names begin with. The predecessor's have no other name; ours go on with `-`, so that the last good
    /// one stays until the next has passed.
    #[must_use]
    pub fn family(&self) -> String {
        format!("{FAMILY}{}", self.name)
    }

    /// Whether an image of that name is one of its family.
    #[must_use]
    pub fn is_family(&self, name: &str) -> bool {
        name.strip_prefix(&self.family()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The one that an image of that name is of.
    #[must_use]
    pub fn of_image(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|distro| distro.is_family(name))
    }

    /// The one that is wished for, by its name, or the usual one.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn wished(name: Option<&str>) -> Result<&'static Self, UnknownDistro> {
        name.map_or_else(|| Ok(Self::usual()), Self::find)
    }

    /// The usual one.
    ///
    /// # Panics
    /// Never: the file has some.
    #[must_use]
    pub fn usual() -> &'static Self {
        &Self::all()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_file_is_whole_and_its_words_are_safe() {
        let all = Table::read(TEXT).unwrap();
        assert_eq!(all, Distro::all());
        assert_eq!(Distro::usual(), &all[0]);
        let names: BTreeSet<_> = all.iter().map(|distro| &distro.name).collect();
        assert_eq!(names.len(), all.len());
        for distro in &all {
            let plain = |word: &str, more: &str| {
                !word.is_empty()
                    && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
            };
            // part of an image's name, which may have 64 letters
            assert!(plain(&distro.name, ".") && distro.name.len() <= 16, "{}", distro.name);
            assert!(distro.owner.len() == 12 && distro.owner.bytes().all(|b| b.is_ascii_digit()));
            assert!(distro.parameters.iter().all(|name| name.starts_with("/aws/service/")));
            assert!(distro.pattern.ends_with('*'));
            assert!(!distro.needs.is_empty());
            // they are words of a shell's line
            for package in distro.needs.iter().chain(&distro.wants) {
                assert!(plain(package, "+-."), "{package}");
            }
        }
    }

    #[test]
    fn an_image_says_which_family_it_is_of() {
        let of = |name| Distro::of_image(name).map(|distro| distro.name.as_str());
        assert_eq!(of("hg-linux-dev-debian12"), Some("debian12"));
        assert_eq!(of("hg-linux-dev-ubuntu24.04-20260101-1200-abcdef"), Some("ubuntu24.04"));
        for other in ["hg-linux-dev-debian1", "hg-linux-dev-debian120", "hg-linux-dev-local-1234", "debian12", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_mistyped_name_is_told_with_the_one_that_was_meant() {
        assert_eq!(Distro::find("ubuntu24.04").unwrap().login, "ubuntu");
        let error = Distro::find("debian-12").unwrap_err();
        assert_eq!(error.to_string(), "there is no distribution `debian-12`");
        let hint = &error.hints()[0].0;
        assert!(hint.starts_with("did you mean `debian12`? known here: `debian12`, "), "{hint}");
    }
}
