//! Graphs too big to draw in full, as groups of alike nodes.
//!
//! Three ways of grouping are tried, finest first, until one makes few enough groups and lines:
//!
//! 1. tasks with the same function, at the same depth, whose inputs are in the same groups;
//! 2. tasks with the same function at the same depth;
//! 3. tasks with the same function. Functions that feed each other in turn, as the steps of a loop do, become one group,
//!    since the picture must not have a cycle.
//!
//! Data nodes join the group of the data that goes to the same groups of tasks.

use std::collections::{BTreeMap, HashMap};

use super::{Colors, Kind, Link, Picture, Scene, Tile, grouped, layout};

/// More boxes, lines, or places where a line passes a layer than this are not readable in full.
pub(crate) const MAX_NODES: usize = 1_500;
const MAX_LINKS: usize = 4_000;
const MAX_DUMMIES: usize = 12_000;
/// A collapsed picture has no more groups and lines than this.
const MAX_GROUPS: usize = 120;
const MAX_GROUP_LINKS: usize = 400;
/// Where even functions are too many, those with the fewest tasks are drawn as one.
const MAX_FUNCTIONS: usize = 60;
/// A group of this many functions or fewer lists them.
const LISTED: usize = 3;

pub(super) fn is_needed(picture: &Picture, links: &[Link]) -> bool {
    if picture.nodes.len() > MAX_NODES || links.len() > MAX_LINKS {
        return true;
    }
    let plain: Vec<(usize, usize)> = links.iter().map(|&(from, to, _)| (from, to)).collect();
    // A picture of a few boxes is drawn in full whatever its lines do.
    picture.nodes.len() > MAX_GROUPS && layout::dummies(picture.nodes.len(), &plain) > MAX_DUMMIES
}

pub(super) fn scene(picture: &Picture, links: &[Link]) -> Scene {
    let count = picture.nodes.len();
    let inputs = inputs(count, links);
    let order = topological(count, links);
    let labels = labels(picture);
    let depth = depths(picture, &inputs, &order);

    let attempts: [&dyn Fn() -> Vec<usize>; 2] =
        [&|| by_inputs(picture, &labels, &inputs, &order, &depth), &|| by_depth(picture, &labels, &depth)];
    // A graph with more levels than groups allowed cannot be grouped by depth.
    let levels = depth.iter().max().map_or(0, |&deepest| deepest + 1);
    for attempt in attempts.iter().filter(|_| levels <= MAX_GROUPS) {
        let groups = Groups::new(picture, links, attempt());
        if groups.members.len() <= MAX_GROUPS && groups.links.len() <= MAX_GROUP_LINKS {
            return groups.scene(picture);
        }
    }
    let mut most = MAX_FUNCTIONS;
    loop {
        let groups = Groups::new(picture, links, by_function(picture, &labels, links, most));
        if most <= 4 || (groups.members.len() <= MAX_GROUPS && groups.links.len() <= MAX_GROUP_LINKS) {
            return groups.scene(picture);
        }
        most /= 2;
    }
}

/// The nodes each node needs.
fn inputs(count: usize, links: &[Link]) -> Vec<Vec<usize>> {
    let mut inputs = vec![Vec::new(); count];
    for &(from, to, _) in links {
        inputs[to].push(from);
    }
    inputs
}

/// The nodes, producers first. Nodes of a cycle, which a task graph does not have, come last in any order.
fn topological(count: usize, links: &[Link]) -> Vec<usize> {
    let mut consumers = vec![Vec::new(); count];
    let mut waiting = vec![0_usize; count];
    for &(from, to, _) in links {
        consumers[from].push(to);
        waiting[to] += 1;
    }
    let mut order: Vec<usize> = (0..count).filter(|&node| waiting[node] == 0).collect();
    let mut done = 0;
    while done < order.len() {
        let node = order[done];
        done += 1;
        for &consumer in &consumers[node] {
            waiting[consumer] -= 1;
            if waiting[consumer] == 0 {
                order.push(consumer);
            }
        }
    }
    order.extend((0..count).filter(|&node| waiting[node] > 0));
    order
}

/// A number for each label.
fn labels(picture: &Picture) -> Vec<usize> {
    let mut numbers = HashMap::new();
    picture
        .nodes
        .iter()
        .map(|node| {
            let next = numbers.len();
            *numbers.entry(node.label.as_str()).or_insert(next)
        })
        .collect()
}

/// The longest way from an input, counted in tasks.
fn depths(picture: &Picture, inputs: &[Vec<usize>], order: &[usize]) -> Vec<usize> {
    let mut depth = vec![0; inputs.len()];
    for &node in order {
        let tasks = inputs[node].iter().filter(|&&input| picture.nodes[input].kind == Kind::Task);
        depth[node] = tasks.map(|&input| depth[input] + 1).max().unwrap_or(0);
    }
    depth
}

/// Numbers keys in the order they come.
struct Numbers<K> {
    of: HashMap<K, usize>,
}

impl<K: std::hash::Hash + Eq> Numbers<K> {
    fn new() -> Self {
        Numbers { of: HashMap::new() }
    }

    fn of(&mut self, key: K) -> usize {
        let next = self.of.len();
        *self.of.entry(key).or_insert(next)
    }
}

/// Data is grouped later, by its consumers.
const DATA: usize = usize::MAX;

fn by_inputs(
    picture: &Picture,
    labels: &[usize],
    inputs: &[Vec<usize>],
    order: &[usize],
    depth: &[usize],
) -> Vec<usize> {
    let mut numbers = Numbers::new();
    let mut group = vec![DATA; labels.len()];
    for &node in order {
        if picture.nodes[node].kind == Kind::Task {
            let mut from: Vec<usize> = inputs[node].iter().map(|&input| group[input]).filter(|&g| g != DATA).collect();
            from.sort_unstable();
            from.dedup();
            group[node] = numbers.of((labels[node], depth[node], from));
        }
    }
    group
}

fn by_depth(picture: &Picture, labels: &[usize], depth: &[usize]) -> Vec<usize> {
    let mut numbers = Numbers::new();
    (0..labels.len())
        .map(|node| match picture.nodes[node].kind {
            Kind::Task => numbers.of((labels[node], depth[node])),
            Kind::Data => DATA,
        })
        .collect()
}

fn by_function(picture: &Picture, labels: &[usize], links: &[Link], most: usize) -> Vec<usize> {
    let count = labels.iter().max().map_or(0, |&greatest| greatest + 1);
    let mut tasks = vec![0_usize; count];
    for (node, &label) in picture.nodes.iter().zip(labels) {
        tasks[label] += usize::from(node.kind == Kind::Task);
    }
    let mut frequent: Vec<usize> = (0..count).collect();
    frequent.sort_by_key(|&label| (std::cmp::Reverse(tasks[label]), label));
    // One more place holds the functions that are not among the most frequent.
    let mut place = vec![most; count];
    for (rank, &label) in frequent.iter().take(most).enumerate() {
        place[label] = rank;
    }
    let is_task = |node: usize| picture.nodes[node].kind == Kind::Task;

    let mut reach = vec![vec![false; most + 1]; most + 1];
    for &(from, to, _) in links {
        if is_task(from) && is_task(to) {
            reach[place[labels[from]]][place[labels[to]]] = true;
        }
    }
    // Warshall's closure; there are at most some sixty places.
    for middle in 0..=most {
        let row = reach[middle].clone();
        for from in &mut reach {
            if from[middle] {
                from.iter_mut().zip(&row).for_each(|(to, &more)| *to |= more);
            }
        }
    }
    let merged: Vec<usize> = (0..=most).map(|a| (0..a).find(|&b| reach[a][b] && reach[b][a]).unwrap_or(a)).collect();
    (0..labels.len()).map(|node| if is_task(node) { merged[place[labels[node]]] } else { DATA }).collect()
}

/// Groups of nodes, and what goes between them.
struct Groups {
    members: Vec<Vec<usize>>,
    links: Vec<Link>,
    /// Edges within a group.
    within: Vec<u64>,
}

impl Groups {
    fn new(picture: &Picture, links: &[Link], mut group: Vec<usize>) -> Self {
        let mut goes_to: Vec<Vec<usize>> = vec![Vec::new(); group.len()];
        for &(from, to, _) in links {
            if picture.nodes[from].kind == Kind::Data {
                goes_to[from].push(group[to]);
            }
        }
        let first = group.iter().filter(|&&g| g != DATA).max().map_or(0, |&greatest| greatest + 1);
        let mut numbers = Numbers::new();
        for (node, mut goes_to) in goes_to.into_iter().enumerate() {
            if picture.nodes[node].kind == Kind::Data {
                goes_to.sort_unstable();
                goes_to.dedup();
                group[node] = first + numbers.of(goes_to);
            }
        }
        // Numbered anew in the order of their first node, without gaps.
        let mut dense = Numbers::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (node, group) in group.iter_mut().enumerate() {
            *group = dense.of(*group);
            if *group == members.len() {
                members.push(Vec::new());
            }
            members[*group].push(node);
        }
        let mut between: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        let mut within = vec![0; members.len()];
        for &(from, to, count) in links {
            if group[from] == group[to] {
                within[group[from]] += count;
            } else {
                *between.entry((group[from], group[to])).or_insert(0) += count;
            }
        }
        let links = between.into_iter().map(|((from, to), count)| (from, to, count)).collect();
        Groups { members, links, within }
    }

    fn scene(self, picture: &Picture) -> Scene {
        let colors = Colors::new(picture.nodes.iter());
        let boxes = self
            .members
            .iter()
            .zip(&self.within)
            .map(|(members, &within)| {
                let node = &picture.nodes[members[0]];
                let (mut fill, stroke) = colors.of(node);
                if let Some(mixed) = mixed_color(members.iter().map(|&member| picture.nodes[member].color.as_deref())) {
                    fill = mixed;
                }
                if members.len() == 1 {
                    let title = format!("{}\n{}", node.label, node.detail);
                    return Tile { label: node.label.clone(), count: None, title, kind: node.kind, fill, stroke };
                }
                let label = group_label(picture, members);
                let what = if node.kind == Kind::Task { "tasks" } else { "values" };
                let mut title = format!("{label}: {} {what}", grouped(members.len() as u64));
                if within > 0 {
                    title = format!("{title}, with {} edges among them", grouped(within));
                }
                Tile { label, count: Some(members.len() as u64), title, kind: node.kind, fill, stroke }
            })
            .collect();
        let tasks = picture.nodes.iter().filter(|node| node.kind == Kind::Task).count();
        let data = picture.nodes.len() - tasks;
        let groups = grouped(self.members.len() as u64);
        let plural = if self.members.len() == 1 { "group" } else { "groups" };
        let what = match (tasks, data) {
            (0, data) => format!("{} values", grouped(data as u64)),
            (tasks, 0) => format!("{} tasks", grouped(tasks as u64)),
            (tasks, data) => format!("{} tasks and {} values", grouped(tasks as u64), grouped(data as u64)),
        };
        Scene { boxes, links: self.links, caption: Some(format!("{what}, drawn as {groups} {plural}")) }
    }
}

/// The mean of the colours that the members of a group were given, where these are all written as `#rrggbb`.
fn mixed_color<'a>(colors: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let (mut sums, mut count) = ([0_u64; 3], 0_u64);
    for color in colors {
        let hex = color?.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.is_ascii())?;
        for (channel, sum) in sums.iter_mut().enumerate() {
            *sum += u64::from_str_radix(&hex[2 * channel..2 * channel + 2], 16).ok()?;
        }
        count += 1;
    }
    let [r, g, b] = sums.map(|sum| (sum + count / 2).checked_div(count).unwrap_or(0));
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}

/// What the members of a group have in common.
fn group_label(picture: &Picture, members: &[usize]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for &member in members {
        let label = picture.nodes[member].label.as_str();
        if seen.insert(label) {
            labels.push(label);
        }
    }
    match picture.nodes[members[0]].kind {
        _ if labels.len() == 1 => labels[0].to_owned(),
        Kind::Data => "data".to_owned(),
        Kind::Task if labels.len() <= LISTED => labels.join(", "),
        Kind::Task => format!("{} functions", grouped(labels.len() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{data, task};
    use super::*;

    fn scene_of(picture: &Picture) -> Scene {
        let links = picture.links();
        assert!(is_needed(picture, &links));
        scene(picture, &links)
    }

    /// `width` files, each loaded and cleaned, and one total.
    fn map_reduce(width: usize) -> Picture {
        let mut picture = Picture { nodes: vec![task("total")], edges: vec![] };
        for index in 0..width {
            let at = picture.nodes.len();
            picture.nodes.extend([data(&format!("file {index}")), task("load"), task("clean")]);
            picture.edges.extend([(at, at + 1), (at + 1, at + 2), (at + 2, 0)]);
        }
        picture
    }

    #[test]
    fn a_map_reduce_is_four_groups() {
        let scene = scene_of(&map_reduce(5_000));
        let counts: Vec<_> = scene.boxes.iter().map(|tile| (tile.label.as_str(), tile.count)).collect();
        let many = Some(5_000);
        assert_eq!(counts, [("total", None), ("data", many), ("load", many), ("clean", many)]);
        assert_eq!(scene.links, [(1, 2, 5_000), (2, 3, 5_000), (3, 0, 5_000)]);
        assert_eq!(scene.caption.as_deref(), Some("10,001 tasks and 5,000 values, drawn as 4 groups"));
    }

    #[test]
    fn a_group_has_the_mean_of_given_colors() {
        let mix = |colors: &[Option<&str>]| mixed_color(colors.iter().copied());
        assert_eq!(mix(&[Some("#000000"), Some("#ff8004")]).as_deref(), Some("#804002"));
        assert_eq!(mix(&[Some("#123456"), None]), None);
        assert_eq!(mix(&[Some("red")]), None);
        let mut picture = map_reduce(5_000);
        picture.nodes.iter_mut().for_each(|node| node.color = Some("#123456".to_owned()));
        assert!(scene_of(&picture).boxes.iter().all(|tile| tile.fill == "#123456"));
    }

    #[test]
    fn small_pictures_are_drawn_in_full() {
        let picture = map_reduce(333);
        assert!(!is_needed(&picture, &picture.links()));
    }

    #[test]
    fn a_tree_has_a_group_for_each_level() {
        let mut picture = Picture { nodes: vec![task("add"); 4_095], edges: vec![] };
        picture.edges = (1..4_095).map(|node| (node, (node - 1) / 2)).collect();
        let scene = scene_of(&picture);
        assert_eq!(scene.boxes.len(), 12);
        assert_eq!(scene.links.iter().map(|link| link.2).sum::<u64>(), 4_094);
    }

    #[test]
    fn a_chain_of_a_million_is_a_few_boxes() {
        let count = 1_000_000;
        let mut picture = Picture { nodes: vec![task("load")], edges: vec![] };
        for node in 1..count {
            picture.nodes.push(task(if node % 2 == 0 { "step" } else { "check" }));
            picture.edges.push((node - 1, node));
        }
        picture.nodes.push(task("save"));
        picture.edges.push((count - 1, count));
        let scene = scene_of(&picture);
        let labels: Vec<_> = scene.boxes.iter().map(|tile| tile.label.as_str()).collect();
        assert_eq!(labels, ["load", "check, step", "save"]);
        assert!(picture.svg().contains("× 999,999"));
    }

    #[test]
    fn a_tangle_of_unlike_tasks_is_still_bounded() {
        let mut picture = Picture::default();
        let mut state = 1_u64;
        for node in 0..5_000_usize {
            picture.nodes.push(task(&format!("f{}", node % 1_000)));
            for _ in 0..3.min(node) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                picture.edges.push(((state >> 33) as usize % node, node));
            }
        }
        let scene = scene_of(&picture);
        assert!(scene.boxes.len() <= MAX_GROUPS && scene.links.len() <= MAX_GROUP_LINKS);
        assert_eq!(scene.boxes.iter().map(|tile| tile.count.unwrap_or(1)).sum::<u64>(), 5_000);
    }
}
