//! What a responder allows, and why that much. Values only.

use crate::nacl::{Secret, Suite};
use crate::wire::v1::Parameters;

/// What a responder allows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Suites, best first. What the initiator likes best of them is taken.
    pub suites: Vec<Suite>,
    /// What we grant.
    pub parameters: Parameters,
    /// A secret only this site knows; without it nobody gets any answer.
    pub site: Option<Secret>,
    /// Whether strangers may ask who we are.
    pub introduces: bool,
    /// Hellos a second that may come to nothing; beyond that all need a token.
    pub retry_at: u32,
    /// Initiates and unproven hellos a second from one network (/24, /48), twice that at once. Strangers count for more.
    pub prefix_rate: u32,
    /// Which of the roads behind one address this is: its cookies say so, and come back to it.
    pub shard: crate::road::Shard,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            suites: vec![Suite::Nacl, Suite::Aes256Gcm],
            parameters: Parameters::default(),
            site: None,
            introduces: false,
            // Unanswered, they cost 6 % of a core; answered, as many are under way where ten thousand estates come back over
            // a path of 200 ms.
            retry_at: 1000,
            // A core's worth of handshakes: ten thousand estates behind one address come back at once.
            prefix_rate: 10_000,
            shard: crate::road::Shard::ALONE,
        }
    }
}
