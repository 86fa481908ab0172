//! `sys.*`: functions about functions, and the list of those that the minion's duty answers itself.

use serde_json::{Map, Value};

use super::{Answer, Call, Fault, Function, Keywords};
use crate::base::glob::matches;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "sys.list_functions",
        usage: "sys.list_functions [MODULE | PATTERN ...]",
        doc: "Returns the sorted names of the functions there are, or of those in the modules or fitting the patterns.",
        keywords: Keywords::These(&[]),
        run: list_functions,
    },
    Function {
        name: "sys.doc",
        usage: "sys.doc [FUNCTION | MODULE | PATTERN ...]",
        doc: "Returns a map from function names to how they are called and what they do.",
        keywords: Keywords::These(&[]),
        run: doc,
    },
    Function {
        name: "sys.list_modules",
        usage: "sys.list_modules [PATTERN ...]",
        doc: "Returns the sorted names of the modules there are, or of those that fit the shell patterns.",
        keywords: Keywords::These(&[]),
        run: list_modules,
    },
];

/// Name, usage and doc of the functions that only a running minion can answer.
const OF_THE_DUTY: &[(&str, &str, &str)] = &[
    ("saltutil.running", "saltutil.running", "Returns the jobs the minion is running."),
    (
        "saltutil.is_running",
        "saltutil.is_running PATTERN",
        "Returns those running jobs whose functions fit the shell pattern.",
    ),
    (
        "saltutil.find_job",
        "saltutil.find_job JID",
        "Returns the job of this id if the minion is running it, else an empty map.",
    ),
    (
        "saltutil.kill_job",
        "saltutil.kill_job JID",
        "Ends the job of this id and its whole process group: a request to end, then, after two seconds, by force.",
    ),
    ("saltutil.term_job", "saltutil.term_job JID", "The same as saltutil.kill_job."),
    (
        "saltutil.signal_job",
        "saltutil.signal_job JID SIGNAL",
        "Ends the job as saltutil.kill_job does, for signals that end programs: 1, 2, 3, 9, 15.",
    ),
    ("saltutil.kill_all_jobs", "saltutil.kill_all_jobs", "Ends all jobs that run."),
    ("saltutil.term_all_jobs", "saltutil.term_all_jobs", "Ends all jobs that run."),
];

/// Name, usage and doc of the functions that the minion's duty answers, not a registry.
pub(super) fn of_the_duty() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    OF_THE_DUTY.iter().copied()
}

fn list_functions(mut call: Call<'_>) -> Result<Answer, Fault> {
    let patterns = call.arguments.texts("pattern")?;
    call.arguments.finish()?;
    Ok(Value::from(call.registry.names_like(&patterns)).into())
}

fn list_modules(mut call: Call<'_>) -> Result<Answer, Fault> {
    let patterns = call.arguments.texts("pattern")?;
    call.arguments.finish()?;
    let names = call.registry.names().into_iter();
    let mut modules: Vec<&str> = names.filter_map(|name| Some(name.split_once('.')?.0)).collect();
    modules.dedup();
    modules.retain(|module| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, module)));
    Ok(Value::from(modules).into())
}

fn doc(mut call: Call<'_>) -> Result<Answer, Fault> {
    let patterns = call.arguments.texts("pattern")?;
    call.arguments.finish()?;
    let docs: Map<_, _> = call
        .registry
        .names_like(&patterns)
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), call.registry.doc(name)?.into())))
        .collect();
    Ok(Value::Object(docs).into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use serde_json::json;

    #[test]
    fn lists_and_describes() {
        let all = run("sys.list_functions", json!([]), json!({})).value;
        let all: Vec<&str> = all.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        for name in ["cmd.run", "test.ping", "saltutil.find_job", "sys.doc"] {
            assert!(all.contains(&name), "{name}");
        }
        let some = run("sys.list_functions", json!(["saltutil", "test.p*"]), json!({})).value;
        let some: Vec<&str> = some.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert!(some.contains(&"saltutil.kill_job") && some.contains(&"saltutil.sync_all"), "{some:?}");
        assert!(some.ends_with(&["test.ping", "test.provider", "test.providers"]), "{some:?}");
        assert_eq!(run("sys.list_modules", json!(["s*s"]), json!({})).value, json!(["status", "sys"]));
        let docs = run("sys.doc", json!(["cmd.run"]), json!({})).value;
        assert_eq!(docs.as_object().unwrap().len(), 1);
        assert!(docs["cmd.run"].as_str().unwrap().starts_with("cmd.run COMMAND"));
        assert_eq!(run("sys.doc", json!([[1]]), json!({})).retcode, 2);
    }
}
