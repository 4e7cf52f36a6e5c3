//! A form: fields with words, choices and switches. What it says becomes an operation when it is submitted.

use crate::domain::{ImageName, JobId};
use tui_input::Input;

/// What a form starts.
#[derive(Debug, Clone, PartialEq)]
pub enum FormKind {
    /// A run of tests.
    RunTests,
    /// A machine.
    Launch {
        /// The image it was opened on.
        image: Option<ImageName>,
    },
    /// A run of tests as an earlier job's.
    Rerun(JobId),
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
    /// Yes or no.
    Switch(bool),
}

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name, for people and for the code that reads it.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// What it holds.
    pub value: FieldValue,
    /// Why it cannot stay like that.
    pub error: Option<String>,
}

/// A form.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it starts.
    pub kind: FormKind,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The field that has the focus.
    pub focus: usize,
    /// What can stand where the cursor is, the best first.
    pub proposals: Vec<String>,
    /// The names of tests that can be proposed.
    pub tests: Vec<String>,
}
