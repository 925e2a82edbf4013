//! The pictures of whole profiles: small, large, empty and hostile ones.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use serde_json::Value;

use super::{CacheSample, Profile, ResourceSample, TaskRecord};

/// A made-up run: `tasks` tasks of a few functions on `threads` threads, with waits between them.
pub(super) fn synthetic(tasks: usize, threads: u16) -> Profile {
    let mut profile =
        Profile::new(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_772_373_909), threads.into());
    let functions =
        ["read_csv", "parse_rows", "clean", "group_sum", "merge", "write"].map(|name| profile.names.intern(name));
    let mut state = 42_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut free = vec![1_000_000_u64; threads.into()];
    for key in 0..tasks {
        let thread = (random() % u64::from(threads)) as usize;
        let phase = key * functions.len() / tasks.max(1);
        let name = functions[(phase + usize::from(random() % 5 == 0)).min(functions.len() - 1)];
        let length = 20_000 + random() % 400_000 * if random() % 50 == 0 { 20 } else { 1 };
        let wait = if random() % 400 == 0 { random() % 20_000_000 } else { 500 + random() % 9_000 };
        let start = free[thread] + wait;
        free[thread] = start + length;
        profile.tasks.push(TaskRecord {
            name,
            thread: thread as u16,
            key: key as u64,
            start,
            end: start + length,
            result_bytes: if random() % 3 == 0 { random() % 1_000_000 } else { 0 },
            failed: false,
        });
    }
    let end = free.iter().copied().max().unwrap_or(0);
    profile.duration = end + 2_000_000;
    for at in 0..(end / 50_000_000).clamp(40, 4_000) {
        let memory_bytes = (200 << 20) + ((at * 7_919) % 97) * (1 << 20) + at * (1 << 16);
        let cpu_percent = (f32::from(threads) * 85.0) * (0.7 + 0.3 * ((at % 13) as f32 / 13.0));
        profile.resources.push(ResourceSample {
            at: at * end / (end / 50_000_000).clamp(40, 4_000),
            cpu_percent,
            memory_bytes,
        });
    }
    for (at, task) in profile.tasks.iter().enumerate() {
        let live_results = (at as u32 % 900) + 10;
        profile.live.push(CacheSample { at: task.end, live_results, live_bytes: u64::from(live_results) * 80_000 });
    }
    profile
}

/// Every form there is, each checked for being whole.
fn render(profile: &Profile) -> [String; 5] {
    let trace = profile.chrome_trace();
    serde_json::from_str::<Value>(&trace).expect("the trace is JSON");
    let svg = profile.task_stream_svg();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
    assert!(!svg.contains("<script") && !svg.contains(" id="));
    let report = profile.performance_report();
    assert!(report.starts_with("<!DOCTYPE html>") && report.ends_with("</html>\n"));
    for needle in ["http://", "https://"] {
        // The one address is the name of the SVG language, which nobody fetches.
        assert_eq!(report.replace("http://www.w3.org/2000/svg", "").matches(needle).count(), 0);
    }
    assert_eq!(report.matches("<script").count(), report.matches("</script>").count());
    [svg, profile.task_stream_html(), report, trace, profile.to_string()]
}

/// The data that a page's script is called with.
fn script_data(page: &str) -> Value {
    let start = page.find("})(\"").expect("the page calls its script");
    let start = start + page[start..].find(", {").expect("the script is given data") + 2;
    let end = start + page[start..].find(");\n</script>").expect("the call ends");
    serde_json::from_str(&page[start..end]).expect("the data is JSON")
}

#[test]
fn a_small_profile_is_a_picture_without_a_script() {
    let mut profile = synthetic(10, 2);
    profile.tasks[3].failed = true;
    let [svg, html, report, _, text] = render(&profile);
    assert!(html.contains(&svg) && !html.contains("<script"));
    assert_eq!(svg.matches("</title></rect>").count(), 10);
    assert!(svg.contains("(failed)") && svg.contains("outlined: failed (1)") && text.contains("1 failed"));
    assert!(report.contains("<dt>Failed</dt><dd>1</dd>"));
    let data = script_data(&report);
    assert_eq!(data["lanes"].as_array().map(Vec::len), Some(2));
    assert_eq!(data["charts"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_large_profile_is_a_canvas_with_a_picture_in_its_place() {
    let profile = synthetic(20_000, 8);
    let [svg, html, ..] = render(&profile);
    assert!(html.contains("<script") && html.contains("<svg") && html.len() < 1_500_000, "{}", html.len());
    assert!(svg.contains("20,000 tasks are drawn as") && svg.len() < 600_000, "{}", svg.len());
    // All tasks are there, unmerged.
    let data = script_data(&html);
    let bars: u64 = data["lanes"].as_array().expect("").iter().filter_map(|lane| lane[1].as_u64()).sum();
    assert_eq!((bars, data["notes"].as_array().map(Vec::len)), (20_000, Some(0)));
    // Two outputs never meet.
    let token = |html: &str| {
        html.split("data-taskloom-stream=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    assert_ne!(token(&html), token(&profile.task_stream_html()));
}

#[test]
fn a_million_tasks_are_quick_and_small() {
    let profile = synthetic(1_000_000, 8);
    let began = Instant::now();
    let report = profile.performance_report();
    let took = began.elapsed();
    assert!(report.len() < 5_000_000, "{} bytes", report.len());
    assert!(report.contains("1,000,000 tasks are drawn as"));
    // Generous, because tests share the machine; it takes a fraction of this.
    assert!(took.as_secs_f64() < 4.0, "{took:?}");
    assert!(profile.task_stream_html().len() < 2_000_000);
}

#[test]
fn empty_and_single_profiles_have_all_forms() {
    let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 0);
    let [svg, _, report, ..] = render(&profile);
    assert!(svg.contains("No task ran") && report.contains("No task ran"));
    profile.threads = 3;
    render(&profile);
    let name = profile.names.intern("only");
    profile.tasks.push(TaskRecord { name, ..TaskRecord::default() });
    let [svg, ..] = render(&profile);
    assert!(svg.contains("only"));
    profile.tasks[0].end = 5;
    render(&profile);
}

#[test]
fn hostile_names_and_numbers_stay_text() {
    let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 2);
    let names = [
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "<!--<script>",
        "nul\u{0}bell\u{7}sep\u{2028}\u{202e}rtl",
        "多核 🧵 مرحبا",
        "",
        &"long_".repeat(5_000),
        "'; DROP TABLE tasks; --",
    ];
    for round in 0..300_u64 {
        for (at, name) in names.iter().enumerate() {
            let start = round.wrapping_mul(at as u64).wrapping_mul(0x0003_1415_9265_3589);
            let (name, key) = (profile.names.intern(name), u64::MAX - round);
            profile.tasks.push(TaskRecord {
                name,
                key,
                start,
                end: start ^ 0xfff_ffff,
                thread: at as u16,
                failed: at == 2,
                result_bytes: u64::MAX,
            });
        }
    }
    profile.notes.push("<b>a note</b> ".repeat(40));
    profile.resources.push(ResourceSample { at: u64::MAX, cpu_percent: f32::INFINITY, memory_bytes: u64::MAX });
    profile.live.push(CacheSample { at: 0, live_results: u32::MAX, live_bytes: u64::MAX });
    let [svg, html, report, ..] = render(&profile);
    for page in [&svg, &html, &report] {
        assert!(!page.contains("<img") && !page.contains("alert(1)</script>") && !page.contains("<b>a note"));
        assert!(!page.contains(['\u{0}', '\u{7}']));
    }
    assert!(svg.contains("&lt;/script&gt;"));
    assert!(report.len() < 1_000_000);
}

#[test]
fn every_task_with_a_name_of_its_own_does_not_swell_the_page() {
    let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 4);
    for key in 0..50_000_u64 {
        let name = profile.names.intern(&format!("{}-{key}", "load_one_of_very_many_files".repeat(8)));
        profile.tasks.push(TaskRecord {
            name,
            key,
            thread: (key % 4) as u16,
            start: key * 100,
            end: key * 100 + 90,
            ..TaskRecord::default()
        });
    }
    let report = profile.performance_report();
    assert!(report.len() < 3_000_000 && report.contains("another function"), "{}", report.len());
    assert!(report.contains("And 49,500 functions with less time"));
}

#[test]
fn files_are_whole_or_not_there() {
    let folder = std::env::temp_dir().join(format!("taskloom-diagnostics-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written to");
    let profile = synthetic(10, 2);
    profile.save_report(folder.join("report.html")).expect("the report is saved");
    profile.save_trace(folder.join("trace.json")).expect("the trace is saved");
    let trace = std::fs::read_to_string(folder.join("trace.json")).expect("the file is there");
    assert_eq!(trace, profile.chrome_trace());
    let error = profile.save_report(folder.join("missing/report.html")).expect_err("there is no such folder");
    assert!(
        error.to_string().contains("could not write the report to") && error.path().ends_with("missing/report.html")
    );
    std::fs::create_dir(folder.join("taken")).expect("the folder can be written to");
    profile.save_trace(folder.join("taken")).expect_err("a folder is in the way");
    assert_eq!(std::fs::read_dir(&folder).expect("the folder is there").count(), 3);
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}

#[test]
fn colors_are_those_of_graph_drawings() {
    let profile = synthetic(10, 2);
    let svg = profile.task_stream_svg();
    let names: Vec<&str> = profile.names.iter().collect();
    let drawn = crate::draw::colors_of(names.iter().copied());
    for (name, (fill, _)) in names.iter().zip(drawn) {
        let bar = format!("fill=\"{fill}\"");
        let drawn = svg
            .split("<rect ")
            .filter(|rect| rect.contains(&format!("<title>{name}\n")))
            .all(|rect| rect.contains(&bar));
        assert!(drawn, "{name} is {fill}");
    }
}

/// Writes pages to look at, into the folder that `TASKLOOM_PAGES` names.
#[test]
fn pages_to_look_at() {
    let Ok(folder) = std::env::var("TASKLOOM_PAGES") else { return };
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder).expect("the folder can be written to");
    let save = |name: &str, profile: &Profile| {
        let began = Instant::now();
        profile.save_report(folder.join(format!("{name}.report.html"))).expect("the report is saved");
        println!("{name}: report saved in {:?}", began.elapsed());
        std::fs::write(folder.join(format!("{name}.stream.html")), profile.task_stream_html()).expect("it is saved");
        std::fs::write(folder.join(format!("{name}.svg")), profile.task_stream_svg()).expect("it is saved");
        println!("{profile}");
    };
    let mut small = synthetic(10, 2);
    small.tasks[4].failed = true;
    save("small", &small);
    save("medium", &synthetic(20_000, 8));
    let large = synthetic(1_000_000, 8);
    save("large", &large);
    let began = Instant::now();
    large.save_trace(folder.join("large.trace.json")).expect("the trace is saved");
    println!("large: trace in {:?}", began.elapsed());
    small.save_trace(folder.join("small.trace.json")).expect("the trace is saved");
    save("empty", &Profile::new(SystemTime::now(), 2));

    // Tasks within tasks, many threads, hostile names, a long idle time before and after.
    let mut odd = Profile::new(SystemTime::now(), 40);
    odd.duration = 60_000_000_000;
    for thread in 0..40_u16 {
        for step in 0..12_u64 {
            let start = 20_000_000_000 + u64::from(thread) * 3_000_000 + step * 40_000_000;
            let names =
                ["fit_<model> & \"score\"", "</script><script>alert(1)</script>", "fold", "predict", "多核多核"];
            for (depth, name) in names.iter().enumerate().take(1 + (usize::from(thread) + step as usize) % 5) {
                let name = odd.names.intern(name);
                let inset = depth as u64 * 4_000_000;
                odd.tasks.push(TaskRecord {
                    name,
                    thread,
                    key: Arc::as_ptr(&odd.names.shared(name)).cast::<u8>() as u64,
                    start: start + inset,
                    end: start + 36_000_000 - inset,
                    failed: step == 5 && thread % 9 == 0,
                    result_bytes: step * 1_000,
                });
            }
        }
    }
    for at in 0..25 {
        let name = odd.names.intern(&format!("another_function_with_quite_a_long_name_{at}"));
        odd.tasks.push(TaskRecord {
            name,
            thread: at,
            start: 20_600_000_000,
            end: 20_630_000_000,
            ..TaskRecord::default()
        });
    }
    odd.notes.push("Processor time and memory are not sampled on this system.".to_owned());
    save("odd", &odd);
}
