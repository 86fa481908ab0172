//! Hello's mac and the tags of unsealed answers: proofs of knowing the responder's public key, so that scanners of a
//! network get no answer at all, and an answer can only come from whoever saw the Hello.

use crate::nacl::seal::TAG;
use crate::nacl::{Secret, derive};
use crate::wire::v1::{Hello, Versions};

/// The keys made of a responder's public key, and a site's secret where there is one.
#[derive(Debug)]
pub(super) struct Mac {
    hello: Secret,
    answer: Secret,
}

impl Mac {
    pub(super) fn new(responder: &[u8; 32], site: Option<&Secret>) -> Self {
        let site = site.map_or(&[][..], |site| site.bytes());
        let key = Secret::from_bytes(derive::digest(&[LABEL, responder, site]));
        Self { hello: key.expand(b"hello"), answer: key.expand(b"answer") }
    }

    /// Over everything before it in a Hello.
    pub(super) fn hello(&self, start: &[u8]) -> [u8; TAG] {
        self.hello.tag(&[start])
    }

    /// A Hello with its mac.
    pub(super) fn sign(&self, hello: Hello) -> Hello {
        Hello { mac: self.hello(&hello.start()), ..hello }
    }

    /// Whether a datagram of a Hello's length ends in the right mac; holds for every version's Hello.
    pub(super) fn admits(&self, datagram: &[u8]) -> Option<[u8; TAG]> {
        let (start, mac) = datagram.split_last_chunk::<TAG>()?;
        derive::same(&self.hello(start), mac).then_some(*mac)
    }

    /// Over a Retry or Versions packet that answers the Hello with `mac`.
    pub(super) fn answer(&self, start: &[u8], mac: &[u8; TAG]) -> [u8; TAG] {
        self.answer.tag(&[mac, start])
    }

    pub(super) fn sign_versions(&self, versions: Versions, mac: &[u8; TAG]) -> Versions {
        Versions { tag: self.answer(&versions.start(), mac), ..versions }
    }
}

const LABEL: &[u8] = b"roadstead v1 mac";
