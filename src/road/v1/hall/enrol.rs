//! Enrolment: strangers that prove a token are let in, and are shown that we know it too (handshake v1 "First contact").

use super::super::handshake::Applicant;
use super::Hall;
use crate::base::{Name, Wall};
use crate::keep::Token;
use crate::nacl::Secret;
use crate::road::core::Core;

impl Hall {
    /// The tokens strangers may enrol with. Those who wait and named one that was not known are called.
    pub(crate) fn set_tokens(&mut self, core: &mut Core, tokens: Vec<Token>) {
        let before = std::mem::replace(&mut self.tokens, tokens.into_iter().map(|token| (token.id, token)).collect());
        let is_news = |id: &[u8; 16]| self.tokens.contains_key(id) && !before.contains_key(id);
        let waiting = self.waiting.iter().filter(|(_, waiting)| waiting.token.as_ref().is_some_and(is_news));
        let called: Vec<Name> = waiting.map(|(role, _)| role.clone()).collect();
        for role in called {
            self.nudge(core, &role);
        }
    }

    /// Lets an applicant in that has proved a token which admits it; gives what is proved in return.
    pub(super) fn enrols(&self, core: &mut Core, applicant: &Applicant, wall: Wall) -> Option<Secret> {
        let token = self.tokens.get(&applicant.enrolment?.id)?;
        let key = &applicant.peer.key;
        if !token.admits(&key.role, wall) || !applicant.enrols(&token.secret) {
            tracing::debug!(role = %key.role, token = token.name(), "enrolment passed over: expired, for another, or false");
            return None;
        }
        if core.enrol(key) {
            tracing::info!(role = %key.role, fingerprint = %key.fingerprint(), token = token.name(), "enrolled");
        }
        Some(token.secret.clone())
    }
}
