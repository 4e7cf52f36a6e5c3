//! A month of EC2, by a clock that the test drives: the ledger against a calculation of the test's own, in whole numbers, of
//! what the test did. Each process of the program, and the lab, live at the moment that the clock shows.

#![cfg(all(target_os = "linux", feature = "aws"))]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it lacks and stops where it fails")]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/hg.rs"]
mod hg;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/state.rs"]
mod support;

use clock::Clock;
use hgautomation::domain::money::{Grouping, Ledger, PriceBook, Range, outlook, report};
use hgautomation::journal::Journal;
use lab::{AT_ONCE, Lab};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use support::{Client, Ran};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// When November began, and where what follows ends.
const NOVEMBER: &str = "2026-11-01T00:00:00Z";
const ADDRESS: i128 = 5_000;

/// What the test knows of a thing, in seconds since 1970 and millionths of a dollar.
struct Truth {
    owner: &'static str,
    /// For an hour; none is not known to anybody.
    hour: Option<i128>,
    addresses: i128,
    /// GB, and for a GB and a month; none where the program cannot know it.
    disk: Option<(i128, i128)>,
    /// GB of snapshots, and for a GB and a month.
    stored: Option<(i128, i128)>,
    ran: Vec<(i64, Option<i64>)>,
    gone: Option<i64>,
}

/// Whose program it is, and where it keeps its things.
struct Person {
    state: PathBuf,
}

struct Month {
    lab: Lab,
    clock: Clock,
    here: Person,
    there: Person,
    ben: Person,
    truth: BTreeMap<String, Truth>,
    _folder: tempfile::TempDir,
}

impl Month {
    fn start(now: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start(folder.path(), now)?;
        let machines = folder.path().join("machines");
        std::fs::create_dir(&machines).unwrap();
        let flags = [&["--machines", machines.to_str().unwrap()], AT_ONCE].concat();
        let lab = Lab::start_with(&flags, &clock.env());
        let person = |name: &str, owner: &str| {
            let state = folder.path().join(name);
            std::fs::create_dir(&state).unwrap();
            let config = format!(
                "[retention]\njobs = 1\n[aws]\nowner = \"{owner}\"\naddress_from = \"{}/lab/address\"\n\
                 regions = [\"us-west-2\", \"us-east-1\", \"eu-west-1\"]\n",
                lab.endpoint()
            );
            std::fs::write(state.join("config.toml"), config).unwrap();
            Person { state }
        };
        let (here, there, ben) = (person("here", "anna"), person("there", "anna"), person("ben", "ben"));
        Some(Self { lab, clock, here, there, ben, truth: BTreeMap::new(), _folder: folder })
    }

    /// Moves the clock on; what the lab is to do in between is done.
    fn to(&mut self, now: &str) {
        let seconds = self.clock.set(&format!("2026-{now}"));
        self.lab.sooner(seconds);
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    fn command(&self, of: &Person, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
        self.lab.lead(&mut command).args(args).env("HGA_STATE_PATH", &of.state).env("NO_COLOR", "1");
        command.envs(self.clock.env()).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn hga(&self, of: &Person, args: &[&str]) -> Ran {
        let ran = Client::of(self.command(of, args)).wait();
        assert_eq!(ran.code, 0, "{args:?} at {}: {ran:?}", self.clock.now());
        ran
    }

    /// How many addresses an instance has, and the GB of its volumes, as AWS tells.
    fn facts(&self, region: &str, id: &str) -> (i128, i128) {
        let facts = self.lab.boto(&format!(
            "of = client('ec2', '{region}')\n\
             found = of.describe_instances(InstanceIds=['{id}'])['Reservations'][0]['Instances'][0]\n\
             volumes = of.describe_volumes(Filters=[{{'Name': 'attachment.instance-id', 'Values': ['{id}']}}])['Volumes']\n\
             done([int('PublicIpAddress' in found), sum(each['Size'] for each in volumes)])"
        ));
        (facts[0].as_i64().unwrap().into(), facts[1].as_i64().unwrap().into())
    }

    /// Launches by the program; `hour` is the price in millionths of a dollar.
    #[track_caller]
    fn launch(
        &mut self,
        of: fn(&Self) -> &Person,
        name: &str,
        region: &str,
        lease: &str,
        hour: Option<i128>,
    ) -> String {
        let args = ["machines", "launch", "--provider", "aws", "--instance-type", name, "--aws-region", region];
        let ran = self.hga(of(self), &[&args[..], &["--lease", lease, "--json"]].concat());
        let launched = ran.json().into_iter().find(|event| event["event"] == "machine.launched");
        let id = launched.unwrap()["machine"].as_str().unwrap().to_owned();
        self.note_launch(of, &id, region, hour);
        id
    }

    fn note_launch(&mut self, of: fn(&Self) -> &Person, id: &str, region: &str, hour: Option<i128>) {
        let (addresses, gb) = self.facts(region, id);
        assert_eq!(addresses, 1, "{id}");
        // a list of machines tells nothing of their volumes; and what they cost is known in America alone
        let known = of(self).state == self.here.state && region.starts_with("us-");
        let owner = if of(self).state == self.ben.state { "ben" } else { "anna" };
        let ran = vec![(self.now(), None)];
        let disk = known.then_some((gb, 80_000));
        let truth = Truth { owner, hour, addresses, disk, stored: None, ran, gone: None };
        self.truth.insert(id.to_owned(), truth);
    }

    fn ended(&mut self, id: &str, at: i64) {
        let truth = self.truth.get_mut(id).unwrap();
        truth.gone = Some(at);
        if let Some(last) = truth.ran.last_mut().filter(|last| last.1.is_none()) {
            last.1 = Some(at);
        }
    }

    #[track_caller]
    fn terminate(&mut self, of: fn(&Self) -> &Person, id: &str) {
        self.hga(of(self), &["machines", "terminate", id, "--yes"]);
        let now = self.now();
        self.ended(id, now);
    }

    /// The program looks at its machines.
    #[track_caller]
    fn look(&self) -> Ran {
        self.hga(&self.here, &["machines", "list", "--provider", "aws", "--json"])
    }

    /// A machine ends itself.
    fn power_off(&mut self, id: &str) {
        self.lab.machine_fault(id, "kill");
        let query = "Reservations[].Instances[].State.Name";
        support::eventually("the end of the machine", support::LIMIT, || {
            self.lab.aws(&["ec2", "describe-instances", "--instance-ids", id, "--query", query])
                == json!(["terminated"])
        });
        let now = self.now();
        self.ended(id, now);
    }
}

fn here(month: &Month) -> &Person {
    &month.here
}

fn there(month: &Month) -> &Person {
    &month.there
}

fn ben(month: &Month) -> &Person {
    &month.ben
}

/// What things came to, in cents, and what is said of them besides.
#[derive(Debug, PartialEq, Eq)]
struct Totals {
    things: BTreeMap<String, i128>,
    days: BTreeMap<String, i128>,
    months: BTreeMap<String, i128>,
    owners: BTreeMap<String, i128>,
    total: i128,
    unknown: BTreeSet<String>,
    bounded: BTreeSet<String>,
}

fn ledger_of(person: &Person) -> Ledger {
    let journal = Journal::open(person.state.join("journal.sqlite")).unwrap();
    let mut ledger = Ledger::default();
    for (_, entry) in journal.entries(0).unwrap() {
        ledger.apply(&entry);
    }
    ledger
}

/// As the program tells them.
fn told(month: &Month) -> Totals {
    let ledger = ledger_of(&month.here);
    let of = |by| report(&ledger, PriceBook::bundled(), Range::all(), by, month.clock.now());
    let rows = |by| -> BTreeMap<String, i128> {
        of(by).rows.into_iter().map(|row| (row.key.clone(), cents(&row.total().with_cents()))).collect()
    };
    let all = of(Grouping::Thing);
    Totals {
        things: rows(Grouping::Thing),
        days: rows(Grouping::Day),
        months: rows(Grouping::Month),
        owners: rows(Grouping::Owner),
        total: cents(&all.total.total().with_cents()),
        unknown: all.unknown,
        bounded: all.bounded,
    }
}

fn cents(text: &str) -> i128 {
    let (dollars, cents) = text.split_once('.').unwrap();
    dollars.parse::<i128>().unwrap() * 100 + cents.parse::<i128>().unwrap()
}

/// Millionths of millionths of a dollar, to the nearest cent.
fn rounded(amount: i128) -> i128 {
    (amount + 5_000_000_000) / 10_000_000_000
}

fn overlap(from: i64, to: i64, begin: i64, end: i64) -> i64 {
    (to.min(end) - from.max(begin)).max(0)
}

impl Truth {
    /// What a day costs that begins then, as far as it is over; in millionths of millionths of a dollar.
    fn of_day(&self, begin: i64, now: i64) -> i128 {
        let november = NOVEMBER.parse::<jiff::Timestamp>().unwrap().as_second();
        let month = i128::from(if begin < november { 31 * DAY } else { 30 * DAY });
        let end = (begin + DAY).min(now);
        let mut sum = 0;
        for (from, to) in &self.ran {
            let to = to.unwrap_or(now);
            let mut seconds = overlap(*from, to, begin, end);
            // at each start a minute is charged, on the day of the start
            if to - from < 60 && (begin..end).contains(from) {
                seconds = 60;
            }
            let hour = self.hour.unwrap_or(0) + self.addresses * ADDRESS;
            sum += i128::from(seconds) * hour * 1_000_000 / i128::from(HOUR);
        }
        let (opened, gone) = (self.ran[0].0, self.gone.unwrap_or(now));
        if let Some((gb, price)) = self.disk {
            sum += i128::from(overlap(opened, gone, begin, end)) * gb * price * 1_000_000 / month;
        }
        if let Some((gb, price)) = self.stored {
            // each begun hour, on the day on which it begins
            let hours = (0..).map(|hour| opened + hour * HOUR).take_while(|at| *at < gone);
            let hours = hours.filter(|at| (begin..end).contains(at)).count();
            sum += i128::try_from(hours).unwrap() * gb * price * 1_000_000 * i128::from(HOUR) / month;
        }
        sum
    }
}

/// As the test worked them out.
fn reckoned(month: &Month) -> Totals {
    let now = month.now();
    let (mut things, mut days, mut months, mut owners) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let (mut total, mut unknown) = (0, BTreeSet::new());
    for (id, truth) in &month.truth {
        let (first, last) = (truth.ran[0].0, truth.gone.unwrap_or(now));
        let mut begin = first - first.rem_euclid(DAY);
        while begin < last {
            let amount = truth.of_day(begin, now);
            let day = jiff::Timestamp::from_second(begin).unwrap().to_string()[..10].to_owned();
            *things.entry(id.clone()).or_insert(0) += amount;
            *months.entry(day[..7].to_owned()).or_insert(0) += amount;
            *days.entry(day).or_insert(0) += amount;
            *owners.entry(truth.owner.to_owned()).or_insert(0) += amount;
            total += amount;
            begin += DAY;
        }
        if truth.stored.is_none() && (truth.hour.is_none() || truth.disk.is_none_or(|disk| disk.1 == 0)) {
            unknown.insert(id.clone());
        }
    }
    let rounded_all = |all: BTreeMap<String, i128>| -> BTreeMap<String, i128> {
        all.into_iter().map(|(key, sum)| (key, rounded(sum))).collect()
    };
    Totals {
        things: rounded_all(things),
        days: rounded_all(days),
        months: rounded_all(months),
        owners: rounded_all(owners),
        total: rounded(total),
        unknown,
        bounded: BTreeSet::new(),
    }
}

#[test]
fn a_month_comes_to_what_was_done_in_it() {
    if !cloud::can_have_machines() {
        return;
    }
    let Some(mut month) = Month::start("2026-10-17 09:00:00") else { return };
    let m = &mut month;
    let west = "us-west-2";

    // forty minutes and a half; twenty seconds, which are a minute
    let one = m.launch(here, "c5.9xlarge", west, "2h", Some(1_530_000));
    m.to("10-17 09:40:30");
    m.terminate(here, &one);
    m.to("10-18 10:00:00");
    let one = m.launch(here, "t3.medium", west, "2h", Some(41_600));
    m.to("10-18 10:00:20");
    m.terminate(here, &one);

    // stopped and started by somebody else, and looked at in between
    m.to("10-19 08:00:00");
    let stopped = m.launch(here, "c5.4xlarge", west, "5d", Some(680_000));
    m.to("10-19 12:00:00");
    m.lab.boto(&format!(
        "ec2.stop_instances(InstanceIds=['{stopped}'])\n\
         ec2.get_waiter('instance_stopped').wait(InstanceIds=['{stopped}'], WaiterConfig={{'Delay': 1}})"
    ));
    let now = m.now();
    m.truth.get_mut(&stopped).unwrap().ran[0].1 = Some(now);
    m.to("10-19 12:30:00");
    m.look();
    m.to("10-20 08:00:00");
    m.lab.boto(&format!("ec2.start_instances(InstanceIds=['{stopped}'])"));
    let now = m.now();
    m.truth.get_mut(&stopped).unwrap().ran.push((now, None));
    m.to("10-20 08:10:00");
    m.look();
    m.to("10-21 20:00:00");
    m.terminate(here, &stopped);

    // ends itself while no program of ours runs, and is found out twenty minutes later
    m.to("10-22 11:00:00");
    let alone = m.launch(here, "c7i.8xlarge", west, "3h", Some(1_428_000));
    m.to("10-22 13:07:11");
    m.power_off(&alone);
    m.to("10-22 13:27:00");
    m.look();

    // ends itself with its lease, and is found out when EC2 knows nothing of it any more
    m.to("10-23 15:00:00");
    let missed = m.launch(here, "c6i.4xlarge", west, "3h", Some(680_000));
    m.to("10-23 18:00:00");
    m.power_off(&missed);
    m.to("10-24 09:00:00");
    let seen = m.look();
    assert!(!seen.out.contains(&missed), "EC2 has forgotten it: {seen:?}");

    // in a region where nobody knows what volumes cost
    m.to("10-24 09:30:00");
    let europe = m.launch(here, "m6i.large", "eu-west-1", "1d", Some(107_000));
    m.to("10-24 21:30:00");
    m.hga(&m.here, &["machines", "terminate", &europe, "--yes", "--aws-region", "eu-west-1"]);
    let now = m.now();
    m.ended(&europe, now);

    // by the same person on another computer, and by another person: neither is in the journal here
    m.to("10-25 10:00:00");
    copy_keys(&m.here, &m.there);
    let elsewhere = m.launch(there, "c5.4xlarge", west, "6h", Some(680_000));
    m.to("10-25 11:00:00");
    m.look();
    m.to("10-25 13:00:00");
    m.terminate(there, &elsewhere);
    m.to("10-25 13:30:00");
    m.look();
    m.to("10-26 07:00:00");
    copy_keys(&m.here, &m.ben);
    let bens = m.launch(ben, "m6i.large", west, "6h", Some(96_000));
    m.to("10-26 08:00:00");
    m.look();
    m.to("10-26 09:15:10");
    m.terminate(ben, &bens);
    m.to("10-26 09:30:00");
    m.look();

    // of a type that nobody has a price of: its volumes and its address have one
    m.to("10-27 10:00:00");
    let odd = m.launch(here, "c4.8xlarge", west, "2h", None);
    m.to("10-27 11:00:00");
    m.terminate(here, &odd);

    // a stranger's, to the end
    m.to("10-28 10:00:00");
    let stranger = m.lab.boto("done(run(1, TagSpecifications=[tags('instance', Name='db-prod')])[0])");
    let stranger = stranger.as_str().unwrap().to_owned();

    // Windows, by hand and with our tags
    m.to("10-29 12:00:00");
    let windows = m.lab.boto(
        "tag = {'Key': 'hg-owner', 'Value': 'anna'}\n\
         done(run(1, ImageId=WINDOWS, InstanceType='m6i.large', \
         TagSpecifications=[{'ResourceType': 'instance', 'Tags': [tag]}])[0])",
    );
    let windows = windows.as_str().unwrap().to_owned();
    m.note_launch(there, &windows, west, Some(188_000));
    m.to("10-29 12:05:00");
    m.look();
    m.to("10-30 12:00:30");
    m.lab.boto(&format!("ec2.terminate_instances(InstanceIds=['{windows}'])"));
    let now = m.now();
    m.ended(&windows, now);
    m.to("10-30 12:10:00");
    m.look();

    // an image is made of a machine, by hand and with our tags; it stays until the program removes it
    m.to("10-30 14:00:00");
    let model = m.launch(here, "c7a.4xlarge", west, "2h", Some(821_120));
    m.to("10-30 15:00:00");
    let image = m.lab.boto(&format!(
        "tag = [{{'Key': 'hg-owner', 'Value': 'anna'}}]\n\
         image = ec2.create_image(InstanceId='{model}', Name='hg-model', NoReboot=True, \
         TagSpecifications=[{{'ResourceType': kind, 'Tags': tag}} for kind in ('image', 'snapshot')])['ImageId']\n\
         ec2.get_waiter('image_available').wait(ImageIds=[image], WaiterConfig={{'Delay': 1}})\n\
         stored = ec2.describe_snapshots(Filters=[{{'Name': 'tag:hg-owner', 'Values': ['anna']}}])['Snapshots']\n\
         done([image, sum(each['VolumeSize'] for each in stored)])"
    ));
    let (image, gb) = (image[0].as_str().unwrap().to_owned(), i128::from(image[1].as_i64().unwrap()));
    assert!(gb > 0);
    let (ran, stored) = (vec![(m.now(), None)], Some((gb, 50_000)));
    m.truth.insert(
        image.clone(),
        Truth { owner: "anna", hour: None, addresses: 0, disk: None, stored, ran, gone: None },
    );
    m.to("10-30 15:20:00");
    m.hga(&m.here, &["resources", "list", "--provider", "aws", "--json"]);
    m.to("10-30 15:30:00");
    m.terminate(here, &model);

    // over the end of the month
    m.to("10-31 23:00:00");
    let night = m.launch(here, "c7i.4xlarge", west, "4h", Some(714_000));
    m.to("11-01 01:30:00");
    m.terminate(here, &night);

    // another account is looked at, which has none of it; and then the right one again
    m.to("11-02 08:00:00");
    let hidden = m.launch(here, "c5.9xlarge", west, "1d", Some(1_530_000));
    m.to("11-02 10:00:00");
    let other = m.lab.boto(
        "role = 'arn:aws:iam::222222222222:role/other'\n\
         got = sts.assume_role(RoleArn=role, RoleSessionName='other')['Credentials']\n\
         done([got['AccessKeyId'], got['SecretAccessKey'], got['SessionToken']])",
    );
    let mut look = m.command(&m.here, &["machines", "list", "--provider", "aws", "--json"]);
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    look.envs(names.iter().zip(other.as_array().unwrap()).map(|(name, value)| (name, value.as_str().unwrap())));
    let seen = Client::of(look).wait();
    assert_eq!((seen.code, seen.out.as_str()), (0, ""), "{seen:?}");
    m.to("11-02 10:30:00");
    assert!(told(m).bounded.contains(&hidden), "it is thought to be gone");
    m.to("11-02 11:00:00");
    m.look();
    assert!(!told(m).bounded.contains(&hidden), "it is there");
    m.to("11-02 12:00:00");
    m.terminate(here, &hidden);

    // the program is killed when it has launched, and takes the job up five minutes later
    m.to("11-03 09:00:00");
    let args = [
        "machines",
        "launch",
        "--provider",
        "aws",
        "--instance-type",
        "c5.4xlarge",
        "--lease",
        "4h",
        "--json",
        "--aws-region",
        west,
    ];
    let mut client = Client::of(m.command(&m.here, &args));
    let launched = client.until("the launch", |event| event["event"] == "machine.launched");
    client.kill();
    let id = launched["machine"].as_str().unwrap().to_owned();
    m.note_launch(here, &id, west, Some(680_000));
    m.to("11-03 09:05:00");
    m.hga(&m.here, &["jobs", "attach", launched["job"].as_str().unwrap(), "--json"]);
    m.to("11-03 10:45:00");
    m.terminate(here, &id);

    // a few days' work
    for (number, (name, hour)) in
        [("t3.2xlarge", 332_800), ("c6a.4xlarge", 612_000), ("c7i-flex.4xlarge", 678_300), ("m7i.large", 100_800)]
            .into_iter()
            .enumerate()
    {
        m.to(&format!("11-0{} 0{}:17:0{number}", 4 + number, 7 + number / 2));
        let id = m.launch(here, name, "us-east-1", "8h", Some(hour));
        m.to(&format!("11-0{} 1{}:31:4{number}", 4 + number, number));
        m.hga(&m.here, &["machines", "terminate", &id, "--yes", "--aws-region", "us-east-1"]);
        let now = m.now();
        m.ended(&id, now);
    }
    m.to("11-09 10:30:00");
    m.hga(&m.here, &["images", "remove", &image, "--provider", "aws", "--yes"]);
    let now = m.now();
    m.ended(&image, now);

    // one that still runs
    m.to("11-14 20:00:00");
    let last = m.launch(here, "c5.9xlarge", west, "7d", Some(1_530_000));
    m.to("11-16 12:00:00");
    m.look();

    let (told, mut reckoned) = (told(m), reckoned(m));
    // what the program can only bound is bounded by the lease, which is when it ended
    reckoned.bounded.insert(missed);
    // of volumes that no list told of, nothing is said
    for id in [&elsewhere, &bens, &windows] {
        assert!(reckoned.unknown.remove(id));
    }
    assert_eq!(told, reckoned);
    assert!(!told.things.contains_key(&stranger));
    eprintln!("a month of {} things: {} cents; {told:?}", told.things.len(), told.total);

    let ledger = ledger_of(&m.here);
    let now = outlook(&ledger, PriceBook::bundled(), m.clock.now());
    assert_eq!(cents(&now.month.with_cents()), reckoned.months["2026-11"]);
    assert_eq!(cents(&now.today.with_cents()), reckoned.days["2026-11-16"]);
    assert_eq!((now.burn.machines, ledger.runs().filter(|run| run.is_running()).count()), (1, 1));
    assert!(now.forecast > now.month);

    // the jobs of all that are long forgotten
    let jobs = m.hga(&m.here, &["jobs", "list", "--json"]).json();
    assert!(jobs.len() <= 2, "{jobs:?}");
    assert!(told.things.len() > 15);
    let ended: Vec<Value> = m.look().json();
    assert_eq!(ended.iter().filter(|machine| machine["state"] == "running").count(), 1, "{ended:?}");
    assert_eq!(ledger_of(&m.here), ledger, "looking again changes nothing");
    m.terminate(here, &last);
    assert_eq!(told_running(m), 0);
}

fn told_running(month: &Month) -> usize {
    ledger_of(&month.here).runs().filter(|run| run.is_running()).count()
}

/// Whoever shares an account shares its key pair too.
fn copy_keys(from: &Person, to: &Person) {
    let keys = to.state.join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    for entry in std::fs::read_dir(from.state.join("keys")).unwrap().flatten() {
        std::fs::copy(entry.path(), keys.join(entry.file_name())).unwrap();
    }
}
