//! The connection to NATS and the streams of the log: made, read by place and by chat.

use super::envelope::Envelope;
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::patience::Patience;
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{self, DirectGetErrorKind, LastRawMessageErrorKind, Republish, StorageType};
use async_nats::{Client, ConnectOptions, Message, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// How long an answer of the server is waited for. Appends are tried again, so that a dead leader is noticed soon.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Messages that are read at once.
const READ_AT_ONCE: usize = 256;
/// Bytes that are read at once, about.
const READ_BYTES_AT_ONCE: usize = 4 << 20;
/// How often the server is asked whether it is there. One that hangs is left for another after two questions without an answer.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Messages of one subscription that may wait; more are dropped, noticed by their numbers, and read from the stream.
const LIVE_WAITING_MAX: usize = 65_536;

/// How the log of a cluster is reached and kept.
#[derive(Debug, Clone)]
pub struct JetStreamSettings {
    /// Addresses of NATS servers, `host:port` or `nats://…`; one that answers is enough.
    pub servers: Vec<String>,
    /// Name and password, when the servers ask for them.
    pub user: Option<(String, Secret)>,
    /// A token, when the servers ask for one.
    pub token: Option<Secret>,
    /// Certificates in PEM of those who may have signed the servers' ones. With it, only TLS is spoken.
    pub ca: Option<PathBuf>,
    /// Subjects and streams begin with this; two organisations on the same servers have different ones.
    pub prefix: String,
    /// Groups of chats, each with a stream of its own. All nodes have the same number, for ever.
    pub groups: usize,
    /// Copies of each stream.
    pub replicas: usize,
    /// How long the log keeps what the store has.
    pub keep: Duration,
    /// A record is acknowledged when the store has it too, not only the log.
    pub ack_stored: bool,
    /// Rows of the store that are compared with the log in a second, by all nodes together. 0: none, but for what a store may
    /// have forgotten that was away.
    pub audit_rows_per_second: u64,
    /// Pause between two passes of the audit over a group.
    pub audit_every: Duration,
    /// Where urgents are followed, and their connection is served: not behind everything else.
    pub urgents: tokio::runtime::Handle,
}

/// A message of a chat, read.
pub struct Found {
    /// Its number in the stream.
    pub sequence: u64,
    /// What it holds.
    pub envelope: Envelope,
    /// Number of the message before it in its chat, as its append expected it.
    pub before: Option<u64>,
}

impl Found {
    fn read(group: usize, message: &StreamMessage) -> Result<Self> {
        let before = message.headers.get(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE).and_then(|before| before.as_str().parse().ok());
        let envelope = decode(group, message.sequence, &message.payload)?;
        Ok(Self { sequence: message.sequence, envelope, before: before.filter(|before| *before > 0) })
    }
}

/// A message of a stream.
pub struct Kept {
    /// Its number in the stream.
    pub sequence: u64,
    /// What it holds.
    pub payload: Bytes,
}

/// A connection, and the same with the time limits of the log.
type Connected = (Client, Context);

/// The streams. Those of chats share a connection, and urgents have one of their own: they wait for nothing in it.
pub struct Streams {
    chats: Connected,
    urgents: Connected,
    streams: Vec<stream::Stream<()>>,
    /// By group: what its subjects and its stream are called by.
    names: Vec<String>,
    prefix: String,
}

impl Streams {
    /// Connects and makes the streams that are missing. Servers that do not answer are waited for, and each try that failed
    /// is told, with its reason.
    ///
    /// # Errors
    /// One sentence: the settings cannot be right.
    pub async fn open(settings: &JetStreamSettings, waits: impl Fn(&str)) -> std::result::Result<Self, String> {
        let mut waiting = Patience::with("the log of the cluster");
        loop {
            match Self::connect(settings).await {
                Ok(streams) => return Ok(streams),
                Err(why) => waiting.once_more(&format!("{} does not answer: {why}", settings.servers.join(", ")), &waits).await,
            }
        }
    }

    async fn connect_to(settings: &JetStreamSettings) -> std::result::Result<Connected, String> {
        let mut options = ConnectOptions::new()
            .name("clarion")
            .connection_timeout(Duration::from_secs(2))
            .ping_interval(PING_EVERY)
            .request_timeout(Some(ANSWER_WITHIN))
            .subscription_capacity(LIVE_WAITING_MAX)
            .client_capacity(4_096)
            .reconnect_delay_callback(|tries| Duration::from_millis(if tries < 2 { 10 } else { 200 }))
            .event_callback(|event| async move { tracing::info!(%event, "the connection to the log") });
        if let Some((user, password)) = &settings.user {
            options = options.user_and_password(user.clone(), password.reveal().to_owned());
        }
        if let Some(token) = &settings.token {
            options = options.token(token.reveal().to_owned());
        }
        // The client takes the one of the process, which is not certain where the store's driver has brought another along. An
        // error says that it was chosen before.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        if let Some(ca) = &settings.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        let client = options.connect(settings.servers.as_slice()).await.map_err(|error| error.to_string())?;
        // Each try has its own time limit; the permits of those in flight must outlive a leader's death.
        let context = ContextBuilder::new()
            .timeout(ANSWER_WITHIN)
            .ack_timeout(Duration::from_secs(5))
            .max_ack_inflight(8_192)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok((client, context))
    }

    async fn connect(settings: &JetStreamSettings) -> std::result::Result<Self, String> {
        let chats = Self::connect_to(settings).await?;
        // A connection is served where it was made.
        let urgents = settings.clone();
        let urgents =
            settings.urgents.spawn(async move { Self::connect_to(&urgents).await }).await.map_err(|error| error.to_string())??;
        let context = &chats.1;
        let mut streams = Vec::with_capacity(settings.groups + 1);
        for group in 0..=settings.groups {
            let name = stream_name(settings, group);
            let context = if group == settings.groups { &urgents.1 } else { context };
            let stream = match context.get_stream_no_info(&name).await {
                Ok(stream) => stream,
                Err(error) => return Err(error.to_string()),
            };
            match stream.get_info().await {
                Ok(info) if info.config.num_replicas == settings.replicas => {}
                // An operator has changed the number of copies: the server moves them while everything goes on.
                Ok(info) => {
                    let config = stream::Config { num_replicas: settings.replicas, ..info.config };
                    drop(context.update_stream(config).await.map_err(|error| format!("stream {name}: {error}"))?);
                }
                Err(_) => drop(context.create_stream(config(settings, group)).await.map_err(|error| format!("stream {name}: {error}"))?),
            }
            streams.push(stream);
        }
        let names = (0..=settings.groups).map(|group| group_name(settings, group)).collect();
        Ok(Self { chats, urgents, streams, names, prefix: settings.prefix.clone() })
    }

    /// The connection of a group.
    pub fn client(&self, group: usize) -> &Client {
        &self.connected(group).0
    }

    /// The same with the time limits of the log.
    pub fn context(&self, group: usize) -> &Context {
        &self.connected(group).1
    }

    fn connected(&self, group: usize) -> &Connected {
        if group + 1 == self.streams.len() { &self.urgents } else { &self.chats }
    }

    /// Number of groups, with that of urgents, which is the last.
    pub fn groups(&self) -> usize {
        self.streams.len()
    }

    /// The stream of a group.
    pub fn stream(&self, group: usize) -> &stream::Stream<()> {
        &self.streams[group]
    }

    /// Subject of a chat's records.
    pub fn subject(&self, group: usize, chat: u64) -> String {
        format!("{}.log.{}.{chat:x}", self.prefix, self.names[group])
    }

    /// Numbers of the first and last message of a group's stream.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn ends(&self, group: usize) -> Result<(u64, u64)> {
        let info = self.streams[group].get_info().await.map_err(|error| away(&error))?;
        Ok((info.state.first_sequence, info.state.last_sequence))
    }

    /// The last message of a chat, asked of the stream's leader: what was acknowledged before is in it.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn last(&self, group: usize, chat: u64) -> Result<Option<Found>> {
        match self.streams[group].get_last_raw_message_by_subject(&self.subject(group, chat)).await {
            Ok(message) => Found::read(group, &message).map(Some),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(&error)),
        }
    }

    /// A message by its number, from any server that has it; none: it was let go.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn message(&self, group: usize, sequence: u64) -> Result<Option<Found>> {
        match self.streams[group].direct_get(sequence).await {
            Ok(message) => Found::read(group, &message).map(Some),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(away(&error)),
        }
    }

    /// What comes live of a group.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn live(&self, group: usize) -> Result<async_nats::Subscriber> {
        self.client(group).subscribe(format!("{}.live.{}.*", self.prefix, self.names[group])).await.map_err(|error| away(&error))
    }

    /// Messages of a group from one number to another, both included, in their order. Numbers that are missing were let go.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn range(&self, group: usize, from: u64, to: u64) -> Result<Vec<Kept>> {
        let (mut found, mut at) = (Vec::new(), from);
        while at <= to {
            let read = self.read_some(group, at, (to - at + 1) as usize).await?;
            let Some(reached) = read.last().map(|kept| kept.sequence) else { break };
            found.extend(read.into_iter().filter(|kept| kept.sequence <= to));
            at = reached + 1;
        }
        Ok(found)
    }

    /// Messages of a group from a number on, in their order, some hundred at most. Numbers that are missing were let go.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn read(&self, group: usize, from: u64) -> Result<Vec<Kept>> {
        self.read_some(group, from, READ_AT_ONCE).await
    }

    /// The same, so many at most.
    async fn read_some(&self, group: usize, from: u64, count: usize) -> Result<Vec<Kept>> {
        // The crate has no call for it: one request, many answers, the last one without a payload.
        let client = self.client(group);
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| away(&error))?;
        let subject = format!("$JS.API.DIRECT.GET.{}-log-{}", self.prefix, self.names[group]);
        let asked = serde_json::json!({
            "seq": from, "next_by_subj": format!("{}.log.{}.*", self.prefix, self.names[group]),
            "batch": count, "max_bytes": READ_BYTES_AT_ONCE,
        });
        client.publish_with_reply(subject, inbox, asked.to_string().into()).await.map_err(|error| away(&error))?;
        let mut read = Vec::new();
        loop {
            match tokio::time::timeout(ANSWER_WITHIN, answers.next()).await {
                Ok(Some(message)) => match message.status.map(|status| status.as_u16()) {
                    // The end, or nothing at all.
                    Some(204 | 404) => break,
                    Some(503) => return Err(Error::storage("no server has the stream of the log now")),
                    Some(status) if status >= 400 => return Err(Error::storage(format!("the log refuses to be read: status {status}"))),
                    _ => {
                        let sequence =
                            number(&message, header::NATS_SEQUENCE).ok_or_else(|| Error::storage("a message of the log has no number"))?;
                        read.push(Kept { sequence, payload: message.payload });
                    }
                },
                // What has come is in order; the rest is asked for again.
                Ok(None) | Err(_) if !read.is_empty() => break,
                Ok(None) | Err(_) => return Err(Error::storage("the log did not answer in time")),
            }
        }
        Ok(read)
    }
}

/// What subjects and stream of a group are called by.
fn group_name(settings: &JetStreamSettings, group: usize) -> String {
    if group == settings.groups { "urgents".to_owned() } else { group.to_string() }
}

fn stream_name(settings: &JetStreamSettings, group: usize) -> String {
    format!("{}-log-{}", settings.prefix, group_name(settings, group))
}

fn config(settings: &JetStreamSettings, group: usize) -> stream::Config {
    let (prefix, group_name) = (&settings.prefix, group_name(settings, group));
    let urgents = group == settings.groups;
    stream::Config {
        name: stream_name(settings, group),
        description: Some(if urgents {
            "Records of urgents".to_owned()
        } else {
            format!("Records of chats, group {group} of {}", settings.groups)
        }),
        subjects: vec![format!("{prefix}.log.{group_name}.*")],
        storage: StorageType::File,
        num_replicas: settings.replicas,
        // Nothing goes by itself: only what the store has is let go, by the keeper.
        discard: stream::DiscardPolicy::New,
        allow_direct: true,
        duplicate_window: Duration::from_secs(120),
        republish: Some(Republish {
            source: format!("{prefix}.log.{group_name}.*"),
            destination: format!("{prefix}.live.{group_name}.{{{{wildcard(1)}}}}"),
            headers_only: false,
        }),
        ..stream::Config::default()
    }
}

/// A number in a message's header.
pub fn number(message: &Message, name: async_nats::HeaderName) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}

/// Reads what a message holds.
pub fn decode(group: usize, sequence: u64, payload: &[u8]) -> Result<Envelope> {
    Envelope::decode(payload).map_err(|why| {
        tracing::error!(group, sequence, %why, "a message of the log is damaged");
        Error::storage("a message of the log is damaged; the server's log says which")
    })
}

/// The log does not answer.
pub fn away(error: &dyn std::error::Error) -> Error {
    Error::storage(format!("the log: {error}"))
}
