//! # Targets and pillars
//!
//! A job is for the minions its target means; a pillar file is for those the target in a top file means. Both are read by the
//! same matcher, [`base::target`](crate::base::target), with Salt's words and Salt's meaning.
//!
//! # Kinds of target
//!
//! | `run` | letter | type in a top file | means |
//! |---|---|---|---|
//! | (none) | (none) | `glob` | ids that fit a shell pattern: `web*`, `db[0-3]` |
//! | `-L` | `L@` | `list` | these ids |
//! | `-E` | `E@` | `pcre` | ids that a regular expression matches from their start |
//! | `-G` | `G@` | `grain` | a grain and a pattern: `os:Debian`, `roles:web*`, `ip:*:v4:10.*` |
//! | `-P` | `P@` | `grain_pcre` | a grain and a regular expression |
//! | `-I` | `I@` | `pillar` | a pillar key and a pattern |
//! | `-J` | `J@` | `pillar_pcre` | a pillar key and a regular expression |
//! | `-S` | `S@` | `ipcidr` | an address of the grains `ipv4` and `ipv6`: `10.1.0.0/16`, `fd00::/8` |
//! | `-N` | `N@` | `nodegroup` | a name of the master's `nodegroups` |
//! | `-C` | | `compound` | words of all these with `and`, `or`, `not`, `(` and `)`, blanks between them |
//!
//! In a path such as `a:b:c` a level may be a key, the number of a list's item, or `*`; a list has a value when one of its items
//! fits; a key of a map counts as a value; case does not count in values. `--delimiter '|'`, or `G|@a|b` in a compound
//! target, puts something else between the levels. `not` binds before `and`, `and` before `or`. In a top file a target
//! is `compound` unless its list has `- match: TYPE`.
//!
//! Regular expressions cost time in proportion to the text, and have a bounded size; in return there is no look-around and
//! no back reference. Case does not count where they are matched with values.
//!
//! A target that cannot be read means nobody, and is answered with what is wrong with it. Salt takes `not G@os`, which names no
//! value, for everybody.
//!
//! # What the master knows
//!
//! Ids the master has from its keys; grains from the minion's request for its pillar, which Salt's minions send at their
//! start and at `saltutil.refresh_pillar`; the pillar is what it gave the minion then, and never what the minion asked to have
//! laid over it. They are kept in `minions/` below `cachedir`, readable for the master's user only, so that a master that starts
//! again can target at once. They belong to a key: with it they are forgotten.
//!
//! **A minion whose grains the master does not know is meant by no target that depends on them**: neither by `G@os:Debian` nor by
//! `not G@os:Debian`. `web* or G@os:Debian` still means `web1`. This is stricter than Salt, which at a job takes unknown minions in
//! and leaves it to them. Grains above 64 KiB are not remembered, nor pillars above 256 KiB.
//!
//! Grains are a minion's own words: whoever holds an accepted key may claim any role in them. Choose secrets by id, not by
//! grain. The grain `id` is the exception: it is the key's role, whatever the minion says.
//! And write `{{ grains.os | json }}` rather than `{{ grains.os }}` into a pillar file that decides anything: a text with a line
//! break could else add keys of the minion's own to its pillar.
//!
//! Every minion that was selected gets the job addressed to itself, with a target it certainly fits: a list it is on, or `*`
//! beyond 64 minions, since a Salt minion matches what it gets once more.
//!
//! # Pillars
//!
//! `pillar_roots` names directories by environment (`base: [srv/pillar]` below the root directory unless set; `__env__` stands for
//! whichever is asked for and not named). In each, `top.sls` says which files are for whom:
//!
//! ```yaml
//! base:
//!   '*': [common]
//!   'G@os:Debian and web*': [web.nginx]        # web/nginx.sls or web/nginx/init.sls
//!   'roles:db':
//!     - match: grain
//!     - order: 10
//!     - ignore_missing: true
//!     - db
//! ```
//!
//! A file is a Jinja template that gives a YAML map (`#!yaml` in the first line: no template). Files are laid over each other in the
//! order of the top file, maps into each other, anything else replaced by what comes later. `include` takes names, or
//! `name: {defaults: {…}, key: a:b}`; what a file says itself stands above what it includes. `pillar_override`, `saltenv` and
//! `pillarenv` of a request mean what they mean in Salt.
//!
//! A template sees `grains`, `id`, `opts` (`id`, `saltenv`, `pillarenv` and no more: the master's settings are not a minion's to
//! read), `pillar` (empty), `saltenv`, `pillarenv`, `sls`, `tplfile`, `tpldir`, `slspath`, `salt['grains.get']` and
//! `salt['pillar.get']`, and may import and include other files of its environment. A name nobody set is an error. Filters are
//! Jinja's and `json`, `yaml`, `yaml_encode`, `yaml_dquote`, `yaml_squote`. What Python alone can do is missing: lists do not change
//! (`{% do x.append(y) %}`; use `namespace` and `+`), and other functions, renderers and external pillars do not exist.
//!
//! YAML is read as Salt reads it where that matters: `yes` and `off` are truth values, `0644` is 644. Keys are texts; dates stay
//! texts.
//!
//! A file that is broken, missing or outside of its roots is left out. The minion sees that under `_errors`, and its states refuse to
//! run on it as under Salt's master; file, line and reason are in the master's log only. Bounds are in
//! [`base::limits`](crate::base::limits): a thousand files, thirty-two includes in a row, 16 MiB of text, 8 MiB of pillar, and steps
//! for each template. Pillars are made on threads of their own; a slow one keeps no job waiting.
