//! An interrupt ends all that runs in a process, so it has one of its own.

use taskloom::Error;
use taskloom::prelude::*;

#[test]
fn an_interrupt_ends_a_long_partition() {
    let endless = Bag::range(i64::MAX, 1).map(|x| x ^ 1);
    let stopper = std::thread::spawn(|| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        taskloom::interrupt();
    });
    let error = endless.sum().compute().unwrap_err();
    stopper.join().unwrap();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
}
