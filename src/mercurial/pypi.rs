//! Mercurial from PyPI: its source as a repository to test, and an `hg` for computers that have none. What stands is
//! used again without the network; what a cut call left is made anew.

use super::process::{self, Said};
use super::repo::HgCommand;
use super::{Error, ErrorKind, Result};
use crate::domain::escape_line;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// How far a longer piece of work is: what is done now, how many steps are done, how many there are.
pub type Step<'a> = &'a (dyn Fn(&str, u32, u32) + Send + Sync);

/// Mercurial's source as a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The repository.
    pub folder: PathBuf,
    /// Mercurial's version, for example `7.2.4`.
    pub version: String,
}

/// Makes sure that `folder` holds Mercurial's newest source distribution (as of the first call) as a repository.
///
/// # Errors
/// `MissingTool`, `Network`, `Local`, `Hg`, each with what to do.
pub async fn fetch_source(folder: &Path, hg: &HgCommand, step: Step<'_>) -> Result<Source> {
    let _lock = lock(folder).await?;
    if let Some(source) = standing(folder) {
        return Ok(source);
    }
    let scratch = scratch(folder)?;
    let path = scratch.path();
    step("downloading Mercurial's source", 0, 3);
    let download = ["-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--dest", "sdist", "mercurial"];
    python(path, &download).await?;
    let archive = only_entry(&path.join("sdist"))?;
    step("extracting it", 1, 3);
    let archive = archive.to_string_lossy().into_owned();
    let tar = ["tar".to_owned(), "-xzf".to_owned(), archive];
    let said = process::run(process::command(&tar, path), &mut |_| ()).await.map_err(|error| {
        if error.kind == ErrorKind::MissingTool {
            error.hint("install tar, on Debian: `apt install tar gzip`")
        } else {
            error
        }
    })?;
    ended_well("tar", &said)?;
    fs::remove_dir_all(path.join("sdist")).map_err(|error| local(path, error))?;
    let tree = only_entry(path)?;
    let name = tree.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name.strip_prefix("mercurial-").unwrap_or(&name).to_owned();
    step("making a repository of it", 2, 3);
    hg.must(&tree, &["init"]).await?;
    hg.must(&tree, &["addremove", "--quiet", "--similarity", "0"]).await?;
    let message = format!("Mercurial {version}, from its source distribution");
    // always the same, so that the same distribution gives the same changeset
    hg.must(&tree, &["commit", "--quiet", "--user", "hga", "--date", "0 0", "--message", &message]).await?;
    fs::rename(&tree, folder.join(&name)).map_err(|error| local(folder, error))?;
    step("source ready", 3, 3);
    standing(folder).ok_or_else(|| Error::new(ErrorKind::Local, "the source is not where it was put"))
}

fn standing(folder: &Path) -> Option<Source> {
    let mut found: Vec<Source> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.strip_prefix("mercurial-")?.to_owned();
            entry.path().join(".hg").is_dir().then(|| Source { folder: entry.path(), version })
        })
        .collect();
    found.sort_by_key(|source| source.version.split('.').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>());
    found.pop()
}

/// The `hg` in `<tools>/venv`, which is made with the newest Mercurial when missing.
///
/// # Errors
/// `MissingTool`, `Network`, `Local`, each with what to do.
pub async fn tools_hg(tools: &Path, step: Step<'_>) -> Result<HgCommand> {
    let _lock = lock(tools).await?;
    let venv = tools.join("venv");
    // called through the interpreter, the script does not mind that its folder was renamed
    let text = |name: &str| venv.join("bin").join(name).to_string_lossy().into_owned();
    let command = HgCommand::new(vec![text("python"), text("hg")]);
    if command.must(tools, &["--version"]).await.is_ok() {
        return Ok(command);
    }
    let scratch = scratch(tools)?;
    step("making a virtual environment", 0, 2);
    python(scratch.path(), &["-m", "venv", "venv"]).await?;
    step("installing Mercurial", 1, 2);
    let pip =
        ["venv/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--prefer-binary", "mercurial"];
    let pip = pip.map(str::to_owned);
    let said = process::run(process::command(&pip, scratch.path()), &mut |_| ()).await?;
    pip_ended_well(&said)?;
    if venv.exists() {
        fs::remove_dir_all(&venv).map_err(|error| local(&venv, error))?;
    }
    fs::rename(scratch.path().join("venv"), &venv).map_err(|error| local(&venv, error))?;
    command.must(tools, &["--version"]).await?;
    step("Mercurial ready", 2, 2);
    Ok(command)
}

async fn python(folder: &Path, args: &[&str]) -> Result<()> {
    let words: Vec<String> = std::iter::once("python3").chain(args.iter().copied()).map(str::to_owned).collect();
    let said = process::run(process::command(&words, folder), &mut |_| ()).await.map_err(|error| {
        if error.kind == ErrorKind::MissingTool {
            error.hint("install Python 3, on Debian: `apt install python3 python3-venv python3-pip`")
        } else {
            error
        }
    })?;
    pip_ended_well(&said)
}

fn pip_ended_well(said: &Said) -> Result<()> {
    if said.code == 0 {
        return Ok(());
    }
    // venv tells its troubles on standard output
    let all = format!("{}\n{}", said.stderr, String::from_utf8_lossy(&said.stdout));
    let missing = |what: &str| Error::new(ErrorKind::MissingTool, format!("Python's `{what}` is missing"));
    if all.contains("ensurepip") || all.contains("No module named venv") {
        return Err(missing("venv").hint("on Debian: `apt install python3-venv`"));
    }
    if all.contains("No module named pip") {
        return Err(missing("pip").hint("on Debian: `apt install python3-pip`"));
    }
    let network = [
        "Could not find a version",
        "No matching distribution",
        "ConnectionError",
        "Connection broken",
        "Max retries",
        "NewConnectionError",
    ];
    if network.iter().any(|sign| all.contains(sign)) {
        return Err(Error::new(
            ErrorKind::Network,
            format!("pip could not download Mercurial: {}", last_line(&said.stderr)),
        )
        .hint("check the network, the proxy (`HTTPS_PROXY`) and pip's index (`pip config list`)"));
    }
    ended_well("python3", said)
}

fn ended_well(what: &str, said: &Said) -> Result<()> {
    if said.code == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Local, format!("`{what}` failed (status {}): {}", said.code, last_line(&said.stderr))))
}

fn last_line(text: &str) -> String {
    escape_line(text.trim().lines().last().unwrap_or_default())
}

fn local(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Local, format!("could not write `{}`", path.display())).caused_by(error)
}

/// A folder for work under way beside its goal; gone when dropped, and leftovers of killed processes go first.
struct Scratch(PathBuf);

impl Scratch {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // what stays is removed by the next call
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn scratch(folder: &Path) -> Result<Scratch> {
    let path = folder.join(".new");
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|error| local(&path, error))?;
    }
    fs::create_dir_all(&path).map_err(|error| local(&path, error))?;
    Ok(Scratch(path))
}

/// Only one process works in a folder; the others wait.
async fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).map_err(|error| local(folder, error))?;
    let path = folder.join(".lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| local(&path, error))?;
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    locked.map_err(std::io::Error::other).and_then(|result| result).map_err(|error| local(&path, error))
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder).map_err(|error| local(folder, error))?;
    match entries.next() {
        Some(entry) => Ok(entry.map_err(|error| local(folder, error))?.path()),
        None => Err(Error::new(ErrorKind::Local, format!("nothing came into `{}`", folder.display()))),
    }
}
