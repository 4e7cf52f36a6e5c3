//! From a byte stream to a connection whose host key was checked and that let us in.

use super::dial::{CONNECT_LIMIT, dial, too_slow};
use super::error::{self, place};
use super::hostkey::Policy;
use super::proxy::Complaints;
use crate::domain::Endpoint;
use crate::remote::{Error, ErrorKind, Result};
use crate::ssh::keys;
use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelId, Preferred, cipher};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long logging in may take.
const AUTH_LIMIT: Duration = Duration::from_secs(15);
/// Silence after which the other side is asked whether it lives, and how often in vain: 16 s in all.
const KEEPALIVE: Duration = Duration::from_secs(4);
const KEEPALIVES_MISSED: usize = 3;
/// Bytes a machine may send on a channel ahead of us. 2 MiB moves 500 MB over loopback as fast as OpenSSH's client; 32
/// MiB is 2.5 times slower.
const WINDOW: u32 = 2 << 20;
/// The largest packet asked for. OpenSSH sends no larger ones.
const PACKET: u32 = 32 << 10;
/// Messages a channel holds for its reader. russh gives window back when a message arrives, not when it is read, so this
/// is what bounds memory: as many full packets as the window has.
const QUEUE: usize = (WINDOW / PACKET) as usize;

/// How far the readers of a connection's channels are behind. russh's session waits for a reader whose queue is full,
/// and all other channels of the connection wait with it.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    queues: Mutex<HashMap<ChannelId, Arc<AtomicIsize>>>,
}

impl Backlog {
    /// The counter of a channel; its reader takes one off for each message of data.
    pub(crate) fn of(&self, id: ChannelId) -> Arc<AtomicIsize> {
        Arc::clone(self.queues.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default())
    }

    /// Counts a message that was queued for a channel's reader, who may already have taken it.
    fn count(&self, id: ChannelId) {
        if let Some(queue) = self.queues.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            queue.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a channel.
    pub(crate) fn forget(&self, id: ChannelId) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Whether a reader is (nearly) as far behind as it can be, so that a new call should not rely on this connection.
    pub(crate) fn is_stalled(&self) -> bool {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.values().any(|queue| queue.load(Ordering::Relaxed) + 2 >= QUEUE.cast_signed())
    }
}

/// What russh calls back. It lives as long as the connection: its end is noticed by the end of `_alive`.
pub(crate) struct Client {
    policy: Policy,
    offered: Arc<Mutex<Option<PublicKey>>>,
    backlog: Arc<Backlog>,
    _alive: watch::Sender<()>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> std::result::Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(self.policy.accepts(key))
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        _data: &[u8],
        _session: &mut client::Session,
    ) -> std::result::Result<(), russh::Error> {
        self.backlog.count(channel);
        Ok(())
    }

    async fn extended_data(
        &mut self,
        channel: ChannelId,
        _ext: u32,
        _data: &[u8],
        _session: &mut client::Session,
    ) -> std::result::Result<(), russh::Error> {
        self.backlog.count(channel);
        Ok(())
    }
}

/// A connection that stands. Its channels keep it alive; it ends when it and all of them are gone.
pub(crate) struct Connection {
    pub(crate) handle: Handle<Client>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) complaints: Complaints,
    alive: watch::Receiver<()>,
}

impl Connection {
    /// Resolves when the connection is over.
    pub(crate) fn closed(&self) -> Closed {
        Closed(self.alive.clone())
    }

    /// Whether it is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed() || self.alive.has_changed().is_err()
    }
}

/// Tells of a connection's end.
#[derive(Debug, Clone)]
pub(crate) struct Closed(watch::Receiver<()>);

impl Closed {
    /// Waits for it. Cancel-safe.
    pub(crate) async fn wait(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

struct Shaken {
    handle: Handle<Client>,
    alive: watch::Receiver<()>,
    backlog: Arc<Backlog>,
}

enum Failure {
    Refused(PublicKey),
    NoSuchKey,
    Other(Error),
}

/// Dials and shakes hands up to the host's key.
async fn shake(endpoint: &Endpoint, policy: &Policy) -> std::result::Result<(Shaken, Complaints), Failure> {
    let (wire, complaints) = dial(endpoint).await.map_err(Failure::Other)?;
    let offered = Arc::new(Mutex::new(None));
    let backlog = Arc::new(Backlog::default());
    let (alive_sender, alive) = watch::channel(());
    let handler = Client {
        policy: policy.clone(),
        offered: Arc::clone(&offered),
        backlog: Arc::clone(&backlog),
        _alive: alive_sender,
    };
    let connecting = client::connect_stream(Arc::new(config(policy)), wire, handler);
    let error = match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
        Ok(Ok(handle)) => return Ok((Shaken { handle, alive, backlog }, complaints)),
        Ok(Err(error)) => error,
        Err(_) => return Err(Failure::Other(complaints.explain(too_slow(endpoint)))),
    };
    let shown = offered.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (error, shown) {
        (russh::Error::UnknownKey, Some(key)) => Err(Failure::Refused(key)),
        (russh::Error::NoCommonAlgo { kind: russh::AlgorithmKind::Key, .. }, _) => Err(Failure::NoSuchKey),
        (error, _) => {
            if endpoint.proxy_command.is_some() {
                // What it complained about may still be on its way through its pipe.
                for _ in 0..20 {
                    if !complaints.text().is_empty() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Err(Failure::Other(complaints.explain(error::handshake(endpoint, error))))
        }
    }
}

/// Connects and logs in, trying once.
///
/// # Errors
/// `Unreachable`, `Timeout`, `HostKey`, `Auth`, `Local` (the key), `Protocol`.
pub(crate) async fn connect(endpoint: &Endpoint) -> Result<Connection> {
    let policy = Policy::of(endpoint)?;
    let (shaken, complaints) = match shake(endpoint, &policy).await {
        Ok(shaken) => shaken,
        Err(Failure::Refused(key)) => return Err(policy.refusal(endpoint, &key)),
        Err(Failure::NoSuchKey) => {
            let offered = learn(endpoint).await?;
            return Err(policy.refusal(endpoint, &offered));
        }
        Err(Failure::Other(error)) => return Err(error),
    };
    let Shaken { mut handle, alive, backlog } = shaken;
    let file = endpoint.key.clone();
    let key = tokio::task::spawn_blocking(move || keys::load(&file))
        .await
        .map_err(|error| Error::new(ErrorKind::Local, "could not read the private key").caused_by(error))??;
    let shown = keys::fingerprint(key.public_key());
    let answer = tokio::time::timeout(AUTH_LIMIT, log_in(&mut handle, &endpoint.user, key)).await;
    let at = place(endpoint);
    match answer {
        Err(_) => {
            Err(Error::new(ErrorKind::Timeout, format!("`{at}` did not let us in within {} s", AUTH_LIMIT.as_secs())))
        }
        Ok(Err(error)) => Err(complaints.explain(error::handshake(endpoint, error))),
        Ok(Ok(AuthResult::Success)) => Ok(Connection { handle, backlog, complaints, alive }),
        Ok(Ok(AuthResult::Failure { remaining_methods, .. })) => {
            if remaining_methods.is_empty() && handle.is_closed() {
                let broken = Error::new(ErrorKind::Lost, format!("`{at}` hung up while we logged in"));
                return Err(complaints.explain(broken));
            }
            let user = &endpoint.user;
            Err(Error::new(ErrorKind::Auth, format!("`{at}` does not let user `{user}` in with key `{shown}`")).hint(
                format!("add the line of `{}.pub` to `~{user}/.ssh/authorized_keys` there", endpoint.key.display()),
            ))
        }
    }
}

async fn log_in(
    handle: &mut Handle<Client>,
    user: &str,
    key: russh::keys::PrivateKey,
) -> std::result::Result<AuthResult, russh::Error> {
    let hash = if key.algorithm().is_rsa() {
        // Never SHA-1: where the server does not say, newer servers take SHA-512.
        let best = handle.best_supported_rsa_hash().await?.flatten();
        Some(best.unwrap_or(HashAlg::Sha512))
    } else {
        None
    };
    handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(Arc::new(key), hash)).await
}

async fn learn(endpoint: &Endpoint) -> Result<PublicKey> {
    match shake(endpoint, &Policy::Learn).await {
        Err(Failure::Refused(key)) => Ok(key),
        Err(Failure::Other(error)) => Err(error),
        Ok(_) | Err(Failure::NoSuchKey) => {
            Err(Error::new(ErrorKind::Protocol, format!("`{}` shows no host key that we know", place(endpoint))))
        }
    }
}

/// Connects only far enough to learn the host's key: its line in OpenSSH's form, and its fingerprint. Nothing is
/// accepted, and nobody logs in.
///
/// # Errors
/// `Unreachable`, `Timeout`, `Protocol`.
pub async fn offered_host_key(endpoint: &Endpoint) -> Result<(String, String)> {
    let key = learn(endpoint).await?;
    Ok((keys::one_line(&key)?, keys::fingerprint(&key)))
}

fn config(policy: &Policy) -> client::Config {
    client::Config {
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        channel_buffer_size: QUEUE,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_MISSED,
        nodelay: true,
        preferred: Preferred {
            key: Cow::Owned(policy.algorithms()),
            cipher: Cow::Borrowed(ciphers()),
            ..Preferred::DEFAULT
        },
        ..client::Config::default()
    }
}

/// AES-GCM first where the processor helps with it.
fn ciphers() -> &'static [cipher::Name] {
    const AES_FIRST: &[cipher::Name] = &[
        cipher::AES_128_GCM,
        cipher::AES_256_GCM,
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_CTR,
        cipher::AES_128_CTR,
    ];
    const CHACHA_FIRST: &[cipher::Name] = &[
        cipher::CHACHA20_POLY1305,
        cipher::AES_128_GCM,
        cipher::AES_256_GCM,
        cipher::AES_256_CTR,
        cipher::AES_128_CTR,
    ];
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    let helped = std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let helped = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
    let helped = false;
    if helped { AES_FIRST } else { CHACHA_FIRST }
}
