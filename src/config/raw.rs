//! The configuration file as it stands: typed values with the place each one came from. Unknown keys and wrong types
//! are found here, what a value means is judged in `check.rs`. Reading goes on after a mistake, so that one look at
//! the messages is enough.

use super::Problem;
use crate::diag::suggest;
use crate::domain::escape_line;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, the full key it stands under, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) key: String,
    pub(super) span: Range<usize>,
}

/// Finds lines and columns, and collects what is wrong.
pub(super) struct Reader<'a> {
    text: &'a str,
    problems: Vec<(usize, Problem)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, problems: Vec::new() }
    }

    /// Notes a mistake at this place.
    pub(super) fn wrong(&mut self, at: usize, message: impl Into<String>, hint: Option<String>) {
        let before = self.text.get(..at.min(self.text.len())).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let problem = Problem {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            hint,
        };
        self.problems.push((at, problem));
    }

    /// All mistakes in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(at, _)| *at);
        self.problems.into_iter().map(|(_, problem)| problem).collect()
    }

    fn wrong_type(&mut self, key: &str, wanted: &str, value: &Spanned<DeValue<'_>>) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(value.span().start, format!("`{key}` must be {wanted}, not {found}"), None);
    }

    /// The table under `name`, empty if there is none.
    fn table<T: Section>(&mut self, parent: &DeTable<'_>, name: &str) -> T {
        match parent.get(name).map(|value| (value, value.get_ref())) {
            None => T::default(),
            Some((_, DeValue::Table(table))) => self.section(table, name),
            Some((value, _)) => {
                self.wrong_type(name, &format!("a table (`[{name}]`)"), value);
                T::default()
            }
        }
    }

    fn section<T: Section>(&mut self, table: &DeTable<'_>, path: &str) -> T {
        self.unknown(table, path, T::KEYS);
        T::read(self, table, path)
    }

    fn unknown(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) {
        for (key, _) in table.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let name = escape_line(key.get_ref());
            let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.wrong(key.span().start, format!("unknown key `{full}`"), Some(suggest::hint(&name, known)));
        }
    }

    fn value<T: Value>(&mut self, table: &DeTable<'_>, path: &str, name: &str) -> Option<At<T>> {
        let value = table.get(name)?;
        let key = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let taken = T::take(value.get_ref());
        if taken.is_none() {
            self.wrong_type(&key, T::WANTED, value);
        }
        taken.map(|taken| At { value: taken, key, span: value.span() })
    }
}

/// What a key may hold.
trait Value: Sized {
    const WANTED: &'static str;
    fn take(value: &DeValue<'_>) -> Option<Self>;
}

impl Value for String {
    const WANTED: &'static str = "a string in quotes";
    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Value for i64 {
    const WANTED: &'static str = "a whole number";
    fn take(value: &DeValue<'_>) -> Option<Self> {
        let number = value.as_integer()?;
        // One that is too large for 64 bits is out of every range there is; which side does not matter.
        Some(Self::from_str_radix(number.as_str(), number.radix()).unwrap_or(Self::MAX))
    }
}

impl Value for bool {
    const WANTED: &'static str = "`true` or `false`";
    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl Value for Vec<String> {
    const WANTED: &'static str = "a list of strings in quotes";
    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
    }
}

/// A table with a fixed set of keys.
pub(super) trait Section: Default {
    const KEYS: &'static [&'static str];
    fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, path: &str) -> Self;
}

macro_rules! section {
    ($name:ident { $($key:ident: $type:ty),+ $(,)? }) => {
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $(pub(super) $key: Option<At<$type>>,)+
        }

        impl Section for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];
            fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, path: &str) -> Self {
                Self { $($key: reader.value(table, path, stringify!($key)),)+ }
            }
        }
    };
}

section!(RawDefaults { provider: String, lease: String, python: String });
section!(RawAws {
    enabled: bool,
    regions: Vec<String>,
    owner: String,
    instance_type: String,
    alternatives: Vec<String>,
    image_instance_type: String,
    transport: String,
    ingress: String,
    cidr: Vec<String>,
    address_from: String,
    keep_images: i64,
    ready_timeout: String,
    ssm_agent_url: String,
    ssm_agent_sha256: String,
});
section!(RawCosts { job_cap: String, day_cap: String, alarm_after: String });
section!(RawDashboard { theme: String });
section!(RawLocal { root: String });
section!(RawLog { level: String, keep: i64 });
section!(RawRetention { jobs: i64, days: i64 });
section!(RawHost {
    name: String,
    address: String,
    port: i64,
    user: String,
    key: String,
    host_key: Vec<String>,
    proxy_command: String,
    hgdev: String,
    hgwork: String,
    sudo: bool,
});

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) hg: Option<At<String>>,
    pub(super) defaults: RawDefaults,
    pub(super) aws: RawAws,
    pub(super) costs: RawCosts,
    pub(super) dashboard: RawDashboard,
    pub(super) local: RawLocal,
    pub(super) log: RawLog,
    pub(super) retention: RawRetention,
    /// Each with where its table begins.
    pub(super) hosts: Vec<(usize, RawHost)>,
}

const TOP: [&str; 9] = ["hg", "defaults", "aws", "costs", "dashboard", "local", "log", "retention", "hosts"];

/// Whether a mistake lies in a value that begins like no string, list or table.
fn is_bare(text: &str, at: usize) -> bool {
    let begin = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    line.split_once('=').is_some_and(|(key, value)| {
        let value = value.trim_start();
        at > begin + key.len() && !value.is_empty() && !value.starts_with(['"', '\'', '[', '{', '#'])
    })
}

impl Raw {
    /// Reads the file; a mistake in its syntax ends it, any other is noted and left out.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let text = reader.text;
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = escape_line(error.message().trim().lines().next().unwrap_or("not TOML"));
                let hint = "strings need quotes, as in `lease = \"2h\"`";
                reader.wrong(at, message, is_bare(text, at).then(|| hint.to_owned()));
                return Self::default();
            }
        };
        let table = table.get_ref();
        reader.unknown(table, "", &TOP);
        Self {
            hg: reader.value(table, "", "hg"),
            defaults: reader.table(table, "defaults"),
            aws: reader.table(table, "aws"),
            costs: reader.table(table, "costs"),
            dashboard: reader.table(table, "dashboard"),
            local: reader.table(table, "local"),
            log: reader.table(table, "log"),
            retention: reader.table(table, "retention"),
            hosts: Self::hosts(reader, table),
        }
    }

    fn hosts(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Vec<(usize, RawHost)> {
        let Some(value) = table.get("hosts") else { return Vec::new() };
        let wanted = "a list of tables (`[[hosts]]`)";
        let Some(items) = value.get_ref().as_array() else {
            reader.wrong_type("hosts", wanted, value);
            return Vec::new();
        };
        let mut hosts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(host) => hosts.push((item.span().start, reader.section(host, "hosts"))),
                _ => reader.wrong_type("hosts", wanted, item),
            }
        }
        hosts
    }

    /// Every key there is, written as in the file's sections.
    #[cfg(test)]
    pub(super) fn keys() -> Vec<(&'static str, &'static [&'static str])> {
        vec![
            ("", &["hg"]),
            ("[defaults]", RawDefaults::KEYS),
            ("[aws]", RawAws::KEYS),
            ("[costs]", RawCosts::KEYS),
            ("[dashboard]", RawDashboard::KEYS),
            ("[local]", RawLocal::KEYS),
            ("[log]", RawLog::KEYS),
            ("[retention]", RawRetention::KEYS),
            ("[[hosts]]", RawHost::KEYS),
        ]
    }
}
