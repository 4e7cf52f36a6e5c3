//! The agent of Systems Manager where an image lacks it (Debian's do): a script for user data, and the package that
//! `assets/ssm-agent.toml` names.

use crate::remote::spool::quote;

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
