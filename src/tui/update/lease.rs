//! Leases of the chosen machines: later and sooner by half an hour, and what became of that.

use super::{dialog, say};
use crate::domain::money::{Usd, say};
use crate::domain::{Lease, Machine, MachineId, words};
use crate::session::{Error, LeaseMove, lease_refused};
use crate::store::Store;
use crate::tui::action::Later;
use crate::tui::effect::Effect;
use crate::tui::model::{DialogKind, Model, Tone};
use std::time::Duration;

/// By how much a key moves a lease.
const STEP: Duration = Duration::from_secs(30 * 60);
/// Nothing ends sooner than so long from now.
const LEAST: Duration = Duration::from_secs(60);

/// Moves the leases of the selected machine or of all marked ones. Before one ends within a minute it is asked.
pub(super) fn shift(model: &mut Model, store: &Store, later: Later) -> Vec<Effect> {
    let chosen = model.home.machines.chosen();
    let (mut moves, mut refused, mut short) = (Vec::new(), None, false);
    for key in &chosen {
        let Some(machine) = model.machine(key.0, &key.1) else { continue };
        match wanted(machine, later, model) {
            Ok(by) => {
                short |= matches!(by, LeaseMove::To(_));
                moves.push((machine.id.clone(), by));
            }
            Err(why) => refused = Some(why),
        }
    }
    if let Some(why) = refused {
        // a choice is moved as a whole, or not at all
        say(model, Tone::Info, &why);
        return Vec::new();
    }
    if short {
        return dialog::push(model, store, DialogKind::Shorten(moves));
    }
    go(model, moves)
}

fn wanted(machine: &Machine, later: Later, model: &Model) -> Result<LeaseMove, String> {
    if let Some(why) = lease_refused(machine) {
        return Err(why);
    }
    match (later, machine.lease) {
        (Later::Yes, _) => Ok(LeaseMove::Later(STEP)),
        (Later::No, None) => Err(format!("machine `{}` has no lease: `+` gives it one", machine.id)),
        (Later::No, Some(lease)) => match lease.left(model.now) {
            left if left >= STEP + LEAST => Ok(LeaseMove::Sooner(STEP)),
            left if left > LEAST => Ok(LeaseMove::To(LEAST)),
            _ => Err(format!("machine `{}` ends within a minute already; ^d ends it now", machine.id)),
        },
    }
}

/// Has them moved.
pub(super) fn go(model: &mut Model, moves: Vec<(MachineId, LeaseMove)>) -> Vec<Effect> {
    let what = match moves.as_slice() {
        [] => return Vec::new(),
        [(id, by)] => match then(model, id, *by) {
            Some(then) => format!("moving the lease of {id}: it {then}…"),
            None => format!("moving the lease of {id}…"),
        },
        moves => format!("moving {}…", words::count(moves.len() as u64, "lease")),
    };
    say(model, Tone::Info, &what);
    vec![Effect::Extend(moves)]
}

/// Until when a machine that costs goes on then, and what that comes to.
fn then(model: &Model, id: &MachineId, by: LeaseMove) -> Option<String> {
    let machine = model.machines.value.iter().find(|machine| machine.id == *id)?;
    let hourly = model.money.hourly(machine, model.now).filter(|hourly| !hourly.is_zero())?;
    Some(say::ends(Some(hourly), Some(by.left(machine.lease, model.now))))
}

/// Tells what became of it.
pub(super) fn moved(model: &mut Model, store: &Store, all: &[(MachineId, Result<Lease, Error>)]) -> Vec<Effect> {
    let mut next: Option<(&MachineId, Lease)> = None;
    let (mut done, mut failed) = (0_u64, None);
    for (id, outcome) in all {
        match outcome {
            Ok(lease) => {
                done += 1;
                if next.is_none_or(|(_, first)| *lease < first) {
                    next = Some((id, *lease));
                }
                // shown at once: a cloud may tell the old one for some seconds
                for machine in model.machines.value.iter_mut().filter(|machine| machine.id == *id) {
                    machine.lease = Some(*lease);
                }
            }
            Err(error) => failed = Some(format!("lease of {id} not moved: {}", super::arrive::words_of(error))),
        }
    }
    let told = next.map(|(id, lease)| {
        let machine = model.machines.value.iter().find(|machine| machine.id == *id);
        let hourly = machine.map_or(Some(Usd::ZERO), |machine| model.money.hourly(machine, model.now));
        let ends = format!("{id} {}", say::ends(hourly, Some(lease.left(model.now))));
        if done > 1 { format!("{} moved; {ends}, the first", words::count(done, "lease")) } else { ends }
    });
    match (told, failed) {
        (_, Some(why)) => say(model, Tone::Error, &why),
        (Some(told), None) => say(model, Tone::Info, &told),
        (None, None) => {}
    }
    dialog::refresh(model, store);
    vec![Effect::Machines]
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::domain::{MachineState, ProviderKind};
    use crate::session::ErrorKind;
    use crate::tui::fixtures::{bens, on_aws, ours};
    use crate::tui::msg::Msg;

    fn left(id: &str, minutes: u64) -> Machine {
        Machine { lease: Some(Lease::starting(now(), Duration::from_secs(minutes * 60))), ..machine(id) }
    }

    #[test]
    fn half_an_hour_later_and_sooner_for_all_that_are_marked() {
        let mut app = app().with_machines(vec![left("m-aaa", 60), left("m-bbb", 90)]);
        let (a, b) = (machine("m-aaa").id, machine("m-bbb").id);
        assert_eq!(app.keys("+"), [Effect::Extend(vec![(a.clone(), LeaseMove::Later(STEP))])]);
        assert_eq!(app.keys("minus"), [Effect::Extend(vec![(a.clone(), LeaseMove::Sooner(STEP))])]);
        let both = [a.clone(), b.clone()].map(|id| (id, LeaseMove::Later(STEP))).to_vec();
        assert_eq!(app.keys("space down space +"), [Effect::Extend(both)]);
        // what became of it is told, and shown at once
        let lease = Lease::starting(now(), Duration::from_secs(5400));
        let effects = app.handle(Msg::Extended(vec![(a.clone(), Ok(lease))]));
        assert_eq!(effects, [Effect::Machines]);
        let shown = app.screen(80, 24);
        assert!(shown.contains("m-aaa ends itself in 1h 30m"), "{shown}");
        app.handle(Msg::Extended(vec![(a, Ok(lease)), (b, Err(Error::new(ErrorKind::Remote, "no answer")))]));
        assert!(app.screen(80, 24).contains("lease of m-bbb not moved: no answer"));
    }

    #[test]
    fn nothing_ends_within_a_minute_without_a_question() {
        let mut app = app().with_machines(vec![left("m-aaa", 30)]);
        assert_eq!(app.keys("minus"), []);
        let shown = app.screen(80, 24);
        assert!(shown.contains("m-aaa ends itself in 30m 00s") && shown.contains("Cancel"), "{shown}");
        // Enter alone is Cancel
        assert_eq!(app.keys("enter"), []);
        let moves = vec![(machine("m-aaa").id, LeaseMove::To(LEAST))];
        assert_eq!(app.keys("minus tab enter"), [Effect::Extend(moves)]);
        let mut app = super::super::testing::app().with_machines(vec![left("m-aaa", 1)]);
        assert_eq!(app.keys("minus"), []);
        assert!(app.screen(80, 24).contains("ends within a minute already"));
    }

    #[test]
    fn moving_says_what_it_may_cost() {
        let mut machine = on_aws("i-0a", "us-west-2", "hg-a", ours());
        machine.lease = Some(Lease::starting(now(), Duration::from_secs(90 * 60)));
        machine.endpoint = Some(crate::domain::Endpoint {
            host: "203.0.113.9".into(),
            port: 22,
            user: "hg".into(),
            key: "/k".into(),
            host_keys: crate::domain::HostKeys::Unknown,
            proxy_command: None,
            managed: None,
        });
        let id = machine.id.clone();
        let mut app = app();
        app.handle(Msg::Machines(ProviderKind::Aws, listed(vec![machine])));
        app.screen(80, 24);
        assert_eq!(app.keys("+"), [Effect::Extend(vec![(id.clone(), LeaseMove::Later(STEP))])]);
        let said = |app: &crate::tui::App| app.model.notice.as_ref().unwrap().text.clone();
        assert_eq!(said(&app), "moving the lease of i-0a: it ends itself in 2h 00m, at most $3.06 from now…");
        app.keys("minus");
        assert_eq!(said(&app), "moving the lease of i-0a: it ends itself in 1h 00m, at most $1.53 from now…");
        let lease = Lease::starting(now(), Duration::from_secs(7200));
        app.handle(Msg::Extended(vec![(id, Ok(lease))]));
        assert_eq!(said(&app), "i-0a ends itself in 2h 00m, at most $3.06 from now");
    }

    #[test]
    fn what_is_not_ours_to_move_stays() {
        let host = Machine { provider: ProviderKind::Hosts, lease: None, ..machine("build1") };
        let ending = Machine { state: MachineState::ShuttingDown, ..machine("m-bbb") };
        let old = on_aws("i-0a", "us-west-2", "hg-a", ours());
        let bens = on_aws("i-0b", "us-west-2", "hg-b", bens());
        for (machine, why) in [
            (host, "is a listed host"),
            (ending, "is shutting-down"),
            (bens, "is ben's, not yours"),
            (old, "cannot be told"),
        ] {
            let mut app = app().with_machines(vec![machine]);
            assert_eq!(app.keys("+"), []);
            let shown = app.screen(80, 24);
            assert!(shown.contains(why), "{why}: {shown}");
        }
    }
}
