//! Job ids: 20 digits of UTC, `YYYYMMDDhhmmssffffff`, each later than the one before. Owns their text and their order.

use std::fmt;
use std::str::FromStr;

use crate::base::{Time, Wall};

/// A job id as microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Jid(u64);

/// Gives out job ids.
#[derive(Debug, Default)]
pub(super) struct Jids {
    /// The first one given out; 0 before.
    first: u64,
    last: u64,
    /// The wall clock as last told, and when that was.
    anchor: (Time, Wall),
}

/// The last microsecond that 20 digits can tell: the end of the year 9999.
const LAST: u64 = 253_402_300_799_999_999;
const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400;

impl Jids {
    /// The wall clock shows `wall`.
    pub(super) fn on_wall(&mut self, now: Time, wall: Wall) {
        self.anchor = (now, wall);
    }

    /// A fresh id for now, whatever the wall clock did meanwhile.
    pub(super) fn next(&mut self, now: Time) -> Jid {
        let (then, wall) = self.anchor;
        let micros = wall.0.saturating_add(now.0.saturating_sub(then.0));
        self.last = micros.max(self.last + 1).min(LAST);
        if self.first == 0 {
            self.first = self.last;
        }
        Jid(self.last)
    }

    /// Whether `jid` may have been given out before our first one.
    pub(super) fn is_before_ours(&self, jid: Jid) -> bool {
        self.first == 0 || jid.0 < self.first
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / SECOND, self.0 % SECOND);
        let (year, month, day) = date(seconds / DAY);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{micros:06}")
    }
}

/// The text is not a job id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOurs;

impl FromStr for Jid {
    type Err = NotOurs;
    fn from_str(text: &str) -> Result<Self, NotOurs> {
        if text.len() != 20 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotOurs);
        }
        let number = |from: usize, to: usize| text.get(from..to).and_then(|t| t.parse::<u64>().ok()).ok_or(NotOurs);
        let days = days(number(0, 4)?, number(4, 6)?, number(6, 8)?).ok_or(NotOurs)?;
        let seconds = days * DAY + number(8, 10)? * 3600 + number(10, 12)? * 60 + number(12, 14)?;
        let jid = Self(seconds * SECOND + number(14, 20)?);
        // Refuses the 31st of February and the 25th hour.
        if jid.to_string() == text { Ok(jid) } else { Err(NotOurs) }
    }
}

/// Days since 1970 as a date of the Gregorian calendar. Years are counted from March, so that the leap day ends one.
fn date(days: u64) -> (u64, u64, u64) {
    // Days since 1 March of the year 0; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months from March are 153 days, whichever five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

/// The inverse of [`date`]; `None` before 1970 and for months that are none.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let (era, year) = (year / 400, year % 400);
    let day = (153 * month + 2) / 5 + day - 1 + 365 * year + year / 4 - year / 100;
    (era * 146_097 + day).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        for (micros, text) in [
            (0, "19700101000000000000"),
            (951_782_400_000_000, "20000229000000000000"),
            (1_795_162_880_169_414, "20261120082120169414"),
            (LAST, "99991231235959999999"),
        ] {
            assert_eq!(Jid(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Jid(micros)));
        }
    }

    #[test]
    fn strictly_later_when_the_clock_goes_back() {
        let mut jids = Jids::default();
        jids.on_wall(Time(10), Wall(5_000_000));
        let first = jids.next(Time(10));
        jids.on_wall(Time(20), Wall(1_000_000));
        let second = jids.next(Time(20));
        assert_eq!((first, second), (Jid(5_000_000), Jid(5_000_001)));
        jids.on_wall(Time(30), Wall(7_000_000));
        assert_eq!(jids.next(Time(35)), Jid(7_000_005));
    }

    #[test]
    fn foreign_ids() {
        for text in
            ["", "req", "2026112008214016941", "20260231000000000000", "20261120250000000000", "2026112008214016941x"]
        {
            assert_eq!(text.parse::<Jid>(), Err(NotOurs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(micros in 0..=LAST) {
            prop_assert_eq!(Jid(micros).to_string().parse(), Ok(Jid(micros)));
        }
    }
}
