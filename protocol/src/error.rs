//! The two catalogues: errors of replies, and close codes. A number is never used again for something else.

use crate::wire::wire;

wire! {
    /// Why a command was refused. `what` says what happened, `why` the reason with its numbers, `hint` what to do.
    pub struct ErrorBody {
        /// Number from the catalogue.
        code: u16,
        /// What happened.
        what: String,
        /// Why, with the numbers that matter.
        why: String,
        /// What to do about it.
        hint: String,
        /// The same command may succeed after this many ms; missing when repeating it is of no use.
        retry_after_ms: Option<u64>,
    }
}

macro_rules! catalogue {
    ($(#[$meta:meta])* $name:ident { $( $number:literal $variant:ident $advice:ident $meaning:literal )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $name { $( #[doc = $meaning] $variant = $number ),* }

        impl $name {
            /// Every entry, in the order of the numbers.
            pub const ALL: &'static [$name] = &[$( $name::$variant ),*];

            /// The number on the wire.
            pub fn number(self) -> u16 { self as u16 }

            /// The name in the document.
            pub fn name(self) -> &'static str { match self { $( Self::$variant => stringify!($variant) ),* } }

            /// What the number means.
            pub fn meaning(self) -> &'static str { match self { $( Self::$variant => $meaning ),* } }

            /// What a client should do.
            pub fn advice(self) -> Advice { match self { $( Self::$variant => Advice::$advice ),* } }

            /// The entry of a number, or `None` for one that this version does not know.
            pub fn from_number(number: u16) -> Option<Self> { match number { $( $number => Some(Self::$variant), )* _ => None } }
        }
    };
}

/// What a client does about an error or a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Do the same again, after the time that is given.
    Retry,
    /// Get a new token or ask the person to sign in, then again.
    SignIn,
    /// Do not do the same again by itself.
    Stop,
}

catalogue! {
    /// Errors of replies: 1xxx the command is wrong, 2xxx it is refused, 3xxx not now.
    ErrorCode {
        1001 Malformed Stop "the frame or the body cannot be read"
        1002 UnknownCommand Stop "this server does not know the command"
        1003 TooLarge Stop "a text, list or file is over its limit"
        1004 InvalidValue Stop "a field has a value that is not allowed"
        1005 HelloFirst Stop "the first command must be hello, and only the first"
        2001 ChatNotFound Stop "there is no such chat, or it is not shown to you"
        2002 NotAllowed Stop "your role or the chat's configuration does not allow it"
        2003 MessageNotFound Stop "there is no such message, or it is not shown to you"
        2004 PersonNotFound Stop "there is no such person"
        2005 ChatDissolved Stop "the group was dissolved"
        2006 WindowPassed Stop "the time within which this was possible is over"
        2007 MessageRecalled Stop "the message was recalled"
        2008 MemberLimit Stop "the group would have more members than it may"
        2009 IdReused Stop "the client_message_id was used for another chat"
        2010 FileNotFound Stop "there is no such file, or it is not shown to you"
        2011 NotAGroup Stop "this is possible in groups only"
        2012 OwnerStays Stop "the owner cannot leave or be removed; give the group away first"
        2013 EditLimit Stop "the message was edited as often as it may be"
        2014 DeviceNotFound Stop "there is no such device"
        2015 ApprovalRequired Stop "joining needs the consent of the owner or a manager"
        2016 SignInRefused Stop "the login and the password do not belong together"
        2017 Restricted Stop "the group is in restricted mode, and what was asked would take something out of it"
        2018 NameTaken Stop "another public group has this name"
        2019 LinkDead Stop "the link is not good, or no longer"
        2020 RevisionOld Stop "what was to be changed has changed meanwhile; read it again"
        2080 ReactionNotFound Stop "there is no such reaction to the message"
        2081 NotForwardable Stop "this kind of message is not sent on"
        2082 OtherKind Stop "the message or file is of another kind than this needs"
        2083 Overtaken Stop "something was said since"
        2100 UrgentNotFound Stop "there is no such urgent, or it is not shown to you"
        2101 NobodyToUrge Stop "there is nobody for whom this urgent could be raised"
        2102 UrgentOver Stop "the urgent is over"
        2103 QuotaUsed Stop "what may be spent on steps like this is used up"
        3001 Busy Retry "too much is waiting; the same command may succeed later"
        3002 RateLimited Retry "more commands than the limit allows"
        3003 StorageUnavailable Retry "what was asked could not be written or read now; nothing was changed"
        3004 Draining Retry "this node is going away; come back on another"
    }
}

catalogue! {
    /// Close codes: 40xx come back by yourself, 41xx sign in first, 42xx do not come back by yourself.
    /// The reason text is `name` or `name;after_ms=N`: come back after N ms, spread by the server.
    CloseCode {
        4000 Drain Retry "the node goes away"
        4001 ServerFull Retry "no more sessions fit, or too many come at once"
        4002 SlowConsumer Retry "what must not be dropped could not be delivered in time"
        4003 HeartbeatMissed Retry "nothing was heard for two heartbeats"
        4004 RateExceeded Retry "far more commands than the limit allows"
        4005 HelloTimeout Retry "no hello came in time"
        4006 Internal Retry "the server made an error"
        4007 Behind Retry "this node does not know yet what the device knows from another; come back, on another if there is one"
        4100 TokenInvalid SignIn "the token is not one of ours, or there is none"
        4101 TokenExpired SignIn "the token is too old; refresh it"
        4102 DeviceRevoked SignIn "this device was signed out"
        4103 PersonDisabled SignIn "the person may not sign in"
        4200 ProtocolError Stop "a frame cannot be read, or hello is not the first"
        4201 VersionTooOld Stop "this version of the client is no longer served; update"
        4202 FrameTooLarge Stop "a frame is over the limit"
        4203 Replaced Stop "the same device has connected anew"
    }
}

impl CloseCode {
    /// The reason text of the close frame: short enough for one, readable for people and programs.
    pub fn reason(self, after_ms: Option<u64>) -> String {
        match after_ms {
            Some(after_ms) => format!("{};after_ms={after_ms}", self.name()),
            None => self.name().to_owned(),
        }
    }

    /// The time after which to come back, as a reason text gives it.
    pub fn after_ms(reason: &str) -> Option<u64> {
        reason.split(';').find_map(|part| part.strip_prefix("after_ms=")).and_then(|number| number.parse().ok())
    }
}
