//! People and departments by a part of their name. The platform answers these to people only; here an app may ask too.

use super::{PAGE_MAX, forms};
use crate::directory::ROOT;
use crate::limits::{QUERY_CHARACTERS_MAX, SEARCH_RESULTS_MAX};
use crate::open_api::envelope::{Answer, Call, Reply};
use crate::open_api::error::Refusal;
use crate::open_api::page::{self, Page, wrong_token};
use serde_json::{Value, json};

/// `GET search/v1/user`
pub async fn search_people(mut call: Call) -> Answer {
    let query = call.input.asked_required("query");
    let page = Page::read(&mut call.input, 20, 200);
    call.input.checked()?;
    check_query(&query)?;
    if page.number::<usize>()?.is_some_and(|from| from > SEARCH_RESULTS_MAX) {
        return Err(wrong_token(page.token.as_deref().unwrap_or_default()));
    }
    let (api, app) = (&call.api, &call.app);
    let directory = api.chats.directory.clone();
    // A search looks at every name; other calls of this thread must not wait for it.
    let found = tokio::task::spawn_blocking(move || directory.search(&query, page.size, page.token.as_deref()));
    let found = found.await.map_err(|_| Refusal::internal())?;
    let seen = found.people.into_iter().filter(|index| !api.is_bot(*index) && api.auth.sees_person(app, *index));
    let users: Vec<Value> = seen
        .filter_map(|index| {
            let person = api.chats.directory.entry(index)?;
            let avatar = api.avatar_url(index);
            let departments = if person.departments.is_empty() { vec![ROOT.to_owned()] } else { person.departments.clone() };
            Some(json!({
                "name": person.name,
                "open_id": api.chats.seal.open_id(app.bot, index),
                "user_id": person.user_id,
                "department_ids": departments,
                "avatar": { "avatar_72": avatar, "avatar_240": avatar, "avatar_640": avatar, "avatar_origin": avatar },
            }))
        })
        .collect();
    let mut data = json!({ "users": users, "has_more": found.next.is_some() });
    if let Some(next) = found.next {
        data["page_token"] = json!(next);
    }
    Ok(Reply::Data(data))
}

/// `POST contact/v3/departments/search`
pub async fn search_departments(mut call: Call) -> Answer {
    let query = call.input.required("query");
    let page = Page::read(&mut call.input, 20, PAGE_MAX);
    let forms = forms(&mut call)?;
    check_query(&query)?;
    let start: usize = page.number()?.unwrap_or(0);
    let (api, app) = (&call.api, &call.app);
    let directory = api.chats.directory.clone();
    let found = tokio::task::spawn_blocking(move || directory.search_departments(&query)).await.map_err(|_| Refusal::internal())?;
    let seen: Vec<_> = found.into_iter().filter(|entry| api.auth.sees_department(app, &entry.department_id)).collect();
    let end = (start.saturating_add(page.size)).min(seen.len());
    let next = (end < seen.len()).then(|| end.to_string());
    let items = seen.get(start..end).unwrap_or_default().iter().map(|entry| api.department_object(app, forms, entry)).collect();
    Ok(page::reply(items, next))
}

fn check_query(query: &str) -> Result<(), Refusal> {
    if query.trim().is_empty() || query.chars().count() > QUERY_CHARACTERS_MAX {
        return Err(Refusal::field("query", query, format!("must have 1 to {QUERY_CHARACTERS_MAX} characters")));
    }
    Ok(())
}
