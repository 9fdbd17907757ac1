//! Who may reach what: profiles, lists and port rules, decided on the address that is then dialled.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use relay_protocol::CloseReason;

use crate::address::{self, Kind};
use crate::resolver::{Resolver, SystemResolver};

/// What a relay is for; decides where its streams may go when no list says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// One person's own machine: loopback, private networks and the internet.
    Local,
    /// A classroom: the internet, but neither the laptop itself nor the networks it stands in.
    Workshop,
    /// For anyone: the internet, on the ports that boards use.
    Public,
}

/// Ports that [`Profile::Public`] lets through: DNS, HTTP(S), NTP, MQTT(S), CoAP.
const PUBLIC_PORTS: &[u16] = &[53, 80, 443, 123, 1883, 8883, 5683, 8080, 8443];

/// Ports that no profile but the local one lets through: mail, and what worms speak.
const ABUSED_PORTS: &[u16] = &[0, 19, 25, 111, 135, 137, 138, 139, 389, 445, 465, 587, 1900, 11211];

/// Ports below are for the system's own services (RFC 6335).
const FREE_PORTS_FROM: u16 = 1024;

/// Where streams may go.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The rule for addresses on no list.
    pub profile: Profile,
    /// Networks that are allowed whatever the profile says; forbidden kinds stay forbidden.
    pub allow: Vec<IpNet>,
    /// Networks that are refused whatever else is said.
    pub deny: Vec<IpNet>,
    /// If not empty, the only ports.
    pub ports: Vec<u16>,
    /// Whether boards may publish ports.
    pub publish: bool,
    /// Whether echo requests are sent.
    pub echo: bool,
    /// Who is asked for the addresses of names: the system, unless said otherwise.
    pub resolver: Arc<dyn Resolver>,
}

/// Why a stream was not opened; the text is for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The destination is of a kind or on a list that is refused.
    #[error("the relay's policy forbids {0}")]
    Address(IpAddr),
    /// The port is not let through.
    #[error("the relay's policy forbids port {0}")]
    Port(u16),
    /// The name has no address.
    #[error("{0} does not resolve")]
    Unresolved(String),
    /// Not a name at all.
    #[error("not a host name")]
    BadName,
    /// The function is switched off.
    #[error("the relay does not offer {0}")]
    NotOffered(&'static str),
}

impl Refusal {
    /// The protocol's number for it.
    pub fn reason(&self) -> CloseReason {
        match self {
            Refusal::Address(_) | Refusal::Port(_) | Refusal::NotOffered(_) => CloseReason::Blocked,
            Refusal::Unresolved(_) => CloseReason::Unreachable,
            Refusal::BadName => CloseReason::InvalidInfo,
        }
    }
}

impl Policy {
    /// The defaults of a profile.
    pub fn new(profile: Profile) -> Policy {
        let publish = profile != Profile::Public;
        Policy {
            profile,
            allow: Vec::new(),
            deny: Vec::new(),
            ports: Vec::new(),
            publish,
            echo: true,
            resolver: Arc::new(SystemResolver),
        }
    }

    /// Whether `address` may be reached, at `port` if there is one.
    ///
    /// # Errors
    /// With what stands against it.
    pub fn check(&self, address: IpAddr, port: Option<u16>) -> Result<(), Refusal> {
        let address = address::normalise(address);
        let listed = |list: &[IpNet]| list.iter().any(|network| network.contains(&address));
        let kind = address::kind(address);
        if listed(&self.deny) || kind == Kind::Forbidden {
            return Err(Refusal::Address(address));
        }
        let allowed = listed(&self.allow);
        let by_profile = match self.profile {
            Profile::Local => true,
            Profile::Workshop | Profile::Public => kind == Kind::Public,
        };
        if !(allowed || by_profile) {
            return Err(Refusal::Address(address));
        }
        port.map_or(Ok(()), |port| self.check_port(port, allowed))
    }

    fn check_port(&self, port: u16, allowed: bool) -> Result<(), Refusal> {
        let open = match self.profile {
            _ if !self.ports.is_empty() => self.ports.contains(&port),
            Profile::Local => port != 0,
            _ if allowed => port != 0,
            Profile::Workshop => !ABUSED_PORTS.contains(&port),
            Profile::Public => PUBLIC_PORTS.contains(&port),
        };
        if open { Ok(()) } else { Err(Refusal::Port(port)) }
    }

    /// Looks `host` up once and returns the first address that may be reached: the caller dials this very address, so
    /// that no second lookup can answer otherwise. IPv4 comes first, for boards know no other.
    ///
    /// # Errors
    /// If the name is none or has no address, or none that may be reached.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, Refusal> {
        let address = self.find(host, Some(port)).await?;
        Ok(SocketAddr::new(address, port))
    }

    /// The same for what has no port: a lookup for its own sake, or an echo request.
    ///
    /// # Errors
    /// As [`Policy::resolve`].
    pub async fn resolve_address(&self, host: &str) -> Result<Ipv4Addr, Refusal> {
        match self.find(host, None).await? {
            IpAddr::V4(address) => Ok(address),
            IpAddr::V6(_) => Err(Refusal::Unresolved(host.to_string())),
        }
    }

    /// Whether a board may have this port of the relay's machine; 0 stands for any that is free.
    ///
    /// # Errors
    /// If boards may have none, or not this one.
    pub fn check_published(&self, port: u16) -> Result<(), Refusal> {
        let is_low = port != 0 && port < FREE_PORTS_FROM;
        if !self.publish {
            Err(Refusal::NotOffered("ports"))
        } else if is_low && self.profile != Profile::Local {
            Err(Refusal::Port(port))
        } else {
            Ok(())
        }
    }

    async fn find(&self, host: &str, port: Option<u16>) -> Result<IpAddr, Refusal> {
        let host = host.trim().trim_end_matches('.');
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        if host.is_empty()
            || host.len() > 253
            || host.contains(|c: char| c.is_control() || c.is_whitespace() || c == '/')
        {
            return Err(Refusal::BadName);
        }
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.lookup(host).await.map_err(|_| Refusal::Unresolved(host.to_string()))?,
        };
        let mut found: Vec<IpAddr> = found.into_iter().map(address::normalise).collect();
        found.sort_by_key(IpAddr::is_ipv6);
        let mut refusal = Refusal::Unresolved(host.to_string());
        for candidate in found {
            match self.check(candidate, port) {
                Ok(()) => return Ok(candidate),
                Err(refused) => refusal = refused,
            }
        }
        Err(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &Policy, address: &str, port: u16, expected: bool) {
        let result = policy.check(address.parse().unwrap(), Some(port));
        assert_eq!(result.is_ok(), expected, "{address}:{port}: {result:?}");
    }

    #[test]
    fn profiles_reach_what_they_are_for() {
        let local = Policy::new(Profile::Local);
        check(&local, "127.0.0.1", 6379, true);
        check(&local, "192.168.1.9", 80, true);
        check(&local, "169.254.169.254", 80, false);
        check(&local, "224.0.0.251", 5353, false);
        let workshop = Policy::new(Profile::Workshop);
        check(&workshop, "127.0.0.1", 6379, false);
        check(&workshop, "::ffff:127.0.0.1", 6379, false);
        check(&workshop, "192.168.1.9", 80, false);
        check(&workshop, "8.8.8.8", 53, true);
        check(&workshop, "8.8.8.8", 25, false);
        let public = Policy::new(Profile::Public);
        check(&public, "8.8.8.8", 80, true);
        check(&public, "8.8.8.8", 22, false);
        check(&public, "10.0.0.1", 80, false);
    }

    #[test]
    fn lists_go_before_profiles_and_denial_before_permission() {
        let mut policy = Policy::new(Profile::Workshop);
        policy.allow = vec!["192.168.7.0/24".parse().unwrap(), "169.254.0.0/16".parse().unwrap()];
        policy.deny = vec!["192.168.7.66/32".parse().unwrap(), "8.8.8.8/32".parse().unwrap()];
        check(&policy, "192.168.7.1", 1883, true);
        check(&policy, "::ffff:192.168.7.1", 1883, true);
        check(&policy, "192.168.7.66", 1883, false);
        check(&policy, "::ffff:192.168.7.66", 1883, false);
        check(&policy, "8.8.8.8", 53, false);
        check(&policy, "169.254.169.254", 80, false);
        policy.ports = vec![1883];
        check(&policy, "192.168.7.1", 80, false);
    }

    #[tokio::test]
    async fn a_name_resolves_to_an_address_that_was_checked() {
        let local = Policy::new(Profile::Local);
        let found = local.resolve("localhost", 80).await;
        assert_eq!(found, Ok("127.0.0.1:80".parse().unwrap()));
        let workshop = Policy::new(Profile::Workshop);
        let refused = workshop.resolve("localhost", 80).await;
        assert!(matches!(refused, Err(Refusal::Address(_))), "{refused:?}");
        let refused = workshop.resolve("[::ffff:7f00:1]", 80).await;
        assert!(matches!(refused, Err(Refusal::Address(_))), "{refused:?}");
        assert_eq!(local.resolve("a b", 80).await, Err(Refusal::BadName));
        assert_eq!(local.resolve("", 80).await, Err(Refusal::BadName));
    }
}
