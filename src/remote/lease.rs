//! The lease as a cloud's machine keeps it: armed at every boot, renewed through a [`Shell`], ending the machine without
//! anybody's help or credentials. The machine's side is `assets/lease.sh`, sent with each use.

use super::spool::words;
use super::{Error, ErrorKind, Result, Shell};
use crate::domain::escape_line;
use bytes::Bytes;
use std::time::Duration;

/// What the machine runs, as root: the text of `sh -c`, whose arguments are a verb and seconds.
pub const SCRIPT: &str = include_str!("../../assets/lease.sh");

/// Lets the machine live so long from now on.
///
/// # Errors
/// Those of the shell; `Command` with the machine's words when it does not take it.
pub async fn arm(shell: &dyn Shell, length: Duration) -> Result<()> {
    ask(shell, &["arm", &length.as_secs().max(1).to_string()]).await.map(drop)
}

/// Lets the machine live at least so long from now on, in one step: what a person has given it meanwhile stands. Gives how
/// long it has left then.
///
/// # Errors
/// As [`arm`].
pub async fn at_least(shell: &dyn Shell, length: Duration) -> Result<Duration> {
    seconds(&ask(shell, &["least", &length.as_secs().max(1).to_string()]).await?)
}

/// How long the machine has left, by its own count.
///
/// # Errors
/// Those of the shell; `Command` when no lease is armed there.
pub async fn left(shell: &dyn Shell) -> Result<Duration> {
    seconds(&ask(shell, &["left"]).await?)
}

fn seconds(said: &str) -> Result<Duration> {
    // a login shell may have greeted before it
    let seconds = said.lines().next_back().and_then(|line| line.trim().parse::<i64>().ok());
    let seconds = seconds.ok_or_else(|| {
        Error::new(ErrorKind::Protocol, format!("its lease answers `{}`", escape_line(said.trim())))
    })?;
    Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

async fn ask(shell: &dyn Shell, verb: &[&str]) -> Result<String> {
    let head = ["sudo", "-n", "/bin/sh", "-c", SCRIPT, "hga-lease"];
    let said = shell.capture(&words(head.iter().chain(verb)), Bytes::new()).await?;
    if said.status.is_success() {
        return Ok(String::from_utf8_lossy(&said.stdout).into_owned());
    }
    let why = escape_line(String::from_utf8_lossy(&said.stderr).trim());
    Err(Error::new(ErrorKind::Command, format!("the machine's lease could not be set: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// systemd replaces what looks like a variable of its own in what it runs, and `$$`, before a shell sees it.
    #[test]
    fn the_watch_holds_nothing_that_systemd_would_replace() {
        let watch = SCRIPT.split_once("watch='").unwrap().1.split_once('\'').unwrap().0;
        assert!(watch.contains("systemctl poweroff"), "{watch}");
        assert!(!watch.contains("${") && !watch.contains("$$"), "{watch}");
    }

    /// Nothing of systemd's is asked, and the lease is in a folder of its own.
    #[test]
    fn a_lease_is_armed_prolonged_and_never_shortened_by_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("run").to_string_lossy().into_owned();
        let script = SCRIPT.replace("/run/hga", &place).replace("systemd-run --", ": --").replace("systemctl ", ": ");
        let ask = |verb: &[&str]| {
            let ran = Command::new("sh").args(["-c", &script, "hga-lease"]).args(verb).output().unwrap();
            assert!(ran.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&ran.stderr));
            String::from_utf8(ran.stdout).unwrap().trim().parse::<u64>().ok()
        };
        let near = |left: Option<u64>, wanted: u64| {
            assert!(
                left.is_some_and(|left| (wanted.saturating_sub(9)..=wanted).contains(&left)),
                "{left:?} {wanted}"
            );
        };
        assert_eq!(ask(&["boot", "100"]), None);
        near(ask(&["left"]), 100);
        ask(&["boot", "900"]);
        near(ask(&["left"]), 100);
        near(ask(&["least", "500"]), 500);
        near(ask(&["least", "200"]), 500);
        ask(&["arm", "50"]);
        near(ask(&["left"]), 50);
        // what cannot be read is no lease
        std::fs::write(folder.path().join("run/lease"), "nonsense\n").unwrap();
        near(ask(&["least", "70"]), 70);
    }
}
