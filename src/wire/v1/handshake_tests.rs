//! Handshake packets: exact sizes, one form each, and generators of legal ones.

use proptest::collection::vec;
use proptest::prelude::*;

use super::handshake::*;
use super::intro::INTRO;
use super::*;
use crate::base::Name;
use crate::nacl::seal::TAG;

fn bytes<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

fn head(kind: Kind) -> impl Strategy<Value = Head> {
    any::<(u16, u64)>().prop_map(move |(suite, cid)| Head::new(kind, suite, cid))
}

fn role() -> impl Strategy<Value = Name> {
    "[a-z0-9_-]([a-z0-9_-]|[.][a-z]){0,31}".prop_map(|role| Name::new(&role).unwrap())
}

fn offers() -> impl Strategy<Value = Offers> {
    (vec(any::<u8>(), 0..9), vec(any::<u16>(), 0..9)).prop_map(|(versions, suites)| Offers { versions, suites })
}

pub(super) fn parameters() -> impl Strategy<Value = Parameters> {
    vec(0..=varint::MAX, 5).prop_map(|n| Parameters {
        ack_delay: n[0],
        keep_alive: n[1],
        credit: n[2],
        open: n[3],
        datagram: n[4],
    })
}

pub(super) fn initiation() -> impl Strategy<Value = Initiation> {
    let enrolment = proptest::option::of((bytes(), bytes()).prop_map(|(id, proof)| Enrolment { id, proof }));
    let fixed = (role(), bytes(), bytes(), any::<u32>(), any::<i64>());
    (fixed, offers(), parameters(), enrolment, vec(any::<u8>(), 0..200)).prop_map(
        |((role, verify, binding, epoch, wall), offers, parameters, enrolment, early)| Initiation {
            role,
            verify,
            binding,
            epoch,
            wall,
            offers,
            parameters,
            enrolment,
            early,
        },
    )
}

pub(super) fn welcome() -> impl Strategy<Value = Welcome> {
    let status = proptest::sample::select(vec![
        Status::Accepted,
        Status::Pending,
        Status::Rejected,
        Status::Denied,
        Status::Busy,
    ]);
    let successor = (bytes(), bytes(), any::<u32>(), bytes())
        .prop_map(|(public, verify, epoch, signature)| Successor { public, verify, epoch, signature });
    let identity =
        (role(), bytes(), any::<u32>(), bytes(), proptest::option::of(successor), proptest::option::of(bytes()));
    ((status, any::<u32>(), any::<u64>(), bytes(), any::<i64>()), offers(), parameters(), identity).prop_map(
        |((status, retry_after, cid, reset, wall), offers, parameters, identity)| {
            let (role, verify, epoch, binding, successor, enrolled) = identity;
            Welcome {
                status,
                retry_after,
                cid,
                reset,
                wall,
                offers,
                parameters,
                role,
                verify,
                epoch,
                binding,
                successor,
                enrolled,
            }
        },
    )
}

/// Every shorter and one longer form is refused.
fn exact(datagram: &[u8]) {
    for size in 0..datagram.len() {
        assert!(Packet::read(&datagram[..size]).is_err(), "{size} of {}", datagram.len());
    }
    let mut long = datagram.to_vec();
    long.push(0);
    assert!(Packet::read(&long).is_err());
}

proptest! {
    #[test]
    fn hello(
        head in head(Kind::Hello), ephemeral in bytes(), features in bytes(),
        token in proptest::option::of(bytes()), mac in bytes(), at in 0usize..HELLO_MAC,
    ) {
        let hello = Hello { head, ephemeral, features, token, mac };
        let datagram = hello.write();
        prop_assert_eq!(datagram.len(), 320);
        prop_assert_eq!(&datagram[..HELLO_MAC], hello.start());
        prop_assert_eq!(Packet::read(&datagram), Ok(Packet::Hello(hello)));
        exact(&datagram);
        let padding = if token.is_some() { 85 } else { 69 };
        if at >= padding {
            let mut bad = datagram.clone();
            bad[at] = 1;
            prop_assert_eq!(Packet::read(&bad).unwrap_err().what, "padding");
        }
        let mut foreign = datagram;
        foreign[1] = 2;
        prop_assert_eq!(Packet::read(&foreign), Ok(Packet::Foreign(Head { version: 2, ..head })));
    }

    #[test]
    fn retry(head in head(Kind::Retry), token in bytes(), tag in bytes()) {
        let retry = Retry { head, token, tag };
        let datagram = retry.write();
        prop_assert_eq!(datagram.len(), 44);
        prop_assert_eq!(Packet::read(&datagram), Ok(Packet::Retry(retry)));
        exact(&datagram);
    }

    #[test]
    fn cookie(head in head(Kind::Cookie), ephemeral in bytes(), sealed in bytes()) {
        let cookie = Cookie { head, ephemeral, sealed };
        let datagram = cookie.write();
        prop_assert_eq!(datagram.len(), 236);
        prop_assert!(datagram.len() * 100 <= HELLO * 74, "answers are smaller than questions");
        prop_assert_eq!(Packet::read(&datagram), Ok(Packet::Cookie(cookie)));
        exact(&datagram);
    }

    #[test]
    fn initiate(head in head(Kind::Initiate), cookie in bytes(), key in bytes(), steps in 0usize..16, off in 1usize..64) {
        let payload = vec![7; steps * PAYLOAD_STEP + TAG];
        let initiate = Initiate { head, cookie, key, payload: &payload };
        let datagram = initiate.write();
        let is_legal = steps > 0 && datagram.len() <= INITIATE_MAX;
        prop_assert_eq!(Packet::read(&datagram).ok(), is_legal.then_some(Packet::Initiate(initiate)));
        prop_assert_eq!(is_legal, (PAYLOAD_STEP..=PAYLOAD_MAX).contains(&(steps * PAYLOAD_STEP)));
        prop_assert!(Packet::read(&datagram[..datagram.len() - off]).is_err());
    }

    #[test]
    fn reset(head in head(Kind::Reset), token in bytes(), random in vec(any::<u8>(), 0..40)) {
        let reset = Reset { head, token };
        let datagram = reset.write(&random);
        prop_assert_eq!(Packet::read(&datagram).ok(), RESET_RANDOM.contains(&random.len()).then_some(Packet::Reset(reset)));
    }

    #[test]
    fn versions(head in head(Kind::Versions), list in vec(any::<(u8, u16)>(), 0..20), tag in bytes()) {
        let versions = Versions { head, list: list.clone(), tag };
        let datagram = versions.write();
        prop_assert!(datagram.len() * 3 <= HELLO);
        let list = list[..list.len().min(VERSIONS_MAX)].to_vec();
        prop_assert_eq!(Packet::read(&datagram), Ok(Packet::Versions(Versions { list, ..versions })));
        exact(&datagram);
    }

    #[test]
    fn intro(head in head(Kind::Intro), nonce in bytes(), mac in proptest::option::of(bytes())) {
        let intro = Intro { head, nonce, mac };
        let datagram = intro.write();
        prop_assert_eq!(datagram.len(), if mac.is_some() { INTRO + TAG } else { INTRO });
        prop_assert_eq!(Packet::read(&datagram), Ok(Packet::Intro(intro)));
        prop_assert!(Packet::read(&datagram[..datagram.len() - 1]).is_err());
    }

    #[test]
    fn intro_reply(
        head in head(Kind::IntroReply), nonce in bytes(), public in bytes(), verify in bytes(), epoch: u32,
        not_after: u64, role in role(), signature in bytes(),
    ) {
        let reply = IntroReply { head, nonce, public, verify, epoch, not_after, role, signature };
        let datagram = reply.write();
        prop_assert!(datagram.len() < INTRO);
        prop_assert_eq!(Packet::read(&datagram), Ok(Packet::IntroReply(reply)));
        exact(&datagram);
    }
}

#[test]
fn first_bytes_have_their_top_bit_set() {
    for code in 0..=u8::MAX {
        let kind = Kind::from_code(code);
        assert!(kind.is_none_or(|kind| kind.code() == code && code & 0x80 != 0 && !DataHead::is_data(code)));
    }
}
