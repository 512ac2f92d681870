//! The two macros that give every type its two encodings by one rule.

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};
use std::fmt;

/// What a field does when it is empty or missing.
pub(crate) trait Field: Sized {
    /// The value that a missing field has, or `None` where it must be given.
    fn missing() -> Option<Self> {
        None
    }
    /// JSON leaves the field out.
    fn omitted(&self) -> bool {
        false
    }
    /// MessagePack leaves the field out when nothing follows it.
    fn empty(&self) -> bool {
        self.omitted()
    }
}

impl<T> Field for Option<T> {
    fn missing() -> Option<Self> {
        Some(None)
    }
    fn omitted(&self) -> bool {
        self.is_none()
    }
}

impl<T> Field for Vec<T> {
    fn missing() -> Option<Self> {
        Some(Vec::new())
    }
    fn empty(&self) -> bool {
        self.is_empty()
    }
}

impl Field for bool {
    fn missing() -> Option<Self> {
        Some(false)
    }
    fn empty(&self) -> bool {
        !*self
    }
}

impl Field for u8 {}
impl Field for u16 {}
impl Field for u32 {}
impl Field for u64 {}
impl Field for String {}

/// Reads one key of a map as the index of a known field; `names.len()` stands for an unknown one.
pub(crate) struct Key(pub &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = usize;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = usize;
    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a field name")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        Ok(self.0.iter().position(|known| *known == name).unwrap_or(self.0.len()))
    }
    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<usize, E> {
        Ok(self.0.iter().position(|known| known.as_bytes() == name).unwrap_or(self.0.len()))
    }
}

/// A structure: an object in JSON, an array in field order in MessagePack.
///
/// Fields of type `Option`, `Vec` and `bool` may be missing; all others must be given. Unknown fields are ignored.
macro_rules! wire {
    ($( $(#[$meta:meta])* pub struct $name:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? } )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name { $( $(#[$field_meta])* pub $field: $type ),* }

        impl $name {
            /// Names of the fields, in the order in which MessagePack has them.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }

        impl $crate::wire::Field for $name {}

        impl serde::Serialize for $name {
            #[allow(unused_imports, unused_mut, unused_variables, unused_assignments)]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use $crate::wire::Field as _;
                use serde::ser::{SerializeMap as _, SerializeSeq as _};
                if serializer.is_human_readable() {
                    let mut map = serializer.serialize_map(None)?;
                    $( if !self.$field.omitted() { map.serialize_entry(stringify!($field), &self.$field)?; } )*
                    map.end()
                } else {
                    let mut length = 0;
                    let mut index = 0;
                    $( index += 1; if !self.$field.empty() { length = index; } )*
                    let mut seq = serializer.serialize_seq(Some(length))?;
                    let mut index = 0;
                    $( index += 1; if index <= length { seq.serialize_element(&self.$field)?; } )*
                    seq.end()
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                #[allow(unused_imports, unused_mut, unused_variables, unused_assignments)]
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                        formatter.write_str(concat!("the fields of ", stringify!($name)))
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        use serde::de::Error as _;
                        let value = $name { $(
                            $field: match seq.next_element::<$type>()? {
                                Some(value) => value,
                                None => <$type as $crate::wire::Field>::missing()
                                    .ok_or_else(|| A::Error::missing_field(stringify!($field)))?,
                            },
                        )* };
                        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                        Ok(value)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use serde::de::Error as _;
                        $( let mut $field: Option<$type> = None; )*
                        while let Some(key) = map.next_key_seed($crate::wire::Key($name::FIELDS))? {
                            let mut index = 0;
                            $( if key == index { $field = Some(map.next_value()?); continue; } index += 1; )*
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        Ok($name { $(
                            $field: match $field {
                                Some(value) => value,
                                None => <$type as $crate::wire::Field>::missing()
                                    .ok_or_else(|| A::Error::missing_field(stringify!($field)))?,
                            },
                        )* })
                    }
                }
                deserializer.deserialize_any(Fields)
            }
        }
    )+};
}

/// A choice between numbered kinds: `{"name": body}` in JSON, `[number, body]` in MessagePack.
///
/// A kind that this version does not know is read as `Unknown`, so that old clients live on.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$kind_meta:meta])* $number:literal $kind:ident $variant:ident($type:ty) ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        #[allow(clippy::large_enum_variant, reason = "the large kind is by far the most frequent one; a box would cost an allocation for each")]
        pub enum $name {
            $( $(#[$kind_meta])* $variant($type), )*
            /// A kind of a later version; what it held is not kept.
            #[default]
            Unknown,
        }

        impl $name {
            /// Every kind: its number in MessagePack and its name in JSON.
            pub const KINDS: &'static [(u8, &'static str)] = &[$( ($number, stringify!($kind)) ),*];
            const NAMES: &'static [&'static str] = &[$(stringify!($kind)),*];

            /// The name of this kind, as JSON has it.
            pub fn kind(&self) -> &'static str {
                match self { $( Self::$variant(_) => stringify!($kind), )* Self::Unknown => "unknown" }
            }
        }

        impl $crate::wire::Field for $name {}

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::{SerializeMap as _, SerializeTuple as _};
                if serializer.is_human_readable() {
                    let mut map = serializer.serialize_map(Some(1))?;
                    match self {
                        $( Self::$variant(body) => map.serialize_entry(stringify!($kind), body)?, )*
                        Self::Unknown => map.serialize_entry("unknown", &())?,
                    }
                    map.end()
                } else {
                    let mut tuple = serializer.serialize_tuple(2)?;
                    match self {
                        $( Self::$variant(body) => { tuple.serialize_element(&($number as u8))?; tuple.serialize_element(body)?; } )*
                        Self::Unknown => { tuple.serialize_element(&0u8)?; tuple.serialize_element(&())?; }
                    }
                    tuple.end()
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Kinds;
                impl<'de> serde::de::Visitor<'de> for Kinds {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                        formatter.write_str(concat!("one kind of ", stringify!($name)))
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        use serde::de::Error as _;
                        let number: u64 = seq.next_element()?.ok_or_else(|| A::Error::missing_field("number"))?;
                        let value = match number {
                            $( $number => $name::$variant(seq.next_element()?.ok_or_else(|| A::Error::missing_field("body"))?), )*
                            _ => $name::Unknown,
                        };
                        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                        Ok(value)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut value = $name::Unknown;
                        while let Some(key) = map.next_key_seed($crate::wire::Key($name::NAMES))? {
                            match $name::NAMES.get(key).copied().unwrap_or("") {
                                $( stringify!($kind) => value = $name::$variant(map.next_value()?), )*
                                _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(value)
                    }
                }
                deserializer.deserialize_any(Kinds)
            }
        }
    };
}

/// A closed list of words: the word in JSON, its number in MessagePack; both are read in both.
macro_rules! words {
    ($( $(#[$meta:meta])* pub enum $name:ident { $( $(#[$word_meta:meta])* $number:literal $word:literal $variant:ident ),* $(,)? } )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name { #[default] $( $(#[$word_meta])* $variant ),* }

        impl $name {
            /// Every word with its number; the first is the default.
            pub const WORDS: &'static [(u8, &'static str)] = &[$( ($number, $word) ),*];

            /// The word that stands on the wire.
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $word ),* }
            }

            /// The value of a word, or `None` for a word that this version does not know.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )* _ => None }
            }
        }

        impl $crate::wire::Field for $name {}

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(self.word())
                } else {
                    serializer.serialize_u8(match self { $( Self::$variant => $number ),* })
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                        formatter.write_str(concat!("one of", $( " `", $word, "`" ),*))
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
                        match number {
                            $( $number => Ok($name::$variant), )*
                            other => Err(E::invalid_value(serde::de::Unexpected::Unsigned(other), &self)),
                        }
                    }
                    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<$name, E> {
                        $name::from_word(word).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(word), &self))
                    }
                }
                deserializer.deserialize_any(Word)
            }
        }
    )+};
}

pub(crate) use {choice, wire, words};
