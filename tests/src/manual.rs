//! Every Lua block of the manual's `net` page is a case, unmodified but for its line breaks.
//!
//! The manual's text is not part of this repository. What its blocks are is known by their length and checksum without
//! white space, so that no case can drift away from the manual unnoticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The manual's blocks in its order: under which heading, characters and CRC-32 without white space, and the file with it.
const BLOCKS: &[(&str, usize, u32, &str)] = &[
    ("net.createServer()", 32, 0x7726_7e5f, "create_server/board.lua"),
    ("net.server:close()", 74, 0xda7c_17ad, "server_close/board.lua"),
    ("net.server:listen()", 288, 0xe6dc_16a8, "server_listen/board.lua"),
    ("net.socket:dns()", 95, 0xed68_d0df, "socket_dns/board.lua"),
    ("net.socket:on()", 457, 0x2d9a_7bda, "socket_on/board.lua"),
    ("net.socket:on()", 250, 0x95c1_e143, "socket_on_buffer/board/example.lua"),
    ("net.socket:send()", 686, 0xee9b_6959, "socket_send/board.lua"),
    ("net.socket:send()", 192, 0x0856_dada, "socket_send_explicit/board/example.lua"),
    ("net.socket:ttl()", 101, 0xbf84_3b2f, "socket_ttl/board.lua"),
    ("net.udpsocket:send()", 282, 0x51d6_3145, "udpsocket_send/board.lua"),
    ("net.dns.getdnsserver()", 237, 0xe9d2_61d1, "dns_getdnsserver/board.lua"),
    ("net.dns.resolve()", 100, 0x5436_2ce9, "dns_resolve/board.lua"),
    ("net.ping()", 622, 0x3fbc_d6aa, "ping_examples/board.lua"),
    ("net.ping()", 218, 0xa337_fef4, "ping_overlapping/board.lua"),
];

#[test]
fn every_block_of_the_manual_is_a_case() {
    for (heading, length, checksum, file) in BLOCKS {
        let source =
            fs::read_to_string(cases().join(file)).unwrap_or_else(|error| panic!("{heading}: {file}: {error}"));
        let text: String = source.split_whitespace().collect();
        assert_eq!(
            (text.len(), crc32(text.as_bytes())),
            (*length, *checksum),
            "{heading}: {file} is not the manual's block"
        );
    }
}

/// Cases below `manual` that are no block as it stands: parts of one, by themselves.
const PARTS: [&str; 4] = ["ifinfo", "ping", "ping_count", "ping_statistics"];

#[test]
fn every_case_of_the_manual_is_a_block_or_a_part_of_one() {
    let mut known: BTreeSet<String> = PARTS.iter().map(|part| (*part).to_owned()).collect();
    known.extend(BLOCKS.iter().filter_map(|(.., file)| Some(file.split_once('/')?.0.to_owned())));
    let folders = fs::read_dir(cases()).expect("the folder of the manual's cases can be read");
    let found: BTreeSet<String> =
        folders.map(|entry| entry.expect("it stays readable").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(found, known);
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/manual")
}

/// CRC-32 as in IEEE 802.3, bit by bit: the texts are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
