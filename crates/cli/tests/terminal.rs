//! `playground run --interactive` on a terminal: what it shows, and how it leaves the terminal.
#![cfg(unix)]

mod common;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use common::{Folder, PATIENCE, PLAYGROUND, Process};

/// The command on a terminal of its own, and the person in front of it.
struct Session {
    process: Process,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// The command's side, held open so that its modes can be read after the command.
    terminal: File,
    before: LocalModes,
    _folder: Folder,
}

impl Session {
    fn start(name: &str, options: &[&str]) -> Session {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let path = ptsname(&person, Vec::new()).unwrap();
        let terminal = OpenOptions::new().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let side = || Stdio::from(terminal.try_clone().unwrap());
        let folder = Folder::new(name);
        let program = folder.write("hello.lua", b"print('hello')");
        let mut command = Command::new(PLAYGROUND);
        command.arg("run").arg(program).arg("--interactive").args(options);
        let before = modes(&terminal);
        let process = Process(command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap());
        let keyboard = File::from(person);
        let screen = read_all(keyboard.try_clone().unwrap());
        Session { process, keyboard, screen, shown: String::new(), terminal, before, _folder: folder }
    }

    /// Reads on until the screen shows `text`.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let begin = Instant::now();
        while !self.shown.contains(text) {
            assert!(begin.elapsed() < PATIENCE, "no {text:?} in {:?}", self.shown);
            if let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(100)) {
                // Terminals end lines with both.
                self.shown.push_str(&String::from_utf8_lossy(&bytes).replace('\r', ""));
            }
        }
    }

    fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    fn tell(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.0.id().to_string()]).status().unwrap().success());
    }

    /// The command ends with this status and leaves the terminal as it was.
    #[track_caller]
    fn check_end(mut self, status: i32) {
        assert_eq!(self.process.0.wait().unwrap().code(), Some(status), "{:?}", self.shown);
        assert_eq!(modes(&self.terminal), self.before);
    }
}

fn modes(terminal: impl AsFd) -> LocalModes {
    tcgetattr(terminal).unwrap().local_modes
}

fn read_all(mut from: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn what_is_typed_shows_once_and_ctrl_d_ends() {
    let mut session = Session::start("typed", &[]);
    session.wait_for("hello\n> ");
    assert!(!modes(&session.terminal).intersects(LocalModes::ECHO | LocalModes::ICANON));
    // A slip of the finger, taken back: the board edits the line.
    session.type_in("print(6 * 8\x7f7)\n");
    session.wait_for("\n42\n> ");
    assert!(session.shown.ends_with("hello\n> print(6 * 8\x08 \x087)\n42\n> "), "{:?}", session.shown);
    session.type_in("\x04");
    session.check_end(0);
}

#[test]
fn whatever_ends_it_the_terminal_is_as_it_was() {
    for (options, signal, status) in [
        (&["--until", "5s"][..], None, 0),
        (&["--until", "1h"], Some("-INT"), 130),
        (&["--until", "1h"], Some("-TERM"), 130),
    ] {
        let mut session = Session::start("ended", options);
        session.wait_for("hello\n> ");
        assert!(!modes(&session.terminal).contains(LocalModes::ECHO), "{options:?}");
        if let Some(signal) = signal {
            session.tell(signal);
        }
        session.check_end(status);
    }
}
