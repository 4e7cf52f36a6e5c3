//! Waiting until a machine runs, answers and lets us in, step by step, each timed; and keeping its lease alive while
//! somebody works on it.

use super::world::{World, fail};
use crate::cloud::Cloud;
use crate::diag::chain;
use crate::domain::{Lease, Machine, MachineId, MachineState, Timestamp, Transport};
use crate::engine::{Failure, JobContext};
use crate::event::EventKind;
use crate::remote::{ErrorKind, Shell, lease};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// How long a machine's SSH port may be silent before another way is looked for.
const SSH_PATIENCE: Duration = Duration::from_secs(15);
/// The longest pause between two knocks at a port where nobody answers yet; they cost next to nothing.
const KNOCK: Duration = Duration::from_millis(200);
/// The longest pause between two questions that are metered, or counted by who is asked.
const METERED: Duration = Duration::from_secs(2);
/// How long before it is asked whether our address has changed.
const MOVED: Duration = Duration::from_secs(30);
/// How long between two questions to the provider that are not about the machine's state.
const ASK: Duration = Duration::from_secs(5);

/// A lease that is longer than it should be by so little is left alone.
const SLACK: Duration = Duration::from_secs(2);
/// Renewals do not come closer together than this when a cap makes leases short.
const CLOSE: Duration = Duration::from_secs(5);

/// When waiting ends.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    /// How long that was at its start.
    after: Duration,
}

/// The steps of the ladder, of machines of a cloud; those of this computer are up at once.
struct Ladder<'a> {
    ctx: &'a JobContext,
    told: bool,
    since: Instant,
}

impl<'a> Ladder<'a> {
    fn new(ctx: &'a JobContext, machine: &Machine) -> Self {
        Self { ctx, told: machine.cloud.is_some(), since: Instant::now() }
    }

    /// A step is over.
    async fn step(&mut self, step: &str) -> Result<(), Failure> {
        let seconds = self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        if self.told {
            self.ctx.emit(EventKind::Step { step: step.to_owned(), seconds }).await?;
        }
        Ok(())
    }
}

/// Waits until the machine runs and a command succeeds on it. Where its SSH port stays silent and the wish allows it, the
/// provider's own service is taken.
pub(super) async fn wait_ready(
    ctx: &JobContext,
    world: &World,
    machine: Machine,
    transport: Transport,
) -> Result<Machine, Failure> {
    let mut ladder = Ladder::new(ctx, &machine);
    let deadline = Deadline { at: Instant::now() + world.ready_timeout, after: world.ready_timeout };
    let machine = wait_address(world, machine, &mut ladder, deadline).await?;
    let machine = wait_login(world, machine, &mut ladder, deadline, transport).await?;
    if let Some(endpoint) = &machine.endpoint {
        let address = match &endpoint.managed {
            Some(managed) => format!("{} by SSM", managed.instance),
            None => format!("{}:{}", endpoint.host, endpoint.port),
        };
        let (id, provider) = (machine.id.clone(), machine.provider);
        ctx.emit(EventKind::MachineReady { machine: id, provider, address }).await?;
    }
    Ok(machine)
}

async fn wait_address(
    world: &World,
    mut machine: Machine,
    ladder: &mut Ladder<'_>,
    deadline: Deadline,
) -> Result<Machine, Failure> {
    let cloud = world.cloud(machine.provider)?;
    // a question to a cloud is metered
    let mut pause = Duration::from_millis(if machine.cloud.is_some() { 200 } else { 20 });
    let mut pending = true;
    loop {
        match machine.state {
            MachineState::Running => {
                if std::mem::take(&mut pending) {
                    ladder.step("running").await?;
                }
                if machine.endpoint.is_some() {
                    ladder.step("address").await?;
                    return Ok(machine);
                }
            }
            MachineState::Pending => {}
            _ => return Err(ended(&*cloud, &machine.id).await),
        }
        let why = if pending { "it is still starting" } else { "it has no address" };
        wait(&*cloud, deadline, &mut pause, METERED, &machine, why).await?;
        machine = match cloud.machine(&machine.id).await {
            Ok(Some(machine)) => machine,
            Ok(None) => return Err(ended(&*cloud, &machine.id).await),
            // a question that failed may be answered next time
            Err(error) if is_passing(&error) && Instant::now() < deadline.at => machine,
            Err(error) => return Err(fail(error)),
        };
    }
}

/// Whether the same question may be answered later.
fn is_passing(error: &crate::cloud::Error) -> bool {
    matches!(error.kind, crate::cloud::ErrorKind::Throttled | crate::cloud::ErrorKind::Unreachable)
}

async fn wait_login(
    world: &World,
    mut machine: Machine,
    ladder: &mut Ladder<'_>,
    deadline: Deadline,
    transport: Transport,
) -> Result<Machine, Failure> {
    let cloud = world.cloud(machine.provider)?;
    let silent_since = Instant::now();
    let (mut asked, mut moved) = (silent_since, silent_since);
    let mut silent = true;
    let mut pause = Duration::from_millis(20);
    loop {
        let shell = world.shell(&machine)?;
        match shell.capture("true", Bytes::new()).await {
            Ok(said) if said.status.is_success() => {
                if silent {
                    ladder.step("answers").await?;
                }
                ladder.step("login").await?;
                return Ok(machine);
            }
            Ok(said) => {
                return Err(Failure::new(format!(
                    "machine `{}` lets us in but cannot run a command: {}",
                    machine.id,
                    crate::domain::escape_line(String::from_utf8_lossy(&said.stderr).trim())
                )));
            }
            Err(error) if error.kind == ErrorKind::Auth && machine.is_ephemeral() && Instant::now() < deadline.at => {
                if std::mem::take(&mut silent) {
                    ladder.step("answers").await?;
                }
                // a fresh instance answers before its key is in place; servers count refusals
                wait(&*cloud, deadline, &mut pause, METERED, &machine, &error.to_string()).await?;
            }
            Err(error) if error.is_transient() && machine.is_ephemeral() => {
                let by_ssh = machine.endpoint.as_ref().is_some_and(|endpoint| endpoint.managed.is_none());
                if by_ssh && machine.cloud.is_some() && moved.elapsed() > MOVED {
                    moved = Instant::now();
                    if let Err(error) = cloud.let_in(&machine.id).await {
                        tracing::warn!(machine = %machine.id, "could not let this computer in: {}", chain(&error));
                    }
                }
                let otherwise = by_ssh && transport == Transport::Auto && silent_since.elapsed() > SSH_PATIENCE;
                if otherwise && asked.elapsed() > ASK {
                    asked = Instant::now();
                    match cloud.reach_otherwise(&machine.id).await {
                        Ok(Some(other)) => {
                            let text =
                                format!("its SSH port does not answer ({error}); going on through Systems Manager");
                            ladder.ctx.warn(text).await?;
                            machine = other;
                            continue;
                        }
                        Ok(None) => {}
                        Err(error) => tracing::warn!(machine = %machine.id, "{}", chain(&error)),
                    }
                }
                let most = if by_ssh { KNOCK } else { METERED };
                wait(&*cloud, deadline, &mut pause, most, &machine, &error.to_string()).await?;
                // one that has ended will never answer
                if machine.cloud.is_some() && asked.elapsed() > ASK {
                    asked = Instant::now();
                    match cloud.machine(&machine.id).await {
                        Ok(Some(now)) if now.state.is_alive() => {}
                        Ok(_) => return Err(ended(&*cloud, &machine.id).await),
                        Err(error) => tracing::warn!(machine = %machine.id, "{}", chain(&error)),
                    }
                }
            }
            Err(error) => return Err(fail(error)),
        }
    }
}

async fn ended(cloud: &dyn Cloud, id: &MachineId) -> Failure {
    let failure = Failure::new(format!("machine `{id}` ended before it was ready"));
    match cloud.why_not_ready(id).await {
        Some(why) => failure.hint(why),
        None => failure,
    }
}

async fn wait(
    cloud: &dyn Cloud,
    deadline: Deadline,
    pause: &mut Duration,
    most: Duration,
    machine: &Machine,
    why: &str,
) -> Result<(), Failure> {
    if Instant::now() + *pause > deadline.at {
        let message = format!("machine `{}` was not ready within {} s: {why}", machine.id, deadline.after.as_secs());
        let failure = Failure::new(message);
        return Err(match cloud.why_not_ready(&machine.id).await {
            Some(why) => failure.hint(why).hint("docs/troubleshooting.md tells what stands in the way most often"),
            None => failure,
        });
    }
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(most);
    Ok(())
}

/// What a machine must have of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Nothing yet: an image is made on it.
    Bare,
    /// What tests need.
    Whole,
}

/// What is done once on a machine of a cloud that was launched a moment ago: it must keep its lease itself, must have what
/// it needs, and gets a host key that nobody can have read in its user data.
pub(super) async fn take_over(
    ctx: &JobContext,
    world: &World,
    machine: Machine,
    fit: Fit,
) -> Result<Machine, Failure> {
    if machine.cloud.is_none() {
        return Ok(machine);
    }
    let mut ladder = Ladder::new(ctx, &machine);
    let shell = world.shell(&machine)?;
    let kept = async {
        let left = lease::left(&*shell).await.map_err(|error| {
            fail(error).hint("a machine that does not end itself is not worked on; its console tells more")
        })?;
        tracing::info!(machine = %machine.id, left = left.as_secs(), "the machine keeps its lease");
        Ok::<_, Failure>(())
    };
    let (kept, whole, machine_) =
        tokio::join!(kept, fits(&*shell, &machine, fit), new_host_key(ctx, world, &*shell, &machine));
    kept?;
    whole?;
    ladder.step("interface").await?;
    machine_
}

/// Whether the parts of the interface that every run needs are there.
async fn fits(shell: &dyn Shell, machine: &Machine, fit: Fit) -> Result<(), Failure> {
    let layout = &machine.layout;
    let quote = crate::remote::spool::quote;
    let mut wanted = vec![
        ("user hg with passwordless sudo", "sudo -n true".to_owned()),
        ("/bin/bash", "test -x /bin/bash".to_owned()),
    ];
    if fit == Fit::Whole {
        wanted.push(("venv-bootstrap/bin/hg", format!("test -x {}", quote(&layout.hg()))));
        wanted.push(("the clone `src`", format!("test -d {}/.hg", quote(&layout.template_source()))));
    }
    let lines: Vec<String> = wanted
        .iter()
        .map(|(what, test)| {
            format!("{test} >/dev/null 2>&1 || printf '%s\\n' {}", quote(&format!("hga-lacks:{what}")))
        })
        .collect();
    let said = shell.capture(&lines.join("\n"), Bytes::new()).await.map_err(fail)?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let lacking: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("hga-lacks:")).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("machine `{}` lacks {}", machine.id, lacking.join(", ")))
        .hint("its image is no development image: `hga bootstrap-linux-dev` makes one")
        .hint(format!("`hga machines check {}` tells it point by point", machine.id)))
}

/// Makes the machine's second host key and puts it in the place of the first, which its user data holds.
const NEW_KEY: &str = "set -e; umask 077; cd /etc/ssh; rm -f .hga_key .hga_key.pub; \
     ssh-keygen -q -t ed25519 -N '' -C '' -f .hga_key; cat .hga_key.pub";
/// Puts it in its place. Connections that stand are left alone.
const PUT_KEY: &str = "set -e; cd /etc/ssh; mv .hga_key ssh_host_ed25519_key; mv .hga_key.pub ssh_host_ed25519_key.pub; \
     chmod 600 ssh_host_ed25519_key; chmod 644 ssh_host_ed25519_key.pub; \
     systemctl reload-or-restart ssh 2>/dev/null || systemctl reload-or-restart sshd";

async fn as_root(shell: &dyn Shell, script: &str) -> Result<String, Failure> {
    let line = crate::remote::spool::words(["sudo", "-n", "/bin/sh", "-c", script]);
    let said = shell.capture(&line, Bytes::new()).await.map_err(fail)?;
    if said.status.is_success() {
        return Ok(String::from_utf8_lossy(&said.stdout).into_owned());
    }
    let why = crate::domain::escape_line(String::from_utf8_lossy(&said.stderr).trim());
    Err(Failure::new(format!("the machine could not change its host key: {why}")))
}

async fn new_host_key(
    ctx: &JobContext,
    world: &World,
    shell: &dyn Shell,
    machine: &Machine,
) -> Result<Machine, Failure> {
    let cloud = world.cloud(machine.provider)?;
    let Some(endpoint) = &machine.endpoint else { return Ok(machine.clone()) };
    let crate::domain::HostKeys::Pinned(first) = &endpoint.host_keys else { return Ok(machine.clone()) };
    let changed = async {
        let said = as_root(shell, NEW_KEY).await?;
        let new = said.lines().map(str::trim).rfind(|line| line.starts_with("ssh-ed25519 "));
        let new = new.ok_or_else(|| Failure::new("the machine made no host key"))?.to_owned();
        // both hold until the new one is seen: whoever comes in between knows either
        let both: Vec<String> = std::iter::once(new.clone()).chain(first.iter().cloned()).collect();
        cloud.pin_host_keys(&machine.id, &both).await.map_err(fail)?;
        as_root(shell, PUT_KEY).await?;
        let mut machine = machine.clone();
        if let Some(endpoint) = &mut machine.endpoint {
            endpoint.host_keys = crate::domain::HostKeys::Pinned(vec![new.clone()]);
            if endpoint.managed.is_none() {
                world.shell(&machine)?.capture("true", Bytes::new()).await.map_err(fail)?;
            }
        }
        cloud.pin_host_keys(&machine.id, &[new]).await.map_err(fail)?;
        Ok::<_, Failure>(machine)
    };
    match changed.await {
        Ok(machine) => Ok(machine),
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => {
            ctx.warn(format!("the host key stays the one of the launch: {failure}")).await?;
            // the first key is still accepted, and the second where it got so far
            let now = cloud.machine(&machine.id).await.ok().flatten();
            Ok(now.filter(|now| now.endpoint.is_some()).unwrap_or_else(|| machine.clone()))
        }
    }
}

/// How long a machine may live at most, where its job's cap pays until then. It always has the time to be asked for more.
pub(super) fn paid(until: Option<Timestamp>, length: Duration, now: Timestamp) -> Duration {
    let least = length.min(Lease::SHORTEST);
    until.map_or(length, |until| length.min(Lease::until(until).left(now)).max(least))
}

/// How long the machines of a job may live from now on at most.
async fn most(world: &World) -> Duration {
    let until = match &world.purse {
        Some(purse) => purse.lasts().await,
        None => None,
    };
    paid(until, Duration::MAX, Timestamp::now())
}

/// Lets a machine live at least so long from now on, but no longer than its job's cap pays for: what a person has given it
/// besides stands as far as that. One of a cloud is told itself; the provider notes it for people. Gives how long that is.
pub(super) async fn renew(world: &World, machine: &Machine, length: Duration) -> Result<Duration, Failure> {
    let most = most(world).await;
    let mut length = length.min(most);
    if machine.cloud.is_some() {
        let shell = world.shell(machine)?;
        let left = lease::at_least(&*shell, length).await.map_err(fail)?;
        if left > most.saturating_add(SLACK) {
            lease::arm(&*shell, most).await.map_err(fail)?;
            length = most;
        } else if left > length {
            return Ok(left);
        }
    }
    let cloud = world.cloud(machine.provider)?;
    let lease = Lease::starting(Timestamp::now(), length);
    cloud.renew(&machine.id, lease).await.map_err(fail)?;
    (world.lease_moved)(machine, lease);
    Ok(length)
}

/// Lets a machine live exactly so long from now on, even if it had more; less where its job's cap does not pay for so much.
pub(super) async fn set_lease(world: &World, machine: &Machine, length: Duration) -> Result<(), Failure> {
    let length = length.min(most(world).await);
    if machine.cloud.is_some() {
        lease::arm(&*world.shell(machine)?, length).await.map_err(fail)?;
    }
    let cloud = world.cloud(machine.provider)?;
    let lease = Lease::starting(Timestamp::now(), length);
    cloud.renew(&machine.id, lease).await.map_err(fail)?;
    (world.lease_moved)(machine, lease);
    Ok(())
}

/// Does the work while renewing the machine's lease, three times within its length; towards the end of what a cap pays for
/// that is less and less. A renewal that fails is tried again soon: the work itself notices when the machine is gone.
pub(super) async fn leased<T>(
    world: &World,
    machine: &Machine,
    length: Duration,
    work: impl Future<Output = T>,
) -> T {
    let Some(lease) = machine.lease else { return work.await };
    let turn = (length / 3).max(Duration::from_millis(200));
    let renewals = async {
        // a cloud's machine that was launched a moment ago need not be told the same again
        if machine.cloud.is_some() {
            let spare = lease.left(Timestamp::now()).saturating_sub(turn * 2);
            tokio::time::sleep(spare.min(turn)).await;
        }
        loop {
            let pause = match renew(world, machine, length).await {
                Ok(left) if world.purse.is_some() => (left / 3).clamp(CLOSE.min(turn), turn),
                Ok(_) => turn,
                Err(failure) => {
                    tracing::warn!(machine = %machine.id, "could not renew the lease: {failure}");
                    turn / 4
                }
            };
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = renewals => unreachable!("the renewals never end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_as_long_as_the_money_but_never_too_short_to_be_renewed() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let seconds = Duration::from_secs;
        for (pays, length, kept) in [
            (None, 7200, 7200),
            (Some(100_000), 7200, 7200),
            (Some(7200), 7200, 7200),
            (Some(1800), 7200, 1800),
            (Some(10), 7200, 10),
            (Some(3), 7200, 10),
            (Some(-60), 7200, 10),
            // who asks for less gets it
            (Some(3), 5, 5),
        ] {
            let until = pays.map(|pays| now + jiff::SignedDuration::from_secs(pays));
            assert_eq!(paid(until, seconds(length), now), seconds(kept), "{pays:?} {length}");
        }
    }
}
