//! Compound targets: words with `and`, `or`, `not` and parentheses between them, each word a glob or one of the other
//! target types behind its letter (`G@os:Debian`). Owns the grammar, which is Salt's: `not` binds before `and`, `and`
//! before `or`, a `not` behind a word means `and not`, and everything stands between blanks. Pure.

use serde_json::Value;

use super::pattern::shown;
use super::{BadTarget, DELIMITER, Expression, How, Network, Path, Pattern, split};
use crate::base::limits;

/// What stands between words.
pub(super) const OPERATORS: [&str; 5] = ["and", "or", "not", "(", ")"];

/// Reads a text, or a list of words. `pillar` is how `I@` compares.
pub(super) fn read(tgt: &Value, pillar: How) -> Result<Expression, BadTarget> {
    let words: Vec<&str> = match tgt {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return Err(BadTarget::Value { tgt_type: "compound", wanted: "a text or a list of words" }),
    };
    if words.len() > limits::TARGET_WORDS {
        return Err(BadTarget::TooMuch { what: "words", most: limits::TARGET_WORDS });
    }
    let mut reader = Reader { words: &words, at: 0, depth: 0, regexes: 0, pillar };
    let expression = reader.any_of()?;
    match reader.peek() {
        None => Ok(expression),
        Some(")") => Err(reader.bad("a ')' has no '('")),
        Some(word) => Err(reader.bad(&format!("'and' or 'or' is missing before {:?}", shown(word)))),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    at: usize,
    depth: usize,
    regexes: usize,
    pillar: How,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn bad(&self, why: &str) -> BadTarget {
        BadTarget::Compound { expression: shown(&self.words.join(" ")), why: why.to_owned() }
    }

    /// Terms with `or` between them.
    fn any_of(&mut self) -> Result<Expression, BadTarget> {
        let mut parts = vec![self.all_of()?];
        while self.peek() == Some("or") {
            self.at += 1;
            parts.push(self.all_of()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    /// Factors with `and` between them, which a `not` implies.
    fn all_of(&mut self) -> Result<Expression, BadTarget> {
        let mut parts = vec![self.factor()?];
        loop {
            match self.peek() {
                Some("and") => self.at += 1,
                Some("not") => {}
                _ => break,
            }
            parts.push(self.factor()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    /// A word, something in parentheses, or `not` before either.
    fn factor(&mut self) -> Result<Expression, BadTarget> {
        let mut is_negated = false;
        while self.peek() == Some("not") {
            self.at += 1;
            is_negated = !is_negated;
        }
        let word = self.peek();
        self.at += 1;
        let inner = match word {
            None => return Err(self.bad("something is missing at its end")),
            Some("(") => self.group()?,
            Some(operator @ ("and" | "or" | ")")) => {
                return Err(self.bad(&format!("something is missing before '{operator}'")));
            }
            Some(word) => self.word(word)?,
        };
        Ok(if is_negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn group(&mut self) -> Result<Expression, BadTarget> {
        self.depth += 1;
        if self.depth > limits::TARGET_DEPTH {
            return Err(BadTarget::TooMuch { what: "parentheses inside each other", most: limits::TARGET_DEPTH });
        }
        let inner = self.any_of()?;
        match self.peek() {
            Some(")") => self.at += 1,
            Some(word) => return Err(self.bad(&format!("'and' or 'or' is missing before {:?}", shown(word)))),
            None => return Err(self.bad("a '(' has no ')'")),
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn word(&mut self, word: &str) -> Result<Expression, BadTarget> {
        let Some((engine, delimiter, pattern)) = engine(word) else { return Ok(Expression::Glob(word.to_owned())) };
        let expression = match engine {
            'G' => Expression::Grain(Path::new(pattern, delimiter, How::Glob)?),
            'P' => Expression::Grain(Path::new(pattern, delimiter, How::Regex)?),
            'I' => Expression::Pillar(Path::new(pattern, delimiter, self.pillar)?),
            // Salt too compares both exactly where it does so at all.
            'J' if self.pillar == How::Exact => Expression::Pillar(Path::new(pattern, delimiter, How::Exact)?),
            'J' => Expression::Pillar(Path::new(pattern, delimiter, How::Regex)?),
            'L' => Expression::List(split(pattern)),
            'S' => Expression::Network(Network::new(pattern)?),
            'E' => Expression::Id(Pattern::new(pattern, false)?),
            'N' => {
                let why = "is not known here; a master puts in its own node groups";
                return Err(BadTarget::Group { name: shown(pattern), why });
            }
            other => return Err(self.bad(&format!("targets of kind {other}@ are not supported"))),
        };
        self.regexes += match &expression {
            Expression::Grain(path) | Expression::Pillar(path) => path.regexes(),
            Expression::Id(_) => 1,
            _ => 0,
        };
        if self.regexes > limits::REGEXES {
            return Err(BadTarget::TooMuch { what: "regular expressions", most: limits::REGEXES });
        }
        Ok(expression)
    }
}

/// A word's engine letter, delimiter and pattern, if it begins with a letter of Salt's and `@`: `G@os:x`, `G|@a|b`.
pub(super) fn engine(word: &str) -> Option<(char, &str, &str)> {
    let letter = word.chars().next().filter(|c| "GPIJLNSER".contains(*c))?;
    let behind = word.get(1..)?;
    let own = behind.chars().next().filter(|_| "GPIJ".contains(letter)).and_then(|c| {
        let (delimiter, rest) = behind.split_at_checked(c.len_utf8())?;
        Some((letter, delimiter, rest.strip_prefix('@').filter(|rest| !rest.is_empty())?))
    });
    own.or_else(|| Some((letter, DELIMITER, behind.strip_prefix('@').filter(|rest| !rest.is_empty())?)))
}
