let numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

let mut changed = Vec::new();
for x in numbers {
    // The decision is quick, and the loop needs it now; the work behind it can wait.
    if is_even(x) {
        changed.push(delayed!(double(x)));
    } else {
        changed.push(delayed!(inc(x)));
    }
}
let mixed_total = delayed!(sum(&changed));
