//! Machines reached by AWS Systems Manager, without an open port: [`SsmShell`] implements
//! [`remote::Shell`](crate::remote::Shell) by Run Command, whose documents' limits shape all of it (see `assets/ssm.sh`,
//! the machine's side). `command` runs one short command, `script` words what it says, `exec` makes a live command of
//! many short ones, `files` and `tar` copy over that.

pub(super) mod agent;
mod command;
mod exec;
mod files;
mod script;
mod shell;
mod tar;

pub use shell::SsmShell;

use crate::domain::Region;

/// The proxy command by which SSH reaches a machine through Session Manager: `%p` is filled in by whoever runs it.
pub(super) fn session_proxy(region: &Region, instance: &str) -> String {
    format!(
        "aws ssm start-session --target {instance} --document-name AWS-StartSSHSession --parameters portNumber=%p \
         --region {region}"
    )
}
