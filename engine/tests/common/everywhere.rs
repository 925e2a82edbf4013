//! An array computed on every scheduler, and in the form that travels to another process: all have to give the same.
#![allow(dead_code)] // each test file uses some of it

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use taskloom::array::Element;
use taskloom::client::Client;
use taskloom::ndarray::ArrayD;
use taskloom::travel::{Parcel, objects::Objects};
use taskloom::{Array, Scheduler};

/// How many arrays have been packed, and how many could not, since a function of the test's captures something.
pub static PACKED: AtomicUsize = AtomicUsize::new(0);
pub static STAYED: AtomicUsize = AtomicUsize::new(0);

pub trait Everywhere<T> {
    /// As [`Array::compute`], but everywhere.
    fn everywhere(&self) -> Result<ArrayD<T>, taskloom::Error>;
    /// The only element.
    fn only(&self) -> T;
}

/// Equal, or both NaN.
fn alike<T: Element>(one: &ArrayD<T>, two: &ArrayD<T>) -> bool {
    // Only a NaN differs from itself.
    #[allow(clippy::eq_op)]
    let same = |(one, two): (&T, &T)| one == two || (one != one && two != two);
    one.shape() == two.shape() && one.iter().zip(two).all(same)
}

/// A client gets each block as a task of its own, of one array in four: what blocks have in common is made for each.
const FEW_BLOCKS: usize = 12;

fn by_a_client<T: Element>(array: &Array<T>, here: &Result<ArrayD<T>, taskloom::Error>) {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::builder().threads(2).build().expect("a client"));
    let futures: Vec<_> = array.to_delayed().iter().map(|block| CLIENT.compute(block)).collect();
    let (here, blocks) = match (here, CLIENT.gather(&futures)) {
        (Ok(here), Ok(blocks)) => (here, blocks),
        (Err(_), Err(_)) => return,
        (_, there) => panic!("{array:?} by a client: {:?}, and here {here:?}", there.map(|blocks| blocks.len())),
    };
    // Where each block lies follows from the lengths of those before it.
    let counts = array.numblocks();
    let mut place = vec![0; counts.len()];
    let mut start = vec![0; counts.len()];
    for block in &blocks {
        let mut part = here.view();
        part.slice_each_axis_inplace(|axis| {
            let axis = axis.axis.index();
            (start[axis]..start[axis] + block.shape()[axis]).into()
        });
        assert!(alike(&part.to_owned(), &block.to_owned().into_owned()), "{array:?} by a client: {block} at {place:?}");
        for axis in (0..counts.len()).rev() {
            (place[axis], start[axis]) = (place[axis] + 1, start[axis] + block.shape()[axis]);
            if place[axis] < counts[axis] {
                break;
            }
            (place[axis], start[axis]) = (0, 0);
        }
    }
}

impl<T: Element> Everywhere<T> for Array<T> {
    fn everywhere(&self) -> Result<ArrayD<T>, taskloom::Error> {
        let here = self.compute_with(Scheduler::Sync);
        let same = |there: Result<ArrayD<T>, taskloom::Error>, way: &str| match (&here, &there) {
            (Ok(here), Ok(there)) => assert!(alike(here, there), "{self:?} {way}:\n{there}\nand here\n{here}"),
            (Err(here), Err(there)) => assert_eq!(here.to_string(), there.to_string(), "{self:?} {way}"),
            _ => panic!("{self:?} {way}: {there:?}, and here {here:?}"),
        };
        same(self.compute_with(Scheduler::Threads(2)), "on two threads");
        static ARRAYS: AtomicUsize = AtomicUsize::new(0);
        if self.npartitions() <= FEW_BLOCKS && ARRAYS.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
            by_a_client(self, &here);
        }
        match Parcel::pack(&(self,)) {
            Ok(parcel) => {
                PACKED.fetch_add(1, Ordering::Relaxed);
                let parcel = Parcel::from_bytes(&parcel.to_bytes()).expect("it was just packed");
                let blocks = parcel.compute(&Objects::new(), Scheduler::Sync);
                same(blocks.and_then(|blocks| self.decode(&blocks)), "from a parcel");
            }
            Err(error) => {
                STAYED.fetch_add(1, Ordering::Relaxed);
                let said = error.to_string();
                assert!(said.contains("captures") && said.contains("bytes of its surroundings"), "{said}");
            }
        }
        here
    }

    fn only(&self) -> T {
        *self.everywhere().expect("it computes").first().expect("there is one")
    }
}
