//! One match: each command to the domain call that does it. No rule of its own.

use super::Gateway;
use crate::chat::{Chats, Joining, NewGroup, OnTop};
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::session::{Frame, Session};
use crate::urgent::{RaisedUrgent, Urgents};
use futures_util::future::BoxFuture;
use protocol::command::{
    Command, CustomBotList, DecideJoin, DepartmentPage, DeviceList, Done, GetDepartment, Join, Joined, JoinsDecided, Limits, Online,
    PersonList, PersonPage, Presences, RaiseUrgent, ReceiptUpTo, SearchPeople, SetPresence, SignOut, UrgentRaised, Watch, Welcome,
};
use protocol::person::{Department, Device, PresenceState};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How a command is answered.
pub enum Handled {
    /// With this, now.
    Now(Result<Frame>),
    /// With this, later; the next command is read meanwhile.
    Later(BoxFuture<'static, Result<Frame>>),
}

/// Answers `hello`.
pub fn welcome(gateway: &Gateway, session: &Session, resumable: bool) -> Welcome {
    let config = &gateway.config;
    Welcome {
        me: gateway.directory.profile(session.user),
        session_id: format!("{:x}", session.id),
        server_time_ms: gateway.clock.now_ms(),
        heartbeat_ms: config.heartbeat_seconds * 1000,
        cursor: gateway.chats.cursor_now().print(),
        resumable,
        limits: Limits {
            frame_bytes: limits::FRAME_BYTES_MAX as u32,
            text_bytes: limits::TEXT_BYTES_MAX as u32,
            post_bytes: limits::POST_BYTES_MAX as u32,
            file_bytes: config.file_bytes_max,
            in_flight: u32::from(limits::COMMANDS_IN_FLIGHT_MAX),
            commands_per_second: config.commands_per_second as u32,
            page: limits::PAGE_MAX,
            watch: limits::WATCHED_MAX as u32,
            members: limits::GROUP_MEMBERS_MAX as u32,
            recall_ms: config.recall_minutes * 60_000,
            edit_ms: config.edit_minutes * 60_000,
            urgent_ways: gateway.urgents.ways(),
            break_quiet_hours: gateway.urgents.may_break_quiet_hours(session.user),
        },
        page_prefix: Some(gateway.page_prefix.clone()),
        server: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Does a command. Sends have their place when this returns, so that a session's sends stay in their order; what takes
/// longer goes on while the next command is read.
pub async fn dispatch(gateway: &Arc<Gateway>, session: &Arc<Session>, id: u32, command: Command) -> Handled {
    let user = session.user;
    let encoding = session.encoding;
    let chats = gateway.chats.clone();
    let urgents = gateway.urgents.clone();
    macro_rules! later {
        ($answer:expr) => {
            Handled::Later(Box::pin(async move { Ok(answer(encoding, id, &$answer.await?)) }))
        };
    }
    macro_rules! now {
        ($answer:expr) => {
            Handled::Now($answer.map(|reply| answer(encoding, id, &reply)))
        };
    }
    match command {
        Command::Hello(_) => Handled::Now(Err(Error::new(
            protocol::error::ErrorCode::HelloFirst,
            "the session stands already",
            "hello is the first command of a connection, and only the first",
            "go on without it",
        ))),
        Command::Alive(_) => now!(Ok(Done {})),
        Command::Send(body) => match chats.send(user, body).await {
            Ok(waiting) => later!(waiting),
            Err(error) => Handled::Now(Err(error)),
        },
        Command::Edit(body) => later!(chats.edit(user, body)),
        Command::Recall(body) => later!(chats.recall(user, body)),
        Command::React(body) => later!(chats.react(user, body)),
        Command::Unreact(body) => later!(chats.unreact(user, body)),
        Command::Pin(body) => later!(chats.pin(user, body)),
        Command::Unpin(body) => later!(chats.unpin(user, body)),
        Command::Pins(body) => later!(chats.pins(user, body)),
        Command::Forward(body) => later!(chats.forward(user, body)),
        Command::History(body) => Handled::Later(Box::pin(async move { Ok(chats.history(user, body).await?.frame(user, encoding, id)) })),
        Command::Sync(body) => {
            // What was left out is in what is read from now on.
            session.caught_up();
            let bytes = if session.reads_slowly() { limits::SYNC_BYTES_OF_A_SLOW_PAGE } else { limits::SYNC_BYTES_OF_A_PAGE };
            later!(chats.sync(user, body, bytes))
        }
        Command::Inbox(body) => later!(chats.inbox(user, body)),
        Command::ReceiptUpTo(body) => now!(receipt(gateway, session, body).await),
        Command::Readers(body) => later!(chats.readers(user, body)),
        Command::TypingIn(body) => now!(typing(gateway, user, body.chat_id).await),
        Command::Edits(body) => later!(chats.edits(user, body)),
        Command::Thread(body) => later!(chats.thread(user, body)),
        Command::OpenDirect(body) => now!(chats.open_direct(user, &body.user_id).await),
        Command::CreateGroup(body) => later!(create_group(chats, user, body)),
        Command::GetChat(body) => match chats.key(body.chat_id) {
            Ok(key) => now!(chats.chat(user, key).await),
            Err(error) => Handled::Now(Err(error)),
        },
        Command::UpdateChat(body) => later!(chats.update_chat(user, body)),
        Command::Members(body) => later!(chats.members(user, body)),
        Command::AddMembers(body) => later!(async move {
            let (who, unknown) = chats.people_meant(&body.user_ids, &body.department_ids)?;
            chats.add_members(user, chats.key(body.chat_id)?, who, unknown).await
        }),
        Command::RemoveMembers(body) => later!(async move {
            let (who, unknown) = chats.indices(&body.user_ids)?;
            chats.remove_members(user, chats.key(body.chat_id)?, who, unknown).await
        }),
        Command::Leave(body) => later!(async move { chats.leave(user, chats.key(body.chat_id)?).await }),
        Command::Transfer(body) => later!(async move {
            let to = chats.directory.index(&body.user_id).ok_or_else(|| Error::person_not_found(&body.user_id))?;
            chats.transfer(user, chats.key(body.chat_id)?, to).await
        }),
        Command::SetManagers(body) => later!(chats.set_managers(user, body)),
        Command::Dissolve(body) => later!(async move { chats.dissolve(user, chats.key(body.chat_id)?).await }),
        Command::Join(body) => later!(join(chats, user, body)),
        Command::JoinRequests(body) => {
            later!(
                async move { chats.join_requests(user, chats.key(body.chat_id)?, body.page.as_deref(), limits::PAGE_MAX as usize).await }
            )
        }
        Command::DecideJoin(body) => later!(decide_join(chats, user, body)),
        Command::WithdrawJoin(body) => later!(async move {
            chats.withdraw_join(user, chats.key(body.chat_id)?).await?;
            Ok::<_, Error>(Done {})
        }),
        Command::MyJoinRequests(_) => later!(async move { chats.my_join_requests(user).await }),
        Command::MakeShareLink(body) => {
            later!(async move { chats.share_link(user, chats.key(body.chat_id)?, body.validity.unwrap_or_default()).await })
        }
        Command::LinkedChat(body) => later!(async move { chats.linked_chat(user, &body.token).await }),
        Command::SearchGroups(body) => later!(async move { chats.search_groups(user, body).await }),
        Command::GetChatDetails(body) => later!(async move { chats.chat_details(user, chats.key(body.chat_id)?).await }),
        Command::SetModeration(body) => later!(async move {
            let (add, remove) = (chats.known(&body.add)?, chats.known(&body.remove)?);
            chats.set_moderation(user, chats.key(body.chat_id)?, body.moderation_permission, &add, &remove).await
        }),
        Command::Moderators(body) => later!(async move { chats.moderators(user, body).await }),
        Command::SetTopNotice(body) => later!(async move {
            let top = match (body.message_id, body.announcement) {
                (Some(message_id), false) => OnTop::Message(message_id),
                (None, true) => OnTop::Announcement,
                (None, false) => OnTop::Nothing,
                (Some(_), true) => return Err(Error::invalid("announcement", "either a message or the announcement stands on top")),
            };
            chats.set_top_notice(user, chats.key(body.chat_id)?, top).await
        }),
        Command::SetAnnouncement(body) => later!(async move { chats.set_announcement(user, body).await }),
        Command::AddTab(body) => later!(async move { chats.add_tab(user, body).await }),
        Command::RemoveTab(body) => later!(async move { chats.remove_tab(user, body).await }),
        Command::MyChat(body) => {
            let (gateway, session_id) = (gateway.clone(), session.id);
            later!(async move {
                let changed = chats.my_chat(user, body).await?;
                gateway.delivery.inbox_changed(user, changed.clone(), session_id);
                Ok::<_, Error>(changed)
            })
        }
        Command::Watch(body) => now!(watch(gateway, session, body)),
        Command::SetPresence(body) => {
            let (gateway, session) = (gateway.clone(), session.clone());
            later!(set_presence(gateway, session, body))
        }
        Command::OnlineCount(body) => {
            let gateway = gateway.clone();
            later!(async move {
                let members = chats.members_bitmap(user, chats.key(body.chat_id)?).await?;
                Ok::<_, Error>(Online { online: gateway.presence.online_count(&members) })
            })
        }
        Command::People(body) => now!(people(gateway, &body.user_ids)),
        Command::SearchPeople(body) => {
            let gateway = gateway.clone();
            later!(search_people(gateway, body))
        }
        Command::GetDepartment(body) => now!(department(gateway, body)),
        Command::Devices(_) => {
            let (gateway, session) = (gateway.clone(), session.clone());
            later!(devices(gateway, session))
        }
        Command::SignOut(body) => {
            let gateway = gateway.clone();
            later!(sign_out(gateway, user, body))
        }
        Command::GotEphemeral(body) => later!(async move { chats.got_ephemeral(user, &body.message_ids).await.map(|()| Done {}) }),
        Command::AddCustomBot(body) => {
            let gateway = gateway.clone();
            later!(async move { Ok::<_, Error>(gateway.with_url(chats.add_custom_bot(user, body).await?)) })
        }
        Command::CustomBots(body) => {
            let gateway = gateway.clone();
            later!(async move {
                let list = chats.custom_bots(user, body).await?;
                Ok::<_, Error>(CustomBotList { bots: list.bots.into_iter().map(|bot| gateway.with_url(bot)).collect() })
            })
        }
        Command::ChangeCustomBot(body) => {
            let gateway = gateway.clone();
            later!(async move { Ok::<_, Error>(gateway.with_url(chats.change_custom_bot(user, body).await?)) })
        }
        Command::RenewCustomBot(body) => {
            let gateway = gateway.clone();
            later!(async move { Ok::<_, Error>(gateway.with_url(chats.renew_custom_bot(user, body).await?)) })
        }
        Command::RemoveCustomBot(body) => later!(async move { chats.remove_custom_bot(user, body).await.map(|()| Done {}) }),
        Command::RaiseUrgent(body) => {
            let session = session.clone();
            later!(async move { raise_urgent(urgents, &session, body).await })
        }
        Command::UrgentGot(body) => later!(async move { urgents.got(user, body).await.map(|()| Done {}) }),
        Command::ConfirmUrgent(body) => later!(async move { urgents.confirm(user, body.urgent_id).await.map(|()| Done {}) }),
        Command::CancelUrgent(body) => {
            let session = session.clone();
            later!(async move { urgents.cancel_by_person(user, &session.device_id, body).await.map(|()| Done {}) })
        }
        Command::GetUrgents(body) => later!(async move { urgents.list(user, body).await }),
        Command::GetUrgentReport(body) => later!(async move { urgents.report(user, body).await }),
        Command::GetUrgentPeople(body) => later!(async move { urgents.people(user, body).await }),
        Command::GetUrgentPerson(body) => later!(async move { urgents.person(user, body).await }),
    }
}

async fn raise_urgent(urgents: Arc<Urgents>, session: &Session, body: RaiseUrgent) -> Result<UrgentRaised> {
    let RaisedUrgent { key, audience, mut left_out } = urgents.raise_by_person(session.user, &session.device_id, body).await?;
    let left_out_count = left_out.len() as u32;
    left_out.truncate(limits::PAGE_MAX as usize);
    Ok(UrgentRaised { urgent_id: urgents.id(key), audience_count: audience as u32, left_out, left_out_count })
}

fn answer<R: Serialize>(encoding: protocol::codec::Encoding, id: u32, reply: &R) -> Frame {
    Frame::new(encoding, &encoding.reply(id, reply))
}

async fn receipt(gateway: &Arc<Gateway>, session: &Arc<Session>, body: ReceiptUpTo) -> Result<Done> {
    let Some(told) = gateway.chats.receipt(session.user, body).await? else { return Ok(Done {}) };
    let others = gateway.registry.sessions_of(session.user).len() > 1 || gateway.presence.elsewhere.of(session.user).is_some();
    let own = if told.read && others { Some(gateway.chats.own_state(session.user, told.chat).await?) } else { None };
    gateway.delivery.receipt(&told, own, session.id);
    if told.read && told.members.len() > limits::RECEIPTS_TOLD_MEMBERS_MAX {
        gateway.read_in.insert(told.chat);
    }
    Ok(Done {})
}

async fn typing(gateway: &Arc<Gateway>, user: u32, chat_id: protocol::ids::ChatId) -> Result<Done> {
    let key = gateway.chats.key(chat_id)?;
    let members = gateway.chats.members_bitmap(user, key).await?;
    gateway.delivery.typing(key, user, &members);
    Ok(Done {})
}

async fn create_group(chats: Arc<Chats>, user: u32, body: protocol::command::CreateGroup) -> Result<protocol::chat::Chat> {
    let (members, unknown) = chats.people_meant(&body.user_ids, &body.department_ids)?;
    if let Some(nobody) = unknown.first() {
        return Err(Error::person_not_found(nobody));
    }
    let group = NewGroup {
        client_message_id: body.client_message_id,
        name: body.name,
        description: body.description.unwrap_or_default(),
        avatar: body.avatar,
        members,
        config: body.config.unwrap_or_default(),
        i18n_names: body.i18n_names,
        ..NewGroup::default()
    };
    let key: ChatKey = chats.create_group(user, group).await?;
    chats.chat(user, key).await
}

async fn join(chats: Arc<Chats>, user: u32, body: Join) -> Result<Joined> {
    let key = chats.key(body.chat_id)?;
    match chats.join(user, key, body.link.as_deref(), body.reason.as_deref()).await? {
        Joining::Joined => Ok(Joined { chat: Some(chats.chat(user, key).await?), requested: false }),
        Joining::Requested => Ok(Joined { chat: None, requested: true }),
    }
}

async fn decide_join(chats: Arc<Chats>, user: u32, body: DecideJoin) -> Result<JoinsDecided> {
    let who = chats.known(&body.user_ids)?;
    let decision = chats.decide_joins(user, chats.key(body.chat_id)?, &who, body.accept, body.reason.as_deref()).await?;
    Ok(JoinsDecided { decided: decision.decided.len() as u32, not_waiting: chats.user_ids(decision.not_waiting.iter()) })
}

fn watch(gateway: &Arc<Gateway>, session: &Arc<Session>, body: Watch) -> Result<Presences> {
    if body.user_ids.len() > limits::WATCHED_MAX {
        return Err(Error::too_large("the list of people to watch", body.user_ids.len() as u64, limits::WATCHED_MAX as u64, "people"));
    }
    let mut users: Vec<u32> = body.user_ids.iter().filter_map(|user_id| gateway.directory.index(user_id)).collect();
    users.sort_unstable();
    users.dedup();
    gateway.presence.watch(session, users.clone());
    Ok(Presences { presences: users.into_iter().map(|user| gateway.presence.of(user)).collect() })
}

async fn set_presence(gateway: Arc<Gateway>, session: Arc<Session>, body: SetPresence) -> Result<Done> {
    match body.state {
        PresenceState::Online => session.away.store(false, Ordering::Relaxed),
        PresenceState::Away => session.away.store(true, Ordering::Relaxed),
        PresenceState::Offline | PresenceState::Hidden => {
            return Err(Error::invalid("state", "a session says `online` or `away` of itself; use `hidden` to show nothing"));
        }
    }
    if let Some(hidden) = body.hidden
        && hidden != gateway.directory.presence_hidden(session.user)
    {
        gateway.directory.set_presence_hidden(session.user, hidden).await?;
    }
    gateway.presence.touched(session.user);
    Ok(Done {})
}

fn people(gateway: &Gateway, user_ids: &[String]) -> Result<PersonList> {
    if user_ids.len() > limits::PAGE_MAX as usize {
        return Err(Error::too_large("the list of people", user_ids.len() as u64, u64::from(limits::PAGE_MAX), "ids"));
    }
    Ok(PersonList {
        people: user_ids
            .iter()
            .filter_map(|user_id| gateway.directory.index(user_id))
            .map(|index| gateway.directory.profile(index))
            .collect(),
    })
}

async fn search_people(gateway: Arc<Gateway>, body: SearchPeople) -> Result<PersonPage> {
    let query = body.query.trim().to_owned();
    if query.is_empty() || query.chars().count() > limits::QUERY_CHARACTERS_MAX {
        return Err(Error::invalid("query", format!("a query has 1 to {} characters", limits::QUERY_CHARACTERS_MAX)));
    }
    let limit = body.limit.unwrap_or(20).clamp(1, 50) as usize;
    // A search looks at every name; connections of this thread must not wait for it.
    tokio::task::spawn_blocking(move || {
        let page = gateway.directory.search(&query, limit, body.page.as_deref());
        PersonPage { people: page.people.iter().map(|index| gateway.directory.card(*index)).collect(), next: page.next }
    })
    .await
    .map_err(|_| Error::busy("the search ended early"))
}

fn department(gateway: &Gateway, body: GetDepartment) -> Result<DepartmentPage> {
    let directory = &gateway.directory;
    let id = body.department_id.as_str();
    if id != "0" && directory.department(id).is_none() {
        return Err(Error::invalid("department_id", format!("there is no department `{}`", crate::error::clip(id))));
    }
    let from = match body.page.as_deref().map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return Err(Error::invalid("page", "it is not a `next` of this list")),
    };
    let departments = if from > 0 {
        Vec::new()
    } else {
        let shown = |child: Arc<crate::directory::DepartmentEntry>| Department {
            department_id: child.department_id.to_string(),
            name: child.name.to_string(),
            people_count: directory.everyone_below(&child.department_id).len() as u32,
            parent: !directory.children(&child.department_id).is_empty(),
        };
        directory.children(id).into_iter().map(shown).collect()
    };
    let people = directory.people_in(id);
    let page: Vec<_> = people.iter().skip(from).take(limits::PAGE_MAX as usize).map(|index| directory.card(*index)).collect();
    let next = (from + page.len() < people.len()).then(|| (from + page.len()).to_string());
    Ok(DepartmentPage { departments, people: page, next })
}

async fn devices(gateway: Arc<Gateway>, session: Arc<Session>) -> Result<DeviceList> {
    let online = gateway.registry.sessions_of(session.user);
    let is = |session_device: &str, device: &str| super::of_device(session_device, device);
    let mut devices: Vec<Device> = gateway
        .auth
        .devices(session.user)
        .await?
        .into_iter()
        .map(|entry| Device {
            online: online.iter().any(|live| is(&live.device_id, &entry.device_id)),
            current: is(&session.device_id, &entry.device_id),
            device_id: entry.device_id,
            kind: entry.kind,
            name: entry.name,
            signed_in_at_ms: entry.signed_in_at_ms,
            last_seen_ms: entry.last_seen_ms,
            address: entry.address.map(|address| address.to_string()),
        })
        .collect();
    devices.sort_by_key(|device| std::cmp::Reverse((device.current, device.online, device.last_seen_ms)));
    Ok(DeviceList { devices })
}

async fn sign_out(gateway: Arc<Gateway>, user: u32, body: SignOut) -> Result<Done> {
    gateway.auth.sign_out(user, &body.device_id).await?;
    Ok(Done {})
}
