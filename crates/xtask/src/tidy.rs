//! Rules that no compiler checks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::prose;
use crate::stamp::files_below;
use crate::step::root;

/// Which of our crates each may depend on (ARCHITECTURE.md, "Layers"). `xtask` and the test package stand outside.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("trace", &[]),
    ("lua", &[]),
    ("lan", &["trace"]),
    ("firmware", &["lua", "lan", "trace"]),
    ("relay-protocol", &[]),
    ("sim", &["firmware", "lan", "lua", "relay-protocol", "trace"]),
    ("relay", &["relay-protocol"]),
    ("playground", &["sim", "trace"]),
    ("lua-bench", &["lua"]),
    ("sim-bench", &["lan", "sim", "trace"]),
    ("cli", &["sim", "relay-protocol", "relay", "lua", "trace"]),
    ("xtask", &[]),
];

/// Crates that must forbid clocks, threads and files in a `clippy.toml`.
const CORE: &[&str] = &["trace", "lua", "lan", "firmware", "sim"];

/// Checks every rule.
///
/// # Errors
/// With all offences, one a line.
pub(crate) fn check() -> Result<()> {
    wasm_bindgen_versions_agree()?;
    let mut offences = crate_edges()?;
    for name in CORE {
        if !root().join("crates").join(name).join("clippy.toml").exists() {
            offences.push(format!("crates/{name}/clippy.toml is missing"));
        }
    }
    offences.extend(module_headers()?);
    offences.extend(readme_is_true()?);
    offences.extend(facts_have_tests()?);
    offences.extend(prose::offences(crate::COMMANDS)?);
    if offences.is_empty() { Ok(()) } else { bail!("\n{}", offences.join("\n")) }
}

/// A value of `[workspace.package]`.
///
/// # Errors
/// If the manifest cannot be read or lacks it.
pub(crate) fn workspace_value(key: &str) -> Result<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    value_in(&manifest, key).with_context(|| format!("no `{key}` in Cargo.toml"))
}

/// The glue's generator and the library must have one version.
///
/// # Errors
/// If they differ.
pub(crate) fn wasm_bindgen_versions_agree() -> Result<()> {
    let (library, generator) = (workspace_value("wasm-bindgen")?, workspace_value("wasm-bindgen-cli-support")?);
    if library != generator {
        bail!("Cargo.toml names wasm-bindgen {library} but wasm-bindgen-cli-support {generator}");
    }
    Ok(())
}

fn value_in(manifest: &str, key: &str) -> Option<String> {
    let line = manifest.lines().find(|line| line.split('=').next().is_some_and(|name| name.trim() == key))?;
    line.split_once('=').map(|(_, value)| value.trim().trim_matches('"').to_string())
}

fn crate_edges() -> Result<Vec<String>> {
    let mut offences = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(crate_name, _)| *crate_name == name) else {
            offences.push(format!("crates/{name} has no line in the list of who may depend on whom"));
            continue;
        };
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
        for dependency in dependencies(&manifest) {
            let ours = MAY_DEPEND_ON.iter().any(|(crate_name, _)| *crate_name == dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                offences.push(format!("crates/{name} must not depend on {dependency}"));
            }
        }
    }
    Ok(offences)
}

/// Names in `[dependencies]`; development dependencies may point anywhere.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split(['.', '=', ' ']).next()).map(str::to_string).collect()
}

fn module_headers() -> Result<Vec<String>> {
    let mut offences = Vec::new();
    for file in files_below(&root().join("crates"))? {
        let is_source = file.extension().is_some_and(|ending| ending == "rs");
        if is_source && !in_fixture(&file) && !fs::read_to_string(&file)?.starts_with("//!") {
            offences.push(format!("{} does not begin with a module header (//!)", relative(&file)));
        }
    }
    Ok(offences)
}

/// READMEs drift: the program and the console that ours shows are those of a case, which the tests run.
fn readme_is_true() -> Result<Vec<String>> {
    let readme = fs::read_to_string(root().join("README.md"))?;
    let case = root().join("tests/cases/readme/hello");
    let mut offences = Vec::new();
    if fs::read_to_string(case.join("init.lua"))? != block(&readme, "lua") {
        offences.push("README.md shows another program than tests/cases/readme/hello/init.lua".into());
    }
    let console = fs::read_to_string(case.join("console.txt"))?;
    // The prompt, which appears when the program has been read, is left out of the README.
    let console = console.replace("\n> ", "\n");
    if !console.contains(&block(&readme, "text")) {
        offences.push("README.md shows another console than tests/cases/readme/hello/console.txt has".into());
    }
    Ok(offences)
}

/// Every section of the facts about `net` and its surroundings is cited by a test: `docs/behaviour.md` §1 to §5 by their
/// parts, §7 and §8 as wholes; §9 repeats them.
fn facts_have_tests() -> Result<Vec<String>> {
    let facts = fs::read_to_string(root().join("docs/behaviour.md"))?;
    let mut tests = String::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let folder = entry?.path().join("tests");
        if folder.exists() {
            read_into(&mut tests, &folder)?;
        }
    }
    read_into(&mut tests, &root().join("tests"))?;
    let sections = facts.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' ')?.split(' ').next());
    let must_have = sections.filter(|section| match section.split_once('.') {
        Some((chapter, part)) => "12345".contains(chapter) && !part.is_empty(),
        None => false,
    });
    let must_have = must_have.chain(["7", "8"]);
    let untested = must_have.filter(|section| !cites(&tests, section));
    Ok(untested.map(|section| format!("no test cites docs/behaviour.md §{section}")).collect())
}

/// Whether a text names this very section, not only one that its number begins.
fn cites(text: &str, section: &str) -> bool {
    let sign = format!("§{section}");
    let mut citations = text.match_indices(&sign).map(|(at, found)| &text[at + found.len()..]);
    citations.any(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()) && !begins_a_part(rest))
}

fn begins_a_part(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|part| part.starts_with(|next: char| next.is_ascii_digit()))
}

/// Appends the Rust and Lua files below `folder`.
fn read_into(text: &mut String, folder: &Path) -> Result<()> {
    for file in files_below(folder)? {
        if file.extension().is_some_and(|ending| ending == "rs" || ending == "lua") {
            text.push_str(&fs::read_to_string(file)?);
        }
    }
    Ok(())
}

/// The first block of this language in a Markdown text.
fn block(markdown: &str, language: &str) -> String {
    let lines = markdown.lines().skip_while(|line| *line != format!("```{language}")).skip(1);
    lines.take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect()
}

fn in_fixture(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "fixtures")
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}
