//! What goes out: packets are written and sealed in the caller's buffer, as many of one size as may go at once.

use super::super::Carried;
use super::super::mtu::BASE;
use super::super::sent::Meta;
use super::super::window::Window;
use super::{End, Session};
use crate::base::Time;
use crate::nacl::seal::TAG;
use crate::road::core::Core;
use crate::road::datagram::{Mark, Transmit};
use crate::wire::v1::{DataHead, Frame, Full, Writer};

/// Most bytes of one train: what one datagram of a kernel that cuts it up may hold (UDP's length field less IPv6's head).
pub(crate) const TRAIN: usize = 65_487;
/// Most packets of one train: Linux cuts up no more (UDP_MAX_SEGMENTS).
const CARS: usize = 64;
/// Least bytes worth a packet: a head, a question and an answer of the path, a short acknowledgement, a tag.
const LEAST: usize = 64;
/// Bytes that a CLOSE may take.
const LAST_WORDS: u64 = 64;
/// A packet with less room than this left is filled up with zeros, so that the train can go on.
const SLACK: usize = 160;

/// What a packet may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// Anything.
    Full,
    /// Nothing that counts against the window.
    Unpaid,
}

impl Session {
    /// Whether something is to be sent now.
    pub(crate) fn has_work(&mut self, now: Time) -> bool {
        if self.ended.is_some() {
            return false;
        }
        // Whoever looks before the timer does sees the same.
        self.clocks.paced.take_if(|paced| *paced <= now);
        let is_free = self.clocks.paced.is_none() && self.is_in_window();
        let greets = self.greeting.as_ref().is_some_and(|greeting| greeting.pace.due() <= now);
        greets
            || self.acks.is_due(now)
            || self.path.has_work()
            || self.ids.is_due()
            || self.renewals.has_work()
            || self.clocks.probes > 0
            || self.clocks.is_ping_due
            || self.inbox.has_work()
            || (is_free && (self.clocks.repeats || self.has_load()))
            || (self.is_confirmed() && self.mtu.next_probe(now).is_some())
    }

    /// Fills `out` with a packet or a train of them; `None` when there is nothing to send.
    pub(crate) fn fill(&mut self, core: &mut Core, out: &mut [u8]) -> Option<Transmit> {
        let now = core.now;
        // A probe that the path no longer takes would find out nothing.
        let size = if self.clocks.probes > 0 { self.mtu.size().min(BASE) } else { self.mtu.size() };
        let segment = usize::from(size);
        let to = self.path.remote();
        let mark = if self.marks.is_marking() { Mark::Ect0 } else { Mark::NotEct };
        let (mut at, mut cars) = (0, 0);
        while cars < CARS && at + segment <= TRAIN.max(segment) {
            // Towards a place that is not proven there may be room for little more than the question.
            let most = usize::try_from(self.path.allowance()).unwrap_or(usize::MAX).min(segment);
            if most < LEAST {
                break;
            }
            let Some(room) = out.get_mut(at..at + most) else { break };
            let is_probe = self.clocks.probes > 0;
            let is_free = is_probe || (self.is_in_window() && self.is_in_pace(now, segment));
            let leave = if is_free { Leave::Full } else { Leave::Unpaid };
            let Some(size) = self.packet(core, room, leave, mark) else { break };
            self.clocks.probes = self.clocks.probes.saturating_sub(u8::from(is_probe));
            self.path.on_sent(size);
            (at, cars) = (at + size, cars + 1);
            if size < segment {
                break;
            }
        }
        if at > 0 {
            let segment = (cars > 1).then_some(segment);
            return Some(self.sent_off(Transmit { to, size: at, segment, mark }, cars));
        }
        let size = self.mtu_probe(core, out, mark)?;
        self.path.on_sent(size);
        Some(self.sent_off(Transmit { to, size, segment: None, mark }, 1))
    }

    /// The packet that says the session is over.
    pub(crate) fn last_words(&mut self, now: Time, end: End) -> Option<Vec<u8>> {
        let code = end.code?;
        if self.path.allowance() < LAST_WORDS {
            return None;
        }
        let mut out = vec![0; usize::from(self.mtu.size())];
        let (head, number) = self.head(now);
        let mut writer = body(&head, &mut out)?;
        Frame::Close { code: code.number(), reason: code.words() }.write(&mut writer).ok()?;
        let size = writer.at() + TAG;
        out.truncate(size);
        self.sent.on_sent(now, Meta { size: size as u32, ..Meta::default() });
        self.keys.seal(&head, number, &mut out).ok()?;
        Some(out)
    }

    fn sent_off(&mut self, transmit: Transmit, packets: usize) -> Transmit {
        self.tally.datagrams_out += packets as u64;
        self.tally.bytes_out += transmit.size as u64;
        transmit
    }

    /// Whether the window has room for a packet. An empty one takes one of any size: it may be smaller than the path's.
    fn is_in_window(&self) -> bool {
        let in_flight = self.sent.in_flight();
        let fits = in_flight == 0 || in_flight + u64::from(self.mtu.size()) <= self.window.window();
        fits && !self.sent.is_full()
    }

    /// Whether the pace lets a packet go now; if not, notes when it will.
    fn is_in_pace(&mut self, now: Time, segment: usize) -> bool {
        if self.clocks.paced.is_some() || !self.has_load() {
            return self.clocks.paced.is_none();
        }
        let rate = self.window.rate(&self.rtt);
        let ready = self.pacer.ready(now, rate, segment as u64);
        self.clocks.paced = ready.err();
        self.clocks.paced.is_none()
    }

    fn head(&mut self, now: Time) -> (DataHead, u64) {
        let number = self.sent.next_number();
        (self.keys.head(now, self.theirs, number, self.sent.largest_acked()), number)
    }

    /// Writes and seals one packet of at most `room`; `None` when there is nothing to say.
    fn packet(&mut self, core: &mut Core, room: &mut [u8], leave: Leave, mark: Mark) -> Option<usize> {
        let now = core.now;
        let (head, number) = self.head(now);
        let mut writer = body(&head, room)?;
        let start = writer.at();
        let goes = leave == Leave::Full && (self.has_load() || self.clocks.repeats);
        let casts = goes && self.write_casts(&mut writer);
        // Whatever goes out takes what is to be acknowledged along.
        let Ok(asks) = self.control(core, &mut writer, goes) else {
            self.sent.abandon();
            return None;
        };
        let speaks = goes && self.chunks(&mut writer);
        if speaks | casts {
            self.clocks.spoke = now;
        }
        let mut is_eliciting = asks | casts | speaks;
        if self.clocks.probes > 0 && !is_eliciting {
            Frame::Ping.write(&mut writer).ok()?;
            self.sent.carry(Carried::Ping);
            is_eliciting = true;
        }
        if writer.at() == start {
            self.sent.abandon();
            return None;
        }
        if goes && self.has_load() && writer.room() > 0 && writer.room() < SLACK {
            let rest = writer.room();
            writer.zeros(rest).ok()?;
        }
        let size = writer.at() + TAG;
        let is_app_limited = !self.has_load();
        let meta = Meta {
            size: size as u32,
            is_eliciting,
            is_in_flight: is_eliciting,
            is_mtu_probe: false,
            is_ect: mark == Mark::Ect0,
            is_app_limited,
        };
        let before = self.sent.in_flight();
        self.sent.on_sent(now, meta);
        if is_eliciting {
            self.clocks.asked = now;
            self.clocks.is_ping_due = false;
            self.window.on_sent(now, size as u64, before, is_app_limited);
            self.pacer.on_sent(size as u64);
            if mark == Mark::Ect0 {
                self.marks.on_sent();
            }
            self.clocks.spare = (self.clocks.spare + size as u32 / SPARE).min(SPARE_MAX);
            self.repeat_later(now);
        }
        self.at(now).sent(number, size);
        let sealed = self.keys.seal(&head, number, room.get_mut(..size)?);
        if sealed.is_err() {
            self.end(crate::transport::Departure::Renewed, None);
            return None;
        }
        Some(size)
    }

    /// Everything but chunks; says whether any of it asks to be acknowledged.
    fn control(&mut self, core: &mut Core, out: &mut Writer<'_>, goes: bool) -> Result<bool, Full> {
        let now = core.now;
        let mut asks = false;
        if let Some(greeting) = self.greeting.as_mut().filter(|greeting| greeting.pace.due() <= now) {
            greeting.pace.on_sent(now, &mut core.random);
            Frame::Welcome(&greeting.body).write(out)?;
            self.sent.carry(Carried::Welcome);
            asks = true;
        }
        if let Some(token) = self.path.take_answer() {
            Frame::Probed(token).write(out)?;
            asks = true;
        }
        if let Some(token) = self.path.take_question(now) {
            Frame::Probe(token).write(out)?;
            self.sent.carry(Carried::Probe);
            asks = true;
        }
        if self.clocks.is_ping_due {
            Frame::Ping.write(out)?;
            self.sent.carry(Carried::Ping);
            asks = true;
        }
        if let Some(renewal) = self.renewals.fill(out) {
            self.sent.carry(renewal);
            asks = true;
        }
        if let Some(ids) = self.ids.fill(out) {
            self.sent.carry(ids);
            asks = true;
        }
        // Last, for it takes what room there is.
        if self.acks.is_due(now) || goes || self.inbox.has_work() || asks {
            asks |= self.acknowledge(now, out);
        }
        Ok(asks)
    }

    /// Refusals go before the acknowledgement that would otherwise say "delivered".
    fn acknowledge(&mut self, now: Time, out: &mut Writer<'_>) -> bool {
        let sent = &mut self.sent;
        let asks = self.inbox.fill(now, self.rtt.smoothed(), out, &mut |carried| sent.carry(carried));
        if let Some(largest) = self.acks.write(now, out) {
            self.sent.carry(Carried::Ack { largest });
        }
        asks
    }

    /// Whether there is anything that waits for the window.
    fn has_load(&self) -> bool {
        self.outbox.has_work() || self.casts.has_work()
    }

    fn chunks(&mut self, out: &mut Writer<'_>) -> bool {
        let sent = &mut self.sent;
        let mut carry = |carried| sent.carry(carried);
        let start = out.at();
        // What waits is worth more than a second try, but for a small part of what is sent.
        let is_cheap = self.clocks.spare >= u32::from(self.mtu.size()) || !self.outbox.has_work();
        if std::mem::take(&mut self.clocks.repeats) && is_cheap {
            self.outbox.repeat_recent(out, &mut carry);
        }
        let repeated = out.at() - start;
        self.clocks.spare = self.clocks.spare.saturating_sub(u32::try_from(repeated).unwrap_or(u32::MAX));
        self.outbox.fill(out, &mut carry) | (repeated > 0)
    }

    /// On a path that loses packets, small messages go out once more, a quarter of a round trip later.
    fn repeat_later(&mut self, now: Time) {
        if self.clocks.loss_share > REPEAT_FROM && self.clocks.repeat.is_none() && self.outbox.has_recent() {
            self.clocks.repeat = Some(now + self.rtt.smoothed() / 4);
        }
    }

    /// A packet of zeros that asks whether the path takes its size.
    fn mtu_probe(&mut self, core: &mut Core, out: &mut [u8], mark: Mark) -> Option<usize> {
        let now = core.now;
        if !self.is_confirmed() || self.path.allowance() < u64::MAX {
            return None;
        }
        let size = usize::from(self.mtu.next_probe(now)?);
        let (head, number) = self.head(now);
        let room = out.get_mut(..size)?;
        let mut writer = body(&head, room)?;
        Frame::Ping.write(&mut writer).ok()?;
        let rest = writer.room();
        writer.zeros(rest).ok()?;
        self.sent.carry(Carried::Ping);
        let meta = Meta {
            size: size as u32,
            is_eliciting: true,
            is_in_flight: true,
            is_mtu_probe: true,
            is_ect: mark == Mark::Ect0,
            is_app_limited: true,
        };
        self.sent.on_sent(now, meta);
        self.mtu.on_probe_sent(size as u16);
        self.at(now).probed(number, size);
        self.keys.seal(&head, number, room).ok()?;
        Some(size)
    }
}

/// Share of lost packets, in 1/65,536ths, from which small messages are repeated: road v1 "Tail", 1 %.
const REPEAT_FROM: u32 = 655;

/// One byte may be said twice for so many sent while other messages wait: 1.6 % of a slow path's rate.
const SPARE: u32 = 64;
/// Most bytes of second tries saved up.
const SPARE_MAX: u32 = 16_384;

/// The head is written; what follows is for frames, with room left for the tag.
fn body<'a>(head: &DataHead, room: &'a mut [u8]) -> Option<Writer<'a>> {
    let frames = room.len().checked_sub(TAG)?;
    let mut writer = Writer::new(room.get_mut(..frames)?);
    head.write(&mut writer).ok()?;
    Some(writer)
}
