//! Fields of calls: name, kind, limits and meaning of each, and those that many calls have.

use crate::open_api::input::UUID_CHARACTERS_MAX;

/// One field of a query, a body or a reply.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it can hold.
    pub kind: Kind,
    /// It is always there, in a request and in a reply alike.
    pub required: bool,
    /// For people, in a sentence or less.
    pub meaning: &'static str,
    /// Fewest characters of a text, least number, fewest entries of a list.
    pub min: Option<u64>,
    /// Most characters of a text, greatest number, most entries of a list.
    pub max: Option<u64>,
    /// What people wrote, or a secret: it is in no audit log.
    pub private: bool,
}

/// What a field can hold. A null stands for a field that is not there.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text. In a body, a number is taken as its digits.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A list of such things. In a query, the key is repeated.
    List(&'static Kind),
    /// An object with these fields.
    Object(&'static [Field]),
    /// An object whose names are free, with such values.
    Map(&'static Kind),
    /// Anything.
    Any,
    /// The bytes of a file, as a part of a multipart body.
    File,
}

const fn field(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: false, meaning, min: None, max: None, private: false }
}

/// A text.
pub const fn text(name: &'static str, meaning: &'static str) -> Field {
    field(name, Kind::Text, meaning)
}

/// A whole number.
pub const fn number(name: &'static str, meaning: &'static str) -> Field {
    field(name, Kind::Number, meaning)
}

/// True or false.
pub const fn flag(name: &'static str, meaning: &'static str) -> Field {
    field(name, Kind::Flag, meaning)
}

/// One of these words.
pub const fn words(name: &'static str, words: &'static [&'static str], meaning: &'static str) -> Field {
    field(name, Kind::Words(words), meaning)
}

/// A list of texts.
pub const fn texts(name: &'static str, meaning: &'static str) -> Field {
    field(name, Kind::List(&Kind::Text), meaning)
}

/// An object.
pub const fn object(name: &'static str, fields: &'static [Field], meaning: &'static str) -> Field {
    field(name, Kind::Object(fields), meaning)
}

/// A list of such things; of objects: `list("items", &Kind::Object(USER), "…")`.
pub const fn list(name: &'static str, of: &'static Kind, meaning: &'static str) -> Field {
    field(name, Kind::List(of), meaning)
}

/// An object whose names are free, such as languages.
pub const fn map(name: &'static str, of: &'static Kind, meaning: &'static str) -> Field {
    field(name, Kind::Map(of), meaning)
}

/// Anything, where the platform's form is open.
pub const fn any(name: &'static str, meaning: &'static str) -> Field {
    field(name, Kind::Any, meaning)
}

/// The bytes of a file in a multipart body.
pub const fn file(name: &'static str, meaning: &'static str) -> Field {
    field(name, Kind::File, meaning)
}

impl Field {
    /// It is always there.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// At most so many characters, entries, or this number.
    pub const fn max(mut self, max: u64) -> Self {
        self.max = Some(max);
        self
    }

    /// At least so many characters, entries, or this number.
    pub const fn min(mut self, min: u64) -> Self {
        self.min = Some(min);
        self
    }

    /// It is in no audit log.
    pub const fn private(mut self) -> Self {
        self.private = true;
        self
    }
}

/// Two lists of fields as one: `const BOTH: &[Field] = &joined::<7>(ONE, OTHER)`. A wrong length does not compile.
pub const fn joined<const LENGTH: usize>(one: &[Field], other: &[Field]) -> [Field; LENGTH] {
    assert!(one.len() + other.len() == LENGTH, "the length is the sum of both");
    let mut both = [text("", ""); LENGTH];
    let mut at = 0;
    while at < LENGTH {
        both[at] = if at < one.len() { one[at] } else { other[at - one.len()] };
        at += 1;
    }
    both
}

// ---- Fields of many calls ------------------------------------------------------------------------------------------

/// Forms in which people are named.
const ID_TYPES: &[&str] = &["open_id", "union_id", "user_id"];
/// The same, and bots.
const MEMBER_ID_TYPES: &[&str] = &["open_id", "union_id", "user_id", "app_id"];

/// In which form people are named.
pub const USER_ID_TYPE: Field =
    words("user_id_type", ID_TYPES, "In which form people are named, in the request and in the reply; open_id when it is missing.");
/// In which form people and bots are named.
pub const MEMBER_ID_TYPE: Field =
    words("member_id_type", MEMBER_ID_TYPES, "In which form members are named; app_id names bots, open_id when it is missing.");
/// In which form the people of a reply are named.
pub const MEMBER_ID_TYPE_OF_PEOPLE: Field =
    words("member_id_type", ID_TYPES, "In which form members are named; open_id when it is missing.");
/// In which form departments are named.
pub const DEPARTMENT_ID_TYPE: Field = words(
    "department_id_type",
    &["open_department_id", "department_id"],
    "In which form departments are named: by their id for ever, or by the one that was chosen for them.",
);
/// Everybody in departments, beside the ids.
pub const DEPARTMENT_IDS: Field =
    texts("department_ids", "Extension: and everybody in and below these departments.").max(crate::limits::BOUND_DEPARTMENTS_MAX as u64);
/// Without the departments below.
pub const DIRECT_ONLY: Field = flag("direct_only", "Extension: of the departments only who is directly in them.");
/// All staff.
pub const EVERYONE: Field = flag("everyone", "Extension: and everybody whom the app may see.");
/// The repeat of a call is told by it.
pub const UUID: Field = text("uuid", "Of several calls with the same uuid one is done, within seven days.").max(UUID_CHARACTERS_MAX as u64);
/// Where the page before had ended.
pub const PAGE_TOKEN: Field = text("page_token", "Where the page before had ended; missing for the first page.");
/// Whether there is another page.
pub const HAS_MORE: Field = flag("has_more", "Whether there is another page.").required();
/// Where the next page begins.
pub const NEXT_PAGE: Field = text("page_token", "For the next page; missing on the last one.");

/// Entries of a page.
pub const fn page_size(max: u64) -> Field {
    number("page_size", "Entries of a page.").min(1).max(max)
}

/// The tenant that somebody or something belongs to.
pub const TENANT_KEY: Field = text("tenant_key", "Names the organisation; always the same.");
/// Names by language.
pub const I18N_NAMES: Field = map("i18n_names", &Kind::Text, "Names by language.");
