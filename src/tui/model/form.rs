//! A form: fields with words, choices and switches, and what they say as an operation.

use crate::domain::{
    CloudWish, DirtyTree, Filesystem, ImageName, JobId, KeepMachine, LaunchSpec, MachineId, Operation, ProviderKind,
    RunTestsSpec, TestSource, TestWord, words,
};
use std::path::PathBuf;
use tui_input::Input;

/// What a form starts.
#[derive(Debug, Clone, PartialEq)]
pub enum FormKind {
    /// A run of tests.
    RunTests,
    /// A machine.
    Launch,
    /// A run of tests as an earlier job's.
    Rerun(JobId),
}

/// Which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldId {
    /// The machine.
    Where,
    /// The image.
    Image,
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
}

impl FieldId {
    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Where => "Machine",
            Self::Image => "Image",
            Self::Source => "Source",
            Self::Revision => "Revision",
            Self::Tests => "Tests",
            Self::Flags => "Flags",
            Self::Dirty => "Uncommitted",
            Self::Filesystem => "Filesystem",
            Self::Python => "Python",
            Self::Keep => "On failure",
            Self::Lease => "Lease",
        }
    }

    /// What it is for.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Where => "A new machine, or one that stands; ← → choose",
            Self::Image => "What a new machine is launched from; ← → choose",
            Self::Source => "Folder of a Mercurial repository, or pypi for the newest release",
            Self::Revision => "What to test, as hg would take it: ., tip, stable, a hash",
            Self::Tests => "Names, spaces between; none runs all. ^n ^p choose, Enter takes one",
            Self::Flags => "For run-tests.py, quoted as in a shell, for example -j4 --timeout 600",
            Self::Dirty => "Whether uncommitted changes of tracked files are tested too",
            Self::Filesystem => "Below the work folder; others than default and tmpfs need a spare disk",
            Self::Python => "system3, or a version under pyenv such as 3.12",
            Self::Keep => "What becomes of a new machine when tests fail",
            Self::Lease => "How long the machine may live without hga: 90s, 30m, 2h, 1d",
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
    /// The proposal that Enter takes.
    pub chosen: usize,
    /// The names of tests that can be proposed.
    pub tests: Vec<String>,
    /// The source and revision whose tests these are, or that were asked for.
    pub tests_of: Option<(TestSource, String)>,
    /// A source and revision that cannot be read, and why.
    pub unreadable: Option<((TestSource, String), String)>,
    /// The machines of the field [`FieldId::Where`].
    pub places: Vec<Place>,
    /// The images of the field [`FieldId::Image`]; none for the newest.
    pub images: Vec<Option<ImageName>>,
    /// What holds for things that have no field.
    pub base: RunTestsSpec,
    /// What a relative path is below.
    pub folder: PathBuf,
    /// Whether it was submitted and no answer has come.
    pub pending: bool,
    /// Why what it says could not be started.
    pub refused: Option<String>,
}

/// A word on the source field that means the newest distribution.
const PYPI: &str = "pypi";

impl Form {
    /// A field of it.
    #[must_use]
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The field that has the focus.
    #[must_use]
    pub fn focused(&self) -> Option<&Field> {
        self.fields.get(self.focus)
    }

    fn text(&self, id: FieldId) -> &str {
        match self.field(id).map(|field| &field.value) {
            Some(FieldValue::Text(input)) => input.value().trim(),
            _ => "",
        }
    }

    fn choice(&self, id: FieldId) -> usize {
        match self.field(id).map(|field| &field.value) {
            Some(FieldValue::Choice { index, .. }) => *index,
            _ => 0,
        }
    }

    fn is_on(&self, id: FieldId) -> bool {
        matches!(self.field(id).map(|field| &field.value), Some(FieldValue::Switch(true, _)))
    }

    /// The machine that is chosen.
    #[must_use]
    pub fn place(&self) -> Place {
        self.places
            .get(self.choice(FieldId::Where))
            .cloned()
            .unwrap_or(Place { provider: ProviderKind::Local, machine: None })
    }

    /// The source and revision that are typed.
    #[must_use]
    pub fn source(&self) -> (TestSource, String) {
        let source = match self.text(FieldId::Source) {
            PYPI => TestSource::Pypi,
            folder => TestSource::Directory(self.folder.join(folder)),
        };
        (source, self.text(FieldId::Revision).to_owned())
    }

    /// The operation it says.
    ///
    /// # Errors
    /// The fields that cannot stay as they are, with why.
    pub fn operation(&self) -> Result<Operation, Vec<(FieldId, String)>> {
        let mut wrong = Vec::new();
        let lease = words::length(self.text(FieldId::Lease)).unwrap_or_else(|why| {
            wrong.push((FieldId::Lease, why));
            self.base.lease
        });
        let place = self.place();
        let image = self.images.get(self.choice(FieldId::Image)).cloned().flatten();
        if self.kind == FormKind::Launch {
            if !wrong.is_empty() {
                return Err(wrong);
            }
            return Ok(Operation::Launch(LaunchSpec {
                wish: CloudWish::default(),
                provider: place.provider,
                image,
                lease,
            }));
        }
        let (source, rev) = self.source();
        let folder = self.text(FieldId::Source);
        if folder.is_empty() {
            wrong.push((FieldId::Source, "name the folder of a Mercurial repository, or pypi".to_owned()));
        } else if folder.starts_with('~') {
            wrong.push((FieldId::Source, "write the whole path: `~` is a word of shells".to_owned()));
        }
        if rev.is_empty() {
            wrong.push((FieldId::Revision, "name a revision; `.` is the one checked out".to_owned()));
        }
        let python = self.text(FieldId::Python);
        if python.is_empty() || python.contains(char::is_whitespace) {
            wrong.push((FieldId::Python, "name one Python: system3, or a version such as 3.12".to_owned()));
        }
        let mut test_args = shlex::split(self.text(FieldId::Flags)).unwrap_or_else(|| {
            wrong.push((FieldId::Flags, "a quote is not closed".to_owned()));
            Vec::new()
        });
        let known = self.tests_of.as_ref() == Some(&(source.clone(), rev.clone()));
        for word in self.text(FieldId::Tests).split_whitespace() {
            if word.starts_with('-') {
                wrong.push((FieldId::Tests, format!("`{word}` is a flag: the field below takes flags")));
            } else if known
                && !self.tests.is_empty()
                && is_name(word)
                && matches!(TestWord::of(word, &self.tests), TestWord::Unknown | TestWord::MatchesNone)
            {
                let near = super::proposals(&self.tests, word, word.chars().count());
                let hint = near.first().map_or_else(String::new, |name| format!("; there is `{name}`"));
                wrong.push((FieldId::Tests, format!("no test `{word}` in that revision{hint}")));
            }
            test_args.push(word.to_owned());
        }
        if !wrong.is_empty() {
            wrong.sort_by_key(|(id, _)| self.fields.iter().position(|field| field.id == *id));
            return Err(wrong);
        }
        let new = place.machine.is_none();
        Ok(Operation::RunTests(RunTestsSpec {
            build_image: false,
            wish: CloudWish::default(),
            provider: place.provider,
            machine: place.machine,
            image: image.filter(|_| new),
            source,
            rev,
            dirty: if self.is_on(FieldId::Dirty) { DirtyTree::Include } else { DirtyTree::Ignore },
            filesystem: Filesystem::ALL.get(self.choice(FieldId::Filesystem)).copied().unwrap_or_default(),
            python: python.to_owned(),
            test_args,
            keep: if self.is_on(FieldId::Keep) { KeepMachine::OnFailure } else { KeepMachine::Never },
            lease,
            results: self.base.results.clone(),
        }))
    }

    /// A new form for a run of tests, filled in with what such a run was.
    #[must_use]
    pub fn run_tests(
        kind: FormKind,
        spec: RunTestsSpec,
        places: Vec<(Place, String)>,
        images: Vec<ImageName>,
        folder: PathBuf,
    ) -> Self {
        let (tests, flags): (Vec<String>, Vec<String>) =
            spec.test_args.iter().cloned().partition(|word| is_name(word));
        let flags = shlex::try_join(flags.iter().map(String::as_str)).unwrap_or_default();
        let source = match &spec.source {
            TestSource::Pypi => PYPI.to_owned(),
            TestSource::Directory(folder) => folder.to_string_lossy().into_owned(),
        };
        let place = places
            .iter()
            .position(|(place, _)| match &spec.machine {
                Some(machine) => place.machine.as_ref() == Some(machine) && place.provider == spec.provider,
                None => place.machine.is_none(),
            })
            .unwrap_or(0);
        let filesystem = Filesystem::ALL.iter().position(|known| *known == spec.filesystem).unwrap_or(0);
        let (places, names) = places.into_iter().unzip();
        let (images, image_names) = image_choices(images);
        let image = images.iter().position(|image| *image == spec.image).unwrap_or(0);
        let choice = |options: Vec<String>, index| FieldValue::Choice { options, index };
        let text = |text: String| FieldValue::Text(Input::new(text));
        let fields = [
            (FieldId::Where, choice(names, place)),
            (FieldId::Image, choice(image_names, image)),
            (FieldId::Source, text(source)),
            (FieldId::Revision, text(spec.rev.clone())),
            (FieldId::Tests, text(tests.join(" "))),
            (FieldId::Flags, text(flags)),
            (FieldId::Dirty, FieldValue::Switch(spec.dirty == DirtyTree::Include, ["tested too"; 2])),
            (FieldId::Filesystem, choice(Filesystem::ALL.map(|known| known.as_str().to_owned()).into(), filesystem)),
            (FieldId::Python, text(spec.python.clone())),
            (FieldId::Keep, FieldValue::Switch(spec.keep == KeepMachine::OnFailure, ["keep the machine"; 2])),
            (FieldId::Lease, text(words::exact(spec.lease))),
        ];
        Self::of(kind, fields.into(), 4, places, images, spec, folder)
    }

    /// A new form for a machine.
    #[must_use]
    pub fn launch(image: Option<&ImageName>, images: Vec<ImageName>, base: RunTestsSpec, folder: PathBuf) -> Self {
        let (images, names) = image_choices(images);
        let index = images.iter().position(|known| known.as_ref() == image).unwrap_or(0);
        let fields = vec![
            (
                FieldId::Where,
                FieldValue::Choice { options: vec!["new on this computer (local)".to_owned()], index: 0 },
            ),
            (FieldId::Image, FieldValue::Choice { options: names, index }),
            (FieldId::Lease, FieldValue::Text(Input::new(words::exact(base.lease)))),
        ];
        let places = vec![Place { provider: ProviderKind::Local, machine: None }];
        Self::of(FormKind::Launch, fields, 2, places, images, base, folder)
    }

    fn of(
        kind: FormKind,
        fields: Vec<(FieldId, FieldValue)>,
        focus: usize,
        places: Vec<Place>,
        images: Vec<Option<ImageName>>,
        base: RunTestsSpec,
        folder: PathBuf,
    ) -> Self {
        let fields = fields.into_iter().map(|(id, value)| Field { id, value, error: None }).collect();
        Self {
            kind,
            fields,
            focus,
            proposals: Vec::new(),
            chosen: 0,
            tests: Vec::new(),
            tests_of: None,
            unreadable: None,
            places,
            images,
            base,
            folder,
            pending: false,
            refused: None,
        }
    }
}

/// The images as choices, the newest first of all.
fn image_choices(images: Vec<ImageName>) -> (Vec<Option<ImageName>>, Vec<String>) {
    let names = std::iter::once("newest, made if missing".to_owned()).chain(images.iter().map(ToString::to_string));
    let names = names.collect();
    (std::iter::once(None).chain(images.into_iter().map(Some)).collect(), names)
}

/// Whether a word for run-tests.py is the name of a test.
fn is_name(word: &str) -> bool {
    word.starts_with("test-") && !word.contains('/')
}
