//! Addresses of the real network as the lab sees them.
//!
//! An address keeps its own form wherever it can. Three kinds cannot: the relay's own machine (127.0.0.1 means every host
//! itself), addresses that the lab uses itself, and IPv6. The first has a fixed stand-in, [`RELAY_MACHINE`]; the others
//! get one each from the block that is set aside for testing networks (RFC 2544), in the order in which they appear.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use lan::world::RELAY_MACHINE;
use trace::Endpoint;

/// Stand-ins given before the first one is given again.
const STAND_INS_MAX: u32 = 4096;
/// 198.18.0.0, whose first address is not used.
const BLOCK: u32 = u32::from_be_bytes([198, 18, 0, 0]);
/// The network that a board's own access point makes (docs/world.md).
const SOFT_AP: [u8; 3] = [192, 168, 4];

/// Who stands for whom.
#[derive(Debug, Default)]
pub(crate) struct StandIns {
    by_real: BTreeMap<IpAddr, Ipv4Addr>,
    by_stand_in: BTreeMap<Ipv4Addr, IpAddr>,
    given: u32,
}

impl StandIns {
    /// The real address that the lab means by `ip`.
    pub(crate) fn outside(&self, ip: Ipv4Addr) -> IpAddr {
        if ip == RELAY_MACHINE {
            return Ipv4Addr::LOCALHOST.into();
        }
        self.by_stand_in.get(&ip).copied().unwrap_or(ip.into())
    }

    /// The address by which the lab shall know `real`, and whether it is a new stand-in; `is_local` tells which addresses
    /// the lab uses itself.
    pub(crate) fn inside(&mut self, real: IpAddr, is_local: impl Fn(Ipv4Addr) -> bool) -> (Ipv4Addr, bool) {
        let real = real.to_canonical();
        if real.is_loopback() {
            return (RELAY_MACHINE, false);
        }
        if let IpAddr::V4(ip) = real
            && !(is_local(ip) || ip.octets()[..3] == SOFT_AP || ip == RELAY_MACHINE || ip.is_unspecified())
        {
            return (ip, false);
        }
        if let Some(stand_in) = self.by_real.get(&real) {
            return (*stand_in, false);
        }
        let stand_in = Ipv4Addr::from_bits(BLOCK + 1 + self.given % STAND_INS_MAX);
        self.given = self.given.wrapping_add(1);
        if let Some(before) = self.by_stand_in.insert(stand_in, real) {
            self.by_real.remove(&before);
        }
        self.by_real.insert(real, stand_in);
        (stand_in, true)
    }

    /// An endpoint of the lab as the relay knows it.
    pub(crate) fn endpoint_outside(&self, endpoint: Endpoint) -> SocketAddr {
        SocketAddr::new(self.outside(endpoint.ip), endpoint.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stand_ins: &mut StandIns, real: &str, expected: &str) {
        let is_lan = |ip: Ipv4Addr| ip.octets()[..3] == [192, 168, 1];
        let (inside, _) = stand_ins.inside(real.parse().unwrap(), is_lan);
        assert_eq!(inside.to_string(), expected, "{real}");
        let back = stand_ins.outside(inside);
        let real: IpAddr = real.parse().unwrap();
        assert!(
            back == real.to_canonical() || (real.is_loopback() && back.is_loopback()),
            "{real} came back as {back}"
        );
    }

    #[test]
    fn only_addresses_that_cannot_stay_get_a_stand_in() {
        let mut stand_ins = StandIns::default();
        check(&mut stand_ins, "93.184.216.34", "93.184.216.34");
        check(&mut stand_ins, "10.0.0.7", "10.0.0.7");
        check(&mut stand_ins, "127.0.0.1", "192.0.2.2");
        check(&mut stand_ins, "::1", "192.0.2.2");
        check(&mut stand_ins, "192.168.1.7", "198.18.0.1");
        check(&mut stand_ins, "2001:db8::1", "198.18.0.2");
        check(&mut stand_ins, "192.168.1.7", "198.18.0.1");
        check(&mut stand_ins, "::ffff:10.1.2.3", "10.1.2.3");
    }

    #[test]
    fn stand_ins_do_not_grow_without_bound() {
        let mut stand_ins = StandIns::default();
        for host in 0..STAND_INS_MAX + 10 {
            stand_ins.inside(IpAddr::V6((u128::from(host) + (0x2001 << 112)).into()), |_| false);
        }
        assert_eq!(stand_ins.by_real.len(), STAND_INS_MAX as usize);
        assert_eq!(stand_ins.by_stand_in.len(), STAND_INS_MAX as usize);
    }
}
