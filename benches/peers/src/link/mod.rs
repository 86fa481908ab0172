//! The link emulator: `core` decides what becomes of each packet and when, without sockets or clocks; `carrier`
//! takes real packets through it, from TUN devices (`net`) or UDP sockets (`relay`); `check` measures whether it keeps its word.

pub(crate) mod carrier;
pub(crate) mod check;
pub(crate) mod core;
pub(crate) mod net;
pub(crate) mod relay;
pub(crate) mod spec;

pub(crate) use self::carrier::Emulator;
pub(crate) use self::core::Link;
pub(crate) use self::spec::{Loss, Spec};
