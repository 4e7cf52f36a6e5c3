//! Keeping secrets out of logs, events and errors.

use std::fmt;

/// A value that prints as `[secret]` and is reached only by name.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

const BEGIN: &str = "-----BEGIN ";
const PRIVATE: &str = "PRIVATE KEY-----";

/// Replaces private keys in PEM by `[private key]`.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let (before, block) = rest.split_at(start);
        let Some(head_end) = block.find(PRIVATE).filter(|end| !block[..*end].contains('\n')) else {
            let (kept, after) = block.split_at(BEGIN.len());
            clean.push_str(before);
            clean.push_str(kept);
            rest = after;
            continue;
        };
        clean.push_str(before);
        clean.push_str("[private key]");
        let body = &block[head_end + PRIVATE.len()..];
        rest = body.find(PRIVATE).map_or("", |end| &body[end + PRIVATE.len()..]);
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_do_not_get_through() {
        let text = "a -----BEGIN RSA PRIVATE KEY-----\nAAA\n-----END RSA PRIVATE KEY----- b";
        assert_eq!(redact(text), "a [private key] b");
        assert_eq!(redact("x -----BEGIN OPENSSH PRIVATE KEY-----\nAAA cut"), "x [private key]");
        let public = "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----";
        assert_eq!(redact(public), public);
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
    }
}
