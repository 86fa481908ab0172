//! What a peer did that no honest one does: one word for all parts, so that the session ends the same way for each.

/// The peer broke the protocol; the session ends with this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the peer {0}")]
pub struct Violation(pub &'static str);
