//! The pages of LMDB's data file as they lie on the disk, version 1 of the format; numbers are the machine's own.

use std::io::{self, Read, Seek, SeekFrom};

/// A number of LMDB's that is as wide as a pointer.
pub(super) const WORD: usize = size_of::<usize>();
/// Of every page: its number, a pad, flags, and two bounds or a count.
pub(super) const HEAD: usize = WORD + 8;
pub(super) const META_PAGES: usize = 2;
/// The root of an empty tree.
pub(super) const NO_PAGE: usize = usize::MAX;

/// Flags of pages.
pub(super) const BRANCH: u16 = 0x01;
pub(super) const LEAF: u16 = 0x02;
pub(super) const OVERFLOW: u16 = 0x04;
const META: u16 = 0x08;

const MAGIC: u32 = 0xBEEF_C0DE;
const FORMAT: u32 = 1;
/// LMDB's stack of a cursor.
const MAX_DEPTH: u16 = 32;

/// What is wrong with a page.
pub(super) type Wrong = String;

/// One of the two meta pages: where a snapshot begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) page_size: usize,
    pub(super) free: Root,
    pub(super) main: Root,
    pub(super) last_page: usize,
    pub(super) txn: usize,
}

/// What is said of a tree where it is named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) flags: u16,
    pub(super) depth: u16,
    pub(super) branches: usize,
    pub(super) leaves: usize,
    pub(super) overflows: usize,
    pub(super) entries: usize,
    pub(super) page: usize,
}

impl Meta {
    /// How long the file is if nothing is missing.
    pub(super) fn file_len(&self) -> u64 {
        (self.last_page as u64).saturating_add(1).saturating_mul(self.page_size as u64)
    }
}

/// Both meta pages.
pub(super) fn meta_pages(file: &mut (impl Read + Seek)) -> io::Result<Result<[Meta; META_PAGES], Wrong>> {
    let mut bytes = [0; HEAD + 2 * 4 + 2 * WORD + 2 * Root::LEN + 2 * WORD];
    let mut at = |offset: u64| -> io::Result<Result<Meta, Wrong>> {
        file.seek(SeekFrom::Start(offset))?;
        match file.read_exact(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Err("it ends within a meta page".to_owned()))
            }
            other => other.map(|()| meta(&bytes)),
        }
    };
    let first = match at(0)? {
        Ok(first) => first,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let second = at(first.page_size as u64)?;
    Ok(second.and_then(|second| {
        if second.page_size == first.page_size {
            Ok([first, second])
        } else {
            Err("its meta pages differ in the size of pages".to_owned())
        }
    }))
}

fn meta(bytes: &[u8]) -> Result<Meta, Wrong> {
    let page = Fields(bytes);
    if page.u16(WORD + 2) != META || page.u32(HEAD) != MAGIC {
        return Err("it does not begin with two meta pages".to_owned());
    }
    if page.u32(HEAD + 4) != FORMAT {
        return Err(format!("its format is {}, not {FORMAT}", page.u32(HEAD + 4)));
    }
    let roots = HEAD + 8 + 2 * WORD;
    let meta = Meta {
        page_size: page.u32(roots) as usize,
        free: Root::read(&bytes[roots..]),
        main: Root::read(&bytes[roots + Root::LEN..]),
        last_page: page.word(roots + 2 * Root::LEN),
        txn: page.word(roots + 2 * Root::LEN + WORD),
    };
    if !meta.page_size.is_power_of_two() || !(256..=32_768).contains(&meta.page_size) {
        return Err(format!("its pages have {} bytes", meta.page_size));
    }
    if meta.last_page < META_PAGES - 1 || meta.last_page >= usize::MAX / 2 / meta.page_size {
        return Err(format!("its last page is {}", meta.last_page));
    }
    for root in [meta.free, meta.main] {
        if root.depth > MAX_DEPTH || (root.page != NO_PAGE && !(META_PAGES..=meta.last_page).contains(&root.page)) {
            return Err("a tree of it has no root".to_owned());
        }
    }
    Ok(meta)
}

impl Root {
    const LEN: usize = 4 + 2 + 2 + 5 * WORD;

    fn read(bytes: &[u8]) -> Self {
        let fields = Fields(bytes);
        let word = |number: usize| fields.word(8 + number * WORD);
        Self {
            flags: fields.u16(4),
            depth: fields.u16(6),
            branches: word(0),
            leaves: word(1),
            overflows: word(2),
            entries: word(3),
            page: word(4),
        }
    }
}

/// Numbers in bytes; zero beyond their end.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_ne_bytes(self.array(at))
    }

    fn u32(self, at: usize) -> u32 {
        u32::from_ne_bytes(self.array(at))
    }

    pub(super) fn word(self, at: usize) -> usize {
        usize::from_ne_bytes(self.array(at))
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        self.0.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }
}
