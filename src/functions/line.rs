//! How a running function talks to its minion and, through it, to the master. Knows the questions, not how they travel.

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Call, Control, Fault};
use crate::duty::Ask;

/// A running minion, as its functions see it.
pub trait Line: Debug + Send + Sync {
    /// Asks, and waits for the answer or until the job is killed. Not for long: what a master does not answer within a
    /// minute fails.
    fn ask(&self, ask: Ask, control: &Control) -> Result<Value, Fault>;
}

impl Call<'_> {
    /// Sends the master a request (Salt over RAET §6) and gives its answer.
    pub(super) fn request<const N: usize>(&self, cmd: &str, load: [(&str, Value); N]) -> Result<Value, Fault> {
        let mut load = super::map(load);
        load.insert("cmd".to_owned(), cmd.into());
        self.ask(Ask::Request(load))
    }

    /// Has the minion ask for its pillar, with these grains from now on if there are any; gives `true` once it is there.
    pub(super) fn refresh_pillar(&self, grains: Option<Arc<Map<String, Value>>>) -> Result<Value, Fault> {
        self.ask(Ask::Pillar(grains))
    }

    fn ask(&self, ask: Ask) -> Result<Value, Fault> {
        match &self.context.line {
            Some(line) => line.ask(ask, &self.context.control),
            None => Err(Fault::failed(
                "This needs the master, and so a running minion: ask it through its master, with `roadstead run`.",
            )),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A master that answers what the test says, and what it was asked.
    #[derive(Debug, Default)]
    pub(crate) struct Script {
        pub(crate) answers: Mutex<Vec<Result<Value, Fault>>>,
        pub(crate) asked: Mutex<Vec<Ask>>,
    }

    impl Line for Script {
        fn ask(&self, ask: Ask, _: &Control) -> Result<Value, Fault> {
            self.asked.lock().unwrap().push(ask);
            self.answers.lock().unwrap().pop().unwrap_or(Ok(Value::Bool(true)))
        }
    }
}
