//! Filling packets: DROPs first, then what was lost and what is new, class by class, while it fits.

use super::begun::{Begun, CRUMB, Written, write_chunk};
use super::queues::{Class, QUANTUM, Queues, RING};
use super::run::Run;
use super::{Entry, Outbox, size};
use crate::base::limits;
use crate::road::v1::Carried;
use crate::road::v1::message::{Body, CHARGE, Outgoing};
use crate::wire::v1::{Frame, Writer};

/// A short message is cut at a packet's end only when so many bytes of it still fit: a cut doubles its chance of loss.
const CUT: usize = 256;
/// Longest message that is said twice.
const REPEATED: u64 = 1024;

impl Outbox {
    /// Whether [`Outbox::fill`] would write something into an empty packet.
    pub fn has_work(&self) -> bool {
        let picks = |queues: &Queues| queues.pick(|i, class| self.can_send(i, class)).is_some();
        !self.drops.is_empty() || self.queues.as_deref().is_some_and(picks)
    }

    /// Writes DROP and CHUNK frames while they fit; whether it wrote any. Nothing may follow them in the packet.
    pub fn fill(&mut self, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> bool {
        let start = out.at();
        self.write_drops(out, carry);
        if let Some(mut queues) = self.queues.take() {
            let mut run = Run::default();
            while let Some(i) = queues.pick(|i, class| self.can_send(i, class)) {
                let before = out.at();
                let is_full = self.turn(&mut queues, i, (out, before == start), &mut run, carry);
                queues.account(i, (out.at() - before) as u64);
                if is_full || out.at() == before {
                    break;
                }
            }
            run.flush(carry);
            self.queues = Some(queues);
        }
        out.at() > start
    }

    /// Whether [`Outbox::repeat_recent`] has something to write.
    pub fn has_recent(&self) -> bool {
        self.queues.as_ref().is_some_and(|queues| queues.recent.ids().any(|id| self.repeatable(id).is_some()))
    }

    /// Writes short urgent messages that were sent and not acknowledged a second time, as they fit, each once; how many.
    pub fn repeat_recent(&mut self, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> usize {
        let Some(queues) = &mut self.queues else { return 0 };
        let (ids, mut run, mut count) = (queues.recent.ids(), Run::default(), 0);
        queues.recent.clear();
        for id in ids {
            count += usize::from(self.repeatable(id).is_some_and(|message| run.write(id, message, out, carry)));
        }
        run.flush(carry);
        count
    }

    /// A short message in flight in one chunk.
    fn repeatable(&self, id: u64) -> Option<&Outgoing> {
        match self.sent.get(self.index(id)?)? {
            Entry::Whole(message, false) if size(&message.body) <= REPEATED => Some(message),
            _ => None,
        }
    }

    fn write_drops(&mut self, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) {
        while let Some(message) = self.drops.front().copied() {
            if let Some(Entry::Dropped(end)) = self.entry(message) {
                if (Frame::Drop { message, end: *end }).write(out).is_err() {
                    return;
                }
                carry(Carried::Drop(message));
            }
            self.drops.pop_front();
        }
    }

    fn can_send(&self, i: usize, class: &Class) -> bool {
        class.lost_live > 0
            || class.has_begun() && self.used < self.credit
            || self.can_begin(class.short.front())
            || self.can_begin_long(i, class)
    }

    /// Whether the peer's grants let a message begin, with one byte at least if it has any.
    fn can_begin(&self, out: Option<&Outgoing>) -> bool {
        let first = |out: &Outgoing| if matches!(out.body, Body::Stream) { 1 } else { size(&out.body).min(1) };
        out.is_some_and(|out| self.next() < self.open && self.used + CHARGE + first(out) <= self.credit)
    }

    /// Whether a long message may begin: what is begun and not sent to its end must fit the peer's memory in all, or none of
    /// it could come to its end; and the last of it is for urgent messages.
    fn can_begin_long(&self, i: usize, class: &Class) -> bool {
        let most = if i + 1 < super::CLASSES { limits::FAST_BEGUN_BYTES } else { limits::FAST_MESSAGE_MAX } as u64;
        let fits = |out: &Outgoing| self.begun == 0 || self.begun + size(&out.body) <= most;
        class.ring.len() < RING && self.can_begin(class.long.front()) && class.long.front().is_some_and(fits)
    }

    /// Sends from one class: lost pieces, or as much as one turn allows. Whether the packet is full.
    fn turn(
        &mut self,
        queues: &mut Queues,
        i: usize,
        (out, is_fresh): (&mut Writer<'_>, bool),
        run: &mut Run,
        carry: &mut impl FnMut(Carried),
    ) -> bool {
        let Queues { classes, recent } = queues;
        let Some(class) = classes.get_mut(i) else { return true };
        if class.lost_live > 0 {
            return self.send_lost(class, (out, is_fresh), run, carry);
        }
        if class.current.is_none() {
            let has_short = self.can_begin(class.short.front());
            let has_ring = !class.ring.is_empty() && self.used < self.credit;
            let has_long = self.can_begin_long(i, class);
            class.next_turn(has_short, has_ring || has_long);
            if !class.is_long_next {
                let first = self.next();
                let is_full = self.send_short(class, (out, is_fresh), run, carry);
                if i + 1 < super::CLASSES {
                    recent.push(first..self.next());
                }
                return is_full;
            }
            if has_long {
                return self.begin_long(class, out, carry);
            }
            class.current = class.ring.pop_front();
        }
        self.send_current(class, out, carry)
    }

    fn send_lost(
        &mut self,
        class: &mut Class,
        (out, is_fresh): (&mut Writer<'_>, bool),
        run: &mut Run,
        carry: &mut impl FnMut(Carried),
    ) -> bool {
        let start = out.at();
        while let Some(id) = class.lost.front().copied() {
            let Some(index) = self.index(id) else {
                class.lost.pop_front();
                continue;
            };
            match self.sent.get_mut(index) {
                Some(Entry::Whole(message, is_lost)) if *is_lost => {
                    if !run.write(id, message, out, carry) {
                        // Cut only when it cannot be helped: the path takes less than when it was sent.
                        if is_fresh && out.at() == start {
                            self.cut(index, id, out, carry);
                        }
                        return true;
                    }
                    *is_lost = false;
                }
                Some(Entry::Begun(begun)) if begun.is_lost => {
                    let stream = self.streams.get(begun.out.ticket);
                    while begun.has_lost() {
                        let Some(written) = begun.write_lost(id, stream, out) else { return true };
                        carry(written.carried(id));
                    }
                    begun.is_lost = false;
                }
                _ => {
                    class.lost.pop_front();
                    continue;
                }
            }
            class.lost.pop_front();
            class.mend();
        }
        false
    }

    /// A message that was sent whole goes again in chunks, the first of them now.
    fn cut(&mut self, index: usize, id: u64, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) {
        let Some(entry) = self.sent.get_mut(index) else { return };
        if let Entry::Whole(message, is_lost) = std::mem::replace(entry, Entry::Over) {
            let mut begun = Begun::new(message);
            begun.sent = size(&begun.out.body) + 1;
            begun.lose(0, begun.sent);
            begun.is_lost = is_lost;
            begun.write_lost(id, None, out).into_iter().for_each(|written| carry(written.carried(id)));
            *entry = Entry::Begun(Box::new(begun));
        }
    }

    fn send_short(
        &mut self,
        class: &mut Class,
        (out, is_fresh): (&mut Writer<'_>, bool),
        run: &mut Run,
        carry: &mut impl FnMut(Carried),
    ) -> bool {
        let start = out.at();
        while class.left > 0
            && self.can_begin(class.short.front())
            && let Some(message) = class.short.pop_front()
        {
            let (id, bytes) = (self.next(), size(&message.body));
            let most = self.credit - self.used - CHARGE;
            if bytes <= most && run.write(id, &message, out, carry) {
                self.used += CHARGE + bytes;
                class.left = class.left.saturating_sub(CHARGE + bytes);
                self.sent.push_back(Entry::Whole(message, false));
                continue;
            }
            let least = if is_fresh && out.at() == start { CRUMB } else { CUT };
            self.begin(class, message, (most, least), out, carry);
            return true;
        }
        false
    }

    /// Sends the first chunk of a short message of which not all fits; or puts it back.
    fn begin(
        &mut self,
        class: &mut Class,
        message: Outgoing,
        (most, least): (u64, usize),
        out: &mut Writer<'_>,
        carry: &mut impl FnMut(Carried),
    ) {
        let (id, data) = (self.next(), body(&message));
        let piece = data.get(..usize::try_from(most).unwrap_or(usize::MAX)).unwrap_or(data);
        let Some(written) = write_chunk(&message, id, (0, piece, piece.len() == data.len()), least, out) else {
            return class.short.push_front(message);
        };
        self.used += CHARGE + written.len as u64;
        class.left = class.left.saturating_sub(written.len as u64 + CHARGE);
        if written.fin {
            carry(Carried::Wholes { first: id, count: 1 });
            return self.sent.push_back(Entry::Whole(message, false));
        }
        carry(written.carried(id));
        let mut begun = Begun::new(message);
        begun.sent = written.positions();
        self.start(class, begun);
    }

    fn begin_long(&mut self, class: &mut Class, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> bool {
        let Some(message) = class.long.pop_front() else { return false };
        let (id, mut begun) = (self.next(), Begun::new(message));
        let stream = self.streams.get_mut(begun.out.ticket).filter(|_| matches!(begun.out.body, Body::Stream));
        let most = self.credit - self.used - CHARGE;
        let Some(written) = begun.write_new(id, stream.as_deref(), most, out) else {
            class.long.push_front(begun.out);
            return true;
        };
        self.used += CHARGE + written.len as u64;
        class.left = class.left.saturating_sub(written.len as u64);
        carry(written.carried(id));
        let is_sent = begun.is_sent(stream.as_deref());
        if let Some(stream) = stream {
            stream.id = Some(id);
        }
        if is_sent {
            class.left = 0;
            self.sent.push_back(Entry::Begun(Box::new(begun)));
        } else {
            self.start(class, begun);
        }
        out.room() == 0
    }

    /// A message has its turn from now on.
    fn start(&mut self, class: &mut Class, mut begun: Begun) {
        begun.is_in_turn = true;
        class.current = Some(self.next());
        self.begun += size(&begun.out.body);
        self.sent.push_back(Entry::Begun(Box::new(begun)));
        self.end_turn(class);
    }

    fn send_current(&mut self, class: &mut Class, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> bool {
        let Some(id) = class.current else { return true };
        let most = self.credit - self.used;
        let Some(index) = self.index(id) else { return true };
        let Some(Entry::Begun(begun)) = self.sent.get_mut(index) else { return true };
        let stream = self.streams.get(begun.out.ticket);
        let Some(written) = begun.write_new(id, stream, most, out) else { return true };
        carry(written.carried(id));
        self.used += written.len as u64;
        class.left = class.left.saturating_sub(written.len as u64);
        if begun.is_sent(stream) {
            begun.is_in_turn = false;
            self.begun -= size(&begun.out.body);
            class.current = None;
            class.left = if class.is_long_next { 0 } else { class.left };
        }
        self.end_turn(class);
        out.room() == 0
    }

    /// Puts the message whose turn is used up behind the others.
    fn end_turn(&mut self, class: &mut Class) {
        if class.left == 0
            && let Some(id) = class.current.take()
        {
            class.ring.push_back(id);
        }
    }
}

impl Class {
    /// Settles whose turn it is, short messages' or a long one's.
    fn next_turn(&mut self, has_short: bool, has_long: bool) {
        let is_over = self.left == 0;
        let is_long = if is_over { !self.is_long_next } else { self.is_long_next };
        let is_long = if is_long { has_long } else { !has_short };
        if is_over || is_long != self.is_long_next {
            self.left = QUANTUM;
        }
        self.is_long_next = is_long;
    }
}

impl Written {
    fn carried(&self, message: u64) -> Carried {
        Carried::Chunk { message, offset: self.offset, len: self.len as u32, fin: self.fin }
    }
}

fn body(message: &Outgoing) -> &[u8] {
    match &message.body {
        Body::Whole(body) => body,
        Body::Stream => &[],
    }
}
