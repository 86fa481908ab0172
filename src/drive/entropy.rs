//! The seed of an engine's randomness, from the operating system. Nothing starts without one.

/// The operating system gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes ({0}); keys cannot be made safely, so nothing is started")]
pub struct NoEntropy(getrandom::Error);

/// 32 bytes from the operating system, for [`Random::new`](crate::base::Random::new).
pub fn seed() -> Result<[u8; 32], NoEntropy> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(NoEntropy)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_differ() {
        assert_ne!(super::seed().unwrap(), super::seed().unwrap());
    }
}
