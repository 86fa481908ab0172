//! The routed envelope every road, lane and transport carries, and its form as one map.
//!
//! A [`Message`] is `source and destination (estate, yard, share), kind, body`. On the classic road and on lanes it is a
//! map `{route: {src, dst}, <kind>: <body>}` (Salt over RAET §2); [`Message::to_map`] and [`Message::from_map`] splice
//! that map around the body without decoding it.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::Name;

mod envelope;
mod value;

pub use envelope::check;

/// One end of a route. `None` estate: this host; `None` yard: the main yard (`manor`); `share` names a queue or a reply tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// Estate, as the transport names it.
    pub estate: Option<Name>,
    /// Yard on that estate's lane.
    pub yard: Option<Name>,
    /// Queue or reply tag.
    pub share: Option<Name>,
}

/// Where a message comes from and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// Source.
    pub src: Address,
    /// Destination.
    pub dst: Address,
}

/// A routed message. Cloning shares the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Source and destination.
    pub route: Route,
    /// What the body is: `load` (request), `return` (reply), `pub` (job), … Empty: the body is the whole map
    /// (minus its route), as programs on the bare road send it.
    pub kind: String,
    /// One MessagePack value; a map when `kind` is empty.
    pub body: Bytes,
}

/// A body or an envelope that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Not one well-formed MessagePack value of bounded depth.
    #[error("the body is not one well-formed MessagePack value")]
    Encoding,
    /// The envelope is no map.
    #[error("the message is not a map")]
    NotAMap,
    /// `route` is there but is not `{src: [e, y, s], dst: [e, y, s]}` with legal names.
    #[error("the message's route is malformed")]
    Route,
    /// The body has another shape than the reader wants.
    #[error("the body does not read as {0}")]
    Shape(String),
}

impl Message {
    /// A message of `kind` whose body is `value` in MessagePack, structs as maps.
    pub fn new(route: Route, kind: &str, value: &impl Serialize) -> Result<Self, BadMessage> {
        let body = rmp_serde::to_vec_named(value).map_err(|e| BadMessage::Shape(e.to_string()))?;
        Ok(Self { route, kind: kind.to_owned(), body: body.into() })
    }

    /// The body as a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, BadMessage> {
        rmp_serde::from_slice(&self.body).map_err(|e| BadMessage::Shape(e.to_string()))
    }

    /// A message of `kind` back to where this one came from.
    pub fn reply(&self, kind: &str, value: &impl Serialize) -> Result<Self, BadMessage> {
        Self::new(Route { src: self.route.dst.clone(), dst: self.route.src.clone() }, kind, value)
    }
}
