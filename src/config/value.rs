//! The types that a setting can have, and how each is read from a file and from the environment.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where a value stands.
pub(super) enum At<'a> {
    /// In the file.
    Toml(&'a toml::Value),
    /// In the environment or a flag.
    Text(&'a str),
}

impl At<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Toml(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }

    /// The value for an error's sentence: one line, not too long.
    pub(super) fn shown(&self) -> String {
        let text = match self {
            Self::Toml(value) => value.to_string(),
            Self::Text(text) => format!("\"{text}\""),
        };
        let mut shown: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(80).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }
}

/// A type that settings have.
pub(super) trait Value: Sized {
    /// The value, or none when it is of another type.
    fn read(at: &At) -> Option<Self>;
    /// As the file has it; none when there is no value.
    fn toml(&self) -> Option<String>;
    /// A number, or the length of a text, stands between these two.
    fn within(&self, _range: &(u64, u64)) -> bool {
        true
    }
}

impl Value for u64 {
    fn read(at: &At) -> Option<Self> {
        match at {
            At::Toml(value) => value.as_integer()?.try_into().ok(),
            At::Text(text) => text.trim().parse().ok(),
        }
    }
    fn toml(&self) -> Option<String> {
        Some(self.to_string())
    }
    fn within(&self, range: &(u64, u64)) -> bool {
        (range.0..=range.1).contains(self)
    }
}

impl Value for bool {
    fn read(at: &At) -> Option<Self> {
        match at {
            At::Toml(value) => value.as_bool(),
            At::Text(text) => text.trim().parse().ok(),
        }
    }
    fn toml(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for String {
    fn read(at: &At) -> Option<Self> {
        at.text().map(|text| text.trim().to_owned())
    }
    fn toml(&self) -> Option<String> {
        Some(toml::Value::String(self.clone()).to_string())
    }
    fn within(&self, range: &(u64, u64)) -> bool {
        (range.0..=range.1).contains(&(self.chars().count() as u64))
    }
}

impl Value for PathBuf {
    fn read(at: &At) -> Option<Self> {
        at.text().filter(|text| !text.is_empty()).map(PathBuf::from)
    }
    fn toml(&self) -> Option<String> {
        Some(toml::Value::String(self.to_string_lossy().into_owned()).to_string())
    }
}

impl Value for SocketAddr {
    fn read(at: &At) -> Option<Self> {
        at.text()?.trim().parse().ok()
    }
    fn toml(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

impl<T: Value> Value for Option<T> {
    fn read(at: &At) -> Option<Self> {
        // An empty text in the environment takes a setting of the file back.
        if at.text() == Some("") { Some(None) } else { T::read(at).map(Some) }
    }
    fn toml(&self) -> Option<String> {
        self.as_ref().and_then(Value::toml)
    }
}

/// A list of addresses and networks; in the environment they are parted by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// An address is one of these, or in one of these networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, length)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(*length),
            (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(*length),
            _ => false,
        })
    }
}

impl std::str::FromStr for Networks {
    type Err = String;
    /// As in the environment: parted by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(&At::Text(text))
            .ok_or_else(|| format!("`{text}` is not a list of IP addresses and networks, such as 10.0.0.5,10.1.0.0/16"))
    }
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.trim().split_once('/').map_or((text.trim(), None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(longest), |length| length.parse().ok().filter(|length| *length <= longest))?;
    Some((address, length))
}

impl Value for Networks {
    fn read(at: &At) -> Option<Self> {
        match at {
            At::Toml(value) => value.as_array()?.iter().map(|item| item.as_str().and_then(network)).collect::<Option<_>>().map(Self),
            At::Text(text) => text.split(',').filter(|part| !part.trim().is_empty()).map(network).collect::<Option<_>>().map(Self),
        }
    }
    fn toml(&self) -> Option<String> {
        let items: Vec<String> = self.0.iter().map(|(address, length)| format!("\"{address}/{length}\"")).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// A list of hosts with ports; in the environment they are parted by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses(Vec<String>);

impl Addresses {
    /// The addresses, in the order in which they were given.
    pub fn list(&self) -> &[String] {
        &self.0
    }

    /// None was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A name or an IP address, and a port.
fn address(text: &str) -> Option<String> {
    let (host, port) = text.trim().rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let plain = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    (plain && port > 0).then(|| format!("{host}:{port}"))
}

impl Value for Addresses {
    fn read(at: &At) -> Option<Self> {
        match at {
            At::Toml(value) => value.as_array()?.iter().map(|item| item.as_str().and_then(address)).collect::<Option<_>>().map(Self),
            At::Text(text) => text.split(',').filter(|part| !part.trim().is_empty()).map(address).collect::<Option<_>>().map(Self),
        }
    }
    fn toml(&self) -> Option<String> {
        let items: Vec<String> = self.0.iter().map(|address| format!("\"{address}\"")).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// A list of texts; in the environment they are parted by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// The texts, in the order in which they were given.
    pub fn list(&self) -> &[String] {
        &self.0
    }
}

impl Value for Names {
    fn read(at: &At) -> Option<Self> {
        let texts: Vec<String> = match at {
            At::Toml(value) => value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?,
            At::Text(text) => text.split(',').map(str::to_owned).collect(),
        };
        Some(Self(texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()))
    }
    fn toml(&self) -> Option<String> {
        let items: Vec<String> = self.0.iter().map(|text| toml::Value::String(text.clone()).to_string()).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("…")
    }
}

impl Value for Secret {
    fn read(at: &At) -> Option<Self> {
        at.text().map(|text| Self(text.to_owned()))
    }
    fn toml(&self) -> Option<String> {
        None
    }
}

macro_rules! choices {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$variant_meta:meta])* $variant:ident $($text:literal)|+ ),* $(,)? } )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[$variant_meta])* $variant ),* }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str(match self { $( Self::$variant => [$($text),+][0] ),* })
            }
        }

        impl Value for $name {
            fn read(at: &At) -> Option<Self> {
                let text = match at {
                    At::Toml(toml::Value::Boolean(value)) => value.to_string(),
                    _ => at.text()?.trim().to_lowercase(),
                };
                match text.as_str() { $( $($text)|+ => Some(Self::$variant), )* _ => None }
            }
            fn toml(&self) -> Option<String> { Some(format!("\"{self}\"")) }
        }
    )*};
}

choices! {
    /// Whether an empty data folder gets the demo organisation.
    Demo {
        /// When there is no configuration file.
        Auto "auto",
        /// Always.
        On "on" | "1" | "true" | "yes",
        /// Never.
        Off "off" | "0" | "false" | "no",
    }
    /// What must have a message before it is acknowledged.
    Ack {
        /// The log.
        Log "log",
        /// The log and the store.
        LogAndStore "log_and_store",
    }
    /// What is logged.
    LogLevel {
        /// Nothing.
        Off "off",
        /// What needs somebody.
        Error "error",
        /// What may need somebody.
        Warn "warn",
        /// What happens seldom.
        Info "info",
        /// What happens often.
        Debug "debug",
        /// Everything.
        Trace "trace",
    }
}
