//! The workloads over any byte stream: TCP, TLS, KCP. Messages are framed with a length and packed into one stream, as
//! every program over TCP does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::clock;
use crate::meter::{Meter, due};
use crate::work::{CROWD, Figures, Job, PACE, SMALL, Work};

/// Bytes handed over in one call of a bulk transfer; KCP takes no more than 127 packets at once.
pub(crate) const CHUNK: usize = 128 << 10;
/// How long the driving end goes on after the job's time, so that the serving end's window is full to its end.
pub(crate) const MARGIN: Duration = Duration::from_millis(300);
/// How long paced messages still under way are waited for.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1_500);

/// Any stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The serving end of one connection, until it is closed.
pub(crate) async fn serve(mut stream: impl Stream, meter: Arc<Meter>) -> Result<()> {
    // An idle connection is weighed without a buffer of ours.
    let carries = matches!(meter.job().work, Work::Bulk | Work::Request | Work::Paced | Work::Flood);
    let mut buffer = vec![0; if carries { CHUNK } else { 1 }];
    match meter.job().work {
        Work::Bulk => loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                bytes => meter.take(bytes, 0),
            }
        },
        Work::Request => loop {
            let message = &mut buffer[..SMALL];
            stream.read_exact(message).await?;
            stream.write_all(message).await?;
            stream.flush().await?;
        },
        Work::Paced | Work::Flood => framed(stream, &meter, buffer).await,
        Work::Handshake | Work::Handshakes | Work::Idle => {
            stream.write_all(&[1]).await?;
            stream.flush().await?;
            while stream.read(&mut buffer[..1]).await? > 0 {}
            Ok(())
        }
    }
}

async fn framed(mut stream: impl Stream, meter: &Meter, mut buffer: Vec<u8>) -> Result<()> {
    let mut filled = 0;
    loop {
        let bytes = stream.read(&mut buffer[filled..]).await?;
        if bytes == 0 {
            return Ok(());
        }
        filled += bytes;
        let (mut at, mut messages, mut payload) = (0, 0, 0);
        while let Some(head) = buffer[at..filled].first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*head));
            let Some(message) = buffer[at..filled].get(2..2 + length) else { break };
            if meter.job().work == Work::Paced {
                meter.paced(message);
            }
            (messages, payload) = (messages + 1, payload + length);
            at += 2 + length;
        }
        meter.take(payload, messages);
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

/// The driving end; `connect` makes one connection, secured.
pub(crate) async fn drive<S, F, C>(connect: C, job: Job) -> Result<(Figures, Vec<S>)>
where
    S: Stream,
    F: Future<Output = Result<S>> + Send + 'static,
    C: Fn() -> F + Clone + Send + 'static,
{
    let mut figures = Figures::default();
    let mut held = Vec::new();
    match job.work {
        Work::Handshake | Work::Handshakes => figures.set("rate", handshakes(connect, job).await?),
        Work::Idle => {
            let before = clock::resident();
            for _ in 0..CROWD {
                held.push(greeted(connect()).await?);
            }
            figures.set("near-resident", clock::resident() - before);
        }
        work => {
            let mut stream = connect().await?;
            let before = clock::processor();
            match work {
                Work::Bulk => bulk(&mut stream, job).await?,
                Work::Paced => paced(&mut stream, job).await?,
                Work::Flood => flood(&mut stream, job).await?,
                _ => figures.spread(requests(&mut stream, job).await?),
            }
            figures.set("near-processor", clock::processor() - before);
            held.push(stream);
        }
    }
    Ok((figures, held))
}

async fn bulk(stream: &mut impl Stream, job: Job) -> Result<()> {
    let (data, end) = (vec![7; CHUNK], Instant::now() + job.time + MARGIN);
    // A stream that stands still is no reason to stay for ever.
    let send = async {
        while Instant::now() < end {
            stream.write_all(&data).await?;
        }
        stream.flush().await
    };
    Ok(tokio::time::timeout_at(end + MARGIN, send).await.unwrap_or(Ok(()))?)
}

async fn flood(stream: &mut impl Stream, job: Job) -> Result<()> {
    let (message, end) = ([7; SMALL], Instant::now() + job.time + MARGIN);
    let mut data = Vec::with_capacity(CHUNK);
    while Instant::now() < end {
        data.clear();
        while data.len() + SMALL + 2 <= CHUNK / 2 {
            data.extend_from_slice(&(SMALL as u16).to_be_bytes());
            data.extend_from_slice(&message);
        }
        stream.write_all(&data).await?;
    }
    Ok(stream.flush().await?)
}

async fn paced(stream: &mut impl Stream, job: Job) -> Result<()> {
    let mut messages = ticking(job);
    let end = Instant::now() + job.time + PATIENCE;
    let send = async {
        while let Some(message) = messages.recv().await {
            stream.write_all(&(message.len() as u16).to_be_bytes()).await?;
            stream.write_all(&message).await?;
            stream.flush().await?;
        }
        anyhow::Ok(())
    };
    let _ = tokio::time::timeout_at(end, send).await;
    tokio::time::sleep_until(end).await;
    Ok(())
}

/// Paced messages as they come due, however slowly they are taken: a transport that blocks is not spared its queue.
pub(crate) fn ticking(job: Job) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut tick = interval(Duration::from_nanos(1_000_000_000 / PACE));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..job.time.as_millis() as u64 * PACE / 1_000 {
            tick.tick().await;
            let mut message = Vec::new();
            due(&mut message);
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Round trips in microseconds.
async fn requests(stream: &mut impl Stream, job: Job) -> Result<Vec<f64>> {
    let (mut message, mut samples) = ([7; SMALL], Vec::new());
    let end = Instant::now() + job.time;
    while Instant::now() < end {
        let start = clock::now();
        stream.write_all(&message).await?;
        stream.flush().await?;
        stream.read_exact(&mut message).await?;
        samples.push((clock::now() - start) as f64 / 1e3);
    }
    Ok(samples)
}

/// Connections a second.
async fn handshakes<S, F, C>(connect: C, job: Job) -> Result<f64>
where
    S: Stream,
    F: Future<Output = Result<S>> + Send + 'static,
    C: Fn() -> F + Clone + Send + 'static,
{
    let end = Instant::now() + job.time;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..job.work.at_once() {
        let connect = connect.clone();
        tasks.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                drop(greeted(connect()).await?);
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
async fn greeted<S: Stream>(connecting: impl Future<Output = Result<S>>) -> Result<S> {
    let mut stream = connecting.await?;
    if stream.read_u8().await? != 1 {
        bail!("the server greets wrongly");
    }
    Ok(stream)
}
