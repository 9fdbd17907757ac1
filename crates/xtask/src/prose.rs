//! What the Markdown files say of the tree: their links lead somewhere, the paths and the `cargo xtask` commands that they name exist.
//!
//! Left out: addresses on the web, which only a network could tell.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::stamp::files_below;
use crate::step::root;

/// Folders whose files are named in backquotes, from the workspace's root or from the folder of the text.
const FOLDERS: &[&str] = &["crates/", "docs/", "tests/", "web/"];
/// Built, or somebody else's.
const NOT_OURS: &[&str] = &["dist", "pkg", "target"];

/// Everything in the Markdown files that is not so, a sentence each. `commands` are those of `cargo xtask`.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn offences(commands: &[&str]) -> Result<Vec<String>> {
    let mut offences = Vec::new();
    for file in markdown_files()? {
        let text = fs::read_to_string(&file)?;
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let prose = without_blocks(&text);
        for link in links(&prose) {
            if !leads_somewhere(&file, link)? {
                offences.push(format!("{name} links to {link}, which is not there"));
            }
        }
        for path in paths(&prose) {
            let is_there = root().join(path).exists() || beside(&file, path).exists();
            if !is_there {
                offences.push(format!("{name} names {path}, which is not there"));
            }
        }
        for command in xtask_commands(&text) {
            if !commands.contains(&command) {
                offences.push(format!("{name} names `cargo xtask {command}`, which is no command"));
            }
        }
    }
    Ok(offences)
}

fn markdown_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && !NOT_OURS.contains(&&*name) {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.retain(|file| file.extension().is_some_and(|ending| ending == "md"));
    Ok(files)
}

/// The text without its fenced blocks, in which brackets and backquotes mean something else.
fn without_blocks(markdown: &str) -> String {
    let mut in_block = false;
    let mut prose = String::new();
    for line in markdown.lines() {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        if !in_block && !is_fence {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The targets of inline links and pictures that are no web addresses.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// Whether a link of `file` names a file, and a heading of it if it names one.
fn leads_somewhere(file: &Path, link: &str) -> Result<bool> {
    let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
    let target =
        if path.is_empty() { file.to_path_buf() } else { file.parent().unwrap_or_else(|| Path::new("")).join(path) };
    match heading {
        Some(heading) if target.is_file() => {
            let text = without_blocks(&fs::read_to_string(&target)?);
            Ok(text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading))
        }
        _ => Ok(target.exists()),
    }
}

/// A path as `file` names it, from the folder in which it lies.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(path)
}

/// The anchor that GitHub and mkdocs give a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    kept.map(|sign| if sign == ' ' { '-' } else { sign }).collect()
}

/// Names in backquotes that are paths of ours, without those that stand for many.
fn paths(prose: &str) -> impl Iterator<Item = &str> {
    let quoted = prose.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let stands_for_many = name.contains(|sign: char| sign.is_whitespace() || "<>*{}…:".contains(sign));
        let is_built = name.contains("/dist") || name.contains("node_modules");
        FOLDERS.iter().any(|folder| name.starts_with(folder)) && !stands_for_many && !is_built
    })
}

/// What follows `cargo xtask ` where a command is quoted or shown.
fn xtask_commands(markdown: &str) -> impl Iterator<Item = &str> {
    let named = markdown.split("cargo xtask ").skip(1);
    named.map(|rest| rest.split(|sign: char| !sign.is_ascii_lowercase()).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_read_as_a_person_reads_it() {
        let text = "See [a](one.md#two) and `crates/lua/src`.\n```lua\nx[1](y) `docs/no.md`\n```\n`tests/<area>` ![b](https://c)\n";
        let prose = without_blocks(text);
        assert_eq!(links(&prose).collect::<Vec<_>>(), ["one.md#two"]);
        assert_eq!(paths(&prose).collect::<Vec<_>>(), ["crates/lua/src"]);
        assert_eq!(xtask_commands("`cargo xtask play`, cargo xtask bench lan").collect::<Vec<_>>(), ["play", "bench"]);
    }

    #[test]
    fn headings_have_the_anchors_that_renderers_give_them() {
        assert_eq!(anchor("## net.socket:on()"), "netsocketon");
        assert_eq!(anchor("### A silent client stays"), "a-silent-client-stays");
    }

    #[test]
    fn links_to_nothing_are_noticed() {
        let readme = root().join("README.md");
        assert!(leads_somewhere(&readme, "ARCHITECTURE.md#layers").unwrap());
        assert!(!leads_somewhere(&readme, "ARCHITECTURE.md#no-such-heading").unwrap());
        assert!(!leads_somewhere(&readme, "docs/no-such-file.md").unwrap());
    }
}
