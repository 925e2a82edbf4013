//! Interrupts of those who wait for futures. An interrupt ends every wait of the process, so these tests have a process
//! of their own and run one after the other: the last makes it a notebook's process, which it stays.

mod common;

use std::time::Duration;

use taskloom::client::{progress, wait_first, wait_timeout};
use taskloom::prelude::*;
use taskloom::{Error, Result, interrupt};

use common::interrupts::{interrupted, waited_for};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn interrupts() -> Result<()> {
    an_interrupt_ends_every_wait_and_no_task()?;
    an_interrupt_of_a_compute_ends_a_wait_in_its_tasks()?;
    in_a_cell_an_interrupt_ends_all_that_follows()
}

fn an_interrupt_ends_every_wait_and_no_task() -> Result<()> {
    let client = Client::builder().threads(1).build()?;
    let go = client.event("go");
    let gate = go.clone();
    let slow = client.submit(move || gate.wait().map(|()| 7_i64).expect("no interrupt ends this"), ());
    let both = [slow.clone(), client.submit(|x: i64| x + 1, (&slow,))];
    let name = format!("the future `{}`", slow.key());
    assert_eq!(waited_for(interrupted(|| slow.result())), name);
    assert_eq!(waited_for(interrupted(|| slow.shared())), name);
    assert_eq!(waited_for(interrupted(|| slow.wait())), name);
    assert_eq!(waited_for(interrupted(|| slow.result_timeout(LONG))), name);
    assert_eq!(waited_for(interrupted(|| wait(&both[..1]))), name);
    assert_eq!(waited_for(interrupted(|| client.gather(&both[..1]))), name);
    assert_eq!(waited_for(interrupted(|| progress(&both[..1]))), name);
    assert_eq!(waited_for(interrupted(|| wait_timeout(&both, LONG))), "2 of 2 futures");
    assert_eq!(waited_for(interrupted(|| wait_first(&both))), "1 of 2 futures");
    // A wait that is over leaves the future alone; `as_completed` gives one that is not done, and then the others.
    let mut completed = as_completed(both.clone());
    let early = interrupted(|| completed.next()).unwrap();
    assert!(!early.done());
    let result = interrupted(|| as_completed(both[..1].to_vec()).with_results().next().unwrap().1);
    assert_eq!(waited_for(result), name);
    assert!(!slow.done() && completed.len() == 1);
    go.set();
    let late = completed.next().unwrap();
    assert!(completed.next().is_none());
    assert_eq!(early.result()? + late.result()?, 7 + 8);
    Ok(())
}

fn an_interrupt_of_a_compute_ends_a_wait_in_its_tasks() -> Result<()> {
    let client = Client::builder().threads(2).build()?;
    let go = client.event("never");
    let gate = go.clone();
    let slow = client.submit(move || gate.wait().is_ok(), ());
    let lazy = delayed!(bool::then_some({ slow.clone() }, 1));
    let outcome = interrupted(|| lazy.compute());
    assert!(matches!(outcome, Err(Error::Cancelled { .. } | Error::Task(_))), "{outcome:?}");
    assert!(!slow.done());
    // One in the background is nobody's: only its future ends it.
    let background = client.compute(&lazy);
    interrupted(|| background.result()).unwrap_err();
    go.set();
    assert_eq!(background.result()?, Some(1));
    Ok(())
}

fn in_a_cell_an_interrupt_ends_all_that_follows() -> Result<()> {
    let client = Client::builder().threads(1).build()?;
    let go = client.event("go");
    let gate = go.clone();
    let slow = client.submit(move || gate.wait().is_ok(), ());
    taskloom::cell::taskloom_begin_cell();
    interrupt();
    for _ in 0..3 {
        waited_for(slow.result());
        waited_for(client.gather(std::slice::from_ref(&slow)));
        assert!(!as_completed([slow.clone()]).next().unwrap().done());
    }
    assert_eq!(client.scatter(1).result()?, 1, "what is there needs no wait");
    taskloom::cell::taskloom_begin_cell();
    go.set();
    assert!(slow.result()?);
    Ok(())
}
