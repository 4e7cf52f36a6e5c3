//! Whether this computer has been told of an AWS account at all. Reads the environment and looks for files, asks nobody:
//! without an account nothing may wait for one.

use std::path::{Path, PathBuf};

/// Variables that each bring credentials or say where they come from.
const VARIABLES: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// What a person can do where no account is set up.
pub(super) const HOW: &str = "AWS is not set up: `aws configure` (keys) or `aws configure sso` (sign-on) sets an account up, \
    `AWS_PROFILE` picks one; then `hga doctor`";

/// Whether anything points to an account.
pub(super) fn is_there(variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if VARIABLES.iter().any(|name| set(name).is_some()) {
        return true;
    }
    let file = |name: &str, usual: &str| set(name).map(PathBuf::from).or_else(|| Some(home?.join(usual)));
    let files = [file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), file("AWS_CONFIG_FILE", ".aws/config")];
    if files.into_iter().flatten().any(|path| path.metadata().is_ok_and(|found| found.is_file() && found.len() > 0)) {
        return true;
    }
    set("AWS_EC2_METADATA_DISABLED").is_none_or(|value| value != "true") && is_on_ec2(Path::new("/sys"))
}

/// Where the credentials in use come from, in the order in which the standard chain looks: never what they are.
pub(super) fn source(variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> String {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("AWS_ACCESS_KEY_ID").is_some() {
        return "from the environment variables".to_owned();
    }
    if let Some(profile) = set("AWS_PROFILE") {
        return format!("from profile `{profile}`");
    }
    let has_default = |name: &str, usual: &str| {
        let file = set(name).map(PathBuf::from).or_else(|| Some(home?.join(usual)));
        file.and_then(|file| std::fs::read_to_string(file).ok())
            .is_some_and(|text| text.lines().any(|line| matches!(line.trim(), "[default]" | "[profile default]")))
    };
    if has_default("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials") || has_default("AWS_CONFIG_FILE", ".aws/config")
    {
        return "from profile `default`".to_owned();
    }
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "from a web identity"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "from the container's role"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "from the container's role"),
    ];
    let found = variables.iter().find(|(name, _)| set(name).is_some());
    found.map_or("from this machine's role", |(_, what)| what).to_owned()
}

/// Whether this computer is itself a machine of EC2, which may have a role.
fn is_on_ec2(sys: &Path) -> bool {
    let says = |file: &str, head: &str| {
        std::fs::read_to_string(sys.join(file)).is_ok_and(|text| text.trim().to_ascii_lowercase().starts_with(head))
    };
    says("devices/virtual/dmi/id/sys_vendor", "amazon ec2") || says("hypervisor/uuid", "ec2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_looked_for_without_asking_anybody() {
        let home = tempfile::tempdir().unwrap();
        let off = |name: &str| (name == "AWS_EC2_METADATA_DISABLED").then(|| "true".to_owned());
        assert!(!is_there(off, Some(home.path())));
        assert!(!is_there(off, None));
        assert!(is_there(|name| (name == "AWS_PROFILE").then(|| "work".to_owned()), None));
        assert!(!is_there(|name| (name == "AWS_PROFILE").then(String::new).or_else(|| off(name)), None));
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), "").unwrap();
        assert!(!is_there(off, Some(home.path())), "an empty file says nothing");
        std::fs::write(home.path().join(".aws/config"), "[default]\nregion = us-west-2\n").unwrap();
        assert!(is_there(off, Some(home.path())));
        let elsewhere = |name: &str| {
            let file = matches!(name, "AWS_CONFIG_FILE" | "AWS_SHARED_CREDENTIALS_FILE");
            off(name).or_else(|| file.then(|| "/dev/null".to_owned()))
        };
        assert!(!is_there(elsewhere, Some(home.path())));
    }

    #[test]
    fn the_first_of_the_chain_is_named() {
        let home = tempfile::tempdir().unwrap();
        let with = |names: &'static [&'static str]| {
            source(|name| names.contains(&name).then(|| "work".to_owned()), Some(home.path()))
        };
        assert_eq!(with(&[]), "from this machine's role");
        assert_eq!(with(&["AWS_WEB_IDENTITY_TOKEN_FILE"]), "from a web identity");
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), "[default]\nregion = us-west-2\n").unwrap();
        assert_eq!(with(&["AWS_WEB_IDENTITY_TOKEN_FILE"]), "from profile `default`");
        assert_eq!(with(&["AWS_PROFILE"]), "from profile `work`");
        assert_eq!(with(&["AWS_PROFILE", "AWS_ACCESS_KEY_ID"]), "from the environment variables");
    }

    #[test]
    fn a_machine_of_ec2_is_known_by_its_board() {
        let sys = tempfile::tempdir().unwrap();
        assert!(!is_on_ec2(sys.path()));
        let board = sys.path().join("devices/virtual/dmi/id");
        std::fs::create_dir_all(&board).unwrap();
        std::fs::write(board.join("sys_vendor"), "Amazon EC2\n").unwrap();
        assert!(is_on_ec2(sys.path()));
    }
}
