//! Pure tasks run once, and kept results are kept for as long as somebody holds them.

use std::collections::HashMap;
use std::sync::MutexGuard;

use super::*;
use crate::common::counted::{NUMBERED, Numbered};

// A pure task cannot be given a counter of its own, so these tests share one and take turns.
static RUNS: AtomicUsize = AtomicUsize::new(0);

fn turn() -> MutexGuard<'static, ()> {
    let turn = common::turn();
    soon("the results of the test before are dropped", || NUMBERED.load(SeqCst) == 0);
    RUNS.store(0, SeqCst);
    turn
}

fn runs() -> usize {
    RUNS.swap(0, SeqCst)
}

fn make(number: u64) -> Numbered {
    RUNS.fetch_add(1, SeqCst);
    Numbered::new(number)
}

fn join(a: &Numbered, b: &Numbered) -> Numbered {
    RUNS.fetch_add(1, SeqCst);
    Numbered::new(a.0.wrapping_mul(31).wrapping_add(b.0))
}

fn pure_make(number: u64) -> Delayed<Numbered> {
    delayed!(make(number)).pure()
}

fn pure_join(a: &Delayed<Numbered>, b: &Delayed<Numbered>) -> Delayed<Numbered> {
    delayed!(join(&a, &b)).pure()
}

#[test]
#[cfg_attr(miri, ignore)]
fn twins_run_once() {
    let _turn = turn();
    for scheduler in SCHEDULERS {
        let (one, two, other) = (pure_make(1), pure_make(1), pure_make(2));
        assert_eq!(one.key(), two.key());
        assert_ne!(one.key(), other.key());
        let values = compute!(one, two, other, pure_join(&one, &other), pure_join(&two, &other); scheduler).unwrap();
        assert_eq!((values.0.0, values.1.0, values.2.0, values.3.0, values.4.0), (1, 1, 2, 33, 33));
        assert_eq!(runs(), 3);
        // An impure task runs although there is a pure one just like it.
        let impure: Vec<_> = (0..2).map(|_| delayed!(make(1))).collect();
        compute!(one, impure; scheduler).unwrap();
        assert_eq!(runs(), 3);
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    #[cfg_attr(miri, ignore)]
    fn as_many_tasks_run_as_there_are_different_ones(
        picks in prop::collection::vec((any::<u32>(), any::<u32>(), any::<bool>()), 1..60),
    ) {
        let _turn = turn();
        let mut nodes: Vec<(Delayed<Numbered>, u64, usize)> = Vec::new();
        let mut classes: HashMap<(u64, Option<usize>), usize> = HashMap::new();
        for (a, b, is_leaf) in picks {
            let next = classes.len();
            if is_leaf || nodes.is_empty() {
                let number = u64::from(a % 4);
                let class = *classes.entry((number, None)).or_insert(next);
                nodes.push((pure_make(number), number, class));
            } else {
                let (a, b) = (&nodes[a as usize % nodes.len()], &nodes[b as usize % nodes.len()]);
                let number = a.1.wrapping_mul(31).wrapping_add(b.1);
                let class = *classes.entry((a.2 as u64, Some(b.2))).or_insert(next);
                let handle = pure_join(&a.0, &b.0);
                nodes.push((handle, number, class));
            }
        }
        let handles: Vec<_> = nodes.iter().map(|(handle, ..)| handle.clone()).collect();
        let expected: Vec<u64> = nodes.iter().map(|&(_, number, _)| number).collect();
        for scheduler in SCHEDULERS {
            let (values,) = compute!(handles; scheduler).unwrap();
            let found: Vec<u64> = values.iter().map(|value| value.0).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(runs(), classes.len());
        }
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn a_kept_result_is_used_until_it_is_dropped() {
    let _turn = turn();
    let kept = pure_make(5).persist().unwrap();
    assert_eq!((kept.len(), runs(), NUMBERED.load(SeqCst)), (0, 1, 1));
    for scheduler in SCHEDULERS {
        let twin = pure_make(5);
        let more = pure_join(&twin, &pure_make(6));
        assert_eq!((twin.len(), more.len()), (0, 2), "the kept value stands for the task");
        assert_eq!(compute!(twin, more; scheduler).unwrap(), (Numbered::new(5), Numbered::new(161)));
        assert_eq!(runs(), 2);
    }
    let also_kept = kept.clone();
    drop(kept);
    assert_eq!(pure_make(5).compute().unwrap(), Numbered::new(5));
    assert_eq!(runs(), 0);
    drop(also_kept);
    soon("the kept result is dropped", || NUMBERED.load(SeqCst) == 0);
    for scheduler in SCHEDULERS {
        assert_eq!(pure_make(5).compute_with(scheduler).unwrap(), Numbered::new(5));
        assert_eq!(runs(), 1, "what is no longer kept is computed again");
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn persist_keeps_one_result_and_frees_it() {
    let _turn = turn();
    let parts: Vec<_> = (0..100).map(|number| delayed!(make(number))).collect();
    let mut whole = parts[0].clone();
    for part in &parts[1..] {
        whole = delayed!(join(&whole, &part));
    }
    let kept = whole.persist().unwrap();
    soon("only the kept result is alive", || NUMBERED.load(SeqCst) == 1);
    assert_eq!(runs(), 199);
    // What is derived from it neither runs it again, nor lets it go.
    let derived: Vec<_> = (0..10).map(|_| delayed!(join(&kept, &kept))).collect();
    let (values,) = compute!(derived).unwrap();
    assert_eq!((values.len(), runs()), (10, 10));
    drop(values);
    soon("only the kept result is alive", || NUMBERED.load(SeqCst) == 1);
    drop(kept);
    assert_eq!(NUMBERED.load(SeqCst), 1, "the handles that were derived hold it");
    drop(derived);
    soon("the kept result is dropped", || NUMBERED.load(SeqCst) == 0);
    // The handles themselves never held a result, and still work.
    whole.compute().unwrap();
    assert_eq!(runs(), 199);
}

#[test]
#[cfg_attr(miri, ignore)]
fn keeping_and_dropping_on_many_threads() {
    let _turn = turn();
    within_patience("keeping and dropping", || {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..300 {
                        let number = round % 3;
                        let twin = pure_make(number);
                        let handle = if (thread + round) % 2 == 0 { twin.persist().unwrap() } else { twin };
                        assert_eq!(handle.compute_with(Scheduler::Threads(2)).unwrap().0, number);
                    }
                });
            }
        });
    });
    soon("all results are dropped", || NUMBERED.load(SeqCst) == 0);
}
