//! Deciding about a host's key. There is no way to accept any key.

use super::error::place;
use crate::domain::{Endpoint, HostKeys};
use crate::remote::{Error, ErrorKind, Result};
use crate::ssh::keys;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// What may be accepted.
#[derive(Debug, Clone)]
pub(crate) enum Policy {
    /// One of these.
    Pinned(Vec<PublicKey>),
    /// None: only to learn the key.
    Learn,
}

impl Policy {
    /// The policy of an endpoint.
    ///
    /// # Errors
    /// `HostKey` when a pinned key cannot be read, or the list is empty.
    pub(crate) fn of(endpoint: &Endpoint) -> Result<Self> {
        let HostKeys::Pinned(lines) = &endpoint.host_keys else { return Ok(Self::Learn) };
        let pinned = lines
            .iter()
            .map(|line| {
                keys::parse_line(line).map_err(|error| Error {
                    kind: ErrorKind::HostKey,
                    message: format!("a host key pinned for `{}` cannot be read: {error}", place(endpoint)),
                    ..error
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::Pinned(pinned))
    }

    /// Whether this key is accepted.
    pub(crate) fn accepts(&self, offered: &PublicKey) -> bool {
        match self {
            Self::Pinned(keys) => keys.iter().any(|key| key.key_data() == offered.key_data()),
            Self::Learn => false,
        }
    }

    /// The algorithms to ask the host for, so that a host with several keys shows the pinned one.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let all = vec![
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
            Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
            Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
        ];
        match self {
            Self::Learn => all,
            Self::Pinned(keys) => all
                .into_iter()
                .filter(|algorithm: &Algorithm| {
                    keys.iter().any(|key| {
                        let pinned = key.algorithm();
                        pinned == *algorithm
                            || (matches!(pinned, Algorithm::Rsa { .. }) && matches!(algorithm, Algorithm::Rsa { .. }))
                    })
                })
                .collect(),
        }
    }

    /// The error for a key that is not accepted, with all fingerprints in it.
    pub(crate) fn refusal(&self, endpoint: &Endpoint, offered: &PublicKey) -> Error {
        let shown = format!("{} {}", offered.algorithm(), keys::fingerprint(offered));
        let at = place(endpoint);
        match self {
            Self::Pinned(pinned) if !pinned.is_empty() => {
                let known: Vec<_> =
                    pinned.iter().map(|key| format!("`{} {}`", key.algorithm(), keys::fingerprint(key))).collect();
                Error::new(
                    ErrorKind::HostKey,
                    format!("`{at}` shows host key `{shown}`, but pinned is {}", known.join(" or ")),
                )
                .hint("somebody may be in between, or the machine was made anew; ask its keeper for the fingerprint")
                .hint("if the new key is right, pin it with `hga machines check NAME`")
            }
            _ => Error::new(ErrorKind::HostKey, format!("no host key is pinned for `{at}`; it shows `{shown}`"))
                .hint("compare the fingerprint with the machine's, then pin it with `hga machines check NAME`"),
        }
    }
}
