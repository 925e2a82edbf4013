//! An array computed on every scheduler, and in the form that travels to another process: all have to give the same.
#![allow(dead_code)] // each test file uses some of it

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

impl<T: Element> Everywhere<T> for Array<T> {
    fn everywhere(&self) -> Result<ArrayD<T>, taskloom::Error> {
        let here = self.compute_with(Scheduler::Sync);
        let same = |there: Result<ArrayD<T>, taskloom::Error>, way: &str| match (&here, &there) {
            (Ok(here), Ok(there)) => assert!(alike(here, there), "{self:?} {way}:\n{there}\nand here\n{here}"),
            (Err(here), Err(there)) => assert_eq!(here.to_string(), there.to_string(), "{self:?} {way}"),
            _ => panic!("{self:?} {way}: {there:?}, and here {here:?}"),
        };
        same(self.compute_with(Scheduler::Threads(2)), "on two threads");
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
