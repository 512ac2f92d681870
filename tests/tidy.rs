//! The house rules as tests: who may import whom, names, bounds, spawned tasks, and what must never be in a tracked file.
//!
//! Only the standard library is used, and the text of the repository is read as it is. Each finding says file, line, rule and remedy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Words that hide what a thing is, with the words to use instead (src/ARCHITECTURE.md has the vocabulary).
const BANNED_WORDS: &[(&str, &str)] = &[
    ("conversation", "chat, or inbox entry"),
    ("channel", "chat, or what is sent over it"),
    ("room", "chat"),
    ("topic", "chat"),
    ("hub", "registry, log, or the verb"),
    ("broker", "registry, log, or the verb"),
    ("handler", "the verb itself"),
    ("handlers", "the verb itself"),
    ("util", "the concept"),
    ("utils", "the concept"),
    ("helper", "the concept"),
    ("helpers", "the concept"),
    ("common", "the concept"),
    ("misc", "the concept"),
    ("msg", "message"),
    ("msgs", "messages"),
    ("conn", "connection"),
    ("ctx", "the thing itself"),
    ("uid", "user_id"),
    ("cid", "chat_id"),
    ("mgr", "the thing itself"),
    ("svc", "the thing itself"),
    ("req", "request"),
    ("resp", "reply"),
];

/// Files that may start a task or a thread: each waits for what it started, or says why it need not.
const TASK_OWNERS: &[&str] = &[
    "src/chat/home.rs",
    "src/urgent/moves.rs",
    "src/urgent/paid.rs",
    "src/peers/link.rs",
    "src/session/presence.rs",
    "src/log/jetstream/appender.rs",
    "src/log/jetstream/follower.rs",
    "src/app.rs",
    "src/main.rs",
    "src/net/listener.rs",
    "src/gateway/connection.rs",
    "src/gateway/upgrade.rs",
    "src/gateway/echo.rs",
    "src/delivery/",
    "src/store/sqlite/readers.rs",
    "src/store/sqlite/mod.rs",
    "src/store/cql/mod.rs",
    "src/log/sqlite.rs",
];

/// All that the wire crate may stand on: no I/O, no clock, no runtime.
const PROTOCOL_DEPENDENCIES: &[&str] = &["rmp", "rmp-serde", "serde", "serde_json"];

/// One broken rule at one place.
struct Finding {
    file: String,
    line: usize,
    rule: &'static str,
    what: String,
    remedy: String,
}

/// Fails the test with every finding, one a line.
fn report(findings: Vec<Finding>) {
    let mut text = String::new();
    for finding in &findings {
        let Finding { file, line, rule, what, remedy } = finding;
        writeln!(text, "{file}:{line}: {rule}: {what}\n    remedy: {remedy}").expect("a string takes what is written");
    }
    assert!(findings.is_empty(), "{} findings\n{text}", findings.len());
}

// ---- The repository's text -----------------------------------------------------------------------------------------

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Paths of the files that belong to the repository, tracked or about to be, relative to its root.
fn repository_files() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root()).output();
    let mut files: Vec<String> = match listed {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(&root(), &mut found);
            found
        }
    };
    files.retain(|path| root().join(path).is_file());
    files.sort();
    files
}

/// The same without git, for a source archive.
fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if ["target", "node_modules", ".git", ".venv", "__pycache__", "clarion-data"].contains(&name.as_str()) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path.strip_prefix(root()).expect("the path is inside the repository").to_string_lossy().into_owned());
        }
    }
}

fn rust_files(folders: &[&str]) -> Vec<RustFile> {
    let wanted = |path: &String| path.ends_with(".rs") && folders.iter().any(|folder| path.starts_with(folder));
    let mut files: Vec<RustFile> = repository_files().iter().filter(|path| wanted(path)).map(|path| RustFile::read(path)).collect();
    let tests: Vec<String> = files.iter().flat_map(files_of_tests).collect();
    for file in files.iter_mut().filter(|file| tests.contains(&file.path)) {
        file.test_line.fill(true);
    }
    files
}

/// Paths of the files that a file takes in as `#[cfg(test)] mod name;`, with or without a `#[path]`.
fn files_of_tests(file: &RustFile) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    let own = if ["mod", "lib", "main"].contains(&stem) { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let Some(module) = line.trim().strip_suffix(';').and_then(|line| line.rsplit_once("mod ")).map(|(_, module)| module) else {
            continue;
        };
        if !file.test_line[index] {
            continue;
        }
        let before = file.text.lines().nth(index.saturating_sub(1)).unwrap_or_default().trim();
        match before.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            Some(path) => found.push(format!("{folder}/{path}")),
            None => found.extend([format!("{own}/{module}.rs"), format!("{own}/{module}/mod.rs")]),
        }
    }
    found
}

/// A Rust file with what is code told from comments, texts and tests.
struct RustFile {
    path: String,
    text: String,
    /// The text with comments and the inside of literals blanked; same length, same lines.
    code: String,
    /// For each line, whether it belongs to an item under `#[cfg(test)]`.
    test_line: Vec<bool>,
}

impl RustFile {
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(root().join(path)).expect("a Rust file is UTF-8");
        Self::new(path, text)
    }

    fn new(path: &str, text: String) -> Self {
        let code = blank_comments_and_literals(&text);
        let test_line = test_lines(&code);
        Self { path: path.to_owned(), text, code, test_line }
    }

    /// Lines of code (comments and literals blanked) outside tests, numbered from 1.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().filter(|(index, _)| !self.test_line[*index]).map(|(index, line)| (index + 1, line))
    }

    fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    fn finding(&self, line: usize, rule: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { file: self.path.clone(), line, rule, what: what.into(), remedy: remedy.into() }
    }
}

/// Replaces comments and the insides of texts and characters by spaces. Raw strings, byte strings, nested comments and
/// lifetimes are told apart; that is all of Rust's lexing that these rules need.
fn blank_comments_and_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let blank =
        |out: &mut Vec<u8>, from: usize, to: usize| out[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length);
            blank(&mut out, at, end);
            at = end;
        } else if rest.starts_with(b"/*") {
            let mut depth = 1;
            let mut end = at + 2;
            while end < bytes.len() && depth > 0 {
                match &bytes[end..] {
                    inner if inner.starts_with(b"/*") => (depth, end) = (depth + 1, end + 2),
                    inner if inner.starts_with(b"*/") => (depth, end) = (depth - 1, end + 2),
                    _ => end += 1,
                }
            }
            blank(&mut out, at, end);
            at = end;
        } else if let Some((open, hashes)) = raw_string_start(bytes, at) {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let inside = at + open;
            let length = bytes[inside..].windows(close.len()).position(|window| window == close).unwrap_or(bytes.len() - inside);
            blank(&mut out, inside, inside + length);
            at = (inside + length + close.len()).min(bytes.len());
        } else if bytes[at] == b'"' {
            let end = literal_end(bytes, at, b'"');
            blank(&mut out, at + 1, end);
            at = end + 1;
        } else if bytes[at] == b'\'' {
            // 'a' and '\n' are characters; 'a without a closing quote is a lifetime.
            let escaped = bytes.get(at + 1) == Some(&b'\\');
            let width = text[at + 1..].chars().next().map_or(1, char::len_utf8);
            if escaped || bytes.get(at + 1 + width) == Some(&b'\'') {
                let end = literal_end(bytes, at, b'\'');
                blank(&mut out, at + 1, end);
                at = end + 1;
            } else {
                at += 1;
            }
        } else {
            at += 1;
        }
    }
    String::from_utf8(out).expect("whole literals were blanked, so the rest is still UTF-8")
}

/// Length of `r##"` (also `br##"`) at this place and its count of `#`, where one starts here.
fn raw_string_start(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    if at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') {
        return None;
    }
    let prefix = match &bytes[at..] {
        rest if rest.starts_with(b"br") => 2,
        rest if rest.starts_with(b"r") => 1,
        _ => return None,
    };
    let hashes = bytes[at + prefix..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(at + prefix + hashes) == Some(&b'"')).then_some((prefix + hashes + 1, hashes))
}

/// Index of the closing quote of the literal that opens at `open`.
fn literal_end(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// Marks the lines of each item under `#[cfg(test)]` or `#[test]`, by its braces.
fn test_lines(code: &str) -> Vec<bool> {
    let lines: Vec<&str> = code.lines().collect();
    let mut marked = vec![false; lines.len()];
    let mut index = 0;
    while index < lines.len() {
        let attribute = lines[index].trim_start();
        if !(attribute.starts_with("#[cfg(test)]")
            || attribute.starts_with("#[cfg(any(test")
            || attribute.starts_with("#[test]")
            || attribute.starts_with("#[tokio::test"))
        {
            index += 1;
            continue;
        }
        let (mut depth, mut opened) = (0_i32, false);
        while index < lines.len() {
            marked[index] = true;
            for character in lines[index].chars() {
                match character {
                    '{' => (depth, opened) = (depth + 1, true),
                    '}' => depth -= 1,
                    ';' if depth == 0 => opened = true,
                    _ => {}
                }
            }
            index += 1;
            if opened && depth <= 0 {
                break;
            }
        }
    }
    marked
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Byte positions of `needle` in `code` that are not inside a longer word.
fn words<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(needle).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        let behind = code[at + needle.len()..].chars().next();
        let (joined_before, joined_behind) = (before.is_some_and(is_word), behind.is_some_and(is_word));
        !(joined_before && needle.starts_with(is_word) || joined_behind && needle.ends_with(is_word))
    })
}

// ---- Who may import whom -------------------------------------------------------------------------------------------

/// The layer table of src/ARCHITECTURE.md.
struct Layers {
    /// Row of each module, 0 on top.
    row: BTreeMap<String, usize>,
    /// Name of each row.
    names: Vec<String>,
    /// Imports that the page grants beside the table, in the words "`a` may import `b`".
    granted: BTreeSet<(String, String)>,
}

impl Layers {
    fn read() -> Self {
        let text = std::fs::read_to_string(root().join("src/ARCHITECTURE.md")).expect("src/ARCHITECTURE.md is there");
        let mut layers = Layers { row: BTreeMap::new(), names: Vec::new(), granted: BTreeSet::new() };
        let mut lines = text.lines().skip_while(|line| !line.starts_with("| row | modules |"));
        assert!(lines.next().is_some(), "src/ARCHITECTURE.md has no table that starts with `| row | modules |`");
        for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells.len() >= 2, "a row of the layer table has a name and modules: {line}");
            for module in cells[1].split('`').skip(1).step_by(2) {
                layers.row.insert(module.to_owned(), layers.names.len());
            }
            layers.names.push(cells[0].to_owned());
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (at, words) in text.match_indices("` may import `") {
            let from = text[..at].rsplit('`').next().expect("a text has an end");
            let target = text[at + words.len()..].split('`').next().expect("a text has a beginning");
            layers.granted.insert((from.to_owned(), target.to_owned()));
        }
        layers
    }

    fn row_named(&self, name: &str) -> usize {
        self.names.iter().position(|row| row == name).unwrap_or_else(|| panic!("the layer table has a row {name:?}"))
    }
}

/// The top module that a file of src belongs to.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").expect("the file is in src");
    inside.split('/').next().map(|first| first.trim_end_matches(".rs")).expect("a path has a first part")
}

/// Every top module named by `crate::…` in this code, with its position; groups (`crate::{a, b}`) are opened.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "crate::") {
        let start = at + "crate::".len();
        let rest = &code[start..];
        if rest.starts_with('{') {
            let mut depth = 0;
            let mut expecting = false;
            for (offset, character) in rest.char_indices() {
                match character {
                    '{' => (depth, expecting) = (depth + 1, depth == 0),
                    '}' => depth -= 1,
                    ',' => expecting = depth == 1,
                    _ if is_word(character) && expecting && depth == 1 => {
                        found.push((start + offset, rest[offset..].chars().take_while(|c| is_word(*c)).collect()));
                        expecting = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push((start, rest.chars().take_while(|c| is_word(*c)).collect()));
        }
    }
    found
}

#[test]
fn a_module_imports_only_from_rows_below_its_own() {
    let layers = Layers::read();
    let (start, doors, seams) = (layers.row_named("start"), layers.row_named("doors"), layers.row_named("seams"));
    let mut findings = Vec::new();
    for file in rust_files(&["src/"]).iter().filter(|file| file.path != "src/lib.rs" && file.path != "src/main.rs") {
        let module = module_of(&file.path);
        let Some(&row) = layers.row.get(module) else {
            findings.push(file.finding(
                1,
                "layers",
                format!("module `{module}` is not in the layer table"),
                "give it a row in src/ARCHITECTURE.md",
            ));
            continue;
        };
        for (at, target) in crate_paths(&file.code) {
            let line = file.line_of(at);
            let Some(&target_row) = layers.row.get(&target) else { continue };
            let granted = layers.granted.contains(&(module.to_owned(), target.clone()));
            if file.test_line[line - 1] || target == module || granted {
                continue;
            }
            let (from, to) = (&layers.names[row], &layers.names[target_row]);
            if row == doors && target_row == seams {
                findings.push(file.finding(
                    line,
                    "layers",
                    format!("`{module}` is a door and imports `{target}`"),
                    "ask the domain (`chat`, `directory`, `auth`) instead",
                ));
            } else if target_row < row || (target_row == row && row != start) {
                findings.push(file.finding(
                    line,
                    "layers",
                    format!("`{module}` ({from}) imports `{target}` ({to}), which is not below it"),
                    "move the code to where it belongs, or hand the thing in from `app`",
                ));
            }
        }
    }
    report(findings);
}

#[test]
fn the_layer_table_names_modules_that_are_there() {
    let layers = Layers::read();
    let there: BTreeSet<String> = rust_files(&["src/"]).iter().map(|file| module_of(&file.path).to_owned()).collect();
    let stale: Vec<&String> = layers.row.keys().filter(|module| module.as_str() != "protocol" && !there.contains(*module)).collect();
    assert!(stale.is_empty(), "src/ARCHITECTURE.md, layer table: {stale:?} are not in src; take them out, or write them");
}

#[test]
fn lib_rs_declares_the_modules_in_the_order_of_the_trip() {
    let layers = Layers::read();
    let file = RustFile::read("src/lib.rs");
    let mut findings = Vec::new();
    let mut deepest = (0, String::new());
    for (line, code) in file.code_lines() {
        let Some(module) = code.trim().strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        let Some(&row) = layers.row.get(module) else { continue };
        if row < deepest.0 {
            findings.push(file.finding(
                line,
                "order",
                format!("`{module}` stands behind `{}`, which is below it", deepest.1),
                "declare modules row by row, top row first",
            ));
        } else {
            deepest = (row, module.to_owned());
        }
    }
    report(findings);
}

// ---- Words ---------------------------------------------------------------------------------------------------------

/// The words of a name: `ChatLog` and `chat_log` both are chat, log.
fn words_of_name(name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut lower_before = false;
    for character in name.chars() {
        if character == '_' {
            lower_before = false;
            found.push(String::new());
            continue;
        }
        if found.is_empty() || (character.is_uppercase() && lower_before) {
            found.push(String::new());
        }
        lower_before = character.is_lowercase() || character.is_ascii_digit();
        found.last_mut().expect("a word was begun").extend(character.to_lowercase());
    }
    found.retain(|word| !word.is_empty());
    found
}

#[test]
fn names_are_words_of_the_vocabulary() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/", "protocol/src/", "loadtest/src/"]) {
        for part in file.path.trim_end_matches(".rs").split('/') {
            if let Some((word, instead)) = BANNED_WORDS.iter().chain(&[("types", "the concept")]).find(|(word, _)| *word == part) {
                findings.push(file.finding(1, "vocabulary", format!("a file or folder is called `{word}`"), format!("say {instead}")));
            }
        }
        for (line, code) in file.code_lines() {
            for keyword in ["struct ", "enum ", "trait ", "type ", "fn ", "mod ", "const ", "static "] {
                for at in words(code, keyword.trim_end()) {
                    let Some(rest) = code[at..].strip_prefix(keyword) else { continue };
                    let name: String = rest.chars().take_while(|character| is_word(*character)).collect();
                    let parts = words_of_name(&name);
                    let banned = BANNED_WORDS.iter().find(|(word, _)| parts.iter().any(|part| part == word));
                    if let Some((word, instead)) = banned {
                        findings.push(file.finding(
                            line,
                            "vocabulary",
                            format!("`{name}` has the word `{word}`"),
                            format!("say {instead}"),
                        ));
                    }
                    let is_type = ["struct ", "enum ", "trait "].contains(&keyword);
                    if is_type
                        && parts.len() > 1
                        && ["manager", "service", "data", "info"].iter().any(|word| parts.last().is_some_and(|last| last == word))
                    {
                        findings.push(file.finding(
                            line,
                            "vocabulary",
                            format!("type `{name}` ends in a word that says nothing"),
                            "say what is kept or done",
                        ));
                    }
                }
            }
        }
    }
    report(findings);
}

#[test]
fn each_rust_file_begins_with_what_it_is_for() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/", "protocol/", "loadtest/", "tests/"]) {
        let first = file.text.lines().next().unwrap_or_default();
        if !(first.starts_with("//! ") || first.starts_with("#![doc = include_str!")) {
            findings.push(file.finding(
                1,
                "first line",
                "the file does not begin with a `//!` sentence",
                "say in one sentence what the file is for",
            ));
        }
    }
    report(findings);
}

#[test]
fn nothing_is_left_for_later() {
    // Written in two parts, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];
    let mut findings = Vec::new();
    for path in repository_files().into_iter().filter(|path| {
        [".rs", ".py", ".js", ".css", ".html", ".sh", ".toml", ".yml"].iter().any(|end| path.ends_with(end)) || path.ends_with("/run")
    }) {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| words(line, mark).next().is_some()) {
                findings.push(Finding {
                    file: path.clone(),
                    line: index + 1,
                    rule: "nothing for later",
                    what: format!("`{mark}`"),
                    remedy: "do it, or take it out and file an issue".to_owned(),
                });
            }
        }
    }
    report(findings);
}

// ---- Bounds, panics, tasks, time -----------------------------------------------------------------------------------

#[test]
fn nothing_panics_on_purpose_outside_tests() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/", "protocol/src/"]) {
        for (line, code) in file.code_lines() {
            for call in [".unwrap()", ".unwrap_err()", "panic!(", "todo!(", "unimplemented!(", "dbg!("] {
                if words(code, call).next().is_some() {
                    let remedy = "return an error, or `expect(\"why it cannot fail\")`";
                    findings.push(file.finding(line, "no panic", format!("`{call}`"), remedy));
                }
            }
            for (at, call) in code.match_indices(".expect(\"") {
                let reason = code[at + call.len()..].find('"').unwrap_or(usize::MAX);
                if reason < 12 {
                    findings.push(file.finding(line, "no panic", "`expect` with hardly a reason", "say why it cannot fail"));
                }
            }
        }
    }
    report(findings);
}

#[test]
fn nothing_grows_without_bound() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/", "protocol/src/", "loadtest/src/"]) {
        for (line, code) in file.code_lines() {
            for call in [
                "unbounded_channel",
                "UnboundedSender",
                "UnboundedReceiver",
                "crossbeam_channel::unbounded",
                "mpsc::channel()",
                "mpsc::unbounded",
            ] {
                if words(code, call).next().is_some() {
                    findings.push(file.finding(
                        line,
                        "bounds",
                        format!("`{call}`"),
                        "use a bounded one, with the bound and its reason in limits.rs",
                    ));
                }
            }
        }
    }
    report(findings);
}

#[test]
fn every_task_has_an_owner() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/"]) {
        if TASK_OWNERS.iter().any(|owner| file.path.starts_with(owner)) {
            continue;
        }
        for (line, code) in file.code_lines() {
            for call in ["tokio::spawn(", "task::spawn(", "task::spawn_local(", "thread::spawn(", "thread::Builder"] {
                if words(code, call).next().is_some() {
                    let remedy = "let `app` spawn it, or add the file to TASK_OWNERS in tests/tidy.rs with a reason in its `//!`";
                    findings.push(file.finding(line, "task owners", format!("`{call}`"), remedy));
                }
            }
        }
    }
    report(findings);
}

#[test]
fn only_the_clock_asks_the_system_for_the_hour() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/", "protocol/src/"]).iter().filter(|file| file.path != "src/clock.rs") {
        for (line, code) in file.code_lines() {
            if words(code, "SystemTime::now").next().is_some() {
                findings.push(file.finding(line, "clock", "`SystemTime::now`", "ask `clock::Clock`, which tests can turn"));
            }
        }
    }
    report(findings);
}

// ---- Dependencies --------------------------------------------------------------------------------------------------

/// Names under a `[heading]` of a manifest.
fn manifest_section(path: &str, heading: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(path)).expect("the manifest is there");
    text.lines()
        .skip_while(|line| line.trim() != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim().trim_end_matches(".workspace").to_owned()))
        .filter(|name| !name.starts_with('#'))
        .collect()
}

#[test]
fn the_protocol_crate_is_pure() {
    let mut findings = Vec::new();
    for name in manifest_section("protocol/Cargo.toml", "[dependencies]") {
        if !PROTOCOL_DEPENDENCIES.contains(&name.as_str()) {
            let (file, rule) = ("protocol/Cargo.toml".to_owned(), "pure protocol");
            findings.push(Finding {
                file,
                line: 1,
                rule,
                what: format!("depends on `{name}`"),
                remedy: "keep the wire crate free of it".to_owned(),
            });
        }
    }
    for file in rust_files(&["protocol/src/"]) {
        for (line, code) in file.code_lines() {
            for path in ["std::net", "std::fs", "std::thread", "std::process", "std::env", "Instant::now", "tokio"] {
                if words(code, path).next().is_some() {
                    findings.push(file.finding(line, "pure protocol", format!("`{path}`"), "the wire crate knows bytes and types only"));
                }
            }
        }
    }
    for name in manifest_section("loadtest/Cargo.toml", "[dependencies]") {
        assert_ne!(name, "clarion", "loadtest/Cargo.toml: the load harness stands on the protocol crate alone");
    }
    report(findings);
}

#[test]
fn every_dependency_is_used() {
    let mut findings = Vec::new();
    for (manifest, heading, folders) in [
        ("Cargo.toml", "[dependencies]", &["src/"][..]),
        ("Cargo.toml", "[dev-dependencies]", &["src/", "tests/"]),
        ("protocol/Cargo.toml", "[dependencies]", &["protocol/src/"]),
        ("protocol/Cargo.toml", "[dev-dependencies]", &["protocol/"]),
        ("loadtest/Cargo.toml", "[dependencies]", &["loadtest/src/"]),
    ] {
        let files = rust_files(folders);
        for name in manifest_section(manifest, heading) {
            let path = format!("{}::", name.replace('-', "_"));
            if !files.iter().any(|file| words(&file.code, &path).next().is_some()) {
                findings.push(Finding {
                    file: manifest.to_owned(),
                    line: 1,
                    rule: "dependencies",
                    what: format!("`{name}` is not used in {}", folders.join(", ")),
                    remedy: "take it out".to_owned(),
                });
            }
        }
    }
    report(findings);
}

// ---- What must never be in a tracked file --------------------------------------------------------------------------

#[test]
fn no_tracked_file_knows_the_machine_that_it_was_written_on() {
    // In two parts, so that this file does not find itself.
    let places = [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut findings = Vec::new();
    for path in repository_files() {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        let lock = ["Cargo.lock", "package-lock.json", "requirements.txt", ".npmrc", "pip.conf", ".cargo/config.toml"]
            .iter()
            .any(|name| path.ends_with(name));
        for (index, line) in text.lines().enumerate() {
            let mut finding = |rule, what: String, remedy: &str| {
                findings.push(Finding { file: path.clone(), line: index + 1, rule, what, remedy: remedy.to_owned() });
            };
            for place in places {
                // A URL's path or a longer path of the repository (`src/web/home/`) is not one of the machine's.
                let absolute = line
                    .match_indices(place)
                    .any(|(at, _)| !line[..at].ends_with(|before: char| is_word(before) || "./-}".contains(before)));
                if absolute {
                    finding("no machine paths", format!("`{place}`"), "write a path relative to the repository");
                }
            }
            let index_of_crates = line.contains("registry+https://github.com/rust-lang/crates.io-index");
            if lock && (line.contains("://") && !index_of_crates && !line.contains("\"url\":") || line.contains("\"resolved\"")) {
                finding(
                    "no registry hosts",
                    line.trim().chars().take(80).collect(),
                    "lock versions and checksums, not where they were fetched",
                );
            }
        }
    }
    report(findings);
}

#[test]
fn no_test_is_skipped_in_silence() {
    let mut findings = Vec::new();
    for file in rust_files(&["src/", "protocol/", "loadtest/", "tests/"]) {
        for (index, code) in file.code.lines().enumerate() {
            if code.trim_start().starts_with("#[ignore") {
                findings.push(file.finding(index + 1, "no silent skip", "`#[ignore]`", "make it run, or take it out"));
            }
        }
    }
    report(findings);
}

#[test]
fn the_top_level_holds_only_what_the_map_names() {
    const FOLDERS: &[&str] = &["src", "protocol", "loadtest", "deploy", "tests"];
    const FILES: &[&str] =
        &["Cargo.toml", "Cargo.lock", "build.rs", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "clippy.toml", "rustfmt.toml"];
    for path in repository_files() {
        let first = path.split('/').next().expect("a path has a first part");
        let allowed = first.starts_with('.') || if path.contains('/') { FOLDERS.contains(&first) } else { FILES.contains(&first) };
        assert!(allowed, "{path}: the top level is {FOLDERS:?} and {FILES:?}; put it into one of the folders");
    }
}

// ---- The reader of this file itself --------------------------------------------------------------------------------

#[test]
fn comments_texts_and_tests_are_told_from_code() {
    let text = r####"//! one.
fn a<'a>(x: &'a str) -> char { let s = "panic!(\" // no"; /* todo!( /* in */ */ '"' }
const R: &str = r#"dbg!( "quoted" "#; fn b() { x.unwrap() }
#[cfg(test)]
mod tests {
    fn c() { y.unwrap() }
}
fn d() {}
"####;
    let file = RustFile::new("src/x.rs", text.to_owned());
    assert_eq!(file.code.len(), text.len());
    assert!(!file.code.contains("panic!") && !file.code.contains("todo!") && !file.code.contains("dbg!"), "{}", file.code);
    let code: Vec<(usize, &str)> = file.code_lines().filter(|(_, line)| line.contains("unwrap") || line.contains("fn d")).collect();
    assert_eq!(code.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 8]);
    let paths: Vec<String> =
        crate_paths("use crate::{store::{self, x}, log}; crate::error::E; use crate::a;").into_iter().map(|(_, name)| name).collect();
    assert_eq!(paths, ["store", "log", "error", "a"]);
    assert_eq!(words_of_name("HTTPMessage_id2Max"), ["httpmessage", "id2", "max"]);
}
