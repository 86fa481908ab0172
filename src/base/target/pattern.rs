//! Regular expressions of targets: bounded in size, tried from the start of a text as Python's `re.match` does, and of a
//! cost that is linear in the text. No look-around and no back references, which is what makes that so.

use std::fmt;

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::BadTarget;
use crate::base::limits;

/// Groups inside each other.
const NEST: u32 = 50;

/// One compiled regular expression.
pub(super) struct Pattern {
    regex: Regex,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pattern")
    }
}

impl Pattern {
    /// Reads `expression`. Without `any_case`, case counts.
    pub(super) fn new(expression: &str, any_case: bool) -> Result<Self, BadTarget> {
        let bad = |why: String| BadTarget::Pattern { expression: shown(expression), why };
        if expression.len() > limits::REGEX_MAX {
            return Err(bad(format!("it is longer than {} bytes", limits::REGEX_MAX)));
        }
        let config = Config::new().nfa_size_limit(Some(limits::REGEX_BYTES));
        let syntax = syntax::Config::new().case_insensitive(any_case).nest_limit(NEST);
        match Regex::builder().configure(config).syntax(syntax).build(&ours(expression)) {
            Ok(regex) => Ok(Self { regex }),
            Err(error) if error.size_limit().is_some() => {
                Err(bad(format!("compiled it would take more than {} bytes", limits::REGEX_BYTES)))
            }
            Err(error) => Err(bad(error.syntax_error().map_or_else(|| error.to_string(), one_line))),
        }
    }

    /// Whether `text` begins with a match. A text above [`limits::REGEX_TEXT`] does not.
    pub(super) fn matches(&self, text: &str) -> bool {
        let input = Input::new(text).anchored(Anchored::Yes).earliest(true);
        text.len() <= limits::REGEX_TEXT && self.regex.search_half(&input).is_some()
    }
}

/// The end of a text is `\Z` in Python and `\z` here.
fn ours(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' {
            match chars.next() {
                Some('Z') => out.push('z'),
                Some(other) => out.push(other),
                None => {}
            }
        }
    }
    out
}

/// What is wrong, without the drawing of where: that is the last line's text behind `error:`.
fn one_line(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default().trim();
    last.strip_prefix("error:").unwrap_or(last).trim().to_owned()
}

/// The beginning of an expression, for a sentence.
pub(super) fn shown(expression: &str) -> String {
    const MOST: usize = 200;
    match expression.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", expression.get(..at).unwrap_or_default()),
        None => expression.to_owned(),
    }
}
