let numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

let mut changed = Vec::new();
for x in numbers {
    if is_even(x) {
        changed.push(double(x));
    } else {
        changed.push(inc(x));
    }
}
let mixed_total = sum(&changed);
