//! The program against the lab: a state directory of its own, runs of the command line, strays of every sort.

#![allow(dead_code, reason = "each test file uses its part")]

use super::lab::Lab;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// Strays of every sort in one region: what they are called here, and their ids. `ours` ends with a sweep, `theirs` never.
pub(crate) const STRAYS: &str = r#"
def strays(of, page=0):
    ours, theirs = {}, {}
    key = of.create_key_pair(KeyName="hg-automation")["KeyPairId"]
    of.create_key_pair(KeyName="my-hg-automation")
    vpc = of.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = of.create_security_group(GroupName="hg-linux-dev-1", Description="x", VpcId=vpc)["GroupId"]
    web = of.create_security_group(GroupName="hg-web", Description="x", VpcId=vpc)["GroupId"]
    def one(into, what, **more):
        into[what] = run(1, of, **more)[0]
    def tagged(**pairs): return {"TagSpecifications": [tags("instance", **pairs)]}
    one(ours, "tagged", **tagged(Name="hg-temp-windows"))
    one(ours, "by key", KeyName="hg-automation")
    one(ours, "by group", SecurityGroupIds=[group])
    one(ours, "stopped", **tagged(Name="hg-stopped"))
    one(ours, "mine", TagSpecifications=[{"ResourceType": "instance", "Tags": [
        {"Key": "hg-owner", "Value": "anna"}, {"Key": "hg-job", "Value": "j-abc234"}]}])
    one(theirs, "no tag")
    one(theirs, "hgx", **tagged(Name="hgx-web"))
    one(theirs, "my-hg", **tagged(Name="my-hg-box"))
    one(theirs, "HG", **tagged(Name="HG-build"))
    one(theirs, "their key", KeyName="my-hg-automation")
    one(theirs, "their group", SecurityGroupIds=[web])
    one(theirs, "named", KeyName="hg-automation", **tagged(Name="db-prod"))
    keep = {"Key": "hg-keep-until", "Value": "2999-01-01"}
    one(theirs, "kept", TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "hg-kept"}, keep]}])
    one(theirs, "ben's", TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "hg-owner", "Value": "ben"}]}])
    for n, each in enumerate(run(page, of, **tagged(Name="hg-many")) if page else []):
        ours[f"many {n}"] = each
    import time; time.sleep(0.5)
    of.stop_instances(InstanceIds=[ours["stopped"]])
    return ours, theirs
"#;

/// A state directory, and the program in it.
pub(crate) struct Fleet {
    pub(crate) folder: tempfile::TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// Standard output as JSON, an object a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {self:?}")))
            .collect()
    }
}

impl Fleet {
    /// One whose owner is anna.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), "[aws]\nowner = \"anna\"\n").unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, led to the lab.
    pub(crate) fn command(&self, lab: &Lab, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
        lab.lead(&mut command).arg("--state-path").arg(self.folder.path()).args(args).stdin(Stdio::null());
        command
    }

    /// Runs it.
    pub(crate) fn hga(&self, lab: &Lab, args: &[&str]) -> Ran {
        self.command(lab, args).output().unwrap().into()
    }

    /// Starts it.
    pub(crate) fn begin(&self, lab: &Lab, args: &[&str]) -> Child {
        self.command(lab, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// The values of an object.
pub(crate) fn ids(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().values().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// The ids of a plan's items.
#[track_caller]
pub(crate) fn planned(ran: &Ran) -> BTreeSet<String> {
    let plan = &ran.json()[0];
    plan["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The machines of a region by state, as the AWS CLI sees them.
pub(crate) fn states(lab: &Lab, region: &str) -> Vec<(String, String)> {
    let query = "Reservations[].Instances[].[InstanceId,State.Name]";
    let rows = lab.aws_in(region, &["ec2", "describe-instances", "--query", query]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
}

/// Checks that these machines have ended, or are ending, and that those have not.
#[track_caller]
pub(crate) fn ended_exactly(lab: &Lab, region: &str, ours: &BTreeSet<String>, theirs: &BTreeSet<String>) {
    let states = states(lab, region);
    let ended: BTreeSet<String> = states
        .iter()
        .filter(|(_, state)| matches!(state.as_str(), "shutting-down" | "terminated"))
        .map(|(id, _)| id.clone())
        .collect();
    assert_eq!(&ended, ours, "{region}: what should have ended");
    let alive: BTreeSet<String> = states.into_iter().map(|(id, _)| id).filter(|id| !ended.contains(id)).collect();
    assert_eq!(&alive, theirs, "{region}: what should not have been touched");
}
