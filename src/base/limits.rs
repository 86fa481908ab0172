//! Every bound in one place, each with its reason. A queue that is not bounded here is a bug.

/// Longest id (key role) of an estate, bytes: a host name label and then some.
pub const ID_MAX: usize = 64;
/// Longest name, bytes: an id and the `_minion` or `_master` behind it that RAET estates carry.
pub const NAME_MAX: usize = ID_MAX + 8;
/// Largest body of one message, bytes: what fits 65,535 classic segments whatever numbers stand in their heads (wire v0 §2).
pub const MESSAGE_MAX: usize = 52_000_000;
/// Largest coat we put together, bytes: what a peer with the shortest usual heads can send (wire v0 §2: 862 bytes a segment).
pub const COAT_MAX: usize = 65_535 * 862;
/// Largest classic datagram we take, bytes: a raet 0.6.8 peer reads 2048 and sends 1024 (wire v0 §1).
pub const DATAGRAM_MAX: usize = 2048;
/// Most bytes one UDP datagram carries over IPv4, and a train that the kernel cuts up: 65,535 less the IP head (20) and the UDP
/// head (8; RFC 768).
pub const UDP_MAX: usize = 65_507;
/// Messages waiting or in flight towards one estate; the next one goes back to the caller.
pub const OUTBOX_MESSAGES: usize = 1024;
/// Bytes waiting or in flight towards one estate; one message of any legal size always fits an empty outbox.
pub const OUTBOX_BYTES: usize = 128 << 20;
/// Messages of one estate that may be under reassembly at once; further ones wait for their sender's resend.
pub const INBOX_MESSAGES: usize = 256;
/// Bytes of one estate's messages under reassembly.
pub const INBOX_BYTES: usize = 128 << 20;
/// Bytes of messages a road holds for all its estates, each way: a file for a thousand minions goes out a hundred at a time.
pub const ROAD_BYTES: usize = 512 << 20;
/// Estates a road keeps: ten thousand minions, and as many again that come and go.
pub const ESTATES: usize = 20_000;
/// Keys that may wait for a decision (handshake v1 "pending for days"); the next stranger gets silence.
pub const PENDING_KEYS: usize = 10_000;
/// Enrolment tokens a master keeps.
pub const TOKENS: usize = 10_000;
/// Troubles a daemon remembers for its operator: as many as somebody reads.
pub const TROUBLES: usize = 64;
/// Events and outputs an engine holds for its shell before it takes no more input.
pub const OUTPUTS: usize = 65_536;
/// Largest lane page, bytes (wire v0 §5).
pub const PAGE_MAX: usize = 65_535;
/// Books (messages) of one yard under reassembly at once.
pub const BOOKS: usize = 64;
/// Bytes a lane holds for all yards together, unfinished books one way and waiting pages the other: two of the largest
/// messages each, and the small ones beside them.
pub const LANE_BYTES: usize = 128 << 20;
/// Messages waiting for one yard: an answer each from six times the minions of the largest fleet.
pub const LANE_MESSAGES: usize = 65_536;
/// Yards a lane remembers.
pub const YARDS: usize = 1024;
/// Nesting of a body a peer may send: deeper than any job, shallow enough for any stack.
pub const BODY_DEPTH: usize = 64;
/// Works a minion keeps waiting for a worker; the next one is refused at once.
pub const WORKS_WAITING: usize = 1024;
/// Jobs of a master whose minions are still awaited; the next publish is refused.
pub const JOBS: usize = 1024;
/// Jobs a master remembers after they ended, oldest forgotten first.
pub const LEDGER_JOBS: usize = 1000;
/// Bytes of results a master remembers, oldest job forgotten first.
pub const LEDGER_BYTES: usize = 128 << 20;
/// Requests of minions that the host works on at once: they wait for disks more than they compute.
pub const SERVED_AT_ONCE: usize = 16;
/// Of them, those of one minion: its jobs ask one after the other each, and leave room for other minions.
pub const SERVED_OF_ONE: usize = 4;
/// Requests of one minion that wait for their turn: one from each of the functions it runs at once.
pub const ASKED_OF_ONE: usize = 256;
/// Bytes of them; one of any legal size always fits. A request with all settings of a Salt minion has 12 kB.
pub const ASKED_OF_ONE_BYTES: usize = 4 << 20;
/// Requests of all minions that wait for their turn: six each from the largest fleet.
pub const ASKED: usize = 65_536;
/// Bytes of them.
pub const ASKED_BYTES: usize = 128 << 20;
/// Bytes of answers on their way to one minion; its next request waits. One more of any size may be added.
pub const ANSWERS_OF_ONE_BYTES: usize = 8 << 20;
/// Bytes of answers on their way to all minions; all further requests wait.
pub const ANSWERS_BYTES: usize = 256 << 20;
/// Files, directories and links of one environment that are listed: twenty megabytes of names.
pub const FILES_LISTED: usize = 200_000;
/// Directories inside each other that are listed.
pub const DIRECTORIES_DEEP: usize = 64;
/// What one minion may leave in its master's mine, bytes: some hundred addresses of each of a hundred functions.
pub const MINE_BYTES: usize = 1 << 20;
/// Notices a minion may send at once.
pub const NOTICES_AT_ONCE: usize = 256;
/// Yards that may listen to a master's notices.
pub const SUBSCRIBERS: usize = 64;
/// Functions a minion runs at once; a further job is answered with a refusal.
pub const RUNNING: usize = 256;
/// Job ids a minion remembers, so that a job that arrives again is not run again.
pub const SEEN_JOBS: usize = 10_000;
/// Returns a minion holds until its master has them.
pub const HELD_RETURNS: usize = 1024;
/// Bytes of returns a minion holds; one of any legal size always fits.
pub const HELD_BYTES: usize = 128 << 20;
/// Largest message the fast road carries as one value, bytes; what is larger is a stream.
pub const FAST_MESSAGE_MAX: usize = 64 << 20;
/// Messages waiting or unacknowledged towards one estate of the fast road: those of 64 bytes that fill 1 Gb/s for 40 ms.
pub const FAST_OUTBOX_MESSAGES: usize = 65_536;
/// Bytes of them, streams' buffers included; one message of any legal size always fits an empty outbox.
pub const FAST_OUTBOX_BYTES: usize = 128 << 20;
/// Bytes of one stream that were written and not acknowledged: 1 Gb/s over 64 ms.
pub const FAST_STREAM_BYTES: usize = 8 << 20;
/// Bytes of messages begun and not sent to their end: one of any legal size, and urgent ones beside it.
pub const FAST_BEGUN_BYTES: usize = 96 << 20;
/// Bytes of one estate's fast messages under reassembly: all that a sender begins at once, and the charge for each.
pub const FAST_INBOX_BYTES: usize = 97 << 20;
/// Bytes of buffers that one estate's large messages came in, kept for the next ones while more arrive: sixteen of a
/// megabyte, as many as take turns, so that a steady flow takes no fresh memory.
pub const FAST_SPARE_BYTES: usize = 16 << 20;
/// Fast messages one estate may have open at once: as many as an outbox holds.
pub const FAST_OPEN_MAX: u64 = 65_536;
/// Words of one target expression, operators included: a group of every host of a rack, ten times over.
pub const TARGET_WORDS: usize = 1024;
/// Parentheses and `not`s of a target expression inside each other.
pub const TARGET_DEPTH: usize = 32;
/// Levels of a fact's path in a target (`a:b:c` has three).
pub const TARGET_PATH: usize = 24;
/// Facts looked at for one path of a target: a pattern of many `*` on deep facts would else take its time to any power.
pub const TARGET_STEPS: u32 = 100_000;
/// Longest regular expression of a target, bytes.
pub const REGEX_MAX: usize = 4096;
/// Memory of one compiled regular expression, bytes: `\w{20}` fits, `\w{1000}` does not.
pub const REGEX_BYTES: usize = 1 << 20;
/// Regular expressions of one target.
pub const REGEXES: usize = 64;
/// Longest text a regular expression is tried on, bytes; a longer one does not match. Time is the product of both.
pub const REGEX_TEXT: usize = 4096;
/// Grains a master remembers of one minion, packed, bytes: a dozen times what a Salt minion tells. Of one that tells more
/// none are.
pub const GRAINS_BYTES: usize = 64 << 10;
/// Pillar a master remembers of one minion for its targets, packed, bytes; a larger one is given and not remembered.
pub const PILLAR_REMEMBERED: usize = 256 << 10;
/// Grains and pillars a master remembers of all minions, bytes: thirteen kilobytes each of twenty thousand.
pub const FACTS_BYTES: usize = 256 << 20;
/// Largest pillar file read, bytes.
pub const PILLAR_FILE: usize = 1 << 20;
/// Pillar files rendered for one minion.
pub const PILLAR_FILES: usize = 1000;
/// Entries of a root looked at where a top file names pillar files by pattern.
pub const PILLAR_FILES_LISTED: usize = 10_000;
/// Pillar files that include each other in a row, and directories inside each other.
pub const PILLAR_DEPTH: usize = 32;
/// Text that one minion's pillar files give, bytes.
pub const PILLAR_TEXT: usize = 16 << 20;
/// Steps of one template: a loop over a hundred thousand things, forty times over.
pub const PILLAR_FUEL: u64 = 4_000_000;
/// Largest pillar of a minion, packed, bytes.
pub const PILLAR_BYTES: usize = 8 << 20;
