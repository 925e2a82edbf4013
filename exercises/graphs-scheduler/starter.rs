/// The steps that can run now.
fn ready(plan: &Plan, done: &Results) -> Vec<&'static str> {
    plan.keys().copied().filter(|name| !done.contains_key(name)).collect()
}
