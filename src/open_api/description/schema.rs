//! Fields of the table of calls as JSON Schema.

use crate::open_api::calls::field::{Field, Kind};
use serde_json::{Map, Value, json};

/// An object with these fields.
pub fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), of_field(field))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// One parameter of a query.
pub fn parameter(field: &Field) -> Value {
    let mut schema = of_field(field);
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("description");
    }
    let mut parameter = json!({ "name": field.name, "in": "query", "description": field.meaning, "schema": schema });
    if field.required {
        parameter["required"] = json!(true);
    }
    parameter
}

/// A kind of value.
pub fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Number => json!({ "type": "integer" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Words(words) => json!({ "type": "string", "enum": words }),
        Kind::List(of) => json!({ "type": "array", "items": of_kind(of) }),
        Kind::Object(fields) => object(fields),
        Kind::Map(of) => json!({ "type": "object", "additionalProperties": of_kind(of) }),
        Kind::Any => json!({}),
        Kind::File => json!({ "type": "string", "contentMediaType": "application/octet-stream" }),
    }
}

fn of_field(field: &Field) -> Value {
    let mut schema = of_kind(&field.kind);
    let (min, max) = match field.kind {
        Kind::Number => ("minimum", "maximum"),
        Kind::List(_) => ("minItems", "maxItems"),
        _ => ("minLength", "maxLength"),
    };
    for (word, limit) in [(min, field.min), (max, field.max)] {
        if let Some(limit) = limit {
            schema[word] = json!(limit);
        }
    }
    schema["description"] = json!(field.meaning);
    schema
}
