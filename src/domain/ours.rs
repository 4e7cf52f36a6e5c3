//! The rule that says what is ours: pure, and held by a table. It errs towards leaving things alone.
//!
//! | evidence, the first that fits | claim |
//! |---|---|
//! | one of our tags (`hg-owner`, `hg-job`, `hg-lease`, `hg-version`), owner not said or us | ours |
//! | the same, another owner | that owner's |
//! | a `Name` tag that begins with `hg-` | ours |
//! | a name that the predecessor gives: key pair `hg-automation`, group `hg-linux-dev-1` or `hg-windows-dev-1` (any number), image `hg-…-dev…`, role `hg-ephemeral-ec2-role-1`, profile `hg-ephemeral-ec2-1` | ours |
//! | part of something ours: a snapshot of an image, a volume on a machine | as that is |
//! | a machine with no `Name` tag and the key pair `hg-automation` or such a group | ours |
//! | such a key pair or group, but another `Name`: a person's own machine | foreign, with this reason |
//! | anything else that begins like ours (`hg-…`, `HG-…`) | foreign, with this reason |
//! | anything else | foreign |

use super::tag::{self, Tags};
use super::{Claim, ResourceKind};

/// The key pair that the predecessor and we use.
pub const KEY_PAIR: &str = "hg-automation";
/// What every name of ours begins with.
pub const PREFIX: &str = "hg-";
const MARKS: [&str; 4] = [tag::OWNER, tag::JOB, tag::LEASE, tag::VERSION];

/// What is known of a thing that may be ours.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What it is.
    pub kind: ResourceKind,
    /// Its own name, for what has one besides its `Name` tag: images, groups, key pairs, roles, profiles.
    pub name: Option<&'a str>,
    /// Its tags.
    pub tags: &'a Tags,
    /// The key pair of a machine.
    pub key_pair: Option<&'a str>,
    /// The names of a machine's security groups.
    pub groups: &'a [String],
    /// What it is a part of (`image ami-…`), and whose that is.
    pub part_of: Option<(&'a str, &'a Claim)>,
}

impl<'a> Evidence<'a> {
    /// A thing of which only its tags are known.
    #[must_use]
    pub fn of(kind: ResourceKind, tags: &'a Tags) -> Self {
        Self { kind, name: None, tags, key_pair: None, groups: &[], part_of: None }
    }
}

/// Whether a thing is ours, from the view of owner `me`.
#[must_use]
pub fn judge(evidence: &Evidence<'_>, me: &str) -> Claim {
    let ours = |why: String| match evidence.tags.get(tag::OWNER) {
        Some(owner) if owner != me => Claim::OtherOwner { owner: owner.to_owned(), why },
        _ => Claim::Ours { why },
    };
    if evidence.tags.has_any(&MARKS) {
        let said: Vec<String> =
            MARKS.iter().filter_map(|key| Some(format!("{key}={}", evidence.tags.get(key)?))).take(2).collect();
        return ours(format!("tagged {}", said.join(", ")));
    }
    let name_tag = evidence.tags.get(tag::NAME);
    if let Some(name) = name_tag.filter(|name| name.starts_with(PREFIX)) {
        return ours(format!("its Name `{name}` begins with `{PREFIX}`"));
    }
    if let Some(name) = evidence.name.filter(|name| is_predecessors(evidence.kind, name)) {
        return ours(format!("named `{name}`, as the predecessor does"));
    }
    if let Some((what, claim)) = evidence.part_of {
        match claim {
            Claim::Ours { .. } => return Claim::Ours { why: format!("part of {what}, which is ours") },
            Claim::OtherOwner { owner, .. } => {
                return Claim::OtherOwner { owner: owner.clone(), why: format!("part of {what}") };
            }
            Claim::Foreign { .. } => {}
        }
    }
    if let Some(why) = by_use(evidence) {
        return match name_tag {
            None => ours(format!("{why}, and no Name tag")),
            Some(name) => Claim::Foreign { why: Some(format!("{why}, but its Name is `{name}`")) },
        };
    }
    let alike = |name: &&str| name.get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX));
    let alike = evidence.name.filter(alike).or(name_tag.filter(alike));
    Claim::Foreign { why: alike.map(|name| format!("`{name}` is like our names, but none that we give")) }
}

/// What a machine uses that only the predecessor makes.
fn by_use(evidence: &Evidence<'_>) -> Option<String> {
    if evidence.kind != ResourceKind::Machine {
        return None;
    }
    if evidence.key_pair == Some(KEY_PAIR) {
        return Some(format!("key pair `{KEY_PAIR}`"));
    }
    let group = evidence.groups.iter().find(|name| is_predecessors(ResourceKind::Group, name))?;
    Some(format!("group `{group}`"))
}

fn is_predecessors(kind: ResourceKind, name: &str) -> bool {
    let numbered = |head: &str| {
        name.strip_prefix(head).is_some_and(|tail| !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit()))
    };
    match kind {
        ResourceKind::KeyPair => name == KEY_PAIR,
        ResourceKind::Group => numbered("hg-linux-dev-") || numbered("hg-windows-dev-"),
        ResourceKind::Role => numbered("hg-ephemeral-ec2-role-"),
        ResourceKind::Profile => numbered("hg-ephemeral-ec2-"),
        ResourceKind::Image => {
            // `hg-linux-dev-debian10`, `hg-windows-dev`: `dev` is a word of its own
            name.strip_prefix(PREFIX).is_some_and(|tail| tail.split('-').skip(1).any(|word| word == "dev"))
        }
        ResourceKind::Machine | ResourceKind::Snapshot | ResourceKind::Volume => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ResourceKind as K;

    type Pairs<'a> = &'a [(&'a str, &'a str)];
    /// Key pair, groups, tags, then the claim's word and a word of its reason.
    type Machine<'a> = (Option<&'a str>, &'a [String], Pairs<'a>, &'a str, &'a str);

    fn tags(pairs: Pairs<'_>) -> Tags {
        pairs.iter().copied().collect()
    }

    /// What the claim is, and a word its reason must hold.
    fn check(evidence: &Evidence<'_>, word: &str, why: &str) {
        let claim = judge(evidence, "anna");
        assert_eq!(claim.word(), word, "{evidence:?}: {claim:?}");
        assert!(claim.why().contains(why), "{evidence:?}: {claim:?}");
        assert_eq!(claim.why().is_empty(), why.is_empty(), "{evidence:?}: {claim:?}");
    }

    #[test]
    fn tags_decide_first() {
        let table: [(Pairs<'_>, &str, &str); 17] = [
            (&[("hg-owner", "anna"), ("hg-job", "j-abc234")], "ours", "hg-owner=anna, hg-job=j-abc234"),
            (&[("hg-job", "j-abc234")], "ours", "hg-job"),
            (&[("hg-version", "0.1.0"), ("Name", "db-prod")], "ours", "hg-version"),
            (&[("hg-owner", "ben"), ("hg-job", "j-abc234")], "ben", "hg-owner=ben"),
            (&[("hg-owner", "ben"), ("Name", "hg-x")], "ben", "hg-owner=ben"),
            (&[("hg-owner", "Anna")], "Anna", "hg-owner"),
            (&[("Name", "hg-temp-windows")], "ours", "`hg-temp-windows`"),
            (&[("Name", "hg-")], "ours", "`hg-`"),
            (&[("Name", "hgx-web")], "foreign", ""),
            (&[("Name", "my-hg-box")], "foreign", ""),
            (&[("Name", "HG-build")], "foreign", "`HG-build`"),
            (&[("Name", " hg-build")], "foreign", ""),
            (&[("name", "hg-build")], "foreign", ""),
            (&[("HG-OWNER", "anna")], "foreign", ""),
            (&[("hg-keep-until", "2027-01-01")], "foreign", ""),
            (&[("Name", "")], "foreign", ""),
            (&[], "foreign", ""),
        ];
        for (pairs, word, why) in table {
            for kind in [K::Machine, K::Volume, K::Snapshot] {
                check(&Evidence::of(kind, &tags(pairs)), word, why);
            }
        }
    }

    #[test]
    fn untagged_machines_are_known_by_their_key_or_group() {
        let linux = ["default".to_owned(), "hg-linux-dev-1".to_owned()];
        let web = ["hg-web".to_owned(), "hg-linux-dev-".to_owned(), "HG-LINUX-DEV-1".to_owned()];
        let none: [String; 0] = [];
        let table: [Machine<'_>; 9] = [
            (Some("hg-automation"), &none, &[], "ours", "key pair `hg-automation`, and no Name tag"),
            (None, &linux, &[], "ours", "group `hg-linux-dev-1`"),
            (Some("hg-automation"), &linux, &[("team", "scm")], "ours", "key pair"),
            (Some("hg-automation"), &linux, &[("Name", "db-prod")], "foreign", "but its Name is `db-prod`"),
            (None, &linux, &[("Name", "hg-try")], "ours", "`hg-try`"),
            (Some("hg-automation"), &none, &[("hg-owner", "ben")], "ben", "hg-owner"),
            (Some("hg-automation-2"), &web, &[], "foreign", ""),
            (Some("my-hg-automation"), &none, &[], "foreign", ""),
            (Some("HG-AUTOMATION"), &none, &[], "foreign", ""),
        ];
        for (key_pair, groups, pairs, word, why) in table {
            let tags = tags(pairs);
            check(&Evidence { key_pair, groups, ..Evidence::of(K::Machine, &tags) }, word, why);
        }
    }

    #[test]
    fn names_count_only_where_the_predecessor_gives_them() {
        let table = [
            (K::KeyPair, "hg-automation", "ours", "hg-automation"),
            (K::KeyPair, "hg-automation2", "foreign", "hg-automation2"),
            (K::KeyPair, "hgx-automation", "foreign", ""),
            (K::Group, "hg-linux-dev-1", "ours", "hg-linux-dev-1"),
            (K::Group, "hg-windows-dev-12", "ours", "hg-windows-dev-12"),
            (K::Group, "hg-linux-dev-x", "foreign", "hg-linux-dev-x"),
            (K::Group, "hg-web", "foreign", "hg-web"),
            (K::Group, "default", "foreign", ""),
            (K::Role, "hg-ephemeral-ec2-role-1", "ours", "role-1"),
            (K::Role, "hg-ephemeral-ec2-1", "foreign", "hg-ephemeral-ec2-1"),
            (K::Profile, "hg-ephemeral-ec2-1", "ours", "hg-ephemeral-ec2-1"),
            (K::Profile, "hg-ephemeral-ec2-role-1", "foreign", "role-1"),
            (K::Image, "hg-linux-dev-debian10", "ours", "debian10"),
            (K::Image, "hg-windows-dev", "ours", "hg-windows-dev"),
            (K::Image, "hg-devel-box", "foreign", "hg-devel-box"),
            (K::Image, "hg-dev", "foreign", "hg-dev"),
            (K::Image, "HG-linux-dev-1", "foreign", "HG-linux-dev-1"),
            (K::Image, "my-hg-linux-dev-1", "foreign", ""),
        ];
        for (kind, name, word, why) in table {
            let none = Tags::default();
            check(&Evidence { name: Some(name), ..Evidence::of(kind, &none) }, word, why);
        }
    }

    #[test]
    fn a_part_goes_with_its_whole_unless_it_says_otherwise() {
        let ours = Claim::Ours { why: "x".into() };
        let bens = Claim::OtherOwner { owner: "ben".into(), why: "x".into() };
        let foreign = Claim::Foreign { why: None };
        let named = tags(&[("Name", "hg-disk")]);
        let none = Tags::default();
        let table = [
            (&ours, &none, "ours", "part of image ami-1"),
            (&bens, &none, "ben", "part of image ami-1"),
            (&foreign, &none, "foreign", ""),
            (&foreign, &named, "ours", "hg-disk"),
        ];
        for (claim, tags, word, why) in table {
            let evidence = Evidence { part_of: Some(("image ami-1", claim)), ..Evidence::of(K::Snapshot, tags) };
            check(&evidence, word, why);
        }
    }
}
