//! Any value of every wire type, drawn from bytes, so that proptest can make it smaller.

use protocol::chat::*;
use protocol::command::*;
use protocol::content::*;
use protocol::error::*;
use protocol::event::*;
use protocol::ids::{ChatId, MessageId, UrgentId};
use protocol::person::*;
use protocol::record::*;
use protocol::urgent::*;

/// Where the choices come from; all are the smallest when it is used up.
pub struct Source<'a> {
    bytes: &'a [u8],
    depth: usize,
}

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: 0 }
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        self.byte() as usize % bound
    }
}

pub trait Any: Sized {
    fn any(source: &mut Source) -> Self;
}

impl Any for u64 {
    fn any(source: &mut Source) -> u64 {
        let length = [0, 1, 2, 4, 8][source.below(5)];
        (0..length).fold(0, |number, _| number << 8 | u64::from(source.byte()))
    }
}

impl Any for u32 {
    fn any(source: &mut Source) -> u32 {
        u64::any(source) as u32
    }
}

impl Any for u16 {
    fn any(source: &mut Source) -> u16 {
        u64::any(source) as u16
    }
}

impl Any for bool {
    fn any(source: &mut Source) -> bool {
        source.byte() & 1 == 1
    }
}

impl Any for String {
    fn any(source: &mut Source) -> String {
        const PALETTE: &[char] =
            &['a', 'Z', '0', ' ', '"', '\\', '{', '\n', '\0', '\u{7f}', 'é', '单', '曾', '重', '👍', '\u{202e}', '\u{10ffff}'];
        // Past 31 and past 255 bytes the length of a text is written otherwise.
        let length = [0, 1, 5, 40, 300][source.below(5)];
        (0..length).map(|_| PALETTE[source.below(PALETTE.len())]).collect()
    }
}

impl<T: Any> Any for Option<T> {
    fn any(source: &mut Source) -> Self {
        bool::any(source).then(|| T::any(source))
    }
}

impl<T: Any> Any for Vec<T> {
    fn any(source: &mut Source) -> Self {
        // Past 15 elements the length of an array is written otherwise.
        let length = if source.depth > 2 { 1 } else { [0, 1, 2, 17][source.below(4)] };
        source.depth += 1;
        let list = (0..length).map(|_| T::any(source)).collect();
        source.depth -= 1;
        list
    }
}

impl Any for ChatId {
    fn any(source: &mut Source) -> Self {
        Self(std::array::from_fn(|_| source.byte()))
    }
}

impl Any for MessageId {
    fn any(source: &mut Source) -> Self {
        Self(std::array::from_fn(|_| source.byte()))
    }
}

impl Any for UrgentId {
    fn any(source: &mut Source) -> Self {
        Self(std::array::from_fn(|_| source.byte()))
    }
}

macro_rules! structs {
    ($( $name:ident { $($field:ident)* } )+) => {
        $( impl Any for $name {
            #[allow(unused_variables)]
            fn any(source: &mut Source) -> Self {
                Self { $( $field: Any::any(source) ),* }
            }
        } )+

        /// Name and fields of every structure, in the order of MessagePack.
        #[allow(dead_code, reason = "each test program uses a part of this module")]
        pub const STRUCTS: &[(&str, &[&str])] = &[$( (stringify!($name), $name::FIELDS) ),+];
    };
}

macro_rules! words {
    ($($name:ident)+) => {
        $( impl Any for $name {
            fn any(source: &mut Source) -> Self {
                let (_, word) = Self::WORDS[source.below(Self::WORDS.len())];
                Self::from_word(word).expect("a word of the list")
            }
        } )+

        /// Name and words of every list of words.
        #[allow(dead_code, reason = "each test program uses a part of this module")]
        pub const WORDS: &[(&str, &[(u8, &str)])] = &[$( (stringify!($name), $name::WORDS) ),+];
    };
}

macro_rules! choices {
    ($( $name:ident { $($variant:ident)+ } )+) => {
        $( impl Any for $name {
            fn any(source: &mut Source) -> Self {
                let makers: &[fn(&mut Source) -> Self] = &[$( |source| Self::$variant(Any::any(source)) ),+];
                assert_eq!(makers.len(), Self::KINDS.len(), "every kind is drawn");
                // Deep inside, only the first kind, so that it ends.
                let kind = if source.depth > 4 { 0 } else { source.below(makers.len()) };
                source.depth += 1;
                let value = makers[kind](source);
                source.depth -= 1;
                value
            }
        } )+

        /// Name and kinds of every choice.
        #[allow(dead_code, reason = "each test program uses a part of this module")]
        pub const CHOICES: &[(&str, &[(u8, &str)])] = &[$( (stringify!($name), $name::KINDS) ),+];
    };
}

structs! {
    ChatConfig { edit_permission add_member_permission at_all_permission pin_manage_setting urgent_setting moderation_permission membership_approval chat_type join_message_visibility leave_message_visibility hide_member_count_setting history group_message_type video_conference_setting restricted_mode_setting }
    ChatConfigChange { edit_permission add_member_permission at_all_permission pin_manage_setting urgent_setting moderation_permission membership_approval chat_type join_message_visibility leave_message_visibility hide_member_count_setting history group_message_type video_conference_setting restricted_mode_setting }
    Rights { post mention_all edit_info edit_config add_members remove_members pin raise_urgent own recall_others leave see_member_count moderate decide_joins save_files forward }
    Chat { chat_id kind name peer description avatar owner member_count role config rights created_at_ms head_seq head_position first_seq dissolved i18n_names top_notice pending_requests details_seq }
    InboxEntry { chat last active_at_ms read_seq read_position unread mentions pinned muted peer_read_seq peer_delivered_seq }
    Member { person role joined_at_ms }
    Reader { person read_seq }
    Hello { token device_id version cursor client }
    Welcome { me session_id server_time_ms heartbeat_ms cursor resumable limits page_prefix server }
    Limits { frame_bytes text_bytes post_bytes file_bytes in_flight commands_per_second page watch members recall_ms edit_ms urgent_ways break_quiet_hours }
    Alive {}
    Done {}
    Send { chat_id client_message_id content reply_to in_thread mentions mention_all }
    Sent { message_id seq position sent_at_ms }
    Changed { seq }
    Edit { message_id content mentions mention_all }
    Recall { message_id }
    React { message_id emoji }
    Unreact { message_id emoji }
    Pin { message_id }
    Unpin { message_id }
    Pins { chat_id }
    MessagePage { records next people }
    Forward { message_ids chat_id client_message_id form }
    Forwarded { sent }
    History { chat_id before after around limit }
    HistoryPage { from_seq to_seq records start end people }
    Sync { cursor page }
    Synced { records too_long too_long_all entries left next cursor people }
    Inbox { page limit chat_ids }
    InboxPage { entries next unread people }
    ReceiptUpTo { chat_id delivered_seq read_seq }
    Readers { message_id unread query page }
    ReaderPage { readers read_count unread_count next }
    TypingIn { chat_id }
    Edits { message_id }
    EditList { versions }
    EditVersion { at_ms content }
    Thread { message_id page }
    OpenDirect { user_id }
    CreateGroup { client_message_id name description avatar user_ids department_ids config i18n_names }
    GetChat { chat_id }
    UpdateChat { chat_id name description avatar config i18n_names }
    Members { chat_id query page limit }
    MemberPage { members total next }
    AddMembers { chat_id user_ids department_ids }
    RemoveMembers { chat_id user_ids }
    MembersResult { seq changed unknown pending }
    Leave { chat_id }
    Transfer { chat_id user_id }
    SetManagers { chat_id add remove }
    Dissolve { chat_id }
    Join { chat_id link reason }
    Joined { chat requested }
    MyChat { chat_id pinned muted hidden }
    Watch { user_ids }
    Presences { presences }
    SetPresence { state hidden }
    OnlineCount { chat_id }
    Online { online }
    People { user_ids }
    PersonList { people }
    SearchPeople { query limit page }
    PersonPage { people next }
    GetDepartment { department_id page }
    DepartmentPage { departments people next }
    Devices {}
    DeviceList { devices }
    SignOut { device_id }
    GotEphemeral { message_ids }
    AddCustomBot { chat_id client_message_id name description avatar checks }
    CustomBotChecks { keywords addresses signature }
    CustomBot { bot description checks url secret created_by created_at_ms }
    CustomBots { chat_id }
    CustomBotList { bots }
    ChangeCustomBot { chat_id user_id name description avatar checks }
    RenewCustomBot { chat_id user_id secret }
    RemoveCustomBot { chat_id user_id }
    SignIn { login password device_id device_kind device_name }
    SignedIn { me access_token expires_in refresh_token }
    Text { text }
    Post { post }
    Image { key width height name size_bytes }
    File { key name size_bytes media_type duration_ms image_key }
    Sticker { key width height }
    Divider { text texts }
    LocaleText { locale text }
    FollowUp { text texts }
    Card { card people images }
    CardPerson { id user_id }
    ShareChat { chat_id name }
    ShareUser { user_id }
    Merged { title messages }
    MergedMessage { sender sent_at_ms content }
    Quote { message_id seq sender preview recalled }
    ErrorBody { code what why hint retry_after_ms }
    Receipt { chat_id user_id delivered_seq read_seq }
    ReadCount { chat_id seq count }
    Typing { chat_id user_id }
    InboxChanged { chat_id read_seq read_position unread mentions pinned muted hidden }
    Gap { dropped }
    Heartbeat { server_time_ms cursor }
    Drain { after_ms url }
    ChatLeft { chat_id seq }
    Ephemeral { message_id chat_id by at_ms card }
    EphemeralGone { message_id chat_id }
    PersonChanged { person }
    Person { user_id name kind en_name departments title avatar email mobile leader resigned }
    Presence { user_id state last_seen_ms }
    Device { device_id kind name signed_in_at_ms last_seen_ms address online current }
    Department { department_id name people_count parent }
    Record { chat_id seq position at_ms by change }
    Message { message_id client_message_id content reply_to thread_root mentions mention_all edited_at_ms recalled_by reactions pinned thread_count follow_ups }
    Reaction { emoji count mine users }
    Edited { message_id target_seq content mentions mention_all }
    Recalled { message_id target_seq target_position }
    Reacted { message_id target_seq emoji }
    Pinned { message_id target_seq }
    FollowedUp { message_id target_seq follow_ups }
    Created { name member_count users }
    MembersChanged { users count member_count quiet me managers_only }
    Updated { name description avatar config i18n_names }
    ManagersChanged { added removed }
    OwnerChanged { owner }
    Dissolved {}
    TopNoticeChanged { notice }
    Announced { revision preview }
    TabsChanged {}
    MenuChanged {}
    ModerationChanged { moderation_permission added removed moderator_count }
    RestrictedMode { status screenshot_has_permission_setting download_has_permission_setting message_has_permission_setting }
    I18nNames { zh_cn en_us ja_jp }
    TopNotice { message_id seq preview by at_ms }
    JoinsWaiting { chat_id count }
    JoinDecided { chat_id name user_id outcome reason }
    JoinRequests { chat_id page }
    JoinRequest { person asked_by at_ms reason }
    JoinRequestPage { requests total next }
    DecideJoin { chat_id user_ids accept reason }
    JoinsDecided { decided not_waiting }
    WithdrawJoin { chat_id }
    MyJoinRequests {}
    MyJoinRequest { chat_id name user_id outcome at_ms decided_at_ms reason }
    MyJoinRequestPage { requests }
    MakeShareLink { chat_id validity }
    ShareLink { token path expires_at_ms }
    LinkedChat { token }
    GroupFound { chat_id name i18n_names description avatar member_count joined approval requested }
    SearchGroups { query page limit }
    GroupPage { groups next }
    GetChatDetails { chat_id }
    ChatDetails { announcement tabs menu }
    Announcement { revision text created_at_ms updated_at_ms owner modifier }
    ChatTab { tab_id name tab_type url icon_key is_built_in }
    RedirectLink { common_url ios_url android_url pc_url web_url }
    MenuEntry { menu_id name i18n_names image_key link children }
    MenuChild { menu_id name i18n_names image_key link }
    SetModeration { chat_id moderation_permission add remove }
    Moderators { chat_id page }
    SetTopNotice { chat_id message_id announcement }
    SetAnnouncement { chat_id text revision }
    AddTab { chat_id name url }
    RemoveTab { chat_id tab_id }
    EveryMember {}
    UrgentPeople { user_ids }
    UrgentDepartments { department_ids }
    UnreadMembers {}
    UrgentStep { way after_ms every_ms times }
    RaiseUrgent { message_id client_message_id audience ladder deadline_ms break_quiet_hours }
    UrgentLeftOut { user_id why reason }
    UrgentRaised { urgent_id audience_count left_out left_out_count }
    UrgentGot { urgent_ids shown }
    ConfirmUrgent { urgent_id }
    CancelUrgent { urgent_id }
    GetUrgents { list page limit }
    Urgent { urgent_id message chat_name raised_by raised_at_ms deadline_at_ms reminder standing about about_count over counts people }
    UrgentPage { urgents next open_count }
    UrgentCounts { urgent_id pending delivered shown confirmed failed over }
    UrgentOver { urgent_id why }
    GetUrgentReport { urgent_id }
    UrgentReport { urgent ladder timeline next_step_at_ms }
    UrgentDeed { at_ms way people reached failed over }
    GetUrgentPeople { urgent_id standing page limit times }
    UrgentPerson { person why delivered_at_ms shown_at_ms confirmed_at_ms failed_way reason }
    UrgentPersonPage { people total next }
    GetUrgentPerson { urgent_id user_id }
    UrgentPersonReport { person standing raised_at_ms delivered_at_ms shown_at_ms confirmed_at_ms left_at_ms over over_at_ms attempts }
    UrgentAttempt { step way at_ms outcome outcome_at_ms why detail manager }
}

words! {
    ChatKind Role Who Notice Moderation Approval Visibility HistoryFor GroupMessageType TakenOutBy JoinOutcome Validity ForwardForm PersonKind PresenceState DeviceKind UrgentWay UrgentStanding UrgentOverWhy UrgentList
    UrgentOutcome UrgentNotReached UrgentLeftOutWhy
}

choices! {
    Content { Text Post Image File Card ShareChat ShareUser Merged Audio Media Sticker Divider }
    Event { Record Receipt ReadCount Typing Presence InboxChanged Gap Heartbeat Drain ChatLeft JoinsWaiting JoinDecided Ephemeral EphemeralGone PersonChanged Urgent UrgentOver UrgentCounts }
    Change { Message Edited Recalled Reacted Unreacted Pinned Unpinned Created MembersAdded MembersRemoved Updated ManagersChanged OwnerChanged Dissolved TopNoticeChanged Announced TabsChanged MenuChanged ModerationChanged FollowedUp }
    UrgentAudience { Everyone People Departments Unread }
}

/// Calls `$test!(body type, command variant)` for every command.
#[macro_export]
macro_rules! each_command {
    ($test:ident) => {
        $test!(Hello);
        $test!(Alive);
        $test!(Send);
        $test!(Edit);
        $test!(Recall);
        $test!(React);
        $test!(Unreact);
        $test!(Pin);
        $test!(Unpin);
        $test!(Pins);
        $test!(Forward);
        $test!(History);
        $test!(Sync);
        $test!(Inbox);
        $test!(ReceiptUpTo);
        $test!(Readers);
        $test!(TypingIn);
        $test!(Edits);
        $test!(Thread);
        $test!(OpenDirect);
        $test!(CreateGroup);
        $test!(GetChat);
        $test!(UpdateChat);
        $test!(Members);
        $test!(AddMembers);
        $test!(RemoveMembers);
        $test!(Leave);
        $test!(Transfer);
        $test!(SetManagers);
        $test!(Dissolve);
        $test!(Join);
        $test!(MyChat);
        $test!(Watch);
        $test!(SetPresence);
        $test!(OnlineCount);
        $test!(People);
        $test!(SearchPeople);
        $test!(GetDepartment);
        $test!(Devices);
        $test!(SignOut);
        $test!(JoinRequests);
        $test!(DecideJoin);
        $test!(WithdrawJoin);
        $test!(MyJoinRequests);
        $test!(MakeShareLink);
        $test!(LinkedChat);
        $test!(SearchGroups);
        $test!(GetChatDetails);
        $test!(SetModeration);
        $test!(Moderators);
        $test!(SetTopNotice);
        $test!(SetAnnouncement);
        $test!(AddTab);
        $test!(RemoveTab);
        $test!(GotEphemeral);
        $test!(AddCustomBot);
        $test!(CustomBots);
        $test!(ChangeCustomBot);
        $test!(RenewCustomBot);
        $test!(RemoveCustomBot);
        $test!(RaiseUrgent);
        $test!(UrgentGot);
        $test!(ConfirmUrgent);
        $test!(CancelUrgent);
        $test!(GetUrgents);
        $test!(GetUrgentReport);
        $test!(GetUrgentPeople);
        $test!(GetUrgentPerson);
    };
}

/// Calls `$test!(type)` for every type of a reply.
#[macro_export]
macro_rules! each_reply {
    ($test:ident) => {
        $test!(Changed);
        $test!(Chat);
        $test!(ChatDetails);
        $test!(CustomBot);
        $test!(CustomBotList);
        $test!(DepartmentPage);
        $test!(DeviceList);
        $test!(Done);
        $test!(EditList);
        $test!(Forwarded);
        $test!(GroupFound);
        $test!(GroupPage);
        $test!(HistoryPage);
        $test!(InboxChanged);
        $test!(InboxPage);
        $test!(JoinRequestPage);
        $test!(Joined);
        $test!(JoinsDecided);
        $test!(MemberPage);
        $test!(MembersResult);
        $test!(MessagePage);
        $test!(MyJoinRequestPage);
        $test!(Online);
        $test!(PersonList);
        $test!(PersonPage);
        $test!(Presences);
        $test!(ReaderPage);
        $test!(Sent);
        $test!(ShareLink);
        $test!(Synced);
        $test!(UrgentPage);
        $test!(UrgentPersonPage);
        $test!(UrgentRaised);
        $test!(UrgentReport);
        $test!(Welcome);
    };
}
