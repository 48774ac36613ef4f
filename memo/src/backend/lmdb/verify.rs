//! Walks the trees of a snapshot before LMDB does.
//!
//! LMDB trusts its pages: a damaged one can lead it out of the map, which ends the process, or in circles. This walk reads
//! the same pages as a file, and trusts none. It sees all that LMDB relies on to stay within bounds: where
//! nodes lie, which pages they lead to, and that no page is used twice. What entries say is for others to check.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::page::{BRANCH, Fields, HEAD, LEAF, META_PAGES, Meta, NO_PAGE, OVERFLOW, Root, WORD, Wrong};

/// Is everything in its place that a snapshot of the file is made of?
pub(super) fn snapshot(file: &mut File, meta: &Meta) -> io::Result<Result<(), Wrong>> {
    let file_len = file.metadata()?.len();
    let mut walk = Walk { file, file_len, meta, used: vec![0; meta.last_page / 64 + 1], seen: Seen::default() };
    let result = walk.tree(meta.free, Kind::Free).and_then(|()| walk.tree(meta.main, Kind::Main));
    match result {
        Ok(()) => Ok(Ok(())),
        Err(Fault::Wrong(wrong)) => Ok(Err(wrong)),
        Err(Fault::Io(error)) => Err(error),
    }
}

enum Fault {
    Wrong(Wrong),
    Io(io::Error),
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Numbers of free pages, under the transactions that freed them.
    Free,
    Main,
}

impl Kind {
    /// The flags of the tree: the keys of the first are numbers.
    fn flags(self) -> u16 {
        match self {
            Self::Free => 0x08,
            Self::Main => 0,
        }
    }
}

/// What was counted of a tree.
#[derive(Default, PartialEq, Eq)]
struct Seen {
    branches: usize,
    leaves: usize,
    overflows: usize,
    entries: usize,
}

struct Walk<'a> {
    file: &'a mut File,
    file_len: u64,
    meta: &'a Meta,
    /// A bit for each page that something was found to use.
    used: Vec<u64>,
    seen: Seen,
}

/// A node of a page.
struct Node<'a> {
    /// The lower and the upper half of the length of its data, and its flags; in a branch, a page's number.
    numbers: [u16; 3],
    key_len: usize,
    /// Key, then data; up to the end of the page.
    rest: &'a [u8],
    at: usize,
}

const NODE_HEAD: usize = 8;
/// Its data stands in pages of its own.
const ELSEWHERE: u16 = 0x01;
const LONGEST_KEY: usize = 511;

impl Walk<'_> {
    fn tree(&mut self, root: Root, kind: Kind) -> Result<(), Fault> {
        if root.flags != kind.flags() {
            return Err(format!("a tree has the flags {:#x}", root.flags).into());
        }
        self.seen = Seen::default();
        if root.page != NO_PAGE {
            self.page(root.page, root.depth, kind)?;
        } else if root.depth != 0 {
            return Err("an empty tree has a depth".to_owned().into());
        }
        let Root { branches, leaves, overflows, entries, .. } = root;
        if self.seen != (Seen { branches, leaves, overflows, entries }) {
            return Err("a tree has not as many pages and entries as it says".to_owned().into());
        }
        Ok(())
    }

    /// A page of a tree, and all below it. `depth` counts the levels from here on.
    fn page(&mut self, number: usize, depth: u16, kind: Kind) -> Result<(), Fault> {
        self.take(number)?;
        let mut page = vec![0; self.meta.page_size];
        self.read(number, &mut page)?;
        let fields = Fields(&page);
        let is_leaf = depth == 1;
        let expected = if is_leaf { LEAF } else { BRANCH };
        if depth == 0 || fields.word(0) != number || fields.u16(WORD + 2) != expected {
            return Err(format!("page {number} is not what it should be").into());
        }
        if is_leaf {
            self.seen.leaves += 1;
        } else {
            self.seen.branches += 1;
        }
        let mut total = 0;
        for node in nodes(&page).ok_or_else(|| format!("page {number} is not in order"))? {
            let len = if is_leaf { self.entry(&node, kind)? } else { self.branch(&node, depth, kind)? };
            // Nodes begin at even places.
            total += (NODE_HEAD + node.key_len + len).next_multiple_of(2);
            if len > node.rest.len().saturating_sub(node.key_len) {
                return Err(format!("a node at {} of page {number} reaches beyond it", node.at).into());
            }
        }
        if total != self.meta.page_size - usize::from(fields.u16(HEAD - 2)) {
            return Err(format!("the nodes of page {number} do not fill it").into());
        }
        Ok(())
    }

    /// A node of a branch and what it leads to; gives the length of its data.
    fn branch(&mut self, node: &Node<'_>, depth: u16, kind: Kind) -> Result<usize, Fault> {
        let [low, high, top] = node.numbers.map(usize::from);
        let top = if WORD > 4 { top } else { 0 };
        // In two steps: words may have 32 bits.
        self.page(low | high << 16 | (top << 16) << 16, depth - 1, kind)?;
        Ok(0)
    }

    /// A node of a leaf; gives the length of what stands in the page.
    fn entry(&mut self, node: &Node<'_>, kind: Kind) -> Result<usize, Fault> {
        self.seen.entries += 1;
        let [low, high, flags] = node.numbers;
        let len = usize::from(low) | usize::from(high) << 16;
        let data = node.rest.get(node.key_len..).unwrap_or_default();
        let key_fits = match kind {
            Kind::Free => node.key_len == WORD,
            Kind::Main => (1..=LONGEST_KEY).contains(&node.key_len),
        };
        if !key_fits || flags & !ELSEWHERE != 0 {
            return Err("a tree holds what none of memo's does".to_owned().into());
        }
        if flags == 0 {
            if kind == Kind::Free {
                self.free_pages(data.get(..len).unwrap_or_default())?;
            }
            return Ok(len);
        }
        let first = Fields(data).word(0);
        let pages = (HEAD - 1 + len) / self.meta.page_size + 1;
        self.overflow(first, pages)?;
        if kind == Kind::Free {
            let mut list = vec![0; HEAD + len];
            self.read(first, &mut list)?;
            self.free_pages(&list[HEAD..])?;
        }
        Ok(WORD)
    }

    /// Pages that hold the data of one entry.
    fn overflow(&mut self, first: usize, pages: usize) -> Result<(), Fault> {
        for number in (0..pages).map(|page| first.saturating_add(page)) {
            self.take(number)?;
        }
        if (first + pages) as u64 * self.meta.page_size as u64 > self.file_len {
            return Err(format!("pages behind {first} are missing").into());
        }
        self.seen.overflows += pages;
        let mut head = [0; HEAD];
        self.read(first, &mut head)?;
        let fields = Fields(&head);
        let said = usize::from(fields.u16(HEAD - 4)) | usize::from(fields.u16(HEAD - 2)) << 16;
        // Counts of pages lie as numbers of 32 bits.
        let said = if cfg!(target_endian = "big") { said.rotate_left(16) } else { said };
        if fields.word(0) != first || fields.u16(WORD + 2) != OVERFLOW || said != pages {
            return Err(format!("page {first} is not what it should be").into());
        }
        Ok(())
    }

    /// A list of free pages: their number, then they, the last one first.
    fn free_pages(&mut self, list: &[u8]) -> Result<(), Fault> {
        let list = Fields(list);
        let count = list.word(0);
        if count >= list.0.len().max(1) / WORD {
            return Err("a list of free pages is longer than its place".to_owned().into());
        }
        let mut previous = usize::MAX;
        for number in (1..=count).map(|at| list.word(at * WORD)) {
            if number >= previous {
                return Err("a list of free pages is out of order".to_owned().into());
            }
            self.take(number)?;
            previous = number;
        }
        Ok(())
    }

    /// Notes that a page is used.
    fn take(&mut self, number: usize) -> Result<(), Fault> {
        if !(META_PAGES..=self.meta.last_page).contains(&number) {
            return Err(format!("there is no page {number}").into());
        }
        let (word, bit) = (&mut self.used[number / 64], 1 << (number % 64));
        if *word & bit != 0 {
            return Err(format!("page {number} is used twice").into());
        }
        *word |= bit;
        Ok(())
    }

    fn read(&mut self, number: usize, bytes: &mut [u8]) -> Result<(), Fault> {
        self.file.seek(SeekFrom::Start(number as u64 * self.meta.page_size as u64)).map_err(Fault::Io)?;
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Wrong(format!("page {number} is missing")),
            _ => Fault::Io(error),
        })
    }
}

/// The nodes of a page; `None` if they are not where they can be.
fn nodes(page: &[u8]) -> Option<Vec<Node<'_>>> {
    let fields = Fields(page);
    let (lower, upper) = (usize::from(fields.u16(HEAD - 4)), usize::from(fields.u16(HEAD - 2)));
    if lower <= HEAD || lower % 2 != 0 || lower > upper || upper > page.len() {
        return None;
    }
    let mut nodes = Vec::with_capacity((lower - HEAD) / 2);
    for pointer in (HEAD..lower).step_by(2) {
        let at = usize::from(fields.u16(pointer));
        if at < upper || at % 2 != 0 {
            return None;
        }
        let (head, rest) = page.get(at..)?.split_at_checked(NODE_HEAD)?;
        let head = Fields(head);
        let (first, second) = (head.u16(0), head.u16(2));
        let (low, high) = if cfg!(target_endian = "big") { (second, first) } else { (first, second) };
        let key_len = usize::from(head.u16(6));
        if key_len > rest.len() {
            return None;
        }
        nodes.push(Node { numbers: [low, high, head.u16(4)], key_len, rest, at });
    }
    Some(nodes)
}
