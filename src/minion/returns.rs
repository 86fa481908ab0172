//! Returns on their way to the master. Owns each until the master has it; bounded, and never silent about a loss.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tracing::{debug, error, warn};

use super::job::Job;
use crate::base::{Name, Time, limits};
use crate::duty::{Outbox, Outcome};
use crate::message::{Address, Message, Route};
use crate::transport::{Failure, Ticket};

/// How long a return rests after the transport lost it while the master is there: it may be busy or just starting.
const REST: Duration = Duration::from_secs(3);
/// How often a return that the master refuses is offered.
const REFUSALS: u8 = 3;

/// A return as a master reads it (Salt over RAET §5).
#[derive(Serialize)]
struct Body<'a> {
    cmd: &'a str,
    id: &'a Name,
    jid: &'a str,
    fun: &'a Value,
    fun_args: &'a Value,
    #[serde(rename = "return")]
    value: &'a Value,
    retcode: &'a Value,
    success: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Value>,
}

/// What a job came to. Of a list of functions all three are maps by function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    pub(super) value: Value,
    pub(super) retcode: Value,
    pub(super) success: Value,
}

impl Ending {
    /// Nothing was done, because of this.
    pub(super) fn refusal(why: &str) -> Self {
        Self { value: why.into(), retcode: 1.into(), success: false.into() }
    }
}

impl From<Outcome> for Ending {
    fn from(Outcome { value, retcode, success, .. }: Outcome) -> Self {
        Self { value, retcode: retcode.into(), success: success.into() }
    }
}

#[derive(Debug)]
struct Held {
    jid: String,
    fun: Value,
    body: Bytes,
    ticket: Option<Ticket>,
    refusals: u8,
}

/// The returns that the master does not have yet.
#[derive(Debug)]
pub(super) struct Returns {
    id: Name,
    /// By age.
    held: BTreeMap<u64, Held>,
    by_jid: BTreeMap<String, u64>,
    by_ticket: BTreeMap<Ticket, u64>,
    last: u64,
    bytes: usize,
    /// When to offer those that rest.
    rested: Option<Time>,
}

impl Returns {
    pub(super) fn new(id: Name) -> Self {
        let (held, by_jid, by_ticket) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { id, held, by_jid, by_ticket, last: 0, bytes: 0, rested: None }
    }

    /// A job has come to its end. [`offer`](Self::offer) sends it.
    pub(super) fn hold(&mut self, job: &Job, ending: &Ending) {
        let (fun, fun_args) = (job.fun(), job.arg());
        let Ending { value, retcode, success } = ending;
        let (id, jid, metadata) = (&self.id, job.jid.as_str(), job.metadata.as_ref());
        let body = Body { cmd: "_return", id, jid, fun: &fun, fun_args: &fun_args, value, retcode, success, metadata };
        let body = encode(&body).filter(|body| body.len() <= limits::MESSAGE_MAX).unwrap_or_else(|| {
            let size = rmp_serde::to_vec_named(&ending.value).map_or(0, |bytes| bytes.len());
            self.substitute(jid, &fun, &too_large(size))
        });
        if let Some(old) = self.by_jid.get(&job.jid).copied() {
            self.drop_held(old);
        }
        while self.held.len() >= limits::HELD_RETURNS || self.bytes + body.len() > limits::HELD_BYTES {
            let Some(oldest) = self.held.keys().next().copied() else { break };
            if let Some(held) = self.drop_held(oldest) {
                error!(jid = held.jid, fun = %held.fun, "too many returns wait for the master; the oldest one is lost");
            }
        }
        self.last += 1;
        self.bytes += body.len();
        self.by_jid.insert(job.jid.clone(), self.last);
        let held = Held { jid: job.jid.clone(), fun, body, ticket: None, refusals: 0 };
        self.held.insert(self.last, held);
    }

    /// Sends what is not on its way, oldest first.
    pub(super) fn offer(&mut self, master: &Name, outbox: &mut Outbox) {
        self.rested = None;
        for (number, held) in self.held.iter_mut().filter(|(_, held)| held.ticket.is_none()) {
            let share = |text: &str| Name::new(text).ok();
            let src = Address { estate: None, yard: None, share: share("jid_ret") };
            let dst = Address { estate: Some(master.clone()), yard: None, share: share("remote_cmd") };
            let message = Message { route: Route { src, dst }, kind: "load".to_owned(), body: held.body.clone() };
            let ticket = outbox.send(master.clone(), message);
            held.ticket = Some(ticket);
            self.by_ticket.insert(ticket, *number);
        }
    }

    /// Whether the ticket is a return's that still waits.
    pub(super) fn is_waiting(&self, ticket: Ticket) -> bool {
        self.by_ticket.contains_key(&ticket)
    }

    /// The function of a job whose return the master does not have yet.
    pub(super) fn find(&self, jid: &str) -> Option<&Value> {
        self.by_jid.get(jid).and_then(|number| self.held.get(number)).map(|held| &held.fun)
    }

    /// The master has it.
    pub(super) fn on_delivered(&mut self, ticket: Ticket) {
        if let Some(held) = self.by_ticket.remove(&ticket).and_then(|number| self.drop_held(number)) {
            debug!(jid = held.jid, "the master has the return");
        }
    }

    /// It did not arrive, or nobody knows.
    pub(super) fn on_failed(&mut self, now: Time, ticket: Ticket, why: Failure) {
        let Some(number) = self.by_ticket.remove(&ticket) else { return };
        let Some(held) = self.held.get_mut(&number) else { return };
        held.ticket = None;
        match why {
            Failure::Absent | Failure::Lost | Failure::Cancelled => debug!(jid = held.jid, "the return is kept: {why}"),
            Failure::Refused if held.refusals + 1 < REFUSALS => held.refusals += 1,
            Failure::Refused => {
                let (jid, fun) = (&held.jid, &held.fun);
                error!(jid, %fun, "the return is lost: {why}, {REFUSALS} times");
                self.drop_held(number);
            }
            Failure::TooLarge
            | Failure::Malformed
            | Failure::NotText
            | Failure::Unsupported
            | Failure::OverPacket { .. } => {
                let (jid, fun, size) = (held.jid.clone(), held.fun.clone(), held.body.len());
                warn!(jid, %fun, size, "the return cannot be sent, so the master is told why: {why}");
                let sentence = match why {
                    Failure::TooLarge => too_large(size),
                    Failure::NotText => {
                        "the return holds bytes that are no text; have the function encode them".to_owned()
                    }
                    _ => "the return cannot be encoded".to_owned(),
                };
                let body = self.substitute(&jid, &fun, &sentence);
                self.replace(number, body);
            }
        }
        self.rested.get_or_insert(now + REST);
    }

    /// When to [`offer`](Self::offer) again.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.rested
    }

    fn replace(&mut self, number: u64, body: Bytes) {
        let Some(held) = self.held.get_mut(&number) else { return };
        if body == held.body {
            // Not even the substitute can be sent.
            self.drop_held(number);
            return;
        }
        self.bytes = self.bytes - held.body.len() + body.len();
        held.body = body;
    }

    fn drop_held(&mut self, number: u64) -> Option<Held> {
        let held = self.held.remove(&number)?;
        self.bytes -= held.body.len();
        self.by_jid.remove(&held.jid);
        held.ticket.and_then(|ticket| self.by_ticket.remove(&ticket));
        Some(held)
    }

    /// A failed return with this sentence.
    fn substitute(&self, jid: &str, fun: &Value, sentence: &str) -> Bytes {
        let Ending { value, retcode, success } = &Ending::refusal(sentence);
        let (id, fun_args) = (&self.id, &Value::Array(Vec::new()));
        let body = Body { cmd: "_return", id, jid, fun, fun_args, value, retcode, success, metadata: None };
        encode(&body).unwrap_or_default()
    }
}

fn encode(body: &Body<'_>) -> Option<Bytes> {
    // What is too deep to be read is not sent.
    let bytes = rmp_serde::to_vec_named(body).ok()?;
    crate::message::check(&bytes).ok()?;
    Some(bytes.into())
}

fn too_large(size: usize) -> String {
    format!(
        "the function returned {size} bytes, which a message cannot carry ({} bytes at most, and not nested deeper than \
         {}); have it write a file or print less",
        limits::MESSAGE_MAX,
        limits::BODY_DEPTH
    )
}

#[cfg(test)]
mod tests {
    use super::super::job::Call;
    use super::*;
    use crate::transport::Command;
    use serde_json::json;

    fn job(jid: &str) -> Job {
        let calls = vec![Call { fun: "a.b".to_owned(), arg: vec![] }];
        Job { jid: jid.to_owned(), calls, metadata: Some(json!({"why": 1})), ..Job::default() }
    }

    fn outcome(value: Value) -> Ending {
        Ending { value, retcode: json!(0), success: json!(true) }
    }

    fn sent(returns: &mut Returns, outbox: &mut Outbox) -> Vec<(Ticket, Value)> {
        returns.offer(&Name::new("m").unwrap(), outbox);
        let next = || match outbox.poll(|_| true)? {
            Command::Send { ticket, message, .. } => Some((ticket, message.read_value().unwrap())),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    fn setting() -> (Returns, Outbox) {
        (Returns::new(Name::new("web1").unwrap()), Outbox::default())
    }

    #[test]
    fn kept_until_delivered() {
        let (mut returns, mut outbox) = setting();
        returns.hold(&job("1"), &outcome(json!(true)));
        let first = sent(&mut returns, &mut outbox);
        let load = json!({"cmd": "_return", "id": "web1", "jid": "1", "fun": "a.b", "fun_args": [], "return": true,
                          "retcode": 0, "success": true, "metadata": {"why": 1}});
        assert_eq!(first[0].1, load);
        assert!(sent(&mut returns, &mut outbox).is_empty(), "it is on its way");
        returns.on_failed(Time(0), first[0].0, Failure::Lost);
        assert_eq!(returns.deadline(), Some(Time(0) + REST));
        let second = sent(&mut returns, &mut outbox);
        assert_eq!(second[0].1, load);
        returns.on_delivered(first[0].0);
        assert_eq!(returns.find("1"), Some(&json!("a.b")), "an old ticket proves nothing");
        returns.on_delivered(second[0].0);
        assert_eq!((returns.find("1"), returns.bytes), (None, 0));
    }

    #[test]
    fn what_cannot_be_sent_is_replaced_once() {
        let (mut returns, mut outbox) = setting();
        returns.hold(&job("1"), &outcome(json!("x".repeat(1000))));
        let first = sent(&mut returns, &mut outbox);
        returns.on_failed(Time(0), first[0].0, Failure::TooLarge);
        let second = sent(&mut returns, &mut outbox);
        assert_eq!((&second[0].1["retcode"], &second[0].1["success"]), (&json!(1), &json!(false)));
        let size = returns.held.values().next().unwrap().body.len();
        assert_eq!(returns.bytes, size);
        assert!(second[0].1["return"].as_str().unwrap().contains(&limits::MESSAGE_MAX.to_string()));
        returns.on_failed(Time(0), second[0].0, Failure::Malformed);
        let third = sent(&mut returns, &mut outbox);
        returns.on_failed(Time(0), third[0].0, Failure::Malformed);
        assert!(sent(&mut returns, &mut outbox).is_empty());
        assert_eq!(returns.bytes, 0);
    }

    #[test]
    fn too_deep_is_a_failed_return() {
        let (mut returns, mut outbox) = setting();
        let deep = (0..limits::BODY_DEPTH).fold(Value::Null, |inner, _| json!([inner]));
        returns.hold(&job("1"), &outcome(deep));
        assert_eq!(sent(&mut returns, &mut outbox)[0].1["success"], json!(false));
    }

    #[test]
    fn bounded_oldest_first() {
        let (mut returns, mut outbox) = setting();
        (0..=limits::HELD_RETURNS).for_each(|n| returns.hold(&job(&n.to_string()), &outcome(json!(n))));
        assert_eq!((returns.find("0"), returns.find("1")), (None, Some(&json!("a.b"))));
        assert_eq!(sent(&mut returns, &mut outbox).len(), limits::HELD_RETURNS);
    }

    #[test]
    fn refused_a_few_times_only() {
        let (mut returns, mut outbox) = setting();
        returns.hold(&job("1"), &outcome(json!(true)));
        for _ in 0..REFUSALS {
            let tickets = sent(&mut returns, &mut outbox);
            returns.on_failed(Time(0), tickets[0].0, Failure::Refused);
        }
        assert!(sent(&mut returns, &mut outbox).is_empty());
    }
}
