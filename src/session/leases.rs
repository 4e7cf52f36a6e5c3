//! Moving the leases of machines: a cloud's machine is told itself, for it ends itself; then it is noted where people look.

use super::fleet::{cloud_error, told};
use super::{Error, ErrorKind, Result, Session};
use crate::config::{LEASE_MAX, LEASE_MIN};
use crate::domain::{Claim, Lease, Machine, MachineId, ProviderKind, Timestamp};
use std::time::Duration;

/// How a lease is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseMove {
    /// It ends so much later.
    Later(Duration),
    /// It ends so much sooner.
    Sooner(Duration),
    /// It ends so long from now.
    To(Duration),
}

impl LeaseMove {
    /// How long a machine may live from now on, a few seconds at least.
    #[must_use]
    pub fn left(self, lease: Option<Lease>, now: Timestamp) -> Duration {
        let left = lease.map_or(Duration::ZERO, |lease| lease.left(now));
        let left = match self {
            Self::Later(by) => left.saturating_add(by),
            Self::Sooner(by) => left.saturating_sub(by),
            Self::To(length) => length,
        };
        left.max(LEASE_MIN)
    }
}

/// Why a machine's lease is not ours to move; none where it is.
#[must_use]
pub fn lease_refused(machine: &Machine) -> Option<String> {
    let id = &machine.id;
    if machine.provider == ProviderKind::Hosts {
        return Some(format!("machine `{id}` is a listed host: it has no lease"));
    }
    if !machine.state.is_alive() {
        return Some(format!("machine `{id}` is {}: its lease cannot be moved", machine.state));
    }
    match machine.cloud.as_ref().map(|cloud| &cloud.claim) {
        Some(Claim::OtherOwner { owner, .. }) => Some(format!("machine `{id}` is {owner}'s, not yours")),
        Some(Claim::Foreign { .. }) => Some(format!("machine `{id}` is not ours")),
        Some(Claim::Ours { .. }) if machine.endpoint.is_none() => {
            Some(format!("machine `{id}` cannot be told: its address or its host key is not known"))
        }
        Some(Claim::Ours { .. }) | None => None,
    }
}

impl Session {
    /// Moves the end of a machine's lease; gives the new one.
    ///
    /// # Errors
    /// `Usage` when there is no such machine, or its lease is not ours to move or would be too long; `Remote` when the
    /// machine or its provider cannot be told.
    pub async fn extend(&self, id: &MachineId, by: LeaseMove) -> Result<Lease> {
        let _alone = self.leases.lock().await;
        let machine = self.machine(id).await?;
        if let Some(why) = lease_refused(&machine) {
            return Err(Error::new(ErrorKind::Usage, crate::domain::escape_line(&why)));
        }
        let left = by.left(machine.lease, Timestamp::now());
        if left > LEASE_MAX {
            return Err(Error::new(ErrorKind::Usage, format!("machine `{id}` may live for 7 days from now at most")));
        }
        if machine.cloud.is_some() {
            let armed = crate::remote::lease::arm(&*self.shell_of(&machine)?, left).await;
            armed.map_err(|error| told(ErrorKind::Remote, &error))?;
        }
        let lease = Lease::starting(Timestamp::now(), left);
        let cloud = self.clouds(Some(machine.provider)).next();
        let cloud = cloud
            .ok_or_else(|| Error::new(ErrorKind::Usage, format!("provider `{}` is not there", machine.provider)))?;
        cloud.renew(&machine.id, lease).await.map_err(|error| cloud_error(&error))?;
        self.lease_moved()(&machine, lease);
        cloud.forget();
        Ok(lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Layout, MachineState};

    #[test]
    fn a_lease_moves_from_where_it_is_and_never_below_now() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let hour = Duration::from_secs(3600);
        let lease = Some(Lease::starting(now, hour));
        assert_eq!(LeaseMove::Later(hour).left(lease, now), 2 * hour);
        assert_eq!(LeaseMove::Later(hour).left(None, now), hour);
        assert_eq!(LeaseMove::To(hour / 2).left(lease, now), hour / 2);
        assert_eq!(LeaseMove::Sooner(hour / 2).left(lease, now), hour / 2);
        assert_eq!(LeaseMove::Sooner(2 * hour).left(lease, now), LEASE_MIN);
        let later = now + jiff::SignedDuration::from_hours(5);
        assert_eq!(LeaseMove::Later(hour).left(lease, later), hour);
    }

    #[test]
    fn leases_of_hosts_and_of_what_is_gone_stay() {
        let machine = |provider, state| Machine {
            id: MachineId::new("m-a").unwrap(),
            provider,
            state,
            image: None,
            launched: None,
            lease: None,
            job: None,
            endpoint: None,
            layout: Layout::interface(),
            sudo: true,
            cloud: None,
        };
        let why = |provider, state| lease_refused(&machine(provider, state));
        assert_eq!(why(ProviderKind::Local, MachineState::Running), None);
        assert!(why(ProviderKind::Hosts, MachineState::Running).unwrap().contains("listed host"));
        assert!(why(ProviderKind::Local, MachineState::ShuttingDown).unwrap().contains("is shutting-down"));
    }
}
