//! The book: how the house is built, what the road does and refuses, the life of a key, and why each number.

pub mod defaults;
pub mod house;
pub mod keys;
pub mod road_v0;
