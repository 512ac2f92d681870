//! The permission matrix: who may do what, cell by cell against a running server; bots by the calls of the open API, people by the
//! commands of the client protocol.

mod bots;
mod people;

/// The place where a cell is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// A group in which everything is open to every member, as in a new one.
    Open,
    /// A group in which everything that can be is reserved for the owner and the managers.
    Closed,
    /// An open group in which only the owner and the managers mention everybody.
    Quiet,
    /// A group that everybody may find and join.
    Public,
    /// An open group, and the message is the caller's own. The stranger was in the group when it was sent, and is no longer.
    Own,
    /// The same where only the owner and the managers make messages urgent.
    Unhurried,
    /// The message is the caller's own, in a direct chat.
    Direct,
}
