//! `hga`: the words of the command line into a command, its exit code into the process's.

use hgautomation::cli::{self, CliContext, Need, Parsed};
use hgautomation::domain::ProviderKind;
use std::process::exit;
use std::time::Duration;

fn main() {
    let cli = match cli::parse(std::env::args_os().collect()) {
        Parsed::Exit(code) => exit(code),
        Parsed::SshTransport(_) | Parsed::LocalMachine(_) => exit(cli::exit::USAGE),
        Parsed::Run(cli) => cli,
    };
    if cli.need() != Need::Nothing {
        exit(cli::exit::ERROR);
    }
    let context = CliContext {
        state_dir: ".".into(),
        config_path: "config.toml".into(),
        config_in_force: String::new(),
        config_sample: "",
        current_dir: ".".into(),
        provider: ProviderKind::Local,
        lease: Duration::from_secs(7200),
        demo_flags: Vec::new(),
        demo_tests: Vec::new(),
    };
    exit(cli::run_alone(&cli, &context));
}
