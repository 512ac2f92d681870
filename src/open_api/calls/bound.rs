//! Groups that follow departments.

use super::field::*;
use super::{CallEntry, Family, delete, get, put, with_token};
use crate::limits::BOUND_DEPARTMENTS_MAX;
use crate::open_api::bound;

pub const FAMILY: Family =
    Family { name: "Groups of departments", meaning: "Groups whose members follow the tree of departments.", calls: CALLS };

const WRITE: &[&str] = &["im:chat", "im:chat.members:write_only"];

const DIRECT_ONLY: Field = flag("direct_only", "Only who is directly in them, without those of the departments below.");
const BOUND: &[Field] = &[
    texts("department_ids", "The departments; empty when the group follows none.").required(),
    DIRECT_ONLY,
    number("people_count", "People in them.").required(),
];
const BOUND_NOW: &[Field] =
    &joined::<5>(BOUND, &[number("added_count", "Who came into the group.").required(), number("removed_count", "Who went.").required()]);

const CALLS: &[CallEntry] = &[
    put("clarion/v1/chats/:chat_id/departments", with_token!(bound::bind))
        .means("Binds a group to departments instead of those before: who joins one joins the group, who leaves it leaves, but for those added by hand.")
        .scopes(WRITE)
        .changes()
        .query(&[DEPARTMENT_ID_TYPE])
        .json(&[texts("department_ids", "The departments; 0 is everybody.").max(BOUND_DEPARTMENTS_MAX as u64).required(), DIRECT_ONLY])
        .reply(BOUND_NOW),
    get("clarion/v1/chats/:chat_id/departments", with_token!(bound::bound))
        .means("The departments that a group follows.")
        .scopes(&["im:chat", "im:chat:readonly", "im:chat.members:read"])
        .query(&[DEPARTMENT_ID_TYPE])
        .reply(BOUND),
    delete("clarion/v1/chats/:chat_id/departments", with_token!(bound::unbind))
        .means("The group follows departments no more; whoever is in it stays.")
        .scopes(WRITE)
        .changes(),
];
