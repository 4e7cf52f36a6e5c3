//! Following a job until it is over or let go of: events folded and printed, output streamed, Ctrl-C understood.

use super::error::{self, Outcome, Stop};
use super::exit;
use super::interrupt::{Press, Stance, Step};
use super::lines::{self, Said, Style};
use super::printer::{Printer, Reader};
use super::tail::{Display, Tail};
use super::{ndjson, summary, words};
use crate::domain::money::{JobCost, Run, left_running};
use crate::domain::{
    CancelLevel, JobId, JobState, MachineId, Operation, ProviderKind, ResourceKind, ResourceRef, Timestamp,
    WorkVerdict,
};
use crate::event::{Event, EventKind};
use crate::session::{Events, JobFiles, Result, Session};
use crate::store::{JobView, Store};
use futures::future::{Either, select};
use std::fmt::Write as _;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// The moment in which a second Ctrl-C stops the job instead of letting it go.
const MOMENT: Duration = Duration::from_secs(3);
/// How often the moving line and the output are looked after.
const TICK: Duration = Duration::from_millis(100);
/// How long the last event of a job that was let go of is waited for.
const LAST_EVENT: Duration = Duration::from_secs(5);

/// What the loop asks of the world.
pub(super) trait Hand {
    /// The next event. Cancel-safe.
    async fn next(&mut self) -> Result<Event>;
    /// Lets go of the job.
    async fn detach(&mut self) -> Result<()>;
    /// Tells the job to stop.
    async fn cancel(&mut self, level: CancelLevel) -> Result<()>;
    /// What it means to leave a machine running.
    async fn leaving(&mut self, provider: ProviderKind, machine: &MachineId) -> Leaving;
    /// What the job's machines have come to; none where they cost nothing.
    async fn cost(&mut self) -> Option<JobCost>;
}

/// What it means to leave a machine running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leaving {
    /// When it ends itself.
    pub ends: Option<Timestamp>,
    /// What it costs until then, in words; none where it costs nothing.
    pub money: Option<String>,
}

/// The session as the loop's hand.
struct SessionHand<'a> {
    session: &'a Session,
    job: JobId,
    events: Events,
}

impl Hand for SessionHand<'_> {
    async fn next(&mut self) -> Result<Event> {
        self.events.next().await
    }

    async fn detach(&mut self) -> Result<()> {
        self.session.detach(&self.job).await
    }

    async fn cancel(&mut self, level: CancelLevel) -> Result<()> {
        self.session.cancel(&self.job, level).await
    }

    async fn leaving(&mut self, provider: ProviderKind, machine: &MachineId) -> Leaving {
        let asked = tokio::time::timeout(Duration::from_secs(1), self.session.machine(machine)).await;
        let found = asked.ok().and_then(std::result::Result::ok);
        let lease = found.as_ref().and_then(|found| found.lease).map(crate::domain::Lease::ends);
        if provider != ProviderKind::Aws {
            return Leaving { ends: lease, money: None };
        }
        let Ok(ledger) = self.session.ledger().await else { return Leaving { ends: lease, money: None } };
        let (book, now) = (self.session.prices(), Timestamp::now());
        // a cloud that does not answer keeps nobody here: the ledger has its price and its lease
        let at = ResourceRef { kind: ResourceKind::Machine, provider, region: None, id: machine.to_string() };
        let run = match &found {
            Some(found) => Some(Run::of_machine(&ledger, &book, found, now)),
            None => ledger.run(&at).cloned(),
        };
        let ends = lease.or(run.as_ref().and_then(|run| run.lease));
        let money = run.map(|run| left_running(run.hourly(&book, now), ends, now));
        Leaving { ends, money }
    }

    async fn cost(&mut self) -> Option<JobCost> {
        job_cost(self.session, &self.job).await
    }
}

/// What a job's machines have come to; none where they cost nothing, or the ledger cannot be read.
pub(super) async fn job_cost(session: &Session, job: &JobId) -> Option<JobCost> {
    let ledger = session.ledger().await.ok()?;
    JobCost::of(&ledger, &session.prices(), job, Timestamp::now())
}

/// When following ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// When the job is over.
    Ended,
    /// As soon as its run is under way: then the job is let go of.
    UnderWay,
}

/// How a job is followed.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// Which.
    pub job: JobId,
    /// Where we stand: driving it, or watching it.
    pub stance: Stance,
    /// Until when.
    pub until: Until,
    /// Its files.
    pub files: JobFiles,
    /// Whether what its run prints is shown too.
    pub output: bool,
    /// Events up to this number are history: being let go of then is no reason to leave now.
    pub history: u64,
}

/// Submits an operation and follows it.
pub(super) async fn submit(
    session: &Session,
    printer: &mut Printer,
    operation: Operation,
    until: Until,
    output: bool,
) -> Outcome {
    submit_named(session, printer, operation, until, output).await.map(|(_, code)| code)
}

/// The same; gives the job's id too.
pub(super) async fn submit_named(
    session: &Session,
    printer: &mut Printer,
    operation: Operation,
    until: Until,
    output: bool,
) -> std::result::Result<(JobId, i32), Stop> {
    let presses = presses()?;
    let stance = Stance::driving(&operation);
    let launched = operation.cloud_wish().is_some().then(|| operation.clone());
    let job = session.submit(operation).await?;
    let files = session.files(&job);
    let watch = Watch { job: job.clone(), stance, until, files, output, history: 0 };
    let following = pin!(follow(session, printer, watch, presses));
    // aside: nobody waits for prices, and who leaves before they are there asks the next time
    let fresh = pin!(async {
        if let Some(operation) = &launched {
            session.keep_prices_fresh(Some(operation)).await;
        }
    });
    let code = match select(following, fresh).await {
        Either::Left((code, _)) => code,
        Either::Right(((), following)) => following.await,
    };
    Ok((job, code?))
}

/// Follows a job.
pub(super) async fn follow(
    session: &Session,
    printer: &mut Printer,
    watch: Watch,
    presses: mpsc::Receiver<Press>,
) -> Outcome {
    let events = session.events(Some(&watch.job), 0);
    let hand = SessionHand { session, job: watch.job.clone(), events };
    Follower::new(hand, printer, watch).run(presses).await
}

/// The process's signals as presses.
pub(super) fn presses() -> std::result::Result<mpsc::Receiver<Press>, Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let hook = |kind| signal(kind).map_err(|error| Stop::error(format!("could not listen for signals: {error}")));
    let (mut int, mut term, mut hup) =
        (hook(SignalKind::interrupt())?, hook(SignalKind::terminate())?, hook(SignalKind::hangup())?);
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        loop {
            let press = tokio::select! {
                Some(()) = int.recv() => Press::Interrupt,
                Some(()) = term.recv() => Press::Hangup,
                Some(()) = hup.recv() => Press::Hangup,
                else => return,
            };
            if sender.send(press).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// The loop.
pub(super) struct Follower<'a, H> {
    hand: H,
    printer: &'a mut Printer,
    watch: Watch,
    store: Store,
    tail: Option<Tail>,
    display: Display,
}

impl<'a, H: Hand> Follower<'a, H> {
    /// A loop that has seen nothing yet.
    pub(super) fn new(hand: H, printer: &'a mut Printer, watch: Watch) -> Self {
        let tail = watch.output.then(|| Tail::new(watch.files.output.clone(), 0));
        Self { hand, printer, watch, store: Store::new(), tail, display: Display::default() }
    }

    /// Follows to the end; gives the exit code.
    pub(super) async fn run(mut self, mut presses: mpsc::Receiver<Press>) -> Outcome {
        let outcome = self.turn(&mut presses).await;
        self.printer.end_progress();
        match outcome {
            // whoever read our output has left: so do we, and the job goes on
            Err(Stop::NoReader(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                if matches!(self.watch.stance, Stance::Driving | Stance::Removing | Stance::Wavering) {
                    self.hand.detach().await?;
                }
                Ok(exit::DETACHED)
            }
            other => other,
        }
    }

    async fn turn(&mut self, presses: &mut mpsc::Receiver<Press>) -> Outcome {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut moment = Instant::now();
        loop {
            let wavering = self.watch.stance == Stance::Wavering;
            let detaching = self.watch.stance == Stance::Detaching;
            let press = tokio::select! {
                biased;
                Some(press) = presses.recv() => press,
                () = sleep_until(moment), if wavering => Press::Moment,
                // its last event did not come; it was let go of all the same
                () = sleep_until(moment), if detaching => return self.detached().await,
                event = self.hand.next() => {
                    let event = event?;
                    if let Some(code) = self.happened(&event).await? {
                        return Ok(code);
                    }
                    if self.watch.until == Until::UnderWay
                        && self.watch.stance == Stance::Driving
                        && matches!(event.kind, EventKind::RunStarted { .. })
                    {
                        self.watch.stance = Stance::Detaching;
                        moment = Instant::now() + LAST_EVENT;
                        self.hand.detach().await?;
                    }
                    continue;
                }
                _ = ticks.tick() => {
                    self.stream(false)?;
                    if let Some(job) = self.store.job(&self.watch.job) {
                        self.printer.progress(job);
                    }
                    continue;
                }
            };
            let (stance, step) = self.watch.stance.on(press);
            self.watch.stance = stance;
            match step {
                Step::Nothing if stance == Stance::Killing && press == Press::Interrupt => {
                    self.printer.err("the clean-up is under way; it has its own time limit\n")?;
                }
                Step::Nothing => {}
                Step::Leave => {
                    let text = format!(
                        "\nno longer watching; the job goes on in another process\nhint: `hga jobs attach {}` watches it again\n",
                        self.watch.job
                    );
                    self.printer.err(&text)?;
                    return Ok(exit::DETACHED);
                }
                Step::Announce => {
                    moment = Instant::now() + MOMENT;
                    self.announce().await?;
                }
                Step::Detach => {
                    moment = Instant::now() + LAST_EVENT;
                    self.hand.detach().await?;
                }
                Step::Cancel(level) => self.hand.cancel(level).await?,
            }
        }
    }

    /// Says what a first Ctrl-C leads to.
    async fn announce(&mut self) -> std::result::Result<(), Stop> {
        let job = self.store.job(&self.watch.job);
        let machine = job.and_then(|job| job.machine.clone()).filter(|machine| !machine.ended);
        let under_way = job.is_some_and(JobView::is_under_way);
        let leaving = match &machine {
            Some(machine) => self.hand.leaving(machine.provider, &machine.id).await,
            None => Leaving::default(),
        };
        let goes_on = if under_way { "the run goes on" } else { "the job stops where it is, to be taken up again" };
        let mut ends = leaving.ends.map_or(String::new(), |at| {
            format!(", and the machine ends itself at {} unless attached", words::clock(at))
        });
        if let Some(money) = &leaving.money {
            // writing to a String cannot fail
            let _ = write!(ends, "\nleft running: {money}");
        }
        let text = format!(
            "\ndetaching in {} s: {goes_on}{ends}\npress Ctrl-C again to stop the job and end its machine now\n",
            MOMENT.as_secs()
        );
        self.printer.err(&text)?;
        Ok(())
    }

    /// Folds and prints one event; gives the exit code when it is the last.
    async fn happened(&mut self, event: &Event) -> std::result::Result<Option<i32>, Stop> {
        self.store.apply(event);
        match self.printer.reader() {
            Reader::Program => self.printer.out(&ndjson::event(event))?,
            reader => {
                let style = Style {
                    out: self.printer.out_paint(),
                    err: self.printer.err_paint(),
                    moving: reader == Reader::Person,
                };
                match lines::said(event, style) {
                    Said::Out(text) => self.printer.out(&text)?,
                    Said::Err(text) => self.printer.err(&text)?,
                    Said::Nothing => {}
                }
            }
        }
        match &event.kind {
            EventKind::Ended { work, cleanup } => {
                let code = exit::of(work, cleanup);
                self.stream(true)?;
                self.ended(code, work).await?;
                Ok(Some(code))
            }
            EventKind::Detached if event.seq > self.watch.history => self.detached().await.map(Some),
            _ => Ok(None),
        }
    }

    fn job(&self) -> Option<&JobView> {
        self.store.job(&self.watch.job)
    }

    async fn ended(&mut self, code: i32, work: &WorkVerdict) -> std::result::Result<(), Stop> {
        self.printer.end_progress();
        let now = Timestamp::now();
        let paint = self.printer.out_paint();
        let cost = self.hand.cost().await;
        let Some(job) = self.job() else { return Ok(()) };
        if self.printer.is_json() {
            let text = summary::json(job, &self.watch.files, code, now, cost.as_ref());
            self.printer.out(&text)?;
        } else {
            let text = summary::text(job, &self.watch.files, code, now, paint, cost.as_ref());
            self.printer.out(&text)?;
            if let WorkVerdict::Error { message, hints } = work {
                error::print(self.printer, code, message, hints)?;
            }
        }
        Ok(())
    }

    /// Says that the job was let go of, and what can be done with it.
    async fn detached(&mut self) -> Outcome {
        self.stream(true)?;
        self.printer.end_progress();
        let asked = self.watch.until == Until::UnderWay;
        let code = if asked { exit::OK } else { exit::DETACHED };
        let now = Timestamp::now();
        if self.printer.is_json() {
            let cost = self.hand.cost().await;
            if let Some(job) = self.job() {
                let text = summary::json(job, &self.watch.files, code, now, cost.as_ref());
                self.printer.out(&text)?;
            }
        } else if asked {
            let text = format!("{}\n", self.watch.job);
            self.printer.out(&text)?;
        }
        let machine = self.job().and_then(|job| job.machine.clone()).filter(|machine| !machine.ended);
        let money = match &machine {
            Some(machine) => self.hand.leaving(machine.provider, &machine.id).await.money,
            None => None,
        };
        let job = &self.watch.job;
        let mut how = if self.job().is_none_or(JobView::is_under_way) {
            "goes on".to_owned()
        } else {
            "stands still until it is taken up again; its machine lives until its lease runs out".to_owned()
        };
        if let Some(money) = money {
            // writing to a String cannot fail
            let _ = write!(how, "\nits machine is left running: {money}");
        }
        let text = format!(
            "\ndetached: job {job} {how}\nhint: `hga jobs attach {job}` takes it up again\nhint: `hga jobs cancel {job}` stops it and ends its machine\n"
        );
        self.printer.err(&text)?;
        debug_assert!(self.job().is_none_or(|job| job.state != JobState::Ended));
        Ok(code)
    }

    /// Shows what the run has printed since, at the end all of it.
    fn stream(&mut self, all: bool) -> std::result::Result<(), Stop> {
        // bounded each time, so that events and keys have their turn
        const PIECES: usize = 16;
        let Some(tail) = self.tail.as_mut() else { return Ok(()) };
        let failed = |error: io::Error| Stop::error(format!("could not read the job's output: {error}"));
        let mut left = if all { usize::MAX } else { PIECES };
        while left > 0 {
            let Some(piece) = tail.next().map_err(failed)? else { break };
            left -= 1;
            if self.printer.is_json() {
                self.printer.out(&ndjson::output(&piece))?;
            } else {
                self.printer.out(&self.display.lines(&piece.bytes))?;
            }
        }
        if all {
            let rest = tail.rest();
            if self.printer.is_json() {
                if let Some(piece) = rest {
                    self.printer.out(&ndjson::output(&piece))?;
                }
            } else {
                let mut text = rest.map_or(String::new(), |piece| self.display.lines(&piece.bytes));
                text.push_str(&self.display.rest());
                if !text.is_empty() {
                    self.printer.out(&text)?;
                }
            }
        }
        Ok(())
    }
}
