//! Rich texts: one locale of several becomes the post; ids and keys are translated; markdown becomes nodes.

use super::{Find, Mentions, Shown, invalid, markdown, text};
use crate::open_api::error::Refusal;
use serde_json::{Map, Value, json};

/// Locales in the order in which one is chosen.
const LOCALES: &[&str] = &["zh_cn", "en_us", "ja_jp", "zh_hk", "zh_tw"];

/// A post to be sent, in the client protocol's form.
pub fn said(fields: &Map<String, Value>, mentions: &mut Mentions, find: Find) -> Result<String, Refusal> {
    let post = one_locale(fields).ok_or_else(|| {
        invalid(
            "`content` of a post has no locale; it is {\"zh_cn\":{\"title\":\"…\",\"content\":[[{\"tag\":\"text\",\"text\":\"…\"}]]}}"
                .into(),
        )
    })?;
    let title = post.get("title").and_then(Value::as_str).unwrap_or("");
    let paragraphs =
        post.get("content").and_then(Value::as_array).ok_or_else(|| invalid("the post has no list `content` of paragraphs".into()))?;
    let mut said: Vec<Value> = Vec::with_capacity(paragraphs.len());
    for paragraph in paragraphs {
        let nodes = paragraph.as_array().ok_or_else(|| invalid("a paragraph of the post is not a list of nodes".into()))?;
        let mut line = Vec::with_capacity(nodes.len());
        for node in nodes {
            let fields = node.as_object().ok_or_else(|| invalid("a node of the post is not an object".into()))?;
            if fields.get("tag").and_then(Value::as_str) == Some("md") {
                // It stands in paragraphs of its own.
                if !line.is_empty() {
                    said.push(Value::Array(std::mem::take(&mut line)));
                }
                let source = fields.get("text").and_then(Value::as_str).ok_or_else(|| invalid("a node `md` needs a text `text`".into()))?;
                said.extend(markdown::paragraphs(source, mentions, find)?.into_iter().map(Value::Array));
            } else {
                line.push(Value::Object(said_node(fields, mentions, find)?));
            }
        }
        if !line.is_empty() || nodes.is_empty() {
            said.push(Value::Array(line));
        }
    }
    Ok(json!({ "title": title, "content": said }).to_string())
}

fn one_locale(fields: &Map<String, Value>) -> Option<&Map<String, Value>> {
    // Some programs send the webhook's form, which has one level more, or leave the locale out.
    let fields = fields.get("post").and_then(Value::as_object).unwrap_or(fields);
    if fields.get("content").is_some_and(Value::is_array) {
        return Some(fields);
    }
    let named = LOCALES.iter().find_map(|locale| fields.get(*locale));
    named.or_else(|| fields.values().next()).and_then(Value::as_object)
}

fn said_node(node: &Map<String, Value>, mentions: &mut Mentions, find: Find) -> Result<Map<String, Value>, Refusal> {
    let mut said = node.clone();
    let text = |name: &str| node.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match text("tag") {
        Some("at") => {
            let id = text("user_id").ok_or_else(|| invalid("a node `at` needs `user_id`".into()))?;
            let named = mentions.note(id, find)?;
            said.insert("user_id".into(), named.user_id.into());
            said.insert("user_name".into(), named.name.into());
        }
        Some("text") if node.get("un_escape").and_then(Value::as_bool) == Some(true) => {
            said.insert("text".into(), unescaped(text("text").unwrap_or("")).into());
            said.remove("un_escape");
        }
        _ => {}
    }
    Ok(said)
}

fn unescaped(text: &str) -> String {
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// A post as readers of the open API see it: one post, without a locale.
pub fn read(post: &str, shown: &Shown) -> Value {
    let mut parsed: Value = serde_json::from_str(post).unwrap_or_else(|_| json!({ "title": "", "content": [] }));
    for node in parsed
        .get_mut("content")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_array_mut)
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        read_node(node, shown);
    }
    parsed
}

fn read_node(node: &mut Map<String, Value>, shown: &Shown) {
    let text = |node: &Map<String, Value>, name: &str| node.get(name).and_then(Value::as_str).map(str::to_owned);
    match text(node, "tag").as_deref() {
        Some("at") => {
            let id = text(node, "user_id").unwrap_or_default();
            let key = if id == "all" { "@_all".to_owned() } else { shown.key(&id).unwrap_or(id) };
            node.insert("user_id".into(), key.into());
        }
        Some("text") => {
            let seen = text::read(&text(node, "text").unwrap_or_default(), shown);
            node.insert("text".into(), seen.into());
            node.entry("style").or_insert_with(|| json!([]));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::Named;
    use super::*;

    fn find(id: &str) -> Result<Named, Refusal> {
        Ok(Named { user_id: id.replace("ou_", "e"), name: format!("name of {id}") })
    }

    fn trip(sent: Value) -> (Value, Value) {
        let mut mentions = Mentions::default();
        let said = said(sent.as_object().unwrap(), &mut mentions, &find).unwrap();
        let people = mentions.people.iter().map(|id| (id.as_str(), "name".to_owned())).collect();
        (serde_json::from_str(&said).unwrap(), read(&said, &Shown { people, all: mentions.all }))
    }

    #[test]
    fn a_post_keeps_its_nodes_and_loses_its_locale() {
        let nodes = json!([[{"tag":"text","text":"hello ","style":["bold"]},{"tag":"a","text":"link","href":"https://a"},{"tag":"at","user_id":"ou_1"},{"tag":"at","user_id":"all"}],
            [{"tag":"img","image_key":"img_v3_k"}]]);
        let (kept, read) = trip(json!({"en_us":{"title":"T","content":nodes},"ja_jp":{"title":"J","content":[]}}));
        assert_eq!(kept["content"][0][2], json!({"tag":"at","user_id":"e1","user_name":"name of ou_1"}));
        assert_eq!(kept["content"][1][0]["image_key"], "img_v3_k");
        assert_eq!(read["title"], "T");
        assert_eq!(read["content"][0][0], json!({"tag":"text","text":"hello ","style":["bold"]}));
        assert_eq!(read["content"][0][2], json!({"tag":"at","user_id":"@_user_1","user_name":"name of ou_1"}));
        assert_eq!(read["content"][0][3]["user_id"], "@_all");
        assert_eq!(read["content"][1][0], json!({"tag":"img","image_key":"img_v3_k"}));
    }

    #[test]
    fn markdown_becomes_nodes_in_paragraphs_of_their_own() {
        let (kept, _) =
            trip(json!({"zh_cn":{"content":[[{"tag":"text","text":"before"},{"tag":"md","text":"**a** [b](https://c)\n---"}]]}}));
        assert_eq!(
            kept["content"],
            json!([[{"tag":"text","text":"before"}],[{"tag":"text","text":"a","style":["bold"]},{"tag":"text","text":" "},{"tag":"a","text":"b","href":"https://c"}],[{"tag":"hr"}]])
        );
    }

    #[test]
    fn a_post_without_its_form_is_refused_with_the_form() {
        for sent in [
            json!({}),
            json!({"zh_cn": 1}),
            json!({"zh_cn": {"title": "x"}}),
            json!({"zh_cn": {"content": [1]}}),
            json!({"zh_cn": {"content": [[1]]}}),
        ] {
            assert_eq!(said(sent.as_object().unwrap(), &mut Mentions::default(), &find).unwrap_err().code, 230_001);
        }
    }
}
