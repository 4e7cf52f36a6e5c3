//! The server's process: an SSH server on loopback that dies with its supervisor.

use super::folder::{Answers, Folder};
use crate::diag;
use crate::ssh::server::{HostKey, ServerConfig};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;

/// The server's main function (`hga local-machine serve DIR`); gives the exit status. Tells where it answers in
/// `machine.json`.
pub fn serve(dir: &Path) -> i32 {
    log_to_stderr();
    match run(&Folder::at(dir)) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = diag::chain(error.as_ref()), "the server cannot go on");
            1
        }
    }
}

/// Both processes of a machine write their log to standard error, which is the machine's `log`.
pub(super) fn log_to_stderr() {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .try_init();
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn run(folder: &Folder) -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // The supervisor may have died before that took hold.
    if !folder.is_alive() {
        return Err("the supervisor is gone".into());
    }
    let mut record = folder.record()?.ok_or("this is no machine")?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let host_key = HostKey::generate()?;
        host_key.save(&folder.file("host_key"))?;
        let config = ServerConfig {
            user: "hg".to_owned(),
            authorized_key: std::fs::read_to_string(folder.file("authorized_key"))?,
            host_key: host_key.clone(),
            home: folder.home(),
            shell: std::env::var_os("SHELL").unwrap_or_else(|| OsString::from("/bin/sh")),
            scratch: folder.tmp(),
        };
        record.answers = Some(Answers { port: listener.local_addr()?.port(), host_key: host_key.public_line()? });
        folder.write_record(&record)?;
        crate::ssh::server::serve(listener, config).await?;
        Ok(())
    })
}
