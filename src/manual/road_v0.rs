//! # The classic road
//!
//! What Python `raet` 0.6.8 speaks on UDP, spoken by us: packets of head, body, coat and foot; four transactions; key acceptance.
//!
//! # What we speak
//!
//! | transaction | what for | protected by |
//! |---|---|---|
//! | join | names, keys, numbers and addresses; waits for acceptance on either side | nothing: claims in clear |
//! | allow | proves the long-term keys, makes session keys (CurveCP's hello, cookie, initiate) | signatures and boxes |
//! | alive | is the far side there, and in this session? | signatures |
//! | message | one message in up to 65,535 segments, confirmed whole | one box around the body, a signature on each packet |
//!
//! Both kinds of head (raet's lines, JSON) and both kinds of body (MessagePack, JSON) are read; which are written is a setting
//! of the road, with raet heads and MessagePack bodies as Salt has them. Packets are at most 1,024 bytes. Bursts towards an estate
//! are at most 60 packets, because a Python peer on a default socket buffer loses what is beyond 92.
//!
//! # What we tolerate
//!
//! * Upper or lower case hex in heads; unknown keys in join bodies and JSON heads; any order of fields.
//! * A peer that lost its table, its process or its address: joined anew, and taken over when the new handshake has
//!   proved the key (the address only, unless `raet_mutable`).
//! * Segments in any order, twice, or not at all; acks and dones that were lost. A message of this session that was delivered is
//!   answered "done" however often it comes; 0.6.8 answers "nack", and its sender believes it failed.
//! * A "nack" of 0.6.8 after a redo: the outcome is unknown and is reported as such, not as success.
//! * Two estates that join or allow each other at once: the smaller name goes first, as in 0.6.8.
//! * Answers in the far side's own kinds of head and body.
//!
//! # What we refuse, and why
//!
//! Numbers are counted by reason in [`Stats`](crate::road::Stats); a stranger gets silence, an estate we know gets an answer.
//!
//! | refused | why |
//! |---|---|
//! | an allow, alive or message packet without its estate's signature | 0.6.8 takes them unsigned: anyone could end a session or answer for a peer |
//! | a message in clear | 0.6.8 takes it |
//! | a hello that does not open, before anything changes | in 0.6.8 one spoofed datagram wipes the session keys |
//! | a join as proof of anything | unsigned; a joined estate keeps its session and its address until a handshake with its key succeeds |
//! | a message of this session a second time, for as long as the session lasts | 0.6.8 remembers for 600 s, then runs a replayed job again |
//! | names and roles outside `[A-Za-z0-9._-]`, with a leading dot or `..` | they name files and stand in heads |
//! | another key under a known role | see [`keys`](super::keys) |
//! | a role that is not its estate's name without `_master` or `_minion`, between duties | one accepted key must not speak under another's name |
//! | an answer to a join from another address than was asked, or of another transaction | spoofed rejects made minions delete their master |
//! | more than fits: segments, messages, bytes, estates, waiting keys | [`limits`](crate::base::limits); 0.6.8 has no bounds |
//! | versions, kinds and flags we do not know; broadcasts | nothing of 0.6.8 uses them |
//! | bodies that are not one well-formed map, or nested deeper than [`BODY_DEPTH`](crate::base::limits::BODY_DEPTH) | |
//!
//! Routes that a minion writes into a message are claims too: the master takes the sender from the session, never from the
//! route, and forwards nothing to other yards for it.
//!
//! # What we never send
//!
//! Anything that stops a Python process that knows no better. It is made impossible at the two places where something leaves
//! ([`outgoing`](crate::wire::v0::outgoing), [`salt`](crate::wire::v0::salt)), whatever the application hands over; what does
//! not fit fails its ticket with [`Malformed`](crate::transport::Failure::Malformed), or with
//! [`NotText`](crate::transport::Failure::NotText) where bytes are the reason.
//!
//! | never | because |
//! |---|---|
//! | versions, fields and kinds there are none of; a session number without both estates' numbers; an unsigned packet but a join; a body in an alive or an answer; a sealed request for segments; a handshake step of another size | 0.6.8 raises, or an outsider could have sent it |
//! | a packet over 1,024 bytes, a segment number not below its count | 0.6.8 raises, or drops |
//! | a body that is no map, or more than one value; lists and maps as keys; extensions; raw that is not UTF-8; str8 | Python's msgpack raises; the MessagePack of before 2013 knows no str8 |
//! | a message of an earlier session | its box does not open, and that is not caught |
//! | to an estate under one of Salt's names: a message without a route of two triples | `KeyError` in the router |
//! | the same: bytes that are no text, except to a queue of a name that Salt has none of and to no yard | the router packs what it hands on a second time, and who reads that raises |
//! | to a Salt master: a request that is no map or that its workers do not know, a worker's yard, `local_cmd` | it looks the command up among the names of an object |
//! | to a Salt minion: a job without all its parts; a target by regular expression, with a range of letters, or with many `*` | its main process matches, and raises on `[z-a]` or tries for hours |
//! | JSON heads, unless the settings of a road ask for them | raet under Python 2.7 cannot read its own |
//!
//! `tests/encoder` feeds a road whatever there is and holds what leaves against a model of raet and Salt that shares no code with
//! it, and against the Pythons themselves.
//!
//! # Where interop forces a weaker rule
//!
//! The classic wire is off unless `wires` names it. Where it is on, these hold for estates on it, and not on the fast wire:
//!
//! | rule | why | what there is against it |
//! |---|---|---|
//! | a join and its answers are unsigned, in clear, and read from anybody | 0.6.8 has no other | they prove nothing: key, address and number count once a handshake has proved the key |
//! | a spoofed reject, refuse, pend or nack makes a joiner wait, 15 s or 60 s at a time | the same | it must come from the address we asked and name our transaction; the joiner asks for ever and forgets nothing; `wires: [fast]` |
//! | first contact is on trust: who joins first under a name waits under it | the same | the second is told of with both fingerprints; a decision names the key it is about. On a minion `master_finger`, or `auto_accept: False`; on a master `auto_accept` and `open_mode` are off unless set |
//! | strangers' keys are written down before they proved anything, up to [`PENDING_KEYS`](crate::base::limits::PENDING_KEYS) | a Salt minion waits at its join | a bound; silence beyond it; nothing else is kept of them |
//! | a stranger's join is answered to the address it names | the same | one small packet for a larger one |
//! | answers are signed but not bound to what they answer, by numbers that count up | 0.6.8 | sessions are numbered from a random number on, towards each estate its own |
//! | no keys anew by time or volume within a session | 0.6.8 has no such step | none; `wires: [fast]` |
//! | another name or kind of a known key with `raet_mutable` | Salt's setting of the name | off unless set, and after a handshake only; address and number may change without it |
//!
//! # Weaknesses of raet and Salt, and where each is played against us
//!
//! | weakness (0.6.8, 2018.3.5) | here | played in |
//! |---|---|---|
//! | acceptance by a role that is a path | names are names | `tests/attacks/accepted_evil.rs`, `tests/daemons/classic_attacks.rs` |
//! | one datagram stops a process | refused and counted | `tests/daemons/classic_attacks.rs`, `tests/road_negative_vectors.rs`, `tests/attacks/bodies_in_a_session.rs` |
//! | an accepted minion addresses any yard of its master | only the main one, `remote_cmd` only | `tests/attacks/masters_yards.rs` |
//! | another minion's pillar, returns, events | the sender is the session's | `tests/attacks/others_names.rs`, `tests/roles/forged_return.rs` |
//! | a route of the master's reaches any yard of a minion | only the main one, jobs only | `tests/attacks/minions_yards.rs` |
//! | a message again after 600 s | remembered for the session's life | `tests/attacks/later_replay.rs`, `tests/road_replay.rs` |
//! | a join again un-joins | a join changes no joined estate | `tests/attacks/join_again.rs`, `tests/road_adversary.rs` |
//! | unsigned unjoined, reject, refuse, nack | not heard, or waited out | `tests/attacks/reject_to_a_joiner.rs`, `tests/road_adversary.rs` |
//! | a hello wipes a session; a half handshake keeps it down | nothing changes before the initiate | `tests/attacks/hello_of_a_stranger.rs`, `tests/road_replay.rs` |
//! | an unsigned acknowledgement makes "allowed" | signed, and after the cookie only | `tests/attacks/ack_of_an_allow.rs` |
//! | the first to pend a role has it | said, with both fingerprints | `tests/attacks/first_pender.rs`, `tests/road_keys.rs` |
//! | replies to whoever a join names | never more than came | `tests/attacks/reflection.rs` |
//! | unlimited estates, messages, segments; thousands of joins | bounds; a key that waits costs no wait for the disk | `tests/attacks/joins_by_the_thousand.rs`, `tests/road_adversary.rs`, `tests/road_noise.rs` |
//! | a deleted or rejected key keeps its session | it ends at once | `tests/attacks/key_taken_away.rs`, `tests/road_keys.rs` |
//! | secret keys others may read | mode 0600, refused otherwise | `src/keep/store/tests.rs` |
//!
//! What raet's own tests show is in [`peer_tests`](super::peer_tests).
//!
//! # Beside 0.6.8
//!
//! `tests/differential` plays random scripts (joins, key decisions, messages up to 1 MB, loss, duplicates, reordering, cuts,
//! restarts, changes of keys and addresses, suspended processes) twice: with a RAET 0.6.8 stack living as Salt lets it live in
//! one seat, and with our road in the same, a road of ours opposite. Standing, presence, messages and a probe after healing
//! are compared. What may differ, and nothing else:
//!
//! | | 0.6.8 | ours |
//! |---|---|---|
//! | a key is rejected or deleted | its session goes on until a join, if there ever is one | ends at once; a deleted one may knock again |
//! | a minion is rejected | it forgets its master, and ends or stays for nothing | tries on |
//! | a master starts that lost its table | Salt's minion never joins anew: alives or hellos for ever | our minion joins anew |
//! | a master starts with an estate whose key waits | asks it to join, and so shows its own key | waits for it |
//! | a master starts with an estate whose key was deleted | crashes at its hello | does not know it |
//! | a master ends between a minion's join and its first handshake | has written the join down, where it had to wait | has not: a join proves nothing, and Salt's minion says hello for ever |
//! | a minion comes from another address | rejected unless mutable; answers go to the old one for ever | followed, once its key is proved |
//! | a key is changed | the former one is known until a restart, whatever is deleted | as the roll says |
//! | a hello for the key one had before | crashes | refused |
//! | a hello of one's own, with a message half received | asks for the rest without keys, and crashes | goes on until the new session |
//! | no session | a message is dropped in silence | its sender is told |
//! | a session ends, or an estate is silent | kept, sent again in the next session, perhaps a second time, or for ever | its sender is told that nobody knows |
//!
//! Salt's minion asks once and waits, where ours would ask again. So a master of ours takes a nack to its join response for an
//! acknowledgement, ends no join and no handshake with a last word, remembers who has joined with an accepted key (where names
//! are Salt's), and begins a handshake itself when one of a minion that is there came to nothing.
//!
//! # What the classic road cannot do
//!
//! A signature on every packet caps it near 30,000 packets a second and core. It has no congestion control but the burst, no
//! forward secrecy within a session, and joins in clear. An estate that is new here is protected by the operator's comparison of
//! fingerprints and by nothing else.
