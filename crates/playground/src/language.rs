//! What the editor asks about Lua and the firmware's modules.

use sim::lab::LuaVersion;

use crate::types::{ApiEntry, ApiKind, ApiParameter, CompileError};

/// All syntax errors of `source`.
pub(crate) fn check(file: &str, source: &str, lua: LuaVersion) -> Vec<CompileError> {
    let errors = sim::language::check(file, source.as_bytes(), lua);
    let converted = errors.into_iter().map(|error| CompileError {
        message: error.message,
        line: error.line,
        column: error.column,
        length: error.length.max(1),
        incomplete: error.incomplete,
    });
    converted.collect()
}

/// Every name of the firmware's modules: each module, then what is in it.
pub(crate) fn api() -> Vec<ApiEntry> {
    let mut entries = Vec::new();
    for module in sim::language::api() {
        entries.push(ApiEntry {
            name: module.name.clone(),
            kind: if module.is_object { ApiKind::Object } else { ApiKind::Module },
            signature: module.name.clone(),
            doc: module.doc,
            parameters: Vec::new(),
            removed_use_instead: None,
            lua51_only: false,
        });
        let separator = if module.is_object { ':' } else { '.' };
        entries.extend(module.entries.into_iter().map(|entry| {
            ApiEntry {
                name: format!("{}{separator}{}", module.name, entry.name),
                kind: match (entry.is_constant, module.is_object) {
                    (true, _) => ApiKind::Constant,
                    (false, true) => ApiKind::Method,
                    (false, false) => ApiKind::Function,
                },
                signature: entry.signature,
                doc: entry.doc,
                parameters: entry
                    .parameters
                    .into_iter()
                    .map(|parameter| ApiParameter { name: parameter.name, doc: parameter.doc })
                    .collect(),
                removed_use_instead: entry.removed_use_instead,
                lua51_only: entry.lua_51_only,
            }
        }));
    }
    entries
}
