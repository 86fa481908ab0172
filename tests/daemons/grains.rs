//! Facts of a minion, and those its operator wrote, arrive through the road.

use crate::stage::Stage;

#[test]
fn items() {
    let mut stage = Stage::new();
    stage.master("auto_accept: True\n");
    stage.minion("web1", "grains: {rack: 7, role: [web, cache]}\n");
    stage.until_answers(&["web1"]);
    let told = stage.run(&["*", "grains.items", "--json"]);
    let line: serde_json::Value = serde_json::from_str(told.out.trim()).unwrap();
    let text = line.to_string();
    assert!(text.contains(r#""rack":7"#) && text.contains(r#""role":["web","cache"]"#), "{text}");
    assert!(text.contains(r#""kernel":"Linux""#) && text.contains(r#""id":"web1""#), "{text}");
}
