//! Floor 2: long-term keys and their standing. Everything here is pure but [`store`], the one room that touches the disk.

pub mod adopt;
pub mod format;
pub mod journal;
pub mod record;
pub mod role;
pub mod roll;
pub mod store;
pub mod token;

pub use journal::{Journal, Note, Trouble, Wire};
pub use record::{Change, Identity, LocalRecord, RemoteRecord};
pub use role::{OwnKeys, RoleKey};
pub use roll::Roll;
pub use store::{KeepError, Reading, Stamp, Store};
pub use token::Token;
