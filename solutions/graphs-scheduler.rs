/// The steps that can run now: they have no result yet, and all that they need has one.
fn ready(plan: &Plan, done: &Results) -> Vec<&'static str> {
    let is_ready = |name: &&'static str| {
        !done.contains_key(name) && plan[name].needs.iter().all(|needed| done.contains_key(needed))
    };
    plan.keys().copied().filter(is_ready).collect()
}
