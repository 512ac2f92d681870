//! What changes of people, told to those who have them on their screen.

use super::Gateway;
use crate::directory::Changed;
use crate::session::{EventFrame, LatestKey};
use protocol::event::{Event, PersonChanged};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

impl Gateway {
    /// Tells each change of a person to the sessions that watch this one, and to the person's own, until told to stop.
    pub async fn tell_people(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        let mut changes = self.directory.changes();
        loop {
            let changed = tokio::select! {
                changed = changes.recv() => changed,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match changed {
                Ok(Changed::People(people)) => people.iter().for_each(|user| self.tell_person(*user)),
                // The names of departments stand in what is read next.
                Ok(Changed::Departments) => {}
                // Who is on a screen is few, so that all of them are told.
                Err(RecvError::Lagged(_)) => self.presence.watched_people().into_iter().for_each(|user| self.tell_person(user)),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn tell_person(&self, user: u32) {
        let watchers = self.presence.watchers_of(user);
        if watchers.is_empty() && !self.registry.online(user) {
            return;
        }
        let event = EventFrame::new(Event::PersonChanged(PersonChanged { person: self.directory.card(user) }));
        for session in watchers.iter().filter(|session| session.user != user) {
            session.write_latest(LatestKey::Person(user), &event);
        }
        self.registry.each_of(user, |session| session.write_latest(LatestKey::Person(user), &event));
    }
}
