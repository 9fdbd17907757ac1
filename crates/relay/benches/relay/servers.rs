//! The servers that are compared, each a process of its own.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use relay::{NoAssets, Profile, Settings};

/// First argument with which this program becomes the relay.
pub(crate) const SERVE: &str = "serve-the-relay";

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// By TCP, a connection for each stream.
    Bare,
    /// By WebSocket, a connection for each stream.
    WebSocket,
    /// By Wisp, all streams over one WebSocket.
    Wisp,
}

/// A server that can be started.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    access: Access,
    /// The program that serves at a port; without one the address is that of the target itself.
    program: Option<Box<dyn Fn(u16) -> Command>>,
    target: SocketAddr,
}

/// A running server, ended when dropped.
pub(crate) struct Server {
    pub(crate) access: Access,
    pub(crate) address: SocketAddr,
    process: Option<Process>,
}

/// A child process and its children, ended when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

impl Contender {
    /// Starts it anew, and waits until it listens: what an earlier run may have left behind in it is of no consequence.
    ///
    /// # Errors
    /// If it is not installed, or does not listen in time.
    pub(crate) fn start(&self) -> io::Result<Server> {
        let Some(program) = &self.program else {
            return Ok(Server { access: self.access, address: self.target, process: None });
        };
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = program(address.port());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let process = Process(command.spawn().map_err(|_| io::Error::other("not installed"))?);
        for _ in 0..400 {
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(Server { access: self.access, address, process: Some(process) });
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Err(io::Error::other("does not listen"))
    }
}

impl Server {
    /// Bytes of memory that belong to the server's processes: proportional set size (`proc_pid_smaps_rollup`), which
    /// counts a page shared by two of them once.
    pub(crate) fn memory(&self) -> u64 {
        self.process.as_ref().map_or(0, |process| proportional_set(process.0.id()))
    }

    /// Time that the server has run on processors; what else the machine does counts little in it.
    pub(crate) fn processor_time(&self) -> Duration {
        Duration::from_nanos(self.process.as_ref().map_or(0, |process| time_on_processors(process.0.id())))
    }

    /// Whether there is a process to measure.
    pub(crate) fn is_process(&self) -> bool {
        self.process.is_some()
    }
}

/// Kilobytes of the process and its children.
fn proportional_set(process: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let own = kilobytes.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
    own * 1024 + children(process).into_iter().map(proportional_set).sum::<u64>()
}

/// Nanoseconds that the threads of the process and its children have run (`/proc/PID/task/TID/schedstat`).
fn time_on_processors(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let own = threads.filter_map(|thread| {
        let counts = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        counts.split_whitespace().next()?.parse::<u64>().ok()
    });
    own.sum::<u64>() + children(process).into_iter().map(time_on_processors).sum::<u64>()
}

fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The relay itself: serves until killed.
///
/// # Panics
/// If the port cannot be had.
pub(crate) fn serve(port: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port is free");
        relay::run(listener, Settings::new(Profile::Local), NoAssets, std::future::pending()).await;
    });
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers")
}

/// The Python environment that `cargo xtask bench` makes.
fn python() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from).join("peers-venv/bin")
}

/// Everything that relays streams to `target`, the relay first, and no relay at all. `folder` is for configurations.
pub(crate) fn stream_relays(target: SocketAddr, folder: &Path) -> Vec<Contender> {
    let configuration = folder.join("haproxy.cfg");
    let haproxy = move |port: u16| {
        let text = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             listen relay\n bind 127.0.0.1:{port}\n maxconn 4000\n server target {target}\n"
        );
        fs::write(&configuration, text).expect("a temporary file");
        let program = if Path::new("/usr/sbin/haproxy").exists() { "/usr/sbin/haproxy" } else { "haproxy" };
        let mut command = Command::new(program);
        command.arg("-f").arg(&configuration).arg("-db");
        command
    };
    let wisp_js = |port: u16| {
        let mut command = Command::new("node");
        command.arg(peers().join("node_modules/@mercuryworkshop/wisp-js/src/bin/server_cli.mjs"));
        command.args(["-H", "127.0.0.1", "-P", &port.to_string(), "-L", "NONE"]);
        command.args(["-O", r#"{"allow_loopback_ips":true,"allow_private_ips":true}"#]);
        command
    };
    let wisp_python = |port: u16| {
        let mut command = Command::new(python().join("python"));
        command.args(["-m", "wisp.server", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--allow-loopback", "--allow-private", "--log-level", "critical"]);
        command
    };
    let websockify = move |port: u16| {
        let mut command = Command::new(python().join("websockify"));
        command.arg(format!("127.0.0.1:{port}")).arg(target.to_string());
        command
    };
    let contender = |name, access, program| Contender { name, access, program, target };
    vec![
        contender("this relay", Access::Wisp, Some(Box::new(relay))),
        contender("direct", Access::Bare, None),
        contender("haproxy", Access::Bare, Some(Box::new(haproxy))),
        contender("wisp-js", Access::Wisp, Some(Box::new(wisp_js))),
        contender("wisp-python", Access::Wisp, Some(Box::new(wisp_python))),
        contender("websockify", Access::WebSocket, Some(Box::new(websockify))),
    ]
}

/// The relay's rooms and the hub of forty lines.
pub(crate) fn rooms(target: SocketAddr) -> Vec<Contender> {
    let hub = |port: u16| {
        let mut command = Command::new("node");
        command.arg("hub.mjs").arg(port.to_string()).current_dir(peers());
        command
    };
    let room = |name, program| Contender { name, access: Access::WebSocket, program: Some(program), target };
    vec![room("this relay", Box::new(relay)), room("node ws hub", Box::new(hub))]
}

/// This very program, as the relay.
fn relay(port: u16) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(SERVE).arg(port.to_string());
    command
}
