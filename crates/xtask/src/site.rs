//! The page: npm packages by the lock file, the static site by Vite.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::needs;
use crate::stamp::Stamp;
use crate::step::{command, root, run, step, target};

/// Installs the packages that the page's lock file names, unless that was done.
///
/// # Errors
/// If npm is missing or fails.
pub(crate) fn install_packages() -> Result<()> {
    install("web")
}

/// Installs the foreign programs that the relay is tested and measured against.
///
/// # Errors
/// As [`install_packages`].
pub(crate) fn install_peers() -> Result<()> {
    install("tests/peers")
}

/// Installs the Lua engines that ours is measured against.
///
/// # Errors
/// As [`install_packages`].
pub(crate) fn install_lua_engines() -> Result<()> {
    install(LUA_BENCH)
}

/// Where the benchmark of Lua engines in a browser lies.
pub(crate) const LUA_BENCH: &str = "crates/lua-bench/browser";

/// Installs other people's Python relays in an environment of their own below the target folder.
///
/// # Errors
/// If Python or its `venv` cannot be had, or an installation fails.
pub(crate) fn install_python_peers() -> Result<()> {
    needs::tools(needs::PYTHON)?;
    let requirements = root().join("tests/peers/requirements.txt");
    let environment = target().join("peers-venv");
    let pip = environment.join("bin/pip");
    let stamp = Stamp::new("python-peers", std::slice::from_ref(&requirements), "")?;
    if stamp.is_current(&[&pip]) {
        return Ok(());
    }
    step("Install the Python peers (pip)", || {
        if !pip.exists() {
            run(command("python3", &["-m", "venv"]).arg(&environment))?;
        }
        run(std::process::Command::new(&pip).args(["install", "--quiet", "--requirement"]).arg(&requirements))
    })?;
    stamp.keep()
}

fn install(folder: &str) -> Result<()> {
    install_by(folder, &["ci"], &["package.json", "package-lock.json"])
}

/// Installs what `package.json` names by exact versions, without a lock file: for programs that an author's machine would have.
///
/// # Errors
/// As [`install_packages`].
pub(crate) fn install_unlocked(folder: &str) -> Result<()> {
    install_by(folder, &["install", "--no-package-lock"], &["package.json"])
}

fn install_by(folder: &str, verb: &[&str], descriptions: &[&str]) -> Result<()> {
    needs::node()?;
    let path = root().join(folder);
    let name = format!("npm-{}", folder.replace('/', "-"));
    let inputs: Vec<PathBuf> = descriptions.iter().map(|file| path.join(file)).collect();
    let stamp = Stamp::new(&name, &inputs, "")?;
    if stamp.is_current(&[&path.join("node_modules/.package-lock.json")]) {
        return Ok(());
    }
    step(&format!("Install the packages of {folder} (npm {})", verb[0]), || {
        run(command("npm", verb).args(["--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&path))
    })?;
    stamp.keep()
}

/// Runs a script of `web/package.json`.
///
/// # Errors
/// If it fails.
pub(crate) fn script(name: &str, arguments: &[&str]) -> Result<()> {
    let mut npm = command("npm", &["run", "--silent", name]);
    if !arguments.is_empty() {
        npm.arg("--").args(arguments);
    }
    run(npm.current_dir(root().join("web")))
}

/// Builds the static site into `folder`, unless it is up to date. Needs `pkg/`.
///
/// # Errors
/// If the build fails.
pub(crate) fn build(folder: &Path) -> Result<()> {
    install_packages()?;
    let inputs: Vec<PathBuf> =
        ["web", "index.html", "embed.html", "pkg"].iter().map(|name| root().join(name)).collect();
    let stamp = Stamp::new("site", &inputs, &folder.to_string_lossy())?;
    if stamp.is_current(&[&folder.join("index.html")]) {
        println!("==> The site in {} is up to date", folder.display());
        return Ok(());
    }
    step(&format!("Build the site into {}", folder.display()), || {
        script("build", &["--outDir", &folder.to_string_lossy(), "--emptyOutDir", "--logLevel", "warn"])
    })?;
    stamp.keep()
}
