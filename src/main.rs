//! `hga`: arguments, wiring, exit status. Everything else is in the library.

use hgautomation::{cli, wire};
use std::process::ExitCode;

fn main() -> ExitCode {
    let status = match cli::parse(std::env::args_os().collect()) {
        cli::Parsed::Run(command) => wire::run(command),
        cli::Parsed::SshTransport(words) => wire::ssh_transport(words),
        cli::Parsed::LocalMachine(words) => wire::local_machine(&words),
        cli::Parsed::Exit(status) => status,
    };
    // a status beyond what the system can carry must not read as success
    ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))
}
