//! stub
use crate::error::Result;
use crate::store::Write;
/// x
#[derive(Clone)]
pub struct FileEntry { /// x
 pub key: String, /// x
 pub name: String, /// x
 pub size_bytes: u64, /// x
 pub media_type: String, /// x
 pub width: Option<u32>, /// x
 pub height: Option<u32>, /// x
 pub uploader: u32 }
/// x
pub struct Attachments;
impl Attachments { /// x
 pub async fn entry(&self, _key: &str) -> Result<Option<FileEntry>> { Ok(None) } /// x
 pub async fn chats_of(&self, _key: &str) -> Result<Vec<u64>> { Ok(vec![]) } /// x
 pub fn posted(&self, _key: &str, _chat: u64) -> Write { unreachable!() } }
