//! `match.*`: whether a target means this minion, by the matcher that jobs go by. No state.

use serde_json::Value;

use super::{Answer, Call, Fault, Function, Keywords};
use crate::base::target::{self, DELIMITER, Facts};

macro_rules! kind {
    ($name:literal, $type:literal, $what:literal) => {
        Function {
            name: $name,
            usage: concat!($name, " TARGET [MINION_ID] [delimiter=TEXT]"),
            doc: concat!("Returns whether the target, ", $what, ", means this minion."),
            keywords: Keywords::These(&["tgt", "minion_id", "delimiter"]),
            run: |call| answer(call, $type),
        }
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    kind!("match.glob", "glob", "a shell pattern of ids"),
    kind!("match.list", "list", "a list of ids"),
    kind!("match.pcre", "pcre", "a regular expression of ids"),
    kind!("match.grain", "grain", "a grain and a shell pattern"),
    kind!("match.grain_pcre", "grain_pcre", "a grain and a regular expression"),
    kind!("match.pillar", "pillar", "a part of the pillar and a shell pattern"),
    kind!("match.pillar_pcre", "pillar_pcre", "a part of the pillar and a regular expression"),
    kind!("match.ipcidr", "ipcidr", "an address or a network"),
    kind!("match.compound", "compound", "a compound expression"),
];

fn answer(mut call: Call<'_>, tgt_type: &str) -> Result<Answer, Fault> {
    let tgt = call.arguments.required("tgt")?;
    let id = call.arguments.next("minion_id")?;
    let id = id.map(|id| call.arguments.as_text("minion_id", &id)).transpose()?;
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| DELIMITER.to_owned());
    call.arguments.finish()?;
    let (grains, pillar) = (call.context.grains.items(), call.context.pillar.items());
    let id = id.as_deref().unwrap_or(call.context.id.as_str());
    let facts = Facts { id, grains: Some(&grains), pillar: Some(&pillar) };
    let is_meant = target::matches(tgt_type, &tgt, &delimiter, &facts);
    is_meant.map(|is| Value::Bool(is).into()).map_err(|why| Fault::usage(format!("{why}.")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use serde_json::{Value, json};

    #[test]
    fn by_id_and_by_facts() {
        let value = |fun: &str, args: Value, kwargs: Value| {
            let outcome = run(fun, args, kwargs);
            assert!(outcome.success, "{outcome:?}");
            outcome.value
        };
        for (fun, args, is) in [
            ("match.glob", json!(["web*"]), true),
            ("match.glob", json!(["web*", "db1"]), false),
            ("match.list", json!(["web1,web2"]), true),
            ("match.pcre", json!(["w.b1"]), true),
            ("match.grain", json!(["kernel:Lin*"]), true),
            ("match.grain", json!(["kernel:Win*"]), false),
            ("match.ipcidr", json!(["127.0.0.0/8"]), true),
            ("match.pillar", json!(["a:b"]), false),
            ("match.compound", json!(["G@kernel:Linux and not db*"]), true),
        ] {
            assert_eq!(value(fun, args.clone(), json!({})), json!(is), "{fun} {args}");
        }
        assert_eq!(value("match.grain", json!(["deployment|tier|front"]), json!({"delimiter": "|"})), json!(true));
        assert_eq!(run("match.grain", json!(["kernel"]), json!({})).retcode, 2);
    }
}
