//! A wire that can be cut: it stands between one node and the servers of NATS, and passes bytes on until it is told not to.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// How a wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Bytes pass.
    Whole = 0,
    /// Nothing passes, and nobody is told: what was sent comes when the wire is whole again.
    Silent = 1,
    /// Connections end, and new ones end at once.
    Cut = 2,
}

/// The wires from one node to each server.
pub struct Wires {
    state: Arc<AtomicU8>,
    /// Where the node finds each server.
    pub addresses: Vec<String>,
}

/// How often a quiet wire looks whether it was cut.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Wires {
    /// Wires to these servers, whole. They stay until the process ends.
    pub fn to(servers: &[String]) -> Result<Self, String> {
        let state = Arc::new(AtomicU8::new(State::Whole as u8));
        let mut addresses = Vec::new();
        for server in servers {
            let server: SocketAddr = server.parse().map_err(|error| format!("{server} is no address: {error}"))?;
            let listener = TcpListener::bind("127.0.9.1:0").map_err(|error| format!("there is no free port: {error}"))?;
            addresses.push(listener.local_addr().map_err(|error| error.to_string())?.to_string());
            let state = state.clone();
            std::thread::spawn(move || accept(&listener, server, &state));
        }
        Ok(Self { state, addresses })
    }

    /// Cuts them, or makes them whole.
    pub fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, state: &Arc<AtomicU8>) {
    while let Ok((node, _)) = listener.accept() {
        let state = state.clone();
        std::thread::spawn(move || {
            if !wait_until_whole(&state) {
                return;
            }
            let Ok(server) = TcpStream::connect_timeout(&server, Duration::from_secs(2)) else { return };
            let (Ok(node_too), Ok(server_too)) = (node.try_clone(), server.try_clone()) else { return };
            let state_too = state.clone();
            let back = std::thread::spawn(move || pass(&server_too, &node_too, &state_too));
            pass(&node, &server, &state);
            let _ = back.join();
        });
    }
}

/// Waits out a silence; false when the wire is cut.
fn wait_until_whole(state: &AtomicU8) -> bool {
    loop {
        match state.load(Ordering::Acquire) {
            whole if whole == State::Whole as u8 => return true,
            silent if silent == State::Silent as u8 => std::thread::sleep(BETWEEN_LOOKS),
            _ => return false,
        }
    }
}

fn pass(from: &TcpStream, to: &TcpStream, state: &AtomicU8) {
    let ended = || -> std::io::Result<()> {
        from.set_read_timeout(Some(BETWEEN_LOOKS))?;
        to.set_nodelay(true)?;
        let mut bytes = vec![0; 64 << 10];
        while wait_until_whole(state) {
            match (&*from).read(&mut bytes) {
                Ok(0) => break,
                Ok(length) => {
                    if !wait_until_whole(state) {
                        break;
                    }
                    (&*to).write_all(&bytes[..length])?;
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    // A wire that breaks is a wire that was cut.
    let _ = ended();
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_passes_bytes_holds_them_and_is_cut() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let wires = Wires::to(&[server.local_addr().unwrap().to_string()]).unwrap();
        let mut node = TcpStream::connect(&wires.addresses[0]).unwrap();
        let (mut other, _) = server.accept().unwrap();
        let mut got = [0; 5];
        node.write_all(b"hello").unwrap();
        other.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"hello");

        wires.set(State::Silent);
        node.write_all(b"later").unwrap();
        other.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(other.read(&mut got).is_err(), "nothing passes");
        wires.set(State::Whole);
        other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        other.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"later");

        wires.set(State::Cut);
        assert_eq!(node.read(&mut got).unwrap_or(0), 0, "the connection ends");
    }
}
