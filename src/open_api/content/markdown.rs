//! Markdown of posts, as far as bots use it: paragraphs, headings, links, bold, italic, struck, code, pictures, mentions.
//! What is none of these stays as it was written.

use super::{Find, Mentions, at};
use crate::open_api::error::Refusal;
use serde_json::{Value, json};

/// The paragraphs of a markdown text, each a list of nodes.
pub fn paragraphs(source: &str, mentions: &mut Mentions, find: Find) -> Result<Vec<Vec<Value>>, Refusal> {
    let mut paragraphs = Vec::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            paragraphs.push(vec![json!({ "tag": "code_block", "language": language.trim(), "text": code.join("\n") })]);
        } else if trimmed.len() >= 3 && trimmed.bytes().all(|byte| byte == b'-') {
            paragraphs.push(vec![json!({ "tag": "hr" })]);
        } else if let Some(heading) = heading(trimmed) {
            paragraphs.push(inline(heading, &["bold"], mentions, find)?);
        } else {
            paragraphs.push(inline(line, &[], mentions, find)?);
        }
    }
    Ok(paragraphs)
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    (1..=6).contains(&level).then(|| rest.strip_prefix(' ')).flatten().map(str::trim)
}

/// A part of a line that is not plain text, with its length in the source.
enum Part<'a> {
    Link { text: &'a str, href: &'a str },
    Picture { key: &'a str },
    Mention { id: &'a str },
    Styled { style: &'static str, inner: &'a str },
    Code { text: &'a str },
}

fn inline(line: &str, styles: &[&'static str], mentions: &mut Mentions, find: Find) -> Result<Vec<Value>, Refusal> {
    let mut nodes = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while at < line.len() {
        let Some((part, length)) = part(&line[at..]) else {
            at += line[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        push_text(&mut nodes, &line[plain..at], styles);
        match part {
            Part::Link { text, href } => nodes.push(styled(json!({ "tag": "a", "text": text, "href": href }), styles)),
            Part::Picture { key } => nodes.push(json!({ "tag": "img", "image_key": key })),
            Part::Mention { id } => {
                let named = mentions.note(id, find)?;
                nodes.push(json!({ "tag": "at", "user_id": named.user_id, "user_name": named.name }));
            }
            Part::Code { text } => push_text(&mut nodes, text, styles),
            Part::Styled { style, inner } => {
                let inner_styles: Vec<&'static str> = styles.iter().copied().filter(|known| *known != style).chain([style]).collect();
                nodes.extend(inline(inner, &inner_styles, mentions, find)?);
            }
        }
        at += length;
        plain = at;
    }
    push_text(&mut nodes, &line[plain..], styles);
    Ok(nodes)
}

/// Each part is shorter than what it stands in, so that the nesting ends; four styles are the deepest.
fn part(text: &str) -> Option<(Part<'_>, usize)> {
    match text.as_bytes()[0] {
        b'<' => at::next(text, 0).filter(|tag| tag.from == 0).map(|tag| (Part::Mention { id: tag.id }, tag.to)),
        b'!' => link(text.get(1..)?).map(|(_, href, length)| (Part::Picture { key: href }, length + 1)),
        b'[' => link(text).map(|(text, href, length)| (Part::Link { text, href }, length)),
        b'`' => enclosed(text, "`").map(|(inner, length)| (Part::Code { text: inner }, length)),
        b'*' | b'_' | b'~' => {
            let marks = [("**", "bold"), ("__", "bold"), ("~~", "lineThrough"), ("*", "italic")];
            marks.iter().find_map(|(mark, style)| enclosed(text, mark).map(|(inner, length)| (Part::Styled { style, inner }, length)))
        }
        _ => None,
    }
}

fn link(text: &str) -> Option<(&str, &str, usize)> {
    let shown = &text.strip_prefix('[')?[..text.find("](")?.checked_sub(1)?];
    if shown.contains(['[', ']']) {
        return None;
    }
    let behind = &text[shown.len() + 3..];
    let href = &behind[..behind.find(')')?];
    (!href.is_empty() && !href.contains(char::is_whitespace)).then_some((shown, href, shown.len() + href.len() + 4))
}

fn enclosed<'a>(text: &'a str, mark: &str) -> Option<(&'a str, usize)> {
    let behind = text.strip_prefix(mark)?;
    let mut end = behind.find(mark)?;
    // Of a longer row of marks the last ones close the outer style.
    while mark.len() == 2 && behind[end + 2..].starts_with(&mark[..1]) {
        end += 1;
    }
    let inner = &behind[..end];
    (!inner.is_empty() && !inner.starts_with(' ') && !inner.ends_with(' ')).then_some((inner, inner.len() + 2 * mark.len()))
}

fn push_text(nodes: &mut Vec<Value>, text: &str, styles: &[&str]) {
    if !text.is_empty() {
        nodes.push(styled(json!({ "tag": "text", "text": text }), styles));
    }
}

fn styled(mut node: Value, styles: &[&str]) -> Value {
    if !styles.is_empty() {
        node["style"] = json!(styles);
    }
    node
}

#[cfg(test)]
mod tests {
    use super::super::Named;
    use super::*;
    use proptest::prelude::*;

    fn find(id: &str) -> Result<Named, Refusal> {
        Ok(Named { user_id: id.to_owned(), name: id.to_owned() })
    }

    fn nodes(source: &str) -> Value {
        json!(paragraphs(source, &mut Mentions::default(), &find).unwrap())
    }

    #[test]
    fn what_bots_write_becomes_nodes() {
        assert_eq!(nodes("## Head"), json!([[{"tag":"text","text":"Head","style":["bold"]}]]));
        assert_eq!(nodes("a **b *c*** d"), json!([[{"tag":"text","text":"a "},{"tag":"text","text":"b ","style":["bold"]},{"tag":"text","text":"c","style":["bold","italic"]},{"tag":"text","text":" d"}]]).clone());
        assert_eq!(
            nodes("```rust\nlet a;\n\nb\n```\nend"),
            json!([[{"tag":"code_block","language":"rust","text":"let a;\n\nb"}],[{"tag":"text","text":"end"}]])
        );
        assert_eq!(
            nodes("hi <at user_id=\"e1\"></at>"),
            json!([[{"tag":"text","text":"hi "},{"tag":"at","user_id":"e1","user_name":"e1"}]])
        );
        assert_eq!(nodes("![p](img_v3_k)"), json!([[{"tag":"img","image_key":"img_v3_k"}]]));
    }

    #[test]
    fn what_is_not_markdown_stays() {
        for text in ["2 * 3 * 4", "a_b_c", "[x] (y)", "[x]()", "#tag", "a ** b"] {
            assert_eq!(nodes(text), json!([[{"tag":"text","text":text}]]), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(source in "[\\[\\]()*_~`!<>at =\"id#-张\n]{0,60}") {
            nodes(&source);
        }
    }
}
