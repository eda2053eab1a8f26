//! How long decoding takes: `cargo bench --bench decode`. Judged against a frame of each family (millions a second on
//! one core) and 64 KiB of hostile bytes (5 ms).

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use lockyard::protocol::explain::explain;
use lockyard::protocol::{Connection, Memory};
use std::fmt;
use std::sync::Arc;

fn main() {
    divan::main();
}

/// Bytes under a name.
struct Case(&'static str, Vec<u8>);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).expect("the benchmark's own frames are hex")
}

/// One frame of each family and kind, as captured or printed in a manual.
fn frames() -> Vec<Case> {
    let sentence = b"$POS,0000001,112742.000,A,0900.9050,N,03845.0609,E,13.12,212.34,290421,,,A/00010,00000/0,0,0,0/250161300//fd7//\r\n";
    let mut framed = hex("bffbff7500");
    framed.extend(sentence);
    let length = framed.len() as u16;
    framed[3..5].copy_from_slice(&length.to_le_bytes());
    vec![
        Case(
            "master binary",
            hex(
                "24800062001119110034180421162259223483101135505\
                 43f12980000002d060000000020e02810922866\
                 1f000100000f0f0f0f0f0f0f0f000001cc0156",
            ),
        ),
        Case(
            "master P45",
            b"(8000400055,P45,060121,081257,22.58047,N,113.91753,E,A,0,0,4,1,0000000000,1,0,5,58)".to_vec(),
        ),
        Case(
            "master WLNET",
            hex(
                "28383133303633303030312c312c3131302c574c4e45542c352c322c1904211135342234834411355052\
                 0f0000190421113533e01726000412016810570400400000003100\
                 29",
            ),
        ),
        Case("legacy binary", hex("24408111888821001b09060908045322564025113242329f0598000001003f0000002d00ab")),
        Case(
            "legacy U01",
            b"(3460311327,U01,220916,140606,T,9.552607,N,13.658292,W,0.31,0,9,0%,00001001000000,11012,10,27,0,0,33)"
                .to_vec(),
        ),
        Case("seal 0x0200", seal_report()),
        Case("bofan bare", sentence.to_vec()),
        Case("bofan BF FB", framed),
    ]
}

fn seal_report() -> Vec<u8> {
    let mut plain =
        hex("0200002e794308010679000100000000000400020158434b06cb743d0009000000002611200830003001");
    plain.extend(hex("1f310109d4015ad50201a4fe0400000065"));
    let length = (plain.len() - 12) as u16;
    plain[2..4].copy_from_slice(&length.to_be_bytes());
    plain.push(plain.iter().fold(0, |sum, byte| sum ^ byte));
    [&[0x7E], plain.as_slice(), &[0x7E]].concat()
}

fn drain(connection: &mut Connection) -> usize {
    let mut count = 0;
    while let Some(heard) = connection.next() {
        black_box(heard);
        count += 1;
    }
    count
}

/// From bytes read to messages: detect, cut, decode, answer.
#[divan::bench(args = frames())]
fn decode(bencher: Bencher<'_, '_>, case: &Case) {
    let mut connection = Connection::new(Arc::new(Memory::default()));
    connection.push(&case.1);
    assert_eq!(drain(&mut connection), 1, "{case} is one frame");
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        connection.push(black_box(&case.1));
        drain(&mut connection)
    });
}

/// The same, sixteen frames in a read.
#[divan::bench(args = frames())]
fn decode_sixteen(bencher: Bencher<'_, '_>, case: &Case) {
    let mut connection = Connection::new(Arc::new(Memory::default()));
    let read = case.1.repeat(16);
    bencher.counter(ItemsCount::new(16_u32)).bench_local(|| {
        connection.push(black_box(&read));
        drain(&mut connection)
    });
}

#[divan::bench(args = frames())]
fn explain_one(bencher: Bencher<'_, '_>, case: &Case) {
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| explain(black_box(&case.1)));
}

/// 64 KiB that look like the start of something, over and over: the shapes of `tests/streams/floods.rs`.
fn floods() -> Vec<Case> {
    let flood = |name, pattern: &[u8]| Case(name, pattern.iter().copied().cycle().take(64 * 1024).collect());
    vec![
        flood("brackets", b"("),
        flood("delimiters", b"~"),
        flood("seal heads", b"~\x02\x00\x03\xff\x79\x43\x08\x01\x06\x79\x00\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        flood("BF FB that claim 4096", b"\xbf\xfb\xff\x00\x10$"),
        flood("photo heads", b"$PHD1,4000,a"),
        flood("deltas", b"@M\x02\x04\x0648.000\x02\x04\x0648.000"),
        flood("delta edits", b"@\x00\x02\x04\x06"),
        flood("escapes", b"~\x02\x00\x03\xff\x79\x43\x08\x01\x06\x79\x7d\x01\x7d\x02"),
        flood("digits", b"0123456789"),
        flood("WLNET without end", b"(8000620011,1,001,WLNET,5,2,\x00\x01\x02\x03"),
        flood("long headers", b"$\x80\x00\x62\x00\x11\x19\x11\x00\xff"),
        flood("short headers", b"$\x80\x00\x62\x00\x11\x21\x07\xff\x09"),
    ]
}

fn hostile(bencher: Bencher<'_, '_>, case: &Case, read: usize) {
    bencher.counter(BytesCount::of_slice(&case.1)).bench_local(|| {
        let mut connection = Connection::new(Arc::new(Memory::default()));
        // Bofan is known, so that deltas are looked at, too.
        connection.push(b"$POS,1,112742.000,A,0900.9050,N,03845.0609,E,1,1,290421,,,A/0,0/0/1//fd7//\r\n");
        drain(&mut connection);
        for piece in black_box(&case.1).chunks(read) {
            connection.push(piece);
            drain(&mut connection);
        }
        connection.finish();
        drain(&mut connection)
    });
}

#[divan::bench(args = floods(), sample_count = 20)]
fn hostile_64_kib(bencher: Bencher<'_, '_>, case: &Case) {
    hostile(bencher, case, 64 * 1024);
}

#[divan::bench(args = floods(), sample_count = 20)]
fn hostile_64_kib_in_segments(bencher: Bencher<'_, '_>, case: &Case) {
    hostile(bencher, case, 1460);
}

#[divan::bench(args = floods(), sample_count = 5)]
fn hostile_64_kib_byte_by_byte(bencher: Bencher<'_, '_>, case: &Case) {
    hostile(bencher, case, 1);
}
