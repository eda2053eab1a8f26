//! 64 KiB of every nasty shape, whole, in segments and byte by byte: work linear in the bytes, memory bounded.

use super::frames::{Told, fresh, hear};

const FLOOD: usize = 64 * 1024;

/// 64 KiB of a repeated pattern.
fn flood(pattern: &[u8]) -> Vec<u8> {
    pattern.iter().copied().cycle().take(FLOOD).collect()
}

/// A head, then 64 KiB of a repeated pattern.
fn headed(head: &[u8], pattern: &[u8]) -> Vec<u8> {
    [head, &flood(pattern)].concat()
}

/// `BF FB` frames that each claim 4096 bytes, the next one five bytes inside.
fn nested() -> Vec<u8> {
    flood(b"\xbf\xfb\xff\x00\x10$")
}

/// Steps taken, and the most bytes held.
fn steps(bytes: &[u8], chunk: usize) -> (u64, usize) {
    let mut connection = fresh();
    // Bofan is known, so that deltas are looked at, too.
    connection.push(
        b"$POS,1,112742.000,A,0900.9050,N,03845.0609,E,13.12,212.34,290421,,,A/00010,00000/0/1//fd7//\r\n",
    );
    let mut told = Told::default();
    told.drain(&mut connection);
    let before = connection.steps();
    let mut most = 0;
    for piece in bytes.chunks(chunk) {
        connection.push(piece);
        told.drain(&mut connection);
        most = most.max(connection.buffered());
    }
    connection.close();
    told.drain(&mut connection);
    (connection.steps() - before, most)
}

fn check(name: &str, bytes: &[u8], most_a_byte: u64) {
    for chunk in [1, 1460, FLOOD] {
        let (steps, most) = steps(bytes, chunk);
        let a_byte = steps / bytes.len() as u64;
        assert!(a_byte <= most_a_byte, "{name} in {chunk}s: {a_byte} steps a byte");
        assert!(most <= 4096, "{name} in {chunk}s: {most} bytes held");
    }
}

#[test]
fn hostile_floods_cost_a_bounded_number_of_steps_a_byte() {
    let patterns: [&[u8]; 40] = [
        b"x",
        b"0123456789",
        b"\x00",
        b"\r",
        b" \x00x",
        b"(",
        b"(8",
        b"(8000620011,",
        b"(8000620011)",
        b"(8000620011,1,110,WLNET,5,2,\x00\x01",
        b"(1,,,WLNET,,",
        b"~",
        b"~\x02",
        b"~\x7d",
        b"~\x02\x00\x00\x4d\x79\x43\x08\x01\x06\x79",
        b"~\x02\x00\x03\xff\x79\x43\x08\x01\x06\x79\x00\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"~\x02\x00\x60\x4d\x01\x00\x00\x00\x00\x01\x23\x45\x67\x89\x01\x00",
        b"~\x02\x00\x23\xff\x79\x43\x08\x01\x06\x79\x00\x00\x00\x02\x00\x01",
        b"~\x02\x00\x03\xff\x79\x43\x08\x01\x06\x79\x7d\x01\x7d\x02",
        b"~\x02\x7d\x02\x7d\x01\x7d\x01\x79\x43\x08\x01\x06\x79",
        b"$",
        b"$POS,",
        b"$POS",
        b"$PHD",
        b"$PHD0,",
        b"$PHD0,960,",
        b"$PHD1,4000,a",
        b"$PHD12345678,4000,",
        b"$FUS12345",
        b"$\x80\x00\x62\x00\x11",
        b"$\x80\x00\x62\x00\x11\x19\x11\x00\xff",
        b"$\x80\x00\x62\x00\x11\x21\x07\xff\x09",
        b"$\x80\x00\x62\x00\x11\x21\x00\x1b\x00",
        b"\xbf",
        b"\xbf\xfb",
        b"\xbf\xfb\xff\x07\x00$$",
        b"\xbf\xfb\xff\x06\x00$",
        b"\xbf\xfb\xff\x07\x00@\x00",
        b"(~$\xbf\xfb@",
        b"GET / HTTP/1.1\r\n",
    ];
    for pattern in patterns {
        check(&pattern.escape_ascii().to_string(), &flood(pattern), 70);
    }
    check("nested BF FB", &nested(), 70);
}

#[test]
fn one_head_before_a_flood_costs_no_more() {
    let heads: [(&[u8], &[u8]); 10] = [
        (b"(8000620011,1,001,WLNET,5,2,", b"\x00"),
        (b"(8000620011,1,001,WLNET,5,2,", b"\x3d\x15"),
        (b"(8000620011,P45", b",1"),
        (b"~\x02\x00\x03\xff\x79\x43\x08\x01\x06\x79", b"\x7d\x01"),
        (b"~\x02\x00\x03\xff\x79\x43\x08\x01\x06\x79", b"a"),
        (b"$POS,3760971,", b"1"),
        (b"$PHD0,4000,", b"$"),
        (b"\xbf\xfb\xff\x00\x10", b"$POS,1\r\n"),
        (b"\xbf\xfb\xff\x00\x10", b"@\x00\x00\x00\x01a"),
        (b"$\x80\x00\x62\x00\x11\x19\x11\x04\x00", b"$\x80\x00\x62\x00\x11\x19\x11\x00\xff"),
    ];
    for (head, pattern) in heads {
        let name = format!("{} then {}", head.escape_ascii(), pattern.escape_ascii());
        check(&name, &headed(head, pattern), 70);
    }
}

/// A delta has no end of its own and is looked through again on every read, but never more than its longest.
#[test]
fn deltas_cost_no_more_than_their_longest_a_byte() {
    let patterns: [&[u8]; 7] = [
        b"@",
        b"@\x00",
        b"@\x00\x02\x04\x06",
        b"@M\x02\x04\x0648.000\x02\x04\x0648.000",
        b"\x00\x00\x01a",
        b"\x02\x04\x00",
        b"@M\x02\x04\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    for pattern in patterns {
        let name = format!("a delta and {}", pattern.escape_ascii());
        check(&name, &headed(b"@M\x02\x04\x0648.000", pattern), 600);
    }
}

#[test]
fn a_run_of_rubbish_is_told_once_a_read() {
    for pattern in [b"(".as_slice(), b"~", b"$", b"x", b"GET / HTTP/1.1\r\n", b"$x(~"] {
        let told = hear([flood(pattern).as_slice()]);
        // What may begin a frame at the very end is told when the stream ends.
        assert!(told.refusals.len() <= 2, "{}: {}", pattern.escape_ascii(), told.refusals.len());
        assert_eq!(told.refused, 64 * 1024);
    }
}
