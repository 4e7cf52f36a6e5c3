//! `hga machines`.

use super::super::CliContext;
use super::super::args::{Global, Machines, Planned};
use super::super::error::{Outcome, Stop};
use super::super::follow::{self, Until};
use super::super::paint::Tone;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::{exit, words};
use super::{Answer, estimate, plans};
use crate::config::host_key_fingerprint;
use crate::domain::money::{
    Item, Ledger, PriceBook, Quote, Run, UNKNOWN, Usd, known, left_running, per_hour_at_least,
};
use crate::domain::{
    Endpoint, HostKeys, LaunchSpec, Machine, MachineId, Operation, PlanVerb, ProviderKind, Timestamp, Transport,
    escape_line,
};
use crate::session::{CheckOutcome, LeaseMove, Session};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn run(
    verb: &Machines,
    global: &Global,
    session: &Session,
    context: &CliContext,
    printer: &mut Printer,
) -> Outcome {
    match verb {
        Machines::List { provider, all } => list(*provider, *all, session, printer).await,
        Machines::Show { machine } => {
            let machine = session.machine(machine).await?;
            let purse = Purse::of(session, printer).await?;
            show(&machine, &purse, printer)
        }
        Machines::Launch { provider, image, lease, dry_run, distro, wish } => {
            let usual = if context.provider == ProviderKind::Aws { ProviderKind::Aws } else { ProviderKind::Local };
            let provider = provider.unwrap_or(usual);
            if provider != ProviderKind::Aws {
                super::unused(printer, wish.told(distro.as_ref()), &format!("on provider `{provider}`"))?;
            }
            let spec = LaunchSpec {
                wish: wish.of(distro.as_ref(), provider, context)?,
                provider,
                image: image.clone(),
                lease: lease.unwrap_or(context.lease),
            };
            let operation = Operation::Launch(spec);
            if *dry_run {
                return estimate::dry_run(&operation, session, printer).await;
            }
            estimate::before(&operation, session, printer).await?;
            follow::submit(session, printer, operation, Until::Ended, false).await
        }
        Machines::Terminate { machines, all, planned } => {
            terminate(machines, *all, planned, global, session, printer).await
        }
        Machines::Extend { machine, by, lease } => extend(machine, *by, *lease, session, printer).await,
        Machines::Check { machine, pin } => check(machine, pin.as_deref(), global, session, printer).await,
    }
}

fn address(machine: &Machine) -> String {
    machine.endpoint.as_ref().map_or("-".to_owned(), |endpoint| {
        if endpoint.host.contains(':') {
            format!("[{}]:{}", endpoint.host, endpoint.port)
        } else {
            format!("{}:{}", endpoint.host, endpoint.port)
        }
    })
}

/// A machine in JSON: all that is known of it, and what is told of that.
#[derive(serde::Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    machine: &'a Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host_key_fingerprints: Vec<String>,
    money: Money,
}

impl<'a> Told<'a> {
    fn of(machine: &'a Machine, purse: &Purse) -> Self {
        let transport = machine.endpoint.as_ref().map(Endpoint::transport);
        Self { machine, transport, host_key_fingerprints: fingerprints(machine), money: purse.money(machine) }
    }
}

/// What a machine costs, in JSON.
#[derive(serde::Serialize)]
struct Money {
    /// An hour of the machine itself, and how that is known; null when it is not.
    price: Option<Quote>,
    /// The latter in words.
    price_source: Option<String>,
    /// An hour of all of it as it is now; null when the machine's price is not known.
    hourly: Option<Usd>,
    /// Since it was launched first.
    so_far: Usd,
    /// Whether a price is not known, which comes on top.
    unknown: bool,
    /// Whether credits may come on top.
    burstable: bool,
}

/// What money is reckoned with.
struct Purse {
    ledger: Arc<Ledger>,
    book: Arc<PriceBook>,
    now: Timestamp,
}

impl Purse {
    async fn of(session: &Session, printer: &mut Printer) -> Result<Self, Stop> {
        Ok(Self { ledger: super::ledger(session, printer).await?, book: session.prices(), now: Timestamp::now() })
    }

    fn run(&self, machine: &Machine) -> Run {
        Run::of_machine(&self.ledger, &self.book, machine, self.now)
    }

    fn money(&self, machine: &Machine) -> Money {
        let run = self.run(machine);
        let price = run.compute(&self.book);
        Money {
            price,
            price_source: price.map(|price| price.source.words(self.now)),
            hourly: run.hourly(&self.book, self.now),
            so_far: run.total(&self.book, self.now),
            unknown: run.is_unknown(&self.book),
            burstable: run.is_burstable(&self.book),
        }
    }

    /// What an hour costs and what it has come to, for the list.
    fn cells(&self, machine: &Machine) -> [String; 2] {
        let run = self.run(machine);
        if run.is_free(&self.book) {
            return ["free".to_owned(), dash()];
        }
        let mark = if run.is_burstable(&self.book) { BURSTABLE } else { "" };
        let hourly = match run.hourly(&self.book, self.now) {
            _ if !run.is_open() => dash(),
            None => UNKNOWN.to_owned(),
            hourly => {
                let said = per_hour_at_least(hourly, run.costs_more(&self.book));
                format!("{}{mark}", said.trim_end_matches("/h"))
            }
        };
        [hourly, known(run.total(&self.book, self.now), run.is_unknown(&self.book))]
    }
}

/// What marks the price of a type that may cost more.
const BURSTABLE: &str = "*";

/// The fingerprints of the host keys that a machine may show, as OpenSSH writes them.
fn fingerprints(machine: &Machine) -> Vec<String> {
    match machine.endpoint.as_ref().map(|endpoint| &endpoint.host_keys) {
        Some(HostKeys::Pinned(keys)) => keys.iter().map(|key| fingerprint(key)).collect(),
        _ => Vec::new(),
    }
}

fn fingerprint(key: &str) -> String {
    host_key_fingerprint(key).unwrap_or_else(|why| format!("no host key: {why}"))
}

fn lease(machine: &Machine, now: Timestamp) -> String {
    match machine.lease {
        // the predecessor's machines have none, and cost until somebody ends them
        None if machine.cloud.is_some() && machine.state.is_alive() => "none".to_owned(),
        None => "-".to_owned(),
        Some(lease) if lease.is_over(now) => "over".to_owned(),
        Some(lease) => format!("{} left", words::span(lease.left(now))),
    }
}

async fn list(provider: Option<ProviderKind>, all: bool, session: &Session, printer: &mut Printer) -> Outcome {
    let listed = session.machines(provider).await;
    let shown = |machine: &&Machine| all || machine.cloud.as_ref().is_none_or(|cloud| cloud.claim.is_tools());
    let machines: Vec<Machine> = listed.items.iter().filter(shown).cloned().collect();
    if printer.is_json() {
        let purse = Purse::of(session, printer).await?;
        super::json_lines(printer, &machines.iter().map(|machine| Told::of(machine, &purse)).collect::<Vec<_>>())?;
    } else if machines.is_empty() {
        let all = "no machines: nothing of hga's is running";
        printer.err(&plans::none("no machines", all, &listed.troubles))?;
        super::how_to_add(session, provider, printer)?;
    } else {
        let cloudy = machines.iter().any(|machine| machine.cloud.is_some());
        let (width, paint) = (printer.width(), printer.out_paint());
        let now = Timestamp::now();
        let text = if cloudy {
            let heads = [
                "MACHINE", "PLACE", "STATE", "LAUNCHED", "LEASE", "TYPE", "$/H", "SO FAR", "NAME", "OWNER",
                "ADDRESS", "WHY",
            ];
            let purse = Purse::of(session, printer).await?;
            let rows: Vec<_> = machines.iter().map(|machine| cloud_row(machine, &purse)).collect();
            let marked = rows.iter().any(|row| row[6].ends_with(BURSTABLE));
            let note = format!("{BURSTABLE} of a burstable type: credits may come on top, see `hga machines show`\n");
            table(heads, &rows, width, paint) + if marked { note.as_str() } else { "" }
        } else {
            let heads = ["MACHINE", "PROVIDER", "STATE", "LAUNCHED", "LEASE", "JOB", "ADDRESS"];
            table(heads, &machines.iter().map(|machine| row(machine, now)).collect::<Vec<_>>(), width, paint)
        };
        printer.out(&text)?;
    }
    alarms(&machines, session, printer).await?;
    plans::unseen(&listed.troubles, printer)?;
    Ok(if listed.troubles.is_empty() { exit::OK } else { exit::ERROR })
}

/// Tells the machines that should be gone.
async fn alarms(machines: &[Machine], session: &Session, printer: &mut Printer) -> Result<(), Stop> {
    let alarms = session.alarms(machines).await?;
    if alarms.is_empty() {
        return Ok(());
    }
    // that it cannot be read has been said
    let (ledger, _) = session.ledger_if_any().await;
    let (prices, now) = (session.prices(), Timestamp::now());
    for alarm in &alarms {
        let warning = printer.err_paint().tone(Tone::Warn, "warning:");
        printer.err(&format!("{warning} {}\n", escape_line(&alarm.words(&ledger, &prices, now))))?;
    }
    Ok(())
}

fn dash() -> String {
    "-".to_owned()
}

fn row(machine: &Machine, now: Timestamp) -> [String; 7] {
    [
        machine.id.to_string(),
        machine.provider.to_string(),
        machine.state.to_string(),
        machine.launched.map_or_else(dash, |at| words::age(at, now)),
        lease(machine, now),
        machine.job.as_ref().map_or_else(dash, ToString::to_string),
        address(machine),
    ]
}

/// With machines of a cloud among them there is more to tell: where, which, whose and why.
fn cloud_row(machine: &Machine, purse: &Purse) -> [String; 12] {
    let (cloud, now) = (machine.cloud.as_deref(), purse.now);
    let [hourly, so_far] = purse.cells(machine);
    let [id, provider, state, launched, lease, job, address] = row(machine, now);
    [
        id,
        cloud.map_or(provider, |cloud| cloud.region.to_string()),
        state,
        launched,
        lease,
        cloud.map_or_else(dash, |cloud| cloud.instance_type.clone()),
        hourly,
        so_far,
        cloud.map_or(job, |cloud| cloud.name.clone().unwrap_or_else(dash)),
        cloud.map_or_else(dash, |cloud| cloud.claim.word().to_owned()),
        cloud.map_or(address, |cloud| cloud.address.clone().unwrap_or_else(dash)),
        cloud.map_or_else(dash, |cloud| match cloud.keep.as_ref().and_then(|keep| keep.forbids(now)) {
            Some(kept) => format!("{kept}; {}", cloud.claim.why()),
            None => cloud.claim.why().to_owned(),
        }),
    ]
}

fn show(machine: &Machine, purse: &Purse, printer: &mut Printer) -> Outcome {
    if printer.is_json() {
        return super::json_lines(printer, &[Told::of(machine, purse)]);
    }
    let now = purse.now;
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{name:<10} {}", escape_line(value));
    };
    row("machine", machine.id.as_str());
    row("provider", machine.provider.as_str());
    row("state", machine.state.as_str());
    if let Some(image) = &machine.image {
        row("image", image.as_str());
    }
    if let Some(at) = machine.launched {
        row("launched", &format!("{at} ({})", words::age(at, now)));
    }
    match machine.lease {
        Some(until) => row("lease", &format!("until {} ({})", until.ends(), lease(machine, now))),
        None if machine.cloud.is_some() => row("lease", "none: it does not end by itself"),
        None => {}
    }
    if let Some(job) = &machine.job {
        row("job", job.as_str());
    }
    if let Some(endpoint) = &machine.endpoint {
        row("transport", endpoint.transport().as_str());
        row("address", &address(machine));
        row("user", &endpoint.user);
        row("key", &endpoint.key.display().to_string());
        match &endpoint.host_keys {
            HostKeys::Unknown => row("host key", "not known yet: `hga machines check` shows it and pins it"),
            HostKeys::Pinned(keys) => {
                for (key, fingerprint) in keys.iter().zip(fingerprints(machine)) {
                    row("host key", key);
                    row("", &fingerprint);
                }
            }
        }
        if let Some(command) = &endpoint.proxy_command {
            row("proxy", command);
        }
    }
    if let Some(cloud) = &machine.cloud {
        row("region", cloud.region.as_str());
        row("zone", cloud.zone.as_deref().unwrap_or("-"));
        row("image id", cloud.image_id.as_deref().unwrap_or("-"));
        row("type", &cloud.instance_type);
        row("name", cloud.name.as_deref().unwrap_or("-"));
        row("address", cloud.address.as_deref().unwrap_or("-"));
        row("owner", cloud.claim.word());
        row("why", cloud.claim.why());
        if let Some(kept) = cloud.keep.as_ref().and_then(|keep| keep.forbids(now)) {
            row("keep", &kept);
        }
        if let Some(reason) = &cloud.reason {
            row("reason", reason);
        }
    }
    for (name, value) in prices(machine, purse) {
        row(name, &value);
    }
    row("hgdev", &machine.layout.hgdev);
    row("hgwork", &machine.layout.hgwork);
    row("sudo", if machine.sudo { "yes" } else { "no" });
    printer.out(&text)?;
    Ok(exit::OK)
}

/// What there is to say of a machine's money, each a name and its text.
fn prices(machine: &Machine, purse: &Purse) -> Vec<(&'static str, String)> {
    let Purse { ledger: _, book, now } = purse;
    let run = purse.run(machine);
    if run.is_free(book) {
        return vec![("price", "nothing: it is not charged for".to_owned())];
    }
    let mut told = Vec::new();
    let compute = run.compute(book);
    told.push((
        "price",
        match compute {
            Some(quote) => format!("{}/h ({})", quote.usd.price(), quote.source.words(*now)),
            None => format!("{UNKNOWN}: neither the bundled book nor AWS's list has it; `hga prices refresh` asks"),
        },
    ));
    let hourly = run.hourly(book, *now);
    if run.is_running() {
        if hourly != compute.map(|quote| quote.usd) {
            let all = per_hour_at_least(hourly, run.costs_more(book));
            told.push(("", format!("with its address and volumes {all}")));
        }
        if run.is_burstable(book) {
            let each = machine
                .cloud
                .as_ref()
                .and_then(|cloud| book.quote(&cloud.region, &Item::Surplus { platform: cloud.metered.platform }));
            let each = each.map_or_else(|| "an unknown amount".to_owned(), |quote| quote.usd.price());
            told.push(("", format!("and {each} for every processor and hour above its baseline: it is burstable")));
        }
    }
    told.push(("so far", known(run.total(book, *now), run.is_unknown(book))));
    if run.is_running() {
        told.push(("left", left_running(hourly, machine.lease.map(crate::domain::Lease::ends), *now)));
    }
    told
}

async fn extend(
    id: &MachineId,
    by: Option<Duration>,
    length: Option<Duration>,
    session: &Session,
    printer: &mut Printer,
) -> Outcome {
    let moved = by.map_or_else(|| LeaseMove::To(length.unwrap_or_default()), LeaseMove::Later);
    let lease = session.extend(id, moved).await?;
    if printer.is_json() {
        printer.out(&format!("{}\n", serde_json::json!({"machine": id, "lease": lease})))?;
    } else {
        // what passed since is not told
        let left = words::span(lease.left(Timestamp::now()) + Duration::from_millis(500));
        printer.out(&format!("{id} ends itself in {left}, at {:.0}\n", lease.ends()))?;
    }
    Ok(exit::OK)
}

async fn terminate(
    machines: &[MachineId],
    all: bool,
    planned: &Planned,
    global: &Global,
    session: &Session,
    printer: &mut Printer,
) -> Outcome {
    for id in machines {
        if session.machines(Some(ProviderKind::Hosts)).await.items.iter().any(|host| host.id == *id) {
            return Err(Stop::usage(format!("machine `{id}` is a listed host and not ours to end"))
                .hint("take it out of config.toml if hga shall not use it any more"));
        }
    }
    let provider = all.then_some(ProviderKind::Local);
    let chosen = (!all).then(|| machines.iter().map(ToString::to_string).collect());
    plans::run(PlanVerb::Terminate, provider, chosen, planned, global, session, printer).await
}

async fn check(
    id: &MachineId,
    pin: Option<&str>,
    global: &Global,
    session: &Session,
    printer: &mut Printer,
) -> Outcome {
    let machine = session.machine(id).await?;
    let unknown = machine.endpoint.as_ref().is_some_and(|endpoint| endpoint.host_keys == HostKeys::Unknown);
    if unknown {
        let (line, fingerprint) = session.host_key(id).await?;
        let shown = escape_line(&fingerprint);
        match pin {
            Some(pin) if pin == fingerprint => {}
            Some(pin) => {
                return Err(Stop::error(format!(
                    "machine `{id}` shows another host key: `{shown}`, not `{}`",
                    escape_line(pin)
                ))
                .hint("ask whoever runs the machine for its fingerprint before you trust this one"));
            }
            None => {
                // told before it is asked: whoever cannot be asked here can compare it and come back with it
                printer.err(&format!(
                    "The host key of {id} ({}) is unknown. Its fingerprint is\n  {shown}\n",
                    address(&machine)
                ))?;
                let answer = super::confirm(printer, global.yes, "pinning a host key", "Pin it?");
                let hint = format!("or, if it is the machine's, `hga machines check {id} --pin {shown}`");
                if let Answer::No = answer.map_err(|stop| stop.hint(hint))? {
                    printer.err("nothing was pinned\n")?;
                    return Ok(exit::CANCELLED);
                }
            }
        }
        session.pin_host_key(id, &line).await?;
        printer.err(&format!("pinned the host key {shown}\n"))?;
    }
    let items = session.check(id).await?;
    let missing = items.iter().any(|item| matches!(item.outcome, CheckOutcome::Missing | CheckOutcome::Unknown));
    let code = if missing { exit::ERROR } else { exit::OK };
    if printer.is_json() {
        super::json_lines(printer, &items)?;
        return Ok(code);
    }
    let text = super::checked(&items, printer.out_paint());
    printer.out(&text)?;
    let verdict = if missing { "it cannot run tests yet" } else { "it can run tests" };
    printer.err(&format!("\n{id}: {verdict}\n"))?;
    Ok(code)
}
