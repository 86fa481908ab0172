//! A message's route as bytes: six names, each after its length; nothing at all for the empty route.

use crate::base::Name;
use crate::message::{Address, Route};

/// The bytes of a route; at most [`crate::wire::v1::frame::ROUTE_MAX`], for a name has at most 72.
pub(crate) fn write(route: &Route) -> Vec<u8> {
    let names =
        [&route.src.estate, &route.src.yard, &route.src.share, &route.dst.estate, &route.dst.yard, &route.dst.share];
    if names.iter().all(|name| name.is_none()) {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(64);
    for name in names {
        let text = name.as_ref().map_or("", Name::as_str);
        // A name is shorter than a byte counts.
        out.push(text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// The route in `bytes`; `None` when they are none.
pub(crate) fn read(bytes: &[u8]) -> Option<Route> {
    if bytes.is_empty() {
        return Some(Route::default());
    }
    let mut rest = bytes;
    let mut next = || {
        let (length, after) = rest.split_first()?;
        let (text, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        if text.is_empty() {
            return Some(None);
        }
        Some(Some(Name::new(std::str::from_utf8(text).ok()?).ok()?))
    };
    let src = Address { estate: next()?, yard: next()?, share: next()? };
    let dst = Address { estate: next()?, yard: next()?, share: next()? };
    rest.is_empty().then_some(Route { src, dst })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = Option<Name>> {
        proptest::option::of("[a-z0-9_]{1,72}".prop_map(|text| Name::new(&text).unwrap()))
    }

    fn address() -> impl Strategy<Value = Address> {
        (name(), name(), name()).prop_map(|(estate, yard, share)| Address { estate, yard, share })
    }

    proptest! {
        #[test]
        fn round_trips(src in address(), dst in address()) {
            let route = Route { src, dst };
            let bytes = write(&route);
            prop_assert!(bytes.len() <= crate::wire::v1::frame::ROUTE_MAX);
            prop_assert_eq!(read(&bytes), Some(route.clone()));
            if route != Route::default() {
                prop_assert_eq!(read(&bytes[..bytes.len() - 1]), None);
                prop_assert_eq!(read(&[&bytes[..], &[0]].concat()), None);
            }
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes);
        }
    }
}
