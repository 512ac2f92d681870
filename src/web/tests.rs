//! The whole door over a real socket: who gets in, and what a browser may be made to do.

use super::{MayFetch, Site, Who};
use crate::attachment::{Attachments, EVERYBODY};
use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{Directory, PersonEntry};
use crate::error::Result;
use crate::net::admission::Caps;
use crate::net::listener::Times;
use crate::net::tests::{self as fixture, Running, exchange};
use crate::store::{SqliteStore, Store};
use axum::Router;
use futures_util::future::BoxFuture;
use protocol::error::CloseCode;
use protocol::person::PersonKind;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// People see files of chat 1, when they are the second person.
struct Members;

impl MayFetch for Members {
    fn may_fetch<'a>(&'a self, user: u32, _uploader: u32, chats: &'a [u64]) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(user == 1 && chats.contains(&1)) })
    }

    fn check_save<'a>(&'a self, _user: u32, _chats: &'a [u64]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

struct Place {
    running: Running,
    attachments: Arc<Attachments>,
    store: Arc<dyn Store>,
    directory: Directory,
    who: Arc<Who>,
    clock: Clock,
    folder: tempfile::TempDir,
}

async fn place(public_url: Option<&str>) -> Place {
    place_with(public_url, 0).await
}

async fn place_with(public_url: Option<&str>, files_keep_free_bytes: u64) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data: folder.path().to_owned(),
        public_url: public_url.map(str::to_owned),
        file_bytes_max: 100_000,
        files_keep_free_bytes,
        sign_in_attempts_per_account: 3,
        ..Config::default()
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let clock = Clock::default();
    let directory = Directory::load(store.clone()).await.unwrap();
    let people = ["1001", "1002", "1003"].map(|id| PersonEntry::new(id, format!("Person {id}"), PersonKind::Person));
    directory.upsert_people(people.to_vec()).await.unwrap();
    let auth = Auth::load(store.clone(), directory.clone(), clock.clone(), &config).await.unwrap();
    for id in ["1001", "1002", "1003"] {
        auth.set_password(directory.index(id).unwrap(), "secret".into()).await.unwrap();
    }
    let attachments = Arc::new(Attachments::open(&config, store.clone(), clock.clone()).await.unwrap());
    let who = Arc::new(Who::new(auth.clone(), &config, "127.0.0.1:7700".parse().unwrap()));
    let site = Site::new(&config, who.clone(), auth, directory.clone(), attachments.clone(), Arc::new(Members));
    let running = fixture::run(
        Router::new().merge(site.router()),
        None,
        Caps::default(),
        Times { body_stall: Duration::from_millis(400), ..Times::default() },
    );
    Place { running, attachments, store, directory, who, clock, folder }
}

/// Status, head and body of an answer.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// What a browser would send back of the cookies that were set.
    fn cookies(&self) -> String {
        self.head
            .lines()
            .filter_map(|line| line.strip_prefix("Set-Cookie: "))
            .map(|cookie| cookie.split(';').next().unwrap())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl Place {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let host = self.running.address;
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let answer = exchange(host, &[request.as_bytes(), body].concat()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let body = if head.contains("Transfer-Encoding: chunked") { dechunk(body) } else { body.to_owned() };
        Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body }
    }

    async fn post_json(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let headers = [&[("Content-Type", "application/json")], headers].concat();
        self.ask("POST", path, &headers, body.to_string().as_bytes()).await
    }

    /// A token of one who signed in as programs do.
    async fn token(&self, login: &str) -> String {
        let answer = self.post_json("/auth/v1/sign_in", &[], sign_in(login, "secret")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("Bearer {}", answer.json()["access_token"].as_str().unwrap())
    }

    fn origin(&self) -> String {
        format!("http://{}", self.running.address)
    }

    async fn upload(&self, token: &str, name: &str, bytes: &[u8]) -> Answer {
        self.ask("POST", &format!("/files?name={name}"), &[("Authorization", token)], bytes).await
    }
}

fn dechunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

fn sign_in(login: &str, password: &str) -> Value {
    json!({ "login": login, "password": password, "device_id": "device-0123456789", "device_kind": "browser", "device_name": "Test" })
}

#[tokio::test]
async fn a_browser_signs_in_by_cookies_that_no_script_can_read_and_out_again() {
    let place = place(None).await;
    let origin = place.origin();
    let ours: &[(&str, &str)] = &[("Origin", &origin)];
    let answer = place.post_json("/web/sign_in", ours, sign_in("1001", "secret")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let signed_in = answer.json();
    assert_eq!(signed_in["me"]["user_id"], "1001");
    assert!(signed_in.get("access_token").is_none() && signed_in.get("refresh_token").is_none(), "{signed_in}");
    assert!(signed_in["expires_in"].as_u64().unwrap() > 60);
    let set: Vec<&str> = answer.head.lines().filter(|line| line.starts_with("Set-Cookie: ")).collect();
    assert_eq!(set.len(), 2, "{}", answer.head);
    assert!(set.iter().all(|cookie| cookie.contains("; HttpOnly; SameSite=Strict; ") && !cookie.contains("Secure")), "{set:?}");
    assert!(set.iter().any(|cookie| cookie.contains("clarion_session=") && cookie.contains("Path=/;")));
    assert!(set.iter().any(|cookie| cookie.contains("clarion_refresh=") && cookie.contains("Path=/web;")));
    let cookies = answer.cookies();
    let mine: &[(&str, &str)] = &[("Cookie", &cookies), ("Origin", &origin)];
    assert_eq!(place.ask("GET", "/web/session", mine, b"").await.json()["me"]["user_id"], "1001");
    let refreshed = place.ask("POST", "/web/refresh", mine, b"").await;
    assert_eq!(refreshed.status, 200);
    assert_ne!(refreshed.cookies(), cookies);
    let cookies = refreshed.cookies();
    let mine: &[(&str, &str)] = &[("Cookie", &cookies), ("Origin", &origin)];
    let out = place.ask("POST", "/web/sign_out", mine, b"").await;
    assert_eq!(out.status, 204);
    assert!(out.head.matches("Max-Age=0").count() == 2 && out.header("clear-site-data").is_some(), "{}", out.head);
    let gone = place.ask("GET", "/web/session", mine, b"").await;
    assert_eq!((gone.status, gone.json()["code"].clone()), (401, json!(4102)));
    let gone = place.ask("POST", "/web/refresh", mine, b"").await;
    assert_eq!(gone.status, 401);
    assert!(gone.head.contains("Max-Age=0"), "what is no good any more is taken away");
}

#[tokio::test]
async fn signing_out_works_when_the_access_token_has_run_out() {
    let place = place(None).await;
    let origin = place.origin();
    let cookies = place.post_json("/web/sign_in", &[("Origin", &origin)], sign_in("1001", "secret")).await.cookies();
    let refresh = cookies.split("; ").find(|cookie| cookie.starts_with("clarion_refresh=")).unwrap().to_owned();
    let only: &[(&str, &str)] = &[("Cookie", &refresh), ("Origin", &origin)];
    assert_eq!(place.ask("POST", "/web/sign_out", only, b"").await.status, 204);
    assert_eq!(place.ask("GET", "/web/session", &[("Cookie", &cookies)], b"").await.status, 401);
}

#[tokio::test]
async fn a_socket_with_a_cookie_that_is_too_old_is_told_so_and_not_that_it_is_wrong() {
    let place = place(Some("http://127.0.0.1:7700")).await;
    let ours: &[(&str, &str)] = &[("Origin", "http://127.0.0.1:7700"), ("Host", "127.0.0.1:7700")];
    let cookies = place.post_json("/web/sign_in", ours, sign_in("1001", "secret")).await.cookies();
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("origin", "http://127.0.0.1:7700".parse().unwrap());
    headers.insert("host", "127.0.0.1:7700".parse().unwrap());
    let no_cookie = place.who.by_cookie_of_upgrade(&headers).unwrap();
    assert_eq!(no_cookie.unwrap_err(), CloseCode::TokenInvalid);
    headers.insert("cookie", cookies.parse().unwrap());
    assert_eq!(place.who.by_cookie_of_upgrade(&headers).unwrap().unwrap().user, place.directory.index("1001").unwrap());
    place.clock.turn(24 * 3_600_000);
    assert_eq!(place.who.by_cookie_of_upgrade(&headers).unwrap().unwrap_err(), CloseCode::TokenExpired);
}

#[tokio::test]
async fn over_https_the_cookies_are_bound_to_it_and_to_this_host() {
    let place = place(Some("https://chat.example.com")).await;
    let ours: &[(&str, &str)] = &[("Origin", "https://chat.example.com"), ("Host", "chat.example.com")];
    let answer = place.post_json("/web/sign_in", ours, sign_in("1001", "secret")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("__Host-clarion_session=") && answer.head.contains("__Secure-clarion_refresh="), "{}", answer.head);
    assert_eq!(answer.head.matches("; Secure").count(), 2);
    let cookies = answer.cookies();
    assert_eq!(place.ask("GET", "/web/session", &[("Cookie", &cookies)], b"").await.status, 200);
    let unprefixed = cookies.replace("__Host-", "");
    assert_eq!(
        place.ask("GET", "/web/session", &[("Cookie", &unprefixed)], b"").await.status,
        401,
        "a cookie that a neighbour could have set"
    );
}

#[tokio::test]
async fn a_page_of_somebody_else_can_do_nothing_with_our_cookie() {
    let place = place(None).await;
    let origin = place.origin();
    let cookies = place.post_json("/web/sign_in", &[("Origin", &origin)], sign_in("1001", "secret")).await.cookies();
    for foreign in [
        [("Origin", "https://evil.example"), ("Cookie", &cookies)].as_slice(),
        &[("Sec-Fetch-Site", "cross-site"), ("Cookie", &cookies)],
        &[("Origin", "null"), ("Cookie", &cookies)],
        &[("Cookie", &cookies)],
    ] {
        for path in ["/web/sign_in", "/web/refresh", "/web/sign_out", "/files?name=x"] {
            let answer = place.post_json(path, foreign, sign_in("1001", "secret")).await;
            assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!(2002)), "{path} {foreign:?} {}", answer.body);
            assert!(!answer.head.contains("Set-Cookie"), "{}", answer.head);
        }
    }
    assert_eq!(place.ask("GET", "/web/session", &[("Cookie", &cookies)], b"").await.status, 200, "and it is still signed in");
    let token = place.token("1001").await;
    assert_eq!(
        place.ask("POST", "/files?name=x", &[("Authorization", &token), ("Origin", "https://evil.example")], b"x").await.status,
        200,
        "a token is not sent by itself"
    );
}

#[tokio::test]
async fn a_program_signs_in_refreshes_and_signs_out() {
    let place = place(None).await;
    let answer = place.post_json("/auth/v1/sign_in", &[], sign_in("1001", "secret")).await;
    let signed_in = answer.json();
    assert_eq!((answer.status, signed_in["me"]["user_id"].as_str()), (200, Some("1001")));
    assert!(!answer.head.contains("Set-Cookie") && answer.header("cache-control") == Some("no-store"));
    let refreshed = place.post_json("/auth/v1/refresh", &[], json!({ "refresh_token": signed_in["refresh_token"] })).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let token = format!("Bearer {}", refreshed.json()["access_token"].as_str().unwrap());
    assert_eq!(place.ask("POST", "/auth/v1/sign_out", &[("Authorization", &token)], b"").await.status, 204);
    let gone = place.ask("POST", "/auth/v1/sign_out", &[("Authorization", &token)], b"").await;
    assert_eq!((gone.status, gone.json()["code"].clone()), (401, json!(4102)));
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_in_is_said_without_repeating_it() {
    let place = place(None).await;
    let wrong = place.post_json("/auth/v1/sign_in", &[], sign_in("1001", "guess")).await;
    let nobody = place.post_json("/auth/v1/sign_in", &[], sign_in("9999", "guess")).await;
    assert_eq!((wrong.status, wrong.json()["code"].clone()), (401, json!(2016)));
    assert_eq!(wrong.body, nobody.body, "nobody learns who works here");
    for _ in 0..3 {
        place.post_json("/auth/v1/sign_in", &[], sign_in("1001", "guess")).await;
    }
    let limited = place.post_json("/auth/v1/sign_in", &[], sign_in("1001", "secret")).await;
    assert_eq!((limited.status, limited.json()["code"].clone()), (429, json!(3002)), "{}", limited.body);
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    let form = place.ask("POST", "/auth/v1/sign_in", &[("Content-Type", "application/x-www-form-urlencoded")], b"login=1001").await;
    assert_eq!((form.status, form.json()["code"].clone()), (415, json!(1001)));
    let broken = place
        .ask("POST", "/auth/v1/sign_in", &[("Content-Type", "application/json")], b"{\"login\":\"1001\",\"password\":[\"hunter2\"]}")
        .await;
    assert_eq!((broken.status, broken.json()["code"].clone()), (400, json!(1001)));
    assert!(!broken.body.contains("hunter2"));
    let large = place.ask("POST", "/auth/v1/sign_in", &[("Content-Type", "application/json")], &[b' '; 20_000]).await;
    assert_eq!((large.status, large.json()["code"].clone()), (413, json!(1003)));
    let device = place
        .post_json(
            "/auth/v1/sign_in",
            &[],
            json!({ "login": "1002", "password": "secret", "device_id": "x", "device_kind": "tool", "device_name": "" }),
        )
        .await;
    assert_eq!((device.status, device.json()["code"].clone()), (400, json!(1004)));
}

#[tokio::test]
async fn a_file_is_fetched_by_members_and_does_not_exist_for_others() {
    let place = place(None).await;
    let (uploader, member, stranger) = (place.token("1001").await, place.token("1002").await, place.token("1003").await);
    let uploaded = place.upload(&uploader, "%E6%8A%A5%E5%91%8A.txt", "你好".as_bytes()).await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.body);
    let file = uploaded.json();
    assert_eq!(
        (file["name"].as_str(), file["size_bytes"].as_u64(), file["media_type"].as_str()),
        (Some("报告.txt"), Some(6), Some("text/plain"))
    );
    let path = format!("/files/{}", file["key"].as_str().unwrap());
    let fetch = async |token: &str| place.ask("GET", &path, &[("Authorization", token)], b"").await;
    assert_eq!(fetch(&uploader).await.body, "你好");
    assert_eq!(fetch(&member).await.status, 404, "it is posted nowhere yet");
    let key = file["key"].as_str().unwrap();
    place.store.write(vec![place.attachments.posted(key, 1)]).await.unwrap();
    assert_eq!(fetch(&member).await.body, "你好");
    let refused = fetch(&stranger).await;
    let unknown = place.ask("GET", "/files/file_v3_00000000000000000000000000000000", &[("Authorization", &stranger)], b"").await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (404, json!(2010)));
    assert_eq!(refused.body, unknown.body, "nobody learns that it exists");
    assert_eq!(place.ask("GET", &path, &[], b"").await.status, 401);
    place.store.write(vec![place.attachments.posted(key, EVERYBODY)]).await.unwrap();
    assert_eq!(fetch(&stranger).await.body, "你好");
    for elsewhere in ["/files/..%2F..%2Fclarion.db", "/files/../clarion.db", "/files/%2e%2e/clarion.db", "/web/x/..%2f..%2fCargo.toml"] {
        assert_eq!(place.ask("GET", elsewhere, &[("Authorization", &uploader)], b"").await.status, 404, "{elsewhere}");
    }
    assert!(place.folder.path().join("clarion.db").exists() && place.directory.index("1001") == Some(0));
}

#[tokio::test]
async fn a_file_is_sent_in_parts_and_not_again_when_it_is_known() {
    let place = place(None).await;
    let token = place.token("1001").await;
    let bytes: String = (0..50_000).map(|index| char::from(b'a' + (index % 23) as u8)).collect();
    let key = place.upload(&token, "a.txt", bytes.as_bytes()).await.json()["key"].as_str().unwrap().to_owned();
    let path = format!("/files/{key}");
    let ask = async |method: &str, headers: &[(&str, &str)]| {
        place.ask(method, &path, &[&[("Authorization", token.as_str())], headers].concat(), b"").await
    };
    let whole = ask("GET", &[]).await;
    assert!(whole.body == bytes && whole.header("content-length") == Some("50000") && whole.header("accept-ranges") == Some("bytes"));
    let etag = whole.header("etag").unwrap().to_owned();
    let part = ask("GET", &[("Range", "bytes=100-109")]).await;
    assert_eq!((part.status, part.body.as_str(), part.header("content-range")), (206, &bytes[100..110], Some("bytes 100-109/50000")));
    let last = ask("GET", &[("Range", "bytes=-5"), ("If-Range", &etag)]).await;
    assert_eq!((last.status, last.body.as_str()), (206, &bytes[49_995..]));
    assert_eq!(ask("GET", &[("Range", "bytes=-5"), ("If-Range", "\"other\"")]).await.status, 200);
    let outside = ask("GET", &[("Range", "bytes=50000-")]).await;
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */50000")));
    let known = ask("GET", &[("If-None-Match", &etag)]).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    let head = ask("HEAD", &[]).await;
    assert_eq!((head.status, head.body.as_str(), head.header("content-length")), (200, "", Some("50000")));
}

#[tokio::test]
async fn nothing_that_was_uploaded_runs_as_a_page_of_ours() {
    let place = place(None).await;
    let token = place.token("1001").await;
    let dangers: [(&str, &[u8]); 5] = [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("a.png", b"<html><script>alert(1)</script>"),
        ("a.xml", b"<?xml version='1.0'?><x/>"),
        ("a.pdf", b"%PDF-1.7\n"),
        ("a%22%0d%0aX-Evil:%201.jpg", b"\x89PNG\r\n\x1a\nnot really"),
    ];
    for (name, bytes) in dangers {
        let uploaded = place.upload(&token, name, bytes).await.json();
        let answer = place.ask("GET", &format!("/files/{}", uploaded["key"].as_str().unwrap()), &[("Authorization", &token)], b"").await;
        assert!(answer.header("content-disposition").unwrap().starts_with("attachment; filename=\""), "{name}: {}", answer.head);
        assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(!answer.head.contains("\r\nX-Evil"), "{}", answer.head);
    }
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend_from_slice(&[0, 0, 0, 9, 0, 0, 0, 7, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    let picture = place.upload(&token, "%E5%9B%BE%22.png", &png).await.json();
    assert_eq!(
        (picture["width"].as_u64(), picture["height"].as_u64(), picture["media_type"].as_str()),
        (Some(9), Some(7), Some("image/png"))
    );
    let answer = place.ask("GET", &format!("/files/{}", picture["key"].as_str().unwrap()), &[("Authorization", &token)], b"").await;
    assert_eq!(answer.header("content-disposition"), Some("inline; filename=\"__.png\"; filename*=UTF-8''%E5%9B%BE%22.png"));
    assert!(answer.header("cache-control").unwrap().starts_with("private"));
}

#[tokio::test]
async fn a_body_that_is_too_large_or_stalls_leaves_nothing() {
    let place = place(None).await;
    let token = place.token("1001").await;
    let large = place.upload(&token, "x", &vec![0; 100_001]).await;
    assert_eq!((large.status, large.json()["code"].clone()), (413, json!(1003)));
    let mut stream = TcpStream::connect(place.running.address).await.unwrap();
    let head = format!("POST /files?name=x HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    for _ in 0..4 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let answer = fixture::read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "its length was not announced: {answer}");
    let mut stream = TcpStream::connect(place.running.address).await.unwrap();
    let head = format!("POST /files?name=x HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\nabc");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = fixture::read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too slowly"), "{answer}");
    let left: Vec<_> = std::fs::read_dir(place.folder.path().join("files")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["tmp"]);
    assert_eq!(std::fs::read_dir(place.folder.path().join("files/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn without_room_on_the_disk_uploads_are_refused_and_the_node_says_so() {
    let place = place_with(None, u64::MAX / 2).await;
    let token = place.token("1001").await;
    let full = place.upload(&token, "x", b"x").await;
    assert_eq!((full.status, full.json()["code"].clone()), (507, json!(3003)), "{}", full.body);
    assert!(full.header("retry-after").is_some());
    let ready = place.ask("GET", "/readyz", &[], b"").await;
    assert!(ready.status == 503 && ready.body.contains("files: the disk has no room"), "{}", ready.body);
    assert_eq!(place.ask("GET", "/livez", &[], b"").await.status, 200, "it is alive all the same");
}

#[tokio::test]
async fn machines_are_told_how_it_is() {
    let place = place(None).await;
    assert_eq!(place.ask("GET", "/livez", &[], b"").await.body, "alive\n");
    assert_eq!(place.ask("GET", "/readyz", &[], b"").await.body, "ready\n");
    let figures = place.ask("GET", "/metrics", &[], b"").await;
    assert!(
        figures.body.contains("\n# TYPE gateway_connections gauge\n") && figures.body.contains("http_requests_total{status=\"200\"}"),
        "{}",
        figures.body
    );
}

#[tokio::test]
async fn reports_of_browsers_are_taken_and_bounded() {
    let place = place(None).await;
    let report = json!({ "csp-report": { "effective-directive": "script-src", "blocked-uri": "https://evil.example/path?secret" } });
    assert_eq!(
        place.ask("POST", "/web/csp", &[("Content-Type", "application/csp-report")], report.to_string().as_bytes()).await.status,
        204
    );
    assert_eq!(place.ask("POST", "/web/csp", &[], b"nonsense").await.status, 400);
    assert_eq!(place.ask("POST", "/web/csp", &[], &[b' '; 40_000]).await.status, 413);
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_what_it_names_is_there() {
    let place = place(None).await;
    let page = place.ask("GET", "/", &[], b"").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains(&format!(" ws://{}", place.running.address)) && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!((page.header("x-frame-options"), page.header("cache-control")), (Some("DENY"), Some("no-cache")));
    assert!(!page.body.contains("{{"), "{}", page.body);
    let named: Vec<&str> = page.body.split(['"', '\'']).filter(|text| text.starts_with("/web/") && text.contains('.')).collect();
    assert!(named.iter().any(|path| path.ends_with("/app.js")), "{}", page.body);
    for path in &named {
        let file = place.ask("GET", path, &[("Accept-Encoding", "gzip")], b"").await;
        assert_eq!((file.status, file.header("cache-control")), (200, Some("public, max-age=31536000, immutable")), "{path}");
    }
    let etag = page.header("etag").unwrap();
    assert_eq!(place.ask("GET", "/", &[("If-None-Match", etag)], b"").await.status, 304);
    let stale = place.ask("GET", "/web/0000000000000000/app.js", &[], b"").await;
    assert_eq!((stale.status, stale.header("cache-control")), (404, Some("no-store")));
}
