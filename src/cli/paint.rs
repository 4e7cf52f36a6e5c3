//! Colour, or none. Colour never says anything that the words do not say.

/// A meaning that may have a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Worth a look.
    Warn,
    /// Of less weight.
    Dim,
    /// Of more weight.
    Strong,
    /// A place in a diff.
    Place,
}

/// Whether there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// There is.
    Color,
    /// There is not.
    Plain,
}

impl Paint {
    /// The text in its tone.
    pub(super) fn tone(self, tone: Tone, text: &str) -> String {
        if self == Self::Plain || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Dim => "2",
            Tone::Strong => "1",
            Tone::Place => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
