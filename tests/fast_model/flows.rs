//! Streams and casts of the model: what is written, read, given up and refused, and what must come of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use roadstead::message::Route;
use roadstead::transport::{Command, Event, Failure, Stream, Ticket};

use super::{Model, name};

/// What the model knows of streams and casts.
#[derive(Debug, Default)]
pub(super) struct Flows {
    streams: BTreeMap<u64, Flow>,
    casts: Vec<Cast>,
    next: u64,
}

/// A stream, by its ticket.
#[derive(Debug)]
struct Flow {
    from: usize,
    to: usize,
    written: u64,
    is_finished: bool,
    is_cancelled: bool,
    /// The sender's process ended before it was told.
    is_orphan: bool,
    answer: Option<Result<(), Failure>>,
    /// The receiver's number for it, and what it has read.
    stream: Option<Stream>,
    read: u64,
    end: End,
}

/// How a stream ended for its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Whole,
    Cut,
    Refused,
    /// Its process ended.
    Gone,
}

#[derive(Debug)]
struct Cast {
    from: usize,
    to: usize,
    size: usize,
    is_forbidden: bool,
    received: u32,
}

/// Tickets of streams begin here; those of messages never come so far.
const FIRST: u64 = 1 << 32;
/// Streams of one estate that are taken at once.
pub(super) const STREAMS: u16 = 3;
/// What marks a cast.
const MARK: [u8; 4] = *b"cast";

/// Bytes of a stream from `from` on.
fn said(ticket: u64, from: u64, len: usize) -> Bytes {
    (from..from + len as u64)
        .map(|i| (i.wrapping_mul(0x9e37_79b9 ^ ticket << 8) >> 16) as u8)
        .collect::<Vec<_>>()
        .into()
}

fn number(data: &[u8]) -> Option<usize> {
    let number = data.strip_prefix(&MARK)?.first_chunk()?;
    usize::try_from(u64::from_le_bytes(*number)).ok()
}

impl Model {
    /// Something about streams or casts happens.
    pub(super) fn flow_step(&mut self) {
        let known: Vec<u64> = self.flows.streams.keys().copied().collect();
        let some = |model: &mut Self| (!known.is_empty()).then(|| model.pick(&known));
        match self.fate.below(16) {
            0 | 1 => self.open(),
            2..=7 => some(self).into_iter().for_each(|ticket| self.write(ticket)),
            8..=11 => some(self).into_iter().for_each(|ticket| self.take(ticket)),
            12 => some(self).into_iter().for_each(|ticket| self.cancel(ticket)),
            14 => self.cancel_message(),
            13 => some(self).into_iter().for_each(|ticket| self.refuse(ticket)),
            _ => (0..1 + self.fate.below(4)).for_each(|_| self.cast()),
        }
        self.check();
    }

    fn open(&mut self) {
        let (from, to) = self.pair();
        self.flows.next += 1;
        let (ticket, kind) = (FIRST + self.flows.next, format!("stream {}", FIRST + self.flows.next));
        self.log.push(format!("open {ticket} from {from} to {to}"));
        let command =
            Command::Open { ticket: Ticket(ticket), to: name(&Self::name(to)), route: Route::default(), kind };
        if self.world.command(from, command).is_ok() {
            let (written, is_finished, is_cancelled, is_orphan) = (0, false, false, false);
            let (answer, stream, read, end) = (None, None, 0, End::Open);
            let flow = Flow { from, to, written, is_finished, is_cancelled, is_orphan, answer, stream, read, end };
            self.flows.streams.insert(ticket, flow);
        }
    }

    fn write(&mut self, ticket: u64) {
        let len = self.pick(&[0, 1, 10, 1000, 1000, 30_000, 30_000, 400_000]);
        let fin = self.fate.below(4) == 0;
        let flow = &self.flows.streams[&ticket];
        if flow.is_finished || flow.is_orphan {
            return;
        }
        let (from, to, at) = (flow.from, name(&Self::name(flow.to)), flow.written);
        self.log.push(format!("write {len} to {ticket}, last: {fin}"));
        let command = Command::Write { ticket: Ticket(ticket), to, data: said(ticket, at, len), fin };
        let rest = match self.world.command(from, command) {
            Ok(()) => 0,
            Err(Command::Write { data, .. }) => data.len(),
            Err(other) => panic!("{other:?}"),
        };
        let Some(flow) = self.flows.streams.get_mut(&ticket) else { return };
        flow.written += (len - rest) as u64;
        flow.is_finished = fin && rest == 0;
    }

    fn take(&mut self, ticket: u64) {
        let flow = &self.flows.streams[&ticket];
        let (to, Some(stream)) = (flow.to, flow.stream) else { return };
        let times = 1 + self.fate.below(10);
        for _ in 0..times {
            self.world.command(to, Command::Take { stream }).unwrap();
        }
    }

    fn cancel(&mut self, ticket: u64) {
        let Some(flow) = self.flows.streams.get_mut(&ticket).filter(|flow| !flow.is_orphan) else { return };
        flow.is_cancelled = true;
        let (from, to) = (flow.from, name(&Self::name(flow.to)));
        self.log.push(format!("cancel {ticket}"));
        self.world.command(from, Command::Cancel { ticket: Ticket(ticket), to }).unwrap();
    }

    /// Gives up a message: one of the last, most of which are on their way.
    fn cancel_message(&mut self) {
        let back = self.fate.below(4) as usize;
        let last = self.sent.iter_mut().rev().filter(|(_, sent)| !sent.is_orphan).nth(back);
        let Some((ticket, sent)) = last else { return };
        sent.is_cancelled = true;
        let (ticket, from, to) = (*ticket, sent.from, name(&Self::name(sent.to)));
        self.log.push(format!("cancel message {ticket}"));
        self.world.command(from, Command::Cancel { ticket: Ticket(ticket), to }).unwrap();
    }

    fn refuse(&mut self, ticket: u64) {
        self.check();
        let Some(flow) = self.flows.streams.get_mut(&ticket).filter(|flow| flow.end == End::Open) else { return };
        let (to, Some(stream)) = (flow.to, flow.stream) else { return };
        flow.end = End::Refused;
        self.log.push(format!("refuse {ticket}"));
        self.world.command(to, Command::Refuse { stream }).unwrap();
    }

    fn cast(&mut self) {
        let (from, to) = self.pair();
        let size = self.pick(&[12, 12, 100, 1164, 1164, 1400, 9000]);
        let mut data = [&MARK[..], &(self.flows.casts.len() as u64).to_le_bytes()].concat();
        data.resize(size, 7);
        let is_forbidden = !self.accepted.contains(&(from, to));
        self.flows.casts.push(Cast { from, to, size, is_forbidden, received: 0 });
        self.world.command(from, Command::Cast { to: name(&Self::name(to)), data: data.into() }).unwrap();
    }

    /// A process has ended.
    pub(super) fn flows_restart(&mut self, n: usize) {
        for flow in self.flows.streams.values_mut() {
            flow.is_orphan |= flow.from == n && flow.answer.is_none();
            if flow.to == n && flow.end == End::Open && flow.stream.is_some() {
                flow.end = End::Gone;
            }
        }
    }

    /// What host `n` heard, if it is of a stream or a cast.
    pub(super) fn judge_flow(&mut self, n: usize, event: &Event) {
        match event {
            Event::Opened { from, stream, kind, .. } => {
                let ticket: u64 = kind.strip_prefix("stream ").and_then(|number| number.parse().ok()).unwrap();
                let from = self.who(from);
                assert!(self.here.contains(&(n, from)), "{n} hears {from}, who is not there");
                let flow = self.flows.streams.get_mut(&ticket).unwrap();
                assert_eq!((flow.from, flow.to, flow.stream), (from, n, None), "stream {ticket}");
                flow.stream = Some(*stream);
            }
            Event::Chunk { stream, data, fin, .. } => {
                let (ticket, flow) = self.flow_of(n, *stream);
                if flow.end == End::Refused {
                    // It was on its way to us already.
                    return;
                }
                assert_eq!(flow.end, End::Open, "stream {ticket} is over");
                assert!(
                    *data == said(ticket, flow.read, data.len()),
                    "stream {ticket} at {}: in order, once",
                    flow.read
                );
                flow.read += data.len() as u64;
                assert!(flow.read <= flow.written && (*fin || !data.is_empty()));
                if *fin {
                    assert!(flow.is_finished && flow.read == flow.written, "stream {ticket} ends where it ended");
                    flow.end = End::Whole;
                }
            }
            Event::Cut { stream, why, .. } => {
                let (ticket, flow) = self.flow_of(n, *stream);
                assert!(matches!(flow.end, End::Open | End::Refused), "stream {ticket} is over");
                assert!(*why == Failure::Lost || flow.is_cancelled, "stream {ticket}: {why:?}");
                assert_ne!(flow.answer, Some(Ok(())), "stream {ticket} was delivered");
                flow.end = End::Cut;
            }
            Event::Cast { from, data } => {
                let from = self.who(from);
                assert!(self.here.contains(&(n, from)), "{n} hears {from}, who is not there");
                let cast = &mut self.flows.casts[number(data).unwrap()];
                assert_eq!((cast.from, cast.to, cast.size, cast.is_forbidden), (from, n, data.len(), false));
                cast.received += 1;
                assert_eq!(cast.received, 1, "a cast came twice");
            }
            Event::Uncast { why, .. } => {
                assert!(matches!(why, Failure::Absent | Failure::OverPacket { limit: 1164.. }), "{why:?}");
            }
            _ => {}
        }
    }

    /// Whether a ticket is a stream's; then its answer is noted.
    pub(super) fn answer_flow(&mut self, ticket: u64, answer: Result<(), Failure>) -> bool {
        let Some(flow) = self.flows.streams.get_mut(&ticket) else { return false };
        assert_eq!(flow.answer, None, "stream {ticket} answered twice, now {answer:?}");
        assert!(!flow.is_orphan, "stream {ticket} answered by another process");
        match answer {
            Ok(()) => assert!(flow.is_finished && flow.end != End::Cut, "stream {ticket} is said to be delivered"),
            // Or there were too many of them.
            Err(Failure::Refused) => assert!(flow.end == End::Refused || flow.stream.is_none(), "stream {ticket}"),
            Err(Failure::Cancelled) => assert!(flow.is_cancelled, "stream {ticket}"),
            Err(why) => assert!(matches!(why, Failure::Absent | Failure::Lost), "stream {ticket}: {why:?}"),
        }
        flow.answer = Some(answer);
        true
    }

    /// Everything is finished and read; whether all streams are over.
    pub(super) fn heal_flows(&mut self) -> bool {
        let mut is_over = true;
        for ticket in self.flows.streams.keys().copied().collect::<Vec<_>>() {
            let flow = self.flows.streams.get_mut(&ticket).unwrap();
            let (from, to) = (flow.from, flow.to);
            if !flow.is_finished && flow.answer.is_none() && !flow.is_orphan {
                let (data, to) = (Bytes::new(), name(&Self::name(to)));
                self.world.command(from, Command::Write { ticket: Ticket(ticket), to, data, fin: true }).unwrap();
                flow.is_finished = true;
            }
            if let (Some(stream), End::Open) = (flow.stream, flow.end) {
                is_over = false;
                self.world.command(to, Command::Take { stream }).unwrap();
            }
            is_over &= flow.answer.is_some() || flow.is_orphan;
        }
        is_over
    }

    /// What must be true in the end.
    pub(super) fn check_flows(&self) {
        for (ticket, flow) in &self.flows.streams {
            assert!(flow.answer.is_some() || flow.is_orphan, "stream {ticket} was never answered: {flow:?}");
            let is_read = matches!(flow.end, End::Whole | End::Refused | End::Gone);
            assert!(flow.answer != Some(Ok(())) || is_read, "stream {ticket} was delivered: {flow:?}");
            assert!(flow.stream.is_none() || flow.end != End::Open, "stream {ticket} is open: {flow:?}");
        }
    }

    fn flow_of(&mut self, n: usize, stream: Stream) -> (u64, &mut Flow) {
        let is_it = |flow: &Flow| flow.to == n && flow.stream == Some(stream) && flow.end != End::Gone;
        // The newest: a process that starts anew numbers its streams as the one before did.
        let found = self.flows.streams.iter_mut().rev().find(|(_, flow)| is_it(flow));
        found.map(|(ticket, flow)| (*ticket, flow)).unwrap()
    }
}
