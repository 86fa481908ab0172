//! Serial numbers modulo 2^32 as RAET counts them: 1 to `u32::MAX`, 0 meaning "none yet".

/// The number after `n`: `u32::MAX` is followed by 1 (wire v0 §3).
pub fn next(n: u32) -> u32 {
    if n == u32::MAX { 1 } else { n + 1 }
}

/// Whether session number `new` may follow `old` (wire v0 §3 "validity"): either is 0, or it is less than half the range ahead.
pub fn is_current(new: u32, old: u32) -> bool {
    new == 0 || old == 0 || new.wrapping_sub(old) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_past_zero() {
        assert_eq!(next(0), 1);
        assert_eq!(next(u32::MAX), 1);
        assert!(is_current(1, 0xffff_fff0));
        assert!(!is_current(0x8000_0005, 5));
    }
}
