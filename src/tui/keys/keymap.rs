//! Which row of the table a chord means in a situation.

use super::{Chord, Fact, Row, Situation, TABLE};

/// What a chord means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// This row.
    Act(&'static Row),
    /// This row, but something it needs is not so.
    Refused(&'static Row, Fact),
    /// It goes into the text field.
    Text(Chord),
    /// Nothing.
    Nothing,
}

/// What a chord means: the innermost scope that has it wins, and a row whose needs are met wins over one whose are not.
/// While a person types, characters go into the field.
#[must_use]
pub fn resolve(chord: Chord, situation: &Situation) -> Resolved {
    if situation.typing && chord.typed().is_some() {
        return Resolved::Text(chord);
    }
    for scope in &situation.scopes {
        let mut rows = TABLE.iter().filter(|row| row.scope == *scope && row.has(chord)).peekable();
        let Some(first) = rows.peek().copied() else { continue };
        return match rows.find(|row| row.unmet(situation).is_none()) {
            Some(row) => Resolved::Act(row),
            None => first.unmet(situation).map_or(Resolved::Act(first), |fact| Resolved::Refused(first, fact)),
        };
    }
    if situation.typing { Resolved::Text(chord) } else { Resolved::Nothing }
}
