//! What `hga doctor` looks at: this computer, then what each provider says of itself. Nothing here waits for longer than a
//! few seconds.

use super::Session;
use crate::diag::{Hinted, chain};
use crate::domain::money::{PriceBook, Run};
use crate::domain::{CheckItem, CheckOutcome, Machine, ProviderKind, Timestamp, words};
use crate::mercurial;
use futures::future::{join, join_all};
use nix::sys::statvfs::statvfs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// How long a program of this computer may take to tell its version.
const TOOL: Duration = Duration::from_secs(10);
/// How long a provider may take; those that ask others have a shorter limit of their own.
const PROVIDER: Duration = Duration::from_secs(20);
/// How long the machines of a cloud may take to be listed; its own points take as long.
const MACHINES: Duration = Duration::from_secs(10);
/// Prices that were asked for longer ago are told to be old.
const PRICES_OLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Less free space than this is told: an image and a few machines take about as much.
const SPACE: u64 = 2 << 30;

impl Session {
    /// Every point, those about the front end's terminal among those of this computer.
    pub async fn doctor(&self, terminal: Vec<CheckItem>) -> Vec<CheckItem> {
        let clouds = self.parts.clouds.values().map(async |cloud| {
            let late = || {
                let what = format!("provider {} tells how it is", cloud.provider());
                vec![CheckItem::new(what, CheckOutcome::Unknown, "no answer in time")]
            };
            tokio::time::timeout(PROVIDER, cloud.doctor()).await.unwrap_or_else(|_| late())
        });
        let here = join(join(self.hg_point(), python_point()), self.money_points());
        let (((hg, python), money), clouds) = join(here, join_all(clouds)).await;
        let mut points = vec![self.state_point(), space_point(&self.parts.paths.machines()), hg, python];
        points.extend(terminal);
        points.push(self.config_point());
        points.push(self.key_point());
        if self.must_be_there(ProviderKind::Aws).is_ok() {
            points.push(prices_point(&self.prices(), Timestamp::now()));
        }
        points.extend(clouds.into_iter().flatten());
        points.extend(money);
        if !self.parts.clouds.contains_key(&ProviderKind::Aws) {
            let seen = "no: it is switched off, or this `hga` was built without it";
            points.push(CheckItem::new("AWS is looked at", CheckOutcome::Ok, seen));
        }
        points
    }

    fn state_point(&self) -> CheckItem {
        let root = self.parts.paths.root();
        let what = format!("state directory {} can be written", root.display());
        match self.parts.paths.prepare() {
            Ok(()) => {
                let mode = std::fs::metadata(root).map_or(0, |found| found.mode() & 0o7777);
                CheckItem::new(what, CheckOutcome::Ok, format!("mode {mode:o}"))
            }
            Err(error) => failed(what, CheckOutcome::Missing, &error),
        }
    }

    async fn hg_point(&self) -> CheckItem {
        let what = "Mercurial is installed here";
        let path = std::env::var_os("PATH");
        match mercurial::find_hg(self.parts.hg.as_deref(), path.as_deref(), None) {
            Ok(hg) => {
                let called = hg.words().join(" ");
                match tokio::time::timeout(TOOL, mercurial::hg_version(&hg)).await {
                    Ok(Ok(version)) => CheckItem::new(what, CheckOutcome::Ok, format!("{version}, {called}")),
                    Ok(Err(error)) => failed(what, CheckOutcome::Missing, &error),
                    Err(_) => late(what, &called),
                }
            }
            // what needs one gets it by itself then
            Err(error) if self.parts.hg.is_none() => {
                let point = failed(what, CheckOutcome::Warning, &error);
                CheckItem { seen: format!("{}; hga fetches one of its own when it needs it", point.seen), ..point }
            }
            Err(error) => failed(what, CheckOutcome::Missing, &error),
        }
    }

    /// Machines that cost though they ought not to, or nobody knows how much. Nothing where no account is set up.
    async fn money_points(&self) -> Vec<CheckItem> {
        if self.must_be_there(ProviderKind::Aws).is_err() {
            return Vec::new();
        }
        let Ok(listed) = tokio::time::timeout(MACHINES, self.machines(Some(ProviderKind::Aws))).await else {
            // that it does not answer is told by the provider
            return Vec::new();
        };
        let (book, now) = (self.prices(), Timestamp::now());
        let mut points = Vec::new();
        let ledger = match self.ledger().await {
            Ok(ledger) => ledger,
            Err(error) => {
                points.push(failed("the ledger can be read", CheckOutcome::Missing, &error));
                return points;
            }
        };
        let ours = |machine: &&Machine| machine.is_ephemeral() && machine.state.is_alive();
        let run = |machine: &Machine| Run::of_machine(&ledger, &book, machine, now);
        for machine in listed.items.iter().filter(ours).filter(|machine| run(machine).is_unknown(&book)) {
            let seen = machine.cloud.as_ref().map_or(String::new(), |cloud| {
                format!("{}, {} in {}", machine.id, cloud.instance_type, cloud.region)
            });
            let point = CheckItem::new("prices of machines that run are known", CheckOutcome::Warning, seen);
            points.push(point.hint("`hga prices refresh` asks AWS's price list"));
        }
        match self.alarms(&listed.items).await {
            Ok(alarms) => points.extend(alarms.into_iter().map(|alarm| {
                let seen = alarm.words(&ledger, &book, now);
                CheckItem::new("no machine outlives its job or its lease", CheckOutcome::Warning, seen)
            })),
            Err(error) => {
                points.push(failed("no machine outlives its job or its lease", CheckOutcome::Unknown, &error));
            }
        }
        points
    }

    fn config_point(&self) -> CheckItem {
        let file = self.parts.paths.config();
        // it has been read, or there would be no session
        let seen = if file.exists() { "read" } else { "not there: defaults are used" };
        CheckItem::new(format!("configuration {}", file.display()), CheckOutcome::Ok, seen)
    }

    fn key_point(&self) -> CheckItem {
        let file = self.parts.paths.private_key();
        let what = format!("SSH key pair {}", file.display());
        match std::fs::metadata(&file).map(|found| (found.mode() & 0o7777, found.mode() & 0o77)) {
            Ok((_, others)) if others != 0 => {
                CheckItem::new(what, CheckOutcome::Missing, "others may read the private key")
                    .hint(format!("`chmod 600 {}`", file.display()))
            }
            Ok((mode, _)) if self.parts.paths.public_key().exists() => {
                CheckItem::new(what, CheckOutcome::Ok, format!("mode {mode:o}"))
            }
            Ok(_) => CheckItem::new(what, CheckOutcome::Warning, "the public key is not there")
                .hint("the next `hga` writes it anew"),
            Err(error) => {
                CheckItem::new(what, CheckOutcome::Missing, error.to_string()).hint("the next `hga` makes a new one")
            }
        }
    }
}

fn failed<E: Hinted + 'static>(what: impl Into<String>, outcome: CheckOutcome, error: &E) -> CheckItem {
    let point = CheckItem::new(what, outcome, chain(error));
    CheckItem { hint: crate::diag::hints(error).into_iter().next().map(|hint| hint.0), ..point }
}

fn late(what: &str, program: &str) -> CheckItem {
    let seen = format!("`{program}` has told nothing within {} seconds", TOOL.as_secs());
    CheckItem::new(what, CheckOutcome::Missing, seen)
        .hint(format!("run `{program}` by hand to see what it waits for"))
}

/// How old the prices are.
fn prices_point(book: &PriceBook, now: Timestamp) -> CheckItem {
    let what = "prices of AWS are known";
    let hint = "`hga prices refresh` asks it; the dashboard does so by itself";
    let Some(asked) = book.asked() else {
        let seen = "bundled estimates: its price list has not been asked yet";
        return CheckItem::new(what, CheckOutcome::Ok, seen).hint(hint);
    };
    let seen = format!("its price list was asked {}", words::age(asked, now));
    if Duration::try_from(now.duration_since(asked)).is_ok_and(|age| age > PRICES_OLD) {
        return CheckItem::new(what, CheckOutcome::Warning, seen).hint(hint);
    }
    CheckItem::new(what, CheckOutcome::Ok, seen)
}

async fn python_point() -> CheckItem {
    let what = "Python 3 with venv is installed here";
    match tokio::time::timeout(TOOL, mercurial::python_version()).await {
        Ok(Ok(version)) => CheckItem::new(what, CheckOutcome::Ok, version),
        Ok(Err(error)) => failed(what, CheckOutcome::Missing, &error),
        Err(_) => late(what, "python3"),
    }
}

/// Whether machines and images of this computer have room.
fn space_point(folder: &Path) -> CheckItem {
    let what = "free space for machines and images of this computer";
    match statvfs(folder) {
        Ok(found) => {
            #[cfg_attr(target_os = "linux", expect(clippy::useless_conversion, reason = "macOS counts in 32 bits"))]
            let free = u64::from(found.blocks_available()).saturating_mul(u64::from(found.fragment_size()));
            let seen = format!("{} below {}", words::bytes(free), folder.display());
            if free >= SPACE {
                return CheckItem::new(what, CheckOutcome::Ok, seen);
            }
            CheckItem::new(what, CheckOutcome::Warning, seen)
                .hint("free some, or keep them on another disk with `local.root` in config.toml")
        }
        Err(error) => CheckItem::new(what, CheckOutcome::Unknown, error.desc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_prices_does_not_contradict_itself() {
        let point = prices_point(PriceBook::bundled(), Timestamp::now());
        assert_eq!((point.outcome, point.what.as_str()), (CheckOutcome::Ok, "prices of AWS are known"));
        assert_eq!(point.seen, "bundled estimates: its price list has not been asked yet");
    }
}
