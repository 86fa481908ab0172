//! Every message of the recorded session of a real Salt 2018.3.5 master and minion, said to our engines in the other's seat:
//! ours answers as the recorded one did, to the same yard and tag and with the same parts (Salt over RAET §3 to §6).

use std::collections::BTreeMap;

use roadstead::duty::request::Reply;
use roadstead::master::Policy;
use roadstead::nacl::{PublicKey, SecretKey, SharedBox};
use roadstead::wire::v0::{PacketKind, TransactKind, Tray, coat, read};
use serde_json::{Value, json};

use crate::client::Client;
use crate::common::SECOND;
use crate::town::Town;

/// Who said it, and the body as it was packed.
type Said = (String, Vec<u8>);

/// The whole session's messages in order.
fn recorded() -> Vec<Said> {
    let path = format!("{}/tests/vectors/v0/session-real-salt.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let events = file["events"].as_array().unwrap();
    let hex = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut shorts: BTreeMap<&str, Vec<SecretKey>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ev"] == "short_key") {
        let secret = SecretKey::from_bytes(hex(&event["secret"]).try_into().unwrap());
        shorts.entry(event["of"].as_str().unwrap()).or_default().push(secret);
    }
    let open = |from: &str, to: &str, whole: &[u8]| {
        let theirs: Vec<PublicKey> = shorts[from].iter().map(SecretKey::public).collect();
        let boxes = shorts[to].iter().flat_map(|ours| theirs.iter().map(|theirs| SharedBox::new(theirs, ours)));
        boxes.into_iter().find_map(|shared| coat::open(whole, &shared)).unwrap()
    };
    let mut trays: BTreeMap<(&str, u32), Tray> = BTreeMap::new();
    let (mut said, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    for event in events.iter().filter(|event| event["ev"] == "tx") {
        let (datagram, from, to) = (hex(&event["hex"]), event["frm"].as_str().unwrap(), event["to"].as_str().unwrap());
        let packet = read(&datagram).unwrap();
        let head = packet.head;
        if (head.transact, head.packet) != (TransactKind::Message, PacketKind::Message) {
            continue;
        }
        let tray = trays.entry((from, head.ti)).or_insert_with(|| Tray::new(&head).unwrap());
        tray.insert(&head, packet.coat).unwrap();
        if tray.is_complete() {
            let whole = trays.remove(&(from, head.ti)).unwrap().into_coat().unwrap();
            // Sent again when its confirmation was late.
            if seen.insert(whole.clone()) {
                said.push((from.to_owned(), open(from, to, &whole)));
            }
        }
    }
    assert_eq!(said.len(), 28);
    said
}

fn value(body: &[u8]) -> Value {
    rmp_serde::from_slice(body).unwrap()
}

/// The recorded answer to a request of the minion: what the master said next to the yard and tag that asked.
fn answer_to(said: &[Said], at: usize) -> Value {
    let src = value(&said[at].1)["route"]["src"].clone();
    let is_it = |(from, body): &&Said| from == "master" && value(body)["route"]["dst"] == src;
    value(&said[at..].iter().find(is_it).unwrap().1)
}

#[test]
fn the_minion_is_answered_as_its_master_did() {
    let said = recorded();
    let mut town = Town::of("vm_master", Policy { auto_accept: true, ..Policy::default() });
    let at = town.client(Client::new("rmin1_minion", "rmin1", 11));
    let request = town.clients[at].1.join();
    town.inject(at, vec![request]);
    assert!(town.until(SECOND * 5, |town| town.clients[at].1.is_allowed()));
    let mut answered = 0;
    for (n, (from, body)) in said.iter().enumerate().filter(|(_, (from, _))| from == "minion") {
        assert_eq!(from, "minion");
        let (request, recorded) = (value(body), answer_to(&said, n));
        // What the files, the pillar and the like are is the host's business: it says what the recorded one did.
        let has = recorded.get("return").cloned();
        town.library = Box::new(move |_| has.clone());
        let before = town.clients[at].1.bodies.len();
        let datagrams = town.clients[at].1.say(body);
        town.inject(at, datagrams);
        town.run(SECOND);
        let values = town.clients[at].1.values();
        let [ours] = &values[before..] else { panic!("one answer to {request}: {:?}", &values[before..]) };
        let dst = &recorded["route"]["dst"];
        assert_eq!(&ours["route"]["dst"], dst, "to the yard and tag that asked");
        assert_eq!(ours["route"]["src"][0], "vm_master_master");
        assert_eq!(ours.get("return"), recorded.get("return"), "{}", request["load"]["cmd"]);
        assert_eq!(ours.as_object().unwrap().len(), recorded.as_object().unwrap().len());
        answered += 1;
    }
    assert_eq!(answered, 11, "every message of the minion's");
    assert!(crate::common::is_present(&mut town.world, 0, "rmin1_minion"));
    // The returns of jobs of an earlier process of the master are on record, under the proven name.
    let jobs = said.iter().filter_map(|(_, body)| value(body).get("pub").map(|job| job["jid"].clone()));
    for jid in jobs {
        town.pages.clear();
        let dst =
            roadstead::message::Address { share: roadstead::base::Name::new("local_cmd").ok(), ..Default::default() };
        town.page(dst, "load", &json!({"cmd": "lookup", "jid": jid}));
        town.run(SECOND);
        let is_its = |reply: &Reply| matches!(reply, Reply::Returned(one) if one.id.as_str() == "rmin1");
        assert!(town.replies().iter().any(is_its), "{jid}: {:?}", town.replies());
    }
}

#[test]
fn the_master_is_served_as_by_its_minion() {
    let said = recorded();
    let mut town = Town::without_master();
    let at = town.client(Client::main("vm_master_master", "vm_master", 5));
    let address = town.clients[at].0;
    let host = town.minion("rmin1", address);
    assert!(town.until(SECOND * 10, |town| town.clients[at].1.is_allowed()));
    town.run(SECOND);
    let to = town.world.host(host).address;
    town.give_pillar(at, to);
    let returns: BTreeMap<String, Value> = said
        .iter()
        .filter(|(from, _)| from == "minion")
        .map(|(_, body)| value(body))
        .filter(|word| word["load"]["cmd"] == "_return")
        .map(|word| (word["load"]["jid"].as_str().unwrap().to_owned(), word))
        .collect();
    assert_eq!(returns.len(), 6);
    let mut jobs = 0;
    for (_, body) in said.iter().filter(|(from, _)| from == "master") {
        let word = value(body);
        let before = town.clients[at].1.bodies.len();
        if let Some(job) = word.get("pub") {
            let jid = job["jid"].as_str().unwrap().to_owned();
            town.outcomes.insert(jid.clone(), returns[&jid]["load"]["return"].clone());
        }
        let datagrams = town.clients[at].1.say(body);
        town.inject_to(at, to, datagrams);
        town.run(SECOND);
        let values = town.clients[at].1.values();
        let Some(job) = word.get("pub") else {
            assert_eq!(values.len(), before, "nothing is said to an answer: {word}");
            continue;
        };
        let [ours] = &values[before..] else { panic!("one return of {job}: {:?}", &values[before..]) };
        let recorded = &returns[job["jid"].as_str().unwrap()];
        assert_eq!(ours["route"]["dst"], recorded["route"]["dst"]);
        assert_eq!(ours["route"]["src"][0], recorded["route"]["src"][0]);
        assert_eq!(ours["route"]["src"][2], "jid_ret");
        for (key, value) in recorded["load"].as_object().unwrap() {
            // How to print it is for who prints.
            assert!(key == "out" || &ours["load"][key] == value, "{key}: {} is not {value}", ours["load"][key]);
        }
        let (_, jid, fun) = town.runs.last().unwrap();
        assert_eq!((json!(jid), json!(fun)), (job["jid"].clone(), job["fun"].clone()));
        jobs += 1;
    }
    assert_eq!((jobs, town.runs.len()), (6, 6));
}
