//! How much may be on the way to a reader who does not keep up, so that an urgent frame arrives soon.
//!
//! What an urgent frame waits behind is not only here: the kernel holds what it has not sent, the network what is in flight, and the
//! other side's kernel what its program has not read. Only the reader knows how far it has got. So, between the frames, it is sent
//! marks: pings of WebSocket, which every client answers by itself, in order. What stands between the last mark that was
//! answered and the last byte that was written is on the way, and it is kept to what the reader takes in [`WAIT`].
//!
//! This begins when something had to be dropped, and ends when nothing has had to wait for a while. Whoever keeps up is
//! sent no mark at all.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long an urgent frame may wait behind what is on the way, about.
const WAIT: Duration = Duration::from_millis(25);
/// Bytes on the way before anything is known of the reader.
const WINDOW_FIRST: u64 = 32 << 10;
/// The same at least: a reader who needs [`WAIT`] for less is slower than chat can be made for.
const WINDOW_MIN: u64 = 8 << 10;
/// The same at most: a network of 10 MB/s and 100 ms.
const WINDOW_MAX: u64 = 1 << 20;
/// Bytes of a mark.
pub(super) const MARK_BYTES: usize = 6;
/// Marks in a window: what is on the way is known to a quarter of it.
const MARKS: u64 = 4;
/// A reader who keeps up for so long is left alone again.
const ENDS_AFTER: Duration = Duration::from_secs(10);
/// A mark that takes longer is not waited for: the reader has stopped, which others look after, or answers no pings.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// A ping that is on its way.
struct Mark {
    number: u32,
    /// Bytes that were written with it.
    position: u64,
    written: Instant,
    /// Bytes before it that were still on the way.
    behind: u64,
}

/// What a slow reader may have on the way.
pub(super) struct Credit {
    /// Bytes that were written since it was found to be slow.
    written: u64,
    /// Bytes of these that it has read for certain.
    taken: u64,
    marks: VecDeque<Mark>,
    numbers: u32,
    /// Bytes that may be on the way.
    window: u64,
    /// How long a mark takes behind nothing.
    path: Option<Duration>,
    /// What was written before anybody counted is still on the way.
    draining: bool,
    /// When something had to wait for it last.
    waited: Instant,
}

impl Credit {
    /// Of a reader for whom something has just been dropped.
    pub fn new(now: Instant) -> Self {
        Self { written: 0, taken: 0, marks: VecDeque::new(), numbers: 0, window: WINDOW_FIRST, path: None, draining: true, waited: now }
    }

    /// Bytes that may be written now. 0: the answer to a mark is waited for.
    pub fn allowance(&mut self, now: Instant) -> u64 {
        if self.marks.front().is_some_and(|mark| now.duration_since(mark.written) > ANSWERED_WITHIN) {
            return u64::MAX;
        }
        let allowance = if self.draining { 0 } else { self.window.saturating_sub(self.written.saturating_sub(self.taken)) };
        if allowance == 0 {
            self.waited = now;
        }
        allowance
    }

    /// So many bytes were written.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    /// The number of a mark, if one is to be written behind what was written and `ahead` bytes that are begun.
    pub fn mark(&mut self, ahead: usize, now: Instant) -> Option<u32> {
        let begins = self.written + ahead as u64;
        let first = self.marks.is_empty() && self.path.is_none();
        let last = self.marks.back().map_or(self.taken, |mark| mark.position);
        if !first && begins.saturating_sub(last) < self.window / MARKS {
            return None;
        }
        // Who answers none is not sent more and more of them.
        if self.marks.len() as u64 >= 2 * MARKS {
            return None;
        }
        let number = self.numbers;
        self.numbers = self.numbers.wrapping_add(1);
        self.marks.push_back(Mark {
            number,
            position: begins + MARK_BYTES as u64,
            written: now,
            behind: begins.saturating_sub(self.taken),
        });
        Some(number)
    }

    /// The reader has answered a mark; `waits`: something waits for it. Answers to marks before it may be left out.
    pub fn answered(&mut self, number: u32, waits: bool, now: Instant) {
        let Some(place) = self.marks.iter().position(|mark| mark.number == number) else { return };
        let Some(mark) = self.marks.drain(..=place).next_back() else { return };
        self.taken = mark.position;
        if std::mem::take(&mut self.draining) {
            return;
        }
        let took = now.duration_since(mark.written);
        if mark.behind == 0 {
            self.path = Some(took);
            return;
        }
        if waits {
            self.waited = now;
        }
        // One behind a window that is full, but for what is written after it, tells how long that takes. It is to take the network's time
        // and `WAIT`.
        if waits && mark.behind >= self.window / MARKS * (MARKS - 1) {
            let wanted = self.window as f64 * (WAIT + self.path.unwrap_or_default()).as_secs_f64() / took.as_secs_f64().max(1e-6);
            self.window = ((3 * self.window + wanted.min(WINDOW_MAX as f64) as u64) / 4).clamp(WINDOW_MIN, WINDOW_MAX);
        }
    }

    /// The reader has kept up for a while.
    pub fn over(&self, now: Instant) -> bool {
        self.marks.is_empty() && now.duration_since(self.waited) > ENDS_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is on the way to a reader who takes so many bytes a second, over a network that takes `path` each way.
    struct Reader {
        rate: u64,
        path: Duration,
        now: Instant,
        /// Bytes and marks in the order in which they were written, and when they come to the reader.
        on_the_way: VecDeque<(Instant, std::result::Result<u64, u32>)>,
        /// Answers, and when they come back.
        answers: VecDeque<(Instant, u32)>,
        /// When the reader is done with what it has.
        busy: Instant,
        /// Bytes that it has read.
        read: u64,
    }

    impl Reader {
        fn new(rate: u64, path_ms: u64) -> Self {
            let now = Instant::now();
            let path = Duration::from_millis(path_ms);
            Self { rate, path, now, on_the_way: VecDeque::new(), answers: VecDeque::new(), busy: now, read: 0 }
        }

        fn write(&mut self, what: std::result::Result<u64, u32>) {
            self.on_the_way.push_back((self.now + self.path, what));
        }

        fn waits_for(&self) -> u64 {
            self.on_the_way.iter().filter_map(|(_, what)| what.ok()).sum()
        }

        /// A millisecond goes by.
        fn go_on(&mut self, credit: &mut Credit, waits: bool) {
            self.now += Duration::from_millis(1);
            while let Some((comes, what)) = self.on_the_way.front().copied()
                && comes.max(self.busy) <= self.now
            {
                self.on_the_way.pop_front();
                match what {
                    Ok(bytes) => {
                        self.busy = comes.max(self.busy) + Duration::from_micros(bytes * 1_000_000 / self.rate);
                        self.read += bytes;
                    }
                    Err(mark) => self.answers.push_back((self.busy.max(comes) + self.path, mark)),
                }
            }
            while let Some((comes, mark)) = self.answers.front().copied()
                && comes <= self.now
            {
                self.answers.pop_front();
                credit.answered(mark, waits, self.now);
            }
        }

        /// Writes frames for so many ms, as many as may be; gives the most that was on the way in the second half, by the reader's rate
        /// in ms, and the share of what it could have read.
        fn fill(&mut self, credit: &mut Credit, frame: u64, ms: u64) -> (u64, f64) {
            let (mut most, mut read) = (0, 0);
            for at in 0..ms {
                loop {
                    if let Some(mark) = credit.mark(0, self.now) {
                        self.write(Err(mark));
                        credit.wrote(MARK_BYTES);
                    }
                    if credit.allowance(self.now) == 0 {
                        break;
                    }
                    self.write(Ok(frame));
                    credit.wrote(frame as usize);
                }
                if at == ms / 2 {
                    read = self.read;
                }
                if at >= ms / 2 {
                    most = most.max(self.waits_for() * 1_000 / self.rate);
                }
                self.go_on(credit, true);
            }
            (most, (self.read - read) as f64 / (self.rate * (ms - ms / 2) / 1_000) as f64)
        }
    }

    proptest! {
        #[test]
        fn what_is_on_the_way_is_soon_read_and_the_reader_is_kept_busy(rate in 400_000u64..20_000_000, path_ms in 0u64..60, frame in 100u64..4_000) {
            let mut reader = Reader::new(rate, path_ms);
            let mut credit = Credit::new(reader.now);
            // What was on the way before anybody counted.
            reader.write(Ok(200_000));
            let (most_ms, used) = reader.fill(&mut credit, frame, 6_000);
            prop_assert!(most_ms <= 2 * path_ms + 60, "{most_ms} ms are on the way");
            let largest = WINDOW_MAX as f64 / (2 * path_ms).max(1) as f64 * 1_000.0 / rate as f64;
            let least = if path_ms < 10 { 0.85 } else { 0.5 };
            prop_assert!(used > least * largest.min(1.0), "the reader was given {used:.2} of what it can read");
        }
    }

    #[test]
    fn a_reader_who_answers_nothing_gets_its_frames_all_the_same() {
        let now = Instant::now();
        let mut credit = Credit::new(now);
        assert!(credit.mark(100, now).is_some());
        assert_eq!((credit.allowance(now), credit.mark(100, now)), (0, None));
        assert_eq!(credit.allowance(now + ANSWERED_WITHIN + Duration::from_millis(1)), u64::MAX);
        for _ in 0..100 {
            credit.wrote(100_000);
            credit.mark(0, now);
        }
        assert!(credit.marks.len() as u64 <= 2 * MARKS, "marks do not pile up");
    }

    #[test]
    fn answers_that_nobody_waits_for_do_nothing_and_later_ones_count_for_earlier() {
        let mut now = Instant::now();
        let mut credit = Credit::new(now);
        credit.answered(7, true, now);
        assert_eq!(credit.allowance(now), 0);
        let mark = credit.mark(0, now).unwrap();
        credit.wrote(MARK_BYTES);
        credit.answered(mark, true, now);
        assert_eq!(credit.allowance(now), WINDOW_FIRST);
        let alone = credit.mark(0, now).unwrap();
        credit.wrote(MARK_BYTES + WINDOW_FIRST as usize / 2);
        let first = credit.mark(0, now).unwrap();
        credit.wrote(MARK_BYTES + WINDOW_FIRST as usize / 2);
        let second = credit.mark(0, now).unwrap();
        credit.wrote(MARK_BYTES);
        assert_eq!(credit.allowance(now), 0);
        now += Duration::from_millis(1);
        credit.answered(second, false, now);
        assert_eq!(credit.allowance(now), WINDOW_FIRST);
        for late in [alone, first, second] {
            credit.answered(late, false, now);
        }
        assert_eq!(credit.allowance(now), WINDOW_FIRST);
        assert!(!credit.over(now) && credit.over(now + ENDS_AFTER + Duration::from_secs(1)));
    }
}
