//! The laws of the handshake, each a test, and the states of both sides.

use std::time::Duration;

use proptest::prelude::*;

use super::testing::*;
use super::*;
use crate::base::{Random, Time, Wall};
use crate::keep::OwnKeys;
use crate::nacl::Secret;
use crate::wire::v1::handshake::{HELLO, INITIATE_MAX};
use crate::wire::v1::{Cookie, Hello, Reset, Retry, Status, Versions, Welcome};

const NOW: Time = Time::ZERO;

/// Every datagram that differs from `datagram` in one bit.
fn flips(datagram: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..datagram.len() * 8).map(|bit| {
        let mut bad = datagram.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        bad
    })
}

/// Nothing of these may change an initiator.
fn trace(initiator: &Initiator) -> (Option<u64>, Option<Time>, String) {
    (initiator.cid(), initiator.poll_timeout(), format!("{initiator:?}"))
}

#[test]
fn law_1_what_fails_authentication_changes_nothing_here() {
    let mut responder = responder(rules());
    let mut initiator = initiator(1, dial(&responder));
    let hello = due(&mut initiator, NOW);
    for bad in flips(&hello) {
        silence(ask(&mut responder, NOW, &bad));
    }
    let cookie = sent(ask(&mut responder, NOW, &hello));
    let before = trace(&initiator);
    for mut bad in flips(&cookie) {
        passed_over(initiator.handle_datagram(NOW, WALL, &mut bad));
    }
    assert_eq!(trace(&initiator), before);
    initiator.handle_datagram(NOW, WALL, &mut cookie.clone());

    let initiate = due(&mut initiator, NOW);
    for bad in flips(&initiate) {
        silence(ask(&mut responder, NOW, &bad));
    }
    assert_eq!(responder.remembered(), 0);
    let applicant = knock(ask(&mut responder, NOW, &initiate));
    let (mut theirs, welcome) = responder.accept(NOW, WALL, applicant, 3, None).unwrap();
    let before = trace(&initiator);
    for mut bad in flips(&welcome) {
        passed_over(initiator.handle_datagram(NOW, WALL, &mut bad));
    }
    assert_eq!(trace(&initiator), before);
    let Progress::Established(mut ours) = initiator.handle_datagram(NOW, WALL, &mut welcome.clone()) else { panic!() };
    assert_eq!((ours.hash, ours.theirs, theirs.theirs), (theirs.hash, theirs.ours, ours.ours));
    talk(&mut ours, &mut theirs, NOW);
}

#[test]
fn law_2_nobody_else_can_say_no() {
    // Somebody who knows the responder's public key but neither its secret nor what was said.
    let mut honest = responder(rules());
    let mut initiator = initiator(1, dial(&honest));
    let hello = Hello::read(&due(&mut initiator, NOW)).unwrap();
    let (head, mac) = (hello.head, mac::Mac::new(honest.identity().public(), None));
    let guess = [0; 16];
    let token = [7; 16];
    let retry = |tag| Retry { head: head.of(Kind::Retry), token, tag }.write();
    let versions = Versions { head: head.of(Kind::Versions), list: vec![(1, 2)], tag: guess };
    let mut liar = responder_of(2);
    let impostor = liar.handle_datagram(NOW, WALL, address(), &hello.write(), |_| false, |_| false);
    assert_eq!(silence(impostor), Silence::Mac);
    let before = trace(&initiator);
    for mut bad in [
        retry(guess),
        retry(mac.answer(&[&head.of(Kind::Retry).bytes()[..], &token].concat(), &guess)),
        versions.write(),
        mac.sign_versions(versions.clone(), &guess).write(),
        Reset { head: head.of(Kind::Reset), token }.write(&[1; 8]),
        Cookie { head: head.of(Kind::Cookie), ephemeral: [9; 32], sealed: [1; 192] }.write(),
        [&[0xc3, 0][..], &head.cid.to_be_bytes(), &[0; 40]].concat(),
    ] {
        passed_over(initiator.handle_datagram(NOW, WALL, &mut bad));
    }
    assert_eq!(trace(&initiator), before);
    // In the next state neither.
    let initiate = initiate_from(&mut initiator, &mut honest, &hello);
    let before = trace(&initiator);
    for mut bad in [
        retry(mac.answer(&[&head.of(Kind::Retry).bytes()[..], &token].concat(), &hello.mac)),
        mac.sign_versions(versions, &hello.mac).write(),
        Reset { head: head.of(Kind::Reset), token }.write(&[1; 8]),
        [&[0xc3, 0][..], &head.cid.to_be_bytes(), &[0; 40]].concat(),
    ] {
        passed_over(initiator.handle_datagram(NOW, WALL, &mut bad));
    }
    assert_eq!(trace(&initiator), before);
    assert!(matches!(ask(&mut honest, NOW, &initiate), Answer::Knock(_)));
}

fn responder_of(seed: u64) -> Responder {
    Responder::new(identity(seed, "vm_master"), rules(), [9; 32], NOW)
}

fn initiate_from(initiator: &mut Initiator, responder: &mut Responder, hello: &Hello) -> Vec<u8> {
    let mut cookie = sent(ask(responder, NOW, &hello.write()));
    assert!(matches!(initiator.handle_datagram(NOW, WALL, &mut cookie), Progress::Stepped));
    due(initiator, NOW)
}

#[test]
fn law_3_strangers_leave_no_trace() {
    let mut responder = responder(rules());
    let mut initiator = initiator(1, dial(&responder));
    let hello = due(&mut initiator, NOW);
    let initiate = initiate_from(&mut initiator, &mut responder, &Hello::read(&hello).unwrap());
    let mut random = Random::from_number(3);
    for n in 0..1000u32 {
        let from = std::net::SocketAddr::from((std::net::Ipv4Addr::from_bits(random.number() as u32), 4510));
        let mut datagram = if n % 2 == 0 { hello.clone() } else { initiate.clone() };
        if n % 4 > 1 {
            let at = random.below(datagram.len() as u64) as usize;
            datagram[at] ^= 1;
        }
        let answer = responder.handle_datagram(NOW, WALL, from, &datagram, |_| false, |_| false);
        assert!(!matches!(answer, Answer::Knock(_) | Answer::Again { .. }));
    }
    assert_eq!(responder.remembered(), 0);
    // A proven stranger that waits leaves none either.
    for _ in 0..3 {
        declined(&mut responder, NOW, &initiate, Status::Pending, 60);
    }
    assert_eq!(responder.remembered(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn law_4_no_input_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..1300), kind in 0x80u8..=0xff,
        cut in 0usize..1300, at in 0usize..1300, to: u8, seed: u8,
    ) {
        let mut responder = responder(Rules { introduces: true, ..rules() });
        let mut initiator = initiator(seed, dial(&responder));
        let hello = due(&mut initiator, NOW);
        let mut cookie = sent(ask(&mut responder, NOW, &hello));
        let mut typed = bytes.clone();
        typed.splice(..0, [kind, 1]);
        let mut changed = hello;
        changed.truncate(cut);
        if let Some(byte) = changed.get_mut(at) {
            *byte = to;
        }
        for datagram in [bytes, typed, changed] {
            ask(&mut responder, NOW, &datagram);
            initiator.handle_datagram(NOW, WALL, &mut datagram.clone());
        }
        if let Some(byte) = cookie.get_mut(at) {
            *byte = to;
        }
        initiator.handle_datagram(NOW, WALL, &mut cookie);
        initiator.handle_timeout(Time(u64::MAX));
        initiator.poll_transmit(Time(u64::MAX));
        prop_assert!(responder.remembered() == 0);
    }
}

#[test]
fn law_6_an_initiate_has_its_largest_size() {
    let mut responder = responder(rules());
    let early = vec![0; 2000];
    let mut initiator = initiator(1, Dial { early, ..dial(&responder) });
    let datagram = initiate(&mut initiator, &mut responder, NOW);
    assert!(datagram.len() <= INITIATE_MAX, "early frames that do not fit come late");
    assert!(knock(ask(&mut responder, NOW, &datagram)).early.len() < 64);
    let mut long = datagram;
    long.resize(INITIATE_MAX + 64, 0);
    let Silence::Malformed(malformed) = silence(ask(&mut responder, NOW, &long)) else { panic!() };
    assert_eq!(malformed.what, "length of an initiate");
}

#[test]
fn answers_are_smaller_than_questions() {
    let mut responder = responder(Rules { introduces: true, ..rules() });
    let mut random = Random::from_number(1);
    let question = intro::Question::new(&mut random, None).datagram();
    let mut initiator = initiator(1, dial(&responder));
    let hello = due(&mut initiator, NOW);
    let mut foreign = hello.clone();
    foreign[3] = 9;
    let foreign = mac::Mac::new(responder.identity().public(), None).sign(Hello::read(&foreign).unwrap()).write();
    for question in [&question, &hello, &foreign] {
        let answer = sent(ask(&mut responder, NOW, question));
        assert!(answer.len() * 100 <= question.len() * 74, "{} for {}", answer.len(), question.len());
    }
    responder.set_pressed(true);
    assert_eq!(sent(ask(&mut responder, NOW, &hello)).len(), 44);
    responder.set_pressed(false);
    let initiate = initiate_from(&mut initiator, &mut responder, &Hello::read(&hello).unwrap());
    let welcome = declined(&mut responder, NOW, &initiate, Status::Busy, 1);
    assert!(welcome.len() <= initiate.len(), "{} for {}", welcome.len(), initiate.len());
}

#[test]
fn wrong_macs_get_no_answer() {
    let site = Some(Secret::from_bytes([8; 32]));
    let mut closed = responder(Rules { site: site.clone(), ..rules() });
    let mut outsider = initiator(1, dial(&closed));
    let mut member = initiator(2, Dial { site, ..dial(&closed) });
    assert_eq!(silence(ask(&mut closed, NOW, &due(&mut outsider, NOW))), Silence::Mac);
    let hello = due(&mut member, NOW);
    let mut foreign = hello.clone();
    foreign[1] = 2;
    assert_eq!(silence(ask(&mut closed, NOW, &foreign)), Silence::Mac, "another version's mac is under the head too");
    assert_eq!(sent(ask(&mut closed, NOW, &hello)).len(), 236);
    assert_eq!(silence(ask(&mut closed, NOW, &hello[..HELLO - 1])).to_string(), "length of a hello at byte 319");
}

#[test]
fn a_wrong_pin_reaches_nobody() {
    let (mut other, honest) = (responder_of(2), responder(rules()));
    let mut initiator = initiator(1, dial(&honest));
    assert_eq!(silence(ask(&mut other, NOW, &due(&mut initiator, NOW))), Silence::Mac);
    // Even an impostor that knows the pinned key's mac cannot make a Cookie.
    let hello = Hello::read(&due(&mut initiator, at(400))).unwrap();
    let forced = mac::Mac::new(other.identity().public(), None).sign(hello).write();
    assert_eq!(silence(ask(&mut other, at(400), &forced)), Silence::Forged);
}

#[test]
fn a_replayed_initiate_makes_no_second_session() {
    let mut responder = responder(rules());
    let mut initiator = initiator(1, dial(&responder));
    let datagram = initiate(&mut initiator, &mut responder, NOW);
    // Two copies knock before the verdict falls: one session.
    let (first, second) = (knock(ask(&mut responder, NOW, &datagram)), knock(ask(&mut responder, NOW, &datagram)));
    responder.accept(NOW, WALL, first, 3, None).unwrap();
    assert_eq!(responder.accept(NOW, WALL, second, 4, None).unwrap_err(), Silence::Used);
    assert!(matches!(ask(&mut responder, NOW, &datagram), Answer::Again { cid: 3 }));
    let mut other = datagram.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(silence(ask(&mut responder, NOW, &other)), Silence::Used);
    for second in [59, 60, 61, 119, 120, 121, 300] {
        let answer = ask(&mut responder, at(second * 1000), &datagram);
        assert!(matches!(answer, Answer::Again { .. } | Answer::Silence(_)), "{second}: {answer:?}");
    }
}

#[test]
fn cookies_are_for_one_address_and_one_minute() {
    let mut responder = responder(rules());
    let mut initiator = initiator(1, dial(&responder));
    let datagram = initiate(&mut initiator, &mut responder, at(1000));
    for other in ["192.0.2.8:4511", "192.0.2.7:4512", "[2001:db8::1]:4511"] {
        let answer = responder.handle_datagram(at(1000), WALL, other.parse().unwrap(), &datagram, |_| false, |_| false);
        assert_eq!(silence(answer), Silence::Cookie);
    }
    knock(ask(&mut responder, at(61_000), &datagram));
    assert_eq!(silence(ask(&mut responder, at(62_000), &datagram)), Silence::Expired);
    assert_eq!(silence(ask(&mut responder, at(200_000), &datagram)), Silence::Cookie);
    let applicant = knock({
        let datagram = initiate(&mut initiator_again(&responder), &mut responder, at(200_000));
        ask(&mut responder, at(200_000), &datagram)
    });
    let late = responder.accept(at(400_000), WALL, applicant, 1, None);
    assert_eq!(late.unwrap_err(), Silence::Expired, "a verdict after the minute key has gone");
}

fn initiator_again(responder: &Responder) -> Initiator {
    initiator(2, dial(responder))
}

#[test]
fn revoked_keys_are_turned_away_early() {
    let mut responder = responder(rules());
    let datagram = initiate(&mut initiator(1, dial(&responder)), &mut responder, NOW);
    let key = *identity(101, "web1").key().public.as_bytes();
    let answer = responder.handle_datagram(NOW, WALL, address(), &datagram, |revoked| *revoked == key, |_| false);
    assert_eq!(silence(answer), Silence::Revoked);
}

#[test]
fn one_initiate_answered_twice_uses_no_number_twice() {
    let mut responder = responder(rules());
    let mut initiator = initiator(1, dial(&responder));
    let datagram = initiate(&mut initiator, &mut responder, NOW);
    let mut numbers = std::collections::BTreeSet::new();
    for after in 0..20 {
        let answer = declined(&mut responder, NOW, &datagram, Status::Pending, after);
        assert!(numbers.insert(DataHead::read(&answer).unwrap().number.expand(None)));
    }
    let applicant = knock(ask(&mut responder, NOW, &datagram));
    let (mut session, welcome) = responder.accept(NOW, WALL, applicant, 3, None).unwrap();
    assert!(numbers.insert(DataHead::read(&welcome).unwrap().number.expand(None)));
    for _ in 0..100 {
        let next = packet(&mut session, NOW, &Frame::Ping);
        assert!(numbers.insert(DataHead::read(&next).unwrap().number.expand(None)));
    }
}

#[test]
fn waits_are_the_responder_s_within_bounds() {
    for (status, after, least, most) in [
        (Status::Pending, 0, 60, 60),
        (Status::Pending, 120, 120, 120),
        (Status::Pending, 100_000, 600, 600),
        (Status::Rejected, 0, 300, 300),
        (Status::Denied, 1_000_000, 3600, 3600),
        (Status::Busy, 5, 5, 5),
        (Status::Busy, 0, 1, 1),
    ] {
        let mut responder = responder(rules());
        let mut initiator = initiator(1, dial(&responder));
        let datagram = initiate(&mut initiator, &mut responder, NOW);
        let mut answer = declined(&mut responder, NOW, &datagram, status, after);
        let Progress::Waiting { status: said, wait } = initiator.handle_datagram(NOW, WALL, &mut answer) else {
            panic!()
        };
        let (least, most) = (Duration::from_secs(least) * 3 / 4, Duration::from_secs(most) * 5 / 4);
        assert!(said == status && (least..=most).contains(&wait), "{status:?} {after}: {wait:?}");
        let until = initiator.poll_timeout().unwrap();
        assert_eq!((until, initiator.cid()), (NOW + wait, None));
        assert_eq!(initiator.poll_transmit(until), None);
        // Then a new attempt with other keys, and this time it is let in.
        initiator.handle_timeout(until);
        let (mut ours, mut theirs) = join(&mut initiator, &mut responder, until);
        talk(&mut ours, &mut theirs, until);
        assert_eq!(initiator.poll_timeout(), None);
    }
}

#[test]
fn a_decline_never_says_accepted() {
    let mut responder = responder(rules());
    let datagram = initiate(&mut initiator(1, dial(&responder)), &mut responder, NOW);
    let applicant = knock(ask(&mut responder, NOW, &datagram));
    assert_eq!(responder.decline(NOW, WALL, &applicant, Status::Accepted, Duration::ZERO), None);
}

#[test]
fn under_load_hellos_need_a_token() {
    let mut responder = responder(Rules { retry_at: 3, ..rules() });
    let mut initiator = initiator(1, dial(&responder));
    let hello = due(&mut initiator, NOW);
    for _ in 0..3 {
        assert_eq!(sent(ask(&mut responder, NOW, &hello)).len(), 236);
    }
    let retry = sent(ask(&mut responder, NOW, &hello));
    assert_eq!(retry.len(), 44);
    for mut bad in flips(&retry) {
        passed_over(initiator.handle_datagram(NOW, WALL, &mut bad));
    }
    assert!(matches!(initiator.handle_datagram(NOW, WALL, &mut retry.clone()), Progress::Stepped));
    let before = Hello::read(&hello).unwrap();
    let again = Hello::read(&due(&mut initiator, NOW)).unwrap();
    assert_eq!(again.token, Some(Retry::read(&retry).unwrap().token));
    assert_eq!(Hello { token: None, mac: before.mac, ..again }, before, "the handshake itself is the same");
    let elsewhere =
        responder.handle_datagram(NOW, WALL, "198.51.100.1:1".parse().unwrap(), &again.write(), |_| false, |_| false);
    assert_eq!(sent(elsewhere).len(), 44, "a token is for one address");
    let mut second = sent(ask(&mut responder, NOW, &before.write()));
    passed_over(initiator.handle_datagram(NOW, WALL, &mut second));
    let cookie = sent(ask(&mut responder, NOW, &again.write()));
    assert_eq!(cookie.len(), 236);
    assert!(matches!(initiator.handle_datagram(NOW, WALL, &mut cookie.clone()), Progress::Stepped));
}

#[test]
fn an_honest_handshake_gets_through_a_flood_of_spoofed_hellos() {
    let mut responder = responder(Rules { retry_at: 200, ..Rules::default() });
    let mut honest = initiator(1, dial(&responder));
    let spoofed = due(&mut initiator(2, dial(&responder)), NOW);
    let mut random = Random::from_number(8);
    let mut cookies = 0;
    for n in 0..5000 {
        let now = Time(n * 200);
        let from = std::net::SocketAddr::from((std::net::Ipv4Addr::from_bits(random.number() as u32), 4510));
        let answer = sent(responder.handle_datagram(now, WALL, from, &spoofed, |_| false, |_| false));
        cookies += usize::from(answer.len() == 236);
    }
    assert_eq!(
        (cookies, responder.remembered()),
        (200, 0),
        "the rest were asked for a token, at a thousandth of the cost"
    );
    let now = at(999);
    let mut retry = sent(ask(&mut responder, now, &due(&mut honest, now)));
    assert!(matches!(honest.handle_datagram(now, WALL, &mut retry), Progress::Stepped));
    let (mut ours, mut theirs) = join(&mut honest, &mut responder, now);
    talk(&mut ours, &mut theirs, now);
}

#[test]
fn a_network_has_its_rate() {
    let mut responder = responder(Rules { prefix_rate: 5, ..rules() });
    let hello = due(&mut initiator(1, dial(&responder)), NOW);
    let mut cookies = 0;
    for _ in 0..30 {
        match ask(&mut responder, NOW, &hello) {
            Answer::Send(_) => cookies += 1,
            answer => assert_eq!(silence(answer), Silence::Rate),
        }
    }
    assert_eq!(cookies, 10);
    let other = responder.handle_datagram(NOW, WALL, "198.51.100.1:1".parse().unwrap(), &hello, |_| false, |_| false);
    assert_eq!(sent(other).len(), 236);
}

#[test]
fn suites_are_agreed_and_not_downgraded() {
    let nacl = vec![Suite::Nacl];
    let mut old = responder(Rules { suites: nacl, ..rules() });
    let both = vec![Suite::Aes256Gcm, Suite::Nacl];
    let mut initiator = initiator(1, Dial { suites: both.clone(), ..dial(&old) });
    let mut versions = sent(ask(&mut old, NOW, &due(&mut initiator, NOW)));
    assert_eq!(Versions::read(&versions).unwrap().list, [(1, 1)]);
    assert!(matches!(initiator.handle_datagram(NOW, WALL, &mut versions), Progress::Stepped));
    let (ours, _) = join(&mut initiator, &mut old, NOW);
    assert_eq!(ours.keys.suite(), Suite::Nacl);

    // Somebody who knows the public key claims the same of a responder that has both: it is found out, on either side.
    let mut new = responder(rules());
    let mut misled = super::testing::initiator(1, Dial { suites: both, ..dial(&new) });
    let hello = Hello::read(&due(&mut misled, NOW)).unwrap();
    let mac = mac::Mac::new(new.identity().public(), None);
    let lie = Versions { head: hello.head.of(Kind::Versions), list: vec![(1, 1)], tag: [0; 16] };
    let mut lie = mac.sign_versions(lie, &hello.mac).write();
    assert!(matches!(misled.handle_datagram(NOW, WALL, &mut lie), Progress::Stepped));
    let datagram = initiate(&mut misled, &mut new, NOW);
    assert_eq!(silence(ask(&mut new, NOW, &datagram)), Silence::Downgraded);
    // The lie does not last: the next attempt is for the best suite again.
    misled.handle_timeout(at(10_000));
    let (ours, _) = join(&mut misled, &mut new, at(10_000));
    assert_eq!(ours.keys.suite(), Suite::Aes256Gcm);
}

/// The WELCOME to `datagram`, changed by the responder itself.
fn lied(responder: &mut Responder, datagram: &[u8], change: impl Fn(&mut Welcome)) -> Vec<u8> {
    let applicant = knock(ask(responder, NOW, datagram));
    let mut keys = applicant.keys(NOW);
    let mut clear = responder.decline(NOW, WALL, &applicant, Status::Busy, Duration::ZERO).unwrap();
    let mut reader = Keys::new(
        applicant.suite,
        crate::nacl::Direction::ToResponder,
        &applicant.to_responder,
        &applicant.to_initiator,
        NOW,
    );
    let opened = reader.open(NOW, Duration::ZERO, &mut Seen::new(), &mut clear).unwrap();
    let Some(Ok(Frame::Welcome(body))) = crate::wire::v1::Frames::new(opened.frames).next() else { panic!() };
    let mut welcome = Welcome::read(body).unwrap();
    change(&mut welcome);
    let head = keys.head(NOW, applicant.cid, 900, None);
    greet(&mut keys, &head, 900, &welcome.write()).unwrap()
}

#[test]
fn a_responder_that_does_not_hold_together_is_not_believed() {
    type Change = fn(&mut Welcome);
    let cases: [(Change, Fault); 6] = [
        (|w| w.offers.suites = vec![2, 1], Fault::Downgraded),
        (|w| w.offers.versions = vec![2], Fault::Downgraded),
        (|w| w.role = crate::base::Name::new("other").unwrap(), Fault::Stranger),
        (|w| w.epoch += 1, Fault::Stranger),
        (|w| w.binding[0] ^= 1, Fault::Stranger),
        (|w| w.verify = *identity(3, "x").key().verify.as_bytes(), Fault::Stranger),
    ];
    for (n, (change, expected)) in cases.into_iter().enumerate() {
        let mut responder = responder(Rules { suites: vec![Suite::Nacl], ..rules() });
        let suites = if n == 0 { vec![Suite::Aes256Gcm, Suite::Nacl] } else { vec![Suite::Nacl] };
        let mut initiator = initiator(1, Dial { suites, ..dial(&responder) });
        if n == 0 {
            let mut versions = sent(ask(&mut responder, NOW, &due(&mut initiator, NOW)));
            initiator.handle_datagram(NOW, WALL, &mut versions);
        }
        let datagram = initiate(&mut initiator, &mut responder, NOW);
        let mut answer = lied(&mut responder, &datagram, change);
        let Progress::Fault(fault) = initiator.handle_datagram(NOW, WALL, &mut answer) else { panic!("{n}") };
        assert_eq!(fault, expected, "{n}");
        assert!(initiator.poll_timeout().unwrap() >= at(200_000), "not again at once");
    }
    let mut responder = responder(rules());
    let wrong = Some(identity(3, "x").key().verify);
    let mut initiator = initiator(1, Dial { verify: wrong, ..dial(&responder) });
    let datagram = initiate(&mut initiator, &mut responder, NOW);
    let mut answer = declined(&mut responder, NOW, &datagram, Status::Busy, 1);
    assert!(matches!(initiator.handle_datagram(NOW, WALL, &mut answer), Progress::Fault(Fault::Stranger)));
}

#[test]
fn enrolment_is_proved_both_ways() {
    let (token, other) = (Secret::from_bytes([5; 32]), Secret::from_bytes([6; 32]));
    for (proof, expected) in
        [(Some(&token), None), (Some(&other), Some(Fault::Unproven)), (None, Some(Fault::Unproven))]
    {
        let mut responder = responder(rules());
        let enrolment = Some(([9; 16], token.clone()));
        let mut initiator = initiator(1, Dial { enrolment, must_enrol: true, ..dial(&responder) });
        let datagram = initiate(&mut initiator, &mut responder, NOW);
        let applicant = knock(ask(&mut responder, NOW, &datagram));
        assert_eq!(applicant.enrolment.unwrap().id, [9; 16]);
        assert!(applicant.enrols(&token) && !applicant.enrols(&other));
        let (_, mut welcome) = responder.accept(NOW, WALL, applicant, 3, proof).unwrap();
        match (initiator.handle_datagram(NOW, WALL, &mut welcome), expected) {
            (Progress::Established(_), None) => {}
            (Progress::Fault(fault), Some(expected)) => assert_eq!(fault, expected),
            (progress, expected) => panic!("{progress:?}, expected {expected:?}"),
        }
    }
    let mut responder = responder(rules());
    let datagram = initiate(&mut initiator(1, dial(&responder)), &mut responder, NOW);
    assert!(!knock(ask(&mut responder, NOW, &datagram)).enrols(&token), "no token was named");
}

#[test]
fn successors_are_announced() {
    let next = OwnKeys::generate(&mut Random::from_number(50));
    let identity = identity(1, "vm_master").succeeded_by(&next, 2);
    let mut responder = Responder::new(identity, rules(), [1; 32], NOW);
    let mut initiator = initiator(1, dial(&responder));
    let (ours, _) = join(&mut initiator, &mut responder, NOW);
    assert_eq!(ours.peer.successor, Some((next.secret.public(), next.sign.verify_key(), 2)));
    assert_eq!(ours.peer.key, *responder.identity().key());
}

#[test]
fn resets_are_shorter_and_survive_a_restart() {
    let mut responder = responder(rules());
    let (ours, theirs) = join(&mut initiator(1, dial(&responder)), &mut responder, NOW);
    assert_eq!(ours.reset, theirs.reset);
    let mut reborn = Responder::new(identity(1, "vm_master"), rules(), [77; 32], NOW);
    for provoked_by in 0..200 {
        let Some(reset) = reborn.reset(NOW, address(), theirs.ours, provoked_by) else {
            assert!(provoked_by <= 32, "{provoked_by}");
            continue;
        };
        assert!(reset.len() < provoked_by);
        let reset = Reset::read(&reset).unwrap();
        assert_eq!((reset.token, reset.head.cid), (ours.reset, theirs.ours));
    }
    let stranger = responder_of(2).reset(NOW, address(), theirs.ours, 100).unwrap();
    assert_ne!(Reset::read(&stranger).unwrap().token, ours.reset);
}

#[test]
fn wall_clocks_do_not_matter() {
    for wall in [Wall(0), Wall(u64::MAX), Wall(WALL.0 / 2)] {
        let mut responder = responder(rules());
        let mut initiator = initiator(1, dial(&responder));
        let mut cookie = sent(ask(&mut responder, NOW, &due(&mut initiator, NOW)));
        initiator.handle_datagram(NOW, wall, &mut cookie);
        let applicant = knock(ask(&mut responder, NOW, &due(&mut initiator, NOW)));
        assert_eq!(applicant.wall, i64::try_from(wall.0).unwrap_or(i64::MAX));
        responder.accept(NOW, WALL, applicant, 3, None).unwrap();
    }
}

#[test]
fn a_silent_responder_gets_fresh_handshakes() {
    let mut responder = responder(rules());
    let mut initiator = initiator(1, dial(&responder));
    let first = initiate(&mut initiator, &mut responder, NOW);
    let mut kinds = Vec::new();
    let mut now = NOW;
    while now < at(40_000) {
        now = initiator.poll_timeout().unwrap().max(now);
        initiator.handle_timeout(now);
        while let Some(datagram) = initiator.poll_transmit(now) {
            kinds.push(Head::read(datagram).unwrap().kind);
            assert!(datagram == first || Head::read(datagram).unwrap().kind == Kind::Hello, "identical bytes");
        }
    }
    let initiates = kinds.iter().filter(|kind| **kind == Kind::Initiate).count();
    assert!((8..=16).contains(&initiates), "{initiates} in the first ten seconds");
    let hellos = kinds.len() - initiates;
    assert!((3..=6).contains(&hellos), "{hellos} in thirty seconds");
    assert!(kinds[..initiates].iter().all(|kind| *kind == Kind::Initiate));
}

#[test]
fn introductions() {
    let mut random = Random::from_number(4);
    let site = Secret::from_bytes([3; 32]);
    let question = intro::Question::new(&mut random, Some(&site));
    let mut quiet = responder(rules());
    assert_eq!(silence(ask(&mut quiet, NOW, &question.datagram())), Silence::Unexpected);
    let mut open = responder(Rules { introduces: true, site: Some(site), ..rules() });
    let outsider = intro::Question::new(&mut random, None);
    assert_eq!(silence(ask(&mut open, NOW, &outsider.datagram())), Silence::Mac);
    let answer = sent(ask(&mut open, NOW, &question.datagram()));
    let print = open.identity().key().fingerprint();
    assert_eq!(question.read(&answer, Some(print)).unwrap().key, *open.identity().key());
    assert!(question.read(&answer, None).is_ok());
    let pin = identity(3, "x").key().fingerprint();
    assert_eq!(question.read(&answer, Some(pin)), Err(intro::Refused::Stranger(print)), "loud");
    for bad in flips(&answer).step_by(7) {
        assert!(matches!(question.read(&bad, Some(print)), Err(intro::Refused::Silence(_))));
    }
    assert!(matches!(outsider.read(&answer, None), Err(intro::Refused::Silence(Silence::Unexpected))));
}
