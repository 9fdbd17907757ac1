//! The yardstick: two interfaces of smoltcp wired back to back, and nothing else.

use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::payload::{CHUNK, Mover};

/// Frames in and out of an interface.
#[derive(Default)]
struct Queue {
    rx: VecDeque<Vec<u8>>,
    tx: VecDeque<Vec<u8>>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl phy::Device for Queue {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        Some((Rx(self.rx.pop_front()?), Tx(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// One end.
struct End {
    device: Queue,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl End {
    fn new(index: u8, receive: usize, send: usize) -> End {
        let mut device = Queue::default();
        let mac = EthernetAddress([2, 0, 0, 0, 0, index + 1]);
        let mut interface = Interface::new(Config::new(mac.into()), &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ip(index), 24)).expect("room for one address");
        });
        let buffer = |length| tcp::SocketBuffer::new(vec![0; length]);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(tcp::Socket::new(buffer(receive), buffer(send)));
        End { device, interface, sockets, handle }
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

fn ip(index: u8) -> IpAddress {
    IpAddress::v4(10, 0, 0, index + 1)
}

/// A connection between two ends.
pub(crate) struct Bare {
    ends: [End; 2],
    now: Instant,
    data: Vec<u8>,
    frames: u64,
}

impl Bare {
    pub(crate) fn new(receive: usize, send: usize) -> Bare {
        let mut ends = [0, 1].map(|index| End::new(index, receive, send));
        ends[1].socket().listen(80).expect("port 80 is free");
        let End { interface, sockets, handle, .. } = &mut ends[0];
        let client = sockets.get_mut::<tcp::Socket>(*handle);
        client.connect(interface.context(), (ip(1), 80), 5000).expect("the socket is new");
        Bare { ends, now: Instant::ZERO, data: vec![7; CHUNK], frames: 0 }
    }

    /// Lets both ends do what they can; the bytes that arrived.
    fn turn(&mut self) -> usize {
        let client = self.ends[0].socket();
        if client.can_send() {
            client.send_slice(&self.data).expect("it can send");
        }
        for index in [0, 1] {
            let End { device, interface, sockets, .. } = &mut self.ends[index];
            interface.poll(self.now, device, sockets);
            let frames = std::mem::take(&mut device.tx);
            self.frames += frames.len() as u64;
            self.ends[1 - index].device.rx.extend(frames);
        }
        let server = self.ends[1].socket();
        let mut received = 0;
        while server.can_recv() {
            received += server.recv(|bytes| (bytes.len(), bytes.len())).expect("it can receive");
        }
        received
    }
}

impl Mover for Bare {
    fn receive(&mut self, bytes: usize) {
        let mut received = 0;
        while received < bytes {
            let more = self.turn();
            received += more;
            if more == 0 {
                // A delayed acknowledgement waits for its time.
                self.now += Duration::from_millis(1);
            }
        }
    }

    fn frames(&self) -> u64 {
        self.frames
    }
}
