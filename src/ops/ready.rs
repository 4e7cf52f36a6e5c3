//! Waiting until a machine runs, answers and lets us in; and keeping its lease alive while somebody works on it.

use super::world::{World, fail};
use crate::cloud::Cloud;
use crate::domain::{Lease, Machine, MachineState, Timestamp};
use crate::engine::{Failure, JobContext};
use crate::event::EventKind;
use crate::remote::ErrorKind;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a machine may take from launch to its first login.
const READY_LIMIT: Duration = Duration::from_secs(300);

/// Waits until the machine runs and a command succeeds on it.
pub(super) async fn wait_ready(ctx: &JobContext, world: &World, mut machine: Machine) -> Result<Machine, Failure> {
    let cloud = world.cloud(machine.provider)?;
    let deadline = Instant::now() + READY_LIMIT;
    let mut pause = Duration::from_millis(20);
    loop {
        match machine.state {
            MachineState::Running if machine.endpoint.is_some() => break,
            MachineState::ShuttingDown | MachineState::Terminated => {
                return Err(Failure::new(format!("machine `{}` ended before it was ready", machine.id)));
            }
            _ => {}
        }
        wait(deadline, &mut pause, &machine, "it is still starting").await?;
        machine = cloud
            .machine(&machine.id)
            .await
            .map_err(fail)?
            .ok_or_else(|| Failure::new(format!("machine `{}` ended before it was ready", machine.id)))?;
    }
    let shell = world.shell(&machine)?;
    let mut pause = Duration::from_millis(20);
    loop {
        match shell.capture("true", Bytes::new()).await {
            Ok(said) if said.status.is_success() => break,
            Ok(said) => {
                return Err(Failure::new(format!(
                    "machine `{}` lets us in but cannot run a command: {}",
                    machine.id,
                    crate::domain::escape_line(String::from_utf8_lossy(&said.stderr).trim())
                )));
            }
            Err(error) if error.kind == ErrorKind::Auth && machine.is_ephemeral() && Instant::now() < deadline => {
                // a fresh instance answers before its key is in place
                wait(deadline, &mut pause, &machine, &error.to_string()).await?;
            }
            Err(error) if error.is_transient() && machine.is_ephemeral() => {
                wait(deadline, &mut pause, &machine, &error.to_string()).await?;
            }
            Err(error) => return Err(fail(error)),
        }
    }
    if let Some(endpoint) = &machine.endpoint {
        ctx.emit(EventKind::MachineReady {
            machine: machine.id.clone(),
            provider: machine.provider,
            address: format!("{}:{}", endpoint.host, endpoint.port),
        })
        .await?;
    }
    Ok(machine)
}

async fn wait(deadline: Instant, pause: &mut Duration, machine: &Machine, why: &str) -> Result<(), Failure> {
    if Instant::now() + *pause > deadline {
        return Err(Failure::new(format!(
            "machine `{}` was not ready within {} s: {why}",
            machine.id,
            READY_LIMIT.as_secs()
        )));
    }
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(Duration::from_secs(2));
    Ok(())
}

/// Does the work while renewing the machine's lease, three times within its length. A renewal that fails is tried
/// again at the next turn: the work itself notices when the machine is gone.
pub(super) async fn leased<T>(
    cloud: Arc<dyn Cloud>,
    machine: &Machine,
    length: Duration,
    work: impl Future<Output = T>,
) -> T {
    if machine.lease.is_none() {
        return work.await;
    }
    let renewals = async {
        loop {
            if let Err(error) = cloud.renew(&machine.id, Lease::starting(Timestamp::now(), length)).await {
                tracing::warn!(machine = %machine.id, "could not renew the lease: {}", crate::diag::chain(&error));
            }
            tokio::time::sleep((length / 3).max(Duration::from_millis(200))).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = renewals => unreachable!("the renewals never end"),
    }
}
