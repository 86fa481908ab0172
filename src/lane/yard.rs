//! What a lane knows of one other yard: the session and book number towards it, its own session, its unfinished books.

use std::collections::BTreeMap;

use super::Dropped;
use super::book::Book;
use super::page::{Pack, Page};
use crate::base::{Time, limits, wrap};

/// Largest packed message, bytes: the largest body with its kind and route around it.
pub(super) const MAP_MAX: usize = limits::MESSAGE_MAX + 4096;

/// One other yard.
#[derive(Debug)]
pub(super) struct Yard {
    /// Our session towards it.
    session: String,
    /// Our last book there.
    book: u32,
    /// Its session towards us, once it has spoken.
    theirs: Option<Box<str>>,
    books: BTreeMap<u32, Book>,
    held: usize,
    /// When it was last spoken to or heard.
    pub(super) used: Time,
}

impl Yard {
    pub(super) fn new(session: String, now: Time) -> Self {
        Self { session, book: 0, theirs: None, books: BTreeMap::new(), held: 0, used: now }
    }

    /// Session and number of the next book to it.
    pub(super) fn next_book(&mut self) -> (String, u32) {
        self.book = wrap::next(self.book);
        (self.session.clone(), self.book)
    }

    /// Takes a page in, with `room` bytes left on the lane; the packed message when this page was its last.
    pub(super) fn on_page(
        &mut self,
        now: Time,
        page: &Page<'_>,
        room: usize,
    ) -> Result<Option<(Pack, Vec<u8>)>, Dropped> {
        if self.theirs.as_deref() != Some(page.session) {
            // The yard started anew: what it had begun will not be finished (raet 0.6.8 removeStaleBooks).
            self.theirs = Some(page.session.into());
            self.books.clear();
            self.held = 0;
        }
        if page.count == 1 {
            return Ok(Some((page.pack, page.body.to_vec())));
        }
        let known = self.books.contains_key(&page.book);
        if !known && page.number != 0 {
            return Err(Dropped::Missed);
        }
        if !known && self.books.len() >= limits::BOOKS {
            return Err(Dropped::Full);
        }
        let book = self.books.entry(page.book).or_insert_with(|| Book::new(page, now));
        if !book.fits(page) {
            return Err(Dropped::Mismatch);
        }
        let before = if known { book.held() } else { 0 };
        book.add(page, now);
        let after = book.held();
        self.held = self.held + after - before;
        let too_large = after > MAP_MAX + limits::PAGE_MAX;
        if book.is_whole() || too_large || after - before > room {
            self.held -= after;
            let book = self.books.remove(&page.book);
            return match book {
                _ if too_large => Err(Dropped::TooLarge),
                Some(book) if book.is_whole() => Ok(Some((book.pack, book.into_text()))),
                _ => Err(Dropped::Full),
            };
        }
        Ok(None)
    }

    /// Drops the books no page has come for since `limit`; the oldest page time of the others.
    pub(super) fn expire(&mut self, limit: Time) -> Option<Time> {
        self.books.retain(|_, book| book.last > limit);
        self.held = self.books.values().map(Book::held).sum();
        self.books.values().map(|book| book.last).min()
    }

    /// Bytes held in unfinished books.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}
