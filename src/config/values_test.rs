//! The configuration file: good ones, the whole text of every error, and the sample against the defaults.

use super::super::Aws;
use super::super::raw::Raw;
use super::*;
use crate::diag::Hinted;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJsWri7taHCrWsyHNfTr0Svxuog6uuDMT0RlHJmGGe82";

fn parse(text: &str) -> Result<Config> {
    Config::parse(text, Path::new("/state/config.toml"), Some(Path::new("/home/u")))
}

/// An error as a person reads it.
fn told(text: &str) -> String {
    let error = parse(text).expect_err(text);
    let mut told = error.to_string();
    for hint in error.hints() {
        told.push_str("\nhint: ");
        told.push_str(&hint.0);
    }
    told.strip_prefix("`/state/config.toml`, ").expect("the file is named").to_owned()
}

/// The sample with every key's `#` taken away.
fn uncommented() -> String {
    let is_key = |line: &str| {
        line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
    };
    sample().lines().map(|line| if is_key(line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_is_the_defaults_with_and_without_its_comments() {
    assert_eq!(parse(sample()).unwrap(), Config::default());
    assert_eq!(parse("").unwrap(), Config::default());
    let all = parse(&uncommented()).unwrap();
    assert_eq!(all.aws.owner.as_deref(), Some("anna"));
    assert!(all.aws.ssm_agent.is_some());
    let aws = Aws { owner: None, ssm_agent: None, ..all.aws.clone() };
    let caps = (all.costs.job_cap.map(|usd| usd.to_string()), all.costs.day_cap.map(|usd| usd.to_string()));
    assert_eq!(caps, (Some("$5.00".to_owned()), Some("$20.00".to_owned())));
    let costs = Costs { job_cap: None, day_cap: None, ..all.costs };
    assert_eq!(Config { hosts: Vec::new(), aws, costs, ..all.clone() }, Config::default());
    let expected = Host {
        name: MachineId::new("build1").unwrap(),
        address: "build1.example.org".into(),
        port: 22,
        user: "hg".into(),
        key: Some("/home/u/.ssh/id_ed25519".into()),
        host_keys: vec![KEY.into()],
        proxy_command: Some("ssh -W %h:%p gateway.example.org".into()),
        layout: Layout::interface(),
        sudo: true,
    };
    assert_eq!(all.hosts, std::slice::from_ref(&expected));
    // What the sample shows as a default is what a host without the line gets.
    let bare = parse("[[hosts]]\nname = 'build1'\naddress = 'build1.example.org'\n").unwrap();
    assert_eq!(bare.hosts, [Host { key: None, host_keys: Vec::new(), proxy_command: None, ..expected }]);
}

#[test]
fn the_sample_has_every_key_in_its_section() {
    let mut section = "";
    let mut found = Vec::new();
    let text = uncommented();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.push((section, key));
        }
    }
    let known: Vec<_> =
        Raw::keys().into_iter().flat_map(|(section, keys)| keys.iter().map(move |key| (section, *key))).collect();
    assert_eq!(found, known);
}

#[test]
fn values_are_taken_as_they_are_meant() {
    let config = parse(&format!(
        "hg = '~/bin/hg'\n[defaults]\nprovider = 'hosts'\nlease = '1h30m'\npython = 'pypy3.6'\n[dashboard]\ntheme = '16'\n[local]\nroot = '~/big'\n\
         [log]\nlevel = 'trace'\nkeep = 1\n[retention]\njobs = 0x10\ndays = 1\n\
         [[hosts]]\nname = 'six'\naddress = '[fe80::1%eth0]'\nport = 2222\nkey = 'keys/six'\nhost_key = ['{KEY} root@six']\n\
         hgdev = '/opt/hgdev/'\nsudo = false\n[[hosts]]\nname = 'four'\naddress = '10.0.0.4'\n"
    ))
    .unwrap();
    assert_eq!(config.hg, Path::new("/home/u/bin/hg"));
    assert_eq!(config.defaults.lease, Duration::from_secs(5_400));
    assert_eq!(config.defaults.provider, ProviderKind::Hosts);
    assert_eq!(config.dashboard.theme, ThemeChoice::Ansi);
    assert_eq!(config.local.root, Path::new("/home/u/big"));
    assert_eq!((config.log.level, config.retention.jobs), (LogLevel::Trace, 16));
    let six = &config.hosts[0];
    assert_eq!((six.address.as_str(), six.port, six.sudo), ("fe80::1%eth0", 2222, false));
    assert_eq!(six.key.as_deref(), Some(Path::new("/state/keys/six")));
    assert_eq!(six.host_keys, [KEY]);
    assert_eq!(six.layout.hgdev, "/opt/hgdev");
    assert_eq!(config.hosts[1].address, "10.0.0.4");
    assert_eq!(parse("hg = 'hg7'").unwrap().hg, Path::new("hg7"));
    assert_eq!(parse("hg = './hg'").unwrap().hg, Path::new("/state/./hg"));
}

#[test]
fn every_error_says_where_what_and_what_else() {
    let host = |line: &str| format!("[[hosts]]\nname = 'a'\naddress = 'a'\n{line}\n");
    let table: Vec<(String, &str)> = vec![
        (
            "[defaults]\nprovidr = 'local'\n".into(),
            "line 2, column 1: unknown key `defaults.providr`\nhint: did you mean `provider`? known here: `provider`, `lease`, `python`",
        ),
        (
            "colour = 1\n".into(),
            "line 1, column 1: unknown key `colour`\nhint: known here: `hg`, `defaults`, `aws`, `costs`, `dashboard`, `local`, `log`, `retention`, `hosts`",
        ),
        (
            "  [default]\n".into(),
            "line 1, column 4: unknown key `default`\nhint: did you mean `defaults`? known here: `hg`, `defaults`, `aws`, `costs`, `dashboard`, `local`, `log`, `retention`, `hosts`",
        ),
        (
            host("hostkey = []"),
            "line 4, column 1: unknown key `hosts.hostkey`\nhint: did you mean `host_key`? known here: `name`, `address`, `port`, `user`, `key`, `host_key`, `proxy_command`, `hgdev`, `hgwork`, `sudo`",
        ),
        (
            "[defaults]\nprovider = 'gcp'\n".into(),
            "line 2, column 12: `defaults.provider` cannot be `gcp`\nhint: known here: `local`, `hosts`, `aws`",
        ),
        (
            "[aws]\nregions = ['us-west-2', 'US EAST']\n".into(),
            "line 2, column 11: `aws.regions`: `US EAST` is no region: write one such as `us-west-2`",
        ),
        (
            "[aws]\nregions = []\n".into(),
            "line 2, column 11: `aws.regions` is empty\nhint: leave the key out for `us-west-2`; `[\"all\"]` is every region of the account",
        ),
        (
            "[aws]\nowner = 'anna b'\n".into(),
            "line 2, column 9: `aws.owner`: `anna b` cannot be an owner's name\nhint: letters, digits and `._-@+=:/`, at most 64",
        ),
        (
            "[aws]\ninstance_type = 'big'\n".into(),
            "line 2, column 17: `aws.instance_type`: `big` is no instance type\nhint: write one such as `c5.9xlarge`",
        ),
        (
            "[aws]\nalternatives = ['c5.large', 'C5.LARGE']\n".into(),
            "line 2, column 16: `aws.alternatives`: `C5.LARGE` is no instance type\nhint: write one such as `c5.9xlarge`",
        ),
        (
            "[aws]\ntransport = 'sms'\n".into(),
            "line 2, column 13: `aws.transport` cannot be `sms`\nhint: did you mean `ssm`? known here: `ssh`, `ssm`, `auto`",
        ),
        (
            "[aws]\ncidr = ['1.2.3.4/40']\n".into(),
            "line 2, column 8: `aws.cidr`: `1.2.3.4/40` is no block of addresses\nhint: write it like `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`",
        ),
        (
            "[aws]\ncidr = ['1.2.3.4', '::/0']\n".into(),
            "line 2, column 8: `aws.cidr`: `::/0` lets everybody connect\nhint: say so with `ingress = \"open\"`, or name your own network",
        ),
        (
            "[aws]\naddress_from = 'ftp://a'\n".into(),
            "line 2, column 16: `aws.address_from`: `ftp://a` is not an address to fetch from\nhint: write a URL that begins with `https://` or `http://`",
        ),
        ("[aws]\nkeep_images = 0\n".into(), "line 2, column 15: `aws.keep_images` must be between 1 and 100"),
        (
            "[aws]\nssm_agent_url = 'https://a'\n".into(),
            "line 2, column 17: `aws.ssm_agent_url` stands alone\nhint: give `ssm_agent_url` and `ssm_agent_sha256`, or neither",
        ),
        (
            "[aws]\nssm_agent_url = 'https://a'\nssm_agent_sha256 = 'abc'\n".into(),
            "line 3, column 20: `aws.ssm_agent_sha256` must be 64 hexadecimal digits\nhint: `sha256sum FILE` prints them",
        ),
        (
            "[dashboard]\ntheme = 'drak'\n".into(),
            "line 2, column 9: `dashboard.theme` cannot be `drak`\nhint: did you mean `dark`? known here: `auto`, `dark`, `light`, `16`, `mono`",
        ),
        (
            "[log]\nlevel = 'Debug'\n".into(),
            "line 2, column 9: `log.level` cannot be `Debug`\nhint: did you mean `debug`? known here: `error`, `warn`, `info`, `debug`, `trace`",
        ),
        (
            "[defaults]\nlease = 2\n".into(),
            "line 2, column 9: `defaults.lease` must be a string in quotes, not a whole number",
        ),
        ("[log]\nkeep = '5'\n".into(), "line 2, column 8: `log.keep` must be a whole number, not a string"),
        (
            "[log]\nkeep = 1.5\n".into(),
            "line 2, column 8: `log.keep` must be a whole number, not a number with a fraction",
        ),
        (host("sudo = 'yes'"), "line 4, column 8: `hosts.sudo` must be `true` or `false`, not a string"),
        (
            host("host_key = 'x'"),
            "line 4, column 12: `hosts.host_key` must be a list of strings in quotes, not a string",
        ),
        ("defaults = 1\n".into(), "line 1, column 12: `defaults` must be a table (`[defaults]`), not a whole number"),
        (
            "[hosts]\nname = 'a'\n".into(),
            "line 1, column 1: `hosts` must be a list of tables (`[[hosts]]`), not a table",
        ),
        (
            "hosts = [1]\n".into(),
            "line 1, column 10: `hosts` must be a list of tables (`[[hosts]]`), not a whole number",
        ),
        (
            "[defaults]\nlease = '2 hours'\n".into(),
            "line 2, column 9: `defaults.lease`: `2 hours` is not a duration\nhint: write it like `90s`, `45m`, `2h`, `1d` or `1h30m`",
        ),
        (
            "[defaults]\nlease = '8d'\n".into(),
            "line 2, column 9: `defaults.lease` must be between `10s` and `7d`, not `8d`",
        ),
        (
            "[defaults]\nlease = '0s'\n".into(),
            "line 2, column 9: `defaults.lease` must be between `10s` and `7d`, not `0s`",
        ),
        (
            "[defaults]\npython = '../sh'\n".into(),
            "line 2, column 10: `defaults.python` cannot be `../sh`\nhint: write `system3`, or a version under pyenv such as `3.12` or `pypy`",
        ),
        ("hg = ' '\n".into(), "line 1, column 6: `hg` is empty\nhint: leave the key out for its default"),
        (
            "hg = '~other/hg'\n".into(),
            "line 1, column 6: `hg`: `~other/hg` names another user's home\nhint: write the whole path; only `~/` is filled in",
        ),
        ("[retention]\njobs = 0\n".into(), "line 2, column 8: `retention.jobs` must be between 1 and 100000"),
        (
            "[retention]\ndays = 99999999999999999999\n".into(),
            "line 2, column 8: `retention.days` must be between 1 and 3650",
        ),
        (
            "[costs]\njob_cap = 'five'".into(),
            "line 2, column 11: `costs.job_cap`: `five` is no amount of US dollars\nhint: write one such as \"5\" or \"1.50\"",
        ),
        (
            "[costs]\nday_cap = '0'".into(),
            "line 2, column 11: `costs.day_cap`: `0` is no amount of US dollars\nhint: write one such as \"5\" or \"1.50\"",
        ),
        (host("port = 0"), "line 4, column 8: `hosts.port` must be between 1 and 65535"),
        (host("port = 65536"), "line 4, column 8: `hosts.port` must be between 1 and 65535"),
        (host("user = '-oX'"), "line 4, column 8: `hosts.user`: `-oX` is not a user name"),
        (
            host("host_key = []"),
            "line 4, column 12: `hosts.host_key` is empty\nhint: leave the key out to be asked on first use",
        ),
        (
            host("host_key = ['ssh-ed25519 AAAA']"),
            "line 4, column 12: `hosts.host_key`: `ssh-ed25519 AAAA` is no host key: its key is damaged or cut short\nhint: take the line from `/etc/ssh/ssh_host_ed25519_key.pub` on the host",
        ),
        (
            host("proxy_command = 'nc %n'"),
            "line 4, column 17: `hosts.proxy_command`: `%n` is not known\nhint: `%h` is the address, `%p` the port, `%r` the user, `%%` a percent sign",
        ),
        (
            host("hgdev = '/'"),
            "line 4, column 9: `hosts.hgdev`: `/` is not an absolute path of plain characters\nhint: letters, digits, `/`, `.`, `_`, `-`; not `/` itself",
        ),
        (
            host("hgwork = '/a/../b'"),
            "line 4, column 10: `hosts.hgwork`: `/a/../b` is not an absolute path of plain characters\nhint: letters, digits, `/`, `.`, `_`, `-`; not `/` itself",
        ),
        (
            host("hgwork = '/hgdev/work'"),
            "line 4, column 10: `hosts.hgdev` (`/hgdev`) and `hosts.hgwork` (`/hgdev/work`) overlap\nhint: `hgwork` is emptied for each run, so neither may hold the other",
        ),
        (
            host("[[hosts]]\nname = 'A'\naddress = 'b'"),
            "line 5, column 8: `hosts.name`: there is a host `a` already\nhint: give each host its own name",
        ),
        (
            "[[hosts]]\nname = 'a b'\naddress = 'a'\n".into(),
            "line 2, column 8: `hosts.name`: `a b` is not a valid name\nhint: letters, digits, `.`, `_`, `-`, at most 64, starting with a letter or digit",
        ),
        (
            "[[hosts]]\nname = 'm-1'\naddress = 'a'\n".into(),
            "line 2, column 8: `hosts.name`: `m-1` could be taken for a local machine\nhint: choose a name that does not start with `m-`",
        ),
        (
            "[[hosts]]\nname = 'a'\n".into(),
            "line 1, column 1: a host without `address`\nhint: add a line like `address = \"build1.example.org\"`",
        ),
        (
            "[[hosts]]\naddress = 'a'\n".into(),
            "line 1, column 1: a host without `name`\nhint: add a line like `name = \"build1\"`",
        ),
        (
            "[[hosts]]\nname = 'a'\naddress = 'me@a'\n".into(),
            "line 3, column 11: `hosts.address`: `me@a` is not a host name or address\nhint: write the user as `user = \"…\"`",
        ),
        (
            "[[hosts]]\nname = 'a'\naddress = 'a:22'\n".into(),
            "line 3, column 11: `hosts.address`: `a:22` is not a host name or address\nhint: write the port as `port = …`",
        ),
        (
            "[[hosts]]\nname = 'a'\naddress = \"-a\\u001b[2J\"\n".into(),
            "line 3, column 11: `hosts.address`: `-a␛[2J` is not a host name or address\nhint: write a host name or an IP address",
        ),
        // several at once, told in the order of the file, columns counted in characters
        (
            "hg = ''\n[log]\n'é' = 1\nkeep = 0\n".into(),
            "line 1, column 6: `hg` is empty\nhint: leave the key out for its default\nhint: also wrong: line 3, column 1: unknown key `log.é` (known here: `level`, `keep`)\nhint: also wrong: line 4, column 8: `log.keep` must be between 1 and 100",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(told(&text), expected, "\n{text}");
    }
}

#[test]
fn broken_syntax_is_told_with_its_place() {
    let quotes = "\nhint: strings need quotes, as in `lease = \"2h\"`";
    for (text, place, bare) in [
        ("[defaults]\nlease = 2h\n", "line 2, column ", true),
        ("hg = /usr/bin/hg\n", "line 1, column ", true),
        ("[defaults\n", "line 1, column ", false),
        ("hg = 'a'\nhg = 'b'\n", "line 2, column 1: ", false),
        ("hg = 'never ends\n", "line 1, column ", false),
        ("hg\n", "line 1, column ", false),
        ("hg = \n", "line 1, column ", false),
    ] {
        let told = told(text);
        assert!(told.starts_with(place), "{told}");
        assert_eq!(told.ends_with(quotes), bare, "{told}");
        assert_eq!(told.contains("hint:"), bare, "{told}");
    }
}

#[test]
fn the_file_is_read_from_the_state_directory_and_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let paths = StatePaths::at(home.path()).unwrap();
    assert_eq!(Config::load(&paths).unwrap(), Config::default());
    std::fs::write(paths.config(), "[log]\nkeep = 0\n").unwrap();
    assert!(matches!(Config::load(&paths), Err(Error::Invalid { .. })));
    assert_eq!(std::fs::read(paths.config()).unwrap(), b"[log]\nkeep = 0\n");
    std::fs::write(paths.config(), b"# \xc3\xa9\nhg = '\xff'\n").unwrap();
    let error = Config::load(&paths).unwrap_err();
    assert_eq!(error.to_string(), format!("`{}`, line 2, column 7: not UTF-8", paths.config().display()));
    std::fs::remove_file(paths.config()).unwrap();
    std::fs::create_dir(paths.config()).unwrap();
    assert!(matches!(Config::load(&paths), Err(Error::Io { action: "read", .. })));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn no_value_makes_it_panic(value: String) {
        let quoted = toml::Value::String(value);
        let _ = parse(&format!("hg = {quoted}\n[defaults]\nlease = {quoted}\npython = {quoted}\n[[hosts]]\nname = {quoted}\naddress = {quoted}\nhost_key = [{quoted}]\nproxy_command = {quoted}\nhgdev = {quoted}\n"));
    }
}
