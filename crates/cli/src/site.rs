//! The page's files: those embedded when the command was built, or a folder.

use std::borrow::Cow;
use std::fs;
use std::path::{Component, Path, PathBuf};

use relay::Assets;

include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// Where the page's files come from.
pub(crate) enum Site {
    /// Part of the command; empty when it was built without the page.
    Embedded,
    /// Read at each request, so that a page under work is current.
    Folder(PathBuf),
}

impl Site {
    /// Whether there is a page at all.
    pub(crate) fn has_page(&self) -> bool {
        self.get("").is_some()
    }
}

impl Assets for Site {
    fn get(&self, path: &str) -> Option<(&'static str, Cow<'static, [u8]>)> {
        let path = if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
        let bytes = match self {
            Site::Embedded => {
                let (_, bytes) = EMBEDDED.iter().find(|(name, _)| *name == path)?;
                Cow::Borrowed(*bytes)
            }
            Site::Folder(folder) => Cow::Owned(fs::read(folder.join(inside(&path)?)).ok()?),
        };
        Some((media_type(&path), bytes))
    }
}

/// The path, unless it leads out of the folder.
fn inside(path: &str) -> Option<&Path> {
    let path = Path::new(path);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "lua" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_folder() {
        for path in ["../secret", "/etc/passwd", "a/../../b", "./a"] {
            assert_eq!(inside(path), None, "{path}");
        }
        assert!(inside("assets/index.js").is_some());
    }

    #[test]
    fn folder_serves_its_index() {
        let folder = std::env::temp_dir().join(format!("playground-site-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), "hello").unwrap();
        let site = Site::Folder(folder.clone());
        assert_eq!(site.get("").unwrap(), ("text/html; charset=utf-8", Cow::Borrowed(&b"hello"[..])));
        assert!(site.get("other").is_none());
        fs::remove_dir_all(folder).unwrap();
    }
}
