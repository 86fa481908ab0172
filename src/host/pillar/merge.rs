//! How one pillar is laid over another: maps into each other, everything else replaced by what came last, as Salt's default
//! does for YAML. Pure.

use serde_json::{Map, Value};

/// Lays `upper` over `lower`. Depth is bounded by the reader of either.
pub(super) fn lay(lower: &mut Map<String, Value>, upper: Map<String, Value>) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay(below, above),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn laid(lower: &Value, upper: &Value) -> Value {
        let mut below = lower.as_object().cloned().unwrap();
        lay(&mut below, upper.as_object().cloned().unwrap());
        Value::Object(below)
    }

    #[test]
    fn maps_go_into_each_other_and_the_rest_is_replaced() {
        let lower = json!({"a": {"x": 1, "y": [1, 2]}, "b": {"k": 1}, "c": 5});
        let upper = json!({"a": {"y": [3], "z": {"n": 1}}, "b": "text", "c": {"m": 1}, "d": null});
        let expected = json!({"a": {"x": 1, "y": [3], "z": {"n": 1}}, "b": "text", "c": {"m": 1}, "d": null});
        assert_eq!(laid(&lower, &upper), expected);
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<u8>().prop_map(Value::from), Just(json!([1])), Just(Value::Null)];
        let map = |inner| prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| json!(map));
        map(leaf.prop_recursive(3, 20, 3, move |inner| map(inner).boxed()).boxed())
    }

    proptest! {
        #[test]
        fn what_is_above_is_always_there(lower in tree(), upper in tree(), third in tree()) {
            let once = laid(&lower, &upper);
            prop_assert_eq!(&laid(&once, &upper), &once);
            prop_assert_eq!(&laid(&json!({}), &upper), &upper);
            prop_assert_eq!(laid(&once, &third), laid(&laid(&lower, &upper), &third));
        }
    }
}
