//! Guards: what watches the money of a job that this process drives, and what a launch is refused for. How a job's cap stands to
//! what its machines have cost is judged in `domain::money`; here it is looked when that says so, and acted.

use super::money::{Money, Settler};
use super::{Error, ErrorKind, Result, Session};
use crate::diag::chain;
use crate::domain::money::{
    Bill, ChargeKind, Ledger, Platform, PriceBook, Range, Run, Step, Usd, cap_refuses, day_refuses, expected,
    next_step, pays_until, spent,
};
use crate::domain::{
    CancelLevel, JobId, Operation, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp, words,
};
use crate::engine::JobHandle;
use crate::event::{Event, EventKind, Level};
use crate::ops::Purse;
use async_trait::async_trait;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

/// The longest time without a look: other processes enter machines too, and while a computer sleeps its timers stand still.
const LOOK: Duration = Duration::from_secs(5);
/// What is written within such a time is looked at together.
const MOMENT: Duration = Duration::from_millis(100);
/// How long a look at a job's machines may take.
const SETTLE: Duration = Duration::from_secs(10);
/// After what time it is looked again where that failed.
const SETTLE_AGAIN: Duration = Duration::from_secs(30);
/// How many machines are named that still run.
const NAMED: usize = 5;

/// What a guard has told of its job, be it in an earlier process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    near: bool,
    capped: bool,
    unknown: bool,
}

/// How the warning ends that a cap cannot be kept.
const UNKNOWN: &str = "so its cap cannot be kept; its lease bounds it all the same";

impl Told {
    /// What the events of a job tell.
    pub(super) fn of(events: &[Event]) -> Self {
        let mut told = Self::default();
        for event in events {
            match &event.kind {
                EventKind::NearCap { .. } => told.near = true,
                EventKind::Capped { .. } => told.capped = true,
                EventKind::Note { level: Level::Warning, text } if text.ends_with(UNKNOWN) => told.unknown = true,
                _ => {}
            }
        }
        told
    }
}

/// What is known of money at a moment.
pub(super) struct Known {
    pub(super) ledger: Arc<Ledger>,
    pub(super) book: Arc<PriceBook>,
}

impl Known {
    fn spent(&self, job: &JobId, at: Timestamp) -> Usd {
        self.ledger.spent_by(job, &self.book, at).unwrap_or_default()
    }

    /// A machine of a job whose price is not known, and its type.
    fn unknown(&self, job: &JobId, now: Timestamp) -> Option<String> {
        let machines = self.ledger.of_job(job).filter(|run| run.thing.kind == ResourceKind::Machine && run.is_open());
        let unknown = machines.into_iter().find(|run| run.hourly(&self.book, now).is_none())?;
        let kind = unknown.bill.instance_type.as_deref().map_or(String::new(), |kind| format!(" ({kind})"));
        Some(format!("{}{kind}", unknown.thing.id))
    }
}

/// Where a guard looks.
pub(super) trait Sight: Send {
    /// What is known now; none when it cannot be read.
    fn known(&self) -> impl Future<Output = Option<Known>> + Send;

    /// Comes back when something was written. Cancel-safe.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Looks how the job's machines are, within [`SETTLE`]; whether that could be seen.
    fn settle(&mut self) -> impl Future<Output = bool> + Send;
}

/// The first look at the machines of a job that is taken up: they may have ended while nobody drove it.
pub(super) struct FirstLook {
    settler: Settler,
    job: JobId,
    seen: OnceCell<bool>,
}

impl FirstLook {
    /// Looks, or waits for who does; afterwards tells what came of it.
    async fn seen(&self) -> bool {
        *self.seen.get_or_init(|| self.look()).await
    }

    async fn look(&self) -> bool {
        match tokio::time::timeout(SETTLE, self.settler.settle(Some(&self.job))).await {
            Ok(Ok(settled)) => {
                for trouble in &settled.troubles {
                    tracing::warn!(job = %self.job, "its machines could not be looked at: {trouble}");
                }
                settled.troubles.is_empty()
            }
            Ok(Err(error)) => {
                tracing::warn!(job = %self.job, "its machines could not be looked at: {}", chain(&error));
                false
            }
            Err(_) => false,
        }
    }
}

/// The guard of a job with a cap; goes by the clock it is given.
pub(super) struct Guard<S, C> {
    pub(super) cap: Usd,
    pub(super) told: Told,
    pub(super) sight: S,
    pub(super) clock: C,
    /// Whether the ledger is known to be right of the job's machines: before it is, nothing is stopped.
    pub(super) settled: bool,
}

impl<S: Sight, C: Fn() -> Timestamp> Guard<S, C> {
    /// Watches until there is nothing to be watched any more: the job was stopped.
    pub(super) async fn watch(mut self, handle: &JobHandle) {
        let mut again = Instant::now();
        while handle.level() == CancelLevel::None {
            if !self.settled && Instant::now() >= again {
                self.settled = self.sight.settle().await;
                again = Instant::now() + SETTLE_AGAIN;
                // it may have been stopped meanwhile
                continue;
            }
            let pause = match self.sight.known().await {
                Some(known) => self.act(handle, &known).await,
                None => LOOK,
            };
            tokio::select! {
                () = tokio::time::sleep(pause.min(LOOK)) => {}
                () = self.sight.changed() => {}
            }
        }
    }

    /// Looks once, and does what is due; gives how long nothing is.
    async fn act(&mut self, handle: &JobHandle, known: &Known) -> Duration {
        let (job, cap, now) = (handle.job(), self.cap, (self.clock)());
        if !self.told.unknown
            && let Some(machine) = known.unknown(job, now)
        {
            self.told.unknown = true;
            handle.tell(EventKind::warning(format!("the price of machine {machine} is unknown, {UNKNOWN}"))).await;
        }
        loop {
            match next_step(|at| known.spent(job, at), cap, self.told.near, now) {
                Step::Wait(None) => return LOOK,
                Step::Wait(Some(until)) => return Duration::try_from(until.duration_since(now)).unwrap_or_default(),
                Step::Warn(spent) => {
                    self.told.near = true;
                    handle.tell(EventKind::NearCap { spent, cap }).await;
                }
                // what it has is counted as running, whether it is or not
                Step::Stop(_) if !self.settled => return LOOK,
                Step::Stop(spent) => {
                    if !self.told.capped {
                        self.told.capped = true;
                        handle.tell(EventKind::Capped { spent, cap }).await;
                    }
                    handle.cancel(CancelLevel::Stop);
                    return LOOK;
                }
            }
        }
    }
}

/// The session's own ledger.
struct LedgerSight {
    money: Arc<Money>,
    written: watch::Receiver<u64>,
    first: Option<Arc<FirstLook>>,
    looked: bool,
}

impl Sight for LedgerSight {
    async fn known(&self) -> Option<Known> {
        self.money.known().await
    }

    async fn changed(&mut self) {
        if self.written.changed().await.is_err() {
            return std::future::pending().await;
        }
        tokio::time::sleep(MOMENT).await;
    }

    async fn settle(&mut self) -> bool {
        let Some(first) = &self.first else { return true };
        if std::mem::replace(&mut self.looked, true) { first.look().await } else { first.seen().await }
    }
}

/// What a job's cap still pays for.
struct JobPurse {
    money: Arc<Money>,
    job: JobId,
    cap: Usd,
    /// What may be launched, and where.
    types: Vec<String>,
    region: Option<Region>,
    first: Option<Arc<FirstLook>>,
}

impl JobPurse {
    async fn until(&self, spent: impl Fn(&Known, Timestamp, Timestamp) -> Usd) -> Option<Timestamp> {
        if let Some(first) = &self.first {
            // without an answer it goes by what is known
            first.seen().await;
        }
        let known = self.money.known().await?;
        let now = Timestamp::now();
        pays_until(|at| spent(&known, now, at), self.cap, now)
    }

    /// What the dearest of the machines that may be launched would have cost by then.
    fn new_machine(&self, book: &PriceBook, now: Timestamp, at: Timestamp) -> Usd {
        let Some(region) = &self.region else { return Usd::ZERO };
        let costs = self.types.iter().map(|kind| {
            let thing = ResourceRef {
                kind: ResourceKind::Machine,
                provider: ProviderKind::Aws,
                region: Some(region.clone()),
                id: String::new(),
            };
            // its volumes are not known before it is there; the next renewal counts them in
            let bill = Bill::of_machine(book, region, kind, Platform::Linux, false, (None, 1));
            bill.run(thing, now, None).total(book, at)
        });
        costs.max().unwrap_or_default()
    }
}

#[async_trait]
impl Purse for JobPurse {
    async fn lasts(&self) -> Option<Timestamp> {
        self.until(|known, _, at| known.spent(&self.job, at)).await
    }

    async fn lasts_with_one_more(&self) -> Option<Timestamp> {
        self.until(|known, now, at| known.spent(&self.job, at) + self.new_machine(&known.book, now, at)).await
    }
}

impl Session {
    /// The cap that holds for an operation; none for one that launches nothing that costs.
    fn cap_of(&self, operation: &Operation) -> Option<Usd> {
        let allowance = operation.cloud_wish()?.allowance;
        allowance.cap(&self.budget())
    }

    /// The first look at the machines of a job that is taken up.
    pub(super) fn first_look(&self, job: &JobId) -> Arc<FirstLook> {
        Arc::new(FirstLook { settler: self.settler(), job: job.clone(), seen: OnceCell::new() })
    }

    /// What an operation's cap pays for; none without a cap. A job that is taken up is looked at first.
    pub(super) fn purse_of(
        &self,
        job: &JobId,
        operation: &Operation,
        first: Option<Arc<FirstLook>>,
    ) -> Option<Arc<dyn Purse>> {
        let cap = self.cap_of(operation)?;
        let types = self.parts.money.types.of_all(operation);
        let region = operation.wish().and_then(|wish| wish.region.clone());
        Some(Arc::new(JobPurse { money: Arc::clone(&self.money), job: job.clone(), cap, types, region, first }))
    }

    /// Watches a job's money for as long as this process drives it.
    pub(super) fn keep_cap(
        &self,
        handle: &JobHandle,
        operation: &Operation,
        told: Told,
        first: Option<Arc<FirstLook>>,
    ) {
        let Some(cap) = self.cap_of(operation) else { return };
        let settled = first.is_none();
        let sight =
            LedgerSight { money: Arc::clone(&self.money), written: self.written.clone(), first, looked: false };
        let guard = Guard { cap, told, sight, clock: Timestamp::now, settled };
        let handle = handle.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = handle.done() => {}
                () = guard.watch(&handle) => {}
            }
        });
    }

    /// Refuses what would launch machines though the job's cap does not pay for a minute of one, or the day's is used up. Two
    /// processes that ask at the same moment may both be let through: what a launch will cost is a guess anyhow, and nobody
    /// waits for another's.
    pub(super) async fn caps_allow(&self, operation: &Operation) -> Result<()> {
        let budget = self.budget();
        let by_day = budget.day.is_some() && operation.cloud_wish().is_some_and(|wish| !wish.allowance.over_day_cap);
        if !by_day && self.cap_of(operation).is_none() {
            return Ok(());
        }
        let estimate = self.estimate(operation).await?;
        if let Some(why) = estimate.as_ref().and_then(cap_refuses) {
            return Err(Error::new(ErrorKind::Usage, why)
                .hint("`--cap` sets another one, or none with `--cap none`; `--dry-run` tells what it would cost"));
        }
        if !by_day {
            return Ok(());
        }
        let expected = estimate.and_then(|estimate| expected(&estimate, operation));
        // what has ended by itself since it was last looked at is counted as running, and what a process launched that did not
        // live to write it down is not counted
        let settled = self.settle().await?;
        let (ledger, now) = (self.ledger().await?, Timestamp::now());
        let today = spent(&ledger, &self.prices(), Range::day(now), now);
        let Some(why) = day_refuses(&budget, today, expected) else { return Ok(()) };
        let mut refused = Error::new(ErrorKind::Usage, why)
            .hint("`--over-day-cap` launches all the same; `hga costs --today` shows what it was spent on");
        if let Some(running) = still_running(&ledger, &self.prices(), self.owner().as_deref(), Timestamp::now()) {
            refused = refused.hint(running);
        }
        for trouble in &settled.troubles {
            refused = refused.hint(format!("not everything could be looked at, and counts as running: {trouble}"));
        }
        Err(refused)
    }
}

/// The machines that still run, the dearest first, each with what it has cost; none when there are none. Those of other owners
/// are not `me`'s to end.
fn still_running(ledger: &Ledger, book: &PriceBook, me: Option<&str>, now: Timestamp) -> Option<String> {
    let ours = |run: &Run| run.labels.owner.is_none() || run.labels.owner.as_deref() == me;
    let machines = |run: &Run| run.thing.kind == ResourceKind::Machine && run.is_running() && ours(run);
    let costs = |run: &Run| run.bill.charges.iter().any(|charge| charge.what == ChargeKind::Compute);
    let running = ledger.runs().filter(|run| machines(run) && costs(run));
    let mut running: Vec<_> = running.map(|run| (Reverse(run.hourly(book, now)), run)).collect();
    running.sort_by_key(|(hourly, run)| (*hourly, &run.thing));
    let named = running.iter().take(NAMED).map(|(Reverse(hourly), run)| {
        let hourly = hourly.map_or("its price is unknown".to_owned(), |hourly| format!("{hourly}/h"));
        format!("`{}` ({} so far, {hourly})", run.thing.id, run.total(book, now))
    });
    let mut named: Vec<String> = named.collect();
    if running.len() > NAMED {
        named.push(words::count((running.len() - NAMED) as u64, "more machine"));
    }
    let verb = if running.len() == 1 { "runs" } else { "run" };
    (!named.is_empty())
        .then(|| format!("still {verb}: {}; `hga machines terminate MACHINE` ends one", named.join(", ")))
}

impl Money {
    /// The ledger and the prices; none, and a line in the log, when they cannot be read.
    async fn known(self: &Arc<Self>) -> Option<Known> {
        let money = Arc::clone(self);
        let ledger = match tokio::task::spawn_blocking(move || money.ledger()).await {
            Ok(Ok(ledger)) => ledger,
            Ok(Err(error)) => {
                tracing::warn!("the ledger could not be read: {}", chain(&error));
                return None;
            }
            // the runtime goes
            Err(_) => return None,
        };
        Some(Known { ledger, book: self.book() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{Labels, LedgerEntry};
    use crate::domain::{CleanupVerdict, LaunchSpec, OnError, RunTestsSpec, WorkVerdict};
    use crate::engine::{Engine, EngineOptions, Failure, JobOutcome, Sink};
    use crate::event::Draft;
    use futures::future::BoxFuture;
    use std::sync::Mutex;
    use tokio::sync::Notify;

    /// What was told, and how many seconds after the start.
    #[derive(Clone)]
    struct Book {
        start: Instant,
        told: Arc<Mutex<Vec<(u64, EventKind)>>>,
    }

    impl Sink for Book {
        fn record(&self, batch: Vec<Draft>) -> BoxFuture<'_, std::result::Result<(), Failure>> {
            Box::pin(async move {
                let at = self.start.elapsed().as_secs();
                self.told.lock().unwrap().extend(batch.into_iter().map(|draft| (at, draft.kind)));
                Ok(())
            })
        }
    }

    impl Book {
        /// What was told of money and of stopping.
        fn words(&self) -> Vec<(u64, String)> {
            let told = self.told.lock().unwrap();
            let word = |kind: &EventKind| match kind {
                EventKind::NearCap { spent, cap } => Some(format!("near {spent} of {cap}")),
                EventKind::Capped { spent, cap } => Some(format!("capped {spent} of {cap}")),
                EventKind::Cancelling { level } => Some(format!("{level:?}")),
                EventKind::Note { text, .. } => Some(text.clone()),
                EventKind::Ended { work, .. } => Some(format!("{work:?}")),
                _ => None,
            };
            told.iter().filter_map(|(at, kind)| Some((*at, word(kind)?))).collect()
        }
    }

    /// A ledger that the test writes, and tells of or does not.
    #[derive(Clone, Default)]
    struct Fake {
        ledger: Arc<Mutex<Ledger>>,
        written: Arc<Notify>,
        /// How many looks at machines fail before one tells that `i-1` is gone; none where no look is needed.
        fails: Option<u32>,
    }

    impl Sight for Fake {
        async fn known(&self) -> Option<Known> {
            let ledger = Arc::new(self.ledger.lock().unwrap().clone());
            Some(Known { ledger, book: Arc::clone(PriceBook::bundled()) })
        }

        async fn changed(&mut self) {
            self.written.notified().await;
        }

        async fn settle(&mut self) -> bool {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.fails = self.fails.map(|fails| fails.saturating_sub(1)).filter(|_| self.fails > Some(0));
            if self.fails.is_none() {
                let at = epoch() - jiff::SignedDuration::from_secs(6000);
                self.ledger.lock().unwrap().apply(&LedgerEntry::Ended { thing: thing("i-1"), at, bound: false });
            }
            self.fails.is_none()
        }
    }

    fn epoch() -> Timestamp {
        "2026-03-03T10:00:00Z".parse().unwrap()
    }

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn job() -> JobId {
        JobId::new("j-abc234").unwrap()
    }

    fn thing(id: &str) -> ResourceRef {
        let region = Some(Region::usual());
        ResourceRef { kind: ResourceKind::Machine, provider: ProviderKind::Aws, region, id: id.to_owned() }
    }

    impl Fake {
        fn launched(&self, id: &str, kind: &str, seconds: i64) {
            self.launched_by(None, id, kind, seconds);
        }

        fn launched_by(&self, owner: Option<&str>, id: &str, kind: &str, seconds: i64) {
            let bill =
                Bill::of_machine(PriceBook::bundled(), &Region::usual(), kind, Platform::Linux, false, (None, 0));
            let at = epoch() + jiff::SignedDuration::from_secs(seconds);
            let owner = owner.map(str::to_owned);
            let labels = Labels { job: Some(job()), owner, ..Labels::default() };
            self.ledger.lock().unwrap().apply(&LedgerEntry::Opened {
                thing: thing(id),
                at,
                bill,
                labels,
                lease: None,
            });
        }
    }

    /// Runs a job with a guard in paused time, whose clock goes with it, for so many seconds of work; `also` happens meanwhile.
    async fn guarded(
        cap: &str,
        told: Told,
        fake: &Fake,
        seconds: u64,
        also: impl Future<Output = ()>,
    ) -> (Book, JobOutcome) {
        let start = Instant::now();
        let book = Book { start, told: Arc::default() };
        let engine = Engine::start(book.clone(), EngineOptions::default());
        let handle = engine.run(job(), move |ctx| async move {
            let work = tokio::time::sleep(Duration::from_secs(seconds));
            ctx.until_stopped(work).await.map(|()| WorkVerdict::Done)
        });
        let clock =
            move || epoch() + jiff::SignedDuration::try_from(start.elapsed()).unwrap_or(jiff::SignedDuration::ZERO);
        let settled = fake.fails.is_none();
        let guard = Guard { cap: usd(cap), told, sight: fake.clone(), clock, settled };
        let (outcome, ()) = tokio::join!(
            async {
                tokio::select! {
                    outcome = handle.done() => outcome,
                    () = guard.watch(&handle) => handle.done().await,
                }
            },
            also
        );
        (book, outcome)
    }

    fn told(words: &[(u64, String)]) -> Vec<(u64, &str)> {
        words.iter().map(|(at, word)| (*at, word.as_str())).collect()
    }

    fn stopped() -> JobOutcome {
        JobOutcome::Ended { work: WorkVerdict::Cancelled, cleanup: CleanupVerdict::Clean }
    }

    /// A c5.9xlarge is $1.53 an hour: a dollar pays for 2352 s, four fifths of it for 1882.4 s.
    #[tokio::test(start_paused = true)]
    async fn a_job_is_warned_then_stopped_at_the_computed_moments() {
        let fake = Fake::default();
        fake.launched("i-1", "c5.9xlarge", 0);
        let (book, outcome) = guarded("1", Told::default(), &fake, 9000, async {}).await;
        let words = book.words();
        let stop = 2353 - 45;
        let wanted =
            [(1883, "near $0.80 of $1.00"), (stop, "capped $0.98 of $1.00"), (stop, "Stop"), (stop, "Cancelled")];
        assert_eq!((told(&words), outcome), (wanted.to_vec(), stopped()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_that_is_not_reached_changes_nothing() {
        let fake = Fake::default();
        fake.launched("i-1", "c5.9xlarge", 0);
        let (book, outcome) = guarded("1", Told::default(), &fake, 1800, async {}).await;
        assert_eq!(told(&book.words()), [(1800, "Done")]);
        assert_eq!(outcome, JobOutcome::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean });
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_taken_up_over_its_cap_is_stopped_at_once_and_told_nothing_twice() {
        let fake = Fake::default();
        fake.launched("i-1", "c5.9xlarge", -7200);
        let (book, outcome) = guarded("1", Told::default(), &fake, 9000, async {}).await;
        assert_eq!(told(&book.words()), [(0, "capped $3.06 of $1.00"), (0, "Stop"), (0, "Cancelled")]);
        assert_eq!(outcome, stopped());
        let before = Told { near: true, capped: true, unknown: true };
        let (book, outcome) = guarded("1", before, &fake, 9000, async {}).await;
        assert_eq!((told(&book.words()), outcome), (vec![(0, "Stop"), (0, "Cancelled")], stopped()));
        // warned before, it is not warned again
        let fake = Fake::default();
        fake.launched("i-1", "c5.9xlarge", -1900);
        let before = Told { near: true, ..Told::default() };
        let (book, _) = guarded("1", before, &fake, 100, async {}).await;
        assert_eq!(told(&book.words()), [(100, "Done")]);
    }

    /// Taken up, a job is not stopped for a machine that ended while nobody drove it: it ran for 20 minutes, not for two hours.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_stopped_before_it_was_looked_whether_its_machines_still_run() {
        for fails in 0..3_u32 {
            let fake = Fake { fails: Some(fails), ..Fake::default() };
            fake.launched("i-1", "c5.9xlarge", -7200);
            let (book, outcome) = guarded("1", Told { near: true, ..Told::default() }, &fake, 200, async {}).await;
            assert_eq!(told(&book.words()), [(200, "Done")], "{fails}");
            assert_eq!(outcome, JobOutcome::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean });
            // one that does run is stopped for once that is known
            let fake = Fake { fails: Some(fails), ..Fake::default() };
            fake.launched("i-2", "c5.9xlarge", -7200);
            let (book, outcome) = guarded("1", Told { near: true, ..Told::default() }, &fake, 200, async {}).await;
            assert_eq!((book.words()[0].0 / 30, outcome), (fails.into(), stopped()), "{:?}", book.words());
        }
    }

    /// What comes into the ledger meanwhile counts: at once when it is told, within a few seconds when another process wrote it.
    #[tokio::test(start_paused = true)]
    async fn what_is_entered_meanwhile_counts() {
        for (says, at) in [(true, 600), (false, 605)] {
            let fake = Fake::default();
            fake.launched("i-1", "c5.9xlarge", 0);
            let also = async {
                tokio::time::sleep(Duration::from_secs(600)).await;
                // between two looks
                fake.launched("i-0", "c5.9xlarge", -7200);
                if says {
                    fake.written.notify_one();
                }
            };
            let (book, outcome) = guarded("2", Told::default(), &fake, 9000, also).await;
            let words = book.words();
            assert!(words[0].1.starts_with("capped $3.") && words[0].0 <= at && words[0].0 >= 600, "{words:?}");
            assert_eq!(outcome, stopped());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_price_is_told_once_and_the_known_ones_are_held_to_the_cap() {
        let fake = Fake::default();
        fake.launched("i-1", "x9.huge", 0);
        let (book, _) = guarded("1", Told::default(), &fake, 600, async {}).await;
        let warning = "the price of machine i-1 (x9.huge) is unknown, so its cap cannot be kept; its lease bounds it all the same";
        assert_eq!(told(&book.words()), [(0, warning), (600, "Done")]);
        let events: Vec<Event> = (1..)
            .zip([EventKind::warning(warning), EventKind::NearCap { spent: usd("1"), cap: usd("1") }])
            .map(|(seq, kind)| Event { seq, at: epoch(), job: job(), kind })
            .collect();
        assert_eq!(Told::of(&events), Told { near: true, capped: false, unknown: true });
        fake.launched("i-2", "c5.9xlarge", -1);
        let (book, outcome) = guarded("0.02", Told::of(&events), &fake, 600, async {}).await;
        assert_eq!(told(&book.words())[0], (0, "capped $0.03 of $0.02"));
        assert_eq!(outcome, stopped());
    }

    #[test]
    fn only_what_launches_in_a_cloud_is_held_to_caps() {
        let wish = crate::domain::CloudWish::default();
        let lease = Duration::from_secs(60);
        let launch = |provider| Operation::Launch(LaunchSpec { wish: wish.clone(), provider, image: None, lease });
        let tests = |provider, machine: Option<&str>| {
            Operation::RunTests(RunTestsSpec {
                provider,
                machine: machine.map(|id| crate::domain::MachineId::new(id).unwrap()),
                image: None,
                source: crate::domain::TestSource::Pypi,
                rev: ".".to_owned(),
                dirty: crate::domain::DirtyTree::default(),
                filesystem: crate::domain::Filesystem::default(),
                python: "system3".to_owned(),
                test_args: Vec::new(),
                keep: crate::domain::KeepMachine::default(),
                lease,
                results: None,
                build_image: false,
                wish: wish.clone(),
            })
        };
        let image = |provider| {
            Operation::BootstrapLinux(crate::domain::BootstrapSpec {
                provider,
                source: crate::domain::TestSource::Pypi,
                lease,
                rebuild: false,
                distros: Vec::new(),
                parallel: false,
                on_error: OnError::default(),
                wish: wish.clone(),
            })
        };
        let aws = ProviderKind::Aws;
        for (operation, wanted) in [
            (launch(aws), true),
            (tests(aws, None), true),
            (image(aws), true),
            (tests(aws, Some("i-0abc")), false),
            (launch(ProviderKind::Local), false),
            (tests(ProviderKind::Local, None), false),
            (tests(ProviderKind::Hosts, Some("build1")), false),
            (image(ProviderKind::Local), false),
            (Operation::Terminate { provider: aws, machines: Vec::new() }, false),
        ] {
            assert_eq!(operation.cloud_wish().is_some(), wanted, "{operation:?}");
        }
    }

    #[test]
    fn a_refusal_names_what_still_runs() {
        let fake = Fake::default();
        let now = epoch() + jiff::SignedDuration::from_secs(1800);
        let says = |fake: &Fake| still_running(&fake.ledger.lock().unwrap(), PriceBook::bundled(), Some("anna"), now);
        assert_eq!(says(&fake), None);
        fake.launched_by(Some("ben"), "i-0", "c5.9xlarge", 0);
        assert_eq!(says(&fake), None, "it is not ours to end");
        fake.launched_by(Some("anna"), "i-1", "c5.9xlarge", 0);
        let one = "still runs: `i-1` ($0.77 so far, $1.53/h); `hga machines terminate MACHINE` ends one";
        assert_eq!(says(&fake).as_deref(), Some(one));
        for n in 2..9 {
            fake.launched(&format!("i-{n}"), "t3.large", 0);
        }
        assert!(
            says(&fake).unwrap().starts_with("still run: `i-1` ($0.77 so far, $1.53/h), `i-2`"),
            "{:?}",
            says(&fake)
        );
        assert!(says(&fake).unwrap().contains("3 more machines; `hga"));
    }
}
