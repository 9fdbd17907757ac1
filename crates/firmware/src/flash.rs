//! What survives a reset, a power cut and deep sleep: the file system and the settings kept beside it.

use std::collections::BTreeMap;

use crate::limits;
use crate::modules;

/// The flash chip's content as far as a program can tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flash {
    /// The file system.
    pub(crate) files: FileStore,
    /// What `wifi` keeps.
    pub(crate) wifi: modules::wifi::Settings,
    /// What `node.startup` keeps.
    pub(crate) startup: Startup,
    /// The clock that `rtctime.dsleep` keeps going.
    pub(crate) clock_over_sleep: Option<modules::rtctime::Clock>,
}

/// Start options of `node.startup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Startup {
    /// Runs instead of `init.lua`: `@file` or `=chunk` or `!module`.
    pub(crate) command: Option<Vec<u8>>,
    /// Whether the banner is printed.
    pub(crate) banner: bool,
    /// The processor's clock after boot.
    pub(crate) cpu_mhz: Option<u32>,
    /// Kept and reported; the file system is always there.
    pub(crate) delay_mount: bool,
    /// What `adc.force_init_mode` chose: the supply instead of the pin.
    pub(crate) measures_supply: bool,
}

impl Default for Startup {
    fn default() -> Self {
        Startup { command: None, banner: true, cpu_mhz: None, delay_mount: false, measures_supply: false }
    }
}

/// A flat file system with SPIFFS's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileStore {
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Counts up with every change, for views that show files.
    revision: u64,
}

/// Why a file cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The name is empty or longer than 31 bytes.
    BadName,
    /// No space is left.
    Full,
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FileError::BadName => "file name is empty or longer than 31 bytes",
            FileError::Full => "no space left in the file system",
        })
    }
}

impl std::error::Error for FileError {}

impl FileStore {
    /// Whether SPIFFS can keep a file of this name.
    pub fn is_name(name: &[u8]) -> bool {
        !name.is_empty() && name.len() <= limits::FILE_NAME_BYTES_MAX
    }

    /// The content of a file.
    pub fn read(&self, name: &[u8]) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// See [`FileError`]; nothing is changed then.
    pub fn write(&mut self, name: &[u8], content: impl Into<Vec<u8>>) -> Result<(), FileError> {
        if !FileStore::is_name(name) {
            return Err(FileError::BadName);
        }
        let content = content.into();
        let freed = self.read(name).map_or(0, |old| pages(old.len()));
        if self.used_pages() - freed + pages(content.len()) > pages_max() {
            return Err(FileError::Full);
        }
        self.revision += 1;
        self.files.insert(name.to_vec(), content);
        Ok(())
    }

    /// Replaces bytes of a file from `offset` on, making it longer as far as there is space. Returns whether all of them
    /// were written.
    pub fn write_at(&mut self, name: &[u8], offset: usize, bytes: &[u8]) -> bool {
        let used = self.used_pages();
        let Some(content) = self.files.get_mut(name) else { return false };
        let end = offset + bytes.len();
        if used - pages(content.len()) + pages(content.len().max(end)) > pages_max() {
            return false;
        }
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(bytes);
        self.revision += 1;
        true
    }

    /// Deletes a file. Returns whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.files.remove(name).is_some();
        self.revision += u64::from(removed);
        removed
    }

    /// Renames a file; refused when there is none or the new name is taken or impossible.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        if !FileStore::is_name(to) || self.files.contains_key(to) {
            return false;
        }
        let Some(content) = self.files.remove(from) else { return false };
        self.files.insert(to.to_vec(), content);
        self.revision += 1;
        true
    }

    /// Deletes everything.
    pub fn format(&mut self) {
        self.files.clear();
        self.revision += 1;
    }

    /// Names and contents, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.files.iter().map(|(name, content)| (name.as_slice(), content.as_slice()))
    }

    /// Counts up with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Bytes occupied, and bytes there are.
    pub fn usage(&self) -> (usize, usize) {
        (self.used_pages() * limits::FILE_PAGE_BYTES, limits::FILE_SYSTEM_BYTES)
    }

    fn used_pages(&self) -> usize {
        self.files.values().map(|content| pages(content.len())).sum()
    }
}

/// Pages a file occupies: one for its header, and its data.
fn pages(bytes: usize) -> usize {
    1 + bytes.div_ceil(limits::FILE_PAGE_BYTES)
}

fn pages_max() -> usize {
    limits::FILE_SYSTEM_BYTES / limits::FILE_PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_refused() {
        let mut files = FileStore::default();
        assert_eq!(files.write(&[b'a'; 32], "x"), Err(FileError::BadName));
        assert_eq!(files.write(&[b'a'; 31], "x"), Ok(()));
    }

    #[test]
    fn a_full_file_system_refuses_and_keeps_what_it_has() {
        let mut files = FileStore::default();
        assert_eq!(files.write(b"big", vec![0; 3_000_000]), Ok(()));
        assert_eq!(files.write(b"more", vec![0; 1_000_000]), Err(FileError::Full));
        assert_eq!(files.read(b"more"), None);
        assert!(!files.write_at(b"big", 3_000_000, &[1; 1_000_000]));
        assert_eq!(files.write(b"big", "small"), Ok(()));
        assert_eq!(files.write(b"more", vec![0; 1_000_000]), Ok(()));
    }

    #[test]
    fn rename_does_not_overwrite() {
        let mut files = FileStore::default();
        files.write(b"a", "1").unwrap();
        files.write(b"b", "2").unwrap();
        assert!(!files.rename(b"a", b"b"));
        assert!(files.rename(b"a", b"c"));
        assert_eq!(files.read(b"c"), Some(&b"1"[..]));
    }
}
