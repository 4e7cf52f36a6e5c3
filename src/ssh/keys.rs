//! The key pair of this client (`keypair-automation`, RSA in PEM PKCS#1, as the predecessor lays it out), host keys,
//! and fingerprints.

use crate::remote::{Error, ErrorKind, Result};
use rsa::pkcs1::{EncodeRsaPrivateKey, LineEnding};
use russh::keys::ssh_key::private::{KeypairData, RsaKeypair};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of the private key's file; the public key's has `.pub` added.
pub const FILE_NAME: &str = "keypair-automation";

/// Size of a new key. EC2 takes RSA keys of 1024, 2048 and 4096 bits only (`ImportKeyPair`).
const BITS: usize = 2048;

/// A key pair that exists on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// File of the private key.
    pub private: PathBuf,
    /// The public key in OpenSSH's one-line form, without comment or line end.
    pub public: String,
}

/// The key pair in `folder`: made when there is none, otherwise kept as it is. The folder gets mode 0700, the private
/// key 0600. Safe when several processes start at once: one of them wins and all use its key. Blocks; making a key
/// takes about a second.
///
/// # Errors
/// `Local` when the key cannot be read, is encrypted, is no key, belongs to somebody else, or cannot be written.
pub fn ensure(folder: &Path) -> Result<ClientKey> {
    private_folder(folder)?;
    let private = folder.join(FILE_NAME);
    match fs::symlink_metadata(&private) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder, &private)?,
        Err(error) => return Err(local("could not look at", &private, error)),
    }
    let key = load(&private)?;
    let public = one_line(key.public_key())?;
    let public_file = folder.join(format!("{FILE_NAME}.pub"));
    if !public_file.exists() {
        place(folder, &public_file, format!("{public} \n").as_bytes(), 0o644, Place::Replace)?;
    }
    Ok(ClientKey { private, public })
}

/// Reads a private key, in any of OpenSSH's or PEM's forms. Permissions that let others in are tightened to 0600.
///
/// # Errors
/// `Local` as for [`ensure`]. Key material never appears in the error.
pub fn load(file: &Path) -> Result<PrivateKey> {
    let text = fs::read_to_string(file).map_err(|error| {
        let error = local("could not read the private key", file, error);
        error.hint(format!("check that `{}` exists and that you may read it", file.display()))
    })?;
    let metadata = fs::metadata(file).map_err(|error| local("could not look at", file, error))?;
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(file, Permissions::from_mode(0o600)).map_err(|error| {
            local("others may read the private key", file, error).hint(format!("run `chmod 600 {}`", file.display()))
        })?;
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") || text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err(encrypted(file));
    }
    let key = russh::keys::decode_secret_key(&text, None).map_err(|error| match error {
        russh::keys::Error::KeyIsEncrypted => encrypted(file),
        other => Error::new(ErrorKind::Local, format!("`{}` holds no private key that can be used", file.display()))
            .hint(format!("move `{}` away to have a new key made, or put a working key there", file.display()))
            .caused_by(other),
    })?;
    if key.is_encrypted() { Err(encrypted(file)) } else { Ok(key) }
}

/// A new Ed25519 key for a host.
///
/// # Errors
/// `Local` when it cannot be made.
pub fn new_host_key() -> Result<PrivateKey> {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .map_err(|error| Error::new(ErrorKind::Local, "could not make a host key").caused_by(error))
}

/// A new Ed25519 key for a host: its private half as OpenSSH writes it, which is a secret, and its public half in one line.
///
/// # Errors
/// `Local` when it cannot be made.
pub fn new_host_key_pair() -> Result<(String, String)> {
    let key = new_host_key()?;
    let private = key
        .to_openssh(LineEnding::LF)
        .map_err(|error| Error::new(ErrorKind::Local, "could not write a host key").caused_by(error))?;
    Ok((private.to_string(), one_line(key.public_key())?))
}

/// A public key's fingerprint as OpenSSH shows it: `SHA256:` and 43 characters of base64.
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The fingerprint of a key in OpenSSH's one-line form.
///
/// # Errors
/// `Local` when the line holds no public key.
pub fn fingerprint_of_line(line: &str) -> Result<String> {
    parse_line(line).map(|key| fingerprint(&key))
}

/// A public key in OpenSSH's one-line form, without its comment.
///
/// # Errors
/// `Protocol` when the key cannot be encoded.
pub fn one_line(key: &PublicKey) -> Result<String> {
    let mut bare = key.clone();
    bare.set_comment("");
    bare.to_openssh()
        .map(|line| line.trim().to_owned())
        .map_err(|error| Error::new(ErrorKind::Protocol, "could not encode a public key").caused_by(error))
}

/// Reads a public key in OpenSSH's one-line form.
///
/// # Errors
/// `Local` when the line holds none.
pub fn parse_line(line: &str) -> Result<PublicKey> {
    PublicKey::from_openssh(line.trim()).map_err(|error| {
        let shown: String = line.trim().chars().take(40).collect();
        Error::new(ErrorKind::Local, format!("`{shown}` is no public key in OpenSSH's form")).caused_by(error)
    })
}

fn make(folder: &Path, private: &Path) -> Result<()> {
    let failed = "could not make a key pair";
    let key = rsa::RsaPrivateKey::new(&mut russh::keys::key::safe_rng(), BITS)
        .map_err(|error| Error::new(ErrorKind::Local, failed).caused_by(error))?;
    let pem = key
        .to_pkcs1_pem(LineEnding::LF)
        .map_err(|error| Error::new(ErrorKind::Local, failed).caused_by(error.to_string()))?;
    // A key that cannot be read back must not be left behind.
    RsaKeypair::try_from(key)
        .and_then(|pair| PrivateKey::new(KeypairData::from(pair), ""))
        .map_err(|error| Error::new(ErrorKind::Local, failed).caused_by(error))?;
    place(folder, private, pem.as_bytes(), 0o600, Place::KeepExisting)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Replace,
    KeepExisting,
}

/// Writes a file whole: a private temporary file first, which then takes the name at once.
fn place(folder: &Path, target: &Path, bytes: &[u8], mode: u32, how: Place) -> Result<()> {
    let name = format!(".{FILE_NAME}.{}.{:016x}", std::process::id(), rand::random::<u64>());
    let temporary = folder.join(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match how {
            Place::Replace => fs::rename(&temporary, target),
            Place::KeepExisting => match fs::hard_link(&temporary, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            },
        }
    })();
    if how == Place::KeepExisting || written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(|error| local("could not write", target, error))
}

fn private_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| local("could not make", folder, error))?;
    let metadata = fs::metadata(folder).map_err(|error| local("could not look at", folder, error))?;
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(|error| local("could not make private", folder, error))?;
    }
    Ok(())
}

fn local(what: &str, file: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::Local,
    };
    Error::new(kind, format!("{what} `{}`", file.display())).caused_by(error)
}

fn encrypted(file: &Path) -> Error {
    Error::new(ErrorKind::Local, format!("the private key `{}` is protected by a passphrase", file.display()))
        .hint(format!("remove it with `ssh-keygen -p -f {}`, or name a key without one", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_key_is_made_once_and_ssh_keygen_agrees() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("keys");
        let started = std::time::Instant::now();
        let all: Vec<ClientKey> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..2).map(|_| scope.spawn(|| ensure(&folder).unwrap())).collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        eprintln!("two keys at once took {:?}", started.elapsed());
        assert_eq!(all[0], all[1]);
        let key = &all[0];
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&key.private), 0o600);
        let pem = fs::read_to_string(&key.private).unwrap();
        assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "not PKCS#1");
        let public = fs::read_to_string(folder.join("keypair-automation.pub")).unwrap();
        assert_eq!(public.lines().count(), 1);
        let said =
            Command::new("ssh-keygen").arg("-y").arg("-f").arg(&key.private).output().expect("needs ssh-keygen");
        assert!(said.status.success(), "{said:?}");
        assert_eq!(String::from_utf8(said.stdout).unwrap().trim(), public.trim());
        assert_eq!(public.trim(), key.public);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "temporary files are left");

        fs::remove_file(folder.join("keypair-automation.pub")).unwrap();
        fs::set_permissions(&key.private, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(&ensure(&folder).unwrap(), key);
        assert_eq!(mode(&key.private), 0o600);
        assert_eq!(fs::read_to_string(&key.private).unwrap(), pem);
        assert_eq!(fs::read_to_string(folder.join("keypair-automation.pub")).unwrap(), public);
    }

    #[test]
    fn what_is_no_key_is_named_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(FILE_NAME);
        fs::write(&file, "hello\n").unwrap();
        let error = ensure(home.path()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Local);
        assert!(error.message.contains("holds no private key"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");

        for form in ["RFC4716", "PEM"] {
            fs::remove_file(&file).unwrap();
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "rsa", "-b", "2048", "-m", form, "-N", "secret", "-f"])
                .arg(&file)
                .output()
                .expect("needs ssh-keygen");
            assert!(made.status.success(), "{made:?}");
            let error = ensure(home.path()).unwrap_err();
            assert!(error.message.contains("passphrase"), "{form}: {error}: {:?}", error.source);
        }
    }

    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        let key = new_host_key().unwrap();
        let line = one_line(key.public_key()).unwrap();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("k.pub"), &line).unwrap();
        let said = Command::new("ssh-keygen").arg("-lf").arg(home.path().join("k.pub")).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains(&fingerprint(key.public_key())), "{said}");
        assert_eq!(fingerprint_of_line(&line).unwrap(), fingerprint(key.public_key()));
        assert!(fingerprint_of_line("ssh-rsa nonsense").is_err());
    }
}
