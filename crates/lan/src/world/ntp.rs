//! A time server (RFC 5905, client/server mode; RFC 4330 gives the short form that small clients speak).
//!
//! It is right by definition: its clock is the simulation's. Left out: authentication, control messages, broadcasts.

use trace::Instant;

use super::clock::Clock;
use super::service::{Log, UdpService};

/// Seconds from 1900, where NTP counts from, to 1970 (RFC 5905, figure 4).
const NTP_TO_UNIX_SECONDS: u64 = 2_208_988_800;
/// A packet without extensions (RFC 5905, section 7.3).
const PACKET_LENGTH: usize = 48;
const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;

/// Answers clients with the world's time.
#[derive(Debug)]
pub(crate) struct NtpServer {
    clock: Clock,
}

impl NtpServer {
    /// A server of `clock`'s time.
    pub(crate) fn new(clock: Clock) -> NtpServer {
        NtpServer { clock }
    }

    /// The answer to `request`; `None` for anything that is not a client's question.
    pub(crate) fn answer(&self, now: Instant, request: &[u8]) -> Option<Vec<u8>> {
        let header = *request.first()?;
        let (version, mode) = (header >> 3 & 7, header & 7);
        if request.len() < PACKET_LENGTH || !(1..=4).contains(&version) || mode != MODE_CLIENT {
            return None;
        }
        let time = self.timestamp(now);
        let mut packet = vec![0; PACKET_LENGTH];
        packet[0] = version << 3 | MODE_SERVER;
        packet[1] = 2; // stratum: synchronised to a primary server
        packet[2] = request[2];
        packet[3] = 0xec; // precision: 2^-20 s, a microsecond
        packet[12..16].copy_from_slice(b"VIRT"); // reference id
        packet[16..24].copy_from_slice(&time); // reference timestamp
        packet[24..32].copy_from_slice(&request[40..48]); // origin: the client's transmit timestamp
        packet[32..40].copy_from_slice(&time); // receive
        packet[40..48].copy_from_slice(&time); // transmit
        Some(packet)
    }

    /// 32 bits of seconds since 1900 (the era wraps in 2036, as the RFC wants) and 32 of fraction.
    fn timestamp(&self, now: Instant) -> [u8; 8] {
        let micros = self.clock.unix_micros(now);
        let seconds = (micros / 1_000_000).wrapping_add(NTP_TO_UNIX_SECONDS) & 0xffff_ffff;
        let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
        (seconds << 32 | fraction).to_be_bytes()
    }
}

impl UdpService for NtpServer {
    fn datagram(&mut self, now: Instant, data: &[u8], _log: &Log) -> Vec<Vec<u8>> {
        self.answer(now, data).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::EPOCH_UNIX_SECONDS;
    use super::*;

    fn server() -> NtpServer {
        NtpServer::new(Clock { epoch_unix_seconds: EPOCH_UNIX_SECONDS })
    }

    fn request() -> Vec<u8> {
        let mut packet = vec![0; 48];
        packet[0] = 4 << 3 | 3;
        packet[40..48].copy_from_slice(b"CLIENTTM");
        packet
    }

    #[test]
    fn a_client_gets_the_virtual_time() {
        let answer = server().answer(Instant::from_micros(1_500_000), &request()).unwrap();
        assert_eq!(answer[0], 4 << 3 | 4);
        assert_eq!(&answer[24..32], b"CLIENTTM");
        let seconds = u32::from_be_bytes(answer[40..44].try_into().unwrap());
        assert_eq!(u64::from(seconds), EPOCH_UNIX_SECONDS + 1 + 2_208_988_800);
        assert_eq!(answer[44..48], 0x8000_0000u32.to_be_bytes());
    }

    #[test]
    fn what_is_not_a_question_gets_no_answer() {
        let request = request();
        for length in 0..48 {
            assert_eq!(server().answer(Instant::ZERO, &request[..length]), None, "{length} bytes");
        }
        for header in 0..=255u8 {
            let mut other = request.clone();
            other[0] = header;
            let wanted = header & 7 == 3 && (1..=4).contains(&(header >> 3 & 7));
            assert_eq!(server().answer(Instant::ZERO, &other).is_some(), wanted, "header {header:#x}");
        }
    }
}
