//! What the machine must have, and how to get it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{command, output, run};

/// A program and the Debian package that has it.
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package }
}

/// What the page's build needs.
pub(crate) const NODE: &[Tool] = &[tool("node", "nodejs"), tool("npm", "npm")];

/// What the tests need beside that: a browser, the reference interpreters, a packet analyser, real peers.
pub(crate) const TESTS: &[Tool] = &[
    tool("chromium", "chromium"),
    tool("lua5.1", "lua5.1"),
    tool("lua5.3", "lua5.3"),
    tool("tshark", "tshark"),
    tool("curl", "curl"),
    tool("nc", "netcat-openbsd"),
    tool("redis-server", "redis-server"),
    tool("mosquitto", "mosquitto"),
    tool("mosquitto_pub", "mosquitto-clients"),
    tool("nginx", "nginx-light"),
    tool("dnsmasq", "dnsmasq-base"),
    tool("openssl", "openssl"),
];

/// What peers in Python need; Debian keeps `venv` in a package of its own.
pub(crate) const PYTHON: &[Tool] = &[tool("python3", "python3-venv")];

/// What the benchmarks need beside that: the peer that we compare with and that is no package of npm or Python.
pub(crate) const BENCHMARKS: &[Tool] = &[tool("haproxy", "haproxy")];

/// Installs the tools that are missing, if this is root on a Debian system; otherwise says what to run.
///
/// # Errors
/// If something is missing and cannot be installed; the message names the one command to run.
pub(crate) fn tools(wanted: &[Tool]) -> Result<()> {
    let missing: Vec<&str> =
        wanted.iter().filter(|tool| find(tool.program).is_none()).map(|tool| tool.package).collect();
    debian_packages(&missing)
}

/// Installs Debian packages.
///
/// # Errors
/// As [`tools`].
pub(crate) fn debian_packages(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_root() || find("apt-get").is_none() {
        bail!("these are missing: {list}. On Debian or Ubuntu, run: sudo apt-get install -y {list}");
    }
    println!("    installing {list}");
    let quiet = |arguments: &[&str]| {
        let mut apt = command("apt-get", arguments);
        apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null());
        apt
    };
    run(&mut quiet(&["update", "-qq"]))?;
    run(quiet(&["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
}

/// The first executable of this name on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Where Debian keeps servers; not on an ordinary user's path.
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Checks that Node.js is there and new enough for the page's build tools.
///
/// # Errors
/// If it is missing and cannot be installed, or is too old.
pub(crate) fn node() -> Result<()> {
    tools(NODE)?;
    let version = output(&mut command("node", &["--version"]))?;
    let major: u32 = version.trim_start_matches('v').split('.').next().unwrap_or("").parse().unwrap_or(0);
    if major < 20 {
        bail!("Node.js {version} is too old: version 20.19 or newer is needed (https://nodejs.org)");
    }
    Ok(())
}

/// How to compile for wasm32 on this machine.
pub(crate) enum WasmToolchain {
    /// The toolchain that runs us has the target's standard library.
    Installed,
    /// Debian's compiler builds the standard library from its sources; linked with `linker`.
    Debian {
        /// Path of `rust-lld`.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// In words.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            WasmToolchain::Installed => "the toolchain's wasm32-unknown-unknown target",
            WasmToolchain::Debian { .. } => "Debian's rustc-web, which builds the standard library from source",
        }
    }

    /// A cargo command that builds for wasm32.
    pub(crate) fn cargo(&self) -> Command {
        match self {
            WasmToolchain::Installed => crate::step::cargo(&[]),
            WasmToolchain::Debian { linker } => {
                let mut cargo = command("/usr/bin/cargo", &["-Zbuild-std=std,panic_abort"]);
                // The variables with which rustup's cargo started us must not reach Debian's.
                for inherited in ["RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "CARGO", "RUSTFLAGS"] {
                    cargo.env_remove(inherited);
                }
                cargo
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                cargo
            }
        }
    }
}

/// Finds or installs a way to compile for wasm32: the toolchain's own target, else rustup's, else Debian's packages.
///
/// # Errors
/// If none can be had; the message names what a person can do.
pub(crate) fn wasm_toolchain() -> Result<WasmToolchain> {
    let sysroot = PathBuf::from(output(&mut command("rustc", &["--print", "sysroot"]))?);
    let target = sysroot.join("lib/rustlib/wasm32-unknown-unknown/lib");
    if target.is_dir() {
        return Ok(WasmToolchain::Installed);
    }
    if find("rustup").is_some() {
        println!("    rustup target add wasm32-unknown-unknown");
        let added = run(&mut command("rustup", &["target", "add", "wasm32-unknown-unknown"]));
        if added.is_ok() && target.is_dir() {
            return Ok(WasmToolchain::Installed);
        }
        println!("    rustup could not fetch it; trying Debian's compiler");
    }
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std");
    if !(Path::new("/usr/bin/rustc").exists() && Path::new("/usr/bin/cargo").exists() && sources.exists()) {
        debian_packages(&["rustc-web", "cargo-web", "rust-web-src"]).context(
            "no standard library for wasm32-unknown-unknown; with rustup: rustup target add wasm32-unknown-unknown",
        )?;
    }
    let host = sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    let linker = [host, PathBuf::from("/usr/bin/rust-lld"), PathBuf::from("/usr/bin/wasm-ld")]
        .into_iter()
        .find(|linker| linker.exists())
        .context("no linker for wasm: neither the toolchain's rust-lld nor wasm-ld (Debian: lld) is there")?;
    Ok(WasmToolchain::Debian { linker })
}

fn is_root() -> bool {
    output(&mut command("id", &["-u"])).is_ok_and(|id| id == "0")
}
