//! TCP between two hosts: what lwIP does that a program can observe, as docs/behaviour.md says it.

mod support;

use lan::StackProfile;
use support::Pair;

const CHIP: StackProfile = StackProfile::Chip;
const DESKTOP: StackProfile = StackProfile::Desktop;

#[test]
fn a_connection_opens_carries_data_and_closes() {
    for (a, b) in [(CHIP, CHIP), (CHIP, DESKTOP), (DESKTOP, CHIP), (DESKTOP, DESKTOP)] {
        let (mut pair, client, server) = Pair::connected(a, b);
        pair.send(0, client, b"hello");
        pair.run(1000);
        pair.send(1, server, b"world!");
        pair.run(1000);
        assert!(pair.hosts[0].tcp_close(pair.now, client));
        pair.run(1000);
        if b == DESKTOP {
            pair.hosts[1].tcp_close(pair.now, server);
        }
        pair.run(1000);
        let expected = ["b received 5", "a acknowledged 5", "a received 6", "b acknowledged 6", "b closed 0"];
        assert_eq!(pair.what_happened(), expected, "{a:?} {b:?} {:#?}", pair.frames);
        pair.run(70_000);
        assert_eq!(pair.hosts[0].netstat().sockets.len(), 0, "{a:?} {b:?}");
        assert_eq!(pair.hosts[1].netstat().sockets.len(), 1, "the listener stays {a:?} {b:?}");
    }
}
