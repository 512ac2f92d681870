//! Reads: one row, rows of a partition page by page, whole tables by intervals of tokens.

use super::Inner;
use super::link::{Lane, rows};
use super::period::Family;
use super::shared_read::{Question, joined};
use super::statements::{Found, Shape, Statements, end, found, least, stored_partition};
use crate::error::Result;
use crate::metrics;
use crate::store::{Key, Range, Row, Table};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use scylla::response::PagingState;
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Rows of the first page of a request. They may be large, so more are asked for only when they turn out not to be.
const FIRST_PAGE: i32 = 100;
/// Rows of a page at most.
const PAGE_MAX: i32 = 5_000;
/// Bytes that a page may have for the next one to be larger.
const PAGE_BYTES: usize = 256 << 10;
/// A scan of more rows than this is not a page that somebody waits for.
const LONG_SCAN: usize = 1_000;
/// Parts of the ring into which a read of a whole table is cut, and how many are read at the same time: the whole table
/// asks no node for more than a few pages at once.
const RING_PARTS: i64 = 32;
const RING_PARTS_AT_ONCE: usize = 4;

impl Inner {
    /// Reads, together with whoever asks for the same now.
    pub(super) async fn read(self: &Arc<Self>, table: Table, partition: Key, question: Question) -> Result<Arc<Vec<Row>>> {
        let begin = {
            let (inner, partition, question) = (self.clone(), partition.clone(), question.clone());
            move || async move { inner.read_alone(table, &partition, question).await.map(Arc::new) }.boxed()
        };
        if joined(table) { self.shared.read(table, partition, question, begin).await } else { begin().await }
    }

    async fn read_alone(&self, table: Table, partition: &Key, question: Question) -> Result<Vec<Row>> {
        let counter = metrics::STORE_READS.with_label_values(&[table.name()]);
        let found = match Family::of(table) {
            None => {
                counter.inc();
                self.read_table(self.table(table)?, partition, &question).await?
            }
            Some(family) => {
                let tables = self.periods.of(&self.link, &self.clock, family, partition).await?;
                counter.inc_by(tables.len() as u64);
                let reads = tables.iter().map(|statements| self.read_table(statements, partition, &question));
                let mut found: Vec<Found> = futures_util::future::try_join_all(reads).await?.into_iter().flatten().collect();
                if tables.len() > 1 {
                    found.sort_by(|one, other| one.row.cmp(&other.row));
                    found.dedup_by(|one, other| one.row == other.row);
                    if let Question::Scan(range) = &question {
                        if range.backward {
                            found.reverse();
                        }
                        found.truncate(range.limit);
                    }
                }
                found
            }
        };
        for row in &found {
            self.stamps.read(row.written);
        }
        Ok(found.into_iter().map(|row| (row.row, row.value)).collect())
    }

    async fn read_table(&self, statements: &Statements, partition: &Key, question: &Question) -> Result<Vec<Found>> {
        let stored = stored_partition(partition);
        match question {
            Question::Get(row) => {
                self.reads.fetch_add(1, Ordering::Relaxed);
                let answer = self.link.execute("get", &statements.get, (stored.as_slice(), row.as_slice())).await?;
                found(&rows(answer)?, statements.shape, false)
            }
            Question::Scan(range) => self.scan(statements, &stored, range).await,
        }
    }

    pub(super) async fn scan(&self, statements: &Statements, stored: &Key, range: &Range) -> Result<Vec<Found>> {
        if range.limit == 0 {
            return Ok(Vec::new());
        }
        let (from, to) = (least(&range.from), end(&range.to));
        if to.as_ref().is_some_and(|to| *to <= from) {
            return Ok(Vec::new());
        }
        let mut statement = statements.scan(range.backward, to.is_some()).clone();
        if range.limit > LONG_SCAN {
            statement.set_execution_profile_handle(Some(self.link.profile(Lane::Bulk)));
        }
        let (limit, shape) = (range.limit, statements.shape);
        match to {
            None => self.paged("scan", statement, (stored.as_slice(), from.as_slice()), limit, shape, false).await,
            Some(to) => self.paged("scan", statement, (stored.as_slice(), from.as_slice(), to.as_slice()), limit, shape, false).await,
        }
    }

    /// Every row of a table, sorted.
    pub(super) async fn read_all(&self, table: Table) -> Result<Vec<(Key, Key, Vec<u8>)>> {
        let tables = match Family::of(table) {
            None => vec![self.table(table)?.clone()],
            Some(family) => self.periods.all(&self.link, family).await?,
        };
        let mut all = Vec::new();
        for statements in tables {
            let statements = &*statements;
            let mut parts = futures_util::stream::iter(0..RING_PARTS)
                .map(|part| {
                    let (first, last) = tokens(part);
                    self.paged("all", statements.all.clone(), (first, last), usize::MAX, statements.shape, true)
                })
                .buffer_unordered(RING_PARTS_AT_ONCE);
            while let Some(found) = parts.try_next().await? {
                all.extend(found.into_iter().map(|row| (row.partition, row.row, row.value)));
            }
        }
        all.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        Ok(all)
    }

    /// The rows that a statement gives, page by page, until there are as many as wanted. The statements have no `LIMIT`:
    /// Cassandra counts it wrongly when pages of one answer have different sizes.
    async fn paged(
        &self,
        what: &'static str,
        mut statement: PreparedStatement,
        values: impl SerializeRow,
        limit: usize,
        shape: Shape,
        with_partition: bool,
    ) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        let mut state = PagingState::start();
        let mut page_rows = FIRST_PAGE;
        loop {
            statement.set_page_size(page_rows.min(i32::try_from(limit - all.len()).unwrap_or(PAGE_MAX)));
            self.reads.fetch_add(1, Ordering::Relaxed);
            let (page, next) = self.link.page(what, &statement, &values, state).await?;
            let read = found(&page, shape, with_partition)?;
            if read.iter().map(|row| row.value.len() + 64).sum::<usize>() < PAGE_BYTES {
                page_rows = (page_rows * 2).min(PAGE_MAX);
            }
            all.extend(read);
            all.truncate(limit);
            match next.into_paging_control_flow() {
                ControlFlow::Continue(more) if all.len() < limit => state = more,
                _ => return Ok(all),
            }
        }
    }
}

/// The first and the last token of a part of the ring.
fn tokens(part: i64) -> (i64, i64) {
    let width = u64::MAX / RING_PARTS as u64 + 1;
    let first = i64::MIN.wrapping_add_unsigned(width * part as u64);
    (first, first.wrapping_add_unsigned(width - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_ring_leave_no_token_out() {
        assert_eq!(tokens(0).0, i64::MIN);
        assert_eq!(tokens(RING_PARTS - 1).1, i64::MAX);
        for part in 1..RING_PARTS {
            assert_eq!(tokens(part - 1).1 + 1, tokens(part).0);
        }
    }
}
