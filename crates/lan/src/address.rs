//! Addresses: of the link layer, of an interface, and as a Lua program writes them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An Ethernet address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// All hosts of a segment.
    pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);

    /// Whether it names a group: the broadcast address or a multicast one.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The address a multicast group is sent to (RFC 1112 section 6.4).
    pub const fn of_group(group: Ipv4Addr) -> MacAddress {
        let [_, b, c, d] = group.octets();
        MacAddress([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not six hexadecimal pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ethernet address")]
pub struct ParseMacError;

impl FromStr for MacAddress {
    type Err = ParseMacError;

    /// Reads six hexadecimal pairs separated by `:` or `-`.
    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(ParseMacError)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| ParseMacError)?;
        }
        if parts.next().is_some() { Err(ParseMacError) } else { Ok(MacAddress(bytes)) }
    }
}

impl Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What an interface is configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The host's own address there.
    pub ip: Ipv4Addr,
    /// Leading bits that the subnet's hosts share, 0 to 32.
    pub prefix_len: u8,
    /// Who carries packets for other subnets.
    pub gateway: Option<Ipv4Addr>,
}

impl Address {
    /// An address on a subnet without a gateway.
    pub const fn new(ip: Ipv4Addr, prefix_len: u8) -> Address {
        Address { ip, prefix_len, gateway: None }
    }

    /// The same with a gateway.
    pub const fn via(self, gateway: Ipv4Addr) -> Address {
        Address { gateway: Some(gateway), ..self }
    }

    /// From a mask as `wifi.sta.setip` takes it; the bits after the first zero are ignored.
    pub const fn with_netmask(ip: Ipv4Addr, netmask: Ipv4Addr, gateway: Option<Ipv4Addr>) -> Address {
        Address { ip, prefix_len: u32::from_be_bytes(netmask.octets()).leading_ones() as u8, gateway }
    }

    /// The subnet mask.
    pub const fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask_bits(self.prefix_len))
    }

    /// The address of all hosts of the subnet.
    pub const fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.ip.to_bits() | !mask_bits(self.prefix_len))
    }

    /// Whether `other` is on the subnet.
    pub const fn contains(&self, other: Ipv4Addr) -> bool {
        (self.ip.to_bits() ^ other.to_bits()) & mask_bits(self.prefix_len) == 0
    }

    /// Whether `ip` addresses all hosts of the subnet, or of any.
    pub fn is_broadcast(&self, ip: Ipv4Addr) -> bool {
        ip.is_broadcast() || (self.prefix_len < 31 && ip == self.broadcast())
    }
}

const fn mask_bits(prefix_len: u8) -> u32 {
    if prefix_len == 0 { 0 } else { u32::MAX << (32 - if prefix_len > 32 { 32 } else { prefix_len }) }
}

/// Reads an IPv4 address as the firmware does everywhere (`ipaddr_aton`, docs/behaviour.md §1.9).
///
/// One to four parts, each decimal, octal after a leading `0` or hexadecimal after `0x`; the last part fills the
/// remaining bytes; whatever follows a white space is ignored. `255.255.255.255` is returned like any other: callers that
/// cannot tell it from a failure (the DNS paths) refuse it themselves.
pub fn parse_ipv4_literal(text: &[u8]) -> Option<Ipv4Addr> {
    let end = text.iter().position(|byte| byte.is_ascii_whitespace() || *byte == 0x0b).unwrap_or(text.len());
    let mut parts = [0u32; 4];
    let mut count = 0;
    for part in text[..end].split(|byte| *byte == b'.') {
        *parts.get_mut(count)? = parse_part(part)?;
        count += 1;
    }
    let (leading, last) = (&parts[..count - 1], parts[count - 1]);
    let last_max = u32::MAX >> (8 * leading.len());
    if last > last_max || leading.iter().any(|part| *part > 0xff) {
        return None;
    }
    let high = leading.iter().enumerate().fold(0, |bits, (index, part)| bits | part << (24 - 8 * index));
    Some(Ipv4Addr::from_bits(high | last))
}

fn parse_part(part: &[u8]) -> Option<u32> {
    let (digits, radix) = match part {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] => (digits, 8),
        [b'1'..=b'9', ..] => (part, 10),
        _ => return None,
    };
    // Octal parts may hold 8 and 9, and nothing after `0x` is zero, as in the firmware.
    let digit_radix = if radix == 16 { 16 } else { 10 };
    digits
        .iter()
        .try_fold(0u32, |value, digit| value.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(digit_radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_as_ipaddr_aton_does() {
        // docs/behaviour.md §1.9
        let read = |text: &str| parse_ipv4_literal(text.as_bytes()).map(|ip| ip.to_string());
        assert_eq!(read("192.168.1.7").as_deref(), Some("192.168.1.7"));
        assert_eq!(read("1.2.3.4 x").as_deref(), Some("1.2.3.4"));
        assert_eq!(read("7").as_deref(), Some("0.0.0.7"));
        assert_eq!(read("10.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(read("10.1.258").as_deref(), Some("10.1.1.2"));
        assert_eq!(read("0x7f.0.0.010").as_deref(), Some("127.0.0.8"));
        assert_eq!(read("0x.0.0.09").as_deref(), Some("0.0.0.9"));
        assert_eq!(read("255.255.255.255").as_deref(), Some("255.255.255.255"));
        for bad in ["", ".", "1.2.3.", "1.2.3.4.5", "1.2.3.256", "256.1.1.1", "example.com", "1.2.3.4x", "a.b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn subnets_know_their_members() {
        let address = Address::with_netmask([192, 168, 1, 7].into(), [255, 255, 255, 0].into(), None);
        assert_eq!(address, Address::new([192, 168, 1, 7].into(), 24));
        assert!(address.contains([192, 168, 1, 200].into()) && !address.contains([192, 168, 2, 1].into()));
        assert_eq!(address.broadcast(), Ipv4Addr::new(192, 168, 1, 255));
        assert_eq!(address.netmask(), Ipv4Addr::new(255, 255, 255, 0));
        assert!(Address::new([1, 2, 3, 4].into(), 0).contains([9, 9, 9, 9].into()));
    }

    #[test]
    fn ethernet_addresses_survive_their_text() {
        let mac: MacAddress = "5c:cf:7f:00:0A:ff".parse().unwrap();
        assert_eq!(mac.to_string(), "5c:cf:7f:00:0a:ff");
        assert!("5c:cf".parse::<MacAddress>().is_err() && "5c:cf:7f:00:0a:ff:00".parse::<MacAddress>().is_err());
        assert_eq!(MacAddress::of_group([239, 255, 1, 2].into()).to_string(), "01:00:5e:7f:01:02");
    }
}
