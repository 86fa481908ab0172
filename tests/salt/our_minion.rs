//! Our minion at a stock Salt master.

use nix::sys::signal::Signal;

use crate::STAGE;
use crate::fleet::{BOSS, Fleet, large_returns};
use crate::kit::salt;
use crate::python::say;
use crate::steps::record;

const ID: &str = "ours1x";
const LINE: &str =
    "a minion without Python brings this line to a master that has nothing else, and not a letter is lost\n";

#[test]
fn our_minion_their_master() {
    let _stage = STAGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(salt) = salt() else { return };
    let mut fleet = Fleet::new(salt, "our minion at a Salt master");
    fleet.write("srv/pillar/top.sls", "base:\n  '*':\n    - common\n");
    fleet.write("srv/pillar/common.sls", "keeper: {{ grains['id'] }}-keeper\n");
    let root = fleet.path("srv");
    fleet.salt_master("raet", &format!("pillar_roots:\n  base: [{}/pillar]\n", root.display()));
    fleet.our_minion(ID, "fast, classic", "grains:\n  shelf: b7\n");
    arrives(&fleet);
    functions(&fleet);
    targets(&fleet);
    jobs(&fleet);
    returns(&fleet);
    restarts(&mut fleet);
    keys(&mut fleet);
}

fn answers(fleet: &Fleet) -> bool {
    fleet.salt_within("12", "salt", &[ID, "test.ping", "-t", "2"]).out.contains("True")
}

fn arrives(fleet: &Fleet) {
    let pending = fleet.path(BOSS).join("etc/salt/pki/master/pending").join(ID);
    record(
        "from its start until its key is pending, their master's start within",
        fleet.until("its key waits", || pending.exists()),
    );
    fleet.theirs_does("salt-key", &["-L"], 0, &["Unaccepted Keys:\nours1x"]);
    fleet.theirs_does("salt-key", &["-y", "-a", ID], 0, &["Key for minion ours1x accepted."]);
    record("from acceptance until its first answer", fleet.until("it answers", || answers(fleet)));
}

fn functions(fleet: &Fleet) {
    let salt = |words: &[&str], parts: &[&str]| fleet.theirs_does("salt", &[&["--static"], words].concat(), 0, parts);
    let fails = |words: &[&str], parts: &[&str]| fleet.theirs_does("salt", words, 11, parts);
    salt(&["*", "test.ping"], &["ours1x:\n    True"]);
    salt(&["*", "test.echo", "blåbær ☃"], &["blåbær ☃"]);
    salt(&["*", "cmd.run", "echo $((6 * 7)); pwd", "cwd=/usr"], &["42", "/usr"]);
    salt(&["*", "cmd.run", "echo $WORD", "env={'WORD': 'seven'}"], &["seven"]);
    salt(&["*", "test.arg", "1", "two", "three=3"], &["- 1", "- two", "three"]);
    salt(&["*", "cmd.run", "head -c 300 /dev/urandom"], &[ID]);
    salt(&["*", "grains.item", "id", "shelf"], &["ours1x", "b7"]);
    salt(&["*", "pillar.items"], &["keeper:\n        ours1x-keeper"]);
    salt(&["*", "pillar.get", "keeper"], &["ours1x-keeper"]);
    for fun in
        ["saltutil.sync_all", "saltutil.sync_modules", "saltutil.refresh_pillar", "saltutil.running", "mine.update"]
    {
        salt(&["*", fun], &[ID]);
    }
    salt(&["*", "saltutil.find_job", "20260101000000000000"], &[ID]);
    salt(&["*", "sys.list_functions", "saltutil"], &["saltutil.find_job", "saltutil.sync_all"]);
    fails(&["*", "cmd.run_all", "exit 3"], &["retcode:\n        3"]);
    fails(&["*", "no.such"], &["'no.such' is not available."]);
    // Of these Salt's own minion returns nothing at all.
    fails(&["*", "test.exception", "message=oops"], &["oops"]);
    fails(&["*", "cmd.run"], &[ID]);
}

fn targets(fleet: &Fleet) {
    let meant: [&[&str]; 8] = [
        &["ours*", "test.ping"],
        &["-L", "ours1x,other", "test.ping"],
        &["-E", "ours[0-9]x", "test.ping"],
        &["-G", "kernel:Linux", "test.ping"],
        &["-G", "shelf:b*", "test.ping"],
        &["-C", "G@shelf:b7 and ours*", "test.ping"],
        &["-I", "keeper:ours1x-keeper", "test.ping"],
        &["-S", "127.0.0.0/8", "test.ping"],
    ];
    for words in meant {
        fleet.theirs_does("salt", words, 0, &["ours1x:\n    True"]);
    }
    for words in [["-G", "shelf:c7", "test.ping"], ["-C", "not ours*", "test.ping"]] {
        let told = fleet.salt("salt", &words);
        assert!(!told.out.contains("True"), "{told:?}");
    }
    fleet.theirs_does("salt-run", &["manage.present"], 0, &[ID]);
    fleet.theirs_does("salt-run", &["manage.up"], 0, &[ID]);
}

fn jobs(fleet: &Fleet) {
    let told = fleet.salt("salt", &["--async", "*", "cmd.run", "sleep 8; echo slept"]);
    let jid = told.out.split_whitespace().last().unwrap().to_owned();
    fleet.theirs_does("salt", &["*", "saltutil.find_job", &jid], 0, &[&jid, "cmd.run"]);
    fleet.theirs_does("salt-run", &["jobs.active"], 0, &[&jid]);
    let took = fleet.until("the job is on their record", || {
        fleet.salt("salt-run", &["jobs.lookup_jid", &jid]).out.contains("slept")
    });
    record("salt-run jobs.lookup_jid, once the job had ended", took);
    let told = fleet.salt("salt", &["--async", "*", "cmd.run", "sleep 600"]);
    let jid = told.out.split_whitespace().last().unwrap().to_owned();
    fleet.theirs_does("salt", &["*", "saltutil.kill_job", &jid], 0, &[ID]);
    fleet.until("the job is gone", || !fleet.salt("salt", &["*", "saltutil.find_job", &jid]).out.contains("sleep"));
}

fn returns(fleet: &Fleet) {
    let sizes: &[usize] = if large_returns() { &[1, 1_000, 10_000] } else { &[1, 150] };
    if !large_returns() {
        say(
            "*** SKIPPED: large returns, which a Salt master cannot hand to its own workers with this kernel's settings ***",
        );
    }
    for kilobytes in sizes {
        let file = fleet.write("text", LINE.repeat(kilobytes * 10));
        let told = fleet.salt("salt", &["*", "cmd.run", &format!("cat {}", file.display()), "-t", "60"]);
        let lines = told.out.lines().filter(|line| line.trim_start() == LINE.trim_end()).count();
        assert_eq!(lines, kilobytes * 10, "{}\n{}", told.errors, fleet.logs());
        record(&format!("cmd.run with {kilobytes} kB of output, salt's own start within"), told.took);
    }
}

fn restarts(fleet: &mut Fleet) {
    fleet.stop(ID, Signal::SIGTERM);
    fleet.start_ours(ID, "minion");
    record("minion restarted, until it answers", fleet.until("it answers again", || answers(fleet)));
    fleet.stop(BOSS, Signal::SIGTERM);
    fleet.start_salt(BOSS, "salt-master");
    record("their master restarted, until the minion answers", fleet.until("it answers again", || answers(fleet)));
}

fn keys(fleet: &mut Fleet) {
    // It prints an error after it has deleted the key.
    fleet.salt("salt-key", &["-y", "-d", ID]);
    assert!(!answers(fleet), "no key, and it answers");
    fleet.stop(ID, Signal::SIGTERM);
    fleet.start_ours(ID, "minion");
    let pending = fleet.path(BOSS).join("etc/salt/pki/master/pending").join(ID);
    record(
        "its key deleted and it restarted, until the key is pending",
        fleet.until("its key waits again", || pending.exists()),
    );
    fleet.theirs_does("salt-key", &["-y", "-a", ID], 0, &[]);
    record("from acceptance until it answers again", fleet.until("it answers again", || answers(fleet)));
    assert!(fleet.is_alive(ID));
}
