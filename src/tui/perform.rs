//! Does what effects ask of the session, each on a task of its own whose answer comes back as a message. Nothing here
//! is awaited by the loop.

use super::effect::Effect;
use super::feed::JOBS;
use super::msg::Msg;
use super::output::Reader;
use crate::domain::JobId;
use crate::session::{Error, Listed, Session};
use crate::store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{Sender, UnboundedSender};

/// Does effects.
pub(super) struct Performer {
    session: Arc<Session>,
    answers: UnboundedSender<Msg>,
    reader: Reader,
    lists: Lists,
}

/// For each list, how often it was asked for: an answer that a newer one has overtaken is not told.
#[derive(Debug, Default)]
struct Lists {
    jobs: Newest,
    machines: Newest,
    images: Newest,
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
        Self { session, answers, reader, lists: Lists::default() }
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
            Effect::Durations => self.ask(async move |session| match session.durations().await {
                Ok(durations) => Msg::Durations(durations),
                Err(error) => Msg::Told(Err(error)),
            }),
            Effect::Jobs => {
                self.list(&self.lists.jobs, async move |session| Msg::Jobs(session.jobs(JOBS).await));
            }
            Effect::Machines => {
                self.list(&self.lists.machines, async move |session| {
                    Msg::Machines(whole(session.machines(None).await))
                });
            }
            Effect::Images => {
                self.list(&self.lists.images, async move |session| Msg::Images(whole(session.images(None).await)));
            }
            Effect::RemoveImage(provider, name) => self.ask(async move |session| {
                Msg::Told(session.remove_image(provider, &name).await.map(|()| format!("image {name} is removed")))
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

/// All of it, or the first reason why it is not all.
fn whole<T>(listed: Listed<T>) -> Result<Vec<T>, Error> {
    listed.troubles.into_iter().next().map_or(Ok(listed.items), |trouble| Err(trouble.error))
}
