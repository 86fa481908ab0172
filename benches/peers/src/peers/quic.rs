//! QUIC by quinn, with client certificates, CUBIC or BBR. A message is a stream of its own, so that none waits for another;
//! requests share one stream, which is quinn's fastest.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, EndpointConfig, TokioRuntime, TransportConfig, VarInt};
use socket2::{Domain, Socket, Type};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::stream::{CHUNK, MARGIN, PATIENCE, ticking};
use super::{End, Found, Peer, certificates, runtime};
use crate::clock;
use crate::meter::Meter;
use crate::work::{CROWD, Figures, Job, SMALL, Work};

/// quinn with a congestion control.
pub(crate) struct Quic {
    name: &'static str,
    bbr: bool,
}

pub(crate) static CUBIC: Quic = Quic { name: "quinn CUBIC", bbr: false };
pub(crate) static BBR: Quic = Quic { name: "quinn BBR", bbr: true };

/// Socket buffers both ways. quinn's own windows stay: 1.25 MB a stream is more than any link of the grid holds, and 4 MB
/// cost three quarters of the goodput over loopback (2.0 instead of 8.6 Gb/s).
const BUFFER: usize = 4 << 20;
/// Streams a peer may have open at once.
const STREAMS: u32 = 4_096;

impl Peer for Quic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn can(&self, work: Work) -> bool {
        // Handshakes and idle connections know no congestion.
        !self.bbr || matches!(work, Work::Bulk | Work::Paced | Work::Request | Work::Flood)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let crypto = QuicServerConfig::try_from(certificates::server(end.folder)?)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(self.transport());
        runtime()?.block_on(async {
            let endpoint = endpoint((end.ip, 0).into(), Some(config))?;
            tell(Found { at: endpoint.local_addr()?, key: String::new() });
            loop {
                let incoming = endpoint.accept().await.context("closed")?;
                let meter = Arc::clone(&meter);
                tokio::spawn(async move { serve(incoming.await?, meter).await });
            }
        })
    }

    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let crypto = QuicClientConfig::try_from(certificates::client(end.folder)?)?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(self.transport());
        runtime()?.block_on(async {
            let any = SocketAddr::new(end.ip, 0);
            let mut endpoint = endpoint(any, None)?;
            endpoint.set_default_client_config(config);
            let (figures, _held) = drive(&endpoint, to.at, job).await?;
            tell(figures);
            pending().await
        })
    }
}

impl Quic {
    fn transport(&self) -> Arc<TransportConfig> {
        let mut transport = TransportConfig::default();
        transport.max_concurrent_uni_streams(STREAMS.into());
        if self.bbr {
            transport.congestion_controller_factory(Arc::new(BbrConfig::default()));
        } else {
            transport.congestion_controller_factory(Arc::new(CubicConfig::default()));
        }
        Arc::new(transport)
    }
}

fn endpoint(at: SocketAddr, server: Option<quinn::ServerConfig>) -> Result<Endpoint> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.bind(&at.into())?;
    Ok(Endpoint::new(EndpointConfig::default(), server, socket.into(), Arc::new(TokioRuntime))?)
}

async fn serve(connection: Connection, meter: Arc<Meter>) -> Result<()> {
    match meter.job().work {
        Work::Bulk => loop {
            let mut stream = connection.accept_uni().await?;
            let mut chunks: [Bytes; 32] = Default::default();
            while let Some(count) = stream.read_chunks(&mut chunks).await? {
                meter.take(chunks[..count].iter().map(Bytes::len).sum(), 0);
            }
        },
        Work::Request => {
            let (mut send, mut receive) = connection.accept_bi().await?;
            let mut message = [0; SMALL];
            loop {
                receive.read_exact(&mut message).await?;
                send.write_all(&message).await?;
            }
        }
        Work::Paced | Work::Flood => loop {
            let mut stream = connection.accept_uni().await?;
            let meter = Arc::clone(&meter);
            let message = async move {
                let message = stream.read_to_end(CHUNK).await?;
                match meter.job().work {
                    Work::Paced => meter.paced(&message),
                    _ => meter.take(message.len(), 1),
                }
                anyhow::Ok(())
            };
            tokio::spawn(message);
        },
        Work::Handshake | Work::Handshakes | Work::Idle => {
            let mut stream = connection.open_uni().await?;
            stream.write_all(&[1]).await?;
            stream.finish()?;
            connection.closed().await;
            Ok(())
        }
    }
}

async fn drive(endpoint: &Endpoint, to: SocketAddr, job: Job) -> Result<(Figures, Vec<Connection>)> {
    let mut figures = Figures::default();
    let mut held = Vec::new();
    match job.work {
        Work::Handshake | Work::Handshakes => figures.set("rate", handshakes(endpoint, to, job).await?),
        Work::Idle => {
            let before = clock::resident();
            for _ in 0..CROWD {
                held.push(greeted(endpoint, to).await?);
            }
            figures.set("near-resident", clock::resident() - before);
        }
        work => {
            let connection = endpoint.connect(to, certificates::NAME)?.await?;
            let before = clock::processor();
            match work {
                Work::Bulk => bulk(&connection, job).await?,
                Work::Paced => paced(&connection, job).await,
                Work::Flood => flood(&connection, job).await?,
                _ => figures.spread(requests(&connection, job).await?),
            }
            figures.set("near-processor", clock::processor() - before);
            held.push(connection);
        }
    }
    Ok((figures, held))
}

async fn bulk(connection: &Connection, job: Job) -> Result<()> {
    // Handed over without a copy.
    let (data, end) = (Bytes::from(vec![7; CHUNK]), Instant::now() + job.time + MARGIN);
    let mut stream = connection.open_uni().await?;
    while let Ok(written) = timeout_at(end, stream.write_chunk(data.clone())).await {
        written?;
    }
    Ok(())
}

async fn flood(connection: &Connection, job: Job) -> Result<()> {
    let end = Instant::now() + job.time + MARGIN;
    while Instant::now() < end {
        let mut stream = connection.open_uni().await?;
        stream.write_all(&[7; SMALL]).await?;
        stream.finish()?;
    }
    Ok(())
}

async fn paced(connection: &Connection, job: Job) {
    let end = Instant::now() + job.time + PATIENCE;
    let mut messages = ticking(job);
    let send = async {
        while let Some(message) = messages.recv().await {
            let mut stream = connection.open_uni().await?;
            stream.write_all(&message).await?;
            stream.finish()?;
        }
        anyhow::Ok(())
    };
    let _ = timeout_at(end, send).await;
    sleep_until(end).await;
}

/// Round trips in microseconds.
async fn requests(connection: &Connection, job: Job) -> Result<Vec<f64>> {
    let (mut send, mut receive) = connection.open_bi().await?;
    let (mut message, mut samples) = ([7; SMALL], Vec::new());
    let end = Instant::now() + job.time;
    while Instant::now() < end {
        let start = clock::now();
        send.write_all(&message).await?;
        receive.read_exact(&mut message).await?;
        samples.push((clock::now() - start) as f64 / 1e3);
    }
    Ok(samples)
}

/// Connections a second.
async fn handshakes(endpoint: &Endpoint, to: SocketAddr, job: Job) -> Result<f64> {
    let end = Instant::now() + job.time;
    let mut tasks = JoinSet::new();
    for _ in 0..job.work.at_once() {
        let endpoint = endpoint.clone();
        tasks.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                greeted(&endpoint, to).await?.close(VarInt::from_u32(0), b"");
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut count = 0;
    while let Some(done) = tasks.join_next().await {
        count += done??;
    }
    Ok(f64::from(count) / job.time.as_secs_f64())
}

/// A connection whose server has said, with one byte, that it knows us.
async fn greeted(endpoint: &Endpoint, to: SocketAddr) -> Result<Connection> {
    let connection = endpoint.connect(to, certificates::NAME)?.await?;
    connection.accept_uni().await?.read_to_end(1).await?;
    Ok(connection)
}
