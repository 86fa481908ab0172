//! Any file where a key or estate file should be: read, and written again with the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead::base::Name;
use roadstead::keep::{LocalRecord, format};

fuzz_target!(|data: &[u8]| {
    if let Ok(own) = format::read_own(data) {
        let again = format::read_own(&format::write_own(&own)).expect("what we write we read");
        assert_eq!((again.sign.seed(), again.secret.bytes()), (own.sign.seed(), own.secret.bytes()));
    }
    if let Ok(role) = format::read_role(data) {
        assert_eq!(format::read_role(&format::write_role(&role)), Ok(role));
    }
    if let Ok(local) = format::read_local_estate(data) {
        let name = Name::new("web1_minion").expect("a name");
        assert_eq!(format::read_local_estate(&format::write_local_estate(local, &name, Some(data))), Ok(local));
    }
    if let Ok(identity) = format::read_identity(data) {
        // Written for Salt: whose it is stays as it was.
        let record = LocalRecord { puid: 7 };
        let again = format::read_identity(&format::write_local_estate(record, &identity.name, Some(data)));
        assert_eq!(again.map(|identity| (identity.role, identity.puid)), Ok((identity.role, 7)));
    }
    if let Ok(remote) = format::read_remote_estate(data) {
        assert_eq!(format::read_remote_estate(&format::write_remote_estate(&remote)).as_ref(), Ok(&remote));
        assert_eq!(format::read_remote_estate(&format::write_remote_estate_over(&remote, Some(data))), Ok(remote));
    }
});
