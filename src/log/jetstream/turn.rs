//! Whose turn it is to audit a group: a row of the store with a name in it and a time at which it ends.
//!
//! It is no lock. Two nodes that take a turn in the same moment look again a little later, and the first name gives way;
//! should both audit all the same, each finds what the other one has put right. So it costs no agreement of the store, and
//! a node that dies is followed by another one.

use super::Inner;
use crate::error::Result;
use crate::store::Write;
use crate::store::tables::{self, Key, KeyMaker, Table};
use std::time::Duration;

/// How long a turn lasts without being kept.
pub const TURN_LASTS: Duration = Duration::from_secs(12);
/// After so long, two nodes that have taken a turn at once see whose it is.
const SETTLES: Duration = Duration::from_secs(1);

/// What stands in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// Whose turn it is: the life of a process.
    holder: u64,
    /// When it ends, ms since 1970.
    until_ms: u64,
    /// The pass has come down to this message; 0: the next one begins at the end.
    pub next: u64,
    /// The next pass begins then, ms since 1970.
    pub rests_until_ms: u64,
    /// What a store may have forgotten was last looked for then, ms since 1970.
    pub looked_ms: u64,
}

impl Turn {
    fn encode(self) -> Vec<u8> {
        let numbers = KeyMaker::default().u64(self.holder).u64(self.until_ms).u64(self.next).u64(self.rests_until_ms);
        numbers.u64(self.looked_ms).done().to_vec()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let number = |index: usize| tables::read_u64(value, 8 * index);
        Some(Self { holder: number(0)?, until_ms: number(1)?, next: number(2)?, rests_until_ms: number(3)?, looked_ms: number(4)? })
    }
}

impl Inner {
    /// Takes the turn of a group, when nobody else has it, and gives what stands there then. `Err`: another node's turn.
    pub async fn take_turn(&self, group: usize) -> Result<std::result::Result<Turn, Turn>> {
        let found = self.read_turn(group).await?;
        if found.holder != self.writer {
            let left_ms = found.until_ms.saturating_sub(self.clock.now_ms());
            // More than a turn lasts is a clock that is wrong.
            if left_ms > 0 && left_ms <= 2 * TURN_LASTS.as_millis() as u64 {
                return Ok(Err(found));
            }
            self.keep_turn(group, found).await?;
            tokio::time::sleep(SETTLES).await;
            let found = self.read_turn(group).await?;
            return Ok(if found.holder == self.writer { Ok(found) } else { Err(found) });
        }
        Ok(Ok(found))
    }

    /// Writes down how far the holder has come, and keeps the turn.
    pub async fn keep_turn(&self, group: usize, turn: Turn) -> Result<()> {
        let until_ms = self.clock.now_ms() + TURN_LASTS.as_millis() as u64;
        let turn = Turn { holder: self.writer, until_ms, ..turn };
        self.overlay.below().write(vec![Write::Put(Table::Facts, tables::none(), self.row_of_turn(group), turn.encode())]).await
    }

    async fn read_turn(&self, group: usize) -> Result<Turn> {
        let row = self.overlay.below().get(Table::Facts, tables::none(), self.row_of_turn(group)).await?;
        Ok(row.as_deref().and_then(Turn::decode).unwrap_or_default())
    }

    fn row_of_turn(&self, group: usize) -> Key {
        tables::text_key(&format!("audit of the log {} {group}", self.settings.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_read_as_it_was_written() {
        let turn = Turn { holder: 1, until_ms: 2, next: 3, rests_until_ms: 4, looked_ms: u64::MAX };
        assert_eq!(Turn::decode(&turn.encode()), Some(turn));
        assert_eq!(Turn::decode(b"short"), None);
    }
}
