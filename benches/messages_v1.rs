//! What one message costs between the application and the packet, both ways: `cargo bench --bench messages_v1`.
//! No socket, no cipher: outbox, frames, inbox, acknowledgements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roadstead::base::Time;
use roadstead::road::v1::message::{Body, Heading, Incoming, Kind, Outgoing};
use roadstead::road::v1::{Carried, Inbox, Outbox};
use roadstead::transport::Ticket;
use roadstead::wire::v1::{Frame, Frames, Writer};

/// Time spent in each step.
#[derive(Default)]
struct Spent {
    push: Duration,
    fill: Duration,
    read: Duration,
    acked: Duration,
}

fn main() {
    small(1000, 1452);
    small(1000, 1452);
    for size in [1200, 1452, 8900, 65_000] {
        bulk(64 << 20, size);
    }
}

fn outgoing(ticket: u64, heading: &Arc<Heading>, body: &Bytes) -> Outgoing {
    Outgoing { ticket: Ticket(ticket), heading: Arc::clone(heading), body: Body::Whole(body.clone()) }
}

/// Messages of 64 bytes, `flight` of them pushed, packed, unpacked and acknowledged at a time.
fn small(flight: u64, size: usize) {
    const ROUNDS: u64 = 2000;
    let body = Bytes::from_static(&[7; 64]);
    let spent = run(ROUNDS, flight, size, 1, &body);
    let each = |spent: Duration| spent.as_nanos() as f64 / (ROUNDS * flight) as f64;
    println!(
        "64 B messages: push {:.1} ns, fill {:.1}, read and on_chunk {:.1}, on_acked {:.1}",
        each(spent.push),
        each(spent.fill),
        each(spent.read),
        each(spent.acked)
    );
}

/// One large message after the other.
fn bulk(bytes: usize, size: usize) {
    const ROUNDS: u64 = 10;
    let body = Bytes::from(vec![7; bytes]);
    let spent = run(ROUNDS, 1, size, 2, &body);
    let rate = |spent: Duration| (bytes as u64 * ROUNDS) as f64 / spent.as_secs_f64() / 1e9;
    println!(
        "64 MiB messages, packets of {size}: fill {:.2} GB/s, read and on_chunk {:.2} GB/s, on_acked {:.0} GB/s",
        rate(spent.fill),
        rate(spent.read),
        rate(spent.acked)
    );
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn run(rounds: u64, flight: u64, size: usize, priority: u8, body: &Bytes) -> Spent {
    let (credit, rtt) = (1 << 24, Duration::from_secs(1));
    let (mut outbox, mut inbox) = (Outbox::new(credit, 1 << 14), Inbox::new(Time::ZERO, credit, 1 << 14));
    let (mut spent, mut done, mut come) = (Spent::default(), 0, 0);
    let heading = Arc::new(Heading { kind: Kind::new("load").unwrap_or_default(), route: Bytes::new(), priority });
    let (mut packets, mut carried) = (vec![vec![0u8; size]; 64], Vec::<Carried>::new());
    for _ in 0..rounds {
        let start = Instant::now();
        (0..flight).map(|ticket| outgoing(ticket, &heading, body)).for_each(|out| drop(outbox.push(out)));
        spent.push += start.elapsed();
        while outbox.has_work() {
            let start = Instant::now();
            let mut sizes = Vec::with_capacity(packets.len());
            for packet in &mut packets {
                let mut out = Writer::new(packet);
                if !outbox.fill(&mut out, &mut |c| carried.push(c)) {
                    break;
                }
                sizes.push(out.at());
            }
            let filled = start.elapsed();
            for (packet, size) in packets.iter().zip(sizes) {
                for frame in Frames::new(packet.get(..size).unwrap_or_default()) {
                    let mut deliver = |incoming| match incoming {
                        Incoming::Run { bodies, .. } => come += bodies.map(drop).count() as u64,
                        incoming => {
                            come += 1;
                            drop(incoming);
                        }
                    };
                    let _ = match frame {
                        Ok(Frame::Chunk(chunk)) => inbox.on_chunk(&chunk, &mut deliver),
                        Ok(Frame::Messages(messages)) => inbox.on_messages(&messages, &mut deliver),
                        _ => Ok(()),
                    };
                }
            }
            let read = start.elapsed();
            carried.drain(..).for_each(|carried| outbox.on_acked(&carried, &mut |_| done += 1));
            spent.fill += filled;
            spent.read += read - filled;
            spent.acked += start.elapsed() - read;
            inbox.poll_credit(Time::ZERO, rtt).into_iter().for_each(|total| outbox.on_credit(total));
            inbox.poll_open(Time::ZERO, rtt).into_iter().for_each(|below| outbox.on_open(below));
        }
    }
    assert_eq!((done, come), (rounds * flight, rounds * flight), "all of them arrived");
    spent
}
