//! Enrolment tokens: making, listing and deleting them. Whoever has one is let in without a look at fingerprints, so each
//! ends by itself.

use std::time::Duration;

use roadstead::base::{Name, Random, limits};
use roadstead::clock::Clock;
use roadstead::host::settings::DutyKind;
use roadstead::keep::Token;
use serde_json::json;

use crate::args::Tokens;
use crate::{Desk, Failure, print, say};

/// A year: longer is a slip.
const LONGEST: u64 = 366 * DAY;
const DAY: u64 = 86_400;

/// Does what was asked.
pub(crate) fn apply(desk: &Desk, command: Tokens) -> Result<u8, Failure> {
    if desk.settings.duty != DutyKind::Master {
        let sentence = "tokens are the master's: run this there, without --minion".to_owned();
        return Err(Failure { code: 2, sentence });
    }
    match command {
        Tokens::New { name, ttl } => new(desk, name, ttl),
        Tokens::List { json } => list(desk, json),
        Tokens::Delete { tokens } => delete(desk, &tokens),
    }
}

fn new(desk: &Desk, role: Option<Name>, ttl: Duration) -> Result<u8, Failure> {
    let mut count = 0;
    for token in desk.tokens()? {
        count += 1;
        if token.until.is_some_and(|until| until < now()) {
            desk.store.delete_token(&token.name()).map_err(|error| desk.explain(&error))?;
            count -= 1;
        }
    }
    if count >= limits::TOKENS {
        let sentence = format!("there are {count} tokens; delete some: `estate-keys token list`, `token delete`");
        return Err(Failure { code: 2, sentence });
    }
    let mut random = Random::new(crate::seed()?);
    let until = now().saturating_add(ttl.as_secs());
    let token = Token::generate(&mut random, role, Some(until));
    desk.store.create_token(&token).map_err(|error| desk.explain(&error))?;
    print(&format!("{}\n", *token.text()))?;
    Ok(0)
}

fn list(desk: &Desk, as_json: bool) -> Result<u8, Failure> {
    let mut text = String::new();
    for token in desk.tokens()? {
        let left = token.until.map(|until| until.saturating_sub(now()));
        text += &if as_json {
            let role = token.role.as_ref().map(Name::as_str);
            format!(
                "{}\n",
                json!({ "token": token.name(), "for": role, "until": token.until, "expired": left == Some(0) })
            )
        } else {
            let role = token.role.as_ref().map_or("anybody", Name::as_str);
            let left = left.map_or_else(|| "for ever".to_owned(), words);
            format!("{}  {role}  {left}\n", token.name())
        };
    }
    print(&text)?;
    Ok(0)
}

fn delete(desk: &Desk, names: &[String]) -> Result<u8, Failure> {
    let mut code = 0;
    for name in names {
        // Somebody may paste the whole token.
        let id = name.parse::<Token>().map_or_else(|_| name.to_lowercase(), |token| token.name());
        if desk.store.delete_token(&id).map_err(|error| desk.explain(&error))? {
            print(&format!("Token {id} deleted.\n"))?;
        } else {
            // What was typed may hold a secret.
            say("no such token; `estate-keys token list` shows them");
            code = 1;
        }
    }
    Ok(code)
}

/// `90s`, `30m`, `24h`, `7d`.
pub(crate) fn ttl(text: &str) -> Result<Duration, String> {
    let wanted = || "not a time such as 30m, 24h or 7d, of at most a year".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => DAY,
        _ => return Err(wanted()),
    };
    let number: u64 = text.get(..text.len() - 1).and_then(|number| number.parse().ok()).ok_or_else(wanted)?;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(wanted)
}

/// How long it still holds, in its largest unit.
fn words(left: u64) -> String {
    match left {
        0 => "expired".to_owned(),
        1..60 => format!("{left} s left"),
        60..3600 => format!("{} min left", left / 60),
        3600..172_800 => format!("{} h left", left / 3600),
        _ => format!("{} days left", left / DAY),
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    Clock::start().wall().0 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, seconds) in [("1s", 1), ("30m", 1800), ("24h", 86_400), ("366d", 366 * DAY)] {
            assert_eq!(ttl(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in
            ["", "h", "5", "0h", "-1h", "367d", "1.5h", "5 h", "é", "99999999999999999999d", "9999999999999999999d"]
        {
            assert!(ttl(bad).is_err(), "{bad}");
        }
        assert_eq!(
            [0, 59, 3599, 3600, 172_800].map(words).join(", "),
            "expired, 59 s left, 59 min left, 1 h left, 2 days left"
        );
    }
}
