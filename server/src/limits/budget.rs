//! A counted budget with a share for each holder: taken at once or not at all, given back on drop.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So much for all, and so much of it for one.
pub(super) struct Budget<K> {
    all: usize,
    one: usize,
    used: Arc<Mutex<Used<K>>>,
}

#[derive(Debug)]
struct Used<K> {
    all: usize,
    by: HashMap<K, usize>,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Copy + Eq + Hash> {
    all: usize,
    one: usize,
    used: Arc<Mutex<Used<K>>>,
    key: K,
    /// Shared with whoever learns what is really needed.
    amount: Mutex<usize>,
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// All holders together have too much.
    All,
    /// This holder has its share.
    One,
}

impl<K: Copy + Eq + Hash> Budget<K> {
    pub(super) fn new(all: usize, one: usize) -> Self {
        Self { all, one, used: Arc::new(Mutex::new(Used { all: 0, by: HashMap::new() })) }
    }

    /// Takes `amount` for the holder `key`.
    pub(super) fn take(&self, key: K, amount: usize) -> Result<Share<K>, Full> {
        let mut used = lock(&self.used);
        if used.all + amount > self.all {
            return Err(Full::All);
        }
        let own = used.by.get(&key).copied().unwrap_or_default();
        if own + amount > self.one {
            return Err(Full::One);
        }
        used.all += amount;
        used.by.insert(key, own + amount);
        Ok(Share { all: self.all, one: self.one, used: self.used.clone(), key, amount: Mutex::new(amount) })
    }

    /// What all holders have together.
    pub(super) fn used(&self) -> usize {
        lock(&self.used).all
    }
}

impl<K: Copy + Eq + Hash> Share<K> {
    /// Makes the share `amount`: gives the rest back, or takes what it lacks.
    pub(super) fn set(&self, amount: usize) -> Result<(), Full> {
        let mut own = lock(&self.amount);
        if let Some(more) = amount.checked_sub(*own) {
            let mut used = lock(&self.used);
            if used.all + more > self.all {
                return Err(Full::All);
            }
            let of_one = used.by.entry(self.key).or_default();
            if *of_one + more > self.one {
                return Err(Full::One);
            }
            *of_one += more;
            used.all += more;
        } else {
            self.give_back(*own - amount);
        }
        *own = amount;
        Ok(())
    }

    /// Takes so much more.
    pub(super) fn grow(&self, by: usize) -> Result<(), Full> {
        let amount = *lock(&self.amount);
        self.set(amount + by)
    }

    /// Becomes `amount`, be it more than there is: for what is there already.
    pub(super) fn resize(&self, amount: usize) {
        let mut own = lock(&self.amount);
        if let Some(more) = amount.checked_sub(*own).filter(|more| *more > 0) {
            let mut used = lock(&self.used);
            used.all += more;
            *used.by.entry(self.key).or_default() += more;
        } else {
            self.give_back(*own - amount);
        }
        *own = amount;
    }

    fn give_back(&self, amount: usize) {
        let mut used = lock(&self.used);
        used.all -= amount;
        if let Some(own) = used.by.get_mut(&self.key) {
            *own -= amount;
            // Who holds nothing is forgotten: the map is as large as the number of those who do.
            if *own == 0 {
                used.by.remove(&self.key);
            }
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let amount = *lock(&self.amount);
        self.give_back(amount);
    }
}

/// The numbers are consistent after each statement: a panic elsewhere cannot have spoilt them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_a_share_and_all_together_not_more_than_there_is() {
        let budget = Budget::new(10, 6);
        let first = budget.take("a", 6).expect("fits");
        assert_eq!(budget.take("a", 1).err(), Some(Full::One));
        assert_eq!(budget.take("b", 5).err(), Some(Full::All));
        let second = budget.take("b", 4).expect("fits");
        assert_eq!(first.set(2), Ok(()));
        assert_eq!(first.set(7), Err(Full::All));
        assert_eq!(first.set(5), Ok(()));
        assert_eq!(budget.take("c", 2).err(), Some(Full::All), "a share grows only within what there is");
        first.resize(9);
        assert_eq!(budget.used(), 13, "but what is there counts");
        assert_eq!(budget.take("c", 1).err(), Some(Full::All));
        first.resize(0);
        assert!(!lock(&budget.used).by.contains_key("a"));
        drop(second);
        assert_eq!(first.set(7), Err(Full::One));
        drop(first);
        assert!(lock(&budget.used).by.is_empty());
        assert_eq!(lock(&budget.used).all, 0);
    }
}
