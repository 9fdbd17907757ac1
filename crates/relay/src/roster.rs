//! Who is in a room and what they may tell each other: the rules of [`relay_protocol::room`], without I/O.
//!
//! [`Roster::hear`] takes one member's message and returns what others are to be told. A client that never says `hello`
//! (v86, websockproxy's own) is none of the roster's business: it is told nothing.

use std::collections::{BTreeMap, BTreeSet};

use relay_protocol::room::{FromHub, HOSTS_MAX, Member, MemberHost, MemberId, MemberLease, Role, ToHub, readable_name};
use serde_json::Value;

use crate::room::ClientId;

/// Leases remembered for the next keeper: as many as a /24 has addresses.
const LEASES_MAX: usize = 256;

/// Something to be done for a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Errand {
    /// Tell these.
    Tell(Vec<ClientId>, FromHub),
    /// End this client's connection.
    Remove(ClientId),
    /// Let the room stand still, or go on.
    Pause(bool),
}

/// The members of a room that introduced themselves.
#[derive(Default)]
pub(crate) struct Roster {
    present: BTreeMap<ClientId, Present>,
    /// The hub's own simulation serves the room.
    is_kept: bool,
    keeper: Option<ClientId>,
    leases: Vec<MemberLease>,
    lab: Option<Value>,
    is_paused: bool,
    /// Teacher and member who agreed.
    looks: BTreeSet<(ClientId, ClientId)>,
    /// Teacher and member who was asked.
    asked: BTreeSet<(ClientId, ClientId)>,
}

struct Present {
    name: String,
    seat: String,
    role: Role,
    can_keep: bool,
    hosts: Vec<MemberHost>,
}

impl Roster {
    /// A roster of a room that the hub's own simulation serves, or not.
    pub(crate) fn new(is_kept: bool) -> Roster {
        Roster { is_kept, ..Roster::default() }
    }

    /// Whether no frames are carried.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Those who are shown every frame.
    pub(crate) fn watchers(&self) -> impl Iterator<Item = ClientId> {
        self.teachers()
    }

    /// Follows one message. `is_teacher` says whether a token makes a teacher.
    pub(crate) fn hear(
        &mut self,
        from: ClientId,
        message: ToHub,
        is_teacher: impl FnOnce(&str) -> bool,
    ) -> Vec<Errand> {
        if let ToHub::Hello { name, seat, token, can_keep } = message {
            let role = if token.is_some_and(|token| is_teacher(&token)) { Role::Teacher } else { Role::Member };
            return self.greet(from, name, seat, role, can_keep);
        }
        let Some(present) = self.present.get_mut(&from) else { return refuse(from, "say hello first") };
        match message {
            ToHub::Hello { .. } => Vec::new(),
            ToHub::Hosts { hosts } => {
                present.hosts = hosts.into_iter().filter_map(readable_host).take(HOSTS_MAX).collect();
                vec![self.announce()]
            }
            ToHub::Leases { leases } if self.keeper == Some(from) => {
                self.leases = leases.into_iter().take(LEASES_MAX).collect();
                Vec::new()
            }
            ToHub::Leases { .. } => refuse(from, "only the keeper speaks of leases"),
            ToHub::Status { boards } => {
                vec![Errand::Tell(self.teachers().collect(), FromHub::Status { member: number(from), boards })]
            }
            ToHub::Answer { teacher, agreed } => self.answer(from, client(teacher), agreed),
            ToHub::Shown { teacher, lab } if self.looks.contains(&(client(teacher), from)) => {
                vec![Errand::Tell(vec![client(teacher)], FromHub::Shown { member: number(from), lab })]
            }
            ToHub::Shown { .. } => refuse(from, "nobody was let in"),
            _ if present.role != Role::Teacher => refuse(from, "only a teacher may do that"),
            message => self.teach(from, message),
        }
    }

    /// What only a teacher may.
    fn teach(&mut self, from: ClientId, message: ToHub) -> Vec<Errand> {
        match message {
            ToHub::Push { lab } => {
                self.lab = Some(lab.clone());
                let others = self.present.keys().copied().filter(|id| *id != from).collect();
                vec![Errand::Tell(others, FromHub::Lab { lab })]
            }
            ToHub::Pause { paused } => {
                self.is_paused = paused;
                let all = self.present.keys().copied().collect();
                vec![Errand::Pause(paused), Errand::Tell(all, FromHub::Paused { paused })]
            }
            ToHub::Open { member } => {
                let member = client(member);
                let Some(name) = self.present.get(&from).map(|teacher| teacher.name.clone()) else { return Vec::new() };
                if member == from || !self.present.contains_key(&member) {
                    return refuse(from, "there is no such member");
                }
                self.asked.insert((from, member));
                vec![Errand::Tell(vec![member], FromHub::Asked { teacher: number(from), name })]
            }
            ToHub::Close { member } => {
                let member = client(member);
                self.asked.remove(&(from, member));
                self.looks.remove(&(from, member));
                vec![Errand::Tell(vec![member], FromHub::Closed { teacher: number(from) })]
            }
            ToHub::Input { member, board, text } => self.reach(from, member, FromHub::Input { board, text }),
            ToHub::Write { member, board, file, content } => {
                self.reach(from, member, FromHub::Write { board, file, content })
            }
            ToHub::Remove { member } if client(member) != from => vec![Errand::Remove(client(member))],
            _ => refuse(from, "that cannot be done"),
        }
    }

    /// Passes on what needs the member's consent.
    fn reach(&self, from: ClientId, member: MemberId, message: FromHub) -> Vec<Errand> {
        if self.looks.contains(&(from, client(member))) {
            vec![Errand::Tell(vec![client(member)], message)]
        } else {
            refuse(from, "that member has not agreed")
        }
    }

    fn greet(&mut self, from: ClientId, name: String, seat: String, role: Role, can_keep: bool) -> Vec<Errand> {
        let Some(name) = readable_name(&name) else { return refuse(from, "a name has at least one letter") };
        let mut errands = Vec::new();
        let before: Vec<ClientId> = (self.present.iter())
            .filter(|(id, present)| **id != from && !seat.is_empty() && present.seat == seat)
            .map(|(id, _)| *id)
            .collect();
        for gone in before {
            errands.push(Errand::Remove(gone));
            errands.extend(self.leave(gone));
        }
        self.present.insert(from, Present { name, seat, role, can_keep, hosts: Vec::new() });
        let welcome = FromHub::Welcome { member: number(from), role, paused: self.is_paused, lab: self.lab.clone() };
        errands.push(Errand::Tell(vec![from], welcome));
        errands.extend(self.choose_keeper());
        errands.push(self.announce());
        errands
    }

    /// Forgets a client that has gone.
    pub(crate) fn leave(&mut self, gone: ClientId) -> Vec<Errand> {
        if self.present.remove(&gone).is_none() {
            return Vec::new();
        }
        let mut errands = Vec::new();
        for (teacher, member) in std::mem::take(&mut self.looks) {
            if teacher == gone {
                errands.push(Errand::Tell(vec![member], FromHub::Closed { teacher: number(gone) }));
            } else if member != gone {
                self.looks.insert((teacher, member));
            }
        }
        self.asked.retain(|(teacher, member)| *teacher != gone && *member != gone);
        // Nobody may be left behind a pause that nobody can end.
        if self.is_paused && self.teachers().next().is_none() {
            self.is_paused = false;
            let all = self.present.keys().copied().collect();
            errands.extend([Errand::Pause(false), Errand::Tell(all, FromHub::Paused { paused: false })]);
        }
        if self.keeper == Some(gone) {
            self.keeper = None;
            errands.extend(self.choose_keeper());
        }
        errands.push(self.announce());
        errands
    }

    fn answer(&mut self, from: ClientId, teacher: ClientId, agreed: bool) -> Vec<Errand> {
        let was_asked = self.asked.remove(&(teacher, from));
        let was_open = self.looks.remove(&(teacher, from));
        if !was_asked && !was_open {
            return refuse(from, "nobody asked");
        }
        if agreed {
            self.looks.insert((teacher, from));
        }
        vec![Errand::Tell(vec![teacher], FromHub::Answered { member: number(from), agreed })]
    }

    /// In a room that the hub does not serve, the member that has been there longest does.
    fn choose_keeper(&mut self) -> Option<Errand> {
        if self.is_kept || self.keeper.is_some() {
            return None;
        }
        self.keeper = self.present.iter().find(|(_, present)| present.can_keep).map(|(id, _)| *id);
        self.keeper.map(|keeper| Errand::Tell(vec![keeper], FromHub::Keep { leases: self.leases.clone() }))
    }

    fn announce(&self) -> Errand {
        let member = |(id, present): (&ClientId, &Present)| Member {
            id: number(*id),
            name: present.name.clone(),
            role: present.role,
            hosts: present.hosts.clone(),
        };
        let members = self.present.iter().map(member).collect();
        let all = self.present.keys().copied().collect();
        Errand::Tell(all, FromHub::Roster { members, keeper: self.keeper.map(number) })
    }

    fn teachers(&self) -> impl Iterator<Item = ClientId> {
        self.present.iter().filter(|(_, present)| present.role == Role::Teacher).map(|(id, _)| *id)
    }
}

fn refuse(from: ClientId, reason: &str) -> Vec<Errand> {
    vec![Errand::Tell(vec![from], FromHub::Refused { reason: reason.to_owned() })]
}

fn readable_host(host: MemberHost) -> Option<MemberHost> {
    let is_address = host.mac.len() == 17 && host.mac.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let name = readable_name(&host.name).filter(|_| is_address)?;
    Some(MemberHost { name, ..host })
}

/// Clients are counted from 0 and a room sees far fewer than 2^32 of them.
fn number(id: ClientId) -> MemberId {
    MemberId::try_from(id).unwrap_or(MemberId::MAX)
}

fn client(id: MemberId) -> ClientId {
    ClientId::from(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(name: &str, seat: &str) -> ToHub {
        ToHub::Hello { name: name.into(), seat: seat.into(), token: None, can_keep: true }
    }

    /// A room with the teacher 0 and the members 1 and 2.
    fn class(is_kept: bool) -> Roster {
        let mut roster = Roster::new(is_kept);
        let teacher = ToHub::Hello { name: "T".into(), seat: "t".into(), token: Some("right".into()), can_keep: false };
        roster.hear(0, teacher, |token| token == "right");
        roster.hear(1, hello("Mia", "m"), |_| false);
        roster.hear(2, hello("Ben", "b"), |_| false);
        roster
    }

    fn say(roster: &mut Roster, from: ClientId, message: ToHub) -> Vec<Errand> {
        roster.hear(from, message, |_| false)
    }

    #[track_caller]
    fn check_refused(roster: &mut Roster, from: ClientId, message: ToHub) {
        let errands = say(roster, from, message);
        assert!(matches!(&errands[..], [Errand::Tell(to, FromHub::Refused { .. })] if to == &[from]), "{errands:?}");
    }

    #[test]
    fn everyone_learns_who_is_there_with_which_hosts() {
        let mut roster = class(true);
        let hosts = vec![
            MemberHost { mac: "5c:cf:7f:00:00:01".into(), name: "led".into() },
            MemberHost { mac: "no address".into(), name: "led".into() },
        ];
        let errands = say(&mut roster, 1, ToHub::Hosts { hosts });
        let [Errand::Tell(to, FromHub::Roster { members, keeper: None })] = &errands[..] else { panic!("{errands:?}") };
        assert_eq!(to, &[0, 1, 2]);
        let names: Vec<_> = members.iter().map(|member| (member.name.as_str(), member.hosts.len())).collect();
        assert_eq!(names, [("T", 0), ("Mia", 1), ("Ben", 0)]);
    }

    #[test]
    fn only_the_token_makes_a_teacher() {
        let mut roster = class(true);
        assert_eq!(roster.watchers().collect::<Vec<_>>(), [0]);
        let guess = ToHub::Hello { name: "Eve".into(), seat: "e".into(), token: Some("wrong".into()), can_keep: false };
        roster.hear(3, guess, |token| token == "right");
        for message in [
            ToHub::Push { lab: Value::Null },
            ToHub::Pause { paused: true },
            ToHub::Open { member: 1 },
            ToHub::Input { member: 1, board: "b".into(), text: "x".into() },
            ToHub::Remove { member: 1 },
        ] {
            check_refused(&mut roster, 3, message);
        }
        check_refused(&mut roster, 9, ToHub::Status { boards: Vec::new() });
    }

    #[test]
    fn a_pushed_lab_reaches_latecomers() {
        let mut roster = class(true);
        let lab = serde_json::json!({ "version": 1 });
        let errands = say(&mut roster, 0, ToHub::Push { lab: lab.clone() });
        assert_eq!(errands, [Errand::Tell(vec![1, 2], FromHub::Lab { lab: lab.clone() })]);
        let errands = say(&mut roster, 3, hello("Late", "l"));
        assert!(errands.iter().any(
            |errand| matches!(errand, Errand::Tell(_, FromHub::Welcome { lab: Some(given), .. }) if *given == lab)
        ));
    }

    #[test]
    fn a_look_needs_a_yes_and_ends_with_a_no() {
        let mut roster = class(true);
        let typed = || ToHub::Input { member: 1, board: "b".into(), text: "x".into() };
        check_refused(&mut roster, 0, typed());
        check_refused(&mut roster, 1, ToHub::Answer { teacher: 0, agreed: true });
        say(&mut roster, 0, ToHub::Open { member: 1 });
        check_refused(&mut roster, 0, typed());
        check_refused(&mut roster, 2, ToHub::Answer { teacher: 0, agreed: true });
        check_refused(&mut roster, 1, ToHub::Shown { teacher: 0, lab: Value::Null });
        let errands = say(&mut roster, 1, ToHub::Answer { teacher: 0, agreed: true });
        assert_eq!(errands, [Errand::Tell(vec![0], FromHub::Answered { member: 1, agreed: true })]);
        let errands = say(&mut roster, 0, typed());
        assert_eq!(errands, [Errand::Tell(vec![1], FromHub::Input { board: "b".into(), text: "x".into() })]);
        say(&mut roster, 1, ToHub::Answer { teacher: 0, agreed: false });
        check_refused(&mut roster, 0, typed());
    }

    /// Whatever anyone says in whatever order: nobody is reached without a yes, and only teachers hear how boards are.
    #[test]
    fn no_order_of_messages_gets_around_the_rules() {
        for seed in 1..=2_000_u64 {
            let mut random = seed;
            let mut draw = |below: u64| {
                // A linear congruential generator (Knuth's constants): good enough to mix messages.
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % below
            };
            let mut roster = Roster::new(draw(2) == 0);
            let mut agreed = BTreeSet::new();
            for _ in 0..60 {
                let (from, other) = (draw(4), draw(5) as MemberId);
                let errands = match draw(9) {
                    0 => {
                        let token = (from == 0).then(|| "right".to_owned());
                        let seat = format!("seat {from}");
                        let message = ToHub::Hello { name: "N".into(), seat, token, can_keep: true };
                        roster.hear(from, message, |token| token == "right")
                    }
                    1 => {
                        agreed.retain(|(teacher, member)| *teacher != from && *member != from);
                        roster.leave(from)
                    }
                    2 => say(&mut roster, from, ToHub::Open { member: other }),
                    3 => {
                        agreed.insert((client(other), from));
                        say(&mut roster, from, ToHub::Answer { teacher: other, agreed: true })
                    }
                    4 => {
                        agreed.remove(&(client(other), from));
                        say(&mut roster, from, ToHub::Answer { teacher: other, agreed: false })
                    }
                    5 => say(&mut roster, from, ToHub::Input { member: other, board: "b".into(), text: "x".into() }),
                    6 => say(&mut roster, from, ToHub::Shown { teacher: other, lab: Value::Null }),
                    7 => say(&mut roster, from, ToHub::Pause { paused: true }),
                    _ => say(&mut roster, from, ToHub::Status { boards: Vec::new() }),
                };
                for errand in errands {
                    let Errand::Tell(to, message) = errand else { continue };
                    match message {
                        FromHub::Input { .. } => {
                            assert!(to.iter().all(|id| agreed.contains(&(from, *id))), "seed {seed}")
                        }
                        FromHub::Shown { .. } => {
                            assert!(to.iter().all(|id| agreed.contains(&(*id, from))), "seed {seed}")
                        }
                        FromHub::Status { .. } => assert!(to.iter().all(|id| *id == 0), "seed {seed}"),
                        FromHub::Paused { paused: true } => assert_eq!(from, 0, "seed {seed}"),
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn a_pause_ends_when_no_teacher_is_left() {
        let mut roster = class(true);
        say(&mut roster, 0, ToHub::Pause { paused: true });
        assert!(roster.is_paused());
        let errands = roster.leave(0);
        assert!(!roster.is_paused() && errands.contains(&Errand::Pause(false)));
    }

    #[test]
    fn a_second_connection_with_the_same_seat_replaces_the_first() {
        let mut roster = class(true);
        let errands = say(&mut roster, 3, hello("Mia", "m"));
        assert_eq!(errands[0], Errand::Remove(1));
        let Some(Errand::Tell(_, FromHub::Roster { members, .. })) = errands.last() else { panic!("{errands:?}") };
        assert_eq!(members.iter().map(|member| member.id).collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn the_next_in_line_keeps_a_room_that_the_hub_does_not() {
        let mut roster = class(false);
        let lease = MemberLease { mac: "5c:cf:7f:00:00:01".into(), ip: "192.168.1.100".into(), host_name: None };
        check_refused(&mut roster, 2, ToHub::Leases { leases: vec![lease.clone()] });
        say(&mut roster, 1, ToHub::Leases { leases: vec![lease.clone()] });
        let errands = roster.leave(1);
        assert!(errands.contains(&Errand::Tell(vec![2], FromHub::Keep { leases: vec![lease] })), "{errands:?}");
        assert!(class(true).leave(1).iter().all(|errand| !matches!(errand, Errand::Tell(_, FromHub::Keep { .. }))));
    }
}
