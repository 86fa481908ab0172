//! What a run measures, in which order and for how long; and what the command line may change about it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::link::Spec;
use crate::link::spec::GRID;
use crate::peers::{Peer, all, tls};
use crate::report::{Measured, Results};
use crate::run::Ground;
use crate::work::{Job, Work};
use crate::{cipher, plot};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Roadstead beside its peers, over loopback and over emulated links.

  check              measure the link emulator instead of the peers
  --quick            three minutes instead of twenty
  --peers A,B        only peers whose names contain A or B
  --links A,B        only links whose names contain A or B (`loopback` is one of them)
  --works A,B        only these: bulk paced request flood handshake handshakes idle
  --runs N           repeat what is measured over loopback, and take medians
  --report FOLDER    write report.txt and report.svg there (seen from benches/peers)
";

/// How much is measured.
pub(crate) struct Plan {
    quick: bool,
    peers: Vec<String>,
    links: Vec<String>,
    works: Vec<Work>,
    runs: usize,
    report: Option<PathBuf>,
}

/// Links of a quick run, and those whose delays are measured, by their places in the grid.
const QUICK: &[usize] = &[0, 2, 4];
const DELAYS: &[usize] = &[0, 2, 4, 5, 10];
const QUICK_DELAYS: &[usize] = &[4];

impl Plan {
    /// The plan these arguments ask for.
    pub(crate) fn read(arguments: &[String]) -> Result<Self> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let runs = if quick { 1 } else { 3 };
        let (peers, links) = (Vec::new(), Vec::new());
        let mut plan = Self { quick, peers, links, works: Work::ALL.to_vec(), runs, report: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{argument} wants a value"));
            let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
            match argument.as_str() {
                // cargo adds the second to what it runs as a bench.
                "--quick" | "--bench" => {}
                "--peers" => plan.peers = list(value()?),
                "--links" => plan.links = list(value()?),
                "--works" => plan.works = list(value()?).iter().map(|work| work.parse()).collect::<Result<_>>()?,
                "--runs" => plan.runs = value()?.parse()?,
                "--report" => plan.report = Some(value()?.into()),
                other => bail!("{other} is not understood\n\n{HELP}"),
            }
        }
        Ok(plan)
    }

    /// Measures everything, prints the tables, and writes them where asked.
    pub(crate) fn run(&self) -> Result<()> {
        let mut without = None;
        let ground = Ground::prepare(&mut without)?;
        let peers: Vec<&dyn Peer> = all().into_iter().filter(|peer| chosen(&self.peers, peer.name())).collect();
        let mut results = Results { peers: peers.iter().map(|peer| peer.name()).collect(), ..Results::default() };
        results.notes.extend(limits(without));
        let before = load();
        self.loopback(&ground, &peers, &mut results);
        self.grid(&ground, &peers, &mut results);
        results
            .notes
            .push(format!("Others wanted the processors too: load {before} before, {} after (ours included)", load()));
        results.notes.extend(cipher::lines(Duration::from_millis(if self.quick { 200 } else { 1_000 }))?);
        let text = results.tables();
        println!("{text}");
        if let Some(folder) = &self.report {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join("report.txt"), text)?;
            std::fs::write(folder.join("report.svg"), plot::svg(&results))?;
        }
        Ok(())
    }

    fn loopback(&self, ground: &Ground, peers: &[&dyn Peer], results: &mut Results) {
        if !chosen(&self.links, "loopback") {
            return;
        }
        let time = Duration::from_secs(if self.quick { 1 } else { 2 });
        let works: Vec<Work> = self.works.iter().copied().filter(|work| *work != Work::Paced).collect();
        // Turn by turn, so that a neighbour's busy minute does not fall on one peer alone.
        for _ in 0..self.runs {
            for work in &works {
                for peer in peers.iter().filter(|peer| peer.can(*work)) {
                    let figures = ground.loopback(*peer, Job { work: *work, time });
                    results.keep(None, peer.name(), *work, figures);
                }
            }
        }
    }

    fn grid(&self, ground: &Ground, peers: &[&dyn Peer], results: &mut Results) {
        let (mut latest, mut busiest) = (0.0_f64, 0.0_f64);
        for (at, spec) in GRID.iter().enumerate() {
            let named =
                if self.links.is_empty() { !self.quick || QUICK.contains(&at) } else { chosen(&self.links, spec.name) };
            if !named {
                continue;
            }
            results.links.push(spec.clone());
            let delays = if self.quick { QUICK_DELAYS } else { DELAYS };
            for (work, seconds) in [(Work::Bulk, 8), (Work::Paced, 5)] {
                if !self.works.contains(&work) || (work == Work::Paced && !delays.contains(&at)) {
                    continue;
                }
                let job = Job { work, time: Duration::from_secs(if self.quick { 3 } else { seconds }) };
                for peer in peers.iter().filter(|peer| over_links(**peer, work) && ground.carries(**peer)) {
                    let figures = ground.over(spec, at as u64 + 1, *peer, job).map(|(mut figures, counts)| {
                        figures.set("emulator-late", counts.lateness(0.01));
                        latest = latest.max(counts.lateness(0.01));
                        busiest = busiest.max(counts.processor / counts.seconds);
                        figures
                    });
                    results.keep(Some(spec), peer.name(), work, figures);
                }
            }
        }
        if !results.links.is_empty() {
            let busiest = busiest * 100.0;
            let note = format!(
                "Emulator: in the worst run 99 % of packets no later than {latest:.2} ms, {busiest:.0} % of a core"
            );
            results.notes.push(note);
        }
    }
}

impl Results {
    fn keep(&mut self, link: Option<&Spec>, peer: &'static str, work: Work, figures: Result<crate::work::Figures>) {
        let place = link.map_or("loopback", |spec| spec.name);
        match figures {
            Ok(figures) => {
                let all: Vec<String> = figures.0.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
                eprintln!("{place}, {peer}, {work}: {}", all.join(", "));
                self.measured.push(Measured { link: link.cloned(), peer, work, figures });
            }
            Err(error) => {
                eprintln!("{place}, {peer}, {work}: {error:#}");
                self.notes.push(format!("{peer} failed, {place}, {work}: {error:#}"));
            }
        }
    }
}

/// Those whose losses somebody could care about: not TCP in the clear, which is TLS's twin, nor UDP, which loses.
fn over_links(peer: &dyn Peer, work: Work) -> bool {
    peer.can(work) && !["TCP,", "UDP", "iB"].iter().any(|part| peer.name().contains(part))
}

fn chosen(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|part| name.to_lowercase().contains(&part.to_lowercase()))
}

/// What this machine keeps from being measured.
fn limits(without: Option<String>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(why) = without {
        notes.push(format!(
            "No namespaces ({why}): links are a UDP relay, and TCP's peers were measured over loopback only."
        ));
    }
    if !tls::has("bbr") {
        notes.push("This kernel has no BBR (`modprobe tcp_bbr`): its TCP rows are missing.".to_owned());
    }
    if cfg!(not(feature = "zeromq")) {
        notes.push("ZeroMQ CURVE was not built (feature `zeromq`: a C++ compiler and libsodium's headers).".to_owned());
    }
    notes
}

/// Load averages of the last minutes, as the system says.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
