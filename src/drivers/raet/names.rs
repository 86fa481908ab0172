//! Estates' names on the road and ids above it, and what a duty reads: messages that are values. Decides nothing else.

use crate::base::{Name, Time};
use crate::message::{self, Message};
use crate::road::{Config, Road, SessionView};
use crate::transport::{Event, Link};

/// Turns the names of one road into ids, and back.
#[derive(Debug)]
pub(super) struct Names {
    /// Behind the id of every estate we talk to: `_minion` for a master.
    suffix: &'static str,
    /// Messages that are not what a duty reads.
    pub(super) malformed: u64,
}

impl Names {
    /// Of a road with these settings.
    pub(super) fn of(config: &Config) -> Self {
        Self { suffix: if config.main { "_minion" } else { "_master" }, malformed: 0 }
    }

    /// An estate's id, if it is one we talk to.
    pub(super) fn id(&self, estate: &Name) -> Option<Name> {
        estate.as_str().strip_suffix(self.suffix).and_then(|id| Name::new(id).ok())
    }

    /// The name of the estate of an id. An id with the duty behind it is a legal name unless the id was too long to be
    /// accepted anywhere.
    pub(super) fn estate(&self, id: &Name) -> Option<Name> {
        Name::new(&format!("{id}{}", self.suffix)).ok()
    }

    /// A road's event in ids; `None` for estates that are not ours to talk to.
    pub(super) fn translate(&mut self, event: Event) -> Option<Event> {
        Some(match event {
            Event::Joined { peer } => Event::Joined { peer: self.id(&peer)? },
            Event::Left { peer, why } => Event::Left { peer: self.id(&peer)?, why },
            Event::Received { from, message } => {
                let from = self.id(&from)?;
                // The fast wire carries any bytes; duties read one value, and no deeper one than they can.
                if message::check(&message.body).is_err() {
                    self.malformed += 1;
                    tracing::debug!(%from, kind = message.kind, so_far = self.malformed, "a message that is no value: dropped");
                    return None;
                }
                let Message { mut route, kind, body } = message;
                route.src.estate = Some(from.clone());
                route.dst.estate = None;
                Event::Received { from, message: Message { route, kind, body } }
            }
            Event::Opened { from, stream, mut route, kind } => {
                let from = self.id(&from)?;
                (route.src.estate, route.dst.estate) = (Some(from.clone()), None);
                Event::Opened { from, stream, route, kind }
            }
            Event::Chunk { from, stream, data, fin } => Event::Chunk { from: self.id(&from)?, stream, data, fin },
            Event::Cut { from, stream, why } => Event::Cut { from: self.id(&from)?, stream, why },
            Event::Cast { from, data } => Event::Cast { from: self.id(&from)?, data },
            Event::Uncast { to, why } => Event::Uncast { to: self.id(&to)?, why },
            Event::Refused { by, why } => {
                let by = by.strip_suffix(self.suffix).map_or(by.clone(), str::to_owned);
                Event::Refused { by, why }
            }
            other => other,
        })
    }

    /// A road's sessions as an operator sees them.
    pub(super) fn links(&self, road: &Road, now: Time) -> Vec<Link> {
        road.sessions().into_iter().filter_map(|view| Some(link(self.id(&view.name)?, &view, now))).collect()
    }
}

/// A message as it goes on a road: its estates are those at the ends.
pub(super) fn on_road(message: &Message) -> Message {
    let mut message = message.clone();
    message.route.src.estate = None;
    message.route.dst.estate = None;
    message
}

/// A session of the fast wire, in an operator's units.
fn link(id: Name, view: &SessionView, now: Time) -> Link {
    let tally = &view.tally;
    Link {
        id,
        address: view.remote.to_string(),
        wire: "fast".to_owned(),
        cipher: view.suite.name().to_owned(),
        age: now.since(tally.since).as_secs_f64(),
        heard: now.since(view.heard).as_secs_f64(),
        rtt: view.rtt.as_secs_f64(),
        rtt_min: view.rtt_min.as_secs_f64(),
        loss: view.loss,
        window: view.window,
        rate: view.rate,
        mtu: view.mtu,
        in_flight: view.in_flight,
        going: view.going as u64,
        coming: view.coming as u64,
        messages_in: tally.messages_in,
        messages_out: tally.messages_out,
        bytes_in: tally.bytes_in,
        bytes_out: tally.bytes_out,
        lost: tally.lost,
        timeouts: tally.timeouts,
        moves: tally.moves,
    }
}
