//! Who is asked for the addresses of names.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// Addresses of a name, once the answer is there.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Knows the addresses of names.
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// Looks `host` up, a name and no address.
    ///
    /// # Errors
    /// If the name has no address, or nobody answers.
    fn lookup<'a>(&'a self, host: &'a str) -> Lookup<'a>;
}

/// The system's way: its name servers, and its list of hosts.
#[derive(Debug)]
pub(crate) struct SystemResolver;

impl Resolver for SystemResolver {
    fn lookup<'a>(&'a self, host: &'a str) -> Lookup<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
    }
}
