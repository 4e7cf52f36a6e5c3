//! What tests of `update` share: a dashboard, things in it, keys as text.

use crate::domain::{
    BootstrapSpec, CloudWish, Fingerprint, Image, ImageName, JobId, JobState, Layout, Lease, Machine, MachineId,
    MachineState, OnError, Operation, ProviderKind, RunTestsSpec, TestSource, Timestamp,
};
use crate::event::{Event, EventKind};
use crate::session::JobSummary;
use crate::tui::effect::Effect;
pub(super) use crate::tui::fixtures::listed;
use crate::tui::model::{Dialog, Modal};
use crate::tui::msg::Msg;
use crate::tui::{App, Setup, ThemeName};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;

pub(super) fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub(super) fn job(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

pub(super) fn machine(id: &str) -> Machine {
    Machine {
        id: MachineId::new(id).unwrap(),
        provider: ProviderKind::Local,
        state: MachineState::Running,
        image: None,
        launched: Some(now() - jiff::SignedDuration::from_secs(120)),
        lease: Some(Lease::starting(now(), Duration::from_secs(7080))),
        job: None,
        endpoint: None,
        layout: Layout::interface(),
        sudo: false,
        cloud: None,
    }
}

fn run_tests() -> RunTestsSpec {
    RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        machine: None,
        image: None,
        source: TestSource::Pypi,
        rev: ".".into(),
        dirty: crate::domain::DirtyTree::Ignore,
        filesystem: crate::domain::Filesystem::Default,
        python: "system3".into(),
        test_args: vec!["-j2".into(), "test-demo.t".into()],
        keep: crate::domain::KeepMachine::Never,
        lease: Duration::from_secs(7200),
        results: None,
    }
}

pub(super) fn app() -> App {
    let setup = Setup {
        provider: ProviderKind::Local,
        lease: Duration::from_secs(7200),
        python: "system3".into(),
        transport: crate::domain::Transport::default(),
        types: crate::domain::money::UsualTypes {
            machines: vec!["c5.9xlarge".into(), "c5.4xlarge".into()],
            images: vec!["t3.2xlarge".into()],
        },
        budget: crate::domain::money::Budget::default(),
        current_dir: "/src/hg".into(),
        state_dir: "/state".into(),
        demo: Operation::RunTests(run_tests()),
        theme: ThemeName::Mono,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut app = App::new(setup, now(), (80, 24)).0;
    app.handle(Msg::Jobs(Ok(Vec::new())));
    app
}

impl App {
    pub(super) fn with_machines(mut self, machines: Vec<Machine>) -> Self {
        self.handle(Msg::Machines(ProviderKind::Local, listed(machines)));
        self.screen(80, 24);
        self
    }

    pub(super) fn with_image(mut self, name: &str) -> Self {
        let image = Image {
            name: ImageName::new(name).unwrap(),
            provider: ProviderKind::Local,
            fingerprint: Some(Fingerprint::of_text("x")),
            inputs: std::collections::BTreeMap::new(),
            created: now(),
            bytes: 1024,
            id: None,
            region: None,
            claim: None,
        };
        self.handle(Msg::Images(ProviderKind::Local, listed(vec![image])));
        self.screen(80, 24);
        self
    }

    /// A job that launched the machine of its name (a bootstrap: it says nothing of what was tested last).
    pub(super) fn with_job(mut self, id: &str, state: JobState) -> Self {
        let operation = Operation::BootstrapLinux(BootstrapSpec {
            distros: Vec::new(),
            parallel: false,
            on_error: OnError::default(),
            wish: CloudWish::default(),
            provider: ProviderKind::Local,
            source: TestSource::Pypi,
            lease: Duration::from_secs(7200),
            rebuild: false,
        });
        let ended = (state == JobState::Ended).then(now);
        let summary = JobSummary {
            id: job(id),
            operation,
            created: now(),
            state,
            driven: true,
            ended,
            work: None,
            capped: None,
            cleanup: None,
        };
        self.handle(Msg::Jobs(Ok(vec![summary])));
        self.screen(80, 24);
        self
    }

    pub(super) fn event(&mut self, id: &str, kind: EventKind) -> Vec<Effect> {
        let seq = self.store.job(&job(id)).and_then(crate::store::JobView::last_seq).unwrap_or(0) + 1;
        self.handle(Msg::Events(vec![Event { seq, at: now(), job: job(id), kind }]))
    }

    /// Presses keys, with a frame after each; what the last one asked for.
    pub(super) fn keys(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys.split(' ').filter(|key| !key.is_empty()) {
            effects = self.handle(Msg::Key(key.parse().unwrap()));
            self.screen(80, 24);
        }
        effects
    }

    pub(super) fn screen(&mut self, columns: u16, rows: u16) -> String {
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        self.draw(area, &mut buffer);
        let line = |row| (0..columns).map(|column| buffer[(column, row)].symbol()).collect::<String>();
        (0..rows).map(line).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn dialog(&self) -> &Dialog {
        match self.model.modals.last() {
            Some(Modal::Dialog(dialog)) => dialog,
            other => panic!("{other:?}"),
        }
    }
}
