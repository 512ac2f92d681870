//! stub
use axum::http::HeaderMap;
/// x
pub struct Who;
impl Who { /// x
pub fn by_cookie_of_upgrade(&self, _h: &HeaderMap) -> Result<Option<crate::auth::Principal>, String> { Ok(None) } }
/// x
#[derive(Clone, Copy)]
pub struct Peer(pub std::net::SocketAddr);
