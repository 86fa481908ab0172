//! What a user, a function, a peer on the lane or a program could hand to a road: any MessagePack and what is none, under any
//! kind and any route, and among it what is fit to be sent.

use bytes::Bytes;
use proptest::prelude::*;
use rmpv::Value;
use roadstead::base::Name;
use roadstead::message::{Address, Message, Route};
use serde_json::json;

/// Any value there is.
fn any_value() -> impl Strategy<Value = Value> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-0.0), any::<f64>()].prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[a-z]{30,300}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Binary),
        ".{0,20}".prop_map(|text| Value::Binary(text.into_bytes())),
        (any::<i8>(), bytes()).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((".{0,9}".prop_map(Value::from), inner.clone()), 0..5).prop_map(Value::Map),
            proptest::collection::vec((inner.clone(), inner), 0..3).prop_map(Value::Map),
        ]
    })
}

/// Values as a function returns them: no binary, no extensions, keys that are text.
fn plain_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        10 => Just(json!(null)),
        10 => any::<bool>().prop_map(|it| json!(it)),
        10 => any::<i64>().prop_map(|it| json!(it)),
        10 => any::<f64>().prop_map(|it| json!(it)),
        30 => ".{0,60}".prop_map(|it| json!(it)),
        10 => (1usize..3000).prop_map(|len| json!("x".repeat(len))),
        1 => (1usize..100_000).prop_map(|len| json!("x".repeat(len))),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
            proptest::collection::btree_map(".{0,9}", inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn packed(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).unwrap();
    out
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let bad_text = prop_oneof![Just(vec![0xff]), Just(vec![0xc3, 0x28]), Just(vec![0xed, 0xa0, 0x80])];
    let bad_text = bad_text.prop_map(|text| [vec![0x81, 0xa1, b'a', 0xa0 | text.len() as u8], text].concat());
    prop_oneof![
        4 => any_value().prop_map(|value| packed(&value)),
        3 => plain_value().prop_map(|value| rmp_serde::to_vec_named(&value).unwrap()),
        1 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => bad_text,
        1 => (any_value(), any_value()).prop_map(|(one, two)| [packed(&one), packed(&two)].concat()),
        1 => (1usize..200).prop_map(|depth| [vec![0x91; depth], vec![0xc0]].concat()),
        1 => Just(vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
    ]
}

/// A job, with parts that are as they should be and parts that are not.
fn any_job() -> impl Strategy<Value = Vec<u8>> {
    let tgt = prop_oneof![
        Just(json!("*")),
        Just(json!("[z-a]*")),
        Just(json!("*a*b*c*d*e*f")),
        Just(json!(["web1"])),
        plain_value()
    ];
    let tgt_type = prop_oneof![
        4 => Just(json!("glob")), 2 => Just(json!("list")), 1 => Just(json!("pcre")), 1 => Just(json!("é")), 1 => plain_value()
    ];
    let fun = prop_oneof![4 => Just(json!("test.ping")), 1 => plain_value()];
    (tgt, tgt_type, fun, proptest::collection::vec(plain_value(), 0..3), any::<u8>()).prop_map(
        |(tgt, tgt_type, fun, arg, without)| {
            let mut job = json!({
                "fun": fun, "arg": arg, "tgt": tgt, "tgt_type": tgt_type, "jid": "20261120091519190143", "ret": "", "user": "root"
            });
            let keys: Vec<String> = job.as_object().unwrap().keys().cloned().collect();
            if let Some(key) = keys.get(usize::from(without) / 8) {
                job.as_object_mut().unwrap().shift_remove(key);
            }
            rmp_serde::to_vec_named(&job).unwrap()
        },
    )
}

/// A return or another request of a minion.
fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let cmd = prop_oneof![
        6 => Just(json!("_return")),
        1 => prop_oneof!["_pillar", "_minion_event", "opts", "__init__", "été", "_mine"].prop_map(|it| json!(it)),
        1 => plain_value(),
    ];
    (cmd, plain_value()).prop_map(|(cmd, value)| {
        let load = json!({"cmd": cmd, "id": "web1", "jid": "20261120091519190143", "fun": "cmd.run", "return": value});
        rmp_serde::to_vec_named(&load).unwrap()
    })
}

fn any_name() -> impl Strategy<Value = Option<Name>> {
    let name = prop_oneof![
        Just("manor".to_owned()),
        Just("worker1".to_owned()),
        Just("fun".to_owned()),
        Just("remote_cmd".to_owned()),
        Just("local_cmd".to_owned()),
        "[A-Za-z0-9_-]{1,72}"
    ];
    proptest::option::of(name.prop_map(|name| Name::new(&name).unwrap()))
}

fn any_address() -> impl Strategy<Value = Address> {
    (any_name(), any_name(), any_name()).prop_map(|(estate, yard, share)| Address { estate, yard, share })
}

fn to(share: &str) -> Route {
    Route { src: Address::default(), dst: Address { share: Name::new(share).ok(), ..Address::default() } }
}

/// Anything that fits the type.
pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let kind = prop_oneof![
        4 => prop_oneof!["load", "return", "pub", "tag"],
        2 => Just(String::new()),
        1 => Just("route".to_owned()),
        1 => ".{0,60}",
        1 => Just("k".repeat(70_000)),
    ];
    let route =
        prop_oneof![Just(Route::default()), (any_address(), any_address()).prop_map(|(src, dst)| Route { src, dst })];
    let odd =
        (route, kind, any_body()).prop_map(|(route, kind, body)| Message { route, kind, body: Bytes::from(body) });
    let yard = Address { yard: Name::new("channel1").ok(), share: Name::new("track1").ok(), ..Address::default() };
    let answer = any_body().prop_map(move |body| Message {
        route: Route { src: Address::default(), dst: yard.clone() },
        kind: "return".to_owned(),
        body: body.into(),
    });
    let job = any_job().prop_map(|body| Message { route: to("fun"), kind: "pub".to_owned(), body: body.into() });
    let request =
        any_request().prop_map(|body| Message { route: to("remote_cmd"), kind: "load".to_owned(), body: body.into() });
    prop_oneof![3 => odd, 2 => answer, 1 => job, 1 => request]
}
