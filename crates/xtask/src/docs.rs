//! Documentation: the generators that authors use, which the recipes of `docs/embedding` are tested with, and the manual.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::stamp::Stamp;
use crate::step::{cargo, command, output, root, run, step, target};
use crate::{needs, site};

/// The mdBook that its recipe is tested with.
const MDBOOK: &str = "0.4.52";

/// Where the generators lie: `python/bin` has those of PyPI, `bin` the others.
pub(crate) fn tools() -> PathBuf {
    target().join("xtask/tools")
}

/// Installs every generator that a recipe is written for, unless that was done.
///
/// # Errors
/// If one cannot be installed.
pub(crate) fn install_generators() -> Result<()> {
    install_python()?;
    install_mdbook()?;
    site::install_unlocked("tests/embed/recipes/vitepress")
}

/// The generators of PyPI, in an environment of their own.
fn install_python() -> Result<()> {
    let wanted = root().join("docs/requirements.txt");
    let folder = tools().join("python");
    let stamp = Stamp::new("python", std::slice::from_ref(&wanted), &folder.to_string_lossy())?;
    if stamp.is_current(&[&folder.join("bin/mkdocs"), &folder.join("bin/sphinx-build")]) {
        return Ok(());
    }
    let has_venv = || output(&mut command("python3", &["-c", "import venv, ensurepip"])).is_ok();
    if !has_venv() {
        needs::debian_packages(&["python3", "python3-venv"])?;
    }
    step("Install the documentation generators (pip)", || {
        let environment = folder.to_string_lossy().into_owned();
        run(&mut command("python3", &["-m", "venv", "--clear", &environment]))?;
        let pip = folder.join("bin/pip");
        run(command(pip, &["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted))
    })?;
    stamp.keep()
}

fn install_mdbook() -> Result<()> {
    let folder = tools();
    let stamp = Stamp::new("mdbook", &[], MDBOOK)?;
    if stamp.is_current(&[&folder.join("bin/mdbook")]) {
        return Ok(());
    }
    step("Install mdBook (cargo)", || {
        let mut install =
            cargo(&["install", "--quiet", "--locked", "--no-default-features", "--version", MDBOOK, "mdbook"]);
        run(install.arg("--root").arg(&folder).env("CARGO_TARGET_DIR", target().join("xtask/mdbook")))
    })?;
    stamp.keep()
}

/// Writes the manual into the site in `folder`, below `manual/`, unless it is up to date. Its pages load the site's `embed.js`.
///
/// # Errors
/// If the generator cannot be installed or refuses a page.
pub(crate) fn manual(folder: &Path) -> Result<()> {
    install_python()?;
    let source = root().join("docs/manual");
    let out = folder.join("manual");
    let stamp = Stamp::new("manual", std::slice::from_ref(&source), &out.to_string_lossy())?;
    if stamp.is_current(&[&out.join("index.html")]) {
        return Ok(());
    }
    step("Build the manual", || {
        let mkdocs = tools().join("python/bin/mkdocs");
        run(command(mkdocs, &["build", "--quiet", "--strict", "--clean", "--site-dir"])
            .arg(&out)
            .current_dir(&source)
            .env("NO_MKDOCS_2_WARNING", "true"))
    })
    .context("docs/manual")?;
    stamp.keep()
}
