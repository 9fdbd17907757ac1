//! The page and the relay from one port: for one person, or for a workshop.

use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use relay::{PairingCode, Profile, Settings};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::interrupt::told_to_stop;
use crate::keeper::Keeper;
use crate::message::say;
use crate::site::Site;

#[derive(Args)]
pub(crate) struct ServeArguments {
    /// Port to listen on
    #[arg(long, default_value_t = 8266)]
    port: u16,
    /// Let others on this network join: listen on all addresses, reach the internet but no private network
    #[arg(long)]
    workshop: bool,
    /// Let clients in without a pairing code
    #[arg(long)]
    no_pairing: bool,
    /// Also let pages of this origin connect, as in https://docs.example.org
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Serve the page from this folder instead of the built-in one
    #[arg(long, value_name = "FOLDER")]
    site: Option<PathBuf>,
    /// Also answer to this host name, as in laptop.local; without it only to numeric addresses and localhost
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// What to log: error, warn, info, debug, or a filter as in relay=debug
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
}

/// Serves until it is told to stop, then lets open connections end.
///
/// # Errors
/// If the port cannot be had, or there is no site where one should be.
pub(crate) fn run(arguments: &ServeArguments) -> Result<ExitCode> {
    let filter = EnvFilter::try_new(&arguments.log).map_err(|error| anyhow!("--log {}: {error}", arguments.log))?;
    let is_read_by_a_person = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(is_read_by_a_person).init();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(arguments: &ServeArguments) -> Result<()> {
    let address = if arguments.workshop { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let site = arguments.site.clone().map_or(Site::Embedded, Site::Folder);
    if let (Site::Folder(folder), false) = (&site, site.has_page()) {
        bail!("--site {}: there is no index.html in it; `cargo xtask build` writes a site", folder.display());
    }
    let asked = SocketAddr::from((address, arguments.port));
    let listener = TcpListener::bind(asked).await.map_err(|error| cannot_listen(asked, &error))?;
    let mut settings = settings(arguments)?;
    let port = listener.local_addr()?.port();
    settings.address = lan_address().filter(|_| arguments.workshop).map(|ip| format!("http://{ip}:{port}/"));
    announce(&site, &settings, port);
    relay::run(listener, settings, site, told_to_stop()).await;
    Ok(())
}

fn cannot_listen(asked: SocketAddr, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "; another program has it: --port takes another number, 0 any that is free",
        io::ErrorKind::PermissionDenied => "; low numbers are for the system's own services: --port takes another",
        _ => "",
    };
    anyhow!("cannot listen on {asked}: {error}{remedy}")
}

fn settings(arguments: &ServeArguments) -> Result<Settings> {
    let mut settings = Settings::new(if arguments.workshop { Profile::Workshop } else { Profile::Local });
    settings.origins.clone_from(&arguments.origin);
    settings.hosts.clone_from(&arguments.host);
    settings.keeper = Some(Arc::new(Keeper));
    if !arguments.no_pairing {
        settings.pairing = Some(random_code()?);
    }
    if arguments.workshop {
        settings.teacher = Some(random_code()?);
    }
    Ok(settings)
}

fn random_code() -> Result<PairingCode> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness for a code: {error}"))?;
    Ok(PairingCode::from_random(bytes))
}

/// The room that a workshop's links lead to.
const WORKSHOP_ROOM: &str = "workshop";

/// Says where the page is. Who reads it may have left after the first line; that does not end the relay.
fn announce(site: &Site, settings: &Settings, port: u16) {
    if !site.has_page() {
        say(format_args!(
            "this command was built without the page: it is a relay alone. `cargo xtask build` writes a page, --site dist serves it"
        ));
    }
    let _ = io::stdout().write_all(addresses(settings, port).as_bytes());
}

/// The links to the page. Codes stand in the fragment, which no browser sends to a server.
fn addresses(settings: &Settings, port: u16) -> String {
    let pairing = settings.pairing.as_ref().map(|code| format!("pair={}", code.as_str()));
    let own = format!("http://127.0.0.1:{port}/");
    let Some(teacher) = &settings.teacher else {
        return format!("{own}{}\nCtrl-C ends it.\n", pairing.map(|pairing| format!("#{pairing}")).unwrap_or_default());
    };
    let room = [pairing, Some(format!("room={WORKSHOP_ROOM}"))].into_iter().flatten().collect::<Vec<_>>().join("&");
    let others = format!("{}#{room}", settings.address.as_ref().unwrap_or(&own));
    let code = QrCode::new(&others)
        .map(|code| format!("{}\n\n", code.render::<Dense1x2>().quiet_zone(true).build()))
        .unwrap_or_default();
    format!("teacher: {own}#{room}&teacher={}\npupils:  {others}\n\n{code}Ctrl-C ends it.\n", teacher.as_str())
}

/// The address by which this machine reaches other networks; nothing is sent for asking.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}
