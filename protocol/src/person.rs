//! People, bots, presence, devices.

use crate::ids::UserId;
use crate::wire::{wire, words};

words! {
    /// Person or bot.
    pub enum PersonKind {
        /// A member of staff.
        0 "person" Person,
        /// An app's bot.
        1 "bot" Bot,
    }

    /// Whether somebody is here.
    pub enum PresenceState {
        /// No session.
        0 "offline" Offline,
        /// At least one session that says so.
        1 "online" Online,
        /// Sessions, but all of them away.
        2 "away" Away,
        /// This person does not show presence; nothing is to be drawn.
        3 "hidden" Hidden,
    }

    /// What a device is.
    pub enum DeviceKind {
        /// A browser.
        0 "browser" Browser,
        /// A desktop program.
        1 "desktop" Desktop,
        /// A phone or tablet.
        2 "phone" Phone,
        /// A tool or a test.
        3 "tool" Tool,
    }
}

wire! {
    /// Somebody as others see them.
    pub struct Person {
        /// Staff number, or `cli_…` for a bot.
        user_id: UserId,
        /// Name as it is written.
        name: String,
        /// Person or bot.
        kind: PersonKind,
        /// Name in Latin letters, where there is one.
        en_name: Option<String>,
        /// Names of the departments from the top down to the person's own.
        departments: Vec<String>,
        /// Job title.
        title: Option<String>,
        /// Key of the picture.
        avatar: Option<String>,
        /// E-mail; only in the reply to `people`.
        email: Option<String>,
        /// Mobile number; only in the reply to `people`.
        mobile: Option<String>,
        /// Person who leads this one; only in the reply to `people`.
        leader: Option<UserId>,
        /// No longer with the organisation.
        resigned: bool,
    }

    /// Presence of one person.
    pub struct Presence {
        /// Who.
        user_id: UserId,
        /// Online, away, offline, or hidden.
        state: PresenceState,
        /// End of the last session, ms since 1970; for `offline` where it is known.
        last_seen_ms: Option<u64>,
    }

    /// A signed-in device of mine.
    pub struct Device {
        /// Chosen by the device, kept by it for ever.
        device_id: String,
        /// What it is.
        kind: DeviceKind,
        /// Name for people, for example "Chromium on Linux".
        name: String,
        /// First sign-in, ms since 1970.
        signed_in_at_ms: u64,
        /// Last time it was seen, ms since 1970.
        last_seen_ms: u64,
        /// Address it was last seen from.
        address: Option<String>,
        /// It has a live session now.
        online: bool,
        /// It is the one that asks.
        current: bool,
    }

    /// A department and how many people are below it.
    pub struct Department {
        /// `od-…`; the root is `0`.
        department_id: String,
        /// Its name.
        name: String,
        /// People in it and below it.
        people_count: u32,
        /// It has departments below it.
        parent: bool,
    }
}
