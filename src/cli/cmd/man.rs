//! `hga man`: the man page, or one for every command.

use super::super::args::{Cli, Man};
use super::super::error::{Outcome, Stop};
use super::super::exit;
use super::super::printer::Printer;
use clap::{Command, CommandFactory as _};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

pub(super) fn run(args: &Man, printer: &mut Printer) -> Outcome {
    let mut command = Cli::command();
    command.build();
    match &args.dir {
        None => printer.out(&page(&command)?)?,
        Some(dir) => {
            let written = write_all(&command, "hga", dir)
                .map_err(|error| Stop::error(format!("could not write man pages to `{}`: {error}", dir.display())))?;
            printer.err(&format!("wrote {written} man pages to {}\n", dir.display()))?;
        }
    }
    Ok(exit::OK)
}

fn write_all(command: &Command, name: &str, dir: &Path) -> io::Result<u32> {
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join(format!("{name}.1")), page(command)?)?;
    let mut written = 1;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        written += write_all(sub, &format!("{name}-{}", sub.get_name()), dir)?;
    }
    Ok(written)
}

fn page(command: &Command) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    page.push_str(".SH \"EXIT STATUS\"\n");
    for (code, meaning) in exit::TABLE {
        // writing to a String cannot fail
        let _ = write!(page, ".TP\n.B {code}\n{}\n", meaning.replace('\\', "\\\\").replace('-', "\\-"));
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_the_exit_codes() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Cli::command();
        command.build();
        let written = write_all(&command, "hga", dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), written as usize);
        for name in ["hga.1", "hga-run-tests-linux.1", "hga-jobs-attach.1"] {
            let page = std::fs::read_to_string(dir.path().join(name)).unwrap();
            assert!(page.contains("EXIT STATUS") && page.contains(".B 104"), "{name}");
        }
        assert!(!dir.path().join("hga-ssh-transport.1").exists());
    }
}
