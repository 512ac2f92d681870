//! Making a message urgent: the platform's three calls, and Clarion's own, which says whom, how often again, by which ways and until when.
//! What comes of it stands in [`super::urgent_report`].

use super::OpenApi;
use super::chat::client_message_id;
use super::contact::departments_of;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use super::input::Input;
use crate::auth::AppEntry;
use crate::chat::Urging;
use crate::error::Error;
use crate::limits;
use crate::urgent::{Audience, NewUrgent};
use protocol::content::Content;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use protocol::person::PersonKind;
use protocol::record::{Change, Message};
use protocol::urgent::{UrgentLeftOut, UrgentStep, UrgentWay};
use roaring::RoaringBitmap;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Ids of people in one call; the platform takes 200.
const IDS_MAX: usize = limits::PEOPLE_OF_AN_URGENT_MAX;
/// Ids that are looked at before others have their turn.
const SLICE: usize = 4_096;
/// People of whom a reply says that they were left out.
const LEFT_OUT_SHOWN_MAX: usize = limits::PAGE_MAX as usize;
/// Scopes of which a step by text message needs one.
pub const BY_SMS: &[&str] = &["im:message.urgent:sms", "im:message.urgent:sms_send"];
/// Scopes of which a step by call needs one.
pub const BY_PHONE: &[&str] = &["im:message.urgent:phone", "im:message.urgent:phone_send"];

/// `PATCH im/v1/messages/:message_id/urgent_app`
pub async fn in_app(call: Call) -> Answer {
    urge(call, None).await
}

/// `PATCH im/v1/messages/:message_id/urgent_sms`: in the app, and by text message.
pub async fn by_sms(call: Call) -> Answer {
    urge(call, Some(UrgentWay::Sms)).await
}

/// `PATCH im/v1/messages/:message_id/urgent_phone`: in the app, and by call.
pub async fn by_phone(call: Call) -> Answer {
    urge(call, Some(UrgentWay::Phone)).await
}

async fn urge(mut call: Call, way: Option<UrgentWay>) -> Answer {
    call.input.asked_required("user_id_type");
    let form = IdType::read(&mut call.input, "user_id_type");
    let uuid = call.input.uuid();
    let ids = call.input.take_list("user_id_list", IDS_MAX);
    call.input.checked()?;
    if ids.is_empty() {
        return Err(Refusal::field("user_id_list", "", "is required and cannot be empty"));
    }
    let (api, app) = (&call.api, &call.app);
    let (message_id, urging) = api.own_message(app, &call.input.path("message_id")).await?;
    let Named { people, mut left_out, outside } = api.members_named(app, form, ids, &urging.members).await;
    if people.is_empty() {
        return Err(nobody(&left_out, outside));
    }
    let family = match way {
        Some(UrgentWay::Phone) => "up",
        Some(_) => "us",
        None => "ua",
    };
    let at_once = |way| UrgentStep { way, after_ms: 0, every_ms: None, times: None };
    let new = NewUrgent {
        message_id,
        client_message_id: client_message_id(family, uuid.as_deref()),
        audience: Audience::People(people.clone(), Vec::new()),
        ladder: way.map(at_once).into_iter().collect(),
        deadline_ms: None,
        breaks_quiet_hours: false,
    };
    let ladder = new.ladder.clone();
    let raised = api.urgents.raise(app.bot, new).await.map_err(|error| api.not_raised(error, &ladder, &people))?;
    left_out.extend(api.left_out(app, form, raised.left_out));
    let invalid: Vec<String> = left_out.into_iter().map(|(id, _)| id).collect();
    Ok(Reply::Data(json!({ "invalid_user_id_list": invalid })))
}

/// `POST clarion/v1/urgents`
pub async fn raise(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let message_id = call.input.required("message_id");
    let ladder = ladder(&mut call.input);
    let deadline_ms = call.input.given_number("deadline_ms", limits::URGENT_DEADLINE_MS_MIN, limits::URGENT_DEADLINE_MS_MAX);
    let breaks_quiet_hours = call.input.flag("break_quiet_hours");
    let uuid = call.input.uuid();
    let mut audience = call.input.within("audience");
    let (everyone, unread, direct_only) = (audience.flag("everyone"), audience.flag("unread"), audience.flag("direct_only"));
    let ids = audience.take_list("user_ids", IDS_MAX);
    let department_ids = audience.list("department_ids", limits::BOUND_DEPARTMENTS_MAX);
    call.input.wrong_within("audience", audience);
    let named = !ids.is_empty() || !department_ids.is_empty();
    if [everyone, unread, named].into_iter().filter(|chosen| *chosen).count() != 1 {
        call.input.wrong("audience", "", "is required: `everyone`, or `unread`, or `user_ids` and `department_ids`; one of the three");
    }
    let (departments, _) = departments_of(&mut call, &department_ids)?;
    for (way, scopes) in [(UrgentWay::Sms, BY_SMS), (UrgentWay::Phone, BY_PHONE)] {
        if ladder.iter().any(|step| step.way == way) && !scopes.iter().any(|scope| call.has_scope(scope)) {
            return Err(Refusal::no_scope(scopes));
        }
    }
    let (api, app) = (&call.api, &call.app);
    let (message_id, urging) = api.own_message(app, &message_id).await?;
    let Named { mut people, mut left_out, outside } = api.members_named(app, form, ids, &urging.members).await;
    let mut beyond = 0;
    if everyone {
        people = (*urging.members).clone();
    } else if unread {
        people = api.chats.people_who_have_not_read(app.bot, message_id).await.or_refuse(Act::Urgent)?;
    } else {
        let of_departments = api.chats.directory.people_of(&departments, !direct_only);
        let strangers = &of_departments - &*urging.members;
        let shown = strangers.iter().take(LEFT_OUT_SHOWN_MAX);
        left_out.extend(shown.map(|user| (api.id_of(app, form, user), NOT_A_MEMBER.to_owned())));
        beyond = strangers.len().saturating_sub(LEFT_OUT_SHOWN_MAX as u64);
        people |= of_departments & &*urging.members;
    }
    if named && people.is_empty() {
        return Err(nobody(&left_out, outside));
    }
    let new = NewUrgent {
        message_id,
        client_message_id: client_message_id("u", uuid.as_deref()),
        audience: Audience::People(people.clone(), Vec::new()),
        ladder,
        deadline_ms,
        breaks_quiet_hours,
    };
    let ladder = new.ladder.clone();
    let raised = api.urgents.raise(app.bot, new).await.map_err(|error| api.not_raised(error, &ladder, &people))?;
    left_out.extend(api.left_out(app, form, raised.left_out));
    let shown: Vec<Value> =
        left_out.iter().take(LEFT_OUT_SHOWN_MAX).map(|(user_id, why)| json!({ "user_id": user_id, "why": why })).collect();
    Ok(Reply::Data(json!({
        "urgent_id": api.urgents.id(raised.key),
        "audience_count": raised.audience,
        "left_out": shown,
        "left_out_count": left_out.len() as u64 + beyond,
    })))
}

/// The steps of a ladder. The message stands before everybody at once, so that a reminder comes later; other ways may begin at once.
fn ladder(input: &mut Input) -> Vec<UrgentStep> {
    let mut ladder = Vec::new();
    for (at, step) in input.objects("ladder", 0, limits::URGENT_STEPS_MAX).into_iter().enumerate() {
        let mut step = Input::of_object(step);
        let way: Option<UrgentWay> = step.word("way");
        if way.is_none() && step.value("way").is_none() {
            step.wrong("way", "", "is required");
        }
        let soonest_ms = if way == Some(UrgentWay::Remind) { limits::URGENT_STEP_MS_MIN } else { 0 };
        if step.value("after_ms").is_none() {
            step.wrong("after_ms", "", "is required");
        }
        let after_ms = step.given_number("after_ms", soonest_ms, limits::URGENT_DEADLINE_MS_MAX);
        let every_ms = step.given_number("every_ms", limits::URGENT_STEP_MS_MIN, limits::URGENT_DEADLINE_MS_MAX);
        let times = step.given_number("times", 1, limits::URGENT_RUNGS_MAX as u64);
        if step.value("every_ms").is_some() != step.value("times").is_some() {
            step.wrong("times", "", "and every_ms belong together");
        }
        ladder.extend(way.zip(after_ms).map(|(way, after_ms)| UrgentStep {
            way,
            after_ms,
            every_ms,
            times: times.map(|times| times as u32),
        }));
        input.wrong_within(&format!("ladder[{at}]"), step);
    }
    ladder
}

const NOT_A_MEMBER: &str = "not a member of the chat";

/// People whom a call names by their ids.
struct Named {
    /// Those who may be asked.
    people: RoaringBitmap,
    /// Ids of the others, each once and in their order, and why.
    left_out: Vec<(String, String)>,
    /// One of them is outside of what the app may see.
    outside: bool,
}

/// Nobody is left for whom it could be raised.
fn nobody(left_out: &[(String, String)], outside: bool) -> Refusal {
    let first = left_out.first().map_or_else(|| "nobody is meant".to_owned(), |(id, why)| format!("{}: {why}", crate::error::clip(id)));
    if outside {
        let hint = "ask the operator to extend the app's range";
        return Refusal::new(
            230_013,
            format!("Bot has NO availability to this user: nobody is left for whom this could be urgent ({first}); {hint}"),
        );
    }
    let hint = "name people who are members of the chat of the message";
    Refusal::new(230_001, format!("invalid request param: there is nobody for whom this could be urgent ({first}); {hint}"))
}

impl OpenApi {
    /// A message that the app's own bot has sent and may make urgent.
    async fn own_message(&self, app: &AppEntry, id: &str) -> Result<(MessageId, Urging), Refusal> {
        if self.chats.seal.batch(id).is_some() {
            return Err(Refusal::new(
                230_001,
                "invalid request param: a message to many cannot be made urgent; send a message to a group, and make that one urgent",
            ));
        }
        let message_id = self.message_meant(id)?;
        let (key, _) = self.chats.place(message_id).or_refuse(Act::Urgent)?;
        self.chats.rights_of(app.bot, key).await.map_err(|error| match error.code {
            ErrorCode::ChatNotFound => Refusal::new(
                230_002,
                "the bot can not be outside the group: it is not in the chat of this message; add the bot to the chat and call again",
            ),
            _ => Refusal::of(Act::Urgent, error),
        })?;
        let record = self.chats.message_now(app.bot, message_id).await.or_refuse(Act::Urgent)?;
        if self.chats.directory.index(&record.by) != Some(app.bot) {
            return Err(Refusal::new(
                230_012,
                "Bot is NOT the sender of the message: an app makes only messages urgent that its own bot has sent; send one, and take its message_id",
            ));
        }
        if let Change::Message(Message { content: Content::Divider(_), .. }) = record.change {
            return Err(Refusal::new(
                230_052,
                "the message cannot be made urgent: it is a line across the chat and says nothing; send a message",
            ));
        }
        let urging = self.chats.urging(app.bot, message_id).await.or_refuse(Act::Urgent)?;
        Ok((message_id, urging))
    }

    /// The members whom ids name.
    async fn members_named(&self, app: &AppEntry, form: IdType, ids: Vec<String>, members: &RoaringBitmap) -> Named {
        let mut named = Named { people: RoaringBitmap::new(), left_out: Vec::new(), outside: false };
        let mut seen = HashSet::new();
        for (at, id) in ids.into_iter().enumerate() {
            if at % SLICE == SLICE - 1 {
                tokio::task::yield_now().await;
            }
            let why = match self.meant(app, form, &id) {
                Ok(index) if self.chats.directory.kind(index) != PersonKind::Person => "not a person, and confirms nothing",
                Ok(index) if self.chats.directory.resigned(index) => "has left the organisation",
                Ok(index) if members.contains(index) => {
                    named.people.insert(index);
                    continue;
                }
                Ok(_) => NOT_A_MEMBER,
                Err(refusal) if refusal.code == 41_050 => {
                    named.outside = true;
                    "outside of what the app may see"
                }
                Err(_) => "nobody has this id",
            };
            if seen.insert(id.clone()) {
                named.left_out.push((id, why.to_owned()));
            }
        }
        named
    }

    /// Those whom the domain has left out, in the form of the call.
    fn left_out(&self, app: &AppEntry, form: IdType, left_out: Vec<UrgentLeftOut>) -> impl Iterator<Item = (String, String)> {
        left_out.into_iter().filter_map(move |one| {
            let index = self.chats.directory.index(&one.user_id)?;
            Some((self.id_of(app, form, index), one.why))
        })
    }

    /// Why an urgent was not raised.
    fn not_raised(&self, error: Error, ladder: &[UrgentStep], people: &RoaringBitmap) -> Refusal {
        let by_others = ladder.iter().any(|step| matches!(step.way, UrgentWay::Push | UrgentWay::Sms | UrgentWay::Phone));
        match (error.code, error.field.as_deref()) {
            // What is wrong with a ladder itself was refused before: nobody is there who goes this way.
            (ErrorCode::InvalidValue, Some("ladder")) if by_others => {
                Refusal::new(230_052, format!("the message cannot be made urgent in this way: {}; or call without it", error.why))
            }
            (ErrorCode::NobodyToUrge, _) if !people.is_empty() && people.iter().all(|user| !self.urgents.may_have_more(user)) => {
                Refusal::new(
                    230_023,
                    format!("the user has too many unread urgent messages: {}; some have to be confirmed first", error.why),
                )
            }
            _ => Refusal::of(Act::Urgent, error),
        }
    }
}
