//! A text that is not UTF-8 is refused when its first wrong byte comes, and not when its frame is whole.
//!
//! The WebSocket library checks a text when it has all of a frame; until then a client could let a large wrong one be
//! held. This looks at the bytes on their way to the library: it follows the heads of frames, takes the mask off, and
//! keeps of an unfinished character its first bytes, at most three.

/// Bytes that are unmasked at once, on the stack.
const PIECE: usize = 256;
/// The longest head of a frame from a client: two bytes, a length of eight, a mask of four.
const HEAD_MAX: usize = 14;

/// What is known of the frame that is being read.
#[derive(Default)]
pub struct TextCheck {
    head: [u8; HEAD_MAX],
    head_bytes: u8,
    /// Bytes of the payload that are still to come.
    left: u64,
    mask: [u8; 4],
    mask_at: u8,
    /// This frame's payload is part of a text.
    checked: bool,
    /// The message of which frames may continue is a text.
    text: bool,
    /// The beginning of a character whose rest has not come.
    begun: [u8; 3],
    begun_bytes: u8,
    wrong: bool,
}

impl TextCheck {
    /// Has something wrong come? Nothing behind it is looked at.
    pub fn wrong(&self) -> bool {
        self.wrong
    }

    /// Looks at bytes that came. Gives how many of them may be handed on: all, or those before the frame that is wrong;
    /// a frame whose beginning was handed on already is cut where it is wrong.
    pub fn look(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        let mut frame_began = 0;
        while at < bytes.len() && !self.wrong {
            if self.left == 0 {
                if self.head_bytes == 0 {
                    frame_began = at;
                }
                self.head[usize::from(self.head_bytes)] = bytes[at];
                self.head_bytes += 1;
                at += 1;
                self.head_read();
                continue;
            }
            let count = self.left.min((bytes.len() - at) as u64) as usize;
            if self.checked {
                self.payload(&bytes[at..at + count]);
            }
            self.left -= count as u64;
            at += count;
        }
        if self.wrong { frame_began } else { bytes.len() }
    }

    /// Reads the head when it is whole.
    fn head_read(&mut self) {
        let have = usize::from(self.head_bytes);
        if have < 2 {
            return;
        }
        let (first, second) = (self.head[0], self.head[1]);
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask_bytes = if second & 0x80 != 0 { 4 } else { 0 };
        if have < 2 + length_bytes + mask_bytes {
            return;
        }
        let length = &self.head[2..2 + length_bytes];
        self.left =
            if length_bytes == 0 { u64::from(second & 0x7f) } else { length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)) };
        self.mask = [0; 4];
        self.mask[..mask_bytes].copy_from_slice(&self.head[2 + length_bytes..have]);
        self.mask_at = 0;
        self.head_bytes = 0;
        let opcode = first & 0x0f;
        if opcode == 1 || opcode == 2 {
            self.text = opcode == 1;
            self.begun_bytes = 0;
        }
        // Frames of control may stand between the frames of a message.
        self.checked = opcode < 8 && self.text;
    }

    fn payload(&mut self, masked: &[u8]) {
        for part in masked.chunks(PIECE) {
            let mut piece = [0; PIECE + 3];
            let begun = usize::from(self.begun_bytes);
            piece[..begun].copy_from_slice(&self.begun[..begun]);
            for (plain, byte) in piece[begun..].iter_mut().zip(part) {
                *plain = byte ^ self.mask[usize::from(self.mask_at)];
                self.mask_at = (self.mask_at + 1) % 4;
            }
            let piece = &piece[..begun + part.len()];
            let valid = match std::str::from_utf8(piece) {
                Ok(_) => piece.len(),
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => {
                    self.wrong = true;
                    return;
                }
            };
            let rest = &piece[valid..];
            self.begun[..rest.len()].copy_from_slice(rest);
            self.begun_bytes = rest.len() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A masked frame of a client.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x11, 0x82, 0xf3, 0x04];
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | length as u8),
            length @ 126..65_536 => bytes.extend([0x80 | 126, (length >> 8) as u8, length as u8]),
            length => {
                bytes.push(0x80 | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    #[test]
    fn a_wrong_byte_is_seen_when_it_comes_and_what_was_before_is_handed_on() {
        let good = frame(0x81, "κόσμε".as_bytes());
        let bad = frame(0x81, b"ab\xed\xa0\x80, and a megabyte that never comes");
        let both: Vec<u8> = [good.clone(), bad[..10].to_vec()].concat();
        let mut check = TextCheck::default();
        assert_eq!(check.look(&both), good.len(), "the good frame goes on, the wrong one does not");
        assert!(check.wrong());
        let mut check = TextCheck::default();
        let handed_on: Vec<usize> = bad[..10].iter().map(|byte| check.look(&[*byte])).collect();
        assert_eq!(handed_on, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0], "the second byte of the surrogate is the first that is wrong");
    }

    #[test]
    fn binary_frames_and_frames_of_control_are_not_looked_into() {
        let mut check = TextCheck::default();
        let bytes = [frame(0x01, b"\xce"), frame(0x89, b"\xff\xff"), frame(0x80, b"\xba"), frame(0x82, b"\xff\xfe")].concat();
        assert_eq!(check.look(&bytes), bytes.len());
        assert!(!check.wrong());
    }

    proptest! {
        #[test]
        fn cut_anywhere_it_says_of_a_text_what_the_standard_library_says(
            payload in prop_oneof![any::<String>().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..700)],
            split in any::<prop::sample::Index>(),
            steps in prop::collection::vec(1usize..90, 1..40),
        ) {
            let split = split.index(payload.len() + 1);
            let bytes = [frame(0x01, &payload[..split]), frame(0x8a, b"\xff"), frame(0x80, &payload[split..])].concat();
            let mut check = TextCheck::default();
            let (mut at, mut steps) = (0, steps.into_iter().cycle());
            while at < bytes.len() {
                let end = (at + steps.next().unwrap()).min(bytes.len());
                check.look(&bytes[at..end]);
                at = end;
            }
            // An unfinished character at the end is the library's to see, with the end of the message.
            let expected = std::str::from_utf8(&payload).is_err_and(|error| error.error_len().is_some());
            prop_assert_eq!(check.wrong(), expected);
        }
    }
}
