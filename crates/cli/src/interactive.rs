//! The first board's serial console on the terminal, in real time.

use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration as WallDuration, Instant as WallInstant};

use anyhow::{Result, bail};
use sim::lab::Input;
use sim::{Progress, Simulation};
use trace::Instant;

/// How long the loop sleeps when nothing is due: a keystroke waits at most so long.
const WALL_PAUSE: WallDuration = WallDuration::from_millis(5);
/// Steps between two looks at the keyboard.
const STEPS_BETWEEN_LOOKS: u32 = 1_000;

/// Runs in real time until `end`, or until the input ends when there is none. `each_turn` is called now and then.
///
/// # Errors
/// If the lab has no board or the terminal goes away.
pub(crate) fn run(
    simulation: &mut Simulation,
    end: Option<Instant>,
    mut each_turn: impl FnMut(&Simulation) -> Result<()>,
) -> Result<()> {
    let Some(board) = simulation.lab().boards.first().map(|board| board.name.clone()) else {
        bail!("the lab has no board");
    };
    let shown = simulation.board_ids().first().copied();
    let keys = keyboard();
    let begin = WallInstant::now();
    loop {
        let elapsed = Instant::from_micros(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        let until = end.map_or(elapsed, |end| end.min(elapsed));
        let progress = simulation.advance(until, STEPS_BETWEEN_LOOKS);
        let mut out = io::stdout().lock();
        for (host, bytes) in simulation.take_output() {
            if Some(host) == shown {
                out.write_all(&bytes)?;
            }
        }
        out.flush()?;
        each_turn(simulation)?;
        if end.is_some_and(|end| simulation.now() >= end) {
            return Ok(());
        }
        match keys.try_recv() {
            Ok(text) => simulation.input(Input::Console { board: board.clone(), text })?,
            Err(TryRecvError::Disconnected) if end.is_none() => return Ok(()),
            Err(_) if progress == Progress::Reached => thread::sleep(WALL_PAUSE),
            Err(_) => {}
        }
    }
}

/// Reads standard input on a thread of its own, for reading blocks.
fn keyboard() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(count) = io::stdin().read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if count == 0 || sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}
