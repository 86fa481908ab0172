//! The book: how the house is built, what the roads do and refuse, the life of a key, and why each number.

pub mod defaults;
pub mod house;
pub mod keys;
pub mod peer_tests;
pub mod road_v0;
pub mod road_v1;
