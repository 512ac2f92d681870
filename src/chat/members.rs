//! Who is in a chat, and since when: a bitmap, and the joins that are not from the start.
//!
//! Large changes keep one bitmap for all who came with them, so that everybody of a company is a few KiB; single ones
//! keep a row each.

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Changes of more people than this are kept as one bitmap.
const SINGLES_MAX: u64 = 64;

/// Where a chat stood when somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Joined {
    /// Seq of the record.
    pub seq: u64,
    /// Messages before it.
    pub position: u64,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// The members of a chat.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberSet {
    all: Arc<RoaringBitmap>,
    singles: HashMap<u32, Joined>,
    batches: Vec<(Joined, RoaringBitmap)>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    all: Vec<u8>,
    singles: Vec<(u32, Joined)>,
    batches: Vec<(Joined, Vec<u8>)>,
}

/// A bitmap as bytes.
pub fn bitmap_bytes(bitmap: &RoaringBitmap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap.serialize_into(&mut bytes).expect("writing to memory does not fail");
    bytes
}

/// A bitmap of bytes; empty when they are none.
pub fn bitmap_of(bytes: &[u8]) -> RoaringBitmap {
    RoaringBitmap::deserialize_from(bytes).unwrap_or_default()
}

impl MemberSet {
    /// The two of a direct chat.
    pub fn pair(one: u32, other: u32) -> Self {
        Self { all: Arc::new(RoaringBitmap::from_iter([one, other])), ..Self::default() }
    }

    /// Everybody in it.
    pub fn all(&self) -> &Arc<RoaringBitmap> {
        &self.all
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.all.len() as u32
    }

    /// Is this one in it?
    pub fn contains(&self, user: u32) -> bool {
        self.all.contains(user)
    }

    /// Since when a member is in it.
    pub fn joined(&self, user: u32) -> Joined {
        if let Some(joined) = self.singles.get(&user) {
            return *joined;
        }
        self.batches.iter().rev().find(|(_, who)| who.contains(user)).map(|(joined, _)| *joined).unwrap_or_default()
    }

    /// Who came first of those who fit.
    pub fn earliest(&self, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let single = self.singles.iter().filter(|(user, _)| fits(**user)).map(|(user, joined)| (joined.seq, *user)).min();
        let mut batches: Vec<&(Joined, RoaringBitmap)> = self.batches.iter().collect();
        batches.sort_by_key(|(joined, _)| joined.seq);
        // Who came again alone counts from then on, and stands in the older batch no more.
        let of_batch = batches.into_iter().find_map(|(joined, who)| {
            who.iter().find(|user| !self.singles.contains_key(user) && fits(*user)).map(|user| (joined.seq, user))
        });
        single.into_iter().chain(of_batch).min().map(|(_, user)| user).or_else(|| self.all.iter().find(|user| fits(*user)))
    }

    /// Lets people in.
    pub fn add(&mut self, who: &RoaringBitmap, joined: Joined) {
        *Arc::make_mut(&mut self.all) |= who;
        if who.len() <= SINGLES_MAX {
            self.singles.extend(who.iter().map(|user| (user, joined)));
        } else {
            self.singles.retain(|user, _| !who.contains(*user));
            self.batches.push((joined, who.clone()));
        }
    }

    /// Lets people go.
    pub fn remove(&mut self, who: &RoaringBitmap) {
        *Arc::make_mut(&mut self.all) -= who;
        self.singles.retain(|user, _| !who.contains(*user));
        for (_, batch) in &mut self.batches {
            *batch -= who;
        }
        self.batches.retain(|(_, batch)| !batch.is_empty());
    }

    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let kept = Kept {
            all: bitmap_bytes(&self.all),
            singles: self.singles.iter().map(|(user, joined)| (*user, *joined)).collect(),
            batches: self.batches.iter().map(|(joined, who)| (*joined, bitmap_bytes(who))).collect(),
        };
        rmp_serde::to_vec(&kept).expect("writing to memory does not fail")
    }

    /// Reads what is kept.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = rmp_serde::from_slice(bytes).ok()?;
        Some(Self {
            all: Arc::new(bitmap_of(&kept.all)),
            singles: kept.singles.into_iter().collect(),
            batches: kept.batches.into_iter().map(|(joined, who)| (joined, bitmap_of(&who))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whoever comes and goes in whatever order: the set knows who is in it and since when, also after reading it back.
        #[test]
        fn the_last_join_counts(plan in proptest::collection::vec((any::<bool>(), 0u32..300, 1u32..200), 1..40)) {
            let mut set = MemberSet::default();
            let mut model: HashMap<u32, u64> = HashMap::new();
            for (seq, (comes, first, count)) in plan.into_iter().enumerate() {
                let seq = seq as u64 + 1;
                let who: RoaringBitmap = (first..first + count).filter(|user| comes != model.contains_key(user)).collect();
                if comes {
                    set.add(&who, Joined { seq, position: seq, at_ms: seq });
                    model.extend(who.iter().map(|user| (user, seq)));
                } else {
                    set.remove(&who);
                    who.iter().for_each(|user| { model.remove(&user); });
                }
                let again = MemberSet::decode(&set.encode()).unwrap();
                prop_assert_eq!(&again, &set);
                prop_assert_eq!(set.count() as usize, model.len());
                let first = model.iter().filter(|(user, _)| **user % 3 == 0).map(|(user, seq)| (*seq, *user)).min();
                prop_assert_eq!(set.earliest(|user| user % 3 == 0), first.map(|(_, user)| user));
                for (user, joined) in &model {
                    prop_assert!(set.contains(*user));
                    prop_assert_eq!(set.joined(*user).seq, *joined);
                }
            }
        }
    }
}
