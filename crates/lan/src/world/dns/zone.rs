//! What names mean: the one zone of the built-in internet, editable while a simulation runs.
//!
//! A record can also say how asking for it fails, because programs have to live with that too.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{Answer, Outcome, Query, QueryKind, address_of_pointer_name};

/// Most aliases followed in one answer: a zone may be edited into a circle.
const ALIASES_MAX: usize = 8;

/// A zone that several servers answer from.
pub(crate) type SharedZone = Rc<RefCell<Zone>>;

/// A name and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRecord {
    /// The name; `*.example.com` means all names under `example.com` that have no record of their own.
    pub name: String,
    /// What it means.
    #[serde(flatten)]
    pub answer: ZoneAnswer,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneAnswer {
    /// It has these addresses.
    Addresses(Vec<Ipv4Addr>),
    /// It is another name for this one.
    Alias(String),
    /// Asking fails.
    Failure(DnsFailure),
}

/// How asking for a name fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsFailure {
    /// The name does not exist.
    Nxdomain,
    /// The server is in trouble.
    Servfail,
    /// No answer comes.
    Timeout,
    /// The name exists but has no address.
    NoAddress,
}

impl ZoneRecord {
    /// `name` has `addresses`.
    pub fn addresses(name: &str, addresses: impl IntoIterator<Item = Ipv4Addr>) -> ZoneRecord {
        ZoneRecord { name: name.into(), answer: ZoneAnswer::Addresses(addresses.into_iter().collect()) }
    }

    /// `name` is another name for `target`.
    pub fn alias(name: &str, target: &str) -> ZoneRecord {
        ZoneRecord { name: name.into(), answer: ZoneAnswer::Alias(target.into()) }
    }

    /// Asking for `name` fails.
    pub fn failure(name: &str, failure: DnsFailure) -> ZoneRecord {
        ZoneRecord { name: name.into(), answer: ZoneAnswer::Failure(failure) }
    }
}

/// All names outside the LAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    records: BTreeMap<String, ZoneAnswer>,
}

impl Zone {
    /// A zone of `records`; of two for one name the later counts.
    pub fn new(records: impl IntoIterator<Item = ZoneRecord>) -> Zone {
        let mut zone = Zone::default();
        for record in records {
            zone.set(record);
        }
        zone
    }

    /// The records by name.
    pub fn records(&self) -> Vec<ZoneRecord> {
        let record = |(name, answer): (&String, &ZoneAnswer)| ZoneRecord { name: name.clone(), answer: answer.clone() };
        self.records.iter().map(record).collect()
    }

    /// What `name` means, if it has a record of its own.
    pub fn get(&self, name: &str) -> Option<&ZoneAnswer> {
        self.records.get(&canonical(name))
    }

    /// Adds a record, replacing one of the same name.
    pub fn set(&mut self, record: ZoneRecord) {
        self.records.insert(canonical(&record.name), record.answer);
    }

    /// Removes a name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.records.remove(&canonical(name)).is_some()
    }

    /// What the zone knows about `query`.
    pub(crate) fn answer(&self, query: &Query) -> Answer {
        match query.kind {
            QueryKind::Pointer => self.answer_pointer(query),
            kind => self.answer_name(&query.name, kind == QueryKind::Address),
        }
    }

    /// Whether the zone says something about `name`, by a record of its own or a wildcard.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.find(&canonical(name)).is_some()
    }

    fn answer_name(&self, name: &str, wants_address: bool) -> Answer {
        let mut answer = Answer { name: canonical(name), ..Answer::default() };
        for _ in 0..=ALIASES_MAX {
            match self.find(&answer.name) {
                Some(ZoneAnswer::Alias(target)) => {
                    let target = canonical(target);
                    answer.aliases.push(std::mem::replace(&mut answer.name, target));
                }
                Some(ZoneAnswer::Addresses(addresses)) => {
                    if wants_address {
                        answer.addresses.clone_from(addresses);
                    }
                    return answer;
                }
                Some(ZoneAnswer::Failure(failure)) => {
                    answer.outcome = failure.outcome();
                    return answer;
                }
                None => {
                    answer.outcome = Outcome::NameError;
                    return answer;
                }
            }
        }
        Answer { name: canonical(name), outcome: Outcome::ServerFailure, ..Answer::default() }
    }

    fn answer_pointer(&self, query: &Query) -> Answer {
        let mut answer = Answer { name: query.name.clone(), ..Answer::default() };
        let Some(ip) = address_of_pointer_name(&query.name) else {
            answer.outcome = Outcome::NameError;
            return answer;
        };
        for (name, meaning) in &self.records {
            if matches!(meaning, ZoneAnswer::Addresses(addresses) if addresses.contains(&ip)) {
                answer.pointers.push(name.clone());
                // One name, as providers keep it.
                break;
            }
        }
        if answer.pointers.is_empty() {
            answer.outcome = Outcome::NameError;
        }
        answer
    }

    /// The record for `name`, or that of the nearest wildcard above it.
    fn find(&self, name: &str) -> Option<&ZoneAnswer> {
        if let Some(answer) = self.records.get(name) {
            return Some(answer);
        }
        let mut rest = name;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(answer) = self.records.get(&format!("*.{parent}")) {
                return Some(answer);
            }
            rest = parent;
        }
        None
    }
}

impl DnsFailure {
    fn outcome(self) -> Outcome {
        match self {
            DnsFailure::Nxdomain => Outcome::NameError,
            DnsFailure::Servfail => Outcome::ServerFailure,
            DnsFailure::Timeout => Outcome::Silence,
            DnsFailure::NoAddress => Outcome::NoError,
        }
    }
}

fn canonical(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(zone: &Zone, name: &str) -> Answer {
        zone.answer(&Query { id: 0, name: name.into(), kind: QueryKind::Address })
    }

    #[test]
    fn a_wildcard_covers_what_has_no_record() {
        let [one, two] = [Ipv4Addr::new(1, 1, 1, 1), Ipv4Addr::new(2, 2, 2, 2)];
        let zone = Zone::new([ZoneRecord::addresses("*.dev", [one]), ZoneRecord::addresses("a.dev", [two])]);
        assert_eq!(ask(&zone, "x.y.dev").addresses, [one]);
        assert_eq!(ask(&zone, "a.dev").addresses, [two]);
        assert_eq!(ask(&zone, "dev").outcome, Outcome::NameError);
    }

    #[test]
    fn a_circle_of_aliases_is_a_failure() {
        let zone = Zone::new([ZoneRecord::alias("a", "b"), ZoneRecord::alias("b", "A.")]);
        assert_eq!(ask(&zone, "a").outcome, Outcome::ServerFailure);
    }

    #[test]
    fn edits_count_at_once() {
        let mut zone = Zone::default();
        assert_eq!(ask(&zone, "new.example").outcome, Outcome::NameError);
        zone.set(ZoneRecord::addresses("New.Example.", [Ipv4Addr::LOCALHOST]));
        assert_eq!(ask(&zone, "new.example").addresses, [Ipv4Addr::LOCALHOST]);
        assert!(zone.remove("NEW.example") && !zone.remove("new.example"));
    }

    #[test]
    fn records_are_readable_as_data() {
        let text =
            r#"[{"name":"a","addresses":["1.2.3.4"]},{"name":"b","alias":"a"},{"name":"c","failure":"servfail"}]"#;
        let records: Vec<ZoneRecord> = serde_json::from_str(text).unwrap();
        assert_eq!(records[1], ZoneRecord::alias("b", "a"));
        assert_eq!(serde_json::to_string(&records).unwrap(), text);
    }
}
