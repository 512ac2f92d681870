//! Edits of the platform's older documents, as far as announcements need them: blocks are inserted, the title is set.

use serde_json::{Value, json};

/// Where blocks are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before all.
    Start,
    /// Behind all.
    End,
    /// Behind so many.
    At(usize),
}

/// One edit.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// These blocks come in.
    Insert {
        /// They.
        blocks: Vec<Value>,
        /// Where.
        place: Place,
    },
    /// The title is this.
    Title(Value),
}

impl Edit {
    /// Reads one element of `requests`.
    ///
    /// # Errors
    /// A sentence, when it is not one of the known edits.
    pub fn read(request: &str) -> Result<Self, String> {
        let parse = |text: &str, what: &str| serde_json::from_str::<Value>(text).map_err(|error| format!("{what} is not JSON: {error}"));
        let request = parse(request, "an element of `requests`")?;
        let kind = request.get("requestType").and_then(Value::as_str).unwrap_or_default();
        let body = |name: &str| request.get(name).cloned().unwrap_or_default();
        let payload = |body: &Value| parse(body.get("payload").and_then(Value::as_str).unwrap_or_default(), "`payload`");
        match kind {
            "InsertBlocksRequestType" => {
                let body = body("insertBlocksRequest");
                let blocks = payload(&body)?.get("blocks").and_then(Value::as_array).cloned();
                let blocks = blocks.ok_or("the `payload` of insertBlocksRequest has no list `blocks`")?;
                let location = body.get("location").cloned().unwrap_or_default();
                let flag = |name: &str| location.get(name).and_then(Value::as_bool) == Some(true);
                let place = match location.get("index").and_then(Value::as_u64) {
                    _ if flag("endOfZone") => Place::End,
                    _ if flag("startOfZone") => Place::Start,
                    Some(index) => Place::At(usize::try_from(index).unwrap_or(usize::MAX)),
                    None => Place::End,
                };
                Ok(Self::Insert { blocks, place })
            }
            "UpdateTitleRequestType" => Ok(Self::Title(payload(&body("updateTitleRequest"))?)),
            other => Err(format!(
                "edits of the type `{}` are not known; InsertBlocksRequestType and UpdateTitleRequestType are, and `content` sets the whole",
                crate::error::clip(other)
            )),
        }
    }

    /// The content after the edit.
    pub fn apply(&self, content: &str) -> String {
        let mut document = document_of(content);
        match self {
            Self::Insert { blocks, place } => {
                if let Some(there) = document.pointer_mut("/body/blocks").and_then(Value::as_array_mut) {
                    let at = match *place {
                        Place::Start => 0,
                        Place::End => there.len(),
                        Place::At(index) => index.min(there.len()),
                    };
                    there.splice(at..at, blocks.iter().cloned());
                }
            }
            Self::Title(title) => document["title"] = title.clone(),
        }
        document.to_string()
    }
}

/// A content as a document: what is one already stays, lines of a text become paragraphs.
fn document_of(content: &str) -> Value {
    let parsed = serde_json::from_str::<Value>(content).ok();
    if let Some(document) = parsed.filter(|document| document.pointer("/body/blocks").is_some_and(Value::is_array)) {
        return document;
    }
    let paragraph = |line: &str| json!({ "type": "paragraph", "paragraph": { "elements": [{ "type": "textRun", "textRun": { "text": line, "style": {} } }], "style": {} } });
    let blocks: Vec<Value> = content.lines().map(paragraph).collect();
    json!({ "title": { "elements": [] }, "body": { "blocks": blocks } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(text: &str, location: Value) -> Edit {
        let payload = json!({ "blocks": [{ "type": "paragraph", "paragraph": { "elements": [{ "type": "textRun", "textRun": { "text": text } }] } }] });
        let request = json!({ "requestType": "InsertBlocksRequestType", "insertBlocksRequest": { "payload": payload.to_string(), "location": location } });
        Edit::read(&request.to_string()).unwrap()
    }

    fn lines(content: &str) -> Vec<String> {
        let document: Value = serde_json::from_str(content).unwrap();
        let text = |block: &Value| block.pointer("/paragraph/elements/0/textRun/text").and_then(Value::as_str).unwrap().to_owned();
        document.pointer("/body/blocks").and_then(Value::as_array).unwrap().iter().map(text).collect()
    }

    #[test]
    fn blocks_come_in_where_they_are_to_be() {
        let mut content = "one\ntwo".to_owned();
        for edit in [
            insert("last", json!({ "zoneId": "0", "index": 0, "endOfZone": true })),
            insert("first", json!({ "startOfZone": true })),
            insert("second", json!({ "index": 1 })),
            insert("far", json!({ "index": 99 })),
        ] {
            content = edit.apply(&content);
        }
        assert_eq!(lines(&content), ["first", "second", "one", "two", "last", "far"]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (request, why) in [
            ("{", "not JSON"),
            ("{}", "not known"),
            (r#"{"requestType":"DeleteContentRangeRequestType"}"#, "DeleteContentRangeRequestType"),
            (r#"{"requestType":"InsertBlocksRequestType","insertBlocksRequest":{"payload":"{}"}}"#, "blocks"),
        ] {
            assert!(Edit::read(request).unwrap_err().contains(why), "{request}");
        }
    }
}
