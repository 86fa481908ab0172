//! How answers look: for people, in Salt's manner with the minion's id above its value; for programs, a JSON object a line.
//! Minions are not trusted with the terminal: what could move the cursor is shown, not sent.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::base::Name;
use crate::master::request::{Return, Summary};

/// Columns a level is indented by.
const STEP: usize = 4;

/// Which form answers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// `{"jid", "id", "fun", "return", "retcode", "success"}` for an answer, `{"jid", "id", "missing"}` for none: one
    /// object a line, as they come.
    Json,
}

/// Writes a minion's answer.
pub fn answer(out: &mut impl Write, form: Form, answer: &Return) -> io::Result<()> {
    match form {
        Form::Text => out.write_all(value_of(answer.id.as_str(), &answer.value).as_bytes()),
        Form::Json => writeln!(out, "{}", json!(answer)),
    }
}

/// Writes that a minion gave none.
pub fn missing(out: &mut impl Write, form: Form, jid: &str, id: &Name, why: &str) -> io::Result<()> {
    match form {
        Form::Text => writeln!(out, "{id}:\n    Minion did not return. [{}]", plain(why)),
        Form::Json => writeln!(out, "{}", json!({"jid": jid, "id": id, "missing": why})),
    }
}

/// Writes one job the master remembers.
pub fn job(out: &mut impl Write, form: Form, job: &Summary) -> io::Result<()> {
    if form == Form::Json {
        return writeln!(out, "{}", json!(job));
    }
    let open = if job.ended { "" } else { ", still running" };
    let (fun, target, user) = (plain(&job.fun), plain(&job.target.to_string()), plain(&job.user));
    writeln!(out, "{}  {fun} on {target} by {user}: {} of {} answered{open}", job.jid, job.returned, job.minions)
}

/// A value below its name, as text of whole lines.
pub fn value_of(name: &str, value: &Value) -> String {
    let mut text = format!("{}:\n", plain(name));
    block(&mut text, value, STEP);
    text
}

/// Text without what a terminal would obey: other control characters than tab are spelled out.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A value on lines of its own.
fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                entry(out, &format!("{:indent$}{}:", "", plain(key)), value, indent);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for value in list {
                item(out, value, indent);
            }
        }
        Value::String(text) => lines(out, text, indent),
        scalar => {
            let _ = writeln!(out, "{:indent$}{}", "", inline(scalar));
        }
    }
}

/// `key: value`, or the key and the value below it.
fn entry(out: &mut String, key: &str, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => out.push_str(key),
        Value::Array(list) if !list.is_empty() => out.push_str(key),
        Value::String(text) if text.contains('\n') => {
            let _ = write!(out, "{key} |");
        }
        scalar => {
            let _ = writeln!(out, "{key} {}", inline(scalar));
            return;
        }
    }
    out.push('\n');
    block(out, value, indent + STEP);
}

/// `- value`; what has several lines begins beside the dash.
fn item(out: &mut String, value: &Value, indent: usize) {
    let mut below = String::new();
    block(&mut below, value, indent + 2);
    // A text may begin with an empty line, which is not indented.
    let first = below.strip_prefix(&" ".repeat(indent + 2)).unwrap_or(&below);
    let _ = write!(out, "{:indent$}- {first}", "");
}

/// A text, every line of it indented. A final line break adds no line.
fn lines(out: &mut String, text: &str, indent: usize) {
    if text.is_empty() {
        let _ = writeln!(out, "{:indent$}''", "");
    }
    for line in text.lines() {
        let line = plain(line);
        let indent = if line.is_empty() { 0 } else { indent };
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}

/// A scalar, or an empty collection, as Salt shows it.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) if text.is_empty() => "''".to_owned(),
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_people_read_it() {
        let value = json!({
            "os": "Linux",
            "up": true,
            "none": null,
            "ips": ["127.0.0.1", "::1"],
            "empty": [[], {}, ""],
            "nested": {"a": {"b": 1.5}},
            "rows": [{"x": 1, "y": [2, 3]}, [4, [5]]],
            "log": "one\n\n  two\n",
        });
        let expected = "\
web1:
    os: Linux
    up: True
    none: None
    ips:
        - 127.0.0.1
        - ::1
    empty:
        - []
        - {}
        - ''
    nested:
        a:
            b: 1.5
    rows:
        - x: 1
          y:
              - 2
              - 3
        - - 4
          - - 5
    log: |
        one

          two
";
        assert_eq!(value_of("web1", &value), expected);
        assert_eq!(value_of("web1", &json!(true)), "web1:\n    True\n");
        assert_eq!(value_of("web1", &json!("a\nb")), "web1:\n    a\n    b\n");
        assert_eq!(value_of("web1", &json!("\nb")), "web1:\n\n    b\n");
        assert_eq!(value_of("web1", &json!(["\nb"])), "web1:\n    - \n      b\n");
        assert_eq!(value_of("web1", &json!("")), "web1:\n    ''\n");
        assert_eq!(
            value_of("web1", &json!("a\u{1b}[2J\rb\r\n\tc\u{9b}")),
            "web1:\n    a\\x1b[2J\\x0db\n    \tc\\x9b\n"
        );
    }

    proptest! {
        #[test]
        fn never_obeyed_and_always_indented(text in "\\PC{0,3}[\\x00-\\x20a]{0,20}", key in "[\\x00-\\x20a]{0,5}") {
            let shown = value_of("id", &json!([text, {key: text}, [[text]]]));
            prop_assert!(shown.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert!(shown.lines().skip(1).all(|line| line.is_empty() || line.starts_with("    ")));
            prop_assert!(shown.ends_with('\n'));
        }
    }
}
