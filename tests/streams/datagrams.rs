//! The same frames by datagram, and with quiet between them.

use super::frames::{Case, Told, fresh};
use super::{cases, config, is_delta, lengths, split};
use lockyard::protocol::{Connection, Memory};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::Arc;

/// What a stream of these reads says, with quiet after each.
fn with_quiet(reads: &[Vec<u8>]) -> Told {
    let mut connection = fresh();
    let mut told = Told::default();
    for read in reads {
        connection.push(read);
        told.drain(&mut connection);
        connection.flush();
        told.drain(&mut connection);
    }
    connection.close();
    told.drain(&mut connection);
    told
}

fn reads(order: &[Case]) -> Vec<Vec<u8>> {
    order.iter().flat_map(|case| case.reads.clone()).collect()
}

/// Without the raw bytes: a line end that quiet cut in two is one byte shorter.
fn meanings(told: &Told) -> Vec<Value> {
    let mut objects = told.objects.clone();
    for object in &mut objects {
        object.as_object_mut().unwrap().remove("raw");
    }
    objects
}

proptest! {
    #![proptest_config(config(200))]

    /// TCP with quiet between frames, one connection for all datagrams, and a new connection for each of them with
    /// only the family and the memory kept: all say the same. Left out of the last: deltas and messages in several
    /// packets, of which a connection alone knows what came before.
    #[test]
    fn datagrams_say_what_a_stream_says(order in prop::collection::vec(cases(|_| true), 1..8)) {
        let reads = reads(&order);
        let want = with_quiet(&reads);

        let mut one = fresh();
        let mut told = Told::default();
        for read in &reads {
            one.push(read);
            one.finish();
            told.drain(&mut one);
            prop_assert_eq!(one.buffered(), 0);
        }
        one.close();
        told.drain(&mut one);
        prop_assert_eq!(&told, &want);
        if !order.iter().any(|case| case.id.starts_with("bofan-delta") || case.id.contains("split")) {

            let memory = Arc::new(Memory::default());
            let mut family = None;
            let mut told = Told::default();
            for read in &reads {
                let mut connection = Connection::with_family(memory.clone(), family);
                connection.push(read);
                connection.finish();
                told.drain(&mut connection);
                family = connection.protocol().or(family);
            }
            prop_assert_eq!(&told, &want);
        }
    }

    /// Several whole frames in one datagram.
    #[test]
    fn a_datagram_may_hold_several_frames(order in prop::collection::vec(cases(|c| !is_delta(c)), 1..8)) {
        let reads = reads(&order);
        let mut connection = fresh();
        let mut told = Told::default();
        connection.push(&reads.concat());
        connection.close();
        told.drain(&mut connection);
        prop_assert_eq!(told, with_quiet(&reads));
    }

    /// A slow line: quiet in the middle of frames changes nothing but for deltas, which it ends.
    #[test]
    fn quiet_inside_frames_changes_nothing(
        order in prop::collection::vec(cases(|c| !is_delta(c)), 1..6), lengths in lengths(),
    ) {
        let reads = reads(&order);
        let want = with_quiet(&reads);
        let slow: Vec<Vec<u8>> = split(&reads.concat(), &lengths).into_iter().map(<[u8]>::to_vec).collect();
        let told = with_quiet(&slow);
        prop_assert_eq!(meanings(&told), meanings(&want));
        prop_assert_eq!(told.refused, want.refused);
    }

    /// Deltas that quiet ends, mixed with frames of every family: how their reads are split changes nothing.
    #[test]
    fn quiet_ends_deltas_however_they_come(
        order in prop::collection::vec(cases(|_| true), 1..6), lengths in lengths(),
    ) {
        let reads = reads(&order);
        let want = with_quiet(&reads);
        let mut connection = fresh();
        let mut told = Told::default();
        for read in &reads {
            for piece in split(read, &lengths) {
                connection.push(piece);
                told.drain(&mut connection);
            }
            connection.flush();
            told.drain(&mut connection);
        }
        connection.close();
        told.drain(&mut connection);
        prop_assert_eq!(told, want);
    }
}
