//! ACK frames (RFC 9000 §19.3): which packets arrived, newest first, as a run and the gaps and runs below it.
//! What is read stays in the packet's bytes; nothing is allocated however many runs a peer claims.

use super::{Full, Malformed, Reader, Writer, varint};

/// An acknowledgement, checked: every run lies above zero and below the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The largest packet number that arrived.
    pub largest: u64,
    /// How long it waited for this frame, microseconds.
    pub delay: u64,
    /// Counters of marked packets, when the receiver sees marks.
    pub ecn: Option<Ecn>,
    first: u64,
    runs: &'a [u8],
}

/// How many packets arrived with which mark (RFC 9000 §19.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ecn {
    /// ECT(0).
    pub ect0: u64,
    /// ECT(1).
    pub ect1: u64,
    /// Congestion experienced.
    pub ce: u64,
}

/// Runs below the first that one frame may have.
pub const RUNS: u64 = 256;

impl<'a> Ack<'a> {
    /// The runs as inclusive `(low, high)`, newest first.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let mut reader = Reader::new(self.runs);
        let mut next = Some((self.largest.saturating_sub(self.first), self.largest));
        std::iter::from_fn(move || {
            let run = next?;
            next = below(run.0, &mut reader).ok().flatten();
            Some(run)
        })
    }

    /// Reads what follows the frame's type.
    pub(super) fn read(reader: &mut Reader<'a>, has_ecn: bool) -> Result<Self, Malformed> {
        let largest = reader.varint("largest acknowledged")?;
        let delay = reader.varint("acknowledgement delay")?;
        let at = reader.clone();
        let count = reader.varint("acknowledged runs")?;
        if count > RUNS {
            return at.refuse("acknowledged runs");
        }
        let first = reader.varint("first acknowledged run")?;
        let Some(mut low) = largest.checked_sub(first) else { return at.refuse("first acknowledged run") };
        let whole = reader.clone();
        for _ in 0..count {
            match below(low, reader)? {
                Some(run) => low = run.0,
                None => return reader.refuse("acknowledged run"),
            }
        }
        let runs = whole.rest().get(..reader.at() - whole.at()).unwrap_or_default();
        let ecn = if has_ecn { Some(Ecn::read(reader)?) } else { None };
        Ok(Self { largest, delay, ecn, first, runs })
    }

    /// Writes the frame with its type.
    pub(super) fn write(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        let count = self.ranges().count() as u64 - 1;
        out.u8(kind(self.ecn))?;
        out.varint(self.largest)?;
        out.varint(self.delay)?;
        out.varint(count)?;
        out.varint(self.first)?;
        out.put(self.runs)?;
        write_ecn(out, self.ecn)
    }

    /// Writes a frame of `ranges` (inclusive, newest first, disjoint with gaps), as many of them as fit, the newest at
    /// least. Says how many were written; 0 when nothing was.
    pub fn write_ranges(
        out: &mut Writer<'_>,
        ranges: impl Iterator<Item = (u64, u64)> + Clone,
        delay: u64,
        ecn: Option<Ecn>,
    ) -> usize {
        let mut all = ranges.clone();
        let Some((low, largest)) = all.next() else { return 0 };
        let tail = ecn.map_or(0, |e| varint::size(e.ect0) + varint::size(e.ect1) + varint::size(e.ce));
        // The count takes two bytes at most: RUNS is below 2^14.
        let mut size = 1 + varint::size(largest) + varint::size(delay) + 2 + varint::size(largest - low.min(largest));
        let (mut fits, mut above) = (0, low);
        for (low, high) in all.take(RUNS as usize) {
            let Some(gap) = above.checked_sub(high).and_then(|gap| gap.checked_sub(2)) else { break };
            size += varint::size(gap) + varint::size(high.saturating_sub(low));
            if size + tail > out.room() {
                break;
            }
            (fits, above) = (fits + 1, low);
        }
        let written = out.whole(|out| {
            out.u8(kind(ecn))?;
            out.varint(largest)?;
            out.varint(delay)?;
            out.varint(fits as u64)?;
            out.varint(largest.saturating_sub(low))?;
            let mut above = low;
            for (low, high) in ranges.skip(1).take(fits) {
                out.varint(above - high - 2)?;
                out.varint(high.saturating_sub(low))?;
                above = low;
            }
            write_ecn(out, ecn)
        });
        if written.is_ok() { fits + 1 } else { 0 }
    }
}

impl Ecn {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { ect0: reader.varint("ECT(0)")?, ect1: reader.varint("ECT(1)")?, ce: reader.varint("CE")? })
    }
}

/// The next gap and run under `low`; `None` when they reach below zero or nothing is left.
fn below(low: u64, reader: &mut Reader<'_>) -> Result<Option<(u64, u64)>, Malformed> {
    let gap = reader.varint("acknowledged gap")?;
    let run = reader.varint("acknowledged run")?;
    let high = low.checked_sub(gap).and_then(|high| high.checked_sub(2));
    Ok(high.and_then(|high| Some((high.checked_sub(run)?, high))))
}

fn kind(ecn: Option<Ecn>) -> u8 {
    if ecn.is_some() { super::frame::ACK_ECN } else { super::frame::ACK }
}

fn write_ecn(out: &mut Writer<'_>, ecn: Option<Ecn>) -> Result<(), Full> {
    let Some(ecn) = ecn else { return Ok(()) };
    out.varint(ecn.ect0)?;
    out.varint(ecn.ect1)?;
    out.varint(ecn.ce)
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, Frames};
    use super::*;
    use proptest::prelude::*;

    /// Runs newest first from gaps and lengths.
    fn runs(top: u64, steps: &[(u16, u16)]) -> Vec<(u64, u64)> {
        let (mut out, mut high) = (Vec::new(), top);
        for (length, gap) in steps {
            let Some(low) = high.checked_sub(u64::from(*length)) else { break };
            out.push((low, high));
            match low.checked_sub(2 + u64::from(*gap)) {
                Some(next) => high = next,
                None => break,
            }
        }
        out
    }

    proptest! {
        #[test]
        fn ranges_round_trip(
            top in 0u64..1 << 40, steps in proptest::collection::vec(any::<(u16, u16)>(), 1..20),
            delay in 0u64..1 << 30, room in 0usize..160, marks in proptest::option::of(any::<(u32, u32, u32)>()),
        ) {
            let ecn = marks.map(|(a, b, c)| Ecn { ect0: a.into(), ect1: b.into(), ce: c.into() });
            let all = runs(top, &steps);
            prop_assume!(!all.is_empty());
            let mut buffer = vec![0xff; room];
            let mut writer = Writer::new(&mut buffer);
            let written = Ack::write_ranges(&mut writer, all.iter().copied(), delay, ecn);
            let size = writer.at();
            prop_assert_eq!(written == 0, size == 0);
            prop_assert!(written > 0 || room < 50);
            if written > 0 {
                let Some(Ok(Frame::Ack(ack))) = Frames::new(&buffer[..size]).next() else { panic!() };
                prop_assert_eq!(ack.ranges().collect::<Vec<_>>(), &all[..written]);
                prop_assert_eq!((ack.largest, ack.delay, ack.ecn), (top, delay, ecn));
                let mut again = vec![0; size];
                ack.write(&mut Writer::new(&mut again)).unwrap();
                prop_assert_eq!(again, &buffer[..size]);
            }
        }
    }

    #[test]
    fn runs_below_zero_are_refused() {
        for bad in [
            &[2, 5, 0, 0, 6][..],         // first run longer than its end
            &[2, 5, 0, 1, 0, 4, 0],       // gap to -1
            &[2, 5, 0, 1, 0, 0, 4],       // run to -1
            &[2, 5, 0, 2, 0, 0],          // a run is missing
            &[2, 0x45, 0, 0, 0x44, 0, 0], // 1,024 runs
            &[3, 5, 0, 0, 0, 1, 1],       // a counter is missing
        ] {
            assert!(Frames::new(bad).next().unwrap().is_err(), "{bad:?}");
        }
        let Some(Ok(Frame::Ack(ack))) = Frames::new(&[2, 5, 0, 1, 0, 0, 3]).next() else { panic!() };
        assert_eq!(ack.ranges().collect::<Vec<_>>(), [(5, 5), (0, 3)]);
    }
}
