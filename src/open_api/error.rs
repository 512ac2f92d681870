//! Refusals: the platform's codes, and the one table that says which code stands for what the domain says.

use crate::error::Error;
use axum::http::StatusCode;
use protocol::error::ErrorCode;

/// Why a call was refused. `msg` says what happened, why, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// The platform's code.
    pub code: u32,
    /// For people.
    pub msg: String,
    /// Fields that are wrong.
    pub violations: Vec<Violation>,
    /// Scopes of which the app has none; any one would be enough.
    pub scopes: &'static [&'static str],
    /// The call may be made again after this many seconds.
    pub reset_seconds: Option<u64>,
    /// Bytes of the file, when a part was wanted that it does not have.
    pub size_bytes: Option<u64>,
    /// How many a second are allowed, when there were more.
    pub per_second: Option<u64>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Its name.
    pub field: String,
    /// What was sent, shortened.
    pub value: String,
    /// What is allowed.
    pub description: String,
}

/// What a call wanted to do; it decides which code a refusal of the domain has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Make or read a group.
    Chat,
    /// Change name, picture, description or configuration.
    ChatUpdate,
    /// Dissolve a group or give it away.
    ChatOwn,
    /// Add, remove or list members.
    Member,
    /// Name or relieve managers.
    Managers,
    /// Make a link to a group.
    Link,
    /// Put something on top of a group.
    TopNotice,
    /// Say who may post.
    Moderation,
    /// Read or change the announcement of a group.
    Announcement,
    /// Arrange the tabs of a group.
    Tabs,
    /// Arrange the menu of a group.
    Menu,
    /// Send a message, or answer one.
    Send,
    /// Read messages.
    Read,
    /// Change what a message says.
    Edit,
    /// Take a message back.
    Recall,
    /// Add reactions or read them.
    React,
    /// Take a reaction back.
    Unreact,
    /// Pin, unpin, list pins.
    Pin,
    /// Send messages on.
    Forward,
    /// Read who has read a message.
    Readers,
    /// Change a card.
    Card,
    /// Offer follow-ups to a message.
    FollowUp,
    /// Show a card to one person.
    Ephemeral,
    /// Make a message urgent, and what comes of it.
    Urgent,
    /// Upload or fetch a picture or file.
    Resource,
}

impl Refusal {
    /// A refusal with status 400.
    pub fn new(code: u32, msg: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            msg: msg.into(),
            violations: Vec::new(),
            scopes: &[],
            reset_seconds: None,
            size_bytes: None,
            per_second: None,
        }
    }

    /// The same with another HTTP status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Fields are wrong.
    pub fn fields(violations: Vec<Violation>) -> Self {
        let first = violations.first().map(|one| format!("`{}` {}", one.field, one.description)).unwrap_or_default();
        let more = if violations.len() > 1 { format!(", and {} more", violations.len() - 1) } else { String::new() };
        Self {
            violations,
            ..Self::new(
                99_992_402,
                format!("field validation failed: {first}{more}; correct what `error.field_violations` names and call again"),
            )
        }
    }

    /// One field is wrong.
    pub fn field(name: &str, value: &str, description: impl Into<String>) -> Self {
        Self::fields(vec![Violation { field: name.to_owned(), value: crate::error::clip(value), description: description.into() }])
    }

    /// The request cannot be read.
    pub fn bad_request(why: impl std::fmt::Display) -> Self {
        Self::new(9_499, format!("the request cannot be read: {why}; correct it and call again"))
    }

    /// There is no such path.
    pub fn no_path(path: &str) -> Self {
        Self::new(99_991_201, format!("there is no call `{}`; check the path against the list of calls", crate::error::clip(path)))
            .with_status(StatusCode::NOT_FOUND)
    }

    /// The path has no such method.
    pub fn no_method(method: &str, path: &str) -> Self {
        Self::new(
            99_991_301,
            format!(
                "the call `{}` does not exist with the method {}; check the method",
                crate::error::clip(path),
                crate::error::clip(method)
            ),
        )
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
    }

    /// More calls than are allowed.
    pub fn rate(calls_per_second: u64, reset_seconds: u64) -> Self {
        Self {
            reset_seconds: Some(reset_seconds),
            per_second: Some(calls_per_second),
            ..Self::new(
                99_991_400,
                format!("request trigger frequency limit: this app may make {calls_per_second} calls a second; wait {reset_seconds} seconds and call again"),
            )
            .with_status(StatusCode::TOO_MANY_REQUESTS)
        }
    }

    /// More messages to one chat than are allowed.
    pub fn send_rate(sends_per_second: u64, reset_seconds: u64) -> Self {
        Self {
            reset_seconds: Some(reset_seconds),
            per_second: Some(sends_per_second),
            ..Self::new(
                230_020,
                format!(
                    "frequency limit: all bots together may send {sends_per_second} messages a second to one chat; wait {reset_seconds} seconds and send again"
                ),
            )
        }
    }

    /// Too many large calls are under way.
    pub fn busy() -> Self {
        Self {
            reset_seconds: Some(1),
            ..Self::new(
                99_991_400,
                "request trigger frequency limit: many calls with large bodies are being served; wait a second and call again",
            )
            .with_status(StatusCode::TOO_MANY_REQUESTS)
        }
    }

    /// The app has none of these scopes, of which any one would be enough.
    pub fn no_scope(scopes: &'static [&'static str]) -> Self {
        Self {
            scopes,
            ..Self::new(
                99_991_672,
                format!(
                    "access denied: one of the following scopes is required: [{}]; ask the operator to give the app one, with `clarion app scopes`",
                    scopes.join(", ")
                ),
            )
        }
    }

    /// The server made an error.
    pub fn internal() -> Self {
        Self::new(2_200, "internal error: the call failed by a fault of the server; call again, and give the log id to the operator when it fails once more")
            .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What the domain refused.
    pub fn of(act: Act, error: Error) -> Self {
        let (status, code) = code(act, error.code);
        let code = error.field.as_deref().and_then(|field| code_of_field(act, error.code, field)).unwrap_or(code);
        let reset_seconds = error.retry_after_ms.map(|after_ms| after_ms.div_ceil(1_000).max(1));
        Self { reset_seconds, ..Self::new(code, error.to_string()).with_status(status) }
    }
}

/// Turns a result of the domain into one of a call.
pub trait Refused<T> {
    /// The same result, with the platform's code for this act.
    fn or_refuse(self, act: Act) -> Result<T, Refusal>;
}

impl<T> Refused<T> for crate::error::Result<T> {
    fn or_refuse(self, act: Act) -> Result<T, Refusal> {
        self.map_err(|error| Refusal::of(act, error))
    }
}

/// The table: status and code of a domain error, by what the call wanted.
pub fn code(act: Act, error: ErrorCode) -> (StatusCode, u32) {
    use Act::*;
    use ErrorCode::*;
    let code = match (error, act) {
        (Busy | RateLimited, _) => return (StatusCode::TOO_MANY_REQUESTS, 99_991_400),
        (StorageUnavailable | Draining, _) => return (StatusCode::SERVICE_UNAVAILABLE, 2_200),

        (ChatNotFound, Chat | ChatUpdate | ChatOwn | Member | Managers | Link | TopNotice | Moderation | Announcement | Tabs | Menu) => {
            232_011
        }
        (ChatNotFound, Resource) => 234_004,
        (ChatNotFound, React | Unreact) => 231_004,
        (ChatNotFound, Pin) => 230_045,
        (ChatNotFound, _) => 230_002,

        (NotAllowed, Chat | ChatUpdate | Member | TopNotice | Announcement) => 232_002,
        (NotAllowed, ChatOwn | Moderation) => 232_017,
        (NotAllowed, Link) => 232_064,
        (NotAllowed, Tabs | Menu) => 232_055,
        (Restricted, Resource) => 234_038,
        (Restricted, _) => 230_070,
        (NameTaken, _) => 232_026,
        (LinkDead, _) => 232_065,
        (RevisionOld, _) => 232_018,
        (NotAllowed, Managers) => 232_038,
        (NotAllowed, Send | Forward | Ephemeral) => 230_018,
        (NotAllowed, Read | Readers) => 230_027,
        (NotAllowed, Edit) => 230_071,
        (NotAllowed, Recall) => 230_026,
        (NotAllowed, React) => 231_002,
        (NotAllowed, Unreact) => 231_007,
        (NotAllowed, Pin) => 230_046,
        (NotAllowed, Card | FollowUp) => 230_012,
        (NotAllowed, Urgent) => 230_052,
        (QuotaUsed, _) => 230_024,
        (NotAllowed, Resource) => 234_009,

        (MessageNotFound, Resource) => 234_003,
        (MessageNotFound | MessageRecalled, TopNotice) => 232_001,
        (MessageNotFound | MessageRecalled, React | Unreact) => 231_003,
        (MessageNotFound, Pin) => 230_050,
        (MessageNotFound, FollowUp) => 230_004,
        (MessageNotFound, _) => 230_030,
        (MessageRecalled, Pin | FollowUp | Urgent) => 230_110,
        (MessageRecalled, _) => 230_011,
        (ReactionNotFound, _) => 231_010,
        (NotForwardable, _) => 230_061,
        (OtherKind, Resource) => 234_001,
        (OtherKind, React) => 231_017,
        (OtherKind, _) => 230_055,
        (Overtaken, FollowUp) => 230_006,
        (InvalidValue, Forward) => 230_067,
        (EditLimit, _) => 230_072,
        (WindowPassed, Edit) => 230_075,
        (WindowPassed, Card) => 230_031,
        (WindowPassed, FollowUp) => 230_002,
        (WindowPassed, _) => 230_009,
        (FileNotFound, Resource) => 234_008,
        (FileNotFound, Tabs | Menu) => 232_056,
        (FileNotFound, _) => 230_017,

        (ChatDissolved, _) => 232_009,
        (MemberLimit, _) => 232_013,
        (OwnerStays, _) => 232_076,
        (ApprovalRequired, _) => 232_075,
        (NotAGroup, Link) => 232_062,
        (NotAGroup, Tabs) => 232_049,
        (NotAGroup, Chat | ChatUpdate | ChatOwn | Member | Managers | TopNotice | Moderation | Announcement | Menu) => 232_008,
        (NotAGroup, _) => 230_054,

        (TooLarge, Send | Edit | Forward | Card | Ephemeral) => 230_025,
        (TooLarge, Resource) => 234_006,
        (TooLarge, Managers) => 232_040,
        (TooLarge, Announcement) => 232_018,
        (TooLarge, Tabs) => 232_046,
        (TooLarge, Menu) => 232_070,
        (_, Menu) => 232_078,
        (PersonNotFound, Chat | ChatUpdate | ChatOwn | Member | Managers | Link | TopNotice | Moderation | Announcement | Tabs) => 232_030,
        (PersonNotFound, FollowUp) => 230_005,
        (PersonNotFound, _) => 230_013,
        (_, Chat | ChatUpdate | ChatOwn | Member | Managers | Link | TopNotice | Moderation | Announcement | Tabs) => 232_001,
        (_, Resource) => 234_001,
        (_, React | Unreact) => 231_017,
        (_, FollowUp) => 230_007,
        (_, _) => 230_001,
    };
    (StatusCode::BAD_REQUEST, code)
}

/// The codes that stand for one field.
fn code_of_field(act: Act, error: ErrorCode, field: &str) -> Option<u32> {
    Some(match (act, error, field) {
        (Act::Tabs, ErrorCode::TooLarge, "tab_name") => 232_047,
        (Act::Tabs, ErrorCode::InvalidValue, "tab_content") => 232_048,
        (Act::Menu, ErrorCode::TooLarge, "children") => 232_071,
        (Act::Menu, ErrorCode::InvalidValue, "chat_menu_top_level_ids") => 232_072,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the reference says of refusals of groups, as far as something here can be refused so.
    #[test]
    fn refusals_of_groups_have_the_codes_of_the_reference() {
        use Act::*;
        use ErrorCode::*;
        for (act, error, expected) in [
            (Chat, InvalidValue, 232_001),
            (Link, InvalidValue, 232_001),
            (TopNotice, MessageNotFound, 232_001),
            (Moderation, InvalidValue, 232_001),
            (Announcement, InvalidValue, 232_001),
            (Tabs, InvalidValue, 232_001),
            (Moderation, PersonNotFound, 232_030),
            (ChatUpdate, NotAllowed, 232_002),
            (Member, NotAllowed, 232_002),
            (TopNotice, NotAllowed, 232_002),
            (Announcement, NotAllowed, 232_002),
            (Moderation, NotAGroup, 232_008),
            (ChatUpdate, ChatDissolved, 232_009),
            (Announcement, ChatNotFound, 232_011),
            (Menu, ChatNotFound, 232_011),
            (Member, MemberLimit, 232_013),
            (ChatOwn, NotAllowed, 232_017),
            (Moderation, NotAllowed, 232_017),
            (Announcement, RevisionOld, 232_018),
            (Chat, NameTaken, 232_026),
            (ChatUpdate, NameTaken, 232_026),
            (Managers, NotAllowed, 232_038),
            (Managers, TooLarge, 232_040),
            (Tabs, TooLarge, 232_046),
            (Tabs, NotAGroup, 232_049),
            (Tabs, NotAllowed, 232_055),
            (Menu, NotAllowed, 232_055),
            (Menu, FileNotFound, 232_056),
            (Link, NotAGroup, 232_062),
            (Link, NotAllowed, 232_064),
            (Link, LinkDead, 232_065),
            (Menu, TooLarge, 232_070),
            (Member, ApprovalRequired, 232_075),
            (Member, OwnerStays, 232_076),
            (Menu, InvalidValue, 232_078),
            (Resource, Restricted, 234_038),
            (Urgent, QuotaUsed, 230_024),
            (Urgent, NotAllowed, 230_052),
            (Urgent, MessageRecalled, 230_110),
            (Urgent, ChatDissolved, 232_009),
            (Urgent, NobodyToUrge, 230_001),
            (Send, Restricted, 230_070),
        ] {
            assert_eq!(code(act, error).1, expected, "{act:?} {error:?}");
        }
        for (act, error, expected) in [
            (Tabs, Error::too_large("a", 2, 1, "characters").of_field("tab_name"), 232_047),
            (Tabs, Error::invalid("tab_content", "x"), 232_048),
            (Tabs, Error::invalid("tab_id", "x"), 232_001),
            (Menu, Error::too_large("a", 2, 1, "entries").of_field("children"), 232_071),
            (Menu, Error::invalid("chat_menu_top_level_ids", "x"), 232_072),
        ] {
            assert_eq!(Refusal::of(act, error).code, expected, "{act:?}");
        }
    }

    #[test]
    fn every_domain_error_has_a_code_of_its_family() {
        for act in [
            Act::Chat,
            Act::ChatUpdate,
            Act::ChatOwn,
            Act::Member,
            Act::Managers,
            Act::Link,
            Act::TopNotice,
            Act::Moderation,
            Act::Announcement,
            Act::Tabs,
            Act::Menu,
            Act::Send,
            Act::Read,
            Act::Edit,
            Act::Recall,
            Act::React,
            Act::Unreact,
            Act::Pin,
            Act::Forward,
            Act::Readers,
            Act::Card,
            Act::FollowUp,
            Act::Ephemeral,
            Act::Urgent,
            Act::Resource,
        ] {
            for error in ErrorCode::ALL {
                let (status, code) = code(act, *error);
                assert!(status.as_u16() >= 400);
                assert!(code == 2_200 || code == 99_991_400 || (230_001..=234_043).contains(&code), "{act:?} {error:?} {code}");
            }
        }
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        let refusal = Refusal::of(Act::Send, Error::storage("the disk is full"));
        assert_eq!((refusal.status, refusal.reset_seconds), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
        assert!(refusal.msg.contains("the disk is full") && refusal.msg.contains("again"));
    }
}
