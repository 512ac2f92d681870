//! The web client's files, compiled in: under a prefix that names their content, so that a browser keeps them for ever.
//!
//! Only `/` is asked for each time. It names the prefix. Modules are joined when the server starts, so that a page is
//! there after a few requests. A build for development reads the files from disk, and a changed one changes the prefix at
//! the next load of `/`.

use super::bundle;
use super::headers;
use super::origin::Origins;
use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

#[derive(rust_embed::RustEmbed)]
#[folder = "src/web/pages"]
struct Folder;

/// The module that starts the page.
const START: &str = "app.js";
/// The script that runs as a worker; a worker takes its policy from its own answer.
const WORKER: &str = "link/shared.js";
/// The script that stands before them all and is no module.
const HEAD: &str = "head.js";
/// Not compressed below this: the answer fits one packet anyway.
const COMPRESS_FROM_BYTES: usize = 600;

/// The pages of this process. Clones share them.
#[derive(Clone)]
pub struct Pages {
    set: Arc<ArcSwap<PageSet>>,
    origins: Arc<Origins>,
}

/// One state of the folder.
struct PageSet {
    /// Names what the folder held.
    source: blake3::Hash,
    /// `/web/<hash>`.
    prefix: String,
    files: BTreeMap<String, Page>,
    index: Option<Page>,
}

/// A file, ready to be sent.
struct Page {
    media_type: HeaderValue,
    plain: Bytes,
    gzip: Option<Bytes>,
    brotli: Option<Bytes>,
    /// Without its last quote: each coding has a tag of its own.
    tag: String,
}

impl Pages {
    /// Reads and compresses all files.
    pub fn new(origins: Arc<Origins>) -> Self {
        Self { set: Arc::new(ArcSwap::from_pointee(PageSet::make(read_folder()))), origins }
    }

    /// Prefix of the files as they are now, for `welcome`.
    pub fn prefix(&self) -> String {
        self.set.load().prefix.clone()
    }

    /// The routes: `/`, and everything below the prefix.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(index))
            .route("/web/{hash}/{*path}", get(file))
            .route("/favicon.ico", get(icon))
            .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }))
            .with_state(self)
    }

    /// In a build for development, takes what was changed on disk.
    fn look_again(&self) {
        if cfg!(debug_assertions) {
            let files = read_folder();
            if hash_of(&files) != self.set.load().source {
                self.set.store(Arc::new(PageSet::make(files)));
            }
        }
    }
}

async fn index(State(pages): State<Pages>, request: HeaderMap) -> Response {
    pages.look_again();
    let set = pages.set.load();
    let Some(index) = &set.index else {
        return (StatusCode::NOT_FOUND, "this build of the server has no pages\n").into_response();
    };
    let mut response = index.answer(&request, "no-cache");
    response.headers_mut().extend(headers::of_page(&pages.origins, &request));
    response
}

async fn file(State(pages): State<Pages>, Path((hash, path)): Path<(String, String)>, request: HeaderMap) -> Response {
    let set = pages.set.load();
    let known = set.prefix.strip_prefix("/web/").is_some_and(|ours| ours == hash);
    let Some(page) = set.files.get(&path).filter(|_| known) else {
        // Another node of an upgrade may have it, so nobody may remember that this one has not.
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "there is no such page here; load the start page anew\n")
            .into_response();
    };
    let mut response = page.answer(&request, "public, max-age=31536000, immutable");
    if path == WORKER {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, headers::policy(&pages.origins, &request));
    }
    response
}

/// For browsers that ask without having been told.
async fn icon(State(pages): State<Pages>, request: HeaderMap) -> Response {
    match pages.set.load().files.get("icon.svg") {
        Some(icon) => icon.answer(&request, "public, max-age=86400"),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn read_folder() -> BTreeMap<String, Bytes> {
    let read = |name: &str| {
        Folder::get(name).map(|file| match file.data {
            std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
            std::borrow::Cow::Owned(data) => Bytes::from(data),
        })
    };
    Folder::iter()
        .filter(|name| !name.rsplit('/').next().is_some_and(|last| last.starts_with('.')))
        .filter_map(|name| Some((name.to_string(), read(&name)?)))
        .collect()
}

fn hash_of(files: &BTreeMap<String, Bytes>) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    for (name, content) in files {
        for part in [name.as_bytes(), content] {
            hash.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
    }
    hash.finalize()
}

/// The files as they are served: modules joined, everything else as it is.
fn served(contents: &BTreeMap<String, Bytes>) -> BTreeMap<String, Bytes> {
    match bundle::join(START, WORKER, |path| contents.get(path).and_then(|content| std::str::from_utf8(content).ok())) {
        Ok(joined) => {
            let others = contents.iter().filter(|(name, _)| !name.ends_with(".js") || *name == HEAD);
            let others = others.map(|(name, content)| (name.clone(), content.clone()));
            others.chain(joined.into_iter().map(|(name, text)| (name, Bytes::from(text)))).collect()
        }
        // The page works all the same, only more slowly.
        Err(why) => {
            tracing::error!(why, "the modules of the page cannot be joined; they are served one by one");
            contents.clone()
        }
    }
}

impl PageSet {
    fn make(contents: BTreeMap<String, Bytes>) -> Self {
        let source = hash_of(&contents);
        let mut files = served(&contents);
        let prefix = format!("/web/{}", &hash_of(&files).to_hex()[..16]);
        let index = files.remove("index.html").map(|template| {
            let page = String::from_utf8_lossy(&template).replace("{{prefix}}", &prefix);
            Page::make("index.html", page.into())
        });
        let files = files.into_iter().map(|(name, content)| (name.clone(), Page::make(&name, content))).collect();
        Self { source, prefix, files, index }
    }
}

impl Page {
    fn make(name: &str, plain: Bytes) -> Self {
        let guessed = mime_guess::from_path(name).first_or_octet_stream();
        let text = guessed.type_() == "text"
            || matches!(
                guessed.essence_str(),
                "application/javascript" | "application/json" | "application/manifest+json" | "image/svg+xml"
            );
        let media_type = if text { format!("{guessed}; charset=utf-8") } else { guessed.to_string() };
        let compressed = text && plain.len() >= COMPRESS_FROM_BYTES;
        Self {
            media_type: HeaderValue::try_from(media_type).expect("media types are plain"),
            gzip: compressed.then(|| gzip(&plain)),
            brotli: compressed.then(|| brotli(&plain)),
            tag: format!("\"{}", &blake3::hash(&plain).to_hex()[..16]),
            plain,
        }
    }

    fn answer(&self, request: &HeaderMap, cache: &'static str) -> Response {
        let (body, coding) = match (&self.brotli, &self.gzip) {
            (Some(brotli), _) if takes(request, "br") => (brotli, Some("br")),
            (_, Some(gzip)) if takes(request, "gzip") => (gzip, Some("gzip")),
            _ => (&self.plain, None),
        };
        let etag = HeaderValue::try_from(format!("{}{}\"", self.tag, coding.map_or(String::new(), |coding| format!("-{coding}"))))
            .expect("digits are a valid tag");
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, etag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if super::has_tag(request, &etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, self.media_type.clone());
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        (headers, body.clone()).into_response()
    }
}

/// Once at the start.
fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).map(Bytes::from).expect("writing into memory does not fail")
}

/// The same for browsers that take it, which they do over HTTPS only. In a build for development quickly, because it is done
/// again after each change.
fn brotli(plain: &[u8]) -> Bytes {
    let quality = if cfg!(debug_assertions) { 5 } else { 9 };
    let mut out = Vec::new();
    let parameters = BrotliEncoderParams { quality, lgwin: 22, size_hint: plain.len(), ..BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut &*plain, &mut out, &parameters).expect("writing into memory does not fail");
    out.into()
}

fn takes(request: &HeaderMap, wanted: &str) -> bool {
    request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or("");
            let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|quality| quality.parse::<f32>() == Ok(0.0)));
            (name.eq_ignore_ascii_case(wanted) || (name == "*" && wanted == "gzip")) && !refused
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> BTreeMap<String, Bytes> {
        let filler = "x".repeat(COMPRESS_FROM_BYTES);
        [
            ("index.html", "<link href={{prefix}}/a.css><script src={{prefix}}/app.js>".to_owned()),
            ("head.js", "first();".to_owned()),
            ("app.js", format!("import './views/list.js'; import('./late.js'); '{filler}'")),
            ("views/list.js", "// why\n".to_owned()),
            ("late.js", String::new()),
            ("link/shared.js", String::new()),
            ("icon.svg", "<svg/>".to_owned()),
        ]
        .into_iter()
        .map(|(name, content)| (name.to_owned(), Bytes::from(content)))
        .collect()
    }

    #[test]
    fn the_page_names_its_prefix_and_modules_are_joined() {
        let set = PageSet::make(folder());
        let page = String::from_utf8(set.index.unwrap().plain.to_vec()).unwrap();
        let prefix = &set.prefix;
        assert_eq!(page, format!("<link href={prefix}/a.css><script src={prefix}/app.js>"));
        assert_eq!(
            set.files.keys().map(String::as_str).collect::<Vec<_>>(),
            ["app.js", "head.js", "icon.svg", "late.js", "link/shared.js"]
        );
        assert_eq!(set.files["head.js"].plain, "first();");
        assert_eq!(set.files["icon.svg"].media_type, "image/svg+xml; charset=utf-8");
        assert!(set.files["app.js"].media_type.to_str().unwrap().starts_with("text/javascript"));
    }

    #[test]
    fn modules_that_cannot_be_joined_are_served_as_they_are() {
        let mut files = folder();
        files.insert("late.js".into(), Bytes::from_static(b"export let x = 1;"));
        let set = PageSet::make(files);
        assert_eq!(set.files["late.js"].plain, "export let x = 1;");
        assert!(set.files.contains_key("views/list.js"));
    }

    #[test]
    fn the_modules_of_this_page_can_be_joined() {
        let files = read_folder();
        let joined = bundle::join(START, WORKER, |path| files.get(path).and_then(|content| std::str::from_utf8(content).ok())).unwrap();
        assert!(joined.len() < 50, "{:?}", joined.keys());
    }

    #[test]
    fn the_prefix_changes_with_what_is_served() {
        let prefix = |files: BTreeMap<String, Bytes>| PageSet::make(files).prefix;
        let before = prefix(folder());
        let mut changed = folder();
        changed.insert("views/list.js".into(), Bytes::from_static(b"f();"));
        assert_ne!(before, prefix(changed));
        let mut moved = folder();
        let content = moved.remove("icon.svg").unwrap();
        moved.insert("mark.svg".into(), content);
        assert_ne!(before, prefix(moved));
        assert_eq!(before, prefix(folder()));
    }

    #[test]
    fn a_body_is_compressed_only_for_those_who_can_read_it() {
        let asked = |value: &str, coding: &str| takes(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())]), coding);
        assert!(asked("gzip, deflate, br", "gzip") && asked("br;q=1.0, GZIP;q=0.5", "gzip") && asked("*", "gzip"));
        assert!(!asked("br", "gzip") && !asked("gzip;q=0", "gzip") && !asked("", "gzip"));
        assert!(asked("gzip, deflate, br", "br") && !asked("*", "br") && !asked("br;q=0", "br"));
    }
}
