//! Graphs written by hand, and graphs that were rewritten: they run as they are written, and what is wrong is said.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use taskloom::graph::{Entry, GraphError, Key, TaskGraph, key, keys};
use taskloom::prelude::*;
use taskloom::{ColorBy, Error, Outputs};

const SCHEDULERS: [Scheduler; 3] = [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(3)];

fn inc(x: i64) -> i64 {
    x.wrapping_add(1)
}

fn double(x: i64) -> i64 {
    x.wrapping_mul(2)
}

fn add(x: i64, y: i64) -> i64 {
    x.wrapping_add(y)
}

fn total(parts: Vec<i64>) -> i64 {
    parts.into_iter().fold(0, i64::wrapping_add)
}

fn parse(text: String) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

/// x → y → z ← 10, and w is z.
fn small() -> TaskGraph {
    let build = || {
        let mut graph = TaskGraph::new();
        graph.value("x", 1_i64)?;
        graph.task("y", inc, (key("x"),))?;
        graph.task("z", add, (key("y"), 10))?;
        graph.alias("w", "z")?;
        Ok::<_, GraphError>(graph)
    };
    build().expect("the keys differ")
}

fn names(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(Key::as_str).collect()
}

#[test]
fn a_graph_runs_as_it_is_written() -> Result<(), Error> {
    let graph = small();
    for scheduler in SCHEDULERS {
        assert_eq!(graph.get_with::<i64>("x", scheduler)?, 1);
        assert_eq!(graph.get_with::<i64>("z", scheduler)?, 12);
        assert_eq!(graph.get_many_with::<i64>(["w", "y", "w"], scheduler)?, [12, 2, 12]);
    }
    assert!(graph.get_many::<i64>(Vec::<Key>::new())?.is_empty());
    Ok(())
}

#[test]
fn functions_of_up_to_eight_arguments_and_closures_are_tasks() -> Result<(), Error> {
    let mut graph = TaskGraph::new();
    graph.task("none", || 5_i64, ())?;
    graph.task(
        "eight",
        |a: i64, b: u8, c: String, d: f64, e: bool, f: char, g: Vec<i64>, h: i64| {
            format!("{a} {b} {c} {d} {e} {f} {g:?} {h}")
        },
        (key("none"), 2_u8, "three".to_owned(), 4.5, true, 'f', keys(["none", "none"]), 8),
    )?;
    assert_eq!(graph.get::<String>("eight")?, "5 2 three 4.5 true f [5, 5] 8");
    assert_eq!(
        graph.describe("eight")?,
        "eight = closure(none, 2, \"three\", 4.5, true, 'f', [none, none], 8) → String"
    );
    Ok(())
}

#[test]
fn handles_go_in_and_come_out() -> Result<(), Error> {
    let outside = delayed!(inc(1));
    let more = &outside * 10;
    let mut graph = TaskGraph::new();
    graph.task("a", add, (&outside, &more))?;
    graph.task("b", add, (key("a"), &more))?;
    assert_eq!(graph.get::<i64>("b")?, 42);
    let b = graph.delayed::<i64>("b")?;
    assert_eq!(b.len(), 4); // `outside` and `more` are there once
    assert_eq!((&b + 1).compute()?, 43);
    // Both rewrites keep the handles.
    assert_eq!(graph.fuse().get::<i64>("b")?, 42);
    let inlined = graph.inline(["a"])?;
    assert_eq!(inlined.len(), 1);
    assert_eq!(inlined.get::<i64>("b")?, 42);
    assert!(graph.visualize().dot().contains("mul"));

    // They can travel, and be pure, as those that `delayed!` makes.
    assert!(matches!(small().delayed::<i64>("z")?.travel(), taskloom::task::Travel::Function { .. }));
    let mut other = small();
    other.replace("x", Entry::value(2_i64));
    let pure = |graph: &TaskGraph| Ok::<_, Error>(graph.delayed::<i64>("y")?.pure());
    assert_ne!(pure(&small())?.key(), pure(&other)?.key());
    assert_eq!(compute!(pure(&small())?, pure(&other)?)?, (2, 3));

    // A handle is not touched by what happens to the graph later.
    graph.replace("a", Entry::value(0_i64));
    assert_eq!(b.compute()?, 42);
    assert_eq!(graph.get::<i64>("b")?, 20);
    // An alias and a value are handles as well.
    let graph = small();
    assert_eq!(compute!(graph.delayed::<i64>("w")?, graph.delayed::<i64>("x")?)?, (12, 1));
    Ok(())
}

#[test]
fn a_handle_becomes_a_graph_with_keys() -> Result<(), Error> {
    let x = delayed!(inc(1));
    let y = delayed!(double(x)).named("twice");
    let z = delayed!(add(x, y));
    let graph = z.to_graph();
    assert_eq!(graph.len(), 3);
    assert!(graph.contains(&x.key()) && graph.contains(&y.key()));
    assert_eq!(names(&graph.dependencies(&z.key())?), [x.key(), y.key()]);
    assert_eq!(graph.get::<i64>(z.key())?, 6);
    graph.check()?;
    // And back, with another beginning; a wrong type is seen.
    let mut changed = graph.clone();
    changed.replace(x.key(), Entry::value(10_i64));
    assert_eq!(changed.delayed::<i64>(z.key())?.compute()?, 30);
    changed.replace(x.key(), Entry::value("ten"));
    assert!(matches!(changed.check(), Err(GraphError::Types(wrong)) if wrong.len() == 2));
    Ok(())
}

#[test]
fn keys_are_taken_once() -> Result<(), Error> {
    let mut graph = small();
    let error = graph.value("x", 2_i64).unwrap_err();
    assert_eq!(error, GraphError::Taken { key: "x".into() });
    assert_eq!(
        error.to_string(),
        "the graph already has the key `x`; use `replace` to put something else in its place"
    );
    assert_eq!(graph.get::<i64>("z")?, 12, "nothing was changed");
    assert!(graph.replace("x", Entry::value(5_i64)).is_some());
    assert!(graph.replace("new", Entry::alias("x")).is_none());
    assert_eq!(graph.get_many::<i64>(["z", "new"])?, [16, 5]);
    Ok(())
}

#[test]
fn what_is_not_there_is_named_with_what_is_similar() {
    let mut graph = TaskGraph::new();
    graph.value("flights", 1_i64).expect("new");
    graph.task("delays", add, (key("fligths"), key("airports"))).expect("new");
    graph.task("mean", add, (key("airports"), key("delays"))).expect("new");
    let error = graph.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the graph has no key `fligths`, which `delays` needs; did you mean `flights`?\n\
         the graph has no key `airports`, which `delays` needs; insert it, or change the task that needs it"
    );
    assert!(matches!(graph.get::<i64>("mean"), Err(Error::Graph(GraphError::Missing(missing))) if missing.len() == 2));
    // What is not needed may be wrong.
    assert_eq!(graph.get::<i64>("flights").ok(), Some(1));

    let asked = graph.get::<i64>("flihts").unwrap_err();
    assert_eq!(asked.to_string(), "the graph has no key `flihts`; did you mean `flights`?");
    let asked = graph.get::<i64>("q").unwrap_err();
    assert_eq!(asked.to_string(), "the graph has no key `q`; it has `flights`, `delays`, `mean`");
    let empty = TaskGraph::new().get::<i64>("q").unwrap_err();
    assert_eq!(empty.to_string(), "the graph has no key `q`; it is empty");
    for unknown in [
        graph.dependencies("q").err(),
        graph.dependents("q").err(),
        graph.ancestors("q").err(),
        graph.describe("q").err(),
        graph.cull(["mean", "q"]).err(),
        graph.inline(["q"]).err(),
        graph.rename("q", "r").err(),
        graph.graph(["q"]).err(),
    ] {
        assert!(matches!(unknown, Some(GraphError::Unknown { key, .. }) if key == "q"));
    }
    // A drawing shows what is missing.
    let dot = graph.visualize().dot();
    assert!(dot.contains("fligths") && dot.contains("airports"), "{dot}");
    assert!(!graph.visualize().optimized().color_by(ColorBy::Order).svg().contains("from pale"));
}

#[test]
fn many_missing_keys_are_counted() {
    let mut graph = TaskGraph::new();
    for n in 0..20 {
        graph.task(("task", n), inc, (key(("gone", n)),)).expect("new");
    }
    let error = graph.check().unwrap_err();
    assert!(error.to_string().ends_with("\nand 12 more"), "{error}");
    assert!(matches!(error, GraphError::Missing(missing) if missing.len() == 20));
}

#[test]
fn circles_are_named() {
    let mut graph = TaskGraph::new();
    graph.task("x", inc, (key("z"),)).expect("new");
    graph.task("y", inc, (key("x"),)).expect("new");
    graph.alias("z", "y").expect("new");
    graph.task("end", inc, (key("y"),)).expect("new");
    let error = graph.get::<i64>("end").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the graph goes in a circle, so none of these can run first: y → x → z → y, where each needs the next"
    );
    assert!(matches!(graph.toposort(), Err(GraphError::Cycle { keys }) if keys.len() == 4));
    assert!(matches!(graph.order(), Err(GraphError::Cycle { .. })));
    // It can be looked at and taken apart all the same.
    assert_eq!(graph.fuse().len(), 4);
    assert_eq!(graph.cull(["z"]).map(|graph| graph.len()), Ok(3));
    assert_eq!(graph.ancestors("z").map(|keys| keys.len()), Ok(2));
    assert!(graph.visualize().dot().contains("->"));

    let mut alone = TaskGraph::new();
    alone.alias("x", "x").expect("new");
    assert!(alone.check().unwrap_err().to_string().contains("x → x"));
    assert!(matches!(alone.order(), Err(GraphError::Cycle { .. })));
    let mut long = TaskGraph::new();
    for n in 0..100 {
        long.task(("x", n), inc, (key(("x", (n + 1) % 100)),)).expect("new");
    }
    let error = long.check().unwrap_err().to_string();
    assert!(error.contains("more …") && error.len() < 400, "{error}");
}

#[test]
fn types_are_seen_before_anything_runs() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    fn count(x: i64) -> i64 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        x
    }
    let mut graph = TaskGraph::new();
    graph.value("x", 1_i64).expect("new");
    graph.task("counted", count, (key("x"),)).expect("new");
    graph.alias("same", "counted").expect("new");
    graph.task("length", |text: String| text.len(), (key("same"),)).expect("new");
    graph.value("plain", 7).expect("new");
    graph.task("sum", total, (keys(["x", "plain"]),)).expect("new");
    let error = graph.get::<usize>("length").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`length` needs `same` as a value of type `String`, but `same` is of type `i64`; change the function, or put a \
         task between them that converts"
    );
    assert_eq!(RUNS.load(Ordering::SeqCst), 0);
    let GraphError::Types(wrong) = graph.check().unwrap_err() else { panic!("two types are wrong") };
    assert_eq!(wrong.len(), 2);
    assert_eq!(
        wrong[1].to_string(),
        "`sum` needs `plain` as a value of type `i64`, but `plain` is of type `i32`; write the number with its type, as \
         in `1_i64`"
    );
    let asked = graph.get::<String>("same").unwrap_err();
    assert_eq!(asked.to_string(), "`same` is of type `i64`, but was asked for as `String`; ask for a `i64`");
    // Types of the same short name are told apart.
    mod other {
        #[derive(Clone)]
        pub struct String;
    }
    graph.value("text", other::String).expect("new");
    let asked = graph.get::<String>("text").unwrap_err().to_string();
    assert!(asked.contains("other::String") && asked.contains("alloc::string::String"), "{asked}");
}

#[test]
fn tasks_fail_under_their_own_name_also_when_fused() -> Result<(), Error> {
    let mut graph = TaskGraph::new();
    graph.task("text", |n: i64| format!("{n}?"), (7,))?;
    graph.try_task("number", parse, (key("text"),))?;
    graph.task("twice", double, (key("number"),))?;
    graph.task("left", inc, (key("twice"),))?;
    graph.task("right", double, (key("twice"),))?;
    graph.task("end", add, (key("left"), key("right")))?;
    let fused = graph.fuse();
    assert_eq!(fused.len(), 4);
    for scheduler in SCHEDULERS {
        for graph in [&graph, &fused, &graph.inline(["number", "text", "left"])?] {
            let error = graph.get_with::<i64>("end", scheduler).unwrap_err();
            let Error::Task(error) = error else { panic!("a task fails: {error}") };
            assert_eq!(error.task(), "parse");
            assert!(!error.panicked());
            assert_eq!(error.needed_by()[0], "double");
            assert_eq!(error.needed_by().len(), 3, "{error}");
            assert!(error.source().is_some_and(|source| source.is::<std::num::ParseIntError>()));
        }
    }
    graph.replace("number", Entry::task(|_: String| -> i64 { panic!("no number at all") }, (key("text"),)));
    let Err(Error::Task(error)) = graph.fuse().get::<i64>("end") else { panic!("it panics") };
    assert_eq!((error.task(), error.message(), error.panicked()), ("closure", "no number at all", true));
    Ok(())
}

#[test]
fn who_waits_for_a_failure_is_named_through_fused_tasks() -> Result<(), Error> {
    fn fails(_: i64) -> Result<i64, String> {
        Err("no".to_owned())
    }
    let bad = delayed!(fails(1));
    let pair = delayed!(add(bad, delayed!(inc(3))));
    let end = delayed!(double({ delayed!(inc(pair)) }));
    let fused = end.graph().fuse();
    let graph = TaskGraph::from(&fused);
    let Err(Error::Task(error)) = graph.get::<i64>(fused.key(fused.outputs()[0])) else { panic!("it fails") };
    assert_eq!((error.task(), error.needed_by()), ("fails", &["add", "inc", "double"].map(str::to_owned)[..]));
    Ok(())
}

#[test]
fn graphs_are_looked_at() -> Result<(), Error> {
    let graph = small();
    assert_eq!((graph.len(), graph.is_empty(), graph.contains("y"), graph.contains("q")), (4, false, true, false));
    assert!(graph.keys().eq(["x", "y", "z", "w"].map(Key::from).iter()));
    assert_eq!(names(&graph.dependencies("z")?), ["y"]);
    assert_eq!(names(&graph.dependents("z")?), ["w"]);
    assert_eq!(names(&graph.ancestors("w")?), ["x", "y", "z"]);
    assert_eq!(names(&graph.toposort()?), ["x", "y", "z", "w"]);
    assert_eq!(graph.order()?.into_iter().map(|(_, place)| place).collect::<Vec<_>>(), [0, 1, 2, 2]);
    assert_eq!(graph.describe("w")?, "w = z, another name for it");
    assert_eq!(graph.describe("x")?, "x = 1 → i64");
    assert_eq!(format!("{graph:?}"), r#"{"x": 1, "y": inc(x), "z": add(y, 10), "w": z}"#);
    assert_eq!(graph.entry("y").and_then(Entry::function), Some("inc"));
    assert_eq!(graph.entry("w").and_then(Entry::target), Some(&Key::from("z")));

    let shown = graph.show();
    assert!(shown.get("text/plain").is_some_and(|text| text.contains("z = add(y, 10) → i64")));
    let html = shown.get("text/html").expect("a table");
    assert!(html.contains("<td>a task</td><td><code>add(y, 10)</code></td><td>i64</td><td>y</td>"), "{html}");

    let drawing = graph.visualize();
    let dot = drawing.dot();
    assert!(["\"x\"", "\"w\"", "\"inc\"", "\"add\""].iter().all(|label| dot.contains(label)), "{dot}");
    let ordered = drawing.color_by(ColorBy::Order);
    assert!(ordered.dot().contains("#1 inc") && ordered.dot().contains("#2 add"), "{}", ordered.dot());
    assert!(ordered.svg().contains("from pale to blue"));
    assert!(ordered.optimized().dot().contains("#1 inc-add"));
    Ok(())
}

#[test]
fn big_values_and_lists_are_shown_short() -> Result<(), Error> {
    let mut graph = TaskGraph::new();
    graph.value("frame", vec![0_u8; 1000])?;
    graph.value("text", "a text that is much longer than anybody wants to read".to_owned())?;
    for n in 0..60 {
        graph.value(("part", n), n as i64)?;
    }
    graph.task("total", total, (keys((0..60).map(|n| ("part", n))),))?;
    assert_eq!(graph.describe("frame")?, "frame = a value of type Vec<u8>");
    assert!(graph.describe("text")?.len() < 50);
    assert!(graph.describe("total")?.contains("part-5, and 54 more])"));
    let text = graph.show();
    let text = text.get("text/plain").expect("text");
    assert!(text.starts_with("a graph of 63 keys") && text.ends_with("… and 13 more"), "{text}");
    Ok(())
}

#[test]
fn keys_are_removed_renamed_and_merged() -> Result<(), Error> {
    let mut graph = small();
    graph.rename("y", "total")?;
    assert_eq!(names(&graph.dependencies("z")?), ["total"]);
    assert_eq!(graph.get::<i64>("w")?, 12);
    graph.rename("z", "end")?;
    assert_eq!(graph.describe("w")?, "w = end, another name for it");
    assert!(matches!(graph.rename("x", "end"), Err(GraphError::Taken { .. })));

    assert!(graph.remove("end").is_some());
    assert!(graph.remove("end").is_none());
    assert!(matches!(graph.get::<i64>("w"), Err(Error::Graph(GraphError::Missing(_)))));
    assert!(graph.keys().eq(["x", "total", "w"].map(Key::from).iter()));

    let mut more = TaskGraph::new();
    more.task("end", double, (key("total"),))?;
    let before = more.len();
    assert!(matches!(more.merge(small()), Ok(())));
    assert_eq!(more.len(), before + 4);
    let mut end = TaskGraph::new();
    end.task("end", double, (key("total"),))?;
    graph.merge(end)?;
    assert_eq!(graph.get::<i64>("w")?, 4);
    let error = graph.merge(small()).unwrap_err();
    assert_eq!(error, GraphError::Taken { key: "x".into() });
    assert_eq!(graph.len(), 4);

    // Removing most keys keeps the order and the places of the others.
    let mut many = TaskGraph::new();
    for n in 0..1000 {
        many.value(("x", n), n as i64)?;
    }
    for n in (0..1000).filter(|n| n % 100 != 7) {
        assert!(many.remove(Key::from(("x", n)).as_str()).is_some());
    }
    assert_eq!(
        many.get_many::<i64>(many.keys().cloned().collect::<Vec<_>>())?,
        [7, 107, 207, 307, 407, 507, 607, 707, 807, 907]
    );
    many.value(("x", 0), 0_i64)?;
    assert_eq!(many.keys().last().map(Key::as_str), Some("x-0"));
    Ok(())
}

#[test]
fn fusing_keeps_what_others_read() -> Result<(), Error> {
    let mut graph = TaskGraph::new();
    graph.value("x", 1_i64)?;
    graph.task("a", inc, (key("x"),))?;
    graph.task("b", double, (key("a"),))?;
    graph.task("both", add, (key("b"), key("b")))?;
    graph.task("c", inc, (key("both"),))?;
    graph.task("d", double, (key("both"),))?;
    graph.task("e", inc, (key("d"),))?;
    graph.alias("kept", "d")?;
    let fused = graph.fuse();
    // `both` reads nothing but `b`, twice; it has two readers itself; `d` has another name.
    assert!(fused.keys().eq(["x", "both", "c", "d", "e", "kept"].map(Key::from).iter()), "{fused:?}");
    assert_eq!(fused.entry("both").and_then(Entry::function), Some("inc-double-add"));
    assert_eq!(fused.describe("both")?, "both = inc-double-add(double(inc(x)), double(inc(x))) → i64");
    for name in ["x", "both", "c", "d", "e", "kept"] {
        assert_eq!(fused.get::<i64>(name)?, graph.get::<i64>(name)?, "{name}");
    }
    assert_eq!(fused.fuse().len(), fused.len());
    // What joins later joins the parts, not the pieces.
    let mut longer = fused.clone();
    longer.remove("d");
    longer.remove("e");
    longer.remove("kept");
    let again = longer.fuse();
    assert_eq!(again.entry("c").and_then(Entry::function), Some("inc-double-add-inc"));
    assert_eq!(again.get::<i64>("c")?, 9);
    assert_eq!(again.delayed::<i64>("c")?.graph().fuse().len(), 1);
    Ok(())
}

#[test]
fn graphs_of_handles_are_fused_too() -> Result<(), Error> {
    let x = delayed!(inc(1));
    let y = delayed!(double({ x.clone() }));
    let z = delayed!(add(y, y));
    // Outputs are kept.
    let graph = (&x, &z).graph().fuse();
    assert_eq!(graph.len(), 2);
    assert_eq!(graph.name(graph.outputs()[1]), "double-add");
    let outputs = graph.outputs().iter().map(|&id| graph.key(id));
    assert_eq!(TaskGraph::from(&graph).get_many::<i64>(outputs)?, [2, 8]);
    let same = (&z, &z).graph().optimized();
    assert_eq!((same.len(), same.outputs().len()), (1, 2));
    // Fused is drawn only when asked for.
    assert!(!z.visualize().dot().contains("inc-double-add"));
    assert!(z.visualize().optimized().dot().contains("inc-double-add"));
    assert_eq!(z.len(), 3);

    let inlined = z.graph().inline(|name| name == "inc" || name == "add");
    assert_eq!(inlined.ids().map(|id| inlined.name(id)).collect::<Vec<_>>(), ["double", "add"]);
    assert_eq!(TaskGraph::from(&inlined).get::<i64>(z.key())?, 8);
    Ok(())
}

#[test]
fn long_chains_have_short_names() -> Result<(), Error> {
    let mut x = delayed!(inc(0));
    for _ in 0..1000 {
        x = delayed!(double({ delayed!(inc(x)) }));
    }
    let fused = x.graph().fuse();
    assert_eq!(fused.len(), 1);
    assert_eq!(fused.name(0), "inc-inc-double-inc-…-inc-double-inc-double");
    Ok(())
}

#[test]
fn inlining_runs_once_for_each_reader() -> Result<(), Error> {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut graph = TaskGraph::new();
    graph.value("x", 1_i64)?;
    let cheap = move |x: i64| {
        counted.fetch_add(1, Ordering::SeqCst);
        inc(x)
    };
    graph.task("cheap", cheap, (key("x"),))?;
    graph.task("next", double, (key("cheap"),))?;
    graph.task("a", add, (key("next"), key("cheap")))?;
    graph.task("b", add, (key("next"), key("x")))?;
    graph.alias("name", "b")?;
    let inlined = graph.inline(["cheap", "next", "x", "b"])?;
    assert!(inlined.keys().eq(["a", "b", "name"].map(Key::from).iter()), "{inlined:?}");
    assert_eq!(inlined.get_many::<i64>(["a", "b", "name"])?, [6, 5, 5]);
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once inside `a`, once inside `b`");
    assert_eq!(inlined.entry("a").and_then(Entry::function), Some("add"));
    Ok(())
}

/// Counts clones and what is alive.
#[derive(Debug, Default)]
struct Ledger {
    live: AtomicUsize,
    clones: AtomicUsize,
}

impl Ledger {
    /// A worker may hold on to what it worked for a moment after the result is there.
    fn settles_at(&self, live: usize) {
        let began = std::time::Instant::now();
        while self.live.load(Ordering::SeqCst) != live {
            assert!(began.elapsed().as_secs() < 20, "{} are alive, not {live}", self.live.load(Ordering::SeqCst));
            std::thread::yield_now();
        }
    }
}

#[derive(Debug)]
struct Tracked(u64, Arc<Ledger>);

impl Tracked {
    fn new(number: u64, ledger: &Arc<Ledger>) -> Self {
        ledger.live.fetch_add(1, Ordering::SeqCst);
        Tracked(number, Arc::clone(ledger))
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        self.1.clones.fetch_add(1, Ordering::SeqCst);
        Tracked::new(self.0, &self.1)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let before = self.1.live.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "dropped twice");
    }
}

fn next(tracked: Tracked) -> Tracked {
    Tracked::new(tracked.0 + 1, &tracked.1)
}

#[test]
fn values_move_through_fused_tasks_and_are_dropped_once() -> Result<(), Error> {
    let ledger = Arc::new(Ledger::default());
    let first = Arc::clone(&ledger);
    let mut graph = TaskGraph::new();
    graph.task(("x", 0), move || Tracked::new(0, &first), ())?;
    for n in 1..50 {
        graph.task(("x", n), next, (key(("x", n - 1)),))?;
    }
    let fused = graph.fuse();
    assert_eq!(fused.len(), 1);
    for scheduler in SCHEDULERS {
        for graph in [&graph, &fused] {
            let end = graph.get_with::<Tracked>("x-49", scheduler)?;
            assert_eq!((end.0, ledger.live.load(Ordering::SeqCst)), (49, 1));
            drop(end);
            assert_eq!((ledger.live.load(Ordering::SeqCst), ledger.clones.load(Ordering::SeqCst)), (0, 0));
        }
    }
    // A failure half-way drops what was there.
    graph.replace("x-25", Entry::task(|_: Tracked| -> Tracked { panic!("half-way") }, (key("x-24"),)));
    assert!(graph.fuse().get::<Tracked>("x-49").is_err());
    ledger.settles_at(0);
    // A value that is there from the start lives as long as the graph.
    let mut graph = TaskGraph::new();
    graph.value("x", Tracked::new(1, &ledger))?;
    graph.task("y", next, (key("x"),))?;
    let inlined = graph.inline(["x"])?;
    drop(graph);
    assert_eq!(inlined.get::<Tracked>("y")?.0, 2);
    ledger.settles_at(1);
    drop(inlined);
    ledger.settles_at(0);
    Ok(())
}

#[test]
fn an_interrupt_ends_a_fused_chain_between_two_parts() -> Result<(), Error> {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    // In a process of its own: an interrupt is for all computations of a process.
    if std::env::var_os("TASKLOOM_TEST_INTERRUPT").is_none() {
        let program = std::env::current_exe().expect("a test has a file");
        let status = std::process::Command::new(program)
            .args(["--exact", "an_interrupt_ends_a_fused_chain_between_two_parts", "--nocapture"])
            .env("TASKLOOM_TEST_INTERRUPT", "1")
            .status();
        assert!(status.expect("the test runs").success());
        return Ok(());
    }
    fn step(x: i64) -> i64 {
        if RUNS.fetch_add(1, Ordering::SeqCst) % 1000 == 3 {
            taskloom::interrupt();
        }
        x
    }
    for scheduler in SCHEDULERS {
        RUNS.store(0, Ordering::SeqCst);
        let mut graph = TaskGraph::new();
        graph.value(("x", 0), 1_i64)?;
        for n in 1..100 {
            graph.task(("x", n), step, (key(("x", n - 1)),))?;
        }
        let error = graph.fuse().get_with::<i64>("x-99", scheduler).unwrap_err();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        assert_eq!(RUNS.load(Ordering::SeqCst), 4);
    }
    Ok(())
}

#[test]
fn a_chain_of_many_keys_neither_overflows_nor_takes_long() -> Result<(), Error> {
    // On a small stack, so that recursion would show.
    let run = || {
        let count = 300_000;
        let began = std::time::Instant::now();
        let mut graph = TaskGraph::new();
        graph.value(("x", 0), 0_i64)?;
        for n in 1..count {
            graph.task(("x", n), inc, (key(("x", n - 1)),))?;
        }
        let end = Key::from(("x", count - 1));
        assert_eq!(graph.get::<i64>(&end)?, count as i64 - 1);
        assert_eq!(graph.toposort()?.len(), count);
        let fused = graph.fuse();
        assert_eq!(fused.len(), 2);
        assert_eq!(fused.get::<i64>(&end)?, count as i64 - 1);
        let inlined = fused.inline([("x", 0)])?;
        assert_eq!(inlined.len(), 1);
        let handle = graph.delayed::<i64>(&end)?;
        drop(graph);
        assert_eq!(handle.compute()?, count as i64 - 1);
        assert_eq!(handle.to_graph().len(), count);
        drop(handle);
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
        Ok::<(), Error>(())
    };
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(run);
    thread.expect("a thread").join().expect("no overflow")
}

/// One entry of a random graph: it reads those before it.
#[derive(Debug, Clone)]
enum Item {
    Value(i64),
    Inc(usize),
    Double(usize),
    Add(usize, usize),
    Plus(usize, i64),
    Total(Vec<usize>),
    Alias(usize),
}

fn item() -> impl Strategy<Value = Item> {
    let at = || any::<usize>();
    prop_oneof![
        1 => any::<i64>().prop_map(Item::Value),
        4 => at().prop_map(Item::Inc),
        3 => at().prop_map(Item::Double),
        3 => (at(), at()).prop_map(|(a, b)| Item::Add(a, b)),
        2 => (at(), any::<i64>()).prop_map(|(a, b)| Item::Plus(a, b)),
        1 => proptest::collection::vec(any::<usize>(), 0..5).prop_map(Item::Total),
        1 => at().prop_map(Item::Alias),
    ]
}

/// The graph, and what plain code gives for each key. Low places are likely, so that chains are long and nodes shared.
fn build(items: &[Item], near: bool) -> (TaskGraph, Vec<i64>) {
    let mut graph = TaskGraph::new();
    let mut values: Vec<i64> = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let place = |at: &usize| if near { n - 1 - (at % n.min(3)) } else { at % n };
        let of = |at: &usize| values[place(at)];
        let by = |at: &usize| key(("k", place(at)));
        let name = ("k", n);
        let (value, inserted) = match item {
            Item::Value(value) => (*value, graph.value(name, *value)),
            _ if n == 0 => (7, graph.task(name, || 7_i64, ())),
            Item::Inc(a) => (inc(of(a)), graph.task(name, inc, (by(a),))),
            Item::Double(a) => (double(of(a)), graph.task(name, double, (by(a),))),
            Item::Add(a, b) => (add(of(a), of(b)), graph.task(name, add, (by(a), by(b)))),
            Item::Plus(a, b) => (add(of(a), *b), graph.task(name, add, (by(a), *b))),
            Item::Total(all) => (
                total(all.iter().map(of).collect()),
                graph.task(name, total, (keys(all.iter().map(|at| ("k", place(at)))),)),
            ),
            Item::Alias(a) => (of(a), graph.alias(name, ("k", place(a)))),
        };
        inserted.expect("each key is new");
        values.push(value);
    }
    (graph, values)
}

fn agrees(graph: &TaskGraph, values: &[i64], scheduler: Scheduler) -> Result<(), TestCaseError> {
    let there: Vec<usize> = (0..values.len()).filter(|&n| graph.contains(Key::from(("k", n)).as_str())).collect();
    let got = graph.get_many_with::<i64>(there.iter().map(|&n| ("k", n)), scheduler);
    let wanted: Vec<i64> = there.iter().map(|&n| values[n]).collect();
    prop_assert_eq!(got.map_err(|error| TestCaseError::fail(error.to_string()))?, wanted);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn rewritten_graphs_give_the_same(
        items in proptest::collection::vec(item(), 1..40),
        near in any::<bool>(),
        chosen in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let (graph, values) = build(&items, near);
        graph.check().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let all: Vec<Key> = (0..items.len()).map(|n| Key::from(("k", n))).collect();
        let some: Vec<Key> = all.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(key, _)| key.clone()).collect();
        let culled = graph.cull(&some).expect("the keys are there");
        let fused = graph.fuse();
        let inlined = graph.inline(&some).expect("the graph is right");
        prop_assert!(some.iter().all(|key| culled.contains(key.as_str())));
        let ends: HashSet<&Key> = graph.keys().filter(|key| graph.dependents(key.as_str()).is_ok_and(|by| by.is_empty())).collect();
        for rewritten in [&fused, &inlined, &inlined.fuse(), &fused.inline(fused.keys()).expect("right")] {
            prop_assert!(ends.iter().all(|key| rewritten.contains(key.as_str())));
            prop_assert!(rewritten.check().is_ok());
        }
        for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
            for graph in [&graph, &culled, &fused, &inlined, &inlined.fuse(), &fused.inline(fused.keys()).expect("right")] {
                agrees(graph, &values, scheduler)?;
            }
        }
        // The same through handles, and through the arena.
        let last = all.last().expect("at least one");
        let handle = graph.delayed::<i64>(last).expect("right");
        prop_assert_eq!(handle.compute().ok(), values.last().copied());
        let arena = graph.graph(&all).expect("right").inline(|name| name == "double").fuse();
        let back = TaskGraph::from(&arena);
        let keys: Vec<String> = arena.outputs().iter().map(|&id| arena.key(id)).collect();
        prop_assert_eq!(back.get_many::<i64>(keys).ok(), Some(values.clone()));
        // Every order is one in which the graph can run.
        let order = graph.toposort().expect("right");
        prop_assert_eq!(order.len(), items.len());
        let place = |key: &Key| order.iter().position(|at| at == key);
        for key in &order {
            for needed in graph.dependencies(key.as_str()).expect("there") {
                prop_assert!(place(&needed) < place(key));
            }
        }
        prop_assert_eq!(graph.order().expect("right").len(), items.len());
        let _ = (graph.visualize().svg(), fused.visualize().color_by(ColorBy::Order).svg());
    }
}
