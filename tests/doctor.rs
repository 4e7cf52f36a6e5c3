//! `hga doctor` as a person calls it: without an account, with nobody at the other end, with somebody who never answers, and
//! with somebody who refuses. It always comes back, and says each trouble once.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// `hga` in an environment that knows nothing but these variables.
fn hga(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    command.args(args).output().unwrap()
}

fn points(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn find<'a>(points: &'a [Value], what: &str) -> &'a Value {
    let found = points.iter().find(|point| point["what"].as_str().unwrap().contains(what));
    found.unwrap_or_else(|| panic!("no point `{what}` in {points:#?}"))
}

#[test]
fn without_an_account_nothing_is_missing_and_the_order_is_that_of_what_needs_what() {
    let home = tempfile::tempdir().unwrap();
    let output = hga(home.path(), &["doctor", "--json"], &[("LANG", "C.UTF-8")]);
    let points = points(&output);
    let order: Vec<usize> =
        ["state directory", "free space", "Mercurial", "Python 3", "terminal", "locale", "config", "SSH key"]
            .iter()
            .map(|what| points.iter().position(|point| point["what"].as_str().unwrap().contains(what)).unwrap())
            .collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(find(&points, "state directory")["outcome"], "ok");
    assert_eq!(find(&points, "SSH key")["outcome"], "ok");
    if cfg!(feature = "aws") {
        let point = find(&points, "AWS is set up");
        assert_eq!(point["outcome"], "warning");
        assert!(point["hint"].as_str().unwrap().contains("`aws configure`"));
    } else {
        assert_eq!(find(&points, "AWS is looked at")["outcome"], "ok");
    }
    let missing = points.iter().any(|point| point["outcome"] == "missing");
    assert_eq!(output.status.code(), Some(if missing { 100 } else { 0 }), "{points:#?}");
}

#[test]
fn the_policy_needs_nothing_and_touches_nothing() {
    let home = tempfile::tempdir().unwrap();
    let output = hga(home.path(), &["doctor", "--iam"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let line = hga(home.path(), &["doctor", "--iam", "--json"], &[]);
    assert_eq!(points(&line), [policy]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "it made something");
}

#[cfg(feature = "aws")]
mod aws {
    use super::{find, hga, points};
    use serde_json::Value;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::process::Output;
    use std::time::{Duration, Instant};

    const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn doctor(endpoint: &str) -> Output {
        let home = tempfile::tempdir().unwrap();
        let variables =
            [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_ENDPOINT_URL", endpoint)];
        let output = hga(home.path(), &["doctor", "--json"], &variables);
        let all = String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8_lossy(&output.stderr);
        assert!(!all.contains(KEY) && !all.contains(SECRET), "{all}");
        output
    }

    /// Whoever answers at this address, in a thread of its own for each connection.
    fn serve(answer: fn(TcpStream)) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                std::thread::spawn(move || answer(stream));
            }
        });
        format!("http://{address}")
    }

    /// Refuses every call, and repeats the key in its answer, at a time of its own.
    fn refuse(stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let told = format!("<Error><Code>SignatureDoesNotMatch</Code><Message>of {KEY}</Message></Error>");
        let whole = if String::from_utf8_lossy(&body).contains("Version=2016-11-15") {
            format!("<Response><Errors>{told}</Errors></Response>")
        } else {
            format!("<ErrorResponse>{told}</ErrorResponse>")
        };
        let head = "HTTP/1.1 403 Forbidden\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: close\r\n";
        let answer = format!("{head}Content-Length: {}\r\n\r\n{whole}", whole.len());
        reader.into_inner().write_all(answer.as_bytes()).unwrap();
    }

    /// The credentials are missing, all that follows from it is told in one point.
    fn told_once(points: &[Value]) {
        let credentials = points.iter().position(|point| point["what"] == "the AWS credentials work").unwrap();
        assert_eq!(points[credentials]["outcome"], "missing");
        assert_eq!(points.len(), credentials + 3, "{points:#?}");
        assert_eq!(points[credentials + 2]["outcome"], "unknown");
    }

    #[test]
    fn nobody_at_the_other_end_is_told_once() {
        // taken, so that nobody else can listen there either
        let deaf = tokio::net::TcpSocket::new_v4().unwrap();
        deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let output = doctor(&format!("http://{}", deaf.local_addr().unwrap()));
        let points = points(&output);
        assert_eq!(output.status.code(), Some(100));
        told_once(&points);
        let point = find(&points, "credentials");
        assert!(point["hint"].as_str().unwrap().contains("`unset AWS_ENDPOINT_URL`"), "{point}");
        assert_eq!(find(&points, "clock")["outcome"], "unknown");
    }

    #[test]
    fn somebody_who_never_answers_is_waited_for_ten_seconds() {
        let endpoint = serve(|mut stream| {
            let mut all = Vec::new();
            drop(stream.read_to_end(&mut all));
        });
        // what the rest of it takes here, on a busy computer too
        let began = Instant::now();
        doctor(&serve(refuse));
        let rest = began.elapsed();
        let began = Instant::now();
        let output = doctor(&endpoint);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(20) + 3 * rest, "{took:?}, and without the wait {rest:?}");
        assert_eq!(output.status.code(), Some(100));
        told_once(&points(&output));
        assert!(
            find(&points(&output), "credentials")["seen"].as_str().unwrap().contains("no answer within 10 seconds")
        );
    }

    #[test]
    fn a_refusal_tells_the_time_and_not_the_key() {
        let output = doctor(&serve(refuse));
        let points = points(&output);
        assert_eq!(output.status.code(), Some(100));
        told_once(&points);
        let point = find(&points, "credentials");
        assert!(point["seen"].as_str().unwrap().contains("SignatureDoesNotMatch: of [access key]"), "{point}");
        assert!(point["hint"].as_str().unwrap().contains("the clock is wrong"), "{point}");
        let clock = find(&points, "clock");
        assert_eq!(clock["outcome"], "missing");
        assert!(clock["seen"].as_str().unwrap().ends_with("ahead"), "{clock}");
    }
}
