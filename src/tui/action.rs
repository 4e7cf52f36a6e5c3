//! What a person means, whichever key, click or palette line said it.

use super::keys::Chord;

/// By what a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// Name or id.
    Name,
    /// Age.
    Age,
    /// State or outcome.
    State,
    /// Time taken, or left.
    Time,
    /// What it costs.
    Cost,
    /// The next column to the left or to the right (-1, 1).
    Step(i8),
    /// The other way round.
    Flip,
}

/// Which way a lease is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Later {
    /// It ends later.
    Yes,
    /// It ends sooner.
    No,
}

/// What a person means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    // moving
    /// One up.
    Up,
    /// One down.
    Down,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// To the first.
    Top,
    /// To the last; output is followed from there on.
    Bottom,
    /// To the next pane, tab, field or button.
    Next,
    /// To the previous one.
    Previous,
    /// To the pane or tab of this number, from 1.
    Tab(u8),
    /// Into what is selected; in a form or dialog, what has the focus.
    Open,
    /// Back to where one came from.
    Back,
    // the program
    /// Leave the program (asks when work runs).
    Quit,
    /// Ctrl-C: says how to leave.
    Interrupt,
    /// Stop the process, as Ctrl-Z does.
    Suspend,
    /// Ask providers again and draw anew.
    Refresh,
    /// The keys that hold here.
    Help,
    /// The command palette.
    Palette,
    /// The next theme.
    Theme,
    // lists and texts
    /// Filter the list.
    Filter,
    /// Drop the filter of the list.
    DropFilter,
    /// Sort the list.
    Sort(SortBy),
    /// The month's costs are told apart by the next thing or the previous one (1, -1).
    TellApart(i8),
    /// All that is known of what is selected.
    Describe,
    /// Mark or unmark what is selected.
    Mark,
    /// Mark from the last mark to here.
    MarkRange,
    /// Unmark everything.
    MarkClear,
    /// Copy the id or line to the clipboard.
    Copy,
    /// Search the text.
    Search,
    /// To the next hit.
    NextHit,
    /// To the previous hit.
    PreviousHit,
    /// To the next failing test.
    NextFailure,
    /// To the previous failing test.
    PreviousFailure,
    /// Follow the end of the output, or stay here.
    Follow,
    /// Wrap long lines, or not.
    Wrap,
    // work
    /// Run tests: opens the form.
    RunTests,
    /// Run the selected test again: opens the form.
    Rerun,
    /// Try the demo.
    Demo,
    /// Launch a machine: opens the form.
    Launch,
    /// Make the development image.
    Bootstrap,
    /// End machines: opens the plan.
    Terminate,
    /// Remove an image: opens the plan.
    RemoveImage,
    /// Remove things of any kind: opens the plan.
    Remove,
    /// Remove everything of ours on AWS: opens the plan.
    Purge,
    /// End all machines of ours on EC2: opens the plan.
    TerminateEc2,
    /// Stop a job: opens the dialog.
    StopJob,
    /// Take a job up that nobody drives.
    Attach,
    /// The leases of machines end later, or sooner.
    Lease(Later),
    /// A shell on a machine.
    Shell,
    /// To the job of the selected machine.
    GoToJob,
    /// To the machine of the job.
    GoToMachine,
    /// To the output of the selected job or test.
    GoToOutput,
    /// The next proposal or the previous one (1, -1).
    Complete(i8),
    /// Change the level or view of the log; see [`LogMove`].
    Log(LogMove),
    /// A key that goes into the text field.
    Edit(Chord),
}

/// What can be done in the log pane; the words of tui-logger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogMove {
    /// Show or hide the list of targets.
    Targets,
    /// The target above.
    Up,
    /// The target below.
    Down,
    /// Show less of the target.
    Less,
    /// Show more of it.
    More,
    /// Record less of it.
    CaptureLess,
    /// Record more of it.
    CaptureMore,
    /// Scroll back.
    PageUp,
    /// Scroll on.
    PageDown,
    /// To the newest.
    Newest,
    /// Only the selected target.
    Focus,
    /// Hide targets that show nothing.
    Hide,
}
