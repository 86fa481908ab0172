//! How a running function is ended from another thread. Owns one flag and two ways to wait for it; it signals no
//! process itself: whoever started one listens and ends it.

use std::io::{self, PipeReader, PipeWriter};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Ends one job. Once killed, it stays so.
#[derive(Debug, Default)]
pub struct Control {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    killed: bool,
    /// A pipe that ends when the job is killed, made for the first who wants to poll.
    alarm: Option<(PipeReader, PipeWriter)>,
}

impl Control {
    /// Ends the job: sleepers wake, its process groups are killed by those who watch them. May be called twice.
    pub fn kill(&self) {
        let mut state = self.state();
        state.killed = true;
        state.alarm = None;
        self.wake.notify_all();
    }

    /// Whether the job was killed.
    pub fn is_killed(&self) -> bool {
        self.state().killed
    }

    /// Sleeps for `length`, or until the job is killed; says whether it slept it out.
    pub fn sleep(&self, length: Duration) -> bool {
        let slept = self.wake.wait_timeout_while(self.state(), length, |state| !state.killed);
        !slept.unwrap_or_else(PoisonError::into_inner).0.killed
    }

    /// A pipe that has an end to read as soon as the job is killed; for `poll`.
    pub(super) fn alarm(&self) -> io::Result<PipeReader> {
        let mut state = self.state();
        match &state.alarm {
            Some((reader, _)) => reader.try_clone(),
            None => {
                let (reader, writer) = io::pipe()?;
                let ear = reader.try_clone()?;
                state.alarm = (!state.killed).then_some((reader, writer));
                Ok(ear)
            }
        }
    }

    /// Nothing in here can be left half done, so a panic elsewhere does not matter.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::sync::Arc;

    #[test]
    fn wakes_sleepers_and_pollers() {
        let control = Arc::new(Control::default());
        assert!(control.sleep(Duration::ZERO));
        let mut ears = [control.alarm().unwrap(), control.alarm().unwrap()];
        let killer = std::thread::spawn({
            let control = control.clone();
            move || control.kill()
        });
        assert!(!control.sleep(Duration::from_secs(600)));
        killer.join().unwrap();
        assert!(control.is_killed());
        for ear in &mut ears {
            assert_eq!(ear.read(&mut [0]).unwrap(), 0);
        }
        assert_eq!(control.alarm().unwrap().read(&mut [0]).unwrap(), 0);
    }
}
