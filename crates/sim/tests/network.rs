//! What the network map and the boards' state show, and what a pulled link does to a board.

use sim::lab::{BoardLab, FileContent, Input, LinkLab};
use sim::view::{BoardStatus, HostKind, LinkView};
use sim::{Lab, Simulation};
use trace::{HostId, Instant};

fn board(name: &str, program: &str) -> BoardLab {
    let mut board = BoardLab::new(name);
    board.files.insert("init.lua".into(), FileContent::Text(program.into()));
    board
}

fn simulation(boards: Vec<BoardLab>) -> Simulation {
    Simulation::new(Lab { boards, ..Lab::default() }).expect("the lab is valid")
}

fn run(simulation: &mut Simulation, until_ms: u64) {
    simulation.advance(Instant::from_micros(until_ms * 1000), u32::MAX);
}

fn pull(simulation: &mut Simulation, host: &str, down: bool) {
    let link = LinkLab { down, ..LinkLab::default() };
    simulation.input(Input::Link { host: host.into(), link }).expect("the host has a link");
}

fn status(simulation: &Simulation) -> BoardStatus {
    simulation.boards().swap_remove(0)
}

fn link(simulation: &Simulation, host: HostId) -> LinkView {
    simulation.map().links.into_iter().find(|link| link.host == host).expect("the host has a link")
}

fn console(simulation: &mut Simulation) -> String {
    simulation.take_output().values().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

#[test]
fn a_pulled_link_ends_the_association_when_enough_beacons_are_missed() {
    let program = r#"
        wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function(t) print("lost", t.SSID, t.reason) end)
        wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print("got", t.IP) end)
    "#;
    let mut simulation = simulation(vec![board("board", program)]);
    run(&mut simulation, 10_000);
    console(&mut simulation);
    pull(&mut simulation, "board", true);
    run(&mut simulation, 15_900);
    assert!(status(&simulation).ssid.is_some(), "six seconds without a beacon are borne");
    run(&mut simulation, 20_000);
    assert_eq!(status(&simulation).ssid, None);
    let text = console(&mut simulation);
    // 200 BEACON_TIMEOUT, then 201 NO_AP_FOUND as the SDK tries again (docs/behaviour.md §6.2).
    assert!(text.starts_with("lost\tplayground\t200\n") && text.contains("lost\tplayground\t201\n"), "{text}");
    pull(&mut simulation, "board", false);
    run(&mut simulation, 30_000);
    assert_eq!(status(&simulation).ssid.as_deref(), Some("playground"));
    assert!(console(&mut simulation).ends_with("got\t192.168.1.100\n"));
}

#[test]
fn a_link_that_is_back_in_time_keeps_the_association() {
    let mut simulation = simulation(vec![board("board", "")]);
    run(&mut simulation, 10_000);
    for at_ms in [12_000, 17_000, 22_000] {
        pull(&mut simulation, "board", true);
        run(&mut simulation, at_ms + 3_000);
        pull(&mut simulation, "board", false);
        run(&mut simulation, at_ms + 4_000);
        assert!(status(&simulation).ssid.is_some());
    }
}

#[test]
fn a_board_whose_link_was_never_there_finds_no_network() {
    let mut lab = Lab { boards: vec![board("board", "")], ..Lab::default() };
    lab.links.insert("board".into(), LinkLab { down: true, ..LinkLab::default() });
    let mut simulation = Simulation::new(lab).expect("the lab is valid");
    run(&mut simulation, 10_000);
    assert_eq!(status(&simulation).ssid, None);
}

#[test]
fn a_board_with_no_stored_network_joins_none() {
    let lab = r#"{ "version": 1, "boards": [{ "name": "board", "network": null }] }"#;
    let mut simulation = Simulation::new(Lab::from_json(lab).expect("the lab is valid")).expect("the lab is valid");
    run(&mut simulation, 10_000);
    assert_eq!((status(&simulation).ssid, status(&simulation).wifi.as_str()), (None, "not connected"));
}

#[test]
fn a_station_is_shown_at_the_board_whose_access_point_it_uses() {
    let access_point = board("ap", "wifi.setmode(wifi.SOFTAP) wifi.ap.config{ssid='ours'}");
    let station = board("station", "tmr.create():alarm(3000, 0, function() wifi.sta.config{ssid='ours'} end)");
    let mut simulation = simulation(vec![access_point, station]);
    let router = simulation.map().hosts.into_iter().find(|host| host.kind == HostKind::Router).map(|host| host.id);
    run(&mut simulation, 2_000);
    assert_eq!(link(&simulation, HostId(1)).to, router);
    run(&mut simulation, 10_000);
    assert_eq!(link(&simulation, HostId(1)).to, Some(HostId(0)));
}

#[test]
fn frames_on_their_way_are_shown_on_their_links() {
    let program = "net.createUDPSocket():send(9, '192.168.1.255', 'x')";
    let mut simulation = simulation(vec![board("board", program)]);
    let mut seen = Vec::new();
    for at_ms in 0..2_000 {
        run(&mut simulation, at_ms);
        for link in simulation.map().links.iter().filter(|link| link.host == HostId(0)) {
            assert!(link.in_flight.iter().all(|frame| frame.sent_ms <= at_ms as f64 && frame.due_ms >= at_ms as f64));
            seen.extend(link.in_flight.iter().map(|frame| frame.to_host));
        }
    }
    assert!(seen.contains(&true) && seen.contains(&false), "an address is asked for and given");
}

#[test]
fn only_used_pins_are_shown() {
    let mut simulation = simulation(vec![board("board", "gpio.mode(4, gpio.OUTPUT) gpio.write(4, gpio.LOW)")]);
    run(&mut simulation, 10_000);
    let pins = |simulation: &Simulation| -> Vec<_> {
        status(simulation).pins.iter().map(|pin| (pin.pin, pin.high, pin.output)).collect()
    };
    assert_eq!(pins(&simulation), [(4, false, true)]);
    simulation.input(Input::Pin { board: "board".into(), pin: 3, high: false }).expect("the board has the pin");
    run(&mut simulation, 11_000);
    assert_eq!(pins(&simulation), [(3, false, false), (4, false, true)]);
}
