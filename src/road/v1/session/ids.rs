//! Session ids for an estate that moves: fresh ones either side gives the other, so that nobody who watches two paths can
//! tell that they are one session's (RFC 9000 §5.1, §9.5). Numbers of ids only go up: a path that is left is not gone back
//! to under its old id. Holds nothing until one side gives some; ids and tokens are the hall's to make.

use std::time::Duration;

use super::Session;
use crate::base::Time;
use crate::road::v1::Carried;
use crate::wire::v1::{self, Frame, Writer};

/// The ids of both sides. The first of each, number 0, is the handshake's.
#[derive(Debug, Default)]
pub(super) struct Ids(Option<Box<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Ours that live, and the number of the first.
    live: Vec<u64>,
    first: u64,
    /// The highest of them the peer has used, and when those below are forgotten.
    used: u64,
    forget: Option<Time>,
    /// Those the peer may not have yet as the frame has them, and the number of the first.
    given: Vec<u8>,
    given_first: u64,
    is_due: bool,
    /// Theirs that were not used, by number.
    spares: Vec<(u64, u64, [u8; 16])>,
    /// The number of the one in use, and since when.
    number: u64,
    since: Time,
}

/// Most fresh ids either side holds of the other.
const MOST: usize = 4;
/// Bytes of an id and its token in the frame.
const ID: usize = 24;
/// Who is gone sooner needs none, nor who says nothing: a session at rest from its beginning stays as small as it was.
const AFTER: Duration = Duration::from_secs(2);
/// A question about the path that comes so soon after a change of the id is about that.
const SETTLED: Duration = Duration::from_secs(10);
//= RFC 9000 §5.1.2: an id is forgotten when packets that carry it can no longer be on their way; as old keys are, 3 PTO.
const FORGET: u32 = 3;

impl Session {
    /// How many fresh ids the peer is to be given now; `spares`: how many it is to have. The side that began gives first: it
    /// is the one that moves, and tells by it that it wants some.
    pub(in crate::road::v1) fn lacks_ids(&self, now: Time, spares: u8) -> usize {
        let spares = usize::from(spares).min(MOST);
        match &self.ids.0 {
            _ if self.ended.is_some() || !self.is_confirmed() => 0,
            // Whoever takes a new one each round trip gets more when the old ones are forgotten.
            Some(inner) => spares.saturating_sub(inner.unused()).min((2 * MOST).saturating_sub(inner.live.len())),
            None => {
                let is_used = self.tally.messages_in + self.tally.messages_out > 0;
                let is_due = self.is_initiator && is_used && now.since(self.tally.since) >= AFTER;
                if is_due { spares } else { 0 }
            }
        }
    }

    /// One more id of ours, with the token that resets it.
    pub(in crate::road::v1) fn give_id(&mut self, cid: u64, token: &[u8; 16]) {
        let inner = self.ids.begin(self.ours);
        if inner.given.is_empty() {
            inner.given_first = inner.next();
        }
        inner.live.reserve_exact(1);
        inner.live.push(cid);
        v1::Ids::pack(cid, token, &mut inner.given);
        inner.is_due = true;
    }

    /// The next id of ours that the peer no longer uses: it means nothing from now on.
    pub(in crate::road::v1) fn forget_id(&mut self, now: Time) -> Option<u64> {
        let inner = self.ids.0.as_mut()?;
        inner.forget.filter(|due| *due <= now)?;
        if inner.first == inner.used {
            inner.forget = None;
            return None;
        }
        inner.first += 1;
        (!inner.live.is_empty()).then(|| inner.live.remove(0))
    }

    /// All ids of ours that live.
    pub(in crate::road::v1) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        let first = self.ids.0.is_none().then_some(self.ours);
        first.into_iter().chain(self.ids.0.iter().flat_map(|inner| inner.live.iter().copied()))
    }

    /// An authentic packet came under this id of ours.
    pub(super) fn on_id(&mut self, now: Time, cid: u64) {
        let forget = now + self.pto() * FORGET;
        let Some(inner) = &mut self.ids.0 else { return };
        let at = inner.live.iter().position(|live| *live == cid).unwrap_or(0) as u64;
        if inner.first + at > inner.used {
            (inner.used, inner.forget) = (inner.first + at, Some(forget));
            let below = inner.used + 1;
            self.ids.on_acked(below);
        }
    }

    /// IDS: the peer answers to these too, and no more to those below `retire`.
    pub(super) fn on_ids(&mut self, now: Time, ids: &v1::Ids<'_>) {
        let inner = self.ids.begin(self.ours);
        for (number, (cid, token)) in (ids.first..).zip(ids.iter()) {
            let is_known = number <= inner.number || inner.spares.iter().any(|spare| spare.0 == number);
            if !is_known && inner.spares.len() < MOST {
                inner.spares.reserve_exact(1);
                inner.spares.push((number, cid, token));
            }
        }
        inner.spares.retain(|spare| spare.0 >= ids.retire);
        inner.spares.sort_unstable_by_key(|spare| spare.0);
        if inner.number < ids.retire {
            self.use_fresh_id(now);
        }
    }

    /// From now on packets go under an id nobody has seen, if there is one.
    //= RFC 9000 §9.5: an id is not used towards more than one address.
    pub(super) fn use_fresh_id(&mut self, now: Time) {
        let Some(inner) = self.ids.0.as_mut().filter(|inner| !inner.spares.is_empty()) else { return };
        (inner.number, self.theirs, self.reset) = inner.spares.remove(0);
        inner.since = now;
    }

    /// The peer asks whether we are here: it sees us elsewhere, unless that is known.
    pub(super) fn on_question(&mut self, now: Time) {
        if self.ids.0.as_ref().is_some_and(|inner| now.since(inner.since) >= SETTLED) {
            self.use_fresh_id(now);
        }
    }

    /// Our own address has changed: the peer shall see it soon, and see nothing there that it saw before.
    pub(in crate::road::v1) fn move_on(&mut self, now: Time) {
        self.use_fresh_id(now);
        self.new_path(now);
        self.clocks.is_ping_due = true;
    }
}

impl Ids {
    /// Whether there is more than one id of either side.
    pub(super) fn is_begun(&self) -> bool {
        self.0.is_some()
    }

    /// Whether an IDS frame is to be sent.
    pub(super) fn is_due(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.is_due)
    }

    /// Writes it, if it fits; then what the packet carries.
    pub(super) fn fill(&mut self, out: &mut Writer<'_>) -> Option<Carried> {
        let inner = self.0.as_mut().filter(|inner| inner.is_due)?;
        let ids = v1::Ids::new(inner.given_first, inner.used, &inner.given)?;
        Frame::Ids(ids).write(out).ok()?;
        inner.is_due = false;
        Some(Carried::Ids(inner.next()))
    }

    /// The peer has all ids of ours below this number.
    pub(super) fn on_acked(&mut self, below: u64) {
        let Some(inner) = &mut self.0 else { return };
        let count = below.saturating_sub(inner.given_first);
        let bytes = (count as usize * ID).min(inner.given.len());
        inner.given.drain(..bytes);
        inner.given.shrink_to_fit();
        inner.given_first += count;
    }

    /// A frame is lost: what of it the peer may not have is said again.
    pub(super) fn on_lost(&mut self) {
        if let Some(inner) = &mut self.0 {
            inner.is_due = !inner.given.is_empty();
        }
    }

    fn begin(&mut self, ours: u64) -> &mut Inner {
        self.0.get_or_insert_with(|| Box::new(Inner { live: vec![ours], ..Inner::default() }))
    }
}

impl Inner {
    /// The number of the next id we give.
    fn next(&self) -> u64 {
        self.first + self.live.len() as u64
    }

    /// Ids of ours that the peer has and has not used.
    fn unused(&self) -> usize {
        (self.next() - 1 - self.used) as usize
    }
}
