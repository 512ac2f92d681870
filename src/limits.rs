//! Every bound that is not a setting, with its reason.

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
/// Departments that one person is directly in.
pub const DEPARTMENTS_PER_PERSON_MAX: usize = 50;
/// Departments one below the other; a tree that is deeper is a circle.
pub const DEPARTMENT_DEPTH_MAX: usize = 64;
/// Departments of the organisation; each has bitmaps in memory.
pub const DEPARTMENTS_MAX: usize = 200_000;
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
/// Devices whose last sight is written in one round of five seconds: what a disk does beside its real work.
pub const TOUCHED_PER_ROUND_MAX: usize = 2_000;
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
