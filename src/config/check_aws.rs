//! What `[aws]` of the configuration file means.

use super::check::{shown, take, validate_filled, validate_number, validate_time, validate_word};
use super::raw::{At, RawAws, Reader};
use super::values::{Aws, Ingress, SsmAgent};
use crate::domain::{Region, Transport, cidr, escape_line, is_everybody, is_instance_type};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long one may want to wait for a machine.
const READY: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(60 * 60);

pub(super) fn aws(reader: &mut Reader<'_>, raw: RawAws, aws: &mut Aws) {
    take(&mut aws.enabled, raw.enabled.map(|at| at.value));
    aws.owner = raw.owner.and_then(|at| validate_owner(reader, &at));
    take(&mut aws.regions, raw.regions.and_then(|at| validate_regions(reader, &at)));
    take(&mut aws.instance_type, raw.instance_type.and_then(|at| validate_type(reader, &at, &at.value)));
    take(
        &mut aws.alternatives,
        raw.alternatives.and_then(|at| at.value.iter().map(|text| validate_type(reader, &at, text)).collect()),
    );
    take(&mut aws.image_instance_type, raw.image_instance_type.and_then(|at| validate_type(reader, &at, &at.value)));
    let transport = raw.transport.and_then(|at| validate_word(reader, &at, &Transport::ALL, Transport::as_str));
    take(&mut aws.transport, transport);
    take(&mut aws.ingress, raw.ingress.and_then(|at| validate_word(reader, &at, &Ingress::ALL, Ingress::as_str)));
    take(&mut aws.cidr, raw.cidr.and_then(|at| validate_cidr(reader, &at, aws.ingress)));
    take(&mut aws.address_from, raw.address_from.and_then(|at| validate_url(reader, &at, &["https://", "http://"])));
    take(&mut aws.ready_timeout, raw.ready_timeout.and_then(|at| validate_time(reader, &at, READY)));
    take(&mut aws.keep_images, raw.keep_images.and_then(|at| validate_number(reader, &at, 1, 100)));
    match (raw.ssm_agent_url, raw.ssm_agent_sha256) {
        (Some(url), Some(sha256)) => {
            let (url, sha256) =
                (validate_url(reader, &url, &["https://", "http://"]), validate_sha256(reader, &sha256));
            aws.ssm_agent = url.zip(sha256).map(|(url, sha256)| SsmAgent { url, sha256 });
        }
        (Some(one), None) | (None, Some(one)) => {
            let message = format!("`{}` stands alone", one.key);
            let hint = "give `ssm_agent_url` and `ssm_agent_sha256`, or neither";
            reader.wrong(one.span.start, message, Some(hint.to_owned()));
        }
        (None, None) => {}
    }
}

/// A tag's value: what AWS takes, and a list can show.
fn validate_owner(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let text = validate_filled(reader, at)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@+=:/".contains(&byte);
    if text.bytes().all(plain) && text.len() <= 64 {
        return Some(text.to_owned());
    }
    let message = format!("`{}`: `{}` cannot be an owner's name", at.key, shown(at));
    reader.wrong(at.span.start, message, Some("letters, digits and `._-@+=:/`, at most 64".to_owned()));
    None
}

fn validate_regions(reader: &mut Reader<'_>, at: &At<Vec<String>>) -> Option<Vec<Region>> {
    if at.value.is_empty() {
        let hint = "leave the key out for `us-west-2`; `[\"all\"]` is every region of the account";
        reader.wrong(at.span.start, format!("`{}` is empty", at.key), Some(hint.to_owned()));
        return None;
    }
    if at.value.iter().any(|text| text == "all") {
        return Some(Vec::new());
    }
    let mut regions = Vec::new();
    for text in &at.value {
        match Region::new(text.clone()) {
            Ok(region) => regions.push(region),
            Err(why) => {
                reader.wrong(at.span.start, format!("`{}`: {why}", at.key), None);
                return None;
            }
        }
    }
    regions.sort();
    regions.dedup();
    Some(regions)
}

fn validate_type(reader: &mut Reader<'_>, at: &At<impl Sized>, text: &str) -> Option<String> {
    if is_instance_type(text) {
        return Some(text.to_owned());
    }
    let message = format!("`{}`: `{}` is no instance type", at.key, escape_line(text));
    reader.wrong(at.span.start, message, Some("write one such as `c5.9xlarge`".to_owned()));
    None
}

fn validate_cidr(reader: &mut Reader<'_>, at: &At<Vec<String>>, ingress: Ingress) -> Option<Vec<String>> {
    let mut blocks = Vec::new();
    for text in &at.value {
        match cidr(text) {
            Ok(block) if is_everybody(&block) && ingress == Ingress::Caller => {
                let message = format!("`{}`: `{block}` lets everybody connect", at.key);
                let hint = "say so with `ingress = \"open\"`, or name your own network";
                reader.wrong(at.span.start, message, Some(hint.to_owned()));
                return None;
            }
            Ok(block) => blocks.push(block),
            Err(why) => {
                let hint = "write it like `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`";
                reader.wrong(at.span.start, format!("`{}`: {why}", at.key), Some(hint.to_owned()));
                return None;
            }
        }
    }
    Some(blocks)
}

/// It goes into shell lines and user data, so only plain characters.
fn validate_url(reader: &mut Reader<'_>, at: &At<String>, schemes: &[&str]) -> Option<String> {
    let text = validate_filled(reader, at)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-~?=&%+@[]".contains(&byte);
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    if text.bytes().all(plain)
        && rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
    {
        return Some(text.to_owned());
    }
    let message = format!("`{}`: `{}` is not an address to fetch from", at.key, shown(at));
    let known = schemes.iter().map(|scheme| format!("`{scheme}`")).collect::<Vec<_>>().join(" or ");
    reader.wrong(at.span.start, message, Some(format!("write a URL that begins with {known}")));
    None
}

fn validate_sha256(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    if at.value.len() == 64 && at.value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(at.value.to_ascii_lowercase());
    }
    let message = format!("`{}` must be 64 hexadecimal digits", at.key);
    reader.wrong(at.span.start, message, Some("`sha256sum FILE` prints them".to_owned()));
    None
}
