//! Splits the wasm module into what the first run of a lab needs and the rest, which a page fetches meanwhile.
//!
//! Which functions come first is measured, not guessed: [`instrument`] makes a copy of the module in which every function notes that
//! it was called, a script runs the gallery's labs in it, and [`split`] leaves out of the first module what nobody called. In place of
//! each such function stands a stub that asks the page for the rest (`playgroundRest`, see `crates/playground/src/rest.rs`) and goes
//! on there, so that a program notes nothing but the wait. The rest is a module that imports memory, tables, globals and
//! functions from the first one and fills the table through which the stubs call.
//!
//! Left out: a split of the data. Binaryen's `wasm-split` does the same, but its releases are not among the packages we build
//! with.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Result, bail};
use walrus::ir::{UnaryOp, Value};
use walrus::{
    ConstExpr, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind, GlobalKind,
    ImportedFunction, LocalId, Module, ModuleConfig, RefType, ValType,
};

/// The import namespace under which the rest sees the first module.
const FIRST: &str = "first";
/// Export of the first module: the table that the rest fills.
const TABLE: &str = "rest";
/// How the profile's exports begin; the function's number follows.
const SEEN: &str = "seen-";
/// What the name of the glue's import for `playgroundRest` contains.
const LOADER: &str = "playgroundRest";
/// A function of fewer instructions stays: a stub would not be smaller.
const BODY_MIN: u64 = 6;

/// The two modules of a split one.
pub(crate) struct Split {
    /// What is needed at once.
    pub(crate) first: Vec<u8>,
    /// Everything else.
    pub(crate) rest: Vec<u8>,
}

/// A copy of `module` that exports one global per function, `seen-N`, which becomes 1 when the function is called.
///
/// # Errors
/// If `module` is not WebAssembly.
pub(crate) fn instrument(module: &[u8]) -> Result<Vec<u8>> {
    let mut module = parse(module)?;
    for (number, function) in local_functions(&module).into_iter().enumerate() {
        let seen = module.globals.add_local(ValType::I32, true, false, ConstExpr::Value(Value::I32(0)));
        module.exports.add(&format!("{SEEN}{number}"), seen);
        let body = module.funcs.get_mut(function).kind.unwrap_local_mut().builder_mut();
        body.func_body().const_at(0, Value::I32(1)).global_set_at(1, seen);
    }
    Ok(module.emit_wasm())
}

/// Splits `module`; the functions with the numbers in `seen`, counted as [`instrument`] counts them, come first.
///
/// # Errors
/// If `module` is not WebAssembly, or imports no way to load the rest.
pub(crate) fn split(module: &[u8], seen: &HashSet<usize>) -> Result<Split> {
    let deferred = deferred(&parse(module)?, seen);
    let entries = entries(parse(module)?, &deferred);
    let mut rest = parse(module)?;
    let needed = cut_rest(&mut rest, &deferred, &entries);
    let mut first = parse(module)?;
    put_stubs(&mut first, &deferred, &entries)?;
    for item in everything(&first) {
        if needed.contains(&name_of(item)) {
            first.exports.add(&name_of(item), item);
        }
    }
    walrus::passes::gc::run(&mut first);
    Ok(Split { first: first.emit_wasm(), rest: rest.emit_wasm() })
}

fn parse(module: &[u8]) -> Result<Module> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    config.parse(module)
}

/// A function as all parses of the same bytes number it.
type Index = usize;

/// The module's own functions in the order of their indices.
fn local_functions(module: &Module) -> Vec<FunctionId> {
    module.funcs.iter_local().map(|(id, _)| id).collect()
}

/// The functions that leave the first module.
fn deferred(module: &Module, seen: &HashSet<usize>) -> BTreeSet<Index> {
    let numbered = local_functions(module).into_iter().enumerate();
    let unseen = numbered.filter(|(number, _)| !seen.contains(number)).map(|(_, id)| id);
    let large = unseen.filter(|id| module.funcs.get(*id).kind.unwrap_local().size() >= BODY_MIN);
    large.filter(|id| module.start != Some(*id)).map(|id| id.index()).collect()
}

/// Those of `deferred` that what stays refers to, in a call or in a table: each needs a stub, and a place in the table.
fn entries(mut module: Module, deferred: &BTreeSet<Index>) -> Vec<Index> {
    for id in local_functions(&module) {
        if deferred.contains(&id.index()) {
            let (mut body, arguments) = empty_body(&mut module, id);
            body.func_body().unreachable();
            module.funcs.get_mut(id).kind = FunctionKind::Local(body.local_func(arguments));
        } else {
            // What stays may be called from the rest alone.
            module.exports.add(&name_of(ExportItem::Function(id)), id);
        }
    }
    walrus::passes::gc::run(&mut module);
    let left = module.funcs.iter().map(|function| function.id().index());
    left.filter(|index| deferred.contains(index)).collect()
}

/// Replaces the bodies of `deferred` by stubs that call through the table in which `entries` have their places.
fn put_stubs(module: &mut Module, deferred: &BTreeSet<Index>, entries: &[Index]) -> Result<()> {
    let own = local_functions(module);
    let count = entries.len() as u64;
    let table = module.tables.add_local(false, count, Some(count), RefType::FUNCREF);
    module.exports.add(TABLE, table);
    let ensure = add_ensure(module)?;
    for (slot, index) in (0..).zip(entries) {
        let id = at(&own, *index);
        let ty = module.funcs.get(id).ty();
        let (mut stub, arguments) = empty_body(module, id);
        let mut body = stub.func_body();
        body.call(ensure);
        for argument in &arguments {
            body.local_get(*argument);
        }
        body.i32_const(slot).call_indirect(ty, table);
        module.funcs.get_mut(id).kind = FunctionKind::Local(stub.local_func(arguments));
    }
    for index in deferred.iter().filter(|index| !entries.contains(index)) {
        module.funcs.delete(at(&own, *index));
    }
    Ok(())
}

/// The function with `index` among `functions`, which are in the order of their indices.
fn at(functions: &[FunctionId], index: Index) -> FunctionId {
    let place = functions.binary_search_by_key(&index, |id| id.index());
    functions[place.expect("the index was taken from the same module")]
}

/// The beginning of another body for function `id`, and its arguments.
fn empty_body(module: &mut Module, id: FunctionId) -> (FunctionBuilder, Vec<LocalId>) {
    let ty = module.funcs.get(id).ty();
    let (parameters, results) = (module.types.params(ty).to_vec(), module.types.results(ty).to_vec());
    let arguments = parameters.iter().map(|ty| module.locals.add(*ty)).collect();
    (FunctionBuilder::new(&mut module.types, &parameters, &results), arguments)
}

/// Adds the function that loads the rest unless it is there.
fn add_ensure(module: &mut Module) -> Result<FunctionId> {
    let import = module.imports.iter().find(|import| import.name.contains(LOADER));
    let Some(walrus::ImportKind::Function(load)) = import.map(|import| import.kind.clone()) else {
        bail!("the module imports no function with {LOADER} in its name");
    };
    let loaded = module.globals.add_local(ValType::I32, true, false, ConstExpr::Value(Value::I32(0)));
    let mut ensure = FunctionBuilder::new(&mut module.types, &[], &[]);
    ensure.func_body().global_get(loaded).unop(UnaryOp::I32Eqz).if_else(
        None,
        |then| {
            then.call(load).i32_const(1).global_set(loaded);
        },
        |_| {},
    );
    Ok(ensure.finish(Vec::new(), &mut module.funcs))
}

/// Leaves in `module` what `deferred` holds; gives what it imports from the first module.
fn cut_rest(module: &mut Module, deferred: &BTreeSet<Index>, entries: &[Index]) -> HashSet<String> {
    let own = local_functions(module);
    module.start = None;
    for id in module.exports.iter().map(|export| export.id()).collect::<Vec<_>>() {
        module.exports.delete(id);
    }
    for id in module.data.iter().map(|data| data.id()).collect::<Vec<_>>() {
        module.data.delete(id);
    }
    for id in module.elements.iter().map(|element| element.id()).collect::<Vec<_>>() {
        module.elements.delete(id);
    }
    import_everything(module, deferred);
    let count = entries.len() as u64;
    let (table, _) = module.add_import_table(FIRST, TABLE, false, count, Some(count), RefType::FUNCREF);
    let offset = ConstExpr::Value(Value::I32(0));
    let functions = entries.iter().map(|index| at(&own, *index)).collect();
    let segment = module.elements.add(ElementKind::Active { table, offset }, ElementItems::Functions(functions));
    module.tables.get_mut(table).elem_segments.insert(segment);
    walrus::passes::gc::run(module);
    module.imports.iter().map(|import| import.name.clone()).collect()
}

/// Makes an import from the first module of everything but `deferred`.
fn import_everything(module: &mut Module, deferred: &BTreeSet<Index>) {
    for id in module.imports.iter().map(|import| import.id()).collect::<Vec<_>>() {
        module.imports.delete(id);
    }
    for id in module.funcs.iter().map(|function| function.id()).collect::<Vec<_>>() {
        if deferred.contains(&id.index()) {
            continue;
        }
        let ty = module.funcs.get(id).ty();
        let import = module.imports.add(FIRST, &name_of(ExportItem::Function(id)), id);
        module.funcs.get_mut(id).kind = FunctionKind::Import(ImportedFunction { import, ty });
    }
    for id in module.memories.iter().map(|memory| memory.id()).collect::<Vec<_>>() {
        let import = module.imports.add(FIRST, &name_of(ExportItem::Memory(id)), id);
        let memory = module.memories.get_mut(id);
        memory.import = Some(import);
        memory.data_segments.clear();
    }
    for id in module.tables.iter().map(|table| table.id()).collect::<Vec<_>>() {
        let import = module.imports.add(FIRST, &name_of(ExportItem::Table(id)), id);
        let table = module.tables.get_mut(id);
        table.import = Some(import);
        table.elem_segments.clear();
    }
    for id in module.globals.iter().map(|global| global.id()).collect::<Vec<_>>() {
        let import = module.imports.add(FIRST, &name_of(ExportItem::Global(id)), id);
        module.globals.get_mut(id).kind = GlobalKind::Import(import);
    }
}

/// All that the rest may import.
fn everything(module: &Module) -> Vec<ExportItem> {
    let functions = module.funcs.iter().map(|function| ExportItem::Function(function.id()));
    let memories = module.memories.iter().map(|memory| ExportItem::Memory(memory.id()));
    let tables = module.tables.iter().map(|table| ExportItem::Table(table.id()));
    let globals = module.globals.iter().map(|global| ExportItem::Global(global.id()));
    functions.chain(memories).chain(tables).chain(globals).collect()
}

/// The name under which the rest finds a part of the first module: short, for there are thousands.
fn name_of(item: ExportItem) -> String {
    match item {
        ExportItem::Function(id) => format!("f{:x}", id.index()),
        ExportItem::Table(id) => format!("t{:x}", id.index()),
        ExportItem::Memory(id) => format!("m{:x}", id.index()),
        ExportItem::Global(id) => format!("g{:x}", id.index()),
        ExportItem::Tag(id) => format!("e{:x}", id.index()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `run` calls `called` and `left`, each of which adds to its argument; only the loader is imported.
    fn sample() -> Vec<u8> {
        let mut module = Module::default();
        let ty = module.types.add(&[], &[]);
        module.add_import_func("./glue.js", "__wbg_playgroundRest_0", ty);
        let mut own = Vec::new();
        for _ in 0..2 {
            let argument = module.locals.add(ValType::I32);
            let mut function = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
            let mut body = function.func_body();
            body.local_get(argument);
            for _ in 0..4 {
                body.i32_const(7).binop(walrus::ir::BinaryOp::I32Add);
            }
            own.push(function.finish(vec![argument], &mut module.funcs));
        }
        let mut run = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        run.func_body().i32_const(1).call(own[0]).call(own[1]);
        let run = run.finish(Vec::new(), &mut module.funcs);
        module.exports.add("run", run);
        module.emit_wasm()
    }

    fn numbers(module: &[u8]) -> usize {
        local_functions(&parse(module).expect("a module")).len()
    }

    #[test]
    fn the_copy_exports_a_mark_for_every_function() {
        let marked = parse(&instrument(&sample()).expect("a copy")).expect("a module");
        let marks = marked.exports.iter().filter(|export| export.name.starts_with(SEEN)).count();
        assert_eq!(marks, numbers(&sample()));
    }

    #[test]
    fn what_was_not_called_moves_behind_a_stub() {
        let seen = (1..numbers(&sample())).collect();
        let Split { first, rest } = split(&sample(), &seen).expect("two modules");
        let (first, rest) = (parse(&first).expect("the first"), parse(&rest).expect("the rest"));
        let table = first.exports.iter().find(|export| export.name == TABLE).expect("the table of stubs");
        let ExportItem::Table(table) = table.item else { panic!("`{TABLE}` is no table") };
        assert_eq!(first.tables.get(table).initial, 1);
        assert_eq!(local_functions(&rest).len(), 1);
        let offered: HashSet<_> = first.exports.iter().map(|export| export.name.clone()).collect();
        for import in rest.imports.iter() {
            assert!(import.module == FIRST && offered.contains(&import.name), "{} is not offered", import.name);
        }
    }

    #[test]
    fn nothing_moves_when_everything_was_called() {
        let seen = (0..numbers(&sample())).collect();
        let Split { rest, .. } = split(&sample(), &seen).expect("two modules");
        assert!(local_functions(&parse(&rest).expect("the rest")).is_empty());
    }

    #[test]
    fn a_module_without_a_loader_is_refused() {
        let mut module = Module::default();
        assert!(split(&module.emit_wasm(), &HashSet::new()).is_err());
    }
}
