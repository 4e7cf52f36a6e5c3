//! The one key table: name, keys, where they hold, what they need, what they do. Everything that tells a person about keys
//! is made from it.

use super::{Chord, Fact, Scope, Situation};
use crate::tui::action::{Action, Later, LogMove, SortBy};

/// Whether something may be lost by it. Nothing is ever done without a dialog whose default is Cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// Nothing is.
    None,
    /// It opens a dialog that may end something.
    Asks,
}

/// One row.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// The command's name, as in the palette.
    pub name: &'static str,
    /// Its keys as text, see [`Chord`]; the first is the one shown.
    pub keys: &'static [&'static str],
    /// Where they hold.
    pub scope: Scope,
    /// What they mean.
    pub action: Action,
    /// What has to be true.
    pub needs: &'static [Fact],
    /// Two words for the footer; empty when it has no place there.
    pub short: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Whether something may be lost.
    pub danger: Danger,
}

impl Row {
    /// Whether this chord is one of its keys.
    #[must_use]
    pub fn has(&self, chord: Chord) -> bool {
        self.keys.iter().any(|key| key.parse() == Ok(chord))
    }

    /// The first thing it needs that is not so.
    #[must_use]
    pub fn unmet(&self, situation: &Situation) -> Option<Fact> {
        self.needs.iter().copied().find(|fact| !situation.facts.contains(fact))
    }

    /// Its first key for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.keys
            .first()
            .and_then(|key| key.parse::<Chord>().ok())
            .map_or_else(String::new, |chord| chord.to_string())
    }
}

/// A row by its name and scope.
#[must_use]
pub fn row(scope: Scope, name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.scope == scope && row.name == name)
}

const fn key(
    scope: Scope,
    keys: &'static [&'static str],
    name: &'static str,
    short: &'static str,
    action: Action,
    doc: &'static str,
) -> Row {
    Row { name, keys, scope, action, needs: &[], short, doc, danger: Danger::None }
}

impl Row {
    const fn needs(self, needs: &'static [Fact]) -> Self {
        Self { needs, ..self }
    }

    const fn asks(self) -> Self {
        Self { danger: Danger::Asks, ..self }
    }
}

use Action as A;
use Fact as F;
use Scope as S;

/// All keys.
pub static TABLE: &[Row] = &[
    // everywhere
    key(S::Anywhere, &["?", "f1"], "help", "help", A::Help, "Show the keys that hold here"),
    key(S::Anywhere, &[":"], "palette", "", A::Palette, "Open the command palette: every command by name"),
    key(S::Anywhere, &["ctrl-r"], "refresh", "", A::Refresh, "Ask the providers again and draw anew"),
    key(S::Anywhere, &["T"], "theme", "", A::Theme, "Take the next theme: dark, light, 16 colours, mono"),
    key(S::Anywhere, &["ctrl-z"], "suspend", "", A::Suspend, "Suspend hga, as in any program; `fg` brings it back"),
    key(S::Anywhere, &["ctrl-c"], "interrupt", "", A::Interrupt, "Say how to leave; it never stops a job"),
    // panes
    key(S::Panes, &["1"], "machines", "", A::Tab(1), "Go to the machines"),
    key(S::Panes, &["2"], "images", "", A::Tab(2), "Go to the images"),
    key(S::Panes, &["3"], "jobs", "", A::Tab(3), "Go to the jobs"),
    key(S::Panes, &["4"], "log", "", A::Tab(4), "Go to hga's own log"),
    key(S::Panes, &["5"], "resources", "", A::Tab(5), "Go to everything that costs money or is left behind"),
    key(S::Panes, &["6"], "costs", "", A::Tab(6), "Go to what it costs: now, today, this month"),
    key(S::Panes, &["tab"], "next-pane", "", A::Next, "Go to the next pane"),
    key(S::Panes, &["backtab"], "previous-pane", "", A::Previous, "Go to the previous pane"),
    key(
        S::Panes,
        &["r"],
        "run-tests",
        "run tests",
        A::RunTests,
        "Run tests: opens a form; on a machine, on that one",
    ),
    key(S::Panes, &["esc"], "unfilter", "", A::DropFilter, "Drop the filter of the list").needs(&[F::Filtered]),
    key(S::Panes, &["q"], "quit", "quit", A::Quit, "Leave hga; asks first while work runs or a machine costs"),
    key(S::Panes, &["esc"], "stay", "", A::Back, "Say how to leave; nothing lies further back"),
    key(
        S::Panes,
        &[],
        "terminate-ec2-instances",
        "",
        A::TerminateEc2,
        "End all machines of yours on EC2: shows the plan first",
    )
    .asks(),
    key(S::Panes, &[], "demo", "", A::Demo, "Try it: Mercurial's own quick tests on this computer"),
    // machines
    key(S::Machines, &["enter", "d"], "describe", "details", A::Describe, "Show all that is known of the machine")
        .needs(&[F::Machine]),
    key(S::Machines, &["s"], "shell", "shell", A::Shell, "Open a shell on the machine; leaving it comes back here")
        .needs(&[F::Machine, F::MachineAnswers]),
    key(
        S::Machines,
        &["ctrl-d", "delete"],
        "terminate",
        "end",
        A::Terminate,
        "End the machine, or all marked ones: shows the plan first",
    )
    .needs(&[F::Machine])
    .asks(),
    key(S::Machines, &["n"], "launch", "launch", A::Launch, "Launch a machine: opens a form"),
    key(
        S::Machines,
        &["+"],
        "extend",
        "",
        A::Lease(Later::Yes),
        "Let the machine, or all marked ones, live 30 minutes longer",
    )
    .needs(&[F::Machine]),
    key(
        S::Machines,
        &["minus"],
        "shorten",
        "",
        A::Lease(Later::No),
        "Let the machine, or all marked ones, end 30 minutes sooner; asks first where less is left",
    )
    .needs(&[F::Machine]),
    key(S::Machines, &["o"], "go-to-job", "its job", A::GoToJob, "Go to the job the machine was launched for")
        .needs(&[F::Job]),
    key(S::Machines, &["space"], "mark", "", A::Mark, "Mark or unmark the row; commands take all marked ones")
        .needs(&[F::Row]),
    key(S::Machines, &["ctrl-space"], "mark-range", "", A::MarkRange, "Mark from the last mark to here")
        .needs(&[F::Row]),
    key(S::Machines, &["ctrl-\\"], "mark-clear", "", A::MarkClear, "Unmark everything"),
    // images
    key(S::Images, &["enter", "d"], "describe", "details", A::Describe, "Show what the image was made from")
        .needs(&[F::Image]),
    key(
        S::Images,
        &["b"],
        "bootstrap",
        "make image",
        A::Bootstrap,
        "Make the development image, unless a current one is there",
    ),
    key(S::Images, &["n"], "launch", "launch", A::Launch, "Launch a machine from the image: opens a form")
        .needs(&[F::Image]),
    key(
        S::Images,
        &["ctrl-d", "delete"],
        "remove-image",
        "remove",
        A::RemoveImage,
        "Remove the image: shows the plan first",
    )
    .needs(&[F::Image])
    .asks(),
    key(S::Images, &["space"], "mark", "", A::Mark, "Mark or unmark the row; commands take all marked ones")
        .needs(&[F::Row]),
    key(S::Images, &["ctrl-space"], "mark-range", "", A::MarkRange, "Mark from the last mark to here")
        .needs(&[F::Row]),
    key(S::Images, &["ctrl-\\"], "mark-clear", "", A::MarkClear, "Unmark everything"),
    // jobs
    key(S::Jobs, &["enter"], "open", "open", A::Open, "Open the job: its phases, tests, failures and output")
        .needs(&[F::Job]),
    key(S::Jobs, &["l"], "output", "output", A::GoToOutput, "Open the job at its output").needs(&[F::Job]),
    key(S::Jobs, &["d"], "describe", "", A::Describe, "Show what was asked, as a command line").needs(&[F::Job]),
    key(S::Jobs, &["X", "ctrl-d"], "stop", "stop", A::StopJob, "Stop the job and end its machine: asks first")
        .needs(&[F::Job, F::JobLive])
        .asks(),
    key(S::Jobs, &["a"], "attach", "attach", A::Attach, "Take the job up where its last process left it")
        .needs(&[F::Job, F::JobLeft]),
    key(S::Jobs, &["m"], "go-to-machine", "", A::GoToMachine, "Go to the job's machine").needs(&[F::Machine]),
    key(S::Jobs, &["s"], "shell", "", A::Shell, "Open a shell on the job's machine")
        .needs(&[F::Machine, F::MachineAnswers]),
    // log
    key(S::Log, &["h"], "log-targets", "targets", A::Log(LogMove::Targets), "Show or hide the list of targets"),
    key(S::Log, &["up", "k"], "log-up", "", A::Log(LogMove::Up), "Select the target above"),
    key(S::Log, &["down", "j"], "log-down", "", A::Log(LogMove::Down), "Select the target below"),
    key(S::Log, &["left"], "log-less", "less", A::Log(LogMove::Less), "Show less of the selected target"),
    key(S::Log, &["right"], "log-more", "more", A::Log(LogMove::More), "Show more of the selected target"),
    key(
        S::Log,
        &["minus"],
        "log-capture-less",
        "",
        A::Log(LogMove::CaptureLess),
        "Record less of the selected target",
    ),
    key(S::Log, &["+"], "log-capture-more", "", A::Log(LogMove::CaptureMore), "Record more of the selected target"),
    key(S::Log, &["pageup"], "log-back", "", A::Log(LogMove::PageUp), "Scroll back"),
    key(S::Log, &["pagedown"], "log-on", "", A::Log(LogMove::PageDown), "Scroll on"),
    key(S::Log, &["G"], "log-newest", "newest", A::Log(LogMove::Newest), "Go to the newest line"),
    key(S::Log, &["f"], "log-focus", "", A::Log(LogMove::Focus), "Show the selected target alone"),
    key(S::Log, &["space"], "log-hide", "", A::Log(LogMove::Hide), "Hide targets that show nothing"),
    // everything
    key(S::Resources, &["enter", "d"], "describe", "details", A::Describe, "Show all that is known of it")
        .needs(&[F::Row]),
    key(
        S::Resources,
        &["ctrl-d", "delete"],
        "remove",
        "remove",
        A::Remove,
        "Remove it, or all marked ones: shows the plan first",
    )
    .needs(&[F::Row])
    .asks(),
    key(
        S::Resources,
        &["P"],
        "purge-ec2-resources",
        "purge",
        A::Purge,
        "Remove everything of yours on AWS: shows the plan first",
    )
    .asks(),
    key(S::Resources, &["space"], "mark", "", A::Mark, "Mark or unmark the row; commands take all marked ones")
        .needs(&[F::Row]),
    key(S::Resources, &["ctrl-space"], "mark-range", "", A::MarkRange, "Mark from the last mark to here")
        .needs(&[F::Row]),
    key(S::Resources, &["ctrl-\\"], "mark-clear", "", A::MarkClear, "Unmark everything"),
    // costs
    key(S::Costs, &["enter", "d"], "explain", "explain", A::Describe, "Show why the number is what it is")
        .needs(&[F::Row]),
    key(
        S::Costs,
        &["b"],
        "by-next",
        "by",
        A::TellApart(1),
        "Tell the month apart by the next thing: jobs, operations, phases, types, charges, regions, owners, days",
    ),
    key(S::Costs, &["B"], "by-previous", "", A::TellApart(-1), "Tell it apart by the previous thing"),
    key(
        S::Costs,
        &["ctrl-d", "delete"],
        "end-or-remove",
        "end",
        A::Remove,
        "End the machine, or remove the image or snapshot: shows the plan first",
    )
    .needs(&[F::There])
    .asks(),
    key(S::Costs, &["m"], "go-to-machine", "machine", A::GoToMachine, "Go to the machine").needs(&[F::Machine]),
    key(S::Costs, &["o"], "go-to-job", "its job", A::GoToJob, "Go to the job it was launched or made for")
        .needs(&[F::Job]),
    // a job
    key(S::Job, &["1"], "tests", "", A::Tab(1), "Go to the tests"),
    key(S::Job, &["2"], "failures", "", A::Tab(2), "Go to the failures"),
    key(S::Job, &["3"], "output", "", A::Tab(3), "Go to the output"),
    key(S::Job, &["4"], "summary", "", A::Tab(4), "Go to the summary"),
    key(S::Job, &["tab"], "next-tab", "", A::Next, "Go to the next tab"),
    key(S::Job, &["backtab"], "previous-tab", "", A::Previous, "Go to the previous tab"),
    key(S::Job, &["e"], "next-failure", "failure", A::NextFailure, "Go to the next failing test")
        .needs(&[F::Failures]),
    key(S::Job, &["E"], "previous-failure", "", A::PreviousFailure, "Go to the previous failing test")
        .needs(&[F::Failures]),
    key(S::Job, &["X"], "stop", "stop", A::StopJob, "Stop the job and end its machine: asks first")
        .needs(&[F::JobLive])
        .asks(),
    key(S::Job, &["a"], "attach", "attach", A::Attach, "Take the job up where its last process left it")
        .needs(&[F::JobLeft]),
    key(S::Job, &["s"], "shell", "shell", A::Shell, "Open a shell on the job's machine; leaving it comes back here")
        .needs(&[F::Machine, F::MachineAnswers]),
    key(S::Job, &["m"], "go-to-machine", "machine", A::GoToMachine, "Go to the job's machine").needs(&[F::Machine]),
    key(S::Job, &["d"], "describe", "", A::Describe, "Show what was asked, as a command line"),
    key(
        S::Job,
        &["r"],
        "rerun",
        "",
        A::Rerun,
        "Run again: opens the form filled in as this job was; on a failure, with that test alone",
    ),
    key(S::Job, &["esc"], "unfilter", "", A::DropFilter, "Drop the filter of the list").needs(&[F::Filtered]),
    key(S::Job, &["q", "esc"], "back", "back", A::Back, "Go back to the dashboard"),
    // tabs of a job
    key(
        S::Tests,
        &["enter"],
        "open-test",
        "open",
        A::Open,
        "Open the test: its diff if it failed, its output so far if it runs",
    )
    .needs(&[F::Row]),
    key(S::Tests, &["l"], "test-output", "output", A::GoToOutput, "Go to where the test shows in the output")
        .needs(&[F::Row]),
    key(S::Failures, &["enter"], "open-diff", "diff", A::Open, "Read the whole diff").needs(&[F::Row]),
    key(
        S::Failures,
        &["l"],
        "failure-output",
        "output",
        A::GoToOutput,
        "Go to where the failure shows in the output",
    )
    .needs(&[F::Row]),
    key(S::Failures, &["pageup", "ctrl-b"], "diff-page-up", "", A::PageUp, "Scroll the diff a page up"),
    key(S::Failures, &["pagedown", "ctrl-f"], "diff-page-down", "", A::PageDown, "Scroll the diff a page down"),
    key(S::Failures, &["left"], "diff-left", "", A::Left, "Scroll the diff to the left"),
    key(S::Failures, &["right"], "diff-right", "", A::Right, "Scroll the diff to the right"),
    key(S::Output, &["space"], "follow", "follow", A::Follow, "Follow the end of the output, or stay here"),
    key(S::Output, &["/"], "search", "search", A::Search, "Search the text"),
    key(S::Output, &["n"], "next-hit", "", A::NextHit, "Go to the next hit").needs(&[F::Pattern]),
    key(S::Output, &["N"], "previous-hit", "", A::PreviousHit, "Go to the previous hit").needs(&[F::Pattern]),
    key(S::Output, &["w"], "wrap", "wrap", A::Wrap, "Wrap long lines, or cut them"),
    key(S::Output, &["y", "c"], "copy-line", "", A::Copy, "Copy the first line shown to the clipboard (OSC 52)"),
    key(S::Output, &["left"], "scroll-left", "", A::Left, "Scroll to the left"),
    key(S::Output, &["right"], "scroll-right", "", A::Right, "Scroll to the right"),
    // lists
    key(S::List, &["up", "k"], "up", "", A::Up, "Go up"),
    key(S::List, &["down", "j"], "down", "", A::Down, "Go down"),
    key(S::List, &["pageup", "ctrl-b"], "page-up", "", A::PageUp, "Go a page up"),
    key(S::List, &["pagedown", "ctrl-f"], "page-down", "", A::PageDown, "Go a page down"),
    key(S::List, &["g", "home"], "first", "", A::Top, "Go to the first"),
    key(S::List, &["G", "end"], "last", "", A::Bottom, "Go to the last"),
    key(S::List, &["/"], "filter", "filter", A::Filter, "Filter the list: words, `!` for without, `column:word`"),
    key(S::List, &["N"], "sort-name", "", A::Sort(SortBy::Name), "Sort by name; again, the other way round"),
    key(S::List, &["A"], "sort-age", "", A::Sort(SortBy::Age), "Sort by age"),
    key(S::List, &["S"], "sort-state", "", A::Sort(SortBy::State), "Sort by state"),
    key(S::List, &["C"], "sort-cost", "", A::Sort(SortBy::Cost), "Sort by cost, the dearest first"),
    key(S::List, &["D"], "sort-time", "", A::Sort(SortBy::Time), "Sort by duration"),
    key(S::List, &["shift-left"], "sort-left", "", A::Sort(SortBy::Step(-1)), "Sort by the column to the left"),
    key(S::List, &["shift-right"], "sort-right", "", A::Sort(SortBy::Step(1)), "Sort by the column to the right"),
    key(S::List, &["O"], "sort-flip", "", A::Sort(SortBy::Flip), "Sort the other way round"),
    key(S::List, &["y", "c"], "copy", "", A::Copy, "Copy the row's id to the clipboard (OSC 52)").needs(&[F::Row]),
    // texts
    key(S::Text, &["up", "k"], "line-up", "", A::Up, "Scroll a line up; following stops"),
    key(S::Text, &["down", "j"], "line-down", "", A::Down, "Scroll a line down"),
    key(S::Text, &["pageup", "ctrl-b"], "text-page-up", "", A::PageUp, "Scroll a page up"),
    key(S::Text, &["pagedown", "ctrl-f"], "text-page-down", "", A::PageDown, "Scroll a page down"),
    key(S::Text, &["ctrl-u"], "half-up", "", A::HalfUp, "Scroll half a page up"),
    key(S::Text, &["ctrl-d"], "half-down", "", A::HalfDown, "Scroll half a page down"),
    key(S::Text, &["g", "home"], "top", "top", A::Top, "Go to the first line"),
    key(S::Text, &["G", "end"], "bottom", "end", A::Bottom, "Go to the last line; output is followed from there"),
    // a line being typed
    key(S::Line, &["enter"], "accept", "keep", A::Open, "Keep it"),
    key(S::Line, &["esc"], "drop", "drop", A::Back, "Drop it"),
    // forms
    key(S::Form, &["tab", "down"], "next-field", "next", A::Next, "Go to the next field"),
    key(S::Form, &["backtab", "up"], "previous-field", "", A::Previous, "Go to the previous field"),
    key(
        S::Form,
        &["right", "space"],
        "next-choice",
        "change",
        A::Right,
        "Change a choice or switch; in text, go right",
    ),
    key(S::Form, &["left"], "previous-choice", "", A::Left, "Change a choice back; in text, go left"),
    key(S::Form, &["ctrl-n"], "complete", "complete", A::Complete(1), "Go to the next proposal; Enter takes it"),
    key(S::Form, &["ctrl-p"], "complete-back", "", A::Complete(-1), "Go to the previous proposal"),
    key(S::Form, &["enter"], "submit", "start", A::Open, "Start what the form says; on a proposal, take it"),
    key(S::Form, &["esc"], "close-form", "cancel", A::Back, "Close the form; nothing is started"),
    // dialogs
    key(S::Dialog, &["tab", "right", "down"], "next-button", "choose", A::Next, "Go to the next button"),
    key(S::Dialog, &["backtab", "left", "up"], "previous-button", "", A::Previous, "Go to the previous button"),
    key(S::Dialog, &["pageup"], "dialog-up", "", A::PageUp, "Scroll a long dialog up"),
    key(S::Dialog, &["pagedown"], "dialog-down", "", A::PageDown, "Scroll a long dialog down"),
    key(S::Dialog, &["enter"], "press", "press", A::Open, "Press the button that is marked"),
    key(S::Dialog, &["esc"], "cancel", "cancel", A::Back, "Close the dialog; nothing is done"),
    // palette
    key(S::Palette, &["up"], "line-before", "", A::Up, "Go up"),
    key(S::Palette, &["down", "tab"], "line-after", "", A::Down, "Go down"),
    key(S::Palette, &["enter"], "run", "run", A::Open, "Do it"),
    key(S::Palette, &["esc"], "close-palette", "close", A::Back, "Close the palette"),
    // help
    key(S::Help, &["/"], "find", "find", A::Search, "Show only the lines with these words"),
    // pages
    key(S::Page, &["q", "esc", "enter"], "close", "close", A::Back, "Close it"),
];
