//! What a word of a person says of tests: a name, a name with a case (`test-x.t#case`) or a pattern (`test-x*.t`).

/// What a word is among the tests that a revision has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestWord {
    /// One of them, or a pattern that one of them matches.
    Known,
    /// A pattern that none of them matches.
    MatchesNone,
    /// A name that none of them has.
    Unknown,
    /// Something that may be a test elsewhere.
    Doubtful,
}

impl TestWord {
    /// What a word is among these tests.
    #[must_use]
    pub fn of(word: &str, known: &[String]) -> Self {
        let file = file(word);
        if is_pattern(file) && !file.contains('/') {
            if known.iter().any(|test| matches(file, test)) { Self::Known } else { Self::MatchesNone }
        } else if known.iter().any(|test| test == file) {
            Self::Known
        } else if file.starts_with("test-") && !file.contains('/') {
            Self::Unknown
        } else {
            Self::Doubtful
        }
    }
}

/// The file of the test that a word names, without its case.
#[must_use]
pub fn file(word: &str) -> &str {
    let name = relative(word);
    name.split_once('#').map_or(name, |(file, _)| file)
}

/// A test as `run-tests.py` knows it, which runs in the tests' folder: people name tests from the root too.
#[must_use]
pub fn relative(name: &str) -> &str {
    let name = name.strip_prefix("./").unwrap_or(name);
    name.strip_prefix("tests/").unwrap_or(name)
}

/// Whether a shell fills in what it stands for.
#[must_use]
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Whether a shell's pattern matches a name: `*`, `?`, and `[…]` taken as any one character.
fn matches(pattern: &str, name: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = chars.as_str();
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches(rest, &name[at..]))
        }
        Some(c) => {
            let mut rest = chars.as_str();
            if c == '['
                && let Some((_, after)) = rest.split_once(']')
            {
                rest = after;
            }
            let mut name = name.chars();
            name.next().is_some_and(|got| c == '?' || c == '[' || got == c) && matches(rest, name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_names_cases_and_patterns() {
        let known = ["test-copies.t".to_owned(), "test-rebase-a.t".to_owned()];
        for (word, is) in [
            ("test-copies.t", TestWord::Known),
            ("tests/test-copies.t#filelog", TestWord::Known),
            ("test-rebase*.t", TestWord::Known),
            ("test-[cr]?pies.t", TestWord::Known),
            ("test-z*.t", TestWord::MatchesNone),
            ("test-copie.t#filelog", TestWord::Unknown),
            ("../contrib/test-x.t", TestWord::Doubtful),
        ] {
            assert_eq!(TestWord::of(word, &known), is, "{word}");
        }
    }
}
