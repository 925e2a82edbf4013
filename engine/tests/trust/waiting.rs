//! Tasks that wait for each other, with `blocking`: on however few threads, inside computes inside tasks.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use taskloom::blocking;
use taskloom::events::{Event, Progress, ProgressState, set_listener};

use super::*;

/// Opens once, for all.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        let _open = self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap();
    }
}

fn wait_at(number: u64, gate: &Arc<Gate>) -> u64 {
    blocking(|| gate.wait());
    number
}

fn open(gate: &Arc<Gate>) -> u64 {
    gate.open();
    0
}

fn sleep_and_open(gate: &Arc<Gate>, milliseconds: u64) -> u64 {
    sleep_ms(milliseconds);
    gate.open();
    0
}

#[test]
#[cfg_attr(miri, ignore)]
fn fifty_tasks_may_wait_for_one_that_comes_last() {
    for scheduler in [Scheduler::Threads(1), Scheduler::Threads(2), Scheduler::Threads(8)] {
        let gate = Arc::new(Gate::default());
        let mut tasks: Vec<_> = (0..50).map(|number| delayed!(wait_at(number, &gate))).collect();
        tasks.push(delayed!(open(&gate)));
        let total: Delayed<u64> = tasks.into_iter().sum();
        let total = within_patience("tasks that wait for one", || total.compute_with(scheduler));
        assert_eq!(total.unwrap(), 50 * 49 / 2);
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn each_of_fifty_tasks_may_wait_for_the_next() {
    fn pass_on(receive: &Arc<Mutex<Receiver<u64>>>, send: &Sender<u64>) -> bool {
        let number = blocking(|| receive.lock().unwrap().recv().unwrap());
        send.send(number + 1).is_ok()
    }
    for scheduler in [Scheduler::Threads(1), Scheduler::Threads(3)] {
        let (mut first, receive) = channel();
        let mut tasks = Vec::new();
        for _ in 0..50 {
            let (send, receive) = channel();
            let (receive, to) = (Arc::new(Mutex::new(receive)), std::mem::replace(&mut first, send));
            tasks.push(delayed!(pass_on(&receive, &to)));
        }
        tasks.push(delayed_value(first).map(|first| first.send(0).is_ok()));
        let (sent,) = within_patience("a chain of waiting tasks", || compute!(tasks; scheduler)).unwrap();
        assert!(sent.into_iter().all(|sent| sent));
        assert_eq!(receive.recv(), Ok(50));
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn tasks_of_a_compute_within_a_task_may_wait_for_each_other() {
    // Of the pool's one thread nothing can be had: it is inside the outer task.
    fn inner(scheduler: Scheduler) -> taskloom::Result<u64> {
        let gate = Arc::new(Gate::default());
        let (wait, open) = (delayed!(wait_at(1, &gate)), delayed!(open(&gate)));
        compute!(wait, open; scheduler).map(|(wait, _)| wait)
    }
    for scheduler in [Scheduler::Threads(1), Scheduler::Threads(2)] {
        for within in [scheduler, Scheduler::Default, Scheduler::Threads(1)] {
            let tasks: Vec<_> = (0..4).map(|_| delayed!(inner(within))).collect();
            let total: Delayed<u64> = tasks.into_iter().sum();
            let total = within_patience("inner tasks that wait", || total.compute_with(scheduler));
            assert_eq!(total.unwrap(), 4);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn a_task_may_wait_for_another_compute_on_the_same_thread() {
    // The second compute asks for the thread while the first task still runs, and before it waits.
    let (asked, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    fn wait_later(asked: &Arc<Gate>, gate: &Arc<Gate>) -> u64 {
        asked.wait();
        // By now the other compute stands in the queue, or is just about to.
        std::thread::sleep(Duration::from_millis(50));
        wait_at(1, gate)
    }
    let (waiting, opening) = (delayed!(wait_later(&asked, &gate)), delayed!(open(&gate)));
    within_patience("a task that waits for another compute", || {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| waiting.compute_with(Scheduler::Threads(1)));
            std::thread::sleep(Duration::from_millis(20));
            asked.open();
            assert_eq!(opening.compute_with(Scheduler::Threads(1)).unwrap(), 0);
            assert_eq!(waiting.join().unwrap().unwrap(), 1);
        });
    });
}

#[test]
#[cfg_attr(miri, ignore)]
fn waiting_within_waiting_counts_once() {
    // A wait around a compute whose task waits. If the outer crew discounted this thread twice it would believe
    // that fewer threads work than do, and after two of them that it is crowded: its last member would leave.
    fn wait_within(gate: &Arc<Gate>) -> taskloom::Result<u64> {
        let inner = delayed!(wait_at(1, &*gate));
        blocking(|| inner.compute())
    }
    fn late() -> u64 {
        sleep_ms(50);
        1
    }
    for scheduler in [Scheduler::Threads(1), Scheduler::Threads(2)] {
        let gate = Arc::new(Gate::default());
        let waiting: Vec<_> = (0..3).map(|_| delayed!(wait_within(&gate))).collect();
        // After the late task two more are ready, and the gate needs both.
        let late = delayed!(late());
        let both = &(&late + 1) + &(&late + 2);
        let opening = both.map({
            let gate = Arc::clone(&gate);
            move |number| {
                gate.open();
                number
            }
        });
        let values = within_patience("waiting within waiting", || compute!(waiting, opening; scheduler));
        assert_eq!(values.unwrap(), (vec![1; 3], 5));
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn no_more_tasks_run_at_once_when_waiting_is_over() {
    #[derive(Default)]
    struct Count {
        now: AtomicUsize,
        most: AtomicUsize,
    }
    fn run(_: u64, count: &Arc<Count>) -> u64 {
        count.most.fetch_max(count.now.fetch_add(1, SeqCst) + 1, SeqCst);
        std::thread::yield_now();
        count.now.fetch_sub(1, SeqCst);
        1
    }
    // Those that wait at the gate come back all at once, and for a moment they are too many.
    let (gate, count) = (Arc::new(Gate::default()), Arc::new(Count::default()));
    let mut tasks: Vec<_> = (0..5).map(|number| delayed!(wait_at(number, &gate))).collect();
    tasks.push(delayed!(sleep_and_open(&gate, 20)));
    let waited: Delayed<u64> = tasks.into_iter().sum();
    let rest: Delayed<u64> = (0..2_000).map(|_| delayed!(run(waited, &count))).sum();
    let total = within_patience("tasks after waiting", || rest.compute_with(Scheduler::Threads(2)));
    assert_eq!(total.unwrap(), 2_000);
    assert!(count.most.load(SeqCst) <= 2, "{} tasks ran at once on two threads", count.most.load(SeqCst));
}

#[test]
#[cfg_attr(miri, ignore)]
fn progress_counts_what_stand_ins_do() {
    const TASKS: usize = 33;
    let reports: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let into = Arc::clone(&reports);
    // Other tests of this process report too, of graphs of other sizes.
    set_listener(move |event| match event {
        Event::Progress(progress) if progress.total == TASKS => into.lock().unwrap().push(progress),
        _ => {}
    });
    let gate = Arc::new(Gate::default());
    let mut tasks: Vec<_> = (0..TASKS as u64 - 1).map(|number| delayed!(wait_at(number, &gate))).collect();
    // Longer than it takes until progress is reported at all.
    tasks.push(delayed!(sleep_and_open(&gate, 700)));
    within_patience("a compute that reports", || compute!(tasks; Scheduler::Threads(1))).unwrap();
    let reports = reports.lock().unwrap();
    let last = reports.last().expect("a compute of this length reports");
    assert_eq!((last.done, last.state), (TASKS, ProgressState::Finished));
}
