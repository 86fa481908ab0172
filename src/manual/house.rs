//! # The house
//!
//! One crate in floors: a room may use the rooms below it and none beside or above, and `tests/tidy.rs` fails when one does.
//!
//! | floor | room | owns |
//! |---|---|---|
//! | 0 | [`base`](crate::base) | names, times, trust, randomness, ranges, and every bound |
//! | 0 | [`nacl`](crate::nacl) | keys, signatures, boxes |
//! | 1 | [`message`](crate::message) | the routed envelope |
//! | 1 | [`transport`](crate::transport) | the treaty between duties and transports: two commands, a handful of events |
//! | 1 | [`duty`](crate::duty) | what a master or a minion looks like from outside |
//! | 1 | [`wire`](crate::wire) | bytes to meaning and back; no state |
//! | 2 | [`keep`](crate::keep) | keys and their standing; `keep::store` alone touches the disk |
//! | 3 | [`road`](crate::road) | the UDP side without UDP |
//! | 3 | [`lane`](crate::lane) | the local side without sockets |
//! | 3 | [`bus`](crate::bus), [`master`](crate::master), [`minion`](crate::minion) | the duties and their notices |
//! | 4 | `clock`, `drive` | the one clock; sockets and the pumps that serve engines |
//! | 5 | `drivers`, `functions` | one transport each; what a minion can execute |
//! | 5 | `sim` | simulated hosts and links, one seed, no sockets |
//! | 6 | [`host`](crate::host) | settings, daemons, the command line |
//!
//! Three sentences to remember: nobody imports upward, or sideways between versions of the wire. Master and minion never name
//! the road. Only the clock, `drive`, `drivers`, `functions`, `host` and `keep::store` touch the world.
//!
//! Why one crate: moving a seam costs a commit, not a release. The compiler does not stop an upward import here, so a test does.
//!
//! # Engines
//!
//! Road, lane, master and minion have one shape, three ways in and three ways out: `handle_…` takes datagrams, an event or a
//! command; `handle_timeout` tells that time has passed; `poll_transmit`, `poll_output` and `poll_timeout` give back what to send,
//! what to do, and when to come again.
//!
//! 1. Time is an argument. An earlier `now` counts as the latest one seen. The wall clock is for records and job ids only.
//! 2. After any `handle_…` the shell drains what there is to send and to do until `None`, then reads the timeout.
//! 3. While anything is queued, the timeout is not later than the last `now`.
//! 4. The shell passes the present to `handle_timeout`, never the deadline.
//! 5. Every queue is bounded by [`base::limits`](crate::base::limits). What does not fit goes back to the caller, and
//!    [`Event::Room`](crate::transport::Event::Room) follows.
//! 6. Randomness comes from a seed, and nothing depends on the order of a hash map: a run can be repeated from one number.
//! 7. Nothing a peer sends makes an engine panic.
//! 8. The disk is an output: a [`Change`](crate::keep::Change) is written by the shell, like a packet.
//!
//! # Two wires
//!
//! The fast wire (v1) is what estates speak unless told otherwise, the classic one (v0) what Python `raet` and Salt know. Both
//! are behind one [`Road`](crate::road::Road) and one socket, in rooms that never name each other; see [`road_v1`](super::road_v1)
//! and [`road_v0`](super::road_v0). Where both are allowed, the fast one is tried first, and an estate that was seen on it is
//! not spoken to on the other until its key is deleted.
//!
//! # Transports
//!
//! A duty knows [`Transport`](crate::transport::Transport) and nothing else of the network: two methods, `submit` and `next`.
//! Key admission looks the same over every transport, because `Knock`, `Standing` and `Admit` are part of the treaty: "this
//! fingerprint wants in", "it is in", "let it in". The road is one driver, memory (for tests and programs that hold both
//! sides) another.
//!
//! # One job, end to end
//!
//! `roadstead run 'web*' test.ping` writes a request into a page on the master's lane. The master picks the targets from
//! the roll of accepted keys, makes a job, and submits one `Send` per minion. The raet driver hands them to the road, which cuts
//! them into packets, seals and paces those; the socket pump sends. On the minion the way goes up again: packet,
//! session, reassembly, event, work for a bounded pool of workers. The outcome is held until the master has confirmed it. The
//! master tells the command line over the lane, answer by answer.
//!
//! # Tests
//!
//! Unit tests beside the code, property tests for codecs and everything with state, golden vectors and captured sessions of the
//! Python package, behaviours on simulated hosts with loss, reordering and partitions, and real Python peers on loopback
//! (`tests/interop_raet.rs`). A failing simulation prints its seed.
