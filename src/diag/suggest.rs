//! "Did you mean": the nearest of a few known words.

/// The known word that is most like `word`, if one is like it at all: at most a third of its letters differ, or one
/// begins with the other.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = known
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, candidate)| *edits <= candidate.chars().count().div_ceil(3));
    let begins = || {
        known.iter().copied().find(|known| word.len() > 1 && (known.starts_with(&word) || word.starts_with(known)))
    };
    near.map(|(_, candidate)| candidate).or_else(begins)
}

/// Up to three known words that are like `word`, the nearest first: few letters differ, or one holds the other.
pub(crate) fn near<'a>(word: &str, known: &[&'a str]) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut alike: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|candidate| {
            let edits = distance(&word, candidate);
            let holds = word.len() > 2 && (candidate.contains(&word) || word.contains(candidate));
            (holds || edits <= candidate.chars().count() / 4).then_some((edits, *candidate))
        })
        .collect();
    alike.sort_unstable();
    alike.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// Words in backticks, with commas.
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What to say about an unknown word where only some are known.
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`? known here: {}", list(known)),
        None => format!("known here: {}", list(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["provider", "lease", "python"];
        for (word, near) in [
            ("providr", Some("provider")),
            ("Lease", Some("lease")),
            ("laese", Some("lease")),
            ("prov", Some("provider")),
            ("pythonversion", Some("python")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), near, "{word}");
        }
        let tests = ["add", "addremove", "bad-pull", "merge1", "merge2"];
        assert_eq!(near("ad", &tests), Vec::<&str>::new());
        assert_eq!(near("add", &tests), ["add", "addremove"]);
        assert_eq!(near("bad-pul", &tests), ["bad-pull"]);
        assert_eq!(near("merge3", &tests), ["merge1", "merge2"]);
    }
}
