//! What becomes of older images once a new one has passed: the newest few of each kind stay, and whatever is in use, is
//! kept by a person or is not provably ours.

use crate::cloud::Cloud;
use crate::diag::chain;
use crate::domain::{
    Claim, Distro, Fingerprint, Image, Owners, Plan, PlanVerb, Resource, ResourceKind, ResourceRef, Timestamp,
};
use crate::engine::{Failure, JobContext};
use crate::ops::apply;
use std::collections::BTreeSet;

/// Removes what of a family is beyond the newest `keep`, with the snapshots. What could not be looked at stays: that
/// is no reason for a good image not to count.
pub(super) async fn retain(
    ctx: &JobContext,
    cloud: &dyn Cloud,
    distro: &Distro,
    made: &Image,
    repository: &str,
    keep: usize,
) -> Result<(), Failure> {
    cloud.forget();
    let images = cloud.images().await;
    let regions: Vec<_> = made.region.clone().into_iter().collect();
    let there = cloud.resources(&ResourceKind::ALL, (!regions.is_empty()).then_some(&regions)).await;
    if let Some(unseen) = images.unseen.first().or(there.unseen.first()) {
        let why = chain(&unseen.error);
        return ctx.warn(format!("older images stay, since not everything could be looked at: {why}")).await;
    }
    // an image of another repository's history is of another kind
    let short = Fingerprint::of_text(repository).as_str().to_owned();
    let other: BTreeSet<ResourceRef> = images
        .items
        .iter()
        .filter(|image| {
            image
                .inputs
                .get("repository")
                .is_some_and(|known| known != repository && !short.starts_with(known.as_str()))
        })
        .map(|image| image.resource().at)
        .collect();
    let family = there.items.iter().filter(|one| {
        one.at.kind == ResourceKind::Image
            && one.at.region == made.region
            && one.name.as_deref().is_some_and(|name| distro.is_family(name))
            && !other.contains(&one.at)
    });
    let old = beyond(family, keep);
    let chosen = |one: &Resource| {
        let of_image = one.at.kind == ResourceKind::Snapshot
            && !one.used_by.is_empty()
            && one.used_by.iter().all(|user| old.contains(user));
        of_image || old.contains(&one.at)
    };
    let mut plan = Plan::of(PlanVerb::RemoveImages, &Owners::Mine, &there.items, chosen, &[], Timestamp::now());
    for skipped in &plan.skipped {
        ctx.note(format!("{} stays: {}", skipped.name, skipped.why)).await?;
    }
    if plan.items.is_empty() {
        return Ok(());
    }
    plan.account = there.account;
    apply::remove(ctx, cloud, &plan).await
}

/// Which of a family go: ours, in nobody's use, not among the newest `keep` that are good, or never become good.
fn beyond<'a>(family: impl Iterator<Item = &'a Resource>, keep: usize) -> BTreeSet<ResourceRef> {
    let mut ours: Vec<&Resource> = family.filter(|one| matches!(one.claim, Claim::Ours { .. })).collect();
    ours.sort_by_key(|one| std::cmp::Reverse(one.created));
    let mut good = 0;
    let mut old = BTreeSet::new();
    for one in ours {
        match one.state.as_deref() {
            None | Some("available") => good += 1,
            Some("failed" | "error" | "invalid") => {
                old.insert(one.at.clone());
                continue;
            }
            // one under way may be another job's
            Some(_) => continue,
        }
        if good > keep.max(1) && one.used_by.is_empty() {
            old.insert(one.at.clone());
        }
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProviderKind, Region};

    fn image(id: &str, day: u8, state: &str, used: bool) -> Resource {
        let at = |kind, id: &str| ResourceRef {
            kind,
            provider: ProviderKind::Aws,
            region: Region::new("us-west-2").ok(),
            id: id.to_owned(),
        };
        Resource {
            at: at(ResourceKind::Image, id),
            name: Some(format!("hg-linux-dev-debian12-{day}")),
            state: Some(state.to_owned()),
            claim: Claim::Ours { why: String::new() },
            created: format!("2026-01-{day:02}T00:00:00Z").parse().ok(),
            bytes: None,
            keep: None,
            job: None,
            detail: None,
            fingerprint: None,
            ends_with: None,
            metered: None,
            used_by: if used { vec![at(ResourceKind::Machine, "i-1")] } else { Vec::new() },
        }
    }

    #[test]
    fn the_newest_good_ones_stay_and_whatever_is_used_or_not_ours() {
        let foreign = Resource { claim: Claim::Foreign { why: None }, ..image("ami-foreign", 1, "available", false) };
        let theirs = Claim::OtherOwner { owner: "ben".into(), why: String::new() };
        let theirs = Resource { claim: theirs, ..image("ami-theirs", 2, "available", false) };
        let all = [
            image("ami-new", 9, "available", false),
            image("ami-pending", 8, "pending", false),
            image("ami-failed", 7, "failed", false),
            image("ami-last", 6, "available", false),
            image("ami-used", 5, "available", true),
            image("ami-old", 4, "available", false),
            foreign,
            theirs,
        ];
        let ids = |keep| beyond(all.iter(), keep).into_iter().map(|at| at.id).collect::<Vec<_>>();
        assert_eq!(ids(2), ["ami-failed", "ami-old"]);
        assert_eq!(ids(1), ["ami-failed", "ami-last", "ami-old"]);
        assert_eq!(ids(0), ids(1));
        assert_eq!(ids(9), ["ami-failed"]);
    }
}
