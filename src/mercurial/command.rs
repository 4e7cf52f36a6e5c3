//! The command line and environment of `run-tests.py` on a machine, and what its flags say about the results.

use super::{Error, ErrorKind, Result};
use crate::domain::{Layout, escape_line};
use crate::remote::spool::{quote, words};

/// The result hook's text, to be put as `<hook_folder>/test_events.py`.
pub const HOOK_SOURCE: &str = include_str!("../../assets/test_events.py");

/// Its module name.
pub const HOOK_MODULE: &str = "test_events";

/// The `python` that stands for the image's own environment, which has Mercurial's modules.
pub(super) const BOOTSTRAP_PYTHON: &str = "bootstrap";

/// Where the hook lies on a machine.
#[must_use]
pub fn hook_folder(layout: &Layout) -> String {
    format!("{}/hook", layout.hgwork)
}

/// What the user's own flags say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassThrough {
    /// `--outputdir`: where `report.json`, `.testtimes` and `*.err` go instead of the tests' folder.
    pub outputdir: Option<String>,
    /// `--xunit`: the file it is written to.
    pub xunit: Option<String>,
    /// `--json` was given.
    pub json: bool,
    /// `--list-tests` was given: nothing is run.
    pub list_tests: bool,
}

impl PassThrough {
    /// Reads the flags that matter here, in the forms argparse takes (`--x V`, `--x=V`, shortened names).
    #[must_use]
    pub fn parse(args: &[String]) -> Self {
        let mut found = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                break;
            }
            let (name, value) = arg.split_once('=').map_or((arg.as_str(), None), |(name, value)| (name, Some(value)));
            // the shortest forms that no other flag of run-tests.py begins with
            let is = |full: &str, least: usize| name.len() >= least && full.starts_with(name);
            if is("--outputdir", 4) {
                found.outputdir = value.map(str::to_owned).or_else(|| args.next().cloned());
            } else if is("--xunit", 3) {
                found.xunit = value.map(str::to_owned).or_else(|| args.next().cloned());
            } else if is("--json", 4) {
                found.json = true;
            } else if is("--list-tests", 4) {
                found.list_tests = true;
            }
        }
        found
    }
}

/// A test run, ready for the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCommand {
    /// The line for the machine's shell.
    pub line: String,
    /// As a person would type it in that folder.
    pub shown: String,
    /// The folder it is run in.
    pub cwd: String,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// Folder that holds `report.json`, `.testtimes` and `*.err` afterwards.
    pub results: String,
    /// Files beside that folder that are results too (xunit).
    pub files: Vec<String>,
}

/// Builds the run of `run-tests.py` with the user's own arguments behind ours. `hook` says whether the result hook lies
/// in [`hook_folder`].
///
/// # Errors
/// `Input` for a Python that is no such name.
pub fn run_tests(layout: &Layout, python: &str, args: &[String], hook: bool) -> Result<TestCommand> {
    let cwd = format!("{}/tests", layout.work_source());
    let told = PassThrough::parse(args);
    let mut all = vec!["run-tests.py".to_owned()];
    if !told.json && !told.list_tests {
        all.push("--json".to_owned());
    }
    if args.iter().any(|word| word.contains('\0')) {
        return Err(Error::new(ErrorKind::Input, "a test argument holds a NUL character"));
    }
    let mut rest = words(&all);
    for word in super::names::line(args) {
        rest.push(' ');
        rest.push_str(&word);
    }
    let interpreter = interpreter(layout, python)?;
    let (line, shown) = match &interpreter {
        None => (
            format!("python=/usr/bin/python3\n[ -x \"$python\" ] || python=python3\nexec \"$python\" {rest}"),
            format!("/usr/bin/python3 {rest}"),
        ),
        Some(path) => (format!("exec {} {rest}", quote(path)), format!("{} {rest}", quote(path))),
    };
    let mut env = vec![("TMPDIR".to_owned(), layout.tmp())];
    if hook {
        env.push(("CUSTOM_TEST_RESULT".to_owned(), HOOK_MODULE.to_owned()));
        env.push(("PYTHONPATH".to_owned(), hook_folder(layout)));
    }
    let absolute = |path: &str| if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let results = told.outputdir.as_deref().map_or_else(|| cwd.clone(), absolute);
    let files = told.xunit.as_deref().map(absolute).into_iter().collect();
    Ok(TestCommand { line, shown, cwd, env, results, files })
}

/// The interpreter's path; none for `system3`, which is looked for on the machine.
fn interpreter(layout: &Layout, python: &str) -> Result<Option<String>> {
    let fit = python.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    match python {
        "system3" => Ok(None),
        BOOTSTRAP_PYTHON => Ok(Some(format!("{}/venv-bootstrap/bin/python", layout.hgdev))),
        _ if !fit || python.is_empty() => {
            Err(Error::new(ErrorKind::Input, format!("`{}` is no Python version", escape_line(python)))
                .hint("use `system3`, a version such as `3.8`, or `pypy`"))
        }
        _ if python.starts_with("pypy") => Ok(Some(format!("{}/pyenv/shims/{python}", layout.hgdev))),
        _ => Ok(Some(format!("{}/pyenv/shims/python{python}", layout.hgdev))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn flags_are_read_as_argparse_would() {
        let told =
            PassThrough::parse(&strings(&["-j2", "--xunit", "a.xml", "--outputdir=/o", "--js", "test-json.t"]));
        let wanted =
            PassThrough { outputdir: Some("/o".into()), xunit: Some("a.xml".into()), json: true, list_tests: false };
        assert_eq!(told, wanted);
        assert!(PassThrough::parse(&strings(&["--list-tests"])).list_tests);
        assert_eq!(PassThrough::parse(&strings(&["--jobs", "2", "--local"])), PassThrough::default());
    }

    #[test]
    fn the_line_is_quoted_and_json_added_once() {
        let layout = Layout { hgdev: "/h g/dev".into(), hgwork: "/w".into() };
        let run = run_tests(&layout, "3.8", &strings(&["-k", "a b", "test-x.t#case"]), true).unwrap();
        assert_eq!(run.line, "exec '/h g/dev/pyenv/shims/python3.8' run-tests.py --json -k 'a b' 'test-x.t#case'");
        assert_eq!((run.cwd.as_str(), run.results.as_str()), ("/w/src/tests", "/w/src/tests"));
        assert!(run.env.contains(&("PYTHONPATH".into(), "/w/hook".into())));
        let run = run_tests(&layout, "system3", &strings(&["--json", "--xunit=x"]), false).unwrap();
        assert_eq!(run.line.matches("--json").count(), 1);
        assert_eq!(run.files, ["/w/src/tests/x"]);
        assert!(run.line.contains("/usr/bin/python3"));
        assert!(run_tests(&layout, "3;rm", &[], false).is_err());
    }
}
