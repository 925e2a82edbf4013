//! What a client promises, promise by promise. Crowds and long chains are in `client_stress.rs`, interrupts in
//! `client_interrupt.rs`.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use taskloom::client::{MemoryLimit, Status, fire_and_forget, progress, wait_first, wait_timeout};
use taskloom::prelude::*;
use taskloom::{Error, Result, is_cancelled};

use common::counted::Counted;
use common::soon;

const LONG: Duration = Duration::from_secs(20);

fn inc(x: i64) -> i64 {
    x + 1
}

fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn parse(text: &'static str) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

fn one_thread() -> Client {
    Client::builder().threads(1).build().unwrap()
}

fn two_threads() -> Client {
    Client::builder().threads(2).build().unwrap()
}

/// A task that has begun, and ends when it is let go.
struct Held {
    future: Future<i64>,
    go: taskloom::client::coordination::Event,
}

/// Does not lend its thread: with as many of these as threads nothing else runs.
fn hold(client: &Client) -> Held {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("go {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let (go, begun) = (client.event(&name), Arc::new(AtomicBool::new(false)));
    let (gate, flag) = (go.clone(), Arc::clone(&begun));
    let future = client.options().name("held").submit(
        move || {
            flag.store(true, Ordering::SeqCst);
            while !gate.is_set() {
                std::thread::sleep(Duration::from_micros(200));
            }
            1
        },
        (),
    );
    soon("the task begins", || begun.load(Ordering::SeqCst));
    Held { future, go }
}

#[test]
fn arguments_are_values_futures_and_delayed() -> Result<()> {
    let client = two_threads();
    let one = client.submit(inc, (0,));
    let lazy = delayed!(inc(4));
    let sum = |xs: Vec<i64>| xs.iter().sum::<i64>();
    assert_eq!(client.submit(add, (&one, 10)).result()?, 11);
    assert_eq!(client.submit(add, (one.clone(), &one)).result()?, 2);
    assert_eq!(client.submit(add, (&lazy, &one)).result()?, 6);
    assert_eq!(client.submit(sum, (client.map(inc, 0..10),)).result()?, 55);
    assert_eq!(client.submit(sum, (Vec::<Future<i64>>::new(),)).result()?, 0);
    let futures = client.map(inc, [1, 2]);
    assert_eq!(client.submit(sum, (&futures,)).result()?, 5);
    assert_eq!(client.try_submit(parse, ("12",)).result()?, 12);
    assert_eq!(client.gather(&client.map(inc, client.map(inc, 0..3)))?, [2, 3, 4]);
    assert_eq!(client.gather(&client.starmap(add, [(1, 2), (3, 4)]))?, [3, 7]);
    assert!(client.gather(&client.map(inc, Vec::<i64>::new()))?.is_empty());
    assert!(client.gather::<i64>(&[])?.is_empty());
    let named = client.options().name("mine").submit(inc, (1,));
    assert_eq!((named.name(), named.key().starts_with("mine-")), ("mine", true));
    assert_ne!(named.key(), client.submit(inc, (1,)).key());
    assert_eq!(*client.submit(|| vec![1, 2], ()).shared()?, [1, 2]);
    Ok(())
}

#[test]
fn a_future_says_where_it_stands() -> Result<()> {
    let client = one_thread();
    let held = hold(&client);
    let next = client.submit(inc, (&held.future,));
    assert_eq!((held.future.status(), next.status()), (Status::Processing, Status::Pending));
    assert!(!next.done() && next.exception().is_none());
    assert_eq!(next.try_result()?, None);
    assert_eq!(next.result_timeout(Duration::from_millis(2))?, None);
    assert_eq!(next.result_timeout(Duration::ZERO)?, None);
    assert_eq!(client.processing(), [held.future.key()]);
    let status = client.status();
    assert_eq!((status.threads, status.pending, status.processing), (1, 1, 1));
    held.go.set();
    assert_eq!(next.result_timeout(Duration::MAX)?, Some(2));
    assert_eq!((next.try_result()?, next.status()), (Some(2), Status::Finished));
    assert!(next.exception().is_none() && next.wait().is_ok());
    assert_eq!(format!("{next:?}"), format!("Future<i64>({}, finished)", next.key()));
    let shown = next.show();
    assert!(format!("{shown:?}").contains("finished"), "{shown:?}");
    let status = client.status();
    assert_eq!((status.pending, status.finished, status.errors, status.cancelled), (0, 2, 0, 0));
    assert!(status.to_string().contains("finished 2"), "{status}");
    drop((held, next));
    soon("they are forgotten", || client.status().finished == 0);
    Ok(())
}

#[test]
fn errors_name_the_task_and_who_needed_it() -> Result<()> {
    let client = two_threads();
    let bad = client.try_submit(parse, ("x",));
    let near = client.submit(inc, (&bad,));
    let far = client.options().name("far").submit(inc, (&near,));
    let text = far.result().unwrap_err().to_string();
    assert_eq!(text, "task `parse` failed: invalid digit found in string\n  needed by `inc`, then `far`");
    assert_eq!(far.exception().map(|error| error.to_string()), Some(text.clone()));
    assert_eq!(far.shared().unwrap_err().to_string(), text);
    assert_eq!(far.try_result().unwrap_err().to_string(), text);
    assert_eq!(far.result_timeout(LONG).unwrap_err().to_string(), text);
    assert_eq!(client.submit(inc, (&near,)).status_when_done(), Status::Error, "one that has failed before fails too");
    let Error::Task(error) = bad.result().unwrap_err() else { panic!("another error") };
    assert!(!error.panicked() && error.needed_by().is_empty() && error.source().is_some());
    let panics = client.submit(|x: i64| if x > 0 { panic!("x is {x}") } else { x }, (1,));
    let Error::Task(error) = panics.result().unwrap_err() else { panic!("another error") };
    assert!(error.panicked() && error.message().contains("x is 1"), "{error}");
    assert_eq!(client.submit(inc, (1,)).result()?, 2, "the threads live on");
    Ok(())
}

trait WhenDone {
    fn status_when_done(&self) -> Status;
}

impl<T> WhenDone for Future<T> {
    fn status_when_done(&self) -> Status {
        self.wait().unwrap();
        self.status()
    }
}

#[test]
fn retries_run_again_and_no_more_than_asked() {
    let client = two_threads();
    let flaky = |failures: usize| {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let task = move || if count.fetch_add(1, Ordering::SeqCst) < failures { Err("not yet") } else { Ok(7_i64) };
        (task, runs)
    };
    let (task, runs) = flaky(2);
    assert_eq!(client.options().retries(3).try_submit(task, ()).result().unwrap(), 7);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    let (task, runs) = flaky(9);
    let failing = client.options().retries(2).try_submit(task, ());
    assert!(failing.result().is_err());
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    failing.retry().unwrap();
    assert!(failing.result().is_err());
    assert_eq!(runs.load(Ordering::SeqCst), 6, "a retry has all its attempts again");
    failing.retry().unwrap();
    failing.retry().unwrap_err();
    assert!(failing.result().is_err());
    failing.retry().unwrap();
    assert_eq!(failing.result().unwrap(), 7);
    let text = failing.retry().unwrap_err().to_string();
    assert!(text.contains("it is finished, and only a task that failed or was cancelled can"), "{text}");
    assert!(client.scatter(1).retry().is_err());
}

#[test]
fn a_retry_goes_down_to_what_failed_and_runs_each_once() -> Result<()> {
    let client = two_threads();
    let (broken, runs) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let counted = |runs: &Arc<AtomicUsize>| {
        let runs = Arc::clone(runs);
        move |x: i64| {
            runs.fetch_add(1, Ordering::SeqCst);
            x + 1
        }
    };
    let flag = Arc::clone(&broken);
    let root = client.try_submit(move || if flag.load(Ordering::SeqCst) { Err("broken") } else { Ok(1) }, ());
    let good = client.submit(counted(&runs), (0,));
    let (left, right) = (client.submit(counted(&runs), (&root,)), client.submit(counted(&runs), (&root,)));
    let middle = client.submit(add, (&left, &good));
    let top = client.submit(add, (&middle, &right));
    assert!(top.result().is_err());
    broken.store(false, Ordering::SeqCst);
    top.retry()?;
    assert_eq!(top.result()?, 5);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(client.gather(&[root, left, right, middle])?, [1, 2, 2, 3]);
    // A cancelled one whose inputs have not all come: what the first attempt hears must not count for the second.
    let held = [hold(&client), hold(&client)];
    let sum = client.submit(add, (&held[0].future, &held[1].future));
    for _ in 0..3 {
        sum.cancel();
        client.retry(std::slice::from_ref(&sum))?;
    }
    held[0].go.set();
    held[0].future.wait()?;
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(sum.status(), Status::Pending);
    held[1].go.set();
    assert_eq!(sum.result()?, 2);
    Ok(())
}

#[test]
fn what_is_cancelled_before_its_turn_never_runs() -> Result<()> {
    let client = one_thread();
    let held = hold(&client);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let pending = client.options().name("pending").submit(move || count.fetch_add(1, Ordering::SeqCst) as i64, ());
    let next = client.submit(inc, (&pending,));
    let last = client.submit(add, (&next, &held.future));
    client.cancel(std::slice::from_ref(&pending));
    for future in [&pending, &next, &last] {
        assert_eq!((future.status(), future.cancelled(), future.done()), (Status::Cancelled, true, true));
    }
    assert_eq!(pending.result().unwrap_err().to_string(), "the task `pending` was cancelled");
    let text = next.exception().unwrap().to_string();
    assert_eq!(text, "the task `inc` was cancelled, because `pending`, which it needs, was");
    assert!(matches!(last.result(), Err(Error::FutureCancelled { .. })));
    assert!(matches!(last.try_result(), Err(Error::FutureCancelled { .. })));
    assert!(matches!(client.submit(inc, (&pending,)).result(), Err(Error::FutureCancelled { .. })));
    held.go.set();
    assert_eq!(held.future.result()?, 1);
    held.future.cancel();
    assert_eq!(held.future.result()?, 1, "one that is done stays so");
    assert_eq!(client.submit(inc, (1,)).result()?, 2);
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    last.retry()?;
    assert_eq!((last.result()?, ran.load(Ordering::SeqCst)), (2, 1));
    Ok(())
}

#[test]
fn a_running_task_sees_that_it_is_cancelled_and_its_result_is_thrown_away() -> Result<()> {
    let client = two_threads();
    let (sender, receiver) = mpsc::channel();
    let attempts = Arc::new(AtomicUsize::new(0));
    let number = Arc::clone(&attempts);
    let task = move || {
        let attempt = number.fetch_add(1, Ordering::SeqCst);
        if attempt == 0 {
            while !is_cancelled() {
                std::thread::sleep(Duration::from_micros(100));
            }
            // The next attempt may be over by now, and does not make this one wanted again.
            std::thread::sleep(Duration::from_millis(20));
            sender.send(is_cancelled()).unwrap();
        }
        attempt
    };
    let future = client.submit(task, ());
    soon("it runs", || attempts.load(Ordering::SeqCst) == 1);
    future.cancel();
    future.retry()?;
    assert_eq!(future.result()?, 1);
    assert!(receiver.recv_timeout(LONG).unwrap());
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(future.result()?, 1, "the first attempt came too late");
    assert!(!is_cancelled(), "outside of tasks");
    Ok(())
}

#[test]
fn nobody_runs_or_keeps_what_nobody_wants() -> Result<()> {
    let client = one_thread();
    let (alive, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let make = |alive: &Arc<AtomicUsize>| {
        let (alive, ran) = (Arc::clone(alive), Arc::clone(&ran));
        move || {
            ran.fetch_add(1, Ordering::SeqCst);
            Counted::new((), &alive)
        }
    };
    let future = client.submit(make(&alive), ());
    let copy = future.clone();
    future.wait()?;
    assert_eq!(alive.load(Ordering::SeqCst), 1);
    drop(future);
    assert_eq!(alive.load(Ordering::SeqCst), 1);
    drop(copy);
    assert_eq!(alive.load(Ordering::SeqCst), 0);

    let held = hold(&client);
    let kept = client.submit(|_: Counted| 5, (client.submit(make(&alive), ()),));
    drop(client.submit(make(&alive), ()));
    fire_and_forget(client.submit(make(&alive), ()));
    held.go.set();
    assert_eq!(kept.result()?, 5);
    client.submit(inc, (1,)).wait()?;
    assert_eq!(ran.load(Ordering::SeqCst), 3, "the one before, the one that another needs, and the one let go");
    soon("inputs are released", || alive.load(Ordering::SeqCst) == 0);

    // One that runs while its last future goes hears of it.
    let (begun, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (flag, told) = (Arc::clone(&begun), Arc::clone(&seen));
    let task = client.options().retries(5).try_submit(
        move || {
            flag.store(true, Ordering::SeqCst);
            soon("the task hears that nobody wants it", is_cancelled);
            told.store(true, Ordering::SeqCst);
            Err::<i64, _>("nobody tries this again")
        },
        (),
    );
    soon("it begins", || begun.load(Ordering::SeqCst));
    drop(task);
    soon("it ends", || seen.load(Ordering::SeqCst));
    drop((held, kept));
    soon("nothing is left", || {
        let status = client.status();
        status.pending + status.processing + status.finished + status.errors + status.cancelled == 0
    });
    Ok(())
}

#[test]
fn callbacks_are_called_once_whatever_they_do() -> Result<()> {
    let client = one_thread();
    let calls = Arc::new(AtomicUsize::new(0));
    let held = hold(&client);
    let next = client.submit(inc, (&held.future,));
    held.future.add_done_callback(|_| panic!("in a callback"));
    let (count, other) = (Arc::clone(&calls), client.clone());
    let (sender, receiver) = mpsc::channel();
    let (dependent, results) = (next.clone(), sender.clone());
    held.future.add_done_callback(move |future| {
        count.fetch_add(1, Ordering::SeqCst);
        let one = future.result().unwrap();
        // Submits, and waits for what could only begin after this task: on its only thread.
        results.send(other.submit(add, (one, 10)).result().unwrap() + dependent.result().unwrap()).unwrap();
    });
    held.go.set();
    assert_eq!(receiver.recv_timeout(LONG).unwrap(), 11 + 2);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    held.future.add_done_callback(move |future| sender.send(future.result().unwrap()).unwrap());
    assert_eq!(receiver.try_recv(), Ok(1), "at once when it is done");
    held.future.add_done_callback(|_| panic!("in a callback"));
    let cancelled = client.submit(inc, (&next,));
    let (sender, receiver) = mpsc::channel();
    let waiting = hold(&client);
    let never = client.submit(inc, (&waiting.future,));
    never.add_done_callback(move |future| sender.send(future.cancelled()).unwrap());
    never.cancel();
    assert!(receiver.try_recv().unwrap());
    waiting.go.set();
    assert_eq!(cancelled.result()?, 3);
    Ok(())
}

#[test]
fn waiting_for_all_for_the_first_and_for_each() -> Result<()> {
    let client = two_threads();
    let held = hold(&client);
    let futures = vec![client.submit(inc, (1,)), client.submit(inc, (&held.future,))];
    let (done, not_done) = wait_first(&futures)?;
    assert_eq!((done.len(), not_done.len(), done[0].result()?), (1, 1, 2));
    assert!(!wait_timeout(&futures, Duration::from_millis(3))?);
    assert!(wait_timeout(&futures[..1], Duration::ZERO)? && wait_timeout::<i64>(&[], Duration::ZERO)?);
    assert_eq!(wait_first::<i64>(&[])?.0.len(), 0);
    let mut completed = as_completed(futures.clone());
    assert_eq!(completed.len(), 2);
    assert_eq!(completed.next().unwrap().result()?, 2);
    assert!(!completed.has_ready() && completed.len() == 1);
    completed.add(client.scatter(40));
    completed.add(client.scatter(41));
    assert!(completed.has_ready());
    let batch: Vec<i64> = completed.next_batch().iter().map(|future| future.result().unwrap()).collect();
    assert_eq!(batch, [40, 41]);
    held.go.set();
    assert_eq!(completed.next().unwrap().key(), futures[1].key());
    assert!(completed.next().is_none() && completed.next_batch().is_empty());
    wait(&futures)?;
    // A failure and a cancellation are arrivals, and waits end for them.
    let held = hold(&client);
    let bad = client.submit(|| -> i64 { panic!("no") }, ());
    let cancelled = client.submit(inc, (&held.future,));
    cancelled.cancel();
    wait(&[bad.clone(), cancelled.clone()])?;
    let results = as_completed([bad, cancelled, client.scatter(3)]).with_results();
    assert_eq!(results.filter(|(_, result)| result.is_err()).count(), 2);
    progress(std::slice::from_ref(&client.submit(inc, (1,))))?;
    held.go.set();
    Ok(())
}

#[test]
fn as_completed_takes_more_while_iterating() -> Result<()> {
    let client = two_threads();
    let mut completed = as_completed(client.map(inc, 0..100));
    let mut seen = 0;
    while let Some(future) = completed.next() {
        seen += 1;
        let result = future.result()?;
        if result <= 1000 {
            completed.add(client.submit(inc, (result + 100,)));
        }
    }
    assert_eq!(seen, 1091);
    Ok(())
}

#[test]
fn gather_fails_fast() {
    let client = two_threads();
    let held = hold(&client);
    let mut futures = client.map(inc, 0..100);
    futures.push(held.future.clone());
    futures.insert(50, client.submit(|| -> i64 { panic!("early") }, ()));
    let began = Instant::now();
    assert!(client.gather(&futures).unwrap_err().to_string().contains("early"));
    futures.swap(50, 101);
    assert!(client.gather(&futures).unwrap_err().to_string().contains("early"));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!held.future.done());
    held.go.set();
}

#[test]
fn tasks_submit_tasks_and_wait_for_them_on_one_thread() -> Result<()> {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let client = Client::current().expect("this runs in a task");
        let (a, b) = (client.submit(fib, (n - 1,)), client.submit(fib, (n - 2,)));
        a.result().unwrap() + b.result().unwrap()
    }
    fn down(n: u64) -> u64 {
        if n == 0 { 0 } else { 1 + Client::current().unwrap().submit(down, (n - 1,)).result().unwrap() }
    }
    fn sum(n: u64) -> u64 {
        if n == 0 {
            return 1;
        }
        let client = Client::current().unwrap();
        client.gather(&client.map(sum, [n - 1; 3])).unwrap().iter().sum()
    }
    for client in [one_thread(), two_threads()] {
        assert_eq!(client.submit(fib, (18,)).result()?, 2584);
        assert_eq!(client.submit(down, (5000,)).result()?, 5000);
        assert_eq!(client.submit(sum, (7,)).result()?, 3_u64.pow(7));
    }
    assert!(Client::current().is_none());
    // Nobody but the tasks has the client.
    let orphan = one_thread().submit(fib, (10,));
    assert_eq!(orphan.result()?, 55);
    let client = one_thread();
    client.event("shared").set();
    let asks = client.submit(|| Client::current().unwrap().event("shared").is_set(), ());
    drop(client);
    assert!(asks.result()?);
    Ok(())
}

#[test]
fn priorities_order_what_waits() -> Result<()> {
    let client = one_thread();
    let held = hold(&client);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |priority: i64, number: i64| {
        let order = Arc::clone(&order);
        client.options().priority(priority).submit(move || order.lock().unwrap().push((priority, number)), ())
    };
    let priorities = [0, -1, 5, i64::MAX, -1, 0, 5, i64::MIN, 1];
    let futures: Vec<_> = priorities.iter().enumerate().map(|(n, &priority)| note(priority, n as i64)).collect();
    held.go.set();
    wait(&futures)?;
    let mut expected: Vec<_> = priorities.iter().enumerate().map(|(n, &priority)| (priority, n as i64)).collect();
    expected.sort_by_key(|&(priority, number)| (std::cmp::Reverse(priority), number));
    assert_eq!(*order.lock().unwrap(), expected);
    Ok(())
}

#[test]
fn resources_are_never_exceeded_and_always_given_back() -> Result<()> {
    let client = Client::builder().threads(4).resource("GPU", 2.0).resource("disk", 1.0).build()?;
    let (in_use, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let task = |amount: usize, number: usize| {
        let (in_use, most) = (Arc::clone(&in_use), Arc::clone(&most));
        move || {
            most.fetch_max(in_use.fetch_add(amount, Ordering::SeqCst) + amount, Ordering::SeqCst);
            std::thread::sleep(Duration::from_micros(200));
            in_use.fetch_sub(amount, Ordering::SeqCst);
            match number % 5 {
                0 => panic!("on purpose"),
                1 => Err("on purpose"),
                _ => Ok(1_i64),
            }
        }
    };
    let futures: Vec<_> = (0..400)
        .map(|n| {
            let amount = 1 + n % 2;
            let submit = client.options().resource("GPU", amount as f64).retries(1).priority(n as i64 % 3 - 1);
            submit.try_submit(task(amount, n), ())
        })
        .collect();
    for n in (0..400).step_by(7) {
        futures[n].cancel();
        if n % 2 == 0 {
            // Unless it was done before.
            let _ = futures[n].retry();
        }
    }
    wait(&futures)?;
    soon("late attempts end", || in_use.load(Ordering::SeqCst) == 0);
    assert_eq!(most.load(Ordering::SeqCst), 2);
    for (n, future) in futures.iter().enumerate() {
        let fails = if n % 5 > 1 { Status::Finished } else { Status::Error };
        let was_cancelled = n % 7 == 0 && n % 2 == 1 && future.cancelled();
        assert!(was_cancelled || future.status() == fails, "{n} {future:?}");
    }
    // All of it is there again: also after many fractions, which do not add up exactly.
    let fractions: Vec<_> = (1..200)
        .map(|n| client.options().resource("GPU", 1.0 / n as f64).resource("disk", 0.1).submit(inc, (n,)))
        .collect();
    wait(&fractions)?;
    let all = client.options().resource("GPU", 2.0).resource("disk", 1.0).submit(inc, (1,));
    assert_eq!(all.result_timeout(LONG)?, Some(2));

    // What waits for a resource holds up nobody else.
    let client = Client::builder().threads(1).resource("GPU", 1.0).build()?;
    let held = hold(&client);
    let low = client.options().priority(-5).resource("GPU", 1.0).submit(inc, (1,));
    let high = client.options().priority(5).resource("GPU", 1.0).submit(inc, (2,));
    high.add_done_callback(move |_| assert!(!low.done()));
    held.go.set();
    assert_eq!(high.result()?, 3);

    let refused = |submit: taskloom::client::Submit| submit.submit(inc, (1,)).result().unwrap_err().to_string();
    assert!(
        refused(client.options().resource("TPU", 1.0)).contains("build the client with `.resource(\"TPU\", amount)`")
    );
    let text = refused(client.options().resource("GPU", 1.0).resource("GPU", 1.0));
    assert_eq!(text, "a task asks for 2 of `GPU`, and the client has 1 of it in all");
    refused(client.options().resource("GPU", -1.0));
    refused(client.options().resource("GPU", f64::NAN));
    Ok(())
}

#[test]
fn actors_make_their_calls_in_order() -> Result<()> {
    let client = two_threads();
    let alive = Arc::new(AtomicUsize::new(0));
    let actor = client.actor((Vec::new(), Counted::new((), &alive)));
    let lengths: Vec<_> = (0..10_000)
        .map(|n| {
            actor.call(move |(list, _)| {
                list.push(n);
                list.len()
            })
        })
        .collect();
    drop(actor.call(|(list, _)| list.push(-1)));
    let other = actor.clone();
    let in_order = other
        .call(|(list, _)| list.iter().take(10_000).enumerate().all(|(n, &x)| n as i64 == x) && list.len() == 10_001);
    assert!(client.gather(&lengths)?.iter().enumerate().all(|(n, &length)| length == n + 1));
    assert!(in_order.result()?, "one whose future was dropped is made, too");
    let text = actor.call(|_| -> i64 { panic!("in a call") }).result().unwrap_err().to_string();
    assert!(text.contains("panicked: in a call"), "{text}");
    // A call may submit, and wait; its future is an argument like any other.
    let nested = actor.call(|(list, _)| Client::current().unwrap().submit(inc, (list.len() as i64,)).result().unwrap());
    assert_eq!(client.submit(inc, (&nested,)).result()?, 10_003);
    // One that is cancelled in line is not made; the one that is being made is thrown away.
    let (begun, go) = (client.event("begun"), client.event("go"));
    let waits = actor.call({
        let (begun, go) = (begun.clone(), go.clone());
        move |_| {
            begun.set();
            go.wait().unwrap();
            assert!(is_cancelled());
        }
    });
    let skipped = actor.call(|(list, _)| list.clear());
    begun.wait()?;
    assert_eq!(client.processing(), [waits.key()]);
    skipped.cancel();
    waits.cancel();
    go.set();
    assert!(skipped.cancelled() && waits.cancelled());
    assert_eq!(actor.call(|(list, _)| list.len()).result()?, 10_001);
    drop((actor, other));
    soon("the state is dropped", || alive.load(Ordering::SeqCst) == 0);
    Ok(())
}

#[test]
fn graphs_run_in_the_background() -> Result<()> {
    let client = two_threads();
    let base = client.submit(inc, (1,));
    let lazy = delayed!(add(base, 10)) * 2;
    assert_eq!(lazy.compute()?, 24);
    assert_eq!(lazy.compute_with(Scheduler::Sync)?, 24);
    assert_eq!(client.compute(&lazy).result()?, 24);
    assert_eq!(client.options().priority(1).name("lazy").compute(&lazy).name(), "lazy");
    let kept = client.persist(&lazy);
    assert_eq!((client.compute(&(&kept + 1)).result()?, kept.compute()?), (25, 24));
    assert_eq!(client.compute(&delayed_value(5)).result()?, 5, "a graph without tasks");
    // It waits for its futures without a thread.
    let single = one_thread();
    let held = hold(&single);
    let waiting = single.compute(&delayed!(inc({ held.future.clone() })));
    held.go.set();
    assert_eq!(waiting.result()?, 2);
    let failing = client.compute(&(delayed!(parse("x")) + 1));
    let Error::Task(error) = failing.result().unwrap_err() else { panic!("another error") };
    assert_eq!((error.task(), error.needed_by()), ("parse", &["add".to_owned()][..]));
    // Its tasks are the client's, and can ask for it.
    let asks = delayed!((|x: i64| Client::current().map(|client| client.submit(inc, (x,)).result().unwrap()))(1));
    assert_eq!(client.compute(&asks).result()?, Some(2));
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let flaky = delayed_value(0).map(move |_| assert!(count.fetch_add(1, Ordering::SeqCst) >= 2, "not yet"));
    client.options().retries(2).compute(&flaky).result()?;
    Ok(())
}

#[test]
fn a_running_graph_stops_when_it_is_cancelled_or_dropped() -> Result<()> {
    let client = two_threads();
    for by_drop in [false, true] {
        let (ran, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut chain = delayed_value(0_i64);
        for _ in 0..1000 {
            let (ran, seen) = (Arc::clone(&ran), Arc::clone(&seen));
            chain = chain.map(move |x| {
                if ran.fetch_add(1, Ordering::SeqCst) == 3 {
                    soon("the task sees the end", is_cancelled);
                    seen.store(true, Ordering::SeqCst);
                }
                x + 1
            });
        }
        let future = client.compute(&chain);
        soon("it runs", || ran.load(Ordering::SeqCst) == 4);
        assert_eq!(client.processing(), [future.key()]);
        if by_drop {
            drop(future);
        } else {
            future.cancel();
            assert!(matches!(future.result(), Err(Error::FutureCancelled { .. })));
        }
        soon("the task that runs is told", || seen.load(Ordering::SeqCst));
        std::thread::sleep(Duration::from_millis(10));
        assert_eq!(ran.load(Ordering::SeqCst), 4);
        soon("it is forgotten", || client.processing().is_empty());
    }
    Ok(())
}

#[test]
fn pure_tasks_run_once_while_somebody_holds_them() -> Result<()> {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    fn slow(x: i64) -> i64 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1));
        x + 1
    }
    let client = two_threads();
    let pure = client.options().pure(true);
    let futures: Vec<Future<i64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| pure.map(slow, 0..50))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(client.gather(&futures)?.iter().sum::<i64>(), 4 * (1..=50).sum::<i64>());
    assert_eq!(RUNS.load(Ordering::SeqCst), 50);
    assert_eq!(pure.submit(slow, (3,)).key(), futures[3].key());
    let next = pure.submit(slow, (&futures[3],));
    assert_eq!((next.result()?, pure.submit(slow, (&futures[3],)).key()), (5, next.key()));
    assert_ne!(client.options().submit(inc, (3,)).key(), futures[3].key());
    drop(futures);
    assert_eq!((pure.submit(slow, (3,)).result()?, RUNS.load(Ordering::SeqCst)), (4, 52));
    let held = [hold(&client), hold(&client)];
    let cancelled = pure.submit(slow, (1000,));
    cancelled.cancel();
    held.iter().for_each(|held| held.go.set());
    assert_eq!(pure.submit(slow, (1000,)).result()?, 1001, "a cancelled one is nobody's result");
    Ok(())
}

#[test]
fn scattered_values_and_datasets() -> Result<()> {
    let client = two_threads();
    let alive = Arc::new(AtomicUsize::new(0));
    let value = client.scatter(Counted::new((), &alive));
    let seen = client.map(|value: Counted| value.alive(), [&value, &value]);
    assert!(client.gather(&seen)?.iter().all(|&count| count >= 2));
    assert!(value.done());
    drop(value);
    soon("it is released", || alive.load(Ordering::SeqCst) == 0);
    client.publish_dataset("kept", client.scatter(Counted::new((), &alive)))?;
    client.publish_dataset("b", delayed!(inc(1)))?;
    let text = client.publish_dataset("b", 1).unwrap_err().to_string();
    assert_eq!(text, "there is a dataset `b` already; unpublish it first, or use another name");
    assert_eq!((client.list_datasets(), alive.load(Ordering::SeqCst)), (vec!["b".to_owned(), "kept".to_owned()], 1));
    assert_eq!(client.get_dataset::<Delayed<i64>>("b")?.compute()?, 2);
    assert!(matches!(client.get_dataset::<i64>("b"), Err(Error::Type { .. })));
    let text = client.get_dataset::<i64>("c").unwrap_err().to_string();
    assert_eq!(text, "there is no dataset `c`; published: `b`, `kept`");
    assert!(client.unpublish_dataset("kept") && !client.unpublish_dataset("kept"));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    client.publish_dataset("kept", client.scatter(Counted::new((), &alive)))?;
    drop(client);
    soon("a dataset goes with its client", || alive.load(Ordering::SeqCst) == 0);
    Ok(())
}

fn block(n: u64) -> Vec<u64> {
    vec![n; 16_000]
}

#[test]
fn ten_times_the_memory_that_there_is() -> Result<()> {
    let limit = MemoryLimit { bytes: 4 << 20, target: 0.6, spill: f64::INFINITY, pause: f64::INFINITY };
    let directory = tempfile::tempdir().unwrap();
    let client = Client::builder().threads(2).memory_limit(limit).local_directory(directory.path()).build()?;
    let blocks = client.map(block, 0..320);
    let sums = client.map(|block: Vec<u64>| block.iter().sum::<u64>(), &blocks);
    wait(&sums)?;
    let status = client.status();
    assert!(status.memory.spilled.count > 200 && status.memory.problem.is_none(), "{status}");
    assert!(status.memory.in_memory.bytes <= 4 << 20);
    let (mut places, sums_at) = (client.who_has(&blocks), client.who_has(&sums));
    places.extend(sums_at);
    let on_disk = places.values().filter(|place| **place == Some("disk")).count();
    assert_eq!((places.len(), on_disk), (640, status.memory.spilled.count));
    assert!(client.nbytes(&blocks).values().all(|&bytes| bytes == 16_000 * 8 + 24));
    assert_eq!(client.gather(&sums)?, (0..320).map(|n| n * 16_000).collect::<Vec<u64>>());
    assert_eq!(client.gather(&blocks)?, (0..320).map(block).collect::<Vec<_>>());
    drop((blocks, sums));
    let memory = client.status().memory;
    assert_eq!((memory.in_memory.count, memory.spilled.count, memory.disk_bytes), (0, 0, 0));
    let pending = hold(&client);
    assert_eq!(client.who_has(std::slice::from_ref(&pending.future)).values().next(), Some(&None));
    assert!(client.nbytes(std::slice::from_ref(&pending.future)).is_empty());
    pending.go.set();
    let unlimited = two_threads();
    let one = [unlimited.scatter(block(1))];
    assert_eq!(unlimited.nbytes(&one)[&one[0].key()], 16_000 * 8 + 24);
    assert_eq!(unlimited.who_has(&one)[&one[0].key()], Some("memory"));
    Ok(())
}

#[test]
fn a_disk_that_takes_nothing_loses_nothing() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("not a directory");
    std::fs::write(&file, "x").unwrap();
    let limit = MemoryLimit { bytes: 1 << 20, target: 0.6, spill: f64::INFINITY, pause: f64::INFINITY };
    let client = Client::builder().threads(2).memory_limit(limit).local_directory(file.join("below")).build()?;
    let blocks = client.map(block, 0..40);
    assert_eq!(client.gather(&blocks)?, (0..40).map(block).collect::<Vec<_>>());
    let status = client.status();
    assert_eq!((status.memory.in_memory.count, status.memory.spilled.count), (40, 0));
    let text = status.to_string();
    assert!(text.contains("problem could not spill") && text.contains("free space there"), "{text}");
    Ok(())
}

#[test]
fn short_memory_slows_down_but_never_stops() -> Result<()> {
    // The process is always above this, so there is always a pause.
    let limit = MemoryLimit { bytes: 1 << 20, target: 0.6, spill: f64::INFINITY, pause: 0.8 };
    let client = Client::builder().threads(2).memory_limit(limit).build()?;
    assert_eq!(client.gather(&client.map(inc, 0..2000))?, (1..=2000).collect::<Vec<_>>());
    let status = client.status();
    assert!(status.paused && status.to_string().contains("paused"), "{status}");
    // One at a time, while it is not blocked: what it waits for has to run.
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&busy), Arc::clone(&most));
    let tasks = client.map(
        move |x: i64| {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
            now.fetch_sub(1, Ordering::SeqCst);
            x
        },
        0..20,
    );
    wait(&tasks)?;
    assert!(most.load(Ordering::SeqCst) <= 2);
    let event = client.event("go");
    let waits = client.map(
        {
            let event = event.clone();
            move |x: i64| event.wait().map(|()| x).unwrap()
        },
        0..3,
    );
    let sets = client.submit(move || event.set(), ());
    assert_eq!(client.gather(&waits)?, [0, 1, 2]);
    sets.result()?;
    let nested = client.submit(
        || {
            let client = Client::current().unwrap();
            as_completed(client.map(inc, 0..5)).map(|future| future.result().unwrap()).sum::<i64>()
        },
        (),
    );
    assert_eq!(nested.result()?, 15);
    Ok(())
}

#[test]
fn a_closed_client_takes_nothing_and_leaves_nobody_waiting() -> Result<()> {
    let client = Client::builder().threads(1).resource("GPU", 1.0).build()?;
    let held = hold(&client);
    let pending = client.submit(inc, (1,));
    let dependent = client.submit(inc, (&held.future,));
    let graph = client.compute(&delayed!(inc(1)));
    let resource = client.map(inc, 0..1);
    let gpu: Vec<_> = (0..3).map(|x| client.options().resource("GPU", 1.0).submit(inc, (x,))).collect();
    let actor = client.actor(0);
    let calls = [actor.call(|n| *n += 1), actor.call(|n| *n += 1)];
    client.close();
    assert!(pending.cancelled() && graph.cancelled() && resource[0].cancelled());
    assert!(gpu.iter().all(Future::cancelled) && calls.iter().all(Future::cancelled));
    assert!(matches!(client.submit(inc, (1,)).result(), Err(Error::Closed)));
    assert!(matches!(client.compute(&delayed!(inc(1))).result(), Err(Error::Closed)));
    assert!(matches!(actor.call(|n| *n).result(), Err(Error::Closed)));
    held.go.set();
    assert_eq!(held.future.result()?, 1, "what runs goes on");
    assert!(matches!(dependent.result(), Err(Error::FutureCancelled { .. })));
    pending.retry()?;
    assert!(matches!(pending.result(), Err(Error::Closed)));
    assert_eq!(client.scatter(1).result()?, 1);
    client.close();
    Ok(())
}

#[test]
fn a_restart_cancels_what_there_is_to_do() -> Result<()> {
    let client = two_threads();
    let (held, done) = (hold(&client), client.submit(inc, (1,)));
    done.wait()?;
    let graph = client.compute(&delayed!(soon("the graph's task sees it", is_cancelled)));
    let dependent = client.submit(inc, (&held.future,));
    client.publish_dataset("a", 1)?;
    client.restart();
    assert!(held.future.cancelled() && dependent.cancelled() && graph.cancelled());
    assert!(client.list_datasets().is_empty());
    held.go.set();
    assert_eq!((done.result()?, client.submit(inc, (2,)).result()?), (2, 3));
    Ok(())
}

#[test]
fn work_goes_on_when_the_client_is_dropped() -> Result<()> {
    let client = two_threads();
    let held = hold(&client);
    let futures = client.map(add_slowly, 0..50);
    let last = client.submit(add, (&held.future, &futures[49]));
    let actor = client.actor(1);
    drop(client);
    let call = actor.call(|n| *n);
    held.go.set();
    assert_eq!((last.result()?, call.result()?), (51, 1));
    assert!(futures.iter().enumerate().all(|(n, future)| future.result().unwrap() == n as i64 + 1));
    Ok(())
}

fn add_slowly(x: i64) -> i64 {
    std::thread::sleep(Duration::from_micros(300));
    x + 1
}

#[test]
fn a_client_and_computes_share_a_pool_without_starving() -> Result<()> {
    let client = Client::new()?;
    // Around 1 µs a task in a graph, so the threads are busy for seconds with either of the two.
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    let work = move |x: i64| {
        let began = Instant::now();
        while began.elapsed() < Duration::from_micros(10) {
            std::hint::spin_loop();
        }
        count.fetch_add(1, Ordering::Relaxed);
        x
    };
    let queued = client.map(work.clone(), 0..1_000_000);
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(delayed!(inc(1)).compute()?, 2);
    }
    let lazy: Vec<_> = (0..100).map(|x| delayed!(inc(x))).collect();
    assert_eq!(compute!(lazy)?.0.len(), 100);
    assert!(counted.load(Ordering::Relaxed) < 900_000, "the computes waited for all of it: {:?}", began.elapsed());
    client.cancel(&queued);
    drop(queued);
    // The other way round: a long compute leaves room for the client.
    let parts: Vec<_> = (0..300).map(|_| delayed!(sleep_ms(10))).collect();
    let background = std::thread::spawn(move || compute!(parts).map(|_| ()));
    std::thread::sleep(Duration::from_millis(30));
    let futures = client.map(inc, 0..100);
    assert_eq!(client.gather(&futures)?.len(), 100);
    assert!(!background.is_finished(), "the client waited for the compute");
    background.join().unwrap()?;
    Ok(())
}

#[test]
fn a_compute_gets_the_threads_of_tasks_that_block() -> Result<()> {
    let client = Client::new()?;
    let (queued, go) = (Arc::new(AtomicBool::new(false)), client.event("go"));
    let (flag, gate) = (Arc::clone(&queued), go.clone());
    let hold_and_block = move |x: usize| {
        while !flag.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_micros(200));
        }
        gate.wait().map(|()| x).unwrap()
    };
    let tasks = client.map(hold_and_block, 0..client.threads());
    soon("all threads are held", || tasks.iter().all(|task| task.status() == Status::Processing));
    // It stands in line for a thread before the first of them blocks.
    let compute = std::thread::spawn(|| delayed!(inc(1)).compute());
    std::thread::sleep(Duration::from_millis(20));
    queued.store(true, Ordering::SeqCst);
    soon("the compute is done", || compute.is_finished());
    assert_eq!(compute.join().unwrap()?, 2);
    go.set();
    wait(&tasks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_are_awaited_under_any_executor() -> Result<()> {
    let client = two_threads();
    assert_eq!(client.submit(inc, (1,)).await?, 2);
    assert!(client.submit(|| -> i64 { panic!("no") }, ()).await.is_err());
    let done = client.scatter(1);
    assert_eq!(done.clone().await? + done.await?, 2);
    let held = hold(&client);
    // Given up again and again: nothing of it stays with the task, and others that wait are woken all the same.
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut waiting = held.future.clone();
    for _ in 0..50 {
        let _token = Counted::new((), &dropped);
        tokio::select! {
            _ = &mut waiting => panic!("it is not done"),
            _ = held.future.clone() => panic!("it is not done"),
            () = tokio::time::sleep(Duration::from_micros(200)) => {}
        }
    }
    let tasks: Vec<_> = (0..200).map(|_| tokio::spawn(held.future.clone())).collect();
    tokio::time::sleep(Duration::from_millis(5)).await;
    tasks.iter().step_by(2).for_each(tokio::task::JoinHandle::abort);
    assert!(tokio::time::timeout(Duration::from_millis(3), held.future.clone()).await.is_err());
    held.go.set();
    assert_eq!(waiting.await?, 1);
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await {
            Ok(result) => assert_eq!(result?, 1),
            Err(error) => assert!(error.is_cancelled() && n % 2 == 0),
        }
    }
    let mut sum = 0;
    for future in client.map(inc, 0..1000) {
        sum += future.await?;
    }
    assert_eq!(sum, 500_500);
    Ok(())
}

#[test]
fn wakers_do_not_pile_up() {
    use std::future::Future as _;
    use std::pin::Pin;
    use std::task::{Context, Poll, Wake, Waker};
    struct Wakes(Arc<AtomicUsize>, #[allow(dead_code)] Counted);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let client = two_threads();
    let held = hold(&client);
    let (wakes, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let waker = || Waker::from(Arc::new(Wakes(Arc::clone(&wakes), Counted::new((), &alive))));
    let mut future = held.future.clone();
    for _ in 0..1000 {
        let waker = waker();
        assert_eq!(Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).map(drop), Poll::Pending);
        let mut other = held.future.clone();
        assert_eq!(Pin::new(&mut other).poll(&mut Context::from_waker(&waker)).map(drop), Poll::Pending);
    }
    assert_eq!(alive.load(Ordering::SeqCst), 1, "the last one of the handle that is still there");
    held.go.set();
    held.future.wait().unwrap();
    soon("it is woken", || wakes.load(Ordering::SeqCst) == 1);
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(&waker())).is_ready());
    soon("all are gone", || alive.load(Ordering::SeqCst) == 0);
}

#[test]
fn a_value_whose_drop_panics_takes_no_thread_along() -> Result<()> {
    #[derive(Clone)]
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in a drop");
            }
        }
    }
    let client = one_thread();
    for _ in 0..5 {
        let held = hold(&client);
        let uses = client.submit(|_: Arc<Bad>, x: i64| x, (client.submit(|| Arc::new(Bad), ()), &held.future));
        fire_and_forget(client.submit(|| Bad, ()));
        held.go.set();
        assert_eq!(uses.result_timeout(LONG)?, Some(1));
    }
    assert_eq!(client.submit(inc, (1,)).result_timeout(LONG)?, Some(2));
    Ok(())
}
