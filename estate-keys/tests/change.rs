//! `estate-keys accept`, `reject` and `delete`: names act on any standing, globs on what waits, and questions come first.

mod desk;

use desk::Desk;

const BEFORE: &str = "db1 accepted, db2 pending, old1 rejected, web1 accepted, web2 pending, web3 pending";

#[test]
fn a_name_is_accepted_without_a_question() {
    let desk = Desk::staffed();
    desk.expect("accept web2", "Key of web2 accepted.\n", "", 0);
    desk.expect("accept web2", "Key of web2 is accepted already.\n", "", 0);
    desk.expect("accept old1 db1", "Key of db1 is accepted already.\nKey of old1 accepted.\n", "", 0);
    assert_eq!(
        desk.standings(),
        "db1 accepted, db2 pending, old1 accepted, web1 accepted, web2 accepted, web3 pending"
    );
}

#[test]
fn a_name_is_rejected_without_a_question() {
    let desk = Desk::staffed();
    desk.expect("reject web1 web2 web2", "Key of web1 rejected.\nKey of web2 rejected.\n", "", 0);
    desk.expect("reject web1", "Key of web1 is rejected already.\n", "", 0);
    assert_eq!(
        desk.standings(),
        "db1 accepted, db2 pending, old1 rejected, web1 rejected, web2 rejected, web3 pending"
    );
}

#[test]
fn globs_take_what_waits() {
    let desk = Desk::staffed();
    desk.expect("accept -y *", "Key of db2 accepted.\nKey of web2 accepted.\nKey of web3 accepted.\n", "", 0);
    assert!(desk.standings().contains("old1 rejected"));
    let sentence = "estate-keys: no undecided key matches 'old*'; 1 decided before does: give its whole name\n";
    desk.expect("accept -y old*", "", sentence, 1);
    desk.expect("accept -y old* --include-rejected", "Key of old1 accepted.\n", "", 0);
    let sentence = "estate-keys: no undecided key matches 'web?'; 3 decided before do: give their whole names\n";
    desk.expect("reject -y web?", "", sentence, 1);
    let out = "Key of web1 rejected.\nKey of web2 rejected.\nKey of web3 rejected.\n";
    desk.expect("reject -y web[!9] --include-accepted", out, "", 0);
}

#[test]
fn all_that_wait() {
    let desk = Desk::staffed();
    desk.expect("reject --all -y", "Key of db2 rejected.\nKey of web2 rejected.\nKey of web3 rejected.\n", "", 0);
    desk.expect("reject --all -y", "", "estate-keys: no key to be rejected\n", 1);
    desk.expect("accept --all -y", "", "estate-keys: no key to be accepted\n", 1);
    let (out, _, code) = desk.run("accept --all --include-rejected --yes");
    assert_eq!((out.lines().count(), code), (4, 0));
    assert!(!desk.standings().contains("rejected"));
}

#[test]
fn deleting() {
    let desk = Desk::staffed();
    desk.expect("delete -y db1 old1 web2", "Key of db1 deleted.\nKey of old1 deleted.\nKey of web2 deleted.\n", "", 0);
    desk.expect("delete -y db1", "", "estate-keys: no key of 'db1'\n", 1);
    desk.expect(
        "delete -y web* nosuch",
        "Key of web1 deleted.\nKey of web3 deleted.\n",
        "estate-keys: no key of 'nosuch'\n",
        1,
    );
    desk.expect("delete -y --all", "Key of db2 deleted.\n", "", 0);
    desk.expect("delete -y --all", "", "estate-keys: no key to be deleted\n", 1);
    assert_eq!(desk.standings(), "");
}

#[test]
fn without_a_terminal_questions_need_an_answer() {
    let desk = Desk::staffed();
    for (args, sentence) in [
        ("accept web*", "2 keys would be accepted, and there is no terminal to ask on: use -y"),
        ("accept --all", "3 keys would be accepted, and there is no terminal to ask on: use -y"),
        ("reject db?", "1 key would be rejected, and there is no terminal to ask on: use -y"),
        ("delete web1", "1 key would be deleted, and there is no terminal to ask on: use -y"),
        ("delete --all", "6 keys would be deleted, and there is no terminal to ask on: use -y"),
    ] {
        desk.expect(args, "", &format!("estate-keys: {sentence}\n"), 2);
    }
    assert_eq!(desk.standings(), BEFORE);
}

#[test]
fn nothing_happens_when_a_name_is_illegal() {
    let desk = Desk::staffed();
    let sentence = "estate-keys: '../x': a name has only letters, digits, '.', '_' and '-', not '/'\n";
    desk.expect("accept web2 ../x", "", sentence, 2);
    assert_eq!(desk.standings(), BEFORE);
}

#[test]
fn keys_stay_what_they_are() {
    let desk = Desk::staffed();
    desk.run("accept web2");
    desk.run("reject web2");
    desk.run("accept web2");
    let roll = desk.store().roll().unwrap().roll;
    let key = desk::key("web2");
    assert_eq!(roll.find(&key.role).unwrap().0, &key);
}
