//! How the items of a partition flow: pushed from a source, one at a time, through steps, into what becomes of them.
//!
//! ```text
//!  Source<S> ──push──► Over<S, R> ──push──► … ──push──► Tail: one Reducer, or several that share the pass
//! ```
//! Nothing is collected on the way unless a step needs the whole partition, so a partition may be larger than memory.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use crate::frame::source::text::TextFile;
use crate::task::{Failure, Made, ResultType, Value};

/// Whether more items are wanted.
pub(crate) type Flow = ControlFlow<()>;

/// What items are pushed into.
pub(crate) trait Push<T> {
    /// Takes an item, and says whether it wants more.
    fn push(&mut self, item: T) -> Flow;
    /// There are no more. What has gone wrong meanwhile is said here.
    fn end(self: Box<Self>) -> Result<(), Failure>;
}

/// Something to push into, with the lifetime of a task.
pub(crate) type Pushed<'a, T> = Box<dyn Push<T> + 'a>;

/// The results of the steps that a task reads, in order.
pub(crate) type Given = std::vec::IntoIter<Value>;

/// Where the items of a partition come from.
pub(crate) trait Source<T>: Send + Sync {
    /// Pushes all items, until no more are wanted. It does not end what it pushes into.
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<T>) -> Result<(), Failure>;
}

/// A step: items in, items out.
pub(crate) trait Over<S, R>: Send + Sync {
    /// What to push into so that `next` gets what comes of it.
    fn over<'a>(&'a self, place: &'a Place, next: Pushed<'a, R>) -> Pushed<'a, S>;
}

/// What becomes of a partition: a value.
pub(crate) trait Reducer<T>: Send + Sync {
    /// Begins with no items; the value goes to `done` at the end.
    fn begin<'a>(&'a self, place: &'a Place, done: Done<'a>) -> Pushed<'a, T>;
    /// The type of the value.
    fn result(&self) -> ResultType;
}

/// All that becomes of the items of one pass.
pub(crate) trait Tail<T>: Send + Sync {
    fn open<'a>(&'a self, place: &'a Place, results: &'a Results) -> Pushed<'a, T>;
    /// The type of the value of each slot, appended in no order.
    fn results(&self, into: &mut Vec<(usize, ResultType)>);
}

/// The values of a pass, one for each slot.
pub(crate) struct Results(RefCell<Vec<Option<Value>>>);

impl Results {
    pub(crate) fn new(slots: usize) -> Results {
        Results(RefCell::new(vec![None; slots]))
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        let values = self.0.into_inner().into_iter();
        values.map(|value| value.unwrap_or_else(|| unreachable!("each reducer gives a value when it ends"))).collect()
    }
}

/// Where a reducer puts its value.
pub(crate) struct Done<'a> {
    results: &'a Results,
    slot: usize,
}

impl Done<'_> {
    pub(crate) fn give(self, value: Value) {
        self.results.0.borrow_mut()[self.slot] = Some(value);
    }
}

/// The end of a chain of steps.
pub(crate) struct Ends<T: 'static> {
    pub(crate) reducer: Made<dyn Reducer<T>>,
    pub(crate) slot: usize,
}

impl<T> Tail<T> for Ends<T> {
    fn open<'a>(&'a self, place: &'a Place, results: &'a Results) -> Pushed<'a, T> {
        self.reducer.begin(place, Done { results, slot: self.slot })
    }
    fn results(&self, into: &mut Vec<(usize, ResultType)>) {
        into.push((self.slot, self.reducer.result()));
    }
}

/// A step, and what becomes of its items.
pub(crate) struct Leads<S: 'static, R: 'static> {
    pub(crate) over: Made<dyn Over<S, R>>,
    pub(crate) tail: Made<dyn Tail<R>>,
}

impl<S, R> Tail<S> for Leads<S, R> {
    fn open<'a>(&'a self, place: &'a Place, results: &'a Results) -> Pushed<'a, S> {
        self.over.over(place, self.tail.open(place, results))
    }
    fn results(&self, into: &mut Vec<(usize, ResultType)>) {
        self.tail.results(into);
    }
}

/// Items that several want.
pub(crate) struct Forks<T: 'static>(pub(crate) Vec<Made<dyn Tail<T>>>);

impl<T: Clone> Tail<T> for Forks<T> {
    fn open<'a>(&'a self, place: &'a Place, results: &'a Results) -> Pushed<'a, T> {
        let nexts = self.0.iter().map(|tail| (tail.open(place, results), true)).collect();
        Box::new(Forked { nexts })
    }
    fn results(&self, into: &mut Vec<(usize, ResultType)>) {
        self.0.iter().for_each(|tail| tail.results(into));
    }
}

/// Each with whether it wants more.
struct Forked<'a, T> {
    nexts: Vec<(Pushed<'a, T>, bool)>,
}

impl<T: Clone> Push<T> for Forked<'_, T> {
    fn push(&mut self, item: T) -> Flow {
        let Some(last) = self.nexts.iter().rposition(|(_, wants)| *wants) else { return Flow::Break(()) };
        for (next, wants) in self.nexts[..last].iter_mut().filter(|(_, wants)| *wants) {
            *wants = next.push(item.clone()).is_continue();
        }
        let (next, wants) = &mut self.nexts[last];
        *wants = next.push(item).is_continue();
        match last > 0 || *wants {
            true => Flow::Continue(()),
            false => Flow::Break(()),
        }
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        self.nexts.into_iter().try_for_each(|(next, _)| next.end())
    }
}

/// A source whose items go through a step.
pub(crate) struct Then<S: 'static, R: 'static> {
    pub(crate) source: Made<dyn Source<S>>,
    pub(crate) over: Made<dyn Over<S, R>>,
}

impl<S, R> Source<R> for Then<S, R> {
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<R>) -> Result<(), Failure> {
        let mut over = self.over.over(place, Box::new(Lent(to)));
        self.source.run(place, inputs, &mut *over)?;
        over.end()
    }
}

/// What somebody else will end.
struct Lent<'a, T>(&'a mut dyn Push<T>);

impl<T> Push<T> for Lent<'_, T> {
    fn push(&mut self, item: T) -> Flow {
        self.0.push(item)
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

/// A step that only needs to see one item after the other.
pub(crate) struct Each<'a, R, F> {
    next: Pushed<'a, R>,
    push: F,
}

impl<'a, R, F> Each<'a, R, F> {
    /// `push` gets each item, and what to push into.
    pub(crate) fn of<S>(next: Pushed<'a, R>, push: F) -> Pushed<'a, S>
    where
        R: 'a,
        S: 'a,
        F: FnMut(&mut (dyn Push<R> + 'a), S) -> Flow + 'a,
    {
        Box::new(Each { next, push })
    }
}

impl<'a, S, R, F> Push<S> for Each<'a, R, F>
where
    F: FnMut(&mut (dyn Push<R> + 'a), S) -> Flow,
{
    fn push(&mut self, item: S) -> Flow {
        (self.push)(&mut *self.next, item)
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        self.next.end()
    }
}

/// Items into a vector.
pub(crate) struct Into<'a, T>(pub(crate) &'a mut Vec<T>);

impl<T> Push<T> for Into<'_, T> {
    fn push(&mut self, item: T) -> Flow {
        self.0.push(item);
        Flow::Continue(())
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

/// The file that a partition is read from, and where in it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) file: TextFile,
    /// The bytes of its text before the part that is read.
    pub(crate) from: u64,
}

/// Which item is on its way at the moment; for errors and interrupts.
#[derive(Debug, Default)]
pub(crate) struct Place {
    partition: Cell<usize>,
    item: Cell<u64>,
    line: Cell<u64>,
    origin: RefCell<Option<Origin>>,
}

/// So many items pass before somebody looks if they are still wanted.
const LOOK_EVERY: u64 = 1024;

impl Place {
    pub(crate) fn new(partition: usize) -> Place {
        Place { partition: Cell::new(partition), ..Place::default() }
    }

    /// The number of the partition, as the bag that the items come from counts.
    pub(crate) fn partition(&self) -> usize {
        self.partition.get()
    }

    /// Items of a partition of another bag.
    pub(crate) fn within<R>(&self, partition: usize, run: impl FnOnce() -> R) -> R {
        let (own, item) = (self.partition.replace(partition), self.item.replace(0));
        let result = run();
        self.partition.set(own);
        self.item.set(item + self.item.get());
        result
    }

    /// From here on, it is about all items.
    pub(crate) fn whole(&self) {
        self.item.set(0);
        self.line.set(0);
    }

    /// From here on, items come from a file.
    pub(crate) fn reads(&self, origin: Origin) {
        self.line.set(0);
        *self.origin.borrow_mut() = Some(origin);
    }

    pub(crate) fn at_line(&self, line: u64) {
        self.line.set(line);
    }

    /// An item is on its way. An interrupt ends the task here.
    #[inline]
    pub(crate) fn next(&self) -> Result<(), Failure> {
        let item = self.item.get() + 1;
        self.item.set(item);
        if item.is_multiple_of(LOOK_EVERY) { self.look() } else { Ok(()) }
    }

    /// That nobody has interrupted the task.
    #[cold]
    pub(crate) fn look(&self) -> Result<(), Failure> {
        match crate::is_cancelled() {
            true => Err(Failure::Error("it was interrupted".into())),
            false => Ok(()),
        }
    }

    /// The item on its way, as a person finds it: `item 17 of partition 3 (logs/a.gz, line 18)`.
    pub(crate) fn text(&self) -> String {
        let mut text = match self.item.get() {
            0 => format!("partition {}", self.partition()),
            item => format!("item {} of partition {}", item - 1, self.partition()),
        };
        if let Some(origin) = &*self.origin.borrow() {
            text.push_str(&format!(" ({})", super::text::described(origin, self.line.get())));
        }
        text
    }
}
