//! Events as JSON, one object a line.

use super::tail::Piece;
use crate::event::Event;
use serde_json::json;

/// An event as its line.
pub(super) fn event(event: &Event) -> String {
    let mut line = serde_json::to_string(event).unwrap_or_else(|error| {
        json!({"seq": event.seq, "event": "unprintable", "message": error.to_string()}).to_string()
    });
    line.push('\n');
    line
}

/// A piece of output as its line: `offset` is that of its first byte, bytes that are no UTF-8 are replaced.
pub(super) fn output(piece: &Piece) -> String {
    format!("{}\n", json!({"event": "output", "offset": piece.offset, "text": String::from_utf8_lossy(&piece.bytes)}))
}
