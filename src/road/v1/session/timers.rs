//! What is due when: probes, signs of life, second tries, and the end of a session that fell silent.

use std::time::Duration;

use super::super::window::Window;
use super::{Session, resend};
use crate::base::Time;
use crate::road::core::Core;
use crate::transport::Departure;

//= handshake v1 "States": 90 s idle, three missed keep-alives.
const IDLE: Duration = Duration::from_secs(90);
/// An established session that its peer never used is forgotten: as long as an Initiate is said again in a hurry, twice.
const UNCONFIRMED: Duration = Duration::from_secs(20);
/// A session that was quiet for so long gives memory back: longer than the gaps of an interactive peer.
pub(super) const QUIET: Duration = Duration::from_secs(2);
/// What is known of a path after so long without a message is of another time: routes and queues change in less.
const STALE: Duration = Duration::from_secs(60);
/// Longest wait between two probes. A hole of a minute is a matter of hours for doubling timers, and a probe every two
/// seconds a matter of bytes (handshake v1, fault matrix "delay spike").
const PROBE_MAX: Duration = Duration::from_secs(2);
/// Probe timeouts that are not doubled: after the first pair of probes a single one in each round trip. A burst of losses
/// ends with the packets that meet it: on a way that carries nothing but probes, or answers to them, one of ten packets
/// would outlast any doubling.
//= Linux, ip-sysctl "tcp_thin_linear_timeouts": a stream of few packets backs off only after several timeouts.
const STEADY: u32 = 16;

impl Session {
    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, core: &mut Core) {
        let now = core.now;
        self.keys.on_timeout(now);
        if self.path.on_timeout(now) {
            self.use_fresh_id(now);
            self.new_path(now);
        }
        if self.sent.loss_deadline().is_some_and(|due| due <= now) {
            self.on_loss_timeout(core);
        }
        if self.pto_deadline().is_some_and(|due| due <= now) {
            self.on_probe_timeout();
            self.at(now).timeout(self.clocks.timeouts);
        }
        self.clocks.paced.take_if(|paced| *paced <= now);
        if self.clocks.repeat.take_if(|due| *due <= now).is_some() {
            self.clocks.repeats = true;
        }
        if self.clocks.rest.take_if(|due| *due <= now).is_some() {
            self.rest(now);
            core.rest(QUIET);
        }
        let is_unconfirmed = self.greeting.as_ref().is_some_and(|greeting| now.since(greeting.since) >= UNCONFIRMED);
        if is_unconfirmed || now.since(self.clocks.heard) >= IDLE {
            self.end(Departure::Silent, None);
        }
        self.renew(core);
        if self.alive_deadline().is_some_and(|due| due <= now) {
            self.clocks.is_ping_due = true;
        }
    }

    /// When [`Session::handle_timeout`] is due, or something is to be sent that the pace holds back.
    pub(crate) fn deadline(&self, now: Time) -> Option<Time> {
        // What is due to be said already is work: if it cannot be said yet, time alone does not change that.
        let greeting = self.greeting.as_ref();
        let to_say = [greeting.map(|greeting| greeting.pace.due()), self.acks.deadline(), self.mtu.deadline()];
        let to_do = [
            Some(self.clocks.heard + IDLE),
            greeting.map(|greeting| greeting.since + UNCONFIRMED),
            self.sent.loss_deadline(),
            self.pto_deadline(),
            self.path.deadline(),
            self.clocks.paced,
            self.clocks.rest,
            self.clocks.repeat,
            self.renewals.deadline(),
            self.alive_deadline(),
        ];
        let to_say = to_say.into_iter().flatten().filter(|due| *due > now);
        to_do.into_iter().flatten().chain(to_say).min()
    }

    /// Gives memory back that a quiet session does not need; a busy one is asked again later.
    fn rest(&mut self, now: Time) {
        let last = self.clocks.asked.max(self.clocks.heard);
        if now.since(last) < QUIET || self.sent.has_eliciting() {
            self.clocks.rest = Some(now + QUIET);
            return;
        }
        self.sent.rest();
        self.outbox.rest();
        self.inbox.rest();
        self.seen.rest();
        self.keys.rest();
        self.window.rest(u32::from(self.mtu.size()), now.since(self.clocks.spoke) >= STALE);
    }

    /// The session's probe timeout.
    pub(super) fn pto(&self) -> Duration {
        self.rtt.pto(self.clocks.ack_delay)
    }

    fn pto_deadline(&self) -> Option<Time> {
        // Probes that are owed already are sent as soon as they may be.
        if !self.sent.has_eliciting() || self.clocks.probes > 0 {
            return None;
        }
        // A probe is answered at once.
        let probe = self.rtt.pto(Duration::ZERO);
        let wait = match self.clocks.timeouts {
            0 => self.pto(),
            //= RFC 9002 §6.2.1: doubled with each timeout; of two probes each has a half of it.
            count => probe.saturating_mul(1 << (count.saturating_sub(STEADY) / 2).min(16)).min(probe.max(PROBE_MAX)),
        };
        self.sent.last_eliciting().map(|last| last + wait)
    }

    fn alive_deadline(&self) -> Option<Time> {
        let is_due = self.is_initiator && !self.clocks.is_ping_due;
        is_due.then(|| self.clocks.asked.max(self.clocks.heard) + self.clocks.keep_alive)
    }

    fn on_probe_timeout(&mut self) {
        self.clocks.timeouts += 1;
        self.tally.timeouts += 1;
        //= RFC 9002 §6.2.4: two probes, so that one lost packet does not cost another timeout.
        self.clocks.probes = if self.clocks.timeouts == 1 { 2 } else { 1 };
        self.clocks.is_ping_due = true;
        if self.mtu.on_pto(self.clocks.timeouts.saturating_sub(STEADY)) {
            self.window.on_mtu(u32::from(self.mtu.size()));
            self.pacer.on_mtu(u32::from(self.mtu.size()));
        }
        let outbox = &mut self.outbox;
        let (inbox, ids, renewals) = (&mut self.inbox, &mut self.ids, &mut self.renewals);
        let each = &mut |carried| resend(outbox, inbox, (&mut *ids, &mut *renewals), &carried);
        self.sent.probe(usize::from(self.clocks.probes), each);
    }
}
