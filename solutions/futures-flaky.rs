fn fetch_all(client: &Client, numbers: Range<usize>) -> (Vec<Page>, Vec<usize>) {
    let ask = |number| client.options().retries(5).try_submit(fetch, (number,));
    let futures: Vec<Future<Page>> = numbers.clone().map(ask).collect();

    let mut pages = Vec::new();
    let mut missing = Vec::new();
    for (number, future) in numbers.zip(futures) {
        match future.result() {
            Ok(page) => pages.push(page),
            Err(_) => missing.push(number),
        }
    }
    (pages, missing)
}
