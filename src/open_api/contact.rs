//! People and departments: find and read.

mod change;
mod department;
mod scope;
mod search;

pub use change::{create, patch, remove, resurrect, update};
pub use department::{create_department, patch_department, remove_department, update_department, update_department_id};
pub use scope::scopes;
pub use search::{search_departments, search_people};

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Refusal, Violation};
use super::identity::IdType;
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::directory::{DepartmentEntry, EditRefused, PersonEntry, ROOT, Unique};
use axum::http::StatusCode;
use protocol::error::ErrorCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// People on one page when nothing is said.
const PAGE_DEFAULT: usize = 10;
/// People or departments on one page; the platform has 50, which makes a full list of a large organisation slow.
const PAGE_MAX: usize = 500;
/// People or departments asked for by id in one call; the platform takes 50.
const BATCH_MAX: usize = 500;

/// `GET contact/v3/users/:user_id`
pub async fn user(mut call: Call) -> Answer {
    let forms = forms(&mut call)?;
    let index = call.api.meant(&call.app, forms.users, &call.input.path("user_id"))?;
    Ok(Reply::Data(json!({ "user": call.api.user(&call.app, forms, index) })))
}

/// `GET contact/v3/users/batch`
pub async fn users(mut call: Call) -> Answer {
    let ids = call.input.asked_list("user_ids", BATCH_MAX);
    let forms = forms(&mut call)?;
    // Who is not known is left out, as the platform does; the caller sees it by the missing entry.
    let people = ids.iter().filter_map(|id| call.api.meant(&call.app, forms.users, id).ok());
    let items: Vec<Value> = people.map(|index| call.api.user(&call.app, forms, index)).collect();
    Ok(Reply::Data(json!({ "items": items })))
}

/// `GET contact/v3/users/find_by_department`, and the older list: people directly in a department.
pub async fn users_of_department(mut call: Call) -> Answer {
    let department = call.input.asked("department_id").unwrap_or_else(|| ROOT.to_owned());
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    let forms = forms(&mut call)?;
    let department = call.api.department_seen(&call.app, forms, &department)?;
    let mut people = call.api.chats.directory.people_after(&department.department_id, page.number()?, page.size + 1);
    let more = people.len() > page.size;
    people.truncate(page.size);
    let next = people.last().filter(|_| more).map(u32::to_string);
    let items = people.into_iter().map(|index| call.api.user(&call.app, forms, index)).collect();
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
        let person = index
            .and_then(|index| Some((index, directory.entry(index)?)))
            .filter(|(index, person)| (include_resigned || !person.resigned) && call.api.auth.sees_person(&call.app, *index));
        if let Some((index, person)) = person {
            entry["user_id"] = json!(call.api.id_of(&call.app, form, index));
            entry["status"] = status(&person);
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
    let forms = forms(&mut call)?;
    let entry = call.api.department_seen(&call.app, forms, &call.input.path("department_id"))?;
    Ok(Reply::Data(json!({ "department": call.api.department_object(&call.app, forms, &entry) })))
}

/// `GET contact/v3/departments/batch`
pub async fn departments(mut call: Call) -> Answer {
    let ids = call.input.asked_list("department_ids", BATCH_MAX);
    let forms = forms(&mut call)?;
    let found = ids.iter().filter_map(|id| call.api.department_seen(&call.app, forms, id).ok());
    let items: Vec<Value> = found.map(|entry| call.api.department_object(&call.app, forms, &entry)).collect();
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
    let forms = forms(call)?;
    let parent = call.api.department_seen(&call.app, forms, parent)?;
    let start: usize = page.number()?.unwrap_or(0);
    // Level by level from the top, each in its own order: the same walk for every page.
    let mut found: Vec<Arc<DepartmentEntry>> = call.api.chats.directory.children(&parent.department_id);
    let mut at = 0;
    while recursive && at < found.len() && found.len() <= start + page.size {
        let inner = call.api.chats.directory.children(&found[at].department_id);
        found.extend(inner);
        at += 1;
    }
    let end = (start + page.size).min(found.len());
    let next = (end < found.len()).then(|| end.to_string());
    let items = found.get(start..end).unwrap_or_default().iter().map(|entry| call.api.department_object(&call.app, forms, entry)).collect();
    Ok(page::reply(items, next))
}

/// `GET contact/v3/departments/parent`: from the nearest up.
pub async fn parents(mut call: Call) -> Answer {
    let department = call.input.asked_required("department_id");
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    let forms = forms(&mut call)?;
    let mut entry = call.api.department_seen(&call.app, forms, &department)?;
    let mut above = Vec::new();
    while entry.department_id != ROOT
        && entry.parent != ROOT
        && above.len() < crate::limits::DEPARTMENT_DEPTH_MAX
        && call.api.auth.sees_department(&call.app, &entry.parent)
        && let Some(parent) = call.api.chats.directory.department(&entry.parent)
    {
        entry = parent;
        above.push(entry.clone());
    }
    let start: usize = page.number()?.unwrap_or(0).min(above.len());
    let end = (start + page.size).min(above.len());
    let next = (end < above.len()).then(|| end.to_string());
    Ok(page::reply(above[start..end].iter().map(|entry| call.api.department_object(&call.app, forms, entry)).collect(), next))
}

/// How a caller names people and departments.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    users: IdType,
    /// Departments by the ids that other systems chose.
    chosen_ids: bool,
}

/// Reads both id types, and refuses what was wrong up to here in the way of these calls.
fn forms(call: &mut Call) -> Result<Forms, Refusal> {
    let users = IdType::read(&mut call.input, "user_id_type");
    let word = call.input.asked_word("department_id_type", &["open_department_id", "department_id"], "open_department_id");
    call.checked()?;
    Ok(Forms { users, chosen_ids: word == "department_id" })
}

/// Our ids of departments that a caller names, and whether it names them by the ids that were chosen for them.
pub fn departments_of(call: &mut Call, ids: &[String]) -> Result<(Vec<String>, bool), Refusal> {
    let chosen_ids =
        call.input.asked_word("department_id_type", &["open_department_id", "department_id"], "open_department_id") == "department_id";
    call.input.checked()?;
    let forms = Forms { users: IdType::Open, chosen_ids };
    let one = |id: &String| call.api.department_seen(&call.app, forms, id).map(|entry| entry.department_id.clone());
    Ok((ids.iter().map(one).collect::<Result<_, _>>()?, chosen_ids))
}

impl Call {
    /// Refuses what was wrong up to here, with the codes of these calls.
    fn checked(&mut self) -> Result<(), Refusal> {
        self.input.checked().map_err(|refusal| Refusal { code: contact_code(&refusal.violations), ..refusal })
    }
}

fn contact_code(violations: &[Violation]) -> u32 {
    match violations.first().map(|one| one.field.as_str()) {
        Some("page_size") => 40_011,
        Some("page_token") => 40_012,
        _ => 40_001,
    }
}

/// Why an edit was refused, in the platform's codes.
impl From<EditRefused> for Refusal {
    fn from(refused: EditRefused) -> Self {
        let (code, sentence) = match refused {
            EditRefused::NoPerson => (41_012, "user id invalid: nobody has it; check the id and its type".to_owned()),
            EditRefused::Resigned => {
                (42_006, "user has resigned: the person has left the organisation; take the person in again first".to_owned())
            }
            EditRefused::NoDepartment(id) => (
                40_015,
                format!(
                    "department does not exist: nobody made `{}`; check the id and `department_id_type`, the root is 0",
                    crate::error::clip(&id)
                ),
            ),
            EditRefused::Taken { field, by } => match field {
                Unique::UserId => (41_011, format!("user id exists: `{by}` has it; choose another one, or change that person")),
                Unique::Mobile => (41_001, format!("mobile exists: the number is `{by}`'s; check it, or change that person first")),
                Unique::Email => (41_002, format!("email exists: the address is `{by}`'s; check it, or change that person first")),
                Unique::DepartmentId => {
                    (43_007, format!("duplicated department custom id: the department `{by}` has it; choose another one"))
                }
                Unique::DepartmentName => {
                    (43_022, format!("department name duplicate: the department `{by}` beside it has the same name; choose another one"))
                }
            },
            EditRefused::CustomId(why) => (43_008, format!("custom department id invalid: {why}; choose another one")),
            EditRefused::HasPeople(count) => (43_011, format!("the department has {count} people; move them to other departments first")),
            EditRefused::HasDepartments(count) => {
                (43_012, format!("the department has {count} departments below it; move or delete them first"))
            }
            EditRefused::Root => (40_002, "the root of the tree cannot be changed here; its name is the operator's setting".to_owned()),
            EditRefused::Circle => {
                (40_001, "param error: the department would stand below itself; choose a `parent_department_id` outside of it".to_owned())
            }
            EditRefused::TooDeep => (
                43_019,
                format!(
                    "the tree would be too deep: at most {} levels; choose a parent further up",
                    crate::limits::DEPARTMENT_DEPTH_MAX - 1
                ),
            ),
            EditRefused::Other(error) => {
                return match error.code {
                    ErrorCode::InvalidValue | ErrorCode::TooLarge => Refusal::new(40_001, format!("param error: {error}")),
                    ErrorCode::PersonNotFound => Refusal::new(41_012, format!("user id invalid: {error}")),
                    _ => Refusal::of(super::error::Act::Chat, error),
                };
            }
        };
        Refusal::new(code, sentence)
    }
}

fn status(person: &PersonEntry) -> Value {
    let frozen = person.more.as_ref().is_some_and(|more| more.frozen);
    json!({
        "is_activated": !person.resigned,
        "is_exited": false,
        "is_frozen": frozen,
        "is_resigned": person.resigned,
        "is_unjoin": false,
    })
}

fn names_of(name: &str, en_name: Option<&str>) -> Value {
    let mut names = json!({ "zh_cn": name });
    if let Some(en_name) = en_name {
        names["en_us"] = json!(en_name);
    }
    names
}

impl OpenApi {
    /// The department that is meant by an id, when this app may see it.
    fn department_seen(&self, app: &AppEntry, forms: Forms, id: &str) -> Result<Arc<DepartmentEntry>, Refusal> {
        let entry = self.department_meant(forms, id)?;
        if self.auth.sees_department(app, &entry.department_id) { Ok(entry) } else { Err(no_department_right(id)) }
    }

    fn department_meant(&self, forms: Forms, id: &str) -> Result<Arc<DepartmentEntry>, Refusal> {
        let directory = &self.chats.directory;
        let entry = if forms.chosen_ids { directory.department_shown_as(id) } else { directory.department(id) };
        entry.ok_or_else(|| EditRefused::NoDepartment(id.to_owned()).into())
    }

    /// The id of a department in the form that the caller asked for.
    fn shown_department(&self, forms: Forms, id: &str) -> String {
        let entry = if forms.chosen_ids { self.chats.directory.department(id) } else { None };
        entry.map_or_else(|| id.to_owned(), |entry| entry.shown_id().to_owned())
    }

    /// The same for callers that name no people.
    pub fn department_named(&self, chosen_ids: bool, id: &str) -> String {
        self.shown_department(Forms { users: IdType::Open, chosen_ids }, id)
    }

    fn user(&self, app: &AppEntry, forms: Forms, index: u32) -> Value {
        let Some(person) = self.chats.directory.entry(index) else { return json!({}) };
        let avatar = self.avatar_url(index);
        let departments: Vec<&str> =
            if person.departments.is_empty() { vec![ROOT] } else { person.departments.iter().map(String::as_str).collect() };
        let more = person.more();
        let orders: Vec<Value> = departments
            .iter()
            .enumerate()
            .map(|(at, id)| {
                let order = more.orders.iter().find(|order| order.department_id == *id);
                let department_order = order.map_or((departments.len() - at) as u32, |order| order.department_order);
                json!({
                    "department_id": self.shown_department(forms, id),
                    "user_order": order.map_or(0, |order| order.user_order),
                    "department_order": department_order,
                    "is_primary_dept": at == 0,
                })
            })
            .collect();
        let mut user = json!({
            "open_id": self.chats.seal.open_id(app.bot, index),
            "union_id": self.chats.seal.union_id(index),
            "user_id": person.user_id,
            "name": person.name,
            "gender": more.gender,
            "avatar": { "avatar_72": avatar, "avatar_240": avatar, "avatar_640": avatar, "avatar_origin": avatar },
            "status": status(&person),
            "department_ids": departments.iter().map(|id| self.shown_department(forms, id)).collect::<Vec<_>>(),
            "orders": orders,
            "employee_no": more.employee_no.as_ref().unwrap_or(&person.user_id),
            "employee_type": more.employee_type.max(1),
            "is_tenant_manager": false,
            "mobile_visible": !more.mobile_hidden,
        });
        let id_of = |user_id: &str| self.chats.directory.index(user_id).map(|index| self.id_of(app, forms.users, index));
        for (field, value) in [
            ("en_name", person.en_name.clone()),
            ("nickname", more.nickname),
            ("email", person.email.clone()),
            ("mobile", person.mobile.clone()),
            ("job_title", person.title.clone()),
            ("leader_user_id", person.leader.as_deref().and_then(id_of)),
            ("city", more.city),
            ("country", more.country),
            ("work_station", more.work_station),
            ("enterprise_email", more.enterprise_email),
            ("job_level_id", more.job_level_id),
            ("job_family_id", more.job_family_id),
        ] {
            if let Some(value) = value {
                user[field] = Value::String(value);
            }
        }
        if let Some(join_time_s) = more.join_time_s {
            user["join_time"] = json!(join_time_s);
        }
        if !more.dotted_leaders.is_empty() {
            user["dotted_line_leader_user_ids"] = json!(more.dotted_leaders.iter().filter_map(|id| id_of(id)).collect::<Vec<_>>());
        }
        if let Some(attributes) = more.custom_attrs.and_then(|json| serde_json::from_str::<Value>(&json).ok()) {
            user["custom_attrs"] = attributes;
        }
        user
    }

    fn department_object(&self, app: &AppEntry, forms: Forms, entry: &DepartmentEntry) -> Value {
        let directory = &self.chats.directory;
        let mut department = json!({
            "name": entry.name,
            "i18n_name": { "zh_cn": entry.name },
            "parent_department_id": self.shown_department(forms, &entry.parent),
            "department_id": entry.shown_id(),
            "open_department_id": entry.department_id,
            "order": entry.order.to_string(),
            "member_count": directory.count_below(&entry.department_id),
            "primary_member_count": directory.count_with_main(&entry.department_id),
            "status": { "is_deleted": false },
        });
        for (locale, name) in [("en_us", &entry.en_name), ("ja_jp", &entry.ja_name)] {
            if let Some(name) = name {
                department["i18n_name"][locale] = json!(name);
            }
        }
        let id_of = |user_id: &str| directory.index(user_id).map(|index| self.id_of(app, forms.users, index));
        let leader = entry.leader.as_deref().and_then(id_of);
        let deputies = entry.deputies.iter().filter_map(|deputy| id_of(deputy));
        let leaders: Vec<Value> = leader
            .iter()
            .map(|id| json!({ "leaderType": 1, "leaderID": id }))
            .chain(deputies.map(|id| json!({ "leaderType": 2, "leaderID": id })))
            .collect();
        if !leaders.is_empty() {
            department["leaders"] = Value::Array(leaders);
        }
        if let Some(leader) = leader {
            department["leader_user_id"] = json!(leader);
        }
        if !entry.hrbps.is_empty() {
            department["department_hrbps"] = json!(entry.hrbps.iter().filter_map(|id| id_of(id)).collect::<Vec<_>>());
        }
        if !entry.unit_ids.is_empty() {
            department["unit_ids"] = json!(entry.unit_ids);
        }
        if let Some(chat) = entry.chat {
            department["chat_id"] = json!(self.chats.seal.chat_id(crate::ids::ChatKey(chat)));
        }
        department
    }
}

fn no_department_right(id: &str) -> Refusal {
    Refusal::new(
        40_004,
        format!(
            "no department authority: `{}` is outside of what this app may see; ask the operator to extend the app's range",
            crate::error::clip(id)
        ),
    )
    .with_status(StatusCode::FORBIDDEN)
}
