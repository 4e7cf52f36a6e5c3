//! Where and as what a machine is tried to be launched, one after the other, while there is no capacity.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// As which type.
    pub(super) instance_type: String,
    /// In which availability zone; none leaves the choice to EC2.
    pub(super) zone: Option<String>,
}

impl Attempt {
    /// As a person reads it.
    pub(super) fn shown(&self) -> String {
        match &self.zone {
            Some(zone) => format!("{} in {zone}", self.instance_type),
            None => self.instance_type.clone(),
        }
    }

    /// The client token: the same for the same try of the same job, so that one that is repeated after a lost answer, or by
    /// another process, never makes a second machine. Other parameters need another token.
    pub(super) fn token(&self, owner: &str, client_key: &str, machine: &str) -> String {
        let zone = self.zone.as_deref().unwrap_or("-");
        let said = [owner, client_key, machine, &self.instance_type, zone].join("\n");
        Sha256::digest(said.as_bytes()).iter().take(20).fold("hga-".to_owned(), |mut token, byte| {
            // writing to a String cannot fail
            let _ = write!(token, "{byte:02x}");
            token
        })
    }
}

/// The tries of one type: EC2's own choice first, then each zone that has it by name.
pub(super) fn of_type(instance_type: &str, zones: &[String]) -> Vec<Attempt> {
    let named = zones.iter().map(|zone| Some(zone.clone()));
    std::iter::once(None).chain(named).map(|zone| Attempt { instance_type: instance_type.to_owned(), zone }).collect()
}

/// Whether an error code says that another place or type may do.
pub(super) fn is_capacity(code: &str) -> bool {
    matches!(
        code,
        "InsufficientInstanceCapacity" | "InsufficientHostCapacity" | "InsufficientCapacity" | "Unsupported"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_by_what_is_asked_and_by_nothing_else() {
        let tries = of_type("c5.9xlarge", &["us-west-2a".to_owned(), "us-west-2b".to_owned()]);
        assert_eq!(
            tries.iter().map(Attempt::shown).collect::<Vec<_>>(),
            ["c5.9xlarge", "c5.9xlarge in us-west-2a", "c5.9xlarge in us-west-2b"]
        );
        let mut tokens: Vec<String> = tries.iter().map(|one| one.token("anna", "ssh-rsa A", "m-abc234")).collect();
        assert_eq!(tokens[0], tries[0].token("anna", "ssh-rsa A", "m-abc234"));
        tokens.push(tries[0].token("ben", "ssh-rsa A", "m-abc234"));
        tokens.push(tries[0].token("anna", "ssh-rsa B", "m-abc234"));
        tokens.push(tries[0].token("anna", "ssh-rsa A", "m-abc235"));
        assert!(tokens.iter().all(|token| token.len() == 44 && token.is_ascii()), "{tokens:?}");
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 6);
    }
}
