//! Which sockets are ready (epoll), waited for with nanoseconds, and the clock that all processes of a machine share.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// A set of sockets that are watched.
pub struct Readiness {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// One ready socket.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// What it was registered with.
    pub token: u64,
    /// There is something to read, or an end.
    pub readable: bool,
    /// There is room to write, or an error.
    pub writable: bool,
}

impl Readiness {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointer; a fresh descriptor is owned by nobody else.
        let epoll = unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Self { epoll, events: vec![libc::epoll_event { events: 0, u64: 0 }; 1_024] })
    }

    /// Watches a socket for reading, and for writing when `write`.
    pub fn add(&self, fd: i32, token: u64, write: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, write)
    }

    /// Changes what a socket is watched for.
    pub fn change(&self, fd: i32, token: u64, write: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, write)
    }

    /// Leaves a socket unread for now; watches it for writing when `write`.
    pub fn mute(&self, fd: i32, token: u64, write: bool) -> io::Result<()> {
        self.interest(libc::EPOLL_CTL_MOD, fd, token, if write { libc::EPOLLOUT } else { 0 })
    }

    fn control(&self, operation: i32, fd: i32, token: u64, write: bool) -> io::Result<()> {
        let interest = libc::EPOLLIN | libc::EPOLLRDHUP | if write { libc::EPOLLOUT } else { 0 };
        self.interest(operation, fd, token, interest)
    }

    fn interest(&self, operation: i32, fd: i32, token: u64, interest: i32) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest as u32, u64: token };
        // SAFETY: the event lives during the call, which copies it.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) }).map(drop)
    }

    /// Waits until a socket is ready or the time is over, and appends the ready ones.
    pub fn wait(&mut self, at_most_ns: u64, ready: &mut Vec<Ready>) -> io::Result<()> {
        let time = libc::timespec { tv_sec: (at_most_ns / 1_000_000_000) as _, tv_nsec: (at_most_ns % 1_000_000_000) as _ };
        // SAFETY: the buffer has room for as many events as are named, and the time lives during the call.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as i32,
                &raw const time,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        for event in &self.events[..count as usize] {
            let bits = event.events as i32;
            ready.push(Ready {
                token: event.u64,
                readable: bits & (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0,
                writable: bits & (libc::EPOLLOUT | libc::EPOLLERR | libc::EPOLLHUP) != 0,
            });
        }
        Ok(())
    }
}

/// The clock, in nanoseconds: the same for all processes of a machine, and never set back.
pub fn now_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// CPU time that this thread has used, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time lives during the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Raises the number of open files to what is allowed, and returns it.
pub fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit lives during both calls.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
    limit.rlim_cur
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
