/// As many pixels, of values whose sum is exact in any order.
fn crumbs_pixels(count: usize) -> Vec<f64> {
    (0..count).map(|place| ((place * 7919) % 251) as f64).collect()
}

check!("The light is right", 1, {
    // A number that nothing divides: the last part is smaller than the others.
    for count in [400_000, 400_009] {
        let pixels = crumbs_pixels(count);
        let expected: f64 = pixels.iter().sum();
        let got = total_light(&pixels).compute()?;
        ensure!(
            got == expected,
            "Of {count} pixels the light is {expected}, and {got} came. {}",
            if count == 400_009 {
                "With 400000 it was right. Is the last part left out, where the pixels do not come out even?"
            } else {
                "Every pixel should be in one of the parts, and in one only."
            }
        );
    }
});

check!("There are no crumbs", 2, {
    let count = total_light(&crumbs_pixels(400_000)).len();
    ensure!(
        count <= 200,
        "The graph has {count} tasks for 400000 pixels, and 200 are plenty: with more, a task is over before it was \
         worth arranging. Give each task more pixels."
    );
});

check!("Nor is there a single lump", 1, {
    let pixels = crumbs_pixels(400_000);
    let (result, profile) = taskloom::diagnostics::profile(|| total_light(&pixels).compute());
    result?;
    let graph = total_light(&pixels).graph();
    // Those that need no other task could begin at once.
    let beginnings = graph.ids().filter(|&id| {
        graph.task(id).is_some() && graph.inputs(id).iter().all(|&input| graph.task(input).is_none())
    });
    let beginnings = beginnings.count();
    ensure!(
        beginnings >= 4 && profile.tasks.len() >= 4,
        "{beginnings} task{} can begin at the start, so a machine with four cores has idle ones. Cut the pixels into four \
         parts at least.",
        if beginnings == 1 { "" } else { "s" }
    );
});
