//! Floor 4: the one place that reads a clock. Shells own a [`Clock`] and tell engines what it says; it never sleeps.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::{Time, Wall};

/// A monotonic clock that starts at zero, and the wall clock beside it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that reads [`Time::ZERO`] now.
    #[allow(clippy::disallowed_methods)] // This is the one place.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// How long this clock has run. Never goes back.
    #[allow(clippy::disallowed_methods)] // This is the one place.
    pub fn now(&self) -> Time {
        Time::ZERO + Instant::now().saturating_duration_since(self.started)
    }

    /// The wall clock, which may jump; zero before 1970.
    #[allow(clippy::disallowed_methods)] // This is the one place.
    pub fn wall(&self) -> Wall {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Wall(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// The instant of `time` on this clock, for timers that want one.
    pub fn instant(&self, time: Time) -> Instant {
        // An instant out of the platform's range lies centuries ahead: any far one serves as well.
        let far = std::time::Duration::from_secs(365 * 86_400);
        let length = time.since(Time::ZERO);
        self.started.checked_add(length).or_else(|| self.started.checked_add(far)).unwrap_or(self.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_forward_and_converts() {
        let clock = Clock::start();
        let first = clock.now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = clock.now();
        assert!(second > first);
        assert!(clock.wall() > Wall(1_700_000_000_000_000));
        assert_eq!(clock.instant(second).duration_since(clock.instant(first)), second.since(first));
        assert!(clock.instant(Time(u64::MAX)) > clock.instant(second));
    }
}
