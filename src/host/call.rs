//! `roadstead call`: one function on this host, as its minion would run it. Needs no daemon and talks to nobody.

use std::io::{self, Write};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::fault::{Exit, Fault};
use super::publish::written;
use super::runner::{Runner, Told};
use super::settings::Settings;
use super::show::{self, Form};
use crate::duty::request::Return;
use crate::duty::{Outcome, Work};
use crate::functions::{Context, Grains, Registry};

/// What stands above the answer, as in `salt-call`: it is this host's, whatever its id.
const LOCAL: &str = "local";

/// Runs `work` and writes what it returns to `out`. A signal ends it as it would end a job, whatever it has started.
pub fn call(settings: &Settings, work: Work, form: Form, out: &mut impl Write) -> Result<Exit, Fault> {
    let grains = Arc::new(Grains::new(settings.id.clone(), settings.master.clone(), settings.grains.clone()));
    let context = Context::new(settings.id.clone(), settings.master.clone(), grains);
    let context = Context { settings: Arc::new(settings.items()), ..context };
    let fun = work.fun.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let run = runtime.and_then(|runtime| runtime.block_on(run(context, work)));
    let (outcome, is_interrupted) = run.map_err(|error| Fault::new(Exit::Usage, error))?;
    let Outcome { jid, value, retcode, success } = outcome;
    let answer = Return { jid, id: settings.id.clone(), fun, value, retcode, success };
    if let Err(error) = write(&answer, form, out) {
        return written(error);
    }
    Ok(match (is_interrupted, answer.success && answer.retcode == 0) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Well,
        (false, false) => Exit::Failed,
    })
}

/// The outcome, and whether a signal asked for it.
async fn run(context: Context, work: Work) -> io::Result<(Outcome, bool)> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let jid = work.jid.clone();
    let mut runner = Runner::new(Registry::standard(), context, 1);
    runner.start(work);
    tokio::select! {
        outcome = end(&mut runner) => return Ok((outcome, false)),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    runner.kill(&jid);
    Ok((end(&mut runner).await, true))
}

/// The outcome; nothing is asked, since there is no minion to ask.
async fn end(runner: &mut Runner) -> Outcome {
    loop {
        if let Told::Outcome(outcome) = runner.next().await {
            return outcome;
        }
    }
}

fn write(answer: &Return, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Text => out.write_all(show::value_of(LOCAL, &answer.value).as_bytes())?,
        Form::Json => show::answer(out, form, answer)?,
    }
    out.flush()
}
