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
//!   608 bytes (`ring`'s 567, `aes-gcm`'s 992).
//! * `crypto_box`, `ed25519-dalek` 2 and `x25519-dalek` 2 rest on `curve25519-dalek` 4: one curve library for all of our
//!   curves, audited once; the one `dryoc` brings is built and not called. Newer
//!   release candidates of each exist; the stable line is what is maintained for those who cannot follow them.
//! * `rmp`, `rmp-serde`, `rmpv` for MessagePack, `serde_json` with `preserve_order` because raet's JSON heads have an order.
//! * `serde-saphyr` for YAML: `serde_yaml` is archived.
//! * `tokio` with one thread for the daemons' sockets; engines never see it. `estate-keys` is built without it.
//! * `nix` for what the standard library has no safe call for: socket buffers, peer credentials, users, process groups.
//! * `rand_chacha` for repeatable randomness from one seed; the seed itself comes from the operating system through `getrandom`.
