//! The program on EC2: a lab whose instances are real machines, a state directory led to it, an image that tests run on.
//! Needs root, as the lab's machines do.

#![allow(dead_code, reason = "each test file uses its part")]

use super::hg;
use super::lab::Lab;
use super::support::{Client, Ran, make_repo};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The name of the image that tests run on.
pub(crate) const IMAGE: &str = "hg-linux-dev-debian12-20260101-0000-000000";
/// Whose the launched things are.
pub(crate) const OWNER: &str = "anna";

/// Whether machines can be had here; otherwise says so, which CI does not let pass.
pub(crate) fn can_have_machines() -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    let why = "the lab's machines need root";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "not tested: {why}");
    eprintln!("NOT TESTED: {why}");
    false
}

/// A lab with machines, and the program led to it.
pub(crate) struct Cloud {
    pub(crate) lab: Lab,
    pub(crate) folder: tempfile::TempDir,
}

impl Cloud {
    /// Starts a lab and makes the image in it, of the given Mercurial and a repository of tests of our own.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let cloud = Self::bare(flags);
        make_repo(&hg::real_hg(), &cloud.repo());
        cloud.make_image();
        cloud
    }

    /// The same without the image and the repository.
    pub(crate) fn bare(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machines = folder.path().join("machines");
        fs::create_dir(&machines).unwrap();
        let lab = Lab::start(&[&["--machines", machines.to_str().unwrap()], flags].concat());
        let cloud = Self { lab, folder };
        fs::create_dir(cloud.state()).unwrap();
        cloud.configure("");
        cloud
    }

    /// Writes the configuration, with some lines more for `[aws]`.
    pub(crate) fn configure(&self, more: &str) {
        let (hg, endpoint) = (hg::real_hg().hg, self.lab.endpoint());
        let ready = if more.contains("ready_timeout") { "" } else { "ready_timeout = \"2m\"\n" };
        let config = format!(
            "hg = \"{}\"\n[defaults]\nlease = \"3m\"\n[aws]\nowner = \"{OWNER}\"\n\
             address_from = \"{endpoint}/lab/address\"\n{ready}{more}\n",
            hg.display()
        );
        fs::write(self.state().join("config.toml"), config).unwrap();
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The repository.
    pub(crate) fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// The program.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
        self.lab.lead(&mut command).args(args).env("HGA_STATE_PATH", self.state());
        command.env("HGRCPATH", "").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn hga(&self, args: &[&str]) -> Ran {
        Client::of(self.command(args)).wait()
    }

    /// Starts a run of tests. `flags` are ours, `tests` go to the runner.
    pub(crate) fn run(&self, flags: &[&str], tests: &[&str]) -> Client {
        let repo = self.repo();
        let mut args = vec!["run-tests-linux", "--provider", "aws", "--source", repo.to_str().unwrap(), "--json"];
        args.extend(["--python-version", "bootstrap"]);
        if !flags.contains(&"--image") {
            args.extend(["--image", IMAGE]);
        }
        args.extend(flags);
        args.extend(["--", "-j1", "--with-hg=/hgdev/venv-bootstrap/bin/hg"]);
        args.extend(tests);
        Client::of(self.command(&args))
    }

    fn make_image(&self) {
        let script = format!(
            "#!/bin/sh\nset -e\nuseradd --create-home --shell /bin/bash hg\nmkdir -p /hgdev\n\
             cat >/tmp/make.sh <<'MAKE'\n{}\nMAKE\n\
             HGDEV=/hgdev MERCURIAL=mercurial=={} sh /tmp/make.sh\nchown -R hg:hg /hgdev\ntouch /done\n",
            include_str!("../../assets/bootstrap/local.sh"),
            hg::VERSION,
        );
        let launched = self.lab.boto(&format!(
            "done(run(1, UserData={}, InstanceInitiatedShutdownBehavior='terminate')[0])",
            json!(script)
        ));
        let id = launched.as_str().unwrap();
        let since = Instant::now();
        while !self.root_of(id).is_some_and(|root| root.join("done").exists()) {
            if since.elapsed() > Duration::from_secs(300) {
                let console = self.lab.aws(&["ec2", "get-console-output", "--instance-id", id, "--query", "Output"]);
                panic!("no image: {console}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let made = self.lab.boto(&format!(
            "image = ec2.create_image(InstanceId='{id}', Name='{IMAGE}', TagSpecifications=[tags('image', Name='{IMAGE}')])\n\
             ec2.get_waiter('image_available').wait(ImageIds=[image['ImageId']])\n\
             ec2.create_tags(Resources=[image['ImageId']], Tags=[{{'Key': 'hg-owner', 'Value': '{OWNER}'}}])\n\
             ec2.terminate_instances(InstanceIds=['{id}'])\ndone(image['ImageId'])"
        ));
        assert!(made.as_str().unwrap().starts_with("ami-"));
    }

    /// The file system of a machine that runs.
    pub(crate) fn root_of(&self, id: &str) -> Option<PathBuf> {
        let machines = self.lab.machines();
        let machine = machines.iter().find(|machine| machine["id"] == id)?;
        machine["root"].as_str().map(PathBuf::from)
    }

    /// The instance that a job launched, once it is there.
    pub(crate) fn instance_of(&self, job: &str) -> String {
        let filter = format!("Name=tag:hg-job,Values={job}");
        let query = "Reservations[].Instances[].InstanceId";
        let found = self.lab.aws(&["ec2", "describe-instances", "--filters", &filter, "--query", query]);
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), 1, "{job}: {found:?}");
        found[0].as_str().unwrap().to_owned()
    }

    /// Opens the gate that `test-wait.t` waits at.
    pub(crate) fn open_gate(&self, job: &str) {
        let root = self.root_of(&self.instance_of(job)).unwrap();
        fs::write(root.join("hgwork/src/tests/gate"), "").unwrap();
    }

    /// The same where AWS refuses all questions: the machine is known by its folder.
    pub(crate) fn open_gate_of(job: &str, machines: &[Value]) {
        let roots = machines.iter().filter_map(|machine| machine["root"].as_str()).map(PathBuf::from);
        let mut own = roots.filter(|root| root.join(format!("hgwork/spool/{job}-test")).exists());
        fs::write(own.next().unwrap().join("hgwork/src/tests/gate"), "").unwrap();
    }

    /// What a machine holds of a job's output.
    pub(crate) fn spool(&self, job: &str) -> Vec<u8> {
        let root = self.root_of(&self.instance_of(job)).unwrap();
        fs::read(root.join(format!("hgwork/spool/{job}-test/output"))).unwrap()
    }

    /// What the client's side holds of a job's output.
    pub(crate) fn output(&self, job: &str) -> Vec<u8> {
        fs::read(self.state().join("jobs").join(job).join("output")).unwrap()
    }

    /// The machines that still cost something, as the AWS CLI sees them: id and job.
    pub(crate) fn alive(&self) -> Vec<(String, String)> {
        let query = "Reservations[].Instances[?State.Name!='terminated' && State.Name!='shutting-down'][].\
                     [InstanceId, Tags[?Key=='hg-job'].Value | [0]]";
        let found = self.lab.aws(&["ec2", "describe-instances", "--query", query]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        found.as_array().unwrap().iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
    }

    /// Everything else that may be left, as the AWS CLI sees it: names of images, ids of volumes and interfaces, names of
    /// groups and key pairs, roles and profiles.
    pub(crate) fn left(&self) -> Value {
        let ask = |args: &[&str]| self.lab.aws(args);
        json!({
            "images": ask(&["ec2", "describe-images", "--owners", "self", "--query", "Images[].Name"]),
            "volumes": ask(&["ec2", "describe-volumes", "--query", "Volumes[].VolumeId"]),
            "interfaces": ask(&["ec2", "describe-network-interfaces", "--query", "NetworkInterfaces[].NetworkInterfaceId"]),
            "groups": ask(&["ec2", "describe-security-groups", "--query", "SecurityGroups[].GroupName"]),
            "pairs": ask(&["ec2", "describe-key-pairs", "--query", "KeyPairs[].KeyName"]),
            "roles": ask(&["iam", "list-roles", "--query", "Roles[].RoleName"]),
            "profiles": ask(&["iam", "list-instance-profiles", "--query", "InstanceProfiles[].InstanceProfileName"]),
        })
    }

    /// Does something to a machine of the lab, or with `*` to all; see `tests/lab/front.py`.
    pub(crate) fn machine_fault(&self, id: &str, what: &str) {
        self.lab.machine_fault(id, what);
    }

    /// Everything that the program has written anywhere: files below the state directory, and what it said.
    pub(crate) fn written(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if entry.file_type().unwrap().is_dir() {
                    walk(&path, into);
                } else if let Ok(bytes) = fs::read(&path) {
                    into.push((path, bytes));
                }
            }
        }
        let mut all = Vec::new();
        walk(&self.state(), &mut all);
        all
    }
}
