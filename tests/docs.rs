//! The documents against the code: printed files are fresh, commands exist, links and paths resolve, named metrics are declared.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path} is there to be read: {error}"))
}

/// Runs the server's binary without any setting of this machine.
fn clarion(arguments: &[&str]) -> Output {
    let folder = std::env::temp_dir();
    let mut command = Command::new(env!("CARGO_BIN_EXE_clarion"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CLARION_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).output().expect("the binary starts")
}

/// The documents that people read, relative to the root.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "src", "protocol", "loadtest", "deploy", "tests"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("the folder is there").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                found.push(if folder.is_empty() { name } else { format!("{folder}/{name}") });
            }
        }
    }
    found.sort();
    found
}

/// Lines of the fenced code blocks of a document, with their line numbers.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            found.push((index + 1, line.trim().trim_start_matches("$ ").to_owned()));
        }
    }
    found
}

#[test]
fn the_configuration_file_is_what_the_server_prints() {
    let printed = clarion(&["config"]);
    assert!(printed.status.success(), "`clarion config` fails: {}", String::from_utf8_lossy(&printed.stderr));
    let printed = String::from_utf8(printed.stdout).expect("the settings are text");
    assert!(printed == read("deploy/config.toml"), "deploy/config.toml is stale; write it anew: cargo run -- config > deploy/config.toml");
    let path = root().join("deploy/config.toml");
    let loaded = clarion(&["--config", path.to_str().expect("the path is text"), "config"]);
    assert!(loaded.status.success(), "the server does not take its own file: {}", String::from_utf8_lossy(&loaded.stderr));
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = read(&document);
        let folder = root().join(&document).parent().expect("a document is in a folder").to_owned();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', ' ']).next().expect("a split gives something");
            if target.contains("://") || target.starts_with('#') || target.starts_with("mailto:") {
                continue;
            }
            let path = target.split('#').next().expect("a split gives something");
            if !folder.join(path).exists() {
                broken.push(format!("{document}:{}: {target}", text[..at].matches('\n').count() + 1));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// Whether a word of a document is meant as a path of this repository.
fn looks_like_a_path(word: &str) -> bool {
    let plain = word.chars().all(|character| character.is_ascii_alphanumeric() || "_-./".contains(character));
    let first = word.split('/').next().expect("a split gives something");
    let known = ["src", "protocol", "loadtest", "deploy", "tests", ".ci"].contains(&first);
    plain && (known && word.contains('/') || word.ends_with(".rs") || word.ends_with(".md") && word.contains('/'))
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    for document in documents().into_iter().filter(|name| name != "CHANGELOG.md") {
        let text = read(&document);
        let folder = Path::new(&document).parent().expect("a document is in a folder").to_owned();
        for (index, line) in text.lines().enumerate() {
            for word in line.split(|character: char| character.is_whitespace() || "`()[],;:'\"".contains(character)) {
                let word = word.trim_end_matches('.').trim_end_matches('/');
                if !looks_like_a_path(word) {
                    continue;
                }
                let there = [PathBuf::new(), folder.clone(), PathBuf::from("src"), folder.join("src"), folder.join("tests")]
                    .iter()
                    .any(|base| root().join(base).join(word).exists());
                if !there {
                    missing.push(format!("{document}:{}: {word}", index + 1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "paths that are not in the repository:\n{}", missing.join("\n"));
}

#[test]
fn every_command_of_the_server_that_a_document_shows_exists() {
    let mut seen = BTreeSet::new();
    for document in documents() {
        for (line, code) in code_lines(&read(&document)) {
            let Some(rest) = code
                .strip_prefix("clarion ")
                .or_else(|| code.split_once("/clarion ").map(|(_, rest)| rest))
                .or_else(|| code.strip_prefix("cargo run --release -- "))
            else {
                continue;
            };
            let words: Vec<&str> =
                rest.split_whitespace().take_while(|word| word.chars().all(|character| character.is_ascii_lowercase())).collect();
            if words.is_empty() || !seen.insert(words.join(" ")) {
                continue;
            }
            let mut arguments = words.clone();
            arguments.push("--help");
            let output = clarion(&arguments);
            assert!(
                output.status.success(),
                "{document}:{line}: `clarion {}` is no command: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    for command in ["people import", "app create", "token", "check", "config"] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        assert!(clarion(&arguments).status.success(), "`clarion {command}` is promised to operators");
    }
}

#[test]
fn the_settings_of_a_node_of_a_cluster_are_settings() {
    let path = root().join("deploy/cluster.toml");
    let read = clarion(&["config", "--config", path.to_str().expect("the path is text")]);
    assert!(read.status.success(), "deploy/cluster.toml is refused: {}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn the_readme_shows_the_two_commands_that_do_everything() {
    let readme = read("README.md");
    let commands: Vec<String> = code_lines(&readme).into_iter().map(|(_, code)| code).collect();
    for command in ["cargo run --release", "tests/run"] {
        assert!(commands.iter().any(|code| code.starts_with(command)), "README.md shows `{command}` in a code block");
    }
    for path in ["tests/run", ".ci/run"] {
        let text = read(path);
        assert!(text.starts_with("#!"), "{path} can be run");
    }
    assert!(read(".ci/run").contains("tests/run"), ".ci/run calls tests/run");
}

/// Names of the metrics that src/metrics.rs declares.
fn declared_metrics() -> BTreeSet<String> {
    let text = read("src/metrics.rs");
    let mut names = BTreeSet::new();
    for make in ["counter(\"", "counters(\"", "gauge(\"", "gauges(\"", "histogram(\"", "histograms(\""] {
        for (at, _) in text.match_indices(make) {
            names.insert(text[at + make.len()..].split('"').next().expect("a split gives something").to_owned());
        }
    }
    assert!(names.len() >= 10, "src/metrics.rs declares metrics: {names:?}");
    names
}

/// Files under deploy/, relative to the root.
fn deploy_files(folder: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(root().join(folder)).expect("the folder is there").flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            deploy_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_metric_that_operators_are_told_of_is_declared() {
    let declared = declared_metrics();
    let areas: BTreeSet<&str> = declared.iter().filter_map(|name| name.split('_').next()).collect();
    let settings = read("deploy/config.toml");
    let mut files = Vec::new();
    deploy_files("deploy", &mut files);
    let mut unknown = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        if file.ends_with("config.toml") {
            continue;
        }
        for word in text.split(|character: char| !(character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_')) {
            let metric = ["_bucket", "_sum", "_count"].iter().fold(word, |name, end| name.strip_suffix(end).unwrap_or(name));
            let named = word.contains('_') && areas.contains(word.split('_').next().expect("a split gives something"));
            if named && !declared.contains(metric) && !declared.contains(word) && !settings.contains(word) {
                unknown.push(format!("{file}: {word}"));
            }
        }
    }
    assert!(unknown.is_empty(), "not declared in src/metrics.rs:\n{}", unknown.join("\n"));
}

#[test]
fn what_the_image_copies_is_there() {
    for line in read("deploy/Dockerfile").lines() {
        let Some(rest) = line.trim().strip_prefix("COPY ") else { continue };
        if rest.contains("--from") {
            continue;
        }
        let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        for source in &words[..words.len() - 1] {
            assert!(*source == "." || root().join(source).exists(), "deploy/Dockerfile copies {source}, which is not there");
        }
    }
}

#[test]
fn the_changes_name_this_version() {
    assert!(
        read("CHANGELOG.md").contains(env!("CARGO_PKG_VERSION")),
        "CHANGELOG.md has a heading for version {}",
        env!("CARGO_PKG_VERSION")
    );
    for path in ["protocol/tests/specification.rs", "protocol/PROTOCOL.md"] {
        assert!(root().join(path).exists(), "{path} holds the protocol's document against its code");
    }
}
