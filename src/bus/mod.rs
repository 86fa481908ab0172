//! Floor 3: notices and who listens to them. Owns the list of listening yards; sends nothing itself and keeps no history.
//!
//! A yard subscribes with a page to share `event_req` and gets every notice from then on, as `{tag, data}` (Salt over
//! RAET §7). There is no filter, and it is forgotten when it is gone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Name, limits};
use crate::message::{Address, BadMessage, Message, Route};

/// Something that happened, for whoever listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about, slash by slash: `salt/job/<jid>/ret/<id>`.
    pub tag: String,
    /// The particulars, a map.
    pub data: Value,
}

/// No room for another listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} yards listen to notices already; end one of them first", limits::SUBSCRIBERS)]
pub struct Crowded;

/// The yards that listen.
#[derive(Debug, Default)]
pub struct Bus {
    subscribers: BTreeMap<Name, Address>,
}

impl Bus {
    /// Adds a yard; its notices go to `share` there. Subscribing again changes the share.
    pub fn subscribe(&mut self, yard: Name, share: Option<Name>) -> Result<(), Crowded> {
        if self.subscribers.len() >= limits::SUBSCRIBERS && !self.subscribers.contains_key(&yard) {
            return Err(Crowded);
        }
        self.subscribers.insert(yard.clone(), Address { estate: None, yard: Some(yard), share });
        Ok(())
    }

    /// Forgets a yard.
    pub fn forget(&mut self, yard: &Name) {
        self.subscribers.remove(yard);
    }

    /// Whether nobody listens, so that a notice need not even be made.
    pub fn is_idle(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// The notice as one page for each listener; all share one body.
    pub fn pages(&self, notice: &Notice) -> Result<Vec<(Name, Message)>, BadMessage> {
        let first = Message::new(Route::default(), "", notice)?;
        let page = |(yard, dst): (&Name, &Address)| {
            let route = Route { src: Address::default(), dst: dst.clone() };
            (yard.clone(), Message { route, ..first.clone() })
        };
        Ok(self.subscribers.iter().map(page).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_listener_gets_the_notice_until_it_is_gone() {
        let mut bus = Bus::default();
        let [one, two] = ["event1", "event2"].map(|n| Name::new(n).unwrap());
        bus.subscribe(one.clone(), None).unwrap();
        bus.subscribe(two.clone(), Name::new("tag1").ok()).unwrap();
        let notice = Notice { tag: "salt/auth".to_owned(), data: json!({"id": "web1"}) };
        let pages = bus.pages(&notice).unwrap();
        assert_eq!(pages.iter().map(|p| &p.0).collect::<Vec<_>>(), [&one, &two]);
        let map: Value = rmp_serde::from_slice(&pages[1].1.to_map().unwrap()).unwrap();
        let route = json!({"src": [null, null, null], "dst": [null, "event2", "tag1"]});
        assert_eq!(map, json!({"tag": "salt/auth", "data": {"id": "web1"}, "route": route}));
        bus.forget(&one);
        assert_eq!(bus.pages(&notice).unwrap().len(), 1);
        bus.forget(&two);
        assert!(bus.is_idle());
    }

    #[test]
    fn bounded() {
        let mut bus = Bus::default();
        let yard = |n: usize| Name::new(&format!("event{n}")).unwrap();
        (0..limits::SUBSCRIBERS).for_each(|n| bus.subscribe(yard(n), None).unwrap());
        assert_eq!(bus.subscribe(yard(limits::SUBSCRIBERS), None), Err(Crowded));
        assert_eq!(bus.subscribe(yard(0), None), Ok(()));
    }
}
