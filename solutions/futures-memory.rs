fn mean_of_all(client: &Client) -> taskloom::Result<f64> {
    let mut means = Vec::new();
    for number in 0..24 {
        let part = client.submit(load_part, (number,));
        means.push(client.submit(mean, (part,)));
    }
    let means = client.gather(&means)?;
    Ok(mean(means))
}
