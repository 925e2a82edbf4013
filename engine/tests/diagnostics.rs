//! What a profiler sees of real computations. One profiler records at a time, so the tests take turns.

mod common;

use std::sync::{Arc, Mutex};

use taskloom::diagnostics::{Profile, Profiler, profile};
use taskloom::prelude::*;

use common::turn;

fn inc(x: i64) -> i64 {
    x + 1
}

fn block(mib: usize) -> Vec<u8> {
    vec![1; mib << 20]
}

fn length(bytes: &[u8]) -> usize {
    bytes.len()
}

fn count(profile: &Profile, name: &str) -> usize {
    profile.tasks.iter().filter(|task| profile.name_of(task) == name).count()
}

#[test]
fn every_task_is_recorded_once_on_every_scheduler() {
    let _turn = turn();
    for scheduler in [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(3)] {
        let parts: Vec<_> = (0..1000).map(|x| delayed!(inc({ x }))).collect();
        let total: Delayed<i64> = parts.iter().sum();
        let (result, profile) = profile(|| total.compute_with(scheduler));
        assert_eq!(result.unwrap(), 500_500);
        assert_eq!((count(&profile, "inc"), count(&profile, "add")), (1000, 999), "{scheduler:?}");
        assert!(
            profile.tasks.iter().all(|task| task.end >= task.start && task.end <= profile.duration && !task.failed)
        );
        let mut keys: Vec<_> = profile.tasks.iter().map(|task| task.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 1999);
    }
}

#[test]
fn the_tasks_of_a_client_are_recorded_too() {
    let _turn = turn();
    let client = Client::new().unwrap();
    let profiler = Profiler::start();
    let futures = client.map(inc, 0..10);
    let failed = client.try_submit(|x: i64| Err::<i64, String>(x.to_string()), (&futures[0],));
    assert_eq!(client.gather(&futures).unwrap(), (1..11).collect::<Vec<_>>());
    failed.wait().unwrap();
    let profile = profiler.stop();
    assert_eq!((count(&profile, "inc"), count(&profile, "closure")), (10, 1));
    assert_eq!(profile.tasks.iter().filter(|task| task.failed).count(), 1);
}

#[test]
fn nothing_is_recorded_before_and_after() {
    let _turn = turn();
    delayed!(inc(1)).compute().unwrap();
    let profiler = Profiler::start();
    let profile = profiler.stop();
    delayed!(inc(1)).compute().unwrap();
    assert!(profile.tasks.is_empty());
    assert!(profile.performance_report().contains("</html>"));
}

#[test]
fn a_failed_task_is_marked() {
    let _turn = turn();
    fn fail(x: i64) -> Result<i64, String> {
        Err(format!("{x}"))
    }
    for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
        let (result, profile) = profile(|| delayed!(fail(delayed!(inc(1)))).compute_with(scheduler));
        result.unwrap_err();
        let failed: Vec<_> = profile.tasks.iter().map(|task| (profile.name_of(task), task.failed)).collect();
        assert_eq!(failed, [("inc", false), ("fail", true)]);
    }
}

#[test]
fn results_that_are_alive_are_counted_with_their_bytes() {
    let _turn = turn();
    let blocks: Vec<_> = (0..8).map(|_| delayed!(length(&delayed!(block(1))))).collect();
    let total: Delayed<usize> = blocks.iter().sum();
    let (result, profile) = profile(|| total.compute_with(Scheduler::Sync));
    assert_eq!(result.unwrap(), 8 << 20);
    let most = profile.live.iter().max_by_key(|sample| sample.live_bytes).unwrap();
    // One block at a time: each is measured, and gone, before the next.
    assert!((1 << 20..2 << 20).contains(&most.live_bytes), "{most:?}");
    let last = profile.live.last().unwrap();
    assert_eq!(last.live_results, 1, "only the output is left");
}

#[test]
fn reports_and_traces_are_files_of_their_own() {
    let _turn = turn();
    let (_, profile) = profile(|| (delayed!(inc(1)) * 2).compute());
    let folder = tempfile::tempdir().unwrap();
    let (report, trace) = (folder.path().join("report.html"), folder.path().join("trace.json"));
    profile.save_report(&report).unwrap();
    profile.save_trace(&trace).unwrap();
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("inc") && !report.contains("src=\"http") && !report.contains("<link"));
    let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(trace).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    assert!(events.iter().any(|event| event["ph"] == "X" && event["name"] == "inc"));
    let error = profile.save_report(folder.path().join("no such folder/report.html")).unwrap_err();
    assert!(error.to_string().contains("report.html"), "{error}");
}

mod spans {
    use super::*;
    use tracing::span::{Attributes, Id, Record};

    /// Remembers the names of tasks from their spans.
    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<Vec<String>>>);

    struct Visitor<'a>(&'a Names);

    impl tracing::field::Visit for Visitor<'_> {
        fn record_debug(&mut self, _field: &tracing::field::Field, _value: &dyn std::fmt::Debug) {}
        fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
            if field.name() == "name" {
                self.0.0.lock().unwrap().push(value.to_owned());
            }
        }
    }

    impl tracing::Subscriber for Names {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target() == "taskloom::task"
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut Visitor(self));
            Id::from_u64(1)
        }
        fn record(&self, _span: &Id, _values: &Record<'_>) {}
        fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
        fn event(&self, _event: &tracing::Event<'_>) {}
        fn enter(&self, _span: &Id) {}
        fn exit(&self, _span: &Id) {}
    }

    #[test]
    fn a_subscriber_gets_a_span_for_each_task() {
        let _turn = turn();
        let names = Names::default();
        tracing::subscriber::with_default(names.clone(), || {
            (delayed!(inc(1)) * 2).compute_with(Scheduler::Sync).unwrap();
        });
        assert_eq!(*names.0.lock().unwrap(), ["inc", "mul"]);
    }
}
