//! The log pane's moves, in tui-logger's words.

use super::action::LogMove;
use super::model::LogState;
use tui_logger::TuiWidgetEvent as Event;

/// Brings the lines that were logged since into reach of the pane. tui-logger's own thread would do it a hundred times a
/// second, seen or not; the loop does it when the clock ticks and before the pane is drawn.
pub(super) fn take_in() {
    tui_logger::move_events();
}

/// Moves in the log.
pub(super) fn go(log: &LogState, to: LogMove) {
    log.0.transition(match to {
        LogMove::Targets => Event::HideKey,
        LogMove::Up => Event::UpKey,
        LogMove::Down => Event::DownKey,
        LogMove::Less => Event::LeftKey,
        LogMove::More => Event::RightKey,
        LogMove::CaptureLess => Event::MinusKey,
        LogMove::CaptureMore => Event::PlusKey,
        LogMove::PageUp => Event::PrevPageKey,
        LogMove::PageDown => Event::NextPageKey,
        LogMove::Newest => Event::EscapeKey,
        LogMove::Focus => Event::FocusKey,
        LogMove::Hide => Event::SpaceKey,
    });
}
