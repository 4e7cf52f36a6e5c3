//! From words to what is to be done. Nothing is read or opened here, so that `hga --help` starts at once.

use super::args::{Cli, Verb};
use super::{exit, help, split};
use clap::{CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::io::Write as _;

/// What the words ask for.
#[derive(Debug)]
pub enum Parsed {
    /// A command.
    Run(Box<Cli>),
    /// `hga ssh-transport …`: behave like `ssh`, with these words behind it.
    SshTransport(Vec<OsString>),
    /// `hga local-machine …`: be a local machine, with these words behind it.
    LocalMachine(Vec<OsString>),
    /// Everything has been said already (help, version, a usage error); leave with this code.
    Exit(i32),
}

/// What a command needs before it can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: no file may be touched for it.
    Nothing,
    /// The configuration, read; nothing may be made or written.
    Config,
    /// A session.
    Session,
}

impl Cli {
    /// What this command needs.
    #[must_use]
    pub fn need(&self) -> Need {
        match &self.verb {
            Some(Verb::Completions(_) | Verb::Man(_)) => Need::Nothing,
            Some(Verb::Doctor(doctor)) if doctor.iam => Need::Nothing,
            Some(Verb::Costs(costs)) if costs.schema => Need::Nothing,
            Some(Verb::Config(config)) if config.sample || config.path => Need::Nothing,
            Some(Verb::Config(_)) => Need::Config,
            _ => Need::Session,
        }
    }
}

/// Sorts out the words of the command line, the program's name first. Help and usage errors are printed here.
#[must_use]
pub fn parse(argv: Vec<OsString>) -> Parsed {
    match argv.get(1).and_then(|word| word.to_str()) {
        Some("ssh-transport") => return Parsed::SshTransport(argv.into_iter().skip(2).collect()),
        Some("local-machine") => return Parsed::LocalMachine(argv.into_iter().skip(2).collect()),
        Some("help") if argv.get(2).is_some_and(|word| word == "exit-codes") => {
            return said(std::io::stdout().write_all(help::exit_codes().as_bytes()), exit::OK);
        }
        _ => {}
    }
    match read(argv) {
        Ok(cli) => Parsed::Run(Box::new(cli)),
        Err(error) => said(error.print(), if error.use_stderr() { exit::USAGE } else { exit::OK }),
    }
}

/// The code to leave with once something has been printed; a reader who left early is no error.
fn said(_printed: std::io::Result<()>, code: i32) -> Parsed {
    Parsed::Exit(code)
}

/// The words as clap understands them, those of `run-tests.py` sorted out.
pub(super) fn read(argv: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let argv = split::split(&command, argv).map_err(|typo| {
        let message = format!(
            "`{}` looks like `{}` mistyped\n\nhint: write `{}`, or put it after `--` to pass it on to run-tests.py",
            typo.typed, typo.meant, typo.meant
        );
        command.error(clap::error::ErrorKind::UnknownArgument, message)
    })?;
    Cli::from_arg_matches(&command.try_get_matches_from(argv)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn argv(line: &str) -> Vec<OsString> {
        shlex::split(line).unwrap().into_iter().map(OsString::from).collect()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_predecessors_line_works() {
        let cli = read(argv("hga run-tests-linux --distro debian10 --instance-type c5.9xlarge -j4 --pure test-add.t --filesystem tmpfs --python-version 3.8 --state-path /s")).unwrap();
        let Some(Verb::RunTestsLinux(run)) = cli.verb else { panic!() };
        assert_eq!(run.test_args, ["-j4", "--pure", "test-add.t"]);
        assert_eq!((run.filesystem, run.python_version.as_deref()), (crate::domain::Filesystem::Tmpfs, Some("3.8")));
        assert_eq!(
            (run.distro.as_deref(), run.wish.instance_type.as_slice()),
            (Some("debian10"), &["c5.9xlarge".to_owned()][..])
        );
        assert_eq!(cli.global.state_path, Some(PathBuf::from("/s")));
    }

    #[test]
    fn what_needs_no_session_says_so() {
        let table = [
            ("hga config --sample", Need::Nothing),
            ("hga config --path", Need::Nothing),
            ("hga config", Need::Config),
            ("hga config show", Need::Config),
            ("hga completions bash", Need::Nothing),
            ("hga man", Need::Nothing),
            ("hga doctor --iam", Need::Nothing),
            ("hga doctor", Need::Session),
            ("hga costs --schema", Need::Nothing),
            ("hga costs", Need::Session),
            ("hga", Need::Session),
            ("hga jobs list", Need::Session),
            ("hga demo --no-tui --provider local test-add.t", Need::Session),
        ];
        for (line, need) in table {
            assert_eq!(read(argv(line)).unwrap().need(), need, "{line}");
        }
    }

    #[test]
    fn bad_lines_are_refused() {
        for line in [
            "hga nonsense",
            "hga machines terminate",
            "hga machines terminate m-a --all",
            "hga jobs attach ../x",
            "hga run-tests-linux --filesystem fat",
            "hga run-tests-linux --lease 2",
            "hga run-tests-linux --filesytem tmpfs",
            "hga run-tests-linux --machine",
            "hga jobs list -n 0",
            "hga costs --today --all",
            "hga costs --month --from 2026-11-01",
            "hga costs --last 7d --to 2026-11-01",
            "hga costs --from yesterday",
            "hga costs --month 2026-13",
            "hga costs --by moon",
            "hga demo --provider hosts",
        ] {
            assert!(read(argv(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn hidden_verbs_are_passed_through_raw() {
        let Parsed::SshTransport(words) = parse(argv("hga ssh-transport -p 22 --help")) else { panic!() };
        assert_eq!(words, argv("-p 22 --help"));
        let Parsed::LocalMachine(words) = parse(argv("hga local-machine serve /x")) else { panic!() };
        assert_eq!(words, argv("serve /x"));
    }

    #[test]
    fn every_example_in_the_help_can_be_typed() {
        let mut seen = 0;
        for line in help::ALL.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("  ")) {
            // the part that calls hga: after a pipe, before the explanation (two spaces), a redirection or a pipe
            let Some(call) = line.split(" | ").find(|part| part.trim_start().starts_with("hga ")) else { continue };
            let call = call.trim().split("  ").next().unwrap().split(" > ").next().unwrap();
            assert!(read(argv(call)).is_ok(), "{call}");
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
    }
}
