//! An AWS for tests: the lab of `tests/lab` as a child process, with the real AWS CLI and boto3 to make and see things in
//! it. The virtual environment is made once below the target folder; where PyPI cannot be reached the tests that need
//! it fail, with pip's own words.

#![allow(dead_code, reason = "each test file uses its part")]

use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Where things are made unless a test says otherwise.
pub(crate) const REGION: &str = "us-west-2";
/// The lab's Debian 12 image, in every region; see `amis.json` for others.
pub(crate) const DEBIAN: &str = "ami-0deb00000000012a0";
/// Its Windows Server 2022.
pub(crate) const WINDOWS: &str = "ami-0e100000000020220";
/// The secret of the access key that clients use.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// Everything happens at once.
pub(crate) const AT_ONCE: &[&str] = &["--boot", "0", "--end", "0", "--stop", "0"];

const REQUIREMENTS: [(&str, &str); 2] = [
    ("requirements.txt", include_str!("../lab/requirements.txt")),
    ("predecessor-requirements.txt", include_str!("../lab/predecessor-requirements.txt")),
];
/// What of the caller's environment would lead clients elsewhere.
const UNWANTED: &[&str] = &["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_EC2"];
/// What a snippet of [`Lab::boto`] finds.
const PRELUDE: &str = r#"
import json, boto3
REGION, DEBIAN, WINDOWS = "us-west-2", "ami-0deb00000000012a0", "ami-0e100000000020220"
def client(service, region=REGION): return boto3.client(service, region_name=region)
def done(value): print(json.dumps(value, default=str))
def tags(kind, **pairs):
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}
def run(count=1, of=None, **more):
    asked = {"ImageId": DEBIAN, "InstanceType": "t3.medium", "MinCount": count, "MaxCount": count, **more}
    return [each["InstanceId"] for each in (of or ec2).run_instances(**asked)["Instances"]]
ec2, iam, sts = client("ec2"), client("iam"), client("sts")
"#;

/// A running lab; it ends with this.
pub(crate) struct Lab {
    child: Child,
    endpoint: String,
}

impl Lab {
    /// The virtual environment with moto, boto3 and the AWS CLI; made when missing, by one process while others wait.
    pub(crate) fn venv() -> PathBuf {
        let mut hash = DefaultHasher::new();
        REQUIREMENTS.hash(&mut hash);
        let cache = temporary().join(format!("lab-{:016x}", hash.finish()));
        std::fs::create_dir_all(&cache).unwrap();
        let lock = std::fs::File::create(cache.join("lock")).unwrap();
        lock.lock().unwrap();
        let venv = cache.join("venv");
        let done = cache.join("done");
        if !done.exists() {
            let install = "set -e; rm -rf venv; python3 -m venv venv; \
                 venv/bin/pip install -q --disable-pip-version-check -r \"$1\" -r \"$2\"";
            let made = Command::new("sh")
                .args(["-c", install, "sh"])
                .args(REQUIREMENTS.map(|(name, _)| folder().join(name)))
                .current_dir(&cache)
                .output()
                .unwrap();
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(
                made.status.success(),
                "the lab needs python3 (3.11 or newer, with venv) and PyPI: {}{}",
                said(&made.stdout),
                said(&made.stderr)
            );
            std::fs::write(&done, "").unwrap();
        }
        venv
    }

    /// Starts a lab; `flags` are those of `server.py`.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    /// The same with something in its environment.
    pub(crate) fn start_with(flags: &[&str], env: &[(&str, String)]) -> Self {
        let mut child = Command::new(Self::venv().join("bin/python"))
            .envs(env.iter().map(|(name, value)| (name, value)))
            .arg("-B")
            .arg(folder().join("server.py"))
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|why| {
            let _ = child.kill();
            panic!("the lab does not start ({why}), it said: {line}")
        });
        Self { child, endpoint: ready["endpoint"].as_str().unwrap().to_owned() }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What leads a client to the lab and nowhere else.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_PAGER", ""),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// Leads a command to the lab, whatever the caller's environment says of AWS.
    pub(crate) fn lead<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in UNWANTED {
            command.env_remove(name);
        }
        command.envs(self.env())
    }

    /// What the real AWS CLI answers.
    #[track_caller]
    pub(crate) fn aws(&self, args: &[&str]) -> Value {
        self.aws_in(REGION, args)
    }

    /// The same in another region.
    #[track_caller]
    pub(crate) fn aws_in(&self, region: &str, args: &[&str]) -> Value {
        let mut command = Command::new(Self::venv().join("bin/aws"));
        self.lead(&mut command).args(["--region", region, "--output", "json"]).args(args);
        json_of(&command.output().unwrap(), &format!("aws {}", args.join(" ")))
    }

    /// Runs a script of `tests/lab`, or of anywhere by a whole path, with the lab in its environment.
    pub(crate) fn python(&self, script: impl AsRef<Path>, args: &[&str]) -> Output {
        let mut command = Command::new(Self::venv().join("bin/python"));
        self.lead(&mut command).arg("-B").arg(folder().join(script)).args(args).output().unwrap()
    }

    /// Runs a Python snippet and gives the JSON it prints, if any. It finds `ec2`, `iam` and `sts`, which are boto3's
    /// clients, `client(service, region)`, `run(count, of=client, **more)` which launches and gives ids,
    /// `tags(kind, Key="value")`, `DEBIAN`, `WINDOWS`, and `done(value)` which prints.
    #[track_caller]
    pub(crate) fn boto(&self, snippet: &str) -> Value {
        let mut command = Command::new(Self::venv().join("bin/python"));
        self.lead(&mut command).arg("-c").arg(format!("{PRELUDE}{snippet}"));
        json_of(&command.output().unwrap(), snippet)
    }

    /// Puts these faults in the place of those before; see `tests/lab/faults.py`.
    #[track_caller]
    pub(crate) fn faults(&self, faults: &Value) {
        self.post("faults", faults);
    }

    /// All AWS calls so far: `n`, `at`, `service`, `region`, `action`, `status`, `params`.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let Value::Array(calls) = self.ask("GET", "calls", "") else { panic!("no list of calls") };
        calls
    }

    /// Actions that were called so far, in their order.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.calls().iter().map(|call| call["action"].as_str().unwrap().to_owned()).collect()
    }

    /// Every machine, with `--machines`: `id`, `address`, `state`, `root` (its file system, as long as it runs).
    pub(crate) fn machines(&self) -> Vec<Value> {
        let Value::Array(machines) = self.ask("GET", "machines", "") else { panic!("no list of machines") };
        machines
    }

    /// Forgets the calls so far.
    pub(crate) fn forget_calls(&self) {
        self.post("calls/clear", &Value::Null);
    }

    /// Does something to a machine, or with `*` to all of them; see `front.py`.
    #[track_caller]
    pub(crate) fn machine_fault(&self, id: &str, what: &str) {
        self.post("machines", &serde_json::json!({ "id": id, "do": what }));
    }

    /// Says where there is no capacity; see `capacity.py`.
    #[track_caller]
    pub(crate) fn no_capacity(&self, places: &Value) {
        self.post("capacity", places);
    }

    /// Changes prices of the list, in the place of earlier changes; see `front.py`.
    #[track_caller]
    pub(crate) fn prices(&self, changes: &Value) {
        self.post("prices", changes);
    }

    /// Nothing exists, nothing fails, nothing was called.
    pub(crate) fn reset(&self) {
        self.post("reset", &Value::Null);
    }

    /// Lets everything be so many seconds older, and what waits come so much sooner.
    pub(crate) fn later(&self, seconds: u32) {
        self.post("later", &serde_json::json!({ "seconds": seconds }));
    }

    /// Lets what waits come so many seconds sooner; for who moves the lab's clock.
    pub(crate) fn sooner(&self, seconds: i64) {
        self.post("sooner", &serde_json::json!({ "seconds": seconds }));
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) {
        let answer = self.ask("POST", path, &body.to_string());
        assert_eq!(answer["ok"], true, "{path}: {answer}");
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(stream, "{method} /lab/{path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Cargo's folder for tests' files; examples are not told of it, so that they take it from where they lie.
fn temporary() -> PathBuf {
    option_env!("CARGO_TARGET_TMPDIR")
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("tmp"), PathBuf::from)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab")
}

#[track_caller]
fn json_of(output: &Output, what: &str) -> Value {
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what}\n{out}{}", String::from_utf8_lossy(&output.stderr));
    if out.trim().is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&out).unwrap_or_else(|why| panic!("{what}\n{why}: {out}"))
}
