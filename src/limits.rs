//! Every bound that is not a setting, with its reason.

/// Steps of an urgent's ladder; more than a person would read.
pub const URGENT_STEPS_MAX: usize = 32;
/// The same with every repeat as a step.
pub const URGENT_RUNGS_MAX: usize = 64;
/// The first step of a ladder, and time between two repeats, at least.
pub const URGENT_STEP_MS_MIN: u64 = 10_000;
/// A deadline that leaves people time to look.
pub const URGENT_DEADLINE_MS_MIN: u64 = 60_000;
/// The latest deadline. Every open urgent is in memory.
pub const URGENT_DEADLINE_MS_MAX: u64 = 30 * 86_400_000;
/// How long urgents stay in the lists after they were raised or ended: longer than the latest deadline.
pub const URGENT_KEPT_MS: u64 = 31 * 86_400_000;
/// Urgents that are over and in memory. One for everybody takes a few hundred bytes then, when all have confirmed.
pub const URGENTS_KEPT_MAX: usize = 20_000;
/// Open urgents of one person; more would not be looked at. The open platform has 200.
pub const URGENTS_OPEN_OF_A_PERSON_MAX: usize = 200;
/// Open urgents that a new session is told; the rest is a number.
pub const URGENTS_TOLD_AT_HELLO: usize = 50;
/// Urgents of one `urgent_got`.
pub const URGENTS_GOT_MAX: usize = 200;
/// Up to so many people, each has an entry of who is asked; beyond, the bitmap is looked into.
pub const URGENT_INDEXED_MAX: u64 = 1_000;
/// Moves are collected for so long before they become a record, where few are asked: a person waits for it.
pub const URGENT_COLLECTED_MS: u64 = 2;
/// The same where many are asked, so that thousands who confirm together make ten records a second.
pub const URGENT_COLLECTED_MS_MANY: u64 = 80;
/// Records after which an urgent is written down as it stands; no more have to be read to know it.
pub const URGENT_RECORDS_READ: u64 = 64;
/// Urgents whose records are walked at once to tell when people went on: one to everybody has a few thousand records.
pub const URGENT_WALKS_AT_ONCE: usize = 2;
/// Urgents of which it is kept when everybody went on; 6 MB each for everybody of the largest organisation.
pub const URGENT_TIMES_KEPT: usize = 4;
/// How long that is kept after it was asked for: who asks for all pages of a table asks again within a moment.
pub const URGENT_TIMES_KEPT_MS: u64 = 60_000;
/// How often steps and deadlines are looked at.
pub const URGENT_LOOKED_AT_EVERY_MS: u64 = 100;
/// How long chats of urgents that have changed are looked at, before steps and deadlines are again.
pub const URGENT_CHATS_LOOKED_AT_MS: u64 = 50;
/// Looks after which those that ended long ago are let go, and every open one's chat is looked at: a minute.
pub const URGENT_SWEPT_EVERY: u64 = 600;
/// What records of urgents make to be told, before the log waits for it.
pub const URGENT_TELLS_WAITING: usize = 1_024;
/// How often counts are told to who has raised an urgent.
pub const URGENT_COUNTS_TOLD_EVERY_MS: u64 = 400;
/// Urgents whose counts are told at once.
pub const URGENT_COUNTS_AT_ONCE: usize = 1_000;
/// A call to a provider that takes longer is made again.
pub const PROVIDER_CALL_MS: u64 = 10_000;
/// Pause before a call to a provider is made again; twice as long each time, up to half a minute.
pub const PROVIDER_AGAIN_MS: u64 = 1_000;
/// How often it is looked whether providers are to be called.
pub const PROVIDERS_LOOKED_AT_EVERY_MS: u64 = 50;
/// Calls that have ended and wait to be written down.
pub const PROVIDER_OUTCOMES_WAITING: usize = 4_096;
/// Time over which what urgents cost is counted.
pub const URGENT_QUOTA_MS: u64 = 86_400_000;
/// Sessions that are given an urgent before others have their turn.
pub const URGENT_SLICE: usize = 1_024;
/// Results of one search, over all its pages. Who has not found a colleague among these types another letter; without
/// the bound, a page far behind would cost as much as all before it.
pub const SEARCH_RESULTS_MAX: usize = 1_000;
/// Bytes of a query that are looked at; no name is longer.
pub const SEARCH_QUERY_BYTES_MAX: usize = 128;
/// People changed since the index of names was made, who are searched one by one. More than these are put into the index.
pub const SEARCH_UNSORTED_MAX: usize = 2_000;
/// Bytes of a staff number: it stands in every event.
pub const USER_ID_BYTES_MAX: usize = 64;
/// Bytes of a name, title or department's name: what fits a line.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of an e-mail address, by the rules of mail.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of everything that only business systems keep of a person, as JSON; it is in memory.
pub const PERSON_MORE_BYTES_MAX: usize = 16 << 10;
/// Departments that one person is directly in.
pub const DEPARTMENTS_PER_PERSON_MAX: usize = 50;
/// Departments one below the other; a tree that is deeper is a circle.
pub const DEPARTMENT_DEPTH_MAX: usize = 64;
/// Departments of the organisation; each has bitmaps in memory.
pub const DEPARTMENTS_MAX: usize = 200_000;
/// Departments that are put into the tree one by one; with more, making the tree anew is cheaper.
pub const DEPARTMENTS_IN_PLACE_MAX: usize = 16;
/// Events of other nodes for single people that are told at once, before other work goes on.
pub const AIMED_TOGETHER: usize = 256;
/// Changes of the organisation that may wait for who listens; who lags behind looks at everything instead.
pub const DIRECTORY_CHANGES_WAITING_MAX: usize = 4_096;
/// In a cluster: how often a node looks for changes of the organisation that another one has made. Each look is one read.
pub const DIRECTORY_LOOKED_AT_EVERY_MS: u64 = 500;
/// In a cluster: changes that are kept for nodes that look; a node that was away for longer has been started anew since.
pub const DIRECTORY_CHANGES_KEPT: u64 = 10_000;
/// In a cluster: how often a node looks whether it has followed the log as far as another one that asks it something.
pub const FOLLOWED_LOOK_MS: u64 = 1;
/// In a cluster: how long a session that was on another node waits until this one has followed as far.
pub const CURSOR_FOLLOWED_MS_MAX: u64 = 2_000;
/// One that comes with a cursor older than this is let in although this node has not followed as far.
pub const CURSOR_AHEAD_AGE_MS_MAX: u64 = 120_000;
/// How often it looks. Very many come at once when a node has died.
pub const CURSOR_FOLLOWED_LOOK_MS: u64 = 20;
/// In a cluster: heads that wait to be loaded ahead of time.
pub const HEADS_WANTED: usize = 4_096;
/// How many of them are loaded at once.
pub const HEADS_LOADED_AT_ONCE: usize = 8;
/// In a cluster: bytes of rows by heart, about, of which chats are opened while the store is away. 64 MiB.
pub const LAST_KNOWN_BYTES_MAX: usize = 64 << 20;
/// Bytes of records by heart, about, for those who come back: at 1,000 records of 200 bytes a second more than a minute and a half, at
/// a normal day's pace hours. 64 MiB.
pub const LATELY_BYTES_MAX: usize = 64 << 20;
/// Bytes of the log that a node which starts reads into it: with what each record takes beside its text, about as much as there is room for.
pub const LATELY_READ_BYTES_MAX: usize = 16 << 20;
/// Not farther back than this, in ms: who was away for longer asks the store.
pub const LATELY_READ_MS: u64 = 15 * 60_000;
/// Days within which the same key gives what it had made.
pub const EDIT_TOKEN_DAYS: u32 = 7;
/// Old keys that are forgotten with each new one.
pub const EDIT_TOKENS_FORGOTTEN_AT_ONCE: usize = 8;
/// People in one write of the store: a transaction of about a megabyte.
pub const PEOPLE_PER_WRITE: usize = 4_096;

/// Bytes of a device id; the least is 8, so that it can be told from others.
pub const DEVICE_ID_BYTES_MAX: usize = 64;
/// Bytes of a device's name that are kept.
pub const DEVICE_NAME_BYTES_MAX: usize = 128;
/// Devices of one person. The one not seen for the longest time is signed out for a new one.
pub const DEVICES_MAX: usize = 32;
/// Bytes of a password; hashing a longer one only costs.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Sign-ins that wait for their password to be checked: at 30 ms each on one core, the last waits about eight seconds.
pub const PASSWORD_CHECKS_WAITING_MAX: usize = 256;
/// Accounts and addresses whose failed sign-ins are counted; a million of each would be 30 MB.
pub const ATTEMPTS_COUNTED_MAX: usize = 200_000;
/// Bytes of a token; ours are shorter, so what is longer is not looked at.
pub const TOKEN_BYTES_MAX: usize = 512;
/// Signed-out devices of one person that are remembered one by one. With more, all tokens of the person that were given
/// until then are too old, and his or her other devices refresh theirs.
pub const REVOKED_DEVICES_MAX: usize = 32;
/// Sign-outs that may wait for the gateway to close the sockets.
pub const REVOCATIONS_WAITING_MAX: usize = 4_096;
/// Longest life of an access token, in minutes: signed-out devices are remembered for so long.
pub const ACCESS_TOKEN_MINUTES_MAX: u64 = 24 * 60;
/// Devices whose last sight waits to be written. Beyond it, the sight is left out: it is a hint for people.
pub const TOUCHED_MAX: usize = 500_000;
/// Devices whose last sight is written in one round of five seconds: what a store does beside its real work, of which there is most when
/// everybody comes in at once. The last of 20,000 on a node is then written after a quarter of an hour; a device that is online says so itself.
pub const TOUCHED_PER_ROUND_MAX: usize = 100;
/// How long a device's last sight is not written again, in ms.
pub const TOUCH_EVERY_MS: u64 = 60_000;
/// How long the refresh token before the newest is still good, in ms: the answer with the newest may have been lost.
pub const REFRESH_GRACE_MS: u64 = 60_000;
/// Life of an app's token, in seconds, as the open platform has it.
pub const TENANT_TOKEN_SECONDS: u64 = 7_200;
/// An app's token that is good for at least so long is given again, in seconds.
pub const TENANT_TOKEN_REUSE_SECONDS: u64 = 1_800;
/// Apps of the organisation; they are all in memory.
pub const APPS_MAX: usize = 10_000;

/// Bytes of one WebSocket frame from a client: a text of 150 KB, its JSON escapes, and its envelope.
pub const FRAME_BYTES_MAX: usize = 256 << 10;
/// Bytes of a text message, as the open platform has it.
pub const TEXT_BYTES_MAX: usize = 150 << 10;
/// Bytes of a post or card: three times what the open platform takes, still one page of a screen.
pub const POST_BYTES_MAX: usize = 100 << 10;
/// Files that one post shows.
pub const POST_FILES_MAX: usize = 50;
/// Bytes of a client_message_id; a UUID has 36.
pub const CLIENT_MESSAGE_ID_BYTES_MAX: usize = 64;
/// People that one message mentions by name; for more there is everybody.
pub const MENTIONS_MAX: usize = 100;
/// Answers to answers that are followed to the first message of their chain.
pub const CHAIN_STEPS_MAX: usize = 64;
/// Messages forwarded at once, as the open platform has it.
pub const FORWARD_MAX: usize = 100;
/// Bytes of the texts in one merged message; it is one frame to everybody in the chat.
pub const MERGED_BYTES_MAX: usize = 1 << 20;
/// Time within which a card may be changed, in ms, as the open platform has it: 14 days.
pub const CARD_EDIT_MS: u64 = 14 * 24 * 3_600_000;
/// Time within which follow-ups may be offered to a message, in ms, as the open platform has it.
pub const FOLLOW_UP_MS: u64 = 600_000;
/// Follow-ups of one message: what fits below it.
pub const FOLLOW_UPS_MAX: usize = 3;
/// Characters of one follow-up: it is sent as a message.
pub const FOLLOW_UP_CHARACTERS_MAX: usize = 200;
/// Characters of a line across a chat.
pub const DIVIDER_CHARACTERS_MAX: usize = 20;
/// Languages of one short text.
pub const LOCALES_MAX: usize = 50;
/// Bytes of the name of a language and country.
pub const LOCALE_BYTES_MAX: usize = 16;
/// Life of a token that comes with a press on a card, in seconds, as the open platform has it.
pub const CARD_TOKEN_SECONDS: u32 = 1_800;
/// Changes of a card with one such token, as the open platform has it.
pub const CARD_TOKEN_USES_MAX: u8 = 2;
/// Cards for one person's eyes only that wait for a device of theirs; the oldest goes for a new one.
pub const EPHEMERALS_OF_A_PERSON_MAX: usize = 20;
/// Such cards that wait in all: 100 KB each at most, on disk.
pub const EPHEMERALS_MAX: u64 = 100_000;
/// How long such a card waits, in ms: a week.
pub const EPHEMERAL_AGE_MS: u64 = 7 * 24 * 3_600_000;
/// Messages to many of one app that are not sent yet.
pub const BATCHES_OPEN_MAX: usize = 100;
/// People of one slice of a message to many: what is done again after a crash.
pub const BATCH_SLICE: usize = 256;
/// Messages to many that are on their way to the disk at once: few beside what people write, so that nobody waits for them.
pub const BATCH_AT_ONCE: usize = 32;
/// Messages to many in a second, over all apps: everybody of the largest organisation in about two minutes.
pub const BATCH_PER_SECOND: u64 = 4_000;
/// Time within which a message to many may be taken back, in ms, as the open platform has it: a day.
pub const BATCH_RECALL_MS: u64 = 24 * 3_600_000;
/// How long it is known how far a message to many has got, in ms, as the open platform has it: 30 days.
pub const BATCH_AGE_MS: u64 = 30 * 24 * 3_600_000;
/// How long the uuid of a message to many is known, in ms: seven days.
pub const BATCH_REPEATED_MS: u64 = 7 * 24 * 3_600_000;
/// Messages to many in one direct chat that one receipt is counted for; older ones were counted before.
pub const BATCHES_LOOKED_BACK: usize = 64;
/// Messages to many in one direct chat among which the one is looked for that is to be taken back.
pub const BATCHES_OF_A_DAY: usize = 4_096;
/// Messages to many whose readers are in memory, up to 46 KB each.
pub const BATCH_READS_IN_MEMORY: usize = 64;
/// What is too old is looked for this often, in ms.
pub const KEPT_EVERY_MS: u64 = 60_000;
/// Events for single people on their way to those who are here.
pub const ASIDES_WAITING_MAX: usize = 1_024;
/// Edits of one message, as the open platform has it.
pub const EDITS_MAX: usize = 20;
/// Bytes of an emoji's name; the longest published one is shorter.
pub const EMOJI_BYTES_MAX: usize = 32;
/// Kinds of reactions to one message: more do not fit a screen.
pub const EMOJIS_OF_A_MESSAGE_MAX: usize = 50;
/// Pinned messages of one chat: they are in its head.
pub const PINS_MAX: usize = 100;
/// Characters of a group's name.
pub const CHAT_NAME_CHARACTERS_MAX: usize = 120;
/// Characters of a group's description.
pub const CHAT_DESCRIPTION_CHARACTERS_MAX: usize = 2_000;
/// Managers of one group: they are in its head.
pub const MANAGERS_MAX: usize = 50;
/// People who wait to be let into one group: what owner and managers can look through; they are in its head.
pub const JOIN_REQUESTS_OF_A_CHAT_MAX: usize = 10_000;
/// Characters of what is said about a request to join.
pub const JOIN_REASON_CHARACTERS_MAX: usize = 200;
/// Requests to join that one person sees.
pub const JOINS_SHOWN_MAX: usize = 100;
/// Requests of one person to join that are kept; with more, the oldest decided ones are forgotten.
pub const JOINS_ASKED_MAX: usize = 2_000;
/// Notices about requests to join that wait to be told; then decisions wait.
pub const JOIN_NOTICES_WAITING: usize = 1_024;
/// People on the list of those who may post: they are in the chat's head.
pub const MODERATORS_MAX: usize = 2_000;
/// Bytes of an announcement, as of a post.
pub const ANNOUNCEMENT_BYTES_MAX: usize = 100 << 10;
/// Tabs of one group that were added, as the open platform has it.
pub const TABS_MAX: usize = 20;
/// Characters of a tab's name, as the open platform has it.
pub const TAB_NAME_CHARACTERS_MAX: usize = 60;
/// Bytes of an address in a tab or menu; browsers take no longer ones everywhere.
pub const LINK_BYTES_MAX: usize = 2_000;
/// Entries of a menu, as the open platform has it.
pub const MENU_TOP_MAX: usize = 3;
/// Entries below one of a menu, as the open platform has it.
pub const MENU_CHILDREN_MAX: usize = 5;
/// Characters of a menu's entry, as the open platform has it.
pub const MENU_NAME_CHARACTERS_MAX: usize = 120;
/// Labels, or ids of tool kits, of one group: they are in its head.
pub const LABELS_MAX: usize = 50;
/// Characters of a label.
pub const LABEL_CHARACTERS_MAX: usize = 64;
/// People whose groups are found when their name is searched.
pub const GROUP_SEARCH_PEOPLE_MAX: usize = 200;
/// Departments and people that the range of an app names.
pub const APP_RANGE_ENTRIES_MAX: usize = 10_000;
/// Departments that one group follows.
pub const BOUND_DEPARTMENTS_MAX: usize = 100;
/// Groups that follow departments: each change of the tree looks at all of them.
pub const BOUND_GROUPS_MAX: usize = 5_000;
/// Own bots of one group; the platform has 15.
pub const CUSTOM_BOTS_OF_A_GROUP_MAX: usize = 50;
/// Characters of what such a bot is for.
pub const CUSTOM_BOT_DESCRIPTION_CHARACTERS_MAX: usize = 500;
/// Keywords, and addresses, that such a bot asks for, as the open platform has it.
pub const CUSTOM_BOT_CHECKS_MAX: usize = 10;
/// Characters of a keyword.
pub const CUSTOM_BOT_KEYWORD_CHARACTERS_MAX: usize = 64;
/// Bots whose pace is in memory before those that rest are forgotten.
pub const CUSTOM_BOTS_PACED_MAX: usize = 10_000;
/// Messages of one bot that wait for their turn.
pub const HOOK_MESSAGES_WAITING_MAX: usize = 1_000;
/// Bytes of them.
pub const HOOK_BYTES_WAITING_MAX: usize = 1 << 20;
/// Bytes of one message that is sent to a bot's address, as the open platform has it.
pub const HOOK_BODY_BYTES_MAX: usize = 20 << 10;
/// People who have left that are taken out of their groups together.
pub const LEAVERS_AT_ONCE: usize = 500;
/// Members of one group: everybody of the largest organisation that was asked for, with room.
pub const GROUP_MEMBERS_MAX: u64 = 500_000;
/// Ids of people in one call.
pub const PEOPLE_OF_A_CALL_MAX: usize = 10_000;
/// Ids of people in one call that makes a message urgent: everybody of the largest group.
pub const PEOPLE_OF_AN_URGENT_MAX: usize = GROUP_MEMBERS_MAX as usize;
/// Chats with more members have no row a member: they are looked up in the chat's bitmap.
pub const LARGE_CHAT_MEMBERS: u64 = 5_000;
/// Chats of one person that are looked at for the list; the rest stays reachable by search.
pub const CHATS_OF_A_PERSON_MAX: usize = 20_000;
/// Chats over which the first page of the list sums what is unread.
pub const UNREAD_COUNTED_CHATS_MAX: usize = 200;
/// Entries of one page of any list.
pub const PAGE_MAX: u32 = 100;
/// Characters of a search.
pub const QUERY_CHARACTERS_MAX: usize = 64;
/// Changes of older messages that one page towards the past passes over in search of something to show.
pub const PASSED_OVER_MAX: u64 = 2_000;
/// Chats with so many members share their last page: of smaller ones it is not asked for by many at once.
pub const LAST_PAGE_SHARED_MEMBERS_MIN: u64 = 50;
/// Bytes of records of a page that is shared for a moment; 16 are at most.
pub const LAST_PAGE_SHARED_BYTES_MAX: usize = 256 << 10;
/// Edits, reactions and thread replies that are folded into one page.
pub const CHANGES_OF_A_PAGE_MAX: usize = 50_000;
/// Records in one page of `sync`, but for the last chat's.
pub const SYNC_RECORDS_OF_A_PAGE: usize = 1_000;
/// Bytes of records in one page of `sync`, about.
pub const SYNC_BYTES_OF_A_PAGE: usize = 256 << 10;
/// The same for who reads slowly: an urgent frame waits for the whole page before it.
pub const SYNC_BYTES_OF_A_SLOW_PAGE: usize = 12 << 10;
/// Missed records of one chat that are told one by one; more are `too_long`, and loading the page anew is cheaper.
pub const SYNC_RECORDS_OF_A_CHAT: usize = 300;
/// Chats looked at for one page of `sync`.
pub const SYNC_CHATS_OF_A_PAGE: usize = 500;
/// Groups of more members than this are not noted by person among what is known by heart: everybody who comes back looks into them.
pub const BY_PERSON_MEMBERS_MAX: u64 = 5_000;
/// Persons and chats that are noted so in all, about 30 bytes each: a thousand groups of a thousand. Whatever is more is looked into by
/// everybody.
pub const BY_PERSON_MAX: usize = 1_000_000;
/// How many are noted at once, in well below a millisecond.
pub const BY_PERSON_NOTED_AT_ONCE: u64 = 2_000;
/// Groups whose members are read at once, for those who come back after a start.
pub const BY_PERSON_READ_AT_ONCE: usize = 64;
/// So long, in ms, it is tried to know by heart what concerns somebody who comes back. Then it is read, as it was before: a node that
/// cannot read somebody else's chat must not keep this person from theirs.
pub const BY_HEART_MS_MAX: u64 = 3_000;
/// So long, in ms, it is not tried again when something for it could not be read: meanwhile the store does not answer, or a chat is damaged.
pub const BY_HEART_AGAIN_MS: u64 = 1_000;
/// Cursors older than this are too long: the list of chats is loaded anew.
pub const SYNC_AGE_MS_MAX: u64 = 30 * 24 * 3_600_000;
/// Heads of chats in memory before idle ones are let go; an ordinary one is about 1 KB.
pub const HEADS_MAX: usize = 200_000;
/// A head that nobody asked for in this time is idle, in ms.
pub const HEAD_IDLE_MS: u64 = 600_000;
/// Receipts are written this often, in ms: they are told at once, and a client repeats its own after a crash.
pub const RECEIPTS_WRITTEN_EVERY_MS: u64 = 1_000;
/// In larger chats receipts and typing are not told one by one: every reader would cost as many frames as there are members.
pub const RECEIPTS_TOLD_MEMBERS_MAX: u64 = 200;
/// Chats whose count of readers is told in one second.
pub const READ_COUNTS_AT_ONCE: usize = 100;
/// Changes of presence are told this often, in ms.
pub const PRESENCE_TOLD_EVERY_MS: u64 = 500;
/// People that one session watches: what fits a screen, and some.
pub const WATCHED_MAX: usize = 200;

/// Bytes of a connection's read buffer; it grows only while a larger frame arrives.
pub const READ_BUFFER_BYTES: usize = 512;
/// Commands of one session without an answer.
pub const COMMANDS_IN_FLIGHT_MAX: u16 = 64;
/// Commands of one session that are taken in a row before others have their turn.
pub const COMMANDS_IN_A_ROW: usize = 16;
/// Bytes of ordinary frames that wait for a slow reader before a gap is told: some hundred messages.
pub const OUTBOX_ORDINARY_BYTES: usize = 32 << 10;
/// Bytes of urgent frames that wait before one more ends the session.
pub const OUTBOX_URGENT_BYTES: usize = 128 << 10;
/// Bytes that wait before no more commands are read: answers are not dropped, so they are not asked for.
pub const OUTBOX_REPLY_BYTES: usize = 64 << 10;
/// Bytes that wait at most: the answers to all commands in flight, each a full page.
pub const OUTBOX_BYTES_MAX: usize = 16 << 20;
/// Latest-wins frames that wait.
pub const OUTBOX_LATEST_FRAMES: usize = 64;
/// Time for the last frames of a closing connection, in ms.
pub const CLOSE_MS: u64 = 5_000;
/// Time after which a client that sent far too many commands may come back, in ms.
pub const RATE_EXCEEDED_AFTER_MS: u64 = 30_000;
/// Time for sessions to read their close frame when the server goes away, in ms.
pub const DRAIN_MS: u64 = 5_000;
/// How often a node that goes away sends some of its sessions to the others, in ms.
pub const DRAIN_SLICE_MS: u64 = 100;
/// Sessions that one node admits in a millisecond, by which coming back is spread.
pub const ADMISSIONS_PER_MS: u64 = 5;
/// Sessions that a record is handed to at once, without the workers.
pub const FANOUT_AT_ONCE: u64 = 64;
/// Sessions in one slice of a large fan-out: about a millisecond.
pub const FANOUT_SLICE: usize = 256;
/// Records of one chat that go to a session in one write when they pile up.
pub const FANOUT_FRAMES_TOGETHER: usize = 16;
/// Large fan-outs that wait for a worker; when there are more, the log waits.
pub const FANOUT_JOBS_WAITING: usize = 1_024;

/// Uploads at once; each has a buffer of `FILE_STEP_BYTES`.
pub const UPLOADS_MAX: usize = 64;
/// Uploads of one person at once; the pages send three.
pub const UPLOADS_PER_PERSON_MAX: usize = 6;
/// Uploads in parts that are not finished or deleted, of one person.
pub const PARTS_PER_PERSON_MAX: usize = 16;
/// The same of everybody: each has a file and a row, and they are all in memory.
pub const PARTS_MAX: usize = 10_000;
/// An upload in parts that does not go on for so long is forgotten, in ms.
pub const PARTS_AGE_MS: u64 = 24 * 3_600_000;
/// Downloads at once; each has a buffer of `FILE_STEP_BYTES` and an open file.
pub const DOWNLOADS_MAX: usize = 512;
/// Downloads of one person at once: a browser opens six, and people have several devices.
pub const DOWNLOADS_PER_PERSON_MAX: usize = 24;
/// Bytes of a file that are read or written at a time.
pub const FILE_STEP_BYTES: usize = 256 << 10;
/// Bytes at the beginning of a file that tell what it is.
pub const FILE_HEAD_BYTES: usize = 8 << 10;
/// Pixels of a picture that is shown: 64 million are 256 MB in a browser's memory, and no camera of an office has more.
pub const PICTURE_PIXELS_MAX: u64 = 64_000_000;
/// Chats of one file that are looked at when somebody wants it.
pub const FILE_CHATS_MAX: usize = 10_000;
/// What was uploaded and is posted nowhere after this time, in ms, is removed.
pub const UPLOAD_POSTED_WITHIN_MS: u64 = 24 * 3_600_000;
/// Uploads that one round of the sweep looks at.
pub const SWEEP_MAX: usize = 1_000;

/// Entries of the audit log that wait for a commit: some seconds of the busiest hour. With more, nothing is changed.
pub const AUDIT_ENTRIES_WAITING: usize = 16_384;
/// Entries of the audit log in one write, and read in one go.
pub const AUDIT_ENTRIES_TOGETHER: usize = 1_024;
/// Entries of the audit log that are looked at for one page.
pub const AUDIT_ENTRIES_READ_MAX: usize = 50_000;

/// Addresses whose requests are counted at once; an address that has asked nothing for a while is forgotten first.
pub const ADDRESSES_COUNTED_MAX: usize = 200_000;

/// In a cluster: records whose audience cannot be read now, which wait in memory to be told later. More are told by the next `sync`.
pub const DELIVERED_LATE_MAX: usize = 10_000;
/// Pause before their audience is asked for again, in ms.
pub const DELIVERED_LATE_TRY_MS: u64 = 500;
