//! The book: how the house is built, what the roads do and refuse, the life of a key, which minions a target means and what
//! only they are told, and why each number.

pub mod defaults;
pub mod house;
pub mod keys;
pub mod road_v0;
pub mod road_v1;
pub mod targets;
