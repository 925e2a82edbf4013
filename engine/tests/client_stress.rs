//! A client under load: crowds of tasks that fail, panic, are cancelled, dropped and retried, and chains a million long.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use taskloom::client::{Status, fire_and_forget};
use taskloom::prelude::*;
use taskloom::{Error, Result};

use common::counted::Counted;
use common::soon;

const LONG: Duration = Duration::from_secs(25);
const CHAIN: i64 = 1_000_000;

fn inc(x: i64) -> i64 {
    x + 1
}

fn nothing_is_left(client: &Client) {
    soon("nothing is left", || {
        let status = client.status();
        status.pending + status.processing + status.finished + status.errors + status.cancelled == 0
    });
    assert!(client.processing().is_empty());
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

/// What a task gives when nothing goes wrong with it or below it.
struct Known {
    future: Future<Counted<i64>>,
    value: i64,
}

fn work(mut inputs: Vec<Counted<i64>>, number: i64) -> Result<Counted<i64>, String> {
    match number % 29 {
        3 => panic!("on purpose"),
        5 => return Err("on purpose".to_owned()),
        _ => {}
    }
    let mut out = inputs.pop().unwrap();
    out.value = inputs.iter().fold(out.value, |sum, input| sum.wrapping_add(input.value)).wrapping_add(number);
    Ok(out)
}

fn storm(client: &Client, alive: &Arc<AtomicUsize>, seed: u64) {
    let mut random = Random(seed);
    let mut known: Vec<Known> = Vec::new();
    for number in 0..2500_i64 {
        let picked: Vec<&Known> =
            (0..random.below(3).min(known.len())).map(|_| &known[random.below(known.len())]).collect();
        let value = picked.iter().fold(0_i64, |sum, known| sum.wrapping_add(known.value)).wrapping_add(number);
        let mut inputs: Vec<_> = picked.iter().map(|known| known.future.clone()).collect();
        inputs.push(client.scatter(Counted::new(0, alive)));
        let mut options = client.options();
        match random.below(8) {
            0 => options = options.priority(random.below(5) as i64 - 2),
            1 => options = options.retries(2),
            2 => options = options.resource("GPU", 1.0 + random.below(2) as f64),
            _ => {}
        }
        known.push(Known { future: options.try_submit(work, (inputs, number)), value });
        let future = &known[random.below(known.len())].future;
        match random.below(20) {
            0 => future.cancel(),
            1 => drop(future.retry()),
            2 => drop(future.result_timeout(Duration::from_micros(50))),
            3 => fire_and_forget(future.clone()),
            4 => future.add_done_callback(|future| drop(future.try_result())),
            5 => {
                let chosen = random.below(known.len());
                known.swap_remove(chosen);
            }
            6 => drop(client.submit(|x: Counted<i64>| x.value, (future,))),
            7 => {
                future.cancel();
                drop(future.retry());
            }
            _ => {}
        }
    }
    for known in &known {
        match known.future.result_timeout(LONG) {
            Ok(Some(result)) => assert_eq!(result.value, known.value),
            Ok(None) => panic!("it hangs: {:?} {}", known.future, client.status()),
            Err(Error::Task(error)) => assert!(error.message().contains("on purpose"), "{error}"),
            Err(Error::FutureCancelled { .. }) => {}
            Err(error) => panic!("another error: {error}"),
        }
    }
    // Nothing was lost on the way: all can be had again, but for those that fail by their nature.
    let cancelled: Vec<_> = known.iter().filter(|known| known.future.status() == Status::Cancelled).collect();
    for known in cancelled {
        // Another one may have brought it back already.
        drop(known.future.retry());
        match known.future.result_timeout(LONG) {
            Ok(Some(result)) => assert_eq!(result.value, known.value),
            Err(Error::Task(error)) => assert!(error.message().contains("on purpose"), "{error}"),
            other => panic!("{other:?} {:?} {}", known.future, client.status()),
        }
    }
}

#[test]
fn ten_thousand_random_things_from_four_threads() -> Result<()> {
    for threads in [1, 3] {
        let client = Client::builder().threads(threads).resource("GPU", 2.0).build()?;
        let alive = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let (client, alive) = (&client, &alive);
                scope.spawn(move || storm(client, alive, seed * 77 + threads as u64));
            }
        });
        nothing_is_left(&client);
        soon("all values are gone", || alive.load(Ordering::SeqCst) == 0);
        let all = client.options().resource("GPU", 2.0).submit(inc, (1,));
        assert_eq!(all.result_timeout(LONG)?, Some(2), "all resources are back");
    }
    Ok(())
}

/// Cancels and retries against attempts that run, from several threads: the end is always the value.
#[test]
fn cancel_and_retry_race_with_running_attempts() -> Result<()> {
    let client = Client::builder().threads(2).resource("GPU", 1.0).build()?;
    let (in_use, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for round in 0..300_i64 {
        let (now, peak) = (Arc::clone(&in_use), Arc::clone(&most));
        let first = client.options().resource("GPU", 1.0).submit(
            move |x: i64| {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::hint::black_box((0..200).sum::<i64>());
                now.fetch_sub(1, Ordering::SeqCst);
                x
            },
            (round,),
        );
        let second = client.submit(inc, (&first,));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        first.cancel();
                        let _ = second.retry();
                        let _ = first.retry();
                    }
                });
            }
        });
        match second.result_timeout(LONG)? {
            Some(value) => assert_eq!(value, round + 1),
            None => panic!("it hangs: {first:?} {second:?} {}", client.status()),
        }
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
    nothing_is_left(&client);
    Ok(())
}

fn chain(client: &Client, first: &Future<i64>) -> Future<i64> {
    let mut future = client.submit(inc, (first,));
    for _ in 1..CHAIN {
        future = client.submit(inc, (future,));
    }
    future
}

/// A future that is done when it is told.
fn gate(client: &Client) -> (Future<i64>, taskloom::client::coordination::Event) {
    let event = client.event("gate");
    event.clear();
    let wait = event.clone();
    let future = client.try_submit(
        move || {
            wait.wait()?;
            if Client::current().is_some_and(|client| client.event("fail").is_set()) {
                return Err(taskloom::BoxError::from("at the head"));
            }
            Ok(0_i64)
        },
        (),
    );
    (future, event)
}

#[test]
fn a_chain_of_a_million_futures() -> Result<()> {
    let client = Client::builder().threads(2).build()?;
    let (head, go) = gate(&client);
    // Runs to its end.
    let last = chain(&client, &head);
    go.set();
    assert_eq!(last.result()?, CHAIN);
    drop((head, last));
    nothing_is_left(&client);
    // Is cancelled at its head, and comes back.
    let (head, go) = gate(&client);
    let last = chain(&client, &head);
    head.cancel();
    assert!(matches!(last.result(), Err(Error::FutureCancelled { .. })));
    go.set();
    last.retry()?;
    assert_eq!(last.result()?, CHAIN);
    drop((head, last));
    nothing_is_left(&client);
    // Fails at its head.
    let (head, go) = gate(&client);
    let last = chain(&client, &head);
    client.event("fail").set();
    go.set();
    let text = last.result().unwrap_err().to_string();
    assert!(text.contains("at the head") && text.contains("needed by `inc`"), "{text}");
    client.event("fail").clear();
    drop((head, last));
    nothing_is_left(&client);
    // Is dropped while it waits.
    let (head, go) = gate(&client);
    drop(chain(&client, &head));
    go.set();
    assert_eq!(head.result()?, 0);
    drop(head);
    nothing_is_left(&client);
    Ok(())
}

#[test]
fn a_chain_of_graphs_is_dropped_and_run_without_recursion() -> Result<()> {
    let client = Client::builder().threads(1).build()?;
    for wanted in [true, false] {
        let (head, go) = gate(&client);
        let mut lazy = head.to_delayed();
        for _ in 0..100_000 {
            lazy = client.persist(&(&lazy + 1));
        }
        let last = wanted.then(|| client.compute(&lazy));
        drop(lazy);
        go.set();
        if let Some(last) = last {
            assert_eq!(last.result()?, 100_000);
        }
        head.result()?;
        drop(head);
        nothing_is_left(&client);
    }
    Ok(())
}

#[test]
fn many_results_one_by_one() -> Result<()> {
    let client = Client::builder().threads(2).build()?;
    let futures = client.map(inc, 0..300_000);
    let mut seen = 0;
    let mut completed = as_completed(futures);
    for future in completed.by_ref() {
        seen += future.result()?;
    }
    assert_eq!(seen, (1..=300_000).sum::<i64>());
    nothing_is_left(&client);
    Ok(())
}
