//! Messages: send, answer, read one, edit, recall.

use super::OpenApi;
use super::chat::client_message_id;
use super::content::{self, Said};
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use crate::auth::AppEntry;
use crate::chat::SentRecord;
use crate::ids::ChatKey;
use protocol::command::{Edit, Recall, Send};
use protocol::content::Content;
use protocol::ids::MessageId;
use protocol::record::{Change, Message, Record};
use serde_json::{Value, json};

/// `POST im/v1/messages`
pub async fn create(mut call: Call) -> Answer {
    let target_type = match call.input.asked_required("receive_id_type").as_str() {
        "" => "chat_id",
        _ => call.input.asked_word("receive_id_type", &["open_id", "user_id", "union_id", "email", "chat_id"], "chat_id"),
    };
    let receive_id = call.input.required("receive_id");
    let (msg_type, content) = (call.input.required("msg_type"), call.input.required("content"));
    let uuid = call.input.uuid();
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let key = api.receiver(app, target_type, &receive_id)?;
    let said = api.said(app, &msg_type, &content)?;
    api.send(app, key, said, None, false, uuid.as_deref()).await
}

/// `POST im/v1/messages/:message_id/reply`
pub async fn reply(mut call: Call) -> Answer {
    let (msg_type, content) = (call.input.required("msg_type"), call.input.required("content"));
    let in_thread = call.input.flag("reply_in_thread");
    let uuid = call.input.uuid();
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    let (key, _) = api.chats.place(message_id).or_refuse(Act::Send)?;
    let said = api.said(app, &msg_type, &content)?;
    api.send(app, key, said, Some(message_id), in_thread, uuid.as_deref()).await
}

/// `GET im/v1/messages/:message_id`: a merged message comes with those in it.
pub async fn get(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let shape = Shape::read(&mut call, form);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let asked = call.input.path("message_id");
    if let Some((parent, index)) = api.child_meant(&asked) {
        let record = api.chats.message_now(app.bot, parent).await.or_refuse(Act::Read)?;
        let child = api.children(app, &record, shape).into_iter().nth(index);
        let child = child.ok_or_else(|| Refusal::of(Act::Read, crate::error::Error::message_not_found()))?;
        return Ok(Reply::Data(json!({ "items": [child] })));
    }
    let record = api.chats.message_now(app.bot, api.message_meant(&asked)?).await.or_refuse(Act::Read)?;
    let mut items: Vec<Value> = api.message_object(app, &record, shape).await?.into_iter().collect();
    items.extend(api.children(app, &record, shape));
    Ok(Reply::Data(json!({ "items": items })))
}

/// `PATCH im/v1/messages/:message_id`: another card in the place of this one.
pub async fn change_card(mut call: Call) -> Answer {
    let content = call.input.required("content");
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    let edit = api.card_said(app, &content)?;
    api.chats.edit_card(app.bot, message_id, edit).await.map_err(card_refused)?;
    Ok(Reply::Data(json!({})))
}

/// A card that cannot be shown is refused in the words that bots look for.
pub fn card_refused(error: crate::error::Error) -> Refusal {
    use protocol::error::ErrorCode;
    match error.code {
        ErrorCode::InvalidValue | ErrorCode::FileNotFound => content::card_wrong(300_302, &error.to_string()),
        ErrorCode::OtherKind => Refusal::new(230_001, format!("This message is NOT a card: {error}")),
        _ => Refusal::of(Act::Card, error),
    }
}

/// `PUT im/v1/messages/:message_id`
pub async fn edit(mut call: Call) -> Answer {
    let (msg_type, content) = (call.input.required("msg_type"), call.input.required("content"));
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    if !matches!(msg_type.as_str(), "text" | "post") {
        return Err(Refusal::field("msg_type", &msg_type, "must be text or post: other messages cannot be edited"));
    }
    let Said { content, mentions, mention_all } = api.said(app, &msg_type, &content)?;
    api.chats.edit(app.bot, Edit { message_id, content, mentions, mention_all }).await.or_refuse(Act::Edit)?;
    api.reply_as_it_stands(app, message_id).await
}

/// `DELETE im/v1/messages/:message_id`
pub async fn recall(call: Call) -> Answer {
    let message_id = call.api.message_meant(&call.input.path("message_id"))?;
    call.api.chats.recall(call.app.bot, Recall { message_id }).await.or_refuse(Act::Recall)?;
    Ok(Reply::Data(json!({})))
}

/// How messages are to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    form: IdType,
    raw_cards: bool,
    names: bool,
}

impl Shape {
    /// As replies show a sender the own message.
    const OF_OWN: Self = Self { form: IdType::Open, raw_cards: true, names: false };

    /// Reads the parameters that say it.
    pub fn read(call: &mut Call, form: IdType) -> Self {
        let cards = call.input.asked_word("card_msg_content_type", &["", "raw_card_content", "user_card_content"], "");
        Self { form, raw_cards: !cards.is_empty(), names: call.input.asked_flag("with_sender_name") }
    }
}

impl OpenApi {
    /// The chat that a receiver means. A person's is the direct chat with the bot; it need not exist yet.
    pub fn receiver(&self, app: &AppEntry, target_type: &str, id: &str) -> Result<ChatKey, Refusal> {
        let form = match target_type {
            "chat_id" => return self.chat_meant(id),
            "union_id" => IdType::Union,
            "user_id" => IdType::User,
            _ => IdType::Open,
        };
        let index = if target_type == "email" { self.reached_by_email(app, id)? } else { self.reached(app, form, id)? };
        if self.is_bot(index) {
            return Err(Refusal::new(
                230_034,
                "receive_id invalid: it is a bot, and bots do not write to each other directly; send to a group that both are in",
            ));
        }
        if self.chats.directory.resigned(index) {
            return Err(Refusal::new(230_029, "user resigned: the receiver has left the organisation; send to somebody else"));
        }
        Ok(ChatKey::direct(app.bot, index))
    }

    /// Somebody whom this app may write to, by the e-mail address.
    pub fn reached_by_email(&self, app: &AppEntry, email: &str) -> Result<u32, Refusal> {
        let shown = crate::error::clip(email);
        let index = self.chats.directory.by_email(email).ok_or_else(|| {
            Refusal::new(230_034, format!("receive_id invalid: nobody has the e-mail address `{shown}`; check it, or use another id type"))
        })?;
        if self.auth.sees_person(app, index) {
            return Ok(index);
        }
        Err(Refusal::new(
            230_013,
            format!(
                "Bot has NO availability to this user: `{shown}` is outside of what this app may see; ask the operator to extend the app's range"
            ),
        ))
    }

    /// Somebody whom this app may write to.
    pub fn reached(&self, app: &AppEntry, form: IdType, id: &str) -> Result<u32, Refusal> {
        self.meant(app, form, id).map_err(|refusal| match refusal.code {
            // Messages have a code of their own for who is outside of the app's range.
            41_050 => Refusal::new(230_013, format!("Bot has NO availability to this user: {}", refusal.msg)),
            _ => refusal,
        })
    }

    async fn send(
        &self,
        app: &AppEntry,
        key: ChatKey,
        said: Said,
        reply_to: Option<MessageId>,
        in_thread: bool,
        uuid: Option<&str>,
    ) -> Answer {
        self.bots_may_send(key)?;
        let command = Send {
            chat_id: self.chats.seal.chat_id(key),
            client_message_id: client_message_id("m", uuid),
            content: said.content,
            reply_to,
            in_thread,
            mentions: said.mentions,
            mention_all: said.mention_all,
        };
        let SentRecord { message_id, record } =
            self.chats.send_record(app.bot, command).await.or_refuse(Act::Send)?.await.or_refuse(Act::Send)?;
        match record {
            Some(record) => Ok(Reply::Data(self.message_object(app, &record, Shape::OF_OWN).await?.unwrap_or_default())),
            // A repeated uuid stands for what was said first, as it is now.
            None => self.reply_as_it_stands(app, message_id).await,
        }
    }

    async fn reply_as_it_stands(&self, app: &AppEntry, message_id: MessageId) -> Answer {
        self.as_it_stands(app, message_id).await.map(Reply::Data)
    }

    /// A message as replies to its sender have it.
    pub async fn as_it_stands(&self, app: &AppEntry, message_id: MessageId) -> Result<Value, Refusal> {
        let record = self.chats.message_now(app.bot, message_id).await.or_refuse(Act::Read)?;
        Ok(self.message_object(app, &record, Shape::OF_OWN).await?.unwrap_or_default())
    }

    /// The messages within a merged one, each as a message of its own; none of any other.
    fn children(&self, app: &AppEntry, record: &Record, shape: Shape) -> Vec<Value> {
        let Change::Message(Message { message_id, content: Content::Merged(merged), .. }) = &record.change else { return Vec::new() };
        let child = |(index, one): (usize, &protocol::content::MergedMessage)| {
            let read = self.read(app, &Message { content: one.content.clone(), ..Message::default() }, shape.raw_cards);
            json!({
                "message_id": self.chats.seal.child_id(*message_id, index),
                "upper_message_id": message_id,
                "msg_type": read.msg_type,
                "create_time": one.sent_at_ms.to_string(),
                "update_time": one.sent_at_ms.to_string(),
                "deleted": false,
                "updated": false,
                "chat_id": record.chat_id,
                "sender": self.sender(app, &one.sender, shape),
                "body": { "content": read.content },
            })
        };
        merged.messages.iter().enumerate().map(child).collect()
    }

    fn child_meant(&self, id: &str) -> Option<(MessageId, usize)> {
        self.chats.seal.child(id.parse().ok()?)
    }

    /// A message as it stands in replies; none for a record that is not a message.
    pub async fn message_object(&self, app: &AppEntry, record: &Record, shape: Shape) -> Result<Option<Value>, Refusal> {
        let Change::Message(message) = &record.change else { return Ok(None) };
        let read = self.read(app, message, shape.raw_cards);
        let edited = message.edited_at_ms.filter(|_| message.recalled_by.is_none());
        let mut object = json!({
            "message_id": message.message_id,
            "msg_type": read.msg_type,
            "create_time": record.at_ms.to_string(),
            "update_time": edited.unwrap_or(record.at_ms).to_string(),
            "deleted": message.recalled_by.is_some(),
            "updated": edited.is_some(),
            "chat_id": record.chat_id,
            "sender": self.sender(app, &record.by, shape),
            "body": { "content": read.content },
            "message_position": record.position.to_string(),
        });
        if !read.mentions.is_empty() {
            object["mentions"] = Value::Array(read.mentions);
        }
        if let Some(quote) = &message.reply_to {
            let root = match message.thread_root {
                Some(root) => root,
                None => self.chats.chain_root(quote.message_id).await.or_refuse(Act::Read)?,
            };
            object["parent_id"] = json!(quote.message_id);
            object["root_id"] = json!(root);
        }
        // The first message of a thread belongs to it too.
        let root = message.thread_root.or(message.thread_count.filter(|count| *count > 0).map(|_| message.message_id));
        if let Some(root) = root {
            object["thread_id"] = json!(Self::thread_id(root));
        }
        Ok(Some(object))
    }

    fn sender(&self, app: &AppEntry, user_id: &str, shape: Shape) -> Value {
        let index = self.chats.directory.index(user_id);
        let bot = index.is_some_and(|index| self.is_bot(index));
        let (id, id_type) = match index {
            Some(index) if !bot => (self.id_of(app, shape.form, index), shape.form),
            _ => (user_id.to_owned(), IdType::App),
        };
        let mut sender =
            json!({ "id": id, "id_type": id_type.word(), "sender_type": if bot { "app" } else { "user" }, "tenant_key": self.tenant_key });
        if shape.names
            && let Some(person) = index.and_then(|index| self.chats.directory.entry(index))
        {
            sender["sender_name"] = json!(person.name);
        }
        sender
    }
}
