//! What the members of a room and its hub say to each other besides frames: text messages, one JSON object each.
//!
//! A binary message of a room's WebSocket is an Ethernet frame; that alone is compatible with v86 and websockproxy, whose
//! clients send no text and are sent none. A member that says [`Hello`](ToHub::Hello) takes part in more: it has a name,
//! learns whose the others' hosts are, and a teacher can hand it a lab.
//!
//! | from the member | who may | what the hub does |
//! | --- | --- | --- |
//! | `hello` | anyone, first | [`Welcome`](FromHub::Welcome), and a new [`Roster`](FromHub::Roster) for all |
//! | `hosts` | anyone | a new roster for all |
//! | `leases` | the keeper | remembers them for the next keeper |
//! | `status` | anyone | [`Status`](FromHub::Status) for teachers |
//! | `push` | teacher | [`Lab`](FromHub::Lab) for everybody else, latecomers included |
//! | `pause` | teacher | [`Paused`](FromHub::Paused) for all; carries no frames while it holds |
//! | `open`, `close` | teacher | [`Asked`](FromHub::Asked), [`Closed`](FromHub::Closed) for that member |
//! | `answer` | anyone | [`Answered`](FromHub::Answered) for that teacher; a no at any time takes a yes back |
//! | `shown` | whoever agreed | [`Shown`](FromHub::Shown) for that teacher |
//! | `input`, `write` | teacher, agreed to | [`Input`](FromHub::Input), [`Write`](FromHub::Write) for that member |
//! | `remove` | teacher | ends that member's connection |
//!
//! Anything else is answered with [`Refused`](FromHub::Refused). Labs pass through unread: what is in them is a matter of
//! the pages.

use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// Longest text message that a hub or a member reads, in bytes: a lab with its files.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Most hosts that one member announces.
pub const HOSTS_MAX: usize = 64;
/// Longest name of a person, a board or a host, in characters.
pub const NAME_CHARS_MAX: usize = 40;

/// A member's number, never used twice in a room.
pub type MemberId = u32;

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum Role {
    /// Hands out labs, pauses, looks at boards whose owner agrees.
    Teacher,
    /// Everyone else.
    Member,
}

/// A host of a member, reachable in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct MemberHost {
    /// Its hardware address.
    pub mac: String,
    /// Its name in its owner's lab.
    pub name: String,
}

/// An address that the room's router gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct MemberLease {
    /// The client.
    pub mac: String,
    /// Its address.
    pub ip: String,
    /// What it calls itself.
    pub host_name: Option<String>,
}

/// Someone in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Member {
    /// Its number.
    pub id: MemberId,
    /// The person's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its hosts.
    pub hosts: Vec<MemberHost>,
}

/// How a member's board is, for a teacher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct BoardNews {
    /// Its name.
    pub name: String,
    /// Whether it runs, in the page's words: `idle`, `busy`, `off`, `crashed`, ...
    pub power: String,
    /// Its address.
    pub ip: Option<String>,
    /// The newest error or crash of its program.
    pub error: Option<String>,
    /// The end of its console.
    pub console: String,
}

/// From a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum ToHub {
    /// Introduces the member. A second connection with the same seat replaces the first, which has gone without a word.
    Hello {
        /// The person's name.
        name: String,
        /// Random, kept by the browser, told to nobody else.
        seat: String,
        /// What makes the member a teacher.
        token: Option<String>,
        /// Whether it could keep the room.
        can_keep: bool,
    },
    /// The member's hosts, all of them.
    Hosts {
        /// At most [`HOSTS_MAX`].
        hosts: Vec<MemberHost>,
    },
    /// Addresses that the keeper's router has given.
    Leases {
        /// All of them.
        leases: Vec<MemberLease>,
    },
    /// How the member's boards are.
    Status {
        /// All of them.
        boards: Vec<BoardNews>,
    },
    /// Hands a lab to everybody.
    Push {
        /// The lab.
        #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
        lab: Value,
    },
    /// Stops or starts everything.
    Pause {
        /// Which.
        paused: bool,
    },
    /// Asks a member for a look at its boards.
    Open {
        /// Who.
        member: MemberId,
    },
    /// Ends the look.
    Close {
        /// At whom.
        member: MemberId,
    },
    /// Lets a teacher look, or no longer.
    Answer {
        /// Who asked.
        teacher: MemberId,
        /// Whether it may.
        agreed: bool,
    },
    /// Shows the own lab to a teacher.
    Shown {
        /// Whom.
        teacher: MemberId,
        /// The lab with its files as they are.
        #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
        lab: Value,
    },
    /// Types at a board's console.
    Input {
        /// Whose.
        member: MemberId,
        /// The board.
        board: String,
        /// The characters.
        text: String,
    },
    /// Changes a file of a board.
    Write {
        /// Whose.
        member: MemberId,
        /// The board.
        board: String,
        /// The file.
        file: String,
        /// Its new content.
        content: String,
    },
    /// Sends a member out of the room.
    Remove {
        /// Whom.
        member: MemberId,
    },
}

/// From the hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum FromHub {
    /// The answer to `hello`.
    Welcome {
        /// The member's number.
        member: MemberId,
        /// What it may do.
        role: Role,
        /// Whether the room stands still.
        paused: bool,
        /// The lab that was handed out last.
        #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
        lab: Option<Value>,
    },
    /// Who is in the room now.
    Roster {
        /// In the order they came.
        members: Vec<Member>,
        /// Whose router serves the room; `null` for the hub's own.
        keeper: Option<MemberId>,
    },
    /// The member's router is to serve the room from now on.
    Keep {
        /// What the router before it gave.
        leases: Vec<MemberLease>,
    },
    /// How a member's boards are.
    Status {
        /// Whose.
        member: MemberId,
        /// All of them.
        boards: Vec<BoardNews>,
    },
    /// A lab to run.
    Lab {
        /// The lab.
        #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
        lab: Value,
    },
    /// Everything stands still, or goes on.
    Paused {
        /// Which.
        paused: bool,
    },
    /// A teacher asks for a look.
    Asked {
        /// Who.
        teacher: MemberId,
        /// Its name.
        name: String,
    },
    /// A member's answer.
    Answered {
        /// Whose.
        member: MemberId,
        /// Whether the teacher may look.
        agreed: bool,
    },
    /// A look has ended.
    Closed {
        /// Which teacher's.
        teacher: MemberId,
    },
    /// A member's lab.
    Shown {
        /// Whose.
        member: MemberId,
        /// The lab.
        #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
        lab: Value,
    },
    /// A teacher types at a board's console.
    Input {
        /// The board.
        board: String,
        /// The characters.
        text: String,
    },
    /// A teacher changed a file.
    Write {
        /// The board.
        board: String,
        /// The file.
        file: String,
        /// Its new content.
        content: String,
    },
    /// A message was not followed.
    Refused {
        /// Why, as a sentence.
        reason: String,
    },
}

impl ToHub {
    /// Reads a member's message.
    ///
    /// # Errors
    /// The reason, for [`FromHub::Refused`].
    pub fn decode(text: &str) -> Result<ToHub, String> {
        decode(text)
    }

    /// The message as text.
    pub fn encode(&self) -> String {
        encode(self)
    }
}

impl FromHub {
    /// Reads a hub's message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(text: &str) -> Result<FromHub, String> {
        decode(text)
    }

    /// The message as text.
    pub fn encode(&self) -> String {
        encode(self)
    }
}

fn decode<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("a message has at most {TEXT_BYTES_MAX} bytes"));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn encode<T: Serialize>(message: &T) -> String {
    // Plain data with text keys: it always has a JSON form.
    serde_json::to_string(message).unwrap_or_default()
}

/// A name as people may write it: without control characters, at most [`NAME_CHARS_MAX`] long, or nothing.
pub fn readable_name(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|character| !character.is_control()).take(NAME_CHARS_MAX).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_documented() {
        let hello = ToHub::Hello { name: "Mia".into(), seat: "s".into(), token: None, can_keep: false };
        assert_eq!(hello.encode(), r#"{"type":"hello","name":"Mia","seat":"s","token":null,"canKeep":false}"#);
        assert_eq!(ToHub::decode(&hello.encode()), Ok(hello));
        let paused = r#"{"type":"paused","paused":true}"#;
        assert_eq!(FromHub::decode(paused), Ok(FromHub::Paused { paused: true }));
        assert!(ToHub::decode(r#"{"type":"shout"}"#).unwrap_err().contains("unknown variant"));
        assert!(ToHub::decode(&" ".repeat(TEXT_BYTES_MAX + 1)).unwrap_err().contains("at most"));
    }

    #[test]
    fn cut_and_nested_messages_are_refused_without_harm() {
        let message = ToHub::Push { lab: serde_json::json!({ "version": 1, "boards": [{ "name": "é" }] }) }.encode();
        for length in (0..message.len()).filter(|length| message.is_char_boundary(*length)) {
            assert!(ToHub::decode(&message[..length]).is_err());
        }
        assert!(ToHub::decode(&format!(r#"{{"type":"push","lab":{}"#, "[".repeat(100_000))).is_err());
    }

    #[test]
    fn names_are_short_and_readable() {
        assert_eq!(readable_name("  Mia\u{7}\n "), Some("Mia".into()));
        assert_eq!(readable_name(" \t"), None);
        assert_eq!(readable_name(&"ä".repeat(90)).unwrap().chars().count(), NAME_CHARS_MAX);
    }
}
