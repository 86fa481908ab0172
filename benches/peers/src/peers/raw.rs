//! UDP alone, in trains (GSO out, GRO in), without reliability, congestion control or encryption: what the machine can carry.

use std::convert::Infallible;
use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};

use super::stream::MARGIN;
use super::{End, Found, Peer};
use crate::clock;
use crate::meter::Meter;
use crate::work::{Figures, Job, SMALL, Work};

/// UDP alone.
pub(crate) struct Raw;

pub(crate) static RAW: Raw = Raw;

/// Payload of a datagram in a transfer.
const SEGMENT: usize = 1_200;
/// Most a train can hold.
const TRAIN: usize = 65_000 / SEGMENT * SEGMENT;

impl Peer for Raw {
    fn name(&self) -> &'static str {
        "UDP, GSO/GRO"
    }

    fn can(&self, work: Work) -> bool {
        matches!(work, Work::Bulk | Work::Request)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let socket = UdpSocket::bind((end.ip, 0))?;
        let state = UdpSocketState::new((&socket).into())?;
        state.set_recv_buffer_size((&socket).into(), 4 << 20)?;
        socket.set_nonblocking(false)?;
        tell(Found { at: socket.local_addr()?, key: String::new() });
        if meter.job().work == Work::Request {
            let mut message = [0; SMALL];
            loop {
                let (length, from) = socket.recv_from(&mut message)?;
                socket.send_to(message.get(..length).unwrap_or_default(), from)?;
            }
        }
        let mut buffers = vec![vec![0; 65_536]; quinn_udp::BATCH_SIZE];
        let mut metas = [RecvMeta::default(); quinn_udp::BATCH_SIZE];
        loop {
            let mut slices: Vec<IoSliceMut<'_>> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            let count = state.recv((&socket).into(), &mut slices, &mut metas)?;
            meter.take(metas.iter().take(count).map(|meta| meta.len).sum(), 0);
        }
    }

    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let socket = UdpSocket::bind((end.ip, 0))?;
        let state = UdpSocketState::new((&socket).into())?;
        socket.set_nonblocking(false)?;
        let mut figures = Figures::default();
        let start = clock::now();
        let past = |time: Duration| clock::now() - start > time.as_nanos() as u64;
        if job.work == Work::Request {
            let (mut message, mut samples) = ([7; SMALL], Vec::new());
            socket.set_read_timeout(Some(Duration::from_millis(500)))?;
            while !past(job.time) {
                let sent = clock::now();
                socket.send_to(&message, to.at)?;
                // One that is lost is no sample.
                if socket.recv_from(&mut message).is_ok() {
                    samples.push((clock::now() - sent) as f64 / 1e3);
                }
            }
            figures.spread(samples);
        } else {
            let (data, before) = (vec![7; TRAIN], clock::processor());
            let train =
                Transmit { destination: to.at, ecn: None, contents: &data, segment_size: Some(SEGMENT), src_ip: None };
            while !past(job.time + MARGIN) {
                state.try_send((&socket).into(), &train)?;
            }
            figures.set("near-processor", clock::processor() - before);
        }
        tell(figures);
        loop {
            std::thread::park();
        }
    }
}
