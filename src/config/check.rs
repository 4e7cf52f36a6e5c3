//! What each value of the configuration file means, and whether it makes sense: one `validate_*` each.

use super::check_aws;
use super::duration::{format_duration, parse_duration};
use super::host_key::host_key_line;
use super::raw::{At, Raw, RawHost, Reader};
use super::values::{Config, Host, LogLevel, ThemeChoice};
use crate::diag::suggest;
use crate::domain::money::Usd;
use crate::domain::{Layout, MachineId, ProviderKind, escape_line};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The shortest lease: below it a machine ends before anybody reaches it.
pub const LEASE_MIN: Duration = crate::domain::Lease::SHORTEST;
/// The longest lease: a forgotten machine is gone within a week.
pub const LEASE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const PROVIDERS: [ProviderKind; 3] = [ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws];

/// Where relative paths and `~` start.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) home: Option<&'a Path>,
}

/// The configuration with its defaults; what is wrong is noted in the reader and keeps its default here.
pub(super) fn config(reader: &mut Reader<'_>, raw: Raw, place: Place<'_>) -> Config {
    let mut config = Config::default();
    take(&mut config.hg, raw.hg.and_then(|hg| validate_hg(reader, &hg, place)));
    let defaults = raw.defaults;
    take(&mut config.defaults.provider, defaults.provider.and_then(|at| validate_provider(reader, &at)));
    take(&mut config.defaults.lease, defaults.lease.and_then(|at| validate_lease(reader, &at)));
    take(&mut config.defaults.python, defaults.python.and_then(|at| validate_python(reader, &at)));
    check_aws::aws(reader, raw.aws, &mut config.aws);
    config.costs.job_cap = raw.costs.job_cap.and_then(|at| validate_amount(reader, &at));
    config.costs.day_cap = raw.costs.day_cap.and_then(|at| validate_amount(reader, &at));
    take(
        &mut config.costs.alarm_after,
        raw.costs.alarm_after.and_then(|at| validate_time(reader, &at, Duration::from_secs(1)..=LEASE_MAX)),
    );
    take(&mut config.dashboard.theme, raw.dashboard.theme.and_then(|at| validate_theme(reader, &at)));
    take(&mut config.local.root, raw.local.root.and_then(|at| validate_path(reader, &at, None, place.home)));
    take(&mut config.log.level, raw.log.level.and_then(|at| validate_level(reader, &at)));
    take(&mut config.log.keep, raw.log.keep.and_then(|at| validate_number(reader, &at, 1, 100)));
    take(&mut config.retention.jobs, raw.retention.jobs.and_then(|at| validate_number(reader, &at, 1, 100_000)));
    take(&mut config.retention.days, raw.retention.days.and_then(|at| validate_number(reader, &at, 1, 3_650)));
    for (at, raw) in raw.hosts {
        if let Some(host) = host(reader, at, raw, place, &config.hosts) {
            config.hosts.push(host);
        }
    }
    config
}

pub(super) fn take<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

/// One host; none when its name or address is missing or wrong.
fn host(reader: &mut Reader<'_>, at: usize, raw: RawHost, place: Place<'_>, others: &[Host]) -> Option<Host> {
    let mut missing = |key: &str, example: &str| {
        reader.wrong(at, format!("a host without `{key}`"), Some(format!("add a line like `{key} = \"{example}\"`")));
    };
    if raw.name.is_none() {
        missing("name", "build1");
    }
    if raw.address.is_none() {
        missing("address", "build1.example.org");
    }
    let name = raw.name.and_then(|at| validate_name(reader, &at, others));
    let address = raw.address.and_then(|at| validate_address(reader, &at));
    let port = raw.port.map_or(Some(22), |at| validate_port(reader, &at));
    let user = raw.user.map_or_else(|| Some("hg".to_owned()), |at| validate_user(reader, &at));
    let key = raw.key.and_then(|at| validate_path(reader, &at, Some(place.folder), place.home));
    let host_keys = raw.host_key.map(|at| validate_host_keys(reader, &at)).unwrap_or_default();
    let proxy_command = raw.proxy_command.and_then(|at| validate_proxy_command(reader, &at));
    let mut layout = Layout::interface();
    let hgwork_at = raw.hgwork.as_ref().or(raw.hgdev.as_ref()).map(|at| at.span.start);
    take(&mut layout.hgdev, raw.hgdev.and_then(|at| validate_folder(reader, &at)));
    take(&mut layout.hgwork, raw.hgwork.and_then(|at| validate_folder(reader, &at)));
    if let Some(at) = hgwork_at.filter(|_| overlap(&layout)) {
        reader.wrong(
            at,
            format!("`hosts.hgdev` (`{}`) and `hosts.hgwork` (`{}`) overlap", layout.hgdev, layout.hgwork),
            Some("`hgwork` is emptied for each run, so neither may hold the other".to_owned()),
        );
    }
    Some(Host {
        name: name?,
        address: address?,
        port: port?,
        user: user?,
        key,
        host_keys,
        proxy_command,
        layout,
        sudo: raw.sudo.is_none_or(|at| at.value),
    })
}

fn validate_amount(reader: &mut Reader<'_>, at: &At<String>) -> Option<Usd> {
    let amount = validate_filled(reader, at)?.parse::<Usd>().ok().filter(|usd| *usd > Usd::ZERO);
    if amount.is_none() {
        let message = format!("`{}`: `{}` is no amount of US dollars", at.key, shown(at));
        reader.wrong(at.span.start, message, Some("write one such as \"5\" or \"1.50\"".to_owned()));
    }
    amount
}

fn overlap(layout: &Layout) -> bool {
    let (dev, work) = (Path::new(&layout.hgdev), Path::new(&layout.hgwork));
    dev.starts_with(work) || work.starts_with(dev)
}

pub(super) fn shown<T: AsRef<str>>(at: &At<T>) -> String {
    escape_line(at.value.as_ref())
}

/// Notes that the value is empty, if it is.
pub(super) fn validate_filled<'a>(reader: &mut Reader<'_>, at: &'a At<String>) -> Option<&'a str> {
    if at.value.trim().is_empty() {
        reader.wrong(
            at.span.start,
            format!("`{}` is empty", at.key),
            Some("leave the key out for its default".to_owned()),
        );
        return None;
    }
    Some(&at.value)
}

pub(super) fn validate_word<T: Copy>(
    reader: &mut Reader<'_>,
    at: &At<String>,
    known: &[T],
    word: impl Fn(T) -> &'static str,
) -> Option<T> {
    let found = known.iter().copied().find(|known| word(*known) == at.value);
    if found.is_none() {
        let words: Vec<_> = known.iter().copied().map(word).collect();
        let message = format!("`{}` cannot be `{}`", at.key, shown(at));
        reader.wrong(at.span.start, message, Some(suggest::hint(&at.value, &words)));
    }
    found
}

fn validate_provider(reader: &mut Reader<'_>, at: &At<String>) -> Option<ProviderKind> {
    validate_word(reader, at, &PROVIDERS, ProviderKind::as_str)
}

fn validate_level(reader: &mut Reader<'_>, at: &At<String>) -> Option<LogLevel> {
    validate_word(reader, at, &LogLevel::ALL, LogLevel::as_str)
}

fn validate_theme(reader: &mut Reader<'_>, at: &At<String>) -> Option<ThemeChoice> {
    validate_word(reader, at, &ThemeChoice::ALL, ThemeChoice::as_str)
}

fn validate_lease(reader: &mut Reader<'_>, at: &At<String>) -> Option<Duration> {
    validate_time(reader, at, LEASE_MIN..=LEASE_MAX)
}

/// A length of time between two others.
pub(super) fn validate_time(
    reader: &mut Reader<'_>,
    at: &At<String>,
    range: RangeInclusive<Duration>,
) -> Option<Duration> {
    let Ok(time) = parse_duration(&at.value) else {
        let message = format!("`{}`: `{}` is not a duration", at.key, shown(at));
        reader.wrong(at.span.start, message, Some("write it like `90s`, `45m`, `2h`, `1d` or `1h30m`".to_owned()));
        return None;
    };
    if !range.contains(&time) {
        let (least, most) = (format_duration(*range.start()), format_duration(*range.end()));
        let message = format!("`{}` must be between `{least}` and `{most}`, not `{}`", at.key, shown(at));
        reader.wrong(at.span.start, message, None);
        return None;
    }
    Some(time)
}

fn validate_python(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let text = validate_filled(reader, at)?;
    // It becomes the name of a file below `pyenv/shims`.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')) {
        return Some(text.to_owned());
    }
    let message = format!("`{}` cannot be `{}`", at.key, shown(at));
    reader.wrong(
        at.span.start,
        message,
        Some("write `system3`, or a version under pyenv such as `3.12` or `pypy`".to_owned()),
    );
    None
}

pub(super) fn validate_number(reader: &mut Reader<'_>, at: &At<i64>, least: u32, most: u32) -> Option<u32> {
    let number = u32::try_from(at.value).ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        reader.wrong(at.span.start, format!("`{}` must be between {least} and {most}", at.key), None);
    }
    number
}

fn validate_port(reader: &mut Reader<'_>, at: &At<i64>) -> Option<u16> {
    validate_number(reader, at, 1, u32::from(u16::MAX)).and_then(|port| u16::try_from(port).ok())
}

/// A path with `~` filled in; a relative one starts at `folder`, or stays as it is without one.
fn validate_path(
    reader: &mut Reader<'_>,
    at: &At<String>,
    folder: Option<&Path>,
    home: Option<&Path>,
) -> Option<PathBuf> {
    let text = validate_filled(reader, at)?;
    if text.contains('\0') {
        reader.wrong(at.span.start, format!("`{}`: `{}` is not a path", at.key, shown(at)), None);
        return None;
    }
    let path = Path::new(text);
    let mut parts = path.components();
    match parts.next() {
        Some(Component::Normal(first)) if first == "~" => {
            if home.is_none() {
                let message = format!("`{}`: there is no home directory to fill in for `~`", at.key);
                reader.wrong(at.span.start, message, Some("write the whole path".to_owned()));
            }
            home.map(|home| home.join(parts.as_path()))
        }
        Some(Component::Normal(first)) if first.to_string_lossy().starts_with('~') => {
            let message = format!("`{}`: `{}` names another user's home", at.key, shown(at));
            reader.wrong(at.span.start, message, Some("write the whole path; only `~/` is filled in".to_owned()));
            None
        }
        _ => Some(folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))),
    }
}

/// A bare name is looked up in `PATH`, anything else is a path.
fn validate_hg(reader: &mut Reader<'_>, at: &At<String>, place: Place<'_>) -> Option<PathBuf> {
    let folder = at.value.contains('/').then_some(place.folder);
    validate_path(reader, at, folder, place.home)
}

fn validate_name(reader: &mut Reader<'_>, at: &At<String>, others: &[Host]) -> Option<MachineId> {
    let text = validate_filled(reader, at)?;
    let Ok(name) = MachineId::new(text) else {
        let message = format!("`{}`: `{}` is not a valid name", at.key, shown(at));
        let hint = "letters, digits, `.`, `_`, `-`, at most 64, starting with a letter or digit";
        reader.wrong(at.span.start, message, Some(hint.to_owned()));
        return None;
    };
    if text.starts_with("m-") {
        let message = format!("`{}`: `{text}` could be taken for a local machine", at.key);
        reader.wrong(at.span.start, message, Some("choose a name that does not start with `m-`".to_owned()));
        return None;
    }
    // Pins are files named after hosts, and some filesystems do not tell case apart.
    if let Some(other) = others.iter().find(|other| other.name.as_str().eq_ignore_ascii_case(text)) {
        let message = format!("`{}`: there is a host `{}` already", at.key, other.name);
        reader.wrong(at.span.start, message, Some("give each host its own name".to_owned()));
        return None;
    }
    Some(name)
}

fn validate_address(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let text = validate_filled(reader, at)?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let is_ip = bare.split('%').next().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let good = !bare.starts_with(['-', '.'])
        && bare.len() <= 255
        && bare.bytes().all(|byte| plain(byte) || (is_ip && matches!(byte, b':' | b'%')));
    if good {
        return Some(bare.to_owned());
    }
    let hint = match bare.rsplit_once(':') {
        _ if bare.contains('@') => "write the user as `user = \"…\"`",
        Some((_, port)) if port.parse::<u16>().is_ok() => "write the port as `port = …`",
        _ => "write a host name or an IP address",
    };
    let message = format!("`{}`: `{}` is not a host name or address", at.key, shown(at));
    reader.wrong(at.span.start, message, Some(hint.to_owned()));
    None
}

fn validate_user(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let text = validate_filled(reader, at)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if text.bytes().all(plain) && !text.starts_with('-') {
        return Some(text.to_owned());
    }
    reader.wrong(at.span.start, format!("`{}`: `{}` is not a user name", at.key, shown(at)), None);
    None
}

fn validate_host_keys(reader: &mut Reader<'_>, at: &At<Vec<String>>) -> Vec<String> {
    let mut keys = Vec::new();
    if at.value.is_empty() {
        let hint = "leave the key out to be asked on first use";
        reader.wrong(at.span.start, format!("`{}` is empty", at.key), Some(hint.to_owned()));
    }
    for text in &at.value {
        match host_key_line(text) {
            Ok(line) => keys.push(line),
            Err(why) => {
                let message = format!("`{}`: `{}` is no host key: {why}", at.key, escape_line(text));
                let hint = "take the line from `/etc/ssh/ssh_host_ed25519_key.pub` on the host";
                reader.wrong(at.span.start, message, Some(hint.to_owned()));
            }
        }
    }
    keys
}

fn validate_proxy_command(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let text = validate_filled(reader, at)?;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        let mut chars = after.chars();
        match chars.next() {
            Some('h' | 'p' | 'r' | '%') => rest = chars.as_str(),
            other => {
                let message = format!(
                    "`{}`: `%{}` is not known",
                    at.key,
                    other.map(|c| escape_line(c.encode_utf8(&mut [0; 4]))).unwrap_or_default()
                );
                let hint = "`%h` is the address, `%p` the port, `%r` the user, `%%` a percent sign";
                reader.wrong(at.span.start, message, Some(hint.to_owned()));
                return None;
            }
        }
    }
    Some(text.to_owned())
}

/// A folder of the interface on a host: it goes into shell lines there, so only plain characters.
fn validate_folder(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let text = validate_filled(reader, at)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
    let path = Path::new(text);
    let normal = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if text.bytes().all(plain) && path.is_absolute() && normal && path.components().count() > 1 {
        return Some(text.trim_end_matches('/').to_owned());
    }
    let message = format!("`{}`: `{}` is not an absolute path of plain characters", at.key, shown(at));
    reader.wrong(at.span.start, message, Some("letters, digits, `/`, `.`, `_`, `-`; not `/` itself".to_owned()));
    None
}
