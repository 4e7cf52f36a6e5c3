//! How long it takes to list a thousand machines, beside `aws ec2 describe-instances`, and to plan and end a hundred, beside
//! the predecessor's own `terminate-ec2-instances`, against the same lab in one run. Prints medians and ratios (goals: at
//! most 0.3 and 0.15 of theirs).
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench's output is its result")]

#[path = "../tests/support/hg.rs"]
mod hg;
#[path = "../tests/support/lab.rs"]
mod lab;

use lab::{AT_ONCE, Lab};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// The same question without a client that understands the answer.
const BARE: &str = r#"
import os, time, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import get_session
asked = AWSRequest("POST", os.environ["AWS_ENDPOINT_URL"], data="Action=DescribeInstances&Version=2016-11-15&MaxResults=1000",
                   headers={"Content-Type": "application/x-www-form-urlencoded"})
SigV4Auth(get_session().get_credentials(), "ec2", REGION).add_auth(asked)
asked = asked.prepare()
began = time.time()
urllib.request.urlopen(urllib.request.Request(asked.url, asked.body.encode() if isinstance(asked.body, str) else asked.body, dict(asked.headers))).read()
done(time.time() - began)
"#;

fn took(command: &mut Command) -> Duration {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    let took = started.elapsed();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stdout));
    took
}

fn median(mut all: Vec<Duration>) -> f64 {
    all.sort();
    all[all.len() / 2].as_secs_f64()
}

fn hga(lab: &Lab, state: &Path, words: &[&str]) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
    took(lab.lead(&mut command).arg("--state-path").arg(state).args(words))
}

fn list(lab: &Lab, state: &Path) {
    lab.boto("run(1000, TagSpecifications=[tags('instance', Name='hg-x')])");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(hga(lab, state, &["machines", "list", "--json"]));
        let mut aws = Command::new(Lab::venv().join("bin/aws"));
        theirs.push(took(lab.lead(&mut aws).args(["ec2", "describe-instances", "--output", "json"])));
    }
    // what the service itself takes, which neither can be quicker than
    let bare = lab.boto(BARE);
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "list 1,000 machines: hga {ours:.2} s, aws ec2 describe-instances {theirs:.2} s, ratio {:.2} (goal 0.3); \
         the lab alone answers in {:.2} s",
        ours / theirs,
        bare.as_f64().unwrap()
    );
}

fn end(lab: &Lab, state: &Path) {
    let source = hg::real_hg().source;
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        lab.reset();
        lab.boto("run(100, TagSpecifications=[tags('instance', Name='hg-x')])");
        ours.push(hga(lab, state, &["terminate-ec2-instances", "--yes", "--wait"]));
        lab.reset();
        lab.boto("run(100, TagSpecifications=[tags('instance', Name='hg-x')])");
        let started = Instant::now();
        let words = [source.to_str().unwrap(), "terminate", "--state-path", folder.path().to_str().unwrap()];
        assert!(lab.python("predecessor.py", &words).status.success());
        theirs.push(started.elapsed());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "plan and end 100 machines, until they are gone: hga {ours:.2} s, the predecessor {theirs:.2} s, ratio {:.2} (goal 0.15)",
        ours / theirs
    );
}

fn main() {
    let lab = Lab::start(AT_ONCE);
    let state = tempfile::tempdir().unwrap();
    list(&lab, state.path());
    end(&lab, state.path());
}
