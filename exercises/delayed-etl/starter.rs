let mut sums = Vec::new();
let mut counts = Vec::new();
for path in flights_files() {
    let flights = read_flights(&path)?;
    sums.push(sum_delays(&flights)?);
    counts.push(count_delays(&flights)?);
}
let all_sums = add_up(&sums);
let all_counts = add_up(&counts);
// By now everything has run: this only wraps a finished answer.
let mean_delay = delayed_value(divide(&all_sums, &all_counts));
