//! A master or a minion from its settings: keys, socket, lane, duty; and the signals that end it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::base::{Acceptance, Fingerprint, Name, Random};
use crate::clock::Clock;
use crate::drive::entropy;
use crate::drive::lane::{LanePort, MANOR};
use crate::drive::udp::{UdpPort, UdpSeat};
use crate::drivers::raet::Raet;
use crate::drivers::raet::shards::Shards;
use crate::functions::{Context, Grains, Registry};
use crate::host::facts::FactFiles;
use crate::host::library::{Desk, Library};
use crate::host::policy::PolicyFiles;
use crate::host::runner::{self, Runner};
use crate::host::serve::{Daemon, Stop};
use crate::host::settings::{DutyKind, Settings};
use crate::keep::OwnKeys;
use crate::keep::store::Store;
use crate::keep::token::NoToken;
use crate::master::{self, Master};
use crate::minion::{self, Minion};
use crate::nacl::Secret;
use crate::road::{Config, Enrolment, Fast, Mutable, Trust};
use crate::transport::Event;
use crate::wire::v1::Parameters;

/// Between two tries to find the master's address.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);

/// Silence after which a daemon shows that it is alive: an operator learns as soon as over the classic wire that a host is
/// gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Runs a master or a minion, as the settings say, until a signal ends it.
pub fn run(settings: &Settings) -> Result<(), Stop> {
    super::user::become_user(settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Stop::config)?;
    let end = runtime.block_on(async {
        match settings.duty {
            DutyKind::Master => master(settings).await,
            DutyKind::Minion => minion(settings).await,
        }
    });
    // A request that is still being answered has nobody to answer to.
    runtime.shutdown_background();
    end
}

/// The daemon's own keys, made at its first start.
pub fn own_keys(store: &Store) -> Result<OwnKeys, Stop> {
    if let Some(keys) = store.own_keys().map_err(Stop::config)? {
        return Ok(keys);
    }
    let keys = OwnKeys::generate(&mut Random::new(entropy::seed().map_err(Stop::config)?));
    store.create_own_keys(&keys, false).map_err(Stop::config)?;
    tracing::info!("made a new key");
    Ok(keys)
}

/// The fingerprint of the daemon's own key, which is made if there is none yet.
pub fn fingerprint(settings: &Settings) -> Result<Fingerprint, Stop> {
    super::user::become_user(settings)?;
    Ok(own_keys(&store(settings)?)?.public(settings.id.clone()).fingerprint())
}

/// The key store of these settings.
pub fn store(settings: &Settings) -> Result<Store, Stop> {
    Store::open(&settings.pki_dir, Some(&settings.estate_dir())).map_err(Stop::config)
}

/// The lane's name: `master`, or `<id>_minion` (Salt over RAET §1).
pub fn lane_name(settings: &Settings) -> Name {
    match settings.duty {
        DutyKind::Master => Name::new("master").unwrap_or_else(|_| settings.id.clone()),
        DutyKind::Minion => settings.estate_name(),
    }
}

async fn master(settings: &Settings) -> Result<(), Stop> {
    let (clock, stop) = (Clock::start(), stopped()?);
    let lane = bind_lane(settings)?;
    let address = (settings.interface, settings.raet_port).into();
    let mut seats = UdpSeat::bind_all(address, settings.shards as usize).map_err(Stop::config)?;
    let store = store(settings)?;
    let keys = own_keys(&store)?;
    let mut files = PolicyFiles::new(settings);
    let policy = files.read();
    let config = Config { main: true, kind: 0, ..road(settings, &store)? };
    greet(settings, &keys, seats.first().and_then(UdpSeat::address));
    let config_of_duty =
        master::Config { id: settings.id.clone(), version: version(), policy, groups: settings.nodegroups.clone() };
    let mut duty = Master::new(config_of_duty, clock.now());
    let desk = Desk::new(Library::new(settings, clock), FactFiles::new(&settings.cachedir));
    let known = store.roll().map_err(Stop::config)?.roll;
    for (id, facts) in desk.recall(|id| known.find(id).is_some()) {
        duty.recall(&id, facts);
    }
    let desk = Some(desk);
    let before = |duty: &mut Master, event: &Event| {
        if matches!(event, Event::Knock { .. })
            && let Some(policy) = files.read_if_changed()
        {
            duty.set_policy(policy);
        }
    };
    if let Some(seat) = seats.pop_if(|_| settings.shards == 1) {
        let port = UdpPort::new(seat).map_err(Stop::config)?;
        let transport = raet(config, keys, store, port, clock)?;
        return Daemon { duty, transport, lane, runner: None, desk, clock }.run(stop, before).await;
    }
    let seed = entropy::seed().map_err(Stop::config)?;
    let transport = Shards::new(config, keys, store, seats, clock, seed).map_err(Stop::config)?;
    Daemon { duty, transport, lane, runner: None, desk, clock }.run(stop, before).await
}

async fn minion(settings: &Settings) -> Result<(), Stop> {
    let (clock, stop) = (Clock::start(), stopped()?);
    tokio::pin!(stop);
    let lane = bind_lane(settings)?;
    let store = store(settings)?;
    let keys = own_keys(&store)?;
    let master = tokio::select! {
        () = &mut stop => return Ok(()),
        master = resolve(settings) => master,
    };
    let interface = match (settings.interface, master.ip()) {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        (interface, _) => interface,
    };
    let port = UdpPort::bind((interface, settings.raet_port).into()).map_err(Stop::config)?;
    let host = settings.master.clone().unwrap_or_default();
    let config = Config { kind: 1, dial: vec![master], fqdn: host.clone(), ..road(settings, &store)? };
    greet(settings, &keys, port.address());
    let finger = keys.public(settings.id.clone()).fingerprint();
    let config_of_duty = minion::Config {
        id: settings.id.clone(),
        version: version(),
        finger,
        master_finger: settings.master_finger,
        // With a token, its proof is what a master is taken by; and none is on the classic wire.
        auto_accept: settings.auto_accept && (settings.enrolment_file.is_none() || settings.master_finger.is_some()),
    };
    let duty = Minion::new(config_of_duty, clock.now());
    let grains = Arc::new(Grains::new(settings.id.clone(), Some(host.clone()), settings.grains.clone()));
    let context = Context::new(settings.id.clone(), Some(host), grains);
    let runner = Some(Runner::new(Registry::standard(), context, runner::WIDTH));
    let transport = raet(config, keys, store, port, clock)?;
    Daemon { duty, transport, lane, runner, desk: None, clock }.run(stop, |_, _| ()).await
}

fn road(settings: &Settings, store: &Store) -> Result<Config, Stop> {
    Ok(Config {
        // As Salt: `raet_mutable` or `open_mode`; without them a known estate may move, once its key is proved anew.
        mutable: if settings.raet_mutable || settings.open_mode { Mutable::Anything } else { Mutable::Address },
        trust: if settings.open_mode { Trust::Always } else { Trust::Never },
        salt_names: true,
        wires: settings.wires,
        fast: fast(settings, store)?,
        ..Config::new(settings.estate_name(), settings.id.clone())
    })
}

/// The fast wire knows roles only: what stands behind them in estates' names is ours to add.
fn fast(settings: &Settings, store: &Store) -> Result<Fast, Stop> {
    let parameters = Parameters { keep_alive: KEEP_ALIVE.as_millis() as u64, ..Parameters::default() };
    let peers = match settings.duty {
        DutyKind::Master => "_minion",
        DutyKind::Minion => "_master",
    };
    Ok(Fast {
        suites: settings.ciphers.clone(),
        control: settings.congestion,
        peers: peers.to_owned(),
        parameters,
        site: settings.site_secret_file.as_deref().map(|path| site(store, path)).transpose()?,
        enrolment: enrolment(settings, store)?,
        ..Fast::default()
    })
}

/// The secret of a site, of the file its operator made for all its machines.
fn site(store: &Store, path: &Path) -> Result<Secret, Stop> {
    let mut secret = [0; 32];
    let text = store.secret_text(path).map_err(Stop::config)?;
    hex::decode_to_slice(text.as_bytes(), &mut secret).map_err(|_| {
        let path = path.display();
        Stop::config(format!(
            "{path}: not 64 hex digits; make it with `openssl rand -hex 32`, the same for all machines of a site"
        ))
    })?;
    Ok(Secret::from_bytes(secret))
}

/// The token of a file. With the master's fingerprint in the settings it is that which proves the master.
fn enrolment(settings: &Settings, store: &Store) -> Result<Option<Enrolment>, Stop> {
    let Some(path) = settings.enrolment_file.as_deref() else { return Ok(None) };
    // Its work is done, and whoever cleans up after it is right.
    let has_master = || store.roll().is_ok_and(|read| read.roll.iter().any(|(_, a)| a == Acceptance::Accepted));
    if !path.exists() && has_master() {
        return Ok(None);
    }
    let text = store.secret_text(path).map_err(Stop::config)?;
    let token = text.parse().map_err(|why: NoToken| {
        Stop::config(format!("{}: {why}; make one on the master with `estate-keys token new`", path.display()))
    })?;
    Ok(Some(Enrolment { token, proves: settings.master_finger.is_none() }))
}

fn raet(config: Config, keys: OwnKeys, store: Store, port: UdpPort, clock: Clock) -> Result<Raet, Stop> {
    let seed = entropy::seed().map_err(Stop::config)?;
    Raet::new(config, keys, store, port, clock, seed).map_err(Stop::config)
}

fn bind_lane(settings: &Settings) -> Result<LanePort, Stop> {
    let random = Random::new(entropy::seed().map_err(Stop::config)?);
    let yard = Name::new(MANOR).map_err(Stop::config)?;
    LanePort::bind(&settings.sock_dir, &lane_name(settings), &yard, random).map_err(Stop::config)
}

fn greet(settings: &Settings, keys: &OwnKeys, address: Option<SocketAddr>) {
    let fingerprint = keys.public(settings.id.clone()).fingerprint();
    let address = address.map_or_else(|| "?".to_owned(), |address| address.to_string());
    let shards = settings.shards;
    tracing::info!(duty = %settings.duty, id = %settings.id, %address, shards, %fingerprint, "started");
    if settings.open_mode {
        tracing::warn!("open_mode is on: no key is checked, and anybody may be anyone; for a laboratory only");
    }
}

/// The master's address, however long it takes to learn it.
async fn resolve(settings: &Settings) -> SocketAddr {
    let host = settings.master.clone().unwrap_or_default();
    loop {
        let why = match tokio::net::lookup_host((host.as_str(), settings.master_port)).await {
            Ok(mut found) => match found.next() {
                Some(address) => return address,
                None => "it has no address".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        tracing::warn!("cannot find the master '{host}' ({why}); trying again every {RESOLVE_EVERY:?}");
        tokio::time::sleep(RESOLVE_EVERY).await;
    }
}

/// Done when a signal asks the daemon to end.
fn stopped() -> Result<impl Future<Output = ()>, Stop> {
    let mut term = signal(SignalKind::terminate()).map_err(Stop::config)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Stop::config)?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => tracing::info!("stopped by SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stopped by SIGINT"),
        }
    })
}

/// What we say our version is.
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
