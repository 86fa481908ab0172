//! ZeroMQ with CURVE (libzmq, libsodium): PUSH and PULL for what goes one way, DEALER and ROUTER for what is answered.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread::{park, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use zmq::{Context, CurveKeyPair, Socket, SocketType};

use super::stream::{MARGIN, PATIENCE};
use super::{End, Found, Peer};
use crate::clock;
use crate::meter::{Meter, due};
use crate::work::{CROWD, Figures, Job, PACE, SMALL, Work};

/// libzmq with CURVE.
pub(crate) struct ZeroMq {
    name: &'static str,
    congestion: &'static str,
}

pub(crate) static CURVE: ZeroMq = ZeroMq { name: "ZeroMQ CURVE", congestion: "cubic" };
pub(crate) static CURVE_BBR: ZeroMq = ZeroMq { name: "ZeroMQ CURVE BBR", congestion: "bbr" };

/// Bytes of one message of a bulk transfer.
const BULK: usize = 64 << 10;
/// Longest wait for an answer, milliseconds.
const WAIT: i32 = 30_000;

impl Peer for ZeroMq {
    fn name(&self) -> &'static str {
        self.name
    }

    fn can(&self, work: Work) -> bool {
        // On loopback nothing is lost, and the one stands for both.
        self.congestion == "cubic" || matches!(work, Work::Bulk | Work::Paced)
    }

    fn datagrams(&self) -> bool {
        false
    }

    fn congestion(&self) -> Option<&'static str> {
        Some(self.congestion)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let context = Context::new();
        let one_way = one_way(meter.job().work);
        let socket = context.socket(if one_way { SocketType::PULL } else { SocketType::ROUTER })?;
        let keys = CurveKeyPair::new()?;
        socket.set_curve_server(true)?;
        socket.set_curve_secretkey(&keys.secret_key)?;
        socket.set_backlog(CROWD as i32)?;
        socket.bind(&format!("tcp://{}:*", end.ip))?;
        let bound = socket.get_last_endpoint()?.map_err(|_| anyhow!("an endpoint that is no text"))?;
        let at = bound.trim_start_matches("tcp://").parse()?;
        tell(Found { at, key: zmq::z85_encode(&keys.public_key)? });
        let mut message = zmq::Message::new();
        loop {
            if !one_way {
                socket.send_multipart(socket.recv_multipart(0)?, 0)?;
                continue;
            }
            socket.recv(&mut message, 0)?;
            match meter.job().work {
                Work::Paced => meter.paced(&message),
                _ => meter.take(message.len(), 1),
            }
        }
    }

    fn drive(&self, _: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let context = Context::new();
        let mut figures = Figures::default();
        let mut held = Vec::new();
        match job.work {
            Work::Handshake | Work::Handshakes => figures.set("rate", handshakes(&context, to, job)?),
            Work::Idle => {
                let before = clock::resident();
                for _ in 0..CROWD {
                    held.push(greeted(&context, to)?);
                }
                figures.set("near-resident", clock::resident() - before);
            }
            Work::Request => {
                let socket = greeted(&context, to)?;
                figures.spread(requests(&socket, job)?);
                held.push(socket);
            }
            work => {
                let socket = dial(&context, to, SocketType::PUSH)?;
                let before = clock::processor();
                match work {
                    Work::Paced => paced(&socket, job)?,
                    Work::Bulk => flood(&socket, job, BULK)?,
                    _ => flood(&socket, job, SMALL)?,
                }
                figures.set("near-processor", clock::processor() - before);
                held.push(socket);
            }
        }
        tell(figures);
        loop {
            park();
        }
    }
}

fn one_way(work: Work) -> bool {
    matches!(work, Work::Bulk | Work::Paced | Work::Flood)
}

fn dial(context: &Context, to: &Found, kind: SocketType) -> Result<Socket> {
    let socket = context.socket(kind)?;
    let keys = CurveKeyPair::new()?;
    socket.set_curve_serverkey(&zmq::z85_decode(&to.key)?)?;
    socket.set_curve_publickey(&keys.public_key)?;
    socket.set_curve_secretkey(&keys.secret_key)?;
    socket.set_linger(0)?;
    socket.set_sndtimeo(100)?;
    socket.set_rcvtimeo(WAIT)?;
    socket.connect(&format!("tcp://{}", to.at))?;
    Ok(socket)
}

/// A connection that has been answered, so that both sides know each other.
fn greeted(context: &Context, to: &Found) -> Result<Socket> {
    let socket = dial(context, to, SocketType::DEALER)?;
    socket.send("?", 0)?;
    ensure!(socket.recv_bytes(0)? == b"?", "the server answers something else");
    Ok(socket)
}

fn flood(socket: &Socket, job: Job, size: usize) -> Result<()> {
    let (data, end) = (vec![7; size], Instant::now() + job.time + MARGIN);
    while Instant::now() < end {
        match socket.send(&data, 0) {
            Ok(()) | Err(zmq::Error::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn paced(socket: &Socket, job: Job) -> Result<()> {
    let (start, mut message) = (Instant::now(), Vec::new());
    for n in 0..job.time.as_millis() as u64 * PACE / 1_000 {
        let time = start + Duration::from_nanos(n * 1_000_000_000 / PACE);
        sleep(time.saturating_duration_since(Instant::now()));
        due(&mut message);
        // Its own queue of a thousand messages holds them.
        match socket.send(&message, 0) {
            Ok(()) | Err(zmq::Error::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    sleep(PATIENCE);
    Ok(())
}

/// Round trips in microseconds.
fn requests(socket: &Socket, job: Job) -> Result<Vec<f64>> {
    let (mut samples, mut message) = (Vec::new(), zmq::Message::new());
    let end = Instant::now() + job.time;
    while Instant::now() < end {
        let start = clock::now();
        socket.send(&[7; SMALL][..], 0)?;
        socket.recv(&mut message, 0)?;
        samples.push((clock::now() - start) as f64 / 1e3);
    }
    Ok(samples)
}

/// Connections a second.
fn handshakes(context: &Context, to: &Found, job: Job) -> Result<f64> {
    let end = Instant::now() + job.time;
    let one = || {
        let mut count = 0;
        while Instant::now() < end {
            drop(greeted(context, to)?);
            count += 1;
        }
        anyhow::Ok(count)
    };
    let counts: Result<Vec<u32>> = scope(|threads| {
        let all: Vec<_> = (0..job.work.at_once()).map(|_| threads.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread fell over"))?).collect()
    });
    Ok(f64::from(counts?.iter().sum::<u32>()) / job.time.as_secs_f64())
}
