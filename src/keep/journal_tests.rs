//! The journal is bounded whatever it is told, and says each thing once.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::base::Fingerprint;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(host: u8, port: u16) -> SocketAddr {
    ([10, 0, 0, host], port).into()
}

fn trouble(kind: Kind, role: Option<&str>, from: SocketAddr) -> Note {
    Note::Trouble(Trouble { kind, role: role.map(name), from: Some(from) })
}

fn met(role: &str, from: SocketAddr) -> Note {
    Note::Met { role: name(role), wire: Wire::Classic, from }
}

#[test]
fn a_trouble_is_news_once() {
    let mut journal = Journal::default();
    assert!(journal.note(1, trouble(Kind::Version { found: 1 }, None, at(1, 5))));
    assert!(!journal.note(2, trouble(Kind::Version { found: 1 }, None, at(1, 6))));
    assert!(journal.note(3, trouble(Kind::Version { found: 2 }, None, at(1, 6))));
    assert!(journal.note(4, trouble(Kind::Version { found: 2 }, None, at(2, 6))));
    let counts: Vec<_> = journal.troubles.iter().map(|line| (line.count, line.first, line.last)).collect();
    assert_eq!(counts, [(3, 1, 3), (1, 4, 4)]);
    journal.expire(3 + OVER);
    assert_eq!(journal.troubles.len(), 1);
}

#[test]
fn a_flood_of_one_kind_hides_no_other() {
    let mut journal = Journal::default();
    journal.note(0, Note::Trouble(Trouble::clash(name("web1"), Fingerprint([1; 32]), Fingerprint([2; 32]))));
    for host in 0..=255 {
        journal.note(1, trouble(Kind::Stale, None, at(host, 1)));
    }
    assert_eq!(journal.troubles.len(), 1 + OF_A_KIND);
    assert_eq!(journal.troubles[0].trouble.role, Some(name("web1")));
    assert_eq!(journal.troubles[5].trouble.from, Some(at(255, 1)));
}

#[test]
fn coming_in_ends_a_trouble_but_not_an_impostor() {
    let mut journal = Journal::default();
    journal.note(0, Note::Trouble(Trouble::clash(name("web1"), Fingerprint([1; 32]), Fingerprint([2; 32]))));
    journal.note(0, trouble(Kind::Stale, Some("web1"), at(1, 1)));
    journal.note(0, trouble(Kind::Stale, None, at(1, 7)));
    journal.note(0, trouble(Kind::Stale, Some("web2"), at(1, 8)));
    journal.note(1, met("web1", at(1, 7)));
    let left: Vec<_> = journal.troubles.iter().map(|line| line.trouble.role.clone()).collect();
    assert_eq!(left, [Some(name("web1")), Some(name("web2"))]);
    journal.forget(&name("web1"));
    assert_eq!((journal.troubles.len(), journal.seen.len()), (1, 0));
}

#[test]
fn who_was_there_when_the_daemon_died_was_seen_then() {
    let mut journal = Journal::default();
    journal.note(10, met("a", at(1, 1)));
    journal.note(20, met("b", at(2, 1)));
    journal.left(30, &name("b"));
    journal.as_of = 60;
    let mut again = Journal::read(&journal.write()).unwrap();
    assert_eq!(again, journal);
    assert!(again.has_guests());
    again.all_left(again.as_of);
    let seen: Vec<_> = again.seen.values().map(|sighting| (sighting.at, sighting.here)).collect();
    assert_eq!(seen, [(60, false), (30, false)]);
}

#[test]
fn every_sentence_says_who_and_what_to_do() {
    let (what, found, name) = (|| "an x".to_owned(), 7, name("web1_minion"));
    let kinds = [
        Kind::NotRaet { what: what() },
        Kind::Version { found },
        Kind::HeadKind { found },
        Kind::Id { shown: "we\\u{1b}b".to_owned() },
        Kind::Join { what: what() },
        Kind::Misnamed { name: name.clone() },
        Kind::Changed { what: what() },
        Kind::Stale,
        Kind::Taken { name },
        Kind::Classic,
        Kind::WasFast,
        Kind::Full,
        Kind::Tcp,
        Kind::NoMaster,
    ];
    for kind in kinds {
        let Note::Trouble(trouble) = trouble(kind, Some("web1"), at(9, 4510)) else { unreachable!() };
        let text = trouble.to_string();
        assert!(text.contains("10.0.0.9:4510") && text.contains(": ") && !text.contains('\n'), "{text}");
        assert!(!text.ends_with('.') && text.chars().all(|c| !c.is_control()), "{text}");
        let line = Line { trouble, count: 1, first: 2, last: 3 };
        let journal = Journal { troubles: vec![line], ..Journal::default() };
        assert_eq!(Journal::read(&journal.write()), Ok(journal));
    }
    let clash = Trouble::clash(Name::new("web1").unwrap(), Fingerprint([1; 32]), Fingerprint([2; 32])).to_string();
    assert!(clash.contains("known 01:01") && clash.contains("presented 02:02"), "{clash}");
}

proptest! {
    #[test]
    fn it_never_grows_beyond_its_bounds(notes in proptest::collection::vec((0u8..3, 0u8..14, any::<u8>(), 0u64..200_000), 0..400)) {
        let mut journal = Journal::default();
        for (what, kind, host, now) in notes {
            let kind = match kind {
                0 => Kind::Stale,
                1 => Kind::Classic,
                2 => Kind::Version { found: u32::from(host) },
                3 => Kind::WasFast,
                4 => Kind::Full,
                _ => Kind::Tcp,
            };
            let role = format!("web{host}");
            match what {
                0 => _ = journal.note(now, met(&role, at(host, 1))),
                1 => _ = journal.note(now, trouble(kind, (host % 2 == 0).then_some(&*role), at(host, 1))),
                _ => journal.left(now, &name(&role)),
            }
            prop_assert!(journal.troubles.len() <= limits::TROUBLES);
        }
        prop_assert_eq!(Journal::read(&journal.write()), Ok(journal));
    }

    #[test]
    fn no_bytes_stop_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Journal::read(&bytes);
    }
}
