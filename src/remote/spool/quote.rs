//! Quoting for a POSIX shell.

/// One shell word that stands for exactly this text. Text may hold anything but NUL, which no shell can carry.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Words joined to a line that a shell splits into exactly these words again.
pub fn words<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_needed() {
        assert_eq!(words(["a/b", "", "it's", "$x", "-j2", "*"]), r"a/b '' 'it'\''s' '$x' -j2 '*'");
    }
}
