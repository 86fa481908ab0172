//! What a live test does step by step: a command, what its answer must hold, and a printed line about it.

use std::time::Duration;

use crate::fleet::{Fleet, Told};
use crate::python::say;

/// Prints one line of the record.
pub(crate) fn record(what: &str, took: Duration) {
    say(&format!("{:>8.2} s  {what}", took.as_secs_f64()));
}

impl Fleet {
    /// Runs a job at our master; it must end with `code`, and its answer must hold every one of `parts`.
    pub(crate) fn job(&self, words: &[&str], code: i32, parts: &[&str]) -> Told {
        let told = self.run(words);
        self.must(&format!("roadstead run {}", words.join(" ")), told, code, parts)
    }

    /// The same with a program of Salt's at its master.
    pub(crate) fn theirs_does(&self, program: &str, words: &[&str], code: i32, parts: &[&str]) -> Told {
        let told = self.salt(program, words);
        self.must(&format!("{program} {}", words.join(" ")), told, code, parts)
    }

    /// The same with `estate-keys`.
    pub(crate) fn keys_do(&self, words: &[&str], code: i32, parts: &[&str]) -> Told {
        let told = self.keys(words);
        self.must(&format!("estate-keys {}", words.join(" ")), told, code, parts)
    }

    fn must(&self, what: &str, told: Told, code: i32, parts: &[&str]) -> Told {
        let missing = parts.iter().find(|part| !told.out.contains(**part));
        let shown: String = told.out.chars().take(2_000).collect();
        assert!(
            told.code == Some(code) && missing.is_none(),
            "{what}\ncode {:?}, wanted {code}; missing {missing:?}\n{shown}\n{}\n{}",
            told.code,
            told.errors,
            self.logs()
        );
        let what: String = what.chars().take(110).collect();
        record(&what.replace('\n', " "), told.took);
        told
    }
}
