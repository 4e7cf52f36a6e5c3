//! Holds the policy that `hga doctor --iam` prints to the calls that `src/aws` makes: neither may have an action more than
//! the other. The calls are found in the sources, as text without comments: an SDK's operation is a method without
//! arguments whose name begins with one of the verbs of AWS.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The verbs that names of operations begin with.
const VERBS: &str = "accept add allocate assign associate assume attach authorize bundle cancel confirm copy \
                     create decode delete deregister describe detach disable disassociate enable export get \
                     import list modify monitor purchase put register reject release remove replace request \
                     reset restore resume revoke run search send simulate start stop tag terminate unassign \
                     unmonitor untag update upload withdraw";

/// Methods without arguments that begin so and are no operations: fields of answers, and methods of builders and of the
/// standard library.
const NO_CALLS: &[&str] =
    &["create_date", "create_time", "delete_on_termination", "get", "send", "start_time", "tag"];

/// Operations whose action is called otherwise, or belongs to another service than their name tells.
const SPECIAL: &[(&str, &str)] =
    &[("get_caller_identity", "sts:GetCallerIdentity"), ("get_products", "pricing:GetProducts")];

/// Actions that no call is named after: who calls something else needs them too.
const IMPLIED: [&str; 7] = [
    "iam:PassRole",
    "iam:TagInstanceProfile",
    "iam:TagRole",
    "ssm:ResumeSession",
    "ssm:StartSession",
    "ssm:TerminateSession",
    "sts:GetCallerIdentity",
];

/// What operations of IAM speak of, and those of Systems Manager; all others are EC2's.
const IAM: &[&str] = &["role", "roles", "profile", "profiles", "policy", "policies", "user", "users"];
const SSM: &[&str] = &["command", "invocation", "information", "parameter"];
/// What AWS lets nobody limit although it changes something.
const UNLIMITED: &[&str] = &["ssm:CancelCommand"];

fn action(operation: &str) -> String {
    if let Some((_, action)) = SPECIAL.iter().find(|(name, _)| *name == operation) {
        return (*action).to_owned();
    }
    let words = || operation.split('_');
    let speaks_of = |things: &[&str]| words().any(|word| things.contains(&word));
    let service = if speaks_of(SSM) {
        "ssm"
    } else if speaks_of(IAM) {
        "iam"
    } else {
        "ec2"
    };
    let camel = words().map(|word| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_uppercase() + rest
    });
    format!("{service}:{}", camel.collect::<String>())
}

/// The operations that a source calls.
fn operations(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default().trim()).collect();
    let code = code.concat();
    let mut found = BTreeSet::new();
    for (end, _) in code.match_indices("()") {
        let before = &code[..end];
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        let verb = name.split('_').next().unwrap_or_default();
        let called = before[..end - name.len()].ends_with('.');
        if called && VERBS.split(' ').any(|known| known == verb) && !NO_CALLS.contains(&name) {
            found.insert(name.to_owned());
        }
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn statements() -> Vec<serde_json::Value> {
    let text = fs::read_to_string(root().join("assets/iam-policy.json")).unwrap();
    let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

/// A value that may be one word or a list of words.
fn words(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

#[test]
fn the_policy_has_what_is_called_and_nothing_else() {
    let mut files = Vec::new();
    sources(&root().join("src/aws"), &mut files);
    assert!(files.len() > 5, "the sources were not found");
    // `hga doctor` tries what others do; of its own it asks only who we are
    let (doctor, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.components().any(|part| part.as_os_str() == "doctor"));
    let mut called: BTreeSet<String> = others
        .iter()
        .flat_map(|file| operations(&fs::read_to_string(file).unwrap()))
        .map(|operation| action(&operation))
        .collect();
    called.extend(IMPLIED.map(str::to_owned));
    let allowed: BTreeSet<String> = statements().iter().flat_map(|statement| words(&statement["Action"])).collect();
    let lacking: Vec<_> = called.difference(&allowed).collect();
    let idle: Vec<_> = allowed.difference(&called).collect();
    assert!(
        lacking.is_empty() && idle.is_empty(),
        "assets/iam-policy.json lacks {lacking:?}, and has {idle:?} that nothing calls"
    );
    assert!(called.len() > 20, "{called:?}");
    let doctor: String = doctor.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let known: BTreeSet<_> = doctor.split(['"', ' ', ',']).collect();
    let untold: Vec<_> =
        allowed.iter().filter(|action| !known.contains(action.as_str()) && !action.starts_with("sts:")).collect();
    assert!(untold.is_empty(), "src/aws/doctor says nothing of {untold:?}");
}

#[test]
fn every_statement_is_one_that_iam_takes_and_is_as_narrow_as_it_can_be() {
    let mut sids = BTreeSet::new();
    let mut actions = BTreeSet::new();
    for statement in statements() {
        let sid = statement["Sid"].as_str().unwrap().to_owned();
        assert!(sid.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{sid}");
        assert!(sids.insert(sid.clone()), "{sid} twice");
        assert_eq!(statement["Effect"], "Allow");
        let resources = words(&statement["Resource"]);
        for action in words(&statement["Action"]) {
            let (service, name) = action.split_once(':').unwrap();
            assert!(!action.contains('*') && actions.insert((action.clone(), resources.clone())), "{action}");
            let looks = ["Describe", "List", "Get"].iter().any(|verb| name.starts_with(verb));
            let looks = looks || UNLIMITED.contains(&action.as_str());
            assert!(looks || !resources.contains(&"*".to_owned()), "{action} on everything");
            // roles and profiles of others are none of our business
            if service == "iam" && resources != ["*"] {
                assert!(resources.iter().all(|arn| arn.ends_with("/hg-*")), "{action} on {resources:?}");
            }
        }
    }
}

#[test]
fn calls_are_found_and_nothing_else() {
    let table: [(&str, &[&str]); 7] = [
        ("client.describe_instances().send()", &["describe_instances"]),
        ("client\n    // one.run_instances()\n    .list_role_tags()\n    .send()", &["list_role_tags"]),
        ("clients.ec2(region).await.run_instances().dry_run(true)", &["run_instances"]),
        ("attached.delete_on_termination() == Some(true)", &[]),
        ("page.next().await; profile.roles(); polls.forget(); map.get(&x)", &[]),
        ("/// `.start_instances()` is not called\nfn terminate_all() { list_all() }", &[]),
        ("client.get_caller_identity().send()", &["get_caller_identity"]),
    ];
    for (source, expected) in table {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(operations(source), expected, "{source}");
    }
    let table = [
        ("describe_instances", "ec2:DescribeInstances"),
        ("list_instance_profile_tags", "iam:ListInstanceProfileTags"),
        ("remove_role_from_instance_profile", "iam:RemoveRoleFromInstanceProfile"),
        ("list_attached_role_policies", "iam:ListAttachedRolePolicies"),
        ("get_caller_identity", "sts:GetCallerIdentity"),
        ("deregister_image", "ec2:DeregisterImage"),
        ("get_products", "pricing:GetProducts"),
        ("describe_spot_price_history", "ec2:DescribeSpotPriceHistory"),
        ("get_command_invocation", "ssm:GetCommandInvocation"),
        ("describe_instance_information", "ssm:DescribeInstanceInformation"),
    ];
    for (operation, expected) in table {
        assert_eq!(action(operation), expected);
    }
}
