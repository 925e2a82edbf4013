//! A frame computed on every scheduler, and in the form that travels to another process: all have to give the same. And what
//! tests of frames compare and catch.
#![allow(dead_code)] // each test file uses some of it

use taskloom::polars::prelude::{DataFrame as Rows, IntoLazy, SortMultipleOptions, all};
use taskloom::prelude::*;
use taskloom::travel::{Parcel, objects::Objects};

/// Rows in an order that does not depend on how they were computed.
fn ordered(rows: &Rows) -> Rows {
    let names: Vec<_> = rows.get_column_names().into_iter().cloned().collect();
    let options = SortMultipleOptions::default().with_maintain_order(true);
    rows.clone()
        .lazy()
        .sort_by_exprs([all().as_expr()], options)
        .collect()
        .map_or_else(|error| panic!("rows of {names:?} have no order: {error}"), |rows| rows)
}

/// Equal rows in any order; floats to the last digits, since sums depend on their order.
pub fn alike(one: &Rows, two: &Rows) -> bool {
    if one.schema() != two.schema() || one.height() != two.height() {
        return false;
    }
    let (one, two) = (ordered(one), ordered(two));
    one.columns().iter().zip(two.columns()).all(|(one, two)| match (one.f64(), two.f64()) {
        (Ok(one), Ok(two)) => one.iter().zip(two.iter()).all(|pair| match pair {
            (Some(one), Some(two)) => {
                one == two || one.is_nan() && two.is_nan() || (one - two).abs() <= 1e-9 * one.abs().max(1.0)
            }
            (one, two) => one == two,
        }),
        _ => one.equals_missing(two),
    })
}

/// The rows, after they were the same everywhere.
///
/// # Panics
/// When a scheduler gives other rows than another.
pub fn everywhere(frame: &DataFrame) -> Result<Rows, taskloom::Error> {
    let here = frame.compute_with(Scheduler::Sync);
    let same = |there: Result<Rows, taskloom::Error>, way: &str| match (&here, &there) {
        (Ok(here), Ok(there)) => assert!(alike(here, there), "{way}:\n{there}\nand here\n{here}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{way}: {there:?}, and here {here:?}"),
    };
    same(frame.compute_with(Scheduler::Threads(2)), "on two threads");
    let parcel = Parcel::pack(&(frame,)).expect("all of it travels");
    let parcel = Parcel::from_bytes(&parcel.to_bytes()).expect("it was just packed");
    let parts = parcel.compute(&Objects::new(), Scheduler::Sync);
    same(parts.and_then(|parts| frame.decode(&parts)), "from a parcel");
    here
}

/// Computed here one after the other, here in parallel, and in what stands for another process.
pub fn ways(frame: &DataFrame) -> [Rows; 3] {
    [frame.compute_with(Scheduler::Sync).unwrap(), frame.compute_with(Scheduler::Default).unwrap(), travelled(frame)]
}

/// Computed from what would go to another process.
pub fn travelled(frame: &DataFrame) -> Rows {
    let parcel = Parcel::pack(&(frame,)).unwrap().to_bytes();
    let parts = Parcel::from_bytes(&parcel).unwrap().compute(&Objects::new(), Scheduler::Default).unwrap();
    frame.decode(&parts).unwrap()
}

/// The same rows in the same order, floats within `tolerance` of what they should be.
pub fn assert_close(found: &Rows, wanted: &Rows, tolerance: f64, about: &str) {
    assert_eq!(found.schema(), wanted.schema(), "{about}");
    assert_eq!(found.height(), wanted.height(), "{about}: {found} {wanted}");
    for (found, wanted) in found.columns().iter().zip(wanted.columns()) {
        if !found.dtype().is_float() {
            assert_eq!(found, wanted, "{about}");
            continue;
        }
        let (name, found, wanted) = (wanted.name(), found.f64().unwrap(), wanted.f64().unwrap());
        for (row, (found, wanted)) in found.iter().zip(wanted.iter()).enumerate() {
            let same = match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    (found.is_nan() && wanted.is_nan()) || (found - wanted).abs() <= tolerance * (1.0 + wanted.abs())
                }
                (found, wanted) => found == wanted,
            };
            assert!(same, "{about}: {name}, row {row}: {found:?}, not {wanted:?}");
        }
    }
}

/// What a mistake is told as where it is written.
pub fn message(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(work).unwrap_err();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a sentence")
}
