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

impl Node {
    fn new(entry: Arc<DepartmentEntry>) -> Self {
        Self { entry, children: Vec::new(), direct: RoaringBitmap::new(), below: RoaringBitmap::new() }
    }
}

/// The tree.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: HashMap<String, Node>,
    /// From the id that other systems chose to ours.
    custom_ids: HashMap<String, String>,
}

/// Place of a department among its sisters.
fn place_of(entry: &DepartmentEntry) -> (u32, &str, &str) {
    (entry.order, &entry.name, &entry.department_id)
}

impl Tree {
    /// The tree of these departments and people. The root is always there.
    pub fn new(departments: Vec<Arc<DepartmentEntry>>, rows: &Rows) -> Self {
        let mut nodes: HashMap<String, Node> = HashMap::with_capacity(departments.len() + 1);
        let mut custom_ids = HashMap::new();
        let root = Arc::new(DepartmentEntry::new(ROOT, "", ROOT));
        for entry in std::iter::once(root).chain(departments) {
            if let Some(custom_id) = &entry.custom_id {
                custom_ids.insert(custom_id.clone(), entry.department_id.clone());
            }
            nodes.insert(entry.department_id.clone(), Node::new(entry));
        }
        let mut sisters: HashMap<String, Vec<Arc<DepartmentEntry>>> = HashMap::new();
        for node in nodes.values().filter(|node| node.entry.department_id != ROOT) {
            sisters.entry(node.entry.parent.clone()).or_default().push(node.entry.clone());
        }
        for (parent, mut children) in sisters {
            children.sort_by(|a, b| place_of(a).cmp(&place_of(b)));
            if let Some(node) = nodes.get_mut(&parent) {
                node.children = children;
            }
        }
        let mut tree = Self { nodes, custom_ids };
        for (index, row) in rows.iter() {
            tree.place(index, row);
        }
        tree
    }

    pub fn entries(&self) -> impl Iterator<Item = &Arc<DepartmentEntry>> {
        self.nodes.values().map(|node| &node.entry)
    }

    /// How many departments there are, the root too.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn entry(&self, id: &str) -> Option<&Arc<DepartmentEntry>> {
        self.nodes.get(id).map(|node| &node.entry)
    }

    /// The department that other systems know by this id: the one that they chose, or ours where they chose none.
    pub fn by_shown_id(&self, id: &str) -> Option<&Arc<DepartmentEntry>> {
        match self.custom_ids.get(id) {
            Some(id) => self.entry(id),
            None => self.entry(id).filter(|entry| entry.custom_id.is_none()),
        }
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

    fn ids_upward(&self, id: &str) -> Vec<String> {
        self.upward(id).map(|entry| entry.department_id.clone()).collect()
    }

    /// A department stands below another one, or is it.
    pub fn within(&self, id: &str, above: &str) -> bool {
        self.nodes.contains_key(id) && self.upward(id).any(|entry| entry.department_id == above)
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

    /// How many levels there are below a department, itself counted.
    pub fn height(&self, id: &str) -> usize {
        let mut level: Vec<&str> = vec![id];
        let mut height = 0;
        while !level.is_empty() && height <= DEPARTMENT_DEPTH_MAX {
            height += 1;
            level = level.iter().flat_map(|id| self.children(id)).map(|child| child.department_id.as_str()).collect();
        }
        height
    }

    /// Puts a department in, or what is different of it. Its parent is there; nothing but its own place changes.
    pub fn put(&mut self, entry: Arc<DepartmentEntry>) {
        let id = entry.department_id.clone();
        if let Some(custom_id) = self.entry(&id).and_then(|before| before.custom_id.clone()) {
            self.custom_ids.remove(&custom_id);
        }
        if let Some(custom_id) = &entry.custom_id {
            self.custom_ids.insert(custom_id.clone(), id.clone());
        }
        if id == ROOT {
            if let Some(node) = self.nodes.get_mut(ROOT) {
                node.entry = entry;
            }
            return;
        }
        let before = self.entry(&id).map(|before| before.parent.clone());
        if let Some(parent) = &before {
            self.take_from(parent, &id);
        }
        match self.nodes.get_mut(&id) {
            Some(node) => node.entry = entry.clone(),
            None => drop(self.nodes.insert(id.clone(), Node::new(entry.clone()))),
        }
        if let Some(parent) = self.nodes.get_mut(&entry.parent) {
            let at = parent.children.partition_point(|sister| place_of(sister) < place_of(&entry));
            parent.children.insert(at, entry.clone());
        }
        if let Some(parent) = before.filter(|before| *before != entry.parent) {
            self.count_anew(&parent);
            let below = self.below(&id).cloned().unwrap_or_default();
            for above in self.ids_upward(&entry.parent) {
                if let Some(node) = self.nodes.get_mut(&above) {
                    node.below |= &below;
                }
            }
        }
    }

    /// Takes out a department that has nobody in it and nothing below it.
    pub fn remove(&mut self, id: &str) {
        let Some(node) = self.nodes.remove(id) else { return };
        if let Some(custom_id) = &node.entry.custom_id {
            self.custom_ids.remove(custom_id);
        }
        self.take_from(&node.entry.parent, id);
    }

    fn take_from(&mut self, parent: &str, id: &str) {
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.retain(|child| child.department_id != id);
        }
    }

    /// Who is below a department and those above it, from the bottom up. Somebody may be below by two ways, so that
    /// nobody can just be taken away.
    fn count_anew(&mut self, id: &str) {
        for above in self.ids_upward(id) {
            let Some(node) = self.nodes.get(&above) else { continue };
            let mut below = node.direct.clone();
            for child in &node.children {
                if let Some(child) = self.nodes.get(&child.department_id) {
                    below |= &child.below;
                }
            }
            if let Some(node) = self.nodes.get_mut(&above) {
                node.below = below;
            }
        }
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
            let upward = self.ids_upward(known);
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
