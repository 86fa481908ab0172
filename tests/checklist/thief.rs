//! Somebody on the path who takes away packets of one kind: the first so many of them, or all.

use std::cell::Cell;

use roadstead::sim::World;
use roadstead::wire::v0::{PacketKind, TransactKind, read};

thread_local! {
    static WANTED: Cell<Option<(TransactKind, PacketKind)>> = const { Cell::new(None) };
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Takes the first `count` packets of this kind from now on.
pub(crate) fn steal(world: &mut World, transact: TransactKind, packet: PacketKind, count: u32) {
    WANTED.set(Some((transact, packet)));
    LEFT.set(count);
    world.thief = Some(|datagram| {
        let is_it = read(datagram).is_ok_and(|p| WANTED.get() == Some((p.head.transact, p.head.packet)));
        let takes = is_it && LEFT.get() > 0;
        if takes {
            LEFT.set(LEFT.get() - 1);
        }
        takes
    });
}

/// How many it has not come by.
pub(crate) fn left() -> u32 {
    LEFT.get()
}

/// Lets everything pass.
pub(crate) fn stop(world: &mut World) {
    world.thief = None;
}
