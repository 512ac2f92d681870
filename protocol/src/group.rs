//! Groups beyond their members: who asks to join, links, search, announcement, tabs, menu, top notice, who may post.

use crate::chat::{I18nNames, Moderation};
use crate::ids::{ChatId, MessageId, UserId};
use crate::person::Person;
use crate::wire::{wire, words};

words! {
    /// What became of a request to join.
    pub enum JoinOutcome {
        /// Nobody has decided yet.
        0 "pending" Pending,
        /// Let in.
        1 "accepted" Accepted,
        /// Not let in.
        2 "refused" Refused,
        /// Taken back by the one who had asked.
        3 "withdrawn" Withdrawn,
        /// The group was dissolved before anybody decided.
        4 "group_gone" GroupGone,
    }

    /// How long a link is good for.
    pub enum Validity {
        /// Seven days.
        0 "week" Week,
        /// 365 days.
        1 "year" Year,
        /// For ever.
        2 "permanently" Permanently,
    }
}

wire! {
    /// Who waits to be let in, the longest waiting first.
    pub struct JoinRequests {
        /// Where.
        chat_id: ChatId,
        /// `next` of the page before.
        page: Option<String>,
    }

    /// Somebody who waits to be let in.
    pub struct JoinRequest {
        /// Who.
        person: Person,
        /// Who asked: this one, or a member who added this one.
        asked_by: UserId,
        /// When, ms since 1970.
        at_ms: u64,
        /// What was said about it.
        reason: Option<String>,
    }

    /// A page of those who wait.
    pub struct JoinRequestPage {
        /// They.
        requests: Vec<JoinRequest>,
        /// How many wait in all.
        total: u32,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
    }

    /// Decides about those who wait.
    pub struct DecideJoin {
        /// Where.
        chat_id: ChatId,
        /// About whom.
        user_ids: Vec<UserId>,
        /// Let them in.
        accept: bool,
        /// For those who had asked; up to 200 characters.
        reason: Option<String>,
    }

    /// What was decided.
    pub struct JoinsDecided {
        /// About how many.
        decided: u32,
        /// Of those asked about, who does not wait: decided before, withdrawn, or a member already.
        not_waiting: Vec<UserId>,
    }

    /// I no longer want to join.
    pub struct WithdrawJoin {
        /// Which group.
        chat_id: ChatId,
    }

    /// My requests to join.
    pub struct MyJoinRequests {
    }

    /// One request of mine.
    pub struct MyJoinRequest {
        /// Which group.
        chat_id: ChatId,
        /// Its name.
        name: String,
        /// Who is to join: me, or somebody whom I had added.
        user_id: UserId,
        /// What became of it.
        outcome: JoinOutcome,
        /// When it was asked, ms since 1970.
        at_ms: u64,
        /// When it was decided, ms since 1970.
        decided_at_ms: Option<u64>,
        /// What the one who decided says about it.
        reason: Option<String>,
    }

    /// My requests.
    pub struct MyJoinRequestPage {
        /// The newest first, at most 100.
        requests: Vec<MyJoinRequest>,
    }

    /// A new link to a group.
    pub struct MakeShareLink {
        /// Which.
        chat_id: ChatId,
        /// How long it is good for; missing: a week.
        validity: Option<Validity>,
    }

    /// A link. It dies when its maker leaves, or may no longer add members.
    pub struct ShareLink {
        /// Give it to `linked_chat` and `join`.
        token: String,
        /// Path of the page that opens the group, below the server's address.
        path: String,
        /// When it ends, ms since 1970; missing: never.
        expires_at_ms: Option<u64>,
    }

    /// Where a link leads.
    pub struct LinkedChat {
        /// Token of the link.
        token: String,
    }

    /// A group that somebody has found.
    pub struct GroupFound {
        /// Which.
        chat_id: ChatId,
        /// Its name.
        name: String,
        /// The name in several languages.
        i18n_names: Option<I18nNames>,
        /// What it is for; of a group that I am not in only when it is public.
        description: String,
        /// Key of the picture.
        avatar: Option<String>,
        /// Number of members; missing where I may not know.
        member_count: Option<u32>,
        /// I am in it.
        joined: bool,
        /// Joining needs consent.
        approval: bool,
        /// I have asked to be let in.
        requested: bool,
    }

    /// Groups by name.
    pub struct SearchGroups {
        /// Part of a name, of a group or of a member of mine; at most 64 characters.
        query: String,
        /// `next` of the page before.
        page: Option<String>,
        /// How many at most, up to 100.
        limit: Option<u32>,
    }

    /// A page of groups.
    pub struct GroupPage {
        /// Names that begin so first, then those that have it inside, then those with such a member.
        groups: Vec<GroupFound>,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
    }

    /// The bulky parts of a group.
    pub struct GetChatDetails {
        /// Of which chat.
        chat_id: ChatId,
    }

    /// Announcement, tabs, menu.
    pub struct ChatDetails {
        /// The announcement, when there is one.
        announcement: Option<Announcement>,
        /// Tabs in their order; the first one shows the messages.
        tabs: Vec<ChatTab>,
        /// Menu in its order.
        menu: Vec<MenuEntry>,
    }

    /// An announcement.
    pub struct Announcement {
        /// Grows with each change.
        revision: u64,
        /// What it says, for people.
        text: String,
        /// When there was one first, ms since 1970.
        created_at_ms: u64,
        /// When it was changed, ms since 1970.
        updated_at_ms: u64,
        /// Who had written the first one.
        owner: UserId,
        /// Who changed it.
        modifier: UserId,
    }

    /// A tab.
    pub struct ChatTab {
        /// Which.
        tab_id: String,
        /// Its name; empty for those that every group has.
        name: String,
        /// `message`, `pin`, `chat_announcement`: every group's; `url`, `doc`: a page.
        tab_type: String,
        /// Address of the page.
        url: Option<String>,
        /// Key of the icon.
        icon_key: Option<String>,
        /// The page is shown inside the client.
        is_built_in: bool,
    }

    /// Where an entry of the menu leads, by the kind of device.
    pub struct RedirectLink {
        /// Anywhere else.
        common_url: Option<String>,
        /// On iOS.
        ios_url: Option<String>,
        /// On Android.
        android_url: Option<String>,
        /// On a desktop.
        pc_url: Option<String>,
        /// In a browser.
        web_url: Option<String>,
    }

    /// An entry of the menu.
    pub struct MenuEntry {
        /// Which.
        menu_id: String,
        /// Its name.
        name: String,
        /// Its name in several languages.
        i18n_names: Option<I18nNames>,
        /// Key of its picture.
        image_key: Option<String>,
        /// Where it leads; missing when it opens its children.
        link: Option<RedirectLink>,
        /// Entries below it.
        children: Vec<MenuChild>,
    }

    /// An entry below another.
    pub struct MenuChild {
        /// Which.
        menu_id: String,
        /// Its name.
        name: String,
        /// Its name in several languages.
        i18n_names: Option<I18nNames>,
        /// Key of its picture.
        image_key: Option<String>,
        /// Where it leads.
        link: Option<RedirectLink>,
    }

    /// Says who may post; only the owner may. What is missing stays.
    pub struct SetModeration {
        /// Where.
        chat_id: ChatId,
        /// Who may.
        moderation_permission: Option<Moderation>,
        /// New on the list; who is not a member is left out.
        add: Vec<UserId>,
        /// No longer on it.
        remove: Vec<UserId>,
    }

    /// Who is on the list.
    pub struct Moderators {
        /// Where.
        chat_id: ChatId,
        /// `next` of the page before.
        page: Option<String>,
    }

    /// Puts something on top: a message, or the announcement. With neither, what is there is taken down.
    pub struct SetTopNotice {
        /// Where.
        chat_id: ChatId,
        /// This message of the chat.
        message_id: Option<MessageId>,
        /// The announcement.
        announcement: bool,
    }

    /// Changes the announcement.
    pub struct SetAnnouncement {
        /// Where.
        chat_id: ChatId,
        /// What it is to say, up to 100 KB; empty: there is none any more.
        text: String,
        /// The revision that I have seen: when there is a newer one the change is refused.
        revision: Option<u64>,
    }

    /// Adds a tab with a page.
    pub struct AddTab {
        /// Where.
        chat_id: ChatId,
        /// Its name, up to 60 characters.
        name: String,
        /// Address of the page, `https://` or `http://`.
        url: String,
    }

    /// Removes a tab.
    pub struct RemoveTab {
        /// Where.
        chat_id: ChatId,
        /// Which.
        tab_id: String,
    }
}
