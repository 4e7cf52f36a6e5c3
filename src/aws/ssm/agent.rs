//! The agent of Systems Manager where an image lacks it (Debian's do): a script for user data, and the package that
//! `assets/ssm-agent.toml` names.

use crate::domain::Region;
use crate::remote::spool::quote;
use serde::Deserialize;

/// A package of the agent: where it is, and the SHA-256 that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct AgentPackage {
    pub(in super::super) url: String,
    pub(in super::super) sha256: String,
}

/// The package that we know of, from the bucket of a region.
pub(in super::super) fn known_package(region: &Region) -> Option<AgentPackage> {
    #[derive(Deserialize)]
    struct Known {
        url: String,
        sha256: String,
    }
    let known: Known = toml::from_str(include_str!("../../../assets/ssm-agent.toml")).ok()?;
    Some(AgentPackage { url: known.url.replace("{region}", region.as_str()), sha256: known.sha256 })
}

/// The script: does nothing where the agent is there; otherwise fetches the package, checks it, and installs it. Needs
/// root, and of `curl`, `wget` and `python3` one. Fails, and installs nothing, where the checksum is another.
pub(in super::super) fn install_script(url: &str, sha256: &str) -> String {
    format!(
        r#"hga_agent() {{
    [ ! -e /usr/bin/amazon-ssm-agent ] && [ ! -e /snap/bin/amazon-ssm-agent ] || return 0
    deb=$(mktemp) || return
    for try in 1 2 3 4 5; do
        if command -v curl >/dev/null; then curl -fsSL --connect-timeout 20 -o "$deb" "$1"
        elif command -v wget >/dev/null; then wget -q --timeout=20 -O "$deb" "$1"
        else python3 -c 'import sys, urllib.request as r; r.urlretrieve(sys.argv[1], sys.argv[2])' "$1" "$deb"
        fi && break
        sleep $((try * 2))
    done
    if ! echo "$2  $deb" | sha256sum -c - >/dev/null 2>&1; then
        rm -f "$deb"
        echo "hga: the package of the SSM agent is not the one that was asked for" >&2
        return 1
    fi
    dpkg -i "$deb" || return
    rm -f "$deb"
    systemctl enable --now amazon-ssm-agent
}}
hga_agent {} {}
"#,
        quote(url),
        quote(sha256)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_package_is_named_by_version_region_and_checksum() {
        let package = known_package(&Region::usual()).unwrap();
        let start = "https://s3.us-west-2.amazonaws.com/amazon-ssm-us-west-2/3.";
        assert!(package.url.starts_with(start) && package.url.ends_with("/debian_amd64/amazon-ssm-agent.deb"));
        assert!(package.sha256.len() == 64 && package.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    /// `curl`, `dpkg` and `systemctl` of this test write down what they are called with.
    #[test]
    fn nothing_is_installed_but_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("package");
        std::fs::write(&package, "the package").unwrap();
        let log = folder.path().join("log");
        let tools = format!(
            "curl() {{ for to; do [ \"$last\" = -o ] && out=$to; last=$to; done; cp '{}' \"$out\"; }}; \
             dpkg() {{ echo \"dpkg $1 $(cat \"$2\")\" >>'{log}'; }}; systemctl() {{ echo \"systemctl $*\" >>'{log}'; }}; \
             last=; ",
            package.display(),
            log = log.display()
        );
        let run = |sha256: &str| {
            let script = format!("{tools}{}", install_script("https://it's/x.deb", sha256));
            let ran = Command::new("sh").args(["-euc", &script]).output().unwrap();
            (ran.status.success(), String::from_utf8(ran.stderr).unwrap())
        };
        let (done, said) = run(&"0".repeat(64));
        assert!(!done && said.contains("not the one that was asked for"), "{said}");
        assert!(!log.exists());
        // of "the package"
        let sum = Command::new("sha256sum").arg(&package).output().unwrap().stdout;
        let (done, said) = run(std::str::from_utf8(&sum[..64]).unwrap());
        assert!(done, "{said}");
        let log = std::fs::read_to_string(&log).unwrap();
        assert_eq!(log, "dpkg -i the package\nsystemctl enable --now amazon-ssm-agent\n");
    }
}
