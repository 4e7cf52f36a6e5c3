//! Plans: made of what the providers hold now and of the jobs under way, and carried out by jobs.

use super::fleet::{Listed, Trouble};
use super::{Error, ErrorKind, Result, Session};
use crate::cloud::Cloud;
use crate::domain::{Checked, Owners, Plan, PlanVerb, ProviderKind, Region, Resource, ResourceKind, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a plan is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// What for.
    pub verb: PlanVerb,
    /// Whose things it may touch.
    pub owners: Owners,
    /// Whose things it may touch: this provider's alone, or any one's.
    pub provider: Option<ProviderKind>,
    /// The ids or names of the things; none for all that are ours.
    pub chosen: Option<Vec<String>>,
}

/// A plan, and what could not be looked at for it.
#[derive(Debug)]
pub struct Proposal {
    /// The plan.
    pub plan: Plan,
    /// What could not be looked at: there may be more than the plan names.
    pub troubles: Vec<Trouble>,
}

impl Session {
    /// Makes a plan.
    ///
    /// # Errors
    /// `Usage` when one of the chosen things is not there, or the provider is not set up.
    pub async fn plan(&self, request: PlanRequest) -> Result<Proposal> {
        let PlanRequest { verb, owners, provider, chosen } = request;
        let sweeping = matches!(verb, PlanVerb::TerminateEc2 | PlanVerb::Purge);
        let provider = if sweeping { Some(ProviderKind::Aws) } else { provider };
        if let Some(provider) = provider {
            self.must_be_there(provider)?;
        }
        let kinds: &[ResourceKind] = match verb {
            PlanVerb::Terminate | PlanVerb::TerminateEc2 => &[ResourceKind::Machine, ResourceKind::Volume],
            PlanVerb::Purge | PlanVerb::RemoveImages | PlanVerb::Remove => &ResourceKind::ALL,
        };
        let listed = match &chosen {
            // nobody has to wait for a cloud to end a machine of this computer
            Some(ids)
                if provider.is_none()
                    && verb == PlanVerb::Terminate
                    && !ids.iter().any(|id| id.starts_with("i-")) =>
            {
                self.of_providers(&[ProviderKind::Local, ProviderKind::Hosts], kinds).await
            }
            _ => self.resources(provider, kinds).await,
        };
        let named = |resource: &Resource, id: &String| {
            resource.at.id == *id || (resource.at.kind != ResourceKind::Machine && resource.name.as_ref() == Some(id))
        };
        let wanted = |resource: &Resource| match (&chosen, verb) {
            (None, PlanVerb::TerminateEc2 | PlanVerb::Terminate) => resource.at.kind == ResourceKind::Machine,
            (None, _) => true,
            (Some(ids), PlanVerb::RemoveImages) => {
                resource.at.kind == ResourceKind::Image && ids.iter().any(|id| named(resource, id))
            }
            (Some(ids), PlanVerb::Terminate) => {
                resource.at.kind == ResourceKind::Machine && ids.iter().any(|id| named(resource, id))
            }
            (Some(ids), _) => ids.iter().any(|id| named(resource, id)),
        };
        for id in chosen.iter().flatten() {
            if !listed.items.iter().any(|resource| wanted(resource) && named(resource, id)) {
                return Err(no_such(verb, id, &listed));
            }
        }
        let images: BTreeSet<_> = listed
            .items
            .iter()
            .filter(|resource| chosen.is_some() && resource.at.kind == ResourceKind::Image && wanted(resource))
            .map(|image| image.at.clone())
            .collect();
        // an image goes with the snapshots it consists of
        let wanted = |resource: &Resource| {
            let of_image = resource.at.kind == ResourceKind::Snapshot
                && !resource.used_by.is_empty()
                && resource.used_by.iter().all(|user| images.contains(user));
            of_image || wanted(resource)
        };
        let working = self.working(&listed.items).await?;
        // what ends things is not refused for want of what they have cost
        let (now, (ledger, _)) = (Timestamp::now(), self.ledger_if_any().await);
        let mut plan = Plan::of(verb, &owners, &listed.items, wanted, &working, now).priced(
            &listed.items,
            &ledger,
            &self.prices(),
            now,
        );
        plan.account = listed.account;
        Ok(Proposal { plan, troubles: listed.troubles })
    }

    /// What has become of a plan's items since it was made.
    ///
    /// # Errors
    /// `Usage` when its provider is not set up, `Other` when it was made for another account.
    pub async fn check_plan(&self, plan: &Plan) -> Result<Checked> {
        let providers: BTreeSet<ProviderKind> = plan.items.iter().map(|item| item.at.provider).collect();
        let mut checked = Checked::default();
        for provider in providers {
            let items = plan.items.iter().filter(|item| item.at.provider == provider).cloned().collect();
            let account = plan.account.clone().filter(|_| provider == ProviderKind::Aws);
            let part = self.check_plan_of(provider, &Plan { account, items, ..plan.clone() }).await?;
            checked.go.extend(part.go);
            checked.gone.extend(part.gone);
            checked.refused.extend(part.refused);
        }
        Ok(checked)
    }

    async fn check_plan_of(&self, provider: ProviderKind, plan: &Plan) -> Result<Checked> {
        self.must_be_there(provider)?;
        let regions: BTreeSet<Region> = plan.items.iter().filter_map(|item| item.at.region.clone()).collect();
        let regions: Vec<Region> = regions.into_iter().collect();
        let listed = self.resources_in(provider, &ResourceKind::ALL, &regions).await;
        let told = listed.account.is_some() || listed.troubles.is_empty();
        if plan.account.is_some() && listed.account != plan.account && told {
            let message = plan.of_another_account(listed.account.as_deref());
            return Err(Error::new(ErrorKind::Usage, message).hint("`AWS_PROFILE` picks the account"));
        }
        let failed: Vec<_> =
            listed.troubles.iter().map(|trouble| (trouble.region.clone(), trouble.error.to_string())).collect();
        let working = self.working(&listed.items).await?;
        Ok(plan.check(&listed.items, &failed, &working, Timestamp::now()))
    }

    pub(super) fn must_be_there(&self, provider: ProviderKind) -> Result<()> {
        there(provider, self.parts.clouds.get(&provider)).map(|_| ())
    }
}

/// A provider that is there and set up.
pub(super) fn there(provider: ProviderKind, cloud: Option<&Arc<dyn Cloud>>) -> Result<&Arc<dyn Cloud>> {
    let Some(cloud) = cloud else {
        let message =
            format!("provider `{provider}` is not there: this `hga` was built without it, or it is switched off");
        return Err(Error::new(ErrorKind::Usage, message).hint("`hga config` shows what is switched on"));
    };
    let missing = cloud.missing();
    missing.map_or(Ok(cloud), |how| {
        Err(Error::new(ErrorKind::Usage, format!("provider `{provider}` is not set up")).hint(how))
    })
}

fn no_such(verb: PlanVerb, id: &str, listed: &Listed<Resource>) -> Error {
    let (what, list) = match verb {
        PlanVerb::Terminate | PlanVerb::TerminateEc2 => ("machine", "hga machines list"),
        PlanVerb::RemoveImages => ("image", "hga images list"),
        PlanVerb::Purge | PlanVerb::Remove => ("thing", "hga resources list"),
    };
    // what could not be looked at may hold it
    let kind = if listed.troubles.is_empty() { ErrorKind::Usage } else { ErrorKind::Remote };
    let error = Error::new(kind, format!("there is no {what} `{}`", crate::domain::escape_line(id)));
    let error = error.hint(format!("`{list}` shows what there is; `--aws-region` looks in another region"));
    match listed.troubles.first() {
        Some(trouble) => error.hint(format!("not everything could be looked at: {trouble}")),
        None => error,
    }
}
