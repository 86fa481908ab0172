//! Words to who is in no handshake with us: somebody turned away who may come again, and a session that we do not know.

use std::net::SocketAddr;

use super::Responder;
use crate::base::Time;
use crate::wire::v1::handshake::{Head, Kind, RESET_RANDOM, Reset};

impl Responder {
    /// The datagram that calls back whoever was turned away under its session id `cid`: something was decided.
    pub fn nudge(&mut self, cid: u64) -> Vec<u8> {
        let bytes: [u8; 16] = self.random.bytes();
        Reset { head: Head::new(Kind::Reset, 0, cid), token: self.call_token(cid) }.write(&bytes)
    }

    /// What a call says; known to nobody but us and whom we turned away.
    pub(super) fn call_token(&self, cid: u64) -> [u8; 16] {
        self.reset.tag(&[b"call", &cid.to_be_bytes()])
    }

    /// The answer to a data packet of a session `cid` that we do not know, always shorter than it.
    pub fn reset(&mut self, now: Time, from: SocketAddr, cid: u64, provoked_by: usize) -> Option<Vec<u8>> {
        let fixed = crate::wire::v1::handshake::HEAD + 16;
        let random = provoked_by.checked_sub(fixed + 1)?.min(*RESET_RANDOM.end());
        if !RESET_RANDOM.contains(&random) || !self.gate.admits(now, from) {
            return None;
        }
        let bytes: [u8; 32] = self.random.bytes();
        let reset = Reset { head: Head::new(Kind::Reset, 0, cid), token: self.reset_token(cid) };
        Some(reset.write(bytes.get(..random)?))
    }

    /// What a Reset of session `cid` says; the same after a restart, unknown to everybody but the session's peer.
    pub fn reset_token(&self, cid: u64) -> [u8; 16] {
        self.reset.tag(&[&cid.to_be_bytes()])
    }
}
