//! What is searched for: a literal text. One without capitals finds any case; only the letters of ASCII are folded.

use memchr::memmem::Finder;

/// How often letters stand in English text and in code, the rarest last; what is not here is rarer still.
const COMMON: &[u8] = b" etaoinsrhldcumfpgwybvkxjqz0123456789.-_/:";

/// A pattern made ready.
#[derive(Debug, Clone)]
pub struct Needle {
    bytes: Vec<u8>,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Exact(Box<Finder<'static>>),
    /// Any case; looked for by its rarest byte, which stands at this place.
    Folded(usize),
}

impl Needle {
    /// The pattern made ready; none for an empty one.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        if pattern.is_empty() {
            return None;
        }
        let bytes = pattern.as_bytes().to_vec();
        let exact = pattern.contains(char::is_uppercase) || !pattern.contains(|c: char| c.is_ascii_lowercase());
        let how = if exact {
            How::Exact(Box::new(Finder::new(&bytes).into_owned()))
        } else {
            let rank = |byte: u8| COMMON.iter().position(|common| *common == byte).unwrap_or(COMMON.len());
            How::Folded((0..bytes.len()).max_by_key(|at| rank(bytes[*at])).unwrap_or(0))
        };
        Some(Self { bytes, how })
    }

    /// Its length in bytes; never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is no empty one")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The first place at `from` or after it where it stands.
    #[must_use]
    pub fn find(&self, hay: &[u8], from: usize) -> Option<usize> {
        let anchor = match &self.how {
            How::Exact(finder) => return hay.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at),
            How::Folded(anchor) => *anchor,
        };
        let (low, high) = (self.bytes[anchor], self.bytes[anchor].to_ascii_uppercase());
        let mut at = from + anchor;
        while let Some(there) = hay.get(at..).and_then(|rest| memchr::memchr2(low, high, rest)) {
            let begin = at + there - anchor;
            let piece = hay.get(begin..begin + self.bytes.len())?;
            if piece.eq_ignore_ascii_case(&self.bytes) {
                return Some(begin);
            }
            at += there + 1;
        }
        None
    }

    /// All places where it stands; they may overlap.
    pub fn find_all<'a>(&'a self, hay: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = self.find(hay, from)?;
            from = at + 1;
            Some(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_make_the_case_matter() {
        let all = |pattern: &str, hay: &str| -> Vec<usize> {
            Needle::new(pattern).unwrap().find_all(hay.as_bytes()).collect()
        };
        assert_eq!(all("err", "Error ERR err"), [0, 6, 10]);
        assert_eq!(all("Err", "Error ERR err"), [0]);
        assert_eq!(all("a.b", "axb A.B"), [4]);
        assert_eq!(all("aa", "aaaa"), [0, 1, 2]);
        assert_eq!(all("世", "x世"), [1]);
        assert!(all("longer than the hay", "longer").is_empty());
        assert!(Needle::new("").is_none());
    }
}
