//! Machines reached by AWS Systems Manager, without an open port: [`SsmShell`] implements
//! [`remote::Shell`](crate::remote::Shell) by Run Command, whose documents' limits shape all of it (see `assets/ssm.sh`,
//! the machine's side). `command` runs one short command, `script` words what it says, `exec` makes a live command of
//! many short ones, `files` and `tar` copy over that.

mod agent;
mod command;
mod exec;
mod files;
mod script;
mod shell;
mod tar;

pub(super) use agent::{install_script, known_package};
pub(super) use command::is_online;
pub use shell::SsmShell;

use crate::domain::Region;

/// The proxy command by which SSH reaches a machine through Session Manager: `%p` is filled in by whoever runs it.
pub(super) fn session_proxy(region: &Region, instance: &str) -> String {
    format!(
        "aws ssm start-session --target {instance} --document-name AWS-StartSSHSession --parameters portNumber=%p \
         --region {region}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_command_is_what_the_aws_cli_takes() {
        // tests/aws_ssm.rs has it word for word
        let expected = "aws ssm start-session --target i-0123456789abcdef0 --document-name AWS-StartSSHSession \
                        --parameters portNumber=%p --region us-west-2";
        assert_eq!(session_proxy(&Region::usual(), "i-0123456789abcdef0"), expected);
    }
}
