//! Just enough reading of Rust text for the house rules: comments and strings out, paths, functions, test modules.

/// The text with comments, strings and characters blanked, line for line.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match (at(i), at(i + 1)) {
            ('/', '/') => (i..chars.len()).find(|j| at(*j) == '\n').unwrap_or(chars.len()),
            ('/', '*') => comment_end(&chars, i),
            ('"', _) => string_end(&chars, i + 1),
            ('r', '"' | '#') if !is_word(if i == 0 { ' ' } else { at(i - 1) }) || at(i.wrapping_sub(1)) == 'b' => {
                raw_end(&chars, i + 1).unwrap_or(i + 1)
            }
            ('\'', '\\') => (i + 3..chars.len()).find(|j| at(*j) == '\'').map_or(chars.len(), |j| j + 1),
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => i,
        };
        if end <= i + 1 {
            out.push(chars[i]);
            i += 1;
        } else {
            out.extend(chars[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

fn comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// The end of a raw string whose `#`s or quote start at `i`; `None` when it is something else (`r#type`).
fn raw_end(chars: &[char], i: usize) -> Option<usize> {
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    if chars.get(i + hashes) != Some(&'"') {
        return None;
    }
    let closes = |j: &usize| {
        let tail = chars.get(j + 1..j + 1 + hashes);
        chars[*j] == '"' && tail.is_some_and(|tail| tail.iter().all(|c| *c == '#'))
    };
    Some((i + hashes + 1..chars.len()).find(closes).map_or(chars.len(), |j| j + 1 + hashes))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `word` with no further letters, digits or underscores on either side of its own.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word) && word.starts_with(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word) && word.ends_with(is_word);
        !before && !after
    })
}

/// `src/road/v0/joiner.rs` is `[road, v0, joiner]`; `None` for what is not part of the product.
pub(crate) fn module_of(name: &str) -> Option<Vec<String>> {
    let (top, path) = match name.strip_prefix("estate-keys/src/") {
        Some(path) => (Some("estate-keys".to_owned()), path),
        None => (None, name.strip_prefix("src/")?),
    };
    let path = path.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    Some(top.into_iter().chain(path.split('/').map(str::to_owned)).collect())
}

/// The text before the first unindented `#[cfg(test)]` that a module follows: the rest is tests.
pub(crate) fn without_tests(code: &str) -> &str {
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        let mut rest = code[start + line.len()..].lines().skip_while(|line| line.starts_with('#'));
        if line.trim_end() == "#[cfg(test)]" && rest.next().is_some_and(|next| next.starts_with("mod ")) {
            break;
        }
        start += line.len();
    }
    &code[..start]
}

/// Files that hold a neighbour's tests: `#[cfg(test)] mod tests;`, with or without `#[path]`.
pub(crate) fn test_siblings(name: &str, text: &str) -> Vec<String> {
    let Some((dir, file)) = name.rsplit_once('/') else { return Vec::new() };
    let stem = file.trim_end_matches(".rs");
    let own = if matches!(stem, "mod" | "lib" | "main") { dir.to_owned() } else { format!("{dir}/{stem}") };
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line == "#[cfg(test)]") {
        let mut path = None;
        let next = lines.by_ref().find(|line| {
            path = path.or_else(|| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
            !line.starts_with('#')
        });
        let module = next.and_then(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        match (module, path) {
            (Some(_), Some(path)) => found.push(format!("{dir}/{path}")),
            (Some(module), None) => found.extend([format!("{own}/{module}.rs"), format!("{own}/{module}/mod.rs")]),
            (None, _) => {}
        }
    }
    found
}

/// Every function with a body: first line, name, length in lines.
pub(crate) fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ").filter(|(at, _)| !code[..*at].ends_with(is_word)) {
        let name: String = code[at + 3..].chars().take_while(|c| is_word(*c)).collect();
        let (mut brackets, mut braces) = (0, 0);
        let end = code[at..].char_indices().find(|(_, c)| {
            match c {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets -= 1,
                '{' => braces += 1,
                '}' => braces -= 1,
                _ => {}
            }
            // A declaration ends at a `;` before any brace, a body at the brace that closes its first.
            braces == 0 && brackets == 0 && matches!(c, ';' | '}')
        });
        if let Some((end, '}')) = end {
            found.push((line_of(code, at), name, code[at..at + end].matches('\n').count() + 1));
        }
    }
    found
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every path in the code that leaves its module, with its line: `use` groups taken apart, `super` resolved to `crate`.
pub(crate) fn paths(module: &[String], code: &str) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let (word, next) = (tokens[i].1, tokens.get(i + 1).map_or("", |(_, token)| *token));
        let first = word.starts_with(is_word) && (i == 0 || tokens[i - 1].1 != "::");
        if first && (word == "use" || next == "::") {
            let begin = if word == "use" { i + 1 } else { i };
            i = tree(&tokens, begin, &[], &mut found).max(i + 1);
        } else {
            i += 1;
        }
    }
    found.into_iter().map(|(at, path)| (line_of(code, at), absolute(module, path))).collect()
}

fn absolute(module: &[String], path: Vec<String>) -> Vec<String> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    if supers == 0 {
        return path;
    }
    let base = module[..module.len().saturating_sub(supers)].iter().cloned();
    std::iter::once("crate".to_owned()).chain(base).chain(path[supers..].iter().cloned()).collect()
}

/// One path or group of paths from token `i`; returns where it ends.
fn tree(tokens: &[(usize, &str)], mut i: usize, before: &[String], found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let mut path = before.to_vec();
    while let Some((at, token)) = tokens.get(i) {
        match *token {
            "::" => i += 1,
            "{" => {
                i += 1;
                while tokens.get(i).is_some_and(|(_, token)| *token != "}" && *token != ";") {
                    i = tree(tokens, i, &path, found).max(i + 1);
                }
                return i + 1;
            }
            word if word.starts_with(is_word) => {
                path.push(word.to_owned());
                i += 1;
                if tokens.get(i).is_none_or(|(_, token)| *token != "::") {
                    found.push((*at, path));
                    return i;
                }
            }
            other => {
                // A glob, or generic arguments behind the path; a comma of a group names nothing.
                if other == "*" || path.len() > before.len() {
                    found.push((*at, path));
                }
                return i;
            }
        }
    }
    i
}

fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut rest = code.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let mut end = at + c.len_utf8();
        if is_word(c) {
            while let Some((next, c)) = rest.next_if(|(_, c)| is_word(*c)) {
                end = next + c.len_utf8();
            }
        } else if code[at..].starts_with("::") {
            rest.next();
            end = at + 2;
        } else if c.is_whitespace() {
            continue;
        }
        found.push((at, &code[at..end]));
    }
    found
}
