//! Those who have left the organisation go out of their groups, and the groups that they owned get another owner.
//!
//! What is to be done stands in the table `Leavers` since the moment somebody left, so that it is done after a crash too.
//! Many who leave together go with one record a group.

use super::group::group_key;
use super::join::Answered;
use super::{ChatKey, Chats, Decided, State};
use crate::auth::Auth;
use crate::directory::{Changed, Leaver};
use crate::error::Result;
use crate::limits::LEAVERS_AT_ONCE;
use crate::log::record::Change;
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

/// After a failure it is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);

impl Chats {
    /// Lets those who have left go, now and whenever somebody leaves, until told to stop.
    pub async fn let_leavers_go(self: Arc<Self>, auth: Auth, mut stop: watch::Receiver<bool>) {
        let mut changes = self.directory.changes();
        loop {
            let again = match self.settle_leavers(&auth).await {
                Ok(()) => Duration::MAX,
                Err(error) => {
                    tracing::warn!(%error, "those who have left are still in their groups; it is tried again");
                    AGAIN
                }
            };
            tokio::select! {
                changed = changes.recv() => match changed {
                    Ok(Changed::People(_)) | Err(RecvError::Lagged(_)) => {}
                    Ok(Changed::Departments) => continue,
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep(again) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Does what is left to do for all who have left.
    pub(crate) async fn settle_leavers(&self, auth: &Auth) -> Result<()> {
        loop {
            let rows = self.store.scan(Table::Leavers, tables::none(), Range::first(LEAVERS_AT_ONCE)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut gone = RoaringBitmap::new();
            let mut heirs: HashMap<u32, u32> = HashMap::new();
            for (row, value) in &rows {
                let Some(user) = tables::read_u32(row, 0).filter(|user| self.directory.resigned(*user)) else { continue };
                gone.insert(user);
                let leaver: Leaver = serde_json::from_slice(value).unwrap_or_default();
                heirs.extend(leaver.heir.map(|heir| (user, heir)));
            }
            let mut groups: BTreeMap<ChatKey, RoaringBitmap> = BTreeMap::new();
            for user in &gone {
                auth.sign_out_everywhere(user).await?;
                for key in self.memberships(user).await?.0.into_iter().filter(|key| key.pair().is_none()) {
                    groups.entry(key).or_default().insert(user);
                }
            }
            for (key, who) in groups {
                self.let_gone_out(key, &who, &heirs).await?;
            }
            self.store.write(rows.into_iter().map(|(row, _)| Write::Delete(Table::Leavers, tables::none(), row)).collect()).await?;
        }
    }

    /// Takes people who have left the organisation out of a group. If one of them owns it, somebody else does first.
    async fn let_gone_out(&self, key: ChatKey, who: &RoaringBitmap, heirs: &HashMap<u32, u32>) -> Result<()> {
        let key = group_key(key, "members who leave")?;
        let mut answered = Answered::new();
        for done in [false, true] {
            // First the owner, then all: each is a record of its own.
            self.act(
                key,
                |head, state| {
                    answered.clear();
                    let still = who & &**state.members.all();
                    let Some(first) = still.min() else { return Ok(Decided::Already(())) };
                    if state.info.dissolved {
                        return Ok(Decided::Already(()));
                    }
                    let owner = state.info.owner.filter(|owner| still.contains(*owner));
                    match owner {
                        Some(owner) if !done => {
                            let wanted = heirs.get(&owner).copied();
                            match self.heir(state, &still, wanted) {
                                Some(heir) => {
                                    let mut info = (*state.info).clone();
                                    info.owner = Some(heir);
                                    info.managers.retain(|manager| *manager != heir);
                                    Ok(self.append_info(head, state, owner, Change::OwnerChanged { owner: heir }, info)?.map(drop))
                                }
                                None => Ok(self.end(head, state, owner, &mut answered)?.map(drop)),
                            }
                        }
                        None if !done => Ok(Decided::Already(())),
                        _ => Ok(self.let_go(head, state, owner.unwrap_or(first), &still)?.map(drop)),
                    }
                },
                |_| (),
            )
            .await?;
            if !answered.is_empty() || self.head(key).await?.lock().info.dissolved {
                self.ended(key, std::mem::take(&mut answered)).await?;
            }
        }
        Ok(())
    }

    /// Who owns a group next: who was named, else the manager who came first, else the person who came first, else a bot.
    fn heir(&self, state: &State, gone: &RoaringBitmap, wanted: Option<u32>) -> Option<u32> {
        let stays = |user: u32| !gone.contains(user) && !self.directory.resigned(user);
        let person = |user: u32| stays(user) && self.directory.kind(user) == PersonKind::Person;
        let managers = state.info.managers.iter().copied().filter(|manager| person(*manager));
        wanted
            .filter(|heir| state.members.contains(*heir) && person(*heir))
            .or_else(|| managers.min_by_key(|manager| (state.members.joined(*manager).seq, *manager)))
            .or_else(|| state.members.earliest(person))
            .or_else(|| state.members.earliest(stays))
    }
}
