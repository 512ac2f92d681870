//! What nodes say to each other, as bytes: frames behind each other, as many as wait for the same node.

use super::NodeId;
use bytes::{Buf, Bytes};

/// What a node tells others without waiting for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Who has come online, away, offline.
    Presence = 1,
    /// How far somebody has got in a chat.
    Receipts = 2,
    /// An event for sessions that may be elsewhere.
    Events = 3,
    /// A session has come of a device that may have one elsewhere.
    Sessions = 4,
    /// What is in the store has changed that nodes have in memory.
    Changes = 5,
}

/// What a node asks another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ask {
    /// Everybody who is there.
    Presence = 1,
    /// To place a message in a chat.
    Send = 2,
    /// To note who has gone on with an urgent.
    UrgentMoves = 3,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Presence, Self::Receipts, Self::Events, Self::Sessions, Self::Changes];
}

impl Ask {
    pub(super) const ALL: [Self; 3] = [Self::Presence, Self::Send, Self::UrgentMoves];
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Told {
        kind: Kind,
        body: Bytes,
    },
    Asked {
        kind: Ask,
        number: u64,
        body: Bytes,
    },
    Answer {
        number: u64,
        body: Bytes,
    },
    /// The question cannot be taken now.
    Busy {
        number: u64,
    },
}

const TOLD: u8 = 0;
const ASKED: u8 = 1;
const ANSWER: u8 = 2;
const BUSY: u8 = 3;
/// Tag, kind, number, length.
const HEAD: usize = 1 + 1 + 8 + 4;

/// The beginning of a message: who says it.
pub(super) fn begin(from: NodeId) -> Vec<u8> {
    from.0.to_be_bytes().to_vec()
}

impl Frame {
    pub fn size(&self) -> usize {
        HEAD + match self {
            Self::Told { body, .. } | Self::Asked { body, .. } | Self::Answer { body, .. } => body.len(),
            Self::Busy { .. } => 0,
        }
    }

    /// Puts it behind what is there.
    pub fn write(&self, to: &mut Vec<u8>) {
        let empty = Bytes::new();
        let (tag, kind, number, body) = match self {
            Self::Told { kind, body } => (TOLD, *kind as u8, 0, body),
            Self::Asked { kind, number, body } => (ASKED, *kind as u8, *number, body),
            Self::Answer { number, body } => (ANSWER, 0, *number, body),
            Self::Busy { number } => (BUSY, 0, *number, &empty),
        };
        to.extend([tag, kind]);
        to.extend(number.to_be_bytes());
        to.extend((body.len() as u32).to_be_bytes());
        to.extend_from_slice(body);
    }
}

/// Who says it, and the frames. What a later version says and this one does not know is passed over; what is cut short ends it.
pub(super) fn read(mut message: Bytes) -> Option<(NodeId, Vec<Frame>)> {
    let from = NodeId(message.try_get_u64().ok()?);
    let mut frames = Vec::new();
    while message.len() >= HEAD {
        let (tag, kind) = (message.get_u8(), message.get_u8());
        let (number, length) = (message.get_u64(), message.get_u32() as usize);
        if length > message.len() {
            break;
        }
        let body = message.split_to(length);
        let frame = match tag {
            TOLD => Kind::ALL.into_iter().find(|known| *known as u8 == kind).map(|kind| Frame::Told { kind, body }),
            ASKED => Ask::ALL.into_iter().find(|known| *known as u8 == kind).map(|kind| Frame::Asked { kind, number, body }),
            ANSWER => Some(Frame::Answer { number, body }),
            BUSY => Some(Frame::Busy { number }),
            _ => None,
        };
        frames.extend(frame);
    }
    Some((from, frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written_and_unknown_ones_are_passed_over() {
        let frames = [
            Frame::Told { kind: Kind::Presence, body: Bytes::from_static(b"one") },
            Frame::Asked { kind: Ask::Send, number: 7, body: Bytes::new() },
            Frame::Answer { number: u64::MAX, body: Bytes::from(vec![9; 100_000]) },
            Frame::Busy { number: 1 },
        ];
        let mut message = begin(NodeId(5));
        for frame in &frames {
            let before = message.len();
            frame.write(&mut message);
            assert_eq!(message.len() - before, frame.size());
            message.extend([9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 42]);
        }
        let whole = Bytes::from(message);
        assert_eq!(read(whole.clone()), Some((NodeId(5), frames.to_vec())));
        for cut in 0..whole.len().min(200) {
            // Whatever is cut off, nothing is invented and nothing panics.
            if let Some((_, read)) = read(whole.slice(..cut)) {
                assert!(read.iter().zip(&frames).all(|(read, frame)| read == frame));
            }
        }
    }
}
