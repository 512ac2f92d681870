//! Cards: kept as they were sent; checked; and simplified for those who read messages.

use super::{Find, Mentions, at};
use crate::open_api::error::Refusal;
use protocol::content::CardPerson;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Elements of one card, with those within others; the platform takes 200.
const ELEMENTS_MAX: usize = 1_000;
/// Elements within elements that are looked into.
const DEPTH_MAX: usize = 12;

/// Checks the form of a card.
pub fn check(card: &Map<String, Value>) -> Result<(), Refusal> {
    let kind = card.get("type").and_then(Value::as_str);
    if matches!(kind, Some("template" | "card")) && card.get("data").is_some_and(Value::is_object) {
        return Err(wrong(11_310, "cards by template_id or card_id are not available on this server; send the JSON of the card itself"));
    }
    let second = card.get("schema").and_then(Value::as_str) == Some("2.0");
    if second {
        let elements = card.get("body").and_then(|body| body.get("elements"));
        return match elements {
            Some(elements) if elements.is_array() => check_elements(elements, "body.elements", &mut 0),
            _ => Err(wrong(200_621, "a card of schema 2.0 needs body.elements, a list; add it")),
        };
    }
    let listed = card.get("elements").map(Value::is_array);
    let by_locale = card.get("i18n_elements").map(Value::is_object);
    match (listed, by_locale, card.get("header")) {
        (Some(false), _, _) => Err(wrong(200_621, "`elements` is not a list")),
        (_, Some(false), _) => Err(wrong(200_621, "`i18n_elements` is not an object of lists")),
        (None, None, None) => Err(wrong(200_621, "the card has neither elements nor i18n_elements nor header; add what it is to show")),
        _ => {
            let mut count = 0;
            if let Some(elements) = card.get("elements") {
                check_elements(elements, "elements", &mut count)?;
            }
            for (locale, elements) in card.get("i18n_elements").and_then(Value::as_object).into_iter().flatten() {
                // Each locale is a card of its own.
                check_elements(elements, &format!("i18n_elements.{locale}"), &mut 0)?;
            }
            Ok(())
        }
    }
}

/// Checks that elements are objects with a tag, and not too many. Tags that nobody knows are kept.
fn check_elements(elements: &Value, at: &str, count: &mut usize) -> Result<(), Refusal> {
    let Some(elements) = elements.as_array() else { return Err(wrong(200_621, &format!("`{at}` is not a list"))) };
    for (index, element) in elements.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let Some(fields) = element.as_object() else { return Err(wrong(200_621, &format!("`{at}` is not an object"))) };
        if !fields.get("tag").is_some_and(Value::is_string) {
            return Err(wrong(200_621, &format!("`{at}` has no text `tag`, which says what it is")));
        }
        *count += 1;
        if *count > ELEMENTS_MAX {
            return Err(wrong(300_305, &format!("the card has more than {ELEMENTS_MAX} elements; show fewer, or in several cards")));
        }
        for name in ["elements", "actions"] {
            if let Some(inner) = fields.get(name) {
                check_elements(inner, &format!("{at}.{name}"), count)?;
            }
        }
        for (column, of) in fields.get("columns").and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(inner) = of.get("elements") {
                check_elements(inner, &format!("{at}.columns[{column}].elements"), count)?;
            }
        }
    }
    Ok(())
}

/// A card that cannot be shown, with the platform's inner code.
pub fn wrong(inner: u32, why: &str) -> Refusal {
    // Bots look for this form of words to fall back to a plain text.
    Refusal::new(230_099, format!("Failed to create card content, ext=ErrCode: {inner}; ErrMsg: {why}"))
}

/// Notes everybody whom the card mentions with `<at id=…>`.
pub fn mentions(card: &Map<String, Value>, mentions: &mut Mentions, find: Find) -> Result<(), Refusal> {
    for value in card.values() {
        mentions_of(value, mentions, find, 0)?;
    }
    Ok(())
}

fn mentions_of(value: &Value, mentions: &mut Mentions, find: Find, depth: usize) -> Result<(), Refusal> {
    match value {
        Value::String(text) => {
            let mut from = 0;
            while let Some(tag) = at::next(text, from) {
                // E-mail addresses are shown, but mean nobody here.
                if !tag.id.contains('@') {
                    mentions.note(tag.id, find)?;
                }
                from = tag.to;
            }
        }
        Value::Array(values) if depth < 4 * DEPTH_MAX => {
            values.iter().try_for_each(|value| mentions_of(value, mentions, find, depth + 1))?
        }
        Value::Object(fields) if depth < 4 * DEPTH_MAX => {
            fields.values().try_for_each(|value| mentions_of(value, mentions, find, depth + 1))?
        }
        _ => {}
    }
    Ok(())
}

/// People whom a card names, whether it mentions them or only shows them.
const PEOPLE_MAX: usize = 100;

/// Whom the ids in a card mean, for those who do not know the ids of this app. What means nobody is left out.
pub fn people(card: &Map<String, Value>, find: Find) -> Vec<CardPerson> {
    let mut ids = BTreeSet::new();
    card.values().for_each(|value| ids_of(value, &mut ids, 0));
    ids.into_iter().filter_map(|id| find(id).ok().map(|named| CardPerson { id: id.to_owned(), user_id: named.user_id })).collect()
}

/// Ids of this app: in tags, and texts that are nothing else, as `person` and choices of people have them.
fn ids_of<'a>(value: &'a Value, ids: &mut BTreeSet<&'a str>, depth: usize) {
    let mut note = |id: &'a str| {
        if (id.starts_with("ou_") || id.starts_with("on_")) && ids.len() < PEOPLE_MAX {
            ids.insert(id);
        }
    };
    match value {
        Value::String(text) if text.len() < 64 && !text.contains('<') => note(text),
        Value::String(text) => {
            let mut from = 0;
            while let Some(tag) = at::next(text, from) {
                note(tag.id);
                from = tag.to;
            }
        }
        Value::Array(values) if depth < 4 * DEPTH_MAX => values.iter().for_each(|value| ids_of(value, ids, depth + 1)),
        Value::Object(fields) if depth < 4 * DEPTH_MAX => fields.values().for_each(|value| ids_of(value, ids, depth + 1)),
        _ => {}
    }
}

/// A card in the simplified form: title, and paragraphs of nodes.
pub fn read(card: &str) -> Value {
    let card: Value = serde_json::from_str(card).unwrap_or_default();
    let title = card.pointer("/header/title").map(plain).unwrap_or_default();
    let elements = card
        .pointer("/body/elements")
        .or_else(|| card.get("elements"))
        .or_else(|| card.pointer("/i18n_elements/zh_cn"))
        .or_else(|| card.get("i18n_elements").and_then(Value::as_object).and_then(|locales| locales.values().next()));
    let mut paragraphs = Vec::new();
    simplify_all(elements, &mut paragraphs, 0);
    json!({ "title": title, "elements": paragraphs })
}

fn simplify_all(elements: Option<&Value>, paragraphs: &mut Vec<Value>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for element in elements.and_then(Value::as_array).into_iter().flatten() {
        simplify(element, paragraphs, depth);
    }
}

fn simplify(element: &Value, paragraphs: &mut Vec<Value>, depth: usize) {
    let tag = element.get("tag").and_then(Value::as_str).unwrap_or("");
    let mut line = Vec::new();
    match tag {
        "div" => {
            line.extend(element.get("text").map(text_nodes).into_iter().flatten());
            for field in element.get("fields").and_then(Value::as_array).into_iter().flatten() {
                line.extend(field.get("text").map(text_nodes).into_iter().flatten());
            }
            line.extend(element.get("extra").map(control));
        }
        "markdown" | "plain_text" | "lark_md" => line.extend(text_nodes(element)),
        "hr" => line.push(json!({ "tag": "hr" })),
        "img" => line.push(
            json!({ "tag": "img", "image_key": element.get("img_key").or_else(|| element.get("image_key")).cloned().unwrap_or_default() }),
        ),
        "note" => {
            let mut inner = Vec::new();
            simplify_all(element.get("elements"), &mut inner, depth + 1);
            line.push(json!({ "tag": "note", "elements": inner.into_iter().flat_map(|line| line.as_array().cloned().unwrap_or_default()).collect::<Vec<_>>() }));
        }
        "action" => line.extend(element.get("actions").and_then(Value::as_array).into_iter().flatten().map(control)),
        "column_set" => {
            for column in element.get("columns").and_then(Value::as_array).into_iter().flatten() {
                simplify_all(column.get("elements"), paragraphs, depth + 1);
            }
        }
        "form" | "collapsible_panel" | "interactive_container" | "column" => simplify_all(element.get("elements"), paragraphs, depth + 1),
        "person" => line.push(json!({ "tag": "at", "user_id": element.get("user_id").and_then(Value::as_str).unwrap_or("") })),
        _ => line.push(control(element)),
    }
    if !line.is_empty() {
        paragraphs.push(Value::Array(line));
    }
}

/// A button, a choice, a date: its kind and what stands on it.
fn control(element: &Value) -> Value {
    let tag = element.get("tag").and_then(Value::as_str).unwrap_or("unknown");
    let text = element.get("text").or_else(|| element.get("placeholder")).or_else(|| element.get("content"));
    let mut node = json!({ "tag": tag });
    if let Some(text) = text {
        node["text"] = Value::String(plain(text));
    }
    for field in ["type", "options", "img_key", "initial_date", "initial_datetime"] {
        if let Some(value) = element.get(field) {
            node[if field == "img_key" { "image_key" } else { field }] = value.clone();
        }
    }
    node
}

fn plain(text: &Value) -> String {
    text.as_str().or_else(|| text.get("content").and_then(Value::as_str)).unwrap_or("").to_owned()
}

/// The nodes of a text: mentions are told apart, the rest stays as it was written.
fn text_nodes(text: &Value) -> Vec<Value> {
    let source = text.as_str().or_else(|| text.get("content").and_then(Value::as_str)).unwrap_or("");
    let mut nodes = Vec::new();
    let mut from = 0;
    let mut push = |text: &str| {
        if !text.is_empty() {
            nodes.push(json!({ "tag": "text", "text": text }));
        }
        nodes.len()
    };
    let mut mentions = Vec::new();
    while let Some(tag) = at::next(source, from) {
        let place = push(&source[from..tag.from]);
        mentions.push((place, tag.id));
        from = tag.to;
    }
    push(&source[from..]);
    for (place, id) in mentions.into_iter().rev() {
        nodes.insert(place, json!({ "tag": "at", "user_id": if id == "all" { "@_all" } else { id } }));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::super::Named;
    use super::*;

    fn simplified(card: Value) -> Value {
        read(&card.to_string())
    }

    #[test]
    fn both_schemas_are_read_as_title_and_paragraphs() {
        let first = json!({"header":{"title":{"tag":"plain_text","content":"T"}},"elements":[
            {"tag":"div","text":{"tag":"lark_md","content":"a <at id=ou_1></at> b"}},{"tag":"hr"},
            {"tag":"action","actions":[{"tag":"button","text":{"tag":"plain_text","content":"Go"},"type":"primary"}]},
            {"tag":"note","elements":[{"tag":"plain_text","content":"n"}]}]});
        assert_eq!(
            simplified(first),
            json!({"title":"T","elements":[[{"tag":"text","text":"a "},{"tag":"at","user_id":"ou_1"},{"tag":"text","text":" b"}],[{"tag":"hr"}],
                [{"tag":"button","text":"Go","type":"primary"}],[{"tag":"note","elements":[{"tag":"text","text":"n"}]}]]})
        );
        let second = json!({"schema":"2.0","body":{"elements":[{"tag":"column_set","columns":[{"tag":"column","elements":[{"tag":"markdown","content":"x"}]}]},{"tag":"img","img_key":"k"}]}});
        assert_eq!(simplified(second), json!({"title":"","elements":[[{"tag":"text","text":"x"}],[{"tag":"img","image_key":"k"}]]}));
    }

    #[test]
    fn a_card_without_form_is_refused_in_the_words_that_bots_look_for() {
        for card in [json!({}), json!({"schema":"2.0"}), json!({"elements":{}}), json!({"type":"template","data":{"template_id":"x"}})] {
            let refusal = check(card.as_object().unwrap()).unwrap_err();
            assert!(refusal.code == 230_099 && refusal.msg.contains("ErrCode: ") && refusal.msg.contains("; ErrMsg: "), "{}", refusal.msg);
        }
        for (card, named) in [
            (json!({"elements":[{"tag":"hr"},{"text":"x"}]}), "`elements[1]`"),
            (json!({"elements":[{"tag":"column_set","columns":[{"elements":["x"]}]}]}), "`elements[0].columns[0].elements[0]`"),
            (json!({"schema":"2.0","body":{"elements":[{"tag":"form","elements":{}}]}}), "`body.elements[0].elements`"),
            (json!({"i18n_elements":{"zh_cn":[1]}}), "`i18n_elements.zh_cn[0]`"),
            (json!({"elements":vec![json!({"tag":"hr"}); 1_001]}), "ErrCode: 300305"),
        ] {
            let refusal = check(card.as_object().unwrap()).unwrap_err();
            assert!(refusal.msg.contains(named), "{}", refusal.msg);
        }
        assert!(check(json!({"elements":[]}).as_object().unwrap()).is_ok());
        let unknown = json!({"schema":"2.0","body":{"elements":[{"tag":"hologram","elements":[{"tag":"hr"}]}]}});
        assert!(check(unknown.as_object().unwrap()).is_ok(), "what is not known is kept");
    }

    #[test]
    fn who_is_mentioned_anywhere_in_a_card_is_noted() {
        let card = json!({"elements":[{"tag":"div","text":{"content":"<at id=ou_1></at><at id=\"all\"></at><at email=a@b></at>"}}]});
        let mut noted = Mentions::default();
        mentions(card.as_object().unwrap(), &mut noted, &|id| Ok(Named { user_id: id.to_owned(), name: String::new() })).unwrap();
        assert_eq!((noted.people, noted.all), (vec!["ou_1".to_owned()], true));
    }

    #[test]
    fn whom_the_ids_of_an_app_mean_is_told_and_strangers_are_left_out() {
        let card = json!({"elements":[{"tag":"markdown","content":"<at id=ou_1></at> and <at id=all></at>, ou_2"},
            {"tag":"person","user_id":"ou_3"},{"tag":"person_list","persons":[{"id":"on_4"},{"id":"ou_nobody"}]}]});
        let find = |id: &str| match id {
            "ou_nobody" => Err(wrong(1, "nobody")),
            id => Ok(Named { user_id: id[3..].to_owned(), name: String::new() }),
        };
        let told = people(card.as_object().unwrap(), &find).into_iter().map(|one| (one.id, one.user_id)).collect::<Vec<_>>();
        let expected = [("on_4", "4"), ("ou_1", "1"), ("ou_3", "3")].map(|(id, user)| (id.to_owned(), user.to_owned()));
        assert_eq!(told, expected);
    }

    #[test]
    fn a_card_that_nests_without_end_ends() {
        let mut element = json!({"tag":"markdown","content":"deep"});
        for _ in 0..60 {
            element = json!({"tag":"form","elements":[element]});
        }
        assert_eq!(simplified(json!({"elements":[element]}))["elements"], json!([]));
    }
}
