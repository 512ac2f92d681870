//! A client of the protocol, for tests: commands wait for their reply, events are kept in their order.

use super::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use protocol::codec::{Encoding, Outgoing};
use protocol::command::{Alive, CommandBody, Hello, OpenDirect, Send, Sent, Welcome};
use protocol::content::{Content, Text};
use protocol::error::ErrorBody;
use protocol::event::Event;
use protocol::ids::ChatId;
use protocol::record::{Change, Message as WireMessage, Record};
use std::collections::{HashMap, VecDeque};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// What a connection runs over: TCP, or TLS over it.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + std::marker::Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + std::marker::Send> Wire for T {}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Close code; none when the connection just broke.
    pub code: Option<u16>,
    /// Its reason.
    pub reason: String,
}

/// A client on one connection.
pub struct Client {
    socket: WebSocketStream<Box<dyn Wire>>,
    encoding: Encoding,
    next_id: u32,
    replies: HashMap<u32, Result<Vec<u8>, ErrorBody>>,
    events: VecDeque<Event>,
    ended: Option<Ended>,
    /// Cursor of the last heartbeat or of the welcome.
    pub cursor: String,
    /// What the server had said to hello.
    pub welcome: Welcome,
}

impl Client {
    /// An open socket that has not said hello.
    pub async fn connected(address: &str, encoding: Encoding) -> Self {
        Self::try_connected(address, encoding).await.unwrap_or_else(|error| panic!("the server takes the upgrade: {error}"))
    }

    /// The same, of a server that may be killed meanwhile.
    pub async fn try_connected(address: &str, encoding: Encoding) -> Result<Self, String> {
        let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        Self::over(tcp, address, encoding).await
    }

    /// The same over a connection that stands.
    pub async fn over(wire: impl Wire + 'static, address: &str, encoding: Encoding) -> Result<Self, String> {
        let subprotocol = match encoding {
            Encoding::Msgpack => protocol::SUBPROTOCOL_MSGPACK,
            Encoding::Json => protocol::SUBPROTOCOL_JSON,
        };
        let mut request = format!("ws://{address}/ws").into_client_request().expect("the address is one");
        request.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().expect("a header value"));
        let wire: Box<dyn Wire> = Box::new(wire);
        let (socket, _) = tokio_tungstenite::client_async(request, wire).await.map_err(|error| error.to_string())?;
        Ok(Self {
            socket,
            encoding,
            next_id: 1,
            replies: HashMap::new(),
            events: VecDeque::new(),
            ended: None,
            cursor: String::new(),
            welcome: Welcome::default(),
        })
    }

    /// Says hello with a token.
    pub async fn hello(&mut self, token: Option<&str>, device_id: &str, cursor: Option<&str>) -> Result<(), Ended> {
        let hello = Hello {
            token: token.map(str::to_owned),
            device_id: device_id.to_owned(),
            version: protocol::VERSION,
            cursor: cursor.map(str::to_owned),
            client: None,
        };
        let id = self.post(&hello).await;
        match self.reply_or_end::<Hello>(id).await {
            Ok(welcome) => {
                let welcome = welcome.expect("hello is never refused with an error");
                self.cursor = welcome.cursor.clone();
                self.welcome = welcome;
                Ok(())
            }
            Err(ended) => Err(ended),
        }
    }

    /// A welcomed client.
    pub async fn welcomed(address: &str, token: &str, device_id: &str, encoding: Encoding) -> Self {
        let mut client = Self::connected(address, encoding).await;
        client.hello(Some(token), device_id, None).await.expect("the server welcomes");
        client
    }

    /// Sends raw bytes as one frame.
    pub async fn raw(&mut self, message: Message) {
        if self.socket.send(message).await.is_err() {
            self.ended.get_or_insert(Ended { code: None, reason: String::new() });
        }
    }

    fn framed(&self, bytes: Vec<u8>) -> Message {
        match self.encoding {
            Encoding::Msgpack => Message::Binary(bytes.into()),
            Encoding::Json => Message::Text(String::from_utf8(bytes).expect("JSON is UTF-8").into()),
        }
    }

    /// Sends a command without waiting; gives its id.
    pub async fn post<C: CommandBody>(&mut self, body: &C) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let frame = self.framed(self.encoding.command(id, body));
        self.raw(frame).await;
        id
    }

    /// Sends a command and waits for its reply.
    pub async fn ask<C: CommandBody>(&mut self, body: C) -> Result<C::Reply, ErrorBody> {
        let id = self.post(&body).await;
        self.reply::<C>(id).await
    }

    /// Sends a command that must succeed.
    pub async fn must<C: CommandBody>(&mut self, body: C) -> C::Reply {
        self.ask(body).await.unwrap_or_else(|error| panic!("`{}` was refused: {error:?}", C::NAME))
    }

    /// Sends a command that must be refused; gives the number of the error.
    pub async fn refused<C: CommandBody>(&mut self, body: C) -> u16
    where
        C::Reply: std::fmt::Debug,
    {
        self.ask(body).await.expect_err("the command should be refused").code
    }

    /// Waits for the reply to a command.
    pub async fn reply<C: CommandBody>(&mut self, id: u32) -> Result<C::Reply, ErrorBody> {
        self.reply_or_end::<C>(id).await.unwrap_or_else(|ended| panic!("the connection ended before the reply to `{}`: {ended:?}", C::NAME))
    }

    /// Waits for the reply to a command, or the end of the connection.
    pub async fn reply_or_end<C: CommandBody>(&mut self, id: u32) -> Result<Result<C::Reply, ErrorBody>, Ended> {
        let reply = self.encoded_reply(id, C::NAME).await?;
        Ok(reply
            .map(|body| self.encoding.decode(&body).unwrap_or_else(|error| panic!("the reply to `{}` cannot be read: {error}", C::NAME))))
    }

    async fn encoded_reply(&mut self, id: u32, command: &str) -> Result<Result<Vec<u8>, ErrorBody>, Ended> {
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return Ok(reply);
            }
            if let Some(ended) = &self.ended {
                return Err(ended.clone());
            }
            self.read_one(&format!("the reply to `{command}`")).await;
        }
    }

    /// Sends a command by its name, with its body in JSON, on a connection that speaks JSON.
    pub async fn ask_in_json(&mut self, command: &str, body: &str) -> Result<serde_json::Value, ErrorBody> {
        let id = self.next_id;
        self.next_id += 1;
        self.raw(Message::Text(format!(r#"{{"id":{id},"command":"{command}","body":{body}}}"#).into())).await;
        let reply = self.encoded_reply(id, command).await.unwrap_or_else(|ended| panic!("`{command}` ended the connection: {ended:?}"));
        reply.map(|body| serde_json::from_slice(&body).expect("a reply is JSON"))
    }

    async fn read_one(&mut self, waited_for: &str) {
        let message = tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {waited_for}"));
        self.take(message).await;
    }

    async fn take(&mut self, message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) {
        let body = match message {
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((None, String::new()), |frame| (Some(frame.code.into()), frame.reason.to_string()));
                self.ended.get_or_insert(Ended { code, reason });
                return;
            }
            Some(Ok(_)) => return,
            Some(Err(_)) | None => {
                self.ended.get_or_insert(Ended { code: None, reason: String::new() });
                return;
            }
        };
        match self.encoding.read_outgoing(&body).expect("the server's frames can be read") {
            Outgoing::Reply(id, body) => drop(self.replies.insert(id, Ok(body))),
            Outgoing::Refusal(id, error) => drop(self.replies.insert(id, Err(error))),
            Outgoing::Event(Event::Heartbeat(heartbeat)) => {
                if let Some(cursor) = heartbeat.cursor {
                    self.cursor = cursor;
                }
                let frame = self.framed(self.encoding.command(0, &Alive {}));
                self.raw(frame).await;
            }
            Outgoing::Event(event) => self.events.push_back(event),
        }
    }

    /// Waits for the next event that fits; those before it are let go.
    pub async fn event<T>(&mut self, what: &str, mut fits: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(found) = fits(&event) {
                    return found;
                }
            }
            assert!(self.ended.is_none(), "the connection ended while waiting for {what}: {:?}", self.ended);
            self.read_one(what).await;
        }
    }

    /// Waits for the next record.
    pub async fn record(&mut self) -> Record {
        self.event("a record", |event| match event {
            Event::Record(record) => Some(record.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the next message.
    pub async fn message(&mut self) -> (Record, WireMessage) {
        self.event("a message", |event| match event {
            Event::Record(record) => match &record.change {
                Change::Message(message) => Some((record.clone(), message.clone())),
                _ => None,
            },
            _ => None,
        })
        .await
    }

    /// Events that are there, or come within this time.
    pub async fn events_within(&mut self, time: std::time::Duration) -> Vec<Event> {
        let end = tokio::time::Instant::now() + time;
        while self.ended.is_none() {
            match tokio::time::timeout_at(end, self.socket.next()).await {
                Ok(message) => self.take(message).await,
                Err(_) => break,
            }
        }
        self.events.drain(..).collect()
    }

    /// Waits for the end of the connection.
    pub async fn end(&mut self) -> Ended {
        while self.ended.is_none() {
            self.read_one("the end of the connection").await;
        }
        self.ended.clone().expect("it has ended")
    }

    /// The direct chat with somebody.
    pub async fn direct(&mut self, user_id: &str) -> ChatId {
        self.must(OpenDirect { user_id: user_id.to_owned() }).await.chat_id
    }

    /// Sends a text.
    pub async fn say(&mut self, chat_id: ChatId, text: &str) -> Sent {
        self.must(text_message(chat_id, &format!("say-{}-{}", self.welcome.session_id, self.next_id), text)).await
    }
}

/// A text for `send`.
pub fn text_message(chat_id: ChatId, client_message_id: &str, text: &str) -> Send {
    Send {
        chat_id,
        client_message_id: client_message_id.to_owned(),
        content: Content::Text(Text { text: text.to_owned() }),
        ..Send::default()
    }
}

/// What a message says, when it is a text.
pub fn text_of(message: &WireMessage) -> &str {
    match &message.content {
        Content::Text(text) => &text.text,
        _ => panic!("not a text: {message:?}"),
    }
}
