//! Who may use whom: every path that leaves a room of `src/` is held against [`ROOMS`], and words that a room must not
//! know at all (sockets, SQL, the clock, drawing) against [`NEVER`]. Test code is exempt.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms it may use besides itself. The longest matching name counts: `ipc::wire` before `ipc`.
/// `*` is everything; a room that is not listed fails.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("protocol", &["domain"]),
    ("fleet", &["domain"]),
    ("command", &["domain"]),
    // The interlocks are read from the fold itself, at the moment they are asked: a copy of the facts could be stale.
    ("command::policy", &["domain", "fleet"]),
    ("store", &["domain"]),
    ("ingest", &["domain", "protocol"]),
    ("ipc::wire", &["domain", "fleet::snapshot"]),
    ("ipc", &["domain", "fleet::snapshot"]),
    ("console", &["domain", "fleet::snapshot", "fleet::filter", "fleet::sort", "ipc", "config", "telemetry"]),
    ("config", &["domain"]),
    ("profile", &["domain", "protocol", "config"]),
    ("telemetry", &[]),
    ("photo", &["domain"]),
    ("notify", &["domain"]),
    ("cluster", &["domain"]),
    ("simulate", &[]),
    ("node", &["*", "!console", "!cli"]),
    ("cli", &["*"]),
];

/// Words that a room's code must not contain, with the reason.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("domain", &["tokio", "rusqlite", "ratatui", "tracing"], "plain data, no I/O"),
    ("domain", CLOCK, "no clock"),
    (
        "protocol",
        &["tokio", "rusqlite", "ratatui", "tracing", "log"],
        "bytes and messages, no logging of payloads",
    ),
    ("protocol", CLOCK, "no clock"),
    ("fleet", &["tokio", "rusqlite", "ratatui"], "a pure fold"),
    ("fleet", CLOCK, "a pure fold: time comes with the entry"),
    ("command::lifecycle", &["tokio", "rusqlite", "ratatui"], "a pure state machine"),
    ("command::lifecycle", CLOCK, "a pure state machine"),
    ("command::policy", &["tokio", "rusqlite", "ratatui"], "a pure judgement"),
    ("command::policy", CLOCK, "a pure judgement"),
    ("ipc::wire", &["tokio", "rusqlite"], "only words"),
    ("photo", &["tokio", "rusqlite", "ratatui"], "what is asked when, and files"),
    ("photo", CLOCK, "a pure state machine"),
    ("store", &["ratatui", "crossterm"], "no drawing"),
    ("ingest", &["rusqlite", "ratatui"], "sockets only"),
    ("console", &["rusqlite"], "the console sees what the node tells"),
    ("node", &["ratatui", "crossterm"], "no drawing"),
];

const CLOCK: &[&str] = &["Utc::now", "Local::now", "Instant::now", "SystemTime::now"];

#[test]
fn rooms_use_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let module = module_path(file.strip_prefix(&src).expect("it lies in src"));
        let text = fs::read_to_string(&file).expect("a source file is readable");
        let shown = file.strip_prefix(&src).expect("it lies in src").display().to_string();
        wrong.extend(check(&module, &text).into_iter().map(|what| format!("src/{shown}:{what}")));
    }
    assert!(wrong.is_empty(), "against the table of rooms:\n{}", wrong.join("\n"));
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if stem == "tests" || stem.ends_with("_tests") {
            continue; // test code in a file of its own
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
}

/// `ipc/wire.rs` → `["ipc", "wire"]`; `lib.rs` and `main.rs` → `[]`.
fn module_path(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts
        .last()
        .is_some_and(|last| last == "mod" || (parts.len() == 1 && (last == "lib" || last == "main")))
    {
        parts.pop();
    }
    parts
}

/// Every offence in one file, as `LINE: what`.
fn check(module: &[String], text: &str) -> Vec<String> {
    if module.is_empty() {
        return Vec::new(); // lib.rs names the rooms, main.rs calls one
    }
    let code = without_tests(&without_comments(text));
    let here = module.join("::");
    let Some((_, allowed)) = rule(ROOMS.iter().map(|(room, allowed)| (*room, *allowed)), &here) else {
        return vec![format!("1: the room '{here}' is not in the table")];
    };
    let mut wrong = Vec::new();
    for (line, target) in uses(module, &code) {
        if target.split("::").next() != Some(module[0].as_str()) && !may(allowed, &target) {
            wrong.push(format!("{line}: '{here}' may not use '{target}'"));
        }
    }
    for (room, words, why) in NEVER {
        if !within(room, &here) {
            continue;
        }
        for word in *words {
            if let Some(at) = find_word(&code, word) {
                wrong.push(format!("{}: '{here}' may not know '{word}': {why}", line_of(&code, at)));
            }
        }
    }
    wrong
}

fn rule<'a, T>(rules: impl Iterator<Item = (&'a str, T)>, here: &str) -> Option<(&'a str, T)> {
    rules.filter(|(room, _)| within(room, here)).max_by_key(|(room, _)| room.len())
}

fn within(room: &str, path: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn may(allowed: &[&str], target: &str) -> bool {
    let forbidden = allowed.iter().filter_map(|room| room.strip_prefix('!')).any(|room| within(room, target));
    !forbidden && allowed.iter().any(|room| *room == "*" || within(room, target))
}

/// Paths from the crate's root that the code names: `crate::a::b`, groups opened, `super` resolved. With their lines.
fn uses(module: &[String], code: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let outside = at == 0 || !is_word(code.as_bytes()[at - 1]);
        if outside {
            open_group(code, at + "crate::".len(), String::new(), &mut all);
        }
    }
    for (at, _) in code.match_indices("super::") {
        if at > 0 && (is_word(code.as_bytes()[at - 1]) || code[..at].ends_with("super::")) {
            continue;
        }
        let mut rest = at;
        let mut levels = 0;
        while code[rest..].starts_with("super::") {
            rest += "super::".len();
            levels += 1;
        }
        let inline = inline_depth(code, at);
        let depth = module.len() + inline;
        // Only a path that leaves its room matters: one that climbs to the root.
        if levels >= depth {
            open_group(code, rest, String::new(), &mut all);
        }
    }
    all.into_iter().map(|(at, path)| (line_of(code, at), path)).collect()
}

/// Reads a path at `at`; a group `{a::b, c}` becomes one path for each item.
fn open_group(code: &str, at: usize, prefix: String, all: &mut Vec<(usize, String)>) {
    let rest = &code[at..];
    let skipped = rest.len() - rest.trim_start().len();
    let (at, rest) = (at + skipped, rest.trim_start());
    if let Some(inner) = rest.strip_prefix('{') {
        let mut depth = 0;
        let mut item = 0;
        for (offset, c) in inner.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    if !inner[item..offset].trim().is_empty() {
                        open_group(code, at + 1 + item, prefix.clone(), all);
                    }
                    item = offset + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return; // `crate::*`, `$crate::` in a macro's own arm
    }
    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
    let before = all.len();
    // Two names tell every room of the table.
    if prefix.is_empty() && rest[name.len()..].starts_with("::") {
        open_group(code, at + name.len() + 2, path.clone(), all);
    }
    if all.len() == before {
        all.push((at, path)); // one name alone, or `a::*`
    }
}

/// How many `mod name {` of the file are open at `at`.
fn inline_depth(code: &str, at: usize) -> usize {
    let mut stack = Vec::new();
    let before = &code[..at];
    for (offset, c) in before.char_indices() {
        match c {
            '{' => {
                let head = before[..offset].rsplit([';', '{', '}']).next().unwrap_or_default();
                stack.push(find_word(head, "mod").is_some());
            }
            '}' => drop(stack.pop()),
            _ => {}
        }
    }
    stack.into_iter().filter(|is_module| *is_module).count()
}

fn find_word(code: &str, word: &str) -> Option<usize> {
    let bytes = code.as_bytes();
    let at = |(at, _): (usize, &str)| {
        let free = at == 0 || (!is_word(bytes[at - 1]) && bytes[at - 1] != b'.');
        let path = word.contains("::") || code[at + word.len()..].starts_with("::");
        (free && path).then_some(at)
    };
    if word == "mod" {
        return code.split_whitespace().any(|part| part == "mod").then_some(0);
    }
    code.match_indices(word).find_map(at)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The code with comments and the contents of strings and characters blanked; lines stay where they are.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            'r' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => raw_string(rest),
            '"' => string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.extend(rest[..skip].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skip..];
        }
    }
    out
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    text[start..].find(&end).map_or(text.len(), |found| start + found + end.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal, or 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[3.min(text.len())..].find('\'').map_or(text.len(), |found| found + 4),
        Some((at, c)) if text[at + c.len_utf8()..].starts_with('\'') => at + c.len_utf8() + 1,
        _ => 0,
    }
}

/// The code with every item under `#[cfg(test)]` blanked.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let end = item_end(&out, start);
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Where the item that begins at `start` ends: at its `;` or `,` outside brackets, or behind its closing brace.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[start..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' if depth == 0 => return start + at,
            '}' if depth == 1 => return start + at + 1,
            '}' | ')' | ']' => depth -= 1,
            ';' | ',' if depth == 0 => return start + at,
            _ => {}
        }
    }
    code.len()
}

/// The test's own tests: a check that sees nothing would pass as well.
mod tests {
    use super::*;

    fn offences(module: &str, text: &str) -> Vec<String> {
        check(&module.split("::").map(String::from).collect::<Vec<_>>(), text)
    }

    #[test]
    fn each_way_of_naming_a_room_is_seen() {
        let bad = [
            ("store::writer", "use crate::fleet::snapshot::Delta;", "'fleet::snapshot'"),
            ("store::writer", "use crate::{domain::Utc, ingest::Sink};", "'ingest::Sink'"),
            ("store", "fn f() { crate::console::draw() }", "'console::draw'"),
            ("store", "use super::ingest;", "'ingest'"),
            ("console", "use crate::fleet::snapshot::Row; use crate::fleet::*;", "'fleet'"),
            ("store::writer", "use super::super::ingest::X;", "'ingest::X'"),
            ("store", "mod a { use super::super::ingest::X; }", "'ingest::X'"),
            ("console::view", "use crate::fleet::state::Fleet;", "'fleet::state'"),
            ("ipc::client", "use crate::fleet::alarms;", "'fleet::alarms'"),
            ("node", "use crate::{\n  store,\n  console::app,\n};", "'console::app'"),
            ("simulate::lock", "use crate::protocol;", "'protocol'"),
            ("protocol", "use tokio::net;", "'tokio'"),
            ("fleet::state", "fn f() { let x = chrono::Utc::now(); }", "'Utc::now'"),
            ("attic", "", "not in the table"),
        ];
        for (module, text, word) in bad {
            let found = offences(module, text);
            assert!(found.len() == 1 && found[0].contains(word), "{module}: {text}: {found:?}");
        }
        assert!(offences("node", "use crate::{\n  store,\n  console::app,\n};")[0].starts_with("3:"));
    }

    #[test]
    fn what_is_allowed_passes() {
        let good = [
            ("store::writer", "use crate::domain::Utc; use crate::store::row; use super::row::Row;"),
            (
                "store",
                "/* crate::fleet */ // crate::fleet\nconst A: &str = \"crate::fleet::x\"; const B: char = '\"';",
            ),
            ("store", "const A: &str = r#\"crate::\"fleet\"#; fn f<'a>(x: &'a str) {}"),
            ("store", "#[cfg(test)]\nmod tests { use crate::fleet::state; fn f() { if true {} } }"),
            ("store", "#[cfg(test)]\nmod tests;\nuse crate::domain::Utc;"),
            ("store", "enum E { #[cfg(test)] A(u8), B } pub(in crate::store) fn f() {}"),
            ("store", "mod a { use super::row; }"),
            ("ipc::wire", "use crate::fleet::snapshot::{Delta, Snapshot};"),
            ("node", "use crate::{store::Store, ingest, fleet, ipc::server};"),
            ("cli::serve", "use crate::{node, console::app};"),
            ("fleet", "fn f(now: Utc) { self.log(now); log(now) }"),
        ];
        for (module, text) in good {
            assert_eq!(offences(module, text), [""; 0], "{module}: {text}");
        }
    }

    #[test]
    fn code_behind_a_test_module_is_still_looked_at() {
        let text = "#[cfg(test)]\nmod tests { fn f() { \"}\"; } }\nuse crate::fleet::x;";
        assert_eq!(offences("store", text), ["3: 'store' may not use 'fleet::x'"]);
    }
}
