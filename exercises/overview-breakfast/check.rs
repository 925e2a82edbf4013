/// For each task of a graph, the tasks that it needs.
fn breakfast_needs(graph: &taskloom::graph::Graph) -> Vec<Vec<usize>> {
    let ids: Vec<_> = graph.ids().filter(|&id| graph.task(id).is_some()).collect();
    let place = |wanted| ids.iter().position(|&id| id == wanted);
    ids.iter().map(|&id| graph.inputs(id).iter().filter_map(|&input| place(input)).collect()).collect()
}

/// The fewest minutes for all tasks of a minute each: whoever has the longest way to the end comes first.
fn breakfast_minutes(needs: &[Vec<usize>], cooks: usize) -> usize {
    fn way(task: usize, needs: &[Vec<usize>]) -> usize {
        let after = (0..needs.len()).filter(|&other| needs[other].contains(&task));
        1 + after.map(|other| way(other, needs)).max().unwrap_or(0)
    }
    let mut done = vec![false; needs.len()];
    let mut minutes = 0;
    while done.iter().any(|done| !done) {
        let mut ready: Vec<usize> =
            (0..needs.len()).filter(|&task| !done[task] && needs[task].iter().all(|&input| done[input])).collect();
        ready.sort_by_key(|&task| ::std::cmp::Reverse(way(task, needs)));
        for &task in ready.iter().take(cooks) {
            done[task] = true;
        }
        minutes += 1;
    }
    minutes
}

check!("The number of tasks", 1, {
    let (needs, got) = (breakfast_needs(&breakfast.graph()), tasks as f64);
    let arrows: usize = needs.iter().map(Vec::len).sum();
    let advice = match got {
        0.0 => "`tasks` is still 0. Count the boxes of the drawing, run the exercise's cell, and check again.".to_owned(),
        _ if got == arrows as f64 => format!("`tasks` is {got}, and that is the number of arrows; the tasks are the boxes."),
        _ => format!("`tasks` is {got}. Every box is a task, the first ones and the last one, too."),
    };
    ensure!(got == needs.len() as f64, "{advice}");
});

check!("Those that can begin at once", 1, {
    let (needs, got) = (breakfast_needs(&breakfast.graph()), at_once as f64);
    let first = needs.iter().filter(|needs| needs.is_empty()).count();
    let advice = match got {
        0.0 => "`at_once` is still 0. Which boxes have no arrow that leads to them?".to_owned(),
        _ if got == needs.len() as f64 => "Not all tasks can begin at once: `serve`, for one, needs what others make.".to_owned(),
        2.0 => "`at_once` is 2. With two cooks, yes; here there are as many cooks as you like. Toast needs nothing but bread.".to_owned(),
        _ => format!("`at_once` is {got}. Count the boxes to which no arrow leads."),
    };
    ensure!(got == first as f64, "{advice}");
});

check!("The minutes of a single cook", 1, {
    let (needs, got) = (breakfast_needs(&breakfast.graph()), one_cook as f64);
    let right = breakfast_minutes(&needs, 1);
    let advice = match got {
        0.0 => "`one_cook` is still 0. A single cook does one task after the other, a minute each.".to_owned(),
        _ if got == breakfast_minutes(&needs, needs.len()) as f64 => {
            format!("`one_cook` is {got}. That is the longest way through the graph; but a single cook has to walk all ways.")
        }
        _ if got > 10.0 => format!("`one_cook` is {got}. Count in minutes: each task takes one."),
        _ => format!("`one_cook` is {got}. A single cook does one task after the other, a minute each, and leaves none out."),
    };
    ensure!(got == right as f64, "{advice}");
});

check!("The minutes of two cooks", 1, {
    let (needs, got) = (breakfast_needs(&breakfast.graph()), two_cooks as f64);
    let right = breakfast_minutes(&needs, 2);
    let advice = match got {
        0.0 => "`two_cooks` is still 0. Write down who does what in minute 1, 2, 3 …".to_owned(),
        _ if got == needs.len() as f64 / 2.0 || got < right as f64 => format!(
            "`two_cooks` is {got}, and that is too good: water, coffee and serving have to follow one another, so there is \
             no way below {right} minutes, however many cooks there are."
        ),
        _ if got > 10.0 => format!("`two_cooks` is {got}. Count in minutes: each task takes one."),
        _ => format!(
            "`two_cooks` is {got}. It goes quicker: what can the second cook do in the minute in which the coffee is brewed?"
        ),
    };
    ensure!(got == right as f64, "{advice}");
});
