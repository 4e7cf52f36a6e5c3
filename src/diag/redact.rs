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

/// What stands before a secret of AWS in the files, variables, JSON, XML and debug output that carry one, in small letters.
const NAMES: [&str; 6] =
    ["secret_access_key", "secretaccesskey", "session_token", "sessiontoken", "security_token", "security-token"];
/// What every access key id of AWS begins with, and what follows: so many capital letters and digits.
const ACCESS_KEYS: [&str; 2] = ["AKIA", "ASIA"];
const ACCESS_KEY_TAIL: usize = 16;
/// An unquoted word behind a colon is a secret from this length on; a shorter one is a sentence going on.
const LONG: usize = 16;

/// Replaces private keys in PEM by `[private key]`, access key ids of AWS by `[access key]`, and the values of its secret
/// keys and session tokens by `[secret]`.
#[must_use]
pub fn redact(text: &str) -> String {
    access_keys(&secrets(&private_keys(text)))
}

fn private_keys(text: &str) -> String {
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

fn secrets(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    let next =
        |from: usize| NAMES.iter().filter_map(|name| Some((from + lower[from..].find(name)?, name.len()))).min();
    while let Some((start, length)) = next(from) {
        let end = start + length;
        let closes = text[..start].ends_with("</");
        if let Some((before, value)) = value(&text[end..]).filter(|_| !closes) {
            clean.push_str(&text[from..end + before]);
            clean.push_str("[secret]");
            from = end + before + value;
        } else {
            clean.push_str(&text[from..end]);
            from = end;
        }
    }
    clean.push_str(&text[from..]);
    clean
}

/// Where the value begins in what follows a name, and how long it is.
fn value(rest: &str) -> Option<(usize, usize)> {
    let blank = [' ', '\t'];
    let quotes = ['\\', '"', '\''];
    let at = rest.trim_start_matches(quotes).trim_start_matches(blank);
    let separator = at.chars().next().filter(|c| matches!(c, '=' | ':' | '>'))?;
    let at = at[1..].trim_start_matches(blank);
    let at = at.strip_prefix("Some(").unwrap_or(at);
    let inner = at.trim_start_matches(quotes);
    let quoted = inner.len() < at.len();
    let value = if quoted {
        inner.split(quotes).next()?
    } else {
        inner
            .split(|c: char| c.is_whitespace() || matches!(c, '<' | ',' | ';' | '&' | '"' | '\'' | ')' | '}'))
            .next()?
    };
    let certain = quoted || separator != ':' || value.len() >= LONG;
    (certain && !value.is_empty()).then_some((rest.len() - inner.len(), value.len()))
}

fn access_keys(text: &str) -> String {
    let word = |b: u8| b.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    let mut clean = String::with_capacity(text.len());
    let (mut from, mut seen) = (0, 0);
    let next = |seen: usize| ACCESS_KEYS.iter().filter_map(|head| Some(seen + text[seen..].find(head)?)).min();
    while let Some(start) = next(seen) {
        seen = start + ACCESS_KEYS[0].len();
        let end = seen + ACCESS_KEY_TAIL;
        let alone = !bytes[..start].last().copied().is_some_and(word) && !bytes.get(end).copied().is_some_and(word);
        let tail = bytes.get(seen..end);
        if alone && tail.is_some_and(|tail| tail.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())) {
            clean.push_str(&text[from..start]);
            clean.push_str("[access key]");
            (from, seen) = (end, end);
        }
    }
    clean.push_str(&text[from..]);
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
    #[test]
    fn keys_of_aws_do_not_get_through() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let token = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLXdlc3QtMg==";
        let table = [
            ("by AKIAIOSFODNN7EXAMPLE of", "by [access key] of"),
            ("ASIAIOSFODNN7EXAMPLE", "[access key]"),
            ("'AKIAIOSFODNN7EXAMPLE', é AKIAIOSFODNN7EXAMPLE", "'[access key]', é [access key]"),
            ("AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPL"),
            ("AKIAIOSFODNN7EXAMPLEX", "AKIAIOSFODNN7EXAMPLEX"),
            ("XAKIAIOSFODNN7EXAMPLE", "XAKIAIOSFODNN7EXAMPLE"),
            ("AKIAiosfodnn7example AKIAIOSFODNN7EXAMPLE", "AKIAiosfodnn7example [access key]"),
            ("AKIA", "AKIA"),
            ("AKIAAKIAé", "AKIAAKIAé"),
            ("aws_secret_access_key = {S}\nregion = x", "aws_secret_access_key = [secret]\nregion = x"),
            ("AWS_SECRET_ACCESS_KEY={S} hga", "AWS_SECRET_ACCESS_KEY=[secret] hga"),
            ("aws_session_token={T}\n", "aws_session_token=[secret]\n"),
            (r#"{"SecretAccessKey": "{S}", "Expiration": 1}"#, r#"{"SecretAccessKey": "[secret]", "Expiration": 1}"#),
            (r#"{"SessionToken":"{T}"}"#, r#"{"SessionToken":"[secret]"}"#),
            (r#"{\"secretAccessKey\":\"{S}\"}"#, r#"{\"secretAccessKey\":\"[secret]\"}"#),
            (r#"secret_access_key: Some("{S}"), x"#, r#"secret_access_key: Some("[secret]"), x"#),
            ("<SecretAccessKey>{S}</SecretAccessKey>ok", "<SecretAccessKey>[secret]</SecretAccessKey>ok"),
            ("x-amz-security-token: {T}", "x-amz-security-token: [secret]"),
            ("\"SessionToken\": \"{T}", "\"SessionToken\": \"[secret]"),
            ("the SessionToken: it has expired", "the SessionToken: it has expired"),
            ("the session_token is missing", "the session_token is missing"),
            ("aws_secret_access_key =\nregion = x", "aws_secret_access_key =\nregion = x"),
            ("session_token", "session_token"),
            ("Secret_Access_Key=é", "Secret_Access_Key=[secret]"),
        ];
        for (text, expected) in table {
            let text = text.replace("{S}", secret).replace("{T}", token);
            let clean = redact(&text);
            assert_eq!(clean, expected);
            assert_eq!(redact(&clean), clean, "twice changes nothing");
        }
    }
}
