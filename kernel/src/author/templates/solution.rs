fn square(x: i64) -> i64 {
    x * x
}

let mut squares = Vec::new();
for x in 1..=10 {
    squares.push(delayed!(square(x)));
}
let answer: Delayed<i64> = squares.into_iter().sum();
