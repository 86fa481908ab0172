//! `status.*`: the few figures that a file of the kernel's tells at once. Starts no program.

use serde_json::{Value, json};

use super::{Answer, Call, Fault, Function, Keywords, facts};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "status.loadavg",
        usage: "status.loadavg",
        doc: "Returns the load averages of 1, 5 and 15 minutes.",
        keywords: Keywords::These(&[]),
        run: loadavg,
    },
    Function {
        name: "status.uptime",
        usage: "status.uptime",
        doc: "Returns how long the machine has been up: seconds, days, and hours with minutes.",
        keywords: Keywords::These(&[]),
        run: uptime,
    },
];

fn loadavg(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    let line = facts::line("/proc/loadavg").unwrap_or_default();
    let numbers: Vec<f64> = line.split_whitespace().take(3).filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [one, five, fifteen] => Ok(json!({"1-min": one, "5-min": five, "15-min": fifteen}).into()),
        _ => Err(Fault::failed("This machine does not tell its load in /proc/loadavg.")),
    }
}

fn uptime(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    let line = facts::line("/proc/uptime").unwrap_or_default();
    let seconds: Option<f64> = line.split_whitespace().next().and_then(|word| word.parse().ok());
    let Some(seconds) = seconds.map(|seconds| seconds as u64) else {
        return Err(Fault::failed("This machine does not tell since when it is up in /proc/uptime."));
    };
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{}:{:02}", rest / 3600, rest % 3600 / 60);
    Ok(Value::from(super::map([("seconds", seconds.into()), ("days", days.into()), ("time", time.into())])).into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use serde_json::json;

    #[test]
    fn figures_of_this_machine() {
        assert!(run("status.loadavg", json!([]), json!({})).value["15-min"].is_f64());
        let uptime = run("status.uptime", json!([]), json!({})).value;
        assert_eq!(uptime["days"].as_u64(), uptime["seconds"].as_u64().map(|seconds| seconds / 86_400));
    }
}
