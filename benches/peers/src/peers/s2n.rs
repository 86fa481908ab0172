//! QUIC by s2n-quic, with client certificates and CUBIC, its default. Messages and requests as with quinn: a stream each, and
//! one for all.

// Its own builders of TLS know no client certificates; a configuration of rustls does.
#![allow(deprecated)]

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use s2n_quic::client::Connect;
use s2n_quic::connection::Connection;
use s2n_quic::provider::io::tokio::Builder as Io;
use s2n_quic::provider::limits::Limits;
use s2n_quic::provider::tls::rustls as tls;
use s2n_quic::{Client, Server};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::stream::{CHUNK, MARGIN};
use super::{End, Found, Peer, certificates, runtime};
use crate::clock;
use crate::meter::Meter;
use crate::work::{Figures, Job, SMALL, Work};

/// s2n-quic as it comes.
pub(crate) struct S2n;

pub(crate) static CUBIC: S2n = S2n;

/// Socket buffers both ways, as quinn has here.
const BUFFER: usize = 4 << 20;
/// Streams a peer may have open at once, as quinn has here.
const STREAMS: u64 = 4_096;
const ALPN: &[u8] = b"peer";

impl Peer for S2n {
    fn name(&self) -> &'static str {
        "s2n-quic"
    }

    fn can(&self, work: Work) -> bool {
        matches!(work, Work::Bulk | Work::Flood | Work::Request | Work::Handshake | Work::Handshakes)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let mut crypto = certificates::server(end.folder)?;
        crypto.alpn_protocols = vec![ALPN.to_vec()];
        runtime()?.block_on(async {
            let tls = tls::Server::new(crypto);
            let server = Server::builder().with_tls(tls)?.with_limits(limits()?)?.with_io(io((end.ip, 0).into())?)?;
            let mut server = server.start()?;
            tell(Found { at: server.local_addr()?, key: String::new() });
            loop {
                let connection = server.accept().await.context("closed")?;
                tokio::spawn(serve(connection, Arc::clone(&meter)));
            }
        })
    }

    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let mut crypto = certificates::client(end.folder)?;
        crypto.alpn_protocols = vec![ALPN.to_vec()];
        runtime()?.block_on(async {
            let tls = tls::Client::new(crypto);
            let client = Client::builder().with_tls(tls)?.with_limits(limits()?)?.with_io(io((end.ip, 0).into())?)?;
            let client = client.start()?;
            let (figures, _held) = drive(&client, to.at, job).await?;
            tell(figures);
            pending().await
        })
    }
}

fn io(at: SocketAddr) -> Result<s2n_quic::provider::io::tokio::Provider> {
    let io = Io::default().with_receive_address(at)?;
    Ok(io.with_send_buffer_size(BUFFER)?.with_recv_buffer_size(BUFFER)?.build()?)
}

fn limits() -> Result<Limits> {
    let limits = Limits::new().with_max_open_remote_unidirectional_streams(STREAMS);
    let limits = limits.and_then(|limits| limits.with_max_open_local_unidirectional_streams(STREAMS));
    limits.map_err(|error| anyhow!("limits: {error}"))
}

async fn serve(mut connection: Connection, meter: Arc<Meter>) -> Result<()> {
    match meter.job().work {
        Work::Bulk => loop {
            let mut stream = connection.accept_receive_stream().await?.context("closed")?;
            let mut chunks = vec![Bytes::new(); 32];
            loop {
                let (count, is_open) = stream.receive_vectored(&mut chunks).await?;
                // It wants them empty again.
                meter.take(chunks.iter_mut().take(count).map(|chunk| std::mem::take(chunk).len()).sum(), 0);
                if !is_open {
                    break;
                }
            }
        },
        Work::Request => {
            let mut stream = connection.accept_bidirectional_stream().await?.context("closed")?;
            while let Some(data) = stream.receive().await? {
                stream.send(data).await?;
            }
            Ok(())
        }
        Work::Flood => loop {
            let mut stream = connection.accept_receive_stream().await?.context("closed")?;
            let meter = Arc::clone(&meter);
            tokio::spawn(async move {
                let mut message = Vec::with_capacity(SMALL);
                stream.read_to_end(&mut message).await?;
                meter.take(message.len(), 1);
                anyhow::Ok(())
            });
        },
        _ => {
            let mut stream = connection.open_send_stream().await?;
            stream.send(Bytes::from_static(&[1])).await?;
            stream.finish()?;
            // Until the far side goes.
            let _ = connection.accept_receive_stream().await;
            Ok(())
        }
    }
}

async fn drive(client: &Client, to: SocketAddr, job: Job) -> Result<(Figures, Vec<Connection>)> {
    let mut figures = Figures::default();
    if matches!(job.work, Work::Handshake | Work::Handshakes) {
        figures.set("rate", handshakes(client, to, job).await?);
        return Ok((figures, Vec::new()));
    }
    let mut connection = connect(client, to).await?;
    let before = clock::processor();
    match job.work {
        Work::Bulk => bulk(&mut connection, job).await?,
        Work::Flood => flood(&mut connection, job).await?,
        _ => figures.spread(requests(&mut connection, job).await?),
    }
    figures.set("near-processor", clock::processor() - before);
    Ok((figures, vec![connection]))
}

async fn connect(client: &Client, to: SocketAddr) -> Result<Connection> {
    Ok(client.connect(Connect::new(to).with_server_name(certificates::NAME)).await?)
}

async fn bulk(connection: &mut Connection, job: Job) -> Result<()> {
    let (data, end) = (Bytes::from(vec![7; CHUNK]), Instant::now() + job.time + MARGIN);
    let mut stream = connection.open_send_stream().await?;
    while let Ok(sent) = timeout_at(end, stream.send(data.clone())).await {
        sent?;
    }
    Ok(())
}

async fn flood(connection: &mut Connection, job: Job) -> Result<()> {
    let end = Instant::now() + job.time + MARGIN;
    while Instant::now() < end {
        let mut stream = connection.open_send_stream().await?;
        stream.send(Bytes::from_static(&[7; SMALL])).await?;
        stream.finish()?;
    }
    Ok(())
}

/// Round trips in microseconds.
async fn requests(connection: &mut Connection, job: Job) -> Result<Vec<f64>> {
    let mut stream = connection.open_bidirectional_stream().await?;
    let (mut message, mut samples) = ([7; SMALL], Vec::new());
    let end = Instant::now() + job.time;
    while Instant::now() < end {
        let start = clock::now();
        stream.send(Bytes::copy_from_slice(&message)).await?;
        stream.read_exact(&mut message).await?;
        samples.push((clock::now() - start) as f64 / 1e3);
    }
    Ok(samples)
}

/// Connections a second.
async fn handshakes(client: &Client, to: SocketAddr, job: Job) -> Result<f64> {
    let end = Instant::now() + job.time;
    let mut tasks = JoinSet::new();
    for _ in 0..job.work.at_once() {
        let client = client.clone();
        tasks.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                let mut connection = connect(&client, to).await?;
                let mut stream = connection.accept_receive_stream().await?.context("closed")?;
                stream.receive().await?;
                connection.close(0u32.into());
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
