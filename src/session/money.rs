//! Money: prices as they are known, the ledger as far as it was read, what a look at the providers adds to it, and what an
//! operation would cost.

use super::fleet::{Listed, Trouble, cloud_error, listed};
use super::plans::there;
use super::{Error, ErrorKind, Result, Session, journal_error};
use crate::cloud::{Cloud, PriceAsk, Priced, Unseen};
use crate::diag::chain;
use crate::domain::money::{
    Alarm, Budget, Estimate, Item, Ledger, LedgerEntry, Looker, Platform, PriceBook, PriceSheet, PriceSource,
    PriceTag, Work, estimate, observe_machines, observe_stored, outlived,
};
use crate::domain::{
    Image, JobId, Lease, Machine, Operation, ProviderKind, Region, Resource, ResourceKind, Timestamp,
};
use crate::journal::Journal;
use futures::future::join_all;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A price list that was asked so long ago is asked again.
const PRICES_HOLD: Duration = Duration::from_secs(24 * 60 * 60);
/// What is charged for by the month.
const STORED: [ResourceKind; 3] = [ResourceKind::Image, ResourceKind::Snapshot, ResourceKind::Volume];

/// What is known of money. Shared by all tasks of a session.
pub(super) struct Money {
    journal: Journal,
    file: PathBuf,
    /// Read when a price is asked for first: most commands ask for none.
    book: RwLock<Option<Arc<PriceBook>>>,
    /// Held by whoever changes the file.
    learning: Mutex<()>,
    /// The ledger, and the number of the last entry in it.
    ledger: Mutex<(i64, Arc<Ledger>)>,
    /// What is being entered aside.
    notes: Mutex<Vec<JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last good answer of the price list; none where there is none, or it cannot be read.
fn read_sheet(file: &Path) -> Option<PriceSheet> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!("could not read the prices in `{}`: {error}", file.display());
            return None;
        }
    };
    serde_json::from_str(&text)
        .inspect_err(|error| tracing::warn!("the prices in `{}` are left out: {error}", file.display()))
        .ok()
}

/// Writes it whole, by rename: who reads at the same time gets the old or the new.
fn write_sheet(file: &Path, sheet: &PriceSheet) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(sheet).map_err(std::io::Error::other)?;
    let new = file.with_extension(format!("new-{}", std::process::id()));
    let written = std::fs::write(&new, text + "\n").and_then(|()| std::fs::rename(&new, file));
    if written.is_err() {
        // half a file is of no use
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// Keeps other processes from changing it for as long as this is held.
fn alone(file: &Path) -> std::io::Result<File> {
    let held = File::options().create(true).truncate(false).write(true).open(file.with_extension("lock"))?;
    held.lock()?;
    Ok(held)
}

/// What is answered together: of a type on the Spot market all zones, for one that is not sold there any more is not told.
fn market(item: &Item) -> Item {
    match item {
        Item::Spot { instance_type, platform, .. } => {
            Item::Spot { instance_type: instance_type.clone(), platform: *platform, zone: String::new() }
        }
        other => other.clone(),
    }
}

impl Money {
    /// Prices and ledger of a state directory.
    pub(super) fn open(journal: Journal, file: PathBuf) -> Self {
        Self {
            journal,
            file,
            book: RwLock::default(),
            learning: Mutex::default(),
            ledger: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// Puts new prices in the place of those before, of which what nobody answered stays.
    fn learn(&self, tags: Vec<PriceTag>) -> std::io::Result<()> {
        // one at a time, so that nobody's answer is lost: neither in this process nor of another
        let _turn = lock(&self.learning);
        let alone = alone(&self.file);
        // before the list was asked for the first time it was never
        let mut sheet =
            read_sheet(&self.file).unwrap_or_else(|| PriceSheet { asked: Timestamp::UNIX_EPOCH, prices: Vec::new() });
        // what the Spot market asks is not on the list
        if tags.iter().any(|tag| matches!(tag.quote.source, PriceSource::Listed { .. })) {
            sheet.asked = Timestamp::now();
        }
        let new: BTreeSet<(Region, Item)> = tags.iter().map(|tag| (tag.region.clone(), market(&tag.item))).collect();
        sheet.prices.retain(|tag| !new.contains(&(tag.region.clone(), market(&tag.item))));
        sheet.prices.extend(tags);
        *self.book.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(PriceBook::bundled().with(&sheet)));
        // held until it is written
        alone.and_then(|_held| write_sheet(&self.file, &sheet))
    }

    pub(super) fn book(&self) -> Arc<PriceBook> {
        if let Some(book) = &*self.book.read().unwrap_or_else(PoisonError::into_inner) {
            return Arc::clone(book);
        }
        let mut known = self.book.write().unwrap_or_else(PoisonError::into_inner);
        let bundled = PriceBook::bundled();
        let read =
            || read_sheet(&self.file).map_or_else(|| Arc::clone(bundled), |sheet| Arc::new(bundled.with(&sheet)));
        Arc::clone(known.get_or_insert_with(read))
    }

    /// The ledger up to its last entry. Blocks for as long as reading what is new takes.
    pub(super) fn ledger(&self) -> crate::journal::Result<Arc<Ledger>> {
        let mut known = lock(&self.ledger);
        let new = self.journal.entries(known.0)?;
        if let Some((last, _)) = new.last() {
            let last = *last;
            let ledger = Arc::make_mut(&mut known.1);
            for (_, entry) in &new {
                ledger.apply(entry);
            }
            known.0 = last;
        }
        Ok(Arc::clone(&known.1))
    }

    /// The ledger up to its last entry.
    async fn read(self: &Arc<Self>) -> Result<Arc<Ledger>> {
        let money = Arc::clone(self);
        let ledger = tokio::task::spawn_blocking(move || money.ledger()).await;
        let ledger = ledger.map_err(|error| Error::new(ErrorKind::Other, error.to_string()))?;
        ledger.map_err(|error| journal_error(&error))
    }

    /// Enters something aside.
    fn aside(&self, work: impl FnOnce() + Send + 'static) {
        let mut notes = lock(&self.notes);
        notes.retain(|note| !note.is_finished());
        notes.push(tokio::task::spawn_blocking(work));
    }

    /// Waits for what is being entered aside: a command that only lists may be over before its list is entered, and whoever
    /// reckons after a look wants what it told.
    pub(super) async fn entered(&self) {
        let notes = std::mem::take(&mut *lock(&self.notes));
        for note in notes {
            let _ = note.await;
        }
    }

    /// Enters what a look tells that the ledger does not know yet.
    fn note(&self, tells: impl Fn(&Ledger, &PriceBook) -> Vec<LedgerEntry>) {
        let noted = self.ledger().and_then(|ledger| self.journal.enter(&tells(&ledger, &self.book())));
        if let Err(error) = noted {
            tracing::warn!("the ledger could not be kept: {}", chain(&error));
        }
    }
}

/// What is known of money.
#[derive(Debug, Clone)]
pub struct MoneyTold {
    /// All that was entered so far.
    pub ledger: Arc<Ledger>,
    /// What things cost.
    pub book: Arc<PriceBook>,
    /// Where machines of a cloud are launched.
    pub home: Option<Region>,
}

fn who<'a>(owner: Option<&'a String>, account: Option<&'a String>) -> Looker<'a> {
    Looker { owner: owner.map(String::as_str), account: account.map(String::as_str) }
}

/// What the price list says.
#[derive(Debug, Default)]
pub struct PricesTold {
    /// The prices.
    pub tags: Vec<PriceTag>,
    /// What could not be asked.
    pub troubles: Vec<Trouble>,
    /// What was answered with something that is no price, and where.
    pub garbled: Vec<(Item, Trouble)>,
}

/// The regions that were asked and of which the list says nothing at all, as far as that is no trouble yet.
fn silent(ask: &PriceAsk, told: &PricesTold) -> Vec<Trouble> {
    let listed = |tag: &&PriceTag| matches!(tag.quote.source, PriceSource::Listed { .. });
    let mut said: BTreeSet<&Region> = told.tags.iter().filter(listed).map(|tag| &tag.region).collect();
    let troubles = || told.troubles.iter().chain(told.garbled.iter().map(|(_, trouble)| trouble));
    said.extend(troubles().filter_map(|trouble| trouble.region.as_ref()));
    if troubles().any(|trouble| trouble.region.is_none()) {
        return Vec::new();
    }
    let silent = ask.regions.iter().filter(|region| !said.contains(region)).map(|region| Trouble {
        provider: ProviderKind::Aws,
        region: Some(region.clone()),
        error: Error::new(ErrorKind::Usage, "the price list has nothing of this region")
            .hint("regions are named like `us-west-2`"),
    });
    silent.collect()
}

/// What asking the price list came to.
#[derive(Debug)]
pub struct Refreshed {
    /// How many prices it told.
    pub prices: usize,
    /// What could not be asked: prices of there are as they were.
    pub troubles: Vec<Trouble>,
}

/// What a look at the machines that cost came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// What could not be looked at, where the ledger has machines: they are counted as running.
    pub troubles: Vec<Trouble>,
    /// What else could not be looked at: nothing is known to run there.
    pub others: Vec<Trouble>,
}

/// Looks how machines are.
pub(super) struct Settler {
    money: Arc<Money>,
    cloud: Option<Arc<dyn Cloud>>,
}

/// The regions in which the ledger counts machines as there, those of a job or all.
fn places(ledger: &Ledger, job: Option<&JobId>) -> BTreeSet<Region> {
    let machines = ledger.runs().filter(|run| {
        let (thing, of) = (&run.thing, run.labels.job.as_ref());
        let machine = thing.kind == ResourceKind::Machine && thing.provider == ProviderKind::Aws;
        machine && run.is_open() && (job.is_none() || of == job)
    });
    machines.filter_map(|run| run.thing.region.clone()).collect()
}

impl Settler {
    /// Looks where the session does and wherever machines are counted as there; for a job, where its own are alone.
    pub(super) async fn settle(&self, job: Option<&JobId>) -> Result<Settled> {
        let open = places(&*self.money.read().await?, job);
        if open.is_empty() && job.is_some() {
            return Ok(Settled::default());
        }
        let cloud = match there(ProviderKind::Aws, self.cloud.as_ref()) {
            Ok(cloud) => cloud,
            Err(_) if open.is_empty() => return Ok(Settled::default()),
            Err(error) => {
                let trouble = Trouble { provider: ProviderKind::Aws, region: None, error };
                return Ok(Settled { troubles: vec![trouble], others: Vec::new() });
            }
        };
        let mut all = Listed::default();
        if job.is_none() {
            all = listed(vec![(ProviderKind::Aws, cloud.machines().await)]);
        }
        let failed: BTreeSet<_> = all.troubles.iter().filter_map(|trouble| trouble.region.as_ref()).collect();
        let elsewhere = open.iter().filter(|region| !all.looked_at.contains(region) && !failed.contains(region));
        let elsewhere = elsewhere.filter_map(|region| match cloud.in_region(region) {
            None if job.is_some() => Some(Arc::clone(cloud)),
            other => other,
        });
        let seen = join_all(elsewhere.map(async |cloud| (ProviderKind::Aws, cloud.machines().await))).await;
        let seen = listed(seen);
        all.items.extend(seen.items);
        all.looked_at.extend(seen.looked_at);
        all.troubles.extend(seen.troubles);
        if let Some(work) = machine_notes(&self.money, cloud.owner(), &all) {
            // whoever asks next is told what this look told
            let _ = tokio::task::spawn_blocking(work).await;
        }
        let counted = |trouble: &Trouble| match &trouble.region {
            Some(region) => open.contains(region),
            None => !open.is_empty(),
        };
        let (troubles, others) = all.troubles.into_iter().partition(counted);
        Ok(Settled { troubles, others })
    }
}

/// What enters what a list of machines tells; nothing where nothing was looked at.
fn machine_notes(
    money: &Arc<Money>,
    owner: Option<String>,
    listed: &Listed<Machine>,
) -> Option<impl FnOnce() + Send + 'static> {
    if listed.looked_at.is_empty() {
        return None;
    }
    let money = Arc::clone(money);
    let machines: Vec<Machine> = listed.items.iter().filter(|machine| machine.cloud.is_some()).cloned().collect();
    let (looked_at, account) = (listed.looked_at.clone(), listed.account.clone());
    let now = Timestamp::now();
    Some(move || {
        let who = who(owner.as_ref(), account.as_ref());
        money.note(|ledger, book| observe_machines(ledger, book, &machines, &looked_at, who, now));
    })
}

impl Session {
    /// Prices as they are known now.
    #[must_use]
    pub fn prices(&self) -> Arc<PriceBook> {
        self.money.book()
    }

    /// The limits that the configuration sets.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.parts.money.budget
    }

    /// The ledger as it is now, with what this session has seen by then in it.
    ///
    /// # Errors
    /// `State` when the journal cannot be read.
    pub async fn ledger(&self) -> Result<Arc<Ledger>> {
        self.money.entered().await;
        self.money.read().await
    }

    /// The ledger as it is now, for what only looks: an empty one, and why, when it cannot be read.
    pub async fn ledger_if_any(&self) -> (Arc<Ledger>, Option<Error>) {
        match self.ledger().await {
            Ok(ledger) => (ledger, None),
            Err(error) => {
                tracing::warn!("the ledger could not be read: {}", chain(&error));
                (Arc::default(), Some(error))
            }
        }
    }

    /// The ledger and the prices as they are now.
    ///
    /// # Errors
    /// `State` when the journal cannot be read.
    pub async fn money(&self) -> Result<MoneyTold> {
        Ok(MoneyTold { ledger: self.ledger().await?, book: self.prices(), home: self.home() })
    }

    /// Whose things are made here, in a cloud.
    pub(super) fn owner(&self) -> Option<String> {
        self.clouds(Some(ProviderKind::Aws)).next().and_then(|cloud| cloud.owner())
    }

    /// What enters, aside, that the lease of a machine that costs was moved.
    pub(super) fn lease_moved(&self) -> crate::ops::LeaseMoved {
        let money = Arc::clone(&self.money);
        Arc::new(move |machine: &Machine, lease: Lease| {
            if machine.cloud.is_none() {
                return;
            }
            let entry = LedgerEntry::Lease { thing: machine.resource().at, ends: lease.ends() };
            let journal = money.journal.clone();
            money.aside(move || {
                if let Err(error) = journal.enter(&[entry]) {
                    tracing::warn!("the ledger could not be kept: {}", chain(&error));
                }
            });
        })
    }

    /// Enters what a list of machines tells, aside.
    pub(super) fn note_machines(&self, listed: &Listed<Machine>) {
        if let Some(work) = machine_notes(&self.money, self.owner(), listed) {
            self.money.aside(work);
        }
    }

    /// Enters what a list of everything tells of what is stored, aside.
    pub(super) fn note_stored(&self, kinds: &[ResourceKind], listed: &Listed<Resource>) {
        let all = STORED.iter().all(|kind| kinds.contains(kind));
        if all && !listed.looked_at.is_empty() {
            let stored = listed.items.iter().filter(|thing| STORED.contains(&thing.at.kind));
            self.note_things(stored, &listed.looked_at, listed.account.clone());
        }
    }

    /// The same of images, as far as they are there.
    pub(super) fn note_images(&self, listed: &Listed<Image>) {
        let things: Vec<Resource> =
            listed.items.iter().filter(|image| image.region.is_some()).map(Image::resource).collect();
        if !things.is_empty() {
            self.note_things(things.iter(), &[], listed.account.clone());
        }
    }

    fn note_things<'a>(
        &self,
        things: impl Iterator<Item = &'a Resource>,
        looked_at: &[Region],
        account: Option<String>,
    ) {
        let (money, owner) = (Arc::clone(&self.money), self.owner());
        let things: Vec<Resource> = things.cloned().collect();
        let looked_at = looked_at.to_vec();
        let now = Timestamp::now();
        self.money.aside(move || {
            money.note(|ledger, book| {
                observe_stored(ledger, book, &things, &looked_at, who(owner.as_ref(), account.as_ref()), now)
            });
        });
    }

    /// Looks how machines are where this session looks, and wherever the ledger counts any as there: so what has ended by
    /// itself is not counted on, and what was launched by a process that did not live to write it down is counted.
    ///
    /// # Errors
    /// `State` when the journal cannot be read.
    pub async fn settle(&self) -> Result<Settled> {
        self.settler().settle(None).await
    }

    pub(super) fn settler(&self) -> Settler {
        Settler { money: Arc::clone(&self.money), cloud: self.parts.clouds.get(&ProviderKind::Aws).map(Arc::clone) }
    }

    /// Which prices matter here: of the types in use, where machines are launched and where any are.
    ///
    /// # Errors
    /// `State` when the journal cannot be read.
    pub async fn price_ask(&self) -> Result<PriceAsk> {
        let ledger = self.ledger().await?;
        let book = self.prices();
        let mut types: BTreeSet<String> = book.types().map(|(name, _)| name.to_owned()).collect();
        let usual = &self.parts.money.types;
        types.extend(usual.machines.iter().chain(&usual.images).cloned());
        let mut regions: BTreeSet<Region> =
            self.clouds(Some(ProviderKind::Aws)).filter_map(|cloud| cloud.home()).collect();
        for run in ledger.runs().filter(|run| run.is_open()) {
            types.extend(run.bill.instance_type.clone());
            regions.extend(run.thing.region.clone());
        }
        Ok(PriceAsk {
            regions: regions.into_iter().collect(),
            types: types.into_iter().collect(),
            platforms: vec![Platform::Linux, Platform::Windows],
            spot: true,
        })
    }

    /// Asks the provider's price list, and keeps what it says for when it cannot be asked.
    ///
    /// # Errors
    /// `Usage` when there is no provider to ask, `State` when its answer cannot be kept; this process knows it nevertheless.
    pub async fn refresh_prices(&self, ask: &PriceAsk) -> Result<Refreshed> {
        let told = self.ask_prices(ask).await?;
        let silent = silent(ask, &told);
        let PricesTold { tags, mut troubles, garbled } = told;
        troubles.extend(garbled.into_iter().map(|(_, trouble)| trouble).chain(silent));
        let prices = tags.len();
        if prices > 0 {
            let money = Arc::clone(&self.money);
            let learned = tokio::task::spawn_blocking(move || money.learn(tags)).await;
            learned.map_err(std::io::Error::other).flatten().map_err(|error| {
                let message = format!("could not keep the prices in `{}`: {error}", self.money.file.display());
                Error::new(ErrorKind::State, message)
            })?;
        }
        Ok(Refreshed { prices, troubles })
    }

    /// What the provider's price list says now; keeps nothing.
    ///
    /// # Errors
    /// `Usage` when there is no provider to ask.
    pub async fn ask_prices(&self, ask: &PriceAsk) -> Result<PricesTold> {
        self.must_be_there(ProviderKind::Aws)?;
        let Some(cloud) = self.clouds(Some(ProviderKind::Aws)).next() else { return Ok(PricesTold::default()) };
        let Priced { listing, garbled } = cloud.prices(ask).await;
        let trouble = |unseen: Unseen| Trouble {
            provider: ProviderKind::Aws,
            region: unseen.region,
            error: cloud_error(&unseen.error),
        };
        Ok(PricesTold {
            tags: listing.items,
            troubles: listing.unseen.into_iter().map(trouble).collect(),
            garbled: garbled.into_iter().map(|(item, unseen)| (item, trouble(unseen))).collect(),
        })
    }

    /// Asks the price list if it was not asked for a day, or did not tell of what an operation would launch. Trouble is
    /// logged: older prices hold.
    pub async fn keep_prices_fresh(&self, operation: Option<&Operation>) {
        let book = self.prices();
        let age = book.asked().map(|asked| Timestamp::now().duration_since(asked));
        let fresh = age.is_some_and(|age| Duration::try_from(age).is_ok_and(|age| age < PRICES_HOLD));
        let untold = operation.and_then(|operation| self.untold(&book, operation));
        if (fresh && untold.is_none()) || self.must_be_there(ProviderKind::Aws).is_err() {
            return;
        }
        let refreshed = match self.price_ask().await {
            Ok(ask) => self.refresh_prices(&ask.and(untold.unwrap_or_default())).await,
            Err(error) => Err(error),
        };
        match refreshed {
            Ok(refreshed) => {
                for trouble in &refreshed.troubles {
                    tracing::info!("prices were not asked for: {trouble}");
                }
            }
            Err(error) => tracing::info!("prices were not asked for: {}", chain(&error)),
        }
    }

    /// What to ask for so that a price list tells the prices of what an operation may launch; none where it has told them.
    fn untold(&self, book: &PriceBook, operation: &Operation) -> Option<PriceAsk> {
        let region = operation.cloud_wish()?.region.clone().or_else(|| self.home())?;
        let told = |name: &String| {
            let quote = book.machine(&region, name, Platform::Linux);
            quote.is_some_and(|quote| matches!(quote.source, PriceSource::Listed { .. }))
        };
        let types: Vec<String> = self.types_of(operation).iter().filter(|name| !told(name)).cloned().collect();
        (!types.is_empty()).then(|| PriceAsk {
            regions: vec![region.clone()],
            types,
            platforms: vec![Platform::Linux],
            spot: true,
        })
    }

    /// The types a machine for an operation may have, the preferred one first.
    #[must_use]
    pub fn types_of<'a>(&'a self, operation: &'a Operation) -> &'a [String] {
        self.parts.money.types.of(operation)
    }

    /// What an operation would cost; none for one that launches nothing that costs.
    ///
    /// # Errors
    /// `State` when the journal cannot be read.
    pub async fn estimate(&self, operation: &Operation) -> Result<Option<Estimate>> {
        let ledger = self.ledger().await?;
        let home = self.home();
        let work = Work::of(operation, (&self.parts.money.types, &self.parts.money.budget), home.as_ref(), &ledger);
        Ok(work.map(|work| estimate(&ledger, &self.prices(), work)))
    }

    /// Where machines of a cloud are launched; none where there is no such cloud.
    #[must_use]
    pub fn home(&self) -> Option<Region> {
        self.clouds(Some(ProviderKind::Aws)).find_map(|cloud| cloud.home())
    }

    /// The machines that should be gone: they outlive their jobs, as far as this state directory's jobs tell, or their leases.
    /// [`Alarm::words`] tells of one.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn alarms(&self, machines: &[Machine]) -> Result<Vec<Alarm>> {
        let jobs: BTreeSet<JobId> = machines
            .iter()
            .filter(|machine| machine.state.is_alive())
            .filter_map(|machine| machine.job.clone())
            .collect();
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.journal.run(move |journal| {
            // what a newer version wrote is as good as not known
            let rows = jobs.into_iter().filter_map(|job| match journal.job(&job) {
                Ok(row) => row.map(Ok),
                Err(crate::journal::Error::Unreadable { .. }) => None,
                Err(error) => Some(Err(error)),
            });
            rows.collect::<crate::journal::Result<Vec<_>>>()
        });
        let rows = known.await.map_err(|error| journal_error(&error))?;
        let fates = rows.into_iter().map(|row| self.summary(row)).map(|job| (job.id.clone(), job.fate())).collect();
        Ok(outlived(machines, &fates, self.budget().alarm_after, Timestamp::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::JobSummary;
    use super::*;
    use crate::domain::money::{Bill, Fate, Labels, Quote};
    use crate::domain::{
        CleanupVerdict, CloudWish, JobState, LaunchSpec, MachineId, Remaining, ResourceRef, WorkVerdict,
    };

    #[test]
    fn it_is_looked_wherever_the_ledger_counts_a_machine_as_there() {
        let mut ledger = Ledger::default();
        let at: Timestamp = "2026-05-04T10:00:00Z".parse().unwrap();
        let region = |name: &str| Region::new(name).unwrap();
        let mut open = |kind, provider, place: Option<&str>, id: &str, job: &str| {
            let thing = ResourceRef { kind, provider, region: place.map(region), id: id.to_owned() };
            let labels = Labels { job: Some(JobId::new(job).unwrap()), ..Labels::default() };
            let (bill, lease) = (Bill::default(), None);
            ledger.apply(&LedgerEntry::Opened { thing: thing.clone(), at, bill, labels, lease });
            thing
        };
        let machine = ResourceKind::Machine;
        open(machine, ProviderKind::Aws, Some("us-west-2"), "i-1", "j-abc234");
        open(machine, ProviderKind::Aws, Some("eu-west-1"), "i-2", "j-def567");
        open(machine, ProviderKind::Local, None, "m-3", "j-abc234");
        open(ResourceKind::Image, ProviderKind::Aws, Some("us-east-1"), "ami-4", "j-abc234");
        let thing = open(machine, ProviderKind::Aws, Some("us-east-2"), "i-5", "j-abc234");
        ledger.apply(&LedgerEntry::Ended { thing, at, bound: false });
        assert_eq!(places(&ledger, None), [region("eu-west-1"), region("us-west-2")].into());
        assert_eq!(places(&ledger, Some(&JobId::new("j-def567").unwrap())), [region("eu-west-1")].into());
    }

    fn tag(region: &str, source: PriceSource) -> PriceTag {
        let item = match source {
            PriceSource::Spot { .. } => Item::Spot {
                instance_type: "c5.large".to_owned(),
                platform: Platform::Linux,
                zone: format!("{region}a"),
            },
            _ => Item::Disk,
        };
        let quote = Quote { usd: "0.25".parse().unwrap(), source };
        PriceTag { region: Region::new(region).unwrap(), item, quote, facts: None }
    }

    #[test]
    fn the_list_was_asked_when_it_answered_and_not_when_the_spot_market_did() {
        let folder = tempfile::tempdir().unwrap();
        let money = || {
            let journal = Journal::open(folder.path().join("journal.sqlite")).unwrap();
            Money::open(journal, folder.path().join("prices.json"))
        };
        let (now, listed) = (Timestamp::now(), PriceSource::Listed { as_of: jiff::civil::date(2026, 5, 4) });
        let first = money();
        first.learn(vec![tag("us-west-2", PriceSource::Spot { at: now })]).unwrap();
        assert_eq!((first.book().asked(), money().book().asked()), (None, None));
        first.learn(vec![tag("us-west-2", listed)]).unwrap();
        let asked = first.book().asked().unwrap();
        assert!(asked >= now);
        first.learn(vec![tag("us-west-2", PriceSource::Spot { at: now })]).unwrap();
        assert_eq!(money().book().asked(), Some(asked));
    }

    #[test]
    fn a_region_of_which_the_list_says_nothing_is_trouble() {
        let regions = ["us-west-2", "mars-1", "eu-west-1", "us-east-2"].map(|name| Region::new(name).unwrap());
        let ask = PriceAsk { regions: regions.to_vec(), ..PriceAsk::default() };
        let trouble = |region: Option<&Region>| Trouble {
            provider: ProviderKind::Aws,
            region: region.cloned(),
            error: Error::new(ErrorKind::Remote, "no answer"),
        };
        let listed = PriceSource::Listed { as_of: jiff::civil::date(2026, 5, 4) };
        let mut told = PricesTold {
            // the Spot market is not the list
            tags: vec![tag("us-west-2", listed), tag("mars-1", PriceSource::Spot { at: Timestamp::now() })],
            troubles: vec![trouble(Some(&regions[2]))],
            garbled: vec![(Item::Disk, trouble(Some(&regions[3])))],
        };
        let named = |told: &PricesTold| -> Vec<Option<Region>> {
            silent(&ask, told).into_iter().map(|trouble| trouble.region).collect()
        };
        assert_eq!(named(&told), [Some(regions[1].clone())]);
        told.troubles.push(trouble(None));
        assert!(named(&told).is_empty());
    }

    #[test]
    fn two_that_learn_at_once_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prices.json");
        let journal = Journal::open(folder.path().join("journal.sqlite")).unwrap();
        let listed = PriceSource::Listed { as_of: jiff::civil::date(2026, 5, 4) };
        std::thread::scope(|scope| {
            for who in ["us-west-2", "eu-west-1", "us-east-1", "us-east-2"] {
                let money = Money::open(journal.clone(), file.clone());
                scope.spawn(move || {
                    for n in 1..20 {
                        money.learn(vec![tag(&format!("{who}{n}"), listed)]).unwrap();
                    }
                });
            }
        });
        assert_eq!(read_sheet(&file).unwrap().prices.len(), 4 * 19);
    }

    #[test]
    fn a_job_leaves_its_machine_on_purpose_only_where_it_says_so() {
        let at: Timestamp = "2026-05-04T10:00:00Z".parse().unwrap();
        let lease = Duration::from_secs(60);
        let launch = LaunchSpec { wish: CloudWish::default(), provider: ProviderKind::Aws, image: None, lease };
        let job = |state, driven, cleanup: Option<CleanupVerdict>| JobSummary {
            id: JobId::new("j-abc234").unwrap(),
            operation: Operation::Launch(launch.clone()),
            created: at,
            state,
            driven,
            ended: (state == JobState::Ended).then_some(at),
            work: cleanup.is_some().then_some(WorkVerdict::Done),
            cleanup,
            capped: None,
        };
        let kept = CleanupVerdict::Kept { machine: MachineId::new("i-0abc").unwrap(), provider: ProviderKind::Aws };
        let remains =
            CleanupVerdict::Remains { items: vec![Remaining { what: "machine".into(), why: "denied".into() }] };
        for (cleanup, on_purpose) in [(kept, true), (CleanupVerdict::Clean, false), (remains, false)] {
            let wanted = Fate::Ended { at, kept: on_purpose };
            assert_eq!(job(JobState::Ended, false, Some(cleanup.clone())).fate(), wanted, "{cleanup:?}");
        }
        for state in [JobState::Queued, JobState::Running, JobState::Cancelling, JobState::Detached] {
            assert_eq!(job(state, true, None).fate(), Fate::Driven, "{state:?}");
            assert_eq!(job(state, false, None).fate(), Fate::Alone, "{state:?}");
        }
    }
}
