//! Pictures of those who have none: a letter on a colour. The address holds both, so that nothing is looked up and
//! nothing about anybody can be learned from it.

use super::OpenApi;
use super::envelope::{Answer, Reply};
use super::error::Refusal;
use super::input::Input;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use std::sync::Arc;

const COLOURS: &[&str] = &["2b5fd9", "0f7b6c", "8a3ffc", "b0472a", "9a6700", "1f7a3d", "b3206b", "4b5563"];

impl OpenApi {
    /// Address of somebody's picture.
    pub fn avatar_url(&self, index: u32) -> String {
        let person = self.chats.directory.entry(index);
        match person.as_ref().and_then(|person| person.avatar.as_deref()) {
            Some(key) => self.file_url(key),
            None => self.letter_url(index, person.map(|person| person.name.clone()).as_deref().unwrap_or("")),
        }
    }

    /// Address of a picture by its key, or of a letter when there is none.
    pub fn chat_avatar_url(&self, key: Option<&str>, name: &str) -> String {
        key.filter(|key| !key.is_empty()).map_or_else(|| self.letter_url(name.len() as u32, name), |key| self.file_url(key))
    }

    fn file_url(&self, key: &str) -> String {
        format!("{}/files/{key}", self.url)
    }

    fn letter_url(&self, number: u32, name: &str) -> String {
        let colour = COLOURS[number as usize % COLOURS.len()];
        let letter = name.chars().find(|letter| letter.is_alphanumeric()).unwrap_or('#');
        format!("{}/open-apis/clarion/v1/avatars/{colour}-{:x}.svg", self.url, letter as u32)
    }
}

/// `GET clarion/v1/avatars/:picture`, a picture as SVG.
pub async fn picture(_: Arc<OpenApi>, input: Input) -> Answer {
    let picture = input.path("picture");
    let drawn = picture.strip_suffix(".svg").and_then(|name| name.split_once('-')).and_then(|(colour, letter)| {
        let letter = char::from_u32(u32::from_str_radix(letter, 16).ok()?).filter(|letter| letter.is_alphanumeric() || *letter == '#')?;
        COLOURS.contains(&colour).then(|| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"240\" height=\"240\" viewBox=\"0 0 240 240\"><rect width=\"240\" height=\"240\" fill=\"#{colour}\"/>\
                 <text x=\"120\" y=\"120\" dy=\"0.36em\" font-family=\"sans-serif\" font-size=\"120\" fill=\"#fff\" text-anchor=\"middle\">{letter}</text></svg>"
            )
        })
    });
    let svg = drawn.ok_or_else(|| Refusal::no_path(&format!("/open-apis/clarion/v1/avatars/{picture}")))?;
    let mut response = Response::new(Body::from(svg));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    Ok(Reply::Raw(Box::new(response)))
}
