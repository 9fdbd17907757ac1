//! How a relay is set up.

use std::fmt;
use std::sync::Arc;

use crate::{Limits, Policy, Profile, RoomKeeper};

/// The code that a client must know: part of the path, or the password of the version 2 handshake.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode(String);

impl PairingCode {
    /// A code of the caller's choice; `None` if it is not 4 to 64 letters, digits or hyphens.
    pub fn new(text: &str) -> Option<PairingCode> {
        let fits = (4..=64).contains(&text.len());
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (fits && plain).then(|| PairingCode(text.to_string()))
    }

    /// A code made of random bytes: eight letters and digits that are not mistaken for one another.
    pub fn from_random(bytes: [u8; 8]) -> PairingCode {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        PairingCode(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not tell how much of a guess was right.
    pub fn matches(&self, guess: &str) -> bool {
        let (own, guess) = (self.0.as_bytes(), guess.as_bytes());
        let mut differences = own.len() ^ guess.len();
        for (index, byte) in own.iter().enumerate() {
            differences |= usize::from(byte ^ guess.get(index).copied().unwrap_or(0));
        }
        differences == 0
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

/// How a relay is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where streams may go.
    pub policy: Policy,
    /// What clients may use.
    pub limits: Limits,
    /// Required of every client, if set.
    pub pairing: Option<PairingCode>,
    /// Origins whose pages may connect, beside the relay's own (`https://docs.example.org`).
    pub origins: Vec<String>,
    /// Host names by which the relay may be asked for (`playground.local:8266`), beside numeric addresses and `localhost`:
    /// a page on a foreign name that points here (DNS rebinding) is refused.
    pub hosts: Vec<String>,
    /// A message for the person behind the client.
    pub motd: Option<String>,
    /// Who serves rooms; without one their members do.
    pub keeper: Option<Arc<dyn RoomKeeper>>,
    /// What makes a member of a room its teacher; without one nobody is.
    pub teacher: Option<PairingCode>,
    /// Where others reach this relay (`http://192.168.0.7:8266/`), for links to it.
    pub address: Option<String>,
}

impl Settings {
    /// The defaults of a profile, without a pairing code.
    pub fn new(profile: Profile) -> Settings {
        let mut limits = Limits::default();
        if profile != Profile::Local {
            limits.client_streams_max = 256;
            limits.opens_per_second_max = 200;
            limits.udp_amplification_max = 16;
            limits.client_bytes_per_second_max = 8 << 20;
        }
        let policy = Policy::new(profile);
        Settings {
            policy,
            limits,
            pairing: None,
            origins: Vec::new(),
            hosts: Vec::new(),
            motd: None,
            keeper: None,
            teacher: None,
            address: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_code_matches() {
        let code = PairingCode::new("abcd-1234").unwrap();
        assert!(code.matches("abcd-1234"));
        for guess in ["", "abcd-123", "abcd-12345", "abcd-1235", "\0bcd-1234"] {
            assert!(!code.matches(guess), "{guess:?}");
        }
        assert!(PairingCode::new("a/b-c").is_none());
        assert_eq!(PairingCode::from_random([0, 1, 2, 255, 33, 34, 35, 36]).as_str().len(), 8);
    }
}
