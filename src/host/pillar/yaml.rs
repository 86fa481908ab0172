//! YAML as Salt reads it, to plain values. Owns where that differs from the library's reading: `yes` and `off` are truth
//! values, `0644` is the number 644, and keys are texts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Spanned, UserMessageFormatter};

use super::Fault;

/// Collections inside each other.
const DEPTH: usize = 48;

/// Reads one document; an empty one is null. Anchors and their use are bounded by the library.
pub(super) fn read(text: &str) -> Result<Value, Fault> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: DEPTH },
    };
    match serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options) {
        Ok(node) => Ok(plain(node, text)),
        Err(error) => {
            let whole = error.render_with_formatter(&UserMessageFormatter);
            // The library ends its sentence with the place, which we tell apart.
            let why = whole.rfind(" at line ").and_then(|at| whole.get(..at)).unwrap_or(&whole);
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = error.location().and_then(|at| usize::try_from(at.line()).ok());
            Err(Fault { line, why: format!("the YAML that was rendered is wrong: {why}") })
        }
    }
}

/// A value before it is known whether it stood in quotes.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(String, Spanned<Node>)>),
}

fn plain(node: Spanned<Node>, text: &str) -> Value {
    // From where the value is written; nothing when that is not known.
    let written = || {
        let at = usize::try_from(node.defined.span().byte_offset()?).ok()?;
        text.get(at..)
    };
    match node.value {
        Node::Scalar(Value::String(word)) => match truth(&word) {
            Some(flag) if written().is_some_and(|rest| rest.starts_with(&word)) => Value::Bool(flag),
            _ => Value::String(word),
        },
        Node::Scalar(Value::Number(number)) if number.is_f64() => {
            written().and_then(padded).map_or(Value::Number(number), Value::from)
        }
        Node::Scalar(scalar) => scalar,
        Node::List(items) => items.into_iter().map(|item| plain(item, text)).collect(),
        Node::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key, plain(value, text)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// The words of YAML 1.1 that are truth values, besides those the library reads itself.
fn truth(word: &str) -> Option<bool> {
    match word {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A whole number with zeros before it, as file modes are written.
fn padded(rest: &str) -> Option<u64> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at_checked(end)?;
    let ends = behind.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, ',' | ']' | '}'));
    digits.parse().ok().filter(|_| ends && digits.starts_with('0'))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Scalar(flag.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Scalar(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Scalar(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("a number without an end"))?;
        Ok(Node::Scalar(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key.len() > crate::base::limits::PILLAR_FILE {
                return Err(A::Error::custom("a key that is too long"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn as_salt_reads_it() {
        for (text, value) in [
            ("", json!(null)),
            ("# nothing\n", json!(null)),
            (
                "a: yes\nb: 'yes'\nc: Off\nd: \"no\"\ne: y\nf: True",
                json!({"a": true, "b": "yes", "c": false, "d": "no", "e": "y", "f": true}),
            ),
            (
                "mode: 0644\nlist: [007, 0]\ntext: '0644'\nfloat: 3.0\nmore: 0.5",
                json!({"mode": 644, "list": [7, 0], "text": "0644", "float": 3.0, "more": 0.5}),
            ),
            ("80: x\n1.5: y", json!({"80": "x", "1.5": "y"})),
            ("a: &x {p: yes}\nb:\n  <<: *x\n  q: ~", json!({"a": {"p": true}, "b": {"q": null, "p": true}})),
            ("a: &t off\nb: *t", json!({"a": false, "b": false})),
            ("é: yes\nb: no", json!({"é": true, "b": false})),
            ("a: |\n  yes\nb:\n- on\n-  no # one", json!({"a": "yes\n", "b": [true, false]})),
            ("{\"a\": [1, {\"b\": null}]}", json!({"a": [1, {"b": null}]})),
            ("2001-01-01", json!("2001-01-01")),
        ] {
            assert_eq!(read(text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_and_where() {
        for (text, line, why) in [
            ("a: 1\nb: {c\n", 2, "unclosed"),
            ("a: 1\na: 2", 2, "duplicate"),
            ("a: 1\n---\nb: 1", 3, "document"),
            (&"[".repeat(DEPTH + 2), 1, ""),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!(fault.line, Some(line), "{text}: {}", fault.why);
            assert!(fault.why.contains(why) && !fault.why.contains('\n'), "{}", fault.why);
        }
        let bomb: String = (1..20)
            .map(|n| format!("a{n}: &a{n} [{}]\n", ["*a"; 9].map(|a| format!("{a}{}", n - 1)).join(", ")))
            .collect();
        assert!(read(&format!("a0: &a0 [x, x]\n{bomb}")).is_err());
    }

    proptest! {
        #[test]
        fn json_is_read_as_it_is(words in proptest::collection::btree_map("[a-z]{1,6}", "\\PC{0,12}", 0..6)) {
            let value = json!(words);
            let read = read(&value.to_string()).unwrap();
            prop_assert!(read == value || (read.is_null() && words.is_empty()), "{read}");
        }

        #[test]
        fn any_text_is_taken(text in "[a-c:\\-\\[\\]{}&*#'\"|> \\n0-9]{0,60}") {
            let _ = read(&text);
        }
    }
}
