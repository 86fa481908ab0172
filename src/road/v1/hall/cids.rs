//! Sessions by their ids, and the making of them. The map is only ever asked, never walked.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::road::core::Core;
use crate::road::v1::handshake::Responder;
use crate::road::v1::session::Session;

/// Places of sessions by session id.
pub(super) type Cids = HashMap<u64, u32, BuildHasherDefault<CidHasher>>;

/// Session ids are random already.
#[derive(Default)]
pub(super) struct CidHasher(u64);

impl Hasher for CidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// Brings the ids of a session in step: those its peer has left are forgotten, and it is given fresh ones where it lacks some.
pub(super) fn tend(
    core: &mut Core,
    cids: &mut Cids,
    responder: Option<&Responder>,
    spares: u8,
    (index, session): (u32, &mut Session),
) {
    while let Some(cid) = session.forget_id(core.now) {
        cids.remove(&cid);
    }
    for _ in 0..session.lacks_ids(core.now, spares) {
        let cid = fresh(core, cids);
        let token = responder.map_or_else(|| core.random.bytes(), |responder| responder.reset_token(cid));
        cids.insert(cid, index);
        session.give_id(cid, &token);
    }
}

/// An id that no session has; it says which road's it is.
pub(super) fn fresh(core: &mut Core, cids: &Cids) -> u64 {
    loop {
        let cid = core.config.shard.mark(core.random.number());
        if !cids.contains_key(&cid) {
            return cid;
        }
    }
}
