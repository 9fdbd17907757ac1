//! Size budgets: what a visitor downloads before the first run, gzipped.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::stamp::files_below;
use crate::step::command;

/// One limit on the gzipped size of the site's files with an ending.
struct Budget {
    what: &'static str,
    ending: &'static str,
    bytes_max: u64,
}

/// The limits. Raise one only together with the reason, in the commit that needs it.
const BUDGETS: &[Budget] = &[
    Budget { what: "WebAssembly", ending: ".wasm", bytes_max: 1_250_000 },
    Budget { what: "JavaScript (all chunks)", ending: ".js", bytes_max: 260_000 },
    Budget { what: "style sheets", ending: ".css", bytes_max: 40_000 },
];

/// Measures the site in `folder` and compares it with the limits.
///
/// # Errors
/// If a limit is passed or a file cannot be read.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let files = files_below(folder)?;
    let mut passed_by = Vec::new();
    for budget in BUDGETS {
        let mut total = 0;
        for file in files.iter().filter(|file| file.to_string_lossy().ends_with(budget.ending)) {
            total += gzipped(file)?;
        }
        println!("    {:>8} of {:>8} bytes gzipped: {}", total, budget.bytes_max, budget.what);
        if total == 0 && budget.ending != ".css" {
            bail!("no {} file in {}", budget.ending, folder.display());
        }
        if total > budget.bytes_max {
            passed_by.push(format!("{} by {} bytes", budget.what, total - budget.bytes_max));
        }
    }
    if passed_by.is_empty() { Ok(()) } else { bail!("over the size budget: {}", passed_by.join(", ")) }
}

fn gzipped(file: &Path) -> Result<u64> {
    let input = fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let output = command("gzip", &["-9", "-c"]).stdin(Stdio::from(input)).output().context("gzip")?;
    Ok(output.stdout.len() as u64)
}
