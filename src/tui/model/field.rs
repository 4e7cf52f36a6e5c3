//! The fields of a form, and the places its machine may come from.

use crate::domain::{ImageName, MachineId, ProviderKind};
use tui_input::Input;

/// Which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldId {
    /// The machine.
    Where,
    /// The image.
    Image,
    /// The distribution of a cloud's machine.
    Distro,
    /// The types of a cloud's machine.
    Types,
    /// How a cloud's machine is reached.
    Transport,
    /// Whether a cloud's image is made first.
    BuildImage,
    /// The source folder.
    Source,
    /// The revision.
    Revision,
    /// The tests.
    Tests,
    /// Flags of run-tests.py.
    Flags,
    /// Uncommitted changes.
    Dirty,
    /// The filesystem.
    Filesystem,
    /// The Python.
    Python,
    /// The machine of failed tests.
    Keep,
    /// The lease.
    Lease,
    /// What the job's machines may cost.
    Cap,
    /// Whether the day's cap is passed over.
    OverDay,
}

impl FieldId {
    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Where => "Machine",
            Self::Image => "Image",
            Self::Distro => "Distro",
            Self::Types => "Type",
            Self::Transport => "Reached by",
            Self::BuildImage => "No image",
            Self::Source => "Source",
            Self::Revision => "Revision",
            Self::Tests => "Tests",
            Self::Flags => "Flags",
            Self::Dirty => "Uncommitted",
            Self::Filesystem => "Filesystem",
            Self::Python => "Python",
            Self::Keep => "On failure",
            Self::Lease => "Lease",
            Self::Cap => "Cap",
            Self::OverDay => "Day's cap",
        }
    }

    /// What it is for.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Where => "A new machine, or one that stands; ← → choose",
            Self::Image => "What a new machine is launched from; ← → choose",
            Self::Distro => "Linux distribution of the image and of the machine; ← → choose",
            Self::Types => "Type on EC2; others after commas, for where it is short; ^n: prices",
            Self::Transport => "ssh; ssm opens no port; auto is ssh, and ssm where its port is silent",
            Self::BuildImage => "Where there is no current image: makes one, in 10 to 15 minutes",
            Self::Source => "Folder of a Mercurial repository, or pypi for the newest release",
            Self::Revision => "What to test, as hg would take it: ., tip, stable, a hash",
            Self::Tests => "Names, spaces between; none runs all. ^n ^p choose, Enter takes one",
            Self::Flags => "For run-tests.py, quoted as in a shell, for example -j4 --timeout 600",
            Self::Dirty => "Whether uncommitted changes of tracked files are tested too",
            Self::Filesystem => "Below the work folder; others than default and tmpfs need a spare disk",
            Self::Python => "system3, or a version under pyenv such as 3.12",
            Self::Keep => "What becomes of a new machine when tests fail",
            Self::Lease => "How long the machine may live without hga: 90s, 30m, 2h, 1d",
            Self::Cap => "Most that its machine may cost, in dollars, or none; empty: as configured",
            Self::OverDay => "Whether it is launched though what a day may cost is used up",
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// Words.
    Text(Input),
    /// One of several.
    Choice {
        /// What there is.
        options: Vec<String>,
        /// Which one.
        index: usize,
    },
    /// No or yes, with the words for both.
    Switch(bool, [&'static str; 2]),
}

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Which.
    pub id: FieldId,
    /// What it holds.
    pub value: FieldValue,
    /// Why it cannot stay like that.
    pub error: Option<String>,
}

/// Where tests are run: the choices of the first field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose machine.
    pub provider: ProviderKind,
    /// Which; none for a new one.
    pub machine: Option<MachineId>,
}

/// An image that a new machine may be launched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// Whose.
    pub provider: ProviderKind,
    /// Which.
    pub name: ImageName,
    /// What it is called here.
    pub label: String,
}
