//! Holds the import table and the fences: which room may import which, and which crate has its one home where. Reads
//! the sources as text (comments and strings taken out), so that a wrong import is noticed the day it is written.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may import besides itself. `diag` and `domain` are one floor: `domain` uses `diag::Hint`.
const TABLE: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("domain", &["diag"]),
    ("event", &["domain", "diag"]),
    ("cloud", &["domain", "diag"]),
    ("remote", &["domain", "diag"]),
    ("config", &["domain", "diag"]),
    ("store", &["domain", "event"]),
    ("journal", &["domain", "event", "diag"]),
    ("engine", &["domain", "event", "diag"]),
    ("ssh", &["domain", "diag", "remote"]),
    ("mercurial", &["domain", "diag", "remote"]),
    ("local", &["domain", "diag", "cloud", "remote", "ssh"]),
    ("hosts", &["domain", "diag", "cloud", "remote", "config"]),
    ("aws", &["domain", "diag", "cloud", "remote"]),
    ("ops", OPS),
    (
        "session",
        &["domain", "diag", "event", "cloud", "remote", "engine", "mercurial", "ops", "journal", "store", "config"],
    ),
    ("cli", &["domain", "diag", "event", "config", "store", "session"]),
    ("tui", &["domain", "diag", "event", "config", "store", "session"]),
    (
        "wire",
        &[
            "domain",
            "diag",
            "event",
            "cloud",
            "remote",
            "config",
            "store",
            "journal",
            "engine",
            "ssh",
            "mercurial",
            "local",
            "hosts",
            "aws",
            "ops",
            "session",
            "cli",
            "tui",
        ],
    ),
    ("main", &["wire", "cli"]),
];
const OPS: &[&str] = &["domain", "diag", "event", "cloud", "remote", "engine", "mercurial"];

/// A crate, or a call, and the only places (prefixes of paths below `src/`) that may name it.
const FENCES: &[(&str, &[&str])] = &[
    ("russh", &["ssh/", "ssh.rs"]),
    ("russh_sftp", &["ssh/", "ssh.rs"]),
    ("aws_config", &["aws/"]),
    ("aws_credential_types", &["aws/"]),
    ("aws_sdk_ec2", &["aws/"]),
    ("aws_sdk_iam", &["aws/"]),
    ("aws_sdk_pricing", &["aws/"]),
    ("aws_sdk_ssm", &["aws/"]),
    ("aws_sdk_sts", &["aws/"]),
    ("aws_smithy_http_client", &["aws/"]),
    ("aws_smithy_runtime_api", &["aws/"]),
    ("aws_smithy_types", &["aws/"]),
    ("rust_decimal", &["domain/money/usd.rs"]),
    ("rusqlite", &["journal/", "journal.rs"]),
    ("clap", &["cli/", "cli.rs"]),
    ("clap_complete", &["cli/", "cli.rs"]),
    ("clap_mangen", &["cli/", "cli.rs"]),
    ("indicatif", &["cli/", "cli.rs"]),
    ("ratatui", &["tui/"]),
    ("crossterm", &["tui/run.rs", "tui/guard.rs", "tui/input.rs"]),
    ("tui_input", &["tui/"]),
];
const PRINTERS: &[&str] = &["cli/", "cli.rs", "ssh/transport.rs", "main.rs", "tui/run.rs", "tui/guard.rs"];

/// Inside the dashboard: part, and the parts it may import besides itself. What is not here sees all. `update` and
/// `view` never meet: one changes the model, the other draws it.
const PARTS: &[(&str, &[&str])] = &[
    ("keys", &["action"]),
    ("action", &["keys"]),
    ("theme", &[]),
    ("widget", &["theme"]),
    ("output", &[]),
    ("model", &["keys", "action", "theme", "output"]),
    ("msg", &["keys", "output"]),
    ("effect", &["action", "output"]),
    ("update", &["model", "msg", "effect", "keys", "action", "output"]),
    ("view", &["model", "keys", "action", "theme", "widget", "output"]),
];
const PRINT_MACROS: &[&str] = &["println", "print", "eprintln", "eprint"];
const LONG: usize = 400;

/// Something that the house does not allow.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    import: String,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: `{}`: {}", self.file, self.line, self.import, self.rule)
    }
}

/// A word or one character of punctuation (`::` is one too), and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// The tokens of Rust source without comments, strings, characters and lifetimes.
fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut index, mut line, mut found) = (0, 1, Vec::new());
    while index < text.len() {
        let start = index;
        let c = text[index];
        if c == '/' && at(index + 1) == '/' {
            while index < text.len() && text[index] != '\n' {
                index += 1;
            }
        } else if c == '/' && at(index + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(index), at(index + 1)) {
                    ('/', '*') => (depth, index) = (depth + 1, index + 2),
                    ('*', '/') => (depth, index) = (depth - 1, index + 2),
                    _ => index += 1,
                }
                if depth == 0 || index >= text.len() {
                    break;
                }
            }
        } else if let Some(end) = string_end(&text, index) {
            index = end;
        } else if c == '\'' {
            index = if at(index + 1) == '\\' {
                // The escaped character itself may be a quote.
                (index + 3..text.len()).find(|end| text[*end] == '\'').map_or(text.len(), |end| end + 1)
            } else if at(index + 2) == '\'' {
                index + 3
            } else {
                index + 1 + text[index + 1..].iter().take_while(|c| is_word(**c)).count()
            };
        } else if is_word(c) {
            // `r#type` is a word whose mark does not matter.
            while is_word(at(index)) {
                index += 1;
            }
            found.push(Token { text: text[start..index].iter().collect(), line });
        } else if c == ':' && at(index + 1) == ':' {
            index += 2;
            found.push(Token { text: "::".into(), line });
        } else {
            index += 1;
            if !c.is_whitespace() {
                found.push(Token { text: c.into(), line });
            }
        }
        index = index.min(text.len());
        line += text[start..index].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// Where the string that begins here ends, if one does: `"…"`, `b"…"`, `c"…"`, `r#"…"#` and their mixtures.
fn string_end(text: &[char], start: usize) -> Option<usize> {
    let mut index = start;
    let prefix: String = text[start..].iter().take(2).take_while(|c| c.is_alphabetic()).collect();
    if ["b", "c", "r", "br", "cr"].contains(&prefix.as_str()) {
        index += prefix.len();
    } else if !prefix.is_empty() {
        return None;
    }
    let hashes = text[index..].iter().take_while(|c| **c == '#').count();
    if (hashes > 0 && !prefix.ends_with('r')) || text.get(index + hashes) != Some(&'"') {
        return None;
    }
    index += hashes + 1;
    while index < text.len() {
        if text[index] == '\\' && !prefix.ends_with('r') {
            index += 2;
            continue;
        }
        index += 1;
        let closes = text[index..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if text[index - 1] == '"' && closes {
            return Some(index + hashes);
        }
    }
    Some(text.len())
}

fn word(tokens: &[Token], index: usize) -> &str {
    tokens.get(index).map_or("", |token| &token.text)
}

/// Which tokens stand inside `#[cfg(test)]` items, and how deep in inline modules each one stands.
fn places(tokens: &[Token]) -> Vec<(bool, usize)> {
    let mut places = Vec::with_capacity(tokens.len());
    let (mut depth, mut modules, mut test_from, mut pending) = (0_usize, Vec::new(), None, false);
    let mut opens_module = false;
    for index in 0..tokens.len() {
        let text = tokens[index].text.as_str();
        let attribute: String = tokens[index..].iter().take(7).map(|token| token.text.as_str()).collect();
        if attribute.starts_with("#[cfg(test)]") {
            pending = true;
        }
        if text == "mod" && word(tokens, index + 2) == "{" {
            opens_module = true;
        }
        match text {
            "{" => {
                if opens_module {
                    modules.push(depth);
                    opens_module = false;
                }
                if pending && test_from.is_none() {
                    test_from = Some(depth);
                }
                pending = false;
                depth += 1;
            }
            // An item without a body, such as `#[cfg(test)] mod tests;`.
            ";" if test_from.is_none() => pending = false,
            _ => {}
        }
        places.push((test_from.is_some() || pending, modules.len()));
        if text == "}" {
            depth = depth.saturating_sub(1);
            if modules.last() == Some(&depth) {
                modules.pop();
            }
            if test_from == Some(depth) {
                test_from = None;
            }
        }
    }
    places
}

/// The first names of what follows a `::` here, with their lines: one for `a::b`, several for `{a::b, c}`.
fn heads(tokens: &[Token], index: usize) -> Vec<Token> {
    if word(tokens, index) != "{" {
        return tokens.get(index).cloned().into_iter().collect();
    }
    let (mut depth, mut heads, mut fresh) = (0, Vec::new(), false);
    for token in &tokens[index..] {
        match token.text.as_str() {
            "{" => (depth, fresh) = (depth + 1, depth == 0),
            "}" => depth -= 1,
            "," if depth == 1 => fresh = true,
            _ if fresh && depth == 1 => {
                heads.push(token.clone());
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

/// The module path of a file below `src/`: `["ssh", "client"]` for `ssh/client.rs` and `ssh/client/mod.rs`.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if path.len() > 1 && path.last().is_some_and(|name| name == "mod") {
        path.pop();
    }
    // Tests in a file of their own (`#[path = "values_test.rs"] mod tests` in `values.rs`) are a module deeper.
    if path.last().is_some_and(|name| name.ends_with("_test")) {
        path.push("tests".into());
    }
    path
}

/// Prefixes of the files that hold the modules which this file declares for tests alone (`#[cfg(test)] mod x;`).
fn test_modules(file: &str, tokens: &[Token], places: &[(bool, usize)]) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod")) => format!("{folder}/"),
        None if matches!(stem, "lib" | "main") => String::new(),
        _ => format!("{stem}/"),
    };
    let declared = (0..tokens.len())
        .filter(|index| word(tokens, *index) == "mod" && word(tokens, index + 2) == ";" && places[*index].0)
        .map(|index| format!("{folder}{}", word(tokens, index + 1)));
    declared.flat_map(|module| [format!("{module}.rs"), format!("{module}/")]).collect()
}

/// Whether a file is for tests alone: declared so, or named `x_test.rs` (declared by `#[path]`).
fn is_test_file(file: &str, test_modules: &[String]) -> bool {
    file.ends_with("_test.rs") || test_modules.iter().any(|module| file.starts_with(module))
}

/// Every import of another room: crate-absolute paths anywhere in the code, and `super` where it climbs to the root.
fn imports(file: &str, tokens: &[Token], places: &[(bool, usize)]) -> Vec<(String, Token)> {
    let own = module_path(file);
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let (text, before) = (tokens[index].text.as_str(), word(tokens, index.wrapping_sub(1)));
        let starts = before != "::" && before != ".";
        if (text == "crate" || text == "hgautomation") && starts && word(tokens, index + 1) == "::" {
            found.extend(heads(tokens, index + 2).into_iter().map(|head| (format!("{text}::{}", head.text), head)));
        } else if text == "crate" && starts && word(tokens, index + 1) == "as" {
            found.push(("crate as".into(), Token { text: "*".into(), line: tokens[index].line }));
        } else if text == "super" && (starts || before == "::") && word(tokens, index.wrapping_sub(2)) != "super" {
            let mut climbed = 1;
            while word(tokens, index + 2 * climbed) == "super" && word(tokens, index + 2 * climbed - 1) == "::" {
                climbed += 1;
            }
            let next = index + 2 * climbed;
            if climbed >= own.len() + places[index].1 {
                let path = vec!["super"; climbed].join("::");
                let after =
                    if word(tokens, next - 1) == "::" { heads(tokens, next) } else { vec![tokens[index].clone()] };
                found.extend(after.into_iter().map(|head| (format!("{path}::{}", head.text), head)));
            }
        }
    }
    found
}

/// Every import of another part of the dashboard, by a file of it: `crate::tui::…`, and `super` where it climbs there.
fn part_imports(file: &str, tokens: &[Token], places: &[(bool, usize)]) -> Vec<Token> {
    let own = module_path(file);
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let (text, before) = (tokens[index].text.as_str(), word(tokens, index.wrapping_sub(1)));
        if places[index].0 {
            // tests put parts together
            continue;
        }
        if text == "crate" && before != "::" && word(tokens, index + 2) == "tui" && word(tokens, index + 3) == "::" {
            found.extend(heads(tokens, index + 4));
        } else if text == "super" && before != "::" {
            let mut climbed = 1;
            while word(tokens, index + 2 * climbed) == "super" {
                climbed += 1;
            }
            let lands = own.len() + places[index].1 - climbed.min(own.len() + places[index].1);
            if lands == 1 && word(tokens, index + 2 * climbed - 1) == "::" {
                found.extend(heads(tokens, index + 2 * climbed));
            }
        }
    }
    found
}

/// Everything wrong in one file; `file` is its path below `src/`.
fn judge(file: &str, source: &str, test_modules: &[String]) -> Vec<Violation> {
    let tests_only = is_test_file(file, test_modules);
    let mut violations = Vec::new();
    let mut wrong = |line: usize, import: &str, rule: String| {
        violations.push(Violation { file: file.into(), line, import: import.into(), rule });
    };
    if !source.starts_with("//!") {
        wrong(1, source.lines().next().unwrap_or_default(), "every file opens with `//!`: what lives here".into());
    }
    let tokens = tokens(source);
    let places = places(&tokens);
    let room = module_path(file).remove(0);
    let row = TABLE.iter().find(|(name, _)| *name == room).map(|(_, row)| *row);
    match row {
        None if room != "lib" => wrong(1, &room, "this room has no row in the table of tests/layers.rs".into()),
        _ => {}
    }
    for (import, head) in imports(file, &tokens, &places) {
        let allowed = row.unwrap_or_default();
        let known = TABLE.iter().any(|(name, _)| *name == head.text);
        if !known {
            wrong(head.line, &import, "names the crate's root or no room of it; name a room".into());
        } else if head.text != room && !allowed.contains(&head.text.as_str()) {
            let list = if allowed.is_empty() { "no room".to_owned() } else { allowed.join(", ") };
            wrong(head.line, &import, format!("`{room}` may import {list}; not `{}`", head.text));
        }
    }
    let part = module_path(file).get(1).cloned().unwrap_or_default();
    if let Some((_, allowed)) = PARTS.iter().find(|(name, _)| room == "tui" && *name == part) {
        for head in part_imports(file, &tokens, &places) {
            let is_part = head.text.chars().next().is_some_and(char::is_lowercase);
            if is_part && head.text != part && !allowed.contains(&head.text.as_str()) && !tests_only {
                wrong(head.line, &format!("tui::{}", head.text), format!("`tui::{part}` may not import it"));
            }
        }
    }
    let within = |homes: &[&str]| homes.iter().any(|home| file.starts_with(home));
    for (index, token) in tokens.iter().enumerate() {
        let (text, next) = (token.text.as_str(), word(&tokens, index + 1));
        let fence = FENCES.iter().find(|(name, _)| *name == text);
        let used = matches!(next, "::" | ";" | "as") && word(&tokens, index.wrapping_sub(1)) != ".";
        if let Some((name, [home, ..])) = fence.filter(|(_, homes)| used && !within(homes)) {
            wrong(token.line, name, format!("this crate's only home is `src/{home}`"));
        }
        if PRINT_MACROS.contains(&text) && next == "!" && !within(PRINTERS) && !places[index].0 && !tests_only {
            wrong(token.line, &format!("{text}!"), "nothing below the front end prints; use `tracing`".into());
        }
        let before = |back: usize| word(&tokens, index.wrapping_sub(back));
        let grouped = || {
            let open = tokens[..index].iter().rposition(|token| matches!(token.text.as_str(), "{" | ";"));
            open.is_some_and(|open| {
                word(&tokens, open) == "{"
                    && word(&tokens, open.wrapping_sub(1)) == "::"
                    && word(&tokens, open.wrapping_sub(2)) == "io"
            })
        };
        let stdout = text == "stdout" && ((before(1) == "::" && before(2) == "io") || grouped());
        if stdout && !within(PRINTERS) && !tests_only {
            wrong(token.line, "io::stdout", "nothing below the front end prints; use `tracing`".into());
        }
        if places[index].0 || tests_only {
            continue;
        }
        if text == "unwrap" && before(1) == "." && next == "(" {
            wrong(token.line, ".unwrap()", "only tests may; give the error its name".into());
        }
        let attribute = before(1) == "[" && (before(2) == "#" || (before(2) == "!" && before(3) == "#"));
        if text == "allow" && attribute && next == "(" {
            wrong(token.line, "#[allow(", "use `#[expect(lint, reason = \"…\")]`".into());
        }
    }
    violations
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn the_house_stands() {
    let root =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = root.join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let files: Vec<_> = files
        .iter()
        .map(|path| (path.strip_prefix(&root).unwrap().to_str().unwrap(), fs::read_to_string(path).unwrap()))
        .collect();
    let test_modules: Vec<_> = files
        .iter()
        .flat_map(|(file, source)| {
            let tokens = tokens(source);
            test_modules(file, &tokens, &places(&tokens))
        })
        .collect();
    let mut violations = Vec::new();
    for (file, source) in &files {
        let lines = source.lines().count();
        let own = source.find("\n#[cfg(test)]\nmod ").map_or(lines, |tests| source[..tests].lines().count());
        if own > LONG && !is_test_file(file, &test_modules) {
            println!("src/{file}: {own} lines without its tests; is it two?");
        }
        violations.extend(judge(file, source, &test_modules));
    }
    let list: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} wrong:\n{}\n", list.len(), list.join("\n"));
}

#[test]
fn the_table_has_no_way_back() {
    for (index, (room, row)) in TABLE.iter().enumerate() {
        let above: BTreeSet<_> = TABLE[..index].iter().map(|(name, _)| *name).collect();
        for import in *row {
            assert!(above.contains(import), "`{room}` imports `{import}`, which is not above it");
        }
    }
}

/// (line, import) of everything wrong in a file with this body.
fn caught(file: &str, body: &str) -> Vec<(usize, String)> {
    judge(file, &format!("//! x\n{body}"), &["domain/props.rs".into(), "domain/props/".into()])
        .into_iter()
        .map(|found| (found.line, found.import))
        .collect()
}

/// A file, its body, and the (line, import) pairs that are wrong in it.
type Case<'a> = (&'a str, &'a str, &'a [(usize, &'a str)]);

#[test]
fn every_kind_of_wrong_import_is_caught() {
    let table: &[Case] = &[
        ("domain/a.rs", "use crate::engine::x;", &[(2, "crate::engine")]),
        ("domain/a.rs", "use crate::diag::Hint;\nuse crate::domain::b;", &[]),
        ("domain/a.rs", "fn f() {\n    crate::cli::run();\n}", &[(3, "crate::cli")]),
        ("domain/a.rs", "use crate::{diag, cli::x,\n  store};", &[(2, "crate::cli"), (3, "crate::store")]),
        ("domain/a.rs", "use crate::{diag::{a, cli}, domain::{store, b::{engine}}};", &[]),
        ("domain/a.rs", "pub use crate::{self};", &[(2, "crate::self")]),
        ("domain/a.rs", "use crate::*;", &[(2, "crate::*")]),
        ("domain/a.rs", "use crate as all;", &[(2, "crate as")]),
        ("domain/a.rs", "use hgautomation::store::S;", &[(2, "hgautomation::store")]),
        ("domain/a.rs", "macro_rules! m { () => { $crate::engine::x() }; }", &[(2, "crate::engine")]),
        ("domain/a.rs", "use super::super::engine;", &[(2, "super::super::engine")]),
        ("domain/a.rs", "use super::super::{diag, engine::x};", &[(2, "super::super::engine")]),
        ("domain/a.rs", "use super::super as root;", &[(2, "super::super::super")]),
        ("domain/mod.rs", "use super::engine;", &[(2, "super::engine")]),
        ("domain/a.rs", "use super::engine;", &[]),
        (
            "domain/a/b.rs",
            "use super::super::engine;\nuse super::super::super::cli;",
            &[(3, "super::super::super::cli")],
        ),
        (
            "domain/a.rs",
            "mod inner {\n use super::super::engine;\n use super::super::super::cli;\n}",
            &[(4, "super::super::super::cli")],
        ),
        ("domain/a.rs", "pub(crate) fn f() {}\npub(in crate::domain) fn g() {}", &[]),
        ("domain/a.rs", "#[cfg(test)]\nmod tests {\n use crate::cli::x;\n}", &[(4, "crate::cli")]),
        (
            "domain/a_test.rs",
            "use super::super::b;\nuse super::super::super::cli;",
            &[(3, "super::super::super::cli")],
        ),
        ("cli/run.rs", "use crate::ssh::x;", &[(2, "crate::ssh")]),
        ("session/mod.rs", "use crate::{ops, journal, store};\nuse crate::ssh;", &[(3, "crate::ssh")]),
        ("wire.rs", "use crate::{ssh, cli, hosts, local};", &[]),
        ("main.rs", "use hgautomation::{cli, wire, engine};", &[(2, "hgautomation::engine")]),
        ("engine/a.rs", "use crate::nonsense::x;", &[(2, "crate::nonsense")]),
        ("newroom/a.rs", "fn f() {}", &[(1, "newroom")]),
        ("tui/view/home.rs", "use crate::tui::update::x;", &[(2, "tui::update")]),
        ("tui/view/mod.rs", "use super::{model::M, effect::E};\nuse self::states;", &[(2, "tui::effect")]),
        ("tui/update/job/tests.rs", "use super::super::super::view;\nuse super::super::home;", &[(2, "tui::view")]),
        ("tui/widget/table.rs", "use crate::tui::theme::T;\nuse crate::tui::model::M;", &[(3, "tui::model")]),
        ("tui/run.rs", "use super::view;\nuse super::update;", &[]),
    ];
    for (file, body, expected) in table {
        let expected: Vec<_> = expected.iter().map(|(line, import)| (*line, (*import).to_owned())).collect();
        assert_eq!(caught(file, body), expected, "{file}: {body}");
    }
}

#[test]
fn every_fence_holds_outside_its_home_and_is_open_inside() {
    let table: &[(&str, &str, &str)] = &[
        ("local/a.rs", "ssh/client.rs", "use russh::client;"),
        ("local/a.rs", "ssh/client.rs", "fn f(x: russh_sftp::Sftp) {}"),
        ("engine/a.rs", "journal/db.rs", "use rusqlite::{Connection};"),
        ("session/a.rs", "cli/args.rs", "use clap::Parser;"),
        ("session/a.rs", "cli/bar.rs", "use indicatif as bars;"),
        ("session/a.rs", "main.rs", "fn f() { println!(\"x\") }"),
        ("ssh/client.rs", "ssh/transport.rs", "fn f() { eprint!(\"x\") }"),
        ("ssh/client.rs", "ssh/transport.rs", "fn f() { std::io::stdout().lock(); }"),
        ("ssh/client.rs", "cli/printer.rs", "use std::io::{stdout, Write};"),
    ];
    for (outside, inside, body) in table {
        assert_eq!(caught(outside, body).len(), 1, "{outside}: {body}");
        assert_eq!(caught(inside, body), [], "{inside}: {body}");
    }
    assert_eq!(caught("session/a.rs", "struct A { stdout: u8 }\nfn f(clap: u8, a: A) -> u8 { a.stdout + clap }"), []);
    assert_eq!(judge("domain/a.rs", "use std::fmt;\n", &[])[0].rule, "every file opens with `//!`: what lives here");
}

#[test]
fn unwrap_and_allow_are_for_tests() {
    assert_eq!(caught("domain/a.rs", "fn f() { x().unwrap() }"), [(2, ".unwrap()".to_owned())]);
    assert_eq!(caught("domain/a.rs", "#[allow(dead_code)]\nfn f() {}"), [(2, "#[allow(".to_owned())]);
    assert_eq!(caught("domain/a.rs", "\n#![allow(dead_code)]"), [(3, "#[allow(".to_owned())]);
    let tests = "#[cfg(test)]\nmod tests {\n #[allow(x)] fn f() { { x().unwrap() } }\n}\nfn g() { y().unwrap() }";
    assert_eq!(caught("domain/a.rs", tests), [(6, ".unwrap()".to_owned())]);
    let elsewhere = "#[cfg(test)]\n#[path = \"a_test.rs\"]\nmod tests;\nfn g() { y().unwrap() }";
    assert_eq!(caught("domain/a.rs", elsewhere), [(5, ".unwrap()".to_owned())]);
    for file in ["domain/a_test.rs", "domain/props.rs", "domain/props/more.rs"] {
        assert_eq!(caught(file, "fn f() { x().unwrap(); println!() }"), [], "{file}");
        assert_eq!(caught(file, "use crate::cli;"), [(2, "crate::cli".to_owned())], "{file}");
    }
    for (file, expected) in [("a/mod.rs", "a/props.rs"), ("a/b.rs", "a/b/props.rs"), ("lib.rs", "props.rs")] {
        let tokens = tokens("mod other;\n#[cfg(test)]\nmod props;\nmod third;\n");
        let folder = expected.replace(".rs", "/");
        assert_eq!(test_modules(file, &tokens, &places(&tokens)), [expected, &folder]);
    }
    assert_eq!(caught("domain/a.rs", "fn f() { x().unwrap_or(1); x().unwrap_or_default() }"), []);
}

#[test]
fn comments_strings_and_lifetimes_are_no_code() {
    let harmless = r##"// use crate::cli::x;
/* crate::cli /* nested */ crate::cli */
/// [`crate::cli::x`]
const A: &str = "crate::cli \" crate::cli";
const B: &str = r#"crate::cli " crate::cli"#;
const C: &[u8] = b"crate::cli";
const D: (char, char, char) = ('"', '\'', '\\');
fn f<'a>(x: &'a str) -> &'a str { x }
const E: char = '"';
"##;
    assert_eq!(caught("domain/a.rs", harmless), []);
    let after = format!("{harmless}use crate::cli::x;\n");
    assert_eq!(caught("domain/a.rs", &after), [(11, "crate::cli".to_owned())]);
    let lines = "const A: &str = \"one\ntwo \\\nthree\";\nuse crate::cli;";
    assert_eq!(caught("domain/a.rs", lines), [(5, "crate::cli".to_owned())]);
}

#[test]
fn a_violation_names_file_line_import_and_rule() {
    let found = judge("domain/a.rs", "//! x\n\nuse crate::cli::x;\n", &[]);
    assert_eq!(found[0].to_string(), "src/domain/a.rs:3: `crate::cli`: `domain` may import diag; not `cli`");
}
