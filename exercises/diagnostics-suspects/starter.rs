/// The function that took the most time in all, and the function of the task that took the most time by itself.
fn suspects(profile: &Profile) -> (String, String) {
    let first = &profile.tasks[0];
    let name = profile.name_of(first).to_owned();
    (name.clone(), name)
}
