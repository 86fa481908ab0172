//! A piece of a file as the answer to `_serve_file`: the MessagePack map `{data, dest}`, with the bytes read where they
//! stand in it. Owns that shape; decides nothing about who gets what.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::digest::{Content, judge};

/// How `data` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As text, of no more than this kind of content: what MessagePack's earliest form has, and every raet reads.
    Raw(Content),
    /// As bytes.
    Bin,
}

/// A piece, and whether the file ends with it or before.
#[derive(Debug)]
pub(super) enum Piece {
    /// The answer.
    Answer(Bytes),
    /// What stands there has no such form.
    Unfit,
}

const TEXT: u8 = 0xdb;
const BIN: u8 = 0xc6;

/// Up to `size` bytes of `file` from `loc` on. Text ends with a whole letter.
pub(super) fn read(file: &mut File, loc: u64, size: usize, form: Form, dest: &str) -> io::Result<Piece> {
    let mut out = Vec::with_capacity(size + dest.len() + 32);
    out.push(0x82);
    write_text(&mut out, "data");
    let marker = out.len();
    out.extend_from_slice(&[if form == Form::Bin { BIN } else { TEXT }, 0, 0, 0, 0]);
    let start = out.len();
    file.seek(SeekFrom::Start(loc))?;
    file.take(size as u64).read_to_end(&mut out)?;
    let data = out.get(start..).unwrap_or_default();
    let mut length = data.len();
    if let Form::Raw(most) = form {
        let (content, whole) = judge(data);
        // A letter that the file's end cuts is none.
        if content > most || (whole < length && length < size) || (whole == 0 && length > 0) {
            return Ok(Piece::Unfit);
        }
        length = whole;
    }
    out.truncate(start + length);
    let length = u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    if let Some(place) = out.get_mut(marker + 1..start) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    write_text(&mut out, "dest");
    write_text(&mut out, dest);
    Ok(Piece::Answer(out.into()))
}

/// `{data: "", dest: ""}`: what there is of a file that is not there.
pub(super) fn nothing() -> Bytes {
    let mut out = vec![0x82];
    for (key, value) in [("data", ""), ("dest", "")] {
        write_text(&mut out, key);
        write_text(&mut out, value);
    }
    out.into()
}

/// An answer in place of a piece that cannot be given, though earlier ones were: data that is said to be packed and is not.
/// It ends a Salt minion's transfer with an error of its own, while an empty or missing piece would pass for the file's end.
pub(super) fn broken() -> Bytes {
    let mut out = vec![0x83];
    for (key, value) in [("data", "the master cannot read on"), ("dest", "")] {
        write_text(&mut out, key);
        write_text(&mut out, value);
    }
    write_text(&mut out, "gzip");
    out.push(1);
    out.into()
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    match u32::try_from(text.len()) {
        Ok(length @ 0..32) => out.push(0xa0 | length as u8),
        length => {
            out.push(TEXT);
            out.extend_from_slice(&length.unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    /// What a minion writes: as long as there is data, the next piece from where it has come to.
    fn fetch(bytes: &[u8], size: usize, form: Form) -> Option<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut got = Vec::new();
        loop {
            let Piece::Answer(answer) = read(&mut file, got.len() as u64, size, form, "a/b").unwrap() else {
                return None;
            };
            crate::message::check(&answer).unwrap();
            let map = rmpv::decode::read_value(&mut &*answer).unwrap();
            assert_eq!(map["dest"].as_str(), Some("a/b"));
            let data = match &map["data"] {
                rmpv::Value::String(text) if form != Form::Bin => text.as_bytes().to_vec(),
                rmpv::Value::Binary(data) if form == Form::Bin => data.clone(),
                other => panic!("{other}"),
            };
            assert!(data.len() <= size);
            if data.is_empty() {
                return Some(got);
            }
            got.extend(data);
        }
    }

    proptest! {
        #[test]
        fn pieces_make_the_file_or_none_does(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60), "[a-zäß€😀]{0,40}".prop_map(String::into_bytes),
        ], size in 4usize..20) {
            prop_assert_eq!(fetch(&bytes, size, Form::Bin), Some(bytes.clone()));
            let text = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(fetch(&bytes, size, Form::Raw(Content::Text)), text.then(|| bytes.clone()));
            prop_assert_eq!(fetch(&bytes, size, Form::Raw(Content::Ascii)), bytes.is_ascii().then(|| bytes.clone()));
        }
    }

    #[test]
    fn answers_without_a_piece() {
        let read = |bytes: Bytes| rmp_serde::from_slice::<serde_json::Value>(&bytes).unwrap();
        assert_eq!(read(nothing()), serde_json::json!({"data": "", "dest": ""}));
        assert_eq!(read(broken())["gzip"], 1);
    }
}
