//! # The fast road
//!
//! What estates speak with each other unless told otherwise: whole messages over encrypted UDP, acknowledged, paced, and sent
//! again where lost. One socket carries it beside the classic road; the first byte tells which it is.
//!
//! # Packets and frames
//!
//! Layouts of packets and the table of frames are in [`wire::v1`](crate::wire::v1); `tests/vectors/v1` has examples of each with
//! the keys to open them. Head and tag of a data packet are 27 to 30 bytes. All frames are sealed; the head is clear
//! and bound: with AES-256-GCM as associated data, with NaCl's secretbox by a nonce made of the direction and every field of it.
//! The packet number on the wire is cut (RFC 9000 appendix A), the whole number is in the nonce. Nothing hides numbers and key epochs.
//!
//! A message that fits whole into what is left of a packet goes in MESSAGES, with those that follow it and have the same kind,
//! route and priority: its own length is all it adds to its bytes. What is larger, or cut at a packet's end, goes in CHUNKs.
//!
//! A frame of a type we do not know, or one that breaks its own rules, ends the session with code 1. PAD, PING and WELCOME said again
//! are read and nothing comes of them.
//!
//! # Handshake
//!
//! CurveCP's three packets around the key schedule of Noise `XK_25519_ChaChaPoly_BLAKE2s`, in
//! [`road::v1::handshake`](crate::road::v1::handshake). Two round trips, and no command rides in them: what can be
//! replayed is not worth a round trip.
//!
//! | packet | what it does |
//! |---|---|
//! | HELLO | carries a proof that the sender knows the responder's public key; without one there is no answer at all |
//! | COOKIE | gives back the responder's whole state, sealed: it keeps nothing about anybody until an INITIATE is good |
//! | INITIATE | the initiator's key, sealed; its role, suites and limits; a signature that ties role and both keys |
//! | WELCOME | a frame in the first data packet back: accepted and the session's id, or pending, rejected, denied, busy, and when to ask again |
//!
//! Under load, from a thousand hellos a second of which nothing came, a RETRY comes first: it proves the address. A fleet that comes
//! back is no such load, for its hellos end in sessions. The signature is verified once: not again where the roll has accepted the
//! same role and keys, nor by an initiator that was told all three. No answer is more than three times what
//! provoked it. WELCOME repeats what the responder offers, so that whoever removed the better suite on the way is found out. A cookie
//! makes one session; an INITIATE that comes again is answered with the same WELCOME.
//!
//! *First contact.* Who does not know the key at an address asks with INTRO, and gets INTRO-RPY: keys, role and a signature, in the
//! clear. It proves nothing but that whoever answers holds the key. The key then goes to the roll as any stranger's does: an
//! [`Event::Knock`](crate::transport::Event::Knock), and an operator, a pin (`master_finger`) or `auto_accept` decides.
//! [`Fast::introduces`](crate::road::Fast) says whether we answer. Introductions and keys that are not accepted have a rate of their own, of
//! each network and of all together, and leave half of a network's to those who are known. An initiator with one accepted key
//! on its roll does not ask and tries that key.
//!
//! *Pending.* Who waits for our operator is told so, and asks again after the time it was told. Its address and its attempt's id
//! are kept, ten thousand of them at most: when the key is accepted it is called with a RESET under that id, whose token it got
//! in its WELCOME, and comes at once. Should the call be lost, it comes when its time is over.
//!
//! # Sessions
//!
//! * The responder has a session as soon as an INITIATE is good, and repeats WELCOME until a packet of the initiator opens. Only
//!   then do we say [`Joined`](crate::transport::Event::Joined). One that was never used is forgotten after 20 s.
//! * An estate has one session. A new one replaces the old at once: `Left`, failed tickets, then `Joined`.
//! * The initiator keeps a silent session alive, every 25 s or as often as either side asks (1 to 30 s; our
//!   daemons 10 s), up to a quarter earlier so that sessions that began together do not march in step. Both sides end it
//!   after 90 s without a packet.
//! * An estate that others dial answers a packet of a session it does not know with a RESET, shorter than the packet; who began the
//!   session knows the token, and begins a new one within half a second. Nothing else that is not sealed ends a session.
//! * Keys move on by themselves after 2^24 packets, 16 GiB or 10 minutes a direction; packets of the epoch before are taken for
//!   three probe timeouts.
//! * Every address given to [`Config::dial`](crate::road::Config) is dialled for ever.
//!
//! | CLOSE code | why | what the other side's application hears |
//! |---|---|---|
//! | 0 | the process ends, or wants no more | `Left`, `Renewed` |
//! | 1 | a rule of the wire was broken | the same |
//! | 2 | the key was rejected or deleted | `Left`, `Rejected` |
//! | 3 | the estate has a newer session | `Left`, `Renewed` |
//! | 4 | packet numbers or keys are used up | the same |
//!
//! CLOSE is sent once. If it is lost, a RESET or the 90 s do its work.
//!
//! # Messages
//!
//! A message is a kind, a route and a body of any bytes, at most 64 MiB
//! ([`FAST_MESSAGE_MAX`](crate::base::limits::FAST_MESSAGE_MAX)). Ids count from 0 in each direction, given when the first piece is
//! written. Small messages share packets; large ones are cut. None waits for another's lost packet, and so they arrive in any order.
//!
//! *Delivered* means that the far road has all of it and has put it before its application, not that the application has acted. A
//! ticket is answered exactly once, with `Delivered` or `Failed`.
//!
//! *Credit.* CREDIT is a total of bytes since the session began. A message costs its highest offset sent and 64 bytes
//! ([`CHARGE`](crate::road::v1::message::CHARGE)) more, so that empty ones are not free; the 64 are due with its first piece. OPEN is a
//! total of messages. We begin with 1 MiB and 256, and double either when half of it was used within two round trips, to 97 MiB and 65,536.
//! Where the application does not read (65,536 events wait, or what waits and what is coming is 512 MiB), nothing more is granted
//! until half of that is read. More than was granted ends the session with code 1.
//!
//! *A rule for every sender:* of messages begun and not yet sent to their end, hold the sum of full sizes within 96 MiB, or have one
//! alone. The receiver holds 97 MiB of unfinished messages, and grants no more before one is whole: who begins more than that can
//! end none of them. Our own bulk class stops at 64 MiB, so that urgent messages always have room. Pieces should not be
//! crumbs: more than 4,096 separate runs, and one more for each 64 bytes held, ends the session.
//!
//! *Priorities.* 0: jobs and requests (`pub`, `load`) below 16 KiB; 1: others below 256 KiB; 2: bulk. A higher class goes first, but
//! for one byte in sixteen that a waiting lower class is owed. Within a class lost pieces go first, then short and long messages
//! by turns of 8,000 bytes, with at most 16 long ones in turn.
//!
//! *Refused* by the receiver: an announced size above 64 MiB (reason 1), or unwanted (2); the ticket fails with `Refused`.
//! *Handed back* by our own road when 65,536 messages or 128 MiB wait for one estate, or 512 MiB for all:
//! [`Event::Room`](crate::transport::Event::Room) follows.
//!
//! # Streams
//!
//! What is larger than 64 MiB, or of unknown length, is a stream: [`Command::Open`](crate::transport::Command::Open), then
//! [`Write`](crate::transport::Command::Write) until `fin`; what does not fit comes back. At the other end
//! [`Event::Opened`](crate::transport::Event::Opened) tells of it, and its bytes come to who asks: one
//! [`Chunk`](crate::transport::Event::Chunk) for each [`Take`](crate::transport::Command::Take), in order, each byte once.
//!
//! On the wire a stream is a message without an announced length, of class 2. Its sender may send 256 KiB
//! ([`STREAM_CREDIT`](crate::road::v1::message::STREAM_CREDIT)) and then what MORE says: a total for this stream, ahead of what the
//! application has taken by a window that doubles as CREDIT's does, up to 8 MiB
//! ([`FAST_STREAM_BYTES`](crate::base::limits::FAST_STREAM_BYTES)). What waits for a slow reader is bounded by that alone and
//! not counted against the 97 MiB of messages, so it holds up neither messages nor other streams. Our sender holds 8 MiB of a stream
//! that are written and not acknowledged, and leaves half of an estate's 128 MiB, and of the road's, to messages.
//!
//! *Ends.* Each ticket has one answer. `Delivered`: the far road has all of it; the application may not have taken the rest, and gets
//! it even if the session ends first. [`Cancel`](crate::transport::Command::Cancel): the sender gives up (DROP), its ticket fails with
//! `Cancelled`, the other side hears [`Cut`](crate::transport::Event::Cut). [`Refuse`](crate::transport::Command::Refuse): the receiver
//! wants no more (REFUSE, reason 2), the ticket fails with `Refused`. A session that ends: `Lost` and `Cut`. An estate takes as many
//! streams at once as [`Fast::streams`](crate::road::Fast) says, and refuses all by default: what nobody reads must not lie about.
//!
//! `Cancel` works for messages too. One that was sent and not acknowledged may have arrived all the same; on the classic wire only
//! what has not begun is taken back. Masters and minions use no streams yet.
//!
//! # Casts
//!
//! [`Command::Cast`](crate::transport::Command::Cast) is for presence and metrics: bytes in one packet (DATAGRAM), never sent again, without
//! a ticket. 1,164 bytes fit on every path; more than the present packet holds is said with its limit
//! ([`Event::Uncast`](crate::transport::Event::Uncast)). 64 of them, or 64 KiB, wait for the window, and the oldest goes when one more comes.
//! They go before messages, but fill at most every other packet while messages wait. At the receiver they are the first to give way:
//! from 8,192 unread events on, or an eighth of the road's bytes. [`Tally`](crate::road::v1::tally::Tally) counts what came, went and
//! gave way.
//!
//! # Recovery
//!
//! RFC 9002, with these decisions. Three packets or 9/8 of a round trip prove a loss until a packet is seen to come late; from then
//! on time alone does, within a window that grows while losses turn out to be none (after RFC 8985) and shrinks after sixteen clean
//! rounds. What a wrong loss took from the window is given back. A probe timeout sends two packets, the oldest unsettled bytes
//! first, with a PING, which is answered at once; then one goes each round trip, sixteen in all, and only then the wait doubles with
//! every other probe, to 2 s and no further: a burst of losses ends with the packets that meet it, and a session is to be back soon
//! after a hole of a minute. Acknowledgements come at once for a gap, else eight a round trip, or thirty-two where a gap was seen
//! in the last 64 (every 2nd to every 64th packet), or after a quarter of the round trip, at most the 25 ms promised.
//! Where more than 1 % is lost, messages of classes 0 and 1 of at most 1,024 bytes that went out in one piece are said once more, a
//! quarter of a round trip later and within the window.
//!
//! # Congestion control
//!
//! BBR by default, CUBIC (RFC 9438, HyStart++ of RFC 9406) by `congestion: cubic`; both paced. Ours follows the third version of
//! BBR's draft but where a path loses packets whatever one sends:
//!
//! * The rate believed is that of packets settled, with those lost by chance among them. Chance is measured where a full queue is not to
//!   blame: at a low round trip, and on packets sent slower than the path drains. The lesser counts, never more than 40 %.
//! * Only loss beyond chance (by 2 %) means too much, and outside of a probe only beside a queue that stands (then 0.5 %).
//! * Beside such a queue a CUBIC window shares it, and yields to what a CUBIC yields to, until the queue empties when we send less:
//!   somebody else was there, and is gone. If he is back within 32 rounds he was never gone, and the next test comes later.
//! * A path without either is probed every 6 to 8 rounds, not every 2 to 3 s; where somebody shares it, as the draft says.
//! * A standing queue while less than three quarters of the believed rate comes through lowers the rate without any loss, once:
//!   when a deep one stands 12 rounds later all the same it is somebody's, and what was had before is the CUBIC window's beginning.
//! * While competing a longer empty round trip is believed when two probes, of which the second soon follows, find the same.
//! * The empty round trip is probed only when it was not seen by itself for 10 s, or 50 round trips where that is longer.
//!
//! ECN marks are used where the path proves that it carries them (RFC 9000 §13.4.2), and count as congestion.
//!
//! # Path and MTU
//!
//! An estate may move. The newest packet from a new address is followed at once, at most three times what came from there is sent
//! until it has answered a PROBE, and if it does not we go back. Another port alone keeps what was learnt; another host starts
//! window, round trip and MTU anew.
//!
//! *Ids.* So that nobody who watches two paths can tell that they are one session's, each side gives the other two fresh session
//! ids ([`Fast::ids`](crate::road::Fast), IDS), the one that began first, once a message has been exchanged and two seconds have
//! passed: sessions at rest stay small. Whoever sends to a new address does so under one of them. An estate that knows of its move says so
//! ([`Road::handle_move`](crate::road::Road::handle_move)) and shows nothing there that was seen before; one behind a NAT that forgot
//! cannot know, so its first packet shows the old id, and it changes when its path is probed. Ids only go up, what a peer has left is
//! forgotten after three probe timeouts, and used ones are replaced at once. Whoever runs out goes on under the present one, as RFC
//! 9000 §9.5 allows after a NAT's change.
//!
//! Packets begin at 1,200 bytes. While the session lives larger ones are tried by probes that carry nothing: the payloads of usual links first,
//! then between them, up to [`Fast::datagram`](crate::road::Fast) and what the peer takes. Three large packets lost in a row while nothing so
//! large arrives, or nineteen probe timeouts on end, are a black hole: back to 1,200, and the search begins anew. It needs a socket
//! that does not fragment; our drivers see to that, a plain socket should set `datagram` to 1,452 as `examples/plain_socket.rs` does.
//!
//! # Keys of a long session
//!
//! Keys move on along a chain of their own after 2^24 packets, 16 GiB or ten minutes. Every hour, or up to a quarter sooner, who began the
//! session asks for fresh ones: RENEW and RENEWED carry the two messages of Noise KK between the estates' long-term keys
//! ([`handshake::renewal`](crate::road::v1::handshake::renewal)), and what comes of it is mixed into both chains at their next turn.
//! Nothing is torn down, and whoever had got hold of a chain, or has one side's long-term key alone, reads nothing more. The
//! receiver finds the turn by trying: of a new epoch the mixed key first, then the plain one.
//!
//! # Sight
//!
//! [`Road::sessions`](crate::road::Road::sessions) and [`Road::stats`](crate::road::Road::stats) tell programs what
//! `roadstead road --watch` tells people. For plots, every packet and every change of what is known of a path is a
//! [`tracing`] event under the target [`trace::TARGET`](crate::road::v1::trace::TARGET) at level trace; `--trace DIR` of a master or minion
//! writes them as qlog (JSON text sequences), a file for each session, and `examples/trace_plot.rs` draws one of those.
//!
//! # Several roads at one address
//!
//! A master with `shards` above 1 has so many roads, each with a socket (`SO_REUSEPORT`), an engine and a thread. The kernel
//! gives a datagram to one of them by its sender's address and port. Whose it is its session id says, modulo their number, and
//! an INITIATE's by the nonce of its cookie: a road hands others theirs through a bounded queue. So an estate may move to where
//! another socket hears it and stay in session, at the price of a copy. Minute keys are no two roads': the same INITIATE would
//! be answered twice under one nonce; and a cookie is good for one address and port, so that its road is the one that gets it.
//!
//! In front of them stands [`Front`](crate::road::front::Front), which knows where each estate is and has the one roll. An estate
//! that comes over another road is told of as joined once the road that held it has ended that session and said what became of
//! its messages; messages for it are handed back until then. What a road decides about a key counts if the front's roll allows
//! it when it hears of it, and all roads, that one too, are told: when everybody has heard everything all rolls are one.
//!
//! # What is promised once per session only
//!
//! *Once* holds within a session. When one ends, what was not confirmed fails with
//! [`Failure::Lost`](crate::transport::Failure::Lost), and nobody can know whether it arrived; the road remembers nothing of it.
//! Who sends such a message again must have its receiver tell repetitions apart: masters and minions do, by job id. No order is
//! promised between messages, in a session or across.
//!
//! # What is not there yet
//!
//! * Streams and casts between masters and minions: the road has them, the roles do not use them.
//! * Our drivers do not watch their host's addresses: whoever calls [`handle_move`](crate::road::Road::handle_move) knows by other means.
//! * Streams where a master has several roads: [`Shards`](crate::drivers::raet::shards::Shards) answers them as unsupported.
