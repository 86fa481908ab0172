//! Message packets lost where it hurts: a whole burst, an answer, the last confirmation.

use roadstead::wire::v0::{PacketKind, TransactKind};

use crate::common::{MASTER, MILLI, SECOND, WEB1, answers, pair, send, text, texts};
use crate::thief::{left, steal};

#[test]
fn the_first_burst_is_lost() {
    for size in [10, 3000, 50_000, 200_000] {
        let mut world = pair(1);
        steal(&mut world, TransactKind::Message, PacketKind::Message, 60);
        let long = text(size, 1);
        send(&mut world, MASTER, 1, "web1", &long);
        world.run(SECOND * 60);
        assert_eq!(answers(&mut world, MASTER)[&1], Ok(()), "{size}");
        assert!(texts(&mut world, WEB1) == [long], "{size}");
    }
}

#[test]
fn answers_are_lost() {
    for (packet, count) in [
        (PacketKind::Done, 1),
        (PacketKind::Done, 5),
        (PacketKind::Ack, 1),
        (PacketKind::Ack, 10),
        (PacketKind::Resend, 3),
    ] {
        for size in [10, 100_000] {
            let mut world = pair(2);
            world.link.loss = if packet == PacketKind::Resend { 100 } else { 0 };
            steal(&mut world, TransactKind::Message, packet, count);
            let long = text(size, 2);
            send(&mut world, WEB1, 1, "master", &long);
            world.run(SECOND * 60);
            world.link.loss = 0;
            assert_eq!(answers(&mut world, WEB1)[&1], Ok(()), "{packet:?} {count} {size}");
            assert!(texts(&mut world, MASTER) == [long], "{packet:?} {count} {size}: delivered once");
            let is_asked = packet == PacketKind::Done || (packet == PacketKind::Ack && size > 10);
            assert!(!is_asked || left() < count, "{packet:?} {count} {size}: one was lost");
        }
    }
}

#[test]
fn a_duplicate_after_the_end_is_delivered_no_more() {
    for size in [10, 5000] {
        let mut world = pair(3);
        world.is_recording = true;
        send(&mut world, WEB1, 1, "master", &text(size, 3));
        world.run(SECOND);
        let record = world.record.clone();
        for _ in 0..3 {
            for (_, from, to, datagram) in &record {
                world.inject(*from, *to, datagram.clone());
            }
            world.run(MILLI * 700);
        }
        assert_eq!(texts(&mut world, MASTER).len(), 1, "{size}");
        assert_eq!(answers(&mut world, WEB1)[&1], Ok(()), "{size}");
    }
}

#[test]
fn a_small_receive_buffer_is_got_through() {
    // A queue that holds so many packets and no more drops the rest of every burst.
    for queue in [4, 20] {
        let mut world = pair(4);
        world.link.rate = 2_000_000;
        world.link.queue = queue * 1024;
        let long = text(300_000, 4);
        send(&mut world, MASTER, 1, "web1", &long);
        world.run(SECOND * 120);
        assert_eq!(answers(&mut world, MASTER)[&1], Ok(()), "{queue}");
        assert!(texts(&mut world, WEB1) == [long]);
    }
}
