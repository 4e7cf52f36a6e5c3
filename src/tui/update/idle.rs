//! Machines that cost while nobody works on them: said now and then, where it covers nothing else.

use super::{dialog, say};
use crate::domain::money::say as words;
use crate::domain::{Claim, JobId, JobState, Machine, MachineId, MachineState, ProviderKind, Timestamp};
use crate::store::Store;
use crate::tui::model::{Model, Tone};

/// A machine is idle once no job has worked on it for so many seconds.
const IDLE: i64 = 5 * 60;
/// A machine is told again after so many seconds.
const AGAIN: i64 = 15 * 60;

/// Says which machine of ours is idle: one at a time, while nothing is open, typed or said.
pub(super) fn tell(model: &mut Model, store: &Store) {
    if model.notice.is_some() || !model.modals.is_empty() || model.line.is_some() {
        return;
    }
    let now = model.now;
    let told = |machine: &Machine| {
        let at = model.idle_told.get(&(machine.provider, machine.id.clone()));
        at.is_some_and(|at| now.duration_since(*at).as_secs() < AGAIN)
    };
    let long = |since: Timestamp| now.duration_since(since).as_secs() >= IDLE;
    let next = idle(model, store, false).find(|(machine, since)| long(*since) && !told(machine));
    let Some((machine, _)) = next else { return };
    let key: (ProviderKind, MachineId) = (machine.provider, machine.id.clone());
    let hourly = model.money.hourly(machine, now);
    let goes_on = words::goes_on(hourly, machine.lease.map(|lease| lease.left(now)));
    let text = format!("machine {} is idle: {goes_on} (`^d` on it ends it)", machine.id);
    model.idle_told.insert(key, now);
    say(model, Tone::Info, &text);
}

/// Machines of ours that cost while no job works on them, and since when; with `left` also those whose job nobody drives. None
/// while it is not known which jobs work where: nothing is told rather than something wrong.
pub(super) fn idle<'a>(
    model: &'a Model,
    store: &'a Store,
    left: bool,
) -> impl Iterator<Item = (&'a Machine, Timestamp)> {
    let known = model.jobs.here && model.jobs.error.is_none();
    let machines = if known { model.machines.value.as_slice() } else { &[] };
    let mut busy = dialog::working(model, store);
    busy.retain(|work| {
        !left || model.ours.contains(&work.job) || model.summary(&work.job).is_some_and(|job| job.driven)
    });
    machines.iter().filter_map(move |machine| {
        let works = || busy.iter().any(|work| work.is_on(machine));
        (costs(machine) && !works()).then(|| Some((machine, since(model, store, machine)?)))?
    })
}

/// Whether it is ours, runs and costs, and nobody said that it shall stay.
fn costs(machine: &Machine) -> bool {
    machine.state == MachineState::Running
        && machine
            .cloud
            .as_deref()
            .is_some_and(|cloud| matches!(cloud.claim, Claim::Ours { .. }) && cloud.keep.is_none())
}

/// Since when no job works on it: the end of the last one that did, or its launch; none where neither is known, and where it
/// was launched for a job that is not known here: another computer of its owner may work on it.
fn since(model: &Model, store: &Store, machine: &Machine) -> Option<Timestamp> {
    let known = |id: &JobId| model.jobs.value.iter().any(|summary| summary.id == *id);
    if machine.job.as_ref().is_some_and(|id| !known(id)) {
        return None;
    }
    let worked = |summary: &&crate::session::JobSummary| {
        summary.state == JobState::Ended
            && (machine.job.as_ref() == Some(&summary.id)
                || model
                    .machine_told(store, &summary.id)
                    .is_some_and(|(provider, id)| (provider, &id) == (machine.provider, &machine.id)))
    };
    let ends = model.jobs.value.iter().filter(worked).filter_map(|summary| summary.ended);
    ends.chain(machine.launched).max()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::domain::{Keep, Lease};
    use crate::session::{Error, ErrorKind};
    use crate::tui::App;
    use crate::tui::fixtures::{bens, on_aws, ours};
    use crate::tui::msg::Msg;
    use std::time::Duration;

    fn minutes(count: i64) -> Timestamp {
        now() + jiff::SignedDuration::from_mins(count)
    }

    /// A machine of ours on EC2, launched a moment ago, that ends itself in 50 minutes.
    fn fresh(id: &str) -> Machine {
        Machine {
            launched: Some(now()),
            lease: Some(Lease::starting(now(), Duration::from_secs(50 * 60))),
            ..on_aws(id, "us-west-2", "", ours())
        }
    }

    fn with(machines: Vec<Machine>) -> App {
        let mut app = app();
        app.handle(Msg::Machines(ProviderKind::Aws, listed(machines)));
        app
    }

    fn said(app: &mut App, at: Timestamp) -> Option<String> {
        app.handle(Msg::Tick(at));
        app.model.notice.as_ref().map(|notice| notice.text.clone())
    }

    #[test]
    fn an_idle_machine_is_told_with_its_money_and_not_again_for_a_while() {
        let mut app = with(vec![fresh("i-0a"), fresh("i-0b")]);
        assert_eq!(said(&mut app, minutes(4)), None);
        let first =
            "machine i-0a is idle: $1.53/h; ends itself in 45m 00s, at most $1.15 from now (`^d` on it ends it)";
        assert_eq!(said(&mut app, minutes(5)).as_deref(), Some(first));
        // the other one once this has been read
        let read = minutes(5) + jiff::SignedDuration::from_secs(12);
        assert!(said(&mut app, read).unwrap().starts_with("machine i-0b is idle"));
        assert_eq!(said(&mut app, minutes(6)), None);
        assert_eq!(said(&mut app, minutes(19)), None);
        assert!(said(&mut app, minutes(20)).unwrap().starts_with("machine i-0a is idle"));
    }

    #[test]
    fn it_waits_for_jobs_and_covers_nothing() {
        let job_of = |state| {
            let app = with(vec![Machine { job: Some(job("j-aaa")), ..fresh("i-0a") }]).with_job("j-aaa", state);
            let mut app = app;
            app.model.jobs.value[0].created = now();
            app
        };
        // works
        let mut app = job_of(JobState::Running);
        app.event(
            "j-aaa",
            crate::event::EventKind::MachineReady {
                machine: fresh("i-0a").id,
                provider: ProviderKind::Aws,
                address: "203.0.113.9".to_owned(),
            },
        );
        assert_eq!(said(&mut app, minutes(30)), None);
        // five minutes after the job's end, not after the launch
        let mut app = job_of(JobState::Ended);
        app.model.jobs.value[0].ended = Some(minutes(20));
        assert_eq!(said(&mut app, minutes(24)), None);
        assert!(said(&mut app, minutes(25)).is_some());
        // open, typed, said
        for keys in ["n", "?", "/", ":"] {
            let mut app = with(vec![fresh("i-0a")]);
            app.screen(80, 24);
            app.keys(keys);
            app.model.notice = None;
            assert_eq!(said(&mut app, minutes(30)), None, "{keys}");
            app.keys("esc esc");
            app.model.notice = None;
            assert!(said(&mut app, minutes(31)).is_some(), "{keys}");
        }
        let mut app = with(vec![fresh("i-0a")]);
        app.handle(Msg::Tick(minutes(30) - jiff::SignedDuration::from_secs(10)));
        app.model.idle_told.clear();
        app.handle(Msg::Told(Ok("done".to_owned())));
        assert_eq!(said(&mut app, minutes(30)).as_deref(), Some("done"));
        // which jobs there are is not known
        let mut app = with(vec![fresh("i-0a")]);
        app.handle(Msg::Jobs(Err(Error::new(ErrorKind::State, "locked"))));
        app.model.notice = None;
        assert_eq!(said(&mut app, minutes(30)), None);
    }

    #[test]
    fn what_costs_nothing_or_shall_stay_or_may_be_worked_on_or_is_not_ours_is_not_told() {
        let mut kept = fresh("i-0a");
        kept.cloud.as_mut().unwrap().keep = Some(Keep::Until(minutes(600)));
        let stopped = Machine { state: MachineState::Stopped, ..fresh("i-0b") };
        let mut others = fresh("i-0c");
        others.cloud.as_mut().unwrap().claim = bens();
        let elsewhere = Machine { job: Some(job("j-zzz")), ..fresh("i-0d") };
        for machine in [kept, stopped, others, elsewhere, machine("m-aaa")] {
            let mut app = with(vec![machine.clone()]);
            assert_eq!(said(&mut app, minutes(30)), None, "{}", machine.id);
        }
    }
}
