//! What lies over the screen and takes the keys: pages of text, the palette, forms, dialogs.

use super::form::Form;
use crate::domain::{ImageName, JobId, MachineId, ProviderKind};
use tui_input::Input;

/// Something over the screen.
#[derive(Debug)]
pub enum Modal {
    /// A text.
    Page(Page),
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
    /// End machines: these of each provider.
    Terminate(Vec<(ProviderKind, Vec<MachineId>)>),
    /// Remove an image.
    RemoveImage(ProviderKind, ImageName),
    /// Stop a job, or cut it short when it was told to stop already.
    Stop(JobId),
    /// Leave while work runs.
    Quit,
}

/// A dialog: lines to read and buttons, the safe one first and marked to begin with.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// What it is about.
    pub kind: DialogKind,
    /// Its title.
    pub title: String,
    /// What will happen, to what and why.
    pub lines: Vec<String>,
    /// The buttons; the first one does nothing.
    pub buttons: Vec<&'static str>,
    /// The marked one.
    pub focus: usize,
    /// What has to be typed before anything but the first button works.
    pub demand: Option<String>,
    /// What is typed.
    pub input: Input,
}
