/// The function that took the most time in all, and the function of the task that took the most time by itself.
fn suspects(profile: &Profile) -> (String, String) {
    let function = profile.summary()[0].name.to_string();
    let task = profile.tasks.iter().max_by_key(|task| task.length()).expect("a task has run");
    (function, profile.name_of(task).to_owned())
}
