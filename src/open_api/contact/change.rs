//! People taken in, changed, and let go.

use super::{Forms, forms};
use crate::auth::AppEntry;
use crate::directory::{EditRefused, EditToken, PersonEntry, PersonMore, PersonOrder, ROOT};
use crate::limits::{DEPARTMENTS_PER_PERSON_MAX, NAME_BYTES_MAX, USER_ID_BYTES_MAX};
use crate::open_api::OpenApi;
use crate::open_api::envelope::{Answer, Call, Reply};
use crate::open_api::error::{Act, Refusal, Refused};
use crate::open_api::input::Input;
use protocol::error::ErrorCode;
use protocol::person::PersonKind;
use serde_json::{Value, json};

/// Characters of a `client_token`.
const TOKEN_CHARACTERS_MAX: usize = 128;
/// People who lead somebody beside the leader.
const DOTTED_LEADERS_MAX: usize = DEPARTMENTS_PER_PERSON_MAX;
/// Largest first day, s since 1970: year 2514.
const JOIN_TIME_MAX: u64 = 17_179_869_180;

/// `POST contact/v3/users`
pub async fn create(mut call: Call) -> Answer {
    let token = client_token(&mut call);
    let user_id = call.input.text("user_id").filter(|id| !id.is_empty());
    let asked = Asked::read(&mut call, true).await?;
    // Eight letters and digits, as the platform draws them.
    let user_id = user_id.unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
    let mut person = PersonEntry::new(user_id, "", PersonKind::Person);
    call.api.apply(&call.app, &asked, &mut person)?;
    if person.user_id.len() > USER_ID_BYTES_MAX {
        return Err(Refusal::new(
            41_043,
            format!("employee id invalid: `user_id` has more than {USER_ID_BYTES_MAX} characters; choose a shorter one"),
        ));
    }
    let index = call.api.chats.directory.create_person(person, token).await?;
    if let Some(password) = asked.password {
        call.api.auth.set_password(index, password).await.map_err(|error| Refusal::from(EditRefused::Other(error)))?;
    }
    Ok(Reply::Data(json!({ "user": call.api.user(&call.app, asked.forms, index) })))
}

/// `PATCH contact/v3/users/:user_id`: what is missing stays.
pub async fn patch(call: Call) -> Answer {
    change(call, false).await
}

/// `PUT contact/v3/users/:user_id`: what is missing is emptied.
pub async fn update(call: Call) -> Answer {
    change(call, true).await
}

async fn change(mut call: Call, whole: bool) -> Answer {
    let asked = Asked::read(&mut call, whole).await?;
    let index = call.api.person_meant(&call.app, asked.forms, &call.input.path("user_id"))?;
    let (api, app) = (&call.api, &call.app);
    let mut barred = false;
    let edited = api.chats.directory.edit_person(index, None, |person| {
        if person.resigned {
            return Err(Refusal::from(EditRefused::Resigned));
        }
        api.apply(app, &asked, person)?;
        barred = person.more.as_ref().is_some_and(|more| more.frozen);
        Ok(())
    });
    edited.await?;
    if barred {
        api.auth.sign_out_everywhere(index).await.or_refuse(Act::Chat)?;
    }
    if let Some(password) = asked.password {
        api.auth.set_password(index, password).await.map_err(|error| Refusal::from(EditRefused::Other(error)))?;
    }
    Ok(Reply::Data(json!({ "user": api.user(app, asked.forms, index) })))
}

/// `DELETE contact/v3/users/:user_id`: the person has left. Devices are signed out before this answers; groups follow.
pub async fn remove(mut call: Call) -> Answer {
    let mut heirs = Vec::new();
    for field in HEIRS {
        heirs.extend(call.input.text(field).filter(|id| !id.is_empty()));
    }
    let forms = forms(&mut call)?;
    let index = call.api.person_meant(&call.app, forms, &call.input.path("user_id"))?;
    let (api, app) = (&call.api, &call.app);
    let mut heir = None;
    for id in heirs {
        let found = api.person_meant(app, forms, &id).ok().filter(|found| *found != index && !api.chats.directory.resigned(*found));
        let found = found.ok_or_else(|| {
            Refusal::new(
                41_052,
                format!(
                    "user resign acceptor invalid: `{}` is nobody who can take over; name somebody who works here, by the id type of the call",
                    crate::error::clip(&id)
                ),
            )
        })?;
        // The first one takes over the groups; there is nothing else here to take over.
        heir.get_or_insert(found);
    }
    let edited = api.chats.directory.edit_person(index, heir, |person| {
        person.resigned = true;
        Ok::<_, EditRefused>(())
    });
    edited.await?;
    api.auth.sign_out_everywhere(index).await.or_refuse(Act::Chat)?;
    Ok(Reply::Data(json!({})))
}

/// Who takes over what somebody leaves behind; the one for groups first.
const HEIRS: [&str; 8] = [
    "department_chat_acceptor_user_id",
    "external_chat_acceptor_user_id",
    "docs_acceptor_user_id",
    "calendar_acceptor_user_id",
    "application_acceptor_user_id",
    "minutes_acceptor_user_id",
    "survey_acceptor_user_id",
    "anycross_acceptor_user_id",
];

/// `POST contact/v3/users/:user_id/resurrect`: the person is back, with an empty list of groups.
pub async fn resurrect(mut call: Call) -> Answer {
    let departments: Vec<String> = match call.input.value("departments") {
        None => Vec::new(),
        Some(Value::Array(list)) if list.len() <= DEPARTMENTS_PER_PERSON_MAX => {
            list.iter().filter_map(|one| one.get("department_id")?.as_str().map(str::to_owned)).collect()
        }
        Some(_) => {
            call.input.refuse("departments", format!("must be a list of up to {DEPARTMENTS_PER_PERSON_MAX} objects with `department_id`"));
            Vec::new()
        }
    };
    let forms = forms(&mut call)?;
    let (api, app) = (&call.api, &call.app);
    let index = api.person_meant(app, forms, &call.input.path("user_id"))?;
    let departments = api.departments_meant(app, forms, &departments)?;
    let edited = api.chats.directory.edit_person(index, None, |person| {
        person.resigned = false;
        if !departments.is_empty() {
            person.departments = departments;
        }
        Ok::<_, EditRefused>(())
    });
    edited.await?;
    Ok(Reply::Data(json!({})))
}

/// The key that makes trying a creation again harmless.
pub(super) fn client_token(call: &mut Call) -> Option<EditToken> {
    let key = call.input.asked("client_token")?;
    if key.chars().count() > TOKEN_CHARACTERS_MAX {
        call.input.refuse_asked("client_token", format!("has more than {TOKEN_CHARACTERS_MAX} characters"));
    }
    Some(EditToken { by: call.app.bot, key, now_ms: call.api.chats.clock.now_ms() })
}

/// What a caller says of a person. An outer none is a field that was not there, an inner one a field to be emptied.
struct Asked {
    forms: Forms,
    whole: bool,
    texts: Vec<(&'static str, Option<String>)>,
    departments: Option<Vec<String>>,
    orders: Option<Vec<Order>>,
    leader: Option<Option<u32>>,
    dotted_leaders: Option<Vec<u32>>,
    gender: Option<u8>,
    employee_type: Option<u8>,
    join_time_s: Option<u64>,
    mobile_visible: Option<bool>,
    frozen: Option<bool>,
    custom_attrs: Option<Option<String>>,
    password: Option<String>,
}

/// One entry of `orders`.
struct Order {
    department_id: Option<String>,
    user_order: u32,
    department_order: u32,
    primary: Option<bool>,
}

/// Fields that are plain texts.
const TEXTS: [&str; 13] = [
    "name",
    "en_name",
    "nickname",
    "email",
    "mobile",
    "avatar_key",
    "job_title",
    "city",
    "country",
    "work_station",
    "employee_no",
    "enterprise_email",
    "job_level_id",
];

impl Asked {
    async fn read(call: &mut Call, whole: bool) -> Result<Self, Refusal> {
        let input = &mut call.input;
        let mut texts = Vec::new();
        for name in TEXTS.into_iter().chain(["job_family_id"]) {
            let given = input.value(name).is_some();
            let text = input.text(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            if text.as_ref().is_some_and(|text| text.len() > NAME_BYTES_MAX * 4) {
                input.refuse(name, "is too long");
            }
            if given || whole {
                texts.push((name, text));
            }
        }
        for name in ["name", "mobile"] {
            if whole && input.value(name).is_none() {
                input.refuse(name, "is required");
            } else if name == "name" && texts.iter().any(|(given, text)| *given == name && text.is_none()) {
                input.refuse(name, "cannot be empty");
            }
        }
        let employee_type = input.value("employee_type").is_some().then(|| input.given_number("employee_type", 0, 255)).flatten();
        if whole && employee_type.is_none() {
            input.refuse("employee_type", "is required: 1 regular, 2 intern, 3 outsourced, 4 labour, 5 consultant");
        }
        let departments = input.value("department_ids").is_some().then(|| input.list("department_ids", DEPARTMENTS_PER_PERSON_MAX));
        if departments.as_ref().map_or(whole, Vec::is_empty) {
            input.refuse("department_ids", "is required and cannot be empty; the root is 0");
        }
        let orders = orders(input);
        let gender = input.given_number("gender", 0, 255);
        let join_time_s = input.given_number("join_time", 0, JOIN_TIME_MAX);
        let flag = |input: &mut Input, name: &str| input.value(name).is_some().then(|| input.flag(name));
        let (mobile_visible, frozen) = (flag(input, "mobile_visible"), flag(input, "is_frozen"));
        let dotted =
            input.value("dotted_line_leader_user_ids").is_some().then(|| input.list("dotted_line_leader_user_ids", DOTTED_LEADERS_MAX));
        let leader = input.value("leader_user_id").is_some().then(|| input.text("leader_user_id").unwrap_or_default());
        let custom_attrs = match input.value("custom_attrs") {
            None => None,
            Some(Value::Array(list)) => Some((!list.is_empty()).then(|| Value::Array(list.clone()).to_string())),
            Some(_) => {
                input.refuse("custom_attrs", "must be a list");
                None
            }
        };
        let password = input.text("password").filter(|password| !password.is_empty());
        let forms = forms(call)?;
        if gender.is_some_and(|gender| gender > 3) {
            return Err(Refusal::new(41_038, "gender invalid: it must be 0 unknown, 1 male, 2 female or 3 other"));
        }
        if employee_type == Some(0) {
            return Err(Refusal::new(
                41_059,
                "employee type invalid: it must be 1 regular, 2 intern, 3 outsourced, 4 labour, 5 consultant, or a number of your own up to 255",
            ));
        }
        let (api, app) = (&call.api, &call.app);
        if let Some((_, Some(key))) = texts.iter().find(|(name, _)| *name == "avatar_key") {
            api.chats.show_picture(app.bot, key).await.map_err(|error| match error.code {
                ErrorCode::FileNotFound | ErrorCode::InvalidValue => Refusal::new(
                    41_036,
                    format!(
                        "avatar key invalid: `{}` is not the key of a picture of this app; upload one with image_type=avatar",
                        crate::error::clip(key)
                    ),
                ),
                _ => Refusal::of(Act::Resource, error),
            })?;
        }
        let leads = |id: &str| {
            let leader = api.person_meant(app, forms, id)?;
            if api.chats.directory.resigned(leader) {
                return Err(Refusal::new(44_021, "leader is resigned: the leader has left the organisation; name somebody who works here"));
            }
            Ok(leader)
        };
        let leader = leader.map(|id| if id.is_empty() { Ok(None) } else { leads(&id).map(Some) }).transpose()?;
        let dotted_leaders = dotted.map(|ids| ids.iter().map(|id| leads(id)).collect::<Result<Vec<u32>, Refusal>>()).transpose()?;
        let departments = departments.map(|ids| api.departments_meant(app, forms, &ids)).transpose()?;
        Ok(Self {
            forms,
            whole,
            texts,
            departments,
            orders,
            leader,
            dotted_leaders,
            gender: gender.map(|gender| gender as u8),
            employee_type: employee_type.map(|kind| kind as u8),
            join_time_s,
            mobile_visible,
            frozen,
            custom_attrs,
            password,
        })
    }
}

fn orders(input: &mut Input) -> Option<Vec<Order>> {
    let list = match input.value("orders")? {
        Value::Array(list) if list.len() <= DEPARTMENTS_PER_PERSON_MAX && list.iter().all(Value::is_object) => list.clone(),
        _ => {
            input.refuse("orders", format!("must be a list of up to {DEPARTMENTS_PER_PERSON_MAX} objects"));
            return None;
        }
    };
    let number =
        |one: &Value, name: &str| one.get(name).map_or(Some(0), |value| value.as_u64().and_then(|number| u32::try_from(number).ok()));
    let read = |one: &Value| {
        Some(Order {
            department_id: one.get("department_id").and_then(Value::as_str).map(str::to_owned),
            user_order: number(one, "user_order")?,
            department_order: number(one, "department_order")?,
            primary: one.get("is_primary_dept").and_then(Value::as_bool),
        })
    };
    let orders: Option<Vec<Order>> = list.iter().map(read).collect();
    if orders.is_none() {
        input.refuse("orders", "must have `user_order` and `department_order` as numbers that are not negative");
    }
    orders
}

impl OpenApi {
    /// The person of an id; a bot is nobody here.
    pub(super) fn person_meant(&self, app: &AppEntry, forms: Forms, id: &str) -> Result<u32, Refusal> {
        let index = self.meant(app, forms.users, id)?;
        if self.is_bot(index) {
            return Err(Refusal::new(41_012, "user id invalid: it is a bot's; bots are made and named with their app"));
        }
        Ok(index)
    }

    fn departments_meant(&self, app: &AppEntry, forms: Forms, ids: &[String]) -> Result<Vec<String>, Refusal> {
        let mut departments: Vec<String> = Vec::with_capacity(ids.len());
        for id in ids {
            let id = self.department_seen(app, forms, id)?.department_id.clone();
            if !departments.contains(&id) {
                departments.push(id);
            }
        }
        // Who is in the root only is kept as in none.
        if departments.len() == 1 && departments[0] == ROOT {
            departments.clear();
        }
        Ok(departments)
    }

    /// Makes somebody what the caller says.
    fn apply(&self, app: &AppEntry, asked: &Asked, person: &mut PersonEntry) -> Result<(), Refusal> {
        let mut more = if asked.whole { PersonMore { frozen: person.more().frozen, ..PersonMore::default() } } else { person.more() };
        for (name, text) in &asked.texts {
            let text = text.clone();
            match *name {
                "name" => person.name = text.unwrap_or_default(),
                "en_name" => person.en_name = text,
                "nickname" => more.nickname = text,
                "email" => person.email = text,
                "mobile" => person.mobile = text,
                "avatar_key" => person.avatar = text,
                "job_title" => person.title = text,
                "city" => more.city = text,
                "country" => more.country = text,
                "work_station" => more.work_station = text,
                "employee_no" => more.employee_no = text,
                "enterprise_email" => more.enterprise_email = text,
                "job_level_id" => more.job_level_id = text,
                _ => more.job_family_id = text,
            }
        }
        if asked.leader.is_some() || asked.whole {
            let leader = asked.leader.flatten().map(|leader| self.chats.directory.user_id(leader).to_string());
            if leader.as_ref() == Some(&person.user_id) {
                return Err(Refusal::new(41_030, "set leader to oneself: nobody leads himself or herself; name another leader, or none"));
            }
            person.leader = leader;
        }
        if let Some(leaders) = &asked.dotted_leaders {
            more.dotted_leaders = self.chats.user_ids(leaders.iter().copied());
        }
        more.gender = asked.gender.unwrap_or(more.gender);
        more.employee_type = asked.employee_type.map_or(more.employee_type, |kind| if kind == 1 { 0 } else { kind });
        more.join_time_s = asked.join_time_s.or(more.join_time_s);
        more.mobile_hidden = asked.mobile_visible.map_or(more.mobile_hidden, |visible| !visible);
        more.frozen = asked.frozen.unwrap_or(more.frozen);
        if let Some(attributes) = &asked.custom_attrs {
            more.custom_attrs = attributes.clone();
        }
        if let Some(departments) = &asked.departments {
            person.departments = departments.clone();
            more.orders.clear();
        }
        if let Some(orders) = &asked.orders {
            self.order(app, asked.forms, orders, person, &mut more)?;
        }
        person.set_more(more);
        Ok(())
    }

    /// Puts somebody's departments into the order that the caller gives them: the main one first.
    fn order(
        &self,
        app: &AppEntry,
        forms: Forms,
        orders: &[Order],
        person: &mut PersonEntry,
        more: &mut PersonMore,
    ) -> Result<(), Refusal> {
        let of_the_person: Vec<String> = if person.departments.is_empty() { vec![ROOT.to_owned()] } else { person.departments.clone() };
        let mut kept: Vec<(PersonOrder, bool)> = Vec::with_capacity(orders.len());
        for (at, order) in orders.iter().enumerate() {
            let department_id = match &order.department_id {
                Some(id) => self.department_seen(app, forms, id)?.department_id.clone(),
                None => of_the_person.get(at).cloned().unwrap_or_default(),
            };
            if !of_the_person.contains(&department_id) || kept.iter().any(|(known, _)| known.department_id == department_id) {
                return Err(Refusal::new(
                    41_025,
                    format!(
                        "order department invalid: `{}` is not one of the person's departments, or stands there twice; `orders` names those of `department_ids`",
                        crate::error::clip(&department_id)
                    ),
                ));
            }
            let placed = PersonOrder { department_id, user_order: order.user_order, department_order: order.department_order };
            kept.push((placed, order.primary.unwrap_or(false)));
        }
        let first = kept.iter().map(|(order, _)| order.department_order).max().unwrap_or(0);
        if kept.iter().filter(|(_, primary)| *primary).count() > 1
            || kept.iter().any(|(order, primary)| *primary && order.department_order < first)
        {
            return Err(Refusal::new(
                41_410,
                "user primary dept must be the first department in the order: give the one with is_primary_dept the largest department_order, and only one",
            ));
        }
        let place = |id: &String| {
            let order = kept.iter().find(|(order, _)| order.department_id == *id);
            std::cmp::Reverse(order.map_or((0, false), |(order, primary)| (order.department_order, *primary)))
        };
        person.departments.sort_by_key(place);
        more.orders = kept.into_iter().map(|(order, _)| order).collect();
        Ok(())
    }
}
