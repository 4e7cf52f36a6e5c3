//! Fetching what a run of tests leaves: report.json, xunit, .testtimes, and the output of failed tests.

use super::world::{JobFolders, fail};
use crate::domain::{Machine, Phase};
use crate::engine::{Failure, JobContext};
use crate::event::Unit;
use crate::mercurial::TestCommand;
use crate::remote::Shell;
use crate::remote::spool::{quote, words};
use bytes::Bytes;
use std::path::{Component, Path};

/// The most files of one run that are fetched.
const MOST: usize = 5000;

/// Fetches what a run left on the machine into the job's results. What is not there is left out. Gives how many
/// files there were.
pub(super) async fn collect(
    ctx: &JobContext,
    machine: &Machine,
    shell: &dyn Shell,
    folders: &JobFolders,
    command: &TestCommand,
) -> Result<usize, Failure> {
    let folder = command.results.as_str();
    let list = format!(
        "cd {} && for f in report.json .testtimes *.err {}; do [ -f \"$f\" ] && printf '%s\\0' \"$f\"; done; true",
        quote(folder),
        words(&command.files)
    );
    let said = shell.capture(&list, Bytes::new()).await.map_err(fail)?;
    if !said.status.is_success() {
        return Err(Failure::new(format!(
            "could not list the results on `{}`: {}",
            machine.id,
            crate::domain::escape_line(String::from_utf8_lossy(&said.stderr).trim())
        )));
    }
    let mut names: Vec<&str> =
        said.stdout.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST {
        ctx.warn(format!("{} result files, of which {MOST} are fetched", names.len())).await?;
        names.truncate(MOST);
    }
    let mut fetched = 0;
    for name in &names {
        let Some(to) = local_name(&folders.results, name) else {
            ctx.warn(format!("left out a result with a strange name: `{name}`")).await?;
            continue;
        };
        let from = if name.starts_with('/') { (*name).to_owned() } else { format!("{folder}/{name}") };
        match shell.get(&from, &to, &|_, _| {}).await {
            Ok(_) => fetched += 1,
            Err(error) if error.kind == crate::remote::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
        ctx.progress(Phase::Collect, fetched as u64, names.len() as u64, Unit::Files);
    }
    Ok(fetched)
}

/// Results lie flat in one folder, under their last name.
fn local_name(results: &Path, name: &str) -> Option<std::path::PathBuf> {
    match Path::new(name).components().next_back()? {
        Component::Normal(last) => Some(results.join(last)),
        _ => None,
    }
}

/// Copies what was collected to the folder the person named.
pub(super) async fn copy_results(folders: &JobFolders, to: &Path) -> Result<(), Failure> {
    let (from, to) = (folders.results.clone(), to.to_owned());
    let output = folders.output.clone();
    let copied = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(&from)? {
            let entry = entry?;
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        std::fs::copy(output, to.join("output.txt")).map(|_| ())
    })
    .await;
    match copied {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::from_plain(&error).context("could not copy the results")),
        Err(error) => Err(Failure::from_plain(&error)),
    }
}
