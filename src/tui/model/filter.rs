//! The filter of a list: words that must all be there, `!word` for one that must not, `column:word` for one column.

use std::borrow::Cow;

/// One word of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    without: bool,
    column: Option<usize>,
    text: String,
}

/// What a list is filtered for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    words: Vec<Word>,
}

impl Filter {
    /// Reads it; any text is a filter. A column is named by the beginning of its head, in any case; a name that no
    /// column has is text like any other.
    #[must_use]
    pub fn of(text: &str, columns: &[&str]) -> Self {
        let words = text.split_whitespace().filter_map(|word| {
            let (without, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
            let named = word.split_once(':').and_then(|(name, rest)| {
                let name = name.to_lowercase();
                let column = columns.iter().position(|title| title.to_lowercase().starts_with(&name));
                column.filter(|_| !name.is_empty()).map(|column| (column, rest))
            });
            let (column, text) = named.map_or((None, word), |(column, rest)| (Some(column), rest));
            // nothing typed yet after `!` or `column:` leaves nothing out
            (!text.is_empty()).then(|| Word { without, column, text: text.to_owned() })
        });
        Self { words: words.collect() }
    }

    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a row stays, whose cells `cell` gives by column.
    #[must_use]
    pub fn takes<'a>(&self, columns: usize, cell: &dyn Fn(usize) -> Cow<'a, str>) -> bool {
        self.words.iter().all(|word| {
            let has = |column| holds(&cell(column), &word.text);
            let found = word.column.map_or_else(|| (0..columns).any(has), has);
            found != word.without
        })
    }
}

/// Whether a word is in a text, whatever the case of its ASCII letters.
fn holds(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_columns_and_their_opposites() {
        let columns = ["MACHINE", "STATE", "ADDRESS"];
        let rows = [
            ["m-one", "running", "127.0.0.1:2222"],
            ["m-two", "ending", "127.0.0.1:3333"],
            ["build1", "running", "b.example:22"],
        ];
        let table: [(&str, &[usize]); 14] = [
            ("", &[0, 1, 2]),
            ("  ", &[0, 1, 2]),
            ("RUN", &[0, 2]),
            ("run m-", &[0]),
            ("!run", &[1]),
            ("m- !two", &[0]),
            ("state:ing", &[0, 1, 2]),
            ("st:run !mach:build", &[0]),
            ("!state:running", &[1]),
            ("state:m-", &[]),
            ("127.0.0.1:2222", &[0]),
            ("!", &[0, 1, 2]),
            ("state:", &[0, 1, 2]),
            ("nothing like it", &[]),
        ];
        for (text, expected) in table {
            let filter = Filter::of(text, &columns);
            let taken: Vec<usize> =
                (0..rows.len()).filter(|row| filter.takes(3, &|column| rows[*row][column].into())).collect();
            assert_eq!(taken, expected, "{text}");
        }
    }
}
