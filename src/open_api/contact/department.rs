//! Departments made, changed, moved, and taken away.

use super::change::client_token;
use super::{Forms, forms, no_department_right};
use crate::auth::AppEntry;
use crate::directory::{DepartmentEntry, EditRefused, ROOT};
use crate::open_api::OpenApi;
use crate::open_api::envelope::{Answer, Call, Reply};
use crate::open_api::error::Refusal;
use crate::open_api::input::Input;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// People who lead a department, or care for its staff.
const PEOPLE_MAX: usize = 500;
/// Units of a department.
const UNITS_MAX: usize = 10;

/// `POST contact/v3/departments`
pub async fn create_department(mut call: Call) -> Answer {
    let token = client_token(&mut call);
    let custom_id = call.input.text("department_id").filter(|id| !id.is_empty());
    let asked = Asked::read(&mut call, true)?;
    let (api, app) = (&call.api, &call.app);
    let mut department = DepartmentEntry { custom_id, ..DepartmentEntry::default() };
    asked.apply(&mut department);
    if asked.order.is_none() {
        // Behind its sisters.
        let last = api.chats.directory.children(&department.parent).iter().map(|sister| sister.order).max();
        department.order = last.map_or(0, |last| last.saturating_add(1));
    }
    let id = api.chats.directory.create_department(department, token).await?;
    reply(api, app, asked.forms, &id)
}

/// `PATCH contact/v3/departments/:department_id`: what is missing stays.
pub async fn patch_department(call: Call) -> Answer {
    change(call, false).await
}

/// `PUT contact/v3/departments/:department_id`: what is missing is emptied.
pub async fn update_department(call: Call) -> Answer {
    change(call, true).await
}

async fn change(mut call: Call, whole: bool) -> Answer {
    let asked = Asked::read(&mut call, whole)?;
    let (api, app) = (&call.api, &call.app);
    let id = api.department_seen(app, asked.forms, &call.input.path("department_id"))?.department_id.clone();
    let edited = api.chats.directory.edit_department(&id, |department| {
        asked.apply(department);
        Ok::<_, EditRefused>(())
    });
    edited.await?;
    reply(api, app, asked.forms, &id)
}

/// `DELETE contact/v3/departments/:department_id`
pub async fn remove_department(mut call: Call) -> Answer {
    let forms = forms(&mut call)?;
    let id = call.api.department_seen(&call.app, forms, &call.input.path("department_id"))?.department_id.clone();
    call.api.chats.directory.remove_department(&id).await?;
    Ok(Reply::Data(json!({})))
}

/// `PATCH contact/v3/departments/:department_id/update_department_id`
pub async fn update_department_id(mut call: Call) -> Answer {
    let wanted = call.input.required("new_department_id");
    let forms = forms(&mut call)?;
    let id = call.api.department_seen(&call.app, forms, &call.input.path("department_id"))?.department_id.clone();
    let edited = call.api.chats.directory.edit_department(&id, |department| {
        department.custom_id = Some(wanted);
        Ok::<_, EditRefused>(())
    });
    edited.await?;
    Ok(Reply::Data(json!({})))
}

fn reply(api: &OpenApi, app: &AppEntry, forms: Forms, id: &str) -> Answer {
    let entry = api.chats.directory.department(id).ok_or_else(|| EditRefused::NoDepartment(id.to_owned()))?;
    Ok(Reply::Data(json!({ "department": api.department_object(app, forms, &entry) })))
}

/// What a caller says of a department. None is a field that was not there.
struct Asked {
    forms: Forms,
    whole: bool,
    name: Option<String>,
    en_name: Option<String>,
    ja_name: Option<String>,
    parent: Option<String>,
    order: Option<u32>,
    /// By `user_id`; an inner none takes the leader away.
    leader: Option<Option<String>>,
    deputies: Option<Vec<String>>,
    hrbps: Option<Vec<String>>,
    unit_ids: Option<Vec<String>>,
}

impl Asked {
    fn read(call: &mut Call, whole: bool) -> Result<Self, Refusal> {
        let input = &mut call.input;
        let name = input.text("name").map(|name| name.trim().to_owned());
        let locale = |locale: &str| {
            let text = input.value("i18n_name").and_then(|names| names.get(locale)).and_then(Value::as_str)?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        // One name in Chinese is kept; the platform shows the one for the locale before the plain one.
        let name = locale("zh_cn").or(name);
        let (en_name, ja_name) = (locale("en_us"), locale("ja_jp"));
        if name.as_deref().map_or(whole, str::is_empty) {
            input.refuse("name", "is required and cannot be empty");
        }
        let parent = input.text("parent_department_id").filter(|id| !id.is_empty());
        if whole && parent.is_none() {
            input.refuse("parent_department_id", "is required; the root is 0");
        }
        let order = input.given_number("order", 0, u64::from(u32::MAX));
        let leader = input.value("leader_user_id").is_some().then(|| input.text("leader_user_id").unwrap_or_default());
        let listed = leaders(input);
        let hrbps = input.value("department_hrbps").is_some().then(|| input.list("department_hrbps", PEOPLE_MAX));
        let unit_ids = input.value("unit_ids").is_some().then(|| input.list("unit_ids", UNITS_MAX));
        let forms = forms(call)?;
        let (api, app) = (&call.api, &call.app);
        if let Some(name) = [&name, &en_name, &ja_name].into_iter().flatten().find(|name| name.contains('/')) {
            return Err(Refusal::new(
                43_029,
                format!("department name must not contain a separator: `{}` has a `/`; leave it out", crate::error::clip(name)),
            ));
        }
        let parent = match parent {
            Some(id) => {
                let parent = api.department_meant(forms, &id)?;
                if !api.auth.sees_department(app, &parent.department_id) {
                    let refusal = no_department_right(&id);
                    return Err(Refusal { code: 40_014, ..refusal }.with_status(StatusCode::FORBIDDEN));
                }
                Some(parent.department_id.clone())
            }
            None => None,
        };
        let person = |id: &String| {
            let index = api.person_meant(app, forms, id)?;
            if api.chats.directory.resigned(index) {
                return Err(Refusal::from(EditRefused::Resigned));
            }
            Ok(api.chats.directory.user_id(index).to_string())
        };
        let people = |ids: Vec<String>| ids.iter().map(person).collect::<Result<Vec<String>, Refusal>>();
        let mut leader = leader.map(|id| if id.is_empty() { Ok(None) } else { person(&id).map(Some) }).transpose()?;
        let mut deputies = None;
        if let Some(listed) = listed {
            let (main, others): (Vec<_>, Vec<_>) = listed.into_iter().partition(|(main, _)| *main);
            let main = people(main.into_iter().map(|(_, id)| id).collect())?;
            let others = people(others.into_iter().map(|(_, id)| id).collect())?;
            if main.len() > 1 || (main.is_empty() && !others.is_empty()) {
                return Err(Refusal::new(40_018, "param error: `leaders` needs exactly one with leaderType 1"));
            }
            let main = main.into_iter().next();
            if leader.as_ref().is_some_and(|leader| *leader != main) {
                return Err(Refusal::new(
                    40_018,
                    "param error: `leader_user_id` and the one with leaderType 1 in `leaders` must be the same",
                ));
            }
            leader = Some(main);
            deputies = Some(others);
        }
        Ok(Self {
            forms,
            whole,
            name,
            en_name,
            ja_name,
            parent,
            order: order.and_then(|order| u32::try_from(order).ok()),
            leader,
            deputies,
            hrbps: hrbps.map(people).transpose()?,
            unit_ids,
        })
    }

    fn apply(&self, department: &mut DepartmentEntry) {
        if let Some(name) = &self.name {
            department.name.clone_from(name);
        }
        for (asked, kept) in [(&self.en_name, &mut department.en_name), (&self.ja_name, &mut department.ja_name)] {
            if asked.is_some() || self.whole {
                kept.clone_from(asked);
            }
        }
        department.parent = self.parent.clone().unwrap_or_else(|| std::mem::take(&mut department.parent));
        department.order = self.order.unwrap_or(department.order);
        if self.leader.is_some() || self.whole {
            department.leader = self.leader.clone().flatten();
        }
        if self.deputies.is_some() || self.whole {
            department.deputies = self.deputies.clone().unwrap_or_default();
        }
        if self.hrbps.is_some() || self.whole {
            department.hrbps = self.hrbps.clone().unwrap_or_default();
        }
        if self.unit_ids.is_some() || self.whole {
            department.unit_ids = self.unit_ids.clone().unwrap_or_default();
        }
        if department.parent.is_empty() {
            department.parent = ROOT.to_owned();
        }
    }
}

/// The list `leaders`: whether each is the main one, and the id.
fn leaders(input: &mut Input) -> Option<Vec<(bool, String)>> {
    let read = |one: &Value| {
        let kind = one.get("leaderType").and_then(Value::as_u64).filter(|kind| (1..=2).contains(kind))?;
        Some((kind == 1, one.get("leaderID").and_then(Value::as_str)?.to_owned()))
    };
    let leaders: Option<Vec<(bool, String)>> = match input.value("leaders")? {
        Value::Array(list) if list.len() <= PEOPLE_MAX => list.iter().map(read).collect(),
        _ => None,
    };
    if leaders.is_none() {
        input.refuse("leaders", format!("must be a list of up to {PEOPLE_MAX} objects with `leaderType` 1 or 2 and `leaderID`"));
    }
    leaders
}
