//! Bytes of programs as text, and text as words. No state.

use std::fmt::Write;

/// `bytes` as text. What is not UTF-8 becomes `\xNN`, byte by byte: a message carries text only, and a raw byte would
/// stop a classic master (quirks §2).
pub(super) fn from_bytes(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let mut text = String::with_capacity(error.as_bytes().len() + 64);
            for chunk in error.as_bytes().utf8_chunks() {
                text.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
            text
        }
    }
}

/// The words of a command line that no shell reads: blanks part them, quotes and backslashes keep them together as in a
/// shell. `None`: a quote is never closed.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => word.get_or_insert_default().push(chars.next()?),
            // Within double quotes only these two are escaped.
            (Some('"'), '\\') if matches!(chars.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(chars.next())
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        assert_eq!(from_bytes(b"caf\xc3\xa9".to_vec()), "café");
        assert_eq!(from_bytes(b"a\xff\xc3b\x00".to_vec()), "a\\xff\\xc3b\0");
    }

    #[test]
    fn words_as_a_shell_parts_them() {
        let parted = |line| words(line).unwrap();
        assert_eq!(parted("  echo a\tb\n"), ["echo", "a", "b"]);
        assert_eq!(parted(r#"echo 'a  $b' "c \"d\" \n" e\ f ''"#), ["echo", "a  $b", r#"c "d" \n"#, "e f", ""]);
        assert_eq!(parted(""), Vec::<String>::new());
        assert_eq!(words("echo 'a"), None);
        assert_eq!(words("echo \\"), None);
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(list in proptest::collection::vec("[^']{0,8}", 0..5)) {
            let line = list.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(words(&line), Some(list));
        }
    }
}
