//! Events, locks, queues and so on between the tasks of a client and the main program, and interrupts of those who wait.
//! An interrupt ends every wait of the process, so these tests have a process of their own and take turns.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use taskloom::prelude::*;
use taskloom::{Error, Result, interrupt};

use common::interrupts::{interrupted, waited_for};
use common::{soon, turn};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn an_interrupt_ends_every_wait() -> Result<()> {
    let _turn = turn();
    let client = Client::new()?;
    let lock = client.lock("files");
    let semaphore = client.semaphore("database", 1)?;
    let _held = (lock.acquire()?, semaphore.acquire()?);
    let full = client.queue("full", 1)?;
    full.put(0)?;
    let empty = client.queue::<i32>("empty", 0)?;
    let event = client.event("go");
    let variable = client.variable::<i32>("rate")?;
    let subscriber = client.subscriber::<i32>("loss")?;

    assert_eq!(waited_for(interrupted(|| event.wait())), "the event `go`");
    assert_eq!(waited_for(interrupted(|| event.wait_timeout(LONG))), "the event `go`");
    assert_eq!(waited_for(interrupted(|| lock.acquire())), "the lock `files`");
    assert_eq!(waited_for(interrupted(|| lock.acquire_timeout(LONG))), "the lock `files`");
    assert_eq!(waited_for(interrupted(|| semaphore.acquire())), "a lease of the semaphore `database`");
    assert_eq!(waited_for(interrupted(|| semaphore.acquire_timeout(LONG))), "a lease of the semaphore `database`");
    assert_eq!(waited_for(interrupted(|| full.put(1))), "room in the queue `full`");
    assert_eq!(waited_for(interrupted(|| full.put_timeout(1, LONG))), "room in the queue `full`");
    assert_eq!(waited_for(interrupted(|| empty.get())), "a value of the queue `empty`");
    assert_eq!(waited_for(interrupted(|| empty.get_timeout(LONG))), "a value of the queue `empty`");
    assert_eq!(waited_for(interrupted(|| empty.get_batch(2))), "a value of the queue `empty`");
    assert_eq!(waited_for(interrupted(|| variable.get())), "a value of the variable `rate`");
    assert_eq!(waited_for(interrupted(|| variable.get_timeout(LONG))), "a value of the variable `rate`");
    assert_eq!(waited_for(interrupted(|| subscriber.next())), "a message of the topic `loss`");
    assert_eq!(waited_for(interrupted(|| subscriber.next_timeout(LONG))), "a message of the topic `loss`");

    // All of it goes on as if nothing had happened, and nobody is left in a line.
    drop(_held);
    assert!(lock.try_acquire().is_some() && semaphore.try_acquire().is_some());
    assert_eq!((full.len(), full.try_get(), full.try_put(2)), (1, Some(0), Ok(())));
    assert_eq!((empty.try_put(3), empty.try_get()), (Ok(()), Some(3)));
    client.publisher("loss")?.put(4);
    assert_eq!(subscriber.try_next(), Some(4));
    Ok(())
}

#[test]
fn who_is_interrupted_leaves_the_line_to_the_next() -> Result<()> {
    let _turn = turn();
    let client = Client::new()?;
    let lock = client.lock("l");
    for _ in 0..20 {
        let held = lock.acquire()?;
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| lock.acquire().map(drop))).collect();
            thread::sleep(Duration::from_millis(1));
            interrupt();
            drop(held);
            for waiter in waiters {
                let outcome = waiter.join().unwrap();
                assert!(matches!(outcome, Ok(()) | Err(Error::Interrupted { .. })));
            }
        });
        assert!(!lock.is_locked());
    }
    Ok(())
}

#[test]
fn an_interrupted_batch_stays_in_the_queue() -> Result<()> {
    let _turn = turn();
    let queue = Client::new()?.queue("q", 2)?;
    queue.put(0)?;
    queue.put(1)?;
    thread::scope(|scope| {
        let batch = scope.spawn(|| queue.get_batch(5));
        // There is room for these only because the batch is being collected.
        let putter = scope.spawn(|| queue.put(2).and_then(|()| queue.put(3)));
        putter.join().unwrap().unwrap();
        interrupt();
        assert!(matches!(batch.join().unwrap(), Err(Error::Interrupted { .. })));
    });
    assert_eq!(queue.try_put(9), Err(9), "it is full, and more than full");
    assert_eq!(queue.get_batch(4)?, [0, 1, 2, 3]);
    Ok(())
}

#[test]
fn an_interrupt_of_the_task_ends_also_what_need_not_wait() -> Result<()> {
    let _turn = turn();
    let client = Client::new()?;
    let queue = client.queue("q", 0)?;
    let rounds = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&rounds);
    let task = delayed_value(()).map(move |()| {
        // Never waits, and would go on forever.
        while queue.put(1).is_ok() && queue.get().is_ok() {
            if count.fetch_add(1, Ordering::SeqCst) == 99 {
                interrupt();
            }
        }
    });
    assert!(matches!(task.compute(), Err(Error::Cancelled { .. })));
    // The caller did not wait for the task that ran.
    thread::sleep(Duration::from_millis(50));
    assert_eq!(rounds.load(Ordering::SeqCst), 100);
    let subscriber = client.subscriber::<i32>("t")?;
    client.publisher("t")?.put(1);
    let (kept, seen) = (subscriber.clone(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&seen);
    let task = delayed_value(()).map(move |()| {
        interrupt();
        let mut messages = subscriber.iter();
        let is_error = matches!(messages.next(), Some(Err(Error::Interrupted { .. })));
        let is_over = messages.next().is_none();
        count.store(usize::from(is_error && is_over), Ordering::SeqCst);
    });
    assert!(task.compute().is_err());
    soon("there is one error, and then the end", || seen.load(Ordering::SeqCst) == 1);
    assert_eq!(kept.try_next(), Some(1), "no message was lost");
    Ok(())
}

fn one_thread() -> Result<Client> {
    Client::builder().threads(1).build()
}

#[test]
fn tasks_wait_for_tasks_that_have_not_begun_on_one_thread() -> Result<()> {
    let _turn = turn();
    let client = one_thread()?;
    // Each waits for the event of the next one, the last sets the first stone rolling.
    let tasks = client.map(
        |n: usize| {
            let client = Client::current().unwrap();
            client.event(&format!("e{}", n + 1)).wait().unwrap();
            client.event(&format!("e{n}")).set();
            n
        },
        0..100,
    );
    let last = client.submit(|| Client::current().unwrap().event("e100").set(), ());
    assert_eq!(client.gather(&tasks)?, (0..100).collect::<Vec<_>>());
    last.result()?;
    assert!(client.event("e0").is_set());

    // A queue of one place, its takers before its putters.
    let takers = client.map(|_: i64| Client::current().unwrap().queue::<i64>("q", 1).unwrap().get().unwrap(), 0..100);
    let put = |n: i64| Client::current().unwrap().queue::<i64>("q", 1).unwrap().put(n).unwrap();
    let putters = client.map(put, 0..100);
    let mut taken = client.gather(&takers)?;
    taken.sort_unstable();
    assert_eq!(taken, (0..100).collect::<Vec<_>>());
    wait(&putters)?;

    // A variable, and a topic, that come later.
    let reader = client.submit(|| Client::current().unwrap().variable::<i64>("v").unwrap().get().unwrap(), ());
    let writer = client.submit(|| Client::current().unwrap().variable("v").unwrap().set(5_i64), ());
    assert_eq!((reader.result()?, writer.result()?), (5, ()));
    let subscriber = client.subscriber::<i64>("t")?;
    let listens = client.submit(move || (0..10).map(|_| subscriber.next().unwrap()).sum::<i64>(), ());
    let publish = |n: i64| Client::current().unwrap().publisher("t").unwrap().put(n);
    wait(&client.map(publish, 0..10))?;
    assert_eq!(listens.result()?, 45);
    Ok(())
}

#[test]
fn locks_and_semaphores_are_held_across_waits() -> Result<()> {
    let _turn = turn();
    for client in [one_thread()?, Client::builder().threads(3).build()?] {
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let step = |leases: usize| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            move |x: i64| {
                let client = Client::current().unwrap();
                let lock = client.lock("l");
                let semaphore = client.semaphore(&format!("s{leases}"), leases).unwrap();
                let _lock = (leases == 1).then(|| lock.acquire().unwrap());
                let _lease = semaphore.acquire().unwrap();
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // While it has them it waits for another task, which wants none.
                let y = client.submit(|x: i64| x + 1, (x,)).result().unwrap();
                inside.fetch_sub(1, Ordering::SeqCst);
                y
            }
        };
        for leases in [1, 3] {
            most.store(0, Ordering::SeqCst);
            assert_eq!(client.gather(&client.map(step(leases), 0..200))?, (1..=200).collect::<Vec<_>>());
            assert!(most.load(Ordering::SeqCst) <= leases);
        }
    }
    Ok(())
}

#[test]
fn an_interrupt_ends_the_main_programs_wait_and_not_that_of_tasks() -> Result<()> {
    let _turn = turn();
    let client = one_thread()?;
    let go = client.event("go");
    let waits = client.submit(|| Client::current().unwrap().event("go").wait().is_ok(), ());
    assert_eq!(waited_for(interrupted(|| go.wait())), "the event `go`");
    go.set();
    assert!(waits.result()?);
    Ok(())
}

#[test]
fn handles_and_guards_go_between_threads() {
    fn is_send<T: Send + 'static>() {}
    fn is_shared<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    use taskloom::client::coordination::*;
    is_shared::<Event>();
    is_shared::<Lock>();
    is_shared::<Semaphore>();
    is_shared::<Queue<std::cell::Cell<i32>>>();
    is_shared::<Variable<i32>>();
    is_shared::<Publisher<i32>>();
    is_shared::<Subscriber<i32>>();
    is_send::<LockGuard>();
    is_send::<SemaphoreGuard>();
}

#[test]
fn errors_say_what_to_do() -> Result<()> {
    let client = Client::new()?;
    let _handles = (client.queue::<i64>("q", 0)?, client.semaphore("s", 2)?);
    let text = |error: Option<Error>| error.map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(
        text(client.queue::<String>("q", 0).err()),
        "the queue `q` holds values of type i64, not String: ask for i64, or use another name"
    );
    assert_eq!(
        text(client.semaphore("s", 3).err()),
        "the semaphore `s` has 2 leases, not 3: ask for 2, or use another name"
    );
    assert_eq!(
        text(client.semaphore("t", 0).err()),
        "the semaphore `t` was asked for with 0 leases, so nobody could acquire it: give it at least 1"
    );
    Ok(())
}
