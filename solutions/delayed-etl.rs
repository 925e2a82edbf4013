let mut sums = Vec::new();
let mut counts = Vec::new();
for path in flights_files() {
    // One task reads the month; two tasks share what it read.
    let flights = delayed!(read_flights(&path));
    sums.push(delayed!(sum_delays(&flights)));
    counts.push(delayed!(count_delays(&flights)));
}
let all_sums = delayed!(add_up(&sums));
let all_counts = delayed!(add_up(&counts));
let mean_delay = delayed!(divide(&all_sums, &all_counts));
