let mut sums = Vec::new();
let mut counts = Vec::new();
for block in 0..block_count {
    let numbers = read_block(&numbers_path, block)?;
    sums.push(sum(&numbers));
    counts.push(count(&numbers));
}
// By now every block has been read: this only wraps a finished answer.
let blocked_mean = delayed_value(sum(&sums) / sum(&counts));
