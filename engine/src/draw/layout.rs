//! Where boxes and lines go: a layered layout after Sugiyama, Tagawa and Toda.
//!
//! The steps are the usual ones of K. Sugiyama, S. Tagawa and M. Toda, "Methods for Visual Understanding of Hierarchical
//! System Structures", IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981:
//!
//! 1. Each weakly connected part is laid out alone, and the parts are set in rows.
//! 2. Layers by longest path. A tree of inputs that nobody else uses is then pulled up to its consumer.
//! 3. Lines across several layers get a dummy vertex in each. All lines that leave one box share one chain of dummies,
//!    so a value used by three hundred steps is one trunk with branches, not three hundred parallel lines.
//! 4. Crossings are reduced by barycentre sweeps and swaps of neighbours; the best order met is kept. They are counted
//!    with a Fenwick tree, as in W. Barth, P. Mutzel and M. Jünger, "Simple and Efficient Bilayer Cross Counting",
//!    Journal of Graph Algorithms and Applications 8(2), 2004.
//! 5. Horizontal places after U. Brandes and B. Köpf, "Fast and Simple Horizontal Coordinate Assignment", Graph Drawing
//!    2001, LNCS 2265: four extreme alignments, averaged. The published compaction is flawed (U. Brandes, J. Walter,
//!    J. Zink, "Erratum: Fast and Simple Horizontal Coordinate Assignment", arXiv:2008.01252), so each alignment is
//!    compacted here by longest paths in the graph of its blocks, which keeps every distance by construction.
//!
//! Nothing recurses, and nothing depends on hashing order or on time: the same graph has the same layout.

use std::collections::{HashSet, VecDeque};

/// Width and height of a box, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A point where a line passes a layer: it comes in at `(x, enter)` from below and goes out at `(x, leave)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stop {
    pub(super) x: f64,
    pub(super) enter: f64,
    pub(super) leave: f64,
}

/// The finished layout. `y` grows downwards, as in SVG; data flows upwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The centre of each box.
    pub(super) centers: Vec<(f64, f64)>,
    /// For each link its stops, from producer to consumer. Where the first part of the way has been drawn for an
    /// earlier link of the same producer, the stops begin at the branch.
    pub(super) routes: Vec<Vec<Stop>>,
}

/// Space between two boxes of a layer.
const BOX_GAP: f64 = 16.0;
/// Space between a box and a line, or two lines, that pass beside each other.
const LINE_GAP: f64 = 12.0;
/// Least and greatest space between two layers.
const LAYER_GAP: (f64, f64) = (38.0, 240.0);
/// Space between two parts that are not connected.
const PART_GAP: f64 = 32.0;

/// Counts the dummy vertices that [`layout`] would need, to decide whether a picture can be drawn in full.
pub(super) fn dummies(nodes: usize, links: &[(usize, usize)]) -> usize {
    let layers = Layers::new(nodes, links);
    let mut reach: Vec<u32> = layers.of.clone();
    for &(from, to) in &layers.upward {
        reach[from] = reach[from].max(layers.of[to]);
    }
    reach.iter().zip(&layers.of).map(|(&reach, &layer)| (reach - layer).saturating_sub(1) as usize).sum()
}

/// Lays out boxes of the given sizes. `links` go from producer to consumer, have no loops and no duplicates.
pub(super) fn layout(sizes: &[Size], links: &[(usize, usize)]) -> Layout {
    let parts = parts(sizes.len(), links);
    let mut local = vec![0; sizes.len()];
    let mut part_of = vec![0; sizes.len()];
    for (number, part) in parts.iter().enumerate() {
        for (index, &node) in part.iter().enumerate() {
            local[node] = index;
            part_of[node] = number;
        }
    }
    let mut links_of = vec![Vec::new(); parts.len()];
    for (index, &(from, _)) in links.iter().enumerate() {
        links_of[part_of[from]].push(index);
    }
    let laid: Vec<Layout> = parts
        .iter()
        .zip(&links_of)
        .map(|(part, indices)| {
            let sizes: Vec<Size> = part.iter().map(|&node| sizes[node]).collect();
            let links: Vec<_> = indices.iter().map(|&i| (local[links[i].0], local[links[i].1])).collect();
            connected(&sizes, &links)
        })
        .collect();

    let (width, height, corners) = shelves(&laid);
    let mut centers = vec![(0.0, 0.0); sizes.len()];
    let mut routes = vec![Vec::new(); links.len()];
    for (((part, indices), laid), (left, top)) in parts.iter().zip(&links_of).zip(laid).zip(corners) {
        for (&node, (x, y)) in part.iter().zip(laid.centers) {
            centers[node] = (x + left, y + top);
        }
        for (&index, mut route) in indices.iter().zip(laid.routes) {
            for stop in &mut route {
                stop.x += left;
                stop.enter += top;
                stop.leave += top;
            }
            routes[index] = route;
        }
    }
    Layout { width, height, centers, routes }
}

/// The weakly connected parts, each a sorted list of nodes, by their first node.
fn parts(nodes: usize, links: &[(usize, usize)]) -> Vec<Vec<usize>> {
    fn find(parent: &mut [usize], mut node: usize) -> usize {
        while parent[node] != node {
            parent[node] = parent[parent[node]];
            node = parent[node];
        }
        node
    }
    let mut parent: Vec<usize> = (0..nodes).collect();
    for &(from, to) in links {
        let (a, b) = (find(&mut parent, from), find(&mut parent, to));
        // The smaller index becomes the root, so a part is met first at its first node.
        parent[a.max(b)] = a.min(b);
    }
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut number = vec![usize::MAX; nodes];
    for node in 0..nodes {
        let root = find(&mut parent, node);
        if number[root] == usize::MAX {
            number[root] = parts.len();
            parts.push(Vec::new());
        }
        parts[number[root]].push(node);
    }
    parts
}

/// Sets parts in rows like books on shelves, standing on the lower edge of their row. Returns the whole width and height
/// and the upper left corner of each part.
fn shelves(parts: &[Layout]) -> (f64, f64, Vec<(f64, f64)>) {
    let widest = parts.iter().map(|part| part.width).fold(0.0, f64::max);
    let area: f64 = parts.iter().map(|part| (part.width + PART_GAP) * (part.height + PART_GAP)).sum();
    // A page somewhat wider than high, but no line break where a line of moderate length takes everything.
    let limit = widest.max((area * 2.0).sqrt()).max(900.0);

    let fill = |limit: f64| {
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let mut end = f64::INFINITY;
        for (index, part) in parts.iter().enumerate() {
            if end + PART_GAP + part.width > limit {
                rows.push(Vec::new());
                end = -PART_GAP;
            }
            end += PART_GAP + part.width;
            if let Some(row) = rows.last_mut() {
                row.push(index);
            }
        }
        rows
    };
    // As narrow as the same number of rows allows, so that no row is left with a single straggler.
    let mut rows = fill(limit);
    let (mut low, mut high) = (widest, limit);
    for _ in 0..10 {
        let middle = (low + high) / 2.0;
        let narrower = fill(middle);
        if narrower.len() == rows.len() {
            (rows, high) = (narrower, middle);
        } else {
            low = middle;
        }
    }
    let mut corners = vec![(0.0, 0.0); parts.len()];
    let (mut width, mut height) = (0.0_f64, 0.0);
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            height += PART_GAP;
        }
        let tall = row.iter().map(|&index| parts[index].height).fold(0.0, f64::max);
        let mut left = 0.0;
        for &index in row {
            corners[index] = (left, height + tall - parts[index].height);
            left += parts[index].width + PART_GAP;
        }
        width = width.max(left - PART_GAP);
        height += tall;
    }
    (width, height, corners)
}

/// The layer of each node, 0 at the bottom.
struct Layers {
    of: Vec<u32>,
    /// The links, each turned so that it goes up.
    upward: Vec<(usize, usize)>,
}

impl Layers {
    fn new(nodes: usize, links: &[(usize, usize)]) -> Self {
        let mut consumers = vec![Vec::new(); nodes];
        let mut waiting = vec![0_usize; nodes];
        for &(from, to) in links {
            consumers[from].push(to);
            waiting[to] += 1;
        }
        let mut rank = vec![usize::MAX; nodes];
        let mut order = Vec::with_capacity(nodes);
        let mut ready: VecDeque<usize> = (0..nodes).filter(|&node| waiting[node] == 0).collect();
        let mut first = 0;
        while order.len() < nodes {
            // A task graph has no cycle. If somebody draws one all the same, it is cut open at its first node.
            let node = ready.pop_front().unwrap_or_else(|| {
                while rank[first] != usize::MAX {
                    first += 1;
                }
                first
            });
            if rank[node] != usize::MAX {
                continue;
            }
            rank[node] = order.len();
            order.push(node);
            for &consumer in &consumers[node] {
                waiting[consumer] -= 1;
                if waiting[consumer] == 0 && rank[consumer] == usize::MAX {
                    ready.push_back(consumer);
                }
            }
        }

        let upward: Vec<(usize, usize)> =
            links.iter().map(|&(from, to)| if rank[from] < rank[to] { (from, to) } else { (to, from) }).collect();
        let mut producers = vec![Vec::new(); nodes];
        consumers.iter_mut().for_each(Vec::clear);
        for &(from, to) in &upward {
            consumers[from].push(to);
            producers[to].push(from);
        }
        let mut of = vec![0_u32; nodes];
        // A node is free when it and all it needs, needed by nobody else, can move up without making a line longer.
        let mut free = vec![true; nodes];
        for &node in &order {
            for &producer in &producers[node] {
                of[node] = of[node].max(of[producer] + 1);
                free[node] &= free[producer] && consumers[producer].len() == 1;
            }
        }
        for &node in order.iter().rev() {
            if let (true, Some(nearest)) = (free[node], consumers[node].iter().map(|&consumer| of[consumer]).min()) {
                of[node] = nearest - 1;
            }
        }
        Layers { of, upward }
    }
}

/// A proper layered graph: every line joins neighbouring layers. Vertices `0..boxes` are boxes, the rest dummies.
struct Proper {
    boxes: usize,
    layer: Vec<u32>,
    /// Neighbours in the layer below and above.
    below: Vec<Vec<u32>>,
    above: Vec<Vec<u32>>,
    /// The dummies of each box's trunk, from the layer above the box upwards.
    trunk: Vec<Vec<u32>>,
    depth: usize,
}

impl Proper {
    fn new(layers: &Layers) -> Self {
        let boxes = layers.of.len();
        let mut reach = layers.of.clone();
        for &(from, to) in &layers.upward {
            reach[from] = reach[from].max(layers.of[to]);
        }
        let mut proper = Proper {
            boxes,
            layer: layers.of.clone(),
            below: vec![Vec::new(); boxes],
            above: vec![Vec::new(); boxes],
            trunk: vec![Vec::new(); boxes],
            depth: layers.of.iter().max().map_or(0, |&top| top as usize + 1),
        };
        for (node, &top) in reach.iter().enumerate() {
            let mut last = node;
            for layer in layers.of[node] + 1..top {
                let dummy = proper.layer.len();
                proper.layer.push(layer);
                proper.below.push(vec![last as u32]);
                proper.above.push(Vec::new());
                proper.above[last].push(dummy as u32);
                proper.trunk[node].push(dummy as u32);
                last = dummy;
            }
        }
        for &(from, to) in &layers.upward {
            let last = proper.last_stop(from, to);
            proper.above[last].push(to as u32);
            proper.below[to].push(last as u32);
        }
        proper
    }

    /// The vertex just below `to` on the way from `from`.
    fn last_stop(&self, from: usize, to: usize) -> usize {
        match (self.layer[to] - self.layer[from]) as usize {
            0 | 1 => from,
            span => self.trunk[from][span - 2] as usize,
        }
    }

    fn is_dummy(&self, vertex: u32) -> bool {
        vertex as usize >= self.boxes
    }
}

/// Lays out one connected part.
fn connected(sizes: &[Size], links: &[(usize, usize)]) -> Layout {
    let layers = Layers::new(sizes.len(), links);
    let proper = Proper::new(&layers);
    let order = reduce_crossings(&proper);
    let widths: Vec<f64> =
        (0..proper.layer.len()).map(|vertex| sizes.get(vertex).map_or(0.0, |size| size.width)).collect();
    let x = horizontal(&proper, &order, &widths);

    // Downwards: a row is as high as its highest box, and rows stand further apart where lines go far sideways.
    let mut tall = vec![0.0_f64; proper.depth];
    for (node, size) in sizes.iter().enumerate() {
        let layer = proper.layer[node] as usize;
        tall[layer] = tall[layer].max(size.height);
    }
    let mut aside = vec![0.0_f64; proper.depth];
    for vertex in 0..proper.layer.len() {
        for &up in &proper.above[vertex] {
            let layer = proper.layer[vertex] as usize;
            aside[layer] = aside[layer].max((x[up as usize] - x[vertex]).abs());
        }
    }
    let mut top = vec![0.0; proper.depth];
    let mut height = 0.0;
    for layer in (0..proper.depth).rev() {
        if layer + 1 < proper.depth {
            height += (LAYER_GAP.0 + 2.2 * (aside[layer] - 60.0).max(0.0).sqrt()).min(LAYER_GAP.1);
        }
        top[layer] = height;
        height += tall[layer];
    }
    let middle = |vertex: usize| {
        let layer = proper.layer[vertex] as usize;
        top[layer] + tall[layer] / 2.0
    };

    let left = (0..proper.layer.len()).map(|v| x[v] - widths[v] / 2.0).fold(f64::INFINITY, f64::min);
    let right = (0..proper.layer.len()).map(|v| x[v] + widths[v] / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let centers: Vec<(f64, f64)> = (0..sizes.len()).map(|node| (x[node] - left, middle(node))).collect();
    let stop = |vertex: usize| {
        let layer = proper.layer[vertex] as usize;
        let half = sizes.get(vertex).map_or(tall[layer], |size| size.height) / 2.0;
        Stop { x: x[vertex] - left, enter: middle(vertex) + half, leave: middle(vertex) - half }
    };

    // Short links first, so that longer ones find the lower part of their trunk drawn.
    let mut turn: Vec<usize> = (0..links.len()).collect();
    turn.sort_by_key(|&index| (layers.upward[index].0, layers.of[layers.upward[index].1], index));
    let mut drawn = vec![0_usize; sizes.len()];
    let mut routes = vec![Vec::new(); links.len()];
    for index in turn {
        let (from, to) = layers.upward[index];
        let dummies = (layers.of[to] - layers.of[from]).saturating_sub(1) as usize;
        let start = drawn[from].min(dummies);
        drawn[from] = drawn[from].max(dummies);
        let mut route = vec![match start {
            0 => stop(from),
            start => stop(proper.trunk[from][start - 1] as usize),
        }];
        route.extend(proper.trunk[from][start..dummies].iter().map(|&dummy| stop(dummy as usize)));
        route.push(stop(to));
        if (from, to) != links[index] {
            // A line of a cycle that was turned: drawn from top to bottom.
            route.reverse();
            for stop in &mut route {
                std::mem::swap(&mut stop.enter, &mut stop.leave);
            }
        }
        routes[index] = route;
    }
    Layout { width: (right - left).max(0.0), height, centers, routes }
}

/// An order of the vertices of each layer.
#[derive(Clone)]
struct Order {
    layers: Vec<Vec<u32>>,
    place: Vec<u32>,
}

impl Order {
    fn settle(&mut self, layer: usize) {
        for (place, &vertex) in self.layers[layer].iter().enumerate() {
            self.place[vertex as usize] = place as u32;
        }
    }
}

/// The order in which a depth-first walk from the results (or from the inputs) meets the vertices. A tree has no
/// crossings in it, and the arguments of a task stand in their order.
fn walk(proper: &Proper, from_top: bool) -> Order {
    let vertices = proper.layer.len();
    let next = if from_top { &proper.below } else { &proper.above };
    let back = if from_top { &proper.above } else { &proper.below };
    let mut order = Order { layers: vec![Vec::new(); proper.depth], place: vec![0; vertices] };
    let mut met = vec![false; vertices];
    let mut stack = Vec::new();
    for root in (0..vertices).filter(|&vertex| back[vertex].is_empty()) {
        stack.push(root as u32);
        while let Some(vertex) = stack.pop() {
            if std::mem::replace(&mut met[vertex as usize], true) {
                continue;
            }
            order.layers[proper.layer[vertex as usize] as usize].push(vertex);
            stack.extend(next[vertex as usize].iter().rev().filter(|&&other| !met[other as usize]));
        }
    }
    (0..proper.depth).for_each(|layer| order.settle(layer));
    order
}

fn reduce_crossings(proper: &Proper) -> Order {
    let vertices = proper.layer.len();
    // About the same time for every size: a big picture gets fewer sweeps.
    let sweeps = (120_000 / vertices.max(1)).clamp(4, 24);
    let mut best: Option<(u64, Order)> = None;
    for from_top in [true, false] {
        let mut order = walk(proper, from_top);
        let mut stale = 0;
        for sweep in 0..=sweeps {
            if sweep > 0 {
                let up = (sweep % 2 == 1) == from_top;
                for step in 1..proper.depth {
                    let layer = if up { step } else { proper.depth - 1 - step };
                    barycentre(proper, &mut order, layer, up, sweep % 4 >= 2);
                }
                swap_neighbours(proper, &mut order);
            }
            let count = crossings(proper, &order);
            if best.as_ref().is_none_or(|(least, _)| count < *least) {
                best = Some((count, order.clone()));
                stale = 0;
            } else {
                stale += 1;
            }
            if count == 0 || stale > 6 {
                break;
            }
        }
        if best.as_ref().is_some_and(|(least, _)| *least == 0) {
            break;
        }
    }
    best.map_or_else(|| walk(proper, true), |(_, order)| order)
}

/// Sorts a layer by the mean place of each vertex's neighbours in the layer before it.
fn barycentre(proper: &Proper, order: &mut Order, layer: usize, up: bool, flip: bool) {
    let near = if up { &proper.below } else { &proper.above };
    let mut moving: Vec<(f64, u32)> = Vec::with_capacity(order.layers[layer].len());
    for &vertex in &order.layers[layer] {
        let near = &near[vertex as usize];
        if !near.is_empty() {
            let sum: f64 = near.iter().map(|&other| f64::from(order.place[other as usize])).sum();
            moving.push((sum / near.len() as f64, vertex));
        }
    }
    if flip {
        moving.reverse();
    }
    moving.sort_by(|a, b| a.0.total_cmp(&b.0));
    // A vertex without neighbours on that side keeps its place; the others fill the rest.
    let mut moving = moving.into_iter();
    for slot in &mut order.layers[layer] {
        if !near[*slot as usize].is_empty()
            && let Some((_, vertex)) = moving.next()
        {
            *slot = vertex;
        }
    }
    order.settle(layer);
}

/// Swaps neighbours in a layer while that takes crossings away.
fn swap_neighbours(proper: &Proper, order: &mut Order) {
    let sorted = |near: &[u32], order: &Order| {
        let mut places: Vec<u32> = near.iter().map(|&other| order.place[other as usize]).collect();
        places.sort_unstable();
        places
    };
    for layer in 0..proper.depth {
        if order.layers[layer].len() < 2 {
            continue;
        }
        let mut row: Vec<(u32, [Vec<u32>; 2])> = order.layers[layer]
            .iter()
            .map(|&v| (v, [sorted(&proper.below[v as usize], order), sorted(&proper.above[v as usize], order)]))
            .collect();
        let mut moved = false;
        for _ in 0..3 {
            let mut again = false;
            for index in 1..row.len() {
                let (a, b) = (&row[index - 1].1, &row[index].1);
                let gain: i64 =
                    (0..2).map(|side| inversions(&a[side], &b[side]) - inversions(&b[side], &a[side])).sum();
                if gain > 0 {
                    row.swap(index - 1, index);
                    again = true;
                }
            }
            moved |= again;
            if !again {
                break;
            }
        }
        if moved {
            order.layers[layer] = row.into_iter().map(|(vertex, _)| vertex).collect();
            order.settle(layer);
        }
    }
}

/// Pairs with an element of `left` greater than one of `right`; both are sorted.
fn inversions(left: &[u32], right: &[u32]) -> i64 {
    let (mut count, mut smaller) = (0, 0);
    for &place in left {
        while smaller < right.len() && right[smaller] < place {
            smaller += 1;
        }
        count += smaller as i64;
    }
    count
}

/// Counts all crossings of an order, in O(E log V).
fn crossings(proper: &Proper, order: &Order) -> u64 {
    let mut total = 0;
    let mut ends = Vec::new();
    for layer in 1..proper.depth {
        let width = order.layers[layer].len();
        let mut tree = vec![0_u32; width + 1];
        let mut seen = 0_u64;
        for &vertex in &order.layers[layer - 1] {
            ends.clear();
            ends.extend(proper.above[vertex as usize].iter().map(|&up| order.place[up as usize] as usize));
            ends.sort_unstable();
            // Lines that end at or left of this one do not cross it. Those of the same vertex are added afterwards.
            for &end in &ends {
                let mut node = end + 1;
                let mut left = 0_u64;
                while node > 0 {
                    left += u64::from(tree[node]);
                    node &= node - 1;
                }
                total += seen - left;
            }
            for &end in &ends {
                let mut node = end + 1;
                while node <= width {
                    tree[node] += 1;
                    node += node & node.wrapping_neg();
                }
            }
            seen += ends.len() as u64;
        }
    }
    total
}

/// The least distance of the centres of two neighbours.
fn distance(proper: &Proper, widths: &[f64], left: u32, right: u32) -> f64 {
    let gap = if proper.is_dummy(left) || proper.is_dummy(right) { LINE_GAP } else { BOX_GAP };
    (widths[left as usize] + widths[right as usize]) / 2.0 + gap
}

/// Horizontal places after Brandes and Köpf.
fn horizontal(proper: &Proper, order: &Order, widths: &[f64]) -> Vec<f64> {
    let vertices = proper.layer.len();
    let conflicts = conflicts(proper, order);
    let mut runs: Vec<Vec<f64>> = Vec::with_capacity(4);
    for upwards in [true, false] {
        for leftwards in [true, false] {
            let mut layers: Vec<Vec<u32>> = order.layers.clone();
            if !upwards {
                layers.reverse();
            }
            if !leftwards {
                layers.iter_mut().for_each(|layer| layer.reverse());
            }
            let near = if upwards { &proper.below } else { &proper.above };
            let root = align(&layers, near, &conflicts);
            let mut x = compact(&layers, &root, |a, b| {
                if leftwards { distance(proper, widths, a, b) } else { distance(proper, widths, b, a) }
            });
            if !leftwards {
                x.iter_mut().for_each(|x| *x = -*x);
            }
            runs.push(x);
        }
    }

    // All four are moved onto the narrowest: those that lean left by their left side, the others by their right.
    let span = |x: &[f64]| {
        x.iter().zip(widths).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (&x, &width)| {
            (low.min(x - width / 2.0), high.max(x + width / 2.0))
        })
    };
    let spans: Vec<(f64, f64)> = runs.iter().map(|x| span(x)).collect();
    let narrow = spans.iter().copied().min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0))).unwrap_or((0.0, 0.0));
    for (run, (x, (low, high))) in runs.iter_mut().zip(spans).enumerate() {
        let shift = if run % 2 == 0 { narrow.0 - low } else { narrow.1 - high };
        x.iter_mut().for_each(|x| *x += shift);
    }
    (0..vertices)
        .map(|vertex| {
            let mut four = [runs[0][vertex], runs[1][vertex], runs[2][vertex], runs[3][vertex]];
            four.sort_by(f64::total_cmp);
            (four[1] + four[2]) / 2.0
        })
        .collect()
}

/// The lines (lower, upper vertex) that cross a line between two dummies. They give way, so that long lines are straight.
fn conflicts(proper: &Proper, order: &Order) -> HashSet<(u32, u32)> {
    let mut marked = HashSet::new();
    for layer in 1..proper.depth {
        let row = &order.layers[layer];
        let inner = |vertex: u32| {
            let below = proper.below[vertex as usize].first().copied();
            below.filter(|&below| proper.is_dummy(vertex) && proper.is_dummy(below))
        };
        let (mut low, mut start) = (0, 0);
        for (index, &vertex) in row.iter().enumerate() {
            let line = inner(vertex);
            if line.is_none() && index + 1 < row.len() {
                continue;
            }
            let high = line.map_or(u32::MAX, |below| order.place[below as usize]);
            for &upper in &row[start..=index] {
                for &lower in &proper.below[upper as usize] {
                    let place = order.place[lower as usize];
                    if (place < low || place > high) && inner(upper).is_none() {
                        marked.insert((lower, upper));
                    }
                }
            }
            start = index + 1;
            low = high;
        }
    }
    marked
}

/// Joins vertices with their median neighbours into vertical blocks; returns the root of each vertex's block.
fn align(layers: &[Vec<u32>], near: &[Vec<u32>], conflicts: &HashSet<(u32, u32)>) -> Vec<u32> {
    let vertices = near.len();
    let mut place = vec![0_u32; vertices];
    for layer in layers {
        for (index, &vertex) in layer.iter().enumerate() {
            place[vertex as usize] = index as u32;
        }
    }
    let mut root: Vec<u32> = (0..vertices as u32).collect();
    let mut sorted: Vec<u32> = Vec::new();
    for layer in layers {
        // The place after the last one that a line has taken; later lines must not go back before it.
        let mut free = 0;
        for &vertex in layer {
            sorted.clear();
            sorted.extend(&near[vertex as usize]);
            sorted.sort_unstable_by_key(|&other| place[other as usize]);
            if sorted.is_empty() {
                continue;
            }
            for other in [sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]] {
                let blocked = conflicts.contains(&(other, vertex)) || conflicts.contains(&(vertex, other));
                if !blocked && place[other as usize] >= free {
                    root[vertex as usize] = root[other as usize];
                    free = place[other as usize] + 1;
                    break;
                }
            }
        }
    }
    root
}

/// Sets the blocks as far left as they go, then moves each right up to its neighbour where there is slack, so that a
/// block stays near the part of the drawing it belongs to.
fn compact(layers: &[Vec<u32>], root: &[u32], distance: impl Fn(u32, u32) -> f64) -> Vec<f64> {
    let vertices = root.len();
    let mut after: Vec<Vec<(u32, f64)>> = vec![Vec::new(); vertices];
    let mut waiting = vec![0_u32; vertices];
    for layer in layers {
        for pair in layer.windows(2) {
            let (left, right) = (root[pair[0] as usize], root[pair[1] as usize]);
            after[left as usize].push((right, distance(pair[0], pair[1])));
            waiting[right as usize] += 1;
        }
    }
    let mut x = vec![0.0_f64; vertices];
    let mut sequence: Vec<u32> =
        (0..vertices as u32).filter(|&v| root[v as usize] == v && waiting[v as usize] == 0).collect();
    let mut done = 0;
    while done < sequence.len() {
        let block = sequence[done] as usize;
        done += 1;
        for &(right, distance) in &after[block] {
            let right = right as usize;
            x[right] = x[right].max(x[block] + distance);
            waiting[right] -= 1;
            if waiting[right] == 0 {
                sequence.push(right as u32);
            }
        }
    }
    for &block in sequence.iter().rev() {
        let block = block as usize;
        let limit = after[block].iter().map(|&(right, d)| x[right as usize] - d).fold(f64::INFINITY, f64::min);
        if limit.is_finite() {
            x[block] = x[block].max(limit);
        }
    }
    root.iter().map(|&root| x[root as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    /// Checks what every layout promises.
    fn check(sizes: &[Size], links: &[(usize, usize)]) -> Layout {
        let laid = layout(sizes, links);
        let bounds = |node: usize| {
            let ((x, y), size) = (laid.centers[node], sizes[node]);
            (x - size.width / 2.0, x + size.width / 2.0, y - size.height / 2.0, y + size.height / 2.0)
        };
        let mut by_left: Vec<usize> = (0..sizes.len()).collect();
        by_left.sort_by(|&a, &b| bounds(a).0.total_cmp(&bounds(b).0));
        for (index, &a) in by_left.iter().enumerate() {
            let (left, right, top, bottom) = bounds(a);
            assert!(left > -0.01 && right < laid.width + 0.01, "box {a} from {left} to {right} leaves the picture");
            assert!(top > -0.01 && bottom < laid.height + 0.01, "box {a} from {top} to {bottom} leaves the picture");
            for &b in by_left[index + 1..].iter().take_while(|&&b| bounds(b).0 < right + 4.0) {
                let other = bounds(b);
                assert!(other.2 > bottom || other.3 < top, "boxes {a} and {b} overlap");
            }
        }
        for (route, &(from, to)) in laid.routes.iter().zip(links) {
            assert!(bounds(to).3 < bounds(from).2, "the link from {from} to {to} does not go up");
            assert!(route.len() >= 2);
            for pair in route.windows(2) {
                assert!(pair[1].enter < pair[0].leave, "the line from {from} to {to} turns back");
            }
            assert!((route[route.len() - 1].x - laid.centers[to].0).abs() < 0.01);
        }
        laid
    }

    fn sizes(count: usize) -> Vec<Size> {
        (0..count).map(|i| Size { width: 30.0 + (i * 7 % 90) as f64, height: 26.0 }).collect()
    }

    #[test]
    fn empty_and_single() {
        let none = layout(&[], &[]);
        assert_eq!((none.width, none.height), (0.0, 0.0));
        let one = check(&sizes(1), &[]);
        assert_eq!((one.width, one.height), (30.0, 26.0));
    }

    #[test]
    fn a_chain_is_one_straight_line() {
        let links: Vec<_> = (1..30).map(|i| (i - 1, i)).collect();
        let laid = check(&sizes(30), &links);
        for center in &laid.centers {
            assert!((center.0 - laid.centers[0].0).abs() < 0.01);
        }
    }

    #[test]
    fn a_very_long_chain_does_not_overflow_the_stack() {
        let links: Vec<_> = (1..100_000).map(|i| (i - 1, i)).collect();
        let laid = layout(&sizes(100_000), &links);
        assert_eq!(laid.centers.len(), 100_000);
    }

    #[test]
    fn a_diamond_is_symmetric() {
        let sizes = vec![Size { width: 40.0, height: 26.0 }; 4];
        let laid = check(&sizes, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert!((laid.centers[0].0 - laid.centers[3].0).abs() < 0.01);
        assert!((laid.centers[1].0 + laid.centers[2].0 - 2.0 * laid.centers[0].0).abs() < 0.01);
    }

    #[test]
    fn trees_have_no_crossings() {
        let mut links = Vec::new();
        for node in 1..127_usize {
            links.push((node, (node - 1) / 2));
        }
        let proper = Proper::new(&Layers::new(127, &links));
        assert_eq!(crossings(&proper, &reduce_crossings(&proper)), 0);
        check(&sizes(127), &links);
    }

    #[test]
    fn crossings_are_counted_right() {
        // Two lines that cross, and a third that joins one end.
        let proper = Proper::new(&Layers::new(4, &[(0, 3), (1, 2), (1, 3)]));
        let order = Order { layers: vec![vec![0, 1], vec![2, 3]], place: vec![0, 1, 0, 1] };
        assert_eq!(crossings(&proper, &order), 1);
    }

    #[test]
    fn a_value_used_at_every_step_is_one_trunk() {
        // 0 is the shared value, 1..=50 a chain that uses it at each step.
        let mut links: Vec<_> = (1..=50).map(|i| (0, i)).collect();
        links.extend((2..=50).map(|i| (i - 1, i)));
        assert_eq!(dummies(51, &links), 49);
        check(&sizes(51), &links);
    }

    #[test]
    fn late_inputs_stand_near_their_consumer() {
        // A chain of five, whose last link also takes load -> clean.
        let links = [(0, 1), (1, 2), (2, 3), (3, 4), (5, 6), (6, 4)];
        let layers = Layers::new(7, &links);
        assert_eq!((layers.of[5], layers.of[6]), (2, 3));
    }

    #[test]
    fn cycles_end() {
        let laid = layout(&sizes(5), &[(0, 1), (1, 2), (2, 0), (3, 4), (4, 3)]);
        assert_eq!(laid.routes.len(), 5);
        assert!(laid.routes.iter().all(|route| route.len() >= 2));
    }

    #[test]
    fn long_lines_are_straight_between_their_dummies() {
        // 0 -> 6 passes a chain of boxes.
        let links = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (0, 6)];
        let laid = check(&sizes(7), &links);
        let route = &laid.routes[6];
        assert_eq!(route.len(), 7);
        assert!(route[1..6].windows(2).all(|pair| (pair[0].x - pair[1].x).abs() < 0.01));
    }

    #[test]
    fn many_small_parts_make_a_page_not_a_ribbon() {
        let links: Vec<_> = (0..300).map(|i| (2 * i, 2 * i + 1)).collect();
        let laid = check(&vec![Size { width: 40.0, height: 26.0 }; 600], &links);
        assert!(laid.width < 3.0 * laid.height && laid.height < 3.0 * laid.width);
    }

    /// Graphs of up to 60 boxes, sparse or dense; links go from smaller to greater numbers.
    fn graphs() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
        (1..60_usize).prop_flat_map(|nodes| {
            proptest::collection::vec((0..nodes, 0..nodes), 0..120).prop_map(move |pairs| {
                let set: BTreeMap<(usize, usize), ()> =
                    pairs.into_iter().filter(|(a, b)| a != b).map(|(a, b)| ((a.min(b), a.max(b)), ())).collect();
                (nodes, set.into_keys().collect())
            })
        })
    }

    proptest! {
        #[test]
        fn any_graph_is_laid_out((nodes, links) in graphs()) {
            let sizes = sizes(nodes);
            let laid = check(&sizes, &links);
            prop_assert_eq!(laid, layout(&sizes, &links));
        }
    }
}
