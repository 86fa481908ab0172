//! Values within values, by paths such as `deployment:tier`. No state.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What stands between the steps of a path unless another delimiter is named.
pub(super) const DELIMITER: &str = ":";

/// The value at `path` within `map`, whose steps are parted by `delimiter`; a step into a list is a place in it, or else
/// looked for in the maps it holds, as in Salt.
pub(super) fn find<'a>(map: &'a Map<String, Value>, path: &str, delimiter: &str) -> Option<&'a Value> {
    let mut steps = if delimiter.is_empty() { vec![path] } else { path.split(delimiter).collect() }.into_iter();
    let mut value = map.get(steps.next()?)?;
    for step in steps {
        value = match value {
            Value::Object(map) => map.get(step)?,
            Value::Array(list) => match step.parse::<usize>() {
                Ok(place) => list.get(place)?,
                Err(_) => list.iter().find_map(|item| item.as_object()?.get(step))?,
            },
            _ => return None,
        };
    }
    Some(value)
}

/// As [`find`], where the whole path may also be a key.
pub(super) fn find_or_key<'a>(map: &'a Map<String, Value>, path: &str, delimiter: &str) -> Option<&'a Value> {
    map.get(path).or_else(|| find(map, path, delimiter))
}

/// A value's type in the words of Salt's Python.
pub(super) fn type_name(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_go_into_maps_and_lists() {
        let map = json!({"a": {"b": [1, {"c": 2}]}, "a:b": 3});
        let map = map.as_object().unwrap();
        assert_eq!(find(map, "a:b:0", ":"), Some(&json!(1)));
        assert_eq!(find(map, "a|b|1|c", "|"), Some(&json!(2)));
        assert_eq!(find(map, "a:b:c", ":"), Some(&json!(2)));
        assert_eq!(find(map, "a:b:9", ":"), None);
        assert_eq!(find(map, "a:b:0:x", ":"), None);
        assert_eq!(find(map, "a", ""), Some(&json!({"b": [1, {"c": 2}]})));
        assert_eq!(find_or_key(map, "a:b", ":"), Some(&json!(3)));
    }
}
