//! A master and estates of the fast wire in a simulated world, operations and adversary told by the input: the model of
//! `tests/fast_model` says what may never happen, and that everybody talks again in the end.
#![no_main]

#[path = "../../tests/fast_model/model.rs"]
mod model;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((seed, script)) = data.split_first() else { return };
    // The upper half of the seeds has streams and casts as well.
    let is_flowing = *seed >= 0x80;
    model::run(u64::from(*seed), model::Fate::Script(script.to_vec().into_iter()), is_flowing);
});
