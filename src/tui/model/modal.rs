//! What lies over the screen and takes the keys: pages of text, help, the palette, forms, dialogs.

use super::form::Form;
use crate::domain::{BootstrapSpec, CancelLevel, JobId, MachineId, Plan, ProviderKind, ResourceRef};
use crate::session::{LeaseMove, PlanRequest};
use crate::tui::keys::{Row, Scope};
use tui_input::Input;

/// Something over the screen.
#[derive(Debug)]
pub enum Modal {
    /// A text.
    Page(Page),
    /// The keys that hold.
    Help(Help),
    /// The command palette.
    Palette(Palette),
    /// A form.
    Form(Box<Form>),
    /// A dialog.
    Dialog(Box<Dialog>),
}

/// A text over the screen.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// Its lines: a heading when the second is `true`.
    pub lines: Vec<(String, bool)>,
    /// The first line shown.
    pub top: usize,
}

/// The keys that hold where help was asked for.
#[derive(Debug, Clone)]
pub struct Help {
    /// Places, the innermost first, with their keys.
    pub sections: Vec<(Scope, Vec<&'static Row>)>,
    /// What is said below them.
    pub foot: Vec<String>,
    /// What lines are filtered for.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// The first line shown.
    pub top: usize,
}

impl Help {
    /// The places and keys that the filter leaves.
    #[must_use]
    pub fn shown(&self) -> Vec<(Scope, Vec<&'static Row>)> {
        let wanted = self.filter.value().trim().to_lowercase();
        let holds = |row: &Row| {
            wanted.is_empty()
                || [row.name, row.doc, &row.shown()].iter().any(|text| text.to_lowercase().contains(&wanted))
        };
        self.sections
            .iter()
            .map(|(scope, rows)| (*scope, rows.iter().copied().filter(|row| holds(row)).collect::<Vec<_>>()))
            .filter(|(_, rows)| !rows.is_empty())
            .collect()
    }
}

/// The command palette.
#[derive(Debug, Clone, Default)]
pub struct Palette {
    /// What is typed.
    pub input: Input,
    /// The selected line.
    pub index: usize,
}

/// What a dialog is about.
#[derive(Debug, Clone, PartialEq)]
pub enum DialogKind {
    /// End machines: what was chosen, and the plan made of it.
    Terminate(Vec<(ProviderKind, MachineId)>, Plan),
    /// A plan is being made: what for, and of which things where they were chosen one by one.
    Planning(PlanRequest, Vec<ResourceRef>),
    /// Carry out a plan, as it was made; what could not be looked at for it.
    Plan(Plan, Vec<String>),
    /// Let machines end within a minute.
    Shorten(Vec<(MachineId, LeaseMove)>),
    /// Make the development image.
    Bootstrap(BootstrapSpec),
    /// Stop a job this firmly; as firmly as can be already when that is `None`.
    Stop(JobId, CancelLevel),
    /// Leave while these jobs of ours run.
    Quit(Vec<JobId>),
    /// Leave while these machines cost, though no job uses them.
    Leave(Vec<(ProviderKind, MachineId)>),
    /// Leave as soon as these have ended.
    Ending(Vec<JobId>),
}

/// How a line of a dialog is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineTone {
    /// What it is done to.
    What,
    /// What there is to know of it.
    Plain,
    /// Of less weight.
    Less,
    /// To be read first.
    Warning,
}

/// A dialog: lines to read and buttons, the safe one first and marked to begin with.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// What it is about.
    pub kind: DialogKind,
    /// Its title.
    pub title: String,
    /// What will happen, to what and why.
    pub lines: Vec<(LineTone, String)>,
    /// The first line shown, where not all fit.
    pub top: usize,
    /// The buttons; the first one does nothing.
    pub buttons: Vec<&'static str>,
    /// The marked one.
    pub focus: usize,
    /// What has to be typed before anything but the first button works.
    pub demand: Option<String>,
    /// What is typed.
    pub input: Input,
    /// Whether it may end something.
    pub danger: bool,
}
