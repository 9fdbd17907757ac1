//! Frames as they come off the wire, taken apart.

use super::*;

/// A SYN with a maximum segment size, as a chip sends it, checksums right.
fn syn() -> Vec<u8> {
    let mut frame = vec![0x5e, 0xcf, 0x7f, 0, 0, 2, 0x5e, 0xcf, 0x7f, 0, 0, 1, 0x08, 0x00];
    let mut ip = vec![0x45, 0, 0, 44, 0, 1, 0, 0, 255, 6, 0, 0, 192, 168, 1, 100, 192, 168, 1, 50];
    let mut tcp = vec![0xc0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0x16, 0xd0, 0, 0, 0, 0, 2, 4, 5, 0xb4];
    let ip_sum = reader::checksum(&[&ip]).to_be_bytes();
    ip[10..12].copy_from_slice(&ip_sum);
    let pseudo = [192, 168, 1, 100, 192, 168, 1, 50, 0, 6, 0, 24];
    let tcp_sum = reader::checksum(&[&pseudo, &tcp]).to_be_bytes();
    tcp[16..18].copy_from_slice(&tcp_sum);
    frame.extend(ip);
    frame.extend(tcp);
    frame
}

fn name_of(ip: Ipv4Addr) -> Option<String> {
    (ip == Ipv4Addr::new(192, 168, 1, 100)).then(|| "board".into())
}

#[test]
fn syn_reads_as_a_sentence() {
    let found = dissect(&syn(), &name_of);
    assert_eq!(found.summary, "49152 → 80 [SYN] Seq=1 Win=5840 Len=0 MSS=1460");
    assert_eq!(found.sentence, "board asks 192.168.1.50 to open a connection to port 80.");
    assert_eq!((found.source.as_str(), found.destination.as_str()), ("192.168.1.100", "192.168.1.50"));
    let names: Vec<_> = found.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["Ethernet", "IPv4", "TCP"]);
    assert!(found.layers.iter().flat_map(|layer| &layer.fields).all(|field| field.error.is_none()));
    assert_eq!(found.transport.unwrap().flags.as_deref(), Some("SYN"));
}

#[test]
fn damaged_byte_shows_at_its_checksum() {
    let mut frame = syn();
    frame[37] ^= 1;
    let found = dissect(&frame, &name_of);
    let wrong: Vec<_> =
        found.layers.iter().flat_map(|layer| &layer.fields).filter(|field| field.error.is_some()).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!((wrong[0].name.as_str(), wrong[0].start, wrong[0].end), ("Checksum", 50, 52));
}

/// Frames of every protocol this module names.
fn samples() -> Vec<Vec<u8>> {
    let udp = |source: u16, destination: u16, payload: &[u8]| {
        let length = u16::try_from(payload.len()).unwrap();
        let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
        frame.extend([0x45, 0]);
        frame.extend((28 + length).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 192, 168, 1, 1, 192, 168, 1, 100]);
        frame.extend(source.to_be_bytes());
        frame.extend(destination.to_be_bytes());
        frame.extend((8 + length).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    };
    let dns = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x07example\x03com\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x5d\xb8\xd8\x22";
    let mut dhcp = vec![2, 1, 6, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 192, 168, 1, 100];
    dhcp.extend([0; 8]);
    dhcp.extend([2, 0, 0, 0, 0, 1]);
    dhcp.extend([0; 202]);
    dhcp.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 5, 51, 4, 0, 0, 14, 16, 255]);
    vec![syn(), udp(53, 4096, dns), udp(67, 68, &dhcp), udp(123, 123, &[0x24; 48]), udp(7, 9, b"hello")]
}

#[test]
fn known_protocols_are_named() {
    let found: Vec<_> = samples().iter().map(|frame| dissect(frame, &|_| None)).collect();
    let lines: Vec<_> = found.iter().skip(1).map(|found| (found.protocol, found.sentence.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("DNS", "192.168.1.1 answers 192.168.1.100 that example.com is 93.184.216.34."),
            ("DHCP", "192.168.1.1 gives 02:00:00:00:00:01 the address 192.168.1.100."),
            ("NTP", "192.168.1.1 tells 192.168.1.100 what time it is."),
            ("UDP", "192.168.1.1 sends a datagram of 5 bytes to port 9 of 192.168.1.100: “hello”."),
        ]
    );
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut random = 1u32;
    for sample in samples() {
        for length in 0..sample.len() {
            dissect(&sample[..length], &|_| None);
            segment_of(&sample[..length]);
            datagram_of(&sample[..length]);
        }
        for _ in 0..2000 {
            let mut frame = sample.clone();
            for _ in 0..3 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = random as usize % frame.len();
                frame[at] = (random >> 24) as u8;
            }
            let found = dissect(&frame, &|_| None);
            let end = u32::try_from(frame.len()).unwrap();
            assert!(
                found
                    .layers
                    .iter()
                    .flat_map(|layer| &layer.fields)
                    .all(|field| field.start <= field.end && field.end <= end)
            );
        }
    }
}
