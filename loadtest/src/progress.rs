//! What is going on, while it does: a line in the terminal, or what an agent tells its coordinator.

use crate::order::{State, Told, say};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Who is told.
#[derive(Clone)]
pub enum Progress {
    /// A line on stderr; silent where there is no terminal.
    Line(ProgressBar),
    /// A coordinator.
    Coordinator(Arc<Mutex<dyn Write + Send>>),
}

impl Progress {
    /// A line that is shown on stderr.
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {prefix}: {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::Line(bar)
    }

    /// Names the step. A coordinator has asked for it, and knows.
    pub fn step(&self, step: &str) {
        if let Self::Line(bar) = self {
            bar.set_prefix(step.to_owned());
        }
    }

    /// Says how things stand.
    pub fn show(&self, state: &State) {
        match self {
            Self::Line(bar) => bar.set_message(format!(
                "{} sessions, {} sent, {} acked, {} delivered, p99 {:.1} ms, {} faults",
                state.sessions,
                state.sent,
                state.acked,
                state.delivered,
                state.p99_us as f64 / 1e3,
                state.faults
            )),
            Self::Coordinator(writer) => {
                // A coordinator that is gone is noticed when the order is done.
                let _ = say(&mut *writer.lock().unwrap_or_else(PoisonError::into_inner), &Told::State(*state));
            }
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if let Self::Line(bar) = self {
            bar.finish_and_clear();
        }
    }
}
