//! Who may connect, as a block of addresses in CIDR form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses as a cloud takes it: `203.0.113.7/32`. An address alone is a block of one; what stands behind
/// the prefix is cleared.
///
/// # Errors
/// Why the text is no block.
pub fn cidr(text: &str) -> Result<String, String> {
    let wrong = || format!("`{}` is no block of addresses", super::escape_line(text));
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most: u32 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => most,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    let first: IpAddr = match address {
        IpAddr::V4(address) => (address & Ipv4Addr::from(u32::MAX.checked_shl(32 - prefix).unwrap_or(0))).into(),
        IpAddr::V6(address) => (address & Ipv6Addr::from(u128::MAX.checked_shl(128 - prefix).unwrap_or(0))).into(),
    };
    Ok(format!("{first}/{prefix}"))
}

/// Whether a block is everybody.
#[must_use]
pub fn is_everybody(cidr: &str) -> bool {
    cidr.ends_with("/0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_written_one_way() {
        for (text, block) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("1.2.3.4/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:DB8:0:0::1/32", "2001:db8::/32"),
            ("::1/0", "::/0"),
        ] {
            assert_eq!(cidr(text).as_deref(), Ok(block));
            assert_eq!(cidr(block).as_deref(), Ok(block));
            assert_eq!(is_everybody(block), block.ends_with("::/0") || block == "0.0.0.0/0");
        }
        for text in ["", "/", "1.2.3.4/33", "1.2.3/8", "::/129", "1.2.3.4/", "1.2.3.4/+8", "a", "1.2.3.4/8/8"] {
            assert_eq!(cidr(text), Err(format!("`{text}` is no block of addresses")));
        }
    }
}
