//! What the machine says of its parts: disks, firmware, arrays, who virtualises it, what its first process is. Reads files
//! below `/proc` and `/sys`; starts no program.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::facts::{line, read};

/// Most bytes read of the first process's program, to tell whose it is.
const INIT_MAX: u64 = 4 << 20;

/// The facts of the parts, under Salt 2018.3's names.
pub(super) fn collect() -> Map<String, Value> {
    let mut facts = disks();
    facts.extend(firmware());
    facts.extend(read("/proc/mdstat").map(|text| ("mdadm".to_owned(), arrays(&text))));
    facts.extend(guard());
    let (machine, container) = virtualisation();
    facts.insert("virtual".to_owned(), machine.into());
    facts.extend(container.map(|kind| ("virtual_subtype".to_owned(), kind.into())));
    facts.insert("init".to_owned(), init().into());
    if !Path::new("/sys/module/zfs").exists() {
        facts.extend(super::map([("zfs_support", false.into()), ("zfs_feature_flags", false.into())]));
    }
    facts
}

/// Block devices, by what the kernel takes them for.
fn disks() -> Map<String, Value> {
    let (mut still, mut turning) = (Vec::new(), Vec::new());
    for entry in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match line(&format!("/sys/block/{name}/queue/rotational")).as_deref() {
            Some("0") => still.push(name),
            Some("1") => turning.push(name),
            _ => {}
        }
    }
    still.sort_unstable();
    turning.sort_unstable();
    super::map([("SSDs", still.into()), ("disks", turning.into())])
}

/// What the firmware tells, as far as we may read it.
fn firmware() -> Map<String, Value> {
    let files = [
        ("biosversion", "bios_version"),
        ("productname", "product_name"),
        ("manufacturer", "sys_vendor"),
        ("biosreleasedate", "bios_date"),
        ("uuid", "product_uuid"),
        ("serialnumber", "product_serial"),
    ];
    let text = |(name, file): (&str, &str)| {
        let text = line(&format!("/sys/class/dmi/id/{file}"))?;
        Some((name.to_owned(), if name == "uuid" { text.to_lowercase() } else { text }.into()))
    };
    files.into_iter().filter_map(text).collect()
}

/// The arrays of mdstat.
fn arrays(mdstat: &str) -> Value {
    let name = |line: &str| Some(line.split_once(" : ")?.0.trim().to_owned());
    let mut names: Vec<_> = mdstat.lines().filter(|line| !line.starts_with("Personalities")).filter_map(name).collect();
    names.sort_unstable();
    names.into()
}

/// SELinux, where the kernel has it.
fn guard() -> Map<String, Value> {
    let Some(enforce) = line("/sys/fs/selinux/enforce") else { return Map::new() };
    let enforced = if enforce == "1" { "Enforcing" } else { "Permissive" };
    super::map([("selinux", json!({"enabled": true, "enforced": enforced}))])
}

/// In what we run, as far as files tell, in Salt's words where it has one: the machine, and the container in it.
fn virtualisation() -> (String, Option<String>) {
    let vendor = line("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
    let product = line("/sys/class/dmi/id/product_name").unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
    let is_guest = cpuinfo
        .lines()
        .any(|line| line.starts_with("flags") && line.split_whitespace().any(|flag| flag == "hypervisor"));
    let groups = read("/proc/1/cgroup").unwrap_or_default();
    (hypervisor(&vendor, &product, is_guest).to_owned(), container(&groups, line("/run/systemd/container").as_deref()))
}

fn hypervisor(vendor: &str, product: &str, is_guest: bool) -> &'static str {
    let has = |part: &str| vendor.contains(part) || product.contains(part);
    match () {
        () if has("VMware") => "VMware",
        () if has("VirtualBox") => "VirtualBox",
        () if has("Xen") => "xen",
        () if vendor.contains("Microsoft") && product.contains("Virtual") => "VirtualPC",
        () if has("Parallels") => "Parallels",
        () if has("Google Compute") => "gce",
        () if has("QEMU") || has("KVM") || has("Bochs") || has("Amazon EC2") => "kvm",
        () if is_guest => "kvm",
        () => "physical",
    }
}

/// The container, by the first process's control groups, or by what systemd left.
fn container(groups: &str, told: Option<&str>) -> Option<String> {
    let has = |part: &str| groups.contains(part);
    match told {
        _ if has(":/lxc/") => Some("LXC".to_owned()),
        _ if has(":/docker/") || has(":/docker-ce/") || has(":/system.slice/docker") => Some("Docker".to_owned()),
        Some("lxc") => Some("LXC".to_owned()),
        Some("docker") => Some("Docker".to_owned()),
        other => other.map(str::to_owned),
    }
}

/// Which init the machine has, in Salt's words.
fn init() -> String {
    if Path::new("/run/systemd/system").exists() {
        return "systemd".to_owned();
    }
    let command = read("/proc/1/cmdline").unwrap_or_default();
    let first = command.split(['\0', ' ']).next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default();
    match name {
        "init" => program("/sbin/init"),
        "supervisord" => name.to_owned(),
        "runit" | "my_init" => "runit".to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// Whose program an init is, by the name it bears inside.
fn program(path: &str) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    let is_read = fs::File::open(path).and_then(|file| file.take(INIT_MAX).read_to_end(&mut bytes)).is_ok();
    let has = |name: &str| is_read && bytes.windows(name.len()).any(|window| window == name.as_bytes());
    ["upstart", "sysvinit", "systemd"].into_iter().find(|name| has(name)).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors() {
        assert_eq!(hypervisor("QEMU", "Standard PC", true), "kvm");
        assert_eq!(hypervisor("Microsoft Corporation", "Virtual Machine", true), "VirtualPC");
        assert_eq!(hypervisor("Microsoft Corporation", "Surface", false), "physical");
        assert_eq!(hypervisor("VMware, Inc.", "VMware7,1", true), "VMware");
        assert_eq!(hypervisor("Google", "Google Compute Engine", true), "gce");
    }

    #[test]
    fn containers() {
        assert_eq!(container("4:memory:/docker/0a1b\n", None).as_deref(), Some("Docker"));
        assert_eq!(container("4:memory:/lxc/web1\n", Some("lxc")).as_deref(), Some("LXC"));
        assert_eq!(container("0::/\n", Some("podman")).as_deref(), Some("podman"));
        assert_eq!(container("9:name=systemd:/\n", None), None);
    }

    #[test]
    fn arrays_by_name() {
        let mdstat = "Personalities : [raid1]\nmd1 : active raid1 sdb2[1]\n      10 blocks\nmd0 : active raid1 sda1[0]\n\nunused devices: <none>\n";
        assert_eq!(arrays(mdstat), json!(["md0", "md1"]));
    }

    #[test]
    fn this_machine() {
        let facts = collect();
        for name in ["SSDs", "disks", "virtual", "init"] {
            assert!(facts.contains_key(name), "{name}");
        }
    }
}
