//! A group's own bots: each posts what is sent to its address, and belongs to no app.
//!
//! Address and secret are sealed of the bot's index and a number that grows with each renewal, so that neither is kept
//! anywhere, and one that was not made here is told without a look into the store.

use super::group::{check_text, group_key};
use super::send::check_client_message_id;
use super::{ChatKey, Chats};
use crate::config::Networks;
use crate::directory::{EditRefused, EditToken, PersonEntry, PersonMore};
use crate::error::{Error, Result, clip};
use crate::limits;
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::chat::Role;
use protocol::command::{
    AddCustomBot, ChangeCustomBot, CustomBot, CustomBotChecks, CustomBotList, CustomBots, RemoveCustomBot, RenewCustomBot,
};
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

/// What is known of a group's own bot, as the table `CustomBots` keeps it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// Key of its group.
    pub chat: u64,
    description: String,
    pub keywords: Vec<String>,
    pub addresses: Vec<String>,
    pub signature: bool,
    /// How often the address was renewed.
    pub address_number: u32,
    /// How often the secret was renewed.
    pub secret_number: u32,
    created_by: u32,
    created_at_ms: u64,
}

/// Changes of these bots are made one after the other; they are rare.
#[derive(Default)]
pub(super) struct Changing(tokio::sync::Mutex<()>);

/// Prefix of the addresses.
const PATH: &str = "/open-apis/bot/v2/hook/";

impl Chats {
    /// Gives a group a bot of its own. The same client_message_id again gives the same bot.
    pub async fn add_custom_bot(&self, by: u32, command: AddCustomBot) -> Result<CustomBot> {
        let key = group_key(self.key(command.chat_id)?, "bots of its own")?;
        check_client_message_id(&command.client_message_id)?;
        let checks = command.checks.unwrap_or_default();
        check_checks(&checks)?;
        let description = command.description.unwrap_or_default();
        check_text("description", &description, limits::CUSTOM_BOT_DESCRIPTION_CHARACTERS_MAX)?;
        self.manages(by, key).await?;
        let shown = self.checked_avatar(by, command.avatar.as_deref()).await?;
        let _one = self.custom_bots_changing.0.lock().await;
        let count = self.custom_bots_of(key).await?.len();
        if count >= limits::CUSTOM_BOTS_OF_A_GROUP_MAX {
            return Err(Error::too_large("the list of bots", count as u64 + 1, limits::CUSTOM_BOTS_OF_A_GROUP_MAX as u64, "bots"));
        }
        let now_ms = self.clock.now_ms();
        let mut entry = PersonEntry::new(format!("cli_{:016x}", rand::random::<u64>()), command.name.trim(), PersonKind::Bot);
        entry.avatar = command.avatar.filter(|key| !key.is_empty());
        entry.set_more(PersonMore { custom_bot: true, ..PersonMore::default() });
        let token = EditToken { by, key: format!("bot/{}", command.client_message_id), now_ms };
        let bot = self.directory.create_person(entry, Some(token)).await.map_err(EditRefused::into_error)?;
        let kept = match self.kept_bot(bot).await? {
            Some(kept) if kept.chat != key.0 => return Err(super::send::id_reused()),
            Some(kept) => kept,
            None => {
                let kept = Kept {
                    chat: key.0,
                    description,
                    keywords: checks.keywords,
                    addresses: checks.addresses,
                    signature: checks.signature,
                    created_by: by,
                    created_at_ms: now_ms,
                    ..Kept::default()
                };
                self.store.write(shown.into_iter().chain([bot_row(bot, &kept)]).collect()).await?;
                kept
            }
        };
        self.add_members(by, key, RoaringBitmap::from_iter([bot]), Vec::new()).await?;
        Ok(self.custom_bot_seen(bot, &kept, true))
    }

    /// The bots of a group. Addresses and secrets are there for those who may change them.
    pub async fn custom_bots(&self, user: u32, command: CustomBots) -> Result<CustomBotList> {
        let key = group_key(self.key(command.chat_id)?, "bots of its own")?;
        let (role, _) = self.rights_of(user, key).await?;
        let manages = role != Role::Member;
        let mut bots = self.custom_bots_of(key).await?;
        bots.sort_by_key(|(bot, kept)| (kept.created_at_ms, *bot));
        Ok(CustomBotList { bots: bots.iter().map(|(bot, kept)| self.custom_bot_seen(*bot, kept, manages)).collect() })
    }

    /// Changes name, picture, description or checks.
    pub async fn change_custom_bot(&self, by: u32, command: ChangeCustomBot) -> Result<CustomBot> {
        let key = group_key(self.key(command.chat_id)?, "bots of its own")?;
        if let Some(checks) = &command.checks {
            check_checks(checks)?;
        }
        if let Some(description) = &command.description {
            check_text("description", description, limits::CUSTOM_BOT_DESCRIPTION_CHARACTERS_MAX)?;
        }
        let _one = self.custom_bots_changing.0.lock().await;
        let (bot, mut kept) = self.custom_bot_meant(by, key, &command.user_id).await?;
        let mut writes = self.checked_avatar(by, command.avatar.as_deref()).await?;
        if command.name.is_some() || command.avatar.is_some() {
            let edited = self.directory.edit_person(bot, None, |entry| {
                if let Some(name) = &command.name {
                    entry.name = name.trim().to_owned();
                }
                if let Some(avatar) = &command.avatar {
                    entry.avatar = Some(avatar.clone()).filter(|key| !key.is_empty());
                }
                Ok::<_, EditRefused>(())
            });
            edited.await.map_err(EditRefused::into_error)?;
        }
        kept.description = command.description.unwrap_or(kept.description);
        if let Some(checks) = command.checks {
            (kept.keywords, kept.addresses, kept.signature) = (checks.keywords, checks.addresses, checks.signature);
        }
        writes.push(bot_row(bot, &kept));
        self.store.write(writes).await?;
        Ok(self.custom_bot_seen(bot, &kept, true))
    }

    /// Gives a new address, or a new secret. The one before is refused from then on.
    pub async fn renew_custom_bot(&self, by: u32, command: RenewCustomBot) -> Result<CustomBot> {
        let key = group_key(self.key(command.chat_id)?, "bots of its own")?;
        let _one = self.custom_bots_changing.0.lock().await;
        let (bot, mut kept) = self.custom_bot_meant(by, key, &command.user_id).await?;
        if command.secret {
            kept.secret_number = kept.secret_number.wrapping_add(1);
        } else {
            kept.address_number = kept.address_number.wrapping_add(1);
        }
        self.store.write(vec![bot_row(bot, &kept)]).await?;
        Ok(self.custom_bot_seen(bot, &kept, true))
    }

    /// Takes a bot out of its group. What it had said stays, under its name.
    pub async fn remove_custom_bot(&self, by: u32, command: RemoveCustomBot) -> Result<()> {
        let key = group_key(self.key(command.chat_id)?, "bots of its own")?;
        let _one = self.custom_bots_changing.0.lock().await;
        let (bot, _) = self.custom_bot_meant(by, key, &command.user_id).await?;
        self.remove_members(by, key, RoaringBitmap::from_iter([bot]), Vec::new()).await?;
        let resigned = self.directory.edit_person(bot, None, |entry| {
            entry.resigned = true;
            Ok::<_, EditRefused>(())
        });
        resigned.await.map_err(EditRefused::into_error)?;
        self.store.write(vec![Write::Delete(Table::CustomBots, tables::u32_key(bot), tables::none())]).await
    }

    /// The bot of an address, when it is still good and the bot is in its group.
    pub(super) async fn bot_of_address(&self, token: &str) -> Result<Option<(u32, Kept)>> {
        let Some((bot, number)) = self.seal.hook(token) else { return Ok(None) };
        let Some(kept) = self.kept_bot(bot).await?.filter(|kept| kept.address_number == number) else { return Ok(None) };
        let inside = self.head(ChatKey(kept.chat)).await?.lock().members.contains(bot);
        Ok(inside.then_some((bot, kept)))
    }

    async fn manages(&self, user: u32, key: ChatKey) -> Result<()> {
        let (_, rights) = self.rights_of(user, key).await?;
        if rights.edit_config { Ok(()) } else { Err(Error::not_allowed("change the group's bots", "only the owner and the managers may")) }
    }

    async fn custom_bot_meant(&self, by: u32, key: ChatKey, user_id: &str) -> Result<(u32, Kept)> {
        self.manages(by, key).await?;
        let bot = self.directory.index(user_id).ok_or_else(|| Error::person_not_found(user_id))?;
        let inside = self.head(key).await?.lock().members.contains(bot);
        match self.kept_bot(bot).await? {
            Some(kept) if kept.chat == key.0 && inside => Ok((bot, kept)),
            _ => Err(Error::invalid("user_id", format!("`{}` is not one of this group's own bots", clip(user_id)))),
        }
    }

    async fn custom_bots_of(&self, key: ChatKey) -> Result<Vec<(u32, Kept)>> {
        // Bots are few, so that a group of everybody costs one operation on bitmaps.
        let others = &**self.head(key).await?.lock().members.all() - self.directory.everyone();
        let mut bots = Vec::new();
        for bot in others.into_iter().filter(|bot| self.directory.custom_bot(*bot)) {
            bots.extend(self.kept_bot(bot).await?.filter(|kept| kept.chat == key.0).map(|kept| (bot, kept)));
        }
        Ok(bots)
    }

    async fn kept_bot(&self, bot: u32) -> Result<Option<Kept>> {
        let row = self.store.get(Table::CustomBots, tables::u32_key(bot), tables::none()).await?;
        row.map(|json| serde_json::from_slice(&json).map_err(|error| Error::storage(format!("a bot in the database is damaged: {error}"))))
            .transpose()
    }

    fn custom_bot_seen(&self, bot: u32, kept: &Kept, manages: bool) -> CustomBot {
        let checks = CustomBotChecks { keywords: kept.keywords.clone(), addresses: kept.addresses.clone(), signature: kept.signature };
        CustomBot {
            bot: self.directory.card(bot),
            description: kept.description.clone(),
            checks: manages.then_some(checks),
            url: manages.then(|| format!("{PATH}{}", self.seal.hook_token(bot, kept.address_number))),
            secret: (manages && kept.signature).then(|| self.seal.hook_secret(bot, kept.secret_number)),
            created_by: self.directory.user_id(kept.created_by).to_string(),
            created_at_ms: kept.created_at_ms,
        }
    }
}

fn bot_row(bot: u32, kept: &Kept) -> Write {
    let json = serde_json::to_vec(kept).expect("what is kept of a bot is plain data");
    Write::Put(Table::CustomBots, tables::u32_key(bot), tables::none(), json)
}

fn check_checks(checks: &CustomBotChecks) -> Result<()> {
    for (field, list) in [("keywords", &checks.keywords), ("addresses", &checks.addresses)] {
        if list.len() > limits::CUSTOM_BOT_CHECKS_MAX {
            return Err(Error::too_large(
                &format!("the list `{field}`"),
                list.len() as u64,
                limits::CUSTOM_BOT_CHECKS_MAX as u64,
                "entries",
            ));
        }
    }
    for keyword in &checks.keywords {
        check_text("keywords", keyword, limits::CUSTOM_BOT_KEYWORD_CHARACTERS_MAX)?;
        if keyword.trim().is_empty() {
            return Err(Error::invalid("keywords", "a keyword has at least one character that can be seen"));
        }
    }
    for address in &checks.addresses {
        if address.contains(',') || address.trim().is_empty() || address.parse::<Networks>().is_err() {
            return Err(Error::invalid(
                "addresses",
                format!("`{}` is not an IP address or network, such as 10.1.2.3 or 10.1.0.0/16", clip(address)),
            ));
        }
    }
    Ok(())
}
