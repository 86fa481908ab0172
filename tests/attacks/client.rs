//! A classic estate made by hand from the wire's parts: it joins or is joined, allows, and then signs and seals whatever a
//! test gives it, legal or not. It keeps every head and every whole body it was sent, as they came.

#![allow(dead_code, reason = "two test binaries use a part of it each")]

use std::collections::BTreeMap;

use roadstead::base::{Name, Random};
use roadstead::keep::OwnKeys;
use roadstead::nacl::{PublicKey, SecretKey, SharedBox, VerifyKey};
use roadstead::wire::v0::{
    self, BodyKind, CoatKind, Cookie, CookieStuff, FootKind, Head, Hello, Initiate, InitiateKeys, JoinBody, PacketKind,
    Segments, TransactKind, Tray, coat,
};

pub(crate) struct Client {
    pub(crate) name: Name,
    pub(crate) role: Name,
    pub(crate) is_main: bool,
    pub(crate) keys: OwnKeys,
    pub(crate) short: SecretKey,
    random: Random,
    /// What it knows of the other side.
    pub(crate) peer: Option<JoinBody>,
    pub(crate) their_short: Option<PublicKey>,
    /// The other side's number for it.
    pub(crate) fuid: u32,
    pub(crate) si: u32,
    pub(crate) ti: u32,
    oreo: [u8; 24],
    is_allowed: bool,
    trays: BTreeMap<u32, Tray>,
    /// Heads of everything it was sent.
    pub(crate) heads: Vec<Head>,
    /// Whole bodies it was sent, opened.
    pub(crate) bodies: Vec<(BodyKind, Vec<u8>)>,
    /// Message packets as they came.
    pub(crate) messages: Vec<Vec<u8>>,
}

/// Its number for the other side.
pub(crate) const NUID: u32 = 2;

impl Client {
    pub(crate) fn new(name: &str, role: &str, seed: u64) -> Self {
        let mut random = Random::from_number(seed);
        Self {
            name: Name::new(name).unwrap(),
            role: Name::new(role).unwrap(),
            is_main: false,
            keys: OwnKeys::generate(&mut random),
            short: SecretKey::from_bytes(random.bytes()),
            random,
            peer: None,
            their_short: None,
            fuid: 0,
            si: 1,
            ti: 0,
            oreo: [7; 24],
            is_allowed: false,
            trays: BTreeMap::new(),
            heads: Vec::new(),
            bodies: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// An estate that others join.
    pub(crate) fn main(name: &str, role: &str, seed: u64) -> Self {
        Self { is_main: true, ..Self::new(name, role, seed) }
    }

    pub(crate) fn is_allowed(&self) -> bool {
        self.is_allowed
    }

    pub(crate) fn join_body(&self, uid: Option<u32>) -> JoinBody {
        JoinBody {
            name: self.name.clone(),
            mode: u8::from(self.is_main),
            kind: u32::from(!self.is_main),
            uid,
            verify: self.keys.sign.verify_key(),
            public: self.keys.secret.public(),
            role: self.role.clone(),
        }
    }

    fn join_packet(&self, packet: PacketKind, de: u32, ti: u32, correspondent: bool, body: &[u8]) -> Vec<u8> {
        let se = if correspondent { 0 } else { NUID };
        let transact = TransactKind::Join;
        let head = Head { transact, packet, se, de, ti, correspondent, body: BodyKind::Msgpack, ..Head::default() };
        let mut out = Vec::new();
        v0::write(&head, body, None, &mut out);
        out
    }

    /// A first join.
    pub(crate) fn join(&mut self) -> Vec<u8> {
        self.ti += 1;
        self.join_packet(PacketKind::Request, 0, self.ti, false, &self.join_body(None).write(BodyKind::Msgpack))
    }

    /// A signed head of its session.
    pub(crate) fn head(&self, transact: TransactKind, packet: PacketKind, ti: u32) -> Head {
        let coat = if transact == TransactKind::Allow { CoatKind::Nada } else { CoatKind::Nacl };
        let body = if transact == TransactKind::Allow { BodyKind::Raw } else { BodyKind::Msgpack };
        let (se, de, si, foot) = (NUID, self.fuid, self.si, FootKind::Nacl);
        Head { transact, packet, se, de, si, ti, coat, body, foot, ..Head::default() }
    }

    /// A packet under its key.
    pub(crate) fn packet(&self, head: &Head, coat: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        v0::write(head, coat, (head.foot == FootKind::Nacl).then_some(&self.keys.sign), &mut out);
        out
    }

    pub(crate) fn shared(&self) -> SharedBox {
        SharedBox::new(&self.their_short.unwrap(), &self.short)
    }

    /// A hello for the key that the other side's join told.
    pub(crate) fn hello(&mut self) -> Vec<u8> {
        self.ti += 1;
        let peer = self.peer.as_ref().unwrap();
        let body = Hello::write(&self.short, &peer.public, self.random.bytes());
        self.packet(&self.head(TransactKind::Allow, PacketKind::Hello, self.ti), &body)
    }

    /// A message with just these bytes as its body, whatever they are.
    pub(crate) fn say(&mut self, plain: &[u8]) -> Vec<Vec<u8>> {
        self.ti += 1;
        let sealed = coat::seal(plain, &self.shared(), self.random.bytes()).unwrap();
        let segments = Segments::new(&self.head(TransactKind::Message, PacketKind::Message, self.ti), sealed);
        let write = |i| {
            let mut out = Vec::new();
            segments.write(i, (i + 1 == segments.count(), false), Some(&self.keys.sign), &mut out);
            out
        };
        (0..segments.count()).map(write).collect()
    }

    /// A message with this value as its body.
    pub(crate) fn say_value(&mut self, value: &serde_json::Value) -> Vec<Vec<u8>> {
        self.say(&rmp_serde::to_vec_named(value).unwrap())
    }

    /// The bodies it was sent, as values.
    pub(crate) fn values(&self) -> Vec<serde_json::Value> {
        self.bodies.iter().map(|(_, body)| rmp_serde::from_slice(body).unwrap()).collect()
    }

    fn sender(&self) -> Option<VerifyKey> {
        self.peer.as_ref().map(|peer| peer.verify)
    }

    /// Takes a datagram and answers it as an honest estate would.
    pub(crate) fn handle(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let packet = v0::read(datagram).unwrap();
        let head = packet.head;
        self.heads.push(head);
        if head.transact == TransactKind::Join {
            return self.on_join(&head, packet.coat);
        }
        assert!(self.sender().is_some_and(|key| packet.verify(&key)), "{}: not signed: {head:?}", self.name);
        match (head.transact, head.packet) {
            (TransactKind::Allow, _) => self.on_allow(&head, packet.coat),
            (TransactKind::Alive, PacketKind::Request) => {
                let kind = if self.is_allowed { PacketKind::Ack } else { PacketKind::Unallowed };
                vec![self.answer(&head, kind)]
            }
            (TransactKind::Message, PacketKind::Message) => {
                self.messages.push(datagram.to_vec());
                self.on_segment(&head, packet.coat)
            }
            _ => Vec::new(),
        }
    }

    fn on_join(&mut self, head: &Head, coat: &[u8]) -> Vec<Vec<u8>> {
        match (head.packet, head.correspondent) {
            (PacketKind::Request, false) if self.is_main => {
                self.peer = Some(JoinBody::read(coat, head.body).unwrap());
                self.fuid = head.se;
                let body = self.join_body(Some(NUID)).write(BodyKind::Msgpack);
                vec![self.join_packet(PacketKind::Response, head.se, head.ti, true, &body)]
            }
            (PacketKind::Response, true) => {
                let body = JoinBody::read(coat, head.body).unwrap();
                self.fuid = body.uid.unwrap();
                self.peer = Some(body);
                vec![self.join_packet(PacketKind::Ack, 0, head.ti, false, &[]), self.hello()]
            }
            _ => Vec::new(),
        }
    }

    fn on_allow(&mut self, head: &Head, coat: &[u8]) -> Vec<Vec<u8>> {
        let their_long = self.peer.as_ref().unwrap().public;
        match head.packet {
            PacketKind::Hello => {
                let theirs = Hello::open(coat, &self.keys.secret).unwrap();
                let stuff = CookieStuff { short: self.short.public(), nuid_r: NUID, fuid_r: head.se, oreo: self.oreo };
                let cookie = Cookie::write(&self.keys.secret, &theirs, self.random.bytes(), &stuff);
                let answer =
                    Head { correspondent: true, ..self.head(TransactKind::Allow, PacketKind::Cookie, head.ti) };
                vec![self.packet(&Head { si: head.si, de: head.se, ..answer }, &cookie)]
            }
            PacketKind::Cookie => {
                let cookie = Cookie::open(coat, &self.short, &their_long).unwrap();
                self.their_short = Some(cookie.short);
                let keys = InitiateKeys {
                    long: &self.keys.secret,
                    short: &self.short,
                    their_long: &their_long,
                    their_short: &cookie.short,
                };
                let nonces = [self.random.bytes(), self.random.bytes()];
                let body = Initiate::write(keys, cookie.oreo, "", nonces);
                vec![self.packet(&self.head(TransactKind::Allow, PacketKind::Initiate, head.ti), &body)]
            }
            PacketKind::Initiate => {
                self.their_short = Some(Initiate::open(coat, &self.short, &self.keys.secret).unwrap().short);
                self.is_allowed = true;
                vec![self.answer(head, PacketKind::Ack)]
            }
            PacketKind::Ack if head.correspondent => {
                self.is_allowed = true;
                let done = self.packet(&self.head(TransactKind::Allow, PacketKind::Ack, head.ti), &[]);
                self.si += 1;
                vec![done]
            }
            _ => Vec::new(),
        }
    }

    fn on_segment(&mut self, head: &Head, slice: &[u8]) -> Vec<Vec<u8>> {
        let tray = self.trays.entry(head.ti).or_insert_with(|| Tray::new(head).unwrap());
        tray.insert(head, slice).unwrap();
        if tray.is_complete() {
            let whole = self.trays.remove(&head.ti).unwrap().into_coat().unwrap();
            let plain = coat::open(&whole, &self.shared()).unwrap();
            self.bodies.push((head.body, plain));
            return vec![self.answer(head, PacketKind::Done)];
        }
        let sn = tray.highest();
        if head.wait { vec![self.answer(&Head { sn, ..*head }, PacketKind::Ack)] } else { Vec::new() }
    }

    fn answer(&self, asked: &Head, packet: PacketKind) -> Vec<u8> {
        let sn = if packet == PacketKind::Ack && asked.transact == TransactKind::Message { asked.sn } else { 0 };
        let head = Head {
            packet,
            se: NUID,
            de: asked.se,
            sn,
            sc: 1,
            ml: 0,
            segment: false,
            again: false,
            wait: false,
            correspondent: !asked.correspondent,
            ..*asked
        };
        self.packet(&head, &[])
    }
}
