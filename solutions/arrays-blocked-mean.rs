let mut sums = Vec::new();
let mut counts = Vec::new();
for block in 0..block_count {
    // One task reads the block, and two look at it before it is let go.
    let numbers = delayed!(read_block(&numbers_path, block));
    sums.push(delayed!(sum(&numbers)));
    counts.push(delayed!(count(&numbers)));
}
let blocked_mean = delayed!(sum(&sums)) / delayed!(sum(&counts));
