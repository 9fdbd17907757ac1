//! Size budgets: what a visitor downloads, gzipped: before the first run of the page, and of an element in somebody's document.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::stamp::files_below;
use crate::step::command;

/// One limit on the gzipped size of those of the site's files that `counts` accepts by their path in it.
struct Budget {
    what: &'static str,
    counts: fn(&str) -> bool,
    bytes_max: u64,
}

/// The limits. Raise one only together with the reason, in the commit that needs it.
const BUDGETS: &[Budget] = &[
    Budget { what: "WebAssembly", counts: |path| path.ends_with(".wasm"), bytes_max: 1_250_000 },
    Budget {
        what: "JavaScript of the page (all chunks)",
        counts: |path| path.starts_with("assets/") && path.ends_with(".js"),
        bytes_max: 260_000,
    },
    Budget {
        what: "style sheets of the page",
        counts: |path| path.starts_with("assets/") && path.ends_with(".css"),
        bytes_max: 40_000,
    },
    Budget { what: "the element's script, before its first run", counts: |path| path == "embed.js", bytes_max: 15_000 },
    Budget {
        what: "what the element's script loads for the first run, beside the engine",
        counts: |path| path == "embed/runtime.js",
        bytes_max: 185_000,
    },
];

/// Measures the site in `folder` and compares it with the limits.
///
/// # Errors
/// If a limit is passed, nothing is there to be counted, or a file cannot be read.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let files = files_below(folder)?;
    let mut passed_by = Vec::new();
    for budget in BUDGETS {
        let mut total = 0;
        for file in &files {
            let path = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
            if (budget.counts)(&path) {
                total += gzipped(file)?;
            }
        }
        println!("    {:>8} of {:>8} bytes gzipped: {}", total, budget.bytes_max, budget.what);
        if total == 0 {
            bail!("no file in {} counts for: {}", folder.display(), budget.what);
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
