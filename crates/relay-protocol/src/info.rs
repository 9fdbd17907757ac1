//! The handshake of version 2: Wisp protocol, "INFO" and "Protocol Extensions".

use bytes::{BufMut, Bytes, BytesMut};

use crate::packet::{DecodeError, Fields};

const UDP: u8 = 0x01;
const PASSWORD: u8 = 0x02;
const MOTD: u8 = 0x04;
const OPEN_CONFIRMATION: u8 = 0x05;
/// Ours, from the range that the protocol leaves free.
const PLAYGROUND: u8 = 0xf5;

/// What one side can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Version, major and minor.
    pub version: (u8, u8),
    /// In the order they were sent.
    pub extensions: Vec<Extension>,
}

/// One ability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// UDP streams.
    Udp,
    /// From a server: a password is asked for (whether it must be given).
    PasswordWanted {
        /// Without one the connection is refused.
        required: bool,
    },
    /// From a client: the credentials.
    Password {
        /// User name.
        user: String,
        /// Password; here the relay's pairing code.
        password: String,
    },
    /// A message for the person, from the server.
    Motd(String),
    /// The server confirms an opened stream with `Continue`.
    OpenConfirmation,
    /// This project's extension, with its version.
    Playground {
        /// Version; both sides speak the lower of the two.
        version: u8,
    },
    /// An extension that we do not know, kept as it came.
    Unknown {
        /// Its number.
        id: u8,
        /// Its payload.
        payload: Bytes,
    },
}

impl Info {
    /// Version 2.0 with these abilities.
    pub fn v2(extensions: Vec<Extension>) -> Info {
        Info { version: (2, 0), extensions }
    }

    /// Whether `extension` was announced.
    pub fn has(&self, extension: &Extension) -> bool {
        self.extensions.contains(extension)
    }

    /// The announced version of this project's extension, if any.
    pub fn playground_version(&self) -> Option<u8> {
        self.extensions.iter().find_map(|extension| match extension {
            Extension::Playground { version } => Some(*version),
            _ => None,
        })
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Info, DecodeError> {
        let version = (fields.byte("major version")?, fields.byte("minor version")?);
        let mut extensions = Vec::new();
        while !fields.rest.is_empty() {
            let id = fields.byte("extension id")?;
            let length = fields.u32("extension length")? as usize;
            let payload = fields.take(length, "extension payload")?;
            extensions.push(Extension::read(id, payload)?);
        }
        Ok(Info { version, extensions })
    }

    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.version.0);
        out.put_u8(self.version.1);
        for extension in &self.extensions {
            let (id, payload) = extension.parts();
            out.put_u8(id);
            out.put_u32_le(u32::try_from(payload.len()).unwrap_or(u32::MAX));
            out.put_slice(&payload);
        }
    }
}

impl Extension {
    fn read(id: u8, payload: Bytes) -> Result<Extension, DecodeError> {
        let text = |bytes: &[u8], field| String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::NotText(field));
        Ok(match id {
            UDP => Extension::Udp,
            // One byte is the server's question, more are the client's answer.
            PASSWORD if payload.len() <= 1 => {
                Extension::PasswordWanted { required: payload.first().is_some_and(|flag| *flag != 0) }
            }
            PASSWORD => {
                let (user, password) = credentials(&payload)?;
                Extension::Password { user: text(user, "user name")?, password: text(password, "password")? }
            }
            MOTD => Extension::Motd(text(&payload, "message of the day")?),
            OPEN_CONFIRMATION => Extension::OpenConfirmation,
            PLAYGROUND => Extension::Playground {
                version: *payload.first().ok_or(DecodeError::Invalid("version of the playground extension"))?,
            },
            _ => Extension::Unknown { id, payload },
        })
    }

    fn parts(&self) -> (u8, Vec<u8>) {
        match self {
            Extension::Udp => (UDP, Vec::new()),
            Extension::PasswordWanted { required } => (PASSWORD, vec![u8::from(*required)]),
            Extension::Password { user, password } => {
                // A longer name cannot be written; the server refuses the shortened one.
                let user = &user.as_bytes()[..user.len().min(255)];
                let mut payload = vec![user.len() as u8];
                payload.extend_from_slice(user);
                payload.extend_from_slice(password.as_bytes());
                (PASSWORD, payload)
            }
            Extension::Motd(text) => (MOTD, text.clone().into_bytes()),
            Extension::OpenConfirmation => (OPEN_CONFIRMATION, Vec::new()),
            Extension::Playground { version } => (PLAYGROUND, vec![*version]),
            Extension::Unknown { id, payload } => (*id, payload.to_vec()),
        }
    }
}

/// User name and password, in the draft's form (length of the name, then both) or in the one that `wisp-js` sends
/// (lengths of both, then both), told apart by the second length fitting exactly.
fn credentials(payload: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let user_length = usize::from(payload[0]);
    if let [_, low, high, rest @ ..] = payload {
        let password_length = usize::from(u16::from_le_bytes([*low, *high]));
        if rest.len() == user_length + password_length {
            return Ok(rest.split_at(user_length));
        }
    }
    let rest = &payload[1..];
    if rest.len() < user_length {
        return Err(DecodeError::Invalid("user name's length"));
    }
    Ok(rest.split_at(user_length))
}
