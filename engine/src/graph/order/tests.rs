//! The order against dask's on stored graphs, and what must hold for any graph.

use super::*;

/// A task graph in the form that [`order`] takes.
#[derive(Default)]
struct Case {
    name: String,
    starts: Vec<u32>,
    inputs: Vec<u32>,
    outputs: Vec<u32>,
    data: Vec<bool>,
}

impl Case {
    /// The graph in which node `n` needs `needs[n]`, and what nobody needs is asked for.
    fn of(needs: &[Vec<u32>]) -> Case {
        let mut case = Case { starts: vec![0], data: vec![false; needs.len()], ..Case::default() };
        let mut needed = vec![false; needs.len()];
        for inputs in needs {
            inputs.iter().for_each(|&input| needed[input as usize] = true);
            case.inputs.extend(inputs);
            case.starts.push(case.inputs.len() as u32);
        }
        case.outputs = (0..needs.len() as u32).filter(|&n| !needed[n as usize]).collect();
        case
    }

    fn len(&self) -> usize {
        self.data.len()
    }

    fn needs(&self, n: u32) -> &[u32] {
        &self.inputs[self.starts[n as usize] as usize..self.starts[n as usize + 1] as usize]
    }

    fn order(&self) -> Vec<u32> {
        order(&self.starts, &self.inputs, &self.outputs, |n| self.data[n as usize])
    }

    fn most_alive(&self, sequence: &[u32]) -> usize {
        most_alive(&self.starts, &self.inputs, &self.outputs, |n| self.data[n as usize], sequence)
    }

    /// Panics unless `sequence` runs every node once, after its inputs.
    fn check(&self, sequence: &[u32]) {
        assert_eq!(sequence.len(), self.len(), "{}: nodes left out or run twice", self.name);
        let mut done = vec![false; self.len()];
        for &n in sequence {
            assert!(self.needs(n).iter().all(|&input| done[input as usize]), "{}: {n} before its inputs", self.name);
            assert!(!std::mem::replace(&mut done[n as usize], true), "{}: {n} runs twice", self.name);
        }
    }

    /// [`most_alive`] straight from its definition, in quadratic time.
    fn most_alive_by_definition(&self, sequence: &[u32]) -> usize {
        let mut place = vec![0; self.len()];
        sequence.iter().enumerate().for_each(|(at, &n)| place[n as usize] = at);
        let last_use = |n: u32| {
            let users = (0..self.len() as u32).filter(|&user| self.needs(user).contains(&n));
            let last = users.map(|user| place[user as usize]).max().unwrap_or(place[n as usize]);
            if self.outputs.contains(&n) { self.len() } else { last }
        };
        let results: Vec<(usize, usize)> = (0..self.len() as u32)
            .filter(|&n| !self.data[n as usize])
            .map(|n| (place[n as usize], last_use(n)))
            .collect();
        // What is alive while a value that is already there "runs" is alive before or after as well.
        (0..self.len())
            .map(|at| results.iter().filter(|&&(from, to)| from <= at && at <= to).count())
            .max()
            .unwrap_or(0)
    }
}

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// A graph with duplicate edges, values, outputs that others need, outputs asked for twice, and loose ends.
    fn graph(&mut self) -> Case {
        let (len, most, reach) = (1 + self.below(80), 1 + self.below(5), 1 + self.below(60));
        let mut needs: Vec<Vec<u32>> = Vec::new();
        for n in 0..len {
            let inputs = if n == 0 { 0 } else { self.below(most + 1) };
            needs.push((0..inputs).map(|_| (n - 1 - self.below(n.min(reach))) as u32).collect());
        }
        let mut case = Case::of(&needs);
        for (n, inputs) in needs.iter().enumerate() {
            case.data[n] = inputs.is_empty() && self.below(4) == 0;
            if self.below(10) == 0 {
                case.outputs.push(n as u32);
            }
        }
        if self.below(3) == 0 {
            case.outputs.pop();
        }
        case
    }
}

/// The stored graphs, each with dask's sequence. `ORDER_CASES` names another file that `compare.py` wrote.
fn stored() -> Vec<(Case, Vec<u32>)> {
    let file = std::env::var("ORDER_CASES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/order_cases.json").to_owned());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file} cannot be read: {error}"));
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("an array of graphs");
    let read = |case: &serde_json::Value| {
        let numbers = |field: &str| -> Vec<u32> {
            serde_json::from_value(case[field].clone()).unwrap_or_else(|error| panic!("{field} of {case}: {error}"))
        };
        let starts = numbers("starts");
        let mut data = vec![false; starts.len() - 1];
        numbers("data").into_iter().for_each(|n| data[n as usize] = true);
        let name = case["name"].as_str().expect("a name").to_owned();
        let (inputs, outputs) = (numbers("inputs"), numbers("outputs"));
        (Case { name, starts, inputs, outputs, data }, numbers("dask_order"))
    };
    cases.iter().map(read).collect()
}

#[test]
fn never_more_alive_than_with_dask() {
    let (mut fewer, mut worse) = (0, Vec::new());
    let cases = stored();
    println!("{:60} {:>6} {:>6} {:>6}", "graph", "nodes", "ours", "dask");
    for (case, dask_order) in &cases {
        let sequence = case.order();
        case.check(&sequence);
        case.check(dask_order);
        let (ours, dask) = (case.most_alive(&sequence), case.most_alive(dask_order));
        println!("{:60} {:6} {ours:6} {dask:6}", case.name, case.len());
        fewer += usize::from(ours < dask);
        if ours > dask {
            worse.push(format!("{}: {ours}, dask {dask}", case.name));
        }
    }
    println!("{} graphs, fewer alive on {fewer}", cases.len());
    assert!(worse.is_empty(), "more results alive than with dask: {worse:#?}");
    assert!(fewer * 3 > cases.len(), "fewer results alive on {fewer} of {} graphs only", cases.len());
}

#[test]
fn any_graph_gets_each_node_once_after_its_inputs() {
    let mut random = Random(2026);
    for _ in 0..2_000 {
        let case = random.graph();
        let sequence = case.order();
        case.check(&sequence);
        assert_eq!(sequence, case.order(), "the same graph, another order");
    }
}

#[test]
fn alive_results_are_counted_as_defined() {
    let mut random = Random(7);
    for _ in 0..300 {
        let case = random.graph();
        let as_numbered: Vec<u32> = (0..case.len() as u32).collect();
        for sequence in [case.order(), as_numbered] {
            // A result that nobody needs is alive while it runs, in both.
            assert_eq!(case.most_alive(&sequence), case.most_alive_by_definition(&sequence));
        }
    }
}

#[test]
fn trees_get_the_fewest_possible() {
    let mut random = Random(42);
    for _ in 0..500 {
        let len = 1 + random.below(150);
        // Each node but the last is needed by one later node.
        let mut needs = vec![Vec::new(); len];
        for n in 0..len - 1 {
            let near = (len - 1 - n).min(1 + random.below(20));
            needs[n + 1 + random.below(near)].push(n as u32);
        }
        // Sethi and Ullman: the branch that takes most goes first, and each one that is done takes a place.
        let mut fewest: Vec<usize> = Vec::new();
        for inputs in &needs {
            let mut branches: Vec<usize> = inputs.iter().map(|&input| fewest[input as usize]).collect();
            branches.sort_by(|a, b| b.cmp(a));
            let most = branches.iter().enumerate().map(|(done, branch)| done + branch).max().unwrap_or(0);
            fewest.push(most.max(inputs.len() + 1));
        }
        let case = Case::of(&needs);
        assert_eq!(case.most_alive(&case.order()), fewest[len - 1], "{needs:?}");
    }
}

#[test]
fn reductions_over_the_same_chunks_stay_in_step() {
    // Four sums over 256 chunks, in trees of 8. One sum after the other would hold all chunks at once.
    let mut needs = vec![Vec::new(); 256];
    for _ in 0..4 {
        let mut level: Vec<u32> = (0..256).collect();
        level = level.iter().map(|&chunk| (needs.push(vec![chunk]), needs.len() as u32 - 1).1).collect();
        while level.len() > 1 {
            level = level.chunks(8).map(|part| (needs.push(part.to_vec()), needs.len() as u32 - 1).1).collect();
        }
    }
    let case = Case::of(&needs);
    let alive = case.most_alive(&case.order());
    assert!(alive < 100, "{alive} results alive");
}

#[test]
fn graphs_of_nothing_and_of_values_only() {
    assert!(order(&[0], &[], &[], |_| false).is_empty());
    assert_eq!(order(&[0, 0, 0], &[], &[1, 0], |_| true), vec![0, 1]);
    assert_eq!(most_alive(&[0, 0, 0], &[], &[1, 0], |_| true, &[0, 1]), 0);
}

#[test]
fn a_value_does_not_count_and_an_output_stays() {
    // 0 is a value; 1 and 2 use it; 3 adds them; 1 is an output too.
    let mut case = Case::of(&[vec![], vec![0], vec![0, 0], vec![1, 2]]);
    case.data[0] = true;
    assert_eq!(case.most_alive(&[0, 1, 2, 3]), 3);
    case.outputs.push(1);
    assert_eq!(case.most_alive(&[0, 1, 2, 3]), 3);
    case.check(&case.order());
}

/// A million nodes: no recursion, and time in proportion. Run with `--ignored --nocapture` for the numbers.
#[test]
#[ignore = "prints times, which say something only on an idle machine"]
fn time_of_a_million_nodes() {
    const LEN: usize = 1_000_000;
    let mut random = Random(1);
    let chain = (0..LEN).map(|n| if n == 0 { vec![] } else { vec![n as u32 - 1] }).collect();
    // Depth-first post-order of a full binary tree: a level up whenever two trees of one height are on the stack.
    let (mut tree, mut stack): (Vec<Vec<u32>>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
    while tree.len() < LEN {
        let n = tree.len() as u32;
        match stack[..] {
            [.., (left, a), (right, b)] if a == b => {
                tree.push(vec![left, right]);
                stack.truncate(stack.len() - 2);
                stack.push((n, a + 1));
            }
            _ => {
                tree.push(vec![]);
                stack.push((n, 0));
            }
        }
    }
    let mut tangle = |reach: usize| -> Vec<Vec<u32>> {
        (0..LEN)
            .map(|n| (0..if n < 5 { 0 } else { 5 }).map(|_| (n - 1 - random.below(n.min(reach))) as u32).collect())
            .collect()
    };
    let graphs =
        [("chain", chain), ("binary tree", tree), ("5 inputs, near", tangle(1_000)), ("5 inputs", tangle(LEN))];
    for (name, needs) in &graphs {
        let case = Case { name: (*name).to_owned(), ..Case::of(needs) };
        let times = (0..5).map(|_| {
            let start = std::time::Instant::now();
            std::hint::black_box(case.order());
            start.elapsed()
        });
        let time = times.min().unwrap_or_default().as_nanos() / LEN as u128;
        let sequence = case.order();
        case.check(&sequence);
        println!("{name}: {time} ns a node, {} results alive", case.most_alive(&sequence));
    }
}
