//! The relay beside others, in one run on loopback: `cargo xtask bench relay`, or `cargo bench -p relay -- WORD` for the
//! measurements whose title contains the word.
//!
//! Everything is measured in several rounds, in each of which the servers take turns, so that whatever else the machine
//! does meets them all; figures are medians. Each server is a process of its own; the driver and the targets are two
//! threads of this one, the same for all. Other Wisp servers and websockify are peers, haproxy in TCP mode is the ceiling
//! for a relay in user space, `direct` is no relay at all.
//!
//! Reading order: [`servers`], [`target`] (what they relay to), [`wire`] (the driver), [`speed`], [`memory`], [`rooms`],
//! [`report`].
#![allow(missing_docs, reason = "a program")]

mod memory;
mod report;
mod rooms;
mod servers;
mod speed;
mod target;
mod wire;

use std::io;

use report::Bound::{AtLeast, AtMost};
use report::{Goals, Table};
use servers::Contender;
use speed::Kind;
use target::Target;

const ROUNDS: usize = 5;
const OURS: &str = "this relay";
const WISP_PEERS: &[&str] = &["wisp-js", "wisp-python"];
const PEERS: &[&str] = &["wisp-js", "wisp-python", "websockify"];
const HUB: &str = "node ws hub";
/// How many clients a room has.
const ROOMS: [usize; 3] = [2, 10, 50];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, port, ..] = arguments.as_slice()
        && first == servers::SERVE
    {
        servers::serve(port);
        return Ok(());
    }
    let filter = arguments.into_iter().find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("relay-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let target = Target::start();
    let relays = servers::stream_relays(target.tcp, &folder);
    let rooms = servers::rooms(target.tcp);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bench = Bench { relays, rooms, target, filter };
    let mut goals = Goals::default();
    // One thread drives everything.
    tokio::task::LocalSet::new().block_on(&runtime, async {
        bench.speed(&mut goals).await;
        bench.memory(&mut goals).await;
        bench.rooms(&mut goals).await;
    });
    goals.print();
    drop(bench);
    std::fs::remove_dir_all(folder)
}

struct Bench {
    relays: Vec<Contender>,
    rooms: Vec<Contender>,
    target: Target,
    filter: String,
}

/// A quotient of what was measured.
fn ratio(own: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(own? / other?)
}

impl Bench {
    fn wants(&self, title: &str) -> bool {
        title.contains(&self.filter)
    }

    async fn speed(&self, goals: &mut Goals) {
        for kind in Kind::ALL.into_iter().filter(|kind| self.wants(kind.title())) {
            let mut table = Table::new(kind.title(), kind.columns());
            for _ in 0..kind.rounds(ROUNDS) {
                for relay in &self.relays {
                    if table.has_failed(relay.name) {
                        continue;
                    }
                    table.add(relay.name, self.run(kind, relay).await);
                }
            }
            table.print();
            speed_goals(kind, &table, goals);
        }
    }

    async fn run(&self, kind: Kind, relay: &Contender) -> io::Result<Vec<f64>> {
        kind.run(&relay.start()?, &self.target).await
    }

    async fn memory(&self, goals: &mut Goals) {
        let title = "memory of an idle stream";
        if self.wants(title) {
            let mut table = Table::new(title, &["bytes"]);
            for relay in &self.relays {
                table.add(relay.name, self.idle(relay).await);
            }
            table.print();
            goals.check("bytes per idle stream", table.median(OURS, 0), AtMost(8_000.0));
        }
        let title = "peak memory while one side stands still for 2 s";
        if self.wants(title) {
            let mut table = Table::new(title, &["MB: client", "MB: target"]);
            for relay in &self.relays {
                table.add(relay.name, self.standstill(relay).await);
            }
            table.print();
            goals.check("MB, the client stands still", table.median(OURS, 0), AtMost(8.0));
            goals.check("MB, the target stands still", table.median(OURS, 1), AtMost(8.0));
        }
    }

    async fn idle(&self, relay: &Contender) -> io::Result<Vec<f64>> {
        Ok(vec![memory::per_idle_stream(&relay.start()?, &self.target).await?])
    }

    async fn standstill(&self, relay: &Contender) -> io::Result<Vec<f64>> {
        let client = memory::while_the_client_stands_still(&relay.start()?, &self.target).await?;
        let target = memory::while_the_target_stands_still(&relay.start()?, &self.target).await?;
        Ok(vec![client / 1e6, target / 1e6])
    }

    async fn rooms(&self, goals: &mut Goals) {
        let title = "room frames per second";
        if !self.wants(title) {
            return;
        }
        for clients in ROOMS {
            let table = rounds(&self.rooms, format!("{title}, {clients} clients"), clients, false).await;
            table.print();
            let value = ratio(table.median(OURS, 0), table.median(HUB, 0));
            goals.check(&format!("room of {clients}, x the hub"), value, AtLeast(1.3));
            if clients == 10 {
                let stalled =
                    rounds(&self.rooms, format!("{title}, {clients} clients and a stalled one"), clients, true).await;
                stalled.print();
                let kept = ratio(stalled.median(OURS, 0), table.median(OURS, 0));
                goals.check("share of the frames kept beside a stalled client", kept, AtLeast(0.9));
            }
        }
    }
}

async fn rounds(hubs: &[Contender], title: String, clients: usize, stalled: bool) -> Table {
    let run = async |hub: &Contender| {
        let rate = rooms::frames_per_second(&hub.start()?, clients, stalled).await?;
        Ok(vec![rate])
    };
    let mut table = Table::new(title, &["frames/s"]);
    for _ in 0..ROUNDS {
        for hub in hubs {
            table.add(hub.name, run(hub).await);
        }
    }
    table
}

/// The goals of one measurement.
fn speed_goals(kind: Kind, table: &Table, goals: &mut Goals) {
    let own = table.median(OURS, 0);
    let haproxy = table.median("haproxy", 0);
    let mut against = |what: &str, other: Option<f64>, bound| {
        goals.check(&format!("{}, x {what}", kind.title()), ratio(own, other), bound);
    };
    match kind {
        Kind::Down | Kind::UpLarge => {
            against("haproxy", haproxy, AtLeast(0.6));
            against("the best Wisp peer", table.best(WISP_PEERS), AtLeast(1.3));
        }
        Kind::UpSmall => against("the best peer", table.best(PEERS), AtLeast(2.0)),
        Kind::DownMany => {
            against("wisp-js", table.median("wisp-js", 0), AtLeast(1.5));
            goals.check("Jain index on 100 streams", table.median(OURS, 1), AtLeast(0.9));
        }
        Kind::PingMany => {
            against("wisp-js", table.median("wisp-js", 0), AtLeast(1.5));
            goals.check("Jain index of round trips on 100 streams", table.median(OURS, 3), AtLeast(0.9));
        }
        Kind::PingAlone | Kind::PingBeside => against("haproxy", haproxy, AtMost(1.5)),
        Kind::Opens => against("wisp-js", table.median("wisp-js", 0), AtLeast(1.3)),
        Kind::Datagrams => {}
    }
}
