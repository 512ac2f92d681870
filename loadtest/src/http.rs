//! Connections that stay open, each with one request on its way: written and read without waiting, in one thread.

use crate::latency::{Latencies, Percentiles};
use crate::readiness::{Readiness, Ready, now_ns};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

/// Bytes read at once; one buffer serves all connections.
const READ_BYTES: usize = 64 << 10;
/// How long the last answers may take when time is over.
const SETTLE_NS: u64 = 20_000_000_000;

/// What came of many requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Answered as they should.
    pub fine: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// Bytes of bodies that came.
    pub body_bytes: u64,
    /// Length of the measured part, in nanoseconds.
    pub nanoseconds: u64,
    /// From the request to the last byte of its answer.
    pub latency_us: Percentiles,
}

/// An answer.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// A request, whole.
pub fn request(method: &str, path: &str, host: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends one request and waits for its answer.
pub fn ask(address: SocketAddr, request: &[u8]) -> Result<Answer, String> {
    let broken = |error: io::Error| format!("the server at {address} does not answer: {error}");
    let mut socket = TcpStream::connect(address).map_err(broken)?;
    socket.write_all(request).map_err(broken)?;
    let (mut buffer, mut received) = (vec![0; READ_BYTES], Vec::new());
    loop {
        let count = socket.read(&mut buffer).map_err(broken)?;
        received.extend_from_slice(&buffer[..count]);
        if let Some((answer, _)) = answer_of(&received)? {
            return Ok(answer);
        }
        if count == 0 {
            return Err(format!("the server at {address} ended the connection before its answer was whole"));
        }
    }
}

struct Connection {
    socket: TcpStream,
    out: Vec<u8>,
    written: usize,
    received: Vec<u8>,
    began_ns: u64,
    waits_for_room: bool,
}

/// Keeps so many connections busy for a time, each with the next request as soon as the answer has come. `next` makes
/// requests; an answer is fine when its body begins with `begins`.
pub fn saturate(
    address: SocketAddr,
    connections: usize,
    seconds: f64,
    begins: &[u8],
    mut next: impl FnMut() -> Vec<u8>,
) -> Result<Tally, String> {
    let broken = |error: io::Error| format!("the server at {address} cannot be called: {error}");
    let mut readiness = Readiness::new().map_err(broken)?;
    let mut open = Vec::with_capacity(connections);
    for token in 0..connections {
        let socket = TcpStream::connect(address).map_err(broken)?;
        socket.set_nodelay(true).map_err(broken)?;
        socket.set_nonblocking(true).map_err(broken)?;
        readiness.add(socket.as_raw_fd(), token as u64, false).map_err(broken)?;
        open.push(Connection { socket, out: Vec::new(), written: 0, received: Vec::new(), began_ns: 0, waits_for_room: false });
    }
    let (mut tally, mut latencies) = (Tally::default(), Latencies::new());
    let began = now_ns();
    let until = began + (seconds * 1e9) as u64;
    let mut busy = connections;
    for (token, connection) in open.iter_mut().enumerate() {
        connection.begin(next());
        connection.write(&readiness, token as u64).map_err(broken)?;
    }
    let (mut ready, mut buffer) = (Vec::<Ready>::new(), vec![0; READ_BYTES]);
    while busy > 0 {
        if now_ns() > until + SETTLE_NS {
            return Err(format!("{busy} requests were not answered within 20 seconds"));
        }
        ready.clear();
        readiness.wait(100_000_000, &mut ready).map_err(broken)?;
        for event in &ready {
            let connection = &mut open[event.token as usize];
            if event.writable && connection.waits_for_room {
                connection.write(&readiness, event.token).map_err(broken)?;
            }
            if !event.readable || connection.out.is_empty() {
                continue;
            }
            let Some(answer) = connection.read(&mut buffer)? else { continue };
            latencies.record_ns(now_ns() - connection.began_ns);
            tally.body_bytes += answer.body.len() as u64;
            if answer.status == 200 && answer.body.starts_with(begins) {
                tally.fine += 1;
            } else {
                if tally.refused == 0 {
                    eprintln!("the first refusal: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
                }
                tally.refused += 1;
            }
            if now_ns() < until {
                connection.begin(next());
                connection.write(&readiness, event.token).map_err(broken)?;
            } else {
                connection.out.clear();
                busy -= 1;
            }
        }
    }
    tally.nanoseconds = now_ns() - began;
    tally.latency_us = latencies.percentiles();
    Ok(tally)
}

impl Connection {
    fn begin(&mut self, request: Vec<u8>) {
        (self.out, self.written, self.began_ns) = (request, 0, now_ns());
    }

    fn write(&mut self, readiness: &Readiness, token: u64) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.waits_for_room {
                        self.waits_for_room = true;
                        readiness.change(self.socket.as_raw_fd(), token, true)?;
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        if self.waits_for_room {
            self.waits_for_room = false;
            readiness.change(self.socket.as_raw_fd(), token, false)?;
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<Answer>, String> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Err("the server ended a connection that it should keep".to_owned()),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(format!("a connection broke: {error}")),
            }
            if let Some((answer, whole)) = answer_of(&self.received)? {
                self.received.drain(..whole);
                return Ok(Some(answer));
            }
        }
    }
}

/// The first answer in what was received, and how many bytes it has; none when it is not whole.
fn answer_of(received: &[u8]) -> Result<Option<(Answer, usize)>, String> {
    let Some(head_end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..head_end]).map_err(|_| "an answer's head is not text".to_owned())?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("an answer has no status")?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        .ok_or("an answer does not tell its length")?;
    let whole = head_end + 4 + length;
    Ok((received.len() >= whole).then(|| (Answer { status, body: received[head_end + 4..whole].to_vec() }, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_when_it_is_whole_and_not_before() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP";
        for cut in 0..43 {
            assert!(answer_of(&bytes[..cut]).unwrap().is_none(), "{cut}");
        }
        let (answer, whole) = answer_of(bytes).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_slice(), &bytes[whole..]), (200, &b"hello"[..], &b"HTTP"[..]));
        assert!(answer_of(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "without a length it could not be told where it ends");
    }
}
