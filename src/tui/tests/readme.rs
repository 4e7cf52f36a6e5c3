//! What is written of keys is made from the key table: README's section between its markers, and the help page.

use super::snapshots::SCREENS;
use crate::tui::keys::{Chord, Row, Scope, TABLE};
use crate::tui::theme::ThemeName;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str =
    "<!-- keys: made from the program's key table; `INSTA_UPDATE=always cargo test readme` writes it -->\n";
const END: &str = "<!-- end of keys -->";

/// The table as README shows it.
fn table() -> String {
    let mut text = "| key | where | what it does |\n|---|---|---|\n".to_owned();
    for scope in Scope::ALL {
        for row in TABLE.iter().filter(|row| row.scope == scope) {
            let _ = writeln!(text, "| {} | {} | {} |", keys(row), scope.title(), row.doc);
        }
    }
    text
}

/// A row's keys in code marks; one without keys is typed into the palette.
fn keys(row: &Row) -> String {
    if row.keys.is_empty() {
        return format!("`:{}`", row.name);
    }
    let keys: Vec<String> = row
        .keys
        .iter()
        .map(|key| format!("`{}`", key.parse::<Chord>().unwrap().to_string().replace('|', "\\|")))
        .collect();
    keys.join(" ")
}

#[test]
fn the_readme_lists_the_keys_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (told, after) = rest.split_once(END).unwrap();
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert!(told == table(), "README's keys are old: `INSTA_UPDATE=always cargo test readme` writes them");
}

#[test]
fn help_tells_every_key_that_holds() {
    // help itself says how it is closed and searched in its last line
    for (name, open) in SCREENS.iter().filter(|(name, _)| *name != "help") {
        let mut desk = open(200, 50, ThemeName::Mono);
        let situation = desk.app.situation();
        // where a person types, `?` is typed as well; F1 is help everywhere
        desk.keys("<f1>");
        // the page may be longer than the screen
        let mut seen = desk.text();
        for _ in 0..20 {
            desk.keys("<pagedown>");
            seen.push_str(&desk.text());
        }
        for row in TABLE.iter().filter(|row| situation.scopes.contains(&row.scope) && !row.keys.is_empty()) {
            let what: String = row.doc.chars().take(30).collect();
            let told = seen.lines().any(|line| line.contains(&what) && line.contains(&row.shown()));
            assert!(told, "{name}: help says nothing of `{}`, {}\n{seen}", row.shown(), row.doc);
        }
    }
}
