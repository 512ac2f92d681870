//! Reads the types' names, fields and comments from the crate's sources: what a macro knows of them at compile time, and
//! their meaning besides.

const FILES: &[&str] = &[
    include_str!("../../src/command.rs"),
    include_str!("../../src/event.rs"),
    include_str!("../../src/record.rs"),
    include_str!("../../src/content.rs"),
    include_str!("../../src/chat.rs"),
    include_str!("../../src/group.rs"),
    include_str!("../../src/person.rs"),
    include_str!("../../src/urgent.rs"),
    include_str!("../../src/error.rs"),
];

pub struct Field {
    pub name: String,
    pub kind: String,
    pub meaning: String,
}

pub struct Struct {
    pub name: String,
    pub fields: Vec<Field>,
}

pub struct Words {
    pub name: String,
    pub words: Vec<(u8, String, String)>,
}

pub struct Kind {
    pub number: u8,
    pub name: String,
    pub body: String,
    pub meaning: String,
}

pub struct Choice {
    pub name: String,
    pub kinds: Vec<Kind>,
}

pub struct Command {
    pub number: u8,
    pub name: String,
    pub body: String,
    pub reply: String,
    pub meaning: String,
}

#[derive(Default)]
pub struct Source {
    pub structs: Vec<Struct>,
    pub words: Vec<Words>,
    pub choices: Vec<Choice>,
    pub commands: Vec<Command>,
}

impl Source {
    pub fn read() -> Self {
        let mut source = Self::default();
        for file in FILES {
            source.read_file(file);
        }
        source
    }

    fn read_file(&mut self, file: &str) {
        let mut block = "";
        let mut comment = String::new();
        for line in file.lines() {
            let text = line.trim();
            if let Some(name) = ["wire", "words", "choice", "commands"].into_iter().find(|name| line == format!("{name}! {{")) {
                block = name;
                continue;
            }
            if line == "}" {
                block = "";
            }
            if block.is_empty() {
                continue;
            }
            if let Some(words) = text.strip_prefix("///") {
                comment.push(' ');
                comment.push_str(words.trim());
                continue;
            }
            self.read_item(block, text, comment.trim().replace('|', "\\|"));
            comment.clear();
        }
    }

    fn read_item(&mut self, block: &str, text: &str, meaning: String) {
        if let Some(rest) = text.strip_prefix("pub struct ").or_else(|| text.strip_prefix("pub enum ")) {
            let name = rest.split([' ', '{']).next().unwrap_or("").to_owned();
            match block {
                "wire" => self.structs.push(Struct { name, fields: Vec::new() }),
                "words" => self.words.push(Words { name, words: Vec::new() }),
                _ => self.choices.push(Choice { name, kinds: Vec::new() }),
            }
            return;
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        match (block, parts.as_slice()) {
            ("wire", [name, kind]) if name.ends_with(':') => {
                let field = Field { name: name.trim_end_matches(':').to_owned(), kind: kind.trim_end_matches(',').to_owned(), meaning };
                self.structs.last_mut().expect("a field stands in a structure").fields.push(field);
            }
            ("words", [number, word, _]) => {
                let word = (number.parse().expect("a number"), word.trim_matches('"').to_owned(), meaning);
                self.words.last_mut().expect("a word stands in a list").words.push(word);
            }
            ("choice", [number, name, variant]) => {
                let body = variant.split(['(', ')']).nth(1).expect("a kind has a body").to_owned();
                let kind = Kind { number: number.parse().expect("a number"), name: (*name).to_owned(), body, meaning };
                self.choices.last_mut().expect("a kind stands in a choice").kinds.push(kind);
            }
            ("commands", [number, name, body, "=>", reply]) => self.commands.push(Command {
                number: number.parse().expect("a number"),
                name: (*name).to_owned(),
                body: (*body).to_owned(),
                reply: (*reply).to_owned(),
                meaning,
            }),
            _ => {}
        }
    }
}

/// A type in the document's words, and whether it must be given.
pub fn kind_of(kind: &str) -> (String, &'static str) {
    if let Some(inner) = kind.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        return (kind_of(inner).0, "may be missing");
    }
    if let Some(inner) = kind.strip_prefix("Vec<").and_then(|rest| rest.strip_suffix('>')) {
        return (format!("list of {}", kind_of(inner).0), "missing = empty");
    }
    let word = match kind {
        "bool" => return ("boolean".to_owned(), "missing = false"),
        "String" => "text".to_owned(),
        "u8" | "u16" | "u32" | "u64" => "number".to_owned(),
        "Seq" => "seq".to_owned(),
        "ChatId" => "chat id".to_owned(),
        "MessageId" => "message id".to_owned(),
        "UrgentId" => "urgent id".to_owned(),
        "UserId" => "user id".to_owned(),
        other => link(other),
    };
    (word, "always")
}

/// The name of a type, leading to its section.
pub fn link(name: &str) -> String {
    format!("[`{name}`](#type-{})", name.to_lowercase())
}
