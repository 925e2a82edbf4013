let mut tallies: Vec<Delayed<Tally>> = (0..16).map(|part| delayed!(tally(part))).collect();

let mut merged = tallies.remove(0);
for next in tallies {
    merged = delayed!(merge(merged, next));
}
