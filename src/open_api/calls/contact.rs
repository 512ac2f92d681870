//! People and departments.

use super::field::*;
use super::{CallEntry, Family, delete, get, patch, post, put, with_token};
use crate::limits::DEPARTMENTS_PER_PERSON_MAX;
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
    text("employee_no", "Number on the pay sheet; the user_id where there is no other."),
    number("employee_type", "1 regular, 2 intern, 3 outsourced, 4 labour, 5 consultant, or the organisation's own."),
    flag("is_tenant_manager", "Administers the organisation."),
    text("job_title", "Title."),
    text("leader_user_id", "Whom the person reports to."),
    texts("dotted_line_leader_user_ids", "Whom the person reports to beside the leader."),
    text("nickname", "As colleagues call the person."),
    number("gender", "0 unknown, 1 male, 2 female, 3 other."),
    number("join_time", "First day, seconds since 1970."),
    text("city", "Place of work."),
    text("country", "Country's code."),
    text("work_station", "Desk."),
    text("enterprise_email", "E-mail address that the organisation gave."),
    text("job_level_id", "Level."),
    text("job_family_id", "Family of jobs."),
    list("custom_attrs", &Kind::Any, "Fields of the organisation's own, as they were sent."),
];

const MANY: u64 = DEPARTMENTS_PER_PERSON_MAX as u64;

/// What can be said of a person.
const PERSON: &[Field] = &[
    text("name", "Name.").private(),
    text("en_name", "Name in Latin letters.").private(),
    text("nickname", "As colleagues call the person.").private(),
    text("email", "E-mail address; nobody else has it.").private(),
    text("mobile", "Mobile number, those of other countries with their prefix; nobody else has it.").private(),
    flag("mobile_visible", "Colleagues see the mobile number; true when it is missing."),
    number("gender", "0 unknown, 1 male, 2 female, 3 other.").min(0).max(255),
    text("avatar_key", "Key of a picture that this app has uploaded."),
    text("job_title", "Title.").private(),
    text("leader_user_id", "Whom the person reports to; empty for nobody."),
    texts("dotted_line_leader_user_ids", "Whom the person reports to beside the leader.").max(MANY),
    texts("department_ids", "Departments, the main one first; the root is 0.").max(MANY),
    any("orders", "Places in the departments: objects with department_id, user_order, department_order, is_primary_dept."),
    number("employee_type", "1 regular, 2 intern, 3 outsourced, 4 labour, 5 consultant, or the organisation's own.").min(0).max(255),
    text("employee_no", "Number on the pay sheet."),
    number("join_time", "First day, seconds since 1970.").min(0).max(JOIN_TIME_MAX),
    text("city", "Place of work."),
    text("country", "Country's code."),
    text("work_station", "Desk."),
    text("enterprise_email", "E-mail address that the organisation gave.").private(),
    text("job_level_id", "Level."),
    text("job_family_id", "Family of jobs."),
    any("custom_attrs", "Fields of the organisation's own, a list; kept as it is sent.").private(),
    flag("is_frozen", "May not sign in for now; all devices are signed out."),
    text("password", "Extension: the password, where people sign in with one kept here.").private(),
];

/// Largest `join_time`: year 2514.
const JOIN_TIME_MAX: u64 = 17_179_869_180;

const NEW_PERSON: &[Field] =
    &joined::<26>(&[text("user_id", "Staff number, up to 64 letters, digits, `-`, `_`, `.`; drawn when it is missing.")], PERSON);

const CLIENT_TOKEN: Field =
    text("client_token", "Of several calls with the same client_token one is done, within seven days; up to 128 characters.");

/// What can be said of a department.
const DEPARTMENT_BODY: &[Field] = &[
    text("name", "Name, without `/`; no sister has the same."),
    object("i18n_name", LOCALES, "Names by language."),
    text("parent_department_id", "The department above; 0 for the root."),
    text("leader_user_id", "Its head; empty for nobody."),
    number("order", "Place among its neighbours, smaller ones first.").min(0).max(u32::MAX as u64),
    texts("unit_ids", "Units that it belongs to.").max(10),
    any("leaders", "Who leads it: objects with leaderType, 1 for the head and 2 for deputies, and leaderID."),
    texts("department_hrbps", "Who cares for its staff.").max(500),
];

const LOCALES: &[Field] = &[text("zh_cn", "In Chinese."), text("en_us", "In English."), text("ja_jp", "In Japanese.")];

const NEW_DEPARTMENT: &[Field] = &joined::<9>(
    &[text("department_id", "Id of the caller's choice, up to 64 letters, digits, `-`, `_`, `@`, `.`; not with od- at its beginning.")],
    DEPARTMENT_BODY,
);

/// Any of these changes people and departments.
const WRITE: &[&str] = &["contact:contact"];

const ONE_PERSON: &[Field] = &[object("user", USER, "The person.").required()];
const ONE_DEPARTMENT: &[Field] = &[object("department", DEPARTMENT, "The department.").required()];

const HEIRS: &[Field] = &[
    text("department_chat_acceptor_user_id", "Who takes over the groups, where this one is in them."),
    text("external_chat_acceptor_user_id", "The same, when the one before is missing."),
    text("docs_acceptor_user_id", "Checked; there are no documents here."),
    text("calendar_acceptor_user_id", "Checked; there is no calendar here."),
    text("application_acceptor_user_id", "Checked; apps belong to nobody here."),
    text("minutes_acceptor_user_id", "Checked; there are no minutes here."),
    text("survey_acceptor_user_id", "Checked; there are no surveys here."),
    text("anycross_acceptor_user_id", "Checked; there is no integration platform here."),
];

const FOUND_PERSON: &[Field] = &[
    text("name", "Name.").required(),
    text("open_id", "As this app sees the person.").required(),
    text("user_id", "Staff number.").required(),
    texts("department_ids", "Departments, the main one first.").required(),
    object("avatar", AVATAR, "Picture.").required(),
];

const LEADER: &[Field] = &[number("leaderType", "1 the head, 2 a deputy.").required(), text("leaderID", "The person.").required()];

const DEPARTMENT: &[Field] = &[
    text("name", "Name.").required(),
    map("i18n_name", &Kind::Text, "Names by language.").required(),
    text("parent_department_id", "The department above; 0 for the root.").required(),
    text("department_id", "The id that was chosen for it; the open_department_id where none was.").required(),
    text("open_department_id", "Its id for ever, od-….").required(),
    text("order", "Place among its neighbours, as digits.").required(),
    number("member_count", "People in it and below it.").required(),
    number("primary_member_count", "People whose main department it is.").required(),
    texts("department_hrbps", "Who cares for its staff."),
    texts("unit_ids", "Units that it belongs to."),
    text("chat_id", "The department's own group."),
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
    get("search/v1/user", with_token!(contact::search_people))
        .means("People by a part of name, staff number or e-mail; an app may ask, not only a person.")
        .scopes(&["contact:user:search", "contact:contact:readonly_as_app", "contact:contact:readonly"])
        .query(&[text("query", "What is looked for, up to 64 characters.").required(), page_size(200), PAGE_TOKEN])
        .reply(&[list("users", &Kind::Object(FOUND_PERSON), "Who fits, the best first.").required(), HAS_MORE, NEXT_PAGE]),
    get("contact/v3/scopes", with_token!(contact::scopes))
        .means("What of the organisation this app may see: people first, then departments.")
        .scopes(READ_PEOPLE)
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE, page_size(100), PAGE_TOKEN])
        .reply(&[
            texts("department_ids", "Departments, each with all below it; of an app that sees everybody those below the root.").required(),
            texts("user_ids", "People beside them; of an app that sees everybody those directly in the root.").required(),
            texts("group_ids", "Always empty: there are no user groups.").required(),
            HAS_MORE,
            NEXT_PAGE,
        ]),
    post("contact/v3/users", with_token!(contact::create))
        .means("Takes a new person in. Name, mobile, department_ids and employee_type are needed.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE, CLIENT_TOKEN])
        .json(NEW_PERSON)
        .reply(ONE_PERSON),
    put("contact/v3/users/:user_id", with_token!(contact::update))
        .means("Makes a person what the call says; what is missing is emptied. The same fields are needed as for a new one.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(PERSON)
        .reply(ONE_PERSON),
    patch("contact/v3/users/:user_id", with_token!(contact::patch))
        .means("Changes what is given of a person; what is missing stays.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(PERSON)
        .reply(ONE_PERSON),
    delete("contact/v3/users/:user_id", with_token!(contact::remove))
        .means("The person has left: all devices are signed out, and the groups get another owner.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(HEIRS),
    post("contact/v3/users/:user_id/resurrect", with_token!(contact::resurrect))
        .means("Takes a person who has left in again, without groups.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(&[any("departments", "Objects with department_id; those of before when it is missing.")]),
    post("contact/v3/departments", with_token!(contact::create_department))
        .means("Makes a department. Name and parent_department_id are needed.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE, CLIENT_TOKEN])
        .json(NEW_DEPARTMENT)
        .reply(ONE_DEPARTMENT),
    post("contact/v3/departments/search", with_token!(contact::search_departments))
        .means("Departments by a part of their name; an app may ask, not only a person.")
        .scopes(READ_DEPARTMENTS)
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE, page_size(PAGE_MAX), PAGE_TOKEN])
        .json(&[text("query", "What is looked for, up to 64 characters.").required()])
        .reply(DEPARTMENT_PAGE),
    put("contact/v3/departments/:department_id", with_token!(contact::update_department))
        .means("Makes a department what the call says; what is missing is emptied. Name and parent_department_id are needed.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(DEPARTMENT_BODY)
        .reply(ONE_DEPARTMENT),
    patch("contact/v3/departments/:department_id", with_token!(contact::patch_department))
        .means("Changes what is given of a department, or moves it with all that is below it; what is missing stays.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(DEPARTMENT_BODY)
        .reply(ONE_DEPARTMENT),
    delete("contact/v3/departments/:department_id", with_token!(contact::remove_department))
        .means("Takes a department away in which nobody is and below which nothing is.")
        .scopes(WRITE)
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE]),
    patch("contact/v3/departments/:department_id/update_department_id", with_token!(contact::update_department_id))
        .means("Changes the id that was chosen for a department; its open_department_id stays.")
        .scopes(&["contact:contact:update_department_id", "contact:contact"])
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(&[text("new_department_id", "The new id.").required()]),
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
