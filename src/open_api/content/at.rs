//! The tag `<at user_id="…">name</at>` in texts, markdown and cards.

/// One tag in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<'a> {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// Who is meant.
    pub id: &'a str,
}

/// The next tag at or behind a place. What only looks like one is text.
pub fn next(text: &str, start: usize) -> Option<At<'_>> {
    let mut from = start;
    loop {
        from += text.get(from..)?.find("<at")?;
        if let Some(at) = tag(text, from) {
            return Some(at);
        }
        from += 3;
    }
}

fn tag(text: &str, from: usize) -> Option<At<'_>> {
    let head_end = from + text[from..].find('>')?;
    let head = &text[from + 3..head_end];
    if !head.starts_with([' ', '\t', '\n']) {
        return None;
    }
    let closed = head.ends_with('/');
    let id = attribute(head.trim_end_matches('/'))?;
    let after = &text[head_end + 1..];
    let to = match after.find("</at>") {
        // A second tag before the end: the first one was never closed.
        Some(end) if !closed && !after[..end].contains("<at ") => head_end + 1 + end + "</at>".len(),
        _ => head_end + 1,
    };
    Some(At { from, to, id })
}

fn attribute(head: &str) -> Option<&str> {
    for name in ["user_id", "open_id", "id", "email"] {
        let Some(at) = head.find(&format!("{name}=")) else { continue };
        if at > 0 && !head[..at].ends_with([' ', '\t', '\n']) {
            continue;
        }
        let value = &head[at + name.len() + 1..];
        let value = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next()?,
            _ => value.split_whitespace().next()?,
        };
        return (!value.is_empty()).then_some(value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(tag) = next(text, at) {
            found.push(tag.id);
            at = tag.to;
        }
        found
    }

    #[test]
    fn every_way_to_write_a_mention_is_found() {
        assert_eq!(
            ids("a <at user_id=\"ou_1\">Name</at> <at user_id='ou_2'></at><at id=ou_3></at> <at id=all/> <at email=\"a@b\"></at>"),
            ["ou_1", "ou_2", "ou_3", "all", "a@b"]
        );
        assert_eq!(ids("<at user_id=\"1\"><at user_id=\"2\">x</at>"), ["1", "2"]);
        let text = "<at user_id=\"1\">名字</at>!";
        assert_eq!(&text[next(text, 0).unwrap().to..], "!");
    }

    #[test]
    fn what_only_looks_like_a_mention_is_text() {
        for text in ["<at", "<at>", "<atom id=1>", "<at user_id=>", "<at user_id=\"\">", "a < b at c > d", "<at x_user_id=\"1\">"] {
            assert!(ids(text).is_empty(), "{text}");
        }
    }
}
