//! What kind of place an address is, after undoing the ways in which one address can be written as another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// The internet.
    Public,
    /// Nowhere that a stream may go: unspecified, link-local (metadata services among them), multicast, broadcast, reserved.
    Forbidden,
}

/// Services that hand a machine's secrets to whatever runs on it, beside 169.254.169.254: Alibaba's and Azure's.
const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];

/// The IPv4 address that an IPv6 address stands for, or the address itself: IPv4-mapped (RFC 4291), NAT64 (RFC 6052),
/// 6to4 (RFC 3056) and the deprecated IPv4-compatible form.
pub(crate) fn normalise(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let segments = v6.segments();
    let pair = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => pair(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => pair(high, low),
        [0x2002, high, low, ..] => pair(high, low),
        _ => address,
    }
}

/// Classifies an address, normalised first.
pub(crate) fn kind(address: IpAddr) -> Kind {
    match normalise(address) {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    let [a, b, c, _] = address.octets();
    if METADATA.contains(&address) {
        Kind::Forbidden
    } else if address.is_loopback() {
        Kind::Loopback
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Kind::Private
    } else if a == 0
        || address.is_link_local()
        || a >= 224
        || (a, b, c) == (192, 0, 0)
        || address.is_documentation()
        || (a == 198 && (b == 18 || b == 19))
    {
        Kind::Forbidden
    } else {
        Kind::Public
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    let first = address.segments()[0];
    if address.is_loopback() {
        Kind::Loopback
    } else if first & 0xfe00 == 0xfc00 {
        // fd00:ec2::254 is a metadata service within the private range.
        if address.segments()[..2] == [0xfd00, 0x0ec2] { Kind::Forbidden } else { Kind::Private }
    } else if first & 0xe000 == 0x2000 && address.segments()[..2] != [0x2001, 0x0db8] && first != 0x2002 {
        // Teredo (2001::/32) hides an IPv4 address behind a tunnel that nobody here needs.
        if address.segments()[..2] == [0x2001, 0] { Kind::Forbidden } else { Kind::Public }
    } else {
        Kind::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Kind) {
        assert_eq!(kind(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn addresses_lead_where_they_lead_however_written() {
        for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"] {
            check(address, Kind::Loopback);
        }
        for address in ["10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd12::1", "::ffff:10.1.2.3"] {
            check(address, Kind::Private);
        }
        for address in ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            check(address, Kind::Public);
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "::ffff:0.0.0.0",
            "100.100.100.200",
            "::ffff:100.100.100.200",
            "168.63.129.16",
            "239.255.255.250",
            "::ffff:224.0.0.251",
            "64:ff9b:1::a00:1",
            "::ffff:255.255.255.255",
            "2002:a9fe:a9fe::1",
            "198.18.0.1",
            "192.0.0.192",
            "::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "ff02::1",
            "192.0.2.1",
            "2001:db8::1",
            "fd00:ec2::254",
            "2001::1",
            "fec0::1",
        ] {
            check(address, Kind::Forbidden);
        }
    }
}
