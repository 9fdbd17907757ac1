//! The router of a relay's rooms: one simulation without boards for each, in real time on a thread of its own.
//!
//! It is served from the relay's process rather than from a member's page, so that no closed tab and no sleeping laptop
//! takes the LAN of a class down. A room that nobody talks in costs a thread that sleeps.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use relay::{KeeperInput, KeeperOutput, RoomKeeper};
use sim::{Lab, Membership, Progress, Simulation};
use trace::Trace;

use crate::pace::Pace;

/// Frames that wait for the keeper; more are lost.
const QUEUE_MAX: usize = 4_096;
/// Nobody reads the keeper's log.
const RECORDS_MAX: usize = 1_000;
/// Steps between two looks at the queue.
const STEPS_MAX: u32 = 1_000;
/// Longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Serves rooms with the built-in world.
#[derive(Debug)]
pub(crate) struct Keeper;

impl RoomKeeper for Keeper {
    fn open(&self, room: &str, output: KeeperOutput) -> Option<SyncSender<KeeperInput>> {
        let (sender, input) = sync_channel(QUEUE_MAX);
        thread::Builder::new().name(format!("room {room}")).spawn(move || keep(&input, &output)).ok()?;
        Some(sender)
    }
}

/// Serves until the room closes.
fn keep(input: &Receiver<KeeperInput>, output: &KeeperOutput) {
    let member = Membership { identity: 0, keeps: true, has_pc: false, watches: false };
    let Ok(mut simulation) = Simulation::in_room(Lab::default(), Trace::new(RECORDS_MAX), member) else { return };
    let mut pace = Pace::new();
    loop {
        let first = input.recv_timeout(pace.wait_for(simulation.next_due(), SLEEP_MAX));
        if first == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        while simulation.advance(pace.now(), STEPS_MAX) == Progress::Unfinished {}
        for message in first.into_iter().chain(input.try_iter()) {
            match message {
                // A frame that nobody can have sent is no frame.
                KeeperInput::Frame(frame) => drop(simulation.room_receive(&frame)),
                KeeperInput::Paused(paused) => pace.set_paused(paused),
            }
        }
        while simulation.advance(pace.now(), STEPS_MAX) == Progress::Unfinished {}
        while let Some(frame) = simulation.room_take() {
            // A full queue loses frames, as a switch's port does.
            let _ = output.try_send(bytes::Bytes::copy_from_slice(&frame));
        }
    }
}
