//! The state of any list: what is selected, by key and not by place, so that nothing jumps under the cursor.

use std::collections::BTreeSet;

/// The column a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// The column, from 0; none is the list's own order.
    pub column: Option<usize>,
    /// From the largest.
    pub descending: bool,
}

impl Order {
    /// Sorts by a column; by the same one again, the other way round.
    pub fn by(&mut self, column: usize) {
        let again = self.column == Some(column);
        *self = Self { column: Some(column), descending: again && !self.descending };
    }

    /// Goes to the next of the columns shown, to the left or right; beyond the last lies the list's own order.
    pub fn step(&mut self, shown: &[usize], right: bool) {
        let stops = shown.len() + 1;
        let place =
            self.column.and_then(|column| shown.iter().position(|other| *other == column)).map_or(0, |at| at + 1);
        let next = if right { place + 1 } else { place + stops - 1 } % stops;
        *self = Self { column: next.checked_sub(1).map(|at| shown[at]), descending: false };
    }
}

/// The state of a list whose rows have keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<K> {
    /// The selected row.
    pub selected: Option<K>,
    /// Where it was last; another row takes the selection there when it vanishes.
    pub index: usize,
    /// The first row shown, as the last frame laid it out.
    pub offset: usize,
    /// How it is sorted.
    pub order: Order,
    /// What is filtered for; empty for nothing.
    pub filter: String,
    /// The marked rows.
    pub marks: BTreeSet<K>,
    /// Where a range of marks begins.
    pub anchor: Option<K>,
    /// What was selected when a filter began to be typed; dropping it goes back there.
    pub held: Option<K>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self {
            selected: None,
            index: 0,
            offset: 0,
            order: Order::default(),
            filter: String::new(),
            marks: BTreeSet::new(),
            anchor: None,
            held: None,
        }
    }
}

impl<K: Ord + Clone> List<K> {
    /// Brings selection and marks in line with the rows there are now.
    pub fn settle(&mut self, keys: &[K]) {
        let found = self.selected.as_ref().and_then(|key| keys.iter().position(|other| other == key));
        self.select(keys, found.unwrap_or(self.index));
        let marked = |key: &&K| self.marks.contains(*key);
        if !self.marks.is_empty() && keys.iter().filter(marked).count() < self.marks.len() {
            self.marks = keys.iter().filter(marked).cloned().collect();
        }
    }

    /// Selects a row wherever it is: what could hide it, and marks that commands would take instead, are dropped.
    pub fn go_to(&mut self, key: K) {
        self.filter.clear();
        self.marks.clear();
        self.anchor = None;
        self.held = None;
        self.selected = Some(key);
    }

    /// Moves the selection by so many rows.
    pub fn step(&mut self, keys: &[K], by: isize) {
        self.settle(keys);
        self.select(keys, self.index.saturating_add_signed(by));
    }

    /// Selects the row at a place, the last one at most.
    pub fn select(&mut self, keys: &[K], index: usize) {
        self.index = index.min(keys.len().saturating_sub(1));
        self.selected = keys.get(self.index).cloned();
    }

    /// Marks or unmarks the selected row and goes on to the next.
    pub fn mark(&mut self, keys: &[K]) {
        self.settle(keys);
        let Some(key) = self.selected.clone() else { return };
        if !self.marks.remove(&key) {
            self.marks.insert(key.clone());
            self.anchor = Some(key);
        }
        self.step(keys, 1);
    }

    /// Marks everything from the last mark to the selected row.
    pub fn mark_range(&mut self, keys: &[K]) {
        self.settle(keys);
        let from =
            self.anchor.as_ref().and_then(|key| keys.iter().position(|other| other == key)).unwrap_or(self.index);
        let (low, high) = (from.min(self.index), from.max(self.index));
        self.marks.extend(keys.iter().skip(low).take(high - low + usize::from(!keys.is_empty())).cloned());
    }

    /// The marked rows, or the selected one where none is marked.
    #[must_use]
    pub fn chosen(&self) -> Vec<K> {
        if self.marks.is_empty() {
            self.selected.iter().cloned().collect()
        } else {
            self.marks.iter().cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_with_its_row_and_falls_to_a_neighbour() {
        let mut list = List::default();
        list.settle(&["a", "b", "c"]);
        assert_eq!(list.selected, Some("a"));
        list.step(&["a", "b", "c"], 1);
        list.settle(&["new", "a", "b", "c"]);
        assert_eq!((list.selected, list.index), (Some("b"), 2));
        list.settle(&["new", "a", "c"]);
        assert_eq!(list.selected, Some("c"));
        list.settle(&[]);
        assert_eq!(list.selected, None);
        list.settle(&["z"]);
        assert_eq!(list.selected, Some("z"));
    }

    #[test]
    fn columns_to_sort_by_go_round() {
        let mut order = Order::default();
        order.by(2);
        assert_eq!((order.column, order.descending), (Some(2), false));
        order.by(2);
        assert_eq!((order.column, order.descending), (Some(2), true));
        order.by(1);
        assert_eq!((order.column, order.descending), (Some(1), false));
        let mut seen = Vec::new();
        for _ in 0..4 {
            order.step(&[0, 1, 4], true);
            seen.push(order.column);
        }
        assert_eq!(seen, [Some(4), None, Some(0), Some(1)]);
        order.step(&[0, 1, 4], false);
        assert_eq!(order.column, Some(0));
        order.step(&[], true);
        assert_eq!(order.column, None);
    }

    #[test]
    fn marks_are_what_commands_take() {
        let keys = ["a", "b", "c", "d"];
        let mut list = List::default();
        list.settle(&keys);
        assert_eq!(list.chosen(), ["a"]);
        list.mark(&keys);
        list.step(&keys, 1);
        list.mark_range(&keys);
        assert_eq!(list.chosen(), ["a", "b", "c"]);
        list.settle(&["a", "c"]);
        assert_eq!(list.chosen(), ["a", "c"]);
    }

    #[test]
    fn many_marks_cost_little() {
        use std::cell::Cell;
        use std::cmp::Ordering;
        use std::rc::Rc;
        #[derive(Clone)]
        struct Key(u32, Rc<Cell<u64>>);
        impl PartialEq for Key {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == Ordering::Equal
            }
        }
        impl Eq for Key {}
        impl PartialOrd for Key {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for Key {
            fn cmp(&self, other: &Self) -> Ordering {
                self.1.set(self.1.get() + 1);
                self.0.cmp(&other.0)
            }
        }
        let compared = Rc::new(Cell::new(0));
        let keys: Vec<Key> = (0..2000).map(|number| Key(number, compared.clone())).collect();
        let mut list = List { marks: keys.iter().cloned().collect(), ..List::default() };
        compared.set(0);
        list.settle(&keys);
        list.settle(&keys[1..]);
        assert_eq!(list.marks.len(), 1999);
        assert!(compared.get() < 500_000, "{}", compared.get());
    }
}
