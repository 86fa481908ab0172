//! Trust on first use: whoever pends a role first has it, until somebody looks. What protects the real one is that the
//! second key is said with both fingerprints, replaces nothing, and that a decision names the key it is about.

use roadstead::base::Acceptance;
use roadstead::master::Policy;
use roadstead::transport::{Command, Event};
use roadstead::wire::v0::PacketKind;

use crate::client::Client;
use crate::common::{SECOND, name};
use crate::town::Town;

#[test]
fn is_told_apart_by_its_fingerprint() {
    let mut town = Town::new(Policy::default());
    let thief = town.client(Client::new("web1_minion", "web1", 1));
    let request = town.clients[thief].1.join();
    town.inject(thief, vec![request]);
    town.run(SECOND);
    let real = town.client(Client::new("web1_minion", "web1", 2));
    let request = town.clients[real].1.join();
    town.inject(real, vec![request]);
    town.run(SECOND);
    let of = |town: &Town, at: usize| town.clients[at].1.keys.public(name("web1")).fingerprint();
    let clash = Event::Clash { role: name("web1"), known: of(&town, thief), presented: of(&town, real) };
    assert_eq!(town.world.host(0).events.iter().filter(|event| **event == clash).count(), 1, "said, with both");
    assert!(town.clients[real].1.heads.iter().all(|head| head.packet == PacketKind::Reject), "and to it as well");

    // The operator has compared, and accepts the key of the real one: the thief's is not let in for it.
    let fingerprint = of(&town, real);
    let acceptance = Some(Acceptance::Accepted);
    town.world.command(0, Command::Admit { role: name("web1"), fingerprint, acceptance }).unwrap();
    town.run(SECOND * 2);
    let standing = |town: &mut Town| town.world.host(0).road.roll().find(&name("web1")).map(|(_, standing)| standing);
    assert_eq!(standing(&mut town), Some(Acceptance::Pending));
    assert!(!town.clients[thief].1.is_allowed());

    // Forgotten, the name is free for who comes next; that is the real one, and its key is what is decided about.
    town.decide("web1", None);
    let request = town.clients[real].1.join();
    town.inject(real, vec![request]);
    town.run(SECOND);
    town.world.command(0, Command::Admit { role: name("web1"), fingerprint, acceptance }).unwrap();
    assert!(town.until(SECOND * 5, |town| town.clients[real].1.is_allowed()));
    assert!(!town.clients[thief].1.is_allowed());
}
