//! `hga jobs`.

use super::super::args::{Global, Jobs};
use super::super::error::{Outcome, Stop};
use super::super::follow::{self, Until, Watch};
use super::super::interrupt::Stance;
use super::super::paint::Paint;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::tail::{Display, Tail};
use super::super::{exit, summary, words};
use super::Answer;
use crate::domain::money::{JobCost, Usd, known};
use crate::domain::{CancelLevel, JobId, JobState, Timestamp};
use crate::event::EventKind;
use crate::session::{Attachment, JobSummary, Session};
use crate::store::Store;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

pub(super) async fn run(verb: &Jobs, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    match verb {
        Jobs::List { limit } => list(&session.jobs(*limit).await?, global, session, printer).await,
        Jobs::Show { job } => show(job, session, printer).await,
        Jobs::Output { job, follow, offset } => output(job, *follow, *offset, session).await,
        Jobs::Attach { job, follow } => attach(job, follow.output, session, printer).await,
        Jobs::Cancel { job, kill } => cancel(job, *kill, global, session, printer).await,
    }
}

/// A job in JSON: what is known of it, and what its machines have come to.
#[derive(serde::Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    job: &'a JobSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Usd>,
    /// Whether a price is not known, which comes on top.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cost_unknown: bool,
}

async fn list(jobs: &[JobSummary], global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    let (ledger, book, now) = (super::ledger(session, printer).await?, session.prices(), Timestamp::now());
    let cost = |job: &JobSummary| JobCost::total_of(&ledger, &book, &job.id, now);
    if global.json {
        let told: Vec<Told<'_>> = jobs
            .iter()
            .map(|job| {
                let cost = cost(job);
                Told { job, cost: cost.map(|(usd, _)| usd), cost_unknown: cost.is_some_and(|(_, unknown)| unknown) }
            })
            .collect();
        return super::json_lines(printer, &told);
    }
    if jobs.is_empty() {
        printer.err("no jobs yet\n\nhint: `hga demo` runs one\n")?;
        return Ok(exit::OK);
    }
    let rows: Vec<[String; 6]> = jobs
        .iter()
        .map(|job| {
            let took = Duration::try_from(job.ended.unwrap_or(now).duration_since(job.created)).unwrap_or_default();
            [
                job.id.to_string(),
                job.operation.verb().to_owned(),
                words::age(job.created, now),
                words::span(took),
                cost(job).map_or_else(|| "-".to_owned(), |(usd, unknown)| known(usd, unknown)),
                state(job),
            ]
        })
        .collect();
    let text = table(["JOB", "WHAT", "BEGUN", "TOOK", "COST", "STATE"], &rows, printer.width(), printer.out_paint());
    printer.out(&text)?;
    if jobs.iter().any(|job| job.state != JobState::Ended && !job.driven) {
        printer.err(
            "\nhint: `hga jobs attach JOB` takes up a job that nobody drives, `hga jobs cancel JOB` ends it\n",
        )?;
    }
    Ok(exit::OK)
}

fn state(job: &JobSummary) -> String {
    match (&job.work, &job.cleanup) {
        (Some(work), Some(cleanup)) => {
            let code = exit::of(work, cleanup);
            match code {
                exit::CANCELLED if job.capped.is_some() => format!("stopped by its cap ({code})"),
                exit::OK => "done".to_owned(),
                1..=99 | 106.. => format!("tests failed ({code})"),
                _ => format!("{} ({code})", exit::meaning(code)),
            }
        }
        _ if job.driven || job.state == JobState::Ended => job.state.as_str().to_owned(),
        _ => format!("{}, driven by nobody", job.state.as_str()),
    }
}

async fn show(job: &JobId, session: &Session, printer: &mut Printer) -> Outcome {
    let mut store = Store::new();
    for event in session.history(job).await? {
        store.apply(&event);
    }
    let Some(view) = store.job(job) else {
        return Err(Stop::usage(format!("there is no job `{job}`")).hint("`hga jobs list` shows the jobs there are"));
    };
    let code = match (&view.work, &view.cleanup) {
        (Some(work), Some(cleanup)) => exit::of(work, cleanup),
        _ => exit::DETACHED,
    };
    let files = session.files(job);
    let now = Timestamp::now();
    let cost = follow::job_cost(session, job).await;
    if printer.is_json() {
        printer.out(&summary::json(view, &files, code, now, cost.as_ref()))?;
        return Ok(exit::OK);
    }
    let verb = view.operation.as_ref().map_or("?", crate::domain::Operation::verb);
    let mut head = format!("{job}: {verb}, {}, begun {}\n", view.state.as_str(), words::age(view.created, now));
    if let Some(source) = &view.source {
        let short: String = source.node.chars().take(12).collect();
        head.push_str(&crate::domain::escape_controls(&format!("testing {short}: {}\n", source.summary)));
    }
    if let Some(run) = &view.run {
        head.push_str(&crate::domain::escape_controls(&format!("$ {}\n", run.command)));
    }
    for note in &view.notes {
        let loud = if note.level == crate::event::Level::Warning { "warning" } else { "note" };
        head.push_str(&crate::domain::escape_controls(&format!("{loud}: {}\n", note.text)));
    }
    let paint: Paint = printer.out_paint();
    let text = head + &summary::text(view, &files, code, now, paint, cost.as_ref());
    printer.out(&text)?;
    Ok(exit::OK)
}

/// Raw bytes into a file or pipe; escaped lines onto a terminal.
async fn output(job: &JobId, follow: bool, offset: u64, session: &Session) -> Outcome {
    let history = session.history(job).await?;
    if history.is_empty() {
        return Err(Stop::usage(format!("there is no job `{job}`")).hint("`hga jobs list` shows the jobs there are"));
    }
    let mut store = Store::new();
    for event in &history {
        store.apply(event);
    }
    let over =
        |store: &Store| store.job(job).is_none_or(|view| matches!(view.state, JobState::Ended | JobState::Detached));
    let failed = |error: std::io::Error| Stop::error(format!("could not read the job's output: {error}"));
    let mut events = session.events(Some(job), store.last_seq());
    let mut tail = Tail::new(session.files(job).output, offset);
    let mut display = Display::default();
    let terminal = std::io::stdout().is_terminal();
    loop {
        // asked before reading: what was written before the end is read after it
        let last = !follow || over(&store);
        let mut put = |bytes: &[u8]| -> std::io::Result<()> {
            let mut out = std::io::stdout().lock();
            if terminal {
                out.write_all(display.lines(bytes).as_bytes())?;
            } else {
                out.write_all(bytes)?;
            }
            out.flush()
        };
        while let Some(piece) = tail.next().map_err(failed)? {
            put(&piece.bytes)?;
        }
        if last {
            if let Some(piece) = tail.rest() {
                put(&piece.bytes)?;
            }
            if terminal {
                std::io::stdout().write_all(display.rest().as_bytes())?;
            }
            return Ok(exit::OK);
        }
        tokio::select! {
            event = events.next() => store.apply(&event?),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

async fn attach(job: &JobId, output: bool, session: &Session, printer: &mut Printer) -> Outcome {
    let presses = follow::presses()?;
    let events = session.history(job).await?;
    let history = events.last().map_or(0, |event| event.seq);
    let stance = match session.attach(job).await? {
        Attachment::Driving => events.first().map_or(Stance::Driving, |event| match &event.kind {
            EventKind::Submitted { operation } => Stance::driving(operation),
            _ => Stance::Driving,
        }),
        Attachment::Watching | Attachment::Ended => Stance::Watching,
    };
    let files = session.files(job);
    let watch = Watch { job: job.clone(), stance, until: Until::Ended, files, output, history };
    follow::follow(session, printer, watch, presses).await
}

async fn cancel(job: &JobId, kill: bool, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    let mut store = Store::new();
    for event in session.history(job).await? {
        store.apply(&event);
    }
    let Some(view) = store.job(job) else {
        return Err(Stop::usage(format!("there is no job `{job}`")).hint("`hga jobs list` shows the jobs there are"));
    };
    if view.state == JobState::Ended {
        printer.err(&format!("job {job} is over already\n"))?;
        return Ok(exit::OK);
    }
    let machine = view
        .machine
        .as_ref()
        .filter(|machine| !machine.ended && machine.provider != crate::domain::ProviderKind::Hosts)
        .map_or(String::new(), |machine| format!(" and machine {} ends", machine.id));
    let verb = view.operation.as_ref().map_or("job", crate::domain::Operation::verb);
    let question = format!(
        "Stop job {job} ({verb}, begun {})? Its work stops{machine}.",
        words::age(view.created, Timestamp::now())
    );
    if let Answer::No = super::confirm(printer, global.yes, "stopping a job", &question)? {
        printer.err("nothing was stopped\n")?;
        return Ok(exit::CANCELLED);
    }
    let presses = follow::presses()?;
    session.cancel(job, if kill { CancelLevel::Kill } else { CancelLevel::Stop }).await?;
    let files = session.files(job);
    let history = store.last_seq();
    let watch =
        Watch { job: job.clone(), stance: Stance::Watching, until: Until::Ended, files, output: false, history };
    // stopped as asked is what success means here
    match follow::follow(session, printer, watch, presses).await? {
        exit::CANCELLED => Ok(exit::OK),
        other => Ok(other),
    }
}
