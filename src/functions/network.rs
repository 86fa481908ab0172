//! What the machine says of its network: its names and its interfaces' addresses. No name server is ever asked: a minion
//! must come up where none answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use serde_json::{Map, Value};

use super::facts::read;

/// Addresses by interface.
type Interfaces<T> = BTreeMap<String, Vec<T>>;

pub(super) fn collect() -> Map<String, Value> {
    let nodename = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let nodename = if nodename.is_empty() { "localhost".to_owned() } else { nodename };
    let mut facts = names(&nodename, &read("/etc/hosts").unwrap_or_default());
    facts.extend(interfaces());
    facts
}

/// The machine's names, from its own and what `/etc/hosts` adds to it.
fn names(nodename: &str, hosts: &str) -> Map<String, Value> {
    let full = if nodename.contains('.') { Some(nodename) } else { full_name(nodename, hosts) };
    let full = full.unwrap_or(nodename);
    let (host, domain) = full.split_once('.').unwrap_or((full, ""));
    super::map([
        ("nodename", nodename.into()),
        ("localhost", nodename.into()),
        ("host", host.into()),
        ("fqdn", full.into()),
        ("domain", domain.into()),
    ])
}

/// The name with a dot that hosts(5) has in a line with `name`.
fn full_name<'a>(name: &str, hosts: &'a str) -> Option<&'a str> {
    hosts.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut names = line.split_whitespace().skip(1);
        if names.clone().any(|known| known == name) {
            names.find(|known| known.contains('.') && *known != "localhost.localdomain")
        } else {
            None
        }
    })
}

fn interfaces() -> Map<String, Value> {
    let mut v4: Interfaces<Ipv4Addr> = BTreeMap::new();
    let mut v6: Interfaces<Ipv6Addr> = BTreeMap::new();
    let mut hardware = Map::new();
    for interface in getifaddrs().into_iter().flatten() {
        let (name, address) = (interface.interface_name, interface.address);
        v4.entry(name.clone()).or_default();
        v6.entry(name.clone()).or_default();
        let Some(address) = address else { continue };
        if let Some(address) = address.as_sockaddr_in() {
            v4.entry(name).or_default().push(address.ip());
        } else if let Some(address) = address.as_sockaddr_in6() {
            v6.entry(name).or_default().push(address.ip());
        } else if let Some(address) = hardware_address(&address) {
            hardware.insert(name, address.into());
        }
    }
    let mut both: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (name, addresses) in &v4 {
        both.entry(name).or_default().extend(addresses.iter().map(text));
    }
    for (name, addresses) in &v6 {
        both.entry(name).or_default().extend(addresses.iter().map(text));
    }
    super::map([
        ("ip4_interfaces", by_name(&v4)),
        ("ip6_interfaces", by_name(&v6)),
        ("ip_interfaces", both.into_iter().map(|(name, all)| (name.to_owned(), Value::from(all))).collect()),
        ("ipv4", v4.values().flatten().collect::<BTreeSet<_>>().into_iter().map(text).collect()),
        ("ipv6", v6.values().flatten().collect::<BTreeSet<_>>().into_iter().map(text).collect()),
        ("hwaddr_interfaces", hardware.into()),
    ])
}

fn by_name<T: ToString>(interfaces: &Interfaces<T>) -> Value {
    interfaces.iter().map(|(name, all)| (name.clone(), Value::from(all.iter().map(text).collect::<Vec<_>>()))).collect()
}

fn text(address: &impl ToString) -> Value {
    address.to_string().into()
}

fn hardware_address(address: &SockaddrStorage) -> Option<String> {
    let bytes = address.as_link_addr()?.addr()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_come_from_the_machine_and_its_hosts_file() {
        let hosts = "127.0.0.1 localhost\n# 1.2.3.4 no.example.org web1\n127.0.1.1\tweb1.example.org web1 # me\n";
        let expected = json!({
            "nodename": "web1", "localhost": "web1", "host": "web1", "fqdn": "web1.example.org", "domain": "example.org",
        });
        assert_eq!(Value::Object(names("web1", hosts)), expected);
        assert_eq!(names("web2", hosts)["fqdn"], json!("web2"));
        assert_eq!(names("web2", hosts)["domain"], json!(""));
        assert_eq!(names("db.example.net", hosts)["host"], json!("db"));
    }

    #[test]
    fn the_loopback_has_its_address_and_no_duplicates() {
        let facts = interfaces();
        let lists = facts["ip4_interfaces"].as_object().unwrap();
        assert!(lists.values().any(|list| list.as_array().unwrap().contains(&json!("127.0.0.1"))), "{lists:?}");
        let all = facts["ipv4"].as_array().unwrap();
        assert_eq!(all.iter().filter(|address| **address == json!("127.0.0.1")).count(), 1);
    }
}
