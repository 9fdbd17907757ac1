//! Boards and the real network, end to end: `playground serve` and `playground run --relay` between real servers and real
//! clients on loopback. `cargo xtask test` installs them.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Folder, PATIENCE, PLAYGROUND, Process, free_port, installed, server};

fn relay(port: u16) -> Process {
    let mut command = Command::new(PLAYGROUND);
    server(command.args(["serve", "--no-pairing", "--port", &port.to_string()]), port)
}

/// A lab on a relay: what its board and the command have said so far.
struct Run {
    process: Process,
    said: Arc<Mutex<String>>,
}

impl Run {
    fn start(folder: &Folder, program: &str, relay: &str, more: &[&str]) -> Run {
        let file = folder.write("init.lua", program.as_bytes());
        let mut command = Command::new(PLAYGROUND);
        command.arg("run").arg(file).args(["--relay", relay]).args(more);
        let mut process = Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let said = Arc::default();
        gather(process.0.stdout.take().unwrap(), &said);
        gather(process.0.stderr.take().unwrap(), &said);
        Run { process, said }
    }

    /// Waits until `text` was said, and gives everything said so far.
    #[track_caller]
    fn wait_for(&mut self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let said = self.said.lock().unwrap().clone();
            if said.contains(text) {
                return said;
            }
            let ended = self.process.0.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < PATIENCE, "no {text:?} ({ended:?}) in:\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address at which a port was published.
    #[track_caller]
    fn published(&mut self) -> String {
        let said = self.wait_for("is reached from outside at ");
        let (_, rest) = said.split_once("is reached from outside at ").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

fn gather(stream: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            said.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn redis(folder: &Folder, port: u16) -> Option<Process> {
    let mut command = Command::new(installed("redis-server")?);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    Some(server(command.current_dir(folder.path()), port))
}

/// Says what a socket hears, in one line an event.
const CLIENT: &str = r#"
local function client(name, port, greeting, host)
  local s = net.createConnection(net.TCP, 0)
  s:on("dns", function(_, ip) print(name .. " dns " .. tostring(ip)) end)
  s:on("connection", function(c)
    local p, ip = c:getpeer()
    print(name .. " connected " .. ip .. ":" .. p)
    if greeting then c:send(greeting) end
  end)
  s:on("receive", function(_, d) print(name .. " got " .. d:gsub("[^%w%p ]", function(c) return "<" .. c:byte() .. ">" end)) end)
  s:on("disconnection", function(_, e) print(name .. " gone " .. tostring(e)) end)
  s:connect(port, host or "relay.lan")
  return s
end
"#;

#[test]
fn a_board_speaks_to_redis_and_hears_of_refusals() {
    let folder = Folder::new("redis");
    let (relay_port, redis_port, closed_port) = (free_port(), free_port(), free_port());
    let Some(_redis) = redis(&folder, redis_port) else { return };
    let _relay = relay(relay_port);
    let program = format!(
        "{CLIENT}\nclient('redis', {redis_port}, 'SET word hello\\r\\nGET word\\r\\nQUIT\\r\\n')\nclient('closed', {closed_port})\n"
    );
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}"), &[]);
    run.wait_for("redis connected 192.0.2.2:");
    run.wait_for("hello");
    run.wait_for("redis gone 0");
    // docs/behaviour.md §1.4: a refused connection is -9, and no `connection` comes before it.
    let said = run.wait_for("closed gone -9");
    assert!(!said.contains("closed connected"), "{said}");
    run.wait_for(&format!("127.0.0.1:{closed_port}: the far side refused it"));
}

#[test]
fn a_large_page_of_nginx_arrives_whole_though_the_board_stops_reading_for_a_while() {
    let Some(nginx) = installed("nginx") else { return };
    let folder = Folder::new("nginx");
    let (relay_port, web_port) = (free_port(), free_port());
    let page: Vec<u8> = (0..300_000_u32).map(|index| b'a' + (index % 23) as u8).collect();
    folder.write("page.txt", &page);
    let root = folder.path().display();
    let config = format!(
        "daemon off; pid {root}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; \
         client_body_temp_path {root}/1; proxy_temp_path {root}/2; fastcgi_temp_path {root}/3; uwsgi_temp_path {root}/4; \
         scgi_temp_path {root}/5; server {{ listen 127.0.0.1:{web_port}; root {root}; }} }}"
    );
    let config = folder.write("nginx.conf", config.as_bytes());
    let _nginx = server(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(config), web_port);
    let _relay = relay(relay_port);
    let program = format!(
        "local total, sum, body = 0, 0, false
         local s = net.createConnection(net.TCP, 0)
         s:on('connection', function(c) c:send('GET /page.txt HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n') end)
         s:on('receive', function(c, d)
           if not body then local _, e = d:find('\\r\\n\\r\\n', 1, true) if not e then return end body = true d = d:sub(e + 1) end
           if total < 60000 and total + #d >= 60000 then c:hold() tmr.create():alarm(700, tmr.ALARM_SINGLE, function() c:unhold() end) end
           for i = 1, #d, 97 do sum = (sum * 31 + d:byte(i) + total + i) % 1000003 end
           total = total + #d
         end)
         s:on('disconnection', function(c, e) print('whole ' .. total .. ' ' .. tostring(e)) end)
         s:connect({web_port}, 'relay.lan')"
    );
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}"), &[]);
    run.wait_for("whole 300000 0");
}

/// An authority of the test's own and a certificate of it for 127.0.0.1: the files that nginx and `--ca` want.
fn certificates(folder: &Folder) -> Option<(PathBuf, PathBuf, PathBuf)> {
    let openssl = installed("openssl")?;
    let [ca, ca_key, certificate, key] =
        ["ca.pem", "ca.key", "relay.pem", "relay.key"].map(|name| folder.path().join(name));
    let make = |subject: &str, certificate: &PathBuf, key: &PathBuf, more: &[&str]| {
        let mut command = Command::new(&openssl);
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        command.args(["-subj", subject, "-keyout"]).arg(key).arg("-out").arg(certificate).args(more);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    make("/CN=authority of a test", &ca, &ca_key, &[]);
    let signer = [ca.to_str().unwrap(), ca_key.to_str().unwrap()];
    let extensions = ["subjectAltName=IP:127.0.0.1", "basicConstraints=critical,CA:FALSE"];
    let more = ["-CA", signer[0], "-CAkey", signer[1], "-addext", extensions[0], "-addext", extensions[1]];
    make("/CN=relay of a test", &certificate, &key, &more);
    Some((ca, certificate, key))
}

#[test]
fn a_relay_behind_tls_is_reached_by_who_believes_its_certificate() {
    let Some(nginx) = installed("nginx") else { return };
    let folder = Folder::new("tls");
    let (relay_port, redis_port, tls_port) = (free_port(), free_port(), free_port());
    let Some((ca, certificate, key)) = certificates(&folder) else { return };
    let Some(_redis) = redis(&folder, redis_port) else { return };
    let _relay = relay(relay_port);
    let (root, certificate, key) = (folder.path().display(), certificate.display(), key.display());
    let config = format!(
        "daemon off; pid {root}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; \
         client_body_temp_path {root}/1; proxy_temp_path {root}/2; fastcgi_temp_path {root}/3; uwsgi_temp_path {root}/4; \
         scgi_temp_path {root}/5; server {{ listen 127.0.0.1:{tls_port} ssl; ssl_certificate {certificate}; \
         ssl_certificate_key {key}; location / {{ proxy_pass http://127.0.0.1:{relay_port}; proxy_http_version 1.1; \
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }} }}"
    );
    let config = folder.write("nginx.conf", config.as_bytes());
    let _nginx = server(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(config), tls_port);
    let program = format!("{CLIENT}\nclient('redis', {redis_port}, 'PING\\r\\n')");
    let url = format!("https://127.0.0.1:{tls_port}/");
    let mut trusting = Run::start(&folder, &program, &url, &["--ca", ca.to_str().unwrap()]);
    trusting.wait_for("redis got +PONG");
    let mut doubting = Run::start(&folder, &program, &url, &[]);
    let said = doubting.wait_for("--ca FILE names an authority to believe");
    assert!(said.contains("is out of reach: invalid peer certificate"), "{said}");
}

#[test]
fn a_board_greets_mosquitto() {
    let Some(mosquitto) = installed("mosquitto") else { return };
    let folder = Folder::new("mosquitto");
    let (relay_port, mqtt_port) = (free_port(), free_port());
    let config =
        folder.write("mosquitto.conf", format!("listener {mqtt_port} 127.0.0.1\nallow_anonymous true\n").as_bytes());
    let _mosquitto = server(Command::new(mosquitto).arg("-c").arg(config), mqtt_port);
    let _relay = relay(relay_port);
    // MQTT 3.1.1, section 3.1 and 3.2: CONNECT and CONNACK.
    let connect = "\\16\\14\\0\\4MQTT\\4\\2\\0\\60\\0\\2ab";
    let program = format!("{CLIENT}\nclient('broker', {mqtt_port}, '{connect}')");
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}"), &[]);
    run.wait_for("broker got  <2><0><0>");
}

#[test]
fn a_name_server_that_a_program_sets_is_really_asked() {
    let Some(dnsmasq) = installed("dnsmasq") else { return };
    if UdpSocket::bind("127.0.0.1:53").is_err() || TcpListener::bind("127.0.0.1:53").is_err() {
        println!("skipped: port 53 is taken or not ours to open");
        return;
    }
    let folder = Folder::new("dnsmasq");
    let relay_port = free_port();
    let arguments = [
        "--no-daemon",
        "--no-resolv",
        "--no-hosts",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--user=root",
        "--address=/board.test/203.0.114.7",
    ];
    let _dnsmasq = server(Command::new(dnsmasq).args(arguments), 53);
    let _relay = relay(relay_port);
    let program = "net.dns.setdnsserver('192.0.2.2', 0)
        net.dns.resolve('board.test', function(_, ip) print('test is ' .. tostring(ip)) end)";
    let mut run = Run::start(&folder, program, &format!("ws://127.0.0.1:{relay_port}"), &[]);
    run.wait_for("test is 203.0.114.7");
}

#[test]
fn curl_and_nc_and_redis_cli_reach_a_published_board() {
    let (Some(curl), Some(nc), Some(redis_cli)) = (installed("curl"), installed("nc"), installed("redis-cli")) else {
        return;
    };
    let folder = Folder::new("published");
    let (relay_port, board_port) = (free_port(), free_port());
    let _relay = relay(relay_port);
    let program = format!(
        "net.createServer(net.TCP, 30):listen({board_port}, function(c)
           c:on('receive', function(c, d)
             if d:find('^GET') then
               c:send('HTTP/1.0 200 OK\\r\\n\\r\\nhello curl\\n') c:on('sent', function() c:close() end)
             elseif d:find('PING') then c:send('+PONG\\r\\n')
             elseif d:find('COMMAND') then c:send('*0\\r\\n')
             else c:send('you said ' .. d) end
           end)
         end)
         print('listening')"
    );
    let publish = board_port.to_string();
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}"), &["--publish", &publish]);
    let address = run.published();
    run.wait_for("listening");
    let (_, port) = address.rsplit_once(':').unwrap();
    let page = output(Command::new(curl).args(["-sS", "--max-time", "10", &format!("http://{address}/")]));
    assert_eq!(page, "hello curl\n");
    let pong = output(Command::new(redis_cli).args(["-h", "127.0.0.1", "-p", port, "PING"]));
    assert_eq!(pong.trim(), "PONG");
    let mut talk = Command::new(nc)
        .args(["-w", "2", "127.0.0.1", port])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    talk.stdin.take().unwrap().write_all(b"good day").unwrap();
    let answer = talk.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "you said good day");
}

#[test]
fn nc_speaks_to_a_published_udp_socket_as_the_manual_suggests() {
    let Some(nc) = installed("nc") else { return };
    let folder = Folder::new("udp");
    let (relay_port, board_port) = (free_port(), free_port());
    let _relay = relay(relay_port);
    // The manual's example of udpsocket:on and udpsocket:send.
    let program = format!(
        "udpSocket = net.createUDPSocket()
         udpSocket:listen({board_port})
         udpSocket:on('receive', function(s, data, port, ip)
             print(string.format(\"received '%s' from %s:%d\", data, ip, port))
             s:send(port, ip, 'echo: ' .. data)
         end)
         port, ip = udpSocket:getaddr()
         print(string.format('local UDP socket address / port: %s:%d', ip, port))"
    );
    let publish = format!("{board_port}/udp");
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}"), &["--publish", &publish]);
    let address = run.published();
    run.wait_for("local UDP socket");
    let (_, port) = address.rsplit_once(':').unwrap();
    let mut talk = Command::new(nc)
        .args(["-w", "1", "-u", "127.0.0.1", port])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    talk.stdin.take().unwrap().write_all(b"foo").unwrap();
    run.wait_for("received 'foo' from 192.0.2.2:");
    let answer = talk.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "echo: foo");
}

#[test]
fn a_relay_that_goes_away_resets_connections_and_is_found_again() {
    let folder = Folder::new("away");
    let (relay_port, redis_port) = (free_port(), free_port());
    let Some(_redis) = redis(&folder, redis_port) else { return };
    let first = relay(relay_port);
    let program = format!(
        "{CLIENT}
         client('first', {redis_port}, 'PING\\r\\n'):on('disconnection', function(_, e)
           print('first gone ' .. tostring(e))
           local n = 0
           local function again()
             n = n + 1
             client('second', {redis_port}, 'PING\\r\\n'):on('disconnection', function(_, e) print('second gone ' .. e) again() end)
           end
           again()
         end)"
    );
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}"), &[]);
    run.wait_for("first got +PONG");
    drop(first);
    run.wait_for("first gone -9");
    run.wait_for("is out of reach");
    let _second = relay(relay_port);
    run.wait_for("second got +PONG");
}

/// A board on somebody else's Wisp server: TCP to redis, a refusal, a datagram to dnsmasq.
#[track_caller]
fn check_foreign_server(name: &str, make: impl FnOnce(u16) -> Command) {
    let folder = Folder::new(name);
    let (relay_port, redis_port, closed_port, dns_port) = (free_port(), free_port(), free_port(), free_port());
    let Some(_redis) = redis(&folder, redis_port) else { return };
    let Some(dnsmasq) = installed("dnsmasq") else { return };
    let arguments = ["--no-daemon", "--no-resolv", "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces"];
    let mut dns = Command::new(dnsmasq);
    dns.args(arguments).args([&format!("--port={dns_port}"), "--address=/board.test/203.0.114.7"]);
    let _dns = server(&mut dns, dns_port);
    let _relay = server(&mut make(relay_port), relay_port);
    let program = format!(
        "{CLIENT}
         client('redis', {redis_port}, 'SET word hello\\r\\nGET word\\r\\nQUIT\\r\\n', '192.0.2.2')
         client('closed', {closed_port}, nil, '192.0.2.2')
         local u = net.createUDPSocket()
         u:on('receive', function(_, d, p, ip) print('name has ' .. table.concat({{d:byte(-4, -1)}}, '.') .. ' says ' .. ip) end)
         -- RFC 1035, section 4: one question for the address of board.test.
         u:send({dns_port}, '192.0.2.2', '\\1\\2\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5board\\4test\\0\\0\\1\\0\\1')"
    );
    let mut run = Run::start(&folder, &program, &format!("ws://127.0.0.1:{relay_port}/"), &["--publish", "80"]);
    run.wait_for("connected to the relay");
    run.wait_for("redis connected 192.0.2.2:");
    run.wait_for("hello");
    run.wait_for("redis gone 0");
    run.wait_for("closed gone -9");
    run.wait_for("name has 203.0.114.7 says 192.0.2.2");
    // What the server cannot tell is marked.
    run.wait_for(&format!("this relay does not say when 127.0.0.1:{redis_port} is connected: assumed"));
}

#[test]
fn a_board_gets_along_with_wisp_js() {
    let peers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers");
    let script = peers.join("node_modules/@mercuryworkshop/wisp-js/src/bin/server_cli.mjs");
    if !script.exists() {
        println!("skipped: tests/peers/node_modules is missing (cargo xtask setup installs it)");
        return;
    }
    check_foreign_server("wisp-js", |port| {
        let mut command = Command::new("node");
        command.arg(script).args(["-H", "127.0.0.1", "-P", &port.to_string(), "-L", "NONE"]);
        command.args(["-O", r#"{"allow_loopback_ips":true,"allow_private_ips":true}"#]);
        command
    });
}

#[test]
fn a_board_gets_along_with_wisp_python() {
    let target = PathBuf::from(PLAYGROUND).parent().and_then(|folder| Some(folder.parent()?.to_owned())).unwrap();
    let python = target.join("peers-venv/bin/python");
    if !python.exists() {
        println!("skipped: wisp-python is missing (cargo xtask setup installs it)");
        return;
    }
    check_foreign_server("wisp-python", |port| {
        let mut command = Command::new(python);
        command.args(["-m", "wisp.server", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--allow-loopback", "--allow-private", "--log-level", "critical"]);
        command
    });
}
