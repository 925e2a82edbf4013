fn fetch_all(client: &Client, numbers: Range<usize>) -> (Vec<Page>, Vec<usize>) {
    let mut pages = Vec::new();
    let mut missing = Vec::new();
    for number in numbers {
        match client.try_submit(fetch, (number,)).result() {
            Ok(page) => pages.push(page),
            Err(_) => missing.push(number),
        }
    }
    (pages, missing)
}
