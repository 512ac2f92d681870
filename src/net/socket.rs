//! One client's socket, plain or TLS, that many tasks may write and one reads, all through a shared reference.
//!
//! The fan-out writes ready frames straight into sockets of which another task does the reading; so every call here
//! takes `&self` and never waits. On a plain socket that is the kernel's call and nothing else: no lock, no allocation.
//! TLS keeps state between calls, so there a lock is held for the length of one call, and the records that the kernel
//! did not take wait in a buffer of [`TLS_BUFFER_BYTES`] at most: while it holds anything, nothing more is taken.
//!
//! `SO_SNDBUF` is left alone on purpose. Setting it ends the kernel's own growing of the buffer, and a fixed small one
//! caps what a fast but distant client can be sent per round trip. What must be small is the part that is *not yet
//! sent*, because that is what an urgent frame waits behind; `TCP_NOTSENT_LOWAT` limits exactly that.

use super::admission::Admitted;
use super::transport::{Transport, Wire};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use socket2::SockRef;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConnection;

/// Bytes that the kernel may hold of one socket without having sent them. Measured: with 16 KiB an urgent frame waits a
/// twentieth of what it waits with the default, and throughput is the same.
pub const NOTSENT_BYTES: u32 = 16 << 10;
/// Encrypted bytes that may wait for the kernel. One record is at most 16 KiB and some; two fit.
pub const TLS_BUFFER_BYTES: usize = 32 << 10;
/// Plain bytes that are made into records before the kernel is asked again: one record's worth.
const TLS_STEP_BYTES: usize = 16 << 10;

/// A client's socket. It is shared by `Arc`; the connection ends when the last one lets go.
pub struct Socket {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
    /// Gives the place in the caps back when the socket is dropped.
    _admitted: Option<Admitted>,
}

struct Tls {
    connection: Mutex<ServerConnection>,
    /// Records wait for the kernel. Written under the lock, read without.
    pending: AtomicBool,
}

impl Socket {
    /// A plain socket, for tests and tools that have no listener.
    pub fn plain(tcp: TcpStream) -> io::Result<Self> {
        prepare(&tcp)?;
        Ok(Self { tcp, tls: None, _admitted: None })
    }

    /// A TLS socket whose handshake is done.
    pub fn tls(tcp: TcpStream, mut connection: ServerConnection) -> io::Result<Self> {
        prepare(&tcp)?;
        connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        Ok(Self { tcp, tls: Some(Box::new(Tls::new(connection))), _admitted: None })
    }

    /// The socket below an upgraded request, and what the client had already sent behind the request.
    ///
    /// Everything that HTTP needed is freed. Fails for an upgrade that this server's listener did not accept.
    pub fn from_upgraded(upgraded: Upgraded) -> Result<(Self, Bytes), Upgraded> {
        let parts = upgraded.downcast::<TokioIo<Transport>>()?;
        let (wire, admitted) = parts.io.into_inner().into_wire();
        let socket = match wire {
            Wire::Plain(tcp) => Self { tcp, tls: None, _admitted: Some(admitted) },
            Wire::Tls(stream) => {
                let (tcp, mut connection) = stream.into_inner();
                connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
                Self { tcp, tls: Some(Box::new(Tls::new(connection))), _admitted: Some(admitted) }
            }
        };
        // A copy, when there is anything: the original is a slice of the buffer that HTTP read into.
        let already_read = if parts.read_buf.is_empty() { Bytes::new() } else { Bytes::copy_from_slice(&parts.read_buf) };
        Ok((socket, already_read))
    }

    /// Reads what is there. `Ok(0)` is the end; `WouldBlock` means that nothing is there now.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_read(buffer),
            Some(tls) => tls.read(&self.tcp, buffer),
        }
    }

    /// Writes as much as the socket takes, which may be a part. `WouldBlock` means that it took nothing.
    ///
    /// On TLS, what was taken may still wait as records: ask [`Socket::pending`], and wake the task that calls
    /// [`Socket::flush_tls`] when the socket is ready.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_write_vectored(slices),
            Some(tls) => tls.write(&self.tcp, slices),
        }
    }

    /// Ready when [`Socket::try_read`] would give something. For one task at a time: a second one takes the wake-up.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.tls {
            Some(tls) if tls.has_plain() => Poll::Ready(Ok(())),
            _ => self.tcp.poll_read_ready(context),
        }
    }

    /// Ready when the kernel would take something. For one task at a time: a second one takes the wake-up.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(context)
    }

    /// Records of TLS wait for the kernel. Always false on a plain socket.
    pub fn pending(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.pending.load(Ordering::Acquire))
    }

    /// Gives the kernel the records that wait; true when none is left. Always true on a plain socket.
    pub fn flush_tls(&self) -> io::Result<bool> {
        match &self.tls {
            Some(tls) if tls.pending.load(Ordering::Acquire) => tls.flush(&self.tcp),
            _ => Ok(true),
        }
    }

    /// Says that nothing more is written. What the kernel has is still sent; the other side may still write.
    pub fn shutdown_write(&self) -> io::Result<()> {
        if let Some(tls) = &self.tls {
            tls.connection.lock().send_close_notify();
            // The peer may be too slow for the last record; then the end of the stream has to tell it.
            let _ = tls.flush(&self.tcp);
        }
        SockRef::from(&self.tcp).shutdown(Shutdown::Write)
    }

    /// Address of the other side; of the proxy, when there is one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    /// It is a TLS socket.
    pub fn encrypted(&self) -> bool {
        self.tls.is_some()
    }
}

/// Sets the options that every accepted socket has.
pub(super) fn prepare(tcp: &TcpStream) -> io::Result<()> {
    // Frames are written whole, so waiting for more to send only delays them.
    tcp.set_nodelay(true)?;
    SockRef::from(tcp).set_tcp_notsent_lowat(NOTSENT_BYTES)
}

impl Tls {
    fn new(connection: ServerConnection) -> Self {
        let pending = AtomicBool::new(connection.wants_write());
        Self { connection: Mutex::new(connection), pending }
    }

    fn read(&self, tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        let mut connection = self.connection.lock();
        loop {
            match connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The other side went without saying so in TLS. The frames above have their own ending.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            connection.read_tls(&mut Kernel(tcp))?;
            let processed = connection.process_new_packets();
            // Answers of TLS itself (a key update, an alert) go out now, or wait like any record.
            let flushed = self.push(&mut connection, tcp);
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            flushed?;
        }
    }

    fn write(&self, tcp: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut connection = self.connection.lock();
        if !self.push(&mut connection, tcp)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        let mut step = [IoSlice::new(&[]); 64];
        loop {
            let count = gather(slices, taken, &mut step);
            if count == 0 {
                return Ok(taken);
            }
            let accepted = connection.writer().write_vectored(&step[..count])?;
            taken += accepted;
            if accepted == 0 || !self.push(&mut connection, tcp)? {
                return Ok(taken);
            }
        }
    }

    fn flush(&self, tcp: &TcpStream) -> io::Result<bool> {
        self.push(&mut self.connection.lock(), tcp)
    }

    /// Gives the kernel what it takes of the waiting records; true when none is left.
    fn push(&self, connection: &mut ServerConnection, tcp: &TcpStream) -> io::Result<bool> {
        while connection.wants_write() {
            match connection.write_tls(&mut Kernel(tcp)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pending.store(true, Ordering::Release);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.pending.store(false, Ordering::Release);
        Ok(true)
    }

    /// Plain bytes, or the end, are there without asking the kernel.
    fn has_plain(&self) -> bool {
        // With nothing new to process this only reports the state; an error is met again by the read that follows.
        self.connection.lock().process_new_packets().map_or(true, |state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }
}

/// Puts the next record's worth of the slices, behind what was taken, into `step`; how many slices that is.
fn gather<'a>(slices: &'a [IoSlice<'a>], taken: usize, step: &mut [IoSlice<'a>]) -> usize {
    let (mut skip, mut room, mut count) = (taken, TLS_STEP_BYTES, 0);
    for slice in slices {
        if skip >= slice.len() {
            skip -= slice.len();
            continue;
        }
        if room == 0 || count == step.len() {
            break;
        }
        let part = &slice[skip..];
        let part = &part[..part.len().min(room)];
        step[count] = IoSlice::new(part);
        (skip, room, count) = (0, room - part.len(), count + 1);
    }
    count
}

/// The kernel's side of a socket, as TLS wants to see it.
struct Kernel<'a>(&'a TcpStream);

impl Read for Kernel<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Kernel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::tls_pair;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn plain_pair() -> (Socket, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::plain(listener.accept().await.unwrap().0).unwrap(), client)
    }

    /// Writes as a connection's task does: what is not taken waits until the socket is ready.
    async fn write_all(socket: &Socket, mut bytes: &[u8]) {
        while !bytes.is_empty() || !socket.flush_tls().unwrap() {
            let (first, second) = bytes.split_at(bytes.len() / 3);
            match socket.try_write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::future::poll_fn(|context| socket.poll_write_ready(context)).await.unwrap()
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn read_some(socket: &Socket) -> Vec<u8> {
        let mut buffer = [0; 512];
        loop {
            std::future::poll_fn(|context| socket.poll_read_ready(context)).await.unwrap();
            match socket.try_read(&mut buffer) {
                Ok(count) => return buffer[..count].to_vec(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Fills a socket whose other side does not read, then reads everything: bounded, and nothing lost or out of order.
    async fn stalled_reader(socket: Socket, mut client: impl AsyncReadExt + Unpin + Send + 'static) {
        let pattern: Vec<u8> = (0..8 << 20).map(|index: u32| (index / 7) as u8).collect();
        let mut taken = 0;
        let mut refusals = 0;
        while refusals < 50 {
            assert!(taken < pattern.len(), "a reader that does not read took everything");
            match socket.try_write_vectored(&[
                IoSlice::new(&pattern[taken..taken + 10_000]),
                IoSlice::new(&pattern[taken + 10_000..taken + 50_000]),
            ]) {
                Ok(count) => taken += count,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    refusals += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
        }
        let reader = tokio::spawn(async move {
            let mut received = Vec::new();
            client.read_to_end(&mut received).await.unwrap();
            received
        });
        write_all(&socket, &pattern[taken..]).await;
        socket.shutdown_write().unwrap();
        let received = reader.await.unwrap();
        assert!(received == pattern, "{} of {} bytes, or others", received.len(), pattern.len());
    }

    #[tokio::test]
    async fn a_plain_reader_that_stalls_holds_up_nobody_and_loses_nothing() {
        let (socket, client) = plain_pair().await;
        assert!(!socket.pending() && socket.flush_tls().unwrap() && !socket.encrypted());
        stalled_reader(socket, client).await;
    }

    #[tokio::test]
    async fn a_tls_reader_that_stalls_holds_up_nobody_and_loses_nothing() {
        let (socket, client) = tls_pair().await;
        assert!(socket.encrypted());
        stalled_reader(socket, client).await;
    }

    #[tokio::test]
    async fn tls_takes_nothing_more_while_records_wait() {
        let (socket, _client) = tls_pair().await;
        let block = [7; 16 << 10];
        loop {
            match socket.try_write_vectored(&[IoSlice::new(&block)]) {
                Ok(_) => {}
                Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(socket.pending());
        assert!(!socket.flush_tls().unwrap());
        for _ in 0..100 {
            assert!(socket.try_write_vectored(&[IoSlice::new(&block)]).is_err());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn frames_of_two_writers_and_a_reader_do_not_mix() {
        let (socket, client) = tls_pair().await;
        let socket = Arc::new(socket);
        let (mut from_server, mut to_server) = tokio::io::split(client);
        let echo = tokio::spawn(async move {
            let mut counts = [0; 2];
            let mut frame = [0; 100];
            while counts[0] + counts[1] < 4_000 {
                from_server.read_exact(&mut frame).await.unwrap();
                assert!(frame.iter().all(|byte| *byte == frame[0]), "a frame is torn");
                counts[frame[0] as usize] += 1;
                to_server.write_all(&frame[..10]).await.unwrap();
            }
            counts
        });
        let writers = [0u8, 1].map(|mark| {
            let socket = socket.clone();
            tokio::spawn(async move {
                for _ in 0..2_000 {
                    // A frame is taken whole or not at all here, because it is smaller than a record.
                    while let Err(error) = socket.try_write_vectored(&[IoSlice::new(&[mark; 60]), IoSlice::new(&[mark; 40])]) {
                        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                        tokio::task::yield_now().await;
                    }
                }
            })
        });
        let mut received = 0;
        while received < 40_000 {
            received += read_some(&socket).await.len();
            socket.flush_tls().unwrap();
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(echo.await.unwrap(), [2_000, 2_000]);
    }

    #[tokio::test]
    async fn what_came_in_one_record_is_read_in_parts_without_waiting_for_more() {
        let (socket, mut client) = tls_pair().await;
        client.write_all(&[5; 1_300]).await.unwrap();
        client.flush().await.unwrap();
        let mut received = 0;
        while received < 1_300 {
            received += tokio::time::timeout(std::time::Duration::from_secs(20), read_some(&socket))
                .await
                .expect("the rest of the record is there")
                .len();
        }
        client.shutdown().await.unwrap();
        assert_eq!(read_some(&socket).await, b"");
    }

    #[tokio::test]
    async fn a_tls_client_that_sends_nonsense_gets_an_error() {
        let (socket, client) = tls_pair().await;
        let (mut tcp, _) = client.into_inner();
        tcp.write_all(&[0x55; 64]).await.unwrap();
        let mut buffer = [0; 64];
        let outcome = loop {
            std::future::poll_fn(|context| socket.poll_read_ready(context)).await.unwrap();
            match socket.try_read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => break other,
            }
        };
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn the_kernel_is_told_to_keep_little_unsent() {
        let (socket, _client) = plain_pair().await;
        let options = SockRef::from(&socket.tcp);
        assert_eq!(options.tcp_notsent_lowat().unwrap(), NOTSENT_BYTES);
        assert!(socket.tcp.nodelay().unwrap());
    }
}
