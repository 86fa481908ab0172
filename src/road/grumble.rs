//! How often a road speaks of those it keeps out: each of them once a minute, and of strangers a few in a minute, whatever
//! they send. Owns no words; they are [`crate::keep::journal`]'s.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::{Name, Time};

/// Between two words about the same.
const REST: Duration = Duration::from_secs(60);
/// Words about one kind of trouble at once, and then one in a rest.
const BURST: u32 = 4;
/// Who is remembered as spoken of: more than are spoken of in a rest, for each kind.
const RECENT: usize = 128;

/// Whom a trouble is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    Role(Name),
    Host(IpAddr),
}

/// What was said lately.
#[derive(Debug, Default)]
pub(crate) struct Grumbles {
    recent: VecDeque<(u8, About, Time)>,
    /// By the kind's number: words left, and when one was added.
    words: Vec<(u32, Time)>,
}

impl Grumbles {
    /// Whether a trouble of this kind may be told now; if so it counts as told.
    pub(crate) fn may(&mut self, now: Time, kind: u8, about: About) -> bool {
        while self.recent.front().is_some_and(|(.., at)| now.since(*at) >= REST) {
            self.recent.pop_front();
        }
        if self.recent.iter().any(|(of, who, _)| *of == kind && *who == about) {
            return false;
        }
        let at = usize::from(kind);
        if self.words.len() <= at {
            self.words.resize(at + 1, (BURST, now));
        }
        let Some((left, since)) = self.words.get_mut(at) else { return false };
        let more = now.since(*since).as_micros() / REST.as_micros();
        if more > 0 {
            *left = u32::try_from(more).unwrap_or(BURST).saturating_add(*left).min(BURST);
            *since = now;
        }
        if *left == 0 || self.recent.len() >= RECENT {
            return false;
        }
        *left -= 1;
        self.recent.push_back((kind, about, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(n: u32) -> About {
        About::Host(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn one_is_told_once_a_minute() {
        let mut grumbles = Grumbles::default();
        let told = (0..200).filter(|second| grumbles.may(Time(second * 1_000_000), 3, host(1))).count();
        assert_eq!(told, 4);
    }

    #[test]
    fn a_flood_is_a_few_words_and_hushes_no_other_kind() {
        let mut grumbles = Grumbles::default();
        let told = (0..600_000u32).filter(|n| grumbles.may(Time(u64::from(*n) * 1000), 3, host(*n))).count();
        assert_eq!(told, 4 + 9);
        assert!(grumbles.may(Time(600_000_000), 4, host(1)));
        assert!(grumbles.recent.len() <= RECENT);
    }
}
