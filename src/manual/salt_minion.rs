//! # A Roadstead minion under a Salt master
//!
//! `roadstead minion` with `wires: [fast, classic]` or `[classic]` serves a stock Salt 2018.3 master whose `transport` is
//! `raet`: put `id`, `master` and, if they are not Salt's, `master_port` and `raet_port` into its settings, start it, and
//! `salt-key -a ID` on the master. Choose an id that does not end in one of the letters `_ m i n o`: Salt's command line
//! takes these off and then finds nobody.
//!
//! ## What it answers
//!
//! Targets of every type (`-L`, `-E`, `-G`, `-P`, `-I`, `-J`, `-S`, `-C`, `-N`; ranges are not) are matched with its own
//! grains and pillar. Keyword arguments are understood although Salt's masters lose their mark on this road. A list of
//! functions (`salt ID test.ping,test.echo ,hello`) is run in turn and returned by function, which Salt's own minions over
//! RAET cannot. A function that fails, breaks, is called wrongly or does not exist returns that, with `success` and `retcode`;
//! Salt's own minion returns nothing in some of these cases. Bytes that are no text come back as `\xNN`.
//!
//! `sys.list_functions` names what there is: `cmd.*`, `config.*`, `event.*`, `grains.*`, `match.*`, `mine.*`, `pillar.*`,
//! `saltutil.*`, `status.*`, `sys.*`, `test.*`. States, files and packages are not among them. Nothing is ever synchronised
//! to it, so `saltutil.sync_*` answer with empty lists; `refresh_pillar`, `refresh_grains`, `sync_grains` and `sync_all` ask
//! the master anew and answer when the pillar is there. Returners are not run: returns go to the master only.
//!
//! It asks for its pillar with its grains when it has joined, and again until it is answered: a Salt master whose workers
//! are not up yet loses the question without a word. Jobs that come before the first pillar wait for it, up to 15 seconds.
//! `mine_functions` and `mine_interval` work as in Salt.
//!
//! ## Its grains
//!
//! They have the names, types and values that Salt 2018.3.5 has on the same machine, as far as files tell. Left out are:
//!
//! | grain | why |
//! |---|---|
//! | `saltversion`, `saltversioninfo`, `saltpath`, `pythonversion`, `pythonpath`, `pythonexecutable`, `zmqversion` | there is no Salt and no Python; `roadsteadversion` is there |
//! | `gpus`, `num_gpus` | names of models need `lspci` and its lists |
//! | `systemd` | needs a program to be run; `init` says whether it is systemd |
//! | `fqdn_ip4`, `fqdn_ip6` | only where `/etc/hosts` knows the name: no name server is asked |
//! | `iscsi_iqn`, `fc_wwn`, `zfs_*` of a machine that has ZFS | need programs or special hardware |
//!
//! `virtual` comes from the processor and the firmware, so it says `kvm` where Salt, without `virt-what` and the like
//! installed, says `physical`. `grains:` in the settings goes before all of them.
//!
//! ## Its life
//!
//! * Restarted, it is let in at once. When the master restarts, it is back with the master's first sign of life; its jobs go
//!   on and their returns are kept.
//! * `salt-key -d ID` does not end a session, with Salt's own minions neither: the minion pends again when it starts next.
//!   Salt's master does not start again while it remembers a minion without a key: after `salt-key -d`, and before it is
//!   restarted, either accept the minion again or delete `raet/*/remote/*ID_minion.json` below the master's `cachedir`.
//! * `salt-key -r ID --include-accepted` shows at the minion's next start; it tries on and is back some seconds after
//!   `salt-key -a ID --include-rejected`.
//! * Another address, port or key under the same id is rejected, as Salt's own minion is: `raet_mutable: True` on the master,
//!   or what the minion's log says: stop the master, `salt-key -d ID`, delete that file, start it and accept.
//! * A master with another key than the pinned one is refused and both keys are said; if it was set up anew on purpose:
//!   `estate-keys --minion delete MASTER` on the minion.
//!
//! ## What is the Salt master's
//!
//! * `salt -t SECONDS` with a job that takes longer loses its return now and then (`Minion did not return`), with any minion:
//!   the command throws away what comes while it asks `saltutil.find_job`. The return is there all the same:
//!   `salt-run jobs.lookup_jid JID`, or give a timeout that is long enough.
//! * Large returns come at the Python master's pace, some hundred kilobytes to some megabytes a second. From there to
//!   `salt` they go over Unix datagram sockets, 64 kB a piece, which the system's `net.unix.max_dgram_qlen` (10 unless set) and
//!   `net.core.wmem_default` slow down.
