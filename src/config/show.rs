//! The configuration in force, as TOML that reads back to the same values.

use super::{Aws, Config, Costs, format_duration};
use std::path::Path;
use toml::{Table, Value};

fn text(value: impl Into<String>) -> Value {
    Value::String(value.into())
}

fn path(value: &Path) -> Value {
    text(value.to_string_lossy())
}

fn number(value: u32) -> Value {
    Value::Integer(value.into())
}

fn table<const N: usize>(rows: [(&str, Value); N]) -> Table {
    rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn aws(aws: &Aws) -> Table {
    let all = [text("all")].to_vec();
    let regions = aws.regions.iter().map(|region| text(region.as_str())).collect::<Vec<_>>();
    let regions = if regions.is_empty() { all } else { regions };
    let mut rows = table([("enabled", Value::Boolean(aws.enabled)), ("regions", Value::Array(regions))]);
    let list = |items: &[String]| Value::Array(items.iter().map(|item| text(item.as_str())).collect());
    rows.extend(table([
        ("instance_type", text(aws.instance_type.as_str())),
        ("alternatives", list(&aws.alternatives)),
        ("image_instance_type", text(aws.image_instance_type.as_str())),
        ("transport", text(aws.transport.as_str())),
        ("ingress", text(aws.ingress.as_str())),
        ("cidr", list(&aws.cidr)),
        ("address_from", text(aws.address_from.as_str())),
        ("keep_images", number(aws.keep_images)),
        ("ready_timeout", Value::String(format_duration(aws.ready_timeout))),
    ]));
    if let Some(agent) = &aws.ssm_agent {
        rows.insert("ssm_agent_url".to_owned(), text(agent.url.as_str()));
        rows.insert("ssm_agent_sha256".to_owned(), text(agent.sha256.as_str()));
    }
    if let Some(owner) = &aws.owner {
        rows.insert("owner".to_owned(), text(owner.as_str()));
    }
    rows
}

fn costs(costs: Costs) -> Table {
    let mut rows = table([("alarm_after", text(format_duration(costs.alarm_after)))]);
    let caps = [("job_cap", costs.job_cap), ("day_cap", costs.day_cap)];
    rows.extend(caps.into_iter().filter_map(|(key, cap)| Some((key.to_owned(), text(cap?.exact())))));
    rows
}

impl Config {
    /// The whole configuration as TOML, defaults included.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut all = table([
            ("hg", path(&self.hg)),
            (
                "defaults",
                Value::Table(table([
                    ("provider", text(self.defaults.provider.as_str())),
                    ("lease", text(format_duration(self.defaults.lease))),
                    ("python", text(self.defaults.python.as_str())),
                ])),
            ),
            ("aws", Value::Table(aws(&self.aws))),
            ("costs", Value::Table(costs(self.costs))),
            ("dashboard", Value::Table(table([("theme", text(self.dashboard.theme.as_str()))]))),
            ("local", Value::Table(table([("root", path(&self.local.root))]))),
            ("log", Value::Table(table([("level", text(self.log.level.as_str())), ("keep", number(self.log.keep))]))),
            (
                "retention",
                Value::Table(table([("jobs", number(self.retention.jobs)), ("days", number(self.retention.days))])),
            ),
        ]);
        let hosts = self.hosts.iter().map(|host| {
            let mut row = table([
                ("name", text(host.name.as_str())),
                ("address", text(host.address.as_str())),
                ("port", number(host.port.into())),
                ("user", text(host.user.as_str())),
                ("hgdev", text(host.layout.hgdev.as_str())),
                ("hgwork", text(host.layout.hgwork.as_str())),
                ("sudo", Value::Boolean(host.sudo)),
            ]);
            if let Some(key) = &host.key {
                row.insert("key".to_owned(), path(key));
            }
            if !host.host_keys.is_empty() {
                let keys = host.host_keys.iter().map(|key| text(key.as_str())).collect();
                row.insert("host_key".to_owned(), Value::Array(keys));
            }
            if let Some(command) = &host.proxy_command {
                row.insert("proxy_command".to_owned(), text(command.as_str()));
            }
            Value::Table(row)
        });
        let hosts: Vec<_> = hosts.collect();
        if !hosts.is_empty() {
            all.insert("hosts".to_owned(), Value::Array(hosts));
        }
        // tables of plain values always print
        toml::to_string(&all).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back_to_the_same_configuration() {
        let file = Path::new("/state/config.toml");
        let some = "hg = \"/opt/hg\"\n[defaults]\nlease = \"1h30m\"\n[aws]\nenabled = false\nowner = \"anna\"\nregions = [\"eu-west-1\"]\ninstance_type = \"c6i.large\"\nalternatives = []\ntransport = \"ssm\"\ningress = \"open\"\ncidr = [\"0.0.0.0/0\"]\nkeep_images = 1\nssm_agent_url = \"https://a.example/agent.deb\"\nssm_agent_sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n[costs]\njob_cap = \"2.50\"\nday_cap = \"20\"\nalarm_after = \"10m\"\n[dashboard]\ntheme = \"16\"\n[[hosts]]\nname = \"build1\"\naddress = \"b.example\"\n\
                    key = \"/k\"\nproxy_command = \"nc %h %p\"\nhgwork = \"/w\"\nsudo = false\n";
        for text in ["", some] {
            let config = Config::parse(text, file, None).unwrap();
            assert_eq!(Config::parse(&config.to_toml(), file, None).unwrap(), config);
        }
    }
}
