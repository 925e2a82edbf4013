/// The functions of the tasks that `mean_sale` needs in a graph.
fn trial_tasks(
    trial: &taskloom::graph::TaskGraph,
    end: String,
) -> std::result::Result<Vec<String>, taskloom::BoxError> {
    let graph = trial.graph([end])?;
    Ok(graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect())
}

check!("The report is right for the three orders", 1, {
    let problem = match trial.get::<f64>(mean_sale.key()) {
        Ok(got) if (got - 15.0).abs() < 1e-9 => String::new(),
        Ok(got) => format!(
            "The orders 10, −5 and 20 were expected to give 15, the mean of those that are not cancelled, and {got} \
             came. Are all three there, with their signs? `without_cancelled` takes out the negative one."
        ),
        Err(error) if error.to_string().contains("no route to the archive") => format!(
            "The archive was still asked: {error}. Something else has to stand behind the key of `orders`: `replace` \
             it with an `Entry::value`."
        ),
        Err(error) => error.to_string(),
    };
    ensure!(problem.is_empty(), "{problem}");
});

check!("Everything behind the file still runs", 1, {
    let tasks = trial_tasks(&trial, mean_sale.key())?;
    for function in ["without_cancelled", "mean"] {
        ensure!(
            tasks.iter().any(|task| task == function),
            "`{function}` is not among the tasks of the trial, which are {tasks:?}, so the trial does not test it. \
             Begin with `mean_sale.to_graph()` and replace `orders`, which comes first, and nothing after it."
        );
    }
    ensure!(
        !tasks.iter().any(|task| task == "read_archive"),
        "`read_archive` is still among the tasks of the trial. Replace what stands behind `orders.key()`."
    );
});

check!("The pipeline works with other orders, too", 1, {
    let mut other = trial.clone();
    ensure!(
        other.contains(&orders.key()),
        "The trial has no key `{}`, which is that of `orders`. Keep the key, and put a value behind it.",
        orders.key()
    );
    other.replace(orders.key(), taskloom::graph::Entry::value(vec![1.0_f64, 2.0, -7.0, 6.0]));
    let got = other.get::<f64>(mean_sale.key())?;
    ensure!(
        (got - 3.0).abs() < 1e-9,
        "With the orders 1, 2, −7 and 6 in the same place the report should be 3, and {got} came. The tasks of \
         `mean_sale` should stay in the graph and lead from `orders` to the report."
    );
});
