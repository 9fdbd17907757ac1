//! HTTP/1.1 (RFC 9110, RFC 9112): messages off the wire, a server over any [`server::Site`], and the sites of the world.
//!
//! Head lines are read by the crate `httparse`. Left out: trailers' contents, `Upgrade`, HTTP/2, TLS.

pub(crate) mod httpbin;
pub(crate) mod message;
pub(crate) mod server;
pub(crate) mod sites;
pub(crate) mod url;
