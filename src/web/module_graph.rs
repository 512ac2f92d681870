//! Which modules a page needs before it runs: everything that is reached from it by static imports.
//!
//! The page names them to the browser beforehand, so that a chain of imports costs one round trip and not one a link.

use std::collections::{HashSet, VecDeque};

/// Modules reached from `start`, in the order in which a browser meets them; `read` gives the text of a module by its
/// path. What it does not have is left out: the browser's own error says more.
pub fn reachable<'a>(start: &str, read: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let mut order = Vec::new();
    let mut seen = HashSet::from([start.to_owned()]);
    let mut waiting = VecDeque::from([start.to_owned()]);
    while let Some(path) = waiting.pop_front() {
        let Some(text) = read(&path) else { continue };
        for specifier in static_imports(text) {
            if let Some(target) = resolve(&path, &specifier)
                && seen.insert(target.clone())
            {
                waiting.push_back(target);
            }
        }
        order.push(path);
    }
    order
}

/// The path of a relative specifier, seen from a module. Others (`https:`, bare names) are not ours.
fn resolve(from: &str, specifier: &str) -> Option<String> {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Specifiers of `import … from "x"`, `import "x"` and `export … from "x"`; not of `import("x")`, which is for later.
pub fn static_imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut tokens = Tokens { bytes: text.as_bytes(), at: 0, value_before: false };
    // A keyword was met, and since then only what may stand between it and its specifier.
    let mut in_clause = false;
    let mut before: &[u8] = b"";
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(range) => {
                if in_clause && (before == b"from" || before == b"import") {
                    found.push(text[range].to_owned());
                }
                in_clause = false;
            }
            Token::Word(word) => {
                in_clause |= word == b"import" || word == b"export";
                before = word;
                continue;
            }
            Token::Mark(mark) => in_clause &= matches!(mark, b'{' | b'}' | b',' | b'*'),
        }
        before = b"";
    }
    found
}

enum Token<'a> {
    Word(&'a [u8]),
    /// What stands between the quotes of a text.
    Text(std::ops::Range<usize>),
    Mark(u8),
}

/// Cuts a script into words, texts and marks. Comments, templates and regular expressions are passed over.
struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    /// A value ended just before, so a slash divides and does not begin a regular expression.
    value_before: bool,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            let following = self.bytes.get(self.at + 1).copied();
            match byte {
                b'/' if following == Some(b'/') => self.skip_to(b"\n"),
                b'/' if following == Some(b'*') => {
                    self.at += 2;
                    self.skip_to(b"*/");
                }
                b'/' if !self.value_before => {
                    self.skip_regular_expression();
                    self.value_before = true;
                }
                b'\'' | b'"' => {
                    let begin = self.at + 1;
                    self.skip_quoted(byte);
                    self.value_before = true;
                    return Some(Token::Text(begin..(self.at - 1).max(begin)));
                }
                b'`' => {
                    self.skip_template();
                    self.value_before = true;
                    return Some(Token::Mark(b'`'));
                }
                _ if word(byte) => {
                    let begin = self.at;
                    while self.bytes.get(self.at).copied().is_some_and(word) {
                        self.at += 1;
                    }
                    let found = &self.bytes[begin..self.at];
                    self.value_before = !matches!(
                        found,
                        b"return"
                            | b"typeof"
                            | b"case"
                            | b"in"
                            | b"of"
                            | b"delete"
                            | b"void"
                            | b"throw"
                            | b"new"
                            | b"else"
                            | b"do"
                            | b"await"
                            | b"yield"
                    );
                    return Some(Token::Word(found));
                }
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => {
                    self.at += 1;
                    self.value_before = matches!(byte, b')' | b']' | b'}');
                    return Some(Token::Mark(byte));
                }
            }
        }
    }

    fn skip_to(&mut self, end: &[u8]) {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        self.at = memchr::memmem::find(rest, end).map_or(self.bytes.len(), |found| self.at + found + end.len());
    }

    /// From an opening quote to behind the closing one.
    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == quote {
                break;
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    fn skip_regular_expression(&mut self) {
        self.at += 1;
        let mut in_class = false;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            match byte {
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                b'\n' => break,
                _ => {}
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// From an opening backquote to behind the closing one; expressions inside are passed over whole.
    fn skip_template(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'`' => {
                    self.at += 1;
                    break;
                }
                b'$' if self.bytes.get(self.at + 1) == Some(&b'{') => {
                    self.at += 2;
                    self.value_before = false;
                    let mut depth = 1;
                    while depth > 0 {
                        match self.next() {
                            Some(Token::Mark(b'{')) => depth += 1,
                            Some(Token::Mark(b'}')) => depth -= 1,
                            Some(_) => {}
                            None => return,
                        }
                    }
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.bytes.len());
    }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_static_import_is_found_and_nothing_else() {
        let text = r#"
            // import "./comment.js";
            /* import "./comment.js"; */
            import './a.js';
            import { one, two as three } from "../b.js";
            import * as all from './c.js'; import preset, { more } from './d.js';
            export { x } from './e.js'; export * from "./f.js";
            export * as name from './g.js';
            export const text = 'not/a/module'; export default 'neither';
            export function f() { return 'nor this'; }
            const later = () => import('./lazy.js'); const late = await import("./lazier.js");
            const pattern = /['"`]import "x"/g, half = a / b / c; const quote = "import './string.js'";
            const shown = `import './template.js' ${cond ? `${deep} import "./deep.js"` : "x"} import './after.js'`;
            import
              { far }
              from
              './h.js';
            import.meta.url;
        "#;
        assert_eq!(static_imports(text), ["./a.js", "../b.js", "./c.js", "./d.js", "./e.js", "./f.js", "./g.js", "./h.js"]);
        let minified = r#"import{a as t}from"./x.js";const e=t`<a href="${t}">`;import"./y.js";export{e as z,default}from"./z.js";export{e};var q="./no.js""#;
        assert_eq!(static_imports(minified), ["./x.js", "./y.js", "./z.js"]);
    }

    #[test]
    fn the_whole_graph_is_walked_once() {
        let files = [
            ("app.js", "import './views/a.js'; import './store/b.js';"),
            ("views/a.js", "import '../store/b.js'; import './missing.js'; import 'bare'; import('./lazy.js')"),
            ("store/b.js", "import '../app.js'; import '../../outside.js';"),
            ("views/lazy.js", ""),
        ];
        let order = reachable("app.js", |path| files.iter().find(|(name, _)| *name == path).map(|(_, text)| *text));
        assert_eq!(order, ["app.js", "views/a.js", "store/b.js"]);
    }
}
