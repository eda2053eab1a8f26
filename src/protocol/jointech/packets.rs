//! Messages of the seal family that come in several packets (attribute bit 13), put together again.
//!
//! Each packet is a frame of its own: it is stored and answered as it comes, so nothing that was answered is lost when
//! another part never comes. What the parts say together is told with the one that completes them. Packets come in
//! any order, more than once, and between others. What never becomes whole is given up and counted.

use super::seal_frame::{BLIND_REPORT, Header, LIVE_REPORT};
use crate::domain::Unknown;
use std::collections::VecDeque;

/// Packets of one message; a message of more is kept packet by packet, unread, and said to be so.
const PACKETS: u16 = 16;

/// Messages under way on one connection; for one more the oldest is given up.
const MESSAGES: usize = 4;

/// Bytes held on one connection; for more the oldest message is given up.
const BYTES: usize = 16 * 1024;

/// A message that is not whole this long after its first packet came is given up.
const PATIENCE_MS: u64 = 30_000;

/// Messages that were completed, remembered for as long as one may be under way: a packet that is sent again begins
/// nothing anew, and the one that completed the message, sent again because it could not be stored, tells it again.
/// When there is no room for what is under way the oldest of them is forgotten.
const DONE: usize = 4;

/// The longest run of digits that is surely no password: a password has six.
const DIGITS: usize = 5;

/// Packets of one message have consecutive serials.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: Vec<u8>,
    message: u16,
    first: u16,
    count: u16,
}

impl Key {
    fn of(header: &Header, number: u16, count: u16) -> Self {
        let before = number.saturating_sub(1);
        let first = header.serial.wrapping_sub(before);
        let one_byte = matches!(header.message, LIVE_REPORT | BLIND_REPORT);
        let first = if one_byte { first & 0xFF } else { first };
        Self { id: header.id.clone(), message: header.message, first, count }
    }
}

#[derive(Debug)]
struct Partial {
    key: Key,
    device: String,
    since: u64,
    packets: Vec<Option<Vec<u8>>>,
}

impl Partial {
    fn here(&self) -> usize {
        self.packets.iter().flatten().count()
    }

    fn bytes(&self) -> usize {
        self.packets.iter().flatten().map(Vec::len).sum()
    }
}

#[derive(Debug)]
struct Done {
    key: Key,
    then: u64,
    /// Which packet completed it.
    last: usize,
    packets: Vec<Vec<u8>>,
}

impl Done {
    fn bytes(&self) -> usize {
        self.packets.iter().map(Vec::len).sum()
    }

    fn whole(&self) -> Taken {
        let own = self.packets.iter().take(self.last).map(Vec::len).sum();
        Taken::Whole { body: self.packets.concat(), first: self.key.first, own }
    }
}

/// What a packet came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// One part, or one that was there before.
    Part,
    /// A packet that is no part of anything that could be whole.
    Odd(Unknown),
    /// The last one that was missing: the body of all, the serial of the first packet, and where in the body this
    /// packet's own part begins.
    Whole { body: Vec<u8>, first: u16, own: usize },
}

/// A message that never became whole.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::protocol) struct GivenUp {
    pub(in crate::protocol) device: String,
    pub(in crate::protocol) reason: String,
}

/// The messages under way on one connection.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Packets {
    now: u64,
    /// Oldest first.
    open: Vec<Partial>,
    done: VecDeque<Done>,
    given_up: Vec<GivenUp>,
}

impl Packets {
    /// Lets time pass: milliseconds since any moment, never backwards.
    pub(in crate::protocol) fn at(&mut self, now: u64) {
        self.now = self.now.max(now);
        while self.due().is_some_and(|due| due <= self.now) {
            self.give_up(0);
        }
        self.done.retain(|done| self.now.saturating_sub(done.then) < PATIENCE_MS);
    }

    /// When the oldest message will have to be given up.
    pub(in crate::protocol) fn due(&self) -> Option<u64> {
        self.open.first().map(|oldest| oldest.since.saturating_add(PATIENCE_MS))
    }

    /// Nothing more will come.
    pub(in crate::protocol) fn close(&mut self) {
        while !self.open.is_empty() {
            self.give_up(0);
        }
    }

    pub(in crate::protocol) fn given_up(&mut self) -> Vec<GivenUp> {
        std::mem::take(&mut self.given_up)
    }

    fn give_up(&mut self, at: usize) {
        if at >= self.open.len() {
            return;
        }
        let partial = self.open.remove(at);
        let (here, count) = (partial.here(), partial.key.count);
        let reason = format!("split message incomplete: {here} of {count} packets");
        self.given_up.push(GivenUp { device: partial.device, reason });
    }

    /// Takes in one packet.
    pub(super) fn take(&mut self, header: &Header, body: &[u8]) -> Taken {
        let Some((number, count)) = header.split else { return Taken::Part };
        let odd =
            |what: &str| Taken::Odd(Unknown { what: what.to_owned(), value: format!("{number} of {count}") });
        let Some(at) = usize::from(number).checked_sub(1).filter(|_| number <= count) else {
            return odd("split packet number");
        };
        if count > PACKETS {
            return odd("split message of more than 16 packets");
        }
        let key = Key::of(header, number, count);
        if let Some(done) = self.done.iter().position(|done| done.key == key) {
            let known = self.done.get(done).filter(|done| done.packets.get(at).is_some_and(|p| p == body));
            match known {
                Some(done) if done.last == at => return done.whole(),
                Some(_) => return Taken::Part,
                None => drop(self.done.remove(done)), // it counts anew
            }
        }
        let same = |partial: &Partial| partial.key == key;
        let slot = |partial: &Partial| partial.packets.get(at).cloned().flatten();
        match self.open.iter().position(same) {
            Some(found) if self.open.get(found).and_then(slot).is_some_and(|packet| packet != body) => {
                self.give_up(found); // it counts anew
            }
            _ => {}
        }
        self.make_room(&key, body.len());
        let found = self.open.iter().position(same).unwrap_or_else(|| {
            let packets = vec![None; count.into()];
            let device = header.device();
            self.open.push(Partial { key: key.clone(), device, since: self.now, packets });
            self.open.len().saturating_sub(1)
        });
        if let Some(slot) = self.open.get_mut(found).and_then(|partial| partial.packets.get_mut(at)) {
            *slot = Some(body.to_vec());
        }
        if self.open.get(found).is_some_and(|partial| partial.here() < partial.packets.len()) {
            return Taken::Part;
        }
        self.complete(found, at)
    }

    fn complete(&mut self, found: usize, last: usize) -> Taken {
        let Partial { key, packets, .. } = self.open.remove(found);
        let packets: Vec<Vec<u8>> = packets.into_iter().flatten().collect();
        let done = Done { key, then: self.now, last, packets };
        let whole = done.whole();
        if self.done.len() == DONE {
            self.done.pop_front();
        }
        self.done.push_back(done);
        whole
    }

    fn held(&self) -> usize {
        let open: usize = self.open.iter().map(Partial::bytes).sum();
        self.done.iter().map(Done::bytes).sum::<usize>().saturating_add(open)
    }

    /// Gives up the oldest messages, other than `key`'s own, until one more packet is within the bounds.
    fn make_room(&mut self, key: &Key, more: usize) {
        loop {
            let is_new = !self.open.iter().any(|partial| partial.key == *key);
            let fits = self.held().saturating_add(more) <= BYTES && (!is_new || self.open.len() < MESSAGES);
            if !fits && self.done.pop_front().is_some() {
                continue;
            }
            match self.open.iter().position(|partial| partial.key != *key) {
                Some(oldest) if !fits => self.give_up(oldest),
                _ => return,
            }
        }
    }
}

/// Which bytes of a packet may belong to a password: six digits or more, and digits at its edges, where one may have
/// been cut in two. What the whole message says of its secrets is known too late for the packets before.
pub(super) fn may_be_secret(body: &[u8]) -> Vec<usize> {
    let mut secret = Vec::new();
    let mut at: usize = 0;
    for run in body.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let end = at.saturating_add(run.len());
        let is_cut = at == 0 || end == body.len();
        if run.first().is_some_and(u8::is_ascii_digit) && (run.len() > DIGITS || is_cut) {
            secret.extend(at..end);
        }
        at = end;
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::super::seal_frame::unescape;
    use super::*;

    fn packet(serial: u16, number: u16, count: u16, body: &[u8]) -> (Header, Vec<u8>) {
        let mut plain = vec![0x7E, 0x07, 0x04];
        plain.extend((0x2000 | u16::try_from(body.len()).unwrap()).to_be_bytes());
        plain.extend([0x79, 0x43, 0x08, 0x01, 0x06, 0x79]);
        for word in [serial, count, number] {
            plain.extend(word.to_be_bytes());
        }
        (Header::read(&unescape(&plain).0).unwrap(), body.to_vec())
    }

    fn take(packets: &mut Packets, (header, body): (Header, Vec<u8>)) -> Taken {
        packets.take(&header, &body)
    }

    fn whole(body: &[u8], first: u16, own: usize) -> Taken {
        Taken::Whole { body: body.to_vec(), first, own }
    }

    fn reasons(packets: &mut Packets) -> Vec<String> {
        packets.given_up().into_iter().map(|given_up| given_up.reason).collect()
    }

    #[test]
    fn packets_in_any_order_and_more_than_once_are_one_message() {
        let all = || [packet(0xFFFF, 1, 3, b"ab"), packet(0, 2, 3, b"cd"), packet(1, 3, 3, b"e")];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut packets = Packets::default();
            let three = all();
            for n in &order[..2] {
                assert_eq!(take(&mut packets, three[*n].clone()), Taken::Part);
                assert_eq!(take(&mut packets, three[*n].clone()), Taken::Part, "once more");
            }
            let last = order[2];
            let want = whole(b"abcde", 0xFFFF, 2 * last);
            assert_eq!(take(&mut packets, three[last].clone()), want.clone(), "{order:?}");
            // Sent again, only the one that completed it tells it again: it may not have been stored.
            for (n, packet) in three.into_iter().enumerate() {
                let again = take(&mut packets, packet);
                assert_eq!(again, if n == last { want.clone() } else { Taken::Part });
            }
            packets.close();
            assert_eq!(packets.given_up(), []);
        }
    }

    #[test]
    fn what_never_becomes_whole_is_given_up_in_time_and_at_the_end() {
        let mut packets = Packets::default();
        packets.at(1000);
        take(&mut packets, packet(10, 1, 3, b"a"));
        take(&mut packets, packet(12, 3, 3, b"c"));
        packets.at(30_999);
        assert_eq!(reasons(&mut packets), [""; 0]);
        assert_eq!(packets.due(), Some(31_000));
        packets.at(31_000);
        assert_eq!(reasons(&mut packets), ["split message incomplete: 2 of 3 packets"]);
        assert_eq!(take(&mut packets, packet(11, 2, 3, b"b")), Taken::Part, "too late");
        packets.close();
        assert_eq!(reasons(&mut packets), ["split message incomplete: 1 of 3 packets"]);
        assert_eq!(packets.due(), None);
    }

    #[test]
    fn other_content_under_the_same_number_begins_anew() {
        let mut packets = Packets::default();
        take(&mut packets, packet(10, 1, 2, b"a"));
        assert_eq!(take(&mut packets, packet(10, 1, 2, b"A")), Taken::Part);
        assert_eq!(reasons(&mut packets), ["split message incomplete: 1 of 2 packets"]);
        assert_eq!(take(&mut packets, packet(11, 2, 2, b"b")), whole(b"Ab", 10, 1));
    }

    #[test]
    fn everything_is_bounded() {
        let mut packets = Packets::default();
        for n in 0..100 {
            let body = vec![0; if n % 2 == 0 { 1023 } else { 1 }];
            take(&mut packets, packet(n * 100, 1, 16, &body));
            take(&mut packets, packet(n * 100 + 1, 2, 16, &body));
            assert!(packets.open.len() <= MESSAGES && packets.done.len() <= DONE);
        }
        assert_eq!(reasons(&mut packets).len(), 96);
        // One message of the largest size leaves no room for others, and fits.
        let mut packets = Packets::default();
        take(&mut packets, packet(5000, 1, 2, &[0; 1023]));
        for n in 1..16 {
            assert_eq!(take(&mut packets, packet(n, n, 16, &[0; 1023])), Taken::Part);
            assert!(packets.held() <= BYTES);
        }
        assert!(matches!(take(&mut packets, packet(16, 16, 16, &[0; 1023])), Taken::Whole { .. }));
        assert_eq!(reasons(&mut packets), ["split message incomplete: 1 of 2 packets"]);
        assert!(matches!(take(&mut packets, packet(1, 1, 17, b"a")), Taken::Odd(_)));
        assert!(matches!(take(&mut packets, packet(1, 0, 2, b"a")), Taken::Odd(_)));
        assert!(matches!(take(&mut packets, packet(1, 3, 2, b"a")), Taken::Odd(_)));
    }

    #[test]
    fn what_may_be_a_password_or_a_part_of_one_is_known() {
        assert_eq!(may_be_secret(b"ab123456c"), [2, 3, 4, 5, 6, 7]);
        assert_eq!(may_be_secret(b"ab1234567c").len(), 7, "a result that looks like a digit");
        assert_eq!(may_be_secret(b"ab12345c"), [0; 0]);
        assert_eq!(may_be_secret(b"ab12"), [2, 3]);
        assert_eq!(may_be_secret(b"34ab"), [0, 1]);
        assert_eq!(may_be_secret(b""), [0; 0]);
    }
}
