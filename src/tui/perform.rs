//! Does what effects ask of the session, each on a task of its own whose answer comes back as a message. Nothing here
//! is awaited by the loop.

use super::effect::Effect;
use super::feed::JOBS;
use super::msg::Msg;
use super::output::Reader;
use crate::domain::{JobId, ProviderKind, ResourceKind};
use crate::session::Session;
use crate::store::Store;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Sender, UnboundedSender};

/// Does effects.
pub(super) struct Performer {
    session: Arc<Session>,
    answers: UnboundedSender<Msg>,
    reader: Reader,
    jobs: Newest,
    money: Newest,
    turns: Turns,
}

/// A list that each provider tells for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Machines,
    Images,
    Resources,
}

/// How a list of a provider is asked for: once at a time, for one that hangs is not helped by being asked more often.
#[derive(Debug, Default)]
struct Turn {
    /// It is asked just now.
    asking: bool,
    /// It was asked for again since, and is once more when the answer is there.
    again: bool,
    /// Answers to what was asked before this was raised are not told.
    round: u64,
}

/// The turns of all lists and providers.
#[derive(Debug, Default, Clone)]
struct Turns(Arc<Mutex<BTreeMap<(List, ProviderKind), Turn>>>);

impl Turns {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(List, ProviderKind), Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn; none while it is taken: it will be asked once more then.
    fn take(&self, of: (List, ProviderKind)) -> Option<u64> {
        let mut all = self.all();
        let turn = all.entry(of).or_default();
        if turn.asking {
            turn.again = true;
            return None;
        }
        turn.asking = true;
        Some(turn.round)
    }

    /// An answer is there: whether it is told, and whether to ask once more.
    fn over(&self, of: (List, ProviderKind), round: u64) -> (bool, bool) {
        let mut all = self.all();
        let turn = all.entry(of).or_default();
        if turn.round != round {
            return (false, false);
        }
        turn.asking = std::mem::take(&mut turn.again);
        (true, turn.asking)
    }

    /// Whoever asks next waits for nobody.
    fn forget(&self) {
        for turn in self.all().values_mut() {
            *turn = Turn { round: turn.round + 1, ..Turn::default() };
        }
    }
}

/// The newest ask, and the newest that was answered.
#[derive(Debug, Default, Clone)]
struct Newest {
    asked: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
}

impl Performer {
    /// A performer that answers through the channel.
    /// A window of output goes through `windows`, where the reader waits while nobody takes any.
    pub(super) fn new(session: Arc<Session>, answers: UnboundedSender<Msg>, windows: Sender<Msg>) -> Self {
        let files = Arc::clone(&session);
        let reader = Reader::start(
            move |job: &JobId| files.files(job).output,
            move |answer| {
                // nobody listens any more once the dashboard is left
                let _ = windows.blocking_send(Msg::Output(answer));
            },
        );
        let fresh = Arc::clone(&session);
        tokio::spawn(async move { fresh.keep_prices_fresh(None).await });
        Self { session, answers, reader, jobs: Newest::default(), money: Newest::default(), turns: Turns::default() }
    }

    fn ask<F: Future<Output = Msg> + Send + 'static>(&self, work: impl FnOnce(Arc<Session>) -> F) {
        let (work, answers) = (work(Arc::clone(&self.session)), self.answers.clone());
        tokio::spawn(async move {
            let _ = answers.send(work.await);
        });
    }

    /// Asks for a list; an answer that comes after that to a newer ask is dropped.
    fn list<F: Future<Output = Msg> + Send + 'static>(&self, newest: &Newest, work: impl FnOnce(Arc<Session>) -> F) {
        let (work, answers, newest) = (work(Arc::clone(&self.session)), self.answers.clone(), newest.clone());
        let ask = newest.asked.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::spawn(async move {
            let answer = work.await;
            if newest.answered.fetch_max(ask, Ordering::SeqCst) < ask {
                let _ = answers.send(answer);
            }
        });
    }

    /// Asks each provider that is set up, on a task of its own: none waits for another.
    fn ask_each(&self, list: List) {
        let missing = self.session.missing();
        for provider in self.session.providers() {
            if missing.iter().any(|(missing, _)| *missing == provider) {
                continue;
            }
            let of = (list, provider);
            let Some(round) = self.turns.take(of) else { continue };
            let (session, answers, turns) = (Arc::clone(&self.session), self.answers.clone(), self.turns.clone());
            tokio::spawn(async move {
                loop {
                    let answer = match list {
                        List::Machines => Msg::Machines(provider, session.machines(Some(provider)).await),
                        List::Images => Msg::Images(provider, session.images(Some(provider)).await),
                        List::Resources => {
                            Msg::Resources(provider, session.resources(Some(provider), &ResourceKind::ALL).await)
                        }
                    };
                    let (told, again) = turns.over(of, round);
                    if told && answers.send(answer).is_err() || !again {
                        return;
                    }
                }
            });
        }
    }

    /// Does an effect of the session; gives back what only the loop can do.
    pub(super) fn perform(&self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Submit(operation) => {
                self.ask(async move |session| Msg::Submitted(session.submit(*operation).await));
            }
            Effect::Cancel(job, level) => self.ask(async move |session| {
                let told = session.cancel(&job, level).await.map(|()| session.drives(&job));
                Msg::Stopped(job, told)
            }),
            Effect::Attach(job) => self.ask(async move |session| {
                let how = session.attach(&job).await;
                Msg::Attached(job, how)
            }),
            Effect::Load(job) => self.ask(async move |session| {
                let history = session.history(&job).await;
                let folded = history.map(|events| {
                    let mut store = Store::new();
                    for event in &events {
                        store.apply(event);
                    }
                    store.take(&job)
                });
                match folded {
                    Ok(Some(view)) => Msg::History(Box::new(view)),
                    Ok(None) => Msg::Told(Ok(format!("job {job} has no events yet"))),
                    Err(error) => Msg::Loaded(job, Err(error)),
                }
            }),
            Effect::Count(jobs) => {
                self.ask(async move |session| match session.counts(&jobs).await {
                    Ok(counts) => Msg::Counts(counts),
                    Err(error) => Msg::Told(Err(error)),
                });
            }
            Effect::Money => {
                self.list(&self.money, async move |session| Msg::Money(session.money().await.map(Box::new)));
            }
            Effect::Durations => self.ask(async move |session| match session.durations().await {
                Ok(durations) => Msg::Durations(durations),
                Err(error) => Msg::Told(Err(error)),
            }),
            Effect::Jobs => {
                self.list(&self.jobs, async move |session| Msg::Jobs(session.jobs(JOBS).await));
            }
            Effect::Providers => {
                let missing = self.session.missing();
                let mut asked = self.session.providers();
                asked.retain(|provider| !missing.iter().any(|(missing, _)| missing == provider));
                // nobody listens any more once the dashboard is left
                let _ = self.answers.send(Msg::Providers(asked, missing));
            }
            Effect::Forget => {
                self.session.forget();
                self.turns.forget();
            }
            Effect::Machines => self.ask_each(List::Machines),
            Effect::Images => self.ask_each(List::Images),
            Effect::Resources => self.ask_each(List::Resources),
            Effect::Plan(request) => self.ask(async move |session| {
                let plan = session.plan(request.clone()).await;
                Msg::Planned(request, plan)
            }),
            Effect::Extend(moves) => self.ask(async move |session| {
                let moved = moves.into_iter().map(async |(id, by)| {
                    let lease = session.extend(&id, by).await;
                    (id, lease)
                });
                Msg::Extended(join_all(moved).await)
            }),
            Effect::TestNames(source, rev) => self.ask(async move |session| {
                let names = session.test_names(&source, &rev).await;
                Msg::TestNames(source, rev, names)
            }),
            Effect::Output(request) => self.reader.ask(request),
            effect => return Some(effect),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_once_at_a_time_and_once_more_when_that_was_wanted_meanwhile() {
        let turns = Turns::default();
        let aws = (List::Machines, ProviderKind::Aws);
        let round = turns.take(aws).unwrap();
        // another provider, another list: they wait for nobody
        assert!(turns.take((List::Machines, ProviderKind::Local)).is_some());
        assert!(turns.take((List::Images, ProviderKind::Aws)).is_some());
        assert_eq!((turns.take(aws), turns.take(aws)), (None, None));
        assert_eq!(turns.over(aws, round), (true, true));
        assert_eq!(turns.over(aws, round), (true, false));
        // one that hangs is overtaken by what is asked anew
        let old = turns.take(aws).unwrap();
        turns.forget();
        let new = turns.take(aws).unwrap();
        assert_eq!(turns.over(aws, new), (true, false));
        assert_eq!(turns.over(aws, old), (false, false));
    }
}
