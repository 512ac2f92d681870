//! People and departments.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Refusal, Violation};
use super::identity::IdType;
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::directory::{DepartmentEntry, ROOT};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// People on one page when nothing is said.
const PAGE_DEFAULT: usize = 10;
/// People or departments on one page.
const PAGE_MAX: usize = 500;
/// People or departments asked for by id in one call.
const BATCH_MAX: usize = 500;

/// `GET contact/v3/users/:user_id`
pub async fn user(mut call: Call) -> Answer {
    let form = forms(&mut call)?;
    let index = call.api.meant(&call.app, form, &call.input.path("user_id"))?;
    Ok(Reply::Data(json!({ "user": call.api.user(&call.app, form, index) })))
}

/// `GET contact/v3/users/batch`
pub async fn users(mut call: Call) -> Answer {
    let ids = call.input.asked_list("user_ids", BATCH_MAX);
    let form = forms(&mut call)?;
    // Who is not known is left out, as the platform does; the caller sees it by the missing entry.
    let people = ids.iter().filter_map(|id| call.api.meant(&call.app, form, id).ok());
    let items: Vec<Value> = people.map(|index| call.api.user(&call.app, form, index)).collect();
    Ok(Reply::Data(json!({ "items": items })))
}

/// `GET contact/v3/users/find_by_department`, and the older list: people directly in a department.
pub async fn users_of_department(mut call: Call) -> Answer {
    let department = call.input.asked("department_id").unwrap_or_else(|| ROOT.to_owned());
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    let form = forms(&mut call)?;
    call.api.department(&department)?;
    let after: Option<u32> = page.number()?;
    let mut people: Vec<u32> =
        call.api.chats.directory.people_in(&department).into_iter().filter(|index| after.is_none_or(|after| *index > after)).collect();
    people.sort_unstable();
    let more = people.len() > page.size;
    people.truncate(page.size);
    let next = people.last().filter(|_| more).map(u32::to_string);
    let items = people.into_iter().map(|index| call.api.user(&call.app, form, index)).collect();
    Ok(page::reply(items, next))
}

/// `POST contact/v3/users/batch_get_id`
pub async fn ids(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let (emails, mobiles) = (call.input.list("emails", BATCH_MAX), call.input.list("mobiles", BATCH_MAX));
    let include_resigned = call.input.flag("include_resigned");
    call.input.checked()?;
    let directory = &call.api.chats.directory;
    let found = |field: &str, asked: &str, index: Option<u32>| {
        let mut entry = json!({ field: asked });
        let person =
            index.and_then(|index| Some((index, directory.entry(index)?))).filter(|(_, person)| include_resigned || !person.resigned);
        if let Some((index, person)) = person {
            entry["user_id"] = json!(call.api.id_of(&call.app, form, index));
            entry["status"] = status(person.resigned);
        }
        entry
    };
    let by_mobile = mobiles.iter().map(|mobile| found("mobile", mobile, directory.by_mobile(mobile)));
    let by_email = emails.iter().map(|email| found("email", email, directory.by_email(email)));
    let user_list: Vec<Value> = by_mobile.chain(by_email).collect();
    Ok(Reply::Data(json!({ "user_list": user_list })))
}

/// `POST contact/v3/users/basic_batch`
pub async fn names(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let ids = call.input.list("user_ids", BATCH_MAX);
    call.input.checked()?;
    let name = |id: &String| {
        let index = call.api.meant(&call.app, form, id).ok()?;
        let person = call.api.chats.directory.entry(index)?;
        Some(json!({ "user_id": id, "name": person.name, "i18n_name": names_of(&person.name, person.en_name.as_deref()) }))
    };
    let users: Vec<Value> = ids.iter().filter_map(name).collect();
    Ok(Reply::Data(json!({ "users": users })))
}

/// `GET contact/v3/departments/:department_id`
pub async fn department(mut call: Call) -> Answer {
    let form = forms(&mut call)?;
    let entry = call.api.department(&call.input.path("department_id"))?;
    Ok(Reply::Data(json!({ "department": call.api.department_object(&call.app, form, &entry) })))
}

/// `GET contact/v3/departments/batch`
pub async fn departments(mut call: Call) -> Answer {
    let ids = call.input.asked_list("department_ids", BATCH_MAX);
    let form = forms(&mut call)?;
    let found = ids.iter().filter_map(|id| call.api.chats.directory.department(id));
    let items: Vec<Value> = found.map(|entry| call.api.department_object(&call.app, form, &entry)).collect();
    Ok(Reply::Data(json!({ "items": items })))
}

/// `GET contact/v3/departments/:department_id/children`
pub async fn children(mut call: Call) -> Answer {
    let parent = call.input.path("department_id");
    below(&mut call, &parent)
}

/// `GET contact/v3/departments`, the older list.
pub async fn department_list(mut call: Call) -> Answer {
    let parent = call.input.asked("parent_department_id").unwrap_or_else(|| ROOT.to_owned());
    below(&mut call, &parent)
}

fn below(call: &mut Call, parent: &str) -> Answer {
    let recursive = call.input.asked_flag("fetch_child");
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    let form = forms(call)?;
    call.api.department(parent)?;
    let start: usize = page.number()?.unwrap_or(0);
    // Level by level from the top, each in its own order: the same walk for every page.
    let mut found: Vec<Arc<DepartmentEntry>> = call.api.chats.directory.children(parent);
    let mut at = 0;
    while recursive && at < found.len() && found.len() <= start + page.size {
        let inner = call.api.chats.directory.children(&found[at].department_id);
        found.extend(inner);
        at += 1;
    }
    let end = (start + page.size).min(found.len());
    let next = (end < found.len()).then(|| end.to_string());
    let items = found.get(start..end).unwrap_or_default().iter().map(|entry| call.api.department_object(&call.app, form, entry)).collect();
    Ok(page::reply(items, next))
}

/// `GET contact/v3/departments/parent`: from the nearest up.
pub async fn parents(mut call: Call) -> Answer {
    let department = call.input.asked_required("department_id");
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    let form = forms(&mut call)?;
    let mut entry = call.api.department(&department)?;
    let mut above = Vec::new();
    while entry.department_id != ROOT
        && entry.parent != ROOT
        && entry.parent != entry.department_id
        && above.len() < crate::limits::DEPARTMENT_DEPTH_MAX
    {
        entry = call.api.department(&entry.parent)?;
        above.push(entry.clone());
    }
    let start: usize = page.number()?.unwrap_or(0).min(above.len());
    let end = (start + page.size).min(above.len());
    let next = (end < above.len()).then(|| end.to_string());
    Ok(page::reply(above[start..end].iter().map(|entry| call.api.department_object(&call.app, form, entry)).collect(), next))
}

/// Reads both id types, and refuses what was wrong up to here in the way of these calls.
fn forms(call: &mut Call) -> Result<IdType, Refusal> {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.asked_word("department_id_type", &["open_department_id", "department_id"], "open_department_id");
    call.input.checked().map_err(|refusal| Refusal { code: contact_code(&refusal.violations), ..refusal })?;
    Ok(form)
}

fn contact_code(violations: &[Violation]) -> u32 {
    match violations.first().map(|one| one.field.as_str()) {
        Some("page_size") => 40_011,
        Some("page_token") => 40_012,
        _ => 40_001,
    }
}

fn status(resigned: bool) -> Value {
    json!({ "is_activated": !resigned, "is_exited": false, "is_frozen": false, "is_resigned": resigned, "is_unjoin": false })
}

fn names_of(name: &str, en_name: Option<&str>) -> Value {
    let mut names = json!({ "zh_cn": name });
    if let Some(en_name) = en_name {
        names["en_us"] = json!(en_name);
    }
    names
}

impl OpenApi {
    fn department(&self, id: &str) -> Result<Arc<DepartmentEntry>, Refusal> {
        self.chats.directory.department(id).ok_or_else(|| {
            Refusal::new(
                40_015,
                format!("department does not exist: nobody made `{}`; check the department_id, the root is 0", crate::error::clip(id)),
            )
            .with_status(StatusCode::BAD_REQUEST)
        })
    }

    fn user(&self, app: &AppEntry, form: IdType, index: u32) -> Value {
        let Some(person) = self.chats.directory.entry(index) else { return json!({}) };
        let avatar = self.avatar_url(index);
        let departments: Vec<&str> =
            if person.departments.is_empty() { vec![ROOT] } else { person.departments.iter().map(String::as_str).collect() };
        let orders: Vec<Value> = departments
            .iter()
            .enumerate()
            .map(|(at, id)| json!({ "department_id": id, "user_order": 0, "department_order": departments.len() - at, "is_primary_dept": at == 0 }))
            .collect();
        let mut user = json!({
            "open_id": self.chats.seal.open_id(app.bot, index),
            "union_id": self.chats.seal.union_id(index),
            "user_id": person.user_id,
            "name": person.name,
            "avatar": { "avatar_72": avatar, "avatar_240": avatar, "avatar_640": avatar, "avatar_origin": avatar },
            "status": status(person.resigned),
            "department_ids": departments,
            "orders": orders,
            "employee_no": person.user_id,
            "employee_type": 1,
            "is_tenant_manager": false,
            "mobile_visible": person.mobile.is_some(),
        });
        let leader =
            person.leader.as_deref().and_then(|leader| self.chats.directory.index(leader)).map(|leader| self.id_of(app, form, leader));
        for (field, value) in [
            ("en_name", person.en_name.clone()),
            ("email", person.email.clone()),
            ("mobile", person.mobile.clone()),
            ("job_title", person.title.clone()),
            ("leader_user_id", leader),
        ] {
            if let Some(value) = value {
                user[field] = Value::String(value);
            }
        }
        user
    }

    fn department_object(&self, app: &AppEntry, form: IdType, entry: &DepartmentEntry) -> Value {
        let mut department = json!({
            "name": entry.name,
            "i18n_name": { "zh_cn": entry.name },
            "parent_department_id": entry.parent,
            "department_id": entry.department_id,
            "open_department_id": entry.department_id,
            "order": entry.order.to_string(),
            "member_count": self.chats.directory.count_below(&entry.department_id),
            "status": { "is_deleted": false },
        });
        if let Some(leader) = entry.leader.as_deref().and_then(|leader| self.chats.directory.index(leader)) {
            let leader = self.id_of(app, form, leader);
            department["leaders"] = json!([{ "leaderType": 1, "leaderID": leader }]);
            department["leader_user_id"] = json!(leader);
        }
        department
    }
}
