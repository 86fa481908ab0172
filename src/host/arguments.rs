//! The arguments of a function as they are typed: `5` is a number, `[1, 2]` a list, `name=value` a keyword, the rest text.
//! Knows no function and checks no type.

use serde_json::{Map, Value};

/// What was typed twice or cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keyword argument '{0}' is given twice")]
pub struct GivenTwice(String);

/// Positional and keyword arguments of what was typed.
pub fn read(words: &[String]) -> Result<(Vec<Value>, Map<String, Value>), GivenTwice> {
    let (mut positional, mut keywords) = (Vec::new(), Map::new());
    for word in words {
        match keyword(word) {
            Some((key, value)) => {
                if keywords.insert(key.to_owned(), read_value(value)).is_some() {
                    return Err(GivenTwice(key.to_owned()));
                }
            }
            None => positional.push(read_value(word)),
        }
    }
    Ok((positional, keywords))
}

/// `key=value` with an identifier as key; not `a==b`, which is text in Salt too.
fn keyword(word: &str) -> Option<(&str, &str)> {
    let (key, value) = word.split_once('=')?;
    let mut letters = key.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let rest = letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    (first && rest && !value.starts_with('=')).then_some((key, value))
}

/// One value. Quotes inside the word make text of anything: `"'5'"`.
pub fn read_value(word: &str) -> Value {
    let text = || Value::String(word.to_owned());
    match word {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        "null" | "None" | "~" => return Value::Null,
        _ => {}
    }
    match word.as_bytes() {
        [b'\'', inner @ .., b'\''] if !inner.is_empty() || word == "''" => {
            Value::String(word.get(1..word.len() - 1).unwrap_or_default().replace("''", "'"))
        }
        [b'"', ..] => serde_json::from_str(word).unwrap_or_else(|_| text()),
        [b'[' | b'{', ..] => collection(word).unwrap_or_else(text),
        _ if is_number(word) => match serde_json::from_str::<Value>(word) {
            // A whole number too large for 64 bits would lose digits.
            Ok(number) if number.is_f64() != word.contains('.') => text(),
            Ok(number) => number,
            Err(_) => text(),
        },
        _ => text(),
    }
}

/// A list or a map, in JSON or as YAML writes it on one line: `[web1, web2]`.
fn collection(word: &str) -> Option<Value> {
    serde_json::from_str(word).ok().or_else(|| {
        let value: Value = serde_saphyr::from_str(word).ok()?;
        (value.is_array() || value.is_object()).then_some(value)
    })
}

/// `-12` or `3.5e-2`. Not `1e5`, `007`, `0x1f` or `1_000`, which may as well be a commit, a mode or a name.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain(whole) && fraction.is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values() {
        for (word, value) in [
            ("5", json!(5)),
            ("-5", json!(-5)),
            ("0", json!(0)),
            ("2.50", json!(2.5)),
            ("1.5e3", json!(1500.0)),
            ("true", json!(true)),
            ("False", json!(false)),
            ("None", json!(null)),
            ("null", json!(null)),
            ("[1,2]", json!([1, 2])),
            ("[a, b c]", json!(["a", "b c"])),
            ("{\"a\": {\"b\": [true]}}", json!({"a": {"b": [true]}})),
            ("{a: 1}", json!({"a": 1})),
            ("\"5\"", json!("5")),
            ("'5'", json!("5")),
            ("''", json!("")),
            ("'it''s'", json!("it's")),
            ("18446744073709551615", json!(u64::MAX)),
        ] {
            assert_eq!(read_value(word), value, "{word}");
        }
        for word in [
            "",
            " ",
            "web1",
            "1e5",
            "007",
            "0x1f",
            "1_000",
            "1.2.3",
            "-",
            "--",
            ".5",
            "5.",
            "yes",
            "no",
            "a: b",
            "[",
            "[a",
            "{",
            "18446744073709551616",
            "'",
            "\"",
            "\"a",
            "ls -la # x",
            "1\n",
            "inf",
            "NaN",
            "2024-01-01",
            "é",
            "*",
        ] {
            assert_eq!(read_value(word), json!(word), "{word}");
        }
    }

    #[test]
    fn keywords() {
        let words = |list: &[&str]| read(&list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let (positional, keywords) =
            words(&["a", "b=5", "c=", "d==e", "-x=1", "1a=2", "f=g=h", "'i=j'", "_k='5'"]).unwrap();
        assert_eq!(positional, [json!("a"), json!("d==e"), json!("-x=1"), json!("1a=2"), json!("i=j")]);
        assert_eq!(Value::Object(keywords), json!({"b": 5, "c": "", "f": "g=h", "_k": "5"}));
        assert_eq!(words(&["a=1", "a=2"]).unwrap_err().to_string(), "the keyword argument 'a' is given twice");
    }
}
