//! A coordinator's agents: started here or reached elsewhere, ordered together, and merged into one.

use crate::agent;
use crate::order::{Order, State, Told, hear, say};
use crate::progress::Progress;
use crate::timeline::Timeline;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Agents, each with its share of the people.
pub struct Crew {
    agents: Vec<Agent>,
    heard: Receiver<(usize, Result<Told, String>)>,
    progress: Progress,
    local: bool,
    /// What goes on, second by second.
    pub timeline: Timeline,
}

struct Agent {
    name: String,
    writer: Box<dyn Write>,
    end: End,
    state: State,
}

enum End {
    Child(Child),
    Connection(TcpStream),
}

/// An agent that says nothing for so long does not live any more.
const SILENT_MAX: Duration = Duration::from_secs(120);
/// What agents have said and is not heard yet, at most: then they wait.
const HEARD_MAX: usize = 1_024;
/// How often the progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

impl Crew {
    /// Agents in processes of this machine.
    pub fn here(count: usize, progress: Progress) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("the harness does not find itself: {error}"))?;
        Self::made(count, progress, true, |number| {
            let mut command = Command::new(&program);
            command.arg("agent").stdin(Stdio::piped()).stdout(Stdio::piped());
            // In the midst of its work it would not notice for half an hour that nobody waits for it any more.
            // SAFETY: the call is a system call, takes no pointer, and touches nothing of this process.
            unsafe {
                command.pre_exec(|| {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    Ok(())
                })
            };
            let mut child = command.spawn().map_err(|error| format!("agent {number} cannot be started: {error}"))?;
            let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
                return Err(format!("agent {number} has no pipes"));
            };
            Ok((format!("agent {number}"), Box::new(stdin), Box::new(stdout), End::Child(child)))
        })
    }

    /// Agents that listen on other machines.
    pub fn elsewhere(addresses: &[String], progress: Progress) -> Result<Self, String> {
        let secret = agent::secret()?;
        Self::made(addresses.len(), progress, false, |number| {
            let address = &addresses[number];
            let failed = |error: std::io::Error| format!("the agent at {address} cannot be reached: {error}");
            let socket = TcpStream::connect(address).map_err(failed)?;
            socket.set_nodelay(true).map_err(failed)?;
            let mut writer = socket.try_clone().map_err(failed)?;
            writeln!(writer, "{secret}").map_err(failed)?;
            let reader = socket.try_clone().map_err(failed)?;
            Ok((format!("the agent at {address}"), Box::new(writer), Box::new(reader), End::Connection(socket)))
        })
    }

    fn made(count: usize, progress: Progress, local: bool, mut agent: impl FnMut(usize) -> Result<Ends, String>) -> Result<Self, String> {
        let (telling, heard) = sync_channel(HEARD_MAX);
        let mut agents = Vec::new();
        for number in 0..count {
            let (name, writer, reader, end) = agent(number)?;
            let telling = telling.clone();
            std::thread::spawn(move || listen(number, reader, &telling));
            agents.push(Agent { name, writer, end, state: State::default() });
        }
        Ok(Self { agents, heard, progress, local, timeline: Timeline::new() })
    }

    /// How many.
    pub fn size(&self) -> usize {
        self.agents.len()
    }

    /// People of each agent, by number: as even as can be, one range after the other.
    pub fn shares(&self, people: u32) -> Vec<Range<u32>> {
        let count = self.agents.len() as u64;
        let cut = |number: u64| (u64::from(people) * number / count) as u32;
        (0..count).map(|number| cut(number)..cut(number + 1)).collect()
    }

    /// People whose agents have the same clock as this one's.
    pub fn clock(&self, share: &Range<u32>, people: u32) -> (u32, u32) {
        if self.local { (0, people) } else { (share.start, share.end) }
    }

    /// All agents together, as they stood last.
    pub fn state(&self) -> State {
        let mut sum = State::default();
        self.agents.iter().for_each(|agent| sum.merge(&agent.state));
        sum
    }

    /// Names what is going on.
    pub fn announce(&self, step: &str) {
        self.progress.step(step);
    }

    /// The same order for all.
    pub fn all(&mut self, order: &Order) -> Result<Vec<Told>, String> {
        self.each(|_| order.clone())
    }

    /// An order for each. What came of it, by agent, when all are done.
    pub fn each(&mut self, mut order: impl FnMut(usize) -> Order) -> Result<Vec<Told>, String> {
        for number in 0..self.agents.len() {
            let order = order(number);
            let agent = &mut self.agents[number];
            say(&mut agent.writer, &order).map_err(|error| format!("{} cannot be ordered: {error}", agent.name))?;
        }
        let mut told: Vec<Option<Told>> = self.agents.iter().map(|_| None).collect();
        let (mut heard_at, mut shown_at) = (Instant::now(), Instant::now());
        while told.iter().any(Option::is_none) {
            match self.heard.recv_timeout(SHOW_EVERY) {
                Ok((number, what)) => {
                    heard_at = Instant::now();
                    match what.map_err(|error| format!("{}: {error}", self.agents[number].name))? {
                        Told::State(state) => self.agents[number].state = state,
                        Told::Failed(reason) => return Err(reason),
                        done => told[number] = Some(done),
                    }
                }
                Err(RecvTimeoutError::Timeout) if heard_at.elapsed() > SILENT_MAX => {
                    let silent: Vec<&str> =
                        told.iter().zip(&self.agents).filter(|(told, _)| told.is_none()).map(|(_, agent)| agent.name.as_str()).collect();
                    return Err(format!("nothing is heard any more of {}", silent.join(", ")));
                }
                Err(_) => {}
            }
            if shown_at.elapsed() >= SHOW_EVERY {
                shown_at = Instant::now();
                let state = self.state();
                self.progress.show(&state);
                self.timeline.note(&state);
            }
        }
        Ok(told.into_iter().flatten().collect())
    }
}

type Ends = (String, Box<dyn Write>, Box<dyn Read + Send>, End);

fn listen(number: usize, reader: Box<dyn Read + Send>, telling: &SyncSender<(usize, Result<Told, String>)>) {
    let mut reader = BufReader::new(reader);
    loop {
        let told = match hear::<Told>(&mut reader) {
            Ok(Some(told)) => Ok(told),
            Ok(None) => Err("it has ended".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let over = told.is_err();
        if telling.send((number, told)).is_err() || over {
            return;
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        match &mut self.end {
            End::Child(child) => {
                // Its clients go with it, and a child that waits for an order would not see the end of its stdin before its turn.
                let _ = child.kill();
                let _ = child.wait();
            }
            End::Connection(socket) => {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }
}
