//! Names of things as validated newtypes. Every id is safe as a single path component and as an unquoted shell word.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a string is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a valid {what}: letters, digits, `.`, `_`, `-`, at most 64, starting with a letter or digit"
)]
pub struct BadId {
    /// Which kind of id was wanted, for example `job id`.
    pub what: &'static str,
    /// What was given, with control characters made visible.
    pub text: String,
}

fn check(what: &'static str, text: &str) -> Result<(), BadId> {
    let mut bytes = text.bytes();
    let head = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if head && rest && text.len() <= 64 { Ok(()) } else { Err(BadId { what, text: super::escape_line(text) }) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and wraps it.
            ///
            /// # Errors
            /// [`BadId`] when the text is empty, too long or holds other characters.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                check($what, &text).map(|()| Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// One operation under way or over, `j-` and six characters.
    JobId,
    "job id"
);
id!(
    /// One machine: `m-` and the job's characters for a local one, the inventory's name for a listed host,
    /// the instance id on EC2.
    MachineId,
    "machine id"
);
id!(
    /// One detached process on a machine and the name of its spool folder.
    RunId,
    "run id"
);
id!(
    /// What an image is called, for example `hg-linux-dev-local`.
    ImageName,
    "image name"
);

/// Letters and digits that cannot be mistaken for one another when read aloud or copied by hand.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

fn random_suffix() -> String {
    (0..6).map(|_| char::from(ALPHABET[usize::from(rand::random::<u8>()) % ALPHABET.len()])).collect()
}

impl JobId {
    /// A new random id; 2^30 of them, the journal's primary key settles a collision.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("j-{}", random_suffix()))
    }
}

impl MachineId {
    /// The machine that a job launches: the same name each time it is asked, so that a launch repeated after a
    /// crash finds what the first one made.
    #[must_use]
    pub fn for_job(job: &JobId) -> Self {
        Self(format!("m-{}", job.0.trim_start_matches("j-")))
    }
}

impl RunId {
    /// The run of one job; `what` tells its runs apart (`test`, `bootstrap`).
    #[must_use]
    pub fn for_job(job: &JobId, what: &str) -> Self {
        Self(format!("{}-{what}", job.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_path_safe() {
        for good in ["j-abc234", "i-0123456789abcdef0", "build1.example.org", "A"] {
            assert_eq!(MachineId::new(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", ".", "..", "-x", "a/b", "a b", "a\0", "é", "a;rm", &"x".repeat(65)] {
            assert!(MachineId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_machine_of_a_job_is_always_the_same() {
        let job = JobId::random();
        assert_eq!(MachineId::for_job(&job), MachineId::for_job(&job));
        assert!(JobId::new(job.as_str()).is_ok());
        assert!(serde_json::from_str::<JobId>("\"../x\"").is_err());
    }
}
