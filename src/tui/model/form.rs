//! A form: fields with words, choices and switches, and what they say as an operation.

use super::costs::Costs;
use super::field::{Field, FieldId, FieldValue, Place, Stock};
use crate::domain::money::{Allowance, Cap};
use crate::domain::{
    CloudWish, DirtyTree, Distro, Filesystem, ImageName, JobId, KeepMachine, LaunchSpec, Operation, ProviderKind,
    RunTestsSpec, TestSource, TestWord, Transport, is_instance_type, words,
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
    /// Whose they are.
    pub images_of: ProviderKind,
    /// The images of every provider.
    pub stock: Vec<Stock>,
    /// What the field [`FieldId::Types`] means when it is empty.
    pub usual_types: String,
    /// What it would cost, as far as anything tells.
    pub costs: Costs,
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

    /// The image that is chosen; none for the newest.
    #[must_use]
    pub fn image(&self) -> Option<&ImageName> {
        self.images.get(self.choice(FieldId::Image))?.as_ref()
    }

    /// Whether a field means anything where the machine is to come from.
    #[must_use]
    pub fn shows(&self, id: FieldId) -> bool {
        let place = self.place();
        let new = place.machine.is_none();
        let in_cloud = new && place.provider == ProviderKind::Aws;
        match id {
            FieldId::Image => new,
            FieldId::Types | FieldId::Transport | FieldId::Cap => in_cloud,
            // one that is on stays in sight
            FieldId::OverDay => in_cloud && (self.costs.refused || self.is_on(FieldId::OverDay)),
            FieldId::Distro | FieldId::BuildImage => in_cloud && self.image().is_none(),
            _ => true,
        }
    }

    /// Brings the choice of images in line with where the machine is to come from.
    pub fn settle(&mut self) {
        let provider = self.place().provider;
        if self.images_of == provider {
            return;
        }
        self.images_of = provider;
        let (images, names) = choices(provider, &self.stock);
        self.images = images;
        if let Some(field) = self.fields.iter_mut().find(|field| field.id == FieldId::Image) {
            field.value = FieldValue::Choice { options: names, index: 0 };
        }
    }

    /// What a cloud's machine shall be.
    fn wish(&self, wrong: &mut Vec<(FieldId, String)>) -> CloudWish {
        if !self.shows(FieldId::Types) {
            return CloudWish::default();
        }
        let types = self.text(FieldId::Types).split([',', ' ']).filter(|word| !word.is_empty());
        let instance_types: Vec<String> = types.map(str::to_owned).collect();
        if let Some(bad) = instance_types.iter().find(|word| !is_instance_type(word)) {
            wrong.push((FieldId::Types, format!("`{bad}` is no type: write one such as c5.9xlarge")));
        }
        let distro = Distro::names().get(self.choice(FieldId::Distro)).map(|name| (*name).to_owned());
        CloudWish {
            // one that is repeated goes where it was
            region: self.base.wish.region.clone(),
            instance_types,
            distro: distro.filter(|_| self.shows(FieldId::Distro)),
            transport: Transport::ALL.get(self.choice(FieldId::Transport)).copied().unwrap_or_default(),
            cidr: self.base.wish.cidr.clone(),
            allowance: Allowance { cap: self.cap(wrong), over_day_cap: self.is_on(FieldId::OverDay) },
        }
    }

    /// What the job may cost; none takes what is configured.
    fn cap(&self, wrong: &mut Vec<(FieldId, String)>) -> Option<Cap> {
        let text = self.text(FieldId::Cap);
        if text.is_empty() {
            return None;
        }
        text.parse().map_err(|why| wrong.push((FieldId::Cap, why))).ok()
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
        let (operation, mut wrong) = self.draft();
        if wrong.is_empty() {
            return Ok(operation);
        }
        wrong.sort_by_key(|(id, _)| self.fields.iter().position(|field| field.id == *id));
        Err(wrong)
    }

    /// The operation it says as far as it is right, and the fields that cannot stay as they are, with why.
    #[must_use]
    pub fn draft(&self) -> (Operation, Vec<(FieldId, String)>) {
        let mut wrong = Vec::new();
        let lease = words::length(self.text(FieldId::Lease)).unwrap_or_else(|why| {
            wrong.push((FieldId::Lease, why));
            self.base.lease
        });
        let place = self.place();
        let image = self.image().cloned();
        let wish = self.wish(&mut wrong);
        if self.kind == FormKind::Launch {
            return (Operation::Launch(LaunchSpec { wish, provider: place.provider, image, lease }), wrong);
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
        let new = place.machine.is_none();
        let operation = Operation::RunTests(RunTestsSpec {
            build_image: self.shows(FieldId::BuildImage) && self.is_on(FieldId::BuildImage),
            wish,
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
        });
        (operation, wrong)
    }

    /// A new form for a run of tests, filled in with what such a run was.
    #[must_use]
    pub fn run_tests(
        kind: FormKind,
        spec: RunTestsSpec,
        places: Vec<(Place, String)>,
        stock: Vec<Stock>,
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
                None => place.machine.is_none() && place.provider == spec.provider,
            })
            .unwrap_or(0);
        let filesystem = Filesystem::ALL.iter().position(|known| *known == spec.filesystem).unwrap_or(0);
        let (places, names): (Vec<Place>, Vec<String>) = places.into_iter().unzip();
        let made_first = FieldValue::Switch(spec.build_image, ["make one first"; 2]);
        let machine = machine_fields(names, place, places.get(place), &spec, &stock, Some(made_first));
        let fields = [
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
        let fields = machine.into_iter().chain(fields).chain(allowance_fields(spec.wish.allowance));
        Self::of(kind, fields.collect(), FieldId::Tests, places, stock, spec, folder)
    }

    /// A new form for a machine, filled in with what `base` says of one.
    #[must_use]
    pub fn launch(places: Vec<(Place, String)>, stock: Vec<Stock>, base: RunTestsSpec, folder: PathBuf) -> Self {
        let place = places.iter().position(|(place, _)| place.provider == base.provider).unwrap_or(0);
        let (places, names): (Vec<Place>, Vec<String>) = places.into_iter().unzip();
        let mut fields = machine_fields(names, place, places.get(place), &base, &stock, None);
        fields.push((FieldId::Lease, text(words::exact(base.lease))));
        fields.extend(allowance_fields(base.wish.allowance));
        Self::of(FormKind::Launch, fields, FieldId::Lease, places, stock, base, folder)
    }

    fn of(
        kind: FormKind,
        fields: Vec<(FieldId, FieldValue)>,
        focus: FieldId,
        places: Vec<Place>,
        stock: Vec<Stock>,
        base: RunTestsSpec,
        folder: PathBuf,
    ) -> Self {
        let fields: Vec<Field> = fields.into_iter().map(|(id, value)| Field { id, value, error: None }).collect();
        let focus = fields.iter().position(|field| field.id == focus).unwrap_or(0);
        let mut form = Self {
            kind,
            fields,
            focus,
            proposals: Vec::new(),
            chosen: 0,
            tests: Vec::new(),
            tests_of: None,
            unreadable: None,
            places,
            images: Vec::new(),
            images_of: base.provider,
            stock,
            usual_types: String::new(),
            costs: Costs::default(),
            base,
            folder,
            pending: false,
            refused: None,
        };
        form.images_of = form.place().provider;
        form.images = choices(form.images_of, &form.stock).0;
        form
    }
}

fn text(text: String) -> FieldValue {
    FieldValue::Text(Input::new(text))
}

fn choice(options: Vec<String>, index: usize) -> FieldValue {
    FieldValue::Choice { options, index }
}

/// The fields that say which machine.
fn machine_fields(
    places: Vec<String>,
    index: usize,
    place: Option<&Place>,
    spec: &RunTestsSpec,
    stock: &[Stock],
    made_first: Option<FieldValue>,
) -> Vec<(FieldId, FieldValue)> {
    let (images, names) = choices(place.map_or(ProviderKind::Local, |place| place.provider), stock);
    let image = images.iter().position(|image| *image == spec.image).unwrap_or(0);
    let known = Distro::names();
    let distro = known.iter().position(|name| spec.wish.distro.as_deref() == Some(*name)).unwrap_or(0);
    let transport = Transport::ALL.iter().position(|known| *known == spec.wish.transport).unwrap_or(0);
    let mut fields = vec![
        (FieldId::Where, choice(places, index)),
        (FieldId::Image, choice(names, image)),
        (FieldId::Distro, choice(Distro::all().iter().map(|one| one.title.clone()).collect(), distro)),
        (FieldId::Types, text(spec.wish.instance_types.join(", "))),
        (FieldId::Transport, choice(Transport::ALL.map(|known| known.as_str().to_owned()).into(), transport)),
    ];
    fields.extend(made_first.map(|value| (FieldId::BuildImage, value)));
    fields
}

/// The fields that say what it may cost.
fn allowance_fields(allowance: Allowance) -> [(FieldId, FieldValue); 2] {
    let cap = match allowance.cap {
        None => String::new(),
        Some(Cap::None) => "none".to_owned(),
        Some(Cap::At(usd)) => usd.exact(),
    };
    let over = FieldValue::Switch(allowance.over_day_cap, ["launch over the day's cap"; 2]);
    [(FieldId::Cap, text(cap)), (FieldId::OverDay, over)]
}

/// A provider's images as choices, the newest first of all.
fn choices(provider: ProviderKind, stock: &[Stock]) -> (Vec<Option<ImageName>>, Vec<String>) {
    let newest = match provider {
        ProviderKind::Aws => "newest of the distribution",
        ProviderKind::Local | ProviderKind::Hosts => "newest, made if missing",
    };
    let stock = || stock.iter().filter(|one| one.provider == provider);
    let names = std::iter::once(newest.to_owned()).chain(stock().map(|one| one.label.clone())).collect();
    (std::iter::once(None).chain(stock().map(|one| Some(one.name.clone()))).collect(), names)
}

/// Whether a word for run-tests.py is the name of a test.
fn is_name(word: &str) -> bool {
    word.starts_with("test-") && !word.contains('/')
}
