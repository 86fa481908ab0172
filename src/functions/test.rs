//! `test.*`: functions that do nothing but show that calls arrive, with Salt 2018.3's meanings.

use serde_json::{Value, json};

use super::{Answer, Call, Fault, Function, Keywords, map};
use crate::clock::Clock;

/// The last Fibonacci number that 64 bits hold.
const FIB_MAX: u64 = 93;

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
