//! A folder becomes a lab.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sim::Lab;
use sim::lab::{BoardLab, FileContent};

/// A folder below `tests/cases`.
#[derive(Clone, Debug)]
pub struct Case {
    /// `net/receive_per_segment`.
    pub name: String,
    /// Where its files are.
    pub folder: PathBuf,
    /// Why it fails, if it is known to.
    pub known_failure: Option<String>,
}

/// Name of the only board of a case without a lab.
const BOARD: &str = "board";

/// All cases, by name.
///
/// # Errors
/// If a folder cannot be read.
pub fn cases() -> Result<Vec<Case>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases = Vec::new();
    for area in folders(&root)? {
        for folder in folders(&area)? {
            let name = folder.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
            let known_failure = fs::read_to_string(folder.join("known_failure.txt")).ok();
            cases.push(Case { name, folder, known_failure });
        }
    }
    Ok(cases)
}

impl Case {
    /// The lab that the folder describes, complete in itself.
    ///
    /// # Errors
    /// If it contradicts itself or cannot be read; the message names the case.
    pub fn lab(&self) -> Result<Lab> {
        self.read().with_context(|| self.name.clone())
    }

    fn read(&self) -> Result<Lab> {
        let file = self.folder.join("lab.json");
        let mut lab = if file.exists() { Lab::from_json(&fs::read_to_string(&file)?)? } else { Lab::default() };
        if lab.boards.is_empty() {
            lab.boards.push(BoardLab::new(BOARD));
        }
        let only = lab.boards.len() == 1;
        for board in &mut lab.boards {
            self.add_files(board, only)?;
        }
        Ok(lab)
    }

    /// A board's program is `NAME.lua`, or `init.lua` for an only board; its other files stand in the folder `NAME`, or
    /// beside `init.lua` for an only board.
    fn add_files(&self, board: &mut BoardLab, only: bool) -> Result<()> {
        let mut sources = vec![(self.folder.join(format!("{}.lua", board.name)), "init.lua".to_owned())];
        let own = self.folder.join(&board.name);
        if own.is_dir() {
            sources.extend(files(&own)?);
        }
        if only {
            let is_program = |name: &str| name.ends_with(".lua") && *name != format!("{}.lua", board.name);
            sources.extend(files(&self.folder)?.into_iter().filter(|(_, name)| is_program(name)));
        }
        for (path, name) in sources.into_iter().filter(|(path, _)| path.is_file()) {
            let content = FileContent::from_bytes(&fs::read(&path)?);
            if board.files.insert(name.clone(), content).is_some() {
                bail!("board '{}' has the file '{name}' twice", board.name);
            }
        }
        Ok(())
    }
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push((path, name));
        }
    }
    found.sort();
    Ok(found)
}
