//! Reads a module of the page: what it imports and exports, and its text without comments.
//!
//! It knows as much of the language as the page's files and libraries use: a module that it does not understand is
//! refused with a reason, never changed in silence.

use std::collections::BTreeMap;
use std::ops::Range;

/// What a module takes from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// As it is written: `./lit.js`.
    pub specifier: String,
    /// Names there and here; `*` stands for all of them in one object.
    pub names: Vec<(String, String)>,
}

/// A place in the text that depends on where the module stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The specifier, with its quotes, of an `import("…")`.
    Later(String),
    /// `import.meta.url`.
    OwnAddress,
}

/// A module, taken apart.
#[derive(Debug, Default)]
pub struct Script {
    /// In the order in which they are written; also those that only pass names on.
    pub imports: Vec<Import>,
    /// What others may take: its name for them, and its name in here.
    pub exports: BTreeMap<String, String>,
    /// What is passed on from others: name for them, specifier, name there.
    pub passed_on: Vec<(String, String, String)>,
    /// Text that runs, without imports, comments and the word `export`, in pieces around the places.
    pub pieces: Vec<(String, Option<Place>)>,
}

/// The name that the value of `export default` gets.
const DEFAULT: &str = "clarion_default";

/// Takes a module apart.
///
/// # Errors
/// Why it cannot be: a form that is not known here.
pub fn read(text: &str) -> Result<Script, String> {
    let tokens = tokens(text);
    Reader { text, tokens: &tokens, at: 0, script: Script::default(), piece: String::new() }.read()
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    script: Script,
    piece: String,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Script, String> {
        let mut depth = 0_i32;
        let mut before = "";
        while let Some(token) = self.tokens.get(self.at) {
            let said = &self.text[token.range.clone()];
            match (token.kind, said) {
                (Kind::Word, "import") if before != "." && self.import(&mut depth)? => {
                    before = ";";
                    continue;
                }
                (Kind::Word, "export") if depth == 0 && before != "." => {
                    self.export()?;
                    before = ";";
                    continue;
                }
                (Kind::Mark, "(" | "[" | "{") => depth += 1,
                (Kind::Mark, ")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            match token.kind {
                Kind::Comment => self.piece.push(if said.contains('\n') { '\n' } else { ' ' }),
                Kind::Space => {
                    let line = said.contains('\n');
                    let ended = self.piece.ends_with(['\n', ' ']);
                    if line && self.piece.ends_with(' ') {
                        self.piece.pop();
                    }
                    if (line || !ended) && !(line && self.piece.ends_with('\n')) {
                        self.piece.push(if line { '\n' } else { ' ' });
                    }
                }
                _ => {
                    self.piece.push_str(said);
                    before = said;
                }
            }
            self.at += 1;
        }
        self.script.pieces.push((self.piece, None));
        Ok(self.script)
    }

    /// What stands at or behind a place, spaces and comments left out.
    fn next(&mut self) -> Option<(Kind, &'a str)> {
        loop {
            let token = self.tokens.get(self.at)?;
            self.at += 1;
            if !matches!(token.kind, Kind::Space | Kind::Comment) {
                return Some((token.kind, &self.text[token.range.clone()]));
            }
        }
    }

    fn peek(&mut self) -> Option<(Kind, &'a str)> {
        let at = self.at;
        let found = self.next();
        self.at = at;
        found
    }

    fn take_mark(&mut self, wanted: &str) -> Result<(), String> {
        match self.next() {
            Some((_, said)) if said == wanted => Ok(()),
            other => Err(format!("`{wanted}` is expected, not {:?}", other.map(|(_, said)| said))),
        }
    }

    fn specifier(&mut self) -> Result<String, String> {
        match self.next() {
            Some((Kind::Text, said)) => Ok(said[1..said.len() - 1].to_owned()),
            other => Err(format!("the name of a module is expected, not {:?}", other.map(|(_, said)| said))),
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some((Kind::Word, said)) => Ok(said.to_owned()),
            other => Err(format!("a name is expected, not {:?}", other.map(|(_, said)| said))),
        }
    }

    /// `{ a, b as c }`, behind the brace.
    fn list(&mut self) -> Result<Vec<(String, String)>, String> {
        let mut names = Vec::new();
        loop {
            if self.peek().is_some_and(|(_, said)| said == "}") {
                break;
            }
            let first = self.name()?;
            let second = if self.peek().is_some_and(|(_, said)| said == "as") {
                self.next();
                self.name()?
            } else {
                first.clone()
            };
            names.push((first, second));
            match self.next() {
                Some((_, ",")) => {}
                Some((_, "}")) => return Ok(names),
                other => return Err(format!("the list of names goes on with {:?}", other.map(|(_, said)| said))),
            }
        }
        self.take_mark("}")?;
        Ok(names)
    }

    fn end(&mut self) {
        if self.peek().is_some_and(|(_, said)| said == ";") {
            self.next();
        }
    }

    /// At the word `import`. False when it is not a declaration and its text stays.
    fn import(&mut self, depth: &mut i32) -> Result<bool, String> {
        let begin = self.at;
        self.at += 1;
        match self.peek() {
            Some((_, "(")) => {
                self.next();
                let specifier = self.specifier().map_err(|_| "import() of something that is not a plain text".to_owned())?;
                *depth += 1;
                self.piece.push_str("import(");
                self.script.pieces.push((std::mem::take(&mut self.piece), Some(Place::Later(specifier))));
                return Ok(true);
            }
            Some((_, ".")) => {
                self.next();
                let rest = (self.next(), self.next(), self.next());
                if !matches!(rest, (Some((_, "meta")), Some((_, ".")), Some((_, "url")))) {
                    return Err("import.meta of which not `url` is taken".into());
                }
                self.script.pieces.push((std::mem::take(&mut self.piece), Some(Place::OwnAddress)));
                return Ok(true);
            }
            Some((_, ":")) => {
                self.at = begin;
                return Ok(false);
            }
            _ if *depth > 0 => return Err("an import declaration within something".into()),
            _ => {}
        }
        let mut names = Vec::new();
        if !matches!(self.peek(), Some((Kind::Text, _))) {
            loop {
                match self.next() {
                    Some((_, "{")) => names.extend(self.list()?),
                    Some((_, "*")) => {
                        self.take_mark("as")?;
                        names.push(("*".into(), self.name()?));
                    }
                    Some((Kind::Word, local)) => names.push(("default".into(), local.to_owned())),
                    other => return Err(format!("import goes on with {:?}", other.map(|(_, said)| said))),
                }
                match self.next() {
                    Some((_, ",")) => {}
                    Some((_, "from")) => break,
                    other => return Err(format!("import goes on with {:?}", other.map(|(_, said)| said))),
                }
            }
        }
        let specifier = self.specifier()?;
        self.end();
        self.script.imports.push(Import { specifier, names });
        Ok(true)
    }

    /// At the word `export`.
    fn export(&mut self) -> Result<(), String> {
        self.at += 1;
        match self.next() {
            Some((_, "{")) => {
                let names = self.list()?;
                if self.peek().is_some_and(|(_, said)| said == "from") {
                    self.next();
                    let specifier = self.specifier()?;
                    for (there, here) in names {
                        self.script.passed_on.push((here, specifier.clone(), there));
                    }
                    self.script.imports.push(Import { specifier, names: Vec::new() });
                } else {
                    self.script.exports.extend(names.into_iter().map(|(local, name)| (name, local)));
                }
                self.end();
            }
            Some((_, "default")) => {
                self.piece.push_str(&format!("const {DEFAULT} ="));
                self.script.exports.insert("default".into(), DEFAULT.into());
            }
            Some((_, "const")) => {
                let name = self.name()?;
                self.only_one(&name)?;
                self.piece.push_str(&format!("const {name}"));
                self.script.exports.insert(name.clone(), name);
            }
            Some((_, word @ ("function" | "class" | "async"))) => {
                let mut words = vec![word];
                let name = loop {
                    match self.next() {
                        Some((_, more @ ("function" | "*"))) => words.push(more),
                        Some((Kind::Word, name)) => break name,
                        other => return Err(format!("export {word} goes on with {:?}", other.map(|(_, said)| said))),
                    }
                };
                self.piece.push_str(&format!("{} {name}", words.join(" ")));
                self.script.exports.insert(name.to_owned(), name.to_owned());
            }
            // What changes after it was exported would have to be looked up at each use.
            Some((_, word @ ("let" | "var"))) => return Err(format!("export {word}: export a function that gives the value")),
            Some((_, "*")) => return Err("export *: name what is passed on".into()),
            other => return Err(format!("export goes on with {:?}", other.map(|(_, said)| said))),
        }
        Ok(())
    }

    /// An exported declaration declares one name.
    fn only_one(&mut self, name: &str) -> Result<(), String> {
        let begin = self.at;
        let mut depth = 0;
        while let Some((kind, said)) = self.next() {
            match (kind, said) {
                (Kind::Mark, "(" | "[" | "{") => depth += 1,
                (Kind::Mark, ")" | "]" | "}") => depth -= 1,
                (Kind::Mark, ";") if depth == 0 => break,
                (Kind::Mark, ",") if depth == 0 => return Err(format!("export const {name} declares more than one name")),
                _ => {}
            }
        }
        self.at = begin;
        Ok(())
    }
}

/// What a stretch of a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// With its quotes.
    Text,
    /// A template with everything in it, or a regular expression.
    Literal,
    Mark,
    Comment,
    Space,
}

#[derive(Debug)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

/// Cuts a script into stretches; together they are its whole text.
fn tokens(text: &str) -> Vec<Token> {
    let mut cutter = Cutter { bytes: text.as_bytes(), at: 0, value_before: false };
    std::iter::from_fn(|| cutter.next()).collect()
}

struct Cutter<'a> {
    bytes: &'a [u8],
    at: usize,
    /// A value ended just before, so a slash divides and does not begin a regular expression.
    value_before: bool,
}

impl Cutter<'_> {
    fn next(&mut self) -> Option<Token> {
        let begin = self.at;
        let byte = *self.bytes.get(begin)?;
        let following = self.bytes.get(begin + 1).copied();
        let kind = match byte {
            b'/' if following == Some(b'/') => {
                self.skip_to(b"\n", false);
                Kind::Comment
            }
            b'/' if following == Some(b'*') => {
                self.at += 2;
                self.skip_to(b"*/", true);
                Kind::Comment
            }
            b'/' if !self.value_before => {
                self.skip_regular_expression();
                self.value_before = true;
                Kind::Literal
            }
            b'\'' | b'"' => {
                self.skip_quoted(byte);
                self.value_before = true;
                Kind::Text
            }
            b'`' => {
                self.skip_template();
                self.value_before = true;
                Kind::Literal
            }
            _ if word(byte) => {
                while self.bytes.get(self.at).copied().is_some_and(word) {
                    self.at += 1;
                }
                self.value_before = !matches!(
                    &self.bytes[begin..self.at],
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
                Kind::Word
            }
            _ if byte.is_ascii_whitespace() => {
                while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
                    self.at += 1;
                }
                Kind::Space
            }
            _ => {
                self.at += 1;
                self.value_before = matches!(byte, b')' | b']' | b'}');
                Kind::Mark
            }
        };
        Some(Token { kind, range: begin..self.at })
    }

    fn skip_to(&mut self, end: &[u8], behind: bool) {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let found = memchr::memmem::find(rest, end);
        self.at = found.map_or(self.bytes.len(), |found| self.at + found + if behind { end.len() } else { 0 });
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

    /// From an opening backquote to behind the closing one, with the expressions in it.
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
                            Some(Token { kind: Kind::Mark, range }) => match self.bytes[range.start] {
                                b'{' => depth += 1,
                                b'}' => depth -= 1,
                                _ => {}
                            },
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

    fn specifiers(text: &str) -> Vec<String> {
        read(text).unwrap().imports.into_iter().map(|import| import.specifier).collect()
    }

    fn body(text: &str) -> String {
        let script = read(text).unwrap();
        let said = |place: &Option<Place>| match place {
            Some(Place::Later(specifier)) => format!("'later:{specifier}'"),
            Some(Place::OwnAddress) => "OWN".to_owned(),
            None => String::new(),
        };
        script.pieces.iter().map(|(piece, place)| format!("{piece}{}", said(place))).collect()
    }

    #[test]
    fn every_form_of_a_static_import_is_found_and_nothing_else() {
        let text = r#"
            // import "./comment.js";
            /* import "./comment.js"; */
            import './a.js';
            import { one, two as three } from "../b.js";
            import * as all from './c.js'; import preset, { more } from './d.js';
            export { x, default as y } from './e.js';
            export const text = 'not/a/module';
            export function f() { return 'nor this'; }
            const later = () => import('./lazy.js'); const address = import.meta.url;
            export const behind = 1;
            const pattern = /['"`]import "x"/g, half = a / b / c; const quote = "import './string.js'";
            const shown = `import './template.js' ${cond ? `${deep} import "./deep.js"` : "x"} import './after.js'`;
            import
              { far }
              from
              './h.js';
            const import_like = { import: 1, export: 2 }.import;
        "#;
        assert_eq!(specifiers(text), ["./a.js", "../b.js", "./c.js", "./d.js", "./e.js", "./h.js"]);
        let script = read(text).unwrap();
        assert_eq!(script.imports[1].names, [("one".into(), "one".into()), ("two".into(), "three".into())]);
        assert_eq!(script.imports[3].names, [("default".into(), "preset".into()), ("more".into(), "more".into())]);
        assert_eq!(script.passed_on, [("x".into(), "./e.js".into(), "x".into()), ("y".into(), "./e.js".into(), "default".into())]);
        assert_eq!(script.exports.keys().collect::<Vec<_>>(), ["behind", "f", "text"]);
        let minified = r#"import{a as t}from"./x.js";const e=t`<a href="${t}">`;import"./y.js";export{e as z,default}from"./z.js";export{e};var q="./no.js""#;
        assert_eq!(specifiers(minified), ["./x.js", "./y.js", "./z.js"]);
    }

    #[test]
    fn what_runs_stays_as_it_is_and_comments_go() {
        assert_eq!(
            body("const a = 1; // why\n    const b = a / 2; /* x */ const c = /\\/\\/ not/;"),
            "const a = 1; \nconst b = a / 2;  const c = /\\/\\/ not/;"
        );
        assert_eq!(body("const t = `\n    // kept ${a /* kept */}\n`;"), "const t = `\n    // kept ${a /* kept */}\n`;");
        assert_eq!(body("export default { a: 1 };"), "const clarion_default = { a: 1 };");
        assert_eq!(body("export async function* f() {}\nexport class A {}"), "async function * f() {}\nclass A {}");
        assert_eq!(body("const l = () => import('./l.js').then(x);"), "const l = () => import('later:./l.js').then(x);");
        assert_eq!(body("new URL('./w.js', import.meta.url)"), "new URL('./w.js', OWN)");
        assert_eq!(body("a /* one\n two */ b"), "a \nb");
    }

    #[test]
    fn what_is_not_understood_is_refused_with_a_reason() {
        for (text, why) in [
            ("export let a = 1;", "export let"),
            ("export const a = 1, b = 2;", "more than one name"),
            ("export * from './a.js';", "export *"),
            ("import(name)", "not a plain text"),
            ("if (x) { import './a.js'; }", "within something"),
        ] {
            assert!(read(text).unwrap_err().contains(why), "{text}");
        }
        assert!(read("export const a = f(1, 2), b = 3;").is_err());
        assert!(read("export const a = f(1, 2);\nconst b = [1, 2];").is_ok());
    }
}
