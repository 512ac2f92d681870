//! What comes of an urgent: how many stand where, who, what was done when; and its end. Clarion's own calls; the platform has none.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::limits;
use protocol::command::{CancelUrgent, GetUrgentPeople, GetUrgentPerson, GetUrgentReport, GetUrgents};
use protocol::error::ErrorCode;
use protocol::ids::UrgentId;
use protocol::record::Change;
use protocol::urgent::{Urgent, UrgentAttempt, UrgentDeed, UrgentList, UrgentPerson, UrgentStanding, UrgentStep};
use serde_json::{Value, json};

/// Entries on one page when nothing is said.
const PAGE_DEFAULT: usize = 20;
/// Entries on one page.
pub const PAGE_MAX: usize = limits::PAGE_MAX as usize;
/// Where people stand.
pub const STANDINGS: &[&str] = &["pending", "delivered", "shown", "confirmed", "failed"];

/// `GET clarion/v1/urgents`: those that the app has raised.
pub async fn list(mut call: Call) -> Answer {
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let command = GetUrgents { list: UrgentList::Raised, page: page.token.clone(), limit: Some(page.size as u32) };
    let found = api.urgents.list(app.bot, command).await.map_err(|error| page.refused(Act::Urgent, error))?;
    let items = found.urgents.iter().map(|urgent| api.urgent_object(app, IdType::Open, urgent)).collect();
    Ok(page::reply(items, found.next))
}

/// `GET clarion/v1/urgents/:urgent_id`
pub async fn get(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let urgent_id = api.urgent_meant(&call.input.path("urgent_id"))?;
    let report = api.urgents.report(app.bot, GetUrgentReport { urgent_id }).await.or_refuse(Act::Urgent)?;
    let mut data = api.urgent_object(app, form, &report.urgent);
    data["ladder"] = report.ladder.iter().map(step).collect();
    data["timeline"] = report.timeline.iter().map(deed).collect();
    if let Some(next_ms) = report.next_step_at_ms {
        data["next_step_time"] = json!(next_ms.to_string());
    }
    Ok(Reply::Data(data))
}

/// `GET clarion/v1/urgents/:urgent_id/people`
pub async fn people(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.asked_required("standing");
    let standing = call.input.asked_word("standing", STANDINGS, STANDINGS[0]);
    let times = call.input.asked_flag("with_times");
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let urgent_id = api.urgent_meant(&call.input.path("urgent_id"))?;
    let command = GetUrgentPeople {
        urgent_id,
        standing: UrgentStanding::from_word(standing).unwrap_or_default(),
        page: page.token.clone(),
        limit: Some(page.size as u32),
        times,
    };
    let found = api.urgents.people(app.bot, command).await.map_err(|error| page.refused(Act::Urgent, error))?;
    let item = |one: &UrgentPerson| {
        let index = api.chats.directory.index(&one.person.user_id)?;
        let mut item = json!({
            "user_id_type": form.word(),
            "user_id": api.id_of(app, form, index),
            "name": one.person.name,
            "standing": standing,
        });
        if let Some(why) = &one.why {
            item["why"] = json!(why);
        }
        put_times(
            &mut item,
            [("delivered_time", one.delivered_at_ms), ("shown_time", one.shown_at_ms), ("confirmed_time", one.confirmed_at_ms)],
        );
        Some(item)
    };
    let mut data = page::fields(found.people.iter().filter_map(item).collect(), found.next);
    data["total"] = json!(found.total);
    Ok(Reply::Data(data))
}

/// `GET clarion/v1/urgents/:urgent_id/people/:user_id`
pub async fn person(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let urgent_id = api.urgent_meant(&call.input.path("urgent_id"))?;
    let index = api.meant(app, form, &call.input.path("user_id"))?;
    let user_id = api.chats.directory.user_id(index).to_string();
    let found = api.urgents.person(app.bot, GetUrgentPerson { urgent_id, user_id }).await.or_refuse(Act::Urgent)?;
    let attempt = |attempt: &UrgentAttempt| {
        let mut shown = json!({
            "step": attempt.step,
            "way": attempt.way.word(),
            "time": attempt.at_ms.to_string(),
            "outcome": attempt.outcome.word(),
        });
        put_times(&mut shown, [("outcome_time", attempt.outcome_at_ms)]);
        if let Some(why) = attempt.why {
            shown["why"] = json!(why.word());
        }
        if let Some(detail) = &attempt.detail {
            shown["detail"] = json!(detail);
        }
        if let Some(manager) = &attempt.manager
            && let Some(index) = api.chats.directory.index(&manager.user_id)
        {
            shown["manager_id"] = json!(api.id_of(app, form, index));
        }
        shown
    };
    let mut data = json!({
        "user_id_type": form.word(),
        "user_id": api.id_of(app, form, index),
        "name": found.person.name,
        "standing": found.standing.word(),
        "state": found.over.map_or("open", |why| why.word()),
        "create_time": found.raised_at_ms.to_string(),
        "attempts": found.attempts.iter().map(attempt).collect::<Vec<_>>(),
    });
    put_times(
        &mut data,
        [
            ("delivered_time", found.delivered_at_ms),
            ("shown_time", found.shown_at_ms),
            ("confirmed_time", found.confirmed_at_ms),
            ("left_time", found.left_at_ms),
            ("end_time", found.over_at_ms),
        ],
    );
    Ok(Reply::Data(data))
}

/// Puts those of some times into an object that are known.
fn put_times<const N: usize>(object: &mut Value, times: [(&str, Option<u64>); N]) {
    for (name, at_ms) in times {
        if let Some(at_ms) = at_ms {
            object[name] = json!(at_ms.to_string());
        }
    }
}

/// `POST clarion/v1/urgents/:urgent_id/cancel`: also a success when it is over for another reason, which the reply tells.
pub async fn cancel(call: Call) -> Answer {
    let (api, app) = (&call.api, &call.app);
    let urgent_id = api.urgent_meant(&call.input.path("urgent_id"))?;
    match api.urgents.cancel(app.bot, CancelUrgent { urgent_id }).await {
        Ok(()) => {}
        Err(error) if error.code == ErrorCode::UrgentOver => {}
        Err(error) => return Err(Refusal::of(Act::Urgent, error)),
    }
    let report = api.urgents.report(app.bot, GetUrgentReport { urgent_id }).await.or_refuse(Act::Urgent)?;
    Ok(Reply::Data(json!({ "state": state(&report.urgent) })))
}

fn state(urgent: &Urgent) -> &'static str {
    urgent.over.map_or("open", |why| why.word())
}

fn step(step: &UrgentStep) -> Value {
    let mut shown = json!({ "way": step.way.word(), "after_ms": step.after_ms });
    if let (Some(every_ms), Some(times)) = (step.every_ms, step.times) {
        shown["every_ms"] = json!(every_ms);
        shown["times"] = json!(times);
    }
    shown
}

fn deed(deed: &UrgentDeed) -> Value {
    let UrgentDeed { at_ms, way, people, reached, failed, over } = deed;
    let what = match (way, over) {
        (Some(_), _) => "step",
        (None, Some(_)) => "over",
        (None, None) => "raised",
    };
    let mut shown = json!({ "time": at_ms.to_string(), "what": what, "people": people, "reached": reached, "failed": failed });
    if let Some(way) = way {
        shown["way"] = json!(way.word());
    }
    if let Some(why) = over {
        shown["why"] = json!(why.word());
    }
    shown
}

impl OpenApi {
    /// The urgent of an `urgent_id`.
    fn urgent_meant(&self, id: &str) -> Result<UrgentId, Refusal> {
        let found = id.parse::<UrgentId>().ok().filter(|id| self.chats.seal.urgent(*id).is_some());
        found.ok_or_else(|| {
            let shown = crate::error::clip(id);
            Refusal::new(
                230_001,
                format!("invalid request param: `{shown}` is not an urgent_id; it starts with ur_ and comes from POST clarion/v1/urgents"),
            )
        })
    }

    fn urgent_object(&self, app: &AppEntry, form: IdType, urgent: &Urgent) -> Value {
        let raised_by = self.chats.directory.index(&urgent.raised_by.user_id);
        let form = if raised_by.is_none_or(|index| self.is_bot(index)) { IdType::App } else { form };
        let mut shown = json!({
            "urgent_id": urgent.urgent_id,
            "chat_id": urgent.message.chat_id,
            "state": state(urgent),
            "raised_by_id": raised_by.map_or_else(|| urgent.raised_by.user_id.clone(), |index| self.id_of(app, form, index)),
            "raised_by_id_type": form.word(),
            "create_time": urgent.raised_at_ms.to_string(),
            "deadline": urgent.deadline_at_ms.to_string(),
        });
        if let Change::Message(message) = &urgent.message.change {
            shown["message_id"] = json!(message.message_id);
        }
        if let Some(counts) = &urgent.counts {
            shown["counts"] = json!({
                "audience": counts.pending + counts.delivered + counts.shown + counts.confirmed + counts.failed,
                "pending": counts.pending,
                "delivered": counts.delivered,
                "shown": counts.shown,
                "confirmed": counts.confirmed,
                "failed": counts.failed,
            });
        }
        shown
    }
}
