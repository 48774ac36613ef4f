//! What was seen of a type.

use std::fmt::{self, Write};

/// How often a place is sought, with other samples on the way each time, before it counts as out of reach.
const TRIES: u32 = 64;
/// How many samples a place gets before what is around it is to be something else.
const SAMPLES: usize = 24;
/// How many passes there are at most.
const PASSES: u64 = 10_000;
/// How many places are looked at.
const NODES: usize = 2_000;
/// How deep it is looked.
const DEPTH: u32 = 100;
/// What is longer than the tuples that people write is an array, of which one element is looked at.
pub(super) const ARRAY: usize = 32;

/// The name of a tuple struct, or of an enum and its variant.
pub(super) type Tuple = (&'static str, Option<&'static str>);

/// What a place in a type asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Not known yet.
    Unseen,
    /// It did not show: only its name in Rust is known.
    Hidden,
    Leaf(&'static str),
    UnitStruct(&'static str),
    /// What is this many levels above.
    Recursion(u32),
    Option,
    Seq,
    Map,
    Tuple(usize),
    Array(usize),
    Newtype(&'static str),
    TupleStruct(&'static str, usize),
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
    UnitVariant,
    NewtypeVariant,
    TupleVariant(usize),
    StructVariant(&'static [&'static str]),
}

impl What {
    fn children(self) -> usize {
        match self {
            Self::Unseen
            | Self::Hidden
            | Self::Recursion(_)
            | Self::Leaf(_)
            | Self::UnitStruct(_)
            | Self::UnitVariant => 0,
            Self::Option | Self::Seq | Self::Array(_) | Self::Newtype(_) | Self::NewtypeVariant => 1,
            Self::Map => 2,
            Self::Tuple(len) | Self::TupleStruct(_, len) | Self::TupleVariant(len) => len,
            Self::Struct(_, names) | Self::StructVariant(names) | Self::Enum(_, names) => names.len(),
        }
    }

    /// Do its children have its own name in Rust, until they tell theirs?
    fn hands_down_its_name(self) -> bool {
        matches!(self, Self::Option | Self::Newtype(_) | Self::Enum(..) | Self::NewtypeVariant)
    }
}

struct Node {
    parent: Option<usize>,
    depth: u32,
    /// Rust's name of the type, or of the nearest one around it that is known.
    rust_name: &'static str,
    /// Rust's name of the visitor that came: with `what`, it tells a type from others.
    visitor: &'static str,
    what: What,
    /// The first of its children, which follow each other.
    first: usize,
    /// Everything in it has been seen, or is out of reach.
    done: bool,
    /// How often it was sought in vain.
    tries: u32,
    /// How many of the values made up for it were refused.
    refused: usize,
}

pub(super) struct Tree {
    nodes: Vec<Node>,
    progress: u64,
    passes: u64,
    /// This pass has been refused somewhere.
    refused: bool,
    /// Something looked at the data to find out what is there.
    pub(super) needs_names: bool,
}

impl Tree {
    pub(super) fn new(rust_name: &'static str) -> Self {
        let mut tree = Self { nodes: Vec::new(), progress: 0, passes: 0, refused: false, needs_names: false };
        tree.add(None, rust_name);
        tree
    }

    fn add(&mut self, parent: Option<usize>, rust_name: &'static str) {
        let depth = parent.map_or(0, |parent| self.nodes[parent].depth + 1);
        let (what, visitor) = (What::Unseen, "");
        self.nodes.push(Node { parent, depth, rust_name, visitor, what, first: 0, done: false, tries: 0, refused: 0 });
    }

    /// The place to lead the next pass to: the first that has not been seen. `None`: all have.
    pub(super) fn next_target(&mut self) -> Option<usize> {
        self.passes += 1;
        self.refused = false;
        let mut at = 0;
        if self.nodes[at].done || self.passes > PASSES {
            return None;
        }
        while let Some(child) = self.next_child(at) {
            at = self.nodes[at].first + child;
        }
        Some(at)
    }

    /// What tells whether a pass has seen anything new.
    pub(super) fn progress(&self) -> u64 {
        self.progress
    }

    /// A pass was led to `target`. If it saw nothing new, the next one takes other ways, or none.
    pub(super) fn passed(&mut self, target: usize, before: u64, panicked: bool) {
        if self.progress > before {
            return;
        }
        self.nodes[target].tries += 1;
        if panicked || self.nodes[target].tries >= TRIES {
            self.nodes[target].what = What::Hidden;
            self.set_done(target);
        }
    }

    /// Somebody comes to a place and asks for `what`. Is that what was asked for before, and something to go on with?
    pub(super) fn enter(&mut self, at: usize, what: What, visitor: &'static str) -> bool {
        if self.nodes[at].what != What::Unseen {
            return self.nodes[at].what == what;
        }
        self.nodes[at].visitor = visitor;
        self.nodes[at].what = what;
        if let Some(levels) = self.recursion(at) {
            self.nodes[at].what = What::Recursion(levels);
            self.set_done(at);
            return false;
        }
        let children = what.children();
        if self.nodes.len() + children > NODES || self.nodes[at].depth > DEPTH {
            self.nodes[at].what = What::Hidden;
            self.set_done(at);
            return false;
        }
        self.nodes[at].first = self.nodes.len();
        let rust_name = if what.hands_down_its_name() { self.nodes[at].rust_name } else { "" };
        for _ in 0..children {
            self.add(Some(at), rust_name);
        }
        self.progress += 1;
        if children == 0 {
            self.set_done(at);
        }
        true
    }

    /// How many levels above is the same type?
    fn recursion(&self, at: usize) -> Option<u32> {
        let node = &self.nodes[at];
        let is_variant = matches!(
            node.what,
            What::UnitVariant | What::NewtypeVariant | What::TupleVariant(_) | What::StructVariant(_)
        );
        if node.what.children() == 0 || is_variant {
            return None;
        }
        let mut above = node.parent;
        while let Some(parent) = above {
            let parent = &self.nodes[parent];
            if parent.what == node.what && parent.visitor == node.visitor {
                return Some(node.depth - parent.depth);
            }
            above = parent.parent;
        }
        None
    }

    fn set_done(&mut self, at: usize) {
        self.progress += 1;
        self.nodes[at].done = true;
        let mut above = self.nodes[at].parent;
        while let Some(parent) = above
            && self.next_child(parent).is_none()
        {
            self.nodes[parent].done = true;
            above = self.nodes[parent].parent;
        }
    }

    /// The type of a place as Rust calls it.
    pub(super) fn set_rust_name(&mut self, at: usize, name: &'static str) {
        if self.nodes[at].what == What::Unseen {
            self.nodes[at].rust_name = name;
        }
    }

    /// No value came of what was made up for a place. The innermost that can be something else will be so in the next pass.
    pub(super) fn refuse(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let is_settled = matches!(node.what, What::Recursion(_) | What::Hidden) || node.refused == SAMPLES;
        if !self.refused && !is_settled {
            node.refused += 1;
            self.refused = true;
        }
    }

    pub(super) fn refused(&self, at: usize) -> usize {
        self.nodes[at].refused
    }

    pub(super) fn tries(&self, at: usize) -> u32 {
        self.nodes[at].tries
    }

    pub(super) fn is_done(&self, at: usize) -> bool {
        self.nodes[at].done
    }

    /// The place of a child.
    pub(super) fn child(&self, at: usize, number: usize) -> usize {
        self.nodes[at].first + number
    }

    /// The number of the first child in which something is unseen.
    pub(super) fn next_child(&self, at: usize) -> Option<usize> {
        let node = &self.nodes[at];
        (0..node.what.children()).find(|child| !self.nodes[node.first + child].done)
    }

    /// The variants of an enum, those first of which a value is easily made.
    pub(super) fn variants(&self, at: usize) -> Vec<usize> {
        let node = &self.nodes[at];
        let mut variants: Vec<_> = (0..node.what.children()).collect();
        variants.sort_by_key(|variant| {
            let variant = node.first + variant;
            (self.nodes[variant].what != What::UnitVariant, self.recurs(variant))
        });
        variants
    }

    fn recurs(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        matches!(node.what, What::Recursion(_))
            || (0..node.what.children()).any(|child| self.recurs(node.first + child))
    }

    /// The tuple structs and tuple variants that were seen, and how many parts each has.
    pub(super) fn tuples(&self) -> Vec<(Tuple, usize)> {
        let mut tuples = Vec::new();
        for node in &self.nodes {
            match node.what {
                What::TupleStruct(name, len) => tuples.push(((name, None), len)),
                What::Enum(name, variants) => {
                    for (variant, node) in variants.iter().zip(&self.nodes[node.first..]) {
                        if let What::TupleVariant(len) = node.what {
                            tuples.push(((name, Some(*variant)), len));
                        }
                    }
                }
                _ => {}
            }
        }
        tuples
    }

    /// What was seen, as a text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = self.write(&mut text, 0);
        text
    }

    fn write(&self, out: &mut String, at: usize) -> fmt::Result {
        let node = &self.nodes[at];
        match node.what {
            What::Unseen | What::Hidden => write!(out, "any {:?}", node.rust_name),
            // The keys are fields that the type does not tell.
            What::Map if self.nodes[node.first].what == What::Leaf(IDENTIFIER) => {
                write!(out, "any {:?}", node.rust_name)
            }
            What::Leaf(name) => out.write_str(name),
            What::UnitStruct(name) => write!(out, "struct {name:?}"),
            What::Recursion(levels) => write!(out, "^{levels}"),
            What::UnitVariant => Ok(()),
            What::Option => self.write_children(out, node, "option(", ")", &[]),
            What::Seq => self.write_children(out, node, "[", "]", &[]),
            What::Array(len) => self.write_children(out, node, "[", &format!("; {len}]"), &[]),
            What::Map => self.write_map(out, node),
            What::Tuple(_) | What::NewtypeVariant | What::TupleVariant(_) => {
                self.write_children(out, node, "(", ")", &[])
            }
            What::Newtype(name) | What::TupleStruct(name, _) => {
                self.write_children(out, node, &format!("struct {name:?} ("), ")", &[])
            }
            What::Struct(name, fields) => self.write_children(out, node, &format!("struct {name:?} {{"), "}", fields),
            What::StructVariant(fields) => self.write_children(out, node, "{", "}", fields),
            What::Enum(name, variants) => self.write_children(out, node, &format!("enum {name:?} {{"), "}", variants),
        }
    }

    fn write_map(&self, out: &mut String, node: &Node) -> fmt::Result {
        out.write_str("{")?;
        self.write(out, node.first)?;
        out.write_str(": ")?;
        self.write(out, node.first + 1)?;
        out.write_str("}")
    }

    fn write_children(
        &self,
        out: &mut String,
        node: &Node,
        open: &str,
        close: &str,
        names: &[&'static str],
    ) -> fmt::Result {
        out.write_str(open)?;
        for child in 0..node.what.children() {
            if child > 0 {
                out.write_str(", ")?;
            }
            if let Some(name) = names.get(child) {
                write!(out, "{name:?}: ")?;
            }
            self.write(out, node.first + child)?;
        }
        out.write_str(close)
    }
}

/// The leaf that asks for the name of a field.
pub(super) const IDENTIFIER: &str = "identifier";
