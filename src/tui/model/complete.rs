//! What can stand for the word at the cursor: names of tests, those that begin with it first, then those that hold it.

/// So many proposals at most.
const MOST: usize = 50;

/// The word at a cursor (counted in characters): its place in bytes.
#[must_use]
pub fn word_at(text: &str, cursor: usize) -> std::ops::Range<usize> {
    let at = text.char_indices().nth(cursor).map_or(text.len(), |(byte, _)| byte);
    let start = text[..at]
        .rfind(char::is_whitespace)
        .map_or(0, |byte| byte + text[byte..].chars().next().map_or(1, char::len_utf8));
    let end = text[at..].find(char::is_whitespace).map_or(text.len(), |byte| at + byte);
    start..end
}

/// The names that can stand for the word at the cursor, the best first; none for a word that is a name already, nor
/// for none.
#[must_use]
pub fn proposals(names: &[String], text: &str, cursor: usize) -> Vec<String> {
    let word = &text[word_at(text, cursor)];
    if word.is_empty() || word.starts_with('-') || names.iter().any(|name| name == word) {
        return Vec::new();
    }
    let used = |name: &str| text.split_whitespace().any(|known| known == name);
    let begins = names.iter().filter(|name| name.starts_with(word));
    let holds = names.iter().filter(|name| !name.starts_with(word) && name.contains(word));
    begins.chain(holds).filter(|name| !used(name)).take(MOST).cloned().collect()
}

/// The text with a proposal in place of the word at the cursor, and where the cursor stands then, in characters.
#[must_use]
pub fn taken(text: &str, cursor: usize, proposal: &str) -> (String, usize) {
    let word = word_at(text, cursor);
    let rest = text[word.end..].trim_start();
    let before = format!("{}{proposal} ", &text[..word.start]);
    let at = before.chars().count();
    (before + rest, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_with_the_word_come_first() {
        let names: Vec<String> =
            ["test-add.t", "test-badd.t", "test-backout.t", "test-add-2.t"].map(str::to_owned).into();
        let table: [(&str, usize, &[&str]); 8] = [
            ("test-add", 8, &["test-add.t", "test-add-2.t"]),
            ("add", 3, &["test-add.t", "test-badd.t", "test-add-2.t"]),
            ("test-add.t", 10, &[]),
            ("test-add.t ", 11, &[]),
            ("", 0, &[]),
            ("-jadd", 5, &[]),
            ("test-add.t add", 14, &["test-badd.t", "test-add-2.t"]),
            ("bac test-add.t", 1, &["test-backout.t"]),
        ];
        for (text, cursor, expected) in table {
            assert_eq!(proposals(&names, text, cursor), expected, "{text:?} {cursor}");
        }
    }

    #[test]
    fn a_proposal_takes_the_place_of_the_word() {
        assert_eq!(taken("add", 3, "test-add.t"), ("test-add.t ".into(), 11));
        assert_eq!(taken("a add b", 3, "test-é.t"), ("a test-é.t b".into(), 11));
        assert_eq!(taken("é add", 9, "x"), ("é x ".into(), 4));
        assert_eq!(word_at("é\u{2003}add", 2), 5..8);
    }
}
