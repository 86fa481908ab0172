//! A message of which something is missing: what is known of it, and whether one more chunk agrees with that.

use super::arena::Arena;
use super::assembly::Assembly;
use super::flow::Flows;
use super::{CONTRADICTION, STREAM};
use crate::road::v1::Violation;
use crate::road::v1::message::{CLASSES, Heading, Kind, STREAM_CREDIT};
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
    pub(super) is_refused: bool,
}

impl Partial {
    /// The law for one more chunk, before anything is changed; how many bytes of credit it uses.
    pub(super) fn check(&self, chunk: &Chunk<'_>, end: u64, flows: &Flows) -> Result<u64, Violation> {
        let highest = self.highest.max(end);
        let is_stream = self.is_stream() || chunk.opening.is_some_and(|opening| opening.total.is_none());
        if is_stream && highest > flows.granted(chunk.message).unwrap_or(STREAM_CREDIT) && !self.is_refused {
            return Err(STREAM);
        }
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

    /// Whether it is a stream, as far as is known.
    pub(super) fn is_stream(&self) -> bool {
        self.heading.as_ref().is_some_and(|(_, total)| total.is_none())
    }
}

/// What a message is, as its opening says it.
pub(super) fn heading(opening: &Opening<'_>, arena: &mut Arena) -> Result<Heading, Violation> {
    let kind = Kind::new(opening.kind).ok_or(CONTRADICTION)?;
    let priority = opening.priority.min(CLASSES as u8 - 1);
    Ok(Heading { kind, route: arena.copy(opening.route), priority })
}
