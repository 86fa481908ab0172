//! What a master has for its minions besides jobs, and who answers which request for it (Salt over RAET §6). Owns the
//! bounded threads they are answered on: a disk that is slow, or a pillar that is, keeps no job waiting.

use std::future;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::base::Name;
use crate::clock::Clock;
use crate::duty::Asked;
use crate::host::facts::FactFiles;
use crate::host::files::FileServer;
use crate::host::mine::Mine;
use crate::host::pillar::{Pillar, Question};
use crate::host::settings::Settings;

/// Everything there is to answer from.
#[derive(Debug)]
pub struct Library {
    pillar: Pillar,
    files: FileServer,
    mine: Mine,
}

impl Library {
    /// As the settings say.
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        Self {
            pillar: Pillar::new(settings),
            files: FileServer::new(&settings.files, clock),
            mine: Mine::new(settings),
        }
    }

    /// The answer to a request, as one MessagePack value; none for a request of another kind.
    pub fn answer(&self, asked: &Asked) -> Option<Bytes> {
        let load = asked.load().ok()?;
        match load.get("cmd").and_then(Value::as_str)? {
            "_pillar" => encode(&self.pillar(&asked.from, &load)),
            cmd => {
                let answer = self.files.answer(&asked.from, cmd, &load);
                answer.or_else(|| self.mine.answer(&asked.from, cmd, &load)).or_else(|| {
                    tracing::debug!(from = %asked.from, cmd, "an unknown request");
                    None
                })
            }
        }
    }

    fn pillar(&self, id: &Name, load: &Map<String, Value>) -> Map<String, Value> {
        let text = |key: &str| load.get(key).and_then(Value::as_str);
        let nothing = Map::new();
        let map = |key: &str| load.get(key).and_then(Value::as_object).unwrap_or(&nothing);
        self.files.on_grains(id, map("grains"));
        self.pillar.compile(&Question {
            id,
            grains: map("grains"),
            saltenv: text("saltenv"),
            pillarenv: text("pillarenv"),
            pillar_override: map("pillar_override"),
        })
    }
}

/// One MessagePack value, structs as maps.
pub fn encode(value: &impl Serialize) -> Option<Bytes> {
    rmp_serde::to_vec_named(value).ok().map(Bytes::from)
}

/// A library with threads to answer on: as many as the duty has requests with the host at once.
#[derive(Debug)]
pub struct Desk {
    library: Arc<Library>,
    facts: FactFiles,
    sender: mpsc::UnboundedSender<(u64, Option<Bytes>)>,
    answers: mpsc::UnboundedReceiver<(u64, Option<Bytes>)>,
}

impl Desk {
    /// A desk where nobody asks yet.
    pub fn new(library: Library, facts: FactFiles) -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        Self { library: Arc::new(library), facts, sender, answers }
    }

    /// The facts kept since an earlier start, of the minions that are `known`.
    pub fn recall(&self, known: impl Fn(&Name) -> bool) -> Vec<(Name, Bytes)> {
        self.facts.load(known)
    }

    /// Keeps a minion's facts, or forgets them.
    pub fn remember(&self, id: Name, facts: Option<Bytes>) {
        self.facts.put(id, facts);
    }

    /// Begins with a request; [`next`](Self::next) gives its answer, whatever happens.
    pub fn start(&self, asked: Asked) {
        let library = self.library.clone();
        let owed = Owed { number: asked.number, answer: None, sender: self.sender.clone() };
        tokio::task::spawn_blocking(move || {
            let answer = library.answer(&asked);
            owed.give(answer);
        });
    }

    /// The next answer and its request's number. Cancel safe.
    pub async fn next(&mut self) -> (u64, Option<Bytes>) {
        match self.answers.recv().await {
            Some(answer) => answer,
            // Cannot be: we hold a sender ourselves.
            None => future::pending().await,
        }
    }
}

/// An answer that is given at its end, however that comes.
struct Owed {
    number: u64,
    answer: Option<Bytes>,
    sender: mpsc::UnboundedSender<(u64, Option<Bytes>)>,
}

impl Owed {
    fn give(mut self, answer: Option<Bytes>) {
        self.answer = answer;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        // Nobody listens any more only when the daemon ends.
        let _ = self.sender.send((self.number, self.answer.take()));
    }
}
