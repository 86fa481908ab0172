//! The table in `src/manual/peer_tests.rs` covers every one of raet's tests, and what it names exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// raet's tests as the table names them: module and test, without `test_` and `test`.
fn names() -> Vec<String> {
    let all = fs::read_to_string(root().join("tests/vectors/v0/peer-tests.txt")).unwrap();
    let short = |line: &str| {
        let (path, test) = line.rsplit_once(".test").unwrap();
        let module = path.split('.').find(|part| part.starts_with("test_")).unwrap();
        let room = if line.starts_with("raet.lane.") { "lane." } else { "" };
        format!("{room}{}.{test}", module.trim_start_matches("test_"))
    };
    all.lines().map(short).collect()
}

/// One row: patterns of raet's tests, and what shows it here, as `file::function`, or a sentence.
struct Row {
    patterns: Vec<String>,
    tests: Vec<String>,
    words: String,
}

fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("src/manual/peer_tests.rs")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let row = |line: &str| {
        let (first, rest) = line.split_once(" | ").unwrap();
        let patterns = quoted(&format!("`{first}"));
        let cell = rest.trim_end_matches('|').trim();
        Row { patterns, tests: quoted(cell).into_iter().filter(|t| t.contains("::")).collect(), words: cell.to_owned() }
    };
    lines.map(row).collect()
}

fn fits(pattern: &str, name: &str) -> bool {
    roadstead::base::glob::matches(pattern, name)
}

#[test]
fn every_test_of_raet_has_a_row() {
    let (names, rows) = (names(), rows());
    assert_eq!(names.len(), 285);
    let patterns = || rows.iter().flat_map(|row| &row.patterns);
    let uncovered: Vec<_> = names.iter().filter(|name| !patterns().any(|pattern| fits(pattern, name))).collect();
    assert!(uncovered.is_empty(), "{} without a row: {uncovered:#?}", uncovered.len());
    let idle: Vec<_> = patterns().filter(|pattern| !names.iter().any(|name| fits(pattern, name))).collect();
    assert!(idle.is_empty(), "rows of no test: {idle:?}");
    let twice = names.iter().filter(|name| patterns().filter(|pattern| fits(pattern, name)).count() > 1);
    let twice: Vec<_> = twice.collect();
    assert!(twice.is_empty(), "in several rows: {twice:#?}");
}

#[test]
fn every_row_names_tests_that_exist_or_says_why_not() {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for row in rows() {
        assert!(!row.patterns.is_empty());
        assert!(!row.tests.is_empty() || row.words.len() > 20, "{:?}: neither a test nor a sentence", row.patterns);
        for test in &row.tests {
            let (file, function) = test.split_once("::").unwrap();
            let text = files.entry(file.to_owned()).or_insert_with(|| {
                fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
            });
            let at = text.find(&format!("fn {function}("));
            assert!(at.is_some(), "{test} does not exist");
            // Of the lines before it, one says that it is a test; in a `proptest!` the macro does.
            let before = &text[..at.unwrap()];
            let tail = &before[before.len().saturating_sub(120)..];
            assert!(tail.contains("#[test]"), "{test} is no test");
        }
    }
}

#[test]
fn the_table_of_weaknesses_names_files_that_exist() {
    let text = fs::read_to_string(root().join("src/manual/road_v0.rs")).unwrap();
    let files: Vec<String> = quoted(&text).into_iter().filter(|word| word.ends_with(".rs")).collect();
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        assert!(root().join(&file).exists(), "{file}");
    }
}
