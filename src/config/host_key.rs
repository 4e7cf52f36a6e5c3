//! The shape of an OpenSSH public host key line: `type base64 [comment]`, the blob naming its own type. And its fingerprint.

use sha2::{Digest as _, Sha256};

const TYPES: [&str; 5] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/// Why a text is no host key line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHostKey {
    /// It is empty or has one word only.
    #[error("it is not of the form `TYPE BASE64`")]
    Form,
    /// It begins with a host name, as lines of `known_hosts` do.
    #[error("it begins with a host name, as in `known_hosts`; leave that out")]
    HostName,
    /// Its type is none that is used for host keys.
    #[error(
        "its type is not known (`ssh-ed25519`, `ecdsa-sha2-nistp256`, `ecdsa-sha2-nistp384`, `ecdsa-sha2-nistp521`, `ssh-rsa`)"
    )]
    Type,
    /// The key itself is damaged or belongs to another type.
    #[error("its key is damaged or cut short")]
    Damaged,
}

/// Checks the line and gives `type base64`, without a comment.
///
/// # Errors
/// [`BadHostKey`] says what is wrong with it.
pub fn host_key_line(text: &str) -> Result<String, BadHostKey> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(BadHostKey::Form);
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return Err(BadHostKey::Form) };
    if !TYPES.contains(&kind) {
        return Err(if TYPES.contains(&key) { BadHostKey::HostName } else { BadHostKey::Type });
    }
    let blob = base64(key).ok_or(BadHostKey::Damaged)?;
    // RFC 4253 §6.6: the blob is a sequence of strings, each with its length before it, the first one the type.
    let mut rest = blob.as_slice();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or(BadHostKey::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BadHostKey::Damaged)?;
        let (field, tail) = tail.split_at_checked(length).ok_or(BadHostKey::Damaged)?;
        fields.push(field);
        rest = tail;
    }
    if fields.first() != Some(&kind.as_bytes()) || fields.len() < 2 {
        return Err(BadHostKey::Damaged);
    }
    Ok(format!("{kind} {key}"))
}

/// The fingerprint of a host key line as OpenSSH shows it: `SHA256:` and 43 characters of base64.
///
/// # Errors
/// [`BadHostKey`] says what is wrong with the line.
pub fn host_key_fingerprint(text: &str) -> Result<String, BadHostKey> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let line = host_key_line(text)?;
    let blob = line.split(' ').nth(1).and_then(base64).ok_or(BadHostKey::Damaged)?;
    let mut shown = String::from("SHA256:");
    for three in Sha256::digest(blob).chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let digit = bits >> (18 - 6 * place) & 63;
            shown.push(char::from(DIGITS[digit as usize]));
        }
    }
    Ok(shown)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - body.len() > 2 || body.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(body.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in body.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
        bits &= (1 << held) - 1;
    }
    (bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJsWri7taHCrWsyHNfTr0Svxuog6uuDMT0RlHJmGGe82";

    #[test]
    fn a_good_line_is_kept_without_its_comment() {
        let line = format!("ssh-ed25519 {KEY}");
        for text in [line.clone(), format!("{line} root@build"), format!("  {line}\n")] {
            assert_eq!(host_key_line(&text), Ok(line.clone()), "{text:?}");
        }
    }

    #[test]
    fn a_fingerprint_is_that_of_openssh() {
        let shown = host_key_fingerprint(&format!("ssh-ed25519 {KEY} root@build")).unwrap();
        assert_eq!(shown, "SHA256:RVryCB27DZ49seay2sYrJF7QU+rnYkHeB4bbJHXCZWw");
        assert_eq!(host_key_fingerprint("ssh-ed25519"), Err(BadHostKey::Form));
    }

    #[test]
    fn a_bad_line_says_why() {
        let table = [
            (String::new(), BadHostKey::Form),
            ("ssh-ed25519".into(), BadHostKey::Form),
            (format!("ssh-ed25519 {KEY}\nssh-ed25519 {KEY}"), BadHostKey::Form),
            (format!("build.example.org ssh-ed25519 {KEY}"), BadHostKey::HostName),
            (format!("ssh-dss {KEY}"), BadHostKey::Type),
            ("-----BEGIN OPENSSH PRIVATE KEY-----".into(), BadHostKey::Type),
            (format!("ssh-rsa {KEY}"), BadHostKey::Damaged),
            (format!("ssh-ed25519 {}", &KEY[..64]), BadHostKey::Damaged),
            (format!("ssh-ed25519 {}", &KEY[..63]), BadHostKey::Damaged),
            ("ssh-ed25519 AAAA…".into(), BadHostKey::Damaged),
            ("ssh-ed25519 ====".into(), BadHostKey::Damaged),
        ];
        for (text, why) in table {
            assert_eq!(host_key_line(&text), Err(why), "{text:?}");
        }
    }
}
