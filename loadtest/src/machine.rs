//! What /proc tells: of a server's process, of the whole machine, and what machine it is.

use crate::readiness::now_ns;
use serde::Serialize;
use std::fs;

/// A process at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessSample {
    /// CPU time used so far, user and system, in microseconds.
    pub cpu_us: u64,
    /// Resident memory in bytes.
    pub rss: u64,
    /// Resident memory that no other process shares, in bytes.
    pub private: u64,
    /// Resident memory, what is shared divided among its users, in bytes.
    pub pss: u64,
}

/// Looks at a process. An error says that it is gone.
pub fn sample_process(pid: u32) -> Result<ProcessSample, String> {
    let sample = glance_at_process(pid)?;
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    Ok(ProcessSample {
        private: (kilobytes(&rollup, "Private_Clean:") + kilobytes(&rollup, "Private_Dirty:")) << 10,
        pss: kilobytes(&rollup, "Pss:") << 10,
        ..sample
    })
}

/// CPU time and resident memory only, which costs the process nothing: the rest is counted page by page.
pub fn glance_at_process(pid: u32) -> Result<ProcessSample, String> {
    let gone = |error: std::io::Error| format!("the server (process {pid}) cannot be looked at: {error}");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(gone)?;
    // The name may hold spaces; what follows the last parenthesis does not.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let cpu_us = (ticks(11) + ticks(12)) * (1_000_000 / ticks_per_second());
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(gone)?;
    Ok(ProcessSample { cpu_us, rss: kilobytes(&status, "VmRSS:") << 10, ..ProcessSample::default() })
}

/// Looks at several processes as if they were one.
pub fn sample_processes(pids: &[u32]) -> Result<ProcessSample, String> {
    let mut sum = ProcessSample::default();
    for pid in pids {
        let one = sample_process(*pid)?;
        sum.cpu_us += one.cpu_us;
        sum.rss += one.rss;
        sum.private += one.private;
        sum.pss += one.pss;
    }
    Ok(sum)
}

/// Memory that the kernel has for TCP: what waits in sockets of the whole machine, in bytes.
pub fn tcp_bytes() -> u64 {
    // SAFETY: the call takes a number and returns one.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(0) as u64;
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let pages = sockets.lines().find_map(|line| line.strip_prefix("TCP:")?.split_once(" mem ")?.1.split_whitespace().next()?.parse().ok());
    pages.unwrap_or(0) * page
}

fn kilobytes(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn ticks_per_second() -> u64 {
    // SAFETY: the call takes a number and returns one.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64
}

/// The whole machine at one moment.
#[derive(Debug, Clone, Copy)]
pub struct MachineSample {
    at_ns: u64,
    idle_ticks: u64,
}

impl MachineSample {
    /// Now.
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<u64> = stat.lines().next().unwrap_or("").split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        Self { at_ns: now_ns(), idle_ticks: ticks.get(3).unwrap_or(&0) + ticks.get(4).unwrap_or(&0) }
    }

    /// Cores that were idle since `before`, on average.
    pub fn idle_cores_since(&self, before: &Self) -> f64 {
        let seconds = (self.at_ns - before.at_ns) as f64 / 1e9;
        (self.idle_ticks - before.idle_ticks) as f64 / ticks_per_second() as f64 / seconds.max(1e-9)
    }
}

/// What machine it is.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that may be used.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Kernel.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()));
        Self {
            processor: processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kilobytes(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal:") >> 10,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        }
    }
}

/// The commit of the working directory, with a plus when something is not committed; `unknown` outside of a repository.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    if changed { commit + "+" } else { commit }
}

/// Resident memory of this process in bytes.
pub fn own_memory() -> u64 {
    kilobytes(&fs::read_to_string("/proc/self/status").unwrap_or_default(), "VmRSS:") << 10
}

/// CPU time that this process has used, in microseconds.
pub fn own_cpu_us() -> u64 {
    // SAFETY: a zeroed `rusage` is valid, and it lives during the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let microseconds = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
}
