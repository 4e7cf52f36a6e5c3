//! The panes.

use super::states;
use crate::domain::words;
use crate::store::Store;
use crate::tui::model::{Hit, List, Model, Painted, Pane, image_rows, job_rows, machine_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, Column, Table, put};
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};

const fn column(title: &'static str, min: u16, rank: u8) -> Column {
    Column { title, min, grows: false, align: Alignment::Left, rank }
}

const MACHINES: &[Column] = &[
    column("MACHINE", 10, 0),
    column("PROVIDER", 8, 4),
    column("STATE", 12, 0),
    column("AGE", 8, 3),
    column("ENDS IN", 9, 1),
    column("JOB", 9, 2),
    Column { title: "ADDRESS", min: 10, grows: true, align: Alignment::Left, rank: 5 },
];
const IMAGES: &[Column] = &[
    Column { title: "IMAGE", min: 20, grows: true, align: Alignment::Left, rank: 0 },
    column("PROVIDER", 8, 2),
    column("MADE", 9, 1),
    column("SIZE", 10, 3),
];
const JOBS: &[Column] = &[
    column("JOB", 9, 0),
    column("STATE", 14, 0),
    Column { title: "OPERATION", min: 16, grows: true, align: Alignment::Left, rank: 5 },
    column("PHASE", 8, 3),
    column("TESTS", 11, 2),
    column("FAILED", 6, 1),
    column("TIME", 8, 4),
    column("ASKED", 9, 6),
];

/// Draws the pane shown.
pub(super) fn draw(
    model: &Model,
    store: &Store,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    match model.home.pane {
        Pane::Machines => machines(model, theme, area, buffer, painted),
        Pane::Images => images(model, theme, area, buffer, painted),
        Pane::Jobs => jobs(model, store, theme, area, buffer, painted),
        Pane::Log => log(model, theme, area, buffer),
    }
}

fn machines(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = machine_rows(model);
    if rows.is_empty() {
        return empty(&["No machines.", "r runs tests on a new one, n launches one."], theme, area, buffer);
    }
    let cells = |place: usize| {
        let machine = rows[place].machine;
        let (mark, word, style) = states::machine(machine.state, theme);
        let marked = model.home.machines.marks.contains(&(machine.provider, machine.id.clone()));
        let cells = vec![
            machine.id.to_string().into(),
            machine.provider.to_string().into(),
            Cell::new(format!("{mark} {word}"), style),
            machine.launched.map_or(String::new(), |at| words::age(at, model.now)).into(),
            machine.lease.map_or(String::new(), |lease| words::span(lease.left(model.now))).into(),
            machine.job.as_ref().map_or(String::new(), ToString::to_string).into(),
            machine.endpoint.as_ref().map_or(String::new(), |at| format!("{}:{}", at.host, at.port)).into(),
        ];
        (cells, marked)
    };
    table(MACHINES, rows.len(), &model.home.machines, &cells, theme, area, buffer, painted);
}

fn images(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = image_rows(model);
    if rows.is_empty() {
        return empty(
            &["No images.", "b makes the development image; the first test run makes it too."],
            theme,
            area,
            buffer,
        );
    }
    let cells = |place: usize| {
        let image = rows[place].image;
        let cells = vec![
            image.name.to_string().into(),
            image.provider.to_string().into(),
            words::age(image.created, model.now).into(),
            words::bytes(image.bytes).into(),
        ];
        (cells, false)
    };
    table(IMAGES, rows.len(), &model.home.images, &cells, theme, area, buffer, painted);
}

fn jobs(model: &Model, store: &Store, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = job_rows(model, store);
    if rows.is_empty() {
        return empty(
            &["No jobs yet.", "r runs tests; :demo tries Mercurial's own quick tests."],
            theme,
            area,
            buffer,
        );
    }
    let cells = |place: usize| {
        let row = rows[place];
        let job = row.summary;
        let (mark, word, style) = states::job(job.state, job.driven, job.work.as_ref(), job.cleanup.as_ref(), theme);
        let counts = row.view.map(|view| view.tests.counts).or_else(|| model.counts.get(&job.id).copied());
        let ended = job.ended.unwrap_or(model.now);
        let seconds = ended.duration_since(job.created).as_secs_f64();
        let cells = vec![
            job.id.to_string().into(),
            Cell::new(format!("{mark} {word}"), style),
            job.operation.verb().into(),
            row.view.and_then(|view| view.phase).map_or(String::new(), |phase| phase.to_string()).into(),
            counts.map_or(String::new(), |c| format!("{}/{}", c.done(), c.total.max(c.done()))).into(),
            counts.map_or(String::new(), |c| c.failed.to_string()).into(),
            words::seconds(seconds).into(),
            words::age(job.created, model.now).into(),
        ];
        (cells, model.home.jobs.marks.contains(&job.id))
    };
    table(JOBS, rows.len(), &model.home.jobs, &cells, theme, area, buffer, painted);
}

fn log(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    use ratatui::widgets::Widget as _;
    tui_logger::TuiLoggerSmartWidget::default()
        .style(theme.base)
        .border_style(theme.faint)
        .highlight_style(theme.selected)
        .style_error(theme.bad)
        .style_warn(theme.warn)
        .style_info(theme.info)
        .style_debug(theme.dim)
        .style_trace(theme.dim)
        .output_file(false)
        .output_line(false)
        .state(&model.log.0)
        .render(area, buffer);
}

#[expect(clippy::too_many_arguments, reason = "a table, its state and where it goes")]
fn table<K>(
    columns: &[Column],
    rows: usize,
    list: &List<K>,
    cells: &dyn Fn(usize) -> (Vec<Cell>, bool),
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let order = list.order.column.map(|column| (column, list.order.descending));
    let table = Table { columns, rows, selected: Some(list.index), offset: list.offset, order, cells };
    let laid = table.draw(area, buffer, theme);
    painted.offset = laid.offset;
    painted.height = laid.height;
    painted.hits.extend(laid.rows.into_iter().map(|(rect, place)| (rect, Hit::Row(place))));
    painted.hits.extend(laid.heads.into_iter().map(|(rect, place)| (rect, Hit::Head(place))));
}

/// What an empty pane says.
pub(super) fn empty(lines: &[&str], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for (row, line) in lines.iter().enumerate() {
        let style = if row == 0 { theme.title } else { theme.dim };
        put(buffer, area, 2, 1 + u16::try_from(row).unwrap_or(0), line, style);
    }
}
