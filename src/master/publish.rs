//! What yards of the lane ask: jobs to publish, jobs to look up, notices to hear. Owns the checks on requests and the
//! shape of a job's body; nothing of a page is trusted before it passed here.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::{debug, info};

use super::jid::Jid;
use super::job::{Asker, Job};
use super::ledger::{Line, Record};
use super::request::{Publish, Reply, Request, Target};
use super::{Master, encode, target};
use crate::base::{Name, glob, limits};
use crate::bus::Notice;
use crate::duty::Output;
use crate::message::{self, Address, Message, Route};

/// The shortest and the longest a command line may wait before silent minions are asked, seconds: less is a busy loop,
/// more is a typing error (a week).
const TIMEOUT: std::ops::RangeInclusive<f64> = 0.1..=604_800.0;
/// Longest function name.
const FUN_MAX: usize = 128;
/// What a job's message has besides its body, bytes: route, kind and map headers.
const ENVELOPE: usize = 512;
/// The longest list that is sent to each of its minions. A longer one would cost its square, and every message is
/// addressed anyway.
const LIST_SENT: usize = 64;

/// A job as a minion gets it (Salt over RAET §4).
#[derive(Serialize)]
struct Body<'a> {
    fun: &'a str,
    arg: Vec<Value>,
    tgt: Value,
    tgt_type: &'a str,
    jid: String,
    ret: &'a str,
    user: &'a str,
}

impl Master {
    pub(super) fn on_page(&mut self, yard: Name, uid: u32, message: &Message) {
        let asker = Asker { yard, share: message.route.src.share.clone() };
        match message.route.dst.share.as_ref().map(Name::as_str) {
            Some("event_req") => match self.bus.subscribe(asker.yard.clone(), asker.share.clone()) {
                Ok(()) => debug!(yard = %asker.yard, "listens to notices"),
                Err(crowded) => self.refuse(&asker, crowded.to_string()),
            },
            Some("presence_req") => self.on_presence_request(&asker),
            Some("local_cmd") if message.kind == "load" => match message.read::<Request>() {
                Ok(request) => self.on_request(asker, uid, request),
                Err(why) => self
                    .refuse(&asker, format!("the request cannot be read: {why}; is the command as new as the master?")),
            },
            _ => self.refuse(&asker, "the master has no such share; send requests as `load` to local_cmd".to_owned()),
        }
    }

    fn on_request(&mut self, asker: Asker, uid: u32, request: Request) {
        match request {
            Request::Ping => {
                let here = Reply::Here { id: self.id.clone(), version: self.version.clone() };
                self.page(&asker, encode(&here));
            }
            Request::Jobs => {
                let jobs = Reply::Jobs { jobs: self.ledger.summaries() };
                self.page(&asker, encode(&jobs));
            }
            Request::Links => self.outputs.push_back(Output::Links { yard: asker.yard, share: asker.share }),
            Request::Lookup { jid } => self.on_lookup(&asker, &jid),
            Request::Publish(publish) => match self.check(&publish) {
                Ok(patience) => self.on_publish(asker, uid, publish, patience),
                Err(why) => self.refuse(&asker, why),
            },
        }
    }

    /// The job's patience, or why it is refused.
    fn check(&self, publish: &Publish) -> Result<Duration, String> {
        if !is_function(&publish.fun) {
            return Err(format!("{:?} is no function name; write module.function, as test.ping", publish.fun));
        }
        if !TIMEOUT.contains(&publish.timeout) {
            let (least, most) = (TIMEOUT.start(), TIMEOUT.end());
            return Err(format!("a timeout of {} is not between {least} and {most} seconds", publish.timeout));
        }
        if self.desk.is_full() {
            return Err(format!("{} jobs run already; wait until one has ended", limits::JOBS));
        }
        Duration::try_from_secs_f64(publish.timeout).map_err(|why| why.to_string())
    }

    fn on_publish(&mut self, asker: Asker, uid: u32, publish: Publish, patience: Duration) {
        let Publish { fun, arg, kwargs, target, delimiter, user, .. } = publish;
        let minions = match target::select(&target, &delimiter, &self.door, &self.memory, &self.groups) {
            Ok(minions) => minions,
            Err(why) => return self.refuse(&asker, why.to_string()),
        };
        if self.outbox.len() + minions.len() > limits::OUTPUTS {
            return self.refuse(&asker, "too many messages wait to be sent; try again in a moment".to_owned());
        }
        let jid = self.jids.next(self.now);
        let (tgt_type, tgt) = sent_target(&target, &minions);
        let arg = with_kwargs(arg, kwargs);
        let body = Body { fun: &fun, arg, tgt, tgt_type, jid: jid.to_string(), ret: "", user: &user };
        let body = match rmp_serde::to_vec_named(&body) {
            Ok(bytes) if bytes.len() + ENVELOPE > limits::MESSAGE_MAX => {
                let (size, most) = (bytes.len(), limits::MESSAGE_MAX);
                return self
                    .refuse(&asker, format!("the arguments make a message of {size} bytes; {most} is the most"));
            }
            Ok(bytes) if message::check(&bytes).is_err() => {
                return self.refuse(&asker, "the arguments are nested too deeply".to_owned());
            }
            Ok(bytes) => Bytes::from(bytes),
            Err(why) => return self.refuse(&asker, format!("the arguments cannot be encoded: {why}")),
        };
        info!(%jid, fun, ?user, uid, minions = minions.len(), "publish");
        self.notify(format_args!("salt/job/{jid}/new"), || {
            // The job as the minions get it, and who they are.
            let mut job: Map<String, Value> = rmp_serde::from_slice(&body).unwrap_or_default();
            job.insert("minions".to_owned(), json!(&minions));
            // The target as it was asked for, which a minion may not have.
            job.extend(json!(&target).as_object().cloned().unwrap_or_default());
            Value::Object(job)
        });
        self.page(&asker, encode(&Reply::Started { jid: jid.to_string(), minions: minions.clone() }));
        self.ledger.open(jid, Record::new(fun, target, user, &minions));
        self.desk.open(Job::new(self.now, jid, asker, body, patience, &minions));
        for id in &minions {
            if self.presence.is_ready(id) {
                self.dispatch(jid, id);
            }
        }
        self.close_if_done(jid);
    }

    fn on_lookup(&mut self, asker: &Asker, text: &str) {
        let found = text.parse::<Jid>().ok().and_then(|jid| Some((jid, self.ledger.find(jid)?)));
        let Some((jid, record)) = found else {
            let why = format!("no job {text:?} is remembered; `roadstead jobs list` shows those that are");
            return self.refuse(asker, why);
        };
        let jid = jid.to_string();
        let minions = record.lines().map(|(id, _)| id.clone()).collect();
        let mut parts = vec![encode(&Reply::Started { jid: jid.clone(), minions })];
        for (id, line) in record.lines() {
            let missing = |why: &str| encode(&Reply::Missing { jid: jid.clone(), id: id.clone(), why: why.to_owned() });
            parts.push(match line {
                Line::Missing(body) | Line::Returned(body) => body.clone(),
                Line::Open => missing("it has not answered yet"),
                Line::Dropped => missing("it returned, but there was no room to remember what"),
            });
        }
        parts.push(encode(&Reply::Ended { jid }));
        parts.into_iter().for_each(|part| self.page(asker, part));
    }

    /// Who is there (Salt over RAET §7); addresses are the transport's business, so they stay empty.
    fn on_presence_request(&mut self, asker: &Asker) {
        let present: Map<String, Value> = self.presence.iter().map(|id| (id.to_string(), Value::Null)).collect();
        let notice = Notice { tag: "salt/presence/present".to_owned(), data: json!({"present": present}) };
        let dst = Address { estate: None, yard: Some(asker.yard.clone()), share: asker.share.clone() };
        let route = Route { src: Address::default(), dst };
        if let Ok(message) = Message::new(route, "", &notice) {
            self.outputs.push_back(Output::Page { yard: asker.yard.clone(), message });
        }
    }

    fn refuse(&mut self, asker: &Asker, why: String) {
        info!(yard = %asker.yard, "refused: {why}");
        self.page(asker, encode(&Reply::Refused { why }));
    }
}

/// The question whether `jid` runs, answered under `ask`. It is addressed, so its target is everybody.
pub(super) fn question(jid: Jid, ask: Jid) -> Bytes {
    let arg = vec![Value::String(jid.to_string())];
    let (fun, tgt, jid) = ("saltutil.find_job", Value::from("*"), ask.to_string());
    let body = Body { fun, arg, tgt, tgt_type: "glob", jid, ret: "", user: "master" };
    rmp_serde::to_vec_named(&body).map(Bytes::from).unwrap_or_default()
}

/// A job's message to one minion (Salt over RAET §4).
pub(super) fn job_message(id: &Name, body: Bytes) -> Message {
    let dst = Address { estate: Some(id.clone()), yard: None, share: Name::new("fun").ok() };
    Message { route: Route { src: Address::default(), dst }, kind: "pub".to_owned(), body }
}

/// `module.function`, or deeper: identifiers with dots between them.
fn is_function(text: &str) -> bool {
    let is_identifier = |part: &str| {
        !part.starts_with(|c: char| c.is_ascii_digit())
            && !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.len() <= FUN_MAX && text.contains('.') && text.split('.').all(is_identifier)
}

/// Keyword arguments as Salt sends them: a last map marked `__kwarg__`. An empty one is sent behind a positional map
/// too, because minions must take a last map without the mark for keywords (quirks §3, the mark is lost over RAET).
fn with_kwargs(mut arg: Vec<Value>, mut kwargs: Map<String, Value>) -> Vec<Value> {
    if !kwargs.is_empty() || arg.last().is_some_and(Value::is_object) {
        kwargs.insert("__kwarg__".to_owned(), Value::Bool(true));
        arg.push(Value::Object(kwargs));
    }
    arg
}

/// What its minions are told the target is: they match it themselves, and one that was selected must not disagree because
/// it knows its facts better than we do, or reads an expression in another way.
fn sent_target(target: &Target, minions: &[Name]) -> (&'static str, Value) {
    match target {
        Target::Glob(pattern) if glob::is_plain(pattern) => ("glob", Value::from(pattern.as_str())),
        Target::List(ids) if ids.len() <= LIST_SENT => ("list", json!(ids)),
        // A Salt minion matches again what we have matched, and may choke on it.
        _ if minions.len() <= LIST_SENT => ("list", json!(minions)),
        _ => ("glob", Value::from("*")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_names() {
        for good in ["test.ping", "a.b", "saltutil.find_job", "x.y.z", "_a.b1"] {
            assert!(is_function(good), "{good}");
        }
        for bad in ["", "ping", ".", "a.", ".b", "a..b", "a.b c", "a.1b", "a/b.c", "é.b", &"a.".repeat(FUN_MAX)] {
            assert!(!is_function(bad), "{bad}");
        }
    }

    #[test]
    fn keywords_are_marked_and_a_last_map_is_kept_apart() {
        let kwargs = |value: Value| value.as_object().cloned().unwrap_or_default();
        assert_eq!(with_kwargs(vec![json!(1)], Map::new()), [json!(1)]);
        assert_eq!(with_kwargs(vec![], kwargs(json!({"cwd": "/"}))), [json!({"cwd": "/", "__kwarg__": true})]);
        assert_eq!(with_kwargs(vec![json!({"a": 1})], Map::new()), [json!({"a": 1}), json!({"__kwarg__": true})]);
    }

    #[test]
    fn a_long_list_is_not_sent_to_everybody_on_it() {
        let ids = |n: usize| (0..n).map(|i| format!("web{i}")).collect::<Vec<_>>();
        let names = |n| ids(n).iter().map(|id| Name::new(id).unwrap()).collect::<Vec<_>>();
        assert_eq!(sent_target(&Target::List(ids(2)), &names(1)), ("list", json!(["web0", "web1"])));
        assert_eq!(sent_target(&Target::List(ids(LIST_SENT + 1)), &names(1)), ("list", json!(["web0"])));
        assert_eq!(sent_target(&Target::List(ids(LIST_SENT + 1)), &names(LIST_SENT + 1)), ("glob", json!("*")));
        let grain = Target::Grain("os:Debian".to_owned());
        assert_eq!(sent_target(&grain, &names(2)), ("list", json!(["web0", "web1"])));
        assert_eq!(sent_target(&grain, &names(LIST_SENT + 1)), ("glob", json!("*")));
    }

    #[test]
    fn a_pattern_that_python_chokes_on_is_not_sent() {
        let minions = [Name::new("web1").unwrap()];
        let sent = |pattern: &str| sent_target(&Target::Glob(pattern.to_owned()), &minions);
        assert_eq!(sent("web*"), ("glob", json!("web*")));
        for choking in ["web[9-0]*", "web[bz-a]", "*a*a*a*a*a*b", &"w".repeat(1000)] {
            assert_eq!(sent(choking), ("list", json!(["web1"])), "{choking}");
        }
    }
}
