//! People and departments.

use super::field::*;
use super::{CallEntry, Family, get, post, with_token};
use crate::open_api::contact;

pub const FAMILY: Family = Family { name: "People and departments", meaning: "Who works here, and where.", calls: CALLS };

/// Any of these reads people.
const READ_PEOPLE: &[&str] = &[
    "contact:contact.base:readonly",
    "contact:contact:readonly_as_app",
    "contact:contact:access_as_app",
    "contact:contact:readonly",
    "contact:user.base:readonly",
];
/// Any of these reads departments.
const READ_DEPARTMENTS: &[&str] = &[
    "contact:contact.base:readonly",
    "contact:contact:readonly_as_app",
    "contact:contact:access_as_app",
    "contact:contact:readonly",
    "contact:department.base:readonly",
    "contact:department.organize:readonly",
];

const BATCH_MAX: u64 = 500;
const PAGE_MAX: u64 = 500;

const AVATAR: &[Field] = &[
    text("avatar_72", "Address of the picture for 72 pixels.").required(),
    text("avatar_240", "The same for 240 pixels.").required(),
    text("avatar_640", "The same for 640 pixels.").required(),
    text("avatar_origin", "The same as it was uploaded.").required(),
];

const STATUS: &[Field] = &[
    flag("is_activated", "May sign in.").required(),
    flag("is_exited", "Left by own wish; never here.").required(),
    flag("is_frozen", "May not sign in for a while.").required(),
    flag("is_resigned", "Has left the organisation.").required(),
    flag("is_unjoin", "Has not joined yet; never here.").required(),
];

const ORDER: &[Field] = &[
    text("department_id", "The department.").required(),
    number("user_order", "Place among the people of the department.").required(),
    number("department_order", "Place among the departments of the person.").required(),
    flag("is_primary_dept", "It is the person's main department.").required(),
];

const USER: &[Field] = &[
    text("open_id", "As this app sees the person."),
    text("union_id", "As all apps see the person."),
    text("user_id", "Staff number."),
    text("name", "Name."),
    text("en_name", "Name in Latin letters."),
    text("email", "E-mail address."),
    text("mobile", "Mobile number."),
    flag("mobile_visible", "Others see the mobile number."),
    object("avatar", AVATAR, "Picture."),
    object("status", STATUS, "Where the person stands."),
    list("department_ids", &Kind::Text, "Departments, the main one first."),
    list("orders", &Kind::Object(ORDER), "Places in the departments."),
    text("employee_no", "Staff number."),
    number("employee_type", "1: regular."),
    flag("is_tenant_manager", "Administers the organisation."),
    text("job_title", "Title."),
    text("leader_user_id", "Whom the person reports to."),
];

const LEADER: &[Field] = &[number("leaderType", "1: the head.").required(), text("leaderID", "The person.").required()];

const DEPARTMENT: &[Field] = &[
    text("name", "Name.").required(),
    map("i18n_name", &Kind::Text, "Names by language.").required(),
    text("parent_department_id", "The department above; 0 for the root.").required(),
    text("department_id", "Its id.").required(),
    text("open_department_id", "The same id.").required(),
    text("order", "Place among its neighbours, as digits.").required(),
    number("member_count", "People in it and below it.").required(),
    object("status", &[flag("is_deleted", "It is gone.").required()], "Whether it is there.").required(),
    list("leaders", &Kind::Object(LEADER), "Who leads it."),
    text("leader_user_id", "Its head."),
];

const USER_PAGE: &[Field] = &[list("items", &Kind::Object(USER), "The people.").required(), HAS_MORE, NEXT_PAGE];
const DEPARTMENT_PAGE: &[Field] = &[list("items", &Kind::Object(DEPARTMENT), "The departments.").required(), HAS_MORE, NEXT_PAGE];

const FETCH_CHILD: Field = flag("fetch_child", "With everything below, level by level.");

const FOUND: &[Field] = &[
    text("user_id", "The person; missing when nobody has it."),
    text("mobile", "The mobile number that was asked for."),
    text("email", "The e-mail address that was asked for."),
    object("status", STATUS, "Where the person stands."),
];

const NAMED: &[Field] = &[
    text("user_id", "The id as it was asked for.").required(),
    text("name", "Name.").required(),
    map("i18n_name", &Kind::Text, "Names by language.").required(),
];

const CALLS: &[CallEntry] = &[
    get("contact/v3/users", with_token!(contact::users_of_department))
        .means("The people directly in a department, as the older list.")
        .scopes(READ_PEOPLE)
        .query(&[
            text("department_id", "The department; the root, 0, when it is missing."),
            USER_ID_TYPE,
            DEPARTMENT_ID_TYPE,
            page_size(PAGE_MAX),
            PAGE_TOKEN,
        ])
        .reply(USER_PAGE),
    get("contact/v3/users/find_by_department", with_token!(contact::users_of_department))
        .means("The people directly in a department.")
        .scopes(READ_PEOPLE)
        .query(&[
            text("department_id", "The department; the root, 0, when it is missing."),
            USER_ID_TYPE,
            DEPARTMENT_ID_TYPE,
            page_size(PAGE_MAX),
            PAGE_TOKEN,
        ])
        .reply(USER_PAGE),
    get("contact/v3/users/batch", with_token!(contact::users))
        .means("Several people by their ids; an id that nobody has is left out.")
        .scopes(READ_PEOPLE)
        .query(&[texts("user_ids", "The ids.").max(BATCH_MAX), USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .reply(&[list("items", &Kind::Object(USER), "The people.").required()]),
    post("contact/v3/users/batch_get_id", with_token!(contact::ids))
        .means("Finds people by e-mail address or mobile number.")
        .scopes(&["contact:user.id:readonly"])
        .query(&[USER_ID_TYPE])
        .json(&[
            texts("emails", "E-mail addresses.").max(BATCH_MAX),
            texts("mobiles", "Mobile numbers, those of other countries with their prefix.").max(BATCH_MAX),
            flag("include_resigned", "Also who has left."),
        ])
        .reply(&[list("user_list", &Kind::Object(FOUND), "One entry for each thing asked.").required()]),
    post("contact/v3/users/basic_batch", with_token!(contact::names))
        .means("The names of several people.")
        .scopes(&[
            "contact:user.basic_profile:readonly",
            "contact:contact.base:readonly",
            "contact:user.base:readonly",
            "contact:contact:readonly_as_app",
        ])
        .query(&[USER_ID_TYPE])
        .json(&[texts("user_ids", "The ids.").max(BATCH_MAX)])
        .reply(&[list("users", &Kind::Object(NAMED), "Who was found.").required()]),
    get("contact/v3/users/:user_id", with_token!(contact::user))
        .means("One person.")
        .scopes(READ_PEOPLE)
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .reply(&[object("user", USER, "The person.").required()]),
    get("contact/v3/departments", with_token!(contact::department_list))
        .means("The departments below one, as the older list.")
        .scopes(READ_DEPARTMENTS)
        .query(&[
            text("parent_department_id", "The department above; the root, 0, when it is missing."),
            FETCH_CHILD,
            USER_ID_TYPE,
            DEPARTMENT_ID_TYPE,
            page_size(PAGE_MAX),
            PAGE_TOKEN,
        ])
        .reply(DEPARTMENT_PAGE),
    get("contact/v3/departments/batch", with_token!(contact::departments))
        .means("Several departments by their ids; an id that no department has is left out.")
        .scopes(READ_DEPARTMENTS)
        .query(&[texts("department_ids", "The ids.").max(BATCH_MAX), USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .reply(&[list("items", &Kind::Object(DEPARTMENT), "The departments.").required()]),
    get("contact/v3/departments/parent", with_token!(contact::parents))
        .means("The departments above one, from the nearest up.")
        .scopes(READ_DEPARTMENTS)
        .query(&[text("department_id", "The department.").required(), USER_ID_TYPE, DEPARTMENT_ID_TYPE, page_size(PAGE_MAX), PAGE_TOKEN])
        .reply(DEPARTMENT_PAGE),
    get("contact/v3/departments/:department_id", with_token!(contact::department))
        .means("One department.")
        .scopes(READ_DEPARTMENTS)
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .reply(&[object("department", DEPARTMENT, "The department.").required()]),
    get("contact/v3/departments/:department_id/children", with_token!(contact::children))
        .means("The departments below one.")
        .scopes(READ_DEPARTMENTS)
        .query(&[FETCH_CHILD, USER_ID_TYPE, DEPARTMENT_ID_TYPE, page_size(PAGE_MAX), PAGE_TOKEN])
        .reply(DEPARTMENT_PAGE),
];
