//! How many transfers may run at once: in all, and of one person.

use crate::error::{Error, Result};
use dashmap::DashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Free places for transfers of one kind.
pub struct Slots {
    all: Arc<Semaphore>,
    of_person: Arc<DashMap<u32, usize>>,
    of_person_max: usize,
}

/// A place that is given back when it is dropped.
pub struct Slot {
    of_person: Arc<DashMap<u32, usize>>,
    person: u32,
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    /// So many in all, and of one person.
    pub fn new(all_max: usize, of_person_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all_max)), of_person: Arc::default(), of_person_max }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `Busy` when none is free.
    pub fn take(&self, person: u32) -> Result<Slot> {
        let permit =
            self.all.clone().try_acquire_owned().map_err(|_| Error::busy("as many files as the server takes at once are on their way"))?;
        let mut held = self.of_person.entry(person).or_default();
        if *held >= self.of_person_max {
            return Err(Error::busy(format!("{held} files of yours are on their way, which is as many as may be", held = *held)));
        }
        *held += 1;
        drop(held);
        Ok(Slot { of_person: self.of_person.clone(), person, _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.of_person.remove_if_mut(&self.person, |_, held| {
            *held -= 1;
            *held == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_cannot_take_every_place() {
        let slots = Slots::new(3, 2);
        let first = slots.take(1).unwrap();
        let _second = slots.take(1).unwrap();
        assert!(slots.take(1).is_err());
        let _other = slots.take(2).unwrap();
        assert!(slots.take(3).is_err());
        drop(first);
        assert!(slots.take(1).is_ok());
        assert_eq!(slots.of_person.len(), 2);
    }
}
