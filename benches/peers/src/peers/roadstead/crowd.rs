//! Many estates in one process: handshakes by the second, and what a thousand idle sessions cost. Each estate is an engine
//! with a socket of its own; they share one buffer, as connections of one endpoint do.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use roadstead::base::{Acceptance, Name, Random, Time};
use roadstead::drive::entropy;
use roadstead::keep::{OwnKeys, RoleKey};
use roadstead::nacl::{PublicKey, VerifyKey};
use roadstead::road::{Config, Memory, Output, Road};
use roadstead::transport::Event;

use super::super::{End, Found};
use super::Roadstead;
use crate::clock;
use crate::work::{CROWD, Figures, Job, Work};

/// What an estate has read from its disk.
struct Setting {
    config: Config,
    keys: OwnKeys,
    memory: Memory,
}

/// One estate.
struct Estate {
    road: Road,
    socket: UdpSocket,
    is_joined: bool,
}

/// How long one handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does the job and says what was measured.
pub(super) fn drive(peer: &Roadstead, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
    let mut figures = Figures::default();
    let mut buffer = vec![0; 65_536];
    let mut held = Vec::new();
    if job.work == Work::Idle {
        let before = clock::resident();
        for n in 0..CROWD {
            let mut estate = Estate::new(end, &Setting::new(peer, to, n)?)?;
            estate.join(&mut buffer)?;
            held.push(estate);
        }
        figures.set("near-resident", clock::resident() - before);
    } else {
        figures.set("rate", handshakes(peer, end, to, job, &mut buffer)?);
    }
    tell(figures);
    loop {
        for estate in &mut held {
            estate.turn(&mut buffer)?;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Sessions a second, so many being begun at any time. As a connection of the peers is, each is new on a socket that stays,
/// with keys that were read before, and closed with a word once the server has shown that it knows us.
fn handshakes(peer: &Roadstead, end: &End, to: &Found, job: Job, buffer: &mut Vec<u8>) -> Result<f64> {
    let until = Instant::now() + job.time;
    let mut count = 0;
    let mut estates = Vec::new();
    for n in 0..job.work.at_once() {
        let setting = Setting::new(peer, to, n)?;
        estates.push((Estate::new(end, &setting)?, setting));
    }
    while Instant::now() < until {
        let mut is_quiet = true;
        for (estate, setting) in &mut estates {
            is_quiet &= !estate.turn(buffer)?;
            if estate.is_joined {
                count += 1;
                estate.renew(setting, buffer)?;
                estate.turn(buffer)?;
                is_quiet = false;
            }
        }
        if is_quiet {
            std::thread::yield_now();
        }
    }
    Ok(f64::from(count) / job.time.as_secs_f64())
}

impl Setting {
    fn new(peer: &Roadstead, to: &Found, n: usize) -> Result<Self> {
        // The same estate comes again with the same keys.
        let keys = OwnKeys::generate(&mut Random::from_number(n as u64));
        let config = peer.config(&format!("near{n}"), vec![to.at])?;
        let mut memory = Memory::default();
        // As the other peers' clients: who is called is known beforehand.
        memory.roll.set(key(&to.key)?, Acceptance::Accepted);
        Ok(Self { config, keys, memory })
    }

    fn road(&self) -> Result<Road> {
        Ok(Road::new(self.config.clone(), self.keys.clone(), self.memory.clone(), entropy::seed()?, now()))
    }
}

impl Estate {
    fn new(end: &End, setting: &Setting) -> Result<Self> {
        let socket = UdpSocket::bind((end.ip, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self { road: setting.road()?, socket, is_joined: false })
    }

    /// Closes the session and begins another.
    fn renew(&mut self, setting: &Setting, buffer: &mut Vec<u8>) -> Result<()> {
        self.road.close(now());
        self.send(buffer)?;
        self.road = setting.road()?;
        self.is_joined = false;
        Ok(())
    }

    /// Everything that is to be sent; whether anything was.
    fn send(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        let mut is_busy = false;
        while let Some(transmit) = self.road.poll_transmit(now(), buffer) {
            is_busy = true;
            for datagram in transmit.datagrams(buffer) {
                self.socket.send_to(datagram, transmit.to)?;
            }
        }
        Ok(is_busy)
    }

    fn join(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !self.is_joined {
            if !self.turn(buffer)? {
                std::thread::yield_now();
            }
            if Instant::now() > end {
                bail!("no session");
            }
        }
        Ok(())
    }

    /// Everything that can be done now; whether anything was.
    fn turn(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        let mut is_busy = false;
        self.road.handle_timeout(now());
        loop {
            if buffer.len() < 65_536 {
                buffer.resize(65_536, 0);
            }
            match self.socket.recv_from(buffer) {
                Ok((size, from)) => {
                    is_busy = true;
                    if let Some(bytes) = buffer.get_mut(..size) {
                        self.road.handle_datagram(now(), from, bytes);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        is_busy |= self.send(buffer)?;
        while let Some(output) = self.road.poll_output() {
            self.is_joined |= matches!(output, Output::Event(Event::Joined { .. }));
        }
        Ok(is_busy)
    }
}

/// The server's key, as it was told.
fn key(text: &str) -> Result<RoleKey> {
    let half = |at: usize| {
        let mut out = [0; 32];
        for (n, byte) in out.iter_mut().enumerate() {
            let digits = text.get(2 * (at + n)..2 * (at + n) + 2).context("a key of 64 bytes")?;
            *byte = u8::from_str_radix(digits, 16)?;
        }
        anyhow::Ok(out)
    };
    Ok(RoleKey {
        role: Name::new("far")?,
        verify: VerifyKey::from_bytes(&half(0)?)?,
        public: PublicKey::from_bytes(half(32)?)?,
    })
}

fn now() -> Time {
    Time(clock::now() / 1000)
}
