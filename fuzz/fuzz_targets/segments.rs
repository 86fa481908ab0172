//! A tray driven by bytes against a map that simply keeps what came; then the whole way, cut and put together again.
#![no_main]

use std::collections::BTreeMap;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roadstead::wire::v0::{self, FootKind, Head, HeadKind, Inserted, Segments, Tray};

fuzz_target!(|data: &[u8]| {
    let Some((&way, rest)) = data.split_first() else { return };
    if way & 1 == 0 { insert(rest) } else { cut(way, rest) }
});

/// Six bytes of claim, then pieces: number, length, whether the claim is another.
fn insert(data: &[u8]) {
    let Some((claim, mut rest)) = data.split_first_chunk::<6>() else { return };
    let sc = u32::from(u16::from_be_bytes([claim[0], claim[1]]));
    let ml = u32::from_be_bytes([claim[2], claim[3], claim[4], claim[5]]) >> 4;
    let first = Head { sc, ml, segment: true, ..Head::default() };
    let Ok(mut tray) = Tray::new(&first) else { return };
    assert_eq!(tray.bytes(), 0);
    let mut model: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut received = 0;
    while let Some((&[high, low, len, other], next)) = rest.split_first_chunk::<4>() {
        rest = next;
        let sn = u32::from(u16::from_be_bytes([high, low]));
        let piece = vec![low; usize::from(len) * 9];
        let mut head = Head { sn, ..first };
        match other {
            0xf0 => head.sc += 1,
            0xf1 => head.ml += 1,
            _ => {}
        }
        let before = (tray.bytes(), tray.highest());
        match tray.insert(&head, &piece) {
            Ok(Inserted::New) => {
                received += piece.len();
                assert!(model.insert(sn, piece).is_none());
            }
            Ok(Inserted::Duplicate) => assert!(model.contains_key(&sn)),
            Err(_) => {
                assert_eq!(before, (tray.bytes(), tray.highest()));
                continue;
            }
        }
        assert!(tray.bytes() >= received && tray.bytes() <= received + model.len() * 64);
        let highest = model.last_key_value().map_or(0, |(&sn, _)| sn);
        assert_eq!(tray.highest(), highest);
        // Of the far ends of long messages only the last stretch: the rest would be all the work.
        let from = highest.saturating_sub(300);
        assert!(tray.missing(from).eq((from..highest).filter(|sn| !model.contains_key(sn))));
        assert_eq!(tray.is_complete(), model.len() as u32 == sc);
    }
    let (is_complete, whole) = (tray.is_complete(), model.into_values().flatten().collect::<Vec<u8>>());
    match tray.into_coat() {
        Ok(coat) => assert!(is_complete && coat == whole && (ml == 0 || coat.len() == ml as usize)),
        Err(_) => assert!(!is_complete || whole.len() != ml as usize),
    }
}

/// Ids, a length, and an order to send in.
fn cut(way: u8, data: &[u8]) {
    let Some((&[a, b, c, d, e], order)) = data.split_first_chunk::<5>() else { return };
    let head = Head {
        head_kind: if way & 2 == 0 { HeadKind::Raet } else { HeadKind::Json },
        foot: FootKind::Nacl,
        se: u32::from(a) << (way >> 3),
        ti: u32::from(b) << (way >> 4),
        si: u32::from_be_bytes([a, b, c, d]),
        ..Head::default()
    };
    let coat: Bytes = (0..usize::from(u16::from_be_bytes([d, e]))).map(|i| i as u8).collect();
    let segments = Segments::new(&head, coat.clone());
    assert!(segments.fits());
    let picked = order.iter().take(40).map(|&pick| u32::from(pick) % segments.count());
    let mut tray: Option<Tray> = None;
    for i in picked.chain(0..segments.count()) {
        let mut out = Vec::new();
        assert!(segments.write(i, (e & 1 == 0, e & 2 == 0), None, &mut out));
        assert!(out.len() <= 1024);
        let packet = v0::read(&out).expect("what we write we read");
        let tray = tray.get_or_insert_with(|| Tray::new(&packet.head).expect("our own claim"));
        tray.insert(&packet.head, packet.coat).expect("our own segment");
    }
    assert_eq!(tray.and_then(|tray| tray.into_coat().ok()).as_deref(), Some(&coat[..]));
}
