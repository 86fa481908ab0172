//! Shell patterns over names, as Salt's targets use them. Owns the matching and nothing else: no files, no regular expressions.

/// One element of a pattern that stands for exactly one character, or for any run of them.
enum Piece<'a> {
    /// `*`
    Run,
    /// `?`
    Any,
    /// The text between the brackets, and whether it began with `!` or `^`.
    Class(&'a str, bool),
    /// Itself.
    Literal(char),
}

/// Whether the whole of `text` fits `pattern`: `*` any run, `?` any character, `[a-z]` one of, `[!a-z]` none of.
///
/// Case counts. A `[` that is never closed stands for itself, as in Python's `fnmatch`. Only the last `*` is ever tried
/// again: the stack does not grow, and for a name as text the work is linear in the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What to go back to when a piece does not fit: the pattern behind the last `*`, and the text it was tried on.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let fits = match next_piece(pattern) {
            Some((Piece::Run, rest)) => {
                retry = Some((rest, text));
                pattern = rest;
                continue;
            }
            None if text.is_empty() => return true,
            None => None,
            Some((piece, rest)) => first(text).filter(|(c, _)| piece.is_for(*c)).map(|(_, behind)| (rest, behind)),
        };
        if let Some(next) = fits {
            (pattern, text) = next;
            continue;
        }
        let Some((behind_run, tried)) = retry else { return false };
        let Some((_, shorter)) = first(tried) else { return false };
        retry = Some((behind_run, shorter));
        (pattern, text) = (behind_run, shorter);
    }
}

/// Whether `text` means more than one name: it has a `*`, `?` or `[`.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Most `*` of a pattern that [`is_plain`].
const RUNS: usize = 4;
/// Longest pattern that [`is_plain`], bytes.
const PLAIN_MAX: usize = 255;

/// Whether every program that knows shell patterns takes this one in a moment. Python's `fnmatch` raises on a range that runs
/// backwards, and tries everything behind each `*` again for each `*` before it: seen on Salt 2018.3.5, whose minions end so.
pub fn is_plain(pattern: &str) -> bool {
    pattern.len() <= PLAIN_MAX && !pattern.contains('[') && pattern.matches('*').count() <= RUNS
}

impl Piece<'_> {
    /// Whether this one-character piece stands for `c`.
    fn is_for(&self, c: char) -> bool {
        match *self {
            Piece::Run => false,
            Piece::Any => true,
            Piece::Literal(own) => own == c,
            Piece::Class(members, negated) => in_class(members, c) != negated,
        }
    }
}

/// The first piece of `pattern` and what follows it.
fn next_piece(pattern: &str) -> Option<(Piece<'_>, &str)> {
    let (c, rest) = first(pattern)?;
    Some(match c {
        '*' => (Piece::Run, rest),
        '?' => (Piece::Any, rest),
        '[' => class(rest).unwrap_or((Piece::Literal(c), rest)),
        _ => (Piece::Literal(c), rest),
    })
}

/// The class whose text begins behind its `[`, or `None` when it is never closed.
fn class(rest: &str) -> Option<(Piece<'_>, &str)> {
    let inner = rest.strip_prefix(['!', '^']).unwrap_or(rest);
    // A `]` that comes first is a member, not the end (POSIX 2.13.1).
    let first_member = first(inner)?.0.len_utf8();
    let (_, behind_first) = inner.split_at_checked(first_member)?;
    let (members, end) = inner.split_at_checked(first_member + behind_first.find(']')?)?;
    Some((Piece::Class(members, inner.len() != rest.len()), end.strip_prefix(']')?))
}

/// Whether `c` is one of `members`, which may hold ranges such as `a-z`.
fn in_class(members: &str, c: char) -> bool {
    let mut rest = members;
    while let Some((low, behind)) = first(rest) {
        rest = behind;
        let high = match behind.strip_prefix('-').and_then(first) {
            Some((high, behind_range)) => {
                rest = behind_range;
                high
            }
            None => low,
        };
        if (low..=high).contains(&c) {
            return true;
        }
    }
    false
}

/// The first character of `text` and the rest.
fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fits() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "web1"),
            ("web*", "web1.example.org"),
            ("*.org", "web1.example.org"),
            ("w?b[0-9]", "web7"),
            ("web[!0-9]", "webx"),
            ("web[^0-9]", "webx"),
            ("a*b*c", "axxbyyc"),
            ("a**c", "abc"),
            ("[]x]", "]"),
            ("[a-]", "-"),
            ("[x", "[x"),
            ("?", "é"),
            ("[à-ü]", "é"),
            ("*1", "1111"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn does_not_fit() {
        for (pattern, text) in [
            ("", "a"),
            ("web", "web1"),
            ("web1", "web"),
            ("Web*", "web1"),
            ("?", ""),
            ("web[0-9]", "webx"),
            ("[!a-c]", "b"),
            ("[z-a]", "m"),
            ("[]", "x"),
            ("[!]", "x"),
            ("a*b", "ab1"),
            ("web.", "webx"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let text = "a".repeat(2000);
        assert!(!matches(&format!("{}b", "a*".repeat(200)), &text));
        assert!(matches(&"*a".repeat(2000), &text));
    }

    /// The definition, written as plainly as can be.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|n| plainly(rest, &text[n..])),
            Some((p, rest)) => {
                text.split_first().is_some_and(|(c, behind)| (*p == '?' || p == c) && plainly(rest, behind))
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{0,8}", text in "[abc]{0,10}") {
            let (p, t): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), plainly(&p, &t));
        }

        #[test]
        fn a_text_without_signs_fits_only_itself(pattern in "[a-z.-]{0,6}", text in "[a-z.-]{0,6}") {
            prop_assert_eq!(matches(&pattern, &text), pattern == text);
            prop_assert!(!is_glob(&pattern));
        }

        #[test]
        fn any_text_is_a_pattern(pattern in ".{0,30}", text in ".{0,30}") {
            let _ = matches(&pattern, &text);
            let starred = format!("{}*", text.replace(['*', '?', '['], "?"));
            prop_assert!(matches(&starred, &text));
        }
    }
}
