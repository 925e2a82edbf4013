/// Two chains that meet, and a step that needs one result twice.
fn ready_plan() -> Plan {
    Plan::from([
        ("apples", step(&[], |_| 3)),
        ("pears", step(&[], |_| 4)),
        ("cut", step(&["apples"], |x| 8 * x[0])),
        ("squared", step(&["pears", "pears"], |x| x[0] * x[1])),
        ("bowl", step(&["cut", "pears", "squared"], |x| x[0] + x[1] + x[2])),
    ])
}

/// What is ready when these are done, in alphabetical order; once each, unless it was given more often.
fn ready_given(ready: impl Fn(&Plan, &Results) -> Vec<&'static str>, done: &[&'static str]) -> Vec<&'static str> {
    let done: Results = done.iter().map(|&name| (name, 1)).collect();
    let mut names = ready(&ready_plan(), &done);
    names.sort();
    names
}

check!("In the beginning, steps that need nothing are ready", 1, {
    let got = ready_given(ready, &[]);
    ensure_eq!(
        got,
        ["apples", "pears"],
        "A plan has the steps apples and pears, which need nothing, and cut, squared and bowl, which need others. \
         Nothing is done yet."
    );
});

check!("A step waits until all that it needs is there", 1, {
    let got = ready_given(ready, &["apples"]);
    let advice = if got.contains(&"squared") || got.contains(&"bowl") {
        "squared and bowl need pears too, which are not done: `all` of what a step needs has to be there, one is not \
         enough"
    } else if !got.contains(&"cut") {
        "cut needs apples and nothing else, so it is ready now"
    } else {
        "pears need nothing, so they are still ready"
    };
    ensure!(
        got.contains(&"cut") && !got.contains(&"bowl") && !got.contains(&"squared") && got.contains(&"pears"),
        "When apples are done, cut and pears are ready, and this came: {got:?}. {advice}."
    );
    let got = ready_given(ready, &["apples", "cut"]);
    ensure!(
        !got.contains(&"bowl"),
        "When apples and cut are done, bowl still waits for pears and squared, and this came: {got:?}. `all` of what a \
         step needs has to be there; one is not enough."
    );
});

check!("What has a result is not run again", 1, {
    let got = ready_given(ready, &["apples", "pears", "cut"]);
    let again: Vec<_> = got.iter().filter(|name| ["apples", "pears", "cut"].contains(name)).collect();
    ensure!(again.is_empty(), "{again:?} had a result already, and would run once more.");
    ensure_eq!(got, ["squared"], "When apples, pears and cut are done, squared is ready; bowl still waits for it.");
    let done = ready_given(ready, &["apples", "pears", "cut", "squared", "bowl"]);
    ensure!(done.is_empty(), "When all is done nothing is ready, and this came: {done:?}.");
});

check!("A whole plan runs", 1, {
    let (plan, mut done, mut rounds) = (ready_plan(), Results::new(), 0);
    while done.len() < plan.len() {
        let now = ready(&plan, &done);
        ensure!(
            !now.is_empty(),
            "After {rounds} rounds nothing was ready, though {} of 5 steps had no result. Nobody would ever run them.",
            plan.len() - done.len()
        );
        for name in now {
            let missing = plan[name].needs.iter().find(|needed| !done.contains_key(*needed));
            ensure!(missing.is_none(), "{name} began before {} was there.", missing.unwrap_or(&""));
            let inputs: Vec<i64> = plan[name].needs.iter().map(|needed| done[needed]).collect();
            done.insert(name, (plan[name].call)(&inputs));
        }
        rounds += 1;
        ensure!(rounds <= 5, "After 5 rounds the plan was not done, though each round should finish a step at least.");
    }
    ensure_eq!(done["bowl"], 44, "The plan ended with a wrong result.");
});
