//! Tests: pillars of files in a directory, as Salt would make them, and what becomes of broken ones.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;

struct Tree {
    dir: TempDir,
    groups: Groups,
}

impl Tree {
    /// Files by their paths below the directory; `base` and `dev` are environments.
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let groups = [("web".to_owned(), vec!["web1".to_owned(), "web2".to_owned()])].into();
        Self { dir, groups }
    }

    fn ask(&self, id: &str, saltenv: Option<&str>, pillarenv: Option<&str>, over: &Value) -> Value {
        let root = |name: &str| (name.to_owned(), vec![self.dir.path().join(name)]);
        let roots = BTreeMap::from([root("base"), root("dev"), root("__env__")]);
        let pillar = Pillar { roots: Roots::new(roots), groups: self.groups.clone() };
        let grains = json!({"os": "Debian", "id": "liar", "roles": ["web"], "ipv4": ["10.0.0.1"], "n": {"m": [7]}});
        let id = Name::new(id).unwrap();
        Value::Object(pillar.compile(&Question {
            id: &id,
            grains: grains.as_object().unwrap(),
            saltenv,
            pillarenv,
            pillar_override: over.as_object().unwrap(),
        }))
    }

    fn pillar(&self, id: &str) -> Value {
        self.ask(id, None, None, &json!({}))
    }
}

#[test]
fn each_minion_has_what_the_top_file_gives_it() {
    let tree = Tree::new(&[
        (
            "base/top.sls",
            "
base:
  '*': [common]
  'web* and G@os:Debian': [web]
  'os:Ubuntu': [{match: grain}, never]
  'roles:web': [{match: grain}, roles.front]
  'web': [{match: nodegroup}, group]
  'db1,db2': [{match: list}, db]
  '10.0.0.0/8': [{match: ipcidr}, net]
  'N@web and E@web2': [two]
  'id:liar': [{match: grain}, never]
",
        ),
        ("base/common.sls", "common: true"),
        ("base/web.sls", "web: {{ grains.os }} {{ id }} {{ opts['id'] }} {{ grains['id'] }}"),
        ("base/roles/front/init.sls", "front: {{ salt['grains.get']('n:m:0', 3) + 1 }}"),
        ("base/group.sls", "group: {{ saltenv }} {{ sls }} {{ salt['grains.get']('no', 'd') }}"),
        ("base/db.sls", "db: true"),
        ("base/net.sls", "#!yaml\nnet: '{{ raw }}'"),
        ("base/two.sls", "two: {{ salt['pillar.get']('x', default='none') }}"),
    ]);
    let web1 = json!({
        "common": true, "web": "Debian web1 web1 web1", "front": 8, "group": "base group d", "net": "{{ raw }}",
    });
    assert_eq!(tree.pillar("web1"), web1);
    assert_eq!(tree.pillar("web2")["two"], "none");
    assert_eq!(tree.pillar("db1"), json!({"common": true, "front": 8, "db": true, "net": "{{ raw }}"}));
}

#[test]
fn files_are_laid_over_each_other_in_order() {
    let tree = Tree::new(&[
        ("base/top.sls", "base:\n  'web1': [{order: 2}, two]\n  '*': [one]\n  'web*': [{order: '1'}, three]"),
        ("base/one.sls", "v: 1\nm: {a: 1, l: [1, 2]}"),
        ("base/two.sls", "v: 2\nm: {b: 2, l: [3]}"),
        ("base/three.sls", "v: 3\nm: {c: 3}\n"),
    ]);
    assert_eq!(tree.pillar("web1"), json!({"v": 2, "m": {"a": 1, "l": [3], "c": 3, "b": 2}}));
    let over = json!({"v": 9, "m": {"l": "x"}, "new": 1});
    let pillar = tree.ask("web1", None, None, &over);
    assert_eq!(pillar, json!({"v": 9, "m": {"a": 1, "l": "x", "c": 3, "b": 2}, "new": 1}));
}

#[test]
fn includes_stand_below_who_includes_them() {
    let tree = Tree::new(&[
        ("base/top.sls", "include: [more]\nbase:\n  '*': [a, 'lib.*']"),
        ("base/more.sls", "base:\n  'web1': [z]"),
        ("base/a.sls", "include: [b, {c: {defaults: {x: 5}, key: 'k:l'}}]\nv: a\nw: {a: 1}"),
        ("base/b.sls", "include: [a, b]\nv: b\nw: {b: 1}"),
        ("base/c.sls", "x: {{ x }}"),
        ("base/z.sls", "z: true"),
        ("base/lib/one.sls", "one: 1"),
        ("base/lib/two/init.sls", "two: 2"),
    ]);
    let all = json!({"v": "a", "w": {"b": 1, "a": 1}, "k": {"l": {"x": 5}}, "one": 1, "two": 2, "z": true});
    assert_eq!(tree.pillar("web1"), all);
}

#[test]
fn environments_are_kept_apart() {
    let tree = Tree::new(&[
        ("base/top.sls", "base:\n  '*': [a]\ndev:\n  '*': [b]\nother:\n  '*': [c]"),
        ("base/a.sls", "a: base"),
        ("dev/a.sls", "a: dev"),
        ("dev/top.sls", "dev:\n  '*': [a, b]"),
        ("dev/b.sls", "b: {{ saltenv }} {{ pillarenv }}"),
        ("__env__/top.sls", "x:\n  '*': [x]"),
        ("__env__/x.sls", "x: {{ saltenv }}"),
    ]);
    let all = tree.pillar("web1");
    assert_eq!((&all["a"], &all["b"]), (&json!("dev"), &json!("dev None")));
    assert_eq!(all["_errors"], json!(["an environment of the pillar is missing; the master's log says why"]));
    let only = |pillarenv| tree.ask("web1", None, Some(pillarenv), &json!({}));
    assert_eq!(only("dev"), json!({"a": "dev", "b": "dev dev"}));
    assert_eq!(only("x"), json!({"x": "x"}));
    assert_eq!(only("base"), json!({"a": "base"}));
    assert_eq!(tree.ask("web1", Some("x"), None, &json!({}))["x"], "x");
}

#[test]
fn templates_may_use_each_other() {
    let tree = Tree::new(&[
        ("base/top.sls", "base: {'*': [app]}"),
        (
            "base/app/init.sls",
            "{% from 'app/map.jinja' import app with context %}
{%- set ns = namespace(names=[]) %}{% for role in grains.get('roles', []) %}{% set ns.names = ns.names + [role] %}{% endfor %}
app: {{ app | json }}
roles: {{ ns.names }}
yes: {{ 'x'.upper() }} {{ none }} {{ true }}
{% for k, v in app.items() %}
{{ k }}: {{ v | yaml_dquote }}
{% endfor %}
{% include 'app/part.sls' %}
",
        ),
        ("base/app/map.jinja", "{% set app = {'name': 'a\"b', 'os': grains['os']} %}"),
        ("base/app/part.sls", "part: {{ sls }}"),
    ]);
    let app = json!({
        "app": {"name": "a\"b", "os": "Debian"}, "roles": ["web"], "yes": "X None True", "name": "a\"b", "os": "Debian",
        "part": "app",
    });
    assert_eq!(tree.pillar("web1"), app);
}

#[test]
fn what_is_broken_is_left_out_and_said() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret.sls"), "secret: 1").unwrap();
    for (text, why) in [
        ("a: {{ nothing }}", "cannot be rendered"),
        ("{% if %}", "cannot be rendered"),
        ("a: [1", "cannot be rendered"),
        ("- a", "cannot be rendered"),
        ("a: {{ salt['cmd.run']('id') }}", "cannot be rendered"),
        ("{% include 'nothing' %}", "cannot be rendered"),
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "cannot be rendered"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "cannot be rendered"),
        ("#!py\ndef run(): pass", "cannot be rendered"),
        ("include: x", "cannot be rendered"),
        ("include: [[x]]", "cannot be rendered"),
        ("include: ['no']", "'no' is missing"),
        ("include: ['..other']", "'..other' is missing"),
        ("include: ['../../secret']", "is missing"),
        ("include: [link]", "'link' cannot be rendered"),
        ("{% include '../x' %}", "cannot be rendered"),
    ] {
        let tree = Tree::new(&[
            ("base/top.sls", "base:\n  '*': [bad, good, maybe, {ignore_missing: true}]\n  'web1': [good]"),
            ("base/bad.sls", text),
            ("base/good.sls", "good: true"),
            ("x", "secret: 1"),
        ]);
        std::os::unix::fs::symlink(outside.path().join("secret.sls"), tree.dir.path().join("base/link.sls")).unwrap();
        let pillar = tree.pillar("web1");
        let errors = pillar["_errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(errors.len() == 1 && errors[0].as_str().unwrap().contains(why), "{text}: {pillar}");
        assert!(pillar["good"] == true && pillar["secret"].is_null(), "{text}: {pillar}");
    }
}

#[test]
fn a_broken_top_file_gives_nobody_anything() {
    for (top, what) in [
        ("base: [", "'top' cannot be rendered"),
        ("- x", "'top' cannot be rendered"),
        ("base: 5", "'top' cannot be rendered"),
        ("base: {'*': 5}", "'top' cannot be rendered"),
        ("base: {'web1 and': [a]}", "a target"),
        ("base: {'os:x': [{match: nothing}, a]}", "a target"),
        ("base: {'*': [a, {match: nodegroup}]}", "a target"),
        ("include: [nope]", "a top file"),
    ] {
        let pillar = Tree::new(&[("base/top.sls", top), ("base/a.sls", "a: 1")]).pillar("web1");
        let errors = pillar["_errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(errors.len() == 1 && errors[0].as_str().unwrap().contains(what), "{top}: {pillar}");
        assert_eq!(pillar.as_object().unwrap().len(), 1, "{top}");
    }
    assert_eq!(Tree::new(&[]).pillar("web1"), json!({}));
}

#[test]
fn output_is_bounded() {
    let line = "x: '{{ 'a' * 1000 }}'\n".replace("1000", &(limits::PILLAR_BYTES / 8).to_string());
    let many: String = (0..10).map(|n| format!("x{n}{}", line.trim_start_matches('x'))).collect();
    let tree = Tree::new(&[("base/top.sls", "base: {'*': [a, b]}"), ("base/a.sls", &many), ("base/b.sls", "b: 1")]);
    let pillar = tree.pillar("web1");
    assert!(
        pillar["b"].is_null() && pillar["_errors"][0].as_str().unwrap().contains("larger"),
        "{:.200}",
        pillar.to_string()
    );
    let twice: String = (0..20).map(|n| format!("x{n}{}", line.trim_start_matches('x'))).collect();
    let tree = Tree::new(&[("base/top.sls", "base: {'*': [a, b]}"), ("base/a.sls", &twice), ("base/b.sls", "b: 1")]);
    let pillar = tree.pillar("web1");
    assert!(pillar["b"] == 1 && pillar["_errors"][0].as_str().unwrap().contains("'a'"));
    let deep: Vec<(String, String)> =
        (0..50).map(|n| (format!("base/d{n}.sls"), format!("include: [d{}]\nd{n}: 1", n + 1))).collect();
    let mut files: Vec<(&str, &str)> = deep.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(("base/top.sls", "base: {'*': [d0]}"));
    let pillar = Tree::new(&files).pillar("web1");
    assert!(pillar["d32"] == 1 && pillar["d33"].is_null() && pillar["_errors"].is_array(), "{pillar}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the files hold and a minion says, there is a pillar.
    #[test]
    fn any_files_give_a_pillar(
        top in "(base|x|include|'\\*'|[a-c:{}\\[\\]%,'\" \\n-]){0,12}",
        file in "(include|\\{\\{ grains|\\}\\}|\\{%|%\\}|[a-c:{}\\[\\]|'\" \\n-]){0,12}",
    ) {
        let tree = Tree::new(&[("base/top.sls", &top), ("base/a.sls", &file), ("dev/top.sls", "base: {'*': [a]}")]);
        prop_assert!(tree.pillar("web1").is_object());
    }
}
