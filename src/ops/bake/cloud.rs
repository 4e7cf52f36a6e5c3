//! The images of a cloud: one family for each distribution. One is made on a machine of its own, and has to show that it
//! conforms and that tests pass on it before it counts; the last good one stays until then.

use super::machine::{self, push_source, run_to_end};
use super::retain::retain;
use crate::cloud::{Cloud, ImageRequest};
use crate::domain::money::{Bill, gb};
use crate::domain::{
    BootstrapSpec, Claim, CloudWish, Distro, Fingerprint, Image, ImageName, Layout, Machine, MachineId, OnError,
    ProviderKind, Region, ResourceKind, RunId, RunTestsSpec, Timestamp, words,
};
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::EventKind;
use crate::mercurial::{LINUX_BOOTSTRAP, linux_environment, linux_inputs};
use crate::ops::launch::{Wanted, launch_for_job};
use crate::ops::ready::{Fit, leased, set_lease, take_over, wait_ready};
use crate::ops::source::Source;
use crate::ops::world::{World, fail};
use crate::remote::spool::RunSpec;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a machine is kept to be looked at when no image came of it.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// The longest that one is kept for the person to be asked.
const ASKED: Duration = Duration::from_secs(10 * 60);
/// Where a bare machine keeps its spool.
const BARE: &str = "/var/tmp/hga";
/// The name of the input that tells whose history an image's clone holds.
const REPOSITORY: &str = "repository";

/// What is asked for, of each distribution.
pub(super) struct Order {
    provider: ProviderKind,
    lease: Duration,
    rebuild: bool,
    on_error: OnError,
    wish: CloudWish,
}

impl Order {
    pub(super) fn of(spec: &BootstrapSpec) -> Self {
        Self {
            provider: spec.provider,
            lease: spec.lease,
            rebuild: spec.rebuild,
            on_error: spec.on_error,
            wish: spec.wish.clone(),
        }
    }
}

/// Makes sure that each distribution has a current image, one after the other or side by side. One that fails does not
/// keep the others from being made.
pub(super) async fn make_images(
    ctx: &JobContext,
    world: &World,
    source: &Source,
    order: &Order,
    distros: &[&'static Distro],
    parallel: bool,
) -> Result<Vec<Image>, Failure> {
    let first = source.repo.first_node().await.map_err(fail)?;
    let several = distros.len() > 1;
    let bakes = distros.iter().map(|distro| Bake::new(ctx, world, source, &first, order, distro, several));
    let bakes: Vec<Bake<'_>> = bakes.collect::<Result<_, _>>()?;
    let outcomes = if parallel {
        futures::future::join_all(bakes.iter().map(Bake::ensure)).await
    } else {
        let mut outcomes = Vec::new();
        for bake in &bakes {
            outcomes.push(bake.ensure().await);
        }
        outcomes
    };
    let mut images = Vec::new();
    let mut failed = Vec::new();
    for (bake, outcome) in bakes.iter().zip(outcomes) {
        match outcome {
            Ok(image) => images.push(image),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => failed.push((bake.distro, failure)),
        }
    }
    if failed.is_empty() {
        return Ok(images);
    }
    if !several {
        return Err(failed.remove(0).1);
    }
    for image in &images {
        ctx.note(super::is_current(image)).await?;
    }
    let all: Vec<String> = failed.iter().map(|(distro, failure)| format!("{}: {failure}", distro.name)).collect();
    let count = words::count(distros.len() as u64, "image");
    let mut whole = Failure::new(format!("{} of {count} could not be made: {}", failed.len(), all.join("; ")));
    for (_, failure) in failed {
        if let Failure::Error { hints, .. } = failure {
            whole = hints.into_iter().fold(whole, |whole, hint| whole.hint(hint.0));
        }
    }
    Err(whole)
}

/// The image that tests are run on where none was named: the distribution's current one, made when that was asked for.
pub(in crate::ops) async fn image_of_cloud(
    ctx: &JobContext,
    world: &World,
    spec: &RunTestsSpec,
    source: &Source,
) -> Result<ImageName, Failure> {
    let distro = Distro::wished(spec.wish.distro.as_deref()).map_err(fail)?;
    let order = Order {
        provider: spec.provider,
        lease: spec.lease,
        rebuild: false,
        on_error: OnError::Cleanup,
        // the type that was wished for is that of the machine that runs tests
        wish: CloudWish { instance_types: Vec::new(), ..spec.wish.clone() },
    };
    let first = source.repo.first_node().await.map_err(fail)?;
    let bake = Bake::new(ctx, world, source, &first, &order, distro, false)?;
    let family = bake.family().await?;
    if let Some(image) = bake.current(&family) {
        bake.end_earlier().await?;
        return Ok(image.name.clone());
    }
    if spec.build_image {
        return bake.ensure().await.map(|image| image.name);
    }
    let command = bootstrap_command(spec.provider, distro, spec.wish.region.as_ref());
    let command = match &spec.source {
        crate::domain::TestSource::Pypi => command,
        crate::domain::TestSource::Directory(folder) => {
            let folder = folder.to_string_lossy();
            format!("{command} --source {}", shlex::try_quote(&folder).unwrap_or_default())
        }
    };
    // one with another history does, once the whole of ours has been sent to it
    if let Some(image) = family.iter().find(|image| bake.changed(image) == [REPOSITORY]) {
        ctx.warn(format!(
            "image `{}` holds the history of another repository, so all of this one's is sent to it; `{command}` makes one for it",
            image.name
        ))
        .await?;
        return Ok(image.name.clone());
    }
    let message = match family.first() {
        Some(image) => format!("image `{}` is stale ({})", image.name, bake.why(image)),
        None => format!("there is no image of {} yet", distro.title),
    };
    Err(Failure::new(message).hint(format!("`{command}` makes one; `--build-image` does so before the tests")))
}

/// The command that makes a distribution's image in a region.
pub(in crate::ops) fn bootstrap_command(provider: ProviderKind, distro: &Distro, region: Option<&Region>) -> String {
    let command = format!("hga bootstrap-linux-dev --provider {provider} --distros {}", distro.name);
    match region {
        Some(region) if *region != Region::usual() => format!("{command} --aws-region {region}"),
        _ => command,
    }
}

/// The images of ours of a distribution that can be launched from where machines are launched, the newest first.
pub(in crate::ops) async fn family(cloud: &dyn Cloud, distro: &Distro) -> Result<Vec<Image>, Failure> {
    cloud.forget();
    let home = cloud.home();
    let images = cloud.images().await.whole().map_err(fail)?;
    let ours = |image: &Image| !matches!(&image.claim, Some(Claim::OtherOwner { .. } | Claim::Foreign { .. }));
    let near = |image: &Image| home.is_none() || image.region == home;
    let mut family: Vec<Image> = images
        .into_iter()
        .filter(|image| distro.is_family(image.name.as_str()) && ours(image) && near(image))
        .collect();
    if !family.is_empty() {
        let regions: Vec<_> = home.into_iter().collect();
        let regions = (!regions.is_empty()).then_some(regions.as_slice());
        let there = cloud.resources(&[ResourceKind::Image], regions).await.whole().map_err(fail)?;
        family.retain(|image| {
            let state = there.iter().find(|one| one.at == image.resource().at).map(|one| one.state.as_deref());
            matches!(state, Some(None | Some("available")))
        });
    }
    family.sort_by_key(|image| std::cmp::Reverse(image.created));
    Ok(family)
}

/// One distribution's image under way.
struct Bake<'a> {
    ctx: &'a JobContext,
    world: &'a World,
    cloud: Arc<dyn Cloud>,
    source: &'a Source,
    order: &'a Order,
    distro: &'static Distro,
    inputs: BTreeMap<String, String>,
    fingerprint: Fingerprint,
    /// What is put before what is told, where there are several.
    of: String,
    /// The machine it is made on, once there is one, with the finaliser that ends it.
    launched: Mutex<Option<(Machine, FinaliserId)>>,
}

impl<'a> Bake<'a> {
    fn new(
        ctx: &'a JobContext,
        world: &'a World,
        source: &'a Source,
        first_node: &str,
        order: &'a Order,
        distro: &'static Distro,
        several: bool,
    ) -> Result<Self, Failure> {
        let mut inputs = linux_inputs(distro);
        inputs.insert(REPOSITORY.to_owned(), first_node.to_owned());
        Ok(Self {
            ctx,
            world,
            cloud: world.cloud(order.provider)?,
            source,
            order,
            distro,
            fingerprint: Fingerprint::of(&inputs),
            inputs,
            of: if several { format!("{}: ", distro.name) } else { String::new() },
            launched: Mutex::default(),
        })
    }

    /// The family's images of ours that can be launched from, the newest first.
    async fn family(&self) -> Result<Vec<Image>, Failure> {
        family(&*self.cloud, self.distro).await
    }

    fn current<'i>(&self, family: &'i [Image]) -> Option<&'i Image> {
        family.iter().find(|image| image.fingerprint.as_ref() == Some(&self.fingerprint))
    }

    /// What is not as it was when an image was made; nothing where that was not recorded.
    fn changed(&self, image: &Image) -> Vec<String> {
        if image.inputs.is_empty() { Vec::new() } else { image.changed(&self.inputs) }
    }

    fn why(&self, image: &Image) -> String {
        let changed = self.changed(image);
        if changed.is_empty() {
            "what it was made from is not recorded".to_owned()
        } else {
            format!("changed: {}", changed.join(", "))
        }
    }

    async fn note(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.ctx.note(format!("{}{}", self.of, text.as_ref())).await
    }

    /// A step, timed.
    async fn step<T>(&self, step: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let start = Instant::now();
        self.note(step).await?;
        // a step may be large, and they lie within one another
        let value = Box::pin(work).await.map_err(|failure| failure.context(step))?;
        let step = format!("{}{step}", self.of);
        self.ctx.emit(EventKind::Step { step, seconds: start.elapsed().as_secs_f64() }).await?;
        Ok(value)
    }

    /// The current image, or a new one. The machine it was made on has ended then.
    async fn ensure(&self) -> Result<Image, Failure> {
        let family = self.family().await?;
        let name = format!("{} ({})", self.distro.family(), self.distro.title);
        let why = match (self.current(&family), family.first()) {
            (Some(image), _) if !self.order.rebuild => {
                self.end_earlier().await?;
                return Ok(image.clone());
            }
            (Some(_), _) => "asked to".to_owned(),
            (None, Some(image)) => self.why(image),
            (None, None) => "there is none".to_owned(),
        };
        self.note(format!("making an image of {name}: {why}")).await?;
        let made = Box::pin(self.make()).await;
        let launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner).take();
        match made {
            Ok(image) => {
                if let Some((machine, finaliser)) = launched {
                    // one that could not be ended here is by the finaliser, which names it if it cannot
                    let _ = self.end(&machine.id, Some(finaliser)).await;
                }
                let keep = self.world.keep_images;
                retain(self.ctx, &*self.cloud, self.distro, &image, &self.inputs[REPOSITORY], keep).await?;
                Ok(image)
            }
            Err(Failure::Interrupted) => Err(Failure::Interrupted),
            Err(failure) => {
                let Some((machine, finaliser)) = launched else { return Err(failure) };
                if self.order.on_error == OnError::Cleanup {
                    let _ = self.end(&machine.id, Some(finaliser)).await;
                    return Err(failure);
                }
                self.keep(&machine, finaliser).await?;
                Err(failure.hint(format!(
                    "machine `{}` is kept for at most {}: `hga ssh {}` looks at it, `hga machines terminate {}` ends it",
                    machine.id,
                    words::span(self.kept_for()),
                    machine.id,
                    machine.id
                )))
            }
        }
    }

    /// The machine that this job makes this distribution's image on, as it is asked for.
    fn machine_id(&self) -> Result<MachineId, Failure> {
        let id = MachineId::for_job(self.ctx.job());
        MachineId::new(format!("{id}-{}", self.distro.name)).map_err(|error| Failure::from_plain(&error))
    }

    async fn end(&self, machine: &MachineId, finaliser: Option<FinaliserId>) -> Result<(), Failure> {
        let provider = self.order.provider;
        self.ctx.emit(EventKind::MachineEnding { machine: machine.clone(), provider }).await?;
        self.cloud.terminate(machine).await.map_err(fail)?;
        self.ctx.emit(EventKind::MachineEnded { machine: machine.clone(), provider, already: false }).await?;
        finaliser.map(|finaliser| self.ctx.disarm(finaliser));
        Ok(())
    }

    /// Ends what an earlier process of the job left when it had made the image; there are finalisers for it, which run when
    /// the job is over.
    async fn end_earlier(&self) -> Result<(), Failure> {
        match self.cloud.machine(&self.machine_id()?).await.map_err(fail)? {
            Some(machine) if machine.state.is_alive() => self.end(&machine.id, None).await,
            _ => Ok(()),
        }
    }

    fn kept_for(&self) -> Duration {
        self.order.lease.min(if self.order.on_error == OnError::Ask { ASKED } else { KEPT })
    }

    /// Leaves the machine to its lease, which is made a short one.
    async fn keep(&self, machine: &Machine, finaliser: FinaliserId) -> Result<(), Failure> {
        let length = self.kept_for();
        if let Err(failure) = set_lease(self.world, machine, length).await {
            // its lease as it was armed last still ends it
            self.ctx.warn(format!("{}the lease could not be set: {failure}", self.of)).await?;
        }
        self.ctx.disarm(finaliser);
        self.ctx.keep(machine.id.clone(), machine.provider);
        Ok(())
    }

    fn log(&self, what: &str) -> PathBuf {
        self.world.folders.image_log.with_file_name(format!("{what}-{}.log", self.distro.name))
    }

    async fn make(&self) -> Result<Image, Failure> {
        let wanted = Wanted {
            id: self.machine_id()?,
            image: None,
            lease: self.order.lease,
            purpose: "bootstrap-linux-dev",
            spare_disk: false,
            for_image: true,
            wish: CloudWish { distro: Some(self.distro.name.clone()), ..self.order.wish.clone() },
        };
        let launch = launch_for_job(self.ctx, self.world, self.order.provider, wanted);
        let launched = self.step("launch", launch).await?;
        let machine = launched.machine.clone();
        *self.launched.lock().unwrap_or_else(PoisonError::into_inner) = Some((launched.machine, launched.finaliser));
        if self.is_begun(&machine).await? {
            return self.image_of(&machine).await;
        }
        let ready = async {
            let machine = wait_ready(self.ctx, self.world, machine, self.order.wish.transport).await?;
            take_over(self.ctx, self.world, machine, Fit::Bare).await
        };
        let machine = self.step("wait until it is ready", ready).await?;
        // it may be reached in another way now
        if let Some((known, _)) = &mut *self.launched.lock().unwrap_or_else(PoisonError::into_inner) {
            known.clone_from(&machine);
        }
        leased(self.world, &machine, self.order.lease, Box::pin(self.fill(&machine))).await
    }

    /// From a bare machine to its image.
    async fn fill(&self, machine: &Machine) -> Result<Image, Failure> {
        let (ctx, world, lease) = (self.ctx, self.world, self.order.lease);
        let mut env = linux_environment(self.distro);
        env.push(("HGDEV".to_owned(), machine.layout.hgdev.clone()));
        let run = RunId::for_job(ctx.job(), "bootstrap");
        let spec = RunSpec { run, line: LINUX_BOOTSTRAP.to_owned(), cwd: "/".to_owned(), env };
        // the work folder is made by those who work in it, and is not there yet
        let layout = Layout { hgwork: BARE.to_owned(), ..machine.layout.clone() };
        let bare = Machine { layout, ..machine.clone() };
        let (what, log) = ("the bootstrap script", self.log("image"));
        Box::pin(run_to_end(ctx, world, &bare, &spec, lease, &self.of, what, &log)).await?;
        self.step("send the source", push_source(ctx, world, machine, self.source)).await?;
        let points = self.step("check the interface", machine::check(world, machine)).await?;
        let log = self.log("smoke");
        let smoke = machine::smoke_run(ctx, world, machine, self.source, lease, &log);
        let passed = self.step("run a few tests", smoke).await?;
        let (points, tests) = (words::count(points as u64, "point"), words::count(passed.into(), "test"));
        self.note(format!("the interface is complete ({points}), {tests} passed")).await?;
        self.step("clean up", machine::clean(world, machine)).await?;
        self.image_of(machine).await
    }

    /// Whether an earlier process of the job has got as far as to begin the image. The machine is not one to log in to any
    /// more then: it was cleaned and started anew, and shows the host key of its launch again.
    async fn is_begun(&self, machine: &Machine) -> Result<bool, Failure> {
        let name = self.name(machine)?;
        self.cloud.forget();
        let images = self.cloud.images().await.items;
        Ok(images.iter().any(|image| image.name == name && image.fingerprint.as_ref() == Some(&self.fingerprint)))
    }

    /// Makes the image of a machine on which all is done, or waits for the one that was begun.
    async fn image_of(&self, machine: &Machine) -> Result<Image, Failure> {
        let request = ImageRequest {
            machine: machine.id.clone(),
            name: self.name(machine)?,
            inputs: self.inputs.clone(),
            fingerprint: self.fingerprint.clone(),
        };
        let make = async { self.cloud.create_image(&request).await.map_err(fail) };
        let image = self.step("make the image", make).await?;
        if let Some(region) = &image.region {
            let bill = Box::new(Bill::of_snapshots(&self.world.prices, region, gb(image.bytes)));
            let (image, owner) = (image.resource().at, self.cloud.owner());
            self.ctx.emit(EventKind::ImageMade { image, bill, owner }).await?;
        }
        Ok(image)
    }

    /// The image's name: the same for the same machine, whichever process of the job asks.
    fn name(&self, machine: &Machine) -> Result<ImageName, Failure> {
        let made = machine.launched.unwrap_or_else(Timestamp::now).strftime("%Y%m%d-%H%M");
        let mark = self.fingerprint.as_str().get(..6).unwrap_or_default();
        ImageName::new(format!("{}-{made}-{mark}", self.distro.family())).map_err(|error| Failure::from_plain(&error))
    }
}
