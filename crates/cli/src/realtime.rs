//! A run beside the wall clock: the first board's serial console on the terminal, a relay to the real network, or both.

use std::io::{self, BufWriter, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration as WallDuration, Instant as WallInstant};

use anyhow::{Context, Result};
use sim::lab::Input;
use sim::view::UplinkState;
use sim::{Progress, Publication, Simulation};
use trace::{HostId, Instant, Kind, RecordId, UplinkEvent};

use crate::interrupt::Interrupt;
use crate::message::say;
use crate::output::Output;
use crate::pace::Pace;
use crate::relay_client::{Address, Link, Port};
use crate::terminal::{END_OF_INPUT, Terminal};
use crate::websocket::Trust;

/// How long the loop sleeps at most: what a relay's queue could not take waits so long.
const WALL_PAUSE: WallDuration = WallDuration::from_millis(5);
/// How long the boards wait for the relay's handshake before they start.
const WALL_HANDSHAKE_MAX: WallDuration = WallDuration::from_secs(3);
/// Steps between two looks at keyboard and relay.
const STEPS_BETWEEN_LOOKS: u32 = 1_000;
/// What may wait for the loop; beyond it the relay's messages wait in the WebSocket.
const WAKES_MAX: usize = 256;

/// What wakes the loop.
pub(crate) enum Wake {
    /// A person typed.
    Typed(String),
    /// Standard input has ended.
    TypedAll,
    /// The WebSocket is open.
    RelayConnected,
    /// It brought a message.
    RelayMessage(Vec<u8>),
    /// It is gone, or could not be opened.
    RelayLost(String),
}

/// What a run is connected to.
pub(crate) struct Connections<'a> {
    pub(crate) keyboard: bool,
    pub(crate) relay: Option<(&'a Address, Trust)>,
    pub(crate) publish: &'a [Port],
}

/// Runs until `end`, or until the input ends when there is none, or until it is told to stop. `each_turn` is called now and
/// then.
///
/// # Errors
/// If the lab has no board or the terminal goes away.
pub(crate) fn run(
    simulation: &mut Simulation,
    end: Option<Instant>,
    connections: Connections<'_>,
    interrupt: &Interrupt,
    each_turn: impl FnMut(&Simulation) -> Result<()>,
) -> Result<()> {
    let board = simulation.lab().boards.first().map(|board| board.name.clone()).context("the lab has no board")?;
    let (sender, wakes) = mpsc::sync_channel(WAKES_MAX);
    let terminal = if connections.keyboard { Terminal::take() } else { None };
    if connections.keyboard {
        read_keyboard(sender.clone(), terminal.is_some());
    }
    for port in connections.publish {
        let publication = Publication {
            board: port.board.clone().unwrap_or_else(|| board.clone()),
            protocol: port.protocol,
            port: port.port,
        };
        simulation.publish(publication)?;
    }
    if let Some((address, _)) = &connections.relay {
        simulation.uplink_connecting(&address.to_string());
    }
    let link = connections.relay.map(|(address, trust)| Link::open(address, trust, sender)).transpose()?;
    let mut run = Run { simulation, board, link, wakes, seen: None, typed_all: false, interrupt };
    run.greet();
    run.go_on(end, connections.keyboard, each_turn)
}

struct Run<'a> {
    simulation: &'a mut Simulation,
    /// The board on the terminal.
    board: String,
    link: Option<Link>,
    wakes: Receiver<Wake>,
    /// The newest record that was looked at.
    seen: Option<RecordId>,
    typed_all: bool,
    interrupt: &'a Interrupt,
}

impl Run<'_> {
    /// Waits for the relay, so that no program begins before its internet is there.
    fn greet(&mut self) {
        let begin = WallInstant::now();
        while self.link.is_some()
            && !matches!(self.simulation.uplink().state, UplinkState::Up | UplinkState::Lost)
            && !self.interrupt.is_set()
            && begin.elapsed() < WALL_HANDSHAKE_MAX
        {
            if let Ok(wake) = self.wakes.recv_timeout(WALL_PAUSE) {
                self.handle(wake);
                self.speak();
            }
        }
    }

    fn go_on(
        &mut self,
        end: Option<Instant>,
        keyboard: bool,
        mut each_turn: impl FnMut(&Simulation) -> Result<()>,
    ) -> Result<()> {
        let boards = self.simulation.board_ids();
        let shown: Vec<HostId> = if keyboard { boards.into_iter().take(1).collect() } else { boards };
        let names = shown.iter().map(|id| (*id, self.simulation.names().of(*id))).collect();
        let mut output = Output::new(BufWriter::new(io::stdout()), names);
        let pace = Pace::new();
        loop {
            let until = end.map_or(pace.now(), |end| end.min(pace.now()));
            let progress = self.simulation.advance(until, STEPS_BETWEEN_LOOKS);
            self.speak();
            for (host, bytes) in self.simulation.take_output() {
                if shown.contains(&host) {
                    output.write(host, &bytes)?;
                }
            }
            output.flush()?;
            each_turn(self.simulation)?;
            self.report();
            let is_over = end.map_or(self.typed_all, |end| self.simulation.now() >= end);
            if is_over || self.interrupt.is_set() {
                return Ok(output.finish()?);
            }
            self.listen(progress, &pace);
        }
    }

    /// Handles what has come, after waiting for it if nothing is due.
    fn listen(&mut self, progress: Progress, pace: &Pace) {
        let until_due = pace.wait_for(self.simulation.next_due(), WALL_PAUSE);
        let pause = if progress == Progress::Reached { until_due } else { WallDuration::ZERO };
        match self.wakes.recv_timeout(pause) {
            Ok(wake) => self.handle(wake),
            Err(RecvTimeoutError::Timeout) => return,
            // Neither keyboard nor relay are left to wait for.
            Err(RecvTimeoutError::Disconnected) => return thread::sleep(pause),
        }
        for _ in 0..WAKES_MAX {
            match self.wakes.try_recv() {
                Ok(wake) => self.handle(wake),
                Err(_) => return,
            }
        }
    }

    fn handle(&mut self, wake: Wake) {
        let relay = self.link.as_ref().map(Link::name).unwrap_or_default();
        match wake {
            Wake::Typed(text) => {
                // The board is one of the lab's.
                let _ = self.simulation.input(Input::Console { board: self.board.clone(), text });
            }
            Wake::TypedAll => self.typed_all = true,
            Wake::RelayConnected => {
                let code = self.link.as_ref().and_then(Link::code);
                self.simulation.uplink_connected(&relay, code.as_deref());
            }
            Wake::RelayMessage(bytes) => self.simulation.uplink_receive(&bytes),
            Wake::RelayLost(why) => self.simulation.uplink_lost(&relay, &why),
        }
    }

    /// Sends what the lab has for the relay, as far as the relay takes it.
    fn speak(&mut self) {
        let Some(link) = &mut self.link else { return };
        while link.has_room() {
            match self.simulation.uplink_take() {
                Some(message) => link.send(message),
                None => return,
            }
        }
    }

    /// Says on standard error what a person should know of the relay.
    fn report(&mut self) {
        if self.link.is_none() {
            return;
        }
        for record in self.simulation.trace().since(self.seen) {
            self.seen = Some(record.id);
            if let Kind::Uplink { event, text } = &record.kind
                && !matches!(
                    event,
                    UplinkEvent::Asked | UplinkEvent::Confirmed | UplinkEvent::Finished | UplinkEvent::Accepted
                )
            {
                say(format_args!("relay: {text}"));
            }
        }
    }
}

/// Reads standard input on a thread of its own, for reading blocks. A taken terminal gives Ctrl-D as it is typed.
fn read_keyboard(wakes: SyncSender<Wake>, is_terminal: bool) {
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(count) = io::stdin().read(&mut buffer) {
            let end = buffer[..count].iter().position(|byte| is_terminal && *byte == END_OF_INPUT);
            let text = String::from_utf8_lossy(&buffer[..end.unwrap_or(count)]).into_owned();
            if count == 0 || wakes.send(Wake::Typed(text)).is_err() || end.is_some() {
                break;
            }
        }
        // Nobody is there to tell once the run has ended.
        let _ = wakes.send(Wake::TypedAll);
    });
}
