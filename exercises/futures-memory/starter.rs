fn mean_of_all(client: &Client) -> taskloom::Result<f64> {
    let parts = client.map(load_part, 0..24);
    let means = client.map(mean, &parts);
    let means = client.gather(&means)?;
    Ok(mean(means))
}
