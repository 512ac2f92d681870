//! Plain texts: tags of mentions become `@name`, styles go; and `@name` becomes `@_user_1` for readers.

use super::{Find, Mentions, Shown, at};
use crate::open_api::error::Refusal;

/// Names for everybody that people write.
const ALL_NAMES: &[&str] = &["所有人", "all", "All", "everyone", "Everyone"];
/// Style tags that have no place in a plain text.
const STYLES: &[&str] = &["b", "i", "u", "s"];

/// A text to be sent, in the client protocol's form.
pub fn said(text: &str, mentions: &mut Mentions, find: Find) -> Result<String, Refusal> {
    let text = without_styles(text);
    let mut said = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(tag) = at::next(&text, from) {
        said.push_str(&text[from..tag.from]);
        said.push('@');
        said.push_str(&mentions.note(tag.id, find)?.name);
        from = tag.to;
    }
    said.push_str(&text[from..]);
    Ok(said)
}

/// Takes style tags away that are nested as they should be; others are text.
fn without_styles(text: &str) -> String {
    let mut open: Vec<(&str, usize, usize)> = Vec::new();
    let mut gone: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find('<').map(|at| from + at) {
        from = start + 1;
        let Some(end) = text[start..].find('>').map(|at| start + at + 1) else { break };
        let name = &text[start + 1..end - 1];
        if let Some(style) = STYLES.iter().find(|style| **style == name) {
            open.push((style, start, end));
        } else if let Some(style) = name.strip_prefix('/').filter(|style| STYLES.contains(style))
            && open.last().is_some_and(|(known, _, _)| *known == style)
            && let Some((_, from, to)) = open.pop()
        {
            gone.extend([(from, to), (start, end)]);
        }
    }
    gone.sort_unstable();
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (start, end) in gone {
        kept.push_str(&text[from..start]);
        from = end;
    }
    kept.push_str(&text[from..]);
    kept
}

/// A text as readers of the open API see it. Where two names fit, the longer one counts; of two people with the same name
/// the first mention is the first one.
pub fn read(text: &str, shown: &Shown) -> String {
    let mut seen = String::with_capacity(text.len());
    let mut used = vec![false; shown.people.len()];
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        seen.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let fits = |name: &str| !name.is_empty() && behind.starts_with(name);
        let person = (0..shown.people.len())
            .filter(|at| fits(&shown.people[*at].1))
            .max_by_key(|at| (shown.people[*at].1.len(), !used[*at], std::cmp::Reverse(*at)));
        let all = ALL_NAMES.iter().filter(|name| shown.all && fits(name)).max_by_key(|name| name.len());
        let taken = match (person, all) {
            (Some(at), all) if all.is_none_or(|all| all.len() <= shown.people[at].1.len()) => {
                used[at] = true;
                seen.push_str(&format!("@_user_{}", at + 1));
                shown.people[at].1.len()
            }
            (_, Some(all)) => {
                seen.push_str("@_all");
                all.len()
            }
            _ => {
                seen.push('@');
                0
            }
        };
        rest = &behind[taken..];
    }
    seen.push_str(rest);
    seen
}

#[cfg(test)]
mod tests {
    use super::super::Named;
    use super::*;
    use crate::open_api::error::Refusal;

    fn find(id: &str) -> Result<Named, Refusal> {
        match id {
            "ou_1" => Ok(Named { user_id: "e1".into(), name: "张三".into() }),
            "ou_2" => Ok(Named { user_id: "e2".into(), name: "张三丰".into() }),
            "e3" => Ok(Named { user_id: "e3".into(), name: "张三".into() }),
            _ => Err(Refusal::new(99_992_351, "unknown")),
        }
    }

    fn shown(text: &str) -> String {
        let mut mentions = Mentions::default();
        let said = said(text, &mut mentions, &find).unwrap();
        let people: Vec<(&str, String)> = mentions
            .people
            .iter()
            .map(|id| {
                (
                    id.as_str(),
                    find(if id == "e1" {
                        "ou_1"
                    } else if id == "e2" {
                        "ou_2"
                    } else {
                        id
                    })
                    .unwrap()
                    .name,
                )
            })
            .collect();
        read(&said, &Shown { people, all: mentions.all })
    }

    #[test]
    fn a_mention_is_a_name_for_people_and_a_key_for_systems() {
        let mut mentions = Mentions::default();
        let text = said("hi <at user_id=\"ou_1\">x</at>, <at user_id=\"all\"></at>!", &mut mentions, &find).unwrap();
        assert_eq!(text, "hi @张三, @所有人!");
        assert_eq!((mentions.people, mentions.all), (vec!["e1".to_owned()], true));
        assert_eq!(shown("hi <at user_id=\"ou_1\">x</at>, <at user_id=\"all\"></at>!"), "hi @_user_1, @_all!");
    }

    #[test]
    fn names_that_begin_alike_or_are_the_same_are_told_apart() {
        assert_eq!(shown("<at user_id=\"ou_1\"/> <at user_id=\"ou_2\"/>"), "@_user_1 @_user_2");
        assert_eq!(shown("<at user_id=\"ou_1\"/> <at user_id=\"e3\"/>"), "@_user_1 @_user_2");
        assert_eq!(shown("<at user_id=\"ou_1\"/> <at user_id=\"ou_1\"/>"), "@_user_1 @_user_1");
    }

    #[test]
    fn styles_go_when_they_are_nested_as_they_should_be() {
        assert_eq!(shown("<b>bold <i>both</i></b> a<b c</b> <i>x</b>"), "bold both a<b c</b> <i>x</b>");
        assert_eq!(shown("1 < 2 <b>"), "1 < 2 <b>");
    }

    #[test]
    fn an_unknown_id_is_told_instead_of_a_mention_that_reaches_nobody() {
        assert_eq!(said("<at user_id=\"ou_x\">x</at>", &mut Mentions::default(), &find).unwrap_err().code, 99_992_351);
    }

    #[test]
    fn an_at_sign_without_a_mention_is_text() {
        assert_eq!(shown("mail a@b.c @张三"), "mail a@b.c @张三");
        assert_eq!(read("@所有人 a", &Shown::default()), "@所有人 a");
    }
}
