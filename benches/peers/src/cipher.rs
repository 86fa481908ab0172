//! The ciphers alone, on one core: what a transport's packets cost before it does anything else.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use crypto_secretbox::aead::{AeadInPlace, KeyInit};
use crypto_secretbox::{Key, XSalsa20Poly1305};

/// Bytes sealed at a time: a packet's.
const PACKET: usize = 1_200;

/// A line for each cipher: GB/s and ns a packet.
pub(crate) fn lines(time: Duration) -> Result<Vec<String>> {
    let mut packet = [7; PACKET];
    let mut lines = vec!["Ciphers alone, one core, sealing 1,200 B packets in place".to_owned()];
    let algorithms =
        [("AES-128-GCM", &AES_128_GCM), ("AES-256-GCM", &AES_256_GCM), ("ChaCha20-Poly1305", &CHACHA20_POLY1305)];
    for (name, algorithm) in algorithms {
        let key = UnboundKey::new(algorithm, &vec![1; algorithm.key_len()]).map_err(|_| anyhow!("a key"))?;
        let key = LessSafeKey::new(key);
        let seal = |packet: &mut [u8]| {
            let nonce = Nonce::assume_unique_for_key([2; 12]);
            let _ = std::hint::black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), packet));
        };
        lines.push(line(&format!("{name}, aws-lc-rs"), time, &mut packet, seal));
    }
    let key = XSalsa20Poly1305::new(&Key::from([1; 32]));
    let seal = |packet: &mut [u8]| {
        let _ = std::hint::black_box(key.encrypt_in_place_detached(&[2; 24].into(), &[], packet));
    };
    lines.push(line("XSalsa20-Poly1305, crypto_secretbox", time, &mut packet, seal));
    Ok(lines)
}

fn line(name: &str, time: Duration, packet: &mut [u8], mut seal: impl FnMut(&mut [u8])) -> String {
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < time {
        for _ in 0..100 {
            seal(packet);
        }
        count += 100;
    }
    let each = start.elapsed().as_secs_f64() / count as f64;
    format!("  {name:<36} {:>6.2} GB/s {:>6.0} ns", PACKET as f64 / each / 1e9, each * 1e9)
}
