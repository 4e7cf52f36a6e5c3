//! An operation as the line a person could type to ask for the same.

use super::money::Cap;
use super::words::exact;
use super::{
    CloudWish, DirtyTree, Filesystem, KeepMachine, OnError, Operation, Owners, Plan, PlanVerb, ProviderKind,
    ResourceKind, RunTestsSpec, TestSource, Transport,
};
use std::collections::BTreeSet;
use std::path::Path;

impl Operation {
    /// The words of the command line that asks for the same, the program's name first. What the configuration may
    /// change is always said.
    #[must_use]
    pub fn command_words(&self) -> Vec<String> {
        let mut words = vec!["hga".to_owned()];
        match self {
            Self::RunTests(spec) => run_tests(&mut words, spec),
            Self::BootstrapLinux(spec) => {
                words.push(self.verb().to_owned());
                if let TestSource::Directory(folder) = &spec.source {
                    flag(&mut words, "--source", &path(folder));
                }
                if spec.rebuild {
                    words.push("--rebuild".to_owned());
                }
                flag(&mut words, "--provider", spec.provider.as_str());
                flag(&mut words, "--lease", &exact(spec.lease));
                if !spec.distros.is_empty() {
                    flag(&mut words, "--distros", &spec.distros.join(","));
                }
                if spec.parallel {
                    words.push("--parallel".to_owned());
                }
                if spec.on_error != OnError::default() {
                    flag(&mut words, "--on-error", spec.on_error.as_str());
                }
                wish(&mut words, &spec.wish, spec.provider);
            }
            Self::Launch(spec) => {
                words.extend(self.verb().split(' ').map(str::to_owned));
                flag(&mut words, "--provider", spec.provider.as_str());
                if let Some(image) = &spec.image {
                    flag(&mut words, "--image", image.as_str());
                }
                flag(&mut words, "--lease", &exact(spec.lease));
                wish(&mut words, &spec.wish, spec.provider);
            }
            Self::Terminate { machines, .. } => {
                words.extend(self.verb().split(' ').map(str::to_owned));
                words.extend(machines.iter().map(ToString::to_string));
            }
            Self::Apply { plan, wait } => apply(&mut words, plan, *wait),
        }
        words
    }

    /// The same as one line for a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        let words = self.command_words();
        let line = shlex::Quoter::new().allow_nul(true).join(words.iter().map(String::as_str));
        // with NUL allowed nothing is left that cannot be quoted
        line.unwrap_or_else(|_| words.join(" "))
    }
}

fn run_tests(words: &mut Vec<String>, spec: &RunTestsSpec) {
    words.push("run-tests-linux".to_owned());
    flag(words, "--provider", spec.provider.as_str());
    if let Some(machine) = &spec.machine {
        flag(words, "--machine", machine.as_str());
    }
    if let Some(image) = &spec.image {
        flag(words, "--image", image.as_str());
    }
    match &spec.source {
        TestSource::Pypi => flag(words, "--source", TestSource::PYPI),
        TestSource::Directory(folder) if folder.as_os_str() == TestSource::PYPI => flag(words, "--source", "./pypi"),
        TestSource::Directory(folder) => flag(words, "--source", &path(folder)),
    }
    if spec.rev != "." {
        flag(words, "--rev", &spec.rev);
    }
    if spec.dirty == DirtyTree::Include {
        words.push("--dirty".to_owned());
    }
    if spec.filesystem != Filesystem::Default {
        flag(words, "--filesystem", spec.filesystem.as_str());
    }
    flag(words, "--python-version", &spec.python);
    flag(words, "--lease", &exact(spec.lease));
    if spec.keep == KeepMachine::OnFailure {
        words.push("--keep-on-failure".to_owned());
    }
    if let Some(results) = &spec.results {
        flag(words, "--results", &path(results));
    }
    wish(words, &spec.wish, spec.provider);
    if spec.build_image {
        words.push("--build-image".to_owned());
    }
    if !spec.test_args.is_empty() {
        words.push("--".to_owned());
        words.extend(spec.test_args.iter().cloned());
    }
}

fn wish(words: &mut Vec<String>, wish: &CloudWish, provider: ProviderKind) {
    if let Some(region) = &wish.region {
        flag(words, "--aws-region", region.as_str());
    }
    if let Some(distro) = &wish.distro {
        flag(words, "--distro", distro);
    }
    if !wish.instance_types.is_empty() {
        flag(words, "--instance-type", &wish.instance_types.join(","));
    }
    // the configuration may change it for EC2
    if provider == ProviderKind::Aws || wish.transport != Transport::default() {
        flag(words, "--transport", wish.transport.as_str());
    }
    for block in &wish.cidr {
        flag(words, "--cidr", block);
    }
    match wish.allowance.cap {
        Some(Cap::At(usd)) => flag(words, "--cap", &usd.exact()),
        Some(Cap::None) => flag(words, "--cap", "none"),
        None => {}
    }
    if wish.allowance.over_day_cap {
        words.push("--over-day-cap".to_owned());
    }
}

/// A plan carried out is that of its saved file; as typed anew it would be another one, made of what is there then.
fn apply(words: &mut Vec<String>, plan: &Plan, wait: bool) {
    words.extend(plan.verb.as_str().split(' ').map(str::to_owned));
    let regions: BTreeSet<_> = plan.items.iter().filter_map(|item| item.at.region.as_ref()).collect();
    for region in regions {
        flag(words, "--aws-region", region.as_str());
    }
    match &plan.owners {
        Owners::Mine => {}
        Owners::Also(owners) => owners.iter().for_each(|owner| flag(words, "--owner", owner)),
        Owners::All => words.push("--all-owners".to_owned()),
    }
    if wait {
        words.push("--wait".to_owned());
    }
    match plan.verb {
        PlanVerb::TerminateEc2 | PlanVerb::Purge => {}
        PlanVerb::RemoveImages => {
            let images = plan.items.iter().filter(|item| item.at.kind == ResourceKind::Image);
            words.extend(images.map(|item| item.at.id.clone()));
        }
        PlanVerb::Terminate | PlanVerb::Remove => words.extend(plan.items.iter().map(|item| item.at.id.clone())),
    }
}

fn flag(words: &mut Vec<String>, name: &str, value: &str) {
    // what begins with a dash would be taken for a flag of its own, and nothing for no value
    if value.starts_with('-') || value.is_empty() {
        words.push(format!("{name}={value}"));
    } else {
        words.extend([name.to_owned(), value.to_owned()]);
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Allowance;
    use crate::domain::{BootstrapSpec, LaunchSpec, MachineId, OnError};
    use std::time::Duration;

    fn run() -> RunTestsSpec {
        RunTestsSpec {
            build_image: false,
            wish: CloudWish::default(),
            provider: ProviderKind::Hosts,
            machine: Some(MachineId::new("build1").unwrap()),
            image: None,
            source: TestSource::Directory("/src/my hg".into()),
            rev: "draft() and 'x'".into(),
            dirty: DirtyTree::Include,
            filesystem: Filesystem::Tmpfs,
            python: "3.12".into(),
            test_args: vec!["-j2".into(), "test-a b.t".into()],
            keep: KeepMachine::OnFailure,
            lease: Duration::from_secs(5400),
            results: Some("/r".into()),
        }
    }

    #[test]
    fn an_operation_is_a_line_one_can_type() {
        let lease = Duration::from_secs(7200);
        let pypi = RunTestsSpec {
            source: TestSource::Pypi,
            image: Some(crate::domain::ImageName::new("hg-dev-1").unwrap()),
            rev: "-1".into(),
            test_args: vec!["--with-hg=x".into(), "test-add.t".into()],
            ..run()
        };
        let on_ec2 = CloudWish {
            region: None,
            instance_types: vec!["c5.9xlarge".into(), "m5.8xlarge".into()],
            distro: Some("debian12".into()),
            transport: Transport::Ssm,
            cidr: vec!["203.0.113.0/24".into(), "2001:db8::/32".into()],
            allowance: Allowance { cap: Some(Cap::At("2.50".parse().unwrap())), over_day_cap: true },
        };
        let table = [
            (
                Operation::RunTests(RunTestsSpec {
                    provider: ProviderKind::Aws,
                    machine: None,
                    source: TestSource::Pypi,
                    rev: ".".into(),
                    dirty: DirtyTree::Ignore,
                    filesystem: Filesystem::Default,
                    test_args: vec!["-j36".into()],
                    keep: KeepMachine::Never,
                    results: None,
                    build_image: true,
                    wish: CloudWish::default(),
                    ..run()
                }),
                "hga run-tests-linux --provider aws --source pypi --python-version 3.12 --lease 1h30m --transport ssh \
                 --build-image -- -j36",
            ),
            (
                Operation::Launch(LaunchSpec { wish: on_ec2, provider: ProviderKind::Aws, image: None, lease }),
                "hga machines launch --provider aws --lease 2h --distro debian12 --instance-type 'c5.9xlarge,m5.8xlarge' \
                 --transport ssm --cidr 203.0.113.0/24 --cidr 2001:db8::/32 --cap 2.5 --over-day-cap",
            ),
            (
                Operation::RunTests(run()),
                "hga run-tests-linux --provider hosts --machine build1 --source '/src/my hg' --rev \"draft() and 'x'\" \
                 --dirty --filesystem tmpfs --python-version 3.12 --lease 1h30m --keep-on-failure --results /r -- -j2 \
                 'test-a b.t'",
            ),
            (
                Operation::RunTests(pypi),
                "hga run-tests-linux --provider hosts --machine build1 --image hg-dev-1 --source pypi '--rev=-1' --dirty \
                 --filesystem tmpfs --python-version 3.12 --lease 1h30m --keep-on-failure --results /r -- '--with-hg=x' \
                 test-add.t",
            ),
            (
                Operation::BootstrapLinux(BootstrapSpec {
                    distros: Vec::new(),
                    parallel: false,
                    on_error: OnError::default(),
                    wish: CloudWish::default(),
                    provider: ProviderKind::Local,
                    source: TestSource::Pypi,
                    lease,
                    rebuild: true,
                }),
                "hga bootstrap-linux-dev --rebuild --provider local --lease 2h",
            ),
            (
                Operation::Launch(LaunchSpec {
                    wish: CloudWish::default(),
                    provider: ProviderKind::Local,
                    image: None,
                    lease,
                }),
                "hga machines launch --provider local --lease 2h",
            ),
            (
                Operation::Terminate {
                    provider: ProviderKind::Local,
                    machines: vec![MachineId::new("m-a").unwrap(), MachineId::new("m-b").unwrap()],
                },
                "hga machines terminate m-a m-b",
            ),
        ];
        for (operation, line) in table {
            assert_eq!(operation.command_line(), line);
            assert_eq!(shlex::split(line), Some(operation.command_words()), "{line}");
        }
    }
}
