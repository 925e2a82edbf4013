fn start(client: &Client) -> Future<i64> {
    let x = inc(1);
    let y = double(2);
    let total = add(x, y);
    client.scatter(total) // a future that is finished from the beginning
}
