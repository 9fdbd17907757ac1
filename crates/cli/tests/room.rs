//! The command as people use it: `serve` on one side, runs in one of its rooms on the other.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn playground(arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().expect("the command starts"))
}

/// A relay on a free port; returns it and the address of one of its rooms.
fn serve() -> (Running, String) {
    let mut relay = playground(&["serve", "--port", "0", "--no-pairing"]);
    let mut line = String::new();
    BufReader::new(relay.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    (relay, format!("ws://127.0.0.1:{port}/room/class"))
}

/// A Lua file of its own for a test.
fn program(name: &str, source: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("playground-room-{}-{name}.lua", std::process::id()));
    std::fs::write(&path, source).unwrap();
    path
}

fn output(mut run: Running) -> String {
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
    let server = program(
        "server",
        &format!(
            "{SAYS_ITS_ADDRESS}
             local udp = net.createUDPSocket()
             udp:listen(4000)
             udp:on('receive', function(_, text) print('heard ' .. text) end)"
        ),
    );
    let client = program(
        "client",
        &format!(
            "{SAYS_ITS_ADDRESS}
             tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
               if wifi.sta.getip() then net.createUDPSocket():send(4000, '255.255.255.255', 'greetings') end
             end)
             net.dns.resolve('example.com', function(_, ip) print('example.com: ' .. tostring(ip)) end)"
        ),
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
    for path in [server, client] {
        let _ = std::fs::remove_file(path);
    }
}

#[test]
fn a_room_that_is_not_there_is_said_in_one_line() {
    let file = program("nowhere", "");
    let run = playground(&["run", file.to_str().unwrap(), "--room", "ws://127.0.0.1:9/room/class"]);
    let text = output(run);
    assert!(text.contains("cannot join ws://127.0.0.1:9/room/class"), "{text}");
    let _ = std::fs::remove_file(file);
}
