//! The libraries, one file each. Every file has one `load`, which declares its functions for the engine's options.

use piccolo::{Context, Value};

use crate::{
    Options, Table,
    native::{self, Answer, Call},
    rom,
};

mod base;
mod coroutine;
mod debug;
mod decimal;
mod format;
mod math;
pub(crate) mod number;
mod pack;
mod package;
mod pattern;
mod sort;
mod string;
mod system;
mod table;
mod utf8;

/// Loads the libraries that the options ask for.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    string::load(ctx, options);
    table::load(ctx, options);
    math::load(ctx, options);
    utf8::load(ctx, options);
    coroutine::load(ctx, options);
    debug::load(ctx, options);
    base::load(ctx, options);
    system::load(ctx, options);
    package::load(ctx, options);
}

/// A function of a library, with its name.
pub(crate) type Member = (&'static str, for<'a, 'b> fn(Call<'a, 'b>) -> Answer<'a>);

/// Declares a library: read-only in ROM as on the chip, or a plain global table with the complete libraries.
pub(crate) fn library<'gc>(
    ctx: Context<'gc>,
    options: &Options,
    name: &'static str,
    members: Vec<(&'static str, Value<'gc>)>,
) -> Table<'gc> {
    if !options.full_libraries {
        return rom::module(ctx, name, members);
    }
    let table = Table::with_capacity(&ctx, 0, members.len());
    for (member, value) in members {
        table.set_field(ctx, member, value);
    }
    rom::globals(ctx).set_field(ctx, name, table);
    table
}

/// The functions as members of a library.
pub(crate) fn functions<'gc>(ctx: Context<'gc>, members: &[Member]) -> Vec<(&'static str, Value<'gc>)> {
    members.iter().map(|&(name, handler)| (name, native::function(ctx, name, handler))).collect()
}
