fn mean_delays(client: &Client) -> Future<PerAirport> {
    let mut sums = Vec::new();
    let mut counts = Vec::new();
    for path in flights_files() {
        let flights = read_flights(path);
        sums.push(sum_delays(flights.clone()));
        counts.push(count_delays(flights));
    }
    // By now everything has run: the future is finished from the beginning.
    client.scatter(divide(add_up(sums), add_up(counts)))
}
