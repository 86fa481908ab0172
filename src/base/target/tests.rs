//! Tests: what Salt 2018.3.5's own matchers say of the same targets and facts, what is refused, and what stays cheap.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::limits;

fn grains() -> Value {
    json!({
        "os": "Debian", "osmajorrelease": 9, "ram": 1.5, "virtual": true, "none": null, "empty": {},
        "roles": ["web", "Cache", {"tier": "front", "deep": ["x", "y"]}],
        "ip": {"eth0": {"v4": ["10.1.2.3"], "up": true}, "lo": {"v4": ["127.0.0.1"], "up": false}},
        "path": "a:b:c", "a:b": "odd", "nested": {"one": {"two": {"three": "3"}}},
        "ipv4": ["127.0.0.1", "10.1.2.3"], "ipv6": ["::1", "fd00:0:0::12"],
    })
}

fn ask(tgt_type: &str, tgt: &Value, delimiter: &str) -> Result<bool, BadTarget> {
    let grains = grains();
    let pillar = json!({"env": "Prod*", "env2": "prod2", "apps": {"shop": {"port": 80}}});
    let facts = Facts { id: "web1.lan", grains: grains.as_object(), pillar: pillar.as_object() };
    matches(tgt_type, tgt, delimiter, &facts)
}

/// Each was asked of Salt 2018.3.5's matcher with these facts.
#[test]
fn agrees_with_salt() {
    for (tgt_type, tgt, expected) in [
        ("glob", "web*", true),
        ("glob", "Web*", false),
        ("pcre", "web", true),
        ("pcre", "eb1", false),
        ("pcre", "x|web", true),
        ("pcre", "x|eb", false),
        ("pcre", r"web\d\.lan\Z", true),
        ("pcre", "(?i)WEB", true),
        ("pcre", "WEB", false),
        ("list", "db1,web1.lan", true),
        ("list", "web1", false),
        ("grain", "os:Debian", true),
        ("grain", "os:debian", true),
        ("grain", "OS:Debian", false),
        ("grain", "os:deb*", true),
        ("grain", "os:Ubuntu", false),
        ("grain", "nothing:*", false),
        ("grain", "none:none", true),
        ("grain", "osmajorrelease:9", true),
        ("grain", "ram:1.5", true),
        ("grain", "virtual:True", true),
        ("grain", "empty:*", false),
        ("grain", "roles:cache", true),
        ("grain", "roles:db", false),
        ("grain", "roles:tier", true),
        ("grain", "roles:tier:front", true),
        ("grain", "roles:tier:f*", true),
        ("grain", "roles:deep:y", true),
        ("grain", "roles:0:web", true),
        ("grain", "roles:2:tier:front", true),
        ("grain", "ip:eth0", true),
        ("grain", "ip:eth*", false),
        ("grain", "ip:*", true),
        ("grain", "ip:*:up", true),
        ("grain", "ip:*:v4", true),
        ("grain", "ip:*:v4:10.*", true),
        ("grain", "ip:*:v4:11.*", false),
        ("grain", "ip:*:up:true", true),
        ("grain", "*:eth0", true),
        ("grain", "*:*:v4:127.0.0.1", true),
        ("grain", "*:web", true),
        ("grain", "*:debian", true),
        ("grain", "path:a:b:c", true),
        ("grain", "path:a:b", false),
        ("grain", "a:b:odd", false),
        ("grain", "nested:one:two:three:3", true),
        ("grain", "nested:one:two", true),
        ("grain", "nested:two", false),
        ("grain", "nested:*:two:three:3", true),
        ("grain", "nested:*:*:three:3", true),
        ("grain_pcre", "os:(deb|ubu)", true),
        ("grain_pcre", "os:ebian", false),
        ("grain_pcre", "roles:ca.*e$", true),
        ("grain_pcre", "path:a:(b:c|d)", true),
        ("grain_pcre", "osmajorrelease:[0-9]$", true),
        ("pillar", "env:prod*", true),
        ("pillar", "env2:prod*", true),
        ("pillar_exact", "env:prod*", true),
        ("pillar_exact", "env2:prod*", false),
        ("pillar_exact", "apps:shop:port:80", true),
        ("pillar_pcre", "env2:prod[0-9]", true),
        ("pillar", "apps:*:port:80", true),
        ("ipcidr", "10.1.2.3", true),
        ("ipcidr", "10.1.0.0/16", true),
        ("ipcidr", "10.1.0.0/255.255.0.0", true),
        ("ipcidr", "10.2.0.0/16", false),
        ("ipcidr", "0.0.0.0/0", true),
        ("ipcidr", "fd00::/8", true),
        ("ipcidr", "::/0", true),
        ("ipcidr", "fe80::/10", false),
        ("compound", "web*", true),
        ("compound", "G@os:Debian and web*", true),
        ("compound", "G@os:Debian and not web*", false),
        ("compound", "not web* or G@os:Debian", true),
        ("compound", "not ( web* or G@os:Debian )", false),
        ("compound", "db* or web* and G@os:Ubuntu", false),
        ("compound", "web* or db* and G@os:Ubuntu", true),
        ("compound", "( web* or db* ) and G@os:Ubuntu", false),
        ("compound", "web* not db*", true),
        ("compound", "G|@os|Debian", true),
        ("compound", "P@os:Deb.* and E@web\\d and L@a,web1.lan and S@10.0.0.0/8 and I@env:prod* and J@env2:p", true),
        ("compound", "G@", false),
        ("compound", "X@web*", false),
    ] {
        assert_eq!(ask(tgt_type, &json!(tgt), ":"), Ok(expected), "{tgt_type} {tgt}");
    }
    assert_eq!(ask("grain", &json!("nested|one|two|three|3"), "|"), Ok(true));
    assert_eq!(ask("grain", &json!("path|a:b:c"), "|"), Ok(true));
    assert_eq!(ask("compound", &json!(["(", "web*", ")", "and", "G@os:Debian"]), ""), Ok(true));
    assert_eq!(ask("list", &json!(["a", "web1.lan"]), ""), Ok(true));
}

#[test]
fn what_cannot_be_read_is_said_and_matches_nobody() {
    for (tgt_type, tgt, why) in [
        ("range", json!("x"), "no target type"),
        ("glob", json!(["web1"]), "must be a text"),
        ("list", json!(1), "must be a list"),
        ("grain", json!("os"), "names no value"),
        ("pcre", json!("("), "cannot be used: unclosed group"),
        ("pcre", json!("a)|(eb"), "cannot be used: unopened group"),
        ("pcre", json!("(?=a)"), "look-around"),
        ("pcre", json!("a".repeat(limits::REGEX_MAX + 1)), "longer than"),
        ("pcre", json!("\\w{9999}"), "would take more than"),
        ("grain_pcre", json!("os:("), "unclosed group"),
        ("ipcidr", json!("10.1.2.3/8"), "zeros behind the prefix"),
        ("ipcidr", json!("10.1.2.0/33"), "no IP address"),
        ("ipcidr", json!("10.0.0.0/255.0.255.0"), "no IP address"),
        ("ipcidr", json!("10.0.0.0/+8"), "no IP address"),
        ("compound", json!(""), "missing at its end"),
        ("compound", json!("web* and"), "missing at its end"),
        ("compound", json!("and web*"), "missing before 'and'"),
        ("compound", json!("( or web* )"), "missing before 'or'"),
        ("compound", json!("web* db*"), "'and' or 'or' is missing before \"db*\""),
        ("compound", json!("( web*"), "has no ')'"),
        ("compound", json!("web* )"), "has no '('"),
        ("compound", json!("web* ( db* )"), "missing before \"(\""),
        ("compound", json!("R@x"), "not supported"),
        ("compound", json!("N@x"), "node group \"x\""),
        ("compound", json!("not G@os"), "names no value"),
        ("compound", json!("x ".repeat(limits::TARGET_WORDS + 1)), "more than 1024 words"),
        ("compound", json!(format!("{}x", "( ".repeat(limits::TARGET_DEPTH + 1))), "inside each other"),
        ("compound", json!(["E@x"; limits::REGEXES + 1].join(" or ")), "regular expressions"),
        ("grain", json!("a:".repeat(limits::TARGET_PATH + 1)), "levels"),
    ] {
        let error = ask(tgt_type, &tgt, "").unwrap_err().to_string();
        assert!(error.contains(why), "{tgt_type} {tgt}: {error}");
    }
}

#[test]
fn what_is_not_known_is_neither_true_nor_false() {
    let unknown = Facts { id: "web1", grains: None, pillar: None };
    for (tgt, expected) in [
        ("G@os:Debian", false),
        ("not G@os:Debian", false),
        ("G@os:Debian or web*", true),
        ("web* or S@::1", true),
        ("G@os:Debian and not db*", false),
        ("not ( G@os:Debian and db* )", true),
        ("not ( G@os:Debian or I@a:b )", false),
    ] {
        assert_eq!(matches("compound", &json!(tgt), "", &unknown), Ok(expected), "{tgt}");
    }
}

#[test]
fn node_groups_are_put_in_their_place() {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let groups: Groups = [
        ("web", "web1 web2"),
        ("pat", "web* or L@db1"),
        ("both", "N@web and not N@pat"),
        ("loop", "x or N@ring"),
        ("ring", "N@loop"),
        ("none", ""),
    ]
    .map(|(name, text)| (name.to_owned(), words(text)))
    .into();
    let put = |text: &str| expand(&json!(text), &groups).map(|words| words.join(" "));
    assert_eq!(put("N@web"), Ok("( L@web1,web2 )".to_owned()));
    assert_eq!(put("N@both or x"), Ok("( ( L@web1,web2 ) and not ( web* or L@db1 ) ) or x".to_owned()));
    assert!(put("N@other").unwrap_err().to_string().contains("settings"));
    assert!(put("N@loop").unwrap_err().to_string().contains("inside itself"));
    assert!(put("N@none").unwrap_err().to_string().contains("empty"));
    let doubling: Groups = (0..30)
        .map(|n| (format!("g{n}"), words(&format!("N@g{0} or N@g{0}", n + 1))))
        .chain([("g30".to_owned(), words("x*"))])
        .collect();
    assert!(matches!(expand(&json!("N@g0"), &doubling), Err(BadTarget::TooMuch { .. })));
}

#[test]
fn stars_on_deep_facts_stay_cheap() {
    let mut deep = json!({"end": "no"});
    for _ in 0..60 {
        deep = json!({"a": deep.clone(), "b": 1});
    }
    let facts = Facts { id: "x", grains: deep.as_object(), pillar: None };
    let tgt = format!("{}end:yes", "*:".repeat(limits::TARGET_PATH - 2));
    assert_eq!(matches("grain", &json!(tgt), "", &facts), Ok(false));
}

/// Words of compound expressions, right and wrong.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["and", "or", "not", "(", ")", "web*", "db*", "G@os:Debian", "L@web1,x", "E@w", "S@::1"])
}

/// The definition, by cutting words in two: the lowest operator first.
fn plainly(words: &[&str], facts: &Facts<'_>) -> Option<bool> {
    let outside = |operator: &str| {
        let mut open = 0;
        words.iter().rposition(|word| {
            open += i32::from(*word == ")") - i32::from(*word == "(");
            open == 0 && *word == operator
        })
    };
    if let Some(at) = outside("or") {
        return Some(plainly(&words[..at], facts)? | plainly(&words[at + 1..], facts)?);
    }
    if let Some(at) = outside("and") {
        return Some(plainly(&words[..at], facts)? & plainly(&words[at + 1..], facts)?);
    }
    match words {
        ["not", rest @ ..] => Some(!plainly(rest, facts)?),
        ["(", inner @ .., ")"] => plainly(inner, facts),
        ["and" | "or" | "(" | ")"] | [] => None,
        [one] => Matcher::new("compound", &json!([one]), "").ok().map(|matcher| matcher.matches(facts)),
        _ => None,
    }
}

/// The facts without those that are not read.
fn only_read(matcher: &Matcher, source: Source, facts: &Value) -> Value {
    let read = facts.as_object().unwrap().iter().filter(|(name, _)| matcher.reads(source, name));
    Value::Object(read.map(|(name, value)| (name.clone(), value.clone())).collect())
}

proptest! {
    #[test]
    fn what_is_not_read_does_not_matter(
        kind in prop::sample::select(vec!["grain", "grain_pcre", "pillar", "pillar_exact", "ipcidr", "compound"]),
        tgt in "(([GIPJS]@)?([*]|os|roles|ip|nested|a|b|path|env|apps|web|10\\.0\\.0\\.0/8)(:([*]|deb.*|web|tier|one|up|two|b)){0,3}( (and|or|not) )?){1,3}",
    ) {
        let Ok(matcher) = Matcher::new(kind, &json!(tgt), "") else { return Ok(()) };
        let all = grains();
        let [grains, pillar] = [Source::Grains, Source::Pillar].map(|source| only_read(&matcher, source, &all));
        let whole = Facts { id: "web1", grains: all.as_object(), pillar: all.as_object() };
        let read = Facts { id: "web1", grains: grains.as_object(), pillar: pillar.as_object() };
        prop_assert_eq!(matcher.matches(&whole), matcher.matches(&read));
    }

    #[test]
    fn compounds_mean_what_their_parts_mean(words in prop::collection::vec(word(), 1..12)) {
        let grains = grains();
        let facts = Facts { id: "web1", grains: grains.as_object(), pillar: None };
        // What a `not` implies, written out.
        let mut full: Vec<&str> = Vec::new();
        for word in &words {
            if *word == "not" && full.last().is_some_and(|last| !["and", "or", "not", "("].contains(last)) {
                full.push("and");
            }
            full.push(word);
        }
        let ours = matches("compound", &json!(words.join(" ")), "", &facts).ok();
        prop_assert_eq!(ours, plainly(&full, &facts), "{:?}", words);
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,40}", delimiter in "\\PC{0,2}") {
        for tgt_type in ["glob", "list", "pcre", "grain", "grain_pcre", "pillar_exact", "ipcidr", "compound"] {
            let _ = ask(tgt_type, &json!(text), &delimiter);
        }
        for letter in "GPIJLNSER".chars() {
            let _ = ask("compound", &json!(format!("{letter}@{text}")), "");
        }
    }

    #[test]
    fn what_is_there_is_found(keys in prop::collection::vec("[a-z]{1,5}", 1..8), value in "[a-zA-Z0-9 ]{0,8}") {
        let mut facts = json!(value);
        for key in keys.iter().rev() {
            facts = json!({key: facts});
        }
        let facts = Facts { id: "x", grains: facts.as_object(), pillar: None };
        let path = keys.join(":");
        prop_assert_eq!(matches("grain", &json!(format!("{path}:{value}")), "", &facts), Ok(true));
        prop_assert_eq!(matches("grain", &json!(format!("{path}:{value}x")), "", &facts), Ok(false));
        prop_assert_eq!(matches("grain", &json!(format!("*:{path}:{value}x")), "", &facts), Ok(false));
    }

    #[test]
    fn networks_hold_their_addresses(bits in any::<u32>(), length in 0u32..33, other in any::<u32>()) {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        let net = format!("{}/{length}", std::net::Ipv4Addr::from_bits(bits & mask));
        let grains = json!({"ipv4": [std::net::Ipv4Addr::from_bits(other).to_string()]});
        let facts = Facts { id: "x", grains: grains.as_object(), pillar: None };
        prop_assert_eq!(matches("ipcidr", &json!(net), "", &facts), Ok(other & mask == bits & mask));
    }
}
