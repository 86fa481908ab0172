//! What minions send: returns of jobs, and requests. Owns nothing; every request is answered, known or not, because a
//! Salt minion blocks until it is (Salt over RAET §3). A message's own words on who sent it are never believed.

use serde_json::{Map, Value, json};
use tracing::{debug, info, warn};

use super::counter::Kind;
use super::jid::Jid;
use super::ledger::Line;
use super::request::{Reply, Return};
use super::{Master, encode};
use crate::base::{Name, limits};
use crate::message::{Address, Message};

impl Master {
    pub(super) fn on_message(&mut self, from: &Name, message: &Message) {
        let Address { yard, share, .. } = &message.route.dst;
        let is_main = yard.as_ref().is_none_or(|yard| yard.as_str() == "manor");
        if message.kind != "load" || !is_main || share.as_ref().map(Name::as_str) != Some("remote_cmd") {
            debug!(%from, kind = message.kind, "a message for nobody here");
            return;
        }
        let mut load = match message.read_value() {
            Ok(Value::Object(load)) => load,
            Ok(_) | Err(_) => {
                // Not louder: a minion could say it as often as it likes.
                debug!(%from, "a request that cannot be read");
                Map::new()
            }
        };
        load.insert("id".to_owned(), Value::from(from.as_str()));
        match load.get("cmd").and_then(Value::as_str) {
            Some("_return") => {
                if is_refresh(load.get("fun").and_then(Value::as_str).unwrap_or_default()) {
                    self.presence.expect(self.now, from);
                }
                self.on_return(from, load);
                self.answer_value(from, message, &Value::Null);
            }
            Some("_minion_event") => {
                self.on_minion_event(from, load);
                self.answer_value(from, message, &true);
            }
            Some(cmd) if !cmd.starts_with("__") => {
                let is_pillar = cmd == "_pillar";
                if is_pillar {
                    self.learn(from, &load);
                }
                self.ask(from, message, is_pillar);
            }
            cmd => {
                debug!(%from, ?cmd, "an unknown request");
                self.answer(from, message, None, Kind::Plain);
            }
        }
    }

    fn on_return(&mut self, from: &Name, load: Map<String, Value>) {
        let text = |key: &str| load.get(key).and_then(Value::as_str).unwrap_or_default();
        let Ok(jid) = text("jid").parse::<Jid>() else {
            return debug!(%from, jid = ?text("jid"), "a return for a job that is not ours");
        };
        if let Some(job) = self.desk.asked_about(jid) {
            if load.get("return").and_then(Value::as_object).is_some_and(|found| !found.is_empty()) {
                debug!(%from, jid = %job.jid, "the job still runs");
                job.on_running(from);
            }
            return;
        }
        let is_awaited = self.desk.job(jid).is_some_and(|job| job.waits.contains_key(from));
        if self.jids.is_before_ours(jid) {
            self.ledger.adopt(jid, text("fun"), from);
        }
        if !is_awaited && self.ledger.find(jid).is_none() {
            return debug!(%from, %jid, "a return for a job that is not remembered");
        }
        let success = load.get("success").and_then(Value::as_bool);
        let retcode = load.get("retcode").and_then(Value::as_i64).unwrap_or(i64::from(success == Some(false)));
        let body = encode(&Reply::Returned(Return {
            jid: jid.to_string(),
            id: from.clone(),
            fun: text("fun").to_owned(),
            value: load.get("return").cloned().unwrap_or_default(),
            retcode,
            success: success.unwrap_or(retcode == 0),
        }));
        let ended = self.ledger.find(jid).is_some_and(super::ledger::Record::is_ended);
        let news = if is_awaited {
            self.resolve(jid, from, Line::Returned(body))
        } else {
            self.ledger.keep(jid, from, Line::Returned(body))
        };
        if !news {
            return debug!(%from, %jid, "a return that we have already, or did not ask for");
        }
        if !is_awaited {
            info!(%from, %jid, ended, "a late return");
        }
        self.notify(format_args!("salt/job/{jid}/ret/{from}"), || Value::Object(load));
    }

    /// A minion's own notices, one or a list of them (`events`), are passed on under its name.
    fn on_minion_event(&mut self, from: &Name, mut load: Map<String, Value>) {
        let Some(Value::Array(events)) = load.remove("events") else {
            let Some(Value::String(tag)) = load.remove("tag") else { return };
            return self.on_notice(from, &tag, load.remove("data").unwrap_or_default());
        };
        if events.len() > limits::NOTICES_AT_ONCE {
            warn!(%from, notices = events.len(), "too many notices at once; the last ones are left out");
        }
        let pretag = load.get("pretag").and_then(Value::as_str);
        for event in events.into_iter().take(limits::NOTICES_AT_ONCE) {
            let Value::Object(mut event) = event else { continue };
            let Some(tag) = event.get("tag").and_then(Value::as_str).map(str::to_owned) else { continue };
            let data = event.remove("data").unwrap_or(Value::Object(event));
            if let Some(pretag) = pretag {
                self.on_notice(from, &format!("{pretag}/{tag}"), data.clone());
            }
            self.on_notice(from, &tag, data);
        }
    }

    /// What the master says itself under `salt/` is not a minion's to say, but for its own beacons and its jobs' progress.
    fn on_notice(&mut self, from: &Name, tag: &str, data: Value) {
        let is_own = || match tag.split('/').collect::<Vec<_>>().as_slice() {
            ["salt", "beacon", id, ..] | ["salt", "job", _, "prog", id, ..] => *id == from.as_str(),
            _ => false,
        };
        if tag.is_empty() || (tag.starts_with("salt/") && !is_own()) {
            return debug!(%from, tag, "a notice that is not the minion's to give");
        }
        self.notify(format_args!("{tag}"), || json!({"id": from, "data": data}));
    }
}

/// Whether a Salt minion asks for its pillar anew after this function, from its main process.
fn is_refresh(fun: &str) -> bool {
    match fun.split_once('.') {
        Some(("saltutil", name)) => name.starts_with("refresh_") || name.starts_with("sync_"),
        Some(("grains", name)) => {
            matches!(name, "setval" | "setvals" | "set" | "append" | "remove" | "delkey" | "delval")
        }
        _ => false,
    }
}
