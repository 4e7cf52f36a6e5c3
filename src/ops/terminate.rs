//! The verb `machines terminate`: each machine is ended by a finaliser of the job, side by side.

use super::world::{Prior, World};
use crate::domain::{MachineId, Phase, ProviderKind, WorkVerdict};
use crate::engine::{Failure, JobContext};
use crate::event::EventKind;
use futures::future::join_all;

/// Ends machines. One that cannot be ended does not keep the others alive.
///
/// # Errors
/// When any of them could not be ended, naming each.
pub async fn terminate(
    ctx: JobContext,
    world: World,
    _prior: Prior,
    provider: ProviderKind,
    machines: Vec<MachineId>,
) -> Result<WorkVerdict, Failure> {
    let cloud = world.cloud(provider)?;
    let intents =
        machines.iter().map(|id| EventKind::MachineEnding { machine: id.clone(), provider }).collect::<Vec<_>>();
    ctx.emit_all(intents).await?;
    let work = join_all(machines.iter().map(|id| {
        let (ctx, cloud) = (ctx.clone(), cloud.clone());
        async move {
            match cloud.terminate(id).await {
                Ok(()) => ctx
                    .emit(EventKind::MachineEnded { machine: id.clone(), provider, already: false })
                    .await
                    .map(|()| None),
                Err(error) => Ok(Some(format!("`{id}`: {}", crate::diag::chain(&error)))),
            }
        }
    }));
    let outcomes = ctx.phase(Phase::End, async { Ok(work.await) }).await?;
    let mut left = Vec::new();
    for outcome in outcomes {
        left.extend(outcome?);
    }
    if left.is_empty() {
        Ok(WorkVerdict::Done)
    } else {
        Err(Failure::new(format!("could not end {}", left.join("; "))))
    }
}
