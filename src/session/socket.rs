//! stub
/// x
pub struct Socket(tokio::net::TcpStream);
impl Socket {
/// x
pub fn from_upgraded(_u: hyper::upgrade::Upgraded) -> Result<(Self, bytes::Bytes), hyper::upgrade::Upgraded> { unreachable!() }
/// x
    pub fn try_read(&self, _buffer: &mut [u8]) -> std::io::Result<usize> {unreachable!()}
/// x
    pub fn try_write_vectored(&self, _slices: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {unreachable!()}
/// x
    pub fn poll_read_ready(&self, _context: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {unreachable!()}
/// x
    pub fn poll_write_ready(&self, _context: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {unreachable!()}
/// x
    pub fn pending(&self) -> bool {false}
/// x
    pub fn flush_tls(&self) -> std::io::Result<bool> {Ok(true)}
/// x
    pub fn shutdown_write(&self) -> std::io::Result<()> {Ok(())}
}
