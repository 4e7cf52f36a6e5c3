//! Which versions of the tools that are needed this computer has.

use super::process;
use super::{Error, ErrorKind, HgCommand, Result};
use crate::domain::escape_line;
use std::path::Path;

/// Prints the version; ends with an error where `venv` is missing, or the `ensurepip` that it needs (Debian has packages of
/// their own for both).
const PYTHON: &str = "import sys, venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3])";

/// The version of this computer's Mercurial, as it tells it.
///
/// # Errors
/// `MissingTool`, `Local`, `Hg` when it does not run.
pub async fn hg_version(hg: &HgCommand) -> Result<String> {
    let said = hg.must(Path::new("/"), &["version", "--quiet"]).await?;
    let text = String::from_utf8_lossy(&said.stdout);
    let line = text.lines().next().unwrap_or_default();
    // `Mercurial Distributed SCM (version 7.2.4)`
    let version = line.split_once("version ").map_or(line, |(_, rest)| rest.trim_end_matches(')'));
    Ok(escape_line(version))
}

/// The version of this computer's `python3`, which can make virtual environments.
///
/// # Errors
/// `MissingTool`, when there is none or it lacks `venv`; `Local`.
pub async fn python_version() -> Result<String> {
    let words = ["python3", "-c", PYTHON].map(str::to_owned);
    let said = process::run(process::command(&words, Path::new("/")), &mut |_| ()).await.map_err(|error| {
        if error.kind == ErrorKind::MissingTool {
            error.hint("install Python 3, on Debian: `apt install python3 python3-venv python3-pip`")
        } else {
            error
        }
    })?;
    if said.code == 0 {
        return Ok(escape_line(String::from_utf8_lossy(&said.stdout).trim()));
    }
    let why = said.stderr.lines().last().unwrap_or_default();
    Err(Error::new(ErrorKind::MissingTool, format!("`python3` lacks `venv`: {}", escape_line(why)))
        .hint("on Debian: `apt install python3-venv`"))
}
