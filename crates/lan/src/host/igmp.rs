//! Group membership (RFC 2236), so that a switch or router knows where a group's packets are wanted.

use std::net::Ipv4Addr;

use smoltcp::wire::{IgmpPacket, IgmpRepr, IgmpVersion, IpProtocol};
use trace::{Duration, Instant};

use super::Host;
use super::wire::{Ipv4, ipv4_frame};
use crate::address::MacAddress;
use crate::error::MulticastError;
use crate::frame::Frame;

/// A report is repeated within this time after a join, in case the first was lost.
const JOIN_REPEAT_MAX: Duration = Duration::from_millis(500);
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);

/// A group that an interface is a member of.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) ip: Ipv4Addr,
    joins: u32,
    /// When the membership is reported next.
    pub(crate) report_at: Option<Instant>,
}

impl Host {
    /// Joins `group` on the interface with address `interface_ip`, or on all of them for 0.0.0.0.
    ///
    /// # Errors
    /// See [`MulticastError`].
    pub fn join_group(&mut self, now: Instant, interface_ip: Ipv4Addr, group: Ipv4Addr) -> Result<(), MulticastError> {
        self.advance(now);
        for interface in self.group_interfaces(interface_ip, group)? {
            let repeat = Duration::from_micros(self.random.u64(1..=JOIN_REPEAT_MAX.as_micros()));
            let groups = &mut self.interfaces[interface].groups;
            if let Some(member) = groups.iter_mut().find(|member| member.ip == group) {
                member.joins += 1;
                continue;
            }
            groups.push(Group { ip: group, joins: 1, report_at: Some(now + repeat) });
            self.report(now, interface, group);
        }
        Ok(())
    }

    /// Leaves `group` once; the membership ends when it was left as often as joined.
    ///
    /// # Errors
    /// See [`MulticastError`].
    pub fn leave_group(&mut self, now: Instant, interface_ip: Ipv4Addr, group: Ipv4Addr) -> Result<(), MulticastError> {
        self.advance(now);
        let mut was_member = false;
        for interface in self.group_interfaces(interface_ip, group)? {
            let groups = &mut self.interfaces[interface].groups;
            let Some(index) = groups.iter().position(|member| member.ip == group) else { continue };
            was_member = true;
            groups[index].joins -= 1;
            if groups[index].joins == 0 {
                groups.remove(index);
                self.send_igmp(now, interface, ALL_ROUTERS, &IgmpRepr::LeaveGroup { group_addr: group });
            }
        }
        if was_member { Ok(()) } else { Err(MulticastError::NotMember) }
    }

    /// Whether what is sent to `group` and arrives at `interface` is for this host: every host is in the group of all (RFC 1112,
    /// section 4).
    pub(crate) fn hears(&self, interface: usize, group: Ipv4Addr) -> bool {
        group == ALL_SYSTEMS || self.interfaces[interface].groups.iter().any(|member| member.ip == group)
    }

    fn group_interfaces(&self, interface_ip: Ipv4Addr, group: Ipv4Addr) -> Result<Vec<usize>, MulticastError> {
        if !group.is_multicast() {
            return Err(MulticastError::NotMulticast);
        }
        let wanted = |ip: Ipv4Addr| interface_ip.is_unspecified() || ip == interface_ip;
        let interfaces: Vec<_> = (self.interfaces.iter().enumerate())
            .filter(|(_, netif)| netif.address.is_some_and(|address| wanted(address.ip)))
            .map(|(interface, _)| interface)
            .collect();
        if interfaces.is_empty() { Err(MulticastError::NoInterface) } else { Ok(interfaces) }
    }

    fn report(&mut self, now: Instant, interface: usize, group: Ipv4Addr) {
        let report = IgmpRepr::MembershipReport { group_addr: group, version: IgmpVersion::Version2 };
        self.send_igmp(now, interface, group, &report);
    }

    fn send_igmp(&mut self, now: Instant, interface: usize, to: Ipv4Addr, message: &IgmpRepr) {
        let Some(address) = self.interfaces[interface].address else { return };
        let frame = ipv4_frame(address.ip, to, IpProtocol::Igmp, 1, message.buffer_len(), |body| {
            message.emit(&mut IgmpPacket::new_unchecked(body));
        });
        let waiting = super::arp::Waiting { frame, socket: None, cause: self.trace.current(), intact: true };
        self.send_to(now, interface, MacAddress::of_group(to), waiting);
    }

    pub(crate) fn igmp_in(&mut self, now: Instant, interface: usize, ip: &Ipv4, frame: &Frame) {
        let Ok(packet) = IgmpPacket::new_checked(ip.payload_of(&frame.bytes)) else { return };
        match IgmpRepr::parse(&packet) {
            Ok(IgmpRepr::MembershipQuery { max_resp_time, group_addr, .. }) => {
                let is_wanted = |ip: Ipv4Addr| group_addr.is_unspecified() || group_addr == ip;
                let answer_max = max_resp_time.total_micros().max(1);
                for member in self.interfaces[interface].groups.iter_mut().filter(|member| is_wanted(member.ip)) {
                    let at = now + Duration::from_micros(self.random.u64(1..=answer_max));
                    member.report_at = Some(member.report_at.map_or(at, |planned| planned.min(at)));
                }
            }
            // Another member has answered already.
            Ok(IgmpRepr::MembershipReport { group_addr, .. }) if ip.destination != ALL_SYSTEMS => {
                let members = self.interfaces[interface].groups.iter_mut();
                members.filter(|member| member.ip == group_addr).for_each(|member| member.report_at = None);
            }
            _ => {}
        }
    }

    pub(crate) fn igmp_poll(&mut self, now: Instant, interface: usize) {
        let due = |member: &&mut Group| member.report_at.is_some_and(|at| at <= now);
        while let Some(member) = self.interfaces[interface].groups.iter_mut().find(due) {
            member.report_at = None;
            let group = member.ip;
            self.report(now, interface, group);
        }
    }
}
