//! The device that smoltcp sees: one packet in, packets out.
//!
//! smoltcp is given IP packets only. Ethernet, neighbours and routes are this crate's own: smoltcp asks for one
//! neighbour a second per interface, holds eight of them and lets an absent one block a socket.

use std::rc::Rc;

use smoltcp::phy::{self, Checksum, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use trace::FrameBytes;

use super::wire::{ETHERNET_HEADER, fill_tcp_checksum};

/// Bytes of an IP packet at most.
pub(crate) const MTU: usize = 1500;

/// Holds what goes into and came out of one call of smoltcp.
#[derive(Debug, Default)]
pub(crate) struct Device {
    /// A frame whose IP packet smoltcp shall read.
    pub(crate) incoming: Option<FrameBytes>,
    /// Frames that smoltcp wrote; their Ethernet header is still empty.
    pub(crate) outgoing: Vec<FrameBytes>,
}

/// A zeroed frame with room for an Ethernet header and `length` bytes, at most [`MTU`] of them.
pub(crate) fn blank_frame(length: usize) -> FrameBytes {
    // Copying zeros is the quickest way to a zeroed `Rc` of a length known late.
    static ZEROS: [u8; ETHERNET_HEADER + MTU] = [0; ETHERNET_HEADER + MTU];
    Rc::from(&ZEROS[..ETHERNET_HEADER + length])
}

pub(crate) struct Incoming(FrameBytes);

impl phy::RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0.get(ETHERNET_HEADER..).unwrap_or_default())
    }
}

pub(crate) struct Outgoing<'a>(&'a mut Vec<FrameBytes>);

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = blank_frame(length);
        let packet = Rc::get_mut(&mut frame).expect("a frame just made has one owner");
        let result = f(&mut packet[ETHERNET_HEADER..]);
        fill_tcp_checksum(packet);
        self.0.push(frame);
        result
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        Some((Incoming(self.incoming.take()?), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        // Checksums of incoming frames are verified before, and only where something could have changed them. TCP's is
        // filled in here, as a network card does it: it is what a segment costs most, and smoltcp sums two bytes at a time.
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities.checksum.ipv4 = Checksum::Tx;
        capabilities
    }
}
