//! What can stand for the word at the cursor: names of tests, or types of machines, those that begin with it first, then
//! those that hold it.

use super::TypeChoice;

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

/// The type at a cursor (counted in characters), in a list with commas or spaces between: its place in bytes.
#[must_use]
pub fn type_at(text: &str, cursor: usize) -> std::ops::Range<usize> {
    let at = text.char_indices().nth(cursor).map_or(text.len(), |(byte, _)| byte);
    let between = |c: char| c == ',' || c.is_whitespace();
    let start = text[..at].char_indices().rfind(|(_, c)| between(*c)).map_or(0, |(byte, c)| byte + c.len_utf8());
    let end = text[at..].find(between).map_or(text.len(), |byte| at + byte);
    start..end
}

/// The types that can stand for the one at the cursor, the best first; none for one that is known, nor for none.
#[must_use]
pub fn type_proposals(types: &[TypeChoice], text: &str, cursor: usize) -> Vec<String> {
    let word = &text[type_at(text, cursor)];
    if word.is_empty() || types.iter().any(|choice| choice.name == word) {
        return Vec::new();
    }
    let begins = types.iter().filter(|choice| choice.name.starts_with(word));
    let holds = types.iter().filter(|choice| !choice.name.starts_with(word) && choice.name.contains(word));
    begins.chain(holds).take(MOST).map(|choice| choice.name.clone()).collect()
}

/// The text with another in place of what lies there, and where the cursor stands after it, in characters.
#[must_use]
pub fn replaced(text: &str, place: std::ops::Range<usize>, by: &str) -> (String, usize) {
    let before = format!("{}{by}", &text[..place.start]);
    let at = before.chars().count();
    (before + &text[place.end..], at)
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
    fn types_are_proposed_between_commas() {
        let types = ["m6i.8xlarge", "c5.4xlarge", "c5.9xlarge"]
            .map(|name| TypeChoice { name: name.to_owned(), said: String::new() });
        let table: [(&str, usize, &[&str]); 6] = [
            ("c5", 2, &["c5.4xlarge", "c5.9xlarge"]),
            ("8x", 2, &["m6i.8xlarge"]),
            ("c5.9xlarge", 10, &[]),
            ("c5.9xlarge,m", 12, &["m6i.8xlarge"]),
            ("c5.9xlarge, ", 12, &[]),
            ("é, m", 4, &["m6i.8xlarge"]),
        ];
        for (text, cursor, expected) in table {
            assert_eq!(type_proposals(&types, text, cursor), expected, "{text:?} {cursor}");
        }
        let took = |text: &str, cursor| replaced(text, type_at(text, cursor), "x1.y");
        assert_eq!(took("c5,m5 , r5", 4), ("c5,x1.y , r5".into(), 7));
        assert_eq!(took("", 0), ("x1.y".into(), 4));
        assert_eq!(took("é, ", 3), ("é, x1.y".into(), 7));
    }

    #[test]
    fn a_proposal_takes_the_place_of_the_word() {
        assert_eq!(taken("add", 3, "test-add.t"), ("test-add.t ".into(), 11));
        assert_eq!(taken("a add b", 3, "test-é.t"), ("a test-é.t b".into(), 11));
        assert_eq!(taken("é add", 9, "x"), ("é x ".into(), 4));
        assert_eq!(word_at("é\u{2003}add", 2), 5..8);
    }
}
