//! An agent: clients in a process of their own, which do what a coordinator orders.
//!
//! On the coordinator's machine it is a child and is ordered through its stdin. On another machine it listens, and takes orders
//! from whoever knows the secret: it connects wherever it is told to, so nobody else may tell it.

use crate::fleet::{Fleet, Run};
use crate::machine::{own_cpu_us, own_memory};
use crate::order::{Begin, Order, State, Told, hear, say};
use crate::progress::Progress;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the secret of agents and coordinators stands.
pub const SECRET: &str = "CLARION_LOADTEST_SECRET";
/// A shorter secret could be guessed.
const SECRET_MIN: usize = 16;
/// How long a coordinator may take to say its secret.
const SECRET_WITHIN: Duration = Duration::from_secs(5);
/// A line before the secret is known is no longer than this.
const SECRET_MAX: u64 = 1_024;

/// The secret of the environment.
pub fn secret() -> Result<String, String> {
    std::env::var(SECRET).ok().filter(|secret| secret.len() >= SECRET_MIN).ok_or_else(|| {
        format!("{SECRET} is to be the same on every machine, of {SECRET_MIN} characters or more: whoever knows it can order load")
    })
}

/// Takes orders from stdin until it ends.
pub fn serve_parent() -> Result<(), String> {
    let writer: Arc<Mutex<dyn Write + Send>> = Arc::new(Mutex::new(std::io::stdout()));
    serve(&mut BufReader::new(std::io::stdin()), &writer).map_err(|error| format!("the coordinator cannot be understood: {error}"))
}

/// Takes orders from coordinators, one after the other, until the process is ended.
pub fn serve_network(listen: SocketAddr) -> Result<(), String> {
    let secret = secret()?;
    let listener = TcpListener::bind(listen).map_err(|error| format!("the agent cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("agent is ready: {address}");
    loop {
        let Ok((socket, from)) = listener.accept() else { continue };
        match welcome(socket, &secret) {
            Ok((mut reader, writer)) => {
                eprintln!("{from} gives orders");
                if let Err(error) = serve(&mut reader, &writer) {
                    eprintln!("{from} is gone: {error}");
                }
            }
            Err(error) => eprintln!("{from} was sent away: {error}"),
        }
    }
}

type Lines = (BufReader<TcpStream>, Arc<Mutex<dyn Write + Send>>);

/// Hears the secret before anything else.
fn welcome(socket: TcpStream, secret: &str) -> std::io::Result<Lines> {
    socket.set_read_timeout(Some(SECRET_WITHIN))?;
    socket.set_nodelay(true)?;
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut line = String::new();
    (&mut reader).take(SECRET_MAX).read_line(&mut line)?;
    let line = line.trim_end_matches('\n');
    // Every byte is looked at, so that the time says nothing about the secret.
    let wrong = line.bytes().zip(secret.bytes()).fold(line.len() ^ secret.len(), |wrong, (said, right)| wrong | usize::from(said ^ right));
    if wrong != 0 {
        return Err(std::io::Error::other("it does not know the secret"));
    }
    socket.set_read_timeout(None)?;
    Ok((reader, Arc::new(Mutex::new(socket))))
}

fn serve(reader: &mut impl BufRead, writer: &Arc<Mutex<dyn Write + Send>>) -> std::io::Result<()> {
    let mut fleet = None;
    while let Some(order) = hear::<Order>(reader)? {
        let told = obey(&mut fleet, order, writer).unwrap_or_else(Told::Failed);
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let state =
            fleet.as_ref().map(Fleet::state).unwrap_or_else(|| State { cpu_us: own_cpu_us(), rss: own_memory(), ..State::default() });
        say(&mut *writer, &Told::State(state))?;
        say(&mut *writer, &told)?;
    }
    Ok(())
}

fn obey(fleet: &mut Option<Fleet>, order: Order, writer: &Arc<Mutex<dyn Write + Send>>) -> Result<Told, String> {
    if let Order::Reset = order {
        *fleet = None;
        return Ok(Told::Done);
    }
    if let Order::Begin(Begin { targets, first, identities, text_bytes, seed, run, clock }) = order {
        let run = Run { first, mark: run, seed, text_bytes, clock };
        *fleet = Some(Fleet::new(targets, identities, run, Progress::Coordinator(Arc::clone(writer)))?);
        return Ok(Told::Done);
    }
    let Some(fleet) = fleet else { return Err("the first order is to begin".to_owned()) };
    match order {
        Order::Reset | Order::Begin(_) => {}
        Order::FoundGroups { groups, at_once } => return fleet.found_groups(&groups, at_once).map(Told::Founded),
        Order::Seat { groups } => fleet.seat(groups),
        Order::Connect { who, rate } => {
            let who: Vec<u32> = who.into_iter().map(|person| fleet.client(person)).collect();
            fleet.connect(&who, rate)?;
        }
        Order::Hold { seconds } => fleet.hold(seconds)?,
        Order::Measure => fleet.start_measuring(),
        Order::Watch { each } => fleet.watch_others(each)?,
        Order::Work(work) => fleet.work(&work)?,
        Order::Drain { seconds } => return fleet.drain(seconds).map(Told::Drained),
        Order::Gather { truths, seconds } => fleet.gather(truths, seconds)?,
        Order::Finish => return Ok(Told::Finished(Box::new(fleet.finish()))),
        Order::Leave => fleet.leave_all(),
    }
    Ok(Told::Done)
}
