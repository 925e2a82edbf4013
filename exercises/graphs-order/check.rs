/// Whatever a learner may have put into `order`, as names.
trait OrderNames {
    fn names(&self) -> Vec<String>;
}

impl<S: std::fmt::Display> OrderNames for Vec<S> {
    fn names(&self) -> Vec<String> {
        self.iter().map(|name| name.to_string()).collect()
    }
}

impl<S: std::fmt::Display, const N: usize> OrderNames for [S; N] {
    fn names(&self) -> Vec<String> {
        self.iter().map(|name| name.to_string()).collect()
    }
}

/// What a task of the week needs.
fn order_needs(name: &str) -> Vec<String> {
    match name.split_once('-') {
        Some(("change", day)) => {
            let day: usize = day.parse().unwrap_or(0);
            vec![format!("map-{day}"), format!("map-{}", day + 1)]
        }
        None => (0..5).map(|day| format!("change-{day}")).collect(),
        _ => Vec::new(),
    }
}

/// All tasks of the week.
fn order_tasks() -> Vec<String> {
    let maps = (0..6).map(|day| format!("map-{day}"));
    maps.chain((0..5).map(|day| format!("change-{day}"))).chain(["largest".to_owned()]).collect()
}

/// What is wrong with an order; empty when it could be run.
fn order_problem(order: &[String]) -> String {
    let tasks = order_tasks();
    for (place, name) in order.iter().enumerate() {
        if !tasks.contains(name) {
            return format!("There is no task `{name}`; the tasks are {}.", tasks.join(", "));
        }
        if order[..place].contains(name) {
            return format!("`{name}` comes twice; its result would be worked out twice.");
        }
        if let Some(missing) = order_needs(name).iter().find(|needed| !order[..place].contains(needed)) {
            return format!("`{name}` cannot run before `{missing}`, which it needs; `{missing}` comes after it or \
                 not at all.");
        }
    }
    match tasks.iter().find(|task| !order.contains(task)) {
        Some(left_out) => format!("`{left_out}` is not in the order."),
        None => String::new(),
    }
}

/// The most maps that are held at once, and after which task that is.
fn order_most(order: &[String]) -> (usize, String) {
    let mut most = (0, String::new());
    for place in 0..order.len() {
        let is_needed = |name: &String| order[place..].iter().any(|later| order_needs(later).contains(name));
        // While a task runs, what it needs is there as well as what it makes.
        let held = order[..=place].iter().filter(|&name| {
            name.starts_with("map") && (*name == order[place] || is_needed(name))
        });
        let held = held.count();
        if held > most.0 {
            most = (held, order[place].clone());
        }
    }
    most
}

check!("Each task runs once, after all that it needs", 1, {
    let problem = order_problem(&order.names());
    ensure!(problem.is_empty(), "{problem}");
});

check!("Fewer than six maps are held at once", 1, {
    let order = order.names();
    ensure!(order_problem(&order).is_empty(), "This can be counted as soon as the order can be run: see the check \
         above.");
    let (most, at) = order_most(&order);
    ensure!(
        most < 6,
        "All 6 maps are there when `{at}` has run. A change needs two of them, so it can come long before the last map."
    );
});

check!("Two maps are enough", 1, {
    let order = order.names();
    ensure!(order_problem(&order).is_empty(), "This can be counted as soon as the order can be run: see the first \
         check.");
    let (most, at) = order_most(&order);
    ensure!(
        most <= 2,
        "{most} maps are held when `{at}` runs, and 2 are enough. Before you take a new map, ask which change could \
         run first and let an old one go."
    );
});
