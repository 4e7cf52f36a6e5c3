//! Mercurial repositories on this computer, through the user's `hg` and with the user's configuration.

use super::process::{self, Said};
use super::{Error, ErrorKind, Result};
use crate::domain::escape_line;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The words that call `hg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HgCommand(Vec<String>);

impl HgCommand {
    /// A program, or an interpreter and a script.
    #[must_use]
    pub fn new(words: Vec<String>) -> Self {
        Self(words)
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Runs it in a folder; what it says on standard error is handed on line by line.
    pub(super) async fn run(
        &self,
        folder: &Path,
        args: &[&str],
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Said> {
        let mut all = self.0.clone();
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let mut command = process::command(&all, folder);
        command.env("HGPLAIN", "1").env_remove("HGPLAINEXCEPT");
        process::run(command, line).await.map_err(|error| match error.kind {
            ErrorKind::MissingTool => error.hint("install Mercurial, or name its `hg` in the configuration"),
            _ => error,
        })
    }

    /// The same, and an error for any status but zero.
    pub(super) async fn must(&self, folder: &Path, args: &[&str]) -> Result<Said> {
        let said = self.run(folder, args, &mut |_| ()).await?;
        if said.code == 0 { Ok(said) } else { Err(hg_failed(args, &said)) }
    }
}

pub(super) fn hg_failed(args: &[&str], said: &Said) -> Error {
    let why = escape_line(said.stderr.trim());
    let verb = args.iter().find(|arg| !arg.starts_with('-')).unwrap_or(&"");
    let status = if why.is_empty() { format!("status {}", said.code) } else { why };
    Error::new(ErrorKind::Hg, format!("`hg {verb}` failed: {status}"))
}

/// The `hg` to use: the configured one, else the first on `path` (the value of `PATH`), else the one in `extra`.
///
/// # Errors
/// `MissingTool` where there is none.
pub fn find_hg(configured: Option<&str>, path: Option<&OsStr>, extra: Option<&Path>) -> Result<HgCommand> {
    if let Some(words) = configured {
        return match shlex::split(words) {
            Some(words) if !words.is_empty() => Ok(HgCommand(words)),
            _ => Err(Error::new(ErrorKind::Input, format!("`{}` is no command", escape_line(words)))),
        };
    }
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    for folder in folders.chain(extra.map(Path::to_path_buf)) {
        let file = folder.join("hg");
        if folder.is_absolute() && is_program(&file) {
            return Ok(HgCommand(vec![file.to_string_lossy().into_owned()]));
        }
    }
    Err(Error::new(ErrorKind::MissingTool, "no `hg` was found on this computer")
        .hint("install Mercurial, for example with `apt install mercurial` or `pipx install mercurial`"))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Whether there is a folder at all.
///
/// # Errors
/// `NoRepository`.
pub fn check_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NoRepository, format!("`{}` is no folder", folder.display()))
        .hint("name a clone of Mercurial's repository with `--source`"))
}

/// One changeset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// All 40 digits.
    pub node: String,
    /// First line of its description.
    pub summary: String,
}

/// A repository on this computer.
#[derive(Debug, Clone)]
pub struct Repository {
    hg: HgCommand,
    root: PathBuf,
}

impl Repository {
    /// Finds the repository that a folder lies in.
    ///
    /// # Errors
    /// `NoRepository` where there is none; `MissingTool` without `hg`.
    pub async fn open(hg: HgCommand, folder: &Path) -> Result<Self> {
        check_folder(folder)?;
        let shown = folder.display();
        let said = hg.run(folder, &["root"], &mut |_| ()).await?;
        if said.code != 0 {
            let error = Error::new(ErrorKind::NoRepository, format!("`{shown}` is no Mercurial repository"))
                .caused_by(hg_failed(&["root"], &said));
            let git = folder.ancestors().any(|above| above.join(".git").exists());
            return Err(if git {
                error.hint(
                    "it is a Git repository; clone Mercurial's own with `hg clone https://repo.mercurial-scm.org/hg`",
                )
            } else {
                error.hint(
                    "name a clone of https://repo.mercurial-scm.org/hg, or use the one from PyPI: `--source pypi`",
                )
            });
        }
        let path = said.stdout.strip_suffix(b"\n").unwrap_or(&said.stdout).to_vec();
        Ok(Self { hg, root: PathBuf::from(OsString::from_vec(path)) })
    }

    /// The same with one changeset of it and, where they are wanted, the names of its tests: the questions are asked side by
    /// side, for starting `hg` is what takes the time. The names are those that the revset named a moment ago, which may
    /// have moved since: who finds fault with them asks [`Repository::tests`].
    ///
    /// # Errors
    /// Those of [`Repository::open`], then those of [`Repository::resolve`].
    pub async fn open_at(
        hg: HgCommand,
        folder: &Path,
        rev: &str,
        with_tests: bool,
    ) -> Result<(Self, Revision, Vec<String>)> {
        check_folder(folder)?;
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let root = real.ancestors().find(|above| above.join(".hg").is_dir()).unwrap_or(&real).to_path_buf();
        let likely = Self { hg: hg.clone(), root };
        let tests = async { if with_tests { likely.tests(rev).await.ok() } else { None } };
        let (opened, revision, tests) = tokio::join!(Self::open(hg, folder), likely.resolve(rev), tests);
        let opened = opened?;
        if opened.root != likely.root {
            let revision = opened.resolve(rev).await?;
            return Ok((opened, revision, Vec::new()));
        }
        Ok((opened, revision?, tests.unwrap_or_default()))
    }

    /// Its root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The `hg` it is worked on with.
    #[must_use]
    pub fn hg(&self) -> &HgCommand {
        &self.hg
    }

    /// The one changeset that a revset names.
    ///
    /// # Errors
    /// `Revision` with `hg`'s own words where there is none, or several.
    pub async fn resolve(&self, rev: &str) -> Result<Revision> {
        let shown = escape_line(rev);
        let arg = format!("--rev={rev}");
        let args = ["log", "--limit=2", "--template={node} {desc|firstline}\n", &arg];
        let said = self.hg.run(&self.root, &args, &mut |_| ()).await?;
        if said.code != 0 {
            let why = escape_line(said.stderr.trim());
            return Err(Error::new(ErrorKind::Revision, format!("no revision `{shown}`: {why}")));
        }
        let text = String::from_utf8_lossy(&said.stdout);
        let mut lines = text.lines();
        match (lines.next().and_then(|line| line.split_once(' ')), lines.next()) {
            (Some((node, _)), _) if node.bytes().all(|b| b == b'0') => {
                Err(Error::new(ErrorKind::Revision, format!("`{shown}` names the empty revision"))
                    .hint("the working folder has no parent; use `--rev tip`"))
            }
            (Some((node, summary)), None) => Ok(Revision { node: node.to_owned(), summary: escape_line(summary) }),
            (None, _) => Err(Error::new(ErrorKind::Revision, format!("`{shown}` names no changeset"))),
            (_, Some(_)) => Err(Error::new(ErrorKind::Revision, format!("`{shown}` names more than one changeset"))
                .hint("name one, for example with `max(…)`")),
        }
    }

    /// The uncommitted changes to tracked files as a Git-style diff, empty where there are none.
    ///
    /// # Errors
    /// `Hg` with its words.
    pub async fn dirty_diff(&self) -> Result<Vec<u8>> {
        Ok(self.hg.must(&self.root, &["diff", "--git"]).await?.stdout)
    }

    /// The first changeset, which tells one lineage of repositories from another; all zeroes for an empty one.
    ///
    /// # Errors
    /// `Hg` with its words.
    pub async fn first_node(&self) -> Result<String> {
        let said = self.hg.must(&self.root, &["log", "--rev=first(all())", "--template={node}"]).await?;
        let node = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(if node.is_empty() { "0".repeat(40) } else { node })
    }

    /// How many files `hg` neither tracks nor ignores.
    ///
    /// # Errors
    /// `Hg` with its words.
    pub async fn untracked_count(&self) -> Result<usize> {
        let said = self.hg.must(&self.root, &["status", "--unknown", "--no-status", "--print0"]).await?;
        Ok(said.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()).count())
    }

    /// Whether tracked files have uncommitted changes.
    ///
    /// # Errors
    /// `Hg` with its words.
    pub async fn is_dirty(&self) -> Result<bool> {
        Ok(!self.hg.must(&self.root, &["status", "-mard"]).await?.stdout.is_empty())
    }

    /// Names of the tests that a revision has, as `run-tests.py` knows them.
    ///
    /// # Errors
    /// `Hg` with its words.
    pub async fn tests(&self, node: &str) -> Result<Vec<String>> {
        let rev = format!("--rev={node}");
        let said = self.hg.must(&self.root, &["files", "-X", "glob:tests/*/**", &rev, "path:tests"]).await?;
        let text = String::from_utf8_lossy(&said.stdout);
        let names = text.lines().filter_map(|line| line.rsplit('/').next());
        let is_test =
            |name: &&str| name.starts_with("test-") && matches!(name.rsplit_once('.'), Some((_, "t" | "py")));
        Ok(names.filter(is_test).map(str::to_owned).collect())
    }
}
