//! The description of the API, made from the table of calls: OpenAPI 3.1 for programs, and one page for people.

mod page;
mod schema;

use super::OpenApi;
use super::calls::{self, BodyForm, CallEntry, ReplyForm, Serve};
use super::envelope::{Answer, Reply};
use super::input::Input;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schema::{object, of_kind, parameter};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub use page::page;

/// Printed once: the table does not change while the server runs.
pub struct Description {
    json: String,
    page: page::Page,
}

impl Description {
    /// Of a server that others reach at this address.
    pub fn new(url: &str) -> Self {
        Self { json: document(url).to_string(), page: page::Page::new() }
    }
}

/// `GET openapi.json`
pub async fn json(api: Arc<OpenApi>, _: Input) -> Answer {
    let mut response = Response::new(Body::from(api.description.json.clone()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    Ok(Reply::Raw(Box::new(response)))
}

/// The whole description as an OpenAPI document.
fn document(url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut tags = Vec::new();
    for family in calls::FAMILIES {
        tags.push(json!({ "name": family.name, "description": family.meaning }));
        for entry in family.calls {
            let path = paths.entry(entry.route()).or_insert_with(|| json!({}));
            path[entry.method.word().to_lowercase()] = operation(entry, family.name);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Clarion open API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Calls of business systems, in the form of Feishu's open platform. A call is made with the tenant_access_token of an app; \
                            which scopes it needs stands beside it, and any one of them is enough. Programs look at `code` only: 0 is a success.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": url }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "tenant_access_token": { "type": "http", "scheme": "bearer", "description": "From auth/v3/tenant_access_token/internal; it begins with t-." },
            },
            "schemas": { "Refusal": refusal() },
            "headers": {
                "LogId": { "description": "Names the call in the server's log.", "schema": { "type": "string" } },
                "RequestId": { "description": "As the caller sent it, else the log id.", "schema": { "type": "string" } },
            },
            "responses": {
                "Refused": {
                    "description": "The call was refused. `msg` says what happened, why, and what to do. After 429 and 503, `Retry-After` says when the call may be made again.",
                    "headers": headers(),
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Refusal" } } },
                },
                // Who reads requests answers this, before anybody knows which call it would have been.
                "HeadTooLarge": { "description": "The address and the headers are longer than 16 KiB together, or more than 100 headers came. The answer is empty." },
            },
        },
    })
}

fn headers() -> Value {
    json!({ "X-Tt-Logid": { "$ref": "#/components/headers/LogId" }, "X-Request-Id": { "$ref": "#/components/headers/RequestId" } })
}

fn refusal() -> Value {
    let texts = |names: &[&str]| {
        let properties: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
        json!({ "type": "array", "items": { "type": "object", "properties": properties, "required": names } })
    };
    json!({
        "type": "object",
        "properties": {
            "code": { "type": "integer", "description": "Why, as a number; never 0.", "not": { "const": 0 } },
            "msg": { "type": "string", "minLength": 1, "description": "Why, and what to do, for people." },
            "error": {
                "type": "object",
                "properties": {
                    "log_id": { "type": "string" },
                    "field_violations": texts(&["field", "value", "description"]),
                    "permission_violations": texts(&["type", "subject", "description"]),
                },
                "required": ["log_id"],
            },
        },
        "required": ["code", "msg"],
    })
}

/// `GET im/v1/chats/:chat_id` as `get_im_v1_chats_chat_id`.
fn operation_id(entry: &CallEntry) -> String {
    let path = entry.path.replace([':', '.'], "_").replace('/', "_").replace("__", "_");
    format!("{}_{}", entry.method.word().to_lowercase(), path.trim_end_matches('_'))
}

fn operation(entry: &CallEntry, family: &str) -> Value {
    let mut parameters: Vec<Value> = entry
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix(':'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }))
        .collect();
    parameters.extend(entry.query.iter().map(parameter));
    let mut responses = json!({
        "431": { "$ref": "#/components/responses/HeadTooLarge" },
        "default": { "$ref": "#/components/responses/Refused" },
    });
    responses["200"] = json!({ "description": "Done.", "headers": headers(), "content": content(entry) });
    let mut operation = json!({
        "operationId": operation_id(entry),
        "tags": [family],
        "summary": entry.meaning,
        "parameters": parameters,
        "responses": responses,
        "x-scopes": entry.scopes,
        "x-audited": entry.changes,
    });
    if !entry.scopes.is_empty() {
        operation["description"] = json!(format!("One of these scopes is needed: {}.", entry.scopes.join(", ")));
    }
    operation["security"] = match entry.serve {
        Serve::WithoutToken(_) | Serve::Own(_) => json!([]),
        _ => json!([{ "tenant_access_token": [] }]),
    };
    match entry.body {
        BodyForm::None => {}
        BodyForm::Bytes => {
            operation["requestBody"] = json!({ "required": true, "content": { "application/octet-stream": {} } });
        }
        BodyForm::Json(fields) => {
            let required = fields.iter().any(|field| field.required);
            operation["requestBody"] = json!({ "required": required, "content": { "application/json": { "schema": object(fields) } } });
        }
        BodyForm::Multipart(parts) => {
            operation["requestBody"] = json!({ "required": true, "content": { "multipart/form-data": { "schema": object(parts) } } });
        }
    }
    operation
}

fn content(entry: &CallEntry) -> Value {
    let envelope = |word: &str| json!({ "code": { "const": 0 }, "msg": { "const": word } });
    let (mut properties, mut required) = (envelope("success"), vec![json!("code"), json!("msg")]);
    match entry.reply {
        ReplyForm::Bytes(media_type) => return json!({ media_type: {} }),
        ReplyForm::Data(fields) => {
            properties["data"] = object(fields);
            required.push(json!("data"));
        }
        ReplyForm::Flat(fields) => {
            properties = envelope(if matches!(entry.serve, Serve::Own(_)) { "success" } else { "ok" });
            for field in fields {
                properties[field.name] = of_kind(&field.kind);
                if field.required {
                    required.push(json!(field.name));
                }
            }
        }
    }
    let done = json!({ "type": "object", "properties": properties, "required": required });
    let schema = if entry.refused_with_200 { json!({ "anyOf": [done, { "$ref": "#/components/schemas/Refusal" }] }) } else { done };
    json!({ "application/json": { "schema": schema } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_call_is_described_and_named_once() {
        let document = document("https://im.corp");
        let mut names = HashSet::new();
        for entry in calls::all() {
            let operation = &document["paths"][entry.route()][entry.method.word().to_lowercase()];
            assert_eq!(operation["summary"], entry.meaning, "{entry:?}");
            assert!(names.insert(operation["operationId"].as_str().expect("a name").to_owned()), "{entry:?}: {operation}");
        }
        let described: usize =
            document["paths"].as_object().expect("paths").values().map(|path| path.as_object().map_or(0, Map::len)).sum();
        assert_eq!(described, names.len(), "and no other");
    }

    #[test]
    fn an_operation_says_what_is_needed() {
        let document = document("https://im.corp");
        let send = &document["paths"]["/open-apis/im/v1/messages"]["post"];
        assert_eq!(send["security"][0]["tenant_access_token"], json!([]));
        assert_eq!((&send["parameters"][0]["name"], &send["parameters"][0]["required"]), (&json!("receive_id_type"), &json!(true)));
        let body = &send["requestBody"]["content"]["application/json"]["schema"];
        assert!(body["required"].as_array().is_some_and(|required| required.contains(&json!("content"))), "{body}");
        let reply = &send["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"];
        assert_eq!(reply["properties"]["message_id"]["type"], "string");
        assert_eq!(document["paths"]["/open-apis/auth/v3/tenant_access_token/internal"]["post"]["security"], json!([]));
    }
}
