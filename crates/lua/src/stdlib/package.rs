//! `require`, `package` and 5.1's `module` (`loadlib.c`), over the host's files.

use gc_arena::Collect;
use piccolo::{Context, String, Value};

use super::{base::read_file, functions};
use crate::{
    Function, Options, Table, chunk, closure,
    native::{self, Answer, Call, Continuation, Error},
    rom,
    shared::Shared,
};

/// Where `require` looks on the chip, and in a directory.
const CHIP_PATH: &str = "?.lc;?.lua";
const FULL_PATH: &str = "./?.lua;./?/init.lua";

/// Loads `package` and `require`.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let globals = rom::globals(ctx);
    let package = Table::new(&ctx);
    let loaded = Table::new(&ctx);
    let loaders = Table::new(&ctx);
    for (index, loader) in
        [native::function(ctx, "preload_searcher", search_preload), native::function(ctx, "lua_searcher", search_files)]
            .into_iter()
            .enumerate()
    {
        let _ = loaders.set(ctx, index as i64 + 1, loader);
    }
    package.set_field(ctx, "loaded", loaded);
    package.set_field(ctx, "preload", Table::new(&ctx));
    package.set_field(ctx, "path", if options.full_libraries { FULL_PATH } else { CHIP_PATH });
    package.set_field(ctx, "cpath", "");
    package.set_field(ctx, "config", if options.dialect.is_53() { "/\n;\n?\n!\n-\n" } else { "/\n;\n?\n!\n-" });
    if options.dialect.is_53() {
        package.set_field(ctx, "searchers", loaders);
    }
    if !options.dialect.is_53() || !options.full_libraries {
        package.set_field(ctx, "loaders", loaders);
    }
    if options.full_libraries {
        for name in ["string", "table", "math", "coroutine", "debug", "utf8", "os", "io"] {
            let library = globals.get(ctx, name);
            let _ = loaded.set(ctx, name, library);
        }
        loaded.set_field(ctx, "package", package);
    }
    loaded.set_field(ctx, "_G", globals);
    rom::registry(ctx).set_field(ctx, "_LOADED", loaded);
    globals.set_field(ctx, "package", package);
    let upvalues = vec![package.into()];
    let target = if options.full_libraries { globals } else { Shared::of(ctx).rom };
    target.set_field(ctx, "require", native::function_with(ctx, "require", upvalues.clone(), require));
    if !options.dialect.is_53() {
        for (name, function) in functions(ctx, &[("module", module)]) {
            target.set_field(ctx, name, function);
        }
        package.set_field(ctx, "seeall", native::function(ctx, "seeall", see_all));
    }
}

fn loaded_table<'gc>(ctx: Context<'gc>) -> Table<'gc> {
    Table::from_value(rom::registry(ctx).get(ctx, "_LOADED")).unwrap_or_else(|| Table::new(&ctx))
}

fn require<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let name = call.check_string(1)?;
    let ctx = call.ctx();
    let loaded = loaded_table(ctx);
    let known = loaded.get_value(&ctx, name.into());
    if known.to_bool() {
        if let Value::Boolean(false) = known {
            return Ok(call.one(known));
        }
        if !call.dialect().is_53() && is_sentinel(known) {
            return Err(call.error(format!("loop or previous error loading module '{}'", name.to_str_lossy())));
        }
        return Ok(call.one(known));
    }
    if !call.options().full_libraries {
        // On the chip modules in ROM, and in 5.1 any global table, need not be loaded.
        let shared = Shared::of(ctx);
        let mut found = shared.rom.get_value(&ctx, name.into());
        if !call.dialect().is_53() && found.is_nil() {
            found = shared.globals.get_value(&ctx, name.into());
        }
        if Table::from_value(found).is_some() {
            return Ok(call.one(found));
        }
    }
    let package = Table::from_value(call.upvalue(0)).unwrap_or_else(|| Table::new(&ctx));
    let field = if call.dialect().is_53() { "searchers" } else { "loaders" };
    let Some(loaders) = Table::from_value(package.get(ctx, field)) else {
        return Err(call.error(format!("'package.{field}' must be a table")));
    };
    Box::new(Requiring { name, loaders, index: 0, tried: Vec::new() }).go_on(call)
}

/// What stands in `package.loaded` while a module of 5.1 is being loaded.
struct Sentinel;

fn is_sentinel(value: Value<'_>) -> bool {
    crate::Object::from_value(value).is_some_and(|object| object.payload::<Sentinel>().is_some())
}

/// `require` under way: asks one loader after the other.
#[derive(Collect)]
#[collect(no_drop)]
struct Requiring<'gc> {
    name: String<'gc>,
    loaders: Table<'gc>,
    index: i64,
    tried: Vec<u8>,
}

impl<'gc> Requiring<'gc> {
    fn go_on(mut self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        self.index += 1;
        let loader = self.loaders.get(call.ctx(), self.index);
        if loader.is_nil() {
            let tried = std::string::String::from_utf8_lossy(&self.tried);
            return Err(call.error(format!("module '{}' not found:{tried}", self.name.to_str_lossy())));
        }
        let name = self.name.into();
        Ok(call.call(loader, [name], self))
    }
}

impl<'gc> Continuation<'gc> for Requiring<'gc> {
    fn resume(mut self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        let found = call.arg(1);
        if Function::from_value(found).is_none() {
            if let Value::String(text) = found {
                self.tried.extend_from_slice(text.as_bytes());
            }
            return self.go_on(call);
        }
        let ctx = call.ctx();
        let loaded = loaded_table(ctx);
        let name = Value::String(self.name);
        if !call.dialect().is_53() {
            let sentinel = crate::Object::new(&ctx, Sentinel, None);
            let _ = loaded.set_value(&ctx, name, sentinel.into());
        }
        let extra = call.arg(2);
        let arguments = if call.dialect().is_53() { vec![name, extra] } else { vec![name] };
        Ok(call.call(
            found,
            arguments,
            native::then(name, |name, call| {
                let ctx = call.ctx();
                let loaded = loaded_table(ctx);
                let result = call.arg(1);
                if !result.is_nil() {
                    let _ = loaded.set_value(&ctx, name, result);
                }
                let mut value = loaded.get_value(&ctx, name);
                if value.is_nil() || is_sentinel(value) {
                    value = Value::Boolean(true);
                    let _ = loaded.set_value(&ctx, name, value);
                }
                Ok(call.one(value))
            }),
        ))
    }
}

fn search_preload<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let name = call.check_string(1)?;
    let ctx = call.ctx();
    let package = Table::from_value(rom::globals(ctx).get(ctx, "package"));
    let preload = package.and_then(|package| Table::from_value(package.get(ctx, "preload")));
    let found = preload.map(|preload| preload.get_value(&ctx, name.into())).unwrap_or_default();
    if found.is_nil() {
        let text = format!("\n\tno field package.preload['{}']", name.to_str_lossy());
        return Ok(call.one(call.string(text.as_bytes())));
    }
    Ok(call.one(found))
}

fn search_files<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let name = call.check_string(1)?.to_str_lossy().into_owned();
    let ctx = call.ctx();
    let package = Table::from_value(rom::globals(ctx).get(ctx, "package"));
    let path = match package.map(|package| package.get(ctx, "path")) {
        Some(Value::String(path)) => path.to_str_lossy().into_owned(),
        _ => return Err(call.error("'package.path' must be a string")),
    };
    let mut tried = std::string::String::new();
    for template in path.split(';').filter(|template| !template.is_empty()) {
        let file = template.replace('?', &name.replace('.', "/"));
        let Some(source) = read_file(&call, &file) else {
            tried.push_str(&format!("\n\tno file '{file}'"));
            continue;
        };
        let shared = Shared::of(ctx);
        let chunk_name = format!("@{file}");
        let source = chunk::without_shebang(&source);
        return match chunk::load(ctx, shared, chunk_name.as_bytes(), source, shared.globals) {
            Ok(function) => Ok(call.two(function, call.string(file.as_bytes()))),
            Err(error) => {
                Err(call.error(format!("error loading module '{name}' from file '{file}':\n\t{}", error.message)))
            }
        };
    }
    Ok(call.one(call.string(tried.as_bytes())))
}

/// 5.1's `module(name, ...)`: a table for the module becomes the caller's environment.
fn module<'gc>(mut call: Call<'gc, '_>) -> Answer<'gc> {
    let name = call.check_string(1)?;
    let ctx = call.ctx();
    let loaded = loaded_table(ctx);
    let module = match Table::from_value(loaded.get_value(&ctx, name.into())) {
        Some(module) => module,
        None => {
            let module = find_table(&call, name)?;
            let _ = loaded.set_value(&ctx, name.into(), module.into());
            module
        }
    };
    if module.get(ctx, "_NAME").is_nil() {
        let text = name.as_bytes();
        let package = text.iter().rposition(|byte| *byte == b'.').map_or(&b""[..], |dot| &text[..=dot]);
        module.set_field(ctx, "_M", module);
        module.set_field(ctx, "_NAME", name);
        module.set_field(ctx, "_PACKAGE", Value::String(String::from_slice(&ctx, package)));
    }
    match call.level_function(1) {
        Some(Some(function)) if function.closure().is_some() => {
            closure::set_environment(&ctx, function, module.into());
        }
        _ => return Err(call.error("'module' not called from a Lua function")),
    }
    let options = call.args()[1..].to_vec();
    Box::new(ModuleOptions { module, options, index: 0 }).go_on(&mut call)
}

/// The global table of a dotted name, made where it is missing.
fn find_table<'gc>(call: &Call<'gc, '_>, name: String<'gc>) -> Result<Table<'gc>, Error<'gc>> {
    let ctx = call.ctx();
    let mut table = rom::globals(ctx);
    for part in name.as_bytes().split(|byte| *byte == b'.') {
        let key = Value::String(String::from_slice(&ctx, part));
        let value = table.get_value(&ctx, key);
        table = match Table::from_value(value) {
            Some(inner) => inner,
            None if value.is_nil() => {
                let inner = Table::new(&ctx);
                let _ = table.set_value(&ctx, key, inner.into());
                inner
            }
            None => return Err(call.error(format!("name conflict for module '{}'", name.to_str_lossy()))),
        };
    }
    Ok(table)
}

/// Calls the options of `module` one after the other.
#[derive(Collect)]
#[collect(no_drop)]
struct ModuleOptions<'gc> {
    module: Table<'gc>,
    options: Vec<Value<'gc>>,
    index: usize,
}

impl<'gc> ModuleOptions<'gc> {
    fn go_on(mut self: Box<Self>, call: &mut Call<'gc, '_>) -> Answer<'gc> {
        let Some(&option) = self.options.get(self.index) else { return Ok(call.none()) };
        self.index += 1;
        let module = self.module.into();
        Ok(call.call(option, [module], self))
    }
}

impl<'gc> Continuation<'gc> for ModuleOptions<'gc> {
    fn resume(self: Box<Self>, mut call: Call<'gc, '_>) -> Answer<'gc> {
        self.go_on(&mut call)
    }
}

fn see_all<'gc>(call: Call<'gc, '_>) -> Answer<'gc> {
    let table = call.check_table(1)?;
    let ctx = call.ctx();
    let metatable = table.metatable().unwrap_or_else(|| Table::new(&ctx));
    metatable.set_field(ctx, "__index", rom::globals(ctx));
    table.set_metatable(ctx, Some(metatable));
    Ok(call.none())
}
