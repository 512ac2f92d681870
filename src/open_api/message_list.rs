//! Messages of a chat or a thread in pages, in both orders. A page ends at a seq, so that pages neither skip nor repeat
//! while people write.

use super::OpenApi;
use super::envelope::{Answer, Call};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use super::message::Shape;
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::ids::ChatKey;
use protocol::command::{History, Thread};
use protocol::ids::MessageId;
use protocol::record::{Change, Record};

/// Messages on one page when nothing is said.
const PAGE_DEFAULT: usize = 20;
/// Messages on one page.
const PAGE_MAX: usize = 50;
/// Records read in one go.
const READ_AT_ONCE: u32 = 100;
/// Goes for one page. A stretch with fewer messages than that gives a short page, and the next one goes on.
const READS_MAX: usize = 20;
/// Messages of a thread that can be read backwards.
const THREAD_BACKWARD_MAX: usize = 5_000;

/// What a caller wants of a chat.
struct Wanted {
    key: ChatKey,
    backward: bool,
    /// Records with these seqs, both included.
    from_seq: u64,
    to_seq: u64,
    size: usize,
}

/// `GET im/v1/messages`
pub async fn list(mut call: Call) -> Answer {
    let container_type = call.input.asked_required("container_id_type");
    let container = call.input.asked_required("container_id");
    let backward = call.input.asked_word("sort_type", &["ByCreateTimeAsc", "ByCreateTimeDesc"], "ByCreateTimeAsc") == "ByCreateTimeDesc";
    let start = call.input.asked("start_time").is_some().then(|| call.input.asked_number("start_time", 0, 0, u32::MAX.into()));
    let end = call.input.asked("end_time").is_some().then(|| call.input.asked_number("end_time", 0, 0, u32::MAX.into()));
    call.input.asked_flag("only_thread_root_messages");
    let form = IdType::read(&mut call.input, "user_id_type");
    let shape = Shape::read(&mut call, form);
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    if !container_type.is_empty() {
        call.input.asked_word("container_id_type", &["chat", "thread"], "chat");
    }
    call.input.checked()?;
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(Refusal::field("start_time", &start.to_string(), format!("must not be after end_time, which is {end}")));
    }
    let (api, app) = (&call.api, &call.app);
    let token = page.token.as_deref().map(|token| parse_token(token, backward)).transpose()?;
    if container_type == "thread" && (start.is_some() || end.is_some()) {
        return Err(Refusal::field(
            "start_time",
            "",
            "and end_time are for container_id_type=chat; a thread is read from its first message",
        ));
    }
    let (records, next) = if container_type == "thread" {
        api.thread_page(app, api.thread_meant(&container)?, backward, token, page.size).await?
    } else {
        let key = api.chat_meant(&container)?;
        api.chats.rights_of(app.bot, key).await.or_refuse(Act::Read)?;
        let mut from_seq = match start {
            Some(start) => api.chats.seq_at(app.bot, key, start * 1_000).await.or_refuse(Act::Read)?,
            None => 1,
        };
        let mut to_seq = match end {
            // A whole second belongs to its number.
            Some(end) => api.chats.seq_at(app.bot, key, (end + 1) * 1_000).await.or_refuse(Act::Read)?.saturating_sub(1),
            None => u64::MAX,
        };
        match token {
            Some(seq) if backward => to_seq = to_seq.min(seq.saturating_sub(1)),
            Some(seq) => from_seq = from_seq.max(seq.saturating_add(1)),
            None => {}
        }
        api.chat_page(app, Wanted { key, backward, from_seq, to_seq, size: page.size }).await?
    };
    let next = next.map(|seq| print_token(seq, backward));
    let mut items = Vec::with_capacity(records.len());
    for record in &records {
        items.extend(api.message_object(app, record, shape).await?);
    }
    Ok(page::reply(items, next))
}

fn print_token(seq: u64, backward: bool) -> String {
    format!("{}{seq:x}", if backward { 'd' } else { 'a' })
}

fn parse_token(token: &str, backward: bool) -> Result<u64, Refusal> {
    let digits = token.strip_prefix(if backward { 'd' } else { 'a' });
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| page::wrong_token(token))
}

impl OpenApi {
    /// The messages of a page, and the seq at which the next one begins behind, when there is a next one.
    async fn chat_page(&self, app: &AppEntry, wanted: Wanted) -> Result<(Vec<Record>, Option<u64>), Refusal> {
        let chat_id = self.chats.seal.chat_id(wanted.key);
        let mut found: Vec<Record> = Vec::with_capacity(wanted.size + 1);
        let mut at = if wanted.backward { wanted.to_seq } else { wanted.from_seq };
        if wanted.from_seq > wanted.to_seq {
            return Ok((found, None));
        }
        for _ in 0..READS_MAX {
            let mut asked = History { chat_id, limit: Some(READ_AT_ONCE), ..History::default() };
            if wanted.backward {
                // Without a bound, the last page.
                asked.before = at.checked_add(1);
            } else {
                asked.after = Some(at - 1);
            }
            let page = self.chats.history(app.bot, asked).await.or_refuse(Act::Read)?.seen_by(app.bot);
            let end =
                if wanted.backward { page.start || page.from_seq <= wanted.from_seq } else { page.end || page.to_seq >= wanted.to_seq };
            let empty = page.to_seq < page.from_seq;
            let mut records = page.records;
            if wanted.backward {
                records.reverse();
            }
            for record in records {
                let within = (wanted.from_seq..=wanted.to_seq).contains(&record.seq);
                if within && shown(&record) {
                    if found.len() == wanted.size {
                        let last = found.last().map(|record| record.seq);
                        return Ok((found, last));
                    }
                    found.push(record);
                }
            }
            if end || empty {
                return Ok((found, None));
            }
            at = if wanted.backward { page.from_seq - 1 } else { page.to_seq + 1 };
        }
        // Many records and few messages: the next page goes on where this one stopped reading.
        let reached = if wanted.backward { at + 1 } else { at - 1 };
        Ok((found, Some(reached)))
    }

    async fn thread_page(
        &self,
        app: &AppEntry,
        root: MessageId,
        backward: bool,
        token: Option<u64>,
        size: usize,
    ) -> Result<(Vec<Record>, Option<u64>), Refusal> {
        let mut found: Vec<Record> = Vec::new();
        let mut next = token.filter(|_| !backward).map(|seq| seq.to_string());
        let most = if backward { THREAD_BACKWARD_MAX } else { size + 1 };
        loop {
            let page = self.chats.thread(app.bot, Thread { message_id: root, page: next.take() }).await.or_refuse(Act::Read)?;
            found.extend(page.records);
            next = page.next;
            if next.is_none() || found.len() >= most {
                break;
            }
        }
        if backward {
            found.reverse();
            found.retain(|record| token.is_none_or(|token| record.seq < token));
        }
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|record| record.seq);
        Ok((found, last))
    }
}

/// Messages are shown; of threads only the first message. What else happened in a chat is no message.
fn shown(record: &Record) -> bool {
    matches!(&record.change, Change::Message(message) if message.thread_root.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_its_order() {
        assert_eq!(parse_token(&print_token(77, true), true).unwrap(), 77);
        for token in ["", "a", "d4d", "zz"] {
            assert_eq!(parse_token(token, false).unwrap_err().code, 99_992_402, "{token}");
        }
    }
}
