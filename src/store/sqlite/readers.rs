//! Threads that read from the database of one machine, each with a connection of its own; they end with the store.
//!
//! A connection is slow to open, most of it to read the schema, and keeps its statements ready once it is. So there are few, and
//! who asks waits for one: when thousands of devices come back at the same moment, that is far less work than one for each.

use crate::error::{Error, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Questions that may wait. More than that are told to come back.
const WAITING_MAX: usize = 65_536;

type Query = Box<dyn FnOnce(&Connection) + Send>;

struct Waiting {
    queries: VecDeque<Query>,
    closed: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    something: Condvar,
}

/// The threads. They end with [`Readers::close`].
pub struct Readers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// One thread for each connection.
    pub fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let waiting = Mutex::new(Waiting { queries: VecDeque::new(), closed: false });
        let readers = Self { shared: Arc::new(Shared { waiting, something: Condvar::new() }), threads: Mutex::default() };
        for connection in connections {
            let shared = readers.shared.clone();
            let thread = std::thread::Builder::new().name("reader".into()).spawn(move || read_until_closed(&shared, &connection))?;
            readers.threads.lock().push(thread);
        }
        Ok(readers)
    }

    /// Asks one of the connections. A question whose asker has gone is not answered.
    pub async fn ask<T: Send + 'static>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static) -> Result<T> {
        let (done, answer) = tokio::sync::oneshot::channel();
        {
            let mut waiting = self.shared.waiting.lock();
            if waiting.closed {
                return Err(Error::storage("the database is closed"));
            }
            if waiting.queries.len() >= WAITING_MAX {
                return Err(Error::busy("more is to be read than the disk can"));
            }
            waiting.queries.push_back(Box::new(move |connection| {
                if !done.is_closed() {
                    let _ = done.send(query(connection));
                }
            }));
        }
        self.shared.something.notify_one();
        let answer = answer.await.map_err(|_| Error::storage("the reading thread ended"))?;
        answer.map_err(|error| {
            tracing::error!(%error, "a read failed");
            Error::storage("the database could not be read")
        })
    }

    /// Answers what waits, and closes the connections.
    pub fn close(&self) {
        self.shared.waiting.lock().closed = true;
        self.shared.something.notify_all();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reading thread of the database had panicked");
            }
        }
    }
}

fn read_until_closed(shared: &Shared, connection: &Connection) {
    loop {
        let query = {
            let mut waiting = shared.waiting.lock();
            loop {
                match waiting.queries.pop_front() {
                    Some(query) => break query,
                    None if waiting.closed => return,
                    None => shared.something.wait(&mut waiting),
                }
            }
        };
        // The asker of this one is told that there is no answer; the others go on.
        if catch_unwind(AssertUnwindSafe(|| query(connection))).is_err() {
            tracing::error!("a question to the database panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(count: usize) -> Readers {
        Readers::start((0..count).map(|_| Connection::open_in_memory().unwrap()).collect()).unwrap()
    }

    #[tokio::test]
    async fn many_questions_at_once_are_answered_by_few_connections() {
        let readers = Arc::new(readers(2));
        let asked: Vec<_> = (0..500)
            .map(|number| {
                let readers = readers.clone();
                tokio::spawn(async move {
                    readers.ask(move |connection| connection.query_row("SELECT ?", [number], |row| row.get::<_, i64>(0))).await
                })
            })
            .collect();
        for (number, answer) in asked.into_iter().enumerate() {
            assert_eq!(answer.await.unwrap().unwrap(), number as i64);
        }
    }

    #[tokio::test]
    async fn a_question_that_panics_takes_no_other_along() {
        let readers = readers(1);
        assert!(readers.ask(|_| -> rusqlite::Result<()> { panic!("on purpose") }).await.is_err());
        assert!(readers.ask(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await.is_ok());
    }

    #[tokio::test]
    async fn what_waits_is_answered_before_the_end_and_nothing_after_it() {
        let readers = readers(1);
        let asked = readers.ask(|connection| connection.query_row("SELECT 1", [], |_| Ok(())));
        let (answer, ()) = tokio::join!(asked, async { readers.close() });
        assert!(answer.is_ok());
        assert!(readers.ask(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await.is_err());
    }
}
