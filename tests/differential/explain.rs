//! Which differences are known, and why they are none of ours to mend: a rule and a sentence for each.

use roadstead::base::Acceptance;

use crate::compare::{Pair, Seat, What};
use crate::end::Told;
use crate::script::{Memory, Side, Step};
use crate::stage::{Fate, Run};

/// Why two runs of a script may differ.
pub(crate) struct Explained {
    /// Its name in the summary.
    pub(crate) name: &'static str,
    /// The sentence.
    pub(crate) why: &'static str,
    /// Whether it explains this difference of these runs.
    applies: fn(&Pair, What) -> bool,
}

/// The table, the most telling first.
pub(crate) const EXPLAINED: &[Explained] = &[
    Explained {
        name: "keyless master",
        why: "0.6.8 starts with an estate whose key was deleted, says hello to it without a key, and crashes",
        applies: |pair, what| {
            let is_crashed = (0..pair.theirs.ends.len()).any(|at| pair.is_crash(at, "in hello\n", "has no len()"));
            let is_it =
                matches!(what, What::Crash(Seat::Theirs, at) if pair.is_crash(at, "in hello\n", "has no len()"));
            pair.script.seat == Side::Main
                && pair.script.has(|step| matches!(step, Step::Decide(None)))
                && (is_it || (is_crashed && is_standing(what)))
        },
    },
    Explained {
        name: "former key",
        why: "0.6.8 crashes at a hello that is made for the key it had before",
        applies: |pair, what| {
            matches!(what, What::Crash(Seat::Theirs, at) if pair.is_crash(at, "in hello\n", "unable to decrypt"))
                && pair.script.has(|step| matches!(step, Step::Restart(_, Memory::Fresh)))
        },
    },
    Explained {
        name: "half a message",
        why: "0.6.8 says hello with a message half received, asks for the rest without the keys it has thrown away, and crashes",
        applies: |pair, what| matches!(what, What::Crash(Seat::Theirs, at) if pair.is_crash(at, "in resend\n", "has no len()")),
    },
    Explained {
        name: "at once",
        why: "a decision against a key ends a session of ours at once, and it may knock again; 0.6.8's goes on until a join",
        applies: |pair, what| {
            pair.script.seat == Side::Main
                && is_standing(what)
                && pair.theirs.probes.is_together
                && pair.script.has(|step| matches!(step, Step::Decide(None | Some(Acceptance::Rejected))))
        },
    },
    Explained {
        name: "lost table",
        why: "Salt's minion never joins anew: a master that lost its table gets its alives and hellos for ever",
        applies: |pair, what| {
            pair.script.seat == Side::Minion
                && is_standing(what)
                && !pair.theirs.probes.is_together
                && pair.script.has(|step| matches!(step, Step::Restart(Side::Main, Memory::Lose)))
        },
    },
    Explained {
        name: "turned away",
        why: "Salt's minion forgets a master that rejects it, and ends or stays for nothing; ours tries on",
        applies: |pair, what| {
            pair.script.seat == Side::Minion
                && is_standing(what)
                && !pair.theirs.probes.is_together
                && pair.script.has(|step| matches!(step, Step::Decide(None | Some(Acceptance::Rejected))))
        },
    },
    Explained {
        name: "known beforehand",
        why: "0.6.8 asks a minion whose key waits to join when its master starts, and so shows its own key; ours lets it wait",
        applies: |pair, what| {
            what == What::Standing(Side::Minion)
                && pair.script.seat == Side::Main
                && !pair.ours.probes.is_together
                && pair.ours.standing(Side::Minion).is_none()
                && pair.script.has(|step| matches!(step, Step::Restart(Side::Main, _)))
        },
    },
    Explained {
        name: "unproven",
        why: "ours forgets at its end who has joined and proved no key; Salt's minion says hello to it for ever",
        applies: |pair, what| {
            what == What::Together
                && pair.script.seat == Side::Minion
                && pair.theirs.settled[Side::Minion as usize].detail.contains("\"frame\":\"allow\"")
                && pair.script.has(|step| matches!(step, Step::Restart(Side::Main, _)))
        },
    },
    Explained {
        name: "moved",
        why: "an immutable 0.6.8 rejects a minion that comes from another address; ours follows it, once its key is proved",
        applies: |pair, what| {
            pair.script.seat == Side::Main
                && !pair.script.is_mutable
                && is_standing(what)
                && !pair.theirs.probes.is_together
                && pair.script.has(|step| matches!(step, Step::Move))
        },
    },
    Explained {
        name: "moved midway",
        why: "0.6.8 answers a join to where it first came from, for ever; and it never joins anew from where it is now",
        applies: |pair, what| {
            what == What::Together
                && !pair.theirs.probes.is_together
                && pair.script.has(|step| matches!(step, Step::Move))
        },
    },
    Explained {
        name: "changed key",
        why: "0.6.8 knows a former key until it is started anew, whatever its operator deletes; and who came first decides",
        applies: |pair, what| {
            let is_fresh = pair.script.has(|step| matches!(step, Step::Restart(_, Memory::Fresh)));
            let is_other = |run: &Run| [Side::Main, Side::Minion].iter().any(|side| run.knows_other_key(*side));
            let is_known = is_other(&pair.ours) || is_other(&pair.theirs);
            is_fresh && is_standing(what) && (is_known || !pair.theirs.probes.is_together)
        },
    },
    Explained {
        name: "decided otherwise",
        why: "a decision met another standing: a deleted key comes back when its minion joins, and they join at other times",
        applies: |pair, what| is_standing(what) && pair.ours.decided != pair.theirs.decided,
    },
    Explained {
        name: "no process",
        why: "the sender's process was not running, or ended before it was told",
        applies: |pair, what| {
            let What::Missing(seat, n) = what else { return false };
            let fate = pair.fate(seat, n);
            !fate.was_sent || (fate.last().is_none() && pair.run(seat).ended_after(fate))
        },
    },
    Explained {
        name: "not allowed",
        why: "there was no session at that moment: 0.6.8 drops the message without a word, ours says so",
        applies: |pair, what| is_missing(pair, what, |fate| fate.last() == Some(Told::Absent)),
    },
    Explained {
        name: "told",
        why: "the session ended before the message was confirmed, and ours says so; 0.6.8 would send it again in the next",
        applies: |pair, what| is_missing(pair, what, |fate| matches!(fate.last(), Some(Told::Lost | Told::Refused))),
    },
    Explained {
        name: "kept",
        why: "0.6.8 kept it for its next session, and none came before its process ended",
        applies: |pair, what| is_missing(pair, what, |fate| fate.last() == Some(Told::Kept)),
    },
    Explained {
        name: "said again",
        why: "0.6.8 sends again in its next session what it was not told of, though it had arrived",
        applies: |pair, what| {
            let What::Twice(Seat::Theirs, n) = what else { return false };
            let fate = pair.fate(Seat::Theirs, n);
            fate.from == pair.script.seat && fate.told.iter().any(|(_, told)| *told == Told::Kept)
        },
    },
    Explained {
        name: "for ever",
        why: "0.6.8 sends a message to an estate that is gone for ever, and tells nobody",
        applies: |pair, what| {
            let is_apart = !pair.theirs.probes.is_together;
            is_apart && is_missing(pair, what, |fate| fate.from == pair.script.seat && fate.last().is_none())
        },
    },
];

/// Whether it is about who is joined, and whose key is known.
fn is_standing(what: What) -> bool {
    matches!(what, What::Together | What::Standing(_))
}

/// A message that is missing, and not for no reason: on a calm road every message arrives, whoever sits in the seat.
fn is_missing(pair: &Pair, what: What, is_it: impl Fn(&Fate) -> bool) -> bool {
    matches!(what, What::Missing(seat, n) if is_it(pair.fate(seat, n)) && !pair.script.is_calm_before(n))
}

/// The rule that explains a difference. Who never came together does not know the other's key for the same reason.
pub(crate) fn explain(pair: &Pair, what: What) -> Option<&'static Explained> {
    let rule = |what| EXPLAINED.iter().find(|rule| (rule.applies)(pair, what));
    let is_apart = pair.ours.probes.is_together != pair.theirs.probes.is_together;
    let more = (is_apart && is_standing(what)).then(|| rule(What::Together)).flatten();
    rule(what).or(more)
}

impl Pair {
    /// Whether this end of theirs was a crash with a traceback of these words.
    fn is_crash(&self, at: usize, place: &str, error: &str) -> bool {
        let text = self.theirs.ends.get(at).and_then(|(_, _, crash)| crash.as_deref());
        text.is_some_and(|text| text.contains(place) && text.contains(error))
    }
}

impl Run {
    /// Whether the sender's process ended after it had sent the message.
    fn ended_after(&self, fate: &Fate) -> bool {
        self.starts.iter().any(|(at, side)| *side == fate.from && *at >= fate.at)
    }

    fn knows_other_key(&self, side: Side) -> bool {
        matches!(self.standing(side), Some((Acceptance::Accepted | Acceptance::Pending, false)))
    }
}

impl Fate {
    /// What the sender was told last.
    fn last(&self) -> Option<Told> {
        self.told.last().map(|(_, told)| *told)
    }
}
