//! Groups by name: one's own and public ones, by their names, and one's own by the names of their members.
//!
//! Who is in a public group that one is not in is nobody's business, so that those are found by their own names only.

use super::group_names::{Fit, folded};
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use futures_util::{StreamExt, TryStreamExt};
use protocol::chat::Role;
use protocol::command::{GroupPage, SearchGroups};
use roaring::RoaringBitmap;
use std::cmp::Reverse;

/// Heads that are loaded at once for one search.
const LOADED_AT_ONCE: usize = 8;

/// What is searched.
#[derive(Debug, Clone)]
pub struct GroupSearch {
    /// Part of a name; empty: every group that the rest allows.
    pub query: String,
    /// Only groups with all of these in them.
    pub members: RoaringBitmap,
    /// Only groups that I own or manage.
    pub managed: bool,
    /// Names of members count.
    pub by_members: bool,
    /// Private groups that I am in.
    pub own_private: bool,
    /// Public groups that I am in.
    pub own_public: bool,
    /// Public groups that I am not in.
    pub public: bool,
    /// Behind this place.
    pub page: Option<String>,
    /// How many at most.
    pub limit: usize,
}

impl GroupSearch {
    /// A search by name over everything.
    pub fn of(query: &str, page: Option<String>, limit: usize) -> Self {
        let members = RoaringBitmap::new();
        Self {
            query: query.to_owned(),
            members,
            managed: false,
            by_members: true,
            own_private: true,
            own_public: true,
            public: true,
            page,
            limit,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupsFound {
    /// The page.
    pub keys: Vec<ChatKey>,
    /// How many there are in all.
    pub total: usize,
    /// The place behind which the next page begins; none at the end.
    pub next: Option<String>,
}

/// How well a group fits: a name that begins so, a name that has it inside, a member; then the newest group.
type Place = (u8, Reverse<u64>, ChatKey);

impl Chats {
    /// Searches groups, for the client protocol.
    pub async fn search_groups(&self, user: u32, command: SearchGroups) -> Result<GroupPage> {
        let query = command.query.trim();
        if query.is_empty() || query.chars().count() > limits::QUERY_CHARACTERS_MAX {
            return Err(Error::invalid("query", format!("a query has 1 to {} characters", limits::QUERY_CHARACTERS_MAX)));
        }
        let limit = command.limit.unwrap_or(20).clamp(1, limits::PAGE_MAX) as usize;
        let found = self.find_groups(user, GroupSearch::of(query, command.page, limit)).await?;
        let mut groups = Vec::with_capacity(found.keys.len());
        for key in found.keys {
            groups.push(self.group_found(user, key).await?);
        }
        Ok(GroupPage { groups, next: found.next })
    }

    /// Searches groups: the best fit first, pages by places that stay while groups are renamed.
    pub async fn find_groups(&self, user: u32, search: GroupSearch) -> Result<GroupsFound> {
        let after = match search.page.as_deref().map(parse_place) {
            None => None,
            Some(Some(place)) => Some(place),
            Some(None) => return Err(Error::invalid("page", "it is not a `next` of this search")),
        };
        let query = folded(&search.query);
        let (inside, _) = self.memberships(user).await?;
        let inside: std::collections::HashSet<ChatKey> = inside.into_iter().filter(|key| key.pair().is_none()).collect();
        let mut places: Vec<Place> = Vec::new();
        if search.own_private || search.own_public {
            let asked = |key: &ChatKey| if self.names.is_public(*key) { search.own_public } else { search.own_private };
            places.extend(self.own_groups(user, &search, &query, inside.iter().copied().filter(asked).collect()).await?);
        }
        if search.public && !search.managed && search.members.is_empty() {
            let public = self.names.public(&query).into_iter().filter(|(_, _, key)| !inside.contains(key));
            places.extend(public.map(|(fit, created_at_ms, key)| (rank(fit), Reverse(created_at_ms), key)));
        }
        places.sort_unstable();
        let from = after.map_or(0, |after| places.partition_point(|place| *place <= after));
        let shown = &places[from..(from + search.limit).min(places.len())];
        let next = (from + shown.len() < places.len()).then(|| shown.last().map(|place| print_place(*place))).flatten();
        Ok(GroupsFound { keys: shown.iter().map(|(_, _, key)| *key).collect(), total: places.len(), next })
    }

    async fn own_groups(&self, user: u32, search: &GroupSearch, query: &str, inside: Vec<ChatKey>) -> Result<Vec<Place>> {
        let people: RoaringBitmap = if search.by_members && !query.is_empty() {
            let (directory, query) = (self.directory.clone(), search.query.clone());
            // A search looks at every name; connections of this thread must not wait for it.
            let found = tokio::task::spawn_blocking(move || directory.search(&query, limits::GROUP_SEARCH_PEOPLE_MAX, None).people);
            found.await.map_err(|_| Error::busy("the search ended early"))?.into_iter().filter(|person| *person != user).collect()
        } else {
            RoaringBitmap::new()
        };
        let looks_inside = search.managed || !search.members.is_empty();
        let mut places = Vec::new();
        let mut others = Vec::new();
        for key in inside {
            match self.names.fit(key, query) {
                Some((Some(fit), created_at_ms)) if !looks_inside => places.push((rank(fit), Reverse(created_at_ms), key)),
                Some((fit, created_at_ms)) if looks_inside || !people.is_empty() => others.push((key, fit, created_at_ms)),
                _ => {}
            }
        }
        let heads: Vec<_> = futures_util::stream::iter(others)
            .map(|(key, fit, created_at_ms)| async move { Ok::<_, Error>((self.head(key).await?, fit, created_at_ms)) })
            .buffer_unordered(LOADED_AT_ONCE)
            .try_collect()
            .await?;
        for (head, fit, created_at_ms) in heads {
            let state = head.lock();
            let role = state.role(user);
            let fits_inside =
                (!search.managed || role.is_some_and(|role| role != Role::Member)) && search.members.is_subset(state.members.all());
            let rank = fit.map(rank).or_else(|| (!people.is_disjoint(state.members.all())).then_some(2));
            if let (true, Some(rank)) = (fits_inside && role.is_some(), rank) {
                places.push((rank, Reverse(created_at_ms), head.key));
            }
        }
        Ok(places)
    }
}

fn rank(fit: Fit) -> u8 {
    match fit {
        Fit::Begins => 0,
        Fit::Inside => 1,
    }
}

fn print_place((rank, Reverse(created_at_ms), key): Place) -> String {
    format!("{rank}.{created_at_ms:x}.{:x}", key.0)
}

fn parse_place(page: &str) -> Option<Place> {
    let mut parts = page.split('.');
    let place = (
        parts.next()?.parse().ok()?,
        Reverse(u64::from_str_radix(parts.next()?, 16).ok()?),
        ChatKey(u64::from_str_radix(parts.next()?, 16).ok()?),
    );
    parts.next().is_none().then_some(place)
}
