//! `saltutil.*`, as far as it is not about jobs, which the minion's duty answers itself. A Roadstead minion has all its
//! functions built in and keeps no files of the master's: what Salt would synchronise or clear there is nothing of here,
//! and the answers say so in Salt's shapes.

use serde_json::{Map, Value};

use super::{Answer, Call, Fault, Function, Keywords};

/// What a `sync_*` takes from Salt's users, to no effect.
const SYNC: Keywords = Keywords::These(&["saltenv", "refresh", "extmod_whitelist", "extmod_blacklist"]);
/// What Salt's `sync_all` reports on.
const KINDS: &[&str] = &[
    "beacons",
    "clouds",
    "engines",
    "grains",
    "log_handlers",
    "modules",
    "output",
    "proxymodules",
    "renderers",
    "returners",
    "sdb",
    "states",
    "thorium",
    "utils",
];

macro_rules! sync {
    ($name:literal) => {
        Function {
            name: $name,
            usage: $name,
            doc: "Returns an empty list: the minion's functions are built in, and none come from the master.",
            keywords: SYNC,
            run: sync,
        }
    };
}

macro_rules! function {
    ($name:literal, $run:expr, $keywords:expr, $doc:literal) => {
        Function { name: $name, usage: $name, doc: $doc, keywords: $keywords, run: $run }
    };
}

const NONE: Keywords = Keywords::These(&[]);
const ASYNC: Keywords = Keywords::These(&["async", "refresh_pillar"]);

pub(super) const FUNCTIONS: &[Function] = &[
    function!(
        "saltutil.refresh_pillar",
        refresh_pillar,
        ASYNC,
        "Asks the master for the minion's pillar and returns True once it is there."
    ),
    function!("saltutil.pillar_refresh", refresh_pillar, ASYNC, "The same as saltutil.refresh_pillar."),
    function!(
        "saltutil.refresh_grains",
        refresh_grains,
        ASYNC,
        "Reads the grains anew, tells the master, and returns True once the pillar that goes with them is there."
    ),
    function!(
        "saltutil.refresh_modules",
        refresh_grains,
        ASYNC,
        "The same as saltutil.refresh_grains: there are no modules to load, but Salt reads the grains here too."
    ),
    function!("saltutil.refresh_beacons", nothing_to_do, NONE, "Returns True: the minion has no beacons."),
    function!("saltutil.clear_cache", nothing_to_do, NONE, "Returns True: the minion keeps nothing of the master's."),
    function!(
        "saltutil.clear_job_cache",
        nothing_to_do,
        Keywords::These(&["hours"]),
        "Returns True: the minion keeps no ended jobs."
    ),
    function!(
        "saltutil.find_cached_job",
        find_cached_job,
        Keywords::These(&["jid"]),
        "Says that the minion keeps no ended jobs; `roadstead jobs` asks the master."
    ),
    function!("saltutil.list_extmods", list_extmods, NONE, "Returns an empty map: no modules come from the master."),
    function!(
        "saltutil.sync_all",
        sync_all,
        SYNC,
        "Returns a map of empty lists, since no modules come from the master, and refreshes grains and pillar."
    ),
    function!(
        "saltutil.sync_grains",
        sync_grains,
        SYNC,
        "Returns an empty list, since no grains modules come from the master, and refreshes grains and pillar."
    ),
    sync!("saltutil.sync_beacons"),
    sync!("saltutil.sync_clouds"),
    sync!("saltutil.sync_engines"),
    sync!("saltutil.sync_log_handlers"),
    sync!("saltutil.sync_modules"),
    sync!("saltutil.sync_output"),
    sync!("saltutil.sync_outputters"),
    sync!("saltutil.sync_pillar"),
    sync!("saltutil.sync_proxymodules"),
    sync!("saltutil.sync_renderers"),
    sync!("saltutil.sync_returners"),
    sync!("saltutil.sync_sdb"),
    sync!("saltutil.sync_states"),
    sync!("saltutil.sync_thorium"),
    sync!("saltutil.sync_utils"),
];

fn refresh_pillar(mut call: Call<'_>) -> Result<Answer, Fault> {
    waits(&mut call)?;
    call.refresh_pillar(None).map(Answer::from)
}

fn refresh_grains(mut call: Call<'_>) -> Result<Answer, Fault> {
    waits(&mut call)?;
    call.refresh_pillar(Some(call.context.grains.renew())).map(Answer::from)
}

/// Takes what Salt's users say of waiting, to no effect: the answer always waits.
fn waits(call: &mut Call<'_>) -> Result<(), Fault> {
    call.arguments.flag("async", true)?;
    call.arguments.flag("refresh_pillar", true)?;
    call.arguments.finish()
}

fn nothing_to_do(mut call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.next("hours")?;
    call.arguments.finish()?;
    Ok(Value::Bool(true).into())
}

fn find_cached_job(mut call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.required("jid")?;
    call.arguments.finish()?;
    Ok(Value::from("The minion keeps no ended jobs; the master has them.").into())
}

fn list_extmods(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Object(Map::new()).into())
}

/// Takes a `sync_*`'s arguments; says whether it is to refresh too.
fn refreshes(call: &mut Call<'_>) -> Result<bool, Fault> {
    for name in ["saltenv", "refresh", "extmod_whitelist", "extmod_blacklist"] {
        match call.arguments.next(name)? {
            Some(Value::Bool(false)) if name == "refresh" => return Ok(false),
            _ => {}
        }
    }
    call.arguments.finish()?;
    Ok(true)
}

fn sync(mut call: Call<'_>) -> Result<Answer, Fault> {
    refreshes(&mut call)?;
    Ok(Value::Array(Vec::new()).into())
}

fn sync_grains(mut call: Call<'_>) -> Result<Answer, Fault> {
    if refreshes(&mut call)? {
        call.refresh_pillar(Some(call.context.grains.renew()))?;
    }
    Ok(Value::Array(Vec::new()).into())
}

fn sync_all(mut call: Call<'_>) -> Result<Answer, Fault> {
    if refreshes(&mut call)? {
        call.refresh_pillar(Some(call.context.grains.renew()))?;
    }
    let kinds = KINDS.iter().map(|kind| ((*kind).to_owned(), Value::Array(Vec::new())));
    Ok(Value::Object(kinds.collect()).into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::line::tests::Script;
    use super::super::tests::{context, work};
    use super::super::{Context, Registry};
    use super::*;
    use crate::duty::Ask;
    use serde_json::json;

    #[test]
    fn answers_are_true_and_of_salts_shapes() {
        let script = Arc::new(Script::default());
        let context = Context { line: Some(script.clone()), ..context() };
        let run = |fun: &str, args: Value, kwargs: Value| Registry::standard().run(&work(fun, args, kwargs), &context);
        let asked = || std::mem::take(&mut *script.asked.lock().unwrap());
        assert_eq!(run("saltutil.sync_modules", json!(["base"]), json!({"refresh": true})).value, json!([]));
        assert_eq!(run("saltutil.clear_cache", json!([]), json!({})).value, json!(true));
        assert_eq!(run("saltutil.sync_all", json!([]), json!({"refresh": false})).value["grains"], json!([]));
        assert_eq!(asked(), []);
        assert_eq!(run("saltutil.refresh_pillar", json!([]), json!({})).value, json!(true));
        assert_eq!(asked(), [Ask::Pillar(None)]);
        assert_eq!(run("saltutil.sync_grains", json!([]), json!({})).value, json!([]));
        assert!(matches!(asked().as_slice(), [Ask::Pillar(Some(_))]));
        assert_eq!(run("saltutil.sync_sdb", json!([]), json!({"colour": "red"})).retcode, 2);
    }
}
