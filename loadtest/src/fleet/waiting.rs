//! Commands that wait for their answer: by the id that each client says, one table for all.

use super::Fleet;

/// A command that is not yet answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) client: u32,
    pub(super) kind: Wait,
    pub(super) generation: u16,
    pub(super) chat: u32,
    pub(super) intended_ns: u64,
    pub(super) message: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Nothing,
    Hello,
    Send,
    Setup,
    Sync,
    Receipt,
    /// A send that was given up.
    Late,
    Page,
    Watch,
    /// An urgent is raised.
    Raise,
    /// One is confirmed.
    Confirm,
}

impl Fleet {
    /// Takes a number for a command that waits for its answer.
    pub(super) fn wait_for(&mut self, client: u32, kind: Wait, chat: u32, intended_ns: u64, message: u64) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.waiting.push(Waiting { client: 0, kind: Wait::Nothing, generation: 0, chat: 0, intended_ns: 0, message: 0 });
            self.waiting.len() as u32 - 1
        });
        let generation = self.waiting[slot as usize].generation.wrapping_add(1) & GENERATIONS;
        self.waiting[slot as usize] = Waiting { client, kind, generation, chat, intended_ns, message };
        if kind == Wait::Send {
            self.sends_waiting += 1;
        }
        // 0 would want no reply.
        (slot + 1) | u32::from(generation) << SLOT_BITS
    }

    /// Gives the number back; `None` when this client waits for nothing under it.
    pub(super) fn answered(&mut self, client: u32, id: u32) -> Option<Waiting> {
        let slot = (id & ((1 << SLOT_BITS) - 1)).checked_sub(1)?;
        let waiting = self.waiting.get_mut(slot as usize)?;
        let right = waiting.client == client && waiting.kind != Wait::Nothing && u32::from(waiting.generation) == id >> SLOT_BITS;
        if !right {
            return None;
        }
        let answered = *waiting;
        waiting.kind = Wait::Nothing;
        self.free.push(slot);
        if answered.kind == Wait::Send {
            self.sends_waiting -= 1;
        }
        Some(answered)
    }

    /// What waited on a connection that is gone gets no answer any more. Whether a send of it counts is not known.
    pub(super) fn forget_waiting(&mut self, at: u32) {
        for slot in 0..self.waiting.len() {
            if self.waiting[slot].client != at || self.waiting[slot].kind == Wait::Nothing {
                continue;
            }
            if self.waiting[slot].kind == Wait::Send {
                self.sends_waiting -= 1;
                if self.returning {
                    let chat = &mut self.chats[self.waiting[slot].chat as usize];
                    chat.own.unanswered += 1;
                    chat.truth.unanswered += 1;
                    self.owed += 1;
                }
            }
            self.waiting[slot].kind = Wait::Nothing;
            self.free.push(slot as u32);
        }
    }
}

/// Commands that may wait at once: 4 million; the rest of the id tells uses of one slot apart.
const SLOT_BITS: u32 = 22;
const GENERATIONS: u16 = 1_023;
