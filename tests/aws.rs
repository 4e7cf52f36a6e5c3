//! The whole program against an AWS that behaves: what is ours is named with its reason and ended exactly; whatever goes
//! wrong, nothing foreign is touched and nothing is left without a word. What is left is looked at with the AWS CLI.

#![cfg(all(unix, feature = "aws"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/hg.rs"]
mod hg;
#[path = "support/lab.rs"]
mod lab;

use fleet::{Fleet, Ran, STRAYS, ended_exactly, ids, planned, states};
use lab::{AT_ONCE, Lab};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

const WEST: &str = "us-west-2";
const EU: &str = "eu-west-1";

/// Strays in a region, ours and theirs, as ids.
fn strays(lab: &Lab, region: &str, many: u32) -> (BTreeSet<String>, BTreeSet<String>) {
    let made = lab.boto(&format!("{STRAYS}\ndone(strays(client('ec2', '{region}'), {many}))"));
    (ids(&made[0]), ids(&made[1]))
}

#[test]
fn strays_are_named_with_their_reasons_and_ended_exactly() {
    let lab = Lab::start(&["--page", "100", "--end", "0.2", "--boot", "0.1", "--stop", "0"]);
    let fleet = Fleet::new();
    // one by the AWS CLI itself, as a person would
    let tag = "ResourceType=instance,Tags=[{Key=Name,Value=hg-by-hand}]";
    let by_hand = lab.aws(&[
        "ec2",
        "run-instances",
        "--image-id",
        lab::DEBIAN,
        "--instance-type",
        "t3.medium",
        "--tag-specifications",
        tag,
        "--query",
        "Instances[0].InstanceId",
    ]);
    let (mut west, west_theirs) = strays(&lab, WEST, 250);
    west.insert(by_hand.as_str().unwrap().to_owned());
    let (eu, eu_theirs) = strays(&lab, EU, 0);

    let both = ["--aws-region", "us-west-2,eu-west-1"];
    let listed = fleet.hga(&lab, &[&both[..], &["machines", "list", "--json"]].concat());
    assert_eq!(listed.code, 0, "{listed:?}");
    // ours, what is kept, and ben's; nothing of strangers
    assert_eq!(listed.json().len(), west.len() + eu.len() + 4, "{listed:?}");

    let plan = fleet.hga(&lab, &[&both[..], &["terminate-ec2-instances", "--dry-run", "--json"]].concat());
    assert_eq!(plan.code, 0, "{plan:?}");
    assert_eq!(planned(&plan), &west | &eu);
    let plan = &plan.json()[0];
    for item in plan["items"].as_array().unwrap() {
        assert!(!item["why"].as_str().unwrap().is_empty(), "{item}");
    }
    let skipped = plan["skipped"].to_string();
    for reason in ["hg-keep-until", "it is `ben`'s", "but its Name is `db-prod`", "`HG-build` is like our names"] {
        assert_eq!(skipped.matches(reason).count(), 2, "{reason}: {skipped}");
    }
    // no tag, hgx-web, my-hg-box, their key and their group: nothing to do with us
    assert_eq!(plan["foreign"], 10);
    assert_eq!(states(&lab, WEST).iter().filter(|(_, state)| state == "terminated").count(), 0, "a dry run");

    let ended = fleet.hga(&lab, &[&both[..], &["terminate-ec2-instances", "--yes", "--wait"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended_exactly(&lab, WEST, &west, &west_theirs);
    ended_exactly(&lab, EU, &eu, &eu_theirs);
    assert!(states(&lab, WEST).iter().all(|(_, state)| state != "shutting-down"), "--wait waits until they are gone");
    let again = fleet.hga(&lab, &[&both[..], &["terminate-ec2-instances", "--yes"]].concat());
    assert_eq!(again.code, 106, "{again:?}");

    // ben's on explicit request, and one by its id
    let bens = fleet.hga(&lab, &["terminate-ec2-instances", "--owner", "ben", "--dry-run", "--json"]);
    assert_eq!(planned(&bens).len(), 1, "{bens:?}");
    let one = west_theirs.first().unwrap();
    let asked = fleet.hga(&lab, &["machines", "terminate", one, "--yes"]);
    assert_eq!(asked.code, 106, "{asked:?}");
    assert!(asked.err.contains("Left alone"), "{asked:?}");
    ended_exactly(&lab, WEST, &west, &west_theirs);
}

#[test]
fn a_purge_goes_in_order_and_leaves_what_others_use() {
    let lab = Lab::start(&["--iam-policies", "--end", "0.5"]);
    let fleet = Fleet::new();
    let made = lab.boto(
        r#"
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
group = ec2.create_security_group(GroupName="hg-linux-dev-1", Description="x", VpcId=vpc)["GroupId"]
used = ec2.create_security_group(GroupName="hg-windows-dev-1", Description="x", VpcId=vpc)["GroupId"]
key = ec2.create_key_pair(KeyName="hg-automation")["KeyPairId"]
machine = run(1, SecurityGroupIds=[group], KeyName="hg-automation")[0]
theirs = run(1, SecurityGroupIds=[used], TagSpecifications=[tags("instance", Name="web")])[0]
ec2.get_waiter("instance_running").wait(InstanceIds=[machine, theirs], WaiterConfig={"Delay": 1})
image = ec2.create_image(InstanceId=machine, Name="hg-linux-dev-debian12")["ImageId"]
other = ec2.create_image(InstanceId=theirs, Name="web-image")["ImageId"]
volume = ec2.create_volume(AvailabilityZone="us-west-2a", Size=1, TagSpecifications=[tags("volume", Name="hg-disk")])["VolumeId"]
data = ec2.create_volume(AvailabilityZone="us-west-2a", Size=1)["VolumeId"]
orphan = ec2.create_snapshot(VolumeId=volume, TagSpecifications=[tags("snapshot", Name="hg-orphan")])["SnapshotId"]
iam.create_role(RoleName="hg-ephemeral-ec2-role-1", AssumeRolePolicyDocument="{}")
iam.attach_role_policy(RoleName="hg-ephemeral-ec2-role-1", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
iam.put_role_policy(RoleName="hg-ephemeral-ec2-role-1", PolicyName="inline", PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}')
iam.create_instance_profile(InstanceProfileName="hg-ephemeral-ec2-1")
iam.add_role_to_instance_profile(InstanceProfileName="hg-ephemeral-ec2-1", RoleName="hg-ephemeral-ec2-role-1")
iam.create_role(RoleName="hg-other", AssumeRolePolicyDocument="{}")
done({"used": used, "group": group, "key": key, "machine": machine, "image": image, "volume": volume, "orphan": orphan, "theirs": theirs, "data": data, "other": other})
"#,
    );
    let id = |name: &str| made[name].as_str().unwrap();
    let plan = fleet.hga(&lab, &["purge-ec2-resources", "--dry-run", "--json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let kinds: Vec<String> = plan.json()[0]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].as_str().unwrap().to_owned())
        .collect();
    // the machine's own volume goes with it
    assert_eq!(
        kinds,
        ["machine", "image", "snapshot", "snapshot", "volume", "group", "key-pair", "profile", "role"],
        "{plan:?}"
    );
    assert!(plan.out.contains(&format!("machine {} uses it and stays", id("theirs"))), "{plan:?}");
    assert!(plan.json()[0]["items"].to_string().contains("part of image") || plan.out.contains("part of ami-"));

    let ended = fleet.hga(&lab, &["purge-ec2-resources", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let left = lab.boto(
        r#"
alive = [i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"] if i["State"]["Name"] not in ("terminated", "shutting-down")]
images = [i["ImageId"] for i in ec2.describe_images(Owners=["self"])["Images"]]
snapshots = len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
volumes = [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]]
groups = [g["GroupName"] for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"]
keys = ec2.describe_key_pairs()["KeyPairs"]
roles = [r["RoleName"] for r in iam.list_roles()["Roles"]]
profiles = iam.list_instance_profiles()["InstanceProfiles"]
done([alive, images, snapshots, id and volumes, groups, keys, roles, profiles])
"#,
    );
    assert_eq!(left[0], json!([id("theirs")]));
    assert_eq!((&left[1], &left[2]), (&json!([id("other")]), &json!(1)), "images and their snapshots");
    assert!(left[3].to_string().contains(id("data")) && !left[3].to_string().contains(id("volume")), "{left}");
    assert_eq!((&left[4], &left[5]), (&json!(["hg-windows-dev-1"]), &json!([])));
    assert_eq!((&left[6], &left[7]), (&json!(["hg-other"]), &json!([])));
}

/// What would be lost with a machine speaks for it: a disk that somebody keeps.
#[test]
fn a_machine_with_a_kept_disk_stays() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let made = lab.boto(
        r#"
done(run(2, TagSpecifications=[tags("instance", Name="hg-x")]))
disk = ec2.describe_instances()["Reservations"][0]["Instances"][0]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
ec2.create_tags(Resources=[disk], Tags=[{"Key": "hg-keep-until", "Value": "2999-01-01"}])
"#,
    );
    let ran = fleet.hga(&lab, &["terminate-ec2-instances", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("would go with it: kept until"), "what is left alone is told: {ran:?}");
    let alive = states(&lab, WEST).into_iter().filter(|(_, state)| state == "running").count();
    assert_eq!(alive, 1, "{made} {ran:?}");
}

/// A role of ours in a stranger's profile keeps its policies: its machines would lose them at once.
#[test]
fn a_role_that_a_strangers_profile_holds_keeps_its_policies() {
    let lab = Lab::start(&["--iam-policies"]);
    let fleet = Fleet::new();
    lab.boto(
        r#"
iam.create_role(RoleName="hg-ephemeral-ec2-role-1", AssumeRolePolicyDocument="{}")
iam.attach_role_policy(RoleName="hg-ephemeral-ec2-role-1", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
iam.create_instance_profile(InstanceProfileName="web")
iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="hg-ephemeral-ec2-role-1")
"#,
    );
    let ran = fleet.hga(&lab, &["purge-ec2-resources", "--yes"]);
    assert_eq!(ran.code, 106, "{ran:?}");
    assert!(ran.err.contains("profile web uses it and stays"), "{ran:?}");
    let query = ["iam", "list-attached-role-policies", "--role-name", "hg-ephemeral-ec2-role-1"];
    assert_eq!(lab.aws(&query)["AttachedPolicies"].as_array().unwrap().len(), 1);
}

/// A job that was killed between an image and its snapshots: the same plan, applied again, knows them still; and without an
/// account nothing counts as gone.
#[test]
fn snapshots_of_an_image_that_went_are_still_of_the_plan() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let image = lab.boto(
        r#"
machine = run(1, TagSpecifications=[tags("instance", Name="web")])[0]
done([ec2.create_image(InstanceId=machine, Name="hg-linux-dev-1")["ImageId"]])
"#,
    );
    let image = image[0].as_str().unwrap();
    let file = fleet.path("plan.json");
    let file = file.to_str().unwrap();
    assert_eq!(fleet.hga(&lab, &["images", "remove", image, "--plan", file]).code, 0);
    lab.boto(&format!("ec2.deregister_image(ImageId='{image}')"));
    let listed = fleet.hga(&lab, &["purge-ec2-resources", "--yes"]);
    assert!(listed.code == 106 && listed.err.contains("whose that was is not known"), "{listed:?}");
    let ran = fleet.hga(&lab, &["images", "remove", "--apply", file, "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(lab.aws(&["ec2", "describe-snapshots", "--owner-ids", "self", "--query", "Snapshots"]), json!([]));
}

#[test]
fn a_profile_used_in_another_region_stays() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.boto(
        r#"
iam.create_instance_profile(InstanceProfileName="hg-ephemeral-ec2-1")
run(1, client("ec2", "eu-west-1"), IamInstanceProfile={"Name": "hg-ephemeral-ec2-1"}, TagSpecifications=[tags("instance", Name="web")])
"#,
    );
    let purged = fleet.hga(&lab, &["purge-ec2-resources", "--yes"]);
    assert_eq!(purged.code, 104, "{purged:?}");
    assert!(purged.err.contains("uses it and stays"), "{purged:?}");
    let left = lab.aws(&["iam", "list-instance-profiles", "--query", "length(InstanceProfiles)"]);
    assert_eq!(left, 1);
}

/// What Mercurial's own automation leaves when it is killed, made by its own code.
#[test]
fn what_the_predecessor_leaves_is_purged_whole() {
    let lab = Lab::start(&["--iam-policies"]);
    let fleet = Fleet::new();
    let folder = tempfile::tempdir().unwrap();
    let source = hg::real_hg().source;
    let state = folder.path().to_str().unwrap();
    let made = lab.python("predecessor.py", &[source.to_str().unwrap(), "state", "--state-path", state]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["error"], json!(null), "{made}");
    assert_eq!(made["instances"].as_array().unwrap().len(), 3, "{made}");
    let plan = fleet.hga(&lab, &["purge-ec2-resources", "--dry-run", "--json"]);
    let text = plan.out.clone();
    for part in
        ["hg-automation", "hg-linux-dev-1", "hg-windows-dev-1", "hg-linux-dev-debian10", "hg-ephemeral-ec2-role-1"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let purged = fleet.hga(&lab, &["purge-ec2-resources", "--yes", "--wait"]);
    assert_eq!(purged.code, 0, "{purged:?}");
    assert!(states(&lab, WEST).iter().all(|(_, state)| state == "terminated"));
    let query = |words: &[&str]| lab.aws(words);
    assert_eq!(query(&["ec2", "describe-images", "--owners", "self", "--query", "Images"]), json!([]));
    assert_eq!(query(&["ec2", "describe-snapshots", "--owner-ids", "self", "--query", "Snapshots"]), json!([]));
    assert_eq!(query(&["ec2", "describe-volumes", "--query", "Volumes"]), json!([]));
    assert_eq!(query(&["ec2", "describe-key-pairs", "--query", "KeyPairs"]), json!([]));
    let groups = query(&["ec2", "describe-security-groups", "--query", "SecurityGroups[].GroupName"]);
    assert_eq!(groups, json!(["default"]));
    assert_eq!(query(&["iam", "list-roles", "--query", "Roles"]), json!([]));
    assert_eq!(query(&["iam", "list-instance-profiles", "--query", "InstanceProfiles"]), json!([]));
    assert_eq!(fleet.hga(&lab, &["purge-ec2-resources", "--yes"]).code, 106);
}

/// One row of the fault table: strays in two regions, something goes wrong, and what is to be seen of it.
struct Row {
    what: &'static str,
    faults: Value,
    args: &'static [&'static str],
    /// The exit status, and a word that has to be said.
    code: i32,
    says: &'static str,
    /// Whether all of ours has ended in the first region, and in the second.
    ended: (bool, bool),
}

#[test]
fn whatever_goes_wrong_nothing_foreign_is_touched_and_nothing_silently_left() {
    let both: &[&str] = &["--aws-region", "us-west-2,eu-west-1", "terminate-ec2-instances", "--yes"];
    let lab = Lab::start(&["--page", "100", "--end", "0.1", "--boot", "0", "--stop", "0"]);
    let table = [
        Row {
            what: "throttling at 30 % of calls",
            faults: json!([{"kind": "throttle", "rate": 0.3, "seed": 7}]),
            args: both,
            code: 0,
            says: "",
            ended: (true, true),
        },
        Row {
            what: "the response of terminate is lost",
            faults: json!([{"kind": "lost", "action": "TerminateInstances", "times": 1}]),
            args: both,
            code: 0,
            says: "",
            ended: (true, true),
        },
        Row {
            what: "a region is down",
            faults: json!([{"kind": "down", "region": "eu-west-1"}]),
            args: both,
            code: 104,
            says: "not looked at: aws eu-west-1",
            ended: (true, false),
        },
        Row {
            what: "credentials expire in the middle",
            faults: json!([{"kind": "expired", "after": 4}]),
            args: both,
            code: 104,
            says: "RequestExpired",
            ended: (false, false),
        },
        Row {
            what: "terminate is not allowed",
            faults: json!([{"kind": "denied", "actions": ["TerminateInstances"]}]),
            args: both,
            code: 104,
            says: "UnauthorizedOperation",
            ended: (false, false),
        },
        Row {
            what: "credentials have expired before",
            faults: json!([{"kind": "expired", "after": 0}]),
            args: both,
            code: 104,
            says: "AWS_ACCESS_KEY_ID",
            ended: (false, false),
        },
    ];
    for row in table {
        let fleet = Fleet::new();
        lab.reset();
        let (west, west_theirs) = strays(&lab, WEST, 3);
        let (eu, eu_theirs) = strays(&lab, EU, 3);
        lab.faults(&row.faults);
        let start = Instant::now();
        let ran = fleet.hga(&lab, row.args);
        lab.faults(&json!([]));
        println!("{}: exit {} in {:.1?}", row.what, ran.code, start.elapsed());
        assert_eq!(ran.code, row.code, "{}: {ran:?}", row.what);
        assert!(ran.err.contains(row.says) || ran.out.contains(row.says), "{}: {ran:?}", row.what);
        for (region, ours, theirs, all) in
            [(WEST, &west, &west_theirs, row.ended.0), (EU, &eu, &eu_theirs, row.ended.1)]
        {
            let none = BTreeSet::new();
            let everything = ours | theirs;
            let expected = if all { (ours, theirs) } else { (&none, &everything) };
            ended_exactly(&lab, region, expected.0, expected.1);
        }
        assert_no_secrets(&fleet, &ran);
        // what was left is found again
        let again = fleet.hga(&lab, both);
        assert!(matches!(again.code, 0 | 106), "{}: {again:?}", row.what);
        ended_exactly(&lab, WEST, &west, &west_theirs);
        ended_exactly(&lab, EU, &eu, &eu_theirs);
    }
}

/// Waits until an action was called so often.
#[track_caller]
fn wait_for(lab: &Lab, action: &str, times: usize) {
    let start = Instant::now();
    while lab.actions().iter().filter(|called| *called == action).count() < times {
        assert!(start.elapsed() < Duration::from_secs(120), "not called {times} times: {action}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_group_in_use_is_waited_for_or_named() {
    let lab = Lab::start(&["--end", "600"]);
    let fleet = Fleet::new();
    let make = r#"
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
group = ec2.create_security_group(GroupName="hg-linux-dev-1", Description="x", VpcId=vpc)["GroupId"]
run(1, SecurityGroupIds=[group])
"#;
    lab.boto(make);
    // the machine is gone only when the group has been asked for in vain
    let purge = || {
        let mut purge = fleet.command(&lab, &["purge-ec2-resources", "--yes"]);
        let purge = purge.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&lab, "DeleteSecurityGroup", 1);
        lab.sooner(600);
        Ran::from(purge.wait_with_output().unwrap())
    };
    let purged = purge();
    assert_eq!(purged.code, 0, "{purged:?}");
    let deletes = lab.actions().iter().filter(|action| *action == "DeleteSecurityGroup").count();
    assert!(deletes > 1, "it was in use at first: {:?}", lab.actions());

    // in use for good, by something that cannot be seen
    lab.boto(make);
    lab.forget_calls();
    lab.faults(&json!([{"kind": "error", "action": "DeleteSecurityGroup", "code": "DependencyViolation",
                        "message": "resource sg-1 has a dependent object", "status": 400}]));
    let start = Instant::now();
    let purged = purge();
    assert_eq!(purged.code, 104, "{purged:?}");
    assert!(purged.err.contains("DependencyViolation"), "{purged:?}");
    assert!(start.elapsed() < Duration::from_secs(120), "it is given up in the end");
}

#[test]
fn a_saved_plan_is_carried_out_exactly_and_what_changed_is_refused() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let made = lab.boto("done(run(8, TagSpecifications=[tags('instance', Name='hg-x')]))");
    let id = |n: usize| made[n].as_str().unwrap().to_owned();
    let file = fleet.path("plan.json");
    let file = file.to_str().unwrap();
    let saved = fleet.hga(&lab, &["terminate-ec2-instances", "--plan", file]);
    assert_eq!(saved.code, 0, "{saved:?}");
    let text = std::fs::read_to_string(file).unwrap();
    let made_at = serde_json::from_str::<Value>(&text).unwrap()["made"].as_str().unwrap().to_owned();
    std::fs::write(file, text.replace(&made_at, "2026-01-01T00:00:00Z")).unwrap();
    // long after, half of it has changed, and more has come
    lab.boto(&format!(
        r#"
ids = {made}
ec2.terminate_instances(InstanceIds=[ids[0]])
ec2.stop_instances(InstanceIds=[ids[1]])
ec2.create_tags(Resources=[ids[2]], Tags=[{{"Key": "Name", "Value": "db-prod"}}])
ec2.create_tags(Resources=[ids[3]], Tags=[{{"Key": "hg-keep-until", "Value": "2999-01-01"}}])
run(1, TagSpecifications=[tags("instance", Name="hg-new")])
"#
    ));
    let other = fleet.hga(&lab, &["purge-ec2-resources", "--apply", file]);
    assert_eq!(other.code, 2, "a plan of another verb: {other:?}");
    let unasked = fleet.hga(&lab, &["terminate-ec2-instances", "--apply", file]);
    assert_eq!(unasked.code, 2, "nobody was there to confirm: {unasked:?}");
    let applied = fleet.hga(&lab, &["terminate-ec2-instances", "--apply", file, "--yes"]);
    assert_eq!(applied.code, 104, "{applied:?}");
    for part in [
        format!("{} `hg-x`: left alone: it was running, now stopped", id(1)),
        "now `db-prod`".into(),
        "hg-keep-until".into(),
        "1 thing gone already".into(),
    ] {
        assert!(applied.err.contains(&part), "{part}: {applied:?}");
    }
    let ended: BTreeSet<String> =
        states(&lab, WEST).into_iter().filter(|(_, state)| state == "terminated").map(|(id, _)| id).collect();
    assert_eq!(ended, [0, 4, 5, 6, 7].map(id).into());
    let again = fleet.hga(&lab, &["terminate-ec2-instances", "--apply", file, "--yes"]);
    assert_eq!(again.code, 104, "what was refused is still there: {again:?}");

    // with another account's credentials all of it would look as if it had gone
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, text.replace("123456789012", "999999999999")).unwrap();
    let ran = fleet.hga(&lab, &["terminate-ec2-instances", "--apply", file, "--yes"]);
    assert!(ran.code == 2 && ran.err.contains("999999999999"), "{ran:?}");
    lab.reset();
    let ran = fleet.hga(&lab, &["terminate-ec2-instances", "--apply", file, "--yes"]);
    assert!(ran.code == 2 && ran.err.contains("999999999999"), "where nothing is to be seen: {ran:?}");

    for (text, why) in [("", "no plan"), ("{}", "no `hga-plan`"), ("{\"hga-plan\": 9}", "version 9")] {
        std::fs::write(file, text).unwrap();
        let ran = fleet.hga(&lab, &["terminate-ec2-instances", "--apply", file, "--yes"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
    }
}

#[test]
fn killed_in_the_middle_and_applied_again_the_rest_goes() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.boto(
        r#"
run(3, TagSpecifications=[tags("instance", Name="hg-x")])
run(1, TagSpecifications=[tags("instance", Name="web")])
for n in range(30):
    ec2.create_volume(AvailabilityZone="us-west-2a", Size=1, TagSpecifications=[tags("volume", Name=f"hg-{n}")])
ec2.create_volume(AvailabilityZone="us-west-2a", Size=1, TagSpecifications=[tags("volume", Name="data")])
"#,
    );
    let file = fleet.path("plan.json");
    let file = file.to_str().unwrap();
    assert_eq!(fleet.hga(&lab, &["purge-ec2-resources", "--plan", file]).code, 0);
    // the later ones are never answered, however late it is killed
    lab.faults(&json!([{"kind": "hang", "action": "DeleteVolume", "after": 8}]));
    let mut child = fleet.begin(&lab, &["purge-ec2-resources", "--apply", file, "--yes"]);
    wait_for(&lab, "DeleteVolume", 9);
    child.kill().unwrap();
    child.wait().unwrap();
    lab.faults(&json!([]));
    let named = || lab.aws(&["ec2", "describe-volumes", "--query", "Volumes[?Tags].Tags[0].Value"]);
    let left = named().as_array().unwrap().len();
    assert!((2..31).contains(&left), "it was killed in the middle: {left}");
    let again = fleet.hga(&lab, &["purge-ec2-resources", "--apply", file, "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(named(), json!(["data"]));
    assert_eq!(states(&lab, WEST).iter().filter(|(_, state)| state != "terminated").count(), 1);
    // the killed job is still there to be taken up, and finds nothing to do
    let jobs = fleet.hga(&lab, &["jobs", "list", "--json"]);
    let killed = jobs.json().into_iter().find(|job| job["state"] != "ended").unwrap();
    let attached = fleet.hga(&lab, &["jobs", "attach", killed["id"].as_str().unwrap()]);
    assert_eq!(attached.code, 106, "{attached:?}");
}

/// A removal that is broken off stops there, and says what it had not seen to go.
#[test]
fn control_c_stops_a_purge_and_names_the_rest() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.boto(
        r#"
for n in range(30):
    ec2.create_volume(AvailabilityZone="us-west-2a", Size=1, TagSpecifications=[tags("volume", Name=f"hg-{n}")])
ec2.create_key_pair(KeyName="hg-automation")
"#,
    );
    for (presses, code) in [(1, 104), (2, 104)] {
        lab.faults(&json!([{"kind": "slow", "action": "DeleteVolume", "seconds": 0.5}]));
        lab.forget_calls();
        let child = fleet
            .command(&lab, &["purge-ec2-resources", "--yes"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&lab, "DeleteVolume", 1);
        let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        for _ in 0..presses {
            nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
        let ran: Ran = child.wait_with_output().unwrap().into();
        lab.faults(&json!([]));
        assert_eq!(ran.code, code, "{presses} presses: {ran:?}");
        let key = lab.aws(&["ec2", "describe-key-pairs", "--query", "KeyPairs[0].KeyPairId"]);
        let key = key.as_str().unwrap();
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(&format!("key pair {key}")), "what was not begun is named: {ran:?}");
    }
    let rest = fleet.hga(&lab, &["purge-ec2-resources", "--yes"]);
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!(lab.aws(&["ec2", "describe-volumes", "--query", "Volumes"]), json!([]));
}

#[test]
fn a_protected_machine_keeps_none_of_the_others() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let protected = lab.boto(
        r#"
run(9, TagSpecifications=[tags("instance", Name="hg-x")])
done(run(1, DisableApiTermination=True, TagSpecifications=[tags("instance", Name="hg-safe")]))
"#,
    );
    let id = protected[0].as_str().unwrap();
    let ran = fleet.hga(&lab, &["terminate-ec2-instances", "--yes"]);
    assert_eq!(ran.code, 104, "{ran:?}");
    assert!(ran.err.contains(id) && ran.err.contains("--no-disable-api-termination"), "{ran:?}");
    let alive: Vec<_> = states(&lab, WEST).into_iter().filter(|(_, state)| state != "terminated").collect();
    assert_eq!(alive.iter().map(|(alive, _)| alive.as_str()).collect::<Vec<_>>(), [id]);
}

#[test]
fn images_go_with_their_snapshots_and_every_page_is_read() {
    let lab = Lab::start(&["--page", "3", "--boot", "0", "--end", "0", "--stop", "0"]);
    let fleet = Fleet::new();
    lab.boto(
        r#"
machine = run(1, TagSpecifications=[tags("instance", Name="web")])[0]
for n in range(10):
    ec2.create_image(InstanceId=machine, Name=f"hg-linux-dev-{n}")
ec2.create_image(InstanceId=machine, Name="web")
"#,
    );
    let listed = fleet.hga(&lab, &["images", "list", "--json"]);
    assert_eq!(listed.json().len(), 10, "{listed:?}");
    assert_eq!(fleet.hga(&lab, &["images", "list", "--json", "--all"]).json().len(), 11);
    let unknown = fleet.hga(&lab, &["images", "remove", "hg-linux-dev-99", "--yes"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    let removed = fleet.hga(&lab, &["images", "remove", "hg-linux-dev-3", "hg-linux-dev-4", "--yes"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let left = |words: &[&str]| lab.aws(words).as_array().unwrap().len();
    assert_eq!(left(&["ec2", "describe-images", "--owners", "self", "--query", "Images[]"]), 9);
    assert_eq!(left(&["ec2", "describe-snapshots", "--owner-ids", "self", "--query", "Snapshots[]"]), 9);
    let foreign = fleet.hga(&lab, &["images", "remove", "web", "--yes"]);
    assert_eq!(foreign.code, 106, "{foreign:?}");
    assert_eq!(left(&["ec2", "describe-images", "--owners", "self", "--query", "Images[]"]), 9);
}

#[test]
fn without_an_account_nothing_is_asked_and_it_says_how_to_add_one() {
    let fleet = Fleet::new();
    let bare = |args: &[&str]| -> Ran {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hga"));
        let home = fleet.folder.path();
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.arg("--state-path").arg(home).args(args).output().unwrap().into()
    };
    let listed = bare(&["machines", "list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.err.contains("aws configure"), "{listed:?}");
    let swept = bare(&["terminate-ec2-instances", "--yes"]);
    assert_eq!(swept.code, 2, "{swept:?}");
    assert!(swept.err.contains("aws configure sso"), "{swept:?}");
}

/// Searches everything that a state directory holds, and what was said, for secrets.
#[track_caller]
fn assert_no_secrets(fleet: &Fleet, ran: &Ran) {
    let mut places = vec![
        ("stdout".to_owned(), ran.out.clone().into_bytes()),
        ("stderr".to_owned(), ran.err.clone().into_bytes()),
    ];
    let mut folders = vec![fleet.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                // where keys are kept
                if path.file_name().unwrap() != "keys" {
                    folders.push(path);
                }
            } else if path.is_file() {
                places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    let key = std::fs::read_to_string(fleet.path("keys/keypair-automation")).unwrap();
    let middle = key.lines().nth(5).unwrap().to_owned();
    let secrets = [lab::SECRET, "AKIAIOSFODNN7EXAMPLE", &middle, "PRIVATE KEY"];
    assert!(
        places.iter().any(|(name, _)| name.contains("logs/")) && places.len() > 4,
        "there is something to search"
    );
    for (name, bytes) in places {
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            assert!(!text.contains(secret), "{name} holds `{secret}`");
        }
    }
}
