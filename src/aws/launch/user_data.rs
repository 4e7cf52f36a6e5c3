//! What a machine is told at its launch, as cloud-init reads it: who may log in, which host key it shows, and that it ends
//! itself. JSON is YAML too, so that nothing has to be quoted by hand.

use crate::cloud::{Error, ErrorKind, Result};
use serde_json::json;

/// The most that EC2 takes, before base64.
pub(super) const LIMIT: usize = 16 << 10;
/// The user of the remote machine interface.
pub(super) const USER: &str = "hg";

/// What goes into it.
pub(super) struct Told<'a> {
    /// The key that lets `hg` log in, one line as OpenSSH writes it.
    pub(super) client_key: &'a str,
    /// The private host key, as OpenSSH writes it. A secret.
    pub(super) host_key: &'a str,
    /// Its public half, one line.
    pub(super) host_key_public: &'a str,
    /// The lease's script, and for how many seconds it is armed at each boot.
    pub(super) lease: (&'a str, u64),
    /// A script that is run once, at the end of the first boot.
    pub(super) script: Option<&'a str>,
}

/// The user data: `#cloud-config` and one JSON object.
///
/// # Errors
/// `Other` when it is more than EC2 takes.
pub(super) fn user_data(told: &Told<'_>) -> Result<String> {
    let (script, seconds) = told.lease;
    let mut config = json!({
        // first of all, and at every boot: whatever goes wrong later, the machine ends
        "bootcmd": [["/bin/sh", "-c", script, "hga-lease", "boot", seconds.to_string()]],
        "disable_root": true,
        "ssh_pwauth": false,
        // the keys of the image's own first boot go, and no others are made
        "ssh_deletekeys": true,
        "ssh_keys": {
            "ed25519_private": told.host_key,
            "ed25519_public": told.host_key_public,
        },
        "users": [
            "default",
            {
                "name": USER,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": true,
                "ssh_authorized_keys": [told.client_key],
            },
        ],
    });
    if let Some(script) = told.script {
        config["runcmd"] = json!([["/bin/sh", "-c", script]]);
    }
    let text = format!("#cloud-config\n{config}\n");
    if text.len() > LIMIT {
        let message = format!("the user data of a machine would have {} bytes, EC2 takes {LIMIT}", text.len());
        return Err(Error::new(ErrorKind::Other, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_cloud_config_and_far_from_the_limit() {
        let told = Told {
            client_key: "ssh-rsa AAAA",
            host_key: "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n",
            host_key_public: "ssh-ed25519 BBBB",
            lease: (crate::remote::lease::SCRIPT, 7200),
            script: Some("echo 'it'\"s\""),
        };
        let text = user_data(&told).unwrap();
        let json: serde_json::Value = serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap()).unwrap();
        assert_eq!(json["bootcmd"][0][2], crate::remote::lease::SCRIPT);
        assert_eq!(json["bootcmd"][0][5], "7200");
        assert_eq!(json["users"][1]["ssh_authorized_keys"][0], "ssh-rsa AAAA");
        assert_eq!(json["ssh_keys"]["ed25519_private"], told.host_key);
        assert_eq!(json["runcmd"][0][2], "echo 'it'\"s\"");
        assert!(text.len() < LIMIT / 2, "{} bytes", text.len());
        let long = "x".repeat(LIMIT);
        assert!(user_data(&Told { script: Some(&long), ..told }).is_err());
    }
}
