//! The description as one HTML page: every call with its fields, searched as one types. Nothing is fetched from elsewhere.

use crate::open_api::OpenApi;
use crate::open_api::calls::field::{Field, Kind};
use crate::open_api::calls::{self, BodyForm, CallEntry, ReplyForm, Serve};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The printed page, and what it may do in a browser.
pub struct Page {
    html: String,
    policy: HeaderValue,
}

impl Page {
    /// Prints the page.
    pub fn new() -> Self {
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        Self { html: html(), policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")) }
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// The page at `/open-apis/`.
pub async fn page(State(api): State<Arc<OpenApi>>) -> Response {
    let page = &api.description.page;
    let mut response = Response::new(Body::from(page.html.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, page.policy.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A text as HTML. Between backquotes stands code.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn anchor(entry: &CallEntry) -> String {
    format!("{}-{}", entry.method.word().to_lowercase(), entry.path.replace([':', '/', '.'], "-").replace("--", "-"))
}

fn html() -> String {
    let (mut list, mut body) = (String::new(), String::new());
    for family in calls::FAMILIES {
        let name = escaped(family.name);
        // Writing into a string cannot fail.
        let _ = write!(list, "<section><h2>{name}</h2><ul>");
        let _ = write!(body, "<section class=family><h2>{name}</h2><p>{}</p>", escaped(family.meaning));
        for entry in family.calls {
            let (anchor, path, method) = (anchor(entry), escaped(entry.path), entry.method.word());
            let _ = write!(list, "<li data-call=\"{anchor}\"><a href=\"#{anchor}\"><b class={method}>{method}</b> {path}</a></li>");
            call(&mut body, entry, &anchor);
        }
        list.push_str("</ul></section>");
        body.push_str("</section>");
    }
    let count = calls::all().count();
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>Clarion open API</title><style>{STYLE}</style></head><body>\
         <nav><label>Search <input id=search type=search placeholder=\"call, field, scope\" autocomplete=off></label><p id=count>{count} calls</p>{list}</nav>\
         <main><h1>Clarion open API</h1>\
         <p>{count} calls for business systems, in the form of Feishu's open platform, so that the official SDKs work with only the domain changed. \
         A call is made with <code>Authorization: Bearer</code> and the <code>tenant_access_token</code> of an app. \
         A success is <code>{{\"code\":0,\"msg\":\"success\",\"data\":{{…}}}}</code>; a refusal has another <code>code</code>, a <code>msg</code> that says what happened, why, \
         and what to do, and <code>error.log_id</code>. For programs: <a href=\"/open-apis/openapi.json\">openapi.json</a>, OpenAPI 3.1.</p>\
         {body}</main><script>{SCRIPT}</script></body></html>"
    )
}

fn call(page: &mut String, entry: &CallEntry, anchor: &str) {
    let method = entry.method.word();
    let _ = write!(
        page,
        "<article id=\"{anchor}\"><h3><b class={method}>{method}</b> <a href=\"#{anchor}\">/open-apis/{}</a></h3><p>{}</p><p class=needs>",
        escaped(entry.path),
        escaped(entry.meaning)
    );
    match entry.serve {
        Serve::WithoutToken(_) | Serve::Own(_) => page.push_str("Needs no token."),
        _ if entry.scopes.is_empty() => page.push_str("Needs a token and no scope."),
        _ => {
            let scopes: Vec<String> = entry.scopes.iter().map(|scope| format!("<code>{}</code>", escaped(scope))).collect();
            let _ = write!(page, "Needs one of {}.", scopes.join(" "));
        }
    }
    page.push_str(if entry.changes { " Is in the audit log.</p>" } else { "</p>" });
    let body = match entry.body {
        BodyForm::None => None,
        BodyForm::Bytes => {
            page.push_str("<p>The body is the bytes of a file.</p>");
            None
        }
        BodyForm::Json(fields) => Some(("Body, JSON", fields)),
        BodyForm::Multipart(parts) => Some(("Body, multipart/form-data", parts)),
    };
    let reply = match entry.reply {
        ReplyForm::Data(fields) => Some(("Reply, in data", fields)),
        ReplyForm::Flat(fields) => Some(("Reply, beside code", fields)),
        ReplyForm::Bytes(media_type) => {
            let _ = write!(page, "<p>Replies with bytes, <code>{}</code>.</p>", escaped(media_type));
            None
        }
    };
    for (title, fields) in [Some(("Query", entry.query)), body, reply].into_iter().flatten() {
        if !fields.is_empty() {
            let _ = write!(page, "<table><caption>{title}</caption><tbody>");
            rows(page, fields, 0);
            page.push_str("</tbody></table>");
        }
    }
    page.push_str("</article>");
}

fn rows(page: &mut String, fields: &[Field], depth: usize) {
    for field in fields {
        let _ = write!(
            page,
            "<tr><th scope=row class=d{}>{}{}</th><td>{}</td><td>{}</td></tr>",
            depth.min(4),
            escaped(field.name),
            if field.required { "<i title=\"always there\">*</i>" } else { "" },
            shown(field),
            escaped(field.meaning)
        );
        let mut kind = &field.kind;
        while let Kind::List(of) | Kind::Map(of) = kind {
            kind = of;
        }
        if let Kind::Object(inner) = kind {
            rows(page, inner, depth + 1);
        }
    }
}

/// A field's kind and limits.
fn shown(field: &Field) -> String {
    fn kind(of: &Kind) -> String {
        match of {
            Kind::Text => "text".into(),
            Kind::Number => "number".into(),
            Kind::Flag => "true, false".into(),
            Kind::Words(words) => words.iter().map(|word| format!("<code>{}</code>", escaped(word))).collect::<Vec<_>>().join(" "),
            Kind::List(of) => format!("list of {}", kind(of)),
            Kind::Object(_) => "object".into(),
            Kind::Map(of) => format!("object of {}", kind(of)),
            Kind::Any => "anything".into(),
            Kind::File => "file".into(),
        }
    }
    let unit = match field.kind {
        Kind::Text => " characters",
        Kind::List(_) => " entries",
        _ => "",
    };
    let limits = match (field.min, field.max) {
        (Some(min), Some(max)) => format!(", {min} to {max}{unit}"),
        (None, Some(max)) => format!(", at most {max}{unit}"),
        (Some(min), None) => format!(", at least {min}{unit}"),
        (None, None) => String::new(),
    };
    format!("{}{limits}", kind(&field.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_call_and_fetches_nothing() {
        let html = html();
        for entry in calls::all() {
            assert_eq!(html.matches(&format!("<article id=\"{}\">", anchor(entry))).count(), 1, "{entry:?}");
        }
        for fetched in ["src=", "<link", "@import", "url(", "http:", "https:"] {
            assert!(!html.contains(fetched), "{fetched}");
        }
        assert!(html.len() < 1 << 20, "{}", html.len());
    }

    #[test]
    fn a_text_cannot_become_markup() {
        assert_eq!(escaped("a <b> & `c`"), "a &lt;b&gt; &amp; <code>c</code>");
    }
}
