//! # The life of a key
//!
//! An estate is its key. Names, addresses and numbers are claims; what an operator accepts is a key under a role (a minion's or a
//! master's id), and everything an estate may do follows from that.
//!
//! # Made
//!
//! A master or minion makes its own keys at its first start, from the operating system's randomness: an Ed25519 pair that signs
//! (on the classic road every packet, on the fast one the bond between both keys), and a Curve25519 pair that proves who takes part in
//! a handshake. They are written to `local.key` in `pki_dir`
//! with mode 0600 and are never written over; `estate-keys gen --force` is the one way to replace them. A key file that others may
//! read, or a directory that others may write, is refused with a sentence that says which.
//!
//! # Compared
//!
//! The fingerprint is the SHA-256 of both public keys, shown as 32 pairs of hex digits. Ask for it on both ends, over a way you
//! already trust (the console, ssh), and compare all of it:
//!
//! ```console
//! web1$ roadstead minion --finger
//! master$ estate-keys finger web1
//! ```
//!
//! Nothing else proves that the key that waits is the minion's. On the fast road whoever waits has proved that it holds the key; on
//! the classic one a join carries names and keys in clear and unsigned. On both, whoever asks first under a name is who waits under it. To have a minion check the master too, put the
//! master's fingerprint (`roadstead master --finger`) into its settings as `master_finger`; without it a minion takes the first
//! master it meets and pins it.
//!
//! # Decided
//!
//! | standing | directory | what it may do |
//! |---|---|---|
//! | pending | `pending/` | wait; its estate is told that it waits, and asks again by itself |
//! | accepted | `accepted/` | join, talk |
//! | rejected | `rejected/` | nothing; its estate is told |
//!
//! The directory a role's file is in is its standing, as Salt keeps it, and a plain `mv` decides as well as `estate-keys` does.
//! `accept` lets the waiting estate in at once. `reject` and `delete` end a live session at once, which in Salt over RAET they
//! do not. A deleted key is forgotten: its estate may ask again, and waits again. A master looks at the directories four times a
//! second, so there is nothing to restart or to signal.
//!
//! A role found in two directories, as a crash in the middle of a move may leave it, has the stricter standing. A file that is
//! no key is left alone and named in the log.
//!
//! # Refused
//!
//! * Another key under a known role. It is never taken over, whatever the first one's standing; both fingerprints are logged, and
//!   the estate is rejected. When a minion was really made anew: compare, `estate-keys delete web1`, and accept what then waits.
//! * A name that is not letters, digits, `.`, `_` and `-`, or that begins with a dot or has two in a row. A role names a file;
//!   under raet 0.6.8 the role `../accepted/evil` accepted itself.
//! * On the classic wire, a role that was seen on the fast one, where both are spoken: silence, or whoever drops packets would
//!   choose the wire. `fast/` beside the standings holds an empty file for each. To move an estate back, delete its key and
//!   accept it again.
//! * A key when ten thousand wait already ([`PENDING_KEYS`](crate::base::limits::PENDING_KEYS)): silence, so that a flood fills no disk.
//! * A second master, at a minion: pinned is pinned.
//!
//! Whom it concerns an operator reads in the log, once, and below `estate-keys list`: a sentence each, with what to do, for a day.
//! Strangers fill neither: five of a kind are remembered, and one a minute is said.
//!
//! # Automatic
//!
//! `autoreject_file` and then `autosign_file` decide about new roles by pattern; a file that others may write is not read.
//! `auto_accept` takes everybody new. `open_mode` takes everybody, whatever was known: it is for a laboratory.
//!
//! # Enrolment
//!
//! A fleet that grows by itself cannot be compared by people. `estate-keys token new` makes a token on the master (for one id:
//! `token new web1`; `--ttl 24h` unless said otherwise), which the new machine gets in a file that only it may read, named
//! by `enrolment_file` in its settings:
//!
//! ```text
//! master$ estate-keys token new --ttl 2h          # shown this once; `token list` and `token delete` go by its id
//! enrol-0b6e…-91d4…
//! web1$   printf '%s\n' enrol-0b6e…-91d4… > /etc/roadstead/token && chmod 600 /etc/roadstead/token
//! ```
//!
//! The token never crosses the wire. Inside the encrypted handshake of first contact both sides prove that they know it, so the
//! master accepts the key unseen, and the minion pins a master that it has never compared, and no other. It works on the fast
//! wire only, and a minion with a token takes no master over the classic one by itself. A token for any id lets its holder take
//! any id about which nobody has decided, and pose as the master to machines that have none yet; give one per machine where
//! that matters, and delete the file when the machine is in. It does not let in what was rejected, nor a machine whose key was deleted while it still remembers its master.
//! With `master_finger` set too, the fingerprint proves the master and the token only lets the minion in.
//!
//! # A closed site
//!
//! `site_secret_file` on every machine names a file with the same 64 hex digits (`openssl rand -hex 32`). Masters then answer
//! nobody who does not know them: to a scan the port is shut, and not even a master's public key helps a stranger to a word.
//! It opens no door: keys are decided about as ever.
//!
//! # Secrets
//!
//! Secret keys are wiped from memory when they go, compare in constant time, and show as `(..)` in anything that prints them.
//! Every session has fresh Curve25519 keys on both sides that never touch the disk: who takes `local.key` later cannot
//! read what was recorded before.
