//! # Moving a RAET fleet
//!
//! For whoever has Salt 2018.3.5 (or another of 2014.7 to 2018.3) with `transport: raet`, and wants its master to be
//! `roadstead master` without touching the minions, and then, one by one or never, the minions to be `roadstead minion`. What is
//! printed here is what such a fleet printed, but for addresses and for paths, which were below a scratch directory.
//!
//! The idea: a Salt minion knows its master by address, port, name (`<id>_master`), keys, and a number each gave the other. Whoever
//! has all of these *is* the master. `estate-keys import-salt` takes them over, and `export-salt` gives them back.
//!
//! # Before you begin
//!
//! 1. `salt '*' test.ping` and `salt-key -L`: what does not answer now will not answer later.
//! 2. Keep a copy: `tar czf raet-before.tgz /etc/salt/pki /var/cache/salt/master/raet`. Nothing below changes them before `export-salt`.
//! 3. Look at the ids. Letters, digits, `.`, `_` and `-`, at most 64, are what we take; Salt takes more. `import-salt` names the others.
//! 4. Note what `/etc/salt/master` says of `raet_port`, `interface`, `user`, `auto_accept`, `autosign_file`, `open_mode`, `raet_mutable`: the
//!    names and meanings are the same in `/etc/roadstead/master`.
//! 5. Is it RAET at all? A `pki_dir` with `master.pem` in it is of ZeroMQ, and has no keys that RAET could use.
//!
//! # What keeps working
//!
//! Minions go on with their key, their master's key, their own modules and settings: jobs run in Salt's minion by Salt's code.
//! `roadstead run` takes the place of `salt`, `estate-keys` that of `salt-key`: `accept`, `reject`, `delete`, `list`, `finger`, and
//! a key that was moved by hand (`mv pending/web1 accepted/`) counts as well. What is new: rejecting or deleting a key ends its
//! session at once.
//!
//! Fingerprints are not those of `salt-key -F`: the same keys, otherwise put together. Compare ours with ours; on a host with a
//! Salt minion this shows it and changes nothing:
//!
//! ```text
//! salt1x# estate-keys --minion import-salt /etc/salt/pki/minion --root-dir /tmp/look --dry-run
//! …
//! Own key of salt1x would be imported: cd:72:8a:29:e7:8a:bc:96:17:2a:df:55:6f:06:3f:6b:77:e0:ac:09:b3:48:e6:ab:1d:6f:77:22:79:4b:47:ac
//! ```
//!
//! Not served: syndics, `salt-run` and the reactor. `salt-call` does not work over RAET with any master.
//!
//! # Trying it beside the old master
//!
//! With keys of its own, at another port, and a minion that you can spare:
//!
//! ```text
//! master# mkdir -p /tmp/try/etc/roadstead
//! master# printf 'id: try\nraet_port: 4516\nwires: [fast, classic]\n' > /tmp/try/etc/roadstead/master
//! master# roadstead master --root-dir /tmp/try &
//! ```
//!
//! On the other host a second Salt minion, with `id: try1x`, `master_port: 4516`, and `root_dir`, `raet_port` of its own. Then
//! `estate-keys accept try1x --root-dir /tmp/try`, `roadstead run --root-dir /tmp/try '*' test.ping`.
//!
//! Never start `roadstead` with *imported* keys while the old master runs, at whatever port: to minions both would be their master,
//! and each would end the other's sessions. `import-salt` refuses while `salt-master` runs; to see what it would do, `--dry-run` does not mind.
//!
//! # Moving the master
//!
//! ```text
//! master# systemctl stop salt-master
//! master# estate-keys import-salt /etc/salt/pki/master
//! Settings /etc/roadstead/master written:
//!     # Written by `estate-keys import-salt` from /etc/salt/pki/master
//!     id: boss
//!     raet_port: 4506
//!     wires: [fast, classic]
//! Own key of boss imported: 44:07:7e:93:92:12:9e:2f:52:a4:09:cc:df:70:96:a2:d2:48:61:10:98:de:ba:65:d5:b0:81:73:57:b8:25:b7
//! Key of salt1x imported: accepted
//! Key of salt1y imported: accepted
//! Key of salt2p imported: pending
//! Key of salt2r imported: rejected
//! 4 keys and 2 estates imported, 0 keys there already.
//! master# roadstead master &
//! master# roadstead run '*' test.ping
//! salt1x:
//!     True
//! salt1y:
//!     True
//! ```
//!
//! Settings are written only where there are none; where there are, they have to name the same `id`, and notes say what else should
//! be as it was. Keys are copied to `pki_dir`, what is known of estates (their numbers, addresses and session counters) to `cachedir`,
//! found by the usual place of PKI_DIR or by `--cachedir DIR`. It may be repeated: what is there already is left alone, and of each
//! estate the later life counts. Where a decision or key here contradicts Salt's, that role is named, left as it is, and the exit
//! code is 1; `--force` gives Salt the last word.
//!
//! A started master greets the estates it knows, one each 2 ms. Here two minions were back 0.26 s after it was started, on
//! a machine with other work. A minion that waits for acceptance asks again within a minute.
//!
//! Without Salt's estates (the cachedir is lost, say) minions still know us, but under a number we do not know: they
//! come back when they are restarted, and `estate-keys list` says so of each host that calls. The id has to be in the settings then:
//!
//! ```text
//! master# estate-keys import-salt /backup/pki/master
//! estate-keys: Salt's id cannot be told without its estates: give its cachedir with --cachedir, or write `id: NAME` into
//! /etc/roadstead/master
//! ```
//!
//! # Mixed wires
//!
//! `wires: [fast, classic]` serves Salt's minions, ours on the classic wire and ours on the fast one together:
//!
//! ```text
//! master# estate-keys list --long
//! Accepted Keys:
//! cls1x   ec:ba:9a:…:6c:20  classic  here
//! salt1x  cd:72:8a:…:47:ac  classic  here
//! salt1y  b9:a1:53:…:75:d4  fast     here
//! web9    0c:11:f0:…:31:aa  never met
//! Unaccepted Keys:
//! Rejected Keys:
//! ```
//!
//! It reads files alone, so it works while no daemon runs; then it says when each was seen last. Whoever was met on the fast wire is
//! not taken in on the classic one any more, until its key is deleted or `wires` has one of them only. When the last Salt minion
//! is gone, `wires: [fast]` shuts the old door.
//!
//! # Moving minions, one by one
//!
//! Before or after the master: the key stays, so that neither master has anything to accept.
//!
//! ```text
//! salt1y# systemctl stop salt-minion
//! salt1y# estate-keys --minion import-salt /etc/salt/pki/minion
//! Settings /etc/roadstead/minion written:
//!     # Written by `estate-keys import-salt` from /etc/salt/pki/minion
//!     id: salt1y
//!     raet_port: 4510
//!     master: 192.0.2.1
//!     master_port: 4506
//!     wires: [fast, classic]
//! Own key of salt1y imported: b9:a1:53:86:01:95:48:f8:69:64:28:df:86:dd:9a:bb:e3:31:8d:76:cc:bb:e1:51:d4:99:cc:a5:19:86:75:d4
//! Key of boss imported: accepted
//! 1 key and 0 estates imported, 0 keys there already.
//! salt1y# roadstead minion &
//! ```
//!
//! The master's key comes along: it is pinned as before. Leave the port as it was: a Salt master refuses a known minion that comes
//! from another one. With a Salt master it answered after 3.4 s, with ours at once, and from then on over the fast wire;
//! one that was moved under a Salt master goes over to the fast wire when it is restarted under ours. What it runs are our functions now
//! (`roadstead run salt1y sys.list_functions`), not Salt's modules.
//!
//! # Going back
//!
//! The master:
//!
//! ```text
//! master# kill …                                  # `roadstead master`: export-salt refuses while it runs
//! master# estate-keys export-salt /etc/salt/pki/master
//! Key of cls1x exported: accepted
//! Key of salt2p exported: accepted
//! 2 keys and 3 estates exported, 3 keys there already.
//! estate-keys: note: salt1y was met on the fast wire, which Salt does not speak: set `wires: [classic]` there and restart it
//! master# systemctl start salt-master
//! master# salt '*' test.ping
//! ```
//!
//! What was decided since goes with it, and the session counters, without which minions would take the old master's packets for
//! old ones. Minions answered again 34 s after `salt-master` was started, which is what it took Salt alone to restart here.
//!
//! A minion: stop ours, `estate-keys --minion export-salt /etc/salt/pki/minion` (its key is there still), start `salt-minion`. Where
//! the master stays ours and met it on the fast wire, `estate-keys delete` it there and accept it anew.
//!
//! # What a stock Salt minion cannot do
//!
//! With any master, and nothing we send can help it:
//!
//! * Return more than some 200 kB: its job's process hands the return to the minion over a local socket, and with the kernel's
//!   defaults what does not fit is dropped without a word. `sysctl -w net.core.wmem_default=4194304 net.unix.max_dgram_qlen=512` *on the
//!   minion's host*, and a restart of the minion, make 1 MB and more arrive; 10 MB need `33554432` and `2048`.
//! * Take binary files with `cp.get_file`: the same local sockets carry text only, and under Python 2 ASCII only. Ours says which
//!   minion wanted which file, and the minion that there is no such file; it is not left waiting or with half of it.
//! * Take files fast: its main process reads its socket ten times a second, 92 packets at most with the kernel's defaults, which is
//!   some 0.7 MB a second. `raet_road_bufcnt: 1024` in its settings and a raised `net.core.rmem_max` double that.
//! * Answer `salt` under an id that ends in one of the letters `_ m i n o`: Salt's command line loses it and says "No minions matched".
//!   `roadstead run` does not.
//! * `salt-call`; and returning anything from a function that raised an exception.
//! * Survive a change of its own address or port under a Salt master without `raet_mutable`. Ours takes it in again.
//! * Notice a job that comes while it waits for its pillar right after its start: it takes it for the pillar.
//!
//! # Trouble
//!
//! The master's log says each once, and `estate-keys list` keeps it for a day under "Trouble:", beside the role with `--long`.
//!
//! | you see | it says | do |
//! |---|---|---|
//! | a minion does not come back | "… counts on a number that is not known here" | restart that minion; or stop the master and import with `--cachedir` |
//! | a new machine under an old id | "another key than the known one was presented as web1 (known …, presented …)" | set up anew: `estate-keys delete web1`, accept what then waits; not set up anew: two machines have one id |
//! | a new minion never waits for acceptance | "… calls itself 'web,1', which is no id" | another `id` on that machine |
//! | the same | "… came over TCP, and RAET is UDP" | it is on ZeroMQ: `transport: raet` there. Where another daemon has TCP 4506, or the site is closed, nobody hears it: its own log says that the master does not answer |
//! | the same | "… sends what is no RAET" | something else has our port in its settings |
//! | the same | "… asks to join on the classic wire, which is not spoken here" | `wires: [fast, classic]`, restart the master |
//! | the same | "… speaks version 1 of RAET" or "… packet heads of kind 2" | its raet is none that Salt ever had: 0.6.8 |
//! | a minion moved back to Salt is not heard | "… and was met on the fast one" | `estate-keys delete` it, accept it anew |
//! | a machine was renamed | "… comes back with another name", "… that is somebody else's name here" | put the name back; or `raet_mutable: True` until it is in |
//! | nobody comes back | `import-salt` noted another port, or that `wires` leaves out classic | set both as they were, restart the master |
//! | `import-salt` ends with 2 | "the own key there is another one" | our master was started before: if no minion knows its key, `--force` |
//! | it ends with 1 | "left out: …", "left as it is: …" | the file or role that is named; the rest has moved |
//! | returns of one minion are missing | nothing: they never left its host | the two sysctls above |
