//! # Why each number
//!
//! # Bounds
//!
//! All of them are in [`base::limits`](crate::base::limits), each with its reason beside it; a queue without one is a bug. The
//! thoughts behind the larger ones:
//!
//! | bound | value | reason |
//! |---|---|---|
//! | [`MESSAGE_MAX`](crate::base::limits::MESSAGE_MAX) | 52 MB | the classic wire counts segments to 65,535, and a segment holds some 800 bytes beside the longest head and a signature |
//! | [`DATAGRAM_MAX`](crate::base::limits::DATAGRAM_MAX) | 2,048 | what raet 0.6.8 reads; it and we send at most 1,024 |
//! | [`UDP_MAX`](crate::base::limits::UDP_MAX) | 65,507 | what one IPv4 packet carries, and one train that the kernel cuts up |
//! | [`ID_MAX`](crate::base::limits::ID_MAX) | 64 | a host name label has 63; the estate's name adds `_minion` |
//! | [`OUTBOX_BYTES`](crate::base::limits::OUTBOX_BYTES), [`INBOX_BYTES`](crate::base::limits::INBOX_BYTES) | 128 MiB | two of the largest messages towards or from one estate, and the small ones beside them |
//! | [`OUTBOX_MESSAGES`](crate::base::limits::OUTBOX_MESSAGES) | 1,024 | what a command could want of one minion at once, and then some |
//! | [`INBOX_MESSAGES`](crate::base::limits::INBOX_MESSAGES) | 256 | Python starts every queued message at once; further ones come again with its redo |
//! | [`ESTATES`](crate::base::limits::ESTATES) | 20,000 | ten thousand minions, and as many again that come and go |
//! | [`PENDING_KEYS`](crate::base::limits::PENDING_KEYS) | 10,000 | a whole fleet on its first day; a flood of made-up names ends here |
//! | [`BODY_DEPTH`](crate::base::limits::BODY_DEPTH) | 64 | deeper than any job, shallow enough for any stack |
//!
//! # Timers of the classic road
//!
//! In [`Timers`](crate::road::Timers): first wait, longest wait (doubling between), and when to give up. They are raet 0.6.8's
//! unless the last column says why not.
//!
//! | timer | ours | raet 0.6.8 | why ours differs |
//! |---|---|---|---|
//! | join, asking | 1 to 4 s, never gives up | the same, 5 s | a minion's master may be down for days |
//! | join, answering | 0.1 to 2 s, 5 s | the same | |
//! | join while the key waits | 60 s | the same | |
//! | allow, both sides | 0.25 to 1 s, 4 s | the same | |
//! | alive | 0.25 to 1 s, 6 s | gives up after 2 s | at 20 % loss each way 2 s is wrong once in sixty times |
//! | message, sending | 0.2 to 0.5 s, never gives up while the estate is alive | the same, never at all | a dead estate's messages fail with it |
//! | message, receiving | 0.2 to 0.5 s, 60 s | never gives up | a sender that vanished must not hold memory |
//! | presence | 10 s | Salt asks every 10 s | |
//! | after a refusal | 15 s | Salt's minion exits or asks at once | an operator may change his mind; nobody should be flooded |
//!
//! [`FLIGHT`](crate::road::config::FLIGHT), packets towards one estate that may be unconfirmed at once, is 60: a default Linux socket buffer of
//! 212,992 bytes was measured to hold 92 of 1,024 bytes, and a Python peer without a limit sends six to twelve times what is needed.
//! It is where a session begins, and the least; a little more is tried as long as nothing is lost, up to 384. A Salt minion empties
//! its buffer ten times a second: a file of 23 MB took 59 s with 60 packets, 38 s with what its buffer holds, and 26 s where
//! `raet_road_bufcnt: 1024` in its settings (and `net.core.rmem_max`) made room.
//!
//! # Numbers of the fast road
//!
//! By file below `src/road/v1`, unless another is named. "Ours" are choices; where a measurement or a test stands behind one, it is said.
//!
//! | file | number | source |
//! |---|---|---|
//! | `wire/v1` | INTRO 512, HELLO 320, COOKIE 236, INITIATE at most 1,200 bytes | answers are shorter than questions, all fit every path |
//! | | packet numbers end at 2^60 | long before a varint does |
//! | | 256 runs in an acknowledgement, 8 offers, 128 bytes of parameters, kinds of 255 bytes, routes of 512 | ours: more than is ever sent |
//! | | by default: acknowledgement delay 25 ms | RFC 9000 §18.2 |
//! | | keep-alive 25 s, up to a quarter less | ours: below the 30 s after which many NATs forget UDP |
//! | | credit 1 MiB, 256 messages to begin with | ours: 80 Mb/s over 100 ms before the first grant |
//! | `handshake/pace` | again after 0.25 s, doubling to 1 s; after 10 s every 8 s; a quarter of jitter, in the first 10 s only downward | handshake v1; a fleet must not march in step; handshakes at 5 % loss within 0.9 s (fault matrix) |
//! | `handshake/cookie` | good for 60 s; 65,536 sessions begun in a minute | minute keys, the one before is kept |
//! | `handshake/gate` | 1,024 buckets; 10,000 packets a second from a /24 or /48, twice that at once | a core's worth of handshakes: ten thousand estates behind one address are back at once |
//! | | the same again of RETRYs, a fifth of it of hellos with a token; 20,000 RETRYs a second to everybody | a RETRY costs as much as three silences, a hello with a token a Diffie-Hellman or two: `cargo bench --bench flood` |
//! | | an introduction or a stranger's knock counts as 20 packets; 2,000 a second from everybody | 500 a second from one network; a tenth of a core in all, a new fleet of ten thousand in five seconds |
//! | `handshake/responder` | RETRY from 1,000 hellos a second that came to nothing; answers at most 3 times the question | ours: 6 % of a core, and what is under way when a fleet comes back over 200 ms; RFC 9000 §8 |
//! | `handshake/initiator` | waits: pending 1 to 10 minutes, rejected 5 to 60, busy 1 to 60 s | bounds for what a WELCOME asks |
//! | `handshake/intro` | an answer says it is good for an hour | ours |
//! | `dialer` | a lost session rests up to 0.5 s; a key that waits is asked for again after 60 s; classic after 3 s | ours |
//! | `hall` | 10,000 waiting estates are called; a second way to an estate rests 60 s; a session with nothing to send after all 1 ms | as many as keys may wait; ours; the granularity of timers |
//! | `keys` | next epoch after 2^24 packets, 16 GiB, 10 minutes; 2^36 forgeries; the epoch before for 3 probe timeouts | handshake v1, within RFC 9001 §6.6 and appendix B |
//! | `seen` | replay window 1,984 numbers | four times the reordering promised (500) |
//! | `session` | ends after 90 s of silence, unused after 20 s; gives memory back after 2 s of rest | three missed keep-alives with room; twice the hurry of an INITIATE |
//! | | forgets what it knew of a path's rate after 60 s without a message of ours | ours: routes and queues change in less |
//! | | probes at most 2 s apart | a hole of a minute must not become hours |
//! | | 16 timeouts before they double | a burst of ten packets ends with them (test: bursts both ways); Linux's `tcp_thin_linear_timeouts` |
//! | | trains of 64 packets and 65,487 bytes | Linux's `UDP_MAX_SEGMENTS`; UDP's length field |
//! | | small messages twice from 1 % of loss, 1,024 bytes at most, a quarter of a round trip later | ours: p99 of 1 kB messages |
//! | `session/casts` | 64 of them or 64 KiB wait; every other packet at most | ours: of presence the newest counts |
//! | `session/ids` | two fresh ones each way, four at most; from 2 s and one message on; a PROBE within 10 s of a change asks for none | RFC 9000 §5.1.1 asks for two at least; short and silent sessions need none; ours |
//! | | forgotten after 3 probe timeouts | RFC 9000 §5.1.2 |
//! | `acks` | every 2nd packet, to every 64th; eight times a round trip | RFC 9000 §13.2.2; draft-ietf-quic-ack-frequency §8 |
//! | | thirty-two times in the 64 round trips after a gap | a burst on the way back must not take a window's worth of them (test) |
//! | | 64 ranges held; those that need no answer after 16 | ours; RFC 9000 §13.2.4 |
//! | `rtt` | 333 ms assumed, granularity 1 ms, 3 probe timeouts are persistent congestion | RFC 9002 §6.2.2, §6.1.2, §7.6.1 |
//! | `loss` | 3 packets, 9/8 of a round trip | RFC 9002 §6.1.1, §6.1.2 |
//! | | 16 rounds until reordering is doubted; 1,000 packets of it believed | RFC 8985 §6.2; ours |
//! | `sent` | 2^20 packets unsettled; lost ones remembered for 3 probe timeouts | 10 Gb/s over 600 ms takes half; to see spurious losses |
//! | `pacer` | a burst of 10 packets or 2 ms of the rate; trains of 1 ms, at most 64 KiB | RFC 9002 §7.7; draft-ietf-ccwg-bbr §5.6.3 |
//! | `window` | 10 packets to begin with, 14,720 bytes or 2 packets where they are larger | RFC 9002 §7.2 |
//! | `window/cubic` | C 0.4, beta 0.7, 0.85 for a mark | RFC 9438 §5, §4.6; RFC 8511 §3.1 |
//! | `window/hystart` | a rise of 4 to 16 ms, an eighth of the round trip; 8 samples; growth by a quarter for 5 rounds | RFC 9406 §4.3 |
//! | `window/bbr` | gains 2.77 at the start, 0.5 to drain; margin 1 %; beta 0.7; 200 ms at the empty round trip, every 10 s | draft-ietf-ccwg-bbr |
//! | | probes at 1.25, then 0.75, every 6 to 8 rounds | BBR v1's; the queue is gone in the round between two probes (test) |
//! | | 2 % of loss beyond chance, 0.5 % beside a standing queue | the draft's; a CUBIC beside us adds but a packet or two a round (test) |
//! | | 512 packets of memory for chance, 64 until it counts, at most 40 % | 20 % of loss known to 1.8 points; the grid ends at 30 % |
//! | | a slower path from 75 % of the believed rate | ours (test: bandwidth steps) |
//! | | 12 rounds and a queue of 1.5 pipes until it is somebody's; 32 rounds until a test was right | ours (test: beside CUBIC, and beside itself, at 0.25 to 4 BDP) |
//! | | tests every 10 to 160 rounds, the empty round trip every 30 s while competing | each costs a share of a deep queue (test: 4 BDP) |
//! | `ecn` | 10 marked packets prove a path | RFC 9000 §A.4 |
//! | `path` | 3 times what was received; a probe fails after 3 times the larger of the timeout and 999 ms | RFC 9000 §8.1, §8.2.4 |
//! | `mtu` | 1,200 to begin with; a size is too large after 3 probes; again after 600 s; 3 strikes | RFC 9000 §14; RFC 8899 §5.1.2, §5.1.1, §4.3 |
//! | | 1,452, 8,952, 65,487 first, then 1,372, 1,472, 8,972, 16,336; to 1/128 of the size | payloads of usual links; under a hundredth of goodput is at stake |
//! | `message` | 64 bytes charged for each; small below 16 KiB, bulk from 256 KiB | ours: what a message costs beside its bytes; some hundred packets |
//! | | 256 KiB of a stream before any was taken; its window doubles to 8 MiB | ours: 100 Mb/s over 20 ms at once, 1 Gb/s over 64 ms in the end |
//! | `outbox` | turns of 8,000 bytes, 16 long messages in turn, a lower class gets one byte for 15 | ours: a short message waits for a few packets |
//! | | a message is cut only where 256 bytes of it fit, pieces of at least 64 | a cut doubles the chance of loss |
//! | | 1 MiB acknowledged, or all, before a stream that was handed back is called; 8,192 pieces of one | ours: few calls, and pieces of a kilobyte fill it |
//! | `inbox` | 4,096 runs beyond gaps, one more for each 64 bytes | a run costs about as much as it holds |
//! | | pieces of a stream of 64 KiB; runs below 4,096 bytes are copied to them | ours: what a reader takes at a time |
//! | | credit renewed at least 8 charges (512 bytes) ahead | a smaller window has room for no message |
//! | | buffers of 512 bytes to 16 KiB for small messages | ours: 200 messages of 64 bytes an allocation |
//! | `road/config` | datagrams to 65,487 bytes; fast again 600 s after classic | Linux's loopback less IPv6's and UDP's heads |
//! | `base/limits` | `FAST_*` | each with its reason beside it |
//! | `front` | 256 messages or 4 MiB of one estate, 16,384 of all, on the way to one road | ours: what a road may find no room for is little |
//! | `drivers/raet` | one road on the daemon's thread; with more, 4 rounds ahead each way, 64 parcels between two | on two cores threads and channels cost a tenth of a CPU second per byte in large messages and a fifth in small ones (`--bench shards`); where there are more cores nobody has measured yet |
//! | `drive` | socket buffers of 8 MiB and 4 MiB asked for; 8 trains taken in by one call | what they bring stays in a core's cache until it is opened |
//!
//! # Daemons
//!
//! A master listens on UDP 4506 and a minion on 4510, as Salt over RAET does. Key directories are looked at every 250 ms, three
//! looks whatever the number of keys, so that an operator's decision holds at once; every key file every 10 s, should somebody have
//! written one in its place. A minion runs up to 256 works side by side, each on a thread that ends
//! when it rests for 10 s: works wait far more than they compute, and long ones must not keep a `test.ping` waiting.
//!
//! `wires` is `[fast]`: the classic wire is spoken where somebody asks for it, since whoever can drop packets could otherwise
//! choose the older one for us. `ciphers` begins with AES-256-GCM where the processor has instructions for it and with the
//! secretbox elsewhere; both stay allowed. `congestion` is `bbr`, which loses least of a path that drops packets at random. Daemons
//! show that they are alive after 10 s of silence where the fast wire's own default is 25 s: an operator should hear of a
//! lost host as soon as over the classic wire. One that ends tells all others, and waits up to 1 s for the kernel to take that.
//!
//! # Packages
//!
//! * `crypto_box` 0.9 with `crypto_secretbox` is the maintained form of NaCl's box: XSalsa20-Poly1305 under its present
//!   name, after the authors deprecated the `xsalsa20poly1305` package.
//! * `dryoc` 2 for the fast road's secretbox and cookies: vector code in Rust, chosen at run time on the stable compiler, for
//!   AVX-512, AVX2, NEON and SVE2. Sealing 1,200 bytes takes 0.54 µs where `crypto_secretbox` takes 2.8 to 3.7 and libsodium 1.2;
//!   a cookie 0.3 µs for 1.8. `salsa20` 0.11 with `poly1305` is no faster than what it would replace.
//! * `aws-lc-rs` for AES-256-GCM: 0.16 µs for 1,200 bytes, 0.19 for 1,452, 3.0 for 65,000. `ring` takes 0.19, 0.25 and 6.5 and does
//!   not wipe its keys, `graviola` 0.29 and 0.36, `aes-gcm` 1.3 and 1.8. It builds with `cc` alone, in half a minute; an expanded key is
//!   608 bytes (`ring`'s 567, `aes-gcm`'s 992). It also does the fast handshake's Diffie-Hellman: 17 µs where `x25519-dalek` takes 39.
//! * `crypto_box`, `ed25519-dalek` 2 and `x25519-dalek` 2 rest on `curve25519-dalek` 4: one curve library, audited once,
//!   for all but that Diffie-Hellman; the one `dryoc` brings is built and not called. Newer
//!   release candidates of each exist; the stable line is what is maintained for those who cannot follow them.
//! * `rmp`, `rmp-serde`, `rmpv` for MessagePack, `serde_json` with `preserve_order` because raet's JSON heads have an order.
//! * `serde-saphyr` for YAML: `serde_yaml` is archived.
//! * `tokio` with one thread for the daemons' sockets; engines never see it. `estate-keys` is built without it.
//! * `nix` for what the standard library has no safe call for: socket buffers, peer credentials, users, process groups.
//! * `rand_chacha` for repeatable randomness from one seed; the seed itself comes from the operating system through `getrandom`.
