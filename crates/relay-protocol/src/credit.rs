//! Flow control of uploads: Wisp protocol, "CONTINUE".
//!
//! A `Continue` *sets* the client's credit and does not count what is in flight: a client may have sent its whole old
//! credit when the message that sets the new one is on its way. So a server that advertises `n` packets must be able to
//! hold `2n`; one that holds only `n` loses data under load.

/// The server's side of one stream's credit, in packets.
#[derive(Clone, Copy, Debug)]
pub struct Credit {
    advertised: u32,
    /// Packets received since the last `Continue`.
    received: u32,
}

impl Credit {
    /// Credit for a stream that starts with `advertised` packets.
    pub fn new(advertised: u32) -> Credit {
        Credit { advertised, received: 0 }
    }

    /// What a server must be able to hold.
    pub fn held_max(&self) -> u32 {
        self.advertised.saturating_mul(2)
    }

    /// Counts a received packet while `waiting` ones (this one included) are not yet delivered. `Some` is the credit to
    /// send now.
    pub fn receive(&mut self, waiting: u32) -> Option<u32> {
        self.received += 1;
        self.renew(waiting)
    }

    /// After a delivery that leaves `waiting` packets: the credit to send now, if it is time.
    pub fn renew(&mut self, waiting: u32) -> Option<u32> {
        // At half the credit the client never stands still; with more than half of it waiting the target is slow, and
        // the client had better stand still.
        let due = self.received >= self.advertised.div_ceil(2) && waiting <= self.advertised / 2;
        if due {
            self.received = 0;
        }
        due.then_some(self.advertised)
    }
}
