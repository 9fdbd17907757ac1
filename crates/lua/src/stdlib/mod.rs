//! The libraries, one file each. Every file has one `load`, which declares its functions for the engine's options.

use piccolo::Context;

use crate::Options;

/// Loads the libraries that the options ask for.
pub(crate) fn load(ctx: Context<'_>, options: &Options) {
    let _ = (ctx, options);
    // string::load(ctx, options);
    // table::load(ctx, options);
    // math::load(ctx, options);
    // utf8::load(ctx, options);
}
