//! Any datagram of the lane: read, and written again with the same meaning; and a message cut into pages.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roadstead::base::limits::PAGE_MAX;
use roadstead::lane::page;

fuzz_target!(|data: &[u8]| {
    let Ok(page) = page::read(data) else { return };
    let written = page::write(&page);
    if written.len() <= PAGE_MAX {
        assert_eq!(page::read(&written).as_ref(), Ok(&page));
    }
    let Some(to) = page.to.clone() else { return };
    // Long enough for several pages, whatever the fuzzer's own length.
    let map = Bytes::from(page.body.repeat(usize::from(page.number) % 1000 + 1));
    let Some(pages) = page::cut(page.from.clone(), to, page.session.to_owned(), page.book, map.clone()) else { return };
    let mut whole = Vec::new();
    for (i, datagram) in pages.enumerate() {
        assert!(datagram.len() <= PAGE_MAX);
        let part = page::read(&datagram).expect("what we write we read");
        assert_eq!(usize::from(part.number), i);
        whole.extend_from_slice(part.body);
    }
    assert_eq!(whole, map);
});
