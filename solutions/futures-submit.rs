fn start(client: &Client) -> Future<i64> {
    let x = client.submit(inc, (1,));
    let y = client.submit(double, (2,));
    client.submit(add, (&x, &y))
}
