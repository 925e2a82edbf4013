//! In which order to run a task graph so that few results are alive at once.
//!
//! Schedulers run the ready task that comes first in the static order, so the order decides how much memory a
//! computation takes. The fewest results that can be alive at once is the one-shot black pebbling number of the graph,
//! which is NP-hard to find (Sethi, "Complete register allocation problems", 1975). This module finds good orders in
//! near-linear time from three rules, none of which knows the shape of the graph:
//!
//! 1. **What frees a result runs at once.** A ready task that is the last consumer of one of its inputs leaves no more
//!    results alive than there were, and whatever ran instead would need a place for its own result too. So running
//!    it now is never worse than running it later, and the only choices left are between tasks that free nothing.
//! 2. **One branch is finished before the next is begun**, as depth-first search does, the most demanding branch
//!    first. For a tree this is the optimal order if a branch counts as demanding by how many results it has alive at
//!    its worst moment (Sethi and Ullman, "The generation of optimal code for arithmetic expressions", 1970). Other
//!    graphs are often better served by the length of its longest chain.
//! 3. **What was begun is ended if little is missing.** Between two steps of the search the walk looks at the results
//!    that became alive last. When all that still needs one of them takes but a few tasks, these come first. This is
//!    what keeps several reductions over the same chunks in step, where a search from each output in its turn would
//!    hold every chunk until the last output is done.
//!
//! Which measure of "demanding" is best depends on the graph. A small graph is walked several times and the best
//! sequence is kept; a large one once.
//!
//! Dask's `dask.order` has the same aim and was the yardstick: on the graphs of its own tests, and on the other shapes
//! in `order_cases.json`, the sequences found here never have more results alive, and often fewer.

#[cfg(test)]
mod tests;

/// Above this many nodes a graph is walked once only. Ordering a graph must stay small beside running it: up to here
/// the extra walks take some milliseconds in all, and for millions of nodes they would take seconds.
const SMALL: usize = 20_000;
/// How many results rule 3 looks at, the youngest first. When a mean is there that was to be taken from each chunk of a
/// group, some dozens of chunks wait side by side for the end; looking at more than this only costs time.
const YOUNG: usize = 64;
/// How many nodes and edges rule 3 may look at before the first step, and how many more with each step. The first
/// number is more than most small graphs ever need; the second keeps the time linear on large ones where looking is
/// long and in vain.
const LOOKS: usize = 500_000;
const LOOKS_A_STEP: usize = 2;

/// A way to walk a graph: which branches come first, and how far to go out of the way to end what was begun.
struct Plan {
    /// For each node, how demanding its branch is; higher comes first, equals keep the order of the arguments.
    demand: fn(&Tasks) -> Vec<u64>,
    /// The most tasks that rule 3 runs to be rid of a result; 0 turns it off.
    detour: u32,
}

/// The plans; a large graph is walked by the first, which is good on nearly every shape and allows for six reductions
/// over the same chunks. With longer detours it would take apart too many chunks at once where each goes into many
/// others. Of some fifty further plans the others add most to it, on graphs where neighbours overlap, on irregular ones
/// and on trees; a fifth would hardly add anything.
const PLANS: [Plan; 4] = [
    Plan { demand: Tasks::chains, detour: 6 },
    Plan { demand: Tasks::branches, detour: 0 },
    Plan { demand: Tasks::unshared, detour: 32 },
    Plan { demand: Tasks::registers, detour: 0 },
];

/// No node.
const NONE: u32 = u32::MAX;

/// The order in which to run a graph's nodes so that few results are alive at once.
///
/// The inputs of node `n` are `inputs[starts[n]..starts[n + 1]]`, with or without duplicates, and all smaller than `n`.
/// `outputs` stay alive to the end. Nodes for which `data` holds are values that are already there: they come first in
/// the sequence, and neither they nor the edges from them count.
///
/// `sequence[k]` is the node to run `k`-th; every node is in it once, after its inputs. The same graph always gives the
/// same sequence. Takes time near-linear in nodes and edges, and uses no recursion.
pub(crate) fn order(starts: &[u32], inputs: &[u32], outputs: &[u32], data: impl Fn(u32) -> bool) -> Vec<u32> {
    let tasks = Tasks::new(starts, inputs, outputs, data);
    let plans = if tasks.len() <= SMALL { &PLANS[..] } else { &PLANS[..1] };
    let walks = plans.iter().map(|plan| Walk::new(&tasks, plan).finish());
    // Where outputs fill the memory in any case, the time that other results spend in it still tells plans apart.
    walks.min_by_key(|walk| (walk.most, walk.total)).map(|walk| walk.sequence).unwrap_or_default()
}

/// The most results alive at once when the nodes are run one after the other as `sequence` says.
///
/// A result is alive from its run to the run of its last consumer, and an output to the end. While a task runs, its
/// inputs and its own result are all alive. `data` nodes do not count. The other arguments are those of [`order`].
pub(crate) fn most_alive(
    starts: &[u32],
    inputs: &[u32],
    outputs: &[u32],
    data: impl Fn(u32) -> bool,
    sequence: &[u32],
) -> usize {
    let tasks = Tasks::new(starts, inputs, outputs, data);
    let mut left: Vec<u32> = tasks.uses.iter().map(|uses| uses.left).collect();
    let (mut alive, mut most) = (0, 0);
    for &n in sequence.iter().filter(|&&n| !tasks.data[n as usize]) {
        alive += 1;
        most = most.max(alive);
        for &input in tasks.inputs(n) {
            left[input as usize] -= 1;
            alive -= usize::from(left[input as usize] == 0);
        }
        alive -= usize::from(left[n as usize] == 0);
    }
    most
}

/// What being asked for adds to [`Uses::left`]: uses that never come to an end, nor down to the last one.
const ASKED_FOR: u32 = 1 << 31;

/// Who still needs a result.
#[derive(Clone, Copy, Default)]
struct Uses {
    /// How many consumers have not run.
    left: u32,
    /// The exclusive or of their ids: when one is left, its id.
    last: u32,
}

/// The graph without data nodes and duplicate edges.
struct Tasks {
    starts: Vec<u32>,
    inputs: Vec<u32>,
    outputs: Vec<u32>,
    /// Who needs each result, before anything has run.
    uses: Vec<Uses>,
    /// What is there before anything has run.
    data: Vec<bool>,
}

impl Tasks {
    fn new(starts: &[u32], inputs: &[u32], outputs: &[u32], data: impl Fn(u32) -> bool) -> Tasks {
        let len = starts.len().saturating_sub(1);
        let mut tasks = Tasks {
            starts: Vec::with_capacity(len + 1),
            inputs: Vec::with_capacity(inputs.len()),
            outputs: Vec::new(),
            uses: vec![Uses::default(); len],
            data: (0..len as u32).map(data).collect(),
        };
        // The last node that was seen to use a node, to find duplicates.
        let mut seen_by = vec![NONE; len];
        tasks.starts.push(0);
        for n in 0..len as u32 {
            if !tasks.data[n as usize] {
                for &input in &inputs[starts[n as usize] as usize..starts[n as usize + 1] as usize] {
                    if !tasks.data[input as usize] && seen_by[input as usize] != n {
                        seen_by[input as usize] = n;
                        let uses = &mut tasks.uses[input as usize];
                        uses.left += 1;
                        uses.last ^= n;
                        tasks.inputs.push(input);
                    }
                }
            }
            tasks.starts.push(tasks.inputs.len() as u32);
        }
        for &output in outputs {
            let uses = &mut tasks.uses[output as usize];
            if !tasks.data[output as usize] && uses.left < ASKED_FOR {
                uses.left += ASKED_FOR;
                tasks.outputs.push(output);
            }
        }
        tasks
    }

    fn len(&self) -> usize {
        self.data.len()
    }

    fn edges(&self, n: u32) -> std::ops::Range<usize> {
        self.starts[n as usize] as usize..self.starts[n as usize + 1] as usize
    }

    fn inputs(&self, n: u32) -> &[u32] {
        &self.inputs[self.edges(n)]
    }

    /// The number of tasks in the longest chain that ends in each node.
    fn chains(&self) -> Vec<u64> {
        let mut chains = Vec::with_capacity(self.len());
        for n in 0..self.len() as u32 {
            chains.push(1 + self.inputs(n).iter().map(|&input| chains[input as usize]).max().unwrap_or(0));
        }
        chains
    }

    /// Results with few consumers first, and of those the end of the longest chain: what many need is kept for long.
    fn unshared(&self) -> Vec<u64> {
        let few = self.uses.iter().map(|uses| u32::MAX - uses.left);
        few.zip(self.chains()).map(|(few, chain)| first_by(few, chain)).collect()
    }

    /// The number of tasks in the branch of each node, when a shared node belongs to its first consumer only.
    fn branches(&self) -> Vec<u64> {
        let mut branches: Vec<u64> = Vec::with_capacity(self.len());
        let mut taken = vec![false; self.len()];
        for n in 0..self.len() as u32 {
            let own = self.inputs(n).iter().filter(|&&input| !std::mem::replace(&mut taken[input as usize], true));
            branches.push(1 + own.map(|&input| branches[input as usize]).sum::<u64>());
        }
        branches
    }

    /// How many more results each node's branch has alive at its worst moment than at its end, and of equals the end of
    /// the longest chain: the numbers by which Sethi and Ullman order the operands of an expression. A shared node
    /// belongs to its first consumer only, and what others still need of a branch counts as left over at its end.
    fn registers(&self) -> Vec<u64> {
        let mut worst_and_left: Vec<(u32, u32)> = Vec::with_capacity(self.len());
        let mut taken = vec![false; self.len()];
        let mut own: Vec<(u32, u32)> = Vec::new();
        for n in 0..self.len() as u32 {
            own.clear();
            let mut left_over = 1;
            for &input in self.inputs(n) {
                if !std::mem::replace(&mut taken[input as usize], true) {
                    let (worst, left) = worst_and_left[input as usize];
                    own.push((worst, left));
                    left_over += left - u32::from(self.uses[input as usize].left == 1);
                }
            }
            own.sort_by_key(|&(worst, left)| std::cmp::Reverse(worst - left));
            let (mut alive, mut most) = (0, 0);
            for &(worst, left) in &own {
                most = most.max(alive + worst);
                alive += left;
            }
            worst_and_left.push((most.max(alive + 1), left_over));
        }
        worst_and_left.iter().zip(self.chains()).map(|(&(worst, left), chain)| first_by(worst - left, chain)).collect()
    }
}

/// A number that orders by `high`, and equals by `low`, which is below 2^32.
fn first_by(high: u32, low: u64) -> u64 {
    u64::from(high) << 32 | low
}

/// A graph being walked, and the sequence so far.
struct Walk<'a> {
    tasks: &'a Tasks,
    /// The most tasks that rule 3 runs to be rid of a result.
    detour: u32,
    /// As [`Tasks::inputs`] and [`Tasks::outputs`], the most demanding first.
    inputs: Vec<u32>,
    outputs: Vec<u32>,
    uses: Vec<Uses>,
    /// What has run or never needs to.
    done: Vec<bool>,
    /// Where among a node's edges the first input that has not run may be. All those before it have run.
    at: Vec<u32>,
    /// Whether a task is known to free a result when it runs. Such a task is to run as soon as it is ready.
    frees: Vec<bool>,
    /// For each node, the first such task to be looked at again when the node has run; for each task, the next one.
    watcher: Vec<u32>,
    next_watcher: Vec<u32>,
    /// The consumers of each result; empty when the plan makes no detours.
    consumers: Consumers,
    /// Ready tasks that free a result.
    freeing: Vec<u32>,
    /// Results that are alive, and some that no longer are, in the order in which they came.
    young: Vec<u32>,
    /// For [`Walk::missing`]: which look has last seen each node, how many looks there were, and what is to be seen.
    seen_by: Vec<u32>,
    look: u32,
    to_see: Vec<u32>,
    /// How many nodes and edges rule 3 may still look at.
    looks: usize,
    sequence: Vec<u32>,
    alive: usize,
    /// The most results alive at once, and the sum over all steps.
    most: usize,
    total: usize,
}

impl<'a> Walk<'a> {
    fn new(tasks: &'a Tasks, plan: &Plan) -> Self {
        let demand = (plan.demand)(tasks);
        let most_demanding_first = |node: &u32| std::cmp::Reverse(demand[*node as usize]);
        let (mut inputs, mut outputs) = (tasks.inputs.clone(), tasks.outputs.clone());
        for n in 0..tasks.len() as u32 {
            inputs[tasks.edges(n)].sort_by_key(most_demanding_first);
        }
        outputs.sort_by_key(most_demanding_first);
        let mut sequence = Vec::with_capacity(tasks.len());
        sequence.extend((0..tasks.len() as u32).filter(|&n| tasks.data[n as usize]));
        Walk {
            tasks,
            detour: plan.detour,
            inputs,
            outputs,
            uses: tasks.uses.clone(),
            done: tasks.data.clone(),
            at: tasks.starts[..tasks.len()].to_vec(),
            frees: vec![false; tasks.len()],
            watcher: vec![NONE; tasks.len()],
            next_watcher: vec![NONE; tasks.len()],
            consumers: Consumers::new(tasks, plan.detour > 0),
            freeing: Vec::new(),
            young: Vec::new(),
            seen_by: vec![0; if plan.detour > 0 { tasks.len() } else { 0 }],
            look: 0,
            to_see: Vec::new(),
            looks: LOOKS,
            sequence,
            alive: 0,
            most: 0,
            total: 0,
        }
    }

    /// Walks to the end.
    fn finish(mut self) -> Self {
        let outputs = std::mem::take(&mut self.outputs);
        let (mut path, mut side_path) = (Vec::new(), Vec::new());
        // All that outputs need is all there is, unless the graph holds nodes that nobody needs.
        for root in outputs.into_iter().chain(0..self.tasks.len() as u32) {
            if self.done[root as usize] {
                continue;
            }
            path.push(root);
            while self.step(&mut path) {
                while let Some(result) = self.nearly_over() {
                    // The last one goes first, so the path is to hold them backwards.
                    side_path.extend(self.consumers.left(result, &self.done).iter().rev());
                    while self.step(&mut side_path) {}
                }
            }
        }
        self
    }

    /// Searches on to the next task that is ready and runs it, and all that then frees a result; `false` when the path
    /// has come to its end. Each node of the path is an input of the one before.
    fn step(&mut self, path: &mut Vec<u32>) -> bool {
        while let Some(&n) = path.last() {
            if self.done[n as usize] {
                path.pop();
            } else if let Some(input) = self.first_missing(n) {
                path.push(input);
            } else {
                path.pop();
                self.run(n);
                while let Some(n) = self.freeing.pop() {
                    self.run(n);
                }
                return true;
            }
        }
        false
    }

    /// The first input of `n` that has not run.
    fn first_missing(&mut self, n: u32) -> Option<u32> {
        let edges = self.at[n as usize] as usize..self.tasks.edges(n).end;
        let inputs = &self.inputs[edges];
        let run = inputs.iter().take_while(|&&input| self.done[input as usize]).count();
        self.at[n as usize] += run as u32;
        inputs.get(run).copied()
    }

    /// Puts a ready task into the sequence, and what it allows to free a result into `freeing`.
    fn run(&mut self, n: u32) {
        self.sequence.push(n);
        self.done[n as usize] = true;
        self.looks += LOOKS_A_STEP;
        self.alive += 1;
        self.most = self.most.max(self.alive);
        self.total += self.alive;
        for edge in self.tasks.edges(n) {
            let uses = &mut self.uses[self.inputs[edge] as usize];
            uses.left -= 1;
            uses.last ^= n;
            match *uses {
                Uses { left: 0, .. } => self.alive -= 1,
                Uses { left: 1, last } => self.will_free(last),
                _ => {}
            }
        }
        let Uses { left, last } = self.uses[n as usize];
        match left {
            0 => self.alive -= 1,
            1 => self.will_free(last),
            _ => {}
        }
        if self.detour > 0 && (1..ASKED_FOR).contains(&left) {
            self.young.push(n);
        }
        let mut watcher = self.watcher[n as usize];
        while watcher != NONE {
            let next = self.next_watcher[watcher as usize];
            self.watch(watcher);
            watcher = next;
        }
    }

    /// Notes that `task` will free a result when it runs.
    fn will_free(&mut self, task: u32) {
        if !std::mem::replace(&mut self.frees[task as usize], true) {
            self.watch(task);
        }
    }

    /// Puts `task` into `freeing` when it is ready. When the first missing input has run, it looks for the next one, so
    /// each edge is looked at once.
    fn watch(&mut self, task: u32) {
        match self.first_missing(task) {
            None => self.freeing.push(task),
            Some(input) => {
                self.next_watcher[task as usize] = std::mem::replace(&mut self.watcher[input as usize], task);
            }
        }
    }

    /// Of the youngest results, the one for whose end least is missing, if that is little enough for a detour.
    fn nearly_over(&mut self) -> Option<u32> {
        let (mut best, mut fewest) = (None, self.detour + 1);
        // Results that are over leave the list when they are met; the others stay in their order.
        let (mut at, mut keep) = (self.young.len(), self.young.len());
        while at > 0 && self.young.len() - keep < YOUNG && self.looks > 0 {
            at -= 1;
            self.looks -= 1;
            let result = self.young[at];
            if self.uses[result as usize].left == 0 {
                continue;
            }
            keep -= 1;
            self.young[keep] = result;
            if let Some(missing) = self.missing(result, fewest) {
                (best, fewest) = (Some(result), missing);
            }
        }
        self.young.drain(at..keep);
        best
    }

    /// How many tasks must run before nobody needs `result` any more, if fewer than `limit`.
    fn missing(&mut self, result: u32, limit: u32) -> Option<u32> {
        let Uses { left, last } = self.uses[result as usize];
        if left >= limit {
            return None;
        }
        self.look += 1;
        self.to_see.clear();
        if left == 1 {
            self.to_see.push(last);
        } else {
            let consumers = self.consumers.left(result, &self.done);
            self.looks = self.looks.saturating_sub(consumers.len());
            self.to_see.extend_from_slice(consumers);
        }
        for &task in &self.to_see {
            self.seen_by[task as usize] = self.look;
        }
        let mut missing = left;
        while let Some(n) = self.to_see.pop() {
            self.first_missing(n);
            for edge in self.at[n as usize] as usize..self.tasks.edges(n).end {
                let input = self.inputs[edge];
                if self.looks == 0 || missing >= limit {
                    return None;
                }
                self.looks -= 1;
                if !self.done[input as usize] && self.seen_by[input as usize] != self.look {
                    self.seen_by[input as usize] = self.look;
                    self.to_see.push(input);
                    missing += 1;
                }
            }
        }
        (missing < limit).then_some(missing)
    }
}

/// The consumers of each result.
struct Consumers {
    starts: Vec<u32>,
    ends: Vec<u32>,
    tasks: Vec<u32>,
}

impl Consumers {
    fn new(tasks: &Tasks, wanted: bool) -> Consumers {
        if !wanted {
            return Consumers { starts: Vec::new(), ends: Vec::new(), tasks: Vec::new() };
        }
        let mut edges = 0;
        let mut starts = Vec::with_capacity(tasks.len());
        for uses in &tasks.uses {
            starts.push(edges);
            edges += uses.left & !ASKED_FOR;
        }
        let mut consumers = Consumers { ends: starts.clone(), starts, tasks: vec![0; tasks.inputs.len()] };
        for n in 0..tasks.len() as u32 {
            for &input in tasks.inputs(n) {
                let end = &mut consumers.ends[input as usize];
                consumers.tasks[*end as usize] = n;
                *end += 1;
            }
        }
        consumers
    }

    /// The consumers of `result` that have not run. The others are forgotten, or those of a result that thousands need
    /// would be long to go through each time.
    fn left(&mut self, result: u32, done: &[bool]) -> &[u32] {
        let (start, end) = (self.starts[result as usize] as usize, self.ends[result as usize] as usize);
        let mut keep = start;
        for at in start..end {
            let task = self.tasks[at];
            if !done[task as usize] {
                self.tasks[keep] = task;
                keep += 1;
            }
        }
        self.ends[result as usize] = keep as u32;
        &self.tasks[start..keep]
    }
}
