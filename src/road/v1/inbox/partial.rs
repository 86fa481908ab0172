//! A message of which something is missing: what is known of it, and whether one more chunk agrees with that.

use bytes::Bytes;

use super::CONTRADICTION;
use super::arena::Arena;
use super::assembly::Assembly;
use crate::road::v1::Violation;
use crate::road::v1::message::{CLASSES, Heading, Incoming, Kind};
use crate::wire::v1::{Chunk, Opening};

/// A message that is not whole.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// What it is, and its length or that it is a stream; from its first chunk.
    pub(super) heading: Option<(Heading, Option<u64>)>,
    /// Its length, from its last chunk.
    pub(super) fin: Option<u64>,
    /// The highest offset seen.
    pub(super) highest: u64,
    pub(super) assembly: Assembly,
    /// Of a stream: whether its heading was handed over.
    pub(super) is_known: bool,
    pub(super) is_refused: bool,
}

impl Partial {
    /// The law for one more chunk, before anything is changed; how many bytes of credit it uses.
    pub(super) fn check(&self, chunk: &Chunk<'_>, end: u64) -> Result<u64, Violation> {
        let highest = self.highest.max(end);
        let total = chunk.opening.and_then(|opening| opening.total);
        let is_beyond = self.limit().into_iter().chain(total).any(|limit| highest > limit || chunk.fin && end != limit);
        let is_late_end = chunk.fin && end < highest || self.fin.zip(total).is_some_and(|(fin, total)| fin != total);
        let is_renamed = self.heading.as_ref().zip(chunk.opening).is_some_and(|((heading, total), opening)| {
            *total != opening.total || heading.kind.as_str() != opening.kind || heading.route != opening.route
        });
        if is_beyond || is_late_end || is_renamed {
            return Err(CONTRADICTION);
        }
        Ok(highest - self.highest)
    }

    /// Its length, if it is known.
    pub(super) fn limit(&self) -> Option<u64> {
        self.fin.or(self.heading.as_ref().and_then(|(_, total)| *total))
    }

    /// Bytes of it that count as settled.
    pub(super) fn settled(&self) -> u64 {
        if self.is_refused { self.highest } else { self.assembly.given() }
    }

    pub(super) fn hand_over(&mut self, message: u64, data: Bytes, deliver: &mut impl FnMut(Incoming)) {
        let is_last = self.fin == Some(self.assembly.end());
        let first = match (&self.heading, self.is_known) {
            (Some((heading, _)), false) => Some(heading.clone()),
            _ => None,
        };
        if first.is_some() || is_last || !data.is_empty() {
            self.is_known = true;
            deliver(Incoming::Piece { message, first, data, is_last });
        }
    }
}

/// What a message is, as its opening says it.
pub(super) fn heading(opening: &Opening<'_>, arena: &mut Arena) -> Result<Heading, Violation> {
    let kind = Kind::new(opening.kind).ok_or(CONTRADICTION)?;
    let priority = opening.priority.min(CLASSES as u8 - 1);
    Ok(Heading { kind, route: arena.copy(opening.route), priority })
}
