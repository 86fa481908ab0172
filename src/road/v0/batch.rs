//! Signatures of datagrams that came together, checked together: a burst costs half of what its packets cost one by
//! one. Decides nothing; a packet that was not proven here is checked alone where it is handled.

use crate::nacl::{VerifyKey, all_verify};
use crate::road::datagram::Datagram;
use crate::road::estate::Remote;
use crate::road::index::Table;
use crate::wire::v0::{self, TransactKind};

/// For each datagram the key that has signed it, where that is proven; nothing for one that came alone.
pub(crate) fn prove(table: &mut Table, datagrams: &[Datagram<'_>]) -> Vec<Option<VerifyKey>> {
    if datagrams.len() < 2 {
        return Vec::new();
    }
    let mut proven = vec![None; datagrams.len()];
    let mut texts = Vec::with_capacity(datagrams.iter().map(|datagram| datagram.bytes.len()).sum());
    let (mut ends, mut signatures, mut keys, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (datagram, place) in datagrams.iter().zip(&mut proven) {
        let Ok(packet) = v0::read(datagram.bytes) else { continue };
        if packet.head.transact == TransactKind::Join {
            continue;
        }
        let Some(key) = table.find(packet.head.de).and_then(Remote::verifier) else { continue };
        if let Some(signature) = packet.signed_text(&mut texts) {
            ends.push(texts.len());
            signatures.push(signature);
            keys.push(key);
            places.push(place);
        }
    }
    let mut rest = texts.as_slice();
    let mut start = 0;
    let cut: Vec<&[u8]> = ends
        .iter()
        .filter_map(|end| {
            let (text, after) = rest.split_at_checked(end - start)?;
            (rest, start) = (after, *end);
            Some(text)
        })
        .collect();
    if cut.len() > 1 && all_verify(&cut, &signatures, &keys) {
        places.into_iter().zip(keys).for_each(|(place, key)| *place = Some(key.key()));
    }
    proven
}
