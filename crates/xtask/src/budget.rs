//! Size budgets: what a visitor downloads, gzipped: before the first run of the page, and of an element in somebody's document.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::stamp::files_below;
use crate::step::command;

/// One limit on the gzipped size of those of the site's files that `counts` accepts by their path in it, given the page's text.
struct Budget {
    what: &'static str,
    counts: fn(&str, &str) -> bool,
    bytes_max: u64,
}

/// Whether the page fetches `path` before it prints the first line: what its text names, the worker, the view that is open at first.
fn comes_first(path: &str, page: &str) -> bool {
    let rest = path.strip_prefix("assets/");
    let loaded_by_script = ["page-worker-", "timeline-"];
    path == "index.html"
        || page.contains(path)
        || rest.is_some_and(|name| loaded_by_script.iter().any(|start| name.starts_with(start)))
}

/// The limits. Raise one only together with the reason, in the commit that needs it.
const BUDGETS: &[Budget] = &[
    Budget { what: "the page, before the first run", counts: comes_first, bytes_max: 580_000 },
    Budget {
        what: "the engine's first part",
        counts: |path, _| path.starts_with("assets/playground_first"),
        bytes_max: 510_000,
    },
    Budget {
        what: "the engine's rest",
        counts: |path, _| path.starts_with("assets/playground_rest"),
        bytes_max: 535_000,
    },
    Budget {
        what: "JavaScript of the page (all chunks)",
        counts: |path, _| path.starts_with("assets/") && path.ends_with(".js"),
        bytes_max: 275_000,
    },
    Budget {
        what: "style sheets of the page",
        counts: |path, _| path.starts_with("assets/") && path.ends_with(".css"),
        bytes_max: 15_000,
    },
    Budget {
        what: "the element's script, before its first run",
        counts: |path, _| path == "embed.js",
        bytes_max: 15_000,
    },
    Budget {
        what: "the engine's first part, where it may only come as a script",
        counts: |path, _| path == "embed/first.wasm.js",
        bytes_max: 545_000,
    },
    Budget {
        what: "what the element's script loads for the first run, beside the engine",
        counts: |path, _| path == "embed/runtime.js",
        bytes_max: 185_000,
    },
];

/// Measures the site in `folder` and compares it with the limits.
///
/// # Errors
/// If a limit is passed, nothing is there to be counted, or a file cannot be read.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let files = files_below(folder)?;
    let page = fs::read_to_string(folder.join("index.html")).context("the page, index.html")?;
    let mut passed_by = Vec::new();
    for budget in BUDGETS {
        let mut total = 0;
        for file in &files {
            let path = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
            if (budget.counts)(&path, &page) {
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
