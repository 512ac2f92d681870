//! What only the server knows of a card: its pictures with their sizes, and that its members may fetch them.

use super::content::uploaded_keys;
use super::{ChatKey, Chats};
use crate::error::Result;
use crate::store::Write;
use protocol::content::{Card, Image};

/// People whom a card names.
const PEOPLE_MAX: usize = 100;

impl Chats {
    /// Fills in what only the server knows of a card.
    ///
    /// # Errors
    /// A picture that is nobody's upload, or not the sender's to post.
    pub(super) async fn checked_card(&self, sender: u32, chat: ChatKey, card: Card, writes: &mut Vec<Write>) -> Result<Card> {
        let mut images = Vec::new();
        for key in uploaded_keys(&card.card)? {
            let entry = self.postable(sender, key).await?;
            writes.push(self.attachments.posted(key, chat.0));
            images.push(Image {
                key: key.to_owned(),
                width: entry.width,
                height: entry.height,
                name: None,
                size_bytes: Some(entry.size_bytes),
            });
        }
        let mut people = card.people;
        people.retain(|one| self.directory.index(&one.user_id).is_some());
        people.truncate(PEOPLE_MAX);
        Ok(Card { card: card.card, people, images })
    }
}
