//! Rules that no compiler checks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

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
