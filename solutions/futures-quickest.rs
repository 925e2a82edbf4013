fn quickest(client: &Client, ask: fn(usize) -> Result<String, String>, mirrors: usize) -> Option<String> {
    let futures: Vec<Future<String>> = (0..mirrors).map(|mirror| client.try_submit(ask, (mirror,))).collect();
    // When the function returns, the futures of the others are dropped, and that cancels them.
    as_completed(futures).find_map(|future| future.result().ok())
}
