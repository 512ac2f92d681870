//! Connections, begun without waiting for them, and how far they are.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No connection.
    Away,
    /// TCP is on its way.
    Connecting,
    /// The upgrade was asked for.
    Upgrading,
    /// `hello` was sent.
    Greeting,
    /// `welcome` came.
    Here,
}

/// A connection that is on its way. On loopback each client has an address of its own, as people have.
pub fn begin(target: SocketAddr, person: u32) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    if let SocketAddr::V4(address) = target
        && address.ip().is_loopback()
    {
        let source = Ipv4Addr::from(SOURCES + 1 + person);
        leave_port_open(&socket)?;
        socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    }
    match socket.connect(&SockAddr::from(target)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

/// 127.16.0.0: the first of the clients' own addresses on loopback.
const SOURCES: u32 = 127 << 24 | 16 << 16;

/// The port is chosen when the connection is made, so that it need not be free towards everybody.
fn leave_port_open(socket: &Socket) -> std::io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, which lives during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
