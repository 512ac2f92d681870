//! Which person may give which command of the client protocol.
