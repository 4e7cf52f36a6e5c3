//! From an operation to the verb that does it: one exhaustive match.

use crate::domain::{Operation, WorkVerdict};
use crate::engine::{Failure, JobContext};
use crate::ops::{self, Prior, World};

/// Does what was asked.
pub(super) async fn route(
    ctx: JobContext,
    world: World,
    prior: Prior,
    operation: Operation,
) -> Result<WorkVerdict, Failure> {
    match operation {
        Operation::RunTests(spec) => ops::run_tests(ctx, world, prior, spec).await,
        Operation::BootstrapLinux(spec) => ops::bootstrap_linux(ctx, world, prior, spec).await,
        Operation::Launch(spec) => ops::launch(ctx, world, prior, spec).await,
        Operation::Apply { plan, wait } => ops::apply(ctx, world, *plan, wait).await,
        Operation::Terminate { provider, machines } => ops::terminate(ctx, world, prior, provider, machines).await,
    }
}
