//! Writes every case as a lab with what it gives natively, for the comparison with wasm: `write-cases FOLDER`.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use e2e::outcome::Pace;
use e2e::{Outcome, cases};

fn main() -> Result<()> {
    let root = PathBuf::from(env::args().nth(1).context("usage: write-cases FOLDER")?);
    for case in cases()? {
        let lab = case.lab()?;
        let outcome = Outcome::of(&lab, Pace::AtOnce)?;
        let folder = root.join(&case.name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("lab.json"), lab.to_json())?;
        fs::write(folder.join("trace.jsonl"), &outcome.trace)?;
        fs::write(folder.join("capture.pcapng"), &outcome.pcapng)?;
        fs::write(folder.join("console.txt"), &outcome.console)?;
    }
    Ok(())
}
