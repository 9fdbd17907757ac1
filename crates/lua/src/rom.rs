//! Read-only tables: modules and the method tables of userdata types.
//!
//! On the chip these stand in flash. A program reads them like any table; a write fails with the dialect's words. A global
//! that is not set falls through to the modules, and `pairs(_G)` does not list them.

use piccolo::{Context, Value};

use crate::{Object, Table, shared::Shared};

/// Declares a read-only module, found as a global of that name. Returns its table.
pub fn module<'gc>(ctx: Context<'gc>, name: &'static str, members: Vec<(&'static str, Value<'gc>)>) -> Table<'gc> {
    let table = self::table(ctx, members);
    Shared::of(ctx).rom.set_field(ctx, name, table);
    table
}

/// A read-only table.
pub fn table<'gc>(ctx: Context<'gc>, members: Vec<(&'static str, Value<'gc>)>) -> Table<'gc> {
    let table = Table::with_capacity(&ctx, 0, members.len());
    for (member, value) in members {
        table.set_field(ctx, member, value);
    }
    table.set_read_only(&ctx);
    table
}

/// Declares a userdata type: a read-only metatable whose `__index` is a read-only table of `methods`. Names that begin with
/// two underscores become metamethods.
///
/// Objects of the type are made with [`Object::new`].
pub fn userdata_type<'gc>(
    ctx: Context<'gc>,
    name: &'static str,
    methods: Vec<(&'static str, Value<'gc>)>,
) -> Table<'gc> {
    let (metamethods, methods): (Vec<_>, Vec<_>) = methods.into_iter().partition(|(name, _)| name.starts_with("__"));
    let mut members = vec![("__name", Value::String(ctx.intern_static(name.as_bytes())))];
    members.push(("__index", self::table(ctx, methods).into()));
    members.extend(metamethods);
    let metatable = self::table(ctx, members);
    Shared::of(ctx).registry.set_field(ctx, name, metatable);
    metatable
}

/// The metatable of a declared userdata type.
pub fn metatable<'gc>(ctx: Context<'gc>, name: &'static str) -> Option<Table<'gc>> {
    Table::from_value(Shared::of(ctx).registry.get(ctx, name))
}

/// Makes an object of a declared userdata type.
pub fn object<'gc, T: 'static>(ctx: Context<'gc>, name: &'static str, payload: T) -> Object<'gc> {
    Object::new(&ctx, payload, metatable(ctx, name))
}

/// The table of globals.
pub fn globals<'gc>(ctx: Context<'gc>) -> Table<'gc> {
    Shared::of(ctx).globals
}

/// A table that programs cannot reach: `debug.getregistry()`.
pub fn registry<'gc>(ctx: Context<'gc>) -> Table<'gc> {
    Shared::of(ctx).registry
}

/// What a program gets for the global `name`: its own, or the module of that name.
pub fn global<'gc>(ctx: Context<'gc>, name: &'static str) -> Value<'gc> {
    match globals(ctx).get(ctx, name) {
        Value::Nil => Shared::of(ctx).rom.get(ctx, name),
        value => value,
    }
}
