//! A TCP proxy that can be cut, frozen and limited on demand.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};

/// The proxy; all its connections end with it.
pub(crate) struct Cut {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: tokio::task::AbortHandle,
}

struct Shared {
    cut: broadcast::Sender<()>,
    frozen: watch::Sender<bool>,
    refusing: watch::Sender<bool>,
    /// Bytes from the server to the client, of all connections.
    down: AtomicU64,
    /// Bytes from the client to the server.
    up: AtomicU64,
    /// All connections are cut when `down + up` reaches this.
    limit: AtomicU64,
    accepted: AtomicU64,
}

impl Cut {
    /// Starts one in front of a port on 127.0.0.1.
    pub(crate) async fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            cut: broadcast::channel(1).0,
            frozen: watch::channel(false).0,
            refusing: watch::channel(false).0,
            down: AtomicU64::new(0),
            up: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            accepted: AtomicU64::new(0),
        });
        let all = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *all.refusing.borrow() {
                    continue;
                }
                all.accepted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(client, target, Arc::clone(&all)));
            }
        })
        .abort_handle();
        Self { port, shared, accepting }
    }

    /// Ends all connections that stand (with a reset where the system does so); new ones are let through.
    pub(crate) fn cut(&self) {
        let _ = self.shared.cut.send(());
    }

    /// Cuts, once, after this many more bytes in both directions together.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.shared.limit.store(self.bytes() + bytes, Ordering::SeqCst);
    }

    /// Lets nothing through, but keeps connections open; or lets it through again.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.shared.frozen.send_replace(frozen);
    }

    /// Hangs up on new connections; or takes them again.
    pub(crate) fn refuse(&self, refusing: bool) {
        self.shared.refusing.send_replace(refusing);
    }

    /// Bytes let through in both directions.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst) + self.shared.up.load(Ordering::SeqCst)
    }

    /// Bytes let through from server to client.
    pub(crate) fn down(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst)
    }

    /// Connections taken so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn serve(client: TcpStream, target: u16, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::select! {
        _ = cut.recv() => {}
        () = async {
            tokio::join!(
                pump(client_read, server_write, &shared, &shared.up),
                pump(server_read, client_write, &shared, &shared.down),
            );
        } => {}
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    shared: &Shared,
    count: &AtomicU64,
) {
    let mut frozen = shared.frozen.subscribe();
    let mut buffer = vec![0; 16 << 10];
    loop {
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        let Ok(read @ 1..) = from.read(&mut buffer).await else { break };
        if frozen.wait_for(|frozen| !frozen).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        count.fetch_add(read as u64, Ordering::SeqCst);
        let total = shared.up.load(Ordering::SeqCst) + shared.down.load(Ordering::SeqCst);
        if total >= shared.limit.load(Ordering::SeqCst) {
            shared.limit.store(u64::MAX, Ordering::SeqCst);
            let _ = shared.cut.send(());
        }
    }
    let _ = to.shutdown().await;
}
