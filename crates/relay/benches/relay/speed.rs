//! Throughput, fairness, round trips and opens.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::servers::{Access, Server};
use crate::target::{ECHO, PACED, SINK, SOURCE, Target};
use crate::wire::{Event, Framing, Link, Wisp, data_frame};

/// Before the clock starts: windows open, allocators warm.
const WARM_UP: Duration = Duration::from_millis(150);
const WINDOW: Duration = Duration::from_millis(450);
/// A run that takes longer has failed.
const RUN_MAX: Duration = Duration::from_secs(15);
/// The same for a hundred streams, each of which has to have its turns in it.
const WINDOW_MANY: Duration = Duration::from_millis(900);
const BULK_STREAMS: usize = 100;
/// Opens under way at once.
const OPENING: usize = 16;
const BALL: [u8; 64] = [b'.'; 64];

/// What is measured; each run gives the figures that [`Kind::columns`] names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Down,
    UpLarge,
    UpSmall,
    DownMany,
    PingAlone,
    PingBeside,
    PingMany,
    Opens,
    Datagrams,
}

impl Kind {
    pub(crate) const ALL: [Kind; 9] = [
        Kind::Down,
        Kind::UpLarge,
        Kind::UpSmall,
        Kind::DownMany,
        Kind::PingAlone,
        Kind::PingBeside,
        Kind::PingMany,
        Kind::Opens,
        Kind::Datagrams,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Kind::Down => "bulk down, one stream",
            Kind::UpLarge => "bulk up in 16 KiB messages, one stream",
            Kind::UpSmall => "bulk up in 1,460-byte messages, one stream",
            Kind::DownMany => "bulk down on 100 streams",
            Kind::PingAlone => "64-byte ping-pong, alone",
            Kind::PingBeside => "64-byte ping-pong beside a download of 64 MB/s",
            Kind::PingMany => "64-byte ping-pong on 100 streams",
            Kind::Opens => "streams opened, used once and closed",
            Kind::Datagrams => "64-byte UDP round trips",
        }
    }

    /// Fewer of those rounds that take long: websockify starts a process of Python for each of a hundred streams.
    pub(crate) fn rounds(self, usual: usize) -> usize {
        if matches!(self, Kind::DownMany | Kind::PingMany) { usual.min(3) } else { usual }
    }

    /// Units, the leading figure first.
    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Kind::Down | Kind::UpLarge | Kind::UpSmall => &["MB/s", "CPU ms/GB"],
            Kind::DownMany => &["MB/s", "Jain index", "CPU ms/GB"],
            Kind::PingAlone | Kind::PingBeside => &["µs p50", "µs p99"],
            Kind::PingMany => &["round trips/s", "µs p50", "µs p99", "Jain index"],
            Kind::Opens => &["opens/s"],
            Kind::Datagrams => &["round trips/s", "µs p50"],
        }
    }

    /// One run.
    ///
    /// # Errors
    /// If the server fails, does not come to an end, or cannot do this at all ([`io::ErrorKind::Unsupported`]).
    pub(crate) async fn run(self, server: &Server, target: &Target) -> io::Result<Vec<f64>> {
        timeout(RUN_MAX, self.measure(server, target)).await.unwrap_or_else(|_| Err(io::Error::other("stuck")))
    }

    async fn measure(self, server: &Server, target: &Target) -> io::Result<Vec<f64>> {
        match self {
            Kind::Down => {
                let flow = down(server, target, 1).await?;
                Ok(vec![flow.rate(), flow.cost()])
            }
            Kind::DownMany => {
                let flow = down(server, target, BULK_STREAMS).await?;
                Ok(vec![flow.rate(), jain(&flow.shares), flow.cost()])
            }
            Kind::UpLarge => up(server, target, 16 * 1024).await,
            Kind::UpSmall => up(server, target, 1460).await,
            Kind::PingAlone => Ok(percentiles(&ping(server, target, 1, false).await?)),
            Kind::PingBeside => Ok(percentiles(&ping(server, target, 1, true).await?)),
            Kind::PingMany => {
                let trips = ping(server, target, BULK_STREAMS, false).await?;
                let shares: Vec<f64> = trips.iter().map(|stream| stream.len() as f64).collect();
                let rate = shares.iter().sum::<f64>() / WINDOW.as_secs_f64();
                let [median, high] = percentiles(&trips)[..] else { return Err(io::Error::other("no round trip")) };
                Ok(vec![rate, median, high, jain(&shares)])
            }
            Kind::Opens => Ok(vec![opens(server, target).await?]),
            Kind::Datagrams => {
                let trips = datagrams(server, target).await?;
                Ok(vec![trips.len() as f64 / WINDOW.as_secs_f64(), percentiles(&[trips])[0]])
            }
        }
    }
}

/// Jain's index of fairness: 1 when all have the same, 1/n when one has all.
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if squares == 0.0 { 0.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

/// Median and 99th percentile in microseconds.
fn percentiles(trips: &[Vec<Duration>]) -> Vec<f64> {
    let mut all: Vec<f64> = trips.iter().flatten().map(|trip| trip.as_secs_f64() * 1e6).collect();
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get((all.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    vec![at(0.5), at(0.99)]
}

/// What flowed through a server in a while.
struct Flow {
    /// Bytes of each stream.
    shares: Vec<f64>,
    wall_time: Duration,
    processor_time: Duration,
}

impl Flow {
    fn bytes(&self) -> f64 {
        self.shares.iter().sum()
    }

    /// MB/s.
    fn rate(&self) -> f64 {
        self.bytes() / 1e6 / self.wall_time.as_secs_f64()
    }

    /// Milliseconds of the server's processor time for a gigabyte.
    fn cost(&self) -> f64 {
        self.processor_time.as_secs_f64() * 1e3 / (self.bytes() / 1e9)
    }
}

fn framing(server: &Server) -> Framing {
    if server.access == Access::Bare { Framing::Bare } else { Framing::WebSocket }
}

fn closed() -> io::Error {
    io::Error::other("the server closed a stream")
}

/// A connection of its own for one stream, its purpose said.
async fn separate(address: SocketAddr, framing: Framing, purpose: u8) -> io::Result<Link> {
    let mut link = Link::open(address, framing, "/").await?;
    link.send(&[purpose]).await?;
    Ok(link)
}

/// Downloads on all streams at once. The clock starts when every one has begun.
async fn down(server: &Server, target: &Target, streams: usize) -> io::Result<Flow> {
    let window = if streams == 1 { WINDOW } else { WINDOW_MANY };
    if server.access == Access::Wisp {
        down_wisp(server, target, streams, window).await
    } else {
        down_separate(server, streams, window).await
    }
}

async fn down_wisp(server: &Server, target: &Target, streams: usize, window: Duration) -> io::Result<Flow> {
    let mut wisp = Wisp::open(server.address).await?;
    for stream in 1..=streams as u32 {
        wisp.connect(stream, target.tcp, false);
        wisp.data(stream, &[SOURCE]);
    }
    let mut counts = vec![0; streams];
    let mut silent = streams;
    let mut begin = Instant::now();
    let mut before = None;
    loop {
        match wisp.next().await? {
            Event::Data { stream, bytes } => {
                let count = &mut counts[stream as usize - 1];
                if *count == 0 {
                    silent -= 1;
                    begin = Instant::now();
                }
                *count += bytes;
            }
            Event::Closed => return Err(closed()),
            Event::Credit { .. } => {}
        }
        if silent == 0 && begin.elapsed() > WARM_UP {
            let (since, used, before) =
                before.get_or_insert_with(|| (Instant::now(), server.processor_time(), counts.clone()));
            if since.elapsed() > window {
                let shares = counts.iter().zip(before).map(|(count, before)| (*count - *before) as f64).collect();
                let (wall_time, processor_time) = (since.elapsed(), server.processor_time() - *used);
                wisp.end(streams as u32).await?;
                return Ok(Flow { shares, wall_time, processor_time });
            }
        }
    }
}

async fn down_separate(server: &Server, streams: usize, window: Duration) -> io::Result<Flow> {
    let counts: Rc<[Cell<usize>]> = std::iter::repeat_with(Cell::default).take(streams).collect();
    let mut tasks: JoinSet<io::Result<()>> = JoinSet::new();
    for index in 0..streams {
        let mut link = separate(server.address, framing(server), SOURCE).await?;
        let counts = Rc::clone(&counts);
        tasks.spawn_local(async move {
            loop {
                let more = link.next().await?.length;
                counts[index].set(counts[index].get() + more);
                tokio::task::yield_now().await;
            }
        });
    }
    while counts.iter().any(|count| count.get() == 0) {
        sleep(Duration::from_millis(5)).await;
    }
    sleep(WARM_UP).await;
    let before: Vec<usize> = counts.iter().map(Cell::get).collect();
    let (since, used) = (Instant::now(), server.processor_time());
    sleep(window).await;
    let shares = counts.iter().zip(before).map(|(count, before)| (count.get() - before) as f64).collect();
    Ok(Flow { shares, wall_time: since.elapsed(), processor_time: server.processor_time() - used })
}

/// MB/s that reach the target in messages of `size` bytes, and what they cost.
async fn up(server: &Server, target: &Target, size: usize) -> io::Result<Vec<f64>> {
    let measured = async {
        sleep(WARM_UP).await;
        let (before, since, used) = (target.received(), Instant::now(), server.processor_time());
        sleep(WINDOW).await;
        let shares = vec![(target.received() - before) as f64];
        Ok(Flow { shares, wall_time: since.elapsed(), processor_time: server.processor_time() - used })
    };
    let until = Instant::now() + WARM_UP + WINDOW + Duration::from_millis(20);
    let sending = async {
        if server.access == Access::Wisp {
            let mut wisp = Wisp::open(server.address).await?;
            wisp.connect(1, target.tcp, false);
            wisp.data(1, &[SINK]);
            wisp.flush().await?;
            upload(&mut wisp, size, until).await?;
            return wisp.end(1).await;
        }
        let mut link = separate(server.address, framing(server), SINK).await?;
        let batch = repeated(&link.packed(&vec![0; size]));
        while Instant::now() < until {
            link.socket.write_all(&batch).await?;
        }
        Ok(())
    };
    tokio::try_join!(measured, sending).map(|(flow, ())| vec![flow.rate(), flow.cost()])
}

/// A frame over and over, so that a write carries many.
fn repeated(frame: &[u8]) -> Vec<u8> {
    frame.repeat((64 * 1024 / frame.len()).max(1))
}

/// Uploads on stream 1 until then, never beyond the credit, and ends with a whole frame.
pub(crate) async fn upload(wisp: &mut Wisp, size: usize, until: Instant) -> io::Result<()> {
    let frame = data_frame(1, &vec![0; size]);
    let batch = repeated(&frame);
    let rest = |at: usize| (frame.len() - at % frame.len()) % frame.len();
    let mut owed = (wisp.credit as usize - 1) * frame.len();
    let mut at = 0;
    loop {
        if Instant::now() > until {
            owed = rest(at);
            if owed == 0 {
                return Ok(());
            }
        }
        let interest = if owed > 0 { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let Ok(ready) = timeout(Duration::from_millis(100), wisp.link.socket.ready(interest)).await else { continue };
        let ready = ready?;
        if ready.is_writable() && owed > 0 {
            match wisp.link.socket.try_write(&batch[at..batch.len().min(at + owed)]) {
                Ok(written) => {
                    owed -= written;
                    at = (at + written) % batch.len();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if ready.is_readable() {
            while let Some(event) = wisp.try_next()? {
                match event {
                    // The credit counts packets that have not been begun.
                    Event::Credit { stream: 1, packets } => owed = packets as usize * frame.len() + rest(at),
                    Event::Closed => return Err(closed()),
                    _ => {}
                }
            }
        }
    }
}

/// Round trips of each of `streams`, one under way on each at any time.
async fn ping(server: &Server, target: &Target, streams: usize, beside: bool) -> io::Result<Vec<Vec<Duration>>> {
    if server.access == Access::Wisp {
        return ping_wisp(server, target, streams, beside).await;
    }
    let download = async {
        if !beside {
            return std::future::pending().await;
        }
        let mut link = separate(server.address, framing(server), PACED).await?;
        loop {
            link.next().await?;
        }
    };
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        tasks.spawn(ping_separate(server.address, framing(server)));
    }
    tokio::select! {
        trips = tasks.join_all() => trips.into_iter().collect(),
        error = download => error,
    }
}

async fn ping_separate(address: SocketAddr, framing: Framing) -> io::Result<Vec<Duration>> {
    let mut link = separate(address, framing, ECHO).await?;
    let ball = link.packed(&BALL);
    let mut trips = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP + WINDOW {
        let thrown = Instant::now();
        link.socket.write_all(&ball).await?;
        let mut back = 0;
        while back < BALL.len() {
            back += link.next().await?.length;
        }
        if begin.elapsed() > WARM_UP {
            trips.push(thrown.elapsed());
        }
    }
    link.reset();
    Ok(trips)
}

async fn ping_wisp(server: &Server, target: &Target, streams: usize, beside: bool) -> io::Result<Vec<Vec<Duration>>> {
    let mut wisp = Wisp::open(server.address).await?;
    for stream in 1..=streams as u32 {
        wisp.connect(stream, target.tcp, false);
        wisp.data(stream, &[ECHO]);
        wisp.data(stream, &BALL);
    }
    let download = streams as u32 + 1;
    if beside {
        wisp.connect(download, target.tcp, false);
        wisp.data(download, &[PACED]);
    }
    let begin = Instant::now();
    let mut thrown = vec![begin; streams];
    let mut back = vec![0; streams];
    let mut trips = vec![Vec::new(); streams];
    while begin.elapsed() < WARM_UP + WINDOW {
        match wisp.next().await? {
            Event::Data { stream, bytes } if stream < download => {
                let index = stream as usize - 1;
                back[index] += bytes;
                if back[index] < BALL.len() {
                    continue;
                }
                if begin.elapsed() > WARM_UP {
                    trips[index].push(thrown[index].elapsed());
                }
                back[index] = 0;
                wisp.data(stream, &BALL);
                thrown[index] = Instant::now();
            }
            Event::Closed => return Err(closed()),
            _ => {}
        }
    }
    wisp.end(download).await?;
    Ok(trips)
}

/// Streams opened in a second, each used for one round trip.
async fn opens(server: &Server, target: &Target) -> io::Result<f64> {
    let count = if server.access == Access::Wisp {
        opens_wisp(server, target).await?
    } else {
        let mut tasks = JoinSet::new();
        for _ in 0..OPENING {
            tasks.spawn(opens_separate(server.address, framing(server)));
        }
        tasks.join_all().await.into_iter().sum::<io::Result<u32>>()?
    };
    Ok(f64::from(count) / WINDOW.as_secs_f64())
}

async fn opens_separate(address: SocketAddr, framing: Framing) -> io::Result<u32> {
    let message = [&[ECHO], BALL.as_slice()].concat();
    let mut count = 0;
    let begin = Instant::now();
    while begin.elapsed() < WINDOW {
        let mut link = Link::open_small(address, framing, "/").await?;
        link.send(&message).await?;
        let mut back = 0;
        while back < BALL.len() {
            back += link.next().await?.length;
        }
        link.reset();
        count += 1;
    }
    Ok(count)
}

async fn opens_wisp(server: &Server, target: &Target) -> io::Result<u32> {
    let message = [&[ECHO], BALL.as_slice()].concat();
    let mut wisp = Wisp::open(server.address).await?;
    let open = |wisp: &mut Wisp, stream: u32| {
        wisp.connect(stream, target.tcp, false);
        wisp.data(stream, &message);
    };
    for stream in 1..=OPENING as u32 {
        open(&mut wisp, stream);
    }
    let (mut last, mut count) = (OPENING as u32, 0);
    let begin = Instant::now();
    while begin.elapsed() < WINDOW {
        // An echo of 64 bytes comes in one piece.
        if let Event::Data { stream, .. } = wisp.next().await? {
            wisp.close(stream);
            count += 1;
            last += 1;
            open(&mut wisp, last);
        }
    }
    Ok(count)
}

/// Round trips of one UDP stream, one at a time.
async fn datagrams(server: &Server, target: &Target) -> io::Result<Vec<Duration>> {
    let mut trips = Vec::new();
    let begin = Instant::now();
    match server.access {
        Access::Wisp => {
            let mut wisp = Wisp::open(server.address).await?;
            wisp.connect(1, target.udp, true);
            while begin.elapsed() < WARM_UP + WINDOW {
                let thrown = Instant::now();
                wisp.data(1, &BALL);
                loop {
                    match timeout(Duration::from_millis(200), wisp.next()).await {
                        Ok(Ok(Event::Data { .. })) => break,
                        Ok(Ok(Event::Closed)) => return Err(closed()),
                        Ok(Err(error)) => return Err(error),
                        Ok(Ok(Event::Credit { .. })) => {}
                        // Lost: UDP may.
                        Err(_) => wisp.data(1, &BALL),
                    }
                }
                if begin.elapsed() > WARM_UP {
                    trips.push(thrown.elapsed());
                }
            }
            wisp.end(1).await?;
        }
        Access::Bare if !server.is_process() => {
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            socket.connect(target.udp).await?;
            let mut buffer = [0; 128];
            while begin.elapsed() < WARM_UP + WINDOW {
                let thrown = Instant::now();
                socket.send(&BALL).await?;
                socket.recv(&mut buffer).await?;
                if begin.elapsed() > WARM_UP {
                    trips.push(thrown.elapsed());
                }
            }
        }
        Access::Bare | Access::WebSocket => return Err(io::ErrorKind::Unsupported.into()),
    }
    Ok(trips)
}
