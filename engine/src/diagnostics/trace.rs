//! Traces for other tools, in the Trace Event Format ("Trace Event Format", Google, 2016), which `chrome://tracing`,
//! Perfetto and Speedscope open.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::analysis::Analysis;
use super::record::Profile;
use super::save::{SaveError, write_beside};

/// The one process of a trace.
const PROCESS: u32 = 1;

impl Profile {
    /// The profile as a trace that `chrome://tracing` and [Perfetto](https://ui.perfetto.dev) open: JSON with a complete
    /// event for each task, the threads' names, and counters for processor time, memory and live results.
    ///
    /// A million tasks make some 150 MB, and as much again where each came with a sample of the live results;
    /// [`save_trace`](Self::save_trace) writes them without holding them in memory.
    ///
    /// ```
    /// # use taskloom::diagnostics::Profile;
    /// let trace = Profile::new(std::time::SystemTime::now(), 2).chrome_trace();
    /// assert!(trace.contains("traceEvents"));
    /// ```
    pub fn chrome_trace(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and what is written is made of strings.
        let _ = write_trace(self, &mut bytes);
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Writes [`chrome_trace`](Self::chrome_trace) to a file; call it something like `trace.json`.
    ///
    /// # Errors
    /// [`SaveError`] when the file cannot be written; an older file is then as it was.
    pub fn save_trace(&self, path: impl AsRef<Path>) -> Result<(), SaveError> {
        write_beside("trace", path.as_ref(), |file| write_trace(self, file))
    }
}

/// Nanoseconds as the microseconds that the format wants, without loss.
fn microseconds(nanoseconds: u64) -> String {
    let (whole, rest) = (nanoseconds / 1_000, nanoseconds % 1_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}") }
}

fn write_trace(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let analysis = Analysis::new(profile);
    let other = json!({ "began": super::units::date(profile.began), "notes": profile.notes });
    write!(out, r#"{{"displayTimeUnit":"ms","otherData":{other},"traceEvents":["#)?;
    let metadata = |name: &str, thread: u32, args: Value| {
        let event = json!({ "ph": "M", "name": name, "pid": PROCESS, "tid": thread, "args": args });
        event.to_string()
    };
    write!(out, "\n{}", metadata("process_name", 0, json!({ "name": "Taskloom" })))?;
    for (thread, _) in &analysis.lanes {
        // Perfetto keeps thread 0 for the idle one.
        let (id, label) = (u32::from(*thread) + 1, format!("thread {thread}"));
        write!(out, ",\n{}", metadata("thread_name", id, json!({ "name": label })))?;
        write!(out, ",\n{}", metadata("thread_sort_index", id, json!({ "sort_index": thread })))?;
    }

    // Each name is escaped once, however often it is there.
    let names: Vec<String> = profile.names.iter().chain(["?"]).map(|name| Value::from(name).to_string()).collect();
    for &place in &analysis.order {
        let task = &profile.tasks[place as usize];
        let name = &names[(task.name as usize).min(names.len() - 1)];
        // Keys are strings: as numbers, readers would round those beyond 2^53.
        write!(
            out,
            ",\n{{\"ph\":\"X\",\"cat\":\"task\",\"name\":{name},\"pid\":{PROCESS},\"tid\":{},\"ts\":{},\"dur\":{}{},\
             \"args\":{{\"key\":\"{}\"",
            u32::from(task.thread) + 1,
            microseconds(task.start),
            microseconds(task.length()),
            if task.failed { ",\"cname\":\"terrible\"" } else { "" },
            super::units::key(task.key),
        )?;
        if task.result_bytes > 0 {
            write!(out, ",\"result_bytes\":{}", task.result_bytes)?;
        }
        out.write_all(if task.failed { b",\"failed\":true}}" } else { b"}}" })?;
    }

    let mut counter = |at: u64, name: &str, args: Value| {
        let ts = microseconds(at);
        write!(out, ",\n{{\"ph\":\"C\",\"name\":\"{name}\",\"pid\":{PROCESS},\"tid\":0,\"ts\":{ts},\"args\":{args}}}")
    };
    for sample in &profile.resources {
        let percent = if sample.cpu_percent.is_finite() { sample.cpu_percent } else { 0.0 };
        counter(sample.at, "CPU (%)", json!({ "percent": percent }))?;
        if sample.memory_bytes > 0 {
            counter(sample.at, "memory (bytes)", json!({ "resident": sample.memory_bytes }))?;
        }
    }
    for sample in &profile.live {
        counter(sample.at, "live results", json!({ "results": sample.live_results }))?;
        counter(sample.at, "live results (bytes)", json!({ "bytes": sample.live_bytes }))?;
    }
    out.write_all(b"\n]}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{CacheSample, ResourceSample, TaskRecord};
    use std::time::SystemTime;

    fn sample_profile() -> Profile {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 2);
        let name = profile.names.intern("evil \"name\"\\ </script>\n\u{1}\u{2028}");
        let task = TaskRecord { name, thread: 1, key: u64::MAX, start: 1_500, end: 4_000_001, ..TaskRecord::default() };
        profile.tasks.push(task);
        profile.tasks.push(TaskRecord { failed: true, name: 77, result_bytes: 12, ..TaskRecord::default() });
        profile.resources.push(ResourceSample { at: 2_000, cpu_percent: f32::NAN, memory_bytes: 4_096 });
        profile.live.push(CacheSample { at: 3_000, live_results: 2, live_bytes: 640 });
        profile
    }

    #[test]
    fn every_event_has_what_readers_need() {
        let trace: Value = serde_json::from_str(&sample_profile().chrome_trace()).expect("the trace is JSON");
        let events = trace["traceEvents"].as_array().expect("there are events");
        for event in events {
            let phase = event["ph"].as_str().expect("each event has a phase");
            assert!(
                event["name"].is_string()
                    && event["pid"].is_u64()
                    && event["tid"].is_u64()
                    && event["args"].is_object()
            );
            match phase {
                "X" => assert!(event["ts"].is_number() && event["dur"].is_number() && event["cat"] == "task"),
                "C" => assert!(
                    event["ts"].is_number() && event["args"].as_object().expect("").values().all(Value::is_number)
                ),
                "M" => {}
                other => panic!("what is a {other}?"),
            }
        }
        let of = |phase: &str| events.iter().filter(move |event| event["ph"] == phase).collect::<Vec<_>>();
        let tasks = of("X");
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks[0]["args"]["failed"], true);
        assert_eq!((&tasks[0]["name"], &tasks[0]["args"]["result_bytes"]), (&json!("?"), &json!(12)));
        assert_eq!(tasks[1]["name"], "evil \"name\"\\ </script>\n\u{1}\u{2028}");
        assert_eq!((&tasks[1]["ts"], &tasks[1]["dur"], &tasks[1]["tid"]), (&json!(1.5), &json!(3998.501), &json!(2)));
        assert_eq!(tasks[1]["args"]["key"], "ffffffffffffffff");
        assert_eq!(of("C").len(), 4);
        let threads: Vec<_> = of("M").into_iter().filter(|event| event["name"] == "thread_name").collect();
        assert_eq!(threads.len(), 2);
        assert_eq!(threads[1]["args"]["name"], "thread 1");
    }

    #[test]
    fn an_empty_profile_is_a_trace_too() {
        let trace = Profile::new(SystemTime::UNIX_EPOCH, 0).chrome_trace();
        let trace: Value = serde_json::from_str(&trace).expect("the trace is JSON");
        assert_eq!(trace["traceEvents"].as_array().map(Vec::len), Some(1));
    }
}
