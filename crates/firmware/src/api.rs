//! The modules as data: names, signatures and one sentence each, for completion, hover text and tests.

use serde::Serialize;

use crate::module::{Member, MemberValue, Module, Presence};
use crate::modules;

/// A module or an object type.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiModule {
    /// `tmr`; for an object type its manual name, `net.socket`.
    pub name: String,
    /// One sentence.
    pub doc: String,
    /// Whether it is a type of object, whose entries are called with a colon.
    pub is_object: bool,
    /// Functions, methods and constants.
    pub entries: Vec<ApiEntry>,
}

/// A function, method or constant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiEntry {
    /// Name within the module, with dots for tables in it: `task.post`.
    pub name: String,
    /// How the manual writes a call: `tmr.delay(us)`; for a constant its full name.
    pub signature: String,
    /// One sentence.
    pub doc: String,
    /// Whether it is a constant.
    pub is_constant: bool,
    /// Name and meaning of each parameter.
    pub parameters: Vec<ApiParameter>,
    /// Set when release 3.0 no longer has it: what to use instead.
    pub removed_use_instead: Option<String>,
    /// Whether it exists in the 5.1 build alone.
    pub lua_51_only: bool,
}

/// A parameter.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiParameter {
    /// Its name.
    pub name: String,
    /// Its meaning.
    pub doc: String,
}

/// All modules and their object types.
pub fn api() -> Vec<ApiModule> {
    modules::ALL.iter().flat_map(|module| describe(module)).collect()
}

fn describe(module: &Module) -> Vec<ApiModule> {
    let functions = ApiModule {
        name: module.name.to_owned(),
        doc: module.doc.to_owned(),
        is_object: false,
        entries: entries(&format!("{}.", module.name), "", module.members),
    };
    let types = module.types.iter().map(|object_type| ApiModule {
        name: object_type.manual_name.to_owned(),
        doc: object_type.doc.to_owned(),
        is_object: true,
        entries: entries(&format!("{}:", object_type.manual_name), "", object_type.methods),
    });
    std::iter::once(functions).chain(types).collect()
}

fn entries(owner: &str, path: &str, members: &[Member]) -> Vec<ApiEntry> {
    let visible = members.iter().filter(|member| !member.name.starts_with("__"));
    visible
        .flat_map(|member| {
            let name = format!("{path}{}", member.name);
            match member.value {
                MemberValue::Table(members) => {
                    let mut inner = entries(owner, &format!("{name}."), members);
                    let lua_51_only = member.presence == Presence::Lua51;
                    inner.iter_mut().for_each(|entry| entry.lua_51_only |= lua_51_only);
                    inner
                }
                _ => vec![entry(owner, name, member)],
            }
        })
        .collect()
}

fn entry(owner: &str, name: String, member: &Member) -> ApiEntry {
    let parameters = member.parameters.iter();
    ApiEntry {
        signature: format!("{owner}{name}{}", member.signature),
        name,
        doc: member.doc.to_owned(),
        is_constant: !matches!(member.value, MemberValue::Function(_)),
        parameters: parameters.map(|(name, doc)| ApiParameter { name: (*name).into(), doc: (*doc).into() }).collect(),
        removed_use_instead: match member.presence {
            Presence::Removed(instead) => Some(instead.to_owned()),
            _ => None,
        },
        lua_51_only: member.presence == Presence::Lua51,
    }
}
