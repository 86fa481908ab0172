//! A target's address or network, and whether a minion's grains `ipv4` and `ipv6` have it. Pure.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::BadTarget;
use super::pattern::shown;

/// Addresses that begin with the same bits.
#[derive(Debug)]
pub(super) struct Network {
    is_v6: bool,
    /// The bits, and a mask of those that count.
    bits: u128,
    mask: u128,
}

impl Network {
    /// Reads an address, `10.1.0.0/16`, `10.1.0.0/255.255.0.0` or `fd00::/8`. Bits behind the prefix must be zero, as
    /// Salt wants them: whoever set some most likely meant an address.
    pub(super) fn new(text: &str) -> Result<Self, BadTarget> {
        let bad = || BadTarget::Network(shown(text));
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, rest)| (address, Some(rest)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let (bits, is_v6) = (number(address), address.is_ipv6());
        let width = if is_v6 { 128 } else { 32 };
        let all = u128::MAX >> (128 - width);
        let mask = match prefix {
            None => all,
            Some(prefix) => match prefix.parse::<IpAddr>() {
                Ok(mask) if mask.is_ipv6() == is_v6 => Some(number(mask)),
                Ok(_) => None,
                Err(_) => prefix_mask(prefix, width),
            }
            .filter(|mask| (all ^ mask) & (all ^ mask).wrapping_add(1) == 0)
            .ok_or_else(bad)?,
        };
        if bits & !mask != 0 {
            return Err(bad());
        }
        Ok(Self { is_v6, bits, mask })
    }

    /// Whether any of the grains' addresses is in it.
    pub(super) fn matches(&self, grains: &Map<String, Value>) -> bool {
        let is_ours = |value: &Value| {
            let address = value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
            address.is_some_and(|address| address.is_ipv6() == self.is_v6 && number(address) & self.mask == self.bits)
        };
        match grains.get(if self.is_v6 { "ipv6" } else { "ipv4" }) {
            Some(Value::Array(addresses)) => addresses.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The mask of a prefix of so many bits in an address of `width` bits.
fn prefix_mask(text: &str, width: u32) -> Option<u128> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let length: u32 = text.parse().ok().filter(|length| is_plain && *length <= width)?;
    let all = u128::MAX >> (128 - width);
    Some(all & !all.checked_shr(length).unwrap_or(0))
}
