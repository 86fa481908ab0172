//! Variable-length integers (RFC 9000 §16): the two top bits of the first byte say 1, 2, 4 or 8 bytes.

/// The largest number a varint holds.
pub const MAX: u64 = (1 << 62) - 1;

/// Bytes `n` takes.
pub fn size(n: u64) -> usize {
    match n {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// The number at the start of `bytes` and how many bytes it took; `None` when they end before it does.
pub fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    // Most are this short.
    if first < 0x40 {
        return Some((u64::from(first), 1));
    }
    let size = 1 << (first >> 6);
    let mut n = u64::from(first & 0x3f);
    for byte in bytes.get(1..size)? {
        n = n << 8 | u64::from(*byte);
    }
    Some((n, size))
}

/// Appends `n`; what is larger than [`MAX`] is written as [`MAX`].
pub fn push(out: &mut Vec<u8>, n: u64) {
    let (bytes, size) = encode(n);
    out.extend(bytes.into_iter().take(size));
}

/// `n` at the start of eight bytes, and how many of them it takes; what is larger than [`MAX`] is [`MAX`].
pub fn encode(n: u64) -> ([u8; 8], usize) {
    let n = n.min(MAX);
    let size = size(n);
    let prefix = match size {
        1 => 0,
        2 => 1,
        4 => 2,
        _ => 3,
    };
    let aligned = n << (64 - 8 * size) | prefix << 62;
    (aligned.to_be_bytes(), size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_9000_examples() {
        // RFC 9000 §A.1.
        for (text, n) in
            [("c2197c5eff14e88c", 151_288_809_941_952_652), ("9d7f3e7d", 494_878_333), ("7bbd", 15_293), ("25", 37)]
        {
            let bytes = hex::decode(text).unwrap();
            assert_eq!(read(&bytes), Some((n, bytes.len())));
            let mut out = Vec::new();
            push(&mut out, n);
            assert_eq!(out, bytes);
        }
        assert_eq!(read(&[0x40, 0x25]), Some((37, 2)), "longer than needed is legal");
    }

    proptest! {
        #[test]
        fn round_trips(n in 0..=MAX, shift in 0u32..62) {
            for n in [n, n >> shift] {
                let mut out = Vec::new();
                push(&mut out, n);
                prop_assert_eq!(out.len(), size(n));
                prop_assert_eq!(read(&out), Some((n, out.len())));
                prop_assert_eq!(read(&out[..out.len() - 1]), None);
            }
        }

        #[test]
        fn too_large_is_the_largest(n in MAX..) {
            let (bytes, size) = encode(n);
            prop_assert_eq!(read(&bytes), Some((MAX, size)));
        }
    }
}
