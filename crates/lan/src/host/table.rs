//! What a host has by number.
//!
//! Numbers only grow, few things live at a time, and while a segment is handled the same one is asked for again and again: a
//! sorted list that remembers where it found something last beats a tree there.

use std::cell::Cell;

/// Things of type `T` by their numbers, in order of these.
#[derive(Debug)]
pub(crate) struct Table<K, T> {
    rows: Vec<(K, T)>,
    /// Where something was found last.
    recent: Cell<usize>,
}

impl<K: Copy + Ord, T> Table<K, T> {
    pub(crate) fn new() -> Table<K, T> {
        Table { rows: Vec::new(), recent: Cell::new(0) }
    }

    fn position(&self, key: K) -> Option<usize> {
        let recent = self.recent.get();
        if self.rows.get(recent).is_some_and(|(found, _)| *found == key) {
            return Some(recent);
        }
        let position = self.rows.binary_search_by_key(&key, |(found, _)| *found).ok()?;
        self.recent.set(position);
        Some(position)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&T> {
        let position = self.position(*key)?;
        Some(&self.rows[position].1)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        let position = self.position(*key)?;
        Some(&mut self.rows[position].1)
    }

    /// Adds `value`; it takes the place of another with the same number.
    pub(crate) fn insert(&mut self, key: K, value: T) {
        match self.rows.binary_search_by_key(&key, |(found, _)| *found) {
            Ok(position) => self.rows[position].1 = value,
            Err(position) => self.rows.insert(position, (key, value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<T> {
        let position = self.position(*key)?;
        Some(self.rows.remove(position).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.rows.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_in_order_and_are_found_after_others_have_gone() {
        let mut table = Table::new();
        for key in [1, 2, 4, 3] {
            table.insert(key, key * 10);
        }
        assert_eq!(table.get(&4), Some(&40));
        assert_eq!(table.remove(&1), Some(10));
        assert_eq!(table.remove(&1), None);
        assert_eq!(table.get(&4), Some(&40), "the place remembered is another's now");
        *table.get_mut(&3).unwrap() += 1;
        table.insert(2, 21);
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&2, &21), (&3, &31), (&4, &40)]);
        assert_eq!(table.values().sum::<i32>(), 92);
    }
}
