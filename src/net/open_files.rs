//! The limit of open files, which is the limit of connections: each takes one.

/// Files that are not connections: the database and its readers, files on their way, the program's own.
pub const OTHER_FILES: u64 = 256;

/// Raises the limit as far as this user may, and says what it is now.
pub fn raise_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read or write the one structure that they are given, and nothing else.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            // The least that POSIX systems start with.
            return 1024;
        }
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        if limit.rlim_cur < limit.rlim_max && libc::setrlimit(libc::RLIMIT_NOFILE, &raised) == 0 {
            limit = raised;
        }
    }
    limit.rlim_cur
}

/// Connections that fit: as many as are wanted (0: as many as fit), but no more than the limit of open files leaves.
pub fn connections(wanted: u64, open_files: u64) -> u64 {
    let fit = open_files.saturating_sub(OTHER_FILES).max(16);
    if wanted == 0 { fit } else { wanted.min(fit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_connections_than_files() {
        assert_eq!(connections(0, 20_000), 19_744);
        assert_eq!(connections(500, 20_000), 500);
        assert_eq!(connections(50_000, 1_024), 768);
        assert!(raise_limit() >= 64);
    }
}
