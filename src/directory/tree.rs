//! The tree of departments, and who is in and below each.

use super::person::{DepartmentEntry, ROOT, UserIndex};
use super::rows::{Row, Rows};
use crate::limits::DEPARTMENT_DEPTH_MAX;
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;

/// One department with its people.
#[derive(Debug)]
struct Node {
    entry: Arc<DepartmentEntry>,
    children: Vec<Arc<DepartmentEntry>>,
    direct: RoaringBitmap,
    below: RoaringBitmap,
}

/// The tree.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: HashMap<String, Node>,
}

impl Tree {
    /// The tree of these departments and people. The root is always there.
    pub fn new(departments: Vec<Arc<DepartmentEntry>>, rows: &Rows) -> Self {
        let mut nodes: HashMap<String, Node> = HashMap::with_capacity(departments.len() + 1);
        let root =
            Arc::new(DepartmentEntry { department_id: ROOT.into(), name: String::new(), parent: ROOT.into(), order: 0, leader: None });
        for entry in std::iter::once(root).chain(departments) {
            let node = Node { entry: entry.clone(), children: Vec::new(), direct: RoaringBitmap::new(), below: RoaringBitmap::new() };
            nodes.insert(entry.department_id.clone(), node);
        }
        let mut sisters: HashMap<String, Vec<Arc<DepartmentEntry>>> = HashMap::new();
        for node in nodes.values().filter(|node| node.entry.department_id != ROOT) {
            sisters.entry(node.entry.parent.clone()).or_default().push(node.entry.clone());
        }
        for (parent, mut children) in sisters {
            children.sort_by(|a, b| (a.order, &a.name, &a.department_id).cmp(&(b.order, &b.name, &b.department_id)));
            if let Some(node) = nodes.get_mut(&parent) {
                node.children = children;
            }
        }
        let mut tree = Self { nodes };
        for (index, row) in rows.iter() {
            tree.place(index, row);
        }
        tree
    }

    pub fn entries(&self) -> impl Iterator<Item = &Arc<DepartmentEntry>> {
        self.nodes.values().map(|node| &node.entry)
    }

    pub fn entry(&self, id: &str) -> Option<&Arc<DepartmentEntry>> {
        self.nodes.get(id).map(|node| &node.entry)
    }

    pub fn children(&self, id: &str) -> &[Arc<DepartmentEntry>] {
        self.nodes.get(id).map_or(&[], |node| &node.children)
    }

    pub fn direct(&self, id: &str) -> Option<&RoaringBitmap> {
        self.nodes.get(id).map(|node| &node.direct)
    }

    pub fn below(&self, id: &str) -> Option<&RoaringBitmap> {
        self.nodes.get(id).map(|node| &node.below)
    }

    /// Ids from a department up to the root, both included.
    fn upward<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Arc<DepartmentEntry>> {
        let start = self.nodes.get(id).or_else(|| self.nodes.get(ROOT)).map(|node| &node.entry);
        std::iter::successors(start, |entry| {
            if entry.department_id == ROOT {
                return None;
            }
            self.entry(&entry.parent).or_else(|| self.entry(ROOT))
        })
        .take(DEPARTMENT_DEPTH_MAX)
    }

    /// Names from the top down; without the root's.
    pub fn path(&self, id: &str) -> Vec<String> {
        let mut names: Vec<String> = self.upward(id).filter(|entry| entry.department_id != ROOT).map(|entry| entry.name.clone()).collect();
        names.reverse();
        names
    }

    /// A department would stand above itself, or too deep, if these replaced theirs. Gives the id of one of those.
    pub fn circle(&self, changed: &HashMap<&str, &DepartmentEntry>) -> Option<String> {
        let parent = |id: &str| match changed.get(id) {
            Some(entry) => Some(entry.parent.clone()),
            None => self.entry(id).map(|entry| entry.parent.clone()),
        };
        for id in changed.keys().filter(|id| **id != ROOT) {
            let mut at = (*id).to_owned();
            let mut depth = 0;
            while at != ROOT {
                depth += 1;
                if depth >= DEPARTMENT_DEPTH_MAX {
                    return Some((*id).to_owned());
                }
                match parent(&at) {
                    Some(above) => at = above,
                    None => break,
                }
            }
        }
        None
    }

    fn departments_of(row: &Row) -> Vec<&str> {
        // Bots and those who have left stand in no department.
        if row.kind() == PersonKind::Bot || row.resigned() {
            Vec::new()
        } else if row.departments().is_empty() {
            vec![ROOT]
        } else {
            row.departments().iter().map(|id| &**id).collect()
        }
    }

    /// Puts somebody into his or her departments.
    pub fn place(&mut self, index: UserIndex, row: &Row) {
        self.change(index, row, true);
    }

    /// Takes somebody out of the departments of an earlier row.
    pub fn displace(&mut self, index: UserIndex, row: &Row) {
        self.change(index, row, false);
    }

    fn change(&mut self, index: UserIndex, row: &Row, place: bool) {
        let set = |bitmap: &mut RoaringBitmap| {
            if place {
                bitmap.insert(index)
            } else {
                bitmap.remove(index)
            };
        };
        for id in Self::departments_of(row) {
            let known = if self.nodes.contains_key(id) { id } else { ROOT };
            let upward: Vec<String> = self.upward(known).map(|entry| entry.department_id.clone()).collect();
            if let Some(node) = self.nodes.get_mut(known) {
                set(&mut node.direct);
            }
            for above in upward {
                if let Some(node) = self.nodes.get_mut(&above) {
                    set(&mut node.below);
                }
            }
        }
    }
}
