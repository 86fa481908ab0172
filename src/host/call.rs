//! `roadstead call`: one function, here and now, without a master. What the minion of this host would answer.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::fault::{Exit, Fault};
use super::runner::Runner;
use super::settings::Settings;
use super::show::{self, Form};
use crate::duty::{Outcome, Work};
use crate::functions::{Context, Grains, Registry};

/// What stands for the minion's id and the job's: Salt's word for it.
const LOCAL: &str = "local";

/// Runs a function and writes what it returns to `out`. Ctrl-C ends it and its process group. `work` needs no job id.
pub fn call(settings: &Settings, work: Work, form: Form, out: &mut impl Write) -> Result<Exit, Fault> {
    let grains = Grains::new(settings.id.clone(), settings.master.clone(), settings.grains.clone());
    let runner = Runner::new(Registry::standard(), Context::new(settings.id.clone(), None, Arc::new(grains)), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let work = Work { jid: LOCAL.to_owned(), ..work };
    let (outcome, interrupted) = runtime.block_on(run(runner, work)).map_err(system)?;
    match write(&outcome, form, out) {
        // Whoever read it (`head`, `less`) has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(Fault::new(Exit::Failed, format!("the answer cannot be written: {error}"))),
        Ok(()) => {}
    }
    Ok(match (interrupted, outcome.success) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Well,
        (false, false) => Exit::Failed,
    })
}

/// The outcome, and whether a signal asked for it.
async fn run(mut runner: Runner, work: Work) -> io::Result<(Outcome, bool)> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    runner.start(work);
    tokio::select! {
        outcome = runner.next() => return Ok((outcome, false)),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    runner.kill(LOCAL);
    Ok((runner.next().await, true))
}

fn write(outcome: &Outcome, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Text => out.write_all(show::value_of(LOCAL, &outcome.value).as_bytes())?,
        Form::Json => writeln!(out, "{}", json!({ LOCAL: outcome.value }))?,
    }
    out.flush()
}

fn system(error: io::Error) -> Fault {
    Fault::new(Exit::Refused, format!("the system does not let us run it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::settings::DutyKind;
    use serde_json::{Map, Value};
    use std::path::Path;

    fn run(fun: &str, args: &[Value], form: Form) -> (Exit, String) {
        let text = "id: web1\nmaster: hub.example.org\ngrains: {rack: a1}\n";
        let (settings, _) = Settings::parse(DutyKind::Minion, text, Path::new("minion"), None).unwrap();
        let work = Work { jid: String::new(), fun: fun.to_owned(), args: args.to_vec(), kwargs: Map::new() };
        let mut out = Vec::new();
        let exit = call(&settings, work, form, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn answers_as_salt_call_does() {
        assert_eq!(run("test.ping", &[], Form::Text), (Exit::Well, "local:\n    True\n".to_owned()));
        assert_eq!(run("test.ping", &[], Form::Json), (Exit::Well, "{\"local\":true}\n".to_owned()));
        let args = [json!("rack")];
        assert_eq!(run("grains.get", &args, Form::Text), (Exit::Well, "local:\n    a1\n".to_owned()));
        assert_eq!(run("grains.get", &[json!("master")], Form::Json).1, "{\"local\":\"hub.example.org\"}\n");
    }

    #[test]
    fn failures_are_shown_and_told_to_the_shell() {
        let (exit, text) = run("cmd.run", &[json!("echo so far; exit 9")], Form::Text);
        assert_eq!((exit, text.as_str()), (Exit::Failed, "local:\n    so far\n"));
        let (exit, text) = run("no.such", &[], Form::Text);
        assert_eq!((exit, text.as_str()), (Exit::Failed, "local:\n    'no.such' is not available.\n"));
    }
}
