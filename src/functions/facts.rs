//! What the machine says of itself: the system's name and release, its processors and memory, who we run as. Reads files
//! and the environment; starts no program and asks no name server.

use std::collections::BTreeMap;
use std::env;
use std::fs;

use nix::unistd::{Group, User, getegid, geteuid};
use serde_json::{Map, Value, json};

use super::network;

/// `ID` of os-release, Salt's `os`, Salt's `os_family`. Others are called what they call themselves.
const SYSTEMS: &[(&str, &str, &str)] = &[
    ("almalinux", "AlmaLinux", "RedHat"),
    ("alpine", "Alpine", "Alpine"),
    ("amzn", "Amazon", "RedHat"),
    ("arch", "Arch", "Arch"),
    ("archarm", "Arch ARM", "Arch"),
    ("centos", "CentOS", "RedHat"),
    ("debian", "Debian", "Debian"),
    ("devuan", "Devuan", "Debian"),
    ("fedora", "Fedora", "RedHat"),
    ("gentoo", "Gentoo", "Gentoo"),
    ("kali", "Kali", "Debian"),
    ("linuxmint", "Mint", "Debian"),
    ("manjaro", "Manjaro", "Arch"),
    ("ol", "OEL", "RedHat"),
    ("opensuse", "SUSE", "Suse"),
    ("opensuse-leap", "SUSE", "Suse"),
    ("opensuse-tumbleweed", "SUSE", "Suse"),
    ("pop", "Pop", "Debian"),
    ("raspbian", "Raspbian", "Debian"),
    ("rhel", "RedHat", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("sled", "SUSE", "Suse"),
    ("sles", "SUSE", "Suse"),
    ("ubuntu", "Ubuntu", "Debian"),
    ("void", "Void", "Void"),
];

/// All facts of this machine, under Salt 2018.3's names. What cannot be found out is left out.
pub(super) fn collect() -> Map<String, Value> {
    let release = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    let mut facts = system(&os_release(&release), &os_release(&read("/etc/lsb-release").unwrap_or_default()));
    facts.extend(kernel());
    facts.extend(processors(&read("/proc/cpuinfo").unwrap_or_default()));
    facts.extend(memory(&read("/proc/meminfo").unwrap_or_default()));
    facts.extend(process());
    facts.extend(network::collect());
    facts.extend(super::hardware::collect());
    facts.extend([locale(|name| variable(name).filter(|text| !text.is_empty()))]);
    facts
}

/// A number from an id that stays the same, for what wants one (`server-id` of MySQL): Python 2's text hash of it, as Salt
/// minions have it on 64-bit machines.
pub(super) fn server_id(id: &str) -> i64 {
    let bytes = id.as_bytes();
    let first = bytes.first().map_or(0, |first| i64::from(*first) << 7);
    let hash = bytes.iter().fold(first, |hash, byte| hash.wrapping_mul(1_000_003) ^ i64::from(*byte));
    let hash = hash ^ bytes.len() as i64;
    // The one hash that Python keeps for errors.
    (if hash == -1 { -2 } else { hash }).rem_euclid(1 << 31)
}

/// The first line of a small file, if there is one.
pub(super) fn line(path: &str) -> Option<String> {
    read(path).and_then(|text| text.lines().next().map(|line| line.trim().to_owned())).filter(|line| !line.is_empty())
}

/// A text file, whatever its bytes.
pub(super) fn read(path: &str) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The variables of os-release(5).
fn os_release(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        // The format is a shell's: one word, perhaps quoted.
        let value = super::text::words(value)?.into_iter().next().unwrap_or_default();
        Some((name.trim().to_owned(), value))
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(pair).collect()
}

fn system(release: &BTreeMap<String, String>, lsb: &BTreeMap<String, String>) -> Map<String, Value> {
    let text = |name: &str| release.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let told = |name: &str| lsb.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let id = text("ID").unwrap_or("linux").to_ascii_lowercase();
    // As Salt: what lsb-release says goes first, where it is there.
    let name = told("DISTRIB_ID").or(text("NAME")).unwrap_or("Linux");
    let known = |id: &str| SYSTEMS.iter().find(|known| known.0 == id);
    // A system we never heard of is of its parent's family.
    let parent = text("ID_LIKE").and_then(|like| like.split_whitespace().find_map(known));
    let os = known(&id).map_or(name, |known| known.1);
    let family = known(&id).or(parent).map_or(os, |known| known.2);
    let number = told("DISTRIB_RELEASE").or(text("VERSION_ID"));
    let number = number.unwrap_or(if family == "Arch" { "rolling" } else { "" });
    let parts: Vec<Value> = number
        .split('.')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<u64>().map_or(json!(part), Value::from))
        .collect();
    // As Salt, which takes the whole name where there is no word for it.
    let pretty = || match text("PRETTY_NAME") {
        Some(pretty) if id == "debian" => {
            pretty.split_once('(').and_then(|(_, rest)| rest.split(')').next()).or(Some(pretty))
        }
        pretty => pretty,
    };
    let codename = told("DISTRIB_CODENAME").or(text("VERSION_CODENAME")).or_else(pretty).unwrap_or_default();
    let machine = line("/proc/sys/kernel/arch").unwrap_or_else(|| env::consts::ARCH.to_owned());
    let mut facts = super::map([
        ("os", os.into()),
        ("os_family", family.into()),
        ("osfullname", name.into()),
        ("osrelease", number.into()),
        ("oscodename", codename.into()),
        ("osarch", package_arch(family, &machine).into()),
        ("lsb_distrib_id", name.into()),
        ("lsb_distrib_codename", codename.into()),
        ("lsb_distrib_release", number.into()),
    ]);
    if let Some(description) = told("DISTRIB_DESCRIPTION") {
        facts.insert("lsb_distrib_description".to_owned(), description.into());
    }
    if let Some(major) = parts.first() {
        facts.insert("osmajorrelease".to_owned(), major.clone());
        let short = if matches!(os, "Debian" | "Raspbian") { os } else { name };
        let number = if short == "Ubuntu" { number } else { number.split('.').next().unwrap_or(number) };
        facts.insert("osfinger".to_owned(), format!("{short}-{number}").into());
    }
    facts.insert("osrelease_info".to_owned(), parts.into());
    facts
}

fn kernel() -> Map<String, Value> {
    let mut facts = super::map([("kernel", "Linux".into())]);
    let files = [("kernelrelease", "/proc/sys/kernel/osrelease"), ("kernelversion", "/proc/sys/kernel/version")];
    let files = files.into_iter().chain([("machine_id", "/etc/machine-id")]);
    facts.extend(files.filter_map(|(name, path)| Some((name.to_owned(), line(path)?.into()))));
    // The kernel names its machine since 6.1; before, what we were built for is next best.
    let machine = line("/proc/sys/kernel/arch").unwrap_or_else(|| env::consts::ARCH.to_owned());
    facts.insert("cpuarch".to_owned(), machine.into());
    facts.insert("ps".to_owned(), "ps -efHww".into());
    facts
}

/// What packages of this machine are built for, in the words of its family.
fn package_arch(family: &str, machine: &str) -> String {
    let known = match (family, machine) {
        ("Debian", "x86_64") => "amd64",
        ("Debian", "aarch64") => "arm64",
        ("Debian", "i386" | "i486" | "i586" | "i686") => "i386",
        ("Debian", "armv7l" | "armv8l") => "armhf",
        ("Debian", "armv6l" | "armv5tel") => "armel",
        ("Debian", "ppc64le") => "ppc64el",
        (_, machine) => machine,
    };
    known.to_owned()
}

/// The language and the encoding that programs here use, as Python finds them in the environment.
fn locale(variable: impl Fn(&str) -> Option<String>) -> (String, Value) {
    let set = ["LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE"].into_iter().find_map(variable).unwrap_or_default();
    let (language, encoding) = set.split('@').next().and_then(|set| set.split_once('.')).unwrap_or((&set, ""));
    let encoding = match encoding.to_ascii_lowercase().replace('-', "").as_str() {
        "utf8" => "UTF-8".to_owned(),
        "" => if matches!(language, "" | "C" | "POSIX") { "" } else { "ISO8859-1" }.to_owned(),
        _ => encoding.to_owned(),
    };
    // Python knows C with an encoding as English.
    let language = match language {
        "C" | "POSIX" if !encoding.is_empty() => "en_US",
        "C" | "POSIX" | "" => "",
        language => language,
    };
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let detected = if encoding.is_empty() { "ascii" } else { &encoding };
    let info = json!({
        "defaultlanguage": text(language), "defaultencoding": text(&encoding), "detectedencoding": detected,
    });
    ("locale_info".to_owned(), info)
}

fn processors(cpuinfo: &str) -> Map<String, Value> {
    let pairs =
        || cpuinfo.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()));
    let listed = pairs().filter(|(name, _)| *name == "processor").count();
    // Some architectures list none.
    let count = if listed > 0 { listed } else { std::thread::available_parallelism().map_or(1, usize::from) };
    let model = ["model name", "Processor", "cpu model", "Model", "cpu"];
    let model = model.into_iter().find_map(|wanted| pairs().find(|(name, _)| *name == wanted)).map(|(_, value)| value);
    let flags = pairs().find(|(name, _)| matches!(*name, "flags" | "Features")).map_or("", |(_, value)| value);
    let flags: Vec<&str> = flags.split_whitespace().collect();
    super::map([
        ("num_cpus", count.into()),
        ("cpu_model", model.unwrap_or("Unknown").into()),
        ("cpu_flags", flags.into()),
    ])
}

/// Mebibytes, as Salt has them.
fn memory(meminfo: &str) -> Map<String, Value> {
    let kilobytes = |name: &str| {
        let rest = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    let facts = [("mem_total", kilobytes("MemTotal")), ("swap_total", kilobytes("SwapTotal"))];
    facts.into_iter().filter_map(|(name, size)| Some((name.to_owned(), (size? / 1024).into()))).collect()
}

fn process() -> Map<String, Value> {
    let (uid, gid) = (geteuid(), getegid());
    let mut facts = super::map([
        ("pid", std::process::id().into()),
        ("uid", uid.as_raw().into()),
        ("gid", gid.as_raw().into()),
        ("path", variable("PATH").unwrap_or_default().into()),
        ("shell", variable("SHELL").unwrap_or_else(|| "/bin/sh".to_owned()).into()),
    ]);
    if let Ok(Some(user)) = User::from_uid(uid) {
        facts.insert("username".to_owned(), user.name.into());
    }
    if let Ok(Some(group)) = Group::from_gid(gid) {
        facts.insert("groupname".to_owned(), group.name.into());
    }
    facts
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(release: &str) -> Value {
        let mut facts = system(&os_release(release), &BTreeMap::new());
        assert!(facts.remove("osarch").is_some());
        Value::Object(facts)
    }

    #[test]
    fn systems_have_salts_names() {
        let debian = named("NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
        let expected = json!({
            "os": "Debian", "os_family": "Debian", "osfullname": "Debian GNU/Linux", "osrelease": "12",
            "oscodename": "bookworm", "osmajorrelease": 12, "osfinger": "Debian-12", "osrelease_info": [12],
            "lsb_distrib_id": "Debian GNU/Linux", "lsb_distrib_codename": "bookworm", "lsb_distrib_release": "12",
        });
        assert_eq!(debian, expected);
        let ubuntu = named(
            "# what\nNAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\nVERSION_ID='24.04'\nPRETTY_NAME=\"Ubuntu 24.04 LTS\"\n",
        );
        assert_eq!((&ubuntu["osfinger"], &ubuntu["oscodename"]), (&json!("Ubuntu-24.04"), &json!("Ubuntu 24.04 LTS")));
        assert_eq!(named("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 8 (jessie)\"\n")["oscodename"], json!("jessie"));
        assert_eq!(ubuntu["osrelease_info"], json!([24, 4]));
        let lsb = "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\nDISTRIB_CODENAME=noble\nDISTRIB_DESCRIPTION=\"Ubuntu 24.04 LTS\"\n";
        let facts = system(&os_release("NAME=Ubuntu\nID=ubuntu\nVERSION_ID=24\n"), &os_release(lsb));
        assert_eq!((&facts["oscodename"], &facts["osfinger"]), (&json!("noble"), &json!("Ubuntu-24.04")));
        assert_eq!(facts["lsb_distrib_description"], json!("Ubuntu 24.04 LTS"));
        for (id, os, family) in [
            ("centos", "CentOS", "RedHat"),
            ("rhel", "RedHat", "RedHat"),
            ("fedora", "Fedora", "RedHat"),
            ("arch", "Arch", "Arch"),
            ("alpine", "Alpine", "Alpine"),
            ("opensuse-leap", "SUSE", "Suse"),
        ] {
            let facts = named(&format!("NAME=x\nID={id}\n"));
            assert_eq!((&facts["os"], &facts["os_family"]), (&json!(os), &json!(family)));
        }
        let stranger = named("NAME=\"Odd OS\"\nID=odd\nID_LIKE=\"weird fedora\"\n");
        assert_eq!((&stranger["os"], &stranger["os_family"]), (&json!("Odd OS"), &json!("RedHat")));
        assert_eq!(named("garbage\n=\nID")["os"], json!("Linux"));
    }

    #[test]
    fn processors_and_memory_from_the_kernels_files() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: A CPU @ 2GHz\nflags\t: fpu vme\n\nprocessor\t: 1\nmodel name\t: A CPU\n";
        assert_eq!(
            Value::Object(processors(cpuinfo)),
            json!({"num_cpus": 2, "cpu_model": "A CPU @ 2GHz", "cpu_flags": ["fpu", "vme"]})
        );
        assert!(processors("")["num_cpus"].as_u64().unwrap() > 0);
        let meminfo = "MemTotal:        2048000 kB\nMemFree: 1 kB\nSwapTotal: 1024 kB\n";
        assert_eq!(Value::Object(memory(meminfo)), json!({"mem_total": 2000, "swap_total": 1}));
        assert!(memory("MemTotal: much").is_empty());
    }

    #[test]
    fn languages_and_encodings() {
        let info = |set: &'static str| locale(|name| (name == "LANG" && !set.is_empty()).then(|| set.to_owned())).1;
        let expected = |language: Value, encoding: Value, detected: &str| json!({"defaultlanguage": language, "defaultencoding": encoding, "detectedencoding": detected});
        assert_eq!(info("de_DE.utf8"), expected(json!("de_DE"), json!("UTF-8"), "UTF-8"));
        assert_eq!(info("C.UTF-8"), expected(json!("en_US"), json!("UTF-8"), "UTF-8"));
        for none in ["", "C"] {
            assert_eq!(info(none), expected(Value::Null, Value::Null, "ascii"));
        }
    }

    #[test]
    fn packages_have_their_familys_word_for_the_machine() {
        assert_eq!(package_arch("Debian", "x86_64"), "amd64");
        assert_eq!(package_arch("RedHat", "x86_64"), "x86_64");
        assert_eq!(package_arch("Debian", "riscv64"), "riscv64");
    }

    #[test]
    fn server_ids_are_salts() {
        // As a Salt 2018.3.5 minion of this id says.
        assert_eq!(server_id("salt1x"), 2_098_601_397);
    }

    #[test]
    fn this_machine_has_all_that_every_machine_has() {
        let facts = collect();
        let always = "os os_family osfullname osrelease kernel kernelrelease kernelversion cpuarch num_cpus cpu_model mem_total \
                      host fqdn domain nodename localhost ip4_interfaces ip6_interfaces ipv4 ipv6 hwaddr_interfaces virtual \
                      path pid shell uid gid";
        for name in always.split_whitespace() {
            assert!(facts.contains_key(name), "{name}");
        }
        assert!(facts["ipv4"].as_array().unwrap().contains(&json!("127.0.0.1")), "{}", facts["ipv4"]);
        assert!(facts["mem_total"].as_u64().unwrap() > 0);
    }
}
