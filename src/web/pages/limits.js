// Every bound of the page, each with its reason. Nothing in the page grows without one of them.

/** Version of the protocol that the page speaks. */
export const PROTOCOL_VERSION = 1;
/** Messages in memory over all chats: about 20 MB; the runs farthest from any open view go first. */
export const MESSAGES_TOTAL = 10_000;
/** Messages in memory of one chat. */
export const MESSAGES_A_CHAT = 2_000;
/** Entries of the list of chats in memory; more come by page. */
export const INBOX_ENTRIES = 1_000;
/** Entries asked for at once. */
export const INBOX_PAGE = 50;
/** People kept; the ones used longest ago go first. */
export const PEOPLE = 5_000;
/** People whose presence is watched at once; the server's limit. */
export const WATCHED = 200;
/** Unsent messages kept: more means that something else is wrong. */
export const OUTBOX_ENTRIES = 500;
/** An unsent message is kept this long; the server remembers its id for seven days. */
export const OUTBOX_AGE_MS = 7 * 86_400_000;
/** A retry by hand uses the same id within this time, later a new one. */
export const SAME_ID_MS = 6 * 86_400_000;
/** Sends of one chat that may be unanswered at once. */
export const SENDS_IN_FLIGHT = 5;
/** Characters of a draft. */
export const DRAFT_CHARACTERS = 64_000;
/** Drafts kept. */
export const DRAFTS = 200;
/** Records asked for in a page of history. */
export const HISTORY_PAGE = 50;
/** Records that wait for a hole to be filled, per chat; above it the chat is loaded anew. */
export const RECORDS_ASIDE = 500;
/** Rows asked for in a page of members, readers, people. */
export const LIST_PAGE = 100;
/** Uploads queued and at once. */
export const UPLOADS_QUEUED = 20;
export const UPLOADS_AT_ONCE = 3;
/** Commands that wait for a connection; a page that asks more has a fault. */
export const COMMANDS_WAITING = 300;
/** Above this many members the mention picker asks the server and receipts come as counts. */
export const SMALL_CHAT = 200;
/** Messages drawn longer than this are cut, with a button to show the rest. */
export const DRAWN_CHARACTERS = 6_000;
/** Lines drawn before the cut. */
export const DRAWN_LINES = 60;
/** Characters of a name, of a file or a person, that are drawn. */
export const NAME_CHARACTERS = 120;
/** Entries of the record of changes that wait for their message to be loaded, per chat. */
export const CHANGES_WAITING = 500;
/** Size of an unsent file that is kept on disk over a reload. */
export const OUTBOX_FILE_BYTES = 20_000_000;
/** Messages of one thread that are shown. */
export const THREAD_MESSAGES = 1_000;
/** Cards for one's own eyes that a chat shows. */
export const EPHEMERAL_A_CHAT = 20;
/** Urgents to be confirmed that are kept whole; the others are a number. */
export const OPEN_URGENTS = 50;
/** Urgents that ended lately, and urgents of mine whose numbers are kept. */
export const URGENTS_REMEMBERED = 200;
/** Urgents told in one report to the server; its limit. */
export const URGENTS_TOLD = 200;
