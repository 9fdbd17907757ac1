//! Names and addresses: the wire (RFC 1035), the editable zone, and who asks it.
//!
//! The wire format is the crate `simple-dns`: MIT, no dependency but `bitflags`, reads and writes both sides of the
//! dialogue. `hickory-proto` was ruled out for its weight (the `url` crate, Unicode tables, a random source of its own),
//! smoltcp's for writing questions only.
//!
//! Reading order: [`zone`] (what names mean), then this file (questions and answers as bytes), then [`resolver`] (a client).

pub(crate) mod resolver;
pub mod zone;

use std::net::Ipv4Addr;

use simple_dns::rdata::{A, CNAME, PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};
use trace::{Instant, Kind};

use super::service::{Log, UdpService};

pub use zone::{DnsFailure, Zone, ZoneAnswer, ZoneRecord};

/// Where name servers listen.
pub(crate) const DNS_PORT: u16 = 53;
/// How long an answer may be kept; short, because zones are edited while a program runs.
const ANSWER_TTL_SECONDS: u32 = 60;

/// What a client wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryKind {
    /// The address of a name.
    Address,
    /// The name of an address.
    Pointer,
    /// Anything else; there is none of it here.
    Other(u16),
}

/// A question off the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) id: u16,
    /// In lower case, without the last dot.
    pub(crate) name: String,
    pub(crate) kind: QueryKind,
}

/// What a server knows about a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// From the asked name along the aliases, the last one excluded.
    pub(crate) aliases: Vec<String>,
    /// The name that the aliases end at.
    pub(crate) name: String,
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// Names of an address, for [`QueryKind::Pointer`].
    pub(crate) pointers: Vec<String>,
    pub(crate) outcome: Outcome,
}

/// How a question went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The name exists, though perhaps without what was asked for.
    #[default]
    NoError,
    NameError,
    ServerFailure,
    Refused,
    /// The server says nothing.
    Silence,
}

impl Answer {
    /// The answer as the log has it.
    pub(crate) fn to_record(&self) -> Kind {
        let error = match self.outcome {
            Outcome::NoError if self.addresses.is_empty() && self.pointers.is_empty() => Some("no address".to_owned()),
            Outcome::NoError => None,
            failure => Some(failure.text().to_owned()),
        };
        let name = self.aliases.first().unwrap_or(&self.name).clone();
        Kind::DnsAnswer { name, addresses: self.addresses.clone(), error }
    }
}

impl Outcome {
    /// As tools print it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Outcome::NoError => "NOERROR",
            Outcome::NameError => "NXDOMAIN",
            Outcome::ServerFailure => "SERVFAIL",
            Outcome::Refused => "REFUSED",
            Outcome::Silence => "no answer",
        }
    }
}

/// Reads a client's question; `None` for what is none.
pub(crate) fn parse_query(bytes: &[u8]) -> Option<Query> {
    let packet = Packet::parse(bytes).ok()?;
    if packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let question = packet.questions.first()?;
    let kind = match question.qtype {
        QTYPE::TYPE(TYPE::A) | QTYPE::ANY => QueryKind::Address,
        QTYPE::TYPE(TYPE::PTR) => QueryKind::Pointer,
        other => QueryKind::Other(other.into()),
    };
    Some(Query { id: packet.id(), name: plain_name(&question.qname), kind })
}

/// A question for the wire; `None` if `name` cannot be a domain name.
pub(crate) fn build_query(query: &Query) -> Option<Vec<u8>> {
    let name = Name::new(&query.name).ok()?;
    let kind = match query.kind {
        QueryKind::Address => QTYPE::TYPE(TYPE::A),
        QueryKind::Pointer => QTYPE::TYPE(TYPE::PTR),
        QueryKind::Other(number) => QTYPE::TYPE(TYPE::from(number)),
    };
    let mut packet = Packet::new_query(query.id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(name, kind, QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok()
}

/// The bytes that answer `query_bytes` with `answer`; `None` for silence and for what is no question.
pub(crate) fn build_answer(query_bytes: &[u8], answer: &Answer) -> Option<Vec<u8>> {
    let question = Packet::parse(query_bytes).ok()?;
    let asked = question.questions.first()?.qname.clone();
    let mut packet = Packet::new_reply(question.id());
    packet.set_flags(PacketFlag::RECURSION_AVAILABLE);
    if question.has_flags(PacketFlag::RECURSION_DESIRED) {
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    *packet.rcode_mut() = match answer.outcome {
        Outcome::NoError => RCODE::NoError,
        Outcome::NameError => RCODE::NameError,
        Outcome::ServerFailure => RCODE::ServerFailure,
        Outcome::Refused => RCODE::Refused,
        Outcome::Silence => return None,
    };
    packet.questions = question.questions.into_iter().take(1).collect();
    packet.answers = records(&asked, answer)?;
    packet.build_bytes_vec_compressed().ok()
}

fn records<'a>(asked: &Name<'a>, answer: &'a Answer) -> Option<Vec<ResourceRecord<'a>>> {
    let record = |name, data| ResourceRecord::new(name, CLASS::IN, ANSWER_TTL_SECONDS, data);
    let mut records = Vec::new();
    // The first owner is written as it was asked, in the client's own spelling.
    let mut owner = asked.clone();
    for next in answer.aliases.iter().skip(1).chain((!answer.aliases.is_empty()).then_some(&answer.name)) {
        let target = Name::new(next).ok()?;
        records.push(record(owner, RData::CNAME(CNAME(target.clone()))));
        owner = target;
    }
    for ip in &answer.addresses {
        records.push(record(owner.clone(), RData::A(A::from(*ip))));
    }
    for name in &answer.pointers {
        records.push(record(owner.clone(), RData::PTR(PTR(Name::new(name).ok()?))));
    }
    Some(records)
}

/// Reads a server's answer: its id, whether the server is the authority, and what it says.
pub(crate) fn parse_answer(bytes: &[u8]) -> Option<(u16, Answer)> {
    let packet = Packet::parse(bytes).ok()?;
    if !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let outcome = match packet.rcode() {
        RCODE::NoError => Outcome::NoError,
        RCODE::NameError => Outcome::NameError,
        RCODE::Refused => Outcome::Refused,
        _ => Outcome::ServerFailure,
    };
    let name = packet.questions.first().map(|question| plain_name(&question.qname)).unwrap_or_default();
    let mut answer = Answer { name, outcome, ..Answer::default() };
    for record in &packet.answers {
        match &record.rdata {
            RData::A(a) => answer.addresses.push(Ipv4Addr::from_bits(a.address)),
            RData::CNAME(target) => {
                let target = plain_name(&target.0);
                answer.aliases.push(std::mem::replace(&mut answer.name, target));
            }
            RData::PTR(target) => answer.pointers.push(plain_name(&target.0)),
            _ => {}
        }
    }
    Some((packet.id(), answer))
}

/// The name in lower case with dots between its labels; bytes that are no text are replaced.
fn plain_name(name: &Name<'_>) -> String {
    let labels: Vec<String> =
        name.as_bytes().map(|label| String::from_utf8_lossy(label).to_ascii_lowercase()).collect();
    labels.join(".")
}

/// `192.168.1.100` from `100.1.168.192.in-addr.arpa` (RFC 1035, section 3.5).
pub(crate) fn address_of_pointer_name(name: &str) -> Option<Ipv4Addr> {
    let reversed: Ipv4Addr = name.strip_suffix(".in-addr.arpa")?.parse().ok()?;
    let [a, b, c, d] = reversed.octets();
    Some(Ipv4Addr::new(d, c, b, a))
}

/// `100.1.168.192.in-addr.arpa` from `192.168.1.100`.
pub(crate) fn pointer_name(ip: Ipv4Addr) -> String {
    let [a, b, c, d] = ip.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

/// A public name server: answers from the zone that all of them share.
#[derive(Debug)]
pub(crate) struct DnsServer {
    zone: zone::SharedZone,
}

impl DnsServer {
    /// A server of `zone`.
    pub(crate) fn new(zone: zone::SharedZone) -> DnsServer {
        DnsServer { zone }
    }

    /// What the server says to `data`: the question, what it knows, and the bytes to send.
    pub(crate) fn answer(&self, data: &[u8]) -> Option<(Query, Answer, Option<Vec<u8>>)> {
        let query = parse_query(data)?;
        let answer = self.zone.borrow().answer(&query);
        let bytes = build_answer(data, &answer);
        Some((query, answer, bytes))
    }
}

impl UdpService for DnsServer {
    fn datagram(&mut self, now: Instant, data: &[u8], log: &Log) -> Vec<Vec<u8>> {
        let Some((_, answer, bytes)) = self.answer(data) else { return Vec::new() };
        log.record(now, answer.to_record());
        bytes.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    fn server() -> DnsServer {
        let zone = Zone::new([
            ZoneRecord::addresses("example.com", [Ipv4Addr::new(93, 184, 215, 14)]),
            ZoneRecord::alias("www.example.com", "example.com"),
            ZoneRecord::failure("broken.example.com", DnsFailure::Servfail),
            ZoneRecord::failure("silent.example.com", DnsFailure::Timeout),
            ZoneRecord::failure("empty.example.com", DnsFailure::NoAddress),
        ]);
        DnsServer::new(Rc::new(RefCell::new(zone)))
    }

    fn query(name: &str, kind: QueryKind) -> Vec<u8> {
        build_query(&Query { id: 7, name: name.into(), kind }).unwrap()
    }

    /// Asks over the wire and reads the answer back.
    fn ask(name: &str, kind: QueryKind) -> Option<Answer> {
        let bytes = server().answer(&query(name, kind))?.2?;
        let (id, answer) = parse_answer(&bytes).expect("readable");
        assert_eq!(id, 7);
        Some(answer)
    }

    #[test]
    fn a_name_has_its_address() {
        let answer = ask("Example.COM", QueryKind::Address).unwrap();
        assert_eq!(answer.addresses, [Ipv4Addr::new(93, 184, 215, 14)]);
        assert_eq!((answer.name.as_str(), answer.outcome), ("example.com", Outcome::NoError));
    }

    #[test]
    fn aliases_are_followed_and_shown() {
        let answer = ask("www.example.com", QueryKind::Address).unwrap();
        assert_eq!(answer.aliases, ["www.example.com"]);
        assert_eq!((answer.name.as_str(), answer.addresses.len()), ("example.com", 1));
    }

    #[test]
    fn an_address_has_its_name() {
        let answer = ask(&pointer_name(Ipv4Addr::new(93, 184, 215, 14)), QueryKind::Pointer).unwrap();
        assert_eq!(answer.pointers, ["example.com"]);
    }

    #[test]
    fn failures_are_what_the_zone_says() {
        let outcome = |name| ask(name, QueryKind::Address).map(|answer| answer.outcome);
        assert_eq!(outcome("nowhere.example.com"), Some(Outcome::NameError));
        assert_eq!(outcome("broken.example.com"), Some(Outcome::ServerFailure));
        assert_eq!(outcome("silent.example.com"), None);
        assert_eq!(outcome("empty.example.com"), Some(Outcome::NoError));
    }

    #[test]
    fn other_types_of_an_existing_name_are_empty_not_errors() {
        let answer = ask("example.com", QueryKind::Other(28)).unwrap();
        assert_eq!((answer.outcome, answer.addresses.len()), (Outcome::NoError, 0));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let server = server();
        let question = query("www.example.com", QueryKind::Address);
        let answer = server.answer(&question).unwrap().2.unwrap();
        for original in [&question, &answer] {
            for at in 0..original.len() {
                server.answer(&original[..at]);
                parse_answer(&original[..at]);
                for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
                    let mut damaged = original.to_vec();
                    damaged[at] = value;
                    server.answer(&damaged);
                    parse_answer(&damaged);
                }
            }
        }
        // A name that points at itself.
        let mut looping = question[..12].to_vec();
        looping.extend([0xc0, 12, 0, 1, 0, 1]);
        assert!(server.answer(&looping).is_none());
    }

    #[test]
    fn names_that_cannot_be_names_are_refused() {
        for name in ["a..b", &"x".repeat(64), &"abc.".repeat(80)] {
            let query = Query { id: 1, name: name.to_owned(), kind: QueryKind::Address };
            let bytes = build_query(&query);
            assert!(bytes.is_none_or(|bytes| parse_query(&bytes).is_some()), "{name}");
        }
    }
}
