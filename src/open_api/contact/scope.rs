//! What of the organisation an app may see.

use super::forms;
use crate::directory::ROOT;
use crate::open_api::envelope::{Answer, Call, Reply};
use crate::open_api::page::{Page, wrong_token};
use serde_json::json;

/// `GET contact/v3/scopes`: people first, then departments. An app that sees everybody gets what is directly in the root.
pub async fn scopes(mut call: Call) -> Answer {
    let page = Page::read(&mut call.input, 50, 100);
    let forms = forms(&mut call)?;
    let (api, app) = (&call.api, &call.app);
    let directory = &api.chats.directory;
    // The token says which list goes on, and behind what.
    let place = page.token.as_deref().unwrap_or("p");
    let (list, after) = place.split_at_checked(1).ok_or_else(|| wrong_token(place))?;
    let after: Option<u32> = if after.is_empty() { None } else { Some(after.parse().map_err(|_| wrong_token(place))?) };
    if !matches!(list, "p" | "d") {
        return Err(wrong_token(place));
    }
    let mut people = Vec::new();
    if list == "p" {
        people = match &app.range {
            None => directory.people_after(ROOT, after, page.size + 1),
            Some(range) => {
                let known = range.people.iter().filter_map(|user_id| directory.index(user_id));
                let mut people: Vec<u32> =
                    known.filter(|index| after.is_none_or(|after| *index > after) && !directory.resigned(*index)).collect();
                people.sort_unstable();
                people.truncate(page.size + 1);
                people
            }
        };
    }
    let more_people = people.len() > page.size;
    people.truncate(page.size);
    let all: Vec<String> = match &app.range {
        None => directory.children(ROOT).iter().map(|child| child.department_id.clone()).collect(),
        Some(range) => range.departments.iter().filter(|id| directory.department(id).is_some()).cloned().collect(),
    };
    let from = if list == "d" { after.unwrap_or(0) as usize } else { 0 };
    let room = if more_people { 0 } else { page.size - people.len() };
    let departments: Vec<&String> = all.iter().skip(from).take(room).collect();
    let next = if more_people {
        people.last().map(|last| format!("p{last}"))
    } else {
        let to = from + departments.len();
        (to < all.len()).then(|| format!("d{to}"))
    };
    let mut data = json!({
        "department_ids": departments.iter().map(|id| api.shown_department(forms, id)).collect::<Vec<_>>(),
        "user_ids": people.iter().map(|index| api.id_of(app, forms.users, *index)).collect::<Vec<_>>(),
        "group_ids": [],
        "has_more": next.is_some(),
    });
    if let Some(next) = next {
        data["page_token"] = json!(next);
    }
    Ok(Reply::Data(data))
}
