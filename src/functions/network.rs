//! What the machine says of its network: its names and its interfaces' addresses. No name server is ever asked: a minion
//! must come up where none answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use serde_json::{Map, Value, json};

use super::facts::read;

/// Addresses by interface.
type Interfaces<T> = BTreeMap<String, Vec<T>>;

pub(super) fn collect() -> Map<String, Value> {
    let nodename = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let nodename = if nodename.is_empty() { "localhost".to_owned() } else { nodename };
    let mut facts = names(&nodename, &read("/etc/hosts").unwrap_or_default());
    facts.extend(interfaces());
    let tables = ["/proc/net/route", "/proc/net/ipv6_route"].map(|path| read(path).unwrap_or_default());
    facts.extend(gateways(&tables[0], &tables[1]));
    facts.extend(read("/etc/resolv.conf").map(|text| ("dns".to_owned(), resolvers(&text))));
    facts
}

/// The machine's names and addresses, from its own name and what `/etc/hosts` has of it.
fn names(nodename: &str, hosts: &str) -> Map<String, Value> {
    let full = full_name(nodename, hosts);
    let (host, domain) = full.split_once('.').unwrap_or((full, ""));
    let mut facts = super::map([
        ("nodename", nodename.into()),
        ("localhost", nodename.into()),
        ("host", host.into()),
        ("fqdn", full.into()),
        ("domain", domain.into()),
    ]);
    // Without an entry only a name server knows; then there is no such fact.
    let known: BTreeSet<IpAddr> = entries(hosts).filter(|(_, names)| names.contains(&full)).map(|(at, _)| at).collect();
    if !known.is_empty() {
        let of = |is: fn(&IpAddr) -> bool| Value::from(known.iter().filter(|at| is(at)).map(text).collect::<Vec<_>>());
        facts.extend(super::map([("fqdn_ip4", of(IpAddr::is_ipv4)), ("fqdn_ip6", of(IpAddr::is_ipv6))]));
    }
    facts
}

/// The lines of hosts(5).
fn entries(hosts: &str) -> impl Iterator<Item = (IpAddr, Vec<&str>)> {
    hosts.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        Some((words.next()?.parse().ok()?, words.collect()))
    })
}

/// As Python's `getfqdn` without a name server: the name's address, the first line with that address, and of its names the
/// first with a dot, or else the first.
fn full_name<'a>(name: &'a str, hosts: &'a str) -> &'a str {
    let address = entries(hosts).find(|(_, names)| names.contains(&name)).map(|(at, _)| at);
    let names = entries(hosts).find(|(at, _)| Some(*at) == address).map(|(_, names)| names).unwrap_or_default();
    let dotted = names.iter().find(|known| known.contains('.') && **known != "localhost.localdomain");
    match dotted.or(names.first()) {
        Some(full) if !name.contains('.') => full,
        _ => name,
    }
}

/// The default gateways of the kernel's tables: an address, `true` for a route without one, or `false`.
fn gateways(v4: &str, v6: &str) -> Map<String, Value> {
    let four = v4.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (to, via) = (words.next()?, words.next()?);
        let bytes = u32::from_str_radix(via, 16).ok().filter(|_| to == "00000000")?;
        // The table has numbers as the machine does.
        Some(Ipv4Addr::from(bytes.to_ne_bytes())).map(|via| (via.is_unspecified(), via.to_string()))
    });
    let six = v6.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [to, bits, _, _, via, .., device] = words.as_slice() else { return None };
        let via = u128::from_str_radix(via, 16).ok()?;
        let is_default = to.bytes().all(|byte| byte == b'0') && *bits == "00" && *device != "lo";
        is_default.then(|| (via == 0, Ipv6Addr::from(via).to_string()))
    });
    let shown = |found: Option<(bool, String)>| match found {
        None => Value::Bool(false),
        Some((true, _)) => Value::Bool(true),
        Some((false, via)) => via.into(),
    };
    let any = four.is_some() || six.is_some();
    super::map([("ip_gw", any.into()), ("ip4_gw", shown(four)), ("ip6_gw", shown(six))])
}

/// resolv.conf(5) as Salt shows it.
fn resolvers(text: &str) -> Value {
    let (mut servers, mut search, mut options, mut sortlist, mut domain) = (vec![], vec![], vec![], vec![], "");
    for line in text.lines() {
        let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
        match words.next() {
            Some("nameserver") => servers.extend(words.next()),
            Some("domain") => domain = words.next().unwrap_or_default(),
            Some("search") => search = words.collect(),
            Some("options") => options = words.collect(),
            Some("sortlist") => sortlist = words.collect(),
            _ => {}
        }
    }
    let (six, four): (Vec<&str>, Vec<&str>) = servers.iter().partition(|server| server.contains(':'));
    json!({
        "nameservers": servers, "ip4_nameservers": four, "ip6_nameservers": six, "domain": domain, "search": search,
        "options": options, "sortlist": sortlist,
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
            "fqdn_ip4": ["127.0.1.1"], "fqdn_ip6": [],
        });
        assert_eq!(Value::Object(names("web1", hosts)), expected);
        assert_eq!(names("web2", hosts)["fqdn"], json!("web2"));
        assert_eq!((names("web2", hosts).get("fqdn_ip4"), &names("web2", hosts)["domain"]), (None, &json!("")));
        assert_eq!(names("db.example.net", hosts)["host"], json!("db"));
        let shared = names("vm", "127.0.0.1 localhost\n127.0.0.1 vm\n");
        assert_eq!(shared["fqdn"], json!("localhost"), "an address has one first name");
    }

    #[test]
    fn gateways_of_the_kernels_tables() {
        let v4 = "Iface\tDestination\tGateway\neth0\t000200C0\t00000000\teth0\neth0\t00000000\t010200C0\t0003\n";
        let zeros = "0".repeat(32);
        let via = "fd000000000000000000000000000001";
        let v6 = format!(
            "{zeros} 00 {zeros} 00 {zeros} ffffffff 1 0 200200 lo\n{zeros} 00 {zeros} 00 {via} 400 3 0 3 eth0\n"
        );
        let facts = gateways(v4, &v6);
        if cfg!(target_endian = "little") {
            assert_eq!(facts["ip4_gw"], json!("192.0.2.1"));
        }
        assert_eq!((&facts["ip6_gw"], &facts["ip_gw"]), (&json!("fd00::1"), &json!(true)));
        let none = json!({"ip_gw": false, "ip4_gw": false, "ip6_gw": false});
        assert_eq!(Value::Object(gateways("", "junk\n")), none);
        assert_eq!(gateways("ppp0 00000000 00000000 0001", "")["ip4_gw"], json!(true), "a route without a gateway");
    }

    #[test]
    fn resolvers_by_kind() {
        let conf = "# x\nnameserver 10.0.0.1\nnameserver fd00::53 ; second\nsearch a.b c.d\noptions edns0\n";
        let expected = json!({
            "nameservers": ["10.0.0.1", "fd00::53"], "ip4_nameservers": ["10.0.0.1"], "ip6_nameservers": ["fd00::53"],
            "domain": "", "search": ["a.b", "c.d"], "options": ["edns0"], "sortlist": [],
        });
        assert_eq!(resolvers(conf), expected);
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
