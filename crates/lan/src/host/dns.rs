//! The stub resolver, as lwIP's `dns.c` (docs/behaviour.md §2.7).
//!
//! Four lookups at a time, no cache, one clock of one second for all: a question at once, again at ticks 1, 2 and 4,
//! failure at tick 7, or the same on the second server. The transaction id is one for all lookups, so that only the
//! question sent last can be answered. Which that is at a tick depends on the places that the lookups have in the table,
//! so answered ones keep theirs here too, though nobody reads the answer again. A desktop has more entries, an id per
//! lookup, and believes error answers.

use std::net::Ipv4Addr;

use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, DnsRecord, DnsRecordData, DnsRepr,
};
use trace::{Duration, Endpoint, Instant, Kind, Layer, RecordId, Silence};

use super::{Host, StackProfile};
use crate::error::DnsError;
use crate::event::{Event, QueryId};

/// Interval of the resolver's clock.
const TICK: Duration = Duration::from_secs(1);
/// Lookups at a time on the chip.
const TABLE_MAX: usize = 4;
/// Lookups at a time on a desktop.
const DESKTOP_TABLE_MAX: usize = 256;
/// Bytes of a name, at most one less.
const NAME_LENGTH: usize = 256;
/// Questions per server, then one more interval of patience.
const TRIES: u32 = 4;
/// The resolver's own port: below those that programs get (docs/behaviour.md §5.1).
const LOCAL_PORT: u16 = 4095;
const SERVER_PORT: u16 = 53;
/// What the firmware boots with.
const DEFAULT_SERVER: Ipv4Addr = Ipv4Addr::new(208, 67, 222, 222);

/// A place of lwIP's `dns_table` whose lookup was answered. It is given away again when the answer's time to live has
/// passed, or when no place is unused and this one is the oldest.
#[derive(Clone, Copy, Debug)]
struct Answered {
    until: Instant,
    sequence: u8,
}

#[derive(Debug)]
struct Lookup {
    query: QueryId,
    /// Its place in the table.
    place: usize,
    /// Its number among all lookups, as lwIP counts them.
    sequence: u8,
    name: Vec<u8>,
    cause: Option<RecordId>,
    server: usize,
    /// Ticks until the next question.
    countdown: u32,
    tries: u32,
    transaction: u16,
}

/// The lookups under way, and the servers.
#[derive(Debug)]
pub(crate) struct Resolver {
    servers: [Option<Ipv4Addr>; 2],
    lookups: Vec<Lookup>,
    answered: [Option<Answered>; TABLE_MAX],
    /// Failed lookups whose owner has not heard of it to the end, with their places: lwIP gives a place free after the
    /// callback.
    failing: Vec<(QueryId, usize)>,
    errors_end_lookups: bool,
    next_query: u32,
    next_sequence: u8,
    /// Where within a second the ticks are.
    phase: u64,
    next_tick: Option<Instant>,
    /// Transaction id and server of the question sent last.
    latest: Option<(u16, Ipv4Addr)>,
}

impl Resolver {
    pub(crate) fn new(profile: StackProfile, phase: u64) -> Resolver {
        let is_chip = profile == StackProfile::Chip;
        Resolver {
            servers: [is_chip.then_some(DEFAULT_SERVER), None],
            lookups: Vec::new(),
            answered: [None; TABLE_MAX],
            failing: Vec::new(),
            errors_end_lookups: !is_chip,
            next_query: 1,
            next_sequence: 0,
            phase: phase % TICK.as_micros(),
            next_tick: None,
            latest: None,
        }
    }

    /// The place that `dns_enqueue` gives to a lookup: the first unused one, else that of the oldest answered lookup.
    fn free_place(&self, now: Instant) -> Option<usize> {
        let asking = |place: usize| {
            let is_failing = self.failing.iter().any(|(_, failing)| *failing == place);
            is_failing || self.lookups.iter().any(|lookup| lookup.place == place)
        };
        let answered = |place: usize| self.answered[place].filter(|answered| now < answered.until);
        let free = || (0..TABLE_MAX).filter(|place| !asking(*place));
        let age = |place: &usize| answered(*place).map(|answered| self.next_sequence.wrapping_sub(answered.sequence));
        free().find(|place| answered(*place).is_none()).or_else(|| free().max_by_key(age))
    }

    fn tick_after(&self, now: Instant) -> Instant {
        let (now, interval) = (now.as_micros(), TICK.as_micros());
        let passed = if now < self.phase { 0 } else { (now - self.phase) / interval + 1 };
        Instant::from_micros(self.phase + passed * interval)
    }
}

impl Host {
    /// The name servers; unset entries are `None`.
    pub fn dns_servers(&self) -> [Option<Ipv4Addr>; 2] {
        self.resolver.servers
    }

    /// Sets name server `index` (0 or 1; others are ignored).
    pub fn set_dns_server(&mut self, index: usize, server: Option<Ipv4Addr>) {
        if let Some(entry) = self.resolver.servers.get_mut(index) {
            *entry = server;
        }
    }

    /// Whether an error answer (NXDOMAIN, SERVFAIL) ends a lookup at once; the chip ignores it (docs/behaviour.md §2.7).
    pub fn set_dns_errors_end_lookups(&mut self, end: bool) {
        self.resolver.errors_end_lookups = end;
    }

    /// Asks for the address of `name`, which is not an address itself (callers try
    /// [`parse_ipv4_literal`](crate::parse_ipv4_literal) first).
    ///
    /// # Errors
    /// See [`DnsError`].
    pub fn dns_resolve(&mut self, now: Instant, name: &[u8]) -> Result<QueryId, DnsError> {
        self.advance(now);
        if name.is_empty() || name.len() >= NAME_LENGTH {
            return Err(DnsError::IllegalArgument);
        }
        let place = match self.profile {
            StackProfile::Chip => self.resolver.free_place(now),
            StackProfile::Desktop => Some(self.resolver.lookups.len()).filter(|place| *place < DESKTOP_TABLE_MAX),
        };
        let place = place.ok_or(DnsError::OutOfMemory)?;
        let query = QueryId(self.resolver.next_query);
        self.resolver.next_query += 1;
        let sequence = self.resolver.next_sequence;
        self.resolver.next_sequence = sequence.wrapping_add(1);
        let (name, cause) = (name.to_vec(), self.trace.current());
        let lookup = Lookup { query, place, sequence, name, cause, server: 0, countdown: 1, tries: 0, transaction: 0 };
        self.resolver.lookups.push(lookup);
        if self.resolver.next_tick.is_none() {
            self.resolver.next_tick = Some(self.resolver.tick_after(now));
        }
        self.dns_ask(now, query);
        Ok(query)
    }

    /// Gives a lookup up without an event.
    pub fn dns_cancel(&mut self, query: QueryId) {
        self.resolver.lookups.retain(|lookup| lookup.query != query);
    }

    /// The owner has heard the end of a lookup: its place is free.
    pub(crate) fn dns_told(&mut self, query: QueryId) {
        self.resolver.failing.retain(|(failing, _)| *failing != query);
    }

    fn dns_ask(&mut self, now: Instant, query: QueryId) {
        let transaction = self.random.u16(..);
        let Some(lookup) = self.resolver.lookups.iter_mut().find(|lookup| lookup.query == query) else { return };
        lookup.transaction = transaction;
        let Some(server) = self.resolver.servers[lookup.server] else { return };
        self.resolver.latest = Some((transaction, server));
        let (name, cause) = (lookup.name.clone(), lookup.cause);
        let question = Kind::DnsQuestion { name: String::from_utf8_lossy(&name).into_owned(), server };
        let asked = self.trace.record_caused(now, self.id, cause, question);
        let Some(body) = question_packet(transaction, &name) else { return };
        let _scope = self.trace.enter(Some(asked));
        let source = self.route(server).map_or(Ipv4Addr::UNSPECIFIED, |route| route.address.ip);
        let from = Endpoint { ip: source, port: LOCAL_PORT };
        let ttl = self.default_ttl();
        // Errors are ignored: without a network the lookup takes as long to fail (docs/behaviour.md §2.7).
        let _ = self.datagram_out(now, None, from, Endpoint { ip: server, port: SERVER_PORT }, ttl, &body);
    }

    pub(crate) fn dns_deadline(&self) -> Option<Instant> {
        self.resolver.next_tick
    }

    pub(crate) fn dns_poll(&mut self, now: Instant) {
        while let Some(tick) = self.resolver.next_tick.filter(|tick| *tick <= now) {
            self.dns_tick(now);
            let is_idle = self.resolver.lookups.is_empty();
            self.resolver.next_tick = if is_idle { None } else { Some(tick + TICK) };
        }
    }

    fn dns_tick(&mut self, now: Instant) {
        // In the order of the table (`dns_check_entries`): who asks last is the one whose answer is recognised.
        let mut places: Vec<_> = self.resolver.lookups.iter().map(|lookup| (lookup.place, lookup.query)).collect();
        places.sort_by_key(|(place, _)| *place);
        for (_, query) in places {
            let has_second = self.resolver.servers[1].is_some();
            let Some(lookup) = self.resolver.lookups.iter_mut().find(|lookup| lookup.query == query) else { continue };
            lookup.countdown -= 1;
            if lookup.countdown > 0 {
                continue;
            }
            lookup.tries += 1;
            if lookup.tries < TRIES {
                lookup.countdown = lookup.tries;
                self.dns_ask(now, query);
            } else if lookup.server == 0 && has_second {
                lookup.server = 1;
                lookup.countdown = 1;
                lookup.tries = 0;
            } else {
                self.dns_done(now, query, &[], Some("no answer"), None);
            }
        }
    }

    /// The place of an answered lookup stays taken while its answer lives, counted in ticks.
    fn dns_keep_place(&mut self, now: Instant, query: QueryId, ttl_secs: u32) {
        let first_tick = self.resolver.tick_after(now);
        let lookup = self.resolver.lookups.iter().find(|lookup| lookup.query == query);
        if let (Some(lookup), Some(more_ticks)) = (lookup, ttl_secs.checked_sub(1))
            && let Some(place) = self.resolver.answered.get_mut(lookup.place)
        {
            let until = first_tick + Duration::from_secs(more_ticks.into());
            *place = Some(Answered { until, sequence: lookup.sequence });
        }
    }

    fn dns_done(
        &mut self,
        now: Instant,
        query: QueryId,
        addresses: &[Ipv4Addr],
        error: Option<&str>,
        carried: Option<RecordId>,
    ) {
        let Some(index) = self.resolver.lookups.iter().position(|lookup| lookup.query == query) else { return };
        let lookup = self.resolver.lookups.remove(index);
        if addresses.is_empty() {
            self.resolver.failing.push((query, lookup.place));
        }
        let name = String::from_utf8_lossy(&lookup.name).into_owned();
        let answer = Kind::DnsAnswer { name, addresses: addresses.to_vec(), error: error.map(str::to_owned) };
        let record = self.trace.record_caused(now, self.id, carried.or(lookup.cause), answer);
        self.push_event(Event::DnsDone { query, ip: addresses.first().copied() }, Some(record));
    }

    /// Reads a datagram that may be an answer; returns whether it was for the resolver.
    pub(crate) fn dns_in(&mut self, now: Instant, from: Endpoint, to: Endpoint, body: &[u8]) -> bool {
        if to.port != LOCAL_PORT || from.port != SERVER_PORT {
            return false;
        }
        let carried = self.trace.current();
        let Some(answer) = Answer::parse(body) else { return true };
        let is_known = match self.profile {
            StackProfile::Chip => self.resolver.latest == Some((answer.transaction, from.ip)),
            StackProfile::Desktop => true,
        };
        let matches = |lookup: &&Lookup| {
            (self.profile == StackProfile::Chip || lookup.transaction == answer.transaction)
                && lookup.name.strip_suffix(b".").unwrap_or(&lookup.name).eq_ignore_ascii_case(&answer.name)
        };
        let Some(query) = self.resolver.lookups.iter().find(matches).filter(|_| is_known).map(|lookup| lookup.query)
        else {
            self.nothing(carried, Layer::Dns, Silence::Other, None, || {
                "a name server's answer to a question that is no longer the latest was ignored".to_owned()
            });
            return true;
        };
        match answer.error {
            Some(error) if self.resolver.errors_end_lookups => self.dns_done(now, query, &[], Some(&error), carried),
            Some(error) => self.nothing(carried, Layer::Dns, Silence::DnsErrorIgnored, None, || {
                format!("the name server answered {error}; the chip goes on asking until it gives up")
            }),
            None if answer.addresses.is_empty() => self.dns_done(now, query, &[], Some("no address"), carried),
            None => {
                self.dns_keep_place(now, query, answer.ttl_secs);
                self.dns_done(now, query, &answer.addresses, None, carried);
            }
        }
        true
    }
}

fn question_packet(transaction: u16, name: &[u8]) -> Option<Vec<u8>> {
    let mut encoded = Vec::with_capacity(name.len() + 2);
    for label in name.strip_suffix(b".").unwrap_or(name).split(|byte| *byte == b'.') {
        // A label that cannot be written is never asked for; the lookup fails in its time.
        encoded.push(u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?);
        encoded.extend_from_slice(label);
    }
    encoded.push(0);
    let message = DnsRepr {
        transaction_id: transaction,
        opcode: DnsOpcode::Query,
        flags: DnsFlags::RECURSION_DESIRED,
        question: DnsQuestion { name: &encoded, type_: DnsQueryType::A },
    };
    let mut body = vec![0; message.buffer_len()];
    message.emit(&mut DnsPacket::new_unchecked(&mut body[..]));
    Some(body)
}

/// What an answer says.
struct Answer {
    transaction: u16,
    name: Vec<u8>,
    error: Option<String>,
    addresses: Vec<Ipv4Addr>,
    /// How long the first address is good for.
    ttl_secs: u32,
}

impl Answer {
    fn parse(body: &[u8]) -> Option<Answer> {
        let packet = DnsPacket::new_checked(body).ok()?;
        if !packet.flags().contains(DnsFlags::RESPONSE) || packet.question_count() != 1 {
            return None;
        }
        let (mut rest, question) = DnsQuestion::parse(packet.payload()).ok()?;
        let labels: Option<Vec<_>> = packet.parse_name(question.name).map(Result::ok).collect();
        let name = labels?.join(&b'.');
        let (mut addresses, mut ttl_secs) = (Vec::new(), 0);
        for _ in 0..packet.answer_record_count() {
            let Ok((next, record)) = DnsRecord::parse(rest) else { break };
            rest = next;
            if let DnsRecordData::A(ip) = record.data {
                if addresses.is_empty() {
                    ttl_secs = record.ttl;
                }
                addresses.push(ip);
            }
        }
        let error = match packet.rcode() {
            DnsRcode::NoError => None,
            DnsRcode::NXDomain => Some("NXDOMAIN".to_owned()),
            DnsRcode::ServFail => Some("SERVFAIL".to_owned()),
            other => Some(format!("error {}", u8::from(other))),
        };
        Some(Answer { transaction: packet.transaction_id(), name, error, addresses, ttl_secs })
    }
}
