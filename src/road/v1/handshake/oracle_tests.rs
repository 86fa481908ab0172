//! `snow` as the oracle: another implementation of Noise XK must finish with either of our sides, with the same transcript
//! hash and the same keys.

use snow::{Builder, HandshakeState};

use super::testing::*;
use super::*;
use crate::base::Time;
use crate::nacl::{Direction, Secret};
use crate::wire::v1::handshake::{COOKIE, COOKIE_PACKET, HELLO};
use crate::wire::v1::{Cookie, Hello, Initiate, Initiation, Offers, Status, VERSION, Welcome};

const NOW: Time = Time::ZERO;

fn builder<'a>(local: &'a [u8; 32], prologue: &'a [u8]) -> Builder<'a> {
    let builder = Builder::new(PROTOCOL.parse().unwrap());
    builder.local_private_key(local).unwrap().prologue(prologue).unwrap()
}

/// Packet keys from snow's split.
fn keys(mut state: HandshakeState, direction: Direction, suite: Suite) -> Keys {
    let (to_responder, to_initiator) = state.dangerously_get_raw_split();
    let (up, down) = (Secret::from_bytes(to_responder), Secret::from_bytes(to_initiator));
    match direction {
        Direction::ToResponder => Keys::new(suite, direction, &up, &down, NOW),
        Direction::ToInitiator => Keys::new(suite, direction, &down, &up, NOW),
    }
}

#[test]
fn our_initiator_and_its_responder() {
    for suite in Suite::ALL {
        let ours = responder(rules());
        let mut initiator = initiator(1, Dial { suites: vec![suite], ..dial(&ours) });
        let hello = due(&mut initiator, NOW);
        let secret = identity(1, "vm_master").keys.secret.bytes();
        let mut theirs = builder(&secret, &hello[..HEAD]).build_responder().unwrap();
        let (mut text, mut out) = ([0; 2000], [0; 2000]);

        let size = theirs.read_message(&hello[HEAD..HEAD + 56], &mut text).unwrap();
        assert_eq!(text[..size], [0; 8], "no features yet");
        let cookie = [0xc0; COOKIE];
        assert_eq!(theirs.write_message(&cookie, &mut out).unwrap(), COOKIE_PACKET - HEAD);
        let head = Hello::read(&hello).unwrap().head;
        let mut answer = [&head.of(Kind::Cookie).bytes()[..], &out[..COOKIE_PACKET - HEAD]].concat();
        assert!(matches!(initiator.handle_datagram(NOW, WALL, &mut answer), Progress::Stepped));

        let datagram = due(&mut initiator, NOW);
        assert_eq!(Initiate::read(&datagram).unwrap().cookie, cookie);
        let size = theirs.read_message(&datagram[HEAD + COOKIE..], &mut text).unwrap();
        let said = Initiation::read(&text[..size]).unwrap();
        let key = initiator_key();
        assert_eq!((said.role, said.verify), (key.role.clone(), *key.verify.as_bytes()));
        assert_eq!(theirs.get_remote_static(), Some(&key.public.as_bytes()[..]));

        let hash = theirs.get_handshake_hash().to_vec();
        let mut keys = keys(theirs, Direction::ToInitiator, suite);
        let body = Welcome {
            status: Status::Accepted,
            retry_after: 0,
            cid: 5,
            reset: [6; 16],
            wall: 7,
            offers: Offers { versions: vec![VERSION], suites: vec![suite.code()] },
            parameters: Parameters::default(),
            role: ours.identity().key().role.clone(),
            verify: *ours.identity().key().verify.as_bytes(),
            epoch: 1,
            binding: *ours.identity().binding(),
            successor: None,
            enrolled: None,
        }
        .write();
        let head = keys.head(NOW, head.cid, 0, None);
        let mut welcome = greet(&mut keys, &head, 0, &body).unwrap();
        let Progress::Established(mut established) = initiator.handle_datagram(NOW, WALL, &mut welcome) else {
            panic!()
        };
        assert_eq!(established.hash[..], hash);
        assert_eq!((established.theirs, established.reset, established.wall), (5, [6; 16], 7));
        let mut datagram = packet(&mut established, NOW, &Frame::Ping);
        let opened = keys.open(NOW, std::time::Duration::ZERO, &mut Seen::new(), &mut datagram).unwrap();
        assert_eq!(opened.frames, [1]);
    }
}

fn initiator_key() -> crate::keep::RoleKey {
    identity(101, "web1").key().clone()
}

/// Noise's three messages by snow, in our packets. The Hello's features and the Initiate's payload are the caller's.
fn snow_joins(responder: &mut Responder, payload: &[u8]) -> (HandshakeState, Head, Answer) {
    let head = Head::new(Kind::Hello, Suite::Nacl.code(), 77);
    let secret: [u8; 32] = *identity(101, "web1").keys.secret.bytes();
    let public = *responder.identity().key().public.as_bytes();
    let prologue = head.bytes();
    let builder = builder(&secret, &prologue).remote_public_key(&public).unwrap();
    let mut theirs = builder.build_initiator().unwrap();
    let (mut text, mut out) = ([0; 2000], [0; 2000]);

    assert_eq!(theirs.write_message(&[0; 8], &mut out).unwrap(), 56);
    let hello = Hello {
        head,
        ephemeral: out[..32].try_into().unwrap(),
        features: out[32..56].try_into().unwrap(),
        token: None,
        mac: [0; 16],
    };
    let hello = mac::Mac::new(&public, None).sign(hello).write();
    assert_eq!(hello.len(), HELLO);
    let cookie = sent(ask(responder, NOW, &hello));
    let read = Cookie::read(&cookie).unwrap();
    assert_eq!(read.head, head.of(Kind::Cookie));
    assert_eq!(theirs.read_message(&cookie[HEAD..], &mut text).unwrap(), COOKIE);
    let cookie: [u8; COOKIE] = text[..COOKIE].try_into().unwrap();
    let size = theirs.write_message(payload, &mut out).unwrap();
    let key = out[..48].try_into().unwrap();
    let initiate = Initiate { head: head.of(Kind::Initiate), cookie, key, payload: &out[48..size] }.write();
    let answer = ask(responder, NOW, &initiate);
    (theirs, head, answer)
}

/// A legal payload of the initiator's.
fn payload() -> Vec<u8> {
    let identity = identity(101, "web1");
    let said = Initiation {
        role: identity.key().role.clone(),
        verify: *identity.key().verify.as_bytes(),
        binding: *identity.binding(),
        epoch: 1,
        wall: -5,
        offers: Offers { versions: vec![VERSION], suites: vec![Suite::Nacl.code()] },
        parameters: Parameters::default(),
        enrolment: None,
        early: vec![1],
    };
    said.write().unwrap()
}

#[test]
fn its_initiator_and_our_responder() {
    let mut responder = responder(rules());
    let (theirs, head, answer) = snow_joins(&mut responder, &payload());
    let applicant = knock(answer);
    assert_eq!((applicant.peer.key.clone(), applicant.wall), (initiator_key(), -5));
    assert_eq!(applicant.hash[..], *theirs.get_handshake_hash());
    let (mut ours, mut welcome) = responder.accept(NOW, WALL, applicant, 9, None).unwrap();

    let mut keys = keys(theirs, Direction::ToResponder, Suite::Nacl);
    let mut seen = Seen::new();
    let opened = keys.open(NOW, std::time::Duration::ZERO, &mut seen, &mut welcome).unwrap();
    let Some(Ok(Frame::Welcome(body))) = crate::wire::v1::Frames::new(opened.frames).next() else { panic!() };
    let body = Welcome::read(body).unwrap();
    assert_eq!((body.status, body.cid, body.reset), (Status::Accepted, 9, responder.reset_token(9)));
    let mut packet = {
        let head = keys.head(NOW, 9, 0, None);
        greet(&mut keys, &head, 0, b"any").unwrap()
    };
    ours.keys.open(NOW, std::time::Duration::ZERO, &mut ours.seen, &mut packet).unwrap();
    assert_eq!(ours.theirs, head.cid);
}

#[test]
fn what_it_says_is_checked_like_anybody_s() {
    let mut responder = responder(rules());
    let legal = payload();
    let check = |responder: &mut Responder, payload: &[u8]| silence(snow_joins(responder, payload).2);
    // Role "web1" is length and text at the start: law 5.
    for role in [b"\x04../x", b"\x04a/bc", b"\x04.abc", b"\x04a..b"] {
        let bad = [&role[..], &legal[5..]].concat();
        let Silence::Malformed(malformed) = check(&mut responder, &bad) else { panic!() };
        assert_eq!(malformed.what, "role");
    }
    let other_role = [b"\x04web2", &legal[5..]].concat();
    assert_eq!(check(&mut responder, &other_role), Silence::Unbound);
    for at in [5, 37, 5 + 32 + 63, 5 + 32 + 64 + 3] {
        let mut bad = legal.clone();
        bad[at] ^= 1;
        assert_eq!(check(&mut responder, &bad), Silence::Unbound, "{at}");
    }
    let offers = 5 + 32 + 64 + 4 + 8;
    assert_eq!(legal[offers..offers + 5], [1, VERSION, 1, 0, 1]);
    let mut other_version = legal.clone();
    other_version[offers + 1] = VERSION + 1;
    assert_eq!(check(&mut responder, &other_version), Silence::Downgraded);
    let mut other_suite = legal.clone();
    other_suite[offers + 4] = 2;
    assert_eq!(check(&mut responder, &other_suite), Silence::Downgraded);
    let mut late = legal.clone();
    let early = legal.iter().rposition(|byte| *byte == 1).unwrap();
    late[early] = 0x10;
    assert_eq!(check(&mut responder, &late), Silence::Early, "credit is no presence");
    assert!(matches!(snow_joins(&mut responder, &legal).2, Answer::Knock(_)));
    assert_eq!(responder.remembered(), 0);
}

#[test]
fn small_order_keys_go_nowhere() {
    let mut responder = responder(rules());
    let public = *responder.identity().key().public.as_bytes();
    let mut one = [0; 32];
    one[0] = 1;
    for ephemeral in [[0; 32], one] {
        let head = Head::new(Kind::Hello, Suite::Nacl.code(), 77);
        let hello = Hello { head, ephemeral, features: [0; 24], token: None, mac: [0; 16] };
        let hello = mac::Mac::new(&public, None).sign(hello).write();
        assert_eq!(silence(ask(&mut responder, NOW, &hello)), Silence::SmallOrder);
    }
    // A Cookie with one.
    let mut initiator = initiator(1, dial(&responder));
    let hello = due(&mut initiator, NOW);
    let head = Hello::read(&hello).unwrap().head;
    let mut cookie = Cookie { head: head.of(Kind::Cookie), ephemeral: one, sealed: [0; 192] }.write();
    assert_eq!(passed_over(initiator.handle_datagram(NOW, WALL, &mut cookie)), Silence::SmallOrder);
    // A pin of small order is not even dialed.
    let pin = crate::nacl::PublicKey::from_agreed([0; 32]);
    let mut lost = super::testing::initiator(1, Dial { pin, ..dial(&responder) });
    assert_eq!(lost.poll_transmit(NOW), None);
}
