//! What one committed fact of an urgent says. An urgent has a key and records of its own, as a chat has.

use protocol::urgent::{UrgentOverWhy, UrgentStep};
use serde::{Deserialize, Serialize};

/// What a record of an urgent says. People stand in bitmaps, serialised. New kinds go to the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UrgentChange {
    /// It was raised, by the one who made the record.
    Raised(Box<UrgentRaised>),
    /// People have gone on.
    Moved(UrgentMoves),
    /// A step of the plan has begun.
    Step {
        /// Which one of the plan.
        step: u32,
        /// Managers who are asked by it.
        #[serde(with = "super::record::serde_bytes_vec")]
        managers: Vec<u8>,
        /// Of the others, those for whom it is not done, and why.
        refused: Vec<(u32, String)>,
    },
    /// Providers have said what became of a step, for some of its people.
    Attempted {
        /// Which step of the plan.
        step: u32,
        /// Whom it reached.
        #[serde(with = "super::record::serde_bytes_vec")]
        reached: Vec<u8>,
        /// Whom it did not, and why.
        failed: Vec<(u32, String)>,
    },
    /// It is over for everybody.
    Over {
        /// Why.
        why: UrgentOverWhy,
    },
}

/// How an urgent begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UrgentRaised {
    /// Key of the chat.
    pub chat: u64,
    /// Seq of the message.
    pub target: u64,
    /// Chosen by who has raised it.
    pub client_message_id: String,
    /// For whom.
    #[serde(with = "super::record::serde_bytes_vec")]
    pub audience: Vec<u8>,
    /// What is done for those who do not confirm.
    pub ladder: Vec<UrgentStep>,
    /// When it is over, ms since 1970.
    pub deadline_at_ms: u64,
    /// Steps that cost something are not held back in quiet hours.
    pub breaks_quiet_hours: bool,
}

/// People who have gone on, each kind as a serialised bitmap; empty: nobody.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UrgentMoves {
    /// A device has it.
    #[serde(with = "super::record::serde_bytes_vec")]
    pub delivered: Vec<u8>,
    /// It stood before their eyes.
    #[serde(with = "super::record::serde_bytes_vec")]
    pub shown: Vec<u8>,
    /// They have confirmed it.
    #[serde(with = "super::record::serde_bytes_vec")]
    pub confirmed: Vec<u8>,
    /// They have left the chat or the organisation.
    #[serde(with = "super::record::serde_bytes_vec")]
    pub left: Vec<u8>,
    /// Managers who have taken it off their screen.
    #[serde(with = "super::record::serde_bytes_vec")]
    pub managers: Vec<u8>,
}
