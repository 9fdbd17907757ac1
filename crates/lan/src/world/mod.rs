//! The built-in world: everything a board talks to that is not a board.
//!
//! A router with DHCP, DNS and NTP; a small internet behind it with name servers, web sites, an MQTT broker and hosts for
//! trying things out; and the person's PC. Addresses, names and services: docs/world.md.
//!
//! Reading order: [`service`] (what a server program is), the protocols ([`dhcp`], [`dns`], [`http`], [`ntp`]).

#![allow(dead_code, unreachable_pub)] // until the services run on hosts

mod clock;
pub mod dhcp;
pub mod dns;
mod http;
mod ntp;
mod packet;
mod service;
