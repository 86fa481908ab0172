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
//! Anything that stops a Python process that knows no better, and there is much of it: an unknown version, field or kind; a
//! malformed join body; a non-empty alive; a message that is no map, has no route, or holds bytes that are not UTF-8 as text; a
//! recorded message after a new session. Bodies are checked on the way out as they are on the way in.
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
