//! `test.*`: functions that do nothing but show that calls arrive, with Salt 2018.3's meanings.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Answer, Call, Fault, Function, Keywords, data, map};
use crate::base::Random;
use crate::clock::Clock;
use crate::duty::Work;

/// The last Fibonacci number that 64 bits hold.
const FIB_MAX: u64 = 93;
/// The longest that `test.rand_sleep` sleeps unless told otherwise, seconds.
const NAP: f64 = 60.0;

macro_rules! function {
    ($name:literal, $usage:literal, $keywords:expr, $run:expr, $doc:literal) => {
        Function { name: $name, usage: concat!($name, $usage), doc: $doc, keywords: $keywords, run: $run }
    };
}

const NONE: Keywords = Keywords::These(&[]);

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "test.ping",
        usage: "test.ping",
        doc: "Returns True: the minion is there and runs functions. It sends no ICMP.",
        keywords: Keywords::These(&[]),
        run: ping,
    },
    Function {
        name: "test.echo",
        usage: "test.echo TEXT",
        doc: "Returns its argument.",
        keywords: Keywords::These(&["text"]),
        run: echo,
    },
    Function {
        name: "test.sleep",
        usage: "test.sleep SECONDS",
        doc: "Waits, then returns True. Killing the job wakes it.",
        keywords: Keywords::These(&["length"]),
        run: sleep,
    },
    Function {
        name: "test.version",
        usage: "test.version",
        doc: "Returns the version of Roadstead on the minion.",
        keywords: Keywords::These(&[]),
        run: version,
    },
    Function {
        name: "test.arg",
        usage: "test.arg [VALUE ...] [NAME=VALUE ...]",
        doc: "Returns the arguments as the function got them: a map of `args` and `kwargs`.",
        keywords: Keywords::Any,
        run: arg,
    },
    Function {
        name: "test.fib",
        usage: "test.fib NUMBER",
        doc: "Returns the NUMBERth Fibonacci number, at most the 93rd, and the seconds it took.",
        keywords: Keywords::These(&["num"]),
        run: fib,
    },
    function!("test.true", "", NONE, |call| constant(&call, true), "Returns True."),
    function!("test.false", "", NONE, |call| constant(&call, false), "Returns False."),
    function!("test.kwarg", " [NAME=VALUE ...]", Keywords::Any, kwarg, "Returns its keyword arguments as a map."),
    function!(
        "test.arg_clean",
        " [VALUE ...] [NAME=VALUE ...]",
        Keywords::Any,
        arg,
        "The same as test.arg: what Salt adds to keyword arguments never reaches a function."
    ),
    function!(
        "test.arg_type",
        " [VALUE ...] [NAME=VALUE ...]",
        Keywords::Any,
        arg_type,
        "Returns the types of its arguments, in the words of Salt's Python."
    ),
    function!(
        "test.arg_repr",
        " [VALUE ...] [NAME=VALUE ...]",
        Keywords::Any,
        arg_repr,
        "Returns its arguments written out as JSON."
    ),
    function!(
        "test.exception",
        " [MESSAGE]",
        Keywords::These(&["message"]),
        exception,
        "Fails, to show what a function that fails returns."
    ),
    function!(
        "test.assertion",
        " VALUE",
        Keywords::These(&["assertion"]),
        assertion,
        "Fails if the value is False, zero or empty."
    ),
    function!(
        "test.retcode",
        " [CODE]",
        Keywords::These(&["code"]),
        retcode,
        "Returns True with this return code, or 42."
    ),
    function!("test.outputter", " VALUE", Keywords::These(&["data"]), outputter, "Returns its argument."),
    function!(
        "test.rand_sleep",
        " [MOST]",
        Keywords::These(&["max"]),
        rand_sleep,
        "Waits for some seconds, at most 60 unless told otherwise, then returns True."
    ),
    function!(
        "test.rand_str",
        " [SIZE]",
        Keywords::These(&["size", "hash_type"]),
        rand_str,
        "Returns 64 random hex digits."
    ),
    function!(
        "test.collatz",
        " NUMBER",
        Keywords::These(&["start"]),
        collatz,
        "Returns the Collatz sequence from NUMBER and the seconds it took."
    ),
    function!(
        "test.cross_test",
        " FUNCTION [ARGUMENTS]",
        Keywords::These(&["func", "args"]),
        cross_test,
        "Runs another function with a list of arguments and returns what it returned."
    ),
    function!("test.conf_test", "", NONE, conf_test, "Returns the setting test.foo, which nobody has: 'unconfigured'."),
    function!("test.get_opts", "", NONE, get_opts, "Returns the minion's settings."),
    function!(
        "test.provider",
        " MODULE",
        Keywords::These(&["module"]),
        provider,
        "Returns the module, if there is one."
    ),
    function!(
        "test.providers",
        "",
        NONE,
        providers,
        "Returns a map of the modules to themselves: each has one source."
    ),
    function!("test.not_loaded", "", NONE, not_loaded, "Returns an empty list: all modules are built in."),
    function!("test.module_report", "", NONE, module_report, "Returns the functions and modules there are."),
    function!("test.versions", "", NONE, versions_report, "The same as test.versions_report."),
    function!("test.versions_report", "", NONE, versions_report, "Returns versions in lines for people."),
    function!("test.versions_information", "", NONE, versions_information, "Returns versions as a map."),
];

fn ping(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Bool(true).into())
}

fn echo(mut call: Call<'_>) -> Result<Answer, Fault> {
    let text = call.arguments.required("text")?;
    call.arguments.finish()?;
    Ok(text.into())
}

fn sleep(mut call: Call<'_>) -> Result<Answer, Fault> {
    let length = call.arguments.required("length")?;
    let length = call.arguments.as_seconds("length", &length)?;
    call.arguments.finish()?;
    if call.context.control.sleep(length) { Ok(Value::Bool(true).into()) } else { Err(Fault::killed()) }
}

fn version(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::from(env!("CARGO_PKG_VERSION")).into())
}

fn arg(mut call: Call<'_>) -> Result<Answer, Fault> {
    let args = call.arguments.rest().into();
    let kwargs = call.arguments.all_keywords().into();
    Ok(Value::Object(map([("args", args), ("kwargs", kwargs)])).into())
}

fn fib(mut call: Call<'_>) -> Result<Answer, Fault> {
    let value = call.arguments.required("num")?;
    call.arguments.finish()?;
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let Some(number) = number.filter(|number| *number <= FIB_MAX) else {
        return Err(call.arguments.wrong(format_args!("wants a number from 0 to {FIB_MAX}, not {value}")));
    };
    let clock = Clock::start();
    let (mut this, mut next) = (0u64, 1u64);
    for _ in 0..number {
        (this, next) = (next, this.saturating_add(next));
    }
    Ok(json!([this, clock.now().since(crate::base::Time::ZERO).as_secs_f64()]).into())
}

fn constant(call: &Call<'_>, value: bool) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Bool(value).into())
}

fn kwarg(mut call: Call<'_>) -> Result<Answer, Fault> {
    let kwargs = call.arguments.all_keywords();
    call.arguments.finish()?;
    Ok(Value::Object(kwargs).into())
}

fn arg_type(mut call: Call<'_>) -> Result<Answer, Fault> {
    let shown = |value: Value| Value::from(format!("<type '{}'>", data::type_name(&value)));
    let args: Value = call.arguments.rest().into_iter().map(shown).collect();
    let kwargs: Map<_, _> = call.arguments.all_keywords().into_iter().map(|(key, value)| (key, shown(value))).collect();
    Ok(Value::Object(map([("args", args), ("kwargs", kwargs.into())])).into())
}

fn arg_repr(mut call: Call<'_>) -> Result<Answer, Fault> {
    let args = Value::from(call.arguments.rest()).to_string();
    let kwargs = Value::from(call.arguments.all_keywords()).to_string();
    Ok(Value::Object(map([("args", args.into()), ("kwargs", kwargs.into())])).into())
}

fn exception(mut call: Call<'_>) -> Result<Answer, Fault> {
    let message = call.arguments.next("message")?.unwrap_or_else(|| "Test Exception".into());
    let message = call.arguments.as_text("message", &message)?;
    call.arguments.finish()?;
    // Salt's words; scripts look for them.
    Err(Fault::failed(format!("The minion function caused an exception: {message}")))
}

fn assertion(mut call: Call<'_>) -> Result<Answer, Fault> {
    let value = call.arguments.required("assertion")?;
    call.arguments.finish()?;
    let is_void = match &value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    };
    if is_void { Err(Fault::failed(format!("The assertion does not hold: {value}."))) } else { Ok(Value::Null.into()) }
}

fn retcode(mut call: Call<'_>) -> Result<Answer, Fault> {
    let code = call.arguments.next("code")?.unwrap_or_else(|| 42.into());
    call.arguments.finish()?;
    let retcode = code.as_i64().ok_or_else(|| call.arguments.wrong(format_args!("wants a number, not {code}")))?;
    Ok(Answer { value: Value::Bool(true), retcode })
}

fn outputter(mut call: Call<'_>) -> Result<Answer, Fault> {
    let data = call.arguments.required("data")?;
    call.arguments.finish()?;
    Ok(data.into())
}

fn rand_sleep(mut call: Call<'_>) -> Result<Answer, Fault> {
    let most = call.arguments.next("max")?.unwrap_or_else(|| NAP.into());
    let most = call.arguments.as_seconds("max", &most)?;
    call.arguments.finish()?;
    let length = Duration::from_micros(random()?.below(most.as_micros() as u64 + 1));
    if call.context.control.sleep(length) { Ok(Value::Bool(true).into()) } else { Err(Fault::killed()) }
}

fn rand_str(mut call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.next("size")?;
    call.arguments.next("hash_type")?;
    call.arguments.finish()?;
    Ok(Value::from(hex::encode(random()?.bytes::<32>())).into())
}

fn random() -> Result<Random, Fault> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Fault::failed(format!("The system gives no random numbers: {error}.")))?;
    Ok(Random::new(seed))
}

fn collatz(mut call: Call<'_>) -> Result<Answer, Fault> {
    let value = call.arguments.required("start")?;
    call.arguments.finish()?;
    let Some(mut number) = value.as_u64().filter(|number| (1..=1 << 32).contains(number)) else {
        return Err(call.arguments.wrong(format_args!("wants a number from 1 to {}, not {value}", 1u64 << 32)));
    };
    let clock = Clock::start();
    let mut steps = Vec::new();
    while number > 1 {
        steps.push(number);
        number = if number % 2 == 0 { number / 2 } else { number.saturating_mul(3).saturating_add(1) };
    }
    Ok(json!([steps, clock.now().since(crate::base::Time::ZERO).as_secs_f64()]).into())
}

fn cross_test(mut call: Call<'_>) -> Result<Answer, Fault> {
    let fun = call.arguments.required("func")?;
    let fun = call.arguments.as_text("func", &fun)?;
    let args = match call.arguments.next("args")? {
        None => Vec::new(),
        Some(Value::Array(args)) => args,
        Some(one) => vec![one],
    };
    call.arguments.finish()?;
    if fun == "test.cross_test" {
        return Err(Fault::usage("test.cross_test cannot run itself."));
    }
    let outcome = call.registry.run(&Work { jid: String::new(), fun, args, kwargs: Map::new() }, call.context);
    Ok(Answer { value: outcome.value, retcode: outcome.retcode })
}

fn conf_test(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(call.context.settings.get("test.foo").cloned().unwrap_or_else(|| "unconfigured".into()).into())
}

fn get_opts(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Object(call.context.settings.as_ref().clone()).into())
}

fn modules(call: &Call<'_>) -> Vec<&'static str> {
    let names = call.registry.names().into_iter();
    let mut modules: Vec<_> = names.filter_map(|name| Some(name.split_once('.')?.0)).collect();
    modules.dedup();
    modules
}

fn provider(mut call: Call<'_>) -> Result<Answer, Fault> {
    let module = call.arguments.required("module")?;
    call.arguments.finish()?;
    let known = modules(&call).into_iter().any(|known| module == *known);
    Ok(if known { module } else { Value::String(String::new()) }.into())
}

fn providers(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(modules(&call).into_iter().map(|module| (module.to_owned(), Value::from(module))).collect::<Value>().into())
}

fn not_loaded(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Array(Vec::new()).into())
}

fn module_report(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    let (modules, functions) = (modules(&call), call.registry.names());
    Ok(json!({"functions": functions, "function_attrs": [], "function_subs": functions, "modules": modules,
              "module_attrs": [], "missing_attrs": [], "missing_subs": []})
    .into())
}

fn versions_report(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    let grains = call.context.grains.items();
    let text = |name: &str| grains.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let lines = [
        "Roadstead Version:".to_owned(),
        format!("      Roadstead: {}", env!("CARGO_PKG_VERSION")),
        " ".to_owned(),
        "System Versions:".to_owned(),
        format!("           dist: {} {} {}", text("osfullname"), text("osrelease"), text("oscodename")),
        format!("        machine: {}", text("cpuarch")),
        format!("        release: {}", text("kernelrelease")),
        format!("         system: {}", text("kernel")),
    ];
    Ok(Value::from(lines.join("\n")).into())
}

fn versions_information(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    let grains = call.context.grains.items();
    let text = |name: &str| grains.get(name).cloned().unwrap_or_default();
    Ok(json!({
        "Roadstead Version": {"Roadstead": env!("CARGO_PKG_VERSION")},
        "System Versions": {"dist": text("osfullname"), "version": text("osrelease"), "machine": text("cpuarch"),
                            "release": text("kernelrelease"), "system": text("kernel")},
    })
    .into())
}

#[cfg(test)]
mod tests {
    use super::super::Registry;
    use super::super::tests::{context, run, work};
    use super::*;
    use std::time::Duration;

    fn value(fun: &str, args: Value) -> Value {
        let outcome = run(fun, args, json!({}));
        assert!(outcome.success && outcome.retcode == 0, "{outcome:?}");
        outcome.value
    }

    #[test]
    fn salts_answers() {
        assert_eq!(value("test.ping", json!([])), json!(true));
        assert_eq!(value("test.echo", json!(["a b"])), json!("a b"));
        assert_eq!(value("test.echo", json!([{"a": 1}])), json!({"a": 1}));
        assert_eq!(value("test.sleep", json!(["0.01"])), json!(true));
        assert_eq!(value("test.version", json!([])), json!(env!("CARGO_PKG_VERSION")));
        let kwargs = json!({"c": "d", "__kwarg__": true, "__pub_jid": "1"});
        assert_eq!(value("test.arg", json!([1, "b", kwargs])), json!({"args": [1, "b"], "kwargs": {"c": "d"}}));
    }

    #[test]
    fn arguments_shown() {
        let kwargs = json!({"a": 1, "b": "x"});
        assert_eq!(run("test.kwarg", json!([]), kwargs.clone()).value, kwargs);
        assert_eq!(value("test.kwarg", json!([kwargs])), kwargs, "as a Salt master sends them");
        let types = run("test.arg_type", json!([1, "x", [1.5]]), kwargs).value;
        let expected = json!({"args": ["<type 'int'>", "<type 'str'>", "<type 'list'>"],
                              "kwargs": {"a": "<type 'int'>", "b": "<type 'str'>"}});
        assert_eq!(types, expected);
        assert_eq!(value("test.arg_repr", json!([1, "x"])), json!({"args": "[1,\"x\"]", "kwargs": "{}"}));
    }

    #[test]
    fn failures_are_returns() {
        let outcome = run("test.exception", json!([]), json!({}));
        assert_eq!((outcome.success, outcome.retcode), (false, 1));
        assert_eq!(outcome.value, json!("The minion function caused an exception: Test Exception"));
        assert!(!run("test.assertion", json!([false]), json!({})).success);
        assert!(run("test.assertion", json!([1]), json!({})).success);
        let outcome = run("test.retcode", json!([3]), json!({}));
        assert_eq!((outcome.value, outcome.retcode), (json!(true), 3));
        assert_eq!(run("test.retcode", json!([]), json!({})).retcode, 42);
        assert_eq!(run("test.kwarg", json!([1]), json!({})).retcode, 2);
    }

    #[test]
    fn functions_about_functions() {
        assert_eq!(value("test.cross_test", json!(["test.echo", ["x"]])), json!("x"));
        assert_eq!(run("test.cross_test", json!(["no.such"]), json!({})).retcode, 254);
        assert!(!run("test.cross_test", json!(["test.cross_test", ["test.ping"]]), json!({})).success);
        assert_eq!(value("test.provider", json!(["cmd"])), json!("cmd"));
        assert_eq!(value("test.provider", json!(["none"])), json!(""));
        assert_eq!(value("test.providers", json!([]))["saltutil"], json!("saltutil"));
        assert!(value("test.module_report", json!([]))["modules"].as_array().unwrap().contains(&json!("match")));
        assert!(value("test.versions_report", json!([])).as_str().unwrap().contains(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn small_numbers() {
        assert_eq!(value("test.collatz", json!([3]))[0], json!([3, 10, 5, 16, 8, 4, 2]));
        assert_eq!(run("test.collatz", json!([0]), json!({})).retcode, 2);
        assert_eq!(value("test.rand_sleep", json!([0.01])), json!(true));
        assert_ne!(value("test.rand_str", json!([])), value("test.rand_str", json!([])));
        assert_eq!(value("test.rand_str", json!([])).as_str().unwrap().len(), 64);
    }

    #[test]
    fn fibonacci() {
        for (n, number) in [(0, 0u64), (1, 1), (2, 1), (10, 55), (93, 12_200_160_415_121_876_738)] {
            assert_eq!(value("test.fib", json!([n]))[0], json!(number));
        }
        assert!(value("test.fib", json!(["30"]))[1].is_f64());
        for bad in [json!([94]), json!([-1]), json!(["x"]), json!([]), json!([1, 2])] {
            assert_eq!(run("test.fib", bad, json!({})).retcode, 2);
        }
    }

    #[test]
    fn sleep_is_woken_by_a_kill() {
        let context = context();
        let control = context.control.clone();
        let sleeper = std::thread::spawn(move || {
            Registry::standard().run(&work("test.sleep", json!([600]), json!({})), &context)
        });
        std::thread::sleep(Duration::from_millis(20));
        control.kill();
        let outcome = sleeper.join().unwrap();
        assert!(!outcome.success && outcome.retcode != 0);
        assert_eq!(outcome.value, json!("The job was killed."));
    }
}
