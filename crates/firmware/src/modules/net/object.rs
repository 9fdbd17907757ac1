//! The objects a program holds: servers, TCP sockets, UDP sockets, and what keeps them alive.
//!
//! The userdata carries only a number; everything else is in the module's state, as the firmware keeps a C structure
//! beside Lua's heap. Handlers are strong references held from outside the heap, like the firmware's registry references:
//! a handler that captures its own socket keeps it uncollectable for ever, as on a chip (`docs/behaviour.md` §1.7).

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use lan::ListenerId;
use lua::{Stashed, StashedFunction};
use trace::{Position, SocketId};

use crate::alarm::AlarmId;

/// Identifies an object of `net`; never reused while the board runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectId(u32);

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Server,
    Socket,
    Udp,
}

impl ObjectKind {
    /// Name of the metatable, and what a type error calls it.
    pub(super) const fn type_name(self) -> &'static str {
        match self {
            ObjectKind::Server => "net.tcpserver",
            ObjectKind::Socket => "net.tcpsocket",
            ObjectKind::Udp => "net.udpsocket",
        }
    }
}

/// What the stack keeps for an object: lwIP's protocol control block. None exists before `connect`, `listen` or a first
/// UDP `send` (`docs/behaviour.md` §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Listener(ListenerId),
    Tcp(SocketId),
    Udp(SocketId),
}

impl Open {
    /// Its number in the trace.
    pub(super) const fn socket(self) -> SocketId {
        match self {
            Open::Listener(ListenerId(socket)) | Open::Tcp(socket) | Open::Udp(socket) => socket,
        }
    }
}

/// The events a program can register a handler for; `Accept` is the callback of `server:listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Accept,
    Connection,
    Disconnection,
    Reconnection,
    Receive,
    Sent,
    Dns,
}

impl Slot {
    /// The slot that `on` means by `name`.
    pub(super) fn from_name(kind: ObjectKind, name: &[u8]) -> Option<Slot> {
        match (kind, name) {
            (ObjectKind::Socket, b"connection") => Some(Slot::Connection),
            (ObjectKind::Socket, b"disconnection") => Some(Slot::Disconnection),
            (ObjectKind::Socket, b"reconnection") => Some(Slot::Reconnection),
            (ObjectKind::Socket | ObjectKind::Udp, b"receive") => Some(Slot::Receive),
            (ObjectKind::Socket | ObjectKind::Udp, b"sent") => Some(Slot::Sent),
            (ObjectKind::Socket | ObjectKind::Udp, b"dns") => Some(Slot::Dns),
            _ => None,
        }
    }

    /// The event's name in the trace.
    pub(super) const fn event(self) -> &'static str {
        match self {
            Slot::Accept => "listen",
            Slot::Connection => "connection",
            Slot::Disconnection => "disconnection",
            Slot::Reconnection => "reconnection",
            Slot::Receive => "receive",
            Slot::Sent => "sent",
            Slot::Dns => "dns",
        }
    }
}

/// One `send` whose bytes have not all been acknowledged; kept in the manual profile, which reports each (`sent` fires
/// per send there, per acknowledgement on a chip).
#[derive(Clone, Debug)]
pub(super) struct PendingSend {
    pub(super) bytes_left: usize,
    pub(super) acknowledgements: u32,
    pub(super) position: Option<Position>,
}

/// A server or socket.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: ObjectKind,
    /// The reference that keeps the userdata alive without the program's help (`self_ref` in the firmware).
    pub(super) anchor: Option<Stashed>,
    /// What the stack has for it.
    pub(super) open: Option<Open>,
    slots: [Option<StashedFunction>; 7],
    /// Answers of the resolver that have not come yet.
    pub(super) lookups: u32,
    /// Whether `hold` is in force; it outlives connections.
    pub(super) held: bool,
    /// Where `connect` goes, known before the name is resolved.
    pub(super) target_port: u16,
    /// A server's timeout in seconds.
    pub(super) timeout_secs: i64,
    /// Where the program made it.
    pub(super) created_at: Option<Position>,
    /// Manual profile: sends under way, oldest first.
    pub(super) sends: VecDeque<PendingSend>,
    /// Manual profile: when an inactive client will be disconnected.
    pub(super) inactivity: Option<Inactivity>,
}

/// The timeout of an accepted socket in the manual profile.
#[derive(Clone, Debug)]
pub(super) struct Inactivity {
    pub(super) alarm: AlarmId,
    pub(super) timeout_secs: i64,
    /// Where the server was made.
    pub(super) server_at: Option<Position>,
}

impl Object {
    fn new(kind: ObjectKind) -> Object {
        Object {
            kind,
            anchor: None,
            open: None,
            slots: [const { None }; 7],
            lookups: 0,
            held: false,
            target_port: 0,
            timeout_secs: 0,
            created_at: None,
            sends: VecDeque::new(),
            inactivity: None,
        }
    }

    /// The handler registered for `slot`.
    pub(super) fn handler(&self, slot: Slot) -> Option<StashedFunction> {
        self.slots[slot as usize].clone()
    }

    /// Registers or clears a handler.
    pub(super) fn set_handler(&mut self, slot: Slot, handler: Option<StashedFunction>) {
        self.slots[slot as usize] = handler;
    }

    /// The TCP connection's number.
    pub(super) fn tcp(&self) -> Option<SocketId> {
        match self.open {
            Some(Open::Tcp(socket)) => Some(socket),
            _ => None,
        }
    }

    /// The number of whatever the stack has for it.
    pub(super) fn socket(&self) -> Option<SocketId> {
        self.open.map(Open::socket)
    }
}

/// All objects of a board.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: BTreeMap<ObjectId, Object>,
    by_socket: BTreeMap<SocketId, ObjectId>,
    next: u32,
    collected: Rc<RefCell<Vec<ObjectId>>>,
}

impl Objects {
    /// Makes an object and the payload of its userdata.
    pub(super) fn create(&mut self, kind: ObjectKind) -> Handle {
        let id = ObjectId(self.next);
        self.next += 1;
        self.objects.insert(id, Object::new(kind));
        Handle { id, kind, collected: Rc::clone(&self.collected) }
    }

    /// The object `id`, unless it has been collected.
    pub(super) fn get(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(&id)
    }

    /// The object `id` for changing it.
    pub(super) fn get_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        self.objects.get_mut(&id)
    }

    /// The object that a socket or listener of the stack belongs to.
    pub(super) fn owner(&self, socket: SocketId) -> Option<ObjectId> {
        self.by_socket.get(&socket).copied()
    }

    /// Ties an object to what the stack opened for it.
    pub(super) fn open(&mut self, id: ObjectId, open: Open) {
        if let Some(object) = self.objects.get_mut(&id) {
            object.open = Some(open);
            self.by_socket.insert(open.socket(), id);
        }
    }

    /// Unties an object from the stack. Returns what it had.
    pub(super) fn shut(&mut self, id: ObjectId) -> Option<Open> {
        let object = self.objects.get_mut(&id)?;
        object.sends.clear();
        let open = object.open.take()?;
        self.by_socket.remove(&open.socket());
        Some(open)
    }

    /// Forgets the objects whose userdata were collected and returns them.
    pub(super) fn take_collected(&mut self) -> Vec<Object> {
        let mut collected = std::mem::take(&mut *self.collected.borrow_mut());
        // The collector's order is its own affair.
        collected.sort_unstable();
        let mut objects = Vec::new();
        for id in collected {
            let Some(object) = self.objects.remove(&id) else { continue };
            if let Some(open) = object.open {
                self.by_socket.remove(&open.socket());
            }
            objects.push(object);
        }
        objects
    }
}

/// What the userdata carries. Dropped when Lua collects it, which the module learns from the list of the collected.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) id: ObjectId,
    pub(super) kind: ObjectKind,
    collected: Rc<RefCell<Vec<ObjectId>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.collected.borrow_mut().push(self.id);
    }
}
