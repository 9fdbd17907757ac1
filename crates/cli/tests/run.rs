//! `playground run`: what each option does, what goes to standard output, and the exit status.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{Folder, PLAYGROUND, installed};

fn playground() -> Command {
    Command::new(PLAYGROUND)
}

fn run(file: &Path, options: &[&str]) -> Output {
    playground().arg("run").arg(file).args(options).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a board printed after its banner.
#[track_caller]
fn printed(output: &Output) -> String {
    let text = text(&output.stdout);
    let (_, rest) = text.split_once("powered by Lua ").unwrap_or_else(|| panic!("no banner in {text:?}"));
    rest.split_once('\n').map_or("", |(_, rest)| rest).to_owned()
}

#[test]
fn standard_output_is_the_console_and_the_status_0() {
    let folder = Folder::new("console");
    let file = folder.write("hello.lua", b"print('hello')");
    let output = run(&file, &["--until", "3s"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(printed(&output), "hello\n> ");
    assert!(text(&output.stdout).starts_with("\nNodeMCU 3.0.0.0 "), "{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn several_boards_have_their_names_before_each_line() {
    let folder = Folder::new("boards");
    let board = |name: &str| format!(r#"{{ "name": "{name}", "files": {{ "init.lua": "print('I am {name}')" }} }}"#);
    let lab = format!(r#"{{ "version": 1, "boards": [{}, {}] }}"#, board("one"), board("two"));
    let output = run(&folder.write("lab.json", lab.as_bytes()), &["--until", "7s"]);
    let text = text(&output.stdout);
    assert!(
        text.lines().any(|line| line == "one: I am one") && text.lines().any(|line| line == "two: I am two"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.starts_with("one: ") || line.starts_with("two: ")), "{text}");
}

#[test]
fn until_counts_virtual_time() {
    let folder = Folder::new("until");
    let file = folder.write("count.lua", b"tmr.create():alarm(1000, tmr.ALARM_AUTO, function() print('tick') end)");
    for (until, ticks) in [("3500ms", 3), ("1h", 3599)] {
        let output = run(&file, &["--until", until, "--behaviour", "chip"]);
        assert_eq!(printed(&output).matches("tick").count(), ticks, "{until}");
    }
    let lab = r#"{ "version": 1, "untilMs": 2500, "boards": [{ "name": "b", "behaviour": "chip",
        "files": { "init.lua": "tmr.create():alarm(1000, tmr.ALARM_AUTO, function() print('tick') end)" } }] }"#;
    assert_eq!(
        printed(&run(&folder.write("lab.json", lab.as_bytes()), &[])).matches("tick").count(),
        2,
        "the lab's own time"
    );
}

#[test]
fn dir_fills_the_flash() {
    let folder = Folder::new("dir");
    fs::create_dir(folder.path().join("files")).unwrap();
    folder.write("files/part.lua", b"print('part')");
    folder.write("files/init.lua", b"print('not this one')");
    let file = folder.write("program.lua", b"dofile('part.lua')");
    let output = run(&file, &["--dir", folder.path().join("files").to_str().unwrap(), "--until", "7s"]);
    assert_eq!(printed(&output), "part\n> ");
}

#[test]
fn seeds_choose_the_run() {
    let folder = Folder::new("seed");
    let file = folder.write("random.lua", b"print(node.random(1000000), math.random(1000000))");
    let with = |seed: &str| printed(&run(&file, &["--seed", seed, "--until", "7s"]));
    assert_eq!(with("7"), with("7"));
    assert_ne!(with("7"), with("8"));
}

#[test]
fn behaviour_release_and_lua_change_the_board() {
    let folder = Folder::new("profile");
    let file = folder.write(
        "profile.lua",
        b"print(pcall(function() net.createServer():close() end)) print(type(tmr.alarm), _VERSION, 7 / 2)",
    );
    for (options, expected) in [
        (&["--behaviour", "manual"][..], "true\nfunction\tLua 5.1\t3.5\n> "),
        (&["--behaviour", "chip", "--release", "3.0"], "false\tinit.lua:1: not connected\nnil\tLua 5.1\t3.5\n> "),
        (&["--behaviour", "chip", "--release", "2.x"], "false\tinit.lua:1: not connected\nfunction\tLua 5.1\t3.5\n> "),
        (&["--release", "any", "--lua", "5.3"], "true\nfunction\tLua 5.3\t3.5\n> "),
    ] {
        assert_eq!(printed(&run(&file, &[options, &["--until", "7s"]].concat())), expected, "{options:?}");
    }
}

#[test]
fn a_crash_and_a_failed_check_are_status_1() {
    let folder = Folder::new("failed");
    let crash = folder.write("crash.lua", b"net.dns.resolve('www.google.com', function() error('oops') end)");
    let output = run(&crash, &["--behaviour", "chip", "--until", "12s"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    for (wanted, status) in [("hello", 0), ("goodbye", 1)] {
        let lab = format!(
            r#"{{ "version": 1, "boards": [{{ "name": "b", "files": {{ "init.lua": "print('hello')" }} }}],
                 "checks": [{{ "type": "consoleContains", "board": "b", "text": "{wanted}" }}] }}"#
        );
        let output = run(&folder.write("lab.json", lab.as_bytes()), &[]);
        assert_eq!(output.status.code(), Some(status));
        let verdict = if status == 0 { "passed" } else { "FAILED" };
        assert!(text(&output.stderr).starts_with(verdict), "{}", text(&output.stderr));
    }
}

#[test]
fn what_is_wrong_is_said_and_status_2() {
    let folder = Folder::new("usage");
    let lua = folder.write("x.lua", b"");
    let lab = |json: &str| folder.write("lab.json", json.as_bytes());
    let output = |file: &Path, options: &[&str]| {
        let output = run(file, options);
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert_eq!(text(&output.stdout), "", "{options:?}");
        text(&output.stderr)
    };
    assert!(output(&lua, &["--behaviour", "desktop"]).contains("manual, chip"));
    assert!(output(&lua, &["--until", "soon"]).contains("soon"));
    assert!(output(&lua, &["--nothing"]).contains("--nothing"));
    assert!(output(&lua, &["--pcap", "/nowhere/at/all.pcapng"]).contains("/nowhere/at/all.pcapng"));
    assert!(output(&lua, &["--dir", "/nowhere/at/all"]).contains("/nowhere/at/all"));
    assert!(output(&folder.path().join("none.lua"), &[]).contains("none.lua"));
    // A broken lab is named with the place of the fault.
    for (json, place) in [
        (r#"{ "version": 1, "boards": [{ "name": "b", "behaviour": "desktop" }] }"#, "boards[0].behaviour"),
        (r#"{ "version": 1, "boards": [{ "nam": "b" }] }"#, "boards[0]"),
        (r#"{ "version": 1, "links": { "b": { "toHost": { "loss": "much" } } } }"#, "links.b.toHost.loss"),
        (r#"{ "version": 99 }"#, "version"),
        ("{", "line 1"),
    ] {
        let message = output(&lab(json), &[]);
        assert!(message.contains(place), "{json}: {message}");
        let check = playground().args(["lab", "check"]).arg(lab(json)).output().unwrap();
        assert_eq!(check.status.code(), Some(2));
    }
}

#[test]
fn the_trace_is_one_record_a_line() {
    let folder = Folder::new("trace");
    let file = folder.write("fetch.lua", FETCH.as_bytes());
    let trace = folder.path().join("trace.jsonl");
    assert!(run(&file, &["--trace", trace.to_str().unwrap(), "--until", "8s"]).status.success());
    let mut last = 0;
    for line in fs::read_to_string(trace).unwrap().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = record["id"].as_u64().unwrap();
        assert!(id > last && record["cause"].as_u64().is_none_or(|cause| cause < id), "{line}");
        last = id;
    }
    assert!(last > 50, "{last}");
}

const FETCH: &str = "
    local sk = net.createConnection()
    sk:on('connection', function(s) s:send('GET / HTTP/1.0\\r\\n\\r\\n') end)
    sk:connect(80, 'www.nodemcu.com')";

#[test]
fn a_capture_has_the_line_of_lua_as_comment() {
    let Some(tshark) = installed("tshark") else { return };
    let folder = Folder::new("pcap");
    let file = folder.write("fetch.lua", FETCH.as_bytes());
    let pcap = folder.path().join("frames.pcapng");
    assert!(run(&file, &["--pcap", pcap.to_str().unwrap(), "--until", "8s"]).status.success());
    let read = |filter: &str, field: &str| {
        let arguments = ["-n", "-Y", filter, "-T", "fields", "-e", field, "-r"];
        text(&Command::new(&tshark).args(arguments).arg(&pcap).output().unwrap().stdout)
    };
    let comments = read("http.request", "frame.comment");
    assert!(comments.contains("init.lua:3"), "{comments:?}");
    assert_eq!(read("_ws.malformed", "frame.number"), "");
}
