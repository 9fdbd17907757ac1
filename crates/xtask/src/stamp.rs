//! What is up to date: a step's inputs are hashed, and the hash is kept beside what it made.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::step::target;

/// Remembers for which inputs a step was last done.
pub(crate) struct Stamp {
    file: PathBuf,
    hash: String,
}

impl Stamp {
    /// The stamp of step `name` for the contents of `inputs` (files, or folders with all below them) and `settings`.
    ///
    /// # Errors
    /// If an input cannot be read.
    pub(crate) fn new(name: &str, inputs: &[PathBuf], settings: &str) -> Result<Stamp> {
        let mut hasher = DefaultHasher::new();
        settings.hash(&mut hasher);
        for input in inputs {
            hash_path(input, &mut hasher)?;
        }
        let folder = target().join("xtask");
        fs::create_dir_all(&folder)?;
        Ok(Stamp { file: folder.join(format!("{name}.stamp")), hash: format!("{:016x}", hasher.finish()) })
    }

    /// Whether the step was done for these very inputs and all of `outputs` exist.
    pub(crate) fn is_current(&self, outputs: &[&Path]) -> bool {
        outputs.iter().all(|output| output.exists())
            && fs::read_to_string(&self.file).is_ok_and(|kept| kept == self.hash)
    }

    /// Notes that the step is done.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub(crate) fn keep(&self) -> Result<()> {
        fs::write(&self.file, &self.hash).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// All files below `folder` in the order of their names, without `node_modules` and hidden ones.
///
/// # Errors
/// If a folder cannot be read.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn hash_path(path: &Path, hasher: &mut impl Hasher) -> Result<()> {
    let files = if path.is_dir() { files_below(path)? } else { vec![path.to_path_buf()] };
    for file in files {
        file.hash(hasher);
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?.hash(hasher);
    }
    Ok(())
}
