//! The doors: handshakes that others begin, answers to ours, and who is told to come back.

use super::super::dialer::refusal;
use super::super::handshake::{Answer, Applicant, Progress, Silence};
use super::{Hall, Waiting};
use crate::base::{Name, Wall};
use crate::keep::RoleKey;
use crate::nacl::Secret;
use crate::road::core::{Core, Judgement};
use crate::road::datagram::Datagram;
use crate::road::stats::Drop;
use crate::transport::Event;
use crate::wire::v1::{Head, Kind, Packet, Status};

/// Estates that wait for somebody's decision and are called when it comes; further ones come back by themselves.
const WAITING: usize = crate::base::limits::PENDING_KEYS;

impl Hall {
    /// Takes a datagram that belongs to no session.
    pub(super) fn knock(&mut self, core: &mut Core, datagram: &mut Datagram<'_>) {
        let Some(first) = datagram.bytes.first() else { return core.stats.drop(Drop::Malformed) };
        match Kind::from_code(*first) {
            Some(Kind::Hello | Kind::Initiate | Kind::Intro) => self.on_question(core, datagram),
            Some(Kind::IntroReply) => {
                for dialer in self.dialers.iter_mut().filter(|dialer| dialer.address == datagram.from) {
                    dialer.on_intro(core, &self.settings, datagram.bytes);
                }
            }
            Some(Kind::Reset) => self.on_reset(core, datagram),
            Some(Kind::Cookie | Kind::Retry | Kind::Versions) => {
                let cid = Head::read(datagram.bytes).map(|head| head.cid);
                match cid {
                    Ok(cid) => self.on_answer(core, cid, datagram),
                    Err(_) => core.stats.drop(Drop::Malformed),
                }
            }
            None => match super::data_cid(datagram.bytes) {
                Some(cid) => self.on_answer(core, cid, datagram),
                None => core.stats.drop(Drop::Malformed),
            },
        }
    }

    /// An answer to a handshake of ours, or a packet of a session nobody knows.
    fn on_answer(&mut self, core: &mut Core, cid: u64, datagram: &mut Datagram<'_>) {
        let (now, wall) = (core.now, self.wall_at(core));
        let Some(at) = self.dialers.iter().position(|dialer| dialer.cid() == Some(cid)) else {
            core.stats.drop(Drop::Unknown);
            // Of another road's session only that road can tell that it is lost.
            let is_ours = super::data_cid(datagram.bytes).is_some() && core.config.shard.is_own(cid);
            let reset = self.responder.as_mut().filter(|_| is_ours);
            let reset = reset.and_then(|r| r.reset(now, datagram.from, cid, datagram.bytes.len()));
            if let Some(reset) = reset {
                core.send_raw(datagram.from, reset);
            }
            return;
        };
        let Some(dialer) = self.dialers.get_mut(at) else { return };
        match dialer.on_datagram(now, wall, datagram.bytes) {
            Some(Progress::Established(established)) => {
                let key = established.peer.key.clone();
                // Let in on trust or by a token: written down now that the key is proven.
                if dialer.is_enrolling() {
                    core.enrol(&key);
                }
                if !core.confirm(&key) {
                    return dialer.rest(now, core.config.timers.refused);
                }
                core.note_fast(&key.role);
                let index = self.insert(core, *established, datagram.from, true);
                if let Some(dialer) = self.dialers.get_mut(at) {
                    dialer.on_session(key, index);
                }
                if let Some(Some(session)) = self.sessions.get_mut(index as usize) {
                    session.announce(core);
                }
            }
            Some(Progress::Waiting { status, .. }) => {
                let by = dialer
                    .role()
                    .map_or_else(|| dialer.address.to_string(), |role| format!("{role}{}", self.settings.peers));
                core.event(Event::Refused { by, why: refusal(status) });
            }
            Some(Progress::Fault(fault)) => {
                tracing::error!(address = %dialer.address, "the estate there is not to be trusted: {fault}");
            }
            Some(Progress::Silence(why)) => core.stats.drop(reason(why)),
            Some(Progress::Stepped) | None => {}
        }
    }

    fn on_question(&mut self, core: &mut Core, datagram: &Datagram<'_>) {
        let wall = self.wall_at(core);
        let Some(responder) = &mut self.responder else { return core.stats.drop(Drop::Unknown) };
        // No key is revoked but by the roll, which is asked once its holder has proved it.
        let is_accepted = |key: &RoleKey| core.is_accepted(key);
        let answer = responder.handle_datagram(core.now, wall, datagram.from, datagram.bytes, |_| false, is_accepted);
        match answer {
            Answer::Silence(why) => core.stats.drop(reason(why)),
            Answer::Send(reply) => core.send_raw(datagram.from, reply),
            Answer::Again { cid } => {
                if let Some(index) = self.cids.get(&cid).copied()
                    && let Some(Some(session)) = self.sessions.get_mut(index as usize)
                {
                    session.greet_again(core.now);
                    self.touch(index);
                }
            }
            Answer::Knock(applicant) => self.on_knock(core, *applicant, wall),
        }
    }

    /// Somebody has proved who it is.
    fn on_knock(&mut self, core: &mut Core, applicant: Applicant, wall: Wall) {
        let token = self.enrols(core, &applicant, wall);
        let status = match core.judge(&applicant.peer.key) {
            Judgement::Accepted if self.has_room() && self.responder.as_ref().is_some_and(|r| r.has_room()) => {
                return self.welcome(core, applicant, wall, token);
            }
            Judgement::Accepted => Status::Busy,
            Judgement::Pending => Status::Pending,
            Judgement::Rejected => Status::Rejected,
            Judgement::Clash => Status::Denied,
            Judgement::Full => return,
        };
        let wait = match status {
            Status::Pending => core.config.timers.pended,
            _ => core.config.timers.refused,
        };
        let role = applicant.peer.key.role.clone();
        if matches!(status, Status::Pending | Status::Rejected)
            && (self.waiting.len() < WAITING || self.waiting.contains_key(&role))
        {
            let token = applicant.enrolment.map(|enrolment| enrolment.id);
            self.waiting.insert(role, Waiting { from: applicant.from, cid: applicant.cid, token });
        }
        let Some(responder) = &mut self.responder else { return };
        if let Some(reply) = responder.decline(core.now, wall, &applicant, status, wait) {
            core.send_raw(applicant.from, reply);
        }
    }

    fn welcome(&mut self, core: &mut Core, applicant: Applicant, wall: Wall, token: Option<Secret>) {
        let Some(responder) = &mut self.responder else { return };
        let cid = super::cids::fresh(core, &self.cids);
        let (from, key) = (applicant.from, applicant.peer.key.clone());
        if !core.confirm(&key) {
            return;
        }
        match responder.accept(core.now, wall, applicant, cid, token.as_ref()) {
            Ok((established, datagram)) => {
                self.waiting.remove(&key.role);
                core.note_fast(&key.role);
                self.insert(core, *established, from, false);
                core.send_raw(from, datagram);
            }
            Err(why) => core.stats.drop(reason(why)),
        }
    }

    /// The peer lost a session, or has decided about us.
    fn on_reset(&mut self, core: &mut Core, datagram: &Datagram<'_>) {
        let Ok(Packet::Reset(reset)) = Packet::read(datagram.bytes) else {
            return core.stats.drop(Drop::Malformed);
        };
        let cid = reset.head.cid;
        for dialer in &mut self.dialers {
            if dialer.on_reset(core.now, cid, &reset.token) {
                return;
            }
        }
        let live: Vec<u32> = self.dialers.iter().filter_map(super::Dialer::session).collect();
        for index in live {
            if let Some(Some(session)) = self.sessions.get_mut(index as usize)
                && session.resets(cid, &reset.token)
            {
                session.end(crate::transport::Departure::Renewed, None);
                self.touch(index);
                return;
            }
        }
        core.stats.drop(Drop::Unknown);
    }

    /// Calls an estate that waits for a decision: it has come.
    pub(super) fn nudge(&mut self, core: &mut Core, role: &Name) {
        let (Some(waiting), Some(responder)) = (self.waiting.remove(role), &mut self.responder) else { return };
        core.send_raw(waiting.from, responder.nudge(waiting.cid));
    }

    fn wall_at(&self, core: &Core) -> Wall {
        let (then, wall) = self.wall;
        Wall(wall.0.saturating_add(core.now.since(then).as_micros() as u64))
    }
}

/// Why the handshake passed a datagram over, as the road counts it.
fn reason(why: Silence) -> Drop {
    match why {
        Silence::Malformed(_) | Silence::Early => Drop::Malformed,
        Silence::Mac | Silence::Unbound => Drop::Unsigned,
        Silence::Rate | Silence::Full => Drop::Full,
        Silence::Used | Silence::Expired | Silence::Unexpected => Drop::Stale,
        Silence::Cookie | Silence::Forged | Silence::SmallOrder | Silence::Downgraded | Silence::Amplified => {
            Drop::BadAllow
        }
        Silence::Revoked => Drop::BadJoin,
    }
}
