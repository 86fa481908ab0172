//! The buffers without sockets: everything comes out once, in order, and no batch allocates after the first.

use std::net::SocketAddr;

use proptest::prelude::*;
use quinn_udp::EcnCodepoint;

use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// What a receive call brought: port, bytes, stride, ECN bits.
type Piece = (u16, Vec<u8>, usize, u8);

fn load(arrivals: &mut Arrivals, pieces: &[Piece]) {
    let receive = |rooms: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]| {
        for ((room, meta), (port, bytes, stride, ecn)) in rooms.iter_mut().zip(metas).zip(pieces) {
            room[..bytes.len()].copy_from_slice(bytes);
            (meta.addr, meta.len, meta.stride) = (address(*port), bytes.len(), *stride);
            meta.ecn = EcnCodepoint::from_bits(*ecn);
        }
        Ok(pieces.len())
    };
    assert_eq!(arrivals.load(receive).unwrap(), pieces.len());
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    prop::collection::vec((0u16..4, bytes, 1usize..100, 0u8..4), 0..BATCH)
}

proptest! {
    #[test]
    fn arrivals_are_cut_as_they_were_sent(batches in prop::collection::vec(pieces(), 1..4)) {
        let mut arrivals = Arrivals::default();
        for batch in batches {
            load(&mut arrivals, &batch);
            let mut came = Vec::new();
            let count = arrivals.unload(|datagrams| {
                came.extend(datagrams.iter().map(|d| (d.from, d.mark.bits(), d.bytes.to_vec())));
            });
            prop_assert_eq!(count, came.len());
            let mut expected = Vec::new();
            for (port, bytes, stride, ecn) in batch.iter().filter(|(port, ..)| *port != 0) {
                let mut rest = bytes.as_slice();
                loop {
                    let (one, after) = rest.split_at((*stride).min(rest.len()));
                    expected.push((address(*port), *ecn, one.to_vec()));
                    rest = after;
                    if rest.is_empty() {
                        break;
                    }
                }
            }
            prop_assert_eq!(came, expected);
            prop_assert_eq!(arrivals.unload(|_| panic!("twice")), 0);
        }
    }

    #[test]
    fn a_train_leaves_whole_whatever_the_kernel_takes(
        size in 1usize..5000,
        segment in 1usize..1500,
        rooms in prop::collection::vec(prop::option::of(0usize..5), 0..40),
    ) {
        let mut departure = Departure::default();
        let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
        let write = |out: &mut Vec<u8>| {
            out.clone_from(&bytes);
            Some(Transmit { segment: Some(segment), ..Transmit::one(address(1), size) })
        };
        prop_assert!(departure.load(write));
        let (mut sent, mut rooms) = (Vec::new(), rooms.into_iter());
        // The kernel takes a few datagrams, none (try again), or has no room; in the end it takes all.
        while departure.is_waiting() {
            prop_assert!(departure.load(|_| panic!("another one while this one waits")));
            let is_gone = departure.unload(|_, left| {
                let taken = left.len().min(rooms.next().unwrap_or(Some(5000))? * segment);
                sent.extend_from_slice(&left[..taken]);
                Some(taken)
            });
            prop_assert_eq!(is_gone, !departure.is_waiting());
        }
        prop_assert_eq!(sent, bytes);
        prop_assert!(!departure.load(|_| None));
    }
}

#[test]
fn a_batch_uses_the_allocation_of_the_one_before() {
    let mut arrivals = Arrivals::default();
    let batch: Vec<Piece> = (1..=BATCH as u16).map(|port| (port, vec![7; 1000], 100, 0)).collect();
    let mut places = Vec::new();
    for _ in 0..3 {
        load(&mut arrivals, &batch);
        arrivals.unload(|datagrams| places.push(datagrams.as_ptr().addr()));
    }
    assert_eq!(places[1..], [places[0], places[0]]);
}

#[test]
fn a_failed_receive_leaves_nothing_of_the_last() {
    let mut arrivals = Arrivals::default();
    load(&mut arrivals, &[(1, vec![7; 10], 10, 0)]);
    assert!(arrivals.load(|_, _| Err(io::ErrorKind::WouldBlock.into())).is_err());
    assert_eq!(arrivals.unload(|_| panic!("nothing came")), 0);
}
