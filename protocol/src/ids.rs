//! Identifiers. Clients treat each of them as opaque.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A text is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    /// What the text should have started with.
    pub prefix: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "an identifier is `{}` and 32 hexadecimal digits", self.prefix)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! opaque_id {
    ($( $(#[$meta:meta])* $name:ident $prefix:literal )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// What the text form starts with.
            pub const PREFIX: &'static str = $prefix;
        }

        impl crate::wire::Field for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str($prefix)?;
                for byte in self.0 { write!(formatter, "{byte:02x}")?; }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result { fmt::Display::fmt(self, formatter) }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { prefix: $prefix };
                let digits = text.strip_prefix($prefix).ok_or(invalid.clone())?.as_bytes();
                if digits.len() != 32 { return Err(invalid); }
                let mut bytes = [0u8; 16];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let high = (pair[0] as char).to_digit(16).ok_or(invalid.clone())?;
                    let low = (pair[1] as char).to_digit(16).ok_or(invalid.clone())?;
                    *byte = (high << 4 | low) as u8;
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_bytes(&self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Id;
                impl<'de> Visitor<'de> for Id {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                        formatter.write_str(concat!("`", $prefix, "` and 32 hexadecimal digits, or 16 bytes"))
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
                    }
                    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<$name, E> {
                        bytes.try_into().map($name).map_err(|_| E::invalid_length(bytes.len(), &self))
                    }
                }
                deserializer.deserialize_any(Id)
            }
        }
    )+};
}

opaque_id! {
    /// A chat: `oc_` and 32 hexadecimal digits in text, 16 bytes in MessagePack.
    ChatId "oc_"
    /// A message: `om_` and 32 hexadecimal digits in text, 16 bytes in MessagePack.
    MessageId "om_"
    /// An urgent: `ur_` and 32 hexadecimal digits in text, 16 bytes in MessagePack.
    UrgentId "ur_"
}

/// A person (staff number) or a bot (`cli_…`), at most 64 bytes.
pub type UserId = String;
/// Place of a record in its chat: 1, 2, 3 … without holes.
pub type Seq = u64;
