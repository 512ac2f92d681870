//! What one message of a stream holds: records of one chat that were appended together, each with the rows that go with it.
//!
//! The rows come along so that any node can write them into the store, in whatever order, with the entry's stamp as the
//! time of the write: the last one of a chat wins on every node alike.
//!
//! Layout, numbers big-endian: version (1), CRC-32 of the rest (4), writer (8), number (8), count of entries (2), entries.
//! Entry: stamp in µs (8), flags (1), record (4 + n), then by flags: dedupe key (20), members (2 + 4 n), people who moved
//! (4 + n), and always rows (2 + each: name of the table (1 + n), put or delete (1), partition (2 + n), row (2 + n), value (4 + n)).

use crate::log::record::Damaged;
use crate::log::{Append, DedupeKey, Record};
use crate::store::{Key, Table, Write};
use bytes::{Buf, BufMut};
use roaring::RoaringBitmap;
use std::sync::Arc;

const VERSION: u8 = 1;
/// Entries of one message; an offset has eight bits for them.
pub const ENTRIES_MAX: usize = 256;
/// Members that stand in the entry. Of larger chats each node knows the members by itself.
pub const MEMBERS_INLINE_MAX: u64 = 64;

const HAS_DEDUPE: u8 = 1;
const HAS_MEMBERS: u8 = 2;
const HAS_MOVED: u8 = 4;

/// One record with what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Time of its rows in the store, in µs since 1970; it grows strictly in a chat.
    pub stamp_us: u64,
    /// The record.
    pub record: Arc<Record>,
    /// The same, encoded.
    pub body: Vec<u8>,
    /// Makes trying again harmless.
    pub dedupe: Option<DedupeKey>,
    /// Members when it was made, when they are few.
    pub members: Option<RoaringBitmap>,
    /// People who came or went with it.
    pub moved: Option<RoaringBitmap>,
    /// Rows that go with it.
    pub writes: Vec<Write>,
}

/// What one message of a stream holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The life of the process that wrote it.
    pub writer: u64,
    /// Which one of that writer it is.
    pub number: u64,
    /// In the order of their seqs.
    pub entries: Vec<Logged>,
}

impl Logged {
    /// An append as it is logged, with its record encoded.
    pub fn of(append: &Append, body: Vec<u8>, stamp_us: u64) -> Self {
        let members = &append.audience.members;
        Self {
            stamp_us,
            record: append.record.clone(),
            body,
            dedupe: append.dedupe,
            members: (members.len() <= MEMBERS_INLINE_MAX).then(|| (**members).clone()),
            moved: append.audience.moved.as_deref().cloned(),
            writes: append.writes.clone(),
        }
    }
}

impl Envelope {
    /// As the stream keeps it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.put_u8(VERSION);
        bytes.put_u32(0);
        bytes.put_u64(self.writer);
        bytes.put_u64(self.number);
        bytes.put_u16(self.entries.len() as u16);
        for entry in &self.entries {
            entry.encode(&mut bytes);
        }
        let checksum = crc32fast::hash(&bytes[5..]);
        bytes[1..5].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Reads what the stream keeps.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let (Some(&VERSION), Some(checksum), Some(body)) = (bytes.first(), bytes.get(1..5), bytes.get(5..)) else {
            return Err(Damaged::Version);
        };
        if checksum != crc32fast::hash(body).to_be_bytes() {
            return Err(Damaged::Checksum);
        }
        let mut rest = Rest(body);
        let (writer, number, count) = (rest.u64()?, rest.u64()?, rest.u16()?);
        let entries = (0..count).map(|_| Logged::decode(&mut rest)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { writer, number, entries })
    }
}

impl Logged {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let flag = |has: bool, flag: u8| if has { flag } else { 0 };
        bytes.put_u64(self.stamp_us);
        bytes.put_u8(
            flag(self.dedupe.is_some(), HAS_DEDUPE) | flag(self.members.is_some(), HAS_MEMBERS) | flag(self.moved.is_some(), HAS_MOVED),
        );
        put_long(bytes, &self.body);
        if let Some(key) = &self.dedupe {
            bytes.put_u32(key.sender);
            bytes.put_slice(&key.hash);
        }
        if let Some(members) = &self.members {
            bytes.put_u16(members.len() as u16);
            members.iter().for_each(|member| bytes.put_u32(member));
        }
        if let Some(moved) = &self.moved {
            let mut body = Vec::with_capacity(moved.serialized_size());
            moved.serialize_into(&mut body).expect("writing to memory does not fail");
            put_long(bytes, &body);
        }
        bytes.put_u16(self.writes.len() as u16);
        for write in &self.writes {
            let (table, partition, row, value) = match write {
                Write::Put(table, partition, row, value) => (table, partition, row, Some(value)),
                Write::Delete(table, partition, row) => (table, partition, row, None),
            };
            bytes.put_u8(table.name().len() as u8);
            bytes.put_slice(table.name().as_bytes());
            bytes.put_u8(u8::from(value.is_some()));
            for key in [partition, row] {
                bytes.put_u16(key.len() as u16);
                bytes.put_slice(key);
            }
            if let Some(value) = value {
                put_long(bytes, value);
            }
        }
    }

    fn decode(rest: &mut Rest) -> Result<Self, Damaged> {
        let (stamp_us, flags) = (rest.u64()?, rest.u8()?);
        let length = rest.u32()? as usize;
        let body = rest.take(length)?.to_vec();
        let record = Arc::new(Record::decode(&body)?);
        let dedupe = if flags & HAS_DEDUPE != 0 {
            let sender = rest.u32()?;
            let hash = rest.take(16)?.try_into().map_err(|_| short())?;
            Some(DedupeKey { sender, hash })
        } else {
            None
        };
        let members = if flags & HAS_MEMBERS != 0 {
            let count = rest.u16()?;
            Some((0..count).map(|_| rest.u32()).collect::<Result<RoaringBitmap, _>>()?)
        } else {
            None
        };
        let moved = if flags & HAS_MOVED != 0 {
            let length = rest.u32()? as usize;
            Some(RoaringBitmap::deserialize_from(rest.take(length)?).map_err(|error| Damaged::Unreadable(error.to_string()))?)
        } else {
            None
        };
        let count = rest.u16()?;
        let mut writes = Vec::with_capacity(count.into());
        for _ in 0..count {
            let length = rest.u8()? as usize;
            let name = rest.take(length)?;
            let table = Table::ALL.iter().find(|table| table.name().as_bytes() == name).copied().ok_or_else(|| {
                Damaged::Unreadable(format!("a table `{}` that this version does not have", String::from_utf8_lossy(name)))
            })?;
            let put = rest.u8()? != 0;
            let partition = rest.key()?;
            let row = rest.key()?;
            writes.push(if put {
                let length = rest.u32()? as usize;
                Write::Put(table, partition, row, rest.take(length)?.to_vec())
            } else {
                Write::Delete(table, partition, row)
            });
        }
        Ok(Self { stamp_us, record, body, dedupe, members, moved, writes })
    }
}

fn put_long(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.put_u32(part.len() as u32);
    bytes.put_slice(part);
}

fn short() -> Damaged {
    Damaged::Unreadable("it is too short".into())
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (part, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(part)
    }

    fn u8(&mut self) -> Result<u8, Damaged> {
        self.0.try_get_u8().map_err(|_| short())
    }

    fn u16(&mut self) -> Result<u16, Damaged> {
        self.0.try_get_u16().map_err(|_| short())
    }

    fn u32(&mut self) -> Result<u32, Damaged> {
        self.0.try_get_u32().map_err(|_| short())
    }

    fn u64(&mut self) -> Result<u64, Damaged> {
        self.0.try_get_u64().map_err(|_| short())
    }

    fn key(&mut self) -> Result<Key, Damaged> {
        let length = self.u16()?.into();
        Ok(Key::from_slice(self.take(length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::Change;
    use crate::store::tables;

    fn envelope() -> Envelope {
        let record =
            |seq| Arc::new(Record { chat: 7, seq, position: 1, at_ms: 5, by: 3, change: Change::Recalled { target: 1, position: 1 } });
        let plain = Logged {
            stamp_us: 9,
            record: record(1),
            body: record(1).encode(),
            dedupe: None,
            members: None,
            moved: None,
            writes: Vec::new(),
        };
        let full = Logged {
            stamp_us: 10,
            record: record(2),
            body: record(2).encode(),
            dedupe: Some(DedupeKey::new(3, "m")),
            members: Some([1, 2, 70_000].into_iter().collect()),
            moved: Some((0..371_000).collect()),
            writes: vec![
                Write::Put(Table::Chats, tables::u64_key(7), tables::none(), vec![0; 70_000]),
                Write::Delete(Table::Memberships, tables::u32_key(1), tables::u64_key(7)),
            ],
        };
        Envelope { writer: 1, number: u64::MAX, entries: vec![plain, full] }
    }

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        assert_eq!(Envelope::decode(&envelope().encode()), Ok(envelope()));
    }

    #[test]
    fn what_is_damaged_is_told_and_nothing_panics() {
        let bytes = envelope().encode();
        assert_eq!(Envelope::decode(&[]), Err(Damaged::Version));
        let mut other = bytes.clone();
        other[40] ^= 1;
        assert_eq!(Envelope::decode(&other), Err(Damaged::Checksum));
        // With a good checksum: cut anywhere.
        for length in (5..400).chain([bytes.len() - 1]) {
            let mut cut = bytes[..length].to_vec();
            let checksum = crc32fast::hash(&cut[5..]);
            cut[1..5].copy_from_slice(&checksum.to_be_bytes());
            assert!(Envelope::decode(&cut).is_err(), "{length}");
        }
    }
}
