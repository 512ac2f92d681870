//! The document and the code say the same: every table of `PROTOCOL.md` that describes a type is written from the types'
//! own comments, and every number that its sentences name is the catalogue's.
//!
//! After a change of the types run `UPDATE_DOCUMENT=1 cargo test -p protocol --test specification`.

#[allow(dead_code, reason = "only its lists of types are used here")]
mod any;
#[path = "specification/source.rs"]
mod source;

use protocol::command::Command;
use protocol::error::{Advice, CloseCode, ErrorCode};
use source::{Choice, Source, Struct, Words};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("PROTOCOL.md")
}

fn document() -> String {
    std::fs::read_to_string(path()).expect("PROTOCOL.md stands beside Cargo.toml")
}

fn struct_table(wire: &Struct) -> String {
    if wire.fields.is_empty() {
        return "It has no fields.\n".to_owned();
    }
    let mut table = String::from("| # | field | type | given | meaning |\n|---|---|---|---|---|\n");
    for (index, field) in wire.fields.iter().enumerate() {
        let (kind, given) = source::kind_of(&field.kind);
        let _ = writeln!(table, "| {index} | `{}` | {kind} | {given} | {} |", field.name, field.meaning);
    }
    table
}

fn words_table(words: &Words) -> String {
    let mut table = String::from("| number | word | meaning |\n|---|---|---|\n");
    for (number, word, meaning) in &words.words {
        let _ = writeln!(table, "| {number} | `{word}` | {meaning} |");
    }
    table
}

fn choice_table(choice: &Choice) -> String {
    let mut table = String::from("| number | name | body | meaning |\n|---|---|---|---|\n");
    for kind in &choice.kinds {
        let _ = writeln!(table, "| {} | `{}` | {} | {} |", kind.number, kind.name, source::link(&kind.body), kind.meaning);
    }
    table
}

fn command_table(source: &Source) -> String {
    let mut table = String::from("| number | name | body | reply | meaning |\n|---|---|---|---|---|\n");
    for command in &source.commands {
        let _ = writeln!(
            table,
            "| {} | [`{name}`](#{name}) | `{}` | {} | {} |",
            command.number,
            command.body,
            source::link(&command.reply),
            command.meaning,
            name = command.name
        );
    }
    table
}

fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::Retry => "the same again, after the time that is given",
        Advice::SignIn => "a new token, or the person signs in; then again",
        Advice::Stop => "not the same again by itself",
    }
}

fn error_table() -> String {
    let mut table = String::from("| number | name | meaning | what a client does |\n|---|---|---|---|\n");
    for error in ErrorCode::ALL {
        let _ = writeln!(table, "| {} | `{}` | {} | {} |", error.number(), error.name(), error.meaning(), advice(error.advice()));
    }
    table
}

fn close_table() -> String {
    let mut table = String::from("| number | name | meaning | what a client does |\n|---|---|---|---|\n");
    for close in CloseCode::ALL {
        let _ = writeln!(table, "| {} | `{}` | {} | {} |", close.number(), close.name(), close.meaning(), advice(close.advice()));
    }
    table
}

/// What stands between `<!-- table KEY -->` and `<!-- end -->`.
fn tables(source: &Source) -> Vec<(String, String)> {
    let mut tables =
        vec![("commands".to_owned(), command_table(source)), ("errors".to_owned(), error_table()), ("closes".to_owned(), close_table())];
    tables.extend(source.structs.iter().map(|wire| (wire.name.clone(), struct_table(wire))));
    tables.extend(source.words.iter().map(|words| (words.name.clone(), words_table(words))));
    tables.extend(source.choices.iter().map(|choice| (choice.name.clone(), choice_table(choice))));
    tables
}

#[test]
fn the_parser_of_the_sources_sees_what_the_compiler_sees() {
    let source = Source::read();
    let fields = |wire: &Struct| wire.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let parsed: Vec<(String, Vec<String>)> = source.structs.iter().map(|wire| (wire.name.clone(), fields(wire))).collect();
    let mut compiled: Vec<(String, Vec<String>)> =
        any::STRUCTS.iter().map(|(name, fields)| ((*name).to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())).collect();
    let mut sorted = parsed;
    sorted.sort();
    compiled.sort();
    assert_eq!(sorted, compiled, "tests/any/mod.rs names every structure once");

    for (name, words) in any::WORDS {
        let parsed = source.words.iter().find(|known| known.name == *name).unwrap_or_else(|| panic!("{name} is in the sources"));
        let parsed: Vec<(u8, &str)> = parsed.words.iter().map(|(number, word, _)| (*number, word.as_str())).collect();
        assert_eq!(parsed, *words, "{name}");
    }
    assert_eq!(source.words.len(), any::WORDS.len());
    for (name, kinds) in any::CHOICES {
        let parsed = source.choices.iter().find(|known| known.name == *name).unwrap_or_else(|| panic!("{name} is in the sources"));
        let parsed: Vec<(u8, &str)> = parsed.kinds.iter().map(|kind| (kind.number, kind.name.as_str())).collect();
        assert_eq!(parsed, *kinds, "{name}");
    }
    assert_eq!(source.choices.len(), any::CHOICES.len());
    let parsed: Vec<_> = source.commands.iter().map(|one| (one.number, one.name.as_str(), one.body.as_str(), one.reply.as_str())).collect();
    assert_eq!(parsed, Command::KINDS);
}

#[test]
fn every_type_has_its_table_in_the_document_and_no_table_is_stale() {
    let source = Source::read();
    let tables = tables(&source);
    let mut text = document();
    let mut stale = Vec::new();
    for (key, table) in &tables {
        let begin = format!("<!-- table {key} -->\n");
        assert_eq!(text.matches(&begin).count(), 1, "PROTOCOL.md has the line `<!-- table {key} -->` exactly once");
        let from = text.find(&begin).expect("it was counted") + begin.len();
        let to = from + text[from..].find("<!-- end -->").unwrap_or_else(|| panic!("a line `<!-- end -->` follows `<!-- table {key} -->`"));
        if text[from..to] != *table {
            stale.push(key.as_str());
            text.replace_range(from..to, table);
        }
    }
    let keys: BTreeSet<&str> = tables.iter().map(|(key, _)| key.as_str()).collect();
    for line in text.lines().filter_map(|line| line.strip_prefix("<!-- table ")) {
        let key = line.trim_end_matches(" -->");
        assert!(keys.contains(key), "PROTOCOL.md describes `{key}`, which no type is");
    }
    if std::env::var_os("UPDATE_DOCUMENT").is_some() {
        std::fs::write(path(), text).expect("PROTOCOL.md can be written");
        return;
    }
    assert!(stale.is_empty(), "PROTOCOL.md is stale at {stale:?}; run UPDATE_DOCUMENT=1 cargo test -p protocol --test specification");
}

#[test]
fn every_command_has_a_section_with_its_number_its_reply_and_its_errors() {
    let text = document();
    for (number, name, body, reply) in Command::KINDS {
        let heading = format!("### {name}\n");
        let Some(at) = text.find(&heading) else { panic!("PROTOCOL.md has no section `{}`", heading.trim()) };
        let section = &text[at + heading.len()..];
        let section = &section[..section.find("\n### ").unwrap_or(section.len())];
        let section = &section[..section.find("\n## ").unwrap_or(section.len())];
        assert!(section.contains(&format!("Number {number}.")), "the section of `{name}` says `Number {number}.`");
        assert!(section.contains(&format!("<!-- table {body} -->")), "the section of `{name}` has the table of `{body}`");
        assert!(
            section.contains(&format!("Reply: {}", source::link(reply))),
            "the section of `{name}` says `Reply: {}`",
            source::link(reply)
        );
        assert!(section.contains("\nErrors: "), "the section of `{name}` says `Errors: `");
    }
    let sections =
        text.lines().filter_map(|line| line.strip_prefix("### ")).filter(|name| !name.contains(' ') && *name == name.to_lowercase());
    for name in sections {
        assert!(Command::KINDS.iter().any(|(_, known, _, _)| *known == name), "PROTOCOL.md has a section `{name}`, which no command is");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let text = document();
    let mut anchors = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim();
        let anchor: String = title.to_lowercase().chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_')).collect();
        anchors.insert(anchor.replace(' ', "-"));
    }
    for part in text.split("](#").skip(1) {
        let anchor = part.split(')').next().unwrap_or("");
        assert!(anchors.contains(anchor), "PROTOCOL.md links to `#{anchor}`, which is no heading");
    }
}

#[test]
fn every_number_in_a_sentence_is_the_one_of_the_catalogue() {
    let text = document();
    let words: Vec<&str> = text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut named = 0;
    for pair in words.windows(2) {
        let Some(number) = pair[0].parse::<u16>().ok().filter(|number| (1000..5000).contains(number)) else { continue };
        if !pair[1].chars().next().is_some_and(char::is_uppercase) || !pair[1].chars().skip(1).any(char::is_lowercase) {
            continue;
        }
        let name = ErrorCode::from_number(number).map(ErrorCode::name).or(CloseCode::from_number(number).map(CloseCode::name));
        assert_eq!(name, Some(pair[1]), "PROTOCOL.md says `{} {}`", pair[0], pair[1]);
        named += 1;
    }
    assert!(named > 60, "the sentences name errors as `2001 ChatNotFound`; only {named} were found");
}

#[test]
fn numbers_are_used_once() {
    let errors: BTreeSet<u16> = ErrorCode::ALL.iter().map(|error| error.number()).collect();
    let closes: BTreeSet<u16> = CloseCode::ALL.iter().map(|close| close.number()).collect();
    assert_eq!(errors.len(), ErrorCode::ALL.len());
    assert_eq!(closes.len(), CloseCode::ALL.len());
    assert!(errors.is_disjoint(&closes), "over HTTP both stand in one field");
    for close in CloseCode::ALL {
        let range = match close.advice() {
            Advice::Retry => 4000..4100,
            Advice::SignIn => 4100..4200,
            Advice::Stop => 4200..4300,
        };
        assert!(range.contains(&close.number()), "{close:?}: the range of a close code says what to do");
        // A close frame holds 125 bytes, two of them the number.
        let reason = close.reason(Some(u64::MAX));
        assert!(reason.len() <= 123, "{reason}");
        assert_eq!(CloseCode::after_ms(&reason), Some(u64::MAX));
        assert_eq!(CloseCode::after_ms(&close.reason(None)), None);
    }
    let commands: BTreeSet<u8> = Command::KINDS.iter().map(|(number, ..)| *number).collect();
    assert_eq!(commands.len(), Command::KINDS.len());
}
