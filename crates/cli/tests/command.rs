//! The command's manners: what it says when something is wrong, its exit status, and how it ends.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::{Folder, PLAYGROUND, Process};

fn start(arguments: &[&str]) -> Process {
    let mut command = Command::new(PLAYGROUND);
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Process(command.spawn().unwrap())
}

fn tell_to_stop(process: &Process, signal: &str) {
    let status = Command::new("kill").args([signal, &process.0.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A usage error: status 2, this on standard error, and nothing on standard output.
#[track_caller]
fn check_refused(arguments: &[&str], expected: &str) {
    let output = Command::new(PLAYGROUND).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(expected), "{arguments:?} says:\n{said}");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_remedy() {
    let folder = Folder::new("wrong");
    let path = |name: &str, content: &[u8]| folder.write(name, content).to_str().unwrap().to_owned();
    let program = path("init.lua", b"print(1)");
    let newer = path("newer.json", br#"{"version":9,"moods":[]}"#);
    check_refused(&["run", &newer], "newer.json: version: a newer playground wrote this lab (version 9)");
    let file = path("file.json", br#"{"version":1,"boards":[{"name":"a","files":{"x.lua":1}}]}"#);
    check_refused(&["lab", "check", &file], "boards[0].files.x.lua: a file is a text, or");
    let link = path("link.json", br#"{"version":1,"boards":[{"name":"a"}],"links":{"z":{}}}"#);
    check_refused(&["run", &link], "link.json: links.z: there is no host 'z'");
    check_refused(&["run", &path("noise.json", &[0xff, 0xfe])], "noise.json: a lab is text");
    let huge = path("huge.lua", &vec![b' '; 20 << 20]);
    check_refused(&["run", &huge], "huge.lua: boards[0].files.init.lua: no space left");
    check_refused(&["run", "no-such.lua"], "no-such.lua: No such file");
    check_refused(&["run", &program, "--until", "10"], "time unit needed");
    check_refused(&["run", &program, "--pcap", "/no/such/folder/x"], "/no/such/folder/x: No such file");
    check_refused(&["run", &program, "--relay", "127.0.0.1:8266"], "an address begins with ws:// or wss://");
    check_refused(&["run", &program, "--room", "ws://127.0.0.1:8266"], "a room's address is as in ws://");
    check_refused(&["run", &program, "--relay", "wss://127.0.0.1:9", "--ca", &program], "no certificate in it");
    check_refused(&["run", &program, "--ca", &program], "--relay <URL>|--room <URL>");
    check_refused(&["run", &path("empty.json", b"")], "empty.json: lab: there is nothing in it");
    check_refused(&["run", &path("list.json", b"[]")], "list.json: lab: this is no object");
    check_refused(&["serve", "--site", "/no/such/folder"], "there is no index.html in it");
    check_refused(&["serve", "--log", "a=b=c"], "--log a=b=c:");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    check_refused(&["serve", "--port", &port], "another program has it: --port takes another number");
}

#[test]
fn who_stops_reading_ends_the_command_without_a_word() {
    let folder = Folder::new("pipe");
    let chatter = folder.write("chatter.lua", b"while true do print('still here') end");
    let ticker =
        folder.write("ticker.lua", b"tmr.create():alarm(1, tmr.ALARM_AUTO, function() print(('tick '):rep(100)) end)");
    for arguments in [
        &["lab", "schema"][..],
        &["lua", chatter.to_str().unwrap()],
        &["run", ticker.to_str().unwrap(), "--until", "1000h"],
    ] {
        let mut process = start(arguments);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut said = String::new();
        process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((said.as_str(), process.0.wait().unwrap().code()), ("", Some(0)), "{arguments:?}");
    }
}

#[test]
fn a_run_that_is_told_to_stop_keeps_what_it_captured() {
    let folder = Folder::new("stopped");
    let program = folder.write("init.lua", b"tmr.create():alarm(1000, tmr.ALARM_AUTO, function() print('tick') end)");
    let (program, capture) = (program.to_str().unwrap().to_owned(), folder.path().join("frames.pcapng"));
    // Beside the wall clock without an end, the signal is how a run ends; before its end it is an interruption.
    for (more, signal, expected) in [
        (&["--until", "100000h"][..], "-INT", 130),
        (&["--until", "100000h"], "-TERM", 130),
        (&["--relay", "ws://127.0.0.1:9"], "-INT", 0),
    ] {
        let arguments = [&["run", &program, "--pcap", capture.to_str().unwrap()], more].concat();
        let mut process = start(&arguments);
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("tick")));
        // Reading on until it has ended, so that it never ends for want of a reader.
        let reading = std::thread::spawn(move || lines.count());
        tell_to_stop(&process, signal);
        assert_eq!(process.0.wait().unwrap().code(), Some(expected), "{more:?} {signal}");
        reading.join().unwrap();
        let bytes = std::fs::read(&capture).unwrap();
        // The block type with which every pcapng file begins.
        assert!(bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) && bytes.len() > 500, "{} bytes", bytes.len());
    }
}

#[test]
fn a_relay_told_to_stop_lets_its_clients_hear_of_it_and_logs_without_colours() {
    let mut relay = start(&["serve", "--port", "0", "--no-pairing", "--log", "info"]);
    let mut lines = BufReader::new(relay.0.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    let folder = Folder::new("drain");
    let program = folder.write("init.lua", b"");
    let url = address.replace("http://", "ws://");
    let mut run = start(&["run", program.to_str().unwrap(), "--relay", &url]);
    let mut heard = BufReader::new(run.0.stderr.take().unwrap()).lines();
    assert!(heard.any(|line| line.unwrap().contains("connected to the relay")));
    tell_to_stop(&relay, "-TERM");
    assert!(heard.any(|line| line.unwrap().contains("the relay is stopping")));
    assert_eq!(relay.0.wait().unwrap().code(), Some(0));
    let mut log = String::new();
    relay.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("INFO relay::wisp: Wisp client left") && !log.contains('\u{1b}'), "{log}");
}
