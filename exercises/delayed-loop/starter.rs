let data = [1, 2, 3, 4, 5, 6, 7, 8];

let mut results = Vec::new();
for x in data {
    results.push(inc(x));
}
let total = sum(&results);
