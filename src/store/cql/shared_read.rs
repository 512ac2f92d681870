//! One read for all who ask for the same at once: after a message to everybody, thousands open the same page.
//!
//! Who asks joins a read that began less than [`JOIN_WITHIN`] ago, also one that has just ended when many have asked for
//! it. So what is read may be that much older than the question, and never older than what this node has written: a write
//! takes the reads of its partition out of the list.

use crate::error::Result;
use crate::metrics;
use crate::store::{Key, Range, Row, Table};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A read is joined only so long after it began.
pub const JOIN_WITHIN: Duration = Duration::from_millis(200);
/// When as many have asked for a read, its answer is kept for the rest of that time.
const MANY: u32 = 16;
/// Reads in the list before those that nobody joins any more are looked for.
const LISTED: usize = 1_024;

/// What is read of a partition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Question {
    Get(Key),
    Scan(Range),
}

type Answer = Result<Arc<Vec<Row>>>;

struct Flight {
    number: u64,
    question: Question,
    began: Instant,
    asked: u32,
    answer: Shared<BoxFuture<'static, Answer>>,
}

/// The reads that can be joined.
#[derive(Default)]
pub(super) struct SharedReads {
    flights: Mutex<HashMap<(Table, Key), Vec<Flight>>>,
    next: AtomicU64,
}

/// Whether reads of a table are joined. Those that decide who somebody is, or whether something was done already, are not:
/// there, what another node wrote a moment ago counts.
pub(super) fn joined(table: Table) -> bool {
    !matches!(
        table,
        Table::Devices
            | Table::Passwords
            | Table::CardTokens
            | Table::EditTokens
            | Table::Personal
            | Table::Dedupe
            | Table::Apps
            | Table::People
            | Table::Departments
            | Table::UploadsInParts
            | Table::Blobs
            | Table::Facts
    )
}

impl SharedReads {
    /// Joins a read, or begins it.
    pub(super) async fn read(
        &self,
        table: Table,
        partition: Key,
        question: Question,
        begin: impl FnOnce() -> BoxFuture<'static, Answer>,
    ) -> Answer {
        let place = (table, partition);
        let (number, answer) = {
            let mut flights = self.flights.lock();
            if flights.len() >= LISTED {
                sweep(&mut flights);
            }
            let here = flights.entry(place.clone()).or_default();
            here.retain(|flight| flight.began.elapsed() < JOIN_WITHIN);
            match here.iter_mut().find(|flight| flight.question == question) {
                Some(flight) => {
                    flight.asked += 1;
                    metrics::CQL_JOINED.inc();
                    (flight.number, flight.answer.clone())
                }
                None => {
                    let number = self.next.fetch_add(1, Ordering::Relaxed);
                    let answer = begin().shared();
                    here.push(Flight { number, question, began: Instant::now(), asked: 1, answer: answer.clone() });
                    (number, answer)
                }
            }
        };
        let outcome = answer.await;
        let mut flights = self.flights.lock();
        if let Some(here) = flights.get_mut(&place) {
            here.retain(|flight| flight.number != number || (flight.asked >= MANY && outcome.is_ok()));
            if here.is_empty() {
                flights.remove(&place);
            }
        }
        outcome
    }

    /// Something was written there: who asks from now on must see it.
    pub(super) fn written(&self, table: Table, partition: &[u8]) {
        let mut flights = self.flights.lock();
        if !flights.is_empty() {
            flights.remove(&(table, Key::from_slice(partition)));
        }
    }

    /// Lets go of answers that nobody may be given any more.
    pub(super) fn sweep(&self) {
        sweep(&mut self.flights.lock());
    }
}

fn sweep(flights: &mut HashMap<(Table, Key), Vec<Flight>>) {
    flights.retain(|_, here| {
        here.retain(|flight| flight.began.elapsed() < JOIN_WITHIN);
        !here.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// A read that counts itself, ends when it is allowed to, and gives how many there were.
    fn counted(reads: &Arc<AtomicUsize>, gate: &Arc<tokio::sync::Semaphore>) -> impl FnOnce() -> BoxFuture<'static, Answer> + use<> {
        let (reads, gate) = (reads.clone(), gate.clone());
        move || {
            let number = reads.fetch_add(1, Ordering::Relaxed) as u8;
            async move {
                let _ = gate.acquire().await;
                Ok(Arc::new(vec![(Key::new(), vec![number])]))
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn those_who_ask_together_are_answered_by_one_read_and_a_write_ends_that() {
        let (shared, reads, gate) = (SharedReads::default(), Arc::default(), Arc::new(tokio::sync::Semaphore::new(0)));
        let ask = || shared.read(Table::Messages, Key::new(), Question::Scan(Range::last(50)), counted(&reads, &gate));
        let mut early = Vec::new();
        for _ in 0..3 {
            let mut asked = Box::pin(ask());
            assert!(futures_util::poll!(asked.as_mut()).is_pending());
            early.push(asked);
        }
        shared.written(Table::Messages, &[]);
        let mut late = Box::pin(ask());
        assert!(futures_util::poll!(late.as_mut()).is_pending());
        // The one who began the read goes away; the others are answered all the same.
        drop(early.remove(0));
        gate.add_permits(10);
        for asked in early {
            assert_eq!(asked.await.unwrap()[0].1, [0], "they had asked before the write");
        }
        assert_eq!(late.await.unwrap()[0].1, [1], "this one had asked after it");
        assert_eq!(reads.load(Ordering::Relaxed), 2);
        assert!(shared.flights.lock().is_empty(), "nothing is kept when few have asked");
    }

    #[tokio::test]
    async fn an_answer_for_many_is_let_go() {
        let (shared, reads, gate) = (SharedReads::default(), Arc::default(), Arc::new(tokio::sync::Semaphore::new(99)));
        let all: Vec<_> =
            (0..MANY).map(|_| shared.read(Table::Messages, Key::new(), Question::Get(Key::new()), counted(&reads, &gate))).collect();
        futures_util::future::join_all(all).await;
        tokio::time::sleep(JOIN_WITHIN).await;
        shared.sweep();
        assert!(shared.flights.lock().is_empty());
    }
}
