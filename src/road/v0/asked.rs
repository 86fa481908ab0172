//! Which missing segments a receiver has asked for and not yet seen an end of (wire v0 §4.5 "Messengent"). Owns that
//! record and nothing else.
//!
//! A sender marks the last segment of each answer with the wait flag, as the end of a burst. Whoever asks for everything
//! that is missing at each such mark asks again for what is on its way: raet 0.6.8 does so, and sends 40 times what was
//! lost once more than 64 segments are. Here each mark stands for the request that it ends, and lets one more go out.

use std::collections::VecDeque;

use crate::wire::v0::{Tray, resend};

/// Requests under way at most. With the tenth of a second that a Salt minion's loop takes, as many segments a second as
/// its Python can sign.
const REQUESTS: usize = 8;

/// The requests under way.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The last segment of each, oldest first.
    ends: VecDeque<u32>,
    /// The first segment this round has not come to.
    next: u32,
}

impl Asked {
    /// The requests to send now that segment `sn` came with the wait flag.
    pub(super) fn on_wait(&mut self, tray: &Tray, sn: u32) -> Vec<Vec<u32>> {
        match self.ends.iter().position(|end| *end == sn) {
            // Answers come in the order of the questions.
            Some(at) => drop(self.ends.drain(..=at)),
            // The end of a burst, or of an answer asked for twice: what is asked for tells.
            None if !self.ends.is_empty() => return Vec::new(),
            None => {}
        }
        self.more(tray)
    }

    /// The requests to send when no answer came for a while.
    pub(super) fn on_timeout(&mut self, tray: &Tray) -> Vec<Vec<u32>> {
        *self = Self::default();
        self.more(tray)
    }

    fn more(&mut self, tray: &Tray) -> Vec<Vec<u32>> {
        if self.ends.is_empty() && tray.missing(self.next).next().is_none() {
            self.next = 0;
        }
        let mut requests = Vec::new();
        while self.ends.len() < REQUESTS {
            let request: Vec<u32> = tray.missing(self.next).take(resend::MISSED_MAX).collect();
            let Some(last) = request.last().copied() else { break };
            self.next = last.saturating_add(1);
            self.ends.push_back(last);
            requests.push(request);
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use crate::wire::v0::Head;
    use proptest::prelude::*;

    fn head(sn: u32, sc: u32) -> Head {
        Head { sn, sc, ml: 800 * sc, segment: true, ..Head::default() }
    }

    proptest! {
        /// A sender as raet 0.6.8 is: it answers each request by itself, and marks the last segment of each answer.
        #[test]
        fn each_lost_segment_is_asked_for_about_once(
            sc in 2u32..3_000,
            burst in 0.0f64..1.0,
            loss in prop_oneof![Just(0.0), 0.0f64..0.3],
            seed: u64,
        ) {
            let mut random = Random::from_number(seed);
            let mut chance = |part: f64| (random.below(1 << 20) as f64) < part * (1 << 20) as f64;
            let mut tray = Tray::new(&head(0, sc)).unwrap();
            let mut asked = Asked::default();
            let mut lost = 0u32;
            for sn in 0..sc - 1 {
                if chance(burst) { lost += 1 } else { tray.insert(&head(sn, sc), &[7]).unwrap(); }
            }
            tray.insert(&head(sc - 1, sc), &[7]).unwrap();
            let mut requests: VecDeque<Vec<u32>> = asked.on_wait(&tray, sc - 1).into();
            let (mut sent, mut timeouts) = (0u32, 0u32);
            while !tray.is_complete() {
                let Some(request) = requests.pop_front() else {
                    timeouts += 1;
                    prop_assert!(timeouts < 2_000, "it does not end");
                    requests = asked.on_timeout(&tray).into();
                    prop_assert!(!requests.is_empty());
                    continue;
                };
                for (at, sn) in request.iter().enumerate() {
                    sent += 1;
                    if chance(loss) { continue }
                    tray.insert(&head(*sn, sc), &[7]).unwrap();
                    if at + 1 == request.len() && !tray.is_complete() {
                        requests.extend(asked.on_wait(&tray, *sn));
                    }
                }
            }
            if loss == 0.0 {
                prop_assert_eq!(sent, lost);
            } else {
                prop_assert!(sent <= 4 * lost + 16 * resend::MISSED_MAX as u32, "{} sent for {} lost", sent, lost);
            }
        }
    }
}
