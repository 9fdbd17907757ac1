//! A desktop's resolver: asks the servers in turn, understands errors, and gives up.
//!
//! Its timing is glibc's (`resolv.conf(5)`: 5 s, two rounds), which is what the PC's tools show. A board's resolver is the
//! firmware's and lives in `Host`. Left out: a cache, so that every question shows on the wire.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use trace::{Duration, Instant};

use super::{Answer, Outcome, Query, QueryKind, build_query, parse_answer};

/// How long one question waits (`RES_TIMEOUT`).
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often each server is asked (`RES_DFLRETRY`).
const ROUNDS: u32 = 2;

/// A lookup under way; never reused during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LookupId(pub(crate) u32);

/// What the resolver wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send `bytes` to port 53 of `server`.
    Ask { name: String, server: Ipv4Addr, bytes: Vec<u8> },
    /// The lookup is over; `server` answered, or nobody did.
    Done { lookup: LookupId, server: Ipv4Addr, answer: Answer },
}

#[derive(Debug)]
struct Lookup {
    id: LookupId,
    /// The names still to try, the current one first.
    names: Vec<String>,
    kind: QueryKind,
    servers: Vec<Ipv4Addr>,
    /// Questions sent for the current name.
    tries: u32,
    deadline: Instant,
}

/// Asks name servers.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// By the identifier of the question under way.
    lookups: BTreeMap<u16, Lookup>,
    random: fastrand::Rng,
    next: u32,
    steps: Vec<Step>,
}

impl Resolver {
    /// A resolver whose question identifiers come from `seed`.
    pub(crate) fn new(seed: u64) -> Resolver {
        Resolver { lookups: BTreeMap::new(), random: fastrand::Rng::with_seed(seed), next: 0, steps: Vec::new() }
    }

    /// Begins to ask `servers` for `names`, one after the other until one exists.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        names: Vec<String>,
        kind: QueryKind,
        servers: &[Ipv4Addr],
    ) -> LookupId {
        let id = LookupId(self.next);
        self.next += 1;
        self.ask(Lookup { id, names, kind, servers: servers.to_vec(), tries: 0, deadline: now }, now);
        id
    }

    /// Takes what is to be done next.
    pub(crate) fn take_step(&mut self) -> Option<Step> {
        (!self.steps.is_empty()).then(|| self.steps.remove(0))
    }

    /// Understands a datagram from port 53 of `from`.
    pub(crate) fn received(&mut self, now: Instant, from: Ipv4Addr, bytes: &[u8]) {
        let Some((id, answer)) = parse_answer(bytes) else { return };
        let asked = |lookup: &Lookup| {
            lookup.names.first().map(String::as_str)
                == answer.aliases.first().or(Some(&answer.name)).map(String::as_str)
        };
        if !self.lookups.get(&id).is_some_and(|lookup| lookup.servers.contains(&from) && asked(lookup)) {
            return;
        }
        let Some(mut lookup) = self.lookups.remove(&id) else { return };
        if answer.outcome == Outcome::NameError && lookup.names.len() > 1 {
            lookup.names.remove(0);
            lookup.tries = 0;
            self.ask(lookup, now);
        } else {
            self.steps.push(Step::Done { lookup: lookup.id, server: from, answer });
        }
    }

    /// Drops a lookup; nothing more is heard of it.
    pub(crate) fn cancel(&mut self, id: LookupId) {
        self.lookups.retain(|_, lookup| lookup.id != id);
    }

    /// Repeats what was not answered in time.
    pub(crate) fn poll(&mut self, now: Instant) {
        let due: Vec<u16> =
            self.lookups.iter().filter(|(_, lookup)| lookup.deadline <= now).map(|(id, _)| *id).collect();
        for id in due {
            if let Some(lookup) = self.lookups.remove(&id) {
                self.ask(lookup, now);
            }
        }
    }

    /// When [`Resolver::poll`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.lookups.values().map(|lookup| lookup.deadline).min()
    }

    fn ask(&mut self, mut lookup: Lookup, now: Instant) {
        let name = lookup.names.first().cloned().unwrap_or_default();
        let count = lookup.servers.len() as u32;
        let server = lookup.servers.get((lookup.tries % count.max(1)) as usize).copied();
        let id = self.free_id();
        let bytes = build_query(&Query { id, name: name.clone(), kind: lookup.kind });
        let (Some(server), Some(bytes)) = (server.filter(|_| lookup.tries < ROUNDS * count), bytes) else {
            let outcome =
                if count > 0 && lookup.tries >= ROUNDS * count { Outcome::Silence } else { Outcome::NameError };
            let server = lookup.servers.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
            let answer = Answer { name, outcome, ..Answer::default() };
            self.steps.push(Step::Done { lookup: lookup.id, server, answer });
            return;
        };
        lookup.tries += 1;
        lookup.deadline = now + TIMEOUT;
        self.lookups.insert(id, lookup);
        self.steps.push(Step::Ask { name, server, bytes });
    }

    fn free_id(&mut self) -> u16 {
        loop {
            let id = self.random.u16(..);
            if !self.lookups.contains_key(&id) {
                return id;
            }
            if self.lookups.len() > usize::from(u16::MAX) / 2 {
                return id; // absurdly many: an old lookup gives way
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build_answer;
    use super::*;

    const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn resolver(names: &[&str]) -> Resolver {
        let mut resolver = Resolver::new(1);
        resolver.start(at(0), names.iter().map(|name| (*name).to_owned()).collect(), QueryKind::Address, &[SERVER]);
        resolver
    }

    #[track_caller]
    fn asked(resolver: &mut Resolver) -> Vec<u8> {
        match resolver.take_step() {
            Some(Step::Ask { server: SERVER, bytes, .. }) => bytes,
            other => panic!("no question but {other:?}"),
        }
    }

    #[track_caller]
    fn done(resolver: &mut Resolver) -> Answer {
        match resolver.take_step() {
            Some(Step::Done { answer, .. }) => answer,
            other => panic!("not done but {other:?}"),
        }
    }

    #[test]
    fn an_answer_ends_the_lookup() {
        let mut resolver = resolver(&["example.com"]);
        let question = asked(&mut resolver);
        let answer = Answer { name: "example.com".into(), addresses: vec![SERVER], ..Answer::default() };
        resolver.received(at(0), SERVER, &build_answer(&question, &answer).unwrap());
        assert_eq!(done(&mut resolver).addresses, [SERVER]);
        assert_eq!(resolver.next_deadline(), None);
    }

    #[test]
    fn a_missing_name_leads_to_the_next_one() {
        let mut resolver = resolver(&["board.lan", "board"]);
        let question = asked(&mut resolver);
        let answer = Answer { outcome: Outcome::NameError, ..Answer::default() };
        resolver.received(at(0), SERVER, &build_answer(&question, &answer).unwrap());
        let question = asked(&mut resolver);
        resolver.received(at(0), SERVER, &build_answer(&question, &answer).unwrap());
        let answer = done(&mut resolver);
        assert_eq!((answer.name.as_str(), answer.outcome), ("board", Outcome::NameError));
    }

    #[test]
    fn silence_is_given_up_after_two_rounds() {
        let mut resolver = resolver(&["example.com"]);
        asked(&mut resolver);
        resolver.poll(at(4));
        assert_eq!(resolver.take_step(), None);
        resolver.poll(at(5));
        asked(&mut resolver);
        resolver.poll(at(10));
        assert_eq!(done(&mut resolver).outcome, Outcome::Silence);
    }

    #[test]
    fn answers_to_nobodys_question_are_ignored() {
        let mut resolver = resolver(&["example.com"]);
        let question = asked(&mut resolver);
        let answer = build_answer(&question, &Answer::default()).unwrap();
        resolver.received(at(0), Ipv4Addr::new(6, 6, 6, 6), &answer);
        let mut other = answer.clone();
        other[0] ^= 0xff;
        resolver.received(at(0), SERVER, &other);
        assert_eq!(resolver.take_step(), None);
    }

    #[test]
    fn an_impossible_name_fails_without_a_question() {
        let mut resolver = resolver(&[&"x".repeat(70)]);
        assert_eq!(done(&mut resolver).outcome, Outcome::NameError);
    }
}
