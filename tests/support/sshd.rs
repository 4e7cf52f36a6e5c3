//! A real OpenSSH `sshd` on a loopback port, with its own configuration, host keys and authorized key, as the current
//! user. Works for root and others; killed on drop.

#![allow(dead_code, reason = "each test file uses its part")]

use hgautomation::domain::{Endpoint, HostKeys};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub(crate) struct Sshd {
    child: Child,
    /// Its folder, with keys and log.
    pub(crate) home: tempfile::TempDir,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl Sshd {
    /// Starts one with a single Ed25519 host key.
    pub(crate) fn start() -> Self {
        Self::with_host_keys(&["ed25519"])
    }

    /// Starts one with a host key of each of these types (`ssh-keygen -t`).
    pub(crate) fn with_host_keys(types: &[&str]) -> Self {
        let sshd = find("sshd");
        let home = tempfile::tempdir().unwrap();
        let path = home.path();
        keygen("rsa", &path.join("client"));
        fs::copy(path.join("client.pub"), path.join("authorized_keys")).unwrap();
        let mut config = String::new();
        for kind in types {
            let key = path.join(format!("host_{kind}"));
            keygen(kind, &key);
            config.extend(["HostKey ", key.to_str().unwrap(), "\n"]);
        }
        if nix::unistd::geteuid().is_root() {
            // Where it changes to before it lets anybody in.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1:{port}\nPidFile none\nAuthorizedKeysFile {home}/authorized_keys\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin prohibit-password\nMaxStartups 100\nMaxSessions 100\nLogLevel DEBUG1\n\
                 PermitUserEnvironment no\nPrintMotd no\nSubsystem sftp internal-sftp\n{config}",
                home = path.display(),
            );
            fs::write(path.join("config"), config).unwrap();
            let mut child = Command::new(&sshd)
                .arg("-D")
                .arg("-f")
                .arg(path.join("config"))
                .arg("-E")
                .arg(path.join("log"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // by its own word: somebody else may have taken the port meanwhile
            let listens = format!("Server listening on 127.0.0.1 port {port}.");
            let end = Instant::now() + Duration::from_secs(60);
            while Instant::now() < end && child.try_wait().unwrap().is_none() {
                if fs::read_to_string(path.join("log")).is_ok_and(|log| log.contains(&listens)) {
                    return Self { child, home, port };
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("sshd does not start: {}", fs::read_to_string(path.join("log")).unwrap_or_default());
    }

    /// How to reach it, its host keys pinned.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let keys = fs::read_dir(self.home.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with("host_") && path.extension().is_some_and(|end| end == "pub")
            })
            .map(|path| fs::read_to_string(path).unwrap().trim().to_owned())
            .collect();
        Endpoint {
            host: "127.0.0.1".into(),
            port: self.port,
            user: user(),
            key: self.client_key(),
            host_keys: HostKeys::Pinned(keys),
            proxy_command: None,
            managed: None,
        }
    }

    /// The private key that it lets in.
    pub(crate) fn client_key(&self) -> PathBuf {
        self.home.path().join("client")
    }

    /// Options for OpenSSH's own clients to reach it (`-P`/`-p` and the host are the caller's).
    pub(crate) fn openssh_options(&self) -> Vec<String> {
        [
            "-F".into(),
            "none".into(),
            "-i".into(),
            self.client_key().display().to_string(),
            "-oStrictHostKeyChecking=no".into(),
            "-oUserKnownHostsFile=/dev/null".into(),
            "-oLogLevel=ERROR".into(),
            "-oBatchMode=yes".into(),
        ]
        .into()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The current user's name.
pub(crate) fn user() -> String {
    nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().expect("the current user has a name").name
}

/// A program in `PATH` or the folders of system programs; fails loudly when it is missing.
pub(crate) fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("`{program}` is missing; install OpenSSH's server and client"))
}

/// Makes a key pair without a passphrase.
pub(crate) fn keygen(kind: &str, file: &Path) {
    let made = Command::new(find("ssh-keygen")).args(["-q", "-t", kind, "-N", "", "-f"]).arg(file).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}
