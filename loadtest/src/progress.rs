//! One line in the terminal that says what is going on.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// The line; silent where there is no terminal.
#[derive(Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A line that is shown on stderr.
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {prefix}: {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// Names the step.
    pub fn step(&self, step: &str) {
        self.0.set_prefix(step.to_owned());
    }

    /// Says how far it is.
    pub fn show(&self, state: &str) {
        self.0.set_message(state.to_owned());
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
