//! Tokens with which a card may be changed after somebody has pressed on it: for 30 minutes, twice.

use super::card::CardEdit;
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::store::tables::{self, Key, KeyMaker, Table};
use crate::store::{Range, Write};
use protocol::command::Changed;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};

/// Uses are counted one after the other.
#[derive(Default)]
pub(super) struct CardTokens(Mutex<()>);

/// A token that may be used once more. While it is held, no other one is used.
pub struct CardToken<'a> {
    message_id: MessageId,
    row: Key,
    uses: u8,
    _only: MutexGuard<'a, ()>,
}

impl Chats {
    /// A token for a card that somebody has just pressed on.
    pub fn card_token(&self, message_id: MessageId) -> Result<String> {
        let (chat, seq) = self.place(message_id)?;
        let expires_at_s = (self.clock.now_ms() / 1_000) as u32 + limits::CARD_TOKEN_SECONDS;
        Ok(self.seal.card_token(chat, seq, expires_at_s, rand::random()))
    }

    /// Looks at a token: is it ours, in time, and not used up?
    pub async fn card_token_meant(&self, token: &str) -> Result<CardToken<'_>> {
        let only = self.card_tokens.0.lock().await;
        let (chat, seq, expires_at_s, nonce): (ChatKey, u64, u32, u64) = self
            .seal
            .open_card_token(token)
            .ok_or_else(|| Error::invalid("token", "it was not issued here; it comes with a press on a card"))?;
        if self.clock.now_ms() / 1_000 > u64::from(expires_at_s) {
            return Err(Error::new(
                ErrorCode::WindowPassed,
                "the token is too old",
                format!("it was good for {} minutes", limits::CARD_TOKEN_SECONDS / 60),
                "change the card with PATCH im/v1/messages/:message_id",
            ));
        }
        let row = KeyMaker::default().u32(expires_at_s).u64(nonce).done();
        let uses =
            self.store.get(Table::CardTokens, tables::none(), row.clone()).await?.and_then(|value| value.first().copied()).unwrap_or(0);
        if uses >= limits::CARD_TOKEN_USES_MAX {
            return Err(Error::new(
                ErrorCode::NotAllowed,
                "the token is used up",
                format!("it was good for {} changes", limits::CARD_TOKEN_USES_MAX),
                "change the card with PATCH im/v1/messages/:message_id",
            ));
        }
        Ok(CardToken { message_id: self.seal.message_id(chat, seq), row, uses, _only: only })
    }

    /// Changes the card of a token. The use counts when the card has changed.
    pub async fn edit_card_by_token(self: &Arc<Self>, bot: u32, token: CardToken<'_>, edit: CardEdit) -> Result<Changed> {
        let used = Write::Put(Table::CardTokens, tables::none(), token.row.clone(), vec![token.uses + 1]);
        self.edit_pressed_card(bot, token.message_id, edit, used).await
    }

    /// Forgets how often tokens were used that are too old anyway.
    pub(super) async fn sweep_card_tokens(&self) -> Result<()> {
        let until = (self.clock.now_ms() / 1_000).saturating_sub(60) as u32;
        let range = Range::between(tables::none(), tables::u32_key(until), limits::SWEEP_MAX);
        let old = self.store.scan(Table::CardTokens, tables::none(), range).await?;
        if old.is_empty() {
            return Ok(());
        }
        self.store.write(old.into_iter().map(|(row, _)| Write::Delete(Table::CardTokens, tables::none(), row)).collect()).await
    }
}
