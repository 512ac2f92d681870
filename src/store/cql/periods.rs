//! Which tables by period there are, and which of them a partition has rows in.
//!
//! `chat_periods` has a row for each period in which a partition was written. It is written before the first row of that
//! period, so a crash in between leaves a period with nothing in it, never rows that nobody finds.

use super::link::{Lane, Link, rows};
use super::period::{Class, Family, Period};
use super::schema::Schema;
use super::statements::{Shape, Statements, stored_partition};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::Key;
use parking_lot::{Mutex, RwLock};
use scylla::statement::prepared::PreparedStatement;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Partitions whose periods are remembered, in each of two generations: about 200 bytes each.
const REMEMBERED: usize = 100_000;
/// For how long what was read of a partition's periods is good. It only has to cover what is not foreseen: that somebody
/// writes records again that are older than `LATE_MS`.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// Records may be written so long after their time, ms: the store may have been away, and the log keeps them for about
/// eight days.
const LATE_MS: u64 = 16 * 86_400_000;
/// Clocks of nodes may differ by as much, ms.
const SKEW_MS: u64 = 600_000;
/// A period that has no table is looked for again after so long.
const ABSENT_FOR: Duration = Duration::from_secs(60);

/// A table by period.
pub(super) type Place = (Family, Class, Period);

/// What is known of a partition.
#[derive(Clone)]
struct Known {
    places: SmallVec<[Place; 2]>,
    read_at: Instant,
    read_at_ms: u64,
}

/// Remembers the newest entries, at most twice as many as one generation holds.
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.put(key, value);
        }
        self.young.get_mut(key)
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// The tables by period, and the periods of partitions.
pub(super) struct Periods {
    keyspace: String,
    tables: RwLock<HashMap<Place, Arc<Statements>>>,
    absent: Mutex<HashMap<Place, Instant>>,
    known: Mutex<Recent<Key, Known>>,
    /// Since when; it is noted anew now and then, should the store have lost it.
    noted: Mutex<Recent<(Key, Place), Instant>>,
    read: PreparedStatement,
    note: PreparedStatement,
    exists: PreparedStatement,
}

impl Periods {
    pub(super) async fn prepare(link: &Link, keyspace: &str) -> std::result::Result<Self, scylla::errors::PrepareError> {
        let table = format!("{keyspace}.chat_periods");
        Ok(Self {
            keyspace: keyspace.to_owned(),
            tables: RwLock::default(),
            absent: Mutex::default(),
            known: Mutex::new(Recent::new()),
            noted: Mutex::new(Recent::new()),
            read: link.prepare(format!("SELECT family, class, period FROM {table} WHERE partition = ?"), Lane::Urgent).await?,
            note: link.prepare(format!("INSERT INTO {table} (partition, family, class, period) VALUES (?, ?, ?, ?)"), Lane::Normal).await?,
            exists: link
                .prepare("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?", Lane::Urgent)
                .await?,
        })
    }

    /// Makes the tables that are due, and those of the periods of these times.
    pub(super) async fn make_due(&self, schema: &Schema<'_>, clock: &Clock) -> Result<()> {
        for class in Class::ALL {
            for period in class.due(clock.now_ms()) {
                self.ready(schema, *class, period).await?;
            }
        }
        Ok(())
    }

    /// Makes the tables of a period, when they are not there.
    pub(super) async fn ready(&self, schema: &Schema<'_>, class: Class, period: Period) -> Result<()> {
        for family in Family::ALL {
            let place = (*family, class, period);
            if self.table(schema.link, place).await?.is_some() {
                continue;
            }
            schema.make_period(class, period).await.map_err(|why| {
                tracing::error!(why, period = period.0, "the tables of a period cannot be made");
                Error::storage("the tables of this period cannot be made")
            })?;
            self.absent.lock().clear();
            if self.table(schema.link, place).await?.is_none() {
                return Err(Error::storage("the tables of this period are not there yet"));
            }
        }
        Ok(())
    }

    /// The table that was made ready.
    pub(super) fn made(&self, place: Place) -> Result<Arc<Statements>> {
        self.tables.read().get(&place).cloned().ok_or_else(|| Error::storage("the tables of this period are not there yet"))
    }

    /// A table by period; none when it was dropped, or never made.
    pub(super) async fn table(&self, link: &Link, place: Place) -> Result<Option<Arc<Statements>>> {
        if let Some(table) = self.tables.read().get(&place) {
            return Ok(Some(table.clone()));
        }
        if self.absent.lock().get(&place).is_some_and(|since| since.elapsed() < ABSENT_FOR) {
            return Ok(None);
        }
        let (family, class, period) = place;
        let name = period.table(family, class);
        let found = rows(link.execute("get", &self.exists, (self.keyspace.as_str(), name.as_str())).await?)?;
        if found.rows_num() == 0 {
            let mut absent = self.absent.lock();
            absent.retain(|_, since| since.elapsed() < ABSENT_FOR);
            absent.insert(place, Instant::now());
            return Ok(None);
        }
        let statements = Statements::prepare(link, &self.keyspace, &name, Shape::Value, Lane::Normal).await;
        let statements =
            Arc::new(statements.map_err(|error| link.failed("prepare", &scylla::errors::ExecutionError::PrepareError(error)))?);
        self.tables.write().insert(place, statements.clone());
        Ok(Some(statements))
    }

    /// Every table of a family that is known, for reads of everything.
    pub(super) async fn all(&self, link: &Link, family: Family) -> Result<Vec<Arc<Statements>>> {
        let names = link
            .session()
            .query_unpaged("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", (self.keyspace.as_str(),))
            .await
            .map_err(|error| link.failed("all", &error))?;
        let mut tables = Vec::new();
        for row in rows(names)?.rows::<(&str,)>().map_err(|error| super::link::unreadable(&error))? {
            let (name,) = row.map_err(|error| super::link::unreadable(&error))?;
            let Some((class, period)) = name.strip_prefix(family.name()).and_then(|rest| rest.strip_prefix('_')?.rsplit_once('_')) else {
                continue;
            };
            let (Some(class), Ok(period)) = (Class::named(class), period.parse()) else { continue };
            tables.extend(self.table(link, (family, class, Period(period))).await?);
        }
        Ok(tables)
    }

    /// The tables that may have rows of a partition.
    pub(super) async fn of(&self, link: &Link, clock: &Clock, family: Family, partition: &Key) -> Result<SmallVec<[Arc<Statements>; 2]>> {
        let now_ms = clock.now_ms();
        let remembered = { self.known.lock().get(partition).filter(|known| known.read_at.elapsed() < GOOD_FOR).cloned() };
        let known = match remembered {
            Some(known) => known,
            None => {
                let places = self.read(link, partition).await?;
                let known = Known { places, read_at: Instant::now(), read_at_ms: now_ms };
                self.known.lock().put(partition.clone(), known.clone());
                known
            }
        };
        let mut places: SmallVec<[Place; 4]> = known.places.iter().copied().filter(|(of, ..)| *of == family).collect();
        // What was written since the periods were read, by this node or another, is in one of these.
        for class in Class::ALL {
            let first = class.period(known.read_at_ms.min(now_ms).saturating_sub(LATE_MS));
            let last = class.period(now_ms + SKEW_MS);
            for period in first.0..=last.0 {
                let place = (family, *class, Period(period));
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        let mut tables = SmallVec::new();
        for place in places {
            tables.extend(self.table(link, place).await?);
        }
        Ok(tables)
    }

    /// The periods that are noted for a partition.
    pub(super) async fn read(&self, link: &Link, partition: &Key) -> Result<SmallVec<[Place; 2]>> {
        metrics::STORE_READS.with_label_values(&["periods"]).inc();
        let answer = rows(link.execute("get", &self.read, (stored_partition(partition).as_slice(),)).await?)?;
        let mut places = SmallVec::new();
        for row in answer.rows::<(&str, &str, i32)>().map_err(|error| super::link::unreadable(&error))? {
            let (family, class, period) = row.map_err(|error| super::link::unreadable(&error))?;
            // A class of a newer program has tables that this one does not read: it would show less than there is.
            let (Some(family), Some(class)) = (Family::named(family), Class::named(class)) else {
                tracing::warn!(family, class, "a partition has rows of a class that this version does not know");
                continue;
            };
            places.push((family, class, Period(period)));
        }
        Ok(places)
    }

    /// Notes that a partition has rows in a period, unless it was noted before.
    pub(super) async fn note(&self, link: &Link, partition: &Key, place: Place) -> Result<()> {
        if self.noted.lock().get(&(partition.clone(), place)).is_some_and(|since| since.elapsed() < GOOD_FOR) {
            return Ok(());
        }
        self.note_anew(link, partition, place).await
    }

    /// The same, although it may have been noted before: the store may have lost it.
    pub(super) async fn note_anew(&self, link: &Link, partition: &Key, place: Place) -> Result<()> {
        let (family, class, period) = place;
        link.execute("write_period", &self.note, (stored_partition(partition).as_slice(), family.name(), class.name(), period.0)).await?;
        {
            let mut known = self.known.lock();
            if let Some(known) = known.get(partition)
                && !known.places.contains(&place)
            {
                known.places.push(place);
            }
        }
        self.noted.lock().put((partition.clone(), place), Instant::now());
        Ok(())
    }

    /// Forgets what is remembered. A store that was away may have lost what it had acknowledged last; what is written to
    /// it again must be noted again.
    pub(super) fn forget(&self) {
        *self.known.lock() = Recent::new();
        *self.noted.lock() = Recent::new();
    }
}
