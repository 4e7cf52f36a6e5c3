//! One key press as a value: read from text such as `ctrl-d`, written for people as `^d`. Terminal libraries' own key
//! types are turned into it at the edge of the room.

use std::fmt;
use std::str::FromStr;

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A character as typed: `G` is not `g`.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key.
    F(u8),
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    /// Which key.
    pub code: Code,
    /// With Control.
    pub ctrl: bool,
    /// With Alt.
    pub alt: bool,
    /// With Shift; never set for a character, which says it itself.
    pub shift: bool,
}

impl Chord {
    /// A key alone.
    #[must_use]
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// A character alone.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// The character it types into a text field; none for anything else.
    #[must_use]
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

const NAMED: [(&str, &str, Code); 16] = [
    ("enter", "Enter", Code::Enter),
    ("esc", "Esc", Code::Esc),
    ("tab", "Tab", Code::Tab),
    ("backtab", "S-Tab", Code::BackTab),
    ("backspace", "Bksp", Code::Backspace),
    ("delete", "Del", Code::Delete),
    ("up", "Up", Code::Up),
    ("down", "Down", Code::Down),
    ("left", "Left", Code::Left),
    ("right", "Right", Code::Right),
    ("home", "Home", Code::Home),
    ("end", "End", Code::End),
    ("pageup", "PgUp", Code::PageUp),
    ("pagedown", "PgDn", Code::PageDown),
    ("space", "Space", Code::Char(' ')),
    ("minus", "-", Code::Char('-')),
];

impl FromStr for Chord {
    type Err = String;

    /// Reads `ctrl-`, `alt-`, `shift-` and a key: a character, a name such as `pageup`, or `f1` to `f12`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut chord = Self::char('\0');
        let mut rest = text;
        loop {
            let (modifier, after) = match rest.split_once('-') {
                Some((word, after)) if !after.is_empty() => (word, after),
                _ => break,
            };
            match modifier {
                "ctrl" => chord.ctrl = true,
                "alt" => chord.alt = true,
                "shift" => chord.shift = true,
                _ => return Err(format!("`{modifier}` is not a modifier key; there are `ctrl`, `alt`, `shift`")),
            }
            rest = after;
        }
        let mut chars = rest.chars();
        chord.code = match (chars.next(), chars.next()) {
            (Some(c), None) => Code::Char(c),
            _ => match NAMED.iter().find(|(name, ..)| *name == rest) {
                Some((.., code)) => *code,
                None => rest
                    .strip_prefix('f')
                    .and_then(|number| number.parse().ok())
                    .filter(|number| (1..=12).contains(number))
                    .map(Code::F)
                    .ok_or_else(|| format!("`{text}` is not a key"))?,
            },
        };
        Ok(chord)
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.code, NAMED.iter().find(|(.., named)| *named == self.code)) {
            (Code::F(number), _) => format!("F{number}"),
            (_, Some((_, shown, _))) => (*shown).to_owned(),
            (Code::Char(c), None) => c.to_string(),
            (_, None) => String::new(),
        };
        let on = |so, mark| if so { mark } else { "" };
        f.pad(&format!("{}{}{}{name}", on(self.ctrl, "^"), on(self.alt, "M-"), on(self.shift, "S-")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_read_and_shown() {
        for (text, shown) in [
            ("ctrl-d", "^d"),
            ("G", "G"),
            ("shift-left", "S-Left"),
            ("space", "Space"),
            ("f12", "F12"),
            ("alt-x", "M-x"),
            ("ctrl-\\", "^\\"),
            ("-", "-"),
            ("?", "?"),
            ("ctrl-space", "^Space"),
        ] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), shown, "{text}");
        }
        for bad in ["", "hyper-x", "f13", "f0", "word", "ctrl-"] {
            assert!(bad.parse::<Chord>().is_err(), "{bad}");
        }
    }
}
