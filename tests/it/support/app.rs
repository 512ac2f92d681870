//! A business system: an app that calls the open API.

use super::{Server, http};
use protocol::ids::ChatId;
use reqwest::{Method, Response, header};
use serde_json::{Value, json};

/// The first demo app: id and secret.
pub const APP: (&str, &str) = ("cli_c1a7104000000001", "clarion-demo-secret-1");
/// The second demo app.
pub const OTHER_APP: (&str, &str) = ("cli_c1a7104000000002", "clarion-demo-secret-2");

/// One app with its token.
pub struct App {
    /// Its connections.
    pub http: reqwest::Client,
    /// `http://…/open-apis`.
    pub base: String,
    /// Its tenant_access_token.
    pub token: String,
}

impl App {
    /// With a new token.
    pub async fn of(server: &Server, (app_id, app_secret): (&str, &str)) -> Self {
        let (http, base) = (http(), server.url("/open-apis"));
        let body = json!({ "app_id": app_id, "app_secret": app_secret }).to_string();
        let reply = http.post(format!("{base}/auth/v3/tenant_access_token/internal")).body(body).send().await.expect("the server answers");
        let reply: Value = reply.json().await.expect("the reply is JSON");
        let token = reply["tenant_access_token"].as_str().unwrap_or_else(|| panic!("no token: {reply}")).to_owned();
        Self { http, base, token }
    }

    /// The same app, once the server has started anew.
    pub fn at(&self, server: &Server) -> Self {
        Self { http: http(), base: server.url("/open-apis"), token: self.token.clone() }
    }

    /// Makes a call.
    pub async fn call(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request =
            self.http.request(method, format!("{}/{path}", self.base)).header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        request.body(body).send().await.expect("the server answers")
    }

    /// Status and body of a call with a JSON body.
    pub async fn json(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let reply = self.call(method, path, body.to_string()).await;
        let status = reply.status().as_u16();
        (status, reply.json().await.expect("every answer is JSON"))
    }

    /// The data of a call that must succeed.
    pub async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, reply) = self.json(method, path, body).await;
        assert_eq!((status, &reply["code"]), (200, &json!(0)), "{path}: {reply}");
        reply["data"].clone()
    }

    /// The code of a call that must be refused.
    pub async fn refused(&self, method: Method, path: &str, body: Value) -> u64 {
        let (status, reply) = self.json(method, path, body).await;
        assert!((400..500).contains(&status), "{path}: {status} {reply}");
        assert!(reply["error"]["log_id"].is_string() && !reply["msg"].as_str().unwrap_or_default().is_empty(), "{reply}");
        reply["code"].as_u64().expect("a code is a number")
    }

    /// Makes a group of these people.
    pub async fn group(&self, user_ids: &[&str]) -> String {
        let body = json!({ "name": "Lager", "user_id_list": user_ids });
        self.must(Method::POST, "im/v1/chats?user_id_type=user_id", body).await["chat_id"].as_str().expect("a chat_id").to_owned()
    }

    /// Sends a message.
    pub async fn send(&self, chat_id: &str, msg_type: &str, content: Value) -> Value {
        let body = json!({ "receive_id": chat_id, "msg_type": msg_type, "content": content.to_string() });
        self.must(Method::POST, "im/v1/messages?receive_id_type=chat_id", body).await
    }

    /// Status and body of an upload of these parts.
    pub async fn upload(&self, path: &str, parts: &[(&str, &[u8])]) -> (u16, Value) {
        let mut body = Vec::new();
        for (name, value) in parts {
            body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes());
            body.extend(*value);
            body.extend(b"\r\n");
        }
        body.extend(b"--edge--\r\n");
        let request = self.http.post(format!("{}/{path}", self.base)).header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let reply =
            request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge").body(body).send().await.expect("the server answers");
        (reply.status().as_u16(), reply.json().await.expect("JSON"))
    }

    /// Uploads a file and gives its key.
    pub async fn uploaded(&self, file_type: &str, name: &str, duration: &str, bytes: &[u8]) -> String {
        let parts: [(&str, &[u8]); 4] =
            [("file_type", file_type.as_bytes()), ("file_name", name.as_bytes()), ("duration", duration.as_bytes()), ("file", bytes)];
        let (status, reply) = self.upload("im/v1/files", &parts).await;
        assert_eq!(status, 200, "{reply}");
        reply["data"]["file_key"].as_str().expect("a key").to_owned()
    }

    /// How the app sees somebody.
    pub async fn open_id(&self, user_id: &str) -> String {
        let user = self.must(Method::GET, &format!("contact/v3/users/{user_id}?user_id_type=user_id"), json!({})).await;
        user["user"]["open_id"].as_str().expect("an open_id").to_owned()
    }

    /// Every message of a chat by pages of this size.
    pub async fn history(&self, chat_id: &str, order: &str, size: usize) -> Vec<Value> {
        let (mut messages, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("im/v1/messages?container_id_type=chat&container_id={chat_id}&sort_type={order}&page_size={size}{token}");
            let page = self.must(Method::GET, &path, json!({})).await;
            messages.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["page_token"].as_str() {
                Some(next) => token = format!("&page_token={next}"),
                None => return messages,
            }
        }
    }
}

/// What a message says, as JSON.
pub fn content(message: &Value) -> Value {
    serde_json::from_str(message["body"]["content"].as_str().expect("content is a text")).expect("the text is JSON")
}

/// A chat_id as the client protocol has it.
pub fn id(chat_id: &str) -> ChatId {
    chat_id.parse().expect("a chat_id is one in both protocols")
}

/// The id of a message in a reply.
pub fn message_id(message: &Value) -> String {
    message["message_id"].as_str().unwrap_or_else(|| panic!("no message_id: {message}")).to_owned()
}
