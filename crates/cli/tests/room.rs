//! The command as people use it: `serve` on one side, runs in one of its rooms on the other.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Folder, PLAYGROUND, Process};

fn playground(arguments: &[&str]) -> Process {
    let mut command = Command::new(PLAYGROUND);
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Process(command.spawn().expect("the command starts"))
}

/// A relay on a free port; returns it and the address of one of its rooms.
fn serve() -> (Process, String) {
    let mut relay = playground(&["serve", "--port", "0", "--no-pairing"]);
    let mut line = String::new();
    BufReader::new(relay.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    (relay, format!("ws://127.0.0.1:{port}/room/class"))
}

fn output(mut run: Process) -> String {
    let mut text = String::new();
    run.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    run.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

fn address_in(console: &str) -> Option<&str> {
    console.lines().find_map(|line| line.split("ip: ").nth(1)).map(str::trim)
}

const SAYS_ITS_ADDRESS: &str = r#"
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(info) print("ip: " .. info.IP) end)
"#;

#[test]
fn boards_of_two_runs_share_the_relay_s_router_and_find_each_other() {
    let (_relay, url) = serve();
    let folder = Folder::new("room");
    let server = folder.write(
        "server.lua",
        format!(
            "{SAYS_ITS_ADDRESS}
             local udp = net.createUDPSocket()
             udp:listen(4000)
             udp:on('receive', function(_, text) print('heard ' .. text) end)"
        )
        .as_bytes(),
    );
    let client = folder.write(
        "client.lua",
        format!(
            "{SAYS_ITS_ADDRESS}
             tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
               if wifi.sta.getip() then net.createUDPSocket():send(4000, '255.255.255.255', 'greetings') end
             end)
             net.dns.resolve('example.com', function(_, ip) print('example.com: ' .. tostring(ip)) end)"
        )
        .as_bytes(),
    );
    let run = |path: &PathBuf, name: &str, until: &str| {
        playground(&["run", path.to_str().unwrap(), "--room", &url, "--name", name, "--seat", name, "--until", until])
    };
    let (ben, mia) = (run(&server, "Ben", "9s"), run(&client, "Mia", "8s"));
    let (mia, ben) = (output(mia), output(ben));
    assert!(ben.contains("heard greetings"), "Ben:\n{ben}\nMia:\n{mia}");
    let (of_ben, of_mia) = (address_in(&ben).expect(&ben), address_in(&mia).expect(&mia));
    assert!(of_ben != of_mia && of_mia.starts_with("192.168.1."), "{of_ben} {of_mia}");
    // Whoever comes back has the same address, though another came first.
    let (_first, again) = (run(&server, "Eve", "4s"), run(&client, "Mia", "4s"));
    let again = output(again);
    assert_eq!(address_in(&again), Some(of_mia), "{again}");
}

#[test]
fn a_room_that_is_not_there_is_said_in_one_line() {
    let folder = Folder::new("nowhere");
    let file = folder.write("init.lua", b"");
    let run = playground(&["run", file.to_str().unwrap(), "--room", "http://127.0.0.1:9/#pair=abcd&room=class"]);
    let text = output(run);
    assert_eq!(text, "playground: cannot join the room class at ws://127.0.0.1:9: Connection refused (os error 111)\n");
}

#[test]
fn a_room_that_goes_away_ends_the_run_with_the_reason_and_the_capture() {
    let (relay, url) = serve();
    let folder = Folder::new("gone");
    let file = folder.write("init.lua", b"print('here')");
    let capture = folder.path().join("frames.pcapng");
    let mut run = playground(&["run", file.to_str().unwrap(), "--room", &url, "--pcap", capture.to_str().unwrap()]);
    let mut lines = BufReader::new(run.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("here")));
    // The pipe stays open: a run whose reader left would end for that reason.
    let (relay_id, _rest) = (relay.0.id().to_string(), lines);
    assert!(Command::new("kill").args(["-TERM", &relay_id]).status().unwrap().success());
    let mut why = String::new();
    run.0.stderr.take().unwrap().read_to_string(&mut why).unwrap();
    assert_eq!(why, "playground: the room has gone: the relay is stopping\n");
    assert_eq!(run.0.wait().unwrap().code(), Some(2));
    assert!(std::fs::metadata(capture).unwrap().len() > 100, "frames were captured");
}
