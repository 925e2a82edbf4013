//! Items brought together by key: each partition is split by the hash of the key, and the pieces are put together.
//!
//! ```text
//!  partition ──split──► pieces ──┐
//!  partition ──split──► pieces ──┼──► gather: (key, items), in the partition that the key's hash says
//!  partition ──split──► pieces ──┘
//! ```
//! Pieces go to disk when they do not fit into memory, and items and keys have a codec.

use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, PoisonError};

use super::Bag;
use super::codec::{decoded_pairs, encoded_pairs, know_pairs, nbytes_of, of_list};
use super::group::{Key, groups};
use super::memory::Computed;
use super::node::{Datum, Root, Want};
use super::pass::OfBags;
use super::spill::{OnDisk, write};
use super::stream::{Done, Flow, Place, Push, Pushed, Reducer};
use crate::frame::exchange::{Budget, Reserved};
use crate::task::{Failure, Made, ResultType, Step, TypeOf, Value, value_task};

/// Keys and their items, in the order in which they came.
type Pairs<K, T> = (Vec<K>, Vec<T>);

/// So many items are held before somebody measures what they take, and then each time that there are a quarter more.
const MEASURED: usize = 4096;
/// So much is held until the end: pieces on disk should not be tiny.
const ALLOWED: u64 = 8 << 20;

/// What one partition has for one of the new ones.
struct Piece<K, T> {
    on_disk: Vec<OnDisk>,
    /// Later than what is on disk.
    pairs: Pairs<K, T>,
}

/// What one partition was split into. Each piece is read once, and then free.
struct Pieces<K, T> {
    pieces: Vec<Mutex<Option<Piece<K, T>>>>,
    _reserved: Vec<Reserved>,
}

struct Split<G> {
    key: G,
    parts: usize,
}

struct Splitting<'a, K, T, G> {
    split: &'a Split<G>,
    pieces: Vec<Piece<K, T>>,
    /// Items in memory, and how many there may be before they are measured.
    held: usize,
    measured_at: usize,
    reserved: Vec<Reserved>,
    /// Bytes that are reserved.
    known: u64,
    failure: Option<String>,
    done: Done<'a>,
}

impl<T: Datum, K: Key, G: Fn(&T) -> K + Send + Sync> Reducer<T> for Split<G> {
    fn begin<'a>(&'a self, _place: &'a Place, done: Done<'a>) -> Pushed<'a, T> {
        let pieces = (0..self.parts).map(|_| Piece { on_disk: Vec::new(), pairs: (Vec::new(), Vec::new()) }).collect();
        Box::new(Splitting {
            split: self,
            pieces,
            held: 0,
            measured_at: MEASURED,
            reserved: Vec::new(),
            known: 0,
            failure: None,
            done,
        })
    }
    fn result(&self) -> ResultType {
        TypeOf::of::<Pieces<K, T>>()
    }
}

impl<K: Key, T: Datum, G> Splitting<'_, K, T, G> {
    /// Takes memory for what has come, or makes room by writing down what is there.
    fn measure(&mut self, is_end: bool) -> Result<(), String> {
        self.measured_at = MEASURED.max(self.held + self.held / 4);
        let held: u64 = self.pieces.iter().map(|piece| nbytes_of(&piece.pairs.0) + nbytes_of(&piece.pairs.1)).sum();
        if held <= ALLOWED && !is_end {
            return Ok(());
        }
        if let Some(reserved) = Budget::global().reserve(held.saturating_sub(self.known)) {
            self.known = self.known.max(held);
            self.reserved.push(reserved);
            return Ok(());
        }
        // What cannot be written down has to stay.
        if of_list::<K>().is_err() || of_list::<T>().is_err() {
            return Ok(());
        }
        for piece in self.pieces.iter_mut().filter(|piece| !piece.pairs.0.is_empty()) {
            let (keys, items) = std::mem::take(&mut piece.pairs);
            piece.on_disk.push(write(&encoded_pairs(&keys, &items)?)?);
        }
        self.reserved.clear();
        (self.held, self.measured_at, self.known) = (0, MEASURED, 0);
        Ok(())
    }
}

impl<T: Datum, K: Key, G: Fn(&T) -> K> Push<T> for Splitting<'_, K, T, G> {
    fn push(&mut self, item: T) -> Flow {
        let key = (self.split.key)(&item);
        let part = (hash(&key) % self.pieces.len() as u64) as usize;
        let (keys, items) = &mut self.pieces[part].pairs;
        keys.push(key);
        items.push(item);
        self.held += 1;
        if self.held >= self.measured_at
            && let Err(why) = self.measure(false)
        {
            self.failure = Some(why);
            return Flow::Break(());
        }
        Flow::Continue(())
    }
    fn end(mut self: Box<Self>) -> Result<(), Failure> {
        if self.failure.is_none() {
            self.failure = self.measure(true).err();
        }
        if let Some(why) = self.failure {
            return Err(Failure::Error(why.into()));
        }
        let pieces = self.pieces.into_iter().map(|piece| Mutex::new(Some(piece))).collect();
        self.done.give(Arc::new(Pieces::<K, T> { pieces, _reserved: self.reserved }));
        Ok(())
    }
}

/// The same for equal keys in every process.
fn hash(key: &impl Hash) -> u64 {
    // The tables of groups use the lower bits of another seed.
    let hash = foldhash::quality::FixedState::with_seed(0x6c6f_6f6d).hash_one(key);
    hash ^ hash >> 32
}

fn gathered<T: Datum, K: Key>(part: usize, inputs: Vec<Value>) -> Result<Vec<(K, Vec<T>)>, Failure> {
    let mut whole = groups::<K, Vec<T>>();
    let mut add = |(keys, items): Pairs<K, T>| {
        keys.into_iter().zip(items).for_each(|(key, item)| whole.entry(key).or_default().push(item));
    };
    for pieces in inputs {
        if crate::is_cancelled() {
            return Err(Failure::Error("it was interrupted".into()));
        }
        let pieces =
            pieces.downcast::<Pieces<K, T>>().unwrap_or_else(|_| unreachable!("a task reads what it asked for"));
        let piece = pieces.pieces[part].lock().unwrap_or_else(PoisonError::into_inner).take();
        let piece =
            piece.ok_or_else(|| Failure::Error("these groups have been read before; compute them again".into()))?;
        for stored in &piece.on_disk {
            let pairs = stored.read().and_then(|bytes| decoded_pairs(&bytes));
            add(pairs.map_err(|why| Failure::Error(why.into()))?);
        }
        add(piece.pairs);
    }
    Ok(whole.into_iter().collect())
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// All items of each key together. As many partitions as before; [`groupby_into`](Bag::groupby_into) says how many.
    ///
    /// All items go from one partition to another, and a group is held in memory: where the items of a key come down to a
    /// value, [`foldby`](Bag::foldby) is much quicker. What does not fit into memory on the way goes to disk, when keys
    /// and items have a codec (see [`travel`](crate::travel)).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(6, 2).groupby(|x| x % 2 == 0);
    /// let mut groups = b.compute()?;
    /// groups.sort();
    /// assert_eq!(groups, [(false, vec![1, 3, 5]), (true, vec![0, 2, 4])]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn groupby<K>(&self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Bag<(K, Vec<T>)>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        self.groupby_into(self.npartitions(), key)
    }

    /// As [`groupby`](Bag::groupby), with so many partitions.
    ///
    /// # Panics
    /// When `npartitions` is 0.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(100, 9).groupby_into(2, |x| x % 10);
    /// assert_eq!((b.npartitions(), b.count().compute()?), (2, 10));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn groupby_into<K>(&self, npartitions: usize, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Bag<(K, Vec<T>)>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        assert!(npartitions > 0, "`groupby_into`: there has to be at least one partition");
        know_pairs::<K, Vec<T>>();
        let reducer =
            Made::<dyn Reducer<T>>::given("groupby", key, npartitions, |key, &parts| Arc::new(Split { key, parts }));
        let finish = move |splits: Vec<Arc<Step>>| {
            let gather = |part: usize| {
                value_task::<OfBags, Vec<(K, Vec<T>)>, _, _>("groupby", splits.clone(), part, |&part, pieces| {
                    gathered::<T, K>(part, pieces)
                })
            };
            (0..npartitions).map(gather).collect()
        };
        let want = Want::of::<T, Pieces<K, T>>(&self.node, "split", reducer, Some(Box::new(finish)));
        Bag { node: Arc::new(Root { name: "groupby", npartitions, roots: Box::new(Computed { want }) }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_do_not_fit_go_to_disk_and_come_back() {
        let bag = Bag::range(900_000, 3).map(|n| (n % 1000, format!("the number {n}")));
        let groups = bag.groupby_into(5, |pair| pair.0);
        let sizes = groups.map(|(key, group)| (key, group.len(), group.iter().map(|pair| pair.1.len()).sum::<usize>()));
        let in_memory = sizes.compute().unwrap();
        let before = Budget::global().spilled();
        Budget::global().set_limit(Some(0));
        let on_disk = sizes.compute();
        Budget::global().set_limit(None);
        assert_eq!(on_disk.unwrap(), in_memory);
        assert!(Budget::global().spilled() > before);
        assert_eq!(in_memory.iter().map(|group| group.1).sum::<usize>(), 900_000);
    }
}
