fn mean_delays(client: &Client) -> Future<PerAirport> {
    let mut sums = Vec::new();
    let mut counts = Vec::new();
    for path in flights_files() {
        let flights = client.submit(read_flights, (path,));
        sums.push(client.submit(sum_delays, (&flights,)));
        counts.push(client.submit(count_delays, (&flights,)));
    }
    let all_sums = client.submit(add_up, (&sums,));
    let all_counts = client.submit(add_up, (&counts,));
    client.submit(divide, (&all_sums, &all_counts))
}
