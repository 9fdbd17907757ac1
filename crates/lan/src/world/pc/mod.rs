//! The person's computer: a terminal with the usual tools, and the network side of a browser.
//!
//! [`Pc::command`] takes a typed line as a terminal does: it starts programs, or is input for the one that runs in the
//! foreground. What comes out, echo and prompt included, is a transcript for [`Pc::take_output`] and stands in the causal
//! log. [`Pc::http_fetch`] is for a browser: it shares connections, follows redirects and reports as the bytes come.
//!
//! Every program is a state machine over the PC's [`Host`]; nothing waits. A program's frames are caused by the typed
//! line, or by the frame or the moment it reacted to.
//!
//! Reading order: [`desk`] (what programs share), [`shell`] (command lines), then a program, [`ping`] first.

mod arguments;
mod curl;
mod desk;
mod http;
mod names;
mod nc;
mod ping;
mod shell;
mod small;
mod tables;
mod traceroute;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};

use trace::{Duration, HostId, Instant, Kind, RecordId, Trace};

use self::curl::Curl;
use self::desk::{Desk, Desktop, Doing, JobId, News, Owner, Tool};
use self::http::{Client, ClientEvent, Order};
use self::names::{Names, Style};
use self::nc::Nc;
use self::ping::Ping;
use self::shell::{Command, Condition, Pipeline, Redirect};
use self::small::{Filter, FilterKind, Print, Sleep};
use self::traceroute::Traceroute;
use super::clock::Clock;
use super::config::{PcConfig, RouterConfig};
use super::http::message::Headers;
use super::http::url::{Url, UrlError};
use super::service::Log;
use crate::address::{Address, MacAddress};
use crate::fabric::Resident;
use crate::frame::Frame;
use crate::host::{Host, HostConfig, StackProfile};

pub use self::http::FetchId;

const PROMPT: &str = "pc:~$ ";
/// Most programs at a time.
const JOBS_MAX: usize = 64;
/// Most bytes of one file.
const FILE_LENGTH_MAX: usize = 4 * 1024 * 1024;
/// Longest line of input.
const LINE_LENGTH_MAX: usize = 64 * 1024;

/// A page to fetch, as a browser asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpFetch {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The address; `http://` may be left out.
    pub url: String,
    /// Fields besides `Host`, `Content-Length` and those that every browser sends.
    pub headers: Vec<(String, String)>,
    /// What is sent along.
    pub body: Vec<u8>,
}

/// How a fetch goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent {
    /// The answer begins; redirects have been followed.
    Response {
        /// Where it comes from after redirects.
        url: String,
        /// The status.
        status: u16,
        /// The words beside it.
        reason: String,
        /// The fields in order.
        headers: Vec<(String, String)>,
    },
    /// The next piece of it.
    Body(Vec<u8>),
    /// It is complete.
    Done,
    /// There is none, or no more of it.
    Failed(String),
}

/// The person's computer.
pub struct Pc {
    desk: Desk,
    clock: Clock,
    name: String,
    /// Whether it has yet to ask for an address.
    asks_for_address: bool,
    jobs: BTreeMap<JobId, Job>,
    next_job: u32,
    foreground: Option<Group>,
    background: Vec<Group>,
    /// What the shell has still to run of the current line.
    line: VecDeque<Pipeline>,
    /// Lines typed while a program that reads nothing is in the foreground.
    typed_ahead: VecDeque<String>,
    /// [`Pc::go_on`] is under way.
    goes_on: bool,
    last_status: u8,
    output: String,
    /// Output of this moment, for one record.
    unrecorded: Vec<u8>,
    /// Whether what has been recorded ended with a line.
    is_line_fresh: bool,
    fetches: BTreeMap<FetchId, String>,
    fetch_events: VecDeque<(FetchId, FetchEvent)>,
    next_failed_fetch: u32,
}

struct Job {
    tool: Option<Box<dyn Tool>>,
    output: Output,
}

/// Where a program's output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Output {
    Terminal,
    Pipe(JobId),
    File(String),
}

/// The programs of one pipeline.
#[derive(Clone, Debug, Default)]
struct Group {
    jobs: Vec<JobId>,
    /// The first one: it gets what is typed.
    reader: Option<JobId>,
    /// The last one: its status is that of the pipeline.
    last: Option<JobId>,
    number: u32,
    text: String,
}

impl Pc {
    /// The PC that `config` describes, on the router's LAN.
    pub(crate) fn new(
        id: HostId,
        mac: MacAddress,
        seed: u64,
        config: &PcConfig,
        router: &RouterConfig,
        clock: Clock,
        trace: &Trace,
    ) -> Pc {
        let host_config =
            HostConfig { id, name: config.name.clone(), macs: vec![mac], profile: StackProfile::Desktop, seed };
        let mut host = Host::new(host_config, trace.clone());
        host.set_link(Instant::ZERO, 0, true);
        if !config.dhcp {
            host.set_address(Instant::ZERO, 0, Some(Address::new(config.ip, router.prefix_length).via(router.ip)));
        }
        let log = Log { trace: trace.clone(), host: id };
        Pc {
            desk: Desk::new(host, log, vec![router.ip], router.domain.clone(), seed),
            clock,
            name: config.name.clone(),
            asks_for_address: config.dhcp,
            jobs: BTreeMap::new(),
            next_job: 1,
            foreground: None,
            background: Vec::new(),
            line: VecDeque::new(),
            typed_ahead: VecDeque::new(),
            goes_on: false,
            last_status: 0,
            output: PROMPT.to_owned(),
            unrecorded: Vec::new(),
            is_line_fresh: false,
            fetches: BTreeMap::new(),
            fetch_events: VecDeque::new(),
            next_failed_fetch: u32::MAX,
        }
    }

    /// The stack, for looking at its tables.
    pub fn host(&self) -> &Host {
        &self.desk.host
    }

    // ---- the terminal ----

    /// A line typed and sent off with Enter: a command, or input for the program in the foreground.
    pub fn command(&mut self, now: Instant, line: &str) {
        let line: String = line.chars().take(LINE_LENGTH_MAX).collect();
        let typed = self.desk.log.record(now, Kind::Input { text: format!("{}: {line}", self.name) });
        let _scope = self.desk.log.trace.clone().enter(Some(typed));
        self.show(format!("{line}\n").as_bytes());
        match self.foreground.as_ref().map(|group| group.reader) {
            Some(Some(reader)) => self.tell(now, reader, News::Input(format!("{line}\n").into_bytes())),
            Some(None) => self.typed_ahead.push_back(line),
            None => self.run_line(now, &line),
        }
        self.settle(now);
    }

    /// Text as a keyboard sends it: lines end with `\n`, `\x03` is Ctrl-C, `\x04` at the beginning of a line Ctrl-D.
    pub fn type_text(&mut self, now: Instant, text: &str) {
        for piece in text.split_inclusive(['\n', '\x03', '\x04']) {
            match piece {
                "\x04" => self.end_input(now),
                _ if piece.ends_with('\x03') => self.interrupt(now),
                _ => self.command(now, piece.trim_end_matches(['\n', '\r', '\x04'])),
            }
        }
    }

    /// Ctrl-C: ends the programs in the foreground.
    pub fn interrupt(&mut self, now: Instant) {
        let pressed = self.desk.log.record(now, Kind::Input { text: format!("{}: Ctrl-C", self.name) });
        let _scope = self.desk.log.trace.clone().enter(Some(pressed));
        self.show(b"^C");
        self.line.clear();
        self.typed_ahead.clear();
        match self.foreground.take() {
            Some(group) => {
                if group.jobs.is_empty() {
                    self.show(b"\n");
                }
                for (index, job) in group.jobs.iter().enumerate() {
                    if index == 0 {
                        self.show(b"\n");
                    }
                    self.with_tool(now, *job, |tool, desktop| tool.interrupt(desktop));
                    self.carry_out(now);
                    self.end(now, *job);
                }
                self.last_status = 130;
            }
            None => self.show(b"\n"),
        }
        self.prompt();
        self.settle(now);
    }

    /// Ctrl-D: the program in the foreground gets no more input.
    pub fn end_input(&mut self, now: Instant) {
        let pressed = self.desk.log.record(now, Kind::Input { text: format!("{}: Ctrl-D", self.name) });
        let _scope = self.desk.log.trace.clone().enter(Some(pressed));
        if let Some(reader) = self.foreground.as_mut().and_then(|group| group.reader.take()) {
            self.tell(now, reader, News::InputEnd);
        }
        self.settle(now);
    }

    /// Whether a program runs in the foreground.
    pub fn is_busy(&self) -> bool {
        self.foreground.is_some()
    }

    /// What the terminal has shown since the last call: typed lines, output and prompts.
    pub fn take_output(&mut self) -> String {
        std::mem::take(&mut self.output)
    }

    /// Whether [`Pc::take_output`] or [`Pc::take_fetch_event`] has something to give.
    pub fn has_news(&self) -> bool {
        !self.output.is_empty() || !self.fetch_events.is_empty()
    }

    /// The files that programs have written.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.desk.files
    }

    // ---- the browser ----

    /// Begins to fetch a page. What becomes of it comes from [`Pc::take_fetch_event`].
    pub fn http_fetch(&mut self, now: Instant, fetch: HttpFetch) -> FetchId {
        let asked = Kind::Input { text: format!("{}: browser: {} {}", self.name, fetch.method, fetch.url) };
        let asked = self.desk.log.record(now, asked);
        let _scope = self.desk.log.trace.clone().enter(Some(asked));
        let id = match browser_order(fetch) {
            Ok(order) => {
                let url = order.url.to_string();
                let id = http::start(&mut self.desktop(now, Owner::Http), Client::Browser, order);
                self.fetches.insert(id, url);
                id
            }
            Err(why) => {
                let id = FetchId(self.next_failed_fetch);
                self.next_failed_fetch -= 1;
                self.fetch_events.push_back((id, FetchEvent::Failed(why)));
                id
            }
        };
        self.settle(now);
        id
    }

    /// Gives a fetch up, as a browser does when the page is left. No event of it follows.
    pub fn http_abort(&mut self, now: Instant, id: FetchId) {
        http::abort(&mut self.desktop(now, Owner::Http), id);
        self.fetches.remove(&id);
        self.fetch_events.retain(|(other, _)| *other != id);
        self.settle(now);
    }

    /// The next thing that happened to a fetch.
    pub fn take_fetch_event(&mut self) -> Option<(FetchId, FetchEvent)> {
        self.fetch_events.pop_front()
    }

    fn browser_event(&mut self, id: FetchId, event: ClientEvent) {
        let event = match event {
            ClientEvent::Head(head) => {
                let url = self.fetches.get(&id).cloned().unwrap_or_default();
                FetchEvent::Response { url, status: head.status, reason: head.reason, headers: head.headers.0 }
            }
            ClientEvent::Body(body) => FetchEvent::Body(body),
            ClientEvent::Redirected(url) => {
                // The head that led here was an answer of its own; the browser shows only the last one.
                self.fetches.insert(id, url.to_string());
                self.fetch_events.retain(|(other, _)| *other != id);
                return;
            }
            ClientEvent::Done { .. } => FetchEvent::Done,
            ClientEvent::Failed(error) => FetchEvent::Failed(error.sentence()),
            ClientEvent::Resolved { .. }
            | ClientEvent::Trying { .. }
            | ClientEvent::Connected { .. }
            | ClientEvent::Sent(_) => return,
        };
        if matches!(event, FetchEvent::Done | FetchEvent::Failed(_)) {
            self.fetches.remove(&id);
        }
        self.fetch_events.push_back((id, event));
    }

    // ---- the shell ----

    fn run_line(&mut self, now: Instant, line: &str) {
        match shell::parse(line) {
            Ok(pipelines) => self.line = pipelines.into(),
            Err(message) => {
                self.last_status = 2;
                self.show(format!("{message}\n").as_bytes());
            }
        }
        self.go_on(now);
    }

    /// Runs what is left of the line, then lines typed ahead, until something stays in the foreground.
    fn go_on(&mut self, now: Instant) {
        // A program that ends at once calls here from within; the outer call sees to what follows.
        if std::mem::replace(&mut self.goes_on, true) {
            return;
        }
        self.run_rest(now);
        self.goes_on = false;
    }

    fn run_rest(&mut self, now: Instant) {
        while self.foreground.is_none() {
            if let Some(pipeline) = self.line.pop_front() {
                let runs = match pipeline.condition {
                    Condition::Always => true,
                    Condition::Success => self.last_status == 0,
                    Condition::Failure => self.last_status != 0,
                };
                if runs {
                    self.run_pipeline(now, pipeline);
                }
                continue;
            }
            self.prompt();
            let Some(line) = self.typed_ahead.pop_front() else { return };
            // It was shown when it was typed; here it stands again after its prompt, as terminals do it.
            self.show(format!("{line}\n").as_bytes());
            match shell::parse(&line) {
                Ok(pipelines) => self.line = pipelines.into(),
                Err(message) => self.show(format!("{message}\n").as_bytes()),
            }
        }
    }

    fn run_pipeline(&mut self, now: Instant, pipeline: Pipeline) {
        if self.jobs.len() + pipeline.commands.len() > JOBS_MAX {
            self.show(b"sh: too many programs\n");
            self.last_status = 1;
            return;
        }
        let text = pipeline.commands.iter().map(|command| command.words.join(" ")).collect::<Vec<_>>().join(" | ");
        let ids: Vec<JobId> = (0..pipeline.commands.len()).map(|_| self.new_id()).collect();
        let group =
            Group { jobs: ids.clone(), reader: ids.first().copied(), last: ids.last().copied(), number: 0, text };
        for (index, command) in pipeline.commands.iter().enumerate() {
            let output = match (&command.output, ids.get(index + 1)) {
                (Some(redirect), _) => Output::File(self.open_file(redirect)),
                (None, Some(next)) => Output::Pipe(*next),
                (None, None) => Output::Terminal,
            };
            let tool = self.tool(now, command);
            self.jobs.insert(ids[index], Job { tool: Some(tool), output });
        }
        if pipeline.background {
            let number = self.background.iter().map(|group| group.number).max().unwrap_or(0) + 1;
            self.show(format!("[{number}] {}\n", ids[0].0).as_bytes());
            self.background.push(Group { number, reader: None, ..group });
        } else {
            self.foreground = Some(group);
        }
        // Readers first, so that none misses what is written at once.
        for id in ids.iter().rev() {
            self.with_tool(now, *id, |tool, desktop| tool.start(desktop));
        }
        if let Some(file) = pipeline.commands.first().and_then(|command| command.input.as_ref()) {
            let content = self.desk.files.get(file).cloned();
            if content.is_none() {
                self.show(format!("sh: {file}: No such file or directory\n").as_bytes());
            }
            self.take_reader(ids[0]);
            self.tell(now, ids[0], News::Input(content.unwrap_or_default()));
            self.tell(now, ids[0], News::InputEnd);
        } else if pipeline.background {
            self.tell(now, ids[0], News::InputEnd);
        }
        self.carry_out(now);
    }

    fn take_reader(&mut self, id: JobId) {
        if let Some(group) = self.foreground.as_mut().filter(|group| group.reader == Some(id)) {
            group.reader = None;
        }
    }

    /// Numbers are echo identifiers too, so they stay in 16 bits.
    fn new_id(&mut self) -> JobId {
        let mut id = JobId(self.next_job);
        while self.jobs.contains_key(&id) {
            id = JobId(id.0 % 0xffff + 1);
        }
        self.next_job = id.0 % 0xffff + 1;
        id
    }

    fn open_file(&mut self, redirect: &Redirect) -> String {
        if !redirect.append {
            self.desk.files.insert(redirect.file.clone(), Vec::new());
        }
        redirect.file.clone()
    }

    fn tool(&self, now: Instant, command: &Command) -> Box<dyn Tool> {
        let Some((name, words)) = command.words.split_first() else { return Box::new(Print::text("")) };
        let made: Result<Box<dyn Tool>, String> = match name.as_str() {
            "ping" => Ping::new(words).map(boxed),
            "nslookup" => Names::new(Style::Nslookup, words).map(boxed),
            "dig" => Names::new(Style::Dig, words).map(boxed),
            "host" => Names::new(Style::Host, words).map(boxed),
            "curl" => Curl::new(words, |file| self.desk.files.get(file).cloned()).map(boxed),
            "nc" | "netcat" | "ncat" => Nc::new(words).map(boxed),
            "telnet" => Nc::telnet(words).map(boxed),
            "traceroute" | "tracert" => Traceroute::new(words).map(boxed),
            "echo" => Ok(boxed(small::echo(words))),
            "printf" => Ok(boxed(small::printf(words))),
            "sleep" => sleep(words).map(boxed),
            "cat" | "head" | "wc" | "hexdump" | "xxd" => self.filter(name, words),
            "ls" => Ok(boxed(Print::text(self.desk.files.keys().map(|name| format!("{name}\n")).collect::<String>()))),
            "date" => Ok(boxed(Print::text(self.date(now)))),
            "hostname" => Ok(boxed(Print::text(format!("{}\n", self.name)))),
            "whoami" => Ok(boxed(Print::text("person\n"))),
            "jobs" => Ok(boxed(Print::text(self.job_list()))),
            "true" | "clear" | ":" => Ok(boxed(Print::text(""))),
            "false" => Ok(boxed(Print::failure(1, ""))),
            "help" | "?" => Ok(boxed(Print::text(HELP))),
            "exit" | "logout" => Ok(boxed(Print::text("There is nowhere else to go.\n"))),
            _ => match tables::run(&command.words, &self.desk.host) {
                Some(text) => Ok(boxed(Print::text(text))),
                None => Ok(boxed(Print::failure(127, format!("sh: {name}: command not found (try help)\n")))),
            },
        };
        made.unwrap_or_else(|complaint| boxed(Print::failure(2, complaint)))
    }

    fn filter(&self, name: &str, words: &[String]) -> Result<Box<dyn Tool>, String> {
        let mut files = words.iter().filter(|word| !word.starts_with('-'));
        let count = words.iter().find_map(|word| word.trim_start_matches(['-', 'n']).parse().ok());
        let kind = match name {
            "head" => FilterKind::Head(count.unwrap_or(10)),
            "wc" => FilterKind::Count,
            "cat" => FilterKind::Copy,
            _ => FilterKind::Dump,
        };
        let skipped = usize::from(name == "head" && words.first().is_some_and(|word| word == "-n"));
        let Some(file) = files.nth(skipped) else { return Ok(boxed(Filter { kind, input: Vec::new() })) };
        let content = self.desk.files.get(file);
        let content = content.ok_or_else(|| format!("{name}: {file}: No such file or directory\n"))?;
        Ok(boxed(Fed { filter: Filter { kind, input: Vec::new() }, content: content.clone() }))
    }

    fn date(&self, now: Instant) -> String {
        let at = self.clock.civil(now);
        let (weekday, month) = (at.weekday_name(), at.month_name());
        format!("{weekday} {month} {:2} {:02}:{:02}:{:02} UTC {}\n", at.day, at.hour, at.minute, at.second, at.year)
    }

    fn job_list(&self) -> String {
        self.background.iter().map(|group| format!("[{}]  Running  {}\n", group.number, group.text)).collect()
    }

    // ---- driving programs ----

    fn desktop(&mut self, now: Instant, owner: Owner) -> Desktop<'_> {
        Desktop { desk: &mut self.desk, owner, now }
    }

    fn with_tool(&mut self, now: Instant, id: JobId, call: impl FnOnce(&mut dyn Tool, &mut Desktop<'_>)) {
        let Some(mut tool) = self.jobs.get_mut(&id).and_then(|job| job.tool.take()) else { return };
        call(tool.as_mut(), &mut self.desktop(now, Owner::Job(id)));
        if let Some(job) = self.jobs.get_mut(&id) {
            job.tool = Some(tool);
        }
    }

    fn tell(&mut self, now: Instant, id: JobId, news: News) {
        self.with_tool(now, id, |tool, desktop| tool.news(desktop, news));
    }

    fn deliver(&mut self, now: Instant, owner: Owner, news: News) {
        match owner {
            Owner::Job(id) => self.tell(now, id, news),
            Owner::Http => http::news(&mut self.desktop(now, Owner::Http), news),
        }
        self.carry_out(now);
    }

    /// Does what programs have said they do, and what follows from it.
    fn carry_out(&mut self, now: Instant) {
        loop {
            if !self.desk.doings.is_empty() {
                let (id, doing) = self.desk.doings.remove(0);
                match doing {
                    Doing::Print(bytes) => self.printed(now, id, bytes),
                    Doing::Complain(text) => self.show(text.as_bytes()),
                    Doing::Finish(status) => self.finished(now, id, status),
                }
                continue;
            }
            match self.desk.http.take_event() {
                Some((Client::Browser, id, event)) => self.browser_event(id, event),
                Some((Client::Job(job), id, event)) => self.tell(now, job, News::Fetch(id, event)),
                None => return,
            }
        }
    }

    fn printed(&mut self, now: Instant, id: JobId, bytes: Vec<u8>) {
        let Some(job) = self.jobs.get(&id) else { return };
        match job.output.clone() {
            Output::Terminal => self.show(&bytes),
            Output::Pipe(next) => self.tell(now, next, News::Input(bytes)),
            Output::File(file) => {
                let content = self.desk.files.entry(file).or_default();
                let room = FILE_LENGTH_MAX.saturating_sub(content.len());
                content.extend(bytes.into_iter().take(room));
            }
        }
    }

    fn finished(&mut self, now: Instant, id: JobId, status: u8) {
        let Some(job) = self.end(now, id) else { return };
        if let Output::Pipe(next) = job.output {
            self.tell(now, next, News::InputEnd);
        }
        if let Some(group) = &mut self.foreground {
            if group.last == Some(id) {
                self.last_status = status;
            }
            if group.reader == Some(id) {
                group.reader = None;
            }
            group.jobs.retain(|other| *other != id);
            if group.jobs.is_empty() {
                self.foreground = None;
                self.go_on(now);
            }
        }
        for group in &mut self.background {
            group.jobs.retain(|other| *other != id);
        }
        let over: Vec<Group> = self.background.extract_if(.., |group| group.jobs.is_empty()).collect();
        for group in over {
            self.show(format!("[{}]+  Done  {}\n", group.number, group.text).as_bytes());
        }
    }

    /// Removes a program and all that it has open.
    fn end(&mut self, now: Instant, id: JobId) -> Option<Job> {
        let job = self.jobs.remove(&id)?;
        http::forget(&mut self.desktop(now, Owner::Http), Client::Job(id));
        self.desk.clean_up(now, Owner::Job(id));
        self.desk.doings.retain(|(other, _)| *other != id);
        Some(job)
    }

    /// Shows the prompt, on a line of its own.
    fn prompt(&mut self) {
        let is_fresh = match self.unrecorded.last() {
            Some(last) => *last == b'\n',
            None => self.is_line_fresh,
        };
        self.show(if is_fresh { PROMPT.as_bytes() } else { b"\n" });
        if !is_fresh {
            self.show(PROMPT.as_bytes());
        }
    }

    /// Appends to the terminal.
    fn show(&mut self, bytes: &[u8]) {
        self.unrecorded.extend_from_slice(bytes);
    }

    fn record_output(&mut self, now: Instant) {
        if self.unrecorded.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.unrecorded)).into_owned();
        self.is_line_fresh = text.ends_with('\n');
        self.desk.log.record(now, Kind::Console { text: text.clone() });
        self.output.push_str(&text);
    }

    /// Handles everything that has happened at this moment.
    fn settle(&mut self, now: Instant) {
        self.carry_out(now);
        self.record_output(now);
        loop {
            if let Some((owner, news)) = self.desk.resolver_news(now) {
                self.deliver(now, owner, news);
                self.record_output(now);
                continue;
            }
            let Some((event, cause)) = self.desk.host.take_event() else { return };
            let _scope = self.desk.log.trace.clone().enter(cause);
            if let Some((owner, news)) = self.desk.sort(now, event) {
                self.deliver(now, owner, news);
            }
            // Lookups that the event ended belong to its cause.
            while let Some((owner, news)) = self.desk.resolver_news(now) {
                self.deliver(now, owner, news);
            }
            self.desk.host.event_done(now);
            self.record_output(now);
        }
    }

    fn run_timers(&mut self, now: Instant) {
        while let Some((owner, token, cause)) = self.desk.due_timer(now) {
            self.run_timer(now, owner, token, cause);
        }
    }

    fn run_timer(&mut self, now: Instant, owner: Owner, token: u64, cause: Option<RecordId>) {
        let _scope = self.desk.log.trace.clone().enter(cause);
        self.deliver(now, owner, News::Timer(token));
        self.settle(now);
    }
}

impl Resident for Pc {
    fn id(&self) -> HostId {
        self.desk.host.id()
    }

    fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        self.desk.host.receive(now, interface, frame);
        self.settle(now);
    }

    fn poll(&mut self, now: Instant) {
        if std::mem::take(&mut self.asks_for_address) {
            self.desk.host.start_dhcp(now, 0);
        }
        self.desk.poll(now);
        self.settle(now);
        self.run_timers(now);
    }

    fn next_deadline(&self) -> Option<Instant> {
        if self.asks_for_address { Some(Instant::ZERO) } else { self.desk.next_deadline() }
    }

    fn take_frame(&mut self) -> Option<(u8, Frame)> {
        self.desk.host.take_frame()
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A filter over a file.
struct Fed {
    filter: Filter,
    content: Vec<u8>,
}

impl Tool for Fed {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        let content = std::mem::take(&mut self.content);
        self.filter.news(desktop, News::Input(content));
        self.filter.news(desktop, News::InputEnd);
    }

    fn news(&mut self, _desktop: &mut Desktop<'_>, _news: News) {}
}

fn boxed(tool: impl Tool + 'static) -> Box<dyn Tool> {
    Box::new(tool)
}

fn sleep(words: &[String]) -> Result<Sleep, String> {
    let seconds = words.first().and_then(|word| word.trim_end_matches('s').parse::<f64>().ok());
    let seconds = seconds.filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds
        .map(|seconds| Sleep(Duration::from_micros((seconds * 1e6) as u64)))
        .ok_or_else(|| "usage: sleep seconds\n".into())
}

/// The request that a browser sends.
fn browser_order(fetch: HttpFetch) -> Result<Order, String> {
    let url = Url::parse(&fetch.url).map_err(|error| match error {
        UrlError::Scheme(scheme) => format!("{scheme} is not spoken here; only http is"),
        UrlError::Malformed => format!("{} is not an address", fetch.url),
    })?;
    let token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    let method = if token(&fetch.method) { fetch.method.to_ascii_uppercase() } else { "GET".into() };
    let mut headers = Headers::default();
    headers.add("Host", url.authority());
    headers.add("Connection", "keep-alive");
    let defaults = [
        ("User-Agent", "Mozilla/5.0 (playground)"),
        ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("Accept-Language", "en"),
    ];
    for (name, value) in defaults {
        if !fetch.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
            headers.add(name, value);
        }
    }
    let reserved = ["host", "connection", "content-length", "transfer-encoding"];
    for (name, value) in &fetch.headers {
        let is_legal = token(name) && !value.chars().any(char::is_control);
        if is_legal && !reserved.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            headers.add(name, value);
        }
    }
    if !fetch.body.is_empty() || matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        headers.add("Content-Length", fetch.body.len().to_string());
    }
    Ok(Order { method, url, headers, body: fetch.body, is_http_11: true, follows: true })
}

const HELP: &str = "\
ping [-c count] host            send echo requests
traceroute [-I] host            show the routers on the way
nslookup name [server]          ask a name server (also dig, host)
curl [-v -i -L -d data] url     fetch over HTTP (curl --help)
nc host port                    talk over TCP; -u UDP, -l wait for a caller, -z scan
telnet host port                the same, line by line
arp, ip addr, ifconfig, route   addresses and neighbours
netstat                         sockets
echo, printf, cat, head, wc, hexdump, sleep, date, ls, jobs
Pipes, > file, &, ; and && work. Ctrl-C ends a program, Ctrl-D its input.
";
