//! Groups that follow departments: who joins one of them joins the group, and who leaves it leaves the group, unless
//! somebody had been added by hand.
//!
//! What is to be done is worked out of the tree as it is now and of what the group had followed so far, so that changes
//! that nobody saw, an import for one, are caught up with, and many people move with one record. It is written down
//! before it is done: after a crash it is done again, which changes nothing that was done.

use super::group::group_key;
use super::join::Answered;
use super::members::{bitmap_bytes, bitmap_of};
use super::profile::Actor;
use super::{ChatKey, Chats, Decided};
use crate::directory::Changed;
use crate::error::{Error, Result};
use crate::limits;
use crate::store::Write;
use crate::store::tables::{self, Table};
use dashmap::DashMap;
use protocol::command::JoinOutcome;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;

/// Changes that come within this time are followed together.
const TOGETHER: Duration = Duration::from_millis(200);
/// After a failure it is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);

/// Which departments a group follows, as the table `BoundGroups` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bound {
    /// Ids of the departments.
    pub departments: Vec<String>,
    /// Their people only, without those of the departments below.
    pub direct_only: bool,
    /// Who bound them; people come and go in this one's name.
    pub by: u32,
}

/// How far a group has followed, as the table `BoundMembers` keeps it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Followed {
    /// Who was in the departments when they were looked at last.
    seen: RoaringBitmap,
    /// Who came into the group by that.
    let_in: RoaringBitmap,
    /// Who is about to come.
    coming: RoaringBitmap,
    /// Who is about to go.
    going: RoaringBitmap,
}

impl Followed {
    fn encode(&self) -> Vec<u8> {
        let parts = [&self.seen, &self.let_in, &self.coming, &self.going].map(bitmap_bytes);
        rmp_serde::to_vec(&parts).expect("writing to memory does not fail")
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [seen, let_in, coming, going]: [Vec<u8>; 4] = rmp_serde::from_slice(bytes).ok()?;
        Some(Self { seen: bitmap_of(&seen), let_in: bitmap_of(&let_in), coming: bitmap_of(&coming), going: bitmap_of(&going) })
    }

    /// What has to be done now that these people are in the departments, and these in the group.
    fn next(&self, wanted: &RoaringBitmap, members: &RoaringBitmap, owner: Option<u32>) -> Self {
        // Who was seen before and is not in the group was taken out by hand, or has left by own wish: that stays so.
        let coming = ((wanted - &self.seen) | (&self.coming & wanted)) - members;
        let mut going = ((&self.let_in - wanted) | &self.going) & members;
        going -= wanted;
        if let Some(owner) = owner {
            going.remove(owner);
        }
        let let_in = (&self.let_in | &coming) & wanted;
        Self { seen: wanted.clone(), let_in, coming, going }
    }
}

/// What became of binding a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BoundNow {
    /// What the group follows; none when it follows nothing.
    pub bound: Option<Bound>,
    /// People in the departments.
    pub people: u64,
    /// Who came.
    pub came: u64,
    /// Who went.
    pub went: u64,
}

/// The groups that follow departments.
#[derive(Default)]
pub(super) struct BoundGroups {
    groups: DashMap<ChatKey, (Bound, Option<RoaringBitmap>)>,
    following: tokio::sync::Mutex<()>,
}

impl BoundGroups {
    pub(super) fn of(rows: Vec<(tables::Key, tables::Key, Vec<u8>)>) -> Result<Self> {
        let groups = DashMap::with_capacity(rows.len());
        for (_, row, value) in rows {
            let Some(key) = tables::read_u64(&row, 0).map(ChatKey) else { continue };
            let bound: Bound = serde_json::from_slice(&value)
                .map_err(|error| Error::storage(format!("the departments of a group in the database are damaged: {error}")))?;
            groups.insert(key, (bound, None));
        }
        Ok(Self { groups, ..Self::default() })
    }
}

impl Chats {
    /// Binds a group to departments, instead of those before. When this returns, their people are in the group.
    pub async fn bind(&self, by: impl Into<Actor>, key: ChatKey, departments: Vec<String>, direct_only: bool) -> Result<BoundNow> {
        let key = group_key(key, "departments")?;
        let by = by.into();
        self.may_bind(by, key).await?;
        if departments.is_empty() || departments.len() > limits::BOUND_DEPARTMENTS_MAX {
            return Err(Error::invalid(
                "department_ids",
                format!("it has {} departments; 1 to {} are allowed", departments.len(), limits::BOUND_DEPARTMENTS_MAX),
            ));
        }
        if let Some(unknown) = departments.iter().find(|id| self.directory.department(id).is_none()) {
            return Err(Error::invalid("department_ids", format!("there is no department `{}`", crate::error::clip(unknown))));
        }
        let bound = Bound { departments, direct_only, by: by.user };
        let people = self.people_followed(&bound).len();
        if people > limits::GROUP_MEMBERS_MAX {
            return Err(super::group::member_limit(people));
        }
        let _one = self.bound.following.lock().await;
        let count = self.bound.groups.len();
        if count >= limits::BOUND_GROUPS_MAX && !self.bound.groups.contains_key(&key) {
            return Err(Error::too_large("the list of bound groups", count as u64 + 1, limits::BOUND_GROUPS_MAX as u64, "groups"));
        }
        let row =
            serde_json::to_vec(&bound).map_err(|error| Error::storage(format!("the departments could not be written down: {error}")))?;
        self.store.write(vec![Write::Put(Table::BoundGroups, tables::none(), tables::u64_key(key.0), row)]).await?;
        self.bound.groups.insert(key, (bound.clone(), None));
        let (came, went) = self.follow(key, &bound).await?;
        Ok(BoundNow { bound: Some(bound), people, came, went })
    }

    /// Which departments a group follows.
    pub async fn bound(&self, user: impl Into<Actor>, key: ChatKey) -> Result<BoundNow> {
        let key = group_key(key, "departments")?;
        self.rights_of(user, key).await?;
        let bound = self.bound.groups.get(&key).map(|entry| entry.0.clone());
        Ok(BoundNow { people: bound.as_ref().map_or(0, |bound| self.people_followed(bound).len()), bound, ..BoundNow::default() })
    }

    /// Ends that a group follows departments. Whoever is in it stays.
    pub async fn unbind(&self, by: impl Into<Actor>, key: ChatKey) -> Result<()> {
        let key = group_key(key, "departments")?;
        self.may_bind(by.into(), key).await?;
        let _one = self.bound.following.lock().await;
        self.forget_bound(key).await
    }

    async fn forget_bound(&self, key: ChatKey) -> Result<()> {
        let row = tables::u64_key(key.0);
        let writes =
            vec![Write::Delete(Table::BoundGroups, tables::none(), row.clone()), Write::Delete(Table::BoundMembers, row, tables::none())];
        self.store.write(writes).await?;
        self.bound.groups.remove(&key);
        Ok(())
    }

    async fn may_bind(&self, by: Actor, key: ChatKey) -> Result<()> {
        let (_, rights) = self.rights_of(by, key).await?;
        if rights.edit_config && rights.remove_members {
            Ok(())
        } else {
            Err(Error::not_allowed("bind the group to departments", "only the owner and the managers may"))
        }
    }

    fn people_followed(&self, bound: &Bound) -> RoaringBitmap {
        self.directory.people_of(&bound.departments, !bound.direct_only)
    }

    /// Lets bound groups follow the tree, now and whenever it changes, until told to stop.
    pub async fn follow_departments(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut changes = self.directory.changes();
        loop {
            let again = if self.follow_all().await { Duration::MAX } else { AGAIN };
            tokio::select! {
                changed = changes.recv() => match changed {
                    Ok(Changed::People(_) | Changed::Departments) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep(again) => continue,
                _ = stop.wait_for(|stop| *stop) => return,
            }
            tokio::time::sleep(TOGETHER).await;
            // What came meanwhile is followed with it.
            while matches!(changes.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
        }
    }

    /// `false`: a group could not follow now.
    async fn follow_all(&self) -> bool {
        let mut all_followed = true;
        let bound: Vec<ChatKey> = self.bound.groups.iter().map(|entry| *entry.key()).collect();
        for key in bound {
            let _one = self.bound.following.lock().await;
            let Some((bound, seen)) = self.bound.groups.get(&key).map(|entry| entry.clone()) else { continue };
            if seen.is_some_and(|seen| seen == self.people_followed(&bound)) {
                continue;
            }
            if let Err(error) = self.follow(key, &bound).await {
                tracing::warn!(%error, chat_id = %self.seal.chat_id(key), "a group could not follow its departments");
                // A group that is too large stays so until somebody does something about it.
                all_followed &= error.retry_after_ms.is_none();
            }
        }
        all_followed
    }

    /// Brings one group to where its departments are. Gives how many came and went.
    async fn follow(&self, key: ChatKey, bound: &Bound) -> Result<(u64, u64)> {
        let (partition, wanted) = (tables::u64_key(key.0), self.people_followed(bound));
        let kept = self.store.get(Table::BoundMembers, partition.clone(), tables::none()).await?;
        let before = match kept {
            Some(bytes) => Followed::decode(&bytes).ok_or_else(|| Error::storage("what a group has followed is damaged"))?,
            None => Followed::default(),
        };
        let (members, info) = {
            let head = self.head(key).await?;
            let state = head.lock();
            (state.members.all().clone(), state.info.clone())
        };
        if info.dissolved {
            return self.forget_bound(key).await.map(|()| (0, 0));
        }
        let mut next = before.next(&wanted, &members, info.owner);
        if next != before {
            let row = Write::Put(Table::BoundMembers, partition.clone(), tables::none(), next.encode());
            self.store.write(vec![row]).await?;
        }
        let moved = (next.coming.len(), next.going.len());
        if moved != (0, 0) {
            let (coming, going) = (std::mem::take(&mut next.coming), std::mem::take(&mut next.going));
            let mut answered = Answered::new();
            let come = |head: &Arc<super::Head>, state: &mut super::State| {
                answered.clear();
                Ok(self.let_in(head, state, bound.by, &coming, None, &mut answered)?.map(drop))
            };
            self.act(key, come, |_| ()).await?;
            self.tell_answered(key, answered, JoinOutcome::Accepted, None).await?;
            let go = |head: &Arc<super::Head>, state: &mut super::State| {
                let mut going = going.clone();
                if let Some(owner) = state.info.owner {
                    going.remove(owner);
                }
                if going.is_empty() { Ok(Decided::Already(())) } else { Ok(self.let_go(head, state, bound.by, &going)?.map(drop)) }
            };
            self.act(key, go, |_| ()).await?;
            self.store.write(vec![Write::Put(Table::BoundMembers, partition, tables::none(), next.encode())]).await?;
        }
        if let Some(mut entry) = self.bound.groups.get_mut(&key) {
            entry.1 = Some(wanted);
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(people: &[u32]) -> RoaringBitmap {
        people.iter().copied().collect()
    }

    #[test]
    fn who_was_added_by_hand_stays_and_who_was_taken_out_by_hand_stays_out() {
        let mut members = set(&[1, 2]);
        let first = Followed::default().next(&set(&[2, 3, 4]), &members, Some(1));
        assert_eq!((&first.coming, &first.going, &first.let_in), (&set(&[3, 4]), &set(&[]), &set(&[3, 4])));
        members |= set(&[3, 4]);
        // 4 is taken out by hand, 2 and 3 leave the department, 5 joins it.
        members.remove(4);
        let done = Followed { coming: set(&[]), ..first };
        let second = done.next(&set(&[4, 5]), &members, Some(1));
        assert_eq!((&second.coming, &second.going), (&set(&[5]), &set(&[3])));
        // Back in the department: 3 comes again.
        members = set(&[1, 2, 5]);
        let third = Followed { coming: set(&[]), going: set(&[]), ..second }.next(&set(&[3, 4, 5]), &members, Some(1));
        assert_eq!((&third.coming, &third.going), (&set(&[3]), &set(&[])));
    }

    proptest! {
        /// However the departments change, and whether or not the server dies between writing down and doing: whoever is
        /// in the departments and was never taken out by hand is in the group, and nobody else but those added by hand.
        #[test]
        fn the_group_ends_where_the_tree_is(plan in proptest::collection::vec((proptest::collection::btree_set(0u32..30, 0..20), any::<bool>()), 1..12)) {
            let by_hand = set(&[0, 7]);
            let (mut kept, mut members) = (Followed::default(), by_hand.clone());
            for (wanted, crash) in plan {
                let wanted: RoaringBitmap = wanted.into_iter().collect();
                for dies in [crash, false] {
                    let next = kept.next(&wanted, &members, Some(0));
                    kept = next.clone();
                    if dies {
                        // Half of it was done.
                        members |= &next.coming;
                        continue;
                    }
                    members |= &next.coming;
                    members -= &next.going;
                    kept = Followed { coming: RoaringBitmap::new(), going: RoaringBitmap::new(), ..next };
                }
                prop_assert_eq!(&members, &(&wanted | &by_hand));
                prop_assert_eq!(&Followed::decode(&kept.encode()), &Some(kept.clone()));
            }
        }
    }
}
